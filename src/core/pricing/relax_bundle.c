#include "core/pricing/relax_bundle.h"

#include <errno.h>
#include <string.h>

#define STATES_MAX (UINT64_C(1) << 62)
#define CELLS_A_POSITION 4u

struct relax_bundle {
	const struct rule *rule;
	uint32_t parts;
	uint32_t units[BUNDLE_PARTS_MAX];
	uint64_t radix[BUNDLE_PARTS_MAX],
		times[BUNDLE_PARTS_MAX]; /* digits of the state */
	uint64_t most;                   /* applications */
	uint8_t *part;                   /* of each position */
	int64_t *gain;                   /* of a unit at each position, at the most */
	int64_t *worth;                  /* the same less its price */
	int64_t application; /* what each application adds to its units' gains */
	uint32_t *order;     /* positions by component, the best worth first */
	uint32_t first[BUNDLE_PARTS_MAX + 1];
	uint32_t *want, *taken; /* of each position: by the programme; by the last look */
};

/* Where the best units of a component are taken next. */
struct supply {
	uint32_t at;   /* into order */
	uint64_t left; /* units of that position */
};

static uint64_t
count_of(const struct relax_bundle *b, uint64_t state, uint32_t part)
{
	return state / b->times[part] % b->radix[part];
}

/* Applications that are complete in a state. */
static uint64_t
complete(const struct relax_bundle *b, uint64_t state)
{
	uint64_t least = UINT64_MAX;

	for (uint32_t c = 0; c < b->parts; c++) {
		uint64_t n = count_of(b, state, c) / b->units[c];

		if (n < least)
			least = n;
	}
	return least;
}

uint64_t
relax_bundle_next(const struct relax_rule *r, uint32_t q, uint64_t state, uint32_t units)
{
	return state + units * r->bundle->times[r->bundle->part[q]];
}

uint32_t
relax_bundle_room(const struct relax_rule *r, uint32_t q, uint64_t state)
{
	const struct relax_bundle *b = r->bundle;
	uint32_t c = b->part[q];
	uint64_t room = b->most * b->units[c] - count_of(b, state, c);

	return room < UINT32_MAX ? (uint32_t)room : UINT32_MAX;
}

uint32_t
relax_bundle_part(const struct relax_rule *r, uint32_t q)
{
	return r->bundle->part[q];
}

uint64_t
relax_bundle_times(const struct relax_rule *r, const uint32_t *units)
{
	const struct relax_bundle *b = r->bundle;
	uint64_t sum[BUNDLE_PARTS_MAX] = { 0 }, least = UINT64_MAX;

	for (uint32_t q = 0; q < r->count; q++)
		sum[b->part[q]] += units[q];
	for (uint32_t c = 0; c < b->parts; c++)
		if (sum[c] / b->units[c] < least)
			least = sum[c] / b->units[c];
	return least;
}

const uint32_t *
relax_bundle_wants(const struct relax_rule *r)
{
	return r->bundle->want;
}

int64_t
relax_bundle_gain(const struct relax *x, const struct relax_rule *r, uint32_t q,
		  uint64_t state, uint32_t units)
{
	const struct relax_bundle *b = r->bundle;
	uint64_t before = complete(b, state);
	uint64_t after = complete(b, relax_bundle_next(r, q, state, units));

	(void)x;
	return b->gain[q] * units +
	       relax_times((int64_t)(after - before), b->application);
}

/* ---- the programme ---- */

/* What positions from q on add, while it is worked out. */
struct look {
	const struct relax *x;
	const struct relax_rule *r;
	uint32_t q;
	struct supply s[BUNDLE_PARTS_MAX]; /* where the best units are taken next */
	uint32_t *taken;                   /* units of each position, or NULL */
	int64_t worth;                     /* of what was drawn */
};

/* Moves a component's supply to a position from q on that has units. */
static void
settle(struct look *k, uint32_t part)
{
	const struct relax_bundle *b = k->r->bundle;
	struct supply *s = &k->s[part];

	while (s->left == 0 && s->at < b->first[part + 1]) {
		uint32_t at = b->order[s->at];

		if (at >= k->q)
			s->left = k->x->items[k->r->items[at]].units;
		if (s->left == 0)
			s->at++;
	}
}

/* Takes the best units of a component. false: it has not so many. */
static bool
draw(struct look *k, uint32_t part, uint64_t units)
{
	const struct relax_bundle *b = k->r->bundle;
	struct supply *s = &k->s[part];

	while (units > 0) {
		uint64_t n;

		settle(k, part);
		if (s->left == 0)
			return false;
		n = s->left < units ? s->left : units;
		k->worth += (int64_t)n * b->worth[b->order[s->at]];
		if (k->taken != NULL)
			k->taken[b->order[s->at]] += (uint32_t)n;
		s->left -= n;
		units -= n;
		if (s->left == 0)
			s->at++;
	}
	return true;
}

/* One application more, of units of several positions. false: there are not so many. */
static bool
draw_all(struct look *k)
{
	const struct relax_bundle *b = k->r->bundle;

	k->worth = b->application;
	for (uint32_t c = 0; c < b->parts; c++)
		if (!draw(k, c, b->units[c]))
			return false;
	return true;
}

/*
 * Applications that are alike because no component's position is used up on the way: how many,
 * and what one adds. 0: the next one is of several positions.
 */
static uint64_t
alike(struct look *k, int64_t *ret_worth)
{
	const struct relax_bundle *b = k->r->bundle;
	int64_t worth = b->application;
	uint64_t n = UINT64_MAX;

	for (uint32_t c = 0; c < b->parts; c++) {
		settle(k, c);
		if (k->s[c].left / b->units[c] < n)
			n = k->s[c].left / b->units[c];
		if (k->s[c].left > 0)
			worth += (int64_t)b->units[c] * b->worth[b->order[k->s[c].at]];
	}
	*ret_worth = worth;
	return n;
}

static int64_t
add(int64_t sum, int64_t more)
{
	return sum + more < RELAX_MOST ? sum + more : RELAX_MOST;
}

/* Takes n applications that are alike. */
static void
take_alike(struct look *k, uint64_t n)
{
	const struct relax_bundle *b = k->r->bundle;

	for (uint32_t c = 0; c < b->parts; c++) {
		struct supply *s = &k->s[c];

		k->taken[b->order[s->at]] += (uint32_t)(n * b->units[c]);
		s->left -= n * b->units[c];
		if (s->left == 0)
			s->at++;
	}
}

/* Adds applications while they pay. What one adds only falls, so that the first loss ends it. */
static int64_t
add_applications(struct look *k, uint64_t most)
{
	int64_t sum = 0, worth;

	while (most > 0) {
		uint64_t n = alike(k, &worth);

		if (n == 0) {
			struct look trial = *k;

			trial.taken = NULL;
			if (!draw_all(&trial) || trial.worth <= 0)
				break;
			(void)draw_all(k); /* it fits: it was tried */
			sum = add(sum, k->worth);
			most--;
			continue;
		}
		if (worth <= 0)
			break;
		n = n < most ? n : most;
		take_alike(k, n);
		sum = add(sum, relax_times((int64_t)n, worth));
		most -= n;
	}
	return sum;
}

int64_t
relax_bundle_rest(const struct relax *x, const struct relax_rule *r, uint32_t q,
		  uint64_t state, uint32_t *ret_units)
{
	const struct relax_bundle *b = r->bundle;
	struct look k = { .x = x, .r = r, .q = q, .taken = b->taken };
	uint64_t begun = 0, done = complete(b, state);
	int64_t sum;

	memset(b->taken, 0, r->count * sizeof(*b->taken));
	for (uint32_t c = 0; c < b->parts; c++) {
		uint64_t n = (count_of(b, state, c) + b->units[c] - 1) / b->units[c];

		begun = n > begun ? n : begun;
	}
	for (uint32_t c = 0; c < b->parts; c++) {
		k.s[c].at = b->first[c];
		if (!draw(&k, c, begun * b->units[c] - count_of(b, state, c)))
			return RELAX_NEVER;
	}
	sum = k.worth + relax_times((int64_t)(begun - done), b->application);
	sum = add(sum, add_applications(&k, b->most - begun));
	if (q < r->count)
		*ret_units = b->taken[q];
	return sum;
}

/* Positions of each component by what a unit is worth; they are nearly sorted from before. */
static void
sort_positions(struct relax_bundle *b)
{
	for (uint32_t c = 0; c < b->parts; c++)
		for (uint32_t i = b->first[c] + 1; i < b->first[c + 1]; i++) {
			uint32_t at = b->order[i], k = i;

			while (k > b->first[c] &&
			       b->worth[b->order[k - 1]] < b->worth[at]) {
				b->order[k] = b->order[k - 1];
				k--;
			}
			b->order[k] = at;
		}
}

int64_t
relax_bundle_programme(const struct relax *x, struct relax_rule *r)
{
	struct relax_bundle *b = r->bundle;
	uint32_t ignored;
	int64_t value;

	for (uint32_t q = 0; q < r->count; q++)
		b->worth[q] = b->gain[q] - x->items[r->items[q]].price;
	sort_positions(b);
	value = relax_bundle_rest(x, r, 0, 0, &ignored);
	if (value == RELAX_NEVER)
		value = 0; /* units were taken away: nothing can be made of it */
	memcpy(b->want, b->taken, r->count * sizeof(*b->want));
	return value;
}

/* ---- setting up ---- */

/* What a unit gains, and what an application adds, at the most. */
static void
set_gains(const struct relax *x, const struct relax_rule *r)
{
	struct relax_bundle *b = r->bundle;
	const struct reward *w = &b->rule->reward;

	b->application = -x->eps;
	if (w->form == REWARD_PRICE)
		b->application -= w->x * RELAX_ONE;
	else if (w->form == REWARD_AMOUNT)
		b->application += w->x * RELAX_ONE;
	else if (w->x < BP_ONE)
		b->application += RELAX_ONE / 2; /* rounded over the bundle */
	for (uint32_t q = 0; q < r->count; q++) {
		int64_t value = x->p->items[x->items[r->items[q]].item].value;

		if (w->form == REWARD_PRICE)
			b->gain[q] = value * RELAX_ONE;
		else if (w->form == REWARD_PERCENT)
			b->gain[q] = relax_bp_parts(value * w->x);
	}
}

/* The digits of the state. Too many applications to count them all: fewer are looked at. */
static void
set_digits(struct relax *x, const struct live *l, struct relax_rule *r)
{
	struct relax_bundle *b = r->bundle;
	uint64_t most = b->most, states = 1;

	for (uint32_t c = 0; c < b->parts; c++) {
		b->radix[c] = b->most * b->units[c] + 1;
		b->times[c] = states;
		if (states <= STATES_MAX / b->radix[c]) {
			states *= b->radix[c];
			continue;
		}
		b->most /= 2; /* 8 components of 20 units fit with one application */
		states = 1;
		c = UINT32_MAX; /* from the first again */
	}
	for (uint32_t i = 0; b->most < most && i < l->items_count; i++)
		x->trimmed_minor +=
			x->p->items[l->items[i]].value * x->p->items[l->items[i]].units;
}

static int
make_arrays(struct relax *x, struct relax_rule *r, size_t n)
{
	struct relax_bundle *b = arena_alloc(x->arena, sizeof(*b));

	if (b == NULL)
		return -ENOMEM;
	b->part = arena_alloc(x->arena, n);
	b->gain = arena_array(x->arena, n, sizeof(*b->gain));
	b->worth = arena_array(x->arena, n, sizeof(*b->worth));
	b->order = arena_array(x->arena, n, sizeof(*b->order));
	b->want = arena_array(x->arena, n, sizeof(*b->want));
	b->taken = arena_array(x->arena, n, sizeof(*b->taken));
	r->items = arena_array(x->arena, n, sizeof(*r->items));
	if (b->part == NULL || b->gain == NULL || b->worth == NULL || b->order == NULL ||
	    b->want == NULL || b->taken == NULL || r->items == NULL)
		return -ENOMEM;
	r->bundle = b;
	return 0;
}

/* A position for each component that each item fits; and how many applications there can be. */
static void
place_parts(const struct relax *x, const struct live *l, struct relax_rule *r)
{
	struct relax_bundle *b = r->bundle;
	uint64_t units[BUNDLE_PARTS_MAX] = { 0 };
	uint32_t at = 0, n = 0;

	for (uint32_t i = 0; i < l->items_count; i++) {
		while (x->items[at].item != l->items[i])
			at++;
		for (uint32_t c = 0; c < b->parts && x->items[at].units > 0; c++) {
			if ((l->parts[i] & 1u << c) == 0)
				continue;
			b->part[r->count] = (uint8_t)c;
			r->items[r->count++] = at;
			units[c] += x->items[at].units;
		}
	}
	for (uint32_t c = 0; c < b->parts; c++) {
		b->first[c] = n;
		for (uint32_t q = 0; q < r->count; q++)
			if (b->part[q] == c)
				b->order[n++] = q;
		if (units[c] / b->units[c] < b->most)
			b->most = units[c] / b->units[c];
	}
	b->first[b->parts] = n;
}

int
relax_bundle_add(struct relax *x, const struct live *l, struct relax_rule *r)
{
	const struct rule *rule = l->rule;
	struct relax_bundle *b;
	int rc = make_arrays(x, r, (size_t)l->items_count * rule->parts_count);

	if (rc < 0)
		return rc;
	b = r->bundle;
	b->rule = rule;
	b->parts = rule->parts_count;
	b->most = l->units_cap;
	for (uint32_t c = 0; c < b->parts; c++)
		b->units[c] = (uint32_t)rule->parts[c].units;
	place_parts(x, l, r);
	if (b->most == 0) {
		r->bundle = NULL;
		return 0;
	}
	r->cap = UINT32_MAX;
	set_digits(x, l, r);
	set_gains(x, r);
	x->cells += (uint64_t)r->count * CELLS_A_POSITION;
	return 0;
}
