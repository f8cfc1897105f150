"""Conducts a bench of reader models (tests/usb/bench.h tells the protocol) from a test."""
import glob
import os
import socket
import subprocess

from linepeer import LIMIT_S, BenchError, LinePeer

__all__ = ["Bench", "BenchError"]


class Bench(LinePeer):
    """A bench program with a control connection.

    with Bench([build + "/usb/reader-live"], [laned_bio, "--fd", "3"]) as b:
        b.cmd("plug 05ba:000a 1-1")
        b.wait("waiting 1-1")
    """

    def __init__(self, program, child=(), options=(), limit_s=LIMIT_S, **popen):
        ours, theirs = socket.socketpair()
        super().__init__(ours, limit_s)
        fds = (theirs.fileno(), *popen.pop("pass_fds", ()))
        with theirs:
            self.process = subprocess.Popen(
                [*program, "--fd", str(fds[0]), *options, *child], pass_fds=fds,
                stdin=subprocess.DEVNULL, **popen)

    def stats(self, port="1-1"):
        """The counters of a port; mode and status are hexadecimal text."""
        pairs = (word.split("=") for word in self.cmd(f"stats {port}").split())
        return {k: v if k in ("mode", "status") else int(v) for k, v in pairs}

    def exit_code(self):
        """Waits until the bench has ended."""
        return self.process.wait(self.limit_s)

    def where_it_waits(self):
        """In which place of the kernel each of its threads waits."""
        places = []
        for task in glob.glob(f"/proc/{self.process.pid}/task/*"):
            with open(os.path.join(task, "wchan"), encoding="ascii") as f:
                places.append(f.read() or "?")
            with open(os.path.join(task, "syscall"), encoding="ascii") as f:
                places.append(f.read().strip())
        return ", ".join(places)

    def close(self):
        """Ends the bench and its child, and returns its exit code."""
        try:
            self.socket.sendall(b"quit\n")
        except OSError:
            pass  # it has ended, or is about to
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired as e:
            where = self.where_it_waits()
            self.process.kill()
            self.process.wait()
            raise BenchError(f"the bench does not end: {where}; "
                             f"last: {self.events[-8:]}") from e.__context__
        finally:
            self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
