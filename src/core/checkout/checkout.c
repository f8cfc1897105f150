#include "core/checkout/checkout.h"

#include <errno.h>

static const char *const phase_names[PHASES] = {
	[PHASE_IDLE] = "idle",         [PHASE_OPEN] = "open",
	[PHASE_TOTALLED] = "totalled", [PHASE_CONFIRMING] = "confirming",
	[PHASE_PAYING] = "paying",     [PHASE_CHECKING] = "checking",
	[PHASE_DONE] = "done",         [PHASE_CANCELLED] = "cancelled",
};

static const char *const member_names[MEMBER_STATES] = {
	[MEMBER_NONE] = "none",       [MEMBER_IDENTIFYING] = "identifying",
	[MEMBER_KNOWN] = "known",     [MEMBER_AMBIGUOUS] = "ambiguous",
	[MEMBER_REMOVED] = "removed",
};

static const char *const row_names[ROWS] = {
	[ROW_IDLE] = "idle",
	[ROW_IDLE_CLAIM] = "idle-claim",
	[ROW_SCANNING] = "scanning",
	[ROW_RECOGNISED] = "recognised",
	[ROW_ITEMS] = "items",
	[ROW_TOTAL] = "total",
	[ROW_CONFIRM] = "confirm",
	[ROW_OTHER_FINGER] = "other-finger",
	[ROW_AUTHORISING] = "authorising",
	[ROW_APPROVED] = "approved",
	[ROW_CLAIM] = "claim",
	[ROW_NOT_READ] = "not-read",
	[ROW_NOT_MEMBER] = "not-member",
	[ROW_REMOVED] = "removed",
	[ROW_AMBIGUOUS] = "ambiguous",
	[ROW_DECLINED] = "declined",
	[ROW_CANCELLED] = "cancelled",
	[ROW_CHECKING] = "checking",
	[ROW_PAY_OTHER] = "pay-other",
	[ROW_SENSOR_FAULT] = "sensor-fault",
	[ROW_DONE] = "done",
};

static const char *const note_names[NOTES] = {
	[NOTE_NONE] = "none",
	[NOTE_NOT_READ] = "not-read",
	[NOTE_USE_CLAIM] = "use-claim",
	[NOTE_NOT_MEMBER] = "not-member",
	[NOTE_OTHER_FINGER] = "other-finger",
	[NOTE_NEED_CLAIM] = "need-claim",
	[NOTE_DECLINED] = "declined",
	[NOTE_NOT_CHARGED] = "not-charged",
	[NOTE_PAY_OTHER] = "pay-other",
	[NOTE_CHANGED] = "changed",
};

static const char *const hint_names[TOUCH_HINTS] = {
	[TOUCH_HINT_NONE] = "",
	[TOUCH_HINT_MOVED] = "moved",
	[TOUCH_HINT_LIFT] = "lift-and-press-again",
	[TOUCH_HINT_BLANK] = "blank",
	[TOUCH_HINT_TOO_SMALL] = "too-small",
	[TOUCH_HINT_GLOVE] = "glove",
	[TOUCH_HINT_TOO_WET] = "too-wet",
	[TOUCH_HINT_TOO_DRY] = "too-dry",
	[TOUCH_HINT_LOW_CONTRAST] = "low-contrast",
	[TOUCH_HINT_FEW_MINUTIAE] = "few-minutiae",
};

static const char *const health_names[READERS_HEALTHS] = {
	[READERS_OK] = "",
	[READERS_NONE] = "no-reader",
	[READERS_ABSENT] = "reader-absent",
	[READERS_FAULTY] = "reader-faulty",
	[READERS_AWAY] = "bio-away",
};

static const char *const event_names[LANE_EVENTS] = {
	[LANE_EV_TICK] = "tick",
	[LANE_EV_TOUCH] = "touch",
	[LANE_EV_IDENTIFIED] = "identified",
	[LANE_EV_VERIFIED] = "verified",
	[LANE_EV_DECIDED] = "decided",
	[LANE_EV_CLAIM] = "claim",
	[LANE_EV_CLAIM_RESOLVED] = "claim-resolved",
	[LANE_EV_BASKET] = "basket",
	[LANE_EV_CANCEL] = "cancel",
	[LANE_EV_OTHER_TENDER] = "other-tender",
	[LANE_EV_REMOVE_MEMBER] = "remove-member",
	[LANE_EV_SUBMIT_REFUSED] = "submit-refused",
	[LANE_EV_JOURNAL_WANTED] = "journal-wanted",
	[LANE_EV_COMPLETION] = "completion",
	[LANE_EV_POS_UNDO] = "pos-undo",
	[LANE_EV_TENDER_WANTED] = "tender-wanted",
	[LANE_EV_TENDER_ABORT] = "tender-abort",
	[LANE_EV_TENDER_CONFIRMED] = "tender-confirmed",
	[LANE_EV_REPEAT_WANTED] = "repeat-wanted",
	[LANE_EV_POS_LINK] = "pos-link",
	[LANE_EV_REFUND] = "refund",
	[LANE_EV_BIO] = "bio",
	[LANE_EV_READERS] = "readers",
	[LANE_EV_SENSOR] = "sensor",
	[LANE_EV_ADAPTER] = "adapter",
	[LANE_EV_CLOCK] = "clock",
	[LANE_EV_ENVIRONMENT] = "environment",
	[LANE_EV_TRAINING] = "training",
	[LANE_EV_RULES] = "rules",
	[LANE_EV_JOURNAL_FAILED] = "journal-failed",
};

static const char *const effect_names[LANE_EFFECT_KINDS] = {
	[FX_STORE_CHECKOUT] = "store-checkout",
	[FX_STORE_PAYMENT] = "store-payment",
	[FX_AUDIT] = "audit",
	[FX_JOURNAL_ANSWER] = "journal-answer",
	[FX_IDENTIFY] = "identify",
	[FX_VERIFY] = "verify",
	[FX_DECIDE] = "decide",
	[FX_DROP_PROBE] = "drop-probe",
	[FX_ARM] = "arm",
	[FX_DISARM] = "disarm",
	[FX_RESOLVE_CLAIM] = "resolve-claim",
	[FX_OFFER] = "offer",
	[FX_PAY] = "pay",
	[FX_QUERY] = "query",
	[FX_CONFIRM] = "confirm",
	[FX_UNDO] = "undo",
	[FX_REFUND] = "refund",
	[FX_ANSWER] = "answer",
	[FX_TENDER_REPLY] = "tender-reply",
	[FX_SHOW] = "show",
	[FX_ALARM] = "alarm",
};

static const char *const outcome_names[] = {
	[OUTCOME_APPROVED] = "approved",
	[OUTCOME_PARTIAL] = "partial",
	[OUTCOME_CONFIRMED] = "confirmed",
	[OUTCOME_UNDONE] = "undone",
	[OUTCOME_DONE] = "done",
	[OUTCOME_DECLINED] = "declined",
	[OUTCOME_CANCELLED] = "cancelled",
	[OUTCOME_NOT_SENT] = "not-sent",
	[OUTCOME_NOT_FOUND] = "not-found",
	[OUTCOME_UNKNOWN] = "unknown",
	[OUTCOME_IN_PROGRESS] = "in-progress",
	[OUTCOME_PASS] = "pass",
};

static const char *const op_names[] = {
	[LANE_OP_OTHER] = "other",     [LANE_OP_OFFER] = "offer",
	[LANE_OP_PAY] = "pay",         [LANE_OP_QUERY] = "query",
	[LANE_OP_CONFIRM] = "confirm", [LANE_OP_UNDO] = "undo",
	[LANE_OP_REFUND] = "refund",   [LANE_OP_ANSWER] = "answer",
};

static const char *const claim_names[] = {
	[CLAIM_CARD] = "card",
	[CLAIM_PHONE] = "phone",
	[CLAIM_DIGITS] = "digits",
	[CLAIM_QR] = "qr",
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *
name_of(const char *const *names, size_t count, unsigned i)
{
	return i < count ? names[i] : "?";
}

static int
index_of(const char *const *names, size_t count, struct str s)
{
	for (size_t i = 0; i < count; i++) {
		if (str_is(s, names[i]))
			return (int)i;
	}
	return -EINVAL;
}

/* Rows while items may still come: nobody waits for money yet. */
static enum display_row
row_open(enum member_state member, enum checkout_note note, bool has_lines)
{
	switch (note) {
	case NOTE_NOT_READ:
		return ROW_NOT_READ;
	case NOTE_USE_CLAIM:
		return ROW_CLAIM;
	case NOTE_NOT_MEMBER:
		return ROW_NOT_MEMBER;
	case NOTE_NONE:
	case NOTE_OTHER_FINGER:
	case NOTE_NEED_CLAIM:
	case NOTE_DECLINED:
	case NOTE_NOT_CHARGED:
	case NOTE_PAY_OTHER:
	case NOTE_CHANGED:
	case NOTES:
		break;
	}
	if (member == MEMBER_REMOVED)
		return ROW_REMOVED;
	if (member == MEMBER_KNOWN && !has_lines)
		return ROW_RECOGNISED;
	return ROW_ITEMS;
}

/* A known member whom no touch can let pay now, whatever the reason. */
static bool
pays_otherwise(const struct row_state *s)
{
	const struct lane_faults *f = &s->faults;

	return s->member == MEMBER_KNOWN &&
	       (f->adapter_down || f->journal_failed || f->clock_doubted ||
		f->environment || f->bio_down);
}

/* Rows after the total, before and between payments. */
static enum display_row
row_total(const struct row_state *s)
{
	switch (s->note) {
	case NOTE_OTHER_FINGER:
		return ROW_OTHER_FINGER;
	case NOTE_NEED_CLAIM:
	case NOTE_USE_CLAIM:
		return ROW_CLAIM;
	case NOTE_NOT_READ:
		return ROW_NOT_READ;
	case NOTE_NOT_MEMBER:
		return ROW_NOT_MEMBER;
	case NOTE_DECLINED:
		return ROW_DECLINED;
	case NOTE_NOT_CHARGED:
		return ROW_CANCELLED;
	case NOTE_PAY_OTHER:
		return ROW_PAY_OTHER;
	case NOTE_NONE:
	case NOTE_CHANGED:
	case NOTES:
		break;
	}
	if (s->phase == PHASE_CONFIRMING)
		return ROW_CONFIRM;
	if (s->member == MEMBER_REMOVED)
		return ROW_REMOVED;
	return pays_otherwise(s) ? ROW_PAY_OTHER : ROW_TOTAL;
}

/* Rows of a checkout in which a touch or a claim is being looked up take precedence. */
static enum display_row
row_before_payment(const struct row_state *s)
{
	if (s->member == MEMBER_IDENTIFYING || s->scanning)
		return ROW_SCANNING;
	if (s->member == MEMBER_AMBIGUOUS)
		return ROW_AMBIGUOUS;
	if (s->phase == PHASE_OPEN)
		return row_open(s->member, s->note, s->has_lines);
	return row_total(s);
}

enum display_row
checkout_row(const struct row_state *s)
{
	switch (s->phase) {
	case PHASE_OPEN:
	case PHASE_TOTALLED:
	case PHASE_CONFIRMING:
		return row_before_payment(s);
	case PHASE_PAYING:
		return ROW_AUTHORISING;
	case PHASE_CHECKING:
		return ROW_CHECKING;
	case PHASE_DONE:
		return s->note == NOTE_PAY_OTHER ? ROW_DONE : ROW_APPROVED;
	case PHASE_CANCELLED:
		/* "Nothing charged" is said only when that is certain. */
		return s->in_doubt ? ROW_CHECKING : ROW_CANCELLED;
	case PHASE_IDLE:
	case PHASES:
		break;
	}
	if (s->scanning)
		return ROW_SCANNING;
	if (s->faults.bio_down)
		return ROW_SENSOR_FAULT;
	return s->claim_first ? ROW_IDLE_CLAIM : ROW_IDLE;
}

bool
checkout_wants_touch(enum checkout_phase phase, enum member_state member)
{
	/* What has ended stays shown until a touch is complete: "is it done?" needs its answer. */
	static const bool wants[PHASES][MEMBER_STATES] = {
		[PHASE_IDLE] = { [MEMBER_NONE] = true },
		[PHASE_OPEN] = { [MEMBER_NONE] = true,
				 [MEMBER_AMBIGUOUS] = true,
				 [MEMBER_REMOVED] = true },
		[PHASE_TOTALLED] = { [MEMBER_NONE] = true,
				     [MEMBER_AMBIGUOUS] = true,
				     [MEMBER_REMOVED] = true },
		[PHASE_CONFIRMING] = { [MEMBER_KNOWN] = true },
	};

	return phase < PHASES && member < MEMBER_STATES && wants[phase][member];
}

const char *
checkout_phase_name(enum checkout_phase p)
{
	return name_of(phase_names, COUNT(phase_names), p);
}

const char *
member_state_name(enum member_state m)
{
	return name_of(member_names, COUNT(member_names), m);
}

const char *
display_row_name(enum display_row r)
{
	return name_of(row_names, COUNT(row_names), r);
}

const char *
checkout_note_name(enum checkout_note n)
{
	return name_of(note_names, COUNT(note_names), n);
}

const char *
touch_hint_name(enum touch_hint h)
{
	return name_of(hint_names, COUNT(hint_names), h);
}

enum touch_hint
touch_hint_parse(struct str name)
{
	int i = index_of(hint_names, COUNT(hint_names), name);

	return i < 0 ? TOUCH_HINT_NONE : (enum touch_hint)i;
}

enum touch_hint
touch_hint_of(uint32_t set)
{
	for (unsigned h = TOUCH_HINT_NONE + 1; h < TOUCH_HINTS; h++) {
		if ((set & 1u << h) != 0)
			return (enum touch_hint)h;
	}
	return TOUCH_HINT_NONE;
}

const char *
readers_health_name(enum readers_health h)
{
	return name_of(health_names, COUNT(health_names), h);
}

int
checkout_phase_parse(struct str s, enum checkout_phase *ret_phase)
{
	int i = index_of(phase_names, COUNT(phase_names), s);

	if (i < 0)
		return i;
	*ret_phase = (enum checkout_phase)i;
	return 0;
}

int
member_state_parse(struct str s, enum member_state *ret_state)
{
	int i = index_of(member_names, COUNT(member_names), s);

	if (i < 0)
		return i;
	*ret_state = (enum member_state)i;
	return 0;
}

const char *
claim_kind_name(enum claim_kind k)
{
	return name_of(claim_names, COUNT(claim_names), k);
}

const char *
lane_op_name(enum lane_op op)
{
	return name_of(op_names, COUNT(op_names), op);
}

enum lane_outcome
lane_outcome_parse(struct str name)
{
	int i = index_of(outcome_names, COUNT(outcome_names), name);

	return i < 0 ? OUTCOME_UNKNOWN : (enum lane_outcome)i;
}

const char *
lane_outcome_name(enum lane_outcome o)
{
	return name_of(outcome_names, COUNT(outcome_names), o);
}

const char *
lane_event_name(enum lane_event_kind k)
{
	return name_of(event_names, COUNT(event_names), k);
}

const char *
lane_effect_name(enum lane_effect_kind k)
{
	return name_of(effect_names, COUNT(effect_names), k);
}

bool
lane_effect_is_store(enum lane_effect_kind k)
{
	return k == FX_STORE_CHECKOUT || k == FX_STORE_PAYMENT || k == FX_AUDIT;
}

bool
lane_effect_needs_commit(enum lane_effect_kind k)
{
	return k == FX_PAY || k == FX_CONFIRM || k == FX_UNDO || k == FX_REFUND ||
	       k == FX_ANSWER;
}
