#ifndef LANED_TESTS_SIM_RELAY_H
#define LANED_TESTS_SIM_RELAY_H

#include "sim/world.h"

/*
 * A POS that asks a terminal for its money through a real adapter, which stands before a real terminal: the
 * framing, the size of the lines' buffers and who holds the socket are the seed's.
 */

/* After the bridge's world began. Aborts when the shared object at path cannot be loaded. */
struct relay_side *relay_new(struct world *w, const char *path);
/* Ends it; what it leaves behind breaks the run. NULL is fine; returns NULL. */
struct relay_side *relay_free(struct relay_side *r);

/* When the process does something next, in the world's time; INT64_MAX never; and lets it. */
int64_t relay_due(struct world *w);
void relay_work(struct world *w);
/* The process dies, and is started again some time later. */
void relay_die(struct world *w);
/* It is dead: its lines end. And what it, or laned, is about to send to the other. */
void relay_killed(struct world *w);
void relay_looks(struct world *w, const char *bytes, size_t n);
/* POS or terminal start again: their lines break. */
void relay_peers_restart(struct world *w);
void relay_message(struct world *w, const struct message *m);

/* As terminal.c has them. */
void relay_basket(struct world *w, const struct lane_basket *b);
bool relay_waits(struct world *w, const struct ticket *t);
void relay_give_up(struct world *w);
bool relay_has_taken(struct world *w, struct key128 key);
/* When all is settled. */
void relay_settled(struct world *w);

#endif
