#ifndef LANED_ADAPTER_VHOST_H
#define LANED_ADAPTER_VHOST_H

#include "adapter/host.h"

/*
 * A host of which nothing is real: time, timers, folders and randomness of one plug-in lie in
 * memory and move when the caller says so. The same seed gives the same course. What goes to laned
 * is done by a struct host_link, as in the real host. The conformance kit and the simulator run
 * plug-ins on it, the very same shared objects that a lane runs.
 *
 * It makes no system call but those of malloc, and runs on the caller's thread.
 */
#define VHOST_FILES_MAX 4096u
#define VHOST_TIMERS_MAX 1024u
#define VHOST_NEVER INT64_MAX

struct vhost;

struct vhost_hooks {
	void *ctx;
	/*
	 * Before each call of the host's table, by its name there. Not LANED_OK: the call does nothing
	 * and returns that (alloc: NULL; those that return nothing, and free, happen all the same).
	 */
	int (*called)(void *ctx, const char *function);
	void (*log)(void *ctx, uint32_t level, struct laned_str text);
};

/* A file of a folder: its writer's name, content and a version that changes with it. */
struct vhost_file {
	uint32_t option; /* index into the adapter's option table */
	bool aside;      /* set aside: in nobody's way, for a human */
	char name[LANED_NAME_BYTES_MAX + 1];
	char *data;
	size_t bytes;
	uint64_t version;
};

/* Every option has its default; one without has its smallest allowed value, or "/NAME" for a
 * folder. hooks may be NULL. 0; -ENOMEM; -EINVAL an option's default is not what its row allows. */
int vhost_new(const struct laned_adapter *table, uint64_t seed,
	      const struct vhost_hooks *hooks, struct vhost **ret_host);
/* What the plug-in still holds is freed with it. NULL is fine; returns NULL. */
struct vhost *vhost_free(struct vhost *v);

/* The two halves that create() wants. */
struct laned_host *vhost_handle(struct vhost *v);
const struct laned_host_api *vhost_api(void);
/* May be NULL (no laned): as the real host answers then. Borrowed. */
void vhost_set_link(struct vhost *v, const struct host_link *link);
/* As /etc would: 0; -ENOENT no such option; -EINVAL the row does not allow it. text is copied. */
int vhost_set_option(struct vhost *v, const char *name, const char *text);

/* ---- time ---- */

int64_t vhost_now(const struct vhost *v); /* ms from 1 000 on */
/* When something happens next; VHOST_NEVER. */
int64_t vhost_due(struct vhost *v);
/* The next timer, folder or deferred call, if it is due by at_ms; time moves to it. False: none, and
 * time is at_ms. */
bool vhost_step(struct vhost *v, int64_t at_ms);
/* Steps until at_ms; at most steps_max of them: false when they did not do. */
bool vhost_run(struct vhost *v, int64_t at_ms, unsigned steps_max);
/* Calls fn(user, status) in a step of its own, as acks are. 0 or -ENOMEM. */
int vhost_defer(struct vhost *v, laned_ack_fn fn, void *user, int status);
/* Deferred calls are forgotten: the link was lost. */
void vhost_forget_deferred(struct vhost *v);

/* ---- folders, as the peer on the other side uses them ---- */

/* Writes or replaces; tells the plug-in if it watches. 0; -ENOENT no such folder; -ENOMEM; -ENOSPC. */
int vhost_put(struct vhost *v, const char *option, const char *name, struct str data);
/* NULL: not there. Good until a folder changes. */
const struct vhost_file *vhost_find(struct vhost *v, const char *option,
				    const char *name);
/* The i-th file of a folder that is not set aside, by name; NULL: no more. */
const struct vhost_file *vhost_file_at(struct vhost *v, const char *option, size_t i);
/* 0 or -ENOENT. */
int vhost_remove(struct vhost *v, const char *option, const char *name);
/* What lay in another host's folders, of the same adapter, lies in those of this new one. */
void vhost_take_files(struct vhost *v, struct vhost *from);
/* Files that were set aside. */
size_t vhost_aside(const struct vhost *v);

/* ---- keyboards and scanner lines, by the option that names them ---- */

/* What the other side got of type_start, as text; Enter is "\n". Good until the next step. */
struct str vhost_heard(struct vhost *v, const char *option);
void vhost_forget_heard(struct vhost *v, const char *option);
/* Somebody types on a real keyboard now. */
void vhost_type_foreign(struct vhost *v);

/* ---- what the plug-in holds ---- */

size_t vhost_allocated(const struct vhost *v); /* bytes */
unsigned vhost_timers(const struct vhost *v);  /* armed */
uint64_t vhost_pans_refused(const struct vhost *v);

#endif
