#!/usr/bin/python3
"""What laned makes of its readers, with this program as laned-bio: lane.readers, the rows and
messages of the display, the sensor fault, the dirty glass, the doctor and the log."""
import itertools
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lane_protocol  # noqa: E402
from lane_protocol import (  # noqa: E402
    CONSENT, NO_METHOD, REFUSED, ULID, ULID2, WRONG_TYPES, basket, lablib)

USB = {"name": "front", "driver": "usb", "state": "ready", "since": "2026-01-01T00:00:00.000Z",
       "captures": 12, "errors": 1, "resets": 2, "replugs": 3, "model": "U.are.U 4500",
       "id": "05ba:000a", "port": "1-4.2", "serial": "AB12"}


numbers = itertools.count()


def usb(**more):
    return {k: v for k, v in dict(USB, **more).items() if v is not None}


def told(watcher, condition):
    """The next checkout told to the watcher that fits."""
    while True:
        params = watcher.wait("lane.changed")["params"]
        if condition(params):
            return params


def idle(s):
    """Ends the checkout that a touch has opened."""
    control = s.control()
    ticket = "TX%d" % next(numbers)
    control.ok("pos.basket", basket(ticket=ticket))
    control.ok("pos.cancel", {"ticket": ticket})
    control.close()


def readers_are_asked_of_laned_bio(s):
    control = s.control()
    assert "laned-bio is not running" in control.fails(REFUSED, "lane.readers")
    bio = s.bio()
    attached = [{"driver": "usb", "model": "U.are.U 4500", "port": "1-4.2", "reader": "front"},
                {"driver": "zfm", "port": "/dev/ttyACM0"}]
    for readers in ([usb()], [usb(captures=13), usb(name="side", state="absent")], []):
        number = control.request("lane.readers")
        bio.reply(bio.wait("bio.status"), {"readers": readers, "attached": attached,
                                           "gallery": {"subjects": 5}, "unlocked_bytes": 1})
        answer = control.answer(number)["result"]
        assert answer["readers"] == readers and answer["attached"] == attached, answer
        assert set(answer) == {"now", "readers", "attached"}, answer
    for value in ({}, {"readers": 5, "attached": None}, {"readers": {}, "attached": "x"}):
        number = control.request("lane.readers")
        bio.reply(bio.wait("bio.status"), value)
        answer = control.answer(number)["result"]
        assert answer["readers"] == [] and answer["attached"] == [], answer
    number = control.request("lane.readers")
    bio.refuse(bio.wait("bio.status"), REFUSED, "not now")
    answer = control.answer(number)["error"]
    assert answer["code"] == REFUSED and "not now" in answer["message"], answer
    gone = s.control()
    gone.request("lane.readers")
    bio.wait("bio.status")
    gone.close()  # who asked is gone before the answer
    number = control.request("lane.readers")
    waiting = control.request("lane.doctor")
    bio.wait("bio.status")
    bio.close()
    answers = {}
    while len(answers) < 2:  # in either order
        message = control.message()
        answers[message["id"]] = message
    assert answers[number]["error"]["code"] == REFUSED, answers
    checks = answers[waiting]["result"]["checks"]
    assert {"biometrics", "readers", "disk"} <= {c["name"] for c in checks}, checks
    control.close()
    s.alive()


def a_finger_is_told_at_once(s):
    control, watcher, bio = s.control(), s.control(), s.bio()
    watcher.ok("lane.watch")
    told(watcher, lambda c: c["row"] == "idle" and c["cashier"] == [])
    for state, row in (("capturing", "scanning"), ("ready", "idle"), ("capturing", "scanning"),
                       ("faulty", "sensor-fault"), ("ready", "idle")):
        bio.notify("bio.state", {"readers": [usb(state=state)]})
        assert told(watcher, lambda c: c["row"] == row)["phase"] == "idle"
    # A finger that a client asked for is not the checkout's.
    number = control.request("bio.identify")
    control.ok("lane.status")
    other = s.control()
    bio.ok("bio.state", {"readers": [usb(state="capturing")]})
    assert other.ok("lane.status")["checkout"]["row"] == "idle"
    bio.notify("bio.touch", {"probe": ULID, "reader": "front"})
    bio.wait("bio.identify")
    bio.notify("bio.identified", {"probe": ULID, "outcome": "reject", "hints": []})
    assert control.answer(number)["result"]["outcome"] == "reject"
    bio.ok("bio.state", {"readers": [usb()]})
    for peer in (control, watcher, other, bio):
        peer.close()
    s.alive()


def a_finger_that_is_not_read_is_told_why(s):
    watcher, bio = s.control(), s.bio()
    watcher.ok("lane.watch")
    for hints, reason in ((["few-minutiae", "too-dry", "no-such-hint"], "too-dry"),
                          (["lift-and-press-again", "too-wet"], "lift-and-press-again")):
        bio.notify("bio.touch", {"probe": ULID, "reader": "front"})
        bio.wait("bio.identify")
        bio.notify("bio.identified", {"probe": ULID, "outcome": "retry", "hints": hints})
        shown = told(watcher, lambda c: c["row"] == "not-read")
        assert shown["reason"] == reason, shown
    for hints in WRONG_TYPES + [[[]], [5], [{"a": 1}], ["x" * 5000] * 9]:
        bio.ok("bio.identified", {"probe": ULID, "outcome": "retry", "hints": hints})
    watcher.close()
    bio.close()
    s.alive()
    idle(s)


def enrolled(control, bio, member="2001", idle_lane=True):
    """The subject of a member; a finger of the enrolment is not the checkout's."""
    control.ok("members.add", {"member": lablib.member(member)})
    number = control.request("enrol.begin", {"member": member, "consent": CONSENT})
    begun = bio.wait("enrol.begin")
    bio.reply(begun, {})
    session = control.answer(number)["result"]["session"]
    bio.ok("bio.state", {"readers": [usb(state="capturing")]})
    assert control.ok("lane.status")["checkout"]["row"] != "scanning"
    bio.ok("bio.state", {"readers": [usb()]})
    number = control.request("enrol.commit", {"session": session})
    bio.reply(bio.wait("enrol.commit"), {"references": 2})
    control.answer(number)
    bio.ok("bio.state", {"readers": [usb(state="capturing")]})
    shown = control.ok("lane.status")["checkout"]
    assert (shown["row"] == "scanning") == idle_lane, shown  # else the end of a sale is shown
    bio.ok("bio.state", {"readers": [usb()]})
    return begun["params"]["subject"]


def a_finger_that_lay_there_before_pays_nothing(s):
    adapter, bio, control = s.adapter(), s.bio(), s.control()
    watcher = s.control()
    watcher.ok("lane.watch")
    subject = enrolled(control, bio)
    adapter.ok("pos.basket", basket(ticket="TL", final=True))
    bio.notify("bio.touch", {"probe": ULID, "reader": "front", "at_start": True})
    assert bio.wait("bio.identify")["params"]["probe"] == ULID
    bio.notify("bio.identified", {"probe": ULID, "outcome": "accept", "subject": subject})
    told(watcher, lambda c: c["phase"] == "confirming" and c["can_pay"])
    bio.notify("bio.touch", {"probe": ULID2, "reader": "front", "at_start": True})
    shown = told(watcher, lambda c: c["row"] == "not-read")
    assert shown["reason"] == "lift-and-press-again", shown
    assert control.ok("payment.list", {"open": True})["payments"] == []
    bio.notify("bio.touch", {"probe": ULID, "reader": "front"})
    verify = bio.wait("bio.verify")
    assert verify["params"] == {"probe": ULID, "subjects": [subject]}, verify
    bio.reply(verify, {"outcome": "retry", "hints": ["too-wet"]})
    assert told(watcher, lambda c: c["row"] == "not-read"
                and c["reason"] != "lift-and-press-again")["reason"] == "too-wet"
    control.ok("pos.cancel", {"ticket": "TL"})
    for peer in (adapter, bio, control, watcher):
        peer.close()
    s.alive()


def known(peers, ticket):
    """A member at an open basket; the reader is free, and seen to be."""
    adapter, bio, control = peers
    subject = enrolled(control, bio, "2002", idle_lane=False)
    adapter.ok("pos.basket", basket(ticket=ticket))
    bio.notify("bio.touch", {"probe": ULID, "reader": "front"})
    assert bio.wait("bio.identify")["params"]["probe"] == ULID
    bio.ok("bio.identified", {"probe": ULID, "outcome": "accept", "subject": subject})
    assert bio.wait("bio.drop")["params"]["probe"] == ULID
    assert control.ok("lane.status")["checkout"]["member_state"] == "known"
    return subject


def a_finger_that_came_before_the_total_pays_nothing(s):
    adapter, bio, control = s.adapter(), s.bio(), s.control()
    subject = known((adapter, bio, control), "TF")

    def checkout():
        return control.ok("lane.status")["checkout"]
    side = usb(name="side", state="ready")
    bio.ok("bio.state", {"readers": [usb(), side]})
    bio.ok("bio.state", {"readers": [usb(state="capturing"), side]})
    adapter.ok("pos.basket", basket(ticket="TF", rev=2, final=True))
    assert checkout()["phase"] == "confirming"
    bio.ok("bio.touch", {"probe": ULID2, "reader": "front"})
    assert bio.wait("bio.drop")["params"]["probe"] == ULID2  # and no bio.verify
    shown = checkout()
    assert (shown["row"], shown["reason"]) == ("not-read", "lift-and-press-again"), shown
    # Another amount, too; also when the finger has gone before its image is complete.
    bio.ok("bio.state", {"readers": [usb(), side]})
    bio.ok("bio.state", {"readers": [usb(state="capturing"), side]})
    adapter.ok("pos.basket", basket(ticket="TF", rev=3, final=True))
    bio.ok("bio.state", {"readers": [usb(), side]})
    bio.ok("bio.touch", {"probe": ULID, "reader": "front"})
    assert bio.wait("bio.drop")["params"]["probe"] == ULID
    assert checkout()["reason"] == "lift-and-press-again"
    assert control.ok("payment.list", {"open": True})["payments"] == []
    # While one finger rests there from before, one on the other reader is for this amount.
    bio.ok("bio.state", {"readers": [usb(state="capturing"), side]})
    adapter.ok("pos.basket", basket(ticket="TF", rev=4, final=True))
    bio.ok("bio.state", {"readers": [usb(state="capturing"), dict(side, state="capturing")]})
    bio.ok("bio.touch", {"probe": ULID2, "reader": "side"})
    verify = bio.wait("bio.verify")
    assert verify["params"] == {"probe": ULID2, "subjects": [subject]}, verify
    bio.reply(verify, {"outcome": "reject"})
    control.ok("pos.cancel", {"ticket": "TF"})
    for peer in (adapter, bio, control):
        peer.close()
    s.alive()


def a_finger_that_stays_from_before_is_not_shown_as_a_touch(s):
    control, bio = s.control(), s.bio()
    enrolled(control, bio, "2003")
    enrol = control.request("enrol.begin", {"member": "2003", "consent": CONSENT})
    bio.reply(bio.wait("enrol.begin"), {})
    session = control.answer(enrol)["result"]["session"]
    bio.ok("bio.state", {"readers": [usb(state="capturing")]})
    number = control.request("enrol.commit", {"session": session})
    bio.reply(bio.wait("enrol.commit"), {"references": 2})
    control.answer(number)
    for _ in range(2):  # told again after the enrolment, and by a laned-bio that comes back
        bio.ok("bio.state", {"readers": [usb(state="capturing")]})
        assert control.ok("lane.status")["checkout"]["row"] != "scanning"
        bio.close()
        bio = s.place("bio.sock", ("bio.hello", {
            "version": "t", "environment": "test",
            "state": {"readers": [usb(state="capturing")]}}))[0]
    assert control.ok("lane.status")["checkout"]["row"] != "scanning"
    bio.ok("bio.state", {"readers": [usb()]})
    bio.ok("bio.state", {"readers": [usb(state="capturing")]})
    assert control.ok("lane.status")["checkout"]["row"] == "scanning"
    bio.close()
    control.close()
    s.alive()


def a_sensor_fault_has_its_code_and_goes_by_itself(s):
    watcher, bio = s.control(), s.bio(state="faulty")
    watcher.ok("lane.watch")
    for readers, service in (([usb(state="faulty")], "reader-faulty"),
                             ([usb(state="absent")], "reader-absent"),
                             ([usb(state="absent"), usb(name="b", state="faulty")],
                              "reader-faulty"),
                             ([], "no-reader"), ([usb(state="what")], "reader-absent")):
        bio.notify("bio.state", {"readers": readers})
        shown = told(watcher, lambda c: c.get("service") == service)
        assert shown["faults"]["bio_down"] and shown["row"] == "sensor-fault", shown
    bio.notify("bio.state", {"readers": [usb(state="absent"), usb(name="b")]})
    shown = told(watcher, lambda c: "service" not in c)
    assert not shown["faults"]["bio_down"] and shown["row"] == "idle", shown
    bio.close()
    shown = told(watcher, lambda c: c.get("service") == "bio-away")
    assert shown["faults"]["bio_down"], shown
    bio = s.bio()
    assert not told(watcher, lambda c: "service" not in c)["faults"]["bio_down"]
    bio.close()
    watcher.close()
    s.alive()


def a_dirty_glass_is_told_to_the_cashier(s):
    watcher, bio = s.control(), s.bio()
    watcher.ok("lane.watch")
    lines = s.lab.log("laned").count
    before = lines("its glass must be cleaned"), lines("reader front: ready"), lines("clear again")
    for hint, words in (("clean-the-glass", "cashier: clean the glass"),
                        ("finger-rests", "cashier: something lies on the reader")):
        bio.notify("bio.state", {"readers": [usb(hint=hint), usb(name="side")], "hint": hint})
        shown = told(watcher, lambda c: c["cashier"] == [hint])
        assert not shown["faults"]["bio_down"], shown
        text = s.lab.ctl("status", json_out=False).stdout
        assert words in text and "captures, " + hint in text, text
        for state in ("capturing", "ready") * 10:  # told once, however often it is said
            bio.ok("bio.state", {"readers": [usb(hint=hint, state=state), usb(name="side")]})
        bio.notify("bio.state", {"readers": [usb(), usb(name="side")]})
        told(watcher, lambda c: c["cashier"] == [])
        assert "cashier" not in s.lab.ctl("status", json_out=False).stdout
    lines = s.lab.log("laned").count
    after = lines("its glass must be cleaned"), lines("reader front: ready"), lines("clear again")
    assert [b - a for a, b in zip(before, after)] == [1, 1, 2], (before, after)
    # A second reader's comings and goings change no checkout, and are told all the same.
    bio.notify("bio.state", {"readers": [usb(), usb(name="side", state="absent")]})
    told(watcher, lambda c: True)
    bio.close()
    watcher.close()
    s.alive()


DOCTOR = [
    ([usb()], [dict(USB, reader="front")], "ok", ["front is ready", "4500", "1-4.2"]),
    ([usb(hint="clean-the-glass")], [], "warn", ["dirty", "cloth"]),
    ([usb(hint="finger-rests")], [], "warn", ["covered"]),
    ([usb(errors=30, captures=100)], [], "warn", ["works badly", "cable", "hub"]),
    ([usb(errors=30, captures=1000)], [], "ok", ["ready"]),
    ([usb(replugs=9)], [], "warn", ["9 re-plugs", "cable"]),
    ([usb(state="faulty", why="denied")], [], "warn", ["may not be opened", "udevadm"]),
    ([usb(state="faulty", why="busy")], [], "warn", ["another program", "fprintd"]),
    ([usb(state="faulty", why="no-answer")], [], "warn", ["not answering", "unplug"]),
    ([usb(state="faulty", why="what")], [], "warn", ["is faulty", "udevadm", "fprintd", "unplug"]),
    ([usb(state="faulty", driver="zfm", why="denied")], [], "warn", ["group of the device"]),
    ([usb(state="faulty", driver="zfm", why="busy")], [], "warn", ["ModemManager"]),
    ([usb(state="faulty", driver="zfm", why="no-answer")], [], "warn", ["password"]),
    ([usb(state="faulty", driver="file", why="denied")], [], "warn", ["read its folder"]),
    ([usb(state="faulty")], [], "warn", ["udevadm", "fprintd", "unplug"]),
    ([usb(state="absent", model=None, port=None)], [], "warn", ["absent", "lsusb"]),
    ([usb(name="demo", state="absent", driver="file")], [], "warn", ["folder", "present"]),
    ([usb(name="fixed", state="absent", model=None, port=None)],
     [{"driver": "usb", "model": "Other", "port": "1-9", "serial": "ZZ"}], "warn",
     ["wants port 1-4.2 and serial number AB12", "attached is Other at 1-9, serial number ZZ"]),
    ([usb(name="fixed", state="absent", model=None, port=None)],
     [{"driver": "usb", "model": "Other", "port": "1-9", "reader": "front"}], "warn",
     ["plug it in", "wants port 1-4.2 and serial number AB12"]),
    ([usb(name="line", state="absent", driver="zfm", model=None, port=None)], [], "warn",
     ["/dev/ttyACM7"]),
    ([], [], "warn", ["nothing of [reader:demo]", "restart laned-bio"]),
]


def the_doctor_knows_what_ails_a_reader(s):
    s.lab.stop()
    kept = dict(s.lab.settings)
    s.lab.settings.update({
        "reader:fixed": {"driver": "usb", "port": "1-4.2", "serial": "AB12"},
        "reader:line": {"driver": "zfm", "device": "/dev/ttyACM7"}})
    s.lab.write_conf()
    s.lab.start("laned")
    control, bio = s.control(), s.bio()

    def ask(status):
        number = control.request("lane.doctor")
        bio.reply(bio.wait("bio.status"), status)
        checks = control.answer(number)["result"]["checks"]
        return [c for c in checks if c["name"] == "readers"]
    for readers, attached, state, words in DOCTOR:
        check = ask({"readers": readers, "attached": attached})[0]
        assert check["state"] == state, (readers, check)
        assert ("advice" in check) == (state != "ok"), check
        text = check["text"] + " -> " + check.get("advice", "")
        for word in words:
            assert word in text, (word, text)
    unused = ask({"readers": [usb()], "attached": [
        {"driver": "usb", "model": "U.are.U 4000", "port": "1-7"},
        {"driver": "zfm", "port": "/dev/ttyACM0"}]})[-2:]
    assert "1-7 is attached and not used" in unused[0]["text"], unused
    assert "driver = usb and port = 1-7" in unused[0]["advice"], unused
    assert "driver = zfm and device = /dev/ttyACM0" in unused[1]["advice"], unused
    for value in WRONG_TYPES + ["../x", "a b", "x" * 63]:
        wild = {"name": value, "driver": value, "state": value, "why": value, "hint": value,
                "model": value, "port": value, "serial": value, "captures": value,
                "errors": value, "resets": value, "replugs": value, "reader": value}
        for state in (value, "absent", "faulty", "ready"):
            bio.ok("bio.state", {"readers": [dict(wild, state=state)] * 4, "hint": value})
            assert ask({"readers": [dict(wild, state=state)], "attached": [wild, value]})
        assert ask({"readers": value, "attached": value})
    number = control.request("lane.doctor")
    bio.refuse(bio.wait("bio.status"), NO_METHOD, "no")
    checks = control.answer(number)["result"]["checks"]
    assert [c["state"] for c in checks if c["name"] == "readers"] == ["warn"], checks
    control.close()
    bio.close()
    s.alive()
    s.lab.settings = kept
    s.lab.write_conf()
    s.restart()


# Those that want an idle lane come before those that open a checkout.
TESTS = [
    readers_are_asked_of_laned_bio, a_finger_is_told_at_once,
    a_sensor_fault_has_its_code_and_goes_by_itself, a_dirty_glass_is_told_to_the_cashier,
    a_finger_that_stays_from_before_is_not_shown_as_a_touch,
    a_finger_that_lay_there_before_pays_nothing,
    a_finger_that_came_before_the_total_pays_nothing, a_finger_that_is_not_read_is_told_why,
    the_doctor_knows_what_ails_a_reader,
]


if __name__ == "__main__":
    lane_protocol.run_all(TESTS)
