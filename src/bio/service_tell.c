/* What laned is told: state, touches, progress; and the pieces that answers are made of. */
#include "bio/service_judge.h"

#include "base/clock.h"
#include "base/log.h"
#include "config.h"

#include <string.h>

#define HELLO_TIMEOUT_MS 5000
#define ATTACHED_MAX 16u /* of each driver */

void
service_put_ulid(struct json_out *o, const char *name, struct ulid id)
{
	char text[ULID_TEXT_BYTES];

	ulid_text(text, id);
	json_cstr(o, name, text);
}

void
service_put_hints(struct json_out *o, uint16_t hints)
{
	static const char *const names[] = {
		"too-dry",
		"too-wet",
		"too-small",
		"blank",
		"low-contrast",
		"few-minutiae",
		"lift-and-press-again",
		"glove",
		"moved",
	};

	json_open_array(o, "hints");
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if ((hints & (1u << i)) != 0)
			json_cstr(o, NULL, names[i]);
	json_close(o);
}

/* A text that is not there is left out. */
static void
put_some(struct json_out *o, const char *name, const char *text)
{
	if (text != NULL && text[0] != '\0')
		json_cstr(o, name, text);
}

static void
put_device(struct json_out *o, const struct reader_device *d)
{
	put_some(o, "model", d->model);
	put_some(o, "id", d->id);
	put_some(o, "port", d->port);
	put_some(o, "serial", d->serial);
}

static void
put_reader(struct json_out *o, const struct seat *seat)
{
	const struct reader *r = service_seat_reader(seat);
	char since[RFC3339_BYTES];

	rfc3339_text(since, r->since_wall_ms);
	json_open_object(o, NULL);
	json_cstr(o, "name", r->options->name);
	json_cstr(o, "driver", r->driver->name);
	json_cstr(o, "state", reader_state_name(r->state));
	json_cstr(o, "since", since);
	json_int(o, "captures", (int64_t)r->captures);
	json_int(o, "errors", (int64_t)r->errors);
	json_int(o, "resets", (int64_t)r->resets);
	json_int(o, "replugs", (int64_t)r->replugs);
	put_device(o, &r->device);
	put_some(o, "why", r->why);
	put_some(o, "hint", seat->hint);
	json_close(o);
}

/* The configured reader that uses this device, or NULL. */
static const char *
user_of(const struct service *s, const struct reader_driver *driver,
	const struct reader_device *d)
{
	for (size_t i = 0; i < s->seats_count; i++) {
		const struct reader *r = service_seat_reader(&s->seats[i]);

		if (r->driver == driver && r->device.port[0] != '\0' &&
		    strcmp(r->device.port, d->port) == 0)
			return r->options->name;
	}
	return NULL;
}

void
service_describe_attached(const struct service *s, struct json_out *o)
{
	struct reader_device found[ATTACHED_MAX];

	json_open_array(o, "attached");
	for (size_t i = 0; i < reader_drivers_count; i++) {
		const struct reader_driver *driver = reader_drivers[i];
		size_t n = driver->attached == NULL
				   ? 0
				   : driver->attached(found, ATTACHED_MAX);

		for (size_t k = 0; k < n && k < ATTACHED_MAX; k++) {
			json_open_object(o, NULL);
			json_cstr(o, "driver", driver->name);
			put_device(o, &found[k]);
			put_some(o, "reader", user_of(s, driver, &found[k]));
			json_close(o);
		}
	}
	json_close(o);
}

void
service_describe(const struct service *s, struct json_out *o)
{
	const char *hint = NULL;

	json_open_array(o, "readers");
	for (size_t i = 0; i < s->seats_count; i++) {
		put_reader(o, &s->seats[i]);
		if (hint == NULL)
			hint = s->seats[i].hint;
	}
	json_close(o);
	put_some(o, "hint", hint);
	service_load_describe(s, o);
	json_int(o, "unlocked_bytes", (int64_t)secret_unlocked_bytes());
	json_bool(o, "pay_by_touch", service_judge_pays(s));
	service_arm_describe(s, o);
}

struct json_out *
service_message(struct service *s)
{
	json_out_reset(s->out);
	json_open_object(s->out, NULL);
	return s->out;
}

void
service_notify(struct service *s, const char *method)
{
	struct rpc_peer *peer = s->client == NULL ? NULL : rpc_client_peer(s->client);

	json_close(s->out);
	if (peer == NULL)
		return;
	if (rpc_notify(peer, method, s->out) < 0)
		log_warn("%s could not be sent", method);
}

static void
on_hello(void *ctx, const struct value *result, const struct rpc_error *error)
{
	(void)ctx;
	(void)result;
	if (error == NULL)
		log_notice("connected to laned");
	else
		log_err("laned does not accept this laned-bio: %s", error->message);
}

void
service_send_hello(struct service *s, struct rpc_peer *peer)
{
	struct json_out *o = service_message(s);

	json_cstr(o, "version", LANED_VERSION);
	json_cstr(o, "environment", conf_str(s->conf, "lane", "environment"));
	json_open_object(o, "state");
	service_describe(s, o);
	json_close(o);
	json_close(o);
	if (rpc_request(peer, "bio.hello", o, HELLO_TIMEOUT_MS, on_hello, s) < 0)
		log_warn("bio.hello could not be sent");
}

void
service_send_state(struct service *s)
{
	service_describe(s, service_message(s));
	service_notify(s, "bio.state");
}

void
service_send_touch(struct service *s, struct ulid probe, const struct reader *r,
		   bool at_start, enum pad_result pad)
{
	struct json_out *o = service_message(s);

	service_put_ulid(o, "probe", probe);
	json_cstr(o, "reader", r->options->name);
	if (at_start)
		json_bool(o, "at_start", true);
	json_cstr(o, "pad", pad == PAD_PASS ? "pass" : "unsupported");
	service_notify(s, "bio.touch");
}

static void
put_position(const struct service *s, struct json_out *o, const char *name,
	     unsigned finger)
{
	uint32_t position = enrol_position(s->enrol, finger);

	if (position != 0)
		json_cstr(o, name, enrol_position_name(position));
}

void
service_send_progress(struct service *s, const struct enrol_progress *p)
{
	struct json_out *o = service_message(s);
	unsigned finger, impression;

	enrol_wanted(s->enrol, &finger, &impression);
	service_put_ulid(o, "session", enrol_session(s->enrol));
	json_int(o, "finger", p->finger + 1);
	put_position(s, o, "position", p->finger);
	if (p->outcome != ENROL_DUPLICATE)
		put_position(s, o, "next", finger);
	json_int(o, "impression", p->impression + 1);
	json_cstr(o, "outcome", enrol_outcome_name(p->outcome));
	json_int(o, "quality", p->quality);
	if (p->why != NULL)
		json_cstr(o, "why", p->why);
	service_put_hints(o, p->hints);
	service_notify(s, "enrol.progress");
}

void
service_send_hold(struct service *s, const struct finger_features *f)
{
	struct json_out *o = service_message(s);
	unsigned finger, impression;

	enrol_wanted(s->enrol, &finger, &impression);
	service_put_ulid(o, "session", enrol_session(s->enrol));
	json_int(o, "finger", finger + 1);
	put_position(s, o, "position", finger);
	json_int(o, "impression", impression + 1);
	json_cstr(o, "outcome", "hold");
	json_int(o, "quality", f->quality);
	service_put_hints(o, f->hints);
	service_notify(s, "enrol.progress");
}
