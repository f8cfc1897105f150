#include "bio/gallery/kernel_scan.h"

#include <assert.h>
#include <string.h>

_Static_assert(KERNEL_CODES <= 64 && KERNEL_CODE_LIST <= 1u << KERNEL_ALIKE_SHIFT,
	       "the number of a code fits below its likeness");
_Static_assert(KERNEL_CODES % KERNEL_STEP == 0, "whole vectors");

/* Two vectors of the widest kernel, begun anywhere below the end, stay inside. */
_Static_assert(KERNEL_CODE_LANES >= 2 * KERNEL_CODES + 32,
	       "kernels read beyond the last");

static int16_t
larger(int16_t a, int16_t b)
{
	return a > b ? a : b;
}

/* What was found on both rounds. */
static void
fold(const struct kernel_codes *c, const int16_t best[KERNEL_CODE_LANES],
     int16_t ret_best[KERNEL_CODES])
{
	memset(ret_best, 0, KERNEL_CODES * sizeof(ret_best[0]));
	for (unsigned i = 0; i < c->count; i++)
		ret_best[i] = larger(best[i], best[i + c->count]);
}

void
kernel_alike_plain(const struct kernel_codes *c, const struct kernel_code_list *list,
		   int16_t ret_best[KERNEL_CODES])
{
	int16_t best[KERNEL_CODE_LANES] = { 0 };

	assert(list->count <= KERNEL_CODE_LIST);
	for (unsigned j = 0; j < list->count; j++) {
		const uint16_t *code = list->code[j];
		uint8_t angle = list->angle[j];
		unsigned first = c->below[angle], last = first + c->within[angle];

		for (unsigned i = first; i < last; i++) {
			unsigned both = 0, turn;

			for (unsigned k = 0; k < KERNEL_CODE_WORDS; k++)
				both += (unsigned)__builtin_popcount(
					(unsigned)(code[k] & c->word[k][i]));
			both *= c->share[list->ones[j]][i];
			turn = (angle + KERNEL_ALIKE_TURN - (unsigned)c->angle[i]) & 255u;
			if (turn <= 2 * KERNEL_ALIKE_TURN)
				best[i] = larger(best[i],
						 (int16_t)((both >> 1 & 0x7f80) | j));
		}
	}
	fold(c, best, ret_best);
}

static int32_t
length_of(int32_t v)
{
	return v < 0 ? -v : v;
}

static int32_t
low_of(int32_t point)
{
	return (int16_t)(uint32_t)point;
}

uint32_t
kernel_support_plain(const struct kernel_ballot *b, unsigned seed,
		     const int16_t turned[2], int32_t ret_agreed[KERNEL_CODES])
{
	int32_t sin = turned[0], cos = turned[1];
	uint32_t sum = 0;

	assert(b->count <= KERNEL_CODES);
	for (unsigned i = 0; i < b->count; i++) {
		int32_t x = low_of(b->a[i]) - low_of(b->a[seed]);
		int32_t y = (b->a[i] >> 16) - (b->a[seed] >> 16);
		int32_t dx = ((x * cos + y * sin) >> 14) -
			     (low_of(b->b[i]) - low_of(b->b[seed]));
		int32_t dy = ((y * cos - x * sin) >> 14) -
			     ((b->b[i] >> 16) - (b->b[seed] >> 16));
		int32_t most = KERNEL_SUPPORT_PX +
			       ((length_of(x) + length_of(y)) >> KERNEL_SUPPORT_SLACK);
		int32_t turn = (b->turn[i] - b->turn[seed] + KERNEL_SUPPORT_TURN) & 255;

		ret_agreed[i] = 0;
		if (turn <= 2 * KERNEL_SUPPORT_TURN && length_of(dx) <= most &&
		    length_of(dy) <= most)
			ret_agreed[i] = b->weight[i];
		sum += (uint32_t)ret_agreed[i];
	}
	return sum;
}

#if defined(__x86_64__)

#include <immintrin.h>

#define SSE2
#define AVX2 __attribute__((target("avx2")))
#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512bitalg")))

/* The bits of each 4 bits of a word. */
static inline __m128i
nibbles_sse2(__m128i w)
{
	const __m128i pairs = _mm_set1_epi8(0x33);

	w = _mm_sub_epi8(w, _mm_and_si128(_mm_srli_epi16(w, 1), _mm_set1_epi8(0x55)));
	return _mm_add_epi8(_mm_and_si128(w, pairs),
			    _mm_and_si128(_mm_srli_epi16(w, 2), pairs));
}

/* Bits of three words by byte: no 4 bits hold more than 12. */
static inline __m128i
three_sse2(const __m128i w[3])
{
	const __m128i low = _mm_set1_epi8(0x0f);
	__m128i n = _mm_add_epi8(nibbles_sse2(w[0]),
				 _mm_add_epi8(nibbles_sse2(w[1]), nibbles_sse2(w[2])));

	return _mm_add_epi8(_mm_and_si128(n, low),
			    _mm_and_si128(_mm_srli_epi16(n, 4), low));
}

static inline __m128i
common_sse2(const __m128i w[KERNEL_CODE_WORDS])
{
	__m128i n = _mm_add_epi8(three_sse2(w), three_sse2(w + 3));

	n = _mm_add_epi8(n, three_sse2(w + 6));
	return _mm_add_epi16(_mm_and_si128(n, _mm_set1_epi16(255)), _mm_srli_epi16(n, 8));
}

AVX2 static inline __m256i
bytes_avx2(__m256i w)
{
	const __m256i low = _mm256_set1_epi8(0x0f);
	const __m256i table =
		_mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1,
				 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
	__m256i high = _mm256_and_si256(_mm256_srli_epi16(w, 4), low);

	return _mm256_add_epi8(_mm256_shuffle_epi8(table, _mm256_and_si256(w, low)),
			       _mm256_shuffle_epi8(table, high));
}

AVX2 static inline __m256i
common_avx2(const __m256i w[KERNEL_CODE_WORDS])
{
	__m256i n = _mm256_setzero_si256();

#pragma GCC unroll 16
	for (unsigned k = 0; k < KERNEL_CODE_WORDS; k++)
		n = _mm256_add_epi8(n, bytes_avx2(w[k]));
	return _mm256_add_epi16(_mm256_and_si256(n, _mm256_set1_epi16(255)),
				_mm256_srli_epi16(n, 8));
}

AVX512 static inline __m512i
common_avx512(const __m512i w[KERNEL_CODE_WORDS])
{
	__m512i n = _mm512_setzero_si512();

#pragma GCC unroll 16
	for (unsigned k = 0; k < KERNEL_CODE_WORDS; k++)
		n = _mm512_add_epi16(n, _mm512_popcnt_epi16(w[k]));
	return n;
}

_Static_assert(KERNEL_CODE_WORDS == 9, "three times three words");

#define LANES_BYTES 16
#define LANES(name) name##_sse2
#define LANES_TARGET SSE2
#define LANES_RAW __m128i
#define LANES_DOT(a, b) ((lanes_i_sse2)_mm_madd_epi16((__m128i)(a), (__m128i)(b)))
#define LANES_MAX(a, b) _mm_max_epi16(a, b)
#include "bio/gallery/kernel_scan_lanes.h"

#define LANES_BYTES 32
#define LANES(name) name##_avx2
#define LANES_TARGET AVX2
#define LANES_RAW __m256i
#define LANES_DOT(a, b) ((lanes_i_avx2)_mm256_madd_epi16((__m256i)(a), (__m256i)(b)))
#define LANES_MAX(a, b) _mm256_max_epi16(a, b)
#include "bio/gallery/kernel_scan_lanes.h"

#define LANES_BYTES 64
#define LANES(name) name##_avx512
#define LANES_TARGET AVX512
#define LANES_RAW __m512i
#define LANES_DOT(a, b) ((lanes_i_avx512)_mm512_madd_epi16((__m512i)(a), (__m512i)(b)))
#define LANES_MAX(a, b) _mm512_max_epi16(a, b)
#include "bio/gallery/kernel_scan_lanes.h"

#endif
