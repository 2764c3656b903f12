"""A TalkByte/1 client as a program: sends lines until `stop` or the end of input, and prints the replies.

    python3 talkbyte_client.py --host H --port P --username U --fingerprint HEX

The password comes from TALKBYTE_PASSWORD, or from the terminal before anything else happens. Replies are printed as
they are, one a line; on a terminal what could control it is escaped.
"""

import argparse
import asyncio
import getpass
import os
import re
import ssl
import sys
import threading

from opaque_string import Refused
from talkbyte_client_session import Client, LoginRefused, SessionFailed
from talkbyte_wire import MESSAGE_OVERHEAD_BYTES, escape

# Messages whose replies are still due: more would wait in the transport anyway, and take memory here.
UNDER_WAY_AT_MOST = 256
LINES_AHEAD = 16


class Lines:
    """Lines of standard input, read a few ahead by a thread of their own: a read can't be called off."""

    def __init__(self, longest):
        self.longest = longest
        self.loop, self.queue = asyncio.get_running_loop(), asyncio.Queue()
        self.wanted = threading.Semaphore(LINES_AHEAD)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        # Not sys.stdin: Python closes that at exit, and dies of it while this thread is reading.
        lines = open(0, "rb", closefd=False)
        line = None
        while line != b"":
            self.wanted.acquire()
            line = lines.readline(self.longest + 2)
            self.loop.call_soon_threadsafe(self.queue.put_nowait, line)

    async def next(self, over):
        """A line without its LF, or None at the end of input or once `over` is done."""
        if self.queue.empty():
            waiting = asyncio.ensure_future(self.queue.get())
            await asyncio.wait([waiting, over], return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                waiting.cancel()
                return None
            line = waiting.result()
        else:
            line = self.queue.get_nowait()
        self.wanted.release()
        return line.removesuffix(b"\n") if line else None


async def send_lines(client, replies):
    longest = client.limit - MESSAGE_OVERHEAD_BYTES
    lines = Lines(longest)
    over = asyncio.ensure_future(client.over.wait())
    while (line := await lines.next(over)) not in (None, b"stop"):
        if len(line) > longest:
            raise ValueError(f"a line is longer than {longest} bytes")
        await client.drained()
        if client.going_away:
            print("the server is going away: this line was not sent", file=sys.stderr)
            break
        await replies.put(client.post(line))
    over.cancel()


async def print_replies(replies):
    terminal = sys.stdout.isatty()
    while (reply := await replies.get()) is not None:
        if not reply.done():
            sys.stdout.buffer.flush()
        payload = await reply
        if terminal:
            payload = escape(payload.decode("utf-8", "backslashreplace")).encode()
        sys.stdout.buffer.write(payload + b"\n")
        if replies.empty():
            sys.stdout.buffer.flush()


async def run(arguments, password):
    client = Client(
        arguments.host, arguments.port, plaintext=arguments.plaintext, fingerprint=arguments.fingerprint, ca=arguments.ca,
        answer_ms=arguments.answer_ms,
    )
    await client.login(arguments.username, password)
    replies = asyncio.Queue(UNDER_WAY_AT_MOST)
    printer = asyncio.ensure_future(print_replies(replies))
    try:
        sender = asyncio.ensure_future(send_lines(client, replies))
        await asyncio.wait([sender, printer], return_when=asyncio.FIRST_COMPLETED)
        if sender.done():
            fault = sender.exception()
            await replies.put(None)
            await printer
        else:
            sender.cancel()
            fault = printer.exception()
        count = await client.stop()
    finally:
        printer.cancel()
    if fault:
        raise fault
    print(f"stopped: {count} messages answered", file=sys.stderr)


def fingerprint(text):
    if not re.fullmatch("[0-9a-f]{64}", text):
        raise argparse.ArgumentTypeError("64 lower-case hexadecimal digits")
    return text


def main():
    parser = argparse.ArgumentParser(description="Sends each line to a TalkByte server, and prints the replies.")
    parser.add_argument("--host", default="localhost")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--username", required=True)
    trust = parser.add_mutually_exclusive_group()
    trust.add_argument("--fingerprint", type=fingerprint, help="SHA-256 of the server's key, and trust no other")
    trust.add_argument("--ca", help="PEM file of authorities, instead of the system's")
    trust.add_argument("--plaintext", action="store_true", help="no TLS; to this machine alone")
    parser.add_argument("--answer-ms", type=int, default=30_000, help="longest wait for an answer that is due")
    arguments = parser.parse_args()
    password = os.environ.pop("TALKBYTE_PASSWORD", None) or getpass.getpass("Password: ")
    try:
        asyncio.run(run(arguments, password))
    except (SessionFailed, LoginRefused, Refused, ValueError, OSError, ssl.SSLError, asyncio.TimeoutError) as error:
        # Text from the peer has been escaped where it came in.
        sys.exit(f"talkbyte_client: {error or type(error).__name__}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
