#include "ctl/poslog.h"

#include "unit.h"

#include <errno.h>

#define NS "xmlns=\"http://www.nrf-arts.org/IXRetail/namespace/\" xmlns:acs=\"urn:x\""
#define LOG(transactions) "<POSLog " NS ">" transactions "</POSLog>"
#define HEAD                                                                             \
	"<RetailStoreID>7</RetailStoreID><WorkstationID>3</WorkstationID>"               \
	"<SequenceNumber>42</SequenceNumber><BusinessDayDate>2026-11-20</"               \
	"BusinessDayDate>"                                                               \
	"<EndDateTime>2026-11-21T00:10:00</EndDateTime><CurrencyCode>EUR</CurrencyCode>"
#define SALE(lines)                                                                      \
	"<Transaction>" HEAD "<RetailTransaction>" lines                                 \
	"</RetailTransaction></Transaction>"
#define ITEM(attributes, code, qty, unit, amount)                                        \
	"<LineItem " attributes "><Sale><ItemID>" code                                   \
	"</ItemID><RegularSalesUnitPrice>" unit                                          \
	"</RegularSalesUnitPrice><ExtendedAmount>" amount                                \
	"</ExtendedAmount><Quantity>" qty "</Quantity></Sale></LineItem>"
#define TOTAL(amount) "<Total TotalType=\"TransactionGrandAmount\">" amount "</Total>"
#define REWARD(ref, amount)                                                              \
	"<LineItem><LoyaltyReward acs:detailedData=\"true\"><acs:RewardCategory>"        \
	"Monetary</acs:RewardCategory><acs:ExtendedRewardAmount>" amount                 \
	"</acs:ExtendedRewardAmount><acs:OperatorSequenceReference>" ref                 \
	"</acs:OperatorSequenceReference></LoyaltyReward></LineItem>"
#define REF_ITEM(ref, code, unit)                                                        \
	"<LineItem><Sale><ItemID>" code "</ItemID><RegularSalesUnitPrice>" unit          \
	"</RegularSalesUnitPrice><ExtendedAmount>" unit                                  \
	"</ExtendedAmount><Quantity>1</Quantity><acs:OperatorSequence>" ref              \
	"</acs:OperatorSequence></Sale></LineItem>"

/* Everything a log gave, as one text. */
struct seen {
	char text[16384];
	struct strbuf b;
	unsigned baskets, faults;
	struct past_fault fault; /* the last one */
	int answer;              /* of the sink */
};

static int
on_basket(void *ctx, const struct past_basket *b)
{
	struct seen *s = ctx;

	s->baskets++;
	strbuf_addf(&s->b, "[");
	for (size_t i = 0; i < b->basket.lines_count; i++) {
		const struct pricing_line *l = &b->basket.lines[i];

		ck_assert_uint_eq(l->line, i + 1);
		strbuf_addf(&s->b, "%s%.*s %lld*%lld=%lld", i > 0 ? "; " : "",
			    (int)l->code.n, l->code.p, (long long)l->qty_milli,
			    (long long)l->unit_price_minor, (long long)l->amount_minor);
		if (l->category.n > 0)
			strbuf_addf(&s->b, " in %.*s", (int)l->category.n, l->category.p);
		if (l->vat_bp > 0)
			strbuf_addf(&s->b, " vat %u", (unsigned)l->vat_bp);
		strbuf_addf(&s->b, "%s%s", l->weighed ? " weighed" : "",
			    l->reduced ? " reduced" : "");
	}
	strbuf_addf(&s->b, "]");
	if (b->member.known)
		strbuf_addf(&s->b, " by %.*s", (int)b->member_number.n,
			    b->member_number.p);
	if (b->tax_minor != 0)
		strbuf_addf(&s->b, " tax %lld", (long long)b->tax_minor);
	if (b->apart_minor != 0)
		strbuf_addf(&s->b, " apart %lld", (long long)b->apart_minor);
	if (b->given_minor != 0)
		strbuf_addf(&s->b, " given %lld", (long long)b->given_minor);
	if (b->has_total)
		strbuf_addf(&s->b, "%s",
			    past_read_minor(b) == b->total_minor ? " right" : " WRONG");
	return s->answer;
}

static int
on_fault(void *ctx, const struct past_fault *f)
{
	struct seen *s = ctx;

	s->faults++;
	s->fault = *f;
	return s->answer;
}

/* Feeds a log in pieces of so many bytes. */
static int
read_log(struct str log, size_t piece, const struct poslog_options *o, struct seen *s,
	 struct past_fault *fault)
{
	static const struct poslog_options none;
	struct past_sink sink = { on_basket, on_fault, s };
	struct poslog *p = poslog_new(o == NULL ? &none : o, &sink);
	int rc = 0;

	ck_assert_ptr_nonnull(p);
	strbuf_init(&s->b, s->text, sizeof(s->text));
	s->baskets = s->faults = 0;
	for (size_t at = 0; rc == 0 && (at < log.n || at == 0); at += piece) {
		size_t n = log.n - at < piece ? log.n - at : piece;
		char *copy = malloc(n + 1); /* exact: a sanitizer sees a step too far */

		ck_assert_ptr_nonnull(copy);
		memcpy(copy, log.p + at, n);
		rc = poslog_feed(p, (struct str){ copy, n }, at + n == log.n, fault);
		free(copy);
	}
	poslog_free(p);
	return rc;
}

static const struct {
	const char *log, *want;
} sales[] = {
	{ LOG(""), "" },
	{ LOG(SALE("")), "[]" },
	{ LOG(SALE(ITEM("", "4001", "2", "1.50", "3.00") TOTAL("3.00"))),
	  "[4001 2000*150=300] right" },
	{ LOG(SALE(ITEM("", "4001", "2", "1.50", "3.00") TOTAL("3.01"))),
	  "[4001 2000*150=300] WRONG" },
	/* weighed by flag, by unit of measure, by a broken quantity */
	{ LOG(SALE(ITEM("acs:weightItem=\"true\"", "1", "1.00", "8.99", "9.26"))),
	  "[1 1000*899=926 weighed]" },
	{ LOG(SALE(ITEM("", "1", "0.420", "2.99", "1.26"))), "[1 420*299=126 weighed]" },
	{ LOG(SALE("<LineItem><Sale><ItemID>1</ItemID><ExtendedAmount>2</ExtendedAmount>"
		   "<Quantity UnitOfMeasureCode=\"KGM\">1</Quantity></Sale></LineItem>")),
	  "[1 1000*200=200 weighed]" },
	/* "2 for 6.00" is told as the price of a unit: what was charged counts */
	{ LOG(SALE(ITEM("", "1", "1", "6.00", "3.00"))), "[1 1000*300=300]" },
	{ LOG(SALE(ITEM("", "1", "14", "14.79", "12.94"))), "[1 14000*92=1294]" },
	/* voids: the whole line, a part of it, one that was void from the start, none */
	{ LOG(SALE(ITEM("", "1", "1", "2.00", "2.00") ITEM("", "2", "1", "3.00", "3.00")
			   ITEM("VoidFlag=\"true\"", "1", "-1", "2.00", "-2.00")
				   TOTAL("3.00"))),
	  "[2 1000*300=300] right" },
	{ LOG(SALE(ITEM("", "1", "3", "2.00", "6.00") ITEM(
		  "VoidFlag=\"true\"", "1", "-1", "2.00", "-2.00") TOTAL("4.00"))),
	  "[1 2000*200=400] right" },
	{ LOG(SALE(ITEM("VoidFlag=\"true\"", "1", "1", "2.00", "2.00")
			   ITEM("", "2", "1", "1.00", "1.00") TOTAL("1.00"))),
	  "[2 1000*100=100] right" },
	{ LOG(SALE(ITEM("VoidFlag=\"true\"", "9", "-1", "2.00", "-2.00")
			   ITEM("", "2", "1", "5.00", "5.00") TOTAL("3.00"))),
	  "[2 1000*500=500] apart -200 right" },
	/* what comes back is in no line, whatever its sign */
	{ LOG(SALE(ITEM("", "2", "1", "5.00", "5.00") ITEM("", "b", "1", "0.25", "-0.25")
			   TOTAL("4.75"))),
	  "[2 1000*500=500] apart -25 right" },
	{ LOG(SALE(ITEM("", "2", "1", "5.00",
			"5.00") "<LineItem><Return><ItemID>b</ItemID><ExtendedAmount>1.00"
				"</ExtendedAmount><Quantity>1</Quantity></Return></"
				"LineItem>" TOTAL("4.00"))),
	  "[2 1000*500=500] apart -100 right" },
	/* discounts of the store: on their line, beyond it, without one */
	{ LOG(SALE(REF_ITEM("1", "a", "4.00") REF_ITEM("2", "b", "1.00")
			   REWARD("1", "-0.40") REWARD("9", "-0.10") TOTAL("4.50"))),
	  "[a 1000*400=360 reduced; b 1000*100=100] apart -10 right" },
	{ LOG(SALE(REF_ITEM("1", "a", "0.30") REF_ITEM("2", "b", "1.00")
			   REWARD("1", "-0.40") TOTAL("0.90"))),
	  "[a 1000*30=0 reduced; b 1000*100=100] apart -10 right" },
	/* a summary of rewards counts nothing twice */
	{ LOG(SALE(REF_ITEM(
		  "1", "a",
		  "4.00") "<LineItem><LoyaltyReward acs:summarizedActivity=\"true\">"
			  "<acs:RewardCategory>Monetary</acs:RewardCategory>"
			  "<acs:ExtendedRewardAmount>-1</acs:ExtendedRewardAmount>"
			  "</LoyaltyReward></LineItem>" TOTAL("4.00"))),
	  "[a 1000*400=400] right" },
	/* the standard's ways of a reduced price */
	{ LOG(SALE(
		  "<LineItem><Sale><ItemID>a</ItemID><RegularSalesUnitPrice>10.00"
		  "</RegularSalesUnitPrice><ActualSalesUnitPrice>9.00"
		  "</ActualSalesUnitPrice><Quantity>2</Quantity></Sale></LineItem>" TOTAL(
			  "18.00"))),
	  "[a 2000*1000=1800 reduced] right" },
	{ LOG(SALE("<LineItem><Sale><ItemID>a</ItemID><RegularSalesUnitPrice>10.00"
		   "</RegularSalesUnitPrice><ExtendedAmount>9.00</ExtendedAmount>"
		   "<RetailPriceModifier><Amount>1.00</Amount></RetailPriceModifier>"
		   "</Sale></LineItem>")),
	  "[a 1000*1000=900 reduced]" },
	{ LOG(SALE("<LineItem><Sale><ItemID>a</ItemID><RegularSalesUnitPrice>10.00"
		   "</RegularSalesUnitPrice><ExtendedAmount>9.00</ExtendedAmount>"
		   "<ExtendedDiscountAmount>1.00</ExtendedDiscountAmount>"
		   "</Sale></LineItem>")),
	  "[a 1000*1000=900 reduced]" },
	/* taxes: by number on the lines that say so, or at the line */
	{ LOG(SALE("<LineItem><Tax acs:TaxID=\"1\"><Amount>0.94</Amount><Percent>10.129"
		   "</Percent></Tax></LineItem><LineItem><Sale><ItemID>a</ItemID>"
		   "<ExtendedAmount>9.28</ExtendedAmount><acs:Itemizers Tax1=\"true\">1"
		   "</acs:Itemizers></Sale></LineItem>" ITEM("", "b", "1", "1", "1")
			   TOTAL("11.22"))),
	  "[a 1000*928=928 vat 1013; b 1000*100=100] tax 94 right" },
	{ LOG(SALE("<LineItem><Tax IncludedInPriceFlag=\"true\"><Amount>0.94</Amount>"
		   "</Tax></LineItem><LineItem><Sale><ItemID>a</ItemID><ExtendedAmount>"
		   "9.28</ExtendedAmount><Tax><Percent>7</Percent></Tax></Sale>"
		   "</LineItem>" TOTAL("9.28"))),
	  "[a 1000*928=928 vat 700] right" },
	{ LOG(SALE("<LineItem><Sale><ItemID>a</ItemID><ExtendedAmount>10.00"
		   "</ExtendedAmount><Tax><Amount>0.70</Amount><Percent>7</Percent></Tax>"
		   "</Sale></LineItem>" TOTAL("10.70"))),
	  "[a 1000*1000=1000 vat 700] tax 70 right" },
	{ LOG(SALE("<LineItem><Sale><ItemID>a</ItemID><ExtendedAmount>10.00"
		   "</ExtendedAmount><Tax><Amount>0.65</Amount><Percent>7</Percent></Tax>"
		   "</Sale></LineItem>" TOTAL("10.00"))),
	  "[a 1000*1000=1000 vat 700] right" },
	/* a code and a hierarchy in several ways */
	{ LOG(SALE("<LineItem><Sale><POSIdentity><POSItemID>55</POSItemID></POSIdentity>"
		   "<MerchandiseHierarchy Level=\"1\">food</MerchandiseHierarchy>"
		   "<MerchandiseHierarchy Level=\"2\">milk/soy</MerchandiseHierarchy>"
		   "<ExtendedAmount> 1.00 </ExtendedAmount></Sale></LineItem>")),
	  "[55 1000*100=100 in food/milk_soy]" },
	{ LOG(SALE("<LineItem><acs:LoyaltyMembership><acs:LoyaltyID>0042</acs:LoyaltyID>"
		   "</acs:LoyaltyMembership></LineItem>" ITEM("", "a", "1", "1", "1"))),
	  "[a 1000*100=100] by 0042" },
	/* what is no sale */
	{ LOG("<Transaction><ControlTransaction/></Transaction>"), "" },
	{ LOG("<Transaction CancelFlag=\"true\">" HEAD "<RetailTransaction/>"
	      "</Transaction>"),
	  "" },
	{ LOG("<Transaction TrainingModeFlag=\"true\">" HEAD "<RetailTransaction/>"
	      "</Transaction>"),
	  "" },
	{ LOG("<Transaction>" HEAD "<RetailTransaction TransactionStatus=\"Suspended\"/>"
	      "</Transaction>"),
	  "" },
	{ LOG(SALE(ITEM("", "a", "1", "1", "1"))
		      SALE(ITEM("", "b", "1", "2", "2") TOTAL("2"))),
	  "[a 1000*100=100][b 1000*200=200] right" },
	/* prefixes, comments, sections, entities of XML's own, another encoding */
	{ "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><p:POSLog xmlns:p=\"u\">"
	  "<p:Transaction><p:CurrencyCode>EUR</p:CurrencyCode><p:RetailTransaction>"
	  "<p:LineItem><p:Sale><!-- x --><p:ItemID><![CDATA[a]]>&amp;\xe4</p:ItemID>"
	  "<p:ExtendedAmount>1&#46;5</p:ExtendedAmount></p:Sale></p:LineItem>"
	  "</p:RetailTransaction></p:Transaction></p:POSLog>",
	  "[a&\xc3\xa4 1000*150=150]" },
};

START_TEST(sales_become_baskets)
{
	struct seen *s = calloc(1, sizeof(*s));
	struct past_fault fault;

	ck_assert_ptr_nonnull(s);
	for (size_t i = 0; i < sizeof(sales) / sizeof(sales[0]); i++) {
		struct str log = str_of(sales[i].log);

		for (size_t piece = 1; piece <= log.n; piece = piece * 7 + 1) {
			int rc = read_log(log, piece, NULL, s, &fault);

			ck_assert_msg(rc == 0, "row %zu: %u:%u: %s", i, fault.line,
				      fault.column, fault.what);
			ck_assert_msg(s->faults == 0, "row %zu: %s", i, s->fault.what);
			ck_assert_msg(strcmp(s->text, sales[i].want) == 0, "row %zu: %s",
				      i, s->text);
		}
	}
	free(s);
}
END_TEST

START_TEST(options_say_how_to_read)
{
	static const char log[] =
		LOG("<Transaction><RetailTransaction>" REF_ITEM("1", "0012", "400")
			    REWARD("1", "-40")
				    TOTAL("360") "</RetailTransaction></Transaction>");
	static const struct poslog_options gross = { .currency = "JPY",
						     .before_discounts = true,
						     .strip_zeros = true };
	struct seen *s = calloc(1, sizeof(*s));
	struct past_fault fault;

	ck_assert_ptr_nonnull(s);
	ck_assert_int_eq(read_log(str_of(log), sizeof(log), &gross, s, &fault), 0);
	ck_assert_str_eq(s->text, "[12 1000*400=400] given -40 right");
	ck_assert_int_eq(read_log(str_of(log), sizeof(log), NULL, s, &fault), 0);
	ck_assert_uint_eq(s->faults, 1);
	ck_assert_ptr_nonnull(strstr(s->fault.what, "currency"));
	free(s);
}
END_TEST

/* A fault leaves one sale out, says where, and the next one is read. */
START_TEST(what_cannot_be_read_is_told_with_its_place)
{
	static const struct {
		const char *sale, *what;
	} rows[] = {
		{ ITEM("", "a", "one", "1", "1"), "Quantity is no number: \"one\"" },
		{ ITEM("", "a", "1", "1,50", "1"), "RegularSalesUnitPrice" },
		{ ITEM("", "a", "1", "1", "1e9"), "ExtendedAmount" },
		{ ITEM("", "a", "1", "1", "99999999999999999999"), "ExtendedAmount" },
		{ ITEM("", "a", "1", "1", ""), "ExtendedAmount" },
		{ "<LineItem><Sale><ItemID>a</ItemID></Sale></LineItem>",
		  "without an amount" },
		{ TOTAL("x"), "Total is no number" },
		{ "<LineItem><Tax><Percent>101</Percent></Tax></LineItem>", "tax rate" },
		{ "<LineItem><Tax><Percent>-1</Percent></Tax></LineItem>", "tax rate" },
		{ "</RetailTransaction><RetailTransaction>", "a second retail" },
		{ "</RetailTransaction><BeginDateTime>noon</BeginDateTime>"
		  "<RetailTransaction>",
		  "second" },
	};
	struct seen *s = calloc(1, sizeof(*s));
	struct past_fault fault;

	ck_assert_ptr_nonnull(s);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char log[8192];

		(void)snprintf(log, sizeof(log),
			       "<POSLog>\n<Transaction><CurrencyCode>EUR</CurrencyCode>"
			       "<RetailTransaction>\n%s</RetailTransaction>"
			       "</Transaction>%s</POSLog>",
			       rows[i].sale, SALE(ITEM("", "z", "1", "1", "1")));
		ck_assert_int_eq(read_log(str_of(log), 4096, NULL, s, &fault), 0);
		ck_assert_uint_eq(s->faults, 1);
		ck_assert_msg(strstr(s->fault.what, rows[i].what) != NULL, "row %zu: %s",
			      i, s->fault.what);
		ck_assert_uint_ge(s->fault.line, 3);
		ck_assert_uint_gt(s->fault.column, 1);
		ck_assert_str_eq(s->text, "[z 1000*100=100]");
	}
	free(s);
}
END_TEST

START_TEST(times_and_days_that_are_none_leave_a_sale_out)
{
	struct seen *s = calloc(1, sizeof(*s));
	struct past_fault fault;

	ck_assert_ptr_nonnull(s);
	ck_assert_int_eq(read_log(STR("<POSLog><Transaction><BeginDateTime>noon"
				      "</BeginDateTime><RetailTransaction/></Transaction>"
				      "<Transaction><BusinessDayDate>x</BusinessDayDate>"
				      "<EndDateTime>2026-11-21T10:00:00</EndDateTime>"
				      "<RetailTransaction/></Transaction></POSLog>"),
				  999, NULL, s, &fault),
			 0);
	ck_assert_uint_eq(s->faults, 2);
	free(s);
}
END_TEST

static int
keep_last(void *ctx, const struct past_basket *b)
{
	struct past_basket *last = ctx;

	*last = *b;
	last->basket.lines = NULL;
	ck_assert(str_is(b->id, "2026-11-20/7/3/42"));
	ck_assert(str_is(b->basket.store, "7") && str_is(b->basket.lane, "3"));
	ck_assert_str_eq(b->currency, "EUR");
	return 0;
}

START_TEST(place_and_time_are_those_of_the_log)
{
	static const struct poslog_options none;
	struct past_basket last = { .has_at = false };
	struct past_sink sink = { keep_last, on_fault, &last };
	struct poslog *p = poslog_new(&none, &sink);
	struct past_fault fault;

	ck_assert_ptr_nonnull(p);
	ck_assert_int_eq(poslog_feed(p, STR(LOG(SALE(""))), true, &fault), 0);
	ck_assert(last.has_at && !last.zoned);
	ck_assert_int_eq(last.at.wall_ms, INT64_C(1795219800000)); /* as if UTC */
	ck_assert_int_eq(last.at.business_day, 20261120);
	ck_assert_uint_eq(poslog_counts(p)->sales, 1);
	poslog_free(p);
}
END_TEST

START_TEST(hostile_texts_are_refused_with_a_place)
{
	static const struct {
		const char *log, *what;
	} rows[] = {
		{ "", "no element" },
		{ "x", "" },
		{ "<POSLog>", "no element" },
		{ "<POSLog></Poslog>", "mismatch" },
		{ "<Log/>", "no POSLog" },
		{ "<html><POSLog/></html>", "no POSLog" },
		{ "<POSLog/><POSLog/>", "junk" },
		{ "<POSLog>\xff</POSLog>", "" },
		{ "<POSLog>&x;</POSLog>", "undefined entity" },
		{ "<POSLog a=\"1\" a=\"2\"/>", "duplicate" },
		{ "<!DOCTYPE POSLog SYSTEM \"http://127.0.0.1/x.dtd\"><POSLog/>",
		  "document type" },
		{ "<!DOCTYPE POSLog [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>"
		  "<POSLog><Transaction><RetailStoreID>&x;</RetailStoreID>"
		  "</Transaction></POSLog>",
		  "document type" },
		{ "<!DOCTYPE l [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;\">"
		  "<!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;\">]><POSLog>&c;</POSLog>",
		  "document type" },
	};
	struct seen *s = calloc(1, sizeof(*s));

	ck_assert_ptr_nonnull(s);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct past_fault fault = { 0 };

		ck_assert_int_eq(read_log(str_of(rows[i].log), 5, NULL, s, &fault),
				 -EBADMSG);
		ck_assert_msg(strstr(fault.what, rows[i].what) != NULL &&
				      fault.what[0] != '\0' && fault.line > 0,
			      "row %zu: %u:%u: %s", i, fault.line, fault.column,
			      fault.what);
		ck_assert_uint_eq(s->baskets, 0);
	}
	free(s);
}
END_TEST

/* Writes a text, once or often, into a growing log. */
static void
repeat(char **log, size_t *n, const char *text, size_t times)
{
	size_t bytes = strlen(text);

	*log = realloc(*log, *n + bytes * times + 1);
	ck_assert_ptr_nonnull(*log);
	for (size_t i = 0; i < times; i++, *n += bytes)
		memcpy(*log + *n, text, bytes);
	(*log)[*n] = '\0';
}

START_TEST(everything_has_a_limit)
{
	static const struct {
		const char *before, *often;
		size_t times;
		const char *after;
		int rc;
		const char *what;
	} rows[] = {
		{ "<POSLog>", "<a>", POSLOG_DEPTH_MAX - 1, "", -EBADMSG, "no element" },
		{ "<POSLog>", "<a>", POSLOG_DEPTH_MAX, "", -EBADMSG, "deep" },
		{ "<POSLog>", "<a>", 1000000, "", -EBADMSG, "deep" },
		{ "<POSLog><a b=\"", "x", 3u << 20, "\"/></POSLog>", -EBADMSG, "bytes" },
		{ "<POSLog><", "x", 3u << 20, "/></POSLog>", -EBADMSG, "bytes" },
		/* long text in no value is passed over */
		{ "<POSLog>", "xx ", 1u << 20, "</POSLog>", 0, "" },
		{ "<POSLog><Transaction><RetailStoreID>", "x", POSLOG_TEXT_MAX,
		  "</RetailStoreID><RetailTransaction/></Transaction></POSLog>", 0, "" },
		{ "<POSLog><Transaction><RetailStoreID>", "x", POSLOG_TEXT_MAX + 1,
		  "</RetailStoreID><RetailTransaction/></Transaction></POSLog>", 1,
		  "too long" },
		{ "<POSLog><Transaction><CurrencyCode>EUR</CurrencyCode>"
		  "<RetailTransaction>",
		  ITEM("", "a", "1", "1", "1"), PRICING_LINES_MAX,
		  "</RetailTransaction></Transaction></POSLog>", 0, "" },
		{ "<POSLog><Transaction><CurrencyCode>EUR</CurrencyCode>"
		  "<RetailTransaction>",
		  ITEM("", "a", "1", "1", "1"), PRICING_LINES_MAX + 1,
		  "</RetailTransaction></Transaction></POSLog>", 1, "more lines" },
		{ "<POSLog><Transaction><CurrencyCode>EUR</CurrencyCode>"
		  "<RetailTransaction>",
		  ITEM("", "a", "1", "1", "1"), 5000,
		  "</RetailTransaction></Transaction></POSLog>", 1, "more lines" },
		{ "<POSLog><Transaction>", "<RetailStoreID>1</RetailStoreID>", 2000000,
		  "<RetailTransaction/></Transaction></POSLog>", -EBADMSG, "more text" },
	};
	struct seen *s = calloc(1, sizeof(*s));

	ck_assert_ptr_nonnull(s);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct past_fault fault = { 0 };
		char *log = NULL;
		size_t n = 0;
		int rc;

		repeat(&log, &n, rows[i].before, 1);
		repeat(&log, &n, rows[i].often, rows[i].times);
		repeat(&log, &n, rows[i].after, 1);
		rc = read_log((struct str){ log, n }, 1u << 20, NULL, s, &fault);
		if (rc == 0 && s->faults == 1) {
			rc = 1;
			fault = s->fault;
		}
		ck_assert_msg(rc == rows[i].rc, "row %zu: %d %s", i, rc, fault.what);
		ck_assert_msg(strstr(fault.what, rows[i].what) != NULL, "row %zu: %s", i,
			      fault.what);
		free(log);
	}
	free(s);
}
END_TEST

START_TEST(the_sink_may_end_the_reading)
{
	struct seen *s = calloc(1, sizeof(*s));
	struct past_fault fault;

	ck_assert_ptr_nonnull(s);
	s->answer = 7;
	ck_assert_int_eq(read_log(STR(LOG(SALE("") SALE(""))), 4096, NULL, s, &fault), 7);
	ck_assert_uint_eq(s->baskets, 1);
	free(s);
}
END_TEST

/* Every cut of a log is refused, none is read as whole. */
START_TEST(no_truncated_log_passes)
{
	static const char log[] = LOG(SALE(ITEM("", "4001", "2", "1.50", "3.00")));
	struct seen *s = calloc(1, sizeof(*s));
	struct past_fault fault;

	ck_assert_ptr_nonnull(s);
	for (size_t n = 0; n < sizeof(log) - 1; n++)
		ck_assert_int_eq(read_log((struct str){ log, n }, 4096, NULL, s, &fault),
				 -EBADMSG);
	free(s);
}
END_TEST

UNIT_MAIN("poslog", sales_become_baskets, options_say_how_to_read,
	  what_cannot_be_read_is_told_with_its_place,
	  times_and_days_that_are_none_leave_a_sale_out,
	  place_and_time_are_those_of_the_log, hostile_texts_are_refused_with_a_place,
	  everything_has_a_limit, the_sink_may_end_the_reading, no_truncated_log_passes)
