/*
 * How long a basket takes, in time on the processor, and what other ways of pricing lose on the
 * same baskets: 50 lines against 200 offers, scattered over 120 classes of goods or all aimed at
 * what is in the basket, and so on. Every basket has a rule set of its own, priced once, cold.
 * Beside ours: an integer program (GLPK), offers in the order of their list, and greedily the best
 * application first. Prints a table and a line of JSON for each workload.
 *
 *	bench_pricing [--log POSLOG.xml] [PART OF A WORKLOAD'S NAME]
 */
#include "core/pricing/pricing_session.h"
#include "offer_glpk.h"
#include "offer_log.h"
#include "offer_peers.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RUNS_MAX 20000
#define CHANGES 20 /* of each basket, in the incremental workload */
#define LOG_ROUNDS 10

struct workload {
	const char *name;
	struct load_shape shape;
	int baskets, by_glpk; /* of them, how many GLPK solves too */
	bool changes;         /* one line changes: what a session takes for that */
};

/* Times in microseconds. */
struct times {
	double us[RUNS_MAX];
	int count;
};

/* Saving that is lost against ours, in percent. */
struct loss {
	double sum, worst;
	int count;
};

struct figures {
	struct times ours, glpk;
	struct loss list_order, greedy;
	int proven, wrong;
	int64_t gap, saving;
	uint64_t nodes;
};

/* A basket as the engine takes it. */
struct goods {
	struct pricing_line lines[LOAD_LINES_MAX];
	char texts[LOAD_LINES_MAX][LOAD_TEXT_BYTES];
};

static double
now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); /* cannot fail */
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void
add_time(struct times *t, double us)
{
	if (t->count < RUNS_MAX)
		t->us[t->count++] = us;
}

static void
add_loss(struct loss *l, int64_t ours, int64_t theirs)
{
	double percent = 100.0 * (double)(ours - theirs) / (double)ours;

	l->sum += percent;
	l->count++;
	if (percent > l->worst)
		l->worst = percent;
}

static int
double_order(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* In thousandths of all; 1000: the worst. */
static double
quantile(const struct times *t, int thousandths)
{
	int at = t->count * thousandths / 1000;

	return t->count == 0 ? 0 : t->us[at < t->count ? at : t->count - 1];
}

static struct pricing_basket
fill(struct goods *g, const struct load_case *c)
{
	for (int i = 0; i < c->lines_count; i++)
		g->lines[i] = load_line(c, i, g->texts[i]);
	return (struct pricing_basket){ g->lines, (size_t)c->lines_count, STR(""),
					STR("") };
}

static void
count(struct figures *f, const struct pricing_result *r, double us)
{
	add_time(&f->ours, us);
	f->proven += r->optimal;
	f->gap += r->gap_minor;
	f->saving += r->saving_minor;
	f->nodes += r->nodes;
}

/* What others make of the basket. That one of them saves more than a proven best is a failure. */
static void
compare(struct figures *f, const struct load_case *c, const struct pricing_result *r,
	bool by_glpk)
{
	int64_t list = peers_list_order(c), greedy = peers_greedy(c), saving;
	double us;

	if (r->saving_minor > 0) {
		add_loss(&f->list_order, r->saving_minor, list);
		add_loss(&f->greedy, r->saving_minor, greedy);
	}
	if (r->optimal && (list > r->saving_minor || greedy > r->saving_minor))
		f->wrong++;
	if (!by_glpk || !glpk_saving(c, &saving, &us))
		return;
	add_time(&f->glpk, us);
	if (r->optimal ? saving != r->saving_minor : saving < r->saving_minor)
		f->wrong++;
}

static void
price_case(struct figures *f, const struct load_case *c, bool by_glpk)
{
	static struct goods goods;
	static const struct timepoint at;
	struct pricing_basket basket = fill(&goods, c);
	struct pricing_rules *rules = load_rules(c);
	struct pricing_result *r;
	double start = now_us();

	if (pricing_price(rules, &basket, NULL, &at, NULL, &r) < 0)
		abort();
	count(f, r, now_us() - start);
	compare(f, c, r, by_glpk);
	pricing_result_free(r);
	pricing_rules_free(rules);
}

/* A line changes its quantity, or is voided, or comes back. */
static double
change(struct pricing_session *s, const struct load_case *c, uint64_t *state,
       const struct pricing_result **ret_result)
{
	char text[LOAD_TEXT_BYTES];
	struct pricing_line line = load_line(c, load_pick(state, c->lines_count), text);
	bool voided = load_pick(state, 4) == 0;
	double start;
	int rc = 0;

	line.qty_milli = 1000 * (1 + load_pick(state, 4));
	line.amount_minor = line.unit_price_minor * line.qty_milli / 1000;
	start = now_us();
	if (!voided || pricing_session_void_line(s, line.line) < 0)
		rc = pricing_session_set_line(s, &line);
	if (rc < 0 || pricing_session_price(s, NULL, ret_result) < 0)
		abort();
	return now_us() - start;
}

static void
change_case(struct figures *f, const struct load_case *c, uint64_t *state)
{
	static struct goods goods;
	static const struct timepoint at;
	struct pricing_basket basket = fill(&goods, c);
	struct pricing_rules *rules = load_rules(c);
	struct pricing_session *s;
	const struct pricing_result *r;

	if (pricing_session_new(rules, NULL, &at, STR(""), STR(""), &s) < 0 ||
	    pricing_session_set_lines(s, basket.lines, basket.lines_count) < 0 ||
	    pricing_session_price(s, NULL, &r) < 0)
		abort();
	for (int i = 0; i < CHANGES; i++) {
		double us = change(s, c, state, &r);

		count(f, r, us);
	}
	pricing_session_free(s);
	pricing_rules_free(rules);
}

/* ---- what is printed ----------------------------------------------------- */

static void
print_times(const char *who, const struct times *t)
{
	printf("    %-10s median %9.1f us  p99 %9.1f us  worst %9.1f us", who,
	       quantile(t, 500), quantile(t, 990), quantile(t, 1000));
}

static void
print_loss(const char *who, const struct loss *l)
{
	printf("    %-10s loses  %9.2f %% of the saving on average, %.2f %% at worst\n",
	       who, l->sum / l->count, l->worst);
}

static void
print_json(const char *name, const struct figures *f)
{
	int n = f->ours.count;

	printf("{\"bench\":\"pricing\",\"workload\":\"%s\",\"median_us\":%.1f,"
	       "\"p99_us\":%.1f,\"worst_us\":%.1f,\"proven\":%.4f",
	       name, quantile(&f->ours, 500), quantile(&f->ours, 990),
	       quantile(&f->ours, 1000), (double)f->proven / n);
	if (f->glpk.count > 0)
		printf(",\"glpk_baskets\":%d,\"glpk_median_us\":%.1f,\"glpk_p99_us\":%."
		       "1f,"
		       "\"glpk_worst_us\":%.1f",
		       f->glpk.count, quantile(&f->glpk, 500), quantile(&f->glpk, 990),
		       quantile(&f->glpk, 1000));
	if (f->greedy.count > 0)
		printf(",\"list_order_loss_percent\":%.3f,\"list_order_loss_worst\":%.3f,"
		       "\"greedy_loss_percent\":%.3f,\"greedy_loss_worst\":%.3f",
		       f->list_order.sum / f->list_order.count, f->list_order.worst,
		       f->greedy.sum / f->greedy.count, f->greedy.worst);
	printf("}\n");
}

static void
print_figures(const char *name, const struct load_shape *shape, struct figures *f)
{
	int n = f->ours.count;

	qsort(f->ours.us, (size_t)n, sizeof(double), double_order);
	qsort(f->glpk.us, (size_t)f->glpk.count, sizeof(double), double_order);
	printf("%s: %d times, %d lines, %d offers\n", name, n, shape->lines,
	       shape->offers);
	print_times("ours", &f->ours);
	printf("  proven %.1f %%  gap %.3f %% of the saving  nodes %.0f\n",
	       100.0 * f->proven / n,
	       f->saving > 0 ? 100.0 * (double)f->gap / (double)f->saving : 0.0,
	       (double)f->nodes / n);
	if (f->glpk.count > 0) {
		print_times("GLPK", &f->glpk);
		printf("  of %d baskets\n", f->glpk.count);
	}
	if (f->greedy.count > 0) {
		print_loss("list order", &f->list_order);
		print_loss("greedy", &f->greedy);
	}
	if (f->wrong > 0)
		printf("    WRONG: %d baskets priced better by others than proven\n",
		       f->wrong);
	print_json(name, f);
	(void)fflush(stdout);
}

/* ---- workloads ----------------------------------------------------------- */

/* How many baskets came out wrong. */
static int
run(const struct workload *w)
{
	static struct load_case c;
	static struct figures f;
	uint64_t state = 42;

	memset(&f, 0, sizeof(f));
	for (int i = 0; i < w->baskets; i++) {
		load_basket(&c, &w->shape, &state);
		load_offers(&c, &w->shape, &state);
		if (w->changes)
			change_case(&f, &c, &state);
		else
			price_case(&f, &c, i < w->by_glpk);
	}
	print_figures(w->name, &w->shape, &f);
	return f.wrong;
}

/* The baskets of a real log, each with several draws of offers on what is in it. */
static int
run_log(const char *path)
{
	static struct figures f;
	struct load_shape shape = { .offers = 200, .aimed = true };
	struct load_case *baskets;
	int n = log_baskets(path, &baskets, &shape.classes);
	uint64_t state = 42;

	if (n == 0) {
		fprintf(stderr, "%s: no basket in it\n", path);
		return 1;
	}
	for (int i = 0; i < n; i++)
		shape.lines += baskets[i].lines_count;
	for (int i = 0; i < n * LOG_ROUNDS; i++) {
		load_offers(&baskets[i % n], &shape, &state);
		price_case(&f, &baskets[i % n], i < n);
	}
	shape.lines /= n;
	print_figures("real log", &shape, &f);
	free(baskets);
	return f.wrong;
}

int
main(int argc, char **argv)
{
	static const struct workload workloads[] = {
		{ "scattered", { 50, 200, 120, false, 4 }, 2000, 200, false },
		{ "aimed at the basket", { 50, 200, 120, true, 4 }, 400, 100, false },
		{ "aimed, few categories", { 50, 200, 12, true, 4 }, 100, 10, false },
		{ "quantities of 5", { 50, 200, 120, false, 5 }, 500, 50, false },
		{ "quantities of 5000", { 50, 200, 120, false, 5000 }, 500, 0, false },
		{ "one incremental change", { 50, 200, 120, false, 4 }, 200, 0, true },
		{ "20 000 offers", { 50, 20000, 12000, false, 4 }, 40, 0, false },
		{ "large", { 500, 2000, 120, false, 4 }, 20, 0, false },
	};
	const char *log = NULL, *part = "";
	int wrong = 0;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--log") == 0 && i + 1 < argc)
			log = argv[++i];
		else
			part = argv[i];
	}
	for (size_t i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++)
		if (strstr(workloads[i].name, part) != NULL)
			wrong += run(&workloads[i]);
	if (log != NULL && strstr("real log", part) != NULL)
		wrong += run_log(log);
	else if (log == NULL)
		fprintf(stderr,
			"SKIPPED: the real log's baskets; name a POSLog: --log FILE "
			"(make bench-pricing LOG=FILE)\n");
	return wrong > 0;
}
