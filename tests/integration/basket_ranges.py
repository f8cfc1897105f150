#!/usr/bin/python3
"""What the drop format allows in a basket, the lane takes: a returned bottle, the longest texts. Seen
by the offer, which is for the sum of all lines."""
import os
import sys

sys.path.insert(0, os.path.join(os.environ.get("SRCDIR", "."), "tests", "demo"))
import lab as lablib  # noqa: E402

BUILD = os.environ.get("LANED_BUILD", "build")


def line(number, **more):
    entry = {"line": number, "plu": "p%d" % number, "qty_milli": 1000, "unit_price": 500,
             "amount": 500}
    entry.update(more)
    return entry


BASKETS = {
    "a returned bottle": [line(1), line(2, text="Bottle", unit_price=-25, amount=-25)],
    "a long text": [line(1, text="\u00e4" * 100)],
    "the longest words": [line(1, category="c" * 64, brand="b" * 32, plu="9" * 18)],
    "many lines": [line(n, text="t" * 200) for n in range(1, 1000)],
}


def main():
    lab = lablib.Lab(BUILD)
    failed = 0
    try:
        lab.start("laned")
        lab.start("laned-adapter")
        lab.wait_ready(bio=False)
        for name, lines in BASKETS.items():
            ticket = lab.pos.ticket()
            lab.pos.tickets[ticket].update(lines=lines, final=True)
            lab.pos.send_basket(ticket)
            offer = lab.pos.wait_offer(ticket, lablib.PATIENCE_S)
            good = offer is not None and offer["total"] == sum(e["amount"] for e in lines)
            failed += not good
            print("%-4s %s" % ("ok" if good else "FAIL", name))
        if failed:
            print(lab.log("laned") + lab.log("laned-adapter"))
        lab.stop()
    finally:
        lab.remove()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
