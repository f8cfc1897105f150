#include "ctl/payments.h"

#include "base/plain/caltime.h"
#include "base/plain/money.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 500
#define ROWS_MAX 1000000u
#define DAY_BYTES 10u

/* ---- days ----------------------------------------------------------------------- */

/* 2026-11-22 or 20261122. -1 when it is no such day. */
static int
parse_day(const char *text, int32_t *ret_day)
{
	char digits[DAY_BYTES];
	char iso[DAY_BYTES + 1];
	struct strbuf b;
	int64_t day, wall_ms;

	strbuf_init(&b, digits, sizeof(digits));
	for (const char *p = text; *p != '\0'; p++)
		if (*p != '-')
			strbuf_add(&b, (struct str){ p, 1 });
	if (b.truncated || b.used != 8 || !str_digits_ok(str_of(digits), 8) ||
	    str_to_i64(str_of(digits), &day) < 0)
		return -1;
	(void)snprintf(iso, sizeof(iso), "%.4s-%.2s-%.2s", digits, digits + 4,
		       digits + 6); /* fits */
	if (rfc3339_parse(str_of(iso), &wall_ms, NULL) < 0)
		return -1;
	*ret_day = (int32_t)day;
	return 0;
}

struct days {
	int32_t from, to; /* 0: not told */
};

static int
take_days(int *argc, char **argv, struct days *d)
{
	const char *day = ctl_option(argc, argv, "--day");
	const char *from = ctl_option(argc, argv, "--from");
	const char *to = ctl_option(argc, argv, "--to");

	if (day != NULL && (from != NULL || to != NULL))
		return ctl_fail(CTL_USAGE, "either --day or --from and --to");
	if ((day != NULL && parse_day(day, &d->from) < 0) ||
	    (from != NULL && parse_day(from, &d->from) < 0) ||
	    (to != NULL && parse_day(to, &d->to) < 0))
		return ctl_fail(CTL_USAGE, "a day is written as 2026-11-22");
	if (day != NULL)
		d->to = d->from;
	if (to != NULL && from == NULL)
		return ctl_fail(CTL_USAGE, "--to wants --from");
	return 0;
}

/* ---- rows ------------------------------------------------------------------------- */

static int
copy(const struct value *v, const char *name, char *buf, size_t bytes)
{
	struct str s = { "", 0 };

	(void)value_get_str(v, name, bytes - 1, &s); /* missing is empty */
	return str_copy(buf, bytes, s);
}

static int
read_row(const struct value *v, struct payments_row *r)
{
	char key[KEY128_TEXT_BYTES], state[32];

	memset(r, 0, sizeof(*r));
	if (copy(v, "key", key, sizeof(key)) < 0 ||
	    key128_parse(str_of(key), &r->key) < 0 ||
	    copy(v, "state", state, sizeof(state)) < 0 ||
	    payment_state_parse(str_of(state), &r->state) < 0 ||
	    copy(v, "ticket", r->ticket, sizeof(r->ticket)) < 0 ||
	    copy(v, "ref", r->ref, sizeof(r->ref)) < 0 ||
	    copy(v, "auth", r->auth, sizeof(r->auth)) < 0 ||
	    copy(v, "currency", r->currency, sizeof(r->currency)) < 0 ||
	    copy(v, "created", r->created, sizeof(r->created)) < 0 ||
	    copy(v, "since", r->since, sizeof(r->since)) < 0)
		return -EPROTO;
	if (strcmp(ctl_text(v, "kind"), "refund") == 0) {
		r->kind = PAYMENT_REFUND;
		if (copy(v, "original_ref", r->original_ref, sizeof(r->original_ref)) < 0)
			return -EPROTO;
		if (value_member(v, "original") != NULL &&
		    (copy(v, "original", key, sizeof(key)) < 0 ||
		     key128_parse(str_of(key), &r->original) < 0))
			return -EPROTO;
	}
	r->business_day = (int32_t)ctl_int(v, "business_day");
	r->tries = (uint32_t)ctl_int(v, "tries");
	r->alarm = ctl_bool(v, "alarm");
	r->asked_minor = ctl_int(v, "amount");
	r->answered_minor = ctl_int(v, "approved");
	r->returned_minor = ctl_int(v, "returned");
	return 0;
}

static int
take_page(struct payments *p, const struct value *v)
{
	const struct value *list = NULL, *returns = NULL;
	struct payments_row *rows;

	if (value_get_array(v, "payments", &list) < 0 ||
	    list->count > ROWS_MAX - p->count)
		return ctl_fail(CTL_INTERNAL, "laned's answer cannot be used");
	rows = realloc(p->rows, (p->count + list->count + 1u) * sizeof(*rows));
	if (rows == NULL)
		return ctl_fail(CTL_INTERNAL, "out of memory");
	p->rows = rows;
	for (const struct value *e = list->first; e != NULL; e = e->next)
		if (read_row(e, &rows[p->count++]) < 0)
			return ctl_fail(CTL_INTERNAL, "a payment of laned's answer "
						      "cannot be read");
	p->from_day = (int32_t)ctl_int(v, "from");
	p->to_day = (int32_t)ctl_int(v, "to");
	if (copy(v, "store", p->store, sizeof(p->store)) < 0 ||
	    copy(v, "lane", p->lane, sizeof(p->lane)) < 0 ||
	    copy(v, "currency", p->currency, sizeof(p->currency)) < 0)
		return ctl_fail(CTL_INTERNAL, "laned's answer cannot be used");
	if (value_get_object(v, "returns", &returns) == 0) {
		p->returns = ctl_int(returns, "count");
		p->returns_minor = ctl_int(returns, "refund");
	}
	return 0;
}

/* All pages of one kind; the days that laned answered for in *d. */
static int
load_kind(struct ctl *c, struct days *d, bool refunds, struct payments *p)
{
	int64_t after = 0;
	int rc = 0;

	while (rc == 0 && after >= 0) {
		const struct value *v = NULL;
		struct json_out *o = ctl_params(c);

		if (o == NULL)
			return ctl_fail(CTL_INTERNAL, "out of memory");
		if (d->from != 0)
			json_int(o, "from", d->from);
		if (d->to != 0)
			json_int(o, "to", d->to);
		if (refunds)
			json_bool(o, "refunds", true);
		json_int(o, "after", after);
		json_int(o, "limit", PAGE);
		rc = ctl_ask(c, "payment.report", o, &v);
		if (rc != 0)
			break;
		rc = take_page(p, v);
		after = value_member(v, "next") == NULL ? -1 : ctl_int(v, "next");
		/* The pages are of the same days, also over a midnight. */
		*d = (struct days){ p->from_day, p->to_day };
	}
	return rc;
}

int
payments_load(struct ctl *c, int *argc, char **argv, struct payments *p)
{
	struct days days = { 0, 0 };
	int rc = take_days(argc, argv, &days);

	memset(p, 0, sizeof(*p));
	if (rc == 0)
		rc = load_kind(c, &days, false, p);
	return rc == 0 ? load_kind(c, &days, true, p) : rc;
}

void
payments_free(struct payments *p)
{
	free(p->rows);
	memset(p, 0, sizeof(*p));
}

/* ---- words ------------------------------------------------------------------------ */

const char *
payments_state(enum payment_kind kind, enum payment_state state)
{
	static const char *const refunds[PAYMENT_STATES] = {
		[PAYMENT_CREATED] = "refund created",
		[PAYMENT_SENDING] = "refund sending",
		[PAYMENT_NOT_SENT] = "refund not-sent",
		[PAYMENT_CANCELLED] = "refund cancelled",
		[PAYMENT_DECLINED] = "refund declined",
		[PAYMENT_UNKNOWN] = "refund unknown",
	};
	const char *name = kind == PAYMENT_REFUND ? refunds[state] : NULL;

	return name != NULL ? name : payment_state_name(state);
}

static const char *
refund_advice(const struct payments_row *r)
{
	if (r->state == PAYMENT_UNKNOWN)
		return "not certain: asked about until it is; do not pay it out "
		       "meanwhile, it may be back already";
	if (payment_is_open(r->state))
		return "under way";
	if (payment_is_refused(r->state))
		return "nothing went back to the token: paid back otherwise?";
	return r->answered_minor == r->asked_minor
		       ? NULL
		       : "refunded, but not the amount that was asked";
}

const char *
payments_advice(const struct payments_row *r)
{
	if (r->kind == PAYMENT_REFUND)
		return refund_advice(r);
	if (r->state == PAYMENT_UNDO_FAILED)
		return "could not be taken back: refund it by hand, by key and ticket";
	if (r->alarm && r->state == PAYMENT_ANSWER_SENDING)
		return "ALARM: look whether the POS has the ticket as paid, and say it: "
		       "lanectl payments settle";
	if (r->alarm)
		return "ALARM: laned cannot bring it to an end by itself; look at the "
		       "adapter and the POS";
	switch (r->state) {
	case PAYMENT_CREATED:
	case PAYMENT_SENDING:
		return "under way";
	case PAYMENT_UNKNOWN:
		return "not certain: asked about until it is; never book it a second "
		       "time";
	case PAYMENT_APPROVED:
	case PAYMENT_PARTIAL:
		return "paid; the POS has not taken it yet, and it is undone if it does "
		       "not";
	case PAYMENT_ANSWER_SENDING:
		return "paid; the POS may have the answer and has not confirmed it: look "
		       "at the ticket";
	case PAYMENT_UNDO_QUEUED:
		return "being taken back";
	case PAYMENT_UNDONE:
		return "taken back: nothing stands";
	case PAYMENT_NOT_SENT:
	case PAYMENT_CANCELLED:
	case PAYMENT_DECLINED:
	case PAYMENT_CONFIRMED:
	case PAYMENT_UNDO_FAILED:
	case PAYMENT_REFUNDED:
	case PAYMENT_STATES:
		break;
	}
	return NULL;
}

const char *
payments_amount(int64_t minor, const char *currency)
{
	static char buffers[8][32];
	static unsigned next;
	char *buf = buffers[next++ % 8];
	uint16_t numeric;
	uint8_t exponent = 2;

	(void)currency_find(currency, &numeric, &exponent); /* unknown: two decimals */
	if (money_format(buf, sizeof(buffers[0]), minor, exponent) < 0)
		buf[0] = '\0';
	return buf;
}

void
payments_csv(FILE *out, bool first, const char *text)
{
	if (!first)
		(void)fputc(',', out); /* a closed pipe shows at the end */
	(void)fputc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"')
			(void)fputc('"', out);
		(void)fputc(*text, out);
	}
	(void)fputc('"', out);
}
