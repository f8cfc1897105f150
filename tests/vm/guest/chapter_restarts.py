"""Every process dies, hangs and is started again."""
import os
import signal

import kit

# The units' own 10 s would only make the test longer; the mechanism is the same.
WATCHDOG_S = 3


def _back(journal, unit, since, old):
    journal.wait_started(unit, since)
    new = kit.main_pid(unit)
    kit.expect(new not in (0, old), "%s still has the pid %d" % (unit, old))
    kit.until(kit.connected, "all connected after %s was restarted; %s" % (unit, kit.status()))
    kit.doctor_clean(but=("crash",))  # what an adapter died of is told for a while


def killed(unit):
    journal = kit.Journal()
    try:
        since = journal.now()
        others = {u: kit.main_pid(u) for u in kit.UNITS if u != unit}
        old = kit.main_pid(unit)
        os.kill(old, signal.SIGKILL)
        journal.wait("%s is to be restarted" % unit, lambda e: e.get("UNIT") == unit and e.get(
            "MESSAGE_ID") == kit.MESSAGE_RESTART_SCHEDULED, since)
        _back(journal, unit, since, old)
        if "adapter" in unit:
            told = [c["text"] for c in kit.doctor() if c["name"] == "crash"]
            kit.expect(told and "drop" in told[0] and "killed" in told[0],
                       "doctor does not name what died: %s" % told)
        # The others lived through it and connected again.
        kit.equal({u: kit.main_pid(u) for u in others}, others, "pids of the others")
    finally:
        journal.close()


def hung(unit):
    journal = kit.Journal()
    try:
        kit.drop_in(unit, "watchdog", "[Service]\nWatchdogSec=%d\n" % WATCHDOG_S)
        kit.run("systemctl", "restart", unit)
        kit.until(kit.connected, "all connected after the change of %s" % unit)
        since = journal.now()
        old = kit.main_pid(unit)
        os.kill(old, signal.SIGSTOP)
        journal.wait("the watchdog of %s" % unit, lambda e: e.get("UNIT") == unit and
                     "Watchdog timeout" in e.get("MESSAGE", ""), since)
        _back(journal, unit, since, old)
    finally:
        journal.close()
        kit.remove_drop_in(unit, "watchdog")
    kit.run("systemctl", "restart", unit)
    kit.until(kit.connected, "all connected with the unit's own watchdog again")
    return "WatchdogSec=%d by a drop-in" % WATCHDOG_S


def reload_it():
    pid = kit.main_pid("laned")
    kit.run("systemctl", "reload", "laned")
    kit.equal(kit.main_pid("laned"), pid, "pid of laned")


def stopped_and_started():
    """laned.target is all of it."""
    kit.run("systemctl", "stop", "laned.target")
    for unit in kit.UNITS:
        kit.until(lambda u=unit: kit.show(u, "ActiveState") == "inactive", unit + " stopped")
    kit.run("systemctl", "start", "laned.target")
    kit.until(kit.connected, "all connected after stop and start; %s" % kit.status())
    kit.doctor_clean(but=("crash",))  # what an adapter died of is told for a while


def none_failed():
    kit.equal(kit.failed_units(), "", "failed units")


CLAIMS = tuple(("restarts: %s is killed and comes back, the others stay" % u.split(".")[0],
                lambda u=u: killed(u)) for u in kit.UNITS) + tuple(
    ("restarts: %s hangs, the watchdog ends it, it comes back" % u.split(".")[0],
     lambda u=u: hung(u)) for u in kit.UNITS) + (
    ("restarts: systemctl reload laned keeps the process", reload_it),
    ("restarts: stopping laned.target stops all, starting it starts all", stopped_and_started),
    ("restarts: no unit has failed", none_failed),
)
