#include "bio/gallery/workers.h"

#include "base/secret_thread.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct workers {
	struct secret_thread thread;
	bool has_thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* Under the lock. */
	void (*job)(void *context, unsigned worker); /* NULL: none to do */
	void *context;
	bool busy, stop;
};

static void *
helper(void *arg)
{
	struct workers *w = arg;

	(void)pthread_mutex_lock(&w->lock); /* cannot fail: a plain mutex of ours */
	while (!w->stop) {
		void (*job)(void *, unsigned) = w->job;

		if (job == NULL) {
			(void)pthread_cond_wait(&w->changed, &w->lock); /* as above */
			continue;
		}
		w->job = NULL;
		(void)pthread_mutex_unlock(&w->lock);
		job(w->context, 1);
		(void)pthread_mutex_lock(&w->lock);
		w->busy = false;
		(void)pthread_cond_broadcast(&w->changed);
	}
	(void)pthread_mutex_unlock(&w->lock);
	return NULL;
}

struct workers *
workers_new(void)
{
	struct workers *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	if (pthread_mutex_init(&w->lock, NULL) != 0)
		goto no_lock;
	if (pthread_cond_init(&w->changed, NULL) != 0)
		goto no_cond;
	w->has_thread = secret_thread_start(&w->thread, helper, w) == 0;
	return w;
no_cond:
	(void)pthread_mutex_destroy(&w->lock);
no_lock:
	free(w);
	return NULL;
}

struct workers *
workers_free(struct workers *w)
{
	if (w == NULL)
		return NULL;
	if (w->has_thread) {
		(void)pthread_mutex_lock(&w->lock);
		w->stop = true;
		(void)pthread_cond_broadcast(&w->changed);
		(void)pthread_mutex_unlock(&w->lock);
		secret_thread_join(&w->thread); /* it ends: no job runs now */
	}
	(void)pthread_cond_destroy(&w->changed);
	(void)pthread_mutex_destroy(&w->lock);
	free(w);
	return NULL;
}

void
workers_run(struct workers *w, void (*job)(void *context, unsigned worker), void *context)
{
	if (!w->has_thread) {
		job(context, 0);
		job(context, 1);
		return;
	}
	(void)pthread_mutex_lock(&w->lock);
	w->job = job;
	w->context = context;
	w->busy = true;
	(void)pthread_cond_broadcast(&w->changed);
	(void)pthread_mutex_unlock(&w->lock);
	job(context, 0);
	(void)pthread_mutex_lock(&w->lock);
	while (w->busy)
		(void)pthread_cond_wait(&w->changed, &w->lock);
	(void)pthread_mutex_unlock(&w->lock);
}
