#ifndef LANED_ADAPTER_CRASH_RECORD_H
#define LANED_ADAPTER_CRASH_RECORD_H

#include "adapter/plugin_elf.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * What became of the processes that ran a plug-in: a small file in the adapter's runtime folder,
 * mapped while one runs. It says what the plug-in is doing; when the process dies, whatever the
 * death, that stays, and the next start reads it. It never holds contents: no keys, no amounts.
 *
 * The file is read as one that anybody may have written: what does not fit is forgotten.
 */
#define CRASH_DEATHS_MAX 16u
#define CRASH_PLUGIN_BYTES 65u
#define CRASH_VERSION_BYTES 33u
#define CRASH_DOING_BYTES 40u

/* What the plug-in was called for. The order is that of the file: new ones come last. */
enum crash_doing {
	CRASH_IDLE, /* it was not called: the host was working or waiting */
	CRASH_LOADING,
	CRASH_CREATE,
	CRASH_START,
	CRASH_RECOVER,
	CRASH_LINK,
	CRASH_SUBMIT, /* with the type of the request */
	CRASH_HEALTH,
	CRASH_SELFTEST,
	CRASH_STOP,
	CRASH_DESTROY,
	CRASH_TIMER, /* the callbacks */
	CRASH_FOLDER,
	CRASH_ACK,
	CRASH_CONNECTION,
	CRASH_TYPED,
	CRASH_DOINGS
};

/* How a process ended that did not end in order. */
enum crash_how {
	CRASH_KILLED, /* nothing noted: SIGKILL, by the kernel or somebody else */
	CRASH_SIGNAL,
	CRASH_HANG, /* a call did not return */
	CRASH_EXIT, /* it called exit() */
	CRASH_LEAK, /* it used up memory, descriptors or timers */
	CRASH_HOWS
};

/* The life that goes on, as it lies in the file. Written by watch.c. */
struct crash_life {
	char plugin[CRASH_PLUGIN_BYTES]; /* the file's name without ".so" */
	char version[CRASH_VERSION_BYTES];
	char build_id[PLUGIN_BUILD_ID_BYTES];
	int64_t started_wall_ms, started_mono_ms;
	atomic_uint doing, request; /* enum crash_doing; enum laned_request_type */
	atomic_uint jobs;           /* calls of submit that came back */
	atomic_uint loaded;         /* the plug-in was started and stands */
	atomic_uint how, signal;    /* enum crash_how; both written before the end */
	int64_t ended_wall_ms, ended_mono_ms; /* 0: not noted */
};

/* One that is over. */
struct crash_death {
	char plugin[CRASH_PLUGIN_BYTES], version[CRASH_VERSION_BYTES];
	char build_id[PLUGIN_BUILD_ID_BYTES];
	uint32_t how, signal;    /* enum crash_how */
	uint32_t doing, request; /* enum crash_doing, enum laned_request_type */
	uint32_t jobs, loaded;
	int64_t at_wall_ms; /* of a death without a note: when it was found */
	int64_t at_mono_ms; /* CLOCK_BOOTTIME of this boot; < 0: an earlier boot's */
	int64_t lived_ms;
};

struct crash_record;

/*
 * Reads what is at path and puts a new record of the life that now begins in its place. path NULL,
 * or what cannot be written: the record is in memory only, and forgotten at the end
 * (crash_record_error says why). 0; -ENOMEM. Blocks on a file of some KiB.
 */
int crash_record_open(const char *path, struct crash_record **ret_record);
/* The life ends in order: it is no death. NULL is fine; returns NULL. */
struct crash_record *crash_record_close(struct crash_record *r);
/* 0, or why nothing is kept (negative errno). */
int crash_record_error(const struct crash_record *r);

/* The plug-in of this life; each text may be NULL, is cut, and its odd characters are replaced. */
void crash_record_plugin(struct crash_record *r, const char *plugin, const char *version,
			 const char *build_id);
struct crash_life *crash_record_life(struct crash_record *r);

/* The deaths that are known, newest first; of the one before this life, first is true. */
unsigned crash_record_deaths(const struct crash_record *r);
const struct crash_death *crash_record_death(const struct crash_record *r, unsigned i);
bool crash_record_first(const struct crash_record *r);

/* "submit pay", "loading", "timer": for people. */
void crash_doing_words(uint32_t doing, uint32_t request, char text[CRASH_DOING_BYTES]);
/* "signal", "hang", "exit", "leak", "killed". */
const char *crash_how_name(uint32_t how);
/* "SIGSEGV"; "signal" for one without a name here. */
const char *crash_signal_name(uint32_t signal);

#endif
