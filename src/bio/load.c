#include "bio/load.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

/* Keys a worker takes at once; rows lie close together, and half of a slice's room is in use. */
#define RANGE 32u
#define KEY_LIMIT ((uint64_t)INT64_MAX - RANGE)

_Static_assert(RANGE <= GALLERY_INTAKE_MAX, "a range fits an intake");

struct load {
	struct store_readers *readers;
	struct gallery *gallery;
	_Atomic uint64_t
		next; /* the first key nobody has taken; KEY_LIMIT: there are no more */
	atomic_int error; /* of a slice */
	_Atomic uint64_t stored, damaged, outdated;
	_Atomic uint64_t slice_damaged, slice_outdated;
	bool begun;
};

/* One worker's part of a slice. */
struct share {
	struct load *load;
	struct gallery_intake *intake;
	uint64_t damaged, outdated;
	unsigned rows; /* each takes room, or could */
};

struct load *
load_new(struct store_readers *readers, struct gallery *gallery)
{
	struct load *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->readers = readers;
	l->gallery = gallery;
	return l;
}

struct load *
load_free(struct load *l)
{
	free(l);
	return NULL;
}

static void
stage(void *ctx, const struct gallery_name *name, const uint8_t *data, size_t bytes)
{
	struct share *s = ctx;
	int rc = gallery_stage(s->intake, name, data, bytes);

	s->damaged += rc < 0;
	s->outdated += rc > 0;
}

/* Goes on at key, unless somebody is further already. */
static void
skip_to(struct load *l, uint64_t key)
{
	uint64_t next = atomic_load(&l->next);

	while (next < key && !atomic_compare_exchange_weak(&l->next, &next, key))
		;
}

/* Nothing lies in the range before first: where does something? */
static int
look_ahead(struct load *l, unsigned worker, uint64_t first)
{
	uint64_t key = KEY_LIMIT;
	int rc = store_readers_next(l->readers, worker, first, &key);

	if (rc == 0 || rc == -ENOENT)
		skip_to(l, key < KEY_LIMIT ? key : KEY_LIMIT);
	return rc == -ENOENT ? 0 : rc;
}

static void
pull(void *ctx, unsigned worker, struct gallery_intake *in)
{
	struct share s = { .load = ctx, .intake = in };
	struct load *l = ctx;
	int rc = 0;

	while (rc >= 0 && s.rows + RANGE <= GALLERY_INTAKE_MAX) {
		struct store_range range = { atomic_fetch_add(&l->next, RANGE), RANGE,
					     stage, &s };

		if (range.first >= KEY_LIMIT)
			break;
		rc = store_readers_range(l->readers, worker, &range, &s.damaged);
		if (rc > 0)
			s.rows += (unsigned)rc;
		else if (rc == 0)
			rc = look_ahead(l, worker, range.first + RANGE);
	}
	atomic_fetch_add(&l->slice_damaged, s.damaged);
	atomic_fetch_add(&l->slice_outdated, s.outdated);
	if (rc < 0)
		atomic_store(&l->error, rc);
}

/* What begins anew, or goes on after an end: how many there are, and from where on they are missing. */
static int
begin(struct load *l)
{
	uint64_t stored = 0, key = gallery_left_out(l->gallery);
	int rc = store_readers_count(l->readers, 0, &stored);

	if (key < atomic_load(&l->next))
		atomic_store(&l->next, key);
	if (rc < 0)
		return rc;
	atomic_store(&l->stored, stored);
	l->begun = true;
	return 0;
}

static int
take_in(struct load *l)
{
	uint64_t before = atomic_load(&l->next), key = before;
	int rc;

	atomic_store(&l->error, 0);
	atomic_store(&l->slice_damaged, 0);
	atomic_store(&l->slice_outdated, 0);
	rc = gallery_take_in(l->gallery, pull, l, &key);
	if (rc < 0) {
		/* What could not be read of it must not be passed over. */
		atomic_store(&l->next, atomic_load(&l->error) < 0 ? before : key);
		return rc;
	}
	rc = atomic_load(&l->error);
	if (rc < 0) {
		atomic_store(&l->next, before); /* what is taken in twice does no harm */
		return rc;
	}
	/* Of a slice that was not taken in these are read again. */
	atomic_fetch_add(&l->damaged, atomic_load(&l->slice_damaged));
	atomic_fetch_add(&l->outdated, atomic_load(&l->slice_outdated));
	return atomic_load(&l->next) < KEY_LIMIT;
}

int
load_slice(struct load *l)
{
	int rc = l->begun ? 0 : begin(l);

	if (rc == 0)
		rc = take_in(l);
	if (rc > 0)
		return rc;
	gallery_taken_in(l->gallery);
	l->begun = false;
	return rc;
}

struct load_counts
load_counts(const struct load *l)
{
	return (struct load_counts){ atomic_load(&l->stored), atomic_load(&l->damaged),
				     atomic_load(&l->outdated) };
}
