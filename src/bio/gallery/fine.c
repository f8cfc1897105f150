#include "bio/gallery/fine.h"

#include "bio/gallery/align.h"
#include "bio/gallery/fixed.h"
#include "bio/gallery/overlay.h"
#include "bio/gallery/relax.h"
#include "bio/gallery/score.h"

#include <assert.h>
#include <string.h>

struct fine_work {
	struct relax_work relax;
	uint8_t mate
		[FINE_POINTS_MAX]; /* of the probe's minutiae, under the last movement */
};

#define REFINE_MIN 4u /* minutiae that must meet to move by them */

size_t
fine_work_bytes(void)
{
	return sizeof(struct fine_work);
}

void
fine_rows_fill(struct fine_rows *rows, const struct minutia *at, unsigned count)
{
	uint8_t next[FINE_STRIPS];

	assert(count <= FINE_POINTS_MAX);
	rows->at = at;
	rows->count = count;
	memset(rows->start, 0, sizeof(rows->start));
	for (unsigned i = 0; i < count; i++)
		rows->start[fine_strip(at[i].y) + 1]++;
	for (unsigned s = 0; s < FINE_STRIPS; s++)
		rows->start[s + 1] = (uint8_t)(rows->start[s + 1] + rows->start[s]);
	memcpy(next, rows->start, sizeof(next));
	for (unsigned i = 0; i < count; i++)
		rows->index[next[fine_strip(at[i].y)]++] = (uint8_t)i;
}

bool
fine_prepare(struct fine_side *side, const struct finger_features *features)
{
	assert(features->count <= FINGER_MINUTIAE_MAX);
	side->features = features;
	fine_rows_fill(&side->rows, features->minutiae, features->count);
	mcc_build(features->minutiae, features->count, &side->set);
	return side->set.count >= FINE_CYLINDERS_MIN;
}

/* Completes the evidence with what a movement shows. */
static void
lay_over(struct fine_work *work, const struct fine_side *probe,
	 const struct fine_side *reference, const struct fine_move *move,
	 struct fine_evidence *e)
{
	struct overlay o = { probe, reference, work->relax.gamma, work->mate };

	e->move = *move;
	overlay_minutiae(&o, move, e);
	overlay_orientation(probe->features, reference->features, move, e);
}

/* The movement of the most consistent pairs. */
static struct fine_move
relaxed_move(const struct relax_work *relax, const struct fine_side *probe,
	     const struct fine_side *reference, unsigned best)
{
	struct overlay_tie ties[RELAX_PAIRS_MAX];
	unsigned n = best < relax->pairs_count ? best : relax->pairs_count;

	for (unsigned i = 0; i < n; i++)
		ties[i] = (struct overlay_tie){ &probe->set.at[relax->pairs[i].a],
						&reference->set.at[relax->pairs[i].b],
						1 + (relax->pairs[i].lambda >> 10) };
	return overlay_move(ties, n);
}

/* Brings the minutiae that meet closer together; keeps what shows more. */
static void
draw_together(struct fine_work *work, const struct fine_side *probe,
	      const struct fine_side *reference, struct fine_evidence *best)
{
	struct overlay_tie ties[FINGER_MINUTIAE_MAX];
	struct fine_evidence e = *best;
	struct fine_move move;
	unsigned n = 0;

	lay_over(work, probe, reference, &best->move, &e);
	for (unsigned i = 0; i < probe->features->count; i++) {
		if (work->mate[i] != FINE_NONE)
			ties[n++] = (struct overlay_tie){
				&probe->features->minutiae[i],
				&reference->features->minutiae[work->mate[i]], 1
			};
	}
	if (n < REFINE_MIN)
		return;
	move = overlay_move(ties, n);
	lay_over(work, probe, reference, &move, &e);
	if (score_raw(&e) > score_raw(best))
		*best = e;
}

void
fine_compare(struct fine_work *work, const struct kernel *kernel,
	     const struct fine_side *probe, const struct fine_side *reference,
	     struct fine_evidence *ret_evidence)
{
	struct relax_work *relax = &work->relax;
	struct fine_move moves[ALIGN_MOVES_MAX + 1];
	struct fine_evidence e = { 0 };
	unsigned count;
	int32_t raw = INT32_MIN;

	e.cylinders = probe->set.count < reference->set.count ? probe->set.count
							      : reference->set.count;
	e.relaxed = relax_sides(relax, kernel, &probe->set, &reference->set);
	*ret_evidence = e;
	if (relax->pairs_count < 2)
		return;
	count = align_propose(relax, &probe->set, &reference->set, moves);
	moves[count++] =
		relaxed_move(relax, probe, reference, relax_best_pairs(e.cylinders));
	for (unsigned i = 0; i < count; i++) {
		lay_over(work, probe, reference, &moves[i], &e);
		if (score_raw(&e) > raw) {
			raw = score_raw(&e);
			*ret_evidence = e;
		}
	}
	draw_together(work, probe, reference, ret_evidence);
}
