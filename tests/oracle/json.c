#include "oracle/value.h"

#include <stdio.h>
#include <stdlib.h>

/* A case in the words of docs/promotions.md. */
static const char *const kind_names[] = { "percent",          "amount",
					  "fixed_price",      "n_for_price",
					  "buy_get",          "every_n",
					  "full_groups",      "pack",
					  "bundle",           "distinct_set",
					  "first_and_next",   "cheapest_percent",
					  "buy_get_cheapest", "buy_weight_get_weight",
					  "basket_percent",   "basket_amount",
					  "basket_tiers",     "points_earn",
					  "points_burn" };
_Static_assert(sizeof(kind_names) / sizeof(kind_names[0]) == ORACLE_KINDS, "a name each");

struct out {
	FILE *f;
	const char *comma;
};

static void
number(struct out *o, const char *name, int64_t value)
{
	fprintf(o->f, "%s\"%s\":%lld", o->comma, name, (long long)value);
	o->comma = ",";
}

static void
number_if(struct out *o, const char *name, int64_t value)
{
	if (value > 0)
		number(o, name, value);
}

static void
names(struct out *o, const char *name, char letter, uint64_t set)
{
	const char *comma = "";

	if (set == 0)
		return;
	fprintf(o->f, "%s\"%s\":[", o->comma, name);
	for (int i = 0; i < 64; i++)
		if ((set >> i & 1) != 0) {
			fprintf(o->f, "%s\"%c%d\"", comma, letter, i);
			comma = ",";
		}
	fputc(']', o->f);
	o->comma = ",";
}

static void
lists(struct out *o, const struct oracle_scope *s)
{
	if (s->category >= 0) {
		fprintf(o->f, "%s\"category\":[\"c%d\"]", o->comma, s->category);
		o->comma = ",";
	}
	names(o, "sku", 's', s->codes);
	names(o, "brand", 'b', s->brands);
}

static void
scope(FILE *f, const struct oracle_rule *r)
{
	struct out o = { f, "" };

	fputs("\"scope\":{", f);
	if (oracle_scope_is_all(&r->scope)) {
		fputs("\"all\":true", f);
		o.comma = ",";
	}
	lists(&o, &r->scope);
	number_if(&o, "price_min", r->scope.price_min);
	number_if(&o, "price_max", r->scope.price_max);
	if (r->scope.except_codes != 0 || r->scope.except_brands != 0) {
		fputs(",\"exclude\":{", f);
		o.comma = "";
		names(&o, "sku", 's', r->scope.except_codes);
		names(&o, "brand", 'b', r->scope.except_brands);
		fputc('}', f);
	}
	fprintf(f, "%s},", r->no_reduced ? ",\"exclude_reduced\":true" : "");
}

static void
reward(struct out *o, const char *prefix, struct oracle_reward r)
{
	static const char *const forms[] = { NULL, "percent_bp", "amount_minor",
					     "price_minor" };
	char name[32];

	if (r.form == ORACLE_NONE)
		return;
	(void)snprintf(name, sizeof(name), "%s%s", prefix, forms[r.form]); /* fits */
	number(o, name, r.value);
}

static void
tiers(struct out *o, const struct oracle_rule *r)
{
	const char *from = "min_spend_minor", *comma = "";
	const char *value =
		r->reward.form == ORACLE_BY_PERCENT ? "percent_bp" : "amount_minor";

	if (r->kind == ORACLE_DISTINCT)
		from = "units";
	else if (r->tiers_of_units)
		from = "min_units";
	fprintf(o->f, "%s\"%s\":[", o->comma,
		r->kind == ORACLE_DISTINCT ? "table" : "tiers");
	for (int i = 0; i < r->tiers_count; i++) {
		fprintf(o->f, "%s{\"%s\":%lld,\"%s\":%lld}", comma, from,
			(long long)r->tiers[i].from, value, (long long)r->tiers[i].value);
		comma = ",";
	}
	fputc(']', o->f);
	o->comma = ",";
}

static void
components(struct out *o, const struct oracle_rule *r)
{
	fprintf(o->f, "%s\"components\":[", o->comma);
	for (int i = 0; i < r->components_count; i++) {
		fputs(i > 0 ? ",{" : "{", o->f);
		o->comma = "";
		lists(o, &r->components[i].scope);
		number(o, "units", r->components[i].units);
		fputc('}', o->f);
	}
	fputc(']', o->f);
	o->comma = ",";
}

static void
kind_params(struct out *o, const struct oracle_rule *r)
{
	bool grams = r->kind == ORACLE_WEIGHT;

	if (r->kind == ORACLE_BURN) {
		number(o, "value_minor", r->reward.value);
		number_if(o, "min_points", r->least_points);
		number_if(o, "max_bp", r->most_bp);
	} else if (r->kind == ORACLE_EARN) {
		number_if(o, "per_minor", r->per_minor);
		number_if(o, "max_points", r->most_points);
	} else if (r->tiers_count > 0) {
		tiers(o, r);
	} else if (r->kind == ORACLE_FIRST_NEXT) {
		reward(o, "first_", r->first);
		reward(o, "next_", r->reward);
	} else {
		reward(o, "", r->reward);
	}
	if (r->components_count > 0)
		components(o, r);
	number_if(o, "points", r->points);
	number_if(o, "units", r->n);
	number_if(o, grams ? "buy_g" : "buy", r->buy);
	number_if(o, grams ? "get_g" : "get", r->get);
	number_if(o, "max_units", r->max_units);
	number_if(o, "cap_minor", r->cap);
}

static void
params(FILE *f, const struct oracle_rule *r)
{
	struct out o = { f, "" };

	fputs("\"params\":{", f);
	kind_params(&o, r);
	number_if(&o, "min_units", r->min_units);
	number_if(&o, r->over ? "over_spend_minor" : "min_spend_minor", r->spend);
	if (r->contains_units > 0) {
		fprintf(f, "%s\"contains\":{", o.comma);
		o.comma = "";
		lists(&o, &r->contains);
		number(&o, "units", r->contains_units);
		fputc('}', f);
	}
	if (r->cheapest_first && r->max_units > 0)
		fputs(",\"take\":\"cheapest\"", f);
	if (r->gross && (r->spend > 0 || r->kind == ORACLE_BASKET_TIERS))
		fputs(",\"spend_of\":\"gross\"", f);
	fputc('}', f);
}

static void
moment(struct out *o, const char *name, struct oracle_moment m)
{
	if (m.day == 0)
		return;
	fprintf(o->f, "%s\"%s\":\"2026-11-%02d", o->comma, name, m.day);
	if (m.minute >= 0)
		fprintf(o->f, "T%02d:%02d", m.minute / 60, m.minute % 60);
	fputc('"', o->f);
	o->comma = ",";
}

static void
when(FILE *f, const struct oracle_when *w)
{
	static const char *const days[] = { "mon", "tue", "wed", "thu",
					    "fri", "sat", "sun" };
	struct out o = { f, "" };
	const char *comma = "";

	if (w->from.day == 0 && w->to.day == 0 && w->days == 0 && w->hours_count == 0)
		return;
	fputs(",\"when\":{", f);
	moment(&o, "from", w->from);
	moment(&o, "to", w->to);
	if (w->days != 0) {
		fprintf(f, "%s\"days\":[", o.comma);
		for (int i = 0; i < 7; i++)
			if ((w->days >> i & 1) != 0) {
				fprintf(f, "%s\"%s\"", comma, days[i]);
				comma = ",";
			}
		fputc(']', f);
		o.comma = ",";
	}
	for (int i = 0; i < w->hours_count; i++)
		fprintf(f, "%s\"%02d:%02d-%02d:%02d\"%s",
			i > 0             ? ","
			: o.comma[0] != 0 ? ",\"hours\":["
					  : "\"hours\":[",
			w->hours[i].from / 60, w->hours[i].from % 60, w->hours[i].to / 60,
			w->hours[i].to % 60, i == w->hours_count - 1 ? "]" : "");
	fputc('}', f);
}

static void
limits(FILE *f, const struct oracle_rule *r)
{
	struct out o = { f, "" };

	fputs(",\"limits\":{", f);
	number_if(&o, "per_basket", r->uses);
	number_if(&o, "total", r->total);
	number_if(&o, "budget_minor", r->budget);
	fputc('}', f);
}

static void
rule(FILE *f, const struct oracle_rule *r)
{
	const char *comma = "";

	fprintf(f, "{\"id\":\"r%03d\",\"kind\":\"%s\",", r->id, kind_names[r->kind]);
	scope(f, r);
	params(f, r);
	when(f, &r->when);
	if (r->member || r->coupon > 0) {
		fprintf(f, ",\"who\":{%s", r->member ? "\"member\":true" : "");
		if (r->coupon > 0)
			fprintf(f, "%s\"coupon\":\"C%d\"", r->member ? "," : "",
				r->coupon);
		fputc('}', f);
	}
	if (r->uses > 0 || r->total > 0 || r->budget > 0)
		limits(f, r);
	fputs(",\"combine\":{", f);
	if (r->stack) {
		fputs("\"stack\":true", f);
		comma = ",";
	}
	if (r->group > 0) {
		fprintf(f, "%s\"group\":\"g%d\"", comma, r->group);
		comma = ",";
	}
	if (r->best || r->always)
		fprintf(f, "%s\"exclusive\":\"%s\"", comma, r->best ? "best" : "always");
	fputs("}}", f);
}

static void
line(FILE *f, const struct oracle_line *l)
{
	fprintf(f, "{\"line\":%d,", l->id);
	if (l->code >= 0)
		fprintf(f, "\"code\":\"s%d\",", l->code);
	fprintf(f, "\"category\":\"c%d/x\",", l->category);
	if (l->brand > 0)
		fprintf(f, "\"brand\":\"b%d\",", l->brand);
	if (l->grams > 0)
		fprintf(f, "\"qty_milli\":%d,%s", l->grams,
			l->weighed ? "\"weighed\":true," : "");
	else
		fprintf(f, "\"qty\":%d,", l->units);
	fprintf(f, "\"unit_price_minor\":%lld,\"amount_minor\":%lld,\"vat_bp\":%d",
		(long long)l->price, (long long)l->amount, l->vat_bp);
	if (l->floor > 0)
		fprintf(f, ",\"floor_minor\":%lld", (long long)l->floor);
	fprintf(f, "%s%s}", l->excluded ? ",\"excluded\":true" : "",
		l->reduced ? ",\"reduced\":true" : "");
}

static void
member(FILE *f, const struct oracle_case *c)
{
	const char *comma = "";

	fprintf(f, "{\"known\":%s,", c->known ? "true" : "false");
	if (c->points > 0)
		fprintf(f, "\"points\":%lld,", (long long)c->points);
	fputs("\"coupons\":[", f);
	for (int i = 1; i < 31; i++)
		if ((c->coupons >> i & 1) != 0) {
			fprintf(f, "%s\"C%d\"", comma, i);
			comma = ",";
		}
	fputs("],\"uses\":[", f);
	comma = "";
	for (int i = 0; i < c->rules_count; i++) {
		const struct oracle_rule *r = &c->rules[i];

		if (r->total_used == 0 && r->budget_used == 0)
			continue;
		fprintf(f, "%s{\"rule\":\"r%03d\",\"total\":%d", comma, r->id,
			r->total_used);
		if (r->budget_used > 0)
			fprintf(f, ",\"budget_minor\":%lld", (long long)r->budget_used);
		fputc('}', f);
		comma = ",";
	}
	fputs("]}", f);
}

static void
shuffle(int *order, int n, uint64_t *state)
{
	for (int i = 0; i < n; i++)
		order[i] = i;
	for (int i = n - 1; i > 0 && *state != 0; i--) {
		int k = oracle_pick(state, i + 1), swap = order[i];

		order[i] = order[k];
		order[k] = swap;
	}
}

/* Memory for texts: a test that has none left cannot go on. */
static FILE *
open_text(char **text, size_t *bytes)
{
	FILE *f = open_memstream(text, bytes);

	if (f == NULL)
		abort();
	return f;
}

static void
close_text(FILE *f)
{
	if (fclose(f) != 0)
		abort();
}

void
oracle_json(const struct oracle_case *c, uint64_t order_seed, struct oracle_text *ret)
{
	static const char *const roundings[] = { "half_up", "half_even", "down",
						 "net_half_up" };
	int order[ORACLE_RULES_MAX + ORACLE_LINES_MAX];
	uint64_t state = order_seed;
	size_t bytes[3];
	FILE *f = open_text(&ret->rules, &bytes[0]);

	fprintf(f,
		"{\"laned_rules\":1,\"currency\":\"EUR\",\"rounding\":\"%s\",\"rules\":[",
		roundings[c->rounding]);
	shuffle(order, c->rules_count, &state);
	for (int i = 0; i < c->rules_count; i++) {
		fputs(i > 0 ? ",\n" : "\n", f);
		rule(f, &c->rules[order[i]]);
	}
	fputs("]}", f);
	close_text(f);
	f = open_text(&ret->basket, &bytes[1]);
	fputs("{\"lines\":[", f);
	shuffle(order, c->lines_count, &state);
	for (int i = 0; i < c->lines_count; i++) {
		fputs(i > 0 ? ",\n" : "\n", f);
		line(f, &c->lines[order[i]]);
	}
	fputs("]}", f);
	close_text(f);
	f = open_text(&ret->member, &bytes[2]);
	member(f, c);
	close_text(f);
}

void
oracle_text_free(struct oracle_text *t)
{
	free(t->rules);
	free(t->basket);
	free(t->member);
	*t = (struct oracle_text){ NULL, NULL, NULL };
}

char *
oracle_command(const struct oracle_case *c)
{
	struct oracle_text t;
	char *text = NULL;
	size_t bytes;
	FILE *f = open_text(&text, &bytes);

	oracle_json(c, 0, &t);
	fprintf(f,
		"lanectl price --rules <(echo '%s') --basket <(echo '%s') --member "
		"<(echo '%s') --at 2026-11-%02dT%02d:%02d+01:00",
		t.rules, t.basket, t.member, c->now.day, c->now.minute / 60,
		c->now.minute % 60);
	close_text(f);
	oracle_text_free(&t);
	return text;
}
