#ifndef LANED_CORE_CHECKOUT_LANE_PRIVATE_H
#define LANED_CORE_CHECKOUT_LANE_PRIVATE_H

#include "core/checkout/checkout.h"
#include "core/pricing/pricing_session.h"

/*
 * The inside of the lane's core, shared by its files: lane_core.c (steps), lane_basket.c (baskets),
 * lane_price.c (prices), lane_uses.c (limits), lane_member.c (touches and claims), lane_finger.c
 * (what a finger came down for), lane_sensor.c (when the sensor is lit), lane_pay.c (payments),
 * lane_answer.c (what adapters say of them), lane_ask.c (the POS asks for money), lane_tender.c (what
 * becomes of that), lane_refund.c (money back), lane_out.c (effects), lane_budget.c (how much of others'
 * words is written down).
 * Handlers change the state, mark what is to be stored as dirty and queue sends; lane_out puts the
 * stores in front of the sends when the step ends.
 */

#define LANE_AUDITS_MAX 24u
#define LANE_ENDED_MAX 4u
#define LANE_CLAIM_BYTES 129
#define LANE_POS_MAX 8u
#define LANE_AUDIT_TEXT_BYTES 120u
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

/*
 * How much a POS asked for, of which revision (0 not told), and the basket's total as it was then: is it
 * a rest, or the whole?
 */
struct asked_for {
	int64_t minor, total_minor;
	uint32_t rev;
};

/* What the POS has asked for, until its payment has ended. */
struct tender {
	bool asked; /* amount_minor is what is due */
	bool waits; /* for the shopper's consent */
	int64_t until_ms;
	int64_t amount_minor;
	int64_t rest_minor;    /* of the basket, as it was when the POS asked */
	struct consent agreed; /* given before the POS asked */
	/* The POS tells what it wants and no basket: there are no lines, and no saving. */
	bool total_only;
	/*
	 * What waits does so for the end of an earlier payment of the ticket. unsure: what the POS has
	 * of that one nobody will tell any more; nameless: the request told no ticket.
	 */
	bool behind, unsure, nameless;
	struct key128 first;
	struct asked_for held; /* also when it is over */
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
	int64_t pos_local_ms; /* of the basket */
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
	/* What was reserved before the present price: again so when the adapter does not take its offer. */
	struct lane_reserved *before;
	uint32_t before_count;
	/* What a price uses whose offer was refused: reserved when it is made again. NULL: none was. */
	struct lane_reserved *again;
	uint32_t again_count;
	uint32_t offer;       /* the last one sent, 0 none */
	uint32_t offered_rev; /* of which revision */
	uint32_t offers;      /* of the present price */
	bool untold;          /* its only one was refused */
	/* Then it is made once more: when, and how often it was; LANE_NEVER with the adapter's return. */
	int64_t offer_again_ms;
	uint32_t offer_tries;
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
	uint32_t asks;                /* payments that a POS has begun */
	uint32_t audits, audits_left; /* rows of it, and those that were left out */
	uint32_t claim_serial;
	enum claim_kind claim_kind;
	char claim_value[LANE_CLAIM_BYTES];
	struct ulid *few; /* claimed few to decide among */
	uint32_t few_count;
	/* payment */
	bool has_paying;
	struct key128 paying;
	/* The member whose tender did not do: another one's may. Whose prices stand since. */
	struct ulid paid_in_part, priced_for;
	struct tender tender;
};

struct ended_ticket {
	char ticket[LANE_TICKET_BYTES]; /* "" none */
	uint32_t rev;
	bool for_good;    /* done, or paid in part: no revision opens it again */
	bool pay_blocked; /* opened again it is still not paid by token */
	int32_t business_day;
	int64_t mono_ms; /* LANE_NEVER: in an earlier life, then wall_ms tells */
	int64_t wall_ms;
	/* What tokens paid of it: by its cancel that goes back. Which payments, as far as is known. */
	struct ulid checkout;
	int64_t paid_minor;
	bool whole;    /* nothing but tokens paid it */
	bool returned; /* money of it goes back for goods since */
	int64_t total_minor;
	/* What was left to pay; known: by a basket of ours, and no newer one of the ticket came. */
	int64_t rest_minor;
	bool rest_known;
	struct key128 parts[LANE_PARTS_MAX];
	uint32_t parts_count;
};

struct slot {
	struct payment payment;
	bool dirty;
	bool fresh;            /* created in this list of effects: not durable yet */
	bool adopted;          /* for the next step, though it is not open */
	int64_t counted_minor; /* of it in the checkout's paid_minor */
	int64_t returned_minor; /* of it that goes back for goods, as far as this process knows */
	/* Of one that a POS asked for: its answer is in this list of effects; it is still owed, until
	 * then; the POS never heard its key. */
	bool answering, owed, unheard;
	int64_t owed_until_ms;
	uint32_t alarms;            /* rows that called a human, and were no new state */
	bool doubtful;              /* an earlier answer may have reached the POS */
	enum payment_answer answer; /* that was handed over last */
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

/* An adapter through which a POS may ask for money. */
struct pos_link {
	char adapter[PAYMENT_ADAPTER_BYTES];
	bool up, partial;
};

/* Whose words are written down: the POS and whoever has no name, the readers, each adapter. */
enum {
	LANE_SOURCE_POS,
	LANE_SOURCE_READERS,
	LANE_SOURCE_ADAPTERS,
	LANE_SOURCES_MAX = LANE_SOURCE_ADAPTERS + 8
};

struct audit_source {
	char name[PAYMENT_ADAPTER_BYTES]; /* "" of the first two, and of a free place */
	int64_t since_ms;                 /* when its hour began; used 0: not yet */
	uint32_t used, alarms, left;      /* rows written, and left out, in it */
	const char *last;                 /* what the last of them was */
	bool owed;                        /* that it has spent them is not told yet */
};

/* lane_budget.c: what others may have written into the journal. */
struct lane_budget {
	struct audit_source sources[LANE_SOURCES_MAX];
	struct audit_source *source; /* of this step */
	int64_t now_ms, begun_ms;
	char none[1]; /* where the text of a row goes that has no place */
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
	struct pos_link pos[LANE_POS_MAX];
	uint32_t pos_count;
	bool payments_lost; /* more than LANE_PAYMENTS_MAX were open */
	/* Ended in this step, or in one whose commit failed. */
	struct checkout_record ended[LANE_ENDED_MAX];
	struct lane_reserved *ended_reserved[LANE_ENDED_MAX]; /* owned */
	uint32_t ended_count;
	struct lane_audit audits[LANE_AUDITS_MAX];
	char audit_texts[LANE_AUDITS_MAX]
			[LANE_AUDIT_TEXT_BYTES]; /* made here, for some */
	uint32_t audits_count;
	uint32_t audits_lost;
	struct lane_budget budget;
	struct lane_effect sends[LANE_SENDS_MAX];
	struct lane_effect sink; /* what did not fit: timers bring it again */
	uint32_t sends_count;
	bool stores_pending; /* the last list held stores that nobody reported as failed */
	bool stores_nothing;         /* this step's list: it goes out with no commit */
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
void lane_audit_put(struct lane_core *c, const struct lane_audit *a);
void lane_record(const struct lane_core *c, struct checkout_record *r);
/* stores false: the journal has just failed, only sends go out. */
void lane_out(struct lane_core *c, bool stores, struct lane_effects *out);
void lane_display_fill(const struct lane_core *c, struct lane_display *d);
/* An ended checkout that is not stored yet makes room for the next. */
void lane_out_keep_ended(struct lane_core *c);
void lane_out_drop_ended(struct lane_core *c);
/* The commit of the last list succeeded. */
void lane_committed(struct lane_core *c);

/* lane_budget.c */
/* Each step begins with it. */
void lane_budget_step(struct lane_core *c, const struct lane_event *ev,
		      const struct timepoint *now);
int64_t lane_budget_deadline(const struct lane_core *c);
/* A row; without a payment one of the checkout's, which has not endlessly many. */
void lane_audit(struct lane_core *c, const char *what, const struct payment *p,
		const char *text);
/* One that the peer can bring about as often as it likes: within its budget. */
void lane_audit_odd(struct lane_core *c, const char *what, const struct payment *p,
		    const char *text);
/* The same for a row that the caller puts: false, it is counted and left out. what is a literal. */
bool lane_audit_spend(struct lane_core *c, const char *what);
/* The checkout has ended: its last row, behind what was left out of it. */
void lane_audit_end(struct lane_core *c, const char *what);
/* The journal is back: how many rows did not fit meanwhile. */
void lane_budget_lost(struct lane_core *c);
/* Another checkout may begin; false: more than shoppers can come. */
bool lane_budget_begin(struct lane_core *c);

/* lane_core.c */
void lane_begin(struct lane_core *c, struct ulid id, const struct timepoint *now);
/* Ends the current checkout (stores it, releases what it holds) and leaves phase showing. */
void lane_end(struct lane_core *c, enum checkout_phase phase,
	      const struct timepoint *now);
/* The POS's own tenders paid it, or what is left of it. */
void lane_end_outside(struct lane_core *c, const struct timepoint *now);
/* A basket of this ticket is late word: it has ended, and opens nothing. */
bool lane_is_ended_ticket(const struct lane_core *c, struct str ticket, uint32_t rev,
			  const struct timepoint *now);
/* The ticket has ended for good, and not on a day before. */
bool lane_is_done_ticket(const struct lane_core *c, struct str ticket,
			 const struct timepoint *now);
/* The ticket ended after a payment that forbids another one. */
bool lane_is_blocked_ticket(const struct lane_core *c, struct str ticket, uint32_t rev,
			    const struct timepoint *now);
/*
 * The payment has the number of a ticket that is asked for now, and is of another day's: tickets are
 * counted from 1 again every day, and of one that may be taken some word is open for good.
 */
bool lane_is_earlier_sale(const struct lane_core *c, const struct payment *p,
			  const struct timepoint *now);
/* What tokens paid of a ticket that has ended, NULL nothing; forgotten when it was seen to. */
const struct ended_ticket *lane_ended_paid(const struct lane_core *c, struct str ticket,
					   const struct timepoint *now);
void lane_ended_seen_to(struct lane_core *c, struct str ticket);
/* The checkout has ended, and is remembered: NULL it is not. */
const struct ended_ticket *lane_ended_of(const struct lane_core *c, struct ulid checkout);
/* A newer basket of a ticket that has ended: it opens nothing, but what is left to pay is not known. */
void lane_ended_grows(struct lane_core *c, struct str ticket, uint32_t rev);
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
/* Its adapter is back: the last offer may be lost, and it gets that again. */
void lane_offer_again(struct lane_core *c, const struct timepoint *now);
/* Other lines, taken over: what the old ones cost is gone, what they reserved is not. */
void lane_lines_set(struct checkout *k, struct basket_line *lines, uint32_t count);
/* The basket, its price and what it reserved are gone. */
void lane_basket_clear(struct checkout *k);
/* The rules are about to go: what points into them goes too; what was told stays. */
void lane_price_forget(struct lane_core *c);
/* What is to be paid next: the rest, or the part of it that the POS asked for. */
int64_t lane_due(const struct lane_core *c);
/* What of the basket's total is not paid yet. */
int64_t lane_rest(const struct lane_core *c);
/* What the ticket costs is told by its lines, and by nobody else: then that rest is what the POS asks for. */
bool lane_is_priced_here(const struct lane_core *c);

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
/* A price that was refused is offered again: what it uses is reserved. 0 or -ENOMEM: as it was. */
int lane_reserve_again(struct checkout *k);
/* The last offer did not reach the POS: it sells as it was told before. Others are passed over. */
void lane_offer_refused(struct lane_core *c, uint32_t offer, const struct timepoint *now);
/* At the start of a step: what the POS has been told by now is all that is reserved. */
void lane_settle_reserved(struct lane_core *c);
/* The ticket is sold: at another member's price, where the POS never heard of the present one's. */
void lane_reserved_sold(struct checkout *k);
/* It was sold before the present price was made. */
void lane_reserved_as_before(struct checkout *k);
/* The basket is gone, and what it reserved. */
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

/* lane_ask.c */
int lane_on_tender_wanted(struct lane_core *c, const struct lane_event *ev,
			  const struct timepoint *now);
/* Can a touch of this member pay what the POS asks for, or after a claim? */
bool lane_ask_may_consent(const struct lane_core *c);
/* At the end of each step: true, what the POS asked for waits for an earlier payment's end. */
bool lane_ask_follow(struct lane_core *c, const struct timepoint *now);

/* lane_tender.c */
/* The one that waits for consent, or for an earlier one's end; NULL none. */
struct slot *lane_tender_waiting(struct lane_core *c);
/* A human is told; p NULL: of the present checkout. */
void lane_tender_alarm(struct lane_core *c, const struct payment *p, const char *text);
int lane_on_tender_key(struct lane_core *c, const struct lane_event *ev,
		       const struct timepoint *now);
int lane_on_pos_link(struct lane_core *c, const struct lane_event *ev,
		     const struct timepoint *now);
/* Its adapter is there; its POS can take a part. */
bool lane_pos_is_up(const struct lane_core *c, const char *adapter);
bool lane_pos_takes_part(const struct lane_core *c, const char *adapter);
/* The shopper consents: to what the POS has asked for, or to what it will ask. */
void lane_tender_consent(struct lane_core *c, const struct timepoint *now);
/* At the end of each step: does what the POS asked for still stand? */
void lane_tender_follow(struct lane_core *c, const struct timepoint *now);
/* The answer to the POS goes out; or is owed, when its adapter is away. */
void lane_tender_tell(struct lane_core *c, struct slot *s, const struct timepoint *now);
void lane_tender_owe(struct lane_core *c, struct slot *s, const struct timepoint *now);
/*
 * The POS asks for its ticket by p: of what an earlier request came to, and it has not heard yet, the same
 * request needs no word any more, and none goes to the terminal.
 */
void lane_tender_renewed(struct lane_core *c, const struct payment *p);
/* What is owed and can go out now. */
void lane_tender_owed(struct lane_core *c, const struct timepoint *now);
void lane_tender_time(struct lane_core *c, const struct timepoint *now);
int64_t lane_tender_deadline(const struct lane_core *c);
/* What the POS did with an answer. */
int lane_tender_completed(struct lane_core *c, struct slot *s,
			  const struct lane_event *ev, const struct timepoint *now);
/* The ticket is void: what of it is paid for good is given back. */
void lane_tender_void(struct lane_core *c, struct key128 fresh,
		      const struct timepoint *now);
/*
 * The same of one that has ended without its cancel; what has been given back is passed over. Of one
 * that was sold for it as a whole a human is told: the POS has its own word for giving that back.
 */
void lane_tender_void_ended(struct lane_core *c, const struct ended_ticket *e,
			    struct key128 fresh, const struct timepoint *now);

/* lane_refund.c */
int lane_on_refund(struct lane_core *c, const struct payment *p,
		   const struct timepoint *now);
/*
 * Gives money of a payment back that no ticket has any more, under the key fresh: stored and sent by
 * the present list. False: it cannot now; nothing was begun.
 */
bool lane_refund_begin(struct lane_core *c, const struct payment *original,
		       int64_t amount_minor, struct key128 fresh,
		       const struct timepoint *now);

/* lane_answer.c */
int lane_on_submit_refused(struct lane_core *c, const struct lane_event *ev,
			   const struct timepoint *now);
int lane_on_journal(struct lane_core *c, const struct lane_event *ev,
		    const struct timepoint *now);
int lane_on_completion(struct lane_core *c, const struct lane_event *ev,
		       const struct timepoint *now);

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
void lane_pay_step(struct lane_core *c, struct slot *s, enum payment_input_kind kind,
		   const struct timepoint *now);
void lane_pay_all(struct lane_core *c, enum payment_input_kind kind,
		  const struct timepoint *now);
void lane_pay_time(struct lane_core *c, const struct timepoint *now);
int lane_on_cancel(struct lane_core *c, const struct lane_event *ev,
		   const struct timepoint *now);
int lane_on_other_tender(struct lane_core *c, const struct timepoint *now);
void lane_pay_unsaved(struct lane_core *c, const struct timepoint *now);
void lane_pay_sweep(struct lane_core *c);
struct slot *lane_slot(struct lane_core *c, struct key128 key);
int64_t lane_pay_deadline(const struct lane_core *c);
void lane_pay_restored(struct lane_core *c, const struct timepoint *now);
struct payment_rules lane_payment_rules(const struct lane_core *c,
					const struct payment *p);
/* One input; the actions that payment_step gave back, performed. */
unsigned lane_pay_input(struct lane_core *c, struct slot *s,
			const struct payment_input *in, const struct timepoint *now);
/* A payment of this ticket whose outcome is open; but for one that waits for consent. */
bool lane_pay_has_open(const struct lane_core *c, const char *ticket);
/*
 * What has become of one of those may not come to be stored, as for all that is known: laned, started again,
 * may find that it is paid after all.
 */
bool lane_pay_is_unstored(const struct lane_core *c);
bool lane_pay_faults_allow(const struct lane_core *c);
void lane_pay_begun(struct lane_core *c, struct slot *s, const struct timepoint *now);
/* The checkout goes on with what is paid of it, or ends. */
void lane_paid(struct lane_core *c, const struct payment *p, const struct timepoint *now);

#endif
