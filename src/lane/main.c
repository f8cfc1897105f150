/*
 * laned: the lane's coordinator. main() is the list of what exists: configuration, loop, daemon,
 * lane; and its mirror image on the way out.
 */
#include "base/daemon.h"
#include "base/keys.h"
#include "base/log.h"
#include "base/plugin_options.h"
#include "config.h"
#include "lane/lane.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_USAGE 64  /* sysexits: EX_USAGE */
#define EXIT_CONFIG 78 /* sysexits: EX_CONFIG */

struct options {
	const char *conf;
	int bio_fd, adapter_fd, control_fd;
	bool check, template, mdoc;
};

static void
usage(FILE *out)
{
	(void)fputs(
		"Usage: laned [--conf FILE] [-t]\n"
		"The coordinator of a lane: checkout, members, prices, payments.\n\n"
		"  -c, --conf FILE      configuration (default: " LANED_SYSCONFDIR
		"/laned.conf)\n"
		"  -t, --test           check the configuration and end\n"
		"      --bio-fd N       laned-bio is at the other end of this socket\n"
		"      --fd N           the first adapter is at the other end\n"
		"      --control-fd N   a control client is at the other end\n"
		"      --print-template print the commented configuration file\n"
		"      --print-mdoc     print the keys as mdoc(7), for the manual page\n"
		"      --version        print the version\n"
		"      --help           print this\n",
		out); /* nothing to do about a closed terminal */
}

static int
parse_fd(const char *text, int *ret_fd)
{
	int64_t fd;

	if (str_to_i64(str_of(text), &fd) < 0 || fd < 0 || fd > INT32_MAX)
		return -1;
	*ret_fd = (int)fd;
	return 0;
}

/* 0 go on, 1 done, -1 wrong usage. */
static int
parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "conf", required_argument, NULL, 'c' },
		{ "test", no_argument, NULL, 't' },
		{ "bio-fd", required_argument, NULL, 'b' },
		{ "fd", required_argument, NULL, 'f' },
		{ "control-fd", required_argument, NULL, 'C' },
		{ "print-template", no_argument, NULL, 'T' },
		{ "print-mdoc", no_argument, NULL, 'M' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c, rc = 0;

	while (rc == 0 && (c = getopt_long(argc, argv, "c:t", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->conf = optarg;
			break;
		case 't':
			o->check = true;
			break;
		case 'b':
			rc = parse_fd(optarg, &o->bio_fd);
			break;
		case 'f':
			rc = parse_fd(optarg, &o->adapter_fd);
			break;
		case 'C':
			rc = parse_fd(optarg, &o->control_fd);
			break;
		case 'T':
			o->template = true;
			break;
		case 'M':
			o->mdoc = true;
			break;
		case 'v':
			puts("laned " LANED_VERSION);
			return 1;
		case 'h':
			usage(stdout);
			return 1;
		default:
			return -1;
		}
	}
	return rc == 0 && optind == argc ? 0 : -1;
}

static void
on_reload(void *ctx)
{
	struct lane **lane = ctx;

	if (*lane != NULL)
		(void)lane_reload(*lane); /* logged there; the old configuration stands */
}

/* What keys_load leaves open. 0 or less than it; stderr says what is wrong. */
static int
check(const struct conf *conf, const char *file)
{
	struct conf_errors *errors = calloc(1, sizeof(*errors));
	int rc = errors == NULL ? -ENOMEM : keys_check_zone(conf, errors);

	if (rc == -EBADMSG)
		conf_error_print(&errors->list[0], stderr);
	free(errors);
	keys_meaningless(conf, keys_print_meaningless, stderr);
	return rc < 0 ? rc : plugin_options_check(conf, file);
}

static int
run(const struct options *o, struct conf *conf)
{
	struct lane_options lo = { .conf = conf,
				   .conf_file = o->conf,
				   .bio_fd = o->bio_fd,
				   .adapter_fd = o->adapter_fd,
				   .control_fd = o->control_fd };
	struct daemon *daemon = NULL;
	struct loop *loop = NULL;
	struct lane *lane = NULL;
	int rc = loop_new(&loop);

	if (rc == 0)
		rc = daemon_new(loop, on_reload, &lane, &daemon);
	if (rc < 0) {
		conf_free(conf);
	} else {
		lo.loop = loop;
		rc = lane_new(&lo, &lane);
	}
	if (rc == 0) {
		log_notice("lane is open");
		daemon_ready("lane is open");
		rc = loop_run(loop);
		daemon_stopping();
	}
	lane_free(lane);
	daemon_free(daemon);
	loop_free(loop);
	return rc;
}

int
main(int argc, char **argv)
{
	struct options o = { .bio_fd = -1, .adapter_fd = -1, .control_fd = -1 };
	struct conf *conf = NULL;
	int level = LOG_INFO;
	int rc = parse_options(argc, argv, &o);

	if (rc != 0) {
		if (rc < 0)
			usage(stderr);
		return rc < 0 ? EXIT_USAGE : EXIT_SUCCESS;
	}
	if (o.template || o.mdoc) {
		rc = o.template ? conf_write_template(keys_table, keys_count, stdout)
				: conf_write_mdoc(keys_table, keys_count, stdout);
		return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	}
	log_open("laned", LOG_INFO);
	rc = daemon_harden();
	if (rc == 0 && keys_load(o.conf, &conf) < 0)
		return EXIT_CONFIG;
	if (rc == 0 && log_level_parse(conf_str(conf, "log", "level"), &level) == 0)
		log_set_level(level);
	if (rc == 0 && o.check) {
		rc = check(conf, o.conf);
		conf_free(conf);
		return rc < 0 ? EXIT_CONFIG : EXIT_SUCCESS;
	}
	if (rc == 0)
		rc = run(&o, conf);
	if (rc < 0)
		log_err("cannot go on: %s", strerror(-rc));
	return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
