/*
 * What stands behind an adapter's name: its plug-in, and where that leads to. An open payment goes to
 * what it was handed to, and not to what has its name by now: another one's peer never heard of it, and
 * would say so.
 */
#include "lane/lane_private.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PLUGIN_BYTES_MAX 31
#define FIND_MAX 32u /* payments of one reference that are looked at */
#define ADVICE                                                                           \
	"give the adapters of the configuration the names back that they had, and "      \
	"start "                                                                         \
	"laned and them again"

bool
adapter_place_take(struct adapter_link *a, const struct value *params)
{
	char place[PAYMENT_PLACE_BYTES];
	struct str s = STR("");
	bool same;

	(void)value_get_str(params, "place", 16, &s); /* an older host tells none */
	(void)snprintf(place, sizeof(place), "%.*s %.*s", PLUGIN_BYTES_MAX, a->plugin,
		       (int)s.n, s.p); /* fits */
	same = strcmp(place, a->place) == 0;
	memcpy(a->place, place, sizeof(place));
	return !same;
}

static bool
same_plugin(const char *x, const char *y)
{
	size_t n = strcspn(x, " ");

	return n == strcspn(y, " ") && memcmp(x, y, n) == 0;
}

/* Nothing tells them apart. */
static bool
is_unknown(const char *place)
{
	return place[0] == '\0';
}

bool
adapter_place_fits(const struct adapter_link *a, const char *place)
{
	const struct lane *l = a->lane;

	if (is_unknown(place) || is_unknown(a->place) || strcmp(place, a->place) == 0)
		return true;
	if (!same_plugin(place, a->place))
		return false;
	/* Its address was changed; or what it was has another name, which is known when all are here. */
	for (size_t i = 0; i < l->adapters_count; i++) {
		const struct adapter_link *b = &l->adapters[i];

		if (b != a && (!b->known || strcmp(b->place, place) == 0))
			return false;
	}
	return true;
}

bool
adapter_place_is_of(const struct adapter_link *a, const struct payment *p)
{
	bool pos = strcmp(p->pos_adapter, a->name) == 0;
	bool payer = strcmp(p->adapter, a->name) == 0;

	return (!pos && !payer) || (pos && adapter_place_fits(a, p->pos_place)) ||
	       (payer && adapter_place_fits(a, p->place));
}

bool
adapter_speaks_of(const struct adapter_link *a, const struct payment *p)
{
	return strcmp(payment_is_for_pos(p) ? p->pos_adapter : p->adapter, a->name) == 0;
}

/* The POS has that number for it. */
static bool
is_asked_so(const struct adapter_link *a, struct str ref, const struct payment *p)
{
	return strcmp(p->pos_adapter, a->name) == 0 &&
	       (str_is(ref, p->pos_ref) ||
		(ref.n == p->pos_blob_bytes && memcmp(ref.p, p->pos_blob, ref.n) == 0));
}

static bool
is_told_so(const struct adapter_link *a, struct str ref, const struct payment *p)
{
	(void)ref;
	return adapter_speaks_of(a, p);
}

static bool
is_called_so(const struct adapter_link *a, struct str ref, const struct payment *p)
{
	(void)a;
	(void)ref;
	(void)p;
	return true;
}

/* A number may be used again: by another peer under this name, or for something else. */
static int
find_meant(const struct adapter_link *a, struct str ref,
	   bool (*meant)(const struct adapter_link *a, struct str ref,
			 const struct payment *p),
	   struct payment *ret)
{
	struct key128 before = { { 0 } };
	int rc;

	for (unsigned n = 0; n < FIND_MAX && a->lane->journal != NULL; n++) {
		rc = journal_find_of(a->lane->journal, a->name, ref, before, ret);
		if (rc < 0)
			return rc;
		if (adapter_place_is_of(a, ret) && meant(a, ref, ret))
			return 0;
		before = ret->key;
	}
	return -ENOENT;
}

int
adapter_find(const struct adapter_link *a, struct str ref, struct payment *ret)
{
	return find_meant(a, ref, is_called_so, ret);
}

int
adapter_find_told(const struct adapter_link *a, struct str ref, struct payment *ret)
{
	int rc = find_meant(a, ref, is_asked_so, ret);

	return rc == -ENOENT ? find_meant(a, ref, is_told_so, ret) : rc;
}

/* One of its two sides, by the name that it had then. False: it is where it was, or not here. */
static bool
is_another(const struct lane *l, const char *name, const char *place,
	   const struct adapter_link **ret_link)
{
	bool all_known = true;

	for (size_t i = 0; i < l->adapters_count; i++)
		all_known = all_known && l->adapters[i].known;
	for (size_t i = 0; i < l->adapters_count; i++) {
		const struct adapter_link *a = &l->adapters[i];

		if (strcmp(a->name, name) != 0 || !a->known ||
		    adapter_place_fits(a, place) ||
		    (!all_known && same_plugin(place, a->place)))
			continue;
		*ret_link = a;
		return true;
	}
	return false;
}

static bool
payment_is_astray(const struct lane *l, const struct payment *p,
		  const struct adapter_link **ret_link)
{
	return payment_is_open(p->state) &&
	       (is_another(l, p->adapter, p->place, ret_link) ||
		is_another(l, p->pos_adapter, p->pos_place, ret_link));
}

static bool
was_told(struct lane *l, struct key128 key)
{
	for (uint32_t i = 0; i < l->astray_count; i++)
		if (key128_eq(l->astray[i], key))
			return true;
	if (l->astray_count < LANE_PAYMENTS_MAX)
		l->astray[l->astray_count++] = key;
	return false;
}

void
adapter_place_check(struct lane *l)
{
	for (uint32_t i = 0; i < lane_core_payments_count(l->core); i++) {
		const struct payment *p = lane_core_payment(l->core, i);
		const struct adapter_link *a;
		struct lane_audit alarm = { .what = "payment-alarm",
					    .checkout = p->checkout,
					    .key = p->key,
					    .amount_minor = p->asked_minor,
					    .text = "its adapter's name stands for "
						    "another adapter now: " ADVICE };

		if (!payment_is_astray(l, p, &a) || was_told(l, p->key))
			continue;
		log_event(LOG_ERR, "payment-alarm", NULL,
			  "adapter %s (%s) is not what an open payment of ticket %s was "
			  "handed to, and is not asked about it: " ADVICE,
			  a->name, a->place, p->ticket);
		if (l->journal != NULL &&
		    journal_audit(l->journal, &alarm, clock_wall_ms(), true) < 0)
			log_err("the alarm could not be stored");
	}
}

void
adapter_place_doctor(const struct adapter_link *a, struct json_out *o)
{
	const struct lane *l = a->lane;
	const struct adapter_link *of;
	char text[160];
	unsigned astray = 0;

	for (uint32_t i = 0; i < lane_core_payments_count(l->core); i++)
		if (payment_is_astray(l, lane_core_payment(l->core, i), &of) && of == a)
			astray++;
	if (astray == 0)
		return;
	(void)snprintf(text, sizeof(text),
		       "adapter %s is not what %u open payments were handed to", a->name,
		       astray); /* for people */
	doctor_put(o, "adapter-names", HEALTH_FAIL, text, ADVICE);
}
