#ifndef LANED_CORE_PRICING_EFFORT_H
#define LANED_CORE_PRICING_EFFORT_H

#include <stdbool.h>
#include <stdint.h>

/* Nodes are counted over the whole pricing of a basket. */
struct effort {
	uint64_t nodes, nodes_max;
	bool (*stop)(void *ctx);
	void *ctx;
	bool stopped; /* by nodes or by stop() */
	bool struck;  /* by stop() */
	bool scarce; /* something was not afforded; whoever asks sets it to false before */
};

/* So many more nodes; false when the budget is spent. */
bool effort_spend(struct effort *e, uint64_t nodes);

/* Whether so many nodes are left: to ask for more would end the search. */
bool effort_affords(struct effort *e, uint64_t nodes);

/*
 * Allows an effort that is not stopped only some of so many parts of what is left of it, for work
 * that must leave something to what comes after. Returns what effort_widen() puts back.
 */
uint64_t effort_narrow(struct effort *e, uint64_t some, uint64_t parts);
void effort_widen(struct effort *e, uint64_t nodes_max);

#endif
