"""One session as the server sees it: the state machine of section 5.1, with its deadlines and its replies.

The application is a function of (username, payload) that returns the reply, or an awaitable of it; several may be
under way, and the replies leave in the order of their messages.
"""

import asyncio
import inspect
import secrets

from talkbyte_peer import Deadline, Peer
from talkbyte_stream import Stream
from talkbyte_wire import (
    ALPN, EXTENSION, LOGIN_FRAME_BYTES, PASSWORD_BYTES, REFUSALS, SHUTDOWN, VERSION, Breach, encode, escape, random_extension,
)

AGENT = "talkbyte-python/1"
# Bounds of our own: bytes of replies that wait before input is left alone (TB-MSG-9), bytes of messages under way,
# and refusals on one connection (TB-REFUSED-9).
PENDING_BYTES = 262_144
UNDER_WAY_BYTES = 4_194_304
REFUSALS_AT_MOST = 32
BUSY_RETRY_MS = 1000
EXTENSION_ODDS = 32

LOGIN = {"awaiting-hello": {"HELLO"}, "awaiting-auth": {"AUTH", EXTENSION}, "verifying": set()}
OPEN = {"MESSAGE", "PING", "PONG", "STOP", EXTENSION}
ALLOWED = {**LOGIN, "ready": OPEN, "draining": OPEN, "stopping": {"PONG"}, "drained": OPEN, "finishing": set()}


class Pending:
    """A message under way: its id and size, and its reply once there is one."""

    def __init__(self, message_id, size):
        self.message_id, self.size = message_id, size
        self.reply = self.task = None
        self.failed = False


class Session(Peer):
    def __init__(self, server, sock, address):
        super().__init__()
        self.server, self.settings, self.address = server, server.settings, address
        self.state = "awaiting-hello"
        self.ready_to_speak = False
        self.limit = LOGIN_FRAME_BYTES
        self.tries_left, self.refusals = self.settings.tries, 0
        self.username = self.give_up = None
        self.accepted = 0
        self.under_way, self.under_way_bytes = [], 0
        settings = self.settings
        self.tls_deadline = Deadline(settings.tls_ms, lambda: self.vanish("tls deadline"))
        self.login = Deadline(settings.login_ms, lambda: self.fail("timeout", "login deadline"))
        self.frame = Deadline(settings.frame_ms, lambda: self.fail("timeout", "frame deadline"))
        self.idle = Deadline(settings.idle_ms, lambda: self.fail("timeout", "idle deadline"))
        self.drain = Deadline(settings.drain_ms, self.drain_expired)
        self.stream = Stream(sock, self, settings.write_stall_ms, server.context, server_side=True)
        self.tls_deadline.restart()
        self.stream.start()

    # Events of the connection.

    def on_ready(self):
        self.tls_deadline.stop()
        self.ready_to_speak = True
        if self.stream.tls and self.stream.tls.selected_alpn_protocol() != ALPN:
            self.fail("alpn-required", "the handshake did not negotiate " + ALPN)
        else:
            self.login.restart()

    def on_end(self):
        if self.state == "verifying":
            # The attempt is given up though frames may stand before the end (section 5).
            self.peer_ended = True
            self.close()
        else:
            super().on_end()

    def shut_down(self):
        if not self.ready_to_speak:
            self.vanish("stopped during the TLS handshake")
        elif self.state in LOGIN:
            self.fail("shutdown", "the server is being stopped")
        elif self.state == "ready" and not self.closing:
            self.state = "draining"
            self.stream.write(encode("GOAWAY", reason=SHUTDOWN, drain_ms=self.settings.drain_ms))
            self.drain.restart()

    def vanish(self, reason):
        self.closing = True
        self.stream.drop(reset=True)
        self.gone(reason)

    def gone(self, reason):
        self.stop_deadlines()
        self.server.forget(self, reason)

    # What Peer asks.

    def allows(self, name):
        return name == "ERROR" or name in ALLOWED[self.state]

    def holds(self):
        return (
            self.state in ("verifying", "finishing")
            or len(self.under_way) >= self.settings.max_under_way
            or self.under_way_bytes > UNDER_WAY_BYTES
            or self.stream.pending > PENDING_BYTES
        )

    def settled(self):
        """Sets each deadline running or standing as its row of section 8.2 says, and reading likewise."""
        held = self.holds()
        if not self.reader.partial or self.state in ("drained", "finishing"):
            self.frame.stop()
        elif held:
            self.frame.pause()
        else:
            self.frame.resume()
        if self.state not in ("ready", "draining") or self.under_way or held:
            self.idle.stop()
        else:
            self.idle.resume()
        if self.state == "verifying":
            self.stream.reading(len(self.reader.buffer) < LOGIN_FRAME_BYTES + 4)
        else:
            self.stream.reading(not held)

    def frame_complete(self):
        self.frame.stop()

    def stop_deadlines(self):
        for deadline in (self.tls_deadline, self.login, self.frame, self.idle, self.drain):
            deadline.stop()
        if self.give_up:
            self.give_up()
        for pending in self.under_way:
            if pending.task:
                pending.task.cancel()
        self.under_way, self.under_way_bytes = [], 0

    def end_met(self):
        if self.state in ("ready", "draining"):
            self.state = "finishing"
            self.drain.stop()
        elif self.state in LOGIN:
            self.close()
        if self.state == "finishing" and not self.under_way:
            self.close()

    def handle(self, frame):
        if frame.name == EXTENSION:
            return
        if frame.name == "ERROR":
            self.server.log(self, f"the client failed: code {frame['code']} {escape(frame['detail'])}")
            self.close()
            return
        self.idle.stop()
        getattr(self, "on_" + frame.name.lower())(frame)

    # Frames.

    def on_hello(self, frame):
        if frame["min-version"] > frame["max-version"]:
            raise Breach("malformed", "min-version above max-version")
        if not frame["min-version"] <= VERSION <= frame["max-version"]:
            raise Breach("unsupported-version", "no version in common")
        self.server.log(self, f"hello from {escape(frame['agent']) or 'an unnamed agent'}")
        settings = self.settings
        self.stream.write(encode(
            "WELCOME", version=VERSION, agent=AGENT, max_frame_bytes=settings.max_frame_bytes,
            max_under_way=settings.max_under_way, idle_timeout_ms=settings.idle_ms,
            mechanisms=[{"name": "PASSWORD", "parameters": b""}],
        ))
        self.state = "awaiting-auth"
        self.sprinkle()

    def on_auth(self, frame):
        if frame["mechanism"] != "PASSWORD":
            self.refuse("mechanism-unavailable")
            return
        password = frame["mechanism-data"]
        if not 1 <= len(password) <= PASSWORD_BYTES:
            raise Breach("malformed", "password empty or too long")
        try:
            password = password.decode("utf-8")
        except UnicodeDecodeError:
            raise Breach("malformed", "password is not UTF-8") from None
        self.state, self.username = "verifying", frame["username"]
        self.login.pause()
        loop = asyncio.get_running_loop()
        self.give_up = self.server.verifier.submit(loop, self.username, password, self.verified)

    def verified(self, outcome):
        if self.closing or self.state != "verifying":
            return
        self.give_up = None
        if outcome:
            self.login.stop()
            self.state, self.limit = "ready", self.settings.max_frame_bytes
            session_id = secrets.token_bytes(16)
            self.stream.write(encode("AUTHENTICATED", session_id=session_id, mechanism_data=b""))
            self.sprinkle()
            self.server.log(self, f"{escape(self.username)} logged in, session {session_id.hex()}")
        else:
            self.state = "awaiting-auth"
            self.login.resume()
            self.refuse("busy" if outcome is None else "bad-credentials")
        self.pump()

    def refuse(self, reason):
        self.refusals += 1
        self.tries_left -= reason == "bad-credentials"
        left = 0 if self.refusals >= REFUSALS_AT_MOST else self.tries_left
        wait = BUSY_RETRY_MS if reason == "busy" else 0
        refused = encode("REFUSED", reason=REFUSALS[reason], retry_after_ms=wait, tries_left=left)
        self.server.log(self, f"login refused: {reason}")
        if left:
            self.stream.write(refused)
        else:
            self.close(refused)

    def on_message(self, frame):
        if self.state == "drained":
            return
        self.accepted += 1
        pending = Pending(frame["id"], len(frame["payload"]))
        self.under_way.append(pending)
        self.under_way_bytes += pending.size
        try:
            reply = self.server.application(self.username, frame["payload"])
        except Exception as error:
            self.application_failed(pending, error)
            return
        if inspect.isawaitable(reply):
            pending.task = asyncio.ensure_future(reply)
            pending.task.add_done_callback(lambda task: self.replied(pending, task))
        else:
            pending.reply = reply
            self.send_replies()

    def replied(self, pending, task):
        if self.closing or task.cancelled():
            return
        if task.exception():
            self.application_failed(pending, task.exception())
        else:
            pending.reply = task.result()
            self.send_replies()
        if not self.closing:
            self.pump()

    def application_failed(self, pending, error):
        """The earlier replies still go out, then ERROR internal; nothing behind that message does."""
        self.server.log(self, f"the application failed: {type(error).__name__}")
        pending.failed = True
        behind = self.under_way.index(pending) + 1
        for later in self.under_way[behind:]:
            if later.task:
                later.task.cancel()
        del self.under_way[behind:]
        self.state = "finishing"
        self.drain.stop()
        self.send_replies()

    def send_replies(self):
        while self.under_way and not self.closing:
            pending = self.under_way[0]
            if pending.failed:
                self.fail("internal", "the application failed")
                return
            if pending.reply is None:
                return
            reply = encode("REPLY", id=pending.message_id, payload=pending.reply)
            if len(reply) - 4 > self.limit:
                pending.reply = None
                self.application_failed(pending, ValueError("reply over the limit"))
                return
            del self.under_way[0]
            self.under_way_bytes -= pending.size
            self.sprinkle()
            self.stream.write(reply)
            self.idle.stop()
        if not self.closing and not self.under_way:
            self.last_reply()

    def last_reply(self):
        if self.state in ("stopping", "drained"):
            self.close(encode("STOPPED", accepted=self.accepted))
        elif self.state == "finishing":
            self.close()

    def on_ping(self, frame):
        if self.state != "drained":
            self.stream.write(encode("PONG", data=frame["data"]))

    def on_pong(self, _frame):
        raise Breach("unexpected-frame", "PONG without a PING")

    def on_stop(self, _frame):
        if self.state != "drained":
            self.drain.stop()
            self.state = "stopping"
            self.send_replies()

    def drain_expired(self):
        self.state = "drained"
        self.send_replies()
        if not self.closing:
            self.pump()

    def sprinkle(self):
        """An extension frame now and then (TB-EXT-8)."""
        if self.settings.extensions and secrets.randbelow(EXTENSION_ODDS) == 0:
            self.stream.write(random_extension())
