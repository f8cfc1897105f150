#include "core/checkout/lane_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OFFER_DOUBLED 4u /* the wait before a refused offer is made again */

/*
 * Uses of rules whose limits outlive a checkout: those that wait for the journal, and those that the
 * present checkout reserves.
 */

/* ---- not stored yet ---------------------------------------------------------- */

uint32_t
lane_unsaved_count(const struct lane_core *c)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < c->ended_count; i++)
		count += c->ended[i].reserved_count;
	return count;
}

static struct lane_use *
find_use(struct lane_use *list, uint32_t *count, const char *rule)
{
	for (uint32_t i = 0; i < *count; i++) {
		if (strcmp(list[i].rule, rule) == 0)
			return &list[i];
	}
	memset(&list[*count], 0, sizeof(list[0]));
	memcpy(list[*count].rule, rule, sizeof(list[0].rule));
	return &list[(*count)++];
}

void
lane_reserved_total(const struct lane_reserved *list, uint32_t i,
		    uint32_t *ret_applications, int64_t *ret_discount_minor)
{
	uint32_t applications = 0;
	int64_t discount_minor = 0;

	for (uint32_t k = 0; k < i; k++) {
		if (strcmp(list[k].rule, list[i].rule) != 0)
			continue;
		if (applications < list[k].applications)
			applications = list[k].applications;
		if (discount_minor < list[k].discount_minor)
			discount_minor = list[k].discount_minor;
	}
	*ret_applications = list[i].applications > applications
				    ? list[i].applications - applications
				    : 0;
	*ret_discount_minor = list[i].discount_minor > discount_minor
				      ? list[i].discount_minor - discount_minor
				      : 0;
}

static void
add_uses(const struct checkout_record *r, uint32_t n, bool mine, bool today,
	 struct lane_use *u)
{
	uint32_t applications;
	int64_t discount_minor;

	lane_reserved_total(r->reserved, n, &applications, &discount_minor);
	u->total_used += applications;
	u->budget_used_minor += discount_minor;
	u->member_used += mine ? r->reserved[n].applications : 0;
	u->member_day_used += mine && today ? r->reserved[n].applications : 0;
}

void
lane_add_unsaved(const struct lane_core *c, const struct ulid *member,
		 struct lane_use *list, uint32_t *count)
{
	for (uint32_t i = 0; i < c->ended_count; i++) {
		const struct checkout_record *r = &c->ended[i];
		bool today = r->business_day == c->cur.business_day;

		for (uint32_t n = 0; r->uses_count_now && n < r->reserved_count; n++) {
			const struct lane_reserved *used = &r->reserved[n];
			const struct ulid *whose =
				ulid_is_zero(used->member) ? &r->member : &used->member;
			bool mine = member != NULL && ulid_eq(*whose, *member);

			add_uses(r, n, mine, today, find_use(list, count, used->rule));
		}
	}
}

/* ---- reserved ---------------------------------------------------------------- */

void
lane_reserved_clear(struct checkout *k)
{
	free(k->reserved);
	free(k->then);
	free(k->before);
	free(k->again);
	k->reserved = k->then = k->before = k->again = NULL;
	k->reserved_count = k->then_count = k->before_count = k->again_count = 0;
	k->told = k->untold = false;
	k->offers = 0;
}

/* What was a stranger's is theirs who came since. */
static struct lane_reserved *
find_reserved(struct lane_reserved *list, uint32_t count,
	      const struct lane_reserved *wanted)
{
	for (uint32_t i = 0; i < count; i++) {
		if (strcmp(list[i].rule, wanted->rule) == 0 &&
		    (ulid_is_zero(wanted->member) ||
		     ulid_eq(list[i].member, wanted->member)))
			return &list[i];
	}
	return NULL;
}

/*
 * Adds what more of each rule the other list has. list has room for all of it; the journal gives back
 * no more than LANE_USES_MAX, which only a crash at each of very many swaps would come to.
 */
static uint32_t
merge_reserved(struct lane_reserved *list, uint32_t count,
	       const struct lane_reserved *other, uint32_t other_count)
{
	uint32_t merged = count;

	for (uint32_t i = 0; i < other_count; i++) {
		struct lane_reserved *r = find_reserved(list, count, &other[i]);

		if (r == NULL) {
			if (merged < LANE_USES_MAX)
				list[merged++] = other[i];
			continue;
		}
		if (r->applications < other[i].applications)
			r->applications = other[i].applications;
		if (r->discount_minor < other[i].discount_minor)
			r->discount_minor = other[i].discount_minor;
	}
	return merged;
}

/* What the present price uses of limited rules; nothing, where the POS's own price is sold at. */
static int
list_uses(const struct lane_core *c, struct lane_reserved **ret_list, uint32_t *ret_count)
{
	const struct pricing_result *r = c->env.price_pos ? NULL : c->cur.price.priced;
	size_t rules = r != NULL ? r->rules_count : 0, applied = 0;
	struct lane_reserved *list;
	uint32_t count = 0;

	for (size_t i = 0; i < rules; i++)
		applied += r->rules[i].applications > 0;
	list = calloc(applied + 1u, sizeof(*list));
	if (list == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < rules; i++) {
		struct lane_reserved *to = &list[count];

		if (r->rules[i].applications == 0 ||
		    !pricing_rule_is_limited(c->env.rules, r->rules[i].id) ||
		    str_copy(to->rule, sizeof(to->rule), r->rules[i].id) < 0)
			continue; /* ids longer than this are refused by the compiler of rules */
		if (c->cur.member_state == MEMBER_KNOWN)
			to->member = c->cur.member.member;
		to->applications = r->rules[i].applications;
		to->discount_minor = r->rules[i].discount_minor;
		count++;
	}
	*ret_list = list;
	*ret_count = count;
	return 0;
}

/*
 * What a price uses that the POS does not sell at is let go, and remembered for when it is offered
 * again: the rules that it was worked out by may be gone by then. Without memory it stays reserved.
 */
static void
let_go(struct checkout *k)
{
	struct lane_reserved *kept = k->before;

	if (k->before_count == 0) { /* an empty list: NULL means unchanged */
		free(k->before);
		k->before = NULL;
		kept = calloc(1, sizeof(*kept));
	}
	if (kept == NULL)
		return;
	free(k->again);
	k->again = k->then != NULL ? k->then : k->reserved;
	k->again_count = k->then != NULL ? k->then_count : k->reserved_count;
	if (k->then != NULL)
		free(k->reserved);
	k->reserved = kept;
	k->reserved_count = k->before_count;
	k->then = k->before = NULL;
	k->then_count = k->before_count = 0;
}

/* What the POS never heard of it does not sell: then the price before is still its last one. */
static void
let_go_unheard(struct checkout *k)
{
	if (k->then != NULL && k->offers == 0)
		let_go(k);
}

/*
 * Reserved while the checkout is open, counted when it is paid. The POS sells at the last price that
 * it was told: until it was told this one, both are reserved, each for the member whose it is.
 */
int
lane_keep_reserved(struct lane_core *c)
{
	struct checkout *k = &c->cur;
	struct lane_reserved *now = NULL, *both;
	uint32_t count = 0;
	int rc = list_uses(c, &now, &count);

	if (rc < 0)
		return rc;
	both = calloc(count + k->reserved_count + k->before_count + 1u, sizeof(*both));
	if (both == NULL) {
		free(now);
		return -ENOMEM;
	}
	if (count > 0)
		memcpy(both, now, count * sizeof(*both));
	let_go_unheard(k);
	free(k->before);
	k->before = k->reserved;
	k->before_count = k->reserved_count;
	k->reserved_count = merge_reserved(both, count, k->reserved, k->reserved_count);
	free(k->then);
	free(k->again);
	k->again = NULL;
	k->again_count = 0;
	k->reserved = both;
	k->then = now;
	k->then_count = count;
	k->told = k->untold = false;
	k->offers = 0;
	return 0;
}

int
lane_reserve_again(struct checkout *k)
{
	uint32_t room = k->again_count + k->reserved_count + 1u;
	struct lane_reserved *both = calloc(room, sizeof(*both));

	if (both == NULL)
		return -ENOMEM;
	k->told = k->untold = false;
	k->offers = 0;
	if (k->again == NULL) { /* it was never let go */
		free(both);
		return 0;
	}
	memcpy(both, k->again, k->again_count * sizeof(*both));
	free(k->before);
	free(k->then);
	k->before = k->reserved;
	k->before_count = k->reserved_count;
	k->reserved_count =
		merge_reserved(both, k->again_count, k->before, k->before_count);
	k->reserved = both;
	k->then = k->again;
	k->then_count = k->again_count;
	k->again = NULL;
	k->again_count = 0;
	return 0;
}

void
lane_offer_refused(struct lane_core *c, uint32_t offer, const struct timepoint *now)
{
	struct checkout *k = &c->cur;
	uint32_t doubled =
		k->offer_tries < OFFER_DOUBLED ? k->offer_tries : OFFER_DOUBLED;

	/* Of several for one price another one may have reached the POS. */
	if (!lane_is_active(c) || offer == 0 || offer != k->offer || k->offers != 1)
		return;
	let_go(k);
	k->told = false;
	k->untold = true;
	k->offer_tries++;
	k->offer_again_ms = now->mono_ms + (c->env.limits.journal_retry_ms << doubled);
	c->cur_dirty = true;
}

void
lane_settle_reserved(struct lane_core *c)
{
	struct checkout *k = &c->cur;
	bool less;

	if (k->then == NULL || !k->told || !lane_is_active(c))
		return;
	less = k->then_count != k->reserved_count ||
	       memcmp(k->then, k->reserved, k->then_count * sizeof(*k->then)) != 0;
	free(k->reserved);
	k->reserved = k->then;
	k->reserved_count = k->then_count;
	k->then = NULL;
	k->then_count = 0;
	c->cur_dirty = c->cur_dirty || less;
}

void
lane_reserved_sold(struct checkout *k)
{
	bool others = false;

	for (uint32_t i = 0; i < k->before_count; i++)
		others = others || (!ulid_is_zero(k->before[i].member) &&
				    !ulid_eq(k->before[i].member, k->priced_for));
	if (others)
		let_go_unheard(k);
}

void
lane_reserved_as_before(struct checkout *k)
{
	if (k->then != NULL)
		let_go(k);
}
