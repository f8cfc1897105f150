#ifndef LANED_TESTS_SIM_MEM_JOURNAL_H
#define LANED_TESTS_SIM_MEM_JOURNAL_H

#include "lane/journal.h"

/*
 * The journal in memory: what was committed survives the lane's crash in a simulation, what was
 * only put does not. It passes the same contract tests as the SQLite journal.
 */
struct mem_journal;

struct mem_faults {
	/* Before a commit: an error fails it, nothing is kept. */
	int (*before_commit)(void *ctx, bool durable);
	void (*after_commit)(void *ctx, bool durable);
	void *ctx;
	/* Planted bugs, for the tests that show that the simulator sees them. */
	bool lies;       /* says committed, keeps it only with the next commit */
	bool drops_undo; /* forgets undo-queued at a restart */
};

struct mem_journal *mem_journal_new(void);
struct mem_journal *mem_journal_free(struct mem_journal *m);
struct journal_ref mem_journal_ref(struct mem_journal *m);
void mem_journal_faults(struct mem_journal *m, const struct mem_faults *f);
/* The process died: an open transaction, and what a lying journal still holds, are gone. */
void mem_journal_crash(struct mem_journal *m);
/* Commits what was put, whatever the faults say. */
void mem_journal_commit(struct mem_journal *m);
/* A copy of what was committed, with no faults; freed as any other. */
struct mem_journal *mem_journal_copy(const struct mem_journal *m);
/* What was committed is what from has; from is empty then. The faults stay. */
void mem_journal_take(struct mem_journal *m, struct mem_journal *from);
/*
 * The commits before are not remembered; each after it can be taken back, the last 128 of them: what a
 * disk that lies does when its power goes.
 */
void mem_journal_remember(struct mem_journal *m);
/* Takes so many of the last commits back, or as many as there are. Returns how many. */
uint32_t mem_journal_take_back(struct mem_journal *m, uint32_t commits);
/* What differs between the two: payments and checkouts that are gone or otherwise in then. */
struct mem_differs {
	void (*payment)(void *ctx, const struct payment *was);
	/* uses: of limited offers that it had counted or reserved. */
	void (*checkout)(void *ctx, const struct checkout_record *was, uint32_t uses);
	void *ctx;
};
void mem_journal_compare(const struct mem_journal *was, const struct mem_journal *then,
			 const struct mem_differs *tell);
/* Forgets everything. */
void mem_journal_reset(struct mem_journal *m);
/* The committed payments. */
uint32_t mem_journal_payments_count(const struct mem_journal *m);
const struct payment *mem_journal_payment(const struct mem_journal *m, uint32_t i);
const struct payment *mem_journal_find(const struct mem_journal *m, struct key128 key);
uint32_t mem_journal_checkouts_count(const struct mem_journal *m);
const struct checkout_record *mem_journal_checkout(const struct mem_journal *m,
						   uint32_t i);
uint64_t mem_journal_audits(const struct mem_journal *m);

#endif
