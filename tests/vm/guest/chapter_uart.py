"""Serial lines with a real UART's driver: 16550s of the machine, two and two joined by a cable."""
import errno
import fcntl
import glob
import os
import select
import shutil
import signal
import struct
import subprocess
import termios
import time
import tty

import adapter_template
import bypass
import kit
import lab
import linepos

# The ports in the order of their PCI addresses: of the lane and of what its cables end at. The fifth is
# no line but tells the cable what to do.
NAMES = ("lane", "pos", "far", "terminal", "orders")
VENDOR_DEVICE = ("0x1b36", "0x0002")  # QEMU's pci-serial, a 16550A
ROOT = "/dev/shm/uart"
EVERY = bytes(range(256))
ROUNDS = 16
SAY_AGAIN_S = 5.0
DTR, RTS, CTS, DSR, DCD, BREAK = 1, 2, 4, 8, 16, 32  # enum laned_modem_lines
TIOCM_LOOP = 0x8000
_ports = {}
_orders = []
_lane = []
_units = set()  # adapters of the units that were connected before


def order(word):
    """The cable on the host does it."""
    os.write(_orders[0].fileno(), word.encode() + b"\n")
    answer = _orders[1].next()
    kit.expect(answer.startswith("ok"), "the cable: " + answer)
    return answer[3:]


def ports():
    found = []
    for folder in sorted(glob.glob("/sys/bus/pci/devices/*")):
        with open(folder + "/vendor", encoding="ascii") as v, \
                open(folder + "/device", encoding="ascii") as d:
            if (v.read().strip(), d.read().strip()) == VENDOR_DEVICE:
                found.append((folder, "/dev/" + os.listdir(folder + "/tty")[0]))
    kit.equal(len(found), len(NAMES), "ports")
    _ports.update(zip(NAMES, found))
    listed = kit.run("cat", "/proc/tty/driver/serial")
    for _, path in found:
        number = path.rpartition("ttyS")[2]
        kit.expect(any(line.startswith(number + ": uart:16550A") for line in listed.splitlines()),
                   "%s is no 16550A: %s" % (path, listed))
    _orders.append(open(_ports["orders"][1], "r+b", buffering=0))
    tty.setraw(_orders[0].fileno())
    _orders.append(kit.Lines(_orders[0], "the cable"))
    order("plug")
    return ", ".join("%s %s" % (name, _ports[name][1]) for name in NAMES)


class Line:
    """The other end of a cable, raw at 9600 8N1, as a socket looks to linepos."""

    def __init__(self, name="pos"):
        self.fd = os.open(_ports[name][1], os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self.fd)
        attributes = termios.tcgetattr(self.fd)
        attributes[2] |= termios.CLOCAL
        attributes[4] = attributes[5] = termios.B9600
        termios.tcsetattr(self.fd, termios.TCSANOW, attributes)
        termios.tcflush(self.fd, termios.TCIOFLUSH)

    def fileno(self):
        return self.fd

    def recv(self, n):
        return os.read(self.fd, n)

    def sendall(self, data):
        while data:
            data = data[os.write(self.fd, data):]

    def read(self, count):
        got = b""
        while len(got) < count and select.select([self.fd], [], [], kit.PATIENCE_S)[0]:
            got += os.read(self.fd, 4096)
        return got

    def close(self):
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = -1


class Ours:
    """The lane's end by laned-adapter's own code (tests/vm/uartline.c)."""

    def __init__(self, setting):
        self.process = subprocess.Popen(
            [os.path.join(kit.PAYLOAD, "uartline"), "serial://" + _ports["lane"][1] + setting],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.lines = kit.Lines(self.process.stdout, "uartline")
        self.said = []

    def wait(self, word, fits=lambda rest: True):
        """What follows word, of the first such line that fits; others are kept."""
        kept = [s for s in self.said if s.startswith(word) and fits(s[len(word) + 1:])]
        if kept:
            self.said.remove(kept[0])
            return kept[0][len(word) + 1:]
        while True:
            line = self.lines.next()
            if line.split(" ")[0] == word and fits(line[len(word) + 1:]):
                return line[len(word) + 1:]
            self.said.append(line)

    def do(self, text):
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()
        kit.equal(self.wait("did"), "0", text[:20])

    def read(self, count):
        got = b""
        while len(got) < count:
            got += bytes.fromhex(self.wait("data"))
        return got

    def end(self):
        self.process.stdin.close()
        kit.equal(self.process.wait(kit.PATIENCE_S), 0, "uartline")


def settings_of(path):
    """Speed and the words of stty that tell a format."""
    words = kit.run("stty", "-a", "-F", path).replace(";", " ").split()
    return words[words.index("speed") + 1], [w for w in words if w.lstrip("-") in (
        "parenb", "cs8", "cs7", "cstopb", "crtscts", "clocal", "parmrk", "icanon", "echo", "ixon")]


def bytes_right():
    """Every value, many times, both ways at once; and the port is set up as its address says."""
    line, ours = Line(), Ours("?9600,8N1")
    try:
        ours.wait("opened")
        speed, words = settings_of(_ports["lane"][1])
        kit.equal((speed, sorted(words)), ("9600", sorted(
            ["-parenb", "cs8", "-cstopb", "-crtscts", "clocal", "parmrk", "-icanon", "-echo",
             "-ixon"])), "the port")
        before = int(order("passed"))
        for _ in range(ROUNDS):
            ours.do("send " + EVERY.hex())
            line.sendall(EVERY)
        kit.equal(line.read(len(EVERY) * ROUNDS), EVERY * ROUNDS, "what the POS has")
        kit.equal(ours.read(len(EVERY) * ROUNDS), EVERY * ROUNDS, "what the lane has")
        kit.equal(int(order("passed")) - before, len(EVERY) * ROUNDS, "bytes on the cable")
        ours.end()
    finally:
        ours.process.kill()
        line.close()
    return "%d each way" % (len(EVERY) * ROUNDS)


def formats():
    """Another speed and format, hardware flow control; bytes come through. 7 bits are 7 bits."""
    for setting, speed, words, mask in (
            ("?115200,8N1,rtscts", "115200", {"cs8", "-parenb", "-cstopb", "crtscts"}, 0xff),
            ("?19200,7E2", "19200", {"cs7", "parenb", "cstopb", "-crtscts"}, 0x7f)):
        line, ours = Line(), Ours(setting)
        try:
            ours.wait("opened")
            told = settings_of(_ports["lane"][1])
            kit.expect(told[0] == speed and words <= set(told[1]), "%s: %r" % (setting, told))
            ours.do("send " + bytes(b & mask for b in EVERY).hex())
            kit.equal(line.read(256), bytes(b & mask for b in EVERY), setting)
            line.sendall(bytes(b & mask for b in EVERY))
            kit.equal(ours.read(256), bytes(b & mask for b in EVERY), setting)
            ours.end()
        finally:
            ours.process.kill()
            line.close()


def one_owner():
    """Who else wants it is told so."""
    first = Ours("?9600,8N1")
    try:
        first.wait("opened")
        second = Ours("?9600,8N1")
        kit.equal(second.wait("closed"), str(errno.EBUSY), "the second to open it")
        second.process.stdin.close()
        second.process.wait(kit.PATIENCE_S)
        first.end()
    finally:
        first.process.kill()


def modem_lines():
    """DTR, RTS out and CTS, DSR, DCD in: QEMU's cable carries none, so the UART's own loop does."""
    ours = Ours("?9600,8N1")
    fd = -1
    try:
        ours.wait("opened")
        first = int(ours.wait("lines"))
        kit.expect(first & (CTS | DSR | DCD) == CTS | DSR | DCD, "after the reset: %d" % first)
        # Another descriptor of the same port: root may, in spite of TIOCEXCL.
        fd = os.open(_ports["lane"][1], os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        fcntl.ioctl(fd, termios.TIOCMBIS, struct.pack("i", TIOCM_LOOP))
        for lines in (RTS, DTR, 0, DTR | RTS):
            ours.do("modem %d %d" % (DTR | RTS, lines))
            wanted = (CTS if lines & RTS else 0) | (DSR if lines & DTR else 0)
            ours.wait("lines", lambda rest, wanted=wanted, lines=lines: int(rest) & (
                CTS | DSR | DTR | RTS) == wanted | lines)
        fcntl.ioctl(fd, termios.TIOCMBIC, struct.pack("i", TIOCM_LOOP))
        ours.end()
    finally:
        if fd >= 0:
            os.close(fd)
        ours.process.kill()


def breaks():
    """A break is told as one, between the bytes around it; one of ours does no harm."""
    line, ours = Line(), Ours("?9600,8N1")
    try:
        ours.wait("opened")
        line.sendall(b"\xff\x00before\xff")
        kit.equal(ours.read(9), b"\xff\x00before\xff", "before the break")
        order("break")
        ours.wait("lines", lambda rest: int(rest) & BREAK)
        line.sendall(b"after")
        kit.equal(ours.read(5), b"after", "after the break")
        ours.do("modem %d %d" % (BREAK, BREAK))
        ours.do("send " + b"still here".hex())
        kit.equal(line.read(10), b"still here", "after ours")
        kit.expect(not [s for s in ours.said if s.startswith("data")], "more bytes: %r" % ours.said)
        ours.end()
    finally:
        ours.process.kill()
        line.close()


# ---- a lane ------------------------------------------------------------------------------


class SerialPos(linepos.LinePos):
    """A line is never closed: what was not acknowledged is said again after a while, and half a
    message is passed over."""

    def __init__(self, folder):
        super().__init__(folder)
        self.said = 0.0
        self.noise = 0

    def accept(self):
        if self.sock is None:
            self.sock = Line()

    def say(self):
        if self.asked and time.monotonic() - self.said > SAY_AGAIN_S:
            self.asked = False
        if not self.asked:
            self.said = time.monotonic()
        super().say()

    def take(self, line):
        try:
            super().take(line)
        except (ValueError, KeyError, TypeError):
            self.noise += 1


class Lane(adapter_template.Lane):
    """That of the template's own test, its peer at the end of a cable."""

    def __init__(self):
        super().__init__()
        self.pos.listener.close()
        self.pos = SerialPos(self.path("serial"))
        self.settings["paths"]["adapters"] = ROOT + "/adapters"
        self.settings["adapter:template"] = {
            "peer": "serial://%s?9600,8N1" % _ports["lane"][1], "answer_timeout": "3s"}
        self.settings["payment"].update({"sending_max": "15s"})
        self.write_conf()

    def synth_fingers(self, *_arguments, **_more):
        shutil.copytree(os.path.join(kit.PAYLOAD, "synthetic"), self.path("images"),
                        dirs_exist_ok=True)


def connected():
    """The adapters that laned of the units has."""
    status = kit.status() or {"adapters": []}
    return {a["name"] for a in status["adapters"] if a["connected"]}


def open_lane():
    """A lane by hand beside the units, which rest meanwhile: the template speaks over the line."""
    _units.update(connected())
    kit.run("systemctl", "stop", "laned.target")
    lab.PATIENCE_S = adapter_template.PATIENCE_S = kit.PATIENCE_S
    os.makedirs(ROOT + "/adapters")
    for path in ("/usr/sbin/laned", "/usr/bin/lanectl", "/usr/libexec/laned/laned-bio",
                 "/usr/libexec/laned/laned-adapter"):
        os.symlink(path, os.path.join(ROOT, os.path.basename(path)))
    for name in ("template.so", "template.options.json"):
        shutil.copy(os.path.join(kit.PAYLOAD, "adapters", name), ROOT + "/adapters")
    adapter_template.BUILD = ROOT
    _lane.append(Lane())
    _lane[0].open()


def paid():
    lane = _lane[0]
    adapter_template.paid_with_the_member_s_price(lane)
    lane.agree()
    kit.equal(lane.pos.noise, 0, "lines that were none")


def break_in_a_payment():
    lane = _lane[0]
    ticket = lane.sell("delay:1")
    order("break")
    lane.ended(ticket, "confirmed")
    lane.agree()
    kit.equal(lane.pos.noise, 0, "lines that were none")


def pulled():
    """The cable is out when the payment has left; the answer gets lost, and what is asked then."""
    lane = _lane[0]
    ticket = lane.sell("delay:1")
    order("pull")
    kit.expect(lane.pos.wait(lambda: not lane.pos.delayed, kit.PATIENCE_S), "no answer was said")
    kit.expect(lane.payment(ticket)["state"] in ("sending", "unknown"),
               "with the cable out: %s" % lane.payment(ticket))
    order("plug")
    lane.ended(ticket, "confirmed", "undone")
    lane.agree()
    lane.ended(lane.sell(), "confirmed")
    lane.agree()
    return lane.payment(ticket)["state"]


def unplugged(name, said):
    """The port itself goes, as a USB converter that is unplugged, and is there again later. said():
    what the host says; its first word of the port."""
    folder, path = _ports[name]
    driver = os.path.realpath(folder + "/driver")
    before = len(said())
    kit.write(driver + "/unbind", os.path.basename(folder))
    kit.until(lambda: path in said()[before:], "the host's word of " + path)
    kit.write(driver + "/bind", os.path.basename(folder))
    kit.equal("/dev/" + os.listdir(folder + "/tty")[0], path, "the port's name")
    return said()[before:].strip().splitlines()[0]


def port_gone():
    lane = _lane[0]
    told = unplugged("lane", lambda: lane.log("laned-adapter"))
    lane.ended(lane.sell(), "confirmed")
    lane.agree()
    return told


def killed():
    lane = _lane[0]
    ticket = lane.sell("never")
    lane.processes["laned-adapter"].send_signal(signal.SIGKILL)
    lane.processes.pop("laned-adapter").wait()
    lane.start("laned-adapter")
    lane.ended(ticket, "confirmed", "undone")
    lane.agree()


def close_lane():
    lane = _lane.pop()
    lane.stop()
    lane.remove()
    lane.pos.sock.close()
    return "%d lines lost to the cable" % lane.pos.noise


# ---- a terminal behind it ----------------------------------------------------------------


class Between(lab.Lab):
    """A lane between a POS and its terminal, with ZVT's frames on both lines."""
    adapter = "relay"

    def __init__(self):
        super().__init__(ROOT)
        del self.settings["adapter:drop"]
        self.settings["paths"]["adapters"] = ROOT + "/adapters"
        self.settings["adapter:relay"] = {
            "pos": "serial://%s?9600,8N1" % _ports["lane"][1],
            "terminal": "serial://%s?9600,8N1" % _ports["far"][1], "framing": "zvt-serial"}
        self.write_conf()
        self.ends = Line("pos"), Line("terminal")

    def said(self):
        return self.log("laned-adapter")

    def wait_said(self, text, count=1):
        kit.until(lambda: self.said().count(text) >= count, "%r; the host says:\n%s" % (
            text, self.said()))

    def payments(self, count=2):
        for _ in range(count):
            bypass.zvt_payment(*(end.fd for end in self.ends))


def between():
    bypass.PATIENCE_S = kit.PATIENCE_S
    for name in ("relay.so", "relay.options.json"):
        shutil.copy(os.path.join(kit.PAYLOAD, "adapters", name), ROOT + "/adapters")
    lane = Between()
    _lane.append(lane)
    lane.start("laned")
    lane.control().close()
    lane.start("laned-adapter")
    lane.wait_said("serves lane-1")
    lane.payments()


def past_laned():
    """laned is gone: the host joins the two lines; and is back."""
    lane = _lane[0]
    lane.kill("laned")
    lane.wait_said("bypass: the POS is joined")
    lane.payments()
    lane.start("laned")
    lane.wait_said("the bypass is over")
    lane.payments()


def host_killed():
    lane = _lane[0]
    lane.kill("laned-adapter")
    served = lane.said().count("serves lane-1")
    lane.start("laned-adapter")
    lane.wait_said("serves lane-1", served + 1)
    lane.payments()


def terminal_gone():
    lane = _lane[0]
    told = unplugged("far", lane.said)
    lane.payments()
    return told


def close():
    lane = _lane.pop()
    lane.stop()
    lane.remove()
    for end in lane.ends:
        end.close()
    _orders[0].close()
    shutil.rmtree(ROOT)
    kit.run("systemctl", "start", "laned.target")
    kit.until(lambda: connected() >= _units, "the units again: %s" % _units)


CLAIMS = (
    ("uart: the kernel has 16550As, and a cable joins two and two of them", ports),
    ("uart: 9600 8N1, every byte value comes through unaltered, both ways", bytes_right),
    ("uart: other speeds and formats, with RTS/CTS, too", formats),
    ("uart: who opens it second is refused", one_owner),
    ("uart: modem lines are set and seen", modem_lines),
    ("uart: a break is a break and no byte", breaks),
    ("uart: an adapter speaks over it on a whole lane", open_lane),
    ("uart: a ticket is paid by touch", paid),
    ("uart: a break in the middle of a payment changes nothing", break_in_a_payment),
    ("uart: the cable out in a payment and in again: charged once, as the journal says", pulled),
    ("uart: the adapter killed in a payment: charged once, as the journal says", killed),
    ("uart: the port goes and comes back, and the next ticket is paid", port_gone),
    ("uart: that lane ends", close_lane),
    ("uart: ZVT on two lines: a stranger's payments go to the terminal, frame by frame", between),
    ("uart: laned is gone and back: they go past it, and by it again", past_laned),
    ("uart: the host is killed, the next payments are made", host_killed),
    ("uart: the terminal's port goes and comes back, the next payments are made", terminal_gone),
    ("uart: the units take over again", close),
)
