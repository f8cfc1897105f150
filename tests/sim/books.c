/*
 * The books of a run: its journal against the processor's settlement file and the POS's log, both as
 * bytes of CSV, through the reader and the reconciliation that lanectl uses. Where all is consistent
 * nothing may differ; where the simulation knows of a difference exactly that one is to be named; and
 * each mistake that is planted into the file is.
 */
#include "sim/world.h"

#include "sim/lost.h"
#include "sim/twin_journal.h"

#include "core/reconcile.h"
#include "ctl/settlement.h"
#include "lane/journal_report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX (2u * LEDGER_MAX + REQUESTS_MAX)
#define PAYMENTS_MAX 256u
#define ROW_BYTES 192u
#define DAY_LAST 99991231

/* A line of the other side's file: below zero, money back. */
struct row {
	struct key128 key;
	const char *ticket;
	int64_t amount_minor;
	const struct payment *of; /* whose it is (tie_rows); NULL a stranger's */
};

/* The same as the file's rows of one payment, or of one stranger's name, add up. */
struct sum {
	uint32_t rows, charges, credits;
	int64_t minor;
};

struct books {
	struct world *w;
	const struct payment *of[PAYMENTS_MAX];
	struct reconcile_ours ours[PAYMENTS_MAX];
	uint32_t count;
	struct payment *read; /* what the SQLite journal's report has told; or NULL */
	struct row rows[ROWS_MAX];
	uint32_t rows_count;
	bool by_key; /* the rows tell keys; else tickets only */
	/* What the reconciliation said. */
	enum reconcile_kind said[PAYMENTS_MAX];
	struct key128 strangers[ROWS_MAX];
	char strange_tickets[ROWS_MAX][LANE_TICKET_BYTES];
	enum reconcile_kind strange[ROWS_MAX];
	uint32_t strangers_count, told;
	int64_t ours_minor, theirs_minor;
	struct lost *named; /* of what was said; NULL where nothing can be lost */
};

/* The mistakes that a file may have. */
enum mistake { MISTAKE_MISSING, MISTAKE_DOUBLED, MISTAKE_AMOUNT, MISTAKE_SIGN, MISTAKES };
static const char *const mistake_names[MISTAKES] = { "missing", "doubled", "other amount",
						     "other sign" };

/* ---- what there is ------------------------------------------------------------------------- */

static void
add_ours(struct books *b, const struct payment *p)
{
	if (b->count == PAYMENTS_MAX) {
		world_broken(b->w, INV_ALIVE "too many payments");
		return;
	}
	b->of[b->count] = p;
	b->ours[b->count++] = (struct reconcile_ours){
		.key = p->key,
		.ticket = str_of(p->ticket),
		.ref = str_of(p->ref),
		.currency = str_of(p->currency),
		.state = p->state,
		.asked_minor = p->asked_minor,
		.answered_minor = p->answered_minor,
		.kind = p->kind,
		.original = p->original,
		.original_ref = str_of(p->original_ref),
	};
}

static int
read_row(void *ctx, const struct journal_report_row *r)
{
	struct books *b = ctx;

	if (b->count == PAYMENTS_MAX)
		return -E2BIG;
	b->read[b->count] = r->payment;
	add_ours(b, &b->read[b->count]);
	return 0;
}

/* As lanectl gets them: by the report of all days. */
static void
read_report(struct books *b, struct journal *j)
{
	struct journal_report_query q = { .to_day = DAY_LAST, .limit = 1000 };
	int rc;

	b->read = calloc(PAYMENTS_MAX, sizeof(*b->read));
	if (b->read == NULL)
		abort();
	rc = journal_report(j, &q, read_row, b);
	q.refunds = true;
	if (rc == 0)
		rc = journal_report(j, &q, read_row, b);
	if (rc < 0 || b->count != mem_journal_payments_count(b->w->journal))
		world_broken(b->w, INV_BOOKS "the report has %u of %u payments (%d)",
			     b->count, mem_journal_payments_count(b->w->journal), rc);
}

static void
gather_ours(struct books *b)
{
	struct world *w = b->w;

	if (w->twin != NULL && twin_journal_db(w->twin) != NULL) {
		read_report(b, twin_journal_db(w->twin));
		return;
	}
	for (uint32_t i = 0; i < mem_journal_payments_count(w->journal); i++)
		add_ours(b, mem_journal_payment(w->journal, i));
}

static void
add_row(struct books *b, struct key128 key, const char *ticket, int64_t amount_minor)
{
	if (b->rows_count == ROWS_MAX) {
		world_broken(b->w, INV_ALIVE "too many rows of a settlement");
		return;
	}
	b->rows[b->rows_count++] = (struct row){ .key = key,
						 .ticket = ticket,
						 .amount_minor = amount_minor };
}

/* What the processor has moved: charges, and what went back. */
static void
settlement_rows(struct books *b)
{
	b->rows_count = 0;
	b->by_key = true;
	for (uint32_t i = 0; i < b->w->ledger_count; i++) {
		const struct entry *e = &b->w->ledger[i];

		if (e->is_refund && e->state == ENTRY_CAPTURED)
			add_row(b, e->key, e->ticket, -e->captured);
		if (e->is_refund || e->captures == 0)
			continue;
		add_row(b, e->key, e->ticket, e->captured);
		if (e->state == ENTRY_UNDONE)
			add_row(b, e->key, e->ticket, -e->captured);
	}
}

/* What the POS has taken by token, and given back: it knows of no keys. */
static void
pos_rows(struct books *b)
{
	const struct world *w = b->w;

	b->rows_count = 0;
	b->by_key = false;
	for (uint32_t i = 0; i < w->requests_count; i++) {
		const struct request *r = &w->requests[i];

		if (r->state == REQUEST_TAKEN)
			add_row(b, r->key, r->ticket, r->taken_minor);
	}
	for (uint32_t i = 0; i < w->ledger_count; i++) {
		const struct entry *e = &w->ledger[i];

		if (e->is_refund && e->state == ENTRY_CAPTURED)
			add_row(b, e->key, e->ticket, -e->captured);
		else if (!w->terminal && !e->is_refund && e->confirmed)
			add_row(b, e->key, e->ticket, e->captured);
	}
}

/* ---- the file ------------------------------------------------------------------------------ */

/* How this processor writes: integers or decimals, a column of types or signs, its own names. */
enum { STYLE_MINOR = 1, STYLE_TYPES = 2, STYLE_FOREIGN = 4, STYLES = 8 };

static void
write_amount(struct strbuf *t, int64_t minor, unsigned style)
{
	uint64_t n = minor < 0 ? (uint64_t)-minor : (uint64_t)minor;
	const char *sign = minor < 0 && (style & STYLE_TYPES) == 0 ? "-" : "";

	if ((style & STYLE_MINOR) != 0)
		strbuf_addf(t, "%s%llu", sign, (unsigned long long)n);
	else
		strbuf_addf(t, "%s%llu.%02llu", sign, (unsigned long long)(n / 100),
			    (unsigned long long)(n % 100));
}

static void
write_file(const struct books *b, struct strbuf *t, unsigned style)
{
	bool foreign = (style & STYLE_FOREIGN) != 0;
	const char *end = foreign ? "\r\n" : "\n";

	strbuf_addf(t,
		    foreign ? "Kind,Gross Credit,\"Shop ticket\",Merchant Ref%s"
			    : "type,amount,ticket,key%s",
		    end);
	for (uint32_t i = 0; i < b->rows_count; i++) {
		const struct row *r = &b->rows[i];
		char key[KEY128_TEXT_BYTES] = "";

		if (b->by_key)
			key128_text(key, r->key);
		if ((style & STYLE_TYPES) != 0)
			strbuf_addf(t, "%s", r->amount_minor < 0 ? "refund" : "sale");
		strbuf_addf(t, ",");
		write_amount(t, r->amount_minor, style);
		strbuf_addf(t, foreign ? ",\"%s\",%s%s" : ",%s,%s%s", r->ticket, key,
			    end);
	}
}

/* Without a column of types every row is money to us, unless its sign says otherwise. */
static const char *
columns_of(unsigned style)
{
	static const char *const columns[] = {
		[0] = "type=none",
		[STYLE_TYPES] = "",
		[STYLE_FOREIGN] = "type=none,amount=gross credit,ticket=Shop ticket,"
				  "key=Merchant Ref",
		[STYLE_FOREIGN | STYLE_TYPES] =
			"type=Kind,amount=gross credit,ticket=shop ticket,"
			"key=Merchant Ref",
	};

	return columns[style & (STYLE_TYPES | STYLE_FOREIGN)];
}

static int
note_said(void *ctx, const struct reconcile_result *r)
{
	struct books *b = ctx;

	b->told++;
	b->ours_minor += r->ours_minor;
	b->theirs_minor += r->theirs_minor;
	if (r->ours != NULL) {
		b->said[r->ours - b->ours] = r->kind;
		return 0;
	}
	b->strangers[b->strangers_count] =
		b->by_key ? r->theirs->key : (struct key128){ { 0 } };
	(void)str_copy(b->strange_tickets[b->strangers_count], LANE_TICKET_BYTES,
		       r->theirs->ticket); /* it is one of ours */
	b->strange[b->strangers_count++] = r->kind;
	return 0;
}

/* Writes the file, reads it, and reconciles. */
static void
reconcile(struct books *b, unsigned style)
{
	size_t bytes = ((size_t)b->rows_count + 1) * ROW_BYTES;
	char *text = malloc(bytes);
	const struct settlement_options o = { .columns = columns_of(style),
					      .minor = (style & STYLE_MINOR) != 0,
					      .currency = "EUR",
					      .charges = SETTLEMENT_CHARGES,
					      .credits = SETTLEMENT_CREDITS };
	struct reconcile_input in = { .ours = b->ours, .ours_count = b->count };
	struct settlement s;
	struct strbuf t;

	if (text == NULL)
		abort();
	strbuf_init(&t, text, bytes);
	write_file(b, &t, style);
	b->told = b->strangers_count = 0;
	b->ours_minor = b->theirs_minor = 0;
	if (t.truncated || settlement_read(text, t.used, &o, &s) < 0) {
		world_broken(b->w, INV_BOOKS "the file is not read: line %u, %s",
			     s.faults_count > 0 ? s.faults[0].line : 0,
			     s.faults_count > 0 ? s.faults[0].what : "");
		settlement_free(&s);
		return;
	}
	in.theirs = s.rows;
	in.theirs_count = s.count;
	if (s.count != b->rows_count || reconcile_run(&in, note_said, b) < 0)
		world_broken(b->w, INV_BOOKS "%u of %u rows are read", s.count,
			     b->rows_count);
	settlement_free(&s);
}

/* ---- what is to be said --------------------------------------------------------------------- */

static const struct payment *
payment_named(const struct books *b, struct key128 key)
{
	for (uint32_t i = 0; i < b->count; i++)
		if (key128_eq(b->of[i]->key, key))
			return b->of[i];
	return NULL;
}

static bool
has_row(const struct books *b, const struct payment *p)
{
	for (uint32_t i = 0; i < b->rows_count; i++)
		if (b->rows[i].of == p)
			return true;
	return false;
}

/* How likely an entry is a refund's: its money went back, may have gone, or did not. */
static int
likely(const struct payment *refund)
{
	if (refund->state == PAYMENT_REFUNDED)
		return 3;
	return payment_is_open(refund->state) ? 2 : 1;
}

/* The likeliest refund of the row's payment over just this amount that no row has told of. */
static const struct payment *
refund_without_row(const struct books *b, const struct row *r)
{
	const struct payment *best = NULL;

	for (uint32_t i = 0; i < b->count; i++) {
		const struct payment *p = b->of[i];
		int64_t amount =
			p->answered_minor != 0 ? p->answered_minor : p->asked_minor;

		if (p->kind == PAYMENT_REFUND && key128_eq(p->original, r->key) &&
		    r->amount_minor == -amount && !has_row(b, p) &&
		    (best == NULL || likely(p) > likely(best)))
			best = p;
	}
	return best;
}

/*
 * A row is its name's. But money back under the name of a payment is, where there is one, the refund of
 * that payment over just this amount that has no row: also one that failed, as nobody can tell a charge
 * with the wrong sign from money that went back after all. Then the charge is missing, and said so.
 */
static void
tie_rows(struct books *b)
{
	for (uint32_t i = 0; i < b->rows_count; i++)
		b->rows[i].of = NULL;
	for (int by_payment = 0; by_payment <= 1; by_payment++) {
		for (uint32_t i = 0; i < b->rows_count; i++) {
			struct row *r = &b->rows[i];
			const struct payment *named = payment_named(b, r->key), *refund;

			if ((r->amount_minor < 0 &&
			     (named == NULL || named->kind != PAYMENT_REFUND)) !=
			    (by_payment == 1))
				continue;
			refund = by_payment == 1 ? refund_without_row(b, r) : NULL;
			r->of = refund != NULL ? refund : named;
		}
	}
}

static void
sum_add(struct sum *s, const struct row *r)
{
	s->rows++;
	s->minor += r->amount_minor;
	*(r->amount_minor > 0 ? &s->charges : &s->credits) += 1;
}

static struct sum
sum_of(const struct books *b, const struct payment *p)
{
	struct sum s = { .rows = 0 };

	for (uint32_t i = 0; i < b->rows_count; i++)
		if (b->rows[i].of == p)
			sum_add(&s, &b->rows[i]);
	return s;
}

static struct sum
sum_of_stranger(const struct books *b, struct key128 key)
{
	struct sum s = { .rows = 0 };

	for (uint32_t i = 0; i < b->rows_count; i++)
		if (b->rows[i].of == NULL && key128_eq(b->rows[i].key, key))
			sum_add(&s, &b->rows[i]);
	return s;
}

static enum reconcile_kind
expected_refund(const struct payment *p, const struct sum *s)
{
	if (payment_is_open(p->state))
		return s->minor != 0 ? RECONCILE_BACK_RESOLVES : RECONCILE_OPEN;
	if (p->state != PAYMENT_REFUNDED)
		return s->minor != 0 ? RECONCILE_BACK : RECONCILE_AGREES;
	if (s->rows == 0)
		return RECONCILE_NOT_BACK;
	if (-s->minor == p->answered_minor)
		return RECONCILE_AGREES;
	return s->credits > 1 && -s->minor > p->answered_minor ? RECONCILE_BACK_TWICE
							       : RECONCILE_AMOUNT;
}

static enum reconcile_kind
expected(const struct payment *p, const struct sum *s)
{
	if (p->kind == PAYMENT_REFUND)
		return expected_refund(p, s);
	if (p->state == PAYMENT_UNDO_FAILED)
		return RECONCILE_UNDO_FAILED;
	if (payment_is_open(p->state) && p->state != PAYMENT_CREATED)
		return s->minor != 0 ? RECONCILE_RESOLVES : RECONCILE_OPEN;
	if (p->state == PAYMENT_UNDONE && s->minor != 0)
		return RECONCILE_NOT_UNDONE;
	if (p->state != PAYMENT_CONFIRMED && s->minor != 0)
		return RECONCILE_CHARGED;
	if (p->state != PAYMENT_CONFIRMED)
		return s->charges > 0 ? RECONCILE_UNDONE : RECONCILE_AGREES;
	if (s->rows == 0)
		return RECONCILE_NOT_THERE;
	if (s->minor == p->answered_minor)
		return RECONCILE_AGREES;
	if (s->charges > 1 && s->minor > p->answered_minor)
		return RECONCILE_TWICE;
	return s->minor == 0 ? RECONCILE_TAKEN_BACK : RECONCILE_AMOUNT;
}

/* What was said of a name that the journal does not know; RECONCILE_KINDS nothing. */
static enum reconcile_kind
said_of_stranger(const struct books *b, struct key128 key)
{
	for (uint32_t i = 0; i < b->strangers_count; i++)
		if (key128_eq(b->strangers[i], key))
			return b->strange[i];
	return RECONCILE_KINDS;
}

static void
wrong(const struct books *b, const char *ticket, enum reconcile_kind said,
      enum reconcile_kind wanted, const char *why)
{
	world_broken(b->w, INV_BOOKS "%s: %s is said, and %s is right%s%s", ticket,
		     said < RECONCILE_KINDS ? reconcile_name(said) : "nothing",
		     reconcile_name(wanted), why[0] == '\0' ? "" : ": ", why);
}

/* Exactly what the rows say of each payment, with the mistake that is in them. */
static void
check_said(struct books *b, const char *mistake)
{
	tie_rows(b);
	for (uint32_t i = 0; i < b->count; i++) {
		struct sum s = sum_of(b, b->of[i]);
		enum reconcile_kind right = expected(b->of[i], &s);

		if (b->said[i] != right)
			wrong(b, b->of[i]->ticket, b->said[i], right, mistake);
	}
	for (uint32_t i = 0; i < b->rows_count; i++) {
		const struct row *r = &b->rows[i];
		struct sum s = sum_of_stranger(b, r->key);
		enum reconcile_kind right =
			s.minor == 0 ? RECONCILE_ELSEWHERE : RECONCILE_NOT_HERE;
		enum reconcile_kind said = said_of_stranger(b, r->key);

		if (r->of == NULL && said != right)
			wrong(b, r->ticket, said, right, mistake);
	}
}

/* An alarm has told of it already, or the disk has taken what the journal knew. */
static bool
may_differ(const struct books *b, const struct payment *p)
{
	return lost_has_key(b->w->lost, p->key) || p->state == PAYMENT_UNDO_FAILED ||
	       (p->kind == PAYMENT_REFUND && lost_has_key(b->w->alarmed, p->key));
}

/* The simulation knows where a difference may be: there is none elsewhere. */
static void
check_consistent(const struct books *b)
{
	struct world *w = b->w;
	int64_t processor = 0;

	for (uint32_t i = 0; i < b->count; i++) {
		const struct payment *p = b->of[i];

		if (reconcile_is_difference(b->said[i]) && lost_has_key(w->lost, p->key))
			w->res->named++;
		else if (reconcile_is_difference(b->said[i]) && !may_differ(b, p))
			world_broken(w, INV_BOOKS "%s differs: %s", p->ticket,
				     reconcile_name(b->said[i]));
	}
	for (uint32_t i = 0; i < b->strangers_count; i++) {
		if (reconcile_is_difference(b->strange[i]))
			w->res->named++;
		if (!lost_has_key(w->lost, b->strangers[i]))
			world_broken(w, INV_BOOKS "a stranger: %s",
				     reconcile_name(b->strange[i]));
	}
	for (uint32_t i = 0; i < b->rows_count; i++)
		processor += b->rows[i].amount_minor;
	if (b->theirs_minor != processor || b->told != b->count + b->strangers_count)
		world_broken(w, INV_BOOKS "%lld is added up, the processor has %lld",
			     (long long)b->theirs_minor, (long long)processor);
}

/* ---- mistakes -------------------------------------------------------------------------------- */

static void
plant(struct books *b, enum mistake m, uint32_t at)
{
	struct row *r = &b->rows[at];

	if (m == MISTAKE_MISSING)
		*r = b->rows[--b->rows_count];
	else if (m == MISTAKE_DOUBLED)
		add_row(b, r->key, r->ticket, r->amount_minor);
	else if (m == MISTAKE_AMOUNT)
		r->amount_minor += r->amount_minor > 0 ? 7 : -7;
	else
		r->amount_minor = -r->amount_minor;
}

/* Whatever is not certain in the journal itself cannot be told from a mistake. */
static bool
is_certain(const struct books *b, struct key128 key)
{
	for (uint32_t i = 0; i < b->count; i++)
		if (key128_eq(b->of[i]->key, key))
			return !payment_is_open(b->of[i]->state);
	return true;
}

static enum reconcile_kind
said_of(const struct books *b, struct key128 key)
{
	for (uint32_t i = 0; i < b->count; i++)
		if (key128_eq(b->of[i]->key, key))
			return b->said[i];
	return said_of_stranger(b, key);
}

/* One mistake in the file: it is named, and nothing else is. */
static void
plant_one(struct books *b, unsigned style)
{
	struct world *w = b->w;
	enum mistake m = (enum mistake)(world_random(w) % MISTAKES);
	enum reconcile_kind said;
	struct row of;
	bool was_odd;

	if (b->rows_count == 0 || b->rows_count == ROWS_MAX)
		return;
	of = b->rows[world_random(w) % b->rows_count];
	was_odd = said_of(b, of.key) != RECONCILE_AGREES &&
		  said_of(b, of.key) != RECONCILE_UNDONE;
	for (uint32_t i = 0; i < b->rows_count; i++)
		if (key128_eq(b->rows[i].key, of.key) &&
		    b->rows[i].amount_minor == of.amount_minor) {
			plant(b, m, i);
			break;
		}
	reconcile(b, style);
	check_said(b, mistake_names[m]);
	said = said_of(b, of.key);
	w->res->mistakes++;
	/* What was odd before may be made right by a mistake. */
	if (!was_odd && is_certain(b, of.key) && !reconcile_is_difference(said))
		world_broken(w, INV_BOOKS "%s: %s in the file, and %s is said", of.ticket,
			     mistake_names[m],
			     said < RECONCILE_KINDS ? reconcile_name(said) : "nothing");
}

/* ---- the POS's log ----------------------------------------------------------------------------- */

/* Nothing is odd with any payment of the ticket. */
static bool
is_plain(const struct books *b, const char *ticket)
{
	for (uint32_t i = 0; i < b->count; i++) {
		const struct payment *p = b->of[i];

		if (strcmp(p->ticket, ticket) == 0 &&
		    (may_differ(b, p) ||
		     (p->state == PAYMENT_REFUNDED && p->answered_minor == 0)))
			return false;
	}
	return !lost_has_paid(b->w->lost, ticket);
}

/* Whole captures of the ticket that stand. */
static uint32_t
captures_of(const struct world *w, const char *ticket)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < w->ledger_count; i++) {
		const struct entry *e = &w->ledger[i];

		n += e->state == ENTRY_CAPTURED && !e->is_refund &&
		     e->captured >= e->amount && strcmp(e->ticket, ticket) == 0;
	}
	return n;
}

/* The tickets of what was named as a difference. */
static void
note_named(struct books *b)
{
	for (uint32_t i = 0; b->named != NULL && i < b->count; i++)
		if (reconcile_is_difference(b->said[i]))
			lost_add_ticket(b->named, b->of[i]->ticket);
	for (uint32_t i = 0; b->named != NULL && i < b->strangers_count; i++)
		if (reconcile_is_difference(b->strange[i]))
			lost_add_ticket(b->named, b->strange_tickets[i]);
}

/*
 * What a disk has lost of a ticket may have it sold for nothing, as its approval was undone, or charged
 * for nothing, or twice: then the settlement or the POS's log says so.
 */
static void
check_lost_tickets(const struct books *b)
{
	for (uint32_t i = 0; i < b->w->tickets_count; i++) {
		const struct ticket *t = &b->w->tickets[i];
		uint32_t n = captures_of(b->w, t->name);

		if (n != (t->end == TICKET_TOKEN) && !lost_has_ticket(b->named, t->name))
			world_broken(b->w,
				     INV_BOOKS "%s ended as %d with %u captures, unnamed",
				     t->name, t->end, n);
	}
}

/* By tickets alone: what the POS took is what the journal has as confirmed, part by part. */
static void
check_pos_log(const struct books *b)
{
	for (uint32_t i = 0; i < b->count; i++) {
		const struct payment *p = b->of[i];

		if (b->said[i] != RECONCILE_AGREES && is_plain(b, p->ticket))
			world_broken(b->w, INV_BOOKS "the POS's log and %s: %s",
				     p->ticket, reconcile_name(b->said[i]));
	}
	for (uint32_t i = 0; i < b->strangers_count; i++)
		if (!lost_has_paid(b->w->lost, b->strange_tickets[i]))
			world_broken(b->w, INV_BOOKS "the POS's log has a stranger: %s",
				     b->strange_tickets[i]);
}

void
books_settled(struct world *w)
{
	struct books *b = calloc(1, sizeof(*b));
	unsigned style = (unsigned)(world_random(w) % STYLES);

	if (b == NULL)
		abort();
	b->w = w;
	if (w->lost != NULL)
		b->named = lost_new();
	gather_ours(b);
	settlement_rows(b);
	reconcile(b, style);
	check_said(b, "");
	check_consistent(b);
	note_named(b);
	plant_one(b, style);
	pos_rows(b);
	reconcile(b, style);
	check_pos_log(b);
	note_named(b);
	check_lost_tickets(b);
	w->res->reconciled++;
	(void)lost_free(b->named); /* gives NULL */
	free(b->read);
	free(b);
}
