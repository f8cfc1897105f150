#!/usr/bin/python3
"""What lanectl tells of USB readers on a live bus: the real laned and laned-bio, the driver over
libusb, and a model of the device that is plugged in, touched and pulled out."""
import os
import signal
import sys
import time

SRC = os.environ.get("SRCDIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path[:0] = [os.path.join(SRC, "tests", "demo"), os.path.join(SRC, "tests", "usb")]
import lab as lablib  # noqa: E402
import readerbench  # noqa: E402

BUILD = os.environ.get("LANED_BUILD", os.path.join(SRC, "build"))
BENCH = os.path.join(BUILD, "usb", "reader-live")
PATIENCE_S = 30.0  # a limit for a hang


class Live:
    def __init__(self):
        self.lab = lablib.Lab(BUILD)
        self.lab.settings["reader:demo"] = {"driver": "usb", "port": "1-1"}
        self.lab.write_conf()
        self.lab.start("laned")
        with open(self.lab.path("log", "laned-bio"), "ab") as log:
            self.bench = readerbench.Bench(
                [BENCH], [os.path.join(BUILD, "laned-bio"), "--conf", self.lab.path("laned.conf")],
                options=["--fast"], stdout=log, stderr=log)
        self.rpc = self.lab.control()
        self.rpc.call("lane.watch")

    def told(self, condition):
        """The next checkout told to a watcher that fits."""
        return self.rpc.wait_note(lambda n: n["method"] == "lane.changed"
                                  and condition(n["params"]), PATIENCE_S)["params"]

    def until(self, condition):
        """lane.readers once it fits."""
        end = time.monotonic() + PATIENCE_S
        while True:
            answer = self.rpc.call("lane.readers")
            if condition(answer["readers"][0], answer["attached"]):
                return answer["readers"][0], answer["attached"]
            assert time.monotonic() < end, answer

    def text(self):
        return self.lab.ctl("readers", json_out=False).stdout

    def doctor(self):
        checks = self.lab.ctl("doctor", check=False)["checks"]
        return [c["state"] + ": " + c["text"] + " -> " + c.get("advice", "") for c in checks
                if c["name"] == "readers"]


def nothing_is_plugged_in(live):
    live.told(lambda c: c.get("service") == "reader-absent" and c["row"] == "sensor-fault")
    reader, attached = live.until(lambda r, a: r["state"] == "absent")
    assert attached == [] and "model" not in reader, (reader, attached)
    assert "demo  usb     -" in live.text(), live.text()
    assert ["absent" in d and "plug it in" in d for d in live.doctor()] == [True], live.doctor()


def one_at_another_port_is_shown_and_not_taken(live):
    live.bench.cmd("plug 05ba:000a 1-2 SN2")
    reader, attached = live.until(lambda r, a: len(a) == 1)
    assert reader["state"] == "absent" and attached[0]["port"] == "1-2", (reader, attached)
    assert "reader" not in attached[0], attached
    text = live.text()
    assert "at 1-2, serial number SN2" in text and "port = 1-2" in text, text
    check, unused = live.doctor()
    for words in ("wants port 1-1, and attached is", "at 1-2, serial number SN2"):
        assert words in check, check
    assert "at 1-2 is attached and not used" in unused, unused


def the_right_one_comes_by_itself(live):
    live.bench.cmd("plug 05ba:000a 1-1 SN1")
    live.told(lambda c: not c["faults"]["bio_down"] and c["row"] == "idle")
    reader, attached = live.until(lambda r, a: r["state"] == "ready" and len(a) == 2)
    assert (reader["port"], reader["serial"], reader["id"]) == ("1-1", "SN1", "05ba:000a"), reader
    assert (reader["captures"], reader["replugs"]) == (0, 0), reader
    assert [d.get("reader") for d in sorted(attached, key=lambda d: d["port"])] == ["demo", None]
    live.bench.cmd("unplug 1-2")
    live.until(lambda r, a: len(a) == 1)
    assert "not used" not in live.text()
    assert [d[:3] for d in live.doctor()] == ["ok:"], live.doctor()


def a_touch_is_told_and_counted(live):
    live.bench.cmd("finger 1-1 synth 1 1")
    assert live.told(lambda c: c["row"] == "scanning")["phase"] == "idle"
    live.told(lambda c: c["row"] == "not-read")  # of nobody enrolled
    live.bench.cmd("lift 1-1")
    reader, _ = live.until(lambda r, a: r["state"] == "ready" and r["captures"] > 0)
    assert " %d " % reader["captures"] in live.text().splitlines()[1], live.text()


def a_cable_that_is_pulled_is_a_fault_until_it_is_back(live):
    live.bench.cmd("unplug 1-1")
    shown = live.told(lambda c: c["faults"]["bio_down"])
    assert shown["service"] == "reader-absent", shown
    live.bench.cmd("plug 05ba:000a 1-1 SN1")
    live.told(lambda c: not c["faults"]["bio_down"] and "service" not in c)
    reader, _ = live.until(lambda r, a: r["state"] == "ready")
    assert reader["replugs"] == 1, reader
    assert live.text().splitlines()[1].endswith(" 1"), live.text()
    log = live.lab.log("laned")
    assert log.count("reader demo: ready") == 2, log
    assert log.count("reader demo: absent") == 2, log


def the_end_of_laned_bio_is_told(live):
    assert live.bench.close() in (0, -signal.SIGTERM), live.lab.log("laned-bio")
    assert live.told(lambda c: c.get("service") == "bio-away")["faults"]["bio_down"]
    done = live.lab.ctl("readers", check=False, json_out=False)
    assert done.returncode == 1 and "laned-bio is not running" in done.stderr, done


TESTS = [nothing_is_plugged_in, one_at_another_port_is_shown_and_not_taken,
         the_right_one_comes_by_itself, a_touch_is_told_and_counted,
         a_cable_that_is_pulled_is_a_fault_until_it_is_back, the_end_of_laned_bio_is_told]


def main():
    if not os.path.exists(BENCH):
        print("umockdev is missing: no live bus")
        return 77
    live = Live()
    try:
        for test in TESTS:  # each goes on where the last one stopped
            test(live)
            print("ok   %s" % test.__name__, flush=True)
        live.lab.stop()
        for name in ("laned", "laned-bio"):
            log = live.lab.log(name)
            assert "ERROR: " not in log and "runtime error" not in log, log[-6000:]
    except Exception:
        print(live.lab.log("laned")[-3000:], live.lab.log("laned-bio")[-3000:])
        raise
    finally:
        if live.bench.process.poll() is None:
            live.bench.close()
        live.lab.remove()
    return 0


def stop(signo, _frame):
    raise SystemExit("stopped by signal %d" % signo)  # by way of finally: no daemon stays behind


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGALRM, stop)
    signal.alarm(300)  # a limit for a hang
    sys.exit(main())
