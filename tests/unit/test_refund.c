#include "unit.h"

#include "lane/refund.h"
#include "receipt_kit.h"

#include <errno.h>

/* A return while it is worked out: which parts of which lines, and what they refund. */
static struct refund refund;
static struct receipt receipt;
static char why[REFUND_WHY_BYTES];

/* Line 1: 3 units for 5.00; line 2: 350 g for 0.70; line 3: a bottle, -0.25; line 4: one for 0. */
static void
begin(void)
{
	static const struct receipt_line lines[] = {
		{ 1, 2200, false, 3, 500 },
		{ 2, 900, true, 350, 70 },
		{ 3, 0, false, 1, -25 },
		{ 4, 900, false, 1, 0 },
	};

	memset(&refund, 0, sizeof(refund));
	memset(&receipt, 0, sizeof(receipt));
	receipt.head = kit_receipt_head();
	receipt.head.part = receipt.head.parts = 1;
	memcpy(receipt.lines, lines, sizeof(lines));
	receipt.lines_count = 4;
	why[0] = '\0';
}

static void
begin_one(void)
{
	begin();
	ck_assert_int_eq(refund_add(&refund, &receipt), 0);
}

static void
returned(uint32_t line, int64_t parts, int64_t minor)
{
	struct journal_returned r = { .line = line,
				      .parts = parts,
				      .refund_minor = minor,
				      .last_wall_ms = INT64_C(1700000000000),
				      .last = { { 1 } } };

	ck_assert_int_eq(refund_returned(&refund, &r), 0);
}

START_TEST(units_are_refunded_by_their_share)
{
	begin_one();
	ck_assert_int_eq(refund_take(&refund, 1, 1, why), 0);
	ck_assert_int_eq(refund.refund_minor, 167);
	ck_assert_int_eq(refund_take(&refund, 1, 1, why),
			 0); /* named twice: two of them */
	ck_assert_int_eq(refund.lines[0].take, 2);
	ck_assert_int_eq(refund.refund_minor, 333);
	ck_assert_int_eq(refund_take(&refund, 2, 100, why), 0);
	ck_assert_int_eq(refund.refund_minor, 333 + 20);
	ck_assert_int_eq(refund_take(&refund, 1, 0, why), 0); /* the rest */
	ck_assert_int_eq(refund.lines[0].take, 3);
	ck_assert_int_eq(refund.refund_minor, 500 + 20);
	ck_assert_int_eq(refund_take(&refund, 4, 0, why), 0); /* for nothing, and taken */
	ck_assert_int_eq(refund.refund_minor, 500 + 20);
}
END_TEST

START_TEST(all_takes_what_is_left)
{
	begin_one();
	returned(1, 2, 333);
	returned(77, 1, 1); /* of a part that is not here */
	ck_assert_int_eq(refund_take_all(&refund, why), 0);
	ck_assert_int_eq(refund.lines[0].take, 1);
	ck_assert_int_eq(refund.lines[0].refund_minor, 167);
	ck_assert_int_eq(refund.lines[2].take, 0); /* the bottle */
	ck_assert_int_eq(refund.refund_minor, 167 + 70);
}
END_TEST

/* A POS that books a voucher as a line below zero: never more than was paid. */
START_TEST(no_more_is_refunded_than_was_paid)
{
	begin();
	receipt.head.total_minor = 200;
	ck_assert_int_eq(refund_add(&refund, &receipt), 0);
	ck_assert_int_eq(refund_take(&refund, 1, 1, why), 0);
	ck_assert_int_eq(refund_take(&refund, 1, 1, why), -EPERM);
	ck_assert_msg(strstr(why, "paid 200 in all") != NULL, "%s", why);
	ck_assert_int_eq(refund.refund_minor, 167);
	ck_assert_int_eq(refund.lines[0].take, 1);
	begin();
	receipt.head.total_minor = 200;
	ck_assert_int_eq(refund_add(&refund, &receipt), 0);
	returned(77, 1, 150); /* of a part that is not here */
	ck_assert_int_eq(refund_take(&refund, 1, 1, why), -EPERM);
}
END_TEST

static const struct {
	uint32_t line;
	int64_t parts;
	int rc;
	const char *what;
} refusals[] = {
	{ 1, 4, -EALREADY, "line 1 has 3 units" },
	{ 2, 351, -EALREADY, "line 2 has 350 thousandths" },
	{ 1, INT64_MAX, -EALREADY, "line 1 has 3 units" },
	{ 1, -1, -EALREADY, "line 1 has 3 units" },
	{ 3, 0, -EPERM, "gave money back" },
	{ 9, 0, -ENOENT, "has no line 9" },
};

START_TEST(what_cannot_be_is_refused_by_name)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		begin_one();
		ck_assert_int_eq(
			refund_take(&refund, refusals[i].line, refusals[i].parts, why),
			refusals[i].rc);
		ck_assert_msg(strstr(why, refusals[i].what) != NULL, "%s", why);
		ck_assert_int_eq(refund.refund_minor, 0);
	}
}
END_TEST

START_TEST(what_was_returned_is_refused_with_its_time)
{
	begin_one();
	returned(1, 2, 333);
	ck_assert_int_eq(refund_take(&refund, 1, 2, why), -EALREADY);
	ck_assert_str_eq(why, "line 1: of 3 units 2 were returned, the last at "
			      "2023-11-14T22:13:20.000Z (return "
			      "0100000000000000000000000"
			      "0)");
	returned(1, 3, 500);
	ck_assert_int_eq(refund_take(&refund, 1, 0, why), -EALREADY);
	ck_assert_ptr_nonnull(strstr(why, "line 1 was returned already"));
	returned(2, 350, 70);
	returned(4, 1, 0);
	ck_assert_int_eq(refund_take_all(&refund, why), -EALREADY);
	ck_assert_ptr_nonnull(strstr(why, "returned already"));
	ck_assert_int_eq(refund.refund_minor, 0);
}
END_TEST

START_TEST(parts_of_one_receipt_come_together)
{
	struct receipt second;

	begin();
	receipt.head.parts = 2;
	second = receipt;
	second.head.part = 2;
	second.lines[0].line = 10;
	second.lines_count = 1;
	ck_assert_int_eq(refund_add(&refund, &second), 0);
	ck_assert_int_eq(refund_take(&refund, 1, 1, why), -ENOENT);
	ck_assert_ptr_nonnull(strstr(why, "has 2 codes"));
	ck_assert_int_eq(refund_add(&refund, &second), -EEXIST);
	ck_assert_int_eq(refund_add(&refund, &receipt), 0);
	ck_assert_uint_eq(refund.lines_count, 5);
	ck_assert_uint_eq(refund.lines[4].sold.line, 10); /* in order */
	ck_assert_int_eq(refund_take_all(&refund, why), 0);
	ck_assert_int_eq(refund.refund_minor, 500 + 70 + 500);
}
END_TEST

START_TEST(parts_of_different_receipts_do_not_mix)
{
	struct receipt other;

	for (int n = 0; n < 6; n++) {
		begin();
		receipt.head.parts = 2;
		ck_assert_int_eq(refund_add(&refund, &receipt), 0);
		other = receipt;
		other.head.part = 2;
		other.lines[0].line = 10;
		other.lines_count = 1;
		if (n == 0)
			other.head.checkout.b[15] ^= 1;
		else if (n == 1)
			other.head.parts = 3;
		else if (n == 2)
			other.head.key_id[0] ^= 1;
		else if (n == 3)
			other.head.total_minor++;
		else if (n == 4)
			other.head.currency[0] = 'U';
		else
			other.lines[0].line = 2; /* a line in both of them */
		ck_assert_int_eq(refund_add(&refund, &other), n < 5 ? -EXDEV : -EEXIST);
		ck_assert_uint_eq(refund.lines_count, 4);
	}
}
END_TEST

UNIT_MAIN("refund", units_are_refunded_by_their_share, all_takes_what_is_left,
	  no_more_is_refunded_than_was_paid, what_cannot_be_is_refused_by_name,
	  what_was_returned_is_refused_with_its_time, parts_of_one_receipt_come_together,
	  parts_of_different_receipts_do_not_mix)
