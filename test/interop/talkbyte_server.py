"""A TalkByte/1 server that echoes, in Python's standard library alone, written from spec/talkbyte.md.

    python3 talkbyte_server.py --users users.json --cert cert.pem --key key.pem
    python3 talkbyte_server.py --users users.json --plaintext --port 8080

This file listens, counts connections and stops in order (section 9.3); a session itself is in talkbyte_server_session.py.
"""

import argparse
import asyncio
import signal
import socket
import sys

from credentials import Store, Verifier
from talkbyte_server_session import Session
from talkbyte_stream import server_context
from talkbyte_wire import MAX_FRAME_BYTES


def echo(_username, payload):
    return payload


class Server:
    def __init__(self, settings, store, context, application=echo):
        self.settings, self.context, self.application = settings, context, application
        self.verifier = Verifier(store, settings.verify_workers)
        self.sessions = set()
        self.listener = None
        self.accepting = False
        self.finished = asyncio.Event()

    def listen(self):
        family, _, _, _, address = socket.getaddrinfo(
            self.settings.host, self.settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        self.listener = socket.create_server(address[:2], family=family, backlog=512)
        self.listener.setblocking(False)
        self.accept_more()
        return self.listener.getsockname()

    def accept_more(self):
        """Leaves the listener alone while there are as many connections as we take: they wait in its backlog."""
        wanted = self.listener is not None and len(self.sessions) < self.settings.max_connections
        loop = asyncio.get_running_loop()
        if wanted and not self.accepting:
            loop.add_reader(self.listener, self.accept)
        elif self.accepting and not wanted:
            loop.remove_reader(self.listener)
        self.accepting = wanted

    def accept(self):
        try:
            sock, address = self.listener.accept()
        except (BlockingIOError, ConnectionError):
            return
        except OSError as error:
            # Out of descriptors, most likely: trying again at once would spin.
            print(f"accept: {error}", file=sys.stderr, flush=True)
            loop = asyncio.get_running_loop()
            loop.remove_reader(self.listener)
            self.accepting = False
            loop.call_later(1, lambda: self.listener and self.accept_more())
            return
        self.sessions.add(Session(self, sock, address))
        self.accept_more()

    def forget(self, session, reason):
        self.sessions.discard(session)
        self.log(session, f"gone: {reason}" if reason else "gone")
        if self.listener:
            self.accept_more()
        elif not self.sessions:
            self.finished.set()

    def stop(self):
        """The first time lets sessions finish, the second time does not."""
        if self.listener:
            asyncio.get_running_loop().remove_reader(self.listener)
            self.listener.close()
            self.listener, self.accepting = None, False
            for session in list(self.sessions):
                session.shut_down()
        else:
            for session in list(self.sessions):
                session.vanish("stopped")
        if not self.sessions:
            self.finished.set()

    def log(self, session, text):
        if self.settings.verbose:
            print(f"{session.address[0]}:{session.address[1]} {text}", file=sys.stderr, flush=True)


async def serve(settings):
    context = None if settings.plaintext else server_context(settings.cert, settings.key)
    server = Server(settings, Store.load(settings.users), context)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    host, port = server.listen()[:2]
    print(f"listening on {host} port {port}, {'plaintext' if settings.plaintext else 'TLS'}", file=sys.stderr, flush=True)
    await server.finished.wait()
    server.verifier.close()


def whole(lowest, highest):
    def parse(text):
        value = int(text)
        if not lowest <= value <= highest:
            raise argparse.ArgumentTypeError(f"{lowest} to {highest}")
        return value
    return parse


def settings_of(arguments):
    parser = argparse.ArgumentParser(description="A TalkByte/1 echo server.")
    parser.add_argument("--host", default="localhost")
    parser.add_argument("--port", type=whole(0, 65535), default=8080)
    parser.add_argument("--users", required=True, help="made by credentials.py")
    parser.add_argument("--cert", help="PEM certificate chain")
    parser.add_argument("--key", help="PEM private key")
    parser.add_argument("--plaintext", action="store_true")
    milliseconds = whole(1, (1 << 32) - 1)
    for name, default in {"tls": 10_000, "login": 30_000, "frame": 30_000, "idle": 300_000, "write-stall": 30_000, "drain": 10_000}.items():
        parser.add_argument(f"--{name}-ms", type=milliseconds, default=default)
    parser.add_argument("--max-frame-bytes", type=whole(*MAX_FRAME_BYTES), default=1_048_581)
    parser.add_argument("--max-under-way", type=whole(1, 65535), default=256)
    parser.add_argument("--max-connections", type=whole(1, 1_000_000), default=1000)
    parser.add_argument("--verify-workers", type=whole(1, 64), default=1)
    parser.add_argument("--tries", type=whole(1, 255), default=3)
    parser.add_argument("--no-extensions", dest="extensions", action="store_false", help="send no extension frames")
    parser.add_argument("--verbose", action="store_true")
    settings = parser.parse_args(arguments)
    if settings.plaintext == bool(settings.cert and settings.key):
        parser.error("either --cert and --key, or --plaintext")
    return settings


if __name__ == "__main__":
    asyncio.run(serve(settings_of(sys.argv[1:])))
