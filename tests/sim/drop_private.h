#ifndef LANED_TESTS_SIM_DROP_PRIVATE_H
#define LANED_TESTS_SIM_DROP_PRIVATE_H

/* What drop.c and drop_till.c share. */
#include "adapter/bridge.h"
#include "adapter/host_requests.h"
#include "adapter/plugin_load.h"
#include "adapter/vhost.h"
#include "sim/drop.h"

#include <setjmp.h>

/* What a message carries beside itself; freed when it has arrived, or with the side. */
struct body {
	struct body *next, *prev;
};

struct drop_side;

/* What the two adapters' processes with a real bridge do not share. */
struct process {
	const char *name, *socket;
	enum message_kind starts; /* posted when it has died */
	/* Each may be NULL. There is a loop, and no instance yet; and none any more. */
	void (*born)(struct drop_side *d);
	void (*gone)(struct drop_side *d);
	void (*runs)(struct drop_side *d); /* the instance is started */
	void (*laned)(void *side, enum bridge_laned what);
	/* Of the table that its instance gets; NULL: the virtual host's. */
	const struct laned_host_api *(*api)(struct drop_side *d);
};

struct arena;
struct json_out;

struct drop_side {
	struct world *w;
	const struct laned_adapter *table;
	struct vhost *host;
	void *instance; /* NULL: no process */
	struct host_link link;
	struct host_requests *requests;
	struct body *bodies;
	struct json_out
		*out;       /* what the till writes is made in here; NULL: nothing yet */
	struct arena *tree; /* and what it reads in here */
	struct written_lines *written; /* drop_till.c alone looks into it */
	bool up, inside, lost;
	uint32_t link_epoch;
	int said; /* laned's answer to the journal call: -1 none */
	jmp_buf death;
	/* With the real bridge (bridge.c). */
	const struct plugin *plugin;
	const struct process *is; /* which one of the adapters it is */
	struct bridge *bridge;
	struct loop *loop;   /* NULL: no process */
	bool dying, waiting; /* it waits for laned's answer, and the world goes on */
};

/* drop_till.c: what a power loss makes of the files that lie about. */
void drop_files_lose_power(struct drop_side *d);

/* bridge.c */
/* The sockets and clocks of a run are this world's; and nobody's. */
void bridge_side_begin(struct world *w);
void bridge_side_end(void);
void bridge_side_start(struct drop_side *d);
void bridge_side_stop(struct drop_side *d);
void bridge_side_die(struct drop_side *d);
int64_t bridge_side_due(const struct drop_side *d);
void bridge_side_work(struct drop_side *d);
/* Before each call of the host: LANED_OK, or it has no effect. */
int bridge_side_called(struct drop_side *d, const char *function);

/* The adapter calls its host, or sends: does it die here? At random once in n. */
bool drop_dies(struct drop_side *d, uint32_t one_in);
/* From now on its code has no effect outside. */
void bridge_side_dies_here(struct drop_side *d);
/* Zeroed memory that begins with a body; never NULL. */
void *drop_body_new(struct drop_side *d, size_t bytes);
void drop_body_free(struct drop_side *d, void *body);
/* Cut to nothing when it does not fit: it is none of ours then. */
void drop_copy_text(char *buf, size_t bytes, struct str s);

#endif
