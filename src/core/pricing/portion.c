#include "core/pricing/portion.h"

__extension__ typedef unsigned __int128 wide;

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t
portion_percent(int64_t value, int64_t percent_bp, enum rounding mode)
{
	int64_t product = value * percent_bp, whole = product / BP_ONE;
	int64_t rest = product % BP_ONE;

	switch (mode) {
	case ROUND_HALF_UP:
		return whole + (rest >= BP_ONE / 2);
	case ROUND_HALF_EVEN:
		if (rest == BP_ONE / 2)
			return whole + (whole & 1);
		return whole + (rest > BP_ONE / 2);
	case ROUND_NET_HALF_UP:
		return value - (value * (BP_ONE - percent_bp) + BP_ONE / 2) / BP_ONE;
	case ROUND_DOWN:
		break;
	}
	return whole;
}

/* amount per unit, or per thousandth of a measured quantity, half up. */
static int64_t
per_quantity(int64_t amount, const struct item *item, uint32_t units)
{
	int64_t answer;

	if (!item->measured)
		return money_mul(amount, units, &answer) < 0 ? INT64_MAX : answer;
	if (money_muldiv(amount, item->qty_milli, 1000, ROUND_HALF_UP, &answer) < 0)
		return INT64_MAX;
	return answer;
}

int64_t
portion_reward(const struct reward *reward, int64_t value, enum rounding mode)
{
	switch (reward->form) {
	case REWARD_PERCENT:
		return portion_percent(value, reward->x, mode);
	case REWARD_AMOUNT:
		return reward->x;
	case REWARD_PRICE:
		return value - reward->x;
	case REWARD_NONE:
		break;
	}
	return 0;
}

int64_t
portion_each(const struct reward *reward, const struct item *item, uint32_t units,
	     enum rounding mode)
{
	int64_t value = item->value * units, off = 0;

	if (units == 0)
		return 0;
	if (reward->form == REWARD_PERCENT)
		off = portion_percent(value, reward->x, mode);
	else if (reward->form == REWARD_AMOUNT)
		off = per_quantity(reward->x, item, units);
	else if (reward->form == REWARD_PRICE)
		off = value - per_quantity(reward->x, item, units);
	return off <= 0 ? 0 : least(off, item->room * units);
}

int64_t
portion_units(const struct rule *rule, const struct item *item, uint32_t units,
	      enum rounding mode)
{
	return portion_each(&rule->reward, item, units, mode);
}

/* A part's whole share of amount, and what is left of the division. */
static void
divide(int64_t amount, int64_t weights, struct portion *part)
{
	int64_t product;

	if (!__builtin_mul_overflow(amount, part->weight, &product)) {
		part->share = product / weights;
		part->rest = product % weights;
	} else {
		wide large = (wide)amount * (wide)part->weight;

		part->share = (int64_t)(large / (wide)weights);
		part->rest = (int64_t)(large % (wide)weights);
	}
}

/* Deals amount once over the parts that still have room; a part may get more than its room. */
static void
deal(int64_t amount, int64_t weights, struct portion *parts, uint32_t count,
     int64_t *ret_over)
{
	int64_t left = amount, over = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (parts[i].room <= 0)
			continue;
		divide(amount, weights, &parts[i]);
		left -= parts[i].share;
	}
	for (; left > 0; left--) {
		struct portion *best = NULL;

		for (uint32_t i = 0; i < count; i++)
			if (parts[i].room > 0 && parts[i].rest >= 0 &&
			    (best == NULL || parts[i].rest > best->rest))
				best = &parts[i];
		if (best == NULL)
			break;
		best->share++;
		best->rest = -1; /* it had its extra unit */
	}
	for (uint32_t i = 0; i < count; i++)
		if (parts[i].room > 0 && parts[i].share > parts[i].room)
			over += parts[i].share - parts[i].room;
	*ret_over = over;
}

/*
 * One round: deal to all with room; if some get more than their room, those are filled up and
 * closed (room turned negative), and the others are dealt the rest again.
 */
static int64_t
round_of(int64_t amount, struct portion *parts, uint32_t count)
{
	int64_t over, rest = amount, weights = 0; /* of one basket: no overflow */

	for (uint32_t i = 0; i < count; i++)
		if (parts[i].room > 0)
			weights += parts[i].weight;
	if (weights == 0) {
		/* Only worthless parts are left; what has room without weight is our bug. */
		return 0;
	}
	deal(amount, weights, parts, count, &over);
	if (over == 0)
		return 0;
	for (uint32_t i = 0; i < count; i++) {
		if (parts[i].room <= 0 || parts[i].share < parts[i].room)
			continue;
		parts[i].share = parts[i].room;
		rest -= parts[i].share;
		parts[i].room = -parts[i].room;
	}
	return rest;
}

int64_t
portion_share(int64_t amount, struct portion *parts, uint32_t count)
{
	int64_t room = 0, rest;

	for (uint32_t i = 0; i < count; i++) {
		parts[i].share = 0;
		room += parts[i].room;
	}
	amount = least(amount, room);
	rest = amount;
	while (rest > 0)
		rest = round_of(rest, parts, count);
	for (uint32_t i = 0; i < count; i++)
		if (parts[i].room < 0)
			parts[i].room = -parts[i].room;
	return amount;
}
