#include "lane_kit.h"

#include "base/plain/pan.h"
#include "lane/cache.h"

#include "unit.h"

char kit_what[RECORD_WHAT_BYTES];
uint32_t kit_column;

void
kit_pan(char pan[KIT_PAN_BYTES])
{
	memset(pan, '0', KIT_PAN_BYTES - 1);
	pan[KIT_PAN_BYTES - 1] = '\0';
	pan[0] = '4';
	pan[5] = '7';
	while (!luhn_ok(str_of(pan)))
		pan[KIT_PAN_BYTES - 2]++;
	ck_assert(pan_find(str_of(pan), NULL, NULL));
}

const char *
kit_with_pan(const char *text)
{
	static char buf[4096];
	char pan[KIT_PAN_BYTES];
	struct strbuf b;

	kit_pan(pan);
	strbuf_init(&b, buf, sizeof(buf));
	for (; *text != '\0'; text++)
		strbuf_add(&b, *text == '$' ? str_of(pan) : (struct str){ text, 1 });
	ck_assert(!b.truncated);
	return buf;
}

int
kit_read(const char *json, struct member_record *ret_record)
{
	struct arena *arena = arena_new(1u << 20);
	const struct value *v = NULL, *at = NULL;
	struct json_error e = { 0 };
	int rc = json_parse(arena, str_of(json), 0, &v, &e);

	ck_assert_msg(rc == 0, "%s: %s", json, e.what);
	kit_what[0] = '\0';
	rc = member_record_read(v, true, ret_record, kit_what, &at);
	kit_column = at == NULL ? 0 : at->column;
	arena_free(arena);
	return rc;
}

struct member_record
kit_record(const char *json)
{
	struct member_record r;
	int rc = kit_read(json, &r);

	ck_assert_msg(rc == 0, "%s: %s", json, kit_what);
	return r;
}

struct db *
kit_cache(const char *dir)
{
	struct db *d = NULL;
	bool fresh = false;
	char why[256];
	int rc = cache_open(dir, &d, &fresh, why);

	ck_assert_msg(rc == 0, "%d %s", rc, why);
	return d;
}

struct ulid
kit_ulid(unsigned n)
{
	return (struct ulid){ { 1, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n } };
}

struct ulid
kit_put(struct db *cache, const char *json, unsigned n)
{
	struct member_record r = kit_record(json);
	enum members_change change;
	int rc = members_put(cache, &r, kit_ulid(n), &change);

	ck_assert_msg(rc == 0, "%s: %d", json, rc);
	return r.member;
}
