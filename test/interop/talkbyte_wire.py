"""Frames of TalkByte/1: their layouts, and how bytes become frames and back (sections 3, 4, 8.1 and 10.1).

Everything here is computation: no socket, no clock. `FrameReader` is fed with bytes as they come, and judges each
frame as early as its bytes allow, in the order of section 3.3. What depends on the state it asks of its owner.
"""

import re
import secrets
import struct

MAGIC = b"TalkByte"
VERSION = 1
ALPN = "talkbyte/1"
LOGIN_FRAME_BYTES = 4096
MAX_FRAME_BYTES = (4096, 16_777_216)
PASSWORD_BYTES = 1024
LINGER_MS = 1000
LINGER_BYTES = 65_536
# Length field and type and id: what a MESSAGE of max-frame-bytes has beside its payload, within its length.
MESSAGE_OVERHEAD_BYTES = 5

ERRORS = {
    "malformed": 1, "frame-too-large": 2, "unknown-type": 3, "unexpected-frame": 4, "reply-mismatch": 5,
    "unsupported-version": 6, "alpn-required": 7, "timeout": 8, "shutdown": 9, "internal": 10, "revoked": 11,
}
REFUSALS = {"bad-credentials": 1, "mechanism-unavailable": 2, "busy": 3, "throttled": 4, "abandoned": 5}
SHUTDOWN = 1
EXTENSION = "extension"

MECHANISM = re.compile(r"[A-Z0-9-]{1,32}", re.ASCII)
USERNAME = re.compile(r"[!-~]{1,64}", re.ASCII)


class Breach(Exception):
    """The peer broke the protocol, or failed otherwise: the session ends with ERROR `code`."""

    def __init__(self, code, detail=""):
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail


class Frame:
    """A frame: its name, and its fields by name."""

    def __init__(self, name, **fields):
        self.name = name
        self.fields = fields

    def __getitem__(self, field):
        return self.fields[field]


class Cursor:
    """Takes fields off the front of a body; whatever is not there is malformed."""

    def __init__(self, body):
        self.body = body
        self.at = 0

    def take(self, size):
        end = self.at + size
        if end > len(self.body):
            raise Breach("malformed", "body cut short")
        part = self.body[self.at:end]
        self.at = end
        return part

    def rest(self):
        return self.take(len(self.body) - self.at)


class Integer:
    """u8 to u64, big-endian, within bounds."""

    def __init__(self, size, lowest=0, highest=None):
        self.size, self.lowest = size, lowest
        self.highest = (1 << 8 * size) - 1 if highest is None else highest

    def read(self, cursor):
        value = int.from_bytes(cursor.take(self.size), "big")
        if not self.lowest <= value <= self.highest:
            raise Breach("malformed", "number out of bounds")
        return value

    def write(self, value):
        return value.to_bytes(self.size, "big")


class Fixed:
    """`bytes`: a number of bytes that the layout gives, perhaps with a value that it gives too."""

    def __init__(self, size, value=None):
        self.size, self.value = size, value

    def read(self, cursor):
        part = cursor.take(self.size)
        if self.value is not None and part != self.value:
            raise Breach("malformed", "fixed bytes differ")
        return part

    def write(self, value):
        assert len(value) == self.size
        return value


class Counted:
    """`bytes16`: a u16 length, then bytes."""

    def read(self, cursor):
        return cursor.take(int.from_bytes(cursor.take(2), "big"))

    def write(self, value):
        return len(value).to_bytes(2, "big") + value


class Text:
    """`string8`: a u8 length, then UTF-8; Python's strict decoder is that of RFC 3629."""

    def __init__(self, pattern=None):
        self.pattern = pattern

    def read(self, cursor):
        part = cursor.take(cursor.take(1)[0])
        try:
            text = part.decode("utf-8")
        except UnicodeDecodeError:
            raise Breach("malformed", "text is not UTF-8") from None
        if self.pattern and not self.pattern.fullmatch(text):
            raise Breach("malformed", "name too short, too long, or with a byte outside its set")
        return text

    def write(self, value):
        part = value.encode("utf-8")
        return bytes([len(part)]) + part


class Rest:
    def read(self, cursor):
        return cursor.rest()

    def write(self, value):
        return value


class Groups:
    """`list8`: a u8 count, then groups of fields."""

    def __init__(self, lowest, highest, layout):
        self.count, self.layout = Integer(1, lowest, highest), layout

    def read(self, cursor):
        return [read_fields(self.layout, cursor) for _ in range(self.count.read(cursor))]

    def write(self, value):
        return self.count.write(len(value)) + b"".join(write_fields(self.layout, group) for group in value)


MECHANISMS = Groups(1, 16, {"name": Text(MECHANISM), "parameters": Counted()})
LAYOUTS = {
    "HELLO": (0x01, {"magic": Fixed(8, MAGIC), "min-version": Integer(1, 1), "max-version": Integer(1, 1), "agent": Text()}),
    "WELCOME": (0x02, {
        "version": Integer(1, 1), "agent": Text(), "max-frame-bytes": Integer(4, *MAX_FRAME_BYTES),
        "max-under-way": Integer(2, 1), "idle-timeout-ms": Integer(4, 1), "mechanisms": MECHANISMS,
    }),
    "AUTH": (0x03, {"mechanism": Text(MECHANISM), "username": Text(USERNAME), "mechanism-data": Counted()}),
    "CHALLENGE": (0x04, {"mechanism-data": Counted()}),
    "RESPONSE": (0x05, {"mechanism-data": Counted()}),
    "AUTHENTICATED": (0x06, {"session-id": Fixed(16), "mechanism-data": Counted()}),
    "REFUSED": (0x07, {"reason": Integer(1), "retry-after-ms": Integer(4), "tries-left": Integer(1)}),
    "MESSAGE": (0x10, {"id": Integer(4), "payload": Rest()}),
    "REPLY": (0x11, {"id": Integer(4), "payload": Rest()}),
    "PING": (0x12, {"data": Fixed(8)}),
    "PONG": (0x13, {"data": Fixed(8)}),
    "STOP": (0x20, {}),
    "STOPPED": (0x21, {"accepted": Integer(8)}),
    "GOAWAY": (0x22, {"reason": Integer(1), "drain-ms": Integer(4)}),
    "ERROR": (0x23, {"code": Integer(1), "min-version": Integer(1, 1), "max-version": Integer(1, 1), "detail": Text()}),
}
NAMES = {number: name for name, (number, _) in LAYOUTS.items()}


def read_fields(layout, cursor):
    return {name: kind.read(cursor) for name, kind in layout.items()}


def write_fields(layout, fields):
    return b"".join(kind.write(fields[name]) for name, kind in layout.items())


def encode(name, **fields):
    """The bytes of a frame; `-` in a field's name is `_` here."""
    number, layout = LAYOUTS[name]
    body = write_fields(layout, {key.replace("_", "-"): value for key, value in fields.items()})
    return struct.pack(">IB", 1 + len(body), number) + body


def encode_error(code, detail=""):
    return encode("ERROR", code=ERRORS[code], min_version=VERSION, max_version=VERSION, detail=detail)


def random_extension():
    """An extension frame of random type and length, so that a peer which can't skip one is found early (TB-EXT-8)."""
    body = secrets.token_bytes(secrets.randbelow(200))
    return struct.pack(">IB", 1 + len(body), 0x80 + secrets.randbelow(0x80)) + body


def decode(name, body):
    if name == "ERROR":
        return decode_error(body)
    cursor = Cursor(body)
    fields = read_fields(LAYOUTS[name][1], cursor)
    if cursor.rest():
        raise Breach("malformed", "bytes after the last field")
    return Frame(name, **fields)


def decode_error(body):
    """ERROR is not judged: what can't be read of it is left open (TB-ERROR-3)."""
    try:
        return Frame("ERROR", **read_fields(LAYOUTS["ERROR"][1], Cursor(body)))
    except Breach:
        return Frame("ERROR", code=body[0] if body else 0, detail="")


class FrameReader:
    """Cuts a stream of bytes into frames. It holds the bytes of one frame and of one read, and nothing of extensions."""

    def __init__(self):
        self.buffer = bytearray()
        self.skipping = 0
        self.inside_extension = False

    def feed(self, data):
        self.buffer += data

    def clear(self):
        self.buffer.clear()
        self.inside_extension = False

    @property
    def partial(self):
        """Whether a frame has begun that is not complete; true too if what is there has not been looked at."""
        return self.inside_extension or len(self.buffer) > 0

    def next(self, limit, allows):
        """The next frame, or None if it is not complete; `allows(name)` says what may come in the current state."""
        if self.inside_extension:
            return self._skip()
        head = self.buffer[:5]
        if len(head) < 4:
            return None
        length = int.from_bytes(head[:4], "big")
        if length == 0:
            raise Breach("malformed", "frame of length 0")
        if length > limit:
            raise Breach("frame-too-large", "length over the limit in force")
        if len(head) < 5:
            return None
        name = EXTENSION if head[4] >= 0x80 else NAMES.get(head[4])
        if name is None:
            raise Breach("unknown-type", "type not defined in version 1")
        if not allows(name):
            raise Breach("unexpected-frame", "not allowed in this state")
        if name == EXTENSION:
            del self.buffer[:5]
            self.skipping, self.inside_extension = length - 1, True
            return self._skip()
        if len(self.buffer) < 4 + length:
            return None
        body = bytes(memoryview(self.buffer)[5:4 + length])
        del self.buffer[:4 + length]
        return decode(name, body)

    def _skip(self):
        size = min(self.skipping, len(self.buffer))
        del self.buffer[:size]
        self.skipping -= size
        if self.skipping:
            return None
        self.inside_extension = False
        return Frame(EXTENSION)


def escape(text):
    """Text from the peer as it may stand on a terminal or in a log (TB-FRAME-8)."""
    return re.sub("[\x00-\x1f\x7f-\x9f]", lambda match: f"\\x{ord(match[0]):02x}", text)
