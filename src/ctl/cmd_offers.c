/* offers import, check, list: a campaign on its way into the lane. */
#include "ctl/cmd_offers.h"

#include "base/clock.h"
#include "ctl/keyed.h"
#include "ctl/rulefile.h"
#include "ctl/ruletext.h"
#include "ctl/upload.h"

#include <string.h>

int
ctl_time(const char *option, const char *at, const char *zone, struct timepoint *ret_at)
{
	struct timepoint now;
	int32_t offset_s = 0;
	int zoned = 0;

	if (clock_now(zone, 0, &now) < 0)
		return ctl_fail(CTL_USAGE, "%s is no time zone", zone);
	*ret_at = now;
	if (at == NULL)
		return 0;
	if (rfc3339_parse(str_of(at), &ret_at->wall_ms, &zoned) < 0)
		return ctl_fail(CTL_USAGE, "%s: YYYY-MM-DD[THH:MM[:SS]] is wanted",
				option);
	/* The zone is known: these cannot fail. */
	(void)clock_zone_offset(zone, ret_at->wall_ms, &offset_s);
	if (zoned == 0) {
		int64_t local_ms = ret_at->wall_ms;

		(void)clock_zone_offset(zone, local_ms - (int64_t)offset_s * 1000,
					&offset_s);
		ret_at->wall_ms = local_ms - (int64_t)offset_s * 1000;
	}
	ret_at->local_offset_s = offset_s;
	ret_at->business_day = civil_yyyymmdd(ret_at->wall_ms, offset_s);
	return 0;
}

static int
run_import(struct ctl *c, int argc, char **argv)
{
	struct upload u = { .kind = "offers" };

	u.check_only = ctl_flag(&argc, argv, "--check");
	u.format = ctl_option(&argc, argv, "--format");
	if (argc != 1)
		return ctl_fail(CTL_USAGE, "usage: lanectl offers import FILE [--check] "
					   "[--format json|jsonl|csv]");
	u.path = argv[0];
	return ctl_upload(c, &u);
}

/* ---- check ------------------------------------------------------------------------------ */

#define CHECK_FILES_MAX 64

/* Ids that two of the files have: what each of them is, the set of both would not be. */
static uint32_t
shared_ids(const struct rulefile *files, int count, struct keyed *ids)
{
	uint32_t found = 0;

	for (int i = 0; i < count; i++)
		for (uint32_t k = 0; k < files[i].count; k++) {
			const struct value *rule = files[i].list[k];
			struct str id = { "", 0 };
			struct place {
				const char *path;
				uint32_t line;
			} * p;

			(void)value_get_str(rule, "id", SIZE_MAX, &id); /* it compiles */
			p = keyed_get(ids, id);
			if (p != NULL && p->path != NULL) {
				found++;
				fprintf(stderr,
					"%s:%u:%u: %s: the id is taken by the rule at "
					"%s:%u; give it another\n",
					files[i].path, (unsigned)rule->line,
					(unsigned)rule->column, ctl_text(rule, "id"),
					p->path, (unsigned)p->line);
			} else if (p != NULL) {
				p->path = files[i].path;
				p->line = rule->line;
			}
		}
	return found;
}

static int
check_together(const struct rulefile *files, int count)
{
	struct keyed *ids = keyed_new(2 * sizeof(char *), UINT32_MAX);
	uint32_t found = ids == NULL ? 0 : shared_ids(files, count, ids);

	keyed_free(ids);
	if (ids == NULL)
		return ctl_fail(CTL_INTERNAL, "out of memory");
	return found == 0 ? CTL_OK
			  : ctl_fail(CTL_DATA, "%u ids are in more than one file",
				     (unsigned)found);
}

static void
said_fine(struct ctl *c, const struct rulefile *files, int count, uint32_t warnings)
{
	uint32_t rules = 0;

	for (int i = 0; i < count; i++) {
		rules += files[i].count;
		if (!c->json)
			printf("%s: %u rules, fine\n", files[i].path,
			       (unsigned)files[i].count);
	}
	if (c->json)
		printf("{\"rules\":%u,\"warnings\":%u}\n", (unsigned)rules,
		       (unsigned)warnings);
}

static int
run_check(struct ctl *c, int argc, char **argv)
{
	const char *format = ctl_option(&argc, argv, "--format");
	const char *currency = ctl_option(&argc, argv, "--currency");
	const char *at = ctl_option(&argc, argv, "--at");
	struct rulefile files[CHECK_FILES_MAX];
	struct timepoint now;
	uint32_t warnings = 0;
	int rc, code = CTL_OK, count = 0;

	if (argc < 1 || argc > CHECK_FILES_MAX || ctl_unknown_option(argc, argv))
		return ctl_fail(CTL_USAGE, "usage: lanectl offers check FILE... "
					   "[--format json|jsonl|csv] [--currency C] "
					   "[--at TIME]");
	code = ctl_time("--at", at, "", &now);
	for (int i = 0; code != CTL_USAGE && i < argc; i++) {
		rc = rulefile_read(argv[i], format, currency, &files[count]);
		if (rc == 0)
			warnings += rulefile_warn(&files[count++], &now);
		else if (code == CTL_OK)
			code = rc;
	}
	rc = count > 1 ? check_together(files, count) : CTL_OK;
	if (code == CTL_OK)
		code = rc;
	if (code == CTL_OK)
		said_fine(c, files, count, warnings);
	for (int i = 0; i < count; i++)
		rulefile_free(&files[i]);
	return code;
}

/* ---- list ------------------------------------------------------------------------------- */

/* One offer a line: id, kind, and in words what it asks for; its text comes last. */
static void
print_offer(const struct ruletext *t, struct str language, const struct value *rule)
{
	void (*const parts[])(const struct ruletext *, const struct value *,
			      struct strbuf *) = { ruletext_gives,     ruletext_scope,
						   ruletext_condition, ruletext_who,
						   ruletext_when,      ruletext_limits };
	char line[2048];
	const struct value *text = value_member(rule, "text");
	char name[48];
	struct strbuf b;

	strbuf_init(&b, line, sizeof(line));
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		size_t start = b.used;

		if (start > 0)
			strbuf_add(&b, STR("; "));
		parts[i](t, rule, &b);
		if (start > 0 && b.used == start + 2) {
			b.used = start; /* nothing to say */
			line[start] = '\0';
		}
	}
	printf("%-24s %-20s %s", ctl_text(rule, "id"), ctl_text(rule, "kind"), line);
	if (str_copy(name, sizeof(name), language) < 0 ||
	    value_member(text, name) == NULL)
		(void)str_copy(name, sizeof(name), STR("en")); /* fits */
	if (value_member(text, name) != NULL)
		printf("; \"%s\"", ctl_text(text, name));
	printf("\n");
}

static struct ruletext
words_for(struct str language, const char *currency)
{
	struct ruletext t = { .phrases = phrases_of(language), .digits = 2 };
	uint16_t numeric;

	(void)currency_find(currency, &numeric, &t.digits); /* unknown: two digits */
	return t;
}

static int
list_file(struct ctl *c, const char *path, const char *currency, struct str language)
{
	struct rulefile f;
	struct ruletext t;
	int rc = rulefile_read(path, NULL, currency, &f);

	if (rc != 0)
		return rc;
	t = words_for(language, pricing_rules_currency(f.rules));
	if (c->json)
		rc = ctl_print_json(c, f.set);
	else
		for (uint32_t i = 0; i < f.count; i++)
			print_offer(&t, language, f.list[i]);
	rulefile_free(&f);
	return rc;
}

/* All pages of laned's answer; as JSON each is a line of its own. */
static int
list_lane(struct ctl *c, struct str language)
{
	const struct value *v = NULL, *list = NULL;
	int64_t from = 0;
	int rc = 0;

	do {
		struct json_out *o = ctl_params(c);

		if (o == NULL)
			return ctl_fail(CTL_INTERNAL, "out of memory");
		json_int(o, "from", from);
		rc = ctl_ask(c, "offers.list", o, &v);
		if (rc != 0)
			return rc;
		from = ctl_int(v, "next");
		if (c->json) {
			rc = ctl_print_json(c, v);
		} else if (value_get_array(v, "offers", &list) == 0) {
			struct ruletext t = words_for(language, ctl_text(v, "currency"));

			for (const struct value *e = list->first; e != NULL; e = e->next)
				print_offer(&t, language, e);
		}
	} while (rc == 0 && from > 0);
	return rc;
}

static int
run_list(struct ctl *c, int argc, char **argv)
{
	const char *rules = ctl_option(&argc, argv, "--rules");
	const char *language = ctl_option(&argc, argv, "--language");
	const char *currency = ctl_option(&argc, argv, "--currency");
	struct str l = str_of(language == NULL ? "en" : language);

	if (argc != 0)
		return ctl_fail(CTL_USAGE, "usage: lanectl offers list [--rules FILE "
					   "[--currency C]] [--language L]");
	return rules != NULL ? list_file(c, rules, currency, l) : list_lane(c, l);
}

const struct ctl_command ctl_offer_commands[] = {
	{ "offers import", "FILE [--check] [--format F]",
	  "a whole rule set, all or nothing", run_import },
	{ "offers check", "FILE... [--format F] [--currency C] [--at T]",
	  "check rule files, without laned", run_check },
	{ "offers list", "[--rules FILE [--currency C]] [--language L]",
	  "the offers of this lane, or of a file", run_list },
	{ "offers simulate",
	  "--rules NEW [--against OLD] --baskets FILE... [--at T | --shift-days N] "
	  "[--members FILE] [--csv] [--top N] [--language L] [--skip-bad] [--nodes N]",
	  "what a campaign would cost, without laned", cmd_simulate },
	{ "baskets convert",
	  "FILE... [--format F] [--currency C] [--timezone Z] [--before-discounts] "
	  "[--strip-zeros] [--member-numbers]",
	  "logs of a POS to baskets, without laned", cmd_baskets_convert },
	{ "price",
	  "--rules R --basket B [--member M] [--at T] [--currency C] "
	  "[--explain [--language L]]",
	  "price a basket, without laned", cmd_price },
	{ NULL, NULL, NULL, NULL },
};
