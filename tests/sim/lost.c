#include "sim/lost.h"

#include <stdlib.h>
#include <string.h>

#define LOST_MAX 512u
#define TICKET_BYTES 65

struct lost {
	struct key128 keys[LOST_MAX];
	char tickets[LOST_MAX][TICKET_BYTES];
	uint32_t keys_count, tickets_count, uses;
};

struct lost *
lost_new(void)
{
	struct lost *l = calloc(1, sizeof(*l));

	if (l == NULL)
		abort();
	return l;
}

struct lost *
lost_free(struct lost *l)
{
	free(l);
	return NULL;
}

void
lost_add_key(struct lost *l, struct key128 key)
{
	if (lost_has_key(l, key))
		return;
	if (l->keys_count == LOST_MAX)
		abort();
	l->keys[l->keys_count++] = key;
}

void
lost_add_ticket(struct lost *l, const char *ticket)
{
	size_t n = strlen(ticket);

	if (n == 0 || n >= TICKET_BYTES || lost_has_ticket(l, ticket))
		return;
	if (l->tickets_count == LOST_MAX)
		abort();
	memcpy(l->tickets[l->tickets_count++], ticket, n + 1);
}

void
lost_add_uses(struct lost *l, uint32_t uses)
{
	l->uses += uses;
}

bool
lost_has_key(const struct lost *l, struct key128 key)
{
	for (uint32_t i = 0; l != NULL && i < l->keys_count; i++)
		if (key128_eq(l->keys[i], key))
			return true;
	return false;
}

bool
lost_has_ticket(const struct lost *l, const char *ticket)
{
	for (uint32_t i = 0; l != NULL && i < l->tickets_count; i++)
		if (strcmp(l->tickets[i], ticket) == 0)
			return true;
	return false;
}

uint32_t
lost_uses(const struct lost *l)
{
	return l == NULL ? 0 : l->uses;
}

bool
lost_nothing(const struct lost *l)
{
	return l == NULL || (l->keys_count == 0 && l->tickets_count == 0);
}
