#include "lane/receipt_keys.h"

#include "base/clock.h"
#include "base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORMER_FILE "receipt.former"
#define DISTRUSTED_FILE "receipt.distrusted"
#define OWN_BYTES_MAX 65536u
#define PATH_BYTES 512u
#define KEYS_MAX 65536u /* of one file */
/* A file changed again within so long may have the same stamp: it is not kept in memory yet. */
#define FRESH_MS 100

/* One file of keys, which may be missing, as it was read last. */
struct key_list {
	char path[PATH_BYTES + sizeof(DISTRUSTED_FILE)];
	enum receipts_origin origin;
	size_t bytes_max;
	bool kept; /* what follows is what the file with this stamp says */
	struct stat stamp;
	struct receipts_key *keys;
	uint32_t count, room;
	int rc;
	char why[RECEIPTS_WHY_BYTES];
};

enum { DISTRUSTED, FORMER, LISTED, LISTS };

struct receipt_keys {
	char folder[PATH_BYTES];
	struct key_list lists[LISTS];
	uint64_t reads;
};

int
receipt_keys_id(const uint8_t public_key[CRYPTO_PUBLIC_BYTES],
		uint8_t id[RECEIPT_KEY_ID_BYTES])
{
	uint8_t digest[CRYPTO_SHA256_BYTES];
	int rc = crypto_sha256(public_key, CRYPTO_PUBLIC_BYTES, digest);

	if (rc == 0)
		memcpy(id, digest, RECEIPT_KEY_ID_BYTES);
	return rc;
}

/* ---- the text of a list -------------------------------------------------- */

/* The next word of *s, or an empty one; *s goes on behind it. */
static struct str
next_word(struct str *s)
{
	struct str word;

	while (s->n > 0 && (*s->p == ' ' || *s->p == '\t')) {
		s->p++;
		s->n--;
	}
	word = (struct str){ s->p, 0 };
	while (word.n < s->n && word.p[word.n] != ' ' && word.p[word.n] != '\t')
		word.n++;
	s->p += word.n;
	s->n -= word.n;
	return word;
}

static struct str
trimmed(struct str s)
{
	while (s.n > 0 && (*s.p == ' ' || *s.p == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 &&
	       (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t' || s.p[s.n - 1] == '\r'))
		s.n--;
	return s;
}

static bool
name_ok(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return false;
	return str_utf8_ok(s);
}

/* NULL, or what is wrong. */
static const char *
read_key_line(struct str line, struct receipts_key *k)
{
	struct str word = next_word(&line), name;

	k->live = str_is(word, "live");
	if (!k->live && !str_is(word, "test"))
		return "the environment comes first: live or test";
	word = next_word(&line);
	if (word.n != (size_t)2 * CRYPTO_PUBLIC_BYTES ||
	    hex_decode(k->public_key, sizeof(k->public_key), word) < 0)
		return "a public key of 64 hex digits is wanted";
	name = trimmed(line);
	if (!name_ok(name) || str_copy(k->name, sizeof(k->name), name) < 0)
		return "a name has at most 64 bytes of UTF-8";
	return receipt_keys_id(k->public_key, k->id) < 0 ? "no memory" : NULL;
}

int
receipts_list(struct str text, int (*each)(void *ctx, const struct receipts_key *k),
	      void *ctx, struct receipts_fault *ret_fault)
{
	uint32_t number = 0;
	int rc = 0;

	while (text.n > 0 && rc == 0) {
		const char *end = memchr(text.p, '\n', text.n);
		struct str line = { text.p,
				    end == NULL ? text.n : (size_t)(end - text.p) };
		struct receipts_key k = { .origin = RECEIPTS_LISTED };
		const char *wrong;

		number++;
		text.p += line.n + (end != NULL);
		text.n -= line.n + (end != NULL);
		line = trimmed(line);
		if (line.n == 0 || line.p[0] == '#')
			continue;
		wrong = read_key_line(line, &k);
		if (wrong != NULL) {
			*ret_fault = (struct receipts_fault){ number, wrong };
			return -EBADMSG;
		}
		rc = each(ctx, &k);
	}
	return rc;
}

/* ---- files ----------------------------------------------------------------- */

/* The file's text in an arena of the caller's; empty when it is missing. */
static int
read_list(const char *path, size_t bytes_max, struct arena **ret_arena,
	  struct str *ret_text)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_BYTES];
	struct arena *arena;
	int dirfd, rc;

	*ret_arena = NULL;
	*ret_text = (struct str){ "", 0 };
	if (slash == NULL || str_copy(folder, sizeof(folder),
				      (struct str){ path, (size_t)(slash - path) }) < 0)
		return -EINVAL;
	dirfd = open(folder[0] == '\0' ? "/" : folder,
		     O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return errno == ENOENT ? 0 : -errno;
	arena = arena_new(bytes_max + 4096);
	rc = arena == NULL ? -ENOMEM
			   : files_read(dirfd, slash + 1, bytes_max, arena, ret_text);
	(void)close(dirfd); /* a folder */
	*ret_arena = arena;
	return rc == -ENOENT ? 0 : rc;
}

static int
keep_key(void *ctx, const struct receipts_key *k)
{
	struct key_list *l = ctx;

	if (l->count == KEYS_MAX)
		return -EFBIG;
	if (l->count == l->room) {
		uint32_t room = l->room == 0 ? 64 : 2 * l->room;
		struct receipts_key *keys = realloc(l->keys, room * sizeof(*keys));

		if (keys == NULL)
			return -ENOMEM;
		l->keys = keys;
		l->room = room;
	}
	l->keys[l->count] = *k;
	l->keys[l->count++].origin = l->origin;
	return 0;
}

static bool
same_stamp(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Changed so lately that it may change once more unseen; or in the future, by its clock. */
static bool
is_fresh(const struct stat *st)
{
	int64_t age = clock_wall_ms() - st->st_ctim.tv_sec * INT64_C(1000) -
		      st->st_ctim.tv_nsec / 1000000;

	return age < FRESH_MS;
}

/* A file that is not there has a stamp of zeros. */
static void
refresh(struct receipt_keys *k, struct key_list *l)
{
	struct receipts_fault fault = { 0, "" };
	struct arena *arena = NULL;
	struct stat now;
	struct str text;

	if (stat(l->path, &now) < 0)
		memset(&now, 0, sizeof(now)); /* and why, the reading says */
	if (l->kept && same_stamp(&now, &l->stamp))
		return;
	k->reads++;
	l->count = 0;
	l->why[0] = '\0';
	l->rc = read_list(l->path, l->bytes_max, &arena, &text);
	if (l->rc == 0)
		l->rc = receipts_list(text, keep_key, l, &fault);
	if (fault.line > 0)
		(void)snprintf(l->why, sizeof(l->why), "%.180s:%u: %s", l->path,
			       (unsigned)fault.line, fault.what);
	else if (l->rc < 0)
		(void)snprintf(l->why, sizeof(l->why), "%.180s: %s", l->path,
			       strerror(-l->rc)); /* a cut text is one */
	(void)arena_free(arena);                  /* gives NULL */
	l->stamp = now;
	l->kept = (l->rc == 0 || l->rc == -EBADMSG) && !is_fresh(&now);
}

/* ---- the keys -------------------------------------------------------------- */

static bool
is_distrusted(const struct receipt_keys *k, const struct receipts_key *key)
{
	const struct key_list *l = &k->lists[DISTRUSTED];

	for (uint32_t i = 0; i < l->count; i++)
		if (memcmp(l->keys[i].public_key, key->public_key,
			   sizeof(key->public_key)) == 0)
			return true;
	return false;
}

int
receipt_keys_each(struct receipt_keys *k,
		  int (*each)(void *ctx, const struct receipts_key *key), void *ctx,
		  char why[RECEIPTS_WHY_BYTES])
{
	int rc = 0;

	why[0] = '\0';
	for (int i = DISTRUSTED; i < LISTS && rc == 0; i++) {
		struct key_list *l = &k->lists[i];

		refresh(k, l);
		for (uint32_t n = 0; i != DISTRUSTED && n < l->count && rc == 0; n++)
			if (!is_distrusted(k, &l->keys[n]))
				rc = each(ctx, &l->keys[n]);
		if (rc == 0 && l->rc < 0) {
			memcpy(why, l->why, sizeof(l->why));
			rc = l->rc;
		}
	}
	return rc;
}

bool
receipt_keys_was_own(struct receipt_keys *k, const uint8_t id[RECEIPT_KEY_ID_BYTES])
{
	for (int i = DISTRUSTED; i <= FORMER; i++) {
		struct key_list *l = &k->lists[i];

		refresh(k, l);
		for (uint32_t n = 0; n < l->count; n++)
			if (memcmp(l->keys[n].id, id, RECEIPT_KEY_ID_BYTES) == 0)
				return true;
	}
	return false;
}

static int
put_file(const struct receipt_keys *k, const char *name, struct str data)
{
	int dirfd = open(k->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (dirfd < 0)
		return -errno;
	rc = files_put(dirfd, name, data, 0600);
	(void)close(dirfd); /* a folder */
	return rc;
}

int
receipt_keys_add(struct receipt_keys *k, const struct receipts_key *own, bool distrusted)
{
	const struct key_list *l = &k->lists[distrusted ? DISTRUSTED : FORMER];
	char hex[2 * CRYPTO_PUBLIC_BYTES + 1];
	struct arena *arena = NULL;
	struct strbuf b;
	struct str text;
	char *buf = NULL;
	int rc = read_list(l->path, l->bytes_max, &arena, &text);

	if (rc == 0)
		buf = malloc(l->bytes_max);
	if (rc == 0 && buf == NULL)
		rc = -ENOMEM;
	if (rc == 0) {
		(void)hex_encode(hex, sizeof(hex), own->public_key,
				 CRYPTO_PUBLIC_BYTES); /* fits */
		strbuf_init(&b, buf, l->bytes_max);
		strbuf_add(&b, text);
		strbuf_addf(&b, "%s %s %s\n", own->live ? "live" : "test", hex,
			    own->name);
		rc = b.truncated ? -EFBIG
				 : put_file(k, distrusted ? DISTRUSTED_FILE : FORMER_FILE,
					    (struct str){ buf, b.used });
	}
	free(buf);
	(void)arena_free(arena); /* gives NULL */
	return rc;
}

uint64_t
receipt_keys_reads(const struct receipt_keys *k)
{
	return k->reads;
}

int
receipt_keys_new(const char *folder, const char *list, struct receipt_keys **ret_keys)
{
	struct receipt_keys *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return -ENOMEM;
	if (str_copy(k->folder, sizeof(k->folder), str_of(folder)) < 0 ||
	    str_copy(k->lists[LISTED].path, PATH_BYTES, str_of(list)) < 0) {
		free(k);
		return -ENAMETOOLONG;
	}
	(void)snprintf(k->lists[DISTRUSTED].path, sizeof(k->lists[0].path),
		       "%s/" DISTRUSTED_FILE, folder); /* both fit */
	(void)snprintf(k->lists[FORMER].path, sizeof(k->lists[0].path), "%s/" FORMER_FILE,
		       folder);
	k->lists[DISTRUSTED].origin = k->lists[FORMER].origin = RECEIPTS_FORMER;
	k->lists[LISTED].origin = RECEIPTS_LISTED;
	k->lists[DISTRUSTED].bytes_max = k->lists[FORMER].bytes_max = OWN_BYTES_MAX;
	k->lists[LISTED].bytes_max = RECEIPTS_LIST_BYTES_MAX;
	*ret_keys = k;
	return 0;
}

struct receipt_keys *
receipt_keys_free(struct receipt_keys *k)
{
	for (int i = 0; k != NULL && i < LISTS; i++)
		free(k->lists[i].keys);
	free(k);
	return NULL;
}
