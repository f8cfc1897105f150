#ifndef LANED_TESTS_SIM_WORLD_H
#define LANED_TESTS_SIM_WORLD_H

#include "sim/sim.h"

#include "laned/adapter.h"

/* The inside of a simulation: sim.c (lane, time, faults), peers.c (POS, adapter, processor), bio.c
 * (touches, and who is recognised), sensor.c (claims, and when the sensor is lit). */

#define MESSAGES_MAX 512u
#define LEDGER_MAX 256u
#define TICKETS_MAX 64u
#define MEMBERS 4u
#define GLASSES 2u
#define CAME_MAX 64u
#define SIM_RULE_SETS 2u

enum message_kind {
	MSG_NONE,
	/* to the lane */
	MSG_TOUCH, /* serial: the reader */
	MSG_IDENTIFIED,
	MSG_VERIFIED,
	MSG_DECIDED,
	MSG_JOURNAL, /* the adapter asks */
	MSG_COMPLETE,
	MSG_ADAPTER_UP,
	MSG_ADAPTER_DIES,
	MSG_BIO_UP,
	MSG_POS_UNDO,
	MSG_SENSOR,
	/* to the lane by the drop adapter, and to that (drop.c) */
	MSG_POS_BASKET,
	MSG_POS_CLAIM,
	MSG_POS_CANCEL,
	MSG_REFUSED,
	MSG_SUBMIT,
	MSG_OVERDUE, /* the host's own limit of a request */
	MSG_DROP_STARTS,
	MSG_TILL_LOOK,
	MSG_TILL_WRITES,
	/* to others */
	MSG_PEER,    /* the adapter's request arrives at the processor */
	MSG_POS,     /* the POS's next act */
	MSG_RESTART, /* laned starts again */
	MSG_DISK_OK
};

struct message {
	enum message_kind kind;
	int64_t at_ms;
	uint64_t order; /* first in, first out at one time */
	uint32_t epoch; /* of the lane, adapter or bio it belongs to */
	struct key128 key;
	enum lane_op op;
	enum lane_outcome outcome;
	int64_t amount;
	bool has_amount;
	char probe[LANE_PROBE_BYTES], with[LANE_PROBE_BYTES];
	uint32_t serial;
	int who; /* member index, -1 nobody */
	char ticket[LANE_TICKET_BYTES];
	/* drop.c: of which life of its link, which request, what it carries, who waits. */
	uint32_t link_epoch;
	uint64_t req;
	void *body;
	laned_ack_fn ack;
	void *user;
};

/* What the processor, which is also the POS's ledger, knows of a key. */
struct entry {
	struct key128 key;
	char ticket[LANE_TICKET_BYTES];
	enum { ENTRY_SEEN, ENTRY_CAPTURED, ENTRY_DECLINED, ENTRY_UNDONE } state;
	int64_t amount, captured;
	bool confirmed, pending; /* pending: answers in-progress for a while */
	uint32_t captures;
};

enum ticket_end { TICKET_OPEN, TICKET_TOKEN, TICKET_OTHER, TICKET_VOID };

struct ticket {
	char name[LANE_TICKET_BYTES];
	enum ticket_end end;
	uint32_t claims; /* a bit for each member who claimed meanwhile */
	/* Of the last offer before its end: limited rules in it (a bit each), whose, which day. */
	uint32_t limited;
	int whose;
	int32_t day;
};

enum pos_act { POS_CHECK_IN, POS_ITEM, POS_TOTAL, POS_WAIT, POS_NEXT };

/* What was on display when a finger came down. */
struct came {
	struct ulid checkout;
	enum checkout_phase phase;
	bool known; /* the member: the price does not fall any more */
	uint32_t rev;
	int64_t due;
};

/* A touch that was ambiguous, and that another finger may decide together with. */
struct grey {
	char probe[LANE_PROBE_BYTES]; /* "" none, or it was dropped */
	struct ulid checkout;
	int64_t at_ms, keep_ms;
	uint32_t epoch;
};

struct drop_side;

struct world {
	struct sim_options opt;
	struct sim_result *res;
	uint64_t rng, order;
	struct timepoint now;
	/* the lane */
	struct mem_journal *journal;
	struct twin_journal *twin; /* the SQLite one beside it, or NULL */
	struct journal_ref store;  /* what the lane writes: one or both */
	struct lane_core *core;
	struct effects *effects;
	bool crashed, down, disk_full, quiet;
	struct drop_side *drop; /* the real adapter; NULL: the scripted one */
	uint32_t lane_epoch, adapter_epoch, bio_epoch;
	uint64_t fresh;
	/* everything under way */
	struct message messages[MESSAGES_MAX];
	uint32_t messages_count;
	/* the processor */
	struct entry ledger[LEDGER_MAX];
	uint32_t ledger_count;
	int64_t line_down_ms; /* until then the processor cannot be reached */
	int64_t peer_last_ms; /* the line to the processor keeps its order */
	/* the POS */
	struct ticket tickets[TICKETS_MAX];
	uint32_t tickets_count;
	enum pos_act act;
	uint32_t rev, lines_count, lines_wanted, waits;
	struct basket_line lines[32];
	int accepted; /* whose finger laned-bio has just accepted */
	bool lying;   /* and it had lain there since before the reader came up */
	/* By which touch, and which one before it, that was accepted. */
	struct {
		char probe[LANE_PROBE_BYTES], with[LANE_PROBE_BYTES];
	} paying;
	struct grey grey;
	unsigned rule_set; /* in cache.db */
	int shopper;       /* index of the member, -1 a stranger */
	bool wants_finger, pos_done;
	uint32_t probes;
	bool bio_up; /* laned-bio has said hello to this life of laned */
	bool fingers[GLASSES], under_way[GLASSES]; /* the image of the last one */
	struct came came[CAME_MAX];                /* by the number of the probe */
	struct came consent;                       /* of the finger just accepted */
	/* The sensor where the claim comes first. */
	bool claim_first;
	int lit_for; /* -1: dark */
	int64_t lit_until_ms;
	uint32_t check_ins;      /* claims that came when the lane was at no ticket */
	struct lane_event found; /* memory of a resolved claim */
	struct lane_member member_memory;
	struct lane_use uses_memory[16];
};

/* sim.c */
uint64_t world_random(struct world *w);
/* True once in n, never while quiet or calm. */
bool world_fault(struct world *w, uint32_t n);
int64_t world_delay(struct world *w, int64_t min_ms, int64_t max_ms);
__attribute__((format(printf, 2, 3))) void world_trace(struct world *w, const char *fmt,
						       ...);
__attribute__((format(printf, 2, 3))) void world_broken(struct world *w, const char *fmt,
							...);
struct message *world_post(struct world *w, enum message_kind kind, int64_t in_ms);
int world_step(struct world *w, struct lane_event *ev);
void world_member(struct world *w, int who, struct lane_member *m);
/* A process of the lane dies here, perhaps. */
void world_crash_point(struct world *w);

/* Other offers are imported: all of them, in one moment. */
void world_swap_rules(struct world *w);

struct ticket *ticket_find(struct world *w, const char *name);
/* The till or processor is asked something about a payment, and answers. */
void till_asked(struct world *w, const struct message *m);

/* sensor.c */
bool sensor_lit(const struct world *w);
void sensor_connection_lost(struct world *w);
void sensor_claimed(struct world *w, int who);
void sensor_sees(struct world *w);
void sensor_compares(struct world *w, const struct lane_effect *fx);
/* FX_ARM and FX_DISARM. */
int sensor_told(struct world *w, const struct lane_effect *fx);
void sensor_answers(struct world *w, const struct message *m);

/* bio.c */
void bio_name_probe(struct world *w, int who, bool lying,
		    char ret_name[LANE_PROBE_BYTES]);
bool bio_is_lying(const char *probe);
/* Every effect that goes to laned-bio. 0, or a negative errno: it could not be sent. */
int bio_told(struct world *w, const struct lane_effect *fx);
void bio_answers(struct world *w, const struct message *m);
/* A payment is asked for: by whose touch? */
void bio_checks_payment(struct world *w);

/* peers.c */
/* The rules with limits: two a member, one a member and day, two in all. */
enum { RULE_TWICE, RULE_DAILY, RULE_FIRST_TWO, LIMITED };
extern const char *const limited_rules[LIMITED];
extern const struct effects_ops world_ops;
void peers_message(struct world *w, const struct message *m);
void pos_begin(struct world *w);
void adapter_restart(struct world *w);

/* processor.c */
struct entry *ledger_find(struct world *w, struct key128 key);
/* While nothing reaches it, or comes from it. */
bool line_is_down(const struct world *w);

/* reckoning.c: what must hold when all is settled. */
void peers_settled(struct world *w);

#endif
