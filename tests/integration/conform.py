#!/usr/bin/env python3
"""The conformance kit: our own adapter passes it, and each check fails an adapter that makes the
mistake it looks for. The faulty adapter (tests/conform) is a test peer: drop behind a shim."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

BUILD = os.environ["LANED_BUILD"]
ADAPTER = os.path.join(BUILD, "laned-adapter")
DROP = os.path.join(BUILD, "plugins", "drop.so")
FAULTY = os.path.join(BUILD, "conform", "faulty.so")
FAULTY_CONN = os.path.join(BUILD, "conform", "faulty-conn.so")
RELAY = os.path.join(BUILD, "terminal", "relay.so")
PEER = ("--set", "peer=tcp://127.0.0.1:4711")

# The mistake, and the checks that must see it.
MISTAKES = {
    "sends-first": ["journal-first"],
    "ignores-journal": ["not-durable"],
    "doubt-is-no": ["silence", "link", "host-errors"],
    "completes-twice": ["silence", "answers", "refund", "twice"],
    "completes-never": ["silence", "host-errors"],
    "invents-outcome": ["silence"],
    "leaks": ["stop", "answers"],
    "timer-left": ["stop"],
    "grows": ["day"],
    "aborts-on-null": ["host-errors"],
    "crashes-on-noise": ["noise"],
    "recovers-nothing": ["link", "death"],
    "invents-approval": ["link", "death"],
    "forgets-again": ["stored-later"],
    "drops-late": ["late"],
    "charges-again": ["death"],
    "system-call": ["system-calls"],
    "descriptor": ["descriptors"],
    "thread": ["descriptors"],
    "vectors": ["vectors"],
    "note-without-end": ["health"],
    "hangs": ["silence"],
    "endless-timer": ["life"],
    "takes-anything": ["strange-requests"],
    "asked-amount": ["answers", "two-phases", "day", "odd-answers"],
    "loses-basket": ["busy-laned"],
    "repeats-all": ["stored-in-parts"],
    "late-is-open": ["twice", "odd-answers"],
    "nonsense-is-no": ["odd-answers"],
}
# The same of one that speaks over a connection.
CONN_MISTAKES = {
    "sends-to-the-dead": ["conn-misuse"],
    "closes-twice": ["conn-misuse"],
    "dies-of-closed": ["conn-misuse", "conn-cuts"],
    "keeps-connection": ["conn-leak", "stop"],
    "opens-more": ["conn-leak"],
    "storms": ["conn-never"],
    "waits-forever": ["conn-silent"],
    "silence-is-no": ["conn-silent"],
    "gives-up": ["conn-back"],
    "whole-lines-only": ["conn-pieces"],
    "cut-is-no": ["conn-cuts"],
    "charges-again": ["conn-cuts"],
}
failures = 0


def kit(*args):
    return subprocess.run([ADAPTER, *args], capture_output=True, text=True, timeout=300, check=False)


def expect(condition, what):
    global failures
    print(("ok    " if condition else "WRONG ") + what)
    failures += not condition


def report(path, *args):
    done = kit("--conform", path, "--json", *args)
    try:
        return done.returncode, {c["name"]: c for c in json.loads(done.stdout)["checks"]}
    except (ValueError, KeyError):
        print(done.stdout, done.stderr)
        return done.returncode, {}


def our_own_passes():
    code, checks = report(DROP)
    expect(code == 0 and len(checks) > 20, "drop passes all of %d checks" % len(checks))
    for c in checks.values():
        if c["result"] != "pass":
            print("      %s %s: %s" % (c["result"], c["name"], c.get("why")))
    sanitized = {"file", "system-calls"}
    bad = {c["name"] for c in checks.values() if c["result"] != "pass"} - sanitized
    bad -= {name for name in bad if name.startswith(("conn-", "pos-"))}  # it has none
    expect(not bad, "none is skipped but under a sanitizer: %s" % (sorted(bad) or "right"))
    return {c["name"] for c in checks.values() if c["result"] == "pass"}


def template_passes():
    code, checks = report(os.path.join(BUILD, "plugins", "template.so"), *PEER)
    bad = {c["name"] for c in checks.values() if c["result"] != "pass"} - {
        "file", "system-calls", "pos-words"}
    expect(code == 0 and len(checks) > 20 and not bad, "the template passes all: %s" % (
        sorted(bad) or "right"))
    return {c["name"] for c in checks.values() if c["result"] == "pass"}


def terminal_passes():
    """The test adapter that poses as a terminal: what it tells its POS."""
    code, checks = report(RELAY, "--check", "pos-words")
    expect(code == 0 and checks.get("pos-words", {}).get("result") == "pass",
           "the terminal's words: %s" % checks.get("pos-words"))
    return {"pos-words"}


def shim_alone_is_no_mistake():
    code, checks = report(FAULTY, "--set", "fault=none")
    bad = {n: c.get("why") for n, c in checks.items() if c["result"] == "fail"}
    expect(code == 0 and not bad, "the shim without a mistake passes: %s" % (bad or "right"))
    code, checks = report(FAULTY_CONN, "--set", "fault=none", *PEER)
    bad = {n: c.get("why") for n, c in checks.items() if c["result"] == "fail"}
    expect(code == 0 and not bad, "and that with a connection: %s" % (bad or "right"))


def each_mistake_is_seen(path, mistakes, usable, *args):
    seen = set()
    for fault, names in mistakes.items():
        for name in names:
            if name not in usable:
                continue
            code, checks = report(path, "--set", "fault=" + fault, "--check", name, "--limit", "8", *args)
            c = checks.get(name, {})
            expect(code == 1 and c.get("result") == "fail" and "cannot be loaded" not in c["why"],
                   "%s: %s: %s" % (fault, name, c.get("why", c.get("result"))))
            seen.add(name)
    return seen


def files_with_a_mistake(usable):
    seen = set()
    for path, name in (("faulty-file.so", "file"), ("faulty-table.so", "table"),
                       ("faulty-table.so", "settings")):
        if name not in usable:
            continue
        code, checks = report(os.path.join(BUILD, "conform", path), "--check", name)
        c = checks.get(name, {})
        expect(code == 1 and c.get("result") == "fail" and "No such" not in c["why"],
               "%s: %s: %s" % (path, name, c.get("why")))
        seen.add(name)
    return seen


def forms():
    done = kit("--conform", FAULTY, "--set", "fault=vectors", "--junit")
    root = ET.fromstring(done.stdout)
    failed = [t.get("name") for t in root.iter("testcase") if t.find("failure") is not None]
    expect(done.returncode == 1 and failed == ["vectors"], "JUnit names the failure: %s" % failed)
    cases = list(root.iter("testcase"))
    counts = {"tests": len(cases), "failures": len(failed),
              "skipped": len([t for t in cases if t.find("skipped") is not None])}
    expect({k: int(root.get(k)) for k in counts} == counts, "JUnit counts its cases: %s" % counts)
    expect(all(float(t.get("time")) >= 0 and t.get("classname") for t in cases), "and times them")
    expect(all(e.get("message") for t in cases for e in t), "and gives each reason")
    with tempfile.TemporaryDirectory(prefix="conform") as folder:
        odd = os.path.join(folder, "a&b <\"c\" 'd'> \u00e4.so")
        shutil.copy(DROP, odd)
        root = ET.fromstring(kit("--conform", odd, "--check", "file", "--junit").stdout)
        expect(root.get("name") == odd.replace("\u00e4", "??"), "an odd path: %s" % root.get("name"))
    done = kit("--conform", FAULTY, "--set", "fault=vectors", "--json")
    told = json.loads(done.stdout)
    sums = {w: [c["result"] for c in told["checks"]].count(w[:4]) for w in ("passed", "failed")}
    expect(told["failed"] == 1 == sums["failed"] and told["passed"] == sums["passed"] and
           [c["why"] for c in told["checks"] if c["result"] == "fail"] ==
           ["self-test 0 fails (-12): 6 codec vectors hold"], "JSON counts and gives the reason")
    done = kit("--conform", FAULTY, "--set", "fault=vectors")
    lines = [x for x in done.stdout.splitlines() if x.startswith("fail ")]
    expect(len(lines) == 1 and lines[0].split()[1] == "vectors" and
           "-> self-test 0 fails" in done.stdout, "the text names the failure and its reason")
    done = kit("--conform", DROP, "--check", "life")
    expect(done.returncode == 0 and done.stdout.splitlines()[-1] == "1 passed, 0 failed, 0 skipped",
           "one check alone, as text")
    for args in (("--check", "nonsense"), ("--protocol", "nonsense")):
        expect(kit("--conform", DROP, *args).returncode == 64, "refused: %s %s" % args)
    done = kit("--conform", DROP, "--set", "nonsense=1", "--check", "life")
    expect(done.returncode == 1 and "no such option" in done.stdout, "an option that is not there")
    done = kit("--conform", "/nowhere.so")
    expect(done.returncode == 1 and done.stderr == "/nowhere.so: No such file or directory\n"
           and not done.stdout, "a file that is not there is one error")


usable = our_own_passes()
usable |= template_passes() | terminal_passes()
shim_alone_is_no_mistake()
seen = each_mistake_is_seen(FAULTY, MISTAKES, usable) | files_with_a_mistake(usable)
seen |= each_mistake_is_seen(FAULTY_CONN, CONN_MISTAKES, usable, *PEER)
seen |= each_mistake_is_seen(RELAY, {"says_done": ["pos-words"]}, usable)
untold = usable - seen
expect(not untold, "every check has a mistake that it sees: %s" % (sorted(untold) or "right"))
forms()
sys.exit(failures > 0)
