#!/usr/bin/python3
"""laned-bio with a sensor module on a serial line: enrolled and identified by pictures that a module
sends over a pseudo-terminal, unplugged and plugged in again, with a wrong password and a line that
somebody else has. The module is written from the protocol's description, in another language than
the driver.

    serial_module.py --line /dev/ttyGS0 --image FILE.pgm

only plays the module, at the far end of a line, with a finger on and off every few seconds."""
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import threading
import time
import tty

SRC = os.environ.get("SRCDIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
for folder in ("demo", "integration"):
    sys.path.insert(0, os.path.join(SRC, "tests", folder))
import bio_protocol  # noqa: E402
import lab as lablib  # noqa: E402

WIDTH, HEIGHT = 256, 288
CHUNK = 128
OK, NO_FINGER, WRONG_PASSWORD, NO_IMAGE, NOT_VERIFIED, BAD_PACKET = 0, 2, 0x13, 0x15, 0x21, 1


def grey_of(path):
    """The pixels of a PGM of the module's size."""
    with open(path, "rb") as f:
        data = f.read()
    pixels = data[-WIDTH * HEIGHT:]
    assert data.startswith(b"P5") and len(pixels) == WIDTH * HEIGHT, path
    return pixels


class Module:
    def __init__(self, password=0, address=0xffffffff):
        self.password, self.address = password, address
        self.finger = None  # pixels
        self.held = None    # the picture it took
        self.verifies = 0   # times that it was given a password
        self.power()

    def power(self):
        self.verified, self.buffer, self.held = False, b"", None

    def packet(self, kind, payload):
        body = struct.pack(">BH", kind, len(payload) + 2) + payload
        return (struct.pack(">HI", 0xef01, self.address) + body +
                struct.pack(">H", sum(body) & 0xffff))

    def picture(self):
        packed = bytes((a & 0xf0) | b >> 4 for a, b in zip(self.held[::2], self.held[1::2]))
        out = b""
        for at in range(0, len(packed), CHUNK):
            out += self.packet(8 if at + CHUNK >= len(packed) else 2, packed[at:at + CHUNK])
        return out

    def answer(self, payload):
        def code(n, more=b""):
            return self.packet(7, bytes([n]) + more)
        command = payload[0]
        if command == 0x13:
            self.verifies += 1
            self.verified = payload[1:] == struct.pack(">I", self.password)
            return code(OK if self.verified else WRONG_PASSWORD)
        if not self.verified:
            return code(NOT_VERIFIED)
        if command == 0x0f:
            return code(OK, struct.pack(">HHHHIHH", 0, 0, 200, 3, self.address, 2, 6))
        if command == 0x01:
            self.held = self.finger or self.held
            return code(NO_FINGER if self.finger is None else OK)
        if command == 0x0a:
            return code(NO_IMAGE) if self.held is None else code(OK) + self.picture()
        return code(BAD_PACKET)

    def feed(self, data):
        """What it says to these bytes."""
        self.buffer += data
        out = b""
        while True:
            start = self.buffer.find(b"\xef\x01")
            if start < 0 or len(self.buffer) < start + 9:
                return out
            length = struct.unpack(">H", self.buffer[start + 7:start + 9])[0]
            end = start + 9 + length
            if len(self.buffer) < end:
                return out
            body, self.buffer = self.buffer[start + 6:end], self.buffer[end:]
            if struct.unpack(">H", body[-2:])[0] != sum(body[:-2]) & 0xffff:
                out += self.packet(7, bytes([BAD_PACKET]))
            elif body[0] == 1:
                out += self.answer(body[3:-2])

    def serve(self, fd, stop):
        """Until stop is readable."""
        out = b"\x55"
        while True:
            readable, writable, _ = select.select([fd, stop], [fd] if out else [], [], 1)
            if stop in readable:
                return
            if fd in readable:
                try:
                    out += self.feed(os.read(fd, 4096))
                except OSError:
                    time.sleep(0.02)  # nobody has the near end; a peer may wait
            if writable:
                out = out[os.write(fd, out[:512]):]


class Cable:
    """A pseudo-terminal behind a link, as udev would make one."""

    def __init__(self, module, path):
        self.module, self.path = module, path
        self.master = None

    def plug(self):
        self.module.power()
        self.master, slave = pty.openpty()
        tty.setraw(slave)
        os.set_blocking(self.master, False)
        self.node = os.ttyname(slave)
        os.close(slave)
        self.stop_read, self.stop_write = os.pipe()
        self.thread = threading.Thread(target=self.module.serve,
                                       args=(self.master, self.stop_read), daemon=True)
        self.thread.start()
        os.symlink(self.node, self.path + ".new")
        os.rename(self.path + ".new", self.path)

    def unplug(self):
        os.unlink(self.path)
        os.write(self.stop_write, b"x")
        self.thread.join()
        for fd in (self.master, self.stop_read, self.stop_write):
            os.close(fd)


class Till:
    def __init__(self):
        self.lab = lablib.Lab(bio_protocol.BUILD)
        path = self.lab.path("finger")
        self.lab.settings["reader:demo"] = {"driver": "zfm", "device": path,
                                            "password": "0000beef", "dpi": "500"}
        self.lab.write_conf()
        lablib.subprocess.run([os.path.join(bio_protocol.BUILD, "synthfinger"), "--out",
                               self.lab.path("images"), "--fingers", "3", "--impressions", "4",
                               "--width", str(WIDTH), "--height", str(HEIGHT), "--plain-glass",
                               "1", "--difficulty", "20"], check=True,
                              stdout=lablib.subprocess.DEVNULL)
        self.module = Module(password=0xbeef)
        self.cable = Cable(self.module, path)
        self.laned = bio_protocol.Laned(self.lab.path("run", "bio.sock"))

    def until(self, state):
        """Asked for, as a note that is read late may tell of the time before."""
        end = time.monotonic() + bio_protocol.PATIENCE_S
        while True:
            reader = self.laned.ok("bio.status")["readers"][0]
            if reader["state"] == state:
                return reader
            assert time.monotonic() < end, (state, reader)
            time.sleep(0.02)

    def lay_on(self, finger, impression):
        self.module.finger = grey_of(self.lab.image(finger, impression))

    def lift(self):
        self.module.finger = None
        self.until("ready")

    def enrol(self, subject, fingers):
        session = bio_protocol.SESSION
        self.laned.ok("enrol.begin", {"session": session, "subject": subject,
                                      "consent": bio_protocol.CONSENT})
        for finger in fingers:
            for impression in (1, 2, 3):
                self.lay_on(finger, impression)
                progress = self.laned.note("enrol.progress")
                while progress["outcome"] == "hold":
                    progress = self.laned.note("enrol.progress")
                assert progress["outcome"] in ("taken", "complete"), progress
                self.lift()
        return self.laned.ok("enrol.commit", {"session": session})

    def identify(self, finger, impression):
        self.lay_on(finger, impression)
        probe = self.laned.note("bio.touch")["probe"]
        self.laned.notify("bio.identify", {"probe": probe})
        answer = self.laned.note("bio.identified")
        self.lift()
        return answer


def it_waits_for_a_module_that_is_not_there(t):
    t.lab.start("laned-bio")
    state = t.laned.accept()["state"]
    while not state["gallery"]["searchable"]:
        state = t.laned.note("bio.state")
    reader = t.laned.ok("bio.status")["readers"][0]
    assert reader["state"] == "absent" and reader["driver"] == "zfm", reader
    t.cable.plug()
    reader = t.until("ready")
    assert reader["replugs"] == 0, reader


def a_finger_is_enrolled_and_found(t):
    assert t.enrol(bio_protocol.SUBJECT, (1, 2)) == {"references": 2}
    answer = t.identify(1, 4)
    assert answer["outcome"] == "accept", answer
    assert answer["subject"] == bio_protocol.SUBJECT, answer
    answer = t.identify(3, 1)
    assert answer["outcome"] == "reject", answer


def it_comes_back_after_an_unplug(t):
    t.cable.unplug()
    t.until("absent")
    t.cable.plug()
    reader = t.until("ready")
    assert reader["replugs"] == 1, reader
    assert t.identify(2, 4)["outcome"] == "accept"


def an_unplug_under_the_finger_ends_the_presentation(t):
    t.lay_on(1, 4)
    t.until("capturing")
    t.cable.unplug()
    t.until("absent")
    t.cable.plug()
    t.until("capturing")  # it still lies there
    t.lift()
    t.laned.notes.clear()  # of these touches, where they came through
    assert t.identify(1, 4)["outcome"] == "accept"


def a_wrong_password_is_said_once(t):
    t.cable.unplug()
    t.until("absent")
    t.module.password = 1
    t.cable.plug()
    t.until("faulty")
    tried = t.module.verifies
    end = time.monotonic() + bio_protocol.PATIENCE_S
    while t.module.verifies < tried + 3:  # it goes on trying
        assert time.monotonic() < end, t.module.verifies
        time.sleep(0.02)
    assert t.until("faulty")["why"] == "misconfigured"
    assert t.lab.log("laned-bio").count("wrong password") == 1
    t.module.password = 0xbeef
    t.until("ready")


def a_line_that_somebody_has_is_waited_for(t):
    t.cable.unplug()
    t.until("absent")
    # Locked before its name is there.
    path, t.cable.path = t.cable.path, t.lab.path("elsewhere")
    t.cable.plug()
    fd = os.open(t.cable.node, os.O_RDWR | os.O_NOCTTY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    os.rename(t.cable.path, path)
    t.cable.path = path
    t.until("faulty")
    os.close(fd)
    t.until("ready")


TESTS = [it_waits_for_a_module_that_is_not_there, a_finger_is_enrolled_and_found,
         it_comes_back_after_an_unplug, an_unplug_under_the_finger_ends_the_presentation,
         a_wrong_password_is_said_once, a_line_that_somebody_has_is_waited_for]


def main():
    till = Till()
    failed = 0
    try:
        for test in TESTS:  # each goes on where the one before it ended
            try:
                test(till)
                print("ok   %s" % test.__name__, flush=True)
            except Exception as e:
                failed += 1
                print("FAIL %s: %s: %s" % (test.__name__, type(e).__name__, e), flush=True)
                break
        log = till.lab.log("laned-bio")
        if failed or "ERROR: " in log or "runtime error" in log:
            failed += 1
            print(log[-4000:])
    finally:
        till.lab.remove()
    return 1 if failed else 0


def play(line, image):
    """Only the module, for a far end that somebody else has made."""
    module = Module()
    pixels = grey_of(image)
    fd = os.open(line, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    tty.setraw(fd)
    stop, _ = os.pipe()
    threading.Thread(target=module.serve, args=(fd, stop), daemon=True).start()
    while True:
        time.sleep(3)
        module.finger = pixels if module.finger is None else None


def stop_by_signal(signo, _frame):
    raise SystemExit("stopped by signal %d" % signo)  # by way of finally: no daemon stays behind


if __name__ == "__main__":
    if len(sys.argv) == 5 and sys.argv[1] == "--line" and sys.argv[3] == "--image":
        play(sys.argv[2], sys.argv[4])
    signal.signal(signal.SIGTERM, stop_by_signal)
    signal.signal(signal.SIGALRM, stop_by_signal)
    signal.alarm(200)  # a limit for a hang
    sys.exit(main())
