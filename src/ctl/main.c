/* lanectl: looks at and drives a lane. main() finds the command in the tables and runs it. */
#include "base/log.h"
#include "config.h"
#include "ctl/ctl.h"

#include <signal.h>
#include <string.h>

static const struct ctl_command *const tables[] = {
	ctl_lane_commands,     ctl_reader_commands,  ctl_config_commands,
	ctl_member_commands,   ctl_offer_commands,   ctl_bio_commands,
	ctl_template_commands, ctl_payment_commands, ctl_record_commands,
	ctl_return_commands,
};
#define TABLES (sizeof(tables) / sizeof(tables[0]))

static void
usage(FILE *out)
{
	(void)fputs(
		"Usage: lanectl [--conf FILE] [--socket PATH] [--json] COMMAND ...\n\n",
		out); /* nothing to do about a closed terminal */
	for (size_t t = 0; t < TABLES; t++)
		for (const struct ctl_command *k = tables[t]; k->name != NULL; k++)
			(void)fprintf(out, "  %-18s %-34s %s\n", k->name, k->args,
				      k->summary);
	(void)fputs("\n  --json prints the whole answer as one line of JSON.\n"
		    "Exit codes: 0 done; 1 done and the answer is no; 64 usage; 65 bad "
		    "input;\n"
		    "69 laned is not reachable; 70 internal; 77 not allowed; 78 "
		    "configuration.\n",
		    out);
}

/* How many words of argv the command's name takes, 0 when it is another one. */
static int
words_match(const char *name, int argc, char **argv)
{
	int words = 0;

	while (*name != '\0') {
		size_t n = strcspn(name, " ");

		if (words == argc || strlen(argv[words]) != n ||
		    strncmp(argv[words], name, n) != 0)
			return 0;
		words++;
		name += n;
		name += *name == ' ';
	}
	return words;
}

static int
run_command(struct ctl *c, int argc, char **argv)
{
	for (size_t t = 0; t < TABLES; t++)
		for (const struct ctl_command *k = tables[t]; k->name != NULL; k++) {
			int words = words_match(k->name, argc, argv);

			if (words > 0 && ctl_flag(&argc, argv, "--help")) {
				printf("Usage: lanectl %s %s\n%s\n", k->name, k->args,
				       k->summary);
				return CTL_OK;
			}
			if (words > 0)
				return k->run(c, argc - words, argv + words);
		}
	(void)ctl_fail(CTL_USAGE, "%s: no such command; see lanectl --help", argv[0]);
	return CTL_USAGE;
}

int
main(int argc, char **argv)
{
	struct ctl c = { .json = false };
	int code;

	argc--;
	argv++;
	log_open("lanectl", LOG_WARNING);
	(void)signal(SIGPIPE, SIG_IGN); /* a lost laned is an error of the write */
	c.conf_file = ctl_option(&argc, argv, "--conf");
	c.socket = ctl_option(&argc, argv, "--socket");
	c.json = ctl_flag(&argc, argv, "--json");
	if (argc > 0 && strcmp(argv[0], "--version") == 0) {
		puts("lanectl " LANED_VERSION);
		return CTL_OK;
	}
	if (argc == 0 || strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "help") == 0) {
		usage(argc == 0 ? stderr : stdout);
		return argc == 0 ? CTL_USAGE : CTL_OK;
	}
	code = run_command(&c, argc, argv);
	ctl_close(&c);
	if (fflush(stdout) != 0 && code == CTL_OK)
		code = CTL_INTERNAL;
	return code;
}
