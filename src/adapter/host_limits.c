#include "adapter/host_limits.h"

#include <assert.h>

#define THOUSAND INT64_C(1000)

static const struct {
	const char *name;
	int64_t most, per_second;
} rates[HOST_LIMITS] = {
	[HOST_LIMIT_LOG] = { "log lines", 200, 20 },
	/* A folder may be full of baskets at a start. */
	[HOST_LIMIT_POS] = { "baskets, claims and cancelled tickets", 2000, 200 },
	[HOST_LIMIT_EVENT] = { "events", 500, 50 },
	[HOST_LIMIT_LATE] = { "late completions", 500, 50 },
	[HOST_LIMIT_JOURNAL] = { "journal entries", 200, 20 },
	[HOST_LIMIT_FIND] = { "journal look-ups", 500, 100 },
};

static void
fill(struct host_limits_bucket *b, enum host_limit kind, int64_t now_ms)
{
	int64_t most = rates[kind].most * THOUSAND, passed = now_ms - b->at_ms;

	if (!b->known || passed > most) { /* long ago, and no overflow below */
		b->known = true;
		b->thousandths = most;
	} else if (passed > 0) {
		b->thousandths += passed * rates[kind].per_second;
		if (b->thousandths > most)
			b->thousandths = most;
	}
	b->at_ms = now_ms;
}

enum host_limits_verdict
host_limits_take(struct host_limits *l, enum host_limit kind, uint32_t units,
		 int64_t now_ms)
{
	struct host_limits_bucket *b = &l->list[kind];
	int64_t cost = (int64_t)units * THOUSAND;
	bool begins;

	assert(units > 0);
	fill(b, kind, now_ms);
	if (cost > rates[kind].most * THOUSAND)
		cost = rates[kind].most * THOUSAND;
	if (b->thousandths >= cost) {
		b->thousandths -= cost;
		return HOST_LIMITS_TAKEN;
	}
	begins = b->refused == 0 || now_ms - b->refused_ms > HOST_LIMIT_QUIET_MS;
	b->refused++;
	b->refused_ms = now_ms;
	return begins ? HOST_LIMITS_BEGINS : HOST_LIMITS_REFUSED;
}

uint64_t
host_limits_refused(const struct host_limits *l, enum host_limit kind)
{
	return l->list[kind].refused;
}

uint64_t
host_limits_refused_all(const struct host_limits *l)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < HOST_LIMITS; i++)
		sum += l->list[i].refused;
	return sum;
}

const char *
host_limit_name(enum host_limit kind)
{
	return rates[kind].name;
}
