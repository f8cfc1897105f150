/* The folders of a host in virtual time: in memory, from the plug-in's side and from its peer's. */
#include "adapter/vhost_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct str
str_in(struct laned_str s)
{
	return (struct str){ s.p, s.n };
}

static struct vhost_option *
folder_find(struct vhost *v, const char *name)
{
	struct vhost_option *o = vhost_option_find(v, name);

	return o != NULL && o->row->type == LANED_OPT_DIR ? o : NULL;
}

static uint32_t
index_of(const struct vhost *v, const struct vhost_option *o)
{
	return (uint32_t)(o - v->options);
}

static bool
name_ok(struct laned_str name)
{
	return name.n >= 1 && name.n <= LANED_NAME_BYTES_MAX && name.p[0] != '.' &&
	       memchr(name.p, '/', name.n) == NULL && memchr(name.p, 0, name.n) == NULL;
}

/* Exactly first, then the first that differs in ASCII case only. */
static struct vhost_file *
file_find(struct vhost *v, const struct vhost_option *o, struct laned_str name)
{
	struct vhost_file *alike = NULL;

	for (uint32_t i = 0; i < v->files_count; i++) {
		struct vhost_file *f = &v->files[i];

		if (f->option != index_of(v, o) || f->aside || strlen(f->name) != name.n)
			continue;
		if (memcmp(f->name, name.p, name.n) == 0)
			return f;
		if (alike == NULL && strncasecmp(f->name, name.p, name.n) == 0)
			alike = f;
	}
	return alike;
}

static void
file_drop(struct vhost *v, struct vhost_file *f)
{
	free(f->data);
	memmove(f, f + 1, (size_t)(&v->files[v->files_count] - (f + 1)) * sizeof(*f));
	v->files_count--;
}

/* One more at the end. 0; -ENOMEM; -ENOSPC. */
static int
file_add(struct vhost *v, struct vhost_file **ret_file)
{
	if (v->files_count == VHOST_FILES_MAX)
		return -ENOSPC;
	if (v->files_count == v->files_room) {
		void *list = v->files;

		if (vhost_grow(&list, &v->files_room, sizeof(v->files[0])) < 0)
			return -ENOMEM;
		v->files = list;
	}
	*ret_file = &v->files[v->files_count++];
	memset(*ret_file, 0, sizeof(**ret_file));
	return 0;
}

static int
file_put(struct vhost *v, struct vhost_option *o, struct laned_str name, struct str data)
{
	struct vhost_file *f = file_find(v, o, name);
	char *copy = malloc(data.n + 1);
	int rc = 0;

	if (copy == NULL)
		return -ENOMEM;
	if (f == NULL) {
		rc = file_add(v, &f);
		if (rc < 0) {
			free(copy);
			return rc;
		}
		f->option = index_of(v, o);
		memcpy(f->name, name.p, name.n);
	}
	if (data.n > 0)
		memcpy(copy, data.p, data.n);
	copy[data.n] = '\0';
	free(f->data);
	f->data = copy;
	f->bytes = data.n;
	f->version = ++v->next;
	return 0;
}

int
vhost_dir_watch(struct laned_host *h, const char *name, uint32_t poll_ms, laned_dir_fn fn,
		void *user)
{
	struct vhost_option *o = folder_find(vhost_of(h), name);
	int rc = vhost_called(vhost_of(h), "dir_watch");

	if (rc != LANED_OK)
		return rc;
	if (o == NULL || fn == NULL || (poll_ms > 0 && poll_ms < HOST_DIRS_POLL_MS_MIN))
		return LANED_INVALID;
	o->fn = fn;
	o->user = user;
	o->poll_ms = poll_ms;
	o->poll_at_ms = poll_ms > 0 ? vhost_of(h)->now_ms + poll_ms : VHOST_NEVER;
	return LANED_OK;
}

int
vhost_dir_list(struct laned_host *h, const char *name, laned_name_fn fn, void *user)
{
	struct vhost *v = vhost_of(h);
	const struct vhost_option *o = folder_find(v, name);
	int rc = vhost_called(v, "dir_list");

	if (rc != LANED_OK || o == NULL)
		return rc != LANED_OK ? rc : LANED_INVALID;
	for (uint32_t i = 0; i < v->files_count; i++)
		if (v->files[i].option == index_of(v, o) && !v->files[i].aside)
			fn(user,
			   (struct laned_str){ v->files[i].name,
					       strlen(v->files[i].name) },
			   v->files[i].bytes);
	return LANED_OK;
}

int
vhost_dir_read(struct laned_host *h, const char *name, struct laned_str file,
	       struct laned_file *ret_file)
{
	struct vhost *v = vhost_of(h);
	const struct vhost_option *o = folder_find(v, name);
	struct laned_file got = { .size = sizeof(got) };
	const struct vhost_file *f;
	int rc = vhost_called(v, "dir_read");

	if (rc != LANED_OK || o == NULL || !name_ok(file))
		return rc != LANED_OK ? rc : LANED_INVALID;
	f = file_find(v, o, file);
	if (f == NULL)
		return LANED_MISSING;
	got.version = f->version;
	if (f->bytes > LANED_FILE_BYTES_MAX) {
		*ret_file = got;
		return LANED_TOO_LARGE;
	}
	got.data = vhost_take_memory(v, f->bytes + 1);
	if (got.data == NULL)
		return LANED_NO_MEMORY;
	memcpy(got.data, f->data, f->bytes);
	got.bytes = f->bytes;
	*ret_file = got;
	return LANED_OK;
}

int
vhost_dir_put(struct laned_host *h, const char *name, struct laned_str file,
	      struct laned_str data)
{
	struct vhost *v = vhost_of(h);
	struct vhost_option *o = folder_find(v, name);
	int rc = vhost_called(v, "dir_put");

	if (rc != LANED_OK || o == NULL || !name_ok(file))
		return rc != LANED_OK ? rc : LANED_INVALID;
	if (data.n > LANED_FILE_BYTES_MAX)
		return LANED_TOO_LARGE;
	rc = file_put(v, o, file, str_in(data));
	if (rc == 0)
		return LANED_OK;
	return rc == -ENOMEM ? LANED_NO_MEMORY : LANED_IO;
}

/* The file that may be taken away: of that version, or of any. */
static int
file_to_take(struct vhost *v, const char *name, struct laned_str file, uint64_t version,
	     struct vhost_file **ret_file)
{
	const struct vhost_option *o = folder_find(v, name);

	if (o == NULL || !name_ok(file))
		return LANED_INVALID;
	*ret_file = file_find(v, o, file);
	if (*ret_file == NULL)
		return LANED_MISSING;
	return version != 0 && (*ret_file)->version != version ? LANED_AGAIN : LANED_OK;
}

int
vhost_dir_remove(struct laned_host *h, const char *name, struct laned_str file,
		 uint64_t version)
{
	struct vhost_file *f = NULL;
	int rc = vhost_called(vhost_of(h), "dir_remove");

	if (rc == LANED_OK)
		rc = file_to_take(vhost_of(h), name, file, version, &f);
	if (rc == LANED_OK)
		file_drop(vhost_of(h), f);
	return rc;
}

int
vhost_dir_set_aside(struct laned_host *h, const char *name, struct laned_str file,
		    uint64_t version)
{
	struct vhost_file *f = NULL;
	int rc = vhost_called(vhost_of(h), "dir_set_aside");

	if (rc == LANED_OK)
		rc = file_to_take(vhost_of(h), name, file, version, &f);
	if (rc == LANED_OK)
		f->aside = true;
	return rc;
}

/* ---- the peer's side --------------------------------------------------------------------- */

static struct laned_str
text_of(const char *text)
{
	return (struct laned_str){ text, strlen(text) };
}

int
vhost_put(struct vhost *v, const char *option, const char *name, struct str data)
{
	struct vhost_option *o = folder_find(v, option);
	int rc = o == NULL ? -ENOENT : file_put(v, o, text_of(name), data);

	if (rc == 0)
		o->changed = true;
	return rc;
}

const struct vhost_file *
vhost_find(struct vhost *v, const char *option, const char *name)
{
	const struct vhost_option *o = folder_find(v, option);

	return o == NULL ? NULL : file_find(v, o, text_of(name));
}

const struct vhost_file *
vhost_file_at(struct vhost *v, const char *option, size_t i)
{
	const struct vhost_option *o = folder_find(v, option);

	for (uint32_t k = 0; o != NULL && k < v->files_count; k++)
		if (v->files[k].option == index_of(v, o) && !v->files[k].aside &&
		    i-- == 0)
			return &v->files[k];
	return NULL;
}

int
vhost_remove(struct vhost *v, const char *option, const char *name)
{
	const struct vhost_option *o = folder_find(v, option);
	struct vhost_file *f = o == NULL ? NULL : file_find(v, o, text_of(name));

	if (f == NULL)
		return -ENOENT;
	file_drop(v, f);
	return 0;
}

size_t
vhost_aside(const struct vhost *v)
{
	size_t n = 0;

	for (uint32_t i = 0; i < v->files_count; i++)
		n += v->files[i].aside;
	return n;
}

void
vhost_files_free(struct vhost *v)
{
	while (v->files_count > 0)
		file_drop(v, &v->files[v->files_count - 1]);
	free(v->files);
	v->files = NULL;
	v->files_room = 0;
}

void
vhost_take_files(struct vhost *v, struct vhost *from)
{
	vhost_files_free(v); /* a new one has none */
	v->files = from->files;
	v->files_count = from->files_count;
	v->files_room = from->files_room;
	from->files = NULL;
	from->files_count = from->files_room = 0;
	if (v->next < from->next)
		v->next = from->next; /* versions go on rising */
	for (uint32_t i = 0; i < v->table->options_count; i++)
		v->options[i].changed = true;
}
