#include "power_book.h"

#include "lane/journal_private.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX 4096u
#define THINGS_MAX 128u

enum thing_kind { THING_CHECKOUT, THING_PAYMENT, THING_RETURNS, THING_AUDIT };

/* A checkout, a payment, the returns of a sale, and the audit as a whole. */
struct thing {
	enum thing_kind kind;
	uint8_t id[16];
};

struct entry {
	uint32_t tx; /* from 1 */
	uint32_t thing;
	uint64_t digest; /* what it is from now on; audit: unused, one record more */
};

struct power_book {
	struct journal_ops ops;
	const struct journal_ops *under;
	struct thing things[THINGS_MAX];
	uint32_t things_count;
	struct entry entries[ENTRIES_MAX];
	uint32_t entries_count;
	uint32_t begun, promised;
	bool durable, careless;
};

static struct power_book *book; /* the ops get the journal only */

/* ---- digests ----------------------------------------------------------------------------- */

static void
mix(uint64_t *h, const void *p, size_t n) /* FNV-1a */
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++)
		*h = (*h ^ b[i]) * UINT64_C(0x100000001b3);
}

static void
mix_int(uint64_t *h, int64_t v)
{
	mix(h, &v, sizeof(v));
}

static uint64_t
digest_payment(const struct payment *p)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	mix_int(&h, (int64_t)p->state);
	mix(&h, p->checkout.b, sizeof(p->checkout.b));
	mix(&h, p->ticket, strlen(p->ticket));
	mix_int(&h, p->asked_minor);
	mix_int(&h, p->answered_minor);
	mix_int(&h, p->told);
	mix_int(&h, p->approval_seen);
	mix_int(&h, p->nothing_found);
	mix_int(&h, p->by_touch | p->alarmed << 1 | p->taken << 2 | p->two_phase << 3 |
			    p->passed << 4 | p->given_back << 5);
	mix_int(&h, p->tries);
	mix_int(&h, p->state_wall_ms);
	mix(&h, p->ref, strlen(p->ref));
	mix(&h, p->auth, strlen(p->auth));
	mix(&h, p->blob, p->blob_bytes);
	return h;
}

static uint64_t
digest_checkout(const struct checkout_record *r)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	mix_int(&h, (int64_t)r->phase);
	mix_int(&h, (int64_t)r->member_state);
	mix_int(&h, r->claimed | r->touched << 1 | r->training << 2 |
			    r->pay_blocked << 3 | r->tender_outside << 4 |
			    r->claim_to_pay << 5 | r->pos_closed << 6);
	mix(&h, r->member.b, sizeof(r->member.b));
	mix(&h, r->ticket, strlen(r->ticket));
	mix_int(&h, r->rev);
	mix_int(&h, r->final);
	mix_int(&h, r->gross_minor);
	mix_int(&h, r->total_minor);
	mix_int(&h, r->saving_minor);
	mix_int(&h, r->paid_minor);
	mix_int(&h, r->points);
	mix_int(&h, r->changed_wall_ms);
	return h;
}

/* ---- noting ------------------------------------------------------------------------------ */

static uint32_t
thing_of(struct power_book *b, enum thing_kind kind, const uint8_t id[16])
{
	struct thing *t;

	for (uint32_t i = 0; i < b->things_count; i++) {
		if (b->things[i].kind == kind && memcmp(b->things[i].id, id, 16) == 0)
			return i;
	}
	assert(b->things_count < THINGS_MAX);
	t = &b->things[b->things_count];
	t->kind = kind;
	memcpy(t->id, id, 16);
	return b->things_count++;
}

static void
note(struct power_book *b, enum thing_kind kind, const uint8_t id[16], uint64_t digest)
{
	assert(b->entries_count < ENTRIES_MAX);
	b->entries[b->entries_count++] =
		(struct entry){ b->begun, thing_of(b, kind, id), digest };
}

static void
note_audit(struct power_book *b)
{
	static const uint8_t none[16];

	note(b, THING_AUDIT, none, 0);
}

static int
on_begin(void *impl, bool durable)
{
	struct journal *j = impl;

	book->begun++;
	book->durable = durable;
	if (book->careless && durable) {
		(void)db_exec(j->db,
			      "PRAGMA synchronous = OFF"); /* or it stays careful */
		j->full = true;                            /* what it believes */
	}
	return book->under->begin(impl, durable);
}

static int
on_put_checkout(void *impl, const struct checkout_record *r)
{
	note(book, THING_CHECKOUT, r->checkout.b, digest_checkout(r));
	return book->under->put_checkout(impl, r);
}

static int
on_put_payment(void *impl, const struct payment *p)
{
	note(book, THING_PAYMENT, p->key.b, digest_payment(p));
	return book->under->put_payment(impl, p);
}

static int
on_put_audit(void *impl, const struct lane_audit *a, int64_t wall_ms)
{
	note_audit(book);
	return book->under->put_audit(impl, a, wall_ms);
}

static int
on_commit(void *impl)
{
	int rc = book->under->commit(impl);

	if (rc == 0 && book->durable)
		book->promised = book->begun;
	return rc;
}

int
power_book_return(struct power_book *b, struct journal *j, const struct journal_return *r)
{
	int64_t parts = 0;
	int rc;

	for (uint32_t i = 0; i < r->lines_count; i++)
		parts += r->lines[i].before + r->lines[i].take;
	b->begun++;
	note(b, THING_RETURNS, r->checkout.b, (uint64_t)parts);
	note_audit(b);
	if (r->refund != NULL) {
		note(b, THING_PAYMENT, r->refund->key.b, digest_payment(r->refund));
		note_audit(b);
	}
	rc = journal_return_put(j, r);
	if (rc == 0)
		b->promised = b->begun;
	return rc;
}

/* ---- finding ----------------------------------------------------------------------------- */

static int
add_parts(void *ctx, const struct journal_returned *r)
{
	*(uint64_t *)ctx += (uint64_t)r->parts;
	return 0;
}

/* What the journal has of a thing: 0 nothing; UINT64_MAX it cannot be read. */
static uint64_t
held(struct journal *j, const struct thing *t)
{
	struct journal_ref ref = journal_ref(j);
	struct journal_checkout c = { .lines = NULL };
	struct payment p;
	struct key128 key;
	struct ulid id;
	uint64_t digest = 0;
	int rc = -ENOENT;

	memcpy(key.b, t->id, sizeof(key.b));
	memcpy(id.b, t->id, sizeof(id.b));
	if (t->kind == THING_CHECKOUT) {
		rc = ref.ops->get_checkout(ref.impl, id, &c);
		if (rc == 0)
			digest = digest_checkout(&c.record);
		journal_checkout_clear(&c);
	} else if (t->kind == THING_PAYMENT) {
		rc = ref.ops->get_payment(ref.impl, key, &p);
		if (rc == 0)
			digest = digest_payment(&p);
	} else if (t->kind == THING_RETURNS) {
		rc = journal_returned(j, id, add_parts, &digest);
	}
	return rc == 0 || rc == -ENOENT ? digest : UINT64_MAX;
}

/* How far the book's state is from the journal's while it is read on. */
struct compared {
	uint64_t want[THINGS_MAX], has[THINGS_MAX];
	struct journal_counts rows;
	int64_t checkouts, payments, audit; /* of the book by now */
	uint32_t at;                        /* the entries before it are read */
};

static bool
is_same(const struct power_book *b, const struct compared *c)
{
	for (uint32_t i = 0; i < b->things_count; i++) {
		if (c->want[i] != c->has[i])
			return false;
	}
	return c->rows.checkouts == c->checkouts &&
	       c->rows.payments + c->rows.refunds == c->payments &&
	       c->rows.audit == c->audit;
}

static bool
compared_init(struct compared *c, const struct power_book *b, struct journal *j)
{
	*c = (struct compared){ .audit = 0 };
	if (journal_counts(j, &c->rows) < 0)
		return false;
	for (uint32_t i = 0; i < b->things_count; i++)
		c->has[i] = held(j, &b->things[i]);
	return true;
}

/* The entries of all transactions up to this one are read. */
static void
read_to(struct compared *c, const struct power_book *b, uint32_t tx)
{
	for (; c->at < b->entries_count && b->entries[c->at].tx <= tx; c->at++) {
		const struct entry *e = &b->entries[c->at];
		enum thing_kind kind = b->things[e->thing].kind;

		c->audit += kind == THING_AUDIT;
		c->checkouts += kind == THING_CHECKOUT && c->want[e->thing] == 0;
		c->payments += kind == THING_PAYMENT && c->want[e->thing] == 0;
		c->want[e->thing] = e->digest;
	}
}

int
power_book_find(const struct power_book *b, struct journal *j)
{
	struct compared c;
	int found = -1;

	if (!compared_init(&c, b, j))
		return -1;
	for (uint32_t tx = 0; tx <= b->begun; tx++) {
		read_to(&c, b, tx);
		if (is_same(b, &c))
			found = (int)tx;
	}
	return found;
}

bool
power_book_is_at(const struct power_book *b, struct journal *j, uint32_t tx)
{
	struct compared c;

	if (!compared_init(&c, b, j))
		return false;
	read_to(&c, b, tx);
	return is_same(b, &c);
}

/* ---- books ------------------------------------------------------------------------------- */

struct power_book *
power_book_new(void)
{
	struct power_book *b = calloc(1, sizeof(*b));

	if (b == NULL)
		abort();
	return b;
}

struct power_book *
power_book_free(struct power_book *b)
{
	if (book == b)
		book = NULL;
	free(b);
	return NULL;
}

void
power_book_rebase(struct power_book *b, uint32_t found)
{
	while (b->entries_count > 0 && b->entries[b->entries_count - 1].tx > found)
		b->entries_count--;
	b->begun = b->promised = found;
}

void
power_book_careless(struct power_book *b, bool off)
{
	b->careless = off;
}

struct journal_ref
power_book_over(struct power_book *b, struct journal *j)
{
	struct journal_ref ref = journal_ref(j);

	book = b;
	b->under = ref.ops;
	b->ops = *ref.ops;
	b->ops.begin = on_begin;
	b->ops.put_checkout = on_put_checkout;
	b->ops.put_payment = on_put_payment;
	b->ops.put_audit = on_put_audit;
	b->ops.commit = on_commit;
	ref.ops = &b->ops;
	return ref;
}

uint32_t
power_book_promised(const struct power_book *b)
{
	return b->promised;
}

uint32_t
power_book_begun(const struct power_book *b)
{
	return b->begun;
}
