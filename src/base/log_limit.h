#ifndef LANED_BASE_LOG_LIMIT_H
#define LANED_BASE_LOG_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The rate limit of log.c, apart from clock and output so that tests can move its time. Not
 * thread-safe.
 */
#define LOG_LIMIT_BURST 20u
#define LOG_LIMIT_WINDOW_MS INT64_C(60000)
#define LOG_LIMIT_SLOTS 64u
#define LOG_LIMIT_KEY_BYTES 48u

struct log_limit_slot {
	char key[LOG_LIMIT_KEY_BYTES]; /* "" = free */
	int64_t window_start_ms;
	unsigned passed;
	unsigned long suppressed;
};

struct log_limit {
	struct log_limit_slot slots[LOG_LIMIT_SLOTS];
};

/*
 * True when a message of kind key (cut to its first LOG_LIMIT_KEY_BYTES - 1 bytes) may be written
 * at mono_ms. When the table is full the oldest kind is forgotten.
 */
bool log_limit_take(struct log_limit *l, const char *key, int64_t mono_ms);

/*
 * The next kind whose window is over and that had messages suppressed: true, its key and their
 * number, and it is counted anew. False: none.
 */
bool log_limit_report(struct log_limit *l, int64_t mono_ms,
		      char ret_key[LOG_LIMIT_KEY_BYTES], unsigned long *ret_suppressed);

#endif
