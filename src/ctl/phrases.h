#ifndef LANED_CTL_PHRASES_H
#define LANED_CTL_PHRASES_H

#include "base/plain/str.h"

/* What lanectl says about offers, in a language; "{}" holds the place of what the comment says. */
struct phrases {
	const char *language;
	/* the result */
	const char *to_pay; /* total, currency */
	const char *saved;  /* gross, saving */
	const char *nothing_saved;
	const char *proven;
	const char *not_proven;                     /* gap */
	const char *by_membership;                  /* amount */
	const char *applied, *not_applied, *almost; /* headings */
	const char *off;                            /* amount */
	const char *times;                          /* applications */
	const char *units;    /* units as text, line, code, amount */
	const char *weighed;  /* kilograms as text, line, code, amount */
	const char *one_more; /* line, code, amount */
	const char *points;   /* points */
	const char *earned;   /* points */
	const char *burn;     /* points, amount */
	/* why not */
	const char *why_scope, *why_member, *why_saving, *why_beaten, *why_condition;
	const char *why_group, *why_coupon, *why_time, *why_place, *why_limit;
	/* conditions and the like; each is put behind the one before */
	const char *all_goods, *excluding, *not_reduced;
	const char *at_least_units; /* number */
	const char *at_least_spend; /* amount */
	const char *over_spend;     /* amount */
	const char *from, *to;      /* text */
	const char *stores, *lanes; /* list */
	const char *members, *first_purchase;
	const char *groups;                                    /* list */
	const char *coupon;                                    /* text */
	const char *per_basket, *per_member, *per_day, *total; /* number */
	const char *budget;                                    /* amount */
	const char *contains;                                  /* list */
	const char *days[7];
};

/* The phrases of a language ("de" or "de-AT"), or the English ones. */
const struct phrases *phrases_of(struct str language);

/* Adds a phrase with a value for each place held, in order. */
void phrase_put(struct strbuf *b, const char *phrase, const char *const *values);

#endif
