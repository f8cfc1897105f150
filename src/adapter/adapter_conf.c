#include "adapter/adapter_conf.h"

#include "adapter/plugin_describe.h"
#include "base/keys.h"
#include "base/plain/arena.h"
#include "base/plugin_options.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARENA_BYTES_MAX (4u * 1024u * 1024u)
#define SECTION_PREFIX "adapter:"
#define SECTION_BYTES (sizeof(SECTION_PREFIX) + ADAPTER_NAME_BYTES)
#define COMMON_MAX 256u
#define OWN_MAX 16u /* rows of adapter:* in the common table */

struct adapter_conf {
	char name[ADAPTER_NAME_BYTES];
	char section[SECTION_BYTES];
	char plugin[ADAPTER_PATH_BYTES], socket[ADAPTER_PATH_BYTES];
	struct adapter_endpoints endpoints;
	bool terminal;       /* the plug-in's options.json says that it needs them */
	struct arena *arena; /* the options' texts */
	struct conf *conf;
	size_t options;
	uint32_t types[ADAPTER_OPTIONS_MAX];
	/* conf keeps pointing into it: this section's keys, the plug-in's, the common ones. */
	struct conf_key table[OWN_MAX + ADAPTER_OPTIONS_MAX + COMMON_MAX];
	size_t own, count;
};

static bool
name_ok(const char *name)
{
	size_t n = strlen(name);

	return n >= 1 && n < ADAPTER_NAME_BYTES &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == n;
}

static int
add_common_keys(struct adapter_conf *c)
{
	if (keys_count > COMMON_MAX)
		return -E2BIG;
	for (size_t i = 0; i < keys_count; i++)
		c->table[c->count++] = keys_table[i];
	return 0;
}

/* The plug-in's options behind the host's own keys, whose names are taken. */
static int
add_options(struct adapter_conf *c)
{
	struct plugin_options *o = calloc(1, sizeof(*o));
	int rc = o == NULL ? -ENOMEM
			   : plugin_options_read(c->plugin, c->section, c->arena, o);

	c->terminal = rc == 0 && o->terminal;
	for (size_t i = 0; rc == 0 && i < o->count; i++) {
		for (size_t k = 0; k < c->own && rc == 0; k++)
			if (strcmp(c->table[k].name, o->rows[i].name) == 0)
				rc = -EPROTO;
		if (plugin_option_type_parse(str_of(o->type_names[i]),
					     &c->types[c->options]) < 0)
			rc = -EPROTO;
		if (rc < 0) {
			fprintf(stderr, "%s: %s: a name or type that it cannot have\n",
				c->plugin, o->rows[i].name);
			break;
		}
		c->options++;
		c->table[c->count++] = o->rows[i];
	}
	free(o);
	return rc;
}

/* A plug-in's path by the common keys alone, which must be read before the options are known. */
static int
find_plugin(struct adapter_conf *c, const struct conf *common)
{
	const char *plugin = conf_str(common, c->section, "plugin");
	struct strbuf b;

	strbuf_init(&b, c->plugin, sizeof(c->plugin));
	strbuf_addf(&b, "%s/%s.so", conf_str(common, "paths", "adapters"),
		    plugin[0] == '\0' ? c->name : plugin);
	return b.truncated || strchr(plugin, '/') != NULL ? -EINVAL : 0;
}

static int
load(struct adapter_conf *c, const char *file_given, struct conf **ret_conf)
{
	struct conf_errors *errors = calloc(1, sizeof(*errors));
	char file[KEYS_PATH_BYTES], dir[KEYS_PATH_BYTES];
	int rc;

	if (errors == NULL)
		return -ENOMEM;
	keys_paths(file_given, file, dir);
	rc = conf_load(c->table, c->count, file, dir[0] == '\0' ? NULL : dir, errors,
		       ret_conf);
	for (uint32_t i = 0; rc == -EBADMSG && i < errors->count; i++)
		conf_error_print(&errors->list[i], stderr);
	if (rc < 0 && rc != -EBADMSG)
		fprintf(stderr, "%s: %s\n", file, strerror(-rc));
	free(errors);
	return rc;
}

/*
 * Where the plug-in is must be known before its options are: the first reading takes every section
 * of an adapter as a pattern, which accepts any option.
 */
static int
resolve_plugin(struct adapter_conf *c, const struct adapter_conf_ask *ask)
{
	struct conf *common;
	int rc;

	if (ask->plugin != NULL)
		return str_copy(c->plugin, sizeof(c->plugin), str_of(ask->plugin));
	rc = keys_load(ask->file, &common);
	if (rc < 0)
		return rc;
	rc = find_plugin(c, common);
	if (rc < 0)
		fprintf(stderr, "[%s] plugin: a name without a slash, please\n",
			c->section);
	conf_free(common);
	return rc;
}

/* As read from a configuration that has been read. */
static int
take_endpoints(const struct conf *conf, const char *section, bool wanted,
	       struct adapter_endpoints *e)
{
	int rc = plugin_endpoints_check(conf, section, wanted);

	if (rc == 0)
		rc = str_copy(e->pos, sizeof(e->pos),
			      str_of(conf_str(conf, section, "pos")));
	if (rc == 0)
		rc = str_copy(e->terminal, sizeof(e->terminal),
			      str_of(conf_str(conf, section, "terminal")));
	if (rc == 0)
		rc = str_copy(e->framing, sizeof(e->framing),
			      str_of(conf_str(conf, section, "framing")));
	return rc;
}

int
adapter_conf_load(const struct adapter_conf_ask *ask, struct adapter_conf **ret_conf)
{
	struct adapter_conf *c = NULL;
	struct strbuf b;
	int rc = -EINVAL;

	if (!name_ok(ask->name)) {
		fprintf(stderr, "\"%s\": an adapter's name is 1 to 32 of a-z 0-9 _ -\n",
			ask->name);
		return rc;
	}
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return -ENOMEM;
	(void)str_copy(c->name, sizeof(c->name), str_of(ask->name)); /* checked above */
	strbuf_init(&b, c->section, sizeof(c->section));
	strbuf_addf(&b, SECTION_PREFIX "%s", c->name);
	c->arena = arena_new(ARENA_BYTES_MAX);
	rc = c->arena == NULL ? -ENOMEM : resolve_plugin(c, ask);
	if (rc == 0)
		rc = plugin_own_keys(c->section, c->table, OWN_MAX, &c->own);
	c->count = c->own;
	if (rc == 0)
		rc = add_options(c);
	if (rc == 0)
		rc = add_common_keys(c);
	if (rc == 0)
		rc = load(c, ask->file, &c->conf);
	for (size_t i = 0; rc == 0 && i < c->options; i++)
		if (c->types[i] == LANED_OPT_ADDRESS)
			rc = plugin_address_check(c->conf, c->section,
						  c->table[c->own + i].name);
	if (rc == 0)
		rc = take_endpoints(c->conf, c->section, c->terminal, &c->endpoints);
	if (rc < 0)
		goto out;
	strbuf_init(&b, c->socket, sizeof(c->socket));
	strbuf_addf(&b, "%s/adapter-%s.sock", conf_str(c->conf, "paths", "run"), c->name);
	*ret_conf = c;
	c = NULL;
out:
	adapter_conf_free(c);
	return rc;
}

int
adapter_conf_load_bare(const struct adapter_conf_ask *ask, struct adapter_bare *ret_bare)
{
	struct adapter_bare bare = { .environment = "" };
	char section[SECTION_BYTES];
	struct conf *conf = NULL;
	struct strbuf b;
	int rc;

	if (!name_ok(ask->name))
		return -EINVAL;
	strbuf_init(&b, section, sizeof(section));
	strbuf_addf(&b, SECTION_PREFIX "%s", ask->name);
	rc = keys_load(ask->file, &conf);
	if (rc < 0)
		return rc;
	rc = take_endpoints(conf, section, false, &bare.endpoints);
	if (rc == 0 && bare.endpoints.pos[0] == '\0')
		rc = -ENODATA;
	bare.enabled = rc == 0 && strcmp(conf_str(conf, section, "enabled"), "yes") == 0;
	if (rc == 0)
		rc = str_copy(bare.environment, sizeof(bare.environment),
			      str_of(conf_str(conf, "lane", "environment")));
	strbuf_init(&b, bare.socket, sizeof(bare.socket));
	strbuf_addf(&b, "%s/adapter-%s.sock", conf_str(conf, "paths", "run"), ask->name);
	if (rc == 0)
		*ret_bare = bare;
	conf_free(conf);
	return rc;
}

struct adapter_conf *
adapter_conf_free(struct adapter_conf *c)
{
	if (c == NULL)
		return NULL;
	conf_free(c->conf);
	arena_free(c->arena);
	free(c);
	return NULL;
}

const char *
adapter_conf_name(const struct adapter_conf *c)
{
	return c->name;
}

bool
adapter_conf_enabled(const struct adapter_conf *c)
{
	return strcmp(conf_str(c->conf, c->section, "enabled"), "yes") == 0;
}

enum adapter_seccomp
adapter_conf_seccomp(const struct adapter_conf *c)
{
	const char *word = conf_str(c->conf, c->section, "seccomp");

	if (strcmp(word, "off") == 0)
		return ADAPTER_SECCOMP_OFF;
	return strcmp(word, "log") == 0 ? ADAPTER_SECCOMP_LOG : ADAPTER_SECCOMP_ENFORCE;
}

unsigned
adapter_conf_call_limit_ms(const struct adapter_conf *c)
{
	return (unsigned)conf_int(c->conf, c->section, "call_limit");
}

const char *
adapter_conf_environment(const struct adapter_conf *c)
{
	return conf_str(c->conf, "lane", "environment");
}

const char *
adapter_conf_log_level(const struct adapter_conf *c)
{
	return conf_str(c->conf, "log", "level");
}

const char *
adapter_conf_plugin_path(const struct adapter_conf *c)
{
	return c->plugin;
}

const char *
adapter_conf_socket_path(const struct adapter_conf *c)
{
	return c->socket;
}

const struct adapter_endpoints *
adapter_conf_endpoints(const struct adapter_conf *c)
{
	return &c->endpoints;
}

size_t
adapter_conf_options(const struct adapter_conf *c)
{
	return c->options;
}

int
adapter_conf_option_at(const struct adapter_conf *c, size_t i,
		       struct adapter_option *ret_option)
{
	const char *name;

	if (i >= c->options)
		return -ENOENT;
	name = c->table[c->own + i].name;
	*ret_option = (struct adapter_option){
		.name = name,
		.type = c->types[i],
		.text = conf_str(c->conf, c->section, name),
		.number = conf_int(c->conf, c->section, name),
	};
	return 0;
}

int
adapter_conf_option(const struct adapter_conf *c, const char *name,
		    struct adapter_option *ret_option)
{
	for (size_t i = 0; i < c->options; i++)
		if (strcmp(c->table[c->own + i].name, name) == 0)
			return adapter_conf_option_at(c, i, ret_option);
	return -ENOENT;
}
