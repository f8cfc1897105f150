"""Conducts reader-client (tests/usb/client.c tells the protocol) below a bench of readers."""
import os
import socket
import time

from readerbench import Bench, BenchError

LIMIT_S = float(os.environ.get("READERBENCH_LIMIT_S", "60"))


class Client:
    """A bench and the client that it starts.

    with Client(build) as c:
        c.cmd("open front")
        c.bench.cmd("plug")
        c.wait("state front ready")

    What the client tells is kept in order; wait() forgets what came before the line it gives.
    """

    def __init__(self, build, options=("--fast",), wrapper=(), limit_s=LIMIT_S, **popen):
        self.limit_s = limit_s
        self.told = []
        self.answers = []
        self.rest = b""
        self.socket, theirs = socket.socketpair()
        try:
            self.bench = Bench([os.path.join(build, "usb", "reader-live")],
                               [*wrapper, os.path.join(build, "usb", "reader-client"),
                                str(theirs.fileno())],
                               options, limit_s, pass_fds=[theirs.fileno()], **popen)
        finally:
            theirs.close()
        self.pid = int(self.bench.wait("started").split()[1])

    def _receive(self, until):
        left = until - time.monotonic()
        if left <= 0:
            return False
        self.socket.settimeout(left)
        try:
            data = self.socket.recv(65536)
        except TimeoutError:
            return False
        if not data:
            raise BenchError("the client has ended")
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in (raw.decode() for raw in lines):
            if line.split(" ")[0] in ("ok", "error"):
                self.answers.append(line)
            else:
                self.told.append(line)
        return True

    def cmd(self, line):
        """Gives a command; what follows its ok."""
        self.socket.sendall(line.encode() + b"\n")
        until = time.monotonic() + self.limit_s
        while not self.answers:
            if not self._receive(until):
                raise BenchError(f"no answer to {line!r}")
        answer = self.answers.pop(0)
        if not answer.startswith("ok"):
            raise BenchError(f"{line}: {answer}")
        return answer[3:]

    def _pairs(self, line):
        pairs = (w.split("=", 1) for w in self.cmd(line).split())
        return {k: int(v) if v.isdigit() else v for k, v in pairs}

    def show(self, name="front"):
        """State, counters and device of a reader."""
        return self._pairs(f"show {name}")

    def count(self):
        """Wakeups of the loop, descriptors and memory of the process."""
        return self._pairs("count")

    def attached(self):
        """What is on the bus: (id, port, serial) of each, by port."""
        return sorted((tuple(w.split(",")) for w in self.cmd("attached").split()),
                      key=lambda d: d[1])

    def wait(self, *starts, limit_s=None):
        """The next thing told that begins with one of starts (whole words), as its words."""
        until = time.monotonic() + (limit_s or self.limit_s)
        seen = []
        while True:
            while self.told:
                line = self.told.pop(0)
                seen.append(line)
                if any((line + " ").startswith(s + " ") for s in starts):
                    return line.split()
            if not self._receive(until):
                raise BenchError(f"never told: {' | '.join(starts)}; last: {seen[-8:]}; "
                                 f"bench: {self.bench.events[-8:]}")

    def forget(self):
        """Drops what was told until now."""
        self.cmd("count")
        self.told.clear()

    def close(self):
        """Ends the client, which must leave nothing behind; the exit code."""
        try:
            self.socket.sendall(b"quit\n")
            return self.bench.exit_code()
        finally:
            self.socket.close()
            self.bench.close()

    def kill(self):
        """Ends everything, when a test has failed already."""
        self.socket.close()
        self.bench.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            self.kill()
        elif self.close() != 0:
            raise BenchError("the client ended badly")
