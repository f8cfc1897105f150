#include "lane/members.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define COLUMNS                                                                          \
	"member, number, account, language, greeting, minor, first_purchase, groups, "   \
	"coupons"
/* The balance is the account's. */
#define READ_COLUMNS                                                                     \
	COLUMNS ", (SELECT points FROM accounts a WHERE a.account = members.account)"
#define DIGITS_MIN 4u
#define DIGITS_MAX 15u

static void
copy_column(sqlite3_stmt *q, int i, char *buf, size_t bytes)
{
	if (str_copy(buf, bytes, db_col_str(q, i)) < 0)
		buf[0] = '\0'; /* longer than we ever write: not ours */
}

static bool
copy_ulid(sqlite3_stmt *q, int i, struct ulid *ret_id)
{
	struct str b = db_col_blob(q, i);

	if (b.n != sizeof(ret_id->b))
		return false;
	memcpy(ret_id->b, b.p, sizeof(ret_id->b));
	return true;
}

/* Lists of short texts are kept one a line. */
static uint32_t
split_lines(struct str s, char (*table)[33], uint32_t max)
{
	uint32_t n = 0;

	while (s.n > 0 && n < max) {
		const char *nl = memchr(s.p, '\n', s.n);
		size_t len = nl == NULL ? s.n : (size_t)(nl - s.p);

		if (str_copy(table[n], sizeof(table[n]), (struct str){ s.p, len }) == 0)
			n++;
		s.p += nl == NULL ? len : len + 1;
		s.n -= nl == NULL ? len : len + 1;
	}
	return n;
}

static void
join_lines(const char (*table)[33], uint32_t count, struct strbuf *b)
{
	for (uint32_t i = 0; i < count; i++) {
		strbuf_add(b, str_of(table[i]));
		strbuf_add(b, STR("\n"));
	}
}

static void
read_member_row(sqlite3_stmt *q, struct member_record *r)
{
	memset(r, 0, sizeof(*r));
	(void)copy_ulid(q, 0, &r->member); /* the schema checks the length */
	copy_column(q, 1, r->number, sizeof(r->number));
	copy_column(q, 2, r->account, sizeof(r->account));
	copy_column(q, 3, r->language, sizeof(r->language));
	copy_column(q, 4, r->greeting, sizeof(r->greeting));
	r->minor = sqlite3_column_int(q, 5) != 0;
	r->first_purchase = sqlite3_column_int(q, 6) != 0;
	r->groups_count = split_lines(db_col_str(q, 7), r->groups, LANE_GROUPS_MAX);
	r->coupons_count = split_lines(db_col_str(q, 8), r->coupons, LANE_COUPONS_MAX);
	r->points = sqlite3_column_int64(q, 9);
	r->has_points = true;
}

static enum claim_kind
claim_kind_of(struct str name)
{
	if (str_is(name, "phone"))
		return CLAIM_PHONE;
	return str_is(name, "qr") ? CLAIM_QR : CLAIM_CARD;
}

static int
read_claims(struct db *cache, struct member_record *r)
{
	sqlite3_stmt *q = db_stmt(
		cache,
		"SELECT kind, value FROM claims WHERE member = ?1 ORDER BY kind, value");
	int rc;

	if (q == NULL)
		return db_last_error(cache);
	db_bind_blob(q, 1, r->member.b, sizeof(r->member.b));
	while ((rc = db_step(cache, q)) > 0 && r->claims_count < RECORD_CLAIMS_MAX) {
		struct record_claim *c = &r->claims[r->claims_count++];

		c->kind = claim_kind_of(db_col_str(q, 0));
		copy_column(q, 1, c->value, sizeof(c->value));
	}
	db_done(q);
	return rc < 0 ? rc : 0;
}

static int
read_tenders(struct db *cache, struct member_record *r)
{
	sqlite3_stmt *q = db_stmt(
		cache, "SELECT kind, label, brand, last4, token, limit_minor,"
		       " is_default FROM tenders WHERE member = ?1 ORDER BY position");
	int rc;

	if (q == NULL)
		return db_last_error(cache);
	db_bind_blob(q, 1, r->member.b, sizeof(r->member.b));
	while ((rc = db_step(cache, q)) > 0 && r->tenders_count < RECORD_TENDERS_MAX) {
		struct record_tender *t = &r->tenders[r->tenders_count++];

		copy_column(q, 0, t->kind, sizeof(t->kind));
		copy_column(q, 1, t->label, sizeof(t->label));
		copy_column(q, 2, t->brand, sizeof(t->brand));
		copy_column(q, 3, t->last4, sizeof(t->last4));
		copy_column(q, 4, t->token, sizeof(t->token));
		t->limit_minor = sqlite3_column_int64(q, 5);
		t->is_default = sqlite3_column_int(q, 6) != 0;
	}
	db_done(q);
	return rc < 0 ? rc : 0;
}

int
members_subjects(struct db *cache, struct ulid member, struct members_found *found)
{
	sqlite3_stmt *q = db_stmt(
		cache, "SELECT subject FROM subjects WHERE member = ?1 ORDER BY subject");
	int rc;

	if (q == NULL)
		return db_last_error(cache);
	db_bind_blob(q, 1, member.b, sizeof(member.b));
	while ((rc = db_step(cache, q)) > 0 && found->count < found->max)
		if (copy_ulid(q, 0, &found->ids[found->count]))
			found->count++;
	db_done(q);
	return rc < 0 ? rc : 0;
}

/* Everything that belongs to the member whose own row is in r. */
static int
read_rest(struct db *cache, struct member_record *r)
{
	struct members_found subjects = { r->subjects, LANE_SUBJECTS_MAX, 0 };
	int rc = read_claims(cache, r);

	if (rc == 0)
		rc = read_tenders(cache, r);
	if (rc == 0)
		rc = members_subjects(cache, r->member, &subjects);
	r->subjects_count = (uint32_t)subjects.count;
	return rc;
}

/* Steps a SELECT of one member, releases it, reads the rest. */
static int
get_one(struct db *cache, sqlite3_stmt *q, struct member_record *ret_record)
{
	struct member_record r;
	int rc = db_step(cache, q);

	if (rc > 0)
		read_member_row(q, &r);
	db_done(q);
	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	rc = read_rest(cache, &r);
	if (rc == 0)
		*ret_record = r;
	return rc;
}

int
members_get(struct db *cache, struct ulid member, struct member_record *ret_record)
{
	sqlite3_stmt *q =
		db_stmt(cache, "SELECT " READ_COLUMNS " FROM members WHERE member = ?1");

	if (q == NULL)
		return db_last_error(cache);
	db_bind_blob(q, 1, member.b, sizeof(member.b));
	return get_one(cache, q, ret_record);
}

int
members_get_number(struct db *cache, struct str number, struct member_record *ret_record)
{
	sqlite3_stmt *q =
		db_stmt(cache, "SELECT " READ_COLUMNS " FROM members WHERE number = ?1");

	if (q == NULL)
		return db_last_error(cache);
	db_bind_str(q, 1, number);
	return get_one(cache, q, ret_record);
}

int
members_of_subject(struct db *cache, struct ulid subject, struct ulid *ret_member)
{
	sqlite3_stmt *q =
		db_stmt(cache, "SELECT member FROM subjects WHERE subject = ?1");
	int rc;

	if (q == NULL)
		return db_last_error(cache);
	db_bind_blob(q, 1, subject.b, sizeof(subject.b));
	rc = db_step(cache, q);
	if (rc > 0)
		rc = copy_ulid(q, 0, ret_member) ? 0 : -EUCLEAN;
	else if (rc == 0)
		rc = -ENOENT;
	db_done(q);
	return rc;
}

/* Collects the ids of a SELECT of members. */
static int
collect(struct db *cache, sqlite3_stmt *q, struct members_found *found)
{
	int rc;

	while ((rc = db_step(cache, q)) > 0) {
		if (found->count == found->max) {
			db_done(q);
			return -E2BIG;
		}
		if (copy_ulid(q, 0, &found->ids[found->count]))
			found->count++;
	}
	db_done(q);
	return rc;
}

/* The last digits of a phone: compared from the right; the index has the last four. */
static int
claim_digits(struct db *cache, struct str value, struct members_found *found)
{
	sqlite3_stmt *q;

	if (value.n < DIGITS_MIN || !str_digits_ok(value, DIGITS_MAX))
		return 0;
	q = db_stmt(cache, "SELECT DISTINCT member FROM claims WHERE kind = 'phone'"
			   " AND substr(value, -4) = substr(?1, -4)"
			   " AND substr(value, -length(?1)) = ?1 ORDER BY member");
	if (q == NULL)
		return db_last_error(cache);
	db_bind_str(q, 1, value);
	return collect(cache, q, found);
}

/* A claim's own value, or a member number where that can stand for it (else number is empty). */
struct exact_claim {
	const char *kind;
	struct str value, number;
};

static int
claim_exact(struct db *cache, const struct exact_claim *c, struct members_found *found)
{
	sqlite3_stmt *q = db_stmt(
		cache,
		"SELECT member FROM claims WHERE kind = ?1 AND value = ?2"
		" UNION SELECT member FROM members WHERE number = ?3 ORDER BY member");

	if (q == NULL)
		return db_last_error(cache);
	db_bind_cstr(q, 1, c->kind);
	db_bind_str(q, 2, c->value);
	db_bind_str(q, 3, c->number);
	return collect(cache, q, found);
}

int
members_claim(struct db *cache, enum claim_kind kind, struct str value,
	      struct members_found *found)
{
	struct exact_claim c = { claim_kind_name(kind), value, { "", 0 } };
	char digits[DIGITS_MAX + 1];

	switch (kind) {
	case CLAIM_CARD:
		c.number = value;
		break;
	case CLAIM_PHONE:
		if (member_phone_digits(value, digits, sizeof(digits)) < 0)
			return 0; /* no phone number: nobody has it */
		c.value = str_of(digits);
		break;
	case CLAIM_QR:
		if (value.n > strlen(MEMBERS_QR_PREFIX) &&
		    memcmp(value.p, MEMBERS_QR_PREFIX, strlen(MEMBERS_QR_PREFIX)) == 0)
			c.number = (struct str){ value.p + strlen(MEMBERS_QR_PREFIX),
						 value.n - strlen(MEMBERS_QR_PREFIX) };
		break;
	case CLAIM_DIGITS:
		return claim_digits(cache, value, found);
	}
	return claim_exact(cache, &c, found);
}

/* ---- writing --------------------------------------------------------------- */

static int
put_account(struct db *cache, const struct member_record *r)
{
	sqlite3_stmt *q = db_stmt(
		cache, "INSERT INTO accounts (account, points) VALUES (?1, ?2)"
		       " ON CONFLICT (account) DO UPDATE SET points = ?2 WHERE ?3");

	if (q == NULL)
		return db_last_error(cache);
	db_bind_cstr(q, 1, r->account);
	db_bind_int(q, 2, r->has_points ? r->points : 0);
	db_bind_int(q, 3, r->has_points);
	return db_run(cache, q);
}

static int
put_row(struct db *cache, const struct member_record *r)
{
	sqlite3_stmt *q =
		db_stmt(cache, "INSERT INTO members (" COLUMNS ")"
			       " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT "
			       "(member) DO UPDATE"
			       " SET number = ?2, account = ?3, language = ?4, greeting "
			       "= ?5, minor = ?6,"
			       " first_purchase = ?7, groups = ?8, coupons = ?9");
	char groups[LANE_GROUPS_MAX * 34], coupons[LANE_COUPONS_MAX * 34];
	struct strbuf g, c;

	if (q == NULL)
		return db_last_error(cache);
	strbuf_init(&g, groups, sizeof(groups));
	strbuf_init(&c, coupons, sizeof(coupons));
	join_lines(r->groups, r->groups_count, &g);
	join_lines(r->coupons, r->coupons_count, &c);
	db_bind_blob(q, 1, r->member.b, sizeof(r->member.b));
	db_bind_cstr(q, 2, r->number);
	db_bind_cstr(q, 3, r->account);
	db_bind_cstr(q, 4, r->language);
	db_bind_cstr(q, 5, r->greeting);
	db_bind_int(q, 6, r->minor);
	db_bind_int(q, 7, r->first_purchase);
	db_bind_str(q, 8, (struct str){ groups, g.used });
	db_bind_str(q, 9, (struct str){ coupons, c.used });
	return db_run(cache, q);
}

static int
delete_of(struct db *cache, sqlite3_stmt *q, struct ulid member)
{
	if (q == NULL)
		return db_last_error(cache);
	db_bind_blob(q, 1, member.b, sizeof(member.b));
	return db_run(cache, q);
}

static int
put_claims(struct db *cache, const struct member_record *r)
{
	int rc = delete_of(cache, db_stmt(cache, "DELETE FROM claims WHERE member = ?1"),
			   r->member);

	for (uint32_t i = 0; rc == 0 && i < r->claims_count; i++) {
		sqlite3_stmt *q = db_stmt(
			cache, "INSERT OR IGNORE INTO claims VALUES (?1, ?2, ?3)");

		if (q == NULL)
			return db_last_error(cache);
		db_bind_cstr(q, 1, claim_kind_name(r->claims[i].kind));
		db_bind_cstr(q, 2, r->claims[i].value);
		db_bind_blob(q, 3, r->member.b, sizeof(r->member.b));
		rc = db_run(cache, q);
	}
	return rc;
}

static int
put_tenders(struct db *cache, const struct member_record *r)
{
	int rc = delete_of(cache, db_stmt(cache, "DELETE FROM tenders WHERE member = ?1"),
			   r->member);

	for (uint32_t i = 0; rc == 0 && i < r->tenders_count; i++) {
		const struct record_tender *t = &r->tenders[i];
		sqlite3_stmt *q = db_stmt(cache, "INSERT INTO tenders VALUES"
						 " (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");

		if (q == NULL)
			return db_last_error(cache);
		db_bind_blob(q, 1, r->member.b, sizeof(r->member.b));
		db_bind_int(q, 2, i);
		db_bind_cstr(q, 3, t->kind);
		db_bind_cstr(q, 4, t->label);
		db_bind_cstr(q, 5, t->brand);
		db_bind_cstr(q, 6, t->last4);
		db_bind_cstr(q, 7, t->token);
		db_bind_int(q, 8, t->limit_minor);
		db_bind_int(q, 9, t->is_default);
		rc = db_run(cache, q);
	}
	return rc;
}

int
members_link(struct db *cache, struct ulid member, struct ulid subject)
{
	sqlite3_stmt *q =
		db_stmt(cache, "INSERT INTO subjects VALUES (?1, ?2)"
			       " ON CONFLICT (subject) DO UPDATE SET member = ?2");

	if (q == NULL)
		return db_last_error(cache);
	db_bind_blob(q, 1, subject.b, sizeof(subject.b));
	db_bind_blob(q, 2, member.b, sizeof(member.b));
	return db_run(cache, q);
}

int
members_put(struct db *cache, struct member_record *r, struct ulid fresh,
	    enum members_change *ret_change)
{
	struct member_record old;
	bool known;
	int rc = ulid_is_zero(r->member)
			 ? members_get_number(cache, str_of(r->number), &old)
			 : members_get(cache, r->member, &old);

	if (rc < 0 && rc != -ENOENT)
		return rc;
	known = rc == 0;
	if (known)
		r->member = old.member;
	else if (ulid_is_zero(r->member))
		r->member = fresh;
	rc = 0;
	if (!known || !member_record_same(&old, r)) {
		rc = put_account(cache, r);
		if (rc == 0)
			rc = put_row(cache, r);
		if (rc == 0)
			rc = put_claims(cache, r);
		if (rc == 0)
			rc = put_tenders(cache, r);
		*ret_change = known ? MEMBERS_CHANGED : MEMBERS_ADDED;
	} else {
		*ret_change = MEMBERS_UNCHANGED;
	}
	for (uint32_t i = 0; rc == 0 && i < r->subjects_count; i++)
		rc = members_link(cache, r->member, r->subjects[i]);
	return rc;
}

int
members_list(struct db *cache, const char *after, uint32_t limit,
	     int (*each)(void *ctx, const struct member_record *r), void *ctx)
{
	sqlite3_stmt *q =
		db_stmt(cache, "SELECT " READ_COLUMNS " FROM members WHERE number > ?1"
			       " ORDER BY number LIMIT ?2");
	struct member_record r;
	int rc, stop = 0;

	if (q == NULL)
		return db_last_error(cache);
	db_bind_cstr(q, 1, after);
	db_bind_int(q, 2, limit);
	while (stop == 0 && (rc = db_step(cache, q)) > 0) {
		read_member_row(q, &r);
		rc = read_rest(cache, &r);
		if (rc < 0)
			break;
		stop = each(ctx, &r);
	}
	db_done(q);
	return rc < 0 ? rc : 0;
}

int
members_count(struct db *cache, int64_t *ret_count)
{
	sqlite3_stmt *q = db_stmt(cache, "SELECT count(*) FROM members");
	int rc;

	if (q == NULL)
		return db_last_error(cache);
	rc = db_step(cache, q);
	if (rc > 0)
		*ret_count = sqlite3_column_int64(q, 0);
	db_done(q);
	return rc < 0 ? rc : 0;
}

void
members_for_core(const struct member_record *r, struct lane_member *ret_member)
{
	struct lane_member *m = ret_member;

	memset(m, 0, sizeof(*m));
	m->member = r->member;
	(void)str_copy(m->number, sizeof(m->number), str_of(r->number)); /* same size */
	memcpy(m->subjects, r->subjects, sizeof(m->subjects));
	m->subjects_count = r->subjects_count;
	memcpy(m->groups, r->groups, sizeof(m->groups));
	m->groups_count = r->groups_count;
	memcpy(m->coupons, r->coupons, sizeof(m->coupons));
	m->coupons_count = r->coupons_count;
	m->first_purchase = r->first_purchase;
	m->points = r->points;
	m->minor = r->minor;
	(void)str_copy(m->language, sizeof(m->language), str_of(r->language));
	(void)str_copy(m->greeting, sizeof(m->greeting), str_of(r->greeting));
	for (uint32_t i = 0; i < r->tenders_count && !r->minor; i++) {
		const struct record_tender *t = &r->tenders[i];

		if (!t->is_default || strcmp(t->kind, "card-token") != 0)
			continue;
		m->has_tender = true;
		(void)str_copy(m->token, sizeof(m->token), str_of(t->token));
		(void)str_copy(m->tender_label, sizeof(m->tender_label),
			       str_of(t->label));
		(void)str_copy(m->last4, sizeof(m->last4), str_of(t->last4));
		m->tender_limit_minor = t->limit_minor;
	}
}
