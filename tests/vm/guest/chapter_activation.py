"""systemd holds the POS's socket: whoever connects while the adapter is away waits, and pays."""
import os
import socket

import kit
from chapter_bypass import NAME, POS, UNIT, pay, prepare, removed

SOCKET = "laned-adapter@%s.socket" % NAME
GATE = "/run/vmtest/gate"  # a FIFO: the adapter is not started before something comes out of it
WAITING = 3


def begin(text):
    """A payment that the POS has asked for; its answer is still to come."""
    s = socket.create_connection(("127.0.0.1", POS), kit.PATIENCE_S)
    s.sendall(text)
    return s


def end(s, wanted):
    kit.equal(s.recv(100), wanted, "what the POS gets")
    s.close()


def active():
    """Who waited is served before systemd is told that all of it is ready."""
    kit.until(lambda: kit.show(UNIT, "ActiveState") == "active", UNIT + " is active")


def by_a_connect():
    prepare()
    kit.run("systemctl", "start", SOCKET)
    kit.equal(kit.show(UNIT, "ActiveState"), "inactive", UNIT)
    end(begin(b"first"), b"approved first")
    active()


def killed():
    old = kit.main_pid(UNIT)
    kit.run("systemctl", "kill", "-s", "KILL", UNIT)
    end(begin(b"after the kill"), b"approved after the kill")
    kit.until(lambda: kit.main_pid(UNIT) not in (0, old), "another process of " + UNIT)


def restarted():
    """While one payment is under way; others connect when no process is there to take them."""
    old = kit.main_pid(UNIT)
    os.makedirs(os.path.dirname(GATE), exist_ok=True)
    os.mkfifo(GATE)
    kit.drop_in(UNIT, "gate", "[Service]\nExecStartPre=+/bin/sh -c 'read open <%s'\n" % GATE)
    under_way = begin(b"under way")
    kit.equal(under_way.recv(100), b"approved under way", "what was begun before")
    kit.run("systemctl", "restart", "--no-block", UNIT)
    kit.until(lambda: kit.show(UNIT, "ActiveState") == "deactivating", UNIT + " is stopped")
    under_way.sendall(b"to its end")
    end(under_way, b"approved to its end")
    kit.until(lambda: kit.show(UNIT, "SubState") == "start-pre", UNIT + " is away")
    waiting = [begin(b"waiting %d" % i) for i in range(WAITING)]
    kit.equal(kit.show(UNIT, "SubState", "MainPID"), ["start-pre", "0"], UNIT)
    with open(GATE, "w", encoding="ascii") as gate:
        gate.write("open\n")
    for i, s in enumerate(waiting):
        end(s, b"approved waiting %d" % i)
    active()
    kit.expect(kit.main_pid(UNIT) not in (0, old), "the old process")
    return "%d waited" % WAITING


def stopped():
    """Stopped by hand: the socket is not, and the next payment starts it."""
    kit.remove_drop_in(UNIT, "gate")
    os.unlink(GATE)
    kit.run("systemctl", "stop", UNIT)
    kit.equal(pay(), b"approved payment", "a payment")
    active()


def taken_away():
    kit.run("systemctl", "stop", SOCKET)
    removed()
    kit.expect(pay() is None, "somebody still listens")


CLAIMS = (
    ("activation: the POS's connect starts the adapter, and the payment is made", by_a_connect),
    ("activation: the adapter is killed, the next connect waits for its restart and pays", killed),
    ("activation: restarted, what is under way ends, and who connects meanwhile pays", restarted),
    ("activation: stopped, the next payment starts it", stopped),
    ("activation: what this chapter made is removed", taken_away),
)
