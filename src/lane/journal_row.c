#include "lane/journal_private.h"

#include "base/plain/pan.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum checkout_flag {
	CHECKOUT_CLAIMED = 1 << 0,
	CHECKOUT_TOUCHED = 1 << 1,
	CHECKOUT_TRAINING = 1 << 2,
	CHECKOUT_PAY_BLOCKED = 1 << 3,
	CHECKOUT_OUTSIDE = 1 << 4,
	CHECKOUT_FINAL = 1 << 5,
	CHECKOUT_CLAIM_TO_PAY = 1 << 6,
	CHECKOUT_POS_CLOSED = 1 << 7
};

enum payment_flag {
	PAYMENT_BY_TOUCH = 1 << 0,
	PAYMENT_TOLD = 1 << 1,
	PAYMENT_APPROVAL_SEEN = 1 << 2,
	PAYMENT_NOTHING_FOUND = 1 << 3,
	PAYMENT_ALARMED = 1 << 4,
	PAYMENT_TAKEN = 1 << 5,
	PAYMENT_TWO_PHASE = 1 << 6,
	PAYMENT_PASSED = 1 << 7,
	PAYMENT_GIVEN_BACK = 1 << 8
};

/* ---- columns ------------------------------------------------------------- */

int
journal_col_ulid(sqlite3_stmt *s, int i, struct ulid *ret)
{
	struct str blob = db_col_blob(s, i);

	if (blob.n != sizeof(ret->b))
		return -EUCLEAN;
	memcpy(ret->b, blob.p, sizeof(ret->b));
	return 0;
}

int
journal_col_key(sqlite3_stmt *s, int i, struct key128 *ret)
{
	struct str blob = db_col_blob(s, i);

	if (blob.n != sizeof(ret->b))
		return -EUCLEAN;
	memcpy(ret->b, blob.p, sizeof(ret->b));
	return 0;
}

static int
col_text(sqlite3_stmt *s, int i, char *buf, size_t bytes)
{
	return str_copy(buf, bytes, db_col_str(s, i)) < 0 ? -EUCLEAN : 0;
}

static int
col_u32(sqlite3_stmt *s, int i, uint32_t *ret)
{
	int64_t v = sqlite3_column_int64(s, i);

	if (v < 0 || v > UINT32_MAX)
		return -EUCLEAN;
	*ret = (uint32_t)v;
	return 0;
}

void
journal_bind_checkout(sqlite3_stmt *s, const struct checkout_record *r)
{
	int64_t flags = (r->claimed ? CHECKOUT_CLAIMED : 0) |
			(r->touched ? CHECKOUT_TOUCHED : 0) |
			(r->training ? CHECKOUT_TRAINING : 0) |
			(r->pay_blocked ? CHECKOUT_PAY_BLOCKED : 0) |
			(r->tender_outside ? CHECKOUT_OUTSIDE : 0) |
			(r->final ? CHECKOUT_FINAL : 0) |
			(r->claim_to_pay ? CHECKOUT_CLAIM_TO_PAY : 0) |
			(r->pos_closed ? CHECKOUT_POS_CLOSED : 0);

	db_bind_blob(s, 1, r->checkout.b, sizeof(r->checkout.b));
	db_bind_cstr(s, 2, checkout_phase_name(r->phase));
	db_bind_cstr(s, 3, member_state_name(r->member_state));
	db_bind_blob(s, 4, r->member.b, sizeof(r->member.b));
	db_bind_int(s, 5, flags);
	db_bind_cstr(s, 6, r->ticket);
	db_bind_cstr(s, 7, r->currency);
	db_bind_int(s, 8, r->rev);
	db_bind_int(s, 9, r->gross_minor);
	db_bind_int(s, 10, r->total_minor);
	db_bind_int(s, 11, r->saving_minor);
	db_bind_int(s, 12, r->paid_minor);
	db_bind_int(s, 13, r->business_day);
	db_bind_int(s, 14, r->opened_wall_ms);
	db_bind_int(s, 15, r->changed_wall_ms);
	db_bind_int(s, 16, r->points);
}

int
journal_row_checkout(sqlite3_stmt *s, struct checkout_record *ret)
{
	struct checkout_record r;
	int64_t flags = sqlite3_column_int64(s, 4);

	memset(&r, 0, sizeof(r));
	if (journal_col_ulid(s, 0, &r.checkout) < 0 ||
	    checkout_phase_parse(db_col_str(s, 1), &r.phase) < 0 ||
	    member_state_parse(db_col_str(s, 2), &r.member_state) < 0 ||
	    journal_col_ulid(s, 3, &r.member) < 0 ||
	    col_text(s, 5, r.ticket, sizeof(r.ticket)) < 0 ||
	    col_text(s, 6, r.currency, sizeof(r.currency)) < 0 ||
	    col_u32(s, 7, &r.rev) < 0)
		return -EUCLEAN;
	r.claimed = (flags & CHECKOUT_CLAIMED) != 0;
	r.touched = (flags & CHECKOUT_TOUCHED) != 0;
	r.training = (flags & CHECKOUT_TRAINING) != 0;
	r.pay_blocked = (flags & CHECKOUT_PAY_BLOCKED) != 0;
	r.tender_outside = (flags & CHECKOUT_OUTSIDE) != 0;
	r.final = (flags & CHECKOUT_FINAL) != 0;
	r.claim_to_pay = (flags & CHECKOUT_CLAIM_TO_PAY) != 0;
	r.pos_closed = (flags & CHECKOUT_POS_CLOSED) != 0;
	r.gross_minor = sqlite3_column_int64(s, 8);
	r.total_minor = sqlite3_column_int64(s, 9);
	r.saving_minor = sqlite3_column_int64(s, 10);
	r.paid_minor = sqlite3_column_int64(s, 11);
	r.business_day = (int32_t)sqlite3_column_int64(s, 12);
	r.opened_wall_ms = sqlite3_column_int64(s, 13);
	r.changed_wall_ms = sqlite3_column_int64(s, 14);
	r.points = sqlite3_column_int64(s, 15);
	*ret = r;
	return 0;
}

static int64_t
payment_flags(const struct payment *p)
{
	return (p->by_touch ? PAYMENT_BY_TOUCH : 0) | (p->told ? PAYMENT_TOLD : 0) |
	       (p->approval_seen ? PAYMENT_APPROVAL_SEEN : 0) |
	       (p->nothing_found ? PAYMENT_NOTHING_FOUND : 0) |
	       (p->alarmed ? PAYMENT_ALARMED : 0) | (p->taken ? PAYMENT_TAKEN : 0) |
	       (p->two_phase ? PAYMENT_TWO_PHASE : 0) | (p->passed ? PAYMENT_PASSED : 0) |
	       (p->given_back ? PAYMENT_GIVEN_BACK : 0);
}

static void
read_flags(struct payment *p, int64_t flags)
{
	p->by_touch = (flags & PAYMENT_BY_TOUCH) != 0;
	p->told = (flags & PAYMENT_TOLD) != 0;
	p->approval_seen = (flags & PAYMENT_APPROVAL_SEEN) != 0;
	p->nothing_found = (flags & PAYMENT_NOTHING_FOUND) != 0;
	p->alarmed = (flags & PAYMENT_ALARMED) != 0;
	p->taken = (flags & PAYMENT_TAKEN) != 0;
	p->two_phase = (flags & PAYMENT_TWO_PHASE) != 0;
	p->passed = (flags & PAYMENT_PASSED) != 0;
	p->given_back = (flags & PAYMENT_GIVEN_BACK) != 0;
}

void
journal_bind_payment(sqlite3_stmt *s, const struct payment *p)
{
	db_bind_blob(s, 1, p->key.b, sizeof(p->key.b));
	db_bind_blob(s, 2, p->checkout.b, sizeof(p->checkout.b));
	db_bind_cstr(s, 3, payment_state_name(p->state));
	db_bind_cstr(s, 4, p->ticket);
	db_bind_cstr(s, 5, p->currency);
	db_bind_int(s, 6, p->rev);
	db_bind_int(s, 7, p->asked_minor);
	db_bind_int(s, 8, p->answered_minor);
	db_bind_int(s, 9, payment_flags(p));
	db_bind_int(s, 10, p->tries);
	db_bind_int(s, 11, p->created_wall_ms);
	db_bind_int(s, 12, p->state_wall_ms);
	db_bind_cstr(s, 13, p->ref);
	db_bind_cstr(s, 14, p->auth);
	db_bind_blob(s, 15, p->blob, p->blob_bytes);
	db_bind_cstr(s, 16, p->adapter);
	if (p->kind != PAYMENT_REFUND) {
		db_bind_cstr(s, 17, p->pos_adapter);
		db_bind_cstr(s, 18, p->pos_ref);
		db_bind_blob(s, 19, p->pos_blob, p->pos_blob_bytes);
		db_bind_blob(s, 20, p->member.b,
			     ulid_is_zero(p->member) ? 0 : sizeof(p->member.b));
		db_bind_cstr(s, 21, p->place);
		db_bind_cstr(s, 22, p->pos_place);
		return;
	}
	db_bind_blob(s, 17, p->return_id.b, sizeof(p->return_id.b));
	db_bind_blob(s, 18, p->original.b, sizeof(p->original.b));
	db_bind_cstr(s, 19, p->original_ref);
	db_bind_cstr(s, 20, p->place);
}

int
journal_row_payment(sqlite3_stmt *s, struct payment *ret)
{
	struct payment p;
	struct str blob = db_col_blob(s, 14), pos = db_col_blob(s, 22);

	memset(&p, 0, sizeof(p));
	if (journal_col_key(s, 0, &p.key) < 0 ||
	    journal_col_ulid(s, 1, &p.checkout) < 0 ||
	    payment_state_parse(db_col_str(s, 2), &p.state) < 0 ||
	    col_text(s, 3, p.ticket, sizeof(p.ticket)) < 0 ||
	    col_text(s, 4, p.currency, sizeof(p.currency)) < 0 ||
	    col_u32(s, 5, &p.rev) < 0 || col_u32(s, 9, &p.tries) < 0 ||
	    col_text(s, 12, p.ref, sizeof(p.ref)) < 0 ||
	    col_text(s, 13, p.auth, sizeof(p.auth)) < 0 ||
	    col_text(s, 15, p.adapter, sizeof(p.adapter)) < 0 || blob.n > sizeof(p.blob))
		return -EUCLEAN;
	p.kind = sqlite3_column_int64(s, 16) != 0 ? PAYMENT_REFUND : PAYMENT_PAY;
	if (journal_col_ulid(s, 17, &p.return_id) < 0 ||
	    journal_col_key(s, 18, &p.original) < 0 ||
	    col_text(s, 19, p.original_ref, sizeof(p.original_ref)) < 0 ||
	    col_text(s, 20, p.pos_adapter, sizeof(p.pos_adapter)) < 0 ||
	    col_text(s, 21, p.pos_ref, sizeof(p.pos_ref)) < 0 ||
	    pos.n > sizeof(p.pos_blob) ||
	    (db_col_blob(s, 23).n > 0 && journal_col_ulid(s, 23, &p.member) < 0) ||
	    col_text(s, 24, p.place, sizeof(p.place)) < 0 ||
	    col_text(s, 25, p.pos_place, sizeof(p.pos_place)) < 0)
		return -EUCLEAN;
	p.asked_minor = sqlite3_column_int64(s, 6);
	p.answered_minor = sqlite3_column_int64(s, 7);
	read_flags(&p, sqlite3_column_int64(s, 8));
	p.created_wall_ms = sqlite3_column_int64(s, 10);
	p.state_wall_ms = sqlite3_column_int64(s, 11);
	if (blob.n > 0)
		memcpy(p.blob, blob.p, blob.n);
	p.blob_bytes = (uint32_t)blob.n;
	if (pos.n > 0)
		memcpy(p.pos_blob, pos.p, pos.n);
	p.pos_blob_bytes = (uint32_t)pos.n;
	p.due_mono_ms = PAYMENT_NEVER;
	*ret = p;
	return 0;
}

int
journal_each(struct journal *j, sqlite3_stmt *s, int (*row)(void *ctx, sqlite3_stmt *s),
	     void *ctx)
{
	int rc;

	if (s == NULL)
		return db_last_error(j->db);
	while ((rc = db_step(j->db, s)) == 1) {
		rc = row(ctx, s);
		if (rc != 0)
			break;
	}
	db_done(s);
	return rc;
}

struct payments_told {
	int (*each)(void *ctx, const struct payment *p);
	void *ctx;
};

static int
tell_payment(void *ctx, sqlite3_stmt *s)
{
	const struct payments_told *t = ctx;
	struct payment p;
	int rc = journal_row_payment(s, &p);

	return rc == 0 ? t->each(t->ctx, &p) : rc;
}

int
journal_each_payment(struct journal *j, sqlite3_stmt *s,
		     int (*each)(void *ctx, const struct payment *p), void *ctx)
{
	struct payments_told t = { each, ctx };

	return journal_each(j, s, tell_payment, &t);
}

/* ---- lines --------------------------------------------------------------- */

static void
line_write(struct json_out *o, const struct basket_line *l)
{
	json_open_object(o, NULL);
	json_int(o, "line", l->line);
	json_cstr(o, "code", l->code);
	json_cstr(o, "text", l->text);
	json_cstr(o, "category", l->category);
	json_cstr(o, "brand", l->brand);
	json_int(o, "qty_milli", l->qty_milli);
	json_int(o, "unit_price", l->unit_price_minor);
	json_int(o, "amount", l->amount_minor);
	json_int(o, "vat_bp", l->vat_bp);
	json_bool(o, "void", l->is_void);
	json_bool(o, "weighed", l->weighed);
	if (l->floor_minor > 0)
		json_int(o, "floor", l->floor_minor);
	if (l->excluded)
		json_bool(o, "excluded", true);
	if (l->reduced)
		json_bool(o, "reduced", true);
	if (l->has_net)
		json_int(o, "net", l->net_minor);
	json_close(o);
}

int
journal_lines_text(struct json_out *out, const struct basket_line *lines, uint32_t count,
		   struct str *ret_text)
{
	json_out_reset(out);
	json_open_array(out, NULL);
	for (uint32_t i = 0; i < count; i++)
		line_write(out, &lines[i]);
	json_close(out);
	return json_out_text(out, ret_text);
}

static int
line_text(const struct value *v, const char *name, char *buf, size_t bytes)
{
	struct str s = { "", 0 };

	if (value_get_str(v, name, bytes - 1, &s) < 0)
		return -EUCLEAN;
	return str_copy(buf, bytes, s);
}

/* What a line need not have. */
static int
line_read_rest(const struct value *v, struct basket_line *l)
{
	int floor = value_get_int(v, "floor", 0, INT64_MAX, &l->floor_minor);
	int excluded = value_get_bool(v, "excluded", &l->excluded);
	int reduced = value_get_bool(v, "reduced", &l->reduced);
	int net = value_get_int(v, "net", INT64_MIN, INT64_MAX, &l->net_minor);

	l->has_net = net == 0;
	return (floor == 0 || floor == -ENOENT) &&
			       (excluded == 0 || excluded == -ENOENT) &&
			       (reduced == 0 || reduced == -ENOENT) &&
			       (net == 0 || net == -ENOENT)
		       ? 0
		       : -EUCLEAN;
}

static int
line_read(const struct value *v, struct basket_line *l)
{
	int64_t line = 0, vat = 0;

	if (value_get_int(v, "line", 0, UINT32_MAX, &line) < 0 ||
	    value_get_int(v, "qty_milli", 0, INT64_MAX, &l->qty_milli) < 0 ||
	    value_get_int(v, "unit_price", INT64_MIN, INT64_MAX, &l->unit_price_minor) <
		    0 ||
	    value_get_int(v, "amount", INT64_MIN, INT64_MAX, &l->amount_minor) < 0 ||
	    value_get_int(v, "vat_bp", 0, UINT32_MAX, &vat) < 0 ||
	    value_get_bool(v, "void", &l->is_void) < 0 ||
	    value_get_bool(v, "weighed", &l->weighed) < 0 ||
	    line_text(v, "code", l->code, sizeof(l->code)) < 0 ||
	    line_text(v, "text", l->text, sizeof(l->text)) < 0 ||
	    line_text(v, "category", l->category, sizeof(l->category)) < 0 ||
	    line_text(v, "brand", l->brand, sizeof(l->brand)) < 0)
		return -EUCLEAN;
	l->line = (uint32_t)line;
	l->vat_bp = (uint32_t)vat;
	return line_read_rest(v, l);
}

int
journal_lines_parse(struct str text, struct basket_line **ret_lines, uint32_t *ret_count)
{
	struct arena *arena = arena_new(JOURNAL_LINES_ARENA_MAX);
	struct basket_line *lines = NULL;
	const struct value *v = NULL;
	uint32_t count = 0;
	int rc;

	if (arena == NULL)
		return -ENOMEM;
	rc = json_parse(arena, text, 0, &v, NULL);
	if (rc == -EBADMSG)
		rc = -EUCLEAN;
	if (rc == 0 && (v->kind != VALUE_ARRAY || v->count > LANE_LINES_MAX))
		rc = -EUCLEAN;
	if (rc < 0)
		goto out;
	lines = calloc(v->count + 1u, sizeof(*lines));
	if (lines == NULL) {
		rc = -ENOMEM;
		goto out;
	}
	for (const struct value *e = v->first; e != NULL && rc == 0; e = e->next)
		rc = line_read(e, &lines[count++]);
	if (rc < 0)
		goto out;
	*ret_lines = lines;
	*ret_count = count;
	lines = NULL;
out:
	free(lines);
	(void)arena_free(arena); /* gives NULL */
	return rc;
}

/* ---- the PAN guard ------------------------------------------------------- */

static bool
has_pan(const char *s)
{
	return pan_find(str_of(s), NULL, NULL);
}

int
journal_guard_checkout(const struct checkout_record *r)
{
	if (has_pan(r->ticket))
		return -EPERM;
	for (uint32_t i = 0; r->basket_changed && i < r->lines_count; i++) {
		const struct basket_line *l = &r->lines[i];

		if (has_pan(l->text) || has_pan(l->category) || has_pan(l->brand) ||
		    pan_find_article(str_of(l->code)))
			return -EPERM;
	}
	return 0;
}

int
journal_guard_payment(const struct payment *p)
{
	struct str blob = { (const char *)p->blob, p->blob_bytes };
	struct str pos = { (const char *)p->pos_blob, p->pos_blob_bytes };

	if (has_pan(p->ticket) || has_pan(p->ref) || has_pan(p->auth) ||
	    has_pan(p->original_ref) || pan_find_blob(blob) || has_pan(p->pos_ref) ||
	    pan_find_blob(pos))
		return -EPERM;
	return 0;
}
