#include "unit.h"

#include "bio/finger/finger.h"
#include "bio/gallery/flow_code.h"
#include "synth/synth.h"

#include <stdbool.h>
#include <string.h>

#define CELLS_MAX 4096u

static uint8_t map[CELLS_MAX], coded[CELLS_MAX + 1], again[CELLS_MAX + 1];

/* The map of a synthetic finger as a reference keeps it. */
static void
take(uint64_t seed, unsigned *ret_across, unsigned *ret_down)
{
	static struct finger_features f;

	ck_assert_int_eq(synth_features(seed, 0, NULL, &f), 0);
	for (unsigned i = 0; i < (unsigned)f.cells_x * f.cells_y; i++)
		map[i] = f.coherence[i] < 32 ? 0
					     : (uint8_t)((f.orientation[i] & 0xf8) |
							 f.coherence[i] >> 5);
	*ret_across = f.cells_x;
	*ret_down = f.cells_y;
}

static bool
comes_back(unsigned across, unsigned down, size_t bytes)
{
	memset(again, 0xa5, sizeof(again));
	return flow_decode(coded, bytes, across, down, again) &&
	       memcmp(again, map, (size_t)across * down) == 0 &&
	       again[across * down] == 0xa5;
}

START_TEST(maps_of_fingers_come_back_in_two_thirds_of_their_bytes)
{
	for (uint64_t seed = 1; seed <= 50; seed++) {
		unsigned across, down;
		size_t bytes;

		take(seed, &across, &down);
		bytes = flow_code(map, across, down, coded);
		ck_assert_uint_gt(bytes, 0);
		ck_assert_uint_lt(bytes, (size_t)across * down * 2 / 3);
		ck_assert(comes_back(across, down, bytes));
	}
}
END_TEST

/* Any byte; smooth: mostly near the one before. */
static uint8_t
any_cell(uint64_t *seed, uint8_t before, bool smooth)
{
	uint32_t n;

	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	n = (uint32_t)(*seed >> 32);
	if (n % 9 == 0)
		return 0;
	if (!smooth || before == 0 || n % 9 == 1)
		return (uint8_t)(n >> 8);
	return (uint8_t)(((before + ((n >> 20) % 5) * 8 - 16) & 0xf8) | (before & 7));
}

START_TEST(any_map_comes_back_or_is_not_coded)
{
	static const unsigned sides[][2] = {
		{ 1, 1 },  { 1, 2 },  { 2, 1 },   { 3, 3 },
		{ 1, 64 }, { 64, 1 }, { 64, 64 }, { 20, 23 }
	};
	uint64_t seed = 1;
	unsigned kept = 0;

	for (unsigned round = 0; round < 400; round++) {
		const unsigned *side = sides[round % 8];
		unsigned cells = side[0] * side[1];
		size_t bytes;

		for (unsigned i = 0; i < cells; i++)
			map[i] = any_cell(&seed, i > 0 ? map[i - 1] : 0, round >= 200);
		memset(coded, 0x5a, sizeof(coded));
		bytes = flow_code(map, side[0], side[1], coded);
		ck_assert_uint_lt(bytes, cells);
		ck_assert_uint_eq(coded[cells], 0x5a); /* it keeps to its room */
		if (bytes == 0)
			continue;
		ck_assert(comes_back(side[0], side[1], bytes));
		kept++;
	}
	ck_assert_uint_ge(kept, 50);
}
END_TEST

START_TEST(an_empty_map_and_one_of_a_single_cell_come_back)
{
	memset(map, 0, sizeof(map));
	ck_assert_uint_eq(flow_code(map, 20, 20, coded), 40);
	ck_assert(comes_back(20, 20, 40));
	map[399] = 0x2b;
	ck_assert_uint_eq(flow_code(map, 20, 20, coded), 42);
	ck_assert(comes_back(20, 20, 42));
	ck_assert_uint_eq(flow_code(map, 0, 0, coded), 0);
}
END_TEST

START_TEST(each_map_has_one_form_only)
{
	unsigned across, down, other = 0;
	size_t bytes, cells;

	take(3, &across, &down);
	cells = (size_t)across * down;
	bytes = flow_code(map, across, down, coded);
	for (size_t n = 0; n < bytes; n++)
		ck_assert(!flow_decode(coded, n, across, down, again));
	coded[bytes] = 0;
	ck_assert(!flow_decode(coded, bytes + 1, across, down, again));
	/* Whatever else is read is another map, and written as it was read. */
	for (size_t i = 0; i < bytes * 8; i++) {
		static uint8_t changed[CELLS_MAX], written[CELLS_MAX];

		memcpy(changed, coded, bytes);
		changed[i / 8] ^= (uint8_t)(1u << i % 8);
		if (!flow_decode(changed, bytes, across, down, again))
			continue;
		other++;
		ck_assert(memcmp(again, map, cells) != 0);
		ck_assert_uint_eq(flow_code(again, across, down, written), bytes);
		ck_assert_mem_eq(written, changed, bytes);
	}
	ck_assert_uint_gt(other, 100);
}
END_TEST

UNIT_MAIN("flow_code", maps_of_fingers_come_back_in_two_thirds_of_their_bytes,
	  any_map_comes_back_or_is_not_coded,
	  an_empty_map_and_one_of_a_single_cell_come_back, each_map_has_one_form_only)
