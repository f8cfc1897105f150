#!/usr/bin/python3
"""What goes wrong with a reader on the bus, one fault after the other on a live bus of models: it
captures again by itself, and its counters and its state tell what happened."""
import sys
import time

from usb_reader import MSV2, U4500, check, client, plug, run

LONG_S = 30.0

# What is armed before the plug, with a finger on the glass; then how many errors and resets, whether
# a failed attempt is told, and for which model when not for both.
FAULTS = [
    ("stall-control", 1, 0, False, None),
    ("stall-control@4e 1 1", 1, 0, False, None),  # the mode for the image
    ("stall-control@4e 2 1", 2, 0, True, None),
    ("stall-control@4e 8 1", 8, 1, True, None),
    ("short-register", 1, 0, False, None),
    ("short-register@34", 1, 0, True, None),  # the key
    ("empty-register", 1, 0, False, None),
    ("long-register", 1, 0, False, None),
    ("stall-image", 1, 1, False, None),
    ("empty-image", 1, 0, False, None),
    ("short-image", 1, 0, False, None),
    ("long-image", 1, 0, False, None),
    ("no-image", 1, 0, False, None),
    ("headerless-image", 0, 0, False, None),
    ("lying-rows", 1, 0, False, None),
    ("lying-blocks", 1, 0, False, None),
    ("clear-image", 0, 0, False, None),
    ("new-key", 0, 0, False, None),
    ("wrong-key", 1, 0, False, None),
    ("stall-message", 1, 1, False, None),
    ("stall-message 1 1", 1, 1, False, None),
    ("late-message 1 3", 0, 0, False, U4500),
    ("lost-message", 0, 0, False, U4500),  # it says thrice that it has power
    ("lost-message 1 1", 0, 0, False, U4500),
    ("lost-message 1 1", 1, 0, False, MSV2),  # it says once that it has power
    ("double-message 9", 0, 0, False, None),
    ("long-message", 1, 0, False, None),
    ("short-message", 0, 0, False, U4500),
    ("short-message", 1, 0, False, MSV2),
    ("no-power", 1, 0, False, None),
    ("no-power 3", 3, 1, False, None),
    ("refuse-answer", 0, 0, False, MSV2),
    ("wrong-state", 0, 0, False, None),
    ("stale-message", 0, 0, False, None),
    ("noise-message", 0, 0, False, None),
]


def captured_again(c):
    """Until an image comes: whether a failed attempt and a faulty state were told before."""
    failed = faulty = False
    while True:
        told = c.wait("sample front", "failed front", "state front faulty")
        failed = failed or told[0] == "failed"
        faulty = faulty or told[0] == "state"
        if told[0] == "sample":
            return failed, faulty, told


def one_fault(c, fault, device):
    """The fault strikes, and the same finger gives its image all the same."""
    b = c.bench
    before, hits = c.show(), b.stats()["faults"]
    c.forget()
    b.cmd(f"fault 1-1 {fault}")
    b.cmd("finger 1-1 card")
    begun = time.monotonic()
    plug(c, device)
    failed, faulty, sample = captured_again(c)
    took = time.monotonic() - begun
    b.cmd("lift 1-1")
    c.wait("lifted front")
    c.wait("state front ready")
    after, struck = c.show(), b.stats()["faults"] - hits
    b.cmd("fault 1-1 none")
    b.cmd("unplug 1-1")
    c.wait("state front absent")
    more = {k: after[k] - before[k] for k in ("errors", "resets")}
    print(f"{fault} ({device}): {took:.2f} s, struck {struck}, {more}"
          f"{', failed' if failed else ''}{', faulty' if faulty else ''}")
    check(struck > 0, fault, "never struck")
    return more, failed, faulty, sample[4]


def every_fault():
    """Each fault of the model, with both kinds of readers."""
    with client() as c:
        c.cmd("open front")
        sums = {}
        for fault, errors, resets, fails, only in FAULTS:
            for device in (U4500, MSV2) if only is None else (only,):
                more, failed, faulty, pixels = one_fault(c, fault, device)
                check(more["resets"] == resets and faulty == (resets > 0), fault, device, more)
                check(more["errors"] == errors and failed == fails, fault, device, more, failed)
                # These lose other pixels than the rest, or none.
                if fault not in ("headerless-image", "clear-image", "new-key"):
                    check(sums.setdefault(device, pixels) == pixels, fault, device,
                          "gave another picture")


def a_presentation_without_an_image():
    """Three bad images are told once; the next touch works. Five such touches reset the reader."""
    with client() as c:
        b = c.bench
        c.cmd("open front")
        plug(c)
        c.wait("state front ready")
        b.cmd("fault 1-1 short-image 3")
        b.cmd("finger 1-1 card")
        c.wait("failed front")
        b.cmd("lift 1-1")
        c.wait("lifted front")
        b.cmd("finger 1-1 card")
        check(c.wait("sample front", "failed front")[0] == "sample", "no image after the failure")
        b.cmd("lift 1-1")
        c.wait("lifted front")
        b.cmd("fault 1-1 empty-image 15")
        for n in range(5):
            c.forget()
            b.cmd("finger 1-1 card")
            c.wait("failed front")
            b.cmd("lift 1-1")
            c.wait("lifted front" if n < 4 else "state front faulty")
        c.wait("state front ready")
        check(c.show()["resets"] == 1 and c.show()["errors"] == 18, c.show())
        b.cmd("finger 1-1 card")
        c.wait("sample front")


def silence():
    """A reader that answers nothing any more is said to be faulty and reset again and again; pulled
    and plugged in again it works at once."""
    with client() as c:
        b = c.bench
        c.cmd("open front")
        b.cmd("fault 1-1 silent 1 4")
        plug(c)
        told = c.wait("state front faulty", limit_s=LONG_S)
        check(told[3] == "no-answer" and c.show()["id"] == U4500, told, c.show())
        b.wait("hit 1-1 silent")
        b.wait("opened 1-1")  # again
        check(c.show()["resets"] >= 1, c.show())
        b.cmd("unplug 1-1")
        c.wait("state front absent")
        b.cmd("finger 1-1 card")
        plug(c)
        c.wait("sample front")
        check(c.show()["replugs"] == 1 and c.show()["why"] == "-", c.show())


if __name__ == "__main__":
    sys.exit(run([t for t in (every_fault, a_presentation_without_an_image, silence)
                  if len(sys.argv) == 1 or t.__name__ in sys.argv[1:]]))
