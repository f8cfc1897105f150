#!/usr/bin/python3
"""Two adapters on one lane, each with a POS of its own. A payment belongs to the one that it was
handed to: when that one dies with the outcome open, the other's POS, which never heard of it, is not
asked and does not decide; nor when the two have swapped their names. When it is back, the approval
counts."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import faultlab  # noqa: E402
from faultlab import lablib, must  # noqa: E402

OTHER = "drop-two"
WRONG_S = 8.0  # the first query comes after 5 s; how long the other one may decide wrongly


def add_other(lab):
    pos = lablib.legacy.LegacyPos(lab.path("other"))
    lab.settings["adapter:" + OTHER] = {"plugin": "drop", "in": lab.path("other", "in"),
                                        "out": lab.path("other", "out")}
    lab.write_conf()
    return pos


def start_other(lab):
    with open(lab.path("log", OTHER), "ab") as log:
        return subprocess.Popen(
            [os.path.join(lab.bin["laned-adapter"], "laned-adapter"), "--conf",
             lab.path("laned.conf"), "--name", OTHER], stdin=subprocess.DEVNULL, stdout=log,
            stderr=log)


def is_connected(lab, name):
    return any(a["name"] == name and a["connected"] for a in lab.ctl("status")["adapters"])


def restart(lab, name):
    """laned by the configuration as it is now; until the adapter has found it."""
    lab.write_conf()
    lab.kill("laned")
    lab.start("laned")
    lab.control().close()
    must(lab.pos.wait(lambda: is_connected(lab, name), faultlab.END_S), "%s is not back" % name)


def end(process):
    process.terminate()
    process.wait()


def swap_folders(lab, others):
    one, two = lab.settings["adapter:drop"], lab.settings["adapter:" + OTHER]
    for key in ("in", "out"):
        one[key], two[key] = two[key], one[key]
    end(others.pop())
    lab.write_conf()
    lab.kill("laned")
    lab.start("laned")
    lab.control().close()
    others.append(start_other(lab))
    must(lab.pos.wait(lambda: is_connected(lab, OTHER), faultlab.END_S), "no " + OTHER)


def swap(lab, others, state):
    """The two names in the configuration stand for each other's folders; everything starts again."""
    swap_folders(lab, others)
    lab.start("laned-adapter")
    must(lab.pos.wait(lambda: is_connected(lab, "drop"), faultlab.END_S), "no drop")
    lab.pos.wait(lambda: state() != "unknown", WRONG_S)


def swapped(lab, other, others, key, state):
    swap(lab, others, state)
    must(state() == "unknown", "decided by who has its adapter's name now: %s" % state())
    must(other.ledger.get(key) is None, "the other POS heard of the payment")
    checks = {c["name"]: c["state"] for c in lab.ctl("doctor", check=False)["checks"]}
    must(checks.get("adapter-names") == "fail", "doctor says nothing of it: %s" % checks)
    end(lab.processes.pop("laned-adapter"))
    swap_folders(lab, others)


def run(lab, other, others):
    lab.wait_ready()
    must(lab.pos.wait(lambda: is_connected(lab, OTHER), faultlab.END_S), "no second adapter")
    ticket = lab.pos.ticket()
    lab.pos.scan(ticket, "coffee")
    lab.pos.total(ticket)
    must(lab.pos.wait_offer(ticket), "no offer")
    lab.pos.decide("never")
    rpc = lab.control()
    lab.present(rpc, lab.image(1, 4))
    rpc.close()
    must(lab.pos.wait(lab.pos.ledger.charges, faultlab.END_S), "no payment")
    lab.kill("laned-adapter")
    key = lab.pos.ledger.charges()[0][0]

    def state():
        other.step()
        return [p["state"] for p in lab.ctl("payments")["payments"] if p["key"] == key][0]
    must(lab.pos.wait(lambda: state() != "sending", faultlab.END_S), "the lane noticed nothing")
    lab.pos.wait(lambda: state() != "unknown", WRONG_S)
    must(state() == "unknown", "decided without the one who knows: %s" % state())
    must(other.ledger.get(key) is None, "the other POS heard of the payment")
    swapped(lab, other, others, key, state)
    # Now payments go to the other one. What the first one was handed stays its own.
    mine = lab.settings.pop("adapter:drop")
    restart(lab, OTHER)
    lab.pos.wait(lambda: state() != "unknown", WRONG_S)
    must(state() == "unknown", "decided by the new adapter: %s" % state())
    must(other.ledger.get(key) is None, "the new adapter's POS heard of the payment")
    must([p["adapter"] for p in lab.ctl("payments")["payments"] if p["key"] == key] == ["drop"],
         "whose payment it is is forgotten")
    theirs = lab.settings.pop("adapter:" + OTHER)
    lab.settings.update({"adapter:drop": mine, "adapter:" + OTHER: theirs})
    restart(lab, OTHER)
    lab.start("laned-adapter")
    must(lab.pos.wait(lambda: state() == "confirmed", faultlab.END_S),
         "not confirmed in the end: %s" % state())
    faultlab.check(lab, ticket)


def main():
    template = faultlab.Template()
    lab = template.copy()
    others = []
    try:
        other = add_other(lab)
        for name in lablib.PROGRAMS:
            lab.start(name)
        others.append(start_other(lab))
        run(lab, other, others)
    except (faultlab.Failed, lablib.Hang, RuntimeError) as e:
        print("%s\n%s" % (e, faultlab.describe(lab)))
        return 1
    finally:
        for process in others:
            end(process)
        lab.remove()
        template.remove()
    print("a payment is decided by the adapter that it was handed to")
    return 0


if __name__ == "__main__":
    sys.exit(main())
