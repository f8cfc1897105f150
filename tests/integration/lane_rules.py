#!/usr/bin/python3
"""The rules of a lane that nothing may get round, each on the real programs: live and test never mix,
training leaves nothing behind, a cloned disk neither pays nor undoes nor opens a template, and by a
clock that cannot be believed no token is paid with."""
import contextlib
import glob
import os
import shutil
import sqlite3
import sys
import time

sys.path.insert(0, os.path.join(os.environ.get("SRCDIR", "."), "tests", "demo"))
import lab as lablib  # noqa: E402

BUILD = os.environ.get("LANED_BUILD", "build")
PATIENCE_S = 30.0
NUMBER = "1001"
DAY_S = 24 * 3600
OFFERS = {"laned_rules": 1, "currency": "EUR", "rules": [
    {"id": "all-10", "kind": "percent", "scope": {"all": True}, "params": {"percent_bp": 1000},
     "who": {"member": True}, "limits": {"per_member": 1000}, "text": {"en": "10 % off"}},
    {"id": "in-2031", "kind": "basket_amount", "scope": {"all": True}, "params": {"amount_minor": 50},
     "when": {"from": "2031-05-01", "to": "2031-05-31"}, "text": {"en": "in 2031"}},
    {"id": "points", "kind": "points_earn", "scope": {"all": True},
     "params": {"points": 1, "per_minor": 100}, "text": {"en": "points"}}]}


class DatedPos(lablib.legacy.LegacyPos):
    """Tells its date with each basket, when it has one."""
    date = None

    def tell(self, stem, kind, message):
        if kind == "basket" and self.date:
            message = dict(message, date=self.date)
        super().tell(stem, kind, message)


class Lane(lablib.Lab):
    def __init__(self):
        super().__init__(BUILD)
        self.pos.__class__ = DatedPos

    def open(self):
        self.synth_fingers(2, 4, difficulty=20)
        self.start_all()
        self.add_members([lablib.member(NUMBER)])
        self.load_offers(OFFERS)
        self.enrol(NUMBER, [self.image(f, i) for f in (1, 2) for i in (1, 2, 3)])

    def restart(self, wait=True):
        for name in list(self.processes):
            self.kill(name)
        for name in lablib.PROGRAMS:
            self.start(name)
        if wait:
            self.wait_ready()

    def rows(self, sql):
        path = "file:%s?mode=ro" % self.path("state", "journal.db")
        with contextlib.closing(sqlite3.connect(path, uri=True, timeout=10)) as db:
            return db.execute(sql).fetchall()

    def change(self, sql, *values):
        """What only a broken clock or machine would write; laned does not run."""
        with contextlib.closing(sqlite3.connect(self.path("state", "journal.db"))) as db:
            db.execute(sql, values)
            db.commit()

    def scan(self, training=False):
        ticket = self.pos.ticket()
        self.pos.tickets[ticket]["training"] = training
        self.pos.scan(ticket, "coffee")
        self.pos.total(ticket)
        return ticket

    def taken(self, ticket):
        """laned has the whole basket, and the adapter knows it."""
        def look():
            shown = self.ctl("status")["checkout"]
            return shown["ticket"] == ticket and shown["phase"] != "open" and \
                not [n for n in os.listdir(self.pos.into) if n.endswith(".json")]
        must(self.pos.wait(look, PATIENCE_S), "the basket of %s is not taken" % ticket)

    def touch(self):
        rpc = self.control()
        try:
            rpc.receive(self.present(rpc, self.image(1, 4)))
        finally:
            rpc.close()

    def row_after_touch(self, *wanted):
        """Touches until the display shows one of these rows."""
        rpc = self.control()
        try:
            def look():
                shown = rpc.call("lane.status")["checkout"]
                if shown["row"] in wanted:
                    return shown
                if shown["member_state"] != "identifying" and shown["phase"] != "paying":
                    rpc.receive(self.present(rpc, self.image(1, 4)))
                return None
            shown = self.pos.wait(look, PATIENCE_S)
            must(shown, "never %s: %s" % (wanted, rpc.call("lane.status")["checkout"]))
            return shown
        finally:
            rpc.close()

    def pay(self):
        """A ticket paid by touch, as on any day."""
        ticket = self.scan()
        must(self.pos.wait_offer(ticket, PATIENCE_S), "no offer")
        rpc = self.control()

        def paid():
            if self.pos.tickets[ticket]["paid"] == "confirmed":
                return True
            if rpc.call("lane.status")["checkout"]["phase"] in ("totalled", "confirming"):
                rpc.receive(self.present(rpc, self.image(1, 4)))
            return False
        try:
            must(self.pos.wait(paid, PATIENCE_S), "not paid: %s" % self.ctl("status"))
        finally:
            rpc.close()
        return ticket

    def doctor(self, name):
        done = self.ctl("doctor", check=False)
        return [c for c in done["checks"] if c["name"] == name][0]

    def out(self):
        return [n for n in os.listdir(self.pos.out) if n.endswith(".json")]


def must(truth, text):
    if not truth:
        raise AssertionError(text)


# ---- training --------------------------------------------------------------------------


def counted(lane):
    """All that a sale leaves behind, but for the records of checkouts themselves."""
    tables = ("payments", "limit_uses", "limit_totals", "reservations", "outbox", "baskets")
    found = {t: lane.rows("SELECT count(*) FROM " + t)[0][0] for t in tables}
    found["points"] = lane.rows("SELECT coalesce(sum(points), 0) FROM checkouts")[0][0]
    found["charges"] = len(lane.pos.ledger.charges())
    return found


def training(lane, by_the_pos):
    before = counted(lane)
    offers = []
    lane.pos.on_offer = offers.append
    known = {r[0] for r in lane.rows("SELECT id FROM checkouts")}
    if not by_the_pos:
        lane.ctl("training", "on")
    ticket = lane.scan(training=by_the_pos)
    lane.taken(ticket)
    shown = lane.row_after_touch("approved")
    must(shown["training"], "no banner: %s" % shown)
    del lane.pos.on_offer
    lane.pos.close_cash(ticket)
    if not by_the_pos:
        lane.ctl("training", "off")
    lane.pay_after = lane.pay()
    after = counted(lane)
    must(not offers, "offers were sent in training: %s" % offers)
    must(after["charges"] == before["charges"] + 1 and
         after["payments"] == before["payments"] + 1, "%s, then %s" % (before, after))
    kept = [r for r in lane.rows(
        "SELECT id, ticket, member, gross_minor, total_minor, saving_minor, paid_minor, phase,"
        " points FROM checkouts") if r[0] not in known and not r[1]]
    must(len(kept) == 1, "training records: %s" % kept)
    must(not any(kept[0][2]) and list(kept[0][3:7]) == [0, 0, 0, 0] and kept[0][8] == 0,
         "more than a training record: %s" % (kept[0],))
    must(not lane.rows("SELECT 1 FROM checkouts WHERE ticket = '%s'" % ticket),
         "the ticket of a training is kept")


def training_leaves_only_its_record(lane):
    """By lanectl, and by the POS in its basket."""
    training(lane, by_the_pos=False)
    training(lane, by_the_pos=True)


# ---- live and test ---------------------------------------------------------------------


def other_conf(lane, environment):
    """The same lane's configuration with another environment."""
    with open(lane.path("laned.conf"), encoding="utf-8") as f:
        text = f.read()
    kept = text
    text = text.replace("environment = test", "environment = " + environment)
    text = text.replace("driver = file\nfolder = %s\n" % lane.path("present"), "driver = usb\n")
    with open(lane.path("laned.conf"), "w", encoding="utf-8") as f:
        f.write(text)
    return kept


def read(path):
    with open(path, "rb") as f:
        return f.read()


def put_conf(lane, text):
    with open(lane.path("laned.conf"), "w", encoding="utf-8") as f:
        f.write(text)


def peers_of_the_other_environment_are_refused(lane):
    """laned stays in test; the adapter and laned-bio believe to be live."""
    for name in ("laned-adapter", "laned-bio"):
        lane.kill(name)
    for name, said in (("laned-adapter", "adapter drop belongs to another environment"),
                       ("laned-bio", "laned-bio belongs to another environment")):
        if name == "laned-bio":
            # Its own store would refuse before: it gets a new one.
            os.rename(lane.path("bio"), lane.path("bio.kept"))
            os.mkdir(lane.path("bio"), 0o700)
        kept = other_conf(lane, "live")
        lane.start(name)
        must(lane.pos.wait(lambda s=said: s in lane.log("laned"), PATIENCE_S),
             "%s is not refused:\n%s" % (name, lane.log("laned")))
        status = lane.ctl("status")
        must(not status["bio"]["connected"] and not any(
            a["connected"] for a in status["adapters"]), "it is let in: %s" % status)
        lane.kill(name)
        put_conf(lane, kept)
    shutil.rmtree(lane.path("bio"))
    os.rename(lane.path("bio.kept"), lane.path("bio"))
    lane.restart()


def files_of_the_other_environment_are_not_opened(lane):
    """A lane that becomes live over the files of test: no journal and so no payment, no gallery, no
    member with a token, no receipt key."""
    lane.stop()
    files = {p: read(p) for p in (lane.path("state", "journal.db"),
                                  lane.path("bio", "gallery.db"))}
    kept = other_conf(lane, "live")
    lane.start("laned")
    lane.control().close()
    status = lane.ctl("status")
    must(not status["journal"]["open"] and "environment" in status["journal"]["note"],
         "the journal of test is opened: %s" % status["journal"])
    must(status["cache"]["members"] == 0, "tokens of test: %s" % status["cache"])
    must(lane.doctor("receipts")["state"] == "fail", "the receipt key of test is used")
    process = lane.start("laned-bio")
    must(process.wait(PATIENCE_S) != 0, "the gallery of test is opened")
    must("environment" in lane.log("laned-bio"), "laned-bio does not say why")
    must({p: read(p) for p in files} == files, "a file was changed")
    lane.kill("laned")
    lane.processes = {}
    put_conf(lane, kept)
    lane.restart()
    lane.add_members([lablib.member(NUMBER)])
    lane.load_offers(OFFERS)
    lane.pay()


# ---- a cloned disk ---------------------------------------------------------------------


def flip(path, at):
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)
        f.seek(at)
        f.write(bytes([byte[0] ^ 0xff]))


def other_machine(lane):
    """As if the machine-id were another one: its hash in both files does not fit any more."""
    flip(lane.path("state", "identity"), 80)
    flip(lane.path("bio", "machine"), 8)


def a_cloned_lane_sells_and_touches_no_money(lane):
    """With a payment open in the journal that was copied. On the machine it was made on, it is
    resolved as ever."""
    ticket = lane.scan()
    must(lane.pos.wait_offer(ticket, PATIENCE_S), "no offer")
    lane.pos.decide("never")
    before = len(lane.pos.ledger.charges())
    lane.touch()
    must(lane.pos.wait(lambda: len(lane.pos.ledger.charges()) > before, PATIENCE_S), "no payment")
    key = lane.pos.ledger.charges()[-1][0]
    for name in list(lane.processes):
        lane.kill(name)
    other_machine(lane)
    lane.restart(wait=False)
    bio = lane.processes["laned-bio"]
    must(bio.wait(PATIENCE_S) == 78 and "cloned" in lane.log("laned-bio"),
         "laned-bio opens references: %s" % bio.returncode)
    del lane.processes["laned-bio"]
    lane.wait_ready(bio=False)
    status = lane.ctl("status")
    must(not status["identity_matches"], "the clone is not seen")
    check = lane.doctor("identity")
    must(check["state"] == "fail" and "cloned" in check["text"] and check["advice"],
         "doctor does not say why: %s" % check)
    lane.pos.step()
    # The cashier gives it up: on the machine it was made on, that would send an undo.
    lane.ctl("other-tender", check=False)
    other = lane.scan()
    lane.taken(other)
    lane.pos.claim(other, "card", "C" + NUMBER)
    must(lane.pos.wait(lambda: lane.ctl("status")["checkout"]["member_state"] == "known",
                       PATIENCE_S), "no member by card")
    must(not lane.ctl("status")["checkout"]["can_pay"], "it would pay by token")
    lane.pos.close_cash(other)
    ended = lane.scan()
    lane.taken(ended)
    must(not lane.out(), "it sends: %s" % lane.out())
    must(lane.pos.ledger.get(key)["state"] == "approved" and
         len(lane.pos.ledger.charges()) == before + 1, "money moved")
    must([p for p in lane.ctl("payments")["payments"] if p["key"] == key][0]["state"] not in
         ("confirmed", "undone", "declined", "not-sent"), "an open payment was decided")
    lane.pos.close_cash(ended)
    for name in list(lane.processes):
        lane.kill(name)
    other_machine(lane)  # and back
    lane.restart()

    def ended_well():
        state = [p for p in lane.ctl("payments")["payments"] if p["key"] == key][0]["state"]
        stands = lane.pos.ledger.get(key)["state"]
        return (state, stands) in (("confirmed", "confirmed"), ("undone", "undone"))
    must(lane.pos.wait(ended_well, PATIENCE_S), "it stays open: %s" % lane.ctl("payments"))
    lane.pay()


# ---- a clock that cannot be believed ---------------------------------------------------


def no_token_payment(lane, words):
    lane.wait_ready()
    check = lane.doctor("clock")
    must(check["state"] == "fail" and words in check["text"], "doctor: %s" % check)
    status = lane.ctl("status")
    must(status["checkout"]["faults"]["clock_doubted"] and words in status["clock_note"],
         "status does not say so: %s" % status)
    charges = len(lane.pos.ledger.charges())
    ticket = lane.scan()
    must(lane.pos.wait_offer(ticket, PATIENCE_S), "no offer: the sale does not go on")
    lane.row_after_touch("pay-other")
    must(lane.pos.wait(lambda: lane.pos.tickets[ticket]["offer"] and
                       lane.pos.tickets[ticket]["offer"]["discounts"], PATIENCE_S),
         "no member price by a doubted clock")
    lane.pos.close_cash(ticket)
    must(len(lane.pos.ledger.charges()) == charges, "paid by a doubted clock")


def offered_on(lane, date):
    """What a stranger's ticket saves when the POS tells this date."""
    lane.pos.date = date
    try:
        ticket = lane.scan()
        offer = lane.pos.wait_offer(ticket, PATIENCE_S)
        must(offer, "no offer on %s" % date)
        lane.pos.close_cash(ticket)
        return sum(d["amount"] for d in offer["discounts"])
    finally:
        lane.pos.date = None


def old_record(lane):
    """A checkout that any sweep would take away."""
    old = int((time.time() - 3000 * DAY_S) * 1000)
    row = lane.rows("SELECT id FROM checkouts ORDER BY seq LIMIT 1")[0][0]
    lane.change("UPDATE checkouts SET opened_ms = ?, changed_ms = ? WHERE id = ?", old, old, row)
    lane.change("UPDATE payments SET state_ms = ? WHERE checkout = ?", old, row)
    return row


def a_clock_before_the_last_record_is_doubted(lane):
    lane.stop()
    row = old_record(lane)
    ahead = int((time.time() + 3 * DAY_S) * 1000)
    last = lane.rows("SELECT max(seq) FROM checkouts")[0][0]
    now = lane.rows("SELECT changed_ms FROM checkouts WHERE seq = %d" % last)[0][0]
    lane.change("UPDATE checkouts SET changed_ms = ? WHERE seq = ?", ahead, last)
    lane.restart(wait=False)
    no_token_payment(lane, "before the last record")
    must([offered_on(lane, d) for d in (None, "2031-05-17", "2031-05-17T10:20", "2031-06-01")] ==
         [0, 50, 50, 0], "the POS's date does not date the offers")
    must(lane.rows("SELECT count(*) FROM checkouts WHERE id = x'%s'" % row.hex())[0][0] == 1,
         "swept by a doubted clock")
    lane.stop()
    lane.change("UPDATE checkouts SET changed_ms = ? WHERE seq = ?", now, last)
    lane.restart()
    must(offered_on(lane, "2031-05-17") == 0, "a believed clock gives way to the POS's date")
    lane.pay()
    must(lane.pos.wait(lambda: not lane.rows(
        "SELECT 1 FROM checkouts WHERE id = x'%s'" % row.hex()), PATIENCE_S),
         "the same record is not swept by a clock that is believed")


def write_clock(lane, when_s):
    with open(lane.path("state", "clock"), "w", encoding="ascii") as f:
        f.write("%d\n" % int(when_s * 1000))


def synchronised():
    """As the kernel says it; None: it cannot be asked."""
    import ctypes
    timex = (ctypes.c_long * 64)()
    state = ctypes.CDLL(None).adjtimex(timex)
    return state not in (-1, 5) and not timex[5] & 0x40


def a_clock_unsynchronised_for_a_day_is_doubted(lane):
    lane.stop()
    write_clock(lane, time.time() - 2 * DAY_S)
    lane.restart(wait=False)
    if synchronised():
        lane.wait_ready()
        must(not lane.ctl("status")["checkout"]["faults"]["clock_doubted"], "it is synchronised")
        print("      (this machine's clock is synchronised: only that it is believed is seen)")
    else:
        no_token_payment(lane, "not synchronised")
    lane.stop()
    write_clock(lane, time.time() - 3600)
    lane.restart()
    lane.pay()


def when_the_clock_was_right_is_written_down(lane):
    """At the first look, and where the file says nothing that could be true."""
    path = lane.path("state", "clock")
    for text in (None, "", "-5\n", "tomorrow\n", "1" * 40):
        lane.stop()
        if os.path.exists(path):
            os.unlink(path)
        if text is not None:
            with open(path, "w", encoding="ascii") as f:
                f.write(text)
        lane.restart()
        with open(path, encoding="ascii") as f:
            said = f.read().strip()
        must(said.isdigit() and abs(int(said) / 1000 - time.time()) < 60,
             "after %r the file says %r" % (text, said))
        must(not lane.ctl("status")["checkout"]["faults"]["clock_doubted"], "doubted after %r" % text)


def a_clock_before_the_build_is_doubted(lane):
    """With libfaketime where it is installed."""
    found = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
    if not found or "asan" in BUILD:
        print("      (left out: no libfaketime, or a sanitizer before it)")
        return
    other = Lane.__new__(Lane)
    lablib.Lab.__init__(other, BUILD)
    try:
        other.env["laned"] = {"LD_PRELOAD": found[0], "FAKETIME": "2019-05-01 12:00:00",
                              "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
        other.start("laned")
        other.control().close()
        check = other.doctor("clock")
        must(check["state"] == "fail" and "built" in check["text"], "doctor: %s" % check)
        must(other.ctl("status")["checkout"]["faults"]["clock_doubted"], "it is believed")
        other.kill("laned")
        other.env = {}
        other.start("laned")
        other.control().close()
        must(other.doctor("clock")["state"] != "fail", "the right time is doubted")
    finally:
        other.remove()
    must(lane, "")


TESTS = (training_leaves_only_its_record, peers_of_the_other_environment_are_refused,
         files_of_the_other_environment_are_not_opened, a_cloned_lane_sells_and_touches_no_money,
         a_clock_before_the_last_record_is_doubted, a_clock_unsynchronised_for_a_day_is_doubted,
         when_the_clock_was_right_is_written_down,
         a_clock_before_the_build_is_doubted)


def main():
    lane = Lane()
    wanted = sys.argv[1:]
    try:
        lane.open()
        for test in TESTS:
            if wanted and test.__name__ not in wanted:
                continue
            test(lane)
            print("ok    " + test.__name__.replace("_", " "), flush=True)
        lane.stop()
    except (AssertionError, lablib.Hang, RuntimeError, OSError) as e:
        import traceback
        traceback.print_exc()
        for name in lablib.PROGRAMS:
            print("--- %s\n%s" % (name, lane.log(name)[-2000:]))
        print("failed: %s" % e)
        return 1
    finally:
        lane.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())
