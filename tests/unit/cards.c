#include "cards.h"

#include <stdio.h>

const char *const cards_published[CARDS_PUBLISHED][CARDS_PARTS_MAX] = {
	{ "4111", "1111", "1111", "1111", NULL },  /* Visa */
	{ "4012", "8888", "8888", "1881", NULL },  /* Visa */
	{ "4000", "0000", "0000", "0000", "006" }, /* Visa, 19 */
	{ "5555", "5555", "5555", "4444", NULL },  /* Mastercard */
	{ "5105", "1051", "0510", "5100", NULL },  /* Mastercard */
	{ "2223", "0031", "2200", "3222", NULL },  /* Mastercard, 2-series */
	{ "6011", "1111", "1111", "1117", NULL },  /* Discover */
	{ "3782", "822463", "10005", NULL },       /* American Express, 15 */
	{ "3714", "496353", "98431", NULL },       /* American Express */
	{ "3056", "930902", "5904", NULL },        /* Diners Club, 14 */
	{ "3852", "000002", "3237", NULL },        /* Diners Club */
	{ "3530", "1113", "3330", "0000", NULL },  /* JCB */
	{ "6200", "0000", "0000", "0005", NULL },  /* UnionPay */
	{ "6212", "3456", "7890", "1232", NULL },  /* UnionPay */
	{ "5454", "5454", "5454", "5454", NULL },  /* Mastercard */
	{ "6759", "6498", "2643", "8453", NULL },  /* Maestro */
	{ "5641", "8211", "1116", "6669", NULL },  /* Maestro */
	{ "6304", "0000", "0000", "0000", NULL },  /* Maestro */
	{ "6011", "0009", "9013", "9424", NULL },  /* Discover */
	{ "3566", "0020", "2036", "0505", NULL },  /* JCB */
	{ "3600", "666633", "3344", NULL },        /* Diners Club */
};

void
cards_text(char buf[CARDS_TEXT_BYTES], size_t card, const char *between)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < CARDS_PARTS_MAX && cards_published[card][i] != NULL; i++)
		used += (size_t)snprintf(buf + used, CARDS_TEXT_BYTES - used, "%s%s",
					 i > 0 ? between : "", cards_published[card][i]);
}
