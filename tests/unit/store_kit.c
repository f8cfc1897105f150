#include "store_kit.h"

#include "bio/store_fetch.h"

#include <errno.h>

struct reading {
	store_reference_fn fn;
	void *ctx;
};

static void
hand_on(void *ctx, const struct gallery_name *name, const uint8_t *data, size_t bytes)
{
	const struct reading *r = ctx;

	r->fn(r->ctx, name->subject, name->finger, data, bytes);
}

int
store_read(struct store *s, struct store_cursor *cursor, unsigned count_max,
	   store_reference_fn fn, void *ctx)
{
	struct reading reading = { fn, ctx };
	struct store_readers *readers = NULL;
	uint64_t key = cursor->key;
	unsigned rows = 0;
	int rc = store_readers_new(s, &readers);

	while (rc >= 0 && rows < count_max) {
		struct store_range one = { 0, 1, hand_on, &reading };

		rc = store_readers_next(readers, 0, cursor->key + 1, &key);
		if (rc < 0)
			break;
		one.first = cursor->key = key;
		rc = store_readers_range(readers, 0, &one, &cursor->damaged);
		rows++;
	}
	(void)store_readers_free(readers); /* always NULL */
	return rc == -ENOENT ? 0 : rc < 0 ? rc : 1;
}
