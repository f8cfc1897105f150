#!/usr/bin/python3
"""A hostile plug-in in the real laned-adapter of a real lane: whatever it does costs at most the
request it does it in; the books are right, the next checkout is paid, and `lanectl status` names the
plug-in, its build and what it died of. tests/hostile/hostile.c has the vices.

    hostile_plugins.py [VICE...]"""
import os
import re
import subprocess
import sys
import time

SRCDIR = os.environ.get("SRCDIR", ".")
sys.path.insert(0, os.path.join(SRCDIR, "tests", "fault"))
import faultlab  # noqa: E402
from faultlab import lablib, must  # noqa: E402

BUILD = os.environ.get("LANED_BUILD", "build")
HOSTILE = os.path.join(BUILD, "hostile")
CALL_LIMIT = "700ms"  # instead of 10 s: a hang is one all the same

# Vice: what status must say of the death: how or signal, and in what; None: it need not die.
DEATHS = {
    "before-segv": ("SIGSEGV", "submit pay"),
    "after-segv": ("SIGSEGV", "submit pay"),
    "after-call": ("SIGSEGV", "submit pay"),
    "after-fpe": ("SIGFPE", "submit pay"),
    "after-ill": ("SIGILL", "submit pay"),
    "before-abort": ("SIGABRT", "submit pay"),
    "after-overflow": ("SIGSEGV", "submit pay"),
    "after-heap": ("SIGSEGV", "submit pay"),
    "after-exit": ("exit", "submit pay"),
    "after-quit": ("killed", "submit pay"),
    "after-kill": ("killed", "submit pay"),
    "before-hang": ("hang", "submit pay"),
    "after-hang": ("hang", "submit pay"),
    "timer-segv": ("SIGSEGV", "timer callback"),
    "timer-hang": ("hang", "timer callback"),
    "ack-segv": ("SIGSEGV", "ack callback"),
    "before-malloc": ("leak", "submit pay"),
    "after-files": ("leak", "submit pay"),
    "before-leak": ("leak", "submit pay"),
    "after-leak": ("leak", "submit pay"),
    "before-timers": ("leak", "submit pay"),
}
SURVIVED = ("after-events", "before-logs", "after-cancels", "before-journal", "before-unknown",
            "after-late", "after-scribble", "after-close", "after-endless", "before-twice",
            "after-twice", "before-calls")
FLOODS = {"after-events": "events", "before-logs": "log lines",
          "after-cancels": "baskets, claims and cancelled tickets",
          "after-late": "late completions", "before-journal": "journal entries"}
# What status says of them: the lane lives with it, and so does the plug-in.
ODD = dict({vice: "floods: too many " + kind for vice, kind in FLOODS.items()},
           **{vice: "completes twice, or what nobody asked for"
              for vice in ("before-unknown", "before-twice", "after-twice")})
# What only the kernel's limits and the list of system calls hold, which a sanitizer does without.
UNSANITIZED = ("before-malloc", "before-calls", "after-heap", "after-overflow")
# The system calls of forbidden_calls(), each of which must be refused.
CALLS = ("packet", "netlink", "fork", "exec", "kill", "killall", "ptrace", "setrlimit", "chown",
         "mknod", "listen", "chroot", "unshare")


def build_id():
    out = subprocess.run(["readelf", "-n", os.path.join(HOSTILE, "hostile.so")], check=True,
                         capture_output=True, text=True).stdout
    return re.search(r"Build ID: ([0-9a-f]+)", out).group(1)


class Hostile:
    """One lane with one enrolled member for all vices: only the adapter is started anew."""

    def __init__(self):
        self.template = faultlab.Template()
        self.lab = self.template.lab
        self.lab.settings["paths"]["adapters"] = HOSTILE
        self.lab.settings["payment"] = {"touch_day_limit": "100000.00"}
        self.lab.settings["adapter:drop"].update(
            {"plugin": "hostile", "call_limit": CALL_LIMIT, "trigger": self.lab.path("trigger")})
        self.vice("none")
        self.lab.start_all()
        self.build = build_id()
        self.sanitized = "left out under a sanitizer" in self.lab.log("laned-adapter")

    def vice(self, name):
        self.lab.settings["adapter:drop"]["vice"] = name
        self.lab.write_conf()

    def begin(self, vice, env=None):
        """A fresh adapter without a past, with that vice and armed once."""
        lab = self.lab
        if "laned-adapter" in lab.processes:
            lab.kill("laned-adapter")
        self.wait(lambda: not self.adapter()["connected"], "laned sees it go")
        for name in ("run/adapter-drop.crash", "trigger"):
            if os.path.exists(lab.path(name)):
                os.unlink(lab.path(name))
        self.vice(vice)
        self.mark = len(lab.log("laned-adapter"))
        self.odd_before = self.adapter().get("odd")
        lab.start("laned-adapter", env)

    def log(self):
        return self.lab.log("laned-adapter")[self.mark:]

    def arm(self):
        with open(self.lab.path("trigger"), "w", encoding="ascii"):
            pass

    def adapter(self):
        return self.lab.ctl("status")["adapters"][0]

    def wait(self, condition, what, revive=False):
        def step():
            if revive:
                self.lab.revive()
            return condition()
        must(self.lab.pos.wait(step, faultlab.END_S), "%s: not within %.0f s" % (
            what, faultlab.END_S))

    def payments(self, ticket):
        """The journal's payments of a ticket, when all of them have ended: state by key."""
        rows = faultlab.journal_rows(
            self.lab, "SELECT lower(hex(key)), state FROM payments WHERE ticket = ?", ticket)
        ended = all(state in faultlab.ENDED for _, state in rows)
        return [(key, state) for key, state in rows] if ended else None

    def checkout(self):
        """One checkout; the POS's own ledger against the lane's journal."""
        ticket = faultlab.checkout(self.lab)
        self.wait(lambda: self.payments(ticket) is not None, "every payment ends", True)
        ledger = {k: e for k, e in self.lab.pos.ledger.charges() if e["ticket"] == ticket}
        stands = [k for k, e in self.lab.pos.ledger.standing() if e["ticket"] == ticket]
        states = dict(self.payments(ticket))
        must(all(e["charged"] == 1 for e in ledger.values()), "charged twice: %s" % ledger)
        must(set(ledger) <= set(states), "the journal %s, the POS %s" % (states, ledger))
        must(sorted(stands) == sorted(k for k, s in states.items() if faultlab.ENDED[s]),
             "the journal %s, at the POS stands %s" % (states, stands))
        paid = self.lab.pos.tickets[ticket]["paid"]
        must(len(stands) == (1 if paid == "confirmed" else 0), "%s: %s" % (paid, stands))
        return paid

    def crash(self):
        return self.adapter().get("crash")

    def must_be_named(self, cause, doing):
        """By lanectl status in both forms, and by doctor."""
        self.wait(lambda: self.adapter()["connected"] and self.crash(), "the death is told", True)
        crash = self.crash()
        named = crash.get("signal", crash["how"])
        must((named, crash["doing"]) == (cause, doing), "status says %s" % crash)
        must(crash["plugin"] == "hostile" and crash["build_id"] == self.build and
             crash["at"].startswith("20") and crash["deaths"] >= 1, "status says %s" % crash)
        text = self.lab.ctl("status", json_out=False).stdout
        must("plug-in hostile" in text and self.build in text and cause in text and
             doing in text, text)
        checks = [c for c in self.lab.ctl("doctor", check=False)["checks"] if c["name"] == "crash"]
        must(len(checks) == 1 and self.build in checks[0]["text"] and cause in checks[0]["text"],
             "doctor says %s" % checks)


def check_survived(lane, vice):
    if vice in FLOODS:
        must("the plug-in floods: %s" % FLOODS[vice] in lane.log(), "no word of the flood")
        must(lane.log().count("the plug-in floods") <= 3, "the flood floods the log")
    if vice in ODD:
        lane.wait(lambda: lane.adapter().get("odd") not in (None, lane.odd_before),
                  "status says that it " + ODD[vice])
        must(lane.adapter()["odd"]["what"] == ODD[vice], "status says %s" % lane.adapter()["odd"])
        text = lane.lab.ctl("status", json_out=False).stdout
        must("plug-in hostile 0.1 MISBEHAVES: " + ODD[vice] in text, text)
        said = [c["text"] for c in lane.lab.ctl("doctor", check=False)["checks"]
                if c["name"] == "plugin"]
        must(len(said) == 1 and ODD[vice] in said[0], "doctor says %s" % said)
    if vice.endswith("calls"):
        line = [x for x in lane.log().splitlines() if "packet=" in x][-1]
        said = dict(pair.split("=") for pair in line.split()[-len(CALLS):])
        must(set(said) == set(CALLS) and all(v in ("EPERM", "EAGAIN") for v in said.values()),
             "the sandbox let something through: %s" % said)
    must(lane.log().count("\n") < 1500, "%d lines of log" % lane.log().count("\n"))


def one(lane, vice):
    lane.begin(vice)
    lane.wait(lambda: lane.adapter()["connected"], "the adapter connects", True)
    lane.arm()
    first = lane.checkout()
    must(not os.path.exists(lane.lab.path("trigger")), "the vice did not show itself")
    if vice in DEATHS:
        lane.must_be_named(*DEATHS[vice])
    else:
        check_survived(lane, vice)
    lane.wait(lambda: lane.adapter()["connected"], "the adapter is back", True)
    must(lane.checkout() == "confirmed", "the next checkout is not paid by touch")
    return first


def at_start(lane, vice, cause, doing):
    """It dies once as it is created or started; the process is back, the plug-in after a second."""
    lane.begin("none")
    lane.lab.kill("laned-adapter")
    lane.vice(vice)
    lane.arm()
    record = lane.lab.path("run", "adapter-drop.crash")
    if os.path.exists(record):
        os.unlink(record)
    lane.mark = len(lane.lab.log("laned-adapter"))
    lane.lab.start("laned-adapter")
    lane.must_be_named(cause, doing)
    must("is loaded again in" in lane.log(), "it was not throttled:\n" + lane.log())
    must(lane.checkout() == "confirmed", "the next checkout is not paid by touch")


def at_load(lane, vice, cause):
    """A constructor: the file's own code runs before anything is asked of it. It dies at every start;
    each start waits longer, the third death in a minute is told as a bypass, and status names it
    although there never was a hello."""
    lane.begin("none", {"HOSTILE_LOAD": vice})
    env = {"laned-adapter": {"HOSTILE_LOAD": vice}}

    def told(state):
        def look():
            lane.lab.revive(env)
            a = lane.adapter()
            return a.get("plugin_state") == state and a.get("crash")
        lane.wait(look, "status says " + state)
        return lane.adapter()
    for state in ("waiting", "bypass"):
        a = told(state)
        must(not a["connected"], "it is connected")
        crash = a["crash"]
        must((crash.get("signal", crash["how"]), crash["doing"], crash["build_id"]) ==
             (cause, "loading", lane.build), "status says %s" % crash)
    must("the plug-in is loaded again in" in lane.log(), "no word of the wait")
    lane.begin("none")  # a good file takes its place
    lane.wait(lambda: lane.adapter()["connected"], "the good one connects", True)
    must(lane.checkout() == "confirmed", "the next checkout is not paid by touch")


def calls_at_load(lane):
    lane.begin("none", {"HOSTILE_LOAD": "calls"})
    lane.wait(lambda: lane.adapter()["connected"], "the adapter connects", True)
    check_survived(lane, "before-calls")
    must(lane.checkout() == "confirmed", "the checkout is not paid by touch")


def cases(lane):
    for vice in list(DEATHS) + list(SURVIVED):
        if not (lane.sanitized and vice in UNSANITIZED):
            yield vice, lambda v=vice: one(lane, v)
    for vice, cause, doing in (("create-segv", "SIGSEGV", "create"),
                               ("start-abort", "SIGABRT", "start"),
                               ("start-hang", "hang", "start"),
                               ("recover-segv", "SIGSEGV", "recover")):
        yield vice, lambda a=(vice, cause, doing): at_start(lane, *a)
    for vice, cause in (("segv", "SIGSEGV"), ("exit", "exit")):
        yield "load-" + vice, lambda a=(vice, cause): at_load(lane, *a)
    if not lane.sanitized:
        yield "load-calls", lambda: calls_at_load(lane)


def main():
    wanted = sys.argv[1:]
    lane = Hostile()
    failed = ran = 0
    try:
        for name, run in cases(lane):
            if wanted and name not in wanted:
                continue
            ran += 1
            begin = time.monotonic()
            try:
                said = run()
                print("  %-16s %.1f s %s" % (name, time.monotonic() - begin, said or ""), flush=True)
            except (faultlab.Failed, lablib.Hang, RuntimeError, OSError, KeyError, IndexError,
                    subprocess.TimeoutExpired) as e:
                failed += 1
                print("FAILED %s: %s: %s\n%s\n%s" % (
                    name, type(e).__name__, e, lane.log()[-2000:],
                    lane.lab.log("laned")[-1500:]), flush=True)
                lane.begin("none")
    finally:
        lane.template.remove()
    print("%d vices, %d failed" % (ran, failed))
    return 1 if failed or not ran else 0


if __name__ == "__main__":
    sys.exit(main())
