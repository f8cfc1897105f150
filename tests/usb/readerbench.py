"""Conducts a bench of reader models (tests/usb/bench.h tells the protocol) from a test."""
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
