#ifndef LANED_TESTS_SIM_SIM_H
#define LANED_TESTS_SIM_SIM_H

#include "lane/effects.h"
#include "sim/mem_journal.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/*
 * A whole lane in virtual time under one seed: the real core and the real effects runner over a
 * journal in memory, with a scripted POS, an adapter host and its processor, and laned-bio. One
 * run is a few checkouts one after the other, with faults, and then quiet until all is settled.
 */

/* Planted bugs: the tests show that the simulator sees each. */
enum sim_bug {
	SIM_BUG_NONE,
	SIM_BUG_JOURNAL_LIES,     /* what is sent was not durable */
	SIM_BUG_UNKNOWN_IS_NO,    /* the adapter calls a doubt "declined" */
	SIM_BUG_UNDO_FORGOTTEN,   /* undo-queued is lost at a restart */
	SIM_BUG_SEND_WITHOUT_ASK, /* the adapter sends before the journal says yes */
	SIM_BUG_SENSOR_STAYS_LIT, /* laned-bio disarms neither when told to nor in time */
	SIM_BUG_FINGER_UNTOLD, /* laned-bio tells of no finger before its image is complete */
	SIM_BUG_TOUCHES_MIXED, /* laned-bio takes any two touches for one person's */
	SIM_BUGS
};
const char *sim_bug_name(enum sim_bug b);

/* The privacy profile of a run. */
enum sim_profile {
	SIM_PROFILE_BY_SEED,
	SIM_TOUCH_FIRST, /* us_other */
	SIM_CLAIM_FIRST, /* us_strict, us_tx, eu */
	SIM_PROFILES
};
const char *sim_profile_name(enum sim_profile p);

/* Who stands between laned and the till. */
enum sim_adapter {
	SIM_ADAPTER_BY_SEED, /* the real one every second time, when there is a plugin */
	SIM_ADAPTER_SCRIPTED,
	SIM_ADAPTER_DROP, /* the real drop adapter, byte by byte */
	SIM_ADAPTERS
};
const char *sim_adapter_name(enum sim_adapter a);

struct sim_options {
	uint64_t seed;
	uint32_t checkouts; /* a run */
	uint64_t
		crash_at; /* laned dies at this crash point, counted from 1; 0: at random ones */
	bool calm;        /* no faults at all */
	bool sqlite; /* with the SQLite journal, as every hundredth seed is */
	enum sim_bug bug;
	enum sim_profile profile;
	enum sim_adapter adapter;
	const char *plugin; /* path of drop.so; NULL: SIM_ADAPTER_SCRIPTED only */
	FILE *trace;        /* NULL: none */
};

struct sim_result {
	uint64_t trace_hash; /* of everything that happened: a replay gives the same */
	uint64_t steps;
	uint64_t crash_points; /* passed: commits, before and after, and sends */
	uint32_t checkouts, crashes, captures, undone, paid_token, paid_other, cancelled;
	uint32_t greys, paid_by_two; /* ambiguous touches; payments by two fingers */
	uint32_t frames;             /* seen where the claim comes first */
	uint32_t declined, unknowns, alarms, failed_commits, adapter_restarts;
	uint32_t swaps; /* of the rule set */
	bool broken;
	char what[200]; /* the invariant that was broken, and where */
};

/* Runs one. Deterministic in its options. */
void sim_run(const struct sim_options *o, struct sim_result *ret);

#endif
