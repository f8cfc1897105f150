#ifndef LANED_TESTS_UNIT_POWER_BOOK_H
#define LANED_TESTS_UNIT_POWER_BOOK_H

/*
 * What a journal was given, transaction by transaction, and which of them it has promised: a durable
 * commit that answered yes promises itself and all before it. Afterwards the journal must hold the
 * state after exactly one of the transactions, the last promised one or a later one.
 */
#include "lane/journal.h"
#include "lane/journal_returns.h"

struct power_book;

/* No memory ends the program. One at a time. */
struct power_book *power_book_new(void);
struct power_book *power_book_free(struct power_book *b);
/* The journal was found after so many transactions: the others never were, and these are certain. */
void power_book_rebase(struct power_book *b, uint32_t found);
/* off: the journal's durable commits are made with synchronous=OFF, as a defect would. */
void power_book_careless(struct power_book *b, bool off);
/* The journal's ops, noted in the book on their way. */
struct journal_ref power_book_over(struct power_book *b, struct journal *j);
/* journal_return_put, noted. */
int power_book_return(struct power_book *b, struct journal *j,
		      const struct journal_return *r);
/* How many transactions: the last one promised, and all that were begun. */
uint32_t power_book_promised(const struct power_book *b);
uint32_t power_book_begun(const struct power_book *b);
/* After how many transactions the journal's state is the book's; -1 none: half of one, or worse. */
int power_book_find(const struct power_book *b, struct journal *j);
/* Whether it is the book's after just so many: more than one number may be right. */
bool power_book_is_at(const struct power_book *b, struct journal *j, uint32_t tx);

#endif
