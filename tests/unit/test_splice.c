/* Two lines tied together: what goes in comes out, however it is cut and however slowly it is taken. */
#include "adapter/splice.h"
#include "unit.h"

#include <errno.h>

#define LINE_BYTES 65536u
#define COURSES 400

/* A line: what it was sent, and how much it takes at one time. */
struct line {
	uint8_t got[LINE_BYTES];
	size_t n, room; /* room: bytes it takes before it says -EAGAIN */
	bool paused, shut, over, wanted;
};

static struct line lines[2];

static int
line_send(void *line, const uint8_t *data, size_t n)
{
	struct line *l = line;

	ck_assert(!l->shut);
	if (l->over)
		return -ENOTCONN;
	if (n > l->room) {
		l->wanted = true;
		return -EAGAIN;
	}
	ck_assert_uint_le(l->n + n, LINE_BYTES);
	memcpy(l->got + l->n, data, n);
	l->n += n;
	l->room -= n;
	return 0;
}

static void
line_pause(void *line, bool pause)
{
	((struct line *)line)->paused = pause;
}

static void
line_shutdown(void *line)
{
	struct line *l = line;

	ck_assert(!l->shut);
	l->shut = true;
}

static const struct splice_ops ops = { line_send, line_pause, line_shutdown };

static void
fresh(struct splice *s, enum framing framing, bool framed)
{
	struct framer f;

	memset(lines, 0, sizeof(lines));
	lines[0].room = lines[1].room = LINE_BYTES;
	framer_init(&f, framing);
	splice_init(s, &ops, &lines[0], &lines[1], framed ? &f : NULL);
}

START_TEST(bytes_arrive_as_they_were_sent)
{
	static uint8_t sent[2][LINE_BYTES];

	for (unsigned course = 0; course < COURSES; course++) {
		size_t total[2] = { 0, 0 };
		struct splice_rest rest;
		struct splice s;

		srand(course);
		fresh(&s, (enum framing)(course % 5), course % 2 == 0);
		lines[0].room = lines[1].room = (size_t)rand() % 3000;
		for (int i = 0; i < 200; i++) {
			enum framer_side side = rand() % 2 ? FRAMER_POS : FRAMER_TERMINAL;
			size_t n = (size_t)rand() % 700;

			if (lines[side].paused) { /* its bytes must be taken first */
				lines[!side].room += 700;
				ck_assert(lines[!side].wanted);
				ck_assert_int_eq(splice_drained(&s, !side), SPLICE_ON);
				continue;
			}
			if (total[side] + n > LINE_BYTES)
				continue;
			for (size_t k = 0; k < n; k++)
				sent[side][total[side] + k] = (uint8_t)rand();
			ck_assert_int_eq(
				splice_data(&s, side, sent[side] + total[side], n, &rest),
				SPLICE_ON);
			total[side] += n;
		}
		for (int side = 0; side < 2; side++) {
			lines[side].room = LINE_BYTES;
			ck_assert_int_eq(splice_drained(&s, (enum framer_side)side),
					 SPLICE_ON);
		}
		for (int side = 0; side < 2; side++) {
			ck_assert_uint_eq(lines[!side].n, total[side]);
			ck_assert_mem_eq(lines[!side].got, sent[side], total[side]);
			ck_assert_uint_eq(s.bytes[side], total[side]);
			ck_assert(!lines[side].paused);
		}
		splice_end(&s);
	}
}
END_TEST

static const uint8_t request[] = { 0, 0, 0, 2, 'h', 'i' }, answer[] = { 0, 0, 0, 1, 'y' };

START_TEST(it_stops_at_the_end_and_hands_the_rest_back)
{
	uint8_t both[sizeof(answer) + 3];
	struct splice_rest rest;
	struct splice s;

	fresh(&s, FRAMING_LENGTH4, true);
	s.stop = true;
	ck_assert_int_eq(splice_data(&s, FRAMER_POS, request, sizeof(request), &rest),
			 SPLICE_ON);
	memcpy(both, answer, sizeof(answer));
	memset(both + sizeof(answer), 7, 3);
	ck_assert_int_eq(splice_data(&s, FRAMER_TERMINAL, both, sizeof(both), &rest),
			 SPLICE_ENDED);
	ck_assert_int_eq(rest.side, FRAMER_TERMINAL);
	ck_assert_uint_eq(rest.n, 3);
	ck_assert_uint_eq(lines[0].n, sizeof(answer));
	splice_end(&s);
}
END_TEST

START_TEST(an_end_on_a_full_line_is_passed_over)
{
	struct splice_rest rest;
	struct splice s;

	fresh(&s, FRAMING_LENGTH4, true);
	s.stop = true;
	(void)splice_data(&s, FRAMER_POS, request, sizeof(request), &rest);
	lines[0].room = 0;
	ck_assert_int_eq(splice_data(&s, FRAMER_TERMINAL, answer, sizeof(answer), &rest),
			 SPLICE_ON);
	ck_assert(!splice_is_idle(&s));
	lines[0].room = 100;
	ck_assert_int_eq(splice_drained(&s, FRAMER_POS), SPLICE_ON);
	ck_assert(splice_is_idle(&s));
	(void)splice_data(&s, FRAMER_POS, request, sizeof(request), &rest);
	ck_assert_int_eq(splice_data(&s, FRAMER_TERMINAL, answer, sizeof(answer), &rest),
			 SPLICE_ENDED);
	splice_end(&s);
}
END_TEST

START_TEST(the_end_of_one_direction_is_passed_on_after_its_bytes)
{
	struct splice_rest rest;
	struct splice s;

	fresh(&s, FRAMING_CONNECTION, true);
	lines[1].room = 0;
	(void)splice_data(&s, FRAMER_POS, request, sizeof(request), &rest);
	ck_assert_int_eq(splice_ended(&s, FRAMER_POS), SPLICE_ON);
	ck_assert(!lines[1].shut);
	lines[1].room = 100;
	ck_assert_int_eq(splice_drained(&s, FRAMER_TERMINAL), SPLICE_ON);
	ck_assert(lines[1].shut);
	ck_assert_uint_eq(lines[1].n, sizeof(request));
	/* The other direction goes on. */
	ck_assert_int_eq(splice_data(&s, FRAMER_TERMINAL, answer, sizeof(answer), &rest),
			 SPLICE_ON);
	ck_assert_uint_eq(lines[0].n, sizeof(answer));
	ck_assert_int_eq(splice_ended(&s, FRAMER_TERMINAL), SPLICE_ON);
	ck_assert(lines[0].shut);
	ck_assert_int_eq(splice_closed(&s, FRAMER_POS), SPLICE_OVER);
	splice_end(&s);
}
END_TEST

START_TEST(what_a_closed_line_has_sent_still_arrives)
{
	struct splice_rest rest;
	struct splice s;

	fresh(&s, FRAMING_CONNECTION, true);
	lines[0].room = 0;
	(void)splice_data(&s, FRAMER_TERMINAL, answer, sizeof(answer), &rest);
	lines[1].over = true;
	ck_assert_int_eq(splice_closed(&s, FRAMER_TERMINAL), SPLICE_ON);
	lines[0].room = 100;
	ck_assert_int_eq(splice_drained(&s, FRAMER_POS), SPLICE_OVER);
	ck_assert_mem_eq(lines[0].got, answer, sizeof(answer));
	splice_end(&s);
}
END_TEST

START_TEST(a_line_that_takes_nothing_ends_both)
{
	struct splice_rest rest;
	struct splice s;

	fresh(&s, FRAMING_CONNECTION, true);
	lines[1].over = true;
	ck_assert_int_eq(splice_data(&s, FRAMER_POS, request, sizeof(request), &rest),
			 SPLICE_OVER);
	splice_end(&s);
}
END_TEST

START_TEST(no_end_stops_it_after_one_side_has_ended)
{
	struct splice_rest rest;
	struct splice s;

	fresh(&s, FRAMING_LENGTH4, true);
	s.stop = true;
	(void)splice_data(&s, FRAMER_POS, request, sizeof(request), &rest);
	(void)splice_ended(&s, FRAMER_POS);
	ck_assert_int_eq(splice_data(&s, FRAMER_TERMINAL, answer, sizeof(answer), &rest),
			 SPLICE_ON);
	splice_end(&s);
}
END_TEST

UNIT_MAIN("splice", bytes_arrive_as_they_were_sent,
	  it_stops_at_the_end_and_hands_the_rest_back,
	  an_end_on_a_full_line_is_passed_over,
	  the_end_of_one_direction_is_passed_on_after_its_bytes,
	  what_a_closed_line_has_sent_still_arrives, a_line_that_takes_nothing_ends_both,
	  no_end_stops_it_after_one_side_has_ended)
