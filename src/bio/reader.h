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

/*
 * A presentation is touched, then any number of sample and failed, then lifted, when the finger was
 * seen to leave. It also ends when the state becomes READER_ABSENT or READER_FAULTY, or READER_READY
 * without lifted: the driver had to start the reader again, or it was put out, and the finger may
 * still be there.
 */
struct reader_events {
	void (*touched)(void *ctx, struct reader *r);
	/*
	 * A whole image; the callee takes ownership of s. True asks for one more image of this
	 * presentation while the finger rests, which a driver that cannot give one ignores.
	 */
	bool (*sample)(void *ctx, struct reader *r, struct sample *s);
	/* An attempt that gave no image: why is static text for the record. */
	void (*failed)(void *ctx, struct reader *r, const char *why);
	void (*lifted)(void *ctx, struct reader *r);
	void (*changed)(void *ctx, struct reader *r); /* its state */
	void *ctx;
};

/* An answer of the configuration that overrules what a driver knows of a device. */
enum reader_setting { READER_DEFAULT, READER_NO, READER_YES };

/* From [reader:NAME]; strings are borrowed for the reader's life; NULL or "" is unset. */
struct reader_options {
	const char *name;
	const char *folder; /* driver "file" */
	const char *port;   /* "usb": the place on the bus, such as 1-4.2 */
	const char *serial; /* "usb": the device's serial number */
	const char *device; /* "zfm": the serial line, such as /dev/ttyACM0 */
	uint32_t baud;      /* "zfm": 0 is the driver's own */
	uint32_t address;   /* "zfm": the module's */
	uint32_t password;  /* "zfm" */
	enum reader_setting invert, rotate;
	uint32_t dpi; /* 0: the driver's own */
	bool test_environment;
	bool dark; /* opened switched off, until arm; also while it is not open */
};

#define READER_TEXT_BYTES 64u

/* What is attached, as its driver knows it; all empty while nothing is. */
struct reader_device {
	char model[READER_TEXT_BYTES];  /* "U.are.U 4500" */
	char id[READER_TEXT_BYTES];     /* "05ba:000a"; empty where there is none */
	char port[READER_TEXT_BYTES];   /* "1-4.2", "/dev/ttyACM0" */
	char serial[READER_TEXT_BYTES]; /* empty where there is none */
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
	/*
	 * Switches the sensor on or off, when the privacy profile lights it for a claim only. Off it
	 * waits for no finger, shows no light and takes no image; a presentation ends, and the state
	 * stays READER_READY as far as the device is well. Idempotent, in every state, not from inside
	 * an event. NULL: the service drops what it takes in the dark, unseen.
	 */
	void (*arm)(struct reader *r, bool on);
	/*
	 * Fills found with the devices of this driver's kind that are attached now, used by a
	 * reader or not; returns how many, at most max. NULL where a driver cannot know.
	 */
	size_t (*attached)(struct reader_device *found, size_t max);
};

/* What all drivers keep; the first member of each driver's own struct. */
struct reader {
	const struct reader_driver *driver;
	const struct reader_options *options;
	struct reader_events events;
	enum reader_state state;
	int64_t since_wall_ms; /* of the state */
	/*
	 * Why it is absent or faulty, where the driver knows: static text, "not-found" (nothing that
	 * suits is attached), "denied", "busy" (another program has it), "no-answer",
	 * "misconfigured" (it refuses what its section says); else NULL.
	 */
	const char *why;
	struct reader_device device;
	uint64_t captures; /* images taken */
	uint64_t errors;   /* attempts and transfers that failed */
	uint64_t resets;   /* of the device by us */
	uint64_t replugs;  /* times that it came after the first */
};

/* The drivers; find gives the one called name, or NULL. */
extern const struct reader_driver *const reader_drivers[];
extern const size_t reader_drivers_count;
const struct reader_driver *reader_driver_find(const char *name);

/* Sets the state and tells the service when it changed. For drivers. */
void reader_set_state(struct reader *r, enum reader_state state);

/* Why a device cannot be opened: a word of reader.why, and static text for the log. */
struct reader_refusal {
	int error; /* negative errno */
	const char *why, *text;
};
/* That of the error; table ends with the one for all others, of error 0. For drivers. */
const struct reader_refusal *reader_refusal(const struct reader_refusal table[],
					    int error);

extern const struct reader_driver reader_file;
/* reader_usb is in bio/usb/reader_usb.h */

#endif
