#!/usr/bin/python3
"""An answer to a POS that was stored, and laned killed before it left: with this program as the
adapter's host, which says in its hello what it may have answered. An answer that it has certainly
not let go is handed over again or taken back; any other one may be at the POS, and rests."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lane_protocol  # noqa: E402
from lane_protocol import ULID, WRONG_TYPES, basket, payment_state  # noqa: E402

OTHER = "fedcba9876543210fedcba9876543210"
CAPS = ["pay", "query", "undo", "terminal"]


def greet(s, plugin="drop", **more):
    """The adapter's place, and what laned says to its hello."""
    peer, answer = s.place("adapter-drop.sock", ("adapter.hello", dict({
        "name": "drop", "plugin": plugin, "version": "1", "abi": 0, "environment": "test",
        "caps": CAPS}, **more)))
    return peer, answer["result"]


def submitted(adapter, kind):
    """The next request of that type; others are done."""
    while True:
        submit = adapter.wait("adapter.submit")
        adapter.reply(submit, {})
        if submit["params"]["type"] == kind:
            return submit["params"]
        adapter.ok("adapter.complete", {"req": submit["params"]["req"], "outcome": "done"})


def killed_with_an_answer(s, ticket, let_go=False):
    """A POS asks for a ticket's money, the member pays, and laned is killed when the approval is
    stored: before it may leave, or (let_go) after that. The payment's key."""
    adapter, hello = greet(s)
    assert isinstance(hello["open"], list), hello
    bio, control = s.bio(), s.control()
    adapter.ok("pos.basket", basket(ticket=ticket, final=True))
    bio.notify("bio.touch", {"probe": ULID, "reader": "r"})
    bio.wait("bio.identify")
    subject = control.ok("members.show", {"member": "2001"})["member"]["subjects"][0]
    bio.notify("bio.identified", {"probe": ULID, "outcome": "accept", "subject": subject})
    due = basket()["lines"][0]["amount"]
    key = adapter.ok("adapter.event", {"type": "tender-wanted", "ticket": ticket, "amount": due,
                                       "currency": "EUR", "ref": "r-" + ticket})["key"]
    params = submitted(adapter, "pay")
    assert params["key"] == key, (params, key)
    adapter.ok("adapter.journal", {"req": params["req"], "key": key, "state": "sending"})
    adapter.ok("adapter.complete", {"req": params["req"], "key": key, "outcome": "approved",
                                    "amount": params["amount"]})
    answer = submitted(adapter, "answer")
    assert (answer["key"], answer["outcome"]) == (key, "approved"), answer
    if let_go:
        adapter.ok("adapter.journal", {"req": answer["req"], "key": key,
                                       "state": "answer-sending"})
    process = s.lab.processes["laned"]
    process.kill()
    process.wait()
    for peer in (adapter, bio, control):
        peer.close()
    s.restart()
    return key


def ended(s, adapter, ticket):
    adapter.ok("pos.basket", basket(ticket=ticket, rev=2, final=True, closed=True))
    adapter.close()
    s.alive()


def recovered(hello):
    return [(e["key"], e["state"]) for e in hello["recover"]]


def what_was_never_let_go_goes_to_a_pos_that_waits(s):
    key = killed_with_an_answer(s, "TA1")
    adapter, hello = greet(s, answered=[OTHER])
    assert recovered(hello) == [] and hello["open"] == [key], hello
    answer = submitted(adapter, "answer")
    assert (answer["key"], answer["outcome"]) == (key, "approved"), answer
    adapter.ok("adapter.journal", {"req": answer["req"], "key": key, "state": "answer-sending"})
    adapter.ok("adapter.complete", {"req": answer["req"], "key": key, "outcome": "confirmed"})
    control = s.control()
    assert payment_state(control, key) == "confirmed"
    control.close()
    ended(s, adapter, "TA1")


def and_is_taken_back_where_nobody_waits(s):
    key = killed_with_an_answer(s, "TA2")
    adapter, hello = greet(s, answered=[])
    assert recovered(hello) == [], hello
    answer = submitted(adapter, "answer")
    adapter.ok("adapter.complete", {"req": answer["req"], "key": key, "outcome": "cancelled"})
    undo = submitted(adapter, "undo")
    assert undo["key"] == key, undo
    adapter.ok("adapter.complete", {"req": undo["req"], "key": key, "outcome": "undone"})
    control = s.control()
    assert payment_state(control, key) == "undone"
    control.close()
    ended(s, adapter, "TA2")


def what_may_have_left_is_not_sent_again(s):
    """Let go; or its host cannot tell, or says something strange."""
    for i, told in enumerate([None, [], "x", 5, {}, [5], [OTHER, "x"]]):
        ticket = "TB%d" % i
        key = killed_with_an_answer(s, ticket, let_go=told == [])
        more = {} if told is None else {"answered": [key] if told == [] else told}
        adapter, hello = greet(s, **more)
        assert recovered(hello) == [(key, "answer-sending")], (told, hello)
        adapter.ok("adapter.complete", {"req": hello["recover"][0]["req"], "key": key,
                                        "outcome": "confirmed"})
        ended(s, adapter, ticket)


def another_plug_in_under_the_name_knows_nothing_of_it(s):
    key = killed_with_an_answer(s, "TC")
    adapter, hello = greet(s, plugin="other", answered=[])
    assert recovered(hello) == [] and hello["open"] == [key], hello
    control = s.control()
    assert payment_state(control, key) == "answer-sending"
    adapter.close()
    adapter, hello = greet(s)
    assert recovered(hello) == [(key, "answer-sending")], hello
    adapter.ok("adapter.complete", {"req": hello["recover"][0]["req"], "key": key,
                                    "outcome": "confirmed"})
    control.close()
    ended(s, adapter, "TC")


def strange_lists_do_no_harm(s):
    for value in WRONG_TYPES + [[value] for value in WRONG_TYPES] + [[OTHER] * 3000]:
        adapter, hello = greet(s, answered=value)
        assert hello["open"] == [], hello
        adapter.close()
    s.alive()


TESTS = [
    lane_protocol.members_are_checked_on_the_way_in,
    lane_protocol.an_enrolment_belongs_to_its_client,
    what_was_never_let_go_goes_to_a_pos_that_waits, and_is_taken_back_where_nobody_waits,
    what_may_have_left_is_not_sent_again,
    another_plug_in_under_the_name_knows_nothing_of_it, strange_lists_do_no_harm,
]

if __name__ == "__main__":
    lane_protocol.run_all(TESTS)
