/*
 * How long a basket takes, in time on the processor: 50 lines against 200 offers, scattered over
 * 120 categories or all aimed at what is in the basket. Every basket has a rule set of its own,
 * priced once, cold. Prints a table and a line of JSON for each workload; an argument chooses
 * workloads by a part of their name.
 */
#include "base/json.h"
#include "core/pricing/pricing.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TEXT_BYTES ((size_t)1 << 20)
#define SKUS 400
#define RUNS_MAX 10000

struct workload {
	const char *name;
	int lines, rules, categories;
	bool aimed;
	int64_t units; /* of each line at most */
	int baskets;
};

struct basket {
	struct pricing_line lines[PRICING_LINES_MAX];
	char codes[PRICING_LINES_MAX][16], categories[PRICING_LINES_MAX][16];
};

static uint64_t
next(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static int
pick(uint64_t *state, int count)
{
	return (int)(next(state) % (uint64_t)count);
}

static void
make_basket(struct basket *b, const struct workload *w, uint64_t *state)
{
	for (int i = 0; i < w->lines; i++) {
		struct pricing_line *l = &b->lines[i];
		int sku = pick(state, SKUS);
		int64_t units = 1 + (pick(state, 4) == 0) * pick(state, (int)w->units);

		(void)snprintf(b->codes[i], sizeof(b->codes[i]), "s%d", sku);
		(void)snprintf(b->categories[i], sizeof(b->categories[i]), "c%d",
			       sku % w->categories);
		*l = (struct pricing_line){ .line = (uint32_t)i + 1,
					    .code = str_of(b->codes[i]),
					    .category = str_of(b->categories[i]),
					    .qty_milli = 1000 * units,
					    .vat_bp = 700 };
		l->unit_price_minor = 49 + 10 * (sku * 7919 % 120);
		l->amount_minor = l->unit_price_minor * units;
	}
}

/* An offer of a supermarket's mix on one category. */
static int
write_rule(char *at, size_t bytes, int id, int category, uint64_t *s)
{
	static const char *const forms[] = {
		"\"kind\":\"percent\",\"params\":{\"percent_bp\":%d}",
		"\"kind\":\"amount\",\"params\":{\"amount_minor\":%d}",
		"\"kind\":\"n_for_price\",\"params\":{\"units\":2,\"price_minor\":%d}",
		"\"kind\":\"n_for_price\",\"params\":{\"units\":3,\"price_minor\":%d}",
		"\"kind\":\"buy_get\",\"params\":{\"buy\":2,\"get\":1,\"percent_bp\":"
		"10000}",
		"\"kind\":\"buy_get\",\"params\":{\"buy\":1,\"get\":1,\"percent_bp\":"
		"5000}",
		"\"kind\":\"percent\",\"params\":{\"percent_bp\":%d,\"max_units\":2}",
		"\"kind\":\"fixed_price\",\"params\":{\"price_minor\":%d}",
	};
	int form = pick(s, 8), value = 0;
	char params[160];

	switch (form) {
	case 0:
	case 6:
		value = 500 * (1 + pick(s, 8));
		break;
	case 1:
		value = 10 + pick(s, 60);
		break;
	case 2:
		value = 150 + pick(s, 900);
		break;
	case 3:
		value = 300 + pick(s, 1200);
		break;
	default:
		value = 99 + pick(s, 800);
		break;
	}
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	(void)snprintf(params, sizeof(params), forms[form], value);
#pragma GCC diagnostic pop
	return snprintf(
		at, bytes,
		"%s\n{\"id\":\"offer%04d\",%s,\"scope\":{\"category\":[\"c%d\"]}}",
		id > 0 ? "," : "", id, params, category);
}

static struct pricing_rules *
make_rules(const struct workload *w, const struct basket *b, uint64_t *state)
{
	static struct pricing_errors errors;
	struct arena *arena = arena_new(64u << 20);
	struct pricing_rules *rules = NULL;
	const struct value *v;
	char *text = malloc(TEXT_BYTES);
	size_t used;

	if (text == NULL || arena == NULL)
		abort();
	used = (size_t)snprintf(text, TEXT_BYTES,
				"{\"laned_rules\":1,\"currency\":\"EUR\",\"rules\":[");
	for (int i = 0; i < w->rules; i++) {
		int category = pick(state, w->categories);

		if (w->aimed)
			category = atoi(b->categories[pick(state, w->lines)] + 1);
		used += (size_t)write_rule(text + used, TEXT_BYTES - used, i, category,
					   state);
	}
	(void)snprintf(text + used, TEXT_BYTES - used, "]}");
	if (json_parse(arena, str_of(text), 0, &v, NULL) < 0 ||
	    pricing_rules_compile(v, &errors, &rules) < 0) {
		fprintf(stderr, "rules: %s\n", errors.list[0].what);
		exit(1);
	}
	free(text);
	arena_free(arena);
	return rules;
}

static double
now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); /* cannot fail */
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int
double_order(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void
run(const struct workload *w)
{
	static struct basket b;
	static double times[RUNS_MAX];
	struct timepoint at = { 0 };
	uint64_t state = 42, nodes = 0;
	int proven = 0;
	int64_t gap = 0, saving = 0;

	for (int i = 0; i < w->baskets; i++) {
		struct pricing_basket basket = {
			b.lines, (size_t)w->lines, { "", 0 }, { "", 0 }
		};
		struct pricing_rules *rules;
		struct pricing_result *r;
		double start;

		make_basket(&b, w, &state);
		rules = make_rules(w, &b, &state);
		start = now_us();
		if (pricing_price(rules, &basket, NULL, &at, NULL, &r) < 0)
			abort();
		times[i] = now_us() - start;
		proven += r->optimal;
		gap += r->gap_minor;
		saving += r->saving_minor;
		nodes += r->nodes;
		pricing_result_free(r);
		pricing_rules_free(rules);
	}
	qsort(times, (size_t)w->baskets, sizeof(times[0]), double_order);
	printf("%-22s %4d x %4d  median %9.1f us  p99 %9.1f us  worst %9.1f us  proven "
	       "%5.1f %%  gap %.3f %% of the saving  nodes %.0f\n",
	       w->name, w->lines, w->rules, times[w->baskets / 2],
	       times[w->baskets * 99 / 100], times[w->baskets - 1],
	       100.0 * proven / w->baskets,
	       saving > 0 ? 100.0 * (double)gap / (double)saving : 0.0,
	       (double)nodes / w->baskets);
	printf("{\"bench\":\"pricing\",\"workload\":\"%s\",\"median_us\":%.1f,"
	       "\"p99_us\":%.1f,\"worst_us\":%.1f,\"proven\":%.4f}\n",
	       w->name, times[w->baskets / 2], times[w->baskets * 99 / 100],
	       times[w->baskets - 1], (double)proven / w->baskets);
}

int
main(int argc, char **argv)
{
	static const struct workload workloads[] = {
		{ "scattered", 50, 200, 120, false, 4, 2000 },
		{ "aimed at the basket", 50, 200, 120, true, 4, 400 },
		{ "aimed, few categories", 50, 200, 12, true, 4, 100 },
		{ "quantities of 5", 50, 200, 120, false, 5, 500 },
		{ "quantities of 5000", 50, 200, 120, false, 5000, 500 },
		{ "large", 500, 2000, 120, false, 4, 20 },
	};

	(void)argv;
	for (size_t i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++)
		if (argc < 2 || strstr(workloads[i].name, argv[1]) != NULL)
			run(&workloads[i]);
	return 0;
}
