#include "bio/gallery/align.h"

#include "bio/gallery/fixed.h"
#include "bio/gallery/overlay.h"

#include <stdbool.h>
#include <string.h>

#define SEEDS 32u
#define VOTERS 128u
#define TURN_TOLERANCE 3641 /* 20 degrees */
#define PLACE_TOLERANCE 20
#define WEIGHT_BASE 200 /* similarity that pairs of strangers have */
#define SAME_TURN 2730u /* movements less than 15 degrees */
#define SAME_PLACE 24   /* and this many pixels apart are one */

/* Column by column, always VOTERS long, so that the compiler can vote for several at once. */
struct voters {
	int32_t ax[VOTERS], ay[VOTERS], bx[VOTERS], by[VOTERS];
	int32_t turn[VOTERS];
	int32_t weight[VOTERS]; /* 0: nobody */
	const struct minutia *a[VOTERS], *b[VOTERS];
	unsigned count;
};

static void
gather(const struct relax_work *w, const struct mcc_set *a, const struct mcc_set *b,
       struct voters *v)
{
	memset(v, 0, sizeof(*v));
	v->count = w->sorted_count < VOTERS ? w->sorted_count : VOTERS;
	for (unsigned i = 0; i < v->count; i++) {
		v->a[i] = &a->at[w->sorted[i] >> 8 & 255u];
		v->b[i] = &b->at[w->sorted[i] & 255u];
		v->ax[i] = v->a[i]->x;
		v->ay[i] = v->a[i]->y;
		v->bx[i] = v->b[i]->x;
		v->by[i] = v->b[i]->y;
		v->turn[i] = (uint16_t)(v->b[i]->angle - v->a[i]->angle);
		v->weight[i] = (int32_t)(w->sorted[i] >> 16) - WEIGHT_BASE;
	}
}

static struct fine_move
move_of(const struct voters *v, unsigned i)
{
	uint16_t turn = (uint16_t)v->turn[i];
	struct fine_move m = { fixed_sin(turn), fixed_cos(turn), 0, 0, turn };
	int32_t x, y;

	fine_moved(&m, v->ax[i], v->ay[i], &x, &y);
	m.x = v->bx[i] - x;
	m.y = v->by[i] - y;
	return m;
}

/* The weights of the voters that agree with a movement, 0 for the others, and their sum. */
static int32_t
support(const struct fine_move *m, const struct voters *v, int32_t ret_weight[VOTERS])
{
	const int32_t half = FIXED_ONE / 2;
	int32_t sum = 0;

	for (unsigned i = 0; i < VOTERS; i++) {
		int32_t x = (v->ax[i] * m->cos + v->ay[i] * m->sin + half) >> 14;
		int32_t y = (v->ay[i] * m->cos - v->ax[i] * m->sin + half) >> 14;
		uint32_t dx = (uint32_t)(x + m->x - v->bx[i] + PLACE_TOLERANCE);
		uint32_t dy = (uint32_t)(y + m->y - v->by[i] + PLACE_TOLERANCE);
		uint32_t turn =
			(uint32_t)(v->turn[i] - m->turn + TURN_TOLERANCE) & 0xffffu;
		int32_t agrees = (turn <= 2 * TURN_TOLERANCE) &
				 (dx <= 2 * PLACE_TOLERANCE) &
				 (dy <= 2 * PLACE_TOLERANCE);

		ret_weight[i] = v->weight[i] & -agrees;
	}
	for (unsigned i = 0; i < VOTERS; i++)
		sum += ret_weight[i];
	return sum;
}

/* Least squares over the voters that agree. */
static struct fine_move
refine(const struct fine_move *m, const struct voters *v)
{
	struct overlay_tie ties[VOTERS];
	int32_t weight[VOTERS];
	unsigned n = 0;

	(void)support(m, v, weight); /* the sum was wanted before */
	for (unsigned i = 0; i < v->count; i++) {
		if (weight[i] > 0)
			ties[n++] = (struct overlay_tie){ v->a[i], v->b[i], weight[i] };
	}
	return n > 0 ? overlay_move(ties, n) : *m;
}

static bool
same_move(const struct fine_move *m, const struct fine_move *n, const struct minutia *at)
{
	int32_t mx, my, nx, ny;

	if (fixed_apart(m->turn, n->turn) > SAME_TURN)
		return false;
	fine_moved(m, at->x, at->y, &mx, &my);
	fine_moved(n, at->x, at->y, &nx, &ny);
	mx -= nx;
	my -= ny;
	return mx <= SAME_PLACE && mx >= -SAME_PLACE && my <= SAME_PLACE &&
	       my >= -SAME_PLACE;
}

unsigned
align_propose(const struct relax_work *work, const struct mcc_set *a,
	      const struct mcc_set *b, struct fine_move ret_moves[ALIGN_MOVES_MAX])
{
	struct fine_move moves[SEEDS];
	int32_t votes[SEEDS], weight[VOTERS];
	struct voters v;
	unsigned seeds, chosen = 0;

	gather(work, a, b, &v);
	seeds = v.count < SEEDS ? v.count : SEEDS;
	for (unsigned i = 0; i < seeds; i++) {
		moves[i] = move_of(&v, i);
		votes[i] = support(&moves[i], &v, weight);
	}
	while (chosen < ALIGN_MOVES_MAX) {
		unsigned best = 0;

		for (unsigned i = 1; i < seeds; i++)
			best = votes[i] > votes[best] ? i : best;
		if (seeds == 0 || votes[best] <= 0)
			break;
		ret_moves[chosen++] = refine(&moves[best], &v);
		for (unsigned i = 0; i < seeds; i++) {
			if (i != best && same_move(&moves[i], &moves[best], v.a[best]))
				votes[i] = 0;
		}
		votes[best] = 0;
	}
	return chosen;
}
