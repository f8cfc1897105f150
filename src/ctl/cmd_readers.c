/* readers: what is attached, what drives it, since when, and what it counted. */
#include "ctl/ctl.h"

#include "base/plain/caltime.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CELL_BYTES 80u
#define MINUTE_S 60
#define HOUR_S (60 * MINUTE_S)
#define DAY_S (24 * HOUR_S)

/* Those that are texts come first. */
enum cell_kind { CELL_TEXT, CELL_MODEL, CELL_STATE, CELL_SINCE, CELL_FOR, CELL_COUNT };

static const struct column {
	const char *title, *member;
	enum cell_kind kind;
} columns[] = {
	{ "NAME", "name", CELL_TEXT },          { "DRIVER", "driver", CELL_TEXT },
	{ "MODEL", "model", CELL_MODEL },       { "PORT", "port", CELL_TEXT },
	{ "SERIAL", "serial", CELL_TEXT },      { "STATE", "state", CELL_STATE },
	{ "SINCE", "since", CELL_SINCE },       { "FOR", "since", CELL_FOR },
	{ "CAPTURES", "captures", CELL_COUNT }, { "ERRORS", "errors", CELL_COUNT },
	{ "RESETS", "resets", CELL_COUNT },     { "RE-PLUGS", "replugs", CELL_COUNT },
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

/* ---- one cell ------------------------------------------------------------------- */

/* The time called name in v. false: none. */
static bool
get_time(const struct value *v, const char *name, int64_t *ret_ms)
{
	struct str text;

	return value_get_str(v, name, RFC3339_BYTES, &text) == 0 &&
	       rfc3339_parse(text, ret_ms, NULL) == 0;
}

static void
write_local(char *buf, size_t bytes, int64_t wall_ms)
{
	time_t t = (time_t)(wall_ms / 1000);
	struct tm local;

	if (localtime_r(&t, &local) == NULL ||
	    strftime(buf, bytes, "%Y-%m-%d %H:%M:%S", &local) == 0)
		(void)str_copy(buf, bytes, STR("-")); /* fits */
}

/* The two largest units: "3 d 4 h", "5 min 10 s", "7 s". */
static void
write_span(char *buf, size_t bytes, int64_t s)
{
	if (s < 0)
		s = 0; /* the clock was set meanwhile */
	if (s >= DAY_S)
		(void)snprintf(buf, bytes, "%" PRId64 " d %" PRId64 " h", s / DAY_S,
			       s % DAY_S / HOUR_S);
	else if (s >= HOUR_S)
		(void)snprintf(buf, bytes, "%" PRId64 " h %" PRId64 " min", s / HOUR_S,
			       s % HOUR_S / MINUTE_S);
	else if (s >= MINUTE_S)
		(void)snprintf(buf, bytes, "%" PRId64 " min %" PRId64 " s", s / MINUTE_S,
			       s % MINUTE_S);
	else
		(void)snprintf(buf, bytes, "%" PRId64 " s", s);
}

static void
write_cell(char buf[CELL_BYTES], const struct column *c, const struct value *v,
	   int64_t now_ms)
{
	bool has_id = value_member(v, "id") != NULL;
	int64_t since_ms = 0;

	(void)str_copy(buf, CELL_BYTES, STR("-")); /* fits */
	if (c->kind == CELL_COUNT)
		(void)snprintf(buf, CELL_BYTES, "%" PRId64, ctl_int(v, c->member));
	else if (c->kind == CELL_MODEL && has_id)
		(void)snprintf(buf, CELL_BYTES, "%.63s (%.12s)", ctl_text(v, c->member),
			       ctl_text(v, "id"));
	else if (c->kind == CELL_STATE && value_member(v, "why") != NULL)
		(void)snprintf(buf, CELL_BYTES, "%.32s: %.32s", ctl_text(v, c->member),
			       ctl_text(v, "why"));
	else if (c->kind <= CELL_STATE)
		(void)snprintf(buf, CELL_BYTES, "%.79s", ctl_text(v, c->member));
	else if (!get_time(v, c->member, &since_ms))
		return;
	else if (c->kind == CELL_SINCE)
		write_local(buf, CELL_BYTES, since_ms);
	else
		write_span(buf, CELL_BYTES, (now_ms - since_ms) / 1000);
}

/* ---- the table ---------------------------------------------------------------------- */

static void
print_table(const struct value *readers, int64_t now_ms)
{
	size_t width[COLUMNS];
	char cell[CELL_BYTES];

	for (size_t i = 0; i < COLUMNS; i++) {
		width[i] = strlen(columns[i].title);
		for (const struct value *v = readers->first; v != NULL; v = v->next) {
			write_cell(cell, &columns[i], v, now_ms);
			if (strlen(cell) > width[i])
				width[i] = strlen(cell);
		}
	}
	for (size_t i = 0; i < COLUMNS; i++)
		printf("%-*s%s", i + 1 < COLUMNS ? (int)width[i] : 0, columns[i].title,
		       i + 1 < COLUMNS ? "  " : "\n");
	for (const struct value *v = readers->first; v != NULL; v = v->next)
		for (size_t i = 0; i < COLUMNS; i++) {
			write_cell(cell, &columns[i], v, now_ms);
			printf("%-*s%s", i + 1 < COLUMNS ? (int)width[i] : 0, cell,
			       i + 1 < COLUMNS ? "  " : "\n");
		}
}

static const struct {
	const char *hint, *text;
} hints[] = {
	{ "clean-the-glass", "clean the glass" },
	{ "finger-rests", "something lies on it and does not leave; take it away" },
};

static void
print_hints(const struct value *readers)
{
	for (const struct value *v = readers->first; v != NULL; v = v->next)
		for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
			if (strcmp(ctl_text(v, "hint"), hints[i].hint) == 0)
				printf("\n%s: %s\n", ctl_text(v, "name"), hints[i].text);
}

/* What is attached and no section uses, and the section that would. */
static void
print_unused(const struct value *attached)
{
	bool any = false;

	for (const struct value *v = attached->first; v != NULL; v = v->next) {
		const char *driver = ctl_text(v, "driver");
		char cell[CELL_BYTES];

		if (value_member(v, "reader") != NULL)
			continue;
		write_cell(cell, &columns[2], v, 0);
		printf("\nattached and not used: %s at %s%s%s\n", cell,
		       ctl_text(v, "port"),
		       value_member(v, "serial") == NULL ? "" : ", serial number ",
		       value_member(v, "serial") == NULL ? "" : ctl_text(v, "serial"));
		printf("    [reader:NAME]\n    driver = %s\n    %s = %s\n", driver,
		       strcmp(driver, "zfm") == 0 ? "device" : "port",
		       ctl_text(v, "port"));
		any = true;
	}
	if (any)
		puts("\nTo use it, put such a section into the configuration (see "
		     "laned.conf(5)),\nthen: systemctl restart laned-bio");
}

static int
print_readers(const struct value *v)
{
	const struct value *readers = NULL, *attached = NULL;
	int64_t now_ms = 0;

	if (value_get_array(v, "readers", &readers) < 0 ||
	    value_get_array(v, "attached", &attached) < 0 || !get_time(v, "now", &now_ms))
		return ctl_fail(CTL_INTERNAL, "laned's answer has no readers");
	if (readers->count == 0)
		puts("no reader is configured; see [reader:NAME] in laned.conf(5)");
	else
		print_table(readers, now_ms);
	print_hints(readers);
	print_unused(attached);
	return CTL_OK;
}

/* ---- the command ------------------------------------------------------------------------ */

static int
show_readers(struct ctl *c)
{
	const struct value *v = NULL;
	int rc = ctl_ask(c, "lane.readers", NULL, &v);

	if (rc == 0)
		rc = c->json ? ctl_print_json(c, v) : print_readers(v);
	if (fflush(stdout) != 0 && rc == 0)
		rc = CTL_INTERNAL; /* nobody reads any more */
	return rc;
}

struct watch {
	bool changed;
};

static void
on_changed(void *ctx, const char *method, const struct value *params)
{
	struct watch *w = ctx;

	(void)params;
	w->changed = w->changed || strcmp(method, "lane.changed") == 0;
}

static bool
has_changed(void *ctx)
{
	const struct watch *w = ctx;

	return w->changed;
}

/* While w lives, notifications go to it. */
static void
listen_to(struct ctl *c, struct watch *w)
{
	c->on_notify = w == NULL ? NULL : on_changed;
	c->notify_ctx = w;
}

/* Once now and at every change, until interrupted; laned-bio may come and go meanwhile. */
static int
watch_readers(struct ctl *c)
{
	const struct value *v = NULL;
	struct watch w = { false };
	int rc;

	listen_to(c, &w);
	rc = ctl_ask(c, "lane.watch", NULL, &v);
	while (rc == 0) {
		rc = ctl_wait(c, has_changed);
		w.changed = false;
		if (rc == 0)
			rc = show_readers(c);
		if (rc == CTL_NO)
			rc = CTL_OK; /* it said why; the next change shows them again */
		if (rc == 0 && !c->json)
			putchar('\n');
	}
	listen_to(c, NULL);
	return rc;
}

static int
run_readers(struct ctl *c, int argc, char **argv)
{
	bool watch = ctl_flag(&argc, argv, "--watch");

	if (argc != 0)
		return ctl_fail(CTL_USAGE, "usage: lanectl readers [--watch]");
	return watch ? watch_readers(c) : show_readers(c);
}

const struct ctl_command ctl_reader_commands[] = {
	{ "readers", "[--watch]",
	  "the readers: attached, used by what, since when, counters", run_readers },
	{ NULL, NULL, NULL, NULL },
};
