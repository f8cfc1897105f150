#!/usr/bin/python3
"""Kills laned and the adapter at their n-th journal write, send or callback, for n over all of them
(FAULT_FULL=1) or over an even sample, while goods are taken back and the money goes to the token. The
cashier asks again under the same id. The return must be recorded once, the POS's ledger must show
one refund or none, as the journal says, and what is left must go back afterwards."""
import contextlib
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import faultlab  # noqa: E402
from faultlab import lablib, must  # noqa: E402

SAMPLE = int(os.environ.get("FAULT_SAMPLE", "5"))
PROGRAMS = ("laned", "laned-adapter")
END_S = 45.0
RETURN = "01JZZZZZZZ000000000000000%d"
ENDED = ("refunded", "declined", "not-sent", "cancelled")


class Template(faultlab.Template):
    """That lane after one ticket was paid by token."""

    def __init__(self):
        super().__init__()
        self.lab.start_all()
        self.ticket = faultlab.checkout(self.lab)
        must(self.lab.pos.wait(lambda: self.lab.pos.tickets[self.ticket].get("receipt"), END_S),
             "the ticket has no receipt")
        self.code = self.lab.pos.tickets[self.ticket]["receipt"][0]
        self.paid = sum(e["amount"] for _, e in self.lab.pos.ledger.standing())
        self.lab.stop()

    def copy(self, settings=None):
        lab = super().copy(settings)
        with open(self.lab.pos.ledger.path, "rb") as f, open(lab.pos.ledger.path, "wb") as to:
            to.write(f.read())
        lab.pos = type(lab.pos)(lab.path("pos"))  # with what its ledger has
        return lab


def ask(lab, method, **params):
    """One question; None: nobody answered."""
    try:
        rpc = lablib.Rpc(lab.path("run", "control.sock"))
    except OSError:
        return None
    try:
        return rpc.call(method, **params)
    except RuntimeError as e:
        return {"error": str(e)}
    except (OSError, lablib.Hang):
        return None
    finally:
        rpc.close()


def until(lab, what, condition, on_step):
    """Serves the POS and revives what died until condition() holds; its value."""
    end = time.monotonic() + END_S
    while True:
        on_step()
        lab.revive()
        lab.pos.step()
        value = condition()
        if value:
            return value
        must(time.monotonic() < end, what)
        time.sleep(0.01)


def refunded(lab):
    return sum(e["amount"] for _, e in lab.pos.ledger.refunds())


def give_back(lab, question, before, on_step):
    """One return, asked for until it is answered, and its refund until it has an end. What was
    returned, and what of it is on the token again."""
    def recorded():
        made = ask(lab, "return.make", to_token=True, **question)
        if made is None:
            return None
        must("error" not in made, "refused: %r" % made)
        return made

    def ended():
        seen = ask(lab, "return.show", **{"return": question["id"]})
        if seen is None or "error" in seen:
            return None
        back = seen["pay_back"]
        return seen if "state" not in back or back["state"] in ENDED else None
    made = until(lab, "the return gets no answer", recorded, on_step)
    seen = until(lab, "the refund has no end", ended, on_step)
    must(seen["refund"] == made["refund"], "another amount: %r %r" % (seen, made))
    back = seen["pay_back"]
    went = back["token"] if back.get("state") == "refunded" else 0
    must(refunded(lab) == before + went, "the journal says %r, the ledger %d" % (
        back, refunded(lab)))
    again = until(lab, "no answer", recorded, on_step)
    must(again["repeated"] and again["refund"] == made["refund"], "another answer: %r" % again)
    return made["refund"], went


def give_all_back(lab, template, on_step):
    """In two returns: nothing is given back twice, and nothing of it is lost."""
    first, went = give_back(lab, {"codes": [template.code], "id": RETURN % 1,
                                  "lines": [{"line": 1, "parts": 1}]}, 0, on_step)
    rest, _ = give_back(lab, {"codes": [template.code], "id": RETURN % 2, "all": True},
                        went, on_step)
    must(first + rest == template.paid, "%d + %d of %d" % (first, rest, template.paid))
    listed = until(lab, "no list", lambda: ask(lab, "return.list"), on_step)["returns"]
    must(len(listed) == 2, "returns: %r" % listed)


def ready(lab):
    with contextlib.suppress(lablib.Hang, OSError, RuntimeError):  # killed on its way
        lab.wait_ready(bio=False)


def main():
    template = Template()
    try:
        return faultlab.Points(
            template, lambda lab, on_step: give_all_back(lab, template, on_step), PROGRAMS,
            ready).run("%d points in a return, killed at %d of them; refunded once or not at all, "
                       "as the journal says", SAMPLE)
    finally:
        template.remove()


if __name__ == "__main__":
    sys.exit(main())
