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
	SIM_ADAPTER_BY_SEED, /* a real one eleven times of sixteen, when there is a plugin */
	SIM_ADAPTER_SCRIPTED,
	SIM_ADAPTER_DROP, /* the real drop adapter, byte by byte; its host's bridge is played */
	SIM_ADAPTER_BRIDGE, /* and the real bridge, rpc and laned's side of it, over a socket */
	SIM_ADAPTER_TERMINAL, /* scripted: a POS that asks a terminal, and a payer */
	SIM_ADAPTER_RELAY, /* the real test adapter before a terminal, its host's real lines and bridge */
	SIM_ADAPTERS
};
const char *sim_adapter_name(enum sim_adapter a);

/* How often things go wrong. */
enum sim_rates {
	SIM_RATES_BY_SEED,
	SIM_REALISTIC, /* three checkouts in ten see a fault */
	SIM_ABSURD,    /* every one sees several */
	SIM_RATES
};
const char *sim_rates_name(enum sim_rates r);

/* Whether the disk of the journal lies. */
enum sim_disk {
	SIM_DISK_BY_SEED, /* of sixteen runs one, at absurd rates four */
	SIM_DISK_HONEST,
	SIM_DISK_LYING, /* what it has acknowledged may be gone after a power loss */
	SIM_DISKS
};
const char *sim_disk_name(enum sim_disk d);

/* What goes wrong; each is counted. */
enum sim_fault {
	SIM_FAULT_DROPPED,      /* a message or file is lost */
	SIM_FAULT_DOUBLED,      /* comes twice */
	SIM_FAULT_REORDERED,    /* comes before one that was sent earlier */
	SIM_FAULT_PARTIAL,      /* half of it stands there for a while */
	SIM_FAULT_LATE,         /* seconds or minutes late */
	SIM_FAULT_CORRUPTED,    /* with other bytes in it */
	SIM_FAULT_MUTE,         /* an answer that says nothing, or not how much */
	SIM_FAULT_AMOUNT,       /* the processor captures another amount than was asked */
	SIM_FAULT_REFUSED,      /* the adapter takes no request now */
	SIM_FAULT_LINE_DOWN,    /* the processor cannot be reached for minutes */
	SIM_FAULT_PEER_DIES,    /* till or processor starts again */
	SIM_FAULT_PEER_SLOW,    /* takes minutes, or reads a few bytes at a time */
	SIM_FAULT_LANED_DIES,   /* at a commit or a send */
	SIM_FAULT_ADAPTER_DIES, /* at a call of its host */
	SIM_FAULT_LINK_CUT,     /* the socket between the two breaks */
	SIM_FAULT_BIO,          /* laned-bio is not there, or never answers */
	SIM_FAULT_READER,       /* a reader has a fault */
	SIM_FAULT_CACHE,        /* cache.db cannot be read */
	SIM_FAULT_IO,           /* a file cannot be written */
	SIM_FAULT_DISK_FULL,    /* the journal's */
	SIM_FAULT_POWER,        /* the whole machine */
	SIM_FAULT_TORN, /* a file that the power loss left half, or of other bytes */
	SIM_FAULT_LIED, /* one that was synced, and is gone */
	SIM_FAULT_COMMITS_LOST, /* of the journal, though acknowledged */
	SIM_FAULT_JOURNAL_GONE, /* it cannot be read, until an older one is put back */
	SIM_FAULT_CLOCK,        /* the wall clock jumps, forth or back */
	SIM_FAULT_DOUBTED,      /* and is not believed */
	SIM_FAULT_RELOAD,       /* of the configuration */
	SIM_FAULT_RULES,        /* other offers */
	SIM_FAULTS
};
const char *sim_fault_name(enum sim_fault f);

struct sim_options {
	uint64_t seed;
	uint32_t checkouts; /* a run */
	uint64_t
		crash_at; /* laned dies at this crash point, counted from 1; 0: at random ones */
	uint64_t adapter_at; /* and the adapter at this call of its host, or send */
	bool calm;           /* no faults at all */
	bool sqlite;         /* with the SQLite journal, as every hundredth seed is */
	enum sim_bug bug;
	enum sim_profile profile;
	enum sim_adapter adapter;
	enum sim_rates rates;
	enum sim_disk disk;
	const char *plugin; /* path of drop.so; NULL: SIM_ADAPTER_SCRIPTED only */
	const char *relay;  /* path of relay.so; NULL: no SIM_ADAPTER_RELAY */
	FILE *trace;        /* NULL: none */
};

struct sim_result {
	uint64_t trace_hash; /* of everything that happened: a replay gives the same */
	uint64_t steps;
	uint64_t crash_points;   /* passed: commits, before and after, and sends */
	uint64_t adapter_points; /* calls of the adapter's host, and its sends */
	uint32_t checkouts, crashes, captures, undone, paid_token, paid_other, cancelled;
	uint32_t greys, paid_by_two; /* ambiguous touches; payments by two fingers */
	uint32_t frames;             /* seen where the claim comes first */
	uint32_t declined, unknowns, alarms, failed_commits, adapter_restarts;
	uint32_t swaps;             /* of the rule set */
	uint32_t returns, refunded; /* begun, and credited */
	uint64_t faults[SIM_FAULTS];
	uint32_t hit;         /* checkouts with at least one */
	uint32_t lines;       /* of all baskets in the end */
	uint32_t bridged;     /* checkouts with the real bridge */
	uint32_t dropped;     /* with the real adapter without it */
	uint32_t asked;       /* by a POS that asks a terminal */
	uint32_t relayed;     /* through the adapter that stands before a real terminal */
	uint32_t passed;      /* messages that went through it to the terminal */
	uint32_t relay_paid;  /* and checkouts that a member paid there by token */
	uint64_t pushed_back; /* a line of it took no more */
	uint32_t journalled;  /* with the SQLite journal */
	uint32_t named;       /* differences by the books, of what it took */
	uint32_t forgotten;   /* tickets of which a lying disk took something */
	uint32_t without;     /* ended while there was no journal */
	uint32_t reconciled, mistakes; /* runs; and planted in their settlement files */
	uint64_t sent_bytes;           /* over the bridge's socket */
	bool broken;
	char what[200]; /* the invariant that was broken, and where */
};

/* Runs one. Deterministic in its options. */
void sim_run(const struct sim_options *o, struct sim_result *ret);

#endif
