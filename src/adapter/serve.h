#ifndef LANED_ADAPTER_SERVE_H
#define LANED_ADAPTER_SERVE_H

#include "adapter/adapter_conf.h"

/*
 * What the process does from its configuration to its end: the endpoints, if there are any, from the
 * first moment on; the plug-in when it can be had.
 */
struct serve_options {
	const char *socket; /* of laned; NULL: by configuration */
	int fd;             /* a connected one; -1: none */
};

/* So long a signal's end waits for a stranger's payment that is under way. */
#define SERVE_DRAIN_MS 60000

/* Runs until a signal ends it. 0 or negative errno. */
int serve_adapter(const struct adapter_conf *c, const struct serve_options *o);

/*
 * Without a plug-in, as the configuration cannot be used or (!bare->enabled) has switched the adapter off:
 * joins the endpoints, if there are any, and looks now and then, and at SIGHUP, whether that has changed. 0: a signal ended
 * it; SERVE_AGAIN: it has; negative errno.
 */
#define SERVE_AGAIN 1
#define SERVE_LOOK_MS 60000
int serve_bypass(const struct adapter_conf_ask *ask, const struct adapter_bare *bare,
		 const struct serve_options *o);

#endif
