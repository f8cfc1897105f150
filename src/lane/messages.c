#include "lane/lane_private.h"

#include <errno.h>

void
put_ulid(struct json_out *o, const char *name, struct ulid id)
{
	char text[ULID_TEXT_BYTES];

	if (ulid_is_zero(id))
		return;
	ulid_text(text, id);
	json_cstr(o, name, text);
}

void
put_key(struct json_out *o, const char *name, struct key128 key)
{
	char text[KEY128_TEXT_BYTES];

	key128_text(text, key);
	json_cstr(o, name, text);
}

void
put_kind(struct json_out *o, const struct payment *p)
{
	bool refund = p->kind == PAYMENT_REFUND;

	json_cstr(o, "kind", refund ? "refund" : "payment");
	if (refund && !key128_is_zero(p->original))
		put_key(o, "original", p->original);
	if (refund && p->original_ref[0] != '\0')
		json_cstr(o, "original_ref", p->original_ref);
	put_ulid(o, "return", p->return_id);
}

void
put_time(struct json_out *o, const char *name, int64_t wall_ms)
{
	char text[RFC3339_BYTES];

	if (wall_ms == 0)
		return;
	rfc3339_text(text, wall_ms);
	json_cstr(o, name, text);
}

int
get_ulid(const struct value *v, const char *name, struct ulid *ret_id)
{
	struct str text;
	int rc = value_get_str(v, name, ULID_TEXT_BYTES - 1, &text);

	return rc < 0 ? rc : ulid_parse(text, ret_id);
}

int
get_key(const struct value *v, const char *name, struct key128 *ret_key)
{
	struct str text;
	int rc = value_get_str(v, name, KEY128_TEXT_BYTES - 1, &text);

	return rc < 0 ? rc : key128_parse(text, ret_key);
}
