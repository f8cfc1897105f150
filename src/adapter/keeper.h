#ifndef LANED_ADAPTER_KEEPER_H
#define LANED_ADAPTER_KEEPER_H

#include "adapter/bridge.h"
#include "adapter/crash_record.h"
#include "adapter/report.h"

/*
 * Keeps the plug-in of this process loaded, and loads it late when it died before (throttle.h). The
 * process itself is there from the beginning, so that the endpoints are served without a plug-in.
 * What it says of the plug-in goes to the report, too.
 */
#define KEEPER_AGAIN_MS 60000 /* what cannot be loaded is tried again after that */

enum keeper_state {
	KEEPER_WAITING,    /* it died, and is not yet loaded again */
	KEEPER_BYPASS,     /* it died three times in a minute: as above, for longer */
	KEEPER_UNLOADABLE, /* the file, its options or its own word are against it */
	KEEPER_LOADED      /* created and started */
};

struct keeper_options {
	struct loop *loop;
	const struct adapter_conf *conf;
	struct crash_record *record;
	struct report *report;
	struct bridge_options
		bridge; /* host and so on; plugin and report are the keeper's */
	/* Is this a moment at which a plug-in may be loaded, and may die of it? NULL: always. */
	bool (*may_load)(void *ctx);
	/* At each change of the state, from the loop or from keeper_new. NULL: nobody asks. */
	void (*changed)(void *ctx, enum keeper_state state);
	void *ctx;
	/* What cannot be loaded is tried again; else keeper_new fails, or ended is called. */
	bool stay;
	void (*ended)(void *ctx, int err); /* negative errno */
};

struct keeper;

/*
 * Loads the plug-in, or says when. 0; -ENOMEM; unless stay: an errno of plugin_load, bridge_new.
 */
int keeper_new(const struct keeper_options *o, struct keeper **ret_keeper);
/* Stops, destroys and unloads. NULL is fine; returns NULL. */
struct keeper *keeper_free(struct keeper *k);
/* may_load may say something else now. */
void keeper_poke(struct keeper *k);
/* NULL while none is loaded. */
struct bridge *keeper_bridge(struct keeper *k);
enum keeper_state keeper_state(const struct keeper *k);

#endif
