/* Reading configuration files. */
#include "base/conf_private.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* inih's own limit is 200, and it cuts silently; so longer lines never reach it. */
#define LINE_BYTES_MAX 180u
#define FILE_BYTES_MAX (1024 * 1024)
#define FILES_MAX 100u
#define PATH_BYTES 512u

struct loader {
	struct conf *conf;
	struct conf_errors *errors;
	FILE *stream;
	const char *file;
	unsigned file_no;
	uint32_t line;
	const char *section; /* NULL: unknown, or none yet */
	bool in_section;
	int rc; /* what ends the reading: no memory, a read error */
};

__attribute__((format(printf, 4, 5))) static void
complain(struct loader *ld, uint32_t line, const char *key, const char *fmt, ...)
{
	struct conf_errors *all = ld->errors;
	struct conf_error *e;
	va_list ap;

	if (all->total < UINT32_MAX)
		all->total++;
	if (all->count >= CONF_ERRORS_MAX)
		return;
	e = &all->list[all->count++];
	e->line = line;
	/* All three may be cut: they are for people. */
	(void)snprintf(e->file, sizeof(e->file), "%s", ld->file);
	(void)snprintf(e->key, sizeof(e->key), "%s", key);
	va_start(ap, fmt);
	(void)vsnprintf(e->what, sizeof(e->what), fmt, ap);
	va_end(ap);
}

void
conf_error_print(const struct conf_error *e, FILE *out)
{
	/* Nothing to do about a closed terminal. */
	(void)fprintf(out, "%s:", e->file);
	if (e->line != 0)
		(void)fprintf(out, "%u:", (unsigned)e->line);
	(void)fprintf(out, " %s%s%s\n", e->key, e->key[0] == '\0' ? "" : ": ", e->what);
}

/*
 * "; did you mean NAME?" with the nearest of the table's sections (section NULL) or of the keys of
 * section; nothing when none is near.
 */
static void
suggest(const struct conf *c, const char *section, const char *wrong, char *buf,
	size_t bytes)
{
	const char *best = NULL;
	unsigned best_distance = 1 + (unsigned)strlen(wrong) / 2;
	struct strbuf b;

	for (size_t i = 0; i < c->count; i++) {
		const struct conf_key *k = &c->table[i];
		const char *name = section == NULL ? k->section : k->name;
		unsigned distance;

		if (section != NULL && !conf_section_matches(k->section, str_of(section)))
			continue;
		distance = conf_distance(str_of(wrong), str_of(name));
		if (distance <= best_distance &&
		    (best == NULL || distance < best_distance)) {
			best = name;
			best_distance = distance;
		}
	}
	strbuf_init(&b, buf, bytes);
	if (best != NULL)
		strbuf_addf(&b, "; did you mean \"%s\"?", best);
	else
		strbuf_addf(&b, "; the manual page lists the known ones");
}

static void
on_section(struct loader *ld, struct str name)
{
	char wrong[LINE_BYTES_MAX + 1], hint[80];
	int rc = conf_section_get(ld->conf, name, &ld->section);

	if (rc == 0)
		return;
	(void)str_copy(wrong, sizeof(wrong), name); /* fits: it is part of a line */
	if (rc == -ENFILE) {
		complain(ld, ld->line, wrong, "more than %u sections of this kind",
			 CONF_INSTANCES_MAX);
	} else if (rc == -ENOENT) {
		suggest(ld->conf, NULL, wrong, hint, sizeof(hint));
		complain(ld, ld->line, wrong, "unknown section%s", hint);
	} else {
		ld->rc = rc;
	}
}

/* inih found "name = value"; the section is the reader's, which inih would cut. */
static int
on_value(void *user, const char *inih_section, const char *name, const char *value)
{
	struct loader *ld = user;
	char key[80], what[256], origin[PATH_BYTES];
	struct conf_entry *e;
	int64_t number;

	(void)inih_section;
	if (ld->section == NULL) {
		if (!ld->in_section)
			complain(ld, ld->line, name, "stands before the first [section]");
		return 1; /* the section was complained about */
	}
	(void)snprintf(key, sizeof(key), "[%s] %s", ld->section, name); /* for people */
	e = conf_entry_find(ld->conf, ld->section, name);
	if (e == NULL && conf_entry_find(ld->conf, ld->section, "*") != NULL)
		return 1; /* a key of somebody else, who checks it by a table of his own */
	if (e == NULL) {
		suggest(ld->conf, ld->section, name, what, sizeof(what));
		complain(ld, ld->line, key, "unknown key%.200s", what);
	} else if (e->file_no == ld->file_no) {
		complain(ld, ld->line, key, "is set twice in this file (first at %s)",
			 e->origin != NULL ? e->origin : "a wrong value");
	} else if (conf_value_parse(e->key, value, &number, what) < 0) {
		e->file_no = ld->file_no; /* one complaint is enough */
		complain(ld, ld->line, key, "%s", what);
	} else {
		/* A long path may be cut: it is for people. */
		(void)snprintf(origin, sizeof(origin), "%s:%u", ld->file, ld->line);
		e->file_no = ld->file_no;
		if (conf_entry_set(e, value, number, origin) < 0)
			ld->rc = -ENOMEM;
	}
	return 1;
}

/*
 * Reads one line without its end into line. Its length, cut to LINE_BYTES_MAX + 1; -1 at the end of
 * the file. Control characters make *ret_text false.
 */
static int
line_get(struct loader *ld, char line[LINE_BYTES_MAX + 2], bool *ret_text)
{
	int c = getc(ld->stream);
	unsigned n = 0;

	if (c == EOF) {
		if (!feof(ld->stream))
			ld->rc = -EIO;
		return -1;
	}
	*ret_text = true;
	for (; c != EOF && c != '\n'; c = getc(ld->stream)) {
		if ((c < ' ' && c != '\t' && c != '\r') || c == 127)
			*ret_text = false;
		if (n <= LINE_BYTES_MAX)
			line[n++] = (char)c;
	}
	if (n > 0 && n <= LINE_BYTES_MAX && line[n - 1] == '\r')
		n--;
	line[n] = '\0';
	return (int)n;
}

/* What is wrong with a line as such, or NULL. */
static const char *
line_wrong(const char *line, size_t n, bool text)
{
	if (n > LINE_BYTES_MAX)
		return "the line is longer than 180 bytes";
	if (!text || !str_utf8_ok((struct str){ line, n }))
		return "the line holds control characters or is not UTF-8";
	if (line[0] == ' ' || line[0] == '\t')
		return "the line begins with a blank; every name stands at the start of "
		       "its "
		       "line";
	if (line[0] == '[' && line[n - 1] != ']')
		return "a section is written [name] and alone on its line";
	if (line[0] != '[' && (strchr(line, '=') == NULL || line[0] == '=' ||
			       line[strcspn(line, ":=")] == ':'))
		return "neither a section nor \"name = value\"";
	return NULL;
}

/*
 * inih's reader: hands on only lines that inih understands as we do, the others (and sections,
 * which are done here) as empty ones, so that the count of lines stays right.
 */
static char *
read_line(char *out, int out_bytes, void *stream)
{
	struct loader *ld = stream;
	char buf[LINE_BYTES_MAX + 2], *line = buf;
	const char *wrong;
	bool text;
	int n;

	assert(out_bytes > (int)LINE_BYTES_MAX + 2);
	n = ld->rc == 0 ? line_get(ld, buf, &text) : -1;
	if (n < 0)
		return NULL;
	ld->line++;
	if (ld->line == 1 && n >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0) {
		line += 3; /* the mark some editors put before UTF-8 */
		n -= 3;
	}
	(void)snprintf(out, (size_t)out_bytes, "\n");
	if (strspn(line, " \t") == (size_t)n || line[0] == '#' || line[0] == ';')
		return out;
	while (n > 0 && n <= (int)LINE_BYTES_MAX &&
	       (line[n - 1] == ' ' || line[n - 1] == '\t'))
		line[--n] = '\0';
	wrong = line_wrong(line, (size_t)n, text);
	if (line[0] == '[') { /* what follows belongs to it even when it is wrong */
		ld->in_section = true;
		ld->section = NULL;
	}
	if (wrong != NULL)
		complain(ld, ld->line, "", "%s", wrong);
	else if (line[0] == '[')
		on_section(ld, (struct str){ line + 1, (size_t)n - 2 });
	else
		(void)snprintf(out, (size_t)out_bytes, "%s\n", line); /* fits: asserted */
	return out;
}

/* Reads one file, opened as fd (taken over). 0; -EINVAL no plain file; -EFBIG; other errno. */
static int
load_fd(struct loader *ld, int fd, const char *file)
{
	char buffer[BUFSIZ];
	struct stat st;
	int rc = 0;

	if (fstat(fd, &st) < 0)
		rc = -errno;
	else if (!S_ISREG(st.st_mode))
		rc = -EINVAL;
	else if (st.st_size > FILE_BYTES_MAX)
		rc = -EFBIG;
	ld->stream = rc == 0 ? fdopen(fd, "r") : NULL;
	if (ld->stream == NULL) {
		(void)close(fd); /* read only: nothing to lose */
		return rc < 0 ? rc : -ENOMEM;
	}
	/* Without memory for a buffer of its own, a stream would seem empty. */
	(void)setvbuf(ld->stream, buffer, _IOFBF, sizeof(buffer)); /* cannot fail */
	ld->file = file;
	ld->file_no++;
	ld->line = 0;
	ld->section = NULL;
	ld->in_section = false;
	rc = ini_parse_stream(read_line, ld, on_value, ld);
	if (rc > 0) /* cannot be, the reader saw it all; but never pass it over */
		complain(ld, (uint32_t)rc, "", "the line is not understood");
	(void)fclose(ld->stream); /* read only: nothing to lose */
	return ld->rc;
}

static int
name_order(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names *.conf of the folder, sorted; *ret_count of them. 0 or negative errno. */
static int
names_get(struct loader *ld, DIR *d, const char *dir, char *names[FILES_MAX],
	  size_t *ret_count)
{
	const struct dirent *entry;
	size_t count = 0;
	int rc = 0;

	while (rc == 0 && (errno = 0, entry = readdir(d)) != NULL) {
		size_t n = strlen(entry->d_name);

		if (entry->d_name[0] == '.' || n < 6 ||
		    strcmp(entry->d_name + n - 5, ".conf") != 0)
			continue;
		if (count == FILES_MAX) {
			ld->file = dir;
			complain(ld, 0, "", "more than %u files", FILES_MAX);
			break;
		}
		names[count] = strdup(entry->d_name);
		if (names[count] == NULL)
			rc = -ENOMEM;
		else
			count++;
	}
	if (rc == 0 && count < FILES_MAX && errno != 0)
		rc = -errno;
	qsort(names, count, sizeof(names[0]), name_order);
	*ret_count = count;
	return rc;
}

static int
load_name(struct loader *ld, DIR *d, const char *dir, const char *name)
{
	char path[PATH_BYTES];
	int fd, rc;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	/* O_NONBLOCK: opening a FIFO must not wait for its writer. */
	fd = openat(dirfd(d), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	rc = fd < 0 ? -errno : load_fd(ld, fd, path);
	if (rc == -ENOMEM || rc == -EIO || rc == 0)
		return rc;
	ld->file = path;
	complain(ld, 0, "", "%s",
		 rc == -EINVAL || rc == -ELOOP ? "is no plain file" : strerror(-rc));
	return 0;
}

static int
load_dir(struct loader *ld, const char *dir)
{
	DIR *d = opendir(dir);
	char *names[FILES_MAX];
	size_t count = 0;
	int rc;

	if (d == NULL)
		return errno == ENOENT ? 0 : -errno;
	rc = names_get(ld, d, dir, names, &count);
	for (size_t i = 0; i < count; i++) {
		if (rc == 0)
			rc = load_name(ld, d, dir, names[i]);
		free(names[i]);
	}
	(void)closedir(d); /* read only: nothing to lose */
	return rc;
}

/* Keys that must be set and are not. */
static void
check_missing(struct loader *ld, const char *main_file)
{
	ld->file = main_file;
	for (size_t i = 0; i < ld->conf->entries_count; i++) {
		const struct conf_entry *e = &ld->conf->entries[i];
		char key[80], allowed[160];

		if (e->text != NULL || e->file_no != 0 || conf_is_pattern(e->section))
			continue;
		conf_value_allowed(e->key, allowed, sizeof(allowed));
		/* May be cut: it is for people. */
		(void)snprintf(key, sizeof(key), "[%s] %s", e->section, e->key->name);
		complain(ld, 0, key, "must be set; right is %s", allowed);
	}
}

int
conf_load(const struct conf_key *table, size_t count, const char *file, const char *dir,
	  struct conf_errors *errors, struct conf **ret_conf)
{
	struct loader ld = { .errors = errors, .conf = conf_new(table, count) };
	int fd, rc;

	errors->total = errors->count = 0;
	if (ld.conf == NULL)
		return -ENOMEM;
	fd = open(file, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	rc = fd < 0 ? -errno : load_fd(&ld, fd, file);
	if (rc == 0 && dir != NULL)
		rc = load_dir(&ld, dir);
	if (rc == 0)
		check_missing(&ld, file);
	if (rc == 0 && errors->total > 0)
		rc = -EBADMSG;
	if (rc < 0) {
		conf_free(ld.conf);
		return rc;
	}
	*ret_conf = ld.conf;
	return 0;
}
