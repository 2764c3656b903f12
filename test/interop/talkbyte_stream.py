"""A TCP connection with or without TLS on it, driven by events, with half-close in both directions.

asyncio's own TLS can't end one direction and go on reading, so TLS runs here in memory between a plain socket and
the owner. The owner is told of what happens (`on_ready`, `on_data`, `on_end`, `on_lost`, `on_progress`, `on_end_sent`),
never from inside a call of its own, and switches reading on and off. The write-stall deadline lives here, as it
is about the socket alone.
"""

import asyncio
import hashlib
import socket
import ssl
import struct

from talkbyte_wire import ALPN

READ_BYTES = 16_384


class Stream:
    def __init__(self, sock, owner, stall_ms, context=None, server_side=False, hostname=None):
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.loop = asyncio.get_running_loop()
        self.sock, self.owner = sock, owner
        self.stall_s = stall_ms / 1000
        self.stall_timer = None
        self.out = bytearray()
        self.reads = self.writes = False
        self.handshaking = context is not None
        self.input_ended = False
        self.ending = self.end_sent = self.closed = False
        self.tls = None
        self.flush_due = False
        if context:
            self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=server_side, server_hostname=hostname)

    def start(self):
        self.reading(True)
        if self.tls:
            self._handshake()
        else:
            self.owner.on_ready()

    @property
    def pending(self):
        return len(self.out)

    def reading(self, wanted):
        wanted = wanted and not self.input_ended and not self.closed
        if wanted and not self.reads:
            self.loop.add_reader(self.sock, self._readable)
        elif self.reads and not wanted:
            self.loop.remove_reader(self.sock)
        self.reads = wanted

    def write(self, data):
        if self.closed or self.ending or not data:
            return
        if self.tls:
            try:
                view = memoryview(data)
                while view:
                    view = view[self.tls.write(view):]
            except ssl.SSLError as error:
                self.loop.call_soon(self._lose, f"TLS: {error.reason}")
                return
            self.out += self.outgoing.read()
        else:
            self.out += data
        self._flush_soon()

    def end(self):
        """Ends our direction behind what waits; reading goes on."""
        if self.closed or self.ending:
            return
        self.ending = True
        if self.tls and not self.handshaking:
            try:
                # All that has been read is decrypted already, so this only sends close_notify.
                self.tls.unwrap()
            except ssl.SSLError:
                pass
            self.out += self.outgoing.read()
        self._flush_soon()

    def drop(self, reset=False):
        if self.closed:
            return
        self.reading(False)
        self._stop_stall()
        if self.writes:
            self.loop.remove_writer(self.sock)
        self.closed = True
        self.out.clear()
        if reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def _lose(self, reason, reset=True):
        if not self.closed:
            self.drop(reset)
            self.owner.on_lost(reason)

    def _readable(self):
        try:
            data = self.sock.recv(READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lose(str(error))
            return
        if not self.tls:
            if data:
                self.owner.on_data(data)
            else:
                self._end_input()
        elif data:
            self.incoming.write(data)
            self._handshake() if self.handshaking else self._decrypt()
        else:
            self._lose("the stream ended without close_notify")

    def _handshake(self):
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            self.out += self.outgoing.read()
            self._flush_soon()
            return
        except ssl.SSLError as error:
            self.out += self.outgoing.read()
            self._flush()
            # Without a reset, so that the alert arrives.
            self._lose(f"TLS: {getattr(error, 'verify_message', None) or error.reason}", reset=False)
            return
        self.handshaking = False
        self.out += self.outgoing.read()
        self._flush_soon()
        self._decrypt(self.owner.on_ready)

    def _decrypt(self, first=None):
        # Taken out to the last byte before the owner sees any of it, so that end() finds nothing undecrypted.
        parts, ended, fault = [], False, None
        try:
            while part := self.tls.read(READ_BYTES):
                parts.append(part)
            ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            ended = True
        except ssl.SSLError as error:
            fault = f"TLS: {error.reason}"
        if self.outgoing.pending and not self.ending:
            self.out += self.outgoing.read()
            self._flush_soon()
        if first:
            first()
        if parts and not self.closed:
            self.owner.on_data(b"".join(parts))
        if fault:
            self._lose(fault)
        elif ended:
            self._end_input()

    def _end_input(self):
        if self.input_ended or self.closed:
            return
        self.input_ended = True
        self.reading(False)
        self.owner.on_end()

    def _flush_soon(self):
        if not self.flush_due:
            self.flush_due = True
            self.loop.call_soon(self._flush)

    def _flush(self):
        self.flush_due = False
        if self.closed:
            return
        before = len(self.out)
        try:
            while self.out:
                with memoryview(self.out) as view:
                    sent = self.sock.send(view[:262_144])
                del self.out[:sent]
        except (BlockingIOError, InterruptedError):
            pass
        except OSError as error:
            self._lose(str(error))
            return
        self._watch(progress=len(self.out) < before)
        if len(self.out) < before:
            self.owner.on_progress()
        if self.ending and not self.out and not self.end_sent and not self.closed:
            self._finish()

    def _watch(self, progress):
        if progress or not self.out:
            self._stop_stall()
        if self.out and self.stall_timer is None:
            self.stall_timer = self.loop.call_later(self.stall_s, self._lose, "write-stall deadline")
        waits = bool(self.out)
        if waits and not self.writes:
            self.loop.add_writer(self.sock, self._flush)
        elif self.writes and not waits:
            self.loop.remove_writer(self.sock)
        self.writes = waits

    def _stop_stall(self):
        if self.stall_timer:
            self.stall_timer.cancel()
        self.stall_timer = None

    def _finish(self):
        self.end_sent = True
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError as error:
            self._lose(str(error))
            return
        self.owner.on_end_sent()


def server_context(cert, key):
    context = tls13(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    context.num_tickets = 0
    context.load_cert_chain(cert, key)
    return context


def client_context(fingerprint=None, ca=None):
    """By section 11.2: a pin alone decides, else the authority that the user named, else those of the system."""
    context = tls13(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    if fingerprint:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif ca:
        context.load_verify_locations(ca)
    else:
        context.load_default_certs()
    return context


def tls13(context):
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols([ALPN])
    return context


def key_fingerprint(certificate):
    """SHA-256 of the SubjectPublicKeyInfo of a certificate in DER: the seventh field of tbsCertificate, or the
    sixth where the version is left out."""
    start, _ = der_content(certificate, 0)
    at, _ = der_content(certificate, start)
    if certificate[at] == 0xA0:
        at = der_content(certificate, at)[1]
    for _ in ("serialNumber", "signature", "issuer", "validity", "subject"):
        at = der_content(certificate, at)[1]
    return hashlib.sha256(certificate[at:der_content(certificate, at)[1]]).hexdigest()


def der_content(der, at):
    """Where the content of the element at `at` begins, and where it ends."""
    length, start = der[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        length = int.from_bytes(der[start:start + size], "big")
        start += size
    return start, start + length
