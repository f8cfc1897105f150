/*
 * What the core writes into the audit of a payment, what it calls a human with, and what it refuses of
 * an adapter before anything is stored.
 */
#include "core/checkout/checkout.h"

#include "unit.h"

#include <errno.h>

#define ASKED 2000
#define WORDS_MAX 40

struct desk {
	struct lane_core *core;
	struct timepoint now;
	struct lane_effects out;
	struct lane_fresh fresh;
	struct key128 key; /* of the payment */
	struct ulid checkout;
	char words[WORDS_MAX][48]; /* audited since forget() */
	char texts[WORDS_MAX][80];
	unsigned count, alarms, stores, allowed, denied;
	struct lane_audit alarm;
};

static void
note(struct desk *d)
{
	for (uint32_t i = 0; i < d->out.count; i++) {
		const struct lane_effect *fx = &d->out.list[i];

		if (fx->kind == FX_AUDIT && d->count < WORDS_MAX) {
			(void)snprintf(d->words[d->count], 48, "%s", fx->audit.what);
			(void)snprintf(d->texts[d->count], 80, "%s",
				       fx->audit.text == NULL ? "" : fx->audit.text);
			d->count++;
			if (strncmp(fx->audit.what, "payment-", 8) == 0) {
				ck_assert(key128_eq(fx->audit.key, d->key));
				ck_assert_int_eq(fx->audit.amount_minor, ASKED);
			}
		}
		if (fx->kind == FX_STORE_PAYMENT)
			d->stores++;
		if (fx->kind == FX_JOURNAL_ANSWER)
			*(fx->answer.ok ? &d->allowed : &d->denied) += 1;
		if (fx->kind == FX_ALARM) {
			d->alarms++;
			d->alarm = fx->audit;
		}
	}
}

static int
give(struct desk *d, struct lane_event *ev)
{
	int rc;

	d->fresh.checkout.b[0] = d->fresh.key.b[0] = 1;
	d->fresh.checkout.b[15]++;
	d->fresh.key.b[15]++;
	ev->fresh = d->fresh;
	if (ev->kind == LANE_EV_IDENTIFIED)
		d->key = d->fresh.key;
	rc = lane_core_step(d->core, ev, &d->now, &d->out);
	note(d);
	return rc;
}

static void
forget(struct desk *d)
{
	d->count = d->alarms = d->stores = d->allowed = d->denied = 0;
}

/* A member of this lane has just touched a total: the payment is created. */
static void
open_desk(struct desk *d)
{
	struct lane_env env = { .limits = LANE_LIMITS_DEFAULT,
				.payment = PAYMENT_RULES_DEFAULT,
				.currency = "EUR",
				.language = STR("en"),
				.can_pay = true };
	struct basket_line line = { .line = 1,
				    .code = "1",
				    .qty_milli = 1000,
				    .unit_price_minor = ASKED,
				    .amount_minor = ASKED };
	struct lane_member m;
	struct lane_event ev = { .kind = LANE_EV_ADAPTER, .up = true };

	memset(d, 0, sizeof(*d));
	memset(&m, 0, sizeof(m));
	m.member.b[15] = m.subjects[0].b[15] = 1;
	m.subjects_count = 1;
	m.has_tender = true;
	(void)snprintf(m.token, sizeof(m.token), "tok");
	d->now = (struct timepoint){ 1000, INT64_C(1790000000000), 0, 20260921 };
	ck_assert_int_eq(lane_core_new(&env, &d->core), 0);
	ck_assert_int_eq(give(d, &ev), 0);
	ev.kind = LANE_EV_BIO;
	ck_assert_int_eq(give(d, &ev), 0);
	ev = (struct lane_event){ .kind = LANE_EV_READERS };
	ck_assert_int_eq(give(d, &ev), 0);
	ev = (struct lane_event){ .kind = LANE_EV_BASKET };
	ev.basket.ticket = STR("T1");
	ev.basket.rev = 1;
	ev.basket.lines = &line;
	ev.basket.lines_count = 1;
	ev.basket.final = true;
	ck_assert_int_eq(give(d, &ev), 0);
	ev = (struct lane_event){ .kind = LANE_EV_TOUCH };
	ev.touch.probe = STR("p1");
	ck_assert_int_eq(give(d, &ev), 0);
	ev = (struct lane_event){ .kind = LANE_EV_IDENTIFIED };
	ev.bio.probe = STR("p1");
	ev.bio.outcome = BIO_ACCEPT;
	ev.bio.member = &m;
	ck_assert_int_eq(give(d, &ev), 0);
	d->checkout = lane_core_display(d->core)->checkout;
	ck_assert_int_eq(lane_core_display(d->core)->phase, PHASE_PAYING);
}

static void
close_desk(struct desk *d)
{
	d->core = lane_core_free(d->core);
}

static enum payment_state
state(const struct desk *d)
{
	return lane_core_payment(d->core, 0)->state;
}

static int
want_sending(struct desk *d, const uint8_t *blob, uint32_t bytes)
{
	struct lane_event ev = { .kind = LANE_EV_JOURNAL_WANTED };

	ev.journal.key = d->key;
	ev.journal.req = STR("r1");
	ev.journal.blob = blob;
	ev.journal.blob_bytes = bytes;
	return give(d, &ev);
}

static void
complete(struct desk *d, enum lane_op op, enum lane_outcome outcome, struct str auth,
	 struct str ref)
{
	struct lane_event ev = { .kind = LANE_EV_COMPLETION };

	ev.completion.op = op;
	ev.completion.key = d->key;
	ev.completion.outcome = outcome;
	ev.completion.has_amount = true;
	ev.completion.amount_minor = ASKED;
	ev.completion.auth = auth;
	ev.completion.ref = ref;
	ck_assert_int_eq(give(d, &ev), 0);
}

static bool
has(const struct desk *d, const char *word)
{
	for (unsigned i = 0; i < d->count; i++)
		if (strcmp(d->words[i], word) == 0)
			return true;
	return false;
}

/* One after the other, nothing else of the payment between them. */
static void
must_be_audited(const struct desk *d, const char *const *words, unsigned count)
{
	unsigned n = 0;

	for (unsigned i = 0; i < d->count; i++) {
		if (strncmp(d->words[i], "payment-", 8) != 0)
			continue;
		ck_assert_msg(n < count && strcmp(words[n], d->words[i]) == 0,
			      "%s and not %s", d->words[i],
			      n < count ? words[n] : "nothing");
		n++;
	}
	ck_assert_uint_eq(n, count);
}

START_TEST(each_change_of_a_payment_is_in_the_audit_once)
{
	static const char *const words[] = { "payment-created", "payment-sending",
					     "payment-unknown", "payment-approved",
					     "payment-confirmed" };
	struct desk d;

	open_desk(&d);
	ck_assert_int_eq(want_sending(&d, NULL, 0), 0);
	complete(&d, LANE_OP_PAY, OUTCOME_UNKNOWN, STR(""), STR(""));
	complete(&d, LANE_OP_QUERY, OUTCOME_APPROVED, STR("A1"), STR("R1"));
	complete(&d, LANE_OP_CONFIRM, OUTCOME_CONFIRMED, STR(""), STR(""));
	must_be_audited(&d, words, sizeof(words) / sizeof(words[0]));
	close_desk(&d);
}
END_TEST

START_TEST(an_undo_is_in_the_audit_and_calls_a_human_by_name)
{
	static const char *const words[] = { "payment-created", "payment-sending",
					     "payment-undo-queued", "payment-undo-failed",
					     "payment-alarm" };
	struct lane_event other = { .kind = LANE_EV_OTHER_TENDER };
	struct desk d;

	open_desk(&d);
	ck_assert_int_eq(want_sending(&d, NULL, 0), 0);
	ck_assert_int_eq(give(&d, &other), 0);
	ck_assert(has(&d, "other-tender"));
	complete(&d, LANE_OP_UNDO, OUTCOME_DECLINED, STR(""), STR(""));
	must_be_audited(&d, words, sizeof(words) / sizeof(words[0]));
	ck_assert_uint_eq(d.alarms, 1);
	ck_assert(key128_eq(d.alarm.key, d.key));
	ck_assert(ulid_eq(d.alarm.checkout, d.checkout));
	ck_assert_int_eq(d.alarm.amount_minor, ASKED);
	ck_assert_ptr_nonnull(strstr(d.alarm.text, "by hand"));
	close_desk(&d);
}
END_TEST

START_TEST(an_answer_that_fits_nothing_is_in_the_audit)
{
	struct desk d;

	open_desk(&d);
	complete(&d, LANE_OP_PAY, OUTCOME_APPROVED, STR(""), STR(""));
	forget(&d);
	complete(&d, LANE_OP_QUERY, OUTCOME_DECLINED, STR(""), STR(""));
	ck_assert(has(&d, "payment-odd-answer"));
	ck_assert_uint_eq(d.alarms, 1); /* it may cost money */
	ck_assert_int_eq(state(&d), PAYMENT_APPROVED);
	close_desk(&d);
}
END_TEST

/* PAYMENTS.md: an adapter's blob has at most 4 KiB. */
START_TEST(a_blob_of_4_kib_is_kept_and_a_longer_one_is_refused)
{
	static uint8_t blob[PAYMENT_BLOB_BYTES_MAX + 1];
	struct desk d;

	_Static_assert(PAYMENT_BLOB_BYTES_MAX == 4096, "as the design says");
	memset(blob, 'b', sizeof(blob));
	open_desk(&d);
	forget(&d);
	ck_assert_int_eq(want_sending(&d, blob, sizeof(blob)), -EINVAL);
	ck_assert_uint_eq(d.stores + d.allowed, 0);
	ck_assert_int_eq(state(&d), PAYMENT_CREATED);
	ck_assert_int_eq(want_sending(&d, blob, sizeof(blob) - 1), 0);
	ck_assert_uint_eq(d.allowed, 1);
	ck_assert_uint_eq(lane_core_payment(d.core, 0)->blob_bytes, 4096);
	close_desk(&d);
}
END_TEST

START_TEST(a_request_s_name_that_is_too_long_is_refused)
{
	struct lane_event ev = { .kind = LANE_EV_JOURNAL_WANTED };
	char name[66];
	struct desk d;

	memset(name, 'n', sizeof(name));
	open_desk(&d);
	forget(&d);
	ev.journal.key = d.key;
	ev.journal.req = (struct str){ name, 65 };
	ck_assert_int_eq(give(&d, &ev), -EINVAL);
	ck_assert_uint_eq(d.stores + d.allowed, 0);
	ev.journal.req.n = 64;
	ck_assert_int_eq(give(&d, &ev), 0);
	ck_assert_uint_eq(d.allowed, 1);
	close_desk(&d);
}
END_TEST

/* Made here: no such number stands in the source. */
static void
make_pan(char pan[17])
{
	(void)snprintf(pan, 17, "%s%s", "41111111", "11111111");
}

START_TEST(card_numbers_in_an_answer_are_masked_wherever_they_stand)
{
	static const struct {
		const char *before, *after;
	} where[] = { { "", "" }, { "", " x" }, { "x ", "" }, { "ab ", " cd" } };
	char pan[17], auth[40], ref[60];

	make_pan(pan);
	for (size_t i = 0; i < sizeof(where) / sizeof(where[0]); i++) {
		const struct payment *p;
		struct desk d;

		(void)snprintf(auth, sizeof(auth), "%s%s%s", where[i].before, pan,
			       where[i].after);
		(void)snprintf(ref, sizeof(ref), "%s%s%s", where[i].before, pan,
			       where[i].after);
		open_desk(&d);
		forget(&d);
		complete(&d, LANE_OP_PAY, OUTCOME_APPROVED, str_of(auth), str_of(ref));
		p = lane_core_payment(d.core, 0);
		ck_assert_int_eq(p->state, PAYMENT_APPROVED);
		ck_assert_uint_eq(strlen(p->ref), strlen(ref));
		for (size_t k = 0; k + 4 <= 16; k++) {
			char part[5];

			(void)snprintf(part, sizeof(part), "%.4s", pan + k);
			ck_assert_ptr_null(strstr(p->ref, part));
			ck_assert_ptr_null(strstr(p->auth, part));
		}
		ck_assert_int_eq(
			strncmp(p->ref, where[i].before, strlen(where[i].before)), 0);
		ck_assert(has(&d, "pan-masked"));
		close_desk(&d);
	}
}
END_TEST

START_TEST(a_card_number_in_a_blob_is_refused_and_in_the_audit)
{
	char pan[17];
	struct desk d;

	make_pan(pan);
	open_desk(&d);
	forget(&d);
	ck_assert_int_eq(want_sending(&d, (const uint8_t *)pan, 16), -EPERM);
	ck_assert(has(&d, "pan-refused"));
	ck_assert_uint_eq(d.denied, 1);
	ck_assert_uint_eq(d.stores, 0);
	ck_assert_int_eq(state(&d), PAYMENT_CREATED);
	close_desk(&d);
}
END_TEST

START_TEST(an_offer_that_was_not_taken_is_in_the_audit)
{
	struct lane_event ev = { .kind = LANE_EV_COMPLETION };
	struct desk d;

	open_desk(&d);
	forget(&d);
	ev.completion.op = LANE_OP_OFFER;
	ev.completion.outcome = OUTCOME_DONE;
	ck_assert_int_eq(give(&d, &ev), 0);
	ck_assert(!has(&d, "offer-not-taken"));
	ev.completion.outcome = OUTCOME_UNKNOWN;
	ck_assert_int_eq(give(&d, &ev), 0);
	ck_assert(has(&d, "offer-not-taken"));
	ev = (struct lane_event){ .kind = LANE_EV_SUBMIT_REFUSED };
	ev.submit.op = LANE_OP_OFFER;
	ck_assert_int_eq(give(&d, &ev), 0);
	ck_assert(has(&d, "offer-refused"));
	close_desk(&d);
}
END_TEST

/* The ticket is void while its payment is on its way: it is given back, and that is no error. */
START_TEST(a_void_is_answered_once_it_is_seen_to)
{
	struct lane_event cancel = { .kind = LANE_EV_CANCEL };
	struct desk d;

	open_desk(&d);
	ck_assert_int_eq(want_sending(&d, NULL, 0), 0);
	cancel.ticket = STR("T9");
	ck_assert_int_eq(give(&d, &cancel), -ENOENT);
	ck_assert_int_eq(state(&d), PAYMENT_SENDING);
	cancel.ticket = STR("T1");
	ck_assert_int_eq(give(&d, &cancel), 0);
	ck_assert_int_eq(state(&d), PAYMENT_UNDO_QUEUED);
	ck_assert_int_eq(lane_core_display(d.core)->phase, PHASE_CANCELLED);
	ck_assert_int_eq(lane_core_display(d.core)->note, NOTE_NONE);
	forget(&d); /* once more changes nothing */
	ck_assert_int_eq(give(&d, &cancel), 0);
	ck_assert_int_eq(state(&d), PAYMENT_UNDO_QUEUED);
	ck_assert_uint_eq(d.count + d.alarms, 0);
	close_desk(&d);
}
END_TEST

UNIT_MAIN("lane_audit", each_change_of_a_payment_is_in_the_audit_once,
	  an_undo_is_in_the_audit_and_calls_a_human_by_name,
	  an_answer_that_fits_nothing_is_in_the_audit,
	  a_blob_of_4_kib_is_kept_and_a_longer_one_is_refused,
	  a_request_s_name_that_is_too_long_is_refused,
	  card_numbers_in_an_answer_are_masked_wherever_they_stand,
	  a_card_number_in_a_blob_is_refused_and_in_the_audit,
	  an_offer_that_was_not_taken_is_in_the_audit,
	  a_void_is_answered_once_it_is_seen_to)
