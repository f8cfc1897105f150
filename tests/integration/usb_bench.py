#!/usr/bin/python3
"""The bench of reader models itself: what other tests build on is as they are told."""
import os
import signal
import sys
import tempfile

SRC = os.environ.get("SRCDIR", ".")
BUILD = os.environ.get("LANED_BUILD", "build")
sys.path.insert(0, os.path.join(SRC, "tests/usb"))
from readerbench import Bench, BenchError  # noqa: E402 (its folder comes first)

LIVE = os.path.join(BUILD, "usb/reader-live")
NODES = ("import os, sys; print(os.environ['UMOCKDEV_DIR'], flush=True); "
         "print(*sorted(os.listdir('/dev/bus/usb/001')), flush=True)")
# Opens the device, claims its interface with the kernel's own words, and goes to sleep.
HOLD = ("import fcntl, os, struct, sys, time\n"
        "d = '/dev/bus/usb/001/'\n"
        "f = os.open(d + max(os.listdir(d)), os.O_RDWR)\n"
        "try:\n"
        "    fcntl.ioctl(f, 0x8004550f, struct.pack('I', int(sys.argv[1])))\n"  # CLAIMINTERFACE
        "except OSError as e:\n"
        "    sys.exit(e.errno)\n"
        "print('claimed', flush=True)\n"
        "if sys.argv[2:]:\n"
        "    time.sleep(60)\n")


def bench(child, *options, **popen):
    """reader-live with a Python child."""
    return Bench([LIVE], ["/usr/bin/python3", "-c", *child], ["--fast", *options], **popen)


def refuses(b, line, why):
    """A command is answered with an error that says why."""
    try:
        b.cmd(line)
    except BenchError as e:
        assert why in str(e), e
        return
    raise AssertionError(f"accepted: {line}")


def test_commands_are_checked():
    """Nonsense is answered, and changes nothing."""
    with bench(["import time; time.sleep(60)"], "--wait") as b:
        for line, why in (("plug 1234:5678", "id"), ("plug 05ba:000a 2-1", "port"),
                          ("unplug 1-1", "no reader"), ("unplug 1-9", "port"),
                          ("finger 1-1", "words"), ("finger 1-1 /nowhere", "read"),
                          ("finger 1-1 synth x", "numbers"), ("fault 1-1 nonsense", "fault"),
                          ("fault 1-1 stall-control x", "numbers"), ("dance", "command"),
                          ("plug 05ba:000a 1-1 " + "x" * 80, "too long"),
                          ("suspend 1-1", "no reader")):
            refuses(b, line, why)
        b.cmd("plug")
        refuses(b, "plug", "there is a reader")
        assert b.stats()["plugs"] == 1


def test_pictures_are_checked():
    """A file that is no picture is refused, whatever is wrong with it."""
    with tempfile.TemporaryDirectory() as folder, \
            bench(["import time; time.sleep(60)"], "--wait") as b:
        path = os.path.join(folder, "p.pgm")
        good = b"P5\n# by hand\n3 2\n255\nabcdef"
        for data in (b"", good[:-1], b"P6" + good[2:], good.replace(b"3 2", b"0 2"),
                     good.replace(b"3 2", b"5000 2"), good.replace(b"255", b"65535")):
            with open(path, "wb") as f:
                f.write(data)
            refuses(b, f"finger 1-1 {path}", "no binary PGM")
        with open(path, "wb") as f:
            f.write(good)
        b.cmd(f"finger 1-1 {path}")
        refuses(b, f"finger 1-1 raster {path}", "384x290")


def test_nothing_is_left_behind():
    """The child sees its devices, and the bed goes with the bench."""
    with tempfile.TemporaryFile() as out:
        with bench([NODES], "--wait", stdout=out) as b:
            b.cmd("plug 05ba:000a 1-1")
            b.cmd("plug 045e:00ca 1-2")
            b.cmd("start")
            b.wait("exited 0")
            assert b.exit_code() == 0
        out.seek(0)
        folder, nodes = out.read().decode().splitlines()
    assert nodes.split() == ["001", "002", "003"], nodes
    assert not os.path.exists(folder), folder


def test_a_killed_client_lets_go():
    """As with usbfs, the interface of a process that died can be claimed by the next one."""
    with bench([HOLD, "0", "hold"], "--wait", "--stay", stdout=-3) as b:
        b.cmd("plug")
        for _ in range(10):
            b.events.clear()
            b.cmd("start")
            pid = int(b.wait("started").split()[1])
            b.wait("opened 1-1")
            os.kill(pid, signal.SIGKILL)
            b.wait("exited 137", keep=True)  # in any order
            b.wait("closed 1-1")
            assert b.stats()["clients"] == 0
        b.cmd("plug 05ba:000a 1-2")  # what it opens now
        b.cmd("start")
        b.wait("opened 1-2")


def test_a_claim_can_be_refused():
    """Another program has the reader; the keyboard's own interface has the kernel's driver."""
    for device, interface, busy, code in (("05ba:000a", 0, "off", 0), ("05ba:000a", 0, "on", 16),
                                          ("045e:00bb", 0, "off", 16), ("045e:00bb", 1, "off", 0),
                                          ("05ba:000a", 1, "off", 2)):
        with bench([HOLD, str(interface)], "--wait", stdout=-3) as b:
            b.cmd(f"plug {device}")
            b.cmd(f"busy 1-1 {busy}")
            b.cmd("start")
            event = b.wait("exited")
            assert event == f"exited {code}", (device, interface, busy, event)


def test_addresses_come_again():
    """A device has a new address after each plug; there are as many plugs as one likes."""
    with bench(["import time; time.sleep(60)"]) as b:
        nodes = []
        for _ in range(140):
            b.cmd("plug")
            nodes.append(b.wait("plugged 1-1").split()[3])
            b.cmd("unplug 1-1")
        assert all(x != y for x, y in zip(nodes, nodes[1:])), nodes
        assert nodes[0] in nodes[1:]


def test_the_child_ends_with_the_bench():
    """quit ends a child that would stay."""
    with bench(["import time; time.sleep(600)"]) as b:
        pid = int(b.wait("started").split()[1])
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return
    raise AssertionError("the child still runs")


def main():
    """All of them, or those named."""
    if not os.path.exists(LIVE):
        print("skipped: reader-live is not built: libumockdev-dev is missing")
        sys.exit(77)
    tests = {k[5:]: f for k, f in globals().items() if k.startswith("test_")}
    for name in sys.argv[1:] or tests:
        tests[name]()
        print(f"{name}: ok", flush=True)


if __name__ == "__main__":
    main()
