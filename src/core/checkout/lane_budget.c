/*
 * How much others may have written into the journal by what they say. Whatever an adapter, a POS or a
 * reader makes up, it costs it its own words: those that are odd have a budget for each of them and
 * hour, and alarms one beside it; a checkout has one of its own, and checkouts begin as often as shoppers
 * can come. (A payment's states do not turn in a circle, so that their rows are few, and a POS asks for
 * no checkout without end; so each payment's first alarms are always written.) What is left out is
 * counted; the audit says at once that something is, and afterwards how much.
 */
#include "core/checkout/lane_private.h"

#include <string.h>

#define HOUR_MS (INT64_C(3600) * 1000)
#define HOUR_ROWS 60u       /* of each source; and as many alarms beside them */
#define PAYMENT_ALARMS 4u   /* of each payment, beside all of that */
#define CHECKOUT_ROWS 100u  /* of a checkout that are of no payment; some ten are usual */
#define BEGIN_BURST 1000u   /* checkouts after a quiet day */
#define BEGIN_EACH_MS 3000u /* and one in so many ms from then on */
#define LEFT_OUT "audit-left-out"

/* ---- who ------------------------------------------------------------------- */

static struct str
name_of(const struct lane_event *ev)
{
	switch ((int)ev->kind) {
	case LANE_EV_COMPLETION:
		return ev->completion.from;
	case LANE_EV_JOURNAL_WANTED:
		return ev->journal.from;
	case LANE_EV_TENDER_WANTED:
		return ev->tender.adapter;
	case LANE_EV_POS_LINK:
		return ev->pos.adapter;
	default:
		return STR("");
	}
}

static bool
is_of_readers(const struct lane_event *ev)
{
	switch ((int)ev->kind) {
	case LANE_EV_TOUCH:
	case LANE_EV_IDENTIFIED:
	case LANE_EV_VERIFIED:
	case LANE_EV_DECIDED:
	case LANE_EV_SENSOR:
	case LANE_EV_READERS:
	case LANE_EV_BIO:
		return true;
	default:
		return false;
	}
}

/* What nobody has said. */
static bool
is_of_ours(const struct lane_event *ev)
{
	return ev->kind == LANE_EV_TICK || ev->kind == LANE_EV_RULES ||
	       ev->kind == LANE_EV_CLOCK || ev->kind == LANE_EV_ENVIRONMENT ||
	       ev->kind == LANE_EV_JOURNAL_FAILED || ev->kind == LANE_EV_SUBMIT_REFUSED;
}

/* More adapters than there are places for share the first. */
static struct audit_source *
source_named(struct lane_core *c, struct str name)
{
	struct lane_budget *b = &c->budget;

	if (name.n == 0 || name.n >= PAYMENT_ADAPTER_BYTES)
		return &b->sources[LANE_SOURCE_POS];
	for (uint32_t i = LANE_SOURCE_ADAPTERS; i < LANE_SOURCES_MAX; i++) {
		struct audit_source *s = &b->sources[i];

		if (s->name[0] == '\0')
			(void)str_copy(s->name, sizeof(s->name), name); /* fits */
		if (str_is(name, s->name))
			return s;
	}
	return &b->sources[LANE_SOURCE_POS];
}

static struct audit_source *
source_of(struct lane_core *c, const struct lane_event *ev)
{
	return is_of_readers(ev) ? &c->budget.sources[LANE_SOURCE_READERS]
				 : source_named(c, name_of(ev));
}

static const char *
named(const struct lane_core *c, const struct audit_source *s)
{
	if (s->name[0] != '\0')
		return s->name;
	return s == &c->budget.sources[LANE_SOURCE_READERS] ? "the readers" : "the POS";
}

/* ---- what is left out -------------------------------------------------------- */

/* A row of its own; lost with others where the journal is away, and counted there. */
static struct strbuf
tell(struct lane_core *c, struct ulid checkout)
{
	struct strbuf t;
	struct lane_audit a = { .what = LEFT_OUT, .checkout = checkout };

	strbuf_init(&t, c->budget.none, sizeof(c->budget.none));
	if (c->audits_count < LANE_AUDITS_MAX)
		strbuf_init(&t, c->audit_texts[c->audits_count], LANE_AUDIT_TEXT_BYTES);
	a.text = t.p;
	lane_audit_put(c, &a);
	return t;
}

static void
hour_over(struct lane_core *c, struct audit_source *s)
{
	static const struct ulid no_checkout;
	struct strbuf t;

	if (s->left > 0) {
		t = tell(c, no_checkout);
		strbuf_addf(&t, "%u further odd words of %s, last: %s", s->left,
			    named(c, s), s->last);
	}
	s->used = s->alarms = s->left = 0;
	s->owed = false;
}

/* It is told at once, as the count of a process that dies is lost. */
static void
exhausted(struct lane_core *c, struct audit_source *s)
{
	static const struct ulid no_checkout;
	struct strbuf t = tell(c, no_checkout);

	s->owed = false;
	strbuf_addf(&t, "what %s says beside its requests is counted for an hour",
		    named(c, s));
}

static bool
is_over(const struct lane_core *c, const struct audit_source *s)
{
	return s->used + s->alarms > 0 && c->budget.now_ms - s->since_ms >= HOUR_MS;
}

void
lane_budget_step(struct lane_core *c, const struct lane_event *ev,
		 const struct timepoint *now)
{
	struct lane_budget *b = &c->budget;

	b->now_ms = now->mono_ms;
	b->source = is_of_ours(ev) ? NULL : source_of(c, ev);
	for (uint32_t i = 0; i < LANE_SOURCES_MAX; i++) {
		if (b->sources[i].owed)
			exhausted(c, &b->sources[i]);
		if (is_over(c, &b->sources[i]))
			hour_over(c, &b->sources[i]);
	}
}

int64_t
lane_budget_deadline(const struct lane_core *c)
{
	int64_t at = LANE_NEVER;

	for (uint32_t i = 0; i < LANE_SOURCES_MAX; i++) {
		const struct audit_source *s = &c->budget.sources[i];

		if (s->left > 0 && s->since_ms + HOUR_MS < at)
			at = s->since_ms + HOUR_MS;
	}
	return at;
}

/* ---- what is written ---------------------------------------------------------- */

static void
put(struct lane_core *c, const char *what, const struct payment *p, const char *text)
{
	struct lane_audit a = { .what = what, .text = text, .checkout = c->cur.id };

	if (p != NULL) {
		a.checkout = p->checkout;
		a.key = p->key;
		a.amount_minor = p->asked_minor;
	}
	lane_audit_put(c, &a);
}

/* A human is called, mostly for money. */
static bool
is_alarm(const char *what)
{
	return strcmp(what, "payment-alarm") == 0 || strcmp(what, "refund-alarm") == 0;
}

static bool
spend(struct audit_source *s, int64_t now_ms, const char *what)
{
	uint32_t *used = is_alarm(what) ? &s->alarms : &s->used;

	if (s->used + s->alarms == 0)
		s->since_ms = now_ms;
	s->last = what;
	if (*used < HOUR_ROWS) {
		++*used;
		return true;
	}
	s->owed = s->owed || s->left == 0;
	s->left++;
	return false;
}

bool
lane_audit_spend(struct lane_core *c, const char *what)
{
	struct audit_source *s = c->budget.source;
	bool may = s == NULL || spend(s, c->budget.now_ms, what);

	if (s != NULL && s->owed)
		exhausted(c, s);
	return may;
}

bool
lane_core_audit_spend(struct lane_core *c, struct str adapter, const char *what,
		      const struct timepoint *now)
{
	struct audit_source *s = source_named(c, adapter);

	c->budget.now_ms = now->mono_ms;
	/* An hour that is over is told by the next step, with what is owed: here no list goes out. */
	if (is_over(c, s) && s->left == 0)
		s->used = s->alarms = 0;
	return spend(s, now->mono_ms, what);
}

/* One of the first alarms of a payment that is open here. */
static bool
is_first_alarm(struct lane_core *c, const char *what, const struct payment *p)
{
	struct slot *s = p == NULL || !is_alarm(what) ? NULL : lane_slot(c, p->key);

	return s != NULL && s->alarms < PAYMENT_ALARMS && ++s->alarms > 0;
}

void
lane_audit_odd(struct lane_core *c, const char *what, const struct payment *p,
	       const char *text)
{
	if (p == NULL && c->cur.training)
		return; /* training keeps nothing but its record */
	if (is_first_alarm(c, what, p) || lane_audit_spend(c, what))
		put(c, what, p, text);
}

void
lane_audit(struct lane_core *c, const char *what, const struct payment *p,
	   const char *text)
{
	struct checkout *k = &c->cur;
	struct strbuf t;

	if (p == NULL && k->training)
		return; /* training keeps nothing but its record */
	if (p == NULL &&
	    !lane_is_active(c)) { /* of no checkout, or of one that is over */
		lane_audit_odd(c, what, NULL, text);
		return;
	}
	if (p != NULL || k->audits < CHECKOUT_ROWS) {
		k->audits += p == NULL;
		put(c, what, p, text);
		return;
	}
	if (k->audits_left++ == 0) {
		t = tell(c, k->id);
		strbuf_addf(&t, "further records of the checkout are counted");
	}
}

void
lane_audit_end(struct lane_core *c, const char *what)
{
	struct checkout *k = &c->cur;
	struct strbuf t;

	if (k->training)
		return;
	if (k->audits_left > 0) {
		t = tell(c, k->id);
		strbuf_addf(&t, "%u further records of the checkout", k->audits_left);
	}
	k->audits = k->audits_left = 0;
	put(c, what, NULL, NULL);
}

void
lane_budget_lost(struct lane_core *c)
{
	static const struct ulid no_checkout;
	uint32_t lost = c->audits_lost;
	struct strbuf t;

	if (lost == 0)
		return;
	c->audits_lost = 0;
	t = tell(c, no_checkout);
	strbuf_addf(&t, "%u records while the journal could not be written", lost);
}

/* ---- checkouts ----------------------------------------------------------------- */

bool
lane_budget_begin(struct lane_core *c)
{
	struct lane_budget *b = &c->budget;
	int64_t full_ms = (int64_t)BEGIN_BURST * BEGIN_EACH_MS;

	/* As a time: how far the next one is ahead of what the rate allows. */
	if (b->begun_ms < b->now_ms)
		b->begun_ms = b->now_ms;
	if (b->begun_ms - b->now_ms > full_ms - BEGIN_EACH_MS) {
		lane_audit_odd(c, "checkout-refused", NULL, "too many of them");
		return false;
	}
	b->begun_ms += BEGIN_EACH_MS;
	return true;
}
