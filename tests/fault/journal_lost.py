#!/usr/bin/python3
"""The journal is lost (its file deleted, laned killed) while the POS charges. The answer has no
payment to belong to: it is neither believed nor thrown away. A human is called, the file is kept as
evidence, and the lane goes on."""
import glob
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import faultlab  # noqa: E402
from faultlab import must  # noqa: E402


def run(lab):
    lab.start_all()
    ticket = lab.pos.ticket()
    lab.pos.scan(ticket, "milk")
    lab.pos.total(ticket)
    must(lab.pos.wait_offer(ticket), "no offer")
    lab.pos.decide("never")
    rpc = lab.control()
    lab.present(rpc, lab.image(1, 4))
    rpc.close()
    must(lab.pos.wait(lab.pos.ledger.charges, faultlab.END_S), "no payment")
    key = lab.pos.ledger.charges()[0][0]
    lab.kill("laned")
    for path in glob.glob(lab.path("state", "journal.db*")):
        os.unlink(path)
    lab.start("laned")
    lab.wait_ready()
    lab.pos.answer(key)
    name = key + ".result.json"
    kept = os.path.join(lab.pos.into, "bad", name)
    must(lab.pos.wait(lambda: os.path.exists(kept), faultlab.END_S),
         "the answer was not kept: %s" % os.listdir(lab.pos.into))
    must(lab.pos.wait(lambda: "payment-alarm" in lab.log("laned") or
                      "a key that this lane does not know" in lab.log("laned"),
                      faultlab.END_S), "nobody was called")
    lab.pos.close_cash(ticket)
    ticket = faultlab.checkout(lab)
    must(lab.pos.tickets[ticket]["paid"] == "confirmed", "the lane does not go on")
    lab.stop()


if __name__ == "__main__":
    sys.exit(faultlab.scene(
        run, "an answer without a payment is kept as evidence, and a human is called"))
