#include "ctl/simulate_print.h"

#include "ctl/keyed.h"

#include <stdlib.h>
#include <string.h>

#define OUT_BYTES_MAX (64u << 20)
#define TOP_MAX 1000u

struct writer {
	const struct simulation *s;
	const struct simulate_print *p;
	struct json_out *o;  /* SIMULATE_JSON */
	const char *section; /* SIMULATE_CSV */
	struct str key;      /* of the row, SIMULATE_CSV */
	const char *currency;
	uint8_t digits;
};

/* ---- small things -------------------------------------------------------------------------- */

static const char *
amount(const struct writer *w, int64_t minor, char buf[32])
{
	if (money_format(buf, 32, minor, w->digits) < 0)
		buf[0] = '\0';
	return buf;
}

/* In tenths of a percent; 0 of nothing. */
static int64_t
per_mille(int64_t part, int64_t whole)
{
	int64_t value = 0;

	if (whole > 0 && money_muldiv(part, 1000, whole, ROUND_HALF_UP, &value) < 0)
		return 0;
	return value;
}

static void
put_percent(int64_t tenths)
{
	printf("%s%lld.%lld %%", tenths < 0 ? "-" : "", llabs((long long)tenths) / 10,
	       llabs((long long)tenths) % 10);
}

static int64_t
cost_of(const struct simulate_part *p)
{
	return p->saving_after - p->saving_before;
}

/* ---- JSON and CSV: named facts -------------------------------------------------------------- */

/* A field of CSV (RFC 4180). */
static void
put_csv(struct str s)
{
	bool quote = s.n > 0 && (s.p[0] == ' ' || s.p[s.n - 1] == ' ');

	for (size_t i = 0; i < s.n; i++)
		quote = quote || strchr("\",\r\n", s.p[i]) != NULL;
	if (quote)
		(void)putchar('"'); /* main() asks whether standard output took it all */
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"')
			(void)putchar('"');
		(void)putchar(s.p[i]);
	}
	if (quote)
		(void)putchar('"');
}

static void
csv_row(const struct writer *w, const char *name, struct str value)
{
	put_csv(str_of(w->section));
	(void)putchar(',');
	put_csv(w->key);
	(void)putchar(',');
	put_csv(str_of(name));
	(void)putchar(',');
	put_csv(value);
	(void)fputs("\r\n", stdout);
}

static void
fact_int(const struct writer *w, const char *name, int64_t value)
{
	char buf[32];

	if (w->o != NULL) {
		json_int(w->o, name, value);
		return;
	}
	(void)snprintf(buf, sizeof(buf), "%lld", (long long)value); /* fits */
	csv_row(w, name, str_of(buf));
}

static void
fact_money(const struct writer *w, const char *name, int64_t value)
{
	char minor[64], buf[32];

	if (w->o == NULL) {
		csv_row(w, name, str_of(amount(w, value, buf)));
		return;
	}
	(void)snprintf(minor, sizeof(minor), "%s_minor", name); /* names are short */
	json_int(w->o, minor, value);
}

static void
fact_str(const struct writer *w, const char *name, struct str value)
{
	if (w->o != NULL)
		json_str(w->o, name, value);
	else
		csv_row(w, name, value);
}

static void
open_part(struct writer *w, const char *name)
{
	if (w->o != NULL)
		json_open_object(w->o, name);
	w->section = name;
	w->key = (struct str){ "", 0 };
}

static void
close_part(struct writer *w)
{
	if (w->o != NULL)
		json_close(w->o);
}

static void
open_list(struct writer *w, const char *name)
{
	if (w->o != NULL)
		json_open_array(w->o, name);
	w->section = name;
}

static void
open_row(struct writer *w, const char *name, struct str key)
{
	w->key = key;
	if (w->o == NULL)
		return;
	json_open_object(w->o, NULL);
	json_str(w->o, name, key);
}

static void
facts_of_part(struct writer *w, const char *name, const struct simulate_part *p)
{
	open_part(w, name);
	fact_int(w, "baskets", (int64_t)p->baskets);
	fact_int(w, "gain", (int64_t)p->gain);
	fact_int(w, "lose", (int64_t)p->lose);
	fact_money(w, "turnover", p->turnover);
	fact_money(w, "saving_before", p->saving_before);
	fact_money(w, "saving_after", p->saving_after);
	fact_money(w, "cost", cost_of(p));
	fact_int(w, "points_before", p->points_before);
	fact_int(w, "points_after", p->points_after);
	close_part(w);
}

static int64_t
mean_gain(const struct simulation *s)
{
	int64_t mean = 0;

	if (s->all.gain > 0 &&
	    money_muldiv(s->gain_sum, 1, (int64_t)s->all.gain, ROUND_HALF_UP, &mean) < 0)
		return 0;
	return mean;
}

static const char *
common_reason(const struct simulate_rule *r)
{
	enum pricing_reason most = PRICING_APPLIED;

	for (enum pricing_reason i = PRICING_APPLIED; i <= PRICING_BEATEN; i++)
		if (r->reasons[i] > r->reasons[most])
			most = i;
	return r->reasons[most] == 0 ? "" : pricing_reason_name(most);
}

static struct str
rule_id(const struct rulefile *f, uint32_t i)
{
	struct str id = { "", 0 };

	(void)value_get_str(f->list[i], "id", SIZE_MAX, &id); /* it compiles */
	return id;
}

static void
facts_of_rules(struct writer *w, const char *name, const struct rulefile *f,
	       const struct simulate_rule *rules)
{
	open_list(w, name);
	for (uint32_t i = 0; f != NULL && i < f->count; i++) {
		struct str kind = { "", 0 };

		(void)value_get_str(f->list[i], "kind", SIZE_MAX, &kind);
		open_row(w, "id", rule_id(f, i));
		fact_str(w, "kind", kind);
		fact_int(w, "applications", (int64_t)rules[i].applications);
		fact_int(w, "baskets", (int64_t)rules[i].baskets);
		fact_money(w, "discount", rules[i].discount);
		if (rules[i].baskets == 0)
			fact_str(w, "mostly", str_of(common_reason(&rules[i])));
		close_part(w);
	}
	if (w->o != NULL)
		json_close(w->o);
}

static void
facts_of_goods(struct writer *w, const char *name, const struct simulate_top *top,
	       uint32_t count)
{
	open_list(w, name);
	for (uint32_t i = 0; i < count; i++) {
		open_row(w, "key", top[i].key);
		fact_int(w, "baskets", (int64_t)top[i].good->baskets);
		fact_money(w, "turnover", top[i].good->turnover);
		fact_money(w, "gain", top[i].good->gain);
		close_part(w);
	}
	if (w->o != NULL)
		json_close(w->o);
}

static void
facts_of_examples(struct writer *w, const char *name, const struct simulate_example *list,
		  uint32_t count)
{
	open_list(w, name);
	for (uint32_t i = 0; i < count; i++) {
		open_row(w, "id", str_of(list[i].id));
		fact_money(w, "turnover", list[i].turnover);
		fact_money(w, "gain", list[i].gain);
		close_part(w);
	}
	if (w->o != NULL)
		json_close(w->o);
}

static void
facts_of_all(struct writer *w)
{
	const struct simulation *s = w->s;

	open_part(w, "summary");
	fact_str(w, "currency", str_of(w->currency));
	fact_int(w, "lines", (int64_t)s->lines);
	fact_int(w, "unreadable", (int64_t)w->p->faults);
	fact_int(w, "refused", (int64_t)s->refused);
	fact_int(w, "not_proven_before", (int64_t)s->not_proven_before);
	fact_int(w, "not_proven_after", (int64_t)s->not_proven_after);
	fact_money(w, "gap_max", s->gap_max);
	fact_money(w, "gain_mean", mean_gain(s));
	fact_money(w, "gain_median", spread_quantile(s->gains, 500));
	fact_money(w, "gain_p95", spread_quantile(s->gains, 950));
	fact_money(w, "gain_max", s->best_count > 0 ? s->best[0].gain : 0);
	if (w->p->has_members)
		fact_int(w, "unknown_members", (int64_t)w->p->unknown);
	close_part(w);
	facts_of_part(w, "all", &s->all);
	facts_of_part(w, "members", &s->members);
	facts_of_part(w, "strangers", &s->strangers);
	facts_of_rules(w, "rules", s->options.after, s->rules_after);
	facts_of_rules(w, "rules_before", s->options.before, s->rules_before);
}

/* ---- for people ---------------------------------------------------------------------------------- */

static void
text_part(const struct writer *w, const char *name, const struct simulate_part *p)
{
	char cost[32], turnover[32];

	printf("%-18s %llu basket%s, %llu gain%s, turnover %s, cost %s (", name,
	       (unsigned long long)p->baskets, p->baskets == 1 ? "" : "s",
	       (unsigned long long)p->gain, p->gain == 1 ? "s" : "",
	       amount(w, p->turnover, turnover), amount(w, cost_of(p), cost));
	put_percent(per_mille(cost_of(p), p->turnover));
	printf(")\n");
}

static void
text_times(const struct simulation *s)
{
	struct civil first = civil_of(s->first_ms, 0), last = civil_of(s->last_ms, 0);

	if (s->has_times)
		printf(", %04d-%02d-%02d to %04d-%02d-%02d", (int)first.year, first.month,
		       first.day, (int)last.year, last.month, last.day);
}

static void
text_head(const struct writer *w)
{
	const struct simulation *s = w->s;
	const struct simulate_part *a = &s->all;
	char x[32], y[32], z[32], v[32];

	printf("%-18s %llu with %llu lines", "baskets", (unsigned long long)a->baskets,
	       (unsigned long long)s->lines);
	text_times(s);
	printf("\n%-18s %s %s\n", "turnover", amount(w, a->turnover, x), w->currency);
	printf("%-18s %s before, %s after\n", "saving", amount(w, a->saving_before, x),
	       amount(w, a->saving_after, y));
	printf("%-18s %s %s, ", "campaign cost", amount(w, cost_of(a), x), w->currency);
	put_percent(per_mille(cost_of(a), a->turnover));
	printf(" of the turnover\n%-18s %llu of %llu baskets (", "who gains",
	       (unsigned long long)a->gain, (unsigned long long)a->baskets);
	put_percent(per_mille((int64_t)a->gain, (int64_t)a->baskets));
	printf("); %llu lose%s\n", (unsigned long long)a->lose, a->lose == 1 ? "s" : "");
	if (a->gain > 0)
		printf("%-18s mean %s, median %s, 95 %% at most %s, most %s\n",
		       "  of those", amount(w, mean_gain(s), x),
		       amount(w, spread_quantile(s->gains, 500), y),
		       amount(w, spread_quantile(s->gains, 950), z),
		       amount(w, s->best[0].gain, v));
	text_part(w, "members", &s->members);
	text_part(w, "strangers", &s->strangers);
	if (a->points_before + a->points_after > 0)
		printf("%-18s %lld before, %lld after\n", "points earned",
		       (long long)a->points_before, (long long)a->points_after);
	if (w->p->unknown > 0)
		printf("%-18s %llu baskets of numbers that the members' file does not "
		       "have\n",
		       "unknown", (unsigned long long)w->p->unknown);
	printf("%-18s %llu of %llu baskets", "best price proven",
	       (unsigned long long)(a->baskets - s->not_proven_after),
	       (unsigned long long)a->baskets);
	if (s->not_proven_after > 0)
		printf("; another could be at most %s cheaper", amount(w, s->gap_max, x));
	printf("\n");
	if (s->refused + w->p->faults > 0)
		printf("%-18s %llu unreadable, %llu outside the engine's ranges\n",
		       "left out", (unsigned long long)w->p->faults,
		       (unsigned long long)s->refused);
}

static void
text_rules(const struct writer *w, const char *title, const struct rulefile *f,
	   const struct simulate_rule *rules)
{
	if (f == NULL || f->count == 0)
		return;
	printf("\n%-24s %10s %10s %12s\n", title, "applied", "baskets", "discount");
	for (uint32_t i = 0; i < f->count; i++) {
		struct str id = rule_id(f, i);
		struct str text = pricing_rule_text(f->rules, id, w->p->language);
		char x[32];

		printf("%-24.*s %10llu %10llu %12s  ", (int)id.n, id.p,
		       (unsigned long long)rules[i].applications,
		       (unsigned long long)rules[i].baskets,
		       amount(w, rules[i].discount, x));
		if (rules[i].baskets == 0)
			printf("never: mostly %s\n", common_reason(&rules[i]));
		else
			printf("%.*s\n", (int)text.n, text.p);
	}
}

static void
text_goods(const struct writer *w, const char *title, const struct simulate_top *top,
	   uint32_t count)
{
	char x[32], y[32];

	if (count > 0)
		printf("\n%-35s %10s %12s %12s\n", title, "baskets", "turnover", "gain");
	for (uint32_t i = 0; i < count; i++)
		printf("%-35.*s %10llu %12s %12s\n", (int)top[i].key.n, top[i].key.p,
		       (unsigned long long)top[i].good->baskets,
		       amount(w, top[i].good->turnover, x),
		       amount(w, top[i].good->gain, y));
}

static void
text_examples(const struct writer *w, const char *title,
	      const struct simulate_example *list, uint32_t count)
{
	char x[32], y[32];

	if (count > 0)
		printf("\n%-46s %12s %12s\n", title, "turnover", "gain");
	for (uint32_t i = 0; i < count; i++)
		printf("%-46s %12s %12s\n", list[i].id, amount(w, list[i].turnover, x),
		       amount(w, list[i].gain, y));
}

/* ---- all of it ------------------------------------------------------------------------------------ */

static int
print_json(struct writer *w, const struct simulate_top *codes, uint32_t codes_count,
	   const struct simulate_top *categories, uint32_t categories_count)
{
	struct str text;
	int rc = CTL_OK;

	w->o = json_out_new(OUT_BYTES_MAX);
	if (w->o == NULL)
		return ctl_fail(CTL_INTERNAL, "out of memory");
	json_open_object(w->o, NULL);
	facts_of_all(w);
	facts_of_goods(w, "categories", categories, categories_count);
	facts_of_goods(w, "articles", codes, codes_count);
	facts_of_examples(w, "best", w->s->best, w->s->best_count);
	facts_of_examples(w, "worst", w->s->worst, w->s->worst_count);
	json_close(w->o);
	if (json_out_text(w->o, &text) < 0)
		rc = ctl_fail(CTL_INTERNAL, "the result cannot be printed");
	else
		printf("%s\n", text.p);
	json_out_free(w->o);
	return rc;
}

static void
print_csv(struct writer *w, const struct simulate_top *codes, uint32_t codes_count,
	  const struct simulate_top *categories, uint32_t categories_count)
{
	printf("section,key,name,value\r\n");
	facts_of_all(w);
	facts_of_goods(w, "categories", categories, categories_count);
	facts_of_goods(w, "articles", codes, codes_count);
	facts_of_examples(w, "best", w->s->best, w->s->best_count);
	facts_of_examples(w, "worst", w->s->worst, w->s->worst_count);
}

static void
print_text(struct writer *w, const struct simulate_top *codes, uint32_t codes_count,
	   const struct simulate_top *categories, uint32_t categories_count)
{
	const struct simulation *s = w->s;

	text_head(w);
	text_rules(w, "RULE", s->options.after, s->rules_after);
	text_rules(w, "RULE BEFORE", s->options.before, s->rules_before);
	text_goods(w, "CATEGORY", categories, categories_count);
	text_goods(w, "ARTICLE", codes, codes_count);
	if (s->goods_left_out)
		printf("(of the first %u different ones)\n", SIMULATE_GOODS_MAX);
	text_examples(w, "GAINS MOST", s->best, s->best_count);
	text_examples(w, "LOSES MOST", s->worst, s->worst_count);
}

int
simulate_print(const struct simulation *s, const struct simulate_print *p)
{
	struct writer w = { .s = s, .p = p, .digits = s->options.after->digits };
	uint32_t max = p->top < TOP_MAX ? p->top : TOP_MAX, n_codes, n_categories;
	struct simulate_top *codes = calloc((size_t)max * 2 + 1, sizeof(*codes));
	struct simulate_top *categories;
	int rc = CTL_OK;

	if (codes == NULL)
		return ctl_fail(CTL_INTERNAL, "out of memory");
	categories = codes + max;
	w.currency = pricing_rules_currency(s->options.after->rules);
	n_codes = simulate_top(s->codes, codes, max);
	n_categories = simulate_top(s->categories, categories, max);
	switch (p->form) {
	case SIMULATE_TEXT:
		print_text(&w, codes, n_codes, categories, n_categories);
		break;
	case SIMULATE_JSON:
		rc = print_json(&w, codes, n_codes, categories, n_categories);
		break;
	case SIMULATE_CSV:
		print_csv(&w, codes, n_codes, categories, n_categories);
		break;
	}
	free(codes);
	return rc;
}
