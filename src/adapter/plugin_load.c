#include "adapter/plugin_load.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct plugin {
	void *handle;
	const struct laned_adapter *table;
	struct plugin_elf elf;
};

__attribute__((format(printf, 2, 3))) static void
say(char why[PLUGIN_WHY_BYTES], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, PLUGIN_WHY_BYTES, fmt, ap); /* for people; may be cut */
	va_end(ap);
}

/*
 * Owned by root or by us, and written by nobody else. Started by hand, the user's own group may write,
 * as some systems' umask lets it.
 */
static int
check_owner(const struct stat *st, const char *what, bool *own,
	    char why[PLUGIN_WHY_BYTES])
{
	mode_t others = S_IWGRP | S_IWOTH;

	if (st->st_uid != 0 && (st->st_uid != geteuid() || geteuid() == 0)) {
		say(why, "%s belongs to user %u, not to root", what,
		    (unsigned)st->st_uid);
		return -EPERM;
	}
	if (st->st_uid != 0 && st->st_gid == getegid())
		others = S_IWOTH;
	if ((st->st_mode & others) != 0) {
		say(why, "%s may be written by others than its owner", what);
		return -EPERM;
	}
	if (st->st_uid != 0)
		*own = true;
	return 0;
}

static int
check_folder(const char *path, bool *own, char why[PLUGIN_WHY_BYTES])
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];
	size_t n = slash == NULL ? 0 : (size_t)(slash - path);
	struct stat st;

	if (n >= sizeof(folder))
		return -ENAMETOOLONG;
	if (slash == NULL) {
		folder[0] = '.';
		n = 1;
	} else if (n == 0) {
		folder[0] = '/';
		n = 1;
	} else {
		memcpy(folder, path, n);
	}
	folder[n] = '\0';
	if (stat(folder, &st) < 0) {
		say(why, "its folder: %s", strerror(errno));
		return -errno;
	}
	return check_owner(&st, "its folder", own, why);
}

static int
check_file(int fd, struct plugin_elf *elf, bool *own, char why[PLUGIN_WHY_BYTES])
{
	const char *fault = "";
	struct stat st;
	void *map;
	int rc;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size <= 0) {
		say(why, "it is no file");
		return -ENOEXEC;
	}
	if (st.st_size > (off_t)PLUGIN_BYTES_MAX) {
		say(why, "it is too long");
		return -EFBIG;
	}
	rc = check_owner(&st, "the file", own, why);
	if (rc < 0)
		return rc;
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	rc = plugin_elf_check(map, (size_t)st.st_size, LANED_ADAPTER_SYMBOL, elf, &fault);
	(void)munmap(map, (size_t)st.st_size); /* mapped above */
	if (rc < 0)
		say(why, "%s", fault);
	return rc;
}

int
plugin_check(const char *path, struct plugin_elf *ret_elf, bool *ret_own,
	     char why[PLUGIN_WHY_BYTES])
{
	struct plugin_elf elf = { .build_id = "" };
	bool own = false;
	int fd, rc;

	why[0] = '\0';
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0) {
		rc = -errno;
		say(why, "%s", strerror(-rc));
		return rc;
	}
	rc = check_folder(path, &own, why);
	if (rc == 0)
		rc = check_file(fd, &elf, &own, why);
	(void)close(fd); /* read only */
	if (rc < 0) {
		if (why[0] == '\0')
			say(why, "%s", strerror(-rc));
		return rc;
	}
	*ret_elf = elf;
	*ret_own = own;
	return 0;
}

static const char *
option_fault(const struct laned_adapter *t)
{
	for (uint32_t i = 0; i < t->options_count; i++) {
		const struct laned_option *o = &t->options[i];

		if (o->size < sizeof(*o))
			return "a row of its option table is too short";
		if (o->name == NULL || o->help == NULL || o->name[0] == '\0' ||
		    strspn(o->name, "abcdefghijklmnopqrstuvwxyz0123456789_") !=
			    strlen(o->name))
			return "an option has a bad name or no help";
		if (o->type < LANED_OPT_STRING || o->type > LANED_OPT_SECRET)
			return "an option has an unknown type";
		if ((o->type == LANED_OPT_ENUM) != (o->choices != NULL))
			return "choices belong to options of type enum, and only to them";
	}
	return NULL;
}

/* What is wrong with a table, or NULL. */
static const char *
table_fault(const struct laned_adapter *t)
{
	if (t == NULL)
		return "it does not want to work with this host";
	if (t->size < sizeof(*t) || t->abi_major != LANED_ABI_MAJOR)
		return "its table is of another ABI";
	if (t->host_minor_min > LANED_ABI_MINOR)
		return "it needs a newer host";
	if (t->name == NULL || t->version == NULL || t->license == NULL ||
	    t->protocol == NULL || t->evidence == NULL)
		return "its table lacks a text";
	if (t->create == NULL || t->start == NULL || t->recover == NULL ||
	    t->link == NULL || t->submit == NULL || t->health == NULL ||
	    t->selftest == NULL || t->stop == NULL || t->destroy == NULL)
		return "its table lacks a function";
	if (t->options_count > 0 && t->options == NULL)
		return "its option table is missing";
	return option_fault(t);
}

int
plugin_load(const char *path, struct plugin **ret_plugin, char why[PLUGIN_WHY_BYTES])
{
	struct plugin *p = calloc(1, sizeof(*p));
	laned_adapter_fn entry;
	const char *fault;
	bool own = false;
	int rc = -ENOMEM;

	if (p == NULL)
		return rc;
	rc = plugin_check(path, &p->elf, &own, why);
	if (rc < 0)
		goto out;
	rc = -EPROTO;
	/* A name without a slash would be looked for elsewhere. */
	p->handle =
		strchr(path, '/') == NULL ? NULL : dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (p->handle == NULL) {
		say(why, "%s",
		    strchr(path, '/') == NULL ? "the path needs a slash" : dlerror());
		goto out;
	}
	/* POSIX: the object pointer of dlsym is a function pointer here. */
	*(void **)&entry = dlsym(p->handle, LANED_ADAPTER_SYMBOL);
	p->table = entry == NULL ? NULL : entry(LANED_ABI_MINOR);
	fault = table_fault(p->table);
	if (fault != NULL) {
		say(why, "%s", fault);
		goto out;
	}
	rc = 0;
	*ret_plugin = p;
	p = NULL;
out:
	plugin_free(p);
	return rc;
}

int
plugin_static(const struct laned_adapter *table, struct plugin **ret_plugin,
	      char why[PLUGIN_WHY_BYTES])
{
	const char *fault = table_fault(table);
	struct plugin *p;

	if (fault != NULL) {
		say(why, "%s", fault);
		return -EPROTO;
	}
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return -ENOMEM;
	p->table = table;
	*ret_plugin = p;
	return 0;
}

struct plugin *
plugin_free(struct plugin *p)
{
	if (p == NULL)
		return NULL;
	if (p->handle != NULL)
		(void)dlclose(p->handle); /* nothing of it is used any more */
	free(p);
	return NULL;
}

const struct laned_adapter *
plugin_table(const struct plugin *p)
{
	return p->table;
}

const struct plugin_elf *
plugin_elf(const struct plugin *p)
{
	return &p->elf;
}
