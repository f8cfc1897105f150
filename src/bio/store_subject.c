#include "bio/store_subject.h"

#include "base/secret.h"
#include "bio/store_private.h"

#include <errno.h>
#include <string.h>

/* One row through the caller's plain text. False: it cannot be opened. */
static bool
open_row(const struct store *s, struct ulid subject, sqlite3_stmt *q, struct scratch *x,
	 size_t *ret_bytes)
{
	uint32_t finger = (uint32_t)sqlite3_column_int64(q, 0);
	struct str sealed = db_col_blob(q, 1);
	uint8_t aad[STORE_AAD_BYTES];

	if (sealed.n <= CRYPTO_SEAL_OVERHEAD || sealed.n > STORE_SEALED_BYTES_MAX)
		return false;
	*ret_bytes = sealed.n - CRYPTO_SEAL_OVERHEAD;
	return crypto_open(x->key, store_reference_aad(aad, s->id, subject, finger),
			   sealed, x->plain, sizeof(x->plain)) == 0;
}

int
store_references(struct store *s, struct ulid subject, store_reference_fn fn, void *ctx,
		 unsigned *ret_damaged)
{
	struct scratch *x = s->scratch;
	unsigned damaged = 0;
	sqlite3_stmt *q = NULL;
	int rc = store_subject_key(s, subject, x->key);

	if (rc < 0)
		goto out;
	q = db_stmt(s->db, "SELECT finger, sealed FROM refs WHERE subject = ?1"
			   " ORDER BY reference_id");
	if (q == NULL) {
		rc = db_last_error(s->db);
		goto out;
	}
	db_bind_blob(q, 1, subject.b, sizeof(subject.b));
	while ((rc = db_step(s->db, q)) > 0) {
		size_t bytes = 0;

		if (open_row(s, subject, q, x, &bytes))
			fn(ctx, subject, (uint32_t)sqlite3_column_int64(q, 0), x->plain,
			   bytes);
		else
			damaged++;
	}
	db_done(q);
	if (rc == 0)
		*ret_damaged = damaged;
out:
	secret_zero(x, sizeof(*x));
	return rc;
}
