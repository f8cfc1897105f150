/* The readers that the configuration names: opened, opened again, closed. */
#include "bio/service_private.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What could not be opened is tried again so often; a driver of hotplug never comes here. */
#define OPEN_AGAIN_MS 5000
#define SECTION_BYTES 64u

static enum reader_setting
read_setting(const struct conf *c, const char *section, const char *name)
{
	const char *text = conf_str(c, section, name);

	if (strcmp(text, "default") == 0)
		return READER_DEFAULT;
	return strcmp(text, "yes") == 0 ? READER_YES : READER_NO;
}

/* 8 hex digits as a number. */
static int
read_hex32(const struct conf *c, const char *section, const char *name, uint32_t *ret_n)
{
	uint8_t bytes[4];

	if (hex_decode(bytes, sizeof(bytes), str_of(conf_str(c, section, name))) < 0) {
		log_err("%s: [%s] %s is not 8 hex digits", conf_origin(c, section, name),
			section, name);
		return -EINVAL;
	}
	*ret_n = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
		 (uint32_t)bytes[2] << 8 | bytes[3];
	return 0;
}

/* "auto" is 0. */
static uint32_t
read_baud(const struct conf *c, const char *section)
{
	int64_t baud = 0;

	(void)str_to_i64(str_of(conf_str(c, section, "baud")), &baud); /* auto: stays 0 */
	return (uint32_t)baud;
}

static int
read_options(const struct conf *c, const char *section, const char *name,
	     struct reader_options *o)
{
	int rc;

	*o = (struct reader_options){
		.name = name,
		.folder = conf_str(c, section, "folder"),
		.port = conf_str(c, section, "port"),
		.serial = conf_str(c, section, "serial"),
		.device = conf_str(c, section, "device"),
		.baud = read_baud(c, section),
		.invert = read_setting(c, section, "invert"),
		.rotate = read_setting(c, section, "rotate"),
		.dpi = (uint32_t)conf_int(c, section, "dpi"),
		.test_environment =
			strcmp(conf_str(c, "lane", "environment"), "test") == 0,
	};
	if (o->dpi != 0 && o->dpi < SAMPLE_DPI_MIN) {
		log_err("%s: [%s] dpi is neither 0 nor %u to %u",
			conf_origin(c, section, "dpi"), section, SAMPLE_DPI_MIN,
			SAMPLE_DPI_MAX);
		return -EINVAL;
	}
	rc = read_hex32(c, section, "address", &o->address);
	if (rc == 0)
		rc = read_hex32(c, section, "password", &o->password);
	return rc;
}

/* Everything of [reader:name] that can be wrong without a look at a device. */
static int
configure(const struct conf *c, const char *name, struct seat *seat)
{
	char section[SECTION_BYTES];
	const char *driver;

	(void)snprintf(section, sizeof(section), "reader:%s", name); /* names are short */
	driver = conf_str(c, section, "driver");
	seat->driver = reader_driver_find(driver);
	if (seat->driver == NULL) {
		log_err("%s: [%s] driver %s is not part of this program",
			conf_origin(c, section, "driver"), section, driver);
		return -EINVAL;
	}
	if (read_options(c, section, name, &seat->options) < 0)
		return -EINVAL;
	if (seat->driver->test_only && !seat->options.test_environment) {
		log_err("%s: [%s] driver %s exists in the test environment only",
			conf_origin(c, section, "driver"), section, driver);
		return -EINVAL;
	}
	return 0;
}

int
service_check(const struct conf *conf)
{
	struct seat seat;
	const char *name;
	int rc = 0;

	for (size_t i = 0; (name = conf_instance(conf, "reader:*", i)) != NULL; i++)
		if (configure(conf, name, &seat) < 0)
			rc = -EINVAL;
	return rc;
}

/* In the words of struct reader. */
static const char *
why_of(int rc)
{
	switch (rc) {
	case -ENOENT:
	case -ENODEV:
	case -ENXIO:
		return "not-found";
	case -EACCES:
	case -EPERM:
		return "denied";
	case -EBUSY:
		return "busy";
	default:
		return NULL;
	}
}

/* Says so once, however often it is tried. */
static void
cannot_open(struct seat *seat, int rc)
{
	bool absent;

	if (rc != seat->open_error)
		log_err("reader %s: driver %s cannot open it: %s; trying on",
			seat->options.name, seat->driver->name, strerror(-rc));
	seat->open_error = rc;
	seat->open_again_ms = clock_mono_ms() + OPEN_AGAIN_MS;
	seat->closed.why = why_of(rc);
	absent = seat->closed.why != NULL && strcmp(seat->closed.why, "not-found") == 0;
	reader_set_state(&seat->closed, absent ? READER_ABSENT : READER_FAULTY);
}

static int
try_open(struct seat *seat)
{
	struct reader_events events = service_touch_events;
	int rc;

	events.ctx = seat;
	seat->options.dark = !service_is_lit(seat->service);
	rc = seat->driver->open(seat->service->loop, &seat->options, &events,
				&seat->reader);
	if (rc < 0) {
		cannot_open(seat, rc);
		return rc;
	}
	if (seat->open_error != 0)
		log_notice("reader %s: driver %s has opened it", seat->options.name,
			   seat->driver->name);
	seat->open_error = 0;
	service_touch_opened(seat);
	return 0;
}

static int
take_seat(struct service *s, const char *name)
{
	struct seat *seat = &s->seats[s->seats_count];
	int rc = configure(s->conf, name, seat);

	if (rc < 0)
		return rc;
	seat->service = s;
	seat->closed =
		(struct reader){ .driver = seat->driver, .options = &seat->options };
	seat->view = secret_region_new(sizeof(*seat->view));
	if (seat->view == NULL)
		return -ENOMEM;
	s->seats_count++;
	(void)try_open(seat); /* the others start all the same */
	return 0;
}

int
service_readers_open(struct service *s)
{
	const char *name;
	int rc = 0;

	for (size_t i = 0; rc == 0; i++) {
		name = conf_instance(s->conf, "reader:*", i);
		if (name == NULL)
			break;
		if (i == READERS_MAX) {
			log_err("more than %u readers are configured; the rest is not "
				"used",
				READERS_MAX);
			break;
		}
		rc = take_seat(s, name);
	}
	if (rc == 0)
		service_touch_arm(s);
	return rc;
}

void
service_readers_again(struct service *s, int64_t now_ms)
{
	bool opened = false;

	for (size_t i = 0; i < s->seats_count; i++)
		if (s->seats[i].reader == NULL && s->seats[i].open_again_ms <= now_ms)
			opened = try_open(&s->seats[i]) == 0 || opened;
	if (opened)
		service_send_state(s);
}

void
service_readers_close(struct service *s)
{
	for (size_t i = 0; i < s->seats_count; i++) {
		struct seat *seat = &s->seats[i];

		if (seat->reader != NULL)
			seat->reader = seat->driver->close(seat->reader);
		secret_region_free(seat->view, sizeof(*seat->view));
		seat->view = NULL;
	}
	s->seats_count = 0;
}

const struct reader *
service_seat_reader(const struct seat *seat)
{
	return seat->reader != NULL ? seat->reader : &seat->closed;
}
