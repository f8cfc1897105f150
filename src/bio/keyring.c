#include "bio/keyring.h"

#include "base/secret.h"

#include <pthread.h>
#include <string.h>

struct entry {
	struct ulid subject; /* zero: free */
	uint8_t key[CRYPTO_KEY_BYTES];
};

struct keyring {
	pthread_mutex_t mutex;
	unsigned next; /* the oldest, or free */
	struct entry entries[KEYRING_MAX];
};

struct keyring *
keyring_new(void)
{
	struct keyring *k = secret_region_new(sizeof(*k));

	if (k != NULL && pthread_mutex_init(&k->mutex, NULL) != 0) {
		secret_region_free(k, sizeof(*k));
		return NULL;
	}
	return k;
}

struct keyring *
keyring_free(struct keyring *k)
{
	if (k != NULL)
		(void)pthread_mutex_destroy(&k->mutex); /* nobody holds it */
	secret_region_free(k, sizeof(*k));
	return NULL;
}

static struct entry *
find(struct keyring *k, struct ulid subject)
{
	for (unsigned i = 0; i < KEYRING_MAX; i++)
		if (!ulid_is_zero(subject) && ulid_eq(k->entries[i].subject, subject))
			return &k->entries[i];
	return NULL;
}

void
keyring_put(struct keyring *k, struct ulid subject, const uint8_t key[CRYPTO_KEY_BYTES])
{
	struct entry *e;

	(void)pthread_mutex_lock(&k->mutex); /* ours, and not held */
	e = find(k, subject);
	if (e == NULL)
		e = &k->entries[k->next++ % KEYRING_MAX];
	e->subject = subject;
	memcpy(e->key, key, sizeof(e->key));
	(void)pthread_mutex_unlock(&k->mutex); /* held */
}

bool
keyring_get(struct keyring *k, struct ulid subject, uint8_t ret_key[CRYPTO_KEY_BYTES])
{
	const struct entry *e;

	(void)pthread_mutex_lock(&k->mutex); /* ours, and not held */
	e = find(k, subject);
	if (e != NULL)
		memcpy(ret_key, e->key, CRYPTO_KEY_BYTES);
	(void)pthread_mutex_unlock(&k->mutex); /* held */
	return e != NULL;
}

void
keyring_clear(struct keyring *k)
{
	(void)pthread_mutex_lock(&k->mutex); /* ours, and not held */
	secret_zero(k->entries, sizeof(k->entries));
	k->next = 0;
	(void)pthread_mutex_unlock(&k->mutex); /* held */
}
