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
	struct overlay_work overlay;
	struct overlay_met
		met[2]; /* under the best movement, and under the one on trial */
	unsigned best_met;
};

/* The best movement so far. */
struct best {
	struct fine_evidence evidence;
	int32_t raw;
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
		rows->start[kernel_strip(at[i].y) + 1]++;
	for (unsigned s = 0; s < FINE_STRIPS; s++)
		rows->start[s + 1] = (uint8_t)(rows->start[s + 1] + rows->start[s]);
	memcpy(next, rows->start, sizeof(next));
	for (unsigned i = 0; i < count; i++)
		rows->index[next[kernel_strip(at[i].y)]++] = (uint8_t)i;
}

bool
fine_prepare(struct fine_side *side, const struct finger_features *features)
{
	assert(features->count <= FINGER_MINUTIAE_MAX);
	side->features = features;
	fine_rows_fill(&side->rows, features->minutiae, features->count);
	overlay_field(&side->field, &side->rows, features);
	mcc_build(features->minutiae, features->count, &side->set);
	return side->set.count >= FINE_CYLINDERS_MIN;
}

/*
 * Tries a movement; keeps it when it shows more. Orientations are not asked where even their
 * full agreement would not do.
 */
static void
try_move(struct fine_work *work, struct overlay *o, const struct fine_move *move,
	 struct best *best)
{
	struct fine_evidence e = best->evidence;
	int32_t raw;

	e.move = *move;
	o->met = &work->met[!work->best_met];
	overlay_minutiae(o, move, &e);
	if (score_raw_most(&e) <= best->raw)
		return;
	overlay_orientation(o, move, &e);
	raw = score_raw(&e);
	if (raw <= best->raw)
		return;
	best->evidence = e;
	best->raw = raw;
	work->best_met = !work->best_met;
}

/* Brings the minutiae that meet closer together; keeps what shows more. */
static void
draw_together(struct fine_work *work, struct overlay *o, struct best *best)
{
	const struct finger_features *f = o->probe->features, *g = o->reference->features;
	const struct overlay_met *met = &work->met[work->best_met];
	struct overlay_tie ties[FINGER_MINUTIAE_MAX];
	struct fine_move move;
	unsigned n = met->count;

	for (unsigned i = 0; i < n; i++)
		ties[i] = (struct overlay_tie){ &f->minutiae[met->a[i]],
						&g->minutiae[met->b[i]], 1 };
	if (n < REFINE_MIN)
		return;
	move = overlay_move(ties, n);
	try_move(work, o, &move, best);
}

void
fine_compare(struct fine_work *work, const struct kernel *kernel,
	     const struct fine_side *probe, const struct fine_side *reference,
	     struct fine_evidence *ret_evidence)
{
	struct relax_work *relax = &work->relax;
	struct overlay o = {
		kernel, probe, reference, relax->gamma, &work->overlay, NULL
	};
	struct fine_move moves[ALIGN_MOVES_MAX];
	struct best best = { .raw = INT32_MIN };
	struct fine_evidence *e = &best.evidence;
	unsigned count;

	e->cylinders = probe->set.count < reference->set.count ? probe->set.count
							       : reference->set.count;
	e->relaxed = relax_sides(relax, kernel, &probe->set, &reference->set);
	*ret_evidence = *e;
	if (relax->pairs_count < 2)
		return;
	e->maps = (enum fine_maps)((probe->features->cells_x > 0) +
				   (reference->features->cells_x > 0));
	count = align_propose(relax, kernel, &probe->set, &reference->set, moves);
	if (count == 0)
		return; /* not even the best pair is more alike than strangers' are */
	work->best_met = 0;
	for (unsigned i = 0; i < count; i++)
		try_move(work, &o, &moves[i], &best);
	draw_together(work, &o, &best);
	*ret_evidence = best.evidence;
}
