#include "core/pricing/answer.h"

#include <errno.h>

#define KNOWN_BYTES ((size_t)1 << 20)
#define ARENA_BYTES ((size_t)16 << 10)

const char *
pricing_reason_name(enum pricing_reason r)
{
	static const char *const names[] = {
		[PRICING_APPLIED] = "applied",
		[PRICING_NOT_IN_SCOPE] = "not_in_scope",
		[PRICING_CONDITION] = "condition",
		[PRICING_NOT_MEMBER] = "not_member",
		[PRICING_NOT_GROUP] = "not_group",
		[PRICING_NO_COUPON] = "no_coupon",
		[PRICING_TIME] = "time",
		[PRICING_PLACE] = "place",
		[PRICING_LIMIT] = "limit",
		[PRICING_NO_SAVING] = "no_saving",
		[PRICING_BEATEN] = "beaten",
	};

	return (unsigned)r < sizeof(names) / sizeof(names[0]) ? names[r] : "unknown";
}

int
pricing_price(const struct pricing_rules *rules, const struct pricing_basket *basket,
	      const struct pricing_member *member, const struct timepoint *at,
	      const struct pricing_budget *budget, struct pricing_result **ret_result)
{
	static const struct pricing_member nobody;
	struct matched *lines = NULL;
	struct workspace work = { 0 };
	struct request q = { .rules = rules, .work = &work };
	struct result *result = NULL;
	int rc = workspace_init(&work, rules, ARENA_BYTES);

	/* What hints and the comparison with a stranger price again is mostly the same then. */
	if (rc == 0 && rules->index.wide && (budget == NULL || !budget->price_only))
		work.known = known_new(KNOWN_BYTES);
	if (rc == 0)
		rc = problem_match(rules, basket, &work.marks, work.arena, &lines);
	if (rc < 0)
		goto out;
	q.lines = lines;
	q.lines_count = (uint32_t)basket->lines_count;
	q.who = who_of(member != NULL ? member : &nobody, at, basket->store,
		       basket->lane);
	result = result_new(rules, basket->lines_count);
	rc = result == NULL ? -ENOMEM : answer(&q, budget, result);
	if (rc < 0)
		goto out;
	*ret_result = &result->shown;
	result = NULL;
out:
	workspace_free(&work);
	result_free(result);
	return rc;
}

struct pricing_result *
pricing_result_free(struct pricing_result *r)
{
	result_free((struct result *)r);
	return NULL;
}
