#ifndef LANED_CORE_PRICING_COMPILE_PARAMS_H
#define LANED_CORE_PRICING_COMPILE_PARAMS_H

#include "core/pricing/compile.h"

/* The kinds of rules and their parameters. */

/* Reads the member "kind" of a rule. false: none that is known, which was noted. */
bool params_kind(struct compiler *c, const struct value *rule_value, struct rule *rule);

/* Reads the member "params" of a rule whose kind was read. */
void params_read(struct compiler *c, const struct value *rule_value, struct rule *rule);

/* What parameters, limits and combination must not be together. */
void params_check(struct compiler *c, const struct value *rule_value,
		  const struct rule *rule);

/*
 * What follows from kind and parameters, when everything else was read: shape, rewards, forms.
 */
void params_derive(struct compiler *c, struct rule *rule);

#endif
