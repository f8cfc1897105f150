#!/usr/bin/python3
"""Every command of lanectl against the real programs: what it prints for people and as JSON, and the
exit codes of docs: 0 done, 1 the answer is no, 64 usage, 65 bad input, 69 no laned, 70 internal,
77 not allowed, 78 configuration."""
import datetime
import json
import os
import queue
import select
import signal
import socket
import subprocess
import sys
import threading
import time

SRC = os.environ.get("SRCDIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(SRC, "tests", "demo"))
import lab as lablib  # noqa: E402

BUILD = os.environ.get("LANED_BUILD", os.path.join(SRC, "build"))
OK, NO, USAGE, DATA, UNREACHABLE, INTERNAL, DENIED, CONFIG = 0, 1, 64, 65, 69, 70, 77, 78
PATIENCE_S = 20.0
RULE = {"id": "ten", "kind": "percent", "scope": {"all": True}, "params": {"percent_bp": 1000},
        "who": {"member": True}, "text": {"en": "ten off"}}
RULES = {"laned_rules": 1, "currency": "EUR", "rules": [RULE]}
BASKET = {"lines": [{"line": 1, "code": "1", "qty": 1, "unit_price_minor": 1000}]}


class Ctl:
    def __init__(self):
        self.lab = lablib.Lab(BUILD)

    def run(self, code, *arguments, json_out=False, stdin=None, conf=True, env=None):
        words = [os.path.join(BUILD, "lanectl")]
        if conf:
            words += ["--conf", self.lab.path("laned.conf")]
        if json_out:
            words.append("--json")
        done = subprocess.run(words + [str(a) for a in arguments], input=stdin or "",
                              capture_output=True, text=True, timeout=60, check=False,
                              env=dict(os.environ, **(env or {})))
        assert done.returncode == code, "lanectl %s: exit %d, not %d\n%s%s" % (
            " ".join(map(str, arguments)), done.returncode, code, done.stdout, done.stderr)
        assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr
        return done

    def json(self, code, *arguments, **more):
        out = self.run(code, *arguments, json_out=True, **more).stdout
        return [json.loads(line) for line in out.splitlines()]

    def write(self, name, text):
        path = self.lab.path(name)
        with open(path, "w", encoding="utf-8", newline="") as f:
            f.write(text if isinstance(text, str) else json.dumps(text))
        return path


# ---- without laned

def usage_errors_are_64(c):
    for words in ((), ("nonsense",), ("members",), ("members", "nonsense"), ("status", "x"),
                  ("doctor", "x"), ("watch", "x"), ("readers", "x"), ("readers", "--wotch"),
                  ("reload", "x"), ("other-tender", "x"),
                  ("remove-member", "x"), ("training",), ("training", "maybe"),
                  ("training", "on", "off"), ("config", "check", "x"), ("config", "show", "x"),
                  ("members", "import"), ("members", "import", "a.csv", "b.csv"),
                  ("members", "import", c.write("m.txt", "x")), ("members", "show"),
                  ("members", "show", "1", "2"), ("members", "export"),
                  ("members", "list", "--limit", "many"), ("members", "list", "x"),
                  ("members", "add", "x"), ("offers", "import"), ("offers", "check"),
                  ("offers", "list", "x"), ("offers", "simulate"), ("baskets", "convert"), ("price",), ("price", "--rules", "x"),
                  ("price", "--rules", "x", "--basket", "y", "--at", "yesterday"), ("enrol",),
                  ("enrol", "--member", "1"), ("identify", "x"), ("present",),
                  ("checkouts", "list", "--limit", "x"), ("checkouts", "list", "x"),
                  ("checkouts", "show"), ("payments", "x")):
        done = c.run(USAGE, *words)
        assert done.stderr and not done.stdout, words
    c.run(USAGE, "enrol", "--member", "1", "--consent-version", "1", "--signed")


def help_and_version_need_nothing(c):
    for words in (("--help",), ("help",)):
        text = c.run(OK, *words, conf=False).stdout
        for name in ("status", "doctor", "readers", "members import", "enrol", "price",
                     "checkouts show", "Exit codes"):
            assert name in text, name
    assert c.run(OK, "--version", conf=False).stdout.startswith("lanectl ")
    assert "FILE" in c.run(OK, "members", "import", "--help").stdout
    assert c.run(USAGE, conf=False).stderr.startswith("Usage")


def no_laned_is_69(c):
    for words in (("status",), ("doctor",), ("reload",), ("watch",), ("readers",),
                  ("readers", "--watch"), ("members", "list"), ("members", "show", "1"),
                  ("members", "export", "1"),
                  ("members", "add", "--number", "1"), ("offers", "list"), ("identify",),
                  ("checkouts", "list"), ("checkouts", "show", "x"), ("payments",),
                  ("training", "on"), ("other-tender",), ("remove-member",),
                  ("members", "import", c.write("m.csv", "number\n1\n")),
                  ("offers", "import", c.write("o.json", RULES))):
        assert "running" in c.run(UNREACHABLE, *words).stderr, words
    c.run(UNREACHABLE, "--socket", "/nonexistent/x", "status")
    c.run(UNREACHABLE, "--socket=/nonexistent/x", "status", conf=False)
    c.run(USAGE, "--socket", "/" + "x" * 200, "status")


def bad_lines_of_the_configuration_are_all_named(c):
    assert "fine" in c.run(OK, "config", "check").stdout
    assert c.json(OK, "config", "check")[-1] == {"errors_total": 0, "errors": [], "warnings": []}
    good = open(c.lab.path("laned.conf"), encoding="utf-8").read()
    lines = ["[lane]", "naem = x", "environment = prod", "business_day_start = 1440",
             "[payment]", "touch_limit = 5,00", "sending_max = 5", "[nonsense]", "[bio]",
             "fpir = 2", "[reader:x]", "driver = ouija", "[privacy", "no equals sign",
             "   indented = 1", "x = " + "y" * 300, "name = a\x01b"]
    bad = c.write("bad.conf", "\n".join(lines) + "\n")
    done = c.run(CONFIG, "--conf", bad, "config", "check", conf=False)
    for number in (2, 3, 4, 6, 7, 8, 10, 12, 13, 14, 15, 16):
        assert ":%d: " % number in done.stdout, (number, done.stdout)
    answer = c.json(CONFIG, "--conf", bad, "config", "check", conf=False)[-1]
    assert answer["errors_total"] == len(answer["errors"]) >= 12, answer
    assert {"file", "line", "key", "what"} == set(answer["errors"][0])
    assert answer["warnings"] == []
    for byte in (b"\xff\xfe", b"\0", b"\xc3"):
        with open(bad, "wb") as f:
            f.write(b"[lane]\nname = " + byte + b"x\n")
        c.run(CONFIG, "--conf", bad, "config", "check", conf=False)
        assert c.json(CONFIG, "--conf", bad, "config", "check", conf=False)[-1]["errors_total"]
    for words in (("config", "show"), ("status",), ("members", "list")):
        c.run(CONFIG, "--conf", bad, *words, conf=False)
        c.run(CONFIG, "--conf", "/nonexistent/laned.conf", *words, conf=False)
    c.run(CONFIG, "--conf", "/nonexistent/laned.conf", "config", "check", conf=False)
    assert open(c.lab.path("laned.conf"), encoding="utf-8").read() == good


def keys_that_mean_nothing_are_warned_of(c):
    path = c.write("usb.conf", "[reader:front]\ndriver = usb\nfolder = /var/x\nport = 1-4\n"
                   "[reader:side]\nserial = 5\n")
    said = c.run(OK, "--conf", path, "config", "check", conf=False).stdout
    assert "usb.conf:3: warning: [reader:front] folder means nothing with driver = usb" in said
    assert "usb.conf:6: warning: [reader:side] serial means nothing with driver = file" in said
    assert "port" not in said and "fine" in said, said
    answer = c.json(OK, "--conf", path, "config", "check", conf=False)[-1]
    assert [(w["section"], w["key"], w["driver"]) for w in answer["warnings"]] == [
        ("reader:front", "folder", "usb"), ("reader:side", "serial", "file")], answer
    done = subprocess.run([os.path.join(BUILD, "laned"), "-t", "--conf", path], timeout=30,
                          capture_output=True, text=True, stdin=subprocess.DEVNULL, check=True)
    assert done.stderr.count("warning") == 2 and "usb.conf:3:" in done.stderr, done.stderr


def a_time_zone_that_is_none_is_told(c):
    path = c.write("zone.conf", "[lane]\ntimezone = Europe/Tallin\n")
    said = c.run(CONFIG, "--conf", path, "config", "check", conf=False).stdout
    assert 'zone.conf:2: [lane] timezone: "Europe/Tallin" is no time zone' in said, said
    done = subprocess.run([os.path.join(BUILD, "laned"), "-t", "--conf", path], timeout=30,
                          capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == CONFIG and "zone.conf:2: [lane] timezone" in done.stderr, done.stderr


def config_show_tells_values_and_origins(c):
    text = c.run(OK, "config", "show").stdout
    assert "[lane] environment = test" in text and "default" in text
    keys = c.json(OK, "config", "show")[-1]["keys"]
    found = {(k["section"], k["key"]): k for k in keys}
    assert found[("privacy", "profile")]["value"] == "us_other"
    assert "laned.conf" in found[("privacy", "profile")]["origin"]
    assert found[("payment", "touch_limit")]["origin"] == "default", found[
        ("payment", "touch_limit")]
    assert c.run(OK, "config", "show", conf=False, env={
        "LANED_CONF": c.lab.path("laned.conf")}).stdout == text


def offers_are_checked_and_priced_without_laned(c):
    rules = c.write("rules.json", RULES)
    lines = c.write("rules.jsonl", json.dumps(RULE) + "\r\n\r\n" + json.dumps(dict(RULE, id="b")))
    assert "1 rules, fine" in c.run(OK, "offers", "check", rules).stdout
    assert c.json(OK, "offers", "check", lines) == [{"rules": 2, "warnings": 0}]
    for name, text, place in (
            ("a.json", "{", ":1:2:"), ("a.json", "", ":1:1:"), ("a.json", "[]", ":1:"),
            ("a.json", {"laned_rules": 1, "currency": "EUR", "rules": [RULE, RULE]}, ":1:"),
            ("a.jsonl", json.dumps(RULE) + "\nx", ":2:1:"), ("a.jsonl", "x", ":1:1:"),
            ("a.jsonl", "\n" + json.dumps(dict(RULE, kind="magic")), ":2:"),
            ("a.json", "[" + "1," * 100000 + "1]", "")):
        assert place in c.run(DATA, "offers", "check", c.write(name, text)).stderr, (name, text)
    c.run(DATA, "offers", "check", "/nonexistent/rules.json")
    basket, member = c.write("basket.json", BASKET), c.write("member.json", {"known": True})
    price = c.json(OK, "price", "--rules", rules, "--basket", basket, "--member", member)[0]
    assert (price["gross"], price["total"], price["saving"]) == (1000, 900, 100), price
    assert price["optimal"] is True and price["discounts"][0]["text"] == "ten off", price
    stranger = c.json(OK, "price", "--rules", rules, "--basket", basket)[0]
    assert stranger["total"] == 1000, stranger
    explained = c.json(OK, "price", "--rules", rules, "--basket", basket, "--explain")[0]
    assert explained["rules"][0]["id"] == "ten", explained
    dated = c.write("dated.json", dict(RULES, rules=[dict(RULE, when={
        "from": "2026-05-01", "to": "2026-05-31"})]))
    for at, total in (("2026-05-10", 900), ("2026-05-10T12:00", 900),
                      ("2026-05-10T12:00:00Z", 900), ("2026-04-30", 1000), ("2026-06-02", 1000)):
        price = c.json(OK, "price", "--rules", dated, "--basket", basket, "--member", member,
                       "--at", at)[0]
        assert price["total"] == total, (at, price)
    for name, text in (("b", "{"), ("b", []), ("b", dict(BASKET, lines=[{}])),
                       ("b", dict(BASKET, lines=5)), ("b", "[" + "1," * 100000 + "1]")):
        c.run(DATA, "price", "--rules", rules, "--basket", c.write(name, text))
    c.run(DATA, "price", "--rules", rules, "--basket", basket, "--member", c.write("m", "[]"))
    c.run(DATA, "price", "--rules", c.write("r.json", "{"), "--basket", basket)
    c.run(DATA, "price", "--rules", rules, "--basket", "/nonexistent/b.json")


# ---- with laned

def start(c):
    c.lab.start_all()


def status_and_doctor(c):
    text = c.run(OK, "status").stdout
    for word in ("lane-1", "environment test", "laned-bio   connected", "drop", "journal"):
        assert word in text, (word, text)
    status = c.json(OK, "status")[0]
    assert status["bio"]["connected"] and status["adapters"][0]["connected"], status
    c.run(OK, "doctor")
    assert all(k["state"] != "fail" for k in c.json(OK, "doctor")[0]["checks"])
    c.lab.kill("laned-adapter")
    end = time.monotonic() + PATIENCE_S
    while c.json(OK, "status")[0]["adapters"][0]["connected"]:
        assert time.monotonic() < end
    assert "->" in c.run(NO, "doctor").stdout
    assert any(k["state"] == "fail" for k in c.json(NO, "doctor")[0]["checks"])
    c.lab.start("laned-adapter")
    c.lab.wait_ready()


def members_by_hand(c):
    added = c.run(OK, "members", "add", "--number", "1", "--greeting", "Mari", "--card", "C1",
                  "--phone", "+372 555 0101", "--group", "a", "--group=b", "--language", "et")
    assert added.stdout.startswith("1 added as ")
    assert "already" in c.run(NO, "members", "add", "--number", "1").stderr
    c.run(DATA, "members", "add", "--card", "x")
    c.run(DATA, "members", "add", "--number", "2", "--phone", "12")
    path = c.write("one.json", lablib.member("1003"))
    assert c.json(OK, "members", "add", "--file", path)[0]["member"]["number"] == "1003"
    c.run(DATA, "members", "add", "--file", c.write("bad.json", "{"))
    c.run(DATA, "members", "add", "--file", "/nonexistent/x")
    c.run(OK, "members", "add", "--file", "-", stdin=json.dumps(lablib.member("1004")))
    text = c.run(OK, "members", "show", "1").stdout
    for word in ("C1", "3725550101", "groups      a b", "fingers     none"):
        assert word in text, (word, text)
    shown = c.json(OK, "members", "show", "1003")[0]["member"]
    assert c.json(OK, "members", "show", shown["member"])[0]["member"] == shown
    assert "tok-1003" not in json.dumps(shown)
    for name in ("nobody", "01ARZ3NDEKTSV4RRFFQ69G5FAV"):
        c.run(NO, "members", "show", name)
        c.run(NO, "members", "export", name)
    exported = json.loads(c.run(OK, "members", "export", "1").stdout)
    assert exported["member"]["greeting"] == "Mari" and exported["consents"] == []


def twenty_thousand_members(c):
    rows = ["number,greeting,card\r\n"] + ["m%05d,\"G\u00e4st, %d\",K%d\r\n" % (i, i, i)
                                           for i in range(20000)]
    path = c.write("many.csv", "".join(rows))
    assert "checked only" in c.run(OK, "members", "import", path, "--check").stdout
    answer = c.json(OK, "members", "import", path)[0]
    assert answer["added"] == 20000 and answer["committed"], answer
    assert "20000 unchanged" in c.run(OK, "members", "import", path).stdout
    assert c.json(OK, "status")[0]["cache"]["members"] == 20003
    assert c.json(OK, "members", "show", "m19999")[0]["member"]["greeting"] == "G\u00e4st, 19999"
    first = c.run(OK, "members", "list", "--limit", "3", "--after", "m").stdout
    assert first.startswith("m00000") and "more after m00002 (of 20003)" in first, first
    page = c.json(OK, "members", "list", "--limit", "500", "--after", "m19900")[0]
    assert len(page["members"]) == 99 and "next" not in page
    c.run(DATA, "members", "list", "--limit", "0")
    rows[5] = "bad row\r\n"
    rows[19000] = "x,\"open\r\n"
    done = c.run(DATA, "members", "import", c.write("bad.csv", "".join(rows)))
    assert "bad.csv:6:1:" in done.stderr and "bad.csv:19001:1:" in done.stderr, done.stderr
    assert "2 errors; nothing was changed" in done.stderr
    assert c.json(DATA, "members", "import", c.lab.path("bad.csv"))[0]["errors_total"] == 2
    c.run(OK, "members", "import", "-", "--format", "jsonl", stdin="{\"number\":\"s1\"}\n")
    c.run(DATA, "members", "import", "/nonexistent/x.csv")
    c.run(DATA, "members", "import", path, "--format", "json")
    with open(c.lab.path("latin.csv"), "wb") as f:
        f.write(b"number,greeting\n1,G\xe4st\n")
    c.run(DATA, "members", "import", c.lab.path("latin.csv"))
    with open(c.lab.path("continued.csv"), "wb") as f:
        f.write(b"\x80" * 600000)
    c.run(DATA, "members", "import", c.lab.path("continued.csv"))
    c.run(OK, "members", "list")  # and no import was left open


def offers_by_file(c):
    assert "1 added" in c.run(OK, "offers", "import", c.write("o.json", RULES)).stdout
    assert c.run(OK, "offers", "list").stdout.startswith("ten ")
    assert c.json(OK, "offers", "list")[0]["count"] == 1
    c.run(DATA, "offers", "import", c.write("o.json", dict(RULES, currency="USD")))
    c.run(DATA, "offers", "import", c.write("o.json", "{"))
    c.run(OK, "offers", "import", c.write("o.jsonl", json.dumps(dict(RULE, id="x"))), "--check")
    assert c.run(OK, "offers", "list").stdout.startswith("ten ")
    table = "id,kind,all,percent,member,text_en\nten,percent,yes,%s,yes,ten off\n"
    done = c.run(DATA, "offers", "import", c.write("o.csv", table % "ten"))
    assert "o.csv:2:17: ten: percent_bp" in done.stderr, done.stderr
    assert "1 added" in c.run(OK, "offers", "import", c.write("o.csv", table % "10")).stdout
    said = c.run(OK, "offers", "list").stdout
    assert said == "%-24s %-20s -10 %%; all goods; members; \"ten off\"\n" % ("ten", "percent"), said
    assert c.json(OK, "offers", "list")[0]["offers"] == [RULE]


def keys_of_the_cashier(c):
    c.run(NO, "other-tender")
    assert c.json(OK, "training", "on") == [{}]
    assert "TRAINING" in c.run(OK, "status").stdout
    c.run(OK, "training", "off")
    assert c.json(OK, "reload")[0] == {"changed": [], "restart": []}
    good = open(c.lab.path("laned.conf"), encoding="utf-8").read()
    c.write("laned.conf", good.replace("us_other", "nothing"))
    c.run(NO, "--socket", c.lab.path("run", "control.sock"), "reload", conf=False)
    c.write("laned.conf", good + "[payment]\ntouch_limit = 20.00\n[pricing]\nprice = pos\n")
    said = c.run(OK, "reload").stdout
    assert "[payment] touch_limit changed\n" in said, said
    assert "[pricing] price changed; restart laned for it\n" in said, said
    c.write("laned.conf", good)
    c.run(OK, "reload")


def fingers(c):
    c.lab.synth_fingers(3, 5, difficulty=30)
    image = c.lab.image
    six = [image(f, i) for f in (1, 2) for i in (1, 2, 3)]
    text = c.write("consent.txt", "I agree.\n")
    consent = ("--consent-text", text, "--consent-version", "v1")
    c.run(USAGE, "enrol", "--member", "1", *consent, *six)  # not signed
    assert not os.listdir(c.lab.path("present"))
    c.run(NO, "enrol", "--member", "nobody", *consent, "--signed", *six)
    c.run(DATA, "enrol", "--member", "1", "--consent-text", "/nonexistent/c", "--consent-version",
          "v1", "--signed", *six)
    c.run(NO, "enrol", "--member", "1", *consent, "--signed", *six[:4])  # too few
    c.run(DATA, "enrol", "--member", "1", *consent, "--signed", six[0], "/nonexistent/x.pgm")
    c.run(NO, "enrol", "--member", "1", *consent, "--signed", c.write("x.pgm", "no image"))
    c.run(DATA, "enrol", "--member", "1", *consent, "--signed", "--staff", "s" * 64, *six)
    assert c.json(OK, "status")[0]["bio"]["state"]["gallery"]["references"] == 0
    # Frames that are no good before one that is: still one touch.
    frames = [c.lab.path("present", "late.pgm" + more) for more in ("", "+2", "+3")]
    blank = b"P5\n300 400\n255\n" + b"\xc8" * (300 * 400)
    with open(six[0], "rb") as f:
        for name, image in zip(frames, (blank, blank, f.read())):
            with open(name, "wb") as g:
                g.write(image)
    done = c.run(NO, "enrol", "--member", "1", *consent, "--signed", frames[0])
    said = [line.split(" (")[0] for line in done.stdout.splitlines()]
    first = "finger 1, right-index, impression 1: "
    assert said == ["touch with: right-index, left-index; 3 times each", first + "hold still",
                    first + "taken"], said
    assert "blank" in done.stdout.splitlines()[1], done.stdout
    for name in frames:
        os.unlink(name)
    for wrong in ("left-index,left-thumb", "index", "right-index,right-index", ",", ""):
        done = c.run(DATA, "enrol", "--member", "1", *consent, "--signed", "--fingers", wrong, *six)
        assert "finger" in done.stderr, done
    done = c.run(OK, "enrol", "--member", "1", *consent, "--signed", "--payment", "--fingers",
                 "right-thumb,left-ring", *six)
    assert "finger 1, right-thumb, impression 1: taken" in done.stdout, done.stdout
    assert "now the left-ring finger" in done.stdout, done.stdout
    assert "enrolled: 2 references" in done.stdout
    assert "linked" in c.run(OK, "members", "show", "1").stdout
    done = c.run(NO, "enrol", "--member", "1003", *consent, "--signed", *six)
    assert "enrolled already" in done.stderr
    gallery = c.json(OK, "status")[0]["bio"]["state"]["gallery"]
    assert (gallery["subjects"], gallery["references"]) == (1, 2), gallery
    consents = json.loads(c.run(OK, "members", "export", "1").stdout)["consents"]
    assert consents[0]["text_version"] == "v1", consents
    assert not os.listdir(c.lab.path("present"))  # no image stays behind


def relay(listener, path, word, seen):
    """One connection handed on to the socket at path; seen is set once word went that way."""
    near = listener.accept()[0]
    far = socket.socket(socket.AF_UNIX)
    far.connect(path)
    other = {near: far, far: near}
    while True:
        for ready in select.select([near, far], [], [], PATIENCE_S)[0]:
            data = ready.recv(65536)
            if not data:
                near.close()
                far.close()
                return
            other[ready].sendall(data)
            if ready is near and word in data:
                seen.set()


def lanectl_identify(c, image, code, *options):
    """lanectl identify, and the finger once laned has been asked."""
    path = c.lab.path("relay.sock")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(1)
    asked = threading.Event()
    thread = threading.Thread(target=relay, daemon=True, args=(
        listener, c.lab.path("run", "control.sock"), b"bio.identify", asked))
    thread.start()
    waiting = subprocess.Popen(
        [os.path.join(BUILD, "lanectl"), "--socket", path, *options, "identify"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert asked.wait(PATIENCE_S), "lanectl does not ask"
    c.run(OK, "present", image)
    out, err = waiting.communicate(timeout=PATIENCE_S)
    assert waiting.returncode == code, (waiting.returncode, out, err)
    thread.join(PATIENCE_S)
    listener.close()
    os.unlink(path)
    return out


def identified(c):
    image = c.lab.image
    assert lanectl_identify(c, image(1, 5), OK) == "accept: member 1\n"
    assert lanectl_identify(c, image(3, 3), NO) == "reject\n"
    answer = json.loads(lanectl_identify(c, image(2, 4), OK, "--json"))
    assert answer["outcome"] == "accept" and answer["number"] == "1", answer
    watch = lablib.Rpc(c.lab.path("run", "control.sock"))
    answer = watch.send("bio.identify")
    c.run(OK, "present", image(1, 4))
    found = watch.receive(answer)
    assert found["outcome"] == "accept" and found["number"] == "1", found
    answer = watch.send("bio.identify")
    c.run(OK, "present", image(3, 1))
    assert watch.receive(answer)["outcome"] == "reject"
    watch.close()
    assert c.json(OK, "present", image(3, 2)) == [{}]
    c.run(NO, "present", c.write("y.pgm", "no image"))
    c.run(DATA, "present", "/nonexistent/x.pgm")
    inside = c.lab.path("present", "kept.pgm")
    with open(image(3, 2), "rb") as f, open(inside, "wb") as g:
        g.write(f.read())
    c.run(OK, "present", inside)
    assert os.path.exists(inside), "an image of the reader's own folder was removed"
    os.unlink(inside)


def one_reader(c):
    readers = c.json(OK, "readers")[0]["readers"]
    assert len(readers) == 1 and readers[0]["name"] == "demo", readers
    return readers[0]


def lines_of(stream, found):
    for line in stream:
        found.put(json.loads(line))


def readers_and_what_they_counted(c):
    image = c.lab.image
    before = one_reader(c)
    assert before["driver"] == "file" and before["state"] == "ready", before
    assert before["captures"] > 0, before  # of the tests before this one
    with subprocess.Popen([os.path.join(BUILD, "lanectl"), "--conf", c.lab.path("laned.conf"),
                           "--json", "readers", "--watch"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, text=True) as watcher:
        found = queue.Queue()
        threading.Thread(target=lines_of, args=(watcher.stdout, found), daemon=True).start()
        try:
            assert found.get(timeout=PATIENCE_S)["readers"][0]["captures"] == before["captures"]
            c.run(OK, "present", image(1, 5))
            after = one_reader(c)
            assert after["captures"] == before["captures"] + 1, (before, after)
            while found.get(timeout=PATIENCE_S)["readers"][0]["captures"] != after["captures"]:
                pass
        finally:
            watcher.terminate()
    c.run(NO, "present", c.write("z.pgm", "no image"))
    assert one_reader(c)["errors"] > after["errors"]
    title, row = c.run(OK, "readers").stdout.splitlines()[:2]
    titles = title.split()
    assert titles == ["NAME", "DRIVER", "MODEL", "PORT", "SERIAL", "STATE", "SINCE", "FOR",
                      "CAPTURES", "ERRORS", "RESETS", "RE-PLUGS"], titles
    assert row.split()[:2] == ["demo", "file"] and row.split()[-4] == str(after["captures"]), row
    since = datetime.datetime.fromisoformat(one_reader(c)["since"].replace("Z", "+00:00"))
    assert since.astimezone().strftime("%Y-%m-%d %H:%M:") in row, (since, row)
    c.lab.kill("laned-bio")
    end = time.monotonic() + PATIENCE_S
    while c.json(OK, "status")[0]["bio"]["connected"]:
        assert time.monotonic() < end
    assert "laned-bio is not running" in c.run(NO, "readers").stderr
    assert "readers" in c.run(OK, "doctor").stdout
    assert "cashier: laned-bio is away" in c.run(OK, "status").stdout
    c.lab.start("laned-bio")
    c.lab.wait_ready()
    assert one_reader(c)["captures"] == 0  # it is another process
    assert "cashier" not in c.run(OK, "status").stdout


FRONT = {"name": "front", "driver": "usb", "state": "capturing", "captures": 12, "errors": 3,
         "resets": 2, "replugs": 1, "model": "U.are.U 4500", "id": "05ba:000a", "port": "1-4.2",
         "serial": "AB\u001b[2J12", "hint": "clean-the-glass"}
ANSWERS = [  # what laned says of its readers, and what lanectl makes of it
    ({"readers": [dict(FRONT, since="2026-01-01T08:00:00.000Z"),
                  dict(FRONT, name="side", since="2026-01-01T11:58:59.000Z", hint="finger-rests",
                       state="ready", model="", id=None),
                  {"name": "line", "driver": "zfm", "state": "absent", "why": "not-found",
                   "since": "2025-12-30T11:00:00.000Z"}],
      "attached": [{"driver": "usb", "model": "U.are.U 4500", "reader": "front"},
                   {"driver": "usb", "model": "U.are.U 4000", "id": "05ba:0007", "port": "1-7",
                    "serial": "77"}, {"driver": "zfm", "port": "/dev/ttyACM0"}]},
     ["U.are.U 4500 (05ba:000a)  1-4.2", "AB[2J12", "4 h 0 min  12        3       2       1",
      "1 min 1 s", "2 d 1 h", "absent: not-found", "front: clean the glass",
      "side: something lies on it",
      "not used: U.are.U 4000 (05ba:0007) at 1-7, serial number 77",
      "    driver = usb\n    port = 1-7\n", "    driver = zfm\n    device = /dev/ttyACM0\n",
      "restart laned-bio"]),
    ({"readers": [], "attached": []}, ["no reader is configured"]),
    ({"readers": [{}, {"name": 5, "since": "yesterday", "captures": "x"}], "attached": [5, {}]},
     ["NAME"]),
]


def readers_of_every_kind_are_told(c):
    """A laned that answers what the test wants."""
    path = c.lab.path("readers.sock")
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(1)
    answers = [dict(a, now="2026-01-01T12:00:00.000Z") for a, _ in ANSWERS] + [
        {}, {"readers": [], "attached": []}, {"readers": 5, "attached": [], "now": "x"}]

    def serve():
        for answer in answers:
            peer, _ = server.accept()
            data = b""
            while b"\n" not in data:
                data += peer.recv(65536)
            number = json.loads(data.split(b"\n")[0])["id"]
            peer.sendall(json.dumps({"jsonrpc": "2.0", "id": number,
                                     "result": answer}).encode() + b"\n")
            peer.recv(1)
            peer.close()
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    for _, words in ANSWERS:
        said = c.run(OK, "--socket", path, "readers", conf=False, env={"TZ": "UTC"}).stdout
        for word in words:
            assert word in said, (word, said)
    for _ in range(3):
        c.run(INTERNAL, "--socket", path, "readers", conf=False)
    thread.join(PATIENCE_S)
    server.close()


def records_of_checkouts(c):
    rpc = c.lab.control()
    rpc.call("pos.basket", ticket="T9", rev=1, currency="EUR", final=False, lines=[
        {"line": 1, "gtin": "1", "text": "milk", "qty_milli": 1000, "unit_price": 1000,
         "amount": 1000}])
    rpc.call("pos.claim", ticket="T9", kind="card", value="C1")
    assert "ticket T9, 1 lines" in c.run(OK, "status").stdout
    assert "checkout is open" in c.run(NO, "identify").stderr
    c.run(OK, "remove-member")
    assert c.json(OK, "status")[0]["checkout"]["member_state"] == "removed"
    rpc.call("pos.cancel", ticket="T9")
    rpc.close()
    checkouts = c.json(OK, "checkouts", "list", "--limit", "5")[0]["checkouts"]
    one = checkouts[0]
    assert one["ticket"] == "T9" and one["phase"] == "cancelled", one
    assert one["checkout"] in c.run(OK, "checkouts", "list").stdout
    older = c.json(OK, "checkouts", "list", "--after", one["checkout"])[0]["checkouts"]
    assert one["checkout"] not in [x["checkout"] for x in older]
    text = c.run(OK, "checkouts", "show", one["checkout"]).stdout
    assert "milk" in text and "T9" in text, text
    shown = c.json(OK, "checkouts", "show", one["checkout"])[0]
    assert shown["timeline"] and shown["lines"][0]["amount"] == 1000, shown
    c.run(NO, "checkouts", "show", "01ARZ3NDEKTSV4RRFFQ69G5FAV")
    c.run(DATA, "checkouts", "show", "x")
    c.run(DATA, "checkouts", "list", "--after", "x")
    c.run(DATA, "checkouts", "list", "--limit", "100000")
    assert c.json(OK, "payments", "--open") == [{"payments": []}]
    c.run(OK, "payments", "--limit", "3")


def watch_shows_each_change(c):
    watcher = subprocess.Popen([os.path.join(BUILD, "lanectl"), "--conf",
                                c.lab.path("laned.conf"), "--json", "watch"],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        first = json.loads(watcher.stdout.readline())
        assert "phase" in first
        c.run(OK, "training", "on")
        while not json.loads(watcher.stdout.readline())["training"]:
            pass
        c.run(OK, "training", "off")
    finally:
        watcher.terminate()  # SIGINT may be ignored, as below a shell's &
        watcher.wait(PATIENCE_S)
        watcher.stdout.close()


def a_laned_that_dies_is_69(c):
    watcher = subprocess.Popen([os.path.join(BUILD, "lanectl"), "--conf",
                                c.lab.path("laned.conf"), "watch"], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    watcher.stdout.readline()
    c.lab.kill("laned")
    out, err = watcher.communicate(timeout=PATIENCE_S)
    assert watcher.returncode == UNREACHABLE and "went away" in err, (watcher.returncode, out, err)


def what_laned_denies_is_77(c):
    """A laned that answers what the test wants."""
    path = c.lab.path("fake.sock")
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(1)
    errors = iter((-32001, -32602, -32002, -32003, -32603))

    def serve():
        for code in errors:
            peer, _ = server.accept()
            data = b""
            while b"\n" not in data:
                data += peer.recv(65536)
            number = json.loads(data.split(b"\n")[0])["id"]
            peer.sendall(json.dumps({"jsonrpc": "2.0", "id": number, "error": {
                "code": code, "message": "no"}}).encode() + b"\n")
            peer.recv(1)
            peer.close()
        peer, _ = server.accept()
        peer.sendall(b"this is no JSON\n")
        peer.recv(65536)
        peer.close()
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    for code in (DENIED, DATA, NO, NO, NO):
        c.run(code, "--socket", path, "status", conf=False)
    c.run(UNREACHABLE, "--socket", path, "status", conf=False)
    thread.join(PATIENCE_S)
    server.close()


TESTS = [usage_errors_are_64, help_and_version_need_nothing, no_laned_is_69,
         bad_lines_of_the_configuration_are_all_named, keys_that_mean_nothing_are_warned_of,
         a_time_zone_that_is_none_is_told,
         readers_of_every_kind_are_told, config_show_tells_values_and_origins,
         offers_are_checked_and_priced_without_laned, what_laned_denies_is_77, start,
         status_and_doctor, members_by_hand, twenty_thousand_members, offers_by_file,
         keys_of_the_cashier, fingers, identified, readers_and_what_they_counted, records_of_checkouts,
         watch_shows_each_change,
         a_laned_that_dies_is_69]


def main():
    c = Ctl()
    failed = 0
    try:
        for test in TESTS:
            try:
                test(c)
                print("ok   %s" % test.__name__, flush=True)
            except Exception as e:  # every test is tried: one run shows all that is wrong
                failed += 1
                print("FAIL %s: %s: %s" % (test.__name__, type(e).__name__, e), flush=True)
        c.lab.stop()
        for name in lablib.PROGRAMS:
            if os.path.exists(c.lab.path("log", name)):
                log = c.lab.log(name)
                if "ERROR: " in log or "runtime error" in log:
                    failed += 1
                    print(log[-6000:])
    finally:
        c.lab.remove()
    return 1 if failed else 0


def stop(signo, _frame):
    raise SystemExit("stopped by signal %d" % signo)  # by way of finally: no daemon stays behind


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGALRM, stop)
    signal.alarm(500)  # a limit for a hang
    sys.exit(main())
