#include "lane/member_record.h"

#include "base/plain/pan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PHONE_DIGITS_MIN 5u
#define PHONE_DIGITS_MAX 15u
#define POINTS_MAX INT64_C(1000000000000)

/* Where a reader puts what is wrong. */
struct complaint {
	char *what;
	const struct value *at;
};

__attribute__((format(printf, 3, 4))) static int
wrong(struct complaint *c, const struct value *at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(c->what, RECORD_WHAT_BYTES, fmt,
			ap); /* a cut message is still one */
	va_end(ap);
	c->at = at;
	return -EBADMSG;
}

static int
wrong_pan(struct complaint *c, const struct value *at, const char *name)
{
	(void)wrong(
		c, at, /* says what we say below */
		"%s: looks like a payment card number; only processor tokens are kept",
		name);
	return -EPERM;
}

/* Texts go to displays, logs and lists of lines: no control character belongs in one. */
static bool
has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return true;
	return false;
}

/* An optional text of at most bytes - 1; the PAN guard looks at it unless it is a number. */
static int
read_text(struct complaint *c, const struct value *v, const char *name, char *buf,
	  size_t bytes)
{
	struct str s = { "", 0 };
	int rc = value_get_str(v, name, bytes - 1, &s);

	if (rc == -EPROTO)
		return wrong(c, value_member(v, name), "%s: a text is wanted", name);
	if (rc == -ERANGE || str_copy(buf, bytes, s) < 0)
		return wrong(c, value_member(v, name), "%s: longer than %zu bytes", name,
			     bytes - 1);
	if (has_control(s))
		return wrong(c, value_member(v, name),
			     "%s: control characters are not allowed", name);
	if (strcmp(name, "number") != 0 && pan_find(s, NULL, NULL))
		return wrong_pan(c, value_member(v, name), name);
	return 0;
}

static int
read_points(struct complaint *c, const struct value *v, struct member_record *r)
{
	int rc = value_get_int(v, "points", 0, POINTS_MAX, &r->points);

	if (rc < 0 && rc != -ENOENT)
		return wrong(c, value_member(v, "points"),
			     "points: a whole number from 0 to %lld is wanted",
			     (long long)POINTS_MAX);
	r->has_points = rc == 0;
	return 0;
}

static int
read_flag(struct complaint *c, const struct value *v, const char *name, bool *ret_flag)
{
	int rc = value_get_bool(v, name, ret_flag);

	if (rc == -EPROTO)
		return wrong(c, value_member(v, name), "%s: true or false is wanted",
			     name);
	return 0;
}

/* A list of short texts into table[max][33]. */
static int
read_texts(struct complaint *c, const struct value *v, const char *name,
	   char (*table)[33], uint32_t max, uint32_t *ret_count)
{
	const struct value *list = NULL;
	uint32_t n = 0;
	int rc = value_get_array(v, name, &list);

	*ret_count = 0;
	if (rc == -ENOENT)
		return 0;
	if (rc < 0)
		return wrong(c, value_member(v, name), "%s: a list of texts is wanted",
			     name);
	if (list->count > max)
		return wrong(c, list, "%s: more than %u", name, (unsigned)max);
	for (const struct value *e = list->first; e != NULL; e = e->next, n++) {
		if (e->kind != VALUE_STRING || e->s.n == 0 || has_control(e->s) ||
		    str_copy(table[n], sizeof(table[n]), e->s) < 0)
			return wrong(c, e, "%s: texts of 1 to 32 bytes are wanted", name);
		if (pan_find(e->s, NULL, NULL))
			return wrong_pan(c, e, name);
	}
	*ret_count = n;
	return 0;
}

int
member_phone_digits(struct str text, char *buf, size_t bytes)
{
	static const char between[] = { ' ', '-', '(', ')' };
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++) {
		char ch = text.p[i];

		if (ch >= '0' && ch <= '9') {
			if (n + 1 >= bytes || n == PHONE_DIGITS_MAX)
				return -EINVAL;
			buf[n++] = ch;
		} else if (!(ch == '+' && i == 0) &&
			   memchr(between, ch, sizeof(between)) == NULL) {
			return -EINVAL;
		}
	}
	buf[n] = '\0';
	return n >= PHONE_DIGITS_MIN ? 0 : -EINVAL;
}

static int
read_claim(struct complaint *c, const struct value *e, struct record_claim *ret_claim)
{
	struct str kind, value;

	if (value_get_str(e, "kind", 16, &kind) < 0 ||
	    value_get_str(e, "value", RECORD_CLAIM_BYTES - 1, &value) < 0 || value.n == 0)
		return wrong(c, e,
			     "claims: {\"kind\", \"value\"} of 1 to 64 bytes is wanted");
	if (str_is(kind, "card"))
		ret_claim->kind = CLAIM_CARD;
	else if (str_is(kind, "phone"))
		ret_claim->kind = CLAIM_PHONE;
	else if (str_is(kind, "qr"))
		ret_claim->kind = CLAIM_QR;
	else
		return wrong(c, e, "claims: kind is card, phone or qr");
	if (ret_claim->kind == CLAIM_PHONE) {
		if (member_phone_digits(value, ret_claim->value,
					sizeof(ret_claim->value)) < 0)
			return wrong(c, e, "claims: a phone number has 5 to 15 digits");
		return 0;
	}
	if (pan_find(value, NULL, NULL))
		return wrong_pan(c, e, "claims");
	if (str_copy(ret_claim->value, sizeof(ret_claim->value), value) < 0)
		return wrong(c, e, "claims: value is longer than 64 bytes");
	return 0;
}

static int
read_tender(struct complaint *c, const struct value *e, struct record_tender *t)
{
	int rc;

	if (e->kind != VALUE_OBJECT)
		return wrong(c, e, "tenders: objects are wanted");
	rc = read_text(c, e, "kind", t->kind, sizeof(t->kind));
	if (rc == 0)
		rc = read_text(c, e, "label", t->label, sizeof(t->label));
	if (rc == 0)
		rc = read_text(c, e, "brand", t->brand, sizeof(t->brand));
	if (rc == 0)
		rc = read_text(c, e, "last4", t->last4, sizeof(t->last4));
	if (rc == 0)
		rc = read_text(c, e, "token", t->token, sizeof(t->token));
	if (rc == 0)
		rc = read_flag(c, e, "default", &t->is_default);
	if (rc < 0)
		return rc;
	if (t->kind[0] == '\0' || t->token[0] == '\0')
		return wrong(c, e, "tenders: kind and token are wanted");
	if (t->last4[0] != '\0' &&
	    (strlen(t->last4) != 4 || !str_digits_ok(str_of(t->last4), 4)))
		return wrong(c, e, "tenders: last4 is four digits");
	rc = value_get_int(e, "limit", 0, MONEY_MINOR_MAX, &t->limit_minor);
	if (rc == -EPROTO || rc == -ERANGE)
		return wrong(c, e, "tenders: limit is an amount in minor units");
	return 0;
}

/* The order in which cache.db gives them back. */
static int
compare_claims(const void *a, const void *b)
{
	const struct record_claim *x = a, *y = b;
	int order = strcmp(claim_kind_name(x->kind), claim_kind_name(y->kind));

	return order != 0 ? order : strcmp(x->value, y->value);
}

/* The same claim twice, such as one phone in two ways of writing it, is one. */
static void
drop_doubled_claims(struct member_record *r)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < r->claims_count; i++)
		if (n == 0 || compare_claims(&r->claims[n - 1], &r->claims[i]) != 0)
			r->claims[n++] = r->claims[i];
	memset(&r->claims[n], 0, (r->claims_count - n) * sizeof(r->claims[0]));
	r->claims_count = n;
}

static int
read_claims(struct complaint *c, const struct value *v, struct member_record *r)
{
	const struct value *list = NULL;
	int rc = value_get_array(v, "claims", &list);

	if (rc == -ENOENT)
		return 0;
	if (rc < 0 || list->count > RECORD_CLAIMS_MAX)
		return wrong(c, value_member(v, "claims"), "claims: a list of at most %u",
			     RECORD_CLAIMS_MAX);
	for (const struct value *e = list->first; e != NULL; e = e->next) {
		rc = read_claim(c, e, &r->claims[r->claims_count]);
		if (rc < 0)
			return rc;
		r->claims_count++;
	}
	qsort(r->claims, r->claims_count, sizeof(r->claims[0]), compare_claims);
	drop_doubled_claims(r);
	return 0;
}

static int
read_tenders(struct complaint *c, const struct value *v, struct member_record *r)
{
	const struct value *list = NULL;
	unsigned defaults = 0;
	int rc = value_get_array(v, "tenders", &list);

	if (rc == -ENOENT)
		return 0;
	if (rc < 0 || list->count > RECORD_TENDERS_MAX)
		return wrong(c, value_member(v, "tenders"),
			     "tenders: a list of at most %u", RECORD_TENDERS_MAX);
	for (const struct value *e = list->first; e != NULL; e = e->next) {
		rc = read_tender(c, e, &r->tenders[r->tenders_count]);
		if (rc < 0)
			return rc;
		defaults += r->tenders[r->tenders_count++].is_default;
	}
	if (r->tenders_count > 0 && defaults == 0)
		r->tenders[0].is_default = true;
	if (defaults > 1)
		return wrong(c, list, "tenders: only one can be the default");
	if (r->tenders_count > 0 && r->minor)
		return wrong(c, list, "tenders: a minor never tenders");
	return 0;
}

static int
read_subjects(struct complaint *c, const struct value *v, struct member_record *r)
{
	const struct value *list = NULL;
	int rc = value_get_array(v, "subjects", &list);

	if (rc == -ENOENT)
		return 0;
	if (rc < 0 || list->count > LANE_SUBJECTS_MAX)
		return wrong(c, v, "subjects: a list of at most %u", LANE_SUBJECTS_MAX);
	for (const struct value *e = list->first; e != NULL; e = e->next)
		if (e->kind != VALUE_STRING ||
		    ulid_parse(e->s, &r->subjects[r->subjects_count++]) < 0)
			return wrong(c, e, "subjects: ulids are wanted");
	return 0;
}

/* A member number, card or account: printable ASCII without blanks. */
static bool
number_ok(const char *s)
{
	if (*s == '\0')
		return false;
	for (; *s != '\0'; s++)
		if (*s <= ' ' || *s > '~')
			return false;
	return true;
}

static int
read_names(struct complaint *c, const struct value *v, struct member_record *r)
{
	int rc = read_text(c, v, "number", r->number, sizeof(r->number));

	if (rc == 0 && !number_ok(r->number))
		rc = wrong(c, v,
			   "number: the member number is wanted, 1 to 32 characters");
	if (rc == 0)
		rc = read_text(c, v, "account", r->account, sizeof(r->account));
	if (rc == 0 && r->account[0] == '\0')
		(void)str_copy(r->account, sizeof(r->account),
			       str_of(r->number)); /* fits */
	if (rc == 0 && !number_ok(r->account))
		rc = wrong(c, v,
			   "account: printable characters without blanks are wanted");
	if (rc == 0)
		rc = read_text(c, v, "language", r->language, sizeof(r->language));
	if (rc == 0)
		rc = read_text(c, v, "greeting", r->greeting, sizeof(r->greeting));
	return rc;
}

static int
read_id(struct complaint *c, const struct value *v, struct member_record *r)
{
	struct str id;
	int rc = value_get_str(v, "member", ULID_TEXT_BYTES, &id);

	if (rc == -ENOENT)
		return 0;
	if (rc < 0 || ulid_parse(id, &r->member) < 0)
		return wrong(c, value_member(v, "member"), "member: a ulid is wanted");
	return 0;
}

int
member_record_read(const struct value *v, bool accept_subjects,
		   struct member_record *ret_record, char what[RECORD_WHAT_BYTES],
		   const struct value **ret_at)
{
	struct complaint c = { what, v };
	struct member_record r;
	int rc = 0;

	memset(&r, 0, sizeof(r));
	if (v == NULL || v->kind != VALUE_OBJECT)
		rc = wrong(&c, v, "a member is an object");
	if (rc == 0)
		rc = read_names(&c, v, &r);
	if (rc == 0)
		rc = read_id(&c, v, &r);
	if (rc == 0)
		rc = read_flag(&c, v, "minor", &r.minor);
	if (rc == 0)
		rc = read_flag(&c, v, "first_purchase", &r.first_purchase);
	if (rc == 0)
		rc = read_points(&c, v, &r);
	if (rc == 0)
		rc = read_texts(&c, v, "groups", r.groups, LANE_GROUPS_MAX,
				&r.groups_count);
	if (rc == 0)
		rc = read_texts(&c, v, "coupons", r.coupons, LANE_COUPONS_MAX,
				&r.coupons_count);
	if (rc == 0)
		rc = read_claims(&c, v, &r);
	if (rc == 0)
		rc = read_tenders(&c, v, &r);
	if (rc == 0 && accept_subjects)
		rc = read_subjects(&c, v, &r);
	if (rc == 0)
		*ret_record = r;
	else if (ret_at != NULL)
		*ret_at = c.at;
	return rc;
}

static void
write_texts(struct json_out *o, const char *name, const char (*table)[33], uint32_t count)
{
	json_open_array(o, name);
	for (uint32_t i = 0; i < count; i++)
		json_cstr(o, NULL, table[i]);
	json_close(o);
}

static void
write_tender(struct json_out *o, const struct record_tender *t, bool with_tokens)
{
	json_open_object(o, NULL);
	json_cstr(o, "kind", t->kind);
	json_cstr(o, "label", t->label);
	json_cstr(o, "brand", t->brand);
	json_cstr(o, "last4", t->last4);
	if (with_tokens)
		json_cstr(o, "token", t->token);
	json_int(o, "limit", t->limit_minor);
	json_bool(o, "default", t->is_default);
	json_close(o);
}

void
member_record_write(struct json_out *o, const struct member_record *r, bool with_tokens)
{
	char id[ULID_TEXT_BYTES];

	ulid_text(id, r->member);
	json_cstr(o, "member", id);
	json_cstr(o, "number", r->number);
	json_cstr(o, "account", r->account);
	json_cstr(o, "language", r->language);
	json_cstr(o, "greeting", r->greeting);
	json_bool(o, "minor", r->minor);
	json_bool(o, "first_purchase", r->first_purchase);
	if (r->has_points)
		json_int(o, "points", r->points);
	write_texts(o, "groups", r->groups, r->groups_count);
	write_texts(o, "coupons", r->coupons, r->coupons_count);
	json_open_array(o, "claims");
	for (uint32_t i = 0; i < r->claims_count; i++) {
		json_open_object(o, NULL);
		json_cstr(o, "kind", claim_kind_name(r->claims[i].kind));
		json_cstr(o, "value", r->claims[i].value);
		json_close(o);
	}
	json_close(o);
	json_open_array(o, "tenders");
	for (uint32_t i = 0; i < r->tenders_count; i++)
		write_tender(o, &r->tenders[i], with_tokens);
	json_close(o);
	json_open_array(o, "subjects");
	for (uint32_t i = 0; i < r->subjects_count; i++) {
		ulid_text(id, r->subjects[i]);
		json_cstr(o, NULL, id);
	}
	json_close(o);
}

static bool
same_claims(const struct member_record *a, const struct member_record *b)
{
	if (a->claims_count != b->claims_count)
		return false;
	for (uint32_t i = 0; i < a->claims_count; i++)
		if (a->claims[i].kind != b->claims[i].kind ||
		    strcmp(a->claims[i].value, b->claims[i].value) != 0)
			return false;
	return true;
}

static bool
same_tenders(const struct member_record *a, const struct member_record *b)
{
	if (a->tenders_count != b->tenders_count)
		return false;
	for (uint32_t i = 0; i < a->tenders_count; i++) {
		const struct record_tender *x = &a->tenders[i], *y = &b->tenders[i];

		if (strcmp(x->kind, y->kind) != 0 || strcmp(x->label, y->label) != 0 ||
		    strcmp(x->brand, y->brand) != 0 || strcmp(x->last4, y->last4) != 0 ||
		    strcmp(x->token, y->token) != 0 || x->limit_minor != y->limit_minor ||
		    x->is_default != y->is_default)
			return false;
	}
	return true;
}

static bool
same_texts(const char (*a)[33], uint32_t a_count, const char (*b)[33], uint32_t b_count)
{
	if (a_count != b_count)
		return false;
	for (uint32_t i = 0; i < a_count; i++)
		if (strcmp(a[i], b[i]) != 0)
			return false;
	return true;
}

bool
member_record_same(const struct member_record *a, const struct member_record *b)
{
	return strcmp(a->number, b->number) == 0 && strcmp(a->account, b->account) == 0 &&
	       strcmp(a->language, b->language) == 0 &&
	       strcmp(a->greeting, b->greeting) == 0 && a->minor == b->minor &&
	       a->first_purchase == b->first_purchase &&
	       (!a->has_points || !b->has_points || a->points == b->points) &&
	       same_texts(a->groups, a->groups_count, b->groups, b->groups_count) &&
	       same_texts(a->coupons, a->coupons_count, b->coupons, b->coupons_count) &&
	       same_claims(a, b) && same_tenders(a, b);
}
