/* bio import, bio export: finger minutiae records of other systems. */
#include "ctl/ctl.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORD_BYTES_MAX (1u << 20)
#define PATH_BYTES_MAX 512u
#define NAME_BYTES 64u
#define CONSENT_BYTES_MAX 4096u
#define ARENA_BYTES 65536u

/* ---- the folder --------------------------------------------------------------------- */

/*
 * laned-bio's folder for records, which root and its own user may read: a record goes no other way,
 * and never over a socket.
 */
static int
open_folder(struct ctl *c, int *ret_dirfd)
{
	const char *state = conf_str(c->conf, "paths", "bio_state");
	char path[PATH_BYTES_MAX];

	if (snprintf(path, sizeof(path), "%s/transfer", state) >= (int)sizeof(path))
		return ctl_fail(CTL_CONFIG, "[paths] bio_state is too long");
	*ret_dirfd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*ret_dirfd >= 0)
		return 0;
	if (errno == EACCES)
		return ctl_fail(CTL_DENIED,
				"%s: records are for root and laned-bio alone", path);
	return ctl_fail(CTL_INTERNAL, "%s: %s%s", path, strerror(errno),
			errno == ENOENT ? "; has laned-bio been started?" : "");
}

static int
write_all(int fd, const char *data, size_t bytes)
{
	while (bytes > 0) {
		ssize_t n = write(fd, data, bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		bytes -= (size_t)n;
	}
	return 0;
}

/* A new file for its owner alone. 0 or a negative errno; then there is none. */
static int
put_new(int dirfd, const char *name, const char *data, size_t bytes)
{
	struct stat folder;
	int fd, rc = 0;

	fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    S_IRUSR | S_IWUSR);
	if (fd < 0)
		return -errno;
	/* Root puts it there for laned-bio to read. */
	if (dirfd != AT_FDCWD && geteuid() == 0 &&
	    (fstat(dirfd, &folder) < 0 || fchown(fd, folder.st_uid, folder.st_gid) < 0))
		rc = -errno;
	if (rc == 0)
		rc = write_all(fd, data, bytes);
	if (close(fd) < 0 && rc == 0)
		rc = -errno;
	if (rc < 0)
		(void)unlinkat(dirfd, name, 0); /* the first error is the one to tell */
	return rc;
}

/* Copies a record into the folder under a name of its own. 0 or an exit code, said. */
static int
put_record(const char *path, int dirfd, char name[NAME_BYTES])
{
	char id[ULID_TEXT_BYTES];
	struct ulid ulid;
	size_t bytes = 0;
	char *data = NULL;
	int rc = ctl_read_file(path, RECORD_BYTES_MAX, &data, &bytes);

	if (rc != 0)
		return rc;
	rc = crypto_ulid(clock_wall_ms(), &ulid);
	if (rc == 0) {
		ulid_text(id, ulid);
		(void)snprintf(name, NAME_BYTES, "import-%s.fmr", id); /* fits */
		rc = put_new(dirfd, name, data, bytes);
	}
	secret_zero(data, bytes); /* a template does not linger */
	free(data);
	return rc == 0 ? 0
		       : ctl_fail(CTL_INTERNAL, "%s: cannot be handed over: %s", path,
				  strerror(-rc));
}

/* ---- what a record holds ------------------------------------------------------------ */

static const char *
standard_of(const struct value *v)
{
	return strcmp(ctl_text(v, "format"), "iso") == 0 ? "ISO/IEC 19794-2:2005"
							 : "ANSI INCITS 378-2004";
}

static void
print_fingers(const struct value *v)
{
	const struct value *list = NULL;

	if (value_get_array(v, "fingers", &list) < 0)
		return;
	for (const struct value *f = list->first; f != NULL; f = f->next) {
		printf("  finger %lld: %lld minutiae, quality %lld, %s",
		       (long long)ctl_int(f, "finger"), (long long)ctl_int(f, "minutiae"),
		       (long long)ctl_int(f, "quality"),
		       ctl_bool(f, "exact") ? "as recorded" : "consolidated");
		if (ctl_int(f, "views") > 1)
			printf(" of %lld views", (long long)ctl_int(f, "views"));
		if (ctl_int(f, "extended_bytes") > 0)
			printf("; %lld bytes of extended data are left out",
			       (long long)ctl_int(f, "extended_bytes"));
		putchar('\n');
	}
}

/* The answer to a record: what is in it, or what is wrong with it. */
static int
print_record(struct ctl *c, const char *path, const struct value *v)
{
	const struct value *fault = NULL;
	bool wrong = value_get_object(v, "fault", &fault) == 0;
	int rc;

	if (c->json) {
		rc = ctl_print_json(c, v);
		return rc != 0 ? rc : wrong ? CTL_DATA : CTL_OK;
	}
	if (wrong && value_member(fault, "offset") != NULL)
		return ctl_fail(CTL_DATA, "%s: byte %lld: %s", path,
				(long long)ctl_int(fault, "offset"),
				ctl_text(fault, "what"));
	if (wrong)
		return ctl_fail(CTL_DATA, "%s: %s", path, ctl_text(fault, "what"));
	printf("%s: %s, %lld x %lld px at %lld x %lld px/cm, %lld views%s\n", path,
	       standard_of(v), (long long)ctl_int(v, "width"),
	       (long long)ctl_int(v, "height"), (long long)ctl_int(v, "x_px_per_cm"),
	       (long long)ctl_int(v, "y_px_per_cm"), (long long)ctl_int(v, "views"),
	       value_member(v, "references") != NULL ? ": imported" : "");
	print_fingers(v);
	return CTL_OK;
}

/* ---- bio import --------------------------------------------------------------------- */

struct import {
	bool check;
	const char *member;
	int64_t finger;              /* 0: the records tell */
	struct arena *arena;         /* of the consent */
	const struct value *consent; /* NULL when only checking */
};

/* The consent's options, read once for all files. */
static int
read_consent(struct ctl *c, struct import *im, int *argc, char **argv)
{
	struct json_out *o = json_out_new(CONSENT_BYTES_MAX);
	const struct value *v = NULL;
	struct str text;
	int rc;

	im->arena = arena_new(ARENA_BYTES);
	json_open_object(o, NULL);
	rc = ctl_put_consent(c, o, argc, argv);
	json_close(o);
	if (rc == 0 && (o == NULL || im->arena == NULL || json_out_text(o, &text) < 0 ||
			json_parse(im->arena, text, 0, &v, NULL) < 0 ||
			value_get_object(v, "consent", &im->consent) < 0))
		rc = ctl_fail(CTL_INTERNAL, "the consent cannot be written");
	(void)json_out_free(o);
	return rc;
}

static int
ask_for(struct ctl *c, const struct import *im, const char *name,
	const struct value **ret_value)
{
	struct json_out *o = ctl_params(c);

	if (o == NULL)
		return ctl_fail(CTL_INTERNAL, "out of memory");
	json_cstr(o, "file", name);
	if (im->finger != 0)
		json_int(o, "finger", im->finger);
	if (im->check)
		return ctl_ask(c, "bio.record", o, ret_value);
	json_cstr(o, "member", im->member);
	json_value(o, "consent", im->consent);
	return ctl_ask(c, "bio.import", o, ret_value);
}

static int
import_file(struct ctl *c, const struct import *im, const char *path)
{
	const struct value *v = NULL;
	char name[NAME_BYTES];
	int dirfd = -1, rc = open_folder(c, &dirfd);

	if (rc != 0)
		return rc;
	rc = put_record(path, dirfd, name);
	if (rc == 0) {
		rc = ask_for(c, im, name, &v);
		(void)unlinkat(dirfd, name, 0); /* read and removed, as a rule */
	}
	(void)close(dirfd); /* a folder */
	return rc != 0 ? rc : print_record(c, path, v);
}

static int
import_usage(void)
{
	return ctl_fail(CTL_USAGE,
			"usage: lanectl bio import --member NUMBER --consent-text FILE "
			"--consent-version V --signed [--finger P] RECORD...\n"
			"       lanectl bio import --check [--finger P] RECORD...");
}

/* Takes what is left of the options. 0 or an exit code, said. */
static int
parse_import(struct ctl *c, struct import *im, int *argc, char **argv)
{
	const char *finger = ctl_option(argc, argv, "--finger");

	im->check = ctl_flag(argc, argv, "--check");
	im->member = ctl_option(argc, argv, "--member");
	if (finger != NULL && (str_to_i64(str_of(finger), &im->finger) < 0 ||
			       im->finger < 1 || im->finger > 10))
		return ctl_fail(CTL_USAGE,
				"--finger: 1-5 right thumb to little finger, 6-10 left");
	if (im->check != (im->member == NULL))
		return import_usage();
	return im->check ? 0 : read_consent(c, im, argc, argv);
}

static int
run_import(struct ctl *c, int argc, char **argv)
{
	struct import im = { .check = false };
	int worst = CTL_OK, rc = ctl_conf(c);

	if (rc == 0)
		rc = parse_import(c, &im, &argc, argv);
	if (rc == 0 && (argc < 1 || argv[0][0] == '-'))
		rc = import_usage();
	for (int i = 0; rc == 0 && i < argc; i++) {
		rc = import_file(c, &im, argv[i]);
		if (im.check && rc == CTL_DATA) { /* the others are looked at, too */
			worst = rc;
			rc = 0;
		}
	}
	arena_free(im.arena);
	return rc != 0 ? rc : worst;
}

/* ---- bio export --------------------------------------------------------------------- */

/* A file of the folder: root follows no other name, whoever gave it. */
static bool
is_plain(const char *name)
{
	return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL;
}

/* Takes the record laned-bio wrote out of its folder. */
static int
fetch(int dirfd, const char *name, const char *path)
{
	char *data = malloc(RECORD_BYTES_MAX);
	size_t bytes = 0;
	ssize_t n = 1;
	int fd, rc = data == NULL ? -ENOMEM : 0;

	fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		rc = -errno;
	while (rc == 0 && n != 0 && bytes < RECORD_BYTES_MAX) {
		n = read(fd, data + bytes, RECORD_BYTES_MAX - bytes);
		if (n < 0 && errno != EINTR)
			rc = -errno;
		bytes += n > 0 ? (size_t)n : 0;
	}
	if (fd >= 0)
		(void)close(fd);        /* read only */
	(void)unlinkat(dirfd, name, 0); /* taken, or of no use */
	if (rc == 0)
		rc = put_new(AT_FDCWD, path, data, bytes);
	if (data != NULL)
		secret_zero(data, bytes);
	free(data);
	return rc == 0 ? 0 : ctl_fail(CTL_INTERNAL, "%s: %s", path, strerror(-rc));
}

static int
export_to(struct ctl *c, int dirfd, struct json_out *params, const char *path)
{
	const struct value *v = NULL;
	char name[NAME_BYTES];
	int rc = ctl_ask(c, "bio.export", params, &v);

	if (rc != 0)
		return rc;
	if (str_copy(name, sizeof(name), str_of(ctl_text(v, "file"))) < 0 ||
	    !is_plain(name))
		return ctl_fail(CTL_INTERNAL, "laned-bio named no file");
	rc = fetch(dirfd, name, path);
	if (rc != 0 || c->json)
		return rc != 0 ? rc : ctl_print_json(c, v);
	printf("%s: %s, %s\n", path, standard_of(v),
	       ctl_bool(v, "exact") ? "minutiae as they were imported"
				    : "minutiae at 500 dpi");
	print_fingers(v);
	return CTL_OK;
}

static int
run_export(struct ctl *c, int argc, char **argv)
{
	const char *member = ctl_option(&argc, argv, "--member");
	const char *format = ctl_option(&argc, argv, "--format");
	int dirfd = -1, rc = ctl_conf(c);
	struct json_out *o;

	if (rc != 0)
		return rc;
	if (member == NULL || argc != 1 || argv[0][0] == '-')
		return ctl_fail(CTL_USAGE, "usage: lanectl bio export --member NUMBER "
					   "[--format iso|ansi] FILE");
	if (access(argv[0], F_OK) == 0)
		return ctl_fail(CTL_DATA, "%s: exists already", argv[0]);
	rc = open_folder(c, &dirfd);
	if (rc != 0)
		return rc;
	o = ctl_params(c);
	json_cstr(o, "member", member);
	if (format != NULL)
		json_cstr(o, "format", format);
	rc = o == NULL ? ctl_fail(CTL_INTERNAL, "out of memory")
		       : export_to(c, dirfd, o, argv[0]);
	(void)close(dirfd); /* a folder */
	return rc;
}

const struct ctl_command ctl_template_commands[] = {
	{ "bio import", "--member N --consent-text F ... RECORD...",
	  "fingers from records of another system", run_import },
	{ "bio export", "--member N [--format iso|ansi] FILE",
	  "a member's fingers as a record", run_export },
	{ NULL, NULL, NULL, NULL },
};
