#ifndef LANED_CTL_CMD_OFFERS_H
#define LANED_CTL_CMD_OFFERS_H

#include "base/plain/caltime.h"
#include "ctl/baskets.h"
#include "ctl/ctl.h"

/* The longer commands about offers and prices, each in a file of its own. */
int cmd_price(struct ctl *c, int argc, char **argv);
int cmd_simulate(struct ctl *c, int argc, char **argv);
int cmd_baskets_convert(struct ctl *c, int argc, char **argv);

/* Whether one of the files is an option that nobody took. */
bool ctl_unknown_option(int argc, char **argv);

/* Takes the options about baskets out of argv. 0 or an exit code, said. */
int ctl_baskets_options(int *argc, char **argv, struct baskets_options *o);

/*
 * A time of the command line, the store's (of a zone; "": the system's) unless it names an offset;
 * NULL: now. 0, or an exit code, said.
 */
int ctl_time(const char *option, const char *at, const char *zone,
	     struct timepoint *ret_at);

#endif
