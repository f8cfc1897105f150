#ifndef LANED_CORE_CHECKOUT_LANE_PRIVATE_H
#define LANED_CORE_CHECKOUT_LANE_PRIVATE_H

#include "core/checkout/checkout.h"
#include "core/pricing/pricing_session.h"

/*
 * The inside of the lane's core, shared by its files: lane_core.c (steps), lane_basket.c (baskets),
 * lane_price.c (prices), lane_uses.c (limits), lane_member.c (touches and claims), lane_finger.c
 * (what a finger came down for), lane_sensor.c (when the sensor is lit), lane_pay.c (payments),
 * lane_out.c (effects).
 * Handlers change the state, mark what is to be stored as dirty and queue sends; lane_out puts the
 * stores in front of the sends when the step ends.
 */

#define LANE_AUDITS_MAX 24u
#define LANE_ENDED_MAX 4u
#define LANE_CLAIM_BYTES 129
#define LANE_SENDS_MAX                                                                   \
	(LANE_EFFECTS_MAX - LANE_AUDITS_MAX - LANE_ENDED_MAX - LANE_PAYMENTS_MAX - 1u)

/* What the checkout waits for. */
enum wait { WAIT_NONE, WAIT_IDENTIFY, WAIT_VERIFY, WAIT_DECIDE, WAIT_CLAIM };

/* A touch after the total consents to pay; it lapses when what was shown changes. */
struct consent {
	bool given;
	uint32_t rev;
	int64_t due_minor;
};

/* A rule as the shopper is told of it: copied, so that it outlives its rule set. */
struct told_rule {
	char id[LANE_RULE_BYTES];
	char text[LANE_RULE_TEXT_BYTES];
};

/* What the basket costs. priced points into the rules; all else stays when they are replaced. */
struct price {
	const struct pricing_result *priced; /* the session's */
	struct told_rule *told;
	uint32_t told_count;
	struct lane_discount *discounts; /* their texts point into told */
	uint32_t discounts_count;
	uint64_t hash; /* of what is told for each line */
	int64_t member_saving_minor, join_saving_minor, gap_minor;
	bool unproven;
	int64_t points_earned, burn_points, burn_minor;
	struct told_rule hint; /* id "" none */
	uint32_t hint_line;
	int64_t hint_saving_minor;
};

struct checkout {
	struct ulid id;
	enum checkout_phase phase;
	enum member_state member_state;
	enum checkout_note note;
	enum touch_hint reason; /* of NOTE_NOT_READ */
	bool claimed, touched, training, pay_blocked, tender_outside, pos_closed, final,
		uses_counted;
	bool claim_to_pay; /* identified only: who it is, and no payment */
	/* Of the claim, where it comes first: its time is over; laned-bio refused to light for it. */
	bool claim_spent, claim_refused;
	int64_t lit_until_ms; /* 0: the sensor was not lit for this claim yet */
	char ticket[LANE_TICKET_BYTES];
	uint32_t rev;
	int32_t business_day;
	int64_t opened_wall_ms, changed_wall_ms, changed_mono_ms, ended_mono_ms;
	/* basket and price */
	struct basket_line *lines;
	uint32_t lines_count;
	bool basket_changed;
	struct price price;
	/*
	 * What the journal reserves: what the present price uses and, until the POS was told of that
	 * price, what the one that it was told before used. then: the present price's alone, NULL when
	 * that is all there is; told: since the step before.
	 */
	struct lane_reserved *reserved;
	uint32_t reserved_count;
	struct lane_reserved *then;
	uint32_t then_count;
	bool told;
	int64_t gross_minor, total_minor, saving_minor, paid_minor;
	/* member */
	struct lane_member member; /* member.uses points to uses */
	struct lane_use *uses;
	/* touch and claim */
	enum wait wait;
	int64_t wait_until_ms;
	char probe[LANE_PROBE_BYTES]; /* held by laned-bio; "" none */
	int64_t probe_until_ms;
	/*
	 * An ambiguous touch before that one, of this customer: both together may do. A touch of the
	 * reader's class tells no fake from a finger, so that two lift no limit that one is under.
	 */
	char first[LANE_PROBE_BYTES];
	int64_t first_until_ms;
	bool other_finger; /* ambiguous: the next touch is taken together with this one */
	struct consent consent;
	uint32_t scan_tries, digits_tries, pay_tries;
	uint32_t claim_serial;
	enum claim_kind claim_kind;
	char claim_value[LANE_CLAIM_BYTES];
	struct ulid *few; /* claimed few to decide among */
	uint32_t few_count;
	/* payment */
	bool has_paying;
	struct key128 paying;
};

struct ended_ticket {
	char ticket[LANE_TICKET_BYTES]; /* "" none */
	uint32_t rev;
	bool for_good;    /* done, or paid in part: no revision opens it again */
	bool pay_blocked; /* opened again it is still not paid by token */
	int32_t business_day;
	int64_t mono_ms; /* LANE_NEVER: in an earlier life, then wall_ms tells */
	int64_t wall_ms;
};

struct slot {
	struct payment payment;
	bool dirty;
	bool fresh;   /* created in this list of effects: not durable yet */
	bool adopted; /* for the next step, though it is not open */
};

/* What the shopper was shown when a finger came down: all that it may consent to. */
struct shown {
	struct ulid checkout;
	enum checkout_phase phase;
	uint32_t rev, pay_tries;
	int64_t due_minor;
};

struct glass {
	char reader[LANE_READER_BYTES];
	bool finger;
	/* .shown is of the finger that lies there, or of one that has gone before its touch came. */
	bool arrived;
	bool touched; /* that finger's touch has come */
	struct shown shown;
};

/* What laned-bio told of its readers last. */
struct readers {
	enum readers_health health; /* without laned-bio itself: see bio_away */
	bool bio_away, dirty, rests;
	bool told; /* since it came: a finger that lies there at first has not come now */
	struct glass glasses[LANE_READERS_MAX];
	uint32_t glasses_count;
	/* Since a finger came: until when it is shown as "scanning" without a touch; 0 none. */
	int64_t finger_until_ms;
};

struct lane_core {
	struct lane_env env;
	struct lane_faults faults;
	struct readers readers;
	bool sensor_on;         /* armed, as far as is known here */
	uint32_t sensor_serial; /* of the last FX_ARM */
	struct checkout cur;
	bool cur_dirty;
	struct pricing_session *session; /* of cur, NULL none yet */
	/* Uses by others than the present checkout, for strangers. */
	struct lane_use *totals;
	uint32_t totals_count;
	bool totals_unknown;
	struct slot slots[LANE_PAYMENTS_MAX];
	uint32_t slots_count;
	bool payments_lost; /* more than LANE_PAYMENTS_MAX were open */
	/* Ended in this step, or in one whose commit failed. */
	struct checkout_record ended[LANE_ENDED_MAX];
	struct lane_reserved *ended_reserved[LANE_ENDED_MAX]; /* owned */
	uint32_t ended_count;
	struct lane_audit audits[LANE_AUDITS_MAX];
	uint32_t audits_count;
	uint32_t audits_lost;
	struct lane_effect sends[LANE_SENDS_MAX];
	struct lane_effect sink; /* what did not fit: timers bring it again */
	uint32_t sends_count;
	bool stores_pending; /* the last list held stores that nobody reported as failed */
	int64_t journal_retry_at_ms; /* mono; while journal_failed */
	/* The tickets that ended last, a ring: their late baskets open nothing. */
	struct ended_ticket ended_tickets[LANE_ENDED_TICKETS];
	uint32_t ended_tickets_next;
	uint32_t serial;
	/* When digits were tried last, a ring: the search code is not to be guessed. */
	int64_t digits_at_ms[LANE_DIGITS_HOUR_MAX];
	uint32_t digits_count;
	struct lane_display shown, display;
};

/* lane_out.c */
struct lane_effect *lane_send(struct lane_core *c, enum lane_effect_kind kind);
void lane_audit(struct lane_core *c, const char *what, const struct payment *p,
		const char *text);
void lane_record(const struct lane_core *c, struct checkout_record *r);
/* stores false: the journal has just failed, only sends go out. */
void lane_out(struct lane_core *c, bool stores, struct lane_effects *out);
void lane_display_fill(const struct lane_core *c, struct lane_display *d);
/* An ended checkout that is not stored yet makes room for the next. */
void lane_out_keep_ended(struct lane_core *c);
void lane_out_drop_ended(struct lane_core *c);
/* The commit of the last list succeeded. */
void lane_committed(struct lane_core *c);

/* lane_core.c */
void lane_begin(struct lane_core *c, struct ulid id, const struct timepoint *now);
/* Ends the current checkout (stores it, releases what it holds) and leaves phase showing. */
void lane_end(struct lane_core *c, enum checkout_phase phase,
	      const struct timepoint *now);
/* A basket of this ticket is late word: it has ended, and opens nothing. */
bool lane_is_ended_ticket(const struct lane_core *c, struct str ticket, uint32_t rev,
			  const struct timepoint *now);
/* The ticket has ended for good, and not on a day before. */
bool lane_is_done_ticket(const struct lane_core *c, struct str ticket,
			 const struct timepoint *now);
/* The ticket ended after a payment that forbids another one. */
bool lane_is_blocked_ticket(const struct lane_core *c, struct str ticket, uint32_t rev,
			    const struct timepoint *now);
/* Forgets it: the lane is idle. */
void lane_idle(struct lane_core *c);
bool lane_is_active(const struct lane_core *c);
/* A finger lies on a reader, and what it is for is still open. */
bool lane_is_scanning(const struct lane_core *c);
void lane_touch_time(struct lane_core *c, const struct timepoint *now);

/* lane_basket.c */
int lane_on_basket(struct lane_core *c, const struct lane_event *ev,
		   const struct timepoint *now);

/* lane_price.c */
/* Prices the basket for the present member and offers it; never fails the sale. */
void lane_reprice(struct lane_core *c, const struct timepoint *now);
/* The POS is told what the present revision costs. */
void lane_offer(struct lane_core *c);
/* Other lines, taken over: what the old ones cost is gone, what they reserved is not. */
void lane_lines_set(struct checkout *k, struct basket_line *lines, uint32_t count);
/* The basket, its price and what it reserved are gone. */
void lane_basket_clear(struct checkout *k);
/* The rules are about to go: what points into them goes too; what was told stays. */
void lane_price_forget(struct lane_core *c);
int64_t lane_due(const struct lane_core *c);

/* lane_uses.c */
/*
 * Adds what ended checkouts used that are not stored yet. list has room for lane_unsaved_count()
 * rules more than *count. member NULL: a stranger.
 */
void lane_add_unsaved(const struct lane_core *c, const struct ulid *member,
		      struct lane_use *list, uint32_t *count);
uint32_t lane_unsaved_count(const struct lane_core *c);
/* What the present price uses; with what the POS may still sell at. 0 or -ENOMEM: as it was. */
int lane_keep_reserved(struct lane_core *c);
/* At the start of a step: what the POS has been told by now is all that is reserved. */
void lane_settle_reserved(struct lane_core *c);
/* Another member: what was reserved was not theirs. */
void lane_reserved_clear(struct checkout *k);

/* lane_member.c */
int lane_on_touch(struct lane_core *c, const struct lane_event *ev,
		  const struct timepoint *now);
int lane_on_bio(struct lane_core *c, const struct lane_event *ev,
		const struct timepoint *now);
int lane_on_claim(struct lane_core *c, const struct lane_event *ev,
		  const struct timepoint *now);
int lane_on_found(struct lane_core *c, const struct lane_event *ev,
		  const struct timepoint *now);
int lane_on_remove(struct lane_core *c, const struct timepoint *now);
/* The wait for laned-bio or a claim is over without an answer. */
void lane_wait_over(struct lane_core *c, enum checkout_note note);
/* The member is known: copied, with the uses of checkouts that the journal could not take yet. */
int lane_member_set(struct lane_core *c, const struct lane_member *m);
void lane_member_clear(struct checkout *k);
void lane_probe_drop(struct lane_core *c);

/* lane_finger.c */
/* What is told of fingers: who came when. Before the rest of the event changes what is shown. */
void lane_finger_follow(struct lane_core *c, const struct lane_event *ev,
			const struct timepoint *now);
/* A touch has come: did its finger come down for what is shown now? One that was not told did. */
bool lane_finger_touches(struct lane_core *c, struct str reader);
/* Would a touch be looked at now, or pay? */
bool lane_wants_touch(const struct lane_core *c);

/* lane_sensor.c */
/* At the end of each step: lights the sensor, or puts it out, as the state wants it now. */
void lane_sensor_follow(struct lane_core *c, const struct timepoint *now);
/* A touch can come, as far as the sensor goes. */
bool lane_sensor_sees(const struct lane_core *c);
int lane_on_sensor(struct lane_core *c, const struct lane_event *ev);
int64_t lane_sensor_deadline(const struct lane_core *c);

/* lane_pay.c */
/* NOTE_NONE when a touch may pay now; else why not. */
enum checkout_note lane_payable(const struct lane_core *c);
/* totalled, or confirming when a touch would pay. */
void lane_total_phase(struct lane_core *c);
void lane_pay(struct lane_core *c, const struct lane_event *ev,
	      const struct timepoint *now);
/* Gives an input to the payments of the present checkout that are pending. */
void lane_pay_leave(struct lane_core *c, enum payment_input_kind kind,
		    const struct timepoint *now);
void lane_pay_all(struct lane_core *c, enum payment_input_kind kind,
		  const struct timepoint *now);
void lane_pay_time(struct lane_core *c, const struct timepoint *now);
int lane_on_cancel(struct lane_core *c, struct str ticket, const struct timepoint *now);
int lane_on_other_tender(struct lane_core *c, const struct timepoint *now);
int lane_on_submit_refused(struct lane_core *c, const struct lane_event *ev,
			   const struct timepoint *now);
int lane_on_journal(struct lane_core *c, const struct lane_event *ev,
		    const struct timepoint *now);
int lane_on_completion(struct lane_core *c, const struct lane_event *ev,
		       const struct timepoint *now);
int lane_on_pos_undo(struct lane_core *c, struct key128 key, const struct timepoint *now);
void lane_pay_unsaved(struct lane_core *c, const struct timepoint *now);
void lane_pay_sweep(struct lane_core *c);
struct slot *lane_slot(struct lane_core *c, struct key128 key);
int64_t lane_pay_deadline(const struct lane_core *c);
void lane_pay_restored(struct lane_core *c, const struct timepoint *now);
struct payment_rules lane_payment_rules(const struct lane_core *c);

#endif
