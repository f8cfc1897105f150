#include "bio/gallery/align.h"

#include "bio/gallery/fixed.h"
#include "bio/gallery/overlay.h"

#include <stdbool.h>
#include <string.h>

#define SEEDS 24u
#define VOTERS KERNEL_VOTERS
#define WEIGHT_BASE 200 /* similarity that pairs of strangers have */
#define SAME_TURN 2730u /* movements less than 15 degrees */
#define SAME_PLACE 24   /* and this many pixels apart are one */

struct voters {
	struct kernel_voters at;
	const struct minutia *a[VOTERS], *b[VOTERS];
	unsigned count;
};

static void
gather(const struct relax_work *w, const struct mcc_set *a, const struct mcc_set *b,
       struct voters *v)
{
	if (w->sorted_count < VOTERS)
		memset(v, 0, sizeof(*v));
	v->count = w->sorted_count < VOTERS ? w->sorted_count : VOTERS;
	for (unsigned i = 0; i < v->count; i++) {
		const struct minutia *from = &a->at[w->sorted[i] >> 8 & 255u];
		const struct minutia *to = &b->at[w->sorted[i] & 255u];

		v->a[i] = from;
		v->b[i] = to;
		v->at.a[i] = move_point(from->x, from->y);
		v->at.bx[i] = to->x;
		v->at.by[i] = to->y;
		v->at.turn[i] = (uint16_t)(to->angle - from->angle);
		v->at.weight[i] = (int32_t)(w->sorted[i] >> 16) - WEIGHT_BASE;
	}
}

/* The movement that a pair of cylinders proposes. */
static struct fine_move
move_of(const struct mcc_set *a, const struct mcc_set *b, uint32_t pair)
{
	unsigned i = pair >> 8 & 255u, j = pair & 255u;
	int32_t a_cos = (int16_t)(uint32_t)a->unit[i], a_sin = a->unit[i] >> 16;
	int32_t b_cos = (int16_t)(uint32_t)b->unit[j], b_sin = b->unit[j] >> 16;
	struct fine_move m = {
		(b_sin * a_cos - b_cos * a_sin + FIXED_ONE / 2) >> 14,
		(b_cos * a_cos + b_sin * a_sin + FIXED_ONE / 2) >> 14,
		0,
		0,
		(uint16_t)(b->angle[j] - a->angle[i]),
	};
	int32_t x, y;

	fine_moved(&m, a->at[i].x, a->at[i].y, &x, &y);
	m.x = b->at[j].x - x;
	m.y = b->at[j].y - y;
	return m;
}

/* Least squares over the voters that agree. */
static struct fine_move
refine(const struct kernel *kernel, const struct fine_move *m, const struct voters *v)
{
	struct overlay_tie ties[VOTERS];
	uint8_t agree[VOTERS + 1];
	int32_t weight[VOTERS];
	unsigned n = 0;

	(void)kernel->votes(&v->at, m, weight); /* the sum was wanted before */
	for (unsigned i = 0; i < VOTERS; i++) {
		agree[n] = (uint8_t)i;
		n += weight[i] > 0;
	}
	for (unsigned k = 0; k < n; k++)
		ties[k] = (struct overlay_tie){ v->a[agree[k]], v->b[agree[k]],
						weight[agree[k]] };
	return n > 0 ? overlay_move(ties, n) : *m;
}

/* Do two movements bring a minutia to the same place and direction? Hard to foresee. */
static int32_t
same_move(const struct fine_move *m, const struct fine_move *n, const struct minutia *at)
{
	int32_t mx, my, nx, ny;

	fine_moved(m, at->x, at->y, &mx, &my);
	fine_moved(n, at->x, at->y, &nx, &ny);
	return (fixed_apart(m->turn, n->turn) <= SAME_TURN) &
	       ((uint32_t)(mx - nx + SAME_PLACE) <= 2 * SAME_PLACE) &
	       ((uint32_t)(my - ny + SAME_PLACE) <= 2 * SAME_PLACE);
}

unsigned
align_propose(const struct relax_work *work, const struct kernel *kernel,
	      const struct mcc_set *a, const struct mcc_set *b,
	      struct fine_move ret_moves[ALIGN_MOVES_MAX])
{
	struct fine_move moves[SEEDS];
	int32_t votes[SEEDS], weight[VOTERS];
	struct voters v;
	unsigned seeds, chosen = 0;

	gather(work, a, b, &v);
	seeds = v.count < SEEDS ? v.count : SEEDS;
	for (unsigned i = 0; i < seeds; i++) {
		moves[i] = move_of(a, b, work->sorted[i]);
		votes[i] = kernel->votes(&v.at, &moves[i], weight);
	}
	while (chosen < ALIGN_MOVES_MAX) {
		unsigned best = 0;

		for (unsigned i = 1; i < seeds; i++)
			best = votes[i] > votes[best] ? i : best;
		if (seeds == 0 || votes[best] <= 0)
			break;
		ret_moves[chosen++] = refine(kernel, &moves[best], &v);
		/* It and all like it are done. */
		for (unsigned i = 0; i < seeds; i++)
			votes[i] &= same_move(&moves[i], &moves[best], v.a[best]) - 1;
	}
	return chosen;
}
