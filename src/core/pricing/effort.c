#include "core/pricing/effort.h"

#include <assert.h>
#include <stddef.h>

#define POLL_NODES 256u

bool
effort_spend(struct effort *e, uint64_t nodes)
{
	uint64_t before = e->nodes;

	if (e->stopped)
		return false;
	if (nodes > e->nodes_max - e->nodes) {
		e->stopped = true;
		return false;
	}
	e->nodes += nodes;
	if (e->stop != NULL && before / POLL_NODES != e->nodes / POLL_NODES)
		e->stopped = e->struck = e->stop(e->ctx);
	return !e->stopped;
}

bool
effort_affords(const struct effort *e, uint64_t nodes)
{
	return nodes <= e->nodes_max - e->nodes;
}

uint64_t
effort_narrow(struct effort *e, uint64_t some, uint64_t parts)
{
	uint64_t before = e->nodes_max;

	assert(!e->stopped);
	e->nodes_max = e->nodes + (e->nodes_max - e->nodes) / parts * some;
	return before;
}

void
effort_widen(struct effort *e, uint64_t nodes_max)
{
	assert(nodes_max >= e->nodes_max);
	e->nodes_max = nodes_max;
	e->stopped = e->struck;
}
