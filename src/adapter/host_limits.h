#ifndef LANED_ADAPTER_HOST_LIMITS_H
#define LANED_ADAPTER_HOST_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * How much a plug-in may ask of its host and of laned: so much at once, and so much a second after
 * that. What is over it is refused and counted; the lane goes on. Pure; time is handed in.
 */
enum host_limit {
	HOST_LIMIT_LOG,     /* lines */
	HOST_LIMIT_POS,     /* baskets, by their length; claims; cancelled tickets */
	HOST_LIMIT_EVENT,   /* also tenders that the POS wants */
	HOST_LIMIT_LATE,    /* completions of no open request */
	HOST_LIMIT_JOURNAL, /* each of which costs laned a write to the disk */
	HOST_LIMIT_FIND,
	HOST_LIMITS
};

#define HOST_LIMIT_LINES_PER_UNIT 32u /* of a basket */
/* A flood is over, and the next one is told again, after so long without one. */
#define HOST_LIMIT_QUIET_MS 60000

struct host_limits_bucket {
	int64_t thousandths; /* of a unit, that are there */
	int64_t at_ms, refused_ms;
	uint64_t refused;
	bool known;
};

/* All zero is a fresh one. */
struct host_limits {
	struct host_limits_bucket list[HOST_LIMITS];
};

enum host_limits_verdict {
	HOST_LIMITS_TAKEN,
	HOST_LIMITS_REFUSED,
	HOST_LIMITS_BEGINS /* refused, and the first one of a flood: to be logged */
};

/* units: 1 and more; what asks for more than there ever is gets it when the bucket is full. */
enum host_limits_verdict host_limits_take(struct host_limits *l, enum host_limit kind,
					  uint32_t units, int64_t now_ms);
/* Refused so far: of one kind, or of all. */
uint64_t host_limits_refused(const struct host_limits *l, enum host_limit kind);
uint64_t host_limits_refused_all(const struct host_limits *l);
/* "log lines", "events": for people. */
const char *host_limit_name(enum host_limit kind);

#endif
