#!/usr/bin/python3
"""Kills each of the three processes at its n-th journal write, send or callback, for n over all of
them (FAULT_FULL=1) or over an even sample, in the middle of a checkout. The others must live, the
checkout must end, and the POS's ledger must show one charge or none, as the journal says."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import faultlab  # noqa: E402
from faultlab import lablib  # noqa: E402

SAMPLE = int(os.environ.get("FAULT_SAMPLE", "9"))  # points of each program in the short run


def count_points(template, program):
    """How many points the program passes in an undisturbed checkout."""
    lab = template.copy()
    counts = lab.path("count")
    try:
        lab.start_all({program: {"LANED_CRASH_COUNT": counts}})
        ticket = faultlab.checkout(lab)
        faultlab.check(lab, ticket)
        lab.stop()
        with open(counts, encoding="ascii") as f:
            return int(f.read().split()[0])
    finally:
        lab.remove()


def one(template, program, n):
    lab = template.copy()
    died = []

    def on_step():
        process = lab.processes.get(program)
        if process is not None and process.poll() is not None and not died:
            died.append(process.returncode)
            for other, running in lab.processes.items():
                if other != program and running.poll() is not None:
                    raise faultlab.Failed("%s died with %s" % (other, program))
    try:
        for name in lablib.PROGRAMS:
            lab.start(name, {"LANED_CRASH_AT": str(n)} if name == program else None)
        ticket = faultlab.checkout(lab, on_step)
        faultlab.check(lab, ticket)
        if died and died[0] != -9:
            raise faultlab.Failed("%s ended by itself: %d" % (program, died[0]))
        return bool(died)
    except (faultlab.Failed, lablib.Hang, RuntimeError) as e:
        print("%s at point %d: %s\n%s" % (program, n, e, faultlab.describe(lab)))
        raise SystemExit(1) from e
    finally:
        lab.remove()


def main():
    full = os.environ.get("FAULT_FULL") == "1"
    template = faultlab.Template()
    try:
        for program in os.environ.get("FAULT_PROGRAMS", " ".join(lablib.PROGRAMS)).split():
            if "FAULT_AT" in os.environ:
                one(template, program, int(os.environ["FAULT_AT"]))
                continue
            points = count_points(template, program)
            if points < 10:
                print("%s passes %d points only: built without crash points?" % (
                    program, points))
                return 1
            step = 1 if full else max(1, points // SAMPLE)
            killed = 0
            for n in range(1, points + 1, step):
                killed += one(template, program, n)
            print("%s: %d points in a checkout, killed at %d of them; charged once or not at "
                  "all, as the journal says" % (program, points, killed), flush=True)
            if killed == 0:
                return 1
    finally:
        template.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())
