#include "adapter/endpoints.h"

#include "adapter/join.h"
#include "base/clock.h"
#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTEN_FDS_START 3
#define LET_GO_MS 200            /* a plug-in closes a line within */
#define LEAVE_MS BYPASS_GRACE_MS /* the bypass may end within */
#define SESSIONS_MAX (2u * ENDPOINTS_PEERS_MAX)

/* Whose a connection of the POS is now. */
enum owner {
	OWNER_NOBODY, /* a free place */
	OWNER_HOST,   /* its opening, or laned's sign of life, is waited for */
	OWNER_PLUGIN,
	OWNER_RELAY
};

struct session {
	struct endpoints *endpoints;
	enum owner owner;
	bool counted;           /* in the bypass, as a relayed transaction */
	bool for_line;          /* OWNER_HOST: the terminal's line is being let go */
	int64_t leave_until_ms; /* OWNER_HOST: so long the end of the bypass is waited for */
	struct stream *stream; /* OWNER_HOST */
	uint64_t conn;         /* OWNER_PLUGIN */
	struct framer framer;  /* OWNER_PLUGIN: of what flows between the two */
	struct join *join;     /* OWNER_RELAY */
};

struct endpoints {
	struct endpoints_options o;
	struct address pos, terminal;
	enum framing framing;
	struct bypass bypass;
	struct stream_listener *listener;
	struct loop_timer *grace, *ping_again, *let_go, *leave;
	struct host_conns *conns;
	bool listening; /* the plug-in listens on pos */
	bool pinging;   /* an answer of laned is waited for */
	const char *said_why;
	bool said_quiet;
	bool loud; /* what was logged last */
	uint64_t relays;
	struct session sessions[SESSIONS_MAX];
};

/* The end of a relayed connection may be the beginning of another owner's, and the other way. */
static void settle(struct endpoints *e);
static void say(struct endpoints *e);

/* Of a stream whose owner is told at once who that is. */
static const struct stream_events nobody;

static const struct framer *
fresh_framer(const struct endpoints *e, struct framer *f)
{
	framer_init(f, e->framing);
	return f;
}

static struct session *
session_new(struct endpoints *e)
{
	for (size_t i = 0; i < SESSIONS_MAX; i++)
		if (e->sessions[i].owner == OWNER_NOBODY) {
			e->sessions[i] = (struct session){ .endpoints = e };
			return &e->sessions[i];
		}
	return NULL;
}

static struct session *
session_of(struct endpoints *e, uint64_t conn)
{
	for (size_t i = 0; i < SESSIONS_MAX; i++)
		if (e->sessions[i].owner == OWNER_PLUGIN && e->sessions[i].conn == conn)
			return &e->sessions[i];
	return NULL;
}

/* A relayed transaction began or ended. */
static void
count(struct session *s, bool busy)
{
	struct endpoints *e = s->endpoints;

	if (busy == s->counted)
		return;
	s->counted = busy;
	(void)bypass_relayed(&e->bypass, busy ? 1 : -1,
			     clock_mono_ms()); /* say() compares */
}

/* ---- relayed connections ----------------------------------------------------------------- */

static bool
is_busy(const struct session *s)
{
	return s->endpoints->framing == FRAMING_CONNECTION ||
	       join_state(s->join) != FRAMER_IDLE;
}

static void
relay_turned(void *ctx)
{
	struct session *s = ctx;

	count(s, is_busy(s));
	settle(s->endpoints);
	say(s->endpoints);
}

static void
relay_ended(void *ctx, enum join_end end, struct stream *const streams[2],
	    const struct splice_rest *rest)
{
	struct session *s = ctx;

	(void)streams;
	(void)rest;
	assert(end == JOIN_OVER); /* a relay never asks for another end */
	s->join = NULL;
	count(s, false);
	s->owner = OWNER_NOBODY;
	settle(s->endpoints);
	say(s->endpoints);
}

/* Joins a connection of the POS, which is open, to the terminal. Takes it over. */
static void
relay(struct session *s, struct stream *pos, const uint8_t *first, size_t n)
{
	struct endpoints *e = s->endpoints;
	char why[STREAM_WHY_BYTES] = "no memory";
	struct framer framer;
	struct join_options o = {
		.streams = { pos, NULL },
		.framer = fresh_framer(e, &framer),
		.ended = relay_ended,
		.turned = relay_turned,
		.ctx = s,
	};
	int rc = stream_open(e->o.streams, &e->terminal, &nobody, NULL,
			     &o.streams[FRAMER_TERMINAL], why);

	if (rc == 0)
		rc = join_new(&o, first, n, &s->join);
	if (rc < 0) {
		log_err("the terminal cannot be reached: %s", why);
		(void)stream_free(o.streams[FRAMER_TERMINAL]);
		stream_close(pos);
		s->owner = OWNER_NOBODY;
		return;
	}
	s->owner = OWNER_RELAY;
	e->relays++;
	count(s, is_busy(s));
}

/* ---- connections of the plug-in ---------------------------------------------------------- */

static void
waiting_closed(void *ctx, int err)
{
	struct session *s = ctx;

	(void)err; /* the POS's own affair */
	s->stream = stream_free(s->stream);
	s->owner = OWNER_NOBODY;
}

/*
 * A serial line is one program's at a time, and the plug-in may have the terminal's: it lets go of it when
 * it hears that the POS's connection is taken. What the POS has sent waits in its stream.
 */
static void
wait_for_line(struct session *s, struct stream *pos, const uint8_t *data, size_t n)
{
	static const struct stream_events events = { .closed = waiting_closed };
	struct endpoints *e = s->endpoints;

	stream_set_events(pos, &events, s);
	stream_pause(pos, true);
	if (stream_unread(pos, data, n) < 0 || loop_timer_set(e->let_go, LET_GO_MS) < 0) {
		stream_close(pos);
		s->owner = OWNER_NOBODY;
		return;
	}
	s->owner = OWNER_HOST;
	s->stream = pos;
	s->for_line = true;
}

/*
 * The framer looks on. A transaction that begins while the bypass is on is taken from the plug-in with
 * its first bytes.
 */
static bool
tap_received(void *ctx, uint64_t conn, const uint8_t *data, size_t n)
{
	struct session *s = ctx;
	struct endpoints *e = s->endpoints;
	struct stream *stream;
	bool ended;

	if (s->framer.state == FRAMER_IDLE && bypass_is_on(&e->bypass)) {
		stream = host_conns_take(e->conns, conn);
		if (stream != NULL) {
			/* Its closed is still to come, and is none of this session's. */
			(void)host_conns_tap(e->conns, conn, NULL, NULL);
			host_conns_revoke(e->conns, conn, true, LANED_GONE);
			if (e->terminal.kind == ADDRESS_SERIAL)
				wait_for_line(s, stream, data, n);
			else
				relay(s, stream, data, n);
			return true;
		}
	}
	for (size_t at = 0; at < n;)
		at += framer_feed(&s->framer, FRAMER_POS, data + at, n - at, &ended);
	return false;
}

static void
tap_sent(void *ctx, uint64_t conn, const uint8_t *data, size_t n)
{
	struct session *s = ctx;
	bool ended;

	(void)conn;
	for (size_t at = 0; at < n;)
		at += framer_feed(&s->framer, FRAMER_TERMINAL, data + at, n - at, &ended);
}

static void
tap_ended(void *ctx, uint64_t conn)
{
	struct session *s = ctx;

	if (s->owner == OWNER_PLUGIN && s->conn == conn)
		s->owner = OWNER_NOBODY;
}

static const struct host_conns_tap tap = { tap_received, tap_sent, tap_ended };

/* Gives an open connection of the POS to the plug-in. */
static void
give_to_plugin(struct session *s, struct stream *pos)
{
	struct endpoints *e = s->endpoints;

	(void)fresh_framer(e, &s->framer);
	s->owner = OWNER_PLUGIN;
	stream_pause(pos, false);
	if (host_conns_accepted(e->conns, LANED_ENDPOINT_POS, pos, &s->conn) < 0 ||
	    host_conns_tap(e->conns, s->conn, &tap, s) < 0)
		s->owner = OWNER_NOBODY; /* it is closed: there were too many */
}

/* ---- connections that wait --------------------------------------------------------------- */

/* One that does not listen, or has all its connections open, is none. */
static bool
plugin_serves(const struct endpoints *e)
{
	return bypass_route(&e->bypass) == BYPASS_ROUTE_PLUGIN && e->conns != NULL &&
	       e->listening && host_conns_has_room(e->conns);
}

/* The bypass has decided. */
static void
decide(struct session *s)
{
	struct endpoints *e = s->endpoints;
	struct stream *stream = s->stream;

	s->stream = NULL;
	if (plugin_serves(e)) {
		give_to_plugin(s, stream);
		return;
	}
	if (!bypass_is_on(&e->bypass) && e->conns != NULL)
		log_warn("the plug-in takes no connection of the POS: it goes to the "
			 "terminal");
	relay(s, stream, NULL, 0);
}

static void
on_ping(void *ctx, bool alive)
{
	struct endpoints *e = ctx;

	e->pinging = false;
	endpoints_event(e, alive ? BYPASS_LANED_HERE : BYPASS_LANED_SILENT);
}

/* Asks laned for a sign of life. False: it cannot be asked. */
static bool
ping(struct endpoints *e)
{
	if (!e->pinging && e->o.ping != NULL)
		e->pinging = e->o.ping(e->o.ctx, ENDPOINTS_PING_MS, on_ping, e) == 0;
	return e->pinging;
}

static void
on_ping_again(void *ctx)
{
	struct endpoints *e = ctx;

	/* A link that is gone says so itself; on one that stands the next try may get through. */
	if (!ping(e) && e->bypass.state == BYPASS_LANED &&
	    loop_timer_set(e->ping_again, ENDPOINTS_PING_AGAIN_MS) < 0)
		log_err("no timer; the bypass may end late");
}

/*
 * The bypass is over but for what is still relayed. A POS that connects anew before the connection before
 * has closed, each time, would keep it on for ever: the new one waits a moment for the old one's end.
 */
static bool
waits_to_leave(const struct session *s)
{
	return s->endpoints->bypass.state == BYPASS_LEAVING &&
	       s->leave_until_ms > clock_mono_ms();
}

/* The timer of the first whose wait ends. 0 or negative errno. */
static int
set_leave(struct endpoints *e)
{
	int64_t first = INT64_MAX, now_ms = clock_mono_ms();

	for (size_t i = 0; i < SESSIONS_MAX; i++) {
		const struct session *s = &e->sessions[i];

		if (s->owner == OWNER_HOST && waits_to_leave(s) &&
		    s->leave_until_ms < first)
			first = s->leave_until_ms;
	}
	return first == INT64_MAX
		       ? 0
		       : loop_timer_set(e->leave, first > now_ms ? first - now_ms : 0);
}

/* False: it is to go where the bypass says. */
static bool
wait_to_leave(struct session *s)
{
	struct endpoints *e = s->endpoints;

	if (e->bypass.state != BYPASS_LEAVING || e->conns == NULL)
		return false;
	s->leave_until_ms = clock_mono_ms() + LEAVE_MS;
	if (set_leave(e) == 0)
		return true;
	s->leave_until_ms = 0;
	return false;
}

static void
waiting_opened(void *ctx)
{
	struct session *s = ctx;

	stream_pause(s->stream, true); /* the one who gets it reads it */
	if (wait_to_leave(s))
		return;
	if (!plugin_serves(s->endpoints) || !ping(s->endpoints))
		decide(s);
}

static void
on_accepted(void *ctx, struct stream *stream)
{
	static const struct stream_events events = { .opened = waiting_opened,
						     .closed = waiting_closed };
	struct endpoints *e = ctx;
	struct session *s = session_new(e);

	if (s == NULL) { /* as many as the listener lets in cannot be more */
		stream_close(stream);
		return;
	}
	s->owner = OWNER_HOST;
	s->stream = stream;
	stream_set_events(stream, &events, s);
}

/* ---- the bypass -------------------------------------------------------------------------- */

/* Relayed connections between two transactions go back to the plug-in. */
static void
hand_over_idle(struct endpoints *e)
{
	for (size_t i = 0; i < SESSIONS_MAX && plugin_serves(e); i++) {
		struct session *s = &e->sessions[i];
		struct stream *streams[2];

		if (s->owner != OWNER_RELAY || is_busy(s) || !join_is_idle(s->join))
			continue;
		join_take(s->join, streams);
		s->join = NULL;
		stream_close(streams[FRAMER_TERMINAL]);
		give_to_plugin(s, streams[FRAMER_POS]);
	}
}

static void
decide_waiting(struct endpoints *e)
{
	for (size_t i = 0; i < SESSIONS_MAX; i++) {
		struct session *s = &e->sessions[i];

		if (s->owner == OWNER_HOST && stream_is_open(s->stream) && !s->for_line &&
		    !waits_to_leave(s))
			decide(s);
	}
}

static void
on_leave(void *ctx)
{
	struct endpoints *e = ctx;

	settle(e);
	say(e);
	if (set_leave(e) < 0)
		log_err("no timer; a connection may wait for the end of the bypass");
}

static void
on_let_go(void *ctx)
{
	struct endpoints *e = ctx;

	for (size_t i = 0; i < SESSIONS_MAX; i++)
		e->sessions[i].for_line = false;
	settle(e);
}

static void
say(struct endpoints *e)
{
	bool on = bypass_is_on(&e->bypass);
	const char *why = bypass_why(&e->bypass);

	if (on && !e->loud && e->o.off)
		log_notice(
			"switched off (enabled = no): the POS is joined to the terminal");
	else if (on && !e->loud)
		log_event(LOG_WARNING, "adapter-bypass", NULL,
			  "bypass: the POS is joined to the terminal, past laned: %s",
			  why);
	else if (!on && e->loud)
		log_event(LOG_NOTICE, "adapter-bypass", NULL,
			  "the bypass is over; the plug-in serves the POS");
	if (on == e->loud && why == e->said_why &&
	    e->said_quiet == endpoints_are_quiet(e))
		return;
	e->loud = on;
	e->said_why = why;
	e->said_quiet = endpoints_are_quiet(e);
	if (e->o.changed != NULL)
		e->o.changed(e->o.ctx);
}

/* What the state of the bypass means for timers, the listener and the connections. */
static void
settle(struct endpoints *e)
{
	bool wait = bypass_route(&e->bypass) == BYPASS_ROUTE_WAIT;
	int64_t ms = e->bypass.grace_until_ms - clock_mono_ms();

	if (wait && loop_timer_set(e->grace, ms < 0 ? 0 : ms) < 0)
		log_err("no timer; the bypass may begin late");
	/* Peers wait in the system's queue. */
	stream_listener_set(e->listener, wait ? NULL : on_accepted, e);
	if (!wait && !(e->pinging && plugin_serves(e)))
		decide_waiting(e);
	hand_over_idle(e);
	if (e->bypass.state == BYPASS_LANED &&
	    loop_timer_set(e->ping_again, ENDPOINTS_PING_AGAIN_MS) < 0)
		log_err("no timer; the bypass may end late");
}

void
endpoints_event(struct endpoints *e, enum bypass_event event)
{
	(void)bypass_event(&e->bypass, event, clock_mono_ms()); /* say() compares */
	settle(e);
	say(e);
}

static void
on_grace(void *ctx)
{
	struct endpoints *e = ctx;
	(void)bypass_tick(&e->bypass, clock_mono_ms()); /* say() compares */
	settle(e);
	say(e);
}

/* ---- what the plug-in asks for ----------------------------------------------------------- */

static int
plugin_opens(void *ctx, const char *name, struct stream **ret_stream)
{
	struct endpoints *e = ctx;
	char why[STREAM_WHY_BYTES] = "";
	int rc;

	if (strcmp(name, LANED_ENDPOINT_TERMINAL) != 0)
		return strcmp(name, LANED_ENDPOINT_POS) == 0 ? LANED_REFUSED
							     : LANED_MISSING;
	rc = stream_open(e->o.streams, &e->terminal, &nobody, NULL, ret_stream, why);
	if (rc < 0)
		log_err("the terminal cannot be reached: %s", why);
	return rc == 0 ? LANED_OK : rc == -ENOMEM ? LANED_NO_MEMORY : LANED_IO;
}

static int
plugin_listens(void *ctx, const char *name)
{
	struct endpoints *e = ctx;

	if (strcmp(name, LANED_ENDPOINT_POS) != 0)
		return strcmp(name, LANED_ENDPOINT_TERMINAL) == 0 ? LANED_REFUSED
								  : LANED_MISSING;
	e->listening = true;
	return LANED_OK;
}

static void
plugin_unlistens(void *ctx, const char *name)
{
	struct endpoints *e = ctx;

	if (strcmp(name, LANED_ENDPOINT_POS) == 0)
		e->listening = false;
}

static const struct host_conns_endpoints of_plugin = { plugin_opens, plugin_listens,
						       plugin_unlistens };

/* ---- start and end ----------------------------------------------------------------------- */

int
endpoints_activated(void)
{
	const char *pid = getenv("LISTEN_PID"), *count_text = getenv("LISTEN_FDS");
	int64_t n;
	int fd, flags;

	if (pid == NULL || str_to_i64(str_of(pid), &n) < 0 || n != getpid())
		return -1;
	if (count_text == NULL || str_to_i64(str_of(count_text), &n) < 0 || n < 1)
		return -1;
	if (n > 1)
		log_warn("systemd hands over %lld sockets: only the first is listened on",
			 (long long)n);
	/* systemd's sockets block, and it must stand when this process listens a second time. */
	flags = fcntl(LISTEN_FDS_START, F_GETFL);
	if (flags < 0 || fcntl(LISTEN_FDS_START, F_SETFL, flags | O_NONBLOCK) < 0)
		return -1;
	fd = fcntl(LISTEN_FDS_START, F_DUPFD_CLOEXEC, LISTEN_FDS_START + 1);
	return fd < 0 ? -1 : fd;
}

static int
parse(const char *text, bool listen, struct address *ret_address,
      char why[STREAM_WHY_BYTES])
{
	int rc = address_parse(str_of(text), ret_address, why);

	return rc < 0 ? rc : address_check(ret_address, listen, why);
}

static void
on_refused(void *ctx, const char *peer, bool many)
{
	(void)ctx;
	log_warn("pos: %s was turned away: %s", peer,
		 many ? "too many connections at once"
		      : "it is in no net that allow= of the address lists");
}

/* Does fd listen where the POS is to connect? Of the internet the port tells. */
static bool
is_for_pos(const struct address *pos, int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	} a = { .any = { .sa_family = AF_UNSPEC } };
	socklen_t bytes = sizeof(a), listens_bytes = sizeof(int);
	bool inet = pos->kind == ADDRESS_TCP || pos->kind == ADDRESS_TLS;
	int listens = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &listens_bytes) < 0 ||
	    !listens || getsockname(fd, &a.any, &bytes) < 0)
		return false;
	if (a.any.sa_family == AF_INET)
		return inet && ntohs(a.in.sin_port) == pos->port;
	if (a.any.sa_family == AF_INET6)
		return inet && ntohs(a.in6.sin6_port) == pos->port;
	return a.any.sa_family == AF_UNIX && pos->kind == ADDRESS_UNIX &&
	       strncmp(a.un.sun_path, pos->path, sizeof(a.un.sun_path)) == 0;
}

static int
listen_for_pos(struct endpoints *e, char why[STREAM_WHY_BYTES])
{
	struct stream_listen_options o = { .address = &e->pos,
					   .fd = endpoints_activated(),
					   .peers_max = ENDPOINTS_PEERS_MAX,
					   .refused = on_refused,
					   .ctx = e };

	if (o.fd >= 0 && !is_for_pos(&e->pos, o.fd)) {
		log_warn("the socket that systemd hands over is not the one of key pos, "
			 "which is listened on by itself; see laned-adapter@.socket");
		(void)close(o.fd); /* a copy */
		o.fd = -1;
	}
	return stream_listen(e->o.streams, &o, &e->listener, why);
}

int
endpoints_new(const struct endpoints_options *o, struct endpoints **ret_endpoints,
	      char why[STREAM_WHY_BYTES])
{
	struct endpoints *e = calloc(1, sizeof(*e));
	int rc;

	_Static_assert(ADDRESS_WHY_BYTES <= STREAM_WHY_BYTES, "one buffer for both");
	if (e == NULL)
		return -ENOMEM;
	e->o = *o;
	bypass_init(&e->bypass, clock_mono_ms());
	rc = framing_parse(o->where->framing, &e->framing);
	if (rc == 0)
		rc = parse(o->where->pos, true, &e->pos, why);
	if (rc == 0)
		rc = parse(o->where->terminal, false, &e->terminal, why);
	if (rc == 0)
		rc = loop_timer_new(o->loop, on_grace, e, &e->grace);
	if (rc == 0)
		rc = loop_timer_new(o->loop, on_ping_again, e, &e->ping_again);
	if (rc == 0)
		rc = loop_timer_new(o->loop, on_let_go, e, &e->let_go);
	if (rc == 0)
		rc = loop_timer_new(o->loop, on_leave, e, &e->leave);
	if (rc == 0)
		rc = listen_for_pos(e, why);
	if (rc < 0) {
		endpoints_free(e);
		return rc;
	}
	e->o.where = NULL; /* read; not kept */
	*ret_endpoints = e;
	return 0;
}

struct endpoints *
endpoints_free(struct endpoints *e)
{
	if (e == NULL)
		return NULL;
	endpoints_set_conns(e, NULL);
	stream_listener_free(e->listener);
	for (size_t i = 0; i < SESSIONS_MAX; i++) {
		(void)join_free(e->sessions[i].join);
		(void)stream_free(e->sessions[i].stream);
	}
	loop_timer_free(e->grace);
	loop_timer_free(e->ping_again);
	loop_timer_free(e->let_go);
	loop_timer_free(e->leave);
	free(e);
	return NULL;
}

void
endpoints_set_conns(struct endpoints *e, struct host_conns *conns)
{
	if (e->conns != NULL)
		host_conns_set_endpoints(e->conns, NULL, NULL);
	for (size_t i = 0; i < SESSIONS_MAX; i++)
		if (e->sessions[i].owner == OWNER_PLUGIN) {
			(void)host_conns_tap(e->conns, e->sessions[i].conn, NULL, NULL);
			e->sessions[i].owner = OWNER_NOBODY; /* ends with the plug-in */
		}
	e->conns = conns;
	e->listening = false;
	if (conns != NULL)
		host_conns_set_endpoints(conns, &of_plugin, e);
}

bool
endpoints_are_quiet(const struct endpoints *e)
{
	return e->bypass.relayed == 0;
}

const struct bypass *
endpoints_bypass(const struct endpoints *e)
{
	return &e->bypass;
}

void
endpoints_status(const struct endpoints *e, char text[ENDPOINTS_STATUS_BYTES])
{
	/* For people; the words are short. */
	(void)snprintf(text, ENDPOINTS_STATUS_BYTES, "%s: %s",
		       e->o.off ? "switched off" : "bypass",
		       e->o.off ? "the POS is joined to the terminal"
				: bypass_why(&e->bypass));
}

uint64_t
endpoints_relays(const struct endpoints *e)
{
	return e->relays;
}

struct framer *
endpoints_framer(struct endpoints *e, uint64_t conn)
{
	struct session *s = session_of(e, conn);

	return s == NULL ? NULL : &s->framer;
}

void
endpoints_forget(struct endpoints *e, uint64_t conn)
{
	struct session *s = session_of(e, conn);

	if (s != NULL)
		s->owner = OWNER_NOBODY;
}

enum framing
endpoints_framing(const struct endpoints *e)
{
	return e->framing;
}
