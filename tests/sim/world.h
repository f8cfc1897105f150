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
#define SIM_CONF_SETS 3u
#define WORLD_LINES_MAX 64u

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
	/* terminal.c */
	MSG_TERM_UP,
	MSG_TERM_ANSWER, /* laned's, at the adapter of the POS */
	MSG_TERM_RESULT, /* the same at the POS */
	MSG_TERM_DONE,   /* what became of it, at laned */
	MSG_TERM_TELL,   /* the POS tells how it ended */
	/* relay*.c */
	MSG_RELAY_STARTS, /* the adapter's process */
	MSG_RELAY_READ,   /* req: a line has something for its far end */
	MSG_RELAY_SAY,    /* the terminal sends what it has ready */
	MSG_RELAY_AGAIN,  /* a serial line waits for ACK no longer */
	MSG_RELAY_POS,    /* the POS has words that laned has not heard */
	/* to others */
	MSG_PEER,    /* the adapter's request arrives at the processor */
	MSG_POS,     /* the POS's next act */
	MSG_RESTART, /* laned starts again */
	MSG_DISK_OK,
	MSG_BACKUP, /* an older journal is put back */
	MSG_CLOCK_OK
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
	uint32_t rev, offer;
	struct key128 original;
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

/* When a message arrives; those of one time in their order. */
struct due {
	int64_t at_ms;
	uint64_t order;
};

/* What an offer has in it: limited rules (a bit each), whose, which day. */
struct limited {
	uint32_t rules;
	int whose; /* index of the member, -1 nobody's */
	int32_t day;
};

/* What the processor, which is also the POS's ledger, knows of a key. */
struct entry {
	struct key128 key;
	char ticket[LANE_TICKET_BYTES];
	enum { ENTRY_SEEN, ENTRY_CAPTURED, ENTRY_DECLINED, ENTRY_UNDONE } state;
	int64_t amount, captured;
	uint32_t rev;
	int32_t day;             /* tickets may have the same names on another day */
	bool confirmed, pending; /* pending: answers in-progress for a while */
	int64_t discount_minor;  /* of its ticket, by the offer that it was charged by */
	struct limited limited;  /* the same offer's */
	/* A refund: of which entry; and what of an entry has gone back. */
	bool is_refund;
	struct key128 original;
	int64_t refunded;
	uint32_t captures;
};

enum ticket_end { TICKET_OPEN, TICKET_TOKEN, TICKET_OTHER, TICKET_VOID };

struct ticket {
	char name[LANE_TICKET_BYTES];
	enum ticket_end end;
	/* The till's own: what it sells for by the last offer that it read, and of which basket. */
	uint32_t rev;
	int64_t gross_minor, discount_minor;
	bool offered;
	int64_t token_minor, refunded_minor; /* what it took by token, and gave back */
	int64_t paid_discount_minor; /* of the offer that what it took last was charged by */
	struct limited paid_limited;
	bool blind; /* a laned without its journal may have made it other offers meanwhile */
	uint32_t paid_rev;
	uint32_t claims;        /* a bit for each member who claimed meanwhile */
	struct limited limited; /* of the last offer before its end */
};

#define REQUESTS_MAX 128u
/* The POS asks a terminal for money. */
struct request {
	enum {
		REQUEST_WAITS,
		REQUEST_OVER,  /* nothing was charged */
		REQUEST_TAKEN, /* the POS has the money */
		REQUEST_LEFT,  /* it has not waited: what comes is given back */
		/* It asks anew by another number, and laned has heard that: it knows of this one no more. */
		REQUEST_FORGOTTEN
	} state;
	char id[12], ticket[LANE_TICKET_BYTES];
	uint32_t rev;
	int64_t amount, taken_minor, asked_ms, discount_minor;
	struct limited limited;
	bool has_key, answered; /* answered: an approval has left for the POS */
	bool seen;              /* by the life that its adapter has, from the first */
	int32_t day;
	struct key128 key;
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
struct laned_side;
struct relay_side;
struct lost;

struct world {
	struct sim_options opt;
	struct sim_result *res;
	bool absurd, hit; /* hit: the checkout that goes on has seen a fault */
	uint64_t rng, order;
	struct timepoint now;
	/* the lane */
	struct mem_journal *journal;
	struct key128 journal_asked; /* laned was asked last whether this may be sent */
	struct twin_journal *twin;   /* the SQLite one beside it, or NULL */
	struct journal_ref store;    /* what the lane writes: one or both */
	uint64_t anchored;           /* audits that laned has noted its journal to hold */
	bool behind;                 /* it came up with an older one */
	struct lost *lost;    /* what a lying disk has taken; NULL: the disk is honest */
	struct lost *alarmed; /* the keys that a human was called for; NULL: none */
	struct lane_core *core;
	struct effects *effects;
	bool crashed, down, disk_full, quiet;
	bool power_went;        /* in the middle of a commit */
	bool journal_gone;      /* it cannot be read: nothing is stored, nothing paid */
	struct drop_side *drop; /* the real adapter; NULL: the scripted one */
	struct relay_side
		*relay; /* a real one before a terminal, beside a scripted payer */
	bool bridged;   /* over the real bridge */
	struct laned_side
		*laned; /* with it: laned's side of it; NULL while laned is down */
	uint32_t lane_epoch, adapter_epoch, bio_epoch;
	uint64_t fresh;
	/* everything under way */
	struct message messages[MESSAGES_MAX];
	struct due due[MESSAGES_MAX]; /* of each message, close together */
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
	uint32_t rev, lines_count, lines_wanted, every, waits;
	struct basket_line lines[WORLD_LINES_MAX];
	int accepted; /* whose finger laned-bio has just accepted */
	bool lying;   /* and it had lain there since before the reader came up */
	/* By which touch, and which one before it, that was accepted. */
	struct {
		char probe[LANE_PROBE_BYTES], with[LANE_PROBE_BYTES];
	} paying;
	struct grey grey;
	unsigned rule_set; /* in cache.db */
	unsigned conf_set; /* in laned.conf */
	bool doubted;      /* the clock */
	int shopper;       /* index of the member, -1 a stranger */
	bool wants_finger, pos_done;
	uint32_t probes;
	bool bio_up; /* laned-bio has said hello to this life of laned */
	bool fingers[GLASSES], under_way[GLASSES]; /* the image of the last one */
	struct came came[CAME_MAX];                /* by the number of the probe */
	struct came consent;                       /* of the finger just accepted */
	/* A POS that asks a terminal (terminal.c). */
	bool terminal, pos_up;
	uint32_t pos_epoch;
	int pos_said; /* laned's answer to what its adapter asks: -1 none */
	struct key128 pos_key;
	struct request requests[REQUESTS_MAX];
	uint32_t requests_count;
	struct {
		int who; /* -1 nobody yet */
		struct ulid checkout;
		uint32_t rev;
	} agreed; /* the last finger that was accepted */
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
/* True once in n at absurd rates, else more seldom; never while quiet or calm. Counted when true. */
bool world_fault(struct world *w, enum sim_fault f, uint32_t n);
/* What people do: true once in n, never while quiet or calm. */
bool world_chance(struct world *w, uint32_t n);
/* It goes wrong. */
void world_hit(struct world *w, enum sim_fault f);
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

/* The lane's configuration as it is now. */
void world_environment(const struct world *w, struct lane_env *ret_env);
/* laned has died, if it has: buried, and started again later. */
void world_look_at_laned(struct world *w);
/* The next thing up to a time happens. False: nothing does, and that time has come. */
bool world_happen(struct world *w, int64_t until_ms);
/* Everything on this machine loses its power. */
void world_power_loss(struct world *w);
/* Somebody sets the clock. */
void world_clock_jumps(struct world *w);
/* The configuration is read again. */
void world_reload(struct world *w);

/* Other offers are imported: all of them, in one moment. */
void world_swap_rules(struct world *w);

/*
 * What a run is broken by begins with the name of the invariant: docs/architecture.md lists them, and
 * tests/sim/mutants has a bug for each.
 */
#define INV_ONCE "once: " /* at most one capture a key, and one whole one a ticket */
#define INV_PAID "paid: " /* paid at the POS is captured, and the other way round */
#define INV_DECLINED "declined: " /* never shown while captured and not undone */
#define INV_DOUBT "doubt: "       /* ends in a certain state or an alarm */
#define INV_SUMS "sums: "         /* of journal, processor and POS are one */
#define INV_TOTAL "total: "       /* paid and saved is what the goods cost */
#define INV_WHO "who: " /* who pays was recognised, and is who claimed or touched */
#define INV_DURABLE "durable: " /* before anything outside hears of it */
#define INV_REFUND "refund: "   /* at most once a key, and never more than was paid */
#define INV_LIMITS "limits: "   /* of offers */
#define INV_PASS "pass: "       /* others' payments go through unchanged, and unseen */
#define INV_SENSOR "sensor: "   /* no frame before a claim, where the law wants that */
#define INV_ALIVE "alive: "     /* everything comes to rest, nothing is left behind */
#define INV_BOOKS                                                                        \
	"books: " /* the reconciliation names every difference, and nothing else */
#define INV_TWINS "twins: " /* the SQLite journal and the one in memory */

struct ticket *ticket_find(struct world *w, const char *name);
/* The till reads an offer: a basket's revision, what it would cost then, and what comes off. */
void till_reads_offer(struct world *w, const char *ticket, uint32_t rev,
		      int64_t total_minor, int64_t discounts_minor);
/* It is asked to charge so much for a basket's revision. */
void till_checks_amount(struct world *w, const char *ticket, uint32_t rev,
			int64_t amount_minor);
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

/* terminal.c */
void terminal_message(struct world *w, const struct message *m);
void terminal_die(struct world *w);
void terminal_lane_died(struct world *w);
/* The power has gone: what the POS's adapter had in mind has, too. */
void terminal_forgets(struct world *w);
/* FX_ANSWER and FX_TENDER_REPLY. */
int terminal_told(struct world *w, const struct lane_effect *fx);
void terminal_replied(struct world *w, const struct lane_effect *fx, bool ok);
/* The till at the total. True: it has done something. */
bool terminal_waits(struct world *w, const struct ticket *t);
void terminal_give_up(struct world *w);
bool terminal_has_taken(struct world *w, struct key128 key);

/* refunds.c */
/* Somebody brings goods back that were paid by token. */
void refunds_return_goods(struct world *w);
/* The processor is asked for the refund e, or about it. */
void refunds_asked(struct world *w, struct entry *e, const struct message *m,
		   struct message *answer);
void refunds_settled(struct world *w, const struct entry *e);

/* disk.c: the journal's disk, where it lies. */
void disk_begin(struct world *w);
/* What laned has for a journal: none, while it cannot be read. */
struct journal_ref disk_journal(const struct world *w);
/* The power has gone, and laned is dead: is the journal what it was? */
void disk_lost_power(struct world *w);
void disk_restores(struct world *w);

/* books.c: the reconciliation of the run. */
void books_settled(struct world *w);

/* reckoning.c: what must hold when all is settled. */
void peers_settled(struct world *w);

#endif
