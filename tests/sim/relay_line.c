/*
 * The far ends of the adapter's lines: bytes enter the host and come out of it, in pieces, late, on a serial
 * line also wrong. What comes out at one side is looked for in what was said at the other: unchanged, in
 * its order, and beginning where a frame began.
 */
#include "sim/relay_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* So long after its end something of a line may come out on the other side. */
#define FORGOTTEN_MS 60000

struct far *
relay_far(struct relay_side *r, uint64_t line)
{
	for (uint32_t i = 0; line != 0 && i < FARS_MAX; i++)
		if (r->fars[i].line == line)
			return &r->fars[i];
	return NULL;
}

void
relay_far_forget(struct far *f)
{
	free(f->said);
	free(f->in);
	free(f->last);
	memset(f, 0, sizeof(*f));
}

/* A free place, or that of the line that is over longest. */
struct far *
relay_far_new(struct relay_side *r, uint64_t line, bool terminal)
{
	struct far *f = NULL;

	for (uint32_t i = 0; i < FARS_MAX; i++) {
		struct far *o = &r->fars[i];

		if (o->line == 0) {
			f = o;
			break;
		}
		if (o->over && (f == NULL || o->line < f->line))
			f = o;
	}
	if (f == NULL)
		abort(); /* no more are open at one time than the net has lines */
	for (uint32_t i = 0; i < FARS_MAX; i++)
		if (r->fars[i].terminal && r->fars[i].pair == (uint32_t)(f - r->fars))
			r->fars[i].pair = FARS_MAX;
	relay_far_forget(f);
	f->line = line;
	f->terminal = terminal;
	f->pair = FARS_MAX;
	f->said = malloc(SAID_MAX);
	f->in = malloc(FAR_IN_MAX);
	f->last = malloc(LAST_MAX);
	if (f->said == NULL || f->in == NULL || f->last == NULL)
		abort();
	return f;
}

static bool
has_secret(const void *data, size_t n)
{
	return n > 0 && memmem(data, n, RELAY_SECRET, sizeof(RELAY_SECRET) - 1) != NULL;
}

void
relay_never_secret(struct world *w, const char *where, const void *data, size_t n)
{
	if (has_secret(data, n))
		world_broken(w, INV_PASS "a stranger's payment is seen in %s", where);
}

static bool
is_serial(const struct relay_side *r)
{
	return r->framing == FRAMING_ZVT_SERIAL;
}

/* ---- into the host ----------------------------------------------------------------------- */

/* What a serial line makes of it: a byte lost, doubled or another one. */
static size_t
noise(struct relay_side *r, struct far *f, uint8_t *data, size_t n)
{
	struct world *w = r->side.w;
	size_t at = n == 0 ? 0 : (size_t)(world_random(w) % n);

	if (!is_serial(r) || n == 0)
		return n;
	if (world_fault(w, SIM_FAULT_CORRUPTED, 60)) {
		data[at] ^= (uint8_t)(1u << world_random(w) % 8);
		f->noisy = true;
	}
	if (world_fault(w, SIM_FAULT_DROPPED, 60)) {
		memmove(data + at, data + at + 1, n - at - 1);
		n--;
		f->noisy = true;
	} else if (world_fault(w, SIM_FAULT_DOUBLED, 80)) {
		memmove(data + at + 1, data + at, n - at);
		n++;
		f->noisy = true;
	}
	return n;
}

/* In pieces, one after the other. */
static bool
feed(struct relay_side *r, struct far *f, const uint8_t *data, size_t n)
{
	struct world *w = r->side.w;
	int64_t at_ms = w->now.mono_ms + world_delay(w, 0, 20);
	size_t piece = n;

	if (n > 1 && world_fault(w, SIM_FAULT_PARTIAL, 80))
		piece = 1 + (size_t)(world_random(w) % (n - 1 < 80 ? n - 1 : 80));
	/* A cable delays nothing beyond the time that an ACK has. */
	if (world_fault(w, SIM_FAULT_LATE, 150))
		at_ms += world_delay(w, 100, is_serial(r) ? SERIAL_LATE_MS : 20000);
	for (size_t at = 0; at < n; at += piece) {
		if (n - at < piece)
			piece = n - at;
		if (!virtual_line_feed(f->line, data + at, piece, at_ms))
			return false;
		at_ms += world_delay(w, 0, 30);
	}
	return true;
}

void
relay_say_raw(struct relay_side *r, struct far *f, const uint8_t *data, size_t n,
	      uint32_t asks)
{
	struct unit *u = &f->units[f->units_count];

	if (f->over || n == 0)
		return;
	if (f->units_count == UNITS_MAX || f->said_n + n + 1 > SAID_MAX) {
		relay_far_end(r, f, -ECONNRESET); /* enough for one line */
		return;
	}
	memcpy(f->said + f->said_n, data, n);
	n = noise(r, f, f->said + f->said_n, n);
	*u = (struct unit){ f->said_n, n, asks };
	f->units_count++;
	f->said_n += n;
	if (!feed(r, f, f->said + u->at, n))
		f->broken = true;
}

static void
wait_for_ack(struct relay_side *r, struct far *f)
{
	struct message *m = world_post(r->side.w, MSG_RELAY_AGAIN, SERIAL_ACK_MS);

	m->req = f->line;
	m->serial = ++f->serial;
	f->waits_ack = true;
}

void
relay_say(struct relay_side *r, struct far *f, unsigned head, const void *body, size_t n,
	  uint32_t asks)
{
	f->last_n = frames_put(r->frames, head, body, n, f->last);
	f->last_asks = asks;
	f->tries = 0;
	world_trace(r->side.w, "line %u: %s says %04x, %zu bytes", (unsigned)f->line,
		    f->terminal ? "terminal" : "POS", head, f->last_n);
	relay_say_raw(r, f, f->last, f->last_n, asks);
	if (r->framing == FRAMING_ZVT_SERIAL && !f->over)
		wait_for_ack(r, f);
}

static void
say_again(struct relay_side *r, struct far *f)
{
	if (f->last_n == 0 || f->tries >= SERIAL_TRIES) {
		f->waits_ack = false; /* it gives up; what it waits for does not come */
		return;
	}
	f->tries++;
	relay_say_raw(r, f, f->last, f->last_n, f->last_asks);
	wait_for_ack(r, f);
}

void
relay_far_again(struct relay_side *r, const struct message *m)
{
	struct far *f = relay_far(r, m->req);

	if (f != NULL && !f->over && f->waits_ack && f->serial == m->serial)
		say_again(r, f);
}

void
relay_far_end(struct relay_side *r, struct far *f, int err)
{
	if (f->over)
		return;
	f->over = true;
	f->over_ms = r->side.w->now.mono_ms;
	virtual_line_end(f->line, false, err);
	if (!f->terminal)
		relay_pos_over(r, f);
}

/* ---- what comes out is what went in ------------------------------------------------------- */

static void
add_place(struct far *f, struct place p)
{
	for (uint32_t i = 0; i < f->places_count; i++)
		if (f->places[i].far == p.far && f->places[i].at == p.at)
			return;
	if (f->places_count < PLACES_MAX)
		f->places[f->places_count++] = p;
}

/* Where a frame of o begins behind `at`, and with c. */
static void
add_begins(struct far *f, const struct far *o, uint32_t far, size_t at, uint8_t c)
{
	for (uint32_t u = 0; u < o->units_count; u++)
		if (o->units[u].at >= at && o->units[u].n > 0 &&
		    o->said[o->units[u].at] == c)
			add_place(f, (struct place){ far, o->units[u].at + 1 });
}

/* Where bytes were lost, one may seem to begin in the middle of another. */
static void
add_noise(struct far *f, const struct far *o, uint32_t far, size_t at, uint8_t c)
{
	for (size_t i = at; o->noisy && i < o->said_n; i++)
		if (o->said[i] == c)
			add_place(f, (struct place){ far, i + 1 });
}

static bool
is_end(const struct far *o, size_t at)
{
	/* They follow each other, and what is looked for mostly is of the last ones. */
	for (uint32_t u = o->units_count;
	     u-- > 0 && o->units[u].at + o->units[u].n >= at;)
		if (o->units[u].at + o->units[u].n == at)
			return true;
	return false;
}

static bool
may_be_of(const struct relay_side *r, const struct far *f, const struct far *o)
{
	uint32_t index = (uint32_t)(o - r->fars);

	if (o->line == 0 || o->terminal == f->terminal ||
	    (o->over && o->over_ms + FORGOTTEN_MS < r->side.w->now.mono_ms))
		return false;
	return f->terminal ? f->pair == FARS_MAX || f->pair == index
			   : o->pair == FARS_MAX || o->pair == (uint32_t)(f - r->fars);
}

/* Those of a line that nothing of has come yet. */
static void
add_others(struct relay_side *r, struct far *f, const struct place *before,
	   uint32_t count, uint8_t c)
{
	for (uint32_t i = 0; i < FARS_MAX; i++) {
		bool was = false;

		for (uint32_t k = 0; k < count; k++)
			was = was || before[k].far == i;
		if (!was && may_be_of(r, f, &r->fars[i]))
			add_begins(f, &r->fars[i], i, 0, c);
	}
}

/* The next byte. False: nobody has said that. */
static bool
found(struct relay_side *r, struct far *f, uint8_t c)
{
	struct place before[PLACES_MAX];
	uint32_t count = f->places_count;

	memcpy(before, f->places, count * sizeof(before[0]));
	f->places_count = 0;
	for (uint32_t i = 0; i < count; i++) {
		const struct far *o = &r->fars[before[i].far];

		if (before[i].at < o->said_n && o->said[before[i].at] == c)
			add_place(f, (struct place){ before[i].far, before[i].at + 1 });
		if (is_end(o, before[i].at))
			add_begins(f, o, before[i].far, before[i].at, c);
	}
	/* Several terminals' lines may follow each other at one of the POS; at a cable also the other way. */
	if (f->terminal && !is_serial(r) ? !f->placed
					 : f->places_count == 0 || f->checked == 0)
		add_others(r, f, before, count, c);
	for (uint32_t i = 0; f->places_count == 0 && i < count; i++)
		add_noise(f, &r->fars[before[i].far], before[i].far, before[i].at, c);
	for (uint32_t i = 0; f->places_count == 0 && i < FARS_MAX; i++)
		if (may_be_of(r, f, &r->fars[i]))
			add_noise(f, &r->fars[i], i, 0, c);
	f->placed = true;
	return f->places_count > 0;
}

static bool
is_of_one(const struct far *f)
{
	for (uint32_t i = 1; i < f->places_count; i++)
		if (f->places[i].far != f->places[0].far)
			return false;
	return f->places_count > 0;
}

/*
 * Where a serial line has lost bytes, what was taken for the end of a frame may be none, and its rest is
 * nobody's: from the next one on it is looked for again.
 */
static bool
is_noise(const struct relay_side *r, const struct far *f)
{
	for (uint32_t i = 0; i < FARS_MAX; i++)
		if (r->fars[i].noisy && is_serial(r) &&
		    (&r->fars[i] == f || may_be_of(r, f, &r->fars[i])))
			return true;
	return false;
}

/* Bytes of `in` up to n are looked for. */
static bool
check(struct relay_side *r, struct far *f, size_t n)
{
	for (; f->checked < n; f->checked++)
		if (!found(r, f, f->in[f->checked]) && !is_noise(r, f)) {
			world_broken(r->side.w, INV_PASS "%s gets what %s has not sent",
				     f->terminal ? "the terminal" : "the POS",
				     f->terminal ? "a POS" : "the terminal");
			return false;
		}
	if (f->terminal && !is_serial(r) && is_of_one(f))
		f->pair = f->places[0].far;
	return true;
}

static bool
is_answered(const struct far *o, const struct unit *u)
{
	return !o->terminal && u->asks < o->asked_count && o->asked[u->asks].answered;
}

/* Is u the better guess, of what could be meant? Of the line that is used now, and not over. */
static bool
is_better(const struct far *o, const struct unit *u, const struct far *than,
	  const struct unit *best)
{
	if (best == NULL || o->line != than->line)
		return best == NULL || o->line > than->line;
	return is_answered(than, best) && !is_answered(o, u);
}

/* Words that were said twice are found twice; what follows them tells which ones they were. */
const struct unit *
relay_unit_of(struct relay_side *r, struct far *f, struct far **ret_other)
{
	const struct unit *best = NULL;
	struct far *whose = NULL;

	for (uint32_t i = 0; i < f->places_count; i++) {
		struct far *o = &r->fars[f->places[i].far];

		for (uint32_t u = 0; u < o->units_count; u++) {
			if (o->units[u].at + o->units[u].n != f->places[i].at ||
			    !is_better(o, &o->units[u], whose, best))
				continue;
			best = &o->units[u];
			whose = o;
		}
	}
	if (best == NULL)
		return NULL;
	*ret_other = whose;
	return best;
}

/* ---- out of the host --------------------------------------------------------------------- */

static void
drop_front(struct far *f, size_t n)
{
	f->in_n -= n;
	memmove(f->in, f->in + n, f->in_n);
	f->checked = f->checked > n ? f->checked - n : 0;
}

/* A byte of a serial line: the last frame has arrived, or is wanted again. */
static void
take_byte(struct relay_side *r, struct far *f)
{
	if (f->in[0] == FRAMES_ACK)
		f->waits_ack = false;
	else if (f->waits_ack)
		say_again(r, f);
}

static void
take_frame(struct relay_side *r, struct far *f, const struct frames_found *what)
{
	static const uint8_t ack = FRAMES_ACK;

	if (r->framing == FRAMING_ZVT_SERIAL)
		relay_say_raw(r, f, &ack, 1, ASKS_NOTHING);
	if (f->terminal)
		relay_terminal_frame(r, f, what->head);
	else
		relay_pos_frame(r, f, f->in, what->n, what->head);
}

static void
take_one(struct relay_side *r, struct far *f, const struct frames_found *what)
{
	static const uint8_t nak = FRAMES_NAK;

	if (what->what == FRAMES_MESSAGE)
		take_frame(r, f, what);
	else if (what->what == FRAMES_BYTE)
		take_byte(r, f);
	else if (what->what == FRAMES_BROKEN)
		relay_say_raw(r, f, &nak, 1, ASKS_NOTHING);
	else if (what->what == FRAMES_STRANGE && f->terminal && f->todo_count == 0)
		relay_terminal_frame(r, f, 0); /* whatever that may be */
}

/* What the adapter says by itself is no other side's. */
static bool
is_of_adapter(const struct relay_side *r, const struct far *f,
	      const struct frames_found *what)
{
	if (f->terminal)
		return false;
	return what->what == FRAMES_MESSAGE && relay_is_ours(r, f->in, what->n);
}

/* An ACK may be the adapter's, or the other side's, or left over of something. */
static void
look_for_byte(struct relay_side *r, struct far *f)
{
	struct place before[PLACES_MAX];
	uint32_t count = f->places_count;

	memcpy(before, f->places, count * sizeof(before[0]));
	if (!found(r, f, f->in[0])) {
		memcpy(f->places, before, count * sizeof(before[0]));
		f->places_count = count;
	}
	f->checked = 1;
}

static void
take_frames(struct relay_side *r, struct far *f)
{
	struct frames_found what;

	while (!f->over && !r->side.w->res->broken) {
		frames_find(r->frames, f->in, f->in_n, &what);
		/* The terminal hears only the POS, so a begun frame can be looked for. */
		if (f->terminal &&
		    !check(r, f, what.what == FRAMES_NONE ? f->in_n : what.n))
			return;
		if (what.what == FRAMES_NONE)
			return;
		if (!f->terminal && what.what == FRAMES_BYTE)
			look_for_byte(r, f);
		else if (!f->terminal && !is_of_adapter(r, f, &what) &&
			 !check(r, f, what.n))
			return;
		take_one(r, f, &what);
		drop_front(f, what.n);
	}
}

static void
read_later(struct relay_side *r, struct far *f, int64_t in_ms)
{
	f->reading = true;
	world_post(r->side.w, MSG_RELAY_READ, in_ms)->req = f->line;
}

void
relay_far_reads(struct relay_side *r, uint64_t line)
{
	struct far *f = relay_far(r, line);
	struct world *w = r->side.w;
	size_t n;

	if (f == NULL)
		return;
	f->reading = false;
	if (f->over)
		return;
	n = FAR_IN_MAX - f->in_n;
	if (world_fault(w, SIM_FAULT_PEER_SLOW, 150)) {
		n = 1 + (size_t)(world_random(w) % 60);
		if (is_serial(r))
			n += 200;
		if (n < virtual_line_waits(line))
			read_later(r, f, world_delay(w, 50, is_serial(r) ? 200 : 3000));
	}
	f->in_n += virtual_line_take(line, f->in + f->in_n, n);
	take_frames(r, f);
	if (!f->over && !f->terminal)
		relay_pos_heard(r, f);
	if (!f->over && virtual_line_ended(line)) {
		f->over = true;
		f->over_ms = w->now.mono_ms;
		virtual_line_end(line, false, 0);
		if (!f->terminal)
			relay_pos_over(r, f);
	} else if (!f->over && !f->reading && virtual_line_waits(line) > 0) {
		read_later(r, f, 5);
	}
}
