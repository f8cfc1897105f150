#ifndef LANED_CTL_PAYMENTS_H
#define LANED_CTL_PAYMENTS_H

#include "core/payment/payment.h"
#include "ctl/ctl.h"

/* The payments and refunds of business days, as laned's journal has them: for the report and reconciliation. */
struct payments_row {
	enum payment_kind kind;
	struct key128 key;
	struct key128
		original; /* of a refund: of which payment; zero: known by reference */
	char original_ref[PAYMENT_REF_BYTES];
	enum payment_state state;
	int32_t business_day;
	uint32_t tries;
	bool alarm;
	int64_t asked_minor, answered_minor, returned_minor;
	char ticket[PAYMENT_TICKET_BYTES], ref[PAYMENT_REF_BYTES];
	char auth[PAYMENT_AUTH_BYTES], currency[PAYMENT_CURRENCY_BYTES];
	char created[32], since[32];
};

struct payments {
	struct payments_row *rows;
	uint32_t count;
	int32_t from_day, to_day;
	char store[64], lane[64], currency[8];
	int64_t returns, returns_minor; /* made on these days */
};

/*
 * Takes --day, --from and --to out of argv (2026-11-22 or 20261122; nothing: the present business
 * day) and asks laned for all of it. 0 or an exit code, said. payments_free in any case.
 */
int payments_load(struct ctl *c, int *argc, char **argv, struct payments *p);
void payments_free(struct payments *p);

/* "confirmed", "refund unknown", "refunded" ... */
const char *payments_state(enum payment_kind kind, enum payment_state state);

/* Its end is not certain yet, or a person must act: what to do. NULL: it is in order. */
const char *payments_advice(const struct payments_row *r);

/* An amount with the decimals of its currency, in one of a few buffers. */
const char *payments_amount(int64_t minor, const char *currency);

/* One field of a CSV record, in quotes; comma before it unless it is the first. */
void payments_csv(FILE *out, bool first, const char *text);

#endif
