#include "adapter/answered.h"

#include "base/plain/ids.h"

#include <string.h>

static struct answered_key *
find(struct answered *t, const struct laned_key *key)
{
	for (unsigned i = 0; i < t->count; i++)
		if (memcmp(t->list[i].key.b, key->b, sizeof(key->b)) == 0)
			return &t->list[i];
	return NULL;
}

/* Room for one: that of the oldest that is over. False: there is none. */
static bool
make_room(struct answered *t)
{
	unsigned at = 0;

	if (t->count < ANSWERED_MAX)
		return true;
	while (at < t->count && !t->list[at].over)
		at++;
	if (at == t->count)
		return false;
	t->count--;
	memmove(&t->list[at], &t->list[at + 1], (t->count - at) * sizeof(t->list[0]));
	return true;
}

void
answered_let_go(struct answered *t, const struct laned_key *key)
{
	struct answered_key *a = find(t, key);

	if (a != NULL)
		a->over = false;
	else if (make_room(t))
		t->list[t->count++] = (struct answered_key){ .key = *key };
	else
		t->known = false; /* until laned tells anew what is open */
}

void
answered_over(struct answered *t, const struct laned_key *key)
{
	struct answered_key *a = find(t, key);

	if (a != NULL)
		a->over = true;
}

void
answered_hello(struct answered *t, const struct value *result)
{
	const struct value *list;
	bool begins = !t->known;
	struct laned_key key;
	struct key128 k;

	t->known = value_get_array(result, "open", &list) == 0;
	if (!t->known)
		return;
	if (begins)
		t->count = 0;
	for (unsigned i = 0; i < t->count; i++)
		t->list[i].over = true;
	for (const struct value *v = list->first; v != NULL; v = v->next) {
		if (v->kind != VALUE_STRING || key128_parse(v->s, &k) < 0) {
			t->known = false;
			return;
		}
		memcpy(&key, &k, sizeof(key));
		if (begins || find(t, &key) != NULL)
			answered_let_go(t, &key);
	}
}

void
answered_write(const struct answered *t, struct json_out *o)
{
	char hex[KEY128_TEXT_BYTES];
	struct key128 key;

	if (!t->known)
		return;
	json_open_array(o, "answered");
	for (unsigned i = 0; i < t->count; i++) {
		memcpy(&key, &t->list[i].key, sizeof(key));
		key128_text(hex, key);
		json_cstr(o, NULL, hex);
	}
	json_close(o);
}
