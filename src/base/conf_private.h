#ifndef LANED_BASE_CONF_PRIVATE_H
#define LANED_BASE_CONF_PRIVATE_H

/* What the files conf*.c share; nobody else includes this. */

#include "base/conf.h"

#define CONF_INSTANCES_MAX 64u
#define CONF_INSTANCE_CHARS_MAX 32u

/* One key of one section with its value. */
struct conf_entry {
	const struct conf_key *key;
	const char *section; /* the table's, or the instance's full name */
	char *text;          /* NULL: not set and no default */
	int64_t number;
	char *origin;
	unsigned file_no; /* which file set it, from 1; 0 = none */
};

struct conf {
	const struct conf_key *table;
	size_t count;
	/* First one for each key of the table (of a pattern: its defaults), then the instances'. */
	struct conf_entry *entries;
	size_t entries_count;
	char *instances
		[CONF_INSTANCES_MAX]; /* full section names in order of appearance */
	size_t instances_count;
};

/* An object with every default set; NULL: no memory. */
struct conf *conf_new(const struct conf_key *table, size_t count);
/* The section of that name, an instance's being made when it is new. 0; -ENOENT; -ENFILE; -ENOMEM. */
int conf_section_get(struct conf *c, struct str name, const char **ret_section);
struct conf_entry *conf_entry_find(const struct conf *c, const char *section,
				   const char *name);
int conf_entry_set(struct conf_entry *e, const char *text, int64_t number,
		   const char *origin);
/* Whether section ("lane", "adapter:drop") is one that pattern ("lane", "adapter:*") stands for. */
bool conf_section_matches(const char *pattern, struct str section);

/* "1 to 99", "one of eu, us": what is allowed, for errors and manuals. */
void conf_value_allowed(const struct conf_key *key, char *buf, size_t bytes);

/* True for a section name of the table that ends in ":*". */
bool conf_is_pattern(const char *section);

/* How many single-letter changes lie between a and b; more than 32 letters count as far. */
unsigned conf_distance(struct str a, struct str b);

#endif
