#!/usr/bin/python3
"""Damaged files at start: each costs what it must and no more, is named, and the lane sells on."""
import os
import shutil
import sys

SRCDIR = os.environ.get("SRCDIR", ".")
sys.path.insert(0, os.path.join(SRCDIR, "tests", "demo"))
import lab as lablib  # noqa: E402

BUILD = os.environ.get("LANED_BUILD", "build")
OFFERS = {"laned_rules": 1, "currency": "EUR", "rules": [
    {"id": "all-10", "kind": "percent", "scope": {"all": True}, "params": {"percent_bp": 1000},
     "who": {"member": True}, "text": {"en": "10 % off"}}]}


def must(truth, text):
    if not truth:
        raise AssertionError(text)


def overwrite(path, data=b"this is no database, and it is long enough to be read as one. " * 200):
    for suffix in ("-wal", "-shm"):
        if os.path.exists(path + suffix):
            os.unlink(path + suffix)
    with open(path, "wb") as f:
        f.write(data)


def sell_by_card(lab, expect_total):
    ticket = lab.pos.ticket()
    lab.pos.claim(ticket, "card", "C1001")
    lab.pos.scan(ticket, "coffee")
    lab.pos.total(ticket)
    offer = lab.pos.wait(lambda: lab.pos.tickets[ticket]["offer"] and
                         lab.pos.tickets[ticket]["offer"]["total"] == expect_total and
                         lab.pos.tickets[ticket]["offer"])
    must(offer, "no offer of %d: %s" % (expect_total, lab.pos.tickets[ticket]["offer"]))
    lab.pos.close_cash(ticket)
    lab.pos.wait_offer(ticket, 1.0)
    return ticket


def check_of(lab, name):
    checks = lab.ctl("doctor", check=False)["checks"]
    return next(c for c in checks if c["name"] == name)


def damaged_journal(lab):
    overwrite(lab.path("state", "journal.db"))
    lab.start_all()
    must(check_of(lab, "journal")["state"] == "fail", "doctor does not see the journal")
    must("journal.db" in lab.log("laned"), "the log does not name it")
    sell_by_card(lab, 674)
    ticket = lab.pos.ticket()
    lab.pos.scan(ticket, "coffee")
    lab.pos.total(ticket)
    must(lab.pos.wait_offer(ticket), "no offer without a journal")
    rpc = lab.control()
    rpc.call("lane.watch")
    lab.present(rpc, lab.image(1, 4))
    rpc.wait_note(lambda n: n.get("method") == "lane.changed" and
                  n["params"]["member_state"] == "known")
    must(not rpc.call("lane.status")["checkout"]["can_pay"], "it would pay without a journal")
    rpc.close()
    lab.pos.close_cash(ticket)
    must(not lab.pos.ledger.charges(), "charged without a journal")
    lab.stop()
    os.unlink(lab.path("state", "journal.db"))


def journal_of_status(lab):
    return lab.ctl("status", check=False)["journal"]


def older_journal(lab):
    """A backup is put back: what came after it is missed, aloud, until somebody has seen to it."""
    lab.start_all()  # damaged_journal has taken the file away: that is told as well
    must("older" in journal_of_status(lab).get("behind", ""), "a journal that is gone is not missed")
    lab.stop()
    os.unlink(lab.path("state", "journal.anchor"))
    lab.start_all()
    must(check_of(lab, "journal")["state"] == "ok", "doctor misses what nobody had")
    sell_by_card(lab, 674)
    lab.stop()
    kept = lab.path("state", "journal.kept")
    shutil.copy(lab.path("state", "journal.db"), kept)
    lab.start_all()
    must("behind" not in journal_of_status(lab), "a journal that went on is called older")
    sell_by_card(lab, 674)
    lab.stop()
    os.rename(kept, lab.path("state", "journal.db"))
    for _ in range(2):  # also after the next start
        lab.start_all()
        must("older" in journal_of_status(lab).get("behind", ""), "an older journal is not seen")
        must(check_of(lab, "journal")["state"] == "fail", "doctor does not see the older journal")
        must("is older than it was" in lab.log("laned"), "the log does not say it")
        sell_by_card(lab, 674)
        lab.stop()
    os.unlink(lab.path("state", "journal.anchor"))


def damaged_cache(lab):
    overwrite(lab.path("state", "cache.db"))
    lab.start_all()
    must(check_of(lab, "cache")["state"] == "warn", "doctor does not see the cache")
    must([n for n in os.listdir(lab.path("state")) if n.startswith("cache.db.damaged-")],
         "the damaged file was not kept aside")
    lab.add_members([lablib.member("1001")])
    lab.load_offers(OFFERS)
    sell_by_card(lab, 674)
    lab.stop()


def damaged_gallery(lab, damage):
    damage()
    for name in ("laned", "laned-adapter", "laned-bio"):
        lab.start(name)
    must(lab.processes["laned-bio"].wait(lablib.PATIENCE_S) != 0, "laned-bio runs all the same")
    must("gallery" in lab.log("laned-bio"), "the log does not name it")
    lab.wait_ready(bio=False)
    must(check_of(lab, "biometrics")["state"] == "warn", "doctor does not see it")
    sell_by_card(lab, 674)
    lab.stop()


def bad_configuration(lab):
    with open(lab.path("laned.conf"), "a", encoding="utf-8") as f:
        f.write("[payment]\ntouch_limmit = 5\n")
    for name in lablib.PROGRAMS:
        process = lab.start(name)
        must(process.wait(lablib.PATIENCE_S) == 78, "%s does not refuse with 78" % name)
        must("touch_limmit" in lab.log(name) and "touch_limit" in lab.log(name),
             "%s does not name the key and the right one" % name)


def main():
    lab = lablib.Lab(BUILD)
    try:
        lab.synth_fingers(2, 4, difficulty=20)
        lab.start_all()
        lab.add_members([lablib.member("1001")])
        lab.load_offers(OFFERS)
        lab.enrol("1001", [lab.image(f, i) for f in (1, 2) for i in (1, 2, 3)])
        lab.stop()
        damaged_journal(lab)
        older_journal(lab)
        damaged_cache(lab)
        key = lab.path("bio", "gallery.key")
        damaged_gallery(lab, lambda: os.rename(key, key + ".away"))
        os.rename(key + ".away", key)
        damaged_gallery(lab, lambda: overwrite(lab.path("bio", "gallery.db")))
        bad_configuration(lab)
    except (AssertionError, RuntimeError, lablib.Hang) as e:
        print(e)
        for name in lablib.PROGRAMS:
            print("--- %s\n%s" % (name, lab.log(name)[-2000:]))
        return 1
    finally:
        lab.remove()
    print("journal, older journal, cache, gallery, its key, configuration: each named, and the lane sold on")
    return 0


if __name__ == "__main__":
    sys.exit(main())
