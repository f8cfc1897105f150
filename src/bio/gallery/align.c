#include "bio/gallery/align.h"

#include "bio/gallery/fixed.h"
#include "bio/gallery/overlay.h"

#include <assert.h>

#define SEEDS 32u
#define VOTERS 128u
#define TURN_TOLERANCE 3641u /* 20 degrees */
#define PLACE_TOLERANCE 20
#define WEIGHT_BASE 200 /* similarity that pairs of strangers have */
#define SAME_TURN 2730u /* movements less than 15 degrees */
#define SAME_PLACE 24   /* and this many pixels apart are one */

struct voter {
	const struct minutia *a, *b;
	int32_t weight;
	uint16_t turn;
};

static unsigned
gather(const struct relax_work *w, const struct mcc_set *a, const struct mcc_set *b,
       struct voter voters[VOTERS])
{
	unsigned n = w->sorted_count < VOTERS ? w->sorted_count : VOTERS;

	for (unsigned i = 0; i < n; i++) {
		uint8_t ca = (uint8_t)(w->sorted[i] >> 8), cb = (uint8_t)w->sorted[i];

		voters[i] =
			(struct voter){ &a->at[ca], &b->at[cb],
					(int32_t)(w->sorted[i] >> 16) - WEIGHT_BASE,
					(uint16_t)(b->at[cb].angle - a->at[ca].angle) };
	}
	return n;
}

static struct fine_move
move_of(const struct voter *v)
{
	struct fine_move m = { fixed_sin(v->turn), fixed_cos(v->turn), 0, 0, v->turn };
	int32_t x, y;

	fine_moved(&m, v->a->x, v->a->y, &x, &y);
	m.x = v->b->x - x;
	m.y = v->b->y - y;
	return m;
}

static bool
agrees(const struct fine_move *m, const struct voter *v)
{
	int32_t x, y;

	if (fixed_apart(m->turn, v->turn) > TURN_TOLERANCE)
		return false;
	fine_moved(m, v->a->x, v->a->y, &x, &y);
	x -= v->b->x;
	y -= v->b->y;
	return x <= PLACE_TOLERANCE && x >= -PLACE_TOLERANCE && y <= PLACE_TOLERANCE &&
	       y >= -PLACE_TOLERANCE;
}

static int32_t
support(const struct fine_move *m, const struct voter *voters, unsigned count)
{
	int32_t sum = 0;

	for (unsigned i = 0; i < count; i++)
		sum += agrees(m, &voters[i]) ? voters[i].weight : 0;
	return sum;
}

/* Least squares over the voters that agree. */
static struct fine_move
refine(const struct fine_move *m, const struct voter *voters, unsigned count)
{
	struct overlay_tie ties[VOTERS];
	unsigned n = 0;

	for (unsigned i = 0; i < count; i++) {
		if (agrees(m, &voters[i]))
			ties[n++] = (struct overlay_tie){ voters[i].a, voters[i].b,
							  voters[i].weight };
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
	struct voter voters[VOTERS];
	struct fine_move moves[SEEDS];
	int32_t votes[SEEDS];
	unsigned count = gather(work, a, b, voters), chosen = 0;
	unsigned seeds = count < SEEDS ? count : SEEDS;

	for (unsigned i = 0; i < seeds; i++) {
		moves[i] = move_of(&voters[i]);
		votes[i] = support(&moves[i], voters, count);
	}
	while (chosen < ALIGN_MOVES_MAX) {
		unsigned best = 0;

		for (unsigned i = 1; i < seeds; i++)
			best = votes[i] > votes[best] ? i : best;
		if (seeds == 0 || votes[best] <= 0)
			break;
		ret_moves[chosen] = refine(&moves[best], voters, count);
		for (unsigned i = 0; i < seeds; i++) {
			if (i != best &&
			    same_move(&moves[i], &moves[best], voters[best].a))
				votes[i] = 0;
		}
		votes[best] = 0;
		chosen++;
	}
	return chosen;
}
