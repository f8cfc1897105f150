/* What a rule set allows and a store hardly wants. */
#include "ctl/rulefile.h"

#include <stdarg.h>

#define DAY_MS INT64_C(86400000)
#define FAR_DAYS 1830 /* five years */
#define PERCENT_MUCH_BP 7500

struct check {
	const struct rulefile *file;
	const struct value *rule;
	int64_t local_ms; /* now on the store's clock */
	uint32_t found;
};

__attribute__((format(printf, 3, 4))) static void
warn(struct check *c, const struct value *at, const char *fmt, ...)
{
	va_list ap;

	if (at == NULL)
		at = c->rule;
	fprintf(stderr, "%s:%u:%u: warning: %s: ", c->file->path, (unsigned)at->line,
		(unsigned)at->column, ctl_text(c->rule, "id"));
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap); /* nothing to do about a closed terminal */
	va_end(ap);
	(void)fputc('\n', stderr);
	c->found++;
}

/* A date or time of the rule, local; with a zone it is near enough for a warning. */
static bool
time_of(const struct value *when, const char *name, int64_t *ret_ms)
{
	struct str text = { NULL, 0 };

	return value_get_str(when, name, SIZE_MAX, &text) == 0 &&
	       rfc3339_parse(text, ret_ms, NULL) == 0;
}

static void
check_when(struct check *c)
{
	const struct value *when = value_member(c->rule, "when");
	const struct value *days = value_member(when, "days");
	int64_t from = 0, to = 0;
	bool has_from = time_of(when, "from", &from), has_to = time_of(when, "to", &to);
	uint8_t seen = 0;

	if (has_to && to + DAY_MS <= c->local_ms)
		warn(c, value_member(when, "to"), "it is over: it will never apply");
	if (has_from && from > c->local_ms + FAR_DAYS * DAY_MS)
		warn(c, value_member(when, "from"),
		     "it begins in more than five years; is the date right?");
	if (!has_from || !has_to || days == NULL || to - from >= 7 * DAY_MS)
		return;
	for (int64_t t = from; t <= to; t += DAY_MS)
		seen |= (uint8_t)(1u << civil_of(t, 0).weekday);
	for (const struct value *d = days->first; d != NULL; d = d->next) {
		static const char *const names[7] = { "mon", "tue", "wed", "thu",
						      "fri", "sat", "sun" };
		unsigned i = 0;

		while (i < 7 && !str_is(d->s, names[i]))
			i++;
		if (i < 7 && (seen & (1u << i)) == 0)
			warn(c, d, "no %s lies between from and to", names[i]);
	}
}

/* Whether category b is a or lies below it. */
static bool
covers(struct str a, struct str b)
{
	return b.n >= a.n && str_eq(a, (struct str){ b.p, a.n }) &&
	       (b.n == a.n || b.p[a.n] == '/');
}

static void
check_scope(struct check *c)
{
	const struct value *scope = value_member(c->rule, "scope");
	const struct value *list = value_member(scope, "category");
	const struct value *out =
		value_member(value_member(scope, "exclude"), "category");

	if (list == NULL || out == NULL)
		return;
	for (const struct value *a = out->first; a != NULL; a = a->next)
		for (const struct value *b = list->first; b != NULL; b = b->next)
			if (covers(a->s, b->s))
				warn(c, b, "exclude takes all of %s out again", b->s.p);
}

static void
check_params(struct check *c)
{
	const struct value *params = value_member(c->rule, "params");
	const struct value *limits = value_member(c->rule, "limits");
	int64_t bp = 0, spend = 0, amount = 0, per_basket = 0, total = 0;
	struct str kind = { "", 0 };

	(void)value_get_str(c->rule, "kind", SIZE_MAX, &kind); /* it compiles */
	/* What is missing stays 0. */
	(void)value_get_int(params, "percent_bp", 0, INT64_MAX, &bp);
	(void)value_get_int(params, "min_spend_minor", 0, INT64_MAX, &spend);
	(void)value_get_int(params, "amount_minor", 0, INT64_MAX, &amount);
	(void)value_get_int(limits, "per_basket", 0, INT64_MAX, &per_basket);
	(void)value_get_int(limits, "total", 0, INT64_MAX, &total);
	if ((str_is(kind, "percent") || str_is(kind, "basket_percent")) &&
	    bp > PERCENT_MUCH_BP)
		warn(c, value_member(params, "percent_bp"),
		     "%lld.%02lld %% off all of it; is that meant?",
		     (long long)(bp / 100), (long long)(bp % 100));
	if (str_is(kind, "basket_amount") && spend > 0 && amount >= spend)
		warn(c, value_member(params, "amount_minor"),
		     "it takes off what must be spent, or more");
	if (total > 0 && per_basket > total)
		warn(c, value_member(limits, "per_basket"),
		     "per_basket is above total; it could never count");
}

static void
check_texts(struct check *c)
{
	if (value_member(c->rule, "text") == NULL)
		warn(c, NULL, "it has no text; the receipt will show its id");
}

uint32_t
rulefile_warn(const struct rulefile *f, const struct timepoint *now)
{
	struct check c = { .file = f,
			   .local_ms =
				   now->wall_ms + (int64_t)now->local_offset_s * 1000 };

	for (uint32_t i = 0; i < f->count; i++) {
		c.rule = f->list[i];
		check_when(&c);
		check_scope(&c);
		check_params(&c);
		check_texts(&c);
	}
	return c.found;
}
