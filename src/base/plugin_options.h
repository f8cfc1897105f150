#ifndef LANED_BASE_PLUGIN_OPTIONS_H
#define LANED_BASE_PLUGIN_OPTIONS_H

#include "base/conf.h"
#include "base/plain/arena.h"

/*
 * The options of a plug-in as X.options.json beside X.so lists them (laned-adapter --describe makes
 * it), read without loading the plug-in: rows for a table of configuration keys.
 */
#define PLUGIN_OPTIONS_MAX 64u
#define PLUGIN_PATH_BYTES 512u

struct plugin_options {
	struct conf_key rows[PLUGIN_OPTIONS_MAX]; /* of one section */
	const char *type_names
		[PLUGIN_OPTIONS_MAX]; /* "int", "dir" ... as the file has them */
	size_t count;
	bool terminal; /* it poses as a terminal, or passes through to one: needs endpoints */
	bool basket; /* it brings baskets, or their totals */
	bool saving; /* it can carry a saving of ours to the POS */
};

/* What "int", "dir" ... is to a table of keys. What is no number, word or folder is a text, whose format
 * is the plug-in's own business. */
enum conf_type plugin_option_conf_type(struct str type_name);

/* The keys of adapter:* that are the host's own, as keys of section. 0 or -E2BIG (more than max). */
int plugin_own_keys(const char *section, struct conf_key *rows, size_t max,
		    size_t *ret_count);

/*
 * Reads the options of the plug-in at path (".../X.so"). section and what is read live as long as
 * arena. 0; -EINVAL no such name of a plug-in; -ENOENT there is no X.options.json; -EPROTO,
 * -EBADMSG it is none; other errno. What is wrong is said on stderr.
 */
int plugin_options_read(const char *path, const char *section, struct arena *arena,
			struct plugin_options *ret_options);

/*
 * An option of type "address" as the configuration has it; empty is none. 0; -EBADMSG, said on stderr with
 * the place.
 */
int plugin_address_check(const struct conf *c, const char *section, const char *name);
/*
 * The endpoints of section as the configuration has them: pos and terminal, both or none, addresses
 * that can be listened on and opened; wanted: they must be there. 0; -EBADMSG, said on stderr with the
 * place.
 */
int plugin_endpoints_check(const struct conf *c, const char *section, bool wanted);

/*
 * Checks every enabled adapter of a configuration that was read by the common keys against its
 * plug-in's options, and that one of them can carry the savings of [pricing] price = ours. file as
 * keys_load. 0; -EBADMSG and every error on stderr. A plug-in that is not installed is said there, too,
 * and is no error of the configuration.
 */
int plugin_options_check(const struct conf *common, const char *file);

#endif
