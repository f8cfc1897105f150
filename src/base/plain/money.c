#include "base/plain/money.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define EXPONENT_MAX 4

__extension__ typedef __int128 wide; /* __extension__: ISO C has no such type */

struct currency {
	char alpha3[4];
	uint16_t numeric;
	uint8_t exponent;
};

/* ISO 4217 list one without metals, funds of the IMF, test and "no currency" codes; sorted. */
static const struct currency currencies[] = {
#define C(a, n, e)                                                                       \
	{                                                                                \
#a, n, e                                                                 \
	}
	C(AED, 784, 2), C(AFN, 971, 2), C(ALL, 8, 2),   C(AMD, 51, 2),  C(AOA, 973, 2),
	C(ARS, 32, 2),  C(AUD, 36, 2),  C(AWG, 533, 2), C(AZN, 944, 2), C(BAM, 977, 2),
	C(BBD, 52, 2),  C(BDT, 50, 2),  C(BGN, 975, 2), C(BHD, 48, 3),  C(BIF, 108, 0),
	C(BMD, 60, 2),  C(BND, 96, 2),  C(BOB, 68, 2),  C(BOV, 984, 2), C(BRL, 986, 2),
	C(BSD, 44, 2),  C(BTN, 64, 2),  C(BWP, 72, 2),  C(BYN, 933, 2), C(BZD, 84, 2),
	C(CAD, 124, 2), C(CDF, 976, 2), C(CHE, 947, 2), C(CHF, 756, 2), C(CHW, 948, 2),
	C(CLF, 990, 4), C(CLP, 152, 0), C(CNY, 156, 2), C(COP, 170, 2), C(COU, 970, 2),
	C(CRC, 188, 2), C(CUP, 192, 2), C(CVE, 132, 2), C(CZK, 203, 2), C(DJF, 262, 0),
	C(DKK, 208, 2), C(DOP, 214, 2), C(DZD, 12, 2),  C(EGP, 818, 2), C(ERN, 232, 2),
	C(ETB, 230, 2), C(EUR, 978, 2), C(FJD, 242, 2), C(FKP, 238, 2), C(GBP, 826, 2),
	C(GEL, 981, 2), C(GHS, 936, 2), C(GIP, 292, 2), C(GMD, 270, 2), C(GNF, 324, 0),
	C(GTQ, 320, 2), C(GYD, 328, 2), C(HKD, 344, 2), C(HNL, 340, 2), C(HTG, 332, 2),
	C(HUF, 348, 2), C(IDR, 360, 2), C(ILS, 376, 2), C(INR, 356, 2), C(IQD, 368, 3),
	C(IRR, 364, 2), C(ISK, 352, 0), C(JMD, 388, 2), C(JOD, 400, 3), C(JPY, 392, 0),
	C(KES, 404, 2), C(KGS, 417, 2), C(KHR, 116, 2), C(KMF, 174, 0), C(KPW, 408, 2),
	C(KRW, 410, 0), C(KWD, 414, 3), C(KYD, 136, 2), C(KZT, 398, 2), C(LAK, 418, 2),
	C(LBP, 422, 2), C(LKR, 144, 2), C(LRD, 430, 2), C(LSL, 426, 2), C(LYD, 434, 3),
	C(MAD, 504, 2), C(MDL, 498, 2), C(MGA, 969, 2), C(MKD, 807, 2), C(MMK, 104, 2),
	C(MNT, 496, 2), C(MOP, 446, 2), C(MRU, 929, 2), C(MUR, 480, 2), C(MVR, 462, 2),
	C(MWK, 454, 2), C(MXN, 484, 2), C(MXV, 979, 2), C(MYR, 458, 2), C(MZN, 943, 2),
	C(NAD, 516, 2), C(NGN, 566, 2), C(NIO, 558, 2), C(NOK, 578, 2), C(NPR, 524, 2),
	C(NZD, 554, 2), C(OMR, 512, 3), C(PAB, 590, 2), C(PEN, 604, 2), C(PGK, 598, 2),
	C(PHP, 608, 2), C(PKR, 586, 2), C(PLN, 985, 2), C(PYG, 600, 0), C(QAR, 634, 2),
	C(RON, 946, 2), C(RSD, 941, 2), C(RUB, 643, 2), C(RWF, 646, 0), C(SAR, 682, 2),
	C(SBD, 90, 2),  C(SCR, 690, 2), C(SDG, 938, 2), C(SEK, 752, 2), C(SGD, 702, 2),
	C(SHP, 654, 2), C(SLE, 925, 2), C(SOS, 706, 2), C(SRD, 968, 2), C(SSP, 728, 2),
	C(STN, 930, 2), C(SVC, 222, 2), C(SYP, 760, 2), C(SZL, 748, 2), C(THB, 764, 2),
	C(TJS, 972, 2), C(TMT, 934, 2), C(TND, 788, 3), C(TOP, 776, 2), C(TRY, 949, 2),
	C(TTD, 780, 2), C(TWD, 901, 2), C(TZS, 834, 2), C(UAH, 980, 2), C(UGX, 800, 0),
	C(USD, 840, 2), C(USN, 997, 2), C(UYI, 940, 0), C(UYU, 858, 2), C(UYW, 927, 4),
	C(UZS, 860, 2), C(VED, 926, 2), C(VES, 928, 2), C(VND, 704, 0), C(VUV, 548, 0),
	C(WST, 882, 2), C(XAF, 950, 0), C(XCD, 951, 2), C(XCG, 532, 2), C(XOF, 952, 0),
	C(XPF, 953, 0), C(YER, 886, 2), C(ZAR, 710, 2), C(ZMW, 967, 2), C(ZWG, 924, 2),
#undef C
};

/* True when the quotient whose remainder is r (0 <= r < den) goes away from zero. */
static bool
rounds_away(wide quotient, wide r, wide den, enum rounding mode)
{
	switch (mode) {
	case ROUND_DOWN:
		return false;
	case ROUND_HALF_EVEN:
		return 2 * r > den || (2 * r == den && quotient % 2 != 0);
	case ROUND_HALF_UP:
	case ROUND_NET_HALF_UP:
		break;
	}
	return 2 * r >= den;
}

int
money_add(int64_t a, int64_t b, int64_t *ret_value)
{
	int64_t value;

	if (__builtin_add_overflow(a, b, &value))
		return -ERANGE;
	*ret_value = value;
	return 0;
}

int
money_sub(int64_t a, int64_t b, int64_t *ret_value)
{
	int64_t value;

	if (__builtin_sub_overflow(a, b, &value))
		return -ERANGE;
	*ret_value = value;
	return 0;
}

int
money_mul(int64_t a, int64_t b, int64_t *ret_value)
{
	int64_t value;

	if (__builtin_mul_overflow(a, b, &value))
		return -ERANGE;
	*ret_value = value;
	return 0;
}

int
money_muldiv(int64_t a, int64_t num, int64_t den, enum rounding mode, int64_t *ret_value)
{
	wide product, quotient, remainder;
	bool negative;

	assert(den > 0);
	product = (wide)a * num; /* |product| <= 2^126 */
	negative = product < 0;
	if (negative)
		product = -product;
	quotient = product / den;
	remainder = product % den;
	if (rounds_away(quotient, remainder, den, mode))
		quotient++;
	if (negative)
		quotient = -quotient;
	if (quotient < INT64_MIN || quotient > INT64_MAX)
		return -ERANGE;
	*ret_value = (int64_t)quotient;
	return 0;
}

int
currency_find(const char *alpha3, uint16_t *ret_numeric, uint8_t *ret_exponent)
{
	for (size_t i = 0; i < sizeof(currencies) / sizeof(currencies[0]); i++) {
		if (strcmp(currencies[i].alpha3, alpha3) != 0)
			continue;
		*ret_numeric = currencies[i].numeric;
		*ret_exponent = currencies[i].exponent;
		return 0;
	}
	return -ENOENT;
}

int
money_format(char *buf, size_t bytes, int64_t amount_minor, uint8_t exponent)
{
	uint64_t magnitude =
		amount_minor < 0 ? -(uint64_t)amount_minor : (uint64_t)amount_minor;
	const char *sign = amount_minor < 0 ? "-" : "";
	uint64_t unit = 1;
	int n;

	assert(exponent <= EXPONENT_MAX);
	for (unsigned i = 0; i < exponent; i++)
		unit *= 10;
	if (exponent == 0)
		n = snprintf(buf, bytes, "%s%llu", sign, (unsigned long long)magnitude);
	else
		n = snprintf(buf, bytes, "%s%llu.%0*llu", sign,
			     (unsigned long long)(magnitude / unit), (int)exponent,
			     (unsigned long long)(magnitude % unit));
	return n < 0 || (size_t)n >= bytes ? -ENOSPC : 0;
}

/* Takes the decimal digits at p[*at] on into *value, up to count of them; false: beyond the range. */
static bool
take_digits(struct str s, size_t *at, size_t count, int64_t *value)
{
	while (count > 0 && *at < s.n && s.p[*at] >= '0' && s.p[*at] <= '9') {
		*value = *value * 10 + (s.p[*at] - '0');
		if (*value > MONEY_MINOR_MAX)
			return false;
		(*at)++;
		count--;
	}
	return true;
}

/* What is left behind the digits that fit: whether it rounds up, and whether it is nothing. */
static bool
take_rest(struct str s, size_t *at, bool *ret_up)
{
	bool zero = true;

	*ret_up = *at < s.n && s.p[*at] >= '5' && s.p[*at] <= '9';
	while (*at < s.n && s.p[*at] >= '0' && s.p[*at] <= '9')
		zero = s.p[(*at)++] == '0' && zero;
	return zero;
}

int
money_parse(struct str text, uint8_t digits, int64_t *ret_value, bool *ret_exact)
{
	bool negative = text.n > 0 && text.p[0] == '-', up = false, exact = true;
	size_t at = text.n > 0 && (text.p[0] == '-' || text.p[0] == '+'), start = at;
	size_t seen, fraction = 0;
	int64_t value = 0;

	assert(digits <= 9);
	if (!take_digits(text, &at, SIZE_MAX, &value))
		return -ERANGE;
	seen = at - start;
	if (at < text.n && text.p[at] == '.') {
		start = ++at;
		if (!take_digits(text, &at, digits, &value))
			return -ERANGE;
		fraction = at - start;
		exact = take_rest(text, &at, &up);
		seen += at - start;
	}
	if (seen == 0 || at != text.n)
		return -EINVAL;
	for (; fraction < digits; fraction++) {
		if (value > MONEY_MINOR_MAX / 10)
			return -ERANGE;
		value *= 10;
	}
	value += up;
	if (value > MONEY_MINOR_MAX)
		return -ERANGE;
	*ret_value = negative ? -value : value;
	if (ret_exact != NULL)
		*ret_exact = exact;
	return 0;
}
