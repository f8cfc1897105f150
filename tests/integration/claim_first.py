#!/usr/bin/python3
"""The profiles in which the claim comes first: laned-bio keeps the sensor dark but for a claim or an
enrolment with a release on file, compares one to one, and goes dark by itself; the whole lane sells
so; a configuration looser than its profile is refused."""
import os
import signal
import subprocess
import sys
import time

SRC = os.environ.get("SRCDIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path[:0] = [os.path.join(SRC, "tests", "demo"), os.path.join(SRC, "tests", "integration")]
import bio_protocol as bio  # noqa: E402
import lab as lablib  # noqa: E402

BUILD = os.environ.get("LANED_BUILD", os.path.join(SRC, "build"))
PATIENCE_S = 20.0
CONFIG = 78
LONG_MS = 60000


class Strict(bio.Bio):
    """laned-bio of a claim-first lane, with this program as laned."""

    def start(self):
        self.lab.settings["privacy"] = {"profile": "us_strict", "sensor_max": "120s"}
        self.lab.write_conf()
        return super().start()

    def lit(self):
        status = self.laned.ok("bio.status")
        assert status["claim_first"] is True, status
        return status["lit"]

    def captures(self):
        return self.laned.ok("bio.status")["readers"][0]["captures"]

    def arm(self, subjects, timeout_ms=LONG_MS):
        self.laned.notes = []
        self.laned.ok("bio.arm", {"subjects": subjects, "timeout_ms": timeout_ms})
        assert self.lit()

    def until_dark(self):
        while self.laned.note("bio.state")["lit"]:
            pass
        assert not self.lit()

    def verify(self, probe, subject):
        return self.laned.ok("bio.verify", {"probe": probe, "subjects": [subject]})["outcome"]

    def sees_nothing(self):
        before = self.captures()
        assert "dark" in self.laned.fails(bio.REFUSED, "bio.present", {"file": "1_1.pgm"})
        assert self.captures() == before


def it_starts_dark_and_takes_no_frame(b):
    assert not b.lit()
    b.sees_nothing()
    assert b.captures() == 0


def params_of_arm_are_checked(b):
    for subjects in (None, [], "x", ["x"], [bio.SUBJECT] * 17, [1]):
        b.laned.fails(bio.PARAMS, "bio.arm", {"subjects": subjects, "timeout_ms": 1000})
    for timeout in (None, 0, -1, 600001, "1"):
        b.laned.fails(bio.PARAMS, "bio.arm", {"subjects": [bio.SUBJECT], "timeout_ms": timeout})
    assert not b.lit()


def nobody_without_a_release_lights_it(b):
    message = b.laned.fails(bio.REFUSED, "bio.arm",
                            {"subjects": [bio.SUBJECT], "timeout_ms": LONG_MS})
    assert "release" in message, message
    b.sees_nothing()


def an_enrolment_lights_it_from_the_release_to_its_end(b):
    consent = dict(bio.CONSENT)
    wrong = dict(consent, purposes=["discounts"])
    begin = {"session": bio.SESSION, "subject": bio.SUBJECT}
    b.laned.fails(bio.PARAMS, "enrol.begin", begin)
    b.laned.fails(bio.PARAMS, "enrol.begin", dict(begin, consent=wrong))
    assert not b.lit()
    b.laned.ok("enrol.begin", dict(begin, consent=consent))
    assert b.lit()
    b.laned.fails(bio.REFUSED, "bio.arm", {"subjects": [bio.SUBJECT], "timeout_ms": 1000})
    b.laned.ok("enrol.cancel", {"session": bio.SESSION})
    assert not b.lit()
    b.sees_nothing()
    b.enrol(bio.SUBJECT, (1, 2))
    assert b.lit()
    b.laned.ok("enrol.commit", {"session": bio.SESSION})
    assert not b.lit()
    b.sees_nothing()


def a_claim_is_compared_with_and_nobody_else(b):
    b.arm([bio.SUBJECT])
    probe, other = b.touch("1_4.pgm"), b.touch("3_1.pgm")
    subjects = {"probe": probe, "subjects": [bio.SUBJECT]}
    b.laned.fails(bio.REFUSED, "bio.identify", {"probe": probe})
    b.laned.fails(bio.REFUSED, "bio.decide", subjects)
    for others in ([bio.OTHER], [bio.SUBJECT, bio.OTHER]):
        b.laned.fails(bio.REFUSED, "bio.verify", {"probe": probe, "subjects": others})
    assert b.verify(other, bio.SUBJECT) == "reject"
    assert b.verify(probe, bio.SUBJECT) == "accept"
    b.laned.ok("bio.disarm")
    assert not b.lit()
    b.sees_nothing()
    b.laned.fails(bio.NOT_FOUND, "bio.verify", subjects)  # it went with the claim


def the_next_claim_finds_no_probe_of_the_last(b):
    b.arm([bio.SUBJECT])
    probe = b.touch("1_4.pgm")
    b.arm([bio.SUBJECT])
    b.laned.fails(bio.NOT_FOUND, "bio.verify", {"probe": probe, "subjects": [bio.SUBJECT]})
    b.laned.fails(bio.REFUSED, "bio.arm", {"subjects": [bio.OTHER], "timeout_ms": LONG_MS})
    assert not b.lit()  # nor does the claim before it stand


def time_puts_it_out_and_a_touch_in_time_counts(b):
    answer = {"error": "not yet"}
    for timeout_ms in (1000, 4000, 16000):  # how slow this machine is nobody knows
        if "error" not in answer:
            break
        b.laned.notes = []
        b.laned.ok("bio.arm", {"subjects": [bio.SUBJECT], "timeout_ms": timeout_ms})
        answer = b.laned.ask("bio.present", {"file": "1_4.pgm"})
    assert "error" not in answer, answer
    probe = b.laned.note("bio.touch")["probe"]
    b.until_dark()
    b.sees_nothing()
    assert b.verify(probe, bio.SUBJECT) == "accept"


def a_lost_laned_puts_it_out(b):
    b.arm([bio.SUBJECT])
    probe = b.touch("1_4.pgm")
    b.laned.hang_up()
    assert b.laned.accept()["state"]["lit"] is False
    b.sees_nothing()
    b.laned.fails(bio.NOT_FOUND, "bio.verify", {"probe": probe, "subjects": [bio.SUBJECT]})


def the_lane_s_own_limit_holds_whatever_laned_says(b):
    b.lab.stop()
    real, b.lab.write_conf = b.lab.write_conf, lambda: None
    b.lab.settings["privacy"]["sensor_max"] = "1s"
    real()
    bio.Bio.start(b)
    b.lab.write_conf = real
    b.laned.notes = []
    b.laned.ok("bio.arm", {"subjects": [bio.SUBJECT], "timeout_ms": 600000})
    b.until_dark()
    b.restart()


def who_is_erased_lights_nothing(b):
    b.arm([bio.SUBJECT])
    b.laned.ok("bio.erase", {"subject": bio.SUBJECT})
    assert not b.lit()
    b.laned.fails(bio.REFUSED, "bio.arm", {"subjects": [bio.SUBJECT], "timeout_ms": LONG_MS})


def a_release_that_is_over_lights_nothing(b):
    consent = dict(bio.CONSENT, time="2020-01-01T00:00:00Z", retention_days=30)
    b.laned.ok("enrol.begin", {"session": bio.SESSION, "subject": bio.OTHER, "consent": consent})
    for finger in (1, 2):
        for impression in (1, 2, 3):
            b.laned.notes = []
            b.laned.ok("bio.present", {"file": "%d_%d.pgm" % (finger, impression)})
            b.laned.note("enrol.progress")
    b.laned.ok("enrol.commit", {"session": bio.SESSION})
    b.laned.fails(bio.REFUSED, "bio.arm", {"subjects": [bio.OTHER], "timeout_ms": LONG_MS})


def looser_than_the_profile_is_an_error(b):
    b.lab.stop()
    for profile, key, value, most in (("us_strict", "sensor", "always", "claim"),
                                      ("us_tx", "sensor_max", "3min", "2min"),
                                      ("eu", "sensor_max", "61s", "60s")):
        b.lab.settings["privacy"] = {"profile": profile, key: value}
        b.lab.write_conf()
        for program, arguments in (("laned", ["-t"]), ("laned-bio", ["-t"]),
                                   ("lanectl", ["config", "check"])):
            done = subprocess.run([os.path.join(BUILD, program), "--conf",
                                   b.lab.path("laned.conf")] + arguments, capture_output=True,
                                  text=True, timeout=60, check=False)
            assert done.returncode == CONFIG, (program, profile, done)
            for words in ("laned.conf:", "[privacy] " + key, profile, most):
                assert words in done.stderr + done.stdout, (words, done)


BIO_TESTS = [it_starts_dark_and_takes_no_frame, params_of_arm_are_checked,
             nobody_without_a_release_lights_it,
             an_enrolment_lights_it_from_the_release_to_its_end,
             a_claim_is_compared_with_and_nobody_else,
             the_next_claim_finds_no_probe_of_the_last,
             time_puts_it_out_and_a_touch_in_time_counts, a_lost_laned_puts_it_out,
             the_lane_s_own_limit_holds_whatever_laned_says, who_is_erased_lights_nothing,
             a_release_that_is_over_lights_nothing,
             looser_than_the_profile_is_an_error]


# ---- the whole lane

class Lane:
    profile = "us_tx"

    def __init__(self):
        self.lab = lablib.Lab(BUILD, {"privacy": {"profile": self.profile}})
        self.lab.synth_fingers(3, 4, difficulty=30)
        self.lab.start_all()
        self.rpc = self.lab.control()
        self.rpc.call("lane.watch")
        self.ticket = 0

    def state(self):
        return self.rpc.call("lane.status")["bio"]["state"]

    def until(self, condition):
        """The next checkout told to a watcher that fits."""
        return self.rpc.wait_note(lambda n: n["method"] == "lane.changed"
                                  and condition(n["params"]), PATIENCE_S)["params"]

    def until_lit(self, lit):
        end = time.monotonic() + PATIENCE_S
        while self.state()["lit"] is not lit:
            assert time.monotonic() < end, self.state()

    def total(self, amount):
        self.ticket += 1
        line = {"line": 1, "gtin": "4000", "text": "thing", "qty_milli": 1000,
                "unit_price": amount, "amount": amount}
        self.rpc.call("pos.basket", ticket="T%d" % self.ticket, rev=1, currency="EUR",
                      lines=[line], final=True)

    def claim(self, number):
        self.rpc.call("pos.claim", kind="card", value="C" + number)

    def finger(self, finger, impression):
        return self.rpc.receive(self.lab.present(self.rpc, self.lab.image(finger, impression)))

    def dark_to(self, finger, impression):
        try:
            self.finger(finger, impression)
        except RuntimeError as e:
            assert "dark" in str(e), e
            return
        raise AssertionError("the sensor has seen a finger")


def an_idle_lane_asks_for_the_claim(lane):
    shown = lane.rpc.call("lane.status")["checkout"]
    assert shown["row"] == "idle-claim" and shown["claim_first"] and not shown["sensor_on"], shown
    assert lane.state()["lit"] is False
    lane.dark_to(1, 1)
    try:
        lane.rpc.call("bio.identify")
        raise AssertionError("one to many was not refused")
    except RuntimeError as e:
        assert "claim" in str(e), e


def members_enrol_as_ever(lane):
    lane.lab.add_members([lablib.member("1001"), lablib.member("1002")])
    lane.lab.enrol("1001", [lane.lab.image(f, i) for f in (1, 2) for i in (1, 2, 3)])
    lane.until_lit(False)


def without_a_claim_no_finger_is_seen(lane):
    lane.total(1000)
    lane.until(lambda c: c["row"] == "total" and c["ticket"] == "T%d" % lane.ticket)
    lane.dark_to(1, 4)


def after_the_claim_the_finger_pays(lane):
    lane.claim("1001")
    shown = lane.until(lambda c: c["row"] == "confirm")
    assert shown["sensor_on"], shown
    lane.until_lit(True)
    lane.finger(3, 1)
    lane.until(lambda c: c["row"] == "other-finger")
    lane.finger(1, 4)
    shown = lane.until(lambda c: c["row"] == "authorising")
    assert not shown["sensor_on"], shown
    lane.until_lit(False)
    lane.dark_to(1, 4)


def who_never_signed_buys_without_a_finger(lane):
    lane.total(500)
    lane.claim("1002")
    shown = lane.until(lambda c: c["ticket"] == "T%d" % lane.ticket
                       and c["member_state"] == "known")
    assert shown["row"] == "total" and not shown["sensor_on"], shown
    lane.dark_to(1, 4)


def the_sensor_is_lit_again_after_laned_was_killed(lane):
    lane.total(700)
    lane.claim("1001")
    lane.until(lambda c: c["row"] == "confirm" and c["ticket"] == "T%d" % lane.ticket)
    lane.until_lit(True)
    lane.rpc.close()
    lane.lab.kill("laned")
    lane.lab.start("laned")
    lane.lab.wait_ready()
    lane.rpc = lane.lab.control()
    lane.rpc.call("lane.watch")
    lane.until(lambda c: c["row"] == "confirm" and c["sensor_on"])
    lane.until_lit(True)
    lane.rpc.call("pos.cancel", ticket="T%d" % lane.ticket)
    lane.until_lit(False)


LANE_TESTS = [an_idle_lane_asks_for_the_claim, members_enrol_as_ever,
              without_a_claim_no_finger_is_seen, after_the_claim_the_finger_pays,
              who_never_signed_buys_without_a_finger,
              the_sensor_is_lit_again_after_laned_was_killed]


def run(subject, tests):
    try:
        for test in tests:  # each goes on where the one before it ended
            test(subject)
            print("ok   %s" % test.__name__, flush=True)
        subject.lab.stop()
        for name in os.listdir(subject.lab.path("log")):
            log = subject.lab.log(name)
            assert "ERROR: " not in log and "runtime error" not in log, log[-6000:]
    except Exception:
        for name in os.listdir(subject.lab.path("log")):
            print("---- %s\n%s" % (name, subject.lab.log(name)[-3000:]))
        raise
    finally:
        subject.lab.remove()


def main():
    run(Strict(), BIO_TESTS)
    run(Lane(), LANE_TESTS)
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, bio.stop)
    signal.signal(signal.SIGALRM, bio.stop)
    signal.alarm(400)  # a limit for a hang
    sys.exit(main())
