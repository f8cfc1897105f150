/* laned-adapter: one process, one plug-in. docs/adapters.md. */
#include "config.h"

#include "adapter/conform.h"
#include "adapter/endpoints_kept.h"
#include "adapter/plugin_describe.h"
#include "adapter/plugin_load.h"
#include "adapter/serve.h"
#include "base/daemon.h"
#include "base/log.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DESCRIBE_BYTES_MAX (256u * 1024u)
#define EXIT_USAGE 64  /* sysexits: EX_USAGE, as in the other programs */
#define EXIT_CONFIG 78 /* sysexits: EX_CONFIG: systemd does not start it again */
#define RUN_AGAIN (-1) /* no exit status: the configuration can be used by now */

struct arguments {
	struct adapter_conf_ask ask;
	const char *socket, *describe, *level, *state;
	struct conform_options conform;
	int fd;
	bool test, keep;
};

static void
usage(FILE *out)
{
	fputs("usage: laned-adapter --name NAME [--conf FILE] [--plugin FILE.so]\n"
	      "                     [--socket PATH | --fd N] [--state FOLDER]\n"
	      "                     [--log-level WORD]\n"
	      "       laned-adapter -t --name NAME [--conf FILE] [--plugin FILE.so]\n"
	      "       laned-adapter --keep --name NAME [--conf FILE] [--state FOLDER]\n"
	      "       laned-adapter --describe FILE.so\n"
	      "       laned-adapter --conform FILE.so [--set NAME=VALUE]... [--check "
	      "NAME]\n"
	      "                     [--protocol NAME] [--limit SECONDS] [--json | "
	      "--junit]\n"
	      "       laned-adapter --conform-list\n"
	      "\n"
	      "Runs the adapter plug-in of section [adapter:NAME] for laned.\n"
	      "\n"
	      "  --name NAME       the section of the configuration\n"
	      "  --conf FILE       instead of " LANED_SYSCONFDIR
	      "/laned.conf and its folder\n"
	      "  --plugin FILE.so  instead of the configured one; FILE.options.json "
	      "beside it\n"
	      "  --socket PATH     instead of the run folder's adapter-NAME.sock\n"
	      "  --fd N            a connected socket to laned\n"
	      "  --state FOLDER    where --keep keeps the endpoints; where they are read "
	      "from when\n"
	      "                    the configuration is broken\n"
	      "  --log-level WORD  err, warning, notice, info or debug\n"
	      "  -t                check the configuration, load nothing, and say what "
	      "is wrong\n"
	      "  --keep            keep the endpoints of the configuration for such a "
	      "time, and end\n"
	      "  --describe FILE   print the plug-in's options.json\n"
	      "  --conform FILE    run the conformance kit on the plug-in and report\n"
	      "  --set NAME=VALUE  an option of the plug-in, for the kit\n"
	      "  --check NAME      one check of the kit; --conform-list names them\n"
	      "  --protocol NAME   the peer that the kit plays, if not by the plug-in's "
	      "name\n"
	      "  --limit SECONDS   of each check (60)\n"
	      "  --json, --junit   the kit's report in that form\n"
	      "  --help, --version\n"
	      "\n"
	      "Exit status: 0 done, 1 failed, 64 wrong usage, 78 configuration.\n",
	      out);
}

static int
parse_fd(const char *text, int *ret_fd)
{
	int64_t n;

	if (str_to_i64(str_of(text), &n) < 0 || n < 0 || n > 65535)
		return -EINVAL;
	*ret_fd = (int)n;
	return 0;
}

enum {
	OPTION_NAME = 256,
	OPTION_CONF,
	OPTION_PLUGIN,
	OPTION_SOCKET,
	OPTION_FD,
	OPTION_LEVEL,
	OPTION_STATE,
	OPTION_KEEP,
	OPTION_DESCRIBE,
	OPTION_CONFORM,
	OPTION_CONFORM_LIST,
	OPTION_SET,
	OPTION_CHECK,
	OPTION_PROTOCOL,
	OPTION_LIMIT,
	OPTION_JSON,
	OPTION_JUNIT,
	OPTION_HELP,
	OPTION_VERSION
};

static int
parse_limit(const char *text, int *ret_ms)
{
	int64_t s;

	if (str_to_i64(str_of(text), &s) < 0 || s < 1 || s > 3600)
		return -EINVAL;
	*ret_ms = (int)s * 1000;
	return 0;
}

/* Takes one option of the conformance kit. -1: go on; else the exit status. */
static int
take_conform(int option, struct conform_options *c)
{
	switch (option) {
	case OPTION_CONFORM:
		c->path = optarg;
		return -1;
	case OPTION_CONFORM_LIST:
		conform_list(stdout);
		return EXIT_SUCCESS;
	case OPTION_SET:
		if (c->settings_count == CONFORM_OPTIONS_MAX)
			return EXIT_USAGE;
		c->settings[c->settings_count++] = optarg;
		return -1;
	case OPTION_CHECK:
		c->only = optarg;
		return -1;
	case OPTION_PROTOCOL:
		c->protocol = optarg;
		return -1;
	case OPTION_LIMIT:
		return parse_limit(optarg, &c->limit_ms) < 0 ? EXIT_USAGE : -1;
	case OPTION_JSON:
		c->form = CONFORM_JSON;
		return -1;
	case OPTION_JUNIT:
		c->form = CONFORM_JUNIT;
		return -1;
	default:
		return EXIT_USAGE;
	}
}

/* Takes one option. -1: go on; else the exit status. */
static int
take_option(int option, struct arguments *a)
{
	switch (option) {
	case OPTION_NAME:
		a->ask.name = optarg;
		return -1;
	case OPTION_CONF:
		a->ask.file = optarg;
		return -1;
	case OPTION_PLUGIN:
		a->ask.plugin = optarg;
		return -1;
	case OPTION_SOCKET:
		a->socket = optarg;
		return -1;
	case OPTION_FD:
		return parse_fd(optarg, &a->fd) < 0 ? EXIT_USAGE : -1;
	case OPTION_LEVEL:
		a->level = optarg;
		return -1;
	case OPTION_STATE:
		a->state = optarg;
		return -1;
	case OPTION_DESCRIBE:
		a->describe = optarg;
		return -1;
	case OPTION_KEEP:
		a->keep = true;
		return -1;
	case 't':
		a->test = true;
		return -1;
	case OPTION_HELP:
		usage(stdout);
		return EXIT_SUCCESS;
	case OPTION_VERSION:
		printf("laned-adapter %s, ABI %u.%u\n", LANED_VERSION, LANED_ABI_MAJOR,
		       LANED_ABI_MINOR);
		return EXIT_SUCCESS;
	default:
		return take_conform(option, &a->conform);
	}
}

/* -1: go on; else the exit status. */
static int
parse_arguments(int argc, char **argv, struct arguments *a)
{
	static const struct option options[] = {
		{ "name", required_argument, NULL, OPTION_NAME },
		{ "conf", required_argument, NULL, OPTION_CONF },
		{ "plugin", required_argument, NULL, OPTION_PLUGIN },
		{ "socket", required_argument, NULL, OPTION_SOCKET },
		{ "fd", required_argument, NULL, OPTION_FD },
		{ "log-level", required_argument, NULL, OPTION_LEVEL },
		{ "state", required_argument, NULL, OPTION_STATE },
		{ "keep", no_argument, NULL, OPTION_KEEP },
		{ "describe", required_argument, NULL, OPTION_DESCRIBE },
		{ "conform", required_argument, NULL, OPTION_CONFORM },
		{ "conform-list", no_argument, NULL, OPTION_CONFORM_LIST },
		{ "set", required_argument, NULL, OPTION_SET },
		{ "check", required_argument, NULL, OPTION_CHECK },
		{ "protocol", required_argument, NULL, OPTION_PROTOCOL },
		{ "limit", required_argument, NULL, OPTION_LIMIT },
		{ "json", no_argument, NULL, OPTION_JSON },
		{ "junit", no_argument, NULL, OPTION_JUNIT },
		{ "help", no_argument, NULL, OPTION_HELP },
		{ "version", no_argument, NULL, OPTION_VERSION },
		{ NULL, 0, NULL, 0 },
	};
	int option, rc = -1;

	while (rc < 0 && (option = getopt_long(argc, argv, "t", options, NULL)) != -1)
		rc = take_option(option, a);
	if (rc < 0 && (optind < argc || (a->ask.name == NULL && a->describe == NULL &&
					 a->conform.path == NULL)))
		rc = EXIT_USAGE;
	if (rc == EXIT_USAGE)
		usage(stderr);
	return rc;
}

static int
describe(const char *path)
{
	char why[PLUGIN_WHY_BYTES] = "", with_slash[ADAPTER_PATH_BYTES];
	struct json_out *o = json_out_new(DESCRIBE_BYTES_MAX);
	struct plugin *p = NULL;
	struct strbuf b;
	struct str text;
	int rc = -ENOMEM;

	strbuf_init(&b, with_slash, sizeof(with_slash));
	strbuf_addf(&b, "%s%s", strchr(path, '/') == NULL ? "./" : "", path);
	if (o != NULL && !b.truncated)
		rc = plugin_load(with_slash, &p, why);
	if (rc < 0) {
		fprintf(stderr, "%s: %s\n", path, why);
	} else {
		plugin_describe(o, plugin_table(p));
		rc = json_out_text(o, &text);
		if (rc == 0)
			printf("%.*s\n", (int)text.n, text.p);
		if (fflush(stdout) != 0)
			rc = -errno;
	}
	plugin_free(p);
	json_out_free(o);
	return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int
conform(const struct conform_options *asked)
{
	struct conform_options o = *asked;
	char with_slash[ADAPTER_PATH_BYTES], why[PLUGIN_WHY_BYTES] = "";
	struct plugin_elf elf;
	struct strbuf b;
	bool own;
	int rc;

	strbuf_init(&b, with_slash, sizeof(with_slash));
	strbuf_addf(&b, "%s%s", strchr(o.path, '/') == NULL ? "./" : "", o.path);
	if (b.truncated)
		return EXIT_USAGE;
	o.path = with_slash;
	/* What is no plug-in at all is said once, and not by each check. */
	if (plugin_check(o.path, &elf, &own, why) < 0) {
		fprintf(stderr, "%s: %s\n", asked->path, why);
		return EXIT_FAILURE;
	}
	rc = conform_run(&o, stdout);
	if (rc == -ENOENT) {
		fprintf(stderr, "no such check or protocol; see --conform-list\n");
		return EXIT_USAGE;
	}
	if (rc < 0)
		fprintf(stderr, "the kit cannot run: %s\n", strerror(-rc));
	return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Joins the POS, if there is one, to the terminal, without a plug-in. */
static int
run_joined(const struct arguments *a, const struct serve_options *o,
	   const struct adapter_bare *bare)
{
	int rc;

	if (daemon_harden() < 0) {
		log_err("the process cannot be hardened");
		return EXIT_FAILURE;
	}
	rc = serve_bypass(&a->ask, bare, o);
	if (rc == SERVE_AGAIN)
		return RUN_AGAIN;
	return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/*
 * The configuration, or the plug-in's options.json, cannot be used; stderr has why. The POS is joined to
 * the terminal all the same, by what is still known: the section's endpoints, or those that were kept.
 */
static int
run_without(const struct arguments *a, const struct serve_options *o)
{
	struct adapter_bare bare = { .environment = "" };
	char buf[ADAPTER_PATH_BYTES];
	const char *kept = a->state;
	int rc = adapter_conf_load_bare(&a->ask, &bare);

	if (rc == -ENODATA) /* it is readable, and has no endpoints */
		return EXIT_CONFIG;
	if (rc < 0) {
		bare.enabled = true; /* nobody has said that it is not */
		if (kept == NULL)
			kept = endpoints_kept_folder("CREDENTIALS_DIRECTORY", buf);
		rc = endpoints_kept_get(kept, &bare.endpoints);
	}
	if (rc < 0)
		return EXIT_CONFIG;
	log_open("laned-adapter", LOG_INFO);
	return run_joined(a, o, &bare);
}

/*
 * Somebody has switched this adapter off. That is no failure; and where it stands between a POS and a
 * terminal, the POS still wants the terminal. It does not end: a status that says "off" to systemd could
 * be a plug-in's, too, and the POS would be alone.
 */
static int
run_off(const struct arguments *a, const struct serve_options *o,
	const struct adapter_conf *c)
{
	struct adapter_bare bare = { .endpoints = *adapter_conf_endpoints(c) };

	log_notice("[adapter:%s] is not enabled", adapter_conf_name(c));
	return run_joined(a, o, &bare);
}

static int
run_with(const struct arguments *a, const struct serve_options *o,
	 const struct adapter_conf *c)
{
	int level = LOG_INFO;

	if (log_level_parse(a->level != NULL ? a->level : adapter_conf_log_level(c),
			    &level) < 0) {
		usage(stderr);
		return EXIT_USAGE;
	}
	log_open("laned-adapter", level);
	if (!adapter_conf_enabled(c))
		return run_off(a, o, c);
	if (daemon_harden() < 0) {
		log_err("the process cannot be hardened");
		return EXIT_FAILURE;
	}
	return serve_adapter(c, o) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int
run(const struct arguments *a)
{
	struct serve_options o = { .socket = a->socket, .fd = a->fd };
	struct adapter_conf *c = NULL;
	int rc;

	do {
		rc = adapter_conf_load(&a->ask, &c) == 0 ? run_with(a, &o, c)
							 : run_without(a, &o);
		c = adapter_conf_free(c);
	} while (rc == RUN_AGAIN);
	return rc;
}

/*
 * The endpoints as the configuration has them, for a time when it cannot be read; what cannot be read
 * leaves those of before.
 */
static int
keep(const struct arguments *a)
{
	char buf[ADAPTER_PATH_BYTES];
	const char *folder = a->state;
	struct adapter_bare bare;
	int rc = adapter_conf_load_bare(&a->ask, &bare);

	if (rc < 0 && rc != -ENODATA)
		return EXIT_CONFIG;
	if (folder == NULL)
		folder = endpoints_kept_folder("STATE_DIRECTORY", buf);
	rc = rc == 0 ? endpoints_kept_put(folder, &bare.endpoints)
		     : endpoints_kept_drop(folder);
	if (rc == 0)
		return EXIT_SUCCESS;
	fprintf(stderr, "the endpoints cannot be kept in %s: %s\n",
		folder == NULL ? "no folder" : folder, strerror(-rc));
	return EXIT_FAILURE;
}

/* The configuration, and whether its plug-in may be loaded; nothing of it is run. */
static int
check(const struct arguments *a)
{
	char why[PLUGIN_WHY_BYTES] = "";
	struct adapter_conf *c = NULL;
	struct plugin_elf elf;
	bool own;
	int rc;

	if (adapter_conf_load(&a->ask, &c) < 0)
		return EXIT_CONFIG;
	rc = plugin_check(adapter_conf_plugin_path(c), &elf, &own, why);
	if (rc < 0)
		fprintf(stderr, "%s cannot be loaded: %s\n", adapter_conf_plugin_path(c),
			why);
	else
		printf("[adapter:%s] is right\n", adapter_conf_name(c));
	adapter_conf_free(c);
	return rc < 0 ? EXIT_CONFIG : EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
	struct arguments a = { .fd = -1 };
	int rc = parse_arguments(argc, argv, &a);

	if (rc >= 0)
		return rc;
	if (a.describe != NULL)
		return describe(a.describe);
	if (a.conform.path != NULL)
		return conform(&a.conform);
	if (a.keep)
		return keep(&a);
	return a.test ? check(&a) : run(&a);
}
