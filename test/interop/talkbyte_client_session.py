"""One session as the client sees it: the state machine of section 5.2, as a class for applications.

It waits for WELCOME before it logs in, reads while it writes, and sends STOP by itself when the server says GOAWAY.
A call returns once its answer has come, and raises SessionFailed when it can't come any more.
"""

import asyncio
import collections
import ipaddress
import secrets
import socket

import opaque_string
from talkbyte_peer import Deadline, Peer
from talkbyte_stream import Stream, client_context, key_fingerprint
from talkbyte_wire import (
    ALPN, ERRORS, EXTENSION, LOGIN_FRAME_BYTES, MAGIC, MESSAGE_OVERHEAD_BYTES, PASSWORD_BYTES, REFUSALS, USERNAME, VERSION,
    Breach, encode, escape, random_extension,
)

AGENT = "talkbyte-python/1"
CONNECT_S = 10
RETRY_AFTER_AT_MOST_S = 10
PENDING_BYTES = 262_144
# A server that asks for PONG without end and reads none is left alone at this bound.
PONG_BYTES = 65_536
EXTENSION_ODDS = 32

LOGGED_IN = {"REPLY", "PING", "PONG", EXTENSION}
ALLOWED = {
    "connecting": set(), "awaiting-welcome": {"WELCOME"}, "unauthenticated": {"REFUSED", EXTENSION},
    "authenticating": {"AUTHENTICATED", "REFUSED", EXTENSION}, "ready": LOGGED_IN, "draining": LOGGED_IN,
    "stopping": LOGGED_IN | {"STOPPED"}, "ending": LOGGED_IN,
}


class SessionFailed(Exception):
    """The session is over, not as it should be; or a call can't be carried out in its state."""


class LoginRefused(Exception):
    def __init__(self, reason, tries_left):
        names = {code: name for name, code in REFUSALS.items()}
        super().__init__(f"login refused: {names.get(reason, f'reason {reason}')}, {tries_left} tries left")
        self.tries_left = tries_left


class Client(Peer):
    def __init__(self, host, port, plaintext=False, fingerprint=None, ca=None, answer_ms=30_000, extensions=True):
        super().__init__()
        self.host, self.port, self.extensions = host, port, extensions
        self.fingerprint = fingerprint
        self.context = None if plaintext else client_context(fingerprint, ca)
        self.state, self.limit = "connecting", LOGIN_FRAME_BYTES
        self.answer_ms = answer_ms
        self.answer = Deadline(answer_ms, lambda: self.fail("timeout", "no answer in time"))
        self.welcome = self.session_id = None
        self.not_before = 0
        self.next_id, self.unanswered, self.replies = 1, collections.deque(), 0
        self.ping_data = None
        self.pings = asyncio.Lock()
        self.pong_bytes = 0
        self.room = asyncio.Event()
        self.going_away = False
        self.outcome = None
        self.waiting = {}
        self.over = asyncio.Event()

    # What an application calls.

    async def connect(self):
        """Connects and waits for WELCOME."""
        welcome = self._expect("welcome")
        sock = await asyncio.wait_for(self._connect(), CONNECT_S)
        self.stream = Stream(sock, self, self.answer_ms, self.context, hostname=self.host if self.context else None)
        self.answer.restart()
        self.stream.start()
        await welcome

    async def login(self, username, password):
        """Logs in; raises LoginRefused, and takes another attempt if tries are left."""
        prepared = opaque_string.prepare(password).encode()
        if len(prepared) > PASSWORD_BYTES or not USERNAME.fullmatch(username):
            raise ValueError("username or password out of bounds")
        if self.stream is None:
            await self.connect()
        loop = asyncio.get_running_loop()
        await asyncio.sleep(min(max(0, self.not_before - loop.time()), RETRY_AFTER_AT_MOST_S))
        self._demand("unauthenticated")
        if not self.context and not loopback(self.stream.sock.getpeername()[0]):
            self.close()
            raise SessionFailed("no password in plaintext but to this machine")
        self.state = "authenticating"
        answer = self._expect("login")
        self._send("AUTH", mechanism="PASSWORD", username=username, mechanism_data=prepared)
        await answer

    def post(self, payload):
        """Sends a message at once; returns a future of its reply. Wait with `drained` between many."""
        self._demand("ready")
        if MESSAGE_OVERHEAD_BYTES + len(payload) > self.limit:
            raise ValueError(f"a message has at most {self.limit - MESSAGE_OVERHEAD_BYTES} bytes here")
        message_id = self.next_id
        # 2**32 messages can't be unanswered at once, so the next id is free.
        self.next_id = (message_id + 1) % (1 << 32)
        reply = asyncio.get_running_loop().create_future()
        reply.add_done_callback(lambda future: future.cancelled() or future.exception())
        self.unanswered.append((message_id, reply))
        self._sprinkle()
        self._send("MESSAGE", id=message_id, payload=payload)
        return reply

    async def send(self, payload):
        return await self.post(payload)

    async def drained(self):
        """Waits while much is waiting to be sent."""
        while not self.closing and self.stream.pending > PENDING_BYTES:
            self.room.clear()
            await self.room.wait()

    async def ping(self):
        async with self.pings:
            if self.state not in ("ready", "draining") or self.closing:
                raise SessionFailed("a PING can't be sent now")
            pong = self._expect("pong")
            self.ping_data = secrets.token_bytes(8)
            self._send("PING", data=self.ping_data)
            await pong

    async def stop(self):
        """Sends STOP and waits for STOPPED; returns how many messages were answered."""
        if self.outcome is None and self.state not in ("draining", "stopping"):
            self._demand("ready")
        self._stop()
        return await self._end_of_session()

    async def end(self):
        """Ends our stream without STOP and reads on; a session that ends so counts as failed (TB-END-9)."""
        if self.stream is None or self.closing or self.state not in ("unauthenticated", "ready", "draining"):
            raise SessionFailed("the stream can't be ended now")
        if self.state == "unauthenticated":
            self.close()
        else:
            self.state = "ending"
            self.stream.end()
            self.settled()
        return await self._end_of_session()

    def drop(self):
        if self.stream and not self.stream.closed:
            self.closing = True
            self.stream.drop(reset=True)
            self.gone("dropped")

    # Events of the connection.

    def on_ready(self):
        if self.stream.tls:
            tls = self.stream.tls
            if self.fingerprint and key_fingerprint(tls.getpeercert(binary_form=True)) != self.fingerprint:
                self._finish("the server's key is not the pinned one")
            elif tls.selected_alpn_protocol() != ALPN:
                self._finish(f"the server does not speak {ALPN}")
        if self.outcome:
            self.close()
            return
        self.state = "awaiting-welcome"
        self._send("HELLO", magic=MAGIC, min_version=VERSION, max_version=VERSION, agent=AGENT)
        self._sprinkle()

    def on_progress(self):
        if self.stream.pending <= PENDING_BYTES:
            self.room.set()
        if self.stream.pending == 0:
            self.pong_bytes = 0
        if self.answer.handle:
            self.answer.restart()
        super().on_progress()

    def end_met(self):
        self._finish("the server ended the stream without STOPPED")
        self.close()

    def gone(self, reason):
        self.answer.stop()
        self._finish(reason or "the connection is closed")
        self.over.set()

    # What Peer asks.

    def allows(self, name):
        if name == "GOAWAY":
            return self.state in ("ready", "stopping", "ending") and not self.going_away
        if name == "STOPPED" and self.state in ("draining", "ending"):
            return self.going_away
        return name == "ERROR" or name in ALLOWED[self.state]

    def holds(self):
        # Not for messages that wait to be sent: a client reads while it writes (TB-MSG-10).
        return self.pong_bytes > PONG_BYTES

    def settled(self):
        self.stream.reading(not self.holds())
        due = self.waiting or self.unanswered or self.state in ("stopping", "ending")
        if not due:
            self.answer.stop()
        else:
            self.answer.resume()

    def handle(self, frame):
        if frame.name != EXTENSION:
            self.answer.stop()
            getattr(self, "on_" + frame.name.lower())(frame)

    def fail(self, code, detail=""):
        self._finish(f"failed with {code}: {detail}")
        super().fail(code, detail)

    def stop_deadlines(self):
        self.answer.stop()
        self._finish("the session was closed")

    # Frames.

    def on_welcome(self, frame):
        if frame["version"] != VERSION:
            raise Breach("malformed", "version outside the range of HELLO")
        names = [mechanism["name"] for mechanism in frame["mechanisms"]]
        if len(set(names)) < len(names):
            raise Breach("malformed", "mechanism named twice")
        self.welcome, self.state = frame, "unauthenticated"
        if "PASSWORD" in names:
            self._answer("welcome")
        else:
            self._finish("the server does not offer PASSWORD")
            self.close()

    def on_authenticated(self, frame):
        if frame["mechanism-data"]:
            raise Breach("malformed", "mechanism-data where PASSWORD has none")
        self.session_id, self.limit, self.state = frame["session-id"], self.welcome["max-frame-bytes"], "ready"
        self._answer("login")

    def on_refused(self, frame):
        if self.state == "unauthenticated" and frame["tries-left"] > 0:
            raise Breach("unexpected-frame", "REFUSED without an AUTH under way")
        refused = LoginRefused(frame["reason"], frame["tries-left"])
        if frame["tries-left"]:
            self.not_before = asyncio.get_running_loop().time() + frame["retry-after-ms"] / 1000
            self.state = "unauthenticated"
            self._answer("login", refused)
        else:
            self._answer("login", refused)
            self._finish(str(refused))
            self.close()

    def on_reply(self, frame):
        if not self.unanswered or self.unanswered[0][0] != frame["id"]:
            raise Breach("reply-mismatch", "REPLY out of turn")
        _, reply = self.unanswered.popleft()
        self.replies += 1
        if not reply.done():
            reply.set_result(frame["payload"])

    def on_ping(self, frame):
        # Dropped by the stream where our direction has ended.
        if self.state != "ending":
            self.pong_bytes += 13
        self._send("PONG", data=frame["data"])

    def on_pong(self, frame):
        if frame["data"] != self.ping_data:
            raise Breach("unexpected-frame", "PONG without its PING")
        self.ping_data = None
        self._answer("pong")

    def on_goaway(self, _frame):
        self.going_away = True
        if self.state == "ready":
            self.state = "draining"
            self._stop()

    def on_stopped(self, frame):
        if frame["accepted"] != self.replies:
            raise Breach("reply-mismatch", "STOPPED does not count the replies")
        if self.unanswered and not self.going_away:
            raise Breach("reply-mismatch", "STOPPED while a message is unanswered")
        self.outcome = "stopped"
        self._fail_calls("the server did not accept it before it went away")
        self.close()

    def on_error(self, frame):
        names = {code: name for name, code in ERRORS.items()}
        self._finish(f"the server failed: {names.get(frame['code'], frame['code'])} {escape(frame['detail'])}")
        self.close()

    # Below them.

    async def _connect(self):
        loop = asyncio.get_running_loop()
        last = None
        for family, kind, _, _, address in await loop.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM):
            sock = socket.socket(family, kind)
            sock.setblocking(False)
            try:
                await loop.sock_connect(sock, address)
                return sock
            except BaseException as error:
                sock.close()
                last = error
                if not isinstance(error, OSError):
                    raise
        raise last or OSError("no address")

    def _demand(self, state):
        if self.closing or self.state != state:
            raise SessionFailed(self.outcome if self.outcome not in (None, "stopped") else f"not now: {self.state}")

    def _expect(self, what):
        self.waiting[what] = asyncio.get_running_loop().create_future()
        self.waiting[what].add_done_callback(lambda future: future.cancelled() or future.exception())
        return self.waiting[what]

    def _answer(self, what, error=None):
        future = self.waiting.pop(what, None)
        if future and not future.done():
            future.set_exception(error) if error else future.set_result(None)

    def _send(self, name, **fields):
        self.stream.write(encode(name, **fields))
        if not self.closing:
            self.settled()

    def _stop(self):
        if self.state in ("ready", "draining") and not self.closing:
            self.state = "stopping"
            self._send("STOP")

    def _finish(self, outcome):
        """Notes how the session ended; the first word counts."""
        if self.outcome is None:
            self.outcome = outcome
            self._fail_calls(outcome)

    def _fail_calls(self, text):
        for what in list(self.waiting):
            self._answer(what, SessionFailed(text))
        for _, reply in self.unanswered:
            if not reply.done():
                reply.set_exception(SessionFailed(text))
        self.unanswered.clear()
        self.room.set()

    async def _end_of_session(self):
        await self.over.wait()
        if self.outcome != "stopped":
            raise SessionFailed(self.outcome)
        return self.replies

    def _sprinkle(self):
        """An extension frame now and then (TB-EXT-8)."""
        if self.extensions and secrets.randbelow(EXTENSION_ODDS) == 0:
            self.stream.write(random_extension())


def loopback(address):
    ip = ipaddress.ip_address(address.partition("%")[0])
    return (getattr(ip, "ipv4_mapped", None) or ip).is_loopback
