#ifndef LANED_ADAPTER_FRAMER_H
#define LANED_ADAPTER_FRAMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Where a transaction between a POS and a terminal begins and ends, told from the headers of the
 * frames that pass. It keeps nothing of what it is shown but a frame's first bytes and counts, never
 * changes a byte, and trusts no length: a frame that is too long or makes no sense, and the framer is
 * lost, which means that the connection is one transaction until it closes. Pure.
 */
#define FRAMER_FRAME_BYTES_MAX                                                           \
	1048576u /* length4; the others cannot say more than 65540 */

enum framing {
	/* One connection is one transaction. */
	FRAMING_CONNECTION,
	/*
	 * ZVT over TCP: CLASS INSTR LEN, LEN FF with a little-endian length of two bytes behind it. A
	 * transaction ends when the terminal's 06 0F or 06 1E is answered, when the terminal refuses the
	 * command (84), or with the answer to a command that has no completion (06 02, idle 06 B0). An answer
	 * of the POS begins none.
	 */
	FRAMING_ZVT,
	/*
	 * The same on a serial line: 10 02, the APDU with each 10 doubled, 10 03, two bytes of CRC; 06
	 * and 15 alone are ACK and NAK. A frame counts when its receiver has sent ACK: so no CRC is
	 * reckoned here. What lies between frames is noise.
	 */
	FRAMING_ZVT_SERIAL,
	/* A big-endian length, itself not counted. As many answers as requests end a transaction. */
	FRAMING_LENGTH2,
	FRAMING_LENGTH4
};
#define FRAMING_WORDS "connection|zvt|zvt-serial|length2|length4"

enum framer_side { FRAMER_POS, FRAMER_TERMINAL };

enum framer_state {
	FRAMER_IDLE, /* between transactions: not a byte of the next one was seen */
	FRAMER_BUSY,
	FRAMER_LOST /* until the connection closes */
};

/* One direction. */
struct framer_half {
	uint32_t phase; /* within a frame; 0: between frames */
	uint32_t left;  /* bytes of the body to come */
	uint32_t bytes; /* of the frame so far */
	uint8_t head[2];
	bool sent; /* zvt-serial: a whole frame waits for its ACK */
};

struct framer {
	enum framing framing;
	enum framer_state state;
	struct framer_half half[2];
	uint32_t open;    /* lengths: requests without an answer */
	bool begun;       /* zvt: the first APDU has come */
	bool completed;   /* zvt: the terminal has said 06 0F or 06 1E */
	bool commanded;   /* zvt: a command waits for its first answer */
	bool answered;    /* zvt-serial: that came, be it acknowledged or not */
	bool short_lived; /* zvt: it has no completion */
};

/* 0 or -EINVAL. */
int framing_parse(const char *word, enum framing *ret_framing);
const char *framing_name(enum framing framing);

void framer_init(struct framer *f, enum framing framing);

/*
 * side has sent these bytes. Takes those that belong to the transaction under way, or begin one, and
 * returns how many: n, or fewer when the transaction ended behind them (*ret_ended). 0 of n > 0 with
 * *ret_ended is possible: the end was known only by what follows. The caller comes again with the
 * rest. A lost framer takes everything.
 */
size_t framer_feed(struct framer *f, enum framer_side side, const uint8_t *data, size_t n,
		   bool *ret_ended);

#endif
