/* A member's JSON: what is accepted is written, reads back the same and holds no card number. */
#include "base/plain/pan.h"
#include "lane/member_record.h"

#include <stdlib.h>
#include <string.h>

#define ARENA_BYTES (1u << 20)
#define TEXT_BYTES 65536u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool fact)
{
	if (!fact)
		abort();
}

static void
check_texts(const struct member_record *r)
{
	require(!pan_find(str_of(r->greeting), NULL, NULL));
	for (uint32_t i = 0; i < r->tenders_count; i++)
		require(!pan_find(str_of(r->tenders[i].token), NULL, NULL));
	for (uint32_t i = 0; i < r->claims_count; i++)
		require(r->claims[i].value[0] != '\0');
}

static void
read_back(const struct member_record *r, struct arena *arena)
{
	struct json_out *o = json_out_new(TEXT_BYTES);
	struct member_record again;
	char what[RECORD_WHAT_BYTES];
	const struct value *v = NULL;
	struct str text;

	require(o != NULL);
	json_open_object(o, NULL);
	member_record_write(o, r, true);
	json_close(o);
	require(json_out_text(o, &text) == 0);
	require(json_parse(arena, text, 0, &v, NULL) == 0);
	if (!ulid_is_zero(r->member)) { /* a record of the journal always has one */
		require(member_record_read(v, true, &again, what, NULL) == 0);
		require(member_record_same(r, &again));
		require(ulid_eq(r->member, again.member));
		require(r->subjects_count == again.subjects_count);
	}
	json_out_free(o);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(ARENA_BYTES);
	char what[RECORD_WHAT_BYTES] = "";
	const struct value *v = NULL, *at = NULL;
	struct member_record r;

	require(arena != NULL);
	if (json_parse(arena, (struct str){ (const char *)data, size }, 0, &v, NULL) ==
	    0) {
		if (member_record_read(v, true, &r, what, &at) == 0) {
			check_texts(&r);
			read_back(&r, arena);
		} else {
			require(what[0] != '\0' && at != NULL);
		}
	}
	arena_free(arena);
	return 0;
}
