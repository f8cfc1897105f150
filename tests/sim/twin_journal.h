#ifndef LANED_TESTS_SIM_TWIN_JOURNAL_H
#define LANED_TESTS_SIM_TWIN_JOURNAL_H

#include "sim/mem_journal.h"

/*
 * Two journals in one: the one in memory, which fails and forgets as the simulation wants, and the
 * real SQLite one beside it, which gets the same writes and answers every question. Where the two do
 * not agree, the run is broken.
 */
struct twin_journal;

struct twin_hooks {
	/* Where they do not agree, or where the disk has lost what was promised. */
	void (*broken)(void *ctx, const char *what);
	/* Before a commit: does the power go in the middle of it? Then *ret_seed chooses where. */
	bool (*cut)(void *ctx, uint64_t *ret_seed);
	/* It has gone: the commit failed, and nothing works any more until twin_journal_crash. */
	void (*went)(void *ctx);
	void *ctx;
};

/* On a disk in memory that loses its power (tests/unit/power_vfs.h). Aborts without memory. */
struct twin_journal *twin_journal_new(struct mem_journal *mem,
				      const struct twin_hooks *hooks);
/* Removes its file. NULL is fine; returns NULL. */
struct twin_journal *twin_journal_free(struct twin_journal *t);
/* From now on its disk says that it has synced, and keeps what it likes of it. At the begin only. */
void twin_journal_lies(struct twin_journal *t);
enum twin_state { TWIN_WHOLE, TWIN_OLDER, TWIN_UNREADABLE };
/* What twin_journal_crash found; of an older one what it was before, borrowed. */
enum twin_state twin_journal_state(const struct twin_journal *t,
				   struct mem_journal **ret_was);
/* One that is unreadable: an older one, as the seed says, is put back. What it was before, borrowed. */
void twin_journal_restore(struct twin_journal *t, uint64_t seed,
			  struct mem_journal **ret_was);
struct journal_ref twin_journal_ref(struct twin_journal *t);
/* The file as it is open now; NULL: it is not. */
struct journal *twin_journal_db(struct twin_journal *t);
/*
 * The process died: the database is opened again. Its writes are all there; but after a power loss
 * those that were not synced may be lost, torn or garbled, and the memory follows.
 */
void twin_journal_crash(struct twin_journal *t);
/* The power goes now, between two commits. */
void twin_journal_power(struct twin_journal *t, uint64_t seed);

#endif
