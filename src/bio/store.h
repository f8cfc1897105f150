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
};

/*
 * Enrols in one commit: the subject with a fresh key when new, the consent, the references (each
 * replaces the subject's one of the same finger). 0; -EINVAL the consent does not allow it;
 * -ENOSPC, -EIO and the like: nothing was stored.
 */
int store_enrol(struct store *s, struct ulid subject, const struct store_consent *consent,
		const struct store_reference *references, size_t count);

/*
 * Whether there is a release on file: a consent to be identified that was not withdrawn and whose
 * retention is not over. 0 there is; -ENOENT there is none; db.h's errors.
 */
int store_has_consent(struct store *s, struct ulid subject, int64_t now_wall_ms);

/*
 * Erases a subject: key and rows deleted, file checkpointed and truncated. *ret_references how
 * many. 0; -ENOENT no such subject.
 */
int store_erase(struct store *s, struct ulid subject, unsigned *ret_references);

/*
 * Reads the references in key order, at most count_max from the one after *cursor (0 = the
 * first), opens each and hands it to fn (plain text valid during the call only). A row that
 * cannot be opened is counted in cursor->damaged and passed over. 1 more to come, 0 the end, or a
 * negative errno.
 */
struct store_cursor {
	int64_t rowid;
	uint64_t damaged;
};
typedef void (*store_reference_fn)(void *ctx, struct ulid subject, uint32_t finger,
				   const uint8_t *data, size_t bytes);
int store_read(struct store *s, struct store_cursor *cursor, unsigned count_max,
	       store_reference_fn fn, void *ctx);

#endif
