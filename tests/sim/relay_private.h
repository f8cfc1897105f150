#ifndef LANED_TESTS_SIM_RELAY_PRIVATE_H
#define LANED_TESTS_SIM_RELAY_PRIVATE_H

/*
 * What the files relay*.c share: relay.c (the adapter's process and its host), relay_line.c (the far ends of
 * its lines), relay_pos.c and relay_terminal.c (who sits there).
 */
#include "adapter/endpoints.h"
#include "adapter/host_splice.h"
#include "sim/drop_private.h"
#include "sim/relay.h"
#include "sim/virtual/lines.h"
#include "terminal/frames.h"

#define FARS_MAX 48u
#define UNITS_MAX 192u
#define UNITS_OF_ONE                                                                     \
	72u /* so many at most has one command, with what it is told meanwhile */
#define SAID_MAX 65536u
#define PLACES_MAX 256u
#define FAR_IN_MAX 24576u
#define FAR_FRAME_MAX 16384u
#define LAST_MAX FRAMES_ROOM(FAR_FRAME_MAX)
#define ASKED_MAX 48u
#define RELAY_SECRET "zqsecret" /* in every message that is not ours to see */
#define SERIAL_ACK_MS 5000
#define SERIAL_LATE_MS 1500
#define SERIAL_TRIES 3u

/* A frame or byte that entered the host here, as it entered: its place in what was said. */
struct unit {
	size_t at, n;
	uint32_t
		asks; /* of the POS: which of what it has asked; of the terminal: what it answers */
};
#define ASKS_NOTHING UINT32_MAX

/* How far what comes here has been found in what the other side has said; one of several. */
struct place {
	uint32_t far;
	size_t at;
};

/* What the POS waits for an answer to. */
enum asked_kind { ASKED_PAY, ASKED_REPEAT, ASKED_WORD, ASKED_BASKET, ASKED_CARD };
struct asked {
	enum asked_kind kind;
	uint32_t request; /* index into the world's */
	bool answered;
};

/* The far end of a line: of the POS, or of the terminal. */
struct far {
	uint64_t line; /* 0: free */
	bool terminal, reading, broken, noisy, over;
	uint8_t *said; /* all that has entered the host here */
	size_t said_n;
	struct unit units[UNITS_MAX];
	uint32_t units_count;
	struct place places[PLACES_MAX];
	uint32_t places_count;
	bool placed;   /* the first byte has come */
	uint32_t pair; /* of a terminal: whose line it is; FARS_MAX not known yet */
	uint8_t *in;
	size_t in_n, checked; /* bytes of in that are found already */
	/* A serial line's frame that waits for its ACK. */
	uint8_t *last;
	size_t last_n;
	uint32_t last_asks, tries, serial; /* serial: of the timer */
	bool waits_ack;
	/* The POS's. */
	struct asked asked[ASKED_MAX];
	uint32_t asked_count;
	int64_t asked_ms, over_ms; /* when the last one; when the line ended */
	/* The terminal's: what it has yet to say. */
	uint32_t todo[8], todo_count; /* which unit's asks */
	bool acked;                   /* of zvt: "80 00" went out for the first one */
	bool told; /* of zvt: what it said last has no answer of the POS yet */
	int64_t told_ms;
	struct place asking[8]; /* line and number of what is asked */
};

/* Of a request of the POS, beside struct request. */
struct pos_request {
	bool approved, told, paid_there, asked_once, unknown, aborted, doubt;
};

struct relay_side {
	struct drop_side side; /* the process, as bridge.c knows it */
	struct laned_host_api api;
	struct streams *streams;
	struct host_conns *conns;
	struct host_splices *splices;
	struct endpoints *endpoints;
	struct adapter_endpoints where;
	enum framing framing;
	enum frames_kind frames;
	bool activated; /* systemd holds the socket */
	bool framed;    /* the host sees where a transaction ends */
	struct laned_conn_events of_terminal;
	struct far fars[FARS_MAX];
	/* The POS. */
	uint32_t now; /* its line; FARS_MAX none */
	struct pos_request requests[REQUESTS_MAX];
	char *basket; /* one that is to be sent */
	size_t basket_n;
	uint32_t basket_of; /* whose: index into the world's tickets */
	bool ticking, hanging_up;
	uint64_t faults_seen;
	int64_t fault_ms;
	/* The terminal. */
	int64_t away_until_ms;
};

/* ---- relay_line.c ---- */

struct far *relay_far(struct relay_side *r, uint64_t line);
/* A free one, for that line; aborts without memory. */
struct far *relay_far_new(struct relay_side *r, uint64_t line, bool terminal);
void relay_far_forget(struct far *f);
/* A message, in the framing of the run. */
void relay_say(struct relay_side *r, struct far *f, unsigned head, const void *body,
	       size_t n, uint32_t asks);
/* Bytes as they are. */
void relay_say_raw(struct relay_side *r, struct far *f, const uint8_t *data, size_t n,
		   uint32_t asks);
/* It hangs up, or the line breaks. */
void relay_far_end(struct relay_side *r, struct far *f, int err);
/* A line has something for its far end: takes it and hands whole frames to their reader. */
void relay_far_reads(struct relay_side *r, uint64_t line);
void relay_far_again(struct relay_side *r, const struct message *m);
/* What of the units of the other side the last whole frame was; NULL it is not known. */
const struct unit *relay_unit_of(struct relay_side *r, struct far *f,
				 struct far **ret_other);
void relay_never_secret(struct world *w, const char *where, const void *data, size_t n);

/* ---- relay_answers.c ---- */

/* A whole frame at the POS. */
void relay_pos_frame(struct relay_side *r, struct far *f, const uint8_t *frame, size_t n,
		     unsigned head);
/* True: the bytes are a message of the adapter's own. */
bool relay_is_ours(const struct relay_side *r, const uint8_t *frame, size_t n);

/* ---- relay_pos.c ---- */

/* All that came was handed over. */
void relay_pos_heard(struct relay_side *r, struct far *f);
/* Its line is over. */
void relay_pos_over(struct relay_side *r, struct far *f);
void relay_pos_tick(struct relay_side *r);

/* Everything that was asked there is answered. */
bool relay_is_idle(const struct far *f);
bool relay_is_zvt(const struct relay_side *r);
/* a had no answer. */
void relay_note_doubt(struct relay_side *r, const struct asked *a);
/* The POS has something to say. */
void relay_tick_later(struct relay_side *r);

/* ---- relay_terminal.c ---- */

void relay_terminal_frame(struct relay_side *r, struct far *f, unsigned head);
void relay_terminal_says(struct relay_side *r, uint64_t line);

#endif
