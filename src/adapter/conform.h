#ifndef LANED_ADAPTER_CONFORM_H
#define LANED_ADAPTER_CONFORM_H

#include <stdio.h>

/*
 * The conformance kit: does a plug-in keep to laned/adapter.h? Each check runs the very file that a
 * lane would load, in a process of its own, on a host in virtual time (adapter/vhost.h) beside a
 * laned and a peer that are scripted here. What a check costs, crash or hang, is that check.
 */
#define CONFORM_OPTIONS_MAX 32u
#define CONFORM_LIMIT_MS 60000 /* the longest check takes some seconds */

enum conform_form { CONFORM_TEXT, CONFORM_JSON, CONFORM_JUNIT };

struct conform_options {
	const char *path;     /* of the .so */
	const char *protocol; /* whose peer to play; NULL: by what the plug-in says */
	const char *only;     /* one check by name; NULL all */
	/* "name=value" for its option table. */
	const char *settings[CONFORM_OPTIONS_MAX];
	unsigned settings_count;
	int limit_ms; /* of real time for each check; 0: CONFORM_LIMIT_MS */
	enum conform_form form;
};

/*
 * Runs the checks and writes the report to out. 0: all passed or were skipped with a reason; 1: some
 * failed; -ENOENT no such check or protocol; other negative errno: it could not be run.
 */
int conform_run(const struct conform_options *o, FILE *out);
/* Writes name and meaning of each check. */
void conform_list(FILE *out);

#endif
