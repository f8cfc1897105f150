#ifndef LANED_BASE_SECRET_THREAD_H
#define LANED_BASE_SECRET_THREAD_H

#include <pthread.h>

/*
 * A thread that works on what must not leak: its stack is a region as in secret.h, locked, not
 * dumped and zeroised. It takes no signals: those are for the main thread.
 */
struct secret_thread {
	pthread_t id;
	void *stack;
};

#define SECRET_THREAD_STACK_BYTES ((size_t)1 << 20)

/* 0, -ENOMEM, or another negative errno: there is no thread. */
int secret_thread_start(struct secret_thread *t, void *(*entry)(void *), void *arg);

/* Waits for its end, and frees the stack. Once for each thread that was started. */
void secret_thread_join(struct secret_thread *t);

#endif
