"""Suspend and resume under the running, confined unit."""
import os
import re
import time

import kit
import readers


def _kernel_log(since):
    return kit.run("journalctl", "-k", "-b", "-o", "cat", "--since=@%d" % since)


def _suspend(state, test="none"):
    """Under a level of /sys/power/pm_test; the error, or None."""
    readers.put("/sys/power/pm_test", test)
    try:
        readers.put("/sys/power/state", state)
    except OSError as e:
        return e
    finally:
        readers.put("/sys/power/pm_test", "none")
    return None


def present():
    readers.use("driver = usb")
    if not readers.on_bus("05ba", "000a"):
        readers.plug()
    kit.wait_reader("ready")
    readers.captured()


def awake_while_open():
    folder = readers.on_bus("05ba", "000a")[0]
    readers.put(folder + "/power/autosuspend_delay_ms", "0")
    readers.put(folder + "/power/control", "auto")
    readers.captured()
    kit.equal(readers.read(folder + "/power/runtime_status"), "active", "runtime_status")


def asleep_while_closed():
    """The device sleeps when nobody has it open; laned-bio's open wakes it."""
    folder = readers.on_bus("05ba", "000a")[0]
    kit.run("systemctl", "stop", "laned-bio")
    kit.until(lambda: readers.read(folder + "/power/runtime_status") == "suspended",
              "the device asleep")
    kit.run("systemctl", "start", "laned-bio")
    kit.until(kit.connected, "laned-bio connected")
    kit.wait_reader("ready")
    readers.captured()
    kit.equal(readers.read(folder + "/power/runtime_status"), "active", "runtime_status")
    readers.put(folder + "/power/control", "on")


def frozen():
    """All processes are frozen and thawed, the device stays as it is."""
    error = _suspend("freeze", "freezer")
    kit.expect(error is None, "suspend to idle, freezer: %s" % error)
    kit.wait_reader("ready")
    readers.captured()


def bus_suspended():
    """The kernel suspends devices until vhci_hcd refuses, as it does while something is plugged in;
    by then the bus under the reader is suspended, and is resumed."""
    since = int(time.time())
    bus = os.path.basename(readers.on_bus("05ba", "000a")[0]).split("-")[0]
    readers.put("/sys/power/pm_print_times", "1")
    error = _suspend("freeze", "devices")
    readers.put("/sys/power/pm_print_times", "0")
    kit.expect(error is None or "vhci_hcd" in _kernel_log(since), "devices: %s" % error)
    for call in ("usb_dev_suspend", "usb_dev_resume"):
        kit.until(lambda: re.search(r"usb usb%s: .*%s.* returned 0" % (bus, call),
                                    _kernel_log(since)), "%s of the bus" % call)
    kit.wait_reader("ready")
    readers.captured()
    return "then refused by vhci_hcd" if error else None


def slept():
    """The whole machine to RAM, with the reader's power off meanwhile, as in most PCs. The host
    presses the power button when the machine says that it sleeps."""
    since = int(time.time())
    readers.unplug()
    kit.wait_reader("absent")
    readers.put("/sys/power/mem_sleep", "deep")
    error = _suspend("mem")
    kit.expect(error is None, "suspend to RAM: %s" % error)
    kit.until(lambda: "PM: suspend exit" in _kernel_log(since), "the kernel's word of waking")
    readers.plug()
    kit.wait_reader("ready")
    readers.captured()
    kit.until(kit.connected, "all connected after the sleep")
    kit.equal(kit.failed_units(), "", "failed units")


CLAIMS = (
    ("power: a reader is there", present),
    ("power: an open reader is kept awake even where autosuspend is on", awake_while_open),
    ("power: a reader that slept while closed is woken and works", asleep_while_closed),
    ("power: all processes frozen and thawed, the next finger is a picture", frozen),
    ("power: the bus suspended and resumed, the next finger is a picture", bus_suspended),
    ("power: the machine slept and the reader lost its power, it comes back", slept),
)
