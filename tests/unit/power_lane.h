#ifndef LANED_TESTS_UNIT_POWER_LANE_H
#define LANED_TESTS_UNIT_POWER_LANE_H

/*
 * A lane on the disk of power_vfs: the real core, effects and SQLite journal, with a till and a
 * processor beside it that answer at once and honestly. The lane dies with its power; till and
 * processor keep what they know, and what they find wrong.
 */
#include "power_book.h"

#include <stdbool.h>

struct power_lane;

/* No memory ends the program. The book is borrowed: all that the journal is told goes through it. */
struct power_lane *power_lane_new(struct power_book *book);
struct power_lane *power_lane_free(struct power_lane *l);
/* The processor refuses a second charge of a ticket, instead of taking it for our fault. */
void power_lane_forgive(struct power_lane *l);
/* Opens the journal on the mounted disk: as journal_open. */
int power_lane_open(struct power_lane *l, char why[256]);
struct journal *power_lane_journal(struct power_lane *l);
/* Takes up what the journal holds, as a new process does: as effects_restore. */
int power_lane_start(struct power_lane *l);
/*
 * So many checkouts one after another, until the power goes: paid; declined and paid in cash; paid and
 * given back by the till; void while in doubt; in doubt and found to be paid; paid with an answer that
 * is journalled; cash. Between them, goods are returned, and the money goes back to the token.
 */
void power_lane_work(struct power_lane *l, unsigned checkouts);
/*
 * After a start: the till tells the last ticket again and its shopper touches again, the adapter
 * recovers what is open, time passes until all is certain, and one more checkout must be paid.
 */
void power_lane_settle(struct power_lane *l);
/* Till, processor and journal agree about every payment and every limited offer; else it is noted. */
void power_lane_reconcile(struct power_lane *l);
/* The process ends, as it stands. */
void power_lane_die(struct power_lane *l);
/* The first thing found wrong, or "". */
const char *power_lane_wrong(const struct power_lane *l);
/* Second charges of a ticket that the processor has refused. */
unsigned power_lane_refused(const struct power_lane *l);

#endif
