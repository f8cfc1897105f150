"""One capture by libfprint: fprint_capture.py OUT writes the picture as PGM. For usb_libfprint.py."""
import sys

import gi

gi.require_version("FPrint", "2.0")
from gi.repository import FPrint  # noqa: E402 (the version comes first)

if sys.argv[1:] == ["--available"]:
    sys.exit(0)
context = FPrint.Context()  # the devices live no longer than it
devices = context.get_devices()
assert len(devices) == 1, devices
device = devices[0]
assert device.get_driver() == "uru4000", device.get_driver()
device.open_sync()
image = device.capture_sync(True)
with open(sys.argv[1], "wb") as out:
    out.write(b"P5\n%d %d\n255\n" % (image.get_width(), image.get_height()))
    out.write(bytes(image.get_data()))
device.close_sync()
