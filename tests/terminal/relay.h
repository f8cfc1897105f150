#ifndef LANED_TESTS_TERMINAL_RELAY_H
#define LANED_TESTS_TERMINAL_RELAY_H

/* What the files of the test adapter share. */
#include "frames.h"
#include "laned/sdk.h"

#define PEERS_MAX 16u
#define FRAME_BYTES_MAX 65536u
#define NODES_MAX 1024u
#define LINES_MAX 128u
#define ID_BYTES 64u
#define ANSWER_BYTES 1024u

enum peer_state {
	FREE,
	READING,
	ASKED,    /* a pay request waits for laned's answer */
	ANSWERED, /* result is out; done, undo or repeat may come */
	OPENING,  /* a frame waits for the terminal's connection */
	PASSING,  /* the host's, until the transaction has ended */
	BASKET    /* laned has not taken it yet */
};

struct relay;

struct peer {
	struct relay *r;
	enum peer_state state;
	uint64_t conn, terminal;
	uint8_t *buf,
		*held; /* what the POS sent; the frame that may have to be passed on */
	size_t n, held_n;
	int ended; /* the POS sends no more, and waits for its answer */
	char id[ID_BYTES];
	struct laned_key key;
	uint64_t req; /* the open LANED_REQ_ANSWER */
	/* What was sent last, for a NAK of a serial line. */
	uint8_t last[1 + FRAMES_ROOM(ANSWER_BYTES)];
	size_t last_n;
	char refused[ID_BYTES]; /* the last request that was answered with a "no" */
};

struct relay {
	struct laned_host *h;
	const struct laned_host_api *api;
	uint64_t passed, asked, listener;
	int64_t answer_done, half;
	struct laned_str fault;
	enum frames_kind frames;
	struct laned_json_node nodes[NODES_MAX];
	struct laned_line lines[LINES_MAX];
	char text[FRAME_BYTES_MAX];
	struct peer peers[PEERS_MAX];
};

/* The callbacks of the listener on "pos". */
extern const struct laned_conn_events relay_pos_events;

void relay_peer_free(struct peer *p);
/* Ends the open answer of p, if there is one. */
void relay_complete(struct peer *p, uint32_t outcome);
/* The held frame goes to the terminal, and what follows is not ours until its answer is out. */
void relay_pass(struct peer *p);
/* Sends a message; o is open. */
int relay_answer(struct peer *p, struct laned_json_out *o);
/* Tells the POS how a message of its went: an enum laned_status. */
void relay_status(struct peer *p, int status);
/* What became of a basket, of the peer user. */
void relay_basket_stored(void *user, int status);
/* The next frames, if p waits for one. */
void relay_work(struct peer *p);

#endif
