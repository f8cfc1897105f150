"""A program at the other end of a socket that answers commands and tells what happens, in lines."""
import os
import time

LIMIT_S = float(os.environ.get("READERBENCH_LIMIT_S", "60"))


class BenchError(Exception):
    """A command was refused, or what was waited for never came."""


class LinePeer:
    """Commands are answered "ok ..." or "error ..." in their order; all else is kept in events."""

    def __init__(self, socket, limit_s=LIMIT_S):
        self.socket, self.limit_s = socket, limit_s
        self.events = []
        self.answers = []
        self.rest = b""

    def receive(self, until):
        """Takes what it says; False when time is up or it has gone."""
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
            kind = self.answers if line.split(" ")[0] in ("ok", "error") else self.events
            kind.append(line)
        return True

    def cmd(self, line):
        """Gives a command; what follows its ok."""
        self.socket.sendall(line.encode() + b"\n")
        until = time.monotonic() + self.limit_s
        while not self.answers:
            if not self.receive(until):
                raise BenchError(f"no answer to {line!r}; last: {self.events[-8:]}")
        answer = self.answers.pop(0)
        if not answer.startswith("ok"):
            raise BenchError(f"{line}: {answer}")
        return answer[3:]

    def wait(self, *starts, keep=False, limit_s=None):
        """The next line told that begins with one of starts (whole words); forgets what came before
        it and itself, unless keep is set."""
        until = time.monotonic() + (limit_s or self.limit_s)
        at = 0
        while True:
            while at < len(self.events):
                line = self.events[at]
                at += 1
                if any((line + " ").startswith(s + " ") for s in starts):
                    if not keep:
                        del self.events[:at]
                    return line
            if not self.receive(until):
                raise BenchError(f"never told: {' | '.join(starts)}; last: {self.events[-8:]}")
