#include "bio/errands.h"

#include "base/secret_thread.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* First in, first out; last is where the next one is hung. */
struct queue {
	struct errand *first, **last;
};

struct errands {
	struct loop_io *io;
	int fd; /* of the eventfd that wakes the loop */
	struct secret_thread thread;
	bool has_thread, has_lock, has_wake;
	bool dispatching; /* the loop's thread only */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	/* Under the lock, as are state, next and worked of every errand that is posted. */
	struct queue waiting[ERRAND_CLASSES], finished;
	struct errand *running;
	bool stop;
};

static void
lock(struct errands *s)
{
	int rc = pthread_mutex_lock(&s->lock);

	assert(rc == 0); /* a plain mutex of ours */
	(void)rc;        /* for builds without assertions */
}

static void
unlock(struct errands *s)
{
	int rc = pthread_mutex_unlock(&s->lock);

	assert(rc == 0); /* a plain mutex of ours */
	(void)rc;        /* for builds without assertions */
}

static void
queue_init(struct queue *q)
{
	q->first = NULL;
	q->last = &q->first;
}

static void
queue_put(struct queue *q, struct errand *e)
{
	e->next = NULL;
	*q->last = e;
	q->last = &e->next;
}

static struct errand *
queue_take(struct queue *q)
{
	struct errand *e = q->first;

	if (e == NULL)
		return NULL;
	q->first = e->next;
	if (q->first == NULL)
		q->last = &q->first;
	e->next = NULL;
	return e;
}

static void
queue_remove(struct queue *q, struct errand *e)
{
	struct errand **p = &q->first;

	while (*p != e)
		p = &(*p)->next;
	*p = e->next;
	if (*p == NULL)
		q->last = p;
	e->next = NULL;
}

/* ---- the thread ----------------------------------------------------------- */

/* Under the lock; the loop wakes up and calls done. */
static void
finish(struct errands *s, struct errand *e)
{
	const uint64_t one = 1;
	ssize_t n;

	e->state = ERRAND_FINISHED;
	queue_put(&s->finished, e);
	n = write(s->fd, &one, sizeof(one));
	(void)n; /* it fails only when the counter is full, and then the loop is awake */
}

static struct errand *
next_errand(struct errands *s)
{
	for (unsigned i = 0; i < ERRAND_CLASSES; i++) {
		struct errand *e = queue_take(&s->waiting[i]);

		if (e != NULL)
			return e;
	}
	return NULL;
}

static void *
thread_main(void *arg)
{
	struct errands *s = arg;

	lock(s);
	while (!s->stop) {
		struct errand *e = next_errand(s);

		if (e == NULL) {
			(void)pthread_cond_wait(&s->wake, &s->lock); /* cannot fail */
			continue;
		}
		e->state = ERRAND_RUNNING;
		e->worked = true;
		s->running = e;
		unlock(s);
		e->work(e);
		lock(s);
		s->running = NULL;
		finish(s, e);
	}
	unlock(s);
	return NULL;
}

/* ---- the loop's side ------------------------------------------------------- */

/* What ends meanwhile has its turn in the next round, so that the loop has its own. */
static void
on_finished(void *ctx, unsigned events)
{
	struct errands *s = ctx;
	struct queue list;
	struct errand *e;
	uint64_t count;
	ssize_t n;

	(void)events;
	n = read(s->fd, &count, sizeof(count));
	(void)n; /* no count, no news: the list below tells */
	queue_init(&list);
	lock(s);
	while ((e = queue_take(&s->finished)) != NULL)
		queue_put(&list, e);
	unlock(s);
	s->dispatching = true;
	while ((e = queue_take(&list)) != NULL) {
		e->state = ERRAND_IDLE;
		e->done(e); /* may free e, or post it again */
	}
	s->dispatching = false;
}

int
errands_new(struct loop *l, struct errands **ret_errands)
{
	struct errands *s = calloc(1, sizeof(*s));
	int rc = -ENOMEM;

	if (s == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < ERRAND_CLASSES; i++)
		queue_init(&s->waiting[i]);
	queue_init(&s->finished);
	s->has_lock = pthread_mutex_init(&s->lock, NULL) == 0;
	s->has_wake = pthread_cond_init(&s->wake, NULL) == 0;
	s->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->fd < 0)
		rc = -errno;
	if (!s->has_lock || !s->has_wake || s->fd < 0)
		goto fail;
	rc = loop_io_new(l, s->fd, LOOP_READ, on_finished, s, &s->io);
	if (rc == 0)
		rc = secret_thread_start(&s->thread, thread_main, s);
	s->has_thread = rc == 0;
	if (rc < 0)
		goto fail;
	*ret_errands = s;
	return 0;
fail:
	(void)errands_free(s);
	return rc;
}

/* They belong to their posters again. */
static void
give_back(struct queue *q)
{
	struct errand *e;

	while ((e = queue_take(q)) != NULL)
		e->state = ERRAND_IDLE;
}

struct errands *
errands_free(struct errands *s)
{
	if (s == NULL)
		return NULL;
	assert(!s->dispatching);
	if (s->has_thread) {
		lock(s);
		s->stop = true;
		if (s->running != NULL)
			atomic_store(&s->running->cancel, true);
		(void)pthread_cond_signal(&s->wake); /* cannot fail */
		unlock(s);
		secret_thread_join(&s->thread); /* it ends: work sees its cancel */
	}
	for (unsigned i = 0; i < ERRAND_CLASSES; i++)
		give_back(&s->waiting[i]);
	give_back(&s->finished);
	s->io = loop_io_free(s->io);
	if (s->fd >= 0)
		(void)close(s->fd); /* nothing to lose */
	if (s->has_wake)
		(void)pthread_cond_destroy(&s->wake); /* nobody waits */
	if (s->has_lock)
		(void)pthread_mutex_destroy(&s->lock); /* nobody holds it */
	free(s);
	return NULL;
}

void
errands_post(struct errands *s, struct errand *e)
{
	assert(e->work != NULL && e->done != NULL);
	assert(e->class == ERRAND_URGENT || e->class == ERRAND_LATER);
	assert(e->state == ERRAND_IDLE);
	lock(s);
	atomic_store(&e->cancel, false);
	e->worked = false;
	e->state = ERRAND_QUEUED;
	queue_put(&s->waiting[e->class], e);
	(void)pthread_cond_signal(&s->wake); /* cannot fail */
	unlock(s);
}

void
errands_cancel(struct errands *s, struct errand *e)
{
	lock(s);
	if (e->state != ERRAND_IDLE)
		atomic_store(&e->cancel, true);
	if (e->state == ERRAND_QUEUED) {
		queue_remove(&s->waiting[e->class], e);
		finish(s, e);
	}
	unlock(s);
}

bool
errands_has(struct errands *s, const struct errand *e)
{
	bool has;

	lock(s);
	has = e->state != ERRAND_IDLE;
	unlock(s);
	return has;
}
