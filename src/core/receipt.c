#include "core/receipt.h"

#include "base/plain/money.h"
#include "core/returns.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define VERSION 1u
#define KEY_ID_AT 1u
#define VAT_BP_MAX 100000u
#define YEAR_FIRST 2000
#define YEAR_LAST 2999

/* The flags of a head: environment, two bits of tender, three of shift. */
enum head_flag {
	HEAD_LIVE = 1,
	HEAD_TENDER_SHIFT = 1,
	HEAD_SHIFT_SHIFT = 3,
	HEAD_FLAGS = 63
};

/* A line begins with one byte: these and the index of its rate. */
enum line_flag {
	LINE_NEXT = 1,     /* its number is the one after the last line's */
	LINE_ONE = 2,      /* of one part */
	LINE_MEASURED = 4, /* parts are grams or thousandths */
	LINE_RATE_SHIFT = 3
};
_Static_assert((RECEIPT_RATES_MAX - 1) << LINE_RATE_SHIFT < 128,
	       "one byte of seven bits");

/* ---- numbers ------------------------------------------------------------- */

/* Bytes out; once something does not fit, nothing more is taken. */
struct writer {
	uint8_t *p;
	size_t bytes, used;
	bool full;
};

static void
put(struct writer *w, const void *data, size_t n)
{
	if (w->full || n > w->bytes - w->used) {
		w->full = true;
		return;
	}
	if (n > 0)
		memcpy(w->p + w->used, data, n);
	w->used += n;
}

static void
put_u8(struct writer *w, unsigned v)
{
	uint8_t b = (uint8_t)v;

	assert(v <= UINT8_MAX);
	put(w, &b, 1);
}

/* Seven bits a byte, the lowest first, as of LEB128. */
static void
put_uint(struct writer *w, uint64_t v)
{
	while (v >= 0x80) {
		put_u8(w, (unsigned)(v & 0x7f) | 0x80);
		v >>= 7;
	}
	put_u8(w, (unsigned)v);
}

/* Signed, so that small amounts of either sign are short (zig-zag). */
static void
put_int(struct writer *w, int64_t v)
{
	put_uint(w, (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0));
}

static void
put_text(struct writer *w, const char *s)
{
	size_t n = strlen(s);

	put_u8(w, (unsigned)n);
	put(w, s, n);
}

/* Bytes in; after the first that is wrong all is wrong. */
struct reader {
	const uint8_t *p;
	size_t left;
	bool bad;
};

static const uint8_t *
get(struct reader *r, size_t n)
{
	const uint8_t *at = r->p;

	if (r->bad || n > r->left) {
		r->bad = true;
		return NULL;
	}
	r->p += n;
	r->left -= n;
	return at;
}

static unsigned
get_u8(struct reader *r)
{
	const uint8_t *b = get(r, 1);

	return b == NULL ? 0 : *b;
}

static uint64_t
get_uint(struct reader *r, uint64_t max)
{
	uint64_t v = 0;
	unsigned byte = 0x80;

	for (unsigned shift = 0; (byte & 0x80) != 0; shift += 7) {
		byte = get_u8(r);
		/* 63 bits do for everything; a last byte of zero was not needed. */
		if (shift >= 63 || (shift > 0 && byte == 0)) {
			r->bad = true;
			return 0;
		}
		v |= (uint64_t)(byte & 0x7f) << shift;
	}
	if (v > max)
		r->bad = true;
	return r->bad ? 0 : v;
}

static int64_t
get_int(struct reader *r, int64_t max)
{
	uint64_t v = get_uint(r, (uint64_t)max << 1);

	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

static bool
is_printable(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
			return false;
	return str_utf8_ok((struct str){ s, n });
}

static void
get_text(struct reader *r, char *buf, size_t bytes)
{
	size_t n = get_u8(r);
	const uint8_t *s = get(r, n);

	if (s == NULL || n >= bytes || !is_printable((const char *)s, n)) {
		r->bad = true;
		return;
	}
	memcpy(buf, s, n);
	buf[n] = '\0';
}

/* ---- the head ------------------------------------------------------------ */

/* A business day in 16 bits until 2127; 0 is unknown. */
static uint64_t
day_pack(int32_t day)
{
	uint32_t d = (uint32_t)day;

	if (day == 0)
		return 0;
	return (uint64_t)(d / 10000 - YEAR_FIRST) << 9 | d / 100 % 100 << 5 | d % 100;
}

static bool
day_ok(int32_t day)
{
	int32_t month = day / 100 % 100, dom = day % 100;

	if (day == 0)
		return true;
	return day / 10000 >= YEAR_FIRST && day / 10000 <= YEAR_LAST && month >= 1 &&
	       month <= 12 && dom >= 1 && dom <= 31;
}

static int32_t
day_unpack(uint64_t v)
{
	if (v == 0)
		return 0;
	return (int32_t)((v >> 9) + YEAR_FIRST) * 10000 + (int32_t)(v >> 5 & 15) * 100 +
	       (int32_t)(v & 31);
}

static bool
text_ok(const char *s, size_t bytes)
{
	return memchr(s, 0, bytes) != NULL && is_printable(s, strlen(s));
}

static bool
amount_ok(int64_t v)
{
	return v >= -MONEY_MINOR_MAX && v <= MONEY_MINOR_MAX;
}

static bool
head_ok(const struct receipt_head *h)
{
	if (h->shift > RECEIPT_SHIFT_MAX || !day_ok(h->business_day) ||
	    !text_ok(h->store, sizeof(h->store)) || !text_ok(h->lane, sizeof(h->lane)) ||
	    !amount_ok(h->total_minor) || h->token_minor < 0 ||
	    h->token_minor > MONEY_MINOR_MAX)
		return false;
	for (unsigned i = 0; i < 3; i++)
		if (h->currency[i] < 'A' || h->currency[i] > 'Z')
			return false;
	if (h->tender == RECEIPT_TENDER_REF)
		return text_ok(h->ref, sizeof(h->ref)) && h->ref[0] != '\0';
	return h->tender == RECEIPT_TENDER_KEY ||
	       (h->tender == RECEIPT_TENDER_OUTSIDE && h->token_minor == 0);
}

static void
write_head(struct writer *w, const struct receipt_head *h)
{
	static const uint8_t nothing[RECEIPT_SHIFT_MAX];

	put_u8(w, VERSION);
	put(w, h->key_id, sizeof(h->key_id));
	put_u8(w, (h->live ? HEAD_LIVE : 0u) | (unsigned)h->tender << HEAD_TENDER_SHIFT |
			  h->shift << HEAD_SHIFT_SHIFT);
	put(w, nothing, h->shift);
	put(w, h->checkout.b, sizeof(h->checkout.b));
	put_u8(w, h->part);
	put_u8(w, h->parts);
	put_uint(w, day_pack(h->business_day));
	put(w, h->currency, 3);
	put_text(w, h->store);
	put_text(w, h->lane);
	put_int(w, h->total_minor);
	if (h->tender == RECEIPT_TENDER_OUTSIDE)
		return;
	put_uint(w, (uint64_t)h->token_minor);
	if (h->tender == RECEIPT_TENDER_KEY)
		put(w, h->key.b, sizeof(h->key.b));
	else
		put_text(w, h->ref);
}

static void
read_bytes(struct reader *r, void *to, size_t n)
{
	const uint8_t *from = get(r, n);

	if (from != NULL)
		memcpy(to, from, n);
}

static void
read_head(struct reader *r, struct receipt_head *h)
{
	unsigned flags;

	(void)get_u8(r); /* the version: receipt_key_id has looked at it */
	read_bytes(r, h->key_id, sizeof(h->key_id));
	flags = get_u8(r);
	h->live = (flags & HEAD_LIVE) != 0;
	h->tender = (enum receipt_tender)(flags >> HEAD_TENDER_SHIFT & 3u);
	h->shift = flags >> HEAD_SHIFT_SHIFT & 7u;
	for (uint32_t i = 0; i < h->shift; i++)
		if (get_u8(r) != 0)
			r->bad = true;
	read_bytes(r, h->checkout.b, sizeof(h->checkout.b));
	h->part = get_u8(r);
	h->parts = get_u8(r);
	h->business_day =
		day_unpack(get_uint(r, (uint64_t)(YEAR_LAST - YEAR_FIRST + 1) << 9));
	read_bytes(r, h->currency, 3);
	get_text(r, h->store, sizeof(h->store));
	get_text(r, h->lane, sizeof(h->lane));
	h->total_minor = get_int(r, MONEY_MINOR_MAX);
	if (h->tender != RECEIPT_TENDER_OUTSIDE)
		h->token_minor = (int64_t)get_uint(r, MONEY_MINOR_MAX);
	if (h->tender == RECEIPT_TENDER_KEY)
		read_bytes(r, h->key.b, sizeof(h->key.b));
	else if (h->tender == RECEIPT_TENDER_REF)
		get_text(r, h->ref, sizeof(h->ref));
	if (flags > HEAD_FLAGS || h->part < 1 || h->part > h->parts ||
	    h->parts > RECEIPT_PARTS_MAX || !head_ok(h))
		r->bad = true;
}

/* ---- lines --------------------------------------------------------------- */

static bool
line_ok(const struct receipt_line *l)
{
	return l->vat_bp <= VAT_BP_MAX && l->parts >= 1 &&
	       l->parts <= RETURNS_PARTS_MAX && amount_ok(l->net_minor);
}

static bool
lines_ok(const struct receipt_source *s)
{
	for (uint32_t i = 0; i < s->lines_count; i++)
		if (!line_ok(&s->lines[i]) ||
		    (i > 0 && s->lines[i].line <= s->lines[i - 1].line))
			return false;
	return s->lines_count >= 1 && s->lines_count <= RECEIPT_LINES_MAX;
}

/* The rates of one part, in the order of their first line. */
struct rates {
	uint32_t list[RECEIPT_RATES_MAX];
	uint32_t count;
};

/* Its index; RECEIPT_RATES_MAX: no room for one more. */
static uint32_t
rate_index(struct rates *r, uint32_t vat_bp)
{
	uint32_t i = 0;

	while (i < r->count && r->list[i] != vat_bp)
		i++;
	if (i == r->count && i < RECEIPT_RATES_MAX)
		r->list[r->count++] = vat_bp;
	return i;
}

static void
write_line(struct writer *w, const struct receipt_line *l, uint32_t last, uint32_t rate)
{
	bool next = l->line == last + 1, one = l->parts == 1;

	put_u8(w, (next ? LINE_NEXT : 0u) | (one ? LINE_ONE : 0u) |
			  (l->measured ? LINE_MEASURED : 0u) | rate << LINE_RATE_SHIFT);
	if (!next)
		put_uint(w, l->line);
	if (!one)
		put_uint(w, (uint64_t)l->parts);
	put_int(w, l->net_minor);
}

/* The lines of a part while they are gathered: how many fit beside the head. */
struct gathered {
	struct rates rates;
	uint8_t bytes[RECEIPT_PAYLOAD_MAX];
	size_t used;
	uint32_t count;
};

static size_t
uint_bytes(uint64_t v)
{
	size_t n = 1;

	while ((v >>= 7) != 0)
		n++;
	return n;
}

static size_t
table_bytes(const struct rates *r, uint32_t lines)
{
	size_t n = 1 + uint_bytes(lines);

	for (uint32_t i = 0; i < r->count; i++)
		n += uint_bytes(r->list[i]);
	return n;
}

static void
gather(const struct receipt_source *s, uint32_t from, size_t room, struct gathered *g)
{
	struct writer w = { g->bytes, sizeof(g->bytes), 0, false };
	uint32_t last = 0;

	g->rates.count = 0;
	g->count = 0;
	g->used = 0;
	for (uint32_t i = from; i < s->lines_count; i++) {
		struct rates rates = g->rates;
		uint32_t rate = rate_index(&rates, s->lines[i].vat_bp);

		if (rate == RECEIPT_RATES_MAX || g->count == RECEIPT_PART_LINES_MAX)
			break;
		write_line(&w, &s->lines[i], last, rate);
		if (w.full || table_bytes(&rates, g->count + 1) + w.used > room)
			break;
		g->rates = rates;
		g->used = w.used;
		g->count++;
		last = s->lines[i].line;
	}
}

int
receipt_write(const struct receipt_source *s, struct receipt_writer *w,
	      uint8_t payload[RECEIPT_PAYLOAD_MAX], size_t *ret_bytes)
{
	struct writer out = { payload, RECEIPT_PAYLOAD_MAX, 0, false };
	struct receipt_head head = s->head;
	struct gathered g;

	if (!head_ok(&head) || !lines_ok(s))
		return -EINVAL;
	if (w->line >= s->lines_count) {
		*ret_bytes = 0;
		return 0;
	}
	if (w->part == RECEIPT_PARTS_MAX)
		return -E2BIG;
	head.part = ++w->part;
	head.parts = w->parts;
	write_head(&out, &head);
	assert(!out.full);
	gather(s, w->line, RECEIPT_PAYLOAD_MAX - out.used, &g);
	assert(g.count > 0); /* a head and a line at their longest fit */
	put_u8(&out, g.rates.count);
	for (uint32_t i = 0; i < g.rates.count; i++)
		put_uint(&out, g.rates.list[i]);
	put_uint(&out, g.count);
	put(&out, g.bytes, g.used);
	assert(!out.full);
	w->line += g.count;
	*ret_bytes = out.used;
	return 0;
}

int
receipt_parts(const struct receipt_source *s, uint32_t *ret_parts)
{
	struct receipt_writer w = { 0 };
	uint8_t payload[RECEIPT_PAYLOAD_MAX];
	size_t n = 1;
	int rc = 0;

	while (rc == 0 && n > 0)
		rc = receipt_write(s, &w, payload, &n);
	if (rc == 0)
		*ret_parts = w.part;
	return rc;
}

static void
read_rates(struct reader *r, struct rates *rates)
{
	rates->count = get_u8(r);
	if (rates->count < 1 || rates->count > RECEIPT_RATES_MAX) {
		r->bad = true;
		rates->count = 0;
	}
	for (uint32_t i = 0; i < rates->count; i++) {
		rates->list[i] = (uint32_t)get_uint(r, VAT_BP_MAX);
		for (uint32_t k = 0; k < i; k++)
			if (rates->list[k] == rates->list[i])
				r->bad = true;
	}
}

static void
read_line(struct reader *r, const struct rates *rates, uint32_t last,
	  struct receipt_line *l)
{
	unsigned flags = get_u8(r);
	uint32_t rate = flags >> LINE_RATE_SHIFT;

	l->measured = (flags & LINE_MEASURED) != 0;
	l->line = (flags & LINE_NEXT) != 0 ? last + 1 : (uint32_t)get_uint(r, UINT32_MAX);
	l->parts = (flags & LINE_ONE) != 0
			   ? 1
			   : (int64_t)get_uint(r, (uint64_t)RETURNS_PARTS_MAX);
	l->net_minor = get_int(r, MONEY_MINOR_MAX);
	if (rate < rates->count)
		l->vat_bp = rates->list[rate];
	if (rate >= rates->count || !line_ok(l) ||
	    ((flags & LINE_ONE) == 0 && l->parts == 1) ||
	    ((flags & LINE_NEXT) == 0 && l->line == last + 1))
		r->bad = true;
}

/* Every rate has its line, and the first lines of the rates come in the table's order. */
static bool
rates_used(const struct receipt *out, const struct rates *rates)
{
	struct rates seen = { .count = 0 };

	for (uint32_t i = 0; i < out->lines_count; i++)
		(void)rate_index(&seen, out->lines[i].vat_bp); /* there is room */
	return seen.count == rates->count &&
	       memcmp(seen.list, rates->list, seen.count * sizeof(seen.list[0])) == 0;
}

static void
read_lines(struct reader *r, struct receipt *out)
{
	struct rates rates;
	uint32_t count, last = 0;

	read_rates(r, &rates);
	count = (uint32_t)get_uint(r, RECEIPT_PART_LINES_MAX);
	for (uint32_t i = 0; i < count && !r->bad; i++) {
		read_line(r, &rates, last, &out->lines[i]);
		if (i > 0 && out->lines[i].line <= last)
			r->bad = true;
		last = out->lines[i].line;
	}
	out->lines_count = count;
	if (count == 0 || (!r->bad && !rates_used(out, &rates)))
		r->bad = true;
}

int
receipt_key_id(const uint8_t *payload, size_t n, uint8_t ret_id[RECEIPT_KEY_ID_BYTES])
{
	if (n < KEY_ID_AT + RECEIPT_KEY_ID_BYTES)
		return -EBADMSG;
	if (payload[0] != VERSION)
		return payload[0] > VERSION ? -ENOTSUP : -EBADMSG;
	memcpy(ret_id, payload + KEY_ID_AT, RECEIPT_KEY_ID_BYTES);
	return 0;
}

int
receipt_read(const uint8_t *payload, size_t n, struct receipt *ret_receipt)
{
	struct reader r = { payload, n, n > RECEIPT_PAYLOAD_MAX };
	uint8_t id[RECEIPT_KEY_ID_BYTES];
	int rc = receipt_key_id(payload, n, id);

	if (rc < 0)
		return rc;
	memset(ret_receipt, 0, sizeof(*ret_receipt));
	read_head(&r, &ret_receipt->head);
	read_lines(&r, ret_receipt);
	return r.bad || r.left > 0 ? -EBADMSG : 0;
}

/* ---- the text ------------------------------------------------------------ */

/* Crockford's base 32: no I, L, O, U; every digit stands in a QR code's alphanumeric set. */
static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static int
digit_of(char c)
{
	const char *at = c == '\0' ? NULL : strchr(digits, c);

	return at == NULL ? -1 : (int)(at - digits);
}

void
receipt_text(char code[RECEIPT_CODE_BYTES], const uint8_t *data, size_t n)
{
	size_t at = RECEIPT_PREFIX_CHARS;
	unsigned held = 0, bits = 0;

	assert(n <= RECEIPT_BYTES_MAX);
	memcpy(code, RECEIPT_PREFIX, RECEIPT_PREFIX_CHARS);
	for (size_t i = 0; i < n; i++) {
		held = (held << 8 | data[i]) & 0xfff;
		bits += 8;
		while (bits >= 5) {
			bits -= 5;
			code[at++] = digits[held >> bits & 31u];
		}
	}
	if (bits > 0)
		code[at++] = digits[held << (5 - bits) & 31u];
	code[at] = '\0';
}

int
receipt_parse(struct str code, uint8_t data[RECEIPT_BYTES_MAX], size_t *ret_bytes)
{
	unsigned held = 0, bits = 0;
	size_t n = 0;

	if (code.n <= RECEIPT_PREFIX_CHARS || code.n > RECEIPT_CODE_CHARS_MAX ||
	    memcmp(code.p, RECEIPT_PREFIX, RECEIPT_PREFIX_CHARS - 1) != 0)
		return -EBADMSG;
	if (code.p[2] != RECEIPT_PREFIX[2])
		return code.p[2] > RECEIPT_PREFIX[2] && code.p[2] <= '9' ? -ENOTSUP
									 : -EBADMSG;
	for (size_t i = RECEIPT_PREFIX_CHARS; i < code.n; i++) {
		int digit = digit_of(code.p[i]);

		if (digit < 0)
			return -EBADMSG;
		held = (held << 5 | (unsigned)digit) & 0xfff;
		bits += 5;
		if (bits >= 8) {
			bits -= 8;
			data[n++] = (uint8_t)(held >> bits);
		}
	}
	/* What is left over was put in to fill the last digit: less than one, and zero. */
	if (bits >= 5 || (held & ((1u << bits) - 1)) != 0)
		return -EBADMSG;
	*ret_bytes = n;
	return 0;
}
