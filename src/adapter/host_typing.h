#ifndef LANED_ADAPTER_HOST_TYPING_H
#define LANED_ADAPTER_HOST_TYPING_H

#include "base/loop.h"
#include "base/stream.h"
#include "laned/adapter.h"

#include <sys/types.h>

/*
 * type_start and type_cancel of the ABI, on the real host: a keyboard made by the kernel's uinput, or a
 * serial line that a scanner would be on. The keyboard is made at once, before the sandbox is entered,
 * and lives as long as the host: one that came and went with each text would lose its first keys.
 *
 * A key of a real keyboard that comes while a text is typed ends it: the two would mix. It is told as a
 * flag; which key it was is read and forgotten.
 */
#define HOST_TYPING_MAX 4u        /* options that name a device */
#define HOST_TYPING_SETTLE_MS 500 /* until a new keyboard is known to whoever listens */
/* What a real keyboard is asked once the sandbox is entered: EVIOCGBIT(EV_KEY), EVIOCGNAME. */
#define HOST_TYPING_KEYS_BYTES 96u
#define HOST_TYPING_NAME_BYTES 64u
#define HOST_TYPING_KEYBOARDS 16u /* real ones that are listened to */

/* What the kernel is asked, so that tests can be the kernel. Each as the call of its name. */
struct host_typing_ops {
	void *ctx;
	int (*open)(void *ctx, const char *path, int flags);
	int (*ioctl)(void *ctx, int fd, unsigned long request, uintptr_t arg);
	ssize_t (*write)(void *ctx, int fd, const void *data, size_t n);
	/* A real keyboard's name, by number from 0: its path; -ENOENT no more. */
	int (*keyboard)(void *ctx, unsigned i, char *path, size_t bytes);
};
extern const struct host_typing_ops host_typing_kernel;

struct host_typing;

/* ops: NULL is the kernel. 0 or -ENOMEM. */
int host_typing_new(struct loop *l, struct streams *streams,
		    const struct host_typing_ops *ops, struct host_typing **ret_typing);
struct host_typing *host_typing_free(struct host_typing *t);
/*
 * Declares what the option of that name types on: uinput:... or serial://...; others are left to
 * conn_open. 0; -E2BIG; -EINVAL no such layout; errno of /dev/uinput. What is wrong is logged, and
 * type_start then says LANED_IO.
 */
int host_typing_add(struct host_typing *t, const char *option, const char *text);

/* As the ABI says; enum laned_status. */
int host_typing_start(struct host_typing *t, const char *option, struct laned_str text,
		      laned_typed_fn done, void *user);
int host_typing_cancel(struct host_typing *t, const char *option);

#endif
