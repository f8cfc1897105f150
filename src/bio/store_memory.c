#include "bio/store_memory.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define CLASSES 9u
#define ROOM_MIN 32u
#define ROOM_MAX (ROOM_MIN << (CLASSES - 1)) /* a page of SQLite's cache and its head */

/* What stands before each block. */
struct head {
	alignas(max_align_t) size_t room; /* bytes of the block */
	struct head *next;                /* while nobody has it */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct head *kept[CLASSES]; /* of ROOM_MIN << i bytes each; under the lock */

static unsigned
class_of(size_t bytes)
{
	unsigned i = 0;

	while (ROOM_MIN << i < bytes)
		i++;
	return i;
}

/* SQLite asks for at least one byte, in int. */
static int
round_up(int bytes)
{
	if ((size_t)bytes > ROOM_MAX)
		return (bytes + 7) & ~7;
	return (int)(ROOM_MIN << class_of((size_t)bytes));
}

static void *
take(int bytes)
{
	size_t room = (size_t)round_up(bytes);
	struct head *h = NULL;

	if (room <= ROOM_MAX) {
		struct head **list = &kept[class_of(room)];

		(void)pthread_mutex_lock(&lock); /* cannot fail: a plain mutex of ours */
		h = *list;
		if (h != NULL)
			*list = h->next;
		(void)pthread_mutex_unlock(&lock); /* as above */
	}
	if (h == NULL)
		h = malloc(sizeof(*h) + room);
	if (h == NULL)
		return NULL;
	h->room = room;
	h->next = NULL;
	return h + 1;
}

static void
give(void *block)
{
	struct head *h = (struct head *)block - 1, **list;

	if (h->room > ROOM_MAX) {
		free(h);
		return;
	}
	list = &kept[class_of(h->room)];
	(void)pthread_mutex_lock(&lock); /* as above */
	h->next = *list;
	*list = h;
	(void)pthread_mutex_unlock(&lock); /* as above */
}

static int
size_of(void *block)
{
	return block == NULL ? 0 : (int)((struct head *)block - 1)->room;
}

static void *
resize(void *block, int bytes)
{
	int have = size_of(block);
	void *other;

	if (round_up(bytes) == have)
		return block;
	other = take(bytes);
	if (other == NULL)
		return NULL;
	memcpy(other, block, (size_t)(have < bytes ? have : bytes));
	give(block);
	return other;
}

static int
init(void *context)
{
	(void)context;
	return SQLITE_OK;
}

static void
shut_down(void *context)
{
	(void)context;
}

void
store_memory_keep(void)
{
	static const sqlite3_mem_methods methods = { take,     give, resize,    size_of,
						     round_up, init, shut_down, NULL };

	/* Refused when SQLite runs already; then it takes its memory as ever. */
	if (sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) == SQLITE_OK)
		/* Nobody asks for its statistics, and they cost a lock of all threads. */
		(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}
