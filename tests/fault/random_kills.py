#!/usr/bin/python3
"""kill -9 of a random process at a random moment of a checkout: 12 of them, or 200 with
FAULT_FULL=1. The seed is printed; FAULT_SEED repeats the choices (not the machine's timing)."""
import os
import random
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import faultlab  # noqa: E402
from faultlab import lablib  # noqa: E402


def undisturbed(template):
    """How long a checkout takes here: kills are spread over that."""
    lab = template.copy()
    try:
        lab.start_all()
        start = time.monotonic()
        faultlab.checkout(lab)
        took = time.monotonic() - start
        lab.stop()
        return took
    finally:
        lab.remove()


def one(template, chance, number, latest):
    lab = template.copy()
    victim = chance.choice(lablib.PROGRAMS)
    moment = chance.uniform(0.0, latest)
    killed = []
    try:
        lab.start_all()
        start = time.monotonic()

        def on_step():
            if not killed and time.monotonic() - start >= moment:
                killed.append(victim)
                lab.kill(victim)
                lab.start(victim)
        ticket = faultlab.checkout(lab, on_step)
        faultlab.check(lab, ticket)
        return bool(killed)
    except (faultlab.Failed, lablib.Hang, RuntimeError) as e:
        print("kill %d, %s after %.3f s: %s\n%s" % (number, victim, moment, e,
                                                    faultlab.describe(lab)))
        raise SystemExit(1) from e
    finally:
        lab.remove()


def main():
    count = 200 if os.environ.get("FAULT_FULL") == "1" else 12
    seed = int(os.environ.get("FAULT_SEED", str(random.randrange(1 << 32))))
    print("seed %d" % seed, flush=True)
    chance = random.Random(seed)
    template = faultlab.Template()
    try:
        latest = undisturbed(template)
        killed = done = 0
        while killed < count and done < 5 * count:
            killed += one(template, chance, done, latest)
            done += 1
    finally:
        template.remove()
    print("%d checkouts, %d of them with a kill inside: charged once or not at all, as the "
          "journal says" % (done, killed))
    return 0 if killed == count else 1


if __name__ == "__main__":
    sys.exit(main())
