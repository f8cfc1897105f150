#ifndef LANED_ADAPTER_VHOST_CONNS_PRIVATE_H
#define LANED_ADAPTER_VHOST_CONNS_PRIVATE_H

/* What vhost_conns.c (the plug-in's side) and vhost_peer.c (the other one) share. */
#include "adapter/vhost_conns.h"
#include "adapter/vhost_private.h"

#define VCONN_NAME_BYTES 64u
#define VCONN_ANSWERS_MAX 16u
#define VCONN_SECRET_BYTES_MAX 256u
/* Of connections that are closed: so many are remembered for what was sent last. */
#define VCONN_CLOSED_MAX 64u
#define VCONN_SLOTS (HOST_CONNS_MAX + VCONN_CLOSED_MAX)

enum vevent_kind { EVENT_OPENED, EVENT_DATA, EVENT_DRAINED, EVENT_MODEM, EVENT_CLOSED };

struct vevent {
	struct vevent *next;
	int64_t at_ms;
	uint64_t conn;
	enum vevent_kind kind;
	bool again; /* by unread */
	int status;
	uint32_t lines;
	size_t n;
	uint8_t data[];
};

struct vconn {
	uint64_t id; /* 0: free */
	char option[VCONN_NAME_BYTES];
	bool held; /* by the plug-in, or parked */
	bool accepted, open, serial, wants_drained, paused;
	struct laned_conn_events e;
	void *user;
	int64_t last_ms; /* nothing happens before what was fed before */
	uint8_t *sent;
	size_t sent_bytes, sent_room, window;
	uint32_t lines;
	vhost_conn_fn parked;
	void *parked_ctx;
};

struct vlistener {
	uint64_t id;
	char option[VCONN_NAME_BYTES];
	struct laned_conn_events e;
	void *user;
};

struct vanswer {
	char option[VCONN_NAME_BYTES];
	int64_t delay_ms;
	int status;
};

struct vsecret {
	char option[VCONN_NAME_BYTES];
	uint8_t data[VCONN_SECRET_BYTES_MAX];
	size_t n;
};

struct vhost_conns {
	uint64_t ids, misuse, opens;
	struct vhost_feed shape;
	size_t window;   /* of new connections */
	unsigned paused; /* so many are */
	size_t cut;      /* bytes until the cut; SIZE_MAX: none */
	struct vconn conns[VCONN_SLOTS];
	struct vlistener listeners[HOST_LISTENERS_MAX];
	struct vanswer answers[VCONN_ANSWERS_MAX];
	struct vsecret secrets[VCONN_ANSWERS_MAX];
	uint32_t answers_count, secrets_count, events_count;
	struct vevent *events; /* by time, those of one time as they were added */
	struct vevent *now; /* happens, or has happened last: the plug-in may die in it */
};

struct vconn *vhost_conn_find(struct vhost_conns *t, uint64_t id);
/* One that the plug-in, or who has it parked, still has. */
struct vconn *vhost_conn_held(struct vhost_conns *t, uint64_t id);
struct vlistener *vhost_listener_named(struct vhost_conns *t, const char *option);
/* NULL: the plug-in has too many. */
struct vconn *vhost_conn_add(struct vhost_conns *t, const char *option,
			     const struct laned_conn_events *e, void *user);
void vhost_conn_forget(struct vconn *c);
/* Data of what->n bytes, or another kind with n 0. 0; -ENOSPC; -ENOMEM. */
int vhost_conn_event_add(struct vhost *v, struct vconn *c, const struct vevent *what,
			 const void *data);
/* One without data. */
int vhost_conn_tell(struct vhost *v, struct vconn *c, enum vevent_kind kind,
		    int64_t at_ms, int status);
/* The plug-in's bytes on their way out. 0 or -ENOMEM. */
int vhost_conn_append(struct vconn *c, const uint8_t *data, size_t n);
/* It is nobody's any more; what was sent stays for a while. */
void vhost_conn_end(struct vhost_conns *t, struct vconn *c);

#endif
