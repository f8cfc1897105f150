/* Presentations: from what the readers tell to a touch or an impression that laned hears of. */
#include "bio/service_private.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"

#include <errno.h>
#include <string.h>

/* Two touches of one finger within half a minute score at least this (1/100 dB). */
#define AGAIN_SCORE 3000
/* A millimetre: skin that is pressed gives way by less. */
#define MOVED_PX 20u

static bool
is_enrolling(const struct seat *seat)
{
	return !ulid_is_zero(seat->session);
}

static struct capture_limits
limits_of(const struct seat *seat)
{
	const struct service *s = seat->service;
	struct capture_limits l = { .time_ms = CAPTURE_TIME_MS,
				    .quality_good = CAPTURE_QUALITY_GOOD,
				    .quality_min = s->policy.quality_min };

	if (is_enrolling(seat)) {
		int64_t least = conf_int(s->conf, "bio", "enrol_quality_min");

		l.time_ms = CAPTURE_ENROL_TIME_MS;
		if (least > l.quality_good)
			l.quality_good = (uint8_t)least;
	}
	return l;
}

/* ---- what laned is told -------------------------------------------------- */

/* Whether the finger was here a moment ago. */
static bool
was_here(struct service *s, const struct finger_features *f)
{
	int64_t now = clock_mono_ms();
	int32_t score = 0;

	for (size_t i = 0; i < PROBES_MAX; i++) {
		const struct finger_features *other = probes_at(s->probes, i, now);

		if (other != NULL && other->count > 0 &&
		    finger_compare(f, other, &score) == 0 && score >= AGAIN_SCORE)
			return true;
	}
	return false;
}

/* A new probe's features, to be filled; NULL when this is nobody's touch. */
static struct finger_features *
new_probe(const struct seat *seat, struct ulid *ret_id)
{
	struct service *s = seat->service;
	const char *name = seat->options.name;

	if (s->enrol != NULL) {
		log_info("touch on %s dropped: it began before the enrolment", name);
		return NULL;
	}
	if (s->client == NULL || rpc_client_peer(s->client) == NULL) {
		log_info("touch on %s dropped: laned is away", name);
		return NULL;
	}
	if (crypto_ulid(clock_wall_ms(), ret_id) < 0) {
		log_err("no random numbers; touch dropped");
		return NULL;
	}
	return probes_put(s->probes, *ret_id, clock_mono_ms());
}

static void
touch(struct seat *seat, bool settled)
{
	struct service *s = seat->service;
	const struct capture *c = &seat->view->capture;
	bool again = settled && was_here(s, capture_best(c));
	struct finger_features *slot;
	struct ulid id;

	slot = new_probe(seat, &id);
	if (slot == NULL)
		return;
	if (settled) {
		*slot = *capture_best(c);
		slot->hints = capture_hints(c);
		glass_touch(&seat->view->glass, id, &seat->view->map, again);
	} else {
		slot->hints = capture_hints(c); /* without minutiae it answers retry */
		log_info("touch on %s: no usable finger", seat->options.name);
	}
	service_send_touch(s, id, service_seat_reader(seat), capture_at_start(c),
			   settled ? seat->pad : PAD_UNSUPPORTED);
	service_expire_probes(s);
}

/* An impression, or why there is none, to the session in which the finger was laid down. */
static void
impression(struct seat *seat, bool settled)
{
	struct service *s = seat->service;
	const struct capture *c = &seat->view->capture;
	struct enrol_progress p = {
		.outcome = ENROL_RETRY,
		.hints = capture_hints(c),
		.why = "nothing could be read; lift and press again"
	};

	if (s->enrol == NULL || !ulid_eq(enrol_session(s->enrol), seat->session)) {
		log_info("impression on %s dropped: its enrolment is over",
			 seat->options.name);
		return;
	}
	if (!settled)
		enrol_wanted(s->enrol, &p.finger, &p.impression);
	if (!settled || enrol_impression(s->enrol, capture_best(c), &p))
		service_send_progress(s, &p);
	service_enrol_seek(s);
}

/* ---- state --------------------------------------------------------------- */

static const char hint_dirty[] = "clean-the-glass";
static const char hint_rests[] = "finger-rests";

static const char *
hint_of(const struct seat *seat)
{
	const struct seat_view *v = seat->view;

	bool there = seat->reader != NULL && seat->reader->state != READER_ABSENT;

	if (capture_is_dirty(&v->capture) || (there && glass_is_dirty(&v->glass)))
		return hint_dirty;
	return capture_rests(&v->capture) ? hint_rests : NULL;
}

static const char *
hint_text(const char *hint)
{
	if (hint == hint_dirty)
		return "the glass wants cleaning; the cashier is told";
	if (hint == hint_rests)
		return "something rests on the glass; no other touch can come";
	return "the glass is free and clean";
}

/* Tells a hint that came or went, and sets the timer anew. */
static void
refresh(struct seat *seat)
{
	const char *hint = hint_of(seat);

	if (hint != seat->hint) {
		seat->hint = hint;
		log_notice("reader %s: %s", seat->options.name, hint_text(hint));
		service_send_state(seat->service);
	}
	service_touch_arm(seat->service);
}

static void
act(struct seat *seat, enum capture_answer answer)
{
	bool settled = answer == CAPTURE_SETTLED;

	/* Whoever enrols has somebody beside him who waits for each answer. */
	if (is_enrolling(seat) && answer != CAPTURE_NOTHING) {
		impression(seat, settled);
	} else if (settled || answer == CAPTURE_REFUSED) {
		touch(seat, settled);
	} else if (answer == CAPTURE_DROPPED) {
		log_debug("touch on %s: nothing to read; not told", seat->options.name);
	}
	if (answer != CAPTURE_NOTHING)
		capture_forget(&seat->view->capture);
	refresh(seat);
}

/* ---- what the readers tell ----------------------------------------------- */

static void
on_touched(void *ctx, struct reader *r)
{
	struct seat *seat = ctx;
	struct service *s = seat->service;
	struct capture_limits limits;

	(void)r;
	if (!service_is_lit(s))
		return;
	memset(&seat->session, 0, sizeof(seat->session));
	if (s->enrol != NULL)
		seat->session = enrol_session(s->enrol);
	limits = limits_of(seat);
	capture_touched(&seat->view->capture, &limits, clock_mono_ms());
	refresh(seat);
}

static bool
has_moved(const struct capture *c, const struct finger_features *f)
{
	uint32_t px = 0;

	return finger_shift(capture_best(c), f, &px) == 0 && px >= MOVED_PX;
}

static enum capture_answer
look(struct seat *seat, const struct sample *sample)
{
	struct service *s = seat->service;
	struct seat_view *v = seat->view;
	enum capture_answer answer;
	bool best = false;
	int rc;

	if (v->capture.state != CAPTURE_LOOKING)
		return CAPTURE_NOTHING;
	rc = finger_extract(s->extractor, sample, s->scratch);
	if (rc == 0 && v->capture.has_best && has_moved(&v->capture, s->scratch))
		capture_moved(&v->capture);
	answer = capture_frame(&v->capture, s->scratch, rc, clock_mono_ms(), &best);
	if (best) {
		glass_map_of(sample, &v->map);
		seat->pad = sample->pad;
	}
	/* The first frame shows a finger that is only just being laid down. */
	if (answer == CAPTURE_MORE && v->capture.frames > 1 && is_enrolling(seat) &&
	    s->enrol != NULL)
		service_send_hold(s, capture_best(&v->capture));
	secret_zero(s->scratch, sizeof(*s->scratch));
	return answer;
}

static bool
on_sample(void *ctx, struct reader *r, struct sample *sample)
{
	struct seat *seat = ctx;
	enum capture_answer answer;

	if (!service_is_lit(seat->service)) {
		sample_free(sample); /* unseen */
		return false;
	}
	if (sample->pad == PAD_FAIL) {
		log_event(LOG_NOTICE, "presentation-attack", NULL,
			  "reader %s reports a presentation attack; sample dropped",
			  r->options->name);
		answer = capture_attacked(&seat->view->capture, clock_mono_ms());
	} else {
		answer = look(seat, sample);
	}
	sample_free(sample);
	if (answer != CAPTURE_MORE)
		act(seat, answer);
	else
		service_touch_arm(seat->service);
	return answer == CAPTURE_MORE;
}

static void
on_failed(void *ctx, struct reader *r, const char *why)
{
	struct seat *seat = ctx;

	if (!service_is_lit(seat->service))
		return;
	log_info("reader %s: %s", r->options->name, why == NULL ? "no image" : why);
	act(seat, capture_failed(&seat->view->capture, clock_mono_ms()));
}

static void
on_lifted(void *ctx, struct reader *r)
{
	struct seat *seat = ctx;

	(void)r;
	if (service_is_lit(seat->service))
		act(seat, capture_lifted(&seat->view->capture, clock_mono_ms()));
}

/* Fingers come and go, which is no news to the journal; readers too, which is. */
static void
log_state(struct seat *seat, enum reader_state state)
{
	bool touched = state == READER_CAPTURING || seat->told == READER_CAPTURING;

	if (touched && state != READER_ABSENT && state != READER_FAULTY)
		log_debug("reader %s: %s", seat->options.name, reader_state_name(state));
	else
		log_notice("reader %s: %s", seat->options.name, reader_state_name(state));
	seat->told = state;
}

static void
follow(struct seat *seat, enum reader_state state, int64_t now_ms)
{
	struct seat_view *v = seat->view;

	if (state == READER_READY) {
		glass_device(&v->glass, &seat->reader->device);
		act(seat, capture_ready(&v->capture, now_ms));
	} else if (state != READER_CAPTURING) {
		act(seat, capture_lost(&v->capture, now_ms));
	}
}

static void
on_changed(void *ctx, struct reader *r)
{
	struct seat *seat = ctx;
	bool touch_only = (r->state == READER_READY || r->state == READER_CAPTURING) &&
			  (seat->told == READER_READY || seat->told == READER_CAPTURING);

	if (seat->reader == NULL)
		return; /* from inside open; service_touch_opened follows */
	log_state(seat, r->state);
	if (!service_is_lit(seat->service)) {
		if (!touch_only)
			service_send_state(seat->service);
		return;
	}
	follow(seat, r->state, clock_mono_ms());
	/* Water that touches the sensor many times a second is not worth a message each. */
	if (!touch_only || !capture_is_dirty(&seat->view->capture))
		service_send_state(seat->service);
	refresh(seat);
}

const struct reader_events service_touch_events = { on_touched, on_sample,  on_failed,
						    on_lifted,  on_changed, NULL };

/* A finger that lies there when the reader comes up, or is lit, was not laid down for this. */
static void
come_up(struct seat *seat)
{
	int64_t now = clock_mono_ms();

	/* What is presented by its name has not lain there. */
	if (seat->driver->present != NULL)
		now -= CAPTURE_START_MS;
	follow(seat, seat->reader->state, now);
}

void
service_touch_opened(struct seat *seat)
{
	log_state(seat, seat->reader->state);
	if (service_is_lit(seat->service))
		come_up(seat);
}

void
service_touch_dark(struct seat *seat)
{
	/* Nobody is told what has been seen of a finger that lies there now. */
	(void)capture_lost(&seat->view->capture, clock_mono_ms());
	capture_forget(&seat->view->capture);
	refresh(seat);
}

void
service_touch_lit(struct seat *seat)
{
	come_up(seat);
}

/* ---- time ---------------------------------------------------------------- */

void
service_touch_due(void *ctx)
{
	struct service *s = ctx;

	for (size_t i = 0; i < s->seats_count; i++)
		if (s->seats[i].reader != NULL)
			act(&s->seats[i],
			    capture_tick(&s->seats[i].view->capture, clock_mono_ms()));
	service_readers_again(s, clock_mono_ms());
	service_touch_arm(s);
}

void
service_touch_arm(struct service *s)
{
	int64_t now = clock_mono_ms(), next = -1;

	for (size_t i = 0; i < s->seats_count; i++) {
		const struct seat *seat = &s->seats[i];
		int64_t left = seat->reader == NULL
				       ? seat->open_again_ms - now
				       : capture_wait_ms(&seat->view->capture, now);

		if (seat->reader == NULL && left < 0)
			left = 0;
		if (left >= 0 && (next < 0 || left < next))
			next = left;
	}
	if (next < 0)
		loop_timer_cancel(s->seat_timer);
	else if (loop_timer_set(s->seat_timer, next) < 0)
		log_warn("presentations cannot be timed; they end when the finger is "
			 "lifted");
}

void
service_touch_erased(struct service *s, struct ulid subject)
{
	for (size_t i = 0; i < s->seats_count; i++) {
		struct seat_view *v = s->seats[i].view;

		glass_forget(&v->glass, subject);
		if (v->capture.state != CAPTURE_LOOKING)
			secret_zero(&v->map, sizeof(v->map));
	}
}

void
service_touch_decided(struct service *s, struct ulid probe, struct ulid subject)
{
	for (size_t i = 0; i < s->seats_count; i++) {
		struct seat *seat = &s->seats[i];

		glass_decided(&seat->view->glass, probe, subject);
		refresh(seat);
	}
}
