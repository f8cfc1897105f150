/*
 * Frames of every length that their header can say, with bodies that look like frames: a transaction ends
 * behind its last byte and nowhere before, in whatever pieces it comes.
 */
#include "adapter/framer.h"

#include "unit.h"

#define BODY_MAX 65535u

static const uint32_t lengths[] = { 1,   2,   3,   127, 128,    254,    255,     256,
				    257, 511, 512, 515, 0x1234, 0xff00, BODY_MAX };
#define LENGTHS (sizeof(lengths) / sizeof(lengths[0]))
static const size_t pieces[] = { 1, 7, 1000, 70000 };

static uint8_t frame[BODY_MAX + 16];

/* A completion, its answer, a refusal, again and again: as a body all of it is nothing. */
static void
fill(uint8_t *at, uint32_t n)
{
	static const uint8_t looks[] = { 0x06, 0x0f, 0x00, 0x80, 0x00, 0x00, 0x84,
					 0x1e, 0x00, 0x06, 0x1e, 0x00, 0xff, 0xff };

	for (uint32_t i = 0; i < n; i++)
		at[i] = looks[i % sizeof(looks)];
}

static size_t
zvt(uint8_t class, uint8_t instr, uint32_t n)
{
	size_t at = 0;

	frame[at++] = class;
	frame[at++] = instr;
	if (n < 0xff) {
		frame[at++] = (uint8_t)n;
	} else {
		frame[at++] = 0xff;
		frame[at++] = (uint8_t)(n & 0xff);
		frame[at++] = (uint8_t)(n >> 8);
	}
	fill(frame + at, n);
	return at + n;
}

static size_t
counted(uint32_t n, unsigned header)
{
	for (unsigned i = 0; i < header; i++)
		frame[i] = (uint8_t)(n >> 8 * (header - 1 - i));
	fill(frame + header, n);
	return header + n;
}

/* All of the frame, piece by piece; ends: the transaction ends with its last byte. */
static void
feed(struct framer *f, enum framer_side side, size_t n, size_t piece, bool ends)
{
	for (size_t at = 0; at < n;) {
		size_t some = n - at < piece ? n - at : piece;
		bool ended = false;

		ck_assert_uint_eq(framer_feed(f, side, frame + at, some, &ended), some);
		at += some;
		ck_assert_msg(ended == (ends && at == n), "ended after %zu of %zu", at,
			      n);
		ck_assert_int_eq(f->state, ended ? FRAMER_IDLE : FRAMER_BUSY);
	}
}

START_TEST(zvt_frames_of_every_length_are_passed_over_whole)
{
	for (size_t i = 0; i < LENGTHS; i++) {
		for (size_t k = 0; k < sizeof(pieces) / sizeof(pieces[0]); k++) {
			uint32_t n = lengths[i];
			struct framer f;

			framer_init(&f, FRAMING_ZVT);
			for (int again = 0; again < 2; again++) {
				feed(&f, FRAMER_POS, zvt(6, 1, n), pieces[k], false);
				feed(&f, FRAMER_TERMINAL, zvt(0x80, 0, 0), pieces[k],
				     false);
				feed(&f, FRAMER_TERMINAL, zvt(4, 0xff, n), pieces[k],
				     false);
				feed(&f, FRAMER_POS, zvt(0x80, 0, 0), pieces[k], false);
				feed(&f, FRAMER_TERMINAL, zvt(6, 0x0f, n), pieces[k],
				     false);
				feed(&f, FRAMER_POS, zvt(0x80, 0, 0), pieces[k], true);
			}
		}
	}
}
END_TEST

START_TEST(counted_frames_of_every_length_are_passed_over_whole)
{
	for (unsigned header = 2; header <= 4; header += 2) {
		for (size_t i = 0; i < LENGTHS; i++) {
			struct framer f;

			framer_init(&f, header == 2 ? FRAMING_LENGTH2 : FRAMING_LENGTH4);
			for (int again = 0; again < 2; again++) {
				feed(&f, FRAMER_POS, counted(lengths[i], header),
				     pieces[i % 4], false);
				feed(&f, FRAMER_TERMINAL, counted(lengths[i], header),
				     pieces[(i + 1) % 4], true);
			}
		}
	}
}
END_TEST

/* The first word of the terminal is the answer to the command; a later refusal is none of it. */
START_TEST(only_the_first_answer_refuses_a_command)
{
	struct framer f;

	framer_init(&f, FRAMING_ZVT);
	feed(&f, FRAMER_POS, zvt(6, 1, 4), 1, false);
	feed(&f, FRAMER_TERMINAL, zvt(4, 0xff, 1), 1, false); /* before its answer */
	feed(&f, FRAMER_TERMINAL, zvt(0x84, 0x1e, 0), 1, false);
	feed(&f, FRAMER_TERMINAL, zvt(6, 0x1e, 1), 1, false);
	feed(&f, FRAMER_TERMINAL, zvt(0x84, 0x1e, 0), 1, false);
	feed(&f, FRAMER_POS, zvt(0x80, 0, 0), 1, true);
}
END_TEST

UNIT_MAIN("framer_long", zvt_frames_of_every_length_are_passed_over_whole,
	  counted_frames_of_every_length_are_passed_over_whole,
	  only_the_first_answer_refuses_a_command)
