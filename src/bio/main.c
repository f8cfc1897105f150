/*
 * laned-bio: the only process that sees images and templates. It has no network; it connects to
 * laned and to nobody else.
 */
#include "base/daemon.h"
#include "base/keys.h"
#include "base/log.h"
#include "bio/service.h"
#include "bio/store_memory.h"
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_USAGE 64  /* sysexits: EX_USAGE */
#define EXIT_CONFIG 78 /* sysexits: EX_CONFIG */

struct options {
	const char *conf;
	int fd;
	bool check;
};

static void
usage(FILE *out)
{
	(void)fputs("Usage: laned-bio [--conf FILE] [--fd N] [-t]\n"
		    "The biometrics process of a lane: readers, extraction, gallery.\n\n"
		    "  -c, --conf FILE  configuration (default: " LANED_SYSCONFDIR
		    "/laned.conf)\n"
		    "      --fd N       talk to laned over this connected socket\n"
		    "  -t, --test       check the configuration and end\n"
		    "      --version    print the version\n"
		    "      --help       print this\n",
		    out); /* nothing to do about a closed terminal */
}

/* 0 go on, 1 done, -1 wrong usage. */
static int
parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "conf", required_argument, NULL, 'c' },
		{ "fd", required_argument, NULL, 'f' },
		{ "test", no_argument, NULL, 't' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int64_t fd = -1;
	int c;

	while ((c = getopt_long(argc, argv, "c:t", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->conf = optarg;
			break;
		case 'f':
			if (str_to_i64(str_of(optarg), &fd) < 0 || fd < 0 ||
			    fd > INT32_MAX)
				return -1;
			o->fd = (int)fd;
			break;
		case 't':
			o->check = true;
			break;
		case 'v':
			puts("laned-bio " LANED_VERSION);
			return 1;
		case 'h':
			usage(stdout);
			return 1;
		default:
			return -1;
		}
	}
	return optind == argc ? 0 : -1;
}

/*
 * A profile of which this program cannot do all is refused: it never does less than the profile
 * demands.
 */
static int
check_profile(const struct conf *conf)
{
	const char *profile = conf_str(conf, "privacy", "profile");

	if (strcmp(profile, "us_other") == 0 || strcmp(profile, "us_strict") == 0 ||
	    strcmp(profile, "us_tx") == 0 || strcmp(profile, "eu") == 0)
		return 0;
	if (strcmp(profile, "unset") == 0)
		log_err("[privacy] profile is not set; laned-bio does not start without "
			"one "
			"(us_strict, us_tx, us_other or eu; none to sell without "
			"biometrics)");
	else if (strcmp(profile, "none") == 0)
		log_notice("[privacy] profile = none: this lane uses no biometrics");
	else
		log_err("[privacy] profile = %s is not known here", profile);
	return -EPERM;
}

static int
run(const struct conf *conf, int fd)
{
	struct loop *loop = NULL;
	struct daemon *daemon = NULL;
	struct service *service = NULL;
	int rc;

	store_memory_keep();
	rc = loop_new(&loop);
	if (rc == 0)
		rc = daemon_new(loop, NULL, NULL, &daemon);
	if (rc == 0)
		rc = service_new(loop, conf, fd, &service);
	if (rc == 0) {
		daemon_ready("ready");
		rc = loop_run(loop);
		daemon_stopping();
	}
	service_free(service);
	daemon_free(daemon);
	loop_free(loop);
	return rc;
}

int
main(int argc, char **argv)
{
	struct options o = { .fd = -1 };
	struct conf *conf = NULL;
	int level = LOG_INFO;
	int rc = parse_options(argc, argv, &o);

	if (rc != 0) {
		if (rc < 0)
			usage(stderr);
		return rc < 0 ? EXIT_USAGE : EXIT_SUCCESS;
	}
	log_open("laned-bio", LOG_INFO);
	rc = daemon_harden();
	if (rc == 0 && keys_load(o.conf, &conf) < 0)
		return EXIT_CONFIG;
	if (rc == 0 && log_level_parse(conf_str(conf, "log", "level"), &level) == 0)
		log_set_level(level);
	if (rc == 0 && service_check(conf) < 0) {
		conf_free(conf);
		return EXIT_CONFIG;
	}
	if (rc == 0 && check_profile(conf) < 0) {
		/* To end well without being ready is to be started again by systemd. */
		rc = o.check && strcmp(conf_str(conf, "privacy", "profile"), "none") == 0
			     ? 0
			     : EXIT_CONFIG;
		conf_free(conf);
		return rc;
	}
	if (rc == 0 && !o.check)
		rc = run(conf, o.fd);
	conf_free(conf);
	if (rc < 0)
		log_err("cannot go on: %s", strerror(-rc));
	if (rc == -EXDEV)
		return EXIT_CONFIG; /* a cloned disk: trying again would not help */
	return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
