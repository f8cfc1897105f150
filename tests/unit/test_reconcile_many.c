/* A whole day against a whole file: every entry finds its own payment, whatever it is named by. */
#include "core/reconcile.h"

#include "unit.h"

#define MANY 300u

struct day {
	struct reconcile_ours ours[MANY];
	struct reconcile_theirs theirs[MANY + 2];
	char refs[MANY][8], tickets[MANY][8];
	uint32_t count[RECONCILE_KINDS];
	uint32_t rows;
};

static struct day day;

static int
see(void *ctx, const struct reconcile_result *r)
{
	struct day *d = ctx;

	d->count[r->kind]++;
	d->rows++;
	/* Each has an amount of its own, so that nobody else's entry fits. */
	if (r->ours != NULL && r->theirs != NULL)
		ck_assert_int_eq(r->ours_minor, r->theirs_minor);
	return 0;
}

static int
tally(void *ctx, const struct reconcile_result *r)
{
	struct day *d = ctx;

	d->count[r->kind]++;
	d->rows++;
	return 0;
}

/* Names of one character at first, of more later on. */
static void
fill(struct day *d)
{
	memset(d, 0, sizeof(*d));
	for (uint32_t i = 0; i < MANY; i++) {
		struct reconcile_ours *o = &d->ours[i];

		(void)snprintf(d->refs[i], 8, "%x", i);
		(void)snprintf(d->tickets[i], 8, "%o", i);
		o->key.b[0] = (uint8_t)(i >> 8);
		o->key.b[1] = (uint8_t)i;
		o->key.b[15] = 1;
		o->ref = str_of(d->refs[i]);
		o->ticket = str_of(d->tickets[i]);
		o->currency = STR("EUR");
		o->state = PAYMENT_CONFIRMED;
		o->asked_minor = o->answered_minor = 1000 + i;
	}
}

/* The entry of payment i, named by one of its three names. */
static struct reconcile_theirs
entry(const struct day *d, uint32_t i, unsigned by)
{
	struct reconcile_theirs t;

	memset(&t, 0, sizeof(t));
	if (by == 0)
		t.key = d->ours[i].key;
	else if (by == 1)
		t.ref = d->ours[i].ref;
	else
		t.ticket = d->ours[i].ticket;
	t.amount_minor = d->ours[i].answered_minor;
	return t;
}

static void
run(struct day *d, uint32_t theirs)
{
	const struct reconcile_input in = { d->ours, MANY, d->theirs, theirs };

	memset(d->count, 0, sizeof(d->count));
	d->rows = 0;
	ck_assert_int_eq(reconcile_run(&in, see, d), 0);
}

START_TEST(every_entry_of_a_long_file_finds_its_payment)
{
	for (unsigned by = 0; by < 4; by++) {
		fill(&day);
		for (uint32_t i = 0; i < MANY; i++) {
			/* In another order than the journal has them; 7 and 300 share no factor. */
			uint32_t k = i * 7u % MANY;

			day.theirs[i] = entry(&day, k, by < 3 ? by : i % 3);
			day.theirs[i].line = i + 2;
		}
		run(&day, MANY);
		ck_assert_uint_eq(day.count[RECONCILE_AGREES], MANY);
		ck_assert_uint_eq(day.rows, MANY);
	}
}
END_TEST

START_TEST(one_that_is_missing_among_many_is_named)
{
	fill(&day);
	for (uint32_t i = 0; i < MANY - 1; i++)
		day.theirs[i] = entry(&day, (i + 1) * 7u % MANY, i % 3);
	run(&day, MANY - 1);
	ck_assert_uint_eq(day.count[RECONCILE_AGREES], MANY - 1);
	ck_assert_uint_eq(day.count[RECONCILE_NOT_THERE], 1);
}
END_TEST

/* A name that is the beginning of another one is not that one. */
START_TEST(names_that_nobody_has_are_strangers_also_among_many)
{
	static const char *const odd[] = { "zz", "1 ", " 1", "12c0" };

	for (size_t k = 0; k < sizeof(odd) / sizeof(odd[0]); k++) {
		fill(&day);
		for (uint32_t i = 0; i < MANY; i++)
			day.theirs[i] = entry(&day, i, 1);
		memset(&day.theirs[MANY], 0, sizeof(day.theirs[MANY]));
		day.theirs[MANY].ref = str_of(odd[k]);
		day.theirs[MANY].amount_minor = 5;
		run(&day, MANY + 1);
		ck_assert_uint_eq(day.count[RECONCILE_AGREES], MANY);
		ck_assert_uint_eq(day.count[RECONCILE_NOT_HERE], 1);
	}
}
END_TEST

/* One entry of more than was given back is another amount; two of them are one too many. */
START_TEST(more_back_than_was_refunded_in_one_piece_is_another_amount)
{
	for (unsigned pieces = 1; pieces <= 2; pieces++) {
		struct reconcile_ours o = { .key = { { 9 } },
					    .kind = PAYMENT_REFUND,
					    .original = { { 1 } },
					    .ref = STR("B"),
					    .currency = STR("EUR"),
					    .state = PAYMENT_REFUNDED,
					    .asked_minor = 300,
					    .answered_minor = 300 };
		struct reconcile_theirs t[2];
		const struct reconcile_input in = { &o, 1, t, pieces };

		memset(t, 0, sizeof(t));
		t[0].ref = t[1].ref = STR("B");
		t[0].amount_minor = pieces == 1 ? -400 : -300;
		t[1].amount_minor = -300;
		memset(&day, 0, sizeof(day));
		ck_assert_int_eq(reconcile_run(&in, tally, &day), 0);
		ck_assert_uint_eq(day.rows, 1);
		ck_assert_uint_eq(day.count[RECONCILE_AMOUNT], pieces == 1);
		ck_assert_uint_eq(day.count[RECONCILE_BACK_TWICE], pieces == 2);
	}
}
END_TEST

UNIT_MAIN("reconcile_many", every_entry_of_a_long_file_finds_its_payment,
	  one_that_is_missing_among_many_is_named,
	  names_that_nobody_has_are_strangers_also_among_many,
	  more_back_than_was_refunded_in_one_piece_is_another_amount)
