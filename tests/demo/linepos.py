#!/usr/bin/python3
"""The peer of the template adapter (plugins/template): a point of sale that listens on a TCP port and
speaks one JSON object a line. A test peer, not a product. Its ledger is that of pos.py.

It says one thing at a time and waits for {"ack": id, "ok": true}; what was not acknowledged it says
again, also over a new connection. One adapter at a time: a new connection ends the one before, and
what lay unread in it is forgotten.

    linepos.py --port 4711 sell coffee milk [--then COMMAND]

waits for the adapter, sells these items, runs COMMAND (what the shopper does) every two seconds
until the ticket is paid, and prints what became of it."""
import argparse
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import pos as legacy  # noqa: E402

LINE_BYTES_MAX = 65536
SAID = {"basket": "basket", "claim": "claim", "cancel": "cancel", "result": "answer",
        "done": "answer"}


class LinePos(legacy.LegacyPos):
    def __init__(self, folder, port=0, ledger=None):
        super().__init__(folder, ledger)
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        self.sock = None
        self.pending = b""
        self.waiting = []  # what is to be said: (id, stem, kind, message)
        self.number_said = 0
        self.asked = False  # the first of them was said

    # ---- out

    def tell(self, stem, kind, message):
        message = dict(message)
        if kind in ("result", "done"):
            message["is"] = message.pop("outcome", None) or message.pop("state")
        # A newer basket of a ticket takes the place of one that was not said yet.
        self.waiting = self.waiting[:1] + [w for w in self.waiting[1:] if w[1:3] != (stem, kind)]
        self.number_said += 1
        self.waiting.append((self.number_said, stem, kind,
                             dict(message, id=self.number_said, do=SAID[kind])))
        self.say()

    def say(self):
        if self.sock is None or not self.waiting or self.asked:
            return
        try:
            self.sock.sendall(json.dumps(self.waiting[0][3]).encode() + b"\n")
            self.asked = True
        except OSError:
            self.hang_up()

    def on_ack(self, message):
        if not self.waiting or message["ack"] != self.waiting[0][0]:
            return
        self.asked = False
        if not message["ok"]:
            self.log.append("laned does not want: %r" % (self.waiting[0],))
        self.waiting.pop(0)

    # ---- in

    def hang_up(self):
        if self.sock is not None:
            self.sock.close()
        self.sock = None
        self.pending = b""
        self.asked = False

    def take(self, line):
        message = json.loads(line)
        if "ack" in message:
            self.on_ack(message)
        else:
            getattr(self, "on_" + message["do"], self.on_other)(message)

    def accept(self):
        while select.select([self.listener], [], [], 0)[0]:
            self.hang_up()
            self.sock = self.listener.accept()[0]
            self.sock.settimeout(5)

    def receive(self):
        """How many lines came."""
        done = 0
        while self.sock is not None and select.select([self.sock], [], [], 0)[0]:
            try:
                data = self.sock.recv(65536)
            except OSError:
                data = b""
            if not data:
                self.hang_up()
                return done
            *lines, self.pending = (self.pending + data).split(b"\n")
            for line in lines:
                self.take(line)
                done += 1
                self.accept()
                if self.sock is None:
                    return done
            if len(self.pending) > LINE_BYTES_MAX:
                self.hang_up()
        return done

    def step(self):
        self.accept()
        done = self.receive()
        now = time.monotonic()
        for entry in [e for e in self.delayed if e[0] <= now]:
            self.delayed.remove(entry)
            self.answer(entry[1])
        self.say()
        return done

    def connected(self):
        return self.sock is not None


def sell(pos, items, then):
    """0 when the ticket is paid."""
    print("waiting for the adapter on port %d" % pos.port, flush=True)
    pos.wait(pos.connected, 60)
    ticket = pos.ticket()
    for item in items:
        pos.scan(ticket, item)
    print("ticket %s, total %.2f" % (ticket, pos.total(ticket) / 100), flush=True)
    if not pos.wait_offer(ticket, 30):
        print("no offer came")
        return 1
    print("offer: %s" % json.dumps(pos.tickets[ticket]["offer"]), flush=True)
    last = [0.0]

    def paid():
        state = pos.tickets[ticket]["paid"]
        if state is None and then and time.monotonic() - last[0] > 2:
            last[0] = time.monotonic()
            subprocess.run(then, shell=True, check=False)
        return state in ("confirmed", "declined", "undone")
    pos.wait(paid, 60)
    print("ticket %s is %s" % (ticket, pos.tickets[ticket]["paid"]))
    print(pos.charges_text())
    return 0 if pos.tickets[ticket]["paid"] == "confirmed" else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--port", type=int, default=4711)
    parser.add_argument("--ledger", help="where it keeps its ledger (default: nowhere for long)")
    parser.add_argument("--then", help="what the shopper does when the total is there")
    parser.add_argument("command", choices=["sell"])
    parser.add_argument("items", nargs="+", help="names of pos.py's items")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return sell(LinePos(folder, arguments.port, arguments.ledger), arguments.items,
                    arguments.then)


if __name__ == "__main__":
    sys.exit(main())
