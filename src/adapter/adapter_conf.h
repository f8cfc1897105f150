#ifndef LANED_ADAPTER_ADAPTER_CONF_H
#define LANED_ADAPTER_ADAPTER_CONF_H

#include "base/plain/str.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/*
 * The configuration of one adapter: the common keys and, below [adapter:NAME], the options that the
 * plug-in's NAME.options.json lists. The plug-in itself is not loaded for this.
 */
#define ADAPTER_OPTIONS_MAX 64u
#define ADAPTER_PATH_BYTES 512u
#define ADAPTER_NAME_BYTES 33u
#define ADAPTER_ENDPOINT_BYTES 256u
#define ADAPTER_FRAMING_BYTES 16u

enum adapter_seccomp {
	ADAPTER_SECCOMP_ENFORCE,
	ADAPTER_SECCOMP_LOG,
	ADAPTER_SECCOMP_OFF
};

struct adapter_conf;

struct adapter_conf_ask {
	const char *name;   /* of the section */
	const char *file;   /* NULL: as every program finds it */
	const char *plugin; /* path of the .so; NULL: by configuration */
};

/*
 * 0; -EINVAL a bad name; -EBADMSG and every error on stderr; -ENOENT the file, or the plug-in's
 * options.json, is missing (stderr says which); other errno.
 */
int adapter_conf_load(const struct adapter_conf_ask *ask, struct adapter_conf **ret_conf);
struct adapter_conf *adapter_conf_free(struct adapter_conf *c);

const char *adapter_conf_name(const struct adapter_conf *c);
bool adapter_conf_enabled(const struct adapter_conf *c);
enum adapter_seccomp adapter_conf_seccomp(const struct adapter_conf *c);
/* Of one call into the plug-in, in ms. */
unsigned adapter_conf_call_limit_ms(const struct adapter_conf *c);
const char *adapter_conf_environment(const struct adapter_conf *c);
const char *adapter_conf_log_level(const struct adapter_conf *c);
const char *adapter_conf_plugin_path(const struct adapter_conf *c);
const char *adapter_conf_socket_path(const struct adapter_conf *c);

/*
 * The endpoints that the host owns; both empty: this adapter has none.
 */
struct adapter_endpoints {
	char pos[ADAPTER_ENDPOINT_BYTES], terminal[ADAPTER_ENDPOINT_BYTES];
	char framing[ADAPTER_FRAMING_BYTES];
};
const struct adapter_endpoints *adapter_conf_endpoints(const struct adapter_conf *c);
/*
 * What a bypass needs when adapter_conf_load fails: by the common keys alone, so that the plug-in and its
 * options.json may be missing. 0; -ENODATA this section names no endpoints; -EBADMSG and other errors as
 * adapter_conf_load, said on stderr.
 */
struct adapter_bare {
	struct adapter_endpoints endpoints;
	bool enabled; /* else: switched off on purpose, and the POS still wants its terminal */
	char environment[ADAPTER_FRAMING_BYTES]; /* empty: not known */
	char socket[ADAPTER_PATH_BYTES];         /* as well */
};
int adapter_conf_load_bare(const struct adapter_conf_ask *ask,
			   struct adapter_bare *ret_bare);

/* The plug-in's options: how many, and one by its name (NULL: no such). */
struct adapter_option {
	const char *name;
	uint32_t type; /* enum laned_option_type */
	const char *text;
	int64_t number;
};
size_t adapter_conf_options(const struct adapter_conf *c);
/* 0 or -ENOENT. */
int adapter_conf_option(const struct adapter_conf *c, const char *name,
			struct adapter_option *ret_option);
int adapter_conf_option_at(const struct adapter_conf *c, size_t i,
			   struct adapter_option *ret_option);

#endif
