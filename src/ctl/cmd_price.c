/* price: what store IT tries before a campaign goes live. */
#include "ctl/cmd_offers.h"

#include "core/pricing/pricing_value.h"
#include "ctl/explain.h"
#include "ctl/rulefile.h"

#include <errno.h>
#include <string.h>

#define SMALL_BYTES_MAX (4u << 20)

struct price_input {
	struct rulefile file;
	struct arena *basket_arena, *member_arena, *lists;
	struct pricing_basket basket;
	struct pricing_member member;
	struct timepoint at;
	struct str language; /* of the rules' texts */
};

static void
free_input(struct price_input *in)
{
	rulefile_free(&in->file);
	arena_free(in->basket_arena);
	arena_free(in->member_arena);
	arena_free(in->lists);
}

static int
said(const char *path, int rc, const struct pricing_error *e)
{
	if (rc == -EBADMSG)
		return ctl_fail(CTL_DATA, "%s:%u:%u: %s", path, (unsigned)e->line,
				(unsigned)e->column, e->what);
	return rc < 0 ? ctl_fail(CTL_INTERNAL, "%s: %s", path, strerror(-rc)) : 0;
}

static int
read_input(struct price_input *in, const char *rules, const char *currency,
	   const char *basket, const char *member)
{
	const struct value *v = NULL;
	struct pricing_error e = { 0 };
	int rc = rulefile_read(rules, NULL, currency, &in->file);

	in->lists = arena_new(SMALL_BYTES_MAX * 4);
	if (rc == 0 && in->lists == NULL)
		rc = ctl_fail(CTL_INTERNAL, "out of memory");
	if (rc == 0)
		rc = ctl_read_json(basket, SMALL_BYTES_MAX, &in->basket_arena, &v);
	if (rc == 0)
		rc = said(basket,
			  pricing_basket_from_value(v, in->lists, &in->basket, &e), &e);
	if (rc != 0 || member == NULL)
		return rc;
	rc = ctl_read_json(member, SMALL_BYTES_MAX, &in->member_arena, &v);
	if (rc == 0)
		rc = said(member,
			  pricing_member_from_value(v, in->lists, &in->member, &e), &e);
	return rc;
}

static void
put_lines(struct json_out *o, const struct price_input *in,
	  const struct pricing_result *r)
{
	json_open_array(o, "lines");
	for (size_t i = 0; i < in->basket.lines_count; i++) {
		json_open_object(o, NULL);
		json_int(o, "line", in->basket.lines[i].line);
		json_int(o, "amount", in->basket.lines[i].amount_minor);
		json_int(o, "net", r->line_net_minor[i]);
		json_close(o);
	}
	json_close(o);
	json_open_array(o, "discounts");
	for (size_t i = 0; i < r->shares_count; i++) {
		const struct pricing_share *s = &r->shares[i];

		json_open_object(o, NULL);
		json_int(o, "line", in->basket.lines[s->line_index].line);
		json_str(o, "rule", r->rules[s->rule].id);
		json_int(o, "qty_milli", s->qty_milli);
		json_int(o, "amount", s->discount_minor);
		json_str(o, "text",
			 pricing_rule_text(in->file.rules, r->rules[s->rule].id,
					   STR("en")));
		json_close(o);
	}
	json_close(o);
}

static void
put_trace(struct json_out *o, const struct price_input *in,
	  const struct pricing_result *r)
{
	json_open_array(o, "rules");
	for (size_t i = 0; i < r->rules_count; i++) {
		const struct pricing_rule_result *x = &r->rules[i];

		json_open_object(o, NULL);
		json_str(o, "id", x->id);
		json_cstr(o, "reason", pricing_reason_name(x->reason));
		json_int(o, "applications", x->applications);
		json_int(o, "discount", x->discount_minor);
		if (x->points > 0)
			json_int(o, "points", x->points);
		if (x->missed_by_one) {
			json_int(o, "one_more_of_line",
				 in->basket.lines[x->hint_line_index].line);
			json_int(o, "one_more_saves", x->hint_saving_minor);
		}
		json_close(o);
	}
	json_close(o);
}

static int
print_price(struct ctl *c, const struct price_input *in, const struct pricing_result *r,
	    bool explain)
{
	struct json_out *o = ctl_params(c);
	struct str text;

	if (o == NULL)
		return ctl_fail(CTL_INTERNAL, "out of memory");
	json_cstr(o, "currency", pricing_rules_currency(in->file.rules));
	json_int(o, "gross", r->gross_minor);
	json_int(o, "total", r->total_minor);
	json_int(o, "saving", r->saving_minor);
	json_int(o, "saving_versus_stranger", r->saving_versus_stranger_minor);
	json_bool(o, "optimal", r->optimal);
	json_int(o, "gap", r->gap_minor);
	json_int(o, "nodes", (int64_t)r->nodes);
	json_int(o, "points_earned", r->points_earned);
	if (r->burn.points > 0) {
		json_open_object(o, "burn");
		json_str(o, "rule", r->rules[r->burn.rule].id);
		json_int(o, "points", r->burn.points);
		json_int(o, "worth", r->burn.worth_minor);
		json_close(o);
	}
	put_lines(o, in, r);
	if (explain)
		put_trace(o, in, r);
	json_close(o);
	if (json_out_text(o, &text) < 0)
		return ctl_fail(CTL_INTERNAL, "the result cannot be printed");
	printf("%s\n", text.p);
	return CTL_OK;
}

int
cmd_price(struct ctl *c, int argc, char **argv)
{
	const char *rules = ctl_option(&argc, argv, "--rules");
	const char *basket = ctl_option(&argc, argv, "--basket");
	const char *member = ctl_option(&argc, argv, "--member");
	const char *at = ctl_option(&argc, argv, "--at");
	const char *language = ctl_option(&argc, argv, "--language");
	const char *currency = ctl_option(&argc, argv, "--currency");
	bool explain = ctl_flag(&argc, argv, "--explain");
	struct price_input in = { .language =
					  str_of(language == NULL ? "en" : language) };
	struct pricing_result *result = NULL;
	int rc;

	if (rules == NULL || basket == NULL || argc != 0)
		return ctl_fail(CTL_USAGE,
				"usage: lanectl price --rules RULES --basket "
				"BASKET.json [--member MEMBER.json] [--at TIME] "
				"[--currency C] [--explain [--language L]]");
	rc = ctl_time("--at", at, "", &in.at);
	if (rc == 0)
		rc = read_input(&in, rules, currency, basket, member);
	if (rc == 0) {
		int err = pricing_price(in.file.rules, &in.basket, &in.member, &in.at,
					NULL, &result);

		if (err < 0)
			rc = ctl_fail(CTL_DATA, "%s: %s", basket, strerror(-err));
	}
	if (rc == 0 && explain && !c->json)
		explain_print(stdout, &in.file, &in.basket, result, in.language);
	else if (rc == 0)
		rc = print_price(c, &in, result, explain);
	pricing_result_free(result);
	free_input(&in);
	return rc;
}
