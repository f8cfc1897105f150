/* lane.doctor: the readers, one check each, by laned-bio's status and the configuration. */
#include "lane/lane_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CHECK "readers"
#define TEXT_BYTES 640u /* more than all that is put into one: nothing is cut */
#define ADVICE_BYTES 640u
#define SECTION_BYTES 48u
/* A few of each are a day's life; so many are a bad cable, plug, port or hub. */
#define REPLUGS_MANY 5
#define RESETS_MANY 5
#define ERRORS_MANY 20
#define ERRORS_PER_CAPTURE_MANY 5 /* one failure in so many captures */

__attribute__((format(printf, 3, 4))) static void
say(char *buf, size_t bytes, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(buf, bytes, fmt, ap); /* the sizes above are enough */
	va_end(ap);
}

static int64_t
count_of(const struct value *v, const char *name)
{
	int64_t n = 0;

	(void)value_get_int(v, name, 0, INT64_MAX, &n); /* missing is 0 */
	return n;
}

/* "reader front is ready: U.are.U 4500 at 1-4.2" */
static void
describe(char text[TEXT_BYTES], const struct reader_seen *r, const char *what)
{
	say(text, TEXT_BYTES, "reader %s is %s%s%s%s%s", r->name, what,
	    r->model[0] == '\0' ? "" : ": ", r->model, r->port[0] == '\0' ? "" : " at ",
	    r->port);
}

/* ---- a reader that works ------------------------------------------------------ */

static void
check_working(struct json_out *o, const struct reader_seen *r, const struct value *v)
{
	int64_t captures = count_of(v, "captures"), errors = count_of(v, "errors");
	int64_t resets = count_of(v, "resets"), replugs = count_of(v, "replugs");
	bool often = errors >= ERRORS_MANY && errors > captures / ERRORS_PER_CAPTURE_MANY;
	char text[TEXT_BYTES];

	if (strcmp(r->hint, "clean-the-glass") == 0) {
		describe(text, r, "dirty");
		doctor_put(o, CHECK, HEALTH_WARN, text,
			   "clean its glass with a soft, slightly damp cloth");
	} else if (strcmp(r->hint, "finger-rests") == 0) {
		describe(text, r, "covered");
		doctor_put(o, CHECK, HEALTH_WARN, text,
			   "take away what lies on it; nobody can touch meanwhile");
	} else if (often || resets >= RESETS_MANY || replugs >= REPLUGS_MANY) {
		say(text, sizeof(text),
		    "reader %s works badly: %lld captures, %lld errors, %lld resets, "
		    "%lld re-plugs",
		    r->name, (long long)captures, (long long)errors, (long long)resets,
		    (long long)replugs);
		doctor_put(o, CHECK, HEALTH_WARN, text,
			   "try another cable and a port of the machine itself, without "
			   "a hub; then another reader");
	} else {
		describe(text, r, "ready");
		doctor_put(o, CHECK, HEALTH_OK, text, NULL);
	}
}

/* ---- a reader that does not ------------------------------------------------------ */

/* The first that fits is told; an empty driver or why fits all. */
static const struct {
	const char *driver, *why, *what, *advice;
} faults[] = {
	{ "file", "denied", "not to be read",
	  "laned-bio's user must be able to read its folder" },
	{ "zfm", "denied", "may not be opened",
	  "laned-bio's user must be in the group of the device (ls -l), or a device rule "
	  "must give "
	  "it to the group laned-bio; then restart laned-bio" },
	{ "", "denied", "may not be opened",
	  "the device rule gives it to laned-bio's group: is it installed? udevadm "
	  "trigger "
	  "--subsystem-match=usb, or unplug it and plug it in again" },
	{ "zfm", "busy", "used by another program",
	  "ModemManager and gpsd take serial lines: let them leave this one alone" },
	{ "", "busy", "used by another program",
	  "fprintd is the usual one: systemctl disable --now fprintd, or remove it" },
	{ "zfm", "no-answer", "not answering",
	  "are baud, address and password of its section right? Is the module powered? "
	  "Unplug it and plug it in again" },
	{ "", "misconfigured", "not as its section says",
	  "correct device, password or address in its [reader:NAME] section; the log "
	  "says "
	  "which; then restart laned-bio" },
	{ "", "no-answer", "not answering, and reset again and again",
	  "unplug it and plug it in again; then another cable, a port without a hub, "
	  "another reader" },
	{ "", "", "faulty",
	  "journalctl -u laned-bio says why. Permission: is the device rule installed "
	  "(udevadm "
	  "trigger)? Busy: another program has it, often fprintd. Else unplug it and "
	  "plug "
	  "it in again" },
};

static bool
fits(const char *wanted_word, const char *word)
{
	return wanted_word[0] == '\0' || strcmp(wanted_word, word) == 0;
}

static void
check_faulty(struct json_out *o, const struct reader_seen *r)
{
	char text[TEXT_BYTES];
	size_t i = 0;

	while (!fits(faults[i].driver, r->driver) || !fits(faults[i].why, r->why))
		i++; /* the last one fits all */
	describe(text, r, faults[i].what);
	doctor_put(o, CHECK, HEALTH_WARN, text, faults[i].advice);
}

/* The first attached device of a driver that no reader uses. */
static bool
find_unused(const struct value *bio, const char *driver, struct reader_seen *ret_found)
{
	const struct value *list;

	if (value_get_array(bio, "attached", &list) < 0)
		return false;
	for (const struct value *v = list->first; v != NULL; v = v->next) {
		readers_get(ret_found, v);
		if (strcmp(ret_found->driver, driver) == 0 &&
		    value_member(v, "reader") == NULL)
			return true;
	}
	return false;
}

/* A key of [reader:NAME]; "" for a reader that the configuration has no more. */
static const char *
wanted(const struct lane *l, const struct reader_seen *r, const char *key)
{
	char section[SECTION_BYTES];
	const char *name;

	for (size_t i = 0; (name = conf_instance(l->live, "reader:*", i)) != NULL; i++)
		if (strcmp(name, r->name) == 0) {
			say(section, sizeof(section), "reader:%s", name);
			return conf_str(l->live, section, key);
		}
	return "";
}

/* What [reader:NAME] asks for, by port or serial number, is not what is there. */
static void
advise_mismatch(struct lane *l, const struct reader_seen *r, const struct value *bio,
		char advice[ADVICE_BYTES])
{
	const char *port = wanted(l, r, "port"), *serial = wanted(l, r, "serial");
	char asked[ADVICE_BYTES];
	struct reader_seen other;

	say(asked, sizeof(asked), "%s%s%s%s%s", port[0] == '\0' ? "" : "port ", port,
	    port[0] != '\0' && serial[0] != '\0' ? " and " : "",
	    serial[0] == '\0' ? "" : "serial number ", serial);
	if (asked[0] == '\0')
		say(advice, ADVICE_BYTES,
		    "plug it in; else try another cable and port. lsusb lists what the "
		    "machine sees, docs/readers.md what is supported");
	else if (find_unused(bio, r->driver, &other))
		say(advice, ADVICE_BYTES,
		    "[reader:%s] wants %s, and attached is %s at %s, serial number %s: "
		    "plug "
		    "it in there, or correct the section and restart laned-bio",
		    r->name, asked, other.model[0] == '\0' ? "a reader" : other.model,
		    other.port, other.serial[0] == '\0' ? "none" : other.serial);
	else
		say(advice, ADVICE_BYTES, "plug it in; [reader:%s] wants %s", r->name,
		    asked);
}

static void
check_absent(struct lane *l, struct json_out *o, const struct reader_seen *r,
	     const struct value *bio)
{
	char text[TEXT_BYTES], advice[ADVICE_BYTES];

	if (strcmp(r->driver, "file") == 0)
		say(advice, sizeof(advice),
		    "its folder %s must be there, and readable for laned-bio",
		    wanted(l, r, "folder"));
	else if (strcmp(r->driver, "zfm") == 0)
		say(advice, sizeof(advice),
		    "is the module at %s? Plug it in, or correct device of [reader:%s] "
		    "and "
		    "restart laned-bio",
		    wanted(l, r, "device"), r->name);
	else
		advise_mismatch(l, r, bio, advice);
	describe(text, r, "absent");
	doctor_put(o, CHECK, HEALTH_WARN, text, advice);
}

/* ---- all of them -------------------------------------------------------------------- */

static void
check_reader(struct lane *l, struct json_out *o, const struct value *v,
	     const struct value *bio)
{
	struct reader_seen r;

	readers_get(&r, v);
	if (strcmp(r.state, "ready") == 0 || strcmp(r.state, "capturing") == 0)
		check_working(o, &r, v);
	else if (strcmp(r.state, "absent") == 0)
		check_absent(l, o, &r, bio);
	else
		check_faulty(o, &r);
}

static bool
is_listed(const struct value *list, const char *name)
{
	struct reader_seen r;

	for (const struct value *v = list->first; v != NULL; v = v->next) {
		readers_get(&r, v);
		if (strcmp(r.name, name) == 0)
			return true;
	}
	return false;
}

/* Sections that laned-bio does not know: it reads them at start. */
static void
check_sections(struct lane *l, struct json_out *o, const struct value *list)
{
	char text[TEXT_BYTES];
	const char *name;

	for (size_t i = 0; (name = conf_instance(l->live, "reader:*", i)) != NULL; i++) {
		if (is_listed(list, name))
			continue;
		say(text, sizeof(text), "laned-bio knows nothing of [reader:%s]", name);
		doctor_put(o, CHECK, HEALTH_WARN, text, "systemctl restart laned-bio");
	}
}

static void
check_unused(struct json_out *o, const struct value *bio)
{
	char text[TEXT_BYTES], advice[ADVICE_BYTES];
	const struct value *list;
	struct reader_seen r;

	if (value_get_array(bio, "attached", &list) < 0)
		return;
	for (const struct value *v = list->first; v != NULL; v = v->next) {
		if (value_member(v, "reader") != NULL)
			continue;
		readers_get(&r, v);
		say(text, sizeof(text), "%s at %s is attached and not used",
		    r.model[0] == '\0' ? "a reader" : r.model,
		    r.port[0] == '\0' ? "?" : r.port);
		say(advice, sizeof(advice),
		    "add a section [reader:NAME] with driver = %s and %s = %s, then "
		    "restart "
		    "laned-bio; or unplug it",
		    r.driver, strcmp(r.driver, "zfm") == 0 ? "device" : "port", r.port);
		doctor_put(o, CHECK, HEALTH_WARN, text, advice);
	}
}

void
doctor_readers(struct lane *l, struct json_out *o, const struct value *bio)
{
	const struct value *list;

	if (l->bio.peer == NULL) {
		doctor_put(o, CHECK, HEALTH_WARN, "nothing is known of the readers",
			   "they are laned-bio's: see there");
		return;
	}
	if (value_get_array(bio, "readers", &list) < 0) {
		doctor_put(o, CHECK, HEALTH_WARN,
			   "laned-bio does not tell of its readers",
			   "systemctl restart laned-bio; then lanectl readers");
		return;
	}
	if (list->count == 0 && conf_instance(l->live, "reader:*", 0) == NULL)
		doctor_put(o, CHECK, HEALTH_WARN, "no reader is configured",
			   "add a section [reader:NAME]; lanectl readers shows what is "
			   "attached");
	for (const struct value *v = list->first; v != NULL; v = v->next)
		check_reader(l, o, v, bio);
	check_sections(l, o, list);
	check_unused(o, bio);
}
