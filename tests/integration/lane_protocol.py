#!/usr/bin/python3
"""laned over its sockets, with this program as laned-bio, adapter and control clients: every method
of docs/protocol.md with right, wrong, missing and hostile params. laned must answer each with the
documented error, stay up, and tell a sane state afterwards."""
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time

SRC = os.environ.get("SRCDIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(SRC, "tests", "demo"))
import lab as lablib  # noqa: E402

BUILD = os.environ.get("LANED_BUILD", os.path.join(SRC, "build"))
PARSE, INVALID, NO_METHOD, PARAMS = -32700, -32600, -32601, -32602
DENIED, REFUSED, NOT_FOUND = -32001, -32002, -32003
ULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
ULID2 = "01ARZ3NDEKTSV4RRFFQ69G5FAW"
KEY = "0123456789abcdef0123456789abcdef"
PATIENCE_S = 20.0
WRONG_TYPES = [None, 0, -1, 1 << 52, True, "", "x", "x" * 5000, [], [[]], {}, {"a": 1}, "\u00e4"]


def pan():
    """Looks like a payment card's number; made here, so that none stands in the source."""
    digits = [4, 0, 0, 0, 0, 7] + [0] * 9
    total = 0
    for i, digit in enumerate(reversed(digits)):
        digit = digit * 2 if i % 2 == 0 else digit
        total += digit - 9 if digit > 9 else digit
    return "".join(map(str, digits)) + str(-total % 10)


class Peer:
    """One connection: raw lines out, messages in. Requests of laned are kept in .asked."""

    def __init__(self, path=None, sock=None):
        end = time.monotonic() + PATIENCE_S
        self.sock = sock
        while sock is None:
            try:
                self.sock = socket.socket(socket.AF_UNIX)
                self.sock.connect(path)
                break
            except (FileNotFoundError, ConnectionRefusedError, BlockingIOError):
                self.sock.close()
                if time.monotonic() > end:
                    raise
                time.sleep(0.01)  # until laned listens: nothing can be waited for
        self.buffer = b""
        self.number = 0
        self.asked = []

    def raw(self, data):
        self.sock.sendall(data)

    def message(self, seconds=PATIENCE_S):
        """The next message, or None at the end of the connection."""
        end = time.monotonic() + seconds
        while b"\n" not in self.buffer:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.sock], [], [], left)[0]:
                raise lablib.Hang("nothing came")
            try:
                data = self.sock.recv(1 << 20)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def request(self, method, params=None):
        self.number += 1
        message = {"jsonrpc": "2.0", "id": self.number, "method": method}
        if params is not None:
            message["params"] = params
        self.raw(json.dumps(message).encode() + b"\n")
        return self.number

    def answer(self, number):
        while True:
            message = self.message()
            if message is None:
                raise ConnectionError("laned closed the connection")
            if message.get("id") == number and "method" not in message:
                return message
            self.asked.append(message)

    def ask(self, method, params=None):
        return self.answer(self.request(method, params))

    def ok(self, method, params=None):
        message = self.ask(method, params)
        assert "result" in message, (method, params, message)
        return message["result"]

    def fails(self, code, method, params=None):
        message = self.ask(method, params)
        assert "error" in message, (method, params, message)
        error = message["error"]
        assert error["code"] == code, (method, str(params)[:300], message)
        assert error["message"], (method, params, message)
        assert pan() not in json.dumps(message), "a payment card number is repeated"
        return error["message"]

    def notify(self, method, params):
        self.raw(json.dumps({"jsonrpc": "2.0", "method": method, "params": params}).encode()
                 + b"\n")

    def wait(self, method):
        """The next request or notification called so, out of what was kept or comes."""
        while True:
            for i, message in enumerate(self.asked):
                if message.get("method") == method:
                    return self.asked.pop(i)
            message = self.message()
            if message is None:
                raise ConnectionError("laned closed the connection")
            self.asked.append(message)

    def reply(self, message, result):
        self.raw(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}).encode()
                 + b"\n")

    def refuse(self, message, code, text):
        self.raw(json.dumps({"jsonrpc": "2.0", "id": message["id"],
                             "error": {"code": code, "message": text}}).encode() + b"\n")

    def is_closed(self):
        """Waits until laned has closed the connection."""
        while True:
            message = self.message()
            if message is None:
                return True

    def close(self):
        self.sock.close()


class Suite:
    def __init__(self):
        self.lab = lablib.Lab(BUILD)
        self.lab.start("laned")

    def control(self):
        return Peer(self.lab.path("run", "control.sock"))

    def place(self, name, first):
        """The one place at a socket, once laned has seen that the last peer went. first: a
        request that is answered, however it is answered."""
        end = time.monotonic() + PATIENCE_S
        while True:
            peer = Peer(self.lab.path("run", name))
            try:
                answer = peer.ask(*first)
                return peer, answer
            except (ConnectionError, BrokenPipeError):
                peer.close()
                assert time.monotonic() < end, "the place at %s is never free" % name

    def bio(self, hello=True, state="ready"):
        if not hello:
            return self.place("bio.sock", ("nothing", {}))[0]
        peer, answer = self.place("bio.sock", ("bio.hello", {
            "version": "t", "environment": "test", "state": {
                "readers": [{"name": "r", "driver": "file", "state": state}],
                "gallery": {"subjects": 0, "references": 0, "searchable": True}}}))
        assert answer["result"] == {"lane": "lane-1", "environment": "test"}, answer
        return peer

    def adapter(self, hello=True, caps=("pay", "query", "confirm", "undo")):
        if not hello:
            return self.place("adapter-drop.sock", ("nothing", {}))[0]
        peer, answer = self.place("adapter-drop.sock", ("adapter.hello", {
            "name": "drop", "plugin": "drop", "version": "1", "abi": 0, "environment": "test",
            "caps": list(caps)}))
        assert answer["result"]["environment"] == "test", answer
        return peer

    def idle(self):
        """Ends whatever checkout is open."""
        peer = self.control()
        peer.ok("pos.basket", basket(ticket="TX"))
        peer.ok("pos.cancel", {"ticket": "TX"})
        assert peer.ok("lane.status")["checkout"]["phase"] in ("idle", "cancelled")
        peer.close()

    def restart(self):
        self.lab.stop()
        self.lab.start("laned")

    def alive(self):
        """laned is the same process as ever and tells a whole status."""
        process = self.lab.processes["laned"]
        assert process.poll() is None, self.lab.log("laned")[-3000:]
        peer = self.control()
        status = peer.ok("lane.status", {})
        for name in ("version", "lane", "store", "environment", "checkout", "bio", "adapters",
                     "cache", "journal", "counters"):
            assert name in status, name
        assert status["journal"]["open"] is True
        assert not status["checkout"]["faults"]["journal_failed"], status
        peer.close()
        return status


BASKET = {"ticket": "T1", "rev": 1, "currency": "EUR", "final": False,
          "lines": [{"line": 1, "gtin": "4740000000017", "text": "milk", "qty_milli": 1000,
                     "unit_price": 199, "amount": 199}]}


def basket(**more):
    return dict(BASKET, **more)


def line(**more):
    return basket(lines=[dict(BASKET["lines"][0], **more)])


# ---- what is no JSON-RPC

def garbage_ends_the_connection_and_nothing_else(s):
    lines = [b"hello\n", b"{\n", b"\xff\xfe\n", b"null\n", b"5\n", b"\"x\"\n",
             b"{}\n", b"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"lane.status\"}\n",
             b"\0\n", b"{\"a\":1}{\"b\":2}\n",
             b"{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"lane.status\"}\n",
             b"[" * 100000 + b"\n", b"{\"jsonrpc\":\"2.0\",\"id\":1e400,\"method\":\"x\"}\n",
             b"x" * (2 << 20) + b"\n", b" " * (2 << 20)]
    for name in ("control.sock", "bio.sock", "adapter-drop.sock"):
        for garbage in lines:
            peer = Peer(s.lab.path("run", name))
            try:
                peer.raw(garbage)
            except (BrokenPipeError, ConnectionResetError):
                pass  # closed before all of it was taken: that is an answer
            try:
                assert peer.is_closed()
            except lablib.Hang:
                raise AssertionError("not closed: %r" % garbage[:60]) from None
            peer.close()
    peer = s.control()
    for batch in (b"[]\n", b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":5}\n",
                  b"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"lane.status\"}]\n"):
        peer.raw(batch)
        assert peer.message()["error"]["code"] == INVALID, batch
    peer.ok("lane.status")
    peer.close()
    s.alive()


def half_a_line_is_waited_for(s):
    whole = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "lane.status"}).encode() + b"\n"
    peer = s.control()
    for i in range(len(whole)):
        peer.raw(whole[i:i + 1])
    assert "result" in peer.answer(1)
    peer.raw(whole[:20])
    peer.close()  # dies in mid-line
    s.alive()


def unknown_methods_and_members(s):
    peer = s.control()
    for method in ("", "lane", "lane.statuS", "x" * 3000, "lane.status ", "\u00e4"):
        peer.fails(NO_METHOD, method, {})
    peer.ok("lane.status", {"later": {"unknown": [1, 2]}})
    peer.ok("lane.status")
    for params in ([], [1], "x", 5):
        message = peer.ask("lane.doctor", params)
        assert "result" in message or message["error"]["code"] in (INVALID, PARAMS), message
    peer.close()
    s.alive()


def each_socket_has_its_methods(s):
    bio, adapter, control = s.bio(), s.adapter(), s.control()
    for method in ("lane.status", "members.add", "import.begin", "adapter.hello", "pos.basket",
                   "adapter.journal", "enrol.commit", "bio.identify"):
        bio.fails(NO_METHOD, method, {})
    for method in ("lane.status", "members.list", "bio.hello", "bio.touch", "bio.identified",
                   "enrol.begin", "lane.reload"):
        adapter.fails(NO_METHOD, method, {})
    for method in ("bio.hello", "bio.touch", "bio.state", "bio.identified", "adapter.hello",
                   "adapter.journal", "adapter.complete", "adapter.event", "enrol.progress"):
        control.fails(NO_METHOD, method, {})
    for peer in (bio, adapter, control):
        peer.close()
    s.alive()


# ---- bio.sock

def nothing_is_taken_before_the_hello(s):
    bio = s.bio(hello=False)
    for method in ("bio.state", "bio.touch", "bio.identified", "enrol.progress"):
        bio.fails(DENIED, method, {"probe": ULID})
    bio.fails(REFUSED, "bio.hello", {"version": "t", "environment": "live", "state": {}})
    bio.fails(REFUSED, "bio.hello", {"version": "t"})
    # Refused means refused: a touch and its answer are not listened to either.
    bio.notify("bio.touch", {"probe": ULID, "reader": "r"})
    bio.notify("bio.identified", {"probe": ULID, "outcome": "accept", "subject": ULID})
    bio.fails(DENIED, "bio.state", {"readers": []})
    status = s.alive()
    assert not status["bio"]["connected"] and status["checkout"]["phase"] == "idle", status
    bio.ok("bio.hello", {"version": "t", "environment": "test"})
    bio.fails(DENIED, "bio.hello", {"version": "t", "environment": "test"})
    bio.ok("bio.state", {"readers": []})
    bio.close()
    adapter = s.adapter(hello=False)
    for method in ("adapter.journal", "adapter.journal_find", "adapter.complete", "adapter.event",
                   "pos.basket", "pos.claim", "pos.cancel"):
        adapter.fails(DENIED, method, basket(key=KEY, state="sending", ref="x", type="note"))
    adapter.fails(REFUSED, "adapter.hello", {"name": "drop", "environment": "live"})
    adapter.fails(DENIED, "pos.basket", basket())
    assert s.alive()["checkout"]["phase"] == "idle"
    adapter.ok("adapter.hello", {"name": "drop", "environment": "test"})
    adapter.fails(DENIED, "adapter.hello", {"name": "drop", "environment": "test"})
    adapter.close()


def hostile_bio_messages_do_no_harm(s):
    bio = s.bio()
    for value in WRONG_TYPES:
        for method in ("bio.state", "bio.touch", "bio.identified", "enrol.progress"):
            bio.ask(method, {"probe": value, "reader": value, "readers": value, "outcome": value,
                             "subject": value, "hints": value, "session": value,
                             "gallery": value, "finger": value})
            bio.ask(method, value if isinstance(value, dict) else {})
    bio.ok("bio.state", {"readers": [{"state": "ready"}] * 2000, "junk": "x" * 900000})
    s.alive()
    bio.ok("bio.state", {"readers": [{"name": "r", "state": "ready"}]})
    status = s.alive()
    assert status["bio"]["connected"], status
    second = Peer(s.lab.path("run", "bio.sock"))  # there is one laned-bio
    assert second.is_closed()
    second.close()
    bio.close()


def answers_nobody_asked_for_are_ignored(s):
    bio = s.bio()
    bio.raw(b"{\"jsonrpc\":\"2.0\",\"id\":77,\"result\":{}}\n")
    bio.notify("bio.identified", {"probe": ULID, "outcome": "accept", "subject": ULID})
    bio.ok("bio.state", {"readers": []})
    bio.close()
    s.alive()


def a_touch_is_identified_and_a_lost_bio_is_a_fault(s):
    control = s.control()
    watcher = s.control()
    watcher.ok("lane.watch")
    bio = s.bio()
    bio.notify("bio.touch", {"probe": ULID, "reader": "r"})
    assert bio.wait("bio.identify")["params"]["probe"] == ULID
    bio.notify("bio.identified", {"probe": ULID, "outcome": "accept", "subject": ULID2})
    bio.notify("bio.touch", {"probe": ULID2, "reader": "r"})
    bio.close()
    while True:  # the watcher is told
        note = watcher.wait("lane.changed")
        if note["params"]["faults"]["bio_down"]:
            break
    control.close()
    watcher.close()
    s.alive()
    s.idle()


# ---- control.sock

def params_of_the_cashiers_keys(s):
    control = s.control()
    for value in [v for v in WRONG_TYPES if not isinstance(v, bool)]:
        control.fails(PARAMS, "lane.training", {"on": value})
    control.fails(PARAMS, "lane.training")
    control.ok("lane.training", {"on": True})
    assert s.alive()["checkout"]["training"]
    control.ok("lane.training", {"on": False})
    for method in ("lane.other_tender", "lane.remove_member"):
        assert control.ask(method, {}).get("error", {}).get("code", REFUSED) == REFUSED
    doctor = control.ok("lane.doctor")
    assert {c["name"] for c in doctor["checks"]} >= {"biometrics", "adapter", "cache", "journal",
                                                     "clock", "identity", "disk", "protection"}
    assert all(c["state"] in ("ok", "warn", "fail") for c in doctor["checks"])
    control.close()


def members_are_checked_on_the_way_in(s):
    control = s.control()
    wrong = [{}, {"number": ""}, {"number": 5}, {"number": "a b"}, {"number": "x" * 33},
             {"number": "1", "greeting": "pay " + pan()}, {"number": "1", "minor": "no"},
             {"number": "1", "claims": [{"kind": "card", "value": pan()}]},
             {"number": "1", "claims": [{"kind": "magic", "value": "1"}]},
             {"number": "1", "tenders": [{"kind": "card-token", "token": pan()}]},
             {"number": "1", "greeting": "\u001b[2J"}, {"number": "1", "groups": ["a\nb"]}]
    for member in wrong + [v for v in WRONG_TYPES if not isinstance(v, dict)]:
        control.fails(PARAMS, "members.add", {"member": member})
    control.fails(PARAMS, "members.add", {})
    added = control.ok("members.add", {"member": lablib.member("2001")})["member"]
    assert added["number"] == "2001" and "token" not in added["tenders"][0], added
    control.fails(REFUSED, "members.add", {"member": lablib.member("2001")})
    for name in ("2001", added["member"]):
        assert control.ok("members.show", {"member": name})["member"]["number"] == "2001"
    exported = control.ok("members.export", {"member": "2001"})
    assert exported["checkouts"] == [] and exported["consents"] == [], exported
    for method in ("members.show", "members.export"):
        control.fails(NOT_FOUND, method, {"member": "nobody"})
        control.fails(NOT_FOUND, method, {"member": ULID})
        control.fails(PARAMS, method, {})
        for value in [v for v in WRONG_TYPES if v not in ("", "x", "\u00e4")]:
            control.fails(PARAMS, method, {"member": value})
    assert pan() not in s.lab.log("laned")
    control.close()
    s.alive()


def members_are_listed_in_pages(s):
    control = s.control()
    import_lines(control, ["{\"number\":\"p%03d\"}" % i for i in range(45)])
    seen, after = [], "p"
    while after is not None:
        page = control.ok("members.list", {"limit": 20, "after": after})
        seen += [m["number"] for m in page["members"]]
        after = page.get("next")
    assert seen == ["p%03d" % i for i in range(45)], seen
    for limit in (0, -1, 501, "5", [], 1 << 52, True):
        control.fails(PARAMS, "members.list", {"limit": limit})
    for after in (5, [], "x" * 33):
        control.fails(PARAMS, "members.list", {"after": after})
    control.close()


def import_lines(control, lines, step=7, check=False):
    begun = control.ok("import.begin", {"kind": "members", "format": "jsonl", "name": "t"})
    for at in range(0, len(lines), step):
        control.ok("import.chunk", {"text": "\n".join(lines[at:at + step]) + "\n"})
    for value in (ULID, "x", 5):
        control.fails(NOT_FOUND, "import.commit", {"import": value})
    return control.ok("import.commit", {"check": check, "import": begun["import"]})


def imports_are_all_or_nothing(s):
    control, other = s.control(), s.control()
    before = s.alive()["cache"]["members"]
    for params in ({}, {"kind": "members"}, {"kind": "members", "format": "json"},
                   {"kind": "offers", "format": "xml"}, {"kind": 5, "format": "csv"},
                   {"kind": "x", "format": "jsonl"}, {"kind": "members", "format": []}):
        control.fails(PARAMS, "import.begin", params)
    control.fails(REFUSED, "import.chunk", {"text": "x"})
    control.fails(REFUSED, "import.commit", {})
    result = import_lines(control, ["{\"number\":\"i1\"}", "bad", "{\"number\":\"i2\"}"])
    assert result["errors_total"] == 1 and result["errors"][0]["line"] == 2, result
    assert not result["committed"] and s.alive()["cache"]["members"] == before
    result = import_lines(control, ["{\"number\":\"i%d\"}" % i for i in range(20)], check=True)
    assert result["added"] == 20 and not result["committed"]
    assert s.alive()["cache"]["members"] == before
    # While one imports, another one is told so, and cannot touch the import.
    control.ok("import.begin", {"kind": "members", "format": "jsonl", "name": "t"})
    other.fails(REFUSED, "import.begin", {"kind": "offers", "format": "json"})
    other.fails(REFUSED, "import.chunk", {"text": "x"})
    other.fails(REFUSED, "import.commit", {})
    other.fails(REFUSED, "members.add", {"member": {"number": "z1"}})
    other.ok("members.list", {})
    for value in [v for v in WRONG_TYPES if not isinstance(v, str)]:
        control.fails(PARAMS, "import.chunk", {"text": value})
    control.ok("import.chunk", {"text": "{\"number\":\"i1\"}\n{\"num"})
    # Its client dies: all is rolled back and the next one may begin.
    control.close()
    end = time.monotonic() + PATIENCE_S
    while "error" in other.ask("import.begin", {"kind": "members", "format": "csv"}):
        assert time.monotonic() < end, "the import of a dead client is never given up"
    other.ok("import.chunk", {"text": "number\r\nc1\r\n"})
    assert other.ok("import.commit", {})["added"] == 1
    assert s.alive()["cache"]["members"] == before + 1
    other.close()


def offers_are_swapped_in_whole(s):
    control = s.control()
    rule = {"id": "a", "kind": "percent", "scope": {"all": True},
            "params": {"percent_bp": 1000}, "text": {"en": "ten off"}}

    def put(text, kind="json"):
        control.ok("import.begin", {"kind": "offers", "format": kind, "name": "o"})
        control.ok("import.chunk", {"text": text})
        return control.ok("import.commit", {})
    good = put(json.dumps({"laned_rules": 1, "currency": "EUR", "rules": [rule]}))
    assert good["committed"], good
    for bad in ("", "{", "{\"laned_rules\":1,\"currency\":\"USD\",\"rules\":[]}",
                "[" + "1," * 200000 + "1]"):
        result = put(bad)
        assert result["errors_total"] >= 1 and not result["committed"], result
    bad = put(json.dumps(rule) + "\n" + json.dumps(dict(rule, id="b", kind="magic")), "jsonl")
    assert bad["errors"][0]["line"] == 2, bad
    bad = put("id,kind,all,percent\nx,percent,yes,ten\ny,percent,maybe,1\n", "csv")
    assert [(e["line"], e["column"]) for e in bad["errors"]] == [(2, 15), (3, 11)], bad
    listed = control.ok("offers.list")
    assert listed["count"] == 1 and listed["offers"][0]["id"] == "a", listed
    assert listed["currency"] == "EUR" and "next" not in listed, listed
    assert listed["offers"][0] == rule, listed
    table = "id,kind,all,percent\n" + "".join("r%04d,percent,yes,1\n" % i for i in range(2500))
    assert put(table, "csv")["added"] == 2500
    ids, start = [], 0
    while True:
        page = control.ok("offers.list", {"from": start, "limit": 1000})
        ids += [o["id"] for o in page["offers"]]
        start = page.get("next")
        if start is None:
            break
    assert ids == ["r%04d" % i for i in range(2500)], len(ids)
    for params in ({"from": -1}, {"limit": 0}, {"from": "x"}, {"limit": 2001}):
        control.fails(PARAMS, "offers.list", params)
    assert put(json.dumps({"laned_rules": 1, "currency": "EUR", "rules": [rule]}))["committed"]
    control.close()


def a_running_checkout_sees_a_whole_rule_set_or_the_old_one(s):
    control = s.control()
    ten = {"id": "a", "kind": "percent", "scope": {"all": True}, "params": {"percent_bp": 1000},
           "text": {"en": "ten off"}}
    twenty = dict(ten, id="b", params={"percent_bp": 2000}, text={"en": "twenty off"})

    def whole(*rules, currency="EUR"):
        return json.dumps({"laned_rules": 1, "currency": currency, "rules": rules})

    def put(text, kind="json", check=False):
        control.ok("import.begin", {"kind": "offers", "format": kind, "name": "o"})
        for at in range(0, len(text), 200000):
            if "error" in control.ask("import.chunk", {"text": text[at:at + 200000]}):
                break
        return control.ask("import.commit", {"check": check}).get("result", {"committed": False})

    def state():
        checkout = control.ok("lane.status")["checkout"]
        return checkout["total"], [d["rule"] for d in checkout["basket"][0]["discounts"]]
    assert put(whole(ten))["committed"]
    control.ok("pos.basket", basket(ticket="T-rules"))
    assert state() == (179, ["a"]), state()
    for text, kind in (("", "json"), (whole(twenty) + "x", "json"), (whole(twenty, twenty), "json"),
                       (whole(twenty, currency="USD"), "json"),
                       (whole(twenty, dict(ten, kind="magic")), "json"),
                       (json.dumps(twenty) + "\n" + json.dumps(twenty)[:-1], "jsonl"),
                       ("id,kind,all,percent\nb,percent,yes,20\nc,percent,yes,x\n", "csv"),
                       ("id,kind,all,percent\nb,percent,yes,20\nc,percent,\"yes,1\n", "csv"),
                       ("[" * (33 << 20), "json"), ("\n" * (33 << 20), "jsonl")):
        assert not put(text, kind)["committed"], text[:60]
        assert state() == (179, ["a"]), (text[:60], state())
    assert put(whole(twenty), check=True)["added"] == 1
    assert state() == (179, ["a"]), state()
    assert put("id,kind,all,percent\nb,percent,yes,20\n", "csv")["committed"]
    assert state() == (159, ["b"]), state()  # the checkout goes on by the new set
    assert put(whole(ten))["committed"]
    assert state() == (179, ["a"]), state()
    control.ok("pos.cancel", {"ticket": "T-rules"})
    control.close()


def lists_of_records_check_their_params(s):
    control = s.control()
    for method in ("checkout.list", "payment.list"):
        control.ok(method)
        for limit in (0, 501, -1, "5", [], True):
            control.fails(PARAMS, method, {"limit": limit})
        for after in (5, "", "x", [], ULID + "0"):
            control.fails(PARAMS, method, {"after": after})
        control.ok(method, {"after": ULID, "limit": 500})
    control.fails(NOT_FOUND, "checkout.show", {"checkout": ULID})
    for value in WRONG_TYPES:
        control.fails(PARAMS, "checkout.show", {"checkout": value})
    control.close()


def returns_check_their_params(s):
    control = s.control()
    assert control.ok("payment.report", {"from": 20200101, "to": 20991231, "limit": 1000})
    for params in ({"from": "x"}, {"from": -1}, {"from": 20260102, "to": 20260101}, {"limit": 0},
                   {"limit": 1001}, {"after": -1}, {"after": "x"}, {"to": 100000000}):
        control.fails(PARAMS, "payment.report", params)
    for params in ({}, {"key": KEY}, {"taken": True}, {"key": "x", "taken": True},
                   {"key": KEY, "taken": 1}):
        control.fails(PARAMS, "payment.settle", params)
    control.fails(REFUSED, "payment.settle", {"key": KEY, "taken": True})
    assert control.ok("return.list") == {"returns": []}
    for limit in (0, 501, -1, "5", [], True):
        control.fails(PARAMS, "return.list", {"limit": limit})
    keys = control.ok("receipt.keys")["keys"]
    assert [k["origin"] for k in keys] == ["own"] and len(keys[0]["key"]) == 64, keys
    control.fails(PARAMS, "return.make", {})
    for value in WRONG_TYPES:
        control.fails(PARAMS, "return.make", {"codes": value})
        control.fails(PARAMS, "return.make", {"codes": [value], "all": True})
    for code in ("LR1", "LR2000", "LR1" + "0" * 896, "LR1" + "0" * 897, "lr100"):
        control.fails(PARAMS, "return.make", {"codes": [code]})
    control.fails(PARAMS, "return.make", {"codes": ["LR100"] * 65})
    assert control.ok("receipt.keys")["keys"] == keys
    control.close()


def a_watcher_that_goes_is_forgotten(s):
    peers = [s.control() for _ in range(8)]
    for peer in peers:
        peer.ok("lane.watch")
        peer.ok("lane.watch")  # asking twice is no second watch
    extra = s.control()
    extra.fails(REFUSED, "lane.watch")
    peers.pop().close()
    end = time.monotonic() + PATIENCE_S
    while "error" in extra.ask("lane.watch"):
        assert time.monotonic() < end, "the place of a watcher that went is never free"
    for peer in peers:
        peer.close()
    extra.ok("lane.training", {"on": True})
    extra.ok("lane.training", {"on": False})
    extra.close()
    s.alive()


def a_reload_says_what_changed(s):
    control = s.control()
    assert control.ok("lane.reload") == {"changed": [], "restart": []}
    s.lab.settings["payment"] = {"touch_limit": "20.00"}
    s.lab.settings["pricing"] = {"price": "pos"}
    s.lab.settings["reader:late"] = {"driver": "file", "folder": s.lab.path("present")}
    s.lab.write_conf()
    result = control.ok("lane.reload")
    assert result["changed"] == ["[payment] touch_limit"], result
    assert "[pricing] price" in result["restart"], result
    s.lab.settings["payment"] = {"touch_limit": "lots"}
    s.lab.write_conf()
    control.fails(REFUSED, "lane.reload")
    for section in ("payment", "pricing", "reader:late"):
        del s.lab.settings[section]
    s.lab.write_conf()
    control.ok("lane.reload")
    control.close()
    s.alive()


# ---- identify and enrol, with us as laned-bio

def identify_is_for_one_client_and_ends_with_it(s):
    first, second = s.control(), s.control()
    first.fails(REFUSED, "bio.identify")
    bio = s.bio()
    first.request("bio.identify")
    end = time.monotonic() + PATIENCE_S
    while True:  # one of the two is first; both are on one thread, so it is soon
        message = second.ask("bio.present", {"file": 5})
        assert message["error"]["code"] == PARAMS
        if second.fails(REFUSED, "bio.identify"):
            break
        assert time.monotonic() < end
    first.close()  # nobody waits any more: the next touch is the lane's
    end = time.monotonic() + PATIENCE_S
    number = second.request("bio.identify")
    while True:
        message = second.message(0.3) if select.select([second.sock], [], [], 0.3)[0] else None
        if message is None:
            break  # it waits for a touch: the place was free
        assert time.monotonic() < end, "identify of a dead client is never given up"
        number = second.request("bio.identify")
    bio.notify("bio.touch", {"probe": ULID, "reader": "r"})
    assert bio.wait("bio.identify")["params"]["probe"] == ULID
    bio.notify("bio.identified", {"probe": ULID, "outcome": "reject", "hints": []})
    assert second.answer(number)["result"]["outcome"] == "reject"
    # A checkout that opens meanwhile has the touch.
    number = second.request("bio.identify")
    other = s.control()
    other.ok("pos.basket", basket(ticket="TI"))
    bio.notify("bio.touch", {"probe": ULID2, "reader": "r"})
    assert "a checkout is open" in second.answer(number)["error"]["message"]
    assert bio.wait("bio.identify")["params"]["probe"] == ULID2
    bio.notify("bio.identified", {"probe": ULID2, "outcome": "reject", "hints": []})
    other.ok("pos.cancel", {"ticket": "TI"})
    number = second.request("bio.identify")
    other.ok("lane.status")
    bio.close()
    assert "laned-bio went away" in second.answer(number)["error"]["message"]
    for peer in (second, other):
        peer.close()
    s.alive()


CONSENT = {"text_version": "v1", "text_sha256": "00" * 32, "language": "en",
           "purposes": ["identify"], "retention_days": 365, "time": "2026-01-01T00:00:00Z",
           "lane": "lane-1", "method": "test", "staff": "", "profile": "us_other"}


def an_enrolment_belongs_to_its_client(s):
    control, other = s.control(), s.control()
    params = {"member": "2001", "consent": CONSENT}
    control.fails(REFUSED, "enrol.begin", params)  # laned-bio is away
    bio = s.bio()
    control.fails(PARAMS, "enrol.begin", {"member": "2001"})
    control.fails(PARAMS, "enrol.begin", {"member": "2001", "consent": []})
    control.fails(PARAMS, "enrol.begin", {"member": "2001", "consent": {}})
    control.fails(NOT_FOUND, "enrol.begin", {"member": "nobody", "consent": CONSENT})
    for method in ("enrol.commit", "enrol.cancel"):
        for value in WRONG_TYPES + [ULID]:
            control.fails(NOT_FOUND, method, {"session": value})
    number = control.request("enrol.begin", params)
    begun = bio.wait("enrol.begin")
    assert begun["params"]["consent"] == CONSENT and len(begun["params"]["subject"]) == 26
    other.fails(REFUSED, "enrol.begin", params)  # and it does not disturb the first one
    bio.reply(begun, {})
    session = control.answer(number)["result"]["session"]
    bio.notify("enrol.progress", {"session": session, "finger": 1, "impression": 1,
                                  "outcome": "taken", "quality": 50, "hints": []})
    assert control.wait("enrol.progress")["params"]["outcome"] == "taken"
    number = control.request("enrol.commit", {"session": session})
    bio.reply(bio.wait("enrol.commit"), {"references": 2})
    assert control.answer(number)["result"]["references"] == 2
    # A refusal of laned-bio frees the way for the next one.
    number = control.request("enrol.begin", params)
    bio.refuse(bio.wait("enrol.begin"), REFUSED, "no")
    assert control.answer(number)["error"]["code"] == REFUSED
    # A client that dies takes its enrolment with it: laned-bio is told.
    number = control.request("enrol.begin", params)
    begun = bio.wait("enrol.begin")
    bio.reply(begun, {})
    session = control.answer(number)["result"]["session"]
    control.close()
    assert bio.wait("enrol.cancel")["params"]["session"] == session
    number = other.request("enrol.begin", params)
    bio.reply(bio.wait("enrol.begin"), {})
    session = other.answer(number)["result"]["session"]
    bio.close()  # and so does a lost laned-bio
    other.close()
    other = s.control()
    end = time.monotonic() + PATIENCE_S
    while other.ok("lane.status")["bio"]["connected"]:
        assert time.monotonic() < end
    other.fails(NOT_FOUND, "enrol.commit", {"session": session})
    other.close()
    s.alive()


def present_is_passed_on(s):
    control = s.control()
    control.fails(REFUSED, "bio.present", {"file": "a.pgm"})
    bio = s.bio()
    number = control.request("bio.present", {"file": "a.pgm"})
    asked = bio.wait("bio.present")
    assert asked["params"] == {"file": "a.pgm"}
    bio.refuse(asked, NOT_FOUND, "no such image")
    assert control.answer(number)["error"]["code"] == NOT_FOUND
    number = control.request("bio.present", {"file": "b.pgm"})
    bio.wait("bio.present")
    bio.close()
    assert control.answer(number)["error"]["code"] == REFUSED
    control.close()


# ---- baskets and claims

def baskets_are_checked_on_the_way_in(s):
    control = s.control()
    wrong = [{}, basket(ticket=""), basket(ticket="x" * 500), basket(ticket=5), basket(rev=-1),
             basket(rev="1"), basket(currency="EURO"), basket(currency=None), basket(lines={}),
             basket(lines=[5]), basket(lines=[{}]), basket(final="no"), basket(closed=1),
             basket(training=[]), basket(lines=BASKET["lines"] * 2), line(line=-1),
             line(qty_milli=-1), line(qty_milli="1"), line(unit_price=-(1 << 52)), line(amount=-(1 << 52)),
             line(amount=1 << 62) if False else line(amount=(1 << 53) - 1), line(vat_bp=10001),
             line(gtin="x" * 200), line(text="x" * 5000), line(text=5), line(void="x"),
             line(weighed=1), line(category="x" * 500), line(brand=[]), line(text=pan()),
             line(text="card " + pan()), line(brand=pan()), line(category=pan()),
             basket(currency="USD")]
    for params in wrong:
        control.fails(PARAMS, "pos.basket", params)
    status = s.alive()
    assert status["checkout"]["phase"] in ("idle", "cancelled"), status["checkout"]
    control.ok("pos.basket", basket(lines=[]))
    control.ok("pos.basket", basket(rev=2))
    control.ok("pos.basket", basket(rev=2))  # told twice: stored already
    control.ok("pos.basket", basket(rev=1))
    for params in ({}, {"kind": "card"}, {"kind": "card", "value": ""}, {"kind": "x", "value": "1"},
                   {"kind": "card", "value": 5}, {"kind": 5, "value": "1"},
                   {"kind": "card", "value": "x" * 129}, {"kind": "card", "value": "1",
                                                          "ticket": 5},
                   {"kind": "card", "value": "1", "ticket": "x" * 300}):
        control.fails(PARAMS, "pos.claim", params)
    control.ok("pos.claim", {"kind": "card", "value": "nobody", "ticket": "T1"})
    control.ok("pos.claim", {"kind": "qr", "value": "'; DROP TABLE members; --"})
    control.ok("pos.claim", {"kind": "card", "value": "C2001"})
    assert s.alive()["checkout"]["member_state"] == "known"
    for value in WRONG_TYPES:
        if not isinstance(value, str):
            control.fails(PARAMS, "pos.cancel", {"ticket": value})
    control.fails(NOT_FOUND, "pos.cancel", {"ticket": "other"})
    control.ok("pos.cancel", {"ticket": "T1"})
    shown = control.ok("checkout.list", {"limit": 1})["checkouts"][0]
    timeline = control.ok("checkout.show", {"checkout": shown["checkout"]})
    assert timeline["timeline"] and timeline["checkout"] == shown, (shown, timeline)
    assert shown["ticket"] == "T1" and len(timeline["lines"]) == 1, (shown, timeline)
    control.close()


# ---- the adapter

def adapter_messages_are_checked(s):
    adapter = s.adapter()
    for params in ({}, {"key": KEY}, {"state": "sending"}, {"key": "x", "state": "sending"},
                   {"key": KEY, "state": "x"}, {"key": KEY, "state": 5},
                   {"key": KEY, "state": "sending", "blob": "abc"},
                   {"key": KEY, "state": "sending", "blob": "xy"},
                   {"key": KEY, "state": "sending", "blob": 5},
                   {"key": KEY, "state": "sending", "blob": "00" * 5000}):
        adapter.fails(PARAMS, "adapter.journal", params)
    adapter.fails(REFUSED, "adapter.journal", {"key": KEY, "state": "sending"})
    adapter.fails(REFUSED, "adapter.journal", {"key": KEY, "state": "answer-sending",
                                               "blob": "00" * 64})
    for value in [v for v in WRONG_TYPES if v not in ("", "x", "\u00e4")]:
        adapter.fails(PARAMS, "adapter.journal_find", {"ref": value})
    assert adapter.ok("adapter.journal_find", {"ref": "nothing"}) == {}
    for value in WRONG_TYPES:
        adapter.ask("adapter.complete", {"req": value, "key": value, "outcome": value,
                                         "amount": value, "currency": value, "auth": value,
                                         "ref": value, "late": value})
        adapter.ask("adapter.event", {"type": value, "ticket": value, "key": value})
    adapter.fails(PARAMS, "adapter.event", {})
    adapter.fails(REFUSED, "adapter.event", {"type": "tender-wanted", "amount": 5})
    for kind in ("tender-abort", "repeat-wanted", "tender-confirmed", "tender-undo"):
        for whose in ({}, {"key": KEY}, {"ref": "nothing"}):
            adapter.fails(NOT_FOUND, "adapter.event", dict(whose, type=kind))
    adapter.ok("adapter.event", {"type": "note", "text": "x\ny"})
    second = Peer(s.lab.path("run", "adapter-drop.sock"))
    assert second.is_closed()
    second.close()
    adapter.close()
    s.alive()


def what_a_pos_asks_for_is_checked(s):
    adapter, control = s.adapter(caps=("pay", "terminal")), s.control()
    wanted = {"type": "tender-wanted", "amount": 100, "ticket": "TW", "currency": "EUR",
              "ref": "7001", "rev": 1, "blob": "00ff"}
    before = control.ok("lane.status")["counters"]["tenders_passed"]
    adapter.fails(REFUSED, "adapter.event", wanted)  # nobody of ours is here
    for name in ("amount", "ticket", "currency", "ref", "rev", "blob"):
        for value in [v for v in WRONG_TYPES if v is not None]:
            fits = value == "" or (name == "amount" and value == 1 << 52) or (
                name in ("ticket", "ref", "currency") and value in ("x", "\u00e4")) or (
                name == "rev" and value == 0)
            if not fits:
                adapter.fails(PARAMS, "adapter.event", dict(wanted, **{name: value}))
    for name in ("ticket", "ref"):
        adapter.fails(PARAMS, "adapter.event", dict(wanted, **{name: "4111111111111111"}))
    adapter.fails(REFUSED, "adapter.event", dict(
        wanted, blob="4111111111111111".encode().hex()))
    after = control.ok("lane.status")["counters"]["tenders_passed"]
    assert after >= before + 2, (before, after)
    assert not [p for p in control.ok("payment.list", {"limit": 50})["payments"]
                if p["ticket"] == "TW"]
    s.alive()
    for peer in (adapter, control):
        peer.close()


def pay(s, adapter, control, bio, ticket, answer):
    """A ticket paid by touch; answer is what the adapter completes the payment with."""
    adapter.ok("pos.basket", basket(ticket=ticket, final=True))
    probe = ULID
    bio.notify("bio.touch", {"probe": probe, "reader": "r"})
    bio.wait("bio.identify")
    subject = control.ok("members.show", {"member": "2001"})["member"]["subjects"][0]
    bio.notify("bio.identified", {"probe": probe, "outcome": "accept", "subject": subject})
    while True:
        submit = adapter.wait("adapter.submit")
        adapter.reply(submit, {})
        if submit["params"]["type"] == "pay":
            break
        adapter.ok("adapter.complete", {"req": submit["params"]["req"], "outcome": "done"})
    params = submit["params"]
    assert params["amount"] > 0 and params["token"] == "tok-2001", params
    adapter.ok("adapter.journal", {"req": params["req"], "key": params["key"],
                                   "state": "sending", "blob": "00ff"})
    adapter.ok("adapter.complete", dict(answer, req=params["req"], key=params["key"]))
    return params


def payment_state(control, key):
    payments = control.ok("payment.list", {"limit": 50})["payments"]
    return [p["state"] for p in payments if p["key"] == key][0]


def an_amount_that_cannot_be_read_is_no_yes(s):
    adapter, bio, control = s.adapter(), s.bio(), s.control()
    for i, answer in enumerate(({"outcome": "approved", "amount": "199"},
                                {"outcome": "approved", "amount": -1},
                                {"outcome": "approved", "amount": 199, "currency": 5},
                                {"outcome": "yes"}, {"outcome": 5}, {})):
        ticket = "TP%d" % i
        params = pay(s, adapter, control, bio, ticket, answer)
        state = payment_state(control, params["key"])
        assert state == "unknown", (answer, state)
        control.ok("lane.other_tender")
        state = payment_state(control, params["key"])
        assert state.startswith("undo") or state == "unknown", state
        adapter.ok("pos.basket", basket(ticket=ticket, rev=2, final=True, closed=True))
    s.alive()
    for peer in (adapter, bio, control):
        peer.close()


def a_reference_that_is_too_long_is_cut(s):
    adapter, bio, control = s.adapter(), s.bio(), s.control()
    cases = (("x" * 70, "x" * 64), ("x" * 64, "x" * 64), ("x" * 63 + "\u00e4" * 4, "x" * 63),
             ("x" * 62 + "\u00e4" * 4, "x" * 62 + "\u00e4"),
             ("x" * 50 + "4111111111111111" + "x" * 20, None))
    for i, (told, kept) in enumerate(cases):
        ticket = "TL%d" % i
        params = pay(s, adapter, control, bio, ticket,
                     {"outcome": "declined", "ref": told, "auth": told[:20]})
        payment = [p for p in control.ok("payment.list", {"limit": 50})["payments"]
                   if p["key"] == params["key"]][0]
        assert payment["state"] == "declined" and payment.get("ref") == kept, (told, payment)
        adapter.ok("pos.basket", basket(ticket=ticket, rev=2, final=True, closed=True))
    s.alive()
    for peer in (adapter, bio, control):
        peer.close()


def who_is_identified_but_not_for_payment_wants_a_claim(s):
    adapter, bio, control = s.adapter(), s.bio(), s.control()
    adapter.ok("pos.basket", basket(ticket="TQ", final=True))
    bio.notify("bio.touch", {"probe": ULID, "reader": "r"})
    bio.wait("bio.identify")
    subject = control.ok("members.show", {"member": "2001"})["member"]["subjects"][0]
    bio.notify("bio.identified", {"probe": ULID, "outcome": "accept", "subject": subject,
                                  "pay_by_touch": False})
    end = time.monotonic() + PATIENCE_S
    while True:
        shown = control.ok("lane.status")["checkout"]
        if shown["member_state"] == "known":
            break
        assert time.monotonic() < end, shown
    assert (shown["row"], shown["phase"]) == ("claim", "totalled"), shown
    adapter.ok("pos.basket", basket(ticket="TQ", rev=2, final=True, closed=True))
    for peer in (adapter, bio, control):
        peer.close()


def a_reload_keeps_what_the_adapter_can(s):
    states = {}
    for caps in (("pay", "undo"), ("pay", "undo", "partial")):
        for reload in (False, True):
            adapter, bio, control = s.adapter(caps=caps), s.bio(), s.control()
            if reload:
                control.ok("lane.reload")
            ticket = "TR%d%d" % (len(caps), reload)
            params = pay(s, adapter, control, bio, ticket, {"outcome": "partial", "amount": 100})
            states[caps, reload] = payment_state(control, params["key"])
            control.ask("lane.other_tender")
            adapter.ok("pos.basket", basket(ticket=ticket, rev=2, final=True, closed=True))
            for peer in (adapter, bio, control):
                peer.close()
        assert states[caps, False] == states[caps, True], states
    assert len(set(states.values())) == 2, states
    s.alive()


# ---- what outlives what

def members_born_here_outlive_the_cache(s):
    control = s.control()
    control.ok("members.add", {"member": lablib.member("3001")})
    before = control.ok("members.show", {"member": "3001"})["member"]
    linked = control.ok("members.show", {"member": "2001"})["member"]
    import_lines(control, ["{\"number\":\"fed\"}"])
    control.close()
    for how in ("deleted", "damaged"):
        s.lab.stop()
        path = s.lab.path("state", "cache.db")
        if how == "deleted":
            os.unlink(path)
        else:
            with open(path, "r+b") as f:
                f.write(b"\xa5" * os.path.getsize(path))
        s.lab.start("laned")
        control = s.control()
        assert control.ok("members.show", {"member": "3001"})["member"] == before, how
        assert control.ok("members.show", {"member": "2001"})["member"] == linked, how
        control.fails(NOT_FOUND, "members.show", {"member": "fed"})
        control.close()
    assert any(n.startswith("cache.db.damaged-") for n in os.listdir(s.lab.path("state")))
    s.alive()


def laned_ends_in_order_with_everything_under_way(s):
    bio, adapter, control, watcher = s.bio(), s.adapter(), s.control(), s.control()
    watcher.ok("lane.watch")
    control.request("bio.identify")
    control.request("bio.present", {"file": "a.pgm"})
    bio.wait("bio.present")
    watcher.ok("import.begin", {"kind": "members", "format": "jsonl"})
    adapter.ok("pos.basket", basket(ticket="TE", final=True))
    process = s.lab.processes["laned"]
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0, s.lab.log("laned")[-3000:]
    for peer in (bio, adapter, control, watcher):
        peer.close()
    s.restart()
    status = s.alive()
    assert status["checkout"]["ticket"] == "TE", status["checkout"]
    control = s.control()
    control.ok("pos.cancel", {"ticket": "TE"})
    control.close()


def journal_of_another_lane_switches_payment_off_only(s):
    s.lab.stop()
    keep = s.lab.path("state", "identity")
    os.rename(keep, keep + ".kept")
    s.lab.start("laned")
    control = s.control()
    status = control.ok("lane.status")
    assert not status["journal"]["open"] and status["checkout"]["faults"]["journal_failed"], status
    states = {c["name"]: c["state"] for c in control.ok("lane.doctor")["checks"]}
    assert states["journal"] == "fail", states
    control.ok("pos.basket", basket(ticket="TJ"))
    control.ok("pos.cancel", {"ticket": "TJ"})
    for method, params in (("checkout.list", {}), ("payment.list", {}), ("return.list", {}),
                           ("return.make", {"codes": ["LR100"]}),
                           ("members.add", {"member": {"number": "n"}})):
        control.fails(REFUSED, method, params)
    control.close()
    s.lab.stop()
    os.rename(keep + ".kept", keep)
    s.lab.start("laned")
    s.alive()


# ---- the program itself

def run(*words):
    return subprocess.run([os.path.join(BUILD, words[0])] + list(words[1:]), capture_output=True,
                          stdin=subprocess.DEVNULL, text=True, timeout=30, check=False)


def options_have_their_exit_codes(s):
    conf = s.lab.path("laned.conf")
    for name in ("laned", "laned-bio"):
        for words, code in ((("--version",), 0), (("--help",), 0), (("--nonsense",), 64),
                            (("extra",), 64), (("--conf",), 64), (("--fd", "x"), 64),
                            (("--fd", "-1"), 64), (("--fd", "99999999999"), 64),
                            (("--conf", conf, "-t"), 0),
                            (("--conf", "/nonexistent/laned.conf", "-t"), 78),
                            (("--conf", s.lab.path("log", "laned"), "-t"), 78)):
            done = run(name, *words)
            assert done.returncode == code, (name, words, done)
    template = run("laned", "--print-template").stdout
    path = s.lab.path("template.conf")
    with open(path, "w", encoding="utf-8") as f:
        f.write(template)
    assert "[privacy]" in template and run("laned", "--conf", path, "-t").returncode == 0
    assert ".It" in run("laned", "--print-mdoc").stdout


def sockets_may_be_given(s):
    lab = lablib.Lab(BUILD)
    ours, theirs = zip(*[socket.socketpair(socket.AF_UNIX) for _ in range(3)])
    words = [os.path.join(BUILD, "laned"), "--conf", lab.path("laned.conf")]
    for option, end in zip(("--bio-fd", "--fd", "--control-fd"), theirs):
        words += [option, str(end.fileno())]
    with open(lab.path("log", "laned"), "wb") as log:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   pass_fds=[end.fileno() for end in theirs])
    lab.processes["laned"] = process
    try:
        for end in theirs:
            end.close()
        bio, adapter, control = (Peer(sock=end) for end in ours)
        control.ok("lane.status")
        bio.fails(DENIED, "bio.touch", {"probe": ULID})
        adapter.ok("adapter.hello", {"name": "drop", "environment": "test"})
        status = control.ok("lane.status")
        assert status["adapters"][0]["connected"] and not status["bio"]["connected"], status
        assert not os.path.exists(lab.path("run", "control.sock"))
        adapter.close()  # and laned goes on
        end = time.monotonic() + PATIENCE_S
        while control.ok("lane.status")["adapters"][0]["connected"]:
            assert time.monotonic() < end
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0, lab.log("laned")[-3000:]
        assert "ERROR: " not in lab.log("laned"), lab.log("laned")[-3000:]
        bio.close()
        control.close()
    finally:
        lab.remove()


TESTS = [
    garbage_ends_the_connection_and_nothing_else, half_a_line_is_waited_for,
    unknown_methods_and_members, each_socket_has_its_methods, nothing_is_taken_before_the_hello,
    hostile_bio_messages_do_no_harm, answers_nobody_asked_for_are_ignored,
    a_touch_is_identified_and_a_lost_bio_is_a_fault, params_of_the_cashiers_keys,
    members_are_checked_on_the_way_in, members_are_listed_in_pages, imports_are_all_or_nothing,
    offers_are_swapped_in_whole, a_running_checkout_sees_a_whole_rule_set_or_the_old_one,
    lists_of_records_check_their_params, returns_check_their_params,
    a_watcher_that_goes_is_forgotten, a_reload_says_what_changed,
    identify_is_for_one_client_and_ends_with_it, an_enrolment_belongs_to_its_client,
    present_is_passed_on, baskets_are_checked_on_the_way_in, adapter_messages_are_checked, what_a_pos_asks_for_is_checked,
    an_amount_that_cannot_be_read_is_no_yes,
    a_reference_that_is_too_long_is_cut,
    who_is_identified_but_not_for_payment_wants_a_claim, a_reload_keeps_what_the_adapter_can,
    members_born_here_outlive_the_cache,
    laned_ends_in_order_with_everything_under_way,
    journal_of_another_lane_switches_payment_off_only, options_have_their_exit_codes,
    sockets_may_be_given,
]


def main(tests):
    suite = Suite()
    wanted = sys.argv[1:]
    failed = 0
    try:
        for test in tests:
            if wanted and test.__name__ not in wanted:
                continue
            try:
                test(suite)
                print("ok   %s" % test.__name__, flush=True)
            except Exception as e:  # every test is tried: one run shows all that is wrong
                failed += 1
                print("FAIL %s: %s: %s" % (test.__name__, type(e).__name__, e), flush=True)
                if "-x" in os.environ.get("TEST_FLAGS", ""):
                    raise
                suite.lab.processes and suite.restart()
        suite.lab.stop()
        log = suite.lab.log("laned")
        if "ERROR: " in log or "runtime error" in log:
            failed += 1
            print(log[-6000:])
    finally:
        suite.lab.remove()
    return 1 if failed else 0


def stop(signo, _frame):
    raise SystemExit("stopped by signal %d" % signo)  # by way of finally: no daemon stays behind


def run_all(tests):
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGALRM, stop)
    signal.alarm(500)  # a limit for a hang
    sys.exit(main(tests))


if __name__ == "__main__":
    run_all(TESTS)
