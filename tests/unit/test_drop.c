/*
 * The drop adapter in this process, on the made-up host of drop_kit.h: paying, and recovery after
 * a crash. What the POS writes by itself is in test_drop_intake.c.
 */
#include "../../plugins/sdk/text.c"
#include "../../plugins/sdk/json_in.c"
#include "../../plugins/sdk/json_out.c"
#include "../../plugins/drop/messages.c"
#include "../../plugins/drop/requests.c"
#include "../../plugins/drop/intake.c"
#include "../../plugins/drop/drop.c"

#include "drop_kit.h"
#include "unit.h" /* libcheck has a macro called fail */

#include <stddef.h>

/* ---- paying -------------------------------------------------------------------------------- */

START_TEST(journal_comes_before_the_file)
{
	drop_kit_launch_up(laned_adapter_v0);
	drop_kit_submit_ok(LANED_REQ_PAY, 5, KEY_A);
	ck_assert_uint_eq(drop_kit_host.events_count, 2);
	ck_assert_uint_eq(drop_kit_host.events[0].kind, JOURNAL);
	ck_assert_uint_eq(drop_kit_host.events[0].req, 5);
	ck_assert_uint_eq(drop_kit_host.events[1].kind, PUT);
	ck_assert_str_eq(drop_kit_host.events[1].name, KEY_A ".pay.json");
	drop_kit_end();
}
END_TEST

START_TEST(submit_itself_does_nothing_yet)
{
	struct laned_request q = drop_kit_request(LANED_REQ_PAY, 5, KEY_A);

	drop_kit_launch_up(laned_adapter_v0);
	ck_assert_int_eq(drop_kit_table->submit(drop_kit_drop, &q), LANED_OK);
	ck_assert_uint_eq(drop_kit_host.events_count, 0);
	drop_kit_end();
}
END_TEST

START_TEST(not_durable_means_not_sent)
{
	drop_kit_launch_up(laned_adapter_v0);
	drop_kit_host.journal_rc = LANED_NOT_DURABLE;
	drop_kit_submit_ok(LANED_REQ_PAY, 5, KEY_A);
	ck_assert_uint_eq(drop_kit_count(PUT), 0);
	ck_assert_uint_eq(drop_kit_last(COMPLETE)->outcome, LANED_OUT_NOT_SENT);
	drop_kit_end();
}
END_TEST

START_TEST(a_failed_put_is_unknown_and_not_declined)
{
	drop_kit_launch_up(laned_adapter_v0);
	drop_kit_host.put_rc = LANED_IO;
	drop_kit_submit_ok(LANED_REQ_PAY, 5, KEY_A);
	ck_assert_uint_eq(drop_kit_last(COMPLETE)->outcome, LANED_OUT_UNKNOWN);
	ck_assert_uint_eq(drop_kit_count(COMPLETE), 1);
	drop_kit_end();
}
END_TEST

static const struct {
	const char *word;
	uint32_t outcome;
} result_words[] = {
	{ RESULT(KEY_A, "approved"), LANED_OUT_APPROVED },
	{ RESULT(KEY_A, "partial"), LANED_OUT_PARTIAL },
	{ RESULT(KEY_A, "declined"), LANED_OUT_DECLINED },
	{ RESULT(KEY_A, "cancelled"), LANED_OUT_CANCELLED },
	{ RESULT(KEY_A, "unknown"), LANED_OUT_UNKNOWN },
	{ RESULT(KEY_A, "not-found"), LANED_OUT_NOT_FOUND },
};

START_TEST(every_outcome_is_told_as_it_is_and_its_file_goes_last)
{
	for (size_t i = 0; i < sizeof(result_words) / sizeof(result_words[0]); i++) {
		drop_kit_launch_up(laned_adapter_v0);
		drop_kit_submit_ok(LANED_REQ_PAY, 5, KEY_A);
		drop_kit_pos_writes(KEY_A ".result.json", result_words[i].word);
		ck_assert_uint_eq(drop_kit_last(COMPLETE)->outcome,
				  result_words[i].outcome);
		ck_assert_uint_eq(drop_kit_last(COMPLETE)->req, 5);
		ck_assert_int_eq(drop_kit_last(COMPLETE)->amount, 1149);
		ck_assert_uint_eq(drop_kit_last(COMPLETE)->flags, 0);
		ck_assert(drop_kit_in_folder("in", KEY_A
					     ".result.json")); /* until laned has it */
		drop_kit_acknowledge(LANED_OK);
		ck_assert(!drop_kit_in_folder("in", KEY_A ".result.json"));
		drop_kit_fire(60000); /* no timer of the request is left */
		ck_assert_uint_eq(drop_kit_count(COMPLETE), 1);
		drop_kit_end();
	}
}
END_TEST

/* What an approval without an amount is worth, laned decides: the answer is not dropped. */
START_TEST(an_approval_without_an_amount_is_told_without_one)
{
	static const char *const words[] = { "approved", "partial" };
	char text[128];

	for (size_t i = 0; i < 2; i++) {
		drop_kit_launch_up(laned_adapter_v0);
		drop_kit_submit_ok(LANED_REQ_PAY, 5, KEY_A);
		(void)snprintf(text, sizeof(text),
			       "{\"v\":1,\"key\":\"" KEY_A "\",\"outcome\":\"%s\"}",
			       words[i]);
		drop_kit_pos_writes(KEY_A ".result.json", text);
		drop_kit_acknowledge_all();
		ck_assert_uint_eq(drop_kit_last(COMPLETE)->outcome,
				  i == 0 ? LANED_OUT_APPROVED : LANED_OUT_PARTIAL);
		ck_assert_int_lt(drop_kit_last(COMPLETE)->amount, 0);
		ck_assert_uint_eq(drop_kit_count(ASIDE), 0);
		drop_kit_end();
	}
}
END_TEST

START_TEST(an_answer_that_cannot_be_stored_waits_and_the_sale_goes_on)
{
	drop_kit_launch_up(laned_adapter_v0);
	drop_kit_submit_ok(LANED_REQ_PAY, 5, KEY_A);
	drop_kit_put("in", "17.basket.json", BASKET_1);
	drop_kit_pos_writes(KEY_A ".result.json", RESULT(KEY_A, "approved"));
	ck_assert_uint_eq(drop_kit_count(BASKET), 0);
	drop_kit_acknowledge(LANED_AGAIN);
	ck_assert(drop_kit_in_folder("in", KEY_A ".result.json"));
	ck_assert_uint_eq(drop_kit_count(BASKET), 1);
	drop_kit_acknowledge(LANED_OK);
	ck_assert(!drop_kit_in_folder("in", "17.basket.json"));
	drop_kit_fire(1000);
	ck_assert_uint_eq(drop_kit_count(COMPLETE), 2);
	ck_assert_uint_eq(drop_kit_last(COMPLETE)->req, 5);
	drop_kit_acknowledge(LANED_OK);
	ck_assert(!drop_kit_in_folder("in", KEY_A ".result.json"));
	drop_kit_end();
}
END_TEST

START_TEST(in_progress_answers_a_query_and_leaves_the_payment_open)
{
	drop_kit_launch_up(laned_adapter_v0);
	drop_kit_submit_ok(LANED_REQ_PAY, 5, KEY_A);
	drop_kit_pos_writes(KEY_A ".result.json", RESULT(KEY_A, "in-progress"));
	ck_assert_uint_eq(drop_kit_count(COMPLETE), 0);
	ck_assert(!drop_kit_in_folder("in", KEY_A ".result.json"));
	drop_kit_submit_ok(LANED_REQ_QUERY, 6, KEY_A);
	drop_kit_pos_writes(KEY_A ".result.json", RESULT(KEY_A, "in-progress"));
	drop_kit_acknowledge_all();
	ck_assert_uint_eq(drop_kit_count(COMPLETE), 1);
	ck_assert_uint_eq(drop_kit_last(COMPLETE)->req, 6);
	drop_kit_pos_writes(KEY_A ".result.json", RESULT(KEY_A, "approved"));
	drop_kit_acknowledge_all();
	ck_assert_uint_eq(drop_kit_last(COMPLETE)->req, 5);
	ck_assert_uint_eq(drop_kit_last(COMPLETE)->outcome, LANED_OUT_APPROVED);
	drop_kit_end();
}
END_TEST

START_TEST(silence_becomes_unknown_and_the_late_answer_is_told)
{
	drop_kit_launch_up(laned_adapter_v0);
	drop_kit_submit_ok(LANED_REQ_PAY, 5, KEY_A);
	drop_kit_fire(60000);
	ck_assert_uint_eq(drop_kit_last(COMPLETE)->outcome, LANED_OUT_UNKNOWN);
	drop_kit_pos_writes(KEY_A ".result.json", RESULT(KEY_A, "approved"));
	drop_kit_acknowledge(LANED_OK);
	ck_assert_uint_eq(drop_kit_count(COMPLETE), 2);
	ck_assert_uint_eq(drop_kit_last(COMPLETE)->flags, LANED_RESULT_LATE);
	ck_assert_uint_eq(drop_kit_last(COMPLETE)->outcome, LANED_OUT_APPROVED);
	ck_assert(!drop_kit_in_folder("in", KEY_A ".result.json"));
	drop_kit_end();
}
END_TEST

START_TEST(an_answer_that_laned_could_not_take_is_told_again)
{
	drop_kit_launch_up(laned_adapter_v0);
	drop_kit_submit_ok(LANED_REQ_PAY, 5, KEY_A);
	drop_kit_pos_writes(KEY_A ".result.json", RESULT(KEY_A, "approved"));
	drop_kit_acknowledge(LANED_AGAIN);
	ck_assert(drop_kit_in_folder("in", KEY_A ".result.json"));
	drop_kit_fire(1000);
	ck_assert_uint_eq(drop_kit_count(COMPLETE), 2);
	ck_assert_uint_eq(drop_kit_last(COMPLETE)->req, 5);
	ck_assert_uint_eq(drop_kit_last(COMPLETE)->flags, 0);
	drop_kit_acknowledge(LANED_OK);
	ck_assert(!drop_kit_in_folder("in", KEY_A ".result.json"));
	drop_kit_end();
}
END_TEST

START_TEST(query_and_undo_withdraw_the_untaken_payment_first)
{
	static const uint32_t types[] = { LANED_REQ_QUERY, LANED_REQ_UNDO };
	static const char *const files[] = { KEY_A ".query.json", KEY_A ".undo.json" };

	for (size_t i = 0; i < 2; i++) {
		drop_kit_launch_up(laned_adapter_v0);
		drop_kit_submit_ok(LANED_REQ_PAY, 5, KEY_A);
		drop_kit_submit_ok(types[i], 6, KEY_A);
		ck_assert(!drop_kit_in_folder("out", KEY_A ".pay.json"));
		ck_assert(drop_kit_in_folder("out", files[i]));
		ck_assert_uint_eq(
			drop_kit_host.events[drop_kit_host.events_count - 1].kind, PUT);
		ck_assert_uint_eq(
			drop_kit_host.events[drop_kit_host.events_count - 2].kind,
			REMOVE);
		drop_kit_end();
	}
}
END_TEST

START_TEST(confirm_and_undo_end_with_what_the_pos_says)
{
	static const struct {
		uint32_t type;
		const char *text;
		uint32_t outcome;
	} rows[] = {
		{ LANED_REQ_CONFIRM, DONE(KEY_A, "confirmed"), LANED_OUT_CONFIRMED },
		{ LANED_REQ_UNDO, DONE(KEY_A, "undone"), LANED_OUT_UNDONE },
		{ LANED_REQ_UNDO, DONE(KEY_A, "not-found"), LANED_OUT_NOT_FOUND },
		{ LANED_REQ_UNDO, DONE(KEY_A, "confirmed"), LANED_OUT_CONFIRMED },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		drop_kit_launch_up(laned_adapter_v0);
		drop_kit_submit_ok(rows[i].type, 7, KEY_A);
		drop_kit_pos_writes(KEY_A ".result.json",
				    RESULT(KEY_A, "approved")); /* not asked */
		drop_kit_acknowledge_all();
		ck_assert_uint_eq(drop_kit_last(COMPLETE)->flags, LANED_RESULT_LATE);
		drop_kit_pos_writes(KEY_A ".done.json", rows[i].text);
		drop_kit_acknowledge_all();
		ck_assert_uint_eq(drop_kit_last(COMPLETE)->req, 7);
		ck_assert_uint_eq(drop_kit_last(COMPLETE)->outcome, rows[i].outcome);
		drop_kit_end();
	}
}
END_TEST

START_TEST(no_answer_to_confirm_is_unknown)
{
	drop_kit_launch_up(laned_adapter_v0);
	drop_kit_submit_ok(LANED_REQ_CONFIRM, 7, KEY_A);
	drop_kit_fire(10000);
	ck_assert_uint_eq(drop_kit_last(COMPLETE)->outcome, LANED_OUT_UNKNOWN);
	ck_assert(drop_kit_in_folder("out", KEY_A
				     ".confirm.json")); /* the POS may still take it */
	drop_kit_end();
}
END_TEST

START_TEST(requests_that_cannot_be_are_refused_at_once)
{
	struct laned_request q;
	static const char zero[] = "00000000000000000000000000000000";

	drop_kit_launch_up(laned_adapter_v0);
	q = drop_kit_request(LANED_REQ_PAY, 1, KEY_A);
	q.ticket = laned_str_of("../17");
	ck_assert_int_eq(drop_kit_table->submit(drop_kit_drop, &q), LANED_INVALID);
	q = drop_kit_request(LANED_REQ_PAY, 1, KEY_A);
	q.amount = 0;
	ck_assert_int_eq(drop_kit_table->submit(drop_kit_drop, &q), LANED_INVALID);
	q = drop_kit_request(LANED_REQ_PAY, 1, KEY_A);
	q.token = laned_str_of(NULL);
	ck_assert_int_eq(drop_kit_table->submit(drop_kit_drop, &q), LANED_INVALID);
	q = drop_kit_request(LANED_REQ_UNDO, 1, zero);
	ck_assert_int_eq(drop_kit_table->submit(drop_kit_drop, &q), LANED_INVALID);
	q = drop_kit_request(99, 1, KEY_A);
	ck_assert_int_eq(drop_kit_table->submit(drop_kit_drop, &q), LANED_UNSUPPORTED);
	q = drop_kit_request(LANED_REQ_PAY, 1, KEY_A);
	q.size = offsetof(struct laned_request, receipts) - 8;
	ck_assert_int_eq(drop_kit_table->submit(drop_kit_drop, &q), LANED_INVALID);
	drop_kit_table->link(drop_kit_drop, 0);
	q = drop_kit_request(LANED_REQ_PAY, 1, KEY_A);
	ck_assert_int_eq(drop_kit_table->submit(drop_kit_drop, &q), LANED_GONE);
	ck_assert_uint_eq(drop_kit_host.events_count, 0);
	drop_kit_end();
}
END_TEST

START_TEST(the_number_of_requests_is_limited)
{
	struct laned_request q = drop_kit_request(LANED_REQ_QUERY, 1, KEY_A);

	drop_kit_launch_up(laned_adapter_v0);
	for (unsigned i = 0; i < DROP_KIT_TIMERS_MAX; i++)
		ck_assert_int_eq(drop_kit_table->submit(drop_kit_drop, &q), LANED_OK);
	ck_assert_int_eq(drop_kit_table->submit(drop_kit_drop, &q), LANED_AGAIN);
	drop_kit_end();
}
END_TEST

START_TEST(a_confirm_carries_the_codes_of_the_receipt)
{
	const struct laned_str codes[] = { laned_str_of("LR1AB"), laned_str_of("LR1CD") };
	struct laned_request q = drop_kit_request(LANED_REQ_CONFIRM, 7, KEY_A);
	const struct drop_kit_file *f;

	drop_kit_launch_up(laned_adapter_v0);
	q.receipts = codes;
	q.receipts_count = 2;
	ck_assert_int_eq(drop_kit_table->submit(drop_kit_drop, &q), LANED_OK);
	drop_kit_fire(0);
	f = drop_kit_find("out", KEY_A ".confirm.json");
	ck_assert_ptr_nonnull(f);
	ck_assert_msg(laned_str_is((struct laned_str){ f->data, f->n },
				   "{\"v\":1,\"key\":\"" KEY_A
				   "\",\"receipt\":[\"LR1AB\",\"LR1CD\"]}"),
		      "%.*s", (int)f->n, f->data);
	drop_kit_end();
}
END_TEST

START_TEST(a_receipt_is_written_and_done)
{
	const struct laned_str code = laned_str_of("LR1AB");
	struct laned_request q = drop_kit_request(LANED_REQ_RECEIPT, 8, KEY_A);
	const struct drop_kit_file *f;

	drop_kit_launch_up(laned_adapter_v0);
	q.receipts = &code;
	q.receipts_count = 1;
	ck_assert_int_eq(drop_kit_table->submit(drop_kit_drop, &q), LANED_OK);
	drop_kit_fire(0);
	f = drop_kit_find("out", "17.receipt.json");
	ck_assert_ptr_nonnull(f);
	ck_assert_msg(laned_str_is((struct laned_str){ f->data, f->n },
				   "{\"v\":1,\"ticket\":\"17\",\"rev\":3,"
				   "\"receipt\":[\"LR1AB\"]}"),
		      "%.*s", (int)f->n, f->data);
	ck_assert_uint_eq(drop_kit_last(COMPLETE)->outcome, LANED_OUT_DONE);
	drop_kit_end();
}
END_TEST

START_TEST(a_host_that_knows_no_receipts_is_served)
{
	struct laned_request q = drop_kit_request(LANED_REQ_CONFIRM, 7, KEY_A);
	const struct drop_kit_file *f;

	drop_kit_launch_up(laned_adapter_v0);
	q.size = offsetof(struct laned_request, receipts);
	q.receipts_count = 5; /* behind its struct: whatever lies there */
	ck_assert_int_eq(drop_kit_table->submit(drop_kit_drop, &q), LANED_OK);
	drop_kit_fire(0);
	f = drop_kit_find("out", KEY_A ".confirm.json");
	ck_assert_ptr_nonnull(f);
	ck_assert(laned_str_is((struct laned_str){ f->data, f->n },
			       "{\"v\":1,\"key\":\"" KEY_A "\"}"));
	drop_kit_end();
}
END_TEST

START_TEST(an_offer_is_written_and_done)
{
	struct laned_discount d = { .size = sizeof(d),
				    .line = 1,
				    .amount = 20,
				    .text = laned_str_of("Member \"price\"") };
	struct laned_request q = drop_kit_request(LANED_REQ_OFFER, 9, KEY_A);
	const struct drop_kit_file *f;

	drop_kit_launch_up(laned_adapter_v0);
	q.discounts = &d;
	q.discounts_count = 1;
	q.member_no = laned_str_of("M1");
	q.total = 99;
	ck_assert_int_eq(drop_kit_table->submit(drop_kit_drop, &q), LANED_OK);
	drop_kit_fire(0);
	f = drop_kit_find("out", "17.offer.json");
	ck_assert_ptr_nonnull(f);
	ck_assert_msg(
		laned_str_is((struct laned_str){ f->data, f->n },
			     "{\"v\":1,\"ticket\":\"17\",\"rev\":3,\"member_no\":\"M1\","
			     "\"discounts\":[{\"line\":1,\"amount\":20,\"text\":"
			     "\"Member \\\"price\\\"\"}],\"total\":99}"),
		"%.*s", (int)f->n, f->data);
	ck_assert_uint_eq(drop_kit_last(COMPLETE)->outcome, LANED_OUT_DONE);
	drop_kit_end();
}
END_TEST

/* ---- recovery ------------------------------------------------------------------------------ */

static struct laned_entry
entry(uint32_t state, uint64_t req, const char *key)
{
	struct laned_entry e = { .size = sizeof(e), .state = state, .req = req };

	ck_assert_int_eq(laned_key_parse(laned_str_of(key), &e.key), LANED_OK);
	return e;
}

START_TEST(recovery_asks_or_undoes_by_the_state)
{
	static const struct {
		uint32_t state;
		const char *file;
	} rows[] = {
		{ LANED_J_SENDING, KEY_A ".query.json" },
		{ LANED_J_UNKNOWN, KEY_A ".query.json" },
		{ LANED_J_APPROVED, KEY_A ".query.json" },
		{ LANED_J_ANSWER_SENDING, KEY_A ".query.json" },
		{ LANED_J_UNDO_QUEUED, KEY_A ".undo.json" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct laned_entry e = entry(rows[i].state, 3, KEY_A);

		drop_kit_launch(laned_adapter_v0);
		drop_kit_put("out", KEY_A ".pay.json", "{}");
		drop_kit_table->recover(drop_kit_drop, &e, 1);
		ck_assert_uint_eq(drop_kit_host.events_count,
				  0); /* not before the link is up */
		drop_kit_table->link(drop_kit_drop, 1);
		ck_assert(drop_kit_in_folder("out", rows[i].file));
		ck_assert(!drop_kit_in_folder("out", KEY_A ".pay.json"));
		ck_assert_uint_eq(drop_kit_count(JOURNAL), 0);
		drop_kit_end();
	}
}
END_TEST

START_TEST(an_answer_that_lies_there_already_is_enough)
{
	struct laned_entry e = entry(LANED_J_SENDING, 3, KEY_A);

	drop_kit_launch(laned_adapter_v0);
	drop_kit_put("in", KEY_A ".result.json", RESULT(KEY_A, "approved"));
	drop_kit_table->recover(drop_kit_drop, &e, 1);
	drop_kit_table->link(drop_kit_drop, 1);
	drop_kit_acknowledge(LANED_OK);
	ck_assert_uint_eq(drop_kit_last(COMPLETE)->req, 3);
	ck_assert_uint_eq(drop_kit_last(COMPLETE)->flags, 0);
	ck_assert(!drop_kit_in_folder("out", KEY_A ".query.json"));
	drop_kit_end();
}
END_TEST

/* What lies there is the answer to a confirm, of before the undo was wanted. */
START_TEST(an_undo_that_the_pos_has_not_seen_is_not_refused_by_an_old_answer)
{
	struct laned_entry e = entry(LANED_J_UNDO_QUEUED, 3, KEY_A);

	drop_kit_launch(laned_adapter_v0);
	drop_kit_put("in", KEY_A ".done.json", DONE(KEY_A, "confirmed"));
	drop_kit_table->recover(drop_kit_drop, &e, 1);
	drop_kit_table->link(drop_kit_drop, 1);
	drop_kit_acknowledge_all();
	ck_assert_uint_eq(drop_kit_count(COMPLETE), 1);
	ck_assert_uint_eq(drop_kit_last(COMPLETE)->req, 0);
	ck_assert_uint_eq(drop_kit_last(COMPLETE)->outcome, LANED_OUT_CONFIRMED);
	ck_assert_uint_eq(drop_kit_last(COMPLETE)->flags, LANED_RESULT_LATE);
	ck_assert(drop_kit_in_folder("out", KEY_A ".undo.json"));
	drop_kit_pos_writes(KEY_A ".done.json", DONE(KEY_A, "undone"));
	drop_kit_acknowledge_all();
	ck_assert_uint_eq(drop_kit_last(COMPLETE)->req, 3);
	ck_assert_uint_eq(drop_kit_last(COMPLETE)->outcome, LANED_OUT_UNDONE);
	drop_kit_end();
}
END_TEST

START_TEST(a_lost_link_drops_requests_and_keeps_files)
{
	drop_kit_launch_up(laned_adapter_v0);
	drop_kit_submit_ok(LANED_REQ_PAY, 5, KEY_A);
	drop_kit_pos_writes(KEY_A ".result.json", RESULT(KEY_A, "approved"));
	drop_kit_table->link(drop_kit_drop, 0); /* before laned acknowledged it */
	ck_assert(drop_kit_in_folder("in", KEY_A ".result.json"));
	drop_kit_fire(60000);
	drop_kit_pos_writes("17.basket.json", BASKET_1);
	ck_assert_uint_eq(drop_kit_count(COMPLETE), 1);
	ck_assert_uint_eq(drop_kit_count(BASKET), 0);
	ck_assert_uint_eq(drop_kit_count(REMOVE), 0);
	drop_kit_end();
}
END_TEST

/* ---- money back ---------------------------------------------------------------------------- */

static struct laned_request
refund_of(const char *ref)
{
	struct laned_request q = drop_kit_request(LANED_REQ_REFUND, 5, KEY_A);

	q.ref = laned_str_of(ref);
	ck_assert_int_eq(laned_key_parse(laned_str_of(KEY_B), &q.original), LANED_OK);
	return q;
}

/* The file of the refund, as a text. */
static const char *
refund_file(void)
{
	static char text[512];
	const struct drop_kit_file *f = drop_kit_find("out", KEY_A ".refund.json");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_lt(f->n, sizeof(text));
	memcpy(text, f->data, f->n);
	text[f->n] = '\0';
	return text;
}

START_TEST(a_refund_is_journalled_written_and_answered_as_a_payment)
{
	struct laned_request q = refund_of("R-1");

	drop_kit_launch_up(laned_adapter_v0);
	ck_assert_int_eq(drop_kit_table->submit(drop_kit_drop, &q), LANED_OK);
	ck_assert_uint_eq(drop_kit_host.events_count, 0);
	drop_kit_fire(0);
	ck_assert_uint_eq(drop_kit_host.events[0].kind, JOURNAL);
	ck_assert_str_eq(refund_file(),
			 "{\"v\":1,\"key\":\"" KEY_A "\",\"original\":\"" KEY_B
			 "\",\"ref\":\"R-1\",\"ticket\":\"17\",\"amount\":1149,"
			 "\"currency\":\"EUR\"}");
	drop_kit_pos_writes(KEY_A ".result.json", RESULT(KEY_A, "approved"));
	drop_kit_acknowledge_all();
	ck_assert_uint_eq(drop_kit_last(COMPLETE)->outcome, LANED_OUT_APPROVED);
	ck_assert_uint_eq(drop_kit_last(COMPLETE)->req, 5);
	ck_assert_int_eq(drop_kit_last(COMPLETE)->amount, 1149);
	drop_kit_end();
}
END_TEST

START_TEST(a_refund_by_reference_alone_names_no_key)
{
	struct laned_request q = refund_of("R-1");

	memset(&q.original, 0, sizeof(q.original));
	drop_kit_launch_up(laned_adapter_v0);
	ck_assert_int_eq(drop_kit_table->submit(drop_kit_drop, &q), LANED_OK);
	drop_kit_fire(0);
	ck_assert_ptr_null(strstr(refund_file(), "original"));
	q.ref = laned_str_of("");
	ck_assert_int_eq(drop_kit_table->submit(drop_kit_drop, &q), LANED_INVALID);
	/* A host of before refunds has no member for it. */
	q = refund_of("R-1");
	q.size = (uint32_t)offsetof(struct laned_request, original);
	ck_assert_int_eq(drop_kit_table->submit(drop_kit_drop, &q), LANED_INVALID);
	drop_kit_end();
}
END_TEST

/* The POS may not have seen it: then it never will, and says so. */
START_TEST(a_refund_that_nobody_took_is_withdrawn_before_it_is_asked_about)
{
	struct laned_request q = refund_of("R-1");

	drop_kit_launch_up(laned_adapter_v0);
	ck_assert_int_eq(drop_kit_table->submit(drop_kit_drop, &q), LANED_OK);
	drop_kit_fire(0);
	drop_kit_fire(60000);
	ck_assert_uint_eq(drop_kit_last(COMPLETE)->outcome, LANED_OUT_UNKNOWN);
	drop_kit_submit_ok(LANED_REQ_QUERY, 6, KEY_A);
	ck_assert(!drop_kit_in_folder("out", KEY_A ".refund.json"));
	ck_assert(drop_kit_in_folder("out", KEY_A ".query.json"));
	drop_kit_pos_writes(KEY_A ".result.json", RESULT(KEY_A, "not-found"));
	ck_assert_uint_eq(drop_kit_last(COMPLETE)->outcome, LANED_OUT_NOT_FOUND);
	ck_assert_uint_eq(drop_kit_last(COMPLETE)->req, 6);
	drop_kit_acknowledge_all();
	drop_kit_end();
}
END_TEST

START_TEST(a_refund_that_is_not_durable_is_not_sent)
{
	struct laned_request q = refund_of("R-1");

	drop_kit_launch_up(laned_adapter_v0);
	drop_kit_host.journal_rc = LANED_NOT_DURABLE;
	ck_assert_int_eq(drop_kit_table->submit(drop_kit_drop, &q), LANED_OK);
	drop_kit_fire(0);
	ck_assert_uint_eq(drop_kit_count(PUT), 0);
	ck_assert_uint_eq(drop_kit_last(COMPLETE)->outcome, LANED_OUT_NOT_SENT);
	drop_kit_end();
}
END_TEST

UNIT_MAIN("drop", journal_comes_before_the_file,
	  a_refund_is_journalled_written_and_answered_as_a_payment,
	  a_refund_by_reference_alone_names_no_key,
	  a_refund_that_nobody_took_is_withdrawn_before_it_is_asked_about,
	  a_refund_that_is_not_durable_is_not_sent, submit_itself_does_nothing_yet,
	  not_durable_means_not_sent, a_failed_put_is_unknown_and_not_declined,
	  every_outcome_is_told_as_it_is_and_its_file_goes_last,
	  an_approval_without_an_amount_is_told_without_one,
	  an_answer_that_cannot_be_stored_waits_and_the_sale_goes_on,
	  in_progress_answers_a_query_and_leaves_the_payment_open,
	  silence_becomes_unknown_and_the_late_answer_is_told,
	  an_answer_that_laned_could_not_take_is_told_again,
	  query_and_undo_withdraw_the_untaken_payment_first,
	  confirm_and_undo_end_with_what_the_pos_says, no_answer_to_confirm_is_unknown,
	  requests_that_cannot_be_are_refused_at_once, the_number_of_requests_is_limited,
	  a_confirm_carries_the_codes_of_the_receipt, a_receipt_is_written_and_done,
	  a_host_that_knows_no_receipts_is_served, an_offer_is_written_and_done,
	  recovery_asks_or_undoes_by_the_state,
	  an_answer_that_lies_there_already_is_enough,
	  an_undo_that_the_pos_has_not_seen_is_not_refused_by_an_old_answer,
	  a_lost_link_drops_requests_and_keeps_files)
