"""Conducts a bench of reader models (tests/usb/bench.h tells the protocol) from a test."""
import os
import socket
import subprocess
import time

LIMIT_S = float(os.environ.get("READERBENCH_LIMIT_S", "60"))


class BenchError(Exception):
    """The bench refused a command, or what was waited for never came."""


class Bench:
    """A bench program with a control connection.

    with Bench([build + "/usb/reader-live"], [laned_bio, "--fd", "3"]) as b:
        b.cmd("plug 05ba:000a 1-1")
        b.wait("waiting 1-1")

    Events are kept in order; wait() takes the first that fits and forgets what came before it,
    unless keep is set.
    """

    def __init__(self, program, child=(), options=(), limit_s=LIMIT_S, **popen):
        self.limit_s = limit_s
        self.events = []
        self.answers = []
        self.rest = b""
        self.socket, theirs = socket.socketpair()
        fds = (theirs.fileno(), *popen.pop("pass_fds", ()))
        with theirs:
            self.process = subprocess.Popen(
                [*program, "--fd", str(fds[0]), *options, *child], pass_fds=fds,
                stdin=subprocess.DEVNULL, **popen)

    def _receive(self, until):
        """Takes what the bench says; False when time is up or the bench has gone."""
        left = until - time.monotonic()
        if left <= 0:
            return False
        self.socket.settimeout(left)
        try:
            data = self.socket.recv(65536)
        except (TimeoutError, ConnectionResetError):
            return False
        if not data:
            return False
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in (raw.decode() for raw in lines):
            if line.split(" ")[0] in ("ok", "error"):
                self.answers.append(line)
            else:
                self.events.append(line)
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

    def stats(self, port="1-1"):
        """The counters of a port; mode and status are hexadecimal text."""
        pairs = (word.split("=") for word in self.cmd(f"stats {port}").split())
        return {k: v if k in ("mode", "status") else int(v) for k, v in pairs}

    def wait(self, *starts, keep=False, limit_s=None):
        """The next event that begins with one of starts (whole words)."""
        until = time.monotonic() + (limit_s or self.limit_s)
        at = 0
        while True:
            while at < len(self.events):
                event = self.events[at]
                if any((event + " ").startswith(s + " ") for s in starts):
                    if not keep:
                        del self.events[:at + 1]
                    return event
                at += 1
            if not self._receive(until):
                raise BenchError(f"no event {' | '.join(starts)}; last: {self.events[-8:]}")

    def exit_code(self):
        """Waits until the bench has ended."""
        return self.process.wait(self.limit_s)

    def close(self):
        """Ends the bench and its child, and returns its exit code."""
        try:
            self.socket.sendall(b"quit\n")
        except OSError:
            pass  # it has ended, or is about to
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise BenchError("the bench does not end") from None
        finally:
            self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
