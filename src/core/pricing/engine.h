#ifndef LANED_CORE_PRICING_ENGINE_H
#define LANED_CORE_PRICING_ENGINE_H

#include "core/pricing/problem.h"
#include "core/pricing/solve.h"

/* What the parts of pricing a basket hand to each other. */

/* Memory that is used from one pricing to the next. */
struct workspace {
	struct marks marks;
	struct arena *arena; /* of the basket priced */
	struct arena *other; /* of what it is compared with, one after the other */
	struct arena
		*alone; /* of a rule that is looked at by itself, one after the other */
	struct known *known; /* NULL: nothing is remembered */
};

/* What is asked. */
struct request {
	const struct pricing_rules *rules;
	const struct matched *lines;
	uint32_t lines_count;
	struct who who;
	bool as_stranger;
	uint64_t units_elsewhere; /* of lines that are not asked about here */
	struct workspace *work;
};

/* A solved problem. */
struct priced {
	struct problem problem;
	struct solution solution;
	bool *allowed;
	bool *barred; /* by its budget */
	const struct pricing_member *member;
};

/* bytes: of memory that a usual basket needs. 0 or -ENOMEM; workspace_free() in either case. */
int workspace_init(struct workspace *w, const struct pricing_rules *rules, size_t bytes);
void workspace_free(struct workspace *w);

/* Builds and solves in the arena. 0; -ERANGE the basket is worth too much; -ENOMEM. */
int engine_price(struct priced *x, const struct request *q, struct arena *arena,
		 struct effort *effort);

#endif
