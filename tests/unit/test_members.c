#include "lane/members.h"

#include "lane_kit.h"
#include "tempdir.h"
#include "unit.h"

#include <errno.h>

static char dir[TEMPDIR_BYTES];

static struct db *
start(void)
{
	tempdir_make(dir);
	return kit_cache(dir);
}

static void
finish(struct db *cache)
{
	(void)db_close(cache);
	tempdir_remove(dir);
}

/* How many fit a claim, -E2BIG when more than max. */
static int
fit(struct db *cache, enum claim_kind kind, struct str value, size_t max)
{
	struct ulid ids[8];
	struct members_found found = { ids, max, 0 };
	int rc = members_claim(cache, kind, value, &found);

	return rc < 0 ? rc : (int)found.count;
}

START_TEST(a_member_put_is_found_by_id_and_number)
{
	struct db *cache = start();
	struct member_record r =
		kit_record("{\"number\":\"1001\",\"groups\":[\"a\",\"b\"],"
			   "\"claims\":[{\"kind\":\"qr\",\"value\":\"q\"}],"
			   "\"tenders\":[{\"kind\":\"k\",\"token\":\"t\"}]}");
	enum members_change change = MEMBERS_UNCHANGED;
	struct member_record got;

	ck_assert_int_eq(members_get_number(cache, STR("1001"), &got), -ENOENT);
	ck_assert_int_eq(members_put(cache, &r, kit_ulid(5), &change), 0);
	ck_assert_int_eq(change, MEMBERS_ADDED);
	ck_assert(ulid_eq(r.member, kit_ulid(5)));
	ck_assert_int_eq(members_get(cache, kit_ulid(5), &got), 0);
	ck_assert(member_record_same(&r, &got));
	ck_assert_int_eq(members_get_number(cache, STR("1001"), &got), 0);
	ck_assert(ulid_eq(got.member, kit_ulid(5)));
	ck_assert_int_eq(members_get(cache, kit_ulid(6), &got), -ENOENT);
	finish(cache);
}
END_TEST

START_TEST(only_a_difference_is_a_change)
{
	static const struct {
		const char *json;
		enum members_change change;
	} steps[] = {
		{ "{\"number\":\"1\",\"claims\":[{\"kind\":\"phone\",\"value\":\"12345\"}"
		  ","
		  "{\"kind\":\"card\",\"value\":\"x\"},{\"kind\":\"phone\",\"value\":"
		  "\"1234-5\"}]}",
		  MEMBERS_ADDED },
		{ "{\"number\":\"1\",\"claims\":[{\"kind\":\"card\",\"value\":\"x\"},"
		  "{\"kind\":\"phone\",\"value\":\"12345\"}]}",
		  MEMBERS_UNCHANGED },
		{ "{\"number\":\"1\"}", MEMBERS_CHANGED },
		{ "{\"number\":\"1\"}", MEMBERS_UNCHANGED },
		{ "{\"number\":\"1\",\"account\":\"2\"}", MEMBERS_CHANGED },
		{ "{\"number\":\"1\",\"account\":\"2\",\"coupons\":[\"a\",\"b\"]}",
		  MEMBERS_CHANGED },
		{ "{\"number\":\"1\",\"account\":\"2\",\"coupons\":[\"a\",\"b\"]}",
		  MEMBERS_UNCHANGED },
		{ "{\"number\":\"1\",\"account\":\"2\",\"coupons\":[\"b\",\"a\"]}",
		  MEMBERS_CHANGED },
	};
	struct db *cache = start();
	int64_t count = 0;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct member_record r = kit_record(steps[i].json);
		enum members_change change = MEMBERS_ADDED;

		ck_assert_int_eq(members_put(cache, &r, kit_ulid((unsigned)i), &change),
				 0);
		ck_assert_msg(change == steps[i].change, "step %zu", i);
		ck_assert(ulid_eq(r.member, kit_ulid(0)));
	}
	ck_assert_int_eq(members_count(cache, &count), 0);
	ck_assert_int_eq(count, 1);
	finish(cache);
}
END_TEST

START_TEST(points_are_the_account_s_and_stay_where_none_are_told)
{
	struct db *cache = start();
	struct member_record back;
	struct lane_member m;
	struct ulid mari = kit_put(
		cache, "{\"number\":\"1001\",\"account\":\"A1\",\"points\":120}", 1);
	struct ulid jaan = kit_put(cache, "{\"number\":\"1002\",\"account\":\"A1\"}", 2);
	const struct ulid none = kit_put(cache, "{\"number\":\"1003\"}", 3);

	ck_assert_int_eq(members_get(cache, jaan, &back), 0);
	ck_assert_int_eq(back.points, 120); /* the household's */
	members_for_core(&back, &m);
	ck_assert_int_eq(m.points, 120);
	ck_assert_int_eq(members_get(cache, none, &back), 0);
	ck_assert_int_eq(back.points, 0);
	(void)kit_put(cache, "{\"number\":\"1001\",\"account\":\"A1\",\"points\":80}", 1);
	(void)kit_put(cache,
		      "{\"number\":\"1002\",\"account\":\"A1\",\"greeting\":\"J\"}",
		      2); /* changed, and says nothing of points */
	ck_assert_int_eq(members_get(cache, mari, &back), 0);
	ck_assert_int_eq(back.points, 80);
	finish(cache);
}
END_TEST

START_TEST(a_number_belongs_to_one_member)
{
	struct db *cache = start();
	struct member_record r, got;
	enum members_change change;

	(void)kit_put(cache, "{\"number\":\"1\"}", 1);
	(void)kit_put(cache, "{\"number\":\"2\"}", 2);
	r = kit_record("{\"number\":\"1\"}");
	r.member = kit_ulid(3); /* a stranger under a taken number */
	ck_assert_int_eq(members_put(cache, &r, kit_ulid(9), &change), -EEXIST);
	r.member = kit_ulid(2); /* a member takes another one's number */
	ck_assert_int_eq(members_put(cache, &r, kit_ulid(9), &change), -EEXIST);
	r = kit_record("{\"number\":\"3\"}");
	r.member = kit_ulid(2); /* a member gets a new number */
	ck_assert_int_eq(members_put(cache, &r, kit_ulid(9), &change), 0);
	ck_assert_int_eq(members_get_number(cache, STR("2"), &got), -ENOENT);
	ck_assert_int_eq(members_get_number(cache, STR("3"), &got), 0);
	ck_assert(ulid_eq(got.member, kit_ulid(2)));
	finish(cache);
}
END_TEST

START_TEST(every_claim_finds_its_member)
{
	static const struct {
		enum claim_kind kind;
		const char *value;
		int fit;
	} rows[] = {
		{ CLAIM_CARD, "CARD-1", 1 },
		{ CLAIM_CARD, "1001", 1 }, /* the member number itself */
		{ CLAIM_CARD, "card-1", 0 },
		{ CLAIM_CARD, "SHARED", 2 },
		{ CLAIM_CARD, "", 0 },
		{ CLAIM_CARD, "3725550101", 0 },
		{ CLAIM_CARD, "' OR 1=1 --", 0 },
		{ CLAIM_PHONE, "+372 555 0101", 1 },
		{ CLAIM_PHONE, "3725550101", 1 },
		{ CLAIM_PHONE, "5550101", 0 }, /* the whole number only */
		{ CLAIM_PHONE, "CARD-1", 0 },
		{ CLAIM_PHONE, "1001", 0 },
		{ CLAIM_DIGITS, "0101", 2 },
		{ CLAIM_DIGITS, "50101", 1 },
		{ CLAIM_DIGITS, "3725550101", 1 },
		{ CLAIM_DIGITS, "93725550101", 0 },
		{ CLAIM_DIGITS, "101", 0 },
		{ CLAIM_DIGITS, "", 0 },
		{ CLAIM_DIGITS, "010%", 0 },
		{ CLAIM_DIGITS, "12345678901234567890", 0 },
		{ CLAIM_QR, "laned:1001", 1 },
		{ CLAIM_QR, "QR-1", 1 },
		{ CLAIM_QR, "laned:", 0 },
		{ CLAIM_QR, "laned:9999", 0 },
		{ CLAIM_QR, "1001", 0 },
		{ CLAIM_QR, "CARD-1", 0 },
	};
	struct db *cache = start();

	(void)kit_put(cache,
		      "{\"number\":\"1001\",\"claims\":[{\"kind\":\"card\",\"value\":"
		      "\"CARD-1\"},"
		      "{\"kind\":\"card\",\"value\":\"SHARED\"},"
		      "{\"kind\":\"phone\",\"value\":\"+3725550101\"},"
		      "{\"kind\":\"qr\",\"value\":\"QR-1\"}]}",
		      1);
	(void)kit_put(cache,
		      "{\"number\":\"1002\",\"claims\":[{\"kind\":\"card\",\"value\":"
		      "\"SHARED\"},"
		      "{\"kind\":\"phone\",\"value\":\"+37255560101\"}]}",
		      2);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(fit(cache, rows[i].kind, str_of(rows[i].value), 8) ==
				      rows[i].fit,
			      "%s %s", claim_kind_name(rows[i].kind), rows[i].value);
	ck_assert_int_eq(fit(cache, CLAIM_DIGITS, STR("0101"), 1), -E2BIG);
	ck_assert_int_eq(fit(cache, CLAIM_CARD, STR("SHARED"), 1), -E2BIG);
	ck_assert_int_eq(fit(cache, CLAIM_CARD, STR("SHARED"), 2), 2);
	finish(cache);
}
END_TEST

START_TEST(a_card_that_is_also_a_number_finds_both)
{
	struct db *cache = start();

	(void)kit_put(cache, "{\"number\":\"55\"}", 1);
	(void)kit_put(
		cache,
		"{\"number\":\"66\",\"claims\":[{\"kind\":\"card\",\"value\":\"55\"}]}",
		2);
	ck_assert_int_eq(fit(cache, CLAIM_CARD, STR("55"), 8), 2);
	(void)kit_put(
		cache,
		"{\"number\":\"77\",\"claims\":[{\"kind\":\"card\",\"value\":\"77\"}]}",
		3);
	ck_assert_int_eq(fit(cache, CLAIM_CARD, STR("77"), 8), 1); /* once */
	finish(cache);
}
END_TEST

START_TEST(a_change_takes_the_old_claims_away)
{
	struct db *cache = start();

	(void)kit_put(
		cache,
		"{\"number\":\"1\",\"claims\":[{\"kind\":\"card\",\"value\":\"old\"}]}",
		1);
	(void)kit_put(
		cache,
		"{\"number\":\"1\",\"claims\":[{\"kind\":\"card\",\"value\":\"new\"}]}",
		2);
	ck_assert_int_eq(fit(cache, CLAIM_CARD, STR("old"), 8), 0);
	ck_assert_int_eq(fit(cache, CLAIM_CARD, STR("new"), 8), 1);
	finish(cache);
}
END_TEST

START_TEST(subjects_stay_with_their_member)
{
	struct db *cache = start();
	struct ulid a = kit_put(cache, "{\"number\":\"1\"}", 1);
	struct ulid b = kit_put(cache, "{\"number\":\"2\"}", 2);
	struct ulid subject = kit_ulid(1000), member, ids[2];
	struct members_found found = { ids, 2, 0 };
	struct member_record r;

	ck_assert_int_eq(members_of_subject(cache, subject, &member), -ENOENT);
	ck_assert_int_eq(members_link(cache, a, subject), 0);
	ck_assert_int_eq(members_of_subject(cache, subject, &member), 0);
	ck_assert(ulid_eq(member, a));
	/* A feed knows nothing of fingers: they survive it. */
	(void)kit_put(cache, "{\"number\":\"1\",\"language\":\"et\"}", 9);
	ck_assert_int_eq(members_get(cache, a, &r), 0);
	ck_assert_uint_eq(r.subjects_count, 1);
	ck_assert_int_eq(members_link(cache, b, subject), 0); /* moved, not doubled */
	ck_assert_int_eq(members_get(cache, a, &r), 0);
	ck_assert_uint_eq(r.subjects_count, 0);
	ck_assert_int_lt(members_link(cache, kit_ulid(77), subject), 0); /* nobody */
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(members_link(cache, b, kit_ulid(2000 + i)), 0);
	ck_assert_int_eq(members_subjects(cache, b, &found), 0);
	ck_assert_uint_eq(found.count, 2); /* as many as there is room */
	finish(cache);
}
END_TEST

struct listed {
	unsigned count, stop_at;
	char last[RECORD_NUMBER_BYTES];
};

static int
list_one(void *ctx, const struct member_record *r)
{
	struct listed *l = ctx;

	ck_assert_int_lt(strcmp(l->last, r->number), 0);
	(void)str_copy(l->last, sizeof(l->last), str_of(r->number));
	return ++l->count == l->stop_at;
}

START_TEST(lists_go_on_where_they_ended)
{
	struct db *cache = start();
	struct listed l = { 0, 0, "" };
	char json[64];

	for (unsigned i = 0; i < 25; i++) {
		(void)snprintf(json, sizeof(json), "{\"number\":\"%u\"}", i);
		(void)kit_put(cache, json, i);
	}
	for (unsigned page = 1; page <= 3; page++) {
		ck_assert_int_eq(members_list(cache, l.last, 10, list_one, &l), 0);
		ck_assert_uint_eq(l.count, page == 3 ? 25 : page * 10);
	}
	l = (struct listed){ 0, 3, "" };
	ck_assert_int_eq(members_list(cache, "", 10, list_one, &l), 0);
	ck_assert_uint_eq(l.count, 3);
	ck_assert_int_eq(members_list(cache, "zzz", 10, list_one, &l), 0);
	ck_assert_uint_eq(l.count, 3);
	finish(cache);
}
END_TEST

START_TEST(the_core_gets_the_default_card_only)
{
	static const struct {
		const char *tenders;
		const char *token; /* NULL: none */
	} rows[] = {
		{ "[{\"kind\":\"card-token\",\"token\":\"a\",\"limit\":7}]", "a" },
		{ "[{\"kind\":\"card-token\",\"token\":\"a\"},"
		  "{\"kind\":\"card-token\",\"token\":\"b\",\"default\":true}]",
		  "b" },
		{ "[{\"kind\":\"invoice\",\"token\":\"i\",\"default\":true},"
		  "{\"kind\":\"card-token\",\"token\":\"a\"}]",
		  NULL },
		{ "[]", NULL },
	};
	struct member_record r;
	struct lane_member m;
	char json[256];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)snprintf(json, sizeof(json),
			       "{\"number\":\"1\",\"language\":\"et\",\"greeting\":\"G\","
			       "\"groups\":[\"g\"],\"tenders\":%s}",
			       rows[i].tenders);
		r = kit_record(json);
		members_for_core(&r, &m);
		ck_assert_int_eq(m.has_tender, rows[i].token != NULL);
		if (rows[i].token != NULL)
			ck_assert_str_eq(m.token, rows[i].token);
		ck_assert_str_eq(m.number, "1");
		ck_assert_str_eq(m.greeting, "G");
		ck_assert_uint_eq(m.groups_count, 1);
	}
	r.minor = true;
	r.tenders_count = 1;
	(void)str_copy(r.tenders[0].kind, sizeof(r.tenders[0].kind), STR("card-token"));
	r.tenders[0].is_default = true;
	members_for_core(&r, &m);
	ck_assert(!m.has_tender); /* a minor never tenders, whatever the file says */
}
END_TEST

UNIT_MAIN("members", a_member_put_is_found_by_id_and_number,
	  only_a_difference_is_a_change, a_number_belongs_to_one_member,
	  every_claim_finds_its_member, a_card_that_is_also_a_number_finds_both,
	  a_change_takes_the_old_claims_away, subjects_stay_with_their_member,
	  lists_go_on_where_they_ended, the_core_gets_the_default_card_only,
	  points_are_the_account_s_and_stay_where_none_are_told)
