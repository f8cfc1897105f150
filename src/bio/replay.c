#include "bio/replay.h"

#include <errno.h>
#include <string.h>

#define DIRECTION_BITS 4u /* sixteenths of a turn */
#define DIRECTIONS (1u << DIRECTION_BITS)
#define NEAR_PX (REPLAY_CELL_PX / 2)
#define PROBE_MINUTIAE_MAX 64u /* the best: noise may change their order a little */
#define MARK_BYTES 6u

struct place {
	int16_t x, y; /* cells */
	uint16_t direction;
};

static int
mark_of(const uint8_t key[CRYPTO_KEY_BYTES], struct place p, uint16_t *ret_mark)
{
	uint16_t x = (uint16_t)p.x, y = (uint16_t)p.y;
	uint8_t text[MARK_BYTES] = {
		(uint8_t)(x >> 8), (uint8_t)x, (uint8_t)(y >> 8),
		(uint8_t)y,        0,          (uint8_t)p.direction
	};
	uint8_t mac[CRYPTO_SHA256_BYTES];

	if (crypto_hmac_sha256(key, text, sizeof(text), mac) < 0)
		return -EIO;
	*ret_mark = (uint16_t)(mac[0] << 8 | mac[1]);
	return 0;
}

static int16_t
cell(int px)
{
	return (int16_t)(px >= 0 ? px / REPLAY_CELL_PX
				 : -((-px + REPLAY_CELL_PX - 1) / REPLAY_CELL_PX));
}

/* The direction's bin; shift is in halves of a bin. */
static uint16_t
direction(uint16_t angle, unsigned shift)
{
	uint32_t half = 1u << (16 - DIRECTION_BITS - 1);

	return (uint16_t)(((angle + shift * half) >> (16 - DIRECTION_BITS)) % DIRECTIONS);
}

int
replay_check(const struct replay_set *set)
{
	if (set->count > REPLAY_CAPTURES || set->next >= REPLAY_CAPTURES ||
	    set->next > set->count)
		return -EBADMSG;
	for (unsigned i = 0; i < set->count; i++)
		if (set->captures[i].count > REPLAY_MARKS)
			return -EBADMSG;
	return 0;
}

/* Ticks off, in every capture, the first such mark that is not ticked off yet. */
static void
tick(const struct replay_set *set, uint16_t mark, uint32_t seen[REPLAY_CAPTURES])
{
	for (unsigned i = 0; i < set->count; i++) {
		const struct replay_capture *c = &set->captures[i];

		for (unsigned k = 0; k < c->count; k++)
			if (c->marks[k] == mark && (seen[i] & (1u << k)) == 0) {
				seen[i] |= 1u << k;
				break;
			}
	}
}

/* The marks that a minutia would have left, had it been up to NEAR_PX and a half bin off. */
static int
tick_around(const uint8_t key[CRYPTO_KEY_BYTES], const struct replay_set *set,
	    const struct minutia *m, uint32_t seen[REPLAY_CAPTURES])
{
	struct place done[8] = { { 0 } };
	unsigned count = 0;

	for (unsigned i = 0; i < 8; i++) {
		struct place p = {
			cell(m->x + ((i & 1) != 0 ? NEAR_PX : -NEAR_PX)),
			cell(m->y + ((i & 2) != 0 ? NEAR_PX : -NEAR_PX)),
			direction(
				(uint16_t)(m->angle - (1u << (16 - DIRECTION_BITS - 2))),
				(i & 4) != 0 ? 1 : 0),
		};
		bool known = false;
		uint16_t mark;

		for (unsigned k = 0; k < count; k++)
			known = known || (done[k].x == p.x && done[k].y == p.y &&
					  done[k].direction == p.direction);
		if (known)
			continue;
		done[count++] = p;
		if (mark_of(key, p, &mark) < 0)
			return -EIO;
		tick(set, mark, seen);
	}
	return 0;
}

int
replay_share(const uint8_t key[CRYPTO_KEY_BYTES], const struct replay_set *set,
	     const struct finger_features *probe, unsigned *ret_percent)
{
	uint32_t seen[REPLAY_CAPTURES] = { 0 };
	unsigned best = 0;

	for (unsigned i = 0; i < probe->count && i < PROBE_MINUTIAE_MAX; i++)
		if (tick_around(key, set, &probe->minutiae[i], seen) < 0)
			return -EIO;
	for (unsigned i = 0; i < set->count; i++) {
		unsigned count = set->captures[i].count, hits;

		if (count < REPLAY_MARKS_MIN)
			continue;
		hits = (unsigned)__builtin_popcount(seen[i]);
		if (hits * 100 / count > best)
			best = hits * 100 / count;
	}
	*ret_percent = best;
	return 0;
}

int
replay_add(const uint8_t key[CRYPTO_KEY_BYTES], struct replay_set *set,
	   const struct finger_features *probe)
{
	struct replay_capture c = { 0 };

	for (unsigned i = 0; i < probe->count && i < REPLAY_MARKS; i++) {
		const struct minutia *m = &probe->minutiae[i];
		struct place p = { cell(m->x), cell(m->y), direction(m->angle, 0) };

		if (mark_of(key, p, &c.marks[c.count]) < 0)
			return -EIO;
		c.count++;
	}
	set->captures[set->next] = c;
	set->next = (uint16_t)((set->next + 1) % REPLAY_CAPTURES);
	if (set->count < REPLAY_CAPTURES)
		set->count++;
	return 0;
}
