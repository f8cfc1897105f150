#!/usr/bin/python3
"""When the lane itself may not pay - its disk was cloned, its clock is doubted, its journal is damaged,
it is in training - whoever pays at the POS with a card still can: the tender goes through to the real
terminal at once, with a member in the checkout, and the payer is not asked. Cured, the same lane is
paid by touch again."""
import contextlib
import os
import shutil
import sqlite3
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tender  # noqa: E402

DAY_MS = 24 * 3600 * 1000


def flip(path, at):
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)
        f.seek(at)
        f.write(bytes([byte[0] ^ 0xff]))


@contextlib.contextmanager
def stopped(shop):
    """laned is not there; started again behind it."""
    process = shop.processes.pop("laned")
    process.terminate()
    assert process.wait(tender.PATIENCE_S) == 0, "laned does not end"
    yield
    shop.start("laned")
    shop.wait_ready()
    shop.wait_relay()
    shop.wait(lambda: not any(a.get("bypass") for a in shop.ctl("status")["adapters"]),
              "the bypass to be over")


def cloned(shop):
    with stopped(shop):
        flip(shop.path("state", "identity"), 80)


_moved = []  # the row whose time was changed


def move_record(shop, by_ms):
    with contextlib.closing(sqlite3.connect(shop.path("state", "journal.db"))) as db:
        if not _moved:
            _moved.append(db.execute("SELECT max(seq) FROM checkouts").fetchone()[0])
        db.execute("UPDATE checkouts SET changed_ms = changed_ms + ? WHERE seq = ?",
                   (by_ms, _moved[0]))
        db.commit()


def clock_doubted(shop):
    """The last record lies ahead of the clock."""
    with stopped(shop):
        move_record(shop, 3 * DAY_MS)
    assert shop.checkout()["faults"]["clock_doubted"]


def clock_believed(shop):
    with stopped(shop):
        move_record(shop, -3 * DAY_MS)
    assert not shop.checkout()["faults"]["clock_doubted"]


def journal_damaged(shop):
    with stopped(shop):
        shutil.copy(shop.path("state", "journal.db"), shop.path("journal.kept"))
        with open(shop.path("state", "journal.db"), "wb") as f:
            f.write(b"this is no database, and it is long enough to be read as one. " * 200)


def journal_restored(shop):
    with stopped(shop):
        shutil.copy(shop.path("journal.kept"), shop.path("state", "journal.db"))


TROUBLES = (
    ("a cloned disk", cloned, cloned),
    ("a doubted clock", clock_doubted, clock_believed),
    ("a damaged journal", journal_damaged, journal_restored),
    ("training", lambda s: s.ctl("training", "on"), lambda s: s.ctl("training", "off")),
)


def passes(shop, what):
    before = len(shop.terminal.ledger)
    asked = len(shop.pos.ledger.keys)
    ticket = shop.ticket()
    since = time.monotonic()
    _, answers = shop.till.pay(ticket)
    answer = shop.answer(answers)
    assert answer["peer"] == "terminal" and answer["outcome"] == "approved", (what, answer)
    assert len(shop.terminal.ledger) == before + 1, what
    assert len(shop.pos.ledger.keys) == asked, "%s: the payer was asked" % what
    shop.till.drop()
    with tender.lablib_control(shop) as rpc:
        assert rpc.call("lane.status")["counters"]["tenders_passed"] > 0, (
            what, shop.payments(ticket), shop.checkout(), shop.ctl("status")["adapters"])
    return time.monotonic() - since


def main():
    shop = tender.Shop()
    try:
        shop.open()
        tender.paid_by_touch(shop)
        for what, spoil, cure in TROUBLES:
            spoil(shop)
            passes(shop, what)
            cure(shop)
            tender.paid_by_touch(shop)
            print("ok   with %s, others' cards go through; cured, it is paid by touch" % what,
                  flush=True)
    except Exception:
        for name in ("laned", "laned-adapter", "relay"):
            print("---- %s\n%s" % (name, shop.log(name)[-3000:]))
        raise
    finally:
        shop.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())
