#ifndef LANED_TESTS_UNIT_LANE_STAGE_H
#define LANED_TESTS_UNIT_LANE_STAGE_H

/*
 * A lane for tests of prices and limits: the real core and the real effects runner over the journal
 * in memory, a POS that keeps what it was told last, and members who are whoever claims.
 */
#include "core/checkout/checkout.h"
#include "lane/effects.h"
#include "sim/mem_journal.h"

#define STAGE_DAY_MS INT64_C(86400000)
#define RULES(text) "{\"laned_rules\":1,\"currency\":\"EUR\",\"rules\":[" text "]}"

struct stage {
	struct mem_journal *memory;
	struct journal_ref journal;
	struct pricing_rules *rules, *before;
	struct lane_core *core;
	struct effects *effects;
	struct timepoint now;
	struct lane_member member;
	struct lane_use uses[8];
	const char *language, *lane;
	bool disk_full, price_pos, first_purchase, unreadable, no_refunds, no_queries;
	int offer_error; /* what the adapter's link says to an offer */
	uint32_t offer;  /* the serial of the last one */
	uint32_t rev, fresh;
	/* What the POS was told last. */
	uint32_t offers, offered_rev, discounts;
	int64_t offered_total, discount_sum;
	char text[LANE_RULE_TEXT_BYTES];
	uint32_t asked; /* payments */
	struct key128 key;
	uint32_t refunds, queries, undos; /* handed to the adapter */
	struct payment refund;            /* the last one */
	uint32_t alarms;
	uint32_t allowed, refused; /* answers to adapter.journal */
};

/* One line: code, amount of one unit, units. */
struct ware {
	const char *code;
	int64_t price, units;
};

/* Rules that must be good; the caller frees them. */
struct pricing_rules *stage_compile(const char *text);
/* Adapter, laned-bio and its readers are there. */
void stage_links_up(struct stage *s);
/* The lane as its journal has it. */
void stage_start(struct stage *s);
/* A fresh lane with these rules. */
void stage_setup(struct stage *s, const char *rules);
void stage_stop(struct stage *s);
/* The process dies and comes again. */
void stage_kill_and_restart(struct stage *s);
void stage_teardown(struct stage *s);
struct basket_line stage_line_of(uint32_t number, const struct ware *w);
/* The next revision of a ticket. */
void stage_basket(struct stage *s, const char *ticket, const struct basket_line *lines,
		  uint32_t count, bool final);
/* The same with one line. */
void stage_one(struct stage *s, const char *ticket, const struct ware *w, bool final);
/* Whoever this is, claims; everybody is found. */
void stage_claim(struct stage *s, const char *who);
void stage_cancel(struct stage *s, const char *ticket);
/* The POS ended it with its own tenders. */
void stage_close_outside(struct stage *s, const char *ticket, const struct ware *w);
int64_t stage_total(const struct stage *s);
/* Uses of a rule by a member, reserved ones too. */
int64_t stage_used(struct stage *s, const char *who, const char *rule);
/* Other offers were imported. */
void stage_swap_rules(struct stage *s, const char *text);
/* One event, and what the core must say of it. */
void stage_give(struct stage *s, struct lane_event *ev, int want);
struct lane_env stage_environment(const struct stage *s);

#endif
