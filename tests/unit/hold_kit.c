#include "hold_kit.h"

#include "unit.h"

#include <errno.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>

static struct {
	struct gallery_source source;
	atomic_int hold; /* of the next fetch */
	sem_t begun, go;
	const struct service_search *search; /* whose cancel is waited for */
} hook;

static void
wait_for(sem_t *s)
{
	while (sem_wait(s) < 0)
		ck_assert_int_eq(errno, EINTR);
}

/* The reference is there already when it is held. */
static int
fetch(void *ctx, unsigned worker, const struct gallery_name *name,
      uint8_t buf[REFERENCE_BYTES_MAX], size_t *ret_bytes)
{
	int rc = hook.source.fetch(hook.source.ctx, worker, name, buf, ret_bytes);
	int hold = atomic_exchange(&hook.hold, HOLD_NOT);

	(void)ctx;
	if (hold == HOLD_NOT)
		return rc;
	(void)sem_post(&hook.begun);
	if (hold == HOLD_UNTIL_TOLD)
		wait_for(&hook.go);
	while (hold == HOLD_UNTIL_CANCELLED && !atomic_load(&hook.search->errand.cancel))
		(void)sched_yield();
	return rc;
}

static int
list(void *ctx, struct ulid subject, struct gallery_name ret_names[GALLERY_FINGERS_MAX])
{
	(void)ctx;
	return hook.source.list(hook.source.ctx, subject, ret_names);
}

struct gallery_source
hold_kit_source(struct gallery_source source)
{
	hook.source = source;
	atomic_store(&hook.hold, HOLD_NOT);
	ck_assert_int_eq(sem_init(&hook.begun, 0, 0), 0);
	ck_assert_int_eq(sem_init(&hook.go, 0, 0), 0);
	return (struct gallery_source){ fetch, list, NULL };
}

void
hold_kit_next(enum hold_kit how, const struct service_search *search)
{
	hook.search = search;
	atomic_store(&hook.hold, (int)how);
}

void
hold_kit_wait_begun(void)
{
	wait_for(&hook.begun);
}

bool
hold_kit_has_begun(void)
{
	return sem_trywait(&hook.begun) == 0;
}

void
hold_kit_tell_begun(void)
{
	ck_assert_int_eq(sem_post(&hook.begun), 0);
}

void
hold_kit_let_go(void)
{
	ck_assert_int_eq(sem_post(&hook.go), 0);
}
