#ifndef LANED_TESTS_SIM_VIRTUAL_VIRTUAL_H
#define LANED_TESTS_SIM_VIRTUAL_VIRTUAL_H

#include "base/loop.h"
#include "base/plain/caltime.h"

#include <stddef.h>

/*
 * What base/loop.h, base/clock.h and the kernel's Unix sockets are in the simulation: time that moves
 * when the world says so, and byte streams in memory that the world delays, cuts and breaks. The very
 * object files of rpc, bridge and adapter_link run on it. The programs that link these files in place
 * of libevent's loop pass VIRTUAL's list of --wrap to the linker (Makefile: virtual_ld).
 *
 * One thread. All processes of the simulation are one; whose code runs is told by virtual_enter.
 */
enum virtual_process { VIRTUAL_LANED, VIRTUAL_ADAPTER, VIRTUAL_PROCESSES };

struct virtual_hooks {
	void *ctx;
	/* How long n bytes that this process sends are under way, in ms. */
	int64_t (*delay_ms)(void *ctx, enum virtual_process from, size_t n);
	/* So many of n bytes are taken at once, 1..n; 0: none now, the other side is slow. */
	size_t (*piece)(void *ctx, enum virtual_process p, bool sends, size_t n);
	/* What is about to go out; NULL: nobody looks. */
	void (*seen)(void *ctx, enum virtual_process from, const char *bytes, size_t n);
	/* Before each byte that goes out; the process may die here (virtual_kill). */
	void (*sends)(void *ctx, enum virtual_process p);
	/* The process waits in poll() until at_ms: let the world go on until virtual_ready(fd). */
	void (*waits)(void *ctx, enum virtual_process p, int fd, int64_t at_ms);
	uint64_t (*random)(void *ctx);
};

/* Everything is forgotten; the world begins. hooks is copied; NULL: the world has ended. */
void virtual_begin(const struct virtual_hooks *hooks);
/* Borrowed until the end: what the clocks say. */
void virtual_clock(const struct timepoint *now);
/* Is the wall clock synchronised, as adjtimex would say? */
void virtual_clock_doubt(bool doubted);

/* The code that follows is this process's; the one before is given back. */
enum virtual_process virtual_enter(enum virtual_process p);
/*
 * The process dies: its sockets close as the kernel closes them, and whatever its code still does
 * until it is left has no effect outside.
 */
void virtual_kill(enum virtual_process p);
/* The sockets of both break at once: what was under way is lost. True: there was a connection. */
bool virtual_cut(void);
/* A new process of that kind. */
void virtual_born(enum virtual_process p);
bool virtual_is_dead(enum virtual_process p);
/* Something can be read from fd now, or its end has come. */
bool virtual_ready(int fd);

/* When a loop has something to do next, in ms; INT64_MAX never. */
int64_t virtual_loop_due(const struct loop *l);
/* Does one thing that is due. */
void virtual_loop_work(struct loop *l);

/* Between the files of this folder. */
int64_t virtual_now_ms(void);
/* When fd can be read or written next, INT64_MAX not by itself. */
int64_t virtual_readable_ms(int fd);
int64_t virtual_writable_ms(int fd);

#endif
