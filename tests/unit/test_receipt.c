#include "unit.h"

#include "base/plain/money.h"
#include "core/receipt.h"
#include "core/returns.h"
#include "receipt_kit.h"

#include <errno.h>

/* The receipt code's codec: what is written comes back; what is not ours is refused. */
#define RANDOM_RECEIPTS 2000u

static uint64_t state = 7;

/* xorshift64* (Vigna): the same numbers on every machine. */
static uint64_t
rnd(uint64_t below)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * UINT64_C(2685821657736338717) % below;
}

static struct receipt_line lines[RECEIPT_LINES_MAX];
static struct receipt part;

static struct receipt_source
source_of(uint32_t count)
{
	struct receipt_source s = { .head = kit_receipt_head(),
				    .lines = lines,
				    .lines_count = count };

	kit_receipt_lines(lines, count);
	return s;
}

static bool
same_line(const struct receipt_line *a, const struct receipt_line *b)
{
	return a->line == b->line && a->vat_bp == b->vat_bp && a->parts == b->parts &&
	       a->measured == b->measured && a->net_minor == b->net_minor;
}

static void
assert_same_head(const struct receipt_head *a, const struct receipt_head *b)
{
	ck_assert_int_eq(memcmp(a->key_id, b->key_id, sizeof(a->key_id)), 0);
	ck_assert_int_eq(a->live, b->live);
	ck_assert(ulid_eq(a->checkout, b->checkout));
	ck_assert_int_eq(a->business_day, b->business_day);
	ck_assert_str_eq(a->currency, b->currency);
	ck_assert_str_eq(a->store, b->store);
	ck_assert_str_eq(a->lane, b->lane);
	ck_assert_int_eq(a->total_minor, b->total_minor);
	ck_assert_int_eq(a->tender, b->tender);
	ck_assert_int_eq(a->token_minor, b->token_minor);
	if (a->tender == RECEIPT_TENDER_KEY)
		ck_assert(key128_eq(a->key, b->key));
	if (a->tender == RECEIPT_TENDER_REF)
		ck_assert_str_eq(a->ref, b->ref);
}

/* Writes all parts, by way of the text, and reads them back. How many there were. */
static uint32_t
there_and_back(const struct receipt_source *s)
{
	struct receipt_writer w = { 0 };
	uint8_t payload[RECEIPT_PAYLOAD_MAX], back[RECEIPT_BYTES_MAX];
	char code[RECEIPT_CODE_BYTES];
	uint32_t at = 0, parts = 0;
	size_t n = 0, n_back;

	ck_assert_int_eq(receipt_parts(s, &w.parts), 0);
	for (;;) {
		ck_assert_int_eq(receipt_write(s, &w, payload, &n), 0);
		if (n == 0)
			break;
		parts++;
		receipt_text(code, payload, n);
		ck_assert_int_eq(receipt_parse(str_of(code), back, &n_back), 0);
		ck_assert_int_eq(n_back, n);
		ck_assert_int_eq(memcmp(back, payload, n), 0);
		ck_assert_int_eq(receipt_read(back, n, &part), 0);
		assert_same_head(&part.head, &s->head);
		ck_assert_int_eq(part.head.part, parts);
		ck_assert_int_eq(part.head.parts, w.parts);
		for (uint32_t i = 0; i < part.lines_count; i++)
			ck_assert(same_line(&part.lines[i], &s->lines[at++]));
	}
	ck_assert_int_eq(at, s->lines_count);
	ck_assert_int_eq(parts, w.parts);
	return parts;
}

START_TEST(a_receipt_comes_back_as_it_was)
{
	struct receipt_source s = source_of(3);

	lines[1] = (struct receipt_line){ 5, 900, true, 350, 70 };
	lines[2] = (struct receipt_line){ 6, 0, false, 2, -50 };
	ck_assert_int_eq(there_and_back(&s), 1);
	s.head.tender = RECEIPT_TENDER_REF;
	(void)snprintf(s.head.ref, sizeof(s.head.ref), "psp-77/A");
	s.head.live = true;
	s.head.business_day = 0;
	s.head.total_minor = -5;
	ck_assert_int_eq(there_and_back(&s), 1);
	s.head.tender = RECEIPT_TENDER_OUTSIDE;
	s.head.token_minor = 0;
	ck_assert_int_eq(there_and_back(&s), 1);
}
END_TEST

static void
random_source(struct receipt_source *s)
{
	uint32_t line = 0;

	for (uint32_t i = 0; i < s->lines_count; i++) {
		line += 1 + (rnd(4) == 0 ? (uint32_t)rnd(1000) : 0);
		lines[i].line = line;
		lines[i].vat_bp = rnd(3) == 0 ? (uint32_t)rnd(100001) : 900;
		lines[i].measured = rnd(4) == 0;
		lines[i].parts = 1 + (int64_t)rnd(rnd(9) == 0 ? RETURNS_PARTS_MAX : 9);
		lines[i].net_minor =
			(int64_t)rnd(rnd(9) == 0 ? MONEY_MINOR_MAX : 2000) - 100;
	}
	s->head.live = rnd(2) == 0;
	s->head.business_day = (int32_t)(2000 + rnd(1000)) * 10000 +
			       (int32_t)(1 + rnd(12)) * 100 + (int32_t)(1 + rnd(31));
	s->head.total_minor = (int64_t)rnd(2 * MONEY_MINOR_MAX) - MONEY_MINOR_MAX;
	s->head.token_minor = (int64_t)rnd(MONEY_MINOR_MAX);
}

START_TEST(any_receipt_comes_back_as_it_was)
{
	uint32_t most = 0;

	for (unsigned n = 0; n < RANDOM_RECEIPTS; n++) {
		struct receipt_source s = source_of(
			1 + (uint32_t)rnd(rnd(20) == 0 ? RECEIPT_LINES_MAX : 60));
		uint32_t parts;

		random_source(&s);
		parts = there_and_back(&s);
		most = parts > most ? parts : most;
	}
	ck_assert_uint_gt(most, 3);
}
END_TEST

START_TEST(an_everyday_basket_is_one_code_that_prints)
{
	struct receipt_source s = source_of(60);
	struct receipt_writer w = { .parts = 1 };
	uint8_t payload[RECEIPT_PAYLOAD_MAX];
	char code[RECEIPT_CODE_BYTES];
	size_t n = 0;

	for (uint32_t i = 0; i < 60; i++)
		lines[i].vat_bp = i % 2 == 0 ? 2200 : 900;
	ck_assert_int_eq(there_and_back(&s), 1);
	ck_assert_int_eq(receipt_write(&s, &w, payload, &n), 0);
	receipt_text(code, payload, n);
	/* Three bytes a line, 71 of head: with the signature 315 bytes, 507 characters. */
	ck_assert_uint_le(n, 71 + 3 * 60);
	ck_assert_uint_eq(
		strlen(code + RECEIPT_PREFIX_CHARS),
		strspn(code + RECEIPT_PREFIX_CHARS, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"));
	ck_assert_uint_eq(RECEIPT_CODE_CHARS_MAX, 899);
	/* QR version 20, correction M: 669 bytes of data; mode and count take 15 bits. */
	ck_assert_uint_le(RECEIPT_CODE_CHARS_MAX, (669 * 8 - 15) / 11 * 2);
}
END_TEST

START_TEST(the_longest_line_and_head_fit_one_part)
{
	struct receipt_source s = source_of(RECEIPT_LINES_MAX);

	memset(s.head.store, 'S', sizeof(s.head.store) - 1);
	memset(s.head.lane, 'L', sizeof(s.head.lane) - 1);
	memset(s.head.ref, 'R', sizeof(s.head.ref) - 1);
	s.head.tender = RECEIPT_TENDER_REF;
	s.head.token_minor = MONEY_MINOR_MAX;
	s.head.total_minor = -MONEY_MINOR_MAX;
	s.head.business_day = 29991231;
	for (uint32_t i = 0; i < RECEIPT_LINES_MAX; i++)
		lines[i] =
			(struct receipt_line){ UINT32_MAX - 2 * (RECEIPT_LINES_MAX - i),
					       100000 - i, true, RETURNS_PARTS_MAX,
					       -MONEY_MINOR_MAX };
	/* Not more than the 64 parts that there can be. */
	ck_assert_uint_le(there_and_back(&s), RECEIPT_PARTS_MAX);
}
END_TEST

START_TEST(what_is_out_of_range_is_not_written)
{
	for (int n = 0; n < 16; n++) {
		struct receipt_source s = source_of(2);
		uint32_t parts;

		switch (n) {
		case 0:
			s.lines_count = 0;
			break;
		case 1:
			s.lines_count = RECEIPT_LINES_MAX + 1;
			break;
		case 2:
			lines[1].line = 1;
			break;
		case 3:
			lines[0].vat_bp = 100001;
			break;
		case 4:
			lines[0].parts = 0;
			break;
		case 5:
			lines[0].parts = RETURNS_PARTS_MAX + 1;
			break;
		case 6:
			lines[1].net_minor = MONEY_MINOR_MAX + 1;
			break;
		case 7:
			s.head.currency[1] = 'u';
			break;
		case 8:
			s.head.store[0] = '\n';
			break;
		case 9:
			memset(s.head.lane, 'x', sizeof(s.head.lane));
			break;
		case 10:
			s.head.business_day = 20261300;
			break;
		case 11:
			s.head.business_day = 19991231;
			break;
		case 12:
			s.head.token_minor = -1;
			break;
		case 13:
			s.head.tender = RECEIPT_TENDER_REF;
			break;
		case 14:
			s.head.tender = RECEIPT_TENDER_OUTSIDE;
			break;
		default:
			s.head.total_minor = MONEY_MINOR_MAX + 1;
			break;
		}
		ck_assert_int_eq(receipt_parts(&s, &parts), -EINVAL);
	}
}
END_TEST

/* Every prefix, and every byte more, is refused: lengths are never trusted. */
START_TEST(every_truncated_payload_is_refused)
{
	struct receipt_source s = source_of(5);
	struct receipt_writer w = { .parts = 1 };
	uint8_t payload[RECEIPT_PAYLOAD_MAX];
	size_t n = 0;

	ck_assert_int_eq(receipt_write(&s, &w, payload, &n), 0);
	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(receipt_read(payload, i, &part), -EBADMSG);
	payload[n] = 0;
	ck_assert_int_eq(receipt_read(payload, n + 1, &part), -EBADMSG);
	payload[0] = 2;
	ck_assert_int_eq(receipt_read(payload, n, &part), -ENOTSUP);
	payload[0] = 0;
	ck_assert_int_eq(receipt_read(payload, n, &part), -EBADMSG);
}
END_TEST

/* What is read is written again byte by byte: there is one payload for one receipt. */
START_TEST(a_changed_payload_is_refused_or_another_receipt)
{
	struct receipt_source s = source_of(4);
	struct receipt_writer w = { .parts = 1 };
	uint8_t payload[RECEIPT_PAYLOAD_MAX], again[RECEIPT_PAYLOAD_MAX];
	size_t n = 0, n_again = 0;

	lines[2].measured = true;
	lines[2].parts = 1234;
	lines[3].vat_bp = 900;
	ck_assert_int_eq(receipt_write(&s, &w, payload, &n), 0);
	for (size_t bit = 0; bit < 8 * n; bit++) {
		struct receipt_source other = { .lines = part.lines };
		struct receipt_writer w2 = { 0 };

		payload[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (receipt_read(payload, n, &part) == 0) {
			other.head = part.head;
			other.lines_count = part.lines_count;
			w2.part = part.head.part - 1;
			w2.parts = part.head.parts;
			ck_assert_int_eq(receipt_write(&other, &w2, again, &n_again), 0);
			ck_assert_int_eq(n_again, n);
			ck_assert_int_eq(memcmp(again, payload, n), 0);
		}
		payload[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}
END_TEST

static const struct {
	const char *code;
	int rc;
} texts[] = {
	{ "", -EBADMSG },       { "LR1", -EBADMSG },     { "LR10", -EBADMSG },
	{ "LR100", 0 },         { "LR2000", -ENOTSUP },  { "LR9ABC", -ENOTSUP },
	{ "LR0000", -EBADMSG }, { "LRX000", -EBADMSG },  { "XR100", -EBADMSG },
	{ "lr100", -EBADMSG },  { "LR10o", -EBADMSG },   { "LR10O", -EBADMSG },
	{ "LR10I", -EBADMSG },  { "LR10L", -EBADMSG },   { "LR10U", -EBADMSG },
	{ "LR1 00", -EBADMSG }, { "LR100\n", -EBADMSG }, { "LR101", -EBADMSG },
	{ "LR1ZW", 0 },         { "LR1ZX", -EBADMSG },   { "LR1000", -EBADMSG },
	{ "LR10000", 0 },       { "LR1ABCDEFGH", 0 },
};

START_TEST(only_the_text_that_we_write_is_read)
{
	uint8_t data[RECEIPT_BYTES_MAX];
	char code[RECEIPT_CODE_BYTES];
	size_t n = 0;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		int rc = receipt_parse(str_of(texts[i].code), data, &n);

		ck_assert_msg(rc == texts[i].rc, "%s: %d", texts[i].code, rc);
		if (rc < 0)
			continue;
		receipt_text(code, data, n);
		ck_assert_str_eq(code, texts[i].code);
	}
}
END_TEST

START_TEST(a_code_that_is_too_long_is_refused)
{
	char code[RECEIPT_CODE_BYTES + 8];
	uint8_t data[RECEIPT_BYTES_MAX];
	size_t n = 0;

	memset(code, '0', sizeof(code));
	memcpy(code, RECEIPT_PREFIX, RECEIPT_PREFIX_CHARS);
	ck_assert_int_eq(
		receipt_parse((struct str){ code, RECEIPT_CODE_CHARS_MAX }, data, &n), 0);
	ck_assert_uint_eq(n, RECEIPT_BYTES_MAX);
	for (size_t more = 1; more < 8; more++)
		ck_assert_int_eq(
			receipt_parse((struct str){ code, RECEIPT_CODE_CHARS_MAX + more },
				      data, &n),
			-EBADMSG);
}
END_TEST

UNIT_MAIN("receipt", a_receipt_comes_back_as_it_was, any_receipt_comes_back_as_it_was,
	  an_everyday_basket_is_one_code_that_prints,
	  the_longest_line_and_head_fit_one_part, what_is_out_of_range_is_not_written,
	  every_truncated_payload_is_refused,
	  a_changed_payload_is_refused_or_another_receipt,
	  only_the_text_that_we_write_is_read, a_code_that_is_too_long_is_refused)
