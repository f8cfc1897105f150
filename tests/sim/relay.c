/*
 * The adapter before a terminal, the very shared object of tests/terminal, in a process of its own: the real
 * bridge, rpc and endpoints, bypass, splice and framer around it, over lines in memory (virtual/lines.h). The
 * POS and the real terminal sit at their far ends; laned and its core are real, too, and a scripted payer
 * beside it charges the tokens.
 */
#include "sim/relay_private.h"

#include "sim/laned.h"
#include "sim/virtual/virtual.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 10000u

/* The plug-in's host table has no room for a context of ours: one run at a time. */
static struct relay_side *now_running;

/* ---- the host's table: what leads to lines is the real host's ------------------------------ */

/* The call has an effect: the process has not died. */
static int
called(const char *function)
{
	return bridge_side_called(&now_running->side, function);
}

static int
api_listen(struct laned_host *h, const char *option, const struct laned_conn_events *e,
	   void *user, uint64_t *ret_listener)
{
	int rc = called("conn_listen");

	(void)h;
	return rc != LANED_OK ? rc
			      : host_conns_listen(now_running->conns, option, e, user,
						  ret_listener);
}

/* Only a tunnel leads from the terminal to the POS, and the plug-in does not stand in it. */
static void
on_terminal_data(void *user, uint64_t conn, const uint8_t *data, size_t n)
{
	relay_never_secret(now_running->side.w, "the plug-in", data, n);
	now_running->of_terminal.data(user, conn, data, n);
}

static int
api_open(struct laned_host *h, const char *option, const struct laned_conn_events *e,
	 void *user, uint64_t *ret_conn)
{
	struct laned_conn_events events = *e;
	int rc = called("conn_open");

	(void)h;
	if (rc != LANED_OK)
		return rc;
	now_running->of_terminal = *e;
	events.data = on_terminal_data;
	return host_conns_open(now_running->conns, option, &events, user, ret_conn);
}

/* The last payment that the POS asked for by the id that is in these bytes. */
static const struct payment *
payment_in(const struct world *w, const uint8_t *data, size_t n)
{
	char id[PAYMENT_REF_BYTES + 2];

	for (uint32_t i = mem_journal_payments_count(w->journal); i-- > 0;) {
		const struct payment *p = mem_journal_payment(w->journal, i);

		(void)snprintf(id, sizeof(id), "\"%s\"", p->pos_ref); /* fits */
		if (p->pos_ref[0] != '\0' && memmem(data, n, id, strlen(id)) != NULL)
			return p;
	}
	return NULL;
}

/* An approval that leaves is on its way, whatever breaks now. */
static void
check_answer(struct world *w, const uint8_t *data, size_t n)
{
	static const char yes[] = "\"approved\"";
	const struct payment *p;

	if (memmem(data, n, yes, sizeof(yes) - 1) == NULL)
		return;
	p = payment_in(w, data, n);
	if (p == NULL ||
	    (p->state != PAYMENT_ANSWER_SENDING && p->state != PAYMENT_CONFIRMED))
		world_broken(w, INV_DURABLE "an answer leaves, and the journal says %s",
			     p == NULL ? "nothing" : payment_state_name(p->state));
}

static int
api_send(struct laned_host *h, uint64_t conn, const uint8_t *data, size_t n)
{
	struct relay_side *r = now_running;
	int rc = called("conn_send");

	(void)h;
	if (rc != LANED_OK)
		return rc;
	rc = host_conns_send(r->conns, conn, data, n);
	if (rc == LANED_OK && r->framing != FRAMING_ZVT_SERIAL)
		check_answer(r->side.w, data, n);
	return rc;
}

static void
api_close(struct laned_host *h, uint64_t conn)
{
	(void)h;
	(void)called("conn_close"); /* happens all the same */
	host_conns_close(now_running->conns, conn);
}

static int
api_splice(struct laned_host *h, uint64_t a, uint64_t b, const uint8_t *first, size_t n)
{
	int rc = called("splice");

	(void)h;
	return rc != LANED_OK ? rc : host_splice(now_running->splices, a, b, first, n);
}

static int
api_tunnel(struct laned_host *h, const struct laned_tunnel *t)
{
	int rc = called("tunnel");

	(void)h;
	return rc != LANED_OK ? rc : host_tunnel(now_running->splices, t);
}

static const struct laned_host_api *
table_of(struct drop_side *d)
{
	struct relay_side *r = d->w->relay;

	r->api = *vhost_api();
	r->api.conn_listen = api_listen;
	r->api.conn_open = api_open;
	r->api.conn_send = api_send;
	r->api.conn_close = api_close;
	r->api.splice = api_splice;
	r->api.tunnel = api_tunnel;
	return &r->api;
}

/* ---- the process ------------------------------------------------------------------------- */

static int
on_called(void *ctx, const char *function)
{
	return bridge_side_called(ctx, function);
}

static void
on_log(void *ctx, uint32_t level, struct laned_str text)
{
	struct drop_side *d = ctx;

	(void)level;
	relay_never_secret(d->w, "the log", text.p, text.n);
}

static int
no_address(void *ctx, const char *option, struct str *ret_text)
{
	(void)ctx;
	(void)option;
	(void)ret_text;
	return -ENOENT; /* there are only the endpoints */
}

static int
on_ping(void *ctx, int64_t timeout_ms, void (*done)(void *ctx, bool alive),
	void *done_ctx)
{
	struct relay_side *r = ctx;

	return r->side.bridge == NULL
		       ? -EPIPE
		       : bridge_ping(r->side.bridge, timeout_ms, done, done_ctx);
}

/* As serve.c puts a host together. */
static void
born(struct drop_side *d)
{
	struct relay_side *r = d->w->relay;
	const struct host_conns_options co = { .loop = d->loop,
					       .address = no_address,
					       .name = "relay" };
	struct endpoints_options eo = {
		.loop = d->loop, .where = &r->where, .ping = on_ping, .ctx = r
	};
	struct host_conns_options o = co;
	char why[STREAM_WHY_BYTES] = "";

	if (streams_new(d->loop, NULL, &r->streams) < 0)
		abort();
	o.streams = eo.streams = r->streams;
	if (host_conns_new(&o, &r->conns) < 0 ||
	    host_splices_new(r->conns, &r->splices) < 0 ||
	    endpoints_new(&eo, &r->endpoints, why) < 0) {
		(void)fprintf(stderr, "sim: endpoints: %s\n", why);
		abort();
	}
	endpoints_set_conns(r->endpoints, r->conns);
	host_splices_set_endpoints(r->splices, r->endpoints);
}

static void
runs(struct drop_side *d)
{
	endpoints_event(d->w->relay->endpoints, BYPASS_PLUGIN_READY);
}

static void
gone(struct drop_side *d)
{
	struct relay_side *r = d->w->relay;

	host_splices_set_endpoints(r->splices, NULL);
	r->endpoints = endpoints_free(r->endpoints);
	r->splices = host_splices_free(r->splices);
	r->conns = host_conns_free(r->conns);
	r->streams = streams_free(r->streams);
}

static void
on_laned(void *side, enum bridge_laned what)
{
	static const enum bypass_event events[] = {
		[BRIDGE_LANED_HERE] = BYPASS_LANED_HERE,
		[BRIDGE_LANED_LOST] = BYPASS_LANED_LOST,
		[BRIDGE_LANED_SILENT] = BYPASS_LANED_SILENT,
	};
	struct drop_side *d = side;

	if (!d->dying && d->w->relay->endpoints != NULL)
		endpoints_event(d->w->relay->endpoints, events[what]);
}

static const struct process the_process = {
	.name = "relay",
	.socket = "/sim/adapter-relay.sock",
	.starts = MSG_RELAY_STARTS,
	.born = born,
	.gone = gone,
	.runs = runs,
	.laned = on_laned,
	.api = table_of,
};

static void
starts(struct relay_side *r)
{
	struct drop_side *d = &r->side;
	const struct vhost_hooks hooks = { d, on_called, on_log };

	if (d->loop != NULL)
		return;
	vhost_free(d->host);
	if (vhost_new(d->table, world_random(d->w), &hooks, &d->host) < 0 ||
	    vhost_set_option(d->host, "frames",
			     r->frames == FRAMES_LENGTH4   ? "length4"
			     : r->frames == FRAMES_LENGTH2 ? "length2"
			     : r->frames == FRAMES_ZVT     ? "zvt"
							   : "zvt-serial") < 0)
		abort();
	(void)vhost_step(d->host, d->w->now.mono_ms); /* only the time moves */
	bridge_side_start(d);
}

int64_t
relay_due(struct world *w)
{
	return bridge_side_due(&w->relay->side);
}

void
relay_work(struct world *w)
{
	bridge_side_work(&w->relay->side);
}

void
relay_die(struct world *w)
{
	if (w->relay->side.loop != NULL)
		bridge_side_die(&w->relay->side);
}

void
relay_peers_restart(struct world *w)
{
	bool pos = world_random(w) % 2 == 0;

	world_trace(w, "the %s starts again", pos ? "POS" : "terminal");
	for (uint32_t i = 0; i < FARS_MAX; i++) {
		struct far *f = &w->relay->fars[i];

		if (f->line != 0 && !f->over && f->terminal != pos)
			relay_far_end(w->relay, f, -ECONNRESET);
	}
	if (!pos)
		w->relay->away_until_ms = w->now.mono_ms + world_delay(w, 1000, 20000);
}

/* ---- the lines' hooks -------------------------------------------------------------------- */

static int
on_opens(void *ctx, int64_t *ret_delay_ms)
{
	struct relay_side *r = ctx;
	struct world *w = r->side.w;

	if (world_fault(w, SIM_FAULT_LINE_DOWN, 40))
		r->away_until_ms = w->now.mono_ms + world_delay(w, 1000, 20000);
	*ret_delay_ms = world_delay(w, 0, 20);
	if (w->quiet || w->now.mono_ms >= r->away_until_ms)
		return 0;
	*ret_delay_ms = world_delay(w, 0, 2000);
	return -ECONNREFUSED;
}

static void
on_stands(void *ctx, uint64_t line)
{
	(void)relay_far_new(ctx, line, true);
}

static void
on_sent(void *ctx, uint64_t line)
{
	struct relay_side *r = ctx;
	struct far *f = relay_far(r, line);

	if (f == NULL || f->over || f->reading)
		return;
	f->reading = true;
	world_post(r->side.w, MSG_RELAY_READ, world_delay(r->side.w, 0, 20))->req = line;
}

void
relay_killed(struct world *w)
{
	virtual_lines_kill();
	if (!w->relay->activated)
		virtual_lines_refuse();
}

void
relay_looks(struct world *w, const char *bytes, size_t n)
{
	relay_never_secret(w, "what goes to laned", bytes, n);
}

/* ---- a run ------------------------------------------------------------------------------- */

void
relay_message(struct world *w, const struct message *m)
{
	struct relay_side *r = w->relay;

	if (m->kind == MSG_RELAY_STARTS)
		starts(r);
	else if (m->kind == MSG_RELAY_READ)
		relay_far_reads(r, m->req);
	else if (m->kind == MSG_RELAY_SAY)
		relay_terminal_says(r, m->req);
	else if (m->kind == MSG_RELAY_AGAIN)
		relay_far_again(r, m);
	else
		relay_pos_tick(r);
}

/* How POS and terminal speak, and where; how much a line holds. */
static void
take_seed(struct relay_side *r, uint64_t seed)
{
	static const size_t sizes[] = { 64, 300, 2000, 20000, 200000, 1048576 };
	static const enum frames_kind frames[] = {
		[FRAMING_CONNECTION] = FRAMES_LENGTH4,
		[FRAMING_ZVT] = FRAMES_ZVT,
		[FRAMING_ZVT_SERIAL] = FRAMES_ZVT_SERIAL,
		[FRAMING_LENGTH2] = FRAMES_LENGTH2,
		[FRAMING_LENGTH4] = FRAMES_LENGTH4,
	};
	const struct virtual_lines_hooks hooks = {
		.ctx = r,
		.opens = on_opens,
		.stands = on_stands,
		.sent = on_sent,
		.unsent_max = sizes[seed / 5 % 6],
		.system_bytes = sizes[seed / 7 % 4],
	};
	bool serial;

	r->framing = (enum framing)(seed % 5);
	r->frames = frames[r->framing];
	serial = r->framing == FRAMING_ZVT_SERIAL;
	r->activated = seed / 3 % 2 == 0 && !serial;
	(void)str_copy(r->where.pos, sizeof(r->where.pos),
		       serial ? STR("serial:///dev/ttyS0?9600,8N1")
			      : STR("tcp://127.0.0.1:20007"));
	(void)str_copy(r->where.terminal, sizeof(r->where.terminal),
		       serial ? STR("serial:///dev/ttyS1?9600,8N1")
			      : STR("tcp://127.0.0.1:20008"));
	(void)str_copy(r->where.framing, sizeof(r->where.framing),
		       str_of(framing_name(r->framing)));
	virtual_lines_begin(&hooks);
}

struct relay_side *
relay_new(struct world *w, const char *path)
{
	static struct plugin *plugin; /* it has no writable data */
	struct relay_side *r = calloc(1, sizeof(*r));
	char why[PLUGIN_WHY_BYTES] = "";

	if (plugin == NULL && plugin_load(path, &plugin, why) < 0) {
		(void)fprintf(stderr, "sim: %s: %s\n", path, why);
		abort();
	}
	if (r == NULL)
		abort();
	now_running = w->relay = r;
	r->now = FARS_MAX;
	r->side.w = w;
	r->side.is = &the_process;
	r->side.plugin = plugin;
	r->side.table = plugin_table(plugin);
	take_seed(r, w->opt.seed);
	starts(r);
	return r;
}

struct relay_side *
relay_free(struct relay_side *r)
{
	struct drop_side *d;

	if (r == NULL)
		return NULL;
	d = &r->side;
	d->inside = false;
	if (d->loop != NULL) {
		bridge_side_stop(d);
		vhost_forget_deferred(d->host);
		if (vhost_allocated(d->host) > 0)
			world_broken(d->w, INV_ALIVE "the adapter leaves %zu bytes",
				     vhost_allocated(d->host));
	}
	d->w->res->pushed_back = virtual_lines_pushed_back();
	(void)vhost_free(d->host); /* gives NULL */
	for (uint32_t i = 0; i < FARS_MAX; i++)
		relay_far_forget(&r->fars[i]);
	virtual_lines_begin(NULL);
	free(r->basket);
	d->w->relay = now_running = NULL;
	free(r);
	return NULL;
}
