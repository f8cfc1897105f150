#ifndef LANED_ADAPTER_WATCH_H
#define LANED_ADAPTER_WATCH_H

#include "adapter/crash_record.h"

/*
 * Watches the plug-in of this process: notes what it is called for in the crash record, notes the
 * signal that ends the process, and ends the process when a call does not return. There is one per
 * process, as signals are the process's; one thread. Before watch_start and after watch_stop
 * everything here does nothing.
 */
#define WATCH_LIMIT_MS 10000u /* as WatchdogSec= of the unit */

/*
 * Notes into life from now on; limit_ms: of one call into the plug-in. No thread is needed: a timer
 * of the kernel ends what hangs by SIGABRT, and by SIGKILL, after half as long again and a second,
 * what has blocked or taken over the signals. 0 or negative errno. Called before the sandbox is
 * entered.
 */
int watch_start(struct crash_life *life, unsigned limit_ms);
void watch_stop(void);

/*
 * Around each call into the plug-in:
 *
 *	unsigned was = watch_enter(CRASH_SUBMIT, q->type);
 *	rc = adapter->submit(instance, q);
 *	watch_leave(was);
 *
 * Calls may lie in each other; the time is that of the outermost.
 */
unsigned watch_enter(enum crash_doing what, uint32_t request);
void watch_leave(unsigned was);
/*
 * The plug-in has none left of what it gets from the host, and could only fail from now on: the process
 * ends when the call returns, as for memory and descriptors of the process, and begins anew.
 */
void watch_used_up(void);

#endif
