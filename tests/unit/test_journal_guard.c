/* The PAN guard of the journal: each text of a payment and of a basket, one by one. */
#include "lane/journal_private.h"

#include "unit.h"

#include <errno.h>
#include <stddef.h>

/* Made here: no such number stands in the source. */
static void
make_pan(char pan[17])
{
	(void)snprintf(pan, 17, "%s%s", "41111111", "11111111");
}

START_TEST(no_text_of_a_payment_may_be_a_card_number)
{
	static const size_t texts[] = { offsetof(struct payment, ticket),
					offsetof(struct payment, ref),
					offsetof(struct payment, auth),
					offsetof(struct payment, original_ref),
					offsetof(struct payment, pos_ref) };
	static struct payment p;
	char pan[17];

	make_pan(pan);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		memset(&p, 0, sizeof(p));
		ck_assert_int_eq(journal_guard_payment(&p), 0);
		memcpy((char *)&p + texts[i], pan, sizeof(pan));
		ck_assert_msg(journal_guard_payment(&p) == -EPERM, "text %zu", i);
		((char *)&p)[texts[i] + 15] = '2'; /* no check digit */
		ck_assert_int_eq(journal_guard_payment(&p), 0);
	}
}
END_TEST

START_TEST(neither_blob_of_a_payment_may_hold_one)
{
	static struct payment p;
	char pan[17];

	make_pan(pan);
	for (int pos = 0; pos < 2; pos++) {
		uint8_t *blob;

		memset(&p, 0, sizeof(p));
		blob = pos ? p.pos_blob : p.blob;
		memcpy(blob + PAYMENT_BLOB_BYTES_MAX - 16, pan, 16);
		*(pos ? &p.pos_blob_bytes : &p.blob_bytes) = PAYMENT_BLOB_BYTES_MAX;
		ck_assert_int_eq(journal_guard_payment(&p), -EPERM);
		/* As far as it is told, and no further. */
		*(pos ? &p.pos_blob_bytes : &p.blob_bytes) = PAYMENT_BLOB_BYTES_MAX - 1;
		ck_assert_int_eq(journal_guard_payment(&p), 0);
	}
}
END_TEST

START_TEST(no_text_of_a_basket_may_be_a_card_number)
{
	static const size_t texts[] = { offsetof(struct basket_line, text),
					offsetof(struct basket_line, category),
					offsetof(struct basket_line, brand),
					offsetof(struct basket_line, code) };
	char pan[17];

	make_pan(pan);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct basket_line lines[2];
		struct checkout_record r;

		memset(&r, 0, sizeof(r));
		memset(lines, 0, sizeof(lines));
		r.lines = lines;
		r.lines_count = 2;
		r.basket_changed = true;
		ck_assert_int_eq(journal_guard_checkout(&r), 0);
		memcpy((char *)&lines[1] + texts[i], pan, sizeof(pan));
		ck_assert_msg(journal_guard_checkout(&r) == -EPERM, "text %zu", i);
		r.basket_changed = false; /* then they are not written */
		ck_assert_int_eq(journal_guard_checkout(&r), 0);
		memcpy(r.ticket, pan, sizeof(pan));
		ck_assert_int_eq(journal_guard_checkout(&r), -EPERM);
	}
}
END_TEST

UNIT_MAIN("journal_guard", no_text_of_a_payment_may_be_a_card_number,
	  neither_blob_of_a_payment_may_hold_one,
	  no_text_of_a_basket_may_be_a_card_number)
