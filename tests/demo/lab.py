"""A whole lane in one folder: the real programs, started by hand, for the demonstration, the
integration and fault tests and the benches. Test scaffolding, not a product."""
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import pos as legacy

PATIENCE_S = 20.0  # a limit for a hang, never waited for when all is well
PROGRAMS = ("laned", "laned-bio", "laned-adapter")

class Hang(Exception):
    pass


class Rpc:
    """A client of control.sock. Requests in order; notifications are kept."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)
        self.buffer = b""
        self.number = 0
        self.notes = []
        self.answers = {}  # of requests that nobody has asked for yet

    def _line(self, end):
        while b"\n" not in self.buffer:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.sock], [], [], left)[0]:
                raise Hang("no answer from laned")
            data = self.sock.recv(1 << 20)
            if not data:
                raise ConnectionError("laned went away")
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def send(self, method, **params):
        self.number += 1
        self.sock.sendall(json.dumps({"jsonrpc": "2.0", "id": self.number, "method": method,
                                      "params": params}).encode() + b"\n")
        return self.number

    def receive(self, number):
        end = time.monotonic() + PATIENCE_S
        while number not in self.answers:
            message = self._line(end)
            if "method" in message:
                self.notes.append(message)
            else:
                self.answers[message["id"]] = message
        message = self.answers.pop(number)
        if "error" in message:
            raise RuntimeError(message["error"]["message"])
        return message["result"]

    def call(self, method, **params):
        return self.receive(self.send(method, **params))

    def wait_note(self, condition, seconds=PATIENCE_S):
        """The first notification (kept or to come) that fits; earlier ones are dropped."""
        end = time.monotonic() + seconds
        while True:
            while self.notes:
                note = self.notes.pop(0)
                if condition(note):
                    return note
            message = self._line(end)
            if "method" in message:
                self.notes.append(message)
            else:
                self.answers[message["id"]] = message

    def close(self):
        self.sock.close()


class Lab:
    adapter = "drop"  # whose section the one laned-adapter runs

    def __init__(self, build, settings=None, crash_build=None):
        self.build = build
        self.bin = {name: build for name in PROGRAMS}
        if crash_build:
            self.bin = {name: crash_build for name in PROGRAMS}
        self.root = tempfile.mkdtemp(prefix="laned-lab-")
        for name in ("run", "state", "bio", "present", "pos", "images", "log"):
            os.mkdir(self.path(name))
        os.chmod(self.root, 0o755)
        self.pos = legacy.LegacyPos(self.path("pos"))
        self.processes = {}
        self.env = {}  # of a program, whenever it is started
        self.settings = {
            "lane": {"name": "lane-1", "store": "store-1", "environment": "test",
                     "timezone": "Europe/Tallinn"},
            "paths": {"run": self.path("run"), "state": self.path("state"),
                      "bio_state": self.path("bio"),
                      "adapters": os.path.join(self.bin["laned-adapter"], "plugins")},
            "privacy": {"profile": "us_other"},
            "reader:demo": {"driver": "file", "folder": self.path("present")},
            "adapter:drop": {"in": self.path("pos", "in"), "out": self.path("pos", "out")},
        }
        for section, values in (settings or {}).items():
            self.settings.setdefault(section, {}).update(values)
        self.write_conf()

    def path(self, *parts):
        return os.path.join(self.root, *parts)

    def write_conf(self):
        with open(self.path("laned.conf"), "w", encoding="utf-8") as f:
            for section, values in self.settings.items():
                f.write("[%s]\n" % section)
                for key, value in values.items():
                    f.write("%s = %s\n" % (key, value))

    # ---- processes

    def start(self, name, env=None):
        arguments = [os.path.join(self.bin[name], name), "--conf", self.path("laned.conf")]
        if name == "laned-adapter":
            arguments += ["--name", self.adapter]
        with open(self.path("log", name), "ab") as log:
            self.processes[name] = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=dict(os.environ, **dict(self.env.get(name, {}), **(env or {}))))
        return self.processes[name]

    def start_all(self, env=None):
        for name in PROGRAMS:
            self.start(name, (env or {}).get(name))
        self.wait_ready()

    def kill(self, name):
        """kill -9, as the kernel or an operator would."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def revive(self, env=None):
        """What systemd does: starts what has died. The names."""
        dead = [n for n, p in self.processes.items() if p.poll() is not None]
        for name in dead:
            self.start(name, (env or {}).get(name))
        return dead

    def stop(self):
        for process in self.processes.values():
            if process.poll() is None:
                process.terminate()
        for name, process in self.processes.items():
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired as e:
                process.kill()
                raise Hang("%s does not end" % name) from e
        self.processes = {}

    def remove(self):
        for process in self.processes.values():
            if process.poll() is None:
                process.kill()
                process.wait()
        shutil.rmtree(self.root, ignore_errors=True)

    def log(self, name):
        with open(self.path("log", name), "r", encoding="utf-8", errors="replace") as f:
            return f.read()

    # ---- talking to the lane

    def control(self):
        """A connection to laned, waited for while it starts."""
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                return Rpc(self.path("run", "control.sock"))
            except (FileNotFoundError, ConnectionRefusedError):
                if time.monotonic() > end:
                    raise Hang("laned does not listen:\n" + self.log("laned")) from None
                time.sleep(0.01)

    def wait_ready(self, bio=True, adapter=True):
        """Until laned, laned-bio and the adapter have found each other."""
        rpc = self.control()
        rpc.call("lane.watch")
        try:
            rpc.wait_note(lambda n: n.get("method") == "lane.changed" and not (
                (bio and n["params"]["faults"]["bio_down"]) or
                (adapter and n["params"]["faults"]["adapter_down"])))
            if bio:
                self.wait_searchable(rpc)
        finally:
            rpc.close()

    def wait_searchable(self, rpc):
        """Until laned-bio has loaded its whole gallery."""
        end = time.monotonic() + PATIENCE_S
        while not rpc.call("lane.status")["bio"].get("state", {}).get(
                "gallery", {}).get("searchable"):
            if time.monotonic() > end:
                raise Hang("the gallery is not loaded:\n" + self.log("laned-bio"))
            time.sleep(0.05)

    def ctl(self, *arguments, check=True, json_out=True):
        done = subprocess.run(
            [os.path.join(self.build, "lanectl"), "--conf", self.path("laned.conf")] +
            (["--json"] if json_out else []) + list(arguments),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
        if check and done.returncode != 0:
            raise RuntimeError("lanectl %s: exit %d: %s" % (
                " ".join(arguments), done.returncode, done.stderr))
        if not json_out:
            return done
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return lines[-1] if lines else None

    def present(self, rpc, image):
        """A finger on the glass: the image into the reader's folder, and its name sent."""
        name = os.path.basename(image)
        shutil.copyfile(image, self.path("present", name))
        return rpc.send("bio.present", file=name)

    def enrol(self, number, images):
        consent = self.path("consent.txt")
        with open(consent, "w", encoding="utf-8") as f:
            f.write("I agree that my fingers are used to find my membership.\n")
        return self.ctl("enrol", "--member", number, "--consent-text", consent,
                        "--consent-version", "demo-1", "--signed", "--payment", *images)

    def add_members(self, members):
        path = self.path("members.jsonl")
        with open(path, "w", encoding="utf-8") as f:
            for member in members:
                f.write(json.dumps(member) + "\n")
        return self.ctl("members", "import", path)

    def load_offers(self, offers):
        path = self.path("offers.json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(offers, f)
        return self.ctl("offers", "import", path)

    def synth_fingers(self, fingers, impressions, seed=1, difficulty=40):
        subprocess.run([os.path.join(self.build, "synthfinger"), "--out", self.path("images"),
                        "--fingers", str(fingers), "--impressions", str(impressions),
                        "--seed", str(seed), "--difficulty", str(difficulty)], check=True,
                       stdout=subprocess.DEVNULL)

    def image(self, finger, impression):
        return self.path("images", "%d_%d.pgm" % (finger, impression))


def member(number, **more):
    """A member with a card, a phone and a token, all made up."""
    record = {"number": number, "language": "en",
              "claims": [{"kind": "card", "value": "C" + number},
                         {"kind": "phone", "value": "+3725550" + number[-4:]}],
              "tenders": [{"kind": "card-token", "label": "Card", "brand": "card",
                           "last4": number[-4:], "token": "tok-" + number, "default": True}]}
    record.update(more)
    return record
