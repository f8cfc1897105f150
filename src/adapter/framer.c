#include "adapter/framer.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define ZVT_LONG 0xffu /* LEN: the length follows in two bytes */
#define STX 0x02u
#define ETX 0x03u
#define ACK 0x06u
#define DLE 0x10u
#define NAK 0x15u
#define CRC_BYTES 2u
#define STUFFED_BYTES_MAX (2u * 65540u) /* of an APDU with every byte doubled */

/* What one byte or body was. */
enum step {
	STEP_ON,     /* the frame goes on */
	STEP_FRAME,  /* it ended */
	STEP_BEFORE, /* an end before this byte, which is not taken */
	STEP_END,    /* an end with this byte */
	STEP_LOST
};

/* ---- the conversation of ZVT ------------------------------------------------------------- */

static bool
is_answer(const uint8_t head[2])
{
	return head[0] == 0x80 || head[0] == 0x84;
}

/* 84 00 is a positive answer. */
static bool
is_refusal(const uint8_t head[2])
{
	return head[0] == 0x84 && head[1] != 0;
}

static bool
is_completion(const uint8_t head[2])
{
	return head[0] == 0x06 && (head[1] == 0x0f || head[1] == 0x1e);
}

/* Commands with an answer and nothing behind it: log-off and abort. */
static bool
is_short_lived(const uint8_t head[2])
{
	return head[0] == 0x06 && (head[1] == 0x02 || head[1] == 0xb0);
}

/* Classes that a frame can begin with; anything else is another protocol. */
static bool
zvt_class_ok(uint8_t c)
{
	return c == 0x04 || c == 0x05 || c == 0x06 || c == 0x08 || c == 0x0f ||
	       c == 0x80 || c == 0x84;
}

/* A whole APDU of the terminal. True: the transaction ended with it. */
static bool
zvt_of_terminal(struct framer *f, const uint8_t head[2])
{
	bool first = f->commanded;

	if (is_completion(head)) {
		f->completed = true;
		f->commanded = false;
		return false;
	}
	f->commanded = false;
	return is_answer(head) && first && (f->short_lived || is_refusal(head));
}

/* A whole APDU of the POS. True: the transaction ended with it. */
static bool
zvt_of_pos(struct framer *f, const uint8_t head[2], bool first)
{
	if (is_answer(head))
		return f->completed;
	if (first) {
		f->commanded = true;
		f->short_lived = is_short_lived(head);
	}
	return false;
}

/*
 * On a serial line the completion of the transaction before may come once more, as its ACK was lost. This
 * one's comes behind the answer to its command.
 */
static bool
zvt_is_old(const struct framer *f, enum framer_side side, const uint8_t head[2])
{
	return f->framing == FRAMING_ZVT_SERIAL && side == FRAMER_TERMINAL &&
	       is_completion(head) && !f->answered;
}

/*
 * A terminal that does not wait for the POS may have its completion answered before what it said first: the
 * answers behind the end open nothing.
 */
static bool
zvt_is_late(enum framer_side side, const uint8_t head[2])
{
	return side == FRAMER_POS && is_answer(head);
}

static bool
zvt_apdu(struct framer *f, enum framer_side side, const uint8_t head[2])
{
	bool fresh = !f->begun;

	if (zvt_is_old(f, side, head) || (fresh && zvt_is_late(side, head)))
		return false;
	f->begun = true;
	return side == FRAMER_TERMINAL ? zvt_of_terminal(f, head)
				       : zvt_of_pos(f, head, fresh);
}

/* ---- frames ------------------------------------------------------------------------------ */

static enum step
count_body(struct framer_half *h, uint32_t bytes)
{
	h->left = bytes;
	return bytes == 0 ? STEP_FRAME : STEP_ON;
}

/* Phases: 0 CLASS, 1 INSTR, 2 LEN, 3 and 4 the long length, 5 the body. */
static enum step
zvt_byte(struct framer *f, enum framer_side side, uint8_t c)
{
	struct framer_half *h = &f->half[side];

	switch (h->phase) {
	case 0:
		if (!zvt_class_ok(c))
			return STEP_LOST;
		/* The POS did not answer the completion: with its next command it is over. */
		if (side == FRAMER_POS && f->completed && c != 0x80 && c != 0x84 &&
		    f->half[FRAMER_TERMINAL].phase == 0)
			return STEP_BEFORE;
		h->head[0] = c;
		break;
	case 1:
		h->head[1] = c;
		break;
	case 2:
		if (c != ZVT_LONG) {
			h->phase = 5;
			return count_body(h, c);
		}
		break;
	case 3:
		h->left = c;
		break;
	case 4:
		h->phase = 5;
		return count_body(h, h->left | (uint32_t)c << 8);
	default:
		assert(false); /* a body is counted, not looked at */
	}
	h->phase++;
	return STEP_ON;
}

/* Phases: 0.. bytes of the length, then PHASE_BODY. */
#define PHASE_BODY 8u

static enum step
length_byte(struct framer_half *h, uint8_t c, uint32_t header)
{
	h->left = h->left << 8 | c;
	h->phase++;
	if (h->phase < header)
		return STEP_ON;
	if (h->left > FRAMER_FRAME_BYTES_MAX)
		return STEP_LOST;
	h->phase = PHASE_BODY;
	return count_body(h, h->left);
}

enum { OUTSIDE, AFTER_DLE, INSIDE, INSIDE_DLE, CRC };

/* The other side has taken the frame of side. */
static enum step
serial_taken(struct framer *f, enum framer_side side)
{
	struct framer_half *h = &f->half[side];

	if (!h->sent)
		return STEP_ON;
	h->sent = false;
	return zvt_apdu(f, side, h->head) && h->phase == OUTSIDE ? STEP_END : STEP_ON;
}

/* A byte of the APDU, doubled ones once. */
static enum step
serial_inside(struct framer_half *h, uint8_t c)
{
	if (h->bytes < sizeof(h->head))
		h->head[h->bytes] = c;
	h->bytes++;
	h->phase = INSIDE;
	return h->bytes > STUFFED_BYTES_MAX ? STEP_LOST : STEP_ON;
}

static enum step
serial_byte(struct framer *f, enum framer_side side, uint8_t c)
{
	struct framer_half *h = &f->half[side];

	switch (h->phase) {
	case OUTSIDE:
		if (c == DLE)
			h->phase = AFTER_DLE;
		else if (c == ACK)
			return serial_taken(f, side == FRAMER_POS ? FRAMER_TERMINAL
								  : FRAMER_POS);
		return STEP_ON; /* NAK: it comes again; else noise */
	case AFTER_DLE:
		h->phase = c == STX ? INSIDE : OUTSIDE;
		h->bytes = 0;
		h->sent = false;
		return STEP_ON;
	case INSIDE:
		if (c != DLE)
			return serial_inside(h, c);
		h->phase = INSIDE_DLE;
		return STEP_ON;
	case INSIDE_DLE:
		if (c == DLE)
			return serial_inside(h, c);
		h->phase = c == STX ? INSIDE : c == ETX ? CRC : OUTSIDE;
		h->left = CRC_BYTES;
		if (c != ETX)
			h->bytes = 0; /* broken off, and perhaps begun anew */
		return STEP_ON;
	case CRC:
		if (--h->left > 0)
			return STEP_ON;
		h->sent = h->bytes >= sizeof(h->head);
		f->answered = f->answered ||
			      (h->sent && side == FRAMER_TERMINAL && is_answer(h->head));
		h->phase = OUTSIDE;
		return STEP_ON;
	default:
		assert(false); /* there are no others */
	}
	return STEP_LOST;
}

/* ---- all of them ------------------------------------------------------------------------- */

static enum step
one_byte(struct framer *f, enum framer_side side, uint8_t c)
{
	switch (f->framing) {
	case FRAMING_CONNECTION:
		break;
	case FRAMING_ZVT:
		return zvt_byte(f, side, c);
	case FRAMING_ZVT_SERIAL:
		return serial_byte(f, side, c);
	case FRAMING_LENGTH2:
		return length_byte(&f->half[side], c, 2);
	case FRAMING_LENGTH4:
		return length_byte(&f->half[side], c, 4);
	}
	return STEP_ON;
}

/* As many answers as requests; a frame without a body says nothing, and is a sign of life. */
static bool
length_frame(struct framer *f, enum framer_side side, bool empty)
{
	if (empty)
		return false;
	f->begun = true;
	if (side == FRAMER_POS) {
		f->open++;
		return false;
	}
	if (f->open > 0)
		f->open--;
	return f->open == 0;
}

/* A frame of side has ended. */
static enum step
frame_ended(struct framer *f, enum framer_side side)
{
	struct framer_half *h = &f->half[side], was = *h;
	bool end;

	memset(h, 0, sizeof(*h));
	end = f->framing == FRAMING_ZVT
		      ? zvt_apdu(f, side, was.head)
		      : length_frame(f, side, was.phase == PHASE_BODY && was.bytes == 0);
	/* Not while the other side is in the middle of something. */
	if (end && f->half[!side].phase != 0)
		end = false;
	return end ? STEP_END : STEP_ON;
}

/* Noise, or a sign of life, and nothing of a transaction. */
static bool
was_nothing(const struct framer *f)
{
	return !f->begun && f->half[0].phase == 0 && f->half[1].phase == 0 &&
	       !f->half[0].sent && !f->half[1].sent;
}

static void
lose(struct framer *f)
{
	f->state = FRAMER_LOST;
	memset(f->half, 0, sizeof(f->half));
}

/* The bytes of a body are passed over. */
static size_t
pass_body(struct framer *f, enum framer_side side, size_t n)
{
	struct framer_half *h = &f->half[side];

	if (h->left < n)
		n = h->left;
	h->left -= (uint32_t)n;
	h->bytes += (uint32_t)n;
	return n;
}

static bool
in_body(const struct framer *f, enum framer_side side)
{
	const struct framer_half *h = &f->half[side];

	return f->framing != FRAMING_ZVT_SERIAL && h->left > 0 &&
	       h->phase == (f->framing == FRAMING_ZVT ? 5 : PHASE_BODY);
}

/* Takes one byte, or what is there of a body; how many. */
static size_t
take(struct framer *f, enum framer_side side, const uint8_t *data, size_t n,
     enum step *ret_step)
{
	size_t taken = 1;
	enum step step;

	if (in_body(f, side)) {
		taken = pass_body(f, side, n);
		step = f->half[side].left == 0 ? STEP_FRAME : STEP_ON;
	} else {
		step = one_byte(f, side, *data);
	}
	if (step == STEP_FRAME)
		step = frame_ended(f, side);
	*ret_step = step;
	return step == STEP_BEFORE ? 0 : taken;
}

int
framing_parse(const char *word, enum framing *ret_framing)
{
	for (int i = FRAMING_CONNECTION; i <= FRAMING_LENGTH4; i++)
		if (strcmp(word, framing_name((enum framing)i)) == 0) {
			*ret_framing = (enum framing)i;
			return 0;
		}
	return -EINVAL;
}

const char *
framing_name(enum framing framing)
{
	switch (framing) {
	case FRAMING_CONNECTION:
		break;
	case FRAMING_ZVT:
		return "zvt";
	case FRAMING_ZVT_SERIAL:
		return "zvt-serial";
	case FRAMING_LENGTH2:
		return "length2";
	case FRAMING_LENGTH4:
		return "length4";
	}
	return "connection";
}

void
framer_init(struct framer *f, enum framing framing)
{
	*f = (struct framer){ .framing = framing };
}

size_t
framer_feed(struct framer *f, enum framer_side side, const uint8_t *data, size_t n,
	    bool *ret_ended)
{
	size_t taken = 0;

	*ret_ended = false;
	while (taken < n && f->state != FRAMER_LOST) {
		enum step step;

		f->state = FRAMER_BUSY;
		if (f->framing == FRAMING_CONNECTION)
			return n;
		taken += take(f, side, data + taken, n - taken, &step);
		if (step == STEP_LOST) {
			lose(f);
		} else if (step == STEP_END || step == STEP_BEFORE) {
			framer_init(f, f->framing);
			*ret_ended = true;
			return taken;
		} else if (was_nothing(f)) {
			f->state = FRAMER_IDLE;
		}
	}
	return n;
}
