#!/usr/bin/python3
"""The profile eu: templates are sealed under the store's key and a claim, so that gallery.db with its
key opens nothing; they are opened one person at a time while that claim stands, and nobody is searched
for. With this program as laned first, then through the whole lane."""
import hashlib
import os
import signal
import sqlite3
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import claim_first  # noqa: E402
from claim_first import LONG_MS, bio, lablib  # noqa: E402

CARD, PHONE, OTHER_CARD = ("%02x" % n * 32 for n in (17, 34, 51))


class Eu(claim_first.Strict):
    profile = "eu"

    def start(self):
        self.lab.settings["privacy"] = {"profile": self.profile}
        self.lab.write_conf()
        return bio.Bio.start(self)

    def begin(self, **members):
        return dict({"session": bio.SESSION, "subject": bio.SUBJECT, "consent": bio.CONSENT},
                    **members)

    def enrol_claimed(self, fingers, *claims, **members):
        self.laned.ok("enrol.begin", self.begin(claims=list(claims), **members))
        for finger in fingers:
            for impression in (1, 2, 3):
                self.laned.ok("bio.present", {"file": "%d_%d.pgm" % (finger, impression)})
                progress = self.laned.note("enrol.progress")
        assert progress["outcome"] == "complete", progress

    def arm_by(self, claim, subject=bio.SUBJECT, timeout_ms=LONG_MS):
        return {"subjects": [subject], "timeout_ms": timeout_ms, "claim": claim}

    def lights(self, claim):
        self.laned.notes = []
        self.laned.ok("bio.arm", self.arm_by(claim))
        assert self.lit()

    def stays_dark(self, words, **params):
        message = self.laned.ask("bio.arm", dict(self.arm_by(CARD), **params))
        assert words in message["error"]["message"], message
        assert not self.lit()
        self.sees_nothing()

    def in_memory(self):
        gallery = self.laned.ok("bio.status")["gallery"]
        assert gallery["searchable"] is True and gallery["damaged"] == 0, gallery
        return gallery["references"]

    def sql(self, text):
        db = sqlite3.connect(self.lab.path("bio", "gallery.db"))
        with db:
            rows = db.execute(text).fetchall()
        db.close()
        return rows


def nobody_is_enrolled_without_a_claim(b):
    for claims in (None, [], "x", ["x"], [1], [CARD[:-2]], [CARD] * 5):
        message = b.laned.fails(bio.PARAMS, "enrol.begin", b.begin(claims=claims))
        assert "claims" in message, message
    assert not b.lit()
    b.enrol_claimed((1, 2), CARD, PHONE)
    assert b.laned.ok("enrol.commit", {"session": bio.SESSION}) == {"references": 2}
    assert b.in_memory() == 0


def either_claim_opens_what_is_stored(b):
    for claim in (CARD, PHONE):
        b.lights(claim)
        assert b.verify(b.touch("3_1.pgm"), bio.SUBJECT) == "reject"
        assert b.verify(b.touch("2_4.pgm"), bio.SUBJECT) == "accept"
        assert b.in_memory() == 0
        b.laned.ok("bio.disarm")
    b.restart()
    b.lights(PHONE)
    assert b.verify(b.touch("1_4.pgm"), bio.SUBJECT) == "accept"
    b.laned.ok("bio.disarm")


def no_other_claim_lights_the_sensor(b):
    b.stays_dark("does not open", claim=OTHER_CARD)
    for claim in (None, "", 7, CARD[1:], CARD + "00", "zz" * 32):
        b.stays_dark("hex digits", claim=claim)
    b.stays_dark("release", subjects=[bio.OTHER])
    # What one claim opened is closed again when another one does not.
    b.lights(CARD)
    probe = b.touch("1_4.pgm")
    b.stays_dark("does not open", claim=OTHER_CARD)
    b.laned.fails(bio.NOT_FOUND, "bio.verify", {"probe": probe, "subjects": [bio.SUBJECT]})


def nobody_is_searched_for(b):
    b.lights(CARD)
    probe = b.touch("1_4.pgm")
    b.laned.fails(bio.REFUSED, "bio.identify", {"probe": probe})
    b.laned.fails(bio.REFUSED, "bio.decide", {"probe": probe, "subjects": [bio.SUBJECT]})
    b.laned.ok("bio.disarm")


def enrolling_again_takes_the_claims_that_stand(b):
    b.enrol_claimed((1, 2), OTHER_CARD)
    message = b.laned.fails(bio.REFUSED, "enrol.commit", {"session": bio.SESSION})
    assert "none of the claims opens" in message, message
    b.laned.ok("enrol.cancel", {"session": bio.SESSION})
    b.enrol_claimed((1, 2), CARD, OTHER_CARD)  # the phone is gone, another card came
    assert b.laned.ok("enrol.commit", {"session": bio.SESSION}) == {"references": 2}
    b.stays_dark("does not open", claim=PHONE)
    b.lights(OTHER_CARD)
    assert b.verify(b.touch("1_4.pgm"), bio.SUBJECT) == "accept"
    b.laned.ok("bio.disarm")


def the_store_alone_opens_nothing(b):
    b.lab.stop()
    assert b.sql("SELECT hex(substr(wrapped_key, 1, 2)) FROM subjects") == [("0103",)]
    assert b.sql("SELECT hex(substr(wrapped_key, 1, 2)) FROM claim_keys") == [("0103",)] * 2
    b.profile = "us_other"
    state = b.start()  # with the file and its key, and nothing else
    assert state["gallery"]["references"] == 0 and state["gallery"]["damaged"] == 2, state
    assert b.identified(b.touch("1_4.pgm"))["outcome"] in ("reject", "ambiguous")
    b.lab.stop()
    b.profile = "eu"
    b.start()
    b.lights(CARD)
    assert b.verify(b.touch("1_4.pgm"), bio.SUBJECT) == "accept"
    b.laned.ok("bio.disarm")


def who_was_enrolled_under_another_profile_enrols_again(b):
    b.lab.stop()
    b.profile = "us_other"
    b.start()
    b.laned.ok("enrol.begin", b.begin(subject=bio.OTHER))
    for impression in (1, 2, 3):
        b.laned.ok("bio.present", {"file": "3_%d.pgm" % impression})
        b.laned.note("enrol.progress")
    b.laned.ok("enrol.cancel", {"session": bio.SESSION})
    b.lab.settings["bio"] = {"enrol_fingers": 1}
    b.lab.stop()
    b.start()
    b.laned.ok("enrol.begin", b.begin(subject=bio.OTHER))
    for impression in (1, 2, 3):
        b.laned.ok("bio.present", {"file": "3_%d.pgm" % impression})
        b.laned.note("enrol.progress")
    b.laned.ok("enrol.commit", {"session": bio.SESSION})
    b.lab.stop()
    b.profile = "eu"
    b.start()
    b.stays_dark("does not open", subjects=[bio.OTHER])
    b.enrol_claimed((3,), PHONE, subject=bio.OTHER)
    b.laned.ok("enrol.commit", {"session": bio.SESSION})
    b.laned.notes = []
    b.laned.ok("bio.arm", b.arm_by(PHONE, bio.OTHER))
    assert b.verify(b.touch("3_4.pgm"), bio.OTHER) == "accept"
    b.laned.ok("bio.disarm")
    assert {r[0] for r in b.sql("SELECT hex(substr(wrapped_key, 1, 2)) FROM subjects")} == {"0103"}


BIO_TESTS = [nobody_is_enrolled_without_a_claim, either_claim_opens_what_is_stored,
             no_other_claim_lights_the_sensor, nobody_is_searched_for,
             enrolling_again_takes_the_claims_that_stand, the_store_alone_opens_nothing,
             who_was_enrolled_under_another_profile_enrols_again]


# ---- the whole lane

class Lane(claim_first.Lane):
    profile = "eu"

    def confirm_by(self, **claim):
        self.total(900)
        self.rpc.call("pos.claim", **claim)
        self.until(lambda c: c["row"] == "confirm" and c["sensor_on"]
                   and c["ticket"] == "T%d" % self.ticket)
        self.until_lit(True)
        self.finger(1, 4)
        self.until(lambda c: c["row"] == "authorising" and c["ticket"] == "T%d" % self.ticket)
        self.rpc.call("lane.other_tender")
        self.until_lit(False)


def members_enrol_under_their_claims(lane):
    lane.lab.add_members([lablib.member("1001"), lablib.member("1002")])
    lane.lab.enrol("1001", [lane.lab.image(f, i) for f in (1, 2) for i in (1, 2, 3)])
    lane.until_lit(False)
    gallery = lane.state()["gallery"]
    assert gallery["references"] == 0 and gallery["searchable"], gallery


def every_whole_claim_lights_and_pays(lane):
    lane.confirm_by(kind="card", value="C1001")
    lane.confirm_by(kind="card", value="1001")  # the member number
    lane.confirm_by(kind="qr", value="laned:1001")


def the_claim_itself_goes_no_farther_than_laned(lane):
    digest = hashlib.sha256(b"laned claim 1\ncard\nC1001").hexdigest()
    for name in os.listdir(lane.lab.path("log")):
        assert digest not in lane.lab.log(name)
    with open(lane.lab.path("bio", "gallery.db"), "rb") as f:
        data = f.read()
    for secret in (b"C1001", digest.encode(), bytes.fromhex(digest)):
        assert secret not in data, secret


def after_laned_was_killed_the_claim_is_asked_for_again(lane):
    lane.total(700)
    lane.claim("1001")
    lane.until(lambda c: c["row"] == "confirm" and c["ticket"] == "T%d" % lane.ticket)
    lane.rpc.close()
    lane.lab.kill("laned")
    lane.lab.start("laned")
    lane.lab.wait_ready()
    lane.rpc = lane.lab.control()
    lane.rpc.call("lane.watch")
    lane.until(lambda c: c["ticket"] == "T%d" % lane.ticket and not c["sensor_on"]
               and c["row"] == "pay-other")
    lane.until_lit(False)
    lane.claim("1001")
    lane.until(lambda c: c["row"] == "confirm" and c["sensor_on"])
    lane.until_lit(True)
    lane.rpc.call("pos.cancel", ticket="T%d" % lane.ticket)
    lane.until_lit(False)


LANE_TESTS = [members_enrol_under_their_claims, every_whole_claim_lights_and_pays,
              the_claim_itself_goes_no_farther_than_laned,
              after_laned_was_killed_the_claim_is_asked_for_again]


def main():
    claim_first.run(Eu(), BIO_TESTS)
    claim_first.run(Lane(), LANE_TESTS)
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, bio.stop)
    signal.signal(signal.SIGALRM, bio.stop)
    signal.alarm(400)  # a limit for a hang
    sys.exit(main())
