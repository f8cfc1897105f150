#ifndef LANED_BASE_KEYS_H
#define LANED_BASE_KEYS_H

#include "base/conf.h"

/*
 * The one table of /etc/laned: every section and key of every program. Parser, `lanectl config`,
 * the manual page and the template are made from it. A plug-in's own options stand in its
 * NAME.options.json and are accepted below [adapter:NAME] by the key "*".
 */
extern const struct conf_key keys_table[];
extern const size_t keys_count;

/* The main file and folder: LANED_CONF and LANED_CONF_DIR in the environment, or /etc/laned. */
#define KEYS_PATH_BYTES 512u
void keys_paths(const char *file_given, char file[KEYS_PATH_BYTES],
		char dir[KEYS_PATH_BYTES]);

/*
 * Loads the configuration as every program does at start: file_given may be NULL. On -EBADMSG
 * each error is written to stderr, also one of a key that is looser than the privacy profile allows.
 * 0 or as conf_load.
 */
int keys_load(const char *file_given, struct conf **ret_conf);

/*
 * Whether the sensor lights only after a claim, and compares with who claimed only: by [privacy]
 * sensor, and where that says auto by the profile.
 */
bool keys_claim_first(const struct conf *conf);

/*
 * Adds an error for every key that is looser than [privacy] profile allows, with the loosest value that
 * would be right. 0 there is none; -EBADMSG. keys_load does it too.
 */
int keys_check_profile(const struct conf *conf, struct conf_errors *errors);

/*
 * Adds an error when [lane] timezone is no zone that this machine knows. 0 or -EBADMSG. keys_load does not
 * do it: a lane whose time zones an update took away sells on, by UTC and aloud. One thread, as base/clock.h.
 */
int keys_check_zone(const struct conf *conf, struct conf_errors *errors);

/*
 * Calls fn for every key that a file sets though the section's driver does not look at it (a folder
 * beside driver = usb). Right, and most likely not what was meant: a warning, not an error. origin
 * is "FILE:LINE".
 */
void keys_meaningless(const struct conf *conf,
		      void (*fn)(void *ctx, const char *origin, const char *section,
				 const char *key, const char *driver),
		      void *ctx);
/* A keys_meaningless function: writes the warning as a line of the FILE ctx. */
void keys_print_meaningless(void *ctx, const char *origin, const char *section,
			    const char *key, const char *driver);

#endif
