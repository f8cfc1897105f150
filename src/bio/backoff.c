#include "bio/backoff.h"

#include "base/crypto.h"

/* More of them would pass BACKOFF_MS_MAX all the same. */
#define DOUBLINGS_MAX 6u

int64_t
backoff_ms(struct backoff *b)
{
	unsigned doublings = b->failures < DOUBLINGS_MAX ? b->failures : DOUBLINGS_MAX;
	uint64_t ms = (uint64_t)BACKOFF_MS_MIN << doublings;
	uint32_t r = 0;

	if (ms > BACKOFF_MS_MAX)
		ms = BACKOFF_MS_MAX;
	(void)crypto_random(&r, sizeof(r)); /* only spreads */
	b->failures += b->failures < DOUBLINGS_MAX;
	return (int64_t)(ms * 3 / 4 + r % (ms / 2));
}

void
backoff_reset(struct backoff *b)
{
	b->failures = 0;
}
