"""A TalkByte/1 server in six steps, each a class on top of the one before: what spec/implementing.md builds.

Python 3.11, standard library alone, plaintext alone; a thread for each connection and blocking sockets. STAGE=1 to 6 in
the environment says how many of the steps it takes; port, limits and deadlines come from there too, as the suite
sets them (spec/conformance.md, section 2). What it lacks is in README.md.
"""

import hashlib
import hmac
import json
import os
import random
import select
import signal
import socket
import threading
from time import monotonic

HERE = os.path.dirname(os.path.abspath(__file__))
ERROR = {"malformed": 1, "frame-too-large": 2, "unknown-type": 3, "unexpected-frame": 4,
         "unsupported-version": 6, "timeout": 8, "shutdown": 9, "internal": 10}
NAMES = {0x01: "hello", 0x02: "welcome", 0x03: "auth", 0x04: "challenge", 0x05: "response", 0x06: "authenticated",
         0x07: "refused", 0x10: "message", 0x11: "reply", 0x12: "ping", 0x13: "pong", 0x20: "stop", 0x21: "stopped",
         0x22: "goaway", 0x23: "error"}
TYPES = {name: number for number, name in NAMES.items()}
MECHANISM = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"
USERNAME = bytes(range(0x21, 0x7F))


def setting(name, default):
    return int(os.environ.get(f"TALKBYTE_{name}", default))


class Refusal(Exception):
    """The peer broke the protocol, or this side can't go on: the code of an ERROR."""


class Ended(Exception):
    """The peer's stream has ended."""


class Body:
    """A frame's body, taken field by field."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        part = self.data[self.at:self.at + count]
        if len(part) < count:
            raise Refusal("malformed")
        self.at += count
        return part

    def number(self, width, low=0):
        value = int.from_bytes(self.take(width))
        if value < low:
            raise Refusal("malformed")
        return value

    def text(self, low=0, allowed=None, high=255):
        raw = self.take(self.number(1))
        if not low <= len(raw) <= high or allowed and not set(raw) <= set(allowed):
            raise Refusal("malformed")
        return utf8(raw)

    def rest(self):
        return self.take(len(self.data) - self.at)

    def end(self):
        if self.at < len(self.data):
            raise Refusal("malformed")


def utf8(raw):
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise Refusal("malformed") from None


def hello(body):
    if body.take(8) != b"TalkByte":
        raise Refusal("malformed")
    return body.number(1, low=1), body.number(1, low=1), body.text()


def auth(body):
    return body.text(1, MECHANISM, 32), body.text(1, USERNAME, 64), body.take(body.number(2))


LAYOUTS = {
    "hello": hello,
    "auth": auth,
    "message": lambda body: (body.take(4), body.rest()),
    "ping": lambda body: (body.take(8),),
    "pong": lambda body: (body.take(8),),
    "stop": lambda body: (),
}


class Framing:
    """Step 1: frames, the order of judgement, HELLO and WELCOME, and an ERROR that arrives."""

    def __init__(self, sock):
        self.sock, self.arrived = sock, bytearray()
        self.state, self.limit = "awaiting-hello", 4096
        self.max_frame_bytes = setting("MAX_FRAME_BYTES", 65536)

    def run(self):
        try:
            while self.state != "closing":
                self.step()
        except Ended:
            pass
        except Refusal as refusal:
            self.send("error", bytes([ERROR[str(refusal)], 1, 1, 0]))
        self.close()

    def step(self):
        length = int.from_bytes(self.take(4))
        if length == 0:
            raise Refusal("malformed")
        if length > self.limit:
            raise Refusal("frame-too-large")
        self.frame(self.take(1)[0], length - 1)

    def frame(self, number, size):
        if number not in NAMES:
            raise Refusal("unknown-type")
        name = NAMES[number]
        if name not in self.legal():
            raise Refusal("unexpected-frame")
        body = Body(self.take(size))
        fields = LAYOUTS[name](body)
        body.end()
        getattr(self, f"on_{name}")(*fields)

    def legal(self):
        return {"awaiting-hello": {"hello"}, "awaiting-auth": {"auth"}}[self.state]

    def on_hello(self, low, high, agent):
        if low > high:
            raise Refusal("malformed")
        if low > 1:
            raise Refusal("unsupported-version")
        limits = number(self.max_frame_bytes, 4) + number(setting("MAX_UNDER_WAY", 16), 2)
        idle = number(setting("IDLE_MS", 300_000), 4)
        self.send("welcome", b"\1" + b"\7weekend" + limits + idle + b"\1" + b"\10PASSWORD" + b"\0\0")
        self.state = "awaiting-auth"

    def on_auth(self, mechanism, username, data):
        raise Refusal("internal")

    def take(self, count):
        self.fill(count)
        taken = bytes(self.arrived[:count])
        del self.arrived[:count]
        return taken

    def fill(self, count):
        while len(self.arrived) < count:
            chunk = self.receive()
            if not chunk:
                raise Ended
            self.arrived += chunk

    def receive(self):
        return self.sock.recv(65536)

    def send(self, name, body):
        self.write(number(len(body) + 1, 4) + bytes([TYPES[name]]) + body)

    def write(self, data):
        self.sock.sendall(data)

    def close(self):
        """End of stream, then discard: closing a socket that holds unread input resets it, and the last frame is lost."""
        self.sock.shutdown(socket.SHUT_WR)
        until, left = monotonic() + 1, 65536
        while (wait := until - monotonic()) > 0 and left > 0:
            self.sock.settimeout(wait)
            chunk = self.sock.recv(left)
            if not chunk:
                return
            left -= len(chunk)


def number(value, width):
    return value.to_bytes(width)


class Login(Framing):
    """Step 2: AUTH, tries, and what is legal after login."""

    users = json.load(open(os.path.join(HERE, "..", "python-users.json")))
    verifying = threading.Semaphore(1)

    def __init__(self, sock):
        super().__init__(sock)
        self.tries = setting("TRIES", 3)

    def legal(self):
        return {"message", "ping", "pong", "stop"} if self.state == "ready" else super().legal()

    def on_auth(self, mechanism, username, data):
        if mechanism != "PASSWORD":
            return self.refuse("mechanism-unavailable")
        if not 1 <= len(data) <= 1024:
            raise Refusal("malformed")
        utf8(data)
        if self.verify(username, data):
            self.send("authenticated", os.urandom(16) + b"\0\0")
            self.state = "ready"
        else:
            self.tries -= 1
            self.refuse("bad-credentials")

    def refuse(self, reason):
        self.send("refused", bytes([{"bad-credentials": 1, "mechanism-unavailable": 2}[reason]]) + bytes(4) + bytes([self.tries]))
        if self.tries == 0:
            self.state = "closing"

    def verify(self, username, password):
        """The same work for a wrong password, an unknown user and a disabled one."""
        user = self.users["users"].get(username, {"salt": "00" * 16, "hash": "00" * 32, "disabled": True})
        with self.verifying:
            found = hashlib.scrypt(password, salt=bytes.fromhex(user["salt"]), dklen=32, maxmem=1 << 27, **self.users["cost"])
        return hmac.compare_digest(found, bytes.fromhex(user["hash"])) and not user["disabled"]

    def on_message(self, *fields):
        raise Refusal("internal")

    on_ping = on_pong = on_stop = on_message


class Echo(Login):
    """Step 3: REPLY, PONG, STOPPED."""

    accepted = 0

    def on_message(self, ident, payload):
        self.accepted += 1
        self.send("reply", ident + payload)

    def on_ping(self, data):
        self.send("pong", data)

    def on_pong(self, data):
        raise Refusal("unexpected-frame")  # this server sends no PING

    def on_stop(self):
        self.send("stopped", number(self.accepted, 8))
        self.state = "closing"


class Endings(Echo):
    """Step 4: ERROR ends the session unread and unanswered; GOAWAY, or ERROR before login, when the server is stopped."""

    told = False

    def frame(self, number, size):
        if number == TYPES["error"]:
            self.state = "closing"
        else:
            super().frame(number, size)

    def receive(self):
        while True:
            watched = [self.sock] if self.told else [self.sock, STOPPING]
            ready, _, _ = select.select(watched, [], [], self.patience())
            if STOPPING in ready:
                self.told = True
                self.shut_down()
            elif ready:
                return super().receive()

    def patience(self):
        return None

    def shut_down(self):
        if self.state != "ready":
            raise Refusal("shutdown")
        self.send("goaway", b"\1" + number(setting("DRAIN_MS", 10_000), 4))


class Limits(Endings):
    """Step 5: the limit rises with AUTHENTICATED; deadlines for the login, each frame, idleness, the drain and a deaf peer."""

    def __init__(self, sock):
        super().__init__(sock)
        self.deadlines = {}
        self.start("login", "LOGIN_MS", 30_000)

    def start(self, deadline, name, default):
        self.deadlines[deadline] = monotonic() + setting(name, default) / 1000

    def patience(self):
        deadline, at = min(self.deadlines.items(), key=lambda item: item[1])
        if (left := at - monotonic()) > 0:
            return left
        if deadline != "drain":
            raise Refusal("timeout")
        self.on_stop()
        raise Ended

    def step(self):
        self.fill(1)
        self.start("frame", "FRAME_MS", 30_000)
        super().step()
        del self.deadlines["frame"]

    def frame(self, number, size):
        super().frame(number, size)
        if self.state == "ready":
            self.start("idle", "IDLE_MS", 300_000)

    def on_auth(self, *fields):
        super().on_auth(*fields)
        if self.state == "ready":
            del self.deadlines["login"]
            self.limit = self.max_frame_bytes

    def verify(self, *credentials):
        began = monotonic()
        verified = super().verify(*credentials)
        self.deadlines["login"] += monotonic() - began
        return verified

    def shut_down(self):
        super().shut_down()
        self.start("drain", "DRAIN_MS", 10_000)

    def write(self, data):
        view = memoryview(data)
        while view:
            self.sock.settimeout(setting("WRITE_STALL_MS", 30_000) / 1000)
            view = view[self.sock.send(view):]


class Extensions(Limits):
    """Step 6: skip types 0x80 to 0xFF piece by piece, and send one now and then."""

    def frame(self, number, size):
        if number < 0x80:
            return super().frame(number, size)
        if self.state == "awaiting-hello":
            raise Refusal("unexpected-frame")
        while size > 0:
            size -= len(self.take(min(size, 4096)))

    def on_message(self, *fields):
        if random.random() < 0.1:
            kind = random.randrange(0x80, 0x100)
            data = os.urandom(random.randrange(20))
            self.write(number(len(data) + 1, 4) + bytes([kind]) + data)
        super().on_message(*fields)


STAGES = [Framing, Login, Echo, Endings, Limits, Extensions]
STOPPING, stop = os.pipe()  # readable for every session once the operator has stopped the server


def serve(session):
    if issubclass(session, Endings):
        signal.signal(signal.SIGTERM, lambda *_: os.write(stop, b"."))
    with socket.create_server(("127.0.0.1", setting("PORT", 8080)), backlog=128) as listener:
        while STOPPING not in select.select([listener, STOPPING], [], [])[0]:
            sock, _ = listener.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=converse, args=(session, sock)).start()


def converse(session, sock):
    with sock:
        try:
            session(sock).run()
        except OSError:
            pass  # a reset, or a peer that doesn't read


if __name__ == "__main__":
    serve(STAGES[int(os.environ.get("STAGE", "6")) - 1])
