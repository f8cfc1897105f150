#!/usr/bin/python3
"""laned-bio with this program as laned: every method it takes, with right, wrong and hostile params;
images that are none; a lost and a changed laned; a gallery of another environment, a lost key, a
damaged file."""
import json
import os
import shutil
import signal
import socket
import sys
import time

SRC = os.environ.get("SRCDIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(SRC, "tests", "demo"))
import lab as lablib  # noqa: E402

BUILD = os.environ.get("LANED_BUILD", os.path.join(SRC, "build"))
PARAMS, NO_METHOD, REFUSED, NOT_FOUND = -32602, -32601, -32002, -32003
ULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
SUBJECT, OTHER = "01ARZ3NDEKTSV4RRFFQ69G5FA1", "01ARZ3NDEKTSV4RRFFQ69G5FA2"
SESSION = "01ARZ3NDEKTSV4RRFFQ69G5FS1"
PATIENCE_S = 20.0
WRONG_TYPES = [None, 0, -1, True, "", "x", "x" * 5000, [], [[]], {}, "\u00e4"]
CONSENT = {"text_version": "v1", "text_sha256": "0a" * 32, "language": "en",
           "purposes": ["identify", "discounts"], "retention_days": 365,
           "time": "2026-01-01T00:00:00Z", "lane": "lane-1", "method": "test", "staff": "s",
           "profile": "us_other"}


class Laned:
    """What laned is to laned-bio: it listens, answers the hello and asks."""

    def __init__(self, path):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(1)
        self.listener.settimeout(PATIENCE_S)
        self.sock = None
        self.number = 0

    def accept(self, refuse=False):
        self.sock = self.listener.accept()[0]
        self.sock.settimeout(PATIENCE_S)
        self.buffer, self.notes = b"", []
        hello = self.message()
        assert hello["method"] == "bio.hello", hello
        answer = {"result": {"lane": "lane-1", "environment": "test"}}
        if refuse:
            answer = {"error": {"code": REFUSED, "message": "no"}}
        self.raw(json.dumps(dict({"jsonrpc": "2.0", "id": hello["id"]}, **answer)).encode() + b"\n")
        return hello["params"]

    def raw(self, data):
        self.sock.sendall(data)

    def message(self):
        while b"\n" not in self.buffer:
            data = self.sock.recv(1 << 20)
            if not data:
                raise ConnectionError("laned-bio went away")
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def ask(self, method, params=None):
        self.number += 1
        self.raw(json.dumps({"jsonrpc": "2.0", "id": self.number, "method": method,
                             "params": {} if params is None else params}).encode() + b"\n")
        while True:
            message = self.message()
            if message.get("id") == self.number and "method" not in message:
                return message
            self.notes.append(message)

    def ok(self, method, params=None):
        message = self.ask(method, params)
        assert "result" in message, (method, params, message)
        return message["result"]

    def fails(self, code, method, params=None):
        message = self.ask(method, params)
        assert message.get("error", {}).get("code") == code, (method, str(params)[:300], message)
        return message["error"]["message"]

    def notify(self, method, params):
        self.raw(json.dumps({"jsonrpc": "2.0", "method": method, "params": params}).encode()
                 + b"\n")

    def note(self, method):
        while True:
            for i, message in enumerate(self.notes):
                if message.get("method") == method:
                    return self.notes.pop(i)["params"]
            self.notes.append(self.message())

    def hang_up(self):
        self.sock.close()


class Bio:
    def __init__(self):
        self.lab = lablib.Lab(BUILD)
        self.lab.synth_fingers(3, 5, difficulty=30)
        for name in os.listdir(self.lab.path("images")):
            shutil.copy(self.lab.path("images", name), self.lab.path("present", name))
        self.laned = Laned(self.lab.path("run", "bio.sock"))
        self.start()

    def start(self):
        self.lab.start("laned-bio")
        state = self.laned.accept()["state"]
        while not state["gallery"]["searchable"]:
            state = self.laned.note("bio.state")
        return state

    def restart(self):
        self.lab.stop()
        return self.start()

    def alive(self):
        process = self.lab.processes["laned-bio"]
        assert process.poll() is None, self.lab.log("laned-bio")[-3000:]
        status = self.laned.ok("bio.status")
        assert {"readers", "gallery"} <= set(status), status
        return status

    def touch(self, name):
        """A finger laid on; the probe's name."""
        self.laned.ok("bio.present", {"file": name})
        return self.laned.note("bio.touch")["probe"]

    def identified(self, probe):
        self.laned.notify("bio.identify", {"probe": probe})
        answer = self.laned.note("bio.identified")
        assert answer["probe"] == probe, answer
        # Decisions leave this process; a score or a template never does.
        assert set(answer) <= {"probe", "outcome", "subject", "hints", "pay_by_touch", "why",
                               "wait_s", "other_finger"}, answer
        return answer

    def enrol(self, subject, fingers):
        self.laned.ok("enrol.begin", {"session": SESSION, "subject": subject, "consent": CONSENT})
        for finger in fingers:
            for impression in (1, 2, 3):
                self.laned.ok("bio.present", {"file": "%d_%d.pgm" % (finger, impression)})
                progress = self.laned.note("enrol.progress")
        return progress


def params_are_checked(b):
    for value in WRONG_TYPES:
        for method in ("bio.decide", "bio.verify"):
            code = b.laned.ask(method, {"probe": value, "subjects": [ULID]})["error"]["code"]
            assert code in (PARAMS, NOT_FOUND), (method, value, code)
        b.laned.fails(PARAMS, "bio.erase", {"subject": value})
        b.laned.notify("bio.identify", {"probe": value})
        b.laned.notify("bio.drop", {"probe": value})
        if not isinstance(value, str) or len(value) > 128:
            b.laned.fails(PARAMS, "bio.present", {"file": value})
        for name in ("session", "subject"):
            b.laned.fails(PARAMS, "enrol.begin", dict(
                {"session": SESSION, "subject": SUBJECT, "consent": CONSENT}, **{name: value}))
        b.laned.fails(NOT_FOUND, "enrol.commit", {"session": value})
        b.laned.fails(NOT_FOUND, "enrol.cancel", {"session": value})
    for method in ("bio.hello", "lane.status", "adapter.submit", "", "x" * 2000):
        b.laned.fails(NO_METHOD, method)
    for name in ("..", "../x", "/etc/passwd", "a b", "", ".x"):
        b.laned.fails(REFUSED, "bio.present", {"file": name})
    b.laned.fails(NOT_FOUND, "bio.present", {"file": "nothing.pgm"})
    b.laned.fails(NOT_FOUND, "bio.erase", {"subject": ULID})
    b.alive()


def a_consent_is_whole_or_nothing_begins(b):
    wrong = [None, 5, [], {}]
    for name in ("text_version", "text_sha256", "language", "purposes", "retention_days", "time"):
        wrong.append({k: v for k, v in CONSENT.items() if k != name})
    for name, value in (("text_version", "x" * 64), ("text_version", 5), ("text_sha256", "0a" * 31),
                        ("text_sha256", "zz" * 32), ("language", "x" * 16), ("purposes", []),
                        ("purposes", ["discounts"]), ("purposes", "identify"),
                        ("retention_days", 0), ("retention_days", 40000), ("time", "now"),
                        ("time", 5), ("staff", "x" * 64), ("staff", 5), ("lane", "x" * 64),
                        ("method", []), ("profile", "x" * 16)):
        wrong.append(dict(CONSENT, **{name: value}))
    for consent in wrong:
        b.laned.fails(PARAMS, "enrol.begin", {"session": SESSION, "subject": SUBJECT,
                                              "consent": consent})
    probe = b.touch("1_1.pgm")  # nothing is open: it is a touch
    assert b.identified(probe)["outcome"] == "reject"
    assert b.alive()["gallery"]["references"] == 0


def present(b, name, *frames):
    """Makes a presentation: frame after frame while the finger rests, each an image or bytes."""
    for i, frame in enumerate(frames):
        path = b.lab.path("present", name if i == 0 else "%s+%d" % (name, i + 1))
        if isinstance(frame, bytes):
            with open(path, "wb") as f:
                f.write(frame)
        else:
            shutil.copy(b.lab.path("images", frame), path)


def flat(shade=200, width=328, height=364):
    return b"P5\n%d %d\n255\n" % (width, height) + bytes([shade]) * (width * height)


def images_that_are_none_are_refused(b):
    with open(b.lab.path("images", "1_1.pgm"), "rb") as f:
        good = f.read()
    before = b.alive()["readers"][0]["errors"]
    bad = [b"", b"P5", b"P5\n0 0\n255\n", b"P5\n99999 99999\n255\n", good[:200], good[:-1],
           b"\x89PNG\r\n\x1a\n" + b"\0" * 100, os.urandom(4096), b"P5\n100 100\n65535\n" + good]
    for data in bad:
        with open(b.lab.path("present", "bad.pgm"), "wb") as f:
            f.write(data)
        b.laned.fails(REFUSED, "bio.present", {"file": "bad.pgm"})
    assert b.alive()["readers"][0]["errors"] == before + len(bad)
    # The first few are told, for the shopper to press again; a sensor gone mad is not.
    told = [m["params"]["probe"] for m in b.laned.notes if m.get("method") == "bio.touch"]
    assert 1 <= len(told) < len(bad), told
    b.laned.notes.clear()
    for probe in told:
        answer = b.identified(probe)
        assert (answer["outcome"], answer["hints"]) == ("retry", ["lift-and-press-again"]), answer


def a_blank_touch_is_refused_with_reasons(b):
    b.restart()
    for shade in (0, 128, 255):  # an image, but of no finger
        present(b, "flat.pgm", flat(shade))
        probe = b.touch("flat.pgm")
        answer = b.identified(probe)
        assert answer["outcome"] == "retry", answer
        # To a machine so slow that it sees the picture only when its time is over, it still rests there.
        hints = answer["hints"]
        assert hints[:2] == ["blank", "lift-and-press-again"] and hints[2:] in ([], ["glove"]), answer
        for method in ("bio.decide", "bio.verify"):
            answer = b.laned.ok(method, {"probe": probe, "subjects": [SUBJECT]})
            assert answer == {"outcome": "retry", "hints": hints}
    present(b, "part.pgm", partial(b))
    b.restart()
    answer = b.identified(b.touch("part.pgm"))
    assert answer["outcome"] == "retry" and "too-small" in answer["hints"], answer
    assert "lift-and-press-again" in answer["hints"] and "blank" not in answer["hints"], answer


def partial(b):
    """A finger of which only the tip lies on the glass."""
    with open(b.lab.path("images", "1_1.pgm"), "rb") as f:
        head, pixels = f.read().split(b"\n255\n", 1)
    width, height = (int(n) for n in head.split()[1:3])
    rows = [bytearray(b"\xfa" * width) for _ in range(height)]
    for y in range(150, 250):
        rows[y][110:190] = pixels[y * width + 110:y * width + 190]
    return b"P5\n%d %d\n255\n" % (width, height) + b"".join(bytes(r) for r in rows)


def the_best_frame_of_a_touch_wins(b):
    b.restart()
    before = b.alive()["readers"][0]["captures"]
    present(b, "slow.pgm", flat(), partial(b), "1_4.pgm", "3_1.pgm")
    answer = b.identified(b.touch("slow.pgm"))
    assert answer["outcome"] == "accept" and answer["subject"] == SUBJECT, answer
    after = b.alive()["readers"][0]["captures"]
    assert after == before + 3, (before, after)  # good enough: no more was asked for


def states_of(b):
    return [m["params"]["readers"][0] for m in b.laned.notes if m.get("method") == "bio.state"]


def the_state_tells_of_a_finger(b):
    b.alive()
    b.laned.notes.clear()
    b.touch("1_4.pgm")
    b.alive()
    assert [r["state"] for r in states_of(b)] == ["capturing", "ready"], b.laned.notes


def a_wet_glass_is_told_once_and_not_as_touches(b):
    b.restart()
    present(b, "wet.pgm", flat())
    b.laned.notes.clear()
    for _ in range(20):
        b.laned.ok("bio.present", {"file": "wet.pgm"})
    status = b.alive()
    touches = [m for m in b.laned.notes if m.get("method") == "bio.touch"]
    assert 1 <= len(touches) <= 4, touches
    assert len(states_of(b)) < 20, len(states_of(b))
    assert status["hint"] == status["readers"][0]["hint"] == "clean-the-glass", status
    assert states_of(b)[-1]["hint"] == "clean-the-glass", states_of(b)
    b.laned.notes.clear()
    assert b.identified(b.touch("1_4.pgm"))["outcome"] == "accept"
    status = b.alive()
    assert "hint" not in status and "hint" not in status["readers"][0], status
    assert b.lab.log("laned-bio").count("wants cleaning") == 1, b.lab.log("laned-bio")


def an_enrolment_looks_until_it_sees(b):
    b.restart()
    b.laned.ok("enrol.begin", {"session": SESSION, "subject": OTHER, "consent": CONSENT})
    present(b, "none.pgm", flat(), flat(), flat())
    b.laned.ok("bio.present", {"file": "none.pgm"})
    said = [b.laned.note("enrol.progress") for _ in range(3)]
    assert [p["outcome"] for p in said] == ["hold", "hold", "retry"], said
    assert said[2]["finger"] == said[2]["impression"] == 1 and said[2]["why"], said
    assert said[2]["hints"] == ["blank", "lift-and-press-again"], said
    present(b, "late.pgm", flat(), partial(b), "3_1.pgm")
    b.laned.ok("bio.present", {"file": "late.pgm"})
    said = [b.laned.note("enrol.progress") for _ in range(2)]
    assert [p["outcome"] for p in said] == ["hold", "taken"], said
    b.laned.ok("bio.present", {"file": "none.pgm"})
    said = [b.laned.note("enrol.progress") for _ in range(3)]
    assert (said[2]["finger"], said[2]["impression"]) == (1, 2), said
    for _ in range(6):  # whoever enrols is told every time
        b.laned.ok("bio.present", {"file": "none.pgm"})
        said = [b.laned.note("enrol.progress") for _ in range(3)]
        assert [p["outcome"] for p in said] == ["hold", "hold", "retry"], said
    b.laned.ok("enrol.cancel", {"session": SESSION})
    b.alive()
    assert not [m for m in b.laned.notes if m.get("method") == "bio.touch"], b.laned.notes


def readers_are_described(b):
    status = b.alive()
    reader = status["readers"][0]
    assert reader["name"] == "demo" and reader["driver"] == "file", reader
    assert {"state", "since", "captures", "errors", "resets", "replugs"} <= set(reader), reader
    assert isinstance(status["attached"], list), status
    for device in status["attached"]:  # whatever hangs on the machine that runs this
        assert set(device) <= {"driver", "model", "id", "port", "serial", "reader"}, device
        assert "reader" not in device, device
    b.laned.notes.clear()
    b.touch("1_4.pgm")
    assert "attached" not in b.laned.note("bio.state")


def a_reader_that_cannot_be_opened_holds_nobody_up(b):
    b.lab.stop()
    missing = b.lab.path("later")
    # In the order of the file: the one that cannot be opened comes first.
    demo = b.lab.settings.pop("reader:demo")
    b.lab.settings["reader:broken"] = {"driver": "file", "folder": missing}
    b.lab.settings["reader:demo"] = demo
    b.lab.write_conf()
    state = b.start()
    assert [(r["name"], r["state"], r.get("why")) for r in state["readers"]] == [
        ("broken", "absent", "not-found"), ("demo", "ready", None)], state
    assert b.identified(b.touch("1_4.pgm"))["outcome"] == "accept"
    os.mkdir(missing)
    while True:  # it is tried again by itself
        readers = b.laned.note("bio.state")["readers"]
        if readers[0]["state"] == "ready":
            break
    log = b.lab.log("laned-bio")
    assert log.count("cannot open it") == 1 and log.count("has opened it") == 1, log
    os.rmdir(missing)
    b.lab.stop()
    del b.lab.settings["reader:broken"]
    b.lab.write_conf()
    b.start()


def an_enrolment_runs_as_documented(b):
    begin = {"session": SESSION, "subject": SUBJECT, "consent": CONSENT}
    b.laned.ok("enrol.begin", begin)
    b.laned.fails(REFUSED, "enrol.begin", dict(begin, session=ULID))
    b.laned.fails(NOT_FOUND, "enrol.commit", {"session": ULID})
    b.laned.fails(REFUSED, "enrol.commit", {"session": SESSION})
    b.laned.ok("bio.present", {"file": "1_1.pgm"})
    progress = b.laned.note("enrol.progress")
    assert progress["outcome"] == "taken" and progress["finger"] == 1, progress
    b.laned.ok("bio.present", {"file": "3_1.pgm"})
    assert b.laned.note("enrol.progress")["outcome"] == "retry"
    b.laned.ok("enrol.cancel", {"session": SESSION})
    b.laned.fails(NOT_FOUND, "enrol.commit", {"session": SESSION})
    assert b.alive()["gallery"]["references"] == 0
    assert b.enrol(SUBJECT, (1, 2))["outcome"] == "complete"
    assert b.laned.ok("enrol.commit", {"session": SESSION}) == {"references": 2}
    b.laned.fails(NOT_FOUND, "enrol.commit", {"session": SESSION})
    b.laned.ok("enrol.begin", dict(begin, subject=OTHER))
    b.laned.ok("bio.present", {"file": "2_4.pgm"})
    assert b.laned.note("enrol.progress")["outcome"] == "duplicate"
    b.laned.ok("enrol.cancel", {"session": SESSION})
    gallery = b.restart()["gallery"]
    assert (gallery["subjects"], gallery["references"], gallery["damaged"]) == (1, 2, 0), gallery


def a_probe_is_decided_in_every_way(b):
    probe = b.touch("1_4.pgm")
    answer = b.identified(probe)
    assert answer["outcome"] == "accept" and answer["subject"] == SUBJECT, answer
    for method in ("bio.decide", "bio.verify"):
        answer = b.laned.ok(method, {"probe": probe, "subjects": [OTHER, SUBJECT]})
        assert answer["outcome"] == "accept", (method, answer)
        assert set(answer) <= {"outcome", "subject"}, answer
        assert b.laned.ok(method, {"probe": probe, "subjects": [OTHER]})["outcome"] == "reject"
        for subjects in ([], None, 5, ["x"], [5], [SUBJECT, 5], {}, [SUBJECT] * 1001):
            b.laned.fails(PARAMS, method, {"probe": probe, "subjects": subjects})
    b.laned.ok("bio.decide", {"probe": probe, "subjects": [SUBJECT] * 1000})
    b.laned.fails(PARAMS, "bio.verify", {"probe": probe, "subjects": [SUBJECT] * 17})
    b.laned.notify("bio.drop", {"probe": probe})
    b.laned.fails(NOT_FOUND, "bio.verify", {"probe": probe, "subjects": [SUBJECT]})
    assert b.identified(probe)["outcome"] == "retry"  # forgotten
    assert b.identified(b.touch("3_1.pgm"))["outcome"] == "reject"


def a_lost_laned_takes_the_session_with_it(b):
    b.laned.ok("enrol.begin", {"session": SESSION, "subject": OTHER, "consent": CONSENT})
    b.laned.hang_up()
    b.laned.accept(refuse=True)  # of another environment: nothing happens but a log line
    b.laned.hang_up()
    b.laned.accept()
    b.laned.fails(NOT_FOUND, "enrol.commit", {"session": SESSION})
    assert b.identified(b.touch("2_5.pgm"))["outcome"] == "accept"
    for garbage in (b"hello\n", b"x" * (2 << 20) + b"\n", b"{}\n", b"{\"jsonrpc\":"):
        try:
            b.laned.raw(garbage)
        except (BrokenPipeError, ConnectionResetError):
            pass  # dropped before all of it was taken
        b.laned.hang_up()
        b.laned.accept()
    b.alive()


def erased_is_erased(b):
    with open(b.lab.path("bio", "gallery.db"), "rb") as f:
        before = f.read()
    assert bytes.fromhex("0a" * 32) in before or os.path.getsize(
        b.lab.path("bio", "gallery.db-wal")) > 0
    probe = b.touch("1_5.pgm")
    assert b.laned.ok("bio.erase", {"subject": SUBJECT}) == {"references": 2}
    b.laned.fails(NOT_FOUND, "bio.erase", {"subject": SUBJECT})
    assert b.identified(probe)["outcome"] == "reject"
    for name in os.listdir(b.lab.path("bio")):
        if name.startswith("gallery.db") and not name.endswith("-shm"):
            with open(b.lab.path("bio", name), "rb") as f:
                data = f.read()
            assert bytes.fromhex("0a" * 32) not in data, name  # not even the consent's hash
    assert b.restart()["gallery"]["references"] == 0


def refuses_to_start(b, words, code=None):
    with open(b.lab.path("log", "laned-bio"), "w", encoding="utf-8"):
        pass
    process = b.lab.start("laned-bio")
    ended = process.wait(PATIENCE_S)
    assert ended != 0 and code in (None, ended), ended
    log = b.lab.log("laned-bio")
    assert words in log, (words, log)
    del b.lab.processes["laned-bio"]


def what_cannot_be_right_does_not_start(b):
    b.enrol(SUBJECT, (1, 2))
    b.laned.ok("enrol.commit", {"session": SESSION})
    b.lab.stop()
    key, db = b.lab.path("bio", "gallery.key"), b.lab.path("bio", "gallery.db")
    os.rename(key, key + ".kept")
    refuses_to_start(b, "missing while gallery.db exists")
    assert not os.path.exists(key)
    with open(key, "wb") as f:
        f.write(b"k" * 32)
    os.chmod(key, 0o600)
    refuses_to_start(b, "another key")
    os.chmod(key, 0o644)
    refuses_to_start(b, "gallery.key")
    os.rename(key + ".kept", key)
    b.lab.settings["privacy"]["profile"] = "unset"
    b.lab.write_conf()
    refuses_to_start(b, "profile")
    b.lab.settings["privacy"]["profile"] = "us_other"
    reader = b.lab.settings["reader:demo"]
    b.lab.settings["lane"]["environment"] = "live"
    b.lab.write_conf()
    refuses_to_start(b, "driver file exists in the test environment only", 78)
    b.lab.settings["reader:demo"] = {"driver": "usb"}
    b.lab.write_conf()
    refuses_to_start(b, "environment")  # the gallery's
    b.lab.settings["lane"]["environment"] = "test"
    for key, value in (("dpi", "100"), ("address", "nonsense"), ("password", "12")):
        b.lab.settings["reader:demo"] = {"driver": "usb", key: value}
        b.lab.write_conf()
        refuses_to_start(b, key, 78)
    b.lab.settings["reader:demo"] = reader
    b.lab.write_conf()
    with open(db, "rb") as f:
        good = f.read()
    with open(db, "r+b") as f:
        f.write(b"\xa5" * 4096)
    refuses_to_start(b, "gallery.db")
    with open(db, "rb") as f:  # never touched: it is not rebuildable
        assert f.read()[:4096] == b"\xa5" * 4096
    with open(db, "wb") as f:
        f.write(good)
    assert b.start()["gallery"]["references"] == 2


def no_image_or_template_leaves_a_trace(b):
    log = b.lab.log("laned-bio")
    assert "score" not in log and SUBJECT not in log, log
    b.lab.processes["laned-bio"].send_signal(signal.SIGTERM)
    assert b.lab.processes["laned-bio"].wait(PATIENCE_S) == 0
    assert set(os.listdir(b.lab.path("bio"))) <= {
        "gallery.db", "gallery.key", "gallery.db-wal", "gallery.db-shm",
        "machine", "transfer"}, os.listdir(b.lab.path("bio"))
    assert os.listdir(b.lab.path("bio", "transfer")) == []


TESTS = [params_are_checked, a_consent_is_whole_or_nothing_begins,
         images_that_are_none_are_refused, a_blank_touch_is_refused_with_reasons,
         an_enrolment_runs_as_documented, a_probe_is_decided_in_every_way,
         the_best_frame_of_a_touch_wins, the_state_tells_of_a_finger,
         a_wet_glass_is_told_once_and_not_as_touches, an_enrolment_looks_until_it_sees,
         readers_are_described, a_reader_that_cannot_be_opened_holds_nobody_up,
         a_lost_laned_takes_the_session_with_it, erased_is_erased,
         what_cannot_be_right_does_not_start, no_image_or_template_leaves_a_trace]


def run_all(tests, subject, finish=None):
    """Each test goes on where the one before it ended; then laned-bio's log is looked at."""
    failed = 0
    try:
        for test in tests:
            try:
                test(subject)
                print("ok   %s" % test.__name__, flush=True)
            except Exception as e:
                failed += 1
                print("FAIL %s: %s: %s" % (test.__name__, type(e).__name__, e), flush=True)
                break
        if finish is not None:
            finish()
        log = subject.lab.log("laned-bio")
        if failed or "ERROR: " in log or "runtime error" in log:
            failed += 1
            print(log[-4000:])
    finally:
        subject.lab.remove()
    return 1 if failed else 0


def main():
    return run_all(TESTS, Bio())


def stop(signo, _frame):
    raise SystemExit("stopped by signal %d" % signo)  # by way of finally: no daemon stays behind


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGALRM, stop)
    signal.alarm(500)  # a limit for a hang
    sys.exit(main())
