#!/usr/bin/python3
"""The reader over libusb on a live bus of models: it comes back after every unplugging, leaves nothing
behind, wakes nobody while it waits, and two of them do not disturb each other.

    usb_reader.py [TEST...]     all of them, or those named
    REPLUGS=N                   how many in the test of that name (50), memory looked at each BED
    CLIENT_WRAPPER=...          what the client runs under, such as valgrind"""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.environ.get("SRCDIR", "."), "tests", "usb"))
from readerbench import BenchError  # noqa: E402
from readerclient import Client  # noqa: E402

BUILD = os.environ.get("LANED_BUILD", "build")
REPLUGS = int(os.environ.get("REPLUGS", "50"))
BED = 200
WRAPPER = os.environ.get("CLIENT_WRAPPER", "").split()
HANG_S = 30.0
WATCHED_S = 2.0  # what is measured, not waited for
TRANSFERS_MIN, TRANSFERS_MAX = 15, 60  # of a whole conversation
# Tables of libevent, libusb and umockdev grow a little; a transfer or a device is more.
BYTES_MAX, BYTES_PER_REPLUG_MAX = 4096, 48
U4500, MSV2 = "05ba:000a", "045e:00ca"


def check(truth, *what):
    if not truth:
        raise AssertionError(" ".join(str(w) for w in what))


def client(**more):
    return Client(BUILD, wrapper=WRAPPER, limit_s=HANG_S, **more)


def plug(c, device=U4500, port="1-1", serial=""):
    """Plugs a reader in; what is waited for after this is of this plug."""
    c.bench.cmd(f"plug {device} {port} {serial}")
    c.bench.wait(f"plugged {port}")


def captured(c, port="1-1"):
    """A finger that lies there gives an image from this very plug, and is lifted."""
    c.bench.wait(f"captured {port}")
    c.bench.wait(f"resting {port}")
    c.bench.cmd(f"lift {port}")
    c.bench.wait(f"lifted {port}")
    c.bench.wait(f"waiting {port}")


def noticed(c):
    """Waits until a reader that was ready has told that its device has gone."""
    c.count()  # answered after what was told before
    if any(t.startswith("state front ready") for t in c.events):
        c.wait("state front absent")


def unplug_at(c, device, kind, n):
    """Pulls the cable at transfer n of a conversation; False when it has fewer."""
    b = c.bench
    b.cmd(f"fault 1-1 {kind} {n}")
    b.cmd("finger 1-1 card")
    plug(c, device)
    event = b.wait("unplugged 1-1", "resting 1-1")
    if event.startswith("resting"):
        b.cmd("lift 1-1")
        event = b.wait("unplugged 1-1", "waiting 1-1")
    if event.startswith("unplugged"):
        check(kind != "disconnect" or event.split()[2] == str(n), event, "at", n)
        return True
    b.cmd("fault 1-1 none")
    try:
        b.cmd("unplug 1-1")
    except BenchError:
        return True  # the fault was quicker
    return False


def every_unplugging(c, device, kind):
    cut = 0
    for n in range(1, TRANSFERS_MAX):
        if not unplug_at(c, device, kind, n):
            break
        cut += 1
        if n % 2 == 0:
            noticed(c)  # else it may be there again before the reader knows
        before = c.show()
        c.bench.cmd("finger 1-1 card")
        plug(c, device)
        captured(c)
        after = c.show()
        check(after["captures"] > before["captures"], "no capture after", kind, n)
        check(after["replugs"] > before["replugs"], "no re-plug counted after", kind, n)
        check(after["resets"] == 0 and after["errors"] == 0, "counted as errors:", after)
        c.forget()
        c.bench.cmd("unplug 1-1")
        c.wait("state front absent")
    check(TRANSFERS_MIN < cut < TRANSFERS_MAX - 1, "cut at", cut, "transfers")
    return cut


def unplugged_at_every_transfer():
    """Unplugged at every transfer of a conversation it comes back and captures."""
    with client() as c:
        c.cmd("open front")
        cuts = [every_unplugging(c, d, k) for d in (U4500, MSV2)
                for k in ("disconnect", "disconnect-end")]
        print("unplugged at each of", cuts, "transfers")


def replug(c, n):
    """Each time in another phase: hardly opened, after a finger, in mid-image, idle."""
    b = c.bench
    c.forget()
    phase = n % 4
    if phase in (1, 2):
        b.cmd("finger 1-1 card")
    plug(c, U4500 if n % 3 else MSV2)
    if phase == 0:
        b.wait("opened 1-1")  # umockdev ends a client that opens what is just being pulled
    elif phase == 1:
        captured(c)
    elif phase == 2:
        b.wait("capturing 1-1")
        b.cmd("lift 1-1")
    elif phase == 3:
        b.wait("waiting 1-1")
    b.cmd("unplug 1-1")
    if phase != 0 and n % 5 != 0:
        c.wait("state front absent")


def settle(c):
    """A capture, then nothing attached; what is in use after all is closed."""
    c.bench.cmd("finger 1-1 card")
    plug(c)
    captured(c)
    c.bench.cmd("unplug 1-1")
    shown = c.show()
    c.cmd("close front")
    count = c.count()
    c.cmd("open front")
    return count, shown


def replugs_leave_nothing_behind():
    """Re-plugs in beds: neither memory nor descriptors grow, and it still captures."""
    with client() as c:
        c.cmd("open front")
        for n in range(min(REPLUGS, 20)):
            replug(c, n)  # libraries keep what they need once
        first, shown = settle(c)
        done = 0
        while done < REPLUGS:
            bed = min(BED, REPLUGS - done)
            for n in range(bed):
                replug(c, done + n)
            done += bed
            now, shown = settle(c)
            grown = now["bytes"] - first["bytes"]
            print(f"{done} re-plugs: {now['bytes']} bytes ({grown:+d}), "
                  f"{now['descriptors']} descriptors")
            check(now["descriptors"] == first["descriptors"], "descriptors", first, now)
            check(grown <= BYTES_MAX + BYTES_PER_REPLUG_MAX * done, "memory", first, now)
            # A plug that was over before the bus told of it is none.
            check(bed / 2 <= shown["replugs"] <= bed and shown["resets"] == 0, shown)


def finger_is_there_at_the_start():
    """A finger that lies on the glass before the reader is opened is a presentation like any other,
    and one that stays gives no second one."""
    with client() as c:
        c.bench.cmd("finger 1-1 card")
        plug(c)
        c.cmd("open front")
        first = c.wait("sample front")
        check(first[2:4] == ["384", "290"], first)
        c.bench.wait("resting 1-1")
        check(c.show()["state"] == "capturing", c.show())
        c.bench.cmd("lift 1-1")
        c.wait("lifted front")
        c.wait("state front ready")
        c.bench.cmd("finger 1-1 card")
        again = c.wait("sample front")
        check(again[4] == first[4], "the same card looks different:", first, again)
        c.bench.cmd("lift 1-1")
        c.wait("lifted front")
        check(c.show()["captures"] == 2, c.show())


def frames_of_one_presentation():
    """Frames come while they are wanted and the finger rests; lifting and unplugging end them."""
    with client() as c:
        plug(c)
        c.cmd("open front frames=4")
        c.bench.cmd("finger 1-1 card")
        c.wait("touched front")
        for _ in range(4):
            c.wait("sample front")
        c.bench.wait("resting 1-1")
        check(c.show()["captures"] == 4, c.show())
        c.bench.cmd("lift 1-1")
        c.wait("lifted front")
        c.bench.cmd("fault 1-1 empty-image 3 1")  # what an empty glass gives after one frame
        c.bench.cmd("finger 1-1 card")
        c.wait("sample front")
        c.bench.wait("resting 1-1")
        c.bench.cmd("lift 1-1")
        told = c.wait("lifted front", "failed front")
        check(told[0] == "lifted" and c.show()["captures"] == 5, told, c.show())
        c.bench.cmd("finger 1-1 card")
        c.bench.cmd("fault 1-1 silent 1 6")  # in the second frame
        c.wait("sample front")
        c.bench.wait("hit 1-1 silent")
        c.bench.cmd("unplug 1-1")
        c.wait("state front absent")
        plug(c)
        c.wait("touched front")
        for _ in range(4):
            c.wait("sample front")
        c.bench.cmd("lift 1-1")
        c.wait("lifted front")


def two_readers():
    """Two readers at once, by port and by serial number; unplugging one does not touch the other."""
    with client() as c:
        b = c.bench
        c.cmd("open left port=1-2")
        c.cmd("open right serial={B}")
        plug(c, U4500, "1-1", "{A}")
        plug(c, MSV2, "1-3", "{B}")
        c.wait("state right ready")
        check(c.show("left")["state"] == "absent", "a reader took a port that is not its own")
        plug(c, U4500, "1-2", "{C}")
        c.wait("state left ready")
        check(c.attached() == [(U4500, "1-1", "{A}"), (U4500, "1-2", "{C}"),
                               (MSV2, "1-3", "{B}")], c.attached())
        check(c.show("left")["serial"] == "{C}" and c.show("right")["port"] == "1-3",
              c.show("left"), c.show("right"))
        for port, name in (("1-2", "left"), ("1-3", "right")):
            b.cmd(f"finger {port} card")
            c.wait(f"sample {name}")
            b.cmd(f"lift {port}")
            c.wait(f"lifted {name}")
        c.forget()
        b.cmd("finger 1-3 card")  # rests while the other one comes and goes
        c.wait("sample right")
        for _ in range(3):
            b.cmd("unplug 1-2")
            c.wait("state left absent")
            b.cmd("finger 1-2 card")
            plug(c, U4500, "1-2", "{C}")
            check(c.wait("sample")[1] == "left", "the other one was disturbed")
            b.cmd("lift 1-2")
            c.wait("lifted left")
        right = c.show("right")
        check(right["state"] == "capturing" and right["captures"] == 2 and
              right["errors"] == right["replugs"] == 0, right)
        b.cmd("lift 1-3")
        c.wait("lifted right")
        b.cmd("unplug 1-3")
        c.wait("state right absent")
        plug(c, MSV2, "1-4", "{B}")  # a serial number is found at every port
        c.wait("state right ready")
        check(c.show("right")["port"] == "1-4", c.show("right"))
        plug(c, U4500, "1-5", "\u00c4\u0007Z")  # a device may write anything there
        check((U4500, "1-5", "???Z") in c.attached(), c.attached())
        c.cmd("open odd serial=???Z")
        c.wait("state odd ready")


def one_device_for_two_readers():
    """Who comes second waits, says that it is busy, and gets the device when the first lets go."""
    with client() as c:
        c.cmd("open first")
        plug(c)
        c.wait("state first ready")
        c.cmd("open second")
        told = c.wait("state second faulty")
        check(told[3] == "busy" and c.show("second")["port"] == "1-1", told)
        c.cmd("close first")
        c.wait("state second ready")
        check(c.show("second")["replugs"] == 0, c.show("second"))


def switches(pid):
    """How often the threads of a process went to sleep and woke up again."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status", encoding="ascii") as f:
            total += sum(int(line.split()[1]) for line in f
                         if line.startswith("voluntary_ctxt_switches"))
    return total


def switches_in_window(pid):
    before = switches(pid)
    time.sleep(WATCHED_S)
    return switches(pid) - before


def waiting_wakes_nobody():
    """A reader without a device and one that waits for a finger cost no wakeup at all; one under a
    finger that never leaves costs two in five seconds."""
    with client() as c:
        b = c.bench
        c.cmd("open nowhere port=1-7")
        c.cmd("open front port=1-1")
        plug(c)
        b.wait("waiting 1-1")
        before = c.count()["wakeups"]
        # The end of that question may fall into a first window.
        slept = switches_in_window(c.pid) and switches_in_window(c.pid)
        woken = c.count()["wakeups"] - before - 1  # the question itself
        check(slept == 0 and woken == 0, "idle: switches", slept, "wakeups", woken)
        b.cmd("finger 1-1 card")
        b.wait("resting 1-1")
        since = time.monotonic()
        before = c.count()["wakeups"]
        time.sleep(WATCHED_S)
        woken = c.count()["wakeups"] - before - 1
        allowed = 2 * int((time.monotonic() - since) / 5 + 1)
        check(woken <= allowed, "under a finger that rests:", woken, "of", allowed)
        print(f"idle for {WATCHED_S} s: no wakeups; under a resting finger: {woken}")


def closed_at_any_time():
    """A reader may be closed in each phase, and the device is free for the next one."""
    phases = ("powered", "waiting", "touched", "capturing", "captured", "resting")
    with client() as c:
        for phase in phases:
            c.bench.cmd("finger 1-1 card")
            plug(c)
            c.cmd("open front")
            c.bench.wait(f"{phase} 1-1")
            c.cmd("close front")
            c.bench.wait("off 1-1")
            c.cmd("open front")
            captured(c)
            c.cmd("close front")
            c.bench.cmd("unplug 1-1")


def suspended():
    """A device that the kernel suspended is opened again though it never left the bus, and is not
    taken for one that was plugged; so is one whose reads the kernel has ended without an error."""
    with client() as c:
        b = c.bench
        plug(c)
        c.cmd("open front")
        c.wait("state front ready")
        for how in ("", "killed"):
            for resting in (False, True):
                if resting:
                    b.cmd("finger 1-1 card")
                    c.wait("sample front")
                    b.wait("resting 1-1")
                c.forget()
                b.cmd(f"suspend 1-1 {how}")
                if resting:
                    b.cmd("lift 1-1")  # in the dark
                b.wait("powered 1-1")
                b.wait("waiting 1-1")
                if how == "":
                    c.wait("state front absent")
                b.cmd("finger 1-1 card")
                c.wait("sample front")
                b.wait("resting 1-1")
                b.cmd("lift 1-1")
                c.wait("lifted front")
                c.wait("state front ready")
        shown = c.show()
        check(shown["replugs"] == shown["resets"] == 0, shown)
        check(shown["captures"] == 6 and shown["port"] == "1-1", shown)


def nobody_lifts_what_stays():
    """A finger that rests while the reader is started again, by whatever, is never told to be lifted:
    its presentation ends with the state, and it is there again as soon as the reader is."""
    with client() as c:
        b = c.bench
        plug(c)
        c.cmd("open front")
        c.wait("state front ready")
        b.cmd("finger 1-1 card")
        for how in ("suspend 1-1", "suspend 1-1 killed", "suspend 1-1"):
            c.wait("sample front")
            b.wait("resting 1-1")
            c.forget()
            b.cmd(how)
            told = c.wait("lifted front", "touched front")
            check(told[0] == "touched", how, told)
        c.wait("sample front")
        b.wait("resting 1-1")
        b.cmd("lift 1-1")
        c.wait("lifted front")
        check(c.show()["captures"] == 4 and c.show()["resets"] == 0, c.show())


def says_nothing_wrong_while_it_comes_up():
    """A device that was found and is being brought up is not told to be missing."""
    with client() as c:
        c.cmd("open front")
        check(c.show()["why"] == "not-found", c.show())
        c.bench.cmd("fault 1-1 silent 1 2")  # in the bring-up, for as long as this looks
        plug(c)
        c.bench.wait("hit 1-1 silent")
        shown = c.show()
        check((shown["state"], shown["why"], shown["id"]) == ("absent", "-", U4500), shown)


def used_by_another_program():
    """A reader that another program has claimed says so, and is taken when it is free."""
    with client() as c:
        c.cmd("open front")
        c.bench.cmd("busy 1-1 on")
        plug(c)
        told = c.wait("state front faulty")
        shown = c.show()
        check(told[3] == "busy" and shown["id"] == U4500 and shown["errors"] >= 3, told, shown)
        c.bench.cmd("busy 1-1 off")
        c.wait("state front ready")
        check(c.show()["why"] == "-", c.show())


TESTS = [unplugged_at_every_transfer, replugs_leave_nothing_behind, finger_is_there_at_the_start,
         frames_of_one_presentation, two_readers, one_device_for_two_readers,
         waiting_wakes_nobody, closed_at_any_time, suspended, nobody_lifts_what_stays,
         says_nothing_wrong_while_it_comes_up, used_by_another_program]


def run(tests):
    """Runs the tests; the exit code."""
    if not os.path.exists(os.path.join(BUILD, "usb", "reader-live")):
        print("left out: libumockdev (libumockdev-dev) was not there when this was built")
        return 77
    failed = 0
    for test in tests:
        begun = time.monotonic()
        try:
            test()
            print(f"{test.__name__}: {time.monotonic() - begun:.1f} s", flush=True)
        except (AssertionError, BenchError) as e:
            failed += 1
            print(f"FAILED {test.__name__}: {e}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(run([t for t in TESTS if len(sys.argv) == 1 or t.__name__ in sys.argv[1:]]))
