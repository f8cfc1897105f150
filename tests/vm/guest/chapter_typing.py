"""A keyboard by the kernel's uinput: what is typed comes out of a console, through its keymap."""
import fcntl
import os
import select
import struct
import subprocess
import tty

import kit

TYPIST = os.path.join(kit.PAYLOAD, "typist")
CONSOLE = 8  # nobody else's
VT_ACTIVATE, VT_WAITACTIVE = 0x5606, 0x5607
UI_SET_EVBIT, UI_SET_KEYBIT, UI_DEV_CREATE = 0x40045564, 0x40045565, 0x5501
UI_DEV_SETUP = 0x405c5503
EV_SYN, EV_KEY, KEY_1, KEY_5, KEY_ENTER = 0, 1, 2, 6, 28
TEXT = "C10104006381333931X lane07 MEMBER=77 {[~]}|\\<>?!@#$%^&*()_+`'\";:,./"
_console = []


def modules():
    kit.run("modprobe", "uinput")
    kit.run("modprobe", "evdev")
    kit.until(lambda: os.path.exists("/dev/uinput"), "/dev/uinput")
    fd = os.open("/dev/tty%d" % CONSOLE, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    fcntl.ioctl(fd, VT_ACTIVATE, CONSOLE)
    fcntl.ioctl(fd, VT_WAITACTIVE, CONSOLE)
    tty.setraw(fd)
    _console.append(fd)


def _read(count):
    """As many characters as are to come, and what came."""
    got = b""
    while len(got) < count and select.select(_console, [], [], kit.PATIENCE_S)[0]:
        got += os.read(_console[0], 4096)
    return got.decode("latin-1")


def _say(process):
    out, errors = process.communicate(timeout=kit.PATIENCE_S)
    kit.expect(process.returncode == 0, "typist: %s" % errors)
    return tuple(int(word) for word in out.split())


def _type(setting, text):
    return subprocess.Popen([TYPIST, setting, text], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def typed():
    kit.equal(_say(_type("uinput:us", TEXT + "\\n")), (0, len(TEXT) + 1, 0), "typist says")
    kit.equal(_read(len(TEXT) + 1), TEXT + "\r", "the console")


def again():
    """A second keyboard, and the pace of a slow POS."""
    kit.equal(_say(_type("uinput:us?pace=20", "2900000000017\\n")), (0, 14, 0), "typist says")
    kit.equal(_read(14), "2900000000017\r", "the console")


class Keyboard:
    """A real one, as far as anybody can tell."""

    def __init__(self):
        self.fd = os.open("/dev/uinput", os.O_WRONLY | os.O_NONBLOCK)
        fcntl.ioctl(self.fd, UI_SET_EVBIT, EV_KEY)
        for key in (KEY_1, KEY_5, KEY_ENTER):
            fcntl.ioctl(self.fd, UI_SET_KEYBIT, key)
        fcntl.ioctl(self.fd, UI_DEV_SETUP,
                    struct.pack("HHHH80sI", 3, 0x1234, 0x5678, 1, b"Cashier's Keyboard", 0))
        fcntl.ioctl(self.fd, UI_DEV_CREATE)
        kit.run("udevadm", "settle")

    def press(self, key):
        for value in (1, 0):
            for event in ((EV_KEY, key, value), (EV_SYN, 0, 0)):
                os.write(self.fd, struct.pack("llHHi", 0, 0, *event))

    def close(self):
        os.close(self.fd)


def foreign():
    """The cashier presses a key in the middle of a text: it ends there, and Enter does not come."""
    keyboard = Keyboard()
    text = "7" * 200
    process = _type("uinput:us?pace=10", text + "\\n")
    kit.expect(_read(3)[:3] == "777", "the console")
    keyboard.press(KEY_5)
    status, count, flag = _say(process)
    kit.expect((status, flag) == (-7, 1) and 3 <= count < 200, "typist says %d %d %d" % (
        status, count, flag))
    rest = _read(count + 1 - 3)
    kit.expect("5" in rest and "\r" not in rest, "the console: %r" % rest)
    keyboard.close()
    return "after %d" % count


CLAIMS = (
    ("typing: the kernel has uinput and a console to type into", modules),
    ("typing: a text comes out of the console as it was, every character of a US keyboard", typed),
    ("typing: slower, and by another keyboard, too", again),
    ("typing: a key of a real keyboard ends the text and is told", foreign),
)
