/* What changes in the gallery: members enrolled are added, members erased are removed. */
#include "bio/service_search.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct change {
	struct errand errand; /* first */
	struct service *service;
	struct change *next;
	struct rpc_call *call;
	struct enrol *enrol; /* whom to add; NULL: remove the subject */
	struct ulid subject;
	unsigned references;
	int error;
};

static void
add(struct errand *e)
{
	struct change *c = (struct change *)(void *)e;
	const struct store_reference *r = enrol_references(c->enrol, &c->references);

	for (unsigned i = 0; i < c->references; i++) {
		const struct gallery_name name = { enrol_subject(c->enrol), r[i].finger,
						   r[i].key };

		if (c->service->arming.by_claim)
			continue; /* it is in no memory but while its claim stands */
		/* What has no room is counted by the gallery, and found by a claim. */
		(void)gallery_add(c->service->gallery, &name, r[i].data, r[i].bytes);
	}
}

static void
take_away(struct errand *e)
{
	struct change *c = (struct change *)(void *)e;

	(void)gallery_remove(c->service->gallery,
			     c->subject); /* none is fine: the file decides */
}

static void
unlink_change(struct change *c)
{
	struct change **p = &c->service->changes;

	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
}

static void
change_free(struct change *c)
{
	(void)enrol_free(c->enrol);
	free(c);
}

static void
done(struct errand *e)
{
	struct change *c = (struct change *)(void *)e;
	struct service *s = c->service;
	bool added = c->enrol != NULL;

	if (c->error < 0) {
		rpc_fail(c->call, c->error == -ENOENT ? RPC_NOT_FOUND : RPC_INTERNAL,
			 "erase: %s", strerror(-c->error));
	} else {
		struct json_out *o = service_message(s);

		json_int(o, "references", c->references);
		json_close(o);
		rpc_reply(c->call, o);
	}
	service_change_drop(c);
	if (added)
		service_send_state(s);
	service_load_more(s);
}

static void
post(struct change *c, void (*work)(struct errand *e))
{
	c->errand.class = ERRAND_URGENT;
	c->errand.work = work;
	c->errand.done = done;
	errands_post(c->service->errands, &c->errand);
}

struct change *
service_change_new(struct service *s, struct rpc_call *call)
{
	struct change *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->service = s;
	c->call = call;
	c->next = s->changes;
	s->changes = c;
	return c;
}

void
service_change_drop(struct change *c)
{
	unlink_change(c);
	change_free(c);
}

void
service_change_enrolled(struct change *c, struct enrol *e)
{
	c->enrol = e;
	post(c, add);
}

/*
 * First from the file, so that what is still being loaded cannot bring it back after it was taken
 * away; until then no search may find it.
 */
void
service_change_erase(struct change *c, struct ulid subject)
{
	struct service *s = c->service;

	c->subject = subject;
	s->erased.subjects[s->erased.count++ % ERASED_KEPT] = subject;
	c->error = store_erase(s->store, subject, &c->references);
	post(c, take_away);
}

void
service_changes_close(struct service *s)
{
	struct change *next;

	for (struct change *c = s->changes; c != NULL; c = next) {
		next = c->next;
		rpc_fail(c->call, RPC_GONE, "stopping");
		change_free(c);
	}
	s->changes = NULL;
}
