/*
 * laned-bio, and what the world knows of touches by itself: whose finger each was, and which one. An
 * accepted touch is its owner's; two touches count together only when they are two different fingers
 * of one person who is still the customer.
 */
#include "sim/world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* In the name of a probe: the finger lay there when the reader came up. */
#define LYING '!'

void
bio_name_probe(struct world *w, int who, bool lying, char ret_name[LANE_PROBE_BYTES])
{
	/* Mostly the right index finger, and the left one as the other. */
	unsigned finger = world_random(w) % 4 == 0;

	if (!w->down && lane_core_display(w->core)->other_finger)
		finger = world_random(w) % 4 != 0;
	(void)snprintf(ret_name, LANE_PROBE_BYTES, "p%u:%d/%u%s", w->probes, who, finger,
		       lying ? "!" : "");
}

bool
bio_is_lying(const char *probe)
{
	return strchr(probe, LYING) != NULL;
}

static int
owner_of(const char *probe)
{
	const char *colon = strchr(probe, ':');

	return colon == NULL ? -1 : (int)strtol(colon + 1, NULL, 10);
}

static long
finger_of(const char *probe)
{
	const char *slash = strchr(probe, '/');

	return slash == NULL ? -1 : strtol(slash + 1, NULL, 10);
}

static bool
among(int who, const struct lane_effect *fx)
{
	for (uint32_t i = 0; i < fx->bio.subjects_count; i++) {
		if (fx->bio.subjects[i].b[15] == who + 1)
			return true;
	}
	return false;
}

/* ---- two touches ---------------------------------------------------------- */

/* A touch is asked about together with one before: is that still this customer's? */
static void
check_with(struct world *w, const struct lane_effect *fx)
{
	const struct grey *g = &w->grey;

	if (strcmp(fx->bio.with, fx->bio.probe) == 0)
		world_broken(w, INV_WHO "%s counts twice", fx->bio.probe);
	else if (strcmp(fx->bio.with, g->probe) != 0 || g->epoch != w->lane_epoch)
		world_broken(w, INV_WHO "%s counts, which nobody waits for",
			     fx->bio.with);
	else if (!ulid_eq(g->checkout, lane_core_display(w->core)->checkout))
		world_broken(w, INV_WHO "%s counts for another customer", fx->bio.with);
	else if (w->now.mono_ms - g->at_ms >= g->keep_ms)
		world_broken(w, INV_WHO "%s counts after its time", fx->bio.with);
}

static void
dropped(struct world *w, const char *probe)
{
	if (strcmp(probe, w->grey.probe) == 0)
		w->grey.probe[0] = '\0';
}

/* It was told to laned, which may now ask for another finger. */
static void
note_grey(struct world *w, const struct message *m)
{
	struct lane_limits limits = LANE_LIMITS_DEFAULT;
	struct grey *g = &w->grey;

	memcpy(g->probe, m->probe, sizeof(g->probe));
	g->checkout = lane_core_display(w->core)->checkout;
	g->at_ms = w->now.mono_ms;
	g->keep_ms = limits.probe_ms;
	g->epoch = w->lane_epoch;
	w->res->greys++;
}

static bool
is_pair(const char *a, const char *b)
{
	return owner_of(a) >= 0 && owner_of(a) == owner_of(b) &&
	       finger_of(a) != finger_of(b);
}

/* The bug: any two touches are taken together, for whoever touched first. */
static bool
takes_together(const struct world *w, const struct lane_effect *fx)
{
	if (fx->bio.with[0] == '\0')
		return false;
	return w->opt.bug == SIM_BUG_TOUCHES_MIXED ? owner_of(fx->bio.with) >= 0
						   : is_pair(fx->bio.with, fx->bio.probe);
}

void
bio_checks_payment(struct world *w)
{
	if (owner_of(w->paying.probe) != w->accepted)
		world_broken(w, INV_WHO "%s pays as member %d", w->paying.probe,
			     w->accepted);
	else if (w->paying.with[0] != '\0' && !is_pair(w->paying.with, w->paying.probe))
		world_broken(w, INV_WHO "%s and %s pay together", w->paying.with,
			     w->paying.probe);
	else if (w->paying.with[0] != '\0')
		w->res->paid_by_two++;
}

/* ---- questions and answers ------------------------------------------------ */

static enum bio_outcome
answer_of(struct world *w, int who, const struct lane_effect *fx, struct message *m)
{
	if (world_chance(w, 10))
		return BIO_RETRY;
	if (fx->kind != FX_IDENTIFY)
		return among(who, fx) ? BIO_ACCEPT : BIO_REJECT;
	if (takes_together(w, fx)) {
		memcpy(m->with, fx->bio.with, sizeof(m->with));
		m->who = owner_of(fx->bio.with);
		return BIO_ACCEPT;
	}
	if (who < 0)
		return BIO_REJECT;
	/* A second touch that does not go with the first is often as poor. */
	return world_chance(w, fx->bio.with[0] == '\0' ? 8 : 2) ? BIO_AMBIGUOUS
								: BIO_ACCEPT;
}

int
bio_told(struct world *w, const struct lane_effect *fx)
{
	struct message answer = { .who = owner_of(fx->bio.probe) };
	struct message *m;

	if (fx->kind == FX_DROP_PROBE) {
		dropped(w, fx->bio.probe);
		return 0;
	}
	if (fx->kind == FX_ARM || fx->kind == FX_DISARM)
		return sensor_told(w, fx);
	sensor_compares(w, fx);
	if (fx->bio.with[0] != '\0')
		check_with(w, fx);
	world_trace(w, "bio %s %s%s%s", lane_effect_name(fx->kind), fx->bio.probe,
		    fx->bio.with[0] != '\0' ? " with " : "", fx->bio.with);
	if (world_fault(w, SIM_FAULT_BIO, 40))
		return -EPIPE;
	if (world_fault(w, SIM_FAULT_BIO, 30))
		return 0; /* it never answers */
	answer.outcome = (enum lane_outcome)answer_of(w, answer.who, fx, &answer);
	m = world_post(w,
		       fx->kind == FX_IDENTIFY ? MSG_IDENTIFIED
		       : fx->kind == FX_VERIFY ? MSG_VERIFIED
					       : MSG_DECIDED,
		       world_delay(w, 20, 600));
	m->who = answer.who;
	m->outcome = answer.outcome;
	memcpy(m->with, answer.with, sizeof(m->with));
	m->epoch = w->lane_epoch;
	memcpy(m->probe, fx->bio.probe, sizeof(m->probe));
	return 0;
}

void
bio_answers(struct world *w, const struct message *m)
{
	struct lane_event ev = { .kind = m->kind == MSG_IDENTIFIED ? LANE_EV_IDENTIFIED
					 : m->kind == MSG_VERIFIED ? LANE_EV_VERIFIED
								   : LANE_EV_DECIDED };
	bool grey;

	if (m->epoch != w->lane_epoch)
		return;
	ev.bio.probe = str_of(m->probe);
	ev.bio.outcome = (enum bio_outcome)m->outcome;
	ev.bio.hints = (uint32_t)(world_random(w) % (1u << TOUCH_HINTS));
	ev.bio.other_finger = ev.bio.outcome == BIO_AMBIGUOUS && world_random(w) % 8 != 0;
	grey = ev.bio.other_finger;
	w->accepted = ev.bio.outcome == BIO_ACCEPT ? m->who : -1;
	if (w->accepted >= 0 && !w->down) {
		w->agreed.who = w->accepted;
		w->agreed.checkout = lane_core_display(w->core)->checkout;
	}
	w->lying = bio_is_lying(m->probe);
	w->consent = w->came[strtoul(m->probe + 1, NULL, 10) % CAME_MAX];
	memcpy(w->paying.probe, m->probe, sizeof(w->paying.probe));
	memcpy(w->paying.with, m->with, sizeof(w->paying.with));
	if (ev.bio.outcome == BIO_ACCEPT && m->who >= 0) {
		world_member(w, m->who, &w->member_memory);
		ev.bio.member = &w->member_memory;
	}
	/* Late: of a checkout that has gone on. */
	if (world_step(w, &ev) == 0 && grey && !w->down)
		note_grey(w, m);
}
