#ifndef LANED_BASE_PLAIN_MONEY_H
#define LANED_BASE_PLAIN_MONEY_H

#include "base/plain/str.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Money is int64_t minor units of the lane's one ISO 4217 currency, never a float. Amounts from
 * outside are accepted within +-MONEY_MINOR_MAX, so that sums of millions of them cannot overflow;
 * every operation here checks all the same.
 */
#define MONEY_MINOR_MAX INT64_C(1000000000000) /* 10^12 minor units */
#define BP_ONE 10000                           /* 100 % in basis points */

enum rounding {
	ROUND_HALF_UP, /* half away from zero */
	ROUND_HALF_EVEN,
	ROUND_DOWN,       /* towards zero */
	ROUND_NET_HALF_UP /* the net amount, not the discount, is rounded half up */
};

/* 0 and *ret_value, or -ERANGE on overflow with *ret_value untouched. */
int money_add(int64_t a, int64_t b, int64_t *ret_value);
int money_sub(int64_t a, int64_t b, int64_t *ret_value);
int money_mul(int64_t a, int64_t b, int64_t *ret_value);

/*
 * a * num / den with a 128-bit intermediate, rounded once by mode (ROUND_NET_HALF_UP counts as
 * ROUND_HALF_UP here; the pricing engine applies it to net amounts). den > 0. 0 or -ERANGE.
 */
int money_muldiv(int64_t a, int64_t num, int64_t den, enum rounding mode,
		 int64_t *ret_value);

/*
 * An ISO 4217 currency by its three letters: its numeric code and number of minor digits (0..4).
 * The active currencies of the standard are known. 0 or -ENOENT.
 */
int currency_find(const char *alpha3, uint16_t *ret_numeric, uint8_t *ret_exponent);

/*
 * Writes amount with exponent minor digits and a decimal point ("-12.05") into buf.
 * 0 or -ENOSPC (24 bytes are always enough).
 */
int money_format(char *buf, size_t bytes, int64_t amount_minor, uint8_t exponent);

/*
 * Reads a decimal number ("-12.05", "3", "+.5") as units of 10^-digits, digits 0..9: with 2, "1.5"
 * is 150. Digits that do not fit are rounded half away from zero and *ret_exact (may be NULL) is
 * then false. 0; -EINVAL no such number; -ERANGE beyond +-MONEY_MINOR_MAX.
 */
int money_parse(struct str text, uint8_t digits, int64_t *ret_value, bool *ret_exact);

#endif
