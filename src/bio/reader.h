#ifndef LANED_BIO_READER_H
#define LANED_BIO_READER_H

#include "base/loop.h"
#include "bio/sample.h"

#include <stdbool.h>

/*
 * A biometric reader of any modality, as the service sees it. A driver delivers samples through
 * its events, from the loop, and never blocks. One driver is one file and one entry in
 * reader_drivers.
 */
enum reader_state {
	READER_ABSENT,    /* nothing attached; looked for */
	READER_READY,     /* waiting for a finger */
	READER_CAPTURING, /* something is on the sensor */
	READER_FAULTY     /* attached and not answering; being reset */
};
const char *reader_state_name(enum reader_state s); /* "absent", "ready", ... */

struct reader;

struct reader_events {
	/* A whole image; the callee takes ownership of s. */
	void (*sample)(void *ctx, struct reader *r, struct sample *s);
	/* A presentation that gave no usable image: why is static text for the record. */
	void (*failed)(void *ctx, struct reader *r, const char *why);
	void (*changed)(void *ctx, struct reader *r); /* its state */
	void *ctx;
};

/* From [reader:NAME]; strings are borrowed for the reader's life. */
struct reader_options {
	const char *name;
	const char *folder; /* driver "file" */
	uint32_t dpi;
	bool test_environment;
};

struct reader_driver {
	const char *name;
	bool test_only;
	int (*open)(struct loop *l, const struct reader_options *o,
		    const struct reader_events *events, struct reader **ret_reader);
	struct reader *(*close)(struct reader *r); /* NULL is fine; returns NULL */
	/*
	 * Presents an image file by its base name; NULL where a driver has no such thing. 0;
	 * -EINVAL a bad name; -ENOENT; -EBADMSG no image (events.failed was called with why).
	 */
	int (*present)(struct reader *r, struct str name);
};

/* What all drivers keep; the first member of each driver's own struct. */
struct reader {
	const struct reader_driver *driver;
	const struct reader_options *options;
	struct reader_events events;
	enum reader_state state;
	int64_t since_wall_ms;
	uint64_t captures, errors;
};

/* The driver called name, or NULL. */
const struct reader_driver *reader_driver_find(const char *name);

/* Sets the state and tells the service when it changed. For drivers. */
void reader_set_state(struct reader *r, enum reader_state state);

extern const struct reader_driver reader_file;

#endif
