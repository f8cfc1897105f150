#!/usr/bin/python3
"""Prices in the running lane, with the real programs and a POS that knows an exchange folder only:
what status, watchers and lanectl say of each line, limits over checkouts and kill -9, other offers
under a checkout, points."""
import contextlib
import os
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.environ.get("SRCDIR", "."), "tests", "demo"))
import lab as lablib  # noqa: E402

BUILD = os.environ.get("LANED_BUILD", "build")
END_S = 30.0  # a limit for a hang


def rule(name, kind, scope, params, **more):
    return dict({"id": name, "kind": kind, "scope": scope, "params": params}, **more)


ALL = {"all": True}
OFFERS = {"laned_rules": 1, "currency": "EUR", "rules": [
    rule("milk-20", "percent", {"category": ["dairy"]}, {"percent_bp": 2000},
         text={"en": "20 % off dairy", "de": "20 % auf Milch"}),
    rule("soap-3for2", "buy_get", {"category": ["household"]},
         {"buy": 2, "get": 1, "percent_bp": 10000}, text={"en": "3 for 2", "de": "3 für 2"}),
    rule("member-5", "basket_percent", ALL, {"percent_bp": 500}, who={"member": True},
         text={"en": "5 % for members"}),
    rule("once", "basket_amount", ALL, {"amount_minor": 50}, who={"member": True},
         limits={"per_member": 1}, text={"en": "welcome back"}),
    rule("points", "points_earn", ALL, {"points": 1, "per_minor": 100}),
    rule("burn", "points_burn", ALL, {"points": 10, "value_minor": 10})]}
OTHERS = {"laned_rules": 1, "currency": "EUR", "rules": [
    rule("all-50", "percent", ALL, {"percent_bp": 5000}, text={"en": "half"})]}


class Lane:
    def __init__(self):
        self.lab = lablib.Lab(BUILD)
        self.lab.settings["lane"]["language"] = "de"
        self.lab.write_conf()
        self.lab.start("laned")
        self.lab.start("laned-adapter")
        self.lab.wait_ready(bio=False)
        self.lab.add_members([lablib.member("1001", points=47),
                              lablib.member("1002", language="de")])
        self.lab.load_offers(OFFERS)

    def checkout(self):
        return self.lab.ctl("status")["checkout"]

    def until(self, condition):
        """The checkout once it fits; the POS serves its folder meanwhile."""
        last = []

        def fits():
            last[:] = [self.checkout()]
            return last if condition(last[0]) else None
        if not self.lab.pos.wait(fits, END_S):
            raise AssertionError(last)
        return last[0]

    def scanned(self, ticket, *items):
        for item in items:
            self.lab.pos.scan(ticket, item)
        rev = self.lab.pos.tickets[ticket]["rev"]
        return self.until(lambda c: c["ticket"] == ticket and c["rev"] == rev)

    def claim(self, ticket, number):
        self.lab.pos.claim(ticket, "card", "C" + number)
        return self.until(lambda c: c["member_state"] == "known")

    def journal(self, sql, *values):
        with contextlib.closing(sqlite3.connect(
                "file:%s?mode=ro" % self.lab.path("state", "journal.db"), uri=True)) as db:
            return db.execute(sql, values).fetchall()

    def cash(self, ticket):
        self.lab.pos.close_cash(ticket)
        self.until(lambda c: c["phase"] in ("done", "idle"))


def add_up(checkout):
    lines = [b for b in checkout["basket"] if not b.get("void")]
    assert sum(b["net"] for b in lines) == checkout["total"], checkout
    assert sum(b["amount"] for b in lines) == checkout["gross"], checkout
    assert sum(r["net"] for r in checkout["rates"]) == checkout["total"], checkout
    assert sum(r["gross"] for r in checkout["rates"]) == checkout["gross"], checkout
    for b in lines:
        off = sum(d["amount"] for d in b["discounts"])
        assert b["amount"] - b["net"] == off, b
    assert checkout["gross"] - checkout["total"] == checkout["saving"], checkout


def each_line_is_told(lane):
    ticket = lane.lab.pos.ticket()
    c = lane.scanned(ticket, "milk", "soap", "soap", "apples")
    add_up(c)
    assert c["total"] == 119 - 24 + 159 * 2 + 199, c
    assert c["basket"][0]["discounts"] == [
        {"rule": "milk-20", "text": "20 % auf Milch", "amount": 24}], c
    assert c["optimal"] and "points" not in c and c["member_saving"] == 0, c
    assert c["hint"]["rule"] == "soap-3for2" and c["hint"]["text"] == "3 für 2", c
    assert c["hint"]["saving"] == 159 and c["hint"]["line"] in (2, 3), c
    c = lane.claim(ticket, "1001")
    add_up(c)
    assert c["basket"][0]["discounts"][0]["text"] == "20 % off dairy", c
    assert c["member_saving"] == 612 - c["total"] > 0, c
    assert c["points"] == {"balance": 47, "earned": c["total"] // 100, "could_burn": 40,
                           "worth": 40}, c
    text = lane.lab.ctl("status", json_out=False).stdout
    for said in ("Milk 1 l", "20 % off dairy", "3 for 2", "membership saves", "points: 47"):
        assert said in text, (said, text)
    c = lane.scanned(ticket, "soap")
    add_up(c)
    assert "hint" not in c, c
    assert any(d["text"] == "3 for 2" for b in c["basket"] for d in b["discounts"]), c
    lane.lab.pos.void(ticket, 1)
    c = lane.until(lambda c: c["rev"] == lane.lab.pos.tickets[ticket]["rev"])
    add_up(c)
    assert c["basket"][0]["void"] and c["basket"][0]["net"] == 0, c
    lane.lab.pos.cancel(ticket)
    lane.until(lambda c: c["phase"] in ("cancelled", "idle"))


def what_the_pos_says_of_lines_counts(lane):
    ticket = lane.lab.pos.ticket()
    pos = lane.lab.pos
    c = lane.scanned(ticket, "milk", "milk", "milk")
    assert [b["net"] for b in c["basket"]] == [95, 95, 95], c
    pos.tickets[ticket]["lines"][0]["excluded"] = True
    pos.tickets[ticket]["lines"][1]["floor"] = 110
    pos.tickets[ticket]["lines"][2]["reduced"] = True  # no offer here asks for it
    pos.send_basket(ticket)
    c = lane.until(lambda c: c["rev"] == pos.tickets[ticket]["rev"])
    assert [b["net"] for b in c["basket"]] == [119, 110, 95], c
    pos.cancel(ticket)
    lane.until(lambda c: c["phase"] in ("cancelled", "idle"))


def a_limit_outlives_tickets_and_kills(lane):
    pos = lane.lab.pos
    first, second = pos.ticket(), pos.ticket()
    lane.scanned(first, "coffee")
    told = lane.claim(first, "1001")
    for _ in range(3):
        lane.lab.kill("laned")
        lane.lab.start("laned")
        lane.lab.wait_ready(bio=False)
        c = lane.checkout()
        for name in ("total", "saving", "member_saving", "basket", "points", "phase"):
            assert c[name] == told[name], (name, c, told)
        assert lane.journal("SELECT rule, applications, discount_minor FROM reservations") == [
            ("once", 1, 50)]
    # The first ticket is suspended, the second one begins and is left again.
    lane.scanned(second, "coffee")
    assert lane.claim(second, "1001")["total"] == told["total"]
    c = lane.scanned(first, "milk")
    assert c["member_state"] == "none", c
    lane.claim(first, "1001")
    pos.total(first)
    lane.until(lambda c: c["rev"] == pos.tickets[first]["rev"])
    lane.cash(first)
    lane.scanned(second, "soap")
    c = lane.claim(second, "1001")
    assert "once" not in [d["rule"] for b in c["basket"] for d in b["discounts"]], c
    pos.total(second)
    lane.until(lambda c: c["rev"] == pos.tickets[second]["rev"])
    lane.cash(second)
    assert lane.journal("SELECT applications FROM limit_uses WHERE rule = 'once'") == [(1,)]
    assert lane.journal("SELECT count(*) FROM reservations") == [(0,)]
    done = lane.journal("SELECT total_minor, points FROM checkouts WHERE phase = 'done'")
    assert len(done) == 2 and all(points == total // 100 for total, points in done), done


def other_offers_come_whole(lane):
    pos = lane.lab.pos
    ticket = pos.ticket()
    c = lane.scanned(ticket, "milk")
    assert c["total"] == 95, c
    lane.lab.load_offers(OTHERS)
    c = lane.checkout()
    assert c["total"] == 59 and c["basket"][0]["discounts"][0]["text"] == "half", c
    assert pos.wait(lambda: (pos.tickets[ticket]["offer"] or {}).get("total") == 59, END_S)
    pos.total(ticket)
    c = lane.until(lambda c: c["rev"] == pos.tickets[ticket]["rev"])
    lane.lab.load_offers(OFFERS)
    assert lane.checkout()["total"] == 59, lane.checkout()  # told, and it stands
    bad = dict(OTHERS, rules=OTHERS["rules"] + [{"id": "x", "kind": "no-such-kind"}])
    try:
        lane.lab.load_offers(bad)
    except RuntimeError:
        pass
    else:
        raise AssertionError("a set with an error was taken")
    lane.claim(ticket, "1002")
    c = lane.checkout()
    assert [d["text"] for d in c["basket"][0]["discounts"]][0] == "20 % auf Milch", c
    add_up(c)
    lane.cash(ticket)


def main():
    lane = Lane()
    try:
        for test in (each_line_is_told, what_the_pos_says_of_lines_counts,
                     a_limit_outlives_tickets_and_kills, other_offers_come_whole):
            test(lane)
            print("ok   %s" % test.__name__, flush=True)
        lane.lab.stop()
    except BaseException:
        print(lane.lab.log("laned") + lane.lab.log("laned-adapter"))
        raise
    finally:
        lane.lab.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())
