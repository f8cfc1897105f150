#include "sim/twin_journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_BYTES 256
#define USES_MAX 64u
#define OPEN_MAX 64u

struct twin_journal {
	struct mem_journal *mem;
	struct journal_ref memory, file;
	struct journal *db;
	char folder[PATH_BYTES], path[PATH_BYTES + 16];
	void (*broken)(void *ctx, const char *what);
	void *ctx;
};

static int
same(struct twin_journal *t, int memory, int file, const char *what)
{
	if ((memory < 0) != (file < 0))
		t->broken(t->ctx, what);
	return file;
}

static void
same_number(struct twin_journal *t, int64_t memory, int64_t file, const char *what)
{
	if (memory != file)
		t->broken(t->ctx, what);
}

/* ---- writing ----------------------------------------------------------------------------- */

static int
twin_begin(void *impl, bool durable)
{
	struct twin_journal *t = impl;

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

/* The memory decides: it is where the simulation's faults are. */
static int
twin_commit(void *impl)
{
	struct twin_journal *t = impl;
	int rc = t->memory.ops->commit(t->memory.impl);

	if (rc < 0) {
		t->file.ops->rollback(t->file.impl);
		return rc;
	}
	return same(t, rc, t->file.ops->commit(t->file.impl), "commit");
}

static void
twin_rollback(void *impl)
{
	struct twin_journal *t = impl;

	t->memory.ops->rollback(t->memory.impl);
	t->file.ops->rollback(t->file.impl);
}

/* ---- reading ----------------------------------------------------------------------------- */

static void
compare_checkouts(struct twin_journal *t, const struct checkout_record *a,
		  const struct checkout_record *b)
{
	if (!ulid_eq(a->checkout, b->checkout) || !ulid_eq(a->member, b->member) ||
	    strcmp(a->ticket, b->ticket) != 0)
		t->broken(t->ctx, "which checkout");
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
			t->broken(t->ctx, "which checkouts ended last");
	}
	return rc;
}

static void
compare_payments(struct twin_journal *t, const struct payment *a, const struct payment *b)
{
	if (!key128_eq(a->key, b->key) || !ulid_eq(a->checkout, b->checkout) ||
	    strcmp(a->ticket, b->ticket) != 0 || strcmp(a->ref, b->ref) != 0)
		t->broken(t->ctx, "which payment");
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
		if (i < memory->count)
			compare_payments(t, &memory->list[i], &file->list[i]);
		rc = each(ctx, &file->list[i]);
	}
	free(memory);
	return rc;
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
	.uses = twin_uses,
	.bought = twin_bought,
	.touch_sum = twin_touch_sum,
};

/* ---- life -------------------------------------------------------------------------------- */

static void
open_file(struct twin_journal *t)
{
	const struct journal_spec spec = { .path = t->path,
					   .environment = "test",
					   .lane = { { 1 } } };
	char why[256] = "";

	if (journal_open(&spec, &t->db, why) < 0) {
		(void)fprintf(stderr, "sim: %s: %s\n", t->path, why);
		abort();
	}
	t->file = journal_ref(t->db);
}

struct twin_journal *
twin_journal_new(struct mem_journal *mem, void (*broken)(void *ctx, const char *what),
		 void *ctx)
{
	struct twin_journal *t = calloc(1, sizeof(*t));

	if (t == NULL)
		abort();
	t->mem = mem;
	t->memory = mem_journal_ref(mem);
	t->broken = broken;
	t->ctx = ctx;
	/* In memory where the system has such a folder: what matters is SQLite, not the disk. */
	(void)snprintf(t->folder, sizeof(t->folder), "%s/laned-sim-XXXXXX",
		       access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"); /* fits */
	if (mkdtemp(t->folder) == NULL)
		abort();
	(void)snprintf(t->path, sizeof(t->path), "%s/journal.db", t->folder); /* fits */
	open_file(t);
	return t;
}

static void
remove_file(const struct twin_journal *t, const char *suffix)
{
	char path[PATH_BYTES + 32];

	(void)snprintf(path, sizeof(path), "%s%s", t->path, suffix); /* fits */
	(void)unlink(path); /* not all of them are there */
}

struct twin_journal *
twin_journal_free(struct twin_journal *t)
{
	int64_t seq = 0;

	if (t == NULL)
		return NULL;
	if (journal_check(t->db, &seq) < 0)
		t->broken(t->ctx, "the audit chain");
	(void)journal_close(t->db); /* gives NULL */
	remove_file(t, "");
	remove_file(t, "-wal");
	remove_file(t, "-shm");
	(void)rmdir(t->folder); /* what is left there is not ours */
	free(t);
	return NULL;
}

struct journal_ref
twin_journal_ref(struct twin_journal *t)
{
	return (struct journal_ref){ &ops, t };
}

void
twin_journal_crash(struct twin_journal *t)
{
	(void)journal_close(t->db); /* gives NULL; what was not committed is gone */
	mem_journal_crash(t->mem);
	open_file(t);
}
