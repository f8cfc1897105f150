#include "adapter/host.h"

#include "adapter/guard.h"
#include "adapter/host_limits.h"
#include "adapter/host_secret.h"
#include "adapter/host_typing.h"
#include "adapter/watch.h"

#include "base/clock.h"
#include "base/crash.h"
#include "base/crypto.h"
#include "base/log.h"

#include <errno.h>
#include <limits.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RANDOM_BYTES_MAX 4096u
#define LOG_BYTES_MAX 1000

struct laned_host {
	struct loop *loop;
	const struct adapter_conf *conf;
	struct host_timers *timers;
	struct host_dirs *dirs;
	struct streams *streams;
	struct host_conns *conns;
	struct host_typing *typing;
	struct host_splices *splices;
	const struct host_link *link;
	struct host_limits limits;
	uint64_t pans_refused;
	size_t allocated;
};

/* In front of what the plug-in gets. */
struct block {
	alignas(max_align_t) size_t bytes;
};

static struct str
str_in(struct laned_str s)
{
	return (struct str){ s.p, s.n };
}

static void
tell_flood(struct laned_host *h, enum host_limit kind)
{
	char what[64];
	struct strbuf b;

	log_event(LOG_WARNING, "adapter-flood", NULL,
		  "the plug-in floods: %s beyond the limit are refused and counted (%llu "
		  "so far)",
		  host_limit_name(kind),
		  (unsigned long long)host_limits_refused(&h->limits, kind));
	if (h->link == NULL || h->link->odd == NULL)
		return;
	strbuf_init(&b, what, sizeof(what));
	strbuf_addf(&b, "floods: too many %s", host_limit_name(kind)); /* fits */
	h->link->odd(h->link->ctx, what);
}

/* False: the plug-in asks for too much. */
static bool
may(struct laned_host *h, enum host_limit kind, uint32_t units)
{
	enum host_limits_verdict v =
		host_limits_take(&h->limits, kind, units, clock_mono_ms());

	if (v == HOST_LIMITS_BEGINS)
		tell_flood(h, kind);
	return v == HOST_LIMITS_TAKEN;
}

/* ---- basics ------------------------------------------------------------------------------ */

static void
api_log(struct laned_host *h, uint32_t level, struct laned_str text)
{
	int n = text.n > LOG_BYTES_MAX ? LOG_BYTES_MAX : (int)text.n;

	if (!may(h, HOST_LIMIT_LOG, 1))
		return;
	if (level < LANED_LOG_ERR)
		level = LANED_LOG_ERR;
	if (level > LANED_LOG_DEBUG)
		level = LANED_LOG_DEBUG;
	log_event((int)level, NULL, NULL, "%s: %.*s",
		  h->conf == NULL ? "plug-in" : adapter_conf_name(h->conf), n,
		  text.n == 0 ? "" : text.p);
}

static int64_t
api_mono_ms(struct laned_host *h)
{
	(void)h;
	return clock_mono_ms();
}

static int64_t
api_wall_ms(struct laned_host *h)
{
	(void)h;
	return clock_wall_ms();
}

static int
api_random(struct laned_host *h, void *buf, size_t n)
{
	(void)h;
	if (n > RANDOM_BYTES_MAX)
		return LANED_TOO_LARGE;
	return crypto_random(buf, n) < 0 ? LANED_IO : LANED_OK;
}

static void *
api_alloc(struct laned_host *h, size_t bytes)
{
	struct block *b;

	if (bytes > HOST_ALLOC_BYTES_MAX - h->allocated) {
		if (bytes <= LANED_FILE_BYTES_MAX)
			watch_used_up(); /* not even a file could be read */
		return NULL;
	}
	b = calloc(1, sizeof(*b) + bytes);
	if (b == NULL)
		return NULL;
	b->bytes = bytes;
	h->allocated += bytes;
	return b + 1;
}

static void
api_free(struct laned_host *h, void *p)
{
	struct block *b = p;

	if (p == NULL)
		return;
	b--;
	h->allocated -= b->bytes;
	explicit_bzero(b, sizeof(*b) + b->bytes);
	free(b);
}

static int
api_timer_set(struct laned_host *h, uint32_t delay_ms, laned_timer_fn fn, void *user,
	      uint64_t *ret_timer)
{
	return host_timers_set(h->timers, delay_ms, fn, user, ret_timer);
}

static void
api_timer_cancel(struct laned_host *h, uint64_t timer)
{
	host_timers_cancel(h->timers, timer);
}

static int
option(struct laned_host *h, const char *name, struct adapter_option *ret_option)
{
	if (h->conf == NULL || adapter_conf_option(h->conf, name, ret_option) < 0)
		return LANED_MISSING;
	return LANED_OK;
}

static int
api_option_str(struct laned_host *h, const char *name, struct laned_str *ret_value)
{
	struct adapter_option o;
	int rc = option(h, name, &o);

	if (rc == LANED_OK)
		*ret_value = (struct laned_str){ o.text, strlen(o.text) };
	return rc;
}

static int
api_option_int(struct laned_host *h, const char *name, int64_t *ret_value)
{
	struct adapter_option o;
	int rc = option(h, name, &o);

	if (rc == LANED_OK && o.type != LANED_OPT_INT && o.type != LANED_OPT_BOOL &&
	    o.type != LANED_OPT_DURATION)
		rc = LANED_INVALID;
	if (rc == LANED_OK)
		*ret_value = o.number;
	return rc;
}

static int
api_secret(struct laned_host *h, const char *name, uint8_t *buf, size_t *n)
{
	struct adapter_option o;

	if (name == NULL || n == NULL || (buf == NULL && *n > 0))
		return LANED_INVALID;
	if (option(h, name, &o) != LANED_OK || o.type != LANED_OPT_SECRET)
		return LANED_MISSING;
	return host_secret_read(adapter_conf_name(h->conf), name, o.text, buf, n);
}

static int
api_guard(struct laned_host *h, struct laned_str text)
{
	return host_guard(h, text) ? LANED_PAN : LANED_OK;
}

/* ---- folders ----------------------------------------------------------------------------- */

static int
api_dir_watch(struct laned_host *h, const char *name, uint32_t poll_ms, laned_dir_fn fn,
	      void *user)
{
	return host_dirs_watch(h->dirs, name, poll_ms, fn, user);
}

static int
api_dir_list(struct laned_host *h, const char *name, laned_name_fn fn, void *user)
{
	return host_dirs_list(h->dirs, name, fn, user);
}

/* Reads n bytes, or less when the file is shorter by now. */
static ssize_t
read_all(int fd, char *buf, size_t n)
{
	size_t got = 0;

	while (got < n) {
		ssize_t more = read(fd, buf + got, n - got);

		if (more < 0 && errno == EINTR)
			continue;
		if (more < 0)
			return -errno;
		if (more == 0)
			break;
		got += (size_t)more;
	}
	return (ssize_t)got;
}

static int
api_dir_read(struct laned_host *h, const char *name, struct laned_str file,
	     struct laned_file *ret_file)
{
	struct laned_file f = { .size = sizeof(f) };
	uint64_t bytes;
	ssize_t n = 0;
	int fd, rc;

	rc = host_dirs_open(h->dirs, name, str_in(file), &fd, &bytes, &f.version);
	if (rc != LANED_OK)
		return rc;
	crash_point("host.read");
	if (bytes > LANED_FILE_BYTES_MAX) {
		rc = LANED_TOO_LARGE;
		bytes = 0;
	}
	f.data = rc == LANED_OK ? api_alloc(h, (size_t)bytes + 1) : NULL;
	if (rc == LANED_OK)
		n = f.data == NULL ? -ENOMEM : read_all(fd, f.data, (size_t)bytes);
	(void)close(fd); /* read only */
	if (n < 0) {
		api_free(h, f.data);
		return n == -ENOMEM ? LANED_NO_MEMORY : LANED_IO;
	}
	f.bytes = (size_t)n;
	*ret_file = f;
	return rc;
}

static int
api_dir_put(struct laned_host *h, const char *name, struct laned_str file,
	    struct laned_str data)
{
	return host_dirs_put(h->dirs, name, str_in(file), str_in(data));
}

static int
api_dir_remove(struct laned_host *h, const char *name, struct laned_str file,
	       uint64_t version)
{
	return host_dirs_remove(h->dirs, name, str_in(file), version);
}

static int
api_dir_set_aside(struct laned_host *h, const char *name, struct laned_str file,
		  uint64_t version)
{
	return host_dirs_set_aside(h->dirs, name, str_in(file), version);
}

/* ---- connections ------------------------------------------------------------------------- */

static int
address_of(void *ctx, const char *name, struct str *ret_text)
{
	const struct laned_host *h = ctx;
	struct adapter_option o;

	if (h->conf == NULL || adapter_conf_option(h->conf, name, &o) < 0 ||
	    o.type != LANED_OPT_ADDRESS)
		return -ENOENT;
	*ret_text = str_of(o.text);
	return 0;
}

static int
api_conn_open(struct laned_host *h, const char *name,
	      const struct laned_conn_events *events, void *user, uint64_t *ret_conn)
{
	return host_conns_open(h->conns, name, events, user, ret_conn);
}

static int
api_conn_listen(struct laned_host *h, const char *name,
		const struct laned_conn_events *events, void *user,
		uint64_t *ret_listener)
{
	return host_conns_listen(h->conns, name, events, user, ret_listener);
}

static int
api_conn_send(struct laned_host *h, uint64_t conn, const uint8_t *data, size_t n)
{
	return host_conns_send(h->conns, conn, data, n);
}

static void
api_conn_close(struct laned_host *h, uint64_t conn)
{
	host_conns_close(h->conns, conn);
}

static int
api_conn_modem(struct laned_host *h, uint64_t conn, uint32_t mask, uint32_t lines)
{
	return host_conns_modem(h->conns, conn, mask, lines);
}

static int
api_splice(struct laned_host *h, uint64_t a, uint64_t b, const uint8_t *first, size_t n)
{
	return host_splice(h->splices, a, b, first, n);
}

static int
api_tunnel(struct laned_host *h, const struct laned_tunnel *t)
{
	return host_tunnel(h->splices, t);
}

/* ---- to laned ---------------------------------------------------------------------------- */

static int
api_journal(struct laned_host *h, uint64_t req, const struct laned_key *key,
	    uint32_t state, struct laned_str blob)
{
	bool pan = blob.n <= LANED_BLOB_BYTES_MAX && guard_blob(blob);

	crash_point("host.journal");
	h->pans_refused += pan;
	if (h->link == NULL || blob.n > LANED_BLOB_BYTES_MAX || pan ||
	    !may(h, HOST_LIMIT_JOURNAL, 1))
		return LANED_NOT_DURABLE;
	return h->link->journal(h->link->ctx, req, key, state, blob);
}

static int
api_journal_find(struct laned_host *h, struct laned_str ref,
		 struct laned_entry *ret_entry)
{
	if (h->link == NULL)
		return LANED_GONE;
	if (!may(h, HOST_LIMIT_FIND, 1))
		return LANED_AGAIN;
	return h->link->journal_find(h->link->ctx, ref, ret_entry);
}

static int
api_event(struct laned_host *h, struct laned_event *ev)
{
	bool wanted = ev->type == LANED_EV_TENDER_WANTED;

	crash_point("host.event");
	if (guard_event_size(ev))
		return wanted ? LANED_NOT_DURABLE : LANED_INVALID;
	if (guard_event(ev)) {
		h->pans_refused++;
		return wanted ? LANED_NOT_DURABLE : LANED_PAN;
	}
	if (h->link == NULL)
		return wanted ? LANED_NOT_DURABLE : LANED_GONE;
	if (!may(h, HOST_LIMIT_EVENT, 1))
		return wanted ? LANED_NOT_DURABLE : LANED_AGAIN;
	return h->link->event(h->link->ctx, ev);
}

static int
api_pos_basket(struct laned_host *h, const struct laned_basket *b, laned_ack_fn ack,
	       void *user)
{
	int rc = LANED_OK;

	if (guard_basket(b)) {
		h->pans_refused++;
		rc = LANED_PAN;
	}
	crash_point("host.basket");
	if (rc == LANED_OK && h->link == NULL)
		rc = LANED_GONE;
	if (rc == LANED_OK &&
	    !may(h, HOST_LIMIT_POS, 1 + b->lines_count / HOST_LIMIT_LINES_PER_UNIT))
		rc = LANED_AGAIN;
	return rc != LANED_OK ? rc : h->link->pos_basket(h->link->ctx, b, ack, user);
}

static int
api_pos_claim(struct laned_host *h, struct laned_str ticket, uint32_t kind,
	      struct laned_str value, laned_ack_fn ack, void *user)
{
	crash_point("host.claim");
	if (host_guard(h, value))
		return LANED_PAN;
	if (h->link == NULL)
		return LANED_GONE;
	if (!may(h, HOST_LIMIT_POS, 1))
		return LANED_AGAIN;
	return h->link->pos_claim(h->link->ctx, ticket, kind, value, ack, user);
}

static int
api_pos_cancel(struct laned_host *h, struct laned_str ticket, laned_ack_fn ack,
	       void *user)
{
	crash_point("host.cancel");
	if (h->link == NULL)
		return LANED_GONE;
	if (!may(h, HOST_LIMIT_POS, 1))
		return LANED_AGAIN;
	return h->link->pos_cancel(h->link->ctx, ticket, ack, user);
}

/*
 * An outcome is never dropped for what stands beside it: a text with a card number is left out of
 * the completion.
 */
static int
api_complete(struct laned_host *h, const struct laned_result *r, laned_ack_fn ack,
	     void *user)
{
	struct laned_result copy = *r;

	crash_point("host.complete");
	h->pans_refused += guard_result(&copy);
	if (h->link == NULL)
		return LANED_GONE;
	if ((copy.flags & LANED_RESULT_LATE) != 0 && !may(h, HOST_LIMIT_LATE, 1))
		return LANED_AGAIN;
	return h->link->complete(h->link->ctx, &copy, ack, user);
}

static int
api_type_start(struct laned_host *h, const char *name, struct laned_str text,
	       laned_typed_fn done, void *user)
{
	if (host_guard(h, text))
		return LANED_PAN;
	return host_typing_start(h->typing, name, text, done, user);
}

static int
api_type_cancel(struct laned_host *h, const char *name)
{
	return host_typing_cancel(h->typing, name);
}

static const struct laned_host_api api = {
	.size = sizeof(struct laned_host_api),
	.abi_major = LANED_ABI_MAJOR,
	.abi_minor = LANED_ABI_MINOR,
	.log = api_log,
	.mono_ms = api_mono_ms,
	.wall_ms = api_wall_ms,
	.random = api_random,
	.alloc = api_alloc,
	.free = api_free,
	.timer_set = api_timer_set,
	.timer_cancel = api_timer_cancel,
	.option_str = api_option_str,
	.option_int = api_option_int,
	.secret = api_secret,
	.guard = api_guard,
	.dir_watch = api_dir_watch,
	.dir_list = api_dir_list,
	.dir_read = api_dir_read,
	.dir_put = api_dir_put,
	.dir_remove = api_dir_remove,
	.dir_set_aside = api_dir_set_aside,
	.conn_open = api_conn_open,
	.conn_listen = api_conn_listen,
	.conn_send = api_conn_send,
	.conn_close = api_conn_close,
	.conn_modem = api_conn_modem,
	.splice = api_splice,
	.type_start = api_type_start,
	.type_cancel = api_type_cancel,
	.journal = api_journal,
	.journal_find = api_journal_find,
	.event = api_event,
	.pos_basket = api_pos_basket,
	.pos_claim = api_pos_claim,
	.pos_cancel = api_pos_cancel,
	.complete = api_complete,
	.tunnel = api_tunnel,
};

/* Declares the folders that the options name. */
static int
add_dirs(struct laned_host *h)
{
	struct adapter_option o;
	int rc = 0;

	for (size_t i = 0;
	     rc == 0 && h->conf != NULL && adapter_conf_option_at(h->conf, i, &o) == 0;
	     i++)
		if (o.type == LANED_OPT_DIR)
			rc = host_dirs_add(h->dirs, o.name, o.text);
	return rc;
}

static int
add_conns(struct laned_host *h)
{
	struct host_conns_options o = {
		.loop = h->loop,
		.address = address_of,
		.ctx = h,
		.name = h->conf == NULL ? "plug-in" : adapter_conf_name(h->conf),
	};
	int rc = streams_new(h->loop, getenv("CREDENTIALS_DIRECTORY"), &h->streams);

	o.streams = h->streams;
	if (rc == 0)
		rc = host_conns_new(&o, &h->conns);
	return rc < 0 ? rc : host_splices_new(h->conns, &h->splices);
}

/* Before the sandbox is entered: /dev/uinput is asked for a keyboard here. */
static int
add_typing(struct laned_host *h)
{
	struct adapter_option o;
	int rc = host_typing_new(h->loop, h->streams, NULL, &h->typing);

	for (size_t i = 0;
	     rc == 0 && h->conf != NULL && adapter_conf_option_at(h->conf, i, &o) == 0;
	     i++)
		if (o.type == LANED_OPT_ADDRESS)
			(void)host_typing_add(h->typing, o.name,
					      o.text); /* said; type_start refuses */
	return rc;
}

int
host_new(struct loop *l, const struct adapter_conf *conf, struct laned_host **ret_host)
{
	struct laned_host *h = calloc(1, sizeof(*h));
	int rc;

	if (h == NULL)
		return -ENOMEM;
	h->loop = l;
	h->conf = conf;
	rc = host_timers_new(l, &h->timers);
	if (rc == 0)
		rc = host_dirs_new(l, &h->dirs);
	if (rc == 0)
		rc = add_dirs(h);
	if (rc == 0)
		rc = add_conns(h);
	if (rc == 0)
		rc = add_typing(h);
	if (rc < 0) {
		host_free(h);
		return rc;
	}
	*ret_host = h;
	return 0;
}

struct laned_host *
host_free(struct laned_host *h)
{
	if (h == NULL)
		return NULL;
	host_typing_free(h->typing);
	host_splices_free(h->splices);
	host_conns_free(h->conns);
	streams_free(h->streams);
	host_dirs_free(h->dirs);
	host_timers_free(h->timers);
	free(h);
	return NULL;
}

void
host_set_link(struct laned_host *h, const struct host_link *link)
{
	h->link = link;
}

struct streams *
host_streams(struct laned_host *h)
{
	return h->streams;
}

struct host_conns *
host_conns(struct laned_host *h)
{
	return h->conns;
}

struct host_splices *
host_splices(struct laned_host *h)
{
	return h->splices;
}

const struct laned_host_api *
host_api(void)
{
	return &api;
}

uint64_t
host_pans_refused(const struct laned_host *h)
{
	return h->pans_refused;
}

uint64_t
host_refused(const struct laned_host *h)
{
	return host_limits_refused_all(&h->limits) + host_conns_misuse(h->conns) +
	       host_conns_refused(h->conns);
}

size_t
host_allocated(const struct laned_host *h)
{
	return h->allocated;
}

bool
host_guard(struct laned_host *h, struct laned_str s)
{
	if (!guard_text(s))
		return false;
	h->pans_refused++;
	return true;
}
