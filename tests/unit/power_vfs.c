#include "power_vfs.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define NAME_BYTES 64
#define SHM_REGIONS 16

struct image {
	uint8_t *p;
	int64_t n, room;
};

/* A write, or with p NULL the new size of the file. */
struct change {
	struct change *next;
	uint64_t call;
	int64_t at;
	uint32_t bytes;
	uint8_t *p;
};

struct inode {
	struct inode *next;
	char name[NAME_BYTES]; /* "" a temporary file, never on the disk */
	struct image now, synced;
	struct change *changes, **last; /* since it was synced */
	bool linked, linked_synced;
	uint64_t born;     /* after this call */
	bool syncs_folder; /* with its first sync, as SQLite does for a new log */
	void *shm[SHM_REGIONS];
};

struct power_disk {
	struct inode *inodes, **last;
	uint64_t calls, cut_at, synced;
	bool off, lies;
};

struct handle {
	sqlite3_file base;
	struct power_disk *disk;
	struct inode *inode;
};

static struct power_disk *mounted;
static sqlite3_vfs vfs;

/* ---- bytes ------------------------------------------------------------------------------- */

static void *
need(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

static void
image_size(struct image *m, int64_t n)
{
	if (n > m->room) {
		m->room = 2 * n;
		m->p = need(realloc(m->p, (size_t)m->room));
	}
	if (n > m->n) {
		assert(m->p != NULL);
		memset(m->p + m->n, 0, (size_t)(n - m->n));
	}
	m->n = n;
}

static void
image_write(struct image *m, int64_t at, const uint8_t *p, int64_t n)
{
	if (at + n > m->n)
		image_size(m, at + n);
	assert(m->p != NULL);
	memcpy(m->p + at, p, (size_t)n);
}

static void
image_copy(struct image *to, const struct image *from)
{
	image_size(to, from->n);
	if (from->n > 0)
		memcpy(to->p, from->p, (size_t)from->n);
}

static uint64_t
random_next(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static void
apply(struct image *m, const struct change *c)
{
	if (c->p == NULL)
		image_size(m, c->at);
	else
		image_write(m, c->at, c->p, c->bytes);
}

/* One sector's part of a write: lost, kept, the first bytes of it, or garbage. */
static void
apply_sector(struct image *m, const struct change *c, int64_t from, int64_t n,
	     uint64_t *random, unsigned keep)
{
	uint64_t r = random_next(random);

	if (r % 16 < keep) {
		image_write(m, from, c->p + (from - c->at), n);
	} else if (r % 16 == 15) {
		n = 1 + (int64_t)(r >> 8) % n;
		image_write(m, from, c->p + (from - c->at), n);
	} else if (r % 16 == 14) {
		for (int64_t i = 0; i < n; i++) {
			uint8_t b = (uint8_t)random_next(random);

			image_write(m, from + i, &b, 1);
		}
	} else if (r % 16 == 13 && from + n > m->n) {
		image_size(m, from + n); /* the size came, the bytes did not */
	}
}

static void
apply_some(struct image *m, const struct change *c, uint32_t sector, uint64_t *random,
	   unsigned keep)
{
	int64_t from = c->at, end = c->at + c->bytes, next;

	if (c->p == NULL) {
		if (random_next(random) % 2 == 0)
			apply(m, c);
		return;
	}
	for (; from < end; from = next) {
		next = (from / sector + 1) * sector;
		if (next > end)
			next = end;
		apply_sector(m, c, from, next - from, random, keep);
	}
}

/* ---- inodes ------------------------------------------------------------------------------ */

static struct inode *
inode_find(const struct power_disk *d, const char *name)
{
	for (struct inode *i = d->inodes; i != NULL; i = i->next) {
		if (i->linked && strcmp(i->name, name) == 0)
			return i;
	}
	return NULL;
}

static struct inode *
inode_new(struct power_disk *d, const char *name)
{
	struct inode *i = need(calloc(1, sizeof(*i)));
	size_t n = strlen(name);

	assert(n < sizeof(i->name));
	memcpy(i->name, name, n + 1);
	i->linked = true;
	i->born = d->calls;
	i->last = &i->changes;
	*d->last = i;
	d->last = &i->next;
	return i;
}

static void
note_change(struct handle *h, int64_t at, const void *p, uint32_t bytes)
{
	struct change *c = need(calloc(1, sizeof(*c)));
	struct inode *i = h->inode;

	c->call = h->disk->calls + 1;
	c->at = at;
	c->bytes = bytes;
	if (p != NULL) {
		c->p = need(malloc(bytes));
		memcpy(c->p, p, bytes);
	}
	*i->last = c;
	i->last = &c->next;
}

static void
forget_changes(struct inode *i)
{
	while (i->changes != NULL) {
		struct change *c = i->changes;

		i->changes = c->next;
		free(c->p);
		free(c);
	}
	i->last = &i->changes;
}

static void
shm_forget(struct inode *i)
{
	for (int n = 0; n < SHM_REGIONS; n++) {
		free(i->shm[n]);
		i->shm[n] = NULL;
	}
}

static void
folder_sync(struct power_disk *d)
{
	for (struct inode *i = d->inodes; i != NULL; i = i->next)
		i->linked_synced = i->linked;
}

/* True: the power is gone at or before this call. */
static bool
count_call(struct power_disk *d)
{
	if (!d->off)
		d->calls++;
	if (d->cut_at != 0 && d->calls >= d->cut_at)
		d->off = true;
	return d->off;
}

/* ---- files ------------------------------------------------------------------------------- */

static struct handle *
handle_of(sqlite3_file *f)
{
	return (struct handle *)f;
}

static int
on_close(sqlite3_file *f)
{
	struct handle *h = handle_of(f);

	if (h->inode->name[0] == '\0') /* nobody finds it again */
		forget_changes(h->inode);
	return SQLITE_OK;
}

static int
on_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
	struct handle *h = handle_of(f);
	const struct image *m = &h->inode->now;
	int64_t there = at < m->n ? m->n - at : 0;

	if (h->disk->off)
		return SQLITE_IOERR_READ;
	if (there > n)
		there = n;
	if (there > 0)
		memcpy(p, m->p + at, (size_t)there);
	if (there == n)
		return SQLITE_OK;
	memset((uint8_t *)p + there, 0, (size_t)(n - there));
	return SQLITE_IOERR_SHORT_READ;
}

/* The write that the power goes with may be on the disk in part, so it is noted; later ones are not. */
static int
on_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	struct handle *h = handle_of(f);

	if (h->disk->off)
		return SQLITE_IOERR_WRITE;
	note_change(h, at, p, (uint32_t)n);
	if (h->inode->name[0] != '\0' && count_call(h->disk))
		return SQLITE_IOERR_WRITE;
	image_write(&h->inode->now, at, p, n);
	return SQLITE_OK;
}

static int
on_truncate(sqlite3_file *f, sqlite3_int64 n)
{
	struct handle *h = handle_of(f);

	if (h->disk->off)
		return SQLITE_IOERR_TRUNCATE;
	note_change(h, n, NULL, 0);
	if (count_call(h->disk))
		return SQLITE_IOERR_TRUNCATE;
	image_size(&h->inode->now, n);
	return SQLITE_OK;
}

static int
on_sync(sqlite3_file *f, int flags)
{
	struct handle *h = handle_of(f);
	struct inode *i = h->inode;

	(void)flags;
	if (count_call(h->disk))
		return SQLITE_IOERR_FSYNC;
	h->disk->synced = h->disk->calls;
	if (h->disk->lies)
		return SQLITE_OK;
	for (const struct change *c = i->changes; c != NULL; c = c->next)
		apply(&i->synced, c);
	forget_changes(i);
	if (i->syncs_folder)
		folder_sync(h->disk);
	i->syncs_folder = false;
	return SQLITE_OK;
}

static int
on_size(sqlite3_file *f, sqlite3_int64 *ret_size)
{
	struct handle *h = handle_of(f);

	if (h->disk->off)
		return SQLITE_IOERR_FSTAT;
	*ret_size = h->inode->now.n;
	return SQLITE_OK;
}

/* There is one connection at a time: every lock is free. */
static int
on_lock(sqlite3_file *f, int level)
{
	(void)f;
	(void)level;
	return SQLITE_OK;
}

static int
on_reserved(sqlite3_file *f, int *ret_held)
{
	(void)f;
	*ret_held = 0;
	return SQLITE_OK;
}

static int
on_control(sqlite3_file *f, int op, void *arg)
{
	(void)f;
	(void)op;
	(void)arg;
	return SQLITE_NOTFOUND;
}

/* What SQLite's own unix VFS says of a disk. */
static int
on_sector(sqlite3_file *f)
{
	(void)f;
	return 4096;
}

static int
on_traits(sqlite3_file *f)
{
	(void)f;
	return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int
on_shm_map(sqlite3_file *f, int region, int bytes, int extend, void volatile **ret_p)
{
	struct inode *i = handle_of(f)->inode;

	assert(region < SHM_REGIONS);
	if (handle_of(f)->disk->off)
		return SQLITE_IOERR_SHMMAP;
	if (i->shm[region] == NULL && extend)
		i->shm[region] = need(calloc(1, (size_t)bytes));
	*ret_p = i->shm[region];
	return SQLITE_OK;
}

static int
on_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
	(void)f;
	(void)offset;
	(void)n;
	(void)flags;
	return SQLITE_OK;
}

static void
on_shm_barrier(sqlite3_file *f)
{
	(void)f;
}

static int
on_shm_unmap(sqlite3_file *f, int remove)
{
	(void)remove; /* the last user is gone: as on a real system, the next one begins anew */
	shm_forget(handle_of(f)->inode);
	return SQLITE_OK;
}

static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = on_close,
	.xRead = on_read,
	.xWrite = on_write,
	.xTruncate = on_truncate,
	.xSync = on_sync,
	.xFileSize = on_size,
	.xLock = on_lock,
	.xUnlock = on_lock,
	.xCheckReservedLock = on_reserved,
	.xFileControl = on_control,
	.xSectorSize = on_sector,
	.xDeviceCharacteristics = on_traits,
	.xShmMap = on_shm_map,
	.xShmLock = on_shm_lock,
	.xShmBarrier = on_shm_barrier,
	.xShmUnmap = on_shm_unmap,
};

/* ---- the folder -------------------------------------------------------------------------- */

static int
on_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
	struct handle *h = handle_of(f);
	struct inode *i = name != NULL ? inode_find(mounted, name) : NULL;

	(void)v;
	h->base.pMethods = NULL; /* nothing to close */
	if (mounted->off || (i == NULL && (flags & SQLITE_OPEN_CREATE) == 0))
		return SQLITE_CANTOPEN;
	if (i == NULL) {
		i = inode_new(mounted, name != NULL ? name : "");
		i->linked = name != NULL;
		i->syncs_folder =
			(flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0;
	}
	h->base.pMethods = &methods;
	h->disk = mounted;
	h->inode = i;
	if (ret_flags != NULL)
		*ret_flags = flags;
	return SQLITE_OK;
}

static int
on_delete(sqlite3_vfs *v, const char *name, int sync_folder)
{
	struct inode *i = inode_find(mounted, name);

	(void)v;
	if (mounted->off)
		return SQLITE_IOERR_DELETE;
	if (i == NULL)
		return SQLITE_IOERR_DELETE_NOENT;
	i->linked = false;
	if (count_call(mounted))
		return SQLITE_IOERR_DELETE;
	if (sync_folder && !mounted->lies)
		folder_sync(mounted);
	return SQLITE_OK;
}

static int
on_access(sqlite3_vfs *v, const char *name, int flags, int *ret_there)
{
	const struct inode *i = inode_find(mounted, name);

	(void)v;
	if (mounted->off)
		return SQLITE_IOERR_ACCESS;
	/* As SQLite's own: an empty file is none, where it asks for a log to be played back. */
	*ret_there = i != NULL && (flags != SQLITE_ACCESS_EXISTS || i->now.n > 0);
	return SQLITE_OK;
}

static int
on_full_name(sqlite3_vfs *v, const char *name, int bytes, char *ret_name)
{
	size_t n = strlen(name);

	(void)v;
	if (n >= (size_t)bytes)
		return SQLITE_CANTOPEN;
	memcpy(ret_name, name, n + 1);
	return SQLITE_OK;
}

/* ---- disks ------------------------------------------------------------------------------- */

struct power_disk *
power_disk_new(void)
{
	struct power_disk *d = need(calloc(1, sizeof(*d)));

	d->last = &d->inodes;
	return d;
}

struct power_disk *
power_disk_free(struct power_disk *d)
{
	while (d != NULL && d->inodes != NULL) {
		struct inode *i = d->inodes;

		d->inodes = i->next;
		forget_changes(i);
		shm_forget(i);
		free(i->now.p);
		free(i->synced.p);
		free(i);
	}
	if (mounted == d)
		mounted = NULL;
	free(d);
	return NULL;
}

void
power_disk_mount(struct power_disk *d)
{
	if (vfs.zName == NULL) {
		vfs = *sqlite3_vfs_find(NULL);
		vfs.pNext = NULL;
		vfs.zName = POWER_VFS;
		vfs.szOsFile = (int)sizeof(struct handle);
		vfs.xOpen = on_open;
		vfs.xDelete = on_delete;
		vfs.xAccess = on_access;
		vfs.xFullPathname = on_full_name;
		if (sqlite3_vfs_register(&vfs, 0) != SQLITE_OK)
			abort();
	}
	mounted = d;
}

void
power_disk_cut(struct power_disk *d, uint64_t at)
{
	d->cut_at = at;
}

void
power_disk_lie(struct power_disk *d)
{
	d->lies = true;
}

uint64_t
power_disk_synced(const struct power_disk *d)
{
	return d->synced;
}

void
power_disk_off(struct power_disk *d)
{
	d->off = true;
}

void
power_disk_on(struct power_disk *d)
{
	d->off = false;
	d->cut_at = 0;
}

uint64_t
power_disk_calls(const struct power_disk *d)
{
	return d->calls;
}

bool
power_disk_is_off(const struct power_disk *d)
{
	return d->off;
}

/* Whether the name is in the folder after all. */
static bool
name_stays(const struct inode *i, const struct power_loss *how, uint64_t *random)
{
	if (how->from > i->born)
		return i->linked; /* nothing is removed while a log is written */
	if (how->kept == POWER_SOME && i->linked != i->linked_synced)
		return random_next(random) % 2 == 0;
	return how->kept == POWER_ALL_KEPT ? i->linked : i->linked_synced;
}

struct power_disk *
power_disk_after(const struct power_disk *d, const struct power_loss *how)
{
	static const unsigned keeps[] = { 2, 7,
					  12 }; /* of 16: most lost, half, most kept */
	struct power_disk *after = power_disk_new();
	uint64_t random = how->seed;
	unsigned keep = keeps[random_next(&random) % 3];

	for (const struct inode *i = d->inodes; i != NULL; i = i->next) {
		struct inode *old, *to;

		if (i->name[0] == '\0' || !name_stays(i, how, &random))
			continue;
		old = inode_find(after, i->name); /* an older file of this name */
		if (old != NULL)
			old->linked = old->linked_synced = false;
		to = inode_new(after, i->name);
		to->linked_synced = true;
		image_copy(&to->synced, &i->synced);
		for (const struct change *c = i->changes; c != NULL; c = c->next) {
			if (how->kept == POWER_ALL_KEPT || c->call <= how->from)
				apply(&to->synced, c);
			else if (how->kept == POWER_SOME)
				apply_some(&to->synced, c, how->sector, &random, keep);
		}
		image_copy(&to->now, &to->synced);
	}
	return after;
}
