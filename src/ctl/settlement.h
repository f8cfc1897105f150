#ifndef LANED_CTL_SETTLEMENT_H
#define LANED_CTL_SETTLEMENT_H

#include "base/plain/arena.h"
#include "core/reconcile.h"

#include <stddef.h>

/*
 * What a point of sale or a processor says of payments: a CSV file with a line of names first. Pure
 * but for memory.
 */
#define SETTLEMENT_BYTES_MAX (256u << 20)
#define SETTLEMENT_ROWS_MAX 2000000u
#define SETTLEMENT_WHAT_BYTES 160u
#define SETTLEMENT_FAULTS_MAX 20u

struct settlement_options {
	/* "key=merchantReference,amount=Gross Credit": our name = theirs; NULL: as ours. */
	const char *columns;
	bool minor; /* amounts are integers in minor units; else decimal numbers */
	const char *currency; /* of amounts without one: its decimals count */
	/* Words of the column type, comma between: money to us, and back. Others are passed over. */
	const char *charges, *credits;
	/* Of a POSLog: which tender is ours, by its type or id; whose sales, NULL all; which days. */
	const char *tender, *workstation;
	int32_t from_day, to_day;
};

struct settlement_fault {
	uint32_t line;
	char what[SETTLEMENT_WHAT_BYTES];
};

struct settlement {
	char *text; /* what the rows point into, or */
	struct arena *arena;
	struct reconcile_theirs *rows;
	uint32_t count, room;
	uint32_t
		passed_over; /* lines of other types; other tenders, days, workstations */
	struct settlement_fault faults[SETTLEMENT_FAULTS_MAX];
	uint32_t faults_count, faults_total;
};

#define SETTLEMENT_CHARGES                                                               \
	"capture,captured,charge,charged,sale,payment,paid,settled,purchase"
#define SETTLEMENT_CREDITS                                                               \
	"refund,refunded,credit,reversal,reversed,undo,undone,void,chargeback"

/*
 * Reads n bytes; takes text over (malloc'ed) and changes it: card numbers are overwritten. 0; -EBADMSG:
 * the faults say what is wrong where; -ENOMEM; -EFBIG too many lines. settlement_free in any case.
 */
int settlement_read(char *text, size_t n, const struct settlement_options *o,
		    struct settlement *ret_settlement);
/*
 * The same of a POSLog, the XML log of a POS: the tenders of its sales, by the number of the sale. Text
 * is borrowed.
 */
int settlement_read_poslog(struct str text, const struct settlement_options *o,
			   struct settlement *ret_settlement);
void settlement_free(struct settlement *s);

/* Room for one more row. 0; -ENOMEM; -EFBIG. */
int settlement_grow(struct settlement *s);
/* What is wrong at a line; the first ones are kept, all are counted. */
void settlement_fault(struct settlement *s, uint32_t line, const char *what,
		      struct str detail);

#endif
