#include "unit/tender_stage.h"

#include "unit/unit.h"

#include <errno.h>

#define POS "till"
#define PAYER "bank"
#define BOOK_MAX 16u

struct tender_stage {
	struct lane_core *core;
	struct lane_env env;
	struct lane_effects out;
	struct timepoint now;
	struct lane_fresh fresh;
	char fx[256], probe[16], ticket[16], ref[16];
	uint32_t tickets, rev, probes, asks, serial;
	int64_t asked, accepted;
	struct key128 last, first, refund;
	/* What is committed, and what it was before the last list. */
	struct payment book[BOOK_MAX], before[BOOK_MAX];
	uint32_t book_count, before_count;
	struct checkout_record record, record_before;
	struct basket_line line;
	bool failed; /* what was committed last is gone */
	bool consented; /* somebody touched for what is shown, and nobody was charged since */
	bool sent[BOOK_MAX]; /* "sending" was committed of that entry of the book */
	bool sold[BOOK_MAX],
		sold_before
			[BOOK_MAX]; /* the POS has taken it, and not given it back since */
};

static struct lane_member
member_of(int64_t n)
{
	struct lane_member m;

	memset(&m, 0, sizeof(m));
	m.member.b[15] = (uint8_t)n;
	m.subjects[0].b[15] = (uint8_t)n;
	m.subjects_count = n == 4 ? 0 : 1;
	m.has_tender = n != 3;
	(void)snprintf(m.token, sizeof(m.token), "tok%d", (int)n);
	return m;
}

static struct payment *
booked(struct tender_stage *s, struct key128 key)
{
	for (uint32_t i = 0; i < s->book_count; i++) {
		if (key128_eq(s->book[i].key, key))
			return &s->book[i];
	}
	return NULL;
}

static void
commit_payment(struct tender_stage *s, const struct payment *p)
{
	struct payment *old = booked(s, p->key);

	ck_assert(old != NULL || s->book_count < BOOK_MAX);
	if (old == NULL)
		old = &s->book[s->book_count++];
	*old = *p;
	s->sent[old - s->book] |= p->state == PAYMENT_SENDING || p->approval_seen;
	if (p->kind == PAYMENT_REFUND)
		s->refund = p->key;
	else
		s->last = p->key;
	if (key128_is_zero(s->first))
		s->first = p->key;
}

static void
commit(struct tender_stage *s)
{
	memcpy(s->before, s->book, sizeof(s->before));
	s->before_count = s->book_count;
	s->record_before = s->record;
	for (uint32_t i = 0; i < s->out.count; i++) {
		const struct lane_effect *fx = &s->out.list[i];

		if (fx->kind == FX_STORE_PAYMENT)
			commit_payment(s, fx->payment);
		else if (fx->kind == FX_STORE_CHECKOUT)
			s->record = fx->checkout;
	}
	s->record.lines = s->record.lines_count > 0 ? &s->line : NULL;
	s->record.lines_count = s->record.lines_count > 0;
	s->record.reserved = NULL;
	s->record.reserved_count = 0;
}

static char
answer_letter(enum lane_outcome o)
{
	switch ((int)o) {
	case OUTCOME_APPROVED:
		return 'A';
	case OUTCOME_PARTIAL:
		return 'H';
	case OUTCOME_DECLINED:
		return 'D';
	case OUTCOME_CANCELLED:
		return 'X';
	case OUTCOME_PASS:
		return '>';
	default:
		return '?';
	}
}

/* What the POS is told is what is committed. */
static void
check_answer(struct tender_stage *s, const struct lane_effect *fx)
{
	const struct payment *p = booked(s, fx->tell.payment->key);
	bool yes = fx->tell.outcome == OUTCOME_APPROVED ||
		   fx->tell.outcome == OUTCOME_PARTIAL;

	ck_assert_str_eq(fx->tell.payment->pos_adapter, POS);
	ck_assert(p != NULL || s->failed);
	if (p == NULL || s->failed)
		return;
	ck_assert_int_eq(yes, payment_is_paid(p->state) && !p->given_back);
	ck_assert_msg(fx->tell.outcome != OUTCOME_PASS || !s->sent[p - s->book],
		      "passed on, and the payer was asked");
	ck_assert_msg(fx->tell.outcome != OUTCOME_DECLINED ||
			      p->state == PAYMENT_DECLINED,
		      "declined, and %s", payment_state_name(p->state));
}

/* Nobody is charged who did not consent, nor for anything but what the POS asked for. */
static void
check_pay(struct tender_stage *s, const struct payment *p)
{
	const struct lane_display *d = lane_core_display(s->core);

	ck_assert_int_eq(p->asked_minor, s->accepted);
	ck_assert_str_eq(p->pos_adapter, POS);
	ck_assert_msg(s->consented, "nobody consented");
	ck_assert_msg(s->env.price_pos ||
			      s->record.paid_minor + p->asked_minor <= d->total_minor,
		      "more than the total");
	for (uint32_t i = 0; i < s->book_count; i++) {
		const struct payment *other = &s->book[i];

		ck_assert_msg(key128_eq(other->key, p->key) ||
				      !ulid_eq(other->checkout, p->checkout) ||
				      !s->sent[i] || !payment_is_pending(other->state),
			      "beside one that is in doubt");
	}
	s->consented = false;
}

/* What was sold for it stands, but for a word of the POS or of the payer. */
static void
check_undo(struct tender_stage *s, const struct payment *p)
{
	const struct payment *old = booked(s, p->key);

	ck_assert_msg(old == NULL || !s->sold[old - s->book], "undone, and sold for");
}

/* What goes back of a payment, for goods and as its ticket is void, is never more than it was. */
static void
check_refund(struct tender_stage *s, const struct payment *p)
{
	const struct payment *of = booked(s, p->original);
	int64_t back = 0;

	for (uint32_t i = 0; i < s->book_count; i++)
		if (s->book[i].kind == PAYMENT_REFUND &&
		    key128_eq(s->book[i].original, p->original))
			back += s->book[i].asked_minor;
	ck_assert_msg(of == NULL || back <= of->answered_minor, "more than was paid");
}

static void
note_sold(struct tender_stage *s, struct key128 key, bool sold)
{
	const struct payment *p = booked(s, key);
	bool stands = p != NULL && payment_is_paid(p->state);

	/* What the core has decided, and could not store, stands for it. */
	for (uint32_t i = 0; i < lane_core_payments_count(s->core); i++) {
		const struct payment *open = lane_core_payment(s->core, i);

		if (key128_eq(open->key, key))
			stands = stands && payment_is_paid(open->state);
	}
	if (p != NULL && (!sold || stands))
		s->sold[p - s->book] = sold;
}

static char
letter_of(struct tender_stage *s, const struct lane_effect *fx)
{
	static const char letters[LANE_EFFECT_KINDS] = {
		[FX_STORE_PAYMENT] = 'P', [FX_PAY] = 'p',  [FX_QUERY] = 'q',
		[FX_CONFIRM] = 'c',       [FX_UNDO] = 'u', [FX_REFUND] = 'R',
		[FX_ALARM] = '!',
	};

	if (fx->kind == FX_JOURNAL_ANSWER)
		return fx->answer.ok ? 'J' : 'j';
	if (fx->kind == FX_TENDER_REPLY && fx->reply.ok)
		s->accepted = s->asked;
	if (fx->kind == FX_TENDER_REPLY)
		return fx->reply.ok ? 'Y' : 'n';
	if (fx->kind == FX_ANSWER) {
		check_answer(s, fx);
		return answer_letter(fx->tell.outcome);
	}
	if (fx->kind == FX_PAY)
		check_pay(s, fx->pay.payment);
	if (fx->kind == FX_UNDO)
		check_undo(s, fx->payment);
	if (fx->kind == FX_REFUND)
		check_refund(s, fx->pay.payment);
	if (fx->kind == FX_RESOLVE_CLAIM)
		s->serial = fx->claim.serial;
	return letters[fx->kind];
}

static void
note(struct tender_stage *s)
{
	for (uint32_t i = 0; i < s->out.count; i++) {
		char letter = letter_of(s, &s->out.list[i]);
		size_t n = strlen(s->fx);

		if (letter != 0 && n + 1 < sizeof(s->fx))
			s->fx[n] = letter;
	}
}

static int
step(struct tender_stage *s, struct lane_event *ev)
{
	int rc;

	s->fresh.checkout.b[0] = s->fresh.key.b[0] = 1;
	s->fresh.checkout.b[15]++;
	if (++s->fresh.key.b[14] == 0)
		s->fresh.key.b[13]++;
	ev->fresh = s->fresh;
	rc = lane_core_step(s->core, ev, &s->now, &s->out);
	commit(s);
	note(s);
	return rc;
}

static void
do_basket(struct tender_stage *s, enum tender_act act, int64_t n)
{
	struct lane_event ev = { .kind = LANE_EV_BASKET };

	if (act == T_NEXT) {
		s->tickets++;
		s->rev = 0;
	}
	(void)snprintf(s->ticket, sizeof(s->ticket), "T%u", s->tickets);
	s->line = (struct basket_line){ .line = 1,
					.code = "1",
					.qty_milli = 1000,
					.unit_price_minor = n,
					.amount_minor = n };
	ev.basket = (struct lane_basket){ .ticket = str_of(s->ticket),
					  .rev = ++s->rev,
					  .lines = &s->line,
					  .lines_count = 1,
					  .final = act != T_ITEM && act != T_NEXT,
					  .closed = act == T_CLOSED };
	/* What was consented to stands when it is late word of another ticket. */
	if (step(s, &ev) == 0)
		s->consented = false;
}

static void
touch(struct tender_stage *s)
{
	struct lane_event ev = { .kind = LANE_EV_TOUCH };

	(void)snprintf(s->probe, sizeof(s->probe), "p%u", ++s->probes);
	ev.touch.probe = str_of(s->probe);
	ev.touch.reader = STR("r1");
	(void)step(s, &ev); /* as above */
}

static void
seen(struct tender_stage *s, enum lane_event_kind kind, int64_t n)
{
	struct lane_event ev = { .kind = kind };
	struct lane_member m = member_of(n);

	ev.bio.probe = str_of(s->probe);
	ev.bio.outcome = n > 0 ? BIO_ACCEPT : BIO_REJECT;
	ev.bio.member = kind == LANE_EV_IDENTIFIED ? &m : NULL;
	(void)step(s, &ev); /* as above */
}

static void
do_person(struct tender_stage *s, enum tender_act act, int64_t n)
{
	struct lane_event ev = { .kind = LANE_EV_CLAIM };
	struct lane_member m = member_of(n);

	if (act == T_VERIFIED) {
		seen(s, LANE_EV_VERIFIED, n);
	} else if (act != T_CLAIM) {
		touch(s);
		if (act != T_FINGER)
			seen(s, act == T_MEMBER ? LANE_EV_IDENTIFIED : LANE_EV_VERIFIED,
			     n);
	} else {
		ev.claim.value = STR("4711");
		(void)step(s, &ev); /* as above */
		ev = (struct lane_event){ .kind = LANE_EV_CLAIM_RESOLVED };
		ev.found.serial = s->serial;
		ev.found.count = 1;
		ev.found.member = &m;
		(void)step(s, &ev); /* as above */
	}
}

static void
do_want(struct tender_stage *s, enum tender_act act, int64_t n)
{
	struct lane_event ev = { .kind = LANE_EV_TENDER_WANTED };

	if (act != T_AGAIN) {
		s->asks++;
		s->asked = n;
	}
	(void)snprintf(s->ref, sizeof(s->ref), "r%u", s->asks);
	ev.tender.adapter = STR(POS);
	ev.tender.ticket = act == T_ELSEWHERE  ? STR("X9")
			   : act == T_NAMELESS ? STR("")
					       : str_of(s->ticket);
	ev.tender.currency = STR("EUR");
	ev.tender.ref = str_of(s->ref);
	ev.tender.blob = (const uint8_t *)"ids";
	ev.tender.blob_bytes = 3;
	ev.tender.amount_minor = s->asked;
	ev.tender.rev = act == T_BLIND ? s->rev + 1 : 0;
	(void)step(s, &ev); /* as above */
}

/* The core keeps open payments only: what is told of another one comes with it. */
static void
adopt(struct tender_stage *s, struct key128 key)
{
	const struct payment *p = booked(s, key);

	if (p != NULL)
		(void)lane_core_adopt(s->core, p); /* -EEXIST: it has it */
}

static void
do_ask(struct tender_stage *s, enum tender_act act, int64_t n)
{
	struct lane_event ev = { .kind = LANE_EV_JOURNAL_WANTED };

	adopt(s, s->last);
	ev.journal.key = s->last;
	ev.journal.req = STR("17");
	ev.journal.answer = act == T_ASK_ANSWER;
	ev.journal.from = act == T_ASK_ANSWER ? STR(POS) : STR(PAYER);
	if (n != 0) {
		ev.journal.blob = (const uint8_t *)"other";
		ev.journal.blob_bytes = 5;
	}
	(void)step(s, &ev); /* as above */
}

static void
do_complete(struct tender_stage *s, enum tender_act act, int64_t n)
{
	struct lane_event ev = { .kind = LANE_EV_COMPLETION };
	bool stale = act == T_STALE || act == T_FIRST_STALE;
	bool pos = act == T_POS || act == T_FIRST_POS || stale;
	bool first = act == T_FIRST || act == T_FIRST_POS || act == T_FIRST_STALE;
	struct key128 key = act == T_REFUND ? s->refund : first ? s->first : s->last;
	const struct payment *p = booked(s, key);

	adopt(s, key);
	ev.completion.op = pos                  ? LANE_OP_ANSWER
			   : act == T_CONFIRMED ? LANE_OP_CONFIRM
			   : act == T_UNDONE    ? LANE_OP_UNDO
			   : act == T_REFUND    ? LANE_OP_REFUND
			   : act == T_LATE      ? LANE_OP_OTHER
						: LANE_OP_PAY;
	ev.completion.outcome = act == T_CONFIRMED ? OUTCOME_CONFIRMED
				: act == T_UNDONE  ? OUTCOME_UNDONE
						   : (enum lane_outcome)(n % 1000);
	ev.completion.key = key;
	ev.completion.from = pos ? STR(POS) : STR(PAYER);
	ev.completion.stale = stale;
	ev.completion.has_amount = !pos;
	ev.completion.amount_minor = first && p != NULL ? p->asked_minor : s->asked;
	if (n >= 1000)
		ev.completion.amount_minor /= 2;
	if (act == T_UNDONE || (pos && n == OUTCOME_CONFIRMED))
		note_sold(s, key, act != T_UNDONE);
	(void)step(s, &ev); /* as above */
}

static void
do_key(struct tender_stage *s, enum lane_event_kind kind, struct key128 key)
{
	struct lane_event ev = { .kind = kind };

	adopt(s, key);
	ev.key = key;
	if (kind == LANE_EV_POS_UNDO || kind == LANE_EV_TENDER_CONFIRMED)
		note_sold(s, key, kind == LANE_EV_TENDER_CONFIRMED);
	(void)step(s, &ev); /* as above */
}

static void
do_refused(struct tender_stage *s, enum lane_op op)
{
	struct lane_event ev = { .kind = LANE_EV_SUBMIT_REFUSED };

	ev.submit.op = op;
	ev.submit.key = s->last;
	(void)step(s, &ev); /* as above */
}

static void
do_switch(struct tender_stage *s, enum lane_event_kind kind, bool up)
{
	struct lane_event ev = { .kind = kind };

	if (kind == LANE_EV_POS_LINK) {
		ev.pos.adapter = STR(POS);
		ev.pos.up = up;
		ev.pos.partial = true;
	} else {
		ev.up = up;
	}
	(void)step(s, &ev); /* as above */
}

static void
do_env(struct tender_stage *s, enum tender_act act)
{
	struct lane_event ev = { .kind = LANE_EV_RULES };

	s->env.price_pos = s->env.price_pos || act == T_PRICE_POS;
	s->env.payment.partial_ok = s->env.payment.partial_ok || act == T_PARTIALS;
	s->env.two_phase = s->env.two_phase || act == T_TWO_PHASE;
	ck_assert_int_eq(lane_core_set_env(s->core, &s->env), 0);
	(void)step(s, &ev); /* re-prices what is open */
}

static void
do_wait(struct tender_stage *s, int64_t ms)
{
	int64_t end = s->now.mono_ms + ms;

	for (int i = 0; i < 100 && lane_core_deadline(s->core) <= end; i++) {
		struct lane_event ev = { .kind = LANE_EV_TICK };
		int64_t at = lane_core_deadline(s->core);

		if (at > s->now.mono_ms) {
			s->now.wall_ms += at - s->now.mono_ms;
			s->now.mono_ms = at;
		}
		(void)step(s, &ev); /* a tick cannot be refused */
	}
	s->now.wall_ms += end - s->now.mono_ms;
	s->now.mono_ms = end;
}

static void
do_night(struct tender_stage *s)
{
	do_wait(s, INT64_C(24) * 3600 * 1000);
	s->now.business_day++;
}

/* Nothing of the last list was committed. */
static void
do_fail(struct tender_stage *s)
{
	struct lane_event ev = { .kind = LANE_EV_JOURNAL_FAILED };

	memcpy(s->book, s->before, sizeof(s->book));
	memcpy(s->sold, s->sold_before, sizeof(s->sold));
	s->book_count = s->before_count;
	s->record = s->record_before;
	(void)step(s, &ev); /* as above */
}

static void
links_up(struct tender_stage *s)
{
	struct lane_event ev = { .kind = LANE_EV_BIO, .up = true };

	(void)step(s, &ev); /* switches are taken in every state */
	ev = (struct lane_event){ .kind = LANE_EV_READERS };
	(void)step(s, &ev); /* as above */
}

static void
start_again(struct tender_stage *s, bool ended)
{
	struct payment open[BOOK_MAX];
	struct lane_member m = member_of(s->record.member.b[15]);
	struct lane_restore held = { .payments = open, .member = &m };

	for (uint32_t i = 0; i < s->book_count; i++) {
		bool part = s->book[i].state == PAYMENT_CONFIRMED &&
			    ulid_eq(s->book[i].checkout, s->record.checkout);

		if (payment_is_open(s->book[i].state) ||
		    (part && s->record.paid_minor > 0))
			open[held.payments_count++] = s->book[i];
	}
	if (!ulid_is_zero(s->record.checkout))
		held.checkout = &s->record;
	held.ended = &s->record;
	held.ended_count = ended && (s->record.phase == PHASE_DONE ||
				     s->record.phase == PHASE_CANCELLED);
	s->core = lane_core_free(s->core);
	ck_assert_int_eq(lane_core_new(&s->env, &s->core), 0);
	s->now.mono_ms = 500;
	s->now.wall_ms += 5000;
	ck_assert_int_eq(lane_core_restore(s->core, &held, &s->now, &s->out), 0);
	commit(s);
	note(s);
}

/* n = 1: the first start dies as soon as its one commit is durable; 2: the last tickets are known. */
static void
do_restart(struct tender_stage *s, int64_t n)
{
	start_again(s, n == 2);
	if (n == 1)
		start_again(s, false);
	links_up(s);
}

/* What was paid of a ticket that has ended comes with its cancel, as from lane/effects. */
static void
do_cancel(struct tender_stage *s, bool before)
{
	struct lane_event ev = { .kind = LANE_EV_CANCEL };
	struct key128 parts[LANE_PARTS_MAX];
	char ticket[16];
	uint32_t count;

	(void)snprintf(ticket, sizeof(ticket), "T%u", s->tickets - before); /* fits */
	ev.ticket = str_of(ticket);
	count = lane_core_ended_parts(s->core, ev.ticket, &s->now, parts);
	for (uint32_t i = 0; i < count; i++)
		adopt(s, parts[i]);
	(void)step(s, &ev); /* as above */
}

/* As the shell does: the refund is durable with the return of the goods, and handed over then. */
static void
do_goods(struct tender_stage *s, int64_t n)
{
	struct lane_event ev = { .kind = LANE_EV_REFUND };
	const struct payment *of = booked(s, s->last);
	struct payment_start start = { .kind = PAYMENT_REFUND, .amount_minor = n };
	struct payment refund;
	unsigned actions;

	ck_assert(of != NULL);
	start.key = of->key;
	start.key.b[1] ^= 0x80;
	start.checkout = of->checkout;
	start.ticket = str_of(of->ticket);
	start.currency = STR("EUR");
	start.adapter = STR(PAYER);
	start.original = of->key;
	start.return_id.b[0] = 1;
	ck_assert_int_eq(payment_begin(&refund, &start, &s->now, &actions), 0);
	commit_payment(s, &refund);
	ev.refund = &refund;
	(void)step(s, &ev); /* as above */
}

static const struct {
	enum tender_act act;
	enum lane_event_kind kind;
} switches[] = {
	{ T_POS_LINK, LANE_EV_POS_LINK },    { T_PAYER_LINK, LANE_EV_ADAPTER },
	{ T_BIO_LINK, LANE_EV_BIO },         { T_CLOCK, LANE_EV_CLOCK },
	{ T_REMOVE, LANE_EV_REMOVE_MEMBER }, { T_OTHER, LANE_EV_OTHER_TENDER },
	{ T_TRAINING, LANE_EV_TRAINING },
};

static const struct {
	enum tender_act act;
	enum lane_event_kind kind;
} words[] = {
	{ T_ABORT, LANE_EV_TENDER_ABORT },
	{ T_TAKEN, LANE_EV_TENDER_CONFIRMED },
	{ T_UNDO, LANE_EV_POS_UNDO },
	{ T_REPEAT, LANE_EV_REPEAT_WANTED },
	{ T_FIRST_REPEAT, LANE_EV_REPEAT_WANTED },
};

void
tender_stage_act(struct tender_stage *s, enum tender_act act, int64_t n)
{
	memset(s->fx, 0, sizeof(s->fx));
	if (act != T_JFAIL)
		memcpy(s->sold_before, s->sold, sizeof(s->sold));
	s->failed = act == T_JFAIL;
	if (act == T_MEMBER || act == T_CLAIM)
		s->consented = act == T_MEMBER && n > 0;
	else if (act == T_TOUCH || act == T_VERIFIED)
		s->consented = s->consented || n > 0;
	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++)
		if (switches[i].act == act)
			do_switch(s, switches[i].kind, n != 0);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (words[i].act == act)
			do_key(s, words[i].kind,
			       act == T_FIRST_REPEAT ? s->first : s->last);
	if (act <= T_CLOSED)
		do_basket(s, act, n);
	else if (act <= T_VERIFIED)
		do_person(s, act, n);
	else if (act <= T_ELSEWHERE)
		do_want(s, act, n);
	else if (act <= T_ASK_ANSWER)
		do_ask(s, act, n);
	else if (act == T_REFUSED || act == T_POS_REFUSED)
		do_refused(s, act == T_REFUSED ? (enum lane_op)n : LANE_OP_ANSWER);
	else if (act <= T_FIRST_STALE)
		do_complete(s, act, n);
	else if (act >= T_PRICE_POS && act <= T_TWO_PHASE)
		do_env(s, act);
	else if (act == T_GOODS)
		do_goods(s, n);
	else if (act == T_CANCEL)
		do_cancel(s, n != 0);
	else if (act == T_WAIT)
		do_wait(s, n);
	else if (act == T_NIGHT)
		do_night(s);
	else if (act == T_JFAIL)
		do_fail(s);
	else if (act == T_RESTART)
		do_restart(s, n);
}

struct tender_stage *
tender_stage_new(void)
{
	struct tender_stage *s = calloc(1, sizeof(*s));

	ck_assert(s != NULL);
	s->env = (struct lane_env){
		.limits = LANE_LIMITS_DEFAULT,
		.payment = PAYMENT_RULES_DEFAULT,
		.currency = "EUR",
		.language = STR("en"),
		.adapter = STR(PAYER),
		.can_pay = true,
		.can_refund = true,
		.pos_asks = true,
	};
	s->now = (struct timepoint){ 1000, INT64_C(1790000000000), 0, 20260921 };
	s->tickets = 1;
	(void)snprintf(s->ticket, sizeof(s->ticket), "T1"); /* fits */
	ck_assert_int_eq(lane_core_new(&s->env, &s->core), 0);
	links_up(s);
	do_switch(s, LANE_EV_ADAPTER, true);
	do_switch(s, LANE_EV_POS_LINK, true);
	return s;
}

struct tender_stage *
tender_stage_free(struct tender_stage *s)
{
	s->core = lane_core_free(s->core);
	free(s);
	return NULL;
}

bool
tender_stage_has_room(const struct tender_stage *s)
{
	return s->book_count + 3 <= BOOK_MAX;
}

const char *
tender_stage_effects(const struct tender_stage *s)
{
	return s->fx;
}

struct lane_core *
tender_stage_core(struct tender_stage *s)
{
	return s->core;
}

static const struct payment *
find(const struct tender_stage *s, struct key128 key)
{
	for (uint32_t i = 0; i < s->book_count; i++) {
		if (key128_eq(s->book[i].key, key))
			return &s->book[i];
	}
	return NULL;
}

const struct payment *
tender_stage_payment(const struct tender_stage *s)
{
	return find(s, s->last);
}

const struct payment *
tender_stage_first(const struct tender_stage *s)
{
	return find(s, s->first);
}

const struct payment *
tender_stage_refund(const struct tender_stage *s)
{
	return find(s, s->refund);
}
