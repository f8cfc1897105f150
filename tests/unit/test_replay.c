#include "unit.h"

#include "bio/replay.h"
#include "synth/synth.h"

#include <errno.h>
#include <math.h>

#define FINGERS 6u
#define IMPRESSIONS 5u
/* Well below REPLAY_SAME: no live impression may come near. */
#define LIVE_MOST 80

struct impression {
	struct sample *sample;
	struct finger_features features;
};

static struct finger_extractor *extractor;

static void
take(struct impression *im, uint64_t seed, uint32_t number, uint32_t difficulty)
{
	struct synth_options o = synth_options_default();

	o.difficulty = difficulty;
	ck_assert_int_eq(sample_new(o.width, o.height, SYNTH_DPI, &im->sample), 0);
	ck_assert_int_eq(synth_image(seed, number, &o, im->sample->grey), 0);
	ck_assert_int_eq(finger_extract(extractor, im->sample, &im->features), 0);
	ck_assert_uint_ge(im->features.count, REPLAY_POINTS_MIN);
}

static uint32_t
next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 16;
}

/* The picture as it comes over a line that adds noise of up to amount grey levels. */
static void
add_noise(struct sample *s, int amount)
{
	uint32_t state = 7;

	for (size_t i = 0; i < (size_t)s->width * s->height; i++) {
		int v = s->grey[i] +
			(int)(next_random(&state) % (2 * (uint32_t)amount + 1)) - amount;

		s->grey[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
	}
}

START_TEST(a_live_finger_is_never_its_own_replay)
{
	static const uint32_t difficulties[] = { 50, 70, 100 };
	int most = 0;

	extractor = finger_extractor_new();
	for (unsigned f = 0; f < FINGERS; f++) {
		struct replay_set set = { 0 };

		for (unsigned i = 0; i < IMPRESSIONS; i++) {
			struct impression im;
			int evidence;

			take(&im, 100 + f, i, difficulties[f % 3]);
			evidence = replay_evidence(&set, &im.features);
			most = evidence > most ? evidence : most;
			replay_add(&set, &im.features);
			sample_free(im.sample);
		}
	}
	printf("live impressions: %d at most, %d is the same picture\n", most,
	       REPLAY_SAME);
	ck_assert_int_le(most, LIVE_MOST);
	finger_extractor_free(extractor);
}
END_TEST

START_TEST(the_same_picture_is_known_again_with_noise_too)
{
	static const int noises[] = { 0, 1, 3 };

	extractor = finger_extractor_new();
	for (unsigned f = 0; f < FINGERS; f++) {
		struct replay_set set = { 0 };
		struct impression im;

		take(&im, 200 + f, 1, 40);
		replay_add(&set, &im.features);
		for (size_t i = 0; i < sizeof(noises) / sizeof(noises[0]); i++) {
			struct finger_features again;

			add_noise(im.sample, noises[i]);
			ck_assert_int_eq(finger_extract(extractor, im.sample, &again), 0);
			ck_assert_int_ge(replay_evidence(&set, &again), REPLAY_SAME);
		}
		sample_free(im.sample);
	}
	finger_extractor_free(extractor);
}
END_TEST

/* Minutiae as chance lays them; the same for the same seed. */
static struct finger_features
random_features(uint32_t seed, unsigned count)
{
	struct finger_features f = { .count = (uint16_t)count };
	uint32_t state = seed * 7919 + 1;

	for (unsigned i = 0; i < count; i++) {
		f.minutiae[i].x = (int16_t)(40 + next_random(&state) % 300);
		f.minutiae[i].y = (int16_t)(40 + next_random(&state) % 300);
		f.minutiae[i].angle = (uint16_t)next_random(&state);
	}
	return f;
}

/* As a picture that is turned about its middle, counter-clockwise, and then moved. */
static struct finger_features
moved(const struct finger_features *f, double degrees, int dx, int dy)
{
	double turn = degrees * M_PI / 180;
	struct finger_features g = *f;

	for (unsigned i = 0; i < f->count; i++) {
		double x = f->minutiae[i].x - 190, y = f->minutiae[i].y - 190;

		g.minutiae[i].x =
			(int16_t)lround(190 + cos(turn) * x + sin(turn) * y + dx);
		g.minutiae[i].y =
			(int16_t)lround(190 - sin(turn) * x + cos(turn) * y + dy);
		g.minutiae[i].angle =
			(uint16_t)(f->minutiae[i].angle + lround(degrees * 65536 / 360));
	}
	return g;
}

START_TEST(a_picture_is_known_again_wherever_it_was_moved_and_turned)
{
	static const struct {
		double degrees;
		int dx, dy;
	} rows[] = {
		{ 0, 0, 0 },    { 0, 1, 0 },    { 0, 17, -23 },  { 0, -39, 39 },
		{ 3, 0, 0 },    { -7, 5, 9 },   { 30, -12, 20 }, { -45, 0, 0 },
		{ 90, 20, 20 }, { 180, -7, 3 }, { 359, 3, 3 },
	};

	for (uint32_t seed = 0; seed < 10; seed++) {
		struct finger_features f = random_features(seed, 24 + seed), g;
		struct replay_set set = { 0 };

		replay_add(&set, &f);
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			g = moved(&f, rows[i].degrees, rows[i].dx, rows[i].dy);
			ck_assert_int_ge(replay_evidence(&set, &g), REPLAY_SAME);
			/* And cut: of its minutiae two thirds are left. */
			g.count = (uint16_t)(g.count * 2 / 3);
			ck_assert_int_ge(replay_evidence(&set, &g), REPLAY_SAME);
		}
	}
}
END_TEST

START_TEST(skin_that_stretches_is_no_picture)
{
	int most = 0;

	for (uint32_t seed = 0; seed < 20; seed++) {
		struct finger_features f = random_features(seed, 30), g = f;
		struct replay_set set = { 0 };
		uint32_t state = seed;
		int evidence;

		replay_add(&set, &f);
		/* Six pixels at the edges of a finger, and two by chance. */
		for (unsigned i = 0; i < g.count; i++) {
			int x = f.minutiae[i].x, y = f.minutiae[i].y;

			g.minutiae[i].x = (int16_t)(x + (y - 190) / 25 - 2 +
						    (int)(next_random(&state) % 5));
			g.minutiae[i].y = (int16_t)(y + (x - 190) / 25 - 2 +
						    (int)(next_random(&state) % 5));
		}
		g = moved(&g, 4, 9, -5);
		evidence = replay_evidence(&set, &g);
		most = evidence > most ? evidence : most;
	}
	ck_assert_int_lt(most, REPLAY_SAME);
}
END_TEST

START_TEST(another_finger_is_no_picture)
{
	struct replay_set set = { 0 };
	int most = 0;

	for (uint32_t seed = 0; seed < REPLAY_CAPTURES; seed++) {
		struct finger_features f = random_features(100 + seed, 64);

		replay_add(&set, &f);
	}
	for (uint32_t seed = 0; seed < 50; seed++) {
		struct finger_features f =
			random_features(200 + seed, FINGER_MINUTIAE_MAX);
		int evidence = replay_evidence(&set, &f);

		most = evidence > most ? evidence : most;
	}
	ck_assert_int_lt(most, REPLAY_SAME);
}
END_TEST

START_TEST(the_set_keeps_the_last_captures_in_constant_size)
{
	struct replay_set set = { 0 };
	struct finger_features f;

	for (uint32_t n = 0; n < 3 * REPLAY_CAPTURES; n++) {
		f = random_features(n, 20);
		replay_add(&set, &f);
		ck_assert_int_eq(replay_check(&set), 0);
		ck_assert_int_ge(replay_evidence(&set, &f), REPLAY_SAME);
	}
	ck_assert_uint_eq(set.count, REPLAY_CAPTURES);
	f = random_features(2 * REPLAY_CAPTURES, 20);
	ck_assert_int_ge(replay_evidence(&set, &f), REPLAY_SAME);
	/* What was there before is long forgotten. */
	for (uint32_t n = 0; n < 2 * REPLAY_CAPTURES; n++) {
		f = random_features(n, 20);
		ck_assert_int_lt(replay_evidence(&set, &f), REPLAY_SAME);
	}
}
END_TEST

START_TEST(few_minutiae_are_no_evidence)
{
	struct replay_set set = { 0 };
	struct finger_features f = random_features(1, REPLAY_POINTS_MIN), g = f;

	replay_add(&set, &f);
	ck_assert_int_ge(replay_evidence(&set, &f), REPLAY_SAME);
	g.count--;
	ck_assert_int_eq(replay_evidence(&set, &g), 0);
	g.count = 0;
	ck_assert_int_eq(replay_evidence(&set, &g), 0);
	memset(&set, 0, sizeof(set));
	replay_add(&set, &g);
	ck_assert_int_eq(replay_evidence(&set, &f), 0);
	ck_assert_int_eq(replay_evidence(&(struct replay_set){ 0 }, &f), 0);
}
END_TEST

/* All minutiae in one place, in a line, beyond the edges, on two places. */
START_TEST(nothing_is_divided_by_zero_or_out_of_bounds)
{
	for (int kind = 0; kind < 5; kind++) {
		struct finger_features f = { .count = FINGER_MINUTIAE_MAX };
		struct replay_set set = { 0 };

		for (unsigned i = 0; i < f.count; i++) {
			int x = kind == 0   ? 100
				: kind == 1 ? (int)i * 8
				: kind == 2 ? -20000 + (int)i
				: kind == 3 ? 32000
					    : (int)(i % 2) * 1023;

			f.minutiae[i].x = (int16_t)x;
			f.minutiae[i].y = (int16_t)(kind == 1 ? 7 : x);
		}
		for (unsigned i = 0; i < REPLAY_CAPTURES; i++)
			replay_add(&set, &f);
		ck_assert_int_ge(replay_evidence(&set, &f), 0);
		memset(set.captures, 0xff, sizeof(set.captures));
		ck_assert_int_eq(replay_check(&set), -EBADMSG);
		for (unsigned i = 0; i < REPLAY_CAPTURES; i++)
			set.captures[i].count = REPLAY_POINTS;
		ck_assert_int_eq(replay_check(&set), 0);
		ck_assert_int_ge(replay_evidence(&set, &f), 0);
	}
}
END_TEST

START_TEST(what_cannot_be_a_set_is_refused)
{
	static const struct replay_set sets[] = {
		{ .count = REPLAY_CAPTURES + 1 },
		{ .next = REPLAY_CAPTURES },
		{ .count = 2, .next = 3 },
		{ .count = 1, .captures = { { .count = REPLAY_POINTS + 1 } } },
	};

	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		ck_assert_int_eq(replay_check(&sets[i]), -EBADMSG);
}
END_TEST

UNIT_MAIN("replay", a_live_finger_is_never_its_own_replay,
	  the_same_picture_is_known_again_with_noise_too,
	  a_picture_is_known_again_wherever_it_was_moved_and_turned,
	  skin_that_stretches_is_no_picture, another_finger_is_no_picture,
	  the_set_keeps_the_last_captures_in_constant_size, few_minutiae_are_no_evidence,
	  nothing_is_divided_by_zero_or_out_of_bounds, what_cannot_be_a_set_is_refused)
