#ifndef LANED_ADAPTER_ANSWERED_H
#define LANED_ADAPTER_ANSWERED_H

#include "base/json.h"
#include "laned/adapter.h"

/*
 * Which payments of its POS may have been answered, as the host's process knows it: those that were open when
 * laned first greeted it, which an earlier process may have answered, and those that it has let the plug-in
 * answer itself. Of every other one it is certain that no approval has left, and a laned that starts
 * again cannot know that. Pure; of one process, and over its links.
 */
#define ANSWERED_MAX 256u

struct answered_key {
	struct laned_key key;
	bool over; /* it is not open any more */
};

struct answered {
	struct answered_key list[ANSWERED_MAX]; /* oldest first */
	unsigned count;
	bool known; /* the list holds all of them */
};

/* An answer under key may leave from here on. */
void answered_let_go(struct answered *t, const struct laned_key *key);
/* laned has it as confirmed. */
void answered_over(struct answered *t, const struct laned_key *key);
/* laned's answer to hello: "open", all of its open payments that this adapter's POS asked for, or none. */
void answered_hello(struct answered *t, const struct value *result);
/* The list as array "answered" into the open object, when it is known. */
void answered_write(const struct answered *t, struct json_out *o);

#endif
