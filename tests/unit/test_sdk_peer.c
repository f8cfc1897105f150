/* As test_sdk_json.c: the sources are used directly. */
#include "../../plugins/sdk/text.c"
#include "../../plugins/sdk/json_in.c"
#include "../../plugins/sdk/json_out.c"
#include "../../plugins/sdk/json_fields.c"
#include "../../plugins/sdk/frames.c"
#include "../../plugins/sdk/link.c"
#include "../../plugins/sdk/calls.c"
#include "../../plugins/sdk/peer.c"

#include "sdk_host.h"
#include "unit.h" /* libcheck has a macro called fail */

/*
 * A protocol of lines without keys of ours: "basket", "claim", "cancel", "nothing", "wrong", "noise",
 * "OUTCOME AMOUNT ID" with the number of an enum laned_outcome. The ID is the first digit of the key. It is
 * told "pay ID", "query ID" ...
 */
static int
test_read(void *memory, char *text, size_t n, struct laned_said *s)
{
	static const char *const kinds[] = { "nothing", "basket", "claim", "cancel" };
	int *count = memory;
	long long amount;
	unsigned outcome;
	int at = 0;

	s->id = ++*count;
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(text, kinds[i]) == 0) {
			s->kind = (enum laned_said_kind)i;
			s->basket.size = sizeof(s->basket);
			return LANED_OK;
		}
	if (strcmp(text, "noise") == 0)
		s->id = 0;
	if (sscanf(text, "%u %lld %n", &outcome, &amount, &at) != 2 || at <= 0)
		return LANED_INVALID;
	s->kind = LANED_SAID_ANSWER;
	s->answer.size = sizeof(s->answer);
	s->answer.outcome = outcome;
	s->answer.amount = amount;
	s->ids = (struct laned_str){ text + at, n - (size_t)at };
	return LANED_OK;
}

static const char *const words[] = {
	[LANED_REQ_OFFER] = "offer",   [LANED_REQ_PAY] = "pay",
	[LANED_REQ_QUERY] = "query",   [LANED_REQ_CONFIRM] = "confirm",
	[LANED_REQ_UNDO] = "undo",     [LANED_REQ_RECEIPT] = "receipt",
	[LANED_REQ_REFUND] = "refund",
};

static int
test_write(void *memory, const struct laned_request *q, struct laned_writing *w)
{
	struct laned_text t;

	(void)memory; /* of the other direction */
	if (q->type >= sizeof(words) / sizeof(words[0]) || words[q->type] == NULL)
		return LANED_UNSUPPORTED;
	laned_text_init(&t, w->buf, w->bytes);
	laned_text_add(&t, words[q->type]);
	laned_text_add(&t, " ");
	laned_text_int(&t, q->key.b[0]);
	laned_text_add(&t, "\n");
	w->text = (struct laned_str){ t.p, t.used };
	/* The id is what stands behind the word, without the end. */
	w->blob.p = t.p + strlen(words[q->type]) + 1;
	w->blob.n = t.used - strlen(words[q->type]) - 2;
	return LANED_OK;
}

static int
test_acknowledge(void *memory, int64_t id, int status, struct laned_writing *w)
{
	struct laned_text t;

	(void)memory;
	(void)id;
	laned_text_init(&t, w->buf, w->bytes);
	laned_text_add(&t, status == LANED_OK ? "+\n" : "-\n");
	w->text = (struct laned_str){ t.p, t.used };
	return LANED_OK;
}

static const struct laned_protocol protocol = { .option = "peer",
						.answer_timeout = "answer_timeout",
						.framing = laned_framing_line,
						.frame_bytes_max = 64,
						.calls_max = 4,
						.memory_bytes = sizeof(int),
						.read = test_read,
						.write = test_write,
						.acknowledge = test_acknowledge };
static void *peer;

static void
say(const char *text)
{
	sdk_peer_says(text, strlen(text));
}

/* What was sent since the last time it was asked. */
static const char *
heard(void)
{
	static char text[SDK_OUT_MAX + 1];

	memcpy(text, sdk_host.out, sdk_host.out_n);
	text[sdk_host.out_n] = '\0';
	sdk_host.out_n = 0;
	return text;
}

static struct laned_request
request(uint32_t type, uint8_t key)
{
	return (struct laned_request){ .size = sizeof(struct laned_request),
				       .type = type,
				       .req = type * 1000 + key,
				       .key = { { key } },
				       .original = { { 99 } },
				       .amount = 1149,
				       .token = laned_str_of("t") };
}

static int
submit(uint32_t type, uint8_t key)
{
	struct laned_request q = request(type, key);

	return laned_peer_submit(peer, &q);
}

static const struct sdk_done *
last(void)
{
	static const struct sdk_done none;

	return sdk_host.done_count == 0 ? &none : &sdk_host.done[sdk_host.done_count - 1];
}

/* Created and linked up; the peer is not there yet. */
static void
launch(const struct laned_protocol *p)
{
	sdk_host_begin();
	ck_assert_int_eq(laned_peer_create(&sdk_host, &sdk_api, p, &peer), LANED_OK);
	ck_assert_int_eq(laned_peer_start(peer), LANED_OK);
	laned_peer_recover(peer, NULL, 0);
	laned_peer_link(peer, 1);
}

static void
launch_open(const struct laned_protocol *p)
{
	launch(p);
	sdk_peer_opens();
}

/* Nothing is left behind. */
static void
end(void)
{
	laned_peer_stop(peer);
	ck_assert_uint_eq(sdk_host.conn, 0);
	ck_assert_uint_eq(sdk_host.timers_count, 0);
	laned_peer_destroy(peer);
	ck_assert_uint_eq(sdk_host.allocated, 0);
}

/* ---- what laned asks for ----------------------------------------------------------------- */

START_TEST(the_journal_has_a_payment_before_it_leaves)
{
	static const uint32_t types[] = { LANED_REQ_PAY, LANED_REQ_REFUND };

	for (unsigned i = 0; i < 2; i++) {
		launch_open(&protocol);
		ck_assert_int_eq(submit(types[i], 7), LANED_OK);
		ck_assert_uint_eq(sdk_host.journals, 0); /* not from inside submit */
		sdk_pass_ms(0);
		ck_assert_uint_eq(sdk_host.journals, 1);
		ck_assert_uint_eq(sdk_host.out_n_at_journal, 0);
		ck_assert_uint_eq(sdk_host.blob_n, 1);
		ck_assert_int_eq(sdk_host.blob[0], '7');
		ck_assert_str_eq(heard(), i == 0 ? "pay 7\n" : "refund 7\n");
		say("1 1149 7\n");
		ck_assert_uint_eq(last()->outcome, LANED_OUT_APPROVED);
		ck_assert_uint_eq(last()->req, types[i] * 1000 + 7);
		ck_assert_int_eq(last()->amount, 1149);
		ck_assert_str_eq(heard(), ""); /* laned has it not yet */
		sdk_laned_answers(LANED_OK);
		ck_assert_str_eq(heard(), "+\n");
		end();
	}
}
END_TEST

START_TEST(what_the_journal_does_not_take_does_not_leave)
{
	launch_open(&protocol);
	sdk_host.journal_rc = LANED_NOT_DURABLE;
	ck_assert_int_eq(submit(LANED_REQ_PAY, 7), LANED_OK);
	sdk_pass_ms(0);
	ck_assert_str_eq(heard(), "");
	ck_assert_uint_eq(last()->outcome, LANED_OUT_NOT_SENT);
	end();
}
END_TEST

START_TEST(what_could_not_be_sent_is_uncertain_if_it_moves_money)
{
	for (uint32_t type = LANED_REQ_OFFER; type <= LANED_REQ_REFUND; type++) {
		if (type == LANED_REQ_ANSWER)
			continue;
		launch_open(&protocol);
		sdk_host.send_rc = LANED_AGAIN;
		ck_assert_int_eq(submit(type, 7), LANED_OK);
		sdk_pass_ms(0);
		ck_assert_uint_eq(sdk_host.done_count, 1);
		ck_assert_uint_eq(last()->outcome,
				  type == LANED_REQ_PAY || type == LANED_REQ_REFUND
					  ? LANED_OUT_UNKNOWN
					  : LANED_OUT_NOT_SENT);
		end();
	}
}
END_TEST

/* New things do not wait for a peer that is away; questions do, in their order. */
START_TEST(only_questions_wait_for_a_peer_that_is_away)
{
	launch(&protocol);
	for (uint32_t type = LANED_REQ_OFFER; type <= LANED_REQ_PAY; type++) {
		ck_assert_int_eq(submit(type, 7), LANED_OK);
		sdk_pass_ms(0);
		ck_assert_uint_eq(last()->outcome, LANED_OUT_NOT_SENT);
		ck_assert_uint_eq(sdk_host.journals, 0);
	}
	ck_assert_int_eq(submit(LANED_REQ_QUERY, 7), LANED_OK);
	ck_assert_int_eq(submit(LANED_REQ_UNDO, 8), LANED_OK);
	sdk_pass_ms(500);
	ck_assert_uint_eq(sdk_host.done_count, 2);
	sdk_peer_opens();
	ck_assert_str_eq(heard(), "query 7\nundo 8\n");
	end();
	launch(&protocol);
	ck_assert_int_eq(submit(LANED_REQ_QUERY, 7), LANED_OK);
	sdk_pass_ms(sdk_host.answer_ms);
	ck_assert_uint_eq(last()->outcome, LANED_OUT_UNKNOWN);
	end();
}
END_TEST

START_TEST(an_offer_is_done_when_it_is_sent)
{
	launch_open(&protocol);
	ck_assert_int_eq(submit(LANED_REQ_OFFER, 0), LANED_OK);
	ck_assert_int_eq(submit(LANED_REQ_RECEIPT, 0), LANED_OK);
	sdk_pass_ms(0);
	ck_assert_uint_eq(sdk_host.done_count, 2);
	ck_assert_uint_eq(last()->outcome, LANED_OUT_DONE);
	ck_assert_uint_eq(sdk_host.journals, 0);
	end();
}
END_TEST

START_TEST(silence_is_unknown_after_the_limit_and_an_answer_then_is_late)
{
	launch_open(&protocol);
	ck_assert_int_eq(submit(LANED_REQ_PAY, 7), LANED_OK);
	sdk_pass_ms(59999);
	ck_assert_uint_eq(sdk_host.done_count, 0);
	sdk_pass_ms(1);
	ck_assert_uint_eq(last()->outcome, LANED_OUT_UNKNOWN);
	sdk_host.find_key = (struct laned_key){ { 7 } };
	say("1 1149 7\n");
	ck_assert_uint_eq(last()->flags, LANED_RESULT_LATE);
	ck_assert_uint_eq(last()->outcome, LANED_OUT_APPROVED);
	ck_assert_uint_eq(last()->key.b[0], 7);
	sdk_laned_answers(LANED_OK);
	end();
}
END_TEST

START_TEST(a_peer_that_goes_away_leaves_what_was_sent_unknown)
{
	launch_open(&protocol);
	ck_assert_int_eq(submit(LANED_REQ_PAY, 7), LANED_OK);
	ck_assert_int_eq(submit(LANED_REQ_CONFIRM, 8), LANED_OK);
	sdk_pass_ms(0);
	sdk_peer_closes();
	ck_assert_uint_eq(sdk_host.done_count, 2);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_uint_eq(sdk_host.done[i].outcome, LANED_OUT_UNKNOWN);
	end();
}
END_TEST

/* The words for money do not answer a confirm or an undo, and the other way round. */
START_TEST(an_answer_ends_only_what_it_answers)
{
	static const uint32_t outcomes[] = { LANED_OUT_APPROVED,    LANED_OUT_PARTIAL,
					     LANED_OUT_DECLINED,    LANED_OUT_CANCELLED,
					     LANED_OUT_IN_PROGRESS, LANED_OUT_CONFIRMED,
					     LANED_OUT_UNDONE,      LANED_OUT_NOT_FOUND,
					     LANED_OUT_UNKNOWN };
	static const uint32_t types[] = { LANED_REQ_PAY, LANED_REQ_QUERY,
					  LANED_REQ_REFUND, LANED_REQ_CONFIRM,
					  LANED_REQ_UNDO };

	for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++)
		for (size_t k = 0; k < sizeof(types) / sizeof(types[0]); k++) {
			int settles = types[k] == LANED_REQ_CONFIRM ||
				      types[k] == LANED_REQ_UNDO;
			int of_both = outcomes[i] == LANED_OUT_NOT_FOUND ||
				      outcomes[i] == LANED_OUT_UNKNOWN;
			int of_settling = outcomes[i] == LANED_OUT_CONFIRMED ||
					  outcomes[i] == LANED_OUT_UNDONE;
			char text[32];

			launch_open(&protocol);
			ck_assert_int_eq(submit(types[k], 7), LANED_OK);
			sdk_pass_ms(0);
			(void)snprintf(text, sizeof(text), "%u 1149 7\n", outcomes[i]);
			say(text);
			ck_assert_uint_eq(sdk_host.done_count, 1);
			ck_assert_uint_eq(last()->flags, of_both || of_settling == settles
								 ? 0u
								 : LANED_RESULT_LATE);
			end();
		}
}
END_TEST

START_TEST(an_answer_that_laned_cannot_store_comes_again_and_counts_once)
{
	launch_open(&protocol);
	ck_assert_int_eq(submit(LANED_REQ_PAY, 7), LANED_OK);
	sdk_pass_ms(0);
	(void)heard(); /* "pay 7" */
	say("1 1149 7\nbasket\n");
	sdk_laned_answers(LANED_AGAIN);
	ck_assert_uint_eq(sdk_host.done_count, 0);
	ck_assert_uint_eq(sdk_host.baskets, 0); /* one after the other */
	sdk_pass_ms(1000);
	ck_assert_uint_eq(last()->req, LANED_REQ_PAY * 1000 + 7);
	sdk_laned_answers(LANED_OK);
	ck_assert_uint_eq(sdk_host.baskets, 1);
	ck_assert_str_eq(heard(), "+\n");
	sdk_laned_answers(LANED_REFUSED);
	ck_assert_str_eq(heard(), "-\n");
	end();
}
END_TEST

/* While laned stores the answer, neither the limit nor the end of the connection makes another one. */
START_TEST(an_answer_on_its_way_to_laned_is_the_only_one)
{
	for (unsigned i = 0; i < 2; i++) {
		launch_open(&protocol);
		ck_assert_int_eq(submit(LANED_REQ_PAY, 7), LANED_OK);
		sdk_pass_ms(0);
		say("1 1149 7\n");
		if (i == 0)
			sdk_pass_ms(60000);
		else
			sdk_peer_closes();
		ck_assert_uint_eq(sdk_host.done_count, 1);
		ck_assert_uint_eq(last()->outcome, LANED_OUT_APPROVED);
		sdk_laned_answers(LANED_OK);
		ck_assert_uint_eq(sdk_host.done_count, 1);
		end();
	}
}
END_TEST

START_TEST(recovered_payments_are_asked_about_or_undone)
{
	const struct laned_entry entries[] = {
		{ .size = sizeof(entries[0]),
		  .state = LANED_J_SENDING,
		  .req = 1,
		  .key = { { 1 } } },
		{ .size = sizeof(entries[0]),
		  .state = LANED_J_UNDO_QUEUED,
		  .req = 2,
		  .key = { { 2 } } },
		{ .size = sizeof(entries[0]),
		  .state = LANED_J_UNKNOWN,
		  .req = 3,
		  .key = { { 3 } },
		  .flags = LANED_ENTRY_REFUND },
		{ .size = sizeof(entries[0]),
		  .state = LANED_J_APPROVED,
		  .req = 4,
		  .key = { { 4 } } },
		{ .size = sizeof(entries[0]),
		  .state = LANED_J_SENDING,
		  .req = 5,
		  .key = { { 5 } } },
	};

	sdk_host_begin();
	ck_assert_int_eq(laned_peer_create(&sdk_host, &sdk_api, &protocol, &peer),
			 LANED_OK);
	laned_peer_recover(peer, entries, 5);
	/* The fifth is one too many: laned asks again. */
	ck_assert_uint_eq(sdk_host.done_count, 1);
	ck_assert_uint_eq(last()->req, 5);
	ck_assert_uint_eq(last()->outcome, LANED_OUT_UNKNOWN);
	laned_peer_link(peer, 1);
	sdk_pass_ms(0);
	sdk_peer_opens();
	ck_assert_str_eq(heard(), "query 1\nundo 2\nquery 3\nquery 4\n");
	ck_assert_uint_eq(sdk_host.journals, 0);
	end();
}
END_TEST

static const struct {
	uint32_t type;
	uint8_t key, original;
	int64_t amount;
	const char *token, *ref;
	int status;
} submits[] = {
	{ LANED_REQ_PAY, 7, 0, 1149, "t", "", LANED_OK },
	{ LANED_REQ_PAY, 0, 0, 1149, "t", "", LANED_INVALID },
	{ LANED_REQ_PAY, 7, 0, 0, "t", "", LANED_INVALID },
	{ LANED_REQ_PAY, 7, 0, -1, "t", "", LANED_INVALID },
	{ LANED_REQ_PAY, 7, 0, 1149, "", "", LANED_INVALID },
	{ LANED_REQ_REFUND, 7, 1, 1149, "", "", LANED_OK },
	{ LANED_REQ_REFUND, 7, 0, 1149, "", "R1", LANED_OK },
	{ LANED_REQ_REFUND, 7, 0, 1149, "", "", LANED_INVALID },
	{ LANED_REQ_REFUND, 7, 1, 0, "", "", LANED_INVALID },
	{ LANED_REQ_QUERY, 7, 0, 0, "", "", LANED_OK },
	{ LANED_REQ_QUERY, 0, 0, 0, "", "", LANED_INVALID },
	{ LANED_REQ_OFFER, 0, 0, 0, "", "", LANED_OK },
	{ LANED_REQ_ANSWER, 7, 0, 1149, "", "", LANED_UNSUPPORTED },
	{ 77, 7, 0, 0, "", "", LANED_UNSUPPORTED },
};

START_TEST(what_is_not_taken_has_no_completion)
{
	for (size_t i = 0; i < sizeof(submits) / sizeof(submits[0]); i++) {
		struct laned_request q = request(submits[i].type, submits[i].key);

		launch_open(&protocol);
		q.original.b[0] = submits[i].original;
		q.amount = submits[i].amount;
		q.token = laned_str_of(submits[i].token);
		q.ref = laned_str_of(submits[i].ref);
		ck_assert_int_eq(laned_peer_submit(peer, &q), submits[i].status);
		sdk_pass_ms(100000);
		ck_assert_uint_eq(sdk_host.done_count, submits[i].status == LANED_OK);
		end();
	}
	launch_open(&protocol);
	for (uint8_t key = 1; key <= 4; key++)
		ck_assert_int_eq(submit(LANED_REQ_PAY, key), LANED_OK);
	ck_assert_int_eq(submit(LANED_REQ_PAY, 5), LANED_AGAIN);
	laned_peer_link(peer, 0);
	ck_assert_int_eq(submit(LANED_REQ_PAY, 5), LANED_GONE);
	sdk_pass_ms(100000); /* all are void, and recover brings them */
	ck_assert_uint_eq(sdk_host.done_count, 0);
	end();
}
END_TEST

START_TEST(a_key_is_found_by_the_ids_of_the_protocol)
{
	launch_open(&protocol);
	ck_assert_int_eq(submit(LANED_REQ_PAY, 7), LANED_OK);
	sdk_pass_ms(0);
	sdk_host.find_rc = LANED_MISSING;
	say("1 1149 8\n"); /* nobody's */
	ck_assert_uint_eq(sdk_host.done_count, 0);
	ck_assert_str_eq(heard(), "pay 7\n-\n");
	sdk_host.find_rc = LANED_AGAIN;
	say("1 1149 8\n");
	ck_assert_str_eq(heard(), ""); /* laned cannot say now */
	sdk_host.find_rc = LANED_OK;
	sdk_host.find_key = (struct laned_key){ { 8 } };
	sdk_pass_ms(1000);
	ck_assert_uint_eq(last()->key.b[0], 8);
	ck_assert_uint_eq(last()->flags, LANED_RESULT_LATE);
	sdk_laned_answers(LANED_OK);
	say("1 1149 7\n");
	ck_assert_uint_eq(last()->key.b[0], 7);
	ck_assert_uint_eq(last()->flags, 0);
	end();
}
END_TEST

/* ---- the connection ---------------------------------------------------------------------- */

START_TEST(each_try_to_connect_waits_longer_and_success_forgets_that)
{
	static const uint32_t waits[] = { 1000, 2000, 4000, 8000, 16000, 30000, 30000 };

	launch(&protocol);
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		unsigned opens = sdk_host.opens;

		sdk_peer_closes();
		sdk_pass_ms(waits[i] - 1);
		ck_assert_uint_eq(sdk_host.opens, opens);
		sdk_pass_ms(1);
		ck_assert_uint_eq(sdk_host.opens, opens + 1);
	}
	sdk_peer_opens();
	sdk_host.open_rc = LANED_AGAIN; /* the host refuses at once */
	sdk_peer_closes();
	sdk_pass_ms(1000);
	sdk_host.open_rc = LANED_OK;
	sdk_pass_ms(2000);
	ck_assert_uint_ne(sdk_host.conn, 0);
	end();
}
END_TEST

START_TEST(baskets_claims_and_cancels_are_acknowledged_when_laned_has_them)
{
	launch_open(&protocol);
	say("bas");
	say("ket\nclaim\ncancel\nnothing\nwrong\n");
	ck_assert_uint_eq(sdk_host.baskets, 1);
	sdk_laned_answers(LANED_OK);
	ck_assert_uint_eq(sdk_host.claims, 1);
	sdk_laned_answers(LANED_INVALID);
	ck_assert_uint_eq(sdk_host.cancels, 1);
	ck_assert_str_eq(heard(), "+\n-\n");
	sdk_laned_answers(LANED_OK);
	ck_assert_str_eq(heard(), "+\n+\n-\n");
	end();
}
END_TEST

START_TEST(what_laned_refuses_now_is_given_to_it_again)
{
	launch_open(&protocol);
	sdk_host.pos_rc = LANED_AGAIN;
	say("basket\nbasket\n");
	ck_assert_uint_eq(sdk_host.baskets, 1);
	sdk_pass_ms(999);
	say("basket\n");
	ck_assert_uint_eq(sdk_host.baskets, 1);
	sdk_host.pos_rc = LANED_OK;
	sdk_pass_ms(1);
	ck_assert_uint_eq(sdk_host.baskets, 2);
	sdk_laned_answers(LANED_OK);
	ck_assert_uint_eq(sdk_host.baskets, 3);
	end();
}
END_TEST

/* The ack of what the old connection said does not end what the new one says. */
START_TEST(an_ack_of_the_old_connection_is_not_for_the_new_one)
{
	launch_open(&protocol);
	say("basket\n");
	sdk_peer_closes();
	sdk_pass_ms(1000);
	sdk_peer_opens();
	say("claim\n");
	ck_assert_uint_eq(sdk_host.claims, 0); /* laned still has the basket */
	sdk_laned_answers(LANED_OK);
	ck_assert_str_eq(heard(), "");
	ck_assert_uint_eq(sdk_host.claims, 1);
	sdk_laned_answers(LANED_OK);
	ck_assert_str_eq(heard(), "+\n");
	end();
}
END_TEST

START_TEST(noise_ends_the_connection_and_it_comes_back)
{
	static const char *const noise[] = {
		"noise\nbasket\n",
		"0123456789012345678901234567890123456789012345678901234567890123456789",
	};

	struct laned_health h = { .size = sizeof(h) };

	for (size_t i = 0; i < sizeof(noise) / sizeof(noise[0]); i++) {
		launch_open(&protocol);
		say(noise[i]);
		ck_assert_uint_eq(sdk_host.conn, 0);
		ck_assert_uint_eq(sdk_host.closes, 1);
		ck_assert_uint_eq(sdk_host.baskets, 0);
		ck_assert_uint_ge(sdk_host.logs, 1);
		laned_peer_health(peer, &h);
		ck_assert_uint_eq(h.received, 0);
		sdk_pass_ms(1000);
		sdk_peer_opens();
		say("basket\n");
		ck_assert_uint_eq(sdk_host.baskets, 1);
		end();
	}
}
END_TEST

START_TEST(an_acknowledgement_that_cannot_be_sent_ends_the_connection)
{
	launch_open(&protocol);
	say("basket\n");
	sdk_host.send_rc = LANED_AGAIN;
	sdk_laned_answers(LANED_OK);
	ck_assert_uint_eq(sdk_host.conn, 0);
	end();
}
END_TEST

START_TEST(a_protocol_may_have_no_acknowledgements)
{
	struct laned_protocol silent = protocol;

	silent.acknowledge = NULL;
	launch_open(&silent);
	say("basket\n");
	sdk_laned_answers(LANED_OK);
	ck_assert_str_eq(heard(), "");
	say("claim\n");
	ck_assert_uint_eq(sdk_host.claims, 1);
	end();
}
END_TEST

/* What came in one piece is more than waits unread; but nothing of it has to wait. */
START_TEST(many_small_frames_may_come_in_one_piece)
{
	char text[200] = "";

	launch_open(&protocol);
	for (int i = 0; i < 20; i++)
		strcat(text, "nothing\n");
	say(strcat(text, "basket\n"));
	ck_assert_uint_eq(sdk_host.closes, 0);
	ck_assert_uint_eq(sdk_host.baskets, 1);
	/* While laned has the basket, they wait; and more than is allowed ends it, as before. */
	text[160] = '\0';
	say(text + 120);
	ck_assert_uint_eq(sdk_host.closes, 0);
	say(text);
	ck_assert_uint_eq(sdk_host.closes, 1);
	end();
}
END_TEST

START_TEST(health_tells_what_is_there)
{
	struct laned_health h = { .size = sizeof(h) };

	launch(&protocol);
	laned_peer_health(peer, &h);
	ck_assert_uint_eq(h.state, LANED_HEALTH_DEGRADED);
	ck_assert_str_eq(h.note, "the peer is not there");
	sdk_peer_opens();
	ck_assert_int_eq(submit(LANED_REQ_PAY, 7), LANED_OK);
	sdk_pass_ms(0);
	say("wrong\n");
	laned_peer_health(peer, &h);
	ck_assert_uint_eq(h.state, LANED_HEALTH_UP);
	ck_assert_str_eq(h.note, "");
	ck_assert_uint_eq(h.pending, 1);
	ck_assert_uint_eq(h.sent, 1);
	ck_assert_uint_eq(h.received, 1);
	ck_assert_uint_eq(h.errors, 1);
	laned_peer_link(peer, 0);
	laned_peer_health(peer, &h);
	ck_assert_uint_eq(h.state, LANED_HEALTH_DOWN);
	end();
}
END_TEST

/* ---- everything fails once ---------------------------------------------------------------- */

/* A payment, and a basket in between. */
static void
course(void)
{
	laned_peer_recover(peer, NULL, 0);
	laned_peer_link(peer, 1);
	for (unsigned i = 0; i < 40 && sdk_host.conn == 0; i++)
		sdk_pass_ms(1000);
	if (sdk_host.conn != 0)
		sdk_peer_opens();
	if (submit(LANED_REQ_PAY, 7) == LANED_OK)
		sdk_pass_ms(0);
	say("basket\n1 1149 7\n");
	while (sdk_host.acks_count > 0)
		sdk_laned_answers(LANED_AGAIN);
	sdk_pass_ms(1000);
	while (sdk_host.acks_count > 0)
		sdk_laned_answers(LANED_OK);
	sdk_pass_ms(200000);
}

START_TEST(each_allocation_and_timer_that_fails_costs_at_most_the_request)
{
	for (unsigned kind = 0; kind < 2; kind++)
		for (unsigned n = 1; n < 24; n++) {
			size_t taken;

			sdk_host_begin();
			if (kind == 0)
				sdk_host.fail_alloc_in = n;
			else
				sdk_host.fail_timer_in = n;
			if (laned_peer_create(&sdk_host, &sdk_api, &protocol, &peer) !=
			    LANED_OK) {
				ck_assert_uint_eq(sdk_host.allocated, 0);
				continue;
			}
			course();
			taken = sdk_host.done_count;
			for (size_t i = 0; i < taken; i++)
				ck_assert(
					sdk_host.done[i].outcome == LANED_OUT_APPROVED ||
					sdk_host.done[i].outcome == LANED_OUT_UNKNOWN ||
					(sdk_host.done[i].outcome == LANED_OUT_NOT_SENT &&
					 sdk_host.journals == 0));
			end();
		}
}
END_TEST

UNIT_MAIN("sdk_peer", the_journal_has_a_payment_before_it_leaves,
	  what_the_journal_does_not_take_does_not_leave,
	  what_could_not_be_sent_is_uncertain_if_it_moves_money,
	  only_questions_wait_for_a_peer_that_is_away, an_offer_is_done_when_it_is_sent,
	  silence_is_unknown_after_the_limit_and_an_answer_then_is_late,
	  a_peer_that_goes_away_leaves_what_was_sent_unknown,
	  an_answer_ends_only_what_it_answers,
	  an_answer_that_laned_cannot_store_comes_again_and_counts_once,
	  an_answer_on_its_way_to_laned_is_the_only_one,
	  recovered_payments_are_asked_about_or_undone,
	  what_is_not_taken_has_no_completion, a_key_is_found_by_the_ids_of_the_protocol,
	  each_try_to_connect_waits_longer_and_success_forgets_that,
	  baskets_claims_and_cancels_are_acknowledged_when_laned_has_them,
	  what_laned_refuses_now_is_given_to_it_again,
	  an_ack_of_the_old_connection_is_not_for_the_new_one,
	  noise_ends_the_connection_and_it_comes_back,
	  an_acknowledgement_that_cannot_be_sent_ends_the_connection,
	  a_protocol_may_have_no_acknowledgements,
	  many_small_frames_may_come_in_one_piece, health_tells_what_is_there,
	  each_allocation_and_timer_that_fails_costs_at_most_the_request)
