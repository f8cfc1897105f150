"""The demo's checkout with the reader as input: fingers in, payment out."""
import json
import os
import subprocess

import kit
import lab
import pos
import readers

TICKET = ("milk", "milk", "milk", "bread", "coffee")
IMPRESSIONS = 3
TRIES = 8  # fingers shown while enrolling one finger, bad ones among them
_lane = {}


class Register:
    """The legacy POS, a process of the user pos."""

    def __init__(self):
        self.process = subprocess.Popen(
            ["runuser", "-u", "pos", "--", "/usr/bin/python3",
             os.path.join(kit.PAYLOAD, "demo", "pos.py"), "--dir", "/srv/pos", "--ledger",
             "/run/vmpos/ledger.jsonl", "serve"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.lines = kit.Lines(self.process.stdout, "the POS")

    def do(self, *words):
        self.process.stdin.write(" ".join(words).encode() + b"\n")
        self.process.stdin.flush()
        answer = self.lines.next()
        kit.expect(not answer.startswith("error"), "the POS: " + answer)
        return answer

    def quit(self):
        self.process.communicate(b"quit\n", timeout=kit.PATIENCE_S)


def enrol(number, fingers):
    """lanectl waits for touches; each is judged before the next finger comes."""
    consent = "/run/vmtest/consent.txt"
    kit.write(consent, "I agree that my fingers are used to find my membership.\n")
    process = subprocess.Popen(
        ["lanectl", "--json", "enrol", "--member", number, "--consent-text", consent,
         "--consent-version", "vm-1", "--signed", "--payment"], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        said = kit.Lines(process.stdout, "lanectl enrol")
        # It asks when its session is open; a touch before would be a customer's.
        asked = kit.Lines(process.stderr, "lanectl enrol").next()
        kit.expect("touch the reader" in asked, "lanectl enrol: " + asked)
        judged = [enrol_finger(said, finger) for finger in fingers]
        references = json.loads(said.next())["references"]
        kit.equal(process.wait(kit.PATIENCE_S), 0, "lanectl enrol")
        return "%d touches, %d references" % (sum(judged), references)
    finally:
        process.kill()
        process.wait()


def enrol_finger(said, finger):
    """Impressions of one finger until enough of them are taken; how many touches that was."""
    taken = 0
    heard = []
    for attempt in range(1, TRIES + 1):
        readers.touch(readers.finger(finger, attempt))
        while True:
            word = json.loads(said.next())
            heard.append(word["outcome"])
            if word["outcome"] != "hold":  # a better picture is waited for while the finger rests
                break
        taken += word["outcome"] in ("taken", "complete")
        if taken == IMPRESSIONS:
            return attempt
    raise kit.Failure("finger %d: %s" % (finger, heard))


def open_lane():
    readers.use("driver = usb")
    if not readers.on_bus("05ba", "000a"):
        readers.plug()
    kit.wait_reader("ready")
    os.makedirs("/run/vmpos", exist_ok=True)
    kit.run("chown", "pos:pos", "/run/vmpos")
    _lane["pos"] = Register()
    _lane["rpc"] = lab.Rpc("/run/laned/control.sock")
    _lane["rpc"].call("lane.watch")


def shown(**wanted):
    """Waits until the lane shows this."""
    try:
        return _lane["rpc"].wait_note(
            lambda n: n.get("method") == "lane.changed" and
            all(n["params"].get(k) == v for k, v in wanted.items()), kit.PATIENCE_S)["params"]
    except lab.Hang:
        raise kit.Failure("never shown: %s; %s" % (wanted, kit.status())) from None


def enrol_mari():
    return enrol("1001", (1, 2))


def enrol_jaan():
    return enrol("1002", (3,) if not os.path.exists(readers.finger(4, 1)) else (3, 4))


def recognised(finger, impressions, **wanted):
    """A member may have to touch more than once, as anybody."""
    for tries, impression in enumerate(impressions, 1):
        readers.touch(readers.finger(finger, impression))
        after = shown_any(wanted, {"note": "not-read"}, {"note": "not-member"})
        if after is not None:
            return "%d touch%s" % (tries, "" if tries == 1 else "es")
        _lane["rpc"].notes.clear()
    raise kit.Failure("never recognised in %d touches" % len(impressions))


def shown_any(wanted, *others):
    """The state when wanted is shown, None when one of the others is."""
    def fits(state, values):
        return all(state.get(k) == v for k, v in values.items())
    try:
        state = _lane["rpc"].wait_note(
            lambda n: n.get("method") == "lane.changed" and any(
                fits(n["params"], v) for v in (wanted, *others)), kit.PATIENCE_S)["params"]
    except lab.Hang:
        raise kit.Failure("never shown: %s; %s" % (wanted, kit.status())) from None
    return state if fits(state, wanted) else None


def check_in():
    return recognised(1, (4, 5, 6), member_state="known", greeting="Mari")


def scan():
    register = _lane["pos"]
    _lane["ticket"] = register.do("ticket")
    for item in TICKET:
        register.do("scan", item)
        kit.expect(register.do("offer", "%g" % kit.PATIENCE_S) != "null", "no offer for " + item)


def total():
    register = _lane["pos"]
    prices = {i["name"]: i["price"] for i in pos.ITEMS.values()}
    due = 2 * prices["milk"] + prices["bread"] + 599
    register.do("total")
    offer = json.loads(register.do("offer", "%g" % kit.PATIENCE_S))
    kit.equal(offer["total"], due, "the total with the member's prices")
    shown(ticket=_lane["ticket"], phase="confirming", total=due)
    _lane["due"] = due
    return "%d.%02d" % divmod(due, 100)


def confirm(finger, impressions):
    """Touches until one is taken as consent, and what the POS then says."""
    for impression in impressions:
        _lane["rpc"].notes.clear()
        readers.touch(readers.finger(finger, impression))
        if shown_any({"phase": "paying"}, {"note": "not-read"}, {"note": "other-finger"}):
            break
    got = _lane["pos"].do("payment", "%g" % kit.PATIENCE_S)
    kit.expect(got == "confirmed", "the POS says %s; %s" % (
        got, (kit.status() or {}).get("checkout")))


def pay():
    confirm(1, (7, 8, 5))
    ledger = _lane["pos"].do("ledger").splitlines()
    kit.equal(len(ledger), 1, "charges in the POS's ledger")
    kit.expect("%.2f" % (_lane["due"] / 100) in ledger[0] and "charged 1" in ledger[0], ledger[0])
    payments = kit.lanectl("payments")
    kit.expect("confirmed" in json.dumps(payments), "lanectl payments: %r" % payments)


def pulled_between():
    """The cable is pulled, the sale goes on in cash; plugged in again, the next shopper pays by
    touch. He touches as soon as it is ready: as that finger may have lain there before, it says who he is
    and no more, and pays only at the total, by another touch."""
    register = _lane["pos"]
    _lane["rpc"].notes.clear()
    ticket = register.do("ticket")
    register.do("scan", "coffee")
    readers.unplug()
    kit.wait_reader("absent")
    register.do("total")
    register.do("cash")
    shown(ticket=ticket, phase="done")
    readers.plug()
    kit.wait_reader("ready")
    told = recognised(3, (4, 5, 6), member_state="known", greeting="Jaan")
    ticket = register.do("ticket")
    register.do("scan", "coffee")
    register.do("total")
    shown(ticket=ticket, phase="confirming")
    confirm(3, (7, 8, 5))
    return told


def close_lane():
    _lane["rpc"].close()
    _lane["pos"].quit()
    kit.doctor_clean()
    kit.equal(kit.failed_units(), "", "failed units")


def nothing_personal():
    """In none of the entries of both boots, in any field."""
    text = kit.run("journalctl", "-o", "json", "-u", "laned*", timeout=kit.PATIENCE_S)
    entries = text.splitlines()
    kit.expect(len(entries) > 50, "only %d entries" % len(entries))
    for word in ("tok-1001", "tok-1002", "Mari", "Jaan", "C1001", "C1002", "+372", "I agree that"):
        kit.expect(word not in text, "the journal has %r" % word)
    return "%d entries" % len(entries)


def no_traces():
    """No image and no core is left anywhere laned-bio can write; "machine" binds the gallery."""
    files = kit.run("find", "/var/lib/laned-bio", "-type", "f", "-printf", "%f\n").split()
    kit.expect(files and all(
        f.startswith("gallery.") or f == "machine" for f in files), "files: %s" % files)


CLAIMS = (
    ("checkout: the register and the reader are there", open_lane),
    ("checkout: Mari is enrolled by touches", enrol_mari),
    ("checkout: Jaan is enrolled by touches", enrol_jaan),
    ("checkout: Mari touches first and is recognised", check_in),
    ("checkout: her items are scanned and each has an offer", scan),
    ("checkout: the total has the member's prices", total),
    ("checkout: she touches to pay, and the POS says paid, once", pay),
    ("checkout: the reader is pulled, a sale in cash, plugged in, Jaan pays", pulled_between),
    ("checkout: afterwards doctor is clean", close_lane),
    ("checkout: nothing personal is in the journal", nothing_personal),
    ("checkout: laned-bio leaves no file but its gallery", no_traces),
)
