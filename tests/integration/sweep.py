#!/usr/bin/python3
"""Checkouts that ended longer ago than [payment] journal_keep leave the journal at the next start; a
younger one stays. A clock that leapt far beyond the last record sweeps nothing."""
import hashlib
import os
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.environ.get("SRCDIR", "."), "tests", "demo"))
import lab as lablib  # noqa: E402

BUILD = os.environ.get("LANED_BUILD", "build")
DAY_MS = 24 * 3600 * 1000


def sell(lab):
    ticket = lab.pos.ticket()
    lab.pos.scan(ticket, "tea")
    lab.pos.total(ticket)
    assert lab.pos.wait_offer(ticket), "no offer"
    lab.pos.close_cash(ticket)
    assert lab.pos.wait(lambda: [c for c in lab.ctl("checkouts", "list")["checkouts"]
                                 if c["ticket"] == ticket and c["phase"] == "done"]), "not done"
    return ticket


def ulid_text(raw):
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    n = int.from_bytes(raw, "big")
    return "".join(alphabet[n >> shift & 31] for shift in range(125, -1, -5))


def chain_anew(journal):
    """The audit's hashes over rows that were changed: a clock that was wrong would have made these."""
    before = bytes(32)
    rows = journal.execute("SELECT seq, wall_ms, what, checkout, key, amount_minor, text "
                           "FROM audit ORDER BY seq").fetchall()
    for seq, wall_ms, what, checkout, key, amount, text in rows:
        record = "%d\n%d\n%s\n%s\n%s\n%d\n%s\n" % (seq, wall_ms, what, ulid_text(checkout),
                                                  key.hex(), amount, text)
        before = hashlib.sha256(before + hashlib.sha256(record.encode()).digest()).digest()
        journal.execute("UPDATE audit SET hash = ? WHERE seq = ?", (before, seq))


def age_everything(lab):
    """As if the clock had been set 401 days ahead since the last record."""
    journal = sqlite3.connect(lab.path("state", "journal.db"))
    for table, columns in (("checkouts", ("opened_ms", "changed_ms")),
                           ("audit", ("wall_ms",)), ("payments", ("created_ms", "state_ms"))):
        for column in columns:
            journal.execute("UPDATE %s SET %s = %s - ?" % (table, column, column),
                            (401 * DAY_MS,))
    chain_anew(journal)
    journal.commit()
    journal.close()
    os.unlink(lab.path("state", "journal.anchor"))  # it notes a record as it was


def main():
    lab = lablib.Lab(BUILD)
    try:
        lab.start_all()
        old, young = sell(lab), sell(lab)
        lab.stop()
        journal = sqlite3.connect(lab.path("state", "journal.db"))
        changed = journal.execute("UPDATE checkouts SET changed_ms = changed_ms - ? "
                                  "WHERE ticket = ?", (401 * DAY_MS, old)).rowcount
        assert changed == 1, "no such checkout"
        journal.commit()
        journal.close()
        lab.start_all()
        kept = [c["ticket"] for c in lab.ctl("checkouts", "list")["checkouts"]]
        assert kept == [young], "kept: %s" % kept
        assert "swept" in lab.log("laned"), "the sweep is not in the log"
        lab.stop()
        age_everything(lab)
        lab.start_all()
        kept = [c["ticket"] for c in lab.ctl("checkouts", "list")["checkouts"]]
        assert kept == [young], "a clock that leapt swept: %s" % kept
        assert "not swept" in lab.log("laned"), "the leap is not in the log"
        lab.stop()
    finally:
        lab.remove()
    print("the old checkout is swept, the young one stays")
    return 0


if __name__ == "__main__":
    sys.exit(main())
