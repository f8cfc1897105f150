#!/usr/bin/python3
"""Sell and return: the receipt's code as the POS gets it with the confirm, goods taken back in parts
and in any order, under later offers, over restarts and kill -9, and at another lane that knows the
first one's public key only. In all exactly what was paid is refunded, and nothing twice."""
import json
import os
import sqlite3
import sys
import time

sys.path.insert(0, os.path.join(os.environ.get("SRCDIR", "."), "tests", "demo"))
import lab as lablib  # noqa: E402

BUILD = os.environ.get("LANED_BUILD", "build")
NUMBER = "1001"
PATIENCE_S = 30.0
OK, NO, USAGE, DATA, UNREACHABLE = 0, 1, 64, 65, 69
DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

OFFERS = {"laned_rules": 1, "currency": "EUR", "rules": [
    {"id": "milk-3-for-2", "kind": "n_for_price", "scope": {"category": ["dairy"]},
     "params": {"units": 3, "price_minor": 250}, "text": {"en": "3 milk for 2.50"}},
    {"id": "ten-off", "kind": "basket_percent", "scope": {"all": True},
     "params": {"percent_bp": 1000}, "who": {"member": True}, "text": {"en": "10 % off"}}]}
LATER = {"laned_rules": 1, "currency": "EUR", "rules": [
    {"id": "half", "kind": "percent", "scope": {"all": True}, "params": {"percent_bp": 5000},
     "text": {"en": "half price"}}]}


class Lane(lablib.Lab):
    def __init__(self, name):
        super().__init__(BUILD)
        self.settings["lane"]["name"] = name
        self.settings["paths"]["receipt_keys"] = self.path("receipt.keys")
        self.write_conf()

    def open(self, bio=True):
        self.start("laned")
        if bio:
            self.start("laned-bio")
        self.start("laned-adapter")
        self.wait_ready(bio=bio)

    def take_back(self, *arguments):
        return self.ctl("return", *arguments)

    def refused(self, code, *arguments):
        done = self.ctl("return", *arguments, check=False, json_out=False)
        assert done.returncode == code, (arguments[1:], done)
        return done.stderr

    def revive_now(self):
        self.kill("laned")
        self.start("laned")
        self.control().close()


def pay_by_touch(lane, ticket):
    """The finger again and again, until the POS has the money."""
    rpc = lane.control()

    def paid():
        if lane.pos.tickets[ticket]["paid"] == "confirmed":
            return True
        if rpc.call("lane.status")["checkout"]["phase"] in ("totalled", "confirming"):
            rpc.receive(lane.present(rpc, lane.image(1, 4)))
        return False
    try:
        assert lane.pos.wait(paid, PATIENCE_S), rpc.call("lane.status")["checkout"]
    finally:
        rpc.close()


def sell(lane, items):
    ticket = lane.pos.ticket()
    for item, qty in items:
        lane.pos.scan(ticket, item, qty)
    lane.pos.total(ticket)
    assert lane.pos.wait_offer(ticket, PATIENCE_S), "no offer"
    pay_by_touch(lane, ticket)
    assert lane.pos.wait(lambda: [p for p in lane.ctl("payments")["payments"]
                                  if p["ticket"] == ticket and p["state"] == "confirmed"],
                         PATIENCE_S), "not confirmed"
    return ticket


def charged(lane, ticket):
    return sum(e["amount"] for _, e in lane.pos.ledger.standing() if e["ticket"] == ticket)


def checkout_of(lane, ticket):
    return [c for c in lane.ctl("checkouts", "list")["checkouts"] if c["ticket"] == ticket][0]


def setup(lane):
    lane.synth_fingers(2, 4, difficulty=20)
    lane.open()
    lane.add_members([lablib.member(NUMBER)])
    lane.load_offers(OFFERS)
    lane.enrol(NUMBER, [lane.image(f, i) for f in (1, 2) for i in (1, 2, 3)])


def the_code_comes_with_the_confirm(lane):
    rpc = lane.control()
    rpc.call("lane.watch")
    ticket = sell(lane, [("milk", 3000), ("apples", 350), ("coffee", 1000), ("milk", 1000)])
    codes = lane.pos.tickets[ticket]["receipt"]
    assert len(codes) == 1 and codes[0].startswith("LR1"), codes
    assert set(codes[0][3:]) <= set(DIGITS) and len(codes[0]) <= 899, codes
    # The watchers of the display are told, and the journal gives it at any time.
    told = rpc.wait_note(lambda n: n["method"] == "lane.changed" and n["params"].get("receipt"))
    assert told["params"]["receipt"] == codes, told
    rpc.close()
    shown = lane.ctl("checkouts", "show", checkout_of(lane, ticket)["checkout"])
    assert shown["receipt"] == codes, shown
    return ticket, codes[0]


def it_shows_what_was_paid_and_takes_nothing(lane, ticket, code):
    for arguments in ((code,), (code, "--all", "--dry-run"), (code.lower(),),
                      (" ".join(code[i:i + 5] for i in range(0, len(code), 5)),)):
        seen = lane.take_back(*arguments)
        assert not seen["recorded"] and "return" not in seen, seen
        assert sum(line["paid"] for line in seen["lines"]) == charged(lane, ticket) \
            == seen["total"], seen
        assert all(line["returned"] == 0 for line in seen["lines"]), seen
    key, entry = [(k, e) for k, e in lane.pos.ledger.standing() if e["ticket"] == ticket][0]
    assert seen["tender"] == {"kind": "token", "ref": entry["ref"],
                              "amount": entry["amount"]}, (seen["tender"], key)
    assert (seen["store"], seen["lane"], seen["codes"]) == ("store-1", "lane-1", 1), seen
    everything = lane.take_back(code, "--all", "--dry-run")
    assert everything["refund"] == charged(lane, ticket), everything
    assert sum(r["refund"] for r in everything["rates"]) == everything["refund"]
    assert [r["vat_bp"] for r in everything["rates"]] == [900, 2200], everything
    assert lane.ctl("returns", "list")["returns"] == []
    text = lane.ctl("return", code, "--line", "2", "--dry-run", json_out=False).stdout
    assert "Dry run" in text and "9 %" in text and "0.350" in text and entry["ref"] in text, text


def parts_in_any_order_give_back_what_was_paid(lane, ticket, code):
    lane.load_offers(LATER)  # of no effect: the shares are those of the day
    total = 0
    cuts = [("1:1",), ("2:0.100", "3"), ("1:1",), ("2:150", "4:1")]
    for cut in cuts:
        arguments = [a for line in cut for a in ("--line", line)]
        plan = lane.take_back(code, *arguments, "--dry-run")
        made = lane.take_back(code, *arguments)
        assert made["recorded"] and made["refund"] == plan["refund"], (plan, made)
        assert sum(r["refund"] for r in made["rates"]) == made["refund"], made
        total += made["refund"]
        lane.revive_now()  # kill -9: what was said is kept
    seen = lane.take_back(code)
    assert [line["returned"] for line in seen["lines"]] == [2, 250, 1, 1], seen
    assert sum(line["refunded"] for line in seen["lines"]) == total, seen
    assert seen["lines"][0]["last_time"] and seen["lines"][0]["last_return"], seen
    rest = lane.take_back(code, "--all")
    assert total + rest["refund"] == charged(lane, ticket), (total, rest)
    assert [line["take"] for line in rest["lines"]] == [1, 100, 0, 0], rest
    listed = lane.ctl("returns", "list")["returns"]
    assert len(listed) == len(cuts) + 1 and listed[0]["return"] == rest["return"], listed
    assert sum(r["refund"] for r in listed) == charged(lane, ticket), listed


def nothing_is_taken_back_twice(lane, code):
    said = lane.refused(NO, code, "--all")
    assert "returned already" in said and "Z (return 01" in said, said
    assert "line 3 was returned already" in lane.refused(NO, code, "--line", "3")
    lane.stop()
    lane.open()
    assert "returned already" in lane.refused(NO, code, "--line", "1:1")


def wrong_lines_are_named(lane, code):
    assert "no line 9" in lane.refused(NO, code, "--line", "9")
    assert "line 1 has 3 units" in lane.refused(NO, code, "--line", "1:4")
    for wrong in ("0:", "x", "1:0", "1:-1", "1:1.0000", ":1", "-1"):
        lane.refused(USAGE, code, "--line", wrong)
    lane.refused(USAGE, code, "--all", "--line", "1")
    lane.refused(USAGE, code, "--fast")
    lane.refused(USAGE)
    assert "same code twice" in lane.refused(DATA, code, code)
    assert lane.take_back(code)["lines"][0]["returned"] == 0


def a_changed_code_is_refused(lane, code):
    rpc = lane.control()
    for i in range(len(code)):
        for shift in (1, 16):
            if i < 3:
                other = chr(ord(code[i]) ^ shift)
            else:
                other = DIGITS[DIGITS.index(code[i]) ^ shift]
            try:
                rpc.call("return.make", codes=[code[:i] + other + code[i + 1:]], all=True)
                raise AssertionError("taken with digit %d changed" % i)
            except RuntimeError as e:
                assert any(word in str(e) for word in (
                    "no receipt code", "misread or forged", "not known here",
                    "another version")), e
    for wrong in ("", "LR1", code[:-1], code + "0", code * 2, "x" * 5000, 5, None, {}):
        try:
            rpc.call("return.make", codes=[wrong])
            raise AssertionError("taken: %r" % wrong)
        except RuntimeError:
            pass
    rpc.close()


def a_cash_receipt_says_so(lane):
    ticket = lane.pos.ticket()
    lane.pos.scan(ticket, "tea", 2000)
    lane.pos.total(ticket)
    assert lane.pos.wait_offer(ticket, PATIENCE_S)
    lane.pos.close_cash(ticket)
    assert lane.pos.wait(lambda: checkout_of(lane, ticket)["phase"] == "done", PATIENCE_S)
    code = lane.ctl("checkouts", "show", checkout_of(lane, ticket)["checkout"])["receipt"][0]
    seen = lane.take_back(code)
    assert seen["tender"] == {"kind": "outside"}, seen
    assert lane.pos.wait(lambda: lane.pos.tickets[ticket].get("receipt"), PATIENCE_S) == [code]
    assert "paid at the point of sale" in lane.ctl("return", code, json_out=False).stdout


def a_total_left_alone_gives_no_receipt(lane):
    """The POS goes on to another ticket without a word: nobody said that it was paid."""
    left = lane.pos.ticket()
    lane.pos.scan(left, "milk", 1000)
    lane.pos.total(left)
    assert lane.pos.wait_offer(left, PATIENCE_S), "no offer"
    ticket = lane.pos.ticket()
    lane.pos.scan(ticket, "milk", 1000)
    assert lane.pos.wait(lambda: checkout_of(lane, left)["phase"] == "done", PATIENCE_S)
    shown = lane.ctl("checkouts", "show", checkout_of(lane, left)["checkout"])
    assert not shown.get("receipt"), shown
    lane.pos.cancel(ticket)


def training_records_nothing(lane, code):
    lane.ctl("training", "on")
    try:
        assert "dry run" in lane.refused(NO, code, "--line", "1:1")
        assert not lane.take_back(code, "--line", "1:1", "--dry-run")["recorded"]
    finally:
        lane.ctl("training", "off")


def kill_9_in_the_middle_keeps_all_or_nothing(lane, code, paid):
    """A return is sent and the lane killed: it is kept or not, and the cashier can look."""
    returned = 0
    for _ in range(6):
        rpc = lane.control()
        rpc.send("return.make", codes=[code], lines=[{"line": 1, "parts": 1}])
        rpc.close()
        lane.revive_now()
        now = lane.take_back(code)["lines"][0]["returned"]
        assert now in (returned, returned + 1), (returned, now)
        returned = now
    lane.take_back(code, "--all")
    assert sum(line["refunded"] for line in lane.take_back(code)["lines"]) == paid


def a_restart_while_money_is_asked_for_keeps_the_shares(lane):
    """Consented to under one set of offers, confirmed under another, by another process."""
    lane.load_offers(OFFERS)
    ticket = lane.pos.ticket()
    for _ in range(3):
        lane.pos.scan(ticket, "milk", 1000)
    lane.pos.total(ticket)
    assert lane.pos.wait_offer(ticket, PATIENCE_S), "no offer"
    lane.pos.decide("never")
    rpc = lane.control()

    def charging():
        if charged(lane, ticket):
            return True
        if rpc.call("lane.status")["checkout"]["phase"] in ("totalled", "confirming"):
            rpc.receive(lane.present(rpc, lane.image(1, 4)))
        return False
    assert lane.pos.wait(charging, PATIENCE_S), "not charged"
    rpc.close()
    lane.load_offers(LATER)
    lane.revive_now()
    assert lane.pos.wait(lambda: lane.pos.tickets[ticket]["paid"] == "confirmed",
                         PATIENCE_S), lane.ctl("payments")
    assert lane.pos.wait(lambda: not lane.ctl("payments", "--open")["payments"],
                         PATIENCE_S), lane.ctl("payments")
    seen = lane.take_back(lane.pos.tickets[ticket]["receipt"][0], "--all", "--dry-run")
    assert seen["refund"] == seen["total"] == charged(lane, ticket) == 225, seen


def another_lane_reads_it_by_the_public_key(lane, code):
    other = Lane("lane-2")
    try:
        other.open(bio=False)
        said = other.refused(NO, code)
        assert "not known here" in said and "receipt.keys" in said, said
        line = lane.ctl("receipts", "keys", json_out=False).stdout
        assert line.startswith("test ") and line.rstrip().endswith("lane-1"), line
        with open(other.path("receipt.keys"), "w", encoding="utf-8") as f:
            f.write("# the lanes of store-1\n\n" + line)
        assert other.take_back(code)["lane"] == "lane-1"
        assert other.take_back(code, "--line", "1:1")["recorded"]
        with open(other.path("receipt.keys"), "a", encoding="utf-8") as f:
            f.write("test 00ff\n")
        done = other.ctl("receipts", "keys", check=False, json_out=False)
        lines = 3 + line.count("\n")
        assert done.returncode == NO and "receipt.keys:%d: " % lines in done.stderr, done
        assert other.take_back(code)["lines"][0]["returned"] == 1  # it stands before the error
        other.stop()
    finally:
        other.remove()


def an_earlier_key_is_believed_until_it_is_distrusted(lane, code):
    before = lane.ctl("receipts", "keys")["keys"][0]
    assert before["origin"] == "own", before
    keys = lane.ctl("receipts", "rotate")["keys"]
    assert keys[0]["key"] != before["key"] and keys[1]["key"] == before["key"], keys
    assert keys[1]["origin"] == "former", keys
    lane.revive_now()
    assert lane.ctl("receipts", "keys")["keys"] == keys
    lane.take_back(code)
    keys = lane.ctl("receipts", "rotate", "--distrust")["keys"]
    assert len(keys) == 2, keys  # the one between is known nowhere now
    lane.take_back(code)
    assert os.stat(lane.path("state", "receipt.key")).st_mode & 0o777 == 0o600


def without_laned_nothing_is_taken_back(lane, code):
    lane.kill("laned")
    said = lane.refused(UNREACHABLE, code, "--all")
    assert "nothing is taken back" in said and "start it" in said, said
    lane.start("laned")
    lane.control().close()


def what_may_have_been_forgotten_is_refused(lane, code):
    """The journal remembers up to when it forgot returns: an older sale is not taken back."""
    lane.take_back(code)
    lane.stop()
    journal = sqlite3.connect(lane.path("state", "journal.db"))
    assert journal.execute("SELECT count(*) FROM returns").fetchone()[0] > 0
    journal.execute("INSERT INTO returns_swept VALUES (1, ?) ON CONFLICT DO UPDATE "
                    "SET sold_ms = excluded.sold_ms", (int(time.time() + 60) * 1000,))
    journal.commit()
    journal.close()
    lane.open(bio=False)
    assert "does not know what was returned" in lane.refused(NO, code)
    lane.stop()


def a_large_basket_has_several_codes(lane):
    ticket = lane.pos.ticket()
    lane.pos.tickets[ticket].update(final=True, lines=[
        {"line": n, "plu": "p%d" % n, "qty_milli": 1000 * (1 + n % 3), "unit_price": 100 + n,
         "amount": (100 + n) * (1 + n % 3), "vat_bp": (900, 2200, 0)[n % 3]}
        for n in range(1, 501)])
    lane.pos.send_basket(ticket)
    offer = lane.pos.wait_offer(ticket, PATIENCE_S)
    assert offer, "no offer"
    lane.pos.close_cash(ticket)
    assert lane.pos.wait(lambda: checkout_of(lane, ticket)["phase"] == "done", PATIENCE_S)
    codes = lane.ctl("checkouts", "show", checkout_of(lane, ticket)["checkout"])["receipt"]
    assert 3 <= len(codes) <= 8 and all(len(c) <= 899 for c in codes), len(codes)
    one = lane.take_back(codes[1])  # good by itself, for the lines in it
    line = one["lines"][0]["line"]
    assert one["codes"] == len(codes) and one["codes_read"] == 1 and line > 100, one
    assert "is not in what was scanned" in lane.refused(NO, codes[0], "--line", str(line))
    first = lane.take_back(codes[1], "--line", str(line))["refund"]
    rest = lane.take_back(*reversed(codes), "--all")
    assert first + rest["refund"] == offer["total"] == rest["total"], (first, rest["refund"])
    assert "of its %d codes" % len(codes) in lane.ctl("return", codes[0], json_out=False).stdout


def main():
    lane = Lane("lane-1")
    try:
        setup(lane)
        ticket, code = the_code_comes_with_the_confirm(lane)
        print("receipt of 4 lines: %d characters" % len(code))
        wrong_lines_are_named(lane, code)
        a_changed_code_is_refused(lane, code)
        it_shows_what_was_paid_and_takes_nothing(lane, ticket, code)
        training_records_nothing(lane, code)
        parts_in_any_order_give_back_what_was_paid(lane, ticket, code)
        nothing_is_taken_back_twice(lane, code)
        a_cash_receipt_says_so(lane)
        a_total_left_alone_gives_no_receipt(lane)
        a_large_basket_has_several_codes(lane)
        a_restart_while_money_is_asked_for_keeps_the_shares(lane)
        ticket = sell(lane, [("milk", 20000)])
        code = lane.pos.tickets[ticket]["receipt"][0]
        another_lane_reads_it_by_the_public_key(lane, code)
        kill_9_in_the_middle_keeps_all_or_nothing(lane, code, charged(lane, ticket))
        an_earlier_key_is_believed_until_it_is_distrusted(lane, code)
        without_laned_nothing_is_taken_back(lane, code)
        what_may_have_been_forgotten_is_refused(lane, code)
        for name in ("laned", "laned-adapter"):
            log = lane.log(name)
            assert "ERROR: " not in log and "runtime error" not in log, log[-6000:]
            assert code not in log, "a code is in the log of " + name
        print(json.dumps({"returns": "all parts refunded, nothing twice"}))
    except Exception:
        print(lane.log("laned")[-3000:])
        raise
    finally:
        lane.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())
