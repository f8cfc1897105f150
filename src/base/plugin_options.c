#include "base/plugin_options.h"

#include "base/typing_setting.h"
#include "base/address.h"
#include "base/files.h"
#include "base/json.h"
#include "base/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPTIONS_BYTES_MAX (256u * 1024u)
#define ARENA_BYTES_MAX (4u * 1024u * 1024u)
#define OWN_MAX 16u /* rows of adapter:* in the common table */
#define COMMON_MAX 256u
#define SECTION_PATTERN "adapter:*"

int
plugin_own_keys(const char *section, struct conf_key *rows, size_t max, size_t *ret_count)
{
	size_t count = 0;

	for (size_t i = 0; i < keys_count; i++) {
		if (strcmp(keys_table[i].section, SECTION_PATTERN) != 0 ||
		    strcmp(keys_table[i].name, "*") == 0)
			continue;
		if (count == max)
			return -E2BIG;
		rows[count] = keys_table[i];
		rows[count++].section = section;
	}
	*ret_count = count;
	return 0;
}

enum conf_type
plugin_option_conf_type(struct str name)
{
	static const struct {
		const char *name;
		enum conf_type type;
	} types[] = {
		{ "int", CONF_INT },   { "bool", CONF_BOOL },
		{ "enum", CONF_ENUM }, { "duration", CONF_DURATION },
		{ "dir", CONF_PATH },
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (str_is(name, types[i].name))
			return types[i].type;
	return CONF_STRING;
}

/* A member that may be missing, as a NUL-terminated text. */
static int
optional_text(const struct value *row, const char *name, const char **ret_text)
{
	struct str s = { NULL, 0 };
	int rc = value_get_str(row, name, OPTIONS_BYTES_MAX, &s);

	if (rc == -ENOENT)
		return 0;
	if (rc == 0)
		*ret_text = s.p;
	return rc;
}

/* One row of options.json as a row of the key table. 0 or -EPROTO. */
static int
add_option(struct plugin_options *o, const char *section, const struct value *row)
{
	struct conf_key k = { .section = section };
	struct str name, type, help;
	char what[256];
	int64_t number;

	if (o->count == PLUGIN_OPTIONS_MAX)
		return -EPROTO;
	if (value_get_str(row, "name", 32, &name) < 0 || name.n == 0 ||
	    value_get_str(row, "type", 32, &type) < 0 || type.n == 0 ||
	    value_get_str(row, "help", 4000, &help) < 0 ||
	    value_get_int(row, "min", INT64_MIN, INT64_MAX, &k.min) < 0 ||
	    value_get_int(row, "max", INT64_MIN, INT64_MAX, &k.max) < 0 ||
	    optional_text(row, "def", &k.def) < 0 ||
	    optional_text(row, "choices", &k.choices) < 0)
		return -EPROTO;
	k.name = name.p;
	k.help = help.p;
	k.type = plugin_option_conf_type(type);
	if (k.type == CONF_ENUM && k.choices == NULL)
		return -EPROTO;
	/* Asserted later, as of a table of our own. */
	if (k.def != NULL && conf_value_parse(&k, k.def, &number, what) < 0)
		return -EPROTO;
	for (size_t i = 0; i < o->count; i++)
		if (strcmp(o->rows[i].name, k.name) == 0)
			return -EPROTO;
	o->type_names[o->count] = type.p;
	o->rows[o->count++] = k;
	return 0;
}

static bool
has_cap(const struct value *root, const char *name)
{
	const struct value *caps;

	if (value_get_array(root, "caps", &caps) < 0)
		return false;
	for (const struct value *v = caps->first; v != NULL; v = v->next)
		if (v->kind == VALUE_STRING && str_is(v->s, name))
			return true;
	return false;
}

static int
add_options(struct plugin_options *o, const char *section, const struct value *root)
{
	const struct value *options;
	int64_t v;
	int rc;

	o->terminal = has_cap(root, "terminal") || has_cap(root, "pass-through");
	o->basket = has_cap(root, "basket-live") || has_cap(root, "basket-at-tender") ||
		    has_cap(root, "total");
	o->saving = has_cap(root, "discount-lines") || has_cap(root, "discount-amount") ||
		    has_cap(root, "coupon-out");
	if (value_get_int(root, "v", 1, 1, &v) < 0 ||
	    value_get_array(root, "options", &options) < 0)
		return -EPROTO;
	for (const struct value *row = options->first; row != NULL; row = row->next) {
		rc = add_option(o, section, row);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* X.so -> X.options.json. */
static int
options_path(const char *plugin, char path[PLUGIN_PATH_BYTES])
{
	size_t n = strlen(plugin);
	struct strbuf b;

	if (n < 4 || strcmp(plugin + n - 3, ".so") != 0)
		return -EINVAL;
	strbuf_init(&b, path, PLUGIN_PATH_BYTES);
	strbuf_add(&b, (struct str){ plugin, n - 3 });
	strbuf_addf(&b, ".options.json");
	return b.truncated ? -ENAMETOOLONG : 0;
}

/* A whole file by its path. As files_read. */
static int
read_path(const char *path, struct arena *arena, struct str *ret_text)
{
	const char *slash = strrchr(path, '/');
	char folder[PLUGIN_PATH_BYTES] = ".";
	int fd, rc = 0;

	if (slash != NULL)
		rc = str_copy(folder, sizeof(folder),
			      (struct str){ path, (size_t)(slash - path) + 1 });
	if (rc < 0)
		return rc;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	rc = files_read(fd, slash == NULL ? path : slash + 1, OPTIONS_BYTES_MAX, arena,
			ret_text);
	(void)close(fd); /* a folder */
	return rc;
}

int
plugin_options_read(const char *plugin, const char *section, struct arena *arena,
		    struct plugin_options *ret_options)
{
	struct json_error error = { 1, 1, "" };
	char path[PLUGIN_PATH_BYTES];
	const struct value *root = NULL;
	struct str text = { "", 0 };
	int rc = options_path(plugin, path);

	ret_options->count = 0;
	ret_options->terminal = ret_options->basket = ret_options->saving = false;
	if (rc < 0) {
		fprintf(stderr, "%s: a plug-in's name ends in .so\n", plugin);
		return rc;
	}
	rc = read_path(path, arena, &text);
	if (rc == -ENOENT && access(plugin, F_OK) < 0) {
		fprintf(stderr,
			"%s: there is no such plug-in; [%s] plugin names another\n",
			plugin, section);
		return rc;
	}
	if (rc < 0) {
		fprintf(stderr, "%s: %s; laned-adapter --describe %s writes it\n", path,
			strerror(-rc), plugin);
		return rc;
	}
	rc = json_parse(arena, text, 0, &root, &error);
	if (rc == 0)
		rc = add_options(ret_options, section, root);
	if (rc == -EBADMSG)
		fprintf(stderr, "%s:%u:%u: %s\n", path, (unsigned)error.line,
			(unsigned)error.column, error.what);
	else if (rc < 0)
		fprintf(stderr, "%s: it does not describe a plug-in's options\n", path);
	return rc;
}

/* rc of what was found about an address, said with its place. */
static int
say_address(const struct conf *c, const char *section, const char *name, int rc,
	    const char *why)
{
	if (rc == 0)
		return 0;
	fprintf(stderr, "%s: [%s] %s: %s\n", conf_origin(c, section, name), section, name,
		why);
	return -EBADMSG;
}

int
plugin_address_check(const struct conf *c, const char *section, const char *name)
{
	const char *text = conf_str(c, section, name);
	char why[ADDRESS_WHY_BYTES] = "", why_typing[TYPING_WHY_BYTES] = "";
	struct typing_setting t;
	struct address a;

	if (text[0] == '\0')
		return 0;
	if (typing_setting_is(str_of(text)))
		return say_address(c, section, name,
				   typing_setting_parse(str_of(text), &t, why_typing),
				   why_typing);
	return say_address(c, section, name, address_parse(str_of(text), &a, why), why);
}

static int
check_endpoint(const struct conf *c, const char *section, const char *name, bool listen,
	       struct address *ret_address)
{
	const char *text = conf_str(c, section, name);
	char why[ADDRESS_WHY_BYTES] = "";
	int rc = address_parse(str_of(text), ret_address, why);

	if (rc == 0)
		rc = address_check(ret_address, listen, why);
	return say_address(c, section, name, rc, why);
}

/* Then the host would connect to itself, and again, until nothing is left. */
static bool
is_same_place(const struct address *a, const struct address *b)
{
	bool inet = a->kind == ADDRESS_TCP || a->kind == ADDRESS_TLS;

	if (inet != (b->kind == ADDRESS_TCP || b->kind == ADDRESS_TLS))
		return false;
	return inet ? a->port == b->port && strcmp(a->host, b->host) == 0
		    : strcmp(a->path, b->path) == 0;
}

int
plugin_endpoints_check(const struct conf *c, const char *section, bool wanted)
{
	bool pos = conf_str(c, section, "pos")[0] != '\0';
	bool terminal = conf_str(c, section, "terminal")[0] != '\0';
	struct address from, to;
	int rc;

	if (!pos && !terminal && !wanted)
		return 0;
	if (!pos || !terminal) {
		fprintf(stderr,
			"%s: [%s] %s: must be set: this adapter stands between the POS "
			"and "
			"a terminal, and the host joins the two when it has to\n",
			conf_origin(c, section, pos ? "pos" : "terminal"), section,
			pos ? "terminal" : "pos");
		return -EBADMSG;
	}
	rc = check_endpoint(c, section, "pos", true, &from);
	if (rc == 0)
		rc = check_endpoint(c, section, "terminal", false, &to);
	if (rc == 0 && is_same_place(&from, &to))
		rc = say_address(c, section, "terminal", -EINVAL,
				 "it is the same as pos: the host would meet itself");
	return rc;
}

/* ---- the check ------------------------------------------------------------- */

/* One adapter's table: its own keys, its plug-in's, and the common ones. */
struct table {
	struct conf_key rows[OWN_MAX + PLUGIN_OPTIONS_MAX + COMMON_MAX];
	size_t count;
	struct plugin_options options;
	/* Of all that were looked at: baskets come in, savings can go out; not all are installed. */
	bool basket, saving, unseen;
};

static int
check_by_table(const struct table *t, const char *section, const char *file_given)
{
	struct conf_errors *errors = calloc(1, sizeof(*errors));
	char file[KEYS_PATH_BYTES], dir[KEYS_PATH_BYTES];
	struct conf *conf = NULL;
	int rc;

	if (errors == NULL)
		return -ENOMEM;
	keys_paths(file_given, file, dir);
	rc = conf_load(t->rows, t->count, file, dir[0] == '\0' ? NULL : dir, errors,
		       &conf);
	for (uint32_t i = 0; rc == -EBADMSG && i < errors->count; i++)
		conf_error_print(&errors->list[i], stderr);
	for (size_t i = 0; rc == 0 && i < t->options.count; i++)
		if (strcmp(t->options.type_names[i], "address") == 0)
			rc = plugin_address_check(conf, section, t->options.rows[i].name);
	if (rc == 0)
		rc = plugin_endpoints_check(conf, section, t->options.terminal);
	(void)conf_free(conf); /* gives NULL */
	free(errors);
	return rc;
}

static int
check_one(const struct conf *common, const char *name, const char *file, struct table *t)
{
	char section[64], plugin[PLUGIN_PATH_BYTES];
	struct arena *arena = arena_new(ARENA_BYTES_MAX);
	const char *configured;
	struct strbuf b;
	int rc;

	if (arena == NULL)
		return -ENOMEM;
	strbuf_init(&b, section, sizeof(section));
	strbuf_addf(&b, "adapter:%s", name); /* names are short */
	configured = conf_str(common, section, "plugin");
	if (strchr(configured, '/') != NULL) {
		fprintf(stderr, "[%s] plugin: a name without a slash, please\n", section);
		arena_free(arena);
		return -EBADMSG;
	}
	strbuf_init(&b, plugin, sizeof(plugin));
	strbuf_addf(&b, "%s/%s.so", conf_str(common, "paths", "adapters"),
		    configured[0] == '\0' ? name : configured);
	rc = plugin_own_keys(section, t->rows, OWN_MAX, &t->count);
	if (rc == 0)
		rc = plugin_options_read(plugin, section, arena, &t->options);
	if (rc == 0) {
		memcpy(&t->rows[t->count], t->options.rows,
		       t->options.count * sizeof(t->rows[0]));
		t->count += t->options.count;
		memcpy(&t->rows[t->count], keys_table, keys_count * sizeof(t->rows[0]));
		t->count += keys_count;
		rc = check_by_table(t, section, file);
	}
	t->basket = t->basket || (rc == 0 && t->options.basket);
	t->saving = t->saving || (rc == 0 && t->options.saving);
	t->unseen = t->unseen || rc == -ENOENT;
	if (rc == -ENOENT)
		fprintf(stderr, "warning: the options in [%s] are not checked\n",
			section);
	arena_free(arena);
	return rc == -ENOENT ? 0 : rc; /* said; another machine may have it */
}

/* A price of ours that the POS cannot be told would be shown and never charged. */
static int
check_price(const struct conf *common, const struct table *t)
{
	if (!t->basket || t->saving || t->unseen ||
	    strcmp(conf_str(common, "pricing", "price"), "ours") != 0)
		return 0;
	fprintf(stderr,
		"%s: [pricing] price: ours, and no adapter of this lane can carry a "
		"saving to the POS; right is pos\n",
		conf_origin(common, "pricing", "price"));
	return -EBADMSG;
}

int
plugin_options_check(const struct conf *common, const char *file)
{
	struct table *t = calloc(1, sizeof(*t));
	const char *name;
	int rc = t == NULL || keys_count > COMMON_MAX ? -ENOMEM : 0;

	for (size_t i = 0; rc == 0; i++) {
		char section[64];
		struct strbuf b;

		name = conf_instance(common, SECTION_PATTERN, i);
		if (name == NULL)
			break;
		strbuf_init(&b, section, sizeof(section));
		strbuf_addf(&b, "adapter:%s", name); /* names are short */
		if (strcmp(conf_str(common, section, "enabled"), "yes") == 0)
			rc = check_one(common, name, file, t);
	}
	if (rc == 0)
		rc = check_price(common, t);
	free(t);
	return rc;
}
