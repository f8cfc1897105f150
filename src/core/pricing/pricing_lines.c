#include "core/pricing/pricing_lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int
pricing_set_of(struct arena *arena, const struct value *rules, const char *currency,
	       const struct value **ret_set)
{
	struct value *set = arena_array(arena, 4, sizeof(*set));

	if (set == NULL)
		return -ENOMEM;
	set[1] = (struct value){
		.kind = VALUE_INT, .i = 1, .name = STR("laned_rules"), .next = &set[2]
	};
	set[2] = (struct value){ .kind = VALUE_STRING,
				 .s = str_of(currency),
				 .name = STR("currency"),
				 .next = &set[3] };
	set[3] = *rules;
	set[3].name = STR("rules");
	set[3].next = NULL;
	set[0] = (struct value){ .kind = VALUE_OBJECT, .first = &set[1], .count = 3 };
	for (size_t i = 0; i < 4; i++)
		set[i].line = set[i].column = 1;
	*ret_set = set;
	return 0;
}

static int
by_place(const void *a, const void *b)
{
	const struct pricing_error *x = a, *y = b;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	if (x->column != y->column)
		return x->column < y->column ? -1 : 1;
	return strcmp(x->what, y->what);
}

int
pricing_rules_compile_read(const struct value *set, struct pricing_errors *errors,
			   struct pricing_rules **ret_rules)
{
	struct pricing_errors *more;
	struct pricing_rules *rules = NULL;
	int rc;

	if (errors->total == 0)
		return pricing_rules_compile(set, errors, ret_rules);
	more = calloc(1, sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	rc = pricing_rules_compile(set, more, &rules);
	pricing_rules_free(rules); /* a part of a set is none */
	if (rc == 0)
		rc = -EBADMSG;
	errors->total += more->total;
	for (uint32_t i = 0; i < more->count && errors->count < PRICING_ERRORS_MAX; i++)
		errors->list[errors->count++] = more->list[i];
	qsort(errors->list, errors->count, sizeof(errors->list[0]), by_place);
	free(more);
	return rc;
}
