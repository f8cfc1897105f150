/*
 * The scan's inner loops, written once for every width of vector. kernel_scan.c includes this file
 * for each with
 *	LANES_BYTES	the width
 *	LANES(name)	the name of a function or type of this width
 *	LANES_TARGET	the attribute that lets the compiler use the instructions
 *	LANES_RAW	the compiler's own type of such vectors
 *	LANES_DOT(a, b)	sum of the products of the low and of the high halves of each lane
 *	LANES_MAX(a, b)	the larger of each 16 bits with their sign
 * No include guard: it is meant to come again.
 */
#define V LANES(lanes_i)
#define U LANES(lanes_u)
#define N LANES(lanes_n)
#define W LANES(lanes_w)
#define RAW(p) (*(const LANES(lanes_raw) *)(const void *)(p))
#define AT(p) (*(const V *)(const void *)(p))

typedef int32_t V __attribute__((vector_size(LANES_BYTES), aligned(4), may_alias));
typedef uint32_t U __attribute__((vector_size(LANES_BYTES), aligned(4), may_alias));
typedef int16_t N __attribute__((vector_size(LANES_BYTES), aligned(2), may_alias));
typedef uint16_t W __attribute__((vector_size(LANES_BYTES), aligned(2), may_alias));
typedef long long LANES(lanes_raw)
	__attribute__((vector_size(LANES_BYTES), aligned(2), may_alias));

/* One code of the list against those of the probe that have about its direction. */
static inline LANES_TARGET void
LANES(alike_one)(const struct kernel_codes *c, const struct kernel_code_list *list,
		 unsigned j, int16_t best[KERNEL_CODE_LANES])
{
	const uint8_t angle = list->angle[j];
	const uint16_t *share = c->share[list->ones[j]];
	const unsigned first = c->below[angle], last = first + c->within[angle];
	const N from = (N){ 0 } + (int16_t)(angle + (int)KERNEL_ALIKE_TURN);
	N code[KERNEL_CODE_WORDS];

#pragma GCC unroll 16
	for (unsigned k = 0; k < KERNEL_CODE_WORDS; k++)
		code[k] = (N){ 0 } + (int16_t)list->code[j][k];
	for (unsigned i = first; i < last; i += LANES_BYTES / 2) {
		LANES_RAW w[KERNEL_CODE_WORDS];
		W both;
		N turn, found;

#pragma GCC unroll 16
		for (unsigned k = 0; k < KERNEL_CODE_WORDS; k++)
			w[k] = (LANES_RAW)code[k] & (LANES_RAW)RAW(&c->word[k][i]);
		both = (W)LANES(common)(w) * *(const W *)(const void *)&share[i];
		found = (N)(both >> 1 & 0x7f80) | (int16_t)j;
		turn = (from - *(const N *)(const void *)&c->angle[i]) & 255;
		found &= (N)(turn <= (int16_t)(2 * KERNEL_ALIKE_TURN));
		*(N *)(void *)&best[i] =
			(N)LANES_MAX((LANES_RAW)found,
				     (LANES_RAW) * (const N *)(const void *)&best[i]);
	}
}

LANES_TARGET void
LANES(kernel_alike)(const struct kernel_codes *c, const struct kernel_code_list *list,
		    int16_t ret_best[KERNEL_CODES])
{
	int16_t best[KERNEL_CODE_LANES];

	assert(list->count <= KERNEL_CODE_LIST);
	memset(best, 0, sizeof(best));
	for (unsigned j = 0; j < list->count; j++)
		LANES(alike_one)(c, list, j, best);
	fold(c, best, ret_best);
}

static inline LANES_TARGET V
LANES(length)(V v)
{
	V sign = v >> 31;

	return (v ^ sign) - sign;
}

LANES_TARGET uint32_t
LANES(kernel_support)(const struct kernel_ballot *b, unsigned seed,
		      const int16_t turned[2], int32_t ret_agreed[KERNEL_CODES])
{
	const V for_x = (V){ 0 } + move_point(turned[1], turned[0]);
	const V for_y = (V){ 0 } + move_point(-turned[0], turned[1]);
	const N a0 = (N)((V){ 0 } + b->a[seed]), b0 = (N)((V){ 0 } + b->b[seed]);
	const V one = (V){ 0 } + 0x10001;
	const int32_t turn_off = KERNEL_SUPPORT_TURN - b->turn[seed];
	V sums = { 0 };
	int32_t sum = 0;

	assert(b->count <= KERNEL_CODES);
	for (unsigned i = 0; i < b->count; i += LANES_BYTES / 4) {
		N p = (N)AT(&b->a[i]) - a0, q = (N)AT(&b->b[i]) - b0, sign = p >> 15;
		V most = KERNEL_SUPPORT_PX +
			 (LANES_DOT((p ^ sign) - sign, one) >> KERNEL_SUPPORT_SLACK);
		V dx = (LANES_DOT(p, for_x) >> 14) - ((V)((U)q << 16) >> 16);
		V dy = (LANES_DOT(p, for_y) >> 14) - ((V)q >> 16);
		V turn = (AT(&b->turn[i]) + turn_off) & 255;

		V agreed = AT(&b->weight[i]) & (V)(LANES(length)(dx) <= most) &
			   (V)(LANES(length)(dy) <= most) &
			   (V)(turn <= 2 * KERNEL_SUPPORT_TURN);

		*(V *)(void *)&ret_agreed[i] = agreed;
		sums += agreed;
	}
	for (unsigned i = 0; i < LANES_BYTES / 4; i++)
		sum += sums[i];
	return (uint32_t)sum;
}

#undef V
#undef U
#undef N
#undef W
#undef RAW
#undef AT
#undef LANES
#undef LANES_BYTES
#undef LANES_TARGET
#undef LANES_RAW
#undef LANES_DOT
#undef LANES_MAX
