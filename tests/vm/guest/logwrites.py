"""What the kernel's dm-log-writes has written down of a disk: every write, flush and mark in the order
in which they were certain, and what the disk held at any of them. The format is described in the
kernel's Documentation/admin-guide/device-mapper/log-writes.rst."""
import struct

SECTOR = 512
MAGIC = 0x6a736677736872
SUPER = struct.Struct("<QQQI")
ENTRY = struct.Struct("<QQQQ")
FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8


class Damaged(Exception):
    pass


def entries(log):
    """(flags, sector, data or name of the mark) of every entry. log is a file, open for reading."""
    magic, version, count, size = SUPER.unpack(log.read(SUPER.size))
    if magic != MAGIC or version != 1 or size % SECTOR:
        raise Damaged("no log of writes: %x, version %d" % (magic, version))
    log.seek(size)
    for _ in range(count):
        head = log.read(size)
        sector, sectors, flags, length = ENTRY.unpack_from(head)
        if flags & MARK:
            yield flags, 0, head[ENTRY.size:ENTRY.size + length].rstrip(b"\0").decode()
        elif flags & DISCARD:
            yield flags, sector * size, b"\0" * (sectors * size)
        else:
            data = log.read(sectors * size)
            if len(data) != sectors * size:
                raise Damaged("the log ends in the middle of a write")
            yield flags, sector * size, data


class Disk:
    """The disk as it was after the first n entries, for growing n."""

    def __init__(self, log, size):
        self.entries = list(entries(log))
        self.bytes = bytearray(size)
        self.n = 0

    def go_to(self, n):
        if n < self.n:
            self.bytes = bytearray(len(self.bytes))
            self.n = 0
        for flags, offset, data in self.entries[self.n:n]:
            if not flags & MARK:
                self.bytes[offset:offset + len(data)] = data
        self.n = n

    def marks(self, n):
        """Names of the marks among the first n entries."""
        return [name for flags, _, name in self.entries[:n] if flags & MARK]

    def before_flushes(self, n, count):
        """The place before the last count flushes of the first n entries."""
        for i in range(n - 1, -1, -1):
            flags = self.entries[i][0]
            if flags & (FLUSH | FUA) and not flags & MARK:
                count -= 1
                if count == 0:
                    return i
        return 0
