#include "offer_peers.h"

#include <string.h>

#define GROUP_MAX 8

/* A basket being priced: what is left of each line, dearest lines first. */
struct till {
	const struct load_case *c;
	int order[LOAD_LINES_MAX];
	int64_t left[LOAD_LINES_MAX];
	int64_t used[LOAD_OFFERS_MAX]; /* units that an offer with max_units took */
};

/* Units of one line, or a group of units; groups of one line's units may repeat. */
struct application {
	int64_t saved; /* by one of them */
	int64_t units, times;
	int lines[GROUP_MAX], count;
};

static int64_t
half_up(int64_t value, int64_t bp)
{
	return (value * bp + 5000) / 10000;
}

static void
open_till(struct till *t, const struct load_case *c)
{
	memset(t, 0, sizeof(*t));
	t->c = c;
	for (int i = 0; i < c->lines_count; i++) {
		int at = i;

		while (at > 0 && c->lines[t->order[at - 1]].price < c->lines[i].price) {
			t->order[at] = t->order[at - 1];
			at--;
		}
		t->order[at] = i;
		t->left[i] = c->lines[i].units;
	}
}

/* What an offer of single units takes off units of a line. */
static int64_t
units_saving(const struct load_offer *o, const struct load_line *l, int64_t units)
{
	int64_t value = l->measured ? l->amount : l->price * units, off = 0;
	int64_t each =
		l->measured ? (o->minor * l->qty_milli + 500) / 1000 : o->minor * units;

	if (o->kind == LOAD_PERCENT)
		off = half_up(value, o->bp);
	else if (o->kind == LOAD_AMOUNT)
		off = each;
	else if (o->kind == LOAD_FIXED)
		off = value - each;
	return off < 0 ? 0 : off > value ? value : off;
}

static bool
is_group(const struct load_offer *o)
{
	return o->kind == LOAD_N_FOR || o->kind == LOAD_BUY_GET;
}

/* An offer of single units on a line: all that is left of it, or that the offer may still take. */
static bool
take_units(const struct till *t, int offer, int line, struct application *ret)
{
	const struct load_offer *o = &t->c->offers[offer];
	const struct load_line *l = &t->c->lines[line];
	struct application a = { .units = t->left[line], .times = 1, .count = 1 };

	if (l->class != o->class)
		return false;
	if (o->max_units > 0 && o->max_units - t->used[offer] < a.units)
		a.units = o->max_units - t->used[offer];
	a.lines[0] = line;
	a.saved = a.units > 0 ? units_saving(o, l, a.units) : 0;
	*ret = a;
	return a.saved > 0;
}

/* The group of the dearest units left. */
static bool
take_group(const struct till *t, int offer, struct application *ret)
{
	const struct load_offer *o = &t->c->offers[offer];
	int64_t value = 0, size = o->buy + o->get;
	struct application a = { .units = 1, .times = 1 };

	for (int i = 0; i < t->c->lines_count && a.count < size; i++) {
		int line = t->order[i];
		const struct load_line *l = &t->c->lines[line];

		if (l->class != o->class || l->measured)
			continue;
		if (a.count == 0 && t->left[line] >= size)
			a.times = t->left[line] / size;
		for (int64_t k = 0; k < t->left[line] && a.count < size; k++) {
			a.lines[a.count++] = line;
			value += l->price;
			if (o->kind == LOAD_BUY_GET && a.count > o->buy)
				a.saved += half_up(l->price, o->bp);
		}
	}
	if (o->kind == LOAD_N_FOR)
		a.saved = value - o->minor;
	*ret = a;
	return a.count == size && a.saved > 0;
}

static int64_t
apply(struct till *t, int offer, const struct application *a)
{
	for (int i = 0; i < a->count; i++)
		t->left[a->lines[i]] -= a->units * a->times;
	t->used[offer] += a->units;
	return a->saved * a->times;
}

int64_t
peers_list_order(const struct load_case *c)
{
	static struct till t;
	struct application a;
	int64_t saved = 0;

	open_till(&t, c);
	for (int o = 0; o < c->offers_count; o++) {
		while (is_group(&c->offers[o]) && take_group(&t, o, &a))
			saved += apply(&t, o, &a);
		for (int i = 0; i < c->lines_count && !is_group(&c->offers[o]); i++)
			if (take_units(&t, o, t.order[i], &a))
				saved += apply(&t, o, &a);
	}
	return saved;
}

/* The best application of an offer now. */
static bool
best_of(const struct till *t, int offer, struct application *ret)
{
	struct application a;
	bool any = false;

	if (is_group(&t->c->offers[offer]))
		return take_group(t, offer, ret);
	for (int i = 0; i < t->c->lines_count; i++) {
		if (!take_units(t, offer, t->order[i], &a) ||
		    (any && a.saved <= ret->saved))
			continue;
		*ret = a;
		any = true;
	}
	return any;
}

int64_t
peers_greedy(const struct load_case *c)
{
	static struct till t;
	int64_t saved = 0;

	open_till(&t, c);
	for (;;) {
		struct application best = { 0 }, a;
		int offer = -1;

		for (int o = 0; o < c->offers_count; o++)
			if (best_of(&t, o, &a) && a.saved > best.saved) {
				best = a;
				offer = o;
			}
		if (offer < 0)
			return saved;
		saved += apply(&t, offer, &best);
	}
}
