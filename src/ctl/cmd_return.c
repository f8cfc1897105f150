/* return: goods taken back by the code of a receipt; and the keys that receipts are believed by. */
#include "ctl/ctl.h"

#include "base/clock.h"
#include "base/crypto.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#define CODE_BYTES 1024u
#define CODES_MAX 64
#define LINES_MAX 1000
#define DECIMALS 3
#define AGAIN_MS 10000 /* asked again after a lost connection */
#define WAIT_DEFAULT_S 20
#define WAIT_MAX_S 600
#define POLL_MS 250

/* ---- what is asked -------------------------------------------------------------- */

/* As somebody typed it: in any case, in groups. -1 when it is too long. */
static int
clean_code(const char *text, char *buf, size_t bytes)
{
	size_t n = 0;

	for (; *text != '\0'; text++) {
		if (*text == '-' || isspace((unsigned char)*text))
			continue;
		if (n + 1 >= bytes)
			return -1;
		buf[n++] = (char)toupper((unsigned char)*text);
	}
	buf[n] = '\0';
	return 0;
}

/* "2", or "0.350" in thousandths. -1 when it is neither. */
static int
parse_parts(struct str text, int64_t *ret_parts)
{
	const char *dot = memchr(text.p, '.', text.n);
	struct str whole = text;
	int64_t parts = 0;
	int decimals = 0;

	if (dot != NULL)
		whole.n = (size_t)(dot - text.p);
	if (!str_digits_ok(whole, 12) || str_to_i64(whole, &parts) < 0)
		return -1;
	if (dot == NULL) {
		*ret_parts = parts;
		return parts > 0 ? 0 : -1;
	}
	for (const char *p = dot + 1; p < text.p + text.n; p++, decimals++) {
		if (*p < '0' || *p > '9' || decimals == DECIMALS)
			return -1;
		parts = 10 * parts + (*p - '0');
	}
	for (; decimals < DECIMALS; decimals++)
		parts *= 10;
	*ret_parts = parts;
	return parts > 0 ? 0 : -1;
}

/* "N" or "N:PARTS" as an element of lines. 0 or an exit code, said. */
static int
put_line(struct json_out *o, const char *text)
{
	const char *colon = strchr(text, ':');
	struct str number = str_of(text);
	int64_t line = 0, parts = 0;

	if (colon != NULL)
		number.n = (size_t)(colon - text);
	if (!str_digits_ok(number, 10) || str_to_i64(number, &line) < 0 ||
	    (colon != NULL && parse_parts(str_of(colon + 1), &parts) < 0))
		return ctl_fail(CTL_USAGE,
				"--line: N or N:PARTS is wanted: units, or grams as 350 "
				"or 0.350");
	json_open_object(o, NULL);
	json_int(o, "line", line);
	if (parts > 0)
		json_int(o, "parts", parts);
	json_close(o);
	return 0;
}

/* What is asked for, so that it can be asked again under the same id. */
struct wanted {
	const char *lines[LINES_MAX];
	int lines_count;
	int codes_count;
	char **codes;
	bool all, dry_run, to_token, unknown_sale;
	char id[ULID_TEXT_BYTES];
	int64_t wait_s; /* for the end of the refund */
};

static int
put_codes(struct json_out *o, int argc, char **argv)
{
	char code[CODE_BYTES];

	if (argc < 1 || argc > CODES_MAX)
		return ctl_fail(CTL_USAGE,
				"usage: lanectl return CODE... [--line N[:PARTS]]... "
				"[--all] [--to-token] [--wait SECONDS] [--dry-run] "
				"[--id ID] [--unknown-sale]");
	json_open_array(o, "codes");
	for (int i = 0; i < argc; i++) {
		if (strncmp(argv[i], "--", 2) == 0)
			return ctl_fail(CTL_USAGE, "%s: no such option", argv[i]);
		if (clean_code(argv[i], code, sizeof(code)) < 0)
			return ctl_fail(CTL_DATA, "this is too long for a receipt code");
		json_cstr(o, NULL, code);
	}
	json_close(o);
	return 0;
}

/* ---- what is answered ----------------------------------------------------------- */

/* Units, or thousandths as a decimal number. */
static const char *
parts_text(const struct value *line, const char *name)
{
	static char buffers[4][32];
	static unsigned next;
	char *buf = buffers[next++ % 4];
	long long n = (long long)ctl_int(line, name);

	if (ctl_bool(line, "measured"))
		(void)snprintf(buf, sizeof(buffers[0]), "%lld.%03lld", n / 1000,
			       n % 1000);
	else
		(void)snprintf(buf, sizeof(buffers[0]), "%lld", n);
	return buf;
}

static const char *
rate_text(int64_t bp)
{
	static char buf[32];

	if (bp % 100 == 0)
		(void)snprintf(buf, sizeof(buf), "%lld %%", (long long)(bp / 100));
	else
		(void)snprintf(buf, sizeof(buf), "%lld.%02lld %%", (long long)(bp / 100),
			       (long long)(bp % 100));
	return buf;
}

static void
print_head(const struct value *v)
{
	const char *currency = ctl_text(v, "currency");
	const struct value *tender = NULL;

	printf("receipt     %s, %s, sold %s, total %s\n", ctl_text(v, "store"),
	       ctl_text(v, "lane"), ctl_text(v, "sold"), ctl_money(v, "total", currency));
	printf("            checkout %s\n", ctl_text(v, "checkout"));
	if (value_get_object(v, "tender", &tender) < 0)
		return;
	if (strcmp(ctl_text(tender, "kind"), "outside") == 0)
		printf("            paid at the point of sale, not by us\n");
	else
		printf("            paid by token: %s, %s %s\n",
		       ctl_money(tender, "amount", currency),
		       value_member(tender, "ref") != NULL ? "reference" : "key",
		       value_member(tender, "ref") != NULL ? ctl_text(tender, "ref")
							   : ctl_text(tender, "key"));
	if (ctl_int(v, "codes_read") < ctl_int(v, "codes"))
		printf("            %lld of its %lld codes: lines of the others are not "
		       "here\n",
		       (long long)ctl_int(v, "codes_read"),
		       (long long)ctl_int(v, "codes"));
}

static void
print_lines(const struct value *v)
{
	const char *currency = ctl_text(v, "currency");
	const struct value *list = NULL;

	if (value_get_array(v, "lines", &list) < 0)
		return;
	printf("\n%5s %9s %14s %8s %9s %14s %9s %14s\n", "LINE", "SOLD", "PAID", "VAT",
	       "RETURNED", "REFUNDED", "NOW", "REFUND");
	for (const struct value *l = list->first; l != NULL; l = l->next)
		printf("%5lld %9s %14s %8s %9s %14s %9s %14s\n",
		       (long long)ctl_int(l, "line"), parts_text(l, "parts"),
		       ctl_money(l, "paid", currency), rate_text(ctl_int(l, "vat_bp")),
		       parts_text(l, "returned"), ctl_money(l, "refunded", currency),
		       parts_text(l, "take"), ctl_money(l, "refund", currency));
}

static void
print_refund(const struct value *v, bool chosen)
{
	const char *currency = ctl_text(v, "currency");
	const struct value *list = NULL;

	if (!chosen) {
		printf("\nNothing was taken back: --line N, --line N:PARTS or --all says "
		       "what.\n");
		return;
	}
	printf("\n");
	if (value_get_array(v, "rates", &list) == 0)
		for (const struct value *r = list->first; r != NULL; r = r->next)
			printf("refund at VAT %-8s %14s\n",
			       rate_text(ctl_int(r, "vat_bp")),
			       ctl_money(r, "refund", currency));
	printf("to refund              %14s\n", ctl_money(v, "refund", currency));
	if (!ctl_bool(v, "recorded"))
		printf("\nDry run: nothing is recorded.\n");
	else
		printf("\n%s return %s.\n",
		       ctl_bool(v, "repeated") ? "Recorded before, as" : "Recorded as",
		       ctl_text(v, "return"));
}

/* What went to the token, what is to be paid back otherwise, and why. */
static void
print_pay_back(const struct value *v)
{
	const char *currency = ctl_text(v, "currency");
	const struct value *b = NULL;

	if (value_get_object(v, "pay_back", &b) < 0)
		return;
	if (value_member(b, "state") != NULL)
		printf("to the token           %14s  %s (key %s)\n",
		       ctl_money(b, "token", currency), ctl_text(b, "state"),
		       ctl_text(b, "key"));
	if (value_member(b, "why") != NULL)
		printf("not to the token: %s\n", ctl_text(b, "why"));
	if (value_member(b, "state") != NULL && !ctl_bool(b, "certain"))
		printf("Whether the money went back is not certain yet. Do not pay it "
		       "out: "
		       "lanectl returns show %s\n",
		       ctl_text(v, "return"));
	if (ctl_int(b, "other") > 0)
		printf("PAY BACK OTHERWISE     %14s  (this moved no money: the POS or "
		       "the "
		       "processor does)\n",
		       ctl_money(b, "other", currency));
}

/* Sent, and the end of it is not known yet. */
static bool
is_open(const struct value *v)
{
	const struct value *b = NULL;

	return value_get_object(v, "pay_back", &b) == 0 &&
	       value_member(b, "state") != NULL && !ctl_bool(b, "certain");
}

static void
pause_ms(int64_t ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	(void)nanosleep(&t, NULL); /* a signal makes it shorter */
}

/* Looks at a recorded return until its refund has an end, or time is over. */
static int
follow(struct ctl *c, const char *id, int64_t wait_s, const struct value **ret_v)
{
	int64_t end = clock_mono_ms() + wait_s * 1000;

	for (;;) {
		struct json_out *o = ctl_params(c);
		int rc;

		if (o == NULL)
			return ctl_fail(CTL_INTERNAL, "out of memory");
		json_cstr(o, "return", id);
		rc = ctl_ask(c, "return.show", o, ret_v);
		if (rc != 0 || !is_open(*ret_v) || clock_mono_ms() >= end)
			return rc;
		pause_ms(POLL_MS);
	}
}

static int
put_wanted(struct json_out *o, const struct wanted *w)
{
	int rc = 0;

	json_open_array(o, "lines");
	for (int i = 0; i < w->lines_count && rc == 0; i++)
		rc = put_line(o, w->lines[i]);
	json_close(o);
	if (rc == 0)
		rc = put_codes(o, w->codes_count, w->codes);
	if (rc != 0)
		return rc;
	if (w->id[0] != '\0')
		json_cstr(o, "id", w->id);
	if (w->all)
		json_bool(o, "all", true);
	if (w->dry_run)
		json_bool(o, "dry_run", true);
	if (w->to_token)
		json_bool(o, "to_token", true);
	if (w->unknown_sale)
		json_bool(o, "unknown_sale", true);
	return 0;
}

static int
ask_once(struct ctl *c, const struct wanted *w, const struct value **ret_v)
{
	struct json_out *o = ctl_params(c);
	int rc = o == NULL ? ctl_fail(CTL_INTERNAL, "out of memory") : put_wanted(o, w);

	return rc != 0 ? rc : ctl_ask(c, "return.make", o, ret_v);
}

/*
 * A connection that is lost may have been lost after the return was recorded: it is asked again under the
 * same id, which gives the same answer.
 */
static int
ask_return(struct ctl *c, const struct wanted *w, const struct value **ret_v)
{
	int64_t end = clock_mono_ms() + AGAIN_MS;
	int rc = ask_once(c, w, ret_v);
	bool asked; /* the question may have been heard */

	asked = c->lost || c->peer != NULL;
	while (rc == CTL_UNREACHABLE && asked && w->id[0] != '\0' &&
	       clock_mono_ms() < end) {
		pause_ms(POLL_MS);
		if (!ctl_reachable(c))
			continue;
		c->lost = false;
		rc = ask_once(c, w, ret_v);
	}
	if (rc != CTL_UNREACHABLE)
		return rc;
	if (!asked || w->id[0] == '\0')
		return ctl_fail(rc,
				"nothing is taken back: without laned nobody knows what "
				"was returned before: start it, or take the goods back "
				"at another lane");
	return ctl_fail(
		rc,
		"the answer got lost. Ask again with --id %s: it is not taken back "
		"twice then",
		w->id);
}

static int
make_return(struct ctl *c, const struct wanted *w)
{
	bool chosen = w->all || w->lines_count > 0;
	const struct value *v = NULL;
	int rc = ask_return(c, w, &v);

	if (rc != 0)
		return rc;
	if (c->json && !(w->wait_s > 0 && is_open(v)))
		return ctl_print_json(c, v);
	if (!c->json) {
		print_head(v);
		print_lines(v);
		print_refund(v, chosen);
	}
	if (w->wait_s > 0 && ctl_bool(v, "recorded") && is_open(v))
		rc = follow(c, w->id, w->wait_s, &v);
	if (rc != 0)
		return rc;
	if (c->json)
		return ctl_print_json(c, v);
	if (chosen)
		print_pay_back(v);
	return CTL_OK;
}

/* The id under which it can be asked again: given, or made now. */
static int
take_id(struct wanted *w, const char *given)
{
	struct ulid id;

	if (given != NULL) {
		if (ulid_parse(str_of(given), &id) < 0)
			return ctl_fail(CTL_USAGE, "--id: 26 characters of a ULID are "
						   "wanted");
	} else if (crypto_ulid(clock_wall_ms(), &id) < 0) {
		return ctl_fail(CTL_INTERNAL, "no random bytes");
	}
	ulid_text(w->id, id);
	return 0;
}

static int
take_wanted(struct wanted *w, int *argc, char **argv)
{
	const char *line, *id = ctl_option(argc, argv, "--id");
	const char *wait = ctl_option(argc, argv, "--wait");
	int rc = 0;

	w->all = ctl_flag(argc, argv, "--all");
	w->dry_run = ctl_flag(argc, argv, "--dry-run");
	w->to_token = ctl_flag(argc, argv, "--to-token");
	w->unknown_sale = ctl_flag(argc, argv, "--unknown-sale");
	w->wait_s = w->to_token ? WAIT_DEFAULT_S : 0;
	while ((line = ctl_option(argc, argv, "--line")) != NULL) {
		if (w->lines_count == LINES_MAX)
			return ctl_fail(CTL_USAGE, "--line: too many");
		w->lines[w->lines_count++] = line;
	}
	if (wait != NULL && (str_to_i64(str_of(wait), &w->wait_s) < 0 || w->wait_s < 0 ||
			     w->wait_s > WAIT_MAX_S))
		return ctl_fail(CTL_USAGE, "--wait: 0..%d seconds", WAIT_MAX_S);
	if (w->all && w->lines_count > 0)
		return ctl_fail(CTL_USAGE, "either --all or --line");
	if (w->all || w->lines_count > 0)
		rc = take_id(w, id);
	w->codes_count = *argc;
	w->codes = argv;
	return rc;
}

static int
run_return(struct ctl *c, int argc, char **argv)
{
	struct wanted w = { .lines_count = 0 };
	int rc = take_wanted(&w, &argc, argv);

	return rc != 0 ? rc : make_return(c, &w);
}

static int
run_show(struct ctl *c, int argc, char **argv)
{
	const struct value *v = NULL, *list = NULL;
	const char *currency;
	int rc;

	if (argc != 1)
		return ctl_fail(CTL_USAGE, "usage: lanectl returns show RETURN");
	rc = follow(c, argv[0], 0, &v);
	if (rc != 0)
		return rc;
	if (c->json)
		return ctl_print_json(c, v);
	currency = ctl_text(v, "currency");
	printf("return      %s, %s\n", ctl_text(v, "return"), ctl_text(v, "time"));
	printf("            sold %s at %s, %s (checkout %s)\n", ctl_text(v, "sold"),
	       ctl_text(v, "store"), ctl_text(v, "lane"), ctl_text(v, "checkout"));
	if (value_get_array(v, "lines", &list) == 0)
		for (const struct value *l = list->first; l != NULL; l = l->next)
			printf("line %-5lld %9s %18s\n", (long long)ctl_int(l, "line"),
			       parts_text(l, "take"), ctl_money(l, "refund", currency));
	printf("to refund              %14s\n", ctl_money(v, "refund", currency));
	print_pay_back(v);
	return CTL_OK;
}

/* ---- the list and the keys --------------------------------------------------------- */

static int
run_returns(struct ctl *c, int argc, char **argv)
{
	const char *limit = ctl_option(&argc, argv, "--limit");
	const struct value *v = NULL, *list = NULL;
	struct json_out *o = ctl_params(c);
	int64_t n;
	int rc;

	if (o == NULL)
		return ctl_fail(CTL_INTERNAL, "out of memory");
	if (argc != 0)
		return ctl_fail(CTL_USAGE, "usage: lanectl returns list [--limit N]");
	if (limit != NULL) {
		if (str_to_i64(str_of(limit), &n) < 0)
			return ctl_fail(CTL_USAGE, "--limit: a number is wanted");
		json_int(o, "limit", n);
	}
	rc = ctl_ask(c, "return.list", o, &v);
	if (rc != 0)
		return rc;
	if (c->json)
		return ctl_print_json(c, v);
	if (value_get_array(v, "returns", &list) == 0)
		for (const struct value *r = list->first; r != NULL; r = r->next)
			printf("%s  %s  %14s  sold %s at %s, %s (checkout %s)\n",
			       ctl_text(r, "return"), ctl_text(r, "time"),
			       ctl_money(r, "refund", ctl_text(r, "currency")),
			       ctl_text(r, "sold"), ctl_text(r, "store"),
			       ctl_text(r, "lane"), ctl_text(r, "checkout"));
	return CTL_OK;
}

/* As lines of the list that the other lanes read; what this lane has already behind a '#'. */
static int
print_keys(struct ctl *c, const struct value *v)
{
	const struct value *list = NULL;

	if (c->json)
		return ctl_print_json(c, v);
	if (value_get_array(v, "keys", &list) == 0)
		for (const struct value *k = list->first; k != NULL; k = k->next) {
			bool listed = strcmp(ctl_text(k, "origin"), "listed") == 0;

			printf("%s%s %s %s\n", listed ? "# listed: " : "",
			       ctl_text(k, "environment"), ctl_text(k, "key"),
			       ctl_text(k, "name"));
		}
	if (value_member(v, "fault") != NULL)
		return ctl_fail(CTL_NO, "%s", ctl_text(v, "fault"));
	return CTL_OK;
}

static int
run_keys(struct ctl *c, int argc, char **argv)
{
	const struct value *v = NULL;
	int rc;

	(void)argv;
	if (argc != 0)
		return ctl_fail(CTL_USAGE, "usage: lanectl receipts keys");
	rc = ctl_ask(c, "receipt.keys", NULL, &v);
	return rc != 0 ? rc : print_keys(c, v);
}

static int
run_rotate(struct ctl *c, int argc, char **argv)
{
	bool distrust = ctl_flag(&argc, argv, "--distrust");
	const struct value *v = NULL;
	struct json_out *o = ctl_params(c);
	int rc;

	if (o == NULL)
		return ctl_fail(CTL_INTERNAL, "out of memory");
	if (argc != 0)
		return ctl_fail(CTL_USAGE, "usage: lanectl receipts rotate [--distrust]");
	json_bool(o, "distrust", distrust);
	rc = ctl_ask(c, "receipt.rotate", o, &v);
	return rc != 0 ? rc : print_keys(c, v);
}

const struct ctl_command ctl_return_commands[] = {
	{ "return",
	  "CODE... [--line N[:PARTS]]... [--all] [--to-token] [--wait SECONDS] "
	  "[--dry-run] "
	  "[--id ID] [--unknown-sale]",
	  "take goods back by the code of a receipt", run_return },
	{ "returns list", "[--limit N]", "the last returns at this lane", run_returns },
	{ "returns show", "RETURN", "one return, and what has become of the money",
	  run_show },
	{ "receipts keys", "", "the keys that receipt codes are believed by", run_keys },
	{ "receipts rotate", "[--distrust]", "a new key for this lane's receipts",
	  run_rotate },
	{ NULL, NULL, NULL, NULL },
};
