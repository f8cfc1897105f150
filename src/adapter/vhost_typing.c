/* Typing of a host in virtual time: what the real one sends to the kernel is kept as the text it gives. */
#include "adapter/vhost_private.h"

#include "adapter/typing.h"
#include "base/address.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEVICES_MAX 4u
#define HEARD_BYTES_MAX 4096u

struct device {
	const struct vhost_option *option; /* NULL: free */
	bool active, cancelled, foreign, serial;
	struct typing typing;
	int64_t next_ms;
	laned_typed_fn done;
	void *user;
	char heard[HEARD_BYTES_MAX]; /* by the other side; the oldest is lost */
	size_t heard_bytes;
};

struct vhost_typing {
	struct device devices[DEVICES_MAX];
};

int
vhost_typing_new(struct vhost *v)
{
	v->typing = calloc(1, sizeof(*v->typing));
	return v->typing == NULL ? -ENOMEM : 0;
}

void
vhost_typing_free(struct vhost *v)
{
	free(v->typing);
	v->typing = NULL;
}

/* The device of an option; made for one that is new here. NULL: no such option, or too many. */
static struct device *
device_of(struct vhost *v, const char *name)
{
	const struct vhost_option *o = vhost_option_find(v, name);

	if (o == NULL || o->row->type != LANED_OPT_ADDRESS)
		return NULL;
	for (unsigned i = 0; i < DEVICES_MAX; i++) {
		struct device *d = &v->typing->devices[i];

		if (d->option == NULL)
			d->option = o;
		if (d->option == o)
			return d;
	}
	return NULL;
}

static void
hear(struct device *d, char c)
{
	if (d->heard_bytes == sizeof(d->heard)) {
		memmove(d->heard, d->heard + 1, sizeof(d->heard) - 1);
		d->heard_bytes--;
	}
	d->heard[d->heard_bytes++] = c == '\r' ? '\n' : c;
}

static int
begin(struct device *d, struct str text)
{
	char why[TYPING_WHY_BYTES], why_address[ADDRESS_WHY_BYTES];
	struct typing_setting setting = { TYPING_US, TYPING_PACE_MS };
	struct str where = str_of(d->option->text);
	struct address a;
	int rc;

	d->serial = !typing_setting_is(where);
	if (d->serial) {
		if (address_parse(where, &a, why_address) < 0 || a.kind != ADDRESS_SERIAL)
			return LANED_MISSING;
		if (text.n == 0)
			return LANED_INVALID;
		if (text.n > TYPING_TEXT_MAX)
			return LANED_TOO_LARGE;
		d->typing = (struct typing){ .length = (uint32_t)text.n };
		memcpy(d->typing.text, text.p, text.n);
		return LANED_OK;
	}
	if (typing_setting_parse(where, &setting, why) < 0)
		return LANED_IO;
	rc = typing_begin(&d->typing, &setting, text);
	return rc == 0 ? LANED_OK : rc == -EMSGSIZE ? LANED_TOO_LARGE : LANED_INVALID;
}

int
vhost_type_start(struct laned_host *h, const char *name, struct laned_str text,
		 laned_typed_fn done, void *user)
{
	struct vhost *v = vhost_of(h);
	struct device *d = device_of(v, name);
	int rc = vhost_called(v, "type_start");

	if (rc == LANED_OK && vhost_has_pan(v, text))
		rc = LANED_PAN;
	if (rc == LANED_OK && d == NULL)
		rc = LANED_MISSING;
	if (rc == LANED_OK && d->active)
		rc = LANED_AGAIN;
	if (rc == LANED_OK)
		rc = begin(d, (struct str){ text.p, text.n });
	if (rc != LANED_OK)
		return rc;
	d->active = true;
	d->cancelled = d->foreign = false;
	d->done = done;
	d->user = user;
	d->next_ms = v->now_ms;
	return LANED_OK;
}

int
vhost_type_cancel(struct laned_host *h, const char *name)
{
	struct vhost *v = vhost_of(h);
	struct device *d = device_of(v, name);
	int rc = vhost_called(v, "type_cancel");

	if (rc == LANED_OK && (d == NULL || !d->active))
		rc = LANED_MISSING;
	if (rc == LANED_OK) {
		d->cancelled = true;
		d->next_ms = v->now_ms;
	}
	return rc;
}

int64_t
vhost_typing_due(const struct vhost *v)
{
	int64_t first = VHOST_NEVER;

	for (unsigned i = 0; i < DEVICES_MAX; i++) {
		const struct device *d = &v->typing->devices[i];

		if (d->active && d->next_ms < first)
			first = d->next_ms;
	}
	return first;
}

static void
finish(struct device *d, int status)
{
	d->active = false;
	if (d->done != NULL)
		d->done(d->user, status, d->typing.typed, d->foreign);
}

/* A serial line takes all of it at once. */
static void
send_all(struct device *d)
{
	while (d->typing.typed < d->typing.length)
		hear(d, d->typing.text[d->typing.typed++]);
	finish(d, LANED_OK);
}

static void
type_on(struct device *d)
{
	uint32_t before = d->typing.typed;
	struct typing_step s;
	bool more = true;

	if (d->cancelled || d->foreign)
		typing_release(&d->typing, &s);
	else if (!d->serial)
		more = typing_next(&d->typing, &s);
	if (d->typing.typed > before)
		hear(d, d->typing.text[before]);
	if (d->cancelled || d->foreign)
		finish(d, d->foreign ? LANED_AGAIN : LANED_REFUSED);
	else if (d->serial)
		send_all(d);
	else if (!more)
		finish(d, LANED_OK);
	else
		d->next_ms += d->typing.setting.pace_ms;
}

void
vhost_typing_run(struct vhost *v)
{
	for (unsigned i = 0; i < DEVICES_MAX; i++) {
		struct device *d = &v->typing->devices[i];

		if (!d->active || d->next_ms > v->now_ms)
			continue;
		type_on(d);
		return; /* one at a time: done may have changed everything */
	}
}

struct str
vhost_heard(struct vhost *v, const char *option)
{
	struct device *d = device_of(v, option);

	return d == NULL ? STR("") : (struct str){ d->heard, d->heard_bytes };
}

void
vhost_forget_heard(struct vhost *v, const char *option)
{
	struct device *d = device_of(v, option);

	if (d != NULL)
		d->heard_bytes = 0;
}

void
vhost_type_foreign(struct vhost *v)
{
	for (unsigned i = 0; i < DEVICES_MAX; i++)
		if (v->typing->devices[i].active && !v->typing->devices[i].serial)
			v->typing->devices[i].foreign = true;
}
