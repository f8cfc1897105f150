/* The PAN guard of the adapter's host: each text that a plug-in may hand over, one by one. */
#include "adapter/guard.h"

#include "unit.h"

#include <stddef.h>

/* Made here: no such number stands in the source. */
static struct laned_str
pan(void)
{
	static char text[24];

	(void)snprintf(text, sizeof(text), "%s%s", "41111111", "11111111");
	return (struct laned_str){ text, 16 };
}

/* The same digits, not by Luhn's rule. */
static struct laned_str
harmless(void)
{
	static char text[24];

	(void)snprintf(text, sizeof(text), "%s%s", "41111111", "11111112");
	return (struct laned_str){ text, 16 };
}

START_TEST(a_text_is_a_card_number_wherever_it_stands_in_it)
{
	char text[40];

	ck_assert(guard_text(pan()));
	ck_assert(!guard_text(harmless()));
	ck_assert(!guard_text((struct laned_str){ NULL, 0 }));
	(void)snprintf(text, sizeof(text), "x %.16s y", pan().p);
	ck_assert(guard_text((struct laned_str){ text, strlen(text) }));
}
END_TEST

START_TEST(each_text_of_each_line_of_a_basket_is_looked_at)
{
	static const size_t texts[] = { offsetof(struct laned_line, text),
					offsetof(struct laned_line, category),
					offsetof(struct laned_line, brand),
					offsetof(struct laned_line, gtin),
					offsetof(struct laned_line, plu) };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		for (uint32_t at = 0; at < 3; at++) {
			struct laned_line lines[3];
			struct laned_basket b = { .size = sizeof(b),
						  .lines = lines,
						  .lines_count = 3 };
			struct laned_str s = harmless();

			memset(lines, 0, sizeof(lines));
			memcpy((char *)&lines[at] + texts[i], &s, sizeof(s));
			ck_assert(!guard_basket(&b));
			s = pan();
			memcpy((char *)&lines[at] + texts[i], &s, sizeof(s));
			ck_assert_msg(guard_basket(&b), "text %zu of line %u", i, at);
			b.lines_count = at;
			ck_assert(!guard_basket(&b)); /* and nothing behind the last */
		}
	}
}
END_TEST

/* An article's number of one digit is no reason to look past it. */
START_TEST(an_article_s_own_number_is_no_card)
{
	struct laned_line line;
	struct laned_basket b = { .size = sizeof(b), .lines = &line, .lines_count = 1 };

	memset(&line, 0, sizeof(line));
	line.gtin = (struct laned_str){ "4006381333931", 13 };
	line.plu = (struct laned_str){ "7", 1 };
	ck_assert(!guard_basket(&b));
}
END_TEST

START_TEST(an_event_s_text_and_blob_are_looked_at_as_far_as_the_plug_in_has_them)
{
	struct laned_event ev;

	memset(&ev, 0, sizeof(ev));
	ev.size = sizeof(ev);
	ck_assert(!guard_event(&ev));
	ev.text = pan();
	ck_assert(guard_event(&ev));
	ev.text = harmless();
	ev.blob = pan();
	ck_assert(guard_event(&ev));
	ev.size = offsetof(struct laned_event, blob) + sizeof(ev.blob);
	ck_assert(guard_event(&ev));
	ev.size = offsetof(struct laned_event, blob); /* it ends before */
	ck_assert(!guard_event(&ev));
	ev.size = sizeof(ev);
	ev.blob = (struct laned_str){ pan().p, LANED_BLOB_BYTES_MAX };
	ck_assert(!guard_event_size(&ev));
	ev.blob.n = LANED_BLOB_BYTES_MAX + 1;
	ck_assert(guard_event_size(&ev));
}
END_TEST

/* The answer itself goes on: an approval is not lost for what stands beside it. */
START_TEST(a_result_loses_the_text_that_holds_a_card_and_keeps_the_others)
{
	static const size_t texts[] = { offsetof(struct laned_result, auth),
					offsetof(struct laned_result, code),
					offsetof(struct laned_result, text) };

	for (size_t i = 0; i < 3; i++) {
		struct laned_result r;
		struct laned_str s = pan();

		memset(&r, 0, sizeof(r));
		r.auth = r.code = r.text = harmless();
		r.outcome = LANED_OUT_APPROVED;
		r.amount = 1234;
		ck_assert_uint_eq(guard_result(&r), 0);
		ck_assert_uint_eq(r.auth.n + r.code.n + r.text.n, 48);
		memcpy((char *)&r + texts[i], &s, sizeof(s));
		ck_assert_uint_eq(guard_result(&r), 1);
		memcpy(&s, (char *)&r + texts[i], sizeof(s));
		ck_assert_ptr_null(s.p);
		ck_assert_uint_eq(s.n, 0);
		ck_assert_uint_eq(r.auth.n + r.code.n + r.text.n, 32);
		ck_assert_uint_eq(r.outcome, LANED_OUT_APPROVED);
		ck_assert_int_eq(r.amount, 1234);
		r.auth = r.code = r.text = pan();
		ck_assert_uint_eq(guard_result(&r), 3);
	}
}
END_TEST

UNIT_MAIN("adapter_guard", a_text_is_a_card_number_wherever_it_stands_in_it,
	  each_text_of_each_line_of_a_basket_is_looked_at,
	  an_article_s_own_number_is_no_card,
	  an_event_s_text_and_blob_are_looked_at_as_far_as_the_plug_in_has_them,
	  a_result_loses_the_text_that_holds_a_card_and_keeps_the_others)
