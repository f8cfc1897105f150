"""A sensor module on a serial line, as USB CDC-ACM through dummy_hcd: true plug and unplug."""
import os
import threading
import tty

import kit
import readers
import serial_module

GADGET = "/sys/kernel/config/usb_gadget/module"
CONTROLLER = "dummy_udc.0"
RULE = "/etc/udev/rules.d/61-laned-module.rules"
NEAR, FAR = "/dev/ttyACM0", "/dev/ttyGS0"
RULE_TEXT = ('SUBSYSTEM=="tty", ATTRS{idVendor}=="10c4", ATTRS{idProduct}=="ea60", '
             'GROUP="laned-bio", MODE="0660", ENV{ID_MM_DEVICE_IGNORE}="1"\n')
_module = serial_module.Module()
_far = {}


def _make_gadget():
    for module in ("dummy_hcd", "libcomposite", "usb_f_acm"):
        kit.run("modprobe", module)
    if not os.path.ismount("/sys/kernel/config"):
        kit.run("mount", "-t", "configfs", "configfs", "/sys/kernel/config")
    for folder in ("strings/0x409", "configs/c.1", "functions/acm.0"):
        os.makedirs(os.path.join(GADGET, folder))
    for name, text in (("idVendor", "0x10c4"), ("idProduct", "0xea60"),
                       ("strings/0x409/product", "R307"), ("strings/0x409/serialnumber", "M1")):
        readers.put(os.path.join(GADGET, name), text)
    os.symlink(GADGET + "/functions/acm.0", GADGET + "/configs/c.1/acm.0")


def _plug():
    readers.put(GADGET + "/UDC", CONTROLLER)
    fd = os.open(FAR, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    tty.setraw(fd)
    stop, _far["stop"] = os.pipe()
    _far["fds"] = (fd, stop)
    _far["thread"] = threading.Thread(target=_module.serve, args=(fd, stop), daemon=True)
    _far["thread"].start()
    kit.until(lambda: os.path.exists(NEAR), NEAR)
    kit.run("udevadm", "settle")


def _unplug():
    """The far end is hung up with it."""
    os.write(_far["stop"], b"x")
    _far["thread"].join()
    for fd in (*_far["fds"], _far["stop"]):
        os.close(fd)
    readers.put(GADGET + "/UDC", "\n")
    kit.until(lambda: not os.path.exists(NEAR), NEAR + " gone")
    _module.power()


def _pixels(path):
    """The middle of a picture, cut or filled to the module's size."""
    with open(path, "rb") as f:
        data = f.read()
    words = [w for line in data.split(b"\n", 8) if not line.startswith(b"#")
             for w in line.split()][1:3]
    width, height = (int(w) for w in words)
    rows = data[-width * height:]
    out = bytearray(b"\xff" * (serial_module.WIDTH * serial_module.HEIGHT))
    wide, high = min(width, serial_module.WIDTH), min(height, serial_module.HEIGHT)
    for y in range(high):
        at = ((height - high) // 2 + y) * width + (width - wide) // 2
        to = y * serial_module.WIDTH
        out[to:to + wide] = rows[at:at + wide]
    return bytes(out)


def starts_without():
    """Before the kernel has the driver of such lines."""
    with open("/proc/devices", encoding="ascii") as f:
        kit.expect("ttyACM" not in f.read(), "this test wants to be the first with a ttyACM")
    readers.use("driver = zfm\ndevice = %s" % NEAR)
    kit.equal(kit.reader().get("state"), "absent", "the reader")


def rule():
    """The administrator's line of docs/readers.md."""
    kit.write(RULE, RULE_TEXT)
    kit.run("udevadm", "control", "--reload")
    _make_gadget()
    _plug()
    kit.equal(readers.access(NEAR), ("root", "laned-bio", 0o660), NEAR)


def ready():
    r = kit.wait_reader("ready")
    return "%s, driver %s" % (r.get("model"), r.get("driver"))


def captured():
    before = readers.captures()
    _module.finger = _pixels(readers.finger(1, 1))
    kit.until(lambda: readers.captures() > before, "a picture; %r" % kit.reader())
    _module.finger = None
    kit.wait_reader("ready")


def replugged():
    for _ in range(3):
        _unplug()
        kit.wait_reader("absent")
        _plug()
        kit.wait_reader("ready")
    captured()
    return "3 times"


CLAIMS = (
    ("serial: driver = zfm starts without a module", starts_without),
    ("serial: plugged in, the administrator's rule gives its line to laned-bio", rule),
    ("serial: laned-bio opens it by itself", ready),
    ("serial: a finger becomes a picture", captured),
    ("serial: pulled and plugged in again it is ready again and takes pictures", replugged),
)
