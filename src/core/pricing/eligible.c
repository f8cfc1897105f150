#include "core/pricing/eligible.h"

#define DAY_MS INT64_C(86400000)

struct who
who_of(const struct pricing_member *member, const struct timepoint *at, struct str store,
       struct str lane)
{
	return (struct who){ .member = member,
			     .store = store,
			     .lane = lane,
			     .at = at,
			     .civil = civil_of(at->wall_ms, at->local_offset_s) };
}

/* A list of texts holds one. */
static bool
among(struct strs list, struct str s)
{
	for (uint32_t i = 0; i < list.count; i++)
		if (str_eq(list.at[i], s))
			return true;
	return false;
}

/* The moment that a bound is compared with, for a span that began days_ago (0, or 1 yesterday). */
static int64_t
bound_time(const struct who *who, bool zoned, bool is_day, unsigned days_ago)
{
	int64_t utc = who->at->wall_ms;
	int64_t local = utc + (int64_t)who->at->local_offset_s * 1000;

	if (zoned)
		return utc;
	return is_day ? local - (int64_t)days_ago * DAY_MS : local;
}

/* Validity and weekday: of the day on which the span began. */
static bool
day_fits(const struct rule *r, const struct who *who, unsigned days_ago)
{
	unsigned weekday = (who->civil.weekday + 7u - days_ago) % 7u;

	if (r->has_from &&
	    bound_time(who, r->from_zoned, r->from_is_day, days_ago) < r->from_ms)
		return false;
	if (r->has_to && bound_time(who, r->to_zoned, r->to_is_day, days_ago) >= r->to_ms)
		return false;
	return r->days == 0 || (r->days & 1u << weekday) != 0;
}

/* A span over midnight belongs to the day on which it began, small hours and all. */
static bool
time_fits(const struct rule *r, const struct who *who)
{
	int minute = who->civil.hour * 60 + who->civil.minute;
	bool fits = r->hours_count == 0 && day_fits(r, who, 0);

	for (uint32_t i = 0; i < r->hours_count; i++) {
		struct span s = r->hours[i];
		bool over_midnight = s.from_min >= s.to_min;

		if (minute >= s.from_min && (over_midnight || minute < s.to_min))
			fits |= day_fits(r, who, 0);
		if (over_midnight && minute < s.to_min)
			fits |= day_fits(r, who, 1);
	}
	return fits;
}

static bool
any_of(const struct str *list, size_t count, struct strs wanted)
{
	for (size_t i = 0; i < count; i++)
		if (among(wanted, list[i]))
			return true;
	return false;
}

enum pricing_reason
who_fits(const struct rule *r, const struct who *who)
{
	const struct pricing_member *m = who->member;

	if ((r->stores.count > 0 && !among(r->stores, who->store)) ||
	    (r->lanes.count > 0 && !among(r->lanes, who->lane)))
		return PRICING_PLACE;
	if (!time_fits(r, who))
		return PRICING_TIME;
	if ((r->member || r->groups.count > 0 || r->first_purchase) && !m->known)
		return PRICING_NOT_MEMBER;
	if (r->first_purchase && !m->first_purchase)
		return PRICING_NOT_GROUP;
	if (r->groups.count > 0 && !any_of(m->groups, m->groups_count, r->groups))
		return PRICING_NOT_GROUP;
	if (r->coupon.n > 0 &&
	    !any_of(m->coupons, m->coupons_count, (struct strs){ &r->coupon, 1 }))
		return PRICING_NO_COUPON;
	return PRICING_APPLIED;
}

static bool
counts_uses(const struct rule *r)
{
	return r->per_member > 0 || r->per_day > 0 || r->total > 0 || r->budget_minor > 0;
}

bool
who_is_easy(const struct rule *r)
{
	return r->stores.count == 0 && r->lanes.count == 0 && !r->has_from &&
	       !r->has_to && r->days == 0 && r->hours_count == 0 && !r->member &&
	       r->groups.count == 0 && !r->first_purchase && r->coupon.n == 0 &&
	       r->per_basket == 0 && !counts_uses(r);
}

/* How often a rule was used. */
static struct pricing_use
use_of(const struct rule *r, const struct pricing_member *m)
{
	struct pricing_use use = { 0 };

	for (size_t i = 0; i < m->uses_count; i++)
		if (str_eq(m->uses[i].rule, r->id))
			use = m->uses[i];
	return use;
}

int64_t
who_uses_left(const struct rule *r, const struct who *who)
{
	const struct pricing_member *m = who->member;
	int64_t left = r->per_basket > 0 ? r->per_basket : INT64_MAX;
	struct pricing_use use;

	if (!counts_uses(r))
		return left;
	if (m->uses_unknown)
		return 0;
	use = use_of(r, m);
	if (r->per_member > 0 && r->per_member - use.member_used < left)
		left = r->per_member - use.member_used;
	if (r->per_day > 0 && r->per_day - use.member_day_used < left)
		left = r->per_day - use.member_day_used;
	if (r->total > 0 && r->total - use.total_used < left)
		left = r->total - use.total_used;
	if (r->budget_minor > 0 && use.budget_used_minor >= r->budget_minor)
		left = 0;
	return left;
}

int64_t
who_budget_left(const struct rule *r, const struct who *who)
{
	if (r->budget_minor == 0)
		return INT64_MAX;
	return r->budget_minor - use_of(r, who->member).budget_used_minor;
}
