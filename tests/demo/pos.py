#!/usr/bin/python3
"""A legacy point of sale: a test peer, not a product.

It knows nothing of laned but an exchange folder in drop format v1 (docs/adapter-drop.md): it writes
tickets into in/, reads offers and payment orders from out/, and keeps its own ledger, which is the
truth about what was charged. The ledger is a file of JSON lines, synced before any answer is
written, so that a crash at any place leaves it right. A key that was answered once is always
answered the same; a key that it said it never heard of is never charged afterwards.

As a module: LegacyPos. As a program:

    pos.py --dir DIR serve          commands on standard input, see COMMANDS
    pos.py --dir DIR once           take what lies in out/ and end
    pos.py --dir DIR ledger         print the charges
"""
import argparse
import json
import os
import select
import sys
import time
from collections import deque

COMMANDS = """ticket                begin a new ticket, print its number
scan GTIN [QTY_MILLI] add an item (number or name of the item list)
void LINE             void a line
total                 the total was pressed
claim KIND VALUE      card, phone, digits or qr
decide OUTCOME...     of the next payments: approve, decline, partial:AMOUNT, unknown, in-progress,
                      never, delay:SECONDS, twice, changed, crash-before, crash-after
offer [SECONDS]       wait for an offer of this ticket and print it
payment [SECONDS]     wait until this ticket is paid, declined or undone, and print which
run SECONDS           only serve the folder
cash                  close the ticket with cash
cancel                cancel the ticket
show                  print the ticket
ledger                print the charges
quit"""


def gtin13(twelve):
    """Twelve digits with their GS1 check digit."""
    odd = sum(int(d) for d in twelve[0::2])
    even = sum(int(d) for d in twelve[1::2])
    return twelve + str(-(odd + 3 * even) % 10)


# Made up. Numbers that begin with 2 are for use inside a store, so they are nobody's.
ITEMS = {
    gtin13("200000000%03d" % n): {
        "name": name, "text": text, "price": price, "vat_bp": vat, "category": category,
        "brand": brand, "weighed": weighed}
    for n, (name, text, price, vat, category, brand, weighed) in enumerate([
        ("milk", "Milk 1 l", 119, 900, "dairy", "Meadow", False),
        ("butter", "Butter 250 g", 289, 900, "dairy", "Meadow", False),
        ("bread", "Rye bread", 219, 900, "bakery", "Miller", False),
        ("coffee", "Coffee 500 g", 749, 2200, "grocery", "Morning", False),
        ("tea", "Tea 20 bags", 259, 2200, "grocery", "Morning", False),
        ("apples", "Apples", 199, 900, "fruit", "", True),
        ("bananas", "Bananas", 149, 900, "fruit", "", True),
        ("pasta", "Pasta 500 g", 129, 900, "grocery", "Miller", False),
        ("sauce", "Tomato sauce", 189, 900, "grocery", "Sunny", False),
        ("cheese", "Cheese 300 g", 399, 900, "dairy", "Meadow", False),
        ("soap", "Soap", 159, 2200, "household", "Clear", False),
        ("wine", "Red wine 0.75 l", 899, 2200, "alcohol", "Hill", False),
    ], start=1)
}


TAKEN = ".taken-"


class Crash(Exception):
    """The simulated POS dies here; a new LegacyPos over the same folder is its restart."""


def put(folder, name, data):
    """Writes a file so that it is there whole or not at all, and durable."""
    temporary = os.path.join(folder, "." + name + ".tmp")
    with open(temporary, "wb") as f:
        f.write(data)
        f.flush()
        os.fsync(f.fileno())
    os.rename(temporary, os.path.join(folder, name))
    sync_folder(folder)


def sync_folder(folder):
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


class Ledger:
    """Append-only JSON lines; the state is what reading them gives."""

    def __init__(self, path):
        self.path = path
        self.keys = {}
        if os.path.exists(path):
            with open(path, "rb") as f:
                data = f.read()
            # A line without its end was being written when the power went: it never counted.
            whole = data[:data.rfind(b"\n") + 1]
            if whole != data:
                with open(path, "r+b") as f:
                    f.truncate(len(whole))
            for line in whole.splitlines():
                self._apply(json.loads(line))
        self.file = open(path, "ab", buffering=0)

    def _apply(self, record):
        entry = self.keys.setdefault(record["key"], {"charged": 0})
        entry.update(record)
        if record["op"] == "charge":
            entry["charged"] += 1

    def append(self, record):
        self.file.write((json.dumps(record, sort_keys=True) + "\n").encode())
        os.fsync(self.file.fileno())
        self._apply(record)

    def get(self, key):
        return self.keys.get(key)

    def charges(self):
        """Every key for which money moved: (key, entry), undone ones with state "undone"."""
        return [(k, e) for k, e in self.keys.items() if e["charged"]]

    def refunds(self):
        """Money that went back by a refund: (key, entry)."""
        return [(k, e) for k, e in self.keys.items() if e.get("state") == "refunded"]

    def standing(self):
        """Charges that were not undone."""
        return [(k, e) for k, e in self.charges() if e.get("state") != "undone"]


class LegacyPos:
    def __init__(self, folder, ledger=None, items=None, currency="EUR", first_ticket=1):
        self.into = os.path.join(folder, "in")
        self.out = os.path.join(folder, "out")
        for path in (folder, self.into, self.out):
            os.makedirs(path, exist_ok=True)
        self.ledger = Ledger(ledger or os.path.join(folder, "ledger.jsonl"))
        self.items = items or ITEMS
        self.currency = currency
        self.number = first_ticket - 1
        self.tickets = {}
        self.decisions = deque()
        self.delayed = []  # (when, key): answers that come later
        self.silent = set()  # keys that are never answered by themselves
        self.log = []

    # ---- the cashier's side

    def ticket(self, number=None):
        if number is None:
            self.number += 1
            number = str(self.number)
        self.tickets[number] = {"rev": 0, "lines": [], "final": False, "closed": False,
                                "offer": None, "paid": None, "training": False}
        return number

    def find_item(self, what):
        if what in self.items:
            return what
        for gtin, item in self.items.items():
            if item.get("name") == what:
                return gtin
        raise KeyError("no such item: %s" % what)

    def scan(self, ticket, what, qty_milli=1000):
        t = self.tickets[ticket]
        gtin = self.find_item(what)
        item = self.items[gtin]
        line = {"line": len(t["lines"]) + 1, "gtin": gtin, "text": item["text"],
                "qty_milli": qty_milli, "unit_price": item["price"],
                "amount": (item["price"] * qty_milli + 500) // 1000,
                "vat_bp": item.get("vat_bp", 0)}
        for name in ("category", "brand"):
            if item.get(name):
                line[name] = item[name]
        if item.get("weighed"):
            line["weighed"] = True
        t["lines"].append(line)
        self.send_basket(ticket)
        return line["line"]

    def void(self, ticket, number):
        self.tickets[ticket]["lines"][number - 1]["void"] = True
        self.send_basket(ticket)

    def total(self, ticket):
        self.tickets[ticket]["final"] = True
        self.send_basket(ticket)
        return self.gross(ticket)

    def close_cash(self, ticket):
        t = self.tickets[ticket]
        t["final"] = t["closed"] = True
        t["paid"] = "cash"
        sold = t["offer"]
        self.send_basket(ticket)
        t["offer"] = sold  # paid at that: what comes now is too late

    def cancel(self, ticket):
        self.tell(ticket, "cancel", {"ticket": ticket})

    def claim(self, ticket, kind, value):
        self.tell(ticket, "claim", {"ticket": ticket, "kind": kind, "value": value})

    def gross(self, ticket):
        return sum(line["amount"] for line in self.tickets[ticket]["lines"]
                   if not line.get("void"))

    def due(self, ticket):
        """The fiscal total: the lines and the discounts of the last offer taken."""
        offer = self.tickets[ticket]["offer"]
        saving = sum(d["amount"] for d in offer["discounts"]) if offer else 0
        return self.gross(ticket) - saving

    def send_basket(self, ticket):
        t = self.tickets[ticket]
        t["rev"] += 1
        t["offer"] = None  # it was for the basket before
        basket = {"ticket": ticket, "rev": t["rev"], "currency": self.currency,
                  "lines": t["lines"], "final": t["final"]}
        for name in ("closed", "training"):
            if t[name]:
                basket[name] = True
        self.tell(ticket, "basket", basket)

    def tell(self, stem, kind, message):
        """Says it to laned: one file."""
        put(self.into, "%s.%s.json" % (stem, kind), self.encode(message))

    @staticmethod
    def encode(message):
        return json.dumps(dict(message, v=1)).encode()

    # ---- the side of the folder

    def decide(self, *outcomes):
        """What becomes of the next payments, in turn; without any they are approved."""
        self.decisions.extend(outcomes)

    def step(self):
        """Takes what lies in out/, one file after the other. Returns how many."""
        done = 0
        # Offers first: a payment is for the amount of the last offer. A file is taken by a name of
        # our own before it is read: a newer one of the same name is never removed unread.
        for name in sorted(os.listdir(self.out), key=lambda n: (".offer." not in n, n)):
            taken = name.startswith(TAKEN)  # a restart finds what it had taken
            if not name.endswith(".json") or (name.startswith(".") and not taken):
                continue
            path = os.path.join(self.out, name if taken else TAKEN + name)
            try:
                if not taken:
                    os.rename(os.path.join(self.out, name), path)
                with open(path, "rb") as f:
                    message = json.load(f)
            except FileNotFoundError:
                continue  # withdrawn meanwhile
            kind = name.rsplit(".", 2)[1]
            getattr(self, "on_" + kind, self.on_other)(message)
            os.unlink(path)
            sync_folder(self.out)
            done += 1
        now = time.monotonic()
        for entry in [e for e in self.delayed if e[0] <= now]:
            self.delayed.remove(entry)
            self.answer(entry[1])
        return done

    def on_other(self, message):
        self.log.append("not understood: %r" % message)

    def on_offer(self, message):
        t = self.tickets.get(message["ticket"])
        if t is None or t["closed"] or message["rev"] != t["rev"]:
            self.log.append("an offer for another basket was ignored")
            return
        t["offer"] = message
        if message["total"] != self.due(message["ticket"]):
            self.log.append("offer and POS disagree about the total")

    def on_pay(self, message):
        key = message["key"]
        if self.ledger.get(key) is None:
            self.decide_now(message)
        if key not in self.silent and key not in [k for _, k in self.delayed]:
            self.answer(key)

    def decide_now(self, message):
        decision = self.decisions.popleft() if self.decisions else "approve"
        word, _, argument = decision.partition(":")
        record = {"op": "charge", "key": message["key"], "ticket": message["ticket"],
                  "asked": message["amount"], "amount": message["amount"],
                  "currency": message["currency"], "outcome": "approved",
                  "state": "approved", "auth": "A%05d" % (len(self.ledger.keys) + 1),
                  "ref": "R-" + message["key"][:12], "rev": message["rev"],
                  "offer": self.tickets.get(message["ticket"], {}).get("offer")}
        if word == "crash-before":
            raise Crash("before the ledger")
        if word in ("decline", "unknown", "in-progress"):
            record.update(op="refuse", amount=0, auth="", state="refused",
                          outcome={"decline": "declined"}.get(word, word))
        elif word == "partial":
            record.update(outcome="partial", amount=int(argument))
        elif self.wrong_amount(message):
            record.update(op="refuse", amount=0, outcome="declined", auth="",
                          state="refused")
        self.ledger.append(record)
        if word == "crash-after":
            raise Crash("after the ledger")
        if word == "never":
            self.silent.add(message["key"])
        elif word == "delay":
            self.delayed.append((time.monotonic() + float(argument), message["key"]))
        elif word == "twice":
            self.answer(message["key"])
        elif word == "changed":
            self.answer(message["key"])
            self.write_result(message["key"], "declined", None)
            self.silent.add(message["key"])
        self.mark_paid(record)

    def wrong_amount(self, message):
        t = self.tickets.get(message["ticket"])
        if t is None or t["closed"] or t["rev"] != message["rev"]:
            return True
        return message["amount"] != self.due(message["ticket"])

    def mark_paid(self, record):
        t = self.tickets.get(record["ticket"])
        if t is not None:
            t["paid"] = record["outcome"]

    def on_refund(self, message):
        key = message["key"]
        if self.ledger.get(key) is None:
            self.decide_refund(message)
        if key not in self.silent and key not in [k for _, k in self.delayed]:
            self.answer(key)

    def decide_refund(self, message):
        """Money back of a charge of this ledger, never more than it took."""
        decision = self.decisions.popleft() if self.decisions else "approve"
        word, _, argument = decision.partition(":")
        key = message["key"]
        if word == "crash-before":
            raise Crash("before the ledger")
        original = self.find_charge(message)
        record = {"op": "refund", "key": key, "ticket": message["ticket"],
                  "original": original, "asked": message["amount"],
                  "amount": message["amount"], "currency": message["currency"],
                  "outcome": "approved", "state": "refunded",
                  "auth": "B%05d" % (len(self.ledger.keys) + 1), "ref": "B-" + key[:12]}
        back = sum(e["amount"] for _, e in self.ledger.refunds() if e["original"] == original)
        if word in ("decline", "unknown", "in-progress") or original is None or \
                back + message["amount"] > self.ledger.get(original)["amount"]:
            record.update(op="refuse", amount=0, auth="", state="refused",
                          outcome={"unknown": word, "in-progress": word}.get(word, "declined"))
        elif word == "partial":
            record.update(amount=int(argument))
        self.ledger.append(record)
        if word == "crash-after":
            raise Crash("after the ledger")
        if word == "never":
            self.silent.add(key)
        elif word == "delay":
            self.delayed.append((time.monotonic() + float(argument), key))
        elif word == "twice":
            self.answer(key)

    def find_charge(self, message):
        """The charge that a refund names by its key, or by its reference. None: it is not here."""
        for key, entry in self.ledger.standing():
            if key == message.get("original") or \
                    ("original" not in message and entry.get("ref") == message.get("ref")):
                return key
        return None

    def answer(self, key):
        entry = self.ledger.get(key)
        self.write_result(key, entry["outcome"], entry)

    def write_result(self, key, outcome, entry):
        result = {"key": key, "outcome": outcome}
        if outcome in ("approved", "partial"):
            result.update(amount=entry["amount"], auth=entry["auth"], ref=entry["ref"])
        self.tell(key, "result", result)

    def on_query(self, message):
        key = message["key"]
        entry = self.ledger.get(key)
        if entry is None:
            # A promise: whatever still comes under this key is not charged.
            self.ledger.append({"op": "refuse", "key": key, "ticket": "", "amount": 0,
                                "outcome": "not-found", "state": "refused"})
        self.silent.discard(key)
        self.answer(key)

    def on_confirm(self, message):
        entry = self.ledger.get(message["key"])
        ticket = self.tickets.get(entry["ticket"]) if entry else None
        if ticket is not None:
            ticket["receipt"] = message.get("receipt", [])  # printed with the goods
        # Closed with cash between the charge and the confirm: nobody pays twice.
        cash = ticket is not None and ticket["paid"] == "cash"
        self.settle(message["key"], "undone" if cash else "confirmed")

    def on_receipt(self, message):
        ticket = self.tickets.get(message["ticket"])
        if ticket is not None and message["rev"] == ticket["rev"]:
            ticket["receipt"] = message["receipt"]

    def on_undo(self, message):
        self.settle(message["key"], "undone")

    def settle(self, key, state):
        entry = self.ledger.get(key)
        if entry is None or not entry["charged"]:
            if entry is None:
                self.ledger.append({"op": "refuse", "key": key, "ticket": "",
                                    "amount": 0, "outcome": "not-found",
                                    "state": "refused"})
            answer = "not-found"
        elif entry["state"] == "approved":
            self.ledger.append({"op": state, "key": key, "state": state})
            t = self.tickets.get(entry["ticket"])
            if t is not None:
                # A laned without its journal may have made another offer since the charge.
                if state == "confirmed" and t["rev"] == entry.get("rev"):
                    t["offer"] = entry.get("offer")
                t["closed"] = t["closed"] or state == "confirmed"
                t["paid"] = state
            answer = state
        else:
            answer = entry["state"]  # whichever came first stands
        self.tell(key, "done", {"key": key, "state": answer})

    def wait(self, condition, seconds=10.0):
        """Serves the folder until condition() holds. Its value, or None when time is over."""
        end = time.monotonic() + seconds
        while True:
            self.step()
            value = condition()
            if value:
                return value
            if time.monotonic() > end:
                return None
            time.sleep(0.005)

    def wait_offer(self, ticket, seconds=10.0):
        return self.wait(lambda: self.tickets[ticket]["offer"], seconds)

    def wait_payment(self, ticket, seconds=10.0):
        """confirmed, declined, partial, undone ...: the last word on this ticket's payment."""
        ends = ("confirmed", "declined", "undone", "cash")
        t = self.tickets[ticket]
        return self.wait(lambda: t["paid"] if t["paid"] in ends else None, seconds)

    def charges_text(self):
        lines = []
        for key, e in self.ledger.keys.items():
            lines.append("%s  ticket %-6s %8.2f %s  %-9s %-10s charged %d" % (
                key, e.get("ticket") or "-", e.get("amount", 0) / 100, e.get("currency", ""),
                e["outcome"], e["state"], e["charged"]))
        return "\n".join(lines) if lines else "no payments"


class Console:
    """Commands on standard input, one a line; answers on standard output, one a line."""

    def __init__(self, pos):
        self.pos = pos
        self.current = None

    def run(self, words):
        name, rest = words[0], words[1:]
        handler = getattr(self, "do_" + name.replace("-", "_"), None)
        return handler(*rest) if handler else "unknown command\n" + COMMANDS

    def do_ticket(self, number=None):
        self.current = self.pos.ticket(number)
        return self.current

    def do_scan(self, what, qty="1000"):
        return "line %d" % self.pos.scan(self.current, what, int(qty))

    def do_void(self, line):
        return self.pos.void(self.current, int(line)) or "void"

    def do_total(self):
        return "total %.2f" % (self.pos.total(self.current) / 100)

    def do_claim(self, kind, value):
        return self.pos.claim(self.current, kind, value) or "claimed"

    def do_decide(self, *outcomes):
        return self.pos.decide(*outcomes) or "decided"

    def do_offer(self, seconds="10"):
        return json.dumps(self.pos.wait_offer(self.current, float(seconds)))

    def do_payment(self, seconds="10"):
        return str(self.pos.wait_payment(self.current, float(seconds)))

    def do_run(self, seconds):
        return self.pos.wait(lambda: None, float(seconds)) or "ran"

    def do_cash(self):
        return self.pos.close_cash(self.current) or "closed with cash"

    def do_cancel(self):
        return self.pos.cancel(self.current) or "cancelled"

    def do_show(self):
        return json.dumps(self.pos.tickets[self.current])

    def do_ledger(self):
        return self.pos.charges_text()

    def take(self, line):
        try:
            answer = self.run(line.split())
        except (KeyError, IndexError, TypeError, ValueError) as e:
            answer = "error: %s" % e
        print(answer, flush=True)

    def serve(self, fd):
        pending = b""
        while True:
            self.pos.step()
            if not select.select([fd], [], [], 0.02)[0]:
                continue
            data = os.read(fd, 4096)
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                if line.split()[:1] == [b"quit"]:
                    return
                if line.split():
                    self.take(line.decode())
            if not data:
                return


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0],
                                     epilog="Commands of serve:\n" + COMMANDS,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", required=True, help="the exchange folder (in/ and out/)")
    parser.add_argument("--ledger", help="the ledger's file (default: in the folder)")
    parser.add_argument("--first-ticket", type=int, default=1)
    parser.add_argument("command", choices=["serve", "once", "ledger"])
    arguments = parser.parse_args()
    pos = LegacyPos(arguments.dir, arguments.ledger, first_ticket=arguments.first_ticket)
    if arguments.command == "serve":
        Console(pos).serve(0)
    elif arguments.command == "once":
        pos.step()
    else:
        print(pos.charges_text())
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Crash as crash:
        print("the POS crashed: %s" % crash, file=sys.stderr)
        os._exit(137)
