#ifndef LANED_CTL_CARDS_H
#define LANED_CTL_CARDS_H

#include "ctl/ctl.h"

#include "ctl/past.h"

/*
 * Who the members of past baskets are: groups, coupons and whether they are new, from the JSON
 * Lines that `lanectl members import` takes; found by number and by any claim (a card).
 */
struct cards;

/* 0 or an exit code, said. */
int cards_read(const char *path, struct cards **ret_cards);
/* What is known of a number; borrowed. NULL: nobody. */
const struct pricing_member *cards_find(const struct cards *c, struct str number);
uint32_t cards_count(const struct cards *c);
struct cards *cards_free(struct cards *c);

#endif
