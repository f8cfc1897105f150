#!/usr/bin/python3
"""laned-bio with a live model of a U.are.U reader, and this program as laned: what a presentation is
when a real driver gives the frames in the times of a real device."""
import os
import signal
import sys
import time

SRC = os.environ.get("SRCDIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path[:0] = [os.path.join(SRC, "tests", "demo"), os.path.join(SRC, "tests", "usb"),
                os.path.join(SRC, "tests", "integration")]
import bio_protocol  # noqa: E402
import lab as lablib  # noqa: E402
import readerbench  # noqa: E402

BUILD = os.environ.get("LANED_BUILD", os.path.join(SRC, "build"))
BENCH = os.path.join(BUILD, "usb", "reader-live")
SYNC = "bio.status"  # its answer comes after all that was told before


class Live:
    def __init__(self):
        self.lab = lablib.Lab(BUILD)
        self.lab.settings["reader:demo"] = {"driver": "usb"}
        self.lab.write_conf()
        with open(self.lab.path("flat.pgm"), "wb") as f:
            f.write(bio_protocol.flat(120, 384, 290))
        self.laned = bio_protocol.Laned(self.lab.path("run", "bio.sock"))
        with open(self.lab.path("log", "laned-bio"), "ab") as log:
            self.bench = readerbench.Bench(
                [BENCH], [os.path.join(BUILD, "laned-bio"), "--conf", self.lab.path("laned.conf")],
                stdout=log, stderr=log)
        self.laned.accept()

    def state(self, fits):
        """The first bio.state that fits; what was told before it is done with."""
        while True:
            state = self.laned.note("bio.state")
            if fits(state, state["readers"][0]):
                return state

    def is_ready(self):
        self.state(lambda s, r: r["state"] == "ready")

    def touches(self):
        """Those told up to now."""
        self.laned.ok(SYNC)
        found = [m["params"] for m in self.laned.notes if m.get("method") == "bio.touch"]
        self.laned.notes = [m for m in self.laned.notes if m.get("method") != "bio.touch"]
        return found

    def identified(self, touch):
        self.laned.notify("bio.identify", {"probe": touch["probe"]})
        answer = self.laned.note("bio.identified")
        assert answer["probe"] == touch["probe"], answer
        return answer

    def lay(self, finger):
        """A finger on the glass; the events of those before it are forgotten."""
        self.bench.cmd("stats 1-1")
        self.bench.events.clear()
        self.bench.cmd("finger 1-1 " + finger)

    def lift(self):
        self.bench.cmd("lift 1-1")
        self.state(lambda s, r: r["state"] == "ready")


def a_finger_there_when_the_reader_comes_is_marked(live):
    live.bench.cmd("finger 1-1 synth 1 1")
    live.bench.cmd("plug")
    touch = live.laned.note("bio.touch")
    assert touch.get("at_start") is True, touch
    assert live.identified(touch)["outcome"] == "reject"  # it was read; nobody is enrolled
    live.lift()
    assert live.touches() == []


def a_finger_is_one_touch(live):
    since = time.monotonic()
    live.bench.cmd("finger 1-1 synth 1 1")
    live.state(lambda s, r: r["state"] == "capturing")
    touch = live.laned.note("bio.touch")
    print("finger to touch: %.0f ms" % (1000 * (time.monotonic() - since)))
    assert "at_start" not in touch, touch
    assert live.identified(touch)["outcome"] == "reject"
    live.lift()
    assert live.touches() == []


def a_glove_is_told_what_it_is(live):
    before = live.laned.ok(SYNC)["readers"][0]["captures"]
    live.bench.cmd("finger 1-1 " + live.lab.path("flat.pgm"))
    touch = live.laned.note("bio.touch")
    answer = live.identified(touch)
    assert answer["outcome"] == "retry", answer
    assert {"blank", "lift-and-press-again", "glove"} <= set(answer["hints"]), answer
    frames = live.laned.ok(SYNC)["readers"][0]["captures"] - before
    assert 1 <= frames <= 8, frames
    print("frames looked at: %d" % frames)
    live.lift()
    assert live.touches() == []


def a_finger_that_stays_while_the_reader_is_reset_is_no_other(live):
    live.lay("synth 2 1")
    live.laned.note("bio.touch")
    live.bench.wait("resting 1-1")
    live.bench.cmd("fault 1-1 stall-message")
    live.bench.cmd("lift 1-1")  # makes the message that stalls
    live.bench.cmd("finger 1-1 synth 2 1")
    live.state(lambda s, r: r["state"] == "faulty")
    state = live.state(lambda s, r: s.get("hint") == "finger-rests")
    assert state["readers"][0]["state"] == "capturing", state
    assert state["readers"][0]["resets"] >= 1, state
    live.lift()
    assert live.touches() == []
    live.bench.cmd("finger 1-1 synth 2 2")  # and now it is one
    touch = live.laned.note("bio.touch")
    assert "at_start" not in touch, touch
    live.lift()


def stays_while(live, what):
    """The driver starts the reader again under a finger that nobody lifted."""
    live.lay("synth 2 1")
    assert "at_start" not in live.laned.note("bio.touch"), what
    live.bench.wait("resting 1-1")
    live.bench.cmd(what)
    live.state(lambda s, r: s.get("hint") == "finger-rests")
    live.lift()
    assert live.touches() == [], what


def nor_one_that_stays_while_the_driver_starts_over(live):
    stays_while(live, "suspend 1-1 killed")
    stays_while(live, "suspend 1-1")


def one_that_stays_while_the_cable_is_pulled_neither(live):
    live.lay("synth 2 1")
    live.laned.note("bio.touch")
    live.bench.wait("resting 1-1")
    live.bench.cmd("unplug 1-1")
    live.state(lambda s, r: r["state"] == "absent" and "model" not in r)
    live.bench.cmd("plug")
    state = live.state(lambda s, r: s.get("hint") == "finger-rests")
    assert state["readers"][0]["replugs"] >= 1, state
    live.lift()
    assert live.touches() == []
    live.bench.cmd("unplug 1-1")
    live.state(lambda s, r: r["state"] == "absent")


TESTS = [a_finger_there_when_the_reader_comes_is_marked, a_finger_is_one_touch,
         a_glove_is_told_what_it_is, a_finger_that_stays_while_the_reader_is_reset_is_no_other,
         nor_one_that_stays_while_the_driver_starts_over,
         one_that_stays_while_the_cable_is_pulled_neither]


def main():
    if not os.path.exists(BENCH):
        print("skipped: %s is missing (no libumockdev)" % BENCH)
        return 77
    live = Live()
    return bio_protocol.run_all(TESTS, live, live.bench.close)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, bio_protocol.stop)
    signal.signal(signal.SIGALRM, bio_protocol.stop)
    signal.alarm(300)  # a limit for a hang
    sys.exit(main())
