#!/usr/bin/env python3
"""Debian's libfprint, which nobody of us wrote, captures from our model of the readers.

The picture that it delivers must be the one that was laid on the glass, to the last pixel that can
be known, with and without the AES answer: then the model speaks the readers' protocol, and what our
own driver is tested against is right.
"""
import os
import subprocess
import sys
import tempfile

SRC = os.environ["SRCDIR"]
BUILD = os.environ["LANED_BUILD"]
sys.path.insert(0, os.path.join(SRC, "tests/usb"))
from readerbench import Bench, BenchError  # noqa: E402 (its folder comes first)

# The interpreter that Debian's python3-gi belongs to.
PYTHON = "/usr/bin/python3"
CAPTURE = os.path.join(SRC, "tests/usb/fprint_capture.py")
WIDTH, HEIGHT = 384, 290
WHITE = 255
# Blocks of rows as real readers send them: s(crambled), c(lear), - left out.
BLOCKS_4500 = [(72, "s"), (1, "c"), (49, "s"), (1, "-"), (1, "c"), (49, "s"), (1, "c"), (116, "s")]
BLOCKS_V2 = [(67, "s"), (1, "c"), (49, "s"), (1, "-"), (1, "c"), (49, "s"), (1, "c"), (121, "s")]
# id: blocks, upside down, recording of a real one
READERS = {
    "05ba:000a": (BLOCKS_4500, True, "uru4000-4500"),
    "045e:00ca": (BLOCKS_V2, False, "uru4000-msv2"),
    # Two of them are a keyboard and a mouse, too: the reader is not their first interface.
    "05ba:0007": (BLOCKS_4500, False, None),
    "05ba:0008": (BLOCKS_4500, False, None),
    "045e:00bb": (BLOCKS_V2, False, None),
    "045e:00bc": (BLOCKS_V2, False, None),
    "045e:00bd": (BLOCKS_V2, False, None),
}


def skip(why):
    """Leaves, and says why on the last line."""
    print(f"skipped: {why}")
    sys.exit(77)


def pgm_read(path):
    """Width, height and pixels of a PGM without comments."""
    with open(path, "rb") as f:
        assert f.readline() == b"P5\n", path
        width, height = map(int, f.readline().split())
        assert f.readline() == b"255\n", path
        pixels = f.read()
    assert len(pixels) == width * height, path
    return width, height, pixels


def pgm_write(path, pixels):
    """A picture of the sensor's size."""
    with open(path, "wb") as f:
        f.write(b"P5\n%d %d\n255\n" % (WIDTH, HEIGHT) + pixels)


def card():
    """A picture in which every turn, shift and swap shows."""
    return bytes((x * 5 + y * 3 + (x // 48) * (y // 29) * 7 + (40 if x > 2 * y else 0)) % 256
                 for y in range(HEIGHT) for x in range(WIDTH))


def knowable(picture, blocks, upside_down):
    """What can be known of a picture after its way over the wire: a row is left out, and the last
    pixel of each scrambled block is lost."""
    raster = bytearray(reversed(picture) if upside_down else picture)
    row = 0
    for rows, kind in blocks:
        if kind == "s":
            raster[(row + rows) * WIDTH - 1] = WHITE
        if kind == "-":
            raster[row * WIDTH:(row + 1) * WIDTH] = raster[(row + 1) * WIDTH:(row + 2) * WIDTH]
        row += rows
    assert row == HEIGHT
    return bytes(reversed(raster) if upside_down else raster)


def capture_once(folder, reader, finger):
    """What libfprint makes of it."""
    out = os.path.join(folder, "captured.pgm")
    if os.path.exists(out):
        os.unlink(out)
    with Bench([os.path.join(BUILD, "usb/reader-live")], [PYTHON, CAPTURE, out],
               ["--wait"]) as bench:
        bench.cmd(f"finger 1-1 {finger}")
        bench.cmd(f"plug {reader}")
        bench.cmd("start")
        event = bench.wait("resting 1-1", "exited")
        assert event == "resting 1-1", event
        bench.cmd("lift 1-1")
        event = bench.wait("exited")
        assert event == "exited 0", event
        assert bench.exit_code() == 0, "the bench itself failed"
    width, height, pixels = pgm_read(out)
    assert (width, height) == (WIDTH, HEIGHT), (width, height)
    return pixels


def capture(folder, reader, finger):
    """The same; a bench that hung, as one in some thousand did, is started once more, and says so."""
    try:
        return capture_once(folder, reader, finger)
    except BenchError as e:
        print(f"{reader} {finger}: the bench failed, once more: {e}", flush=True)
        return capture_once(folder, reader, finger)


def compare(name, got, expected):
    """True when all pixels are equal."""
    differing = sum(a != b for a, b in zip(got, expected))
    print(f"{name}: {differing} of {len(expected)} pixels differ")
    return differing == 0


def check_reader(folder, reader):
    """Generated pictures, and the recorded one where it is at hand."""
    blocks, upside_down, recording = READERS[reader]
    pictures = [("a card", os.path.join(folder, "card.pgm"))]
    if recording:
        pictures.append(("a synthetic finger", os.path.join(folder, "1_1.pgm")))
    ok = True
    for name, path in pictures:
        expected = knowable(pgm_read(path)[2], blocks, upside_down)
        ok &= compare(f"{reader} {name}", capture(folder, reader, path), expected)
    if not recording:
        return ok
    data = os.environ.get("DATA_USB", os.path.join(SRC, "../shared/data/usb"))
    raster = os.path.join(data, recording, "decoded.pgm")
    if not os.path.exists(raster):
        print(f"{reader}: no recorded picture ({raster})")
        return ok
    pixels = pgm_read(raster)[2]
    upright = bytes(255 - p for p in (reversed(pixels) if upside_down else pixels))
    return ok & compare(f"{reader} the recorded picture",
                        capture(folder, reader, f"raster {raster}"), upright)


def main():
    """All readers of the family."""
    if not os.path.exists(os.path.join(BUILD, "usb/reader-live")):
        skip("reader-live is not built: libumockdev-dev is missing")
    if subprocess.run([PYTHON, CAPTURE, "--available"], stderr=subprocess.DEVNULL,
                      check=False).returncode != 0:
        skip("libfprint is missing (libfprint-2-2, gir1.2-fprint-2.0, python3-gi)")
    with tempfile.TemporaryDirectory() as folder:
        pgm_write(os.path.join(folder, "card.pgm"), card())
        subprocess.run([os.path.join(BUILD, "synthfinger"), "--out", folder, "--fingers", "1",
                        "--impressions", "1", "--width", str(WIDTH), "--height", str(HEIGHT)],
                       check=True)
        ok = all([check_reader(folder, reader) for reader in READERS])
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
