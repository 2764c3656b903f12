"""The users of the Python server: a JSON file of scrypt hashes, and the checking of passwords against it.

One cost holds for the whole file, so an unknown user and a disabled one cost exactly what a wrong password costs
(TB-AUTH-7). `python3 credentials.py add FILE USERNAME` asks for the password, or reads it from standard input.
"""

import argparse
import getpass
import hashlib
import hmac
import json
import os
import secrets
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import opaque_string
from talkbyte_wire import PASSWORD_BYTES, USERNAME

COST = {"n": 32_768, "r": 8, "p": 3}
SALT_BYTES = 16
HASH_BYTES = 32


class Store:
    """The users of a file, as it was when it was read."""

    def __init__(self, cost=None, users=None):
        self.cost = cost or COST
        self.users = users or {}
        self.decoy = {"salt": secrets.token_hex(SALT_BYTES), "hash": secrets.token_hex(HASH_BYTES), "disabled": True}

    @classmethod
    def load(cls, path):
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        return cls(content["cost"], content["users"])

    def save(self, path):
        """Written beside the file and renamed onto it, so that no reader meets half of it."""
        handle, beside = tempfile.mkstemp(dir=os.path.dirname(os.path.abspath(path)))
        with open(handle, "w", encoding="utf-8") as file:
            json.dump({"cost": self.cost, "users": self.users}, file, indent=2)
            file.write("\n")
        os.replace(beside, path)

    def add(self, username, password, disabled=False):
        if not USERNAME.fullmatch(username):
            raise ValueError("a username has 1 to 64 bytes from 0x21 to 0x7E")
        prepared = opaque_string.prepare(password).encode()
        if len(prepared) > PASSWORD_BYTES:
            raise ValueError(f"a password has at most {PASSWORD_BYTES} bytes")
        salt = secrets.token_bytes(SALT_BYTES)
        self.users[username] = {"salt": salt.hex(), "hash": self._hash(prepared, salt).hex(), "disabled": disabled}

    def verify(self, username, password):
        """Does the same work whoever the user is; `password` is what came, not yet prepared."""
        user = self.users.get(username, self.decoy)
        try:
            prepared, usable = opaque_string.prepare(password).encode(), not user["disabled"]
        except opaque_string.Refused:
            prepared, usable = b"", False
        equal = hmac.compare_digest(self._hash(prepared, bytes.fromhex(user["salt"])), bytes.fromhex(user["hash"]))
        return equal and usable

    def _hash(self, prepared, salt):
        # scrypt refuses to use more memory than maxmem; twice of what it needs leaves room for its own overhead.
        memory = 2 * 128 * self.cost["n"] * self.cost["r"]
        return hashlib.scrypt(prepared, salt=salt, maxmem=memory, dklen=HASH_BYTES, **self.cost)


class Verifier:
    """Bounds the verifications under way, and those that wait their turn: beyond that a login is `busy`."""

    def __init__(self, store, workers=1, waiting=64, wait_ms=10_000):
        self.store, self.bound, self.wait_ms = store, workers + waiting, wait_ms
        self.under_way = 0
        self.threads = ThreadPoolExecutor(workers)

    def submit(self, loop, username, password, done):
        """Calls `done` later with True, False or None (busy); returns a function that gives up if its turn has not come."""
        if self.under_way >= self.bound:
            loop.call_soon(done, None)
            return lambda: None
        self.under_way += 1
        future = self.threads.submit(self.store.verify, username, password)

        def finish():
            timer.cancel()
            self.under_way -= 1
            if not future.cancelled():
                # A verification that failed for its own reasons is a lack of capacity, not a wrong password.
                done(None if future.exception() else future.result())

        def late():
            if future.cancel():
                done(None)

        timer = loop.call_later(self.wait_ms / 1000, late)
        future.add_done_callback(lambda _: None if loop.is_closed() else loop.call_soon_threadsafe(finish))
        return future.cancel

    def close(self):
        self.threads.shutdown(wait=False, cancel_futures=True)


def read_password():
    if not sys.stdin.isatty():
        return sys.stdin.readline().removesuffix("\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise ValueError("the two differ")
    return password


def main():
    parser = argparse.ArgumentParser(description="Users of the Python TalkByte server.")
    parser.add_argument("command", choices=["add", "remove", "disable", "enable"])
    parser.add_argument("file")
    parser.add_argument("username")
    parser.add_argument("--cost-n", type=int, help="scrypt's N for a file that is made now (32768)")
    arguments = parser.parse_args()
    try:
        store = Store.load(arguments.file) if os.path.exists(arguments.file) else Store()
        if arguments.cost_n and not store.users:
            store.cost = {**COST, "n": arguments.cost_n}
        if arguments.command == "add":
            store.add(arguments.username, read_password())
        elif arguments.username not in store.users:
            raise ValueError("no such user")
        elif arguments.command == "remove":
            del store.users[arguments.username]
        else:
            store.users[arguments.username]["disabled"] = arguments.command == "disable"
        store.save(arguments.file)
    except (ValueError, OSError) as error:
        sys.exit(f"credentials: {error}")


if __name__ == "__main__":
    main()
