/*
 * The drop adapter in this process, on the made-up host of drop_kit.h: the files of the POS, good
 * and bad ones, in which order they are taken and when they go; and how the adapter is.
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

START_TEST(a_basket_is_handed_over_whole_and_then_removed)
{
	drop_kit_launch_up(laned_adapter_v0);
	drop_kit_pos_writes("17.BASKET.json", BASKET_1);
	ck_assert_uint_eq(drop_kit_count(BASKET), 1);
	ck_assert_int_eq(drop_kit_last(BASKET)->amount, 3);
	ck_assert(drop_kit_in_folder("in", "17.BASKET.json"));
	drop_kit_acknowledge(LANED_OK);
	ck_assert(!drop_kit_in_folder("in", "17.BASKET.json"));
	drop_kit_end();
}
END_TEST

START_TEST(a_newer_basket_that_came_meanwhile_is_taken_too)
{
	drop_kit_launch_up(laned_adapter_v0);
	drop_kit_pos_writes("17.basket.json", BASKET_1);
	drop_kit_pos_writes("17.basket.json",
			    BASKET_1); /* before the first is acknowledged */
	drop_kit_acknowledge(LANED_OK);
	ck_assert(drop_kit_in_folder("in", "17.basket.json"));
	drop_kit_fire(0);
	ck_assert_uint_eq(drop_kit_count(BASKET), 2);
	drop_kit_acknowledge(LANED_OK);
	ck_assert(!drop_kit_in_folder("in", "17.basket.json"));
	drop_kit_end();
}
END_TEST

START_TEST(answers_come_first_and_then_ticket_by_ticket)
{
	static const enum drop_kit_event_kind order[] = { COMPLETE, COMPLETE, BASKET,
							  CLAIM,    CANCEL,   BASKET };
	static const char *const names[] = { KEY_B, KEY_A, "9", "9", "9", "10" };
	unsigned at = 0;

	drop_kit_launch(laned_adapter_v0);
#define SMALL(ticket)                                                                    \
	"{\"v\":1,\"ticket\":\"" ticket "\",\"rev\":1,\"currency\":\"EUR\",\"lines\":[]" \
	",\"kind\":\"qr\",\"value\":\"x\"}"
	drop_kit_put("in", "10.basket.json", SMALL("10"));
	drop_kit_put("in", "9.cancel.json", SMALL("9"));
	drop_kit_put("in", "9.claim.json", SMALL("9"));
	drop_kit_put("in", "9.basket.json", SMALL("9"));
	drop_kit_put("in", KEY_A ".done.json", DONE(KEY_A, "undone"));
	drop_kit_put("in", KEY_B ".result.json", RESULT(KEY_B, "approved"));
	drop_kit_put("in", "readme.txt", "not ours");
	drop_kit_table->recover(drop_kit_drop, NULL, 0);
	drop_kit_table->link(drop_kit_drop, 1);
	drop_kit_acknowledge_all();
	for (unsigned i = 0; i < drop_kit_host.events_count; i++) {
		if (drop_kit_host.events[i].kind == REMOVE)
			continue;
		ck_assert_uint_lt(at, 6);
		ck_assert_uint_eq(drop_kit_host.events[i].kind, order[at]);
		ck_assert_str_eq(drop_kit_host.events[i].name, names[at]);
		at++;
	}
	ck_assert_uint_eq(at, 6);
	ck_assert(drop_kit_in_folder("in", "readme.txt"));
	drop_kit_end();
}
END_TEST

START_TEST(half_a_file_is_given_a_second_look)
{
	drop_kit_launch_up(laned_adapter_v0);
	drop_kit_pos_writes("17.basket.json", "{\"v\":1,\"ticket\":\"17\",");
	ck_assert_uint_eq(drop_kit_count(ASIDE), 0);
	drop_kit_pos_writes("17.basket.json", BASKET_1); /* the rest of it */
	ck_assert_uint_eq(drop_kit_count(BASKET), 1);
	drop_kit_acknowledge(LANED_OK);
	drop_kit_pos_writes("17.basket.json", "{\"v\":1,\"ticket\":\"17\",");
	drop_kit_fire(500);
	ck_assert_uint_eq(drop_kit_count(ASIDE), 1);
	ck_assert_ptr_nonnull(
		strstr(drop_kit_host.log, "17.basket.json:1:22: a member's name"));
	drop_kit_end();
}
END_TEST

START_TEST(many_halves_at_once_are_all_set_aside)
{
	char name[32];

	drop_kit_launch_up(laned_adapter_v0);
	for (unsigned i = 0; i < 40; i++) {
		(void)snprintf(name, sizeof(name), "%u.basket.json", i); /* fits */
		drop_kit_put("in", name, "{");
	}
	drop_kit_host.changed(drop_kit_host.changed_user);
	drop_kit_fire(500);
	ck_assert_uint_eq(drop_kit_count(ASIDE), 40);
	drop_kit_fire(500);
	drop_kit_pos_writes("17.basket.json", "{"); /* the memory of them is gone */
	ck_assert_uint_eq(drop_kit_count(ASIDE), 40);
	drop_kit_end();
}
END_TEST

static const struct {
	const char *name, *text, *log;
} bad_files[] = {
	{ "17.basket.json", "{\"v\":2,\"ticket\":\"17\"}", "1:6: v must be 1" },
	{ "17.basket.json", "[]", "v must be 1" },
	{ "17.basket.json", "{\"v\":1,\"ticket\":\"17\",\"rev\":-1}",
	  "rev is out of range" },
	{ "17.basket.json", "{\"v\":1,\"ticket\":\"17\",\"rev\":1.5}",
	  "rev must be an integer" },
	{ "17.basket.json", "{\"v\":1,\"ticket\":\"1/7\",\"rev\":1}", "ticket only" },
	{ "17.basket.json",
	  "{\"v\":1,\"ticket\":\"17\",\"rev\":1,\"currency\":\"EUR\",\"lines\":[{"
	  "\"line\":1,"
	  "\"gtin\":\"123\",\"qty_milli\":1,\"unit_price\":1,\"amount\":1}]}",
	  "gtin too short" },
	{ "17.basket.json",
	  "{\"v\":1,\"ticket\":\"17\",\"rev\":1,\"currency\":\"EUR\",\"lines\":[{"
	  "\"line\":1,"
	  "\"gtin\":\"123456789\",\"qty_milli\":1,\"unit_price\":1,\"amount\":1}]}",
	  "gtin a GTIN has" },
	{ "17.basket.json",
	  "{\"v\":1,\"ticket\":\"17\",\"rev\":1,\"currency\":\"EUR\",\"lines\":3}",
	  "lines must be an array" },
	{ "17.basket.json",
	  "{\"v\":1,\"ticket\":\"18\",\"rev\":1,\"currency\":\"EUR\",\"lines\":[]}",
	  "the file's name and its content disagree" },
	{ "17.claim.json",
	  "{\"v\":1,\"ticket\":\"17\",\"kind\":\"face\",\"value\":\"x\"}",
	  "kind must be" },
	{ "17.claim.json",
	  "{\"v\":1,\"ticket\":\"17\",\"kind\":\"card\",\"value\":\"4111111111111111\"}",
	  "a payment card number" },
	{ "17.cancel.json", "{\"v\":1,\"ticket\":\"17\",\"other\":4111111111111111}",
	  "a payment card number" },
	{ KEY_A ".result.json", "{\"v\":1,\"key\":\"" KEY_A "\",\"outcome\":\"maybe\"}",
	  "outcome no word" },
	{ KEY_A ".result.json",
	  "{\"v\":1,\"key\":\"" KEY_B "\",\"outcome\":\"approved\"}", "disagree" },
	{ KEY_A ".done.json", "{\"v\":1,\"key\":\"" KEY_A "\",\"state\":\"approved\"}",
	  "state no word" },
};

START_TEST(wrong_files_are_named_and_set_aside_and_the_next_is_taken)
{
	for (size_t i = 0; i < sizeof(bad_files) / sizeof(bad_files[0]); i++) {
		drop_kit_launch_up(laned_adapter_v0);
		drop_kit_put("in", "99.cancel.json", "{\"v\":1,\"ticket\":\"99\"}");
		drop_kit_pos_writes(bad_files[i].name, bad_files[i].text);
		drop_kit_acknowledge_all();
		ck_assert_msg(drop_kit_count(ASIDE) == 1, "%s", bad_files[i].text);
		ck_assert_msg(strstr(drop_kit_host.log, bad_files[i].log) != NULL,
			      "%s: %s", bad_files[i].text, drop_kit_host.log);
		ck_assert_ptr_nonnull(strstr(drop_kit_host.log, bad_files[i].name));
		ck_assert_ptr_null(strstr(drop_kit_host.log, "4111111111111111"));
		ck_assert_uint_eq(drop_kit_count(CANCEL), 1);
		ck_assert_uint_eq(drop_kit_count(BASKET) + drop_kit_count(CLAIM) +
					  drop_kit_count(COMPLETE),
				  0);
		drop_kit_end();
	}
}
END_TEST

START_TEST(what_laned_says_of_a_file_decides)
{
	static const struct {
		int status;
		bool there, aside;
	} rows[] = { { LANED_OK, false, false },
		     { LANED_REFUSED, false, false },
		     { LANED_INVALID, false, true },
		     { LANED_AGAIN, true, false },
		     { LANED_GONE, true, false } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		drop_kit_launch_up(laned_adapter_v0);
		drop_kit_pos_writes("17.basket.json", BASKET_1);
		drop_kit_acknowledge(rows[i].status);
		ck_assert_int_eq(drop_kit_in_folder("in", "17.basket.json"),
				 rows[i].there);
		ck_assert_int_eq(drop_kit_count(ASIDE) == 1, rows[i].aside);
		drop_kit_end();
	}
}
END_TEST

START_TEST(an_answer_that_laned_refuses_is_evidence)
{
	drop_kit_launch_up(laned_adapter_v0);
	drop_kit_submit_ok(LANED_REQ_PAY, 5, KEY_A);
	drop_kit_pos_writes(KEY_A ".result.json", RESULT(KEY_A, "approved"));
	drop_kit_acknowledge(LANED_REFUSED);
	ck_assert_uint_eq(drop_kit_count(ASIDE), 1);
	drop_kit_end();
}
END_TEST

START_TEST(every_failing_allocation_is_survived)
{
	for (unsigned n = 1; n < 12; n++) {
		struct laned_request q = drop_kit_request(LANED_REQ_PAY, 5, KEY_A);

		drop_kit_launch_up(laned_adapter_v0);
		drop_kit_host.fail_alloc_at = n;
		if (drop_kit_table->submit(drop_kit_drop, &q) == LANED_OK) {
			drop_kit_fire(0);
			drop_kit_pos_writes("17.basket.json", BASKET_1);
			drop_kit_acknowledge_all();
			drop_kit_pos_writes(KEY_A ".result.json",
					    RESULT(KEY_A, "approved"));
			for (unsigned i = 0; i < 5; i++) {
				drop_kit_fire(1000);
				drop_kit_acknowledge_all();
			}
			ck_assert(!drop_kit_in_folder("in", "17.basket.json"));
			ck_assert_uint_eq(drop_kit_last(COMPLETE)->outcome,
					  LANED_OUT_APPROVED);
		}
		drop_kit_host.fail_alloc_at = 0;
		drop_kit_end();
	}
}
END_TEST

START_TEST(selftest_and_health_tell)
{
	struct laned_health h = { .size = sizeof(h) };
	char text[LANED_NOTE_BYTES];

	drop_kit_launch(laned_adapter_v0);
	drop_kit_table->health(drop_kit_drop, &h);
	ck_assert_uint_eq(h.state, LANED_HEALTH_DOWN);
	drop_kit_table->link(drop_kit_drop, 1);
	drop_kit_submit_ok(LANED_REQ_QUERY, 1, KEY_A);
	drop_kit_table->health(drop_kit_drop, &h);
	ck_assert_uint_eq(h.state, LANED_HEALTH_UP);
	ck_assert_uint_eq(h.pending, 1);
	ck_assert_int_eq(drop_kit_table->selftest(drop_kit_drop, 0, text), LANED_OK);
	ck_assert_str_eq(text, "6 codec vectors hold");
	ck_assert_int_eq(drop_kit_table->selftest(drop_kit_drop, 1, text),
			 LANED_UNSUPPORTED);
	drop_kit_end();
}
END_TEST

/* The shortest lines that are lines, count of them; and as many again of the POS's own values. */
static const char *
long_basket(unsigned count)
{
	static char text[DROP_LINES_MAX * 64u * 2u];
	struct laned_text t;

	laned_text_init(&t, text, sizeof(text));
	laned_text_add(&t, "{\"v\":1,\"ticket\":\"17\",\"rev\":5,\"currency\":\"EUR\","
			   "\"own\":[0");
	for (unsigned i = 0; i < count; i++)
		laned_text_add(&t, ",0,[],{}");
	laned_text_add(&t, "],\"lines\":[");
	for (unsigned i = 1; i <= count; i++) {
		laned_text_add(&t, i > 1 ? ",{\"line\":" : "{\"line\":");
		laned_text_int(&t, i);
		laned_text_add(&t, ",\"amount\":0,\"qty_milli\":1,\"unit_price\":0}");
	}
	laned_text_add(&t, "]}");
	ck_assert(!t.truncated);
	return text;
}

START_TEST(a_basket_of_any_length_finds_room_and_one_too_long_is_refused)
{
	static const unsigned counts[] = { 1, 33, 2, DROP_LINES_MAX };

	drop_kit_launch_up(laned_adapter_v0);
	for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		drop_kit_pos_writes("17.basket.json", long_basket(counts[i]));
		ck_assert_uint_eq(drop_kit_count(BASKET), i + 1);
		drop_kit_acknowledge(LANED_OK);
	}
	drop_kit_pos_writes("17.basket.json", long_basket(DROP_LINES_MAX + 1));
	ck_assert_uint_eq(drop_kit_count(ASIDE), 1);
	ck_assert_ptr_nonnull(strstr(drop_kit_host.log, "lines too many lines"));
	drop_kit_end();
}
END_TEST

START_TEST(a_basket_that_finds_no_room_is_taken_later)
{
	for (unsigned n = 1; n <= 3; n++) { /* the file, the values, the lines */
		drop_kit_launch_up(laned_adapter_v0);
		drop_kit_put("in", "17.basket.json", long_basket(300));
		drop_kit_host.fail_alloc_at = n;
		drop_kit_host.changed(drop_kit_host.changed_user);
		ck_assert_uint_eq(drop_kit_count(BASKET), 0);
		drop_kit_fire(1000);
		ck_assert_uint_eq(drop_kit_count(BASKET), 1);
		drop_kit_acknowledge(LANED_OK);
		ck_assert(!drop_kit_in_folder("in", "17.basket.json"));
		drop_kit_end();
	}
}
END_TEST

UNIT_MAIN("drop_intake", a_basket_is_handed_over_whole_and_then_removed,
	  a_newer_basket_that_came_meanwhile_is_taken_too,
	  answers_come_first_and_then_ticket_by_ticket,
	  half_a_file_is_given_a_second_look, many_halves_at_once_are_all_set_aside,
	  wrong_files_are_named_and_set_aside_and_the_next_is_taken,
	  what_laned_says_of_a_file_decides, an_answer_that_laned_refuses_is_evidence,
	  a_basket_of_any_length_finds_room_and_one_too_long_is_refused,
	  a_basket_that_finds_no_room_is_taken_later,
	  every_failing_allocation_is_survived, selftest_and_health_tell)
