#ifndef LANED_CORE_CHECKOUT_CHECKOUT_H
#define LANED_CORE_CHECKOUT_CHECKOUT_H

#include "base/plain/caltime.h"
#include "base/plain/ids.h"
#include "base/plain/money.h"
#include "core/payment/payment.h"
#include "core/pricing/pricing.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One lane: the current checkout and the unresolved payments of earlier ones. Pure: events and the
 * time in, effects out; no I/O, no clock, no globals. All memory is owned by the struct lane_core.
 * The shell (src/lane) translates messages into events, hands the effects to lane/effects, and
 * wakes the core at lane_core_deadline(). Not thread-safe; never blocks.
 */

#define LANE_TICKET_BYTES PAYMENT_TICKET_BYTES
#define LANE_PROBE_BYTES 40 /* laned-bio's name of a captured image, opaque */
#define LANE_TOKEN_BYTES 129
#define LANE_RULE_BYTES 64
#define LANE_TEXT_BYTES 101
#define LANE_RULE_TEXT_BYTES 401 /* 100 characters of UTF-8 */
#define LANE_SUBJECTS_MAX 16u
#define LANE_DIGITS_HOUR_MAX 32u
#define LANE_FOUND_MAX 1000u /* members that a claim may fit */
#define LANE_GROUPS_MAX 16u
#define LANE_COUPONS_MAX 16u
#define LANE_USES_MAX 4096u /* limited rules of one set that were used */
#define LANE_LINES_MAX 999u
#define LANE_READERS_MAX 16u
#define LANE_READER_BYTES 33  /* a reader's name */
#define LANE_PAYMENTS_MAX 32u /* unresolved at once; more: token payment is off */
#define LANE_REFUNDS_MAX 8u   /* of those at most; more: money goes back otherwise */
#define LANE_EFFECTS_MAX 224u
#define LANE_ENDED_TICKETS 16u /* whose late baskets open nothing */
#define LANE_PARTS_MAX 4u      /* payments of one of them that its cancel finds again */
#define LANE_NEVER INT64_MAX

enum checkout_phase {
	PHASE_IDLE,
	PHASE_OPEN,
	PHASE_TOTALLED,
	PHASE_CONFIRMING, /* total shown, the member is known, a touch pays */
	PHASE_PAYING,
	PHASE_CHECKING, /* outcome unknown */
	PHASE_DONE,
	PHASE_CANCELLED,
	PHASES
};

enum member_state {
	MEMBER_NONE,
	MEMBER_IDENTIFYING, /* a touch or a claim is being looked up */
	MEMBER_KNOWN,
	MEMBER_AMBIGUOUS, /* digits are wanted, or another finger */
	MEMBER_REMOVED,   /* "not you?" */
	MEMBER_STATES
};

/* What the shopper was last told beside phase and member; lapses with the next event of its kind. */
enum checkout_note {
	NOTE_NONE,
	NOTE_NOT_READ,     /* E1, try again */
	NOTE_USE_CLAIM,    /* E1, tries are used up; or a claim that nobody fits */
	NOTE_NOT_MEMBER,   /* E2 */
	NOTE_OTHER_FINGER, /* a confirming touch by another finger: never pays */
	NOTE_NEED_CLAIM,   /* above the limit of paying by touch alone */
	NOTE_DECLINED,
	NOTE_NOT_CHARGED, /* cancelled or not sent: certain */
	NOTE_PAY_OTHER,   /* token payment is over for this checkout: card or cash */
	NOTE_CHANGED,     /* basket changed under a confirmation: touch again */
	NOTES
};

/*
 * Why a finger was not read, as laned-bio hints at it: the message that goes with row E1. In the
 * order of what helps most, so that the first one of several is told.
 */
enum touch_hint {
	TOUCH_HINT_NONE,
	TOUCH_HINT_MOVED, /* hold still */
	TOUCH_HINT_LIFT,  /* the finger was there too early: lift and press again */
	TOUCH_HINT_BLANK,
	TOUCH_HINT_TOO_SMALL,
	TOUCH_HINT_GLOVE,
	TOUCH_HINT_TOO_WET,
	TOUCH_HINT_TOO_DRY,
	TOUCH_HINT_LOW_CONTRAST,
	TOUCH_HINT_FEW_MINUTIAE,
	TOUCH_HINTS
};

/* What laned-bio's readers are good for: the service code of E8. */
enum readers_health {
	READERS_OK,     /* one at least can take a finger */
	READERS_NONE,   /* no reader is configured */
	READERS_ABSENT, /* none is attached */
	READERS_FAULTY, /* attached, and does not answer */
	READERS_AWAY,   /* laned-bio itself is away */
	READERS_HEALTHS
};

/* LANE-UX's rows. Training (row T) is a banner over all of them: struct lane_display.training. */
enum display_row {
	ROW_IDLE,         /* 0 */
	ROW_IDLE_CLAIM,   /* 0 where the claim comes first: never "touch here" */
	ROW_SCANNING,     /* 1 */
	ROW_RECOGNISED,   /* 2 */
	ROW_ITEMS,        /* 3 */
	ROW_TOTAL,        /* 4 */
	ROW_CONFIRM,      /* 5 */
	ROW_OTHER_FINGER, /* 5, "another finger" */
	ROW_AUTHORISING,  /* 6 */
	ROW_APPROVED,     /* 7 */
	ROW_CLAIM,        /* C: card, phone or QR wanted */
	ROW_NOT_READ,     /* E1 */
	ROW_NOT_MEMBER,   /* E2 */
	ROW_REMOVED,      /* E3 */
	ROW_AMBIGUOUS,    /* E4 */
	ROW_DECLINED,     /* E5 */
	ROW_CANCELLED,    /* E6: nothing charged */
	ROW_CHECKING,     /* E6u */
	ROW_PAY_OTHER,    /* E7: saving applied, pay by card or cash */
	ROW_SENSOR_FAULT, /* E8 */
	ROW_DONE,         /* ended with the POS's own tender */
	ROWS
};

/* Faults of the lane; each one alone keeps the sale going. */
struct lane_faults {
	bool bio_down;       /* no reader or no laned-bio: E8; see lane_display.readers */
	bool adapter_down;   /* E7 */
	bool journal_failed; /* E7: no token payment */
	bool clock_doubted;  /* no token payment */
	bool environment; /* cloned lane, foreign environment: no payments, no undo, nothing sent */
	bool training; /* the lane's own switch (lanectl); a basket has its own */
};

/* All that a row depends on. */
struct row_state {
	enum checkout_phase phase;
	enum member_state member;
	enum checkout_note note;
	bool has_lines;
	bool scanning;    /* a finger that was asked for is being taken or looked up */
	bool claim_first; /* the sensor is dark before a claim */
	bool in_doubt;    /* a payment of this checkout is not certain, or being undone */
	struct lane_faults faults;
};

/* Pure: LANE-UX's row of a state. */
enum display_row checkout_row(const struct row_state *s);

/* Pure: would a touch be looked at now? Where it would not, a finger is not shown as "scanning". */
bool checkout_wants_touch(enum checkout_phase phase, enum member_state member);

/* "idle", "open" ...; "none", ...; "idle", "scanning", "not-read" ... for status and display. */
const char *checkout_phase_name(enum checkout_phase p);
const char *member_state_name(enum member_state m);
const char *display_row_name(enum display_row r);
const char *checkout_note_name(enum checkout_note n);
/* Ids of messages: "lift-and-press-again", ... and "" for none. */
const char *touch_hint_name(enum touch_hint h);
/* TOUCH_HINT_NONE when there is no such name. */
enum touch_hint touch_hint_parse(struct str name);
/* The one hint to tell of a set with 1 << hint for each. */
enum touch_hint touch_hint_of(uint32_t set);
/* The service code of E8: "no-reader", "reader-absent", "reader-faulty", "bio-away"; "" all is well. */
const char *readers_health_name(enum readers_health h);
/* parse for the journal: 0 or -EINVAL. */
int checkout_phase_parse(struct str s, enum checkout_phase *ret_phase);
int member_state_parse(struct str s, enum member_state *ret_state);

/* Use of a limited rule by a member, the day and in all: what pricing_use wants, with storage. */
struct lane_use {
	char rule[LANE_RULE_BYTES];
	int64_t member_used, member_day_used, total_used;
	int64_t budget_used_minor; /* taken off by it in all */
};

/*
 * What the core knows of a member: what prices and payment need and the display may show. Filled
 * by the shell from cache.db and the journal; copied by the core.
 */
struct lane_member {
	struct ulid member;
	char number[33]; /* the member number for the POS, may be empty */
	struct ulid subjects[LANE_SUBJECTS_MAX];
	uint32_t subjects_count; /* 0: a member without a finger */
	char groups[LANE_GROUPS_MAX][33];
	uint32_t groups_count;
	char coupons[LANE_COUPONS_MAX][33];
	uint32_t coupons_count;
	bool first_purchase;
	bool minor;        /* never tenders */
	char language[9];  /* "" = the lane's */
	char greeting[41]; /* first name, only when the member opted in */
	bool has_tender;   /* the default tender below is usable by the adapter */
	char token[LANE_TOKEN_BYTES];
	char tender_label[33];
	char last4[5];
	int64_t tender_limit_minor; /* per checkout, 0 none */
	int64_t touch_paid_today_minor; /* by touch alone this business day (journal_touch_sum) */
	int64_t points;                 /* the account's balance, as it was imported */
	const struct lane_use
		*uses;       /* of limited rules; without this checkout's reservation */
	uint32_t uses_count; /* <= LANE_USES_MAX */
	bool uses_unknown;   /* they could not be read: no limited rule applies */
};

struct basket_line {
	uint32_t line; /* the POS's number, unique in the basket */
	char code[33]; /* gtin or plu */
	char text[LANE_TEXT_BYTES];
	char category[65];
	char brand[33];
	int64_t qty_milli;
	int64_t unit_price_minor, amount_minor;
	int64_t floor_minor; /* never sold below, 0 none; of the whole line */
	uint32_t vat_bp;
	bool is_void, weighed;
	bool excluded; /* no offer may touch it */
	bool reduced;  /* the POS has reduced it already */
	/* What it costs after all offers, 0 void: filled in by the core. A journal of an older version
	 * has none. */
	int64_t net_minor;
	bool has_net;
};

struct lane_basket {
	struct str ticket;
	uint32_t rev;
	struct str currency;
	const struct basket_line *lines;
	uint32_t lines_count; /* <= LANE_LINES_MAX */
	bool final, closed, training;
	int64_t pos_local_ms; /* the POS's date and time of day, as if UTC; 0 not told */
};

enum bio_outcome { BIO_ACCEPT, BIO_AMBIGUOUS, BIO_REJECT, BIO_RETRY };
enum claim_kind { CLAIM_CARD, CLAIM_PHONE, CLAIM_DIGITS, CLAIM_QR };
const char *claim_kind_name(enum claim_kind k); /* "card", "phone", "digits", "qr" */

/* What the adapter was asked, as completions tell it. */
enum lane_op {
	LANE_OP_OTHER, /* recovery after a restart, or not known any more: the state decides */
	LANE_OP_OFFER,
	LANE_OP_PAY,
	LANE_OP_QUERY,
	LANE_OP_CONFIRM,
	LANE_OP_UNDO,
	LANE_OP_REFUND,
	LANE_OP_ANSWER /* to the POS that asked for the money */
};
const char *lane_op_name(enum lane_op op); /* as in adapter.submit: "offer", "pay" ... */

/* The outcomes of docs/protocol.md; anything else an adapter says is OUTCOME_UNKNOWN. */
enum lane_outcome {
	OUTCOME_APPROVED,
	OUTCOME_PARTIAL,
	OUTCOME_CONFIRMED,
	OUTCOME_UNDONE,
	OUTCOME_DONE,
	OUTCOME_DECLINED,
	OUTCOME_CANCELLED,
	OUTCOME_NOT_SENT,
	OUTCOME_NOT_FOUND,
	OUTCOME_UNKNOWN,
	OUTCOME_IN_PROGRESS,
	OUTCOME_PASS /* of an answer only */
};
/* A name that is none of them gives OUTCOME_UNKNOWN. */
enum lane_outcome lane_outcome_parse(struct str name);
const char *lane_outcome_name(enum lane_outcome o);

/* ---- events -------------------------------------------------------------- */

enum lane_event_kind {
	LANE_EV_TICK,  /* lane_core_deadline() has come (or any other time) */
	LANE_EV_TOUCH, /* .touch: an image is complete */
	LANE_EV_IDENTIFIED, /* .bio; accept: member resolved by the shell from the subject, or NULL */
	LANE_EV_VERIFIED,       /* .bio: accept, reject, retry */
	LANE_EV_DECIDED,        /* .bio, as identified */
	LANE_EV_CLAIM,          /* .claim */
	LANE_EV_CLAIM_RESOLVED, /* .found: answer to FX_RESOLVE_CLAIM */
	LANE_EV_BASKET,         /* .basket */
	LANE_EV_CANCEL,         /* .ticket: pos.cancel */
	LANE_EV_OTHER_TENDER,   /* the cashier took another tender */
	LANE_EV_REMOVE_MEMBER,
	LANE_EV_SUBMIT_REFUSED, /* .submit: the adapter would not take it: certainly nothing happened */
	LANE_EV_JOURNAL_WANTED, /* .journal: adapter.journal, answered by FX_JOURNAL_ANSWER */
	LANE_EV_COMPLETION,     /* .completion: adapter.complete */
	LANE_EV_POS_UNDO, /* .key: the POS gives an approval back (adapter event tender-undo) */
	LANE_EV_TENDER_WANTED,    /* .tender: the POS asks for money; FX_TENDER_REPLY */
	LANE_EV_TENDER_ABORT,     /* .key: the POS wants that stopped */
	LANE_EV_TENDER_CONFIRMED, /* .key: it has taken the answer for good */
	LANE_EV_REPEAT_WANTED,    /* .key: it asks for the answer again */
	LANE_EV_POS_LINK, /* .pos: an adapter through which a POS may ask came or went */
	LANE_EV_REFUND, /* .refund: created, and durable with its return of goods: send it */
	LANE_EV_BIO,    /* .up: laned-bio came or went */
	LANE_EV_READERS,     /* .readers: what it says of its readers */
	LANE_EV_SENSOR,      /* .sensor: what laned-bio said to FX_ARM */
	LANE_EV_ADAPTER,     /* .up */
	LANE_EV_CLOCK,       /* .up: true = trusted */
	LANE_EV_ENVIRONMENT, /* .up: true = this lane is who it should be */
	LANE_EV_TRAINING,    /* .up: true = the lane trains */
	LANE_EV_RULES, /* offers or limits changed: lane_core_set_env() was called */
	LANE_EV_JOURNAL_FAILED, /* the commit of the last effects failed (given by lane/effects) */
	LANE_EVENTS
};
const char *lane_event_name(enum lane_event_kind k);

/* Fresh, never used before; the core takes them when the step begins a checkout or a payment. */
struct lane_fresh {
	struct ulid checkout;
	struct key128 key;
};

/* A reader by its name, and whether something lies on it. */
struct lane_glass {
	char reader[LANE_READER_BYTES];
	bool finger;
};

/* Everything behind a pointer or a str is borrowed for the call. */
struct lane_event {
	enum lane_event_kind kind;
	struct lane_fresh
		fresh; /* TOUCH, CLAIM, BASKET, IDENTIFIED, VERIFIED, DECIDED, CLAIM_RESOLVED */
	union {
		struct {
			struct str probe;
			/* It lay there when the reader came up: it tells who, and consents to nothing. */
			bool at_start;
			/* Whose finger came with the last LANE_EV_READERS: what was shown then is what
			 * it may consent to. One that was not told comes with this event. */
			struct str reader;
		} touch;
		struct {
			struct str probe;
			enum bio_outcome outcome;
			const struct lane_member
				*member; /* NULL: subject unknown to the cache */
			uint32_t hints;  /* a set for touch_hint_of */
			/* Identified: it tells who, and pays only with a claim. */
			bool claim_to_pay;
			bool replayed; /* reject: the very picture was here before */
			/* Ambiguous: a touch by another finger may decide together with it. */
			bool other_finger;
		} bio;
		struct {
			uint32_t serial; /* of FX_ARM */
			bool lit; /* false: refused, as of a member without a release */
		} sensor;
		struct {
			enum readers_health
				health; /* not READERS_AWAY: that is LANE_EV_BIO */
			const struct lane_glass *list;
			uint32_t count; /* <= LANE_READERS_MAX */
			bool aside; /* a finger that comes now is for an enrolment or a client */
			bool dirty; /* a glass is to be cleaned */
			bool rests; /* a finger or a thing does not leave a reader */
		} readers;
		struct {
			struct str ticket; /* may be empty */
			enum claim_kind kind;
			struct str value;
		} claim;
		struct {
			uint32_t serial; /* of FX_RESOLVE_CLAIM */
			/* All members it fits. One: member holds it whole. More (2..LANE_FOUND_MAX):
			 * subjects of all of them, to decide a probe against. None: count 0. */
			uint32_t count;
			const struct lane_member *member;
			const struct ulid *subjects;
			uint32_t subjects_count;
		} found;
		struct lane_basket basket;
		struct str ticket;
		struct {
			enum lane_op op;
			struct key128 key; /* zero for an offer */
			uint32_t offer;    /* the serial of FX_OFFER; 0 not known */
		} submit;
		struct {
			struct key128 key;
			struct str req; /* given back in FX_JOURNAL_ANSWER */
			bool answer;    /* false: state sending; true: answer-sending */
			struct str
				from; /* the adapter that asks; empty: whichever it is */
			const uint8_t *blob;
			uint32_t blob_bytes;
		} journal;
		struct {
			enum lane_op op;
			struct key128 key;
			enum lane_outcome outcome;
			int64_t amount_minor;
			/* false: an approval is believed only when it repeats an earlier one */
			bool has_amount;
			struct str currency, auth, ref;
			struct str from; /* the adapter; empty: whichever it is */
			/* An answer was handed over again since: what came of this one is not certain. */
			bool stale;
			uint32_t
				offer; /* op offer: the serial of FX_OFFER; 0 not known */
			/* The journal was asked, and has no payment of this key: lane/effects says so. */
			bool stranger;
		} completion;
		struct {
			struct str adapter, ticket; /* no ticket: the present one */
			struct str place; /* what stands behind that adapter's name */
			struct str currency, ref; /* may be empty */
			int64_t amount_minor;
			uint32_t rev; /* of the basket that is to be paid; 0 not told */
			const uint8_t *blob;
			uint32_t blob_bytes;
		} tender;
		struct {
			struct str adapter;
			bool up;
			bool partial; /* its POS can take a part */
		} pos;
		struct key128 key;
		const struct payment *refund;
		bool up;
	};
};

/* ---- effects ------------------------------------------------------------- */

enum lane_effect_kind {
	/* Stores: always first in a list; one commit, before any other effect. */
	FX_STORE_CHECKOUT, /* .checkout, synchronous=NORMAL unless a durable one is in the list */
	FX_STORE_PAYMENT, /* .payment, durable (FULL) */
	FX_AUDIT,         /* .audit */
	/* Sends. */
	FX_JOURNAL_ANSWER, /* .answer: to adapter.journal; ok false when the commit failed */
	FX_IDENTIFY,   /* .bio.probe; .bio.with: an earlier touch that was ambiguous */
	FX_VERIFY,     /* .bio: the probe against the member's subjects */
	FX_DECIDE,     /* .bio: the probe against the claimed few */
	FX_DROP_PROBE, /* .bio.probe */
	FX_ARM, /* .arm: the sensor may light for these subjects; answered by LANE_EV_SENSOR */
	FX_DISARM,        /* the sensor goes dark */
	FX_RESOLVE_CLAIM, /* .claim: find members; answered by LANE_EV_CLAIM_RESOLVED */
	FX_OFFER,         /* .offer */
	FX_PAY,           /* .pay */
	FX_QUERY,         /* .payment */
	FX_CONFIRM,       /* .payment */
	FX_UNDO,          /* .payment */
	FX_REFUND,        /* .pay, without a token */
	FX_ANSWER,        /* .tell: to the adapter of the POS that asked */
	FX_TENDER_REPLY, /* .reply: to LANE_EV_TENDER_WANTED; yes only when it is durable */
	FX_SHOW,         /* .show: the display state changed */
	FX_ALARM, /* .audit: log it as an error; the audit record is a FX_AUDIT of its own */
	LANE_EFFECT_KINDS
};
const char *lane_effect_name(enum lane_effect_kind k);
/* True for what is written (stores and audit); false for what is sent. */
bool lane_effect_is_store(enum lane_effect_kind k);
/* True for what must not be done unless the list's commit succeeded: pay, confirm, undo, refund,
 * answer. */
bool lane_effect_needs_commit(enum lane_effect_kind k);

/*
 * Reserved or used applications of one limited rule by a checkout, and what they take off. Several
 * members have rows of one rule while the POS may still sell at the price of the one before.
 */
struct lane_reserved {
	char rule[LANE_RULE_BYTES];
	uint32_t applications;
	int64_t discount_minor;
	struct ulid member; /* whose; zero: of whom the checkout is */
};
/* What row i adds to all uses of its rule: one of the rows is sold, and the largest counts. */
void lane_reserved_total(const struct lane_reserved *list, uint32_t i,
			 uint32_t *ret_applications, int64_t *ret_discount_minor);

/* The record of a checkout as the journal keeps it. */
struct checkout_record {
	struct ulid checkout;
	enum checkout_phase phase;
	enum member_state member_state; /* identifying and ambiguous are kept as none */
	struct ulid member;             /* zero none */
	bool claimed;                   /* by a claim: above the touch limit */
	bool touched;                   /* by a finger */
	bool training;                  /* then only id, phase and times are kept */
	bool claim_to_pay;              /* identified, but not for payment */
	bool pay_blocked;
	bool tender_outside; /* done by the POS's own tenders */
	bool pos_closed;     /* and the POS said so; else it went on without a word */
	char ticket[LANE_TICKET_BYTES];
	char currency[PAYMENT_CURRENCY_BYTES];
	uint32_t rev; /* of the basket held, 0 none yet */
	bool final;
	const struct basket_line
		*lines; /* borrowed until the next step; NULL: basket unchanged */
	uint32_t lines_count;
	bool basket_changed; /* lines are to be written */
	int64_t gross_minor, total_minor, saving_minor;
	int64_t paid_minor; /* approved for it */
	const struct lane_reserved
		*reserved; /* borrowed; the whole set, or NULL: unchanged */
	uint32_t reserved_count;
	bool uses_count_now; /* paid: reserved become used in this commit */
	int64_t points;      /* that it earns; earned once it is done */
	int32_t business_day;
	int64_t opened_wall_ms, changed_wall_ms;
};

struct lane_audit {
	const char *what;     /* fixed word: "member-removed", "payment-unknown" ... */
	struct ulid checkout; /* zero none */
	struct key128 key;    /* zero none */
	int64_t amount_minor;
	const char *text; /* fixed English text or NULL; nothing personal */
};

struct lane_discount {
	uint32_t line;
	int64_t amount_minor; /* > 0 */
	struct str rule, text;
};

struct lane_display {
	enum display_row row;
	enum checkout_phase phase;
	enum member_state member;
	enum checkout_note note;
	enum touch_hint
		reason; /* why not read; "lift" beside any row that wants a touch */
	struct lane_faults faults;
	enum readers_health readers; /* the service code beside faults.bio_down */
	bool other_finger; /* E4: another finger of the shopper's is as good as the digits */
	bool clean_glass;  /* for the cashier: wipe the reader's glass */
	bool finger_rests; /* for the cashier: something lies on the reader */
	bool claim_first;  /* card, phone or QR first: no word of touching before that */
	bool sensor_on;    /* with claim_first: laned-bio was told to light the sensor */
	struct ulid checkout;
	char ticket[LANE_TICKET_BYTES];
	char currency[PAYMENT_CURRENCY_BYTES];
	uint32_t rev, lines_count;
	int64_t gross_minor, total_minor, saving_minor, due_minor;
	char greeting[41], language[9], tender_label[33], last4[5];
	bool can_pay;  /* a touch now would pay */
	bool training; /* banner on every surface */
	bool optimal; /* the price is proven; else nothing is cheaper by more than the gap */
	int64_t gap_minor;
	int64_t member_saving_minor; /* what the basket would cost more without membership */
	int64_t join_saving_minor; /* of a stranger's total: what joining now would save */
	uint64_t
		prices; /* changes with any line's net or discount: see lane_core_discounts */
	int64_t points_balance, points_earned;
	int64_t burn_points, burn_minor; /* so many of the points could pay so much */
	int32_t business_day;            /* of the checkout */
	/* "1 more = ...": at most one, and of which line. */
	char hint_rule[LANE_RULE_BYTES];
	char hint_text[LANE_RULE_TEXT_BYTES];
	uint32_t hint_line;
	int64_t hint_saving_minor;
};

/* Pointers are borrowed from the core and valid until its next call. */
struct lane_effect {
	enum lane_effect_kind kind;
	union {
		struct checkout_record checkout;
		const struct payment *payment;
		struct lane_audit audit;
		struct {
			struct key128 key;
			char req[65];
			bool ok;
		} answer;
		struct {
			char probe[LANE_PROBE_BYTES];
			char with[LANE_PROBE_BYTES]; /* "" none */
			const struct ulid *subjects;
			uint32_t subjects_count;
		} bio;
		struct {
			uint32_t serial;
			enum claim_kind kind;
			struct str value;
		} claim;
		struct {
			uint32_t serial;
			int64_t timeout_ms; /* then laned-bio disarms by itself */
			const struct ulid *subjects;
			uint32_t subjects_count;
		} arm;
		struct {
			const char *ticket;
			uint32_t rev;
			const char *member_no; /* "" none */
			const struct lane_discount *discounts;
			uint32_t discounts_count;
			int64_t total_minor, saving_minor;
			uint32_t serial; /* given back when it was not taken */
		} offer;
		struct {
			const struct payment *payment;
			const char *token;
			int64_t timeout_ms;
		} pay;
		struct {
			const struct payment *payment;
			enum lane_outcome outcome;
		} tell;
		struct {
			struct key128 key; /* under which the answer will come */
			bool ok;
			const char *why; /* not: a fixed English text */
			bool stranger; /* nobody of ours would pay: counted, and not kept */
		} reply;
		const struct lane_display *show;
	};
};

struct lane_effects {
	struct lane_effect list[LANE_EFFECTS_MAX]; /* stores first */
	uint32_t count;
};

/* ---- the core ------------------------------------------------------------ */

struct lane_limits {
	int64_t touch_checkout_minor; /* 5000: pay by touch alone, per checkout */
	int64_t touch_day_minor;      /* 10000, per business day */
	int64_t check_in_ms;          /* 60 000 without an item */
	int64_t idle_checkout_ms;     /* 1 800 000 */
	int64_t scan_ms;      /* 5 000: laned-bio's answer; "scanning" without a touch */
	int64_t probe_ms;     /* 30 000: it keeps a probe */
	int64_t done_show_ms; /* 8 000: then idle */
	int64_t journal_retry_ms; /* 5 000 */
	uint32_t scan_retries;    /* 2 */
	uint32_t digits_tries;    /* 3 a checkout */
	uint32_t pay_tries;       /* 3 a checkout */
	uint32_t digits_hour; /* 10 an hour on this lane, at most LANE_DIGITS_HOUR_MAX */
	int64_t sensor_ms;    /* 60 000: how long one claim lights the sensor at most */
	int64_t tender_wait_ms; /* 20 000: what a POS asks for waits so long for a touch */
};
#define LANE_LIMITS_DEFAULT                                                              \
	{                                                                                \
		5000, 10000, 60000, 1800000, 5000, 30000, 8000, 5000, 2, 3, 3, 10,       \
			60000, 20000                                                     \
	}

/* Handed in; rules, store, lane, language and adapter are borrowed until the next set_env or free. */
struct lane_env {
	const struct pricing_rules *rules; /* NULL: no offers */
	struct pricing_budget budget;
	struct lane_limits limits;
	struct payment_rules payment;
	char currency[PAYMENT_CURRENCY_BYTES];
	struct str store, lane, language;
	struct str adapter; /* the name of the one that payments go to */
	struct str place;   /* what stands behind that name, empty not known */
	bool price_pos; /* the POS prices; ours is shown, offers carry the member number only */
	bool can_pay;    /* the adapter takes token payments */
	bool can_refund; /* and gives them back */
	bool two_phase;  /* it wants each approval confirmed */
	bool pos_asks; /* the POS asks for its money itself: nothing is charged unasked */
	/* The profile: the sensor lights only after a claim, and compares with the claimed member only. */
	bool claim_first;
};

struct lane_core;

/* 0; -EINVAL a limit or currency outside its range; -ENOMEM. */
int lane_core_new(const struct lane_env *env, struct lane_core **ret_core);
struct lane_core *lane_core_free(struct lane_core *c);

/*
 * Whether an audit record that an adapter can bring about as often as it likes may be written by others
 * than the core: it has a budget an hour, and false counts it as left out, which the core tells. what is
 * a literal.
 */
bool lane_core_audit_spend(struct lane_core *c, struct str adapter, const char *what,
			   const struct timepoint *now);

/*
 * Replaces what was handed in (a reload, an import), all of it or, on -EINVAL as lane_core_new,
 * nothing. The old rules may be freed when this returns. Follow it by LANE_EV_RULES: it re-prices
 * a basket that is not totalled yet. After the total the price that was told stands, until the
 * basket or the member changes; while money is asked for, it stands in any case.
 */
int lane_core_set_env(struct lane_core *c, const struct lane_env *env);
/*
 * What limited rules have been used in all by checkouts other than the present one, for strangers;
 * copied. unknown: it could not be read, and no limited rule applies to strangers. -ENOMEM: as
 * unknown. Valid from the next pricing on.
 */
int lane_core_set_totals(struct lane_core *c, const struct lane_use *totals,
			 uint32_t count, bool unknown);

/* What the journal held at start; borrowed for the call. */
struct lane_restore {
	const struct checkout_record
		*checkout; /* the last one, open or ended; NULL none */
	/* The last ones that ended and had a ticket, newest first: their late baskets open nothing. */
	const struct checkout_record *ended;
	uint32_t ended_count;
	const struct lane_member
		*member; /* of it; NULL none, or not in the cache any more */
	/* Every open one (payment_is_open), and the confirmed parts of that checkout. */
	const struct payment *payments;
	uint32_t payments_count;
	bool incomplete; /* some of it could not be read: token payment stays off */
};
/*
 * Once, on a fresh core, before any event: takes up what the journal held. The adapter counts as
 * down until LANE_EV_ADAPTER says up, laned-bio until LANE_EV_BIO; its readers count as well until
 * LANE_EV_READERS says otherwise. Fills out as lane_core_step.
 * -E2BIG more payments than LANE_PAYMENTS_MAX: the first ones are kept, token payment is off.
 */
int lane_core_restore(struct lane_core *c, const struct lane_restore *held,
		      const struct timepoint *now, struct lane_effects *out);

/*
 * One event. Fills *out (count 0 = nothing to do) and returns 0; the effects are to be performed,
 * in their order, before the next call. When the commit of the stores among them failed, the next
 * event must be LANE_EV_JOURNAL_FAILED. -EINVAL: the event is outside its ranges (a basket with a
 * foreign currency, negative amounts, doubled line numbers, too many lines; a ticket too long):
 * nothing changed, and the sender is to be told. -EALREADY: a basket that is not newer, or a
 * completion nobody waits for: harmless. -ENOENT: no such ticket or payment. -EBUSY: not in this
 * phase. -ENOMEM. Effects may come with an error too (audit): perform them all the same.
 */
int lane_core_step(struct lane_core *c, const struct lane_event *ev,
		   const struct timepoint *now, struct lane_effects *out);

/*
 * Gives a payment that is no longer open back to the core, because a late answer for it came (the
 * core keeps open ones only). lane/effects does it. 0; -EEXIST the core has it yet, and keeps it
 * over the next step; -ENOSPC.
 */
int lane_core_adopt(struct lane_core *c, const struct payment *p);

/*
 * The adapter of its POS knows that no answer of this payment was ever allowed to leave: what a restart had to take
 * for possible is not so. To be told before that adapter's LANE_EV_POS_LINK, which then hands the answer over
 * again. A key of no such payment is harmless.
 */
void lane_core_answer_unsent(struct lane_core *c, struct key128 key);

/*
 * The payments of a ticket that has ended: they are adopted before a LANE_EV_CANCEL of it, which gives
 * them back. The count of ret_keys that are filled.
 */
uint32_t lane_core_ended_parts(const struct lane_core *c, struct str ticket,
			       const struct timepoint *now,
			       struct key128 ret_keys[LANE_PARTS_MAX]);
/*
 * The same after a restart, when which payments they were is not known here: true and whose parts the
 * journal is to be asked for. They are adopted before the event comes.
 */
bool lane_core_ended_unknown(const struct lane_core *c, struct str ticket,
			     const struct timepoint *now, struct ulid *ret_checkout);

/* Goods of that checkout came back: its cancel gives nothing back by itself, and calls a human. */
void lane_core_ended_returned(struct lane_core *c, struct ulid checkout);

/*
 * NULL: money can go back to a token now, by LANE_EV_REFUND; else why not, in words for a cashier.
 * adapter: the one that the payment was handed to, "" not known here.
 */
const char *lane_core_refund_refused(const struct lane_core *c, const char *adapter);

/* When LANE_EV_TICK is wanted next, mono_ms; LANE_NEVER: an idle lane has no wakeups. */
int64_t lane_core_deadline(const struct lane_core *c);

/* What stands now, for status; borrowed until the next call. */
const struct lane_display *lane_core_display(const struct lane_core *c);
/* The member of the checkout, NULL none. */
const struct lane_member *lane_core_member(const struct lane_core *c);
/* False: the journal could not be read at the start, or held more payments than are here. */
bool lane_core_has_all(const struct lane_core *c);
/* The open payments and refunds (for adapter.hello's recover list and status). */
uint32_t lane_core_payments_count(const struct lane_core *c);
const struct payment *lane_core_payment(const struct lane_core *c, uint32_t index);
/* The rules in force, NULL none. */
const struct pricing_rules *lane_core_rules(const struct lane_core *c);
/* The priced result of the basket, NULL none (without rules, or after they were replaced). */
const struct pricing_result *lane_core_priced(const struct lane_core *c);
/*
 * The basket's lines and the discounts on them, as they were told last: also when the rules were
 * replaced since. Borrowed until the next step.
 */
struct lane_lines {
	const struct basket_line *lines;
	uint32_t count;
	const struct lane_discount *discounts;
	uint32_t discounts_count;
};
void lane_core_lines(const struct lane_core *c, struct lane_lines *ret_lines);

#endif
