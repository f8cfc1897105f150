#include "bio/serial/zfm.h"

#include "base/log.h"
#include "base/secret.h"
#include "bio/serial/zfm_image.h"
#include "bio/serial/zfm_packet.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CMD_TAKE_IMAGE 0x01u
#define CMD_UPLOAD_IMAGE 0x0au
#define CMD_SET_PARAMETER 0x0eu
#define CMD_READ_PARAMETERS 0x0fu
#define CMD_VERIFY_PASSWORD 0x13u
#define PARAMETER_RATE 4u
#define READY_BYTE 0x55u

#define PARAMETERS_BYTES 17u /* with the confirmation code */
#define AT_SYSTEM_ID 3u

#define WAKE_MS 200u  /* the ready byte may be past, or never come */
#define GAP_MS 100u   /* inside of a packet */
#define QUIET_MS 150u /* after which nothing of an earlier answer is under way */
#define ANSWER_MS 1000u
#define SCAN_MS 500u
#define TAKE_MS 2000u
#define PACKET_MS 1000u     /* from one packet of a picture to the next */
#define DRAIN_MS_MAX 10000u /* a picture that nobody waits for any more takes 7 s */

#define RATE_UNIT 9600u
#define RATES_MAX 6u
#define FIRST_RATE_TRIES 2u
#define FAILURES_MAX 5u
#define LIFT_POLLS 2u /* a finger that rests may be missed once */
#define EMPTY_PRESENTATIONS_MAX 5u

enum state {
	STATE_NEW,
	STATE_WAKE,       /* for the ready byte, and for the line to be quiet */
	STATE_VERIFY,     /* for the answer to the password */
	STATE_PARAMETERS, /* for the system parameters */
	STATE_SET_RATE,
	STATE_POLL_PAUSE,
	STATE_TAKE,    /* for whether there is a finger */
	STATE_UPLOAD,  /* for the answer before the picture */
	STATE_PICTURE, /* for its packets */
	STATE_DRAIN,   /* after a failure: for the line to be quiet */
	STATE_STOPPED
};

enum presentation {
	PRESENTATION_NONE,
	PRESENTATION_OPEN,  /* a picture is wanted */
	PRESENTATION_SERVED /* the finger shall be lifted */
};

/* All that may hold pixels. */
struct pixels {
	struct zfm_decoder decoder;
	uint8_t picture[ZFM_IMAGE_BYTES_MAX];
};

struct zfm {
	struct zfm_port port;
	struct zfm_events events;
	struct zfm_options o;
	struct zfm_identity identity;
	uint32_t rates[RATES_MAX];
	size_t rates_count, rate_at;
	enum state state, after_drain;
	enum presentation presentation;
	bool ready;         /* told so */
	bool picture_waits; /* in the module, to be uploaded */
	bool rate_set;      /* or tried in vain */
	bool other_address; /* something answered under another one */
	int64_t deadline_ms;
	unsigned tries, failures;
	unsigned not_taken, lift_polls, bad_frames, frames, empty_presentations;
	size_t picture_bytes;
	bool picture_long;
	bool dark;
	struct zfm_counters counters;
	struct secret *locked;
	struct pixels *pixels; /* in it */
};

static int64_t
now(struct zfm *z)
{
	return z->port.ops->now_ms(z->port.ctx);
}

static void
end(struct zfm *z, enum zfm_end how, const char *why)
{
	zfm_stop(z);
	z->events.broken(z->events.ctx, how, why);
}

static void
set_timer(struct zfm *z, int64_t delay_ms)
{
	assert(delay_ms < INT32_MAX);
	if (z->port.ops->timer(z->port.ctx, delay_ms < 1 ? 1 : (unsigned)delay_ms) < 0)
		end(z, ZFM_BROKEN, "no timer");
}

/* The time that a picture of the largest size in the smallest packets needs, and half of it more. */
static int64_t
picture_ms(const struct zfm *z)
{
	int64_t bytes = ZFM_IMAGE_BYTES_MAX / 32 * (32 + ZFM_FRAME_BYTES);

	return bytes * 10 * 1000 / z->identity.baud * 3 / 2 + ANSWER_MS;
}

/* Nothing that arrived before a command was sent can be its answer. */
static void
send(struct zfm *z, enum state state, const uint8_t *payload, size_t n,
     unsigned answer_ms)
{
	const struct zfm_packet p = { z->o.address, ZFM_COMMAND, payload, n };
	uint8_t out[ZFM_PACKET_BYTES_MAX];
	size_t bytes = zfm_packet_write(out, &p);
	int rc;

	assert(bytes <= ZFM_COMMAND_BYTES_MAX);
	zfm_decoder_reset(&z->pixels->decoder);
	z->state = state;
	z->counters.commands++;
	rc = z->port.ops->write(z->port.ctx, out, bytes);
	if (rc < 0) {
		end(z, rc == -ENODEV ? ZFM_GONE : ZFM_BROKEN,
		    rc == -ENODEV ? "unplugged" : "the line takes no bytes");
		return;
	}
	z->deadline_ms = now(z) + answer_ms;
	set_timer(z, answer_ms);
}

static void
send_byte(struct zfm *z, enum state state, uint8_t command, unsigned answer_ms)
{
	send(z, state, &command, 1, answer_ms);
}

static void
read_parameters(struct zfm *z)
{
	send_byte(z, STATE_PARAMETERS, CMD_READ_PARAMETERS, ANSWER_MS);
}

/* Dark: nothing is asked for until zfm_arm; what lies there is no presentation any more. */
static void
rest(struct zfm *z)
{
	bool presenting = z->presentation != PRESENTATION_NONE;

	z->state = STATE_POLL_PAUSE;
	z->presentation = PRESENTATION_NONE;
	z->picture_waits = false;
	z->port.ops->timer_cancel(z->port.ctx);
	if (presenting)
		z->events.lifted(z->events.ctx);
}

static void
take(struct zfm *z)
{
	if (z->dark) {
		rest(z);
		return;
	}
	z->counters.polls++;
	send_byte(z, STATE_TAKE, CMD_TAKE_IMAGE, TAKE_MS);
}

static void
poll_later(struct zfm *z)
{
	z->state = STATE_POLL_PAUSE;
	set_timer(z, ZFM_POLL_MS);
}

static void
upload(struct zfm *z)
{
	send_byte(z, STATE_UPLOAD, CMD_UPLOAD_IMAGE, ANSWER_MS);
}

static void
drain(struct zfm *z, enum state after)
{
	z->state = STATE_DRAIN;
	z->after_drain = after;
	z->deadline_ms = now(z) + DRAIN_MS_MAX;
	zfm_decoder_reset(&z->pixels->decoder);
	set_timer(z, QUIET_MS);
}

/*
 * Starts the conversation over. Its first answer is that to ReadSysPara, which has a length of its
 * own: late answers to what was asked before cannot be taken for it.
 */
static void
recover(struct zfm *z, enum state from, const char *why)
{
	z->counters.errors++;
	z->counters.restarts++;
	if (++z->failures > FAILURES_MAX) {
		end(z, ZFM_BROKEN, why);
		return;
	}
	log_debug("zfm %s: %s; once more", z->o.label, why);
	z->tries = 0;
	drain(z, from);
}

/* ---- presentations ------------------------------------------------------------------------- */

static void
forget_picture(struct zfm *z)
{
	secret_zero(z->pixels->picture, z->picture_bytes);
	z->picture_bytes = 0;
	z->picture_long = false;
}

/* This presentation gives no image any more. */
static void
give_up(struct zfm *z, const char *why)
{
	z->picture_waits = false;
	z->presentation = PRESENTATION_SERVED;
	z->lift_polls = 0;
	if (z->frames == 0) {
		z->empty_presentations++;
		z->events.failed(z->events.ctx, why);
	}
	if (z->state == STATE_STOPPED)
		return;
	if (z->empty_presentations >= EMPTY_PRESENTATIONS_MAX)
		end(z, ZFM_BROKEN, "one presentation after the other without an image");
	else
		drain(z, STATE_PARAMETERS);
}

/* The module keeps the picture until it takes the next, so the finger need not be there. */
static void
bad_picture(struct zfm *z, const char *why)
{
	z->counters.bad_images++;
	log_debug("zfm %s: %s (%zu bytes)", z->o.label, why, z->picture_bytes);
	forget_picture(z);
	if (++z->bad_frames < ZFM_TRIES)
		drain(z, STATE_PARAMETERS);
	else
		give_up(z, why);
}

static struct sample *
decode(struct zfm *z, const struct zfm_geometry *g)
{
	struct sample *s = NULL;

	if (sample_new(g->width, g->height, z->o.dpi != 0 ? z->o.dpi : g->dpi, &s) < 0)
		return NULL;
	zfm_image_decode(g, z->pixels->picture, z->o.invert, z->o.rotate, s->grey);
	(void)str_copy(s->device, sizeof(s->device), str_of(z->o.label)); /* may be cut */
	return s;
}

static void
picture_whole(struct zfm *z, struct sample *s)
{
	bool more;

	z->counters.images++;
	z->frames++;
	z->failures = 0;
	z->empty_presentations = 0;
	z->picture_waits = false;
	forget_picture(z);
	zfm_decoder_reset(&z->pixels->decoder);
	more = z->events.sample(z->events.ctx, s);
	if (z->state == STATE_STOPPED)
		return;
	if (more && z->frames < ZFM_FRAMES_MAX) {
		take(z);
		return;
	}
	z->presentation = PRESENTATION_SERVED;
	z->lift_polls = 0;
	poll_later(z);
}

static void
picture_ended(struct zfm *z)
{
	const struct zfm_geometry *g =
		zfm_image_geometry(z->pixels->picture, z->picture_bytes);
	struct sample *s;

	if (z->picture_bytes == 0 || z->picture_long || g == NULL) {
		bad_picture(z, z->picture_bytes == 0 ? "image: none in time"
			       : z->picture_long     ? "image: too long"
						     : "image: of no known size");
		return;
	}
	s = decode(z, g);
	if (s == NULL) {
		bad_picture(z, "image: no memory");
		return;
	}
	z->identity.model = g->model;
	picture_whole(z, s);
}

static void
begin_presentation(struct zfm *z)
{
	z->presentation = PRESENTATION_OPEN;
	z->frames = 0;
	z->bad_frames = 0;
	z->not_taken = 0;
	z->events.touched(z->events.ctx);
}

static void
finger_there(struct zfm *z)
{
	if (z->presentation == PRESENTATION_SERVED) {
		z->lift_polls = 0;
		poll_later(z);
		return;
	}
	if (z->presentation == PRESENTATION_NONE)
		begin_presentation(z);
	if (z->state == STATE_STOPPED)
		return;
	z->not_taken = 0;
	z->bad_frames = 0;
	z->picture_waits = true;
	upload(z);
}

/* A finger is there, but its picture is no good. */
static void
finger_unseen(struct zfm *z)
{
	if (z->presentation == PRESENTATION_NONE)
		begin_presentation(z);
	if (z->state == STATE_STOPPED)
		return;
	z->lift_polls = 0;
	if (z->presentation == PRESENTATION_OPEN && ++z->not_taken >= ZFM_TRIES)
		give_up(z, "image: not taken");
	else
		poll_later(z);
}

static void
finger_away(struct zfm *z)
{
	if (z->presentation == PRESENTATION_OPEN) {
		z->presentation = PRESENTATION_SERVED;
		z->lift_polls = 0;
		if (z->frames == 0)
			z->events.failed(z->events.ctx, "image: lifted too early");
	}
	if (z->presentation == PRESENTATION_SERVED && ++z->lift_polls >= LIFT_POLLS &&
	    z->state != STATE_STOPPED) {
		z->presentation = PRESENTATION_NONE;
		z->events.lifted(z->events.ctx);
	}
	if (z->state != STATE_STOPPED)
		poll_later(z);
}

/* ---- bring-up ------------------------------------------------------------------------------ */

static bool
scanning(const struct zfm *z)
{
	return z->rate_at > 0;
}

static void
verify(struct zfm *z)
{
	uint8_t command[5] = { CMD_VERIFY_PASSWORD };

	for (size_t i = 0; i < 4; i++)
		command[1 + i] = (uint8_t)(z->o.password >> (24 - 8 * i));
	send(z, STATE_VERIFY, command, sizeof(command),
	     scanning(z) ? SCAN_MS : ANSWER_MS);
	secret_zero(command, sizeof(command));
}

static void
try_rate(struct zfm *z, size_t at)
{
	z->rate_at = at;
	z->tries = 0;
	z->identity.baud = z->rates[at];
	if (z->port.ops->rate(z->port.ctx, z->identity.baud) < 0)
		end(z, ZFM_BROKEN, "the line's rate cannot be set");
	else
		verify(z);
}

static void
no_answer_to_verify(struct zfm *z)
{
	z->counters.errors++;
	if (++z->tries < (scanning(z) ? 1 : FIRST_RATE_TRIES))
		verify(z);
	else if (z->rate_at + 1 < z->rates_count)
		try_rate(z, z->rate_at + 1);
	else if (z->other_address)
		end(z, ZFM_MISCONFIGURED,
		    "it answers under another address than the configured one");
	else
		end(z, ZFM_BROKEN, "no module answers at any rate");
}

/* The configured rate is the line's: a module that was found at another one is told so, once. */
static bool
wants_other_rate(const struct zfm *z)
{
	return z->o.baud != 0 && z->o.baud != z->identity.baud && !z->rate_set;
}

static void
set_rate(struct zfm *z)
{
	const uint8_t command[3] = { CMD_SET_PARAMETER, PARAMETER_RATE,
				     (uint8_t)(z->o.baud / RATE_UNIT) };

	z->rate_set = true;
	log_notice("zfm %s: answers at %u baud; telling it to use %u", z->o.label,
		   z->identity.baud, z->o.baud);
	send(z, STATE_SET_RATE, command, sizeof(command), ANSWER_MS);
}

/* Where it was before it was interrupted. */
static void
go_on(struct zfm *z)
{
	if (z->picture_waits)
		upload(z);
	else
		take(z);
}

/* ---- answers ------------------------------------------------------------------------------- */

/* Refusals that any command may meet. True when that was one of them. */
static bool
refused(struct zfm *z, uint8_t code)
{
	if (code == ZFM_WRONG_PASSWORD) {
		end(z, ZFM_MISCONFIGURED, "wrong password");
	} else if (code == ZFM_WRONG_ADDRESS) {
		end(z, ZFM_MISCONFIGURED, "wrong address");
	} else if (code == ZFM_NOT_VERIFIED && z->state == STATE_VERIFY) {
		end(z, ZFM_MISCONFIGURED, "it does not take the password");
	} else if (code == ZFM_NOT_VERIFIED) {
		/* It has lost power for a moment. */
		recover(z, STATE_VERIFY, zfm_code_text(code));
	} else if (code == ZFM_PACKET_ERROR && z->state != STATE_UPLOAD) {
		recover(z, z->state == STATE_VERIFY ? STATE_VERIFY : STATE_PARAMETERS,
			zfm_code_text(code));
	} else {
		return false;
	}
	return true;
}

/* Of an earlier conversation, or said twice; each wait has its end, however many come. */
static void
stray(struct zfm *z)
{
	z->counters.unexpected++;
}

static void
verify_answered(struct zfm *z, const struct zfm_packet *p)
{
	if (p->bytes != 1 || p->payload[0] != ZFM_OK)
		stray(z);
	else
		read_parameters(z);
}

static void
parameters_answered(struct zfm *z, const struct zfm_packet *p)
{
	if (p->bytes < PARAMETERS_BYTES || p->payload[0] != ZFM_OK) {
		stray(z);
		return;
	}
	z->identity.system_id =
		(uint16_t)(p->payload[AT_SYSTEM_ID] << 8 | p->payload[AT_SYSTEM_ID + 1]);
	if (wants_other_rate(z))
		set_rate(z);
	else
		go_on(z);
}

/* Whether it did it shows when it is spoken to at that rate; those it had before come after it. */
static void
rate_answered(struct zfm *z, const struct zfm_packet *p)
{
	if (p->bytes != 1)
		stray(z);
	else if (p->payload[0] == ZFM_OK)
		try_rate(z, 0);
	else
		read_parameters(z);
}

static void
take_answered(struct zfm *z, const struct zfm_packet *p)
{
	uint8_t code = p->payload[0];

	if (p->bytes != 1) {
		stray(z);
		return;
	}
	if (code != ZFM_OK && code != ZFM_NO_FINGER && code != ZFM_NOT_TAKEN) {
		recover(z, STATE_PARAMETERS, zfm_code_text(code));
		return;
	}
	z->failures = 0;
	if (!z->ready) {
		z->ready = true;
		z->events.ready(z->events.ctx);
	}
	if (z->state == STATE_STOPPED)
		return;
	if (code == ZFM_OK)
		finger_there(z);
	else if (code == ZFM_NOT_TAKEN)
		finger_unseen(z);
	else
		finger_away(z);
}

static void
upload_answered(struct zfm *z, const struct zfm_packet *p)
{
	uint8_t code = p->payload[0];

	if (p->bytes != 1) {
		stray(z);
	} else if (code == ZFM_OK) {
		forget_picture(z);
		z->state = STATE_PICTURE;
		z->deadline_ms = now(z) + picture_ms(z);
	} else if (code == ZFM_NO_IMAGE) {
		z->counters.errors++;
		give_up(z, "image: the module holds none");
	} else {
		z->counters.errors++;
		bad_picture(z, "image: cannot be sent");
	}
}

static void
picture_packet(struct zfm *z, const struct zfm_packet *p)
{
	size_t room = ZFM_IMAGE_BYTES_MAX - z->picture_bytes;
	size_t n = p->bytes < room ? p->bytes : room;

	memcpy(z->pixels->picture + z->picture_bytes, p->payload, n);
	z->picture_bytes += n;
	if (n < p->bytes)
		z->picture_long = true;
	if (p->kind == ZFM_LAST_DATA || z->picture_long)
		picture_ended(z);
}

static void
answer(struct zfm *z, const struct zfm_packet *p)
{
	if (p->bytes == 0 || z->state == STATE_PICTURE)
		stray(z); /* nothing in it, or said twice */
	else if (p->bytes == 1 && refused(z, p->payload[0]))
		return;
	else if (z->state == STATE_VERIFY)
		verify_answered(z, p);
	else if (z->state == STATE_PARAMETERS)
		parameters_answered(z, p);
	else if (z->state == STATE_SET_RATE)
		rate_answered(z, p);
	else if (z->state == STATE_TAKE)
		take_answered(z, p);
	else
		upload_answered(z, p);
}

static void
packet(struct zfm *z, const struct zfm_packet *p)
{
	bool ours = p->address == z->o.address;

	if (!ours && p->kind == ZFM_ANSWER)
		z->other_address = true;
	if (p->kind == ZFM_ANSWER && !ours && p->bytes == 1 &&
	    p->payload[0] == ZFM_WRONG_ADDRESS)
		end(z, ZFM_MISCONFIGURED, "wrong address");
	else if (p->kind == ZFM_ANSWER && ours)
		answer(z, p);
	else if ((p->kind == ZFM_DATA || p->kind == ZFM_LAST_DATA) && ours &&
		 z->state == STATE_PICTURE)
		picture_packet(z, p);
	else
		stray(z);
}

/* ---- the line and the time ----------------------------------------------------------------- */

static bool
waits_for_packets(const struct zfm *z)
{
	return z->state == STATE_VERIFY || z->state == STATE_PARAMETERS ||
	       z->state == STATE_SET_RATE || z->state == STATE_TAKE ||
	       z->state == STATE_UPLOAD || z->state == STATE_PICTURE;
}

/*
 * Until the packet that has begun goes on, or the answer has to be there. Past the deadline the timer is
 * due already, and setting it anew with every byte would put it off for ever.
 */
static void
wait_on(struct zfm *z)
{
	int64_t left = z->deadline_ms - now(z);
	int64_t most = z->pixels->decoder.used > 0 ? GAP_MS : PACKET_MS;

	if (left <= 0)
		return;
	if (z->state != STATE_PICTURE && z->pixels->decoder.used == 0)
		most = left;
	set_timer(z, left < most ? left : most);
}

/*
 * Handles the whole packets that are there; false when a command was sent meanwhile, or nothing is
 * waited for any more.
 */
static bool
handle_packets(struct zfm *z)
{
	uint64_t commands = z->counters.commands;
	struct zfm_packet p;

	while (zfm_decoder_next(&z->pixels->decoder, &p)) {
		packet(z, &p);
		if (z->counters.commands != commands || !waits_for_packets(z))
			return false;
	}
	return true;
}

/* The line has to be quiet, or the module has said that it is ready; to the deadline as above. */
static void
quiet(struct zfm *z, bool ready)
{
	int64_t left = z->deadline_ms - now(z);
	int64_t most = ready ? 0 : QUIET_MS;

	if (left > 0)
		set_timer(z, left < most ? left : most);
}

void
zfm_input(struct zfm *z, const uint8_t *bytes, size_t n)
{
	if (n == 0)
		return;
	if (z->state == STATE_WAKE || z->state == STATE_DRAIN) {
		quiet(z, z->state == STATE_WAKE && bytes[n - 1] == READY_BYTE);
		return;
	}
	while (n > 0 && waits_for_packets(z)) {
		size_t taken = zfm_decoder_feed(&z->pixels->decoder, bytes, n);

		assert(taken > 0);
		bytes += taken;
		n -= taken;
		if (!handle_packets(z))
			return;
	}
	if (waits_for_packets(z))
		wait_on(z);
	else
		z->counters.noise_bytes += n;
}

/* What was waited for has not come. */
static void
no_answer(struct zfm *z)
{
	if (z->state == STATE_VERIFY) {
		no_answer_to_verify(z);
	} else if (z->state == STATE_SET_RATE) {
		try_rate(z, 0); /* it may have done so all the same */
	} else if (z->state == STATE_UPLOAD) {
		z->counters.errors++;
		bad_picture(z, "image: no answer");
	} else if (z->state == STATE_PICTURE) {
		picture_ended(z);
	} else {
		recover(z, STATE_PARAMETERS, "it does not answer");
	}
}

/* Time is up; a packet that began and stopped may have hidden whole ones. */
static void
time_is_up(struct zfm *z)
{
	bool cut = false;

	while (zfm_decoder_give_up(&z->pixels->decoder)) {
		cut = true;
		if (!handle_packets(z))
			return;
	}
	if (cut && z->state == STATE_PICTURE)
		bad_picture(z, "image: a packet is cut");
	else
		no_answer(z);
}

void
zfm_timeout(struct zfm *z)
{
	if (z->state == STATE_WAKE)
		try_rate(z, 0);
	else if (z->state == STATE_POLL_PAUSE)
		take(z);
	else if (z->state == STATE_DRAIN && z->after_drain == STATE_VERIFY)
		verify(z);
	else if (z->state == STATE_DRAIN)
		read_parameters(z);
	else if (waits_for_packets(z))
		time_is_up(z);
}

void
zfm_start(struct zfm *z)
{
	assert(z->state == STATE_NEW);
	z->identity.baud = z->rates[0];
	if (z->port.ops->rate(z->port.ctx, z->rates[0]) < 0) {
		end(z, ZFM_BROKEN, "the line's rate cannot be set");
		return;
	}
	z->state = STATE_WAKE;
	z->deadline_ms = now(z) + DRAIN_MS_MAX;
	set_timer(z, WAKE_MS);
}

void
zfm_arm(struct zfm *z, bool on)
{
	z->dark = !on;
	if (z->state == STATE_POLL_PAUSE)
		take(z);
}

void
zfm_stop(struct zfm *z)
{
	z->state = STATE_STOPPED;
	z->port.ops->timer_cancel(z->port.ctx);
	forget_picture(z);
	zfm_decoder_reset(&z->pixels->decoder);
}

static int
list_rates(struct zfm *z)
{
	static const uint32_t usual[] = { 57600, 115200, 9600, 19200, 38400 };
	uint32_t first = z->o.baud != 0 ? z->o.baud : z->o.baud_first;

	if (first % RATE_UNIT != 0 || first > 12 * RATE_UNIT)
		return -EINVAL;
	if (first != 0)
		z->rates[z->rates_count++] = first;
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		if (usual[i] != first)
			z->rates[z->rates_count++] = usual[i];
	assert(z->rates_count <= RATES_MAX);
	return 0;
}

int
zfm_new(const struct zfm_options *o, struct zfm_port port, const struct zfm_events *e,
	struct zfm **ret_zfm)
{
	struct zfm *z;
	int rc;

	if (o->dpi != 0 && (o->dpi < SAMPLE_DPI_MIN || o->dpi > SAMPLE_DPI_MAX))
		return -EINVAL;
	z = calloc(1, sizeof(*z));
	if (z == NULL)
		return -ENOMEM;
	z->port = port;
	z->events = *e;
	z->o = *o;
	rc = list_rates(z);
	if (rc == 0)
		rc = secret_new(sizeof(*z->pixels), &z->locked);
	if (rc < 0) {
		free(z);
		return rc;
	}
	z->pixels = (struct pixels *)(void *)secret_bytes(z->locked);
	*ret_zfm = z;
	return 0;
}

struct zfm *
zfm_free(struct zfm *z)
{
	if (z == NULL)
		return NULL;
	zfm_stop(z);
	secret_free(z->locked);
	secret_zero(&z->o.password, sizeof(z->o.password));
	free(z);
	return NULL;
}

void
zfm_identity(const struct zfm *z, struct zfm_identity *ret_identity)
{
	*ret_identity = z->identity;
}

void
zfm_counters(const struct zfm *z, struct zfm_counters *ret_counters)
{
	*ret_counters = z->counters;
	ret_counters->bad_packets = z->pixels->decoder.bad_packets;
	ret_counters->noise_bytes += z->pixels->decoder.noise_bytes;
}
