#!/usr/bin/env python3
"""Plays the server cases of spec/cases.json against a server, as spec/cases.md describes it.

It shows that the file is enough: there is no field table here and no codec. All that it knows of the protocol is
that a frame begins with a length of four bytes and a type of one; everything else is bytes and templates. It prints
a line of JSON for each case; its exit code is 1 if one has failed or could not be judged, and 2 if none was played.
"""

import argparse, concurrent.futures, json, select, socket, struct, sys, time


class Mismatch(Exception):
    """The bytes do not fit the template."""


class Verdict(Exception):
    """A case ends before its last step: the verdict, and why."""


def build(parts, captures, repetition=0):
    """The bytes that parts without holes stand for."""
    out = bytearray()
    for part in parts:
        if isinstance(part, str):
            out += bytes.fromhex(part)
        elif "count" in part:
            width = len(part["count"]) // 2
            out += ((int(part["count"], 16) + repetition) % 256**width).to_bytes(width, "big")
        elif "ref" in part:
            value = bytearray(captures[part["ref"]])
            if "flip" in part:
                value[part["flip"]] ^= 1
            out += value
        elif "length" in part:
            inner = build(part["of"], captures, repetition)
            out += len(inner).to_bytes(part["length"], "big") + inner
        elif "slice" in part:
            out += build(part["slice"], captures, repetition)[part["from"] : part.get("to")]
        elif all(isinstance(inner, str) for inner in part["repeat"]):
            out += build(part["repeat"], captures) * part["times"]
        else:
            out += b"".join(build(part["repeat"], captures, index) for index in range(part["times"]))
    return bytes(out)


def take(parts, data, captures, repetition=0, seen=None):
    """Takes the parts off the front of the data, and gives what is left."""
    for part in parts:
        if "any" in part or "low" in part:  # neither is found in hexadecimal
            low, high = part["any"] if "any" in part else [len(part["low"]) // 2] * 2
            content, data = data[:high], data[high:]
            if len(content) < low:
                raise Mismatch(f"{len(content)} bytes where at least {low} should be")
            check(part, content, captures, seen)
            if "capture" in part:
                captures[part["capture"]] = content
        elif "length" in part:
            width = part["length"]
            end = width + int.from_bytes(data[:width], "big")
            if len(data) < max(width, end) or take(part["of"], data[width:end], captures, repetition, seen):
                raise Mismatch("a length that does not fit what it counts")
            data = data[end:]
        elif "list" in part:
            if not data or not part["list"][0] <= data[0] <= part["list"][1]:
                raise Mismatch(f"not {part['list'][0]} to {part['list'][1]} groups")
            count, data, names = data[0], data[1:], set()
            for _ in range(count):
                data = take(part["of"], data, captures, repetition, names)
        else:
            wanted = build([part], captures, repetition)
            if data[: len(wanted)] != wanted:
                raise Mismatch(f"{data[:16].hex()} where {wanted[:16].hex()} should be")
            data = data[len(wanted) :]
    return data


def check(part, content, captures, seen):
    """Holds what fills a hole to everything that its part asks for."""
    value, ranges = content.hex(), [bytes.fromhex(low + high) for low, high in part.get("each", [["00", "ff"]])]
    wrong = "low" in part and not part["low"] <= value <= part["high"]
    wrong |= "codes" in part and value not in part["codes"]
    wrong |= "not-below" in part and content < build([part["not-below"]], captures)
    wrong |= any(content == build([other], captures) for other in part.get("not", []))
    wrong |= not all(any(low <= byte <= high for low, high in ranges) for byte in content)
    wrong |= "utf8" in part and content.decode("utf-8", "replace").encode() != content
    if "distinct" in part:
        wrong |= content in seen
        seen.add(content)
    if wrong:
        raise Mismatch(f"{value} does not fit {json.dumps(part)}")


def misfit(parts, frame, captures, repetition=0):
    """What is wrong with a frame, or None; it captures only from a frame that fits."""
    tried = dict(captures)
    try:
        if take(parts, frame, tried, repetition):
            return "bytes behind the last part"
    except Mismatch as problem:
        return str(problem)
    captures.update(tried)
    return None


class Connection:
    """Bytes go out; frames and ends come in, each with the moment at which it came."""

    def __init__(self, host, port, limit):
        self.socket = socket.create_connection((host, port), timeout=5)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.input, self.came, self.end, self.broken, self.limit = bytearray(), 0, None, False, limit

    def receive(self):
        try:
            piece = self.socket.recv(1 << 18)
            self.end = None if piece else "reset" if self.broken else "end"
        except OSError:
            piece, self.end = b"", "reset"
        self.input += piece
        self.came = time.monotonic()

    def send(self, data, patience):
        """Reads while it writes, so that the server never waits for its reader."""
        left, until = memoryview(data), time.monotonic() + patience
        while left and not self.broken and time.monotonic() < until:
            readable, writable, _ = select.select([self.socket][bool(self.end) :], [self.socket], [], patience)
            if readable:
                self.receive()
            elif writable:
                try:
                    left = left[self.socket.send(left[: 1 << 18]) :]
                except OSError:
                    self.broken = True  # what has come is still there to read; then it was a reset

    def wait(self, until):
        """Lets time pass, or something come."""
        pause = max(0, until - time.monotonic())
        if select.select([self.socket][bool(self.end) :], [], [], pause)[0]:
            self.receive()

    def next(self, until):
        """A frame, an end or "nothing", and when it came."""
        while True:
            size = 4 + int.from_bytes(self.input[:4], "big")
            if size - 4 > self.limit and len(self.input) >= 4:
                raise Verdict("fail", f"a frame of length {size - 4}, over the limit of {self.limit}")
            if len(self.input) >= max(5, size):
                frame, self.input = bytes(self.input[:size]), self.input[size:]
                return frame, self.came
            if self.end:
                return "end inside a frame" if self.input and self.end == "end" else self.end, self.came
            if time.monotonic() >= until:
                return "nothing", time.monotonic()
            self.wait(until)

    def finish(self, how):
        try:
            if how == "end":
                return self.socket.shutdown(socket.SHUT_WR)
            if how == "reset":
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.socket.close()
        except OSError:
            pass  # the server has dropped the connection already


class Play:
    """One case on one connection."""

    def __init__(self, suite, options):
        self.suite, self.patience, self.captures = suite, options.timeout, {}
        self.between, self.warning, self.held = suite["opening"]["between"], None, None
        self.connection = Connection(options.host, options.port, suite["opening"]["limit"])
        self.previous = time.monotonic()
        self.marks = {"start": self.previous}

    def run(self, steps):
        try:
            self.play(steps)
            return ("warn", self.warning) if self.warning else ("pass", "")
        except Verdict as end:
            return end.args
        finally:
            self.connection.finish("close")

    def play(self, steps):
        for step in steps:
            if "one-of" in step:
                name = self.choose(step["one-of"])
                if name in step.get("advised-against", []):
                    self.warning = f"the branch {name} is advised against"
                return self.play(step["one-of"][name])
            if "operator" in step:
                raise Verdict("unsupported", "it has not started the server, so it can't stop it")
            if not (self.speak if "send" in step or "wait" in step else self.listen)(step):
                continue
            self.marks[step.get("mark")] = self.previous
            self.between = step.get("now", {}).get("between", self.between)
            self.connection.limit = step.get("now", {}).get("limit", self.connection.limit)

    def since(self, step):
        return self.marks[step["at"]["since"]] if "since" in step.get("at", {}) else self.previous

    def speak(self, step):
        until = self.since(step) + step["at"]["ms"] / 1000 if "at" in step else time.monotonic()
        until += step.get("wait", 0) / 1000
        while time.monotonic() < until:
            self.connection.wait(until)
        self.connection.send(build(step.get("send", []), self.captures), self.patience)
        if "finish" in step:
            self.connection.finish(step["finish"])
        self.previous = time.monotonic()
        return True

    def listen(self, step):
        """Holds what comes to the step; gives False if it was optional and left out."""
        since, due = self.since(step), step.get("at")
        for repetition in range(step.get("times", 1)):
            patience = step["quiet"] / 1000 if "quiet" in step else self.patience
            thing, came = self.next(since + due["latest"] / 1000 if due else time.monotonic() + patience, [step])
            wrong = self.wrong(step, thing, self.captures, repetition)
            if wrong and "optional" in step:
                self.held = (thing, came) if thing != "nothing" else None
                return False
            if wrong:
                self.fail(thing, wrong)
            if due and not due["earliest"] <= (came - since) * 1000 <= due["latest"]:
                after = f"after {(came - since) * 1000:.0f} ms"
                raise Verdict("fail", f"{after}; due from {due['earliest']} to {due['latest']} ms")
            self.previous = came
        if "closes" in step and thing in step["ends"]:
            self.warning = f"{thing} without an ERROR"
        elif "closes" in step:
            after, _ = self.connection.next(time.monotonic() + self.patience)
            if after not in step["ends"]:
                self.fail(after, "the ERROR should have been the last")
        return True

    def wrong(self, step, thing, captures, repetition=0):
        """What keeps this thing from being the step, or None."""
        if thing in step.get("ends", []) or ("quiet" in step and thing == "nothing"):
            return None
        template = step.get("expect", step.get("closes"))
        if template is None or not isinstance(thing, bytes):
            return f"expected {step.get('note') or step.get('ends') or 'nothing'}"
        problem = misfit(template, thing, captures, repetition)
        return problem and f"{step['note']}: {problem}"

    def next(self, until, steps):
        """The next thing that one of the steps may be, past what may come between steps."""
        if self.held:
            (thing, came), self.held = self.held, None
            return thing, came
        ping, extension = self.suite["between"]["ping"], self.suite["between"]["extension"]
        while True:
            thing, came = self.connection.next(until)
            if not isinstance(thing, bytes):
                return thing, came
            if extension["first-type"] <= thing[4:5].hex() <= extension["last-type"]:
                if "extension" not in self.between:
                    raise Verdict("fail", "an extension frame where none is allowed")
                continue
            wanted = any("quiet" in step or not self.wrong(step, thing, dict(self.captures)) for step in steps)
            if wanted or "ping" not in self.between or misfit(ping["expect"], thing, self.captures):
                return thing, came
            self.connection.send(build(ping["answer"], self.captures), self.patience)

    def choose(self, branches):
        """The branch that the server takes by what it does next."""
        firsts = [steps[0] for steps in branches.values()]
        quiet = [step["quiet"] / 1000 for step in firsts if "quiet" in step]
        latest = [step["at"]["latest"] / 1000 for step in firsts if "at" in step]
        self.held = self.next(time.monotonic() + (quiet or [max([self.patience, *latest])])[0], firsts)
        for name, first in zip(branches, firsts):
            if not self.wrong(first, self.held[0], dict(self.captures)):
                return name
        return self.fail(self.held[0], f"none of the branches {', '.join(branches)}")

    def fail(self, thing, wrong):
        for template in self.suite["inconclusive"]:
            if isinstance(thing, bytes) and not misfit(template["expect"], thing, {}):
                raise Verdict("inconclusive", template["note"])
        raise Verdict("fail", f"{wrong}; it was {thing[:24].hex() if isinstance(thing, bytes) else thing}")


def play_case(suite, case, options):
    for lacking in ("unsupported", "computed", "connection"):
        if lacking in case:
            return "unsupported", f"{lacking}: {case[lacking]}"
    try:
        verdict, reason = Play(suite, options).run(case["server"])
        probe = next((other for other in suite["cases"] if other["id"] == case.get("probe")), {})
        if "server" in probe and verdict in ("pass", "warn"):
            after, why = Play(suite, options).run(probe["server"])
            if after not in ("pass", "warn"):
                return after, f"{probe['id']} afterwards: {why}"
        return verdict, reason
    except OSError as error:
        return "inconclusive", f"no connection: {error}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases")
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--timeout", type=float, default=5, help="seconds for a step without a deadline")
    parser.add_argument("--only", action="append", help="the id of a case; may be repeated")
    options = parser.parse_args()
    with open(options.cases, encoding="utf-8") as file:
        suite = json.load(file)
    chosen = [case for case in suite["cases"] if "server" in case["roles"]]
    chosen = [case for case in chosen if not options.only or case["id"] in options.only]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        verdicts = list(pool.map(lambda case: play_case(suite, case, options), chosen))
    for case, (verdict, reason) in zip(chosen, verdicts):
        print(json.dumps({"case": case["id"], "verdict": verdict, "reason": reason}))
    sys.exit(2 if not chosen else int(any(verdict in ("fail", "inconclusive") for verdict, _ in verdicts)))


if __name__ == "__main__":
    main()
