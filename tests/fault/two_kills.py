#!/usr/bin/python3
"""Two processes die at once: one by SIGKILL at its n-th crash point of a checkout, another by kill -9
as soon as that is seen. For an even sample of n and the pairs on the way of a payment, or for every
n and pair with FAULT_FULL=1. The checkout must end, and the POS's ledger must show one charge or
none, as the journal says."""
import itertools
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import crash_points  # noqa: E402
import faultlab  # noqa: E402
from faultlab import lablib  # noqa: E402

# Who dies at a point, and who with it; how many points in the short run.
SHORT = ((("laned", "laned-adapter"), 9), (("laned-adapter", "laned"), 8),
         (("laned", "laned-bio"), 2))


def run(template, pair, samples):
    points, killed = faultlab.Points(template, crash_points.drive).sample(
        pair[0], samples, second=pair[1])
    print("%s and %s: %d points in a checkout, both killed at %d of them; charged once or not at "
          "all, as the journal says" % (pair[0], pair[1], points, killed), flush=True)
    return killed


def main():
    pairs = SHORT
    if os.environ.get("FAULT_FULL") == "1":
        pairs = [(pair, 0) for pair in itertools.permutations(lablib.PROGRAMS, 2)]
    template = faultlab.Template()
    try:
        killed = [run(template, pair, samples) for pair, samples in pairs]
    finally:
        template.remove()
    return 0 if all(killed) else 1


if __name__ == "__main__":
    sys.exit(main())
