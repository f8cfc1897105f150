#ifndef LANED_BIO_STORE_MEMORY_H
#define LANED_BIO_STORE_MEMORY_H

/*
 * SQLite's memory for a process that searches: what SQLite gives back is kept for its next want, so
 * that a statement that runs again allocates nothing. (A build of SQLite with lookaside would do the
 * same; Debian's has none.) What it keeps is bounded by what was once in use.
 *
 * To be called before anything else of SQLite, and once; later it does nothing. From any thread.
 */
void store_memory_keep(void);

#endif
