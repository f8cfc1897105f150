/*
 * Fingers on the glass, and what each was put there for. An image takes from a tenth of a second to
 * seven; the total may come meanwhile. So a touch is measured by what was on display when its finger
 * came down, and not by what is when its image is complete.
 */
#include "core/checkout/lane_private.h"

#include <string.h>

static struct shown
shown_now(const struct lane_core *c)
{
	const struct checkout *k = &c->cur;

	return (struct shown){ k->id, k->phase, k->rev, k->pay_tries, lane_due(c) };
}

static bool
is_same(const struct shown *a, const struct shown *b)
{
	return ulid_eq(a->checkout, b->checkout) && a->phase == b->phase &&
	       a->rev == b->rev && a->pay_tries == b->pay_tries &&
	       a->due_minor == b->due_minor;
}

static const struct glass *
find(const struct readers *r, const char *reader)
{
	for (uint32_t i = 0; i < r->glasses_count; i++)
		if (strcmp(r->glasses[i].reader, reader) == 0)
			return &r->glasses[i];
	return NULL;
}

static uint32_t
count_fingers(const struct readers *r)
{
	uint32_t fingers = 0;

	for (uint32_t i = 0; i < r->glasses_count; i++)
		fingers += r->glasses[i].finger;
	return fingers;
}

/*
 * One finger, or none, on a glass that was so before. A finger that came down for somebody else, or
 * before anything was known of its reader, was shown nothing to consent to.
 */
static bool
glass_follow(struct glass *g, bool finger, const struct shown *shown)
{
	bool came = finger && !g->finger;

	if (came) {
		g->arrived = true;
		g->touched = false;
		g->shown = (struct shown){ .phase = PHASE_IDLE };
		if (shown != NULL)
			g->shown = *shown;
	} else if (!finger && g->touched) {
		g->arrived = g->touched = false;
	}
	g->finger = finger;
	return came && shown != NULL;
}

void
lane_finger_follow(struct lane_core *c, const struct lane_event *ev,
		   const struct timepoint *now)
{
	struct readers *r = &c->readers;
	const struct readers before = *r;
	const struct shown shown = shown_now(c);
	bool for_this = r->told && !ev->readers.aside, came = false;

	r->told = true;
	r->glasses_count = 0;
	for (uint32_t i = 0; i < ev->readers.count && i < LANE_READERS_MAX; i++) {
		const struct lane_glass *said = &ev->readers.list[i];
		const struct glass *was = find(&before, said->reader);
		struct glass *g = &r->glasses[r->glasses_count++];

		*g = was != NULL ? *was : (struct glass){ .finger = false };
		memcpy(g->reader, said->reader, sizeof(g->reader));
		came |= glass_follow(g, said->finger, for_this ? &shown : NULL);
	}
	/* One that nobody asked for is not shown later either, when a touch is wanted. */
	if (came && lane_wants_touch(c))
		r->finger_until_ms = now->mono_ms + c->env.limits.scan_ms;
	else if (count_fingers(r) < count_fingers(&before))
		r->finger_until_ms = 0;
}

bool
lane_finger_touches(struct lane_core *c, struct str reader)
{
	struct readers *r = &c->readers;
	const struct shown now = shown_now(c);
	bool same = true, known = false;

	for (uint32_t i = 0; i < r->glasses_count; i++) {
		struct glass *g = &r->glasses[i];

		if (!str_is(reader, g->reader))
			continue;
		known = true;
		same = !g->arrived || is_same(&g->shown, &now);
		g->touched = true;
		g->arrived = g->arrived && g->finger;
	}
	/* Of which glass is not known: any finger may be the one. */
	for (uint32_t i = 0; !known && i < r->glasses_count; i++)
		same = same &&
		       (!r->glasses[i].arrived || is_same(&r->glasses[i].shown, &now));
	return same;
}

bool
lane_wants_touch(const struct lane_core *c)
{
	const struct checkout *k = &c->cur;

	if (!lane_sensor_sees(c))
		return false;
	return checkout_wants_touch(k->phase, k->member_state) ||
	       (k->phase == PHASE_TOTALLED && lane_payable(c) == NOTE_NONE);
}
