#ifndef LANED_BIO_SERIAL_ZFM_H
#define LANED_BIO_SERIAL_ZFM_H

#include "bio/reader.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A ZFM-20, R30x or R503 sensor module: finding its rate, password, waiting for a finger, the
 * picture, recovery. A state machine without a file descriptor inside; docs/readers.md tells what
 * it does when.
 */
struct zfm;

/* The seam to what moves the bytes: a serial line in the service, a model in the tests. */
struct zfm_port_ops {
	/*
	 * Takes all of the bytes (at most ZFM_COMMAND_BYTES_MAX) at once or none. Negative errno:
	 * -ENODEV unplugged.
	 */
	int (*write)(void *port, const uint8_t *bytes, size_t n);
	/* Changes the line's rate and forgets what has arrived. Negative errno. */
	int (*rate)(void *port, uint32_t baud);
	/* One shot; replaces an earlier time. Negative errno when it cannot be set. */
	int (*timer)(void *port, unsigned delay_ms);
	void (*timer_cancel)(void *port);
	int64_t (*now_ms)(void *port); /* never goes back */
};

struct zfm_port {
	const struct zfm_port_ops *ops;
	void *ctx;
};

enum zfm_end {
	ZFM_GONE,         /* unplugged */
	ZFM_BROKEN,       /* does not answer, or nonsense */
	ZFM_MISCONFIGURED /* it answers, and refuses the password or the address */
};

/*
 * What the module tells. It may be stopped from inside each of them, and freed from none. Texts are
 * static and fit for a log or a display's table.
 */
struct zfm_events {
	void (*ready)(void *ctx); /* brought up: a finger may come */
	void (*touched)(void *ctx);
	/* Takes ownership of s. True asks for one more image of the same presentation. */
	bool (*sample)(void *ctx, struct sample *s);
	void (*failed)(void *ctx, const char *why); /* a presentation without an image */
	void (*lifted)(void *ctx);
	/* It does nothing any more, and is to be freed; not from inside. */
	void (*broken)(void *ctx, enum zfm_end end, const char *why);
	void *ctx;
};

struct zfm_options {
	uint32_t baud;       /* what the line shall have; 0: whatever the module has */
	uint32_t baud_first; /* with baud 0: tried before the others; 0: no preference */
	uint32_t address, password;
	bool invert, rotate;
	uint32_t dpi; /* 0: as the picture's size tells */
	const char
		*label; /* into sample.device and the log; borrowed, may be cut there */
};

/* What is known of it; model is NULL before the first picture. */
struct zfm_identity {
	uint32_t baud;
	uint16_t system_id;
	const char *model;
};

struct zfm_counters {
	uint64_t commands;   /* sent */
	uint64_t polls;      /* of them, asking for a finger */
	uint64_t images;     /* whole ones */
	uint64_t bad_images; /* short, long, cut, of no known size */
	uint64_t errors;     /* answers that did not come or were refusals */
	uint64_t restarts;   /* of the conversation, the line staying open */
	uint64_t unexpected; /* packets that nobody waited for */
	uint64_t bad_packets, noise_bytes;
};

/* The longest command: SetPwd and the like. */
#define ZFM_COMMAND_BYTES_MAX 16u
/*
 * Nothing wakes us when a finger comes, so the module is asked. Five times a second: a touch is seen
 * after a tenth of a second on average, as long as a blink, and waiting costs ten wakeups a second
 * (one to ask, one for the answer).
 */
#define ZFM_POLL_MS 200u
/* Attempts at one picture before the presentation counts as failed. */
#define ZFM_TRIES 3u
/* Images that one presentation may give when the service asks for more. */
#define ZFM_FRAMES_MAX 8u

/* 0; -ENOMEM; -EINVAL: a rate that is none of the module's, or a dpi outside SAMPLE_DPI_MIN..MAX. */
int zfm_new(const struct zfm_options *o, struct zfm_port port, const struct zfm_events *e,
	    struct zfm **ret_zfm);
/* Begins the bring-up. */
void zfm_start(struct zfm *z);
/*
 * Lets it look for fingers (as it does from the start), or not: then the module is asked for nothing
 * and its light stays off, once what was asked for is over. Not from inside an event.
 */
void zfm_arm(struct zfm *z, bool on);
/* Bytes that arrived; not kept. */
void zfm_input(struct zfm *z, const uint8_t *bytes, size_t n);
/* The port's timer. */
void zfm_timeout(struct zfm *z);
/* Nothing is told and nothing sent any more. Idempotent; from inside every event. */
void zfm_stop(struct zfm *z);
/* Not from inside an event. NULL is fine; returns NULL. */
struct zfm *zfm_free(struct zfm *z);

void zfm_identity(const struct zfm *z, struct zfm_identity *ret_identity);
void zfm_counters(const struct zfm *z, struct zfm_counters *ret_counters);

#endif
