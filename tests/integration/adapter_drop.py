#!/usr/bin/python3
"""The real laned-adapter with the real drop.so between two test peers: this program plays laned at
the other end of --fd, tests/demo/pos.py is the point of sale in the folder."""
import json
import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ.get("SRCDIR", "."), "tests", "demo"))
import pos as legacy  # noqa: E402

BUILD = os.environ.get("LANED_BUILD", "build")
PROGRAM = os.path.join(BUILD, "laned-adapter")
PLUGIN = os.path.join(BUILD, "plugins", "drop.so")
PATIENCE_S = 10.0  # a limit for a hang, never waited for when all is well


class Laned:
    """laned's side of adapter-drop.sock."""

    def __init__(self, lane):
        self.lane = lane
        self.journal = {}
        self.refuse_journal = False
        self.refuse_pos = None
        self.refuse_complete = None
        self.silent_hello = False
        self.recover = []
        self.seen = []  # (method, params) in order
        self.completions = []
        self.answers = {}
        self.next_id = 1
        self.sock = None
        self.pending = b""
        self.hello = None

    def attach(self, sock):
        self.sock = sock
        self.sock.setblocking(False)
        self.pending = b""
        self.hello = None

    def send(self, message):
        self.sock.setblocking(True)
        self.sock.sendall(json.dumps(dict(message, jsonrpc="2.0")).encode() + b"\n")
        self.sock.setblocking(False)

    def request(self, method, params):
        number = self.next_id
        self.next_id += 1
        self.send({"id": number, "method": method, "params": params})
        return number

    def call(self, method, params):
        number = self.request(method, params)
        assert self.lane.wait(lambda: number in self.answers), "%s: no answer" % method
        return self.answers[number]

    def submit(self, kind, **params):
        req = "r-" + secrets.token_hex(4)
        answer = self.call("adapter.submit", dict(params, req=req, type=kind))
        return req, answer

    def pay(self, key, ticket, amount, rev, timeout_ms=15000, token="tok-1"):
        return self.submit("pay", key=key, ticket=ticket, rev=rev, amount=amount,
                           currency="EUR", token=token, timeout_ms=timeout_ms)

    def completed(self, req):
        return [c for c in self.completions if c.get("req") == req]

    def wait_completed(self, req):
        assert self.lane.wait(lambda: self.completed(req)), "%s: no completion" % req
        return self.completed(req)[0]

    def step(self):
        """Takes what came. False: the connection ended."""
        while self.sock is not None and select.select([self.sock], [], [], 0)[0]:
            try:
                data = self.sock.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                self.sock.close()
                self.sock = None
                return False
            *lines, self.pending = (self.pending + data).split(b"\n")
            for line in lines:
                self.take(json.loads(line))
        return self.sock is not None

    def take(self, message):
        if "method" not in message:
            self.answers[message["id"]] = message
            return
        method, params = message["method"], message.get("params", {})
        self.seen.append((method, params))
        result, error = self.answer(method, params)
        if "id" not in message or (result is None and error is None):
            return
        try:
            if error:
                self.send({"id": message["id"], "error": error})
            else:
                self.send({"id": message["id"], "result": result})
        except (BrokenPipeError, ConnectionResetError):
            pass  # killed meanwhile: seen as the end of the connection

    def answer(self, method, params):
        if method == "adapter.hello":
            self.hello = params
            if self.silent_hello:
                return None, None
            return {"lane": "lane-1", "store": "store-1", "environment": "test",
                    "currency": "EUR", "exponent": 2, "recover": self.recover}, None
        if method == "adapter.journal":
            if self.refuse_journal:
                return None, {"code": -32002, "message": "the disk is full"}
            self.journal[params["key"]] = params["state"]
        elif method == "adapter.complete":
            self.completions.append(params)
            if self.refuse_complete:
                return None, self.refuse_complete
        elif method.startswith("pos.") and self.refuse_pos:
            return None, self.refuse_pos
        return {}, None


class Lane:
    """A folder, a POS, an adapter process and the end of its socket."""

    def __init__(self, root, extra=""):
        self.root = root
        self.pos = legacy.LegacyPos(os.path.join(root, "drop"))
        self.conf = os.path.join(root, "laned.conf")
        with open(self.conf, "w") as f:
            f.write("[lane]\nenvironment = test\n[adapter:drop]\nin = %s\nout = %s\n%s\n" % (
                self.pos.into, self.pos.out, extra))
        self.laned = Laned(self)
        self.process = None
        self.errors = open(os.path.join(root, "stderr"), "w+b")

    def start(self, env=None, wait=True):
        ours, theirs = socket.socketpair()
        self.process = subprocess.Popen(
            [PROGRAM, "--name", "drop", "--conf", self.conf, "--plugin", PLUGIN,
             "--fd", str(theirs.fileno()), "--log-level", "debug"],
            pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stderr=self.errors,
            env=dict(os.environ, **(env or {})))
        theirs.close()
        self.laned.attach(ours)
        if wait:
            assert self.wait(lambda: self.laned.hello), "no hello\n" + self.log()
        return self

    def log(self):
        self.errors.flush()
        with open(self.errors.name, errors="replace") as f:
            return f.read()

    def kill(self):
        self.process.kill()
        self.process.wait()
        while self.laned.step():
            pass

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            status = self.process.wait(PATIENCE_S)
            assert status == 0, "ended with %d\n%s" % (status, self.log())
        self.errors.close()

    def wait(self, condition, serve=True):
        """Serves both ends until condition() holds."""
        end = time.monotonic() + PATIENCE_S
        while not condition():
            self.laned.step()
            if serve:
                self.pos.step()
            if time.monotonic() > end:
                return False
            if self.process.poll() is not None and not self.laned.sock:
                return condition()  # it ended: nothing more will come
            time.sleep(0.002)
        return True

    def seen(self, method):
        return [p for m, p in self.laned.seen if m == method]

    def sale(self, *items):
        ticket = self.pos.ticket()
        for item in items or ("milk", "coffee"):
            self.pos.scan(ticket, item)
        self.pos.total(ticket)
        rev = self.pos.tickets[ticket]["rev"]
        assert self.wait(lambda: any(b["ticket"] == ticket and b["rev"] == rev
                                     for b in self.seen("pos.basket"))), self.log()
        return ticket, rev

    def left(self):
        return sorted(n for n in os.listdir(self.pos.into) if n.endswith(".json"))

    def bad(self):
        path = os.path.join(self.pos.into, "bad")
        return sorted(os.listdir(path)) if os.path.isdir(path) else []


def new_key():
    return secrets.token_hex(16)


TESTS = []


def test(f):
    TESTS.append(f)
    return f


@test
def basket_claim_and_cancel_reach_laned_and_leave_the_folder(lane):
    lane.start()
    ticket, rev = lane.sale("milk", "apples")
    basket = lane.seen("pos.basket")[-1]
    assert basket["final"] and basket["rev"] == rev and len(basket["lines"]) == 2
    assert basket["lines"][1]["weighed"] and basket["lines"][0]["brand"] == "Meadow"
    lane.pos.claim(ticket, "phone", "5550100")
    lane.pos.cancel(ticket)
    assert lane.wait(lambda: lane.seen("pos.cancel"))
    assert lane.seen("pos.claim")[0] == {"ticket": ticket, "kind": "phone", "value": "5550100"}
    assert lane.wait(lambda: not lane.left())


@test
def hello_tells_what_the_plug_in_is(lane):
    lane.start()
    hello = lane.laned.hello
    assert hello["name"] == hello["plugin"] == "drop" and hello["environment"] == "test"
    assert "pay" in hello["caps"] and "terminal" not in hello["caps"]
    health = lane.laned.call("adapter.health", {})["result"]
    assert health["state"] == "up" and health["pending"] == 0
    selftest = lane.laned.call("adapter.selftest", {"level": 0})["result"]
    assert selftest["passed"]
    assert "error" in lane.laned.call("adapter.selftest", {"level": 1})
    assert "error" in lane.laned.call("adapter.nonsense", {})


@test
def a_hello_without_an_answer_is_not_said_again_on_the_same_connection(lane):
    lane.laned.silent_hello = True
    lane.start(wait=False)
    assert lane.wait(lambda: lane.process.poll() is not None), lane.log()
    assert [m for m, _ in lane.laned.seen] == ["adapter.hello"], lane.laned.seen


@test
def offer_is_handed_over(lane):
    lane.start()
    ticket, rev = lane.sale("milk", "coffee")
    req, answer = lane.laned.submit(
        "offer", ticket=ticket, rev=rev, member_no="M-7", total=768, saving=100,
        discounts=[{"line": 2, "amount": 100, "text": "Member price"}])
    assert "result" in answer
    assert lane.laned.wait_completed(req)["outcome"] == "done"
    assert lane.wait(lambda: lane.pos.tickets[ticket]["offer"])
    assert lane.pos.due(ticket) == 768


@test
def approved_payment_is_journalled_first_and_confirmed(lane):
    lane.start()
    ticket, rev = lane.sale()
    key = new_key()
    req, answer = lane.laned.pay(key, ticket, 868, rev)
    assert "result" in answer, answer
    done = lane.laned.wait_completed(req)
    assert done["outcome"] == "approved" and done["amount"] == 868 and done["key"] == key
    order = [m for m, p in lane.laned.seen if p.get("key") == key]
    assert order == ["adapter.journal", "adapter.complete"], order
    assert lane.laned.journal[key] == "sending"
    req, _ = lane.laned.submit("confirm", key=key, ticket=ticket)
    assert lane.laned.wait_completed(req)["outcome"] == "confirmed"
    assert lane.pos.ledger.get(key)["state"] == "confirmed"
    assert [k for k, _ in lane.pos.ledger.standing()] == [key]
    assert lane.wait(lambda: not lane.left())


@test
def the_sale_books_the_offer_that_it_was_charged_by(lane):
    lane.start()
    ticket, rev = lane.sale("milk", "coffee")
    key = new_key()
    for total, discounts in ((768, [{"line": 2, "amount": 100, "text": "Member price"}]),
                             (868, [])):  # the second one comes of a laned without its journal
        req, _ = lane.laned.submit("offer", ticket=ticket, rev=rev, total=total,
                                   saving=868 - total, discounts=discounts)
        assert lane.laned.wait_completed(req)["outcome"] == "done"
        assert lane.wait(lambda: lane.pos.tickets[ticket]["offer"] and
                         lane.pos.due(ticket) == total)
        if not discounts:
            break
        req, _ = lane.laned.pay(key, ticket, 768, rev)
        assert lane.laned.wait_completed(req)["outcome"] == "approved"
    req, _ = lane.laned.submit("confirm", key=key, ticket=ticket)
    assert lane.laned.wait_completed(req)["outcome"] == "confirmed"
    assert lane.pos.due(ticket) == lane.pos.ledger.get(key)["charged"] * 768


@test
def cash_before_the_confirm_gives_the_charge_back(lane):
    lane.start()
    ticket, rev = lane.sale()
    key = new_key()
    req, _ = lane.laned.pay(key, ticket, 868, rev)
    assert lane.laned.wait_completed(req)["outcome"] == "approved"
    lane.pos.close_cash(ticket)
    req, _ = lane.laned.submit("confirm", key=key, ticket=ticket)
    assert lane.laned.wait_completed(req)["outcome"] == "undone"
    assert lane.pos.ledger.standing() == []


@test
def an_answer_that_cannot_be_stored_is_told_again_and_holds_up_nothing(lane):
    lane.start()
    ticket, rev = lane.sale()
    key = new_key()
    lane.laned.refuse_complete = {"code": -32603, "message": "the disk is full"}
    lane.pos.decide("approve")
    lane.laned.request("adapter.submit", {
        "req": "r1", "type": "pay", "key": key, "ticket": ticket, "rev": rev, "amount": 868,
        "currency": "EUR", "token": "tok-1"})
    assert lane.wait(lambda: lane.laned.completed("r1"))
    before = len(lane.seen("pos.basket"))
    lane.pos.scan(ticket, "milk")
    assert lane.wait(lambda: len(lane.seen("pos.basket")) > before)
    assert [n for n in lane.left() if key in n], lane.left()
    lane.laned.refuse_complete = None
    assert lane.wait(lambda: not lane.left())
    assert all(c["outcome"] == "approved" and c["amount"] == 868
               for c in lane.laned.completed("r1"))


@test
def declined_partial_and_unknown_are_told_as_they_are(lane):
    lane.start()
    for decision, outcome in (("decline", "declined"), ("partial:300", "partial"),
                              ("unknown", "unknown")):
        ticket, rev = lane.sale()
        lane.pos.decide(decision)
        req, _ = lane.laned.pay(new_key(), ticket, 868, rev)
        done = lane.laned.wait_completed(req)
        assert done["outcome"] == outcome, (decision, done)
        assert outcome != "partial" or done["amount"] == 300


@test
def without_the_journal_nothing_leaves(lane):
    lane.start()
    ticket, rev = lane.sale()
    lane.laned.refuse_journal = True
    key = new_key()
    req, _ = lane.laned.pay(key, ticket, 868, rev)
    assert lane.laned.wait_completed(req)["outcome"] == "not-sent"
    assert lane.pos.ledger.get(key) is None
    assert not [n for n in os.listdir(lane.pos.out) if key in n]


@test
def silence_is_unknown_and_the_query_resolves_it(lane):
    lane.start()
    ticket, rev = lane.sale()
    lane.pos.decide("never")
    key = new_key()
    req, _ = lane.laned.pay(key, ticket, 868, rev, timeout_ms=300)
    assert lane.laned.wait_completed(req)["outcome"] == "unknown"
    req, _ = lane.laned.submit("query", key=key, ticket=ticket)
    assert lane.laned.wait_completed(req)["outcome"] == "approved"
    assert len(lane.pos.ledger.charges()) == 1


@test
def an_untaken_payment_is_withdrawn_before_the_query(lane):
    lane.start()
    ticket, rev = lane.sale()
    key = new_key()
    number = lane.laned.request("adapter.submit", {
        "req": "r1", "type": "pay", "key": key, "ticket": ticket, "rev": rev, "amount": 868,
        "currency": "EUR", "token": "tok-1", "timeout_ms": 200})
    # The POS sleeps: it takes nothing until after the query is written.
    assert lane.wait(lambda: lane.laned.completed("r1"), serve=False)
    assert number in lane.laned.answers
    assert lane.laned.completed("r1")[0]["outcome"] == "unknown"
    lane.laned.request("adapter.submit", {"req": "r2", "type": "query", "key": key,
                                          "ticket": ticket})
    assert lane.wait(lambda: key + ".query.json" in os.listdir(lane.pos.out), serve=False)
    assert key + ".pay.json" not in os.listdir(lane.pos.out)
    assert lane.laned.wait_completed("r2")["outcome"] == "not-found"
    assert not lane.pos.ledger.charges()


@test
def undo_gives_back_what_was_approved(lane):
    lane.start()
    ticket, rev = lane.sale()
    key = new_key()
    req, _ = lane.laned.pay(key, ticket, 868, rev)
    lane.laned.wait_completed(req)
    req, _ = lane.laned.submit("undo", key=key, ticket=ticket)
    assert lane.laned.wait_completed(req)["outcome"] == "undone"
    assert not lane.pos.ledger.standing()
    req, _ = lane.laned.submit("undo", key=new_key(), ticket=ticket)
    assert lane.laned.wait_completed(req)["outcome"] == "not-found"


@test
def an_answer_that_comes_twice_completes_once(lane):
    lane.start()
    for decision in ("twice", "changed"):
        ticket, rev = lane.sale()
        lane.pos.decide(decision)
        req, _ = lane.laned.pay(new_key(), ticket, 868, rev)
        lane.laned.wait_completed(req)
        lane.wait(lambda: not lane.left())
        first = [c for c in lane.laned.completed(req) if not c.get("late")]
        assert len(first) == 1, lane.laned.completed(req)


@test
def a_late_answer_is_told_as_late(lane):
    lane.start()
    ticket, rev = lane.sale()
    lane.pos.decide("delay:1.0")
    key = new_key()
    req, _ = lane.laned.pay(key, ticket, 868, rev, timeout_ms=200)
    assert lane.laned.wait_completed(req)["outcome"] == "unknown"
    assert lane.wait(lambda: [c for c in lane.laned.completions if c.get("late")])
    late = [c for c in lane.laned.completions if c.get("late")][0]
    assert late["outcome"] == "approved" and late["key"] == key and late["req"] == req
    assert lane.wait(lambda: not lane.left())


@test
def killed_in_mid_payment_it_recovers_to_one_charge(lane):
    lane.start()
    ticket, rev = lane.sale()
    key = new_key()
    lane.laned.request("adapter.submit", {
        "req": "r1", "type": "pay", "key": key, "ticket": ticket, "rev": rev, "amount": 868,
        "currency": "EUR", "token": "tok-1", "timeout_ms": 15000})
    assert lane.wait(lambda: key + ".pay.json" in os.listdir(lane.pos.out), serve=False)
    lane.kill()
    assert lane.laned.journal[key] == "sending" and not lane.laned.completions
    assert lane.pos.step() == 1  # the POS charges meanwhile
    lane.laned.recover = [{"req": "r2", "key": key, "state": "sending", "ticket": ticket,
                           "amount": 868, "currency": "EUR"}]
    lane.start()
    assert lane.laned.wait_completed("r2")["outcome"] == "approved"
    assert [k for k, _ in lane.pos.ledger.charges()] == [key]
    assert lane.wait(lambda: not lane.left())


@test
def recovery_undoes_what_was_to_be_undone(lane):
    lane.start()
    ticket, rev = lane.sale()
    key, never_sent = new_key(), new_key()
    req, _ = lane.laned.pay(key, ticket, 868, rev)
    lane.laned.wait_completed(req)
    lane.kill()
    lane.laned.recover = [
        {"req": "u", "key": key, "state": "undo-queued", "ticket": ticket, "amount": 868,
         "currency": "EUR", "ref": "R-1"},
        {"req": "q", "key": never_sent, "state": "unknown", "ticket": ticket, "amount": 868,
         "currency": "EUR"}]
    lane.start()
    assert lane.laned.wait_completed("u")["outcome"] == "undone"
    assert lane.laned.wait_completed("q")["outcome"] == "not-found"
    assert not lane.pos.ledger.standing()


@test
def files_wait_while_laned_is_away(lane):
    lane.start()
    ticket, rev = lane.sale()
    lane.laned.sock.close()
    lane.laned.sock = None
    assert lane.process.wait(PATIENCE_S) == 0  # its only socket ended
    lane.pos.scan(ticket, "tea")
    assert lane.left() == [ticket + ".basket.json"]
    lane.start()
    assert lane.wait(lambda: not lane.left())
    assert lane.seen("pos.basket")[-1]["rev"] == rev + 1


@test
def it_connects_again_by_itself_and_recovers(lane):
    path = os.path.join(lane.root, "adapter-drop.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(1)
        lane.process = subprocess.Popen(
            [PROGRAM, "--name", "drop", "--conf", lane.conf, "--plugin", PLUGIN,
             "--socket", path], stdin=subprocess.DEVNULL, stderr=lane.errors)
        lane.laned.attach(listener.accept()[0])
        assert lane.wait(lambda: lane.laned.hello), lane.log()
        ticket, rev = lane.sale()
        key = new_key()
        lane.laned.request("adapter.submit", {
            "req": 1, "type": "pay", "key": key, "ticket": ticket, "rev": rev, "amount": 868,
            "currency": "EUR", "token": "tok-1", "timeout_ms": 15000})
        assert lane.wait(lambda: key + ".pay.json" in os.listdir(lane.pos.out), serve=False)
        lane.laned.sock.close()  # laned dies; the POS charges meanwhile
        lane.pos.step()
        lane.laned.recover = [{"req": 2, "key": key, "state": "sending", "ticket": ticket,
                               "amount": 868, "currency": "EUR"}]
        lane.laned.attach(listener.accept()[0])
        assert lane.wait(lambda: lane.laned.completed(2)), lane.log()
        assert lane.laned.completed(2)[0]["outcome"] == "approved"
        assert not lane.laned.completed(1)
        assert len(lane.pos.ledger.charges()) == 1
        assert lane.wait(lambda: not lane.left())
        with open("/proc/%d/status" % lane.process.pid) as f:
            print("      resident: " + [x for x in f if x.startswith("VmRSS")][0].split(":")[1].strip())


BAD_FILES = {
    "1.basket.json": b'{"v":1,"ticket":"1","rev":1,"curr',
    "2.basket.json": b'{"v":2,"ticket":"2","rev":1,"currency":"EUR","lines":[]}',
    "3.basket.json": b'{"v":1,"ticket":"3","rev":"1","currency":"EUR","lines":[]}',
    "4.basket.json": b'{"v":1,"ticket":"4","rev":1,"currency":"EUR",\n"lines":[{"line":1}]}',
    "5.basket.json": b'{"v":1,"ticket":"5","ticket":"5","rev":1,"currency":"EUR","lines":[]}',
    "6.basket.json": b"\x00" * 100,
    "7.basket.json": b"[" * 100000,
    "8.basket.json": b" " * (1024 * 1024 + 1),
    "9.basket.json": b'{"v":1,"ticket":"10","rev":1,"currency":"EUR","lines":[]}',
    "11.claim.json": b'{"v":1,"ticket":"11","kind":"card","value":"4111 1111 1111 1111"}',
    "12.basket.json": b'{"v":1,"ticket":"12","rev":1,"currency":"EUR","lines":[],'
                      b'"note":"5500005555555559"}',
    "13.basket.json": b"",
    "00000000000000000000000000000000.result.json": b'{"v":1,"key":"zz","outcome":"approved"}',
}


@test
def bad_files_are_set_aside_and_the_lane_goes_on(lane):
    lane.start()
    for name, data in BAD_FILES.items():
        legacy.put(lane.pos.into, name, data)
    os.symlink("/etc/hostname", os.path.join(lane.pos.into, "14.basket.json"))
    os.mkfifo(os.path.join(lane.pos.into, "15.basket.json"))
    assert lane.wait(lambda: lane.bad() == sorted(BAD_FILES)), (lane.bad(), lane.log())
    for name in BAD_FILES:
        assert name in lane.log(), name + " is not named in the log"
    assert "4.basket.json:2:10: qty_milli is missing" in lane.log(), lane.log()
    for name in ("11.claim.json", "12.basket.json"):
        with open(os.path.join(lane.pos.into, "bad", name), "rb") as f:
            data = f.read()
        assert b"1111" not in data and b"5555" not in data and b"****" in data
    assert "4111" not in lane.log() and "5500005555555559" not in lane.log()
    lane.sale()
    assert not lane.seen("pos.claim")
    assert lane.left() == ["14.basket.json", "15.basket.json"]
    assert lane.laned.call("adapter.health", {})["result"]["errors"] >= len(BAD_FILES)


@test
def what_laned_refuses_is_set_aside_or_dropped(lane):
    lane.start()
    lane.laned.refuse_pos = {"code": -32602, "message": "no such currency here"}
    ticket = lane.pos.ticket()
    lane.pos.scan(ticket, "milk")
    assert lane.wait(lambda: lane.bad() == [ticket + ".basket.json"])
    lane.laned.refuse_pos = {"code": -32002, "message": "an old revision"}
    lane.pos.scan(ticket, "milk")
    assert lane.wait(lambda: not lane.left() and len(lane.seen("pos.basket")) == 2)
    assert len(lane.bad()) == 1


@test
def card_numbers_and_wrong_requests_are_refused(lane):
    lane.start()
    ticket, rev = lane.sale()
    _, answer = lane.laned.pay(new_key(), ticket, 868, rev, token="4111111111111111")
    assert answer["error"]["code"] == -32002
    for wrong in ({"type": "pay"}, {"type": "refund", "key": new_key(), "ticket": "1"},
                  {"type": "query", "key": "short", "ticket": ticket},
                  {"type": "pay", "key": new_key(), "ticket": "../x", "rev": 1, "amount": 5,
                   "currency": "EUR", "token": "t"}):
        answer = lane.laned.call("adapter.submit", dict(wrong, req="w"))
        assert "error" in answer, wrong
    assert not lane.laned.completions and not os.listdir(lane.pos.out)


@test
def a_missing_folder_is_looked_for_until_it_is_there(lane):
    os.rename(lane.pos.into, lane.pos.into + ".away")
    lane.start()
    assert lane.laned.call("adapter.health", {})["result"]["state"] == "degraded"
    assert "looking for it" in lane.log()
    os.rename(lane.pos.into + ".away", lane.pos.into)
    lane.sale()


@test
def an_idle_adapter_does_not_wake_up(lane):
    lane.start()
    lane.sale()
    lane.wait(lambda: not lane.left())

    def switches():
        with open("/proc/%d/status" % lane.process.pid) as f:
            return sum(int(line.split()[1]) for line in f if "ctxt_switches" in line)
    lane.laned.call("adapter.health", {})  # it is idle again after this
    before = switches()
    time.sleep(3.0)  # the measured span itself, not a wait for something
    assert switches() - before <= 1, "woke up %d times" % (switches() - before)


@test
def the_sandbox_is_on(lane):
    lane.start()
    with open("/proc/%d/status" % lane.process.pid) as f:
        status = dict(line.split(":", 1) for line in f if ":" in line)
    assert status["NoNewPrivs"].strip() == "1"
    sanitized = "left out under a sanitizer" in lane.log()
    built_without = "built without seccomp" in lane.log()
    assert sanitized or built_without or status["Seccomp"].strip() == "2"


def check_configuration(root):
    def run(text, *more):
        path = os.path.join(root, "t.conf")
        with open(path, "w") as f:
            f.write(text)
        return subprocess.run([PROGRAM, "-t", "--name", "drop", "--conf", path, "--plugin",
                               PLUGIN, *more], capture_output=True, text=True)
    assert run("[adapter:drop]\nin = /a\nout = /b\n").returncode == 0
    for text, says in (("[adapter:drop]\nin = /a\n", "out"),
                       ("[adapter:drop]\nin = /a\nout = b\n", "t.conf:3"),
                       ("[adapter:drop]\nin = /a\nout = /b\npol = 5s\n", "pol"),
                       ("[adapter:drop]\nin = /a\nout = /b\npoll = never\n", "t.conf:4")):
        result = run(text)
        assert result.returncode == 78 and says in result.stderr, (text, result.stderr)
        # laned -t says the same of its adapters' options, and loads none of them.
        with open(os.path.join(root, "t.conf"), "a") as f:
            f.write("[lane]\nenvironment = test\n[paths]\nadapters = %s\n" %
                    os.path.dirname(os.path.abspath(PLUGIN)))
        result = subprocess.run([os.path.join(os.path.dirname(PROGRAM), "laned"), "-t", "--conf",
                                 os.path.join(root, "t.conf")], capture_output=True, text=True)
        assert result.returncode == 78 and says in result.stderr, (text, result.stderr)


def check_plugin_file(root):
    """-t says of a plug-in that could not be loaded why, and loads none."""
    path = os.path.join(root, "p.conf")
    with open(path, "w") as f:
        f.write("[adapter:drop]\nin = /a\nout = /b\n")
    copy = os.path.join(root, "copy.so")
    shutil.copy(PLUGIN, copy)
    shutil.copy(PLUGIN[:-3] + ".options.json", copy[:-3] + ".options.json")

    def run():
        return subprocess.run([PROGRAM, "-t", "--name", "drop", "--conf", path, "--plugin", copy],
                              capture_output=True, text=True)
    os.chmod(copy, 0o755)
    assert run().returncode == 0, run().stderr
    os.chmod(copy, 0o757)
    assert run().returncode == 78 and "may be written by others" in run().stderr, run().stderr
    os.chmod(copy, 0o755)
    with open(copy, "r+b") as f:
        f.truncate(1000)
    assert run().returncode == 78 and "copy.so cannot be loaded" in run().stderr, run().stderr
    os.unlink(copy)
    assert run().returncode == 78, run().stderr
    os.unlink(copy[:-3] + ".options.json")
    assert run().returncode == 78 and "no such plug-in" in run().stderr, run().stderr


def main():
    os.environ.setdefault("ASAN_OPTIONS", "detect_leaks=1")
    failed = 0
    names = sys.argv[1:]
    for f in TESTS:
        if names and f.__name__ not in names:
            continue
        with tempfile.TemporaryDirectory() as root:
            lane = Lane(root)
            try:
                f(lane)
                lane.stop()
                print("ok    " + f.__name__, flush=True)
            except Exception as e:  # the next test is still of interest
                failed += 1
                print("FAIL  %s: %r" % (f.__name__, e))
                print(lane.log() if not lane.errors.closed else "")
                if lane.process is not None and lane.process.poll() is None:
                    lane.process.send_signal(signal.SIGKILL)
                    lane.process.wait()
                if not isinstance(e, AssertionError):
                    import traceback
                    traceback.print_exc()
    if not names:
        with tempfile.TemporaryDirectory() as root:
            check_configuration(root)
            print("ok    check_configuration")
        with tempfile.TemporaryDirectory() as root:
            os.chmod(root, 0o755)
            check_plugin_file(root)
            print("ok    check_plugin_file")
    print("%d failed" % failed)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
