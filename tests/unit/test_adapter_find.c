#include "unit/unit.h"

#include "lane/lane_private.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct fixture {
	char dir[64], path[96];
	struct lane lane;
	struct adapter_link *till, *bank;
};

static void
setup(struct fixture *f)
{
	struct journal_spec spec = { .environment = "test", .lane = { { 1 } } };
	char why[256];

	memset(f, 0, sizeof(*f));
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/laned-find-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(f->dir));
	(void)snprintf(f->path, sizeof(f->path), "%s/journal.db", f->dir);
	spec.path = f->path;
	ck_assert_msg(journal_open(&spec, &f->lane.journal, why) == 0, "%s", why);
	f->lane.adapters_count = 2;
	f->till = &f->lane.adapters[0];
	f->bank = &f->lane.adapters[1];
	f->till->lane = f->bank->lane = &f->lane;
	f->till->known = f->bank->known = true;
	(void)snprintf(f->till->name, sizeof(f->till->name), "till");
	(void)snprintf(f->till->place, sizeof(f->till->place), "zvt 1");
	(void)snprintf(f->bank->name, sizeof(f->bank->name), "bank");
	(void)snprintf(f->bank->place, sizeof(f->bank->place), "iso 1");
}

static void
teardown(struct fixture *f)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	char path[112];

	f->lane.journal = journal_close(f->lane.journal);
	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(path, sizeof(path), "%s%s", f->path, ends[i]);
		(void)unlink(path); /* WAL and SHM may be gone already */
	}
	ck_assert_int_eq(rmdir(f->dir), 0);
}

/* Who charges, under which number; and who asked, under which. */
struct row {
	const char *adapter, *place, *ref, *pos_adapter, *pos_place, *pos_ref;
};

static void
put(struct fixture *f, const struct row *rows, size_t count)
{
	struct journal_ref j = journal_ref(f->lane.journal);
	struct payment p;

	ck_assert_int_eq(j.ops->begin(j.impl, true), 0);
	for (size_t i = 0; i < count; i++) {
		memset(&p, 0, sizeof(p));
		p.key.b[0] = (uint8_t)(i + 1);
		(void)snprintf(p.ticket, sizeof(p.ticket), "T1");
		(void)snprintf(p.adapter, sizeof(p.adapter), "%s", rows[i].adapter);
		(void)snprintf(p.place, sizeof(p.place), "%s", rows[i].place);
		(void)snprintf(p.ref, sizeof(p.ref), "%s", rows[i].ref);
		(void)snprintf(p.pos_adapter, sizeof(p.pos_adapter), "%s",
			       rows[i].pos_adapter);
		(void)snprintf(p.pos_place, sizeof(p.pos_place), "%s", rows[i].pos_place);
		(void)snprintf(p.pos_ref, sizeof(p.pos_ref), "%s", rows[i].pos_ref);
		ck_assert_int_eq(j.ops->put_payment(j.impl, &p), 0);
	}
	ck_assert_int_eq(j.ops->commit(j.impl), 0);
}

/* Which one it is; 0 none. */
static unsigned
found(const struct adapter_link *a, const char *ref)
{
	struct payment p;

	return adapter_find(a, str_of(ref), &p) == 0 ? p.key.b[0] : 0;
}

static unsigned
told(const struct adapter_link *a, const char *ref)
{
	struct payment p;

	return adapter_find_told(a, str_of(ref), &p) == 0 ? p.key.b[0] : 0;
}

START_TEST(a_number_that_another_peer_of_the_name_used_since_hides_nothing)
{
	static const struct row rows[] = {
		{ "bank", "iso 1", "a", "till", "zvt 1", "17" },
		{ "bank", "iso 1", "b", "till", "opi 9",
		  "17" }, /* another POS, a while */
		{ "bank", "iso 1", "c", "till", "opi 9", "17" },
		{ "bank", "iso 1", "d", "till", "opi 9", "18" },
	};
	struct fixture f;

	setup(&f);
	put(&f, rows, 4);
	ck_assert_uint_eq(found(f.till, "17"), 1);
	ck_assert_uint_eq(told(f.till, "17"), 1);
	ck_assert_uint_eq(found(f.till, "18"), 0);
	(void)snprintf(f.till->place, sizeof(f.till->place), "opi 9");
	ck_assert_uint_eq(found(f.till, "17"), 3);
	ck_assert_uint_eq(told(f.till, "17"), 3);
	teardown(&f);
}
END_TEST

START_TEST(a_word_goes_by_the_number_of_the_pos_and_not_by_a_payer_s_newer_one)
{
	static const struct row rows[] = {
		{ "till", "zvt 1", "x1", "till", "zvt 1", "17" },
		{ "till", "zvt 1", "17", "till", "zvt 1", "18" },
		{ "till", "zvt 1", "19", "", "", "" }, /* no POS has asked */
		{ "till", "zvt 1", "19", "kiosk", "", "20" },
	};
	struct fixture f;

	setup(&f);
	put(&f, rows, 4);
	ck_assert_uint_eq(told(f.till, "17"), 1);
	ck_assert_uint_eq(told(f.till, "18"), 2);
	ck_assert_uint_eq(told(f.till, "19"), 3);
	ck_assert_uint_eq(told(f.till, "20"), 0); /* another's POS */
	ck_assert_uint_eq(found(f.till, "17"), 2);
	ck_assert_uint_eq(found(f.till, "19"), 4);
	teardown(&f);
}
END_TEST

START_TEST(the_newest_of_one_number_is_meant_and_none_of_another_adapter)
{
	static const struct row rows[] = {
		{ "bank", "iso 1", "R", "till", "zvt 1", "17" },
		{ "bank", "iso 1", "R", "till", "zvt 1", "17" },
		{ "bank", "iso 1", "R", "kiosk", "zvt 2", "17" },
	};
	struct fixture f;

	setup(&f);
	put(&f, rows, 3);
	ck_assert_uint_eq(found(f.till, "17"), 2);
	ck_assert_uint_eq(told(f.till, "17"), 2);
	ck_assert_uint_eq(found(f.bank, "R"), 3);
	ck_assert_uint_eq(told(f.bank, "R"), 0);
	ck_assert_uint_eq(found(f.till, ""), 0);
	teardown(&f);
}
END_TEST

START_TEST(a_number_used_without_end_is_looked_up_to_a_limit)
{
	struct row rows[100];
	struct fixture f;

	setup(&f);
	for (size_t i = 0; i < 100; i++)
		rows[i] = (struct row){ "bank", "iso 1", "R", "till", "opi 9", "17" };
	rows[0].pos_place = "zvt 1";
	put(&f, rows, 100);
	ck_assert_uint_eq(found(f.till, "17"), 0);
	teardown(&f);
}
END_TEST

START_TEST(without_a_journal_nothing_is_found)
{
	struct fixture f;
	struct journal *j;

	setup(&f);
	j = f.lane.journal;
	f.lane.journal = NULL;
	ck_assert_uint_eq(found(f.till, "17"), 0);
	ck_assert_uint_eq(told(f.till, "17"), 0);
	f.lane.journal = j;
	teardown(&f);
}
END_TEST

UNIT_MAIN("adapter_find", a_number_that_another_peer_of_the_name_used_since_hides_nothing,
	  a_word_goes_by_the_number_of_the_pos_and_not_by_a_payer_s_newer_one,
	  the_newest_of_one_number_is_meant_and_none_of_another_adapter,
	  a_number_used_without_end_is_looked_up_to_a_limit,
	  without_a_journal_nothing_is_found)
