#!/usr/bin/python3
"""An idle lane sleeps: none of the three processes wakes up. And laned with 100 000 members stays
below 64 MB resident."""
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.environ.get("SRCDIR", "."), "tests", "demo"))
import lab as lablib  # noqa: E402

BUILD = os.environ.get("LANED_BUILD", "build")
# A sanitizer's own memory says nothing about ours, and its import of all takes minutes.
SANITIZED = "ASAN_OPTIONS" in os.environ or BUILD.endswith("asan")
MEMBERS = 5000 if SANITIZED else 100000
RESIDENT_KB_MAX = 64 * 1024
WATCHED_S = 2.0  # what is measured, not waited for


def status_of(process, field):
    with open("/proc/%d/status" % process.pid, encoding="ascii") as f:
        for line in f:
            if line.startswith(field + ":"):
                return int(line.split()[1])
    raise KeyError(field)


def wakeups(lab):
    return {name: status_of(p, "voluntary_ctxt_switches") for name, p in lab.processes.items()}


def woken_in_window(lab):
    before = wakeups(lab)
    time.sleep(WATCHED_S)
    after = wakeups(lab)
    return {n: after[n] - before[n] for n in before if after[n] != before[n]}


def check_idle(lab):
    # What is left of the start (our own connection's end) may fall into a first window.
    woken = woken_in_window(lab) and woken_in_window(lab)
    if woken:
        raise AssertionError("woke up while idle: %s" % woken)
    print("idle for %.0f s: no wakeups" % WATCHED_S)


def check_memory(lab):
    path = lab.path("many.jsonl")
    with open(path, "w", encoding="utf-8") as f:
        for n in range(MEMBERS):
            f.write(json.dumps(lablib.member("2%07d" % n)) + "\n")
    result = lab.ctl("members", "import", path)
    if result["added"] != MEMBERS or not result["committed"]:
        raise AssertionError("import: %s" % result)
    lab.ctl("members", "show", "20004321")
    resident = status_of(lab.processes["laned"], "VmRSS")
    print("laned with %d members: %.1f MB resident" % (MEMBERS, resident / 1024))
    if not SANITIZED and resident > RESIDENT_KB_MAX:
        raise AssertionError("more than 64 MB")


def main():
    lab = lablib.Lab(BUILD)
    try:
        lab.start_all()
        check_idle(lab)
        check_memory(lab)
        lab.stop()
    finally:
        lab.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())
