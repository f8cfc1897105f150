#include "bio/guard.h"

#define WAIT_FIRST_MS 1000
#define DOUBLINGS_MAX 5u /* 32 s, more than GUARD_WAIT_MAX_MS */

/* Drops that have leaked since leaked_ms. */
static uint32_t
leaked(const struct guard *g, int64_t now_ms)
{
	int64_t n = (now_ms - g->leaked_ms) / GUARD_LEAK_MS;

	return n <= 0 ? 0 : n >= g->level ? g->level : (uint32_t)n;
}

uint32_t
guard_level(const struct guard *g, int64_t now_ms)
{
	return g->level - leaked(g, now_ms);
}

void
guard_restore(struct guard *g, const struct guard *kept, int64_t now_ms)
{
	*g = *kept;
	if (g->level > GUARD_LEVEL_MAX)
		g->level = GUARD_LEVEL_MAX;
	if (g->leaked_ms > now_ms || g->failed_ms > now_ms || g->leaked_ms < 0 ||
	    g->failed_ms < 0)
		g->leaked_ms = g->failed_ms = now_ms;
}

void
guard_failed(struct guard *g, int64_t now_ms)
{
	uint32_t n = leaked(g, now_ms);

	g->level -= n;
	g->leaked_ms += (int64_t)n * GUARD_LEAK_MS;
	if (g->level == 0)
		g->leaked_ms = now_ms;
	if (g->level < GUARD_LEVEL_MAX)
		g->level++;
	g->failed_ms = now_ms;
}

int64_t
guard_wait_ms(const struct guard *g, int64_t now_ms)
{
	uint32_t level = guard_level(g, now_ms), doublings;
	int64_t wait;

	if (level <= GUARD_FREE)
		return 0;
	doublings = level - GUARD_FREE - 1;
	if (doublings > DOUBLINGS_MAX)
		doublings = DOUBLINGS_MAX;
	wait = (int64_t)WAIT_FIRST_MS << doublings;
	if (wait > GUARD_WAIT_MAX_MS)
		wait = GUARD_WAIT_MAX_MS;
	wait -= now_ms - g->failed_ms;
	return wait > 0 ? wait : 0;
}

bool
guard_wants_code(const struct guard *g, int64_t now_ms)
{
	return guard_level(g, now_ms) > GUARD_CODE;
}
