#!/usr/bin/python3
"""A day's payments, each of its kind, as `lanectl payments report` tells them; and the journal against
what the POS's own ledger says, told right first and then with one lie after the other."""
import csv
import io
import os
import sys

sys.path.insert(0, os.path.join(os.environ.get("SRCDIR", "."), "tests", "demo"))
import lab as lablib  # noqa: E402

BUILD = os.environ.get("LANED_BUILD", "build")
NUMBER = "1001"
PATIENCE_S = 30.0
OK, NO, USAGE, DATA = 0, 1, 64, 65
FIELDS = ["key", "ref", "ticket", "amount", "currency", "type"]


class Day:
    """A lane with one payment each: confirmed, declined, undone in two ways, unknown, and one with a
    return."""

    def __init__(self):
        self.lane = lablib.Lab(BUILD)
        self.lane.synth_fingers(2, 4, difficulty=20)
        self.lane.start_all()
        self.lane.add_members([lablib.member(NUMBER)])
        self.lane.enrol(NUMBER, [self.lane.image(f, i) for f in (1, 2) for i in (1, 2, 3)])
        self.rpc = self.lane.control()

    def payments(self):
        return {p["ticket"]: p for p in reversed(self.lane.ctl("payments")["payments"])}

    def sell(self, decision, state):
        """One ticket whose payment comes to this state."""
        pos = self.lane.pos
        ticket = pos.ticket()
        pos.scan(ticket, "milk", 2000)
        pos.total(ticket)
        assert pos.wait_offer(ticket, PATIENCE_S), "no offer"
        pos.decide(decision)

        def asked():
            if ticket in [e.get("ticket") for e in pos.ledger.keys.values()]:
                return True
            if self.rpc.call("lane.status")["checkout"]["phase"] in ("totalled", "confirming"):
                self.rpc.receive(self.lane.present(self.rpc, self.lane.image(1, 4)))
            return False
        assert pos.wait(asked, PATIENCE_S), self.rpc.call("lane.status")["checkout"]
        if state == "undone" and decision == "approve":
            pos.close_cash(ticket)  # between the charge and the confirm
        elif state == "undone":
            assert pos.wait(lambda: [e for _, e in pos.ledger.standing()
                                     if e["ticket"] == ticket], PATIENCE_S), "not charged"
            self.lane.ctl("other-tender")
        assert pos.wait(lambda: self.payments()[ticket]["state"] == state, PATIENCE_S), \
            self.payments()[ticket]
        if state in ("declined", "undone") and decision != "approve":
            pos.close_cash(ticket)
        return ticket

    def truth(self):
        """What a processor would settle: the POS's ledger, as rows of a file."""
        rows = []
        for key, entry in self.lane.pos.ledger.charges():
            row = {"key": key, "ref": entry["ref"], "ticket": entry["ticket"],
                   "amount": "%d.%02d" % divmod(entry["amount"], 100), "currency": "EUR",
                   "type": "capture"}
            rows.append(row)
            if entry["state"] == "undone":
                rows.append(dict(row, type="refund"))
        return rows

    def reconcile(self, rows, *options, fields=None):
        path = self.lane.path("settlement.csv")
        with open(path, "w", encoding="utf-8", newline="") as f:
            out = csv.DictWriter(f, fields or FIELDS)
            out.writeheader()
            out.writerows(rows)
        done = self.lane.ctl("payments", "reconcile", path, *options, check=False,
                             json_out=False)
        answer = self.lane.ctl("payments", "reconcile", path, *options, check=False)
        assert done.returncode == (NO if answer["differs"] else OK), (done, answer)
        return {r["kind"]: r for r in answer["results"]}, done.stdout


def the_report_tells_each_payment(day, tickets):
    lane = day.lane
    report = lane.ctl("payments", "report")
    states = {s["state"]: s for s in report["states"]}
    assert {k: v["count"] for k, v in states.items()} == {
        "confirmed": 2, "declined": 1, "undone": 2, "unknown": 1}, states
    assert report["returns"]["count"] == 1 and report["returns"]["refund"] == 119, report
    by_ticket = {p["ticket"]: p for p in report["payments"]}
    assert by_ticket[tickets["returned"]]["returned"] == 119, by_ticket
    assert "meaning" not in by_ticket[tickets["confirmed"]], by_ticket
    text = lane.ctl("payments", "report", json_out=False).stdout
    for name in ("undone", "untold", "unknown"):
        payment = by_ticket[tickets[name]]
        assert payment["meaning"] and payment["key"] in text, (name, text)
    assert by_ticket[tickets["undone"]]["ref"].startswith("R-"), by_ticket
    assert by_ticket[tickets["undone"]]["ref"] in text, text
    assert by_ticket[tickets["confirmed"]]["key"] not in text, text
    rows = list(csv.DictReader(io.StringIO(
        lane.ctl("payments", "report", "--csv", json_out=False).stdout)))
    assert [r["ticket"] for r in rows] == [p["ticket"] for p in report["payments"]], rows
    assert {r["amount"] for r in rows} == {"2.38"}, rows
    assert [r["state"] for r in rows if r["meaning"]] == ["undone", "undone", "unknown"], rows


def days_are_asked_for(day):
    lane = day.lane
    today = str(lane.ctl("payments", "report")["from"])
    dashed = "%s-%s-%s" % (today[:4], today[4:6], today[6:])
    for days in (("--day", today), ("--day", dashed), ("--from", "2020-01-01", "--to", dashed)):
        assert len(lane.ctl("payments", "report", *days)["payments"]) == 6, days
    assert lane.ctl("payments", "report", "--day", "2020-01-01")["payments"] == []
    for wrong in (("--day", "today"), ("--day", "2026-13-01"), ("--to", dashed), ("more",),
                  ("--day", today, "--from", today), ("--from", dashed, "--to", "2020-01-01")):
        done = lane.ctl("payments", "report", *wrong, check=False, json_out=False)
        assert done.returncode in (USAGE, DATA), (wrong, done)


def the_truth_agrees(day):
    for fields, options in ((None, ()), (["ref", "amount", "type"], ()),
                            (["key", "amount", "type"], ()),
                            (["ticket", "amount", "type"], ())):
        rows = [{f: r[f] for f in fields or FIELDS} for r in day.truth()]
        kinds, text = day.reconcile(rows, *options, fields=fields)
        # The POS never told the reference of one that was undone: by that alone nobody knows it.
        assert set(kinds) - {"elsewhere"} == {"undone", "open"}, (fields, kinds)
        assert ("elsewhere" in kinds) == (fields is not None and fields[0] == "ref"), kinds
        assert "4.76 EUR stand, there 4.76 EUR" in text, text
    cents = [{"Receipt": r["ticket"], "Cents": r["amount"].replace(".", "").lstrip("0"),
              "What": {"capture": "POS-SALE", "refund": "POS-BACK"}[r["type"]]}
             for r in day.truth()] + [{"Receipt": "", "Cents": "", "What": "FEE"}]
    kinds, text = day.reconcile(
        cents, "--columns", "ticket=Receipt,amount=Cents,type=What", "--minor", "--charges",
        "pos-sale", "--credits", "pos-back", fields=["Receipt", "Cents", "What"])
    assert set(kinds) == {"undone", "open"} and "1 lines of other types" in text, text


def every_lie_has_its_name(day, tickets):
    payments = day.payments()

    def rows(name, kind="capture"):
        payment = payments[tickets[name]]
        return {"key": payment["key"], "ref": payment.get("ref", ""), "ticket": tickets[name],
                "amount": "2.38", "currency": "EUR", "type": kind}

    def without(name, kind):
        return [r for r in day.truth()
                if (r["ticket"], r["type"]) != (tickets[name], kind)]
    truth = day.truth()
    lies = {
        "not-there": without("confirmed", "capture"),
        "twice": truth + [rows("confirmed")],
        "amount": without("confirmed", "capture") + [dict(rows("confirmed"), amount="2.39")],
        "currency": without("confirmed", "capture") + [dict(rows("confirmed"), currency="USD")],
        "taken-back": truth + [rows("confirmed", "chargeback")],
        "not-undone": without("undone", "refund"),
        "charged": truth + [rows("declined")],
        "resolves": truth + [rows("unknown")],
        "not-here": truth + [{"key": "ab" * 16, "ref": "R-x", "ticket": "9", "amount": "1",
                              "currency": "EUR", "type": "sale"}],
    }
    for kind, lie in lies.items():
        found, text = day.reconcile(lie)
        assert set(found) - {"undone", "open"} == {kind}, (kind, found)
        assert kind in text and found[kind]["text"], (kind, text)
        listed = day.lane.ctl("payments", "reconcile", day.lane.path("settlement.csv"), "--csv",
                              check=False, json_out=False).stdout
        table = list(csv.DictReader(io.StringIO(listed)))
        assert kind in [r["kind"] for r in table], listed
    # Goods that came back, refunded by the POS: explained.
    found, text = day.reconcile(truth + [dict(rows("returned", "refund"), amount="1.19")])
    assert set(found) == {"undone", "open", "returned"}, found


def the_log_of_the_pos_agrees_or_not(day, tickets):
    """The same by an XML log: sales by the ticket's number, our tender among others."""
    today = str(day.lane.ctl("payments", "report")["from"])
    stamp = "%s-%s-%s" % (today[:4], today[4:6], today[6:])

    def log(rows):
        sales = "".join(
            "<Transaction><WorkstationID>1</WorkstationID><SequenceNumber>%s</SequenceNumber>"
            "<BusinessDayDate>%s</BusinessDayDate><CurrencyCode>EUR</CurrencyCode>"
            "<RetailTransaction><LineItem><Sale><ItemID>1</ItemID><ExtendedAmount>2.38"
            "</ExtendedAmount></Sale></LineItem><LineItem><Tender TenderType=\"Token\" "
            "TypeCode=\"%s\"><TenderID>44</TenderID><Amount>%s</Amount></Tender></LineItem>"
            "<LineItem><Tender TenderType=\"Cash\"><Amount>1.00</Amount></Tender></LineItem>"
            "</RetailTransaction></Transaction>" % (
                r["ticket"], stamp, "Refund" if r["type"] == "refund" else "Sale", r["amount"])
            for r in rows)
        path = day.lane.path("log.xml")
        with open(path, "w", encoding="utf-8") as f:
            f.write("<?xml version=\"1.0\"?>\n<POSLog>%s</POSLog>\n" % sales)
        return day.lane.ctl("payments", "reconcile", path, "--tender", "token", check=False)
    answer = log(day.truth())
    assert not answer["differs"] and answer["passed_over"] == len(day.truth()), answer
    answer = log([r for r in day.truth() if r["ticket"] != tickets["confirmed"]])
    assert [r["kind"] for r in answer["results"] if r["kind"] not in ("undone", "open")] == [
        "not-there"], answer
    done = day.lane.ctl("payments", "reconcile", day.lane.path("log.xml"), check=False,
                        json_out=False)
    assert done.returncode == DATA and "--tender" in done.stderr, done


def a_file_with_errors_reports_nothing(day):
    path = day.lane.path("settlement.csv")
    with open(path, "w", encoding="utf-8") as f:
        f.write("ref,amount\nR,1\nS,one\nT,two\n")
    done = day.lane.ctl("payments", "reconcile", path, check=False, json_out=False)
    assert done.returncode == DATA and done.stdout == "", done
    assert "settlement.csv:3: no amount: one" in done.stderr, done
    assert "settlement.csv:4: no amount: two" in done.stderr, done
    done = day.lane.ctl("payments", "reconcile", path + "x", check=False, json_out=False)
    assert done.returncode == DATA, done


def main():
    day = Day()
    lane = day.lane
    try:
        tickets = {"confirmed": day.sell("approve", "confirmed"),
                   "declined": day.sell("decline", "declined"),
                   "untold": day.sell("never", "undone"),
                   "undone": day.sell("approve", "undone"),
                   "returned": day.sell("approve", "confirmed"),
                   "unknown": day.sell("unknown", "unknown")}  # the last: another would end it
        lane.ctl("return", lane.pos.tickets[tickets["returned"]]["receipt"][0], "--line", "1:1")
        the_report_tells_each_payment(day, tickets)
        days_are_asked_for(day)
        the_truth_agrees(day)
        every_lie_has_its_name(day, tickets)
        the_log_of_the_pos_agrees_or_not(day, tickets)
        a_file_with_errors_reports_nothing(day)
        day.rpc.close()
        lane.stop()
        log = lane.log("laned")
        assert "ERROR: " not in log and "runtime error" not in log, log[-6000:]
        print("6 payments reported, the truth agrees, 9 lies found")
    except Exception:
        print(lane.log("laned")[-3000:])
        raise
    finally:
        lane.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())
