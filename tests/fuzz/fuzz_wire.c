/*
 * What laned may tell an adapter's host: any value as the params of adapter.submit and as an entry of the
 * list to recover. What is taken keeps to the ABI, all of it can be read, and its number comes back as
 * it was given.
 */
#include "adapter/wire.h"
#include "base/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BYTES_MAX ((size_t)4 << 20)
#define REQ_BYTES_MAX 4096u
#define TEXT_BYTES_MAX 4096u
#define TICKET_BYTES_MAX 64u
#define CURRENCY_BYTES 3u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool fact)
{
	if (!fact)
		abort();
}

/* For the sanitizer: every byte is there. */
static void
check_str(struct laned_str s, size_t n_max)
{
	volatile char seen = 0;

	must(s.n <= n_max);
	for (size_t i = 0; i < s.n; i++)
		seen = (char)(seen ^ s.p[i]);
	(void)seen; /* only read */
}

static void
check_text(struct laned_str s, size_t n_max)
{
	check_str(s, n_max);
	must(str_utf8_ok((struct str){ s.p, s.n }));
}

static void
check_req(const struct host_wire_req *req)
{
	struct arena *arena = arena_new(ARENA_BYTES_MAX);
	struct json_out *out = json_out_new(REQ_BYTES_MAX);
	const struct value *v = NULL, *back;
	struct str text;

	must(arena != NULL && out != NULL);
	json_open_object(out, NULL);
	wire_write_req(out, req);
	json_close(out);
	must(json_out_text(out, &text) == 0);
	must(json_parse(arena, text, 0, &v, NULL) == 0);
	back = value_member(v, "req");
	must(back != NULL && (back->kind == VALUE_INT) == req->is_int);
	must(req->is_int ? back->i == req->i : str_is(back->s, req->text));
	json_out_free(out);
	(void)arena_free(arena); /* gives NULL */
}

static void
check_money(const struct laned_request *q)
{
	static const struct laned_key zero;

	must(q->type < LANED_REQ_PAY || q->type > LANED_REQ_UNDO ||
	     memcmp(&q->key, &zero, sizeof(zero)) != 0);
	must(q->type != LANED_REQ_PAY || (q->amount > 0 && q->ticket.p != NULL));
	must(q->type != LANED_REQ_REFUND || q->amount > 0);
	must(q->type != LANED_REQ_ANSWER || (q->amount >= 0 && q->outcome != 0));
}

static void
check_submit(const struct laned_request *q)
{
	must(q->size == sizeof(*q) && q->type != 0);
	check_text(q->ticket, TICKET_BYTES_MAX);
	check_text(q->currency, CURRENCY_BYTES);
	check_text(q->token, TEXT_BYTES_MAX);
	check_text(q->member_no, TEXT_BYTES_MAX);
	check_text(q->ref, TEXT_BYTES_MAX);
	check_text(q->auth, TEXT_BYTES_MAX);
	check_text(q->text, TEXT_BYTES_MAX);
	check_str(q->blob, LANED_BLOB_BYTES_MAX);
	must(q->discounts_count <= WIRE_DISCOUNTS_MAX);
	for (uint32_t i = 0; i < q->discounts_count; i++)
		check_text(q->discounts[i].text, TEXT_BYTES_MAX);
	must(q->receipts_count <= WIRE_RECEIPTS_MAX);
	for (uint32_t i = 0; i < q->receipts_count; i++)
		check_text(q->receipts[i], TEXT_BYTES_MAX);
	check_money(q);
}

static void
check_entry(const struct laned_entry *e)
{
	must(e->size == sizeof(*e) && wire_journal_state_name(e->state) != NULL);
	check_text(e->ticket, TICKET_BYTES_MAX);
	check_text(e->currency, CURRENCY_BYTES);
	check_text(e->ref, TEXT_BYTES_MAX);
	check_str(e->blob, LANED_BLOB_BYTES_MAX);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(ARENA_BYTES_MAX);
	struct laned_request q;
	struct laned_entry e;
	struct host_wire_req req;
	const struct value *v = NULL;
	const char *what = NULL;
	int rc;

	must(arena != NULL);
	if (json_parse(arena, (struct str){ (const char *)data, size }, 0, &v, NULL) <
	    0) {
		(void)arena_free(arena); /* gives NULL */
		return 0;
	}
	rc = wire_read_submit(arena, v, &req, &q, &what);
	must(rc == 0 || rc == -EPROTO || rc == -ENOMEM);
	must(rc != -EPROTO || what[0] != '\0'); /* the member is named */
	if (rc == 0) {
		check_req(&req);
		check_submit(&q);
	}
	if (wire_read_entry(arena, v, &req, &e) == 0) {
		check_req(&req);
		check_entry(&e);
	}
	(void)arena_free(arena); /* gives NULL */
	return 0;
}
