#!/usr/bin/python3
"""Card numbers of every brand tried at every boundary of a running lane: files of the POS, answers
to a payment, imports, lanectl's arguments, params of the control socket, what laned sends to an
adapter. Each attempt must be refused or masked, and counted; afterwards databases, logs, folders
and all that the sockets said are searched for the digits. Articles' numbers of real receipts must
pass."""
import contextlib
import itertools
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time
import xml.etree.ElementTree as xml

SRC = os.environ.get("SRCDIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path[:0] = [os.path.join(SRC, "tests", "demo"), os.path.join(SRC, "tests", "integration")]
import adapter_drop  # noqa: E402
import lab as lablib  # noqa: E402
import lane_protocol  # noqa: E402
import pos as legacy  # noqa: E402

POSLOG = os.path.join(SRC, "..", "shared", "data", "pos", "poslog", "POSLog.xml")
POSLOG_ITEMS = 1650
LINES_MAX = 900
BAD_BYTES_MAX = 65536  # of a file set aside
# Visa, Mastercard, American Express, Diners Club, Discover, JCB, UnionPay, Maestro: (digits, first)
BRANDS = [(16, "4111"), (16, "5105"), (16, "2223"), (15, "3782"), (14, "3056"), (16, "6011"),
          (16, "3530"), (16, "6200"), (16, "6759"), (19, "4000"), (18, "6304"), (16, "5555")]
# Published for testing, in parts: no whole one stands here. The first attempts are with these.
PUBLISHED = ["4111 1111 1111 1111", "5555 5555 5555 4444", "3782 822463 10005",
             "3056 930902 5904", "6011 1111 1111 1117", "3530 1113 3330 0000",
             "6200 0000 0000 0005", "6759 6498 2643 8453", "2223 0031 2200 3222",
             "4000 0000 0000 0000 006", "6304 0000 0000 0000", "3600 666633 3344"]
TAPPED = bytearray()  # all that laned said at any socket and lanectl at its outputs


def check_digit(digits):
    total = 0
    for i, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if i % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def packed(number):
    """Two digits a byte, an odd count filled up."""
    return bytes.fromhex(number + "f" * (len(number) % 2))


class Cards:
    """A number of its own for each attempt, so that a leak tells where it is."""

    def __init__(self):
        self.used = {}
        self.brands = itertools.cycle(BRANDS)
        self.published = [number.replace(" ", "") for number in PUBLISHED]

    def __call__(self, where, form="plain", digits=None):
        if digits is None and self.published:
            number = self.published.pop(0)
        else:
            length, first = next(b for b in self.brands if digits is None or b[0] == digits)
            body = first + str(len(self.used) + 1).zfill(length - len(first) - 1)
            number = body + check_digit(body)
        self.used[number] = where
        return number if form == "plain" else {"spaced": " ", "hyphens": "-"}[form].join(
            number[i:i + 4] for i in range(0, len(number), 4))

    def leaks(self, data):
        """Where the numbers in data were smuggled in, however they are written there."""
        text = re.sub(rb"\\u00([23][0-9a-fA-F])", lambda m: bytes.fromhex(m[1].decode()), data)
        runs = b"\n".join(re.sub(rb"[ -]", b"", run)
                          for run in re.findall(rb"\d(?:[ -]?\d){13,}", data + b"\n" + text))
        return [where for number, where in self.used.items()
                if number.encode() in runs or packed(number) in data]


class Tap:
    """A socket whose every received byte is kept."""

    def __init__(self, sock):
        self.sock = sock

    def __getattr__(self, name):
        return getattr(self.sock, name)

    def recv(self, n):
        data = self.sock.recv(n)
        TAPPED.extend(data)
        return data


class Lane(lane_protocol.Suite):
    """laned and laned-adapter with drop; this program is the POS, laned-bio and the clients."""

    def __init__(self, cards):
        self.card = cards
        self.lab = lablib.Lab(lane_protocol.BUILD, {"log": {"level": "debug"}})
        self.inputs = tempfile.mkdtemp(prefix="laned-pan-")  # of ours: not searched
        self.lab.start("laned")
        self.lab.start("laned-adapter")
        self.lab.wait_ready(bio=False)
        self.rpc = self.control()
        self.watcher = self.control()
        self.watcher.ok("lane.watch")

    def place(self, name, first):
        peer, answer = super().place(name, first)
        peer.sock = Tap(peer.sock)
        return peer, answer

    def control(self):
        peer = super().control()
        peer.sock = Tap(peer.sock)
        return peer

    def close(self):
        self.lab.remove()
        shutil.rmtree(self.inputs, ignore_errors=True)

    def counted(self):
        return self.rpc.ok("lane.status")["counters"]["pans_refused"]

    def left(self):
        return [n for n in os.listdir(self.lab.pos.into)
                if n.endswith((".json", ".taken"))]  # also one in the host's hands

    def bad(self):
        path = os.path.join(self.lab.pos.into, "bad")
        return set(os.listdir(path)) if os.path.isdir(path) else set()

    def drop(self, files):
        """Lays files into the folder until all are taken. The names of those set aside by it."""
        before = self.bad()
        for name, content in files.items():
            if not isinstance(content, bytes):
                content = json.dumps(dict(content, v=1)).encode()
            legacy.put(self.lab.pos.into, name, content)
        end = time.monotonic() + lane_protocol.PATIENCE_S
        while self.left():
            assert time.monotonic() < end, ("not taken", self.left())
            time.sleep(0.005)  # until they are gone: the folder tells nothing
        return self.bad() - before

    def input(self, name, content):
        path = os.path.join(self.inputs, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(content)
        return path


def basket(ticket, line=None, **more):
    """A basket of one line with these members."""
    return dict({"ticket": ticket, "rev": 1, "currency": "EUR", "lines": [dict(
        {"line": 1, "gtin": "2000000000015", "text": "milk", "qty_milli": 1000,
         "unit_price": 119, "amount": 119}, **(line or {}))]}, **more)


def files_of_the_pos(s):
    card = s.card
    line = {"text": card("basket: text", "spaced"), "category": card("basket: category"),
            "brand": card("basket: brand", "hyphens"), "note": card("basket: unknown member"),
            "number": int(card("basket: unknown number", digits=16)),
            "list": [{"deep": card("basket: deep inside", "spaced")}],
            card("basket: name of a member"): 1, "plu": card("basket: plu", "hyphens", 14),
            "gtin": card("basket: gtin", "spaced", 14)}
    plain = {"plain plu": ("plu", card("basket: plain plu", digits=16)),
             "plain gtin": ("gtin", card("basket: plain gtin", digits=16))}
    files = {"P%d.basket.json" % i: basket("P%d" % i, {k: v})
             for i, (k, v) in enumerate(line.items())}
    for i, (name, value) in enumerate(plain.values()):
        files["L%d.basket.json" % i] = basket("L%d" % i, {name: value})
        if name == "plu":
            del files["L%d.basket.json" % i]["lines"][0]["gtin"]
    del files["P7.basket.json"]["lines"][0]["gtin"]  # else its plu is not looked at
    files["Q1.basket.json"] = basket("Q1", cashier=card("basket: beside the lines"))
    escaped = "".join("\\u%04x" % ord(c) for c in card("basket: JSON escapes", "spaced"))
    files["Q2.basket.json"] = json.dumps(
        dict(basket("Q2", {"text": "@"}), v=1)).replace("@", escaped).encode()
    half = "\\u%04x" + card("basket: one digit escaped")
    files["Q3.basket.json"] = json.dumps(dict(basket("Q3", {"text": "@"}), v=1)).replace(
        "@", half[:6] % ord(half[6]) + half[7:]).encode()
    files["Q4.basket.json"] = b'{"v":1,"note":"' + card("no JSON").encode()
    cut = b'{"v":1,"note":"'.ljust(BAD_BYTES_MAX - 15, b"x")
    files["Q5.basket.json"] = cut + card("where a bad file is cut", digits=16).encode()
    for kind in ("card", "phone", "digits", "qr"):
        files["C%s.claim.json" % kind] = {
            "ticket": "C" + kind, "kind": kind, "value": card("claim: " + kind)}
    ticket = card("ticket of a basket")
    files[ticket + ".basket.json"] = basket(ticket)
    ticket = card("ticket of a claim")
    files[ticket + ".claim.json"] = {"ticket": ticket, "kind": "card", "value": "C1"}
    ticket = card("ticket of a cancel", "hyphens")
    files[ticket + ".cancel.json"] = {"ticket": ticket}
    key = "%032x" % 5
    for name in ("auth", "text"):
        files["%s.result.json" % (key[:-1] + name[0].replace("t", "b"))] = {
            "key": key[:-1] + name[0].replace("t", "b"), "outcome": "approved", "amount": 119,
            name: card("answer of nobody's payment: " + name)}
    before = s.counted()
    aside = s.drop(files)
    assert len(aside) == len(files), (sorted(files), sorted(aside))
    assert s.counted() - before == 3, s.counted()  # by laned itself: three tickets
    log = s.lab.log("laned-adapter")
    assert log.count("a payment card number") >= 12, log[-3000:]


def a_paid_ticket(s):
    """By touch, so that the answer to a payment is stored: its texts are masked or left out."""
    bio = s.bio()
    s.rpc.ok("members.add", {"member": lablib.member("2001")})
    number = s.rpc.request("enrol.begin", {"member": "2001", "consent": dict(
        lane_protocol.CONSENT)})
    bio.reply(bio.wait("enrol.begin"), {})
    session = s.rpc.answer(number)["result"]["session"]
    number = s.rpc.request("enrol.commit", {"session": session})
    bio.reply(bio.wait("enrol.commit"), {"references": 2})
    s.rpc.answer(number)
    subject = s.rpc.ok("members.show", {"member": "2001"})["member"]["subjects"][0]
    assert not s.drop({"T1.basket.json": basket("T1", final=True)})
    end = time.monotonic() + lane_protocol.PATIENCE_S
    while s.rpc.ok("lane.status")["checkout"]["ticket"] != "T1":
        assert time.monotonic() < end
    bio.notify("bio.touch", {"probe": lane_protocol.ULID, "reader": "r"})
    bio.wait("bio.identify")
    bio.notify("bio.identified", {"probe": lane_protocol.ULID, "outcome": "accept",
                                  "subject": subject})
    keys = []
    while not keys:
        keys = [n.split(".")[0] for n in os.listdir(s.lab.pos.out) if n.endswith(".pay.json")]
        assert time.monotonic() < end, s.rpc.ok("lane.status")["checkout"]
    # Such a text beside an outcome: refused. In the reference of an approval, which stands: masked.
    name, answer = keys[0] + ".result.json", {"key": keys[0], "outcome": "approved", "amount": 119}
    for member in ("auth", "text", "pan"):
        assert s.drop({name: dict(answer, **{member: s.card("answer: " + member)})}) == {name}
        os.unlink(os.path.join(s.lab.pos.into, "bad", name))
    ref = "R" * 40 + "-" + s.card("answer: ref", digits=19)
    assert not s.drop({name: dict(answer, auth="A1", ref=ref)})
    paid = [p for p in s.rpc.ok("payment.list", {"limit": 5})["payments"] if p["key"] == keys[0]]
    assert paid[0]["approved"] == 119 and "****" in paid[0]["ref"], paid
    bio.close()


def control_socket(s):
    card, rpc = s.card, s.rpc
    member = lablib.member
    tender = {"kind": "card-token", "token": "t1"}
    refused = [  # and counted
        ("pos.basket", basket("R1", {"text": card("rpc: text", "spaced")})),
        ("pos.basket", basket("R2", {"category": card("rpc: category")})),
        ("pos.basket", basket("R3", {"brand": card("rpc: brand", "hyphens")})),
        ("pos.basket", basket("R4", {"gtin": card("rpc: gtin", "spaced", 14)})),
        ("pos.basket", basket("R5", {"gtin": card("rpc: plain gtin", digits=16)})),
        ("pos.basket", basket("R6", {"gtin": "", "plu": card("rpc: plain plu", digits=16)})),
        ("pos.basket", basket(card("rpc: ticket"))),
        ("pos.claim", {"kind": "card", "value": card("rpc: claim")}),
        ("pos.claim", {"kind": "qr", "value": "x " + card("rpc: in a code", "spaced") + " 12/28"}),
        ("pos.claim", {"kind": "qr", "value": "x", "ticket": card("rpc: ticket of a claim")}),
        ("pos.cancel", {"ticket": card("rpc: ticket of a cancel")}),
        ("import.begin", {"kind": "offers", "format": "json", "name": card("rpc: import")})]
    for name, value in (("account", card("member: account")),
                        ("greeting", card("member: greeting", "spaced")),
                        ("groups", [card("member: group")]),
                        ("coupons", [card("member: coupon", "hyphens")]),
                        ("claims", [{"kind": "card", "value": card("member: card")}]),
                        ("claims", [{"kind": "qr", "value": card("member: qr")}]),
                        ("tenders", [dict(tender, token=card("member: token"))]),
                        ("tenders", [dict(tender, label=card("member: label", "spaced"))]),
                        ("tenders", [dict(tender, brand=card("member: brand"))])):
        refused.append(("members.add", {"member": member("4000", **{name: value})}))
    before = s.counted()
    for method, params in refused:
        rpc.fails(lane_protocol.PARAMS, method, params)
    assert s.counted() - before == len(refused), s.counted()
    # Nobody's names: the answer does not repeat them.
    for method, name in (("members.show", "member"), ("members.list", "after"),
                         ("members.export", "member"), ("checkout.show", "checkout"),
                         ("checkout.list", "after"), ("bio.present", "file"),
                         ("enrol.begin", "member"), ("import.begin", "kind"),
                         ("return.make", "codes"), ("lane.status", "unknown"),
                         ("lane.training", "on")):
        for form in ("plain", "spaced"):
            rpc.ask(method, {name: card("%s: %s" % (method, name), form)})
    rpc.ask("return.make", {"codes": [card("return.make: a code")]})
    rpc.fails(lane_protocol.NO_METHOD, card("name of a method"), {})
    rpc.fails(lane_protocol.NO_METHOD, "x" * 225 + " " + card("end of an error"), {})
    rpc.ask("enrol.begin", {"member": "2001", "consent": dict(
        lane_protocol.CONSENT, text_version=card("consent"))})


def imports(s):
    """By lanectl. Nothing of a file with a card number is taken, and the answer only says where."""
    card = s.card
    files = []
    for name, value in (("greeting", card("import: greeting")),
                        ("groups", [card("import: group", "spaced")]),
                        ("tenders", [{"kind": "card-token", "token": "t",
                                      "label": card("import: label", "hyphens")}])):
        files.append(("members", "m.jsonl", json.dumps(dict(
            {"number": "5001"}, **{name: value})) + "\n"))
    for column in ("greeting", "groups", "card", "label"):
        files.append(("members", "m.csv", "number,token,%s\n5002,t,%s\n" % (
            column, card("CSV: " + column, "spaced"))))
    files.append(("members", "m.csv", "number,%s\n5003,x\n" % card("CSV: header")))
    files.append(("members", "m.csv", "number,points\n5003,%s\n" % card("CSV: points")))
    rule = {"id": "a", "kind": "percent", "scope": {"all": True}, "params": {"percent_bp": 1000},
            "text": {"en": "x"}}
    for name, value in (("text", {"en": "call " + card("offer: text", "spaced")}),
                        ("id", card("offer: id")),
                        ("kind", card("offer: kind")),
                        ("params", {"percent_bp": 1000, "x": card("offer: params")}),
                        ("scope", {"category": [card("offer: category", "hyphens")]}),
                        ("scope", {"sku": [card("offer: sku", "spaced")]}),
                        (card("offer: unknown member"), 1),
                        ("unknown", card("offer: value of an unknown member"))):
        files.append(("offers", "o.json", json.dumps({
            "laned_rules": 1, "currency": "EUR", "rules": [dict(rule, **{name: value})]})))
    files.append(("offers", "o.jsonl", json.dumps(dict(
        rule, text={"en": card("offer: JSON Lines")})) + "\n"))
    files.append(("offers", "o.csv", "id,kind,percent,text_en\na,percent,10,%s\n" % card(
        "offer: CSV")))
    before = s.counted()
    for kind, name, content in files:
        done = s.lab.ctl(kind, "import", s.input(name, content), check=False, json_out=False)
        assert done.returncode == 65, (name, content, done)
        TAPPED.extend((done.stdout + done.stderr).encode())
    # The header, points that are no number: refused for what they are.
    assert s.counted() - before >= len(files) - 3, (s.counted(), before, len(files))
    # An article's number of digits is an article's number.
    article = s.card("an article's number", digits=14)
    del s.card.used[article]
    assert s.lab.load_offers({"laned_rules": 1, "currency": "EUR", "rules": [dict(
        rule, scope={"sku": [article]})]})["committed"]


def arguments_of_lanectl(s):
    card = s.card
    for words in (("members", "show"), ("members", "export"), ("checkouts", "show"), ("return",)):
        done = s.lab.ctl(*words, card("lanectl " + " ".join(words)), check=False, json_out=False)
        assert done.returncode != 0, done
        TAPPED.extend((done.stdout + done.stderr).encode())
    for words in (("--card", card("lanectl: card", "spaced")), ("--qr", card("lanectl: qr"))):
        done = s.lab.ctl("members", "add", "--number", "6001", *words, check=False,
                         json_out=False)
        assert done.returncode != 0, done
        TAPPED.extend((done.stdout + done.stderr).encode())
    rows = s.input("settled.csv", "ref,ticket,amount,currency,type\n%s,%s,1.19,EUR,capture\n" % (
        card("settlement: ref"), card("settlement: ticket", "spaced")))
    done = s.lab.ctl("payments", "reconcile", rows, check=False, json_out=False)
    TAPPED.extend((done.stdout + done.stderr).encode())


def nobody_dumps_core(s):
    print("note: no program here makes a dump of a running process; instead: no dump can be made")
    for name, process in s.lab.processes.items():
        with open("/proc/%d/limits" % process.pid, encoding="ascii") as f:
            limit = [line for line in f if line.startswith("Max core file size")][0].split()
        assert limit[4:6] == ["0", "0"], (name, limit)
    process = s.lab.processes.pop("laned-adapter")
    process.send_signal(signal.SIGABRT)
    _, status = os.waitpid(process.pid, 0)
    process.returncode = -signal.SIGABRT  # taken from it
    assert os.WIFSIGNALED(status) and not os.WCOREDUMP(status), status


def a_plug_in_that_lies(s):
    """This program in the adapter's place, with a host that guards nothing: laned has its own."""
    card = s.card
    text = {name: card("adapter: " + name) for name in ("plugin", "version", "caps", "name")}
    peer, _ = s.place("adapter-drop.sock", ("adapter.hello", {
        "name": "drop", "plugin": "drop " + text["plugin"], "version": text["version"], "abi": 0,
        "environment": "test", "caps": ["pay", "query", "terminal", text["caps"]],
        "report": {"state": card("report: state"), "why": card("report: why", "spaced"),
                   "bypass": True, "bypass_why": card("report: bypass_why"),
                   "crash": dict({"at_ms": 1, "deaths": 1}, **{
                       name: card("crash: " + name)
                       for name in ("plugin", "version", "build_id", "how", "signal", "doing")})}}))
    key = "%032x" % 7

    def hexed(where):
        return card(where).encode().hex()

    def tagged(where):
        """As EMV has it."""
        number = packed(card(where))
        return (b"\0\x5a" + bytes([len(number)]) + number).hex()

    asked = [
        ("adapter.event", {"type": "tender-wanted", "amount": 5, "ticket": card("tender: ticket")}),
        ("adapter.event", {"type": "tender-wanted", "amount": 5, "ticket": "V0",
                           "currency": "EUR", "blob": tagged("tender: packed")}),
        ("adapter.event", {"type": "tender-wanted", "amount": 5, "ref": card("tender: ref")}),
        ("adapter.event", {"type": "tender-wanted", "amount": 5, "ticket": "V1",
                           "currency": "EUR", "blob": hexed("tender: blob")}),
        ("adapter.event", {"type": card("event: type"), "text": card("event: text", "spaced")}),
        ("adapter.event", {"type": "tender-undo", "ref": card("undo: ref")}),
        ("adapter.journal", {"key": key, "state": "sending", "blob": hexed("journal: blob")}),
        ("adapter.journal", {"key": key, "state": "sending", "blob": tagged("journal: packed")}),
        ("adapter.journal_find", {"ref": card("journal_find: ref")}),
        ("adapter.complete", {"key": key, "outcome": "approved", "amount": 5,
                              "auth": card("complete: auth"), "ref": card("complete: ref"),
                              "text": card("complete: text", "hyphens")}),
        ("pos.basket", basket("V2", {"text": card("adapter's basket: text")})),
        ("pos.claim", {"kind": "card", "value": card("adapter's claim")})]
    for method, params in asked:
        answer = peer.ask(method, params)
        # A late word about nobody's payment is the only thing that may be answered by yes.
        assert "error" in answer or method in ("adapter.event", "adapter.journal_find"), answer
    tell_people(s)  # with the crash, which the next report leaves out
    peer.ask("adapter.report", {"environment": "test", "state": "unloadable",
                                "why": card("report: unloadable")})
    shown = s.rpc.ok("lane.status")
    assert not shown["checkout"]["faults"]["journal_failed"], shown
    tell_people(s)
    peer.close()


def tell_people(s):
    """What lanectl says, by words and as JSON."""
    for words in (("status",), ("doctor",), ("checkouts", "list"), ("payments", "list"),
                  ("payments", "report"), ("members", "list"), ("offers", "list"),
                  ("config", "show")):
        for form in ([], ["--json"]):
            done = s.lab.ctl(*form, *words, check=False, json_out=False)
            assert done.stdout + done.stderr, words
            TAPPED.extend((done.stdout + done.stderr).encode())


def search(s):
    """Every file of the lane, by name and content. The names of those that were looked at."""
    looked_at = {}
    for folder, _, names in os.walk(s.lab.root):
        for name in names:
            path = os.path.join(folder, name)
            if not os.path.isfile(path):
                continue  # a socket: what it says is tapped
            with open(path, "rb") as f:
                data = f.read()
            leaks = s.card.leaks(name.encode() + b"\n" + data)
            assert not leaks, (path, leaks)
            looked_at[os.path.relpath(path, s.lab.root)] = len(data)
    return looked_at


def nothing_is_found(s):
    with contextlib.suppress(lablib.Hang):
        while s.watcher.message(0.1) is not None:  # what the display was told
            pass
    s.rpc.ok("checkout.list", {"limit": 500})
    s.rpc.ok("payment.list", {"limit": 500})
    s.rpc.ok("offers.list", {})
    tell_people(s)
    running = search(s)  # with the journal's log of writes, which a clean end takes away
    for name in ("state/journal.db", "state/journal.db-wal", "state/cache.db-wal", "log/laned",
                 "log/laned-adapter"):
        assert running.get(name), (name, running)
    assert [n for n in running if n.endswith(".crash")], running
    s.lab.stop()
    ended = search(s)
    assert ended.get("state/journal.db") and "state/journal.db-wal" not in ended, ended
    assert len(TAPPED) > 10000, len(TAPPED)
    leaks = s.card.leaks(bytes(TAPPED))
    assert not leaks, ("said at a socket or by lanectl", leaks)
    # The search itself finds what there is.
    number = next(iter(s.card.used))
    for text in (number, "-".join(number), " ".join(number), "\\u003" + number[0] + number[1:]):
        assert s.card.leaks(b"x" + text.encode()) == [s.card.used[number]], text


def what_the_adapter_counts(card):
    """laned-adapter alone, this program as laned: its counter, and what it says at its socket."""
    with tempfile.TemporaryDirectory() as root:
        lane = adapter_drop.Lane(root)
        try:
            lane.start()
            values = [("text", card("adapter: text")), ("category", card("adapter: category")),
                      ("brand", card("adapter: brand", "spaced")),
                      ("x", card("adapter: unknown member", "hyphens"))]
            for i, (name, value) in enumerate(values):
                legacy.put(lane.pos.into, "A%d.basket.json" % i, legacy.LegacyPos.encode(
                    basket("A%d" % i, {name: value})))
            lane.pos.claim("A9", "card", card("adapter: claim"))
            assert lane.wait(lambda: not lane.left()), lane.log()
            assert len(lane.bad()) == len(values) + 1, lane.bad()
            key = adapter_drop.new_key()
            ways_out = [
                lane.laned.pay(key, "A1", 119, 1, token=card("adapter: token", "hyphens")),
                lane.laned.submit("offer", ticket="A1", rev=1, total=19, saving=100, discounts=[
                    {"line": 1, "amount": 100, "text": card("adapter: text of a discount")}]),
                lane.laned.submit("confirm", key=key, ticket="A1",
                                  receipt=[card("adapter: code of a receipt")])]
            for _, answer in ways_out:
                assert "card number" in answer["error"]["message"], answer
            health = lane.laned.call("adapter.health", {})["result"]
            assert health["pans_refused"] == len(values) + 1 + len(ways_out), health
            said = json.dumps([lane.laned.seen, lane.laned.answers]).encode()
            assert not card.leaks(said) and not card.leaks(lane.log().encode()), lane.log()
            for folder, _, names in os.walk(root):
                for name in names:
                    with open(os.path.join(folder, name), "rb") as f:
                        assert not card.leaks(f.read()), (folder, name)
            lane.stop()
        finally:
            if lane.process.poll() is None:
                lane.process.kill()
                lane.process.wait()


def articles_pass(s):
    """The numbers of all articles on the receipts of a shop, as gtin and as plu."""
    numbers = [e.text.strip() for e in xml.parse(POSLOG).iter()
               if e.tag.rsplit("}", 1)[-1] in ("ItemID", "POSItemID") and e.text]
    assert len(numbers) == POSLOG_ITEMS, len(numbers)
    before = s.counted()
    for kind in ("gtin", "plu"):
        for at in range(0, len(numbers), LINES_MAX):
            ticket = "%s-%d" % (kind, at)
            lines = [{"line": i + 1, kind: number, "text": "article", "qty_milli": 1000,
                      "unit_price": 119, "amount": 119}
                     for i, number in enumerate(numbers[at:at + LINES_MAX])]
            aside = s.drop({ticket + ".basket.json": dict(basket(ticket), lines=lines)})
            assert not aside, s.lab.log("laned-adapter")[-1000:]
            shown = s.rpc.ok("lane.status")["checkout"]
            assert shown["ticket"] == ticket and shown["lines"] == len(lines), ticket
    assert s.counted() == before
    s.drop({"last.basket.json": basket("last"), "last.cancel.json": {"ticket": "last"}})


def main():
    cards = Cards()
    what_the_adapter_counts(cards)
    print("ok   what_the_adapter_counts", flush=True)
    lane = Lane(cards)
    try:
        steps = [files_of_the_pos, a_paid_ticket, control_socket, imports, arguments_of_lanectl]
        if os.path.exists(POSLOG):
            steps.append(articles_pass)
        else:
            print("SKIPPED articles_pass: the receipts (%s) are not here" % POSLOG)
        for step in steps + [nobody_dumps_core, a_plug_in_that_lies, nothing_is_found]:
            step(lane)
            print("ok   %s" % step.__name__, flush=True)
        print("%d card numbers, none found" % len(cards.used))
    except Exception:
        print(lane.lab.log("laned")[-2000:], lane.lab.log("laned-adapter")[-2000:])
        raise
    finally:
        lane.close()
    return 0


def stop(signo, _frame):
    raise SystemExit("stopped by signal %d" % signo)  # by way of finally: no daemon stays behind


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGALRM, stop)
    signal.alarm(120)  # a limit for a hang
    sys.exit(main())
