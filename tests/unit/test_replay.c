#include "unit.h"

#include "bio/replay.h"
#include "synth/synth.h"

#include <errno.h>

#define FINGERS 6u
#define IMPRESSIONS 5u
/* Well below REPLAY_SAME_PERCENT: no live impression may come near. */
#define LIVE_MOST 45u

static const uint8_t key[CRYPTO_KEY_BYTES] = { 1, 2, 3 };
static const uint8_t other_key[CRYPTO_KEY_BYTES] = { 9 };

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
	ck_assert_uint_ge(im->features.count, REPLAY_MARKS_MIN);
}

static unsigned
share(const struct replay_set *set, const struct finger_features *f)
{
	unsigned percent = 0;

	ck_assert_int_eq(replay_share(key, set, f, &percent), 0);
	return percent;
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
	unsigned most = 0;

	extractor = finger_extractor_new();
	for (unsigned f = 0; f < FINGERS; f++) {
		struct replay_set set = { 0 };

		for (unsigned i = 0; i < IMPRESSIONS; i++) {
			struct impression im;
			unsigned percent;

			take(&im, 100 + f, i, difficulties[f % 3]);
			percent = share(&set, &im.features);
			most = percent > most ? percent : most;
			ck_assert_int_eq(replay_add(key, &set, &im.features), 0);
			sample_free(im.sample);
		}
	}
	printf("live impressions share %u %% at most\n", most);
	ck_assert_uint_le(most, LIVE_MOST);
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
		ck_assert_int_eq(replay_add(key, &set, &im.features), 0);
		ck_assert_uint_eq(share(&set, &im.features), 100);
		for (size_t i = 0; i < sizeof(noises) / sizeof(noises[0]); i++) {
			struct finger_features again;

			add_noise(im.sample, noises[i]);
			ck_assert_int_eq(finger_extract(extractor, im.sample, &again), 0);
			ck_assert_uint_ge(share(&set, &again), REPLAY_SAME_PERCENT);
		}
		sample_free(im.sample);
	}
	finger_extractor_free(extractor);
}
END_TEST

START_TEST(marks_tell_nothing_without_the_key)
{
	struct replay_set set = { 0 };
	struct impression im;
	unsigned percent = 100;

	extractor = finger_extractor_new();
	take(&im, 300, 1, 30);
	ck_assert_int_eq(replay_add(key, &set, &im.features), 0);
	ck_assert_int_eq(replay_share(other_key, &set, &im.features, &percent), 0);
	ck_assert_uint_lt(percent, 20);
	sample_free(im.sample);
	finger_extractor_free(extractor);
}
END_TEST

START_TEST(the_set_keeps_the_last_captures_in_constant_size)
{
	struct replay_set set = { 0 };
	struct finger_features f = { .count = 20 };

	for (unsigned n = 0; n < 3 * REPLAY_CAPTURES; n++) {
		for (unsigned i = 0; i < f.count; i++)
			f.minutiae[i] = (struct minutia){
				.x = (int16_t)(n * 10 + i),
				.y = (int16_t)(i * 13),
				.angle = (uint16_t)(i * 3000 + n * 77),
			};
		ck_assert_int_eq(replay_add(key, &set, &f), 0);
		ck_assert_int_eq(replay_check(&set), 0);
		ck_assert_uint_eq(share(&set, &f), 100);
	}
	ck_assert_uint_eq(set.count, REPLAY_CAPTURES);
	/* The first one is long forgotten. */
	for (unsigned i = 0; i < f.count; i++)
		f.minutiae[i] = (struct minutia){ .x = (int16_t)i,
						  .y = (int16_t)(i * 13),
						  .angle = (uint16_t)(i * 3000) };
	ck_assert_uint_lt(share(&set, &f), REPLAY_SAME_PERCENT);
}
END_TEST

START_TEST(few_minutiae_are_no_evidence)
{
	struct replay_set set = { 0 };
	struct finger_features f = { .count = REPLAY_MARKS_MIN - 1 };

	for (unsigned i = 0; i < f.count; i++)
		f.minutiae[i] = (struct minutia){ .x = (int16_t)(i * 20), .y = 50 };
	ck_assert_int_eq(replay_add(key, &set, &f), 0);
	ck_assert_uint_eq(share(&set, &f), 0);
	f.count = 0;
	ck_assert_int_eq(replay_add(key, &set, &f), 0);
	ck_assert_uint_eq(share(&set, &f), 0);
}
END_TEST

START_TEST(a_tolerance_of_two_pixels_holds_on_both_sides_of_a_cell)
{
	struct replay_set set = { 0 };
	struct finger_features f = { .count = 30 }, g;

	for (unsigned i = 0; i < f.count; i++)
		f.minutiae[i] = (struct minutia){ .x = (int16_t)((int)i * 17 - 40),
						  .y = (int16_t)((int)i * 11 - 30),
						  .angle = (uint16_t)(i * 2111) };
	ck_assert_int_eq(replay_add(key, &set, &f), 0);
	for (int dx = -2; dx <= 2; dx++)
		for (int dy = -2; dy <= 2; dy++) {
			g = f;
			for (unsigned i = 0; i < g.count; i++) {
				g.minutiae[i].x = (int16_t)(g.minutiae[i].x + dx);
				g.minutiae[i].y = (int16_t)(g.minutiae[i].y + dy);
			}
			ck_assert_uint_eq(share(&set, &g), 100);
		}
	for (unsigned i = 0; i < f.count; i++)
		f.minutiae[i].x = (int16_t)(f.minutiae[i].x + 8);
	ck_assert_uint_lt(share(&set, &f), 20);
}
END_TEST

START_TEST(what_cannot_be_a_set_is_refused)
{
	static const struct replay_set sets[] = {
		{ .count = REPLAY_CAPTURES + 1 },
		{ .next = REPLAY_CAPTURES },
		{ .count = 2, .next = 3 },
		{ .count = 1, .captures = { { .count = REPLAY_MARKS + 1 } } },
	};

	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		ck_assert_int_eq(replay_check(&sets[i]), -EBADMSG);
}
END_TEST

UNIT_MAIN("replay", a_live_finger_is_never_its_own_replay,
	  the_same_picture_is_known_again_with_noise_too,
	  marks_tell_nothing_without_the_key,
	  the_set_keeps_the_last_captures_in_constant_size, few_minutiae_are_no_evidence,
	  a_tolerance_of_two_pixels_holds_on_both_sides_of_a_cell,
	  what_cannot_be_a_set_is_refused)
