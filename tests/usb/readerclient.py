"""Conducts reader-client (tests/usb/client.c tells the protocol) below a bench of readers."""
import os
import socket

from linepeer import LIMIT_S, BenchError, LinePeer
from readerbench import Bench


class Client(LinePeer):
    """A bench and the client that it starts.

    with Client(build) as c:
        c.cmd("open front")
        c.bench.cmd("plug")
        c.wait("state front ready")
    """

    def __init__(self, build, options=("--fast",), wrapper=(), limit_s=LIMIT_S, **popen):
        ours, theirs = socket.socketpair()
        super().__init__(ours, limit_s)
        try:
            self.bench = Bench([os.path.join(build, "usb", "reader-live")],
                               [*wrapper, os.path.join(build, "usb", "reader-client"),
                                str(theirs.fileno())],
                               options, limit_s, pass_fds=[theirs.fileno()], **popen)
        finally:
            theirs.close()
        self.pid = int(self.bench.wait("started").split()[1])

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
        try:
            return super().wait(*starts, limit_s=limit_s).split()
        except BenchError as e:
            raise BenchError(f"{e}; bench: {self.bench.events[-8:]}") from None

    def forget(self):
        """Drops what was told until now."""
        self.cmd("count")
        self.events.clear()

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
