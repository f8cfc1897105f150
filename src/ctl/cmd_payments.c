/* payments report, reconcile and settle: the books of a day, and what a person has seen at the POS. */
#include "ctl/payments.h"
#include "ctl/settlement.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct str no_text = { "", 0 };

/* ---- the report ------------------------------------------------------------------ */

struct sums {
	uint32_t count;
	int64_t minor;
};

/* Of what was asked, or what stands or stood where it was approved. */
static int64_t
amount_of(const struct payments_row *r)
{
	return r->answered_minor != 0 ? r->answered_minor : r->asked_minor;
}

/* By kind and state. */
struct totals {
	struct sums of[PAYMENT_KINDS][PAYMENT_STATES];
};

static void
add_up(const struct payments *p, struct totals *t)
{
	memset(t, 0, sizeof(*t));
	for (uint32_t i = 0; i < p->count; i++) {
		struct sums *s = &t->of[p->rows[i].kind][p->rows[i].state];

		s->count++;
		s->minor += amount_of(&p->rows[i]);
	}
}

static void
print_looked_at(const struct payments_row *r, const char *advice)
{
	char key[KEY128_TEXT_BYTES];

	key128_text(key, r->key);
	printf("%s  %-14s ticket %-10s %12s %s  reference %s, auth %s, since %s\n    "
	       "%s\n",
	       key, payments_state(r->kind, r->state), r->ticket,
	       payments_amount(amount_of(r), r->currency), r->currency,
	       r->ref[0] == '\0' ? "-" : r->ref, r->auth[0] == '\0' ? "-" : r->auth,
	       r->since, advice);
}

/* True when a person must act. */
static bool
wants_person(const struct payments *p)
{
	for (uint32_t i = 0; i < p->count; i++)
		if (p->rows[i].alarm || p->rows[i].state == PAYMENT_UNDO_FAILED)
			return true;
	return false;
}

static void
print_report(const struct payments *p)
{
	struct totals t;
	bool any = false;

	add_up(p, &t);
	printf("%s of %s, business day %d", p->lane, p->store, (int)p->from_day);
	if (p->to_day != p->from_day)
		printf(" to %d", (int)p->to_day);
	printf("\n\n%-16s %8s %16s\n", "STATE", "COUNT", "AMOUNT");
	for (int i = 0; i < PAYMENT_KINDS * PAYMENT_STATES; i++) {
		enum payment_kind kind = (enum payment_kind)(i / PAYMENT_STATES);
		enum payment_state state = (enum payment_state)(i % PAYMENT_STATES);
		const struct sums *s = &t.of[kind][state];

		if (s->count > 0)
			printf("%-16s %8u %16s\n", payments_state(kind, state),
			       (unsigned)s->count,
			       payments_amount(s->minor, p->currency));
	}
	printf("%-16s %8lld %16s\n", "goods returned", (long long)p->returns,
	       payments_amount(p->returns_minor, p->currency));
	for (uint32_t i = 0; i < p->count; i++) {
		const char *advice = payments_advice(&p->rows[i]);

		if (advice == NULL)
			continue;
		if (!any)
			printf("\nNot certain, or taken back:\n");
		any = true;
		print_looked_at(&p->rows[i], advice);
	}
}

static void
csv_number(int64_t n)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%lld", (long long)n); /* fits */
	payments_csv(stdout, false, text);
}

static void
csv_report(const struct payments *p)
{
	char text[32], key[KEY128_TEXT_BYTES];

	puts("business_day,created,since,ticket,key,state,amount,approved,returned,"
	     "currency,ref,auth,tries,alarm,meaning,kind");
	for (uint32_t i = 0; i < p->count; i++) {
		const struct payments_row *r = &p->rows[i];
		const char *advice = payments_advice(r);

		(void)snprintf(text, sizeof(text), "%d", (int)r->business_day); /* fits */
		key128_text(key, r->key);
		payments_csv(stdout, true, text);
		payments_csv(stdout, false, r->created);
		payments_csv(stdout, false, r->since);
		payments_csv(stdout, false, r->ticket);
		payments_csv(stdout, false, key);
		payments_csv(stdout, false, payment_state_name(r->state));
		payments_csv(stdout, false, payments_amount(r->asked_minor, r->currency));
		payments_csv(stdout, false,
			     payments_amount(r->answered_minor, r->currency));
		payments_csv(stdout, false,
			     payments_amount(r->returned_minor, r->currency));
		payments_csv(stdout, false, r->currency);
		payments_csv(stdout, false, r->ref);
		payments_csv(stdout, false, r->auth);
		csv_number(r->tries);
		payments_csv(stdout, false, r->alarm ? "yes" : "no");
		payments_csv(stdout, false, advice == NULL ? "" : advice);
		payments_csv(stdout, false,
			     r->kind == PAYMENT_REFUND ? "refund" : "payment");
		(void)putchar('\n'); /* a closed pipe shows at the end */
	}
}

static void
json_payment(struct json_out *o, const struct payments_row *r)
{
	char key[KEY128_TEXT_BYTES];
	const char *advice = payments_advice(r);

	key128_text(key, r->key);
	json_open_object(o, NULL);
	json_int(o, "business_day", r->business_day);
	json_cstr(o, "kind", r->kind == PAYMENT_REFUND ? "refund" : "payment");
	json_cstr(o, "key", key);
	json_cstr(o, "ticket", r->ticket);
	json_cstr(o, "state", payment_state_name(r->state));
	json_int(o, "amount", r->asked_minor);
	json_int(o, "approved", r->answered_minor);
	json_int(o, "returned", r->returned_minor);
	json_cstr(o, "currency", r->currency);
	json_cstr(o, "ref", r->ref);
	json_cstr(o, "auth", r->auth);
	json_bool(o, "alarm", r->alarm);
	json_cstr(o, "created", r->created);
	json_cstr(o, "since", r->since);
	if (advice != NULL)
		json_cstr(o, "meaning", advice);
	json_close(o);
}

/* Writes the finished object as one line. */
static int
print_object(struct json_out *o)
{
	struct str text;
	int code = CTL_OK;

	json_close(o);
	if (json_out_text(o, &text) < 0 || fwrite(text.p, 1, text.n, stdout) != text.n ||
	    putchar('\n') == EOF)
		code = ctl_fail(CTL_INTERNAL, "the answer cannot be printed");
	return code;
}

static void
json_sums(struct json_out *o, const struct sums sums[PAYMENT_STATES])
{
	for (int s = 0; s < PAYMENT_STATES; s++) {
		if (sums[s].count == 0)
			continue;
		json_open_object(o, NULL);
		json_cstr(o, "state", payment_state_name((enum payment_state)s));
		json_int(o, "count", sums[s].count);
		json_int(o, "amount", sums[s].minor);
		json_close(o);
	}
}

#define JSON_BYTES_MAX (512u << 20)

static int
json_report(const struct payments *p)
{
	struct json_out *o = json_out_new(JSON_BYTES_MAX);
	struct totals t;
	int code;

	if (o == NULL)
		return ctl_fail(CTL_INTERNAL, "out of memory");
	add_up(p, &t);
	json_open_object(o, NULL);
	json_int(o, "from", p->from_day);
	json_int(o, "to", p->to_day);
	json_cstr(o, "store", p->store);
	json_cstr(o, "lane", p->lane);
	json_cstr(o, "currency", p->currency);
	json_open_array(o, "states");
	json_sums(o, t.of[PAYMENT_PAY]);
	json_close(o);
	json_open_array(o, "refund_states");
	json_sums(o, t.of[PAYMENT_REFUND]);
	json_close(o);
	json_open_object(o, "returns");
	json_int(o, "count", p->returns);
	json_int(o, "refund", p->returns_minor);
	json_close(o);
	json_open_array(o, "payments");
	for (uint32_t i = 0; i < p->count; i++)
		json_payment(o, &p->rows[i]);
	json_close(o);
	code = print_object(o);
	(void)json_out_free(o); /* gives NULL */
	return code;
}

static int
run_report(struct ctl *c, int argc, char **argv)
{
	bool csv = ctl_flag(&argc, argv, "--csv");
	struct payments p;
	int rc = payments_load(c, &argc, argv, &p);

	if (rc == 0 && argc != 0)
		rc = ctl_fail(CTL_USAGE, "usage: lanectl payments report [--day DAY | "
					 "--from DAY --to DAY] [--csv]");
	if (rc == 0 && c->json)
		rc = json_report(&p);
	else if (rc == 0 && csv)
		csv_report(&p);
	else if (rc == 0)
		print_report(&p);
	if (rc == 0 && wants_person(&p))
		rc = CTL_NO;
	payments_free(&p);
	return rc;
}

/* ---- reconciliation ------------------------------------------------------------- */

enum format { TEXT, CSV, JSON };

struct telling {
	const char *currency;
	enum format format;
	struct json_out *o;
	uint32_t counts[RECONCILE_KINDS];
	int64_t ours_minor, theirs_minor;
};

/* A text as far as a line has room, "-" for none. Card numbers were overwritten when it was read. */
static void
show(struct str s, char *buf, size_t bytes)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n && n + 1 < bytes; i++)
		if ((unsigned char)s.p[i] >= ' ' && s.p[i] != 0x7f)
			buf[n++] = s.p[i];
	if (n == 0)
		buf[n++] = '-';
	buf[n] = '\0';
}

/* What a difference is about, in texts. */
struct about {
	char line[16], key[KEY128_TEXT_BYTES], ref[80], ticket[80];
	const char *state;
};

static void
about_whom(const struct reconcile_result *r, struct about *a)
{
	struct str ref = r->ours != NULL ? r->ours->ref : no_text;
	struct str ticket = r->ours != NULL ? r->ours->ticket : no_text;
	struct key128 key = { { 0 } };

	if (r->ours != NULL)
		key = r->ours->key;
	else if (r->theirs != NULL)
		key = r->theirs->key;
	if (ref.n == 0 && r->theirs != NULL)
		ref = r->theirs->ref;
	if (ticket.n == 0 && r->theirs != NULL)
		ticket = r->theirs->ticket;
	(void)snprintf(a->line, sizeof(a->line), "%u",
		       r->theirs == NULL ? 0 : (unsigned)r->theirs->line); /* fits */
	(void)str_copy(a->key, sizeof(a->key), STR("-"));
	if (!key128_is_zero(key))
		key128_text(a->key, key);
	show(ref, a->ref, sizeof(a->ref));
	show(ticket, a->ticket, sizeof(a->ticket));
	a->state = r->ours == NULL ? "-" : payments_state(r->ours->kind, r->ours->state);
}

static void
csv_result(const struct telling *t, const struct reconcile_result *r,
	   const struct about *a)
{
	payments_csv(stdout, true, reconcile_name(r->kind));
	payments_csv(stdout, false, a->ticket);
	payments_csv(stdout, false, a->key);
	payments_csv(stdout, false, a->ref);
	payments_csv(stdout, false, a->state);
	payments_csv(stdout, false, payments_amount(r->ours_minor, t->currency));
	payments_csv(stdout, false, payments_amount(r->theirs_minor, t->currency));
	csv_number(r->charges);
	csv_number(r->credits);
	payments_csv(stdout, false, a->line);
	payments_csv(stdout, false, reconcile_text(r->kind));
	(void)putchar('\n'); /* a closed pipe shows at the end */
}

static void
json_result(struct json_out *o, const struct reconcile_result *r, const struct about *a)
{
	json_open_object(o, NULL);
	json_cstr(o, "kind", reconcile_name(r->kind));
	json_cstr(o, "ticket", a->ticket);
	json_cstr(o, "key", a->key);
	json_cstr(o, "ref", a->ref);
	json_cstr(o, "state", a->state);
	json_int(o, "ours", r->ours_minor);
	json_int(o, "theirs", r->theirs_minor);
	json_int(o, "charges", r->charges);
	json_int(o, "credits", r->credits);
	if (r->theirs != NULL)
		json_int(o, "line", r->theirs->line);
	json_cstr(o, "text", reconcile_text(r->kind));
	json_close(o);
}

static void
print_result(const struct telling *t, const struct reconcile_result *r,
	     const struct about *a)
{
	printf("%-12s ticket %-10s key %s  reference %s\n", reconcile_name(r->kind),
	       a->ticket, a->key, a->ref);
	printf("    here %s %s (%s), there %s %s",
	       payments_amount(r->ours_minor, t->currency), t->currency, a->state,
	       payments_amount(r->theirs_minor, t->currency), t->currency);
	if (r->charges + r->credits > 0)
		printf(" (%u charged, %u back, line %s)", (unsigned)r->charges,
		       (unsigned)r->credits, a->line);
	printf("\n    %s\n", reconcile_text(r->kind));
}

static int
tell(void *ctx, const struct reconcile_result *r)
{
	struct telling *t = ctx;
	struct about a = { .state = "-" };

	t->counts[r->kind]++;
	t->ours_minor += r->ours_minor;
	t->theirs_minor += r->theirs_minor;
	if (r->kind == RECONCILE_AGREES)
		return 0;
	about_whom(r, &a);
	if (t->format == CSV)
		csv_result(t, r, &a);
	else if (t->format == JSON)
		json_result(t->o, r, &a);
	else if (reconcile_is_difference(r->kind))
		print_result(t, r, &a);
	return 0;
}

static bool
has_difference(const struct telling *t)
{
	for (int k = 0; k < RECONCILE_KINDS; k++)
		if (t->counts[k] > 0 && reconcile_is_difference((enum reconcile_kind)k))
			return true;
	return false;
}

static void
print_counts(const struct telling *t, const struct payments *p,
	     const struct settlement *s)
{
	printf("%s%u payments of business day %d", has_difference(t) ? "\n" : "",
	       (unsigned)p->count, (int)p->from_day);
	if (p->to_day != p->from_day)
		printf(" to %d", (int)p->to_day);
	printf(", %u lines of the file\n", (unsigned)s->count);
	if (s->passed_over > 0)
		printf("%u lines of other types were passed over\n",
		       (unsigned)s->passed_over);
	for (int k = 0; k < RECONCILE_KINDS; k++)
		if (t->counts[k] > 0)
			printf("%8u %-12s %s\n", (unsigned)t->counts[k],
			       reconcile_name((enum reconcile_kind)k),
			       reconcile_text((enum reconcile_kind)k));
	printf("here %s %s stand, there %s %s\n",
	       payments_amount(t->ours_minor, t->currency), t->currency,
	       payments_amount(t->theirs_minor, t->currency), t->currency);
}

static struct reconcile_ours *
ours_of(const struct payments *p)
{
	struct reconcile_ours *list = calloc(p->count + 1u, sizeof(*list));

	for (uint32_t i = 0; list != NULL && i < p->count; i++) {
		const struct payments_row *r = &p->rows[i];

		list[i] = (struct reconcile_ours){
			.key = r->key,
			.ticket = str_of(r->ticket),
			.ref = str_of(r->ref),
			.currency = str_of(r->currency),
			.state = r->state,
			.asked_minor = r->asked_minor,
			.answered_minor = r->answered_minor,
			.returned_minor = r->returned_minor,
			.kind = r->kind,
			.original = r->original,
			.original_ref = str_of(r->original_ref),
		};
	}
	return list;
}

static void
open_answer(struct telling *t, const struct payments *p, const struct settlement *s)
{
	if (t->format == CSV)
		puts("kind,ticket,key,ref,state,ours,theirs,charges,credits,line,"
		     "meaning");
	if (t->format != JSON)
		return;
	json_open_object(t->o, NULL);
	json_int(t->o, "from", p->from_day);
	json_int(t->o, "to", p->to_day);
	json_int(t->o, "payments", p->count);
	json_int(t->o, "lines", s->count);
	json_int(t->o, "passed_over", s->passed_over);
	json_open_array(t->o, "results");
}

static int
close_answer(const struct telling *t, const struct payments *p,
	     const struct settlement *s)
{
	if (t->format == TEXT)
		print_counts(t, p, s);
	if (t->format != JSON)
		return CTL_OK;
	json_close(t->o);
	json_int(t->o, "agrees", t->counts[RECONCILE_AGREES]);
	json_int(t->o, "ours", t->ours_minor);
	json_int(t->o, "theirs", t->theirs_minor);
	json_bool(t->o, "differs", has_difference(t));
	return print_object(t->o);
}

static int
compare(const struct payments *p, const struct settlement *s, enum format format)
{
	struct telling t = { .currency = p->currency, .format = format };
	struct reconcile_ours *ours = ours_of(p);
	struct reconcile_input in = { ours, p->count, s->rows, s->count };
	int rc = CTL_INTERNAL;

	t.o = format == JSON ? json_out_new(JSON_BYTES_MAX) : NULL;
	if (ours == NULL || (format == JSON && t.o == NULL)) {
		(void)ctl_fail(CTL_INTERNAL, "out of memory"); /* it is rc */
	} else {
		open_answer(&t, p, s);
		if (reconcile_run(&in, tell, &t) < 0)
			rc = ctl_fail(CTL_INTERNAL, "out of memory, or sums too large");
		else
			rc = close_answer(&t, p, s);
	}
	free(ours);
	(void)json_out_free(t.o); /* gives NULL */
	return rc == CTL_OK && has_difference(&t) ? CTL_NO : rc;
}

/* A CSV file, or a POSLog: XML begins with '<'. Takes text over. */
static int
read_text(char *text, size_t n, const struct settlement_options *o, struct settlement *s)
{
	size_t at = n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	int rc;

	while (at < n && strchr(" \t\r\n", text[at]) != NULL && text[at] != '\0')
		at++;
	if (at == n || text[at] != '<')
		return settlement_read(text, n, o, s);
	rc = settlement_read_poslog((struct str){ text, n }, o, s);
	free(text);
	return rc;
}

static int
read_file(const char *path, const struct settlement_options *o, struct settlement *s)
{
	char *text = NULL;
	size_t n = 0;
	int rc = ctl_read_file(path, SETTLEMENT_BYTES_MAX, &text, &n);

	if (rc != 0)
		return rc;
	rc = read_text(text, n, o, s);
	for (uint32_t i = 0; i < s->faults_count; i++)
		(void)ctl_fail(CTL_DATA, "%s:%u: %s", path, (unsigned)s->faults[i].line,
			       s->faults[i].what); /* all of them, then the code */
	if (s->faults_total > s->faults_count)
		(void)ctl_fail(CTL_DATA, "... and %u more",
			       (unsigned)(s->faults_total - s->faults_count));
	if (rc == -EBADMSG)
		return CTL_DATA;
	return rc < 0 ? ctl_fail(CTL_DATA, "%s: %s", path, strerror(-rc)) : 0;
}

static int
run_reconcile(struct ctl *c, int argc, char **argv)
{
	bool csv = ctl_flag(&argc, argv, "--csv");
	struct settlement_options o = { .minor = ctl_flag(&argc, argv, "--minor"),
					.columns = ctl_option(&argc, argv, "--columns"),
					.charges = ctl_option(&argc, argv, "--charges"),
					.credits = ctl_option(&argc, argv, "--credits"),
					.tender = ctl_option(&argc, argv, "--tender"),
					.workstation = ctl_option(&argc, argv,
								  "--workstation") };
	struct settlement s = { .text = NULL };
	struct payments p;
	int rc = payments_load(c, &argc, argv, &p);

	if (rc == 0 && argc != 1)
		rc = ctl_fail(
			CTL_USAGE,
			"usage: lanectl payments reconcile FILE [--day DAY | --from "
			"DAY --to DAY] [--columns OURS=THEIRS,...] [--minor] "
			"[--charges WORDS] [--credits WORDS] [--tender WORD] "
			"[--workstation ID] [--csv]");
	if (o.charges == NULL)
		o.charges = SETTLEMENT_CHARGES;
	if (o.credits == NULL)
		o.credits = SETTLEMENT_CREDITS;
	if (o.tender == NULL)
		o.tender = "";
	o.currency = p.currency;
	o.from_day = p.from_day;
	o.to_day = p.to_day;
	if (rc == 0)
		rc = read_file(argv[0], &o, &s);
	if (rc == 0)
		rc = compare(&p, &s, c->json ? JSON : csv ? CSV : TEXT);
	settlement_free(&s);
	payments_free(&p);
	return rc;
}

/* ---- settle ------------------------------------------------------------------------ */

static int
run_settle(struct ctl *c, int argc, char **argv)
{
	bool taken = ctl_flag(&argc, argv, "--taken");
	bool not_taken = ctl_flag(&argc, argv, "--not-taken");
	const struct value *v = NULL;
	struct json_out *o;
	int rc;

	if (argc != 1 || taken == not_taken)
		return ctl_fail(CTL_USAGE, "usage: lanectl payments settle KEY "
					   "{--taken | --not-taken}");
	o = ctl_params(c);
	if (o == NULL)
		return ctl_fail(CTL_INTERNAL, "out of memory");
	json_cstr(o, "key", argv[0]);
	json_bool(o, "taken", taken);
	rc = ctl_ask(c, "payment.settle", o, &v);
	if (rc == 0 && c->json)
		return ctl_print_json(c, v);
	if (rc == 0)
		puts(taken ? "kept: the POS has it as paid"
			   : "being taken back: look at it with lanectl payments --open");
	return rc;
}

const struct ctl_command ctl_payment_commands[] = {
	{ "payments settle", "KEY {--taken | --not-taken}",
	  "what you have seen at the POS of a payment in answer-sending", run_settle },
	{ "payments report", "[--day DAY | --from DAY --to DAY] [--csv]",
	  "the payments of a business day", run_report },
	{ "payments reconcile", "FILE [--day DAY | --from DAY --to DAY] ...",
	  "the journal against a file of the POS or the processor", run_reconcile },
	{ NULL, NULL, NULL, NULL },
};
