#include "pricing_kit.h"

#include "base/json.h"
#include "unit.h"

#define KIT_BYTES_MAX ((size_t)64 << 20)

void
kit_init(struct kit *k)
{
	memset(k, 0, sizeof(*k));
	k->arena = arena_new(KIT_BYTES_MAX);
	ck_assert_ptr_nonnull(k->arena);
	k->at = (struct timepoint){ .wall_ms = INT64_C(1795255200000),
				    .local_offset_s = 3600,
				    .business_day = 20261121 };
}

void
kit_free(struct kit *k)
{
	k->rules = pricing_rules_free(k->rules);
	k->arena = arena_free(k->arena);
}

static const struct value *
parse(struct kit *k, const char *json)
{
	const struct value *v = NULL;
	struct json_error error = { 0 };
	int rc = json_parse(k->arena, str_of(json), 0, &v, &error);

	if (rc < 0)
		ck_abort_msg("%u:%u: %s", error.line, error.column, error.what);
	return v;
}

int
kit_rules(struct kit *k, const char *json)
{
	k->rules = pricing_rules_free(k->rules);
	return pricing_rules_compile(parse(k, json), &k->errors, &k->rules);
}

int
kit_rule_list(struct kit *k, const char *json)
{
	static const char head[] =
		"{\"laned_rules\":1,\"currency\":\"EUR\",\"rules\":[\n";
	size_t n = strlen(json) + sizeof(head) + 4;
	char *text = malloc(n);
	int rc;

	ck_assert_ptr_nonnull(text);
	(void)snprintf(text, n, "%s%s]}", head, json); /* fits by construction */
	rc = kit_rules(k, text);
	free(text);
	return rc;
}

int
kit_basket(struct kit *k, const char *json)
{
	return pricing_basket_from_value(parse(k, json), k->arena, &k->basket,
					 &k->value_error);
}

int
kit_member(struct kit *k, const char *json)
{
	return pricing_member_from_value(parse(k, json), k->arena, &k->member,
					 &k->value_error);
}

struct pricing_result *
kit_price(struct kit *k)
{
	struct pricing_result *r = NULL;
	int rc = pricing_price(k->rules, &k->basket, &k->member, &k->at, NULL, &r);

	ck_assert_int_eq(rc, 0);
	return r;
}

const struct pricing_rule_result *
kit_rule(const struct pricing_result *r, const char *id)
{
	for (size_t i = 0; i < r->rules_count; i++)
		if (str_is(r->rules[i].id, id))
			return &r->rules[i];
	return NULL;
}
