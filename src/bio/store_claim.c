/* Subjects whose keys the store alone does not open: a claim of theirs is the other half. */
#include "bio/store_private.h"

#include "base/secret.h"

#include <errno.h>
#include <string.h>

#define SALT_BYTES                                                                       \
	32u /* gallery and subject: what is guessed of one helps with no other */

static int
claim_key(const struct store *s, struct ulid subject,
	  const uint8_t claim[STORE_CLAIM_BYTES], uint8_t ret_key[CRYPTO_KEY_BYTES])
{
	uint8_t salt[SALT_BYTES];

	memcpy(salt, s->id.b, sizeof(s->id.b));
	memcpy(salt + sizeof(s->id.b), subject.b, sizeof(subject.b));
	return crypto_slow_key((struct str){ (const char *)claim, STORE_CLAIM_BYTES },
			       (struct str){ (const char *)salt, sizeof(salt) }, ret_key);
}

/* ---- into the file -------------------------------------------------------- */

static int
delete_claims(struct store *s, struct ulid subject)
{
	sqlite3_stmt *q = db_stmt(s->db, "DELETE FROM claim_keys WHERE subject = ?1");

	if (q == NULL)
		return db_last_error(s->db);
	db_bind_blob(q, 1, subject.b, sizeof(subject.b));
	return db_run(s->db, q);
}

static int
insert_claim(struct store *s, struct ulid subject, size_t number, const uint8_t *wrapped)
{
	sqlite3_stmt *q = db_stmt(s->db, "INSERT INTO claim_keys VALUES (?1, ?2, ?3)");

	if (q == NULL)
		return db_last_error(s->db);
	db_bind_blob(q, 1, subject.b, sizeof(subject.b));
	db_bind_int(q, 2, (int64_t)number);
	db_bind_blob(q, 3, wrapped, CRYPTO_WRAPPED_BYTES);
	return db_run(s->db, q);
}

/* What the store's key alone opened is overwritten by what it does not. */
static int
update_subject(struct store *s, struct ulid subject, const uint8_t *wrapped)
{
	sqlite3_stmt *q =
		db_stmt(s->db, "UPDATE subjects SET wrapped_key = ?2 WHERE subject = ?1");

	if (q == NULL)
		return db_last_error(s->db);
	db_bind_blob(q, 1, subject.b, sizeof(subject.b));
	db_bind_blob(q, 2, wrapped, CRYPTO_WRAPPED_BYTES);
	return db_run(s->db, q);
}

int
store_claims_put(struct store *s, struct ulid subject, const struct store_claims *claims,
		 const uint8_t key[CRYPTO_KEY_BYTES])
{
	uint8_t aad[STORE_AAD_BYTES], wrapped[CRYPTO_WRAPPED_BYTES];
	uint8_t other[CRYPTO_KEY_BYTES];
	int rc = delete_claims(s, subject);

	if (claims->count == 0 || claims->count > STORE_CLAIMS_MAX)
		return -EINVAL;
	for (size_t i = 0; rc == 0 && i < claims->count; i++) {
		rc = claim_key(s, subject, claims->claim[i], other);
		if (rc == 0)
			rc = crypto_claim_wrap(&(struct crypto_factors){ s->key, other },
					       store_key_aad(aad, s->id, subject), key,
					       wrapped);
		if (rc == 0)
			rc = insert_claim(s, subject, i, wrapped);
		if (rc == 0 && i == 0)
			rc = update_subject(s, subject, wrapped);
	}
	secret_zero(other, sizeof(other));
	return rc;
}

/* ---- out of the file ------------------------------------------------------ */

static int
count_claims(struct store *s, struct ulid subject)
{
	sqlite3_stmt *q =
		db_stmt(s->db, "SELECT count(*) FROM claim_keys WHERE subject = ?1");
	int rc;

	if (q == NULL)
		return db_last_error(s->db);
	db_bind_blob(q, 1, subject.b, sizeof(subject.b));
	rc = db_step(s->db, q);
	if (rc > 0)
		rc = sqlite3_column_int(q, 0);
	db_done(q);
	return rc;
}

/* The key that this half opens among the subject's claims. 0; -EKEYREJECTED none of them. */
static int
try_claims(struct store *s, struct ulid subject, const uint8_t *other, uint8_t *ret_key)
{
	sqlite3_stmt *q =
		db_stmt(s->db, "SELECT wrapped_key FROM claim_keys WHERE subject = ?1");
	const struct crypto_factors factors = { s->key, other };
	uint8_t aad[STORE_AAD_BYTES];
	bool open = false;
	int rc;

	if (q == NULL)
		return db_last_error(s->db);
	db_bind_blob(q, 1, subject.b, sizeof(subject.b));
	while (!open && (rc = db_step(s->db, q)) > 0) {
		struct str w = db_col_blob(q, 0);

		open = w.n == CRYPTO_WRAPPED_BYTES &&
		       crypto_claim_unwrap(&factors, store_key_aad(aad, s->id, subject),
					   (const uint8_t *)w.p, ret_key) == 0;
	}
	db_done(q);
	return open ? 0 : rc < 0 ? rc : -EKEYREJECTED;
}

int
store_claims_open(struct store *s, struct ulid subject, const struct store_claims *claims,
		  uint8_t ret_key[CRYPTO_KEY_BYTES])
{
	uint8_t other[CRYPTO_KEY_BYTES];
	int rc = count_claims(s, subject);

	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	rc = -EKEYREJECTED;
	for (size_t i = 0; rc == -EKEYREJECTED && i < claims->count; i++) {
		rc = claim_key(s, subject, claims->claim[i], other);
		if (rc == 0)
			rc = try_claims(s, subject, other, ret_key);
	}
	secret_zero(other, sizeof(other));
	return rc;
}

int
store_unlock(struct store *s, struct ulid subject, const uint8_t claim[STORE_CLAIM_BYTES])
{
	struct store_claims one = { .count = 1 };
	uint8_t *key = s->scratch->key;
	int rc;

	memcpy(one.claim[0], claim, STORE_CLAIM_BYTES);
	rc = store_claims_open(s, subject, &one, key);
	if (rc == 0)
		keyring_put(s->ring, subject, key);
	else if (rc == -ENOENT && store_subject_key(s, subject, key) != -ENOENT)
		rc = -EKEYREJECTED; /* the store alone opens it: not so here */
	secret_zero(key, CRYPTO_KEY_BYTES);
	secret_zero(&one, sizeof(one));
	return rc;
}

void
store_lock(struct store *s)
{
	keyring_clear(s->ring);
}
