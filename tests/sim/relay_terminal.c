/*
 * The real terminal behind the adapter: it answers what comes through, in the framing of the run, late,
 * twice asked in another order, or goes away. Whoever is asked for money there waits for a card: it pays
 * only while the POS waits, too.
 */
#include "sim/relay_private.h"

#include <errno.h>
#include <string.h>

#define ANSWERS_MS 30000 /* so long a POS has for its answer on a serial line */

static struct far *
far_at(struct relay_side *r, uint32_t at)
{
	return &r->fars[at];
}

static void
says_later(struct relay_side *r, const struct far *f, int64_t in_ms)
{
	world_post(r->side.w, MSG_RELAY_SAY, in_ms)->req = f->line;
}

static int64_t
thinks_ms(struct world *w)
{
	return world_fault(w, SIM_FAULT_LATE, 20) ? world_delay(w, 1000, 60000)
						  : world_delay(w, 5, 3000);
}

/* The card is there while the POS waits: the money of this request moves here. */
static void
pays(struct relay_side *r, const struct asked *a)
{
	struct request *q;

	if (a->kind != ASKED_PAY)
		return;
	q = &r->side.w->requests[a->request];
	if (q->state != REQUEST_WAITS || world_random(r->side.w) % 3 == 0)
		return; /* nobody there, or declined */
	r->requests[a->request].paid_there = true;
}

static bool
is_zvt(const struct relay_side *r)
{
	return r->framing == FRAMING_ZVT || r->framing == FRAMING_ZVT_SERIAL;
}

static bool
waits_for_pos(const struct relay_side *r, const struct far *f)
{
	return is_zvt(r) && f->told &&
	       (r->framing == FRAMING_ZVT ||
		r->side.w->now.mono_ms - f->told_ms < ANSWERS_MS);
}

/* Class and instruction, and something that is nobody's business. */
static void
say_something(struct relay_side *r, struct far *f, unsigned head, uint32_t asks)
{
	struct world *w = r->side.w;
	uint8_t body[600];
	size_t n = 20 + (size_t)(world_random(w) % (sizeof(body) - 20));

	for (size_t i = 0; i < n; i += 8) {
		uint64_t bits = world_random(w);

		memcpy(body + i, &bits, n - i < 8 ? n - i : 8);
	}
	body[0] = 'T';
	memcpy(body + 1, RELAY_SECRET, sizeof(RELAY_SECRET) - 1);
	relay_say(r, f, head, body, n, asks);
	f->told = true;
	f->told_ms = w->now.mono_ms;
}

static void
done_with_first(struct far *f)
{
	f->todo_count--;
	memmove(f->todo, f->todo + 1, f->todo_count * sizeof(f->todo[0]));
	memmove(f->asking, f->asking + 1, f->todo_count * sizeof(f->asking[0]));
	f->acked = false;
}

/* The next thing that it has to say. */
void
relay_terminal_says(struct relay_side *r, uint64_t line)
{
	struct far *f = relay_far(r, line);
	struct world *w = r->side.w;
	struct place p;
	uint32_t asks;

	if (f == NULL || f->over || f->todo_count == 0)
		return;
	/* A terminal of ZVT waits for the answer to each word of its; for ever where nothing is lost. */
	if ((r->framing == FRAMING_ZVT_SERIAL && f->waits_ack) || waits_for_pos(r, f)) {
		says_later(r, f, 50);
		return;
	}
	asks = f->todo[0];
	p = f->asking[0];
	if (is_zvt(r) && !f->acked) {
		f->acked = true;
		relay_say(r, f, FRAMES_ZVT_ACK, "", 0, ASKS_NOTHING);
		says_later(r, f, thinks_ms(w));
		return;
	}
	if (is_zvt(r) && world_random(w) % 4 == 0) {
		say_something(r, f, FRAMES_ZVT_STATUS, ASKS_NOTHING);
		says_later(r, f, thinks_ms(w));
		return;
	}
	/* Whoever was asked twice may answer the second one first. */
	if (f->todo_count > 1 && world_fault(w, SIM_FAULT_REORDERED, 4)) {
		asks = f->todo[1];
		f->todo[1] = f->todo[0];
		p = f->asking[1];
		f->asking[1] = f->asking[0];
	}
	if (asks != ASKS_NOTHING && p.at < far_at(r, p.far)->asked_count)
		pays(r, &far_at(r, p.far)->asked[p.at]);
	say_something(r, f, FRAMES_ZVT_RESULT, asks);
	done_with_first(f);
	if (f->todo_count > 0)
		says_later(r, f, thinks_ms(w));
}

void
relay_terminal_frame(struct relay_side *r, struct far *f, unsigned head)
{
	struct world *w = r->side.w;
	struct far *pos = NULL;
	const struct unit *u = relay_unit_of(r, f, &pos);
	uint32_t asks = u == NULL ? ASKS_NOTHING : u->asks;

	w->res->passed++;
	world_trace(w, "the terminal has a message");
	if (is_zvt(r) && head >> 8 == 0x80) {
		f->told = false; /* the POS's answer to what it was told */
		return;
	}
	for (uint32_t i = 0; i < f->todo_count && asks != ASKS_NOTHING; i++)
		if (f->todo[i] == asks && f->asking[i].far == (uint32_t)(pos - r->fars))
			return; /* the same once more, for its ACK was lost */
	if (f->todo_count == sizeof(f->todo) / sizeof(f->todo[0])) {
		world_broken(w, INV_PASS "more than was asked");
		return;
	}
	f->todo[f->todo_count] = asks;
	f->asking[f->todo_count] =
		(struct place){ pos == NULL ? 0 : (uint32_t)(pos - r->fars), asks };
	f->todo_count++;
	if (f->todo_count == 1)
		says_later(r, f, is_zvt(r) ? world_delay(w, 1, 50) : thinks_ms(w));
}
