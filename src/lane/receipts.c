#include "lane/receipts.h"

#include "base/files.h"
#include "base/plain/pan.h"
#include "base/secret.h"
#include "lane/receipt_keys.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY_FILE "receipt.key"
#define PATH_BYTES 512u
/* Nothing else that is ever signed begins like this. */
#define PURPOSE "laned receipt code\n"
#define SIGNED_BYTES_MAX (sizeof(PURPOSE) - 1 + RECEIPT_PAYLOAD_MAX)

struct key_file {
	char magic[8];
	char environment[8];
	uint8_t seed[CRYPTO_KEY_BYTES];
};
_Static_assert(sizeof(struct key_file) == 48, "the file's layout");
static const char magic[8] = { 'l', 'n', 'd', 'r', 'c', 'p', '0', '1' };

struct receipts {
	char folder[PATH_BYTES], list[PATH_BYTES];
	struct receipt_keys *keys;
	struct secret *key; /* a struct key_file */
	struct receipts_key own;
	bool live, is_credential;
};

static const char *
environment(bool live)
{
	return live ? "live" : "test";
}

static const struct key_file *
key_file(const struct secret *s)
{
	return (const struct key_file *)(const void *)secret_bytes_const(s);
}

int
receipts_keys(const struct receipts *r,
	      int (*each)(void *ctx, const struct receipts_key *k), void *ctx,
	      char why[RECEIPTS_WHY_BYTES])
{
	int rc = each(ctx, &r->own);

	why[0] = '\0';
	return rc == 0 ? receipt_keys_each(r->keys, each, ctx, why) : rc;
}

bool
receipts_is_own(const struct receipts *r, const uint8_t id[RECEIPT_KEY_ID_BYTES])
{
	return memcmp(r->own.id, id, RECEIPT_KEY_ID_BYTES) == 0 ||
	       receipt_keys_was_own(r->keys, id);
}

uint64_t
receipts_lists_read(const struct receipts *r)
{
	return receipt_keys_reads(r->keys);
}

/* ---- codes --------------------------------------------------------------- */

static struct str
signed_bytes(uint8_t buf[SIGNED_BYTES_MAX], const uint8_t *payload, size_t n)
{
	assert(n <= RECEIPT_PAYLOAD_MAX);
	memcpy(buf, PURPOSE, sizeof(PURPOSE) - 1);
	memcpy(buf + sizeof(PURPOSE) - 1, payload, n);
	return (struct str){ (const char *)buf, sizeof(PURPOSE) - 1 + n };
}

/* One way to write it. each NULL: 0, or -EPERM when a code looks like a card's number. */
static int
write_codes(const struct receipts *r, const struct receipt_source *s,
	    int (*each)(void *ctx, const char *code), void *ctx)
{
	struct receipt_writer w = { 0 };
	uint8_t data[RECEIPT_BYTES_MAX], buf[SIGNED_BYTES_MAX];
	char code[RECEIPT_CODE_BYTES];
	size_t n = 0;
	int rc = receipt_parts(s, &w.parts);

	if (rc == 0)
		rc = receipt_write(s, &w, data, &n);
	while (rc == 0 && n > 0) {
		rc = crypto_sign(key_file(r->key)->seed, signed_bytes(buf, data, n),
				 data + n);
		if (rc < 0)
			break;
		receipt_text(code, data, n + RECEIPT_SIGNATURE_BYTES);
		if (each != NULL)
			rc = each(ctx, code);
		else if (pan_find(str_of(code), NULL, NULL))
			rc = -EPERM;
		if (rc == 0)
			rc = receipt_write(s, &w, data, &n);
	}
	return rc;
}

int
receipts_write(const struct receipts *r, const struct receipt_source *s,
	       int (*each)(void *ctx, const char *code), void *ctx)
{
	struct receipt_source mine = *s;
	int rc;

	mine.head.live = r->live;
	memcpy(mine.head.key_id, r->own.id, sizeof(mine.head.key_id));
	/* One code in some million is stopped by the guards of card numbers on its way. */
	rc = write_codes(r, &mine, NULL, NULL);
	while (rc == -EPERM && mine.head.shift < RECEIPT_SHIFT_MAX) {
		mine.head.shift++;
		rc = write_codes(r, &mine, NULL, NULL);
	}
	return rc == 0 ? write_codes(r, &mine, each, ctx) : rc;
}

/* A code whose signer is looked for. */
struct search {
	const uint8_t *id, *signature;
	struct str data;
	bool met; /* a key of this id is known */
};

/* 1: by this key. */
static int
is_by(void *ctx, const struct receipts_key *k)
{
	struct search *s = ctx;

	if (memcmp(k->id, s->id, sizeof(k->id)) != 0)
		return 0;
	s->met = true;
	return crypto_verify(k->public_key, s->data, s->signature) == 0;
}

static int
check_signer(const struct receipts *r, struct search *s, char why[RECEIPTS_WHY_BYTES])
{
	char hex[2 * RECEIPT_KEY_ID_BYTES + 1];
	int rc = receipts_keys(r, is_by, s, why);

	if (rc == 1)
		return 0;
	(void)hex_encode(hex, sizeof(hex), s->id, RECEIPT_KEY_ID_BYTES); /* fits */
	if (s->met) {
		(void)snprintf(why, RECEIPTS_WHY_BYTES,
			       "misread or forged: the signature is wrong");
		return -EBADMSG;
	}
	if (rc < 0) { /* the list ended early: that is the reason to tell */
		size_t n = strlen(why);

		(void)snprintf(why + n, RECEIPTS_WHY_BYTES - n,
			       "; the code's key %s was not found before", hex);
		return -ENOKEY;
	}
	(void)snprintf(why, RECEIPTS_WHY_BYTES,
		       "signed by key %s, which is not known here: is the lane that sold "
		       "it in %.140s?",
		       hex, r->list);
	return -ENOKEY;
}

static int
refuse(int rc, char why[RECEIPTS_WHY_BYTES])
{
	(void)snprintf(why, RECEIPTS_WHY_BYTES, "%s",
		       rc == -ENOTSUP ? "a receipt code of another version of laned"
		       : rc == -EXDEV ? "a receipt of the other environment (live, test)"
				      : "no receipt code, or not all of it");
	return rc;
}

int
receipts_read(const struct receipts *r, struct str code, struct receipt *ret_receipt,
	      char why[RECEIPTS_WHY_BYTES])
{
	uint8_t data[RECEIPT_BYTES_MAX], buf[SIGNED_BYTES_MAX], id[RECEIPT_KEY_ID_BYTES];
	struct search s = { .id = id };
	size_t n = 0;
	int rc = receipt_parse(code, data, &n);

	if (rc == 0 && n <= RECEIPT_SIGNATURE_BYTES)
		rc = -EBADMSG;
	if (rc == 0) {
		n -= RECEIPT_SIGNATURE_BYTES;
		rc = receipt_key_id(data, n, id);
	}
	if (rc < 0)
		return refuse(rc, why);
	s.signature = data + n;
	s.data = signed_bytes(buf, data, n);
	rc = check_signer(r, &s, why);
	if (rc < 0)
		return rc;
	rc = receipt_read(data, n, ret_receipt);
	if (rc == 0 && ret_receipt->head.live != r->live)
		rc = -EXDEV;
	return rc < 0 ? refuse(rc, why) : 0;
}

/* ---- the key ------------------------------------------------------------- */

static int
check_key(const struct receipts *r, const struct secret *s)
{
	const struct key_file *f = key_file(s);
	char wanted[sizeof(f->environment)] = "";

	if (secret_size(s) != sizeof(*f) || memcmp(f->magic, magic, sizeof(magic)) != 0)
		return -EBADMSG;
	memcpy(wanted, environment(r->live), 4);
	return memcmp(f->environment, wanted, sizeof(wanted)) == 0 ? 0 : -EXDEV;
}

static int
read_key(const char *folder, bool private_only, struct secret **ret_key)
{
	char path[PATH_BYTES + sizeof(KEY_FILE)];
	int rc;

	if (snprintf(path, sizeof(path), "%s/" KEY_FILE, folder) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	rc = secret_read_file(path, sizeof(struct key_file), private_only, ret_key);
	return rc == -EFBIG || rc == -ENODATA ? -EBADMSG : rc;
}

static int
put_file(const struct receipts *r, const char *name, struct str data)
{
	int dirfd = open(r->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (dirfd < 0)
		return -errno;
	rc = files_put(dirfd, name, data, 0600);
	(void)close(dirfd); /* a folder */
	return rc;
}

static int
make_key(const struct receipts *r, struct secret **ret_key)
{
	struct secret *s = NULL;
	struct key_file *f;
	int rc = secret_new(sizeof(*f), &s);

	if (rc < 0)
		return rc;
	f = (struct key_file *)(void *)secret_bytes(s);
	memcpy(f->magic, magic, sizeof(magic));
	memcpy(f->environment, environment(r->live), 4);
	rc = crypto_random(f->seed, sizeof(f->seed));
	if (rc == 0)
		rc = put_file(r, KEY_FILE, (struct str){ (const char *)f, sizeof(*f) });
	if (rc < 0) {
		(void)secret_free(s); /* gives NULL */
		return rc;
	}
	*ret_key = s;
	return 0;
}

/* Takes the key over. */
static int
use_key(struct receipts *r, struct secret *key)
{
	struct receipts_key own = r->own;
	int rc = crypto_public(key_file(key)->seed, own.public_key);

	if (rc == 0)
		rc = receipt_keys_id(own.public_key, own.id);
	if (rc < 0) {
		(void)secret_free(key); /* gives NULL */
		return rc;
	}
	(void)secret_free(r->key); /* gives NULL */
	r->key = key;
	r->own = own;
	return 0;
}

static int
load_key(struct receipts *r)
{
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");
	struct secret *key = NULL;
	int rc = -ENOENT;

	if (credentials != NULL)
		rc = read_key(credentials, false, &key);
	r->is_credential = rc == 0;
	if (rc == -ENOENT)
		rc = read_key(r->folder, true, &key);
	if (rc == -ENOENT)
		rc = make_key(r, &key);
	if (rc == 0)
		rc = check_key(r, key);
	if (rc < 0) {
		(void)secret_free(key); /* gives NULL */
		return rc;
	}
	return use_key(r, key);
}

int
receipts_rotate(struct receipts *r, bool distrust, char why[RECEIPTS_WHY_BYTES])
{
	struct secret *key = NULL;
	int rc = 0;

	why[0] = '\0';
	if (r->is_credential) {
		(void)snprintf(why, RECEIPTS_WHY_BYTES,
			       "the key is the systemd credential " KEY_FILE
			       ": replace it there and restart laned");
		return -EROFS;
	}
	/* First, so that a crash in between neither forgets the old key nor believes it again. */
	rc = receipt_keys_add(r->keys, &r->own, distrust);
	if (rc == 0)
		rc = make_key(r, &key);
	if (rc == 0)
		rc = use_key(r, key);
	if (rc < 0)
		(void)snprintf(why, RECEIPTS_WHY_BYTES, "%.128s: %s", r->folder,
			       strerror(-rc));
	return rc;
}

/* ---- life ---------------------------------------------------------------- */

static void
say(const struct receipts *r, int rc, char why[RECEIPTS_WHY_BYTES])
{
	const char *what = strerror(-rc);

	if (rc == -EBADMSG)
		what = "no key of receipt codes; put it back, or remove it for a new one";
	else if (rc == -EXDEV)
		what = "of the other environment; remove it for a new one";
	else if (rc == -EPERM)
		what = "others can read it: mode 0600 is wanted";
	(void)snprintf(why, RECEIPTS_WHY_BYTES, "%.128s/" KEY_FILE ": %s", r->folder,
		       what);
}

int
receipts_open(const struct receipts_spec *spec, struct receipts **ret_receipts,
	      char why[RECEIPTS_WHY_BYTES])
{
	struct receipts *r = calloc(1, sizeof(*r));
	int rc;

	why[0] = '\0';
	if (r == NULL)
		return -ENOMEM;
	r->live = r->own.live = spec->live;
	rc = str_copy(r->folder, sizeof(r->folder), str_of(spec->folder));
	if (rc == 0)
		rc = str_copy(r->list, sizeof(r->list), str_of(spec->list));
	if (rc == 0)
		rc = str_copy(r->own.name, sizeof(r->own.name), str_of(spec->name));
	if (rc == 0)
		rc = receipt_keys_new(r->folder, r->list, &r->keys);
	if (rc == 0)
		rc = load_key(r);
	if (rc < 0) {
		say(r, rc, why);
		(void)receipts_close(r); /* gives NULL */
		return rc;
	}
	*ret_receipts = r;
	return 0;
}

struct receipts *
receipts_close(struct receipts *r)
{
	if (r != NULL) {
		(void)secret_free(r->key); /* both give NULL */
		(void)receipt_keys_free(r->keys);
	}
	free(r);
	return NULL;
}
