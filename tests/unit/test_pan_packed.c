/* The PAN guard on packed digits: what a protocol writes is found, chance and texts are not. */
#include "cards.h"
#include "unit.h"

#include "base/plain/pan.h"

#include <stdbool.h>

#define MESSAGE_BYTES 128u
#define DIGITS_MAX 19u

struct message {
	uint8_t bytes[MESSAGE_BYTES];
	size_t n;
};

static void
put(struct message *m, const char *hex)
{
	for (; hex[0] != '\0'; hex += 2) {
		unsigned byte;

		ck_assert_int_eq(sscanf(hex, "%2x", &byte), 1);
		ck_assert_uint_lt(m->n, MESSAGE_BYTES);
		m->bytes[m->n++] = (uint8_t)byte;
	}
}

/* A card number as digits, in an even count: with F behind, or with 0 before. */
static void
put_card(struct message *m, const char *card, bool zero_before)
{
	char hex[DIGITS_MAX + 2];

	(void)snprintf(hex, sizeof(hex), "%s%s%s",
		       strlen(card) % 2 == 1 && zero_before ? "0" : "", card,
		       strlen(card) % 2 == 1 && !zero_before ? "f" : "");
	put(m, hex);
}

static bool
finds(const struct message *m)
{
	const struct str s = { (const char *)m->bytes, m->n };

	ck_assert(pan_find_blob(s) == (pan_find(s, NULL, NULL) || pan_find_packed(s)));
	return pan_find_packed(s);
}

/* ---- how protocols write a card number ----------------------------------------------------- */

/* A count of two digits, packed; or in binary. */
static void
put_packed_count(struct message *m, size_t n)
{
	m->bytes[m->n++] = (uint8_t)(n / 10 << 4 | n % 10);
}

static void
put_binary_count(struct message *m, size_t n)
{
	m->bytes[m->n++] = (uint8_t)n;
}

/* ISO 8583: type, bit map, field 2 with its count of digits, then fields 3, 4, 7 and 11. */
static void
iso8583(struct message *m, const char *card)
{
	put(m, "02007238000000c00000");
	put_packed_count(m, strlen(card));
	put_card(m, card, false);
	put(m, "000000000000001299112210450000123431313131");
}

static void
iso8583_zero_before(struct message *m, const char *card)
{
	put(m, "02007238000000c00000");
	put_packed_count(m, strlen(card));
	put_card(m, card, true);
	put(m, "000000000000001299112210450000123431313131");
}

/* The same with a second map, its type in letters and its count in binary. */
static void
binary_count(struct message *m, const char *card)
{
	put(m, "30323030f238000000c000000000000000000001");
	put_binary_count(m, strlen(card));
	put_card(m, card, false);
	put(m, "000000000000001299112210450000123400");
}

/* Field 35, or BMP 23 of ZVT: track 2. */
static void
track2(struct message *m, const char *card)
{
	char hex[64];

	put(m, "0623f1f9");
	(void)snprintf(hex, sizeof(hex), "%sd2512101123400001", card);
	(void)snprintf(hex + strlen(hex), 2, "%s", strlen(hex) % 2 == 1 ? "f" : "");
	put(m, hex);
	put(m, "8a00");
}

/* EMV's application PAN among other tags, in 8 to 10 bytes. */
static void
emv(struct message *m, const char *card)
{
	put(m, "9f260811223344556677889f36020012");
	put(m, "5a");
	put_binary_count(m, (strlen(card) + 1) / 2);
	put_card(m, card, false);
	put(m, "5f3401019f3704aabbccdd");
}

/* BMP 22 of ZVT. */
static void
zvt(struct message *m, const char *card)
{
	put(m, "060f2a270004000000001299490978"
	       "22");
	put(m, strlen(card) > 18 ? "f1f0" : "f0f0");
	m->bytes[m->n - 1] |= (uint8_t)((strlen(card) + 1) / 2 % 10);
	put_card(m, card, false);
	put(m, "0e25128a0219");
}

/* A field of ten bytes, filled up, among what is random. */
static void
filled(struct message *m, const char *card)
{
	size_t begin;

	put(m, "8f3ae1c2d4b59a7760fe21");
	begin = m->n;
	put_card(m, card, false);
	while (m->n < begin + 10)
		put(m, "ff");
	put(m, "c05e9b7af1d3428e6b");
}

/* Somebody's own: a count of bytes, the number, nothing else. */
static void
counted(struct message *m, const char *card)
{
	put_binary_count(m, (strlen(card) + 1) / 2);
	put_card(m, card, false);
}

static void
alone(struct message *m, const char *card)
{
	put_card(m, card, false);
}

/* In a struct of somebody's own, between what are no digits. */
static void
among_bytes(struct message *m, const char *card)
{
	put(m, "00010000002a0000000b");
	put_card(m, card, false);
	put(m, "fe0000000000000000000000000000010000");
}

static const struct {
	const char *name;
	void (*write)(struct message *m, const char *card);
	size_t digits_max; /* longer ones are not what it is about */
	bool bare;         /* nothing tells it from letters */
} forms[] = {
	{ "ISO 8583", iso8583, 19, false },
	{ "ISO 8583, 0 before", iso8583_zero_before, 19, false },
	{ "a binary count", binary_count, 19, false },
	{ "track 2", track2, 19, false },
	{ "EMV", emv, 19, false },
	{ "ZVT", zvt, 19, false },
	{ "filled up", filled, 16, false },
	{ "counted", counted, 19, true },
	{ "alone", alone, 19, true },
	{ "among bytes", among_bytes, 19, true },
};
#define FORMS (sizeof(forms) / sizeof(forms[0]))

/* Two digits a byte are letters, of these: eight of them say nothing about what they are. */
static bool
reads_as_text(const char *card)
{
	if (strlen(card) % 2 == 1)
		return false;
	for (size_t i = 0; card[i] != '\0'; i += 2)
		if (card[i] < '2' || card[i] > '7')
			return false;
	return true;
}

static void
try_forms(const char *card, bool right)
{
	for (size_t i = 0; i < FORMS; i++) {
		struct message m = { .n = 0 };
		bool want = right && !(forms[i].bare && reads_as_text(card));

		if (strlen(card) > forms[i].digits_max)
			continue;
		forms[i].write(&m, card);
		ck_assert_msg(finds(&m) == want, "%s, %zu digits from %.4s",
			      forms[i].name, strlen(card), card);
	}
}

START_TEST(published_numbers_are_found_as_protocols_write_them)
{
	for (size_t i = 0; i < CARDS_PUBLISHED; i++) {
		char card[CARDS_TEXT_BYTES];

		cards_text(card, i, "");
		try_forms(card, true);
	}
}
END_TEST

START_TEST(numbers_of_every_length_are_found)
{
	static const char *const firsts[] = { "36", "34", "52", "40", "62", "69" };
	static const size_t lengths[] = { 14, 15, 16, 17, 18, 19 };

	for (size_t i = 0; i < 6; i++) {
		char card[DIGITS_MAX + 1] = "";
		size_t n = lengths[i];

		memset(card, '0', n);
		memcpy(card, firsts[i], 2);
		for (card[n - 1] = '0'; !luhn_ok(str_of(card)); card[n - 1]++)
			ck_assert_int_lt(card[n - 1], '9');
		ck_assert(pan_is_card(str_of(card)));
		try_forms(card, true);
	}
}
END_TEST

/* A shorter one that ends where this one does: nobody can tell which of the two is meant. */
static bool
ends_with_a_card(const char *card)
{
	for (size_t i = 1; card[i] != '\0'; i++)
		if ((i % 2 == 0 || card[i - 1] == '0') && pan_is_card(str_of(card + i)))
			return true;
	return false;
}

START_TEST(a_wrong_check_digit_is_no_card)
{
	for (size_t i = 0; i < CARDS_PUBLISHED; i++) {
		char card[CARDS_TEXT_BYTES], *last;

		cards_text(card, i, "");
		last = card + strlen(card) - 1;
		*last = *last == '9' ? '0' : (char)(*last + 1);
		if (!ends_with_a_card(card))
			try_forms(card, false);
	}
}
END_TEST

START_TEST(masked_numbers_are_none)
{
	struct message m = { .n = 0 };

	put(&m, "060f2a22f0f84111eeeeeeee11110e2512"); /* ZVT masks by E */
	ck_assert(!finds(&m));
}
END_TEST

/* ---- what is none ------------------------------------------------------------------------- */

static uint64_t
draw(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed * UINT64_C(0x2545f4914f6cdd1d);
}

static void
fill(uint8_t *buf, size_t n, uint64_t *seed)
{
	for (size_t i = 0; i < n; i++)
		buf[i] = (uint8_t)(draw(seed) >> 32);
}

/* Ciphertexts, keys, hashes: in ten thousand of them hardly one may be refused. */
static const struct {
	size_t bytes, rounds, most;
} lots[] = {
	{ 8, 400000, 40 }, { 10, 400000, 40 }, { 16, 200000, 20 }, { 32, 100000, 10 },
	{ 64, 50000, 5 },  { 256, 20000, 2 },  { 1024, 8000, 1 },  { 4096, 4000, 1 },
};

START_TEST(random_bytes_are_hardly_ever_a_number)
{
	static uint8_t buf[4096];
	uint64_t seed = 88172645463325252u;
	size_t found = 0;

	for (size_t i = 0; i < lots[_i].rounds; i++) {
		fill(buf, lots[_i].bytes, &seed);
		found += pan_find_packed((struct str){ (char *)buf, lots[_i].bytes });
	}
	ck_assert_msg(found <= lots[_i].most, "%zu of %zu blobs of %zu bytes", found,
		      lots[_i].rounds, lots[_i].bytes);
}
END_TEST

/* Two packed digits are a letter, too: texts are full of what would pass, a tenth of it Luhn. */
START_TEST(texts_are_none)
{
	static const char alphabet[] =
		"ABCDEFGHIPQRSTUVWXYZabcdefghi0123456789+/ {}\":,\t\n\r";
	char text[512];
	uint64_t seed = 1;

	for (int round = 0; round < 4000; round++) {
		for (size_t i = 0; i < sizeof(text); i++)
			text[i] = alphabet[draw(&seed) % (sizeof(alphabet) - 1)];
		ck_assert(!pan_find_packed((struct str){ text, sizeof(text) }));
	}
	ck_assert(!pan_find_packed(STR("\xc3\x84"
				       "TTTTTTTT"
				       "\xc3\x84")));
}
END_TEST

/* Fields of letters and digits between binary ones, each behind its length in bytes. */
START_TEST(letters_in_binary_messages_are_hardly_ever_one)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ";
	uint64_t seed = 2;
	unsigned found = 0;

	for (int round = 0; round < 20000; round++) {
		struct message m = { .n = 0 };

		put(&m, "02003238000000c00000"); /* no field 2 */
		for (int field = 0; field < 3; field++) {
			size_t n = 8 + draw(&seed) % 12;

			/* As they are written: in packed digits, and in binary. */
			if (field == 1)
				put_binary_count(&m, n);
			else
				put_packed_count(&m, n);
			for (size_t i = 0; i < n; i++)
				m.bytes[m.n++] = (uint8_t)
					alphabet[draw(&seed) % (sizeof(alphabet) - 1)];
		}
		put(&m, "00");
		found += finds(&m);
	}
	ck_assert_msg(found <= 2, "%u of 20000", found);
}
END_TEST

/* What an adapter keeps of a payment: amounts, times, traces, terminal numbers in packed digits. */
START_TEST(packed_fields_of_a_payment_are_none)
{
	uint64_t seed = 3;

	for (int round = 0; round < 20000; round++) {
		struct message m = { .n = 0 };
		char hex[64];

		put(&m, "020072200000008000");
		(void)snprintf(hex, sizeof(hex), "000000%012u", /* 3, 4 */
			       (unsigned)(draw(&seed) % 1000000));
		put(&m, hex);
		(void)snprintf(hex, sizeof(hex), "%02u%02u%02u%02u%02u%06u", /* 7, 11 */
			       (unsigned)(draw(&seed) % 12 + 1),
			       (unsigned)(draw(&seed) % 28 + 1),
			       (unsigned)(draw(&seed) % 24), (unsigned)(draw(&seed) % 60),
			       (unsigned)(draw(&seed) % 60),
			       (unsigned)(draw(&seed) % 1000000));
		put(&m, hex);
		(void)snprintf(hex, sizeof(hex), "29%08u", /* a terminal, of ZVT */
			       (unsigned)(draw(&seed) % 100000000));
		put(&m, hex);
		ck_assert_msg(!finds(&m), "round %d", round);
	}
}
END_TEST

/* Commands, tags and amounts in packed digits begin with 0: one in ten passes Luhn from behind it. */
START_TEST(messages_of_zvt_without_a_card_are_none)
{
	uint64_t seed = 4;

	for (int round = 0; round < 8000; round++) {
		struct message m = { .n = 0 };
		unsigned amount = (unsigned)(draw(&seed) % 100000);
		unsigned trace = (unsigned)(draw(&seed) % 1000000);
		unsigned receipt = (unsigned)(draw(&seed) % 10000);
		char hex[128];

		if (round % 4 == 0) /* authorisation: the amount */
			(void)snprintf(hex, sizeof(hex), "06010704%012u", amount);
		else if (round % 4 == 1) /* and its currency */
			(void)snprintf(hex, sizeof(hex), "06010a04%012u490978", amount);
		else if (round % 4 == 2) /* reversal: password, receipt */
			(void)snprintf(hex, sizeof(hex), "063006%06u87%04u", trace,
				       receipt);
		else /* status information: amount, trace, receipt */
			(void)snprintf(hex, sizeof(hex), "040f0e04%012u0b%06u87%04u",
				       amount, trace, receipt);
		put(&m, hex);
		ck_assert_msg(!finds(&m), "%s", hex);
	}
}
END_TEST

START_TEST(short_and_cut_ones_are_read_in_bounds)
{
	char card[CARDS_TEXT_BYTES];

	cards_text(card, 0, "");
	for (size_t i = 0; i < FORMS; i++) {
		struct message m = { .n = 0 };
		size_t n;

		forms[i].write(&m, card);
		n = m.n;
		for (m.n = 0; m.n < n; m.n++) {
			char *cut = malloc(m.n + 1);

			ck_assert_ptr_nonnull(cut);
			memcpy(cut, m.bytes, m.n); /* at its end a sanitizer stands */
			(void)pan_find_packed((struct str){ cut, m.n });
			free(cut);
		}
	}
	ck_assert(!pan_find_packed((struct str){ NULL, 0 }));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("pan_packed");
	TCase *c = tcase_create("pan_packed");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(c, 60);
	tcase_add_test(c, published_numbers_are_found_as_protocols_write_them);
	tcase_add_test(c, numbers_of_every_length_are_found);
	tcase_add_test(c, a_wrong_check_digit_is_no_card);
	tcase_add_test(c, masked_numbers_are_none);
	tcase_add_loop_test(c, random_bytes_are_hardly_ever_a_number, 0,
			    sizeof(lots) / sizeof(lots[0]));
	tcase_add_test(c, texts_are_none);
	tcase_add_test(c, letters_in_binary_messages_are_hardly_ever_one);
	tcase_add_test(c, packed_fields_of_a_payment_are_none);
	tcase_add_test(c, messages_of_zvt_without_a_card_are_none);
	tcase_add_test(c, short_and_cut_ones_are_read_in_bounds);
	suite_add_tcase(suite, c);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
