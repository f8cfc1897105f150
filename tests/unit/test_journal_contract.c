#include "unit.h"

#include "base/json.h"
#include "lane/journal.h"
#include "sim/mem_journal.h"

#include <errno.h>
#include <unistd.h>

/*
 * One suite for both journals: the simulator's in memory and the SQLite one. Each case runs twice,
 * with _i 0 and 1.
 */
enum { IN_MEMORY, IN_SQLITE, KINDS };

struct fixture {
	enum { MEMORY_KIND, SQLITE_KIND } kind;
	struct mem_journal *memory;
	struct journal *sqlite;
	struct journal_ref j;
	char dir[64], path[96];
};

static void
open_journal(struct fixture *f)
{
	struct journal_spec spec = { .path = f->path,
				     .environment = "test",
				     .lane = { { 1 } } };
	char why[256] = "";

	if (f->kind == MEMORY_KIND) {
		f->j = mem_journal_ref(f->memory);
		return;
	}
	ck_assert_msg(journal_open(&spec, &f->sqlite, why) == 0, "%s", why);
	f->j = journal_ref(f->sqlite);
}

static void
setup(struct fixture *f, int kind)
{
	memset(f, 0, sizeof(*f));
	f->kind = kind == IN_MEMORY ? MEMORY_KIND : SQLITE_KIND;
	if (f->kind == MEMORY_KIND) {
		f->memory = mem_journal_new();
	} else {
		(void)snprintf(f->dir, sizeof(f->dir), "/tmp/laned-journal-XXXXXX");
		ck_assert_ptr_nonnull(mkdtemp(f->dir));
		(void)snprintf(f->path, sizeof(f->path), "%s/journal.db", f->dir);
	}
	open_journal(f);
}

/* The process dies and comes again. */
static void
reopen(struct fixture *f)
{
	if (f->kind == MEMORY_KIND)
		mem_journal_crash(f->memory);
	f->sqlite = journal_close(f->sqlite);
	open_journal(f);
}

static void
teardown(struct fixture *f)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	char path[112];

	f->sqlite = journal_close(f->sqlite);
	f->memory = mem_journal_free(f->memory);
	if (f->kind == MEMORY_KIND)
		return;
	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(path, sizeof(path), "%s%s", f->path, ends[i]);
		(void)unlink(path); /* WAL and SHM may be gone already */
	}
	ck_assert_int_eq(rmdir(f->dir), 0);
}

static struct ulid
id_of(uint8_t n)
{
	return (struct ulid){ { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, n } };
}

static struct basket_line
line_of(uint32_t n)
{
	struct basket_line l = { .line = n,
				 .code = "4006381333931",
				 .text = "Käse \"alt\"",
				 .category = "food/dairy",
				 .brand = "B",
				 .qty_milli = 1500,
				 .unit_price_minor = 299,
				 .amount_minor = 449,
				 .vat_bp = 700,
				 .weighed = true };

	return l;
}

static struct checkout_record
checkout_of(uint8_t n)
{
	struct checkout_record r;

	memset(&r, 0, sizeof(r));
	r.checkout = id_of(n);
	r.phase = PHASE_OPEN;
	r.member_state = MEMBER_KNOWN;
	r.member = id_of(200);
	r.claimed = r.claim_to_pay = true;
	(void)snprintf(r.ticket, sizeof(r.ticket), "T%u", n);
	(void)snprintf(r.currency, sizeof(r.currency), "EUR");
	r.rev = 4;
	r.gross_minor = 500;
	r.total_minor = 450;
	r.saving_minor = 50;
	r.business_day = 20260921;
	r.opened_wall_ms = 1000 + n;
	r.changed_wall_ms = 2000 + n;
	return r;
}

static struct payment
payment_of(uint8_t n, enum payment_state state)
{
	struct payment p;

	memset(&p, 0, sizeof(p));
	p.key.b[0] = n;
	p.checkout = id_of(1);
	(void)snprintf(p.ticket, sizeof(p.ticket), "T1");
	(void)snprintf(p.currency, sizeof(p.currency), "EUR");
	p.rev = 4;
	p.asked_minor = 100 + n;
	p.state = state;
	p.by_touch = true;
	p.created_wall_ms = 5000 + n;
	p.state_wall_ms = 6000 + n;
	p.due_mono_ms = PAYMENT_NEVER;
	return p;
}

static int
put(struct fixture *f, const struct checkout_record *r, const struct payment *p)
{
	int rc = f->j.ops->begin(f->j.impl, p != NULL);

	if (rc == 0 && r != NULL)
		rc = f->j.ops->put_checkout(f->j.impl, r);
	if (rc == 0 && p != NULL)
		rc = f->j.ops->put_payment(f->j.impl, p);
	if (rc < 0) {
		f->j.ops->rollback(f->j.impl);
		return rc;
	}
	return f->j.ops->commit(f->j.impl);
}

START_TEST(a_checkout_comes_back_as_it_was)
{
	struct fixture f;
	struct checkout_record r = checkout_of(1);
	struct basket_line lines[2] = { line_of(1), line_of(7) };
	struct lane_reserved reserved[2] = { { "r1", 2, 150, { { 0 } } },
					     { "r2", 1, 40, { { 0 } } } };
	struct journal_checkout back;

	setup(&f, _i);
	ck_assert_int_eq(f.j.ops->get_checkout(f.j.impl, id_of(0), &back), -ENOENT);
	r.lines = lines;
	r.lines_count = 2;
	r.basket_changed = true;
	r.reserved = reserved;
	r.reserved_count = 2;
	r.final = r.touched = r.pay_blocked = true;
	ck_assert_int_eq(put(&f, &r, NULL), 0);
	reopen(&f);
	ck_assert_int_eq(f.j.ops->get_checkout(f.j.impl, id_of(1), &back), 0);
	ck_assert(ulid_eq(back.record.checkout, r.checkout));
	ck_assert(ulid_eq(back.record.member, r.member));
	ck_assert_str_eq(back.record.ticket, "T1");
	ck_assert_uint_eq(back.record.rev, 4);
	ck_assert_int_eq(back.record.total_minor, 450);
	ck_assert_int_eq(back.record.member_state, MEMBER_KNOWN);
	ck_assert(back.record.final && back.record.claimed && back.record.touched &&
		  back.record.pay_blocked && back.record.claim_to_pay &&
		  !back.record.training && !back.record.tender_outside);
	ck_assert_uint_eq(back.record.lines_count, 2);
	ck_assert_uint_eq(back.lines[1].line, 7);
	ck_assert_str_eq(back.lines[0].text, "Käse \"alt\"");
	ck_assert_int_eq(back.lines[0].qty_milli, 1500);
	ck_assert(back.lines[0].weighed && !back.lines[0].is_void);
	ck_assert_uint_eq(back.record.reserved_count, 2);
	ck_assert_str_eq(back.reserved[1].rule, "r2");
	journal_checkout_clear(&back);
	teardown(&f);
}
END_TEST

START_TEST(what_a_record_does_not_tell_stays)
{
	struct fixture f;
	struct checkout_record r = checkout_of(1);
	struct basket_line line = line_of(1);
	struct lane_reserved reserved = { "r1", 2, 150, { { 0 } } };
	struct journal_checkout back;

	setup(&f, _i);
	r.lines = &line;
	r.lines_count = 1;
	r.basket_changed = true;
	r.reserved = &reserved;
	r.reserved_count = 1;
	ck_assert_int_eq(put(&f, &r, NULL), 0);
	r.basket_changed = false;
	r.lines = NULL;
	r.lines_count = 0;
	r.reserved = NULL;
	r.reserved_count = 0;
	r.phase = PHASE_PAYING;
	ck_assert_int_eq(put(&f, &r, NULL), 0);
	ck_assert_int_eq(f.j.ops->get_checkout(f.j.impl, id_of(1), &back), 0);
	ck_assert_int_eq(back.record.phase, PHASE_PAYING);
	ck_assert_uint_eq(back.record.lines_count, 1);
	ck_assert_uint_eq(back.record.reserved_count, 1);
	journal_checkout_clear(&back);
	teardown(&f);
}
END_TEST

START_TEST(the_last_and_the_last_ended_checkout_are_known)
{
	struct fixture f;
	struct checkout_record a = checkout_of(9), b = checkout_of(2), ended[2];
	struct journal_checkout back;
	uint32_t count = 9;

	setup(&f, _i);
	ck_assert_int_eq(f.j.ops->get_ended(f.j.impl, ended, 2, &count), 0);
	ck_assert_uint_eq(count, 0);
	a.phase = PHASE_DONE;
	b.ticket[0] = '\0';
	ck_assert_int_eq(put(&f, &a, NULL), 0);
	ck_assert_int_eq(put(&f, &b, NULL), 0);
	reopen(&f);
	ck_assert_int_eq(f.j.ops->get_checkout(f.j.impl, (struct ulid){ { 0 } }, &back),
			 0);
	ck_assert(ulid_eq(back.record.checkout, b.checkout)); /* by order, not by id */
	journal_checkout_clear(&back);
	ck_assert_int_eq(f.j.ops->get_ended(f.j.impl, ended, 2, &count), 0);
	ck_assert_uint_eq(count, 1);
	ck_assert_str_eq(ended[0].ticket, "T9");
	for (uint8_t n = 10; n < 13; n++) {
		a = checkout_of(n);
		a.phase = n == 11 ? PHASE_CANCELLED : PHASE_DONE;
		ck_assert_int_eq(put(&f, &a, NULL), 0);
	}
	ck_assert_int_eq(f.j.ops->get_ended(f.j.impl, ended, 2, &count), 0);
	ck_assert_uint_eq(count, 2);
	ck_assert_str_eq(ended[0].ticket, "T12"); /* newest first */
	ck_assert_str_eq(ended[1].ticket, "T11");
	ck_assert_int_eq(ended[1].phase, PHASE_CANCELLED);
	teardown(&f);
}
END_TEST

START_TEST(a_payment_comes_back_as_it_was)
{
	struct fixture f;
	struct payment p = payment_of(3, PAYMENT_SENDING), back;

	setup(&f, _i);
	p.blob_bytes = 5;
	memcpy(p.blob, "\x00ref\xff", 5);
	p.told = p.nothing_found = true;
	p.tries = 7;
	(void)snprintf(p.ref, sizeof(p.ref), "R-77");
	(void)snprintf(p.auth, sizeof(p.auth), "A-1");
	(void)snprintf(p.adapter, sizeof(p.adapter), "drop");
	ck_assert_int_eq(put(&f, NULL, &p), 0);
	reopen(&f);
	ck_assert_int_eq(f.j.ops->get_payment(f.j.impl, p.key, &back), 0);
	ck_assert_int_eq(back.state, PAYMENT_SENDING);
	ck_assert_mem_eq(back.blob, p.blob, 5);
	ck_assert_uint_eq(back.blob_bytes, 5);
	ck_assert(back.told && back.nothing_found && back.by_touch &&
		  !back.approval_seen && !back.alarmed);
	ck_assert_int_eq(back.asked_minor, 103);
	ck_assert_int_eq(back.state_wall_ms, 6003);
	ck_assert_uint_eq(back.tries, 7);
	ck_assert_str_eq(back.auth, "A-1");
	ck_assert_str_eq(back.adapter, "drop");
	ck_assert_int_eq(back.due_mono_ms, PAYMENT_NEVER);
	p.key.b[0] = 99;
	ck_assert_int_eq(f.j.ops->get_payment(f.j.impl, p.key, &back), -ENOENT);
	teardown(&f);
}
END_TEST

START_TEST(what_a_pos_asked_for_comes_back_and_is_found_by_its_own_reference)
{
	struct fixture f;
	struct payment p = payment_of(3, PAYMENT_ANSWER_SENDING), back;

	setup(&f, _i);
	(void)snprintf(p.ref, sizeof(p.ref), "R-77");
	(void)snprintf(p.pos_adapter, sizeof(p.pos_adapter), "till");
	(void)snprintf(p.pos_ref, sizeof(p.pos_ref), "7001");
	p.pos_blob_bytes = 4;
	memcpy(p.pos_blob, "\x00p\xff!", 4);
	p.taken = p.two_phase = p.given_back = true;
	ck_assert_int_eq(put(&f, NULL, &p), 0);
	memcpy(p.pos_blob, "late", 4); /* with the answer */
	p.passed = true;
	ck_assert_int_eq(put(&f, NULL, &p), 0);
	reopen(&f);
	ck_assert_int_eq(f.j.ops->find_payment(f.j.impl, STR("7001"), &back), 0);
	ck_assert(key128_eq(back.key, p.key) && payment_is_for_pos(&back));
	ck_assert_str_eq(back.pos_adapter, "till");
	ck_assert_str_eq(back.pos_ref, "7001");
	ck_assert_str_eq(back.ref, "R-77");
	ck_assert_uint_eq(back.pos_blob_bytes, 4);
	ck_assert_mem_eq(back.pos_blob, "late", 4);
	ck_assert(back.taken && back.two_phase && back.given_back && back.passed);
	ck_assert_int_eq(f.j.ops->find_payment(f.j.impl, STR("late"), &back), 0);
	(void)snprintf(p.pos_ref, sizeof(p.pos_ref), "4111111111111111");
	p.key.b[0] = 4;
	ck_assert_int_eq(put(&f, NULL, &p), -EPERM);
	teardown(&f);
}
END_TEST

static int
count_parts(void *ctx, const struct payment *p)
{
	int *sum = ctx;

	*sum += p->key.b[0];
	return 0;
}

START_TEST(the_confirmed_parts_of_a_checkout_are_told)
{
	struct fixture f;
	struct payment one = payment_of(1, PAYMENT_CONFIRMED),
		       two = payment_of(2, PAYMENT_CONFIRMED),
		       back = payment_of(4, PAYMENT_CONFIRMED),
		       open = payment_of(8, PAYMENT_UNKNOWN),
		       other = payment_of(16, PAYMENT_CONFIRMED);
	int sum = 0;

	setup(&f, _i);
	back.given_back = true;
	other.checkout = id_of(77);
	ck_assert_int_eq(put(&f, NULL, &one), 0);
	ck_assert_int_eq(put(&f, NULL, &two), 0);
	ck_assert_int_eq(put(&f, NULL, &back), 0);
	ck_assert_int_eq(put(&f, NULL, &open), 0);
	ck_assert_int_eq(put(&f, NULL, &other), 0);
	reopen(&f);
	ck_assert_int_eq(f.j.ops->paid_parts(f.j.impl, id_of(1), count_parts, &sum), 0);
	ck_assert_int_eq(sum, 1 + 2 + 4); /* also what was given back since */
	teardown(&f);
}
END_TEST

START_TEST(a_payment_is_found_by_reference_or_blob)
{
	struct fixture f;
	struct payment a = payment_of(1, PAYMENT_CONFIRMED),
		       b = payment_of(2, PAYMENT_DECLINED), back;

	setup(&f, _i);
	(void)snprintf(a.ref, sizeof(a.ref), "R-1");
	(void)snprintf(b.ref, sizeof(b.ref), "R-1");
	a.blob_bytes = 3;
	memcpy(a.blob, "xyz", 3);
	ck_assert_int_eq(put(&f, NULL, &a), 0);
	ck_assert_int_eq(put(&f, NULL, &b), 0);
	ck_assert_int_eq(f.j.ops->find_payment(f.j.impl, STR("R-1"), &back), 0);
	ck_assert_uint_eq(back.key.b[0], 2); /* the newest */
	ck_assert_int_eq(f.j.ops->find_payment(f.j.impl, STR("xyz"), &back), 0);
	ck_assert_uint_eq(back.key.b[0], 1);
	ck_assert_int_eq(f.j.ops->find_payment(f.j.impl, STR("R-2"), &back), -ENOENT);
	ck_assert_int_eq(f.j.ops->find_payment(f.j.impl, STR(""), &back), -ENOENT);
	teardown(&f);
}
END_TEST

static int
collect(void *ctx, const struct payment *p)
{
	char *text = ctx;
	size_t n = strlen(text);

	text[n] = (char)('0' + p->key.b[0]);
	text[n + 1] = '\0';
	return p->key.b[0] == 9 ? 5 : 0;
}

START_TEST(open_payments_are_all_that_a_restart_must_take_up)
{
	struct fixture f;
	char text[32] = "";

	setup(&f, _i);
	for (unsigned s = 0; s < PAYMENT_STATES; s++) {
		struct payment p = payment_of((uint8_t)(s + 10), (enum payment_state)s);

		ck_assert_int_eq(put(&f, NULL, &p), 0);
	}
	reopen(&f);
	ck_assert_int_eq(f.j.ops->open_payments(f.j.impl, collect, text), 0);
	for (unsigned s = 0; s < PAYMENT_STATES; s++)
		ck_assert_int_eq(strchr(text, (char)('0' + s + 10)) != NULL,
				 payment_is_open((enum payment_state)s));
	{
		struct payment p = payment_of(9, PAYMENT_UNKNOWN);

		ck_assert_int_eq(put(&f, NULL, &p), 0);
		ck_assert_int_eq(f.j.ops->open_payments(f.j.impl, collect, text), 5);
	}
	teardown(&f);
}
END_TEST

START_TEST(what_is_rolled_back_was_never_there)
{
	struct fixture f;
	struct checkout_record r = checkout_of(1);
	struct payment p = payment_of(1, PAYMENT_CREATED), back;
	struct journal_checkout c;
	struct lane_audit a = { .what = "x" };

	setup(&f, _i);
	ck_assert_int_eq(f.j.ops->begin(f.j.impl, true), 0);
	ck_assert_int_eq(f.j.ops->put_checkout(f.j.impl, &r), 0);
	ck_assert_int_eq(f.j.ops->put_payment(f.j.impl, &p), 0);
	ck_assert_int_eq(f.j.ops->put_audit(f.j.impl, &a, 5), 0);
	f.j.ops->rollback(f.j.impl);
	ck_assert_int_eq(f.j.ops->get_payment(f.j.impl, p.key, &back), -ENOENT);
	/* And what was put, but not committed, when the process died. */
	ck_assert_int_eq(f.j.ops->begin(f.j.impl, true), 0);
	ck_assert_int_eq(f.j.ops->put_checkout(f.j.impl, &r), 0);
	ck_assert_int_eq(f.j.ops->put_payment(f.j.impl, &p), 0);
	reopen(&f);
	ck_assert_int_eq(f.j.ops->get_payment(f.j.impl, p.key, &back), -ENOENT);
	ck_assert_int_eq(f.j.ops->get_checkout(f.j.impl, id_of(1), &c), -ENOENT);
	teardown(&f);
}
END_TEST

static void
expect_uses(struct fixture *f, const struct journal_uses_query *q, const char *rule,
	    const int64_t want[4])
{
	struct lane_use list[8];
	uint32_t count = 0;

	ck_assert_int_eq(f->j.ops->uses(f->j.impl, q, list, 8, &count), 0);
	for (uint32_t i = 0; i < count; i++) {
		if (strcmp(list[i].rule, rule) != 0)
			continue;
		ck_assert_int_eq(list[i].member_used, want[0]);
		ck_assert_int_eq(list[i].member_day_used, want[1]);
		ck_assert_int_eq(list[i].total_used, want[2]);
		ck_assert_int_eq(list[i].budget_used_minor, want[3]);
		return;
	}
	ck_assert_int_eq(want[2], 0);
}

START_TEST(limits_are_reserved_then_counted_once_or_released)
{
	struct fixture f;
	struct checkout_record a = checkout_of(1), b = checkout_of(2);
	struct lane_reserved two = { "r1", 2, 200, { { 0 } } },
			     three = { "r1", 3, 310, { { 0 } } };
	struct journal_uses_query mine = { .member = a.member, .business_day = 20260921 },
				  other = { .member = id_of(201),
					    .business_day = 20260921 },
				  own = { .member = a.member,
					  .except = a.checkout,
					  .business_day = 20260921 };

	setup(&f, _i);
	a.reserved = &two;
	b.reserved = &three;
	a.reserved_count = b.reserved_count = 1;
	b.business_day = 20260920;
	ck_assert_int_eq(put(&f, &a, NULL), 0);
	reopen(&f); /* a reservation survives the process */
	expect_uses(&f, &mine, "r1", (int64_t[]){ 2, 2, 2, 200 });
	expect_uses(&f, &other, "r1", (int64_t[]){ 0, 0, 2, 200 });
	expect_uses(&f, &own, "r1", (int64_t[]){ 0, 0, 0, 0 });
	ck_assert_int_eq(put(&f, &b, NULL), 0);
	expect_uses(&f, &mine, "r1", (int64_t[]){ 5, 2, 5, 510 });
	a.phase = PHASE_DONE;
	a.uses_count_now = true;
	ck_assert_int_eq(put(&f, &a, NULL), 0);
	ck_assert_int_eq(put(&f, &a, NULL), 0); /* written again: counted once */
	expect_uses(&f, &own, "r1", (int64_t[]){ 5, 2, 5, 510 });
	b.phase = PHASE_CANCELLED;
	ck_assert_int_eq(put(&f, &b, NULL), 0);
	expect_uses(&f, &mine, "r1", (int64_t[]){ 2, 2, 2, 200 });
	reopen(&f);
	expect_uses(&f, &mine, "r1", (int64_t[]){ 2, 2, 2, 200 });
	teardown(&f);
}
END_TEST

/* The price of the member before may still be sold: of the two one will be. */
START_TEST(two_members_reservations_of_a_checkout_are_counted_to_each_and_in_all_once)
{
	struct fixture f;
	struct checkout_record a = checkout_of(1);
	struct lane_reserved both[2] = { { "r1", 2, 200, id_of(201) },
					 { "r1", 3, 150, { { 0 } } } };
	struct journal_uses_query own = { .member = a.member, .business_day = 20260921 },
				  before = { .member = id_of(201),
					     .business_day = 20260921 },
				  other = { .member = id_of(202),
					    .business_day = 20260921 };
	struct journal_checkout back;

	setup(&f, _i);
	a.business_day = 20260921;
	a.reserved = both;
	a.reserved_count = 2;
	ck_assert_int_eq(put(&f, &a, NULL), 0);
	reopen(&f);
	ck_assert_int_eq(f.j.ops->get_checkout(f.j.impl, id_of(1), &back), 0);
	ck_assert_uint_eq(back.record.reserved_count, 2);
	ck_assert(ulid_eq(back.reserved[0].member, id_of(201)) !=
		  ulid_eq(back.reserved[1].member, id_of(201)));
	journal_checkout_clear(&back);
	for (int counted = 0; counted < 2; counted++) {
		expect_uses(&f, &own, "r1", (int64_t[]){ 3, 3, 3, 200 });
		expect_uses(&f, &before, "r1", (int64_t[]){ 2, 2, 3, 200 });
		expect_uses(&f, &other, "r1", (int64_t[]){ 0, 0, 3, 200 });
		a.phase = PHASE_DONE;
		a.uses_count_now = true;
		ck_assert_int_eq(put(&f, &a, NULL), 0);
		reopen(&f);
	}
	teardown(&f);
}
END_TEST

START_TEST(only_what_the_present_set_limits_is_told)
{
	static const char text[] =
		"{\"laned_rules\":1,\"currency\":\"EUR\",\"rules\":["
		"{\"id\":\"a\",\"kind\":\"percent\",\"scope\":{\"all\":true},"
		"\"params\":{\"percent_bp\":1},\"limits\":{\"total\":9}},"
		"{\"id\":\"b\",\"kind\":\"percent\",\"scope\":{\"all\":true},"
		"\"params\":{\"percent_bp\":1}}]}";
	struct fixture f;
	struct checkout_record a = checkout_of(1);
	struct lane_reserved r[3] = { { "a", 1, 6, { { 0 } } },
				      { "b", 1, 7, { { 0 } } },
				      { "gone", 1, 5, { { 0 } } } };
	struct journal_uses_query q = { .member = a.member };
	struct arena *arena = arena_new(1u << 20);
	struct pricing_errors errors;
	struct pricing_rules *rules = NULL;
	const struct value *v = NULL;
	struct lane_use list[1];
	uint32_t count = 0;

	ck_assert_int_eq(json_parse(arena, str_of(text), 0, &v, NULL), 0);
	ck_assert_int_eq(pricing_rules_compile(v, &errors, &rules), 0);
	setup(&f, _i);
	a.reserved = r;
	a.reserved_count = 3;
	ck_assert_int_eq(put(&f, &a, NULL), 0);
	q.rules = rules;
	ck_assert_int_eq(f.j.ops->uses(f.j.impl, &q, list, 1, &count), 0);
	ck_assert_uint_eq(count, 1);
	ck_assert_str_eq(list[0].rule, "a");
	teardown(&f);
	(void)pricing_rules_free(rules); /* gives NULL */
	(void)arena_free(arena);         /* gives NULL */
}
END_TEST

START_TEST(nets_points_and_what_the_pos_says_of_a_line_come_back)
{
	struct fixture f;
	struct checkout_record r = checkout_of(1);
	struct basket_line lines[2] = { line_of(1), line_of(7) };
	struct journal_checkout back;

	setup(&f, _i);
	lines[0].has_net = true;
	lines[0].net_minor = -3;
	lines[0].floor_minor = 17;
	lines[1].excluded = lines[1].reduced = true;
	r.lines = lines;
	r.lines_count = 2;
	r.basket_changed = true;
	r.points = 45;
	ck_assert_int_eq(put(&f, &r, NULL), 0);
	reopen(&f);
	ck_assert_int_eq(f.j.ops->get_checkout(f.j.impl, id_of(1), &back), 0);
	ck_assert_int_eq(back.record.points, 45);
	ck_assert(back.lines[0].has_net && !back.lines[1].has_net);
	ck_assert_int_eq(back.lines[0].net_minor, -3);
	ck_assert_int_eq(back.lines[0].floor_minor, 17);
	ck_assert(!back.lines[0].excluded && !back.lines[0].reduced);
	ck_assert(back.lines[1].excluded && back.lines[1].reduced);
	journal_checkout_clear(&back);
	teardown(&f);
}
END_TEST

START_TEST(who_has_paid_before_is_known)
{
	struct fixture f;
	struct checkout_record r = checkout_of(1);
	const struct ulid none = { { 0 } };
	bool bought = true;

	setup(&f, _i);
	ck_assert_int_eq(put(&f, &r, NULL), 0);
	ck_assert_int_eq(f.j.ops->bought(f.j.impl, r.member, none, &bought), 0);
	ck_assert(!bought); /* still open */
	r.phase = PHASE_DONE;
	ck_assert_int_eq(put(&f, &r, NULL), 0);
	ck_assert_int_eq(f.j.ops->bought(f.j.impl, r.member, r.checkout, &bought), 0);
	ck_assert(!bought);
	ck_assert_int_eq(f.j.ops->bought(f.j.impl, r.member, none, &bought), 0);
	ck_assert(bought);
	ck_assert_int_eq(f.j.ops->bought(f.j.impl, id_of(77), none, &bought), 0);
	ck_assert(!bought);
	r = checkout_of(2);
	r.member = none;
	r.phase = PHASE_DONE;
	ck_assert_int_eq(put(&f, &r, NULL), 0);
	ck_assert_int_eq(f.j.ops->bought(f.j.impl, none, none, &bought), 0);
	ck_assert(!bought); /* a stranger is nobody in particular */
	teardown(&f);
}
END_TEST

START_TEST(too_many_rules_are_told)
{
	struct fixture f;
	struct checkout_record a = checkout_of(1);
	struct lane_reserved r[3] = { { "c", 1, 5, { { 0 } } },
				      { "a", 1, 6, { { 0 } } },
				      { "b", 1, 7, { { 0 } } } };
	struct journal_uses_query q = { .member = a.member };
	struct lane_use list[3];
	uint32_t count = 0;

	setup(&f, _i);
	a.reserved = r;
	a.reserved_count = 3;
	ck_assert_int_eq(put(&f, &a, NULL), 0);
	ck_assert_int_eq(f.j.ops->uses(f.j.impl, &q, list, 2, &count), -E2BIG);
	ck_assert_int_eq(f.j.ops->uses(f.j.impl, &q, list, 3, &count), 0);
	ck_assert_uint_eq(count, 3);
	ck_assert_str_eq(list[0].rule, "a");
	ck_assert_str_eq(list[2].rule, "c");
	teardown(&f);
}
END_TEST

START_TEST(the_day_by_touch_counts_what_is_paid_or_may_be)
{
	struct fixture f;
	struct checkout_record r = checkout_of(1), other = checkout_of(2);
	int64_t sum = -1, want = 0;

	setup(&f, _i);
	ck_assert_int_eq(put(&f, &r, NULL), 0);
	other.business_day = 20260920;
	ck_assert_int_eq(put(&f, &other, NULL), 0);
	for (unsigned s = 0; s < PAYMENT_STATES; s++) {
		struct payment p = payment_of((uint8_t)(s + 1), (enum payment_state)s);

		if (s != PAYMENT_NOT_SENT && s != PAYMENT_CANCELLED &&
		    s != PAYMENT_DECLINED && s != PAYMENT_UNDONE)
			want += p.asked_minor;
		ck_assert_int_eq(put(&f, NULL, &p), 0);
	}
	{
		struct payment claimed = payment_of(50, PAYMENT_CONFIRMED);
		struct payment yesterday = payment_of(51, PAYMENT_CONFIRMED);

		claimed.by_touch = false;
		yesterday.checkout = other.checkout;
		ck_assert_int_eq(put(&f, NULL, &claimed), 0);
		ck_assert_int_eq(put(&f, NULL, &yesterday), 0);
	}
	ck_assert_int_eq(f.j.ops->touch_sum(f.j.impl, r.member, 20260921, &sum), 0);
	ck_assert_int_eq(sum, want);
	ck_assert_int_eq(f.j.ops->touch_sum(f.j.impl, id_of(77), 20260921, &sum), 0);
	ck_assert_int_eq(sum, 0);
	{
		/* Another member's token paid a part of that checkout. */
		struct payment part = payment_of(60, PAYMENT_CONFIRMED);

		part.member = id_of(77);
		ck_assert_int_eq(put(&f, NULL, &part), 0);
	}
	ck_assert_int_eq(f.j.ops->touch_sum(f.j.impl, id_of(77), 20260921, &sum), 0);
	ck_assert_int_eq(sum, 160);
	ck_assert_int_eq(f.j.ops->touch_sum(f.j.impl, id_of(77), 20260920, &sum), 0);
	ck_assert_int_eq(sum, 0);
	ck_assert_int_eq(f.j.ops->touch_sum(f.j.impl, r.member, 20260921, &sum), 0);
	ck_assert_int_eq(sum, want);
	teardown(&f);
}
END_TEST

#define PAN "4111 1111 1111 1111"

START_TEST(no_card_number_gets_in)
{
	struct fixture f;
	struct checkout_record ticket = checkout_of(1), text = checkout_of(2),
			       brand = checkout_of(3), good = checkout_of(4),
			       code = checkout_of(5);
	struct basket_line l1 = line_of(1), l2 = line_of(1), l3 = line_of(1),
			   l4 = line_of(1);
	struct payment ref = payment_of(1, PAYMENT_SENDING),
		       auth = payment_of(2, PAYMENT_SENDING),
		       blob = payment_of(3, PAYMENT_SENDING);
	struct lane_audit a = { .what = "note", .text = "card " PAN };

	setup(&f, _i);
	(void)snprintf(ticket.ticket, sizeof(ticket.ticket), PAN);
	(void)snprintf(l1.text, sizeof(l1.text), "gift " PAN);
	(void)snprintf(l2.brand, sizeof(l2.brand), PAN);
	(void)snprintf(l3.code, sizeof(l3.code), "30569309025904"); /* a GTIN-14 */
	(void)snprintf(l4.code, sizeof(l4.code), "4111111111111111");
	text.lines = &l1;
	brand.lines = &l2;
	good.lines = &l3;
	code.lines = &l4;
	text.lines_count = brand.lines_count = good.lines_count = code.lines_count = 1;
	text.basket_changed = brand.basket_changed = good.basket_changed =
		code.basket_changed = true;
	(void)snprintf(ref.ref, sizeof(ref.ref), PAN);
	(void)snprintf(auth.auth, sizeof(auth.auth), "%s", PAN);
	blob.blob_bytes = (uint32_t)strlen("x=" PAN);
	memcpy(blob.blob, "x=" PAN, blob.blob_bytes);
	ck_assert_int_eq(put(&f, &ticket, NULL), -EPERM);
	ck_assert_int_eq(put(&f, &text, NULL), -EPERM);
	ck_assert_int_eq(put(&f, &brand, NULL), -EPERM);
	ck_assert_int_eq(put(&f, &code, NULL), -EPERM);
	ck_assert_int_eq(put(&f, &good, NULL), 0);
	ck_assert_int_eq(put(&f, NULL, &ref), -EPERM);
	ck_assert_int_eq(put(&f, NULL, &auth), -EPERM);
	ck_assert_int_eq(put(&f, NULL, &blob), -EPERM);
	ck_assert_int_eq(f.j.ops->begin(f.j.impl, false), 0);
	ck_assert_int_eq(f.j.ops->put_audit(f.j.impl, &a, 1), -EPERM);
	f.j.ops->rollback(f.j.impl);
	teardown(&f);
}
END_TEST

int
main(void)
{
	const TTest *const list[] = {
		a_checkout_comes_back_as_it_was,
		what_a_record_does_not_tell_stays,
		the_last_and_the_last_ended_checkout_are_known,
		a_payment_comes_back_as_it_was,
		what_a_pos_asked_for_comes_back_and_is_found_by_its_own_reference,
		the_confirmed_parts_of_a_checkout_are_told,
		a_payment_is_found_by_reference_or_blob,
		open_payments_are_all_that_a_restart_must_take_up,
		what_is_rolled_back_was_never_there,
		limits_are_reserved_then_counted_once_or_released,
		two_members_reservations_of_a_checkout_are_counted_to_each_and_in_all_once,
		only_what_the_present_set_limits_is_told,
		nets_points_and_what_the_pos_says_of_a_line_come_back,
		who_has_paid_before_is_known,
		too_many_rules_are_told,
		the_day_by_touch_counts_what_is_paid_or_may_be,
		no_card_number_gets_in,
	};
	Suite *suite = suite_create("journal_contract");
	TCase *tc = tcase_create("both");
	SRunner *runner = srunner_create(suite);
	int failed;

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		tcase_add_loop_test(tc, list[i], 0, KINDS);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
