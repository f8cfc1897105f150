/* What laned-bio says of its readers: for the core, the log, the watchers and lane.readers. */
#include "lane/lane_private.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

#define ASK_TIMEOUT_MS 5000

/* The word of member name, cut to what is kept; "" when it is missing or none. */
static void
get_word(char *buf, size_t bytes, const struct value *v, const char *name)
{
	struct str s = { "", 0 };

	if (value_get_str(v, name, bytes - 1, &s) < 0 || str_copy(buf, bytes, s) < 0)
		buf[0] = '\0';
}

void
readers_get(struct reader_seen *ret_reader, const struct value *v)
{
	struct reader_seen *r = ret_reader;

	get_word(r->name, sizeof(r->name), v, "name");
	get_word(r->driver, sizeof(r->driver), v, "driver");
	get_word(r->state, sizeof(r->state), v, "state");
	get_word(r->why, sizeof(r->why), v, "why");
	get_word(r->hint, sizeof(r->hint), v, "hint");
	get_word(r->model, sizeof(r->model), v, "model");
	get_word(r->port, sizeof(r->port), v, "port");
	get_word(r->serial, sizeof(r->serial), v, "serial");
}

static bool
is_state(const struct reader_seen *r, const char *state)
{
	return strcmp(r->state, state) == 0;
}

/* ---- the log ----------------------------------------------------------------- */

static const struct {
	const char *state, *event, *what, *next;
	int level;
} state_lines[] = {
	{ "ready", "reader-ready", "ready", "", LOG_NOTICE },
	{ "absent", "reader-absent", "absent", "; it is looked for", LOG_WARNING },
	{ "faulty", "reader-faulty", "does not work", "; laned-bio tries again",
	  LOG_WARNING },
};

static const struct {
	const char *hint, *event, *text;
} hint_lines[] = {
	{ "clean-the-glass", "reader-dirty", "its glass must be cleaned" },
	{ "finger-rests", "reader-covered", "something lies on it and does not leave" },
};

/* A finger comes and goes with every touch: that is no line, and no other state. */
static const char *
settled(const struct reader_seen *r)
{
	return is_state(r, "capturing") ? "ready" : r->state;
}

static void
log_state(const struct reader_seen *r)
{
	for (size_t i = 0; i < sizeof(state_lines) / sizeof(state_lines[0]); i++)
		if (strcmp(settled(r), state_lines[i].state) == 0)
			log_event(state_lines[i].level, state_lines[i].event, NULL,
				  "reader %s: %s%s%s%s%s%s%s%s%s", r->name,
				  state_lines[i].what, r->why[0] == '\0' ? "" : " (",
				  r->why, r->why[0] == '\0' ? "" : ")",
				  r->model[0] == '\0' ? "" : ", ", r->model,
				  r->port[0] == '\0' ? "" : " at ", r->port,
				  state_lines[i].next);
}

static void
log_hint(const struct reader_seen *r)
{
	if (r->hint[0] == '\0')
		log_event(LOG_NOTICE, "reader-clear", NULL, "reader %s: clear again",
			  r->name);
	for (size_t i = 0; i < sizeof(hint_lines) / sizeof(hint_lines[0]); i++)
		if (strcmp(r->hint, hint_lines[i].hint) == 0)
			log_event(LOG_WARNING, hint_lines[i].event, NULL, "reader %s: %s",
				  r->name, hint_lines[i].text);
}

/* One line for each change of a reader; true when there was any change, told or not. */
static bool
log_changes(const struct readers_seen *old, const struct reader_seen *r)
{
	static const struct reader_seen fresh;
	const struct reader_seen *was = &fresh;

	for (size_t i = 0; i < old->count; i++)
		if (strcmp(old->list[i].name, r->name) == 0)
			was = &old->list[i];
	if (r->name[0] != '\0' &&
	    (strcmp(settled(was), settled(r)) != 0 || strcmp(was->why, r->why) != 0))
		log_state(r);
	if (r->name[0] != '\0' && strcmp(was->hint, r->hint) != 0)
		log_hint(r);
	return was == &fresh || !is_state(r, was->state) ||
	       strcmp(was->hint, r->hint) != 0 || strcmp(was->why, r->why) != 0;
}

/* ---- bio.state ------------------------------------------------------------------ */

/* Adds one reader to what the core is told. */
static void
add_reader(struct lane_event *ev, const struct reader_seen *r)
{
	bool capturing = is_state(r, "capturing");

	if (capturing || is_state(r, "ready"))
		ev->readers.health = READERS_OK;
	else if (is_state(r, "faulty") && ev->readers.health != READERS_OK)
		ev->readers.health = READERS_FAULTY;
	else if (ev->readers.health == READERS_NONE)
		ev->readers.health = READERS_ABSENT;
	ev->readers.dirty = ev->readers.dirty || strcmp(r->hint, "clean-the-glass") == 0;
	ev->readers.rests = ev->readers.rests || strcmp(r->hint, "finger-rests") == 0;
}

void
readers_take(struct lane *l, const struct value *state)
{
	struct lane_event ev = { .kind = LANE_EV_READERS,
				 .readers = { .health = READERS_NONE } };
	const struct readers_seen old = l->bio.readers;
	struct readers_seen *seen = &l->bio.readers;
	const struct value *list = NULL;
	uint64_t told = l->control.changes;
	struct lane_glass glasses[LANE_READERS_MAX];
	bool changed = false;

	seen->count = 0;
	if (value_get_array(state, "readers", &list) == 0)
		for (const struct value *v = list->first; v != NULL; v = v->next) {
			struct reader_seen r;

			readers_get(&r, v);
			add_reader(&ev, &r);
			if (seen->count == READERS_SEEN_MAX)
				continue;
			memcpy(glasses[seen->count].reader, r.name, sizeof(r.name));
			glasses[seen->count].finger = is_state(&r, "capturing");
			seen->list[seen->count++] = r;
			changed = log_changes(&old, &r) || changed;
		}
	ev.readers.list = glasses;
	ev.readers.count = (uint32_t)seen->count;
	ev.readers.aside = control_has_touch(l);
	(void)lane_step(l, &ev); /* the core takes it in every state */
	if ((changed || old.count != seen->count) && told == l->control.changes)
		control_changed(l);
}

/* ---- asking laned-bio ------------------------------------------------------------- */

struct readers_ask {
	struct lane *lane;
	struct rpc_call *call;
	readers_done_fn done;
};

static void
on_answer(void *ctx, const struct value *result, const struct rpc_error *error)
{
	struct readers_ask *ask = ctx;

	ask->done(ask->lane, ask->call, result, error == NULL ? NULL : error->message);
	free(ask);
}

void
readers_ask(struct lane *l, struct rpc_call *call, readers_done_fn done)
{
	struct readers_ask *ask;

	if (l->bio.peer == NULL) {
		done(l, call, NULL,
		     "laned-bio is not running; see systemctl status laned-bio");
		return;
	}
	ask = calloc(1, sizeof(*ask));
	if (ask != NULL) {
		*ask = (struct readers_ask){ l, call, done };
		if (rpc_request(l->bio.peer, "bio.status", NULL, ASK_TIMEOUT_MS,
				on_answer, ask) == 0)
			return;
		free(ask);
	}
	done(l, call, NULL, "laned-bio does not take more requests now");
}

static void
put_list(struct json_out *o, const char *name, const struct value *status)
{
	const struct value *list;

	if (value_get_array(status, name, &list) == 0) {
		json_value(o, name, list);
		return;
	}
	json_open_array(o, name);
	json_close(o);
}

static void
reply_readers(struct lane *l, struct rpc_call *call, const struct value *status,
	      const char *why)
{
	struct json_out *o;

	if (status == NULL) {
		rpc_fail(call, RPC_REFUSED, "%s", why);
		return;
	}
	o = lane_message(l);
	put_time(o, "now", clock_wall_ms());
	put_list(o, "readers", status);
	put_list(o, "attached", status);
	json_close(o);
	rpc_reply(call, o);
}

void
readers_method(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
	       const struct value *params)
{
	(void)peer;
	(void)params;
	if (call != NULL) /* else nobody would be told */
		readers_ask(ctx, call, reply_readers);
}
