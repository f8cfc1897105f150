#ifndef LANED_TESTS_UNIT_RPC_RAW_H
#define LANED_TESTS_UNIT_RPC_RAW_H

/* What the tests of rpc share: a loop that runs until something holds, and a raw end of a connection. */
#include "base/loop.h"

#include "unit.h"

/* Rounds a test waits at most; each waits for an event, so that none is a time limit. */
#define ROUNDS_MAX 2000

/* Runs the program's loop until condition holds. */
#define RUN_UNTIL(condition)                                                             \
	do {                                                                             \
		for (int rounds = 0; !(condition); rounds++) {                           \
			ck_assert_msg(rounds < ROUNDS_MAX, "never: %s", #condition);     \
			ck_assert_int_eq(loop_once(loop, 1000), 0);                      \
		}                                                                        \
	} while (0)

void raw_send(int fd, const char *text);
/* Reads one line from a raw end while the loop runs; "" at the end of the stream. */
void raw_line(struct loop *loop, int fd, char *buf, size_t bytes);

#endif
