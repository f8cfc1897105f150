#ifndef LANED_BASE_CONF_H
#define LANED_BASE_CONF_H

#include "base/plain/str.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/*
 * INI configuration: one main file, then conf.d/<name>.conf in byte order, later values win. From
 * one table of keys come parser, `config show`, the manual page and the template below /etc.
 * A section whose table name ends in ":*" ("adapter:*") may occur with any instance name
 * ("[adapter:drop]", name of 1-32 characters a-z 0-9 _ -).
 * A key named "*" lets a section hold keys that another program checks by a table of its own; their
 * values are not kept.
 */
enum conf_type {
	CONF_STRING,
	CONF_INT,
	CONF_BOOL, /* yes, no */
	CONF_ENUM, /* as a number: the index of the choice */
	CONF_PATH, /* absolute; empty only when min is 0 */
	CONF_MONEY, /* "50.00" or "50": hundredths; a currency without two digits is not known here */
	CONF_DURATION, /* "250ms", "5s", "15min", "1h", "400d" -> milliseconds */
	CONF_RATE      /* "1e-3" or "0.001" -> parts per 10^9 */
};

struct conf_key {
	const char *section, *name;
	enum conf_type type;
	int64_t min,
		max; /* INT, DURATION (ms), MONEY (minor), RATE (1e-9); STRING, PATH: bytes,
			where a max of 0 means no limit but the line's */
	const char *def;     /* text; NULL: no default, the key must be set */
	const char *choices; /* ENUM: "us_strict|us_tx|eu" */
	const char *help;    /* one or two sentences */
	bool reloadable;     /* false: a change needs a restart */
};

#define CONF_ERRORS_MAX 50u
struct conf_error {
	char file[256];
	uint32_t line;
	char key[80];
	char what[256]; /* what is wrong and what would be right */
};
struct conf_errors {
	uint32_t total, count;
	struct conf_error list[CONF_ERRORS_MAX];
};

/* One line: "FILE:LINE: KEY: what"; without what it does not have, such as the line of a key that is missing. */
void conf_error_print(const struct conf_error *e, FILE *out);

struct conf;

/*
 * Reads and checks everything. dir may be NULL or missing. A key without default that is not set is
 * an error. The table is borrowed for the life of *ret_conf. No secret belongs into these files:
 * values are shown by `config show` and in errors. 0; -EBADMSG with *errors; -ENOENT the main file
 * is missing; -EINVAL it is no plain file; -ENOMEM; other errno of reading.
 */
int conf_load(const struct conf_key *table, size_t count, const char *file,
	      const char *dir, struct conf_errors *errors, struct conf **ret_conf);
struct conf *conf_free(struct conf *c);

/*
 * Every getter asserts that the table has section and name. For an instance that no file names it
 * gives the default. Texts live as long as c.
 */
const char *conf_str(const struct conf *c, const char *section, const char *name);
int64_t conf_int(const struct conf *c, const char *section,
		 const char *name); /* all numbers */
bool conf_bool(const struct conf *c, const char *section, const char *name);
/* "/etc/laned/laned.conf:12" or "default". */
const char *conf_origin(const struct conf *c, const char *section, const char *name);

/* The i-th instance name ("drop") of "adapter:*" in order of appearance, or NULL. */
const char *conf_instance(const struct conf *c, const char *section_pattern, size_t i);

/*
 * Which keys differ: calls fn for each. For SIGHUP: say what changed and what needs a restart. Both
 * are made from one table. A value is NULL where its instance does not exist.
 */
void conf_diff(const struct conf *old, const struct conf *new_conf,
	       void (*fn)(void *ctx, const struct conf_key *key, const char *section,
			  const char *old_value, const char *new_value),
	       void *ctx);

/* Walks every key with its value and origin, instances included. */
void conf_each(const struct conf *c,
	       void (*fn)(void *ctx, const struct conf_key *key, const char *section,
			  const char *value, const char *origin),
	       void *ctx);

/* Writes the commented template of /etc (every key with help, range and default, commented out). */
int conf_write_template(const struct conf_key *table, size_t count, FILE *out);
/* Writes the mdoc list of keys for the manual page. */
int conf_write_mdoc(const struct conf_key *table, size_t count, FILE *out);

/*
 * Reads text as key demands. 0 and *ret_number; -EINVAL and what[256] says what is wrong and what
 * would be right.
 */
int conf_value_parse(const struct conf_key *key, const char *text, int64_t *ret_number,
		     char what[256]);

#endif
