#ifndef LANED_TESTS_SIM_DROP_H
#define LANED_TESTS_SIM_DROP_H

#include "sim/world.h"

/*
 * The real drop adapter, the very shared object that a lane loads, in the simulation: on a host in
 * virtual time, beside a till that knows only the two folders. It may die at any call of its host.
 */
struct drop_side;

/* Starts the adapter's process. Aborts when the shared object cannot be loaded. */
struct drop_side *drop_new(struct world *w, const char *plugin);
/* Ends it; what it leaves behind breaks the run. */
struct drop_side *drop_free(struct drop_side *d);

/* When it does something next, in the world's time; INT64_MAX never. */
int64_t drop_due(struct drop_side *d);
/* Lets it do what is due. */
void drop_work(struct drop_side *d);

/* laned is there (again), and gone. */
void drop_hello(struct drop_side *d);
void drop_lane_died(struct drop_side *d);
/* The adapter's process dies, and is started again some time later. */
void drop_die(struct drop_side *d);
/* The same by a power loss, with what it makes of the files that lie about. Need not return. */
void drop_power_loss(struct drop_side *d);
void drop_starts(struct drop_side *d);

/* An effect for the adapter: 0, or -ENOTCONN. */
int drop_submit(struct drop_side *d, const struct lane_effect *fx);
/* What arrives: a submit at the adapter, a basket, claim or cancel at laned, the host's own limit. */
void drop_message(struct drop_side *d, const struct message *m);
/* laned has taken a completion, or could not. */
void drop_taken(struct drop_side *d, const struct message *m, int rc, bool stored);
/* laned's answer to the journal call under way. */
void drop_journal_said(struct drop_side *d, bool ok);

/* The till's side: it writes into the folder "in", and looks into "out". */
void drop_write_basket(struct drop_side *d, const struct lane_basket *b);
void drop_write_claim(struct drop_side *d, const char *ticket, enum claim_kind kind,
		      const char *value);
void drop_write_cancel(struct drop_side *d, const char *ticket);
void drop_answer(struct drop_side *d, const struct message *answer, int64_t in_ms);
/* The time has come for what drop_answer wrote, or for the till to look. */
void drop_till(struct drop_side *d, const struct message *m);

#endif
