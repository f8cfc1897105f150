/* A hostile rule set: whatever compiles must price a fixed basket without breaking its promises. */
#include "base/json.h"
#include "core/pricing/pricing.h"

#include <errno.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ARENA_BYTES_MAX ((size_t)16 << 20)
#define NODES_MAX 2000u

static void
require(bool fact)
{
	if (!fact)
		abort();
}

static const struct pricing_line lines[] = {
	{ .line = 1,
	  .code = { "a", 1 },
	  .category = { "food/dairy", 10 },
	  .qty_milli = 3000,
	  .unit_price_minor = 100,
	  .amount_minor = 300 },
	{ .line = 2,
	  .code = { "b", 1 },
	  .category = { "food", 4 },
	  .brand = { "x", 1 },
	  .qty_milli = 2000,
	  .unit_price_minor = 250,
	  .amount_minor = 499,
	  .floor_minor = 200 },
	{ .line = 3,
	  .code = { "c", 1 },
	  .qty_milli = 1503,
	  .unit_price_minor = 199,
	  .amount_minor = 299,
	  .weighed = true },
	{ .line = 4,
	  .code = { "d", 1 },
	  .qty_milli = 1000,
	  .unit_price_minor = 4000,
	  .amount_minor = 4000,
	  .excluded = true },
	{ .line = 5, .code = { "e", 1 }, .qty_milli = 1000 },
};

static void
price(const struct pricing_rules *rules, const struct pricing_member *member)
{
	static const struct pricing_budget budget = { .nodes_max = NODES_MAX };
	struct pricing_basket basket = {
		lines, sizeof(lines) / sizeof(lines[0]), { "7", 1 }, { "3", 1 }
	};
	struct timepoint at = { .wall_ms = INT64_C(1795255200000),
				.local_offset_s = 3600 };
	struct pricing_result *r = NULL;
	int64_t total = 0, shares = 0;
	int rc = pricing_price(rules, &basket, member, &at, &budget, &r);

	require(rc == 0 || rc == -ENOMEM);
	if (rc < 0)
		return;
	for (size_t i = 0; i < basket.lines_count; i++) {
		require(r->line_net_minor[i] >= lines[i].floor_minor);
		require(r->line_net_minor[i] <= lines[i].amount_minor);
		total += r->line_net_minor[i];
	}
	for (size_t i = 0; i < r->shares_count; i++)
		shares += r->shares[i].discount_minor;
	require(total == r->total_minor && r->gross_minor - shares == total);
	require(r->gap_minor >= 0 && r->optimal == (r->gap_minor == 0));
	pricing_result_free(r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct str names[] = { { "g", 1 } };
	static const struct pricing_member member = { .known = true,
						      .groups = names,
						      .groups_count = 1,
						      .coupons = names,
						      .coupons_count = 1 };
	struct pricing_errors *errors = malloc(sizeof(*errors));
	struct arena *arena = arena_new(ARENA_BYTES_MAX);
	struct pricing_rules *rules = NULL;
	const struct value *v = NULL;
	int rc;

	if (errors == NULL || arena == NULL)
		goto out;
	if (json_parse(arena, (struct str){ (const char *)data, size }, 0, &v, NULL) < 0)
		goto out;
	rc = pricing_rules_compile(v, errors, &rules);
	require(rc == 0 || rc == -ENOMEM || (rc == -EBADMSG && errors->total > 0));
	require(errors->count <= errors->total && errors->count <= PRICING_ERRORS_MAX);
	if (rc == 0) {
		price(rules, NULL);
		price(rules, &member);
	}
out:
	pricing_rules_free(rules);
	arena_free(arena);
	free(errors);
	return 0;
}
