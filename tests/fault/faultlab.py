"""What the fault tests share: a lane that is killed in the middle of a checkout and supervised as
systemd would do it, a shopper who touches again when nothing happens, and what must be true at the
end. Test scaffolding."""
import contextlib
import json
import os
import shutil
import sqlite3
import sys
import time

SRCDIR = os.environ.get("SRCDIR", ".")
sys.path.insert(0, os.path.join(SRCDIR, "tests", "demo"))
import lab as lablib  # noqa: E402

BUILD = os.environ.get("LANED_BUILD", "build")
CRASH_BUILD = os.environ.get("LANED_CRASH_BUILD", os.path.join(BUILD, "crash"))
NUMBER = "1001"
TOUCH_AGAIN_S = 0.7  # a shopper's patience: how long after a touch the next one comes
END_S = 30.0

OFFERS = {"laned_rules": 1, "currency": "EUR", "rules": [
    {"id": "all-10", "kind": "percent", "scope": {"all": True}, "params": {"percent_bp": 1000},
     "who": {"member": True}, "text": {"en": "10 % off"}},
    {"id": "once", "kind": "basket_amount", "scope": {"all": True}, "params": {"amount_minor": 37},
     "who": {"member": True}, "limits": {"per_member": 1, "budget_minor": 50},
     "text": {"en": "once 0.37 off"}},
    {"id": "points", "kind": "points_earn", "scope": {"all": True},
     "params": {"points": 1, "per_minor": 100}, "text": {"en": "points"}}]}
ONCE_MINOR = 37

# States of a payment in which nothing is left to be done, and whether money stands then.
ENDED = {"confirmed": True, "undone": False, "declined": False, "not-sent": False,
         "cancelled": False}

ENDS = ("confirmed", "undone", "cash")


class Template:
    """A lane with one enrolled member, copied for every run."""

    def __init__(self):
        self.lab = lablib.Lab(BUILD)
        self.lab.synth_fingers(2, 4, difficulty=20)
        self.lab.start_all()
        self.lab.add_members([lablib.member(NUMBER)])
        self.lab.load_offers(OFFERS)
        self.lab.enrol(NUMBER, [self.lab.image(f, i) for f in (1, 2) for i in (1, 2, 3)])
        self.lab.stop()

    def copy(self, settings=None):
        lab = lablib.Lab(BUILD, settings, crash_build=CRASH_BUILD)
        for name in ("state", "bio", "images"):
            shutil.rmtree(lab.path(name))
            shutil.copytree(self.lab.path(name), lab.path(name))
        return lab

    def remove(self):
        self.lab.remove()


class Failed(Exception):
    pass


def must(truth, text):
    if not truth:
        raise Failed(text)


class Shopper:
    """Presents the finger whenever the lane would take a touch and the last one led nowhere."""

    def __init__(self, lab, image):
        self.lab = lab
        self.image = image
        self.rpc = None
        self.last = 0.0

    def touch(self):
        if time.monotonic() - self.last < TOUCH_AGAIN_S:
            return
        self.last = time.monotonic()
        try:
            if self.rpc is None:
                self.rpc = lablib.Rpc(self.lab.path("run", "control.sock"))
            self.lab.present(self.rpc, self.image)
        except OSError:
            self.rpc = None  # laned is being restarted: the next time

    def sent_away(self):
        """The display says "saving applied, pay by card or cash": token payment is over."""
        try:
            return self.rpc is not None and \
                self.rpc.call("lane.status")["checkout"]["row"] == "pay-other"
        except (OSError, RuntimeError, lablib.Hang):
            self.rpc = None
            return False

    def close(self):
        if self.rpc:
            self.rpc.close()


def checkout(lab, on_step=lambda: None):
    """One checkout by touch. on_step is called all the time. Revives whatever died. The lane must
    end it: paid, or (when the shopper gives up) in cash. Returns what the POS says."""
    pos = lab.pos
    ticket = pos.ticket()
    shopper = Shopper(lab, lab.image(1, 4))

    def serve():
        on_step()
        lab.revive()

    def offered():
        serve()
        return pos.tickets[ticket]["offer"]

    def paid():
        serve()
        if pos.tickets[ticket]["paid"] in (None, "declined"):
            if shopper.sent_away():
                pos.close_cash(ticket)
            else:
                shopper.touch()
        return pos.tickets[ticket]["paid"] in ENDS

    for item in ("milk", "coffee"):
        pos.scan(ticket, item)
    pos.total(ticket)
    if not pos.wait(offered, END_S):
        raise Failed("no offer for the total")
    pos.wait(paid, END_S)
    shopper.close()
    if pos.tickets[ticket]["paid"] not in ENDS:
        raise Failed("the checkout does not end: %s" % pos.tickets[ticket]["paid"])
    return ticket


def settled(lab):
    """Waits until no payment is open; the payments by key."""
    def look():
        lab.revive()
        try:
            payments = lab.ctl("payments", check=False)["payments"]
        except (TypeError, KeyError, ValueError):
            return None
        if all(p["state"] in ENDED for p in payments):
            return payments or [None]
        return None
    payments = lab.pos.wait(look, END_S)
    if payments is None:
        raise Failed("payments stay open: %s" % lab.ctl("payments", check=False))
    return {p["key"]: p for p in payments if p}


def check(lab, ticket):
    """The POS's own ledger against the lane's journal: one charge or none, as the state says."""
    payments = settled(lab)
    standing = lab.pos.ledger.standing()
    for key, entry in lab.pos.ledger.charges():
        if entry["charged"] != 1:
            raise Failed("%s was charged %d times" % (key, entry["charged"]))
        if key not in payments:
            raise Failed("the journal forgot %s" % key)
    for key, payment in payments.items():
        stands = any(k == key for k, _ in standing)
        if stands != ENDED[payment["state"]]:
            raise Failed("%s is %s, and its charge %s" % (
                key, payment["state"], "stands" if stands else "does not stand"))
    of_ticket = [k for k, e in standing if e["ticket"] == ticket]
    paid = lab.pos.tickets[ticket]["paid"]
    if len(of_ticket) != (1 if paid == "confirmed" else 0):
        raise Failed("%d charges stand for a ticket that is %s" % (len(of_ticket), paid))
    check_limits(lab, ticket)


def journal_rows(lab, sql, *values):
    with contextlib.closing(sqlite3.connect("file:%s?mode=ro" % lab.path("state", "journal.db"),
                                            uri=True, timeout=10)) as db:
        return db.execute(sql, values).fetchall()


def sold_with(lab):
    """What the POS took off with the limited offer over all tickets, and the points they earn."""
    once = points = 0
    for ticket in lab.pos.tickets.values():
        offer = ticket["offer"]
        if ticket["paid"] not in ("confirmed", "cash") or not offer:
            continue
        once += sum(d["amount"] for d in offer["discounts"] if d["text"] == "once 0.37 off")
        points += offer["total"] // 100 if offer.get("member_no") else 0
    return once, points


def check_limits(lab, ticket):
    """A limited offer is counted once when the POS sold with it, and never twice; its money is
    what the POS took off; the points are those of the checkouts."""
    paid = lab.pos.tickets[ticket]["paid"]

    def ended():
        lab.revive()
        return paid not in ("confirmed", "cash") or journal_rows(
            lab, "SELECT 1 FROM checkouts WHERE ticket = ? AND phase = 'done'", ticket)
    if not lab.pos.wait(ended, END_S):
        raise Failed("the lane does not hear of the end of %s: %s" % (
            ticket, journal_rows(lab, "SELECT ticket, phase FROM checkouts")))
    counted = journal_rows(lab, "SELECT coalesce(sum(applications), 0) FROM limit_uses"
                                " WHERE rule = 'once'")[0][0]
    money = journal_rows(lab, "SELECT coalesce(sum(discount_minor), 0) FROM limit_totals"
                              " WHERE rule = 'once'")[0][0]
    left = journal_rows(lab, "SELECT c.ticket, c.phase FROM reservations r JOIN checkouts c"
                             " ON c.id = r.checkout WHERE c.phase IN ('done', 'cancelled')")
    must(not left, "ended checkouts reserve: %s" % left)
    must(money == counted * ONCE_MINOR, "%d uses, and %d of the budget" % (counted, money))
    must(counted <= 1, "an offer for once was used %d times" % counted)
    if paid in ("confirmed", "cash"):
        once, want = sold_with(lab)
        points = journal_rows(lab, "SELECT sum(points) FROM checkouts WHERE phase = 'done'")[0][0]
        # A basket that is closed in cash does not say which offer it was sold at. With an adapter
        # that died over the last one, the lane counts what may have been used.
        must(once == counted * ONCE_MINOR or (paid == "cash" and once < counted * ONCE_MINOR),
             "the POS took %d off, the journal counts %d uses" % (once, counted))
        must(points == want or paid == "cash", "%s points, %d were earned" % (points, want))


def describe(lab):
    text = lab.pos.charges_text()
    try:
        text += "\n" + json.dumps(lab.ctl("status")["checkout"])
        for checkout_line in lab.ctl("checkouts", "list")["checkouts"]:
            text += "\n" + lab.ctl("checkouts", "show", checkout_line["checkout"],
                                   json_out=False).stdout
    except (RuntimeError, TypeError) as e:
        text += "\n%s" % e
    for name in lablib.PROGRAMS:
        text += "\n--- %s\n%s" % (name, lab.log(name)[-3000:])
    return text


def scene(run, said):
    """run(lab) on a lane of its own; the exit status. said: what is printed when all was well."""
    template = Template()
    lab = template.copy()
    try:
        run(lab)
    except (Failed, lablib.Hang, RuntimeError) as e:
        print("%s\n%s" % (e, describe(lab)))
        return 1
    finally:
        lab.remove()
        template.remove()
    print(said)
    return 0


# ---- crash points ------------------------------------------------------------------------


class Points:
    """The crash points that the programs pass in one course of a lane: drive(lab, on_step), which
    raises when something is wrong at its end and calls on_step all the time. ready(lab) may wait
    for what was started."""

    def __init__(self, template, drive, programs=lablib.PROGRAMS, ready=lambda lab: None):
        self.template = template
        self.drive = drive
        self.programs = programs
        self.ready = ready

    def start(self, lab, program, env):
        for name in self.programs:
            lab.start(name, env if name == program else None)

    def count(self, program):
        """How many points the program passes when nobody disturbs it."""
        lab = self.template.copy()
        counts = lab.path("count")
        try:
            self.start(lab, program, {"LANED_CRASH_COUNT": counts})
            lab.wait_ready(bio="laned-bio" in self.programs)
            self.drive(lab, lambda: None)
            lab.stop()
            with open(counts, encoding="ascii") as f:
                return int(f.read().split()[0])
        finally:
            lab.remove()

    def on_death(self, lab, program, second, died):
        """The others live, but for the second, which is killed then."""
        if second is not None:
            lab.kill(second)
            lab.start(second)
            return
        for other, running in lab.processes.items():
            if other != program and running.poll() is not None:
                raise Failed("%s died with %s, which ended with %d" % (other, program, died))

    def one(self, program, n, second=None):
        """Whether the program died at its n-th point, by SIGKILL, and the course ended well."""
        lab = self.template.copy()
        died = []

        def on_step():
            process = lab.processes.get(program)
            if process is not None and process.poll() is not None and not died:
                died.append(process.returncode)
                self.on_death(lab, program, second, died[0])
        try:
            self.start(lab, program, {"LANED_CRASH_AT": str(n)})
            self.ready(lab)
            self.drive(lab, on_step)
            must(not died or died[0] == -9, "%s ended by itself: %s" % (program, died))
            return bool(died)
        except (Failed, lablib.Hang, RuntimeError) as e:
            print("%s at point %d%s: %s\n%s" % (
                program, n, " with " + second if second else "", e, describe(lab)))
            raise SystemExit(1) from e
        finally:
            lab.remove()

    def sample(self, program, count, second=None):
        """At an even sample of count points, 0 all: (points, killed at)."""
        points = self.count(program)
        if points < 10:
            print("%s passes %d points only: built without crash points?" % (program, points))
            raise SystemExit(1)
        chosen = range(1, points + 1)
        if count:
            chosen = [max(1, points * (2 * i + 1) // (2 * count)) for i in range(count)]
        return points, sum(self.one(program, n, second) for n in chosen)

    def run(self, said, count):
        """The programs one after the other, as FAULT_PROGRAMS, FAULT_AT and FAULT_FULL want them; the
        exit status. said: what is printed of the points and how many of them killed."""
        for program in os.environ.get("FAULT_PROGRAMS", " ".join(self.programs)).split():
            if "FAULT_AT" in os.environ:
                self.one(program, int(os.environ["FAULT_AT"]))
                continue
            points, killed = self.sample(
                program, 0 if os.environ.get("FAULT_FULL") == "1" else count)
            print("%s: %s" % (program, said % (points, killed)), flush=True)
            if killed == 0:
                return 1
        return 0
