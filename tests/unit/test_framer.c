/* Where transactions end, told from headers: conversations, cut in every way. */
#include "adapter/framer.h"
#include "unit.h"

#define TALK_BYTES 600u
#define STEPS_MAX 24u

/* One line of a conversation: who, what (hex), and whether a transaction ends in it, and where. */
struct line {
	char who; /* P or T; 0: the end */
	const char *hex;
	int end; /* bytes of the line after which a transaction has ended; 0: none does */
};

struct talk {
	const char *name;
	enum framing framing;
	struct line lines[STEPS_MAX];
};

static const struct talk talks[] = {
	{ "zvt: payment",
	  FRAMING_ZVT,
	  { { 'P', "060104aabbccdd", 0 },
	    { 'T', "800000", 0 },
	    { 'T', "04ff010e", 0 },
	    { 'P', "800000", 0 },
	    { 'T', "040f032700ff", 0 },
	    { 'P', "800000", 0 },
	    { 'T', "060f00", 0 },
	    { 'P', "800000", 3 },
	    { 'P', "060100", 0 },
	    { 0 } } },
	{ "zvt: declined, next command in the same segment",
	  FRAMING_ZVT,
	  { { 'P', "060101ff", 0 },
	    { 'T', "800000040f022705", 0 },
	    { 'P', "800000", 0 },
	    { 'T', "061e016c", 0 },
	    { 'P', "800000060103010203", 3 },
	    { 0 } } },
	{ "zvt: long length",
	  FRAMING_ZVT,
	  { { 'P', "0601ff0400aabbccdd", 0 },
	    { 'T',
	      "06d1ff000080000006"
	      "0f00",
	      0 },
	    { 'P', "800000", 3 },
	    { 0 } } },
	{ "zvt: refused",
	  FRAMING_ZVT,
	  { { 'P', "060100", 0 }, { 'T', "841e016f", 4 }, { 0 } } },
	{ "zvt: 84 00 is a yes",
	  FRAMING_ZVT,
	  { { 'P', "060100", 0 },
	    { 'T', "840000", 0 },
	    { 'T', "060f00", 0 },
	    { 'P', "840000", 3 },
	    { 0 } } },
	{ "zvt: log-off has no completion",
	  FRAMING_ZVT,
	  { { 'P', "060200", 0 }, { 'T', "800000", 3 }, { 0 } } },
	{ "zvt: abort within a payment ends nothing",
	  FRAMING_ZVT,
	  { { 'P', "060100", 0 },
	    { 'T', "800000", 0 },
	    { 'P', "06b000", 0 },
	    { 'T', "800000", 0 },
	    { 'T', "061e016c", 0 },
	    { 'P', "800000", 3 },
	    { 0 } } },
	{ "zvt: a POS that does not answer the completion",
	  FRAMING_ZVT,
	  { { 'P', "060100", 0 },
	    { 'T', "800000060f00", 0 },
	    { 'P', "050100", -1 },
	    { 0 } } },
	{ "zvt: a terminal that does not wait for the POS, whose second answer comes "
	  "behind the end",
	  FRAMING_ZVT,
	  { { 'P', "060100", 0 },
	    { 'T', "80000004ff00060f00", 0 },
	    { 'P', "800000", 3 },
	    { 'P', "800000", 0 },
	    { 'P', "060100", 0 },
	    { 'T', "841e016f", 4 },
	    { 0 } } },
	{ "length4: half a request",
	  FRAMING_LENGTH4,
	  { { 'P', "000000036162", 0 }, { 0 } } },
	{ "length4: three transactions",
	  FRAMING_LENGTH4,
	  { { 'P', "00000003616263", 0 },
	    { 'T', "0000000178", 5 },
	    { 'P', "0000000178", 0 },
	    { 'T', "000000026161", 6 },
	    { 'P', "0000000178", 0 },
	    { 0 } } },
	{ "length4: a sign of life is no transaction",
	  FRAMING_LENGTH4,
	  { { 'P', "00000000", 0 },
	    { 'T', "00000000", 0 },
	    { 'P', "00000001ff", 0 },
	    { 'T', "0000000000000001ff", 9 },
	    { 0 } } },
	{ "length2: two requests, two answers",
	  FRAMING_LENGTH2,
	  { { 'P', "00016100026262", 0 },
	    { 'T', "000161", 0 },
	    { 'T', "000162", 3 },
	    { 0 } } },
	{ "zvt-serial: payment with doubled 10 and a CRC of 10 03",
	  FRAMING_ZVT_SERIAL,
	  { { 'P', "10020601021010101010031003", 0 },
	    { 'T', "06", 0 },
	    { 'T', "10028000001003f51f", 0 },
	    { 'P', "06", 0 },
	    { 'T', "1002060f001003c633", 0 },
	    { 'P', "06", 0 },
	    { 'P', "10028000001003f51f", 0 },
	    { 'T', "06", 1 },
	    { 'P', "1002", 0 },
	    { 0 } } },
	{ "zvt-serial: the last completion comes again, as its ACK was lost",
	  FRAMING_ZVT_SERIAL,
	  { { 'P', "100206010010030000", 0 },
	    { 'T', "1002060f0010030000", 0 },
	    { 'P', "06", 0 },
	    { 'T', "06", 0 },
	    { 'T', "100280000010030000", 0 },
	    { 'P', "06", 0 },
	    { 'T', "100204ff0010030000", 0 },
	    { 'P', "06", 0 },
	    { 'P', "100280000010030000", 0 },
	    { 'T', "06", 0 },
	    { 'T', "1002060f0010030000", 0 },
	    { 'P', "06", 0 },
	    { 'P', "100280000010030000", 0 },
	    { 'T', "06", 1 },
	    { 0 } } },
	{ "zvt-serial: what was not acknowledged comes again",
	  FRAMING_ZVT_SERIAL,
	  { { 'P',
	      "55ff15"
	      "100206010010030000",
	      0 },
	    { 'T', "15", 0 },
	    { 'P',
	      "1002"
	      "100206010010030000",
	      0 },
	    { 'T', "06", 0 },
	    { 'T', "1002800000100300001002060f0010030000", 0 },
	    { 'P', "15", 0 },
	    { 'T', "1002060f0010030000", 0 },
	    { 'P',
	      "06"
	      "100280000010030000",
	      0 },
	    { 'T', "06", 1 },
	    { 0 } } },
	{ "connection: never",
	  FRAMING_CONNECTION,
	  { { 'P', "060100", 0 }, { 'T', "060f00", 0 }, { 'P', "800000", 0 }, { 0 } } },
};
#define TALKS ((int)(sizeof(talks) / sizeof(talks[0])))

static size_t
unhex(const char *hex, uint8_t *out)
{
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++) {
		unsigned v;

		ck_assert_int_eq(sscanf(hex + 2 * i, "%2x", &v), 1);
		out[i] = (uint8_t)v;
	}
	return n;
}

/* Feeds a line in pieces of at most piece bytes; where a transaction ended in it: 0 no, -1 before. */
static int
feed_line(struct framer *f, const struct line *l, size_t piece)
{
	uint8_t data[TALK_BYTES];
	size_t n = unhex(l->hex, data), at = 0;
	int end = 0;

	while (at < n) {
		size_t some = n - at < piece ? n - at : piece;
		bool ended;
		size_t took = framer_feed(f, l->who == 'P' ? FRAMER_POS : FRAMER_TERMINAL,
					  data + at, some, &ended);

		ck_assert(took <= some);
		ck_assert(took == some || ended);
		at += took;
		if (ended) {
			ck_assert_int_eq(end, 0);
			ck_assert_int_eq(f->state, FRAMER_IDLE);
			end = at == 0 ? -1 : (int)at;
		}
	}
	return end;
}

START_TEST(finds_the_end_of_each_transaction)
{
	const struct talk *t = &talks[_i];

	for (size_t piece = 1; piece < 20; piece++) {
		struct framer f;

		framer_init(&f, t->framing);
		for (const struct line *l = t->lines; l->who != 0; l++) {
			int end = feed_line(&f, l, piece);

			ck_assert_msg(end == l->end, "%s: \"%s\" ended at %d in %zu",
				      t->name, l->hex, end, piece);
			ck_assert_int_ne(f.state, FRAMER_LOST);
		}
	}
}
END_TEST

START_TEST(signs_of_life_and_noise_leave_it_idle)
{
	static const uint8_t empty[4], noise[] = { 0x55, 0x06, 0x15, 0x10, 0x99 };
	struct framer f;
	bool ended;

	framer_init(&f, FRAMING_LENGTH4);
	ck_assert_uint_eq(framer_feed(&f, FRAMER_POS, empty, 3, &ended), 3);
	ck_assert_int_eq(f.state, FRAMER_BUSY);
	ck_assert_uint_eq(framer_feed(&f, FRAMER_POS, empty + 3, 1, &ended), 1);
	ck_assert_int_eq(f.state, FRAMER_IDLE);
	framer_init(&f, FRAMING_ZVT_SERIAL);
	ck_assert_uint_eq(framer_feed(&f, FRAMER_POS, noise, sizeof(noise), &ended),
			  sizeof(noise));
	ck_assert_int_eq(f.state, FRAMER_IDLE);
	ck_assert(!ended);
}
END_TEST

static const struct {
	enum framing framing;
	const char *hex;
} nonsense[] = {
	{ FRAMING_LENGTH4, "00100001" }, { FRAMING_LENGTH4, "ffffffff" },
	{ FRAMING_LENGTH4, "504f5354" }, { FRAMING_ZVT, "504f5354" },
	{ FRAMING_ZVT, "0601008100" },   { FRAMING_ZVT, "1603010200" },
};

START_TEST(nonsense_makes_one_transaction_of_the_connection)
{
	uint8_t data[16];
	size_t n = unhex(nonsense[_i].hex, data);
	struct framer f;
	bool ended;

	framer_init(&f, nonsense[_i].framing);
	ck_assert_uint_eq(framer_feed(&f, FRAMER_POS, data, n, &ended), n);
	ck_assert_int_eq(f.state, FRAMER_LOST);
	for (int i = 0; i < 50; i++) { /* whatever is said then */
		static const uint8_t done[] = { 6, 0x0f, 0, 0x80, 0, 0 };

		ck_assert_uint_eq(framer_feed(&f, i % 2 ? FRAMER_POS : FRAMER_TERMINAL,
					      done, sizeof(done), &ended),
				  sizeof(done));
		ck_assert(!ended);
		ck_assert_int_eq(f.state, FRAMER_LOST);
	}
}
END_TEST

START_TEST(an_endless_serial_frame_is_nonsense)
{
	static const uint8_t begin[] = { 0x10, 0x02 };
	uint8_t block[4096];
	struct framer f;
	bool ended;

	memset(block, 0x41, sizeof(block));
	framer_init(&f, FRAMING_ZVT_SERIAL);
	(void)framer_feed(&f, FRAMER_POS, begin, sizeof(begin), &ended);
	for (int i = 0; i < 33; i++)
		(void)framer_feed(&f, FRAMER_POS, block, sizeof(block), &ended);
	ck_assert_int_eq(f.state, FRAMER_LOST);
}
END_TEST

START_TEST(the_longest_frame_is_no_nonsense)
{
	static const uint8_t begin[] = { 0x00, 0x10, 0x00, 0x00 };
	uint8_t *body = calloc(1, FRAMER_FRAME_BYTES_MAX);
	struct framer f;
	bool ended;

	ck_assert_ptr_nonnull(body);
	framer_init(&f, FRAMING_LENGTH4);
	(void)framer_feed(&f, FRAMER_POS, begin, 4, &ended);
	ck_assert_uint_eq(
		framer_feed(&f, FRAMER_POS, body, FRAMER_FRAME_BYTES_MAX, &ended),
		FRAMER_FRAME_BYTES_MAX);
	ck_assert_int_eq(f.state, FRAMER_BUSY);
	ck_assert_uint_eq(framer_feed(&f, FRAMER_TERMINAL, begin, 4, &ended), 4);
	ck_assert_uint_eq(
		framer_feed(&f, FRAMER_TERMINAL, body, FRAMER_FRAME_BYTES_MAX, &ended),
		FRAMER_FRAME_BYTES_MAX);
	ck_assert(ended);
	free(body);
}
END_TEST

START_TEST(names_and_words_are_the_same)
{
	enum framing framing;

	for (int i = FRAMING_CONNECTION; i <= FRAMING_LENGTH4; i++) {
		ck_assert_int_eq(framing_parse(framing_name((enum framing)i), &framing),
				 0);
		ck_assert_int_eq(framing, (enum framing)i);
		ck_assert_ptr_nonnull(
			strstr("|" FRAMING_WORDS "|", framing_name((enum framing)i)));
	}
	ck_assert_int_lt(framing_parse("zvt ", &framing), 0);
}
END_TEST

int
main(void)
{
	SRunner *r = srunner_create(NULL);
	Suite *s = suite_create("framer");
	TCase *c = tcase_create("framer");
	int failed;

	tcase_add_loop_test(c, finds_the_end_of_each_transaction, 0, TALKS);
	tcase_add_loop_test(c, nonsense_makes_one_transaction_of_the_connection, 0,
			    (int)(sizeof(nonsense) / sizeof(nonsense[0])));
	tcase_add_test(c, signs_of_life_and_noise_leave_it_idle);
	tcase_add_test(c, an_endless_serial_frame_is_nonsense);
	tcase_add_test(c, the_longest_frame_is_no_nonsense);
	tcase_add_test(c, names_and_words_are_the_same);
	suite_add_tcase(s, c);
	srunner_add_suite(r, s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
