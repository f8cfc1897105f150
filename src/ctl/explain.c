#include "ctl/explain.h"

#include "ctl/ruletext.h"

#include <stdio.h>
#include <string.h>

#define LINE_BYTES 2048u
#define SMALL_BYTES 64u

struct telling {
	FILE *out;
	const struct rulefile *file;
	const struct pricing_basket *basket;
	const struct pricing_result *result;
	struct ruletext text;
	struct str language;
	char line[LINE_BYTES];
	struct strbuf b;
};

static void
begin(struct telling *t)
{
	strbuf_init(&t->b, t->line, sizeof(t->line));
}

static void
end(struct telling *t)
{
	fprintf(t->out, "%s\n", t->line);
}

static void
say(struct telling *t, const char *phrase, const char *a, const char *b)
{
	const char *const values[] = { a, b };

	phrase_put(&t->b, phrase, values);
}

/* Texts from outside, without what plays with a terminal. */
static void
put(struct telling *t, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= ' ' && s.p[i] != 0x7f)
			strbuf_add(&t->b, (struct str){ s.p + i, 1 });
}

/* In the language ("de-AT"), in what it is a part of ("de"), or in English. */
static struct str
rule_text(const struct pricing_rules *rules, struct str id, struct str language)
{
	const char *dash = memchr(language.p, '-', language.n);
	struct str text;

	if (pricing_rule_text_in(rules, id, language, &text) == 0)
		return text;
	if (dash != NULL)
		language.n = (size_t)(dash - language.p);
	return pricing_rule_text(rules, id, language);
}

/* "Ten percent off (ten)" */
static void
put_rule(struct telling *t, struct str id)
{
	struct str text = rule_text(t->file->rules, id, t->language);

	put(t, text);
	if (str_eq(text, id))
		return;
	strbuf_add(&t->b, STR(" ("));
	put(t, id);
	strbuf_add(&t->b, STR(")"));
}

static const char *
number(char buf[SMALL_BYTES], int64_t i)
{
	(void)snprintf(buf, SMALL_BYTES, "%lld", (long long)i); /* fits */
	return buf;
}

/* What a line is called: its code, or a dash. */
static const char *
code_of(const struct pricing_line *l, char buf[SMALL_BYTES * 4])
{
	struct strbuf b;

	strbuf_init(&b, buf, SMALL_BYTES * 4);
	for (size_t i = 0; i < l->code.n; i++)
		if ((unsigned char)l->code.p[i] >= ' ' && l->code.p[i] != 0x7f)
			strbuf_add(&b, (struct str){ l->code.p + i, 1 });
	return b.used == 0 ? "-" : buf;
}

static void
tell_share(struct telling *t, const struct pricing_share *s)
{
	const struct phrases *p = t->text.phrases;
	const struct pricing_line *l = &t->basket->lines[s->line_index];
	bool measured = l->weighed || s->qty_milli % 1000 != 0;
	char line[SMALL_BYTES], code[SMALL_BYTES * 4], qty[SMALL_BYTES];
	const char *const values[] = { qty, number(line, l->line), code_of(l, code),
				       ruletext_money(&t->text, s->discount_minor) };

	if (!measured)
		(void)number(qty, s->qty_milli / 1000);
	else if (money_format(qty, sizeof(qty), s->qty_milli, 3) < 0)
		qty[0] = '\0';
	begin(t);
	strbuf_add(&t->b, STR("    "));
	phrase_put(&t->b, measured ? p->weighed : p->units, values);
	end(t);
}

static void
tell_applied(struct telling *t)
{
	const struct phrases *p = t->text.phrases;
	bool any = false;

	for (uint32_t i = 0; i < t->result->rules_count; i++) {
		const struct pricing_rule_result *r = &t->result->rules[i];
		char times[SMALL_BYTES];

		if (r->reason != PRICING_APPLIED)
			continue;
		if (!any)
			fprintf(t->out, "\n%s\n", p->applied);
		any = true;
		begin(t);
		strbuf_add(&t->b, STR("  "));
		put_rule(t, r->id);
		strbuf_add(&t->b, STR(": "));
		if (r->points > 0)
			say(t, p->points, number(times, r->points), "");
		else
			say(t, p->off, ruletext_money(&t->text, r->discount_minor), "");
		if (r->applications > 1 && r->points == 0)
			say(t, p->times, number(times, r->applications), "");
		end(t);
		for (size_t k = 0; k < t->result->shares_count; k++)
			if (t->result->shares[k].rule == i)
				tell_share(t, &t->result->shares[k]);
	}
}

static const char *
why(const struct phrases *p, enum pricing_reason reason)
{
	switch (reason) {
	case PRICING_NOT_IN_SCOPE:
		return p->why_scope;
	case PRICING_CONDITION:
		return p->why_condition;
	case PRICING_NOT_MEMBER:
		return p->why_member;
	case PRICING_NOT_GROUP:
		return p->why_group;
	case PRICING_NO_COUPON:
		return p->why_coupon;
	case PRICING_TIME:
		return p->why_time;
	case PRICING_PLACE:
		return p->why_place;
	case PRICING_LIMIT:
		return p->why_limit;
	case PRICING_NO_SAVING:
		return p->why_saving;
	case PRICING_BEATEN:
	case PRICING_APPLIED:
		break;
	}
	return p->why_beaten;
}

/* What the rule asks for, where that is why it did not apply. */
static void
put_detail(struct telling *t, const struct value *rule, enum pricing_reason reason)
{
	char detail[LINE_BYTES / 2];
	struct strbuf b;

	strbuf_init(&b, detail, sizeof(detail));
	if (reason == PRICING_CONDITION)
		ruletext_condition(&t->text, rule, &b);
	else if (reason == PRICING_NOT_GROUP || reason == PRICING_NO_COUPON)
		ruletext_who(&t->text, rule, &b);
	else if (reason == PRICING_TIME || reason == PRICING_PLACE)
		ruletext_when(&t->text, rule, &b);
	else if (reason == PRICING_LIMIT)
		ruletext_limits(&t->text, rule, &b);
	else if (reason == PRICING_NOT_IN_SCOPE)
		ruletext_scope(&t->text, rule, &b);
	if (b.used > 0)
		strbuf_addf(&t->b, " (%s)", detail);
}

static void
tell_rejected(struct telling *t)
{
	const struct phrases *p = t->text.phrases;
	bool any = false;

	for (uint32_t i = 0; i < t->result->rules_count; i++) {
		const struct pricing_rule_result *r = &t->result->rules[i];

		if (r->reason == PRICING_APPLIED)
			continue;
		if (!any)
			fprintf(t->out, "\n%s\n", p->not_applied);
		any = true;
		begin(t);
		strbuf_add(&t->b, STR("  "));
		put_rule(t, r->id);
		strbuf_add(&t->b, STR(": "));
		strbuf_add(&t->b, str_of(why(p, r->reason)));
		put_detail(t, t->file->list[i], r->reason);
		end(t);
	}
}

static void
tell_hints(struct telling *t)
{
	const struct phrases *p = t->text.phrases;
	bool any = false;

	for (uint32_t i = 0; i < t->result->rules_count; i++) {
		const struct pricing_rule_result *r = &t->result->rules[i];
		char line[SMALL_BYTES], code[SMALL_BYTES * 4];
		const struct pricing_line *l;

		if (!r->missed_by_one)
			continue;
		if (!any)
			fprintf(t->out, "\n%s\n", p->almost);
		any = true;
		l = &t->basket->lines[r->hint_line_index];
		const char *const values[] = { number(line, l->line), code_of(l, code),
					       ruletext_money(&t->text,
							      r->hint_saving_minor) };

		begin(t);
		strbuf_add(&t->b, STR("  "));
		put_rule(t, r->id);
		strbuf_add(&t->b, STR(": "));
		phrase_put(&t->b, p->one_more, values);
		end(t);
	}
}

/* Points are no part of the price: they are told apart from it. */
static void
tell_points(struct telling *t)
{
	const struct pricing_result *r = t->result;
	char points[SMALL_BYTES];

	if (r->points_earned > 0) {
		begin(t);
		say(t, t->text.phrases->earned, number(points, r->points_earned), "");
		end(t);
	}
	if (r->burn.points > 0) {
		begin(t);
		say(t, t->text.phrases->burn, number(points, r->burn.points),
		    ruletext_money(&t->text, r->burn.worth_minor));
		end(t);
	}
}

static void
tell_total(struct telling *t)
{
	const struct phrases *p = t->text.phrases;
	const struct pricing_result *r = t->result;

	begin(t);
	say(t, p->to_pay, ruletext_money(&t->text, r->total_minor),
	    pricing_rules_currency(t->file->rules));
	if (r->saving_minor > 0)
		say(t, p->saved, ruletext_money(&t->text, r->gross_minor),
		    ruletext_money(&t->text, r->saving_minor));
	else
		strbuf_add(&t->b, str_of(p->nothing_saved));
	strbuf_add(&t->b, STR("."));
	end(t);
	begin(t);
	if (r->optimal)
		strbuf_add(&t->b, str_of(p->proven));
	else
		say(t, p->not_proven, ruletext_money(&t->text, r->gap_minor), "");
	end(t);
	if (r->saving_versus_stranger_minor > 0) {
		begin(t);
		say(t, p->by_membership,
		    ruletext_money(&t->text, r->saving_versus_stranger_minor), "");
		end(t);
	}
	tell_points(t);
}

void
explain_print(FILE *out, const struct rulefile *file, const struct pricing_basket *basket,
	      const struct pricing_result *result, struct str language)
{
	struct telling t = { .out = out,
			     .file = file,
			     .basket = basket,
			     .result = result,
			     .text = { phrases_of(language), file->digits },
			     .language = language };

	tell_total(&t);
	tell_applied(&t);
	tell_hints(&t);
	tell_rejected(&t);
}
