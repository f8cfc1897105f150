#include "base/secret_thread.h"

#include "base/secret.h"

#include <errno.h>
#include <signal.h>

/* A thread inherits the mask of its maker. */
static int
create(struct secret_thread *t, const pthread_attr_t *attr, void *(*entry)(void *),
       void *arg)
{
	sigset_t all, before;
	int rc;

	(void)sigfillset(&all); /* cannot fail */
	rc = pthread_sigmask(SIG_SETMASK, &all, &before);
	if (rc != 0)
		return -rc;
	rc = pthread_create(&t->id, attr, entry, arg);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL); /* back to what was valid */
	return -rc;
}

int
secret_thread_start(struct secret_thread *t, void *(*entry)(void *), void *arg)
{
	pthread_attr_t attr;
	int rc = -pthread_attr_init(&attr);

	if (rc < 0)
		return rc;
	t->stack = secret_region_new(SECRET_THREAD_STACK_BYTES);
	rc = t->stack == NULL
		     ? -ENOMEM
		     : -pthread_attr_setstack(&attr, t->stack, SECRET_THREAD_STACK_BYTES);
	if (rc == 0)
		rc = create(t, &attr, entry, arg);
	if (rc < 0) {
		secret_region_free(t->stack, SECRET_THREAD_STACK_BYTES);
		t->stack = NULL;
	}
	(void)pthread_attr_destroy(&attr); /* holds nothing */
	return rc;
}

void
secret_thread_join(struct secret_thread *t)
{
	(void)pthread_join(t->id, NULL); /* joinable, and not this one */
	secret_region_free(t->stack, SECRET_THREAD_STACK_BYTES);
	t->stack = NULL;
}
