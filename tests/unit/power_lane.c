#include "power_lane.h"

#include "bench/prompt.h"
#include "lane/journal_private.h"
#include "power_vfs.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES 3
#define LEDGER_MAX 96u
#define QUIET_ROUNDS 300
/* Small, so that the log is moved into the file several times a run. */
#define CHECKPOINT_PAGES "PRAGMA wal_autocheckpoint = 24"

static const char rules_text[] =
	"{\"laned_rules\":1,\"currency\":\"EUR\",\"rules\":["
	"{\"id\":\"ten\",\"kind\":\"percent\",\"scope\":{\"sku\":[\"400001\",\"400002\"]}"
	","
	"\"params\":{\"percent_bp\":1000},\"who\":{\"member\":true}},"
	"{\"id\":\"once\",\"kind\":\"amount\",\"scope\":{\"sku\":[\"400000\"]},"
	"\"params\":{\"amount_minor\":30},\"limits\":{\"per_basket\":1,\"total\":1000}}]"
	"}";

/* How a checkout goes; ticket n has way n % WAYS. */
enum way { PAID, DECLINED, GIVEN_BACK, VOIDED, LATE, ANSWERED, CASH, WAYS };

/* What till and processor know of a payment, or of money that is to go back of one. */
struct entry {
	struct key128 key;
	struct key128 original; /* of a refund: which payment */
	bool is_refund;         /* captured is: it went back */
	char ticket[16];
	enum way way;
	int64_t asked;
	bool captured, declined, undone, confirmed;
};

struct power_lane {
	struct prompt lane;
	struct power_book *book;
	struct pricing_rules *rules;
	struct journal *journal;
	char reqs[LEDGER_MAX][2]
		 [8]; /* "s3", "a3": may I send, may I answer, of entry 3 */
	struct entry ledger[LEDGER_MAX];
	unsigned ledger_count;
	unsigned ticket; /* the last one, from 1 */
	uint32_t rev;
	unsigned returns, refused;
	bool forgiving;
	char wrong[200];
};

static void __attribute__((format(printf, 2, 3)))
wrong(struct power_lane *l, const char *format, ...)
{
	va_list args;

	if (l->wrong[0] != '\0')
		return;
	va_start(args, format);
	(void)vsnprintf(l->wrong, sizeof(l->wrong), format, args); /* for people */
	va_end(args);
}

/* ---- till and processor ------------------------------------------------------------------ */

static struct lane_event *
post(struct power_lane *l, enum lane_event_kind kind)
{
	return prompt_post(&l->lane, kind);
}

static struct entry *
entry_find(struct power_lane *l, struct key128 key)
{
	for (unsigned i = 0; i < l->ledger_count; i++) {
		if (key128_eq(l->ledger[i].key, key))
			return &l->ledger[i];
	}
	return NULL;
}

static void
complete(struct power_lane *l, const struct entry *e, enum lane_op op,
	 enum lane_outcome outcome)
{
	struct lane_event *ev = post(l, LANE_EV_COMPLETION);

	ev->completion.key = e->key;
	ev->completion.op = op;
	ev->completion.outcome = outcome;
	ev->completion.has_amount = outcome == OUTCOME_APPROVED;
	ev->completion.amount_minor = e->asked;
	ev->completion.ref = STR("ref-7");
	ev->completion.auth = STR("auth-7");
}

static enum lane_outcome
state_of(const struct entry *e)
{
	if (e->undone)
		return OUTCOME_UNDONE;
	if (e->confirmed)
		return OUTCOME_CONFIRMED;
	if (e->captured)
		return OUTCOME_APPROVED;
	return e->declined ? OUTCOME_DECLINED : OUTCOME_NOT_FOUND;
}

static void
want_journal(struct power_lane *l, const struct entry *e, bool answer)
{
	struct lane_event *ev = post(l, LANE_EV_JOURNAL_WANTED);
	char *req = l->reqs[e - l->ledger][answer];

	(void)snprintf(req, sizeof(l->reqs[0][0]), "%c%d", answer ? 'a' : 's',
		       (int)(e - l->ledger)); /* fits */
	ev->journal.key = e->key;
	ev->journal.req = str_of(req);
	ev->journal.answer = answer;
	ev->journal.blob = (const uint8_t *)"reference 0001";
	ev->journal.blob_bytes = 14;
}

/* At most once a key, and of a payment never more than it took. */
static void
credit(struct power_lane *l, struct entry *e)
{
	struct entry *paid = entry_find(l, e->original);
	int64_t back = e->asked;

	for (unsigned i = 0; i < l->ledger_count; i++) {
		const struct entry *o = &l->ledger[i];

		if (o->is_refund && o->captured && key128_eq(o->original, e->original))
			back += o->asked;
	}
	if (e->captured || e->declined)
		wrong(l, "a refund is sent again");
	else if (paid == NULL || !paid->confirmed || back > paid->asked)
		wrong(l, "more goes back than was paid");
	e->captured = true;
	complete(l, e, LANE_OP_REFUND,
		 e->way == LATE ? OUTCOME_UNKNOWN : OUTCOME_APPROVED);
}

static void
charge(struct power_lane *l, struct entry *e)
{
	for (unsigned i = 0; i < l->ledger_count; i++) {
		const struct entry *o = &l->ledger[i];

		if (o->is_refund || !o->captured || o->undone ||
		    strcmp(o->ticket, e->ticket) != 0)
			continue;
		l->refused++;
		if (!l->forgiving)
			wrong(l, "%s is charged twice", e->ticket);
		e->declined = true;
	}
	if (e->undone || e->captured)
		wrong(l, "a key of %s is used again", e->ticket);
	e->declined = e->declined || e->way == DECLINED;
	e->captured = !e->declined;
	if (e->way == VOIDED || e->way == LATE)
		complete(l, e, LANE_OP_PAY, OUTCOME_UNKNOWN);
	else
		complete(l, e, LANE_OP_PAY, state_of(e));
}

static void
on_pay(struct power_lane *l, const struct payment *p)
{
	struct entry *e = entry_find(l, p->key);

	if (e != NULL) {
		wrong(l, "%s is submitted twice under a key", e->ticket);
		return;
	}
	if (l->ledger_count == LEDGER_MAX)
		abort();
	e = &l->ledger[l->ledger_count++];
	memset(e, 0, sizeof(*e));
	e->key = p->key;
	e->asked = p->asked_minor;
	(void)snprintf(e->ticket, sizeof(e->ticket), "%.15s", p->ticket); /* ours */
	e->way = (enum way)(strtoul(e->ticket + 1, NULL, 10) % WAYS);
	want_journal(l, e, false);
}

/* Submitted again only while it has not left. */
static void
on_refund(struct power_lane *l, const struct payment *p)
{
	struct entry *e = entry_find(l, p->key);

	if (e == NULL) {
		if (l->ledger_count == LEDGER_MAX)
			abort();
		e = &l->ledger[l->ledger_count++];
		memset(e, 0, sizeof(*e));
		e->key = p->key;
		e->original = p->original;
		e->is_refund = true;
		e->asked = p->asked_minor;
		e->way = p->key.b[0] % 2 == 0 ? LATE : PAID;
		(void)snprintf(e->ticket, sizeof(e->ticket), "%.15s", p->ticket);
	}
	want_journal(l, e, false);
}

/* Of a key that never came: nothing that still comes under it is done, says the processor. */
static void
on_query(struct power_lane *l, struct entry *e)
{
	complete(l, e, LANE_OP_QUERY, state_of(e));
	if (e->is_refund && !e->captured)
		e->declined = true;
}

static void
on_confirm(struct power_lane *l, struct entry *e)
{
	if (e->undone || !e->captured) {
		complete(l, e, LANE_OP_CONFIRM, state_of(e));
	} else if (e->way == GIVEN_BACK) {
		post(l, LANE_EV_POS_UNDO)->key = e->key;
	} else if (e->way == ANSWERED && !e->confirmed) {
		want_journal(l, e, true);
	} else {
		e->confirmed = true;
		complete(l, e, LANE_OP_CONFIRM, OUTCOME_CONFIRMED);
	}
}

static void
on_undo(struct power_lane *l, struct entry *e)
{
	if (e->confirmed)
		wrong(l, "%s is undone after the till has taken it", e->ticket);
	e->undone = true;
	complete(l, e, LANE_OP_UNDO, e->captured ? OUTCOME_UNDONE : OUTCOME_NOT_FOUND);
}

/* ---- transports -------------------------------------------------------------------------- */

static int
on_adapter(void *ctx, const struct lane_effect *fx)
{
	struct power_lane *l = ctx;
	struct entry *e;

	if (fx->kind == FX_OFFER)
		return 0;
	if (fx->kind == FX_PAY) {
		on_pay(l, fx->pay.payment);
		return 0;
	}
	if (fx->kind == FX_REFUND) {
		on_refund(l, fx->pay.payment);
		return 0;
	}
	e = entry_find(l, fx->payment->key);
	if (e == NULL)
		return -EAGAIN; /* never handed over: the lane asks again later, or undoes */
	if (fx->kind == FX_QUERY)
		on_query(l, e);
	else if (fx->kind == FX_CONFIRM)
		on_confirm(l, e);
	else
		on_undo(l, e);
	return 0;
}

static void
on_journal_answer(void *ctx, const char *req, bool ok)
{
	struct power_lane *l = ctx;
	struct entry *e = &l->ledger[strtoul(req + 1, NULL, 10)];

	if (req[0] == 's' && ok && e->is_refund) {
		credit(l, e);
	} else if (req[0] == 's' && ok) {
		charge(l, e);
	} else if (req[0] == 's') {
		complete(l, e, e->is_refund ? LANE_OP_REFUND : LANE_OP_PAY,
			 OUTCOME_NOT_SENT);
	} else if (ok && e->captured && !e->undone) {
		e->confirmed = true;
		complete(l, e, LANE_OP_CONFIRM, OUTCOME_CONFIRMED);
	}
}

static void
on_alarm(void *ctx, const struct lane_audit *a)
{
	(void)ctx;
	(void)a;
}

static void
on_journal_error(void *ctx, int error)
{
	struct power_lane *l = ctx;

	l->lane.off = true;
	if (error != -EIO)
		wrong(l, "a commit failed: %s", strerror(-error));
}

static const struct effects_ops ops = {
	.fresh = prompt_on_fresh,
	.bio = prompt_on_bio,
	.adapter = on_adapter,
	.journal_answer = on_journal_answer,
	.resolve = prompt_on_resolve,
	.show = prompt_on_show,
	.alarm = on_alarm,
	.journal_error = on_journal_error,
};

static int
find_member(void *ctx, struct ulid member, struct lane_member *ret_member)
{
	struct power_lane *l = ctx;

	if (!ulid_eq(member, l->lane.member.member))
		return -ENOENT;
	*ret_member = l->lane.member;
	return 0;
}

/* ---- events ------------------------------------------------------------------------------ */

/* Its result is nobody's: a ticket that has ended, a payment that is let go, are refused rightly. */
static void
step(struct power_lane *l, struct lane_event *ev)
{
	prompt_step(&l->lane, ev);
}

static void
step_up(struct power_lane *l, enum lane_event_kind kind)
{
	struct lane_event ev = { .kind = kind, .up = true };

	step(l, &ev);
}

static void
name_ticket(const struct power_lane *l, char ticket[16])
{
	(void)snprintf(ticket, 16, "T%u", l->ticket); /* fits */
}

static void
step_basket(struct power_lane *l, uint32_t count, bool final, bool closed)
{
	char ticket[16];
	struct prompt_basket b = { ticket, ++l->rev, count, final, closed };

	name_ticket(l, ticket);
	prompt_basket(&l->lane, &b);
}

static void
step_touch(struct power_lane *l)
{
	char probe[24];

	(void)snprintf(probe, sizeof(probe), "probe-%u-%u", l->ticket, l->rev); /* fits */
	prompt_touch(&l->lane, probe);
}

static void
step_cancel(struct power_lane *l)
{
	struct lane_event ev = { .kind = LANE_EV_CANCEL };
	char ticket[16];

	name_ticket(l, ticket);
	ev.ticket = str_of(ticket);
	step(l, &ev);
}

static void
step_cash(struct power_lane *l)
{
	struct lane_event ev = { .kind = LANE_EV_OTHER_TENDER };

	step(l, &ev);
	step_basket(l, LINES, true, true);
}

/* Time passes until nothing is open. */
static void
wait_quiet(struct power_lane *l)
{
	for (int i = 0; i < QUIET_ROUNDS && !l->lane.off; i++) {
		struct lane_event ev = { .kind = LANE_EV_TICK };
		int64_t at = lane_core_deadline(l->lane.core), by = 1000;

		if (lane_core_payments_count(l->lane.core) == 0)
			return;
		if (at != LANE_NEVER && at > l->lane.now.mono_ms)
			by = at - l->lane.now.mono_ms;
		l->lane.now.mono_ms += by;
		l->lane.now.wall_ms += by;
		step(l, &ev);
	}
}

static void
one_checkout(struct power_lane *l)
{
	l->ticket++;
	l->rev = 0;
	step_basket(l, 1, false, false);
	step_basket(l, LINES, false, false);
	step_basket(l, LINES, true, false);
	if (l->ticket % WAYS != CASH)
		step_touch(l);
	switch ((enum way)(l->ticket % WAYS)) {
	case DECLINED:
	case CASH:
		step_cash(l);
		break;
	case VOIDED:
		step_cancel(l);
		break;
	case LATE:
		wait_quiet(l);
		break;
	case PAID:
	case GIVEN_BACK:
	case ANSWERED:
	case WAYS:
		break;
	}
}

/* A payment that stands, to give ten cents of it back. */
static const struct entry *
find_confirmed(const struct power_lane *l)
{
	for (unsigned i = l->ledger_count; i-- > 0;)
		if (l->ledger[i].confirmed)
			return &l->ledger[i];
	return NULL;
}

static bool
begin_refund(struct power_lane *l, struct payment *p)
{
	const struct entry *paid = find_confirmed(l);
	struct payment_start start = {
		.kind = PAYMENT_REFUND,
		.checkout = { { 9, 9 } },
		.return_id = { { 2, (uint8_t)l->returns } },
		.ticket = STR("R"),
		.currency = STR("EUR"),
		.amount_minor = 10,
	};
	unsigned actions;

	if (paid == NULL)
		return false;
	start.original = paid->key;
	start.key.b[0] = (uint8_t)l->returns;
	start.key.b[1] = 0xb0; /* no key of a payment has that here */
	return payment_begin(p, &start, &l->lane.now, &actions) == 0;
}

static void
give_back(struct power_lane *l)
{
	struct lane_event ev = { .kind = LANE_EV_REFUND };
	struct payment refund;
	const struct journal_return_line line = { 1, 900, false, l->returns, 1, 10 };
	struct journal_return r = {
		.id = { { 2, (uint8_t)l->returns } },
		.checkout = { { 9, 9 } },
		.wall_ms = l->lane.now.wall_ms,
		.sold_wall_ms = l->lane.now.wall_ms - 1000,
		.business_day = l->lane.now.business_day,
		.currency = "EUR",
		.store = "s1",
		.lane = "l1",
		.lines = &line,
		.lines_count = 1,
		.refund_minor = 10,
	};

	if (l->lane.off)
		return;
	if (begin_refund(l, &refund)) {
		r.refund = &refund;
		r.captured_minor = 1000;
	}
	if (power_book_return(l->book, l->journal, &r) < 0)
		l->lane.off = true;
	l->returns++;
	ev.refund = &refund;
	if (r.refund != NULL)
		step(l, &ev);
}

/* ---- life -------------------------------------------------------------------------------- */

struct power_lane *
power_lane_new(struct power_book *book)
{
	struct power_lane *l = calloc(1, sizeof(*l));

	if (l == NULL)
		abort();
	l->book = book;
	l->rules = prompt_rules(rules_text);
	prompt_init(&l->lane);
	return l;
}

void
power_lane_die(struct power_lane *l)
{
	prompt_close(&l->lane);
	l->journal = journal_close(l->journal);
}

struct power_lane *
power_lane_free(struct power_lane *l)
{
	if (l != NULL) {
		power_lane_die(l);
		pricing_rules_free(l->rules);
	}
	free(l);
	return NULL;
}

void
power_lane_forgive(struct power_lane *l)
{
	l->forgiving = true;
}

int
power_lane_open(struct power_lane *l, char why[256])
{
	struct journal_spec spec = { .path = "journal.db",
				     .vfs = POWER_VFS,
				     .environment = "test",
				     .lane = { { 1 } } };
	int rc = journal_open(&spec, &l->journal, why);

	return rc < 0 ? rc : db_exec(l->journal->db, CHECKPOINT_PAGES);
}

struct journal *
power_lane_journal(struct power_lane *l)
{
	return l->journal;
}

int
power_lane_start(struct power_lane *l)
{
	int rc;

	prompt_open(&l->lane, l->rules, power_book_over(l->book, l->journal), &ops);
	rc = effects_restore(l->lane.effects, find_member, &l->lane.now);
	step_up(l, LANE_EV_ADAPTER);
	step_up(l, LANE_EV_BIO);
	return rc;
}

void
power_lane_work(struct power_lane *l, unsigned checkouts)
{
	for (unsigned i = 0; i < checkouts && !l->lane.off; i++) {
		one_checkout(l);
		if (i % 3 == 2 || i % 4 == 3)
			give_back(l);
	}
	wait_quiet(l);
}

/* What a new process of the adapter says of each open payment. */
static void
recover(struct power_lane *l)
{
	struct lane_event tick = { .kind = LANE_EV_TICK };

	for (uint32_t i = 0; i < lane_core_payments_count(l->lane.core); i++) {
		const struct entry *e =
			entry_find(l, lane_core_payment(l->lane.core, i)->key);

		if (e != NULL)
			complete(l, e, LANE_OP_OTHER, state_of(e));
	}
	step(l, &tick);
}

/*
 * An answer that may have reached the till is kept for it, as long as it says nothing. It says that it
 * was never told, goes on with cash, and gives the approval back.
 */
static void
give_back_untaken(struct power_lane *l)
{
	struct lane_event tick = { .kind = LANE_EV_TICK };

	for (unsigned i = 0; i < l->ledger_count; i++) {
		const struct entry *e = &l->ledger[i];

		if (!e->is_refund && e->captured && !e->undone && !e->confirmed)
			post(l, LANE_EV_POS_UNDO)->key = e->key;
	}
	step(l, &tick);
}

void
power_lane_settle(struct power_lane *l)
{
	unsigned before;

	if (l->ticket > 0) {
		l->rev += 10;
		step_basket(l, LINES, true, false);
		step_touch(l);
	}
	recover(l);
	wait_quiet(l);
	if (l->ticket > 0)
		step_cash(l);
	wait_quiet(l);
	give_back_untaken(l);
	wait_quiet(l);
	l->ticket += WAYS - l->ticket % WAYS - 1; /* the next one is just paid */
	before = l->ledger_count;
	one_checkout(l);
	wait_quiet(l);
	if (!l->lane.off &&
	    (l->ledger_count != before + 1 || !l->ledger[l->ledger_count - 1].confirmed))
		wrong(l, "the next checkout is not paid");
}

static int64_t
count_rows(struct power_lane *l, const char *sql)
{
	sqlite3_stmt *s = NULL;
	int64_t n = -1;

	if (sqlite3_prepare_v2(db_handle(l->journal->db), sql, -1, &s, NULL) ==
		    SQLITE_OK &&
	    sqlite3_step(s) == SQLITE_ROW)
		n = sqlite3_column_int64(s, 0);
	(void)sqlite3_finalize(s); /* repeats the error of the step */
	return n;
}

static void
reconcile_refund(struct power_lane *l, const struct entry *e)
{
	struct journal_ref ref = journal_ref(l->journal);
	struct payment p;

	if (ref.ops->get_payment(ref.impl, e->key, &p) < 0)
		wrong(l, "the journal does not know a refund that went back");
	else if (payment_is_open(p.state) || (p.state == PAYMENT_REFUNDED) != e->captured)
		wrong(l, "a refund is %s, and the processor says %s",
		      payment_state_name(p.state), lane_outcome_name(state_of(e)));
}

static void
reconcile_one(struct power_lane *l, const struct entry *e)
{
	struct journal_ref ref = journal_ref(l->journal);
	struct payment p;
	bool paid = e->captured && !e->undone;

	if (e->is_refund) {
		reconcile_refund(l, e);
		return;
	}
	if (ref.ops->get_payment(ref.impl, e->key, &p) < 0)
		wrong(l, "the journal does not know the payment of %s", e->ticket);
	else if (payment_is_paid(p.state) != paid)
		wrong(l, "%s is %s, the processor says %s", e->ticket,
		      payment_state_name(p.state), lane_outcome_name(state_of(e)));
	else if (payment_is_open(p.state) || paid != e->confirmed)
		wrong(l, "%s stays %s", e->ticket, payment_state_name(p.state));
}

void
power_lane_reconcile(struct power_lane *l)
{
	int64_t done =
		count_rows(l, "SELECT count(*) FROM checkouts WHERE phase = 'done'");

	for (unsigned i = 0; i < l->ledger_count; i++)
		reconcile_one(l, &l->ledger[i]);
	if (count_rows(l, "SELECT sum(applications) FROM limit_totals") != done ||
	    count_rows(l, "SELECT count(*) FROM checkouts WHERE uses_counted = 1") !=
		    done)
		wrong(l, "uses of a limited offer are not the checkouts that were done");
	if (count_rows(l, "SELECT count(*) FROM refunds WHERE state IN ('created',"
			  " 'sending', 'unknown')") != 0)
		wrong(l, "a refund has no end");
	if (count_rows(l, "SELECT count(*) FROM refunds WHERE return_id NOT IN"
			  " (SELECT id FROM returns)") != 0)
		wrong(l, "a refund is there without its return");
	if (count_rows(l, "SELECT count(*) FROM reservations") != 0)
		wrong(l, "a limited offer is reserved for nobody");
}

const char *
power_lane_wrong(const struct power_lane *l)
{
	return l->wrong;
}

unsigned
power_lane_refused(const struct power_lane *l)
{
	return l->refused;
}
