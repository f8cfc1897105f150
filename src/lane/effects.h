#ifndef LANED_LANE_EFFECTS_H
#define LANED_LANE_EFFECTS_H

#include "lane/journal.h"

/*
 * Performs what the core asks: first every store of a list in one commit, then the sends in their
 * order, through the caller's transports (laned's main, the simulator, tests). When the commit
 * fails, nothing that needs it is sent (pay, confirm, undo, answer; journal requests are answered with
 * no) and the core is told. Single thread; a transport must not call effects_step itself.
 */
struct effects;

/* Transports. Everything in the effect is borrowed for the call. */
struct effects_ops {
	/* A fresh checkout id and payment key. 0; -EIO: the step is not made. */
	int (*fresh)(void *ctx, const struct timepoint *now,
		     struct lane_fresh *ret_fresh);
	/* FX_IDENTIFY, FX_VERIFY, FX_DECIDE, FX_DROP_PROBE, FX_ARM, FX_DISARM to laned-bio. An error
	 * of the first three is told to the core as "not read", one of FX_ARM as "not lit". */
	int (*bio)(void *ctx, const struct lane_effect *fx);
	/* FX_OFFER, FX_PAY, FX_QUERY, FX_CONFIRM, FX_UNDO, FX_REFUND, FX_ANSWER to the adapter. 0: on its way (a later
	 * error answer of the adapter is the caller's LANE_EV_SUBMIT_REFUSED); an error: certainly
	 * not handed over, and effects_step tells the core. */
	int (*adapter)(void *ctx, const struct lane_effect *fx);
	/* FX_JOURNAL_ANSWER: ok only when it is durable. */
	void (*journal_answer)(void *ctx, const char *req, bool ok);
	/*
	 * FX_RESOLVE_CLAIM: finds the members and fills ev->found (its pointers stay valid until the
	 * next call of resolve); effects_step hands it to the core. -EINPROGRESS: the caller sends
	 * LANE_EV_CLAIM_RESOLVED itself later; any other error counts as nobody found.
	 */
	int (*resolve)(void *ctx, const struct lane_effect *fx, struct lane_event *ev);
	void (*show)(void *ctx, const struct lane_display *d);
	void (*alarm)(void *ctx, const struct lane_audit *a);
	/* A commit failed with this error: log it once. */
	void (*journal_error)(void *ctx, int error);
	/* FX_TENDER_REPLY: yes only when it is durable. NULL where no POS asks. */
	void (*tender_reply)(void *ctx, const struct lane_effect *fx, bool ok);
};

struct effects_counts {
	uint64_t commits, durable_commits, failed_commits, sends;
};

/* Borrows all three for its life. 0 or -ENOMEM. */
int effects_new(struct lane_core *core, struct journal_ref journal,
		const struct effects_ops *ops, void *ctx, struct effects **ret_effects);
struct effects *effects_free(struct effects *e);

/*
 * One event into the core (ev->fresh is filled here), everything that it asks for performed, and
 * the events that follow from that (refusals, failed commits, resolved claims) likewise. Returns
 * what lane_core_step said of ev itself.
 */
int effects_step(struct effects *e, struct lane_event *ev, const struct timepoint *now);

/*
 * False when the last effects_step could not make durable what it was told, or could not look up in
 * the journal whom it is about: the peer must not forget it, and tells it again later. The core may
 * have acted on it in memory; the repeat is harmless.
 */
bool effects_stored(const struct effects *e);

/*
 * At start: reads the last checkout and the open payments from the journal and gives them to the
 * core. find_member (may be NULL) resolves a member id to what the core wants; -ENOENT: the
 * checkout goes on without its member's prices. An error: some of the journal could not be read;
 * what could is taken up, and token payment stays off until the next start.
 */
int effects_restore(struct effects *e,
		    int (*find_member)(void *ctx, struct ulid member,
				       struct lane_member *ret_member),
		    const struct timepoint *now);

/*
 * Replaces the journal of a lane that had none (impl NULL: every commit fails with -EROFS).
 */
void effects_set_journal(struct effects *e, struct journal_ref journal);
const struct effects_counts *effects_counts(const struct effects *e);

#endif
