#!/usr/bin/python3
"""Nobody else's payment depends on us: whatever happens to laned, to the plug-in, to the configuration
or to the disk, a stranger's next card payment completes through the real terminal, byte for byte. The
programs are real; the POS and the terminal are test peers that keep ledgers, and the plug-in is a test
adapter (tests/terminal). Arguments: the names of the checks to run; none: all."""
import json
import os
import queue
import random
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import tty

sys.path.insert(0, os.path.join(os.environ.get("SRCDIR", "."), "tests", "demo"))
import lab as lablib  # noqa: E402

BUILD = os.environ.get("LANED_BUILD", "build")
PATIENCE_S = 20.0  # a limit for a hang, never waited for when all is well
CASHIER_S = 25.0  # a POS waits so long for a terminal
RESTART_S = 0.1  # of the supervisor, which stands for systemd
MARK = "stranger-7f3a91"  # in every payment: must be found in no file of ours


class Failed(Exception):
    pass


class Skipped(Exception):
    pass


def must(truth, text):
    if not truth:
        raise Failed(text)


def wait(condition, what, seconds=PATIENCE_S):
    end = time.monotonic() + seconds
    while not condition():
        must(time.monotonic() < end, "in vain: " + what)
        time.sleep(0.01)


def receive(sock, n):
    data = b""
    while len(data) < n:
        more = sock.recv(n - len(data))
        if not more:
            raise ConnectionError("the other side ended")
        data += more
    return data


def receive_frame(sock):
    head = receive(sock, 4)
    return head + receive(sock, struct.unpack(">I", head)[0])


class Terminal:
    """A test peer: the real payment terminal. Approves, and writes down what came in and went out."""

    def __init__(self):
        self.port = 0
        self.listener = None
        self.ledger = []  # (request, answer), as bytes
        self.random = random.Random(7)
        self.delay = threading.Event()
        self.delay.set()  # cleared: the card is not yet presented
        self.busy = threading.Semaphore(0)
        self.hand_out = False  # connections are somebody else's, in handed
        self.handed = queue.Queue()
        self.open()

    def open(self):
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, args=(self.listener,), daemon=True).start()

    def serve(self, listener):
        while True:
            try:
                sock = listener.accept()[0]
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.hand_out:
                self.handed.put(sock)
                continue
            threading.Thread(target=self.talk, args=(sock,), daemon=True).start()

    def talk(self, sock):
        try:
            while True:
                request = receive_frame(sock)
                self.busy.release()
                self.delay.wait(PATIENCE_S)
                body = json.dumps({"peer": "test terminal", "outcome": "approved", "mark": MARK,
                                   "pad": self.random.randbytes(
                                       self.random.randrange(2000)).hex()}).encode()
                answer = struct.pack(">I", len(body)) + body
                self.ledger.append((request, answer))
                sock.sendall(answer)
        except OSError:
            sock.close()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)  # wakes the thread, too
        self.listener.close()


class Pos:
    """A test peer: the point of sale, whose customers are strangers. One connection a payment, or one
    for all (lasting)."""

    def __init__(self, port, lasting=False, till=1):
        self.port = port
        self.lasting = lasting
        self.till = till
        self.sock = None
        self.number = 0
        self.ledger = []  # (request, answer) of payments that completed

    def connect(self):
        if self.sock is None:
            self.sock = socket.create_connection(("127.0.0.1", self.port), timeout=CASHIER_S)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def begin(self):
        """Sends a payment in pieces. The frame."""
        self.number += 1
        body = json.dumps({"type": "pay", "id": "%d" % self.number, "ticket": "t%d" % self.number,
                           "rev": 1, "amount": 100 + self.number, "currency": "EUR",
                           "peer": "test POS", "till": self.till, "mark": MARK,
                           "pad": "x" * (self.number * 311 % 1500)}).encode()
        frame = struct.pack(">I", len(body)) + body
        self.connect()
        cut = len(frame) * self.number % 7 + 2
        self.sock.sendall(frame[:cut])
        self.sock.sendall(frame[cut:])
        return frame

    def end(self, frame):
        self.ledger.append((frame, receive_frame(self.sock)))
        if not self.lasting:
            self.close()

    def pay(self):
        """One payment. Whether it completed."""
        try:
            self.end(self.begin())
            return True
        except OSError:
            self.close()
            return False

    def close(self):
        if self.sock is not None:
            self.sock.close()
            self.sock = None


class Shop:
    """A lane with a POS, a terminal and the relay adapter between them; laned is the real one."""

    def __init__(self, adapter=None, lasting=False, laned=True, narrow=False):
        self.terminal = Terminal()
        # The socket that systemd would hold.
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        port = self.listener.getsockname()[1]
        self.pos = Pos(port, lasting)
        self.lab = lablib.Lab(BUILD)
        for name in ("adapters", "kept", "runtime", "own"):
            os.mkdir(self.lab.path(name))
        self.put_plugin("relay.so")
        shutil.copy(os.path.join(BUILD, "terminal", "relay.options.json"),
                    self.lab.path("adapters", "relay.options.json"))
        del self.lab.settings["adapter:drop"]
        self.lab.settings["paths"]["adapters"] = self.lab.path("adapters")
        self.lab.settings["adapter:relay"] = dict({
            "pos": "tcp://127.0.0.1:%d%s" % (port, "?allow=10.0.0.0/8" if narrow else ""),
            "terminal": "tcp://127.0.0.1:%d" % self.terminal.port,
            "framing": "length4"}, **(adapter or {}))
        self.lab.write_conf()
        self.host = None
        self.watched = False
        self.starts = 0
        self.mounts = []
        if laned:
            self.lab.start("laned")
            self.lab.control().close()

    # ---- the host, as systemd keeps it

    def put_plugin(self, name):
        shutil.copy(os.path.join(BUILD, "terminal", name), self.lab.path("adapters", "relay.so"))
        os.chmod(self.lab.path("adapters", "relay.so"), 0o755)

    def command(self):
        return ["/bin/sh", "-c", "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$@\"", "sh",
                os.path.join(BUILD, "laned-adapter"), "--conf", self.lab.path("laned.conf"),
                "--name", "relay"]

    def keep_endpoints(self):
        """As laned-endpoints@.service does at each start, under a user that is not the adapter's."""
        return subprocess.run(
            [os.path.join(BUILD, "laned-adapter"), "--keep", "--name", "relay", "--conf",
             self.lab.path("laned.conf")], stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
            check=False, env=dict(os.environ, STATE_DIRECTORY=self.lab.path("kept"))).returncode

    def start_host(self):
        fd = self.listener.fileno()
        self.keep_endpoints()
        self.starts += 1
        with open(self.lab.path("log", "relay"), "ab") as log:
            self.host = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, close_fds=False,
                preexec_fn=lambda: os.dup2(fd, 3, inheritable=True),
                env=dict(os.environ, STATE_DIRECTORY=self.lab.path("own"),
                         CREDENTIALS_DIRECTORY=self.lab.path("kept"),
                         RUNTIME_DIRECTORY=self.lab.path("runtime")))

    def supervise(self):
        """Starts the host, and again whenever it dies."""
        def watch():
            while self.watched:
                if self.host.wait() == 78 or not self.watched:
                    return
                time.sleep(RESTART_S)
                if self.watched:
                    self.start_host()
        self.start_host()
        self.watched = True
        threading.Thread(target=watch, daemon=True).start()

    def restart_host(self):
        self.host.terminate()
        starts = self.starts
        wait(lambda: self.starts > starts, "a restart of the host")

    def wait_log(self, text, seconds=PATIENCE_S, count=1):
        wait(lambda: self.lab.log("relay").count(text) >= count, "\"%s\" in the host's log:\n%s" % (
            text, self.lab.log("relay")), seconds)

    def wait_serving(self, count=1):
        self.wait_log("serves lane-1", count=count)

    def processor_time(self):
        """Of the host, in ticks of 10 ms."""
        with open("/proc/%d/stat" % self.host.pid, encoding="ascii") as f:
            return int(f.read().rsplit(")", 1)[1].split()[11])

    # ---- what must be true

    def next_payment(self, what):
        must(self.pos.pay(), "%s: the next payment did not complete:\n%s" % (
            what, self.lab.log("relay")))

    def status(self):
        """The adapter's entry in laned's status, as lanectl shows it."""
        return [a for a in self.lab.ctl("status")["adapters"] if a["name"] == "relay"][0]

    def check(self):
        """Both ledgers tell of the same bytes, nothing of them is anywhere else, and the host ends."""
        self.watched = False
        self.pos.close()
        self.host.terminate()
        self.host.wait(PATIENCE_S)
        must("Sanitizer" not in self.lab.log("relay"), "a sanitizer complains")
        known = {request: answer for request, answer in self.terminal.ledger}
        for request, answer in self.pos.ledger:
            must(known.get(request) == answer, "the terminal and the POS know different bytes")
        must(len(self.pos.ledger) > 0, "no payment completed")
        for folder, _, files in os.walk(self.lab.root):
            for name in files:
                if not os.path.isfile(os.path.join(folder, name)):
                    continue  # a socket
                with open(os.path.join(folder, name), "rb") as f:
                    must(MARK.encode() not in f.read(), "%s holds a stranger's payment" % name)

    def remove(self):
        self.watched = False
        if self.host is not None and self.host.poll() is None:
            self.host.kill()
            self.host.wait()
        self.pos.close()
        if self.terminal.listener.fileno() >= 0:
            self.terminal.close()
        self.listener.close()
        self.lab.stop()
        for path in self.mounts:
            subprocess.run(["umount", "-l", path], check=False)
        self.lab.remove()


# ---- the checks ------------------------------------------------------------------------------


def all_is_well(shop):
    """The measure of the others: the plug-in asks laned, nobody pays by touch, and it passes on."""
    shop.supervise()
    shop.wait_serving()
    for _ in range(5):
        shop.next_payment("all is well")
    must("bypass" not in shop.lab.log("relay"), "the bypass was on")
    must(not shop.status().get("bypass"), "status shows a bypass")


def plugin_deleted(shop):
    shop.supervise()
    shop.wait_serving()
    shop.next_payment("before")
    os.unlink(shop.lab.path("adapters", "relay.so"))
    shop.next_payment("the file is gone, the plug-in runs")
    shop.restart_host()
    shop.next_payment("the plug-in's file deleted")
    wait(lambda: shop.status().get("bypass"), "the bypass in lanectl status")
    text = shop.lab.ctl("status", json_out=False).stdout
    must("BYPASSED" in text, "lanectl status does not say it:\n" + text)
    shop.put_plugin("relay.so")
    shop.restart_host()
    shop.wait_serving(count=2)
    shop.next_payment("the plug-in is back")


def options_deleted(shop):
    shop.supervise()
    shop.wait_serving()
    kept = shop.lab.path("adapters", "relay.options.json")
    os.rename(kept, kept + ".away")
    shop.restart_host()
    shop.next_payment("options.json deleted")
    wait(lambda: shop.status().get("bypass"), "the bypass in lanectl status")
    os.rename(kept + ".away", kept)
    shop.host.send_signal(signal.SIGHUP)  # the same process looks again
    starts = shop.starts
    shop.wait_serving(count=2)
    must(shop.starts == starts, "the process was not the same")
    shop.next_payment("it is back")


def crash_at_load(shop):
    shop.put_plugin("relay-load.so")
    shop.supervise()
    for _ in range(4):
        shop.next_payment("a plug-in that crashes when it is loaded")
    must(shop.starts > 1, "it did not crash")


def crash_at_create(shop):
    shop.supervise()
    for _ in range(4):
        shop.next_payment("a plug-in that crashes when it is created")
    must(shop.starts > 1, "it did not crash")
    wait(lambda: shop.status().get("crash"), "the crash in lanectl status")


def crash_at_each_job(shop):
    """Its own request is lost with it, and the next one is not."""
    shop.supervise()
    shop.wait_serving()
    must(not shop.pos.pay(), "it did not crash")
    for _ in range(4):
        shop.next_payment("a plug-in that crashes at each job")
    shop.wait_serving(count=2)
    lost = 0
    for _ in range(3):
        lost += 0 if shop.pos.pay() else 1
    must(lost <= 1, "%d payments were lost with it" % lost)


def hangs_at_each_job(shop):
    """While it hangs, connections wait; then it is ended, and they go on."""
    shop.supervise()
    shop.wait_serving()
    victim = Pos(shop.pos.port)
    victim.begin()
    wait(lambda: shop.processor_time() > 5, "the plug-in hangs")
    shop.next_payment("a plug-in that hangs")
    victim.close()


def disk_full(shop):
    """Not a byte can be written to the folders of laned and of the host."""
    shop.lab.stop()
    for name in ("state", "kept", "runtime", "run"):
        path = shop.lab.path(name)
        shutil.rmtree(path)
        os.mkdir(path)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4096,mode=0755", "tmpfs", path],
                          capture_output=True, check=False).returncode != 0:
            raise Skipped("a small file system needs root")
        shop.mounts.append(path)
        with open(os.path.join(path, "ballast"), "wb", buffering=0) as f:
            f.write(b"\0" * 4096)
    shop.lab.start("laned")
    shop.supervise()
    for _ in range(4):
        shop.next_payment("the disk is full")
    must(not os.path.exists(shop.lab.path("kept", "endpoints")), "the disk was not full")


def break_configuration(shop):
    with open(shop.lab.path("laned.conf"), "a", encoding="utf-8") as f:
        f.write("[lane]\nthis is no line of a configuration\n")


def configuration_broken(shop):
    shop.supervise()
    shop.wait_serving()
    shop.next_payment("before")
    good = shop.lab.path("laned.conf")
    with open(good, encoding="utf-8") as f:
        text = f.read()
    break_configuration(shop)
    shop.restart_host()
    shop.next_payment("the configuration is broken")
    os.unlink(good)
    shop.restart_host()
    shop.next_payment("the configuration is gone")
    with open(good, "w", encoding="utf-8") as f:
        f.write(text)
    shop.host.send_signal(signal.SIGHUP)
    shop.wait_serving(count=2)
    shop.next_payment("it is right again")


def plugin_names_a_thief(shop):
    """The folders that the adapter's user may write say where strangers' payments should go: nobody
    reads that, however the configuration breaks."""
    thief = Terminal()
    text = "laned-endpoints = 1\npos = tcp://127.0.0.1:%d\nterminal = tcp://127.0.0.1:%d\n" \
        "framing = length4\n" % (shop.pos.port, thief.port)
    for name in ("own", "runtime", "adapters"):
        with open(shop.lab.path(name, "endpoints"), "w", encoding="utf-8") as f:
            f.write(text)
    shop.supervise()
    shop.wait_serving()
    shop.next_payment("before")
    break_configuration(shop)
    shop.restart_host()
    for _ in range(3):
        shop.next_payment("the configuration is broken")
    must(thief.ledger == [], "a stranger's payment went to the thief")
    with open(shop.lab.path("own", "endpoints"), encoding="utf-8") as f:
        must(f.read() == text, "the host writes there")  # nor does it keep them itself
    thief.close()


def kept_by_the_configuration_alone(shop):
    """What is kept: the endpoints as they stand there, also of an adapter that is switched off, until a
    right configuration has none; a broken one leaves it alone."""
    kept, good = shop.lab.path("kept", "endpoints"), dict(shop.lab.settings["adapter:relay"])

    def now(want, **more):
        shop.lab.settings["adapter:relay"] = dict(good, **more)
        shop.lab.write_conf()
        must(shop.keep_endpoints() == 0, "--keep fails")
        with open(kept, encoding="utf-8") as f:
            text = f.read()
        must("terminal = %s\n" % want in text, "kept: " + text)
    now(good["terminal"])
    now("tcp://127.0.0.1:7", terminal="tcp://127.0.0.1:7", enabled="no")
    break_configuration(shop)
    must(shop.keep_endpoints() == 78, "a broken configuration is read")
    with open(kept, encoding="utf-8") as f:
        must("127.0.0.1:7\n" in f.read(), "what was kept is lost")
    now(good["terminal"])
    del shop.lab.settings["adapter:relay"]
    shop.lab.write_conf()
    must(shop.keep_endpoints() == 0 and not os.path.exists(kept), "it is kept without endpoints")
    shop.lab.settings["adapter:relay"] = good
    shop.lab.write_conf()
    shop.supervise()
    shop.next_payment("after that")


def switched_off(shop):
    """enabled = no is somebody's will: nothing fails and nothing warns, and the POS has its terminal."""
    shop.supervise()
    shop.wait_serving()
    shop.next_payment("before")
    shop.lab.settings["adapter:relay"]["enabled"] = "no"
    shop.lab.write_conf()
    shop.lab.stop()
    shop.restart_host()
    at = len(shop.lab.log("relay"))
    shop.wait_log("switched off (enabled = no)")
    for _ in range(3):
        shop.next_payment("switched off")
    text = shop.lab.log("relay")[at:]
    must("warning" not in text and "err " not in text and "bypass" not in text, "it alarms: " + text)
    must(shop.host.poll() is None, "it ended")
    shop.host.send_signal(signal.SIGHUP)  # still off: the same as before
    shop.next_payment("still off")
    shop.lab.settings["adapter:relay"]["enabled"] = "yes"
    shop.lab.write_conf()
    shop.lab.start("laned")
    starts = shop.starts
    shop.host.send_signal(signal.SIGHUP)
    shop.wait_serving(count=2)
    must(shop.starts == starts, "the process was not the same")
    shop.next_payment("on again")


def switched_off_without_endpoints(shop):
    """Nobody stands behind it: it waits until it is switched on. No exit status may say that it is off: a
    plug-in could end with it, and systemd would leave the POS alone."""
    section = shop.lab.settings["adapter:relay"]
    saved = dict(section)
    section.update(enabled="no")
    for name in ("pos", "terminal", "framing"):
        section.pop(name)
    section["plugin"] = "drop"
    section.update({"in": shop.lab.path("own"), "out": shop.lab.path("own")})
    for name in ("drop.so", "drop.options.json"):
        shutil.copy(os.path.join(BUILD, "plugins", name), shop.lab.path("adapters", name))
    shop.lab.write_conf()
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind(shop.lab.path("own", "notify"))
    notify.settimeout(60)
    off = subprocess.Popen(
        [os.path.join(BUILD, "laned-adapter"), "--conf", shop.lab.path("laned.conf"), "--name", "relay"],
        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env=dict(os.environ, NOTIFY_SOCKET=shop.lab.path("own", "notify")))
    said = notify.recv(1000)
    must(b"READY=1" in said and b"switched off" in said, "systemd hears %r" % said)
    section["enabled"] = "yes"
    shop.lab.write_conf()
    off.send_signal(signal.SIGHUP)
    while b"switched off" in said or b"STATUS" not in said:  # the adapter's own state, laned is away
        said = notify.recv(1000)
    off.terminate()
    text = off.communicate(timeout=60)[1]
    must(off.returncode == 0 and "is not enabled" in text, "exit %d: %s" % (off.returncode, text))
    notify.close()
    shop.lab.settings["adapter:relay"] = saved
    shop.lab.write_conf()
    shop.supervise()
    shop.next_payment("on again")


def strangers_flood(shop):
    """Who may not connect fills no log: twenty lines, and at the end how many more there were."""
    shop.supervise()
    shop.wait_serving()
    for _ in range(60):
        with socket.create_connection(("127.0.0.1", shop.pos.port)) as s:
            must(s.recv(1) == b"", "it may connect")
    shop.watched = False
    shop.host.terminate()
    shop.host.wait(PATIENCE_S)
    text = shop.lab.log("relay")
    must(text.count("was turned away: it is in no net") == 20, "lines: " + text)
    must("40 more messages like" in text, "nobody says how many: " + text)
    shop.lab.settings["adapter:relay"]["pos"] = "tcp://127.0.0.1:%d" % shop.pos.port
    shop.lab.write_conf()
    shop.supervise()
    shop.next_payment("who may")


def second_host(shop):
    """One started by hand beside the first: it says so and ends, and the first does not notice."""
    shop.supervise()
    shop.wait_serving()
    shop.next_payment("before")
    record = shop.lab.path("runtime", "adapter-relay.crash")
    before = os.stat(record).st_ino
    for broken in (False, True):
        if broken:
            break_configuration(shop)
        done = subprocess.run(
            shop.command()[4:], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
            check=False, env=dict(os.environ, RUNTIME_DIRECTORY=shop.lab.path("runtime"),
                                  CREDENTIALS_DIRECTORY=shop.lab.path("kept")))
        must(done.returncode == 1, "exit %d: %s" % (done.returncode, done.stderr))
        must("[adapter:relay] runs already, as process %d" % shop.host.pid in done.stderr,
             "it does not say why: " + done.stderr)
    must(os.stat(record).st_ino == before, "it took the crash record")
    shop.next_payment("after the second one")
    shop.host.kill()  # the lock ends with the process, however it ends
    shop.next_payment("after a restart")


def laned_stopped(shop):
    shop.supervise()
    shop.wait_serving()
    shop.next_payment("before")
    shop.lab.stop()
    for _ in range(3):
        shop.next_payment("laned stopped")
    shop.wait_log("bypass: the POS is joined")
    shop.lab.start("laned")
    shop.wait_log("the bypass is over")
    shop.next_payment("laned is back")


def laned_never_there(shop):
    shop.supervise()
    for _ in range(3):
        shop.next_payment("laned was never started")


def wrong_sockets(shop):
    """What systemd hands over is not where pos is, or does not listen: the host does it itself."""
    for kind in ("datagram", "connects nowhere", "another port"):
        shop.listener.close()
        shop.listener = socket.socket(
            socket.AF_INET, socket.SOCK_DGRAM if kind == "datagram" else socket.SOCK_STREAM)
        if kind == "another port":
            shop.listener.bind(("127.0.0.1", 0))
            shop.listener.listen(4)
        if shop.host is not None:
            shop.host.terminate()
            must(shop.host.wait(timeout=PATIENCE_S) == 0, "%s: the host did not end" % kind)
        shop.start_host()
        shop.wait_log("is not the one of key pos", count=shop.starts)
        shop.wait_serving(count=shop.starts)
        shop.next_payment(kind)


def laned_hangs(shop):
    shop.supervise()
    shop.wait_serving()
    laned = shop.lab.processes["laned"]
    laned.send_signal(signal.SIGSTOP)
    try:
        for _ in range(3):
            shop.next_payment("laned hangs")
        shop.wait_log("bypass: the POS is joined")
        must("adapter.event" not in shop.lab.log("relay"), "the plug-in had to find out")
    finally:
        laned.send_signal(signal.SIGCONT)
    shop.wait_log("the bypass is over")
    shop.next_payment("laned goes on")


def host_killed(shop):
    """Connects wait in the socket that systemd holds, until the host is there again."""
    shop.supervise()
    shop.wait_serving()
    for _ in range(3):
        shop.host.kill()
        shop.next_payment("the host was killed")


def storm(shop):
    """laned comes, goes and hangs at random, a hundred times as often as ever in a shop: not one of the
    payments meanwhile is lost: of one till with one connection for all of them, and of one that connects
    for each."""
    rng = random.Random(int(os.environ.get("SEED", "1")))
    end = time.monotonic() + float(os.environ.get("STORM_S", "4"))
    errors, changes = [], []

    def weather():
        try:
            while time.monotonic() < end:
                changes.append(time.monotonic())
                laned = shop.lab.processes["laned"]
                time.sleep(rng.uniform(0, 0.3))
                if rng.random() < 0.5:
                    laned.send_signal(signal.SIGSTOP)
                    time.sleep(rng.uniform(0, 0.8))
                    laned.send_signal(signal.SIGCONT)
                else:
                    shop.lab.kill("laned")
                    time.sleep(rng.uniform(0, 0.8))
                    shop.lab.start("laned")
        except OSError as e:
            errors.append(e)
    other = Pos(shop.pos.port, till=2)

    def second_till():
        while thread.is_alive():
            if not other.pay():
                errors.append("a payment of the second till")
            time.sleep(0.005)
    shop.supervise()
    shop.wait_serving()
    thread = threading.Thread(target=weather)
    thread.start()
    second = threading.Thread(target=second_till)
    second.start()
    try:
        while thread.is_alive():
            shop.next_payment("in the storm")
            time.sleep(rng.uniform(0, 0.02))
    finally:
        thread.join()
        second.join()
    must(not errors, "the storm: %s" % errors)
    shop.pos.ledger += other.ledger
    shop.lab.control().close()
    wait(lambda: not shop.status().get("bypass"), "the end of the bypass")
    shop.next_payment("after the storm")
    must(len(changes) > 2 and len(shop.pos.ledger) > 20, "there was no storm")


def host_stopped(shop):
    """systemctl restart in the middle of a stranger's payment: it is not cut off, in neither way."""
    shop.supervise()
    shop.wait_serving()
    for way in ("tunnel", "bypass"):
        frame = shop.begin_slowly()
        starts = shop.starts
        shop.host.terminate()
        shop.wait_log("ending when the payment", count=1 if way == "tunnel" else 2)
        must(shop.starts == starts, "it ended in the middle of a payment")
        shop.terminal.delay.set()
        shop.pos.end(frame)
        wait(lambda n=starts: shop.starts > n, "a restart of the host")
        shop.next_payment("after the restart, " + way)
        shop.lab.stop()
        shop.wait_log("bypass: the POS is joined")


def terminal_away(shop):
    """The POS sees what it would see without us, and the log says why."""
    shop.supervise()
    for _ in range(2):
        shop.wait_log("bypass: the POS is joined")
        shop.next_payment("before")
        shop.terminal.close()
        must(not shop.pos.pay(), "it was paid without a terminal")
        shop.wait_log("the terminal 127.0.0.1:%d cannot be reached" % shop.terminal.port)
        shop.terminal.open()
        shop.next_payment("the terminal is back")


def lasting_connection(shop):
    """One connection for all payments goes into the bypass and out of it between two of them."""
    shop.supervise()
    shop.wait_serving()
    shop.next_payment("before")
    sock = shop.pos.sock
    shop.lab.stop()
    shop.wait_log("bypass: the POS is joined")
    for _ in range(3):
        shop.next_payment("laned stopped, the connection stands")
    frame = shop.begin_slowly()
    shop.lab.start("laned")
    shop.wait_log("serves lane-1", count=2)
    must(shop.lab.log("relay").count("the bypass is over") == 0,
         "the bypass was left in the middle of a payment")
    shop.terminal.delay.set()
    shop.pos.end(frame)
    shop.wait_log("the bypass is over")
    for _ in range(3):
        shop.next_payment("the plug-in serves the same connection")
    must(shop.pos.sock is sock, "it was another connection")


def begin_slowly(shop):
    """A payment that the terminal has, and does not yet answer."""
    while shop.terminal.busy.acquire(blocking=False):
        pass
    shop.terminal.delay.clear()
    frame = shop.pos.begin()
    must(shop.terminal.busy.acquire(timeout=PATIENCE_S), "the terminal got no request")
    return frame


Shop.begin_slowly = begin_slowly


def pos_half_closes(shop):
    """A POS that says its question is all it sends, and reads on: answered by the plug-in itself, by its
    tunnel, and past it."""
    shop.supervise()
    shop.wait_serving()
    for ticket in range(5):
        body = json.dumps({"type": "basket", "ticket": "t%d" % ticket, "rev": 1, "currency": "EUR",
                           "final": False, "lines": [
                               {"line": 1, "gtin": "2000000000015", "text": "Goods", "amount": 100,
                                "qty_milli": 1000, "unit_price": 100}]}).encode()
        shop.host.send_signal(signal.SIGSTOP)  # all of it, and the end, is there when it looks
        with socket.create_connection(("127.0.0.1", shop.pos.port), timeout=CASHIER_S) as pos:
            pos.sendall(struct.pack(">I", len(body)) + body)
            pos.shutdown(socket.SHUT_WR)
            shop.host.send_signal(signal.SIGCONT)
            try:
                answer = receive_frame(pos)
            except OSError as e:
                raise Failed("no answer of the plug-in: %s" % e) from e
            must(b'"ok"' in answer and pos.recv(1) == b"", "the answer is %r" % answer)
    for way in ("tunnel", "bypass"):
        for early in (False, True):
            frame = shop.begin_slowly() if not early else shop.pos.begin()
            shop.pos.sock.shutdown(socket.SHUT_WR)
            shop.terminal.delay.set()
            try:
                shop.pos.end(frame)
            except OSError as e:
                raise Failed("%s: no answer: %s\n%s" % (way, e, shop.lab.log("relay"))) from e
        must(way == "bypass" or "bypass" not in shop.lab.log("relay"), "the bypass was on")
        shop.next_payment("after that, " + way)
        shop.lab.stop()
        shop.wait_log("bypass: the POS is joined")


def any_bytes(shop):
    """One connection is one transaction: whatever flows, in whatever pieces, and the ends."""
    shop.supervise()
    shop.wait_log("bypass: the POS is joined")
    shop.terminal.hand_out = True
    for seed in range(12):
        talk(shop, seed)
    shop.terminal.hand_out = False
    shop.next_payment("after all that")


def pump(sock, out, limit, rng, got, end):
    """Sends out in pieces and receives at leisure, until both directions have ended. end: says so as
    soon as all is sent, else when the other side has ended, too."""
    sent, said, heard = 0, False, False
    sock.setblocking(False)
    deadline = time.monotonic() + PATIENCE_S
    while not (said and heard):
        must(time.monotonic() < deadline, "the connection does not end")
        more = sent < len(out)
        readable, writable, _ = select.select([] if heard else [sock], [sock] if more else [], [], 0.2)
        if writable:
            sent += sock.send(out[sent:sent + rng.choice((1, 7, 100, 5000, 70000))])
        if readable:
            data = sock.recv(rng.choice((1, 50, 4096, 65536)))
            heard = not data
            got += data
        if sent == len(out) and not said and (end or heard):
            said = True
            sock.shutdown(socket.SHUT_WR)
    must(len(got) == limit, "%d of %d bytes came" % (len(got), limit))


def any_bytes_spliced(shop):
    """The same by the plug-in's own splice: it reads the beginning, knows nothing of it, and passes on."""
    shop.supervise()
    shop.wait_serving()
    shop.terminal.hand_out = True
    for seed in range(100, 112):
        talk(shop, seed, pos_ends=False)
    must("bypass" not in shop.lab.log("relay"), "the bypass was on")
    shop.terminal.hand_out = False
    shop.next_payment("after all that")


def serial_lines(shop):
    """POS and terminal on serial lines (pseudo-terminals here), with the frames of ZVT: by the plug-in,
    who keeps the terminal's line, then past it, and by it again."""
    pos, pos_line = os.openpty()
    terminal, terminal_line = os.openpty()
    for fd in (pos, terminal, pos_line, terminal_line):
        tty.setraw(fd)
    shop.lab.settings["adapter:relay"].update(
        pos="serial://" + os.ttyname(pos_line), terminal="serial://" + os.ttyname(terminal_line))
    shop.lab.write_conf()
    shop.supervise()
    shop.wait_serving()
    zvt_payment(pos, terminal)
    zvt_payment(pos, terminal)
    shop.lab.stop()
    shop.wait_log("bypass: the POS is joined")
    zvt_payment(pos, terminal)
    zvt_payment(pos, terminal)
    shop.lab.start("laned")
    shop.wait_log("the bypass is over")
    zvt_payment(pos, terminal)
    for fd in (pos, terminal, pos_line, terminal_line):
        os.close(fd)
    shop.pos.ledger.append((b"serial", b""))
    shop.terminal.ledger.append((b"serial", b""))


def zvt_payment(pos, terminal):
    """The frames of a payment, each of which must arrive as it is."""
    talk = ((pos, terminal, "1002060104000000001010031299" "10031003"), (terminal, pos, "06"),
            (terminal, pos, "10028000001003f51f"), (pos, terminal, "06"),
            (terminal, pos, "1002060f001003c633"), (pos, terminal, "06"),
            (pos, terminal, "10028000001003f51f"), (terminal, pos, "06"))
    for source, sink, text in talk:
        data = bytes.fromhex(text)
        os.write(source, data)
        got = b""
        while len(got) < len(data):
            must(select.select([sink], [], [], PATIENCE_S)[0], "nothing comes: %s" % text)
            got += os.read(sink, 100)
        must(got == data, "%s became %s" % (data.hex(), got.hex()))


def talk(shop, seed, pos_ends=True):
    rng = random.Random(seed)
    up, down = (rng.randbytes(rng.randrange(8, 400000)) for _ in range(2))
    if not pos_ends:
        up = b"\xff\xff\xff\xff" + up  # no length that makes sense
    pos = socket.create_connection(("127.0.0.1", shop.pos.port))
    at_terminal, at_pos, errors = bytearray(), bytearray(), []
    there = threading.Event()

    def far():
        try:
            terminal = shop.terminal.handed.get(timeout=PATIENCE_S)
            there.set()
            pump(terminal, down, len(up), random.Random(seed + 1), at_terminal,
                 seed % 2 == 0 or not pos_ends)
            terminal.close()
        except (Failed, OSError, queue.Empty) as e:
            errors.append(e)
    thread = threading.Thread(target=far)
    thread.start()
    if not pos_ends:  # something for the plug-in to read
        pos.sendall(up[:8])
        must(there.wait(PATIENCE_S), "the terminal was not connected to")
    pump(pos, up[0 if pos_ends else 8:], len(down), rng, at_pos, pos_ends)
    thread.join()
    must(not errors, "terminal: %s" % errors)
    must(bytes(at_terminal) == up and bytes(at_pos) == down, "the bytes are not the same")
    pos.close()


def configuration_is_checked(shop):
    """-t names what a terminal's adapter lacks, where, and what would be right."""
    def check(what, text):
        saved = dict(shop.lab.settings["adapter:relay"])
        what(shop.lab.settings["adapter:relay"])
        shop.lab.write_conf()
        for program in ("laned-adapter", "laned"):
            done = subprocess.run(
                [os.path.join(BUILD, program), "-t", "--conf", shop.lab.path("laned.conf")] +
                (["--name", "relay"] if program == "laned-adapter" else []),
                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
            must(done.returncode == (78 if text else 0) and text in done.stderr,
                 "%s -t: exit %d: %s" % (program, done.returncode, done.stderr))
        shop.lab.settings["adapter:relay"] = saved
        shop.lab.write_conf()
    done = subprocess.run([os.path.join(BUILD, "laned"), "-t", "--conf", shop.lab.path("laned.conf")],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    must(done.returncode == 78 and "[pricing] price: ours, and no adapter" in done.stderr,
         "a price of ours, and only the total comes in: %s" % done.stderr)
    shop.lab.settings.setdefault("pricing", {})["price"] = "pos"
    check(lambda s: None, "")
    check(lambda s: s.pop("pos"), "[adapter:relay] pos: must be set")
    check(lambda s: s.pop("terminal"), "[adapter:relay] terminal: must be set")
    check(lambda s: s.update(terminal="tcp://10.1.2.3"), "[adapter:relay] terminal: ")
    check(lambda s: s.update(pos="http://127.0.0.1:1"), "[adapter:relay] pos: ")
    check(lambda s: s.update(terminal=s["pos"]), "[adapter:relay] terminal: it is the same")
    check(lambda s: s.update(framing="length3"), "framing")
    shop.supervise()
    shop.next_payment("it is right")


CHECKS = {
    configuration_is_checked: {},
    all_is_well: {}, plugin_deleted: {}, options_deleted: {}, crash_at_load: {},
    crash_at_create: {"adapter": {"fault": "crash_create"}},
    crash_at_each_job: {"adapter": {"fault": "crash_pay"}},
    hangs_at_each_job: {"adapter": {"fault": "hang_pay"}},
    disk_full: {}, configuration_broken: {}, plugin_names_a_thief: {},
    kept_by_the_configuration_alone: {"laned": False}, switched_off: {},
    switched_off_without_endpoints: {"laned": False},
    pos_half_closes: {"adapter": {"half": "yes"}}, strangers_flood: {"narrow": True}, second_host: {}, laned_stopped: {}, laned_never_there: {"laned": False},
    laned_hangs: {}, wrong_sockets: {}, host_killed: {}, host_stopped: {}, terminal_away: {"laned": False},
    lasting_connection: {"lasting": True}, storm: {"lasting": True},
    any_bytes: {"laned": False, "adapter": {"framing": "connection"}},
    any_bytes_spliced: {"adapter": {"framing": "connection"}},
    serial_lines: {"adapter": {"framing": "zvt-serial"}},
}


def main():
    failed = 0
    for check, how in CHECKS.items():
        if len(sys.argv) > 1 and check.__name__ not in sys.argv[1:]:
            continue
        shop = Shop(**how)
        begun = time.monotonic()
        try:
            check(shop)
            shop.check()
            print("ok   %-22s %4.1f s" % (check.__name__, time.monotonic() - begun))
        except Skipped as e:
            print("skip %s: %s" % (check.__name__, e))
        except (Failed, lablib.Hang, RuntimeError, OSError) as e:
            failed += 1
            print("FAIL %s: %s\n%s" % (check.__name__, e, shop.lab.log("relay")))
        finally:
            shop.remove()
        sys.stdout.flush()
    print("%d failed" % failed)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
