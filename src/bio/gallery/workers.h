#ifndef LANED_BIO_GALLERY_WORKERS_H
#define LANED_BIO_GALLERY_WORKERS_H

/*
 * Two workers: the caller and a thread that sleeps until there is work. The thread takes no
 * signals. Where it cannot be had the caller works alone.
 */
#define WORKERS_MAX 2u

struct workers;

/* NULL: no memory. */
struct workers *workers_new(void);
struct workers *workers_free(struct workers *w);

/*
 * Runs job(context, i) once for each worker i, the caller being 0, and returns when all are
 * done. A job that wants to be fair takes its pieces from a shared counter.
 */
void workers_run(struct workers *w, void (*job)(void *context, unsigned worker),
		 void *context);

#endif
