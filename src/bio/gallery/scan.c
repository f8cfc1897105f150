#include "bio/gallery/scan.h"

#include "bio/gallery/fixed.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#define DICE_ONE 256u
#define DICE_MIN 72u  /* less alike pairs do not vote */
#define DICE_BASE 36u /* likeness that weighs nothing */
/* Fingers turned by more than 59 degrees are not found; a comparison with named ones takes 90. */
#define TURN_MAX 42u
#define TURN_TOLERANCE 9u /* votes for one movement: 12.7 degrees */
#define PLACE_TOLERANCE 6 /* and this many pixels, */
#define PLACE_SLACK 4     /* and a sixteenth of how far they lie apart */
#define SEEDS 6u

_Static_assert(SCAN_CYLINDERS_MAX % KERNEL_LANES == 0, "kernels work on eights");
_Static_assert(SCAN_CYLINDERS_MAX <= 32, "lanes fit a mask");

struct scan_vote {
	int16_t ax, ay, bx, by;
	uint16_t weight;
	uint8_t turn;
};

static uint8_t
at_most_255(unsigned v)
{
	return (uint8_t)(v > 255 ? 255 : v);
}

void
scan_reference_fill(struct scan_reference *r, const struct mcc_set *set)
{
	memset(r, 0, sizeof(*r));
	r->count = (uint8_t)(set->count < SCAN_CYLINDERS_MAX ? set->count
							     : SCAN_CYLINDERS_MAX);
	for (unsigned i = 0; i < r->count; i++) {
		unsigned from = set->by_quality[i];

		for (unsigned k = 0; k < MCC_PLANES; k++)
			r->plane[k][i] = set->plane[k][from];
		r->x[i] = set->at[from].x;
		r->y[i] = set->at[from].y;
		r->ones[i] = at_most_255(set->ones[from]);
		r->angle[i] = (uint8_t)((set->at[from].angle + 128u) >> 8);
	}
}

void
scan_probe_fill(struct scan_probe *p, const struct mcc_set *set)
{
	memset(p, 0, sizeof(*p));
	p->count = set->count < SCAN_PROBE_MAX ? set->count : SCAN_PROBE_MAX;
	for (unsigned i = 0; i < p->count; i++) {
		unsigned from = set->by_quality[i];

		for (unsigned k = 0; k < MCC_PLANES; k++)
			p->plane[i][k] = set->plane[k][from];
		p->x[i] = set->at[from].x;
		p->y[i] = set->at[from].y;
		p->ones[i] = at_most_255(set->ones[from]);
		p->angle[i] = (uint8_t)((set->at[from].angle + 128u) >> 8);
	}
	for (unsigned t = 0; t < 256; t++) {
		p->sin[t] = (int16_t)fixed_sin((uint16_t)(t << 8));
		p->cos[t] = (int16_t)fixed_cos((uint16_t)(t << 8));
	}
}

/* The reference's cylinder most like the probe's i-th; weight 0 when none is alike enough. */
static struct scan_vote
best_of(const struct kernel *kernel, const struct scan_probe *p, unsigned i,
	const struct scan_reference *r)
{
	uint16_t both[SCAN_CYLINDERS_MAX];
	uint32_t best_both = 0, best_sum = 1, best_j = 0, mask, weight;

	mask = kernel->alike(p->plane[i], p->ones[i], &r->plane[0][0], r->ones,
			     SCAN_CYLINDERS_MAX, both);
	for (; mask != 0; mask &= mask - 1) {
		uint32_t j = (uint32_t)__builtin_ctz(mask);
		uint32_t sum = (uint32_t)p->ones[i] + r->ones[j] + 1;

		/* Shares are compared crosswise: a division costs more than all the rest. */
		if (both[j] * best_sum > best_both * sum &&
		    (uint8_t)(r->angle[j] - p->angle[i] + TURN_MAX) <= 2 * TURN_MAX) {
			best_both = both[j];
			best_sum = sum;
			best_j = j;
		}
	}
	weight = 2 * best_both * DICE_ONE / best_sum;
	if (weight < DICE_MIN)
		return (struct scan_vote){ 0 };
	weight = (weight - DICE_BASE) * (weight - DICE_BASE) >> 6;
	return (struct scan_vote){
		p->x[i],      p->y[i],          r->x[best_j],
		r->y[best_j], (uint16_t)weight, (uint8_t)(r->angle[best_j] - p->angle[i])
	};
}

static int32_t
length_of(int32_t v)
{
	return v < 0 ? -v : v;
}

/*
 * The weight of all votes that agree with the movement of one. Near it they must agree well, far
 * off skin stretches and its turn is not that sure. Without branches: who agrees is hard to
 * foresee.
 */
static uint32_t
support(const struct scan_probe *p, const struct scan_vote *votes, unsigned count,
	const struct scan_vote *seed)
{
	int32_t sin = p->sin[seed->turn], cos = p->cos[seed->turn];
	uint32_t sum = 0;

	for (unsigned i = 0; i < count; i++) {
		const struct scan_vote *v = &votes[i];
		int32_t x = v->ax - seed->ax, y = v->ay - seed->ay;
		int32_t dx = ((x * cos + y * sin) >> 14) - (v->bx - seed->bx);
		int32_t dy = ((y * cos - x * sin) >> 14) - (v->by - seed->by);
		int32_t most =
			PLACE_TOLERANCE + ((length_of(x) + length_of(y)) >> PLACE_SLACK);
		uint32_t turn =
			((uint32_t)(v->turn - seed->turn) + TURN_TOLERANCE) & UINT8_MAX;
		int32_t off_x = length_of(dx), off_y = length_of(dy);
		int32_t agrees =
			(turn <= 2 * TURN_TOLERANCE) & (off_x <= most) & (off_y <= most);

		sum += v->weight & (uint32_t)-agrees;
	}
	return sum;
}

/* Moves the strongest votes to the front. */
static void
strongest_first(struct scan_vote *votes, unsigned count, unsigned wanted)
{
	for (unsigned i = 0; i < wanted && i < count; i++) {
		unsigned best = i;
		struct scan_vote v;

		for (unsigned j = i + 1; j < count; j++) {
			if (votes[j].weight > votes[best].weight)
				best = j;
		}
		v = votes[i];
		votes[i] = votes[best];
		votes[best] = v;
	}
}

uint32_t
scan_score(const struct kernel *kernel, const struct scan_probe *probe,
	   const struct scan_reference *reference)
{
	struct scan_vote votes[SCAN_PROBE_MAX];
	unsigned count = 0;
	uint32_t best = 0;

	for (unsigned i = 0; i < probe->count; i++) {
		struct scan_vote v = best_of(kernel, probe, i, reference);

		if (v.weight != 0)
			votes[count++] = v;
	}
	strongest_first(votes, count, SEEDS);
	for (unsigned i = 0; i < count && i < SEEDS; i++) {
		uint32_t sum = support(probe, votes, count, &votes[i]);

		best = sum > best ? sum : best;
	}
	return best < SCAN_SCORE_MAX ? best : SCAN_SCORE_MAX;
}
