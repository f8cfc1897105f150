#include "bio/gallery/kernel_square.h"

#if defined(__x86_64__)

#include <assert.h>
#include <immintrin.h>

/* Compiled for each that uses it. */
#define EACH static inline __attribute__((always_inline))
#define AVX2 __attribute__((target("avx2")))
#define AVX512                                                                           \
	__attribute__((                                                                  \
		target("avx512f,avx512bw,avx512vl,avx512vbmi2,avx512vnni,bmi,popcnt")))

_Static_assert(SQUARE_NEAR_PX *SQUARE_NEAR_PX * 2 <= INT16_MAX,
	       "squares of both sides fit a word");
_Static_assert(KERNEL_POINTS == 128, "a bit for each in two words");

/* ---- neighbours ----------------------------------------------------------- */

EACH __m128i
load_sse2(const void *p)
{
	return _mm_loadu_si128((const __m128i *)p);
}

/* Which of eight of a crowd are neighbours: all ones, else 0. */
EACH __m128i
near8_sse2(const struct kernel_crowd *c, unsigned j, __m128i x, __m128i y)
{
	const __m128i side = _mm_set1_epi16(SQUARE_NEAR_PX);
	/* What does not fit a word is far off, and so is the most that does. */
	__m128i dx = _mm_subs_epi16(load_sse2(&c->x[j]), x);
	__m128i dy = _mm_subs_epi16(load_sse2(&c->y[j]), y);
	__m128i far = _mm_subs_epi16(_mm_setzero_si128(), _mm_min_epi16(dx, dy));
	__m128i apart = _mm_add_epi16(_mm_mullo_epi16(dx, dx), _mm_mullo_epi16(dy, dy));

	far = _mm_max_epi16(far, _mm_max_epi16(dx, dy));
	return _mm_andnot_si128(
		_mm_cmpgt_epi16(far, side),
		_mm_cmpgt_epi16(_mm_set1_epi16(SQUARE_NEAR_PX * SQUARE_NEAR_PX + 1),
				apart));
}

EACH void
neighbours_sse2(const struct kernel_crowd *c, unsigned i, uint64_t ret[2])
{
	const __m128i x = _mm_set1_epi16(c->x[i]), y = _mm_set1_epi16(c->y[i]);

	ret[0] = ret[1] = 0;
	for (unsigned j = 0; j < c->count; j += 16) {
		__m128i near = _mm_packs_epi16(near8_sse2(c, j, x, y),
					       near8_sse2(c, j + 8, x, y));

		ret[j / 64] |= (uint64_t)(uint32_t)_mm_movemask_epi8(near) << j % 64;
	}
}

AVX512 static inline void
neighbours_avx512(const struct kernel_crowd *c, unsigned i, uint64_t ret[2])
{
	const __m512i x = _mm512_set1_epi16(c->x[i]), y = _mm512_set1_epi16(c->y[i]);

	ret[0] = ret[1] = 0;
	for (unsigned j = 0; j < c->count; j += 32) {
		__m512i dx = _mm512_subs_epi16(_mm512_loadu_si512(&c->x[j]), x);
		__m512i dy = _mm512_subs_epi16(_mm512_loadu_si512(&c->y[j]), y);
		__m512i apart = _mm512_add_epi16(_mm512_mullo_epi16(dx, dx),
						 _mm512_mullo_epi16(dy, dy));
		__mmask32 near;

		dx = _mm512_max_epu16(_mm512_abs_epi16(dx), _mm512_abs_epi16(dy));
		near = _mm512_cmple_epu16_mask(dx, _mm512_set1_epi16(SQUARE_NEAR_PX));
		near = _mm512_mask_cmple_epu16_mask(
			near, apart, _mm512_set1_epi16(SQUARE_NEAR_PX * SQUARE_NEAR_PX));
		ret[j / 64] |= (uint64_t)near << j % 64;
	}
}

/* Neither the minutia itself nor lanes beyond the crowd are. */
EACH void
only_others(const struct kernel_crowd *c, unsigned i, uint64_t neighbours[2])
{
	uint64_t last =
		c->count % 64 == 0 ? UINT64_MAX : ((uint64_t)1 << c->count % 64) - 1;

	neighbours[(c->count - 1) / 64] &= last;
	neighbours[i / 64] &= ~((uint64_t)1 << i % 64);
}

/* ---- SSE2 and AVX2 -------------------------------------------------------- */

/*
 * First every neighbour is placed: where its window begins, the steps of its sixteen cells in the
 * table of weights, and what it tells each section. Half of the rows of a window are out of reach
 * or of the square, hard to foresee; so those that are not are listed and added up then.
 */
#define OTHERS_MAX (KERNEL_POINTS + 8u)
#define ROWS_MAX (OTHERS_MAX * SQUARE_WINDOW)
struct others {
	int32_t at[OTHERS_MAX];    /* from the minutia; then in its window: u below v */
	uint16_t turn[OTHERS_MAX]; /* of the minutia against it */
	uint16_t cell[OTHERS_MAX]; /* the first of its window */
	/* Of row r of the window of the n-th: n * SQUARE_WINDOW + r. */
	uint16_t step[ROWS_MAX][SQUARE_WINDOW], cell_of_row[ROWS_MAX];
	uint16_t row[ROWS_MAX]; /* those to be added up */
	/* The first MCC_PLANES: of the same words each. */
	__m128i section[OTHERS_MAX][8];
	unsigned count;
};

/* By section, row by row: four cells of a row are a vector wherever they begin. */
struct sums {
	_Alignas(32) int32_t at[MCC_PLANES][SQUARE_SIDE * SQUARE_SIDE];
};

EACH void
list_others(const struct kernel_crowd *c, unsigned i, struct others *o)
{
	uint64_t neighbours[2];
	unsigned n = 0;

	neighbours_sse2(c, i, neighbours);
	only_others(c, i, neighbours);
	for (unsigned part = 0; part < 2; part++) {
		for (uint64_t mask = neighbours[part]; mask != 0; mask &= mask - 1) {
			unsigned j = part * 64 + (unsigned)__builtin_ctzll(mask);

			o->at[n] = move_point(c->x[j] - c->x[i], c->y[j] - c->y[i]);
			o->turn[n++] = (uint16_t)(c->angle[i] - c->angle[j]);
		}
	}
	/* Four are placed at once: what follows the last may be anything, but known. */
	_mm_storeu_si128((__m128i *)(void *)&o->at[n], _mm_setzero_si128());
	o->count = n;
}

/* Four neighbours into the frame of the minutia and into their windows. */
EACH void
place4(struct others *o, unsigned n, __m128i for_u, __m128i for_v)
{
	const __m128i half = _mm_set1_epi32(1 << (SQUARE_Q2_SHIFT - 1));
	__m128i p = load_sse2(&o->at[n]), first, low, at;
	__m128i u = _mm_add_epi32(_mm_madd_epi16(p, for_u), half);
	__m128i v = _mm_add_epi32(_mm_madd_epi16(p, for_v), half);

	at = _mm_packs_epi32(_mm_srai_epi32(u, SQUARE_Q2_SHIFT),
			     _mm_srai_epi32(v, SQUARE_Q2_SHIFT));
	low = _mm_max_epi16(
		_mm_add_epi16(at, _mm_set1_epi16(-SQUARE_REACH_Q2 - SQUARE_FIRST_Q2)),
		_mm_setzero_si128());
	/* A division by the pitch, exact for what fits in here. */
	first = _mm_mulhi_epu16(_mm_add_epi16(low, _mm_set1_epi16(SQUARE_PITCH_Q2 - 1)),
				_mm_set1_epi16(65536 / SQUARE_PITCH_Q2 + 1));
	first = _mm_min_epi16(first, _mm_set1_epi16(SQUARE_SIDE - SQUARE_WINDOW));
	at = _mm_sub_epi16(_mm_add_epi16(at, _mm_set1_epi16(-SQUARE_FIRST_Q2)),
			   _mm_mullo_epi16(first, _mm_set1_epi16(SQUARE_PITCH_Q2)));
	_mm_storeu_si128((__m128i *)(void *)&o->at[n],
			 _mm_unpacklo_epi16(at, _mm_srli_si128(at, 8)));
	first = _mm_add_epi16(_mm_slli_epi16(first, 3), _mm_srli_si128(first, 8));
	_mm_storel_epi64((__m128i *)(void *)&o->cell[n], first);
}

/* Squares of the distances of a neighbour from the four cells of a row of its window. */
EACH __m128i
apart4(__m128i at, int row)
{
	const __m128i cells = _mm_setr_epi16(0, 0, 0, SQUARE_PITCH_Q2, 0,
					     2 * SQUARE_PITCH_Q2, 0, 3 * SQUARE_PITCH_Q2);
	__m128i d = _mm_sub_epi16(
		at, _mm_add_epi16(cells, _mm_set1_epi32(row * SQUARE_PITCH_Q2)));

	return _mm_madd_epi16(d, d);
}

/* The steps of the cells of a window; a bit for each row of it that is out of reach. */
EACH unsigned
window_steps(int32_t place, uint16_t (*ret)[SQUARE_WINDOW])
{
	const __m128i reach = _mm_set1_epi16(SQUARE_REACH_Q2 * SQUARE_REACH_Q2);
	__m128i at = _mm_set1_epi32(place);
	/* Those that do not fit a word are out of reach too. */
	__m128i a = _mm_packs_epi32(apart4(at, 0), apart4(at, 1));
	__m128i b = _mm_packs_epi32(apart4(at, 2), apart4(at, 3));
	__m128i a_far = _mm_cmpgt_epi16(a, reach), b_far = _mm_cmpgt_epi16(b, reach);

	a = _mm_sub_epi16(_mm_srli_epi16(a, SQUARE_STEP_SHIFT), a_far);
	b = _mm_sub_epi16(_mm_srli_epi16(b, SQUARE_STEP_SHIFT), b_far);
	_mm_storeu_si128((__m128i *)(void *)ret[0], a);
	_mm_storeu_si128((__m128i *)(void *)ret[2], b);
	a = _mm_cmpeq_epi32(_mm_packs_epi16(a_far, b_far), _mm_set1_epi32(-1));
	return (unsigned)_mm_movemask_ps(_mm_castsi128_ps(a));
}

/* Lists the rows of a window whose bit is not set. How many rows are listed then. */
EACH unsigned
list_rows(struct others *o, unsigned n, unsigned out_of_reach, unsigned listed)
{
	const __m128i cells = _mm_setr_epi16(0, SQUARE_SIDE, 2 * SQUARE_SIDE,
					     3 * SQUARE_SIDE, 0, 0, 0, 0);
	static const uint16_t rows[16][4] = {
		{ 0, 1, 2, 3 }, { 1, 2, 3 }, { 0, 2, 3 }, { 2, 3 }, { 0, 1, 3 }, { 1, 3 },
		{ 0, 3 },       { 3 },       { 0, 1, 2 }, { 1, 2 }, { 0, 2 },    { 2 },
		{ 0, 1 },       { 1 },       { 0 },       { 0 },
	};
	static const uint8_t counts[16] = {
		4, 3, 3, 2, 3, 2, 2, 1, 3, 2, 2, 1, 2, 1, 1, 0
	};
	__m128i list = _mm_loadl_epi64((const __m128i *)(const void *)rows[out_of_reach]);

	list = _mm_add_epi16(list, _mm_set1_epi16((short)(n * SQUARE_WINDOW)));
	_mm_storel_epi64((__m128i *)(void *)&o->row[listed], list);
	list = _mm_add_epi16(cells, _mm_set1_epi16((short)o->cell[n]));
	_mm_storel_epi64((__m128i *)(void *)&o->cell_of_row[n * SQUARE_WINDOW], list);
	return listed + counts[out_of_reach];
}

/* What a direction tells each section: places in the table. */
EACH __m128i
section_steps(uint16_t turn)
{
	const __m128i middles = _mm_setr_epi16(
		(short)SQUARE_MIDDLE(0), (short)SQUARE_MIDDLE(1), (short)SQUARE_MIDDLE(2),
		(short)SQUARE_MIDDLE(3), (short)SQUARE_MIDDLE(4), 0, 0, 0);
	__m128i apart = _mm_sub_epi16(middles, _mm_set1_epi16((short)turn));

	/* |-32768| is 32768 without a sign. */
	apart = _mm_max_epi16(apart, _mm_sub_epi16(_mm_setzero_si128(), apart));
	return _mm_srli_epi16(_mm_add_epi16(apart, _mm_set1_epi16(128)), 8);
}

EACH void
look_up_sections(uint16_t turn, __m128i ret[MCC_PLANES])
{
	const uint16_t *table = square_direction_q12;
	__m128i at = section_steps(turn), found = _mm_setzero_si128(), twice;

	found = _mm_insert_epi16(found, table[_mm_extract_epi16(at, 0)], 0);
	found = _mm_insert_epi16(found, table[_mm_extract_epi16(at, 1)], 1);
	found = _mm_insert_epi16(found, table[_mm_extract_epi16(at, 2)], 2);
	found = _mm_insert_epi16(found, table[_mm_extract_epi16(at, 3)], 3);
	found = _mm_insert_epi16(found, table[_mm_extract_epi16(at, 4)], 4);
	twice = _mm_unpacklo_epi16(found, found);
	ret[0] = _mm_shuffle_epi32(twice, 0x00);
	ret[1] = _mm_shuffle_epi32(twice, 0x55);
	ret[2] = _mm_shuffle_epi32(twice, 0xaa);
	ret[3] = _mm_shuffle_epi32(twice, 0xff);
	ret[4] = _mm_shuffle_epi32(_mm_unpackhi_epi16(found, found), 0x00);
}

/* The weights of the four cells of a row, with nothing above each. */
EACH __m128i
weights(const uint16_t step[SQUARE_WINDOW])
{
	const uint16_t *table = square_spatial_q12;
	__m128i w = _mm_setzero_si128();

	w = _mm_insert_epi16(w, table[step[0]], 0);
	w = _mm_insert_epi16(w, table[step[1]], 2);
	w = _mm_insert_epi16(w, table[step[2]], 4);
	return _mm_insert_epi16(w, table[step[3]], 6);
}

/* Adds a row of a window, four cells, to each section. */
EACH void
add_row(const struct others *o, unsigned row, struct sums *s)
{
	const __m128i *section = o->section[row / SQUARE_WINDOW];
	const __m128i w = weights(o->step[row]);
	int32_t *to = &s->at[0][o->cell_of_row[row]];

#pragma GCC unroll 8
	for (unsigned k = 0; k < MCC_PLANES; k++) {
		__m128i *sum = (__m128i *)(void *)(to + k * SQUARE_SIDE * SQUARE_SIDE);

		_mm_storeu_si128(sum, _mm_add_epi32(_mm_loadu_si128(sum),
						    _mm_madd_epi16(w, section[k])));
	}
}

/* For so little the compiler's own way is slow to begin. */
EACH void
clear(struct sums *s)
{
	__m128i *at = (__m128i *)(void *)s;

#pragma GCC unroll 80
	for (unsigned i = 0; i < sizeof(*s) / sizeof(*at); i++)
		_mm_storeu_si128(&at[i], _mm_setzero_si128());
}

/* The bits of two rows of a section. */
EACH uint64_t
cut16(const int32_t *sum)
{
	const __m128i on = _mm_set1_epi32(SQUARE_ON_Q24 - 1);
	__m128i first = _mm_packs_epi32(_mm_cmpgt_epi32(load_sse2(sum), on),
					_mm_cmpgt_epi32(load_sse2(sum + 4), on));
	__m128i second = _mm_packs_epi32(_mm_cmpgt_epi32(load_sse2(sum + 8), on),
					 _mm_cmpgt_epi32(load_sse2(sum + 12), on));

	return (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_packs_epi16(first, second));
}

/* Places all neighbours. How many rows are to be added up. */
EACH unsigned
place_others(const struct kernel_crowd *crowd, unsigned i, int32_t unit, struct others *o)
{
	const int32_t cos = (int16_t)(uint32_t)unit, sin = unit >> 16;
	const __m128i for_u = _mm_set1_epi32(move_point(cos, -sin));
	const __m128i for_v = _mm_set1_epi32(move_point(-sin, -cos));
	unsigned rows = 0;

	assert(i < crowd->count && crowd->count <= KERNEL_POINTS);
	list_others(crowd, i, o);
	for (unsigned n = 0; n < o->count; n += 4)
		place4(o, n, for_u, for_v);
	for (unsigned n = 0; n < o->count; n++) {
		uint16_t(*step)[SQUARE_WINDOW] = &o->step[n * SQUARE_WINDOW];

		rows = list_rows(o, n, window_steps(o->at[n], step), rows);
		look_up_sections(o->turn[n], o->section[n]);
	}
	return rows;
}

EACH void
cut(const struct sums *s, uint64_t ret_square[MCC_PLANES])
{
	for (unsigned k = 0; k < MCC_PLANES; k++) {
		ret_square[k] = 0;
#pragma GCC unroll 4
		for (unsigned r = 0; r < SQUARE_SIDE; r += 2)
			ret_square[k] |= cut16(&s->at[k][r * SQUARE_SIDE])
					 << r * SQUARE_SIDE;
	}
}

unsigned
square_sse2(const struct kernel_crowd *crowd, unsigned i, int32_t unit,
	    uint64_t ret_square[MCC_PLANES])
{
	struct others o;
	struct sums s;
	unsigned rows = place_others(crowd, i, unit, &o);

	clear(&s);
	for (unsigned row = 0; row < rows; row++)
		add_row(&o, o.row[row], &s);
	cut(&s, ret_square);
	return o.count;
}

/*
 * As add_row, but by whole rows of the square: what was stored by another window just before is
 * read in the same pieces again.
 */
AVX2 static inline void
add_row_avx2(const struct others *o, unsigned row, struct sums *s)
{
	/* Moves four weights to their columns; zeros from behind them. */
	static const uint32_t to_col[SQUARE_WINDOW + 1][SQUARE_SIDE] = {
		{ 0, 1, 2, 3, 4, 4, 4, 4 }, { 4, 0, 1, 2, 3, 4, 4, 4 },
		{ 4, 4, 0, 1, 2, 3, 4, 4 }, { 4, 4, 4, 0, 1, 2, 3, 4 },
		{ 4, 4, 4, 4, 0, 1, 2, 3 },
	};
	const unsigned cell = o->cell_of_row[row], col = cell % SQUARE_SIDE;
	const __m128i *section = o->section[row / SQUARE_WINDOW];
	int32_t *to = &s->at[0][cell - col];
	__m256i w = _mm256_zextsi128_si256(weights(o->step[row]));

	w = _mm256_permutevar8x32_epi32(
		w, _mm256_loadu_si256((const __m256i *)(const void *)to_col[col]));
#pragma GCC unroll 8
	for (unsigned k = 0; k < MCC_PLANES; k++) {
		__m256i *sum = (__m256i *)(void *)(to + k * SQUARE_SIDE * SQUARE_SIDE);
		__m256i add =
			_mm256_madd_epi16(w, _mm256_broadcastsi128_si256(section[k]));

		_mm256_store_si256(sum, _mm256_add_epi32(_mm256_load_si256(sum), add));
	}
}

AVX2 unsigned
square_avx2(const struct kernel_crowd *crowd, unsigned i, int32_t unit,
	    uint64_t ret_square[MCC_PLANES])
{
	struct others o;
	struct sums s;
	unsigned rows = place_others(crowd, i, unit, &o);

	clear(&s);
	for (unsigned row = 0; row < rows; row++)
		add_row_avx2(&o, o.row[row], &s);
	cut(&s, ret_square);
	return o.count;
}

/* ---- AVX-512 -------------------------------------------------------------- */

/*
 * The neighbours two by two. Where one of thirty-two of the crowd is left over, one out of reach
 * is put beside it.
 */
struct flock {
	int32_t at[KERNEL_POINTS + 64u]; /* in the frame of the minutia, u below v */
	/* What both of two tell a section is a word below the other's. */
	int32_t section[KERNEL_POINTS / 2 + 16u][8];
	unsigned filled; /* of at */
};
#define TWICE(k) ((int32_t)(SQUARE_MIDDLE(k) * 0x10001u))
#define OUT_OF_REACH move_point(16000, 16000)

/* Sixteen points from the minutia into its frame. */
AVX512 static inline __m512i
turn16_avx512(__m256i x, __m256i y, int32_t unit)
{
	const int32_t cos = (int16_t)(uint32_t)unit, sin = unit >> 16;
	const __m512i half = _mm512_set1_epi32(1 << (SQUARE_Q2_SHIFT - 1));
	__m512i p = _mm512_or_si512(_mm512_cvtepu16_epi32(x),
				    _mm512_slli_epi32(_mm512_cvtepu16_epi32(y), 16));
	__m512i u = _mm512_madd_epi16(p, _mm512_set1_epi32(move_point(cos, -sin)));
	__m512i v = _mm512_madd_epi16(p, _mm512_set1_epi32(move_point(-sin, -cos)));

	u = _mm512_srai_epi32(_mm512_add_epi32(u, half), SQUARE_Q2_SHIFT);
	v = _mm512_srai_epi32(_mm512_add_epi32(v, half), SQUARE_Q2_SHIFT);
	return _mm512_mask_blend_epi16(0x55555555, _mm512_slli_epi32(v, 16), u);
}

/* A table of 128 words. */
struct table_avx512 {
	__m512i part[4];
};

AVX512 static inline struct table_avx512
load_table_avx512(const uint16_t *table)
{
	return (struct table_avx512){
		{ _mm512_loadu_si512(table), _mm512_loadu_si512(table + 32),
		  _mm512_loadu_si512(table + 64), _mm512_loadu_si512(table + 96) }
	};
}

AVX512 static inline __m512i
look_up_avx512(const struct table_avx512 *t, __m512i at)
{
	__mmask32 above = _mm512_test_epi16_mask(at, _mm512_set1_epi16(64));
	__m512i found = _mm512_permutex2var_epi16(t->part[0], at, t->part[1]);

	return _mm512_mask_blend_epi16(
		above, found, _mm512_permutex2var_epi16(t->part[2], at, t->part[3]));
}

/* What four neighbours, from the n-th turn on, tell the sections. */
AVX512 static inline __m512i
sections_avx512(const struct table_avx512 *table, __m512i turns, unsigned n)
{
	const __m512i order =
		_mm512_set_epi16(3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 1, 0, 1,
				 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0);
	const __m512i middles = _mm512_broadcast_i64x4(_mm256_setr_epi32(
		TWICE(0), TWICE(1), TWICE(2), TWICE(3), TWICE(4), 0, 0, 0));
	__m512i turn = _mm512_permutexvar_epi16(
		_mm512_add_epi16(order, _mm512_set1_epi16((short)n)), turns);
	__m512i apart = _mm512_abs_epi16(_mm512_sub_epi16(middles, turn));

	apart = _mm512_srli_epi16(_mm512_add_epi16(apart, _mm512_set1_epi16(128)), 8);
	/* The last two entries are the same. */
	return look_up_avx512(table, _mm512_min_epu16(apart, _mm512_set1_epi16(127)));
}

/* Gathers the neighbours out of thirty-two of the crowd. */
AVX512 static inline void
gather32_avx512(const struct kernel_crowd *c, unsigned i, int32_t unit, unsigned j,
		__mmask32 near, struct flock *f)
{
	const struct table_avx512 table = load_table_avx512(square_direction_q12);
	__m512i x = _mm512_sub_epi16(_mm512_loadu_si512(&c->x[j]),
				     _mm512_set1_epi16(c->x[i]));
	__m512i y = _mm512_sub_epi16(_mm512_loadu_si512(&c->y[j]),
				     _mm512_set1_epi16(c->y[i]));
	__m512i turn = _mm512_sub_epi16(_mm512_set1_epi16((short)c->angle[i]),
					_mm512_loadu_si512(&c->angle[j]));
	unsigned count = (unsigned)_mm_popcnt_u32(near);

	x = _mm512_maskz_compress_epi16(near, x);
	y = _mm512_maskz_compress_epi16(near, y);
	turn = _mm512_maskz_compress_epi16(near, turn);
	_mm512_storeu_si512(&f->at[f->filled],
			    turn16_avx512(_mm512_castsi512_si256(x),
					  _mm512_castsi512_si256(y), unit));
	if (count > 16)
		_mm512_storeu_si512(&f->at[f->filled + 16],
				    turn16_avx512(_mm512_extracti64x4_epi64(x, 1),
						  _mm512_extracti64x4_epi64(y, 1), unit));
	f->at[f->filled + count] = OUT_OF_REACH;
	for (unsigned n = 0; n < count; n += 4)
		_mm512_storeu_si512(f->section[(f->filled + n) / 2],
				    sections_avx512(&table, turn, n));
	f->filled += (count + 1) & ~1u;
}

/* The middles of the cells of two rows of the square, u below v. */
#define CELL(r, c)                                                                       \
	(SQUARE_FIRST_Q2 + (r)*SQUARE_PITCH_Q2), (SQUARE_FIRST_Q2 + (c)*SQUARE_PITCH_Q2)
#define CELLS(r)                                                                         \
	CELL(r, 0), CELL(r, 1), CELL(r, 2), CELL(r, 3), CELL(r, 4), CELL(r, 5),          \
		CELL(r, 6), CELL(r, 7)
static const int16_t cells_q2[SQUARE_SIDE / 2][32] = {
	{ CELLS(0), CELLS(1) },
	{ CELLS(2), CELLS(3) },
	{ CELLS(4), CELLS(5) },
	{ CELLS(6), CELLS(7) },
};

/* The places in the table of weights of two rows of cells; beyond reach its end, a zero. */
AVX512 static inline __m512i
steps_avx512(int32_t at, __m512i cells)
{
	__m512i d = _mm512_sub_epi16(_mm512_set1_epi32(at), cells);
	__m512i apart = _mm512_madd_epi16(d, d);
	__mmask16 within = _mm512_cmple_epi32_mask(
		apart, _mm512_set1_epi32(SQUARE_REACH_Q2 * SQUARE_REACH_Q2));

	return _mm512_mask_srli_epi32(_mm512_set1_epi32(127), within, apart,
				      SQUARE_STEP_SHIFT);
}

/* The weights of two neighbours, one below the other. */
AVX512 static inline __m512i
weights_avx512(const struct table_avx512 *table, const int32_t at[2], __m512i cells)
{
	__m512i next = _mm512_slli_epi32(steps_avx512(at[1], cells), 16);

	return look_up_avx512(table, _mm512_or_si512(steps_avx512(at[0], cells), next));
}

/* The bits of four rows of the square, two by two. */
AVX512 static inline void
half_avx512(const struct flock *f, const struct table_avx512 *table, unsigned r,
	    uint64_t ret[MCC_PLANES])
{
	const __m512i cells = _mm512_loadu_si512(cells_q2[r]);
	const __m512i cells_next = _mm512_loadu_si512(cells_q2[r + 1]);
	const __m512i on = _mm512_set1_epi32(SQUARE_ON_Q24);
	__m512i sum[MCC_PLANES], sum_next[MCC_PLANES];

#pragma GCC unroll 8
	for (unsigned k = 0; k < MCC_PLANES; k++)
		sum[k] = sum_next[k] = _mm512_setzero_si512();
	for (unsigned n = 0; n < f->filled; n += 2) {
		__m512i w = weights_avx512(table, &f->at[n], cells);
		__m512i w_next = weights_avx512(table, &f->at[n], cells_next);

#pragma GCC unroll 8
		for (unsigned k = 0; k < MCC_PLANES; k++) {
			__m512i section = _mm512_set1_epi32(f->section[n / 2][k]);

			sum[k] = _mm512_dpwssd_epi32(sum[k], w, section);
			sum_next[k] = _mm512_dpwssd_epi32(sum_next[k], w_next, section);
		}
	}
#pragma GCC unroll 8
	for (unsigned k = 0; k < MCC_PLANES; k++)
		ret[k] = (uint64_t)_mm512_cmpge_epi32_mask(sum[k], on) |
			 (uint64_t)_mm512_cmpge_epi32_mask(sum_next[k], on) << 16;
}

AVX512 unsigned
square_avx512(const struct kernel_crowd *crowd, unsigned i, int32_t unit,
	      uint64_t ret_square[MCC_PLANES])
{
	const struct table_avx512 table = load_table_avx512(square_spatial_q12);
	uint64_t neighbours[2], high[MCC_PLANES];
	struct flock f;

	assert(i < crowd->count && crowd->count <= KERNEL_POINTS);
	neighbours_avx512(crowd, i, neighbours);
	only_others(crowd, i, neighbours);
	f.filled = 0;
	for (unsigned j = 0; j < crowd->count; j += 32)
		gather32_avx512(crowd, i, unit, j,
				(__mmask32)(neighbours[j / 64] >> j % 64), &f);
	half_avx512(&f, &table, 0, ret_square);
	half_avx512(&f, &table, 2, high);
	for (unsigned k = 0; k < MCC_PLANES; k++)
		ret_square[k] |= high[k] << 32;
	return (unsigned)(_mm_popcnt_u64(neighbours[0]) + _mm_popcnt_u64(neighbours[1]));
}

#else
typedef int kernel_square_x86_is_empty; /* a file needs something in it */
#endif
