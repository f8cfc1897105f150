#include "base/keys.h"

#include "base/clock.h"
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_MS (INT64_C(60) * 1000)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)
#define PATH_BYTES_MAX 255

#define TEXT(sec, key, bytes, def, help, reload)                                         \
	{                                                                                \
		sec, key, CONF_STRING, 0, bytes, def, NULL, help, reload                 \
	}
#define FOLDER(sec, key, def, help)                                                      \
	{                                                                                \
		sec, key, CONF_PATH, 1, PATH_BYTES_MAX, def, NULL, help, false           \
	}
#define CHOICE(sec, key, def, choices, help, reload)                                     \
	{                                                                                \
		sec, key, CONF_ENUM, 0, 0, def, choices, help, reload                    \
	}
#define NUMBER(sec, key, min, max, def, help, reload)                                    \
	{                                                                                \
		sec, key, CONF_INT, min, max, def, NULL, help, reload                    \
	}
#define SPAN(sec, key, min, max, def, help, reload)                                      \
	{                                                                                \
		sec, key, CONF_DURATION, min, max, def, NULL, help, reload               \
	}
#define AMOUNT(sec, key, max, def, help)                                                 \
	{                                                                                \
		sec, key, CONF_MONEY, 0, max, def, NULL, help, true                      \
	}
#define RATE(sec, key, max, def, help)                                                   \
	{                                                                                \
		sec, key, CONF_RATE, 1, max, def, NULL, help, true                       \
	}

const struct conf_key keys_table[] = {
	TEXT("lane", "name", 32, "lane-1", "The lane's name, unique in the store.",
	     false),
	TEXT("lane", "store", 32, "store-1", "The store's name, unique in the chain.",
	     false),
	CHOICE("lane", "environment", "test", "live|test",
	       "Fixed at provisioning and stamped in every database; the two never mix.",
	       false),
	TEXT("lane", "currency", 3, "EUR", "ISO 4217 code of the lane's one currency.",
	     false),
	TEXT("lane", "timezone", 64, "",
	     "The store's time zone, such as Europe/Tallinn. "
	     "Empty: the system's.",
	     false),
	NUMBER("lane", "business_day_start", 0, 1439, "0",
	       "Minutes after local midnight at which the business day begins.", false),
	TEXT("lane", "language", 8, "en",
	     "The lane's language where the member's is not known.", true),
	FOLDER("paths", "run", LANED_RUNDIR, "Where the sockets are."),
	FOLDER("paths", "state", LANED_STATEDIR "/laned",
	       "Folder of cache.db and journal.db."),
	FOLDER("paths", "bio_state", LANED_STATEDIR "/laned-bio",
	       "Folder of gallery.db and, without a systemd credential, gallery.key."),
	FOLDER("paths", "adapters", LANED_ADAPTERDIR, "Folder of the adapter plug-ins."),
	FOLDER("paths", "receipt_keys", LANED_SYSCONFDIR "/receipt.keys",
	       "List of the public keys of the retailer's lanes, whose receipts goods "
	       "are "
	       "taken back by; it may be missing."),
	CHOICE("log", "level", "info", "err|warning|notice|info|debug",
	       "The least that is logged.", true),
	CHOICE("privacy", "profile", "unset", "unset|us_strict|us_tx|us_other|eu|none",
	       "The law the lane is run under. There is no default: while it is unset, "
	       "laned-bio does "
	       "not start and the lane sells without it.",
	       false),
	CHOICE("privacy", "sensor", "auto", "auto|always|claim",
	       "When the sensor is lit. claim: after the total, when somebody with a "
	       "release "
	       "on file has said who they are by card, phone or QR, and only to compare "
	       "with "
	       "them. always: whoever touches is looked for. auto: what the profile asks "
	       "for.",
	       false),
	SPAN("privacy", "sensor_max", 1000, 10 * MINUTE_MS, "60s",
	     "How long one claim lights the sensor at most, where the claim comes first.",
	     false),
	NUMBER("bio", "references_max", 2, 2000000, "60000",
	       "Most references held in memory, one for each enrolled finger. Beyond it "
	       "members "
	       "are asked for a claim, and a touch alone does not pay.",
	       false),
	NUMBER("bio", "gallery_memory", 1, 65536, "2048",
	       "The same in MiB of memory: whichever is reached first.", false),
	RATE("bio", "fpir", 100000000, "1e-3",
	     "Target false-positive identification rate of one search of the whole "
	     "gallery."),
	RATE("bio", "verify_fmr", 100000000, "1e-4",
	     "Target false match rate of a claim: one to one, with all references of the "
	     "member."),
	NUMBER("bio", "margin_db", 0, 60, "10",
	       "By how many dB the best subject must beat the second one.", true),
	NUMBER("bio", "quality_min", 0, 100, "15",
	       "A sample below this quality is asked for again.", true),
	CHOICE("bio", "guard", "default", "default|on",
	       "Back-off and lock-out after repeated failures, and refusal of pictures "
	       "that were "
	       "here before; default: on in the live environment, off in the test one.",
	       false),
	NUMBER("bio", "enrol_quality_min", 0, 100, "25",
	       "An impression below this quality is not enrolled.", true),
	NUMBER("bio", "enrol_fingers", 1, 4, "2", "Fingers of one enrolment.", true),
	NUMBER("bio", "enrol_impressions", 1, 5, "3", "Impressions of each finger.",
	       true),
	CHOICE("reader:*", "driver", "file", "file|usb|zfm",
	       "usb: a reader of the U.are.U family. zfm: a ZFM-20, R30x or R503 module "
	       "on a serial line. file: images from a folder, in the test environment "
	       "only.",
	       false),
	FOLDER("reader:*", "folder", "/var/lib/laned-bio/present",
	       "Driver file: the folder whose images `lanectl present` names."),
	TEXT("reader:*", "port", 63, "",
	     "Driver usb: only the device at this place of the bus, such as 1-4.2.",
	     false),
	TEXT("reader:*", "serial", 63, "",
	     "Driver usb: only the device with this serial number.", false),
	FOLDER("reader:*", "device", "/dev/ttyACM0", "Driver zfm: the serial line."),
	CHOICE("reader:*", "baud", "auto", "auto|9600|19200|38400|57600|115200",
	       "Driver zfm: the line's rate; auto tries them all. A module at another "
	       "rate is "
	       "told to use the one given.",
	       false),
	TEXT("reader:*", "address", 8, "ffffffff",
	     "Driver zfm: the module's address, 8 hex digits.", false),
	TEXT("reader:*", "password", 8, "00000000",
	     "Driver zfm: the module's password, 8 hex digits.", false),
	CHOICE("reader:*", "invert", "default", "default|no|yes",
	       "Whether the picture comes with light ridges; default: as the driver's "
	       "table says.",
	       false),
	CHOICE("reader:*", "rotate", "default", "default|no|yes",
	       "Whether the sensor is built in upside down; default: as the driver's "
	       "table says.",
	       false),
	NUMBER("reader:*", "dpi", 0, 1200, "0",
	       "Resolution of the pictures, 250 to 1200; 0: the driver's own.", false),
	CHOICE("pricing", "price", "ours", "ours|pos",
	       "Who decides the price: our engine, or the POS that is told the member's "
	       "number.",
	       false),
	NUMBER("pricing", "nodes_max", 1000, 100000000, "200000",
	       "Search budget of one pricing; beyond it the price says that it is not "
	       "proven.",
	       true),
	AMOUNT("payment", "touch_limit", 100000000, "50.00",
	       "Most that a touch alone pays in one checkout."),
	AMOUNT("payment", "touch_day_limit", 100000000, "100.00",
	       "Most that touches alone pay for one member in a business day."),
	SPAN("payment", "sending_max", 1000, 10 * MINUTE_MS, "60s",
	     "No answer for so long makes a payment unknown.", true),
	SPAN("payment", "tender_wait", 1000, 5 * MINUTE_MS, "20s",
	     "What a POS asks for waits so long for the shopper's touch; then the real "
	     "terminal has it.",
	     true),
	SPAN("payment", "query_first", 1000, 10 * MINUTE_MS, "5s",
	     "So long after a doubt a payment is asked about; then after twice as long, "
	     "and so on.",
	     true),
	SPAN("payment", "query_max", 1000, HOUR_MS, "60s",
	     "The longest wait between two questions, and between two tries of an undo: "
	     "never shorter than query_first.",
	     true),
	SPAN("payment", "unknown_max", 10000, DAY_MS, "15min",
	     "An unknown payment older than this is undone.", true),
	SPAN("payment", "approved_max", 1000, HOUR_MS, "120s",
	     "An approval that the POS does not take for so long is undone.", true),
	SPAN("payment", "undo_alarm", 10000, DAY_MS, "15min",
	     "An undo without success for so long raises an alarm.", true),
	NUMBER("payment", "undo_alarm_tries", 1, 1000, "10",
	       "An undo without success after so many tries raises it, too.", true),
	SPAN("payment", "journal_keep", DAY_MS, 4000 * DAY_MS, "400d",
	     "How long finished checkouts stay in the journal.", true),
	SPAN("checkout", "idle_max", MINUTE_MS, DAY_MS, "30min",
	     "A checkout without any event for so long is ended.", true),
	SPAN("checkout", "checkin_max", 1000, HOUR_MS, "60s",
	     "A member who touched first is forgotten after so long without an item.",
	     true),
	CHOICE("adapter:*", "enabled", "yes", "yes|no",
	       "Whether laned expects this adapter. One that stands between a POS and a "
	       "terminal joins the two while it is switched off.",
	       false),
	TEXT("adapter:*", "plugin", 64, "",
	     "The plug-in's name; empty: the section's name.", false),
	CHOICE("adapter:*", "seccomp", "enforce", "enforce|log|off",
	       "What happens on a system call outside the host's list.", false),
	SPAN("adapter:*", "call_limit", 100, MINUTE_MS, "10s",
	     "A call into the plug-in that does not return for so long ends the "
	     "process, which is then started again.",
	     false),
	TEXT("adapter:*", "pos", 160, "",
	     "Of an adapter that poses as a terminal: where the POS connects. "
	     "tcp://HOST:PORT, "
	     "tls://, serial:///dev/NAME?9600,8N1 or unix:/path; allow=NET+NET: whose "
	     "connections are taken (else this machine's only).",
	     false),
	TEXT("adapter:*", "terminal", 160, "",
	     "Of such an adapter: the real terminal, to which the POS is joined when "
	     "laned or "
	     "the plug-in cannot serve it.",
	     false),
	CHOICE("adapter:*", "framing", "connection",
	       "connection|zvt|zvt-serial|length2|length4",
	       "How the host tells where a transaction ends. connection: one connection "
	       "is "
	       "one transaction. The others watch the headers of frames and serve a POS "
	       "that "
	       "keeps its connection.",
	       false),
	TEXT("adapter:*", "*", 160, "",
	     "Any option of the plug-in, see its options.json.", false),
};
const size_t keys_count = sizeof(keys_table) / sizeof(keys_table[0]);

/* Which drivers look at a key of [reader:NAME]; the rest is for all of them. */
static const struct {
	const char *name, *drivers;
} reader_keys[] = {
	{ "folder", "file" },  { "port", "usb" },       { "serial", "usb" },
	{ "device", "zfm" },   { "baud", "zfm" },       { "address", "zfm" },
	{ "password", "zfm" }, { "invert", "usb zfm" }, { "rotate", "usb zfm" },
};

/*
 * What a profile allows at most, beside the default in keys_table; a number is as the key's type
 * keeps it, and a choice is the one that is too loose.
 */
static const struct {
	const char *profile, *section, *name;
	int64_t max;
	const char *loose, *most;
} profile_maxima[] = {
	{ "us_strict", "privacy", "sensor", 0, "always", "claim" },
	{ "us_tx", "privacy", "sensor", 0, "always", "claim" },
	{ "eu", "privacy", "sensor", 0, "always", "claim" },
	{ "us_strict", "privacy", "sensor_max", 2 * MINUTE_MS, NULL, "2min" },
	{ "us_tx", "privacy", "sensor_max", 2 * MINUTE_MS, NULL, "2min" },
	{ "eu", "privacy", "sensor_max", MINUTE_MS, NULL, "60s" },
	{ "us_strict", "bio", "verify_fmr", 1000000, NULL, "1e-3" },
	{ "us_tx", "bio", "verify_fmr", 1000000, NULL, "1e-3" },
	{ "eu", "bio", "verify_fmr", 100000, NULL, "1e-4" },
	{ "us_other", "bio", "verify_fmr", 10000000, NULL, "1e-2" },
	{ "us_other", "bio", "fpir", 10000000, NULL, "1e-2" },
};

/* An error of a key whose origin is "FILE:LINE", or "default". NULL: there is no room for more. */
static struct conf_error *
add_error(struct conf_errors *errors, const char *section, const char *name,
	  const char *origin)
{
	struct conf_error *e = &errors->list[errors->count];
	const char *colon = strrchr(origin, ':');
	struct str file = str_of(origin);
	int64_t line = 0;

	errors->total++;
	if (errors->count == CONF_ERRORS_MAX)
		return NULL;
	errors->count++;
	memset(e, 0, sizeof(*e));
	if (colon != NULL && str_to_i64(str_of(colon + 1), &line) == 0)
		file.n = (size_t)(colon - origin);
	(void)str_copy(e->file, sizeof(e->file), file); /* as long as paths are here */
	e->line = (uint32_t)line;
	(void)snprintf(e->key, sizeof(e->key), "[%s] %s", section, name); /* fits */
	return e;
}

static void
add_too_loose(struct conf_errors *errors, size_t i, const char *profile,
	      const char *origin)
{
	struct conf_error *e = add_error(errors, profile_maxima[i].section,
					 profile_maxima[i].name, origin);

	if (e == NULL)
		return;
	(void)snprintf(
		e->what, sizeof(e->what),
		"looser than [privacy] profile = %s allows; right is %s or stricter",
		profile, profile_maxima[i].most); /* fits */
}

int
keys_check_profile(const struct conf *conf, struct conf_errors *errors)
{
	const char *profile = conf_str(conf, "privacy", "profile");
	int rc = 0;

	for (size_t i = 0; i < sizeof(profile_maxima) / sizeof(profile_maxima[0]); i++) {
		const char *section = profile_maxima[i].section;
		const char *name = profile_maxima[i].name;
		const char *loose = profile_maxima[i].loose;

		if (strcmp(profile, profile_maxima[i].profile) != 0)
			continue;
		if (loose != NULL
			    ? strcmp(conf_str(conf, section, name), loose) != 0
			    : conf_int(conf, section, name) <= profile_maxima[i].max)
			continue;
		add_too_loose(errors, i, profile, conf_origin(conf, section, name));
		rc = -EBADMSG;
	}
	return rc;
}

int
keys_check_zone(const struct conf *conf, struct conf_errors *errors)
{
	const char *zone = conf_str(conf, "lane", "timezone");
	struct conf_error *e;
	int32_t offset_s;

	if (clock_zone_offset(zone, 0, &offset_s) == 0)
		return 0;
	e = add_error(errors, "lane", "timezone", conf_origin(conf, "lane", "timezone"));
	if (e != NULL) /* What does not fit is cut. */
		(void)snprintf(
			e->what, sizeof(e->what),
			"\"%s\" is no time zone of this machine; right is one below "
			"/usr/share/zoneinfo, such as Europe/Tallinn",
			zone);
	return -EBADMSG;
}

bool
keys_claim_first(const struct conf *conf)
{
	const char *sensor = conf_str(conf, "privacy", "sensor");
	const char *profile = conf_str(conf, "privacy", "profile");

	if (strcmp(sensor, "auto") != 0)
		return strcmp(sensor, "claim") == 0;
	return strcmp(profile, "us_strict") == 0 || strcmp(profile, "us_tx") == 0 ||
	       strcmp(profile, "eu") == 0;
}

void
keys_meaningless(const struct conf *conf,
		 void (*fn)(void *ctx, const char *origin, const char *section,
			    const char *key, const char *driver),
		 void *ctx)
{
	char section[64];
	const char *name;

	for (size_t i = 0; (name = conf_instance(conf, "reader:*", i)) != NULL; i++) {
		const char *driver;

		(void)snprintf(section, sizeof(section), "reader:%s", name); /* short */
		driver = conf_str(conf, section, "driver");
		for (size_t k = 0; k < sizeof(reader_keys) / sizeof(reader_keys[0]);
		     k++) {
			const char *key = reader_keys[k].name;
			const char *origin = conf_origin(conf, section, key);

			if (strcmp(origin, "default") != 0 &&
			    strstr(reader_keys[k].drivers, driver) == NULL)
				fn(ctx, origin, section, key, driver);
		}
	}
}

void
keys_print_meaningless(void *ctx, const char *origin, const char *section,
		       const char *key, const char *driver)
{
	(void)fprintf(ctx, "%s: warning: [%s] %s means nothing with driver = %s\n",
		      origin, section, key,
		      driver); /* nothing to do about a closed terminal */
}

void
keys_paths(const char *file_given, char file[KEYS_PATH_BYTES], char dir[KEYS_PATH_BYTES])
{
	const char *env_file = getenv("LANED_CONF");
	const char *env_dir = getenv("LANED_CONF_DIR");
	const char *f =
		file_given != NULL
			? file_given
			: (env_file != NULL ? env_file : LANED_SYSCONFDIR "/laned.conf");

	if (str_copy(file, KEYS_PATH_BYTES, str_of(f)) < 0)
		file[0] = '\0'; /* no such file: the error names it as missing */
	if (env_dir == NULL && file_given == NULL && env_file == NULL)
		env_dir = LANED_SYSCONFDIR "/conf.d";
	if (str_copy(dir, KEYS_PATH_BYTES, str_of(env_dir)) < 0)
		dir[0] = '\0';
}

static void
print_errors(const struct conf_errors *errors)
{
	for (uint32_t i = 0; i < errors->count; i++)
		conf_error_print(&errors->list[i], stderr);
	if (errors->total > errors->count)
		fprintf(stderr, "... and %u more\n",
			(unsigned)(errors->total - errors->count));
}

int
keys_load(const char *file_given, struct conf **ret_conf)
{
	struct conf *conf = NULL;
	struct conf_errors *errors = calloc(1, sizeof(*errors));
	char file[KEYS_PATH_BYTES], dir[KEYS_PATH_BYTES];
	int rc;

	if (errors == NULL)
		return -ENOMEM;
	keys_paths(file_given, file, dir);
	rc = conf_load(keys_table, keys_count, file, dir[0] == '\0' ? NULL : dir, errors,
		       &conf);
	if (rc == 0)
		rc = keys_check_profile(conf, errors);
	if (rc == -EBADMSG)
		print_errors(errors);
	else if (rc < 0)
		fprintf(stderr, "%s: %s%s\n", file, strerror(-rc),
			rc == -ENOENT ? "; --conf FILE or LANED_CONF names another one"
				      : "");
	free(errors);
	if (rc == 0)
		*ret_conf = conf;
	else
		conf_free(conf);
	return rc;
}
