/*
 * Geometry of many points at once, written once for every width of vector. kernel_x86.c includes
 * this file for each with
 *	LANES_BYTES	the width
 *	LANES(name)	the name of a function or type of this width
 *	LANES_TARGET	the attribute that lets the compiler use the instructions
 *	LANES_DOT(a, b)	sum of the products of the low and of the high halves of each lane
 * No include guard: it is meant to come again.
 */
#define V LANES(lanes_i)
#define U LANES(lanes_u)
#define N LANES(lanes_n)
#define W LANES(lanes_w)
#define STEP (LANES_BYTES / 4)
#define AT(p) (*(const V *)(const void *)(p))
#define TO(p) (*(V *)(void *)(p))

typedef int32_t V __attribute__((vector_size(LANES_BYTES), aligned(4), may_alias));
typedef int16_t N __attribute__((vector_size(LANES_BYTES), aligned(4), may_alias));
typedef uint16_t W __attribute__((vector_size(LANES_BYTES), aligned(4), may_alias));
typedef uint32_t U __attribute__((vector_size(LANES_BYTES), aligned(4), may_alias));

_Static_assert(KERNEL_STEP % STEP == 0 && KERNEL_VOTERS % STEP == 0 &&
		       KERNEL_PAIRS % STEP == 0,
	       "whole vectors");

/* The factors of a movement for LANES_DOT with points. */
static inline LANES_TARGET V
LANES(for_x)(const struct fine_move *m)
{
	return (V){ 0 } + move_point(m->cos, m->sin);
}

static inline LANES_TARGET V
LANES(for_y)(const struct fine_move *m)
{
	return (V){ 0 } + move_point(-m->sin, m->cos);
}

static LANES_TARGET int32_t
LANES(votes)(const struct kernel_voters *v, const struct fine_move *m,
	     int32_t ret_weight[KERNEL_VOTERS])
{
	const V for_x = LANES(for_x)(m), for_y = LANES(for_y)(m);
	const int32_t half = FIXED_ONE / 2, turn_off = KERNEL_VOTE_TURN - m->turn;
	const int32_t x_off = m->x + KERNEL_VOTE_PX, y_off = m->y + KERNEL_VOTE_PX;
	int32_t sum = 0;
	V sums = { 0 };

	for (unsigned i = 0; i < KERNEL_VOTERS; i += STEP) {
		V a = AT(&v->a[i]);
		V x = (LANES_DOT(a, for_x) + half) >> 14;
		V y = (LANES_DOT(a, for_y) + half) >> 14;
		U dx = (U)(x + x_off - AT(&v->bx[i]));
		U dy = (U)(y + y_off - AT(&v->by[i]));
		U turn = (U)((AT(&v->turn[i]) + turn_off) & 0xffff);
		V w = AT(&v->weight[i]) & (V)(dx <= 2 * KERNEL_VOTE_PX) &
		      (V)(dy <= 2 * KERNEL_VOTE_PX) & (V)(turn <= 2 * KERNEL_VOTE_TURN);

		TO(&ret_weight[i]) = w;
		sums += w;
	}
	for (unsigned i = 0; i < STEP; i++)
		sum += sums[i];
	return sum;
}

static inline LANES_TARGET V
LANES(length)(V v)
{
	V sign = v >> 31;

	return (V)((U)(v ^ sign) - (U)sign);
}

/* The way from one point to another without signs, modulo 65536: x and y of each. */
static inline LANES_TARGET V
LANES(sides)(V to, V from)
{
	W way = (W)to - (W)from, sign = (W)((N)way >> 15);

	return (V)((way ^ sign) - sign);
}

static LANES_TARGET void
LANES(kin)(const struct kernel_pairs *p, unsigned t, unsigned n,
	   int32_t ret_may[KERNEL_PAIRS])
{
	const V from_a = (V){ 0 } + p->a[t], from_b = (V){ 0 } + p->b[t];
	const V one = (V){ 0 } + 0x10001;

	for (unsigned k = 0; k < n; k += STEP) {
		V a = LANES(sides)(AT(&p->a[k]), from_a);
		V b = LANES(sides)(AT(&p->b[k]), from_b);
		V bound = (V)LANES_DOT(a, one) + (V)LANES_DOT(b, one);
		V apart = (V)((U)LANES_DOT(a, a) - (U)LANES_DOT(b, b));
		U turn = (U)((AT(&p->turn[k]) - p->turn[t] + (KERNEL_KIN_TURN - 1)) &
			     0xffff);

		TO(&ret_may[k]) =
			(V)(LANES(length)(apart) < bound * (KERNEL_KIN_Q2 / 4)) &
			(V)(turn <= 2 * (KERNEL_KIN_TURN - 1));
	}
}

static LANES_TARGET void
LANES(lay)(const int32_t *points, unsigned n, const struct fine_move *m,
	   const int32_t limit[2], int32_t *ret_cell)
{
	const V for_x = LANES(for_x)(m), for_y = LANES(for_y)(m);
	const int32_t half = FIXED_ONE / 2;
	const uint32_t limit_x = (uint32_t)limit[0], limit_y = (uint32_t)limit[1];

	for (unsigned i = 0; i < n; i += STEP) {
		V p = AT(&points[i]);
		V x = ((LANES_DOT(p, for_x) + half) >> 14) + m->x;
		V y = ((LANES_DOT(p, for_y) + half) >> 14) + m->y;
		V in = (V)((U)x < limit_x) & (V)((U)y < limit_y);
		V cell = (y >> KERNEL_FIELD_SHIFT << KERNEL_FIELD_ROW_SHIFT) +
			 (x >> KERNEL_FIELD_SHIFT);

		TO(&ret_cell[i]) = (cell & in) | (KERNEL_OUTSIDE & ~in);
	}
}

static LANES_TARGET void
LANES(move)(const struct kernel_points *points, const struct fine_move *m,
	    struct kernel_moved *ret)
{
	const V for_x = LANES(for_x)(m), for_y = LANES(for_y)(m);
	const int32_t half = FIXED_ONE / 2;

	for (unsigned i = 0; i < points->count; i += STEP) {
		V p = AT(&points->at[i]);

		TO(&ret->x[i]) = ((LANES_DOT(p, for_x) + half) >> 14) + m->x;
		TO(&ret->y[i]) = ((LANES_DOT(p, for_y) + half) >> 14) + m->y;
		for (unsigned k = i; k < i + STEP; k++)
			ret->angle[k] = (uint16_t)(points->angle[k] + m->turn);
	}
	ret->count = points->count;
}

static LANES_TARGET void
LANES(agree)(const int32_t *a, const int32_t *b, unsigned n, unsigned turned,
	     int32_t ret_sum[2])
{
	V weights = { 0 }, agreement = { 0 };

	for (unsigned i = 0; i < n; i += STEP) {
		V p = AT(&a[i]), q = AT(&b[i]);
		V pw = p >> 8, qw = q >> 8, less = (V)(pw < qw);
		V w = (pw & less) | (qw & ~less);
		/* 64 - the difference, wrapped to -128..127, without its sign. */
		V apart = (V)((U)(p + (int32_t)turned - q) << 24) >> 24;

		weights += w;
		agreement += (V)LANES_DOT(w, 64 - LANES(length)(apart));
	}
	ret_sum[0] = ret_sum[1] = 0;
	for (unsigned i = 0; i < STEP; i++) {
		ret_sum[0] += weights[i];
		ret_sum[1] += agreement[i];
	}
}

#undef V
#undef U
#undef N
#undef W
#undef STEP
#undef AT
#undef TO
#undef LANES
#undef LANES_BYTES
#undef LANES_TARGET
#undef LANES_DOT
