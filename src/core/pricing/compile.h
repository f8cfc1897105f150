#ifndef LANED_CORE_PRICING_COMPILE_H
#define LANED_CORE_PRICING_COMPILE_H

#include "core/pricing/model.h"

/* The compiler's state: where errors go and which rule is being read. */
struct compiler {
	struct arena *arena;
	struct pricing_errors *errors;
	struct str rule_id;
	bool out_of_memory;
};

/* Notes one fault at a value (NULL: nowhere). */
__attribute__((format(printf, 3, 4))) void
compile_fault(struct compiler *c, const struct value *at, const char *fmt, ...);

/* A NUL-terminated copy in the rule set's arena; the empty string when memory ran out. */
struct str compile_copy(struct compiler *c, struct str s);

/* Reads one rule; faults are noted, and what could be read is kept so that more are found. */
void compile_rule(struct compiler *c, const struct value *v, struct rule *ret_rule);

#endif
