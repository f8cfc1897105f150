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
	/* As often as if they were spent one by one; what is not done any more does not count. */
	for (uint64_t at = before / POLL_NODES;
	     e->stop != NULL && at < (before + nodes) / POLL_NODES; at++)
		if (e->stop(e->ctx)) {
			e->stopped = e->struck = true;
			return false;
		}
	e->nodes += nodes;
	return true;
}

bool
effort_affords(struct effort *e, uint64_t nodes)
{
	if (nodes <= e->nodes_max - e->nodes)
		return true;
	e->scarce = true;
	return false;
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
