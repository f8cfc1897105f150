#include "lane/journal_anchor.h"

#include "lane/journal_private.h"

#include <errno.h>
#include <string.h>

#define ARENA_BYTES 4096u

static struct key128
half(const uint8_t hash[CRYPTO_SHA256_BYTES])
{
	struct key128 k;

	memcpy(k.b, hash, sizeof(k.b));
	return k;
}

void
journal_anchor_take(const struct journal *j, struct ulid lane, int64_t wall_ms,
		    struct journal_anchor *ret_anchor)
{
	*ret_anchor = (struct journal_anchor){ .lane = lane,
					       .seq = j->audit_seq_durable,
					       .wall_ms = wall_ms,
					       .head = half(j->audit_hash_durable) };
}

int
journal_anchor_check(struct journal *j, const struct journal_anchor *a)
{
	sqlite3_stmt *s;
	struct str hash;
	int rc;

	if (a->seq == 0)
		return 0; /* nothing was there yet */
	s = db_stmt(j->db, "SELECT hash FROM audit WHERE seq = ?");
	db_bind_int(s, 1, a->seq);
	rc = db_step(j->db, s);
	if (rc == 0)
		rc = -ESTALE;
	if (rc == 1) {
		hash = db_col_blob(s, 0);
		rc = hash.n == CRYPTO_SHA256_BYTES &&
				     memcmp(hash.p, a->head.b, sizeof(a->head.b)) == 0
			     ? 0
			     : -ESTALE;
	}
	db_done(s);
	return rc;
}

void
journal_anchor_text(const struct journal_anchor *a, char buf[JOURNAL_ANCHOR_BYTES])
{
	struct strbuf b;
	char head[KEY128_TEXT_BYTES], lane[ULID_TEXT_BYTES];

	key128_text(head, a->head);
	ulid_text(lane, a->lane);
	strbuf_init(&b, buf, JOURNAL_ANCHOR_BYTES);
	strbuf_addf(&b,
		    "{\"v\":1,\"lane\":\"%s\",\"seq\":%lld,\"wall_ms\":%lld,\"head\":\"%"
		    "s\"}\n",
		    lane, (long long)a->seq, (long long)a->wall_ms, head); /* fits */
}

int
journal_anchor_parse(struct str text, struct journal_anchor *ret_anchor)
{
	struct arena *arena = arena_new(ARENA_BYTES);
	struct journal_anchor a = { .seq = 0 };
	const struct value *v = NULL;
	int64_t version = 0;
	struct str head, lane;
	int rc;

	if (arena == NULL)
		return -ENOMEM;
	rc = json_parse(arena, text, 0, &v, NULL);
	if (rc == 0 && (value_get_int(v, "v", 1, 1, &version) < 0 ||
			value_get_int(v, "seq", 0, INT64_MAX, &a.seq) < 0 ||
			value_get_int(v, "wall_ms", 0, INT64_MAX, &a.wall_ms) < 0 ||
			value_get_str(v, "head", KEY128_TEXT_BYTES, &head) < 0 ||
			key128_parse(head, &a.head) < 0 ||
			value_get_str(v, "lane", ULID_TEXT_BYTES, &lane) < 0 ||
			ulid_parse(lane, &a.lane) < 0))
		rc = -EBADMSG;
	if (rc == 0)
		*ret_anchor = a;
	(void)arena_free(arena); /* gives NULL */
	return rc;
}

int
journal_anchor_tail(struct journal *j, int64_t *ret_seq)
{
	int64_t from = j->audit_seq_committed - JOURNAL_TAIL_ROWS;

	return journal_chain_check(j, from < 0 ? 0 : from, ret_seq);
}
