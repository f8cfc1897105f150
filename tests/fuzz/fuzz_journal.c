/* A damaged or hostile journal.db: opened, checked and listed. */
#include "lane/journal.h"
#include "lane/journal_report.h"
#include "lane/journal_returns.h"

#include "fuzz/db_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct journal_spec
spec(void)
{
	return (struct journal_spec){ .path = db_file_path,
				      .environment = "test",
				      .lane = { { 1 } } };
}

/* A payment that a POS asked for, in doubt, with both blobs; and a refund of it that is going back. */
static void
put_payments(struct journal_ref ref)
{
	static struct payment p = { .key = { { 5 } },
				    .checkout = { { 4 } },
				    .ticket = "T",
				    .currency = "EUR",
				    .adapter = "payer",
				    .kind = PAYMENT_PAY,
				    .rev = 1,
				    .asked_minor = 5,
				    .state = PAYMENT_UNKNOWN,
				    .ref = "R-1",
				    .auth = "A",
				    .blob = { 1, 2 },
				    .blob_bytes = 2,
				    .pos_adapter = "pos",
				    .pos_ref = "P-1",
				    .pos_blob = { 3 },
				    .pos_blob_bytes = 1,
				    .member = { { 3 } } };
	static struct payment refund;

	refund = p;
	refund.key = (struct key128){ { 6 } };
	refund.kind = PAYMENT_REFUND;
	refund.original = p.key;
	refund.state = PAYMENT_SENDING;
	require(ref.ops->put_payment(ref.impl, &p) == 0);
	require(ref.ops->put_payment(ref.impl, &refund) == 0);
}

static void
prepare(void)
{
	struct journal_consent consent = { .consent = { { 2 } },
					   .member = { { 3 } },
					   .purpose = STR("discounts"),
					   .text_version = STR("v"),
					   .language = STR("en"),
					   .given_wall_ms = 1 };
	struct lane_audit audit = { .what = "opened" };
	struct basket_line line = { .line = 1,
				    .code = "1",
				    .text = "milk",
				    .qty_milli = 1000,
				    .unit_price_minor = 5,
				    .amount_minor = 5 };
	struct checkout_record record = { .checkout = { { 4 } },
					  .ticket = "T",
					  .currency = "EUR",
					  .lines_count = 1,
					  .lines = &line,
					  .rev = 1 };
	struct journal_spec s;
	struct journal *j = NULL;
	struct journal_ref ref;
	char why[256];

	db_file_start("journal.db");
	s = spec();
	require(journal_open(&s, &j, why) == 0);
	ref = journal_ref(j);
	require(ref.ops->begin(ref.impl, true) == 0);
	require(ref.ops->put_checkout(ref.impl, &record) == 0);
	put_payments(ref);
	require(ref.ops->commit(ref.impl) == 0);
	for (int i = 0; i < 3; i++)
		require(journal_audit(j, &audit, 1000 + i, true) == 0);
	require(journal_consent_put(j, &consent) == 0);
	require(journal_born_put(j, consent.member, STR("{\"number\":\"1\"}"), 5) == 0);
	require(journal_outbox_put(j, "kind", STR("{}"), 6) == 0);
	journal_close(j);
	db_file_keep();
}

static int
on_checkout(void *ctx, const struct checkout_record *r)
{
	(void)r;
	return ++*(unsigned *)ctx > 100;
}

/* Whatever the file said, it is a payment that the core may be given. */
static int
on_payment(void *ctx, const struct payment *p)
{
	require(payment_state_name(p->state) != NULL);
	require(p->blob_bytes <= sizeof(p->blob) &&
		p->pos_blob_bytes <= sizeof(p->pos_blob));
	require(memchr(p->ticket, '\0', sizeof(p->ticket)) != NULL);
	require(memchr(p->ref, '\0', sizeof(p->ref)) != NULL);
	require(memchr(p->pos_ref, '\0', sizeof(p->pos_ref)) != NULL);
	return ++*(unsigned *)ctx > 100;
}

static int
on_report(void *ctx, const struct journal_report_row *r)
{
	(void)r;
	return ++*(unsigned *)ctx > 100;
}

static int
on_born(void *ctx, struct ulid member, struct str json)
{
	(void)member;
	(void)json;
	return ++*(unsigned *)ctx > 100;
}

static int
on_outbox(void *ctx, int64_t seq, struct str kind, struct str json)
{
	(void)seq;
	return on_born(ctx, (struct ulid){ { 0 } }, kind.n > 0 ? kind : json);
}

static int
on_audit(void *ctx, const struct journal_audit_row *r)
{
	(void)r;
	return ++*(unsigned *)ctx > 100;
}

static int
on_consent(void *ctx, const struct journal_consent *c)
{
	(void)c;
	return ++*(unsigned *)ctx > 100;
}

/* What an adapter asks for, and what the day's report and a return look at. */
static void
use_payments(struct journal *j)
{
	static struct payment p;
	struct journal_ref ref = journal_ref(j);
	const struct journal_report_query q = { 20200101, 20301231, 0, 100, false },
					  refunds = { 20200101, 20301231, 0, 100, true };
	unsigned seen = 0;
	int64_t minor = 0;

	if (ref.ops->get_payment(ref.impl, (struct key128){ { 6 } }, &p) == 0) {
		(void)on_payment(&seen, &p); /* only looks */
		(void)journal_refunded(j, &p, &minor);
	}
	if (journal_find_of(j, "pos", STR("P-1"), (struct key128){ { 0 } }, &p) == 0)
		(void)on_payment(&seen, &p); /* only looks */
	(void)ref.ops->find_payment(ref.impl, STR("R-1"), &p);
	(void)ref.ops->paid_parts(ref.impl, (struct ulid){ { 4 } }, on_payment, &seen);
	(void)journal_report(j, &q, on_report, &seen);
	(void)journal_report(j, &refunds, on_report, &seen);
}

/* Everything that laned reads at its start and for its lists: any answer, but an answer. */
static void
use(struct journal *j)
{
	struct journal_list q = { .limit = 100 };
	struct journal_uses_query uses_query = { .member = { { 3 } } };
	struct journal_checkout c = { .lines = NULL };
	struct journal_ref ref = journal_ref(j);
	struct journal_counts counts;
	struct lane_use uses[4];
	struct checkout_record ended[4];
	unsigned seen = 0;
	bool bought = false;
	uint32_t n = 0;
	int64_t at = 0;

	(void)journal_last_wall_ms(j, &at);
	(void)journal_check(j, &at);
	(void)journal_counts(j, &counts);
	if (ref.ops->get_checkout(ref.impl, (struct ulid){ { 0 } }, &c) == 0) {
		q.checkout = c.record.checkout;
		(void)journal_timeline(j, &q, on_audit, &seen);
		journal_checkout_clear(&c);
	}
	q.checkout = (struct ulid){ { 0 } };
	(void)ref.ops->get_ended(ref.impl, ended, 4, &n);
	(void)ref.ops->open_payments(ref.impl, on_payment, &seen);
	(void)ref.ops->uses(ref.impl, &uses_query, uses, 4, &n);
	(void)ref.ops->touch_sum(ref.impl, uses_query.member, 20260101, &at);
	(void)ref.ops->bought(ref.impl, uses_query.member, (struct ulid){ { 0 } },
			      &bought);
	(void)journal_checkouts(j, &q, on_checkout, &seen);
	(void)journal_payments(j, &q, on_payment, &seen);
	(void)journal_member_checkouts(j, uses_query.member, on_checkout, &seen);
	(void)journal_consents(j, uses_query.member, on_consent, &seen);
	(void)journal_born(j, on_born, &seen);
	(void)journal_outbox(j, 10, on_outbox, &seen);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct journal_spec s;
	struct journal *j = NULL;
	char why[256] = "";
	int rc;

	if (db_file_good_bytes == 0)
		prepare();
	s = spec();
	db_file_damage(data, size);
	rc = journal_open(&s, &j, why);
	require((rc == 0) == (j != NULL));
	require(rc == 0 || why[0] != '\0');
	if (rc == 0) {
		use(j);
		use_payments(j);
	}
	journal_close(j);
	return 0;
}
