/* What a POS tells, through an adapter or the control socket: basket, claim, cancel. */
#include "lane/lane_private.h"

#include "base/plain/pan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DATE_BYTES_MAX 24u
#define DAY_BYTES 10u /* of a date alone */
#define DAY_MS (INT64_C(24) * 3600 * 1000)
#define CLAIM_BYTES_MAX 128u
#define VAT_BP_MAX 10000
#define TEXT_BYTES_MAX 200u
#define PAN_TEXT "looks like a payment card number"

bool
pos_guard(struct lane *l, struct str s)
{
	if (!pan_find(s, NULL, NULL))
		return false;
	l->pans_refused++;
	return true;
}

/* A text of the basket that must fit; missing is empty. */
static int
line_text(const struct value *v, const char *name, char *buf, size_t bytes)
{
	struct str s = { "", 0 };
	int rc = value_get_str(v, name, bytes - 1, &s);

	if (rc < 0 && rc != -ENOENT)
		return rc;
	return str_copy(buf, bytes, s);
}

/* A free text: what looks like a payment card number never comes further than this. */
static int
free_text(const struct value *v, const char *name, char *buf, size_t bytes)
{
	int rc = line_text(v, name, buf, bytes);

	return rc == 0 && pan_find(str_of(buf), NULL, NULL) ? -EPERM : rc;
}

/* An article's number: up to a GTIN-14 as it is; a longer one is as good as free text. */
static int
line_code(const struct value *v, const char *name, char *buf, size_t bytes)
{
	int rc = line_text(v, name, buf, bytes);

	return rc == 0 && pan_find_article(str_of(buf)) ? -EPERM : rc;
}

/* A text that is only shown: too long a one is cut behind a whole character. */
static int
shown_text(const struct value *v, const char *name, char *buf, size_t bytes)
{
	struct str s = { "", 0 };
	int rc = value_get_str(v, name, TEXT_BYTES_MAX, &s);

	if (rc < 0 && rc != -ENOENT)
		return rc;
	if (pan_find(s, NULL, NULL))
		return -EPERM;
	if (s.n >= bytes) {
		s.n = bytes - 1;
		while (s.n > 0 && ((unsigned char)s.p[s.n] & 0xc0u) == 0x80u)
			s.n--;
	}
	return str_copy(buf, bytes, s);
}

/* A missing flag is false; another kind is an error. */
static int
line_flag(const struct value *v, const char *name, bool *ret_flag)
{
	int rc = value_get_bool(v, name, ret_flag);

	return rc == -ENOENT ? 0 : rc;
}

/* What the POS says that offers may do with the line. NULL, or the name of the member at fault. */
static const char *
read_pricing(const struct value *v, struct basket_line *l)
{
	int rc = value_get_int(v, "floor", 0, MONEY_MINOR_MAX, &l->floor_minor);

	if (rc < 0 && rc != -ENOENT)
		return "floor";
	if (line_flag(v, "excluded", &l->excluded) < 0)
		return "excluded";
	return line_flag(v, "reduced", &l->reduced) < 0 ? "reduced" : NULL;
}

/* gtin or plu, and the texts. NULL, or the name of the member at fault; *ret_rc says how. */
static const char *
read_texts(const struct value *v, struct basket_line *l, int *ret_rc)
{
	*ret_rc = line_code(v, "gtin", l->code, sizeof(l->code));
	if (*ret_rc == 0 && l->code[0] == '\0')
		*ret_rc = line_code(v, "plu", l->code, sizeof(l->code));
	if (*ret_rc < 0)
		return "gtin";
	*ret_rc = shown_text(v, "text", l->text, sizeof(l->text));
	if (*ret_rc < 0)
		return "text";
	*ret_rc = free_text(v, "category", l->category, sizeof(l->category));
	if (*ret_rc < 0)
		return "category";
	*ret_rc = free_text(v, "brand", l->brand, sizeof(l->brand));
	return *ret_rc < 0 ? "brand" : NULL;
}

/* NULL, or the name of the member at fault; *ret_rc is -EPERM for a card number. */
static const char *
read_line(const struct value *v, struct basket_line *l, int *ret_rc)
{
	int64_t number = 0, vat = 0;
	const char *wrong;
	int rc;

	*ret_rc = -EINVAL;
	if (value_get_int(v, "line", 0, UINT32_MAX, &number) < 0)
		return "line";
	l->line = (uint32_t)number;
	wrong = read_texts(v, l, ret_rc);
	if (wrong != NULL)
		return wrong;
	if (value_get_int(v, "qty_milli", 0, MONEY_MINOR_MAX, &l->qty_milli) < 0)
		return "qty_milli";
	if (value_get_int(v, "unit_price", -MONEY_MINOR_MAX, MONEY_MINOR_MAX,
			  &l->unit_price_minor) < 0)
		return "unit_price";
	if (value_get_int(v, "amount", -MONEY_MINOR_MAX, MONEY_MINOR_MAX,
			  &l->amount_minor) < 0)
		return "amount";
	rc = value_get_int(v, "vat_bp", 0, VAT_BP_MAX, &vat);
	if (rc < 0 && rc != -ENOENT)
		return "vat_bp";
	l->vat_bp = (uint32_t)vat;
	if (line_flag(v, "void", &l->is_void) < 0)
		return "void";
	if (line_flag(v, "weighed", &l->weighed) < 0)
		return "weighed";
	return read_pricing(v, l);
}

/* All lines of the basket; answers the call itself when one is wrong. */
static int
read_lines(struct lane *l, struct rpc_call *call, const struct value *list,
	   struct basket_line *lines)
{
	const char *wrong;
	uint32_t n = 0;
	int rc = 0;

	for (const struct value *v = list->first; v != NULL; v = v->next, n++) {
		wrong = v->kind == VALUE_OBJECT ? read_line(v, &lines[n], &rc) : "lines";
		if (wrong != NULL) {
			l->pans_refused += rc == -EPERM ? 1 : 0;
			rpc_fail(call, RPC_PARAMS,
				 "lines[%u].%s: missing, outside its range or a "
				 "payment card number",
				 (unsigned)n, wrong);
			return -EINVAL;
		}
	}
	return 0;
}

/* The POS's date; without a time of day, ours. */
static int
read_date(const struct value *params, const struct timepoint *now, int64_t *ret_local_ms)
{
	int64_t local_ms = now->wall_ms + INT64_C(1000) * now->local_offset_s;
	int64_t date_ms = 0;
	struct str text;
	int has_zone = 0;
	int rc = value_get_str(params, "date", DATE_BYTES_MAX, &text);

	if (rc == -ENOENT)
		return 0;
	if (rc == 0)
		rc = rfc3339_parse(text, &date_ms, &has_zone);
	if (rc < 0 || has_zone || date_ms <= 0)
		return -EINVAL;
	*ret_local_ms = date_ms + (text.n == DAY_BYTES ? local_ms % DAY_MS : 0);
	return 0;
}

/* NULL, or the name of the member at fault. */
static const char *
read_basket(const struct value *params, const struct timepoint *now,
	    struct lane_basket *b, const struct value **ret_lines)
{
	int64_t rev = 0;

	if (value_get_str(params, "ticket", LANE_TICKET_BYTES - 1, &b->ticket) < 0 ||
	    b->ticket.n == 0)
		return "ticket";
	if (value_get_int(params, "rev", 0, UINT32_MAX, &rev) < 0)
		return "rev";
	b->rev = (uint32_t)rev;
	if (value_get_str(params, "currency", 3, &b->currency) < 0)
		return "currency";
	if (line_flag(params, "final", &b->final) < 0)
		return "final";
	if (line_flag(params, "closed", &b->closed) < 0)
		return "closed";
	if (line_flag(params, "training", &b->training) < 0)
		return "training";
	if (read_date(params, now, &b->pos_local_ms) < 0)
		return "date";
	if (value_get_array(params, "lines", ret_lines) < 0 ||
	    (*ret_lines)->count > LANE_LINES_MAX)
		return "lines";
	b->lines_count = (*ret_lines)->count;
	return NULL;
}

/* What the core said, as an answer. A basket that is not newer is stored already. */
static void
answer(struct rpc_call *call, const char *what, int rc)
{
	if (rc == 0 || rc == -EALREADY)
		rpc_reply(call, NULL);
	else if (rc == -EINVAL)
		rpc_fail(call, RPC_PARAMS,
			 "%s: outside its ranges (currency, doubled line "
			 "numbers, amounts)",
			 what);
	else if (rc == -ENOENT)
		rpc_fail(call, RPC_NOT_FOUND, "%s: no such ticket", what);
	else
		rpc_fail(call, RPC_REFUSED, "%s: %s", what, strerror(-rc));
}

int
pos_basket_take(struct lane *l, struct rpc_call *call, const struct value *params)
{
	struct lane_event ev = { .kind = LANE_EV_BASKET };
	const struct value *list = NULL;
	struct basket_line *lines;
	struct timepoint now;
	const char *wrong;
	int rc;

	lane_now(l, &now);
	wrong = read_basket(params, &now, &ev.basket, &list);
	if (wrong != NULL) {
		rpc_fail(call, RPC_PARAMS, "%s: missing or outside its range", wrong);
		return -EINVAL;
	}
	if (pos_guard(l, ev.basket.ticket)) {
		rpc_fail(call, RPC_PARAMS, "ticket: " PAN_TEXT);
		return -EPERM;
	}
	lines = calloc(list->count == 0 ? 1 : list->count, sizeof(*lines));
	if (lines == NULL) {
		rpc_fail(call, RPC_INTERNAL, "out of memory");
		return -ENOMEM;
	}
	rc = read_lines(l, call, list, lines);
	if (rc == 0) {
		ev.basket.lines = lines;
		rc = lane_step(l, &ev);
		answer(call, "basket", rc);
	}
	free(lines);
	return rc;
}

void
pos_basket(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	   const struct value *params)
{
	(void)peer;
	(void)pos_basket_take(ctx, call, params); /* answered */
}

static int
parse_claim_kind(struct str kind, enum claim_kind *ret_kind)
{
	static const enum claim_kind kinds[] = { CLAIM_CARD, CLAIM_PHONE, CLAIM_DIGITS,
						 CLAIM_QR };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (str_is(kind, claim_kind_name(kinds[i]))) {
			*ret_kind = kinds[i];
			return 0;
		}
	return -EINVAL;
}

void
pos_claim(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	  const struct value *params)
{
	struct lane *l = ctx;
	struct lane_event ev = { .kind = LANE_EV_CLAIM };
	struct str kind;
	int rc;

	(void)peer;
	if (value_get_str(params, "kind", 16, &kind) < 0 ||
	    parse_claim_kind(kind, &ev.claim.kind) < 0) {
		rpc_fail(call, RPC_PARAMS, "kind: card, phone, digits or qr is wanted");
		return;
	}
	if (value_get_str(params, "value", CLAIM_BYTES_MAX, &ev.claim.value) < 0 ||
	    ev.claim.value.n == 0) {
		rpc_fail(call, RPC_PARAMS, "value: 1 to %u bytes are wanted",
			 CLAIM_BYTES_MAX);
		return;
	}
	ev.claim.ticket = (struct str){ "", 0 };
	rc = value_get_str(params, "ticket", LANE_TICKET_BYTES - 1, &ev.claim.ticket);
	if (rc < 0 && rc != -ENOENT) {
		rpc_fail(call, RPC_PARAMS, "ticket: outside its range");
		return;
	}
	if (pos_guard(l, ev.claim.value) || pos_guard(l, ev.claim.ticket)) {
		rpc_fail(call, RPC_PARAMS, "value or ticket: " PAN_TEXT);
		return;
	}
	answer(call, "claim", lane_step(l, &ev));
}

void
pos_cancel(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	   const struct value *params)
{
	struct lane *l = ctx;
	struct lane_event ev = { .kind = LANE_EV_CANCEL };

	(void)peer;
	if (value_get_str(params, "ticket", LANE_TICKET_BYTES - 1, &ev.ticket) < 0) {
		rpc_fail(call, RPC_PARAMS, "ticket: missing");
		return;
	}
	if (pos_guard(l, ev.ticket)) {
		rpc_fail(call, RPC_PARAMS, "ticket: " PAN_TEXT);
		return;
	}
	answer(call, "cancel", lane_step(l, &ev));
}
