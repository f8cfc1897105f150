#include "bio/glass.h"

#include "glass_kit.h"
#include "synth/synth.h"
#include "unit.h"

#define FINGERS 16u
#define IMPRESSIONS 5u
#define PRINTS (FINGERS * IMPRESSIONS)
#define CLEAN_TOUCHES 150u /* on each sensor */
#define FIRST_PEOPLE 20u   /* times on each */
#define PIXELS (SYNTH_WIDTH * SYNTH_HEIGHT)

static struct glass glass;

/* ---- with reliefs made by hand ------------------------------------------- */

static struct glass_map
flat_map(void)
{
	struct glass_map m = {
		.width = 300, .height = 300, .dpi = 500, .across = 12, .down = 12
	};

	return m;
}

/* A map in which some blocks in a row are darker than their surroundings. */
static struct glass_map
spotted_map(unsigned blocks, int darker)
{
	struct glass_map m = flat_map();

	for (unsigned i = 0; i < blocks; i++)
		m.relief[50 + i] = (int8_t)-darker;
	return m;
}

static struct ulid
name_of(unsigned n)
{
	struct ulid id = { { 1 } };

	memcpy(id.b + 8, &n, sizeof(n));
	return id;
}

/* Touches of people that are told apart by `decided`: 0 each is another one who is unknown. */
static void
touches(const struct glass_map *m, unsigned from, unsigned count, unsigned decided)
{
	for (unsigned i = 0; i < count; i++) {
		glass_touch(&glass, name_of(from + i), m, false);
		if (decided != 0)
			glass_decided(&glass, name_of(from + i),
				      name_of(decided + i % decided));
	}
}

static void
clean_past(void)
{
	struct glass_map m = flat_map();

	memset(&glass, 0, sizeof(glass));
	touches(&m, 1000, 40, 0);
	ck_assert(!glass_is_dirty(&glass));
}

START_TEST(sixteen_of_twenty_people_make_dirt)
{
	struct glass_map m = spotted_map(2, 30);

	clean_past();
	/* The touch told last is not decided yet and does not count. */
	touches(&m, 0, 16, 0);
	ck_assert(!glass_is_dirty(&glass));
	touches(&m, 100, 1, 0);
	ck_assert(glass_is_dirty(&glass));
}
END_TEST

START_TEST(one_block_or_a_faint_one_is_no_dirt)
{
	struct glass_map one = spotted_map(1, 60), faint = spotted_map(20, 15);

	clean_past();
	touches(&one, 0, 40, 0);
	ck_assert(!glass_is_dirty(&glass));
	clean_past();
	touches(&faint, 0, 40, 0);
	ck_assert(!glass_is_dirty(&glass));
}
END_TEST

START_TEST(it_is_clean_when_people_see_nothing_there)
{
	struct glass_map dirty = spotted_map(4, 40), clean = flat_map();

	clean_past();
	touches(&dirty, 0, 21, 0);
	ck_assert(glass_is_dirty(&glass));
	touches(&clean, 100, 5, 0);
	ck_assert(glass_is_dirty(&glass)); /* 16 of 20 still saw it */
	touches(&clean, 200, 1, 0);
	ck_assert(!glass_is_dirty(&glass));
}
END_TEST

START_TEST(half_wiped_is_still_dirty)
{
	struct glass_map four = spotted_map(4, 40), one = spotted_map(1, 40);

	clean_past();
	touches(&four, 0, 21, 0);
	ck_assert(glass_is_dirty(&glass));
	touches(&one, 100, 40, 0);
	ck_assert(glass_is_dirty(&glass));
}
END_TEST

START_TEST(dirt_stays_dirt_for_many_people)
{
	struct glass_map m = spotted_map(4, 40);

	clean_past();
	touches(&m, 0, 2000, 0);
	ck_assert(glass_is_dirty(&glass));
}
END_TEST

START_TEST(what_was_there_first_and_is_faint_or_at_the_edge_is_the_sensors_own)
{
	struct glass_map faint = spotted_map(9, 29), edge = flat_map();

	for (unsigned i = 0; i < 12; i++) { /* all the way round */
		edge.relief[i] = edge.relief[12 * 11 + i] = -90;
		edge.relief[12 * i] = edge.relief[12 * i + 11] = -90;
	}
	memset(&glass, 0, sizeof(glass));
	touches(&faint, 0, 200, 0);
	ck_assert(!glass_is_dirty(&glass));
	memset(&glass, 0, sizeof(glass));
	touches(&edge, 0, 200, 0);
	ck_assert(!glass_is_dirty(&glass));
}
END_TEST

START_TEST(much_darker_is_dirt_for_the_first_people_too)
{
	struct glass_map m = spotted_map(2, 30), clean = flat_map();

	memset(&glass, 0, sizeof(glass));
	touches(&m, 0, 20, 0);
	ck_assert(!glass_is_dirty(&glass)); /* the last one is not decided */
	touches(&m, 100, 1, 0);
	ck_assert(glass_is_dirty(&glass));
	touches(&m, 200, 200, 0); /* it does not become usual */
	ck_assert(glass_is_dirty(&glass));
	touches(&clean, 500, 6, 0);
	ck_assert(!glass_is_dirty(&glass));
	/* And it is told again when it comes back. */
	touches(&clean, 600, 20, 0);
	touches(&m, 700, 17, 0);
	ck_assert(glass_is_dirty(&glass));
}
END_TEST

START_TEST(two_of_the_first_people_without_it_are_enough_against_it)
{
	struct glass_map m = spotted_map(4, 60), clean = flat_map();

	for (unsigned without = 1; without <= 2; without++) {
		memset(&glass, 0, sizeof(glass));
		touches(&clean, 0, without, 0);
		touches(&m, 100, 21 - without, 0);
		ck_assert_uint_eq(glass.count, GLASS_SUBJECTS);
		ck_assert_int_eq(glass_is_dirty(&glass), without == 1);
	}
}
END_TEST

START_TEST(lighter_is_no_dirt)
{
	struct glass_map m = spotted_map(9, -60);

	clean_past();
	touches(&m, 0, 100, 0);
	ck_assert(!glass_is_dirty(&glass));
}
END_TEST

static bool
is_remembered(struct ulid subject)
{
	for (size_t i = 0; i < GLASS_SUBJECTS; i++)
		if (ulid_eq(glass.last[i].subject, subject))
			return true;
	return false;
}

START_TEST(one_person_does_not_make_dirt_usual_nor_clean_strange)
{
	struct glass_map m = spotted_map(4, 40);

	clean_past();
	for (unsigned i = 0; i < 5000; i++) { /* the one who tries the reader all day */
		glass_touch(&glass, name_of(i), &m, false);
		glass_decided(&glass, name_of(i), name_of(7777));
	}
	touches(&m, 0, 17, 0);
	ck_assert(glass_is_dirty(&glass));
}
END_TEST

START_TEST(one_person_is_one_however_often)
{
	struct glass_map m = spotted_map(4, 40);

	clean_past();
	for (unsigned i = 0; i < 100; i++) { /* a member */
		glass_touch(&glass, name_of(i), &m, false);
		glass_decided(&glass, name_of(i), name_of(7777));
	}
	ck_assert(!glass_is_dirty(&glass));
	for (unsigned i = 0; i < 100; i++) /* nobody known, and the finger matches */
		glass_touch(&glass, name_of(i), &m, true);
	ck_assert(!glass_is_dirty(&glass));
	ck_assert(is_remembered(name_of(7777)));
	touches(&m, 0, 30, 14); /* fourteen members more */
	ck_assert(!glass_is_dirty(&glass));
	touches(&m, 500, 32, 16);
	ck_assert(glass_is_dirty(&glass));
}
END_TEST

START_TEST(who_is_known_at_the_second_try_is_one_person)
{
	struct glass_map m = spotted_map(4, 40);

	clean_past();
	for (unsigned i = 0; i < 12; i++) {
		glass_touch(&glass, name_of(2 * i), &m, false);
		glass_touch(&glass, name_of(2 * i + 1), &m, true);
		glass_decided(&glass, name_of(2 * i + 1), name_of(7000 + i));
	}
	ck_assert_uint_eq(glass.count, GLASS_SUBJECTS);
	ck_assert(!glass_is_dirty(&glass)); /* 24 touches of 12 */
	ck_assert_uint_eq(glass.next, (39 + 1 + 12) % GLASS_SUBJECTS);
}
END_TEST

START_TEST(a_decision_of_another_touch_is_no_matter)
{
	struct glass_map m = spotted_map(4, 40);

	clean_past();
	glass_touch(&glass, name_of(1), &m, false);
	glass_decided(&glass, name_of(2), name_of(3));
	glass_decided(&glass, (struct ulid){ { 0 } }, name_of(3));
	glass_decided(&glass, name_of(1), name_of(3));
	glass_decided(&glass, name_of(1), name_of(4)); /* it is decided */
	ck_assert(is_remembered(name_of(3)));
	ck_assert(!is_remembered(name_of(4)));
}
END_TEST

START_TEST(another_device_starts_over)
{
	struct glass_map m = spotted_map(4, 40), other = flat_map();
	struct glass none = { .count = 0 };

	clean_past();
	touches(&m, 0, 30, 0);
	ck_assert(glass_is_dirty(&glass));
	other.dpi = 508;
	touches(&other, 0, 1, 0);
	ck_assert(!glass_is_dirty(&glass));
	ck_assert_uint_eq(glass.count, 0);
	glass_reset(&glass);
	ck_assert_mem_eq(&glass, &none, sizeof(none));
}
END_TEST

static const struct reader_device front = {
	.model = "U.are.U 4500", .id = "05ba:000a", .port = "1-4", .serial = "17"
};

START_TEST(the_same_device_that_comes_back_is_known)
{
	struct glass_map m = spotted_map(4, 40);
	struct glass_map clean = flat_map();
	struct reader_device same = front;

	memset(&glass, 0, sizeof(glass));
	glass_device(&glass, &front);
	touches(&clean, 1000, 40, 0);
	glass_device(&glass, &front); /* away for the night */
	touches(&m, 0, 10, 0);
	/* Some drivers know the model better after the first frame. */
	(void)snprintf(same.model, sizeof(same.model), "another text");
	glass_device(&glass, &same);
	touches(&m, 100, 7, 0);
	ck_assert(glass_is_dirty(&glass));
	glass_device(&glass, &front);
	ck_assert(glass_is_dirty(&glass));
}
END_TEST

START_TEST(any_other_device_starts_over)
{
	struct glass_map m = flat_map(), larger = flat_map();
	struct reader_device other[3] = { front, front, front };

	other[0].id[0] = '1';
	other[1].port[2] = '5';
	other[2].serial[0] = '\0';
	for (size_t i = 0; i < 3; i++) {
		memset(&glass, 0, sizeof(glass));
		glass_device(&glass, &front);
		touches(&m, 0, 30, 0);
		ck_assert_uint_eq(glass.count, GLASS_SUBJECTS);
		glass_device(&glass, &other[i]);
		ck_assert_uint_eq(glass.count, 0);
		ck_assert(!glass.learned);
	}
	/* Another size starts over too, and is still of the same device. */
	larger.width = 384;
	touches(&larger, 0, 5, 0);
	glass_device(&glass, &other[2]);
	ck_assert_uint_eq(glass.count, 4);
}
END_TEST

/* Whose reliefs are in it, the oldest first; 0 for nobody known. */
static void
check_order(const unsigned *names, unsigned count)
{
	ck_assert_uint_eq(glass.count, count);
	for (unsigned i = 0; i < count; i++) {
		size_t at =
			(glass.next + 2 * GLASS_SUBJECTS - count + i) % GLASS_SUBJECTS;

		ck_assert(ulid_eq(glass.last[at].subject, name_of(names[i])));
		ck_assert_int_eq(glass.last[at].map.relief[0], (int8_t)names[i]);
	}
}

START_TEST(who_is_erased_has_never_been_here)
{
	static const struct glass_entry nobody;
	struct glass_map m = flat_map();

	/* Each place of the ring, in each turn of it. */
	for (unsigned turn = 1; turn <= 2 * GLASS_SUBJECTS; turn++) {
		unsigned have = turn < GLASS_SUBJECTS ? turn : GLASS_SUBJECTS;

		for (unsigned who = 0; who < have; who++) {
			unsigned names[GLASS_SUBJECTS + 1], n = 0;

			memset(&glass, 0, sizeof(glass));
			for (unsigned i = 1; i <= turn; i++) {
				m.relief[0] = (int8_t)i;
				glass_touch(&glass, name_of(i), &m, false);
				glass_decided(&glass, name_of(i), name_of(i));
			}
			glass_forget(&glass, (struct ulid){ { 0 } });
			glass_forget(&glass, name_of(99));
			ck_assert_uint_eq(glass.count, have);
			glass_forget(&glass, name_of(turn - have + 1 + who));
			ck_assert(!is_remembered(name_of(turn - have + 1 + who)));
			ck_assert_mem_eq(&glass.last[glass.next], &nobody,
					 sizeof(nobody));
			ck_assert_mem_eq(glass.map.relief, nobody.map.relief,
					 sizeof(nobody.map.relief));
			for (unsigned i = turn - have + 1; i <= turn; i++)
				if (i != turn - have + 1 + who)
					names[n++] = i;
			check_order(names, n);
			m.relief[0] = 100; /* the next one takes the free place */
			glass_touch(&glass, name_of(100), &m, false);
			glass_decided(&glass, name_of(100), name_of(100));
			names[n++] = 100;
			check_order(names, n);
		}
	}
}
END_TEST

START_TEST(every_size_of_a_frame_fits)
{
	static const uint32_t sizes[][3] = { { 64, 64, 250 },     { 64, 64, 1200 },
					     { 2000, 1000, 250 }, { 64, 2000, 1200 },
					     { 384, 290, 500 },   { 1999, 65, 333 } };
	struct glass_map m;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct sample *s = NULL;

		ck_assert_int_eq(sample_new(sizes[i][0], sizes[i][1], sizes[i][2], &s),
				 0);
		memset(s->grey, 200, (size_t)s->width * s->height);
		glass_map_of(s, &m);
		ck_assert_uint_ge(m.across, 1);
		ck_assert_uint_ge(m.down, 1);
		ck_assert_uint_le(m.across, GLASS_SIDE_MAX);
		ck_assert_uint_le(m.down, GLASS_SIDE_MAX);
		for (size_t k = 0; k < GLASS_BLOCKS_MAX; k++)
			ck_assert_int_eq(m.relief[k], 0);
		sample_free(s);
	}
}
END_TEST

/* ---- with prints ---------------------------------------------------------- */

/* What a sensor adds of its own. */
static int
light_at(unsigned sensor, int grey, int x, int y)
{
	int dx = x - (int)SYNTH_WIDTH / 2, dy = y - (int)SYNTH_HEIGHT / 2;

	switch (sensor) {
	case 0: /* white corners and the lamp's spot, as rendered */
		return grey;
	case 1: /* darker towards the corners */
		return grey - (dx * dx + dy * dy) / 1000;
	case 2: /* a weak lamp below */
		return (grey - y / 5) * 3 / 4;
	default: /* dead rows and a dark edge */
		return y % 120 < 3 || x < 12 ? 20 : grey;
	}
}
#define SENSORS 4u

static struct sample *prints[PRINTS];

static void
make_prints(void)
{
	struct synth_options o = synth_options_default();

	o.difficulty = 80;
	for (unsigned f = 0; f < FINGERS; f++) {
		struct synth_master *m = synth_master_new(7000 + f);

		ck_assert_ptr_nonnull(m);
		for (unsigned i = 0; i < IMPRESSIONS; i++) {
			struct sample **s = &prints[f * IMPRESSIONS + i];

			ck_assert_int_eq(
				sample_new(SYNTH_WIDTH, SYNTH_HEIGHT, SYNTH_DPI, s), 0);
			ck_assert_int_eq(synth_master_render(m, i, &o, (*s)->grey), 0);
		}
		synth_master_free(m);
	}
}

/* The print as this sensor sees it, through this smear if there is one. */
static void
touch_print(unsigned n, unsigned sensor, unsigned print, const struct smear *smear)
{
	struct sample *s = NULL;

	ck_assert_int_eq(sample_new(SYNTH_WIDTH, SYNTH_HEIGHT, SYNTH_DPI, &s), 0);
	for (size_t i = 0; i < PIXELS; i++) {
		int grey = light_at(sensor, prints[print]->grey[i],
				    (int)(i % SYNTH_WIDTH), (int)(i / SYNTH_WIDTH));

		s->grey[i] = (uint8_t)(grey < 0 ? 0 : grey);
	}
	if (smear != NULL)
		glass_kit_smear(s, smear);
	glass_kit_touch(&glass, n, s);
	sample_free(s);
}

START_TEST(clean_prints_are_clean_and_smears_are_seen_on_every_sensor)
{
	static const struct smear smears[] = { { 60, 300, 40, 60 },
					       { 164, 182, 40, 70 },
					       { 290, 90, 50, 60 } };
	uint32_t seed = 4;
	unsigned n = 0, clean = 0;

	make_prints();
	for (unsigned sensor = 0; sensor < SENSORS; sensor++) {
		memset(&glass, 0, sizeof(glass));
		for (unsigned i = 0; i < CLEAN_TOUCHES; i++, clean++) {
			touch_print(n++, sensor, glass_kit_random(&seed, PRINTS), NULL);
			ck_assert_msg(!glass_is_dirty(&glass), "sensor %u, touch %u",
				      sensor, i);
		}
		for (size_t k = 0; k < sizeof(smears) / sizeof(smears[0]); k++) {
			for (unsigned i = 0; i < 2 * GLASS_SUBJECTS; i++)
				touch_print(n++, sensor, glass_kit_random(&seed, PRINTS),
					    &smears[k]);
			ck_assert_msg(glass_is_dirty(&glass), "sensor %u, smear %zu",
				      sensor, k);
			for (unsigned i = 0; i < GLASS_SUBJECTS; i++)
				touch_print(n++, sensor, glass_kit_random(&seed, PRINTS),
					    NULL);
			ck_assert_msg(!glass_is_dirty(&glass), "sensor %u, wiped %zu",
				      sensor, k);
		}
	}
	ck_assert_uint_ge(clean, 500);
	/* Under the middle of the prints also from the first, without an alarm where there is none. */
	for (unsigned run = 0; run < FIRST_PEOPLE * SENSORS; run++) {
		const struct smear *smear = run < 2 * SENSORS ? &smears[1] : NULL;

		memset(&glass, 0, sizeof(glass));
		for (unsigned i = 0; i <= GLASS_SUBJECTS; i++)
			touch_print(n++, run % SENSORS, glass_kit_random(&seed, PRINTS),
				    smear);
		ck_assert_msg(glass_is_dirty(&glass) == (smear != NULL), "first, run %u",
			      run);
	}
	for (unsigned i = 0; i < PRINTS; i++)
		sample_free(prints[i]);
}
END_TEST

UNIT_MAIN("glass", sixteen_of_twenty_people_make_dirt,
	  one_block_or_a_faint_one_is_no_dirt, it_is_clean_when_people_see_nothing_there,
	  half_wiped_is_still_dirty, dirt_stays_dirt_for_many_people,
	  what_was_there_first_and_is_faint_or_at_the_edge_is_the_sensors_own,
	  much_darker_is_dirt_for_the_first_people_too,
	  two_of_the_first_people_without_it_are_enough_against_it, lighter_is_no_dirt,
	  one_person_does_not_make_dirt_usual_nor_clean_strange,
	  one_person_is_one_however_often, who_is_known_at_the_second_try_is_one_person,
	  a_decision_of_another_touch_is_no_matter, another_device_starts_over,
	  the_same_device_that_comes_back_is_known, any_other_device_starts_over,
	  who_is_erased_has_never_been_here, every_size_of_a_frame_fits,
	  clean_prints_are_clean_and_smears_are_seen_on_every_sensor)
