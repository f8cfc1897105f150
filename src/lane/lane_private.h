#ifndef LANED_LANE_LANE_PRIVATE_H
#define LANED_LANE_LANE_PRIVATE_H

/* What the files of laned share. Each part's functions are named after its file. */
#include "base/rpc.h"
#include "lane/clock_watch.h"
#include "lane/effects.h"
#include "lane/identity.h"
#include "lane/import.h"
#include "lane/lane.h"
#include "lane/members.h"
#include "lane/receipts.h"

#define ADAPTERS_MAX 8u
#define WATCHERS_MAX 8u
#define PENDING_MAX 64u
#define MESSAGE_BYTES_MAX (1000u * 1024u)

/* The phases of laned-bio's and the adapters' connections: nothing is taken before the hello. */
enum lane_peer_phase { PEER_NEW = 1, PEER_GREETED = 2 };

/* The roles of peers, bits for the method tables. */
enum lane_role {
	ROLE_BIO = 1,
	ROLE_ADAPTER = 2,
	ROLE_VIEW = 4,
	ROLE_OPERATE = 8,
	ROLE_ADMIN = 16,
	ROLE_POS = 32
};

/* One request handed to an adapter and not completed yet. */
struct pending {
	int64_t req; /* 0: free */
	enum lane_op op;
	struct key128 key;
	uint32_t offer; /* op offer: its serial */
	bool stale;     /* an answer that was handed over again since */
};

/* What a plug-in died of last, as its host read it from the crash record. */
struct adapter_crash {
	bool known;
	char plugin[65], version[33], build_id[41], how[17], signal[17], doing[41];
	int64_t at_wall_ms, deaths;
};

/* What a plug-in did that none should, and lives on. */
struct adapter_odd {
	bool known;
	char what[65];
	int64_t at_wall_ms, since_mono_ms;
};

/* After so long without another death the last one is not told any more. */
#define ADAPTER_WELL_MS (INT64_C(30) * 60 * 1000)

/* What an adapter's host says of itself. */
struct adapter_report {
	char state[17]; /* waiting, bypass, unloadable, loaded; empty: not told */
	char why[161], bypass_why[161];
	bool bypass;
	int64_t since_mono_ms;
	struct adapter_crash crash;
	struct adapter_odd odd;
};

struct adapter_link {
	struct lane *lane;
	char name[33];
	struct rpc_hooks hooks;
	struct rpc_listener *listener;
	struct rpc_peer *given; /* --fd */
	struct rpc_peer *peer;  /* NULL: away */
	bool greeted;           /* adapter.hello is done */
	char plugin[65], version[33];
	char place[PAYMENT_PLACE_BYTES]; /* adapter_place.c; "" not told */
	bool can_pay, can_query, can_partial, can_receipt, can_refund, can_confirm;
	bool known; /* it was here, and said what it can do */
	bool can_terminal, can_offer;
	struct pending pending[PENDING_MAX];
	size_t pending_next;
	uint64_t connects, submits, completions;
	struct adapter_report report;
};

#define READERS_SEEN_MAX LANE_READERS_MAX

/* A reader as bio.state told of it last: what changes are told by. */
struct reader_seen {
	char name[33], driver[17], state[17], why[33], hint[33];
	char model[65], port[65], serial[65];
};

struct readers_seen {
	struct reader_seen list[READERS_SEEN_MAX];
	size_t count;
};

/* What laned-bio told of itself last, as the text of bio.state. */
struct bio_link {
	struct rpc_hooks hooks;
	struct rpc_listener *listener;
	struct rpc_peer *given; /* --fd */
	struct rpc_peer *peer;  /* NULL: away, or bio.hello is not done */
	bool greeted;
	struct readers_seen readers;
	char version[33];
	struct json_out *state; /* one object; empty before the first bio.state */
	bool has_state;
	uint64_t connects;
};

/* An enrolment that a control client drives. */
struct enrol_link {
	bool open;
	struct ulid session, subject, member;
	struct rpc_peer *peer; /* its client */
};

struct control_link {
	struct rpc_hooks hooks;
	struct arena *arena; /* of the method table */
	struct rpc_listener *listener;
	struct rpc_peer *given; /* --fd */
	struct rpc_peer *watchers[WATCHERS_MAX];
	uint64_t changes;      /* times that the watchers were to be told */
	struct import *import; /* NULL: none under way */
	struct rpc_peer *import_peer;
	struct ulid import_id;
	struct rpc_call *identify; /* the next touch is for this call */
	struct rpc_peer *identify_peer;
	char identify_probe[LANE_PROBE_BYTES];
	struct enrol_link enrol;
};

#define CLAIM_BYTES 32u
/* What the customer's claim is to laned-bio; see claims.c. */
struct claim_given {
	bool is_set;
	struct ulid subject; /* the first one of the member who claimed */
	uint8_t bytes[CLAIM_BYTES];
};

struct lane {
	struct loop *loop;
	struct conf *conf; /* as started with: what needs a restart */
	struct conf *live; /* as reloaded: what does not */
	const char *conf_file;
	struct identity identity;
	struct db *cache;
	struct journal *journal;   /* NULL: could not be opened */
	struct receipts *receipts; /* NULL: no key, see receipts_note */
	struct ulid receipt_told;  /* the last checkout whose receipt went to the POS */
	struct pricing_rules *rules;
	struct lane_env env;
	struct lane_core *core;
	struct effects *effects;
	struct loop_timer *tick;
	struct bio_link bio;
	struct adapter_link adapters[ADAPTERS_MAX];
	size_t adapters_count;
	struct key128 astray[LANE_PAYMENTS_MAX]; /* open payments that were told of */
	uint32_t astray_count;
	struct control_link control;
	struct claim_given *claim; /* locked */
	struct json_out *out;      /* every message is built here */
	struct arena *arena;       /* of one message */
	int64_t last_req;
	struct rpc_call *journal_call; /* the adapter.journal being answered */
	struct rpc_call *tender_call;  /* the tender-wanted being answered */
	struct adapter_link
		*offers_to;      /* that the last basket came from; NULL none yet */
	uint64_t tenders_passed; /* what a POS asked for, and the real terminal had */
	/* Scratch of one step: what events point to. */
	struct lane_member member;
	struct lane_use uses[LANE_USES_MAX];
	struct ulid found[LANE_FOUND_MAX], found_subjects[LANE_FOUND_MAX];
	char name[33], store[33], language[9]; /* kept over a reload */
	int64_t started_wall_ms;
	int32_t swept_day;        /* business day of the last sweep of the journal */
	int64_t believed_wall_ms; /* the last record at start, then the last sweep */
	struct clock_watch clock;
	bool clock_doubted, unprotected;
	char cache_note[256], journal_note[256], receipts_note[RECEIPTS_WHY_BYTES];
	struct loop_timer *state_retry; /* while a file of the state folder is missing */
	bool cache_volatile;            /* cache is an empty one below /run */
	int journal_error;              /* why journal is NULL */
	char journal_behind
		[256];        /* it is older than it was: what is missing; "" it is not */
	int64_t anchored_seq; /* as far as the anchor beside it goes */
	uint64_t pans_refused; /* by the PAN guard of laned's own sockets */
};

/* lane.c */
/* One event through the core: effects performed, timer set. What the core said of the event. */
int lane_step(struct lane *l, struct lane_event *ev);
/* lane_reload; the names of changed keys go into the open object o (NULL: nowhere). */
int lane_reload_into(struct lane *l, struct json_out *o);
void lane_now(const struct lane *l, struct timepoint *ret_now);
/* Loads the rules from cache.db again and tells the core. */
void lane_rules_changed(struct lane *l);
/* A member as the core wants it, into l->member. 0; -ENOENT; db.h's errors. */
int lane_find_member(struct lane *l, struct ulid member);
/* The same for effects_restore: ctx is the lane. */
int lane_find_member_cb(void *ctx, struct ulid member, struct lane_member *ret_member);
/* Begins an object in l->out. */
struct json_out *lane_message(struct lane *l);

/* state.c: cache.db, journal.db and what stands beside them. 0, or the lane cannot start. */
int state_open(struct lane *l);
void state_close(struct lane *l);
/* Notes how far the journal has come, where it went on since: beside it, so that an older one shows. */
void state_anchor(struct lane *l);

/* ops.c: performs what the core asks. */
extern const struct effects_ops lane_effects_ops;

/* claims.c: claims that templates are sealed under, where the profile wants it. */
bool claims_are_wanted(const struct lane *l);
/* All of a member, as member "claims" of an open object. -ENOKEY there is none; -EIO. */
int claims_put_enrolled(struct json_out *o, const struct member_record *r);
/* A claim that names this member was presented; the one before is forgotten. */
void claims_take(struct lane *l, struct ulid member, enum claim_kind kind,
		 struct str value);
void claims_forget(struct lane *l);
/* It goes with an arm for this subject, as member "claim"; nothing where there is none. */
void claims_put_presented(struct lane *l, struct json_out *o, struct ulid subject);

/* bio_link.c */
int bio_link_open(struct lane *l, int fd);
void bio_link_close(struct lane *l);
int bio_link_perform(struct lane *l, const struct lane_effect *fx);

/* readers.c */
/* One of bio.state's "readers" or bio.status's "attached"; what is missing is "". */
void readers_get(struct reader_seen *ret_reader, const struct value *v);
/* What a bio.state (or the state of a bio.hello) says of the readers. */
void readers_take(struct lane *l, const struct value *state);
/* done(): status is laned-bio's own (bio.status), valid inside; NULL: why there is none. */
typedef void (*readers_done_fn)(struct lane *l, struct rpc_call *call,
				const struct value *status, const char *why);
/* Asks laned-bio for its status; done is called once, perhaps at once. */
void readers_ask(struct lane *l, struct rpc_call *call, readers_done_fn done);
/* The method lane.readers. */
void readers_method(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
		    const struct value *params);

/* bio_report.c: the method bio.report. */
void bio_report_method(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
		       const struct value *params);

/* adapter_link.c */
int adapter_links_open(struct lane *l, int fd);
void adapter_links_close(struct lane *l);
/* A request under way; the oldest gives way (its completion then goes by key alone). */
struct pending *adapter_pending_add(struct adapter_link *a, enum lane_op op,
				    struct key128 key);

/* adapter_submit.c */
/* What every message about a payment carries: key, ticket, amount and its references. */
void adapter_put_payment(struct json_out *o, const struct payment *p);
int adapter_link_perform(struct lane *l, const struct lane_effect *fx);
/*
 * The POS closed this ticket with its own tenders: the codes of its receipt, once. They may be lost
 * with a process; the journal still has them.
 */
void adapter_link_receipt(struct lane *l, const struct lane_display *d);
/* The payer, when it is here; else NULL. */
struct adapter_link *adapter_link_active(struct lane *l);

/* adapter_tender.c */
/* The first adapter that can charge a token, here or not; NULL: it is not known which. */
struct adapter_link *adapter_payer(struct lane *l);
/* The one that the POS's offers go to, and is here; or NULL. */
struct adapter_link *adapter_offers(struct lane *l);
/* Whose a request is: of a payment, or (NULL) of an offer. NULL: of nobody who is configured. */
struct adapter_link *adapter_of(struct lane *l, enum lane_op op, const struct payment *p);
/* What it has to take up again: as the payer; as the one that speaks for the POS. */
bool adapter_is_payer_of(struct adapter_link *a, const struct payment *p);
bool adapter_is_pos_of(struct adapter_link *a, const struct payment *p);
/* A POS asks for its money itself, or may do so. */
bool adapter_pos_asks(const struct lane *l);
/* Which POS asked for it, by its adapter: into the open object; nothing when none did. */
void put_asked_by(struct json_out *o, const struct payment *p);
/* A payment as the POS knows it, into the open object. */
void adapter_put_for_pos(struct json_out *o, const struct payment *p);
void adapter_put_answer(struct json_out *o, const struct lane_effect *fx);
/* FX_TENDER_REPLY */
void adapter_tender_reply(struct lane *l, const struct lane_effect *fx, bool ok);
/* The method adapter.event. */
void adapter_event_method(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
			  const struct value *params);
/* The core is told whether a POS can ask through it. */
void adapter_tell_pos_link(struct adapter_link *a, bool up);

/* adapter_report.c */
/* The report that comes with a hello. */
void adapter_report_take(struct adapter_link *a, const struct value *v);
/* The method adapter.report: at any time, also of a host whose plug-in is not loaded. */
void adapter_report_method(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
			   const struct value *params);
/* The process went away: what it was doing it does no more. */
void adapter_report_gone(struct adapter_link *a);
/* What its plug-in died of, until it has worked for a while; NULL: nothing. */
const struct adapter_crash *adapter_report_crash(const struct adapter_link *a);
/* adapter_place.c: what stands behind an adapter's name. True: it is not what it was last. */
bool adapter_place_take(struct adapter_link *a, const struct value *params);
/* What was handed to "place" under the adapter's name is its own; so far as is known now. */
bool adapter_place_fits(const struct adapter_link *a, const char *place);
/* The same of a payment, by the side of it that has the adapter's name. */
bool adapter_place_is_of(const struct adapter_link *a, const struct payment *p);
/* It asked for it for its POS; or, where no POS did, it is the payer. */
bool adapter_speaks_of(const struct adapter_link *a, const struct payment *p);
/*
 * The newest payment that was handed to what the adapter is now, as payer or for its POS, and that it
 * calls so; and the one that a later word of it by this reference is about: what its POS calls so comes before
 * what a payer does, as they count each for itself. *ret is written in any case. 0; -ENOENT; a store error.
 * Both block on the journal.
 */
int adapter_find(const struct adapter_link *a, struct str ref, struct payment *ret);
int adapter_find_told(const struct adapter_link *a, struct str ref, struct payment *ret);
/* Alarms for open payments whose adapter's name stands for another one now; each once. */
void adapter_place_check(struct lane *l);
void adapter_place_doctor(const struct adapter_link *a, struct json_out *o);

/* Members of the adapter's object; checks of the doctor, each only when something is wrong. */
void adapter_report_put(const struct adapter_link *a, struct json_out *o);
void adapter_report_doctor(const struct adapter_link *a, struct json_out *o);

/* pos.c: pos.basket, pos.claim, pos.cancel, for adapters and the control socket. */
/* True, and counted, when s holds a payment card number. */
bool pos_guard(struct lane *l, struct str s);
/* Takes a basket and answers the call; 0, or why it was not taken (a negative errno). */
int pos_basket_take(struct lane *l, struct rpc_call *call, const struct value *params);
void pos_basket(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
		const struct value *params);
void pos_claim(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	       const struct value *params);
void pos_cancel(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
		const struct value *params);

/* control.c, control_members.c, control_records.c, control_templates.c */
int control_open(struct lane *l, int fd);
void control_close(struct lane *l);
void control_changed(struct lane *l); /* tells the watchers */
/* The answers to what control clients wait for; called by bio_link. */
bool control_take_touch(struct lane *l, struct str probe);
/* A finger on a reader now is for an enrolment or an identify, not for the checkout. */
bool control_has_touch(const struct lane *l);
bool control_take_identified(struct lane *l, struct str probe,
			     const struct value *params);
void control_enrol_progress(struct lane *l, const struct value *params);
void control_bio_gone(struct lane *l);
/* control_members.c: the enrolment's client is gone: laned-bio is told to forget it. */
void control_enrol_drop(struct lane *l);
/*
 * The member named by params (a member number or a ulid). 0, or a negative errno: then the call was
 * answered.
 */
struct member_record;
int control_named_member(struct lane *l, struct rpc_call *call,
			 const struct value *params, struct member_record *ret_record);
/* The member's one subject at this lane: linked, in the journal, before a template exists. */
int control_subject(struct lane *l, struct member_record *r);
/* The consent as a record of this lane, beside the biometric one in laned-bio. */
int control_consent(struct lane *l, struct ulid id, struct ulid member,
		    const struct value *consent);
/* A line of the audit record: a fixed word. */
void control_audit(struct lane *l, const char *what);
/* control_templates.c: records of other systems, in and out of laned-bio. */
extern const struct rpc_method control_template_methods[];
extern const size_t control_template_methods_count;
extern const struct rpc_method control_member_methods[];
extern const size_t control_member_methods_count;
/* receipt_codes.c */
/*
 * The receipt's codes of a checkout that is done and paid, as member "receipt" of an open object;
 * nothing and false when there are none. confirming: the payment that is just being confirmed, or
 * NULL.
 */
bool receipt_codes_put(struct lane *l, struct json_out *o, struct ulid checkout,
		       const struct payment *confirming);
/* Whoever has the codes has the receipt: not who may only look. */
bool control_sees_receipts(const struct rpc_peer *peer);
/* control_returns.c: goods taken back; control_receipts.c: the keys of receipts. */
extern const struct rpc_method control_return_methods[];
extern const size_t control_return_methods_count;
extern const struct rpc_method control_receipt_methods[];
extern const size_t control_receipt_methods_count;
/* control_payments.c: what the books want. */
extern const struct rpc_method control_payment_methods[];
extern const size_t control_payment_methods_count;
extern const struct rpc_method control_record_methods[];
extern const size_t control_record_methods_count;
/* The bit of each role that may call a method for role and above. */
#define ROLES_VIEW (ROLE_VIEW | ROLE_OPERATE | ROLE_ADMIN)
#define ROLES_OPERATE (ROLE_OPERATE | ROLE_ADMIN)
#define ROLES_ADMIN ROLE_ADMIN

/* status.c, doctor.c: into an open object. */
/* receipt: with the codes of a receipt, which are as good as one; see control_sees_receipts. */
void status_write(struct lane *l, struct json_out *o, bool receipt);
void status_checkout(struct lane *l, struct json_out *o, bool receipt);
/* status_price.c */
void status_price(struct lane *l, struct json_out *o);
/* bio: laned-bio's status, NULL when there is none. */
void doctor_write(struct lane *l, struct json_out *o, const struct value *bio);
enum health { HEALTH_OK, HEALTH_WARN, HEALTH_FAIL };
/* One element of the open array of checks; advice is left out when all is well. */
void doctor_put(struct json_out *o, const char *name, enum health h, const char *text,
		const char *advice);

/* doctor_readers.c: the checks of the readers, for doctor_write. */
void doctor_readers(struct lane *l, struct json_out *o, const struct value *bio);

/* messages.c: reading and writing the types of docs/protocol.md. */
void put_ulid(struct json_out *o, const char *name,
	      struct ulid id); /* nothing when zero */
void put_key(struct json_out *o, const char *name, struct key128 key);
/* Payment or refund; of a refund what it gives back of, and for which return. */
void put_kind(struct json_out *o, const struct payment *p);
void put_time(struct json_out *o, const char *name, int64_t wall_ms); /* nothing when 0 */
int get_ulid(const struct value *v, const char *name, struct ulid *ret_id);
int get_key(const struct value *v, const char *name, struct key128 *ret_key);

#endif
