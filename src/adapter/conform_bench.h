#ifndef LANED_ADAPTER_CONFORM_BENCH_H
#define LANED_ADAPTER_CONFORM_BENCH_H

/* What the checks of the conformance kit share; nobody outside conform*.c includes this. */
#include "adapter/conform.h"
#include "adapter/host_requests.h"
#include "adapter/plugin_load.h"
#include "adapter/vhost.h"

#include <setjmp.h>

#define BENCH_KNOWN_MAX 4096u
#define BENCH_SETTLE_MS 1000
#define BENCH_PAY_MS 60000u
/* After so long the host itself would have ended the request: it is the plug-in's fault then. */
#define BENCH_LIMIT_MS (INT64_C(11) * 60 * 1000)
#define BENCH_STEPS_MAX 200000u
#define BENCH_AMOUNT INT64_C(1149)

/* A request, as laned keeps it. */
struct known {
	uint32_t type; /* enum laned_request_type; 0: recovered */
	uint64_t req;
	struct laned_key key;
	bool accepted, journalled;
	int64_t amount;
	unsigned completions; /* that laned took */
	uint32_t outcome;     /* of the last one */
	int64_t told_amount;
};

/* How the scripted laned behaves. */
struct policy {
	int journal;      /* what journal() returns */
	int ack;          /* status of the acks of completions */
	unsigned ack_bad; /* so many acks have that status; later ones are LANED_OK */
	int pos_ack;      /* of baskets, claims, cancels */
	bool tenders;     /* a POS's request for money is a member's */
	int word;         /* what event() returns of a POS's later words */
};

struct bench {
	const struct conform_options *options;
	struct plugin *plugin;
	const struct laned_adapter *table;
	struct vhost *host;
	struct vhost_hooks hooks;
	struct host_link link;
	void *instance;
	struct host_requests *requests;
	bool up;
	struct policy policy;
	struct known known[BENCH_KNOWN_MAX];
	unsigned known_count;
	uint64_t keys; /* made so far */
	/* Seen. */
	unsigned late, late_approved, baskets, claims, cancels, words;
	struct laned_key tender; /* that was given out last */
	struct laned_str ref;    /* of an answer: what its request told */
	char ref_text[64];
	unsigned outputs;       /* dir_put, conn_send, type_start */
	unsigned outputs_early; /* ... of them while a payment waited for the journal */
	/* Fault: the fail_at-th call from now of the table returns fail_status. */
	unsigned calls, fail_at;
	int fail_status;
	char failed_in[32];
	/* Death: the die_at-th call of the table does not return, but jumps. */
	unsigned die_at;
	jmp_buf death;
};

/* The check failed: says so and ends this process. */
__attribute__((noreturn, format(printf, 1, 2))) void bench_fail(const char *fmt, ...);
/* It does not apply. */
__attribute__((noreturn, format(printf, 1, 2))) void bench_skip(const char *fmt, ...);

/* Loads the plug-in. Fails the check when that fails. */
void bench_load(struct bench *b, const struct conform_options *o);
/* A new host with the settings of the command line. */
void bench_host(struct bench *b, uint64_t seed);
/* create and start; LANED_OK, or what one of them said: then there is no instance any more. */
int bench_start(struct bench *b);
/* All of that, and the link up with nothing to recover; what is not LANED_OK fails the check. */
void bench_launch(struct bench *b, const struct conform_options *o);
void bench_up(struct bench *b, const struct laned_entry *entries, size_t count);
void bench_down(struct bench *b);
/* stop and destroy; fails the check when memory or a timer is left. */
void bench_end(struct bench *b);
/* stop and destroy, and whatever is left is left. */
void bench_leave(struct bench *b);

/* A key that was not used before. */
struct laned_key bench_key(struct bench *b);
/* A payment or a refund: the journal comes first, and silence is no "no". */
bool bench_moves_money(uint32_t type);
/* Submits a request of type for a key; NULL: the plug-in did not take it. */
struct known *bench_submit(struct bench *b, uint32_t type, struct laned_key key);
/* An entry of recover() and its record. */
struct known *bench_entry(struct bench *b, uint32_t state, struct laned_key key,
			  struct laned_entry *ret_entry);
/* Runs for so long; a plug-in that does not come to rest fails the check. */
void bench_run(struct bench *b, int64_t ms);
/* Runs until k had its completion, at most BENCH_LIMIT_MS; fails the check when it had none. */
void bench_await(struct bench *b, const struct known *k);

bool bench_can(const struct bench *b, uint64_t cap);
/* "approved": what a number of enum laned_outcome means. */
const char *bench_outcome(uint32_t outcome);
bool bench_is_certain_no(uint32_t outcome);
bool bench_is_yes(uint32_t outcome);

/* ---- the peer on the other side, played by the kit ---- */

#define PEER_ENTRIES_MAX 4096u

enum peer_state { PEER_NEVER_HEARD, PEER_CAPTURED, PEER_DECLINED, PEER_UNDONE };

struct peer_entry {
	struct laned_key key;
	enum peer_state state;
	int64_t amount;
	bool confirmed;
	unsigned captures;
};

/* What the peer keeps, over every death of the plug-in. */
struct peer {
	const struct peer_ops *ops;
	bool declines; /* what it answers to a payment */
	bool mute;     /* it does its work and answers nothing */
	struct peer_entry entries[PEER_ENTRIES_MAX];
	unsigned entries_count;
};

struct peer_ops {
	const char *protocol;
	/* Takes what the plug-in has sent, and answers. */
	void (*serve)(struct peer *p, struct vhost *v);
	/* Says "approved", "declined" ... about a key, whatever the ledger has. */
	void (*say)(struct vhost *v, const struct laned_key *key, const char *outcome,
		    int64_t amount);
	/* Says "confirmed", "undone" or "not-found" to a confirm or an undo. */
	void (*say_end)(struct vhost *v, const struct laned_key *key, const char *word);
	/* The POS sends a basket of one line. */
	void (*basket)(struct vhost *v, unsigned ticket);
	/* The i-th kind of bytes that are none of the protocol's messages; false: no more kinds. */
	bool (*noise)(struct vhost *v, unsigned i, uint64_t random);
};

/* The peer of the command line or of the plug-in's own name; skips the check when none is played. */
void peer_init(struct peer *p, const struct bench *b);
/* NULL: none. */
const struct peer_ops *peer_find(const char *protocol);
struct peer_entry *peer_entry(struct peer *p, const struct laned_key *key);
/* As peer_entry, made when it is not there. */
struct peer_entry *peer_entry_make(struct peer *p, const struct laned_key *key);
/* What the ledger makes of a payment, and of a confirm or an undo; answered unless the peer is mute. */
void peer_take_pay(struct peer *p, struct vhost *v, const struct laned_key *key,
		   int64_t amount);
void peer_take_end(struct peer *p, struct vhost *v, const struct laned_key *key,
		   bool undo);
/* Answers with what the ledger has. */
void peer_tell(struct peer *p, struct vhost *v, const struct peer_entry *e);
/* Runs the plug-in and the peer in turns for so long. */
void peer_run(struct peer *p, struct bench *b, int64_t ms);
extern const struct peer_ops peer_drop, peer_lines;

/* ---- checks ---- */

struct conform_check {
	const char *name, *what;
	void (*run)(struct bench *b, const struct conform_options *o);
};
/* Each file's part, ending in one without a name. */
extern const struct conform_check conform_checks_table[], conform_checks_requests[],
	conform_checks_faults[], conform_checks_peer[], conform_checks_conns[],
	conform_checks_pos[];

#endif
