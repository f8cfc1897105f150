#include "bio/store_renew.h"

#include "base/secret.h"
#include "bio/store_private.h"

#include <errno.h>

/* Replaced by a row of the same key, as references are never changed. */
static int
replace(struct store *s, const struct gallery_name *name, const uint8_t *sealed,
	size_t bytes)
{
	sqlite3_stmt *q = db_stmt(
		s->db,
		"REPLACE INTO refs (reference_id, subject, consent_id, finger, version,"
		" sealed, created_ms) SELECT r.reference_id, r.subject, r.consent_id,"
		" r.finger, r.version, ?4, r.created_ms FROM refs r"
		" JOIN consents c USING (consent_id) WHERE r.reference_id = ?1"
		" AND r.subject = ?2 AND r.finger = ?3 AND c.withdrawn_ms IS NULL"
		" AND (c.purposes & 1) = 1");

	if (q == NULL)
		return db_last_error(s->db);
	db_bind_int(q, 1, (int64_t)name->key);
	db_bind_blob(q, 2, name->subject.b, sizeof(name->subject.b));
	db_bind_int(q, 3, name->finger);
	db_bind_blob(q, 4, sealed, bytes);
	return db_run(s->db, q);
}

static int
renew_one(struct store *s, const struct store_renewal *r)
{
	uint8_t aad[STORE_AAD_BYTES], sealed[STORE_SEALED_BYTES_MAX];
	uint8_t *key = s->scratch->key;
	int rc;

	if (r->bytes == 0 || r->bytes > REFERENCE_BYTES_MAX)
		return -EINVAL;
	rc = store_subject_key(s, r->name.subject, key);
	if (rc == -ENOENT)
		return 0; /* erased meanwhile */
	if (rc == 0)
		rc = crypto_seal(
			key,
			store_reference_aad(aad, s->id, r->name.subject, r->name.finger),
			(struct str){ (const char *)r->data, r->bytes }, sealed,
			sizeof(sealed));
	secret_zero(key, CRYPTO_KEY_BYTES);
	if (rc == 0)
		rc = replace(s, &r->name, sealed, r->bytes + CRYPTO_SEAL_OVERHEAD);
	return rc < 0 ? rc : sqlite3_changes(db_handle(s->db));
}

int
store_renew(struct store *s, const struct store_renewal *list, size_t count,
	    unsigned *ret_renewed)
{
	unsigned renewed = 0;
	int rc = db_begin(s->db);

	if (rc < 0)
		return rc;
	for (size_t i = 0; rc >= 0 && i < count; i++) {
		rc = renew_one(s, &list[i]);
		renewed += rc > 0;
	}
	if (rc < 0)
		db_rollback(s->db);
	else
		rc = db_commit(s->db);
	if (rc == 0)
		*ret_renewed = renewed;
	return rc;
}
