#include "pricing_kit.h"
#include "unit.h"

#include <inttypes.h>

/*
 * Lines of many units, where the engine does not try all numbers of units: the price is the one of
 * a plain programme over how many units of two lines every offer takes.
 */
#define UNITS_MAX 42
#define UNITS_MIN 28 /* the engine begins to narrow a little above */
#define RULES_MAX 4
#define CASES_DEFAULT 40

/* Up to LIMITED they compete for units; the others take what is left. */
enum form { N_FOR, BUY_GET, FULL_GROUPS, LIMITED, PERCENT, AMOUNT, FORMS };

struct offer {
	enum form form;
	int size, get; /* of a group; how many of it are reduced */
	int64_t x;     /* price, basis points or amount */
};

struct bulk_case {
	struct offer offers[RULES_MAX];
	int offers_count;
	int units[2];
	int64_t value[2]; /* the dearer line first */
};

typedef int64_t table[UNITS_MAX + 1][UNITS_MAX + 1];

static uint64_t
setting(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

static int
pick(uint64_t *state, int count)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (int)((z ^ z >> 31) % (uint64_t)count);
}

static struct bulk_case
random_case(uint64_t seed)
{
	uint64_t s = seed * 7919;
	struct bulk_case c = { .offers_count = 1 + pick(&s, RULES_MAX) };

	for (int i = 0; i < 2; i++)
		c.units[i] = UNITS_MIN + pick(&s, UNITS_MAX - UNITS_MIN + 1);
	c.value[1] = 5 + pick(&s, 60);
	c.value[0] = c.value[1] + 1 + pick(&s, 40);
	for (int i = 0; i < c.offers_count; i++) {
		struct offer *o = &c.offers[i];

		o->form = (enum form)pick(&s, FORMS);
		o->size = 2 + pick(&s, 4);
		o->get = o->form == BUY_GET ? 1 + pick(&s, o->size - 1) : o->size;
		if (o->form == N_FOR)
			o->x = o->size * c.value[1] / 2 +
			       pick(&s, (int)(o->size * c.value[0]));
		else if (o->form == AMOUNT)
			o->x = 1 + pick(&s, (int)c.value[1]);
		else
			o->x = pick(&s, 3) == 0 ? 10000 : 50 * (1 + pick(&s, 199));
	}
	return c;
}

static int64_t
percent_of(int64_t value, int64_t bp)
{
	return (value * bp + 5000) / 10000;
}

/* One full group, its values dearest first. */
static int64_t
group_saving(const struct offer *o, const int64_t *values)
{
	int64_t sum = 0;

	for (int i = o->size - o->get; i < o->size; i++)
		sum += values[i];
	if (o->form != N_FOR)
		return percent_of(sum, o->x);
	return sum > o->x ? sum - o->x : 0;
}

/* What an offer that competes takes off a units of the first line and b of the second. */
static int64_t
taken_saving(const struct bulk_case *c, const struct offer *o, int a, int b)
{
	int64_t values[8], saved = 0;
	int n = 0;

	if (o->form == LIMITED)
		return percent_of(c->value[0] * a, o->x) +
		       percent_of(c->value[1] * b, o->x);
	for (int i = 0; i < a + b; i++) {
		values[n++] = c->value[i >= a];
		if (n < o->size)
			continue;
		saved += group_saving(o, values);
		n = 0;
	}
	return saved;
}

/* What the best offer without groups takes off so many units of a line. */
static int64_t
free_saving(const struct bulk_case *c, int line, int units)
{
	int64_t best = 0, value = c->value[line] * units;

	for (int i = 0; i < c->offers_count; i++) {
		const struct offer *o = &c->offers[i];
		int64_t off = 0;

		if (o->form == PERCENT)
			off = percent_of(value, o->x);
		else if (o->form == AMOUNT)
			off = o->x * units < value ? o->x * units : value;
		best = off > best ? off : best;
	}
	return best;
}

static void
add_offer(const struct bulk_case *c, const struct offer *o, table best)
{
	static table before, gain;

	memcpy(before, best, sizeof(before));
	for (int a = 0; a <= c->units[0]; a++)
		for (int b = 0; b <= c->units[1]; b++)
			gain[a][b] = taken_saving(c, o, a, b);
	for (int a = 0; a <= c->units[0]; a++)
		for (int b = 0; b <= c->units[1]; b++)
			for (int x = 0; x <= a; x++)
				for (int y = 0; y <= b; y++) {
					int64_t now = before[a - x][b - y] + gain[x][y];

					if (now > best[a][b])
						best[a][b] = now;
				}
}

static int64_t
best_saving(const struct bulk_case *c)
{
	static table best;
	int64_t most = 0;

	memset(best, 0, sizeof(best));
	for (int i = 0; i < c->offers_count; i++)
		if (c->offers[i].form <= LIMITED)
			add_offer(c, &c->offers[i], best);
	for (int a = 0; a <= c->units[0]; a++)
		for (int b = 0; b <= c->units[1]; b++) {
			int64_t all = best[a][b] + free_saving(c, 0, c->units[0] - a) +
				      free_saving(c, 1, c->units[1] - b);

			most = all > most ? all : most;
		}
	return most;
}

static int
write_offer(char *at, size_t bytes, const struct offer *o, int id)
{
	static const char *const forms[] = {
		"\"n_for_price\",\"params\":{\"units\":%d,\"price_minor\":%d}",
		"\"buy_get\",\"params\":{\"buy\":%d,\"percent_bp\":%d,\"get\":%d}",
		"\"full_groups\",\"params\":{\"units\":%d,\"percent_bp\":%d}",
		"\"percent\",\"params\":{\"max_units\":%d,\"percent_bp\":%d}",
		"\"percent\",\"params\":{\"min_units\":%d,\"percent_bp\":%d}",
		"\"amount\",\"params\":{\"min_units\":%d,\"amount_minor\":%d}",
	};
	char params[120];
	int n = 1;

	if (o->form == BUY_GET)
		n = o->size - o->get;
	else if (o->form < LIMITED)
		n = o->size;
	else if (o->form == LIMITED)
		n = 1000; /* more than there are, so that it only competes */

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-extra-args"
	(void)snprintf(params, sizeof(params), forms[o->form], n, (int)o->x, o->get);
#pragma GCC diagnostic pop
	return snprintf(at, bytes,
			"%s{\"id\":\"r%d\",\"scope\":{\"all\":true},\"kind\":%s}",
			id > 0 ? "," : "", id, params);
}

static int64_t
engine_saving(const struct bulk_case *c, bool *ret_optimal)
{
	char rules[2048];
	size_t used = 0;
	struct pricing_line lines[2];
	struct pricing_result *r;
	int64_t saving;
	struct kit k;

	for (int i = 0; i < c->offers_count; i++)
		used += (size_t)write_offer(rules + used, sizeof(rules) - used,
					    &c->offers[i], i);
	kit_init(&k);
	ck_assert_int_eq(kit_rule_list(&k, rules), 0);
	memset(lines, 0, sizeof(lines));
	for (uint32_t i = 0; i < 2; i++)
		lines[i] = (struct pricing_line){
			.line = i,
			.code = STR("s"),
			.qty_milli = INT64_C(1000) * c->units[i],
			.unit_price_minor = c->value[i],
			.amount_minor = c->value[i] * c->units[i],
		};
	k.basket = (struct pricing_basket){ .lines = lines, .lines_count = 2 };
	r = kit_price(&k);
	saving = r->saving_minor;
	*ret_optimal = r->optimal;
	pricing_result_free(r);
	kit_free(&k);
	return saving;
}

START_TEST(many_units_save_what_a_plain_programme_finds)
{
	uint64_t first = setting("LANED_PRICING_SEED", 1), proven = 0;
	uint64_t count = setting("LANED_PRICING_CASES", CASES_DEFAULT);

	for (uint64_t i = 0; i < count; i++) {
		struct bulk_case c = random_case(first + i);
		int64_t best = best_saving(&c), found;
		bool optimal;

		found = engine_saving(&c, &optimal);
		proven += optimal;
		if (found > best || (optimal && found != best))
			ck_abort_msg("seed %" PRIu64 ": engine %" PRId64
				     "%s, programme %" PRId64,
				     first + i, found, optimal ? " (optimal)" : "", best);
	}
	ck_assert_uint_ge(proven * 10, count * 9);
}
END_TEST

/* The budget of nodes is a measure of work that no clock disturbs. */
START_TEST(a_thousand_times_the_units_are_no_more_work)
{
	struct kit k;
	uint64_t nodes[2];

	kit_init(&k);
	ck_assert_int_eq(
		kit_rule_list(
			&k,
			"{\"id\":\"a\",\"kind\":\"n_for_price\",\"params\":{\"units\":3,"
			"\"price_minor\":200},\"scope\":{\"all\":true}},"
			"{\"id\":\"b\",\"kind\":\"buy_get\",\"params\":{\"buy\":2,"
			"\"get\":1,"
			"\"percent_bp\":5000},\"scope\":{\"all\":true}},"
			"{\"id\":\"c\",\"kind\":\"percent\",\"params\":{\"percent_bp\":"
			"1700},"
			"\"scope\":{\"all\":true}}"),
		0);
	for (int64_t i = 0; i < 2; i++) {
		int64_t units = i == 0 ? 40 : 40000;
		struct pricing_line lines[2] = {
			{ .line = 1, .unit_price_minor = 99, .qty_milli = 1000 * units },
			{ .line = 2, .unit_price_minor = 81, .qty_milli = 1000 * units },
		};
		struct pricing_result *r;

		for (int l = 0; l < 2; l++)
			lines[l].amount_minor = lines[l].unit_price_minor * units;
		k.basket = (struct pricing_basket){ .lines = lines, .lines_count = 2 };
		r = kit_price(&k);
		ck_assert(r->optimal);
		nodes[i] = r->nodes;
		pricing_result_free(r);
	}
	ck_assert_uint_le(nodes[1], 3 * nodes[0] + 100);
	kit_free(&k);
}
END_TEST

UNIT_MAIN("pricing_bulk", many_units_save_what_a_plain_programme_finds,
	  a_thousand_times_the_units_are_no_more_work)
