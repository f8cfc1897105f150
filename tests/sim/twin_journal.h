#ifndef LANED_TESTS_SIM_TWIN_JOURNAL_H
#define LANED_TESTS_SIM_TWIN_JOURNAL_H

#include "sim/mem_journal.h"

/*
 * Two journals in one: the one in memory, which fails and forgets as the simulation wants, and the
 * real SQLite one beside it, which gets the same writes and answers every question. Where the two do
 * not agree, the run is broken.
 */
struct twin_journal;

/* broken is told where they differ. Aborts when the database cannot be made. */
struct twin_journal *twin_journal_new(struct mem_journal *mem,
				      void (*broken)(void *ctx, const char *what),
				      void *ctx);
/* Removes its file. NULL is fine; returns NULL. */
struct twin_journal *twin_journal_free(struct twin_journal *t);
struct journal_ref twin_journal_ref(struct twin_journal *t);
/* The process died: the database is opened again, as it was after the last commit. */
void twin_journal_crash(struct twin_journal *t);

#endif
