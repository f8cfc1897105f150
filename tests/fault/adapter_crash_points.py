#!/usr/bin/python3
"""laned-adapter dies by SIGKILL at its n-th crash point, for every n, during one checkout with a
payment and its confirmation; it is started again and recovers. Whatever n: the POS's ledger holds
one charge when laned says approved, none when it says no, and the basket came through. The same
with a POS that declines, and with an undo."""
import os
import secrets
import sys
import tempfile

SRCDIR = os.environ.get("SRCDIR", ".")
BUILD = os.environ.get("LANED_CRASH_BUILD", "")
sys.path.insert(0, os.path.join(SRCDIR, "tests", "integration"))
if not os.path.exists(os.path.join(BUILD, "laned-adapter")):
    print("no build with crash points (make crash-build)")
    sys.exit(77)
os.environ["LANED_BUILD"] = BUILD
import adapter_drop  # noqa: E402

POINTS_MAX = 2000  # more than any run passes


class Book:
    """What laned keeps of the payment, by the states of the journal."""

    def __init__(self, key, ticket):
        self.key = key
        self.ticket = ticket
        self.state = "created"
        self.answers = set()

    def entry(self):
        return {"req": "rec-" + secrets.token_hex(4), "key": self.key, "state": self.state,
                "ticket": self.ticket, "amount": 868, "currency": "EUR"}

    def open(self):
        return self.state in ("sending", "unknown", "approved", "undo-queued")

    def take(self, outcome):
        self.answers.add(outcome)
        if self.state == "undo-queued":
            if outcome in ("undone", "not-found", "declined", "not-sent"):
                self.state = "undone"
        elif outcome in ("approved", "unknown"):
            if self.state in ("sending", "unknown"):
                self.state = outcome
        elif outcome in ("declined", "not-sent", "not-found"):
            if self.state in ("created", "sending", "unknown"):
                self.state = "declined" if outcome == "declined" else "not-sent"
        elif outcome == "confirmed":
            self.state = "confirmed"


class Run:
    def __init__(self, root, n, decision, undo):
        self.lane = adapter_drop.Lane(root)
        self.n = n
        self.undo = undo
        self.died = 0
        self.taken = 0
        self.book = None
        self.submitted = None
        if decision:
            self.lane.pos.decide(decision)

    def read_book(self):
        """Every completion and journal record that laned has, in order, into the book."""
        seen = self.lane.laned.seen
        for method, params in seen[self.taken:]:
            if self.book is None or params.get("key") != self.book.key:
                continue
            if method == "adapter.journal" and self.book.state == "created":
                self.book.state = "sending"
            elif method == "adapter.complete":
                self.book.take(params["outcome"])
        self.taken = len(seen)

    def start(self):
        env = {}
        if not self.died:
            env = {"LANED_CRASH_AT": str(self.n), "LANED_CRASH_IN": "laned-adapter"}
        self.read_book()
        self.submitted = None
        book = self.book
        self.lane.laned.recover = [book.entry()] if book is not None and book.open() else []
        self.lane.start(env=env, wait=False)

    def alive(self):
        if self.lane.laned.step() and self.lane.process.poll() is None:
            return True
        if self.lane.process.poll() is None:
            self.lane.process.wait(adapter_drop.PATIENCE_S)
        return False

    def until(self, condition):
        """Serves until condition() holds; a death is followed by a restart."""
        def step():
            if not self.alive():
                assert self.lane.process.returncode == -9, self.lane.log()
                assert not self.died, "it died twice\n" + self.lane.log()
                self.died += 1
                if self.book is not None and self.book.state == "created":
                    self.read_book()
                    if self.book.state == "created":
                        self.book.state = "cancelled"  # the restart table of the journal
                self.start()
            self.read_book()
            return condition()
        assert self.lane.wait(step), "n=%d: stuck in %s\n%s" % (
            self.n, self.book and self.book.state, self.lane.log())

    def ask(self, kind):
        """Submits kind once in each life of the process."""
        mark = (kind, self.died)
        if self.submitted == mark or self.lane.laned.hello is None:
            return
        self.submitted = mark
        params = {"req": "q-" + secrets.token_hex(4), "type": kind, "key": self.book.key,
                  "ticket": self.book.ticket}
        if kind == "pay":
            params.update(rev=self.rev, amount=868, currency="EUR", token="t",
                          timeout_ms=15000)
        try:
            self.lane.laned.request("adapter.submit", params)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it died; seen at the next step

    def drive(self):
        """What laned would do next. True: the payment is over."""
        state = self.book.state
        if state == "created":
            self.ask("pay")
        elif state == "unknown":
            self.ask("query")
        elif state == "approved" and self.undo:
            self.book.state = "undo-queued"
            self.ask("undo")
        elif state == "approved":
            self.ask("confirm")
        elif state == "undo-queued":
            self.ask("undo")
        return state in ("confirmed", "declined", "not-sent", "cancelled", "undone")

    def run(self):
        lane = self.lane
        self.start()
        ticket = lane.pos.ticket()
        for item in ("milk", "coffee"):
            lane.pos.scan(ticket, item)
        lane.pos.total(ticket)
        self.rev = lane.pos.tickets[ticket]["rev"]
        self.until(lambda: any(b["rev"] == self.rev for b in lane.seen("pos.basket")))
        self.book = Book(secrets.token_hex(16), ticket)
        self.until(self.drive)
        self.until(lambda: not lane.left() and lane.laned.hello)
        self.check()
        if lane.process.poll() is None:
            lane.process.terminate()
        status = lane.process.wait(adapter_drop.PATIENCE_S)
        assert status == 0 or (status == -9 and not self.died), lane.log()
        self.died += status == -9  # at a point it passes while it ends
        return self.died

    def check(self):
        standing = [k for k, _ in self.lane.pos.ledger.standing()]
        charges = [e["charged"] for _, e in self.lane.pos.ledger.charges()]
        where = "n=%d, %s, %r\n%s" % (self.n, self.book.state, standing, self.lane.log())
        assert all(c == 1 for c in charges), "charged twice: " + where
        if self.book.state == "confirmed":
            assert standing == [self.book.key], where
        elif self.book.state in ("declined", "not-sent", "cancelled", "undone"):
            assert standing == [], where
        assert self.lane.bad() == [], where


def main():
    total = 0
    for decision, undo in ((None, False), ("decline", False), (None, True)):
        for n in range(1, POINTS_MAX):
            with tempfile.TemporaryDirectory() as root:
                run = Run(root, n, decision, undo)
                try:
                    died = run.run()
                finally:
                    if run.lane.process.poll() is None:
                        run.lane.process.kill()
                        run.lane.process.wait()
            if not died:
                break
            total += 1
        else:
            raise AssertionError("it passes more points than expected")
        assert n > 20, "only %d crash points: is this the build with them?" % n
        print("%s%s: %d points" % (decision or "approve", ", undo" if undo else "", n - 1),
              flush=True)
    print("%d deaths, no charge doubled, none lost" % total)
    return 0


if __name__ == "__main__":
    sys.exit(main())
