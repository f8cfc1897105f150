#include "sim/twin_journal.h"

#include "lane/journal_anchor.h"
#include "lane/journal_private.h"
#include "unit/power_book.h"
#include "unit/power_vfs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USES_MAX 64u
#define OPEN_MAX 64u
#define STATES_MAX 64u
#define ANCHOR_EVERY 4u /* commits */
#define CUT_CALLS 8u    /* a commit makes about so many writes and syncs */
#define CHECKPOINT_PAGES "PRAGMA wal_autocheckpoint = 20"

/* What was committed with a transaction. */
struct state {
	uint32_t tx;
	struct mem_journal *journal;
	uint64_t calls; /* of the disk by then */
};

struct twin_journal {
	struct mem_journal *mem;
	struct journal_ref memory, file;
	struct journal *db;
	struct power_disk *disk;
	struct power_book *book;
	struct twin_hooks hooks;
	bool in_tx, durable, off;
	/* The disk lies; what the last power loss has made of the file, and what it was before. */
	bool lies;
	enum twin_state found;
	struct mem_journal *was;
	struct journal_anchor anchor; /* as it was noted last, on another disk */
	uint64_t seed;
	/* After the last durable commit, and after each since: where a power loss may lead back to. */
	struct state states[STATES_MAX];
	uint32_t states_count;
};

/* What the two said. Without power they say nothing, to a process that does not know it yet. */
static int
same(struct twin_journal *t, int memory, int file, const char *what)
{
	if (t->off)
		return -EIO;
	if ((memory < 0) != (file < 0))
		t->hooks.broken(t->hooks.ctx, what);
	return file;
}

static void
same_number(struct twin_journal *t, int64_t memory, int64_t file, const char *what)
{
	if (memory != file && !t->off)
		t->hooks.broken(t->hooks.ctx, what);
}

/* ---- writing ----------------------------------------------------------------------------- */

static int
twin_begin(void *impl, bool durable)
{
	struct twin_journal *t = impl;

	if (t->off)
		return -EIO;
	t->in_tx = true;
	t->durable = durable;
	return same(t, t->memory.ops->begin(t->memory.impl, durable),
		    t->file.ops->begin(t->file.impl, durable), "begin");
}

static int
twin_put_checkout(void *impl, const struct checkout_record *r)
{
	struct twin_journal *t = impl;

	return same(t, t->memory.ops->put_checkout(t->memory.impl, r),
		    t->file.ops->put_checkout(t->file.impl, r), "put checkout");
}

static int
twin_put_payment(void *impl, const struct payment *p)
{
	struct twin_journal *t = impl;

	return same(t, t->memory.ops->put_payment(t->memory.impl, p),
		    t->file.ops->put_payment(t->file.impl, p), "put payment");
}

static int
twin_put_audit(void *impl, const struct lane_audit *a, int64_t wall_ms)
{
	struct twin_journal *t = impl;

	return same(t, t->memory.ops->put_audit(t->memory.impl, a, wall_ms),
		    t->file.ops->put_audit(t->file.impl, a, wall_ms), "put audit");
}

static void
forget_states(struct twin_journal *t, uint32_t keep)
{
	while (t->states_count > keep) {
		struct state *s = &t->states[--t->states_count];

		s->journal = mem_journal_free(s->journal);
	}
}

/* A durable commit is where every power loss leads back to at least. */
static void
note_state(struct twin_journal *t, bool durable)
{
	if (durable && !t->lies)
		forget_states(t, 0);
	/* Not at each: as in a lane, it is some commits old. */
	if (t->lies && !t->off && power_book_begun(t->book) % ANCHOR_EVERY == 0)
		journal_anchor_take(t->db, (struct ulid){ { 1 } }, 0, &t->anchor);
	if (t->states_count == STATES_MAX) {
		t->states[0].journal = mem_journal_free(t->states[0].journal);
		memmove(&t->states[0], &t->states[1],
			(STATES_MAX - 1) * sizeof(t->states[0]));
		t->states_count--;
	}
	t->states[t->states_count++] =
		(struct state){ power_book_begun(t->book), mem_journal_copy(t->mem),
				power_disk_calls(t->disk) };
}

/* The power goes while the file is being committed: nobody knows whether it was. */
static int
cut_commit(struct twin_journal *t)
{
	power_disk_cut(t->disk,
		       power_disk_calls(t->disk) + 1 + (t->seed >> 8) % CUT_CALLS);
	if (t->file.ops->commit(t->file.impl) < 0 && !power_disk_is_off(t->disk))
		t->hooks.broken(t->hooks.ctx, "a commit before the power went");
	power_disk_cut(t->disk, power_disk_calls(t->disk) + 1);
	mem_journal_commit(t->mem);
	note_state(t, false);
	t->off = true;
	t->hooks.went(t->hooks.ctx);
	return -EIO;
}

/* The memory decides: it is where the simulation's faults are. */
static int
twin_commit(void *impl)
{
	struct twin_journal *t = impl;
	int rc;

	t->in_tx = false;
	if (t->hooks.cut(t->hooks.ctx, &t->seed))
		return cut_commit(t);
	rc = t->memory.ops->commit(t->memory.impl);
	if (rc < 0) {
		t->file.ops->rollback(t->file.impl);
		power_book_rebase(t->book, power_book_begun(t->book) - 1);
		return rc;
	}
	rc = same(t, rc, t->file.ops->commit(t->file.impl), "commit");
	note_state(t, t->durable);
	return rc;
}

static void
twin_rollback(void *impl)
{
	struct twin_journal *t = impl;

	t->in_tx = false;
	t->memory.ops->rollback(t->memory.impl);
	t->file.ops->rollback(t->file.impl);
	power_book_rebase(t->book, power_book_begun(t->book) - 1);
}

/* ---- reading ----------------------------------------------------------------------------- */

static void
compare_checkouts(struct twin_journal *t, const struct checkout_record *a,
		  const struct checkout_record *b)
{
	if (!ulid_eq(a->checkout, b->checkout) || !ulid_eq(a->member, b->member) ||
	    strcmp(a->ticket, b->ticket) != 0)
		t->hooks.broken(t->hooks.ctx, "which checkout");
	same_number(t, a->phase, b->phase, "a checkout's phase");
	same_number(t, a->rev, b->rev, "a checkout's revision");
	same_number(t, a->total_minor, b->total_minor, "a checkout's total");
	same_number(t, a->paid_minor, b->paid_minor, "what a checkout has paid");
	same_number(t, a->claimed, b->claimed, "a checkout's claim");
	same_number(t, a->reserved_count, b->reserved_count, "a checkout's reservations");
}

static int
twin_get_checkout(void *impl, struct ulid id, struct journal_checkout *ret)
{
	struct twin_journal *t = impl;
	struct journal_checkout memory;
	int m = t->memory.ops->get_checkout(t->memory.impl, id, &memory);
	int rc = same(t, m, t->file.ops->get_checkout(t->file.impl, id, ret),
		      "get checkout");

	if (m == 0 && rc == 0) {
		compare_checkouts(t, &memory.record, &ret->record);
		same_number(t, memory.record.lines_count, ret->record.lines_count,
			    "a checkout's lines");
	}
	if (m == 0)
		journal_checkout_clear(&memory);
	return rc;
}

static int
twin_get_ended(void *impl, struct checkout_record *list, uint32_t max,
	       uint32_t *ret_count)
{
	struct twin_journal *t = impl;
	struct checkout_record memory[LANE_ENDED_TICKETS];
	uint32_t count = 0;
	int m = t->memory.ops->get_ended(
		t->memory.impl, memory,
		max < LANE_ENDED_TICKETS ? max : LANE_ENDED_TICKETS, &count);
	int rc = same(t, m, t->file.ops->get_ended(t->file.impl, list, max, ret_count),
		      "get ended");

	if (m < 0 || rc < 0)
		return rc;
	same_number(t, count, *ret_count, "how many checkouts ended");
	for (uint32_t i = 0; i < count && i < *ret_count; i++) {
		if (!ulid_eq(memory[i].checkout, list[i].checkout))
			t->hooks.broken(t->hooks.ctx, "which checkouts ended last");
	}
	return rc;
}

static void
compare_payments(struct twin_journal *t, const struct payment *a, const struct payment *b)
{
	if (!key128_eq(a->key, b->key) || !ulid_eq(a->checkout, b->checkout) ||
	    strcmp(a->ticket, b->ticket) != 0 || strcmp(a->ref, b->ref) != 0)
		t->hooks.broken(t->hooks.ctx, "which payment");
	same_number(t, a->state, b->state, "a payment's state");
	same_number(t, a->asked_minor, b->asked_minor, "what a payment asked for");
	same_number(t, a->answered_minor, b->answered_minor, "a payment's answer");
	same_number(t, a->told, b->told, "whether the POS was told");
	same_number(t, a->approval_seen, b->approval_seen, "whether it was approved");
	same_number(t, a->nothing_found, b->nothing_found, "whether nothing was found");
	same_number(t, a->state_wall_ms, b->state_wall_ms, "since when");
	same_number(t, a->blob_bytes, b->blob_bytes, "a payment's blob");
}

static int
twin_get_payment(void *impl, struct key128 key, struct payment *ret)
{
	struct twin_journal *t = impl;
	struct payment memory;
	int m = t->memory.ops->get_payment(t->memory.impl, key, &memory);
	int rc = same(t, m, t->file.ops->get_payment(t->file.impl, key, ret),
		      "get payment");

	if (m == 0 && rc == 0)
		compare_payments(t, &memory, ret);
	return rc;
}

static int
twin_find_payment(void *impl, struct str ref, struct payment *ret)
{
	struct twin_journal *t = impl;
	struct payment memory;
	int m = t->memory.ops->find_payment(t->memory.impl, ref, &memory);

	return same(t, m, t->file.ops->find_payment(t->file.impl, ref, ret),
		    "find payment");
}

struct open_list {
	struct payment list[OPEN_MAX];
	uint32_t count;
};

static int
keep(void *ctx, const struct payment *p)
{
	struct open_list *l = ctx;

	if (l->count == OPEN_MAX)
		return -E2BIG;
	l->list[l->count++] = *p;
	return 0;
}

static int
twin_open_payments(void *impl, int (*each)(void *ctx, const struct payment *p), void *ctx)
{
	struct twin_journal *t = impl;
	struct open_list *memory = calloc(2, sizeof(*memory)), *file;
	int rc;

	if (memory == NULL)
		abort();
	file = memory + 1;
	rc = same(t, t->memory.ops->open_payments(t->memory.impl, keep, memory),
		  t->file.ops->open_payments(t->file.impl, keep, file), "open payments");
	same_number(t, memory->count, file->count, "how many payments are open");
	for (uint32_t i = 0; rc == 0 && i < file->count; i++) {
		/* Refunds are in a table of their own, and come last there. */
		for (uint32_t k = 0; k < memory->count; k++)
			if (key128_eq(memory->list[k].key, file->list[i].key))
				compare_payments(t, &memory->list[k], &file->list[i]);
		rc = each(ctx, &file->list[i]);
	}
	free(memory);
	return rc;
}

static int
twin_paid_parts(void *impl, struct ulid checkout,
		int (*each)(void *ctx, const struct payment *p), void *ctx)
{
	struct twin_journal *t = impl;

	return t->file.ops->paid_parts(t->file.impl, checkout, each, ctx);
}

static void
compare_uses(struct twin_journal *t, const struct lane_use *memory, uint32_t m_count,
	     const struct lane_use *file, uint32_t f_count)
{
	same_number(t, m_count, f_count, "how many rules were used");
	for (uint32_t i = 0; i < f_count; i++)
		for (uint32_t k = 0; k < m_count; k++) {
			if (strcmp(file[i].rule, memory[k].rule) != 0)
				continue;
			same_number(t, memory[k].member_used, file[i].member_used,
				    "how often a member used a rule");
			same_number(t, memory[k].member_day_used, file[i].member_day_used,
				    "how often a member used a rule that day");
			same_number(t, memory[k].total_used, file[i].total_used,
				    "how often a rule was used");
		}
}

static int
twin_uses(void *impl, const struct journal_uses_query *q, struct lane_use *list,
	  uint32_t max, uint32_t *ret_count)
{
	struct twin_journal *t = impl;
	struct lane_use memory[USES_MAX];
	uint32_t count = 0;
	int m = t->memory.ops->uses(t->memory.impl, q, memory,
				    max < USES_MAX ? max : USES_MAX, &count);
	int rc = same(t, m, t->file.ops->uses(t->file.impl, q, list, max, ret_count),
		      "uses");

	if (m == 0 && rc == 0)
		compare_uses(t, memory, count, list, *ret_count);
	return rc;
}

static int
twin_bought(void *impl, struct ulid member, struct ulid except, bool *ret_bought)
{
	struct twin_journal *t = impl;
	bool memory = false;
	int m = t->memory.ops->bought(t->memory.impl, member, except, &memory);
	int rc = same(t, m, t->file.ops->bought(t->file.impl, member, except, ret_bought),
		      "bought");

	if (m == 0 && rc == 0)
		same_number(t, memory, *ret_bought, "whether a member has bought before");
	return rc;
}

static int
twin_touch_sum(void *impl, struct ulid member, int32_t business_day, int64_t *ret_minor)
{
	struct twin_journal *t = impl;
	int64_t memory = 0;
	int m = t->memory.ops->touch_sum(t->memory.impl, member, business_day, &memory);
	int rc = same(
		t, m,
		t->file.ops->touch_sum(t->file.impl, member, business_day, ret_minor),
		"touch sum");

	if (m == 0 && rc == 0)
		same_number(t, memory, *ret_minor, "what was paid by touch");
	return rc;
}

static const struct journal_ops ops = {
	.begin = twin_begin,
	.put_checkout = twin_put_checkout,
	.put_payment = twin_put_payment,
	.put_audit = twin_put_audit,
	.commit = twin_commit,
	.rollback = twin_rollback,
	.get_checkout = twin_get_checkout,
	.get_ended = twin_get_ended,
	.get_payment = twin_get_payment,
	.find_payment = twin_find_payment,
	.open_payments = twin_open_payments,
	.paid_parts = twin_paid_parts,
	.uses = twin_uses,
	.bought = twin_bought,
	.touch_sum = twin_touch_sum,
};

/* ---- life -------------------------------------------------------------------------------- */

static int
try_open(struct twin_journal *t, char why[256])
{
	const struct journal_spec spec = { .path = "journal.db",
					   .vfs = POWER_VFS,
					   .environment = "test",
					   .lane = { { 1 } } };
	int rc = journal_open(&spec, &t->db, why);

	if (rc == 0)
		rc = db_exec(t->db->db, CHECKPOINT_PAGES);
	if (rc == 0)
		t->file = power_book_over(t->book, t->db);
	return rc;
}

static void
open_file(struct twin_journal *t)
{
	char why[256] = "";

	if (try_open(t, why) < 0) {
		(void)fprintf(stderr, "sim: journal.db: %s\n", why);
		abort();
	}
}

/* After a power loss. A file that cannot be read any more ends the run, which goes on with an empty one. */
static void
open_what_is_left(struct twin_journal *t)
{
	char why[256] = "";

	if (try_open(t, why) == 0)
		return;
	t->hooks.broken(t->hooks.ctx, "the power loss left no journal");
	(void)power_disk_free(t->disk); /* gives NULL */
	t->disk = power_disk_new();
	power_disk_mount(t->disk);
	open_file(t);
}

struct twin_journal *
twin_journal_new(struct mem_journal *mem, const struct twin_hooks *hooks)
{
	struct twin_journal *t = calloc(1, sizeof(*t));

	if (t == NULL)
		abort();
	t->mem = mem;
	t->memory = mem_journal_ref(mem);
	t->hooks = *hooks;
	t->disk = power_disk_new();
	t->book = power_book_new();
	power_disk_mount(t->disk);
	open_file(t);
	note_state(t, true);
	return t;
}

struct twin_journal *
twin_journal_free(struct twin_journal *t)
{
	int64_t seq = 0;

	if (t == NULL)
		return NULL;
	if (!t->off && t->db != NULL && journal_check(t->db, &seq) < 0)
		t->hooks.broken(t->hooks.ctx, "the audit chain");
	(void)journal_close(t->db);     /* gives NULL */
	(void)power_disk_free(t->disk); /* gives NULL */
	(void)power_book_free(t->book); /* gives NULL */
	(void)mem_journal_free(t->was); /* gives NULL */
	forget_states(t, 0);
	free(t);
	return NULL;
}

struct journal_ref
twin_journal_ref(struct twin_journal *t)
{
	return (struct journal_ref){ &ops, t };
}

struct journal *
twin_journal_db(struct twin_journal *t)
{
	return t->db;
}

static bool
same_checkout(const struct checkout_record *a, const struct checkout_record *b)
{
	return ulid_eq(a->checkout, b->checkout) && ulid_eq(a->member, b->member) &&
	       strcmp(a->ticket, b->ticket) == 0 && a->phase == b->phase &&
	       a->rev == b->rev && a->total_minor == b->total_minor &&
	       a->paid_minor == b->paid_minor && a->claimed == b->claimed;
}

/* In any order. */
static bool
same_reserved(const struct journal_checkout *a, const struct journal_checkout *b)
{
	for (uint32_t i = 0; i < a->record.reserved_count; i++) {
		bool found = false;

		for (uint32_t k = 0; k < b->record.reserved_count; k++)
			found = found ||
				(strcmp(a->reserved[i].rule, b->reserved[k].rule) == 0 &&
				 ulid_eq(a->reserved[i].member, b->reserved[k].member) &&
				 a->reserved[i].applications ==
					 b->reserved[k].applications);
		if (!found)
			return false;
	}
	return true;
}

static bool
same_uses(const struct lane_use *a, const struct lane_use *b, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (strcmp(a[i].rule, b[i].rule) != 0 ||
		    a[i].member_used != b[i].member_used ||
		    a[i].member_day_used != b[i].member_day_used ||
		    a[i].total_used != b[i].total_used)
			return false;
	return true;
}

/* Of each member who has bought here, but for that checkout: what is counted and what is reserved. */
static bool
has_uses(struct twin_journal *t, struct mem_journal *state)
{
	struct journal_ref memory = mem_journal_ref(state);

	for (uint32_t i = 0; i < mem_journal_checkouts_count(state); i++) {
		const struct checkout_record *r = mem_journal_checkout(state, i);
		struct journal_uses_query q = { .member = r->member,
						.except = r->checkout,
						.business_day = r->business_day };
		struct lane_use a[USES_MAX], b[USES_MAX];
		uint32_t m = 0, f = 0;

		if (memory.ops->uses(memory.impl, &q, a, USES_MAX, &m) < 0 ||
		    t->file.ops->uses(t->file.impl, &q, b, USES_MAX, &f) < 0 || m != f ||
		    !same_uses(a, b, m))
			return false;
	}
	return true;
}

/* What the book does not note of a checkout: is the newest one of the file that of this state? */
static bool
has_newest(struct twin_journal *t, struct mem_journal *state)
{
	struct journal_ref memory = mem_journal_ref(state);
	struct journal_checkout a, b;
	struct ulid newest = { { 0 } };
	int m = memory.ops->get_checkout(memory.impl, newest, &a);
	int f = t->file.ops->get_checkout(t->file.impl, newest, &b);
	bool same_ones = m == f && has_uses(t, state);

	if (m == 0 && f == 0)
		same_ones = same_ones && same_checkout(&a.record, &b.record) &&
			    a.record.reserved_count == b.record.reserved_count &&
			    a.record.lines_count == b.record.lines_count &&
			    same_reserved(&a, &b);
	if (m == 0)
		journal_checkout_clear(&a);
	if (f == 0)
		journal_checkout_clear(&b);
	return same_ones;
}

/*
 * The file as the power loss left it: which of the states is that? The memory takes it, too. Pages of
 * different times, sound as each is, are no state: the newest checkout as it was once, beside records
 * of later, is not taken for the older one.
 */
static bool
follow_file(struct twin_journal *t)
{
	int found = power_book_find(t->book, t->db);

	for (uint32_t i = t->states_count; i-- > 0;) {
		uint32_t tx = t->states[i].tx;

		if (found < 0 || tx > (uint32_t)found ||
		    !has_newest(t, t->states[i].journal) ||
		    !power_book_is_at(t->book, t->db, tx))
			continue;
		mem_journal_take(t->mem, t->states[i].journal);
		forget_states(t, 0);
		power_book_rebase(t->book, tx);
		note_state(t, true);
		return true;
	}
	return false;
}

void
twin_journal_power(struct twin_journal *t, uint64_t seed)
{
	if (t->db == NULL)
		return; /* it cannot be read, and is not written */
	t->seed = seed;
	t->off = true;
	power_disk_cut(t->disk, power_disk_calls(t->disk) + 1);
}

/* ---- a disk that lies ---------------------------------------------------------------------- */

void
twin_journal_lies(struct twin_journal *t)
{
	t->lies = true;
	power_disk_lie(t->disk);
}

enum twin_state
twin_journal_state(const struct twin_journal *t, struct mem_journal **ret_was)
{
	*ret_was = t->was;
	return t->found;
}

static void
keep_was(struct twin_journal *t)
{
	(void)mem_journal_free(t->was); /* gives NULL */
	t->was = mem_journal_copy(t->mem);
}

/*
 * Up to where the disk is what it should be: until its last sync, or to the middle of one of the last
 * commits. What comes after that is there in part.
 */
static struct power_loss
choose_loss(const struct twin_journal *t)
{
	struct power_loss how = { .kept = POWER_SOME,
				  .seed = t->seed,
				  .sector = t->seed % 2 == 0 ? 512 : 4096,
				  .from = power_disk_synced(t->disk) };
	uint64_t turn = t->seed >> 16;
	uint32_t back = 1 + (uint32_t)(turn / 4 % (turn % 16 < 4 ? 24 : 4));

	if (turn % 2 == 0 && back < t->states_count) {
		how.from = t->states[t->states_count - 1 - back].calls +
			   turn / 128 % CUT_CALLS;
		/* It has stopped there, or it has lost some of what came after. */
		if (turn / 2 % 2 == 0)
			how.kept = POWER_ALL_LOST;
	}
	return how;
}

/* Also the indexes: one that has lost a page hides rows, and no quicker check sees it. */
static bool
is_sound(struct twin_journal *t)
{
	sqlite3_stmt *s = db_stmt(t->db->db, "PRAGMA integrity_check(1)");
	bool ok = db_step(t->db->db, s) == 1 && str_is(db_col_str(s, 0), "ok");

	db_done(s);
	return ok;
}

/* The file is opened as laned opens it, and is a state that was committed once. */
static bool
open_lied(struct twin_journal *t)
{
	char why[256] = "";
	int64_t seq = 0;

	if (try_open(t, why) == 0 && journal_check(t->db, &seq) == 0 && is_sound(t) &&
	    follow_file(t))
		return true;
	t->db = journal_close(t->db);
	return false;
}

/* What the anchor has seen is there; or laned is told that it is not. */
static void
look_at_anchor(struct twin_journal *t)
{
	struct journal_counts c;
	int rc = journal_anchor_check(t->db, &t->anchor);

	if (journal_counts(t->db, &c) < 0 || (t->anchor.seq > c.audit) != (rc == -ESTALE))
		t->hooks.broken(t->hooks.ctx, "whether the journal went back in time");
	journal_anchor_take(t->db, (struct ulid){ { 1 } }, 0, &t->anchor);
}

/* The disk is exchanged for what a loss has left of it. False: nothing that can be used. */
static bool
exchange(struct twin_journal *t, const struct power_loss *how)
{
	struct power_disk *after = power_disk_after(t->disk, how);

	power_disk_lie(after);
	power_disk_mount(after);
	if (!open_lied(t)) {
		(void)power_disk_free(after); /* gives NULL */
		return false;
	}
	(void)power_disk_free(t->disk); /* gives NULL */
	t->disk = after;
	t->states[0].calls = power_disk_calls(after);
	look_at_anchor(t);
	return true;
}

static void
crash_lied(struct twin_journal *t)
{
	uint32_t promised = power_book_promised(t->book);
	struct power_loss how;

	if (t->db == NULL)
		return; /* there is nothing to lose */
	t->found = TWIN_WHOLE;
	power_disk_off(t->disk);
	t->db = journal_close(t->db);
	if (t->in_tx)
		power_book_rebase(t->book, power_book_begun(t->book) - 1);
	t->in_tx = false;
	mem_journal_crash(t->mem);
	if (!t->off) {
		power_disk_on(t->disk);
		open_file(t);
		return;
	}
	t->off = false;
	keep_was(t);
	how = choose_loss(t);
	if (!exchange(t, &how))
		t->found = TWIN_UNREADABLE;
	else if (power_book_begun(t->book) < promised)
		t->found = TWIN_OLDER;
}

void
twin_journal_restore(struct twin_journal *t, uint64_t seed, struct mem_journal **ret_was)
{
	uint32_t back = (uint32_t)(seed % (t->states_count < 12 ? t->states_count : 12));
	const struct power_loss how = {
		.kept = POWER_ALL_LOST,
		.sector = 512,
		.from = t->states[t->states_count - 1 - back].calls
	};

	keep_was(t);
	if (!exchange(t, &how))
		t->hooks.broken(t->hooks.ctx, "the backup cannot be read");
	t->found = TWIN_WHOLE;
	*ret_was = t->was;
}

void
twin_journal_crash(struct twin_journal *t)
{
	const struct power_loss how = { .kept = t->off ? POWER_SOME : POWER_ALL_KEPT,
					.seed = t->seed,
					.sector = t->seed % 2 == 0 ? 512 : 4096 };
	struct power_disk *after;

	if (t->lies) {
		crash_lied(t);
		return;
	}
	/* It is killed, and writes nothing in its last moment. */
	power_disk_cut(t->disk, power_disk_calls(t->disk) + 1);
	t->db = journal_close(t->db);
	after = power_disk_after(t->disk, &how);
	(void)power_disk_free(t->disk); /* gives NULL */
	t->disk = after;
	power_disk_mount(after);
	if (t->in_tx)
		power_book_rebase(t->book, power_book_begun(t->book) - 1);
	t->in_tx = false;
	mem_journal_crash(t->mem);
	open_what_is_left(t);
	if (t->off && !follow_file(t))
		t->hooks.broken(t->hooks.ctx,
				"the power loss left what was never committed");
	t->off = false;
}
