"""The services: start order, users, sockets, journal, doctor."""
import ctypes
import grp
import json
import os
import pwd
import stat

import kit
import chapter_install
from demo_offers import OFFERS

ADJ_OFFSET_ALL = 0x0010 | 0x0004 | 0x0008  # ADJ_STATUS, ADJ_MAXERROR, ADJ_ESTERROR

_since = []  # when the units were started for good


def synchronise_clock():
    """What a time service does once it has the time: tells the kernel. There is none in here."""
    timex = (ctypes.c_long * 64)()
    timex[0] = ADJ_OFFSET_ALL  # modes; freq, offset, errors and status are 0: synchronised
    kit.expect(ctypes.CDLL(None, use_errno=True).adjtimex(timex) >= 0, "adjtimex refuses")


def enable():
    synchronise_clock()
    _since.append(kit.Journal.now())
    kit.run("systemctl", "enable", "--now", "laned.target", "laned-adapter@drop")
    kit.until(kit.connected, "the three processes connected: %s" % kit.status())


def start_order():
    """The adapter waits for nobody: without laned it passes everything on."""
    laned, bio = (int(kit.show(u, "ActiveEnterTimestampMonotonic"))
                  for u in ("laned.service", "laned-bio.service"))
    kit.expect(0 < laned <= bio, "laned at %d, laned-bio at %d" % (laned, bio))
    kit.equal(kit.show("laned.target", "ActiveState"), "active", "laned.target")


def own_users():
    users = {u: kit.user_of(kit.main_pid(u)) for u in kit.UNITS}
    kit.equal(users, {"laned.service": "laned", "laned-bio.service": "laned-bio",
                      "laned-adapter@drop.service": "laned-a-drop"}, "users")
    for unit in kit.UNITS:
        kit.expect(kit.show(unit, "ActiveState") == "active", unit + " is not active")
        # No capability, no new privilege, and a filter of system calls, as the kernel has it.
        with open("/proc/%d/status" % kit.main_pid(unit), encoding="ascii") as f:
            state = dict(line.split(":\t", 1) for line in f if ":\t" in line)
        kit.equal([state[k].strip() for k in ("CapEff", "CapBnd", "NoNewPrivs", "Seccomp")],
                  ["0" * 16, "0" * 16, "1", "2"], unit)


def sockets():
    s = os.stat("/run/laned")
    kit.equal((pwd.getpwuid(s.st_uid).pw_name, stat.S_IMODE(s.st_mode)), ("laned", 0o755),
              "/run/laned")
    for name in ("control.sock", "bio.sock", "adapter-drop.sock"):
        s = os.stat("/run/laned/" + name)
        kit.expect(stat.S_ISSOCK(s.st_mode), name + " is no socket")
        kit.equal((pwd.getpwuid(s.st_uid).pw_name, grp.getgrgid(s.st_gid).gr_name,
                   stat.S_IMODE(s.st_mode)), ("laned", "laned", 0o666), name)


def state_files():
    for path, user in (("/var/lib/laned/journal.db", "laned"), ("/var/lib/laned/cache.db", "laned"),
                       ("/var/lib/laned/identity", "laned"),
                       ("/var/lib/laned-bio/gallery.db", "laned-bio"),
                       ("/var/lib/laned-bio/gallery.key", "laned-bio")):
        s = os.stat(path)
        kit.equal((pwd.getpwuid(s.st_uid).pw_name, stat.S_IMODE(s.st_mode) & 0o077), (user, 0),
                  path)


def roles():
    """By the groups of the user; nobody without one."""
    kit.run("useradd", "--system", "-G", "laned-view", "viewer")
    kit.run("useradd", "--system", "guest")
    kit.run("runuser", "-u", "viewer", "--", "lanectl", "status")
    kit.expect(kit.fails("runuser", "-u", "viewer", "--", "lanectl", "reload"),
               "a viewer may reload")
    kit.expect(kit.fails("runuser", "-u", "guest", "--", "lanectl", "status"),
               "somebody without a role was let in")


def imports():
    kit.write("/run/vmtest/members.jsonl", chapter_install.members_file())
    kit.write("/run/vmtest/offers.json", json.dumps(OFFERS))
    kit.lanectl("members", "import", "/run/vmtest/members.jsonl")
    kit.lanectl("offers", "import", "/run/vmtest/offers.json")


def protected():
    kit.equal(kit.status()["protected"], True, "protected")
    kit.expect("unprotected" not in kit.run("lanectl", "status"), "lanectl status: unprotected")


def journal_entries():
    """Structured: who, how bad, and the kind of event."""
    events = set()
    for unit in kit.UNITS:
        entries = [json.loads(line) for line in kit.run(
            "journalctl", "-b", "-u", unit, "-o", "json").splitlines()]
        ours = [e for e in entries if e.get("_SYSTEMD_UNIT") == unit and
                kit.Journal.when(e) >= _since[0]]
        kit.expect(ours, unit + " has said nothing")
        for e in ours:
            kit.expect("PRIORITY" in e and e.get("SYSLOG_IDENTIFIER") and
                       e.get("_TRANSPORT") == "journal", "%s: not structured: %r" % (unit, e))
            kit.expect(int(e["PRIORITY"]) > 3, "%s: an error: %s" % (unit, e["MESSAGE"]))
            events.add(e.get("LANED_EVENT"))
    kit.expect("adapter-link" in events, "no LANED_EVENT=adapter-link: %s" % events)
    return "events: " + ", ".join(sorted(e for e in events if e))


def none_failed():
    kit.equal(kit.failed_units(), "", "failed units")


CLAIMS = (
    ("services: systemctl enable --now brings all three up", enable),
    ("services: laned is first, laned-bio follows", start_order),
    ("services: each runs as its own user, without any capability", own_users),
    ("services: sockets have the right owner and mode", sockets),
    ("services: databases and keys are closed to the others", state_files),
    ("services: the groups decide who may do what", roles),
    ("services: members and offers are imported", imports),
    ("services: lanectl status says protected", protected),
    ("services: lanectl doctor is clean", kit.doctor_clean),
    ("services: the journal has structured entries and no error", journal_entries),
    ("services: no unit has failed", none_failed),
)
