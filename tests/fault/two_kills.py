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


def one(template, first, second, n):
    """True when both died."""
    lab = template.copy()
    died = []

    def on_step():
        process = lab.processes.get(first)
        if process is None or process.poll() is None or died:
            return
        died.append(process.returncode)
        lab.kill(second)
        lab.start(second)
    try:
        for name in lablib.PROGRAMS:
            lab.start(name, {"LANED_CRASH_AT": str(n)} if name == first else None)
        ticket = faultlab.checkout(lab, on_step)
        faultlab.check(lab, ticket)
        if died and died[0] != -9:
            raise faultlab.Failed("%s ended by itself: %d" % (first, died[0]))
        return bool(died)
    except (faultlab.Failed, lablib.Hang, RuntimeError) as e:
        print("%s at point %d, and %s: %s\n%s" % (first, n, second, e, faultlab.describe(lab)))
        raise SystemExit(1) from e
    finally:
        lab.remove()


def run(template, pair, samples):
    points = crash_points.count_points(template, pair[0])
    if points < 10:
        print("%s passes %d points only: built without crash points?" % (pair[0], points))
        raise SystemExit(1)
    chosen = range(1, points + 1)
    if samples:
        chosen = [points * (2 * i + 1) // (2 * samples) for i in range(samples)]
    killed = sum(one(template, pair[0], pair[1], max(1, n)) for n in chosen)
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
