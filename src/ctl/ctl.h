#ifndef LANED_CTL_CTL_H
#define LANED_CTL_CTL_H

#include "base/conf.h"
#include "base/rpc.h"

#include <stdbool.h>
#include <stdio.h>

/* lanectl: what the commands share. A command returns one of these. */
enum ctl_exit {
	CTL_OK = 0,
	CTL_NO = 1,     /* done, and the answer is no: a check failed, nothing found */
	CTL_USAGE = 64, /* wrong options */
	CTL_DATA = 65,  /* an input file has errors; nothing was changed */
	CTL_UNREACHABLE = 69, /* laned is not running or does not answer */
	CTL_INTERNAL = 70,    /* out of memory, input or output error */
	CTL_DENIED = 77,      /* the role of this user does not allow it */
	CTL_CONFIG = 78       /* the configuration has errors */
};

struct ctl {
	const char *conf_file; /* NULL: the default */
	const char *socket;    /* NULL: from the configuration */
	bool json;
	struct conf *conf; /* loaded when first needed */
	struct loop *loop;
	struct rpc_hooks hooks;
	struct rpc_peer *peer; /* connected when first needed */
	struct arena *arena;   /* of the last answer */
	struct json_out *out;  /* parameters are built here */
	bool lost;             /* laned went away */
	/* Notifications while waiting in ctl_wait. */
	void (*on_notify)(void *ctx, const char *method, const struct value *params);
	void *notify_ctx;
};

struct ctl_command {
	const char *name;    /* "members import" */
	const char *args;    /* "FILE [--check]" */
	const char *summary; /* one line */
	int (*run)(struct ctl *c, int argc,
		   char **argv); /* argv[0] is the first argument */
};
extern const struct ctl_command ctl_lane_commands[], ctl_config_commands[],
	ctl_member_commands[], ctl_offer_commands[], ctl_bio_commands[],
	ctl_template_commands[], ctl_record_commands[], ctl_reader_commands[],
	ctl_return_commands[], ctl_payment_commands[];

/* ---- client.c ---- */
/* The configuration, loaded once; 0 or an exit code, said on stderr. */
int ctl_conf(struct ctl *c);
/* Begins an object of parameters. */
struct json_out *ctl_params(struct ctl *c);
/*
 * Asks laned and waits. 0 and *ret_result (valid until the next ask), or an exit code with the
 * reason said on stderr. params: NULL or ctl_params() still open.
 */
int ctl_ask(struct ctl *c, const char *method, struct json_out *params,
	    const struct value **ret_result);
/* Somebody listens on laned's socket; says nothing. */
bool ctl_reachable(struct ctl *c);
/* Runs until done() is true, handing notifications to on_notify. 0 or an exit code. */
int ctl_wait(struct ctl *c, bool (*done)(void *ctx));
void ctl_close(struct ctl *c);

/* ---- cmd_bio.c ---- */
/*
 * Takes the options of a signed consent out of argv and writes it as member "consent": the text by
 * file, so that the hash is of what was shown. The configuration is loaded. 0 or an exit code, said.
 */
int ctl_put_consent(struct ctl *c, struct json_out *o, int *argc, char **argv);

/* ---- text.c ---- */
/* The result as one line of JSON. CTL_OK, or CTL_INTERNAL when it cannot be printed. */
int ctl_print_json(struct ctl *c, const struct value *v);

/* price_text.c: lines, discounts, points and hint of a checkout, as lane.status has it. */
void ctl_print_price(const struct value *v);
/* A text member for people, or "-". Control characters are dropped. Uses one of a few buffers. */
const char *ctl_text(const struct value *v, const char *name);
int64_t ctl_int(const struct value *v, const char *name);
bool ctl_bool(const struct value *v, const char *name);
/* An amount member with two decimals and the currency. */
const char *ctl_money(const struct value *v, const char *name, const char *currency);
/* Reads a whole file, at most bytes_max, into malloc'ed memory. 0 or an exit code, said. */
int ctl_read_file(const char *path, size_t bytes_max, char **ret_data, size_t *ret_bytes);
__attribute__((format(printf, 2, 3))) int ctl_fail(int code, const char *fmt, ...);
/* Takes "--name VALUE" or "--name=VALUE" out of argv; NULL when it is not there. */
const char *ctl_option(int *argc, char **argv, const char *name);
bool ctl_flag(int *argc, char **argv, const char *name);

#endif
