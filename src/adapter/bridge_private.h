#ifndef LANED_ADAPTER_BRIDGE_PRIVATE_H
#define LANED_ADAPTER_BRIDGE_PRIVATE_H

/* What bridge.c and bridge_out.c share; nobody else includes this. */
#include "adapter/answered.h"
#include "adapter/bridge.h"
#include "adapter/host_requests.h"

#define BRIDGE_ARENA_BYTES_MAX (8u * 1024u * 1024u)

struct bridge {
	struct bridge_options o;
	const struct laned_adapter *adapter;
	void *instance;
	struct rpc_client *client;
	struct rpc_hooks hooks;
	struct host_link link;
	struct host_requests *requests;
	struct answered answered; /* outlives links */
	struct loop_timer *deadline, *hello_again;
	struct arena *found; /* of the last journal_find */
	bool up, submitting;
	struct bridge_ping *ping; /* unanswered; NULL none */
	uint64_t epoch;     /* of the link: acks of an older one are not delivered */
	struct ack *held;   /* completions made inside submit: sent after its answer */
	struct word *words; /* of a POS about its tenders, until laned has stored them */
	unsigned words_count;
	struct loop_timer *words_again;
};

/* One adapter.event that must not be lost. */
struct word {
	struct bridge *bridge;
	struct json_out *params;
	bool asked; /* no answer yet */
	struct word *next;
};

/* What waits for an answer of laned. */
struct ack {
	struct bridge *bridge;
	uint64_t epoch;
	uint64_t request; /* the completed one, 0 none */
	bool confirmed;   /* ... as that */
	laned_ack_fn fn;
	void *user;
	const char *method;
	struct json_out *params; /* only while held */
	struct ack *next;
};

/* A new object for params, or NULL. */
struct json_out *bridge_params_new(void);
/* The program hears of laned. */
void bridge_tell_laned(struct bridge *b, enum bridge_laned what);
/* The live connection, or NULL. */
struct rpc_peer *bridge_peer(const struct bridge *b);
/* Sets the timer to the nearest limit of an open request. */
void bridge_arm_deadline(struct bridge *b);
/* Tells laned what it has not stored yet: all that is not being asked. Also a timer's function. */
void bridge_words_go(void *ctx);
void bridge_words_free(struct bridge *b);
/* The functions that a plug-in reaches laned by. */
struct host_link bridge_link(struct bridge *b);
/* As the ABI's complete. */
int bridge_complete(void *ctx, const struct laned_result *r, laned_ack_fn fn, void *user);
/* Completions made inside submit: now they may go; or they must not. */
void bridge_send_held(struct bridge *b);
void bridge_drop_held(struct bridge *b);
/* Those of a request that was not accepted after all. */
void bridge_drop_held_of(struct bridge *b, uint64_t request);

#endif
