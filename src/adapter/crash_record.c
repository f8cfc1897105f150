#include "adapter/crash_record.h"

#include "base/clock.h"
#include "base/plain/str.h"
#include "laned/adapter.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC 0x68637263u /* "crch" */
#define FORMAT 1u
#define BOOT_BYTES 37u
#define REQUESTS_MAX 64u /* types of requests: as many as an ABI of this major may get */
#define SIGNALS_MAX 64u

/* As it lies on the disk. */
struct file {
	uint32_t magic, format, bytes;
	atomic_uint in_order; /* 1: the life ended as it should */
	char boot[BOOT_BYTES];
	struct crash_life life;
	uint32_t deaths_count;
	struct crash_death deaths[CRASH_DEATHS_MAX]; /* newest first */
};

struct crash_record {
	struct file *file; /* mapped, or allocated */
	bool mapped, first;
	int error;
	/* A copy: a plug-in may write where it should not. */
	struct crash_death deaths[CRASH_DEATHS_MAX];
	unsigned deaths_count;
};

/* ---- words ------------------------------------------------------------------------------- */

static const char *const doings[CRASH_DOINGS] = {
	[CRASH_IDLE] = "idle",
	[CRASH_LOADING] = "loading",
	[CRASH_CREATE] = "create",
	[CRASH_START] = "start",
	[CRASH_RECOVER] = "recover",
	[CRASH_LINK] = "link",
	[CRASH_SUBMIT] = "submit",
	[CRASH_HEALTH] = "health",
	[CRASH_SELFTEST] = "selftest",
	[CRASH_STOP] = "stop",
	[CRASH_DESTROY] = "destroy",
	[CRASH_TIMER] = "timer callback",
	[CRASH_FOLDER] = "folder callback",
	[CRASH_ACK] = "ack callback",
	[CRASH_CONNECTION] = "connection callback",
	[CRASH_TYPED] = "typing callback",
};

static const char *const hows[CRASH_HOWS] = { "killed", "signal", "hang", "exit",
					      "leak" };

static const char *const requests[] = {
	[LANED_REQ_OFFER] = "offer",   [LANED_REQ_PAY] = "pay",
	[LANED_REQ_QUERY] = "query",   [LANED_REQ_CONFIRM] = "confirm",
	[LANED_REQ_UNDO] = "undo",     [LANED_REQ_RECEIPT] = "receipt",
	[LANED_REQ_ANSWER] = "answer", [LANED_REQ_REFUND] = "refund",
};

static const struct {
	int signal;
	const char *name;
} signals[] = {
	{ SIGSEGV, "SIGSEGV" }, { SIGBUS, "SIGBUS" },   { SIGILL, "SIGILL" },
	{ SIGFPE, "SIGFPE" },   { SIGABRT, "SIGABRT" }, { SIGSYS, "SIGSYS" },
};

void
crash_doing_words(uint32_t doing, uint32_t request, char text[CRASH_DOING_BYTES])
{
	struct strbuf b;

	strbuf_init(&b, text, CRASH_DOING_BYTES);
	strbuf_addf(&b, "%s", doing < CRASH_DOINGS ? doings[doing] : "unknown");
	if (doing != CRASH_SUBMIT)
		return;
	if (request < sizeof(requests) / sizeof(requests[0]) && requests[request] != NULL)
		strbuf_addf(&b, " %s", requests[request]);
	else
		strbuf_addf(&b, " type %u", (unsigned)request);
}

const char *
crash_how_name(uint32_t how)
{
	return hows[how < CRASH_HOWS ? how : CRASH_KILLED];
}

const char *
crash_signal_name(uint32_t signal)
{
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (signals[i].signal == (int)signal)
			return signals[i].name;
	return "signal";
}

/* ---- checking what was read --------------------------------------------------------------- */

/* A text of a plug-in, for logs and other programs. */
static bool
is_plain(char c)
{
	return c > ' ' && c <= '~' && c != '"' && c != '\\' && c != '<' && c != '&';
}

static bool
text_ok(const char *text, size_t bytes)
{
	size_t n = strnlen(text, bytes);

	if (n == bytes)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_plain(text[i]))
			return false;
	return true;
}

static bool
texts_ok(const char *plugin, const char *version, const char *build_id)
{
	return text_ok(plugin, CRASH_PLUGIN_BYTES) &&
	       text_ok(version, CRASH_VERSION_BYTES) &&
	       text_ok(build_id, PLUGIN_BUILD_ID_BYTES) &&
	       strspn(build_id, "0123456789abcdef") == strlen(build_id);
}

/* No time of a lane: it would be shown. */
static bool
wall_ok(int64_t ms)
{
	return ms >= 0 && ms < INT64_C(1) << 46; /* the year 4199 */
}

static bool
death_ok(const struct crash_death *d)
{
	return texts_ok(d->plugin, d->version, d->build_id) && d->how < CRASH_HOWS &&
	       d->signal <= SIGNALS_MAX && d->doing < CRASH_DOINGS &&
	       d->request <= REQUESTS_MAX && d->loaded <= 1 && wall_ok(d->at_wall_ms) &&
	       d->at_mono_ms < INT64_C(1) << 46 && wall_ok(d->lived_ms);
}

/* What the life in f became, or false: it cannot be told. */
static bool
death_of(const struct file *f, struct crash_death *ret_death)
{
	const struct crash_life *l = &f->life;
	struct crash_death d = {
		.how = l->how,
		.signal = l->signal,
		.doing = l->doing,
		.request = l->request,
		.jobs = l->jobs,
		.loaded = l->loaded,
		.at_wall_ms = l->ended_wall_ms,
		.at_mono_ms = l->ended_mono_ms,
	};

	memcpy(d.plugin, l->plugin, sizeof(d.plugin));
	memcpy(d.version, l->version, sizeof(d.version));
	memcpy(d.build_id, l->build_id, sizeof(d.build_id));
	if (d.at_wall_ms == 0)
		d.at_wall_ms = clock_wall_ms();
	if (d.at_mono_ms <= 0 || d.at_mono_ms > clock_mono_ms())
		d.at_mono_ms = clock_mono_ms();
	if (wall_ok(l->started_mono_ms) && l->started_mono_ms < d.at_mono_ms)
		d.lived_ms = d.at_mono_ms - l->started_mono_ms;
	if (!death_ok(&d))
		return false;
	*ret_death = d;
	return true;
}

/* The kernel's name for this boot; empty where /proc does not show it. */
static void
read_boot(char boot[BOOT_BYTES])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, boot, BOOT_BYTES - 1);

	if (fd >= 0)
		(void)close(fd); /* read only */
	boot[n < 0 ? 0 : n] = '\0';
}

/* Takes over the deaths that f tells of, the last life's among them. */
static void
take(struct crash_record *r, const struct file *f, const char *boot)
{
	bool same = text_ok(f->boot, BOOT_BYTES) && strcmp(f->boot, boot) == 0;
	unsigned n = 0;

	if (f->in_order != 1 && death_of(f, &r->deaths[0])) {
		n = 1;
		r->first = true;
	}
	for (uint32_t i = 0; i < f->deaths_count && n < CRASH_DEATHS_MAX; i++)
		if (death_ok(&f->deaths[i]))
			r->deaths[n++] = f->deaths[i];
	for (unsigned i = 0; i < n; i++)
		if (!same || r->deaths[i].at_mono_ms > clock_mono_ms())
			r->deaths[i].at_mono_ms = -1;
	r->deaths_count = n;
}

/* ---- the file ----------------------------------------------------------------------------- */

static int
read_old(const char *path, struct file *ret_file)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	int rc = -EBADMSG;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
	    st.st_size == (off_t)sizeof(*ret_file) &&
	    read(fd, ret_file, sizeof(*ret_file)) == (ssize_t)sizeof(*ret_file) &&
	    ret_file->magic == MAGIC && ret_file->format == FORMAT &&
	    ret_file->bytes == sizeof(*ret_file) &&
	    ret_file->deaths_count <= CRASH_DEATHS_MAX)
		rc = 0;
	(void)close(fd); /* read only */
	return rc;
}

/* The new record, whole, before it stands where the old one was. */
static int
map_new(const char *path, const struct file *content, struct file **ret_file)
{
	char new_path[PATH_MAX];
	struct strbuf b;
	void *map;
	int fd, rc = 0;

	strbuf_init(&b, new_path, sizeof(new_path));
	strbuf_addf(&b, "%s.new", path);
	if (b.truncated)
		return -ENAMETOOLONG;
	(void)unlink(new_path); /* of a start that was cut short */
	fd = open(new_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	map = MAP_FAILED;
	/* Written, not made longer: a full disk must show here, and not as SIGBUS. */
	if (write(fd, content, sizeof(*content)) != (ssize_t)sizeof(*content))
		rc = -ENOSPC;
	if (rc == 0)
		map = mmap(NULL, sizeof(*content), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			   0);
	if (rc == 0 && map == MAP_FAILED)
		rc = -errno;
	(void)close(fd); /* the mapping keeps it */
	if (rc == 0 && rename(new_path, path) < 0)
		rc = -errno;
	if (rc < 0) {
		(void)unlink(new_path); /* nothing of it is wanted */
		if (map != MAP_FAILED)
			(void)munmap(map, sizeof(*content)); /* mapped above */
		return rc;
	}
	*ret_file = map;
	return 0;
}

static void
begin(const struct crash_record *r, const char *boot, struct file *f)
{
	memset(f, 0, sizeof(*f));
	f->magic = MAGIC;
	f->format = FORMAT;
	f->bytes = sizeof(*f);
	memcpy(f->boot, boot, BOOT_BYTES);
	f->life.started_wall_ms = clock_wall_ms();
	f->life.started_mono_ms = clock_mono_ms();
	f->deaths_count = r->deaths_count;
	memcpy(f->deaths, r->deaths, r->deaths_count * sizeof(r->deaths[0]));
}

int
crash_record_open(const char *path, struct crash_record **ret_record)
{
	struct crash_record *r = calloc(1, sizeof(*r));
	struct file *f = calloc(1, sizeof(*f));
	char boot[BOOT_BYTES] = "";

	if (r == NULL || f == NULL) {
		free(r);
		free(f);
		return -ENOMEM;
	}
	read_boot(boot);
	if (path != NULL && read_old(path, f) == 0)
		take(r, f, boot);
	begin(r, boot, f);
	r->error = path == NULL ? -ENOENT : map_new(path, f, &r->file);
	r->mapped = r->error == 0;
	if (r->mapped)
		free(f);
	else
		r->file = f;
	*ret_record = r;
	return 0;
}

struct crash_record *
crash_record_close(struct crash_record *r)
{
	if (r == NULL)
		return NULL;
	r->file->in_order = 1;
	if (r->mapped)
		(void)munmap(r->file, sizeof(*r->file)); /* mapped by crash_record_open */
	else
		free(r->file);
	free(r);
	return NULL;
}

int
crash_record_error(const struct crash_record *r)
{
	return r->error;
}

static void
put_text(char *to, size_t bytes, const char *from)
{
	size_t n;

	if (from == NULL)
		return;
	n = strnlen(from, bytes - 1);
	for (size_t i = 0; i < n; i++)
		to[i] = is_plain(from[i]) ? from[i] : '_';
	to[n] = '\0';
}

void
crash_record_plugin(struct crash_record *r, const char *plugin, const char *version,
		    const char *build_id)
{
	struct crash_life *l = &r->file->life;

	put_text(l->plugin, sizeof(l->plugin), plugin);
	put_text(l->version, sizeof(l->version), version);
	put_text(l->build_id, sizeof(l->build_id), build_id);
}

struct crash_life *
crash_record_life(struct crash_record *r)
{
	return &r->file->life;
}

unsigned
crash_record_deaths(const struct crash_record *r)
{
	return r->deaths_count;
}

const struct crash_death *
crash_record_death(const struct crash_record *r, unsigned i)
{
	assert(i < r->deaths_count);
	return &r->deaths[i];
}

bool
crash_record_first(const struct crash_record *r)
{
	return r->first;
}
