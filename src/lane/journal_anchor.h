#ifndef LANED_LANE_JOURNAL_ANCHOR_H
#define LANED_LANE_JOURNAL_ANCHOR_H

#include "lane/journal.h"

#include "base/plain/ids.h"

/*
 * How far journal.db had come, noted outside of it: the last record of its audit chain. Where that
 * record is not in the journal any more, an older journal was put back, or the disk has lost what it
 * had acknowledged. The last minutes before a power loss are not covered: another sync beside each
 * commit would cost twice, and go through the same disk.
 */
struct journal_anchor {
	struct ulid lane;   /* whose it is */
	int64_t seq;        /* of the record; 0 none is known to be durable */
	int64_t wall_ms;    /* when it was noted */
	struct key128 head; /* the first half of its hash */
};

/* As of this process's last commit that no power cut takes back. */
void journal_anchor_take(const struct journal *j, struct ulid lane, int64_t wall_ms,
			 struct journal_anchor *ret_anchor);
/* 0; -ESTALE the record is not there, or is another one; db.h's errors. */
int journal_anchor_check(struct journal *j, const struct journal_anchor *a);

#define JOURNAL_ANCHOR_BYTES 192u
/* The text of a file; and back: 0, or -EBADMSG. */
void journal_anchor_text(const struct journal_anchor *a, char buf[JOURNAL_ANCHOR_BYTES]);
int journal_anchor_parse(struct str text, struct journal_anchor *ret_anchor);

/*
 * The last records of the chain hang together: what is looked at when the journal is opened (all of it
 * would take seconds in a journal of a year). 0; -EBADMSG from *ret_seq on it does not.
 */
#define JOURNAL_TAIL_ROWS 500u
int journal_anchor_tail(struct journal *j, int64_t *ret_seq);

#endif
