#include "adapter/vhost_private.h"
#include "adapter/vhost_splice.h"

#include "adapter/guard.h"
#include "adapter/plugin_describe.h"

#include "base/plugin_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define START_MS 1000
#define WALL_MS INT64_C(1790000000000) /* of mono 0 */
#define RANDOM_BYTES_MAX 4096u
#define LIST_FIRST 16u /* elements of a list that grows */

struct vhost *
vhost_of(struct laned_host *h)
{
	return (struct vhost *)(void *)h;
}

int
vhost_called(struct vhost *v, const char *function)
{
	return v->hooks.called == NULL ? LANED_OK
				       : v->hooks.called(v->hooks.ctx, function);
}

bool
vhost_has_pan(struct vhost *v, struct laned_str s)
{
	if (!guard_text(s))
		return false;
	v->pans_refused++;
	return true;
}

static bool
blob_has_pan(struct vhost *v, struct laned_str blob)
{
	if (!guard_blob(blob))
		return false;
	v->pans_refused++;
	return true;
}

/* ---- basics ------------------------------------------------------------------------------ */

static void
api_log(struct laned_host *h, uint32_t level, struct laned_str text)
{
	struct vhost *v = vhost_of(h);

	(void)vhost_called(v, "log");
	if (v->hooks.log != NULL)
		v->hooks.log(v->hooks.ctx, level, text);
}

static int64_t
api_mono_ms(struct laned_host *h)
{
	return vhost_of(h)->now_ms;
}

static int64_t
api_wall_ms(struct laned_host *h)
{
	return WALL_MS + vhost_of(h)->now_ms;
}

/* splitmix64 (Steele, Lea, Flood): every seed gives a full, different sequence. */
static uint64_t
random_next(struct vhost *v)
{
	uint64_t z = (v->rng += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static int
api_random(struct laned_host *h, void *buf, size_t n)
{
	struct vhost *v = vhost_of(h);
	uint8_t *p = buf;
	int rc = vhost_called(v, "random");

	if (rc == LANED_OK && n > RANDOM_BYTES_MAX)
		rc = LANED_TOO_LARGE;
	for (size_t i = 0; rc == LANED_OK && i < n; i++)
		p[i] = (uint8_t)random_next(v);
	return rc;
}

int
vhost_grow(void **list, uint32_t *room, size_t bytes_each)
{
	uint32_t more = *room == 0 ? LIST_FIRST : 2 * *room;
	void *p = realloc(*list, more * bytes_each);

	if (p == NULL)
		return -ENOMEM;
	*list = p;
	*room = more;
	return 0;
}

void *
vhost_take_memory(struct vhost *v, size_t bytes)
{
	struct vhost_block *b;

	if (bytes > HOST_ALLOC_BYTES_MAX - v->allocated)
		return NULL;
	b = calloc(1, sizeof(*b) + bytes);
	if (b == NULL)
		return NULL;
	b->bytes = bytes;
	b->next = v->blocks.next;
	b->prev = &v->blocks;
	b->next->prev = b;
	v->blocks.next = b;
	v->allocated += bytes;
	return b + 1;
}

static void *
api_alloc(struct laned_host *h, size_t bytes)
{
	return vhost_called(vhost_of(h), "alloc") == LANED_OK
		       ? vhost_take_memory(vhost_of(h), bytes)
		       : NULL;
}

static void
give_back(struct vhost *v, struct vhost_block *b)
{
	b->prev->next = b->next;
	b->next->prev = b->prev;
	v->allocated -= b->bytes;
	free(b); /* nothing in here is a secret */
}

static void
api_free(struct laned_host *h, void *p)
{
	if (p != NULL)
		give_back(vhost_of(h), (struct vhost_block *)p - 1);
}

struct vhost_option *
vhost_option_find(struct vhost *v, const char *name)
{
	for (uint32_t i = 0; i < v->table->options_count; i++)
		if (strcmp(v->options[i].row->name, name) == 0)
			return &v->options[i];
	return NULL;
}

static int
api_option_str(struct laned_host *h, const char *name, struct laned_str *ret_value)
{
	const struct vhost_option *o = vhost_option_find(vhost_of(h), name);
	int rc = vhost_called(vhost_of(h), "option_str");

	if (rc == LANED_OK && o == NULL)
		rc = LANED_MISSING;
	if (rc == LANED_OK)
		*ret_value = (struct laned_str){ o->text, strlen(o->text) };
	return rc;
}

static int
api_option_int(struct laned_host *h, const char *name, int64_t *ret_value)
{
	const struct vhost_option *o = vhost_option_find(vhost_of(h), name);
	int rc = vhost_called(vhost_of(h), "option_int");

	if (rc == LANED_OK && o == NULL)
		rc = LANED_MISSING;
	if (rc == LANED_OK && o->row->type != LANED_OPT_INT &&
	    o->row->type != LANED_OPT_BOOL && o->row->type != LANED_OPT_DURATION)
		rc = LANED_INVALID;
	if (rc == LANED_OK)
		*ret_value = o->number;
	return rc;
}

static int
api_guard(struct laned_host *h, struct laned_str text)
{
	return vhost_has_pan(vhost_of(h), text) ? LANED_PAN : LANED_OK;
}

/* ---- to laned ---------------------------------------------------------------------------- */

static int
api_journal(struct laned_host *h, uint64_t req, const struct laned_key *key,
	    uint32_t state, struct laned_str blob)
{
	struct vhost *v = vhost_of(h);

	if (vhost_called(v, "journal") != LANED_OK || v->link == NULL ||
	    blob.n > LANED_BLOB_BYTES_MAX || blob_has_pan(v, blob))
		return LANED_NOT_DURABLE;
	return v->link->journal(v->link->ctx, req, key, state, blob);
}

static int
api_journal_find(struct laned_host *h, struct laned_str ref,
		 struct laned_entry *ret_entry)
{
	struct vhost *v = vhost_of(h);
	int rc = vhost_called(v, "journal_find");

	if (rc == LANED_OK && v->link == NULL)
		rc = LANED_GONE;
	return rc != LANED_OK ? rc : v->link->journal_find(v->link->ctx, ref, ret_entry);
}

static int
api_event(struct laned_host *h, struct laned_event *ev)
{
	struct vhost *v = vhost_of(h);
	bool wanted = ev->type == LANED_EV_TENDER_WANTED;
	int rc = vhost_called(v, "event");

	if (rc == LANED_OK && guard_event_size(ev))
		rc = LANED_INVALID;
	if (rc == LANED_OK && guard_event(ev)) {
		v->pans_refused++;
		rc = LANED_PAN;
	}
	if (rc == LANED_OK && v->link == NULL)
		rc = LANED_GONE;
	if (rc != LANED_OK)
		return wanted ? LANED_NOT_DURABLE : rc;
	return v->link->event(v->link->ctx, ev);
}

static int
api_pos_basket(struct laned_host *h, const struct laned_basket *b, laned_ack_fn ack,
	       void *user)
{
	struct vhost *v = vhost_of(h);
	int rc = vhost_called(v, "pos_basket");

	if (rc == LANED_OK && guard_basket(b)) {
		v->pans_refused++;
		rc = LANED_PAN;
	}
	if (rc == LANED_OK && v->link == NULL)
		rc = LANED_GONE;
	return rc != LANED_OK ? rc : v->link->pos_basket(v->link->ctx, b, ack, user);
}

static int
api_pos_claim(struct laned_host *h, struct laned_str ticket, uint32_t kind,
	      struct laned_str value, laned_ack_fn ack, void *user)
{
	struct vhost *v = vhost_of(h);
	int rc = vhost_called(v, "pos_claim");

	if (rc == LANED_OK && vhost_has_pan(v, value))
		rc = LANED_PAN;
	if (rc == LANED_OK && v->link == NULL)
		rc = LANED_GONE;
	return rc != LANED_OK
		       ? rc
		       : v->link->pos_claim(v->link->ctx, ticket, kind, value, ack, user);
}

static int
api_pos_cancel(struct laned_host *h, struct laned_str ticket, laned_ack_fn ack,
	       void *user)
{
	struct vhost *v = vhost_of(h);
	int rc = vhost_called(v, "pos_cancel");

	if (rc == LANED_OK && v->link == NULL)
		rc = LANED_GONE;
	return rc != LANED_OK ? rc : v->link->pos_cancel(v->link->ctx, ticket, ack, user);
}

static int
api_complete(struct laned_host *h, const struct laned_result *r, laned_ack_fn ack,
	     void *user)
{
	struct vhost *v = vhost_of(h);
	struct laned_result copy = *r;
	int rc = vhost_called(v, "complete");

	v->pans_refused += guard_result(&copy);
	if (rc == LANED_OK && v->link == NULL)
		rc = LANED_GONE;
	return rc != LANED_OK ? rc : v->link->complete(v->link->ctx, &copy, ack, user);
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
	.timer_set = vhost_timer_set,
	.timer_cancel = vhost_timer_cancel,
	.option_str = api_option_str,
	.option_int = api_option_int,
	.secret = vhost_secret,
	.guard = api_guard,
	.dir_watch = vhost_dir_watch,
	.dir_list = vhost_dir_list,
	.dir_read = vhost_dir_read,
	.dir_put = vhost_dir_put,
	.dir_remove = vhost_dir_remove,
	.dir_set_aside = vhost_dir_set_aside,
	.conn_open = vhost_conn_open,
	.conn_listen = vhost_conn_listen,
	.conn_send = vhost_conn_send,
	.conn_close = vhost_conn_close,
	.conn_modem = vhost_conn_modem,
	.splice = vhost_splice,
	.type_start = vhost_type_start,
	.type_cancel = vhost_type_cancel,
	.journal = api_journal,
	.journal_find = api_journal_find,
	.event = api_event,
	.pos_basket = api_pos_basket,
	.pos_claim = api_pos_claim,
	.pos_cancel = api_pos_cancel,
	.complete = api_complete,
	.tunnel = vhost_tunnel,
};

/* ---- making ------------------------------------------------------------------------------ */

static int
option_set(struct vhost_option *o, const char *text)
{
	const char *type = plugin_option_type_name(o->row->type);
	const struct conf_key key = { .section = "adapter",
				      .name = o->row->name,
				      .type = plugin_option_conf_type(
					      str_of(type == NULL ? "" : type)),
				      .choices = o->row->choices,
				      .min = o->row->min,
				      .max = o->row->max,
				      .help = o->row->help };
	char what[256];
	int64_t number;

	if (conf_value_parse(&key, text, &number, what) < 0)
		return -EINVAL;
	if (str_copy(o->text, sizeof(o->text), str_of(text)) < 0)
		return -EINVAL;
	o->number = number;
	return 0;
}

/* What an option without a default gets: the smallest that its row allows. */
static int
option_invent(struct vhost_option *o)
{
	const struct laned_option *row = o->row;
	char text[VHOST_TEXT_BYTES] = "";
	struct strbuf b;

	strbuf_init(&b, text, sizeof(text));
	if (row->type == LANED_OPT_DIR)
		strbuf_addf(&b, "/%s", row->name);
	else if (row->type == LANED_OPT_ADDRESS)
		strbuf_addf(&b, "tcp://127.0.0.1:1");
	else if (row->type == LANED_OPT_BOOL)
		strbuf_addf(&b, "no");
	else if (row->type == LANED_OPT_INT)
		strbuf_addf(&b, "%lld", (long long)row->min);
	else if (row->type == LANED_OPT_DURATION)
		strbuf_addf(&b, "%lldms", (long long)row->min);
	else if (row->type == LANED_OPT_ENUM && row->choices != NULL)
		strbuf_add(&b, (struct str){ row->choices, strcspn(row->choices, "|") });
	else
		strbuf_addf(&b, "%s", "xxxxxxxx");
	return option_set(o, text);
}

int
vhost_set_option(struct vhost *v, const char *name, const char *text)
{
	struct vhost_option *o = vhost_option_find(v, name);

	return o == NULL ? -ENOENT : option_set(o, text);
}

int
vhost_new(const struct laned_adapter *table, uint64_t seed,
	  const struct vhost_hooks *hooks, struct vhost **ret_host)
{
	struct vhost *v =
		table->options_count > VHOST_OPTIONS_MAX ? NULL : calloc(1, sizeof(*v));
	int rc = 0;

	if (v == NULL)
		return table->options_count > VHOST_OPTIONS_MAX ? -EINVAL : -ENOMEM;
	v->table = table;
	v->rng = seed;
	v->now_ms = START_MS;
	v->blocks.next = v->blocks.prev = &v->blocks;
	v->deferred_end = &v->deferred;
	if (hooks != NULL)
		v->hooks = *hooks;
	v->options = calloc(table->options_count + 1u, sizeof(*v->options));
	rc = v->options == NULL ? -ENOMEM : vhost_conns_new(v);
	if (rc == 0)
		rc = vhost_typing_new(v);
	for (uint32_t i = 0; rc == 0 && i < table->options_count; i++) {
		struct vhost_option *o = &v->options[i];

		o->row = &table->options[i];
		o->poll_at_ms = VHOST_NEVER;
		rc = o->row->def != NULL ? option_set(o, o->row->def) : option_invent(o);
	}
	if (rc < 0) {
		vhost_free(v);
		return rc;
	}
	*ret_host = v;
	return 0;
}

struct vhost *
vhost_free(struct vhost *v)
{
	struct vhost_block *b, *next;

	if (v == NULL)
		return NULL;
	vhost_forget_deferred(v);
	for (b = v->blocks.next; b != &v->blocks; b = next) {
		next = b->next;
		free(b);
	}
	vhost_files_free(v);
	vhost_splices_free(v);
	vhost_conns_free(v);
	vhost_typing_free(v);
	free(v->options);
	free(v->timers);
	free(v);
	return NULL;
}

struct laned_host *
vhost_handle(struct vhost *v)
{
	return (struct laned_host *)(void *)v;
}

const struct laned_host_api *
vhost_api(void)
{
	return &api;
}

void
vhost_set_link(struct vhost *v, const struct host_link *link)
{
	v->link = link;
}

size_t
vhost_allocated(const struct vhost *v)
{
	return v->allocated;
}

uint64_t
vhost_pans_refused(const struct vhost *v)
{
	return v->pans_refused;
}
