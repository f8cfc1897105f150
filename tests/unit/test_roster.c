#include "bio/gallery/roster.h"

#include "unit.h"

#include <errno.h>

#define MANY 5000u

/* Ids that differ in their last bytes only, as those of one day do in their first. */
static struct gallery_name
name_of(uint32_t n)
{
	struct gallery_name name = { .finger = 1 + n % 3, .key = n + 1 };

	name.subject.b[0] = 7;
	name.subject.b[13] = (uint8_t)(n / 3 >> 16);
	name.subject.b[14] = (uint8_t)(n / 3 >> 8);
	name.subject.b[15] = (uint8_t)(n / 3);
	return name;
}

static void
append(struct roster *r, uint32_t n)
{
	const struct gallery_name name = name_of(n);
	uint32_t slot = ROSTER_NONE;

	ck_assert_int_eq(roster_append(r, &name, &slot), 0);
	ck_assert_uint_eq(slot, r->count - 1);
	memset(roster_scan(r, slot), (int)n & 0xff, sizeof(struct scan_reference));
}

/* Whether n is there, with what was put beside it. */
static bool
has(const struct roster *r, uint32_t n)
{
	const struct gallery_name name = name_of(n);
	uint32_t slot = roster_find(r, name.subject, name.finger);
	struct scan_reference want;

	if (slot == ROSTER_NONE)
		return false;
	memset(&want, (int)n & 0xff, sizeof(want));
	ck_assert_uint_eq(roster_slot(r, slot)->key, n + 1);
	ck_assert_mem_eq(roster_scan(r, slot), &want, sizeof(want));
	return true;
}

START_TEST(all_are_found_at_every_size)
{
	struct roster r;

	ck_assert_int_eq(roster_init(&r, MANY), 0);
	for (uint32_t n = 0; n < MANY; n++) {
		ck_assert(!has(&r, n));
		append(&r, n);
		ck_assert(has(&r, n));
		ck_assert(has(&r, n / 2));
		ck_assert(has(&r, 0));
	}
	for (uint32_t n = 0; n < MANY; n++)
		ck_assert(has(&r, n));
	ck_assert_uint_ge(r.buckets, MANY / 4); /* the index has grown along */
	roster_clear(&r);
}
END_TEST

START_TEST(a_subject_has_all_its_slots_and_no_other)
{
	struct roster r;

	ck_assert_int_eq(roster_init(&r, MANY), 0);
	for (uint32_t n = 0; n < MANY; n++)
		append(&r, n);
	for (uint32_t n = 0; n + 3 <= MANY; n += 3) {
		struct ulid subject = name_of(n).subject;
		unsigned fingers = 0;
		uint32_t slot = roster_first(&r, subject);

		for (; slot != ROSTER_NONE; slot = roster_next(&r, slot)) {
			ck_assert(ulid_eq(roster_slot(&r, slot)->subject, subject));
			fingers |= 1u << roster_slot(&r, slot)->finger;
		}
		ck_assert_uint_eq(fingers, 1u << 1 | 1u << 2 | 1u << 3);
	}
	roster_clear(&r);
}
END_TEST

START_TEST(removed_ones_are_gone_and_the_others_stay)
{
	const uint32_t step = 1237; /* coprime: every one once */
	struct roster r;

	ck_assert_int_eq(roster_init(&r, MANY), 0);
	for (uint32_t n = 0; n < MANY; n++)
		append(&r, n);
	for (uint32_t i = 0; i < MANY; i++) {
		uint32_t n = (uint32_t)((uint64_t)i * step % MANY),
			 later = (uint32_t)((uint64_t)(MANY - 1) * step % MANY);
		const struct gallery_name name = name_of(n);

		ck_assert(has(&r, n));
		roster_remove(&r, roster_find(&r, name.subject, name.finger));
		ck_assert(!has(&r, n));
		ck_assert_uint_eq(r.count, MANY - 1 - i);
		if (i < MANY - 1)
			ck_assert(has(&r, later));
	}
	append(&r, 5); /* it is as good as new */
	ck_assert(has(&r, 5));
	roster_clear(&r);
}
END_TEST

START_TEST(a_full_one_takes_no_more)
{
	const struct gallery_name name = name_of(9);
	struct roster r;
	uint32_t slot = 77;

	ck_assert_int_eq(roster_init(&r, 2), 0);
	append(&r, 0);
	append(&r, 1);
	ck_assert_int_eq(roster_append(&r, &name, &slot), -ENOSPC);
	ck_assert_uint_eq(slot, 77);
	roster_remove(&r, 0);
	ck_assert_int_eq(roster_append(&r, &name, &slot), 0);
	roster_clear(&r);
	ck_assert_int_eq(roster_init(&r, UINT32_MAX), -ENOMEM);
	roster_clear(&r);
}
END_TEST

START_TEST(a_reference_costs_no_more_than_its_share)
{
	struct roster r;
	uint64_t empty;

	ck_assert_int_eq(roster_init(&r, 2000000), 0);
	empty = roster_bytes(&r);
	ck_assert_uint_lt(empty,
			  1000); /* nothing is taken for references that may come */
	for (uint32_t n = 0; n < 20 * ROSTER_CHUNK; n++)
		append(&r, n);
	ck_assert_uint_ge(roster_bytes(&r), sizeof(struct scan_reference) * r.count);
	ck_assert_uint_le(roster_bytes(&r) / r.count, SCAN_BYTES_MAX);
	ck_assert_uint_ge(roster_room(roster_bytes(&r)), 19 * ROSTER_CHUNK);
	ck_assert_uint_le(roster_room(roster_bytes(&r)), 20 * ROSTER_CHUNK);
	roster_clear(&r);
}
END_TEST

UNIT_MAIN("roster", all_are_found_at_every_size, a_subject_has_all_its_slots_and_no_other,
	  removed_ones_are_gone_and_the_others_stay, a_full_one_takes_no_more,
	  a_reference_costs_no_more_than_its_share)
