#include "ctl/spread.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#define EXACT_BITS 16
#define STEP_BITS 8
#define STEPS (1u << STEP_BITS)
#define BUCKETS ((63u - EXACT_BITS) * STEPS)

struct spread {
	uint64_t count;
	uint64_t exact[SPREAD_EXACT_MAX];
	uint64_t above[BUCKETS]; /* powers of two from 2^16 on, each in 256 steps */
};

_Static_assert(SPREAD_EXACT_MAX == 1 << EXACT_BITS, "above begins where exact ends");

struct spread *
spread_new(void)
{
	return calloc(1, sizeof(struct spread));
}

static uint32_t
bucket_of(int64_t amount)
{
	int power = 63 - __builtin_clzll((unsigned long long)amount);
	uint64_t step = ((uint64_t)amount >> (power - STEP_BITS)) & (STEPS - 1);

	return (uint32_t)(power - EXACT_BITS) * STEPS + (uint32_t)step;
}

static int64_t
amount_of(uint32_t bucket)
{
	int power = EXACT_BITS + (int)(bucket / STEPS);

	return (int64_t)((uint64_t)(STEPS + bucket % STEPS) << (power - STEP_BITS));
}

void
spread_add(struct spread *s, int64_t amount)
{
	assert(amount >= 0);
	s->count++;
	if (amount < SPREAD_EXACT_MAX)
		s->exact[amount]++;
	else
		s->above[bucket_of(amount)]++;
}

int64_t
spread_quantile(const struct spread *s, unsigned per_mille)
{
	uint64_t want = (s->count / 1000) * per_mille +
			((s->count % 1000) * per_mille + 999) / 1000;
	uint64_t seen = 0;

	if (s->count == 0)
		return 0;
	if (want == 0)
		want = 1;
	for (int64_t i = 0; i < SPREAD_EXACT_MAX; i++) {
		seen += s->exact[i];
		if (seen >= want)
			return i;
	}
	for (uint32_t i = 0; i < BUCKETS; i++) {
		seen += s->above[i];
		if (seen >= want)
			return amount_of(i);
	}
	assert(false); /* count is the sum of all */
	return 0;
}

struct spread *
spread_free(struct spread *s)
{
	free(s);
	return NULL;
}
