#!/usr/bin/python3
"""What store IT does with a campaign before it goes live, by lanectl alone: rule files of every
format and of every badness, a price explained, baskets from a POS's log, a campaign simulated."""
import csv
import io
import json
import os
import re
import resource
import subprocess
import sys
import tempfile

SRC = os.environ.get("SRCDIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
BUILD = os.environ.get("LANED_BUILD", os.path.join(SRC, "build"))
OK, NO, USAGE, DATA = 0, 1, 64, 65
FOLDER = tempfile.mkdtemp(prefix="laned-campaign-")
with open(os.path.join(BUILD, "lanectl"), "rb") as program:
    ASAN = b"__asan_init" in program.read()  # it keeps what is freed: memory says nothing then


def path_of(name):
    return os.path.join(FOLDER, name)


def write(name, text):
    data = text if isinstance(text, bytes) else (
        text if isinstance(text, str) else json.dumps(text)).encode()
    with open(path_of(name), "wb") as f:
        f.write(data)
    return path_of(name)


def run(code, *words, stdin=None):
    done = subprocess.run([os.path.join(BUILD, "lanectl"), *map(str, words)], input=stdin,
                          capture_output=True, text=True, timeout=120, check=False,
                          env=dict(os.environ, TZ="UTC"))
    assert done.returncode == code, "lanectl %s: exit %d, not %d\n%s%s" % (
        " ".join(map(str, words)), done.returncode, code, done.stdout[:3000], done.stderr[:3000])
    assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr
    return done


def rules(*list_of, **more):
    return dict({"laned_rules": 1, "currency": "EUR", "rules": list(list_of)}, **more)


def rule(name="a", **more):
    made = {"id": name, "kind": "percent", "scope": {"all": True}, "params": {"percent_bp": 1000},
            "text": {"en": "x"}}
    made.update(more)
    return made


def line(code, price, qty=1, **more):
    return dict({"code": code, "qty": qty, "unit_price_minor": price}, **more)


# ---- rule files ------------------------------------------------------------------------------

def bad_rules_are_refused_with_place_and_reason():
    text = json.dumps(rules(rule()))
    deep = "{\"a\":" * 40 + "1" + "}" * 40
    cases = [
        ("contradictory prices", rules(rule(scope={"all": True, "price_min": 5, "price_max": 4})), "price_min is above price_max"),
        ("ends before it begins", rules(rule(when={"from": "2026-12-01", "to": "2026-11-01"})), "ends before it begins"),
        ("both spends", rules(rule(params={"percent_bp": 1, "min_spend_minor": 5,
                                           "over_spend_minor": 5})), "exclude each other"),
        ("a limit of nobody", rules(rule(limits={"per_member": 1})), "who"),
        ("a day above a member", rules(rule(who={"member": True}, limits={
            "per_member": 1, "per_day": 2})), "per_day is above per_member"),
        ("itself excluded", rules(rule(scope={"sku": ["1"], "exclude": {"sku": ["1"]}})), "is in the scope and in exclude"),
        ("no hours", rules(rule(when={"hours": []})), "hours has 0 entries"),
        ("an empty span", rules(rule(when={"hours": ["08:00-08:00"]})), "no span of hours"),
        ("a day twice", rules(rule(when={"days": ["mon", "mon"]})), "named twice"),
        ("an absurd date", rules(rule(when={"from": "2026-02-30"})), "from is no time"),
        ("a date before money", rules(rule(when={"from": "0001-01-01"})), "from "),
        ("a date beyond all", rules(rule(when={"to": "9999-12-31"})), "to "),
        ("a control character", rules(rule("a\u001bb")), "control character"),
        ("an absurd time", rules(rule(when={"to": "2026-02-20T25:00"})), "to is no time"),
        ("a negative percentage", rules(rule(params={"percent_bp": -1})), "1 to 10000"),
        ("a negative price", rules(rule(scope={"all": True, "price_min": -1})), "price_min is -1"),
        ("more than everything", rules(rule(params={"percent_bp": 10001})), "1 to 10000"),
        ("unknown member", rules(rule(prize=1)), "unknown member \"prize\""),
        ("unknown member of a part", rules(rule(when={"form": "2026-01-01"})),
         "unknown member \"form\""),
        ("unknown kind", rules(rule(kind="magic")), "unknown kind \"magic\""),
        ("an empty scope", rules(rule(scope={})), "the scope is empty"),
        ("two ids alike", rules(rule(), rule()), "the id is taken"),
        ("no id", rules({k: v for k, v in rule().items() if k != "id"}), "\"id\" is missing"),
        ("a long id", rules(rule("x" * 64)), "1 to 63"),
        ("a long text", rules(rule(text={"en": "x" * 101})), "at most 100"),
        ("no currency", rules(rule(), currency="XXX"), "ISO 4217"),
        ("another version", rules(rule(), laned_rules=2), "version"),
        ("a name twice", text.replace('"kind"', '"id":"b","kind"'), "was there before"),
        ("a huge number", text.replace("1000", "1" + "0" * 30), "beyond"),
        ("an exponent", text.replace("1000", "1e400"), "whole numbers"),
        ("no UTF-8", text.encode().replace(b"\"x\"", b"\"\xff\""), "not UTF-8"),
        ("half a surrogate", text.replace("\"x\"", "\"\\ud800\""), "surrogate"),
        ("a NUL", text.encode().replace(b"\"x\"", b"\"\0\""), "control character"),
        ("a written NUL", text.replace("\"x\"", "\"\\u0000\""), "NUL"),
        ("nested", deep, "nested too deeply"),
        ("a mebibyte of nesting", "[" * (1 << 20), "1:33", "nested too deeply"),
        ("nothing", "", "1:1", ""), ("blanks", " \n \n", "3:1", "ends too early"),
        ("a remark behind it", text + "\n# x", "2:1", "nothing may follow"),
        ("no object", "[]", "1:1", "a rule set is an object"),
    ]
    for name, content, *wanted in cases:
        done = run(DATA, "offers", "check", write("bad.json", content))
        first = done.stderr.splitlines()[0]
        assert re.match(re.escape(path_of("bad.json")) + r":[1-9]\d*:[1-9]\d*: ", first), (name, first)
        for words in wanted:
            assert words in done.stderr, (name, words, done.stderr)
        assert not done.stdout, (name, done.stdout)


def a_hundred_megabytes_of_nesting_cost_nothing():
    with open(path_of("deep.json"), "wb") as f:
        for _ in range(100):
            f.write(b"[" * (1 << 20))
    for words in (("offers", "check", path_of("deep.json")),
                  ("price", "--rules", path_of("deep.json"), "--basket", path_of("deep.json"))):
        assert "bytes" in run(DATA, *words).stderr
    os.unlink(path_of("deep.json"))
    peak_kib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert ASAN or peak_kib < 200 << 10, peak_kib


def all_errors_of_a_file_are_listed():
    lines = ["{\"id\":\"r%d\"}" % i if i % 2 else "x" for i in range(300)]
    done = run(DATA, "offers", "check", write("many.jsonl", "\n".join(lines)))
    listed = done.stderr.splitlines()
    places = [tuple(map(int, re.search(r":(\d+):(\d+): ", l).groups())) for l in listed[:100]]
    assert places == sorted(places) and places[0] == (1, 1), places[:5]
    assert "and " in listed[100] and " more" in listed[100], listed[100]
    assert listed[101].endswith("%d errors" % (100 + int(listed[100].split()[-2]))), listed[101]
    table = "id,kind,all,percent\n" + "".join("r%d,percent,yes,%s\n" % (i, "x" if i % 3 else "5")
                                              for i in range(9))
    done = run(DATA, "offers", "check", write("many.csv", table))
    assert [l.split(":")[1] for l in done.stderr.splitlines()[:-1]] == [
        "3", "4", "6", "7", "9", "10"], done.stderr


def ids_are_checked_across_files():
    one, two = write("one.json", rules(rule())), write("two.csv", "id,kind,all,percent,text_en\n"
                                                                  "b,percent,yes,5,B\n")
    assert run(OK, "offers", "check", one, two).stdout.count("fine") == 2
    three = write("three.jsonl", "\n" + json.dumps(rule()))
    done = run(DATA, "offers", "check", one, two, three)
    assert "three.jsonl:2:1: a: the id is taken by the rule at %s:1" % one in done.stderr, done
    assert "1 ids are in more than one file" in done.stderr


def what_is_hardly_meant_is_warned_of():
    path = write("odd.json", rules(
        rule("fine"), rule("mute", text={}), rule("over", when={"to": "2026-01-31"}),
        rule("days", when={"from": "2026-12-01", "to": "2026-12-03", "days": ["tue", "sun"]}),
        rule("far", when={"from": "2099-01-01"}), rule("much", params={"percent_bp": 9000}),
        rule("out", scope={"category": ["food/milk"], "exclude": {"category": ["food"]}}),
        {k: v for k, v in rule("untold").items() if k != "text"}))
    done = run(OK, "offers", "check", path, "--at", "2026-11-21")
    assert "8 rules, fine" in done.stdout
    said = [l.split(" warning: ")[1] for l in done.stderr.splitlines()]
    assert [s.split(":")[0] for s in said] == ["days", "far", "much", "out", "over", "untold"], said
    for words in ("no sun lies between", "five years", "90.00 %", "takes all of food/milk out",
                  "it is over", "no text"):
        assert any(words in s for s in said), words
    assert json.loads(run(OK, "--json", "offers", "check", path, "--at", "2026-11-21").stdout) == {
        "rules": 8, "warnings": 6}
    assert "over" not in run(OK, "offers", "check", path, "--at", "2025-12-01").stderr.split(
        "untold")[0].replace("takes all", "")


def the_table_of_the_guide_is_right():
    """The CSV of docs/promotions.md: it is read, means what the JSON beside it means, and costs
    what the page says."""
    page = open(os.path.join(SRC, "docs", "promotions.md"), encoding="utf-8").read()
    part = page[page.index("## Rules as a table"):]
    table = re.search(r"```csv\n(.*?)```", part, re.S).group(1)
    same = re.search(r"```json\n(.*?)```", part, re.S).group(1)
    listed = json.loads(run(OK, "--json", "offers", "list", "--rules",
                            write("guide.csv", table)).stdout)
    assert listed["rules"] == [json.loads(l) for l in same.splitlines()], listed["rules"]
    basket = write("b.json", {"lines": [line("yoghurt", 99, 2, category="food/dairy/yoghurt"),
                                        line("coffee", 499, 3)]})
    price = json.loads(run(OK, "price", "--rules", path_of("guide.csv"), "--basket", basket,
                           "--at", "2026-11-21T12:00").stdout)
    total = re.search(r"basket of .*?\*\*(\d+\.\d\d)\*\*", part, re.S).group(1)
    assert "%d.%02d" % divmod(price["total"], 100) == total, (price["total"], total)
    known = re.findall(r"^\| `([a-z_`, ]+)` \|", part, re.M)
    names = [n for row in known for n in re.findall(r"[a-z_]+", row)]
    run(OK, "offers", "check", write("all.csv", ",".join(names) + "\n"))


def offers_are_listed_in_words():
    path = write("list.json", rules(
        rule("plain"),
        rule("full", kind="n_for_price", scope={
            "category": ["food"], "sku": ["1", "2", "3", "4", "5", "6", "7"], "price_max": 500,
            "exclude": {"brand": ["own"]}, "exclude_reduced": True},
            params={"units": 2, "price_minor": 300}, who={"groups": ["gold"], "coupon": "C"},
            when={"from": "2026-11-01", "days": ["sat", "sun"], "hours": ["08:00-12:00"],
                  "stores": ["3"], "lanes": ["1"]},
            limits={"per_basket": 2, "total": 100}, text={"en": "2 for 3", "de": "2 f\u00fcr 3"})))
    text = run(OK, "offers", "list", "--rules", path).stdout.splitlines()
    assert text == [
        "full                     n_for_price          2 x, = 3.00; food, 1, 2, 3, 4, 5, +2 (without own), "
        "<= 5.00, nothing reduced already; from 2 units on; members of gold, with coupon C; "
        "from 2026-11-01, Sat, Sun, 08:00-12:00, in store 3, at lane 1; 2 times a basket, "
        "100 times in all; \"2 for 3\"",
        "plain                    percent              -10 %; all goods; \"x\""], text
    lists = write("lists.json", rules(
        rule("bundle", kind="bundle", params={"price_minor": 500, "components": [
            {"sku": ["cola"]}, {"category": ["snack"], "units": 2}]}),
        rule("cut", kind="basket_percent", params={"percent_bp": 1250, "cap_minor": 200}),
        rule("get", kind="buy_get", params={"buy": 2, "get": 1, "percent_bp": 5000}),
        rule("kilo", kind="buy_weight_get_weight", params={"buy_g": 500, "get_g": 250,
                                                          "percent_bp": 10000}),
        rule("set", kind="distinct_set", params={"table": [{"units": 3, "percent_bp": 500}]}),
        rule("tiers", kind="basket_tiers", params={"tiers": [
            {"min_spend_minor": 2000, "amount_minor": 100},
            {"min_spend_minor": 4000, "amount_minor": 300}]})))
    said = [l.split(None, 2)[2] for l in run(OK, "offers", "list", "--rules", lists).stdout.splitlines()]
    assert said == ["= 5.00; all goods; cola + 2 snack; \"x\"", "-12.50 %, <= 2.00; all goods; \"x\"",
                    "2 + 1, -50 %; all goods; from 3 units on; \"x\"",
                    "500 g + 250 g, -100 %; all goods; \"x\"",
                    "all goods; from 3 units on; \"x\"",
                    "all goods; from 20.00 on; \"x\""], said
    german = run(OK, "offers", "list", "--rules", path, "--language", "de").stdout
    assert "\"2 f\u00fcr 3\"" in german and "alle Waren" in german, german


# ---- a price explained -----------------------------------------------------------------------

EXPLAINED = rules(
    rule("cheese-30", scope={"sku": ["cheese"]}, params={"percent_bp": 3000},
         text={"en": "30 % off cheese", "de": "30 % auf K\u00e4se"}),
    rule("spend-40", kind="basket_amount", params={"amount_minor": 500, "min_spend_minor": 4000},
         text={"en": "Spend 40, save 5"}),
    rule("gold", who={"groups": ["gold"]}, text={"en": "Gold"}),
    rule("coupon", who={"coupon": "C1"}, text={"en": "Coupon"}),
    rule("old", when={"to": "2020-01-31", "days": ["mon"]}, text={"en": "Old"}),
    rule("far", when={"stores": ["9"]}, text={"en": "Far"}),
    rule("nuts", kind="n_for_price", scope={"sku": ["nuts"]},
         params={"units": 3, "price_minor": 300}, text={"en": "3 nuts for 3.00"}),
    rule("six", scope={"sku": ["wine"]}, params={"percent_bp": 100, "min_units": 6},
         text={"en": "Six"}),
    rule("pets", scope={"category": ["pets"]}, text={"en": "Pets"}),
    rule("ham", scope={"sku": ["ham"]}, params={"percent_bp": 5000}, who={"member": True},
         text={"en": "Half-price ham"}),
    rule("used", scope={"sku": ["ham"]}, who={"member": True}, limits={"per_member": 1},
         text={"en": "Once"}))
EXPLAINED_BASKET = {"store": "3", "lines": [
    line("wine", 3800), line("cheese", 250), line("nuts", 150, 2),
    {"code": "ham", "qty_milli": 420, "unit_price_minor": 1000, "weighed": True}]}
EXPLAINED_MEMBER = {"known": True, "uses": [{"rule": "used", "member": 1}]}
SAID = """To pay: 39.85 EUR instead of 47.70: 7.85 saved.
No other combination of these offers is cheaper: proven.
2.10 of the saving is there because the shopper is a member.

Applied
  30 % off cheese (cheese-30): 0.75 off
    1 of line 2 (cheese): 0.75 off
  Half-price ham (ham): 2.10 off
    0.420 kg of line 4 (ham): 2.10 off
  Spend 40, save 5 (spend-40): 5.00 off
    1 of line 1 (wine): 4.24 off
    1 of line 2 (cheese): 0.20 off
    2 of line 3 (nuts): 0.33 off
    0.420 kg of line 4 (ham): 0.23 off

Almost
  3 nuts for 3.00 (nuts): one more of line 3 (nuts) saves 1.50

Not applied
  Coupon (coupon): its coupon was not presented (with coupon C1)
  Far (far): it is not valid in this store or at this lane (in store 9)
  Gold (gold): the member is not in its group (members of gold)
  3 nuts for 3.00 (nuts): its condition is not met (from 3 units on)
  Old (old): it is not valid at this time (to 2020-01-31, Mon)
  Pets (pets): nothing in the basket is meant by it (pets)
  Six (six): its condition is not met (from 6 units on)
  Once (used): it is used up (1 times a member)
"""


def a_price_is_explained_in_sentences():
    words = ["price", "--rules", write("explained.json", EXPLAINED), "--basket",
             write("basket.json", EXPLAINED_BASKET), "--at", "2026-11-21", "--explain"]
    member = ["--member", write("member.json", EXPLAINED_MEMBER)]
    said = run(OK, *words, *member).stdout
    assert said == SAID, said
    german = run(OK, *words, *member, "--language", "de-AT").stdout
    assert "30 % auf K\u00e4se (cheese-30): 0.75 weniger" in german, german
    assert german.startswith("Zu zahlen: 39.85 EUR statt 47.70: 7.85 gespart.\n"), german
    assert "bewiesen" in german and len(german.splitlines()) == len(SAID.splitlines())
    stranger = run(OK, *words, "--language", "xx").stdout
    assert "Half-price ham (ham): for members only\n" in stranger, stranger
    assert "because" not in stranger
    nothing = run(OK, "price", "--rules", write("none.json", rules()), "--basket",
                  path_of("basket.json"), "--explain").stdout
    assert nothing == ("To pay: 47.70 EUR. No offer takes anything off.\n"
                       "No other combination of these offers is cheaper: proven.\n"), nothing
    answer = json.loads(run(OK, "--json", *words, *member).stdout)
    assert answer["total"] == 3985 and len(answer["rules"]) == 11, answer


def points_are_told_apart_from_the_price():
    path = write("points.json", rules(
        rule("earn", kind="points_earn", params={"points": 1, "per_minor": 100},
             who={"member": True}, text={"en": "A point a euro"}),
        rule("pay", kind="points_burn", params={"points": 100, "value_minor": 100, "max_bp": 5000},
             who={"member": True}, text={"en": "Pay by points"})))
    basket = write("b.json", {"lines": [line("ham", 1299)]})
    words = ["price", "--rules", path, "--basket", basket, "--member",
             write("m.json", {"known": True, "points": 450})]
    said = run(OK, *words, "--explain").stdout
    assert "To pay: 12.99 EUR. No offer" in said, said
    assert "The member earns 12 points.\n400 of the member's points can pay 4.00 of it.\n" in said, said
    assert "A point a euro (earn): 12 points\n" in said, said
    price = json.loads(run(OK, *words).stdout)
    assert (price["points_earned"], price["burn"]) == (
        12, {"rule": "pay", "points": 400, "worth": 400}), price
    answer = json.loads(run(OK, "--json", "offers", "simulate", "--rules", path, "--baskets",
                            write("log.xml", LOG)).stdout)
    # members: 5.00, 9.00 and 10.00
    assert answer["all"]["points_after"] == answer["members"]["points_after"] == 24, answer


def rules_without_a_currency_take_the_one_that_is_said():
    table = write("yen.csv", "id,kind,all,amount,text_en\na,amount,yes,30,x\n")
    basket = write("b.json", {"lines": [line("a", 100)]})
    words = ["price", "--rules", table, "--basket", basket, "--currency"]
    assert json.loads(run(OK, *words, "JPY").stdout)["total"] == 70
    assert json.loads(run(OK, *words, "EUR").stdout)["total"] == 0
    run(USAGE, *words, "XXX")
    assert run(OK, "offers", "list", "--rules", table, "--currency", "JPY").stdout
    lines = write("b.jsonl", json.dumps({"lines": [line("a", 100)], "at": "2026-11-01",
                                         "currency": "JPY"}) + "\n")
    simulate = ["--json", "offers", "simulate", "--rules", table, "--baskets", lines]
    assert json.loads(run(OK, *simulate, "--currency", "JPY").stdout)["all"]["cost_minor"] == 30
    assert "another currency" in run(DATA, *simulate).stderr


def texts_cannot_play_with_the_terminal():
    path = write("esc.json", rules(rule("e\u001b[2Jx", text={"en": "\u001b]0;t\u0007x"})))
    done = subprocess.run([os.path.join(BUILD, "lanectl"), "price", "--rules", path, "--basket",
                           write("b.json", {"lines": [line("\u001b[1m", 500)]}), "--explain"],
                          capture_output=True, text=True, timeout=60, check=False)
    assert "\u001b" not in done.stdout and "\u0007" not in done.stdout, done.stdout


# ---- baskets of the past -----------------------------------------------------------------------

ITEM = ("<LineItem{3}><Sale><ItemID>{0}</ItemID>{4}"
        "<RegularSalesUnitPrice>{2}</RegularSalesUnitPrice><ExtendedAmount>{5}</ExtendedAmount>"
        "<Quantity>{1}</Quantity></Sale></LineItem>")
SALE = ("<Transaction><RetailStoreID>3</RetailStoreID><WorkstationID>1</WorkstationID>"
        "<SequenceNumber>{0}</SequenceNumber><BusinessDayDate>2026-10-{1:02}</BusinessDayDate>"
        "<BeginDateTime>2026-10-{1:02}T12:00:00</BeginDateTime><CurrencyCode>EUR</CurrencyCode>"
        "<RetailTransaction>{2}{3}<Total TotalType=\"TransactionGrandAmount\">{4}</Total>"
        "</RetailTransaction></Transaction>")
CARD = ("<LineItem><LoyaltyMembership><LoyaltyID>{0}</LoyaltyID></LoyaltyMembership></LineItem>")


def cents(n):
    return "%d.%02d" % divmod(n, 100)


def item(code, qty, price, department, attributes=""):
    levels = "".join("<MerchandiseHierarchy>%s</MerchandiseHierarchy>" % d
                     for d in department.split("/"))
    return ITEM.format(code, qty, cents(price), attributes, levels, cents(price * qty))


def poslog(*sales):
    return "<?xml version=\"1.0\"?>\n<POSLog>\n" + "\n".join(sales) + "\n</POSLog>\n"


def sale(number, day, items, total, card=None):
    return SALE.format(number, day, "".join(items), CARD.format(card) if card else "", cents(total))


LOG = poslog(
    sale(1, 5, [item("milk", 2, 100, "food/dairy"), item("tea", 1, 300, "food/tea")], 500, "K1"),
    sale(2, 5, [item("milk", 1, 100, "food/dairy")], 100),
    sale(3, 6, [item("tea", 3, 300, "food/tea")], 900, "K2"),
    sale(4, 6, [item("soap", 1, 250, "home")], 250),
    sale(5, 7, [item("milk", 10, 100, "food/dairy")], 1000, "K1"))


def logs_become_baskets_and_stay_the_same():
    log = write("log.xml", LOG)
    done = run(OK, "baskets", "convert", log)
    baskets = [json.loads(l) for l in done.stdout.splitlines()]
    assert [b["id"] for b in baskets] == ["2026-10-%02d/3/1/%d" % d for d in (
        (5, 1), (5, 2), (6, 3), (6, 4), (7, 5))], baskets
    assert baskets[0] == {
        "id": "2026-10-05/3/1/1", "at": "2026-10-05T12:00:00+00:00", "currency": "EUR",
        "paid_minor": 500, "member": {"known": True, "groups": [], "coupons": []}, "store": "3",
        "lane": "1", "lines": [
            {"line": 1, "code": "milk", "category": "food/dairy", "qty_milli": 2000,
             "unit_price_minor": 100, "amount_minor": 200},
            {"line": 2, "code": "tea", "category": "food/tea", "qty_milli": 1000,
             "unit_price_minor": 300, "amount_minor": 300}]}, baskets[0]
    assert "5 of 5 as the log has them" in done.stderr, done.stderr
    assert "K1" not in done.stdout  # numbers of people stay where they are ..
    numbers = run(OK, "baskets", "convert", log, "--member-numbers").stdout
    assert numbers.count("\"member_number\":\"K1\"") == 2  # .. unless they are asked for
    again = run(OK, "baskets", "convert", write("log.jsonl", numbers), "--member-numbers")
    assert again.stdout == numbers
    summer = run(OK, "baskets", "convert", log, "--timezone", "Europe/Tallinn").stdout
    assert "\"at\":\"2026-10-05T12:00:00+03:00\"" in summer, summer[:200]
    # One basket of them can be priced as it stands.
    first = write("first.json", numbers.splitlines()[0])
    assert json.loads(run(OK, "price", "--rules", write("r.json", rules(rule())), "--basket",
                          first).stdout)["total"] == 450


def logs_that_do_not_add_up_are_told():
    log = write("wrong.xml", poslog(sale(1, 5, [item("a", 1, 100, "x")], 150)))
    done = run(NO, "baskets", "convert", log)
    assert "read 100, but the log says 150 was paid: 50 too little" in done.stderr, done.stderr
    bad = write("bad.xml", poslog(sale(1, 5, [item("a", 1, 100, "x").replace("1.00", "1,00")], 100),
                                  sale(2, 5, [item("a", 1, 100, "x")], 100)))
    done = run(DATA, "baskets", "convert", bad)
    assert "bad.xml:3:" in done.stderr and "is no number: \"1,00\"" in done.stderr, done.stderr
    assert len(done.stdout.splitlines()) == 1
    for text, words in (("<POSLog", "unclosed token"), ("", "no element"), ("<x/>", "no POSLog"),
                        ("<!DOCTYPE a [<!ENTITY x SYSTEM \"/etc/passwd\">]><POSLog>&x;</POSLog>",
                         "document type")):
        assert words in run(DATA, "baskets", "convert", write("h.xml", text)).stderr, words
    lines = write("bad.jsonl", "{\"lines\":[]}\nx\n{}\n{\"lines\":[{}]}\n{\"lines\":[],\"at\":5}\n"
                               "{\"lines\":[],\"at\":\"noon\"}\n{\"lines\":[],\"who\":1}\n")
    done = run(DATA, "baskets", "convert", lines)
    assert re.findall(r"jsonl:(\d+):", done.stderr) == ["2", "3", "4", "5", "6", "7"], done.stderr
    run(USAGE, "baskets", "convert")
    run(USAGE, "baskets", "convert", "--nonsense", path_of("log.xml"))
    run(USAGE, "offers", "check", "--nonsense", path_of("log.xml"))
    run(USAGE, "baskets", "convert", write("x.txt", "x"))
    run(USAGE, "baskets", "convert", path_of("log.xml"), "--timezone", "Nowhere/At_All")
    run(DATA, "baskets", "convert", "/nonexistent/x.xml")


NEW = rules(
    rule("milk-20", scope={"category": ["food/dairy"]}, params={"percent_bp": 2000},
         text={"en": "20 % off milk"}),
    rule("tea-3-for-2", kind="buy_get", scope={"sku": ["tea"]},
         params={"buy": 2, "get": 1, "percent_bp": 10000}, text={"en": "3 for 2"}),
    rule("club", kind="basket_amount", params={"amount_minor": 100, "min_spend_minor": 500},
         who={"member": True}, limits={"per_member": 1}, text={"en": "1.00 for members"}),
    rule("later", when={"from": "2027-01-01"}, text={"en": "Later"}))
OLD = rules(rule("soap-10", scope={"sku": ["soap"]}, text={"en": "10 % off soap"}))

def a_campaign_is_simulated():
    words = ["offers", "simulate", "--rules", write("new.json", NEW), "--against",
             write("old.json", OLD), "--baskets", write("log.xml", LOG)]
    answer = json.loads(run(OK, "--json", *words).stdout)
    # By hand: 1: milk 0.40 (club takes 1.00 off 5.00 instead); 2: 0.20; 3: tea 3.00 and club 1.00;
    # 4: soap loses its 0.25; 5: milk 2.00, club is used up by the same card.
    assert answer["all"] == {"baskets": 5, "gain": 4, "lose": 1, "turnover_minor": 2750,
                             "saving_before_minor": 25, "saving_after_minor": 720,
                             "cost_minor": 695, "points_before": 0, "points_after": 0}, answer["all"]
    assert answer["members"]["cost_minor"] == 700 and answer["strangers"]["cost_minor"] == -5
    by_id = {r["id"]: r for r in answer["rules"]}
    assert by_id["club"]["baskets"] == 2 and by_id["club"]["discount_minor"] == 200
    assert by_id["tea-3-for-2"]["applications"] == 1 and by_id["milk-20"]["discount_minor"] == 220
    assert by_id["later"]["mostly"] == "time", by_id["later"]
    assert answer["rules_before"][0]["discount_minor"] == 25
    summary = answer["summary"]
    assert (summary["gain_mean_minor"], summary["gain_median_minor"], summary["gain_max_minor"]) == (
        180, 100, 400), summary
    assert summary["not_proven_after"] == summary["unreadable"] == summary["refused"] == 0
    assert [(b["id"][-1], b["gain_minor"]) for b in answer["best"]] == [
        ("3", 400), ("5", 200), ("1", 100), ("2", 20)], answer["best"]
    assert [(b["id"][-1], b["gain_minor"]) for b in answer["worst"]] == [("4", -25)]
    assert [(a["key"], a["gain_minor"]) for a in answer["articles"]] == [
        ("tea", 460), ("milk", 260), ("soap", -25)], answer["articles"]
    assert [a["key"] for a in answer["categories"]] == ["food/tea", "food/dairy", "home"]


def the_three_forms_agree():
    words = ["offers", "simulate", "--rules", write("new.json", NEW), "--against",
             write("old.json", OLD), "--baskets", write("log.xml", LOG)]
    answer = json.loads(run(OK, "--json", *words).stdout)
    rows = list(csv.reader(io.StringIO(run(OK, *words, "--csv").stdout)))
    assert rows[0] == ["section", "key", "name", "value"], rows[0]
    for section, key, name, value in rows[1:]:
        part = answer[section]
        if isinstance(part, list):
            part = [p for p in part if key in (p.get("id"), p.get("key"))][0]
        if name + "_minor" in part:
            minor = part[name + "_minor"]
            assert value == ("-" if minor < 0 else "") + cents(abs(minor)), (section, key, name)
        else:
            assert value == str(part[name]), (section, key, name, value)
    text = run(OK, *words).stdout
    for words_wanted in ("campaign cost      6.95 EUR, 25.3 % of the turnover",
                         "saving             0.25 before, 7.20 after",
                         "who gains          4 of 5 baskets (80.0 %); 1 loses",
                         "mean 1.80, median 1.00, 95 % at most 4.00, most 4.00",
                         "members            3 baskets, 3 gain, turnover 24.00, cost 7.00",
                         "best price proven  5 of 5 baskets", "3 for 2",
                         "never: mostly time", "RULE BEFORE", "LOSES MOST"):
        assert words_wanted in text, (words_wanted, text)


def a_file_of_members_says_who_they_are():
    members = write("m.jsonl", "{\"number\":\"1\",\"groups\":[\"gold\"],\"claims\":[{\"kind\":\"card\","
                               "\"value\":\"K1\"}]}\n")
    words = ["--json", "offers", "simulate", "--rules", write("gold.json", rules(rule(
        who={"groups": ["gold"]}))), "--baskets", write("log.xml", LOG)]
    assert json.loads(run(OK, *words).stdout)["all"]["gain"] == 0
    answer = json.loads(run(OK, *words, "--members", members).stdout)
    assert answer["all"]["gain"] == 2 and answer["members"]["baskets"] == 2, answer
    assert answer["summary"]["unknown_members"] == 1
    done = run(DATA, *words, "--members", write("m.jsonl", "{\"number\":1}\nx\n"))
    assert "m.jsonl:1:" in done.stderr and "m.jsonl:2:1:" in done.stderr, done.stderr


def limits_count_over_the_baskets():
    baskets = write("l.jsonl", "".join(json.dumps(
        {"id": str(i), "at": "2026-11-%02dT10:00" % (1 + i // 4), "member_number": "M%d" % (i % 2),
         "lines": [line("a", 1000)]}) + "\n" for i in range(12)))
    for limits, applied in (({"total": 5}, 5), ({"budget_minor": 550}, 5), ({"per_member": 2}, 4), ({"per_day": 1}, 6),
                            ({"per_member": 3, "total": 4}, 4), ({}, 12)):
        path = write("limited.json", rules(rule(who={"member": True}, limits=limits)))
        answer = json.loads(run(OK, "--json", "offers", "simulate", "--rules", path, "--baskets",
                                baskets).stdout)
        assert answer["rules"][0]["applications"] == applied, (limits, answer["rules"])
        assert answer["all"]["gain"] == applied


def time_may_be_moved():
    path = write("may.json", rules(rule(when={"from": "2026-12-07", "to": "2026-12-07"})))
    words = ["--json", "offers", "simulate", "--rules", path, "--baskets", write("log.xml", LOG)]
    assert json.loads(run(OK, *words).stdout)["all"]["gain"] == 0
    assert json.loads(run(OK, *words, "--shift-days", "63").stdout)["all"]["gain"] == 2
    assert json.loads(run(OK, *words, "--at", "2026-12-07T10:00").stdout)["all"]["gain"] == 5
    run(USAGE, *words, "--at", "2026-12-07", "--shift-days", "1")


def what_cannot_be_used_stops_it_or_is_left_out():
    path = write("r.json", rules(rule()))
    bad = write("b.jsonl", "{\"lines\":[{\"unit_price_minor\":100}],\"at\":\"2026-11-01\"}\nx\n"
                           "{\"lines\":[],\"currency\":\"USD\",\"at\":\"2026-11-01\"}\n"
                           "{\"lines\":[]}\n" + json.dumps({"at": "2026-11-01", "lines": [
                               line("a", 10 ** 10, 1), line("a", 10 ** 10, 1)]}) + "\n")
    done = run(DATA, "offers", "simulate", "--rules", path, "--baskets", bad)
    assert not done.stdout and "4 baskets cannot be used" in done.stderr, done.stderr
    for words in ("b.jsonl:2:1:", "another currency", "no time", "outside the ranges"):
        assert words in done.stderr, (words, done.stderr)
    answer = json.loads(run(OK, "--json", "offers", "simulate", "--rules", path, "--baskets", bad,
                            "--skip-bad").stdout)
    assert answer["all"]["baskets"] == 1 and answer["summary"]["unreadable"] == 4, answer
    good = json.dumps({"lines": [line("a", 100)], "at": "2026-11-01"}) + "\n"
    answer = json.loads(run(OK, "--json", "offers", "simulate", "--rules", path, "--baskets", "-",
                            "--format", "jsonl", stdin=good).stdout)
    assert answer["all"]["baskets"] == 1, answer
    for words in (("--rules", path), ("--baskets", bad), ("--rules", path, "--baskets"),
                  ("--rules", path, "--baskets", bad, "--nonsense"),
                  ("--rules", path, "--baskets", bad, "--top", "x"),
                  ("--rules", path, "--baskets", bad, "--nodes", "0"),
                  ("--rules", path, "--baskets", bad, "--at", "noon")):
        run(USAGE, "offers", "simulate", *words)
    run(DATA, "offers", "simulate", "--rules", path, "--against",
        write("usd.json", rules(currency="USD")), "--baskets", bad)
    run(DATA, "offers", "simulate", "--rules", write("x.json", "{"), "--baskets", bad)


def thirty_thousand_baskets_take_no_more_memory_than_three():
    def baskets(count):
        out = []
        for i in range(count):
            out.append(json.dumps({"id": str(i), "at": "2026-10-%02dT%02d:00" % (
                i % 28 + 1, i % 24), "lines": [line("a%d" % (i * 7 % 50), 100 + i % 90, 1 + i % 3),
                                               line("b%d" % (i * 3 % 50), 250)]}))
        return write("n.jsonl", "\n".join(out) + "\n")
    path = write("new.json", rules(*[rule("r%d" % i, scope={"sku": ["a%d" % i]}, params={
        "percent_bp": 500 + i}) for i in range(50)]))
    peaks = []
    for count in (3, 30000):
        done = subprocess.run(["/usr/bin/python3", "-c", (
            "import resource,subprocess,sys\n"
            "r=subprocess.run(sys.argv[1:],capture_output=True,text=True,check=True)\n"
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\nprint(r.stdout)"),
            os.path.join(BUILD, "lanectl"), "--json", "offers", "simulate", "--rules", path,
            "--baskets", baskets(count)], capture_output=True, text=True, timeout=300, check=True)
        peak, answer = done.stdout.split("\n", 1)
        peaks.append(int(peak))
        assert json.loads(answer)["all"]["baskets"] == count
    assert ASAN or peaks[1] < peaks[0] + (16 << 10), peaks
    words = ["--json", "offers", "simulate", "--rules", path, "--baskets", path_of("n.jsonl")]
    assert run(OK, *words).stdout == run(OK, *words).stdout == run(
        OK, *words, "--format", "jsonl").stdout


def progress_is_for_terminals_only():
    path = write("r.json", rules(rule()))
    text = "".join(json.dumps({"lines": [line("a", 100)], "at": "2026-11-01"}) + "\n"
                   for _ in range(20000))
    words = ["offers", "simulate", "--rules", path, "--baskets", write("p.jsonl", text)]
    assert run(OK, *words).stderr == ""
    master, slave = os.openpty()
    child = subprocess.Popen([os.path.join(BUILD, "lanectl"), *words], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=slave)
    os.close(slave)
    said = child.communicate(timeout=120)[0].decode()
    seen = b""
    try:
        while True:
            data = os.read(master, 65536)
            if not data:
                break
            seen += data
    except OSError:
        pass  # the other end is closed
    os.close(master)
    assert child.returncode == OK and "20000 with" in said, said
    assert b" baskets, " in seen and b" %" in seen and seen.endswith(b"\r"), seen[-200:]


TESTS = [bad_rules_are_refused_with_place_and_reason,
         a_hundred_megabytes_of_nesting_cost_nothing, all_errors_of_a_file_are_listed,
         ids_are_checked_across_files, what_is_hardly_meant_is_warned_of,
         the_table_of_the_guide_is_right, offers_are_listed_in_words,
         a_price_is_explained_in_sentences, points_are_told_apart_from_the_price,
         rules_without_a_currency_take_the_one_that_is_said,
         texts_cannot_play_with_the_terminal,
         logs_become_baskets_and_stay_the_same, logs_that_do_not_add_up_are_told,
         a_campaign_is_simulated, the_three_forms_agree, a_file_of_members_says_who_they_are,
         limits_count_over_the_baskets, time_may_be_moved,
         what_cannot_be_used_stops_it_or_is_left_out, progress_is_for_terminals_only,
         thirty_thousand_baskets_take_no_more_memory_than_three]


def main():
    wanted = sys.argv[1:]
    failed = 0
    for test in TESTS:
        if wanted and test.__name__ not in wanted:
            continue
        try:
            test()
        except AssertionError as e:
            failed += 1
            print("%s: %s" % (test.__name__, str(e)[:3000]))
    for name in os.listdir(FOLDER):
        os.unlink(path_of(name))
    os.rmdir(FOLDER)
    print("%d of %d failed" % (failed, len(TESTS)))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
