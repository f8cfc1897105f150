/* offers import, check, list; price: what store IT tries before a campaign goes live. */
#include "ctl/upload.h"

#include "base/clock.h"
#include "core/pricing/pricing_lines.h"
#include "core/pricing/pricing_value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RULES_BYTES_MAX (32u << 20)
#define SMALL_BYTES_MAX (4u << 20)
#define TREE_FACTOR 24u
#define CURRENCY_DEFAULT "EUR"
/* A tree takes several times its text; only a hostile text takes more than is allowed for. */
#define TOO_MANY_VALUES "more values than a file of this size should have"

/* ---- files ---------------------------------------------------------------------- */

/* A whole JSON file as a tree in *ret_arena, which the caller frees. 0 or an exit code, said. */
static int
read_json(const char *path, size_t bytes_max, struct arena **ret_arena,
	  const struct value **ret_value)
{
	struct json_error e = { 0 };
	struct arena *arena;
	size_t bytes = 0;
	char *data = NULL;
	int rc = ctl_read_file(path, bytes_max, &data, &bytes);

	if (rc != 0)
		return rc;
	arena = arena_new(bytes * TREE_FACTOR + 65536);
	rc = arena == NULL
		     ? -ENOMEM
		     : json_parse(arena, (struct str){ data, bytes }, 0, ret_value, &e);
	free(data);
	if (rc == 0) {
		*ret_arena = arena;
		return 0;
	}
	arena_free(arena);
	if (rc == -EBADMSG)
		return ctl_fail(CTL_DATA, "%s:%u:%u: %s", path, (unsigned)e.line,
				(unsigned)e.column, e.what);
	if (rc == -ENOMEM)
		return ctl_fail(CTL_DATA, "%s: " TOO_MANY_VALUES, path);
	return ctl_fail(CTL_INTERNAL, "%s: %s", path, strerror(-rc));
}

/* JSON Lines are read as one set: on its first line everything stands further right. */
static uint32_t
column_in(bool jsonl, uint32_t line, uint32_t column)
{
	return jsonl && line == 1 && column > PRICING_WRAP_COLUMNS
		       ? column - PRICING_WRAP_COLUMNS
		       : column;
}

static int
print_rule_errors(const char *path, const struct pricing_errors *errors, bool jsonl)
{
	for (uint32_t i = 0; i < errors->count; i++) {
		const struct pricing_error *e = &errors->list[i];

		fprintf(stderr, "%s:%u:%u: %s%s%s\n", path, (unsigned)e->line,
			(unsigned)column_in(jsonl, e->line, e->column), e->rule,
			e->rule[0] == '\0' ? "" : ": ", e->what);
	}
	return ctl_fail(CTL_DATA, "%s: %u errors", path, (unsigned)errors->total);
}

/* Rule text to a compiled set. 0 or an exit code, said. */
static int
compile_text(const char *path, struct str text, bool jsonl,
	     struct pricing_rules **ret_rules)
{
	struct pricing_errors *errors = calloc(1, sizeof(*errors));
	struct arena *arena = arena_new(text.n * TREE_FACTOR + 65536);
	const struct value *set = NULL;
	struct json_error e = { 0 };
	int rc = -ENOMEM, code = CTL_OK;

	if (errors != NULL && arena != NULL)
		rc = json_parse(arena, text, 0, &set, &e);
	if (rc == -EBADMSG) {
		code = ctl_fail(CTL_DATA, "%s:%u:%u: %s", path, (unsigned)e.line,
				(unsigned)column_in(jsonl, e.line, e.column), e.what);
	} else if (rc == 0) {
		rc = pricing_rules_compile(set, errors, ret_rules);
		if (rc == -EBADMSG)
			code = print_rule_errors(path, errors, jsonl);
	}
	if (rc == -ENOMEM)
		code = ctl_fail(CTL_DATA, "%s: " TOO_MANY_VALUES, path);
	else if (rc < 0 && rc != -EBADMSG)
		code = ctl_fail(CTL_INTERNAL, "%s: %s", path, strerror(-rc));
	arena_free(arena);
	free(errors);
	return code;
}

static int
read_rules(const char *path, struct pricing_rules **ret_rules)
{
	const char *format = ctl_format_of(path);
	bool jsonl = format != NULL && strcmp(format, "jsonl") == 0;
	struct str text = { NULL, 0 };
	char *data = NULL, *wrapped = NULL;
	int rc = ctl_read_file(path, RULES_BYTES_MAX, &data, &text.n);

	if (rc != 0)
		return rc;
	text.p = data;
	if (jsonl) {
		if (pricing_wrap_lines(text, CURRENCY_DEFAULT, &wrapped, &text.n) < 0)
			rc = ctl_fail(CTL_INTERNAL, "out of memory");
		text.p = wrapped;
	}
	if (rc == 0)
		rc = compile_text(path, text, jsonl, ret_rules);
	free(wrapped);
	free(data);
	return rc;
}

/* ---- offers ----------------------------------------------------------------------- */

static int
run_import(struct ctl *c, int argc, char **argv)
{
	struct upload u = { .kind = "offers" };

	u.check_only = ctl_flag(&argc, argv, "--check");
	u.format = ctl_option(&argc, argv, "--format");
	if (argc != 1)
		return ctl_fail(CTL_USAGE, "usage: lanectl offers import FILE [--check] "
					   "[--format json|jsonl]");
	u.path = argv[0];
	return ctl_upload(c, &u);
}

static int
run_check(struct ctl *c, int argc, char **argv)
{
	struct pricing_rules *rules = NULL;
	int rc;

	if (argc != 1)
		return ctl_fail(CTL_USAGE, "usage: lanectl offers check FILE");
	rc = read_rules(argv[0], &rules);
	if (rc != 0)
		return rc;
	if (c->json)
		printf("{\"rules\":%u}\n", (unsigned)pricing_rules_count(rules));
	else
		printf("%s: %u rules, fine\n", argv[0],
		       (unsigned)pricing_rules_count(rules));
	pricing_rules_free(rules);
	return CTL_OK;
}

static int
run_list(struct ctl *c, int argc, char **argv)
{
	const struct value *v = NULL, *list = NULL, *text = NULL;
	int rc;

	(void)argv;
	if (argc != 0)
		return ctl_fail(CTL_USAGE, "usage: lanectl offers list");
	rc = ctl_ask(c, "offers.list", NULL, &v);
	if (rc != 0)
		return rc;
	if (c->json)
		return ctl_print_json(c, v);
	if (value_get_array(v, "offers", &list) < 0)
		return CTL_OK;
	for (const struct value *e = list->first; e != NULL; e = e->next) {
		text = value_member(e, "text");
		printf("%-24s %-20s %s\n", ctl_text(e, "id"), ctl_text(e, "kind"),
		       ctl_text(text, "en"));
	}
	return CTL_OK;
}

/* ---- price -------------------------------------------------------------------------- */

struct price_input {
	struct pricing_rules *rules;
	struct arena *basket_arena, *member_arena, *lists;
	struct pricing_basket basket;
	struct pricing_member member;
	struct timepoint at;
};

static void
free_input(struct price_input *in)
{
	pricing_rules_free(in->rules);
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
read_input(struct price_input *in, const char *rules, const char *basket,
	   const char *member)
{
	const struct value *v = NULL;
	struct pricing_error e = { 0 };
	int rc = read_rules(rules, &in->rules);

	in->lists = arena_new(SMALL_BYTES_MAX * 4);
	if (rc == 0 && in->lists == NULL)
		rc = ctl_fail(CTL_INTERNAL, "out of memory");
	if (rc == 0)
		rc = read_json(basket, SMALL_BYTES_MAX, &in->basket_arena, &v);
	if (rc == 0)
		rc = said(basket,
			  pricing_basket_from_value(v, in->lists, &in->basket, &e), &e);
	if (rc != 0 || member == NULL)
		return rc;
	rc = read_json(member, SMALL_BYTES_MAX, &in->member_arena, &v);
	if (rc == 0)
		rc = said(member,
			  pricing_member_from_value(v, in->lists, &in->member, &e), &e);
	return rc;
}

static int
read_time(struct ctl *c, const char *at, struct timepoint *ret_now)
{
	struct timepoint local;
	int zone = 0;

	(void)c;
	if (clock_now("", 0, ret_now) < 0)
		return ctl_fail(CTL_INTERNAL, "no clock");
	if (at == NULL)
		return 0;
	if (rfc3339_parse(str_of(at), &ret_now->wall_ms, &zone) < 0)
		return ctl_fail(CTL_USAGE, "--at: YYYY-MM-DD[THH:MM[:SS]] is wanted");
	local = *ret_now;
	if (zone == 0) /* local time was given: as if UTC, so the offset is taken off */
		ret_now->wall_ms -= (int64_t)local.local_offset_s * 1000;
	ret_now->business_day = civil_yyyymmdd(ret_now->wall_ms, ret_now->local_offset_s);
	return 0;
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
			 pricing_rule_text(in->rules, r->rules[s->rule].id, STR("en")));
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
	json_cstr(o, "currency", pricing_rules_currency(in->rules));
	json_int(o, "gross", r->gross_minor);
	json_int(o, "total", r->total_minor);
	json_int(o, "saving", r->saving_minor);
	json_int(o, "saving_versus_stranger", r->saving_versus_stranger_minor);
	json_bool(o, "optimal", r->optimal);
	json_int(o, "gap", r->gap_minor);
	json_int(o, "nodes", (int64_t)r->nodes);
	put_lines(o, in, r);
	if (explain)
		put_trace(o, in, r);
	json_close(o);
	if (json_out_text(o, &text) < 0)
		return ctl_fail(CTL_INTERNAL, "the result cannot be printed");
	printf("%s\n", text.p);
	return CTL_OK;
}

static int
run_price(struct ctl *c, int argc, char **argv)
{
	const char *rules = ctl_option(&argc, argv, "--rules");
	const char *basket = ctl_option(&argc, argv, "--basket");
	const char *member = ctl_option(&argc, argv, "--member");
	const char *at = ctl_option(&argc, argv, "--at");
	bool explain = ctl_flag(&argc, argv, "--explain");
	struct price_input in = { .rules = NULL };
	struct pricing_result *result = NULL;
	int rc;

	if (rules == NULL || basket == NULL || argc != 0)
		return ctl_fail(CTL_USAGE,
				"usage: lanectl price --rules RULES.json --basket "
				"BASKET.json [--member MEMBER.json] [--at TIME] "
				"[--explain]");
	rc = read_time(c, at, &in.at);
	if (rc == 0)
		rc = read_input(&in, rules, basket, member);
	if (rc == 0) {
		int err = pricing_price(in.rules, &in.basket, &in.member, &in.at, NULL,
					&result);

		if (err < 0)
			rc = ctl_fail(CTL_DATA, "%s: %s", basket, strerror(-err));
	}
	if (rc == 0)
		rc = print_price(c, &in, result, explain);
	pricing_result_free(result);
	free_input(&in);
	return rc;
}

const struct ctl_command ctl_offer_commands[] = {
	{ "offers import", "FILE [--check] [--format F]",
	  "a whole rule set, all or nothing", run_import },
	{ "offers check", "FILE", "check a rule file, without laned", run_check },
	{ "offers list", "", "the offers of this lane", run_list },
	{ "price", "--rules R --basket B [--member M]", "price a basket, without laned",
	  run_price },
	{ NULL, NULL, NULL, NULL },
};
