"""What the chapters of check-vm share: claims and their report, commands, the journal as it is
written, the lane's state. Runs as root in the guest, on the standard library of Python only.

Everything that takes time is waited for by what it leaves: a journal entry, a state of the lane, an
event of the reader model. PATIENCE_S is only the limit of a hang."""
import json
import os
import select
import subprocess
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
PAYLOAD = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(PAYLOAD, "demo"))
LOGS = "/var/log/vmtest"
UNITS = ("laned.service", "laned-bio.service", "laned-adapter@drop.service")

# Of systemd's messages, from its catalog.
MESSAGE_STARTED = "39f53479d3a045ac8e11786248231fbf"
MESSAGE_RESTART_SCHEDULED = "5eb03494b6584870a536b337290809b3"


def _kernel_argument(name, default):
    with open("/proc/cmdline", encoding="ascii") as f:
        for word in f.read().split():
            key, _, value = word.partition("=")
            if key == name and value:
                return value
    return default


PATIENCE_S = float(_kernel_argument("vmtest_patience", "60"))
ONLY = [c for c in _kernel_argument("vmtest_only", "").split(",") if c]


class Failure(Exception):
    pass


class Skip(Exception):
    pass


def run(*command, check=True, text=None, timeout=None):
    """A command to its end; its standard output. Raises with all it said when it fails."""
    done = subprocess.run(command, input=text, stdin=None if text else subprocess.DEVNULL,
                          capture_output=True, text=True, check=False,
                          timeout=timeout or PATIENCE_S)
    if check and done.returncode != 0:
        raise Failure("%s: exit %d\n%s%s" % (" ".join(command), done.returncode, done.stdout,
                                             done.stderr))
    return done.stdout


def fails(*command):
    """Whether a command ends badly."""
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False,
                          timeout=PATIENCE_S).returncode != 0


def expect(truth, text):
    if not truth:
        raise Failure(text)


def equal(got, wanted, what):
    expect(got == wanted, "%s: %r, not %r" % (what, got, wanted))


def until(condition, what, seconds=None):
    """The first true value of condition(); what it was waiting for when there is none."""
    end = time.monotonic() + (seconds or PATIENCE_S)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure("never came: " + what)
        time.sleep(0.05)


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(path, mode)


class Report:
    """Claims, in the order they are tried; the host reads them from the serial port."""

    def __init__(self, port):
        self.port = open(port, "w", encoding="utf-8")
        self.failed = 0

    def line(self, text):
        self.port.write(text.replace("\r", "") + "\n")
        self.port.flush()

    def detail(self, text):
        for line in text.strip().splitlines():
            self.line("| " + line)

    def claim(self, text, function, *arguments):
        """True when it holds or was left out."""
        since = time.monotonic()
        try:
            told = function(*arguments)
        except Skip as e:
            self.line("skip %s: %s" % (text, e))
            return True
        except Exception as e:  # a chapter's bug is a failure like any other
            self.failed += 1
            self.line("not ok %s" % text)
            known = isinstance(e, (Failure, subprocess.TimeoutExpired))
            self.detail(str(e) if known else traceback.format_exc())
            return False
        self.line("ok %s%s  [%.1f s]" % (text, " (%s)" % told if told else "",
                                         time.monotonic() - since))
        return True


class Lines:
    """Lines of a pipe, waited for."""

    def __init__(self, pipe, what):
        self.fd = pipe.fileno()
        self.what = what
        self.pending = b""

    def next(self):
        end = time.monotonic() + PATIENCE_S
        while b"\n" not in self.pending:
            left = end - time.monotonic()
            expect(left > 0 and select.select([self.fd], [], [], left)[0],
                   self.what + " says nothing")
            data = os.read(self.fd, 1 << 16)
            expect(data, self.what + " has ended")
            self.pending += data
        line, self.pending = self.pending.split(b"\n", 1)
        return line.decode()


class Journal:
    """Follows the journal of this boot."""

    def __init__(self):
        self.process = subprocess.Popen(
            ["journalctl", "-b", "-f", "-n", "all", "-o", "json", "--no-pager"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.fd = self.process.stdout.fileno()
        os.set_blocking(self.fd, False)
        self.pending = b""
        self.entries = []

    @staticmethod
    def when(entry):
        """The sender's time in microseconds, the journal's own where the sender told none."""
        return int(entry.get("_SOURCE_REALTIME_TIMESTAMP") or entry["__REALTIME_TIMESTAMP"])

    @staticmethod
    def now():
        return time.clock_gettime_ns(time.CLOCK_REALTIME) // 1000

    def read(self, seconds):
        if not select.select([self.fd], [], [], seconds)[0]:
            return
        data = os.read(self.fd, 1 << 20)
        if not data:
            raise Failure("journalctl has ended")
        *lines, self.pending = (self.pending + data).split(b"\n")
        self.entries += [json.loads(line) for line in lines if line]

    def wait(self, what, condition, since):
        """The first entry that fits and was sent after since."""
        end = time.monotonic() + PATIENCE_S
        seen = 0
        while True:
            while seen < len(self.entries):
                entry = self.entries[seen]
                seen += 1
                if self.when(entry) >= since and condition(entry):
                    return entry
            if time.monotonic() > end:
                raise Failure("the journal never said: " + what)
            self.read(1)

    def wait_started(self, unit, since):
        return self.wait("%s started" % unit, lambda e: e.get("MESSAGE_ID") == MESSAGE_STARTED
                         and e.get("UNIT") == unit, since)

    def close(self):
        self.process.terminate()
        self.process.wait()


def show(unit, *names):
    """Properties of a unit, as systemctl words them."""
    text = run("systemctl", "show", unit, *["--property=" + n for n in names])
    values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    return values[names[0]] if len(names) == 1 else [values[n] for n in names]


def main_pid(unit):
    return int(show(unit, "MainPID"))


def user_of(pid):
    return run("ps", "-o", "user:32=", "-p", str(pid)).strip()


def failed_units():
    return run("systemctl", "list-units", "--failed", "--no-legend", "--plain")


def drop_in(unit, name, text):
    """As `systemctl edit` would."""
    write("/etc/systemd/system/%s.d/%s.conf" % (unit, name), text)
    run("systemctl", "daemon-reload")


def remove_drop_in(unit, name):
    os.unlink("/etc/systemd/system/%s.d/%s.conf" % (unit, name))
    run("systemctl", "daemon-reload")


def lanectl(*arguments):
    """What lanectl --json says: the last object."""
    lines = run("lanectl", "--json", *arguments).splitlines()
    return json.loads(lines[-1]) if lines else None


def status():
    """The lane's state; None while laned is not there."""
    done = subprocess.run(["lanectl", "--json", "status"], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    return json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else None


def connected():
    """All three processes have found each other and the gallery is there."""
    s = status()
    return bool(s and s["bio"]["connected"] and all(a["connected"] for a in s["adapters"]) and
                s["bio"].get("state", {}).get("gallery", {}).get("searchable"))


def reader():
    """The first reader's state as laned knows it, {} while there is none."""
    s = status()
    found = s["bio"].get("state", {}).get("readers", []) if s and s["bio"]["connected"] else []
    return found[0] if found else {}


def wait_reader(state):
    return until(lambda: reader().get("state") == state and reader(), "the reader is %s; it is %r"
                 % (state, reader().get("state")))


def doctor():
    """Its checks; it ends badly when one fails."""
    return json.loads(run("lanectl", "--json", "doctor", check=False).splitlines()[-1])["checks"]


def doctor_clean(but=()):
    """Nothing is wrong, except what the named checks may say."""
    checks = doctor()
    bad = [c for c in checks if c["state"] != "ok" and c["name"] not in but]
    expect(not bad, "lanectl doctor: " + "; ".join(
        "%s %s: %s" % (c["state"], c["name"], c["text"]) for c in bad))
    return "%d checks" % len(checks)
