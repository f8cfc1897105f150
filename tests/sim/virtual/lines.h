#ifndef LANED_TESTS_SIM_VIRTUAL_LINES_H
#define LANED_TESTS_SIM_VIRTUAL_LINES_H

#include "base/loop.h"

#include <stddef.h>
#include <stdint.h>

/*
 * base/stream.h in the simulation: the lines to other machines lie in memory. The adapter's process has
 * the near end of each by the functions of stream.h; the far end is the world's, by the functions here.
 * What the near end sends waits in a buffer of limited size until the far end takes it; what the far
 * end sends comes when the world says so. One process has streams at one time.
 */
struct virtual_lines_hooks {
	void *ctx;
	/* The process calls the other machine: 0 it stands after *ret_delay_ms, or why not then. */
	int (*opens)(void *ctx, int64_t *ret_delay_ms);
	/* It stands: the far end is the world's now. */
	void (*stands)(void *ctx, uint64_t line);
	/* There is something to take, or the end. Not while the world is inside of a call here. */
	void (*sent)(void *ctx, uint64_t line);
	size_t unsent_max; /* stream_send says -EAGAIN beyond; in place of STREAM_UNSENT_MAX */
	size_t system_bytes; /* of these the system has so many, which the process's death leaves */
};

/* Everything is forgotten. hooks is copied; NULL: the world has ended. */
void virtual_lines_begin(const struct virtual_lines_hooks *hooks);
/* The process dies: what the system has of its bytes still comes, and then the end. */
void virtual_lines_kill(void);
/* What waits to be accepted is turned away: nobody holds the socket. */
void virtual_lines_refuse(void);

/*
 * Connects to who listens. queue: also while nobody does, as systemd's socket. The number of the line,
 * 0: refused, or there are too many.
 */
uint64_t virtual_line_connect(bool queue);
/* Comes at the near end at at_ms, and not before what was fed before. False: nobody is there. */
bool virtual_line_feed(uint64_t line, const void *data, size_t n, int64_t at_ms);
/* Takes what has been sent, at most n bytes. */
size_t virtual_line_take(uint64_t line, uint8_t *buf, size_t n);
size_t virtual_line_waits(uint64_t line);
/* The far end sends no more (half), or is gone; err: it broke. Nothing happens on one that is gone. */
void virtual_line_end(uint64_t line, bool half, int err);
/* The near end sends no more, and everything was taken. True, too, of a line that is not there. */
bool virtual_line_ended(uint64_t line);
/* Which side pushes back: how often a stream was told "not now". */
uint64_t virtual_lines_pushed_back(void);

#endif
