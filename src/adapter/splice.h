#ifndef LANED_ADAPTER_SPLICE_H
#define LANED_ADAPTER_SPLICE_H

#include "adapter/framer.h"

/*
 * Two lines that are tied together: what one side sends goes to the other as it is. Pure: what the
 * lines tell is handed in, what they are to do is asked of them by struct splice_ops, so that it runs
 * on streams and in virtual time. Nothing of what flows is kept but what a line did not take, which
 * is bounded by one reading of each side, lies in memory that no dump holds, and is zeroised.
 */
struct splice_ops {
	/* All or nothing: 0; -EAGAIN not now, splice_drained follows; else the line is over. */
	int (*send)(void *line, const uint8_t *data, size_t n);
	void (*pause)(void *line, bool pause); /* stop reading */
	void (*shutdown)(void *line);          /* nothing more will be sent to it */
};

enum splice_status {
	SPLICE_ON,
	SPLICE_ENDED, /* the transaction ended, and stop was set: the lines are the caller's */
	SPLICE_OVER /* a line is over and the other has got everything: close both */
};

/* What a line did not take yet; mapped. */
struct splice_held {
	uint8_t *data;
	size_t n;
};

struct splice {
	const struct splice_ops *ops;
	void *lines[2]; /* by enum framer_side */
	struct framer framer;
	bool framed; /* the framer looks on */
	/*
	 * Leave at the end of a transaction; may be set at any time. An end that comes while a line
	 * takes no more is passed over, and the next one counts.
	 */
	bool stop;
	bool ended[2], shut[2], closed[2];
	uint64_t bytes[2];          /* that each side has sent, for status */
	struct splice_held held[2]; /* from that side, for the other */
};

/* What came behind the end of a transaction, of the side that sent it; good until the next call. */
struct splice_rest {
	enum framer_side side;
	const uint8_t *data;
	size_t n;
};

/* framer is copied; NULL: nothing looks on and SPLICE_ENDED never comes. */
void splice_init(struct splice *s, const struct splice_ops *ops, void *pos,
		 void *terminal, const struct framer *framer);
/*
 * The first bytes of side, seen already: they wait until the other line says drained. 0 or -ENOMEM.
 */
int splice_hold(struct splice *s, enum framer_side side, const uint8_t *data, size_t n);
/* Frees what is held. */
void splice_end(struct splice *s);

/* side has sent these bytes. ret_rest: of SPLICE_ENDED. */
enum splice_status splice_data(struct splice *s, enum framer_side side,
			       const uint8_t *data, size_t n,
			       struct splice_rest *ret_rest);
/* The line of side takes more. */
enum splice_status splice_drained(struct splice *s, enum framer_side side);
/* side sends no more, and still takes. */
enum splice_status splice_ended(struct splice *s, enum framer_side side);
/* Between two transactions, and nothing is held: the lines can be taken away now. */
bool splice_is_idle(const struct splice *s);
/* side is over, both ways. */
enum splice_status splice_closed(struct splice *s, enum framer_side side);

#endif
