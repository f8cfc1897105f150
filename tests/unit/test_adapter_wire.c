#include "unit.h"

#include "adapter/wire.h"
#include "base/plain/str.h"

#include <errno.h>

#define ZEROS "000000000000000000000000000000"
#define KEY "000102030405060708090a0b0c0d0e0f"

#define REFUND                                                                           \
	"{\"req\":1,\"type\":\"refund\",\"key\":\"" KEY                                  \
	"\",\"ticket\":\"r\",\"currency\":"                                              \
	"\"EUR\",\"timeout_ms\":60000"

static struct arena *arena;

static const struct value *
parse(const char *text)
{
	const struct value *v = NULL;
	struct json_error error;

	ck_assert_msg(json_parse(arena, str_of(text), 0, &v, &error) == 0, "%s: %s", text,
		      error.what);
	return v;
}

static bool
str_same(struct laned_str s, const char *text)
{
	return str_is((struct str){ s.p, s.n }, text);
}

static const struct {
	const char *text, *wrong;
} submits[] = {
	{ "{\"req\":7,\"type\":\"query\",\"key\":\"" KEY "\"}", NULL },
	{ "{\"req\":\"a\",\"type\":\"undo\",\"key\":\"" KEY "\",\"blob\":\"00ff\"}",
	  NULL },
	{ "{\"type\":\"query\",\"key\":\"" KEY "\"}", "req" },
	{ "{\"req\":\"\",\"type\":\"query\",\"key\":\"" KEY "\"}", "req" },
	{ "{\"req\":true,\"type\":\"query\",\"key\":\"" KEY "\"}", "req" },
	{ "{\"req\":1,\"type\":\"rebate\",\"key\":\"" KEY "\"}", "type" },
	{ "{\"req\":1,\"key\":\"" KEY "\"}", "type" },
	{ "{\"req\":1,\"type\":\"query\"}", "key" },
	{ "{\"req\":1,\"type\":\"query\",\"key\":\"00\"}", "key" },
	{ "{\"req\":1,\"type\":\"query\",\"key\":\"" KEY "\",\"blob\":\"0\"}", "blob" },
	{ "{\"req\":1,\"type\":\"query\",\"key\":\"" KEY "\",\"blob\":\"zz\"}", "blob" },
	{ "{\"req\":1,\"type\":\"pay\",\"key\":\"" KEY
	  "\",\"ticket\":\"1\",\"rev\":1,\"amount\":1,"
	  "\"currency\":\"EUR\",\"token\":\"t\",\"timeout_ms\":9}",
	  NULL },
	{ "{\"req\":1,\"type\":\"pay\",\"key\":\"" KEY
	  "\",\"ticket\":\"1\",\"rev\":1,\"amount\":0,"
	  "\"currency\":\"EUR\",\"token\":\"t\"}",
	  "amount" },
	{ "{\"req\":1,\"type\":\"pay\",\"key\":\"" KEY
	  "\",\"ticket\":\"1\",\"rev\":1,\"amount\":1,"
	  "\"currency\":\"EUR\"}",
	  "token" },
	{ "{\"req\":1,\"type\":\"pay\",\"key\":\"" KEY
	  "\",\"ticket\":\"1\",\"rev\":1,\"amount\":1,"
	  "\"currency\":\"EUR\",\"token\":\"t\",\"timeout_ms\":-1}",
	  "timeout_ms" },
	{ REFUND ",\"original\":\"" KEY "\",\"amount\":5}", NULL },
	{ REFUND ",\"ref\":\"R-1\",\"amount\":5}", NULL },
	{ REFUND ",\"amount\":5}", "original" },
	{ REFUND ",\"original\":\"00\",\"ref\":\"R-1\",\"amount\":5}", "original" },
	{ REFUND ",\"ref\":\"R-1\",\"amount\":0}", "amount" },
	{ "{\"req\":1,\"type\":\"offer\",\"ticket\":\"1\",\"rev\":1,\"total\":5,"
	  "\"discounts\":["
	  "{\"line\":1,\"amount\":2,\"text\":\"x\"},{\"line\":2,\"amount\":3}]}",
	  NULL },
	{ "{\"req\":1,\"type\":\"offer\",\"ticket\":\"1\",\"rev\":1,\"total\":5}",
	  "discounts" },
	{ "{\"req\":1,\"type\":\"offer\",\"ticket\":\"1\",\"rev\":1,\"total\":5,"
	  "\"discounts\":["
	  "{\"line\":-1,\"amount\":2}]}",
	  "discounts" },
	{ "{\"req\":1,\"type\":\"offer\",\"rev\":1,\"total\":5,\"discounts\":[]}",
	  "ticket" },
	{ "{\"req\":1,\"type\":\"confirm\",\"key\":\"" KEY "\"}", NULL },
	{ "{\"req\":1,\"type\":\"receipt\",\"ticket\":\"17\",\"rev\":3,\"receipt\":["
	  "\"LR1A\"]}",
	  NULL },
	{ "{\"req\":1,\"type\":\"receipt\",\"ticket\":\"17\",\"receipt\":[\"LR1A\"]}",
	  "rev" },
	{ "{\"req\":1,\"type\":\"receipt\",\"rev\":3,\"receipt\":[\"LR1A\"]}", "ticket" },
	{ "{\"req\":1,\"type\":\"confirm\",\"key\":\"" KEY
	  "\",\"receipt\":[\"LR1A\",\"LR1B\"]}",
	  NULL },
	{ "{\"req\":1,\"type\":\"confirm\",\"key\":\"" KEY "\",\"receipt\":\"LR1A\"}",
	  "receipt" },
	{ "{\"req\":1,\"type\":\"confirm\",\"key\":\"" KEY "\",\"receipt\":[\"LR1A\",5]}",
	  "receipt" },
};

START_TEST(submits_are_read_or_the_wrong_member_is_named)
{
	for (size_t i = 0; i < sizeof(submits) / sizeof(submits[0]); i++) {
		struct host_wire_req req;
		struct laned_request q;
		const char *what = NULL;
		int rc;

		arena = arena_new(1u << 20);
		rc = wire_read_submit(arena, parse(submits[i].text), &req, &q, &what);
		ck_assert_msg(rc == (submits[i].wrong == NULL ? 0 : -EPROTO), "%s: %d %s",
			      submits[i].text, rc, what);
		ck_assert_str_eq(what, submits[i].wrong == NULL ? "" : submits[i].wrong);
		arena_free(arena);
	}
}
END_TEST

START_TEST(every_member_of_a_payment_is_taken_over)
{
	struct host_wire_req req;
	struct laned_request q;
	const char *what;

	arena = arena_new(1u << 20);
	ck_assert_int_eq(
		wire_read_submit(
			arena,
			parse("{\"req\":\"r9\",\"type\":\"pay\",\"key\":\"" KEY
			      "\",\"ticket\":\"17\",\"rev\":3,\"amount\":1149,"
			      "\"currency\":\"EUR\",\"token\":\"tok\",\"timeout_ms\":500,"
			      "\"ref\":\"R\",\"blob\":\"6162\",\"unknown\":{}}"),
			&req, &q, &what),
		0);
	ck_assert(!req.is_int);
	ck_assert_str_eq(req.text, "r9");
	ck_assert_uint_eq(q.type, LANED_REQ_PAY);
	ck_assert_uint_eq(q.key.b[15], 15);
	ck_assert(str_same(q.ticket, "17") && str_same(q.currency, "EUR"));
	ck_assert(str_same(q.token, "tok") && str_same(q.ref, "R"));
	ck_assert(str_same(q.blob, "ab"));
	ck_assert_int_eq(q.rev, 3);
	ck_assert_int_eq(q.amount, 1149);
	ck_assert_uint_eq(q.timeout_ms, 500);
	arena_free(arena);
}
END_TEST

START_TEST(a_refund_names_what_it_gives_back_of)
{
	struct laned_request q;
	struct laned_entry e;
	struct host_wire_req req;
	const char *what = NULL;

	arena = arena_new(65536);
	ck_assert_int_eq(
		wire_read_submit(arena,
				 parse(REFUND ",\"original\":\"0f" ZEROS
					      "\",\"ref\":\"R-1\",\"amount\":5}"),
				 &req, &q, &what),
		0);
	ck_assert_uint_eq(q.type, LANED_REQ_REFUND);
	ck_assert_uint_eq(q.original.b[0], 0x0f);
	ck_assert_uint_eq(q.key.b[1], 1);
	ck_assert(str_same(q.ref, "R-1"));
	ck_assert_int_eq(q.amount, 5);
	ck_assert_uint_eq(q.timeout_ms, 60000);
	ck_assert_int_eq(wire_read_submit(arena,
					  parse(REFUND ",\"ref\":\"R-1\",\"amount\":5}"),
					  &req, &q, &what),
			 0);
	ck_assert_uint_eq(q.original.b[0], 0);
	/* And what is recovered of it says what it is. */
	ck_assert_int_eq(
		wire_read_entry(arena,
				parse("{\"req\":1,\"state\":\"unknown\",\"key\":\"" KEY
				      "\",\"amount\":5,\"currency\":\"EUR\","
				      "\"original_ref\":\"R-1\"}"),
				&req, &e),
		0);
	ck_assert_uint_eq(e.flags, LANED_ENTRY_REFUND);
	ck_assert_int_eq(
		wire_read_entry(arena,
				parse("{\"req\":1,\"state\":\"unknown\",\"key\":\"" KEY
				      "\",\"amount\":5,\"currency\":\"EUR\"}"),
				&req, &e),
		0);
	ck_assert_uint_eq(e.flags, 0);
	arena = arena_free(arena);
}
END_TEST

START_TEST(an_answer_to_the_pos_is_taken_over)
{
	struct host_wire_req req;
	struct laned_request q;
	const char *what;

	arena = arena_new(1u << 20);
	ck_assert_int_eq(
		wire_read_submit(
			arena,
			parse("{\"req\":7,\"type\":\"answer\",\"key\":\"" KEY
			      "\",\"ticket\":\"17\",\"rev\":3,\"outcome\":\"pass\","
			      "\"amount\":1149,\"currency\":\"EUR\",\"auth\":\"A1\","
			      "\"ref\":\"R\",\"text\":\"x\",\"blob\":\"6162\"}"),
			&req, &q, &what),
		0);
	ck_assert_uint_eq(q.type, LANED_REQ_ANSWER);
	ck_assert_uint_eq(q.outcome, LANED_OUT_PASS);
	ck_assert_int_eq(q.amount, 1149);
	ck_assert(str_same(q.auth, "A1") && str_same(q.text, "x") &&
		  str_same(q.blob, "ab") && str_same(q.ref, "R"));
	arena_free(arena);
	arena = arena_new(1u << 20);
	ck_assert_int_eq(
		wire_read_submit(
			arena,
			parse("{\"req\":7,\"type\":\"answer\",\"key\":\"" KEY
			      "\",\"ticket\":\"17\",\"rev\":3,\"outcome\":\"perhaps\","
			      "\"amount\":1,\"currency\":\"EUR\"}"),
			&req, &q, &what),
		-EPROTO);
	ck_assert_str_eq(what, "outcome");
	arena_free(arena);
}
END_TEST

/* A plug-in of minor 2 has a shorter event: what lies behind it is nobody's. */
START_TEST(an_event_is_written_as_far_as_it_goes)
{
	struct laned_event ev = { .size = sizeof(ev),
				  .type = LANED_EV_TENDER_WANTED,
				  .ticket = { "17", 2 },
				  .amount = 1149,
				  .ref = { "7001", 4 },
				  .currency = { "EUR", 3 },
				  .blob = { "ab", 2 },
				  .rev = 3 };
	struct json_out *o = json_out_new(4096);
	struct str text;

	for (int i = 0; i < 2; i++) {
		json_out_reset(o);
		json_open_object(o, NULL);
		wire_write_event(o, &ev);
		json_close(o);
		ck_assert_int_eq(json_out_text(o, &text), 0);
		ck_assert_str_eq(text.p,
				 i == 0 ? "{\"type\":\"tender-wanted\",\"ticket\":\"17\","
					  "\"amount\":1149,\"ref\":\"7001\","
					  "\"currency\":\"EUR\",\"blob\":\"6162\","
					  "\"rev\":3}"
					: "{\"type\":\"tender-wanted\",\"ticket\":\"17\","
					  "\"amount\":1149,\"ref\":\"7001\"}");
		ev.size = offsetof(struct laned_event, currency);
	}
	json_out_free(o);
}
END_TEST

START_TEST(the_codes_of_a_receipt_are_taken_over)
{
	struct host_wire_req req;
	struct laned_request q;
	const char *what;

	arena = arena_new(1u << 20);
	ck_assert_int_eq(
		wire_read_submit(arena,
				 parse("{\"req\":1,\"type\":\"confirm\",\"key\":\"" KEY
				       "\",\"receipt\":[\"LR1A\",\"LR1BC\"]}"),
				 &req, &q, &what),
		0);
	ck_assert_uint_eq(q.receipts_count, 2);
	ck_assert(str_same(q.receipts[0], "LR1A") && str_same(q.receipts[1], "LR1BC"));
	arena_free(arena);
}
END_TEST

START_TEST(entries_are_read_and_later_states_count_as_over)
{
	static const struct {
		const char *state;
		uint32_t value;
	} states[] = { { "sending", LANED_J_SENDING },
		       { "unknown", LANED_J_UNKNOWN },
		       { "approved", LANED_J_APPROVED },
		       { "partial", LANED_J_APPROVED },
		       { "answer-sending", LANED_J_ANSWER_SENDING },
		       { "undo-queued", LANED_J_UNDO_QUEUED },
		       { "confirmed", LANED_J_RESOLVED },
		       { "some-later-state", LANED_J_RESOLVED } };
	struct host_wire_req req;
	struct laned_entry e;
	char text[256];

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		arena = arena_new(1u << 20);
		(void)snprintf(text, sizeof(text),
			       "{\"req\":4,\"key\":\"" KEY
			       "\",\"state\":\"%s\",\"ticket\":\"1\",\"amount\":5,"
			       "\"currency\":\"EUR\"}",
			       states[i].state); /* fits */
		ck_assert_int_eq(wire_read_entry(arena, parse(text), &req, &e), 0);
		ck_assert_uint_eq(e.state, states[i].value);
		ck_assert(req.is_int && req.i == 4);
		ck_assert_int_eq(
			wire_read_entry(arena, parse("{\"req\":4,\"state\":\"sending\"}"),
					&req, &e),
			-EPROTO);
		arena_free(arena);
	}
}
END_TEST

START_TEST(results_and_baskets_are_written_as_the_protocol_says)
{
	struct laned_line line = { .size = sizeof(line),
				   .flags = LANED_LINE_VOID | LANED_LINE_WEIGHED |
					    LANED_LINE_EXCLUDED | LANED_LINE_REDUCED,
				   .line = 2,
				   .gtin = { "20000015", 8 },
				   .brand = { "B", 1 },
				   .qty_milli = 730,
				   .unit_price = 199,
				   .amount = 145,
				   .vat_bp = -1,
				   .floor = 99 };
	struct laned_basket b = { .size = sizeof(b),
				  .flags = LANED_BASKET_FINAL | LANED_BASKET_CLOSED,
				  .ticket = { "17", 2 },
				  .rev = 3,
				  .currency = { "EUR", 3 },
				  .lines = &line,
				  .lines_count = 1,
				  .date = { "2026-11-22", 10 } };
	struct laned_result r = { .size = sizeof(r),
				  .outcome = 77, /* no such outcome */
				  .amount = -1,
				  .auth = { "A", 1 } };
	struct json_out *o = json_out_new(4096);
	struct str text;

	json_open_object(o, NULL);
	wire_write_basket(o, &b);
	json_close(o);
	ck_assert_int_eq(json_out_text(o, &text), 0);
	ck_assert_str_eq(
		text.p,
		"{\"ticket\":\"17\",\"rev\":3,\"currency\":\"EUR\",\"final\":true,"
		"\"closed\":true,\"date\":\"2026-11-22\","
		"\"lines\":[{\"line\":2,\"gtin\":\"20000015\",\"brand\":\"B\",\"qty_"
		"milli\":730,"
		"\"unit_price\":199,\"amount\":145,\"void\":true,\"weighed\":true,"
		"\"excluded\":true,\"reduced\":true,\"floor\":99}]}");
	json_out_reset(o);
	json_open_object(o, NULL);
	wire_write_result(o, &r);
	json_close(o);
	ck_assert_int_eq(json_out_text(o, &text), 0);
	ck_assert_str_eq(text.p, "{\"outcome\":\"unknown\",\"auth\":\"A\"}");
	json_out_free(o);
}
END_TEST

UNIT_MAIN("adapter_wire", submits_are_read_or_the_wrong_member_is_named,
	  every_member_of_a_payment_is_taken_over, the_codes_of_a_receipt_are_taken_over,
	  a_refund_names_what_it_gives_back_of, an_answer_to_the_pos_is_taken_over,
	  an_event_is_written_as_far_as_it_goes,
	  entries_are_read_and_later_states_count_as_over,
	  results_and_baskets_are_written_as_the_protocol_says)
