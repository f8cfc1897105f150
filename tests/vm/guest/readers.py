"""The reader model on the guest's own USB: vhci_hcd, so that kernel, udev and libusb are real."""
import glob
import os
import stat
import pwd
import grp

import kit

os.environ["READERBENCH_LIMIT_S"] = str(kit.PATIENCE_S)
import readerbench  # noqa: E402

PORT = "1-1"
MODEL = os.path.join(kit.PAYLOAD, "reader-vhci")
_bench = []


def bench():
    """The one model of this boot, with nothing plugged in at first."""
    if not _bench:
        if not os.path.exists(MODEL):
            raise kit.Failure("the reader model was not built")
        kit.run("modprobe", "vhci_hcd")
        log = open(kit.LOGS + "/model.log", "wb")
        _bench.append(readerbench.Bench([MODEL], stdout=log, stderr=log))
    return _bench[0]


def finger(number, impression):
    return os.path.join(kit.PAYLOAD, "fingers", "%d_%d.pgm" % (number, impression))


def on_bus(vendor, product):
    """The sysfs folders of the devices with these ids."""
    found = []
    for folder in glob.glob("/sys/bus/usb/devices/*"):
        try:
            ids = tuple(read(os.path.join(folder, name)) for name in ("idVendor", "idProduct"))
        except (FileNotFoundError, NotADirectoryError):
            continue
        if ids == (vendor, product):
            found.append(folder)
    return found


def read(path):
    with open(path, encoding="ascii") as f:
        return f.read().strip()


def put(path, text):
    """One write, which a buffered file would try again after an error."""
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def node(folder):
    values = dict(line.split("=", 1) for line in read(folder + "/uevent").splitlines())
    return "/dev/" + values["DEVNAME"]


def access(path):
    """(owner, group, mode) of a node."""
    s = os.stat(path)
    return (pwd.getpwuid(s.st_uid).pw_name, grp.getgrgid(s.st_gid).gr_name,
            stat.S_IMODE(s.st_mode))


def plug(device="05ba:000a", port=PORT):
    """Plugged in and seen by udev; its sysfs folder."""
    before = set(on_bus(*device.split(":")))
    bench().cmd("plug %s %s" % (device, port))
    new = kit.until(lambda: set(on_bus(*device.split(":"))) - before, device + " on the bus")
    kit.run("udevadm", "settle")
    return new.pop()


def unplug(port=PORT):
    bench().cmd("unplug " + port)


def touch(image, port=PORT):
    """A finger is put on the glass, photographed and lifted."""
    b = bench()
    b.events.clear()
    b.cmd("finger %s %s" % (port, image))
    b.wait("captured " + port)
    b.wait("resting " + port)
    b.cmd("lift " + port)
    b.wait("lifted " + port)


def captures():
    return kit.reader().get("captures", 0)


def captured():
    """A finger on the glass arrives in laned-bio as one more picture."""
    before = captures()
    touch(finger(1, 1))
    kit.until(lambda: captures() > before, "a picture in laned-bio; %r" % kit.reader())


def use(section):
    """[reader:front] with these lines; laned-bio reads it at its start."""
    path = "/etc/laned/conf.d/10-lane.conf"
    with open(path, encoding="utf-8") as f:
        parts = f.read().split("[")
    parts = ["reader:front]\n" + section + "\n\n" if p.startswith("reader:front]") else p
             for p in parts]
    kit.write(path, "[".join(parts))
    kit.run("laned", "-t")
    kit.run("systemctl", "restart", "laned", "laned-bio")
    kit.until(kit.connected, "all connected with the changed configuration; %s" % kit.status())
