#include "cards.h"
#include "unit.h"

#include "base/plain/pan.h"

#include <stdbool.h>

static bool
finds(const char *text)
{
	return pan_find(str_of(text), NULL, NULL);
}

START_TEST(luhn_takes_right_numbers_only)
{
	ck_assert(luhn_ok(STR("18")));
	ck_assert(luhn_ok(STR("00")));
	ck_assert(luhn_ok(STR("79927398713"))); /* the textbook example */
	ck_assert(!luhn_ok(STR("79927398710")));
	ck_assert(!luhn_ok(STR("17")));
	ck_assert(!luhn_ok(STR("0")));
	ck_assert(!luhn_ok(STR("")));
	ck_assert(!luhn_ok(STR("1 8")));
	ck_assert(!luhn_ok(STR("1a8")));
}
END_TEST

START_TEST(luhn_sees_every_single_wrong_digit)
{
	char digits[] = "79927398713";

	for (size_t i = 0; i < sizeof(digits) - 1; i++) {
		char right = digits[i];

		for (char c = '0'; c <= '9'; c++) {
			digits[i] = c;
			ck_assert(luhn_ok(str_of(digits)) == (c == right));
		}
		digits[i] = right;
	}
}
END_TEST

START_TEST(finds_published_numbers_however_written)
{
	static const char *const betweens[] = { "", " ", "-" };

	for (size_t card = 0; card < CARDS_PUBLISHED; card++) {
		for (size_t k = 0; k < 3; k++) {
			char pan[CARDS_TEXT_BYTES], text[2 * CARDS_TEXT_BYTES];
			size_t start = 0, end = 0;

			cards_text(pan, card, betweens[k]);
			ck_assert_msg(finds(pan), "card %zu", card);
			(void)snprintf(text, sizeof(text), "paid by %s, thanks", pan);
			ck_assert(pan_find(str_of(text), &start, &end));
			ck_assert_uint_eq(start, 8);
			ck_assert_uint_eq(end, 8 + strlen(pan));
		}
	}
}
END_TEST

START_TEST(a_number_beside_others_is_found_all_the_same)
{
	static const char *const shapes[] = {
		"%s 12/28", "%s 12 28",  "1 %s",       "lane 7 %s 3", "x%sx",
		"\"%s\"",   "a=%s;b=12", "00-%s-00",   "2026 %s",     "12 %s 345 6",
		"\t%s\n",   "  %s",      "3 2 1 %s 1",
	};

	for (size_t card = 0; card < CARDS_PUBLISHED; card++) {
		for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
			char pan[CARDS_TEXT_BYTES], text[2 * CARDS_TEXT_BYTES];
			const char *at = strstr(shapes[i], "%s");

			cards_text(pan, card, " ");
			(void)snprintf(text, sizeof(text), "%.*s%s%s",
				       (int)(at - shapes[i]), shapes[i], pan, at + 2);
			ck_assert_msg(finds(text), "card %zu shape %zu", card, i);
			(void)pan_mask(text, strlen(text));
			ck_assert_msg(strstr(text, pan) == NULL, "card %zu shape %zu",
				      card, i);
		}
	}
}
END_TEST

START_TEST(a_wrong_check_digit_is_no_card)
{
	for (size_t card = 0; card < CARDS_PUBLISHED; card++) {
		char pan[CARDS_TEXT_BYTES];
		size_t n;

		cards_text(pan, card, "");
		n = strlen(pan);
		pan[n - 1] = pan[n - 1] == '9' ? '0' : (char)(pan[n - 1] + 1);
		ck_assert_msg(!finds(pan), "card %zu", card);
	}
}
END_TEST

/* A number of n digits that begins with first and passes Luhn. */
static void
make_number(char buf[32], const char *first, size_t n)
{
	size_t used = strlen(first);

	memcpy(buf, first, used);
	memset(buf + used, '0', n - used);
	buf[n] = '\0';
	for (buf[n - 1] = '0'; !luhn_ok(str_of(buf)); buf[n - 1]++)
		ck_assert_int_lt(buf[n - 1], '9');
}

/* By the first digits: the lengths at which a number is a card's, as a set of bits. */
#define L(n) (1u << (n))
#define L16_19 (L(16) | L(17) | L(18) | L(19))
/* Each brand's first digits at both ends, and what lies just outside them. */
static const struct {
	const char *first;
	unsigned lengths;
} ranges[] = {
	{ "30", L(14) },    { "36", L(14) },    { "38", L(14) },    { "39", 0 },
	{ "31", 0 },        { "33", 0 },        { "34", L(15) },    { "37", L(15) },
	{ "35", L(16) },    { "4", L16_19 },    { "50", L16_19 },   { "51", L(16) },
	{ "55", L(16) },    { "56", L16_19 },   { "60", L16_19 },   { "62", L16_19 },
	{ "69", L16_19 },   { "2220", 0 },      { "2221", L(16) },  { "2720", L(16) },
	{ "2721", 0 },      { "81", L(16) },    { "80", 0 },        { "82", 0 },
	{ "7", 0 },         { "9", 0 },         { "1", 0 },         { "0", 0 },
	{ "300", L(14) },   { "305", L(14) },   { "309", L(14) },   { "32", 0 },
	{ "340", L(15) },   { "349", L(15) },   { "370", L(15) },   { "379", L(15) },
	{ "3528", L(16) },  { "3589", L(16) },  { "3600", L(14) },  { "3799", L(15) },
	{ "2300", L(16) },  { "2699", L(16) },  { "2199", 0 },      { "2800", 0 },
	{ "5018", L16_19 }, { "5099", L16_19 }, { "5100", L(16) },  { "5599", L(16) },
	{ "5600", L16_19 }, { "6304", L16_19 }, { "6759", L16_19 }, { "6011", L16_19 },
	{ "644", L16_19 },  { "659", L16_19 },  { "6999", L16_19 }, { "7000", 0 },
	{ "8100", L(16) },  { "8199", L(16) },  { "8099", 0 },      { "8200", 0 },
	{ "4999", L16_19 }, { "3999", 0 },
};

START_TEST(ranges_and_lengths_are_those_of_payment_cards)
{
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		for (size_t n = 12; n <= 22; n++) {
			char number[32];

			make_number(number, ranges[i].first, n);
			ck_assert_msg(finds(number) == ((ranges[i].lengths & L(n)) != 0),
				      "%s, %zu digits", ranges[i].first, n);
		}
	}
}
END_TEST

/* number in groups of size digits with between between them. */
static void
group_number(char *buf, const char *number, size_t size, char between)
{
	size_t n = 0;

	for (size_t i = 0; number[i] != '\0'; i++) {
		if (i > 0 && i % size == 0)
			buf[n++] = between;
		buf[n++] = number[i];
	}
	buf[n] = '\0';
}

START_TEST(every_brand_is_found_in_groups_of_any_size)
{
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		for (size_t n = 14; n <= 19; n++) {
			char number[32], text[2 * sizeof(number)];

			make_number(number, ranges[i].first, n);
			for (size_t size = 1; size <= n; size++) {
				bool card = (ranges[i].lengths & L(n)) != 0;

				group_number(text, number, size, ' ');
				/* A part of a number that is no card may be one, so only these. */
				ck_assert_msg(!card || finds(text), "%s", text);
				group_number(text, number, size, '-');
				ck_assert_msg(!card || finds(text), "%s", text);
				(void)pan_mask(text, strlen(text));
				ck_assert_msg(!card ||
						      strpbrk(text, "0123456789") == NULL,
					      "%s", text);
			}
		}
	}
}
END_TEST

START_TEST(other_separators_end_a_run)
{
	static const char *const betweens[] = { "  ", "--", " -", ".",  ",",
						"/",  "\t", "x",  "\n", "_" };

	for (size_t i = 0; i < sizeof(betweens) / sizeof(betweens[0]); i++) {
		char pan[CARDS_TEXT_BYTES];

		cards_text(pan, 0, betweens[i]);
		ck_assert_msg(!finds(pan), "between %zu", i);
	}
}
END_TEST

START_TEST(everyday_numbers_are_no_cards)
{
	static const char *const texts[] = {
		"",
		"4",
		"5901234123457 EAN-13",
		"2026-11-21",
		"2026-11-21T20:15:03.123Z",
		"12.05",
		"tel 555-0100",
		"1469922850259",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		ck_assert_msg(!finds(texts[i]), "%s", texts[i]);
	ck_assert(!pan_find((struct str){ NULL, 0 }, NULL, NULL));
}
END_TEST

START_TEST(only_what_may_be_a_gtin_is_no_card_as_an_article)
{
	static const struct {
		const char *number;
		bool found;
	} articles[] = {
		{ "30569309025904", false }, /* 14 digits: a GTIN-14 as well */
		{ "378282246310005", true },
		{ "4111111111111111", true },
		{ "6304000000000000", true },
		{ "4111-1111-1111-1111", true },
		{ "PLU 4111111111111111", true },
		{ "4111111111111112", false }, /* a wrong check digit */
	};

	for (size_t i = 0; i < sizeof(articles) / sizeof(articles[0]); i++)
		ck_assert_msg(pan_find_article(str_of(articles[i].number)) ==
				      articles[i].found,
			      "%s", articles[i].number);
}
END_TEST

START_TEST(masking_takes_every_card_and_only_its_digits)
{
	char a[CARDS_TEXT_BYTES], b[CARDS_TEXT_BYTES], text[4 * CARDS_TEXT_BYTES];

	cards_text(a, 0, "-");
	cards_text(b, 7, " ");
	(void)snprintf(text, sizeof(text), "no 12: %s; and %s!", a, b);
	ck_assert_uint_eq(pan_mask(text, strlen(text)), 2);
	ck_assert_str_eq(text, "no 12: ****-****-****-****; and **** ****** *****!");
	ck_assert_uint_eq(pan_mask(text, strlen(text)), 0);
}
END_TEST

START_TEST(masking_leaves_bytes_behind_its_length_alone)
{
	char text[CARDS_TEXT_BYTES];

	cards_text(text, 0, "");
	ck_assert_uint_eq(pan_mask(text, 15), 0);
	ck_assert_uint_eq(pan_mask(text, 16), 1);
	ck_assert_str_eq(text, "****************");
}
END_TEST

UNIT_MAIN("pan", luhn_takes_right_numbers_only, luhn_sees_every_single_wrong_digit,
	  finds_published_numbers_however_written,
	  a_number_beside_others_is_found_all_the_same, a_wrong_check_digit_is_no_card,
	  ranges_and_lengths_are_those_of_payment_cards,
	  every_brand_is_found_in_groups_of_any_size, other_separators_end_a_run,
	  everyday_numbers_are_no_cards, only_what_may_be_a_gtin_is_no_card_as_an_article,
	  masking_takes_every_card_and_only_its_digits,
	  masking_leaves_bytes_behind_its_length_alone)
