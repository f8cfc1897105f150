#include "bio/gallery/kernel_private.h"

#if defined(__x86_64__)

#include "bio/gallery/fixed.h"
#include "bio/gallery/kernel_scan.h"
#include "bio/gallery/kernel_square.h"

#include <assert.h>
#include <immintrin.h>
#include <stdbool.h>

/* Every x86-64 has SSE2. */
#define SSE2
#define POPCNT __attribute__((target("popcnt")))
#define AVX2 __attribute__((target("avx2")))
#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512vpopcntdq")))

/* ---- geometry ----------------------------------------------------------- */

#define LANES_BYTES 16
#define LANES(name) name##_sse2
#define LANES_TARGET SSE2
#define LANES_DOT(a, b) ((lanes_i_sse2)_mm_madd_epi16((__m128i)(a), (__m128i)(b)))
#include "bio/gallery/kernel_lanes.h"

#define LANES_BYTES 32
#define LANES(name) name##_avx2
#define LANES_TARGET AVX2
#define LANES_DOT(a, b) ((lanes_i_avx2)_mm256_madd_epi16((__m256i)(a), (__m256i)(b)))
#include "bio/gallery/kernel_lanes.h"

#define LANES_BYTES 64
#define LANES(name) name##_avx512
#define LANES_TARGET AVX512
#define LANES_DOT(a, b) ((lanes_i_avx512)_mm512_madd_epi16((__m512i)(a), (__m512i)(b)))
#include "bio/gallery/kernel_lanes.h"

/* ---- SSE2 --------------------------------------------------------------- */

static inline __m128i
load2(const uint64_t *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* The bit count of each byte. */
static inline __m128i
bytes_sse2(__m128i w)
{
	const __m128i pairs = _mm_set1_epi8(0x33);

	w = _mm_sub_epi8(w, _mm_and_si128(_mm_srli_epi16(w, 1), _mm_set1_epi8(0x55)));
	w = _mm_add_epi8(_mm_and_si128(w, pairs),
			 _mm_and_si128(_mm_srli_epi16(w, 2), pairs));
	return _mm_and_si128(_mm_add_epi8(w, _mm_srli_epi16(w, 4)), _mm_set1_epi8(0x0f));
}

/* a + 2 (b + c) + 4 d: each byte at most 8 + 32 + 32. */
static inline __m128i
weigh_sse2(__m128i a, __m128i twos, __m128i fours)
{
	twos = _mm_add_epi8(twos, _mm_add_epi8(fours, fours));
	return _mm_add_epi8(a, _mm_add_epi8(twos, twos));
}

/* The bits of five words by byte: added as numbers of one bit first, counted then. */
static inline __m128i
five_sse2(const __m128i w[MCC_PLANES])
{
	__m128i u = _mm_xor_si128(w[0], w[1]), s = _mm_xor_si128(u, w[2]);
	__m128i c = _mm_or_si128(_mm_and_si128(w[0], w[1]), _mm_and_si128(u, w[2]));
	__m128i v = _mm_xor_si128(s, w[3]);
	__m128i d = _mm_or_si128(_mm_and_si128(s, w[3]), _mm_and_si128(v, w[4]));

	return weigh_sse2(bytes_sse2(_mm_xor_si128(v, w[4])),
			  _mm_add_epi8(bytes_sse2(c), bytes_sse2(d)),
			  _mm_setzero_si128());
}

static inline void
store2_sse2(uint16_t *out, __m128i bytes)
{
	__m128i wide = _mm_sad_epu8(bytes, _mm_setzero_si128());

	out[0] = (uint16_t)_mm_extract_epi16(wide, 0);
	out[1] = (uint16_t)_mm_extract_epi16(wide, 4);
}

static inline __m128i
both2_sse2(const uint64_t *one, size_t one_step, const uint64_t *many, size_t many_step)
{
	__m128i w[MCC_PLANES];

#pragma GCC unroll 8
	for (unsigned k = 0; k < MCC_PLANES; k++)
		w[k] = _mm_and_si128(_mm_set1_epi64x((long long)one[k * one_step]),
				     load2(&many[k * many_step]));
	return five_sse2(w);
}

static inline __m128i
load8_sse2(const uint16_t *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* Fills worth from the counts, eight by eight. */
static inline void
weigh_row_sse2(const struct mcc_set *one, unsigned i, const struct mcc_set *many,
	       const unsigned range[2], struct kernel_counts *c)
{
	const __m128i angle = _mm_set1_epi16((short)(one->angle[i] + KERNEL_TURN_MAX));
	const __m128i zero = _mm_setzero_si128();
	struct kernel_worth worth = { 0, 0 };

	for (unsigned j = range[0] & ~7u; j < range[1]; j += 8) {
		__m128i turn = _mm_sub_epi16(angle, load8_sse2(&many->angle[j]));
		__m128i both = _mm_slli_epi16(load8_sse2(&c->both[j]), 5);
		__m128i sum =
			_mm_add_epi16(load8_sse2(&c->left[j]), load8_sse2(&c->right[j]));
		__m128i yes = _mm_and_si128(
			_mm_cmpgt_epi16(both, sum),
			_mm_cmpgt_epi16(load8_sse2(&c->cells[j]),
					_mm_set1_epi16(KERNEL_CELLS_MIN - 1)));

		/* turn <= 32768 without a sign: less 1 it has none, or it is 0. */
		turn = _mm_or_si128(
			_mm_cmpeq_epi16(turn, zero),
			_mm_cmpgt_epi16(_mm_sub_epi16(turn, _mm_set1_epi16(1)),
					_mm_set1_epi16(-1)));
		yes = _mm_packs_epi16(_mm_and_si128(yes, turn), zero);
		worth = kernel_worth_add(worth, j, (unsigned)_mm_movemask_epi8(yes));
	}
	kernel_worth_store(worth, range, c);
}

/* Bits of the sections of two cylinders in cells given, from their tallies. */
static inline __m128i
tally2_sse2(const uint64_t *tally, size_t step, bool same, __m128i cells)
{
	__m128i count[MCC_TALLIES];

#pragma GCC unroll 8
	for (unsigned k = 0; k < MCC_TALLIES; k++) {
		const uint64_t *at = &tally[k * step];
		__m128i t = same ? _mm_set1_epi64x((long long)*at) : load2(at);

		count[k] = bytes_sse2(_mm_and_si128(t, cells));
	}
	return weigh_sse2(count[0], count[1], count[2]);
}

static void
counts_sse2(const struct mcc_set *one, unsigned i, const struct mcc_set *many,
	    const unsigned range[2], struct kernel_counts *ret)
{
	const __m128i valid = _mm_set1_epi64x((long long)one->valid[i]);

	assert(range[1] <= MCC_CYLINDERS_MAX);
	for (unsigned j = range[0] & ~1u; j < range[1]; j += 2) {
		store2_sse2(&ret->both[j],
			    both2_sse2(&one->plane[0][i], MCC_CYLINDERS_MAX,
				       &many->plane[0][j], MCC_CYLINDERS_MAX));
		store2_sse2(&ret->left[j],
			    tally2_sse2(&one->tally[0][i], MCC_CYLINDERS_MAX, true,
					load2(&many->valid[j])));
	}
	kernel_copy_whole(one, i, many, range, ret);
	for (unsigned j = range[0] & ~1u; j < range[1] && !kernel_is_whole(one, i);
	     j += 2) {
		__m128i both_valid = _mm_and_si128(valid, load2(&many->valid[j]));

		store2_sse2(&ret->right[j], tally2_sse2(&many->tally[0][j],
							MCC_CYLINDERS_MAX, false, valid));
		store2_sse2(&ret->cells[j], bytes_sse2(both_valid));
	}
	weigh_row_sse2(one, i, many, range, ret);
}

/* Which of eight of the crowd are not near: all ones, else 0. */
static inline __m128i
far_sse2(const struct kernel_crowd *c, unsigned j, const __m128i at[3])
{
	const __m128i zero = _mm_setzero_si128();
	__m128i dx = _mm_sub_epi16(
		at[0], _mm_loadu_si128((const __m128i *)(const void *)&c->x[j]));
	__m128i dy = _mm_sub_epi16(
		at[1], _mm_loadu_si128((const __m128i *)(const void *)&c->y[j]));
	__m128i turn = _mm_sub_epi16(at[2], load8_sse2(&c->angle[j]));

	/* Negated with saturation: the far end stays far. */
	dx = _mm_max_epi16(dx, _mm_subs_epi16(zero, dx));
	dy = _mm_max_epi16(dy, _mm_subs_epi16(zero, dy));
	turn = _mm_max_epi16(turn, _mm_subs_epi16(zero, turn));
	return _mm_or_si128(
		_mm_cmpgt_epi16(_mm_max_epi16(dx, dy), _mm_set1_epi16(KERNEL_NEAR_PX)),
		_mm_cmpgt_epi16(turn, _mm_set1_epi16(KERNEL_NEAR_TURN)));
}

static unsigned
near_sse2(const struct kernel_crowd *c, const struct kernel_moved *m, uint16_t *ret_near)
{
	uint16_t *end = ret_near;

	for (unsigned i = 0; i < m->count; i++) {
		const __m128i at[3] = { _mm_set1_epi16((short)m->x[i]),
					_mm_set1_epi16((short)m->y[i]),
					_mm_set1_epi16((short)m->angle[i]) };
		unsigned strip = kernel_strip(m->y[i]), last = c->below[strip + 3];

		for (unsigned j = c->below[strip]; j < last; j += 16) {
			__m128i far = _mm_packs_epi16(far_sse2(c, j, at),
						      far_sse2(c, j + 8, at));

			end = kernel_list_near(i, j, last,
					       ~(uint32_t)_mm_movemask_epi8(far) & 0xffff,
					       end);
		}
	}
	return (unsigned)(end - ret_near);
}

static const struct kernel sse2 = {
	"sse2",     counts_sse2, kernel_alike_sse2, kernel_support_sse2,
	votes_sse2, kin_sse2,    lay_sse2,          near_sse2,
	move_sse2,  agree_sse2,  square_sse2
};

/* ---- SSE2 with the popcnt instruction ------------------------------------ */

POPCNT static inline unsigned
bits_popcnt(uint64_t w)
{
	return (unsigned)_mm_popcnt_u64(w);
}

POPCNT static void
counts_popcnt(const struct mcc_set *one, unsigned i, const struct mcc_set *many,
	      const unsigned range[2], struct kernel_counts *ret)
{
	const uint64_t valid = one->valid[i];

	assert(range[1] <= MCC_CYLINDERS_MAX);
	for (unsigned j = range[0]; j < range[1]; j++) {
		uint64_t other = many->valid[j];
		unsigned both = 0, left = 0;

#pragma GCC unroll 8
		for (unsigned k = 0; k < MCC_PLANES; k++)
			both += bits_popcnt(one->plane[k][i] & many->plane[k][j]);
#pragma GCC unroll 8
		for (unsigned k = 0; k < MCC_TALLIES; k++)
			left += bits_popcnt(one->tally[k][i] & other) << k;
		ret->both[j] = (uint16_t)both;
		ret->left[j] = (uint16_t)left;
	}
	kernel_copy_whole(one, i, many, range, ret);
	for (unsigned j = range[0]; j < range[1] && !kernel_is_whole(one, i); j++) {
		unsigned right = 0;

#pragma GCC unroll 8
		for (unsigned k = 0; k < MCC_TALLIES; k++)
			right += bits_popcnt(many->tally[k][j] & valid) << k;
		ret->right[j] = (uint16_t)right;
		ret->cells[j] = (uint16_t)bits_popcnt(valid & many->valid[j]);
	}
	weigh_row_sse2(one, i, many, range, ret);
}

static const struct kernel popcnt = {
	"popcnt",   counts_popcnt, kernel_alike_sse2, kernel_support_sse2,
	votes_sse2, kin_sse2,      lay_sse2,          near_sse2,
	move_sse2,  agree_sse2,    square_sse2
};

/* ---- AVX2 --------------------------------------------------------------- */

/* The bit count of each byte. */
AVX2 static inline __m256i
bytes_avx2(__m256i w)
{
	const __m256i low = _mm256_set1_epi8(0x0f);
	const __m256i table =
		_mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1,
				 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
	__m256i a = _mm256_shuffle_epi8(table, _mm256_and_si256(w, low));
	__m256i b = _mm256_shuffle_epi8(table,
					_mm256_and_si256(_mm256_srli_epi16(w, 4), low));

	return _mm256_add_epi8(a, b);
}

/* As weigh_sse2 and five_sse2. */
AVX2 static inline __m256i
weigh_avx2(__m256i a, __m256i twos, __m256i fours)
{
	twos = _mm256_add_epi8(twos, _mm256_add_epi8(fours, fours));
	return _mm256_add_epi8(a, _mm256_add_epi8(twos, twos));
}

AVX2 static inline __m256i
five_avx2(const __m256i w[MCC_PLANES])
{
	__m256i u = _mm256_xor_si256(w[0], w[1]), s = _mm256_xor_si256(u, w[2]);
	__m256i c =
		_mm256_or_si256(_mm256_and_si256(w[0], w[1]), _mm256_and_si256(u, w[2]));
	__m256i v = _mm256_xor_si256(s, w[3]);
	__m256i d = _mm256_or_si256(_mm256_and_si256(s, w[3]), _mm256_and_si256(v, w[4]));

	return weigh_avx2(bytes_avx2(_mm256_xor_si256(v, w[4])),
			  _mm256_add_epi8(bytes_avx2(c), bytes_avx2(d)),
			  _mm256_setzero_si256());
}

AVX2 static inline __m256i
load4_avx2(const uint64_t *p)
{
	return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

/* Eight counts, four of each, to uint16_t. */
AVX2 static inline void
store8_avx2(uint16_t *out, __m256i first, __m256i second)
{
	const __m256i zero = _mm256_setzero_si256();
	/* 0 1 4 5 | 2 3 6 7 as 32-bit numbers, then as 16-bit ones. */
	__m256i wide = _mm256_packs_epi32(_mm256_sad_epu8(first, zero),
					  _mm256_sad_epu8(second, zero));
	__m128i narrow;

	/* Lanes hold 0 . 1 . 4 . 5 . and 2 . 3 . 6 . 7 . in 16-bit parts. */
	wide = _mm256_packs_epi32(wide, zero);
	narrow = _mm_unpacklo_epi32(_mm256_castsi256_si128(wide),
				    _mm256_extracti128_si256(wide, 1));
	_mm_storeu_si128((__m128i *)(void *)out, narrow);
}

AVX2 static inline __m256i
both4_avx2(const uint64_t *one, size_t one_step, const uint64_t *many, size_t many_step)
{
	__m256i w[MCC_PLANES];

#pragma GCC unroll 8
	for (unsigned k = 0; k < MCC_PLANES; k++)
		w[k] = _mm256_and_si256(_mm256_set1_epi64x((long long)one[k * one_step]),
					load4_avx2(&many[k * many_step]));
	return five_avx2(w);
}

/* As tally2_sse2, for four. */
AVX2 static inline __m256i
tally4_avx2(const uint64_t *tally, bool same, __m256i cells)
{
	__m256i count[MCC_TALLIES];

#pragma GCC unroll 8
	for (unsigned k = 0; k < MCC_TALLIES; k++) {
		const uint64_t *at = &tally[k * MCC_CYLINDERS_MAX];
		__m256i t = same ? _mm256_set1_epi64x((long long)*at) : load4_avx2(at);

		count[k] = bytes_avx2(_mm256_and_si256(t, cells));
	}
	return weigh_avx2(count[0], count[1], count[2]);
}

AVX2 static void
counts_avx2(const struct mcc_set *one, unsigned i, const struct mcc_set *many,
	    const unsigned range[2], struct kernel_counts *ret)
{
	const __m256i valid = _mm256_set1_epi64x((long long)one->valid[i]);
	const uint64_t *plane = &one->plane[0][i], *tally = &one->tally[0][i];
	const size_t step = MCC_CYLINDERS_MAX;

	assert(range[1] <= MCC_CYLINDERS_MAX);
	for (unsigned j = range[0] & ~7u; j < range[1]; j += KERNEL_LANES) {
		const uint64_t *other = &many->valid[j];

		store8_avx2(&ret->both[j],
			    both4_avx2(plane, step, &many->plane[0][j], step),
			    both4_avx2(plane, step, &many->plane[0][j + 4], step));
		store8_avx2(&ret->left[j], tally4_avx2(tally, true, load4_avx2(other)),
			    tally4_avx2(tally, true, load4_avx2(other + 4)));
	}
	kernel_copy_whole(one, i, many, range, ret);
	for (unsigned j = range[0] & ~7u; j < range[1] && !kernel_is_whole(one, i);
	     j += KERNEL_LANES) {
		__m256i cells = _mm256_and_si256(valid, load4_avx2(&many->valid[j]));
		__m256i next = _mm256_and_si256(valid, load4_avx2(&many->valid[j + 4]));

		store8_avx2(&ret->right[j], tally4_avx2(&many->tally[0][j], false, valid),
			    tally4_avx2(&many->tally[0][j + 4], false, valid));
		store8_avx2(&ret->cells[j], bytes_avx2(cells), bytes_avx2(next));
	}
	weigh_row_sse2(one, i, many, range, ret);
}

AVX2 static inline __m256i
load16_avx2(const void *p)
{
	return _mm256_loadu_si256((const __m256i *)p);
}

AVX2 static inline __m256i
near16_avx2(const struct kernel_crowd *c, unsigned j, const __m256i at[3])
{
	__m256i dx = _mm256_sub_epi16(at[0], load16_avx2(&c->x[j]));
	__m256i dy = _mm256_sub_epi16(at[1], load16_avx2(&c->y[j]));
	__m256i turn = _mm256_sub_epi16(at[2], load16_avx2(&c->angle[j]));

	/* |-32768| is 32768 without a sign: so max and what follows have none. */
	dx = _mm256_max_epu16(_mm256_abs_epi16(dx), _mm256_abs_epi16(dy));
	dx = _mm256_subs_epu16(dx, _mm256_set1_epi16(KERNEL_NEAR_PX));
	turn = _mm256_subs_epu16(_mm256_abs_epi16(turn),
				 _mm256_set1_epi16(KERNEL_NEAR_TURN));
	return _mm256_cmpeq_epi16(_mm256_or_si256(dx, turn), _mm256_setzero_si256());
}

AVX2 static unsigned
near_avx2(const struct kernel_crowd *c, const struct kernel_moved *m, uint16_t *ret_near)
{
	uint16_t *end = ret_near;

	for (unsigned i = 0; i < m->count; i++) {
		const __m256i at[3] = { _mm256_set1_epi16((short)m->x[i]),
					_mm256_set1_epi16((short)m->y[i]),
					_mm256_set1_epi16((short)m->angle[i]) };
		unsigned strip = kernel_strip(m->y[i]), last = c->below[strip + 3];

		for (unsigned j = c->below[strip]; j < last; j += 16) {
			__m256i near = near16_avx2(c, j, at);
			__m128i bytes =
				_mm_packs_epi16(_mm256_castsi256_si128(near),
						_mm256_extracti128_si256(near, 1));

			end = kernel_list_near(i, j, last,
					       (uint32_t)_mm_movemask_epi8(bytes), end);
		}
	}
	return (unsigned)(end - ret_near);
}

static const struct kernel avx2 = {
	"avx2",     counts_avx2, kernel_alike_avx2, kernel_support_avx2,
	votes_avx2, kin_avx2,    lay_avx2,          near_avx2,
	move_avx2,  agree_avx2,  square_avx2
};

/* ---- AVX-512 ------------------------------------------------------------- */

AVX512 static inline void
store8_avx512(uint16_t *out, __m512i sum)
{
	_mm_storeu_si128((__m128i *)(void *)out, _mm512_cvtepi64_epi16(sum));
}

AVX512 static inline __m512i
common_avx512(__m512i a, __m512i b)
{
	return _mm512_popcnt_epi64(_mm512_and_si512(a, b));
}

/* a + 2 b + 4 c */
AVX512 static inline __m512i
weigh_avx512(__m512i a, __m512i twos, __m512i fours)
{
	twos = _mm512_add_epi64(twos, _mm512_add_epi64(fours, fours));
	return _mm512_add_epi64(a, _mm512_add_epi64(twos, twos));
}

AVX512 static void
counts_avx512(const struct mcc_set *one, unsigned i, const struct mcc_set *many,
	      const unsigned range[2], struct kernel_counts *ret)
{
	const __m512i valid = _mm512_set1_epi64((long long)one->valid[i]);
	const __m512i angle = _mm512_set1_epi64(one->angle[i] + KERNEL_TURN_MAX);
	struct kernel_worth worth = { 0, 0 };
	__m512i plane[MCC_PLANES], tally[MCC_TALLIES];

	assert(range[1] <= MCC_CYLINDERS_MAX);
#pragma GCC unroll 8
	for (unsigned k = 0; k < MCC_PLANES; k++)
		plane[k] = _mm512_set1_epi64((long long)one->plane[k][i]);
#pragma GCC unroll 8
	for (unsigned k = 0; k < MCC_TALLIES; k++)
		tally[k] = _mm512_set1_epi64((long long)one->tally[k][i]);
	for (unsigned j = range[0] & ~7u; j < range[1]; j += KERNEL_LANES) {
		__m512i both = _mm512_setzero_si512(), left[MCC_TALLIES],
			right[MCC_TALLIES];
		__m512i other = _mm512_loadu_si512(&many->valid[j]), cells, turn;
		__mmask8 yes;

#pragma GCC unroll 8
		for (unsigned k = 0; k < MCC_PLANES; k++)
			both = _mm512_add_epi64(
				both,
				common_avx512(plane[k],
					      _mm512_loadu_si512(&many->plane[k][j])));
#pragma GCC unroll 8
		for (unsigned k = 0; k < MCC_TALLIES; k++) {
			left[k] = common_avx512(tally[k], other);
			right[k] = common_avx512(_mm512_loadu_si512(&many->tally[k][j]),
						 valid);
		}
		left[0] = weigh_avx512(left[0], left[1], left[2]);
		right[0] = weigh_avx512(right[0], right[1], right[2]);
		cells = common_avx512(valid, other);
		store8_avx512(&ret->both[j], both);
		store8_avx512(&ret->left[j], left[0]);
		store8_avx512(&ret->right[j], right[0]);
		store8_avx512(&ret->cells[j], cells);
		turn = _mm512_sub_epi64(
			angle, _mm512_cvtepu16_epi64(_mm_loadu_si128(
				       (const __m128i *)(const void *)&many->angle[j])));
		yes = _mm512_cmple_epu64_mask(
			_mm512_and_si512(turn, _mm512_set1_epi64(UINT16_MAX)),
			_mm512_set1_epi64(2 * KERNEL_TURN_MAX));
		yes = _mm512_mask_cmpgt_epu64_mask(
			yes, cells, _mm512_set1_epi64(KERNEL_CELLS_MIN - 1));
		yes = _mm512_mask_cmpgt_epu64_mask(yes, _mm512_slli_epi64(both, 5),
						   _mm512_add_epi64(left[0], right[0]));
		worth = kernel_worth_add(worth, j, yes);
	}
	kernel_worth_store(worth, range, ret);
}

/* Thirty-two of a crowd. */
struct group_avx512 {
	__m512i x, y, angle;
};

AVX512 static inline struct group_avx512
load_group_avx512(const struct kernel_crowd *c, unsigned j)
{
	return (struct group_avx512){ _mm512_loadu_si512(&c->x[j]),
				      _mm512_loadu_si512(&c->y[j]),
				      _mm512_loadu_si512(&c->angle[j]) };
}

AVX512 static inline uint32_t
near32_avx512(const struct group_avx512 *g, const __m512i at[3])
{
	__m512i dx = _mm512_sub_epi16(at[0], g->x);
	__m512i dy = _mm512_sub_epi16(at[1], g->y);
	__m512i turn = _mm512_sub_epi16(at[2], g->angle);

	/* |-32768| is 32768 without a sign: max has none either. */
	dx = _mm512_max_epu16(_mm512_abs_epi16(dx), _mm512_abs_epi16(dy));
	return _mm512_mask_cmple_epu16_mask(
		_mm512_cmple_epu16_mask(dx, _mm512_set1_epi16(KERNEL_NEAR_PX)),
		_mm512_abs_epi16(turn), _mm512_set1_epi16(KERNEL_NEAR_TURN));
}

/* Two vectors take all but a crowded finger: quicker than to ask for strips. */
AVX512 static unsigned
near_avx512(const struct kernel_crowd *c, const struct kernel_moved *m,
	    uint16_t *ret_near)
{
	const struct group_avx512 low = load_group_avx512(c, 0);
	const struct group_avx512 high = load_group_avx512(c, 32);
	uint16_t *end = ret_near;

	if (c->count > 64)
		return near_avx2(c, m, ret_near);
	for (unsigned i = 0; i < m->count; i++) {
		const __m512i at[3] = { _mm512_set1_epi16((short)m->x[i]),
					_mm512_set1_epi16((short)m->y[i]),
					_mm512_set1_epi16((short)m->angle[i]) };
		uint64_t mask = near32_avx512(&low, at) |
				(uint64_t)near32_avx512(&high, at) << 32;

		end = kernel_list_near(i, 0, c->count, mask, end);
	}
	return (unsigned)(end - ret_near);
}

static const struct kernel avx512 = {
	"avx512",     counts_avx512, kernel_alike_avx512, kernel_support_avx512,
	votes_avx512, kin_avx512,    lay_avx512,          near_avx512,
	move_avx512,  agree_avx512,  square_avx512
};

static bool
runs_avx512(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	       __builtin_cpu_supports("avx512vl") &&
	       __builtin_cpu_supports("avx512vbmi2") &&
	       __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("bmi") &&
	       __builtin_cpu_supports("avx512vpopcntdq") &&
	       __builtin_cpu_supports("avx512bitalg");
}

unsigned
kernel_x86(const struct kernel *ret_found[KERNEL_X86_MAX])
{
	unsigned n = 0;

	ret_found[n++] = &sse2;
	if (__builtin_cpu_supports("popcnt"))
		ret_found[n++] = &popcnt;
	if (__builtin_cpu_supports("avx2"))
		ret_found[n++] = &avx2;
	if (runs_avx512())
		ret_found[n++] = &avx512;
	return n;
}

#else
typedef int kernel_x86_is_empty; /* a file needs something in it */
#endif
