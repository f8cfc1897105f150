"""The power goes at every write of a lane's disk."""
import contextlib
import hashlib
import os
import sqlite3
import subprocess

import faultlab
import kit
import lab
import logwrites

ROOT = "/dev/shm/powercut"
DISK_BYTES = 24 << 20
LOG_BYTES = 192 << 20
CHECKOUTS = 12
POINTS = 300  # of the log, evenly; and every mark
RESTARTS = 6  # at so many of them a laned is started
BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LATER = {"sending": ("sending", "unknown", "approved", "answer-sending", "confirmed"),
         "approved": ("approved", "answer-sending", "confirmed"),
         "confirmed": ("confirmed",)}
_run = {}


def disks():
    """A file system on dm-log-writes, both of its disks in memory."""
    os.makedirs(ROOT + "/back", exist_ok=True)
    kit.run("modprobe", "-a", "loop", "dm_mod", "dm_log_writes")
    loops = []
    for name, size in (("data", DISK_BYTES), ("log", LOG_BYTES)):
        path = os.path.join(ROOT, name)
        with open(path, "wb") as f:
            f.truncate(size)
        loops.append(kit.run("losetup", "-f", "--show", path).strip())
    kit.run("dmsetup", "create", "cut", "--table",
            "0 %d log-writes %s %s" % (DISK_BYTES // logwrites.SECTOR, *loops))
    kit.run("mkfs.ext4", "-q", "-J", "size=4", "-E",
            "nodiscard,lazy_itable_init=0,lazy_journal_init=0", "/dev/mapper/cut")
    return kit.run("dmsetup", "table", "cut").strip()


def mark(text):
    kit.run("dmsetup", "message", "cut", "0", "mark", text)


class Pos(lab.legacy.LegacyPos):
    """Marks what its peer has acknowledged by asking: a payment asked for is in the journal as
    sending; one to be confirmed, as approved."""

    def on_pay(self, message):
        mark("sending:" + message["key"])
        super().on_pay(message)

    def on_confirm(self, message):
        mark("approved:" + message["key"])
        super().on_confirm(message)


def programs():
    """The installed ones, in one folder, as the tests' lab has them."""
    folder = os.path.join(ROOT, "bin")
    os.makedirs(folder, exist_ok=True)
    for path in ("/usr/sbin/laned", "/usr/bin/lanectl", "/usr/libexec/laned/laned-bio",
                 "/usr/libexec/laned/laned-adapter"):
        os.symlink(path, os.path.join(folder, os.path.basename(path)))
    return folder


def new_lab():
    return lab.Lab(programs() if not os.path.exists(ROOT + "/bin") else ROOT + "/bin",
                   {"paths": {"adapters": "/usr/lib/laned/adapters"}})


def open_lane():
    """A lane by hand, its state on that disk, beside the units, which rest meanwhile."""
    kit.run("systemctl", "stop", "laned.target")
    lab.PATIENCE_S = faultlab.END_S = kit.PATIENCE_S
    faultlab.TOUCH_AGAIN_S = 5.0
    lane = _run["lab"] = new_lab()
    lane.pos.__class__ = Pos
    kit.run("mount", "/dev/mapper/cut", lane.path("state"))
    os.chmod(lane.path("state"), 0o700)
    kit.run("cp", "-r", os.path.join(kit.PAYLOAD, "synthetic") + "/.", lane.path("images"))
    lane.start_all()
    lane.add_members([lab.member(faultlab.NUMBER)])
    lane.load_offers(faultlab.OFFERS)
    lane.enrol(faultlab.NUMBER, [lane.image(f, i) for f in (1, 2) for i in (1, 2, 3)])
    mark("open")


def sell():
    """Tickets paid by touch; a mark wherever somebody was told that something stands."""
    lane = _run["lab"]
    for _ in range(CHECKOUTS):
        ticket = faultlab.checkout(lane)
        kit.equal(lane.pos.tickets[ticket]["paid"], "confirmed", "ticket %s" % ticket)
        for key, payment in faultlab.settled(lane).items():
            if payment["ticket"] == ticket:
                mark("confirmed:" + key)
    charged = [e["charged"] for _, e in lane.pos.ledger.charges()]
    kit.equal(charged, [1] * CHECKOUTS, "charges")
    lane.kill("laned")  # the power goes: nothing is put in order
    lane.stop()
    kit.run("umount", lane.path("state"))
    kit.run("dmsetup", "remove", "cut")
    with open(os.path.join(ROOT, "log"), "rb") as f:
        _run["disk"] = logwrites.Disk(f, DISK_BYTES)
    disk = _run["disk"]
    flushes = sum(1 for f, _, _ in disk.entries if f & (logwrites.FLUSH | logwrites.FUA))
    return "%d writes, %d of them or behind them flushed, %d marks" % (
        len(disk.entries), flushes, len(disk.marks(len(disk.entries))))


# ---- what is there ---------------------------------------------------------------------


def ulid(b):
    n = int.from_bytes(b, "big")
    return "".join(BASE32[n >> 5 * i & 31] for i in range(25, -1, -1))


def chain_break(db):
    """The first row of the audit that does not follow from the one before, None: all do."""
    before = b"\0" * 32
    wanted = 0
    for seq, wall, what, checkout, key, amount, text, digest in db.execute(
            "SELECT seq, wall_ms, what, checkout, key, amount_minor, text, hash FROM audit"
            " ORDER BY seq"):
        wanted += 1
        line = "%d\n%d\n%s\n%s\n%s\n%d\n%s\n" % (seq, wall, what, ulid(checkout), key.hex(),
                                                amount, text)
        before = hashlib.sha256(before + hashlib.sha256(line.encode()).digest()).digest()
        if seq != wanted or digest != before:
            return seq
    return None


def wrong(folder, marks):
    """What the journal in folder lacks of what was acknowledged; None."""
    with contextlib.closing(sqlite3.connect(os.path.join(folder, "journal.db"))) as db:
        said = db.execute("PRAGMA integrity_check").fetchall()
        if said != [("ok",)]:
            return "the file: %s" % said
        if db.execute("PRAGMA foreign_key_check").fetchall():
            return "rows that belong to nothing"
        row = chain_break(db)
        if row is not None:
            return "the audit breaks at row %d" % row
        states = {key.hex(): state for key, state in db.execute("SELECT key, state FROM payments")}
        audited = {key.hex() for (key,) in db.execute(
            "SELECT key FROM audit WHERE what = 'payment-sending'")}
    for text in marks:
        word, _, key = text.partition(":")
        if word in LATER and states.get(key) not in LATER[word]:
            return "%s is %s; %s was told" % (key, states.get(key), word)
        if word in LATER and key not in audited:
            return "%s is not in the audit" % key
    return None


@contextlib.contextmanager
def mounted(disk, folder):
    """The disk as it is now, as a machine that is switched on mounts it."""
    image = os.path.join(ROOT, "image")
    with open(image, "wb") as f:
        f.write(disk.bytes)
    kit.run("mount", "-o", "loop", image, folder)
    try:
        yield
    finally:
        kit.run("umount", folder)


def look(n, marks=None):
    """What is wrong when the power goes behind the n-th entry; None."""
    disk = _run["disk"]
    disk.go_to(n)
    with mounted(disk, ROOT + "/back"):
        return wrong(ROOT + "/back", disk.marks(n) if marks is None else marks)


def opened_at():
    disk = _run["disk"]
    return next(i for i, (f, _, name) in enumerate(disk.entries)
                if f & logwrites.MARK and name == "open") + 1


def places():
    """Where the power is cut: evenly over the log, and behind every mark."""
    disk = _run["disk"]
    first, last = opened_at(), len(disk.entries)
    chosen = {first + (last - first) * i // (POINTS - 1) for i in range(POINTS)}
    chosen |= {i + 1 for i, (f, _, _) in enumerate(disk.entries)
               if i >= first and f & logwrites.MARK}
    return sorted(chosen)


def replay():
    told = places()
    for n in told:
        bad = look(n)
        kit.expect(bad is None, "power lost behind entry %d of %d: %s" % (
            n, len(_run["disk"].entries), bad))
    return "%d places" % len(told)


def detector():
    """The same look finds a disk that has forgotten two flushes it had promised."""
    disk = _run["disk"]
    found = asked = 0
    for i, (flags, _, name) in enumerate(disk.entries):
        if not flags & logwrites.MARK or not name.startswith("confirmed:"):
            continue
        asked += 1
        try:
            found += look(disk.before_flushes(i, 2), disk.marks(i + 1)) is not None
        except kit.Failure:
            found += 1  # not even mounted
    kit.expect(asked == CHECKOUTS and found == asked, "%d of %d losses seen" % (found, asked))
    return "%d of %d" % (found, asked)


def restarts():
    """A laned over what is left says the same."""
    disk = _run["disk"]
    told = places()
    lane = _run["lab"]
    for i in range(RESTARTS):
        n = told[(i + 1) * (len(told) - 1) // RESTARTS]
        disk.go_to(n)
        with mounted(disk, lane.path("state")):
            lane.start("laned")
            lane.control().close()
            status = lane.ctl("status")
            kit.expect(status["journal"]["open"] and status["identity_matches"],
                       "behind entry %d: %s" % (n, status["journal"]))
            states = {p["key"]: p["state"] for p in lane.ctl("payments")["payments"]}
            lane.stop()
        for text in disk.marks(n):
            word, _, key = text.partition(":")
            kit.expect(word not in LATER or states.get(key) in LATER[word] + ("unknown",),
                       "behind entry %d: %s is %s; %s was told" % (n, key, states.get(key), word))


def close():
    lane = _run.pop("lab")
    lane.remove()
    for loop in kit.run("losetup", "-nl", "-O", "NAME,BACK-FILE").splitlines():
        if ROOT in loop:
            kit.run("losetup", "-d", loop.split()[0])
    subprocess.run(["rm", "-rf", ROOT], check=False)
    kit.run("systemctl", "start", "laned.target")
    kit.until(kit.connected, "the units again")


CLAIMS = (
    ("powercut: a file system whose every write is written down", disks),
    ("powercut: a lane keeps its state there", open_lane),
    ("powercut: %d tickets are paid by touch" % CHECKOUTS, sell),
    ("powercut: wherever the power goes, what was acknowledged is there, the audit is whole",
     replay),
    ("powercut: a disk that forgets two flushes is found out each time", detector),
    ("powercut: a laned that starts over it says the same", restarts),
    ("powercut: the units take over again", close),
)
