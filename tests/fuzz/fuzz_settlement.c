/* A settlement file, with two ways of naming its columns; and what was read, against a payment. */
#include "base/plain/money.h"
#include "ctl/settlement.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool fact)
{
	if (!fact)
		abort();
}

static int
count(void *ctx, const struct reconcile_result *r)
{
	uint32_t *seen = ctx;

	require(r->ours != NULL || r->kind == RECONCILE_NOT_HERE ||
		r->kind == RECONCILE_ELSEWHERE);
	++*seen;
	return 0;
}

static void
reconcile(const struct settlement *s)
{
	const struct reconcile_ours ours = { .key = { { 1 } },
					     .ticket = STR("1"),
					     .ref = STR("R"),
					     .currency = STR("EUR"),
					     .state = PAYMENT_CONFIRMED,
					     .asked_minor = 100,
					     .answered_minor = 100 };
	struct reconcile_input in = { &ours, 1, s->rows, s->count };
	uint32_t seen = 0;

	require(reconcile_run(&in, count, &seen) == 0);
	require(seen >= 1 && seen <= 1 + s->count);
}

static void
take(const uint8_t *data, size_t size, const struct settlement_options *o)
{
	struct settlement *s = malloc(sizeof(*s));
	char *text = malloc(size + 1);
	int rc;

	require(s != NULL && text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	rc = settlement_read(text, size, o, s);
	for (uint32_t i = 0; i < s->count; i++)
		require(s->rows[i].amount_minor <= MONEY_MINOR_MAX &&
			s->rows[i].amount_minor >= -MONEY_MINOR_MAX &&
			s->rows[i].line >= 1);
	require(rc == 0 || s->faults_total > 0);
	if (rc == 0)
		reconcile(s);
	settlement_free(s);
	free(s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct settlement_options o = { .currency = "EUR",
					.charges = SETTLEMENT_CHARGES,
					.credits = SETTLEMENT_CREDITS };

	take(data, size, &o);
	o.columns = "key=a,amount=b,type=c";
	o.minor = true;
	take(data, size, &o);
	return 0;
}
