#!/usr/bin/python3
"""laned-bio with more references than it has room for: the rest is found by a claim, nobody pays by
touch alone, and status says so; erasing makes room again. This program is laned."""
import os
import shutil
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import bio_policy  # noqa: E402
import bio_protocol  # noqa: E402
from bio_protocol import BUILD, OTHER, SESSION, SUBJECT, lablib  # noqa: E402

ROOM = 2  # a member's fingers


class Bio(bio_policy.Bio):
    def __init__(self):  # pylint: disable=super-init-not-called
        self.lab = lablib.Lab(BUILD, {"bio": {"references_max": ROOM}})
        self.lab.synth_fingers(4, 6, difficulty=50)
        for name in os.listdir(self.lab.path("images")):
            shutil.copy(self.lab.path("images", name), self.lab.path("present", name))
        self.laned = bio_protocol.Laned(self.lab.path("run", "bio.sock"))
        self.start()

    def member(self, subject, fingers):
        self.enrol(subject, fingers)
        self.laned.ok("enrol.commit", {"session": SESSION})

    def wait(self, state, wanted):
        """States are told when they change."""
        while not wanted(state["gallery"]):
            state = self.laned.note("bio.state")
        return state


def with_room_for_all_a_touch_alone_pays(b):
    b.member(SUBJECT, (1, 2))
    g = b.laned.ok("bio.status")["gallery"]
    assert g["references"] == g["stored"] == ROOM and g["searchable"], g
    assert g["limited"] is False and g["bytes"] > ROOM * 1000, g
    answer = b.show("1_4.pgm")
    assert answer["outcome"] == "accept" and answer["pay_by_touch"] is True, answer


def who_enrols_without_room_is_found_by_a_claim(b):
    b.member(OTHER, (3, 4))
    state = b.wait(b.laned.ok("bio.status"), lambda g: g["limited"])
    g = state["gallery"]
    assert g["references"] == ROOM and g["stored"] == ROOM + 2 and not g["searchable"], g
    assert state["pay_by_touch"] is False, state
    probe = b.touch("3_4.pgm")
    answer = b.identified(probe)
    assert answer["outcome"] == "ambiguous", answer  # and a claim is asked for
    for method in ("bio.decide", "bio.verify"):
        answer = b.ask(method, probe, [OTHER])
        assert answer["outcome"] == "accept" and answer["subject"] == OTHER, (method, answer)
        answer = b.ask(method, probe, [SUBJECT])
        assert answer["outcome"] == "reject", (method, answer)
    # Who is in memory is still recognised, and does not pay by that alone.
    answer = b.show("1_5.pgm")
    assert answer["outcome"] == "accept" and answer["pay_by_touch"] is False, answer


def a_restart_changes_nothing(b):
    b.lab.stop()
    b.lab.start("laned-bio")
    g = b.wait(b.laned.accept()["state"], lambda g: g["limited"])["gallery"]
    assert g["references"] == ROOM and g["stored"] == ROOM + 2, g
    assert b.lab.log("laned-bio").count("no room for more than 2 of 4 references") == 2


def what_is_erased_makes_room(b):
    b.laned.ok("bio.erase", {"subject": SUBJECT})
    state = b.wait(b.laned.ok("bio.status"), lambda g: g["searchable"])
    g = state["gallery"]
    assert g["references"] == g["stored"] == ROOM and not g["limited"], g
    assert state["pay_by_touch"] is True, state
    answer = b.show("3_5.pgm")
    assert answer["outcome"] == "accept" and answer["subject"] == OTHER, answer


def who_is_imported_without_room_counts_as_well(b):
    name = b.laned.ok("bio.export", {"subjects": [OTHER]})["file"]
    os.rename(b.lab.path("bio", "transfer", name), b.lab.path("record"))
    b.laned.ok("bio.erase", {"subject": OTHER})
    b.member(SUBJECT, (1, 2))
    os.rename(b.lab.path("record"), b.lab.path("bio", "transfer", "in.fmr"))
    assert b.laned.ok("bio.status")["gallery"]["searchable"]
    answer = b.laned.ok("bio.import", {"subject": OTHER, "consent": bio_protocol.CONSENT,
                                       "file": "in.fmr"})
    assert answer["references"] == 2, answer
    state = b.wait(b.laned.ok("bio.status"), lambda g: g["limited"])
    g = state["gallery"]
    assert g["references"] == ROOM and g["stored"] == ROOM + 2 and not g["searchable"], g
    assert state["pay_by_touch"] is False, state


TESTS = [with_room_for_all_a_touch_alone_pays, who_enrols_without_room_is_found_by_a_claim,
         a_restart_changes_nothing, what_is_erased_makes_room,
         who_is_imported_without_room_counts_as_well]


def main():
    return bio_protocol.run_all(TESTS, Bio())


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, bio_protocol.stop)
    signal.signal(signal.SIGALRM, bio_protocol.stop)
    signal.alarm(300)  # a limit for a hang
    sys.exit(main())
