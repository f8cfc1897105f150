#include "bio/renew.h"

#include "base/secret.h"
#include "bio/store_renew.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

/* Made at once: as much as a commit of an enrolment or two. */
#define BATCH 16u
/* Rows looked at until a batch is written, be it full or not. */
#define ROWS_MAX 256u

/* Locked. */
struct desk {
	struct finger_features features;
	struct scan_reference scan;
	uint8_t data[BATCH][REFERENCE_BYTES_MAX];
};

struct renew {
	struct store_readers *readers;
	struct store *store;
	struct desk *desk;
	struct store_renewal list[BATCH];
	unsigned count;
	uint64_t next; /* the first key that was not looked at */
	int error;     /* while a range is read */
};

struct renew *
renew_new(struct store_readers *readers, struct store *store)
{
	struct renew *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->readers = readers;
	r->store = store;
	r->desk = secret_region_new(sizeof(*r->desk));
	return r->desk == NULL ? renew_free(r) : r;
}

struct renew *
renew_free(struct renew *r)
{
	if (r != NULL)
		secret_region_free(r->desk, sizeof(*r->desk));
	free(r);
	return NULL;
}

static void
look_at(void *ctx, const struct gallery_name *name, const uint8_t *data, size_t bytes)
{
	struct renew *r = ctx;
	struct store_renewal *to = &r->list[r->count];
	size_t renewed = 0;
	int rc;

	assert(r->count < BATCH);
	/* What cannot be read was told when it was loaded. */
	if (reference_scan(data, bytes, &r->desk->features, &r->desk->scan) <= 0)
		return;
	rc = reference_renew(data, bytes, r->desk->data[r->count], &renewed);
	if (rc < 0) {
		r->error = rc;
		return;
	}
	*to = (struct store_renewal){ *name, r->desk->data[r->count], renewed };
	r->count++;
}

/* How many rows; 0: there are no more. */
static int
look_on(struct renew *r)
{
	const struct store_range range = { r->next, BATCH - r->count, look_at, r };
	uint64_t damaged = 0;
	int rc = store_readers_range(r->readers, 0, &range, &damaged);

	if (rc < 0)
		return rc;
	if (rc > 0) {
		r->next += range.count;
		return rc;
	}
	rc = store_readers_next(r->readers, 0, r->next + range.count, &r->next);
	return rc == -ENOENT ? 0 : rc < 0 ? rc : 1;
}

int
renew_find(struct renew *r)
{
	unsigned rows = 0;
	int rc = 1;

	r->count = 0;
	r->error = 0;
	while (rc > 0 && r->error == 0 && r->count < BATCH && rows < ROWS_MAX) {
		rc = look_on(r);
		rows += rc > 0 ? (unsigned)rc : 0;
	}
	secret_zero(&r->desk->features, sizeof(r->desk->features));
	secret_zero(&r->desk->scan, sizeof(r->desk->scan));
	return r->error < 0 ? r->error : rc < 0 ? rc : rc > 0;
}

int
renew_write(struct renew *r, uint64_t *ret_count)
{
	unsigned renewed = 0;
	int rc = r->count > 0 ? store_renew(r->store, r->list, r->count, &renewed) : 0;

	secret_zero(r->desk->data, sizeof(r->desk->data));
	r->count = 0;
	*ret_count += renewed;
	return rc;
}
