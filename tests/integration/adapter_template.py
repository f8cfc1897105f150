#!/usr/bin/python3
"""The template that adapters are made from (plugins/template) on a whole lane beside its peer
(tests/demo/linepos.py): paid, declined, cancelled, and with each side dying in the middle of a
payment; charged once, as the journal says. And the guide in docs/adapters.md, followed to the letter:
what it says works."""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

SRCDIR = os.path.abspath(os.environ.get("SRCDIR", "."))
sys.path.insert(0, os.path.join(SRCDIR, "tests", "demo"))
import lab as lablib  # noqa: E402
import linepos  # noqa: E402

BUILD = os.path.abspath(os.environ.get("LANED_BUILD", "build"))
PATIENCE_S = 30.0
NUMBER = "1001"
OFFERS = {"laned_rules": 1, "currency": "EUR", "rules": [
    {"id": "all-10", "kind": "percent", "scope": {"all": True}, "params": {"percent_bp": 1000},
     "who": {"member": True}, "text": {"en": "10 % off"}}]}
OVER = ("confirmed", "undone", "declined", "not-sent", "cancelled")


def must(truth, text):
    if not truth:
        raise AssertionError(text)


class Lane(lablib.Lab):
    adapter = "template"

    def __init__(self):
        super().__init__(BUILD)
        del self.settings["adapter:drop"]
        self.pos = linepos.LinePos(self.path("line"))
        self.settings["adapter:template"] = {"peer": "tcp://127.0.0.1:%d" % self.pos.port}
        self.settings["payment"] = {"touch_day_limit": "1000.00"}
        self.write_conf()

    def open(self):
        self.synth_fingers(2, 4, difficulty=20)
        self.start_all()
        self.add_members([lablib.member(NUMBER)])
        self.load_offers(OFFERS)
        self.enrol(NUMBER, [self.image(f, i) for f in (1, 2) for i in (1, 2, 3)])

    def total(self):
        ticket = self.pos.ticket()
        for item in ("milk", "coffee"):
            self.pos.scan(ticket, item)
        self.pos.total(ticket)
        return ticket

    def payment(self, ticket):
        found = [p for p in self.ctl("payments")["payments"] if p["ticket"] == ticket]
        return found[0] if found else None

    def touch_until(self, condition):
        """The finger again and again while the lane waits for it."""
        rpc = self.control()
        try:
            def look():
                if condition():
                    return True
                if rpc.call("lane.status")["checkout"]["phase"] in ("totalled", "confirming"):
                    rpc.receive(self.present(rpc, self.image(1, 4)))
                return False
            must(self.pos.wait(look, PATIENCE_S), "never came; %s" % self.ctl("status"))
        finally:
            rpc.close()

    def sell(self, *decisions):
        ticket = self.total()
        must(self.pos.wait_offer(ticket, PATIENCE_S), "no offer: %s" % self.pos.log)
        must(not self.pos.silent and not self.pos.delayed, "left: %s" % self.pos.silent)
        self.pos.decide(*decisions)
        self.touch_until(lambda: self.pos.tickets[ticket]["paid"] is not None or
                         self.pos.silent or self.pos.delayed)
        return ticket

    def ended(self, ticket, *states):
        must(self.pos.wait(lambda: self.payment(ticket) and
                           self.payment(ticket)["state"] in states, PATIENCE_S),
             "%s is %s" % (ticket, self.payment(ticket)))

    def agree(self):
        """The peer's ledger and the journal, when the last late answer is out."""
        must(self.pos.wait(lambda: not self.pos.delayed, PATIENCE_S), "answers do not go out")
        states = {p["key"]: p["state"] for p in self.ctl("payments")["payments"]}
        must(all(s in OVER for s in states.values()), "open: %s" % states)
        for key, entry in self.pos.ledger.charges():
            must(entry["charged"] == 1, "%s charged %d times" % (key, entry["charged"]))
        standing = {k for k, _ in self.pos.ledger.standing()}
        confirmed = {k for k, s in states.items() if s == "confirmed"}
        must(standing == confirmed, "standing %s, confirmed %s" % (standing, confirmed))


def paid_with_the_member_s_price(lane):
    ticket = lane.sell()
    lane.ended(ticket, "confirmed")
    must(lane.pos.tickets[ticket]["paid"] == "confirmed", "the POS does not know")
    discounts = lane.pos.tickets[ticket]["offer"]["discounts"]
    must(sum(d["amount"] for d in discounts) == 87, "discounts: %s" % discounts)
    entry = lane.pos.ledger.standing()[-1][1]
    must(entry["amount"] == 781, "charged %s" % entry)


def a_decline_is_a_decline_and_another_try_is_paid(lane):
    ticket = lane.sell("decline")
    lane.ended(ticket, "declined")
    lane.pos.tickets[ticket]["paid"] = None
    lane.touch_until(lambda: lane.pos.tickets[ticket]["paid"] is not None)
    lane.ended(ticket, "confirmed")


def claims_and_cancels_arrive(lane):
    ticket = lane.total()
    lane.pos.claim(ticket, "card", "C" + NUMBER)
    must(lane.pos.wait(lambda: lane.ctl("status")["checkout"]["member_state"] == "known",
                       PATIENCE_S), "the claim did not arrive")
    lane.pos.cancel(ticket)
    must(lane.pos.wait(lambda: lane.ctl("status")["checkout"]["ticket"] != ticket or
                       lane.ctl("status")["checkout"]["phase"] == "cancelled", PATIENCE_S),
         "the cancel did not arrive")


def what_is_refused_is_told(lane):
    before = len(lane.pos.log)
    lane.pos.tell("x", "claim", {"ticket": "x", "kind": "tattoo", "value": "1"})
    must(lane.pos.wait(lambda: len(lane.pos.log) > before, PATIENCE_S), "a wrong kind is taken")
    lane.pos.tell("x", "claim", {"ticket": "x", "kind": "card", "value": "4111111111111111"})
    must(lane.pos.wait(lambda: len(lane.pos.log) > before + 1, PATIENCE_S),
         "a card number is taken")


def the_adapter_dies_in_a_payment(lane):
    ticket = lane.sell("never")
    lane.kill("laned-adapter")
    lane.start("laned-adapter")
    lane.ended(ticket, "confirmed", "undone")


def laned_dies_in_a_payment(lane):
    ticket = lane.sell("delay:0.3")
    lane.kill("laned")
    lane.start("laned")
    lane.control().close()
    lane.ended(ticket, "confirmed", "undone")


def the_peer_hangs_up_in_a_payment(lane):
    ticket = lane.sell("never")
    lane.pos.hang_up()
    lane.ended(ticket, "confirmed", "undone")


def noise_ends_the_connection_and_not_the_lane(lane):
    must(lane.pos.wait(lane.pos.connected, PATIENCE_S), "not connected")
    lane.pos.sock.sendall(b"GET / HTTP/1.1\r\n\r\n" + b"x" * 200000)
    must(lane.pos.wait(lambda: not lane.pos.connected(), PATIENCE_S), "it listens to noise")
    must(lane.pos.wait(lane.pos.connected, PATIENCE_S), "it does not come back")
    lane.ended(lane.sell(), "confirmed")


TESTS = (paid_with_the_member_s_price, a_decline_is_a_decline_and_another_try_is_paid,
         claims_and_cancels_arrive, what_is_refused_is_told, the_adapter_dies_in_a_payment,
         laned_dies_in_a_payment, the_peer_hangs_up_in_a_payment,
         noise_ends_the_connection_and_not_the_lane)


def on_a_lane(wanted):
    lane = Lane()
    try:
        lane.open()
        for test in TESTS:
            if wanted and test.__name__ not in wanted:
                continue
            test(lane)
            lane.agree()
            print("ok    " + test.__name__.replace("_", " "), flush=True)
        lane.stop()
    except (AssertionError, lablib.Hang, RuntimeError, OSError) as e:
        print("%s\n%s\n%s" % (lane.pos.charges_text(), lane.pos.log, lane.pos.waiting))
        for name in lablib.PROGRAMS:
            print("--- %s\n%s" % (name, lane.log(name)[-2000:]))
        print("failed: %s" % e)
        raise SystemExit(1) from e
    finally:
        lane.remove()


# ---- the guide --------------------------------------------------------------------------


def installed(root):
    """What `make install` puts where, as far as the guide needs it."""
    usr = os.path.join(root, "usr")
    places = (("laned", "sbin"), ("lanectl", "bin"), ("laned-bio", "libexec/laned"),
              ("laned-adapter", "libexec/laned"), ("libsdk.a", "lib/laned"),
              ("synthfinger", "bin"))
    for name, folder in places:
        os.makedirs(os.path.join(usr, folder), exist_ok=True)
        shutil.copy2(os.path.join(BUILD, name), os.path.join(usr, folder))
    shutil.copytree(os.path.join(SRCDIR, "include", "laned"),
                    os.path.join(usr, "include", "laned"))
    template = os.path.join(usr, "share", "doc", "laned", "template")
    shutil.copytree(os.path.join(SRCDIR, "plugins", "template"), template)
    shutil.copy2(os.path.join(SRCDIR, "plugins", "adapter.map"), template)
    for name in ("pos.py", "linepos.py"):
        shutil.copy2(os.path.join(SRCDIR, "tests", "demo", name), template)
    return usr


def guide():
    """The commands of the guide: its sh blocks, in order."""
    with open(os.path.join(SRCDIR, "docs", "adapters.md"), encoding="utf-8") as f:
        text = f.read()
    begin = text.index("## From zero to an adapter")
    end = text.index("\n## ", begin + 1)
    return "\n".join(re.findall(r"^```sh\n(.*?)^```$", text[begin:end], re.M | re.S))


def the_guide_is_true():
    with tempfile.TemporaryDirectory(prefix="laned-guide-") as root:
        os.chmod(root, 0o755)
        usr = installed(root)
        script = guide()
        must(len(script.splitlines()) > 15, "the guide has no commands")
        script = script.replace("/usr/", usr + "/")
        # A number of its own for the port, so that nobody else is asked.
        port = 20000 + os.getpid() % 20000
        script = script.replace("4711", str(port))
        home = os.path.join(root, "home")
        os.mkdir(home)
        done = subprocess.Popen(
            ["sh", "-eu", "-c", script], cwd=home, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
            env=dict(os.environ, HOME=home, PREFIX=usr, MAKEFLAGS="", MAKELEVEL="",
                     PATH="%s/bin:%s/sbin:%s" % (usr, usr, os.environ["PATH"])))
        try:
            said = done.communicate(timeout=240)[0]
        except subprocess.TimeoutExpired:
            said = "it does not come to its end"
        finally:
            try:
                os.killpg(done.pid, signal.SIGKILL)  # what the guide left running
            except ProcessLookupError:
                pass
        logs = ""
        for folder, _, names in os.walk(home):
            for name in names:
                if name.endswith(".log"):
                    with open(os.path.join(folder, name), encoding="utf-8") as f:
                        logs += "--- %s\n%s" % (name, f.read()[-1500:])
        must(done.returncode == 0, "the guide ends with %s:\n%s\n%s" % (
            done.returncode, said[-5000:], logs))
        # What the kit leaves out is for adapters of another shape.
        skipped = set(re.findall(r"^skip +(\S+)", said, re.M))
        must(skipped <= {"pos-words"}, "the kit leaves out %s" % sorted(skipped))
        for word in (" 0 failed, ", "is confirmed", "charged 1"):
            must(word in said, "%r is not in what the guide's commands say:\n%s" % (word, said))
    print("ok    the guide is true")


def main():
    wanted = sys.argv[1:]
    if not wanted or wanted != ["guide"]:
        on_a_lane(wanted)
    if wanted and wanted != ["guide"]:
        return 0
    with open(os.path.join(BUILD, "libsdk.a"), "rb") as f:
        if b"__asan_" in f.read():
            print("      (the guide: left out, its library here is one for a sanitizer)")
            return 0
    the_guide_is_true()
    return 0


if __name__ == "__main__":
    sys.exit(main())
