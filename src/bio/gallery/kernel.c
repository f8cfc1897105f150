#include "bio/gallery/kernel.h"

#include "bio/gallery/fixed.h"
#include "bio/gallery/kernel_private.h"
#include "bio/gallery/kernel_scan.h"
#include "bio/gallery/kernel_square.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

/*
 * The plain kernel: one thing after another. The others are checked against it.
 */
static void
counts_plain(const struct mcc_set *one, unsigned i, const struct mcc_set *many,
	     const unsigned range[2], struct kernel_counts *ret)
{
	assert(range[1] <= MCC_CYLINDERS_MAX);
	for (unsigned j = range[0]; j < range[1]; j++) {
		unsigned both = 0, left = 0, right = 0, cells;

		for (unsigned k = 0; k < MCC_PLANES; k++) {
			uint64_t a = one->plane[k][i], b = many->plane[k][j];

			both += mcc_bits(a & b);
			left += mcc_bits(a & many->valid[j]);
			right += mcc_bits(b & one->valid[i]);
		}
		ret->both[j] = (uint16_t)both;
		ret->left[j] = (uint16_t)left;
		ret->right[j] = (uint16_t)right;
		cells = mcc_bits(one->valid[i] & many->valid[j]);
		ret->cells[j] = (uint16_t)cells;
		if (fixed_apart(one->angle[i], many->angle[j]) <= KERNEL_TURN_MAX &&
		    cells >= KERNEL_CELLS_MIN && KERNEL_COMMON * both > left + right)
			ret->worth[j / 64] |= (uint64_t)1 << j % 64;
	}
}

static int32_t
point_x(int32_t point)
{
	return (int16_t)(uint32_t)point;
}

static int32_t
point_y(int32_t point)
{
	return point >> 16;
}

static bool
within(int32_t v, int32_t limit)
{
	return v >= -limit && v <= limit;
}

static int32_t
votes_plain(const struct kernel_voters *v, const struct fine_move *m,
	    int32_t ret_weight[KERNEL_VOTERS])
{
	int32_t sum = 0;

	for (unsigned i = 0; i < KERNEL_VOTERS; i++) {
		int32_t x, y;

		fine_moved(m, point_x(v->a[i]), point_y(v->a[i]), &x, &y);
		ret_weight[i] = 0;
		if (within(x - v->bx[i], KERNEL_VOTE_PX) &&
		    within(y - v->by[i], KERNEL_VOTE_PX) &&
		    fixed_apart((uint16_t)v->turn[i], m->turn) <= KERNEL_VOTE_TURN)
			ret_weight[i] = v->weight[i];
		sum += ret_weight[i];
	}
	return sum;
}

/* Of a difference in 16 bits, as vectors have it. */
static int32_t
length_of(int32_t v)
{
	int16_t narrow = (int16_t)v;

	return narrow < 0 ? (int16_t)-narrow : narrow;
}

/* The square of the way between two points, and no less than its length. */
static uint32_t
way_between(int32_t from, int32_t to, int32_t *ret_length)
{
	int32_t x = length_of(point_x(to) - point_x(from));
	int32_t y = length_of(point_y(to) - point_y(from));

	*ret_length += x + y;
	return (uint32_t)(x * x) + (uint32_t)(y * y);
}

static void
kin_plain(const struct kernel_pairs *p, unsigned t, unsigned n,
	  int32_t ret_may[KERNEL_PAIRS])
{
	for (unsigned k = 0; k < n; k++) {
		int32_t lengths = 0, apart;
		uint32_t a2 = way_between(p->a[t], p->a[k], &lengths);
		uint32_t b2 = way_between(p->b[t], p->b[k], &lengths);

		apart = (int32_t)(a2 - b2);
		if (apart < 0)
			apart = (int32_t)(0u - (uint32_t)apart);
		ret_may[k] = apart < KERNEL_KIN_Q2 / 4 * lengths &&
			     fixed_apart((uint16_t)p->turn[k], (uint16_t)p->turn[t]) <
				     KERNEL_KIN_TURN;
	}
}

static void
lay_plain(const int32_t *points, unsigned n, const struct fine_move *move,
	  const int32_t limit[2], int32_t *ret_cell)
{
	unsigned all = (n + KERNEL_STEP - 1) / KERNEL_STEP * KERNEL_STEP;

	for (unsigned i = 0; i < all; i++) {
		int32_t x, y;

		fine_moved(move, point_x(points[i]), point_y(points[i]), &x, &y);
		ret_cell[i] =
			x < 0 || y < 0 || x >= limit[0] || y >= limit[1]
				? KERNEL_OUTSIDE
				: (y >> KERNEL_FIELD_SHIFT << KERNEL_FIELD_ROW_SHIFT) +
					  (x >> KERNEL_FIELD_SHIFT);
	}
}

static bool
is_near(const struct kernel_crowd *c, unsigned j, const struct kernel_moved *m,
	unsigned i)
{
	return within((int16_t)(c->x[j] - m->x[i]), KERNEL_NEAR_PX) &&
	       within((int16_t)(c->y[j] - m->y[i]), KERNEL_NEAR_PX) &&
	       fixed_apart(c->angle[j], m->angle[i]) <= KERNEL_NEAR_TURN;
}

static unsigned
near_plain(const struct kernel_crowd *c, const struct kernel_moved *m, uint16_t *ret_near)
{
	unsigned n = 0;

	for (unsigned i = 0; i < m->count; i++) {
		unsigned strip = kernel_strip(m->y[i]);

		for (unsigned j = c->below[strip]; j < c->below[strip + 3]; j++) {
			if (is_near(c, j, m, i))
				ret_near[n++] = (uint16_t)(i << 8 | j);
		}
	}
	return n;
}

static void
move_plain(const struct kernel_points *p, const struct fine_move *move,
	   struct kernel_moved *ret)
{
	assert(p->count <= KERNEL_POINTS);
	for (unsigned i = 0; i < p->count; i++) {
		fine_moved(move, point_x(p->at[i]), point_y(p->at[i]), &ret->x[i],
			   &ret->y[i]);
		ret->angle[i] = (uint16_t)(p->angle[i] + move->turn);
	}
	ret->count = p->count;
}

static void
agree_plain(const int32_t *a, const int32_t *b, unsigned n, unsigned turned,
	    int32_t ret_sum[2])
{
	ret_sum[0] = ret_sum[1] = 0;
	for (unsigned i = 0; i < n; i++) {
		int32_t apart = (a[i] + (int32_t)turned - b[i]) & 255;
		int32_t w = a[i] >> 8 < b[i] >> 8 ? a[i] >> 8 : b[i] >> 8;

		apart = apart > 128 ? 256 - apart : apart;
		ret_sum[0] += w;
		ret_sum[1] += w * (64 - apart);
	}
}

static const struct kernel plain = {
	"plain",     counts_plain, kernel_alike_plain, kernel_support_plain,
	votes_plain, kin_plain,    lay_plain,          near_plain,
	move_plain,  agree_plain,  square_plain
};

const struct kernel *
kernel_at(unsigned i)
{
	const struct kernel *found[1 + KERNEL_X86_MAX] = { &plain };
	unsigned n = 1;

#if defined(__x86_64__)
	n += kernel_x86(&found[1]);
#endif
	return i < n ? found[i] : NULL;
}

const struct kernel *
kernel_best(void)
{
	const struct kernel *best = kernel_at(0);

	for (unsigned i = 1; kernel_at(i) != NULL; i++)
		best = kernel_at(i);
	return best;
}
