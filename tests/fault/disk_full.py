#!/usr/bin/python3
"""The disk under the state folder is full: before a checkout, and in the middle of a payment, with
laned killed there. New token payments are refused, the sale goes on with member prices, no approval
is forgotten, and when there is room again the lane recovers by itself. The folder is a small tmpfs:
mounting it needs root."""
import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import faultlab  # noqa: E402
from faultlab import lablib, must  # noqa: E402

STATE_BYTES = 4 << 20
BALLAST = "ballast"
REFUSED_AFTER = 6  # payments that the room already taken by the journal may still hold
FULL_S = 0.5  # how long a new laned finds the disk full
PATIENCE_S = 15.0  # the journal is tried again every 5 s


def mount(path):
    """Puts a small file system under what path holds. False: not allowed here."""
    kept = path + ".kept"
    shutil.copytree(path, kept)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%d,mode=0700" % STATE_BYTES,
                           "tmpfs", path], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        shutil.copytree(kept, path, dirs_exist_ok=True)
    else:
        print(done.stderr.strip())
    shutil.rmtree(kept)
    return done.returncode == 0


def unmount(path):
    subprocess.run(["umount", "-l", path], check=False)


def reserve(lab):
    """The space that is kept for what is owed."""
    return lab.path("state", "journal.reserve")


def fill(lab, spend=True):
    """Not a byte is left; nor, unless told otherwise, what was kept in reserve."""
    if spend and os.path.exists(reserve(lab)):
        os.unlink(reserve(lab))
    with open(lab.path("state", BALLAST), "ab", buffering=0) as f:
        for size in (65536, 4096, 512, 1):
            try:
                while f.write(b"\0" * size) == size:
                    pass
            except OSError:
                pass


def empty(lab):
    os.unlink(lab.path("state", BALLAST))


def is_refusing(lab):
    return lab.ctl("status")["checkout"]["faults"]["journal_failed"]


def new_ticket(lab):
    ticket = lab.pos.ticket()
    lab.pos.scan(ticket, "coffee")
    lab.pos.total(ticket)
    must(lab.pos.wait_offer(ticket), "no offer for %s" % ticket)
    return ticket


def member_price(lab, ticket):
    """The offer with the member's discount; a touch brings it, whatever the disk says."""
    def offered():
        offer = lab.pos.tickets[ticket]["offer"]
        return offer and offer["discounts"]
    must(lab.pos.wait(offered, PATIENCE_S), "no member price for %s" % ticket)


def before_a_checkout(lab):
    """Full before the touch: refused, sold at the member's price for cash; then paid again."""
    fill(lab)
    refused = None
    for _ in range(REFUSED_AFTER):
        ticket = new_ticket(lab)
        rpc = lab.control()
        lab.present(rpc, lab.image(1, 4))
        member_price(lab, ticket)

        def ended():
            if lab.pos.tickets[ticket]["paid"] == "confirmed":
                return "paid"
            row = rpc.call("lane.status")["checkout"]["row"]
            return row if row in ("pay-other", "cancelled") else None
        how = lab.pos.wait(ended, PATIENCE_S)
        rpc.close()
        must(how, "the touch of %s leads nowhere" % ticket)
        if how != "paid":
            refused = ticket
            break
    must(refused, "a full disk refuses nothing")
    must(is_refusing(lab), "the lane does not say that its journal fails")
    must(not [e for _, e in lab.pos.ledger.charges() if e["ticket"] == refused],
         "charged without a journal")
    lab.pos.close_cash(refused)
    empty(lab)
    must(lab.pos.wait(lambda: not is_refusing(lab), PATIENCE_S), "it does not recover by itself")
    ticket = faultlab.checkout(lab)
    must(lab.pos.tickets[ticket]["paid"] == "confirmed", "no payment after the recovery")
    faultlab.check(lab, ticket)


def terminate(lab):
    """An orderly end, which takes the databases' helper files away. On a full disk they do not come
    back: laned starts all the same, and sells without them."""
    process = lab.processes.pop("laned")
    process.terminate()
    must(process.wait(PATIENCE_S) == 0, "laned does not end in order")
    fill(lab)


def sells_without_its_files(lab):
    """At the POS's own prices, and says so."""
    must(lab.pos.wait(lambda: any(a["connected"] for a in lab.ctl("status")["adapters"]),
                      PATIENCE_S), "the adapter does not come back")
    must(is_refusing(lab), "token payments are not off")
    status = lab.ctl("status")
    must(not status["journal"]["open"] and status["cache"]["offers"] == 0 and
         status["cache"]["note"], "the files are there: %s" % status)
    ticket = new_ticket(lab)
    offer = lab.pos.tickets[ticket]["offer"]
    must(offer["total"] == lab.pos.gross(ticket), "a price from nowhere: %s" % offer)
    lab.pos.close_cash(ticket)


def in_a_payment(lab, end):
    """Full while the POS thinks about it: approved, and confirmed only when that is stored."""
    ticket = new_ticket(lab)
    lab.pos.decide("delay:1.0")
    rpc = lab.control()
    lab.present(rpc, lab.image(1, 4))
    must(lab.pos.wait(lambda: lab.pos.delayed, PATIENCE_S), "no payment")
    fill(lab)
    must(lab.pos.wait(lambda: is_refusing(lab), PATIENCE_S),
         "the approval was stored on a full disk")
    must(lab.pos.tickets[ticket]["paid"] == "approved", "confirmed before it was stored")
    rpc.close()
    if end:
        end(lab)
        lab.start("laned")
        lab.pos.wait(lambda: lab.processes["laned"].poll() is not None, FULL_S)
        if end is terminate:
            must(lab.processes["laned"].poll() is None, "laned does not start on a full disk")
            sells_without_its_files(lab)
    empty(lab)

    def confirmed():
        lab.revive()
        return lab.pos.tickets[ticket]["paid"] == "confirmed"
    must(lab.pos.wait(confirmed, faultlab.END_S),
         "the approval was forgotten: %s" % lab.pos.tickets[ticket]["paid"])
    faultlab.check(lab, ticket)


def after_a_decline(lab):
    """The POS takes its decline back while nothing can be stored, and laned is killed. Its word stays
    in the folder until it is stored; the charge that nobody waits for is undone."""
    ticket = new_ticket(lab)
    lab.pos.decide("decline")
    rpc = lab.control()
    lab.present(rpc, lab.image(1, 4))
    rpc.close()
    must(lab.pos.wait_payment(ticket, faultlab.END_S) == "declined", "not declined")
    key = list(lab.pos.ledger.keys)[-1]

    def state():
        return [p["state"] for p in lab.ctl("payments")["payments"] if p["key"] == key][0]
    must(lab.pos.wait(lambda: state() == "declined", PATIENCE_S), "the decline was not heard")
    fill(lab)
    lab.pos.ledger.append({"op": "charge", "key": key, "amount": lab.pos.due(ticket),
                           "outcome": "approved", "state": "approved", "auth": "A1", "ref": "R1"})
    lab.pos.answer(key)
    must(lab.pos.wait(lambda: is_refusing(lab), PATIENCE_S), "nothing was to be stored")
    must(any(key in name for name in os.listdir(lab.pos.into)),
         "the answer was taken and not stored")
    other = new_ticket(lab)  # the sale goes on behind it
    lab.pos.close_cash(other)
    lab.kill("laned")
    empty(lab)

    def undone():
        lab.revive()
        return lab.pos.ledger.get(key)["state"] == "undone"
    lab.start("laned")
    must(lab.pos.wait(undone, faultlab.END_S), "the approval was forgotten")


def exhaust(lab):
    """The log of the journal has no room of its own left either: whoever writes next needs more."""
    with contextlib.closing(sqlite3.connect(lab.path("state", "journal.db"), timeout=10,
                                            isolation_level=None)) as db:
        db.execute("PRAGMA wal_autocheckpoint = 0")
        try:
            db.execute("CREATE TABLE IF NOT EXISTS ballast (b BLOB)")
            while True:
                db.execute("INSERT INTO ballast VALUES (zeroblob(200))")
        except sqlite3.OperationalError as e:
            must("full" in str(e), "not full: %s" % e)


def owed(lab):
    """A payment is under way when the disk is full to the last byte, and the cashier takes another
    tender: the undo is stored in the space kept for it, sent, and its end stored as well. No new
    payment begins until there is room again."""
    ticket = new_ticket(lab)
    lab.pos.decide("delay:0.5")
    rpc = lab.control()
    lab.present(rpc, lab.image(1, 4))
    must(lab.pos.wait(lambda: lab.pos.delayed, PATIENCE_S), "no payment")
    key = lab.pos.ledger.charges()[-1][0]
    fill(lab, spend=False)
    exhaust(lab)
    must(os.path.exists(reserve(lab)), "nothing is kept in reserve")
    rpc.call("lane.other_tender")
    rpc.close()

    def state():
        return [p["state"] for p in lab.ctl("payments")["payments"] if p["key"] == key][0]
    must(lab.pos.wait(lambda: state() == "undone", PATIENCE_S), "on a full disk it is %s" % state())
    must(lab.pos.ledger.get(key)["state"] == "undone", "not undone at the POS")
    must(not os.path.exists(reserve(lab)), "it was stored without the reserve: what did this show?")
    lab.pos.close_cash(ticket)
    charges = len(lab.pos.ledger.charges())
    other = new_ticket(lab)
    rpc = lab.control()
    lab.present(rpc, lab.image(1, 4))
    must(lab.pos.wait(lambda: rpc.call("lane.status")["checkout"]["row"] in (
        "pay-other", "cancelled"), PATIENCE_S), "a new payment begins on a full disk")
    rpc.close()
    must(len(lab.pos.ledger.charges()) == charges, "charged")
    lab.pos.close_cash(other)
    empty(lab)
    must(lab.pos.wait(lambda: not is_refusing(lab), PATIENCE_S), "it does not recover by itself")
    ticket = faultlab.checkout(lab)
    must(lab.pos.tickets[ticket]["paid"] == "confirmed", "no payment after the recovery")
    must(os.path.exists(reserve(lab)), "no new reserve")


def scenario(template, run):
    lab = template.copy()
    state = lab.path("state")
    mounted = mount(state)
    try:
        if not mounted:
            return False
        lab.start_all()
        run(lab)
        lab.stop()
        return True
    except (faultlab.Failed, lablib.Hang, RuntimeError) as e:
        print("%s\n%s" % (e, faultlab.describe(lab)))
        raise SystemExit(1) from e
    finally:
        for process in lab.processes.values():
            process.kill()
            process.wait()
        lab.processes = {}
        if mounted:
            unmount(state)
        lab.remove()


def main():
    if os.geteuid() != 0:
        print("a small disk cannot be mounted: not root")
        return 77
    template = faultlab.Template()
    try:
        for run in (before_a_checkout, after_a_decline, lambda lab: in_a_payment(lab, None),
                    lambda lab: in_a_payment(lab, lambda lab: lab.kill("laned")),
                    lambda lab: in_a_payment(lab, terminate), owed):
            if not scenario(template, run):
                print("a small disk cannot be mounted here")
                return 77
    finally:
        template.remove()
    print("a full disk before a checkout, in a payment, and with a kill on top: no payment without "
          "a journal, none forgotten, an undo stored in the space kept for it, recovered without help")
    return 0


if __name__ == "__main__":
    sys.exit(main())
