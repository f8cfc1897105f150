#include "bio/gallery/mcc.h"

#include "bio/gallery/fixed.h"
#include "bio/gallery/kernel.h"
#include "bio/gallery/move.h"

#include <assert.h>
#include <string.h>

/* Lengths inside a cylinder are quarter pixels: the cell pitch of 17.5 px is 70. */
#define Q2 4
#define RADIUS_Q2 (70 * Q2)
#define PITCH_Q2 70
#define SIDE 8
#define FIRST_Q2 (-245)     /* centre of the first row and column of cells */
#define HULL_MARGIN_PX 50   /* the hull of all minutiae is enlarged by this */
#define CELLS_VALID_MIN 39u /* three quarters of the cells */
#define NEIGHBOURS_MIN 2u
#define HULL_MAX (2 * FINGER_MINUTIAE_MAX)
#define STRIPS 64u /* into which minutiae and cylinders are sorted first */

_Static_assert(KERNEL_POINTS >= FINGER_MINUTIAE_MAX, "all minutiae fit");
_Static_assert(STRIPS == MCC_SECTORS, "cylinders are sorted as they are found");

struct point {
	int32_t x, y;
};

/* How far a point (x, y) lies to the left of it: (x * by_x + y * by_y + at) / length. */
struct edge {
	int64_t by_x, by_y, at;
	int64_t length; /* 1/16 px */
};

struct hull {
	struct point p[HULL_MAX];
	struct edge edge[HULL_MAX]; /* from p[i] to the next */
	unsigned count;
};

/* Twice the signed area of a, b, c; positive when c lies left of a to b (mathematical axes). */
static int64_t
cross(struct point a, struct point b, struct point c)
{
	return (int64_t)(b.x - a.x) * (c.y - a.y) - (int64_t)(b.y - a.y) * (c.x - a.x);
}

/*
 * Sorts keys, all below STRIPS << shift: into strips first, then to their places, from which they
 * are not far then. ret_below: how many keys lie in the strips below each.
 */
static void
sort_keys(uint32_t *keys, unsigned count, unsigned shift, uint8_t ret_below[STRIPS])
{
	uint32_t by_strip[FINGER_MINUTIAE_MAX];
	uint8_t next[STRIPS] = { 0 };
	unsigned sum = 0;

	assert(count <= FINGER_MINUTIAE_MAX);
	for (unsigned i = 0; i < count; i++)
		next[keys[i] >> shift]++;
	for (unsigned s = 0; s < STRIPS; s++) {
		unsigned n = next[s];

		next[s] = ret_below[s] = (uint8_t)sum;
		sum += n;
	}
	for (unsigned i = 0; i < count; i++)
		by_strip[next[keys[i] >> shift]++] = keys[i];
	for (unsigned i = 0; i < count; i++) {
		unsigned j = i;

		for (; j > 0 && keys[j - 1] > by_strip[i]; j--)
			keys[j] = keys[j - 1];
		keys[j] = by_strip[i];
	}
}

/* From left to right, and from the top down where x is the same. */
static void
sort_points(struct point *p, unsigned count)
{
	uint32_t keys[FINGER_MINUTIAE_MAX], width;
	uint8_t below[STRIPS];
	int32_t left = INT16_MAX, right = INT16_MIN;
	unsigned shift = 16;

	assert(count > 0 && count <= FINGER_MINUTIAE_MAX);
	for (unsigned i = 0; i < count; i++) {
		left = p[i].x < left ? p[i].x : left;
		right = p[i].x > right ? p[i].x : right;
	}
	width = (uint32_t)(right - left);
	while (width >> (shift - 16) >= STRIPS)
		shift++;
	for (unsigned i = 0; i < count; i++)
		keys[i] =
			(uint32_t)(p[i].x - left) << 16 | (uint32_t)(p[i].y - INT16_MIN);
	sort_keys(keys, count, shift, below);
	for (unsigned i = 0; i < count; i++)
		p[i] = (struct point){ (int32_t)(keys[i] >> 16) + left,
				       (int32_t)(keys[i] & UINT16_MAX) + INT16_MIN };
}

/*
 * The minutiae's places but for those inside the quadrangle of the outermost ones, which are no
 * part of the hull (Akl, Toussaint: A fast convex hull algorithm, 1978). How many.
 */
static unsigned
outer_points(const struct minutia *m, unsigned count, struct point *ret)
{
	struct point corner[4], at;
	unsigned n = 0;

	for (unsigned k = 0; k < 4; k++)
		corner[k] = (struct point){ m[0].x, m[0].y };
	for (unsigned i = 1; i < count; i++) {
		at = (struct point){ m[i].x, m[i].y };
		corner[0] = at.x < corner[0].x ? at : corner[0];
		corner[1] = at.y < corner[1].y ? at : corner[1];
		corner[2] = at.x > corner[2].x ? at : corner[2];
		corner[3] = at.y > corner[3].y ? at : corner[3];
	}
	for (unsigned i = 0; i < count; i++) {
		int inside = 1;

		at = (struct point){ m[i].x, m[i].y };
		for (unsigned k = 0; k < 4; k++)
			inside &= cross(corner[k], corner[(k + 1) % 4], at) > 0;
		ret[n] = at;
		n += !inside;
	}
	return n;
}

static unsigned
half_hull(const struct point *p, unsigned count, int step, struct point *out)
{
	unsigned n = 0;
	unsigned i = step > 0 ? 0 : count - 1;

	for (unsigned k = 0; k < count; k++, i += (unsigned)step) {
		while (n >= 2 && cross(out[n - 2], out[n - 1], p[i]) <= 0)
			n--;
		out[n++] = p[i];
	}
	return n - 1; /* the last point starts the other half */
}

/* Convex hull, counter-clockwise in mathematical axes (Andrew's monotone chain). */
static void
hull_of(const struct minutia *m, unsigned count, struct hull *h)
{
	struct point p[FINGER_MINUTIAE_MAX];

	count = outer_points(m, count, p);
	sort_points(p, count);
	/* Nothing is read of it before it is written; not every analyser sees that. */
	memset(h->p, 0, 2 * count * sizeof(h->p[0]));
	h->count = half_hull(p, count, 1, h->p);
	h->count += half_hull(p, count, -1, h->p + h->count);
	for (unsigned i = 0; i < h->count; i++) {
		/* The second half ends with the point that the first one starts with. */
		struct point a = h->p[i], b = h->p[i + 1];
		int64_t dx = b.x - a.x, dy = b.y - a.y;

		h->edge[i] =
			(struct edge){ -dy, dx, dy * a.x - dx * a.y,
				       fixed_root((uint64_t)(dx * dx + dy * dy) * 256) };
	}
}

struct frame {
	struct point centre;
	int32_t sin, cos;
};

/* Two columns of cells at once. */
typedef uint64_t twice __attribute__((vector_size(16)));

/*
 * Bits of the cells of the square, row by row, that lie farther outside of an edge of the hull
 * than the margin. cross: how far inside the minutia lies, times the length of the edge.
 */
static uint64_t
cells_outside(const struct frame *f, const struct edge *e, int64_t cross)
{
	/* The distance from the edge grows evenly with u and v. */
	int64_t step_u = e->by_x * f->cos - e->by_y * f->sin;
	int64_t step_v = -e->by_x * f->sin - e->by_y * f->cos;
	int64_t first = (cross * 16 + HULL_MARGIN_PX * e->length) * (Q2 * FIXED_ONE / 16);
	uint64_t outside = 0;

	first += (step_u + step_v) * FIRST_Q2;
	for (unsigned row = 0; row < SIDE; row++) {
		int64_t at = first + row * (step_u * PITCH_Q2);
		twice cells = { (uint64_t)at, (uint64_t)(at + step_v * PITCH_Q2) };
		const twice next = (twice){ 0 } + (uint64_t)(step_v * (2 * PITCH_Q2));
		twice signs = cells >> 63;

		/* Below 0 the highest bit is set. */
		cells += next;
		signs |= cells >> 63 << 2;
		cells += next;
		signs |= cells >> 63 << 4;
		cells += next;
		signs |= cells >> 63 << 6;
		outside |= (signs[0] | signs[1] << 1) << row * SIDE;
	}
	return outside;
}

/* Bits of the cells of the square that lie in the enlarged hull. */
static uint64_t
cells_inside(const struct hull *h, const struct frame *f)
{
	uint64_t outside = 0;

	for (unsigned i = 0; i < h->count; i++) {
		const struct edge *e = &h->edge[i];
		int64_t cross = f->centre.x * e->by_x + f->centre.y * e->by_y + e->at;

		/* Else the whole disc is. */
		if (cross * 16 < (RADIUS_Q2 / Q2 - HULL_MARGIN_PX) * e->length)
			outside |= cells_outside(f, e, cross);
	}
	return ~outside;
}

/* The disc out of the square: rows of 4, 6, 8, 8, 8, 8, 6, 4 cells. */
static inline uint64_t
disc_of(uint64_t square)
{
	return (square >> 2 & 0xf) | (square >> 9 & 0x3f) << 4 |
	       (square >> 16 & UINT32_MAX) << 10 | (square >> 49 & 0x3f) << 42 |
	       (square >> 58 & 0xf) << 48;
}

/* The planes of a cylinder added up, cell by cell. */
static void
add_up(const uint64_t plane[MCC_PLANES], uint64_t ret_tally[MCC_TALLIES])
{
	uint64_t ones = 0, twos = 0, fours = 0;

	for (unsigned k = 0; k < MCC_PLANES; k++) {
		uint64_t carry = ones & plane[k];

		ones ^= plane[k];
		fours ^= twos & carry;
		twos ^= carry;
	}
	ret_tally[0] = ones;
	ret_tally[1] = twos;
	ret_tally[2] = fours;
}

static void
fill_crowd(struct kernel_crowd *c, const struct minutia *m, unsigned count)
{
	memset(c, 0, sizeof(*c));
	for (unsigned i = 0; i < count; i++) {
		c->x[i] = m[i].x;
		c->y[i] = m[i].y;
		c->angle[i] = m[i].angle;
	}
	c->count = count;
}

unsigned
mcc_build_best(const struct kernel *kernel, const struct minutia *minutiae,
	       unsigned count, unsigned wanted, struct mcc_cylinder *ret)
{
	struct kernel_crowd crowd;
	struct hull hull;
	unsigned n = 0;

	assert(count <= FINGER_MINUTIAE_MAX && wanted <= MCC_CYLINDERS_MAX);
	if (count < NEIGHBOURS_MIN + 1)
		return 0;
	hull_of(minutiae, count, &hull);
	fill_crowd(&crowd, minutiae, count);
	for (unsigned i = 0; i < count && n < wanted; i++) {
		const struct minutia *m = &minutiae[i];
		struct frame f = { { m->x, m->y },
				   fixed_sin(m->angle),
				   fixed_cos(m->angle) };
		struct mcc_cylinder *c = &ret[n];
		uint64_t square[MCC_PLANES], tally[MCC_TALLIES];

		c->valid = disc_of(cells_inside(&hull, &f));
		c->cells = (uint8_t)mcc_bits(c->valid);
		if (c->cells < CELLS_VALID_MIN)
			continue;
		c->unit = move_point(f.cos, f.sin);
		if (kernel->surround(&crowd, i, c->unit, square) < NEIGHBOURS_MIN)
			continue;
		for (unsigned k = 0; k < MCC_PLANES; k++)
			c->plane[k] = disc_of(square[k]) & c->valid;
		add_up(c->plane, tally);
		c->ones = (uint16_t)(mcc_bits(tally[0]) + 2 * mcc_bits(tally[1]) +
				     4 * mcc_bits(tally[2]));
		c->minutia = (uint8_t)i;
		n++;
	}
	return n;
}

static void
put(struct mcc_set *set, unsigned slot, const struct mcc_cylinder *c,
    const struct minutia *m)
{
	uint64_t tally[MCC_TALLIES];

	for (unsigned k = 0; k < MCC_PLANES; k++)
		set->plane[k][slot] = c->plane[k];
	add_up(c->plane, tally);
	for (unsigned k = 0; k < MCC_TALLIES; k++)
		set->tally[k][slot] = tally[k];
	set->valid[slot] = c->valid;
	set->at[slot] = *m;
	set->angle[slot] = m->angle;
	set->unit[slot] = c->unit;
	set->ones[slot] = c->ones;
	set->cells[slot] = c->cells;
	set->cylinder_of[c->minutia] = (uint8_t)slot;
}

void
mcc_build(const struct minutia *minutiae, unsigned count, struct mcc_set *ret_set)
{
	struct mcc_cylinder found[MCC_CYLINDERS_MAX];
	uint32_t keys[MCC_CYLINDERS_MAX];
	unsigned n =
		mcc_build_best(kernel_best(), minutiae, count, MCC_CYLINDERS_MAX, found);

	memset(ret_set, 0, sizeof(*ret_set));
	memset(ret_set->cylinder_of, (int)MCC_NONE, sizeof(ret_set->cylinder_of));
	/* By angle; those of one angle as they come. */
	for (unsigned i = 0; i < n; i++)
		keys[i] = (uint32_t)minutiae[found[i].minutia].angle << 16 | i;
	if (n > 0)
		sort_keys(keys, n, 16 + MCC_SECTOR_SHIFT, ret_set->below);
	for (unsigned slot = 0; slot < n; slot++) {
		const struct mcc_cylinder *c = &found[keys[slot] & UINT16_MAX];

		put(ret_set, slot, c, &minutiae[c->minutia]);
		ret_set->by_quality[keys[slot] & UINT16_MAX] = (uint8_t)slot;
	}
	for (unsigned s = 0; s < MCC_SECTORS; s++)
		ret_set->below[s + MCC_SECTORS] = (uint8_t)(ret_set->below[s] + n);
	ret_set->count = (uint16_t)n;
}
