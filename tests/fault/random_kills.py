#!/usr/bin/python3
"""Processes killed while a lane sells: FAULT_KILLS of them (40; `make check-kills` kills 1 000), each by
SIGKILL, at a named crash point or at a random moment, one or two at a time, some again while they come
back. After each blow everything is started again, the checkout must end, and the POS's ledger must
show one charge or none, as the journal says.

The kills are dealt to lives: a life is one lane that sells ticket after ticket and dies again and
again. FAULT_SEED repeats the choices (not the machine's timing), FAULT_LIFE=N only those of one life.
FAULT_JOBS lives go on at a time."""
import multiprocessing
import os
import random
import signal
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import faultlab  # noqa: E402
from faultlab import lablib  # noqa: E402

LIFE_KILLS = 12  # of one lane; a new one is then made
ALL_POINTS_FROM = 1000  # kills; then no point may be left out
LIFE_CHECKOUTS = 40  # in which those must have happened
PICKS = 7  # about as many points as one life dies at
ROW = struct.Struct("I60s")
ROWS = 128
SECOND_S = 0.05  # how long after the first the second one dies at most
SETTINGS = {"payment": {"touch_day_limit": "10000.00"}}
# What becomes of a payment at the POS, and how often in a hundred. It dies too, over its ledger.
DECISIONS = ((6, "decline"), (8, "delay:0.15"), (4, "twice"), (4, "crash-before"),
             (4, "crash-after"))
_shared = {}  # what the processes of the campaign have from their parent: the template


class MortalPos(lablib.legacy.LegacyPos):
    """Comes back from its own crash with nothing but its ledger."""

    def step(self):
        try:
            return super().step()
        except lablib.legacy.Crash:
            self.ledger = lablib.legacy.Ledger(self.ledger.path)
            return 1


class Plan:
    """Orders to a process that runs, and where it has been; see src/base/crash.h."""

    def __init__(self, path):
        self.path = path
        with open(path, "wb") as f:
            f.write(bytes(ROW.size * ROWS))

    def order(self, n, name):
        with open(self.path, "r+b", buffering=0) as f:
            f.write(ROW.pack(0, b""))
            f.seek(0)
            f.write(ROW.pack(0, name.encode()))
            f.seek(0)
            f.write(struct.pack("I", n))

    def rows(self):
        with open(self.path, "rb") as f:
            data = f.read()
        return [(n, name.split(b"\0")[0].decode()) for n, name in ROW.iter_unpack(data)]

    def passed(self):
        return {name: n for n, name in self.rows()[1:] if name}


def gained(before, after):
    """How often each point was passed meanwhile."""
    return {name: n - before.get(name, 0) for name, n in after.items()
            if n > before.get(name, 0)}


class Life:
    def __init__(self, template, seed, number, kills):
        self.number = number
        self.chance = random.Random("%d:%d" % (seed, number))
        self.kills = kills
        self.lab = template.copy(SETTINGS)
        self.lab.pos.__class__ = MortalPos
        self.plans = {}
        for name in lablib.PROGRAMS:
            self.plans[name] = Plan(self.lab.path("plan-" + name))
            self.lab.env[name] = {"LANED_CRASH_PLAN": self.plans[name].path}
        self.deaths = []  # (program, point or "moment")
        self.several = 0  # checkouts in which more than one died
        self.tickets = []
        self.blow = []
        self.picks = 0
        self.seen = {}  # program: {point: passes}, in a checkout
        self.born = {}  # the same, at its start

    # ---- one blow

    def aim(self):
        """What kills in the next checkout: [program, "point", name, n], [program, "moment", when],
        or [program, "with", seconds after the first death]."""
        first = self.chance.choice(lablib.PROGRAMS)
        blow = []
        how = self.chance.random()
        if how < 0.55:
            name, n = self.pick(first, self.seen[first])
            blow.append([first, "point", name, n])
        else:
            blow.append([first, "moment", self.chance.uniform(0.0, self.took)])
            if how > 0.8:  # and again on its way back
                name, n = self.pick(first, self.born[first])
                blow.append([first, "again", name, n])
        if self.chance.random() < 0.35:
            other = self.chance.choice([p for p in lablib.PROGRAMS if p != first])
            blow.append([other, "with", self.chance.choice(
                (0.0, self.chance.uniform(0.0, SECOND_S)))])
        return blow

    def pick(self, program, points):
        """One of the points, each in its turn, and which of its passes."""
        names = sorted(points)
        self.picks += 1
        name = names[(self.number * PICKS + self.picks) % len(names)]
        return name, self.chance.randint(1, points[name])

    def order(self):
        for program, how, *what in self.blow:
            if how == "point":
                self.plans[program].order(what[1], what[0])

    def strike(self):
        """Called all the time: kills whose time has come, and counts who is dead."""
        now = time.monotonic()
        for program, process in self.lab.processes.items():
            if process.poll() is None:
                continue
            if process.returncode != -signal.SIGKILL:
                raise faultlab.Failed("%s ended by itself: %d" % (program, process.returncode))
            n, name = self.plans[program].rows()[0]
            self.died(program, name if name and n == 0 else "?")
            self.plans[program].order(0, "")
        for one in list(self.blow):
            program, how, *what = one
            due = how == "moment" and now - self.began >= what[0]
            if how == "with" and self.dead_at is not None:
                due = now - self.dead_at >= what[0]
            if due and program in self.lab.processes:
                self.blow.remove(one)
                for again in [b for b in self.blow if b[:2] == [program, "again"]]:
                    self.plans[program].order(again[3], again[2])
                self.lab.kill(program)
                self.died(program, "moment")
                self.lab.start(program)

    def died(self, program, where):
        self.deaths.append((program, where))
        if self.dead_at is None:
            self.dead_at = time.monotonic()

    # ---- the life

    def sell(self):
        before = {p: self.plans[p].passed() for p in lablib.PROGRAMS}
        self.began = time.monotonic()
        self.dead_at = None
        before_all = len(self.deaths)
        ticket = faultlab.checkout(self.lab, self.strike)
        self.several += len(self.deaths) - before_all > 1
        for program in lablib.PROGRAMS:
            self.plans[program].order(0, "")
        self.lab.revive()
        self.blow = []
        faultlab.check(self.lab, ticket)
        self.tickets.append(self.lab.pos.tickets[ticket]["paid"])
        return {p: gained(before[p], self.plans[p].passed()) for p in lablib.PROGRAMS}

    def calibrate(self):
        """An undisturbed checkout: which points there are, and how long it takes."""
        self.lab.start_all()
        self.born = {p: self.plans[p].passed() for p in lablib.PROGRAMS}
        self.seen = self.sell()
        self.took = time.monotonic() - self.began
        for program, points in self.seen.items():
            if len(points) < 3:
                raise faultlab.Failed("%s passes only %s: built without crash points?" % (
                    program, points))

    def decide(self):
        dice = self.chance.uniform(0, 100)
        for share, decision in DECISIONS:
            dice -= share
            if dice < 0:
                self.lab.pos.decide(decision)
                return

    def run(self):
        self.calibrate()
        while len(self.deaths) < self.kills and len(self.tickets) < LIFE_CHECKOUTS:
            self.lab.pos.decisions.clear()
            self.decide()
            self.blow = self.aim()
            self.last_blow = list(self.blow)
            self.order()
            self.sell()
            if self.tickets[-1] == "cash":
                break  # the kit can say less of limits after one
        self.lab.stop()

    def result(self):
        return {"life": self.number, "deaths": self.deaths, "tickets": self.tickets,
                "several": self.several,
                "seen": {p: sorted(set(self.seen[p]) | set(self.born[p]))
                         for p in self.seen}}


def live(seed, number, kills):
    life = Life(_shared["template"], seed, number, kills)
    try:
        life.run()
        return life.result()
    except (faultlab.Failed, lablib.Hang, RuntimeError, OSError) as e:
        return {"life": number, "failed": "FAULT_SEED=%d FAULT_LIFE=%d, checkout %d, %s\n%s: %s\n%s"
                % (seed, number, len(life.tickets), getattr(life, "last_blow", "no blow yet"),
                   type(e).__name__, e, faultlab.describe(life.lab))}
    finally:
        life.lab.remove()


class Tally:
    def __init__(self, wanted):
        self.wanted = wanted
        self.began = self.told = time.monotonic()
        self.deaths = []
        self.several = 0
        self.tickets = []
        self.seen = {p: set() for p in lablib.PROGRAMS}

    def take(self, result):
        self.deaths += result["deaths"]
        self.several += result["several"]
        self.tickets += result["tickets"]
        for program, names in result["seen"].items():
            self.seen[program].update(names)
        now = time.monotonic()
        if now - self.told < 5 and len(self.deaths) < self.wanted:
            return
        self.told = now
        rate = len(self.deaths) / (now - self.began)
        print("%d of %d kills, %.1f a second, %.0f s to go" % (
            len(self.deaths), self.wanted, rate,
            max(0, self.wanted - len(self.deaths)) / max(rate, 0.001)), flush=True)

    def show(self):
        """How many points nobody died at."""
        ends = {e: self.tickets.count(e) for e in sorted(set(self.tickets))}
        print("%d processes killed in %d checkouts, in %d of them more than one: %s; %.0f s" % (
            len(self.deaths), len(self.tickets), self.several,
            ", ".join("%d %s" % (n, e) for e, n in ends.items()),
            time.monotonic() - self.began))
        left = 0
        for program in lablib.PROGRAMS:
            where = [w for p, w in self.deaths if p == program]
            points = set(where) & self.seen[program]
            missed = sorted(self.seen[program] - points)
            print("%s: %d times, %d of them at %d of its %d points%s" % (
                program, len(where), len(where) - where.count("moment"), len(points),
                len(self.seen[program]),
                "; not at " + ", ".join(missed) if missed and len(missed) <= 8 else ""))
            left += len(missed)
        return left


def campaign(seed, wanted, jobs):
    """Lives until enough have died. 0; 1 a life found something."""
    tally = Tally(wanted)
    numbers = iter(range(1 << 30))
    with multiprocessing.Pool(jobs) as pool:
        running = []
        while len(tally.deaths) < wanted:
            while len(running) < jobs:
                running.append(pool.apply_async(live, (seed, next(numbers),
                                                       min(LIFE_KILLS, wanted))))
            running[0].wait(0.05)
            for one in [r for r in running if r.ready()]:
                running.remove(one)
                result = one.get()
                if "failed" in result:
                    print(result["failed"])
                    pool.terminate()
                    return 1
                tally.take(result)
        for one in running:  # they clean up after themselves
            one.wait(faultlab.END_S)
    left = tally.show()
    if left and wanted >= ALL_POINTS_FROM:
        print("so many kills must come to every point")
        return 1
    print("charged once or not at all, as the journal says; no doubt is left")
    return 0


def main():
    seed = int(os.environ.get("FAULT_SEED") or random.randrange(1 << 32))
    wanted = int(os.environ.get("FAULT_KILLS") or 40)
    jobs = int(os.environ.get("FAULT_JOBS") or os.cpu_count() or 1)
    print("seed %d" % seed, flush=True)
    template = _shared["template"] = faultlab.Template()
    try:
        if os.environ.get("FAULT_LIFE"):
            result = live(seed, int(os.environ["FAULT_LIFE"]), LIFE_KILLS)
            print(result.get("failed") or result)
            return 1 if "failed" in result else 0
        return campaign(seed, wanted, jobs)
    finally:
        template.remove()


if __name__ == "__main__":
    sys.exit(main())
