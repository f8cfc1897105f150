#include "sim/lost.h"

#include <stdlib.h>
#include <string.h>

#define LOST_MAX 512u
#define TICKET_BYTES 65

struct names {
	char name[LOST_MAX][TICKET_BYTES];
	uint32_t count;
};

struct lost {
	struct key128 keys[LOST_MAX];
	struct names tickets, paid;
	uint32_t keys_count, uses;
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

static bool
names_have(const struct names *n, const char *ticket)
{
	for (uint32_t i = 0; i < n->count; i++)
		if (strcmp(n->name[i], ticket) == 0)
			return true;
	return false;
}

static void
names_add(struct names *n, const char *ticket)
{
	size_t bytes = strlen(ticket) + 1;

	if (bytes == 1 || bytes > TICKET_BYTES || names_have(n, ticket))
		return;
	if (n->count == LOST_MAX)
		abort();
	memcpy(n->name[n->count++], ticket, bytes);
}

void
lost_add_ticket(struct lost *l, const char *ticket)
{
	names_add(&l->tickets, ticket);
}

void
lost_add_paid(struct lost *l, const char *ticket)
{
	names_add(&l->tickets, ticket);
	names_add(&l->paid, ticket);
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
	return l != NULL && names_have(&l->tickets, ticket);
}

bool
lost_has_paid(const struct lost *l, const char *ticket)
{
	return l != NULL && names_have(&l->paid, ticket);
}

uint32_t
lost_uses(const struct lost *l)
{
	return l == NULL ? 0 : l->uses;
}
