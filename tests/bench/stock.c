#include "stock.h"

#include "synth/synth.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The file: magic, then records of two bytes' length, most significant first, and the reference. */
#define MAGIC "laned stock 1\n"
#define MAGIC_BYTES (sizeof(MAGIC) - 1)
#define LENGTH_BYTES 2u
#define RECORD_BYTES_MAX (LENGTH_BYTES + REFERENCE_BYTES_MAX)
#define BATCH 512u
#define THREADS 2u
#define PROGRESS (16u * BATCH)

struct stock {
	int fd;
	uint64_t count;
	uint64_t bytes;   /* of the file that are whole records */
	uint8_t *map;     /* of the whole file */
	uint64_t *offset; /* of each record */
};

/* One batch in the making. */
struct batch {
	uint64_t first;
	atomic_uint next, failed; /* failed: an errno */
	uint8_t (*record)[RECORD_BYTES_MAX];
};

static int
make_record(uint64_t i, struct finger_features features[STOCK_IMPRESSIONS],
	    uint8_t record[RECORD_BYTES_MAX])
{
	const struct finger_features *list[STOCK_IMPRESSIONS];
	struct synth_options o = synth_options_default();
	size_t bytes = 0;
	int rc = 0;

	o.difficulty = STOCK_DIFFICULTY;
	for (uint32_t k = 0; rc == 0 && k < STOCK_IMPRESSIONS; k++) {
		rc = synth_features(STOCK_SEED + i, k, &o, &features[k]);
		list[k] = &features[k];
	}
	if (rc == 0)
		rc = reference_make(list, STOCK_IMPRESSIONS, record + LENGTH_BYTES,
				    &bytes);
	if (rc == -ENODATA || rc == -EXDEV) {
		bytes = 0;
		rc = 0;
	}
	record[0] = (uint8_t)(bytes >> 8);
	record[1] = (uint8_t)bytes;
	return rc;
}

static size_t
record_bytes(const uint8_t *record)
{
	return LENGTH_BYTES + (size_t)(record[0] << 8 | record[1]);
}

static void *
make_some(void *arg)
{
	struct finger_features *features = calloc(STOCK_IMPRESSIONS, sizeof(*features));
	struct batch *b = arg;
	unsigned i;
	int rc = features == NULL ? -ENOMEM : 0;

	while (rc == 0 && (i = atomic_fetch_add(&b->next, 1)) < BATCH)
		rc = make_record(b->first + i, features, b->record[i]);
	if (rc < 0)
		atomic_store(&b->failed, (unsigned)-rc);
	free(features);
	return NULL;
}

static int
make_batch(struct batch *b, uint64_t first)
{
	pthread_t threads[THREADS - 1];
	unsigned n = 0;

	b->first = first;
	atomic_store(&b->next, 0);
	atomic_store(&b->failed, 0);
	while (n < THREADS - 1 && pthread_create(&threads[n], NULL, make_some, b) == 0)
		n++;
	(void)make_some(b); /* always NULL */
	while (n > 0)
		(void)pthread_join(threads[--n], NULL); /* a thread of ours: it ends */
	return -(int)atomic_load(&b->failed);
}

static int
write_all(int fd, const uint8_t *data, size_t bytes)
{
	while (bytes > 0) {
		ssize_t n = write(fd, data, bytes);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			data += n;
			bytes -= (size_t)n;
		}
	}
	return 0;
}

/* Writes a batch behind the records that are there. */
static int
append_batch(struct stock *s, const struct batch *b, uint8_t *joined)
{
	size_t bytes = 0;
	int rc;

	for (unsigned i = 0; i < BATCH; i++) {
		size_t n = record_bytes(b->record[i]);

		memcpy(joined + bytes, b->record[i], n);
		bytes += n;
	}
	rc = write_all(s->fd, joined, bytes);
	if (rc == 0) {
		s->bytes += bytes;
		s->count += BATCH;
	}
	return rc;
}

/* The batches up to the wanted number, always whole ones. */
static int
make_missing(struct stock *s, uint64_t wanted)
{
	struct batch b = { .record = calloc(BATCH, sizeof(*b.record)) };
	uint8_t *joined = calloc(BATCH, RECORD_BYTES_MAX);
	bool told = false;
	int rc = b.record == NULL || joined == NULL ? -ENOMEM : 0;

	if (rc == 0 && lseek(s->fd, (off_t)s->bytes, SEEK_SET) < 0)
		rc = -errno;
	while (rc == 0 && s->count < wanted) {
		rc = make_batch(&b, s->count);
		if (rc == 0)
			rc = append_batch(s, &b, joined);
		if (s->count % PROGRESS == 0) {
			(void)fprintf(stderr,
				      "\rsynthetic references: %" PRIu64 " of %" PRIu64,
				      s->count, wanted);
			told = true;
		}
	}
	if (told)
		(void)fputc('\n', stderr);
	free(joined);
	free(b.record);
	return rc;
}

static int
map_file(struct stock *s, uint64_t bytes)
{
	void *map = mmap(NULL, (size_t)bytes, PROT_READ, MAP_PRIVATE, s->fd, 0);

	if (map == MAP_FAILED)
		return -errno;
	s->map = map;
	return 0;
}

/* Counts the whole records of a mapped file; with offset also notes where they are. */
static void
walk(struct stock *s, uint64_t file_bytes, uint64_t *offset)
{
	uint64_t at = MAGIC_BYTES;

	s->count = 0;
	while (at + LENGTH_BYTES <= file_bytes && s->count < STOCK_MAX) {
		uint64_t n = record_bytes(s->map + at);

		if (n > RECORD_BYTES_MAX || at + n > file_bytes)
			break;
		if (offset != NULL)
			offset[s->count] = at;
		s->count++;
		at += n;
	}
	s->bytes = at;
}

static bool
is_current(const struct stock *s, uint64_t file_bytes)
{
	struct finger_features *features = calloc(STOCK_IMPRESSIONS, sizeof(*features));
	uint8_t record[RECORD_BYTES_MAX];
	bool same = features != NULL && file_bytes >= MAGIC_BYTES &&
		    memcmp(s->map, MAGIC, MAGIC_BYTES) == 0 &&
		    make_record(0, features, record) == 0;

	same = same && file_bytes >= MAGIC_BYTES + record_bytes(record) &&
	       memcmp(s->map + MAGIC_BYTES, record, record_bytes(record)) == 0;
	free(features);
	return same;
}

static int
begin(struct stock *s)
{
	int rc = 0;

	if (ftruncate(s->fd, 0) < 0 || lseek(s->fd, 0, SEEK_SET) < 0)
		return -errno;
	rc = write_all(s->fd, (const uint8_t *)MAGIC, MAGIC_BYTES);
	s->bytes = MAGIC_BYTES;
	s->count = 0;
	return rc;
}

/* What the file holds already. */
static int
look(struct stock *s)
{
	struct stat st;
	uint64_t bytes;
	bool current;
	int rc;

	if (fstat(s->fd, &st) < 0)
		return -errno;
	bytes = (uint64_t)st.st_size;
	if (bytes == 0)
		return begin(s);
	rc = map_file(s, bytes);
	if (rc < 0)
		return rc;
	current = is_current(s, bytes);
	if (current)
		walk(s, bytes, NULL);
	(void)munmap(s->map, (size_t)bytes); /* a mapping of ours */
	s->map = NULL;
	return current ? 0 : begin(s);
}

int
stock_open(const char *path, uint64_t wanted, struct stock **ret)
{
	struct stock *s = calloc(1, sizeof(*s));
	int rc = wanted > STOCK_MAX ? -E2BIG : 0;

	if (s == NULL)
		return -ENOMEM;
	s->fd = rc < 0 ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (rc == 0 && s->fd < 0)
		rc = -errno;
	if (rc == 0)
		rc = look(s);
	if (rc == 0)
		rc = make_missing(s, wanted);
	if (rc == 0)
		rc = map_file(s, s->bytes);
	if (rc == 0) {
		s->offset = calloc(s->count + 1, sizeof(*s->offset));
		rc = s->offset == NULL ? -ENOMEM : 0;
	}
	if (rc < 0) {
		(void)stock_close(s);
		return rc;
	}
	walk(s, s->bytes, s->offset);
	*ret = s;
	return 0;
}

struct stock *
stock_close(struct stock *s)
{
	if (s == NULL)
		return NULL;
	if (s->map != NULL)
		(void)munmap(s->map, (size_t)s->bytes); /* a mapping of ours */
	if (s->fd >= 0)
		(void)close(s->fd); /* every batch was written or told */
	free(s->offset);
	free(s);
	return NULL;
}

uint64_t
stock_count(const struct stock *s)
{
	return s->count;
}

const uint8_t *
stock_at(const struct stock *s, uint64_t i, size_t *ret_bytes)
{
	const uint8_t *record = s->map + s->offset[i];

	*ret_bytes = record_bytes(record) - LENGTH_BYTES;
	return record + LENGTH_BYTES;
}

struct ulid
stock_subject(uint64_t i)
{
	uint64_t n = i >= STOCK_PICTURED ? i : i / 2;
	struct ulid u = { { 0 } };

	u.b[0] = 1; /* not the zero one, which names nobody */
	for (unsigned k = 0; k < 8; k++)
		u.b[15 - k] = (uint8_t)(n >> 8 * k);
	return u;
}

uint32_t
stock_finger(uint64_t i)
{
	return i >= STOCK_PICTURED || i % 2 == 0 ? 2 : 7;
}
