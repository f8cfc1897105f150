#ifndef LANED_TESTS_BENCH_PROMPT_H
#define LANED_TESTS_BENCH_PROMPT_H

#include "lane/effects.h"

/*
 * What a lane of the tests and benches stands in: the time, a member whose every touch is known at
 * once, fresh ids in order, and a queue of the events that the other side answers with. The till
 * and the processor are the caller's: its op for the adapter posts what they say.
 * A struct prompt is the first member of the ctx that effects_new gets.
 */
#define PROMPT_PENDING_MAX 32u

struct prompt {
	struct lane_core *core;
	struct effects *effects;
	struct timepoint now;
	struct lane_member member;
	struct lane_event pending[PROMPT_PENDING_MAX];
	unsigned pending_count;
	char probe[LANE_PROBE_BYTES]; /* one touch at a time */
	uint64_t fresh;
	bool off; /* nothing goes on: the power is gone */
	/* What effects_step said of an event; NULL: nobody cares. */
	void (*stepped)(struct prompt *p, const struct lane_event *ev, int rc);
};

/* The time, and the member with a finger and a token. */
void prompt_init(struct prompt *p);
/* Core and effects over a journal; nothing is restored yet. No memory ends the program. */
void prompt_open(struct prompt *p, const struct pricing_rules *rules,
		 struct journal_ref journal, const struct effects_ops *ops);
void prompt_close(struct prompt *p);
/* Rules that must be good; the caller frees them. */
struct pricing_rules *prompt_rules(const char *text);

/* An event of the other side, to be filled in: it comes after the one that is being performed. */
struct lane_event *prompt_post(struct prompt *p, enum lane_event_kind kind);
/* One event a tenth of a second later, and all that follows from it. */
void prompt_step(struct prompt *p, struct lane_event *ev);
/* The basket of a ticket, of the first count of these lines. */
struct prompt_basket {
	const char *ticket;
	uint32_t rev, count;
	bool final, closed;
};
#define PROMPT_LINES_MAX 12u
void prompt_basket(struct prompt *p, const struct prompt_basket *b);
void prompt_touch(struct prompt *p, const char *probe);

/* Ops: ids in order; whoever touches is the member; nothing to resolve, show or tell. */
int prompt_on_fresh(void *ctx, const struct timepoint *now, struct lane_fresh *ret);
int prompt_on_bio(void *ctx, const struct lane_effect *fx);
int prompt_on_resolve(void *ctx, const struct lane_effect *fx, struct lane_event *ev);
void prompt_on_show(void *ctx, const struct lane_display *d);

#endif
