#include "unit.h"

#include "ctl/settlement.h"
#include "lane_kit.h"

#include <errno.h>

/* Files of the other side: read by their column names, or refused by line. */
static struct settlement s;

static int
read_as(const char *text, const struct settlement_options *o)
{
	size_t n = strlen(text);
	char *copy = malloc(n + 1);

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, text, n + 1);
	return settlement_read(copy, n, o, &s);
}

static const struct settlement_options plain = { .currency = "EUR",
						 .charges = SETTLEMENT_CHARGES,
						 .credits = SETTLEMENT_CREDITS };

START_TEST(columns_are_found_by_name_in_any_order)
{
	ck_assert_int_eq(read_as("Amount,x,REF,ticket,currency\r\n"
				 "12.34,y,R1,\"T \"\"1\"\"\",EUR\r\n"
				 "\r\n"
				 "-1, ,R2,,USD\n"
				 "\"5\",\"two\nlines\",R3,,\n",
				 &plain),
			 0);
	ck_assert_uint_eq(s.count, 3);
	ck_assert_int_eq(s.rows[0].amount_minor, 1234);
	ck_assert(str_is(s.rows[0].ref, "R1") && str_is(s.rows[0].ticket, "T \"1\""));
	ck_assert_uint_eq(s.rows[0].line, 2);
	ck_assert_int_eq(s.rows[1].amount_minor, -100);
	ck_assert(str_is(s.rows[1].currency, "USD"));
	ck_assert_uint_eq(s.rows[1].line, 4);
	ck_assert_uint_eq(s.rows[2].line, 5);
	ck_assert_int_eq(s.rows[2].amount_minor, 500);
	settlement_free(&s);
}
END_TEST

START_TEST(other_names_and_types_are_told_by_options)
{
	struct settlement_options o = plain;

	o.columns = "key=Merchant Reference, amount = Gross,type=Record";
	o.minor = true;
	o.charges = "SentForSettle";
	o.credits = "Refunded";
	ck_assert_int_eq(read_as("\xef\xbb\xbf"
				 "merchant reference,gross,record\n"
				 "000102030405060708090a0b0c0d0e0f,1234,sentforsettle\n"
				 "not-ours,50,Refunded\n"
				 "not-ours,-50,Refunded\n"
				 "x,9,Fee\n",
				 &o),
			 0);
	ck_assert_uint_eq(s.count, 3);
	ck_assert_uint_eq(s.passed_over, 1);
	ck_assert_int_eq(s.rows[0].amount_minor, 1234);
	ck_assert_int_eq(s.rows[0].key.b[15], 15);
	ck_assert(key128_is_zero(s.rows[1].key));
	ck_assert_int_eq(s.rows[1].amount_minor, -50);
	ck_assert_int_eq(s.rows[2].amount_minor, -50);
	settlement_free(&s);
}
END_TEST

START_TEST(decimals_are_those_of_the_currency)
{
	ck_assert_int_eq(read_as("ref,amount,currency\na,500,JPY\nb,1.234,KWD\n", &plain),
			 0);
	ck_assert_int_eq(s.rows[0].amount_minor, 500);
	ck_assert_int_eq(s.rows[1].amount_minor, 1234);
	settlement_free(&s);
}
END_TEST

#define SALE(lane, number, day, tenders)                                                 \
	"<Transaction><RetailStoreID>1</RetailStoreID><WorkstationID>" lane              \
	"</WorkstationID><SequenceNumber>" number                                        \
	"</SequenceNumber><BusinessDayDate>" day "</BusinessDayDate><EndDateTime>" day   \
	"T10:00:00</EndDateTime><CurrencyCode>EUR</CurrencyCode><RetailTransaction>"     \
	"<LineItem><Sale><ItemID>7</ItemID><ExtendedAmount>5.00</ExtendedAmount></Sale>" \
	"</LineItem>" tenders "</RetailTransaction></Transaction>"
#define TENDER(type, id, amount)                                                         \
	"<LineItem><Tender " type "><TenderID>" id "</TenderID><Amount>" amount          \
	"</Amount></Tender></LineItem>"

static int
read_log(const char *text, const char *tender, const char *workstation)
{
	struct settlement_options o = plain;

	o.tender = tender;
	o.workstation = workstation;
	o.from_day = 20261121;
	o.to_day = 20261122;
	return settlement_read_poslog(str_of(text), &o, &s);
}

static const char log_text[] = "<POSLog>" SALE(
	"4", "17", "2026-11-22",
	TENDER("TenderType=\"Cash\"", "1", "2.00")
		TENDER("TenderType=\"Token\" TypeCode=\"Sale\"", "44", "3.00"))
	SALE("5", "18", "2026-11-22", TENDER("TenderType=\"Token\"", "44", "5.00")) SALE(
		"4", "19", "2026-11-20", TENDER("TenderType=\"Token\"", "44", "5.00"))
		SALE("4", "20", "2026-11-21",
		     TENDER("TenderType=\"Token\" TypeCode=\"Refund\"", "44",
			    "5.00")) "</POSLog>";

START_TEST(the_tenders_of_a_log_are_taken_by_type_or_id)
{
	static const char *const words[] = { "token", "44" };

	for (size_t i = 0; i < 2; i++) {
		ck_assert_int_eq(read_log(log_text, words[i], "4"), 0);
		ck_assert_uint_eq(s.count, 2);
		ck_assert(str_is(s.rows[0].ticket, "17"));
		ck_assert_int_eq(s.rows[0].amount_minor, 300);
		ck_assert(str_is(s.rows[0].currency, "EUR"));
		ck_assert(str_is(s.rows[1].ticket, "20"));
		ck_assert_int_eq(s.rows[1].amount_minor, -500);
		ck_assert_uint_eq(s.passed_over, 3); /* cash, lane 5, another day */
		settlement_free(&s);
	}
	ck_assert_int_eq(read_log(log_text, "token", NULL), 0);
	ck_assert_uint_eq(s.count, 3);
	settlement_free(&s);
}
END_TEST

START_TEST(a_log_that_cannot_be_read_is_refused)
{
	static const char *const logs[] = {
		"<Other/>",
		"<POSLog>",
		"<POSLog></POSLog",
		"<POSLog>" SALE("4", "17", "2026-11-22",
				TENDER("TenderType=\"Token\"", "44", "much")) "</POSLog>",
	};

	for (size_t i = 0; i < sizeof(logs) / sizeof(logs[0]); i++) {
		ck_assert_msg(read_log(logs[i], "token", NULL) == -EBADMSG, "%s",
			      logs[i]);
		ck_assert_uint_gt(s.faults_total, 0);
		settlement_free(&s);
	}
	ck_assert_int_eq(read_log(log_text, "", NULL), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(s.faults[0].what, "--tender"));
	settlement_free(&s);
}
END_TEST

static const struct {
	const char *text, *columns;
	uint32_t line;
	const char *what;
} wrong[] = {
	{ "", NULL, 1, "empty" },
	{ "\n\n", NULL, 3, "empty" },
	{ "ref,sum\nR,1\n", NULL, 1, "called amount" },
	{ "amount,x\n1,2\n", NULL, 1, "key, ref or ticket" },
	{ "ref,amount\nR,1.234\n", NULL, 2, "no amount: 1.234" },
	{ "ref,amount\nR,1\nS,one\n", NULL, 3, "no amount: one" },
	{ "ref,amount\nR\n", NULL, 2, "no amount" },
	{ "ref,amount\nR,99999999999999999999\n", NULL, 2, "no amount" },
	{ "ref,amount\n\"R,1\n", NULL, 2, "quote" },
	{ "ref,amount\nR,1\n", "price=amount", 1, "columns" },
	{ "ref,amount\nR,1\n", "amount", 1, "columns" },
	{ "ref,amount\nR,1\n", "amount=Gross", 1, "called amount" },
};

START_TEST(what_is_wrong_is_named_by_its_line)
{
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct settlement_options o = plain;

		o.columns = wrong[i].columns;
		ck_assert_msg(read_as(wrong[i].text, &o) == -EBADMSG, "%s",
			      wrong[i].text);
		ck_assert_uint_ge(s.faults_count, 1);
		ck_assert_msg(s.faults[0].line == wrong[i].line &&
				      strstr(s.faults[0].what, wrong[i].what) != NULL,
			      "%s: %u: %s", wrong[i].text, s.faults[0].line,
			      s.faults[0].what);
		settlement_free(&s);
	}
}
END_TEST

START_TEST(all_faults_are_counted_and_the_first_kept)
{
	char text[2048] = "ref,amount\n";

	for (int i = 0; i < 50; i++)
		strcat(text, "R,x\n");
	ck_assert_int_eq(read_as(text, &plain), -EBADMSG);
	ck_assert_uint_eq(s.faults_count, SETTLEMENT_FAULTS_MAX);
	ck_assert_uint_eq(s.faults_total, 50);
	settlement_free(&s);
}
END_TEST

/* Sixteen digits of a key pass the check of card numbers: it is a key all the same. */
START_TEST(a_key_that_looks_like_a_card_number_stays)
{
	struct key128 key;

	ck_assert_int_eq(key128_parse(STR("abcdef4111111111111111abcdefabcd"), &key), 0);
	ck_assert_int_eq(
		read_as("ticket,key,amount\n"
			"4111111111111111,abcdef4111111111111111abcdefabcd,1.00\n"
			"T2,4111111111111111,1.00\n",
			&plain),
		0);
	ck_assert_uint_eq(s.count, 2);
	ck_assert(key128_eq(s.rows[0].key, key));
	ck_assert(str_is(s.rows[0].ticket, "****************"));
	ck_assert(key128_is_zero(s.rows[1].key));
	ck_assert_ptr_null(strstr(s.rows[1].ticket.p, "4111111111111111"));
	settlement_free(&s);
}
END_TEST

START_TEST(card_numbers_do_not_get_through)
{
	char text[128], pan[KIT_PAN_BYTES];

	kit_pan(pan);
	(void)snprintf(text, sizeof(text), "ref,amount\n%s,1\n", pan);
	ck_assert_int_eq(read_as(text, &plain), 0);
	ck_assert(str_is(s.rows[0].ref, "****************"));
	settlement_free(&s);
}
END_TEST

UNIT_MAIN("settlement", columns_are_found_by_name_in_any_order,
	  other_names_and_types_are_told_by_options,
	  the_tenders_of_a_log_are_taken_by_type_or_id,
	  a_log_that_cannot_be_read_is_refused, decimals_are_those_of_the_currency,
	  what_is_wrong_is_named_by_its_line, all_faults_are_counted_and_the_first_kept,
	  a_key_that_looks_like_a_card_number_stays, card_numbers_do_not_get_through)
