"""Offers for the checkout of the virtual machine, over the items of the legacy POS."""
import pos

MILK = next(gtin for gtin, item in pos.ITEMS.items() if item["name"] == "milk")
COFFEE = next(gtin for gtin, item in pos.ITEMS.items() if item["name"] == "coffee")
OFFERS = {"laned_rules": 1, "currency": "EUR", "rules": [
    {"id": "milk-3-for-2", "kind": "buy_get", "scope": {"sku": [MILK]},
     "params": {"buy": 2, "get": 1, "percent_bp": 10000}, "who": {"member": True},
     "text": {"en": "Milk: 3 for 2"}},
    {"id": "coffee-member", "kind": "fixed_price", "scope": {"sku": [COFFEE]},
     "params": {"price_minor": 599}, "who": {"member": True},
     "text": {"en": "Coffee at the members' price"}},
]}
