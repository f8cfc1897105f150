#ifndef LANED_ADAPTER_HOST_LOCK_H
#define LANED_ADAPTER_HOST_LOCK_H

#include <sys/types.h>

/*
 * One host an adapter: a second one, started by hand say, would write over the crash record of the
 * first, and stand in its way at laned and at the POS. The lock is the kernel's and ends with the
 * process, whatever its end. There is one per process.
 */

/*
 * Takes the lock that the file at path stands for, and makes the file. 0 and *ret_fd, which is to be
 * closed at the end; -EBUSY another process has it: *ret_holder says which (0: not known, it is in a
 * container of its own); another errno: there is none to be had here.
 */
int host_lock_take(const char *path, int *ret_fd, pid_t *ret_holder);
/*
 * Only asks about a file that another user may have made: 0 nobody has it, or there is none; -EBUSY as
 * above.
 */
int host_lock_ask(const char *path, pid_t *ret_holder);

#endif
