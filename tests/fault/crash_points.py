#!/usr/bin/python3
"""Kills each of the three processes at its n-th journal write, send or callback, for n over all of
them (FAULT_FULL=1) or over an even sample, in the middle of a checkout. The others must live, the
checkout must end, and the POS's ledger must show one charge or none, as the journal says."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import faultlab  # noqa: E402

SAMPLE = int(os.environ.get("FAULT_SAMPLE", "9"))  # points of each program in the short run


def drive(lab, on_step):
    faultlab.check(lab, faultlab.checkout(lab, on_step))


def main():
    template = faultlab.Template()
    try:
        return faultlab.Points(template, drive).run(
            "%d points in a checkout, killed at %d of them; charged once or not at all, as the "
            "journal says", SAMPLE)
    finally:
        template.remove()


if __name__ == "__main__":
    sys.exit(main())
