#!/usr/bin/python3
"""cache.db deleted in the middle of a checkout, and laned killed: no consent, no limit and no payment
is lost, and the member who enrolled at this lane is known again."""
import glob
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import faultlab  # noqa: E402
from faultlab import must  # noqa: E402


def delete_cache(lab):
    for path in glob.glob(lab.path("state", "cache.db*")):
        os.unlink(path)


def pay(lab, rpc, ticket, impression):
    lab.present(rpc, lab.image(1, impression))
    paid = lab.pos.wait_payment(ticket, faultlab.END_S)
    must(paid == "confirmed", "the payment of %s is %s" % (ticket, paid))


def run(lab):
    lab.start_all()
    consents = lab.ctl("members", "export", faultlab.NUMBER)["consents"]
    must(len(consents) == 1, "one consent before")
    rpc = lab.control()
    ticket = lab.pos.ticket()
    lab.pos.scan(ticket, "milk")
    lab.pos.total(ticket)
    must(lab.pos.wait_offer(ticket), "no offer")
    pay(lab, rpc, ticket, 4)
    ticket = lab.pos.ticket()
    lab.pos.scan(ticket, "coffee")
    must(lab.pos.wait_offer(ticket), "no offer for the second checkout")
    delete_cache(lab)
    lab.kill("laned")
    lab.start("laned")
    lab.wait_ready()
    rpc.close()
    rpc = lab.control()
    must(lab.ctl("members", "export", faultlab.NUMBER)["consents"] == consents,
         "the consent is lost")
    payments = lab.ctl("payments")["payments"]
    must([p["state"] for p in payments] == ["confirmed"], "the payment is lost")
    lab.load_offers(faultlab.OFFERS)
    lab.pos.total(ticket)
    must(lab.pos.wait_offer(ticket), "no offer after the restart")
    pay(lab, rpc, ticket, 4)
    rpc.close()
    faultlab.check(lab, ticket)
    lab.stop()


if __name__ == "__main__":
    sys.exit(faultlab.scene(
        run, "cache.db deleted in mid-checkout: consent, limits and payments are all there"))
