/*
 * The library that adapters are made of, as the template uses it, on a made-up host: each byte of the
 * input but the first, which says how frames are told apart, is something that happens (laned asks, answers, goes and comes; the peer connects, says what
 * follows, hangs up; time goes by; the journal or a timer fails). Every request has at most one
 * completion, and exactly one where laned has not gone meanwhile; nothing of a payment leaves
 * before the journal has it; the end leaves nothing.
 */
#include "../../plugins/sdk/text.c"
#include "../../plugins/sdk/json_in.c"
#include "../../plugins/sdk/json_out.c"
#include "../../plugins/sdk/json_fields.c"
#include "../../plugins/sdk/frames.c"
#include "../../plugins/sdk/link.c"
#include "../../plugins/sdk/calls.c"
#include "../../plugins/sdk/peer.c"
#include "../../plugins/template/messages.c"

#include "unit/sdk_host.h"

#define REQUESTS_MAX 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	void *peer;
	int up;
	uint64_t next_req, first_req; /* of this link */
	uint64_t taken[REQUESTS_MAX];
	size_t taken_count;
	size_t length_width; /* 0: lines */
} run;

static struct laned_key
key_of(uint8_t n)
{
	return (struct laned_key){ { 1, n % 4 } };
}

static void
submit(uint8_t what)
{
	struct laned_request q = { .size = sizeof(q),
				   .type = 1 + what % 8,
				   .req = ++run.next_req,
				   .key = key_of(what >> 4),
				   .ticket = laned_str_of("17"),
				   .amount = 1149,
				   .currency = laned_str_of("EUR"),
				   .token = laned_str_of("t"),
				   .ref = laned_str_of("R1") };

	if (run.taken_count < REQUESTS_MAX && laned_peer_submit(run.peer, &q) == LANED_OK)
		run.taken[run.taken_count++] = q.req;
}

static void
answer(uint8_t what)
{
	static const char *const is[] = { "approved", "declined", "confirmed", "undone",
					  "unknown" };
	char text[160], hex[LANED_KEY_HEX_BYTES];
	struct laned_key key = key_of(what >> 4);
	struct laned_text t;

	laned_key_hex(hex, &key);
	laned_text_init(&t, text, sizeof(text));
	laned_text_add(&t, "{\"id\":1,\"do\":\"answer\",\"amount\":1149,\"key\":\"");
	laned_text_add(&t, hex);
	laned_text_add(&t, "\",\"is\":\"");
	laned_text_add(&t, is[what % 5]);
	laned_text_add(&t, "\"}\n");
	if (run.length_width > 0) {
		uint8_t head[4];

		assert(laned_length_put(head, run.length_width, t.used) == LANED_OK);
		sdk_peer_says((const char *)head, run.length_width);
	}
	sdk_peer_says(text, t.used);
}

static void
link_changes(uint8_t what)
{
	struct laned_entry e = { .size = sizeof(e),
				 .state = 1 + what % 5,
				 .req = ++run.next_req,
				 .key = key_of(what >> 4) };

	run.up = !run.up;
	if (run.up) {
		laned_peer_recover(run.peer, &e, 1);
		run.taken[run.taken_count++] = e.req;
		laned_peer_link(run.peer, 1);
		return;
	}
	laned_peer_link(run.peer, 0);
	/* All are void, and no ack comes. */
	run.taken_count = sdk_host.acks_count = sdk_host.done_count = 0;
	assert(sdk_host.conn == 0 && sdk_host.timers_count == 0);
}

/* Whether the n bytes at p are used up by what happened; how many. */
static size_t
happen(const uint8_t *p, size_t n)
{
	uint8_t what = n > 1 ? p[1] : 0;
	size_t bytes = n - 1 < what % 64u ? n - 1 : what % 64u;
	unsigned before = sdk_host.journals;

	switch (p[0] % 10) {
	case 0:
		submit(what);
		break;
	case 1:
		answer(what);
		break;
	case 2:
		sdk_peer_says((const char *)p + 1, bytes);
		return 1 + bytes;
	case 3:
		sdk_pass_ms(what * 250);
		break;
	case 4:
		if (sdk_host.acks_count > 0)
			sdk_laned_answers(what % 4 == 0 ? LANED_AGAIN : LANED_OK);
		break;
	case 5:
		if (sdk_host.conn != 0)
			sdk_peer_opens();
		break;
	case 6:
		if (sdk_host.conn != 0)
			sdk_peer_closes();
		break;
	case 7:
		link_changes(what);
		break;
	case 8:
		sdk_host.journal_rc = what % 2 ? LANED_OK : LANED_NOT_DURABLE;
		sdk_host.send_rc = what % 3 ? LANED_OK : LANED_AGAIN;
		sdk_host.pos_rc = what % 5 ? LANED_OK : LANED_AGAIN;
		break;
	default:
		sdk_host.fail_timer_in = what % 8;
		sdk_host.fail_alloc_in = what >> 5;
	}
	assert(sdk_host.journals >= before);
	sdk_host.out_n = 0;
	return 2;
}

/* Every request of this link has its completion once enough time has gone by. */
static void
check_completions(void)
{
	for (size_t i = 0; i < run.taken_count; i++) {
		unsigned found = 0;

		for (size_t k = 0; k < sdk_host.done_count; k++)
			found += sdk_host.done[k].req == run.taken[i];
		assert(found == 1);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const laned_framing_fn framings[] = { laned_framing_line,
						     laned_framing_length2,
						     laned_framing_length4 };
	struct laned_protocol protocol = { .option = "peer",
					   .answer_timeout = "answer_timeout",
					   .framing = laned_framing_line,
					   .frame_bytes_max = 4096,
					   .calls_max = 8,
					   .memory_bytes = sizeof(struct message_memory),
					   .read = message_read,
					   .write = message_write,
					   .acknowledge = message_acknowledge };
	size_t at = 1;

	if (size == 0)
		return 0;
	sdk_host_begin();
	memset(&run, 0, sizeof(run));
	run.length_width = 2 * (data[0] % 3u);
	protocol.framing = framings[data[0] % 3];
	if (laned_peer_create(&sdk_host, &sdk_api, &protocol, &run.peer) != LANED_OK)
		abort();
	link_changes(0);
	while (at < size && run.taken_count < REQUESTS_MAX &&
	       sdk_host.done_count < SDK_DONE_MAX / 2)
		at += happen(data + at, size - at);
	sdk_host.fail_timer_in = sdk_host.fail_alloc_in = 0;
	while (sdk_host.acks_count > 0)
		sdk_laned_answers(LANED_OK);
	sdk_pass_ms(200000);
	while (sdk_host.acks_count > 0)
		sdk_laned_answers(LANED_OK);
	if (run.up)
		check_completions();
	laned_peer_stop(run.peer);
	laned_peer_destroy(run.peer);
	assert(sdk_host.allocated == 0 && sdk_host.timers_count == 0 &&
	       sdk_host.conn == 0);
	return 0;
}
