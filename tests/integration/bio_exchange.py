#!/usr/bin/python3
"""Records of other systems: a member's fingers exported by one lane and imported by another, found
by touch there, without paying by touch alone, exported again byte by byte, replaced by an enrolment
of its own, erased; what is no such record is refused with the byte."""
import json
import os
import signal
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import bio_protocol as protocol  # noqa: E402

lablib = protocol.lablib
SUBJECT, OTHER = protocol.SUBJECT, protocol.OTHER
DATA = 65
MATES = (1, 2)  # synthetic fingers of the member: right index, left index


def views(record):
    """The views of an ISO or ANSI record, each from its position to its last minutia."""
    at = 24 if struct.unpack(">H", record[8:10])[0] < 26 else 26
    found = []
    for _ in range(record[at - 2]):
        end = at + 4 + 6 * record[at + 3]
        found.append(record[at:end])
        at = end + 2 + struct.unpack(">H", record[end:end + 2])[0]
    assert at == len(record), (at, len(record))
    return found


class Exchange:
    """Two lanes: one whose members are enrolled by touch, one that takes them over."""

    def __init__(self):
        self.old, self.lab = lablib.Lab(protocol.BUILD), lablib.Lab(protocol.BUILD)
        self.old.synth_fingers(4, 5, difficulty=20)
        for lab in (self.old, self.lab):
            lab.start("laned")
            lab.start("laned-bio")
            lab.wait_ready(adapter=False)
            lab.add_members([lablib.member("1001"), lablib.member("1002")])
        self.rpc = self.lab.control()
        self.record = None

    def images(self, impressions, fingers=MATES):
        return [self.old.image(f, i) for f in fingers for i in impressions]

    def file(self, name, data=None):
        path = self.lab.path(name)
        if data is not None:
            with open(path, "wb") as f:
                f.write(data)
        return path

    def read(self, name):
        with open(self.lab.path(name), "rb") as f:
            return f.read()

    def consent(self):
        path = self.file("consent.txt", b"I agree.\n")
        return ["--consent-text", path, "--consent-version", "v1", "--signed"]

    def ctl(self, *arguments):
        """The exit code and both outputs."""
        done = self.lab.ctl(*arguments, check=False, json_out=False)
        return done.returncode, done.stdout, done.stderr

    def take(self, member, path, *more):
        return self.ctl("bio", "import", "--member", member, *self.consent(), *more, path)

    def gallery(self):
        return self.lab.ctl("status")["bio"]["state"]["gallery"]

    def settled(self, references, foreign):
        """The state is told after the answer."""
        end = time.monotonic() + protocol.PATIENCE_S
        while True:
            g = self.gallery()
            if (g["references"], g["foreign"]) == (references, foreign):
                return
            assert time.monotonic() < end, g
            time.sleep(0.02)

    def who(self, image):
        """Whom lanectl identify names for a finger on the glass."""
        rpc = self.lab.control()
        try:
            number = rpc.send("bio.identify")
            self.rpc.receive(self.lab.present(self.rpc, image))
            return rpc.receive(number)
        finally:
            rpc.close()


def answer_with(listener, result):
    """Answers one request, whatever it is."""
    peer, _ = listener.accept()
    with peer, peer.makefile("rwb") as f:
        request = json.loads(f.readline())
        f.write(json.dumps({"jsonrpc": "2.0", "id": request["id"],
                            "result": result}).encode() + b"\n")
        f.flush()
        f.read()


def a_member_takes_the_fingers_along(x):
    x.old.enrol("1001", x.images((1, 2, 3)))
    x.old.ctl("bio", "export", "--member", "1001", x.file("iso.fmr"))
    x.old.ctl("bio", "export", "--member", "1001", "--format", "ansi", x.file("ansi.fmr"))
    x.record = x.read("iso.fmr")
    assert [v[0] for v in views(x.record)] == [2, 7]
    assert [v[0] for v in views(x.read("ansi.fmr"))] == [2, 7]
    assert os.stat(x.file("iso.fmr")).st_mode & 0o777 == 0o600
    done = x.old.ctl("bio", "export", "--member", "1001", x.file("iso.fmr"), check=False,
                     json_out=False)
    assert done.returncode == DATA and "exists" in done.stderr, done.stderr
    done = x.old.ctl("bio", "export", "--member", "1002", x.file("none"), check=False,
                     json_out=False)
    assert done.returncode != 0 and "no fingers" in done.stderr, done.stderr
    assert os.listdir(x.old.path("bio", "transfer")) == []


def a_record_is_looked_at_without_being_kept(x):
    code, out, _ = x.ctl("bio", "import", "--check", x.file("iso.fmr"), x.file("ansi.fmr"))
    assert code == 0 and "ISO/IEC 19794-2:2005" in out and "ANSI INCITS 378-2004" in out, out
    assert out.count("finger 2: ") == 2 and out.count("finger 7: ") == 2, out
    answer = x.lab.ctl("bio", "import", "--check", x.file("iso.fmr"))
    assert [f["finger"] for f in answer["fingers"]] == [2, 7], answer
    assert "references" not in answer and all(f["exact"] for f in answer["fingers"]), answer
    assert x.gallery()["references"] == 0


def what_is_wrong_is_named_with_its_byte(x):
    bad = bytearray(x.record)
    bad[24 + 4 + 5] = 101  # quality of the first minutia
    wrong = [(x.record[:50], 50), (x.record + b"\0", len(x.record)), (bytes(bad), 24 + 4 + 5),
             (b"\x89PNG" + x.record[4:], 0), (x.record[:4] + b" 30\0" + x.record[8:], 4)]
    for data, offset in wrong:
        path = x.file("wrong.fmr", data)
        for arguments in (["--check"], ["--member", "1001"] + x.consent()):
            code, out, err = x.ctl("bio", "import", *arguments, path)
            assert code == DATA and "byte %d: " % offset in err, (offset, code, out, err)
    answer = x.lab.ctl("bio", "import", "--check", path, check=False)
    assert answer["fault"]["offset"] == 4 and "what" in answer["fault"], answer
    assert x.ctl("bio", "import", "--check", x.file("empty", b""))[0] != 0
    assert x.gallery()["references"] == 0


def without_a_signed_consent_nothing_is_taken(x):
    code, _, err = x.ctl("bio", "import", "--member", "1001", x.file("iso.fmr"))
    assert code == 64 and "consent" in err, err
    code, _, err = x.ctl("bio", "import", "--member", "1001", *x.consent()[:-1], x.file("iso.fmr"))
    assert code == 64, err
    assert x.gallery()["references"] == 0


def imported_fingers_are_found_by_touch(x):
    code, out, err = x.take("1001", x.file("iso.fmr"))
    assert code == 0 and "imported" in out, (out, err)
    x.settled(2, 2)
    code, out, _ = x.ctl("status")
    assert code == 0 and "2 of another system" in out, out
    found = [x.who(x.old.image(f, i)).get("number") for f in MATES for i in (4, 5)]
    assert found.count("1001") >= 3 and set(found) <= {"1001", None}, found
    stranger = x.who(x.old.image(4, 1))
    assert stranger["outcome"] != "accept", stranger


def somebody_elses_fingers_are_not_imported(x):
    code, _, err = x.take("1002", x.file("ansi.fmr"))
    assert code == DATA and "somebody else" in err, err
    assert x.gallery()["references"] == 2


def what_was_imported_is_exported_byte_by_byte(x):
    answer = x.lab.ctl("bio", "export", "--member", "1001", x.file("again.fmr"))
    assert answer["exact"] and x.read("again.fmr") == x.record
    x.lab.stop()  # and from the file, not only from memory
    x.lab.start("laned")
    x.lab.start("laned-bio")
    x.lab.wait_ready(adapter=False)
    x.rpc = x.lab.control()
    x.settled(2, 2)
    x.lab.ctl("bio", "export", "--member", "1001", "--format", "iso", x.file("third.fmr"))
    assert x.read("third.fmr") == x.record
    answer = x.lab.ctl("bio", "export", "--member", "1001", "--format", "ansi", x.file("a.fmr"))
    assert not answer["exact"] and len(views(x.read("a.fmr"))) == 2, answer


def fingers_taken_here_replace_them(x):
    x.lab.enrol("1001", x.images((1, 2, 3)))
    x.settled(2, 0)
    code, _, err = x.take("1001", x.file("iso.fmr"))
    assert code == DATA and "better" in err, err
    x.settled(2, 0)
    assert x.who(x.old.image(1, 4)).get("number") == "1001"


def no_record_lies_about_and_laned_saw_none(x):
    assert os.listdir(x.lab.path("bio", "transfer")) == []
    assert os.stat(x.lab.path("bio", "transfer")).st_mode & 0o777 == 0o700
    needles = [v[4:] for v in views(x.record)] + [b"FMR\0"]
    for root, _, names in os.walk(x.lab.root):
        for name in names:
            path = os.path.join(root, name)
            if name.endswith(".fmr") or not os.path.isfile(path):
                continue
            with open(path, "rb") as f:
                data = f.read()
            assert not any(n in data for n in needles), path
    x.old.stop()
    x.old.remove()


def no_name_leads_lanectl_out_of_the_folder(x):
    """Somebody in laned's place names a file that is not of the transfer folder."""
    victim = x.file("victim", b"not yours")
    for name in (victim, "../../victim", ".", "..", ""):
        path = x.lab.path("false.sock")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(1)
        thread = threading.Thread(target=answer_with, daemon=True, args=(
            listener, {"file": name, "format": "iso", "exact": True, "fingers": []}))
        thread.start()
        code, out, _ = x.ctl("--socket", path, "bio", "export", "--member", "1001",
                             x.file("stolen"))
        thread.join(protocol.PATIENCE_S)
        assert not thread.is_alive(), name  # it was asked
        listener.close()
        os.unlink(path)
        assert code != 0, (name, out)
        assert x.read("victim") == b"not yours", name
        assert not os.path.exists(x.lab.path("stolen")), name


TESTS = [a_member_takes_the_fingers_along, a_record_is_looked_at_without_being_kept,
         what_is_wrong_is_named_with_its_byte, without_a_signed_consent_nothing_is_taken,
         imported_fingers_are_found_by_touch, somebody_elses_fingers_are_not_imported,
         no_name_leads_lanectl_out_of_the_folder,
         what_was_imported_is_exported_byte_by_byte, fingers_taken_here_replace_them,
         no_record_lies_about_and_laned_saw_none]


# ---- what laned is answered ----------------------------------------------------------------

class Direct(protocol.Bio):
    """laned-bio with this program as laned."""

    def put(self, name, data):
        with open(self.lab.path("bio", "transfer", name), "wb") as f:
            f.write(data)
        return name

    def take(self, subject, data, **more):
        return self.laned.ok("bio.import", dict(
            {"subject": subject, "consent": protocol.CONSENT, "file": self.put("in.fmr", data)},
            **more))

    def export(self, *subjects, **more):
        name = self.laned.ok("bio.export", dict({"subjects": list(subjects)}, **more))["file"]
        path = self.lab.path("bio", "transfer", name)
        with open(path, "rb") as f:
            data = f.read()
        os.unlink(path)
        return data


def only_an_own_reference_pays_by_touch(b):
    b.enrol(SUBJECT, (1, 2))
    b.laned.ok("enrol.commit", {"session": protocol.SESSION})
    answer = b.identified(b.touch("1_4.pgm"))
    assert answer["outcome"] == "accept" and answer["pay_by_touch"] is True, answer
    b.record = b.export(SUBJECT)
    assert b.laned.ok("bio.erase", {"subject": SUBJECT})["references"] == 2
    b.laned.fails(protocol.NOT_FOUND, "bio.export", {"subjects": [SUBJECT]})
    assert b.take(SUBJECT, b.record)["references"] == 2
    answer = b.identified(b.touch("1_4.pgm"))
    assert answer["outcome"] == "accept" and answer["subject"] == SUBJECT, answer
    assert answer["pay_by_touch"] is False, answer
    answer = b.laned.ok("bio.verify", {"probe": b.touch("1_5.pgm"), "subjects": [SUBJECT]})
    assert answer["outcome"] == "accept", answer  # with a claim it does


def a_message_is_whole_or_refused(b):
    laned, record = b.laned, b.record
    for value in protocol.WRONG_TYPES:
        for method in ("bio.record", "bio.import"):
            params = {"subject": OTHER, "consent": protocol.CONSENT, "file": value}
            assert "error" in laned.ask(method, params), (method, value)
        laned.fails(protocol.PARAMS, "bio.import", {"subject": value, "file": "x",
                                                    "consent": protocol.CONSENT})
        laned.fails(protocol.PARAMS, "bio.import", {"subject": OTHER, "file": "x",
                                                    "consent": value})
        laned.fails(protocol.PARAMS, "bio.export", {"subjects": [SUBJECT], "format": value})
        assert "error" in laned.ask("bio.export", {"subjects": value}), value
        laned.fails(protocol.PARAMS, "bio.record", {"file": b.put("r", record), "finger": value}
                    if value is not None else {})
    for name in ("..", "../x", "/etc/passwd", "a/b", "", ".x", "x" * 65):
        assert "error" in laned.ask("bio.record", {"file": name}), name
    os.symlink("/etc/passwd", b.lab.path("bio", "transfer", "link"))
    laned.fails(protocol.REFUSED, "bio.record", {"file": "link"})
    laned.fails(protocol.REFUSED, "bio.record", {"file": "nothing"})
    fault = laned.ok("bio.record", {"file": b.put("r", record), "finger": 3})["fault"]
    assert "offset" not in fault, fault
    assert b.alive()["gallery"]["references"] == 2


def hostile_records_leave_it_alive(b):
    laned, record = b.laned, b.record
    for cut in range(0, len(record), 7):
        answer = laned.ask("bio.record", {"file": b.put("r", record[:cut])})
        if cut > 0:
            assert answer["result"]["fault"]["offset"] <= cut, (cut, answer)
    for at in range(0, min(len(record), 120)):
        changed = bytearray(record)
        changed[at] ^= 0xff
        answer = laned.ok("bio.record", {"file": b.put("r", bytes(changed))})
        assert ("fault" in answer) != ("fingers" in answer), answer
    big = b.put("r", b"FMR\0 20\0" + b"\xff" * (2 << 20))
    laned.fails(protocol.REFUSED, "bio.record", {"file": big})
    assert not os.path.exists(b.lab.path("bio", "transfer", big))
    b.alive()


def erased_is_erased(b):
    assert b.alive()["gallery"]["foreign"] == 2
    assert b.laned.ok("bio.erase", {"subject": SUBJECT})["references"] == 2
    gallery = b.alive()["gallery"]
    assert (gallery["references"], gallery["foreign"]) == (0, 0), gallery
    assert b.identified(b.touch("1_4.pgm"))["outcome"] == "reject"
    b.restart()
    assert b.alive()["gallery"]["references"] == 0


DIRECT_TESTS = [only_an_own_reference_pays_by_touch, a_message_is_whole_or_refused,
                hostile_records_leave_it_alive, erased_is_erased]


def main():
    failed = protocol.run_all(TESTS, Exchange())
    return failed or protocol.run_all(DIRECT_TESTS, Direct())


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, protocol.stop)
    signal.signal(signal.SIGALRM, protocol.stop)
    signal.alarm(500)  # a limit for a hang
    sys.exit(main())
