#ifndef LANED_ADAPTER_VHOST_PRIVATE_H
#define LANED_ADAPTER_VHOST_PRIVATE_H

/* What the files vhost*.c share; nobody else includes this. */
#include "adapter/vhost.h"

#include <stdalign.h>

#define VHOST_TEXT_BYTES 512u
#define VHOST_OPTIONS_MAX 64u

/* In front of what the plug-in gets, in a ring so that nothing is left behind. */
struct vhost_block {
	alignas(max_align_t) size_t bytes;
	struct vhost_block *next, *prev;
};

struct vhost_timer {
	uint64_t id; /* rises: of two at one time the lower was set first */
	int64_t at_ms;
	laned_timer_fn fn;
	void *user;
};

struct vhost_deferred {
	struct vhost_deferred *next;
	laned_ack_fn fn;
	void *user;
	int status;
};

/* One row of the option table and its value; of a folder also who watches it. */
struct vhost_option {
	const struct laned_option *row;
	char text[VHOST_TEXT_BYTES];
	int64_t number;
	laned_dir_fn fn;
	void *user;
	bool changed;
	int64_t poll_ms, poll_at_ms;
};

struct vhost {
	const struct laned_adapter *table;
	const struct host_link *link;
	struct vhost_hooks hooks;
	uint64_t rng, next;
	int64_t now_ms;
	struct vhost_block blocks; /* the ring's head */
	size_t allocated;
	struct vhost_timer *timers; /* in no order */
	uint32_t timers_count, timers_room;
	struct vhost_deferred *deferred, **deferred_end;
	struct vhost_option *options; /* as many as the table has */
	struct vhost_file *files;
	uint32_t files_count, files_room;
	struct vhost_conns *conns;   /* vhost_conns.c alone looks into it */
	struct vhost_typing *typing; /* so vhost_typing.c */
	struct vhost_ties *ties;     /* so vhost_splice.c; NULL: there was none yet */
	unsigned framing;            /* enum framing */
	uint64_t pans_refused;
};

struct vhost *vhost_of(struct laned_host *h);
/* The hook is asked about a call of the table. */
int vhost_called(struct vhost *v, const char *function);
/* Memory as alloc gives it, without asking the hook; NULL at the limit. */
void *vhost_take_memory(struct vhost *v, size_t bytes);
struct vhost_option *vhost_option_find(struct vhost *v, const char *name);
/* Frees all files. */
void vhost_files_free(struct vhost *v);
/* Doubles a list of *room elements. 0 or -ENOMEM: it stands as it was. */
int vhost_grow(void **list, uint32_t *room, size_t bytes_each);

/* True when s holds a card number; counted. */
bool vhost_has_pan(struct vhost *v, struct laned_str s);
int vhost_typing_new(struct vhost *v);
void vhost_typing_free(struct vhost *v);
/* When a key is due, or VHOST_NEVER; and one step of one text. */
int64_t vhost_typing_due(const struct vhost *v);
void vhost_typing_run(struct vhost *v);
int vhost_type_start(struct laned_host *h, const char *option, struct laned_str text,
		     laned_typed_fn done, void *user);
int vhost_type_cancel(struct laned_host *h, const char *option);
int vhost_conns_new(struct vhost *v);
void vhost_conns_free(struct vhost *v);
void vhost_splices_free(struct vhost *v);
/* When something happens on a connection next, or VHOST_NEVER; and let it happen. */
int64_t vhost_conns_due(const struct vhost *v);
void vhost_conns_run(struct vhost *v);

/* Of the table. */
int vhost_secret(struct laned_host *h, const char *option, uint8_t *buf, size_t *n);
int vhost_conn_open(struct laned_host *h, const char *option,
		    const struct laned_conn_events *events, void *user,
		    uint64_t *ret_conn);
int vhost_conn_listen(struct laned_host *h, const char *option,
		      const struct laned_conn_events *events, void *user,
		      uint64_t *ret_listener);
int vhost_conn_send(struct laned_host *h, uint64_t conn, const uint8_t *data, size_t n);
void vhost_conn_close(struct laned_host *h, uint64_t conn);
int vhost_conn_modem(struct laned_host *h, uint64_t conn, uint32_t mask, uint32_t lines);
int vhost_timer_set(struct laned_host *h, uint32_t delay_ms, laned_timer_fn fn,
		    void *user, uint64_t *ret_timer);
void vhost_timer_cancel(struct laned_host *h, uint64_t timer);
int vhost_dir_watch(struct laned_host *h, const char *name, uint32_t poll_ms,
		    laned_dir_fn fn, void *user);
int vhost_dir_list(struct laned_host *h, const char *name, laned_name_fn fn, void *user);
int vhost_dir_read(struct laned_host *h, const char *name, struct laned_str file,
		   struct laned_file *ret_file);
int vhost_dir_put(struct laned_host *h, const char *name, struct laned_str file,
		  struct laned_str data);
int vhost_dir_remove(struct laned_host *h, const char *name, struct laned_str file,
		     uint64_t version);
int vhost_dir_set_aside(struct laned_host *h, const char *name, struct laned_str file,
			uint64_t version);

#endif
