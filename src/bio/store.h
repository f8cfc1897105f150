#ifndef LANED_BIO_STORE_H
#define LANED_BIO_STORE_H

#include "base/plain/ids.h"
#include "base/plain/str.h"
#include "bio/gallery/reference.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * gallery.db: subjects with their wrapped data keys, biometric consents, and references sealed
 * under the subject's key. The schema itself refuses a reference without a valid consent. Of
 * laned-bio only this and store_record.h know SQLite. Every call may block on disk.
 */
struct store;

struct store_options {
	const char *folder; /* gallery.db lies here */
	const char *
		environment; /* "live" or "test"; must equal what the file was made with */
	const uint8_t
		*key; /* the store key, CRYPTO_KEY_BYTES, borrowed for the store's life */
};

/*
 * Opens or creates. 0; -EKEYREJECTED the file was sealed under another store key; -EPERM the
 * file belongs to the other environment; otherwise as db_open. why gets a text.
 */
int store_open(const struct store_options *o, struct store **ret_store, char why[256]);
struct store *store_close(struct store *s);

/* The purposes a person can consent to, as bits. */
enum store_purpose {
	PURPOSE_IDENTIFY = 1,
	PURPOSE_DISCOUNTS = 2,
	PURPOSE_PAYMENT = 4,
	PURPOSE_PERSONAL = 8,
	PURPOSE_AGE = 16
};

#define CONSENT_TEXT_MAX 64u
struct store_consent {
	char text_version[CONSENT_TEXT_MAX];
	uint8_t text_sha256[32];
	char language[16];
	unsigned purposes; /* enum store_purpose; PURPOSE_IDENTIFY is needed to enrol */
	int64_t retention_days;
	int64_t time_ms;
	char lane[CONSENT_TEXT_MAX], method[CONSENT_TEXT_MAX], staff[CONSENT_TEXT_MAX];
	char profile[16];
};

struct store_reference {
	uint32_t finger; /* position 1..10 */
	const uint8_t *data;
	size_t bytes;
	uint64_t key; /* set by store_enrol: what the stored one is called, for ever */
};
struct store_enrolled {
	struct store_reference *list;
	size_t count;
};

/*
 * Enrols in one commit: the subject with a fresh key when new, the consent, the references (each
 * replaces the subject's one of the same finger). 0; -EINVAL the consent does not allow it;
 * -ENOSPC, -EIO and the like: nothing was stored.
 */
int store_enrol(struct store *s, struct ulid subject, const struct store_consent *consent,
		struct store_reference *references, size_t count);

/*
 * Claims of a person (card, phone number, QR ...), each told as 32 bytes that only who presents it
 * can give. Where they are told at the enrolment the subject's key is wrapped under the store's key
 * and under each of them, so that the store alone opens nothing.
 */
#define STORE_CLAIMS_MAX 4u
#define STORE_CLAIM_BYTES 32u
struct store_claims {
	uint8_t claim[STORE_CLAIMS_MAX][STORE_CLAIM_BYTES];
	size_t count;
};

/*
 * As store_enrol, but under claims: at least one. A subject that was enrolled before is opened by
 * them, and these take the place of the earlier ones; -EKEYREJECTED none of them opens it. The key
 * stays open until store_lock. Blocks for some 50 ms for each claim.
 */
int store_enrol_claimed(struct store *s, struct ulid subject,
			const struct store_consent *consent,
			const struct store_claims *claims,
			const struct store_enrolled *references);

/*
 * Opens the subject's key by a claim: what is stored of the subject can be read until store_lock. 0;
 * -ENOENT no such subject; -EKEYREJECTED the claim does not open it, or the store alone does.
 * Blocks for some 50 ms.
 */
int store_unlock(struct store *s, struct ulid subject,
		 const uint8_t claim[STORE_CLAIM_BYTES]);
/* Forgets all keys that claims have opened. */
void store_lock(struct store *s);

/*
 * Whether there is a release on file: a consent to be identified that was not withdrawn and whose
 * retention is not over. 0 there is; -ENOENT there is none; db.h's errors.
 */
int store_has_consent(struct store *s, struct ulid subject, int64_t now_wall_ms);

/*
 * Erases a subject: key and rows deleted, file checkpointed and truncated. *ret_references how
 * many. 0; -ENOENT no such subject; -EBUSY it is erased, but another program's reading keeps the
 * log from being emptied: the next call tries again, also one for the same subject.
 */
int store_erase(struct store *s, struct ulid subject, unsigned *ret_references);

/* Who is handed a reference: plain text that is valid during the call only. */
typedef void (*store_reference_fn)(void *ctx, struct ulid subject, uint32_t finger,
				   const uint8_t *data, size_t bytes);

#endif
