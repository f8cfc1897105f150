#include "sim/mem_journal.h"

#include "base/plain/pan.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct used {
	struct ulid member,
		buyer; /* whose offer was sold, and who the checkout's member was */
	struct lane_reserved
		what; /* applications and discount_minor: of all uses of the rule */
	uint32_t applications; /* the member's */
	int32_t business_day;
};

/* One table: count of cap rows. */
#define TABLE(type)                                                                      \
	struct {                                                                         \
		type *row;                                                               \
		uint32_t count, cap;                                                     \
	}

struct kept {
	struct journal_checkout c;
	bool counted;
};

/* What a commit has changed, as it was before. */
struct undo_payment {
	uint32_t at;
	struct payment *was; /* NULL: it was not there */
};
struct undo_checkout {
	uint32_t at;
	bool existed;
	struct kept was;
};
struct undo {
	TABLE(struct undo_payment) payments;
	TABLE(struct undo_checkout) checkouts;
	uint32_t used;
	uint64_t audits;
};

#define UNDOS_MAX 128u

struct mem_journal {
	TABLE(struct kept) checkouts;
	TABLE(struct payment) payments;
	TABLE(struct used) used;
	/* put, not committed */
	TABLE(struct journal_checkout) put_checkouts;
	TABLE(struct payment) put_payments;
	uint32_t put_audits;
	/* "committed" by a journal that lies */
	bool in_tx;
	uint64_t audits;
	/* Of the last commits, as a ring; NULL: none are remembered. */
	struct undo *undos;
	uint32_t undos_count, undos_next;
	struct mem_faults faults;
};

/* The row after the last, zeroed; the program ends without memory: this is a test. */
#define PUSH(t)                                                                          \
	((t).count == (t).cap ? ((t).cap = (t).cap * 2 + 8,                              \
				 (t).row = grow((t).row, (t).cap * sizeof(*(t).row)))    \
			      : (t).row,                                                 \
	 memset(&(t).row[(t).count], 0, sizeof(*(t).row)), &(t).row[(t).count++])

static void *
grow(void *p, size_t bytes)
{
	p = realloc(p, bytes);
	if (p == NULL)
		abort();
	return p;
}

static void *
copy_of(const void *p, size_t count, size_t bytes)
{
	void *q = grow(NULL, (count + 1) * bytes);

	if (count > 0)
		memcpy(q, p, count * bytes);
	return q;
}

/* ---- puts ---------------------------------------------------------------- */

static bool
has_pan(const char *s)
{
	return pan_find(str_of(s), NULL, NULL);
}

static int
put_checkout(void *impl, const struct checkout_record *r)
{
	struct mem_journal *m = impl;
	struct journal_checkout *c;

	assert(m->in_tx);
	if (has_pan(r->ticket))
		return -EPERM;
	for (uint32_t i = 0; r->basket_changed && i < r->lines_count; i++) {
		if (has_pan(r->lines[i].text) || has_pan(r->lines[i].category) ||
		    has_pan(r->lines[i].brand) ||
		    pan_find_article(str_of(r->lines[i].code)))
			return -EPERM;
	}
	c = PUSH(m->put_checkouts);
	c->record = *r;
	if (r->basket_changed)
		c->lines = copy_of(r->lines, r->lines_count, sizeof(*r->lines));
	if (r->reserved != NULL)
		c->reserved =
			copy_of(r->reserved, r->reserved_count, sizeof(*r->reserved));
	c->record.lines = c->lines;
	c->record.reserved = c->reserved;
	return 0;
}

static int
put_payment(void *impl, const struct payment *p)
{
	struct mem_journal *m = impl;
	struct str blob = { (const char *)p->blob, p->blob_bytes };

	assert(m->in_tx);
	if (has_pan(p->pos_ref) || has_pan(p->ticket) || has_pan(p->ref) ||
	    has_pan(p->auth) || pan_find_blob(blob))
		return -EPERM;
	*PUSH(m->put_payments) = *p;
	return 0;
}

static int
put_audit(void *impl, const struct lane_audit *a, int64_t wall_ms)
{
	struct mem_journal *m = impl;

	(void)wall_ms;
	assert(m->in_tx);
	if (has_pan(a->what) || (a->text != NULL && has_pan(a->text)))
		return -EPERM;
	m->put_audits++;
	return 0;
}

static void
forget_puts(struct mem_journal *m)
{
	for (uint32_t i = 0; i < m->put_checkouts.count; i++)
		journal_checkout_clear(&m->put_checkouts.row[i]);
	m->put_checkouts.count = m->put_payments.count = 0;
	m->put_audits = 0;
}

/* ---- commit -------------------------------------------------------------- */

static struct kept *
find_checkout(const struct mem_journal *m, struct ulid id)
{
	for (uint32_t i = 0; i < m->checkouts.count; i++) {
		if (ulid_eq(m->checkouts.row[i].c.record.checkout, id))
			return &m->checkouts.row[i];
	}
	return NULL;
}

static struct used
used_of(const struct journal_checkout *c, uint32_t i)
{
	const struct lane_reserved *r = &c->reserved[i];
	struct used u = { .member =
				  ulid_is_zero(r->member) ? c->record.member : r->member,
			  .buyer = c->record.member,
			  .what = *r,
			  .applications = r->applications,
			  .business_day = c->record.business_day };

	lane_reserved_total(c->reserved, i, &u.what.applications, &u.what.discount_minor);
	return u;
}

static void
count_uses(struct mem_journal *m, struct kept *k)
{
	const struct checkout_record *r = &k->c.record;

	for (uint32_t i = 0; i < r->reserved_count && !k->counted; i++) {
		*PUSH(m->used) = used_of(&k->c, i);
	}
	k->counted = true;
	k->c.record.reserved_count = 0;
}

/* ---- taking back --------------------------------------------------------------------------- */

static void
copy_kept(struct kept *to, const struct kept *from)
{
	const struct checkout_record *r = &from->c.record;

	*to = *from;
	to->c.lines = copy_of(from->c.lines, r->lines_count, sizeof(*to->c.lines));
	to->c.reserved =
		copy_of(from->c.reserved, r->reserved_count, sizeof(*to->c.reserved));
	to->c.record.lines = to->c.lines;
	to->c.record.reserved = to->c.reserved;
}

static void
undo_clear(struct undo *u)
{
	for (uint32_t i = 0; i < u->payments.count; i++)
		free(u->payments.row[i].was);
	for (uint32_t i = 0; i < u->checkouts.count; i++)
		if (u->checkouts.row[i].existed)
			journal_checkout_clear(&u->checkouts.row[i].was.c);
	u->payments.count = u->checkouts.count = 0;
}

/* Of the commit that is being applied; NULL: nothing is remembered. */
static struct undo *
undo_last(struct mem_journal *m)
{
	return m->undos == NULL ? NULL
				: &m->undos[(m->undos_next + UNDOS_MAX - 1) % UNDOS_MAX];
}

static void
undo_begin(struct mem_journal *m)
{
	struct undo *u;

	if (m->undos == NULL)
		return;
	u = &m->undos[m->undos_next];
	m->undos_next = (m->undos_next + 1) % UNDOS_MAX;
	m->undos_count += m->undos_count < UNDOS_MAX;
	undo_clear(u);
	u->used = m->used.count;
	u->audits = m->audits;
}

static void
undo_note_checkout(struct mem_journal *m, const struct kept *k)
{
	struct undo *u = undo_last(m);
	struct undo_checkout *note;

	if (u == NULL)
		return;
	note = PUSH(u->checkouts);
	note->at = k == NULL ? m->checkouts.count : (uint32_t)(k - m->checkouts.row);
	note->existed = k != NULL;
	if (k != NULL)
		copy_kept(&note->was, k);
}

static void
undo_note_payment(struct mem_journal *m, const struct payment *p)
{
	struct undo *u = undo_last(m);
	struct undo_payment *note;

	if (u == NULL)
		return;
	note = PUSH(u->payments);
	note->at = p == NULL ? m->payments.count : (uint32_t)(p - m->payments.row);
	note->was = p == NULL ? NULL : copy_of(p, 1, sizeof(*p));
}

/* The last commit was never there. */
static void
undo_one(struct mem_journal *m)
{
	struct undo *u = undo_last(m);

	assert(u != NULL);
	for (uint32_t i = u->payments.count; i-- > 0;) {
		struct undo_payment *note = &u->payments.row[i];

		if (note->was != NULL)
			m->payments.row[note->at] = *note->was;
		else
			m->payments.count = note->at;
	}
	for (uint32_t i = u->checkouts.count; i-- > 0;) {
		struct undo_checkout *note = &u->checkouts.row[i];

		journal_checkout_clear(&m->checkouts.row[note->at].c);
		if (note->existed)
			m->checkouts.row[note->at] = note->was;
		else
			m->checkouts.count = note->at;
		note->existed = false; /* its memory is the table's now */
	}
	m->used.count = u->used;
	m->audits = u->audits;
	undo_clear(u);
	m->undos_count--;
	m->undos_next = (m->undos_next + UNDOS_MAX - 1) % UNDOS_MAX;
}

static void
undo_forget(struct mem_journal *m)
{
	for (uint32_t i = 0; m->undos != NULL && i < UNDOS_MAX; i++) {
		undo_clear(&m->undos[i]);
		free(m->undos[i].payments.row);
		free(m->undos[i].checkouts.row);
	}
	free(m->undos);
	m->undos = NULL;
	m->undos_count = m->undos_next = 0;
}

static void
apply_checkout(struct mem_journal *m, struct journal_checkout *from)
{
	struct kept *k = find_checkout(m, from->record.checkout);
	struct journal_checkout old;

	undo_note_checkout(m, k);

	if (k == NULL) {
		k = PUSH(m->checkouts);
		k->c.lines = copy_of(NULL, 0, sizeof(*k->c.lines));
		k->c.reserved = copy_of(NULL, 0, sizeof(*k->c.reserved));
	}
	old = k->c;
	k->c = *from;
	if (from->lines == NULL) {
		k->c.lines = old.lines;
		k->c.record.lines_count = old.record.lines_count;
		old.lines = NULL;
	}
	if (from->reserved == NULL) {
		k->c.reserved = old.reserved;
		k->c.record.reserved_count = old.record.reserved_count;
		old.reserved = NULL;
	}
	k->c.record.lines = k->c.lines;
	k->c.record.reserved = k->c.reserved;
	free(old.lines);
	free(old.reserved);
	memset(from, 0, sizeof(*from));
	if (k->c.record.uses_count_now)
		count_uses(m, k);
	else if (k->c.record.phase == PHASE_CANCELLED)
		k->c.record.reserved_count = 0;
	k->c.record.uses_count_now = k->c.record.basket_changed = false;
}

static void
apply(struct mem_journal *m)
{
	undo_begin(m);
	for (uint32_t i = 0; i < m->put_checkouts.count; i++)
		apply_checkout(m, &m->put_checkouts.row[i]);
	for (uint32_t i = 0; i < m->put_payments.count; i++) {
		struct payment *to = NULL;

		for (uint32_t n = 0; n < m->payments.count && to == NULL; n++) {
			if (key128_eq(m->payments.row[n].key, m->put_payments.row[i].key))
				to = &m->payments.row[n];
		}
		undo_note_payment(m, to);
		if (to == NULL)
			to = PUSH(m->payments);
		*to = m->put_payments.row[i];
		to->state_mono_ms = 0;
		to->due_mono_ms = PAYMENT_NEVER;
	}
	m->audits += m->put_audits;
	forget_puts(m);
}

static int
begin(void *impl, bool durable)
{
	struct mem_journal *m = impl;

	(void)durable;
	assert(!m->in_tx);
	if (m->put_checkouts.count + m->put_payments.count > 0)
		apply(m); /* what a lying journal still held */
	m->in_tx = true;
	return 0;
}

static void
rollback(void *impl)
{
	struct mem_journal *m = impl;

	assert(m->in_tx);
	m->in_tx = false;
	forget_puts(m);
}

static int
commit(void *impl)
{
	struct mem_journal *m = impl;
	int rc = 0;

	assert(m->in_tx);
	if (m->faults.before_commit != NULL)
		rc = m->faults.before_commit(m->faults.ctx, m->put_payments.count > 0);
	if (rc < 0) {
		rollback(m);
		return rc;
	}
	m->in_tx = false;
	if (m->faults.lies && m->put_payments.count > 0)
		return 0; /* it will be there with a later commit, if there is one */
	apply(m);
	if (m->faults.after_commit != NULL)
		m->faults.after_commit(m->faults.ctx, false);
	return 0;
}

/* ---- gets ---------------------------------------------------------------- */

static int
get_checkout(void *impl, struct ulid id, struct journal_checkout *ret)
{
	struct mem_journal *m = impl;
	const struct kept *k = find_checkout(m, id);

	if (ulid_is_zero(id) && m->checkouts.count > 0)
		k = &m->checkouts.row[m->checkouts.count - 1];
	if (k == NULL)
		return -ENOENT;
	*ret = k->c;
	ret->lines = copy_of(k->c.lines, k->c.record.lines_count, sizeof(*ret->lines));
	ret->reserved = copy_of(k->c.reserved, k->c.record.reserved_count,
				sizeof(*ret->reserved));
	ret->record.lines = ret->lines;
	ret->record.reserved = ret->reserved;
	return 0;
}

static int
get_ended(void *impl, struct checkout_record *list, uint32_t max, uint32_t *ret_count)
{
	struct mem_journal *m = impl;
	uint32_t count = 0;

	for (uint32_t i = m->checkouts.count; i-- > 0 && count < max;) {
		const struct checkout_record *r = &m->checkouts.row[i].c.record;

		if (r->ticket[0] == '\0' ||
		    (r->phase != PHASE_DONE && r->phase != PHASE_CANCELLED))
			continue;
		list[count] = *r;
		list[count].lines = NULL;
		list[count].reserved = NULL;
		list[count].lines_count = list[count].reserved_count = 0;
		count++;
	}
	*ret_count = count;
	return 0;
}

static int
get_payment(void *impl, struct key128 key, struct payment *ret)
{
	const struct payment *p = mem_journal_find(impl, key);

	if (p == NULL)
		return -ENOENT;
	*ret = *p;
	return 0;
}

static int
find_payment(void *impl, struct str ref, struct payment *ret)
{
	struct mem_journal *m = impl;

	for (uint32_t i = m->payments.count; i-- > 0 && ref.n > 0;) {
		const struct payment *p = &m->payments.row[i];
		struct str blob = { (const char *)p->blob, p->blob_bytes };
		struct str pos = { (const char *)p->pos_blob, p->pos_blob_bytes };

		if (str_is(ref, p->ref) || str_eq(ref, blob) || str_is(ref, p->pos_ref) ||
		    str_eq(ref, pos)) {
			*ret = *p;
			return 0;
		}
	}
	return -ENOENT;
}

static int
open_payments(void *impl, int (*each)(void *ctx, const struct payment *p), void *ctx)
{
	struct mem_journal *m = impl;

	for (uint32_t i = 0; i < m->payments.count; i++) {
		const struct payment *p = &m->payments.row[i];
		int rc;

		if (!payment_is_open(p->state) ||
		    (m->faults.drops_undo && p->state == PAYMENT_UNDO_QUEUED))
			continue;
		rc = each(ctx, p);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int
paid_parts(void *impl, struct ulid checkout,
	   int (*each)(void *ctx, const struct payment *p), void *ctx)
{
	struct mem_journal *m = impl;
	int rc = 0;

	for (uint32_t i = 0; i < m->payments.count && rc == 0; i++) {
		const struct payment *p = &m->payments.row[i];

		if (p->kind == PAYMENT_PAY && ulid_eq(p->checkout, checkout) &&
		    p->state == PAYMENT_CONFIRMED)
			rc = each(ctx, p);
	}
	return rc;
}

struct use_list {
	struct lane_use *list;
	uint32_t max, count;
};

/* Adds to the rule's row, kept in the order of the rules' names. */
static int
add_use(struct use_list *l, const struct used *u, const struct journal_uses_query *q)
{
	bool mine = ulid_eq(u->member, q->member) && !ulid_is_zero(q->member);
	uint32_t i = 0;

	if (q->rules != NULL && !pricing_rule_is_limited(q->rules, str_of(u->what.rule)))
		return 0;
	while (i < l->count && strcmp(l->list[i].rule, u->what.rule) < 0)
		i++;
	if (i == l->count || strcmp(l->list[i].rule, u->what.rule) != 0) {
		if (l->count == l->max)
			return -E2BIG;
		memmove(&l->list[i + 1], &l->list[i],
			(l->count - i) * sizeof(l->list[0]));
		memset(&l->list[i], 0, sizeof(l->list[i]));
		memcpy(l->list[i].rule, u->what.rule, sizeof(l->list[i].rule));
		l->count++;
	}
	l->list[i].total_used += u->what.applications;
	l->list[i].budget_used_minor += u->what.discount_minor;
	l->list[i].member_used += mine ? u->applications : 0;
	if (mine && u->business_day == q->business_day)
		l->list[i].member_day_used += u->applications;
	return 0;
}

static int
uses(void *impl, const struct journal_uses_query *q, struct lane_use *list, uint32_t max,
     uint32_t *ret_count)
{
	struct mem_journal *m = impl;
	struct use_list l = { list, max, 0 };
	int rc = 0;

	for (uint32_t i = 0; i < m->used.count && rc == 0; i++)
		rc = add_use(&l, &m->used.row[i], q);
	for (uint32_t i = 0; i < m->checkouts.count && rc == 0; i++) {
		const struct journal_checkout *c = &m->checkouts.row[i].c;

		if (ulid_eq(c->record.checkout, q->except))
			continue;
		for (uint32_t n = 0; n < c->record.reserved_count && rc == 0; n++) {
			struct used u = used_of(c, n);

			rc = add_use(&l, &u, q);
		}
	}
	if (rc == 0)
		*ret_count = l.count;
	return rc;
}

static int
bought(void *impl, struct ulid member, struct ulid except, bool *ret_bought)
{
	struct mem_journal *m = impl;

	*ret_bought = false;
	for (uint32_t i = 0; i < m->checkouts.count; i++) {
		const struct checkout_record *r = &m->checkouts.row[i].c.record;

		*ret_bought =
			*ret_bought ||
			(r->phase == PHASE_DONE && !ulid_is_zero(member) &&
			 ulid_eq(r->member, member) && !ulid_eq(r->checkout, except));
	}
	return 0;
}

static int
touch_sum(void *impl, struct ulid member, int32_t business_day, int64_t *ret_minor)
{
	struct mem_journal *m = impl;
	int64_t sum = 0;

	for (uint32_t i = 0; i < m->payments.count; i++) {
		const struct payment *p = &m->payments.row[i];
		const struct kept *k = find_checkout(m, p->checkout);

		if (k == NULL || !p->by_touch ||
		    !ulid_eq(ulid_is_zero(p->member) ? k->c.record.member : p->member,
			     member) ||
		    k->c.record.business_day != business_day ||
		    p->state == PAYMENT_NOT_SENT || p->state == PAYMENT_CANCELLED ||
		    p->state == PAYMENT_DECLINED || p->state == PAYMENT_UNDONE)
			continue;
		sum += p->asked_minor;
	}
	*ret_minor = sum;
	return 0;
}

static const struct journal_ops mem_ops = {
	.begin = begin,
	.put_checkout = put_checkout,
	.put_payment = put_payment,
	.put_audit = put_audit,
	.commit = commit,
	.rollback = rollback,
	.get_checkout = get_checkout,
	.get_ended = get_ended,
	.get_payment = get_payment,
	.find_payment = find_payment,
	.open_payments = open_payments,
	.paid_parts = paid_parts,
	.uses = uses,
	.bought = bought,
	.touch_sum = touch_sum,
};

struct journal_ref
mem_journal_ref(struct mem_journal *m)
{
	return (struct journal_ref){ &mem_ops, m };
}

struct mem_journal *
mem_journal_new(void)
{
	struct mem_journal *m = grow(NULL, sizeof(*m));

	memset(m, 0, sizeof(*m));
	return m;
}

void
mem_journal_reset(struct mem_journal *m)
{
	forget_puts(m);
	m->in_tx = false;
	for (uint32_t i = 0; i < m->checkouts.count; i++)
		journal_checkout_clear(&m->checkouts.row[i].c);
	m->checkouts.count = m->payments.count = m->used.count = 0;
	m->audits = 0;
	for (uint32_t i = 0; m->undos != NULL && i < UNDOS_MAX; i++)
		undo_clear(&m->undos[i]);
	m->undos_count = m->undos_next = 0;
}

struct mem_journal *
mem_journal_free(struct mem_journal *m)
{
	if (m == NULL)
		return NULL;
	mem_journal_reset(m);
	undo_forget(m);
	free(m->checkouts.row);
	free(m->payments.row);
	free(m->used.row);
	free(m->put_checkouts.row);
	free(m->put_payments.row);
	free(m);
	return NULL;
}

void
mem_journal_commit(struct mem_journal *m)
{
	assert(m->in_tx);
	m->in_tx = false;
	apply(m);
}

struct mem_journal *
mem_journal_copy(const struct mem_journal *m)
{
	struct mem_journal *to = mem_journal_new();

	for (uint32_t i = 0; i < m->checkouts.count; i++) {
		const struct kept *from = &m->checkouts.row[i];

		copy_kept(PUSH(to->checkouts), from);
	}
	for (uint32_t i = 0; i < m->payments.count; i++)
		*PUSH(to->payments) = m->payments.row[i];
	for (uint32_t i = 0; i < m->used.count; i++)
		*PUSH(to->used) = m->used.row[i];
	to->audits = m->audits;
	return to;
}

void
mem_journal_take(struct mem_journal *m, struct mem_journal *from)
{
	struct mem_journal old;

	mem_journal_crash(m);
	old = *m;
	*m = *from;
	m->faults = old.faults;
	m->undos = old.undos; /* what they take back is of another state now */
	m->undos_count = m->undos_next = 0;
	old.undos = from->undos;
	m->put_checkouts = old.put_checkouts;
	m->put_payments = old.put_payments;
	m->put_audits = old.put_audits;
	old.put_checkouts = from->put_checkouts;
	old.put_payments = from->put_payments;
	old.faults = from->faults;
	*from = old;
	mem_journal_reset(from);
}

void
mem_journal_faults(struct mem_journal *m, const struct mem_faults *f)
{
	m->faults = *f;
}

void
mem_journal_crash(struct mem_journal *m)
{
	m->in_tx = false;
	forget_puts(m);
}

void
mem_journal_remember(struct mem_journal *m)
{
	undo_forget(m);
	m->undos = grow(NULL, UNDOS_MAX * sizeof(*m->undos));
	memset(m->undos, 0, UNDOS_MAX * sizeof(*m->undos));
}

uint32_t
mem_journal_take_back(struct mem_journal *m, uint32_t commits)
{
	uint32_t n = 0;

	assert(!m->in_tx);
	while (n < commits && m->undos_count > 0) {
		undo_one(m);
		n++;
	}
	return n;
}

static bool
same_payment(const struct payment *a, const struct payment *b)
{
	return b != NULL && a->state == b->state && a->told == b->told &&
	       a->taken == b->taken && a->given_back == b->given_back &&
	       a->answered_minor == b->answered_minor &&
	       a->approval_seen == b->approval_seen;
}

static uint32_t
uses_of(const struct mem_journal *m, const struct kept *k)
{
	uint32_t n = k->c.record.reserved_count;

	/* Which checkout a counted use is of is not kept: of its member and day at most these. */
	for (uint32_t i = 0; k->counted && i < m->used.count; i++)
		n += (ulid_eq(m->used.row[i].member, k->c.record.member) ||
		      ulid_eq(m->used.row[i].buyer, k->c.record.member)) &&
		     m->used.row[i].business_day == k->c.record.business_day;
	return n;
}

static bool
same_checkout(const struct kept *a, const struct kept *b)
{
	const struct checkout_record *x = &a->c.record, *y;

	if (b == NULL)
		return false;
	y = &b->c.record;
	return x->phase == y->phase && x->rev == y->rev &&
	       x->paid_minor == y->paid_minor && x->total_minor == y->total_minor &&
	       x->reserved_count == y->reserved_count && a->counted == b->counted &&
	       x->member_state == y->member_state && ulid_eq(x->member, y->member);
}

void
mem_journal_compare(const struct mem_journal *was, const struct mem_journal *then,
		    const struct mem_differs *tell)
{
	for (uint32_t i = 0; i < was->payments.count; i++) {
		const struct payment *p = &was->payments.row[i];

		if (!same_payment(p, mem_journal_find(then, p->key)))
			tell->payment(tell->ctx, p);
	}
	for (uint32_t i = 0; i < was->checkouts.count; i++) {
		const struct kept *k = &was->checkouts.row[i];

		if (!same_checkout(k, find_checkout(then, k->c.record.checkout)))
			tell->checkout(tell->ctx, &k->c.record, uses_of(was, k));
	}
}

uint32_t
mem_journal_payments_count(const struct mem_journal *m)
{
	return m->payments.count;
}

const struct payment *
mem_journal_payment(const struct mem_journal *m, uint32_t i)
{
	return &m->payments.row[i];
}

const struct payment *
mem_journal_find(const struct mem_journal *m, struct key128 key)
{
	for (uint32_t i = 0; i < m->payments.count; i++) {
		if (key128_eq(m->payments.row[i].key, key))
			return &m->payments.row[i];
	}
	return NULL;
}

uint32_t
mem_journal_checkouts_count(const struct mem_journal *m)
{
	return m->checkouts.count;
}

const struct checkout_record *
mem_journal_checkout(const struct mem_journal *m, uint32_t i)
{
	return &m->checkouts.row[i].c.record;
}

uint64_t
mem_journal_audits(const struct mem_journal *m)
{
	return m->audits;
}
