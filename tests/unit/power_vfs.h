#ifndef LANED_TESTS_UNIT_POWER_VFS_H
#define LANED_TESTS_UNIT_POWER_VFS_H

/*
 * A disk in memory below SQLite that loses power. Of every file it keeps what was synced, and each
 * change since. At the call asked for, and ever after, it answers nothing but errors; what a real
 * disk could hold then is put together from what was synced and a choice of the changes since. A new
 * file's name is certain once the folder is synced, which SQLite asks for with the first sync of a
 * new log; a removal without a sync may come undone. One thread, one connection at a time.
 */
#include <stdbool.h>
#include <stdint.h>

#define POWER_VFS "power" /* the name for SQLite, known after power_disk_mount */

struct power_disk;

enum power_kept {
	POWER_ALL_LOST, /* nothing since the last sync */
	POWER_ALL_KEPT,
	POWER_SOME /* each sector of each change kept, lost, torn or garbled, by the seed */
};

struct power_loss {
	enum power_kept kept;
	uint64_t seed;
	uint32_t sector; /* bytes, 512 or 4096 */
	/* All changes up to this call are there, synced or not; 0: those that were synced. */
	uint64_t from;
};

/* An empty one. No memory ends the program. */
struct power_disk *power_disk_new(void);
/* No file of it may be open. */
struct power_disk *power_disk_free(struct power_disk *d);
/* From now on SQLite's files of the VFS above are on this one. */
void power_disk_mount(struct power_disk *d);
/* The at-th call that changes something (write, truncate, sync, delete), counted from the beginning,
 * is the first that fails; 0: none. */
void power_disk_cut(struct power_disk *d, uint64_t at);
/* It says that it has synced, and has not. */
void power_disk_lie(struct power_disk *d);
/* The call of the last sync that was asked for, whether it was honest or not. */
uint64_t power_disk_synced(const struct power_disk *d);
/*
 * Its process is killed: nothing of it is written any more; and the next one finds all that was.
 */
void power_disk_off(struct power_disk *d);
void power_disk_on(struct power_disk *d);
uint64_t power_disk_calls(const struct power_disk *d);
bool power_disk_is_off(const struct power_disk *d);
/* The disk as it may be when power comes back; d stays as it is. */
struct power_disk *power_disk_after(const struct power_disk *d,
				    const struct power_loss *how);

#endif
