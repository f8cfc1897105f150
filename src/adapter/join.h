#ifndef LANED_ADAPTER_JOIN_H
#define LANED_ADAPTER_JOIN_H

#include "adapter/splice.h"
#include "base/stream.h"

/*
 * Two streams tied together by a struct splice. What flows is seen by nobody and kept by nobody.
 */
struct join;

enum join_end {
	JOIN_TRANSACTION, /* the transaction ended, and stop was asked for */
	JOIN_OVER /* one of them ended: both are closed, and everything was sent */
};

struct join_options {
	/* By enum framer_side. Taken over by join_new when it succeeds; the POS's must be open. */
	struct stream *streams[2];
	const struct framer *framer; /* looks on; copied. NULL: none does */
	bool stop;                   /* end with the transaction */
	/*
	 * The last callback. JOIN_TRANSACTION: the streams are the callee's, who gives them their
	 * callbacks, and rest is what came behind the end. The join is freed after it.
	 */
	void (*ended)(void *ctx, enum join_end end, struct stream *const streams[2],
		      const struct splice_rest *rest);
	/* The framer went from idle to something else, or back. May be NULL. May call join_take. */
	void (*turned)(void *ctx);
	void *ctx;
};

/*
 * first (n may be 0) goes to the terminal before anything else; what follows waits for the terminal to
 * be open. 0 or -ENOMEM. Nothing is called back from inside.
 */
int join_new(const struct join_options *o, const uint8_t *first, size_t n,
	     struct join **ret_join);
/* Both streams at once; ended is not called. NULL is fine; returns NULL. */
struct join *join_free(struct join *j);

enum framer_state join_state(const struct join *j);
/* Bytes that side has sent. */
uint64_t join_bytes(const struct join *j, enum framer_side side);
/* Between two transactions, with nothing under way: join_take may be called. */
bool join_is_idle(const struct join *j);
/* Undoes the join without a word to the streams' peers: they are the caller's. Frees j. */
void join_take(struct join *j, struct stream *ret_streams[2]);

#endif
