#!/usr/bin/python3
"""Payments that the POS asks for, with two adapters: one poses as the terminal that the POS knows
(tests/terminal, a test adapter), the other one, drop, is the payer. The programs are real; POS, terminal
and payer are test peers that keep ledgers. Whatever is killed: what the POS counts as paid is what the
payer took and did not give back. Arguments: the names of the checks to run; none: all."""
import json
import os
import queue
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.environ.get("SRCDIR", "."), "tests", "demo"))
import lab as lablib  # noqa: E402
import pos as legacy  # noqa: E402

BUILD = os.environ.get("LANED_BUILD", "build")
PATIENCE_S = 30.0  # a limit for a hang, never waited for when all is well
MEMBERS = {"1000000017": 1, "1000000018": 3}  # and the first finger of each
NOBODY = 5
PRICE = 1300
CERTAIN = ("not-sent", "cancelled", "declined", "confirmed", "undone", "refunded")


def receive(sock, n):
    data = b""
    while len(data) < n:
        more = sock.recv(n - len(data))
        if not more:
            raise ConnectionError("the other side ended")
        data += more
    return data


def receive_frame(sock):
    return json.loads(receive(sock, struct.unpack(">I", receive(sock, 4))[0]))


def send_frame(sock, message):
    body = json.dumps(message).encode()
    sock.sendall(struct.pack(">I", len(body)) + body)


class Terminal:
    """The real payment terminal: approves every card."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.ledger = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                sock = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.talk, args=(sock,), daemon=True).start()

    def talk(self, sock):
        try:
            while True:
                request = receive_frame(sock)
                if request["type"] != "pay":  # it has no such payment
                    send_frame(sock, {"peer": "terminal", "outcome": "not-found"})
                    continue
                self.ledger.append(request)
                send_frame(sock, {"peer": "terminal", "outcome": "approved",
                                  "amount": request["amount"]})
        except (OSError, ValueError):
            sock.close()


class Bank(legacy.LegacyPos):
    """The payer's side of the exchange folder: knows tokens, and no baskets."""

    def wrong_amount(self, message):
        return False


class Till:
    """The POS: asks its terminal for money, and keeps a ledger of what it counts as paid."""

    def __init__(self, port):
        self.port = port
        self.sock = None
        self.paid = {}  # ticket: amount by tokens
        self.number = 7000
        self.rev = {}

    def connect(self):
        if self.sock is None:
            self.sock = socket.create_connection(("127.0.0.1", self.port), timeout=2 * PATIENCE_S)

    def drop(self):
        if self.sock is not None:
            try:
                self.sock.shutdown(socket.SHUT_RDWR)  # a thread may be reading
            except OSError:
                pass
            self.sock.close()
        self.sock = None

    def once(self, message):
        """One message over a connection of its own, and its answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S) as sock:
            send_frame(sock, message)
            return receive_frame(sock)

    def basket(self, ticket, amount=PRICE, final=True):
        self.rev[ticket] = self.rev.get(ticket, 0) + 1
        answer = self.once({"type": "basket", "ticket": ticket, "rev": self.rev[ticket],
                            "currency": "EUR", "final": final, "lines": [
                                {"line": 1, "gtin": "2000000000015", "text": "Goods",
                                 "qty_milli": 1000, "unit_price": amount, "amount": amount}]})
        assert answer["type"] == "ok", answer

    def pay(self, ticket, amount=PRICE):
        """Asks; the answer comes into the queue that is given back, as does a lost connection."""
        self.number += 1
        identity = str(self.number)
        answers = queue.Queue()
        self.connect()
        send_frame(self.sock, {"type": "pay", "id": identity, "ticket": ticket,
                               "rev": self.rev.get(ticket, 0), "amount": amount,
                               "currency": "EUR"})

        def wait(sock=self.sock):
            try:
                answers.put(receive_frame(sock))
            except (OSError, ValueError) as e:
                answers.put({"outcome": "lost", "why": str(e)})
        threading.Thread(target=wait, daemon=True).start()
        return identity, answers

    def take(self, ticket, answer):
        """The goods go: counted, and the terminal told."""
        assert answer["outcome"] in ("approved", "partial"), answer
        self.paid[ticket] = self.paid.get(ticket, 0) + answer["amount"]
        assert self.once({"type": "done", "id": answer["id"]})["type"] == "ok"


class Shop(lablib.Lab):
    def __init__(self):
        super().__init__(BUILD)
        self.terminal = Terminal()
        self.pos = Bank(self.path("pos"))
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.till = Till(port)
        os.mkdir(self.path("adapters"))
        for name in ("drop.so", "drop.options.json"):
            shutil.copy(os.path.join(BUILD, "plugins", name), self.path("adapters", name))
        for name in ("relay.so", "relay.options.json"):
            shutil.copy(os.path.join(BUILD, "terminal", name), self.path("adapters", name))
        self.settings["paths"]["adapters"] = self.path("adapters")
        self.settings["payment"] = {"tender_wait": "4s", "approved_max": "10s"}
        self.settings["adapter:relay"] = {
            "pos": "tcp://127.0.0.1:%d" % port,
            "terminal": "tcp://127.0.0.1:%d" % self.terminal.port, "framing": "length4"}
        self.write_conf()
        self.tickets = 0
        self.image_number = 4

    def start_relay(self):
        with open(self.path("log", "relay"), "ab") as log:
            self.processes["relay"] = subprocess.Popen(
                [os.path.join(BUILD, "laned-adapter"), "--conf", self.path("laned.conf"),
                 "--name", "relay"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=dict(os.environ))

    def start(self, name, env=None):
        return self.start_relay() if name == "relay" else super().start(name, env)

    def open(self):
        self.start_all()
        self.start_relay()
        self.wait_relay()
        self.synth_fingers(5, 6, difficulty=20)
        self.add_members([lablib.member(number) for number in MEMBERS])
        for number, finger in MEMBERS.items():
            self.enrol(number, [self.image(f, i) for f in (finger, finger + 1)
                                 for i in (1, 2, 3)])

    def wait(self, condition, what):
        """While the payer serves its folder."""
        assert self.pos.wait(condition, PATIENCE_S), "in vain: %s\n%s\n%s" % (
            what, self.log("laned")[-1500:], self.log("relay")[-1500:])

    def wait_relay(self):
        def here():
            try:
                with lablib_control(self) as rpc:
                    adapters = rpc.call("lane.status")["adapters"]
            except (OSError, lablib.Hang):
                return False
            return all(a["connected"] for a in adapters)
        self.wait(here, "both adapters")

    def kill_and_start(self, *names):
        for name in names:
            self.kill(name)
        for name in names:
            self.start(name)
        self.wait_ready(bio=True)
        self.wait_relay()

    def checkout(self):
        with lablib_control(self) as rpc:
            return rpc.call("lane.status")["checkout"]

    def touch(self, finger):
        """Puts the finger on the glass once; each image is another one."""
        self.image_number = self.image_number % 3 + 4
        with lablib_control(self) as rpc:
            rpc.receive(self.present(rpc, self.image(finger, self.image_number)))

    def wait_phase(self, *phases):
        self.wait(lambda: self.checkout()["phase"] in phases, "phase " + " or ".join(phases))

    def payments(self, ticket):
        return [p for p in self.ctl("payments")["payments"] if p["ticket"] == ticket]

    def wait_state(self, ticket, *states):
        self.wait(lambda: [p["state"] for p in self.payments(ticket)] == list(states),
                  "payments of %s in %s, not %s" % (ticket, states, self.payments(ticket)))

    def ticket(self, member="1000000017", amount=PRICE):
        """A basket with its total, and a member who is known."""
        self.tickets += 1
        ticket = "T%d" % self.tickets
        self.wait_relay()
        self.till.basket(ticket, amount, final=False)
        if member is not None:
            with lablib_control(self) as rpc:
                rpc.call("pos.claim", kind="card", value="C" + member)
            self.wait(lambda: self.checkout()["member_state"] == "known", "the member")
        self.till.basket(ticket, amount)
        return ticket

    def consent(self, ticket, finger=1):
        """Touches until the payer is asked: a touch may not be read."""
        self.wait(lambda: self.newest(ticket) == "created", "the payment")
        self.wait_phase("confirming")
        for _ in range(3):
            self.touch(finger)
            if self.pos.wait(lambda: self.newest(ticket) != "created", 3):
                return
        raise AssertionError("no consent: %s" % self.checkout())

    def newest(self, ticket):
        return (self.payments(ticket) or [{"state": None}])[0]["state"]

    def answer(self, answers):
        self.wait(lambda: not answers.empty(), "an answer to the POS")
        return answers.get()

    def taken(self, ticket):
        """By the payer, and not given back."""
        back = sum(e["amount"] for _, e in self.pos.ledger.refunds()
                   if self.pos.ledger.get(e["original"])["ticket"] == ticket)
        return sum(e["amount"] for _, e in self.pos.ledger.standing()
                   if e["ticket"] == ticket) - back

    def agree(self, ticket):
        """The POS counts what the payer took."""
        self.wait(lambda: self.taken(ticket) == self.till.paid.get(ticket, 0),
                  "%s: the payer has %d, the POS %d" % (
                      ticket, self.taken(ticket), self.till.paid.get(ticket, 0)))
        charges = [e for _, e in self.pos.ledger.charges() if e["ticket"] == ticket]
        assert all(e["charged"] == 1 for e in charges), charges


class lablib_control:
    def __init__(self, shop):
        self.rpc = shop.control()

    def __enter__(self):
        return self.rpc

    def __exit__(self, *_):
        self.rpc.close()


# ---- the checks ------------------------------------------------------------------------------


def paid_by_touch(shop):
    ticket = shop.ticket()
    _, answers = shop.till.pay(ticket)
    shop.consent(ticket)
    answer = shop.answer(answers)
    assert answer["outcome"] == "approved" and answer["amount"] == PRICE, answer
    assert answer["auth"] and answer["ref"], answer
    shop.till.take(ticket, answer)
    shop.wait_state(ticket, "confirmed")
    shop.wait_phase("done", "idle")
    shop.agree(ticket)
    words = [row["what"] for row in shop.ctl("checkouts", "show", shop.payments(ticket)[0][
        "checkout"])["timeline"] if row["what"].startswith("payment-")]
    assert words == ["payment-created", "payment-sending", "payment-answer-sending",
                     "payment-confirmed"], words


def a_stranger_is_passed_through(shop):
    before = len(shop.terminal.ledger)
    ticket = shop.ticket(member=None)
    _, answers = shop.till.pay(ticket)
    assert shop.answer(answers)["peer"] == "terminal"
    assert len(shop.terminal.ledger) == before + 1 and shop.payments(ticket) == []
    with lablib_control(shop) as rpc:
        assert rpc.call("lane.status")["counters"]["tenders_passed"] > 0


def without_a_touch_the_terminal_has_it(shop):
    ticket = shop.ticket()
    _, answers = shop.till.pay(ticket)
    shop.wait_state(ticket, "created")
    assert shop.answer(answers)["peer"] == "terminal"
    shop.wait_state(ticket, "cancelled")
    assert shop.taken(ticket) == 0


def another_finger_pays_nothing(shop):
    ticket = shop.ticket()
    _, answers = shop.till.pay(ticket)
    shop.wait_phase("confirming")
    shop.touch(NOBODY)
    assert shop.answer(answers)["peer"] == "terminal"
    assert shop.taken(ticket) == 0


def another_amount_is_never_charged(shop):
    ticket = shop.ticket()
    _, answers = shop.till.pay(ticket, PRICE + 100)
    assert shop.answer(answers)["peer"] == "terminal"
    assert shop.payments(ticket) == [] and shop.taken(ticket) == 0
    shown = shop.ctl("checkouts", "show", shop.checkout()["checkout"])["timeline"]
    assert "tender-refused" in [row["what"] for row in shown], shown


def consent_may_come_first(shop):
    ticket = shop.ticket()
    shop.wait_phase("confirming")
    shop.touch(1)
    shop.wait_phase("totalled")
    assert shop.payments(ticket) == [], "nobody asked for money yet"
    _, answers = shop.till.pay(ticket)
    shop.till.take(ticket, shop.answer(answers))
    shop.wait_state(ticket, "confirmed")
    shop.agree(ticket)


def a_decline_is_told(shop):
    ticket = shop.ticket()
    shop.pos.decide("decline")
    identity, answers = shop.till.pay(ticket)
    shop.consent(ticket)
    assert shop.answer(answers)["outcome"] == "declined"
    again = shop.till.once({"type": "repeat", "id": identity})
    assert again["outcome"] == "declined", again
    shop.agree(ticket)


def an_abort_before_sending_is_cancelled(shop):
    ticket = shop.ticket()
    identity, answers = shop.till.pay(ticket)
    shop.wait_phase("confirming")
    shop.wait_state(ticket, "created")
    assert shop.till.once({"type": "abort", "id": identity})["type"] == "ok"
    assert shop.answer(answers)["outcome"] == "cancelled"
    shop.wait_state(ticket, "cancelled")
    shop.agree(ticket)


def an_abort_after_sending_loses_no_approval(shop):
    ticket = shop.ticket()
    shop.pos.decide("delay:1.5")
    identity, answers = shop.till.pay(ticket)
    shop.consent(ticket)
    shop.wait_state(ticket, "sending")
    assert shop.till.once({"type": "abort", "id": identity})["type"] == "ok"
    shop.till.take(ticket, shop.answer(answers))
    shop.wait_state(ticket, "confirmed")
    shop.agree(ticket)


def a_repeat_gives_the_answer_again(shop):
    ticket = shop.ticket()
    identity, answers = shop.till.pay(ticket)
    shop.consent(ticket)
    shop.answer(answers)  # lost on the way to the cashier
    shop.till.drop()
    again = shop.till.once({"type": "repeat", "id": identity})
    assert again["outcome"] == "approved" and again["amount"] == PRICE, again
    shop.till.take(ticket, again)
    shop.wait_state(ticket, "confirmed")
    shop.agree(ticket)


def a_repeat_of_what_laned_never_heard_of_is_the_terminals(shop):
    """As when the adapter died before it could tell laned: the POS gets an answer, and a certain one."""
    again = shop.till.once({"type": "repeat", "id": "never-asked"})
    assert again == {"peer": "terminal", "outcome": "not-found"}, again


def what_the_pos_cannot_use_is_given_back(shop):
    ticket = shop.ticket()
    identity, answers = shop.till.pay(ticket)
    shop.consent(ticket)
    assert shop.answer(answers)["outcome"] == "approved"
    assert shop.till.once({"type": "undo", "id": identity})["type"] == "ok"
    shop.wait_state(ticket, "undone")
    shop.agree(ticket)


def an_undo_is_acknowledged_when_it_is_stored_and_not_before(shop):
    """laned hears nothing, then both die: what the POS was told is done would be lost."""
    ticket = shop.ticket()
    identity, answers = shop.till.pay(ticket)
    shop.consent(ticket)
    assert shop.answer(answers)["outcome"] == "approved"
    shop.processes["laned"].send_signal(signal.SIGSTOP)
    send_frame(shop.till.sock, {"type": "undo", "id": identity})  # where the adapter listens already
    told = receive_frame(shop.till.sock)
    assert told["type"] == "error", told
    shop.kill_and_start("relay", "laned")
    shop.till.drop()
    assert shop.taken(ticket) == PRICE, "nobody has taken it back yet"
    assert shop.till.once({"type": "undo", "id": identity})["type"] == "ok"
    shop.kill_and_start("relay", "laned")
    shop.wait_state(ticket, "undone")
    shop.agree(ticket)


def what_was_returned_is_not_given_back_again(shop):
    """The goods came back for cash; an undo that the POS says then would be the money's second way."""
    ticket = shop.ticket()
    identity, answers = shop.till.pay(ticket)
    shop.consent(ticket)
    shop.till.take(ticket, shop.answer(answers))
    shop.wait_state(ticket, "confirmed")
    sale = shop.payments(ticket)[0]["checkout"]
    code, = shop.ctl("checkouts", "show", sale)["receipt"]
    assert shop.ctl("return", code, "--all")["recorded"]
    shop.till.once({"type": "undo", "id": identity})
    shop.wait(lambda: "payment-alarm" in [row["what"] for row in shop.ctl(
        "checkouts", "show", sale)["timeline"]], "the alarm")
    shop.wait_state(ticket, "confirmed")  # and no refund beside it
    shop.agree(ticket)


def what_the_pos_never_says_a_person_can(shop):
    """The answer went out and the POS says no word of it: open for good, until somebody has looked."""
    for taken in (True, False):
        ticket = shop.ticket()
        _, answers = shop.till.pay(ticket)
        shop.consent(ticket)
        shop.answer(answers)
        key = shop.payments(ticket)[0]["key"]
        shop.till.drop()
        shop.wait(lambda: shop.payments(ticket)[0].get("alarm"), "the alarm")
        shop.wait_state(ticket, "answer-sending")
        shop.ctl("payments", "settle", key, "--taken" if taken else "--not-taken")
        shop.wait_state(ticket, "confirmed" if taken else "undone")
        again = shop.ctl("payments", "settle", key, "--taken", check=False, json_out=False)
        assert again.returncode == 1 and "answer-sending" in again.stderr, again
        if taken:
            shop.till.paid[ticket] = PRICE
        shop.agree(ticket)


def a_pos_that_is_gone_gets_nothing_and_pays_nothing(shop):
    ticket = shop.ticket()
    shop.pos.decide("delay:1")
    shop.till.pay(ticket)
    shop.consent(ticket)
    shop.wait_state(ticket, "sending")
    shop.till.drop()
    shop.wait_state(ticket, "undone")
    shop.agree(ticket)


def a_basket_that_is_refused_turns_no_offer_away(shop):
    """Offers go where the basket came from: not to whom laned has told no."""
    shop.wait_relay()
    ticket = shop.pos.ticket("8001")
    shop.pos.scan(ticket, "coffee")
    shop.pos.total(ticket)
    assert shop.pos.wait_offer(ticket, PATIENCE_S), "no offer"
    answer = shop.till.once({"type": "basket", "ticket": "X1", "rev": 1, "currency": "USD",
                             "final": False, "lines": [
                                 {"line": 1, "gtin": "2000000000015", "text": "Goods",
                                  "qty_milli": 1000, "unit_price": 5, "amount": 5}]})
    assert answer["type"] == "error", answer
    with lablib_control(shop) as rpc:
        rpc.call("pos.claim", kind="card", value="C1000000017")
    shop.wait(lambda: shop.pos.tickets[ticket]["offer"].get("member_no") == "1000000017",
              "the member's offer at the POS that has the ticket")
    shop.pos.close_cash(ticket)
    shop.wait(lambda: shop.checkout()["phase"] in ("done", "idle"), "the end")


def two_members_share_a_ticket(shop):
    ticket = shop.ticket()
    shop.pos.decide("partial:500")
    _, answers = shop.till.pay(ticket)
    shop.consent(ticket, 1)
    first = shop.answer(answers)
    assert first["outcome"] == "partial" and first["amount"] == 500, first
    shop.till.take(ticket, first)
    shop.wait_state(ticket, "confirmed")
    with lablib_control(shop) as rpc:
        rpc.call("pos.claim", kind="card", value="C1000000018")
    shop.wait_phase("confirming")
    _, answers = shop.till.pay(ticket, PRICE - 500)
    shop.consent(ticket, MEMBERS["1000000018"])
    second = shop.answer(answers)
    assert second["outcome"] == "approved" and second["amount"] == PRICE - 500, second
    shop.till.take(ticket, second)
    shop.wait_state(ticket, "confirmed", "confirmed")
    shop.agree(ticket)
    tokens = {e["asked"] for _, e in shop.pos.ledger.charges() if e["ticket"] == ticket}
    assert tokens == {PRICE, PRICE - 500}, tokens


def a_void_ticket_gives_its_part_back(shop, killed_between=()):
    ticket = shop.ticket()
    shop.pos.decide("partial:500")
    _, answers = shop.till.pay(ticket)
    shop.consent(ticket)
    shop.till.take(ticket, shop.answer(answers))
    shop.wait_state(ticket, "confirmed")
    if killed_between:
        shop.kill_and_start(*killed_between)
        shop.till.drop()
    with lablib_control(shop) as rpc:
        rpc.call("pos.cancel", ticket=ticket)
    shop.till.paid[ticket] = 0
    shop.wait(lambda: shop.taken(ticket) == 0, "the money back")
    shop.wait(lambda: sorted(p["state"] for p in shop.payments(ticket)) ==
              ["confirmed", "refunded"], "the refund")


def a_void_ticket_gives_its_part_back_after_kill_9(shop):
    a_void_ticket_gives_its_part_back(shop, ["laned", "laned-adapter"])


def killed(shop, names, when):
    """kill -9 of processes while the payment is somewhere on its way; the POS asks for its answer."""
    ticket = shop.ticket()
    if when == "sending":
        shop.pos.decide("delay:1.5")
    identity, answers = shop.till.pay(ticket)
    if when == "created":
        shop.wait_state(ticket, "created")
    else:
        shop.consent(ticket)
    if when == "sending":
        shop.wait_state(ticket, "sending")
    elif when == "answered":
        shop.answer(answers)
    shop.kill_and_start(*names)
    shop.till.drop()
    if when != "created":
        deadline = time.monotonic() + PATIENCE_S
        while not [p for p in shop.payments(ticket)
                   if p["state"] in CERTAIN + ("approved", "answer-sending")]:
            shop.pos.wait(lambda: False, 0.1)
            assert time.monotonic() < deadline, shop.payments(ticket)
    replies = queue.Queue()
    threading.Thread(target=lambda: replies.put(shop.till.once(
        {"type": "repeat", "id": identity})), daemon=True).start()
    reply = shop.answer(replies)
    if reply.get("outcome") in ("approved", "partial"):
        shop.till.take(ticket, reply)
        shop.wait_state(ticket, "confirmed")
    else:
        shop.wait(lambda: all(p["state"] in CERTAIN for p in shop.payments(ticket)), "an end")
    shop.agree(ticket)


def kills(shop):
    for when in ("created", "sending", "answered"):
        for names in (["relay"], ["laned-adapter"], ["laned"], ["relay", "laned-adapter"],
                      ["laned", "relay", "laned-adapter"]):
            killed(shop, names, when)
            print("     %s killed when %s" % (" and ".join(names), when), flush=True)


CHECKS = [paid_by_touch, a_stranger_is_passed_through, without_a_touch_the_terminal_has_it,
          another_finger_pays_nothing, another_amount_is_never_charged, consent_may_come_first,
          a_decline_is_told, an_abort_before_sending_is_cancelled,
          an_abort_after_sending_loses_no_approval, a_repeat_gives_the_answer_again,
          a_repeat_of_what_laned_never_heard_of_is_the_terminals,
          what_the_pos_cannot_use_is_given_back,
          an_undo_is_acknowledged_when_it_is_stored_and_not_before, what_was_returned_is_not_given_back_again,
          what_the_pos_never_says_a_person_can,
          a_pos_that_is_gone_gets_nothing_and_pays_nothing,
          a_basket_that_is_refused_turns_no_offer_away,
          two_members_share_a_ticket, a_void_ticket_gives_its_part_back,
          a_void_ticket_gives_its_part_back_after_kill_9, kills]


def main():
    shop = Shop()
    try:
        shop.open()
        for check in CHECKS:
            if len(sys.argv) > 1 and check.__name__ not in sys.argv[1:]:
                continue
            check(shop)
            print("ok   %s" % check.__name__, flush=True)
        for name in ("laned", "laned-adapter", "relay"):
            log = shop.log(name)
            assert "ERROR: " not in log and "runtime error" not in log, log[-6000:]
    except Exception:
        for name in ("laned", "laned-adapter", "relay"):
            print("---- %s\n%s" % (name, shop.log(name)[-3500:]))
        raise
    finally:
        shop.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())
