"""What both sides of a session have in common: the pump that processes frames, failing, and closing (section 9.4).

A subclass says what is allowed in its state (`allows`), which limit is in force (`limit`), when it holds (`holds`), and
what a frame does (`handle`). All of it runs on the event loop, one event at a time, so nothing needs a lock.
"""

import asyncio

from talkbyte_wire import LINGER_BYTES, LINGER_MS, Breach, FrameReader, encode_error


class Deadline:
    """A timer that can stand still and go on from there."""

    def __init__(self, milliseconds, expire):
        self.seconds, self.expire = milliseconds / 1000, expire
        self.left = self.handle = None

    def restart(self):
        self.stop()
        self.left = self.seconds
        self.resume()

    def resume(self):
        """Goes on where it stood still; starts if it was stopped."""
        if self.handle is None:
            self.left = self.seconds if self.left is None else self.left
            loop = asyncio.get_running_loop()
            self.due = loop.time() + self.left
            self.handle = loop.call_later(self.left, self._run)

    def pause(self):
        if self.handle:
            self.left = max(0, self.due - asyncio.get_running_loop().time())
            self.handle.cancel()
            self.handle = None

    def stop(self):
        self.pause()
        self.left = None

    def _run(self):
        self.handle = self.left = None
        self.expire()


class Peer:
    def __init__(self):
        self.stream = None
        self.reader = FrameReader()
        self.peer_ended = False
        self.closing = False
        self.discarded_bytes = 0
        self.linger = Deadline(LINGER_MS, self._drop)

    # What a subclass says.

    limit = 0

    def allows(self, name):
        raise NotImplementedError

    def holds(self):
        return False

    def handle(self, frame):
        raise NotImplementedError

    def end_met(self):
        """End of stream has been met, behind all frames before it."""
        self.close()

    def settled(self):
        """Called after each event: the moment to set deadlines and reading."""

    def gone(self, reason):
        """The connection is no more; `reason` is None if it was closed in order."""

    # What the stream says.

    def on_data(self, data):
        if self.closing:
            self._discard(len(data))
        else:
            self.reader.feed(data)
            self.pump()

    def on_end(self):
        self.peer_ended = True
        if self.closing:
            if self.stream.end_sent:
                self._drop()
        else:
            self.pump()

    def on_lost(self, reason):
        self.closing = True
        self.linger.stop()
        self.gone(reason)

    def on_progress(self):
        if not self.closing:
            self.pump()

    def on_end_sent(self):
        if not self.closing:
            return
        if self.peer_ended or self.discarded_bytes > LINGER_BYTES:
            self._drop()
        else:
            self.linger.restart()

    # What the subclass uses.

    def pump(self):
        """Processes frames until one is incomplete, or the state holds."""
        try:
            while not self.closing and not self.holds():
                frame = self.reader.next(self.limit, self.allows)
                if frame is None:
                    if self.peer_ended:
                        self.reader.clear()
                        self.end_met()
                    break
                self.frame_complete()
                self.handle(frame)
        except Breach as breach:
            self.fail(breach.code, breach.detail)
        if not self.closing:
            self.settled()

    def frame_complete(self):
        pass

    def fail(self, code, detail=""):
        self.close(encode_error(code, detail))

    def close(self, last=b""):
        """Sends what waits, `last` and end of stream; then reads and discards within bounds."""
        if self.closing:
            return
        self.closing = True
        self.reader.clear()
        self.stop_deadlines()
        self.stream.write(last)
        self.stream.end()
        self.stream.reading(True)
        if self.stream.end_sent:
            self.on_end_sent()

    def stop_deadlines(self):
        pass

    def _discard(self, size):
        self.discarded_bytes += size
        if self.discarded_bytes > LINGER_BYTES:
            if self.stream.end_sent:
                self._drop()
            else:
                # Our own output goes first: it is what the reading is for.
                self.stream.reading(False)

    def _drop(self):
        self.linger.stop()
        if not self.stream.closed:
            self.stream.drop()
            self.gone(None)
