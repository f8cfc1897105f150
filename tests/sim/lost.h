#ifndef LANED_TESTS_SIM_LOST_H
#define LANED_TESTS_SIM_LOST_H

#include "base/plain/ids.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * What a lying disk has taken: the payments and tickets of commits that were acknowledged and are gone.
 * Of these, and of no others, less is promised; books.c looks that all of it is found.
 */
struct lost;

struct lost *lost_new(void); /* aborts without memory */
struct lost *lost_free(struct lost *l);
void lost_add_key(struct lost *l, struct key128 key);
void lost_add_ticket(struct lost *l, const char *ticket);
/* A payment of this one has gone, and not only what was known of its checkout. */
void lost_add_paid(struct lost *l, const char *ticket);
/* A limited offer's uses that were counted or reserved, and are gone. */
void lost_add_uses(struct lost *l, uint32_t uses);
/* NULL has lost nothing. */
bool lost_has_key(const struct lost *l, struct key128 key);
bool lost_has_ticket(const struct lost *l, const char *ticket);
bool lost_has_paid(const struct lost *l, const char *ticket);
uint32_t lost_uses(const struct lost *l);

#endif
