#include "base/conf_private.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool
instance_name_ok(struct str s)
{
	if (s.n == 0 || s.n > CONF_INSTANCE_CHARS_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (strchr("abcdefghijklmnopqrstuvwxyz0123456789_-", s.p[i]) == NULL)
			return false;
	return true;
}

bool
conf_section_matches(const char *pattern, struct str section)
{
	size_t n = strlen(pattern);

	if (!conf_is_pattern(pattern))
		return str_is(section, pattern);
	n--; /* without the star */
	return section.n > n && memcmp(section.p, pattern, n) == 0 &&
	       instance_name_ok((struct str){ section.p + n, section.n - n });
}

struct conf_entry *
conf_entry_find(const struct conf *c, const char *section, const char *name)
{
	/* Keys have more names than there are sections: most differ at once. */
	for (size_t i = 0; i < c->entries_count; i++)
		if (c->entries[i].key->name[0] == name[0] &&
		    strcmp(c->entries[i].key->name, name) == 0 &&
		    strcmp(c->entries[i].section, section) == 0)
			return &c->entries[i];
	return NULL;
}

/* The entry, or for an instance nobody named the one with the defaults. */
static const struct conf_entry *
entry_get(const struct conf *c, const char *section, const char *name)
{
	const struct conf_entry *e = conf_entry_find(c, section, name);

	for (size_t i = 0; e == NULL && i < c->count; i++)
		if (strcmp(c->table[i].name, name) == 0 &&
		    conf_section_matches(c->table[i].section, str_of(section)))
			e = &c->entries[i];
	assert(e != NULL); /* the table has it */
	return e;
}

int
conf_entry_set(struct conf_entry *e, const char *text, int64_t number, const char *origin)
{
	char *t = strdup(text), *o = strdup(origin);

	if (t == NULL || o == NULL) {
		free(t);
		free(o);
		return -ENOMEM;
	}
	free(e->text);
	free(e->origin);
	e->text = t;
	e->origin = o;
	e->number = number;
	return 0;
}

static int
entry_set_default(struct conf_entry *e)
{
	char what[256] = "";
	int64_t number = 0;
	int rc;

	if (e->key->def == NULL)
		return 0;
	rc = conf_value_parse(e->key, e->key->def, &number, what);
	assert(rc == 0); /* the table's own defaults are right */
	return conf_entry_set(e, e->key->def, number, "default");
}

static int
entries_add(struct conf *c, const char *section, size_t from, size_t count)
{
	struct conf_entry *p =
		realloc(c->entries, (c->entries_count + count) * sizeof(*c->entries));
	int rc = 0;

	if (p == NULL)
		return -ENOMEM;
	c->entries = p;
	for (size_t i = from; rc == 0 && i < from + count; i++) {
		struct conf_entry *e = &c->entries[c->entries_count++];

		*e = (struct conf_entry){ .key = &c->table[i],
					  .section = section ? section
							     : c->table[i].section };
		rc = entry_set_default(e);
	}
	return rc;
}

static int
instance_new(struct conf *c, const char *pattern, struct str name)
{
	char *section;
	int rc = 0;

	if (c->instances_count == CONF_INSTANCES_MAX)
		return -ENFILE;
	section = strndup(name.p, name.n);
	if (section == NULL)
		return -ENOMEM;
	c->instances[c->instances_count++] = section;
	for (size_t i = 0; rc == 0 && i < c->count; i++)
		if (strcmp(c->table[i].section, pattern) == 0)
			rc = entries_add(c, section, i, 1);
	return rc;
}

int
conf_section_get(struct conf *c, struct str name, const char **ret_section)
{
	const char *pattern = NULL;
	int rc;

	for (size_t i = 0; pattern == NULL && i < c->count; i++)
		if (conf_section_matches(c->table[i].section, name))
			pattern = c->table[i].section;
	if (pattern == NULL)
		return -ENOENT;
	if (!conf_is_pattern(pattern)) {
		*ret_section = pattern;
		return 0;
	}
	for (size_t i = 0; i < c->instances_count; i++)
		if (str_is(name, c->instances[i])) {
			*ret_section = c->instances[i];
			return 0;
		}
	rc = instance_new(c, pattern, name);
	if (rc == 0)
		*ret_section = c->instances[c->instances_count - 1];
	return rc;
}

struct conf *
conf_new(const struct conf_key *table, size_t count)
{
	struct conf *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->table = table;
	c->count = count;
	return entries_add(c, NULL, 0, count) < 0 ? conf_free(c) : c;
}

struct conf *
conf_free(struct conf *c)
{
	if (c == NULL)
		return NULL;
	for (size_t i = 0; i < c->entries_count; i++) {
		free(c->entries[i].text);
		free(c->entries[i].origin);
	}
	free(c->entries);
	for (size_t i = 0; i < c->instances_count; i++)
		free(c->instances[i]);
	free(c);
	return NULL;
}

const char *
conf_str(const struct conf *c, const char *section, const char *name)
{
	const char *text = entry_get(c, section, name)->text;

	return text != NULL ? text : "";
}

int64_t
conf_int(const struct conf *c, const char *section, const char *name)
{
	return entry_get(c, section, name)->number;
}

bool
conf_bool(const struct conf *c, const char *section, const char *name)
{
	return entry_get(c, section, name)->number != 0;
}

const char *
conf_origin(const struct conf *c, const char *section, const char *name)
{
	const char *origin = entry_get(c, section, name)->origin;

	return origin != NULL ? origin : "default";
}

const char *
conf_instance(const struct conf *c, const char *section_pattern, size_t i)
{
	for (size_t k = 0; k < c->instances_count; k++)
		if (conf_section_matches(section_pattern, str_of(c->instances[k])) &&
		    i-- == 0)
			return c->instances[k] + strlen(section_pattern) - 1;
	return NULL;
}

void
conf_diff(const struct conf *old, const struct conf *new_conf,
	  void (*fn)(void *ctx, const struct conf_key *key, const char *section,
		     const char *old_value, const char *new_value),
	  void *ctx)
{
	const struct conf_entry *e, *other;

	assert(old->table == new_conf->table);
	for (size_t i = 0; i < old->entries_count; i++) {
		e = &old->entries[i];
		other = conf_entry_find(new_conf, e->section, e->key->name);
		if (other == NULL ||
		    strcmp(e->text ? e->text : "", other->text ? other->text : "") != 0)
			fn(ctx, e->key, e->section, e->text,
			   other != NULL ? other->text : NULL);
	}
	for (size_t i = 0; i < new_conf->entries_count; i++) {
		e = &new_conf->entries[i];
		if (conf_entry_find(old, e->section, e->key->name) == NULL)
			fn(ctx, e->key, e->section, NULL, e->text);
	}
}

void
conf_each(const struct conf *c,
	  void (*fn)(void *ctx, const struct conf_key *key, const char *section,
		     const char *value, const char *origin),
	  void *ctx)
{
	/* The defaults of a pattern belong to no section that exists. */
	for (size_t i = 0; i < c->entries_count; i++) {
		const struct conf_entry *e = &c->entries[i];

		if (!conf_is_pattern(e->section))
			fn(ctx, e->key, e->section, e->text != NULL ? e->text : "",
			   e->origin != NULL ? e->origin : "default");
	}
}
