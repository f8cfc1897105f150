#include "bio/gallery/kernel.h"

#include <assert.h>
#include <stdbool.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/*
 * The plain kernel needs nothing but 64-bit words: on x86-64 without the popcnt instruction bits
 * are counted in parallel inside the word.
 */
static inline unsigned
bits_plain(uint64_t w)
{
#if defined(__x86_64__)
	w -= (w >> 1) & 0x5555555555555555u;
	w = (w & 0x3333333333333333u) + ((w >> 2) & 0x3333333333333333u);
	w = (w + (w >> 4)) & 0x0f0f0f0f0f0f0f0fu;
	return (unsigned)((w * 0x0101010101010101u) >> 56);
#else
	return (unsigned)__builtin_popcountll(w);
#endif
}

static void
counts_plain(const struct mcc_set *one, unsigned i, const struct mcc_set *many,
	     unsigned n, struct kernel_counts *ret)
{
	assert(n <= MCC_CYLINDERS_MAX);
	for (unsigned j = 0; j < n; j++) {
		unsigned both = 0, left = 0, right = 0;

		for (unsigned k = 0; k < MCC_PLANES; k++) {
			uint64_t a = one->plane[k][i], b = many->plane[k][j];

			both += bits_plain(a & b);
			left += bits_plain(a & many->valid[j]);
			right += bits_plain(b & one->valid[i]);
		}
		ret->both[j] = (uint16_t)both;
		ret->left[j] = (uint16_t)left;
		ret->right[j] = (uint16_t)right;
		ret->cells[j] = (uint16_t)bits_plain(one->valid[i] & many->valid[j]);
	}
}

static inline uint32_t
alike_mask(unsigned one_ones, const uint8_t *ones, unsigned n, const uint16_t *both)
{
	uint32_t mask = 0;

	for (unsigned j = 0; j < n; j++)
		mask |= (uint32_t)(both[j] * 128u >=
				   KERNEL_ALIKE_64TH * (one_ones + ones[j]))
			<< j;
	return mask;
}

static uint32_t
alike_plain(const uint64_t one[MCC_PLANES], unsigned one_ones, const uint64_t *planes,
	    const uint8_t *ones, unsigned n, uint16_t *ret_both)
{
	for (unsigned j = 0; j < n; j++) {
		unsigned both = 0;

		for (unsigned k = 0; k < MCC_PLANES; k++)
			both += bits_plain(one[k] & planes[k * n + j]);
		ret_both[j] = (uint16_t)both;
	}
	return alike_mask(one_ones, ones, n, ret_both);
}

static const struct kernel plain = { "plain", counts_plain, alike_plain };

#if defined(__x86_64__)

__attribute__((target("popcnt"))) static void
counts_popcnt(const struct mcc_set *one, unsigned i, const struct mcc_set *many,
	      unsigned n, struct kernel_counts *ret)
{
	assert(n <= MCC_CYLINDERS_MAX);
	for (unsigned j = 0; j < n; j++) {
		uint64_t both = 0, left = 0, right = 0;

		for (unsigned k = 0; k < MCC_PLANES; k++) {
			uint64_t a = one->plane[k][i], b = many->plane[k][j];

			both += (uint64_t)_mm_popcnt_u64(a & b);
			left += (uint64_t)_mm_popcnt_u64(a & many->valid[j]);
			right += (uint64_t)_mm_popcnt_u64(b & one->valid[i]);
		}
		ret->both[j] = (uint16_t)both;
		ret->left[j] = (uint16_t)left;
		ret->right[j] = (uint16_t)right;
		ret->cells[j] = (uint16_t)_mm_popcnt_u64(one->valid[i] & many->valid[j]);
	}
}

__attribute__((target("popcnt"))) static uint32_t
alike_popcnt(const uint64_t one[MCC_PLANES], unsigned one_ones, const uint64_t *planes,
	     const uint8_t *ones, unsigned n, uint16_t *ret_both)
{
	for (unsigned j = 0; j < n; j++) {
		uint64_t both = 0;

		for (unsigned k = 0; k < MCC_PLANES; k++)
			both += (uint64_t)_mm_popcnt_u64(one[k] & planes[k * n + j]);
		ret_both[j] = (uint16_t)both;
	}
	return alike_mask(one_ones, ones, n, ret_both);
}

/* Adds the bit count of each byte of w to sum: at most 8 a call, so 31 calls fit. */
__attribute__((target("avx2"))) static inline __m256i
add_bytes_avx2(__m256i sum, __m256i w)
{
	const __m256i low = _mm256_set1_epi8(0x0f);
	const __m256i table =
		_mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1,
				 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
	__m256i a = _mm256_shuffle_epi8(table, _mm256_and_si256(w, low));
	__m256i b = _mm256_shuffle_epi8(table,
					_mm256_and_si256(_mm256_srli_epi16(w, 4), low));

	return _mm256_add_epi8(sum, _mm256_add_epi8(a, b));
}

/* Four counts in the low parts of 64-bit lanes to four uint16_t. */
__attribute__((target("avx2"))) static inline void
store4_avx2(uint16_t *out, __m256i sum)
{
	__m256i wide = _mm256_sad_epu8(sum, _mm256_setzero_si256());

	out[0] = (uint16_t)_mm256_extract_epi16(wide, 0);
	out[1] = (uint16_t)_mm256_extract_epi16(wide, 4);
	out[2] = (uint16_t)_mm256_extract_epi16(wide, 8);
	out[3] = (uint16_t)_mm256_extract_epi16(wide, 12);
}

__attribute__((target("avx2"))) static inline __m256i
load4_avx2(const uint64_t *p)
{
	return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

__attribute__((target("avx2"))) static void
counts_avx2(const struct mcc_set *one, unsigned i, const struct mcc_set *many, unsigned n,
	    struct kernel_counts *ret)
{
	const __m256i valid = _mm256_set1_epi64x((long long)one->valid[i]);

	assert(n <= MCC_CYLINDERS_MAX && n % KERNEL_LANES == 0);
	for (unsigned j = 0; j < n; j += 4) {
		__m256i both = _mm256_setzero_si256(), left = both, right = both,
			cells = both;
		__m256i other = load4_avx2(&many->valid[j]);

		for (unsigned k = 0; k < MCC_PLANES; k++) {
			__m256i a = _mm256_set1_epi64x((long long)one->plane[k][i]);
			__m256i b = load4_avx2(&many->plane[k][j]);

			both = add_bytes_avx2(both, _mm256_and_si256(a, b));
			left = add_bytes_avx2(left, _mm256_and_si256(a, other));
			right = add_bytes_avx2(right, _mm256_and_si256(b, valid));
		}
		cells = add_bytes_avx2(cells, _mm256_and_si256(valid, other));
		store4_avx2(&ret->both[j], both);
		store4_avx2(&ret->left[j], left);
		store4_avx2(&ret->right[j], right);
		store4_avx2(&ret->cells[j], cells);
	}
}

__attribute__((target("avx2"))) static uint32_t
alike_avx2(const uint64_t one[MCC_PLANES], unsigned one_ones, const uint64_t *planes,
	   const uint8_t *ones, unsigned n, uint16_t *ret_both)
{
	assert(n % KERNEL_LANES == 0);
	for (unsigned j = 0; j < n; j += 4) {
		__m256i both = _mm256_setzero_si256();

		for (unsigned k = 0; k < MCC_PLANES; k++) {
			__m256i a = _mm256_set1_epi64x((long long)one[k]);

			both = add_bytes_avx2(
				both,
				_mm256_and_si256(a, load4_avx2(&planes[k * n + j])));
		}
		store4_avx2(&ret_both[j], both);
	}
	return alike_mask(one_ones, ones, n, ret_both);
}

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512vpopcntdq")))

AVX512 static inline void
store8_avx512(uint16_t *out, __m512i sum)
{
	_mm_storeu_si128((__m128i *)(void *)out, _mm512_cvtepi64_epi16(sum));
}

AVX512 static inline __m512i
add_common_avx512(__m512i sum, __m512i a, __m512i b)
{
	return _mm512_add_epi64(sum, _mm512_popcnt_epi64(_mm512_and_si512(a, b)));
}

/* Eight bytes as eight words. */
AVX512 static inline __m512i
load8_avx512(const uint8_t *p)
{
	return _mm512_cvtepu8_epi64(_mm_loadl_epi64((const __m128i *)(const void *)p));
}

AVX512 static void
counts_avx512(const struct mcc_set *one, unsigned i, const struct mcc_set *many,
	      unsigned n, struct kernel_counts *ret)
{
	const __m512i valid = _mm512_set1_epi64((long long)one->valid[i]);
	const __m512i zero = _mm512_setzero_si512();

	assert(n <= MCC_CYLINDERS_MAX && n % KERNEL_LANES == 0);
	for (unsigned j = 0; j < n; j += KERNEL_LANES) {
		__m512i both = zero, left = zero, right = zero;
		__m512i other = _mm512_loadu_si512(&many->valid[j]);

		for (unsigned k = 0; k < MCC_PLANES; k++) {
			__m512i a = _mm512_set1_epi64((long long)one->plane[k][i]);
			__m512i b = _mm512_loadu_si512(&many->plane[k][j]);

			both = add_common_avx512(both, a, b);
			left = add_common_avx512(left, a, other);
			right = add_common_avx512(right, b, valid);
		}
		store8_avx512(&ret->both[j], both);
		store8_avx512(&ret->left[j], left);
		store8_avx512(&ret->right[j], right);
		store8_avx512(&ret->cells[j], add_common_avx512(zero, valid, other));
	}
}

AVX512 static uint32_t
alike_avx512(const uint64_t one[MCC_PLANES], unsigned one_ones, const uint64_t *planes,
	     const uint8_t *ones, unsigned n, uint16_t *ret_both)
{
	uint32_t mask = 0;

	assert(n % KERNEL_LANES == 0 && n <= 32);
	for (unsigned j = 0; j < n; j += KERNEL_LANES) {
		__m512i both = _mm512_setzero_si512(), sum;

		for (unsigned k = 0; k < MCC_PLANES; k++)
			both = add_common_avx512(both,
						 _mm512_set1_epi64((long long)one[k]),
						 _mm512_loadu_si512(&planes[k * n + j]));
		store8_avx512(&ret_both[j], both);
		sum = _mm512_add_epi64(_mm512_set1_epi64(one_ones),
				       load8_avx512(&ones[j]));
		sum = _mm512_mullo_epi16(sum, _mm512_set1_epi64(KERNEL_ALIKE_64TH));
		mask |= (uint32_t)_mm512_cmpge_epu64_mask(_mm512_slli_epi64(both, 7), sum)
			<< j;
	}
	return mask;
}

static const struct kernel popcnt = { "popcnt", counts_popcnt, alike_popcnt };
static const struct kernel avx2 = { "avx2", counts_avx2, alike_avx2 };
static const struct kernel avx512 = { "avx512", counts_avx512, alike_avx512 };

static bool
runs_avx512(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	       __builtin_cpu_supports("avx512vl") &&
	       __builtin_cpu_supports("avx512vpopcntdq");
}

const struct kernel *
kernel_at(unsigned i)
{
	const struct kernel *found[4];
	unsigned n = 0;

	found[n++] = &plain;
	if (__builtin_cpu_supports("popcnt"))
		found[n++] = &popcnt;
	if (__builtin_cpu_supports("avx2"))
		found[n++] = &avx2;
	if (runs_avx512())
		found[n++] = &avx512;
	return i < n ? found[i] : NULL;
}

#else

const struct kernel *
kernel_at(unsigned i)
{
	return i == 0 ? &plain : NULL;
}

#endif

const struct kernel *
kernel_best(void)
{
	const struct kernel *best = kernel_at(0);

	for (unsigned i = 1; kernel_at(i) != NULL; i++)
		best = kernel_at(i);
	return best;
}
