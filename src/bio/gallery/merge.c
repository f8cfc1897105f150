#include "bio/gallery/merge.h"

#include "bio/gallery/fine.h"
#include "bio/gallery/fixed.h"
#include "bio/gallery/overlay.h"
#include "bio/gallery/reference.h"
#include "bio/gallery/score.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* A link between two impressions weaker than this (1/100 dB) is another finger's. */
#define LINK_MIN 1500
#define AREA_MARGIN_CELLS 3 /* finger kept around the outermost minutiae */
#define TRUST_SEEN 2        /* a minutia seen this often stays whatever was missed */
#define LONELY_QUALITY_MIN 20u
#define QUALITY_UNKNOWN 40u /* what a minutia counts for that was given none */

struct member {
	int32_t x, y, sin, cos; /* sums over the impressions that saw it */
	uint32_t quality;
	uint8_t told;          /* impressions that gave it a quality */
	uint8_t seen, covered; /* impressions that saw it, and that could have seen it */
	uint8_t endings, bifurcations;
};

/* Orientation votes of one cell: sums of doubled-angle vectors. */
struct vote {
	int32_t sin, cos, coherence;
	uint8_t voters;
};

/* Cells of the merged area, in the base impression's frame. */
struct area {
	int32_t x, y; /* first cell */
	int32_t w, h; /* cells */
};

struct merge_work {
	const struct finger_features *const *impressions;
	unsigned count;
	struct fine_side sides[REFERENCE_IMPRESSIONS_MAX];
	int32_t score[REFERENCE_IMPRESSIONS_MAX][REFERENCE_IMPRESSIONS_MAX];
	struct fine_move move[REFERENCE_IMPRESSIONS_MAX][REFERENCE_IMPRESSIONS_MAX];
	struct fine_move to_base[REFERENCE_IMPRESSIONS_MAX];
	uint8_t placed
		[REFERENCE_IMPRESSIONS_MAX]; /* impressions in the order of placing */
	unsigned placed_count;
	struct member members[FINE_POINTS_MAX];
	struct minutia minutiae[FINE_POINTS_MAX]; /* of the members */
	unsigned members_count;
	struct fine_rows rows;
	uint8_t mate[FINE_POINTS_MAX];
	struct fine_evidence evidence;
	uint64_t fine[]; /* struct fine_work */
};

size_t
merge_work_bytes(void)
{
	return sizeof(struct merge_work) + fine_work_bytes();
}

/* Compares every impression with every other. */
static void
compare_all(struct merge_work *w)
{
	struct fine_work *fine = (struct fine_work *)(void *)w->fine;
	const struct kernel *kernel = kernel_best();

	for (unsigned i = 0; i < w->count; i++) {
		w->score[i][i] = 0;
		for (unsigned j = 0; j < i; j++) {
			fine_compare(fine, kernel, &w->sides[i], &w->sides[j],
				     &w->evidence);
			w->score[i][j] = w->score[j][i] = score_of(&w->evidence);
			w->move[i][j] = w->evidence.move;
			w->move[j][i] = overlay_inverse(&w->evidence.move);
		}
	}
}

/* The impression most like all others; a lone one is its own. */
static unsigned
choose_base(const struct merge_work *w)
{
	int64_t best = -1;
	unsigned base = 0;

	for (unsigned i = 0; i < w->count; i++) {
		int64_t sum = w->impressions[i]->quality;

		for (unsigned j = 0; j < w->count; j++)
			sum += w->score[i][j];
		if (sum > best) {
			best = sum;
			base = i;
		}
	}
	return base;
}

/*
 * Places every impression by its strongest link to one placed before (a maximum spanning tree
 * from the base). -EXDEV when an impression has no link strong enough.
 */
static int
place_all(struct merge_work *w)
{
	bool done[REFERENCE_IMPRESSIONS_MAX] = { false };
	unsigned base = choose_base(w);

	w->placed[0] = (uint8_t)base;
	w->placed_count = 1;
	w->to_base[base] = (struct fine_move){ 0, FIXED_ONE, 0, 0, 0 };
	done[base] = true;
	while (w->placed_count < w->count) {
		int32_t best = LINK_MIN - 1;
		unsigned from = 0, to = 0;

		for (unsigned i = 0; i < w->count; i++) {
			for (unsigned j = 0; j < w->count; j++) {
				if (done[i] || !done[j] || w->score[i][j] <= best)
					continue;
				best = w->score[i][j];
				from = i;
				to = j;
			}
		}
		if (best < LINK_MIN)
			return -EXDEV;
		w->to_base[from] = overlay_chain(&w->move[from][to], &w->to_base[to]);
		done[from] = true;
		w->placed[w->placed_count++] = (uint8_t)from;
	}
	return 0;
}

/* The mean of a member as a minutia. */
static void
settle(struct merge_work *w, unsigned i)
{
	const struct member *m = &w->members[i];
	struct minutia *out = &w->minutiae[i];

	out->x = (int16_t)fixed_divide(m->x, m->seen);
	out->y = (int16_t)fixed_divide(m->y, m->seen);
	out->angle = fixed_direction(m->cos, -m->sin);
	out->type = m->endings > m->bifurcations   ? MINUTIA_ENDING
		    : m->bifurcations > m->endings ? MINUTIA_BIFURCATION
						   : MINUTIA_OTHER;
}

static void
see(struct merge_work *w, unsigned i, const struct minutia *m,
    const struct fine_move *move)
{
	struct member *to = &w->members[i];
	uint16_t angle = (uint16_t)(m->angle + move->turn);
	int32_t x, y;

	fine_moved(move, m->x, m->y, &x, &y);
	to->x += x;
	to->y += y;
	to->sin += fixed_sin(angle);
	to->cos += fixed_cos(angle);
	to->quality += m->quality;
	to->told = (uint8_t)(to->told + (m->quality != 0));
	to->seen++;
	to->endings = (uint8_t)(to->endings + (m->type == MINUTIA_ENDING));
	to->bifurcations = (uint8_t)(to->bifurcations + (m->type == MINUTIA_BIFURCATION));
	settle(w, i);
}

/* Adds the minutiae of one placed impression. */
static void
add_impression(struct merge_work *w, unsigned impression)
{
	const struct finger_features *f = w->impressions[impression];
	const struct fine_move *move = &w->to_base[impression];

	fine_rows_fill(&w->rows, w->minutiae, w->members_count);
	overlay_mates(f->minutiae, f->count, &w->rows, move, w->mate);
	for (unsigned i = 0; i < f->count; i++) {
		unsigned to = w->mate[i];

		if (to == FINE_NONE) {
			if (w->members_count == FINE_POINTS_MAX)
				continue;
			to = w->members_count++;
			w->members[to] = (struct member){ 0 };
		}
		see(w, to, &f->minutiae[i], move);
	}
}

/* Counts for each member the impressions that show its place. */
static void
count_covered(struct merge_work *w)
{
	for (unsigned k = 0; k < w->placed_count; k++) {
		unsigned impression = w->placed[k];
		struct fine_move back = overlay_inverse(&w->to_base[impression]);

		for (unsigned i = 0; i < w->members_count; i++) {
			int32_t x, y;

			fine_moved(&back, w->minutiae[i].x, w->minutiae[i].y, &x, &y);
			if (overlay_on_finger(&w->sides[impression].field, x, y))
				w->members[i].covered++;
		}
	}
}

/*
 * Quality of a member: the mean where it was seen, weakened by the share of impressions that
 * missed it, strengthened by each that confirmed it. 0: drop it.
 */
static uint8_t
member_quality(const struct member *m)
{
	uint32_t covered = m->covered > m->seen ? m->covered : m->seen;
	uint32_t q = m->told > 0 ? m->quality / m->told : QUALITY_UNKNOWN;

	if (m->seen < TRUST_SEEN && covered > m->seen && q < LONELY_QUALITY_MIN)
		return 0;
	if (covered > 1)
		q = q * (1 + 2 * m->seen) / (1 + 2 * covered) + 10u * (m->seen - 1u);
	return (uint8_t)(q > 100 ? 100 : q < 1 ? 1 : q);
}

/* Sets the area to the bounding box of every impression's finger, in cells of the base frame. */
static struct area
area_of(const struct merge_work *w)
{
	int32_t x0 = INT16_MAX, y0 = INT16_MAX, x1 = INT16_MIN, y1 = INT16_MIN;
	struct area a;

	for (unsigned i = 0; i < w->members_count; i++) {
		const struct minutia *m = &w->minutiae[i];

		x0 = m->x < x0 ? m->x : x0;
		y0 = m->y < y0 ? m->y : y0;
		x1 = m->x > x1 ? m->x : x1;
		y1 = m->y > y1 ? m->y : y1;
	}
	a.x = (int32_t)fixed_divide(x0, FINGER_CELL_PX) - AREA_MARGIN_CELLS;
	a.y = (int32_t)fixed_divide(y0, FINGER_CELL_PX) - AREA_MARGIN_CELLS;
	a.w = (int32_t)fixed_divide(x1, FINGER_CELL_PX) + AREA_MARGIN_CELLS + 1 - a.x;
	a.h = (int32_t)fixed_divide(y1, FINGER_CELL_PX) + AREA_MARGIN_CELLS + 1 - a.y;
	return a;
}

/* Cuts the longer side, evenly, until the area fits a reference. */
static void
fit_area(struct area *a)
{
	while (a->w * a->h > (int32_t)MERGE_CELLS_MAX ||
	       a->w > (int32_t)FINGER_CELLS_SIDE_MAX ||
	       a->h > (int32_t)FINGER_CELLS_SIDE_MAX) {
		if (a->w >= a->h) {
			a->x += a->w & 1;
			a->w--;
		} else {
			a->y += a->h & 1;
			a->h--;
		}
	}
}

/* What an impression shows at a point of the base frame. */
static void
vote_for(const struct fine_side *side, const struct fine_move *back, int32_t base_x,
	 int32_t base_y, struct vote *v)
{
	const struct finger_features *f = side->features;
	int32_t x, y;
	unsigned at;
	uint16_t doubled;

	fine_moved(back, base_x, base_y, &x, &y);
	if (!overlay_on_finger(&side->field, x, y))
		return;
	at = (unsigned)y / FINGER_CELL_PX * f->cells_x + (unsigned)x / FINGER_CELL_PX;
	doubled = (uint16_t)((f->orientation[at] << 8) - 2 * back->turn);
	v->sin += f->coherence[at] * (fixed_sin(doubled) >> 4);
	v->cos += f->coherence[at] * (fixed_cos(doubled) >> 4);
	v->coherence += f->coherence[at];
	v->voters++;
}

static void
merge_cells(const struct merge_work *w, const struct area *area,
	    struct finger_features *out)
{
	for (int32_t cell = 0; cell < area->w * area->h; cell++) {
		int32_t x = (area->x + cell % area->w) * (int32_t)FINGER_CELL_PX;
		int32_t y = (area->y + cell / area->w) * (int32_t)FINGER_CELL_PX;
		struct vote v = { 0, 0, 0, 0 };

		for (unsigned k = 0; k < w->placed_count; k++) {
			struct fine_move back =
				overlay_inverse(&w->to_base[w->placed[k]]);

			vote_for(&w->sides[w->placed[k]], &back,
				 x + (int32_t)FINGER_CELL_PX / 2,
				 y + (int32_t)FINGER_CELL_PX / 2, &v);
		}
		out->orientation[cell] = 0;
		out->coherence[cell] = 0;
		if (v.voters == 0)
			continue;
		out->orientation[cell] =
			(uint8_t)((fixed_direction(v.cos, -v.sin) + 128u) >> 8);
		out->coherence[cell] = (uint8_t)(v.coherence / v.voters);
		out->foreground_cells++;
	}
}

/* Inserts a minutia into a list by falling quality; the worst falls out of a full list. */
static void
insert(struct finger_features *f, const struct minutia *m)
{
	unsigned i = f->count;

	if (i == MERGE_MINUTIAE_MAX) {
		if (m->quality <= f->minutiae[i - 1].quality)
			return;
		i--;
	} else {
		f->count++;
	}
	for (; i > 0 && f->minutiae[i - 1].quality < m->quality; i--)
		f->minutiae[i] = f->minutiae[i - 1];
	f->minutiae[i] = *m;
}

static void
merge_minutiae(const struct merge_work *w, const struct area *area,
	       struct finger_features *out)
{
	for (unsigned i = 0; i < w->members_count; i++) {
		struct minutia m = w->minutiae[i];
		int32_t x = m.x - area->x * (int32_t)FINGER_CELL_PX;
		int32_t y = m.y - area->y * (int32_t)FINGER_CELL_PX;

		m.quality = member_quality(&w->members[i]);
		if (m.quality == 0 || x < 0 || y < 0 || x >= out->width ||
		    y >= out->height)
			continue;
		m.x = (int16_t)x;
		m.y = (int16_t)y;
		insert(out, &m);
	}
}

static bool
have_cells(const struct merge_work *w)
{
	for (unsigned i = 0; i < w->count; i++) {
		if (w->impressions[i]->cells_x == 0)
			return false;
	}
	return true;
}

static void
build(struct merge_work *w, struct finger_features *out)
{
	struct area area = area_of(w);
	unsigned quality = 0;

	fit_area(&area);
	memset(out, 0, sizeof(*out));
	out->width = (uint16_t)(area.w * (int32_t)FINGER_CELL_PX);
	out->height = (uint16_t)(area.h * (int32_t)FINGER_CELL_PX);
	for (unsigned i = 0; i < w->count; i++)
		quality = w->impressions[i]->quality > quality
				  ? w->impressions[i]->quality
				  : quality;
	out->quality = (uint8_t)quality;
	if (have_cells(w)) {
		out->cells_x = (uint8_t)area.w;
		out->cells_y = (uint8_t)area.h;
		merge_cells(w, &area, out);
	}
	merge_minutiae(w, &area, out);
}

int
merge_impressions(struct merge_work *w, const struct finger_features *const impressions[],
		  size_t count, struct finger_features *ret_features)
{
	int rc;

	assert(count >= 1 && count <= REFERENCE_IMPRESSIONS_MAX);
	w->impressions = impressions;
	w->count = (unsigned)count;
	w->members_count = 0;
	for (unsigned i = 0; i < w->count; i++) {
		if (!fine_prepare(&w->sides[i], impressions[i]))
			return -ENODATA;
	}
	compare_all(w);
	rc = place_all(w);
	if (rc < 0)
		return rc;
	for (unsigned k = 0; k < w->placed_count; k++)
		add_impression(w, w->placed[k]);
	count_covered(w);
	build(w, ret_features);
	return 0;
}
