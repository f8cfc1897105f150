#include "adapter/report.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/plain/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REPORT_BYTES_MAX 8192u

struct report {
	struct report_options o;
	struct rpc_hooks hooks;
	struct rpc_client *client; /* NULL: another way */
	void (*send)(void *ctx, const char *method, struct json_out *params);
	void *ctx;
	const char *state;
	bool bypass;
	char why[REPORT_WHY_BYTES], bypass_why[REPORT_WHY_BYTES];
	char odd[REPORT_ODD_BYTES]; /* "" nothing */
	int64_t odd_mono_ms, odd_wall_ms, odd_told_ms;
};

static void
put_crash(const struct report *r, struct json_out *o)
{
	const struct crash_death *d;
	char doing[CRASH_DOING_BYTES];
	unsigned n = crash_record_deaths(r->o.record);

	if (n == 0)
		return;
	d = crash_record_death(r->o.record, 0);
	/* Without a note of when, and of an earlier boot: it is over. */
	if (d->at_mono_ms < 0 || clock_mono_ms() - d->at_mono_ms > REPORT_WELL_MS)
		return;
	crash_doing_words(d->doing, d->request, doing);
	json_open_object(o, "crash");
	json_cstr(o, "plugin", d->plugin);
	if (d->version[0] != '\0')
		json_cstr(o, "version", d->version);
	if (d->build_id[0] != '\0')
		json_cstr(o, "build_id", d->build_id);
	json_cstr(o, "how", crash_how_name(d->how));
	if (d->how == CRASH_SIGNAL)
		json_cstr(o, "signal", crash_signal_name(d->signal));
	json_cstr(o, "doing", doing);
	json_int(o, "at_ms", d->at_wall_ms);
	json_int(o, "deaths", n);
	json_close(o);
}

static void
put_odd(const struct report *r, struct json_out *o)
{
	if (r->odd[0] == '\0' || clock_mono_ms() - r->odd_mono_ms > REPORT_WELL_MS)
		return;
	json_open_object(o, "odd");
	json_cstr(o, "what", r->odd);
	json_int(o, "at_ms", r->odd_wall_ms);
	json_close(o);
}

void
report_write(const struct report *r, struct json_out *o)
{
	json_cstr(o, "name", r->o.name);
	json_cstr(o, "environment", r->o.environment);
	json_cstr(o, "state", r->state);
	if (r->why[0] != '\0')
		json_cstr(o, "why", r->why);
	json_bool(o, "bypass", r->bypass);
	if (r->bypass)
		json_cstr(o, "bypass_why", r->bypass_why);
	put_crash(r, o);
	put_odd(r, o);
}

/* What is lost here goes with the next one, or with hello. */
static void
tell(struct report *r)
{
	struct rpc_peer *peer = r->client == NULL ? NULL : rpc_client_peer(r->client);
	struct json_out *o =
		peer == NULL && r->send == NULL ? NULL : json_out_new(REPORT_BYTES_MAX);
	int rc = 0;

	if (o == NULL)
		return;
	json_open_object(o, NULL);
	report_write(r, o);
	json_close(o);
	if (r->send != NULL)
		r->send(r->ctx, "adapter.report", o);
	else
		rc = rpc_notify(peer, "adapter.report", o);
	if (rc < 0)
		log_debug("adapter.report: %s", strerror(-rc));
	json_out_free(o);
}

static void
on_connected(void *ctx, struct rpc_peer *peer)
{
	(void)peer;
	tell(ctx);
}

/* The own connection. Without it laned does not know, and the lane goes on all the same. */
static void
connect_self(struct report *r)
{
	struct rpc_client_options options = {
		.path = r->o.socket,
		.fd_first = -1,
		.role = 1,
		.hooks = &r->hooks,
		.connected = on_connected,
	};
	int rc;

	if (r->o.fd >= 0)
		options.fd_first = fcntl(r->o.fd, F_DUPFD_CLOEXEC, 0);
	if (options.path == NULL && options.fd_first < 0)
		return;
	rc = rpc_client_new(r->o.loop, &options, &r->client);
	if (rc < 0)
		log_warn("laned cannot be told that the plug-in is not loaded: %s",
			 strerror(-rc));
}

int
report_new(const struct report_options *o, struct report **ret_report)
{
	struct report *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -ENOMEM;
	r->o = *o;
	r->state = "waiting";
	r->hooks = (struct rpc_hooks){ .ctx = r };
	*ret_report = r;
	return 0;
}

struct report *
report_free(struct report *r)
{
	if (r == NULL)
		return NULL;
	rpc_client_free(r->client);
	free(r);
	return NULL;
}

static void
set_text(char text[REPORT_WHY_BYTES], const char *why)
{
	size_t n = why == NULL ? 0 : strnlen(why, REPORT_WHY_BYTES - 1);

	if (n > 0)
		memcpy(text, why, n);
	text[n] = '\0';
}

void
report_set_state(struct report *r, const char *state, const char *why)
{
	r->state = state;
	set_text(r->why, why);
	tell(r);
}

void
report_set_bypass(struct report *r, bool on, const char *why)
{
	r->bypass = on;
	set_text(r->bypass_why, why);
	tell(r);
}

void
report_set_way(struct report *r,
	       void (*send)(void *ctx, const char *method, struct json_out *params),
	       void *ctx)
{
	r->send = send;
	r->ctx = ctx;
	if (send != NULL)
		r->client = rpc_client_free(r->client);
	else if (r->client == NULL)
		connect_self(r);
}

void
report_odd(struct report *r, const char *what)
{
	int64_t now = clock_mono_ms();
	struct strbuf b;

	strbuf_init(&b, r->odd, sizeof(r->odd));
	strbuf_addf(&b, "%s", what); /* for people; may be cut */
	r->odd_mono_ms = now;
	r->odd_wall_ms = clock_wall_ms();
	if (r->odd_told_ms != 0 && now - r->odd_told_ms < REPORT_ODD_MS)
		return;
	r->odd_told_ms = now;
	tell(r);
}
