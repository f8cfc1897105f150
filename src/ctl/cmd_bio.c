/* enrol, identify, present, bio report. */
#include "ctl/ctl.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define IMAGE_BYTES_MAX (8u << 20)
#define TEXT_BYTES_MAX (1u << 20)

/* ---- present -------------------------------------------------------------------- */

/* The folder of the first `file` reader. NULL, said, when there is none. */
static const char *
reader_folder(struct ctl *c)
{
	char section[64];
	const char *name;

	for (size_t i = 0; (name = conf_instance(c->conf, "reader:*", i)) != NULL; i++) {
		(void)snprintf(section, sizeof(section), "reader:%s", name); /* short */
		if (strcmp(conf_str(c->conf, section, "driver"), "file") == 0)
			return conf_str(c->conf, section, "folder");
	}
	(void)ctl_fail(CTL_CONFIG, "no [reader:NAME] has driver = file");
	return NULL;
}

/* The image into the reader's folder, under its own base name. */
static int
copy_image(const char *path, const char *folder, const char *base)
{
	size_t bytes = 0;
	char *data = NULL;
	int dirfd, rc = ctl_read_file(path, IMAGE_BYTES_MAX, &data, &bytes);

	if (rc != 0)
		return rc;
	dirfd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0) {
		rc = ctl_fail(CTL_INTERNAL, "%s: %s", folder, strerror(errno));
	} else {
		int put = files_put(dirfd, base, (struct str){ data, bytes }, 0644);

		if (put < 0)
			rc = ctl_fail(CTL_INTERNAL, "%s/%s: %s", folder, base,
				      strerror(-put));
		(void)close(dirfd); /* a folder */
	}
	memset(data, 0, bytes); /* a finger's image does not linger */
	free(data);
	return rc;
}

/* The image lies in the reader's folder already: it is neither copied nor removed. */
static bool
is_in_place(const char *path, const char *folder, const char *base)
{
	struct stat given, there;
	int dirfd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool same = dirfd >= 0 && stat(path, &given) == 0 &&
		    fstatat(dirfd, base, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
		    given.st_dev == there.st_dev && given.st_ino == there.st_ino;

	if (dirfd >= 0)
		(void)close(dirfd); /* a folder */
	return same;
}

static void
remove_image(const char *folder, const char *base)
{
	int dirfd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dirfd < 0)
		return;
	(void)files_remove(dirfd, base); /* what stays is overwritten next time */
	(void)close(dirfd);              /* a folder */
}

/* Shows one image; *ret_value is valid until the next ask. 0 or an exit code, said. */
static int
present(struct ctl *c, const char *path, const struct value **ret_value)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash == NULL ? path : slash + 1;
	const char *folder;
	struct json_out *o;
	bool in_place;
	int rc = ctl_conf(c);

	if (rc != 0)
		return rc;
	folder = reader_folder(c);
	if (folder == NULL)
		return CTL_CONFIG;
	in_place = is_in_place(path, folder, base);
	rc = in_place ? 0 : copy_image(path, folder, base);
	if (rc != 0)
		return rc;
	o = ctl_params(c);
	if (o == NULL)
		return ctl_fail(CTL_INTERNAL, "out of memory");
	json_cstr(o, "file", base);
	rc = ctl_ask(c, "bio.present", o, ret_value);
	if (!in_place)
		remove_image(folder, base);
	return rc;
}

static int
run_present(struct ctl *c, int argc, char **argv)
{
	const struct value *v = NULL;
	int rc;

	if (argc != 1)
		return ctl_fail(CTL_USAGE, "usage: lanectl present IMAGE");
	rc = present(c, argv[0], &v);
	if (rc == 0 && c->json)
		return ctl_print_json(c, v);
	return rc;
}

/* ---- identify ------------------------------------------------------------------- */

static int
run_identify(struct ctl *c, int argc, char **argv)
{
	const struct value *v = NULL;
	bool accepted;
	int rc;

	(void)argv;
	if (argc != 0)
		return ctl_fail(CTL_USAGE, "usage: lanectl identify");
	if (!c->json)
		fprintf(stderr, "touch the reader...\n");
	rc = ctl_ask(c, "bio.identify", NULL, &v);
	if (rc != 0)
		return rc;
	accepted = strcmp(ctl_text(v, "outcome"), "accept") == 0;
	if (c->json) {
		rc = ctl_print_json(c, v);
		return rc != 0 ? rc : (accepted ? CTL_OK : CTL_NO);
	}
	printf("%s%s%s\n", ctl_text(v, "outcome"), accepted ? ": member " : "",
	       accepted ? ctl_text(v, "number") : "");
	return accepted ? CTL_OK : CTL_NO;
}

/* ---- enrol ------------------------------------------------------------------------ */

struct enrolment {
	struct ctl *c;
	bool complete, failed, judged;
};

/* "finger 1, impression 2: retry (quality 12): too small; too-dry, few-minutiae" */
static void
print_progress(const struct value *p)
{
	const struct value *hints = NULL;
	const char *outcome = ctl_text(p, "outcome"), *between = "; ";

	printf("finger %lld%s%s, impression %lld: %s (quality %lld)%s%s",
	       (long long)ctl_int(p, "finger"),
	       value_member(p, "position") != NULL ? ", " : "", ctl_text(p, "position"),
	       (long long)ctl_int(p, "impression"),
	       strcmp(outcome, "hold") == 0 ? "hold still" : outcome,
	       (long long)ctl_int(p, "quality"),
	       value_member(p, "why") != NULL ? ": " : "",
	       value_member(p, "why") != NULL ? ctl_text(p, "why") : "");
	if (value_get_array(p, "hints", &hints) == 0)
		for (const struct value *h = hints->first; h != NULL; h = h->next) {
			if (h->kind != VALUE_STRING)
				continue;
			printf("%s%.*s", between, (int)h->s.n, h->s.p);
			between = ", ";
		}
	putchar('\n');
	if (value_member(p, "next") != NULL &&
	    strcmp(ctl_text(p, "next"), ctl_text(p, "position")) != 0)
		printf("now the %s finger\n", ctl_text(p, "next"));
}

/* "right-index,left-thumb": the fingers to be enrolled; which are right laned-bio knows. */
static void
put_fingers(struct json_out *o, const char *list)
{
	struct str rest = str_of(list);

	json_open_array(o, "fingers");
	while (rest.n > 0) {
		const char *comma = memchr(rest.p, ',', rest.n);
		size_t n = comma == NULL ? rest.n : (size_t)(comma - rest.p);

		json_str(o, NULL, (struct str){ rest.p, n });
		rest.p += n + (comma != NULL);
		rest.n -= n + (comma != NULL);
	}
	json_close(o);
}

/* Which fingers will be asked for, in which order. */
static void
print_asked(const struct value *v)
{
	const struct value *list = NULL;

	if (value_get_array(v, "fingers", &list) < 0 || list->first == NULL)
		return;
	printf("touch with:");
	for (const struct value *f = list->first; f != NULL; f = f->next)
		if (f->kind == VALUE_STRING)
			printf(" %.*s%s", (int)f->s.n, f->s.p,
			       f->next != NULL ? "," : "");
	printf("; %lld times each\n", (long long)ctl_int(v, "impressions"));
	(void)fflush(stdout);
}

static void
on_progress(void *ctx, const char *method, const struct value *p)
{
	struct enrolment *e = ctx;
	const char *outcome = ctl_text(p, "outcome");

	if (strcmp(method, "enrol.progress") != 0)
		return;
	/* "hold": the finger is still being looked at; what it is comes next. */
	e->judged = e->judged || strcmp(outcome, "hold") != 0;
	e->complete = strcmp(outcome, "complete") == 0;
	e->failed = strcmp(outcome, "duplicate") == 0;
	if (e->c->json)
		(void)ctl_print_json(e->c, p); /* a closed terminal ends us by itself */
	else
		print_progress(p);
	(void)fflush(stdout);
}

static bool
is_judged(void *ctx)
{
	const struct enrolment *e = ctx;

	return e->judged;
}

static bool
is_over(void *ctx)
{
	const struct enrolment *e = ctx;

	return e->complete || e->failed;
}

int
ctl_put_consent(struct ctl *c, struct json_out *o, int *argc, char **argv)
{
	const char *path = ctl_option(argc, argv, "--consent-text");
	const char *version = ctl_option(argc, argv, "--consent-version");
	const char *language = ctl_option(argc, argv, "--language");
	const char *staff = ctl_option(argc, argv, "--staff");
	uint8_t digest[CRYPTO_SHA256_BYTES];
	char hex[2 * CRYPTO_SHA256_BYTES + 1], now[RFC3339_BYTES];
	size_t bytes = 0;
	char *data = NULL;
	int rc;

	if (path == NULL || version == NULL || !ctl_flag(argc, argv, "--signed"))
		return ctl_fail(CTL_USAGE,
				"--consent-text FILE --consent-version V --signed are "
				"wanted: no finger is taken without a signed consent");
	rc = ctl_read_file(path, TEXT_BYTES_MAX, &data, &bytes);
	if (rc != 0)
		return rc;
	rc = crypto_sha256(data, bytes, digest);
	free(data);
	if (rc < 0 || hex_encode(hex, sizeof(hex), digest, sizeof(digest)) < 0)
		return ctl_fail(CTL_INTERNAL, "%s: cannot be hashed", path);
	rfc3339_text(now, clock_wall_ms());
	json_open_object(o, "consent");
	json_cstr(o, "text_version", version);
	json_cstr(o, "text_sha256", hex);
	json_cstr(o, "language",
		  language == NULL ? conf_str(c->conf, "lane", "language") : language);
	json_open_array(o, "purposes");
	json_cstr(o, NULL, "identify");
	json_cstr(o, NULL, "discounts");
	if (ctl_flag(argc, argv, "--payment"))
		json_cstr(o, NULL, "payment");
	json_close(o);
	json_int(o, "retention_days", 365);
	json_cstr(o, "time", now);
	json_cstr(o, "lane", conf_str(c->conf, "lane", "name"));
	json_cstr(o, "method", "lanectl");
	json_cstr(o, "staff", staff == NULL ? "" : staff);
	json_cstr(o, "profile", conf_str(c->conf, "privacy", "profile"));
	json_close(o);
	return 0;
}

/* Presents the given images one by one (test environment), or waits for the reader. */
static int
take_impressions(struct ctl *c, struct enrolment *e, int argc, char **argv)
{
	const struct value *v = NULL;
	int rc = 0;

	if (argc == 0) {
		fprintf(stderr, "touch the reader, as the display says...\n");
		return ctl_wait(c, is_over);
	}
	for (int i = 0; rc == 0 && i < argc && !is_over(e); i++) {
		e->judged = false;
		rc = present(c, argv[i], &v);
		if (rc == 0)
			rc = ctl_wait(c, is_judged);
	}
	return rc;
}

static int
finish(struct ctl *c, const char *session, bool commit)
{
	const struct value *v = NULL;
	struct json_out *o = ctl_params(c);
	int rc;

	if (o == NULL)
		return ctl_fail(CTL_INTERNAL, "out of memory");
	json_cstr(o, "session", session);
	rc = ctl_ask(c, commit ? "enrol.commit" : "enrol.cancel", o, &v);
	if (rc != 0 || !commit)
		return rc;
	if (c->json)
		return ctl_print_json(c, v);
	printf("enrolled: %lld references\n", (long long)ctl_int(v, "references"));
	return CTL_OK;
}

/* Begins, takes the impressions, commits or cancels. What is left in argv are images. */
static int
enrol_member(struct enrolment *e, const char *member, int argc, char **argv)
{
	struct ctl *c = e->c;
	const struct value *v = NULL;
	const char *fingers = ctl_option(&argc, argv, "--fingers");
	char session[ULID_TEXT_BYTES];
	struct json_out *o = ctl_params(c);
	int rc;

	if (o == NULL)
		return ctl_fail(CTL_INTERNAL, "out of memory");
	json_cstr(o, "member", member);
	if (fingers != NULL)
		put_fingers(o, fingers);
	rc = ctl_put_consent(c, o, &argc, argv);
	if (rc == 0)
		rc = ctl_ask(c, "enrol.begin", o, &v);
	if (rc != 0)
		return rc;
	(void)str_copy(session, sizeof(session),
		       str_of(ctl_text(v, "session"))); /* a ulid */
	if (!c->json)
		print_asked(v);
	rc = take_impressions(c, e, argc, argv);
	if (rc == 0 && e->complete)
		return finish(c, session, true);
	if (!c->lost)
		(void)finish(c, session, false); /* the first fault is the one to tell */
	if (rc != 0)
		return rc;
	return ctl_fail(CTL_NO, "not enrolled: %s",
			e->failed ? "this finger is enrolled already"
				  : "not enough good impressions");
}

/* While e lives, notifications go to it. */
static void
listen_to(struct ctl *c, struct enrolment *e)
{
	c->on_notify = e == NULL ? NULL : on_progress;
	c->notify_ctx = e;
}

static int
run_enrol(struct ctl *c, int argc, char **argv)
{
	struct enrolment e = { .c = c };
	const char *member = ctl_option(&argc, argv, "--member");
	int rc;

	if (member == NULL)
		return ctl_fail(CTL_USAGE,
				"usage: lanectl enrol --member NUMBER "
				"--consent-text FILE --consent-version V --signed "
				"[--fingers NAME,NAME] [IMAGE...]");
	rc = ctl_conf(c);
	if (rc != 0)
		return rc;
	listen_to(c, &e);
	rc = enrol_member(&e, member, argc, argv);
	listen_to(c, NULL);
	return rc;
}

/* ---- bio report -------------------------------------------------------------------- */

#define PPB 1e9

/* A rate in parts per billion as a share; one of very few is given as a power of ten. */
static void
print_share(int64_t ppb)
{
	if (ppb >= 10000000 || ppb == 0)
		printf("%.1f %%", (double)ppb * 100 / PPB);
	else
		printf("%.1e", (double)ppb / PPB);
}

static const struct value *
part_of(const struct value *v, const char *name)
{
	const struct value *part = NULL;

	(void)value_get_object(v, name, &part); /* missing: its members are missing too */
	return part;
}

static void
print_fpir(const struct value *fpir)
{
	const struct value *c = part_of(fpir, "calibration");
	const struct value *s = part_of(fpir, "searches");

	printf("false-positive identification rate (FPIR)\n  configured           ");
	print_share(ctl_int(fpir, "target_ppb"));
	printf(", threshold %.1f dB\n  by the calibration   at most ",
	       (double)ctl_int(fpir, "threshold_db_100") / 100);
	print_share(ctl_int(c, "bound_ppb"));
	printf("%s: %s\n  by %" PRId64 " real searches  ",
	       ctl_bool(c, "extrapolated") ? " (extrapolated)" : "",
	       ctl_bool(c, "met") ? "met" : "NOT MET", ctl_int(s, "count"));
	printf("at most ");
	print_share(ctl_int(s, "bound_ppb"));
	printf("%s, %" PRId64 " reached the threshold: %s\n",
	       ctl_bool(s, "extrapolated") ? " (extrapolated)" : "",
	       ctl_int(s, "reached"),
	       ctl_bool(s, "refuted") ? "CONTRADICT the calibration"
	       : ctl_bool(s, "met")   ? "met"
				      : "too few to show it alone");
}

static void
print_rates(const struct value *v)
{
	const struct value *list = NULL;

	if (value_get_array(v, "rates", &list) < 0)
		return;
	printf("\n%-22s %9s %9s   %s\n", "RATE", "COUNT", "OF", "95 % INTERVAL");
	for (const struct value *r = list->first; r != NULL; r = r->next) {
		printf("%-22s %9" PRId64 " %9" PRId64 "   ", ctl_text(r, "name"),
		       ctl_int(r, "count"), ctl_int(r, "of"));
		if (ctl_int(r, "of") == 0) {
			puts("-");
			continue;
		}
		print_share(ctl_int(r, "low_ppb"));
		printf(" .. ");
		print_share(ctl_int(r, "high_ppb"));
		putchar('\n');
	}
}

static void
print_decisions(const struct value *v)
{
	const struct value *list = NULL;

	if (value_get_array(v, "decisions", &list) == 0 && list->count > 0) {
		printf("\n%-10s %-10s %-16s %9s\n", "ASKED", "OUTCOME", "WHY", "COUNT");
		for (const struct value *d = list->first; d != NULL; d = d->next)
			printf("%-10s %-10s %-16s %9" PRId64 "\n", ctl_text(d, "kind"),
			       ctl_text(d, "outcome"), ctl_text(d, "why"),
			       ctl_int(d, "count"));
	}
	if (value_get_array(v, "quality", &list) == 0) {
		int from = 0;

		printf("\nquality ");
		for (const struct value *n = list->first; n != NULL; n = n->next) {
			printf(" %d+: %" PRId64, from, n->kind == VALUE_INT ? n->i : 0);
			from += 10;
		}
		putchar('\n');
	}
}

static void
print_guard(const struct value *g)
{
	if (!ctl_bool(g, "on"))
		puts("back-off, lock-out, replays: not watched (test environment)");
	else if (ctl_bool(g, "code_wanted"))
		puts("too many failures: a search code is asked for");
	else if (ctl_int(g, "wait_s") > 0)
		printf("back-off: nothing is compared for %" PRId64 " s\n",
		       ctl_int(g, "wait_s"));
}

static int
run_report(struct ctl *c, int argc, char **argv)
{
	const struct value *v = NULL, *gallery;
	int rc;

	(void)argv;
	if (argc != 0)
		return ctl_fail(CTL_USAGE, "usage: lanectl bio report");
	rc = ctl_ask(c, "bio.report", NULL, &v);
	if (rc != 0)
		return rc;
	if (c->json)
		return ctl_print_json(c, v);
	gallery = part_of(v, "gallery");
	printf("gallery: %" PRId64 " subjects, %" PRId64 " references",
	       ctl_int(gallery, "subjects"), ctl_int(gallery, "references"));
	if (ctl_int(gallery, "foreign") > 0)
		printf(" (%" PRId64 " of other systems: they do not pay by touch alone)",
		       ctl_int(gallery, "foreign"));
	printf("%s\n", ctl_bool(gallery, "searchable") ? "" : ", not all of them loaded");
	print_fpir(part_of(v, "fpir"));
	printf("a touch alone pays: %s\n", ctl_bool(v, "pay_by_touch")
						   ? "yes, up to the limits of [payment]"
						   : "no, a claim is wanted");
	print_guard(part_of(v, "guard"));
	printf("\nthe last %" PRId64 " days: %" PRId64 " touches\n", ctl_int(v, "days"),
	       ctl_int(v, "touches"));
	print_rates(v);
	print_decisions(v);
	return fflush(stdout) == 0 ? CTL_OK : CTL_INTERNAL; /* nobody reads any more */
}

const struct ctl_command ctl_bio_commands[] = {
	{ "enrol", "--member N --consent-text F ... [IMAGE...]",
	  "enrol a member's fingers", run_enrol },
	{ "identify", "", "who is it? the next touch, outside a checkout", run_identify },
	{ "bio report", "",
	  "error rates, their bounds, and whether a touch alone may pay", run_report },
	{ "present", "IMAGE", "show an image to the file reader (test environment)",
	  run_present },
	{ NULL, NULL, NULL, NULL },
};
