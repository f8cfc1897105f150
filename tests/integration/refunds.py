#!/usr/bin/python3
"""Money back to the token that paid: under a key of its own, at most once, never forgotten, in parts and
at another lane; with answers that never come, lost connections and kill -9 of either process. The
POS's ledger is the truth about what went back."""
import json
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import returns  # noqa: E402
from returns import Lane, charged  # noqa: E402

PATIENCE_S = 30.0
OK, NO, DATA, UNREACHABLE = 0, 1, 65, 69
ENDS = ("refunded", "not-sent", "cancelled", None)
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_id():
    """A ULID, as an asker makes one."""
    number = int(time.time() * 1000) << 80 | int.from_bytes(os.urandom(10), "big")
    return "".join(ALPHABET[number >> 5 * (25 - i) & 31] for i in range(26))


def back(lane, *arguments, json_out=True, check=True):
    """lanectl return, while the POS serves its folder."""
    command = [os.path.join(lane.build, "lanectl"), "--conf", lane.path("laned.conf")] + \
        (["--json"] if json_out else []) + ["return"] + list(arguments)
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as process:
        assert lane.pos.wait(lambda: process.poll() is not None, 2 * PATIENCE_S), command
        out, err = process.communicate()
    assert not check or process.returncode == OK, (arguments, out, err)
    return json.loads(out) if json_out and process.returncode == OK else (out, err)


def sell(lane, items):
    lane.wait_ready()  # also laned-bio, after laned was killed
    return returns.sell(lane, items)


def gone_back(lane, ticket):
    """What the ledger says went back of a ticket's charges."""
    keys = [k for k, e in lane.pos.ledger.charges() if e["ticket"] == ticket]
    return sum(e["amount"] for _, e in lane.pos.ledger.refunds() if e["original"] in keys)


def shown(lane, made):
    return lane.ctl("returns", "show", made["return"])


def wait_end(lane, made):
    """Until the refund of a return has an end, or at once where it has none: the adapter was away."""
    def ended():
        seen = shown(lane, made)["pay_back"]
        return seen if seen.get("certain", "state" not in seen) else None
    seen = lane.pos.wait(ended, PATIENCE_S)
    assert seen, (shown(lane, made), lane.ctl("payments"), os.listdir(lane.pos.into),
                  os.listdir(lane.pos.out), lane.log("laned")[-2000:])
    return seen


def parts_go_back_to_the_token(lane):
    ticket = sell(lane, [("milk", 3000), ("coffee", 1000)])
    code = lane.pos.tickets[ticket]["receipt"][0]
    plan = back(lane, code, "--line", "1:1", "--to-token", "--dry-run")
    assert plan["pay_back"]["token"] == plan["refund"] > 0 and not plan["recorded"], plan
    assert lane.pos.ledger.refunds() == []
    done = back(lane, code, "--line", "1:1", "--to-token")
    assert done["pay_back"]["state"] == "refunded" and done["refund"] == plan["refund"], done
    assert done["pay_back"]["other"] == 0, done
    (key, entry), = lane.pos.ledger.refunds()
    assert (key, entry["amount"]) == (done["pay_back"]["key"], done["refund"]), entry
    text, _ = back(lane, code, "--line", "2", "--to-token", json_out=False)
    assert "refunded" in text and "PAY BACK OTHERWISE" not in text, text
    rest = back(lane, code, "--all", "--to-token")
    assert rest["pay_back"]["state"] == "refunded", rest
    assert gone_back(lane, ticket) == charged(lane, ticket)
    assert len(lane.pos.ledger.refunds()) == 3
    listed = [p for p in lane.ctl("payments")["payments"] if p["kind"] == "refund"]
    assert len(listed) == 3 and all(p["state"] == "refunded" for p in listed), listed
    said = lane.ctl("payments", json_out=False).stdout
    assert "  refunded " in said and "of payment " + entry["original"] in said, said
    timeline = lane.ctl("checkouts", "show", done["checkout"])["timeline"]
    words = [row["what"] for row in timeline if row["what"].startswith("refund-")]
    assert words == ["refund-created", "refund-sending", "refund-refunded"] * 3, words
    return ticket


def without_the_wish_no_money_moves(lane):
    ticket = sell(lane, [("tea", 1000)])
    code = lane.pos.tickets[ticket]["receipt"][0]
    made = back(lane, code, "--all")
    assert made["pay_back"] == {"token": 0, "other": made["refund"]}, made
    assert gone_back(lane, ticket) == 0


def a_refusal_is_told_and_paid_otherwise(lane):
    ticket = sell(lane, [("milk", 2000)])
    code = lane.pos.tickets[ticket]["receipt"][0]
    lane.pos.decide("decline")
    text, _ = back(lane, code, "--line", "1:1", "--to-token", json_out=False)
    assert "declined" in text and "PAY BACK OTHERWISE" in text, text
    assert gone_back(lane, ticket) == 0
    again = back(lane, code, "--all", "--to-token")  # the other one
    assert again["pay_back"]["state"] == "refunded", again
    assert 0 < gone_back(lane, ticket) < charged(lane, ticket)


def an_answer_that_never_comes_is_asked_about(lane, kill):
    ticket = sell(lane, [("milk", 2000)])
    code = lane.pos.tickets[ticket]["receipt"][0]
    lane.pos.decide("never")
    text, _ = back(lane, code, "--line", "1:1", "--to-token", "--wait", "1", json_out=False)
    assert "not certain yet" in text and "PAY BACK" not in text, text
    made = lane.ctl("returns", "list")["returns"][0]
    for name in kill:
        lane.kill(name)
    for name in kill:
        lane.start(name)
    lane.wait_ready(bio=False)
    end = wait_end(lane, made)
    assert end["state"] == "refunded" and end["refunded"] == made["refund"], end
    assert gone_back(lane, ticket) == made["refund"] == charged(lane, ticket) // 2


def asked_again_it_gives_the_same_answer(lane):
    ticket = sell(lane, [("milk", 3000), ("tea", 1000)])
    code = lane.pos.tickets[ticket]["receipt"][0]
    rpc = lane.control()
    first = {"codes": [code], "id": new_id(), "to_token": True,
             "lines": [{"line": 1, "parts": 2}]}
    made = rpc.call("return.make", **first)
    assert made["recorded"] and not made["repeated"] and made["return"] == first["id"], made
    assert wait_end(lane, made)["state"] == "refunded"
    for change in ({}, {"lines": [{"line": 1, "parts": 2}], "to_token": False}):
        again = rpc.call("return.make", **dict(first, **change))
        assert again["repeated"] and again["refund"] == made["refund"], again
        assert [line["take"] for line in again["lines"]] == [2, 0], again
        assert again["pay_back"]["state"] == "refunded", again
    lane.revive_now()
    rpc.close()
    rpc = lane.control()
    assert rpc.call("return.make", **first)["repeated"]
    for change in ({"lines": [{"line": 1, "parts": 1}]}, {"lines": [{"line": 2}]},
                   {"lines": [{"line": 1, "parts": 2}, {"line": 2}]}):
        try:
            rpc.call("return.make", **dict(first, **change))
            raise AssertionError("taken: %r" % change)
        except RuntimeError as e:
            assert "another return has this id" in str(e), e
    try:
        rpc.call("return.make", **dict(first, id="X"))
        raise AssertionError("taken")
    except RuntimeError as e:
        assert "ULID" in str(e), e
    rpc.close()
    assert gone_back(lane, ticket) == made["refund"]


def lanectl_asks_again_by_itself(lane):
    """laned is killed while lanectl waits for it, again and again: one return, one refund."""
    ticket = sell(lane, [("milk", 5000)])
    code = lane.pos.tickets[ticket]["receipt"][0]
    for n in range(1, 4):
        go = threading.Event()

        def die_and_come_back():
            go.wait()
            time.sleep(0.01 * n)  # somewhere in it; where does not matter
            lane.revive_now()
        thread = threading.Thread(target=die_and_come_back)
        thread.start()
        go.set()
        out, err = back(lane, code, "--line", "1:1", "--to-token", json_out=False, check=False)
        thread.join()
        lane.wait_ready(bio=False)
        if "the answer got lost" not in err and "is laned running" in err and not out:
            continue  # it was not there yet, and so nothing was asked
        assert "to refund" in out or "Ask again with --id" in err, (out, err)
    made = lane.ctl("returns", "list")["returns"]
    mine = [r for r in made if r["checkout"] == returns.checkout_of(lane, ticket)["checkout"]]
    for r in mine:
        assert wait_end(lane, r).get("state") in ENDS, r
    assert len(mine) <= 3
    assert gone_back(lane, ticket) == sum(
        shown(lane, r)["pay_back"].get("refunded", 0) for r in mine), mine


def kill_9_of_either_process_pays_once(lane):
    ticket = sell(lane, [("milk", 9000)])
    code = lane.pos.tickets[ticket]["receipt"][0]
    promised = {}
    for n in range(8):
        question = {"codes": [code], "id": new_id(), "to_token": True,
                    "lines": [{"line": 1, "parts": 1}]}
        rpc = lane.control()
        rpc.send("return.make", **question)
        lane.pos.step()
        lane.kill("laned" if n % 2 == 0 else "laned-adapter")
        lane.start("laned" if n % 2 == 0 else "laned-adapter")
        rpc.close()
        lane.wait_ready(bio=False)
        rpc = lane.control()
        promised[question["id"]] = rpc.call("return.make", **question)
        rpc.close()
    for made in promised.values():
        end = wait_end(lane, made)
        assert end.get("state") in ENDS, end
    assert gone_back(lane, ticket) == sum(
        shown(lane, made)["pay_back"].get("refunded", 0) for made in promised.values())
    left = back(lane, code, "--all", "--to-token")
    assert sum(m["refund"] for m in promised.values()) + left["refund"] == charged(lane, ticket)


def share(net, parts, k):
    """What k of so many parts refund in all: rounded half up."""
    return (2 * net * k + parts) // (2 * parts)


def ask_until_answered(lane, question):
    """As a till does: the same question under the same id, whatever dies meanwhile."""
    end = time.monotonic() + PATIENCE_S
    while True:
        lane.revive()
        lane.pos.step()
        try:
            rpc = lane.control()
            try:
                return rpc.call("return.make", **question)
            finally:
                rpc.close()
        except (OSError, returns.lablib.Hang):
            assert time.monotonic() < end, question


def returns_of_any_parts_in_any_order_through_any_fault(lane):
    """A walk under a seed: parts of lines, more than there is, with and without the token; the POS
    declines, says nothing, says it twice or late; either process is killed while it is asked."""
    dice = random.Random(int(os.environ.get("REFUND_SEED", "7")))
    ticket = sell(lane, [("milk", 6000), ("apples", 350), ("tea", 2000), ("milk", 2000)])
    code = lane.pos.tickets[ticket]["receipt"][0]
    lines = {line["line"]: line for line in lane.take_back(code)["lines"]}
    back_of = {n: 0 for n in lines}
    asked = []
    for _ in range(int(os.environ.get("REFUND_STEPS", "16"))):
        n = dice.choice(list(lines))
        left = lines[n]["parts"] - back_of[n]
        parts = dice.randint(1, min(left, 120) + 1)
        question = {"codes": [code], "id": new_id(), "to_token": dice.random() < 0.7,
                    "lines": [{"line": n, "parts": parts}]}
        lane.pos.decide(*dice.sample(["decline", "never", "twice", "delay:0.2", "approve"], 1))
        if dice.random() < 0.6:
            rpc = lane.control()
            rpc.send("return.make", **question)
            lane.pos.step()
            lane.kill(dice.choice(["laned", "laned-adapter"]))
            rpc.close()
            for name in ("laned", "laned-adapter"):
                if name not in lane.processes:
                    lane.start(name)
        try:
            made = ask_until_answered(lane, question)
        except RuntimeError as e:
            assert parts > left and ("returned" in str(e) or "has" in str(e)), (e, question)
            continue
        assert parts <= left, (made, left)
        before, net = share(lines[n]["paid"], lines[n]["parts"], back_of[n]), lines[n]["paid"]
        back_of[n] += parts
        assert made["refund"] == share(net, lines[n]["parts"], back_of[n]) - before, made
        asked.append(made)
    lane.pos.decisions.clear()
    lane.wait_ready(bio=False)
    if sum(back_of.values()) < sum(line["parts"] for line in lines.values()):
        asked.append(back(lane, code, "--all", "--to-token"))
    assert sum(made["refund"] for made in asked) == charged(lane, ticket)
    ends = [wait_end(lane, made) for made in asked]
    assert all(e.get("state") in ENDS + ("declined",) for e in ends), ends
    assert sum(e["token"] for e in ends) == gone_back(lane, ticket), ends
    assert sum(e["token"] + e["other"] for e in ends) == charged(lane, ticket), ends
    assert "returned already" in lane.refused(NO, code, "--all")


def a_lane_without_its_adapter_says_so(lane):
    ticket = sell(lane, [("tea", 1000)])
    code = lane.pos.tickets[ticket]["receipt"][0]
    lane.kill("laned-adapter")
    rpc = lane.control()
    rpc.call("lane.watch")
    rpc.wait_note(lambda n: n["method"] == "lane.changed" and
                  n["params"]["faults"]["adapter_down"])
    rpc.close()
    made = back(lane, code, "--all", "--to-token")
    assert made["pay_back"]["token"] == 0 and "adapter is not there" in \
        made["pay_back"]["why"], made
    lane.start("laned-adapter")
    lane.wait_ready(bio=False)


def cash_and_training_go_their_own_way(lane):
    ticket = lane.pos.ticket()
    lane.pos.scan(ticket, "tea", 2000)
    lane.pos.total(ticket)
    assert lane.pos.wait_offer(ticket, PATIENCE_S)
    lane.pos.close_cash(ticket)
    assert lane.pos.wait(lambda: lane.pos.tickets[ticket].get("receipt"), PATIENCE_S)
    code = lane.pos.tickets[ticket]["receipt"][0]
    lane.ctl("training", "on")
    try:
        assert "dry run" in lane.refused(NO, code, "--line", "1:1", "--to-token")
    finally:
        lane.ctl("training", "off")
    made = back(lane, code, "--all", "--to-token")
    assert "not paid by token" in made["pay_back"]["why"], made


def the_books_agree(lane):
    """The report has the refunds, and the file of the processor explains every cent."""
    report = lane.ctl("payments", "report", check=False)
    states = {s["state"]: s for s in report["refund_states"]}
    ledger = lane.pos.ledger
    assert states["refunded"]["count"] == len(ledger.refunds()), report
    assert states["refunded"]["amount"] == sum(e["amount"] for _, e in ledger.refunds())
    path = lane.path("settlement.csv")
    with open(path, "w", encoding="utf-8") as f:
        f.write("ref,amount,type\n")
        for _, e in ledger.standing():
            f.write("%s,%d,sale\n" % (e["ref"], e["amount"]))
        for n, (_, e) in enumerate(ledger.refunds()):
            # By its own name, or by that of the charge, as processors do.
            ref = e["ref"] if n % 2 == 0 else ledger.get(e["original"])["ref"]
            f.write("%s,%d,refund\n" % (ref, e["amount"]))
    done = lane.ctl("payments", "reconcile", path, "--minor", check=False, json_out=False)
    assert done.returncode == OK and "agrees" in done.stdout, done
    with open(path, "a", encoding="utf-8") as f:
        f.write("%s,%d,refund\n" % (ledger.refunds()[0][1]["ref"],
                                     ledger.refunds()[0][1]["amount"]))
    done = lane.ctl("payments", "reconcile", path, "--minor", check=False, json_out=False)
    assert done.returncode == NO and "back-twice" in done.stdout, done


def a_void_ticket_gives_nothing_back_twice(lane):
    """Its payment went back as a whole when the POS voided it, by a refund without goods: the code
    that was printed is worth nothing any more."""
    ticket = sell(lane, [("tea", 1000)])
    code = lane.pos.tickets[ticket]["receipt"][0]
    checkout = returns.checkout_of(lane, ticket)["checkout"]
    assert lane.take_back(code, "--all", "--dry-run")["refund"] == charged(lane, ticket)
    lane.stop()
    journal = sqlite3.connect(lane.path("state", "journal.db"))
    journal.execute(
        "INSERT INTO refunds (key, checkout, state, ticket, currency, rev, asked_minor,"
        " answered_minor, flags, tries, created_ms, state_ms, ref, auth, blob, adapter, return_id,"
        " original, original_ref) SELECT randomblob(16), checkout, 'unknown', ticket, currency, 0,"
        " answered_minor, 0, 0, 0, created_ms, state_ms, '', '', x'', adapter, zeroblob(16), key,"
        " ref FROM payments WHERE ticket = ?", (ticket,))
    journal.commit()
    journal.close()
    lane.open()
    assert "taken back" in lane.refused(NO, code, "--all")
    assert "receipt" not in lane.ctl("checkouts", "show", checkout)


def a_payment_that_was_undone_here_is_not_refunded(lane):
    """Another payment of the ticket stands, so that goods are taken back; the one that the receipt
    names was undone, and its money is with the shopper already."""
    ticket = sell(lane, [("tea", 1000)])
    code = lane.pos.tickets[ticket]["receipt"][0]
    lane.stop()
    journal = sqlite3.connect(lane.path("state", "journal.db"))
    rest = ", ".join(row[1] for row in journal.execute("PRAGMA table_info(payments)")
                     if row[1] not in ("seq", "key", "ref"))
    journal.execute("INSERT INTO payments (key, ref, %s) SELECT randomblob(16), 'another', %s"
                    " FROM payments WHERE ticket = ? AND state = 'confirmed'" % (rest, rest),
                    (ticket,))
    undone = journal.execute("UPDATE payments SET state = 'undone' WHERE ticket = ?"
                             " AND ref != 'another'", (ticket,))
    assert undone.rowcount == 1, undone.rowcount
    journal.commit()
    journal.close()
    lane.open()
    before = len(lane.pos.ledger.refunds())
    made = back(lane, code, "--all", "--to-token")
    assert made["pay_back"]["token"] == 0 and made["pay_back"]["other"] == made["refund"], made
    assert "was taken back" in made["pay_back"]["why"], made
    assert len(lane.pos.ledger.refunds()) == before and gone_back(lane, ticket) == 0


def at_another_lane_by_the_reference(lane):
    ticket = sell(lane, [("milk", 3000)])
    code = lane.pos.tickets[ticket]["receipt"][0]
    other = Lane("lane-2")
    try:
        # The processor behind both is one: its ledger knows the charge.
        charge = dict(next(e for _, e in lane.pos.ledger.standing()
                           if e["ticket"] == ticket))
        charge.update(op="charge")
        other.pos.ledger.append(charge)
        other.open(bio=False)
        with open(other.path("receipt.keys"), "w", encoding="utf-8") as f:
            f.write(lane.ctl("receipts", "keys", json_out=False).stdout)
        made = back(other, code, "--line", "1:1", "--to-token")
        assert made["pay_back"]["state"] == "refunded", made
        listed = [p for p in other.ctl("payments")["payments"]]
        assert len(listed) == 1 and listed[0]["original_ref"] == charge["ref"], listed
        rest = back(other, code, "--all", "--to-token")
        assert made["refund"] + rest["refund"] == charge["amount"] == gone_back(other, ticket)
        other.stop()
    finally:
        other.remove()
    return code


def a_lost_journal_takes_its_own_receipts_by_an_operator_only(lane, code):
    lane.stop()
    for suffix in ("", "-wal", "-shm"):
        path = lane.path("state", "journal.db" + suffix)
        if os.path.exists(path):
            os.unlink(path)
    lane.open(bio=False)
    said = lane.refused(NO, code, "--all")
    assert "does not know the sale" in said and "lost" in said, said
    made = back(lane, code, "--all", "--unknown-sale")
    assert made["recorded"], made
    lane.stop()
    journal = sqlite3.connect(lane.path("state", "journal.db"))
    words = [row[0] for row in journal.execute("SELECT what FROM audit ORDER BY seq")]
    journal.close()
    assert words.count("return-of-unknown-sale") == 1, words
    lane.open(bio=False)
    assert "returned already" in lane.refused(NO, code, "--all", "--unknown-sale")


def main():
    lane = Lane("lane-1")
    try:
        returns.setup(lane)
        steps = [parts_go_back_to_the_token, without_the_wish_no_money_moves,
                 a_refusal_is_told_and_paid_otherwise,
                 lambda l: an_answer_that_never_comes_is_asked_about(l, ["laned"]),
                 lambda l: an_answer_that_never_comes_is_asked_about(l, ["laned-adapter"]),
                 asked_again_it_gives_the_same_answer, lanectl_asks_again_by_itself,
                 kill_9_of_either_process_pays_once,
                 returns_of_any_parts_in_any_order_through_any_fault, a_lane_without_its_adapter_says_so,
                 cash_and_training_go_their_own_way, the_books_agree]
        for step in steps:
            step(lane)
            print("ok   %s" % step.__name__, flush=True)
        code = at_another_lane_by_the_reference(lane)
        a_void_ticket_gives_nothing_back_twice(lane)
        a_payment_that_was_undone_here_is_not_refunded(lane)
        a_lost_journal_takes_its_own_receipts_by_an_operator_only(lane, code)
        for name in ("laned", "laned-adapter"):
            log = lane.log(name)
            assert "ERROR: " not in log and "runtime error" not in log, log[-6000:]
        print(json.dumps({"refunds": len(lane.pos.ledger.refunds())}))
    except Exception:
        print(lane.log("laned")[-3000:])
        print(lane.log("laned-adapter")[-1500:])
        raise
    finally:
        lane.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())
