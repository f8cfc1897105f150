#ifndef LANED_CTL_UPLOAD_H
#define LANED_CTL_UPLOAD_H

#include "ctl/ctl.h"

/*
 * Sends a file to laned as an import, with progress on a terminal, and prints what came of it.
 * kind: "members" or "offers". The format comes from the file's ending unless format is given.
 * An exit code: CTL_DATA when the file has errors (all listed) and nothing was changed.
 */
struct upload {
	const char *kind, *path, *format;
	bool check_only;
};
int ctl_upload(struct ctl *c, const struct upload *u);

/* "jsonl", "csv" or "json" by the ending of path, or NULL. */
const char *ctl_format_of(const char *path);

#endif
