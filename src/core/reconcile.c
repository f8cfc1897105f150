#include "core/reconcile.h"

#include "base/plain/money.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name, *text;
	bool differs;
} kinds[RECONCILE_KINDS] = {
	[RECONCILE_AGREES] = { "agrees", "", false },
	[RECONCILE_UNDONE] = { "undone", "undone here, charged and taken back there",
			       false },
	[RECONCILE_RETURNED] = { "returned", "less by goods that were taken back here",
				 false },
	[RECONCILE_OPEN] = { "open",
			     "its end is not certain here yet; nothing there so far",
			     false },
	[RECONCILE_ELSEWHERE] = { "elsewhere",
				  "money there that came and went again, under a name "
				  "that "
				  "this journal has no payment for",
				  false },
	[RECONCILE_NOT_THERE] = { "not-there",
				  "paid here, and not in the file: settled on another "
				  "day, "
				  "or never charged; ask by key or reference",
				  true },
	[RECONCILE_NOT_HERE] = { "not-here",
				 "money there that this journal has no payment for: "
				 "another "
				 "lane's or day's, or a charge that nobody knows of",
				 true },
	[RECONCILE_TWICE] = { "twice",
			      "charged more than once: the surplus is to be refunded",
			      true },
	[RECONCILE_AMOUNT] = { "amount", "another amount there than was approved here",
			       true },
	[RECONCILE_CURRENCY] = { "currency", "another currency there", true },
	[RECONCILE_TAKEN_BACK] = { "taken-back",
				   "paid here and the goods are gone; taken back there, "
				   "not "
				   "by this lane: a refund at the POS, or a chargeback",
				   true },
	[RECONCILE_NOT_UNDONE] = { "not-undone",
				   "undone here, and the money is still there: it is to "
				   "be "
				   "refunded",
				   true },
	[RECONCILE_CHARGED] = { "charged",
				"certainly not charged, says the journal, and charged "
				"there: it is to be refunded, and the adapter looked at",
				true },
	[RECONCILE_RESOLVES] = { "resolves",
				 "not certain here, charged there: laned will find it or "
				 "undo it; look again tomorrow",
				 true },
	[RECONCILE_UNDO_FAILED] = { "undo-failed",
				    "could not be taken back here: refund what stands "
				    "there "
				    "by hand; nothing, where nothing stands",
				    true },
	[RECONCILE_NOT_BACK] = { "not-back",
				 "refunded here, and not in the file: settled on another "
				 "day, or never given back; ask by key or reference",
				 true },
	[RECONCILE_BACK_TWICE] = { "back-twice", "given back more than once", true },
	[RECONCILE_BACK] = { "back",
			     "certainly not refunded, says the journal, and given back "
			     "there: was it paid out at the lane as well?",
			     true },
	[RECONCILE_BACK_RESOLVES] = { "back-resolves",
				      "a refund that is not certain here, given back "
				      "there: laned will find it; look again tomorrow",
				      true },
};

const char *
reconcile_name(enum reconcile_kind k)
{
	return (unsigned)k < RECONCILE_KINDS ? kinds[k].name : "";
}

const char *
reconcile_text(enum reconcile_kind k)
{
	return (unsigned)k < RECONCILE_KINDS ? kinds[k].text : "";
}

bool
reconcile_is_difference(enum reconcile_kind k)
{
	return (unsigned)k < RECONCILE_KINDS && kinds[k].differs;
}

/* ---- what a payment says ------------------------------------------------------- */

enum standing { STANDS, STANDS_NOT, UNCERTAIN, STUCK };

static enum standing
standing_of(enum payment_state s)
{
	switch (s) {
	case PAYMENT_CONFIRMED:
	case PAYMENT_REFUNDED:
		return STANDS;
	case PAYMENT_CREATED:
	case PAYMENT_NOT_SENT:
	case PAYMENT_CANCELLED:
	case PAYMENT_DECLINED:
	case PAYMENT_UNDONE:
		return STANDS_NOT;
	case PAYMENT_UNDO_FAILED:
		return STUCK;
	case PAYMENT_SENDING:
	case PAYMENT_UNKNOWN:
	case PAYMENT_APPROVED:
	case PAYMENT_PARTIAL:
	case PAYMENT_ANSWER_SENDING:
	case PAYMENT_UNDO_QUEUED:
	case PAYMENT_STATES:
		break;
	}
	return UNCERTAIN;
}

/* What is gathered of the other side for one payment. */
struct gathered {
	const struct reconcile_theirs *first;
	uint32_t charges, credits;
	int64_t sum_minor;
	bool other_currency;
};

static enum reconcile_kind
judge_standing(const struct reconcile_ours *o, const struct gathered *g)
{
	int64_t less = o->answered_minor - g->sum_minor;

	if (g->first == NULL)
		return RECONCILE_NOT_THERE;
	/* A second charge may hide behind goods that came back. */
	if (g->charges > 1 && g->credits > 0 && o->returned_minor > 0 &&
	    less < o->returned_minor)
		return RECONCILE_TWICE;
	if (less == 0)
		return RECONCILE_AGREES;
	if (less > 0 && less == o->returned_minor)
		return RECONCILE_RETURNED;
	if (g->charges > 1 && less < 0)
		return RECONCILE_TWICE;
	return g->sum_minor == 0 ? RECONCILE_TAKEN_BACK : RECONCILE_AMOUNT;
}

static enum reconcile_kind
judge_refund(const struct reconcile_ours *o, const struct gathered *g)
{
	int64_t back = -g->sum_minor;

	if (o->state == PAYMENT_REFUNDED) {
		if (g->first == NULL)
			return RECONCILE_NOT_BACK;
		if (back == o->answered_minor)
			return RECONCILE_AGREES;
		return g->credits > 1 && back > o->answered_minor ? RECONCILE_BACK_TWICE
								  : RECONCILE_AMOUNT;
	}
	if (payment_is_open(o->state))
		return back != 0 ? RECONCILE_BACK_RESOLVES : RECONCILE_OPEN;
	return back != 0 ? RECONCILE_BACK : RECONCILE_AGREES;
}

static enum reconcile_kind
judge(const struct reconcile_ours *o, const struct gathered *g)
{
	bool money = g->sum_minor != 0;

	if (g->other_currency)
		return RECONCILE_CURRENCY;
	if (o->kind == PAYMENT_REFUND)
		return judge_refund(o, g);
	switch (standing_of(o->state)) {
	case STANDS:
		return judge_standing(o, g);
	case STANDS_NOT:
		if (!money)
			return g->charges > 0 ? RECONCILE_UNDONE : RECONCILE_AGREES;
		return o->state == PAYMENT_UNDONE ? RECONCILE_NOT_UNDONE
						  : RECONCILE_CHARGED;
	case STUCK:
		return RECONCILE_UNDO_FAILED;
	case UNCERTAIN:
		break;
	}
	return money ? RECONCILE_RESOLVES : RECONCILE_OPEN;
}

/* ---- tying entries to payments --------------------------------------------------- */

/* A payment, and an entry, in a list that is sorted by names. */
struct named {
	const struct reconcile_ours *of;
};
struct stranger {
	const struct reconcile_theirs *of;
};

/* The payments, sorted by each of their names; and by those of the payments that refunds are of. */
struct names {
	struct named *by_key, *by_ref, *by_ticket, *by_original, *by_original_ref;
	uint32_t count;
};

static int
compare_str(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n == 0 ? 0 : memcmp(a.p, b.p, n);

	if (c != 0)
		return c;
	return a.n < b.n ? -1 : a.n > b.n;
}

/* Equal ones stay in the order of the journal. */
static int
by_place(const struct reconcile_ours *a, const struct reconcile_ours *b)
{
	return a < b ? -1 : a > b;
}

static int
compare_keys(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int c = memcmp(x->of->key.b, y->of->key.b, sizeof(x->of->key.b));

	return c != 0 ? c : by_place(x->of, y->of);
}

static int
compare_refs(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int c = compare_str(x->of->ref, y->of->ref);

	return c != 0 ? c : by_place(x->of, y->of);
}

static int
compare_tickets(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int c = compare_str(x->of->ticket, y->of->ticket);

	return c != 0 ? c : by_place(x->of, y->of);
}

static int
compare_originals(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int c = memcmp(x->of->original.b, y->of->original.b, sizeof(x->of->original.b));

	return c != 0 ? c : by_place(x->of, y->of);
}

static int
compare_original_refs(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int c = compare_str(x->of->original_ref, y->of->original_ref);

	return c != 0 ? c : by_place(x->of, y->of);
}

static struct named *
sorted(const struct reconcile_input *in, int (*compare)(const void *a, const void *b))
{
	struct named *list = calloc(in->ours_count + 1u, sizeof(*list));

	if (list == NULL)
		return NULL;
	for (uint32_t i = 0; i < in->ours_count; i++)
		list[i].of = &in->ours[i];
	qsort(list, in->ours_count, sizeof(*list), compare);
	return list;
}

static struct str
ref_of(const struct reconcile_ours *o)
{
	return o->ref;
}

static struct str
ticket_of(const struct reconcile_ours *o)
{
	return o->ticket;
}

/* The first place whose name is not before this one. */
static uint32_t
lower_bound(const struct named *list, uint32_t count, struct str name,
	    struct str (*name_of)(const struct reconcile_ours *o))
{
	uint32_t low = 0, high = count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (compare_str(name_of(list[middle].of), name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct str
original_ref_of(const struct reconcile_ours *o)
{
	return o->original_ref;
}

static struct key128
key_of(const struct reconcile_ours *o)
{
	return o->key;
}

static struct key128
original_of(const struct reconcile_ours *o)
{
	return o->original;
}

/* As lower_bound, by a key. */
static uint32_t
lower_key(const struct named *list, uint32_t count, struct key128 key,
	  struct key128 (*of)(const struct reconcile_ours *o))
{
	uint32_t low = 0, high = count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		struct key128 there = of(list[middle].of);

		if (memcmp(there.b, key.b, sizeof(key.b)) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static const struct reconcile_ours *
find_key(const struct names *n, struct key128 key)
{
	uint32_t at = lower_key(n->by_key, n->count, key, key_of);

	return at < n->count && key128_eq(n->by_key[at].of->key, key) ? n->by_key[at].of
								      : NULL;
}

/* How much a payment waits for a charge: one that stands without an entry, of this very amount. */
static int
wants_charge(const struct reconcile_ours *o, const struct reconcile_theirs *t,
	     const struct gathered *g)
{
	enum standing s = standing_of(o->state);

	if (s != STANDS)
		return s != STANDS_NOT;
	if (o->kind == PAYMENT_REFUND)
		return 2;
	if (g->first != NULL)
		return 3;
	return o->answered_minor == t->amount_minor ? 5 : 4;
}

/* Payments in the order of one of their names, and where those of one name begin. */
struct named_run {
	const struct named *list;
	uint32_t at, count;
	struct str name;
	struct str (*name_of)(const struct reconcile_ours *o);
};

/* The next payment of the name, NULL after the last. */
static const struct reconcile_ours *
next_named(struct named_run *r)
{
	const struct reconcile_ours *o = r->at < r->count ? r->list[r->at].of : NULL;

	if (o == NULL || !str_eq(r->name_of(o), r->name))
		return NULL;
	r->at++;
	return o;
}

/*
 * Of the payments of one name the one that should have been charged, else may have been; of the parts
 * of a split ticket the one of this amount.
 */
static const struct reconcile_ours *
find_name(struct named_run run, const struct reconcile_theirs *t,
	  const struct reconcile_input *in, const struct gathered *g)
{
	const struct reconcile_ours *best = NULL, *o;
	int most = -1;

	while ((o = next_named(&run)) != NULL) {
		int wants = wants_charge(o, t, &g[o - in->ours]);

		if (wants > most) {
			best = o;
			most = wants;
		}
	}
	return best;
}

/* The payments of the reference of an entry without a key, or else of its ticket. */
static struct named_run
run_of(const struct names *n, const struct reconcile_theirs *t)
{
	bool by_ref = t->ref.n > 0;
	struct named_run r = { .list = by_ref ? n->by_ref : n->by_ticket,
			       .name = by_ref ? t->ref : t->ticket,
			       .name_of = by_ref ? ref_of : ticket_of };

	if (r.name.n == 0)
		return r; /* of none */
	r.count = n->count;
	r.at = lower_bound(r.list, n->count, r.name, r.name_of);
	return r;
}

static const struct reconcile_ours *
find_payment(const struct names *n, const struct reconcile_theirs *t,
	     const struct reconcile_input *in, const struct gathered *g)
{
	if (!key128_is_zero(t->key))
		return find_key(n, t->key);
	return find_name(run_of(n, t), t, in, g);
}

/* A refund that an entry of money back may be: of this amount, and without an entry so far. */
static bool
may_be(const struct reconcile_ours *o, const struct reconcile_theirs *t,
       const struct gathered *g)
{
	int64_t amount = o->answered_minor != 0 ? o->answered_minor : o->asked_minor;

	return o->kind == PAYMENT_REFUND && g->first == NULL &&
	       t->amount_minor == -amount;
}

/* How much a refund waits for an entry: 3 it is certain, 2 it may be, 1 it is not to be. */
static int
wants_entry(const struct reconcile_ours *o)
{
	if (o->state == PAYMENT_REFUNDED)
		return 3;
	return payment_is_open(o->state) ? 2 : 1;
}

static void
take_better(const struct reconcile_ours **best, const struct reconcile_ours *o)
{
	if (*best == NULL || wants_entry(o) > wants_entry(*best))
		*best = o;
}

/* Of the refunds of the payment with this key, or else with this reference. */
static const struct reconcile_ours *
find_refund(const struct names *n, const struct reconcile_input *in,
	    const struct gathered *g, const struct reconcile_theirs *t)
{
	const struct reconcile_ours *best = NULL, *o;
	bool by_key = !key128_is_zero(t->key);
	uint32_t i;

	for (i = lower_key(n->by_original, n->count, t->key, original_of);
	     by_key && i < n->count; i++) {
		o = n->by_original[i].of;
		if (!key128_eq(o->original, t->key))
			break;
		if (may_be(o, t, &g[o - in->ours]))
			take_better(&best, o);
	}
	for (i = lower_bound(n->by_original_ref, n->count, t->ref, original_ref_of);
	     !by_key && t->ref.n > 0 && i < n->count; i++) {
		o = n->by_original_ref[i].of;
		if (!str_eq(o->original_ref, t->ref))
			break;
		if (may_be(o, t, &g[o - in->ours]))
			take_better(&best, o);
	}
	return best;
}

static int
gather(struct gathered *g, const struct reconcile_theirs *t, struct str currency)
{
	if (g->first == NULL)
		g->first = t;
	if (t->amount_minor > 0)
		g->charges++;
	else if (t->amount_minor < 0)
		g->credits++;
	if (t->currency.n > 0 && currency.n > 0 && !str_eq(t->currency, currency))
		g->other_currency = true;
	return money_add(g->sum_minor, t->amount_minor, &g->sum_minor);
}

/* ---- strangers ----------------------------------------------------------------------- */

static bool
same_name(const struct reconcile_theirs *a, const struct reconcile_theirs *b)
{
	return key128_eq(a->key, b->key) && str_eq(a->ref, b->ref) &&
	       str_eq(a->ticket, b->ticket);
}

static int
compare_theirs(const void *a, const void *b)
{
	const struct stranger *x = a, *y = b;
	int c = memcmp(x->of->key.b, y->of->key.b, sizeof(x->of->key.b));

	if (c == 0)
		c = compare_str(x->of->ref, y->of->ref);
	if (c == 0)
		c = compare_str(x->of->ticket, y->of->ticket);
	if (c != 0)
		return c;
	return x->of < y->of ? -1 : x->of > y->of;
}

static int
compare_firsts(const void *a, const void *b)
{
	const struct gathered *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

static bool
has_name(const struct reconcile_theirs *t)
{
	return !key128_is_zero(t->key) || t->ref.n > 0 || t->ticket.n > 0;
}

/* Entries of one name together; those without any stay alone. groups has room for all. */
static int
group(struct stranger *list, uint32_t count, struct gathered *groups,
      uint32_t *ret_groups)
{
	uint32_t n = 0;
	int rc = 0;

	qsort(list, count, sizeof(list[0]), compare_theirs);
	for (uint32_t i = 0; i < count && rc == 0; i++) {
		bool joins = i > 0 && has_name(list[i].of) &&
			     same_name(list[i - 1].of, list[i].of);

		rc = gather(&groups[joins ? n - 1 : n++], list[i].of,
			    list[i].of->currency);
	}
	qsort(groups, n, sizeof(groups[0]), compare_firsts);
	*ret_groups = n;
	return rc;
}

/* ---- the run ----------------------------------------------------------------------- */

struct run {
	const struct reconcile_input *in;
	struct names names;
	struct gathered *gathered; /* of each of ours */
	struct stranger *strangers;
	struct gathered *groups; /* of the strangers */
	uint32_t strangers_count, groups_count;
};

/* Money back under a name that no refund has: that of a payment, or nobody's. */
static bool
is_back_by_payment(const struct reconcile_ours *o, const struct reconcile_theirs *t)
{
	return t->amount_minor < 0 && (o == NULL || o->kind != PAYMENT_REFUND);
}

/* Of the refunds of all payments that an entry without a key names. */
static const struct reconcile_ours *
find_refund_by_name(const struct run *r, const struct reconcile_theirs *t)
{
	struct named_run run = run_of(&r->names, t);
	const struct reconcile_ours *best = NULL, *o;

	while ((o = next_named(&run)) != NULL) {
		struct reconcile_theirs other = *t;
		const struct reconcile_ours *refund;

		other.key = o->key;
		refund = find_refund(&r->names, r->in, r->gathered, &other);
		if (refund != NULL)
			take_better(&best, refund);
	}
	return best;
}

/* To whom an entry belongs, NULL: to nobody. */
static const struct reconcile_ours *
owner_of(const struct run *r, const struct reconcile_theirs *t,
	 const struct reconcile_ours *named)
{
	const struct reconcile_ours *refund = NULL;

	if (!is_back_by_payment(named, t))
		return named;
	if (named != NULL && key128_is_zero(t->key))
		refund = find_refund_by_name(r, t);
	if (refund == NULL)
		refund = find_refund(&r->names, r->in, r->gathered, t);
	return refund != NULL ? refund : named;
}

/* The entries that are, or are not, money back by a payment's name. */
static int
tie_some(struct run *r, bool by_payment)
{
	const struct reconcile_input *in = r->in;
	int rc = 0;

	for (uint32_t i = 0; i < in->theirs_count && rc == 0; i++) {
		const struct reconcile_theirs *t = &in->theirs[i];
		const struct reconcile_ours *o =
			find_payment(&r->names, t, in, r->gathered);

		if (is_back_by_payment(o, t) != by_payment)
			continue;
		o = owner_of(r, t, o);
		if (o == NULL)
			r->strangers[r->strangers_count++].of = t;
		else
			rc = gather(&r->gathered[o - in->ours], t, o->currency);
	}
	return rc;
}

/* Those that have a refund's own name come first: the others are of refunds without an entry. */
static int
tie(struct run *r)
{
	int rc = tie_some(r, false);

	if (rc == 0)
		rc = tie_some(r, true);
	return rc == 0 ? group(r->strangers, r->strangers_count, r->groups,
			       &r->groups_count)
		       : rc;
}

static int
tell(const struct run *r, int (*each)(void *ctx, const struct reconcile_result *r),
     void *ctx)
{
	const struct reconcile_input *in = r->in;
	int rc = 0;

	for (uint32_t i = 0; i < in->ours_count && rc == 0; i++) {
		const struct reconcile_ours *o = &in->ours[i];
		const struct gathered *g = &r->gathered[i];
		struct reconcile_result result = {
			.kind = judge(o, g),
			.ours = o,
			.theirs = g->first,
			.charges = g->charges,
			.credits = g->credits,
			.ours_minor = standing_of(o->state) != STANDS ? 0
				      : o->kind == PAYMENT_REFUND     ? -o->answered_minor
								      : o->answered_minor,
			.theirs_minor = g->sum_minor,
		};

		rc = each(ctx, &result);
	}
	for (uint32_t i = 0; i < r->groups_count && rc == 0; i++) {
		const struct gathered *g = &r->groups[i];
		struct reconcile_result result = {
			.kind = g->sum_minor == 0 ? RECONCILE_ELSEWHERE
						  : RECONCILE_NOT_HERE,
			.theirs = g->first,
			.charges = g->charges,
			.credits = g->credits,
			.theirs_minor = g->sum_minor,
		};

		rc = each(ctx, &result);
	}
	return rc;
}

int
reconcile_run(const struct reconcile_input *in,
	      int (*each)(void *ctx, const struct reconcile_result *r), void *ctx)
{
	struct run r = {
		.in = in,
		.names = { .by_key = sorted(in, compare_keys),
			   .by_ref = sorted(in, compare_refs),
			   .by_ticket = sorted(in, compare_tickets),
			   .by_original = sorted(in, compare_originals),
			   .by_original_ref = sorted(in, compare_original_refs),
			   .count = in->ours_count },
		.gathered = calloc(in->ours_count + 1u, sizeof(*r.gathered)),
		.strangers = calloc(in->theirs_count + 1u, sizeof(*r.strangers)),
		.groups = calloc(in->theirs_count + 1u, sizeof(*r.groups)),
	};
	int rc = -ENOMEM;

	if (r.names.by_key != NULL && r.names.by_ref != NULL &&
	    r.names.by_ticket != NULL && r.names.by_original != NULL &&
	    r.names.by_original_ref != NULL && r.gathered != NULL &&
	    r.strangers != NULL && r.groups != NULL)
		rc = tie(&r);
	if (rc == 0)
		rc = tell(&r, each, ctx);
	free(r.names.by_key);
	free(r.names.by_ref);
	free(r.names.by_ticket);
	free(r.names.by_original);
	free(r.names.by_original_ref);
	free(r.gathered);
	free(r.strangers);
	free(r.groups);
	return rc;
}
