#include "core/pricing/compile.h"
#include "core/pricing/index.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
compile_fault(struct compiler *c, const struct value *at, const char *fmt, ...)
{
	struct pricing_errors *e = c->errors;
	struct pricing_error *slot;
	va_list ap;

	e->total++;
	if (e->count >= PRICING_ERRORS_MAX)
		return;
	slot = &e->list[e->count++];
	*slot = (struct pricing_error){ .line = at != NULL ? at->line : 0,
					.column = at != NULL ? at->column : 0 };
	for (size_t i = 0; i < c->rule_id.n && i < sizeof(slot->rule) - 1; i++)
		slot->rule[i] = c->rule_id.p[i];
	va_start(ap, fmt);
	(void)vsnprintf(slot->what, sizeof(slot->what), fmt, ap); /* cut is fine */
	va_end(ap);
}

struct str
compile_copy(struct compiler *c, struct str s)
{
	char *p = arena_strndup(c->arena, s.p, s.n);

	if (p == NULL) {
		c->out_of_memory = true;
		return (struct str){ "", 0 };
	}
	return (struct str){ p, s.n };
}

static int
str_order(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int d = n > 0 ? memcmp(a.p, b.p, n) : 0;

	if (d != 0)
		return d;
	return a.n < b.n ? -1 : a.n > b.n;
}

static int
rule_order(const void *a, const void *b)
{
	const struct rule *x = a, *y = b;
	int d = str_order(x->id, y->id);

	if (d != 0)
		return d;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->column < y->column ? -1 : x->column > y->column;
}

static void
refuse_double_ids(struct compiler *c, const struct pricing_rules *r)
{
	for (uint32_t i = 1; i < r->count; i++) {
		const struct rule *a = &r->rules[i - 1], *b = &r->rules[i];
		struct value at = { .line = b->line, .column = b->column };

		if (b->id.n == 0 || !str_eq(a->id, b->id))
			continue;
		c->rule_id = b->id;
		compile_fault(c, &at,
			      "the id is taken by the rule at line %u; give it "
			      "another",
			      a->line);
	}
}

/* The forms of a rule exclude each other: without a group of its own they are one. */
static void
number_forms(struct pricing_rules *r, struct rule *rule)
{
	if (rule->variants_count > 1 && rule->group_index == NO_GROUP)
		rule->group_index = r->groups_count++;
	for (uint32_t i = 0; i < rule->variants_count; i++)
		rule->variants[i].group_index = rule->group_index;
}

/* A number for each name of a group. */
static int
number_groups(struct compiler *c, struct pricing_rules *r)
{
	struct str *names = arena_array(c->arena, r->count, sizeof(*names));
	uint32_t *slots, mask = 1;

	while (mask < 2 * r->count + 1)
		mask *= 2;
	slots = arena_array(c->arena, mask, sizeof(*slots));
	if (names == NULL || slots == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < r->count; i++) {
		struct rule *rule = &r->rules[i];
		uint32_t at;

		rule->group_index = NO_GROUP;
		if (rule->group.n == 0)
			continue;
		at = index_hash(rule->group) & (mask - 1);
		while (slots[at] != 0 && !str_eq(names[slots[at] - 1], rule->group))
			at = (at + 1) & (mask - 1);
		if (slots[at] == 0) {
			names[r->groups_count++] = rule->group;
			slots[at] = r->groups_count;
		}
		rule->group_index = slots[at] - 1;
	}
	for (uint32_t i = 0; i < r->count; i++)
		number_forms(r, &r->rules[i]);
	return 0;
}

static void
read_rounding(struct compiler *c, const struct value *set, enum rounding *ret_rounding)
{
	static const char *const names[] = {
		[ROUND_HALF_UP] = "half_up",
		[ROUND_HALF_EVEN] = "half_even",
		[ROUND_DOWN] = "down",
		[ROUND_NET_HALF_UP] = "net_half_up",
	};
	const struct value *v = value_member(set, "rounding");

	*ret_rounding = ROUND_HALF_UP;
	if (v == NULL)
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (v->kind == VALUE_STRING && str_is(v->s, names[i])) {
			*ret_rounding = (enum rounding)i;
			return;
		}
	}
	compile_fault(c, v, "rounding must be half_up, half_even, down or net_half_up");
}

static void
read_currency(struct compiler *c, const struct value *set, struct pricing_rules *r)
{
	const struct value *v = value_member(set, "currency");
	uint16_t numeric;
	uint8_t exponent;

	if (v == NULL || v->kind != VALUE_STRING ||
	    str_copy(r->currency, sizeof(r->currency), v->s) < 0 ||
	    currency_find(r->currency, &numeric, &exponent) < 0)
		compile_fault(c, v != NULL ? v : set,
			      "currency must be three letters of ISO 4217, such as EUR");
}

static void
check_head(struct compiler *c, const struct value *set)
{
	static const char *const known[] = { "laned_rules", "currency", "rounding",
					     "rules" };
	const struct value *version = value_member(set, "laned_rules");

	for (const struct value *m = set->first; m != NULL; m = m->next) {
		size_t i = 0;

		while (i < sizeof(known) / sizeof(known[0]) && !str_is(m->name, known[i]))
			i++;
		if (i == sizeof(known) / sizeof(known[0]))
			compile_fault(c, m, "unknown member \"%.40s\"; leave it out",
				      m->name.p);
	}
	if (version == NULL || version->kind != VALUE_INT || version->i != 1)
		compile_fault(c, version != NULL ? version : set,
			      "\"laned_rules\" must be 1, the version of the format");
}

static int
read_rules(struct compiler *c, const struct value *set, struct pricing_rules *r)
{
	const struct value *list = value_member(set, "rules");

	if (list == NULL || list->kind != VALUE_ARRAY || list->count > RULES_MAX) {
		compile_fault(c, list != NULL ? list : set,
			      "\"rules\" must be a list of at most %u rules", RULES_MAX);
		return 0;
	}
	r->rules = arena_array(r->arena, list->count, sizeof(*r->rules));
	if (r->rules == NULL)
		return -ENOMEM;
	for (const struct value *v = list->first; v != NULL; v = v->next)
		compile_rule(c, v, &r->rules[r->count++]);
	qsort(r->rules, r->count, sizeof(*r->rules), rule_order);
	refuse_double_ids(c, r);
	return c->out_of_memory ? -ENOMEM : number_groups(c, r);
}

int
pricing_rules_compile(const struct value *set, struct pricing_errors *errors,
		      struct pricing_rules **ret_rules)
{
	struct compiler c = { .errors = errors };
	struct pricing_rules *r = calloc(1, sizeof(*r));
	int rc = -ENOMEM;

	errors->total = errors->count = 0;
	if (r == NULL)
		goto out;
	r->arena = arena_new(RULES_BYTES_MAX);
	if (r->arena == NULL)
		goto out;
	c.arena = r->arena;
	rc = -EBADMSG;
	if (set == NULL || set->kind != VALUE_OBJECT) {
		compile_fault(&c, set, "a rule set is an object: {\"laned_rules\":1,..}");
		goto out;
	}
	check_head(&c, set);
	read_currency(&c, set, r);
	read_rounding(&c, set, &r->rounding);
	rc = read_rules(&c, set, r);
	if (rc < 0)
		goto out;
	rc = errors->total > 0 ? -EBADMSG : index_build(r);
	if (rc < 0)
		goto out;
	*ret_rules = r;
	r = NULL;
out:
	pricing_rules_free(r);
	return rc;
}

struct pricing_rules *
pricing_rules_free(struct pricing_rules *r)
{
	if (r != NULL)
		arena_free(r->arena);
	free(r);
	return NULL;
}

uint32_t
pricing_rules_count(const struct pricing_rules *r)
{
	return r->count;
}

const char *
pricing_rules_currency(const struct pricing_rules *r)
{
	return r->currency;
}

static const struct rule *
rule_by_id(const struct pricing_rules *r, struct str id)
{
	uint32_t low = 0, high = r->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int d = str_order(r->rules[middle].id, id);

		if (d == 0)
			return &r->rules[middle];
		if (d < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

int
pricing_rule_text_in(const struct pricing_rules *rules, struct str id,
		     struct str language, struct str *ret_text)
{
	const struct rule *rule = rule_by_id(rules, id);

	for (uint32_t i = 0; rule != NULL && i < rule->texts_count; i++) {
		if (!str_eq(rule->texts[i].language, language))
			continue;
		*ret_text = rule->texts[i].text;
		return 0;
	}
	return -ENOENT;
}

bool
pricing_rule_is_limited(const struct pricing_rules *rules, struct str id)
{
	const struct rule *rule = rule_by_id(rules, id);

	return rule != NULL && (rule->per_member > 0 || rule->per_day > 0 ||
				rule->total > 0 || rule->budget_minor > 0);
}

struct str
pricing_rule_text(const struct pricing_rules *rules, struct str id, struct str language)
{
	const struct rule *rule = rule_by_id(rules, id);
	struct str answer;

	if (rule == NULL)
		return id;
	answer = rule->id;
	for (uint32_t i = 0; i < rule->texts_count; i++) {
		if (str_eq(rule->texts[i].language, language))
			return rule->texts[i].text;
		if (str_is(rule->texts[i].language, "en"))
			answer = rule->texts[i].text;
	}
	return answer;
}
