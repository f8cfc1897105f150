#include "bio/finger/trig.h"
#include "bio/finger/work.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/*
 * Minutiae are the ends of skeletons: of the ridges' for endings, of the valleys' for
 * bifurcations, because where a ridge forks a valley ends. A real one shows in both skeletons,
 * as an end in one and a fork in the other.
 */
#define SPUR_PX 4    /* shorter branches come from rough strokes */
#define ISLAND_PX 14 /* shorter pieces are specks and pores */
#define TRACE_PX 14  /* how far the direction is looked for */
#define GAP_PX 10    /* ends facing each other within it are one broken stroke */
#define GAP_ANGLE 0x1c00
#define FORK_PX 9   /* a fork of the other skeleton must lie within it */
#define BORDER_PX 9 /* of foreground around a minutia */
#define CLOUD_PX 18 /* CLOUD_COUNT others within it are noise */
#define CLOUD_COUNT 5
#define QUALITY_MIN 50 /* with less they harm more than they help, by measurement */
#define RATE_PX 9      /* reach of the look around a minutia */
#define NEAR_PX 20     /* farther neighbours do no harm */
#define EDGE_PX 32     /* nor does a farther border */

enum stop { STOP_LENGTH, STOP_END, STOP_FORK, STOP_EDGE };

struct path {
	int length;
	enum stop stop;
	int x[TRACE_PX + ISLAND_PX + 2], y[TRACE_PX + ISLAND_PX + 2];
};

/* The neighbours clockwise from north. */
static const int8_t ring_dx[8] = { 0, 1, 1, 1, 0, -1, -1, -1 };
static const int8_t ring_dy[8] = { -1, -1, 0, 1, 1, 1, 0, -1 };

static unsigned
ring_of(const struct bits *b, int px, int py)
{
	unsigned ring = 0;

	for (unsigned i = 0; i < 8; i++)
		ring |= (unsigned)bits_get(b, px + ring_dx[i], py + ring_dy[i]) << i;
	return ring;
}

/* Rutovitz' crossing number: how many strokes leave the pixel. */
static int
crossings(unsigned ring)
{
	unsigned turned = (ring >> 1 | ring << 7) & 0xff;

	return __builtin_popcount(ring & ~turned);
}

static bool
at_edge(const struct finger_extractor *x, int px, int py)
{
	return px < 1 || py < 1 || px >= x->width - 1 || py >= x->height - 1;
}

/* The next pixel of a stroke; -1 none. Straight neighbours first, the way back never. */
static int
next_step(const struct bits *b, int px, int py, int from_x, int from_y)
{
	static const int order[8] = { 0, 2, 4, 6, 1, 3, 5, 7 };
	unsigned ring = ring_of(b, px, py);
	int fallback = -1;

	for (int k = 0; k < 8; k++) {
		int i = order[k], nx = px + ring_dx[i], ny = py + ring_dy[i];

		if ((ring >> i & 1) == 0 || (nx == from_x && ny == from_y))
			continue;
		if (abs(nx - from_x) > 1 || abs(ny - from_y) > 1)
			return i;
		if (fallback < 0)
			fallback = i;
	}
	return fallback;
}

/* Follows a stroke from its end for at most `limit` pixels; the start is p->x[0]. */
static void
follow(const struct finger_extractor *x, const struct bits *b, int px, int py, int limit,
       struct path *p)
{
	int from_x = -9, from_y = -9;

	assert(limit < (int)(sizeof(p->x) / sizeof(p->x[0])));
	p->length = 0;
	p->x[0] = px;
	p->y[0] = py;
	p->stop = STOP_LENGTH;
	while (p->length < limit) {
		int i = next_step(b, px, py, from_x, from_y), strokes;

		if (i < 0) {
			p->stop = STOP_END;
			return;
		}
		from_x = px;
		from_y = py;
		px += ring_dx[i];
		py += ring_dy[i];
		if (at_edge(x, px, py)) {
			p->stop = STOP_EDGE;
			return;
		}
		p->length++;
		p->x[p->length] = px;
		p->y[p->length] = py;
		strokes = crossings(ring_of(b, px, py));
		if (strokes != 2) {
			p->stop = strokes > 2 ? STOP_FORK : STOP_END;
			return;
		}
	}
}

/* Removes spurs and short pieces. A fork at the end of a spur stays. */
static void
prune(const struct finger_extractor *x, struct bits *b, int px, int py)
{
	struct path p;
	int limit = max_int(SPUR_PX, ISLAND_PX), last;

	follow(x, b, px, py, limit, &p);
	if (p.stop == STOP_FORK && p.length <= SPUR_PX)
		last = p.length - 1;
	else if (p.stop == STOP_END)
		last = p.length;
	else
		return;
	for (int i = 0; i <= last; i++)
		bits_clear(b, p.x[i], p.y[i]);
}

typedef void (*end_fn)(struct finger_extractor *x, int which, int px, int py);

/* Calls fn for each end of a skeleton, top to bottom. fn may change the skeleton. */
static void
for_each_end(struct finger_extractor *x, int which, end_fn fn)
{
	const struct bits *b = &x->skeleton[which];

	for (int y = 1; y < x->height - 1; y++) {
		for (int i = 0; i < b->words; i++) {
			uint64_t left = skeleton_ends(b, y, i);

			for (; left != 0; left &= left - 1) {
				int px = i * 64 + __builtin_ctzll(left);

				if (!at_edge(x, px, y) && bits_get(b, px, y) &&
				    crossings(ring_of(b, px, y)) <= 1)
					fn(x, which, px, y);
			}
		}
	}
}

static void
prune_end(struct finger_extractor *x, int which, int px, int py)
{
	prune(x, &x->skeleton[which], px, py);
}

static bool
in_mask(const struct finger_extractor *x, int px, int py)
{
	if (px < 0 || py < 0 || px >= x->width || py >= x->height)
		return false;
	return x->mask[block_at(x, px / BLOCK_PX, py / BLOCK_PX)] != 0;
}

/* All of the foreground within `reach`, as far as sixteen samples of a circle tell. */
static bool
is_inside(const struct finger_extractor *x, int px, int py, int reach)
{
	for (int i = 0; i < 16; i++) {
		int dx = trig_cos((uint16_t)(i * 4096)) * reach / TRIG_ONE;
		int dy = trig_sin((uint16_t)(i * 4096)) * reach / TRIG_ONE;

		if (!in_mask(x, px + dx, py + dy))
			return false;
	}
	return true;
}

static bool
fork_near(const struct finger_extractor *x, const struct bits *b, int px, int py,
	  int reach)
{
	for (int y = max_int(py - reach, 1); y <= min_int(py + reach, x->height - 2);
	     y++) {
		for (int k = max_int(px - reach, 1);
		     k <= min_int(px + reach, x->width - 2); k++) {
			if (bits_get(b, k, y) &&
			    (k - px) * (k - px) + (y - py) * (y - py) <= reach * reach &&
			    crossings(ring_of(b, k, y)) > 2)
				return true;
		}
	}
	return false;
}

/* Adds the doubled ridge direction of a block, if there is one, to (*c, *s). */
static void
field_add(const struct finger_extractor *x, int bx, int by, int weight, int64_t *c,
	  int64_t *s)
{
	size_t at;

	if (bx < 0 || by < 0 || bx >= x->blocks_x || by >= x->blocks_y)
		return;
	at = block_at(x, bx, by);
	weight *= x->coherence[at];
	*c += (int64_t)weight * trig_cos((uint16_t)(x->angle[at] * 2));
	*s += (int64_t)weight * trig_sin((uint16_t)(x->angle[at] * 2));
}

/* The ridge direction at a pixel, between those of the four blocks around it. */
static uint16_t
field_at(const struct finger_extractor *x, int px, int py)
{
	int ux = 2 * px + 1 + BLOCK_PX, uy = 2 * py + 1 + BLOCK_PX;
	int bx = ux / (2 * BLOCK_PX) - 1, by = uy / (2 * BLOCK_PX) - 1;
	int fx = ux % (2 * BLOCK_PX), fy = uy % (2 * BLOCK_PX);
	int64_t c = 0, s = 0;

	field_add(x, bx, by, (2 * BLOCK_PX - fx) * (2 * BLOCK_PX - fy), &c, &s);
	field_add(x, bx + 1, by, fx * (2 * BLOCK_PX - fy), &c, &s);
	field_add(x, bx, by + 1, (2 * BLOCK_PX - fx) * fy, &c, &s);
	field_add(x, bx + 1, by + 1, fx * fy, &c, &s);
	return trig_atan2(s, c) >> 1;
}

/* The ridge direction at a pixel, of the two ways the one nearer to the stroke followed. */
static uint16_t
direction_of(const struct finger_extractor *x, const struct path *p)
{
	uint16_t field = field_at(x, p->x[0], p->y[0]);
	int from = min_int(2, p->length);
	uint16_t stroke =
		trig_atan2(p->y[from] - p->y[p->length], p->x[p->length] - p->x[from]);
	int32_t d = trig_diff(stroke, field);

	if (d > 0x4000 || d < -0x4000)
		field = (uint16_t)(field + 0x8000u);
	return field;
}

static void
collect_end(struct finger_extractor *x, int which, int px, int py)
{
	struct candidate *c = &x->candidate[x->candidates];
	struct path p;

	if (x->candidates >= CANDIDATES_MAX || !is_inside(x, px, py, BORDER_PX))
		return;
	follow(x, &x->skeleton[which], px, py, TRACE_PX, &p);
	if (p.length < SPUR_PX)
		return;
	if (!fork_near(x, &x->skeleton[1 - which], px, py, FORK_PX))
		return;
	c->x = (int16_t)px;
	c->y = (int16_t)py;
	c->type = which == 0 ? MINUTIA_ENDING : MINUTIA_BIFURCATION;
	c->angle = direction_of(x, &p);
	c->dead = false;
	x->candidates++;
}

static int
distance_square(const struct candidate *a, const struct candidate *b)
{
	return (a->x - b->x) * (a->x - b->x) + (a->y - b->y) * (a->y - b->y);
}

/* Two ends of one broken stroke: near, of a kind, and running apart from each other. */
static bool
is_gap(const struct candidate *a, const struct candidate *b)
{
	uint16_t toward;

	if (a->type != b->type || distance_square(a, b) > GAP_PX * GAP_PX)
		return false;
	if (abs(trig_diff((uint16_t)(a->angle + 0x8000u), b->angle)) > GAP_ANGLE)
		return false;
	/* From a to b must lead against a's own direction, else they pass each other. */
	toward = trig_atan2(a->y - b->y, b->x - a->x);
	return abs(trig_diff((uint16_t)(toward + 0x8000u), a->angle)) < 2 * GAP_ANGLE;
}

static void
drop_gaps(struct finger_extractor *x)
{
	for (int i = 0; i < x->candidates; i++) {
		for (int k = i + 1; k < x->candidates; k++) {
			struct candidate *a = &x->candidate[i], *b = &x->candidate[k];

			if (b->y - a->y > GAP_PX)
				continue;
			if (is_gap(a, b))
				a->dead = b->dead = true;
		}
	}
}

static void
drop_clouds(struct finger_extractor *x)
{
	for (int i = 0; i < x->candidates; i++) {
		struct candidate *a = &x->candidate[i];
		int near = 0;

		for (int k = 0; k < x->candidates; k++)
			near += k != i && !x->candidate[k].dead &&
				distance_square(a, &x->candidate[k]) <
					CLOUD_PX * CLOUD_PX;
		a->crowd = (uint8_t)min_int(near, 255);
	}
	for (int i = 0; i < x->candidates; i++)
		if (x->candidate[i].crowd >= CLOUD_COUNT)
			x->candidate[i].dead = true;
}

/* 100 / (1 + e^-v) for v of -4..4 in steps of a half. */
static const uint8_t logistic[17] = { 2,  3,  5,  8,  12, 18, 27, 38, 50,
				      62, 73, 82, 88, 92, 95, 97, 98 };

static int
logistic_percent(int v_256th)
{
	int pos = clamp_int(v_256th + 4 * 256, 0, 8 * 256 - 1);
	int i = pos / 128, part = pos % 128;

	return logistic[i] + ((logistic[i + 1] - logistic[i]) * part + 64) / 128;
}

/* Share of the ridges in the energy around a pixel, 0..128 of 256. */
static int
strength_around(const struct finger_extractor *x, int px, int py)
{
	int64_t wave = 0, norm = 1;

	for (int dy = -RATE_PX; dy <= RATE_PX; dy++) {
		const int16_t *w = x->wave + plane_at(x, px, py + dy);
		const int16_t *n = x->norm + plane_at(x, px, py + dy);

		for (int dx = -RATE_PX; dx <= RATE_PX; dx++) {
			wave += w[dx] * w[dx];
			norm += n[dx] * n[dx];
		}
	}
	return min_int((int)(wave * 256 / norm), 128);
}

static int
distance_to_nearest(const struct finger_extractor *x, const struct candidate *c)
{
	int best = NEAR_PX * NEAR_PX;

	for (int i = 0; i < x->candidates; i++) {
		const struct candidate *other = &x->candidate[i];

		if (other != c && !other->dead)
			best = min_int(best, distance_square(c, other));
	}
	return (int)trig_sqrt((uint64_t)best);
}

static int
distance_to_border(const struct finger_extractor *x, const struct candidate *c)
{
	int reach = BORDER_PX;

	while (reach < EDGE_PX && is_inside(x, c->x, c->y, reach + 4))
		reach += 4;
	return reach;
}

/*
 * The chance in percent that another impression shows the minutia too: a logistic regression over
 * pairs of aligned impressions of three public sets (three sensors).
 */
static uint8_t
quality_of(const struct finger_extractor *x, const struct candidate *c)
{
	size_t at = block_at(x, c->x / BLOCK_PX, c->y / BLOCK_PX);
	int v = -986;

	v += strength_around(x, c->x, c->y) * 668 / 128;
	v += x->coherence[at] * 430 / 256;
	v += distance_to_nearest(x, c) * 379 / NEAR_PX;
	v += distance_to_border(x, c) * 356 / EDGE_PX;
	return (uint8_t)clamp_int(logistic_percent(v), 1, 100);
}

static int
by_falling_quality(const void *pa, const void *pb)
{
	const struct candidate *a = pa, *b = pb;

	if (a->quality != b->quality)
		return b->quality - a->quality;
	if (a->y != b->y)
		return a->y - b->y;
	return a->x != b->x ? a->x - b->x : a->type - b->type;
}

void
minutiae_find(struct finger_extractor *x, struct finger_features *f)
{
	int alive = 0;

	x->candidates = 0;
	for (int which = 0; which < 2; which++) {
		for_each_end(x, which, prune_end);
		for_each_end(x, which, prune_end);
	}
	for (int which = 0; which < 2; which++)
		for_each_end(x, which, collect_end);
	drop_gaps(x);
	drop_clouds(x);
	for (int i = 0; i < x->candidates; i++)
		if (!x->candidate[i].dead)
			x->candidate[i].quality = quality_of(x, &x->candidate[i]);
	for (int i = 0; i < x->candidates; i++) {
		struct candidate *c = &x->candidate[i];

		if (c->dead || c->quality < QUALITY_MIN)
			continue;
		x->candidate[alive++] = *c;
	}
	qsort(x->candidate, (size_t)alive, sizeof(x->candidate[0]), by_falling_quality);
	f->count = (uint16_t)min_int(alive, FINGER_MINUTIAE_MAX);
	for (int i = 0; i < f->count; i++) {
		const struct candidate *c = &x->candidate[i];

		f->minutiae[i] = (struct minutia){ .x = c->x,
						   .y = c->y,
						   .angle = c->angle,
						   .type = c->type,
						   .quality = c->quality };
	}
}
