#include "offer_glpk.h"

#include "oracle/ip.h"

#include <string.h>
#include <time.h>

#define MILLISECONDS_MAX 20000 /* of one basket */

/* The classes that are in the basket, numbered from 0: offers for others cannot apply. */
struct classes {
	int numbers[ORACLE_LINES_MAX], count;
};

static int
number_of(const struct classes *k, int class)
{
	for (int i = 0; i < k->count; i++)
		if (k->numbers[i] == class)
			return i;
	return -1;
}

static void
put_line(struct oracle_case *to, const struct load_line *l, struct classes *k)
{
	struct oracle_line *line = &to->lines[to->lines_count];

	if (number_of(k, l->class) < 0)
		k->numbers[k->count++] = l->class;
	*line = (struct oracle_line){ .id = ++to->lines_count,
				      .units = (int)l->units,
				      .grams = l->measured ? (int)l->qty_milli : 0,
				      .price = l->price,
				      .weighed = l->measured,
				      .category = number_of(k, l->class),
				      .code = -1 };
	oracle_settle(line);
	line->less = line->amount - l->amount;
	oracle_settle(line);
}

static void
put_offer(struct oracle_case *to, const struct load_offer *o, int category)
{
	struct oracle_rule *r = &to->rules[to->rules_count];

	*r = (struct oracle_rule){ .id = to->rules_count++,
				   .scope = { .category = category },
				   .contains = { .category = -1 },
				   .n = (int)o->buy,
				   .buy = (int)o->buy,
				   .get = (int)o->get,
				   .max_units = (int)o->max_units };
	switch (o->kind) {
	case LOAD_PERCENT:
		r->kind = ORACLE_PERCENT;
		r->reward = (struct oracle_reward){ ORACLE_BY_PERCENT, o->bp };
		break;
	case LOAD_AMOUNT:
		r->kind = ORACLE_AMOUNT;
		r->reward = (struct oracle_reward){ ORACLE_BY_AMOUNT, o->minor };
		break;
	case LOAD_FIXED:
		r->kind = ORACLE_FIXED;
		r->reward = (struct oracle_reward){ ORACLE_BY_PRICE, o->minor };
		break;
	case LOAD_N_FOR:
		r->kind = ORACLE_N_FOR;
		r->reward = (struct oracle_reward){ ORACLE_BY_PRICE, o->minor };
		break;
	case LOAD_BUY_GET:
		r->kind = ORACLE_BUY_GET;
		r->reward = (struct oracle_reward){ ORACLE_BY_PERCENT, o->bp };
		break;
	}
}

bool
glpk_saving(const struct load_case *c, int64_t *ret_saving, double *ret_us)
{
	static struct oracle_case to;
	struct classes k = { .count = 0 };
	struct timespec from, until;
	int64_t gross = 0, total;

	if (c->lines_count > ORACLE_LINES_MAX)
		return false;
	memset(&to, 0, sizeof(to));
	for (int i = 0; i < c->lines_count; i++) {
		put_line(&to, &c->lines[i], &k);
		gross += c->lines[i].amount;
	}
	for (int i = 0; i < c->offers_count; i++) {
		int category = number_of(&k, c->offers[i].class);

		if (category < 0)
			continue;
		if (to.rules_count == ORACLE_RULES_MAX)
			return false;
		put_offer(&to, &c->offers[i], category);
	}
	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from); /* cannot fail */
	if (oracle_ip_best(&to, MILLISECONDS_MAX, &total) != ORACLE_IP_OPTIMAL)
		return false;
	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &until);
	*ret_us = (double)(until.tv_sec - from.tv_sec) * 1e6 +
		  (double)(until.tv_nsec - from.tv_nsec) / 1e3;
	*ret_saving = gross - total;
	return true;
}
