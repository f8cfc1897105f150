#ifndef LANED_LANE_LANE_H
#define LANED_LANE_LANE_H

#include "base/conf.h"
#include "base/loop.h"

/*
 * laned itself: one lane. It owns the databases, the core and the sockets; laned-bio, the adapters
 * and control clients connect to it. One thread; nothing here waits for a peer.
 */
struct lane;

struct lane_options {
	struct loop *loop;
	struct conf *conf; /* taken */
	const char
		*conf_file; /* borrowed, NULL: the default; read again by lane_reload */
	int bio_fd, adapter_fd,
		control_fd; /* connected sockets instead of listeners, or -1 */
};

/*
 * Opens everything and begins to serve. A damaged cache is rebuilt and a journal that cannot be
 * opened switches token payment off; neither keeps the lane from selling. 0 or a negative errno,
 * logged with its cause.
 */
int lane_new(const struct lane_options *o, struct lane **ret_lane);
struct lane *lane_free(struct lane *l);

/* Reads the configuration again, all or nothing. 0; -EBADMSG it has errors (logged). */
int lane_reload(struct lane *l);

#endif
