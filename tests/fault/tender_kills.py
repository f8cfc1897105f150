#!/usr/bin/python3
"""Payments that the POS asks its terminal for, and processes killed while they are on their way: laned,
the adapter that poses as the terminal, the payer's adapter; FAULT_KILLS of them (12), each by SIGKILL at
a named crash point or at a random moment, one or two at a time. What the POS counts as paid in the end
is what the payer took and did not give back. FAULT_SEED repeats the choices."""
import os
import queue
import random
import shutil
import signal
import socket
import sys
import threading
import time

SRCDIR = os.environ.get("SRCDIR", ".")
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(SRCDIR, "tests", "integration"))
import faultlab  # noqa: E402
import random_kills  # noqa: E402
import tender  # noqa: E402
from faultlab import lablib, must  # noqa: E402

VICTIMS = ("laned", "laned-adapter", "relay")
END_S = 60.0
TICKETS = 60  # in which so many must have died
TOUCH_S = 1.5
POS_S = 8.0  # a POS's patience with its terminal's repeats
CERTAIN = ("confirmed", "undone", "declined", "not-sent", "cancelled")
TROUBLE = (OSError, lablib.Hang, RuntimeError, AssertionError, ValueError, KeyError, TypeError)


class Shop(tender.Shop):
    """With crash points in every program."""

    def __init__(self):
        super().__init__()
        self.bin = {name: faultlab.CRASH_BUILD for name in lablib.PROGRAMS}
        for name in ("drop.so", "drop.options.json"):
            shutil.copy(os.path.join(faultlab.CRASH_BUILD, "plugins", name),
                        self.path("adapters", name))
        self.plans = {}
        for name in VICTIMS:
            self.plans[name] = random_kills.Plan(self.path("plan-" + name))
            self.env[name] = {"LANED_CRASH_PLAN": self.plans[name].path}

    def start_relay(self):
        kept = dict(os.environ)
        os.environ.update(self.env["relay"])
        built, tender.BUILD = tender.BUILD, faultlab.CRASH_BUILD
        try:
            super().start_relay()
        finally:
            tender.BUILD = built
            os.environ.clear()
            os.environ.update(kept)


def quietly(function, *arguments):
    """Its value; None while something is being restarted."""
    try:
        return function(*arguments)
    except TROUBLE:
        return None


def once(port, message):
    """One message of the POS over a connection of its own, and its answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=POS_S) as sock:
        tender.send_frame(sock, message)
        return tender.receive_frame(sock)


class Run:
    def __init__(self, shop, chance):
        self.shop = shop
        self.chance = chance
        self.deaths = []
        self.blow = []
        self.dead_at = None
        self.touched = 0.0
        self.asked_a_person = 0
        self.ends = []
        self.seen = {}  # program: {point: passes}, in a ticket
        self.took = 0.0

    def passed(self):
        return {p: self.shop.plans[p].passed() for p in VICTIMS}

    def aim(self):
        first = self.chance.choice(VICTIMS)
        if self.chance.random() < 0.6:
            name = self.chance.choice(sorted(self.seen[first]))
            self.shop.plans[first].order(self.chance.randint(1, self.seen[first][name]), name)
        else:
            self.blow.append([first, "moment", self.chance.uniform(0.0, self.took)])
        if self.chance.random() < 0.4:
            other = self.chance.choice([v for v in VICTIMS if v != first])
            self.blow.append([other, "with", self.chance.uniform(0.0, 0.05)])

    def strike(self):
        now = time.monotonic()
        for program, process in list(self.shop.processes.items()):
            if process.poll() is None:
                continue
            must(process.returncode == -signal.SIGKILL, "%s ended by itself: %s" % (
                program, process.returncode))
            n, name = self.shop.plans[program].rows()[0]
            self.died(program, name if name and n == 0 else "?")
            self.shop.plans[program].order(0, "")
            self.shop.start(program)
        for one in list(self.blow):
            program, how, when = one
            since = self.began if how == "moment" else self.dead_at
            if since is not None and now - since >= when:
                self.blow.remove(one)
                self.shop.kill(program)
                self.died(program, "moment")
                self.shop.start(program)

    def died(self, program, where):
        self.deaths.append((program, where))
        if self.dead_at is None:
            self.dead_at = time.monotonic()

    def until(self, condition, what):
        def look():
            self.strike()
            return condition()
        value = self.shop.pos.wait(look, END_S)
        must(value, "never came: " + what)
        return value

    def shopper(self, ticket):
        """The finger, when the lane waits for it."""
        if time.monotonic() - self.touched < TOUCH_S:
            return
        shown = quietly(self.shop.checkout)
        if shown and shown["ticket"] == ticket and shown["phase"] == "confirming":
            self.touched = time.monotonic()
            quietly(self.shop.touch, 1)

    def asked(self, message):
        """The answer to a message of the POS, asked again until there is one."""
        replies = queue.Queue()

        def ask():
            reply = quietly(once, self.shop.till.port, message)
            replies.put(reply or {"outcome": "lost"})
        threading.Thread(target=ask, daemon=True).start()
        self.until(lambda: not replies.empty(), "an answer to %s" % message)
        return replies.get()

    def sell(self):
        shop = self.shop
        ticket = shop.ticket()
        before = self.passed()
        if self.seen:
            self.aim()
        self.began = time.monotonic()
        self.dead_at = None
        identity, answers = shop.till.pay(ticket)

        def answered():
            self.shopper(ticket)
            return not answers.empty()
        self.until(answered, "an answer to the POS")
        answer = answers.get()
        last = 0
        # An error: laned cannot say now.
        while (answer.get("type") == "error" or
               answer.get("outcome") in ("lost", "unknown", "in-progress")) and last < 2:
            shop.till.drop()
            # Two answers that say nothing, while all that laned knows is certain: a tester's limit.
            last = last + 1 if quietly(self.certain, ticket) and quietly(self.back) else 0
            answer = self.asked({"type": "repeat", "id": identity})
            must(time.monotonic() - self.began < END_S, "the POS hears nothing: %s" % answer)
        if answer.get("outcome") in ("approved", "partial") and answer.get("peer") != "terminal":
            # One in three is not sold after all. What the POS is told is heard, is heard.
            back = self.chance.random() < 0.34
            shop.till.paid[ticket] = 0 if back else answer["amount"]
            while self.asked({"type": "undo" if back else "done",
                              "id": answer["id"]}).get("type") != "ok":
                must(time.monotonic() - self.began < END_S, "the POS's word is never heard")
        for plan in shop.plans.values():
            plan.order(0, "")
        self.blow = []
        self.until(lambda: quietly(self.settled, ticket), "certain payments of " + ticket)
        self.until(lambda: shop.taken(ticket) == shop.till.paid.get(ticket, 0),
                   "%s: the payer has %d, the POS %d" % (
                       ticket, shop.taken(ticket), shop.till.paid.get(ticket, 0)))
        must(all(e["charged"] == 1 for _, e in shop.pos.ledger.charges()), "charged twice")
        shop.till.drop()
        if not self.seen:
            self.took = time.monotonic() - self.began
            after = self.passed()
            self.seen = {p: random_kills.gained(before[p], after[p]) for p in VICTIMS}
        self.until(lambda: quietly(self.back), "all of it back")
        self.ends.append(answer.get("peer", "payer") + " " + answer.get("outcome", "?"))

    def certain(self, ticket):
        return all(p["state"] in CERTAIN for p in self.shop.payments(ticket))

    def settled(self, ticket):
        """
        Certain, with a person's help: a repeat that went past laned while it was away was answered by
        the terminal, which has no such payment, and of its own answer laned will hear no word any
        more. It calls somebody, who looks at the till.
        """
        for p in self.shop.payments(ticket):
            if p["state"] == "answer-sending" and p.get("alarm"):
                taken = self.shop.till.paid.get(ticket, 0) > 0
                self.shop.ctl("payments", "settle", p["key"], "--taken" if taken else "--not-taken")
                self.asked_a_person += 1
        return self.certain(ticket)

    def back(self):
        status = self.shop.ctl("status")
        return status["bio"]["connected"] and all(
            a["connected"] and not a.get("bypass") for a in status["adapters"])

    def go(self, wanted):
        self.sell()
        for program, points in self.seen.items():
            must(len(points) >= 3, "%s passes only %s: built without crash points?" % (
                program, points))
        began = told = time.monotonic()
        while len(self.deaths) < wanted and len(self.ends) < TICKETS + wanted:
            self.sell()
            now = time.monotonic()
            if now - told > 5:
                told = now
                rate = max(len(self.deaths), 1) / (now - began)
                print("%d of %d kills, %.1f a second, %.0f s to go" % (
                    len(self.deaths), wanted, rate, (wanted - len(self.deaths)) / rate), flush=True)


def main():
    if not os.path.exists(os.path.join(tender.BUILD, "terminal", "relay.so")):
        print("the test adapter that poses as a terminal is not built (make check-fault)")
        return 77
    seed = int(os.environ.get("FAULT_SEED") or random.randrange(1 << 32))
    wanted = int(os.environ.get("FAULT_KILLS") or 12)
    print("seed %d" % seed, flush=True)
    shop = Shop()
    run = Run(shop, random.Random(seed))
    began = time.monotonic()
    try:
        shop.open()
        run.go(wanted)
    except (faultlab.Failed, *TROUBLE) as e:
        print("FAULT_SEED=%d, ticket %d: %s: %s\n%s" % (seed, len(run.ends) + 1,
                                                       type(e).__name__, e,
                                                       shop.pos.charges_text()))
        print(run.deaths[-3:], quietly(shop.ctl, "payments"))
        for name in VICTIMS:
            print("--- %s\n%s" % (name, shop.log(name)[-2500:]))
        return 1
    finally:
        shop.remove()
    print("%d processes killed in %d tickets (%s), %.0f s, a person called %d times: what the POS "
          "counts as paid is what the payer took" % (len(run.deaths), len(run.ends), ", ".join(
              "%d %s" % (run.ends.count(e), e) for e in sorted(set(run.ends))),
              time.monotonic() - began, run.asked_a_person))
    return 0


if __name__ == "__main__":
    sys.exit(main())
