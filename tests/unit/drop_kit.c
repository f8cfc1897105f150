#include "drop_kit.h"

#include "base/plain/str.h"
#include "laned/sdk.h" /* LANED_KEY_HEX_BYTES */

#include "unit.h"

struct laned_host drop_kit_host;
const struct laned_adapter *drop_kit_table;
void *drop_kit_drop;

/* The functions of the SDK are in the drop tests only, this file in all: it does without. */
static struct laned_str
text_of(const char *text)
{
	return (struct laned_str){ text, strlen(text) };
}

static bool
text_is(struct laned_str a, const char *text)
{
	return str_is((struct str){ a.p, a.n }, text);
}

static struct laned_str
key_hex(char buf[LANED_KEY_HEX_BYTES], const struct laned_key *key)
{
	ck_assert_int_eq(hex_encode(buf, LANED_KEY_HEX_BYTES, key->b, sizeof(key->b)), 0);
	return text_of(buf);
}

static struct drop_kit_event *
record(enum drop_kit_event_kind kind, struct laned_str name)
{
	struct drop_kit_event *e = &drop_kit_host.events[drop_kit_host.events_count];

	ck_assert_uint_lt(drop_kit_host.events_count++, DROP_KIT_EVENTS_MAX - 1);
	*e = (struct drop_kit_event){ .kind = kind };
	(void)snprintf(e->name, sizeof(e->name), "%.*s", (int)name.n,
		       name.p == NULL ? "" : name.p);
	return e;
}

static void
fake_log(struct laned_host *h, uint32_t level, struct laned_str text)
{
	size_t used = strlen(h->log);

	(void)snprintf(h->log + used, sizeof(h->log) - used, "%u %.*s\n", level,
		       (int)text.n, text.p);
}

static int64_t
fake_time(struct laned_host *h)
{
	(void)h;
	return 0;
}

static void *
fake_alloc(struct laned_host *h, size_t bytes)
{
	size_t *p;

	if (h->fail_alloc_at > 0 && --h->fail_alloc_at == 0)
		return NULL;
	p = calloc(1, bytes + 16);
	ck_assert_ptr_nonnull(p);
	p[0] = bytes;
	h->allocated += bytes;
	return (char *)p + 16;
}

static void
fake_free(struct laned_host *h, void *p)
{
	size_t *block = p == NULL ? NULL : (void *)((char *)p - 16);

	if (block == NULL)
		return;
	h->allocated -= block[0];
	free(block);
}

static int
fake_timer_set(struct laned_host *h, uint32_t delay_ms, laned_timer_fn fn, void *user,
	       uint64_t *ret_timer)
{
	for (unsigned i = 0; i < DROP_KIT_TIMERS_MAX; i++) {
		if (h->timers[i].id != 0)
			continue;
		h->timers[i] = (struct drop_kit_timer){ ++h->next, delay_ms, fn, user };
		*ret_timer = h->next;
		return LANED_OK;
	}
	return LANED_AGAIN;
}

static void
fake_timer_cancel(struct laned_host *h, uint64_t timer)
{
	for (unsigned i = 0; timer != 0 && i < DROP_KIT_TIMERS_MAX; i++)
		if (h->timers[i].id == timer)
			h->timers[i].id = 0;
}

static int
fake_option_int(struct laned_host *h, const char *name, int64_t *ret_value)
{
	(void)h;
	*ret_value = strcmp(name, "poll") == 0 ? 0 : 10000;
	return LANED_OK;
}

static int
fake_guard(struct laned_host *h, struct laned_str text)
{
	(void)h;
	return text_is(text, "4111111111111111") ? LANED_PAN : LANED_OK;
}

static struct drop_kit_file *
find_file(const char *dir, struct laned_str name)
{
	for (unsigned i = 0; i < DROP_KIT_FILES_MAX; i++)
		if (drop_kit_host.files[i].used &&
		    strcmp(drop_kit_host.files[i].dir, dir) == 0 &&
		    text_is(name, drop_kit_host.files[i].name))
			return &drop_kit_host.files[i];
	return NULL;
}

static void
drop_file_data(struct drop_kit_file *f)
{
	free(f->data);
	*f = (struct drop_kit_file){ .used = false };
}

static void
put_bytes(const char *dir, struct laned_str name, struct laned_str data)
{
	struct drop_kit_file *f = find_file(dir, name);

	if (f != NULL)
		drop_file_data(f);
	for (unsigned i = 0; f == NULL && i < DROP_KIT_FILES_MAX; i++)
		if (!drop_kit_host.files[i].used)
			f = &drop_kit_host.files[i];
	ck_assert_ptr_nonnull(f);
	*f = (struct drop_kit_file){ .used = true,
				     .n = data.n,
				     .version = ++drop_kit_host.next };
	(void)snprintf(f->dir, sizeof(f->dir), "%s", dir);
	(void)snprintf(f->name, sizeof(f->name), "%.*s", (int)name.n, name.p);
	f->data = malloc(data.n + 1);
	ck_assert_ptr_nonnull(f->data);
	memcpy(f->data, data.p, data.n);
}

static int
fake_watch(struct laned_host *h, const char *option, uint32_t poll_ms, laned_dir_fn fn,
	   void *user)
{
	ck_assert_str_eq(option, "in");
	ck_assert_uint_eq(poll_ms, 0);
	h->changed = fn;
	h->changed_user = user;
	return LANED_OK;
}

static int
fake_list(struct laned_host *h, const char *option, laned_name_fn fn, void *user)
{
	for (unsigned i = 0; i < DROP_KIT_FILES_MAX; i++)
		if (h->files[i].used && strcmp(h->files[i].dir, option) == 0)
			fn(user, text_of(h->files[i].name), h->files[i].n);
	return LANED_OK;
}

static int
fake_read(struct laned_host *h, const char *option, struct laned_str name,
	  struct laned_file *ret_file)
{
	struct drop_kit_file *f = find_file(option, name);

	if (f == NULL)
		return LANED_MISSING;
	ret_file->version = f->version;
	if (f->n > LANED_FILE_BYTES_MAX)
		return LANED_TOO_LARGE;
	ret_file->data = fake_alloc(h, f->n + 1);
	if (ret_file->data == NULL)
		return LANED_NO_MEMORY;
	memcpy(ret_file->data, f->data, f->n);
	ret_file->bytes = f->n;
	return LANED_OK;
}

static int
fake_put(struct laned_host *h, const char *option, struct laned_str name,
	 struct laned_str data)
{
	record(PUT, name);
	if (h->put_rc != LANED_OK)
		return h->put_rc;
	put_bytes(option, name, data);
	return LANED_OK;
}

static int
take_away(enum drop_kit_event_kind kind, const char *option, struct laned_str name,
	  uint64_t version)
{
	struct drop_kit_file *f = find_file(option, name);

	if (f == NULL)
		return LANED_MISSING;
	if (version != 0 && f->version != version)
		return LANED_AGAIN;
	record(kind, name);
	drop_file_data(f);
	return LANED_OK;
}

static int
fake_remove(struct laned_host *h, const char *option, struct laned_str name,
	    uint64_t version)
{
	(void)h;
	return take_away(REMOVE, option, name, version);
}

static int
fake_aside(struct laned_host *h, const char *option, struct laned_str name,
	   uint64_t version)
{
	(void)h;
	return take_away(ASIDE, option, name, version);
}

static int
fake_journal(struct laned_host *h, uint64_t req, const struct laned_key *key,
	     uint32_t state, struct laned_str blob)
{
	char hex[LANED_KEY_HEX_BYTES];

	(void)blob;
	ck_assert_uint_eq(state, LANED_J_SENDING);
	record(JOURNAL, key_hex(hex, key))->req = req;
	return h->journal_rc;
}

static int
hold_ack(laned_ack_fn ack, void *user)
{
	drop_kit_host.ack = ack;
	drop_kit_host.ack_user = user;
	return LANED_OK;
}

static int
fake_basket(struct laned_host *h, const struct laned_basket *b, laned_ack_fn ack,
	    void *user)
{
	if (h->pos_rc != LANED_OK)
		return h->pos_rc;
	record(BASKET, b->ticket)->amount = b->rev;
	return hold_ack(ack, user);
}

static int
fake_claim(struct laned_host *h, struct laned_str ticket, uint32_t kind,
	   struct laned_str value, laned_ack_fn ack, void *user)
{
	(void)value;
	if (h->pos_rc != LANED_OK)
		return h->pos_rc;
	record(CLAIM, ticket)->flags = kind;
	return hold_ack(ack, user);
}

static int
fake_cancel(struct laned_host *h, struct laned_str ticket, laned_ack_fn ack, void *user)
{
	if (h->pos_rc != LANED_OK)
		return h->pos_rc;
	record(CANCEL, ticket);
	return hold_ack(ack, user);
}

static int
fake_complete(struct laned_host *h, const struct laned_result *r, laned_ack_fn ack,
	      void *user)
{
	char hex[LANED_KEY_HEX_BYTES];
	struct drop_kit_event *e;

	if (h->complete_rc != LANED_OK)
		return h->complete_rc;
	e = record(COMPLETE, key_hex(hex, &r->key));
	e->outcome = r->outcome;
	e->req = r->req;
	e->amount = r->amount;
	e->flags = r->flags;
	return ack == NULL ? LANED_OK : hold_ack(ack, user);
}

static const struct laned_host_api fake_api = {
	.size = sizeof(fake_api),
	.log = fake_log,
	.mono_ms = fake_time,
	.wall_ms = fake_time,
	.alloc = fake_alloc,
	.free = fake_free,
	.timer_set = fake_timer_set,
	.timer_cancel = fake_timer_cancel,
	.option_int = fake_option_int,
	.guard = fake_guard,
	.dir_watch = fake_watch,
	.dir_list = fake_list,
	.dir_read = fake_read,
	.dir_put = fake_put,
	.dir_remove = fake_remove,
	.dir_set_aside = fake_aside,
	.journal = fake_journal,
	.pos_basket = fake_basket,
	.pos_claim = fake_claim,
	.pos_cancel = fake_cancel,
	.complete = fake_complete,
};

/* ---- driving it ---------------------------------------------------------------------------- */

void
drop_kit_launch(laned_adapter_fn entry)
{
	memset(&drop_kit_host, 0, sizeof(drop_kit_host));
	drop_kit_table = entry(LANED_ABI_MINOR);
	ck_assert_ptr_nonnull(drop_kit_table);
	ck_assert_int_eq(
		drop_kit_table->create(&drop_kit_host, &fake_api, &drop_kit_drop),
		LANED_OK);
	ck_assert_int_eq(drop_kit_table->start(drop_kit_drop), LANED_OK);
}

void
drop_kit_launch_up(laned_adapter_fn entry)
{
	drop_kit_launch(entry);
	drop_kit_table->recover(drop_kit_drop, NULL, 0);
	drop_kit_table->link(drop_kit_drop, 1);
}

void
drop_kit_end(void)
{
	drop_kit_table->stop(drop_kit_drop);
	drop_kit_table->destroy(drop_kit_drop);
	ck_assert_uint_eq(drop_kit_host.allocated, 0);
	for (unsigned i = 0; i < DROP_KIT_TIMERS_MAX; i++)
		ck_assert_uint_eq(drop_kit_host.timers[i].id, 0);
	for (unsigned i = 0; i < DROP_KIT_FILES_MAX; i++)
		drop_file_data(&drop_kit_host.files[i]);
}

void
drop_kit_fire(uint32_t delay_ms)
{
	for (unsigned i = 0; i < DROP_KIT_TIMERS_MAX; i++) {
		struct drop_kit_timer t = drop_kit_host.timers[i];

		if (t.id == 0 || t.delay_ms > delay_ms)
			continue;
		drop_kit_host.timers[i].id = 0;
		t.fn(t.user);
	}
}

void
drop_kit_acknowledge(int status)
{
	laned_ack_fn ack = drop_kit_host.ack;

	ck_assert(ack != NULL);
	drop_kit_host.ack = NULL;
	ack(drop_kit_host.ack_user, status);
}

void
drop_kit_acknowledge_all(void)
{
	while (drop_kit_host.ack != NULL)
		drop_kit_acknowledge(LANED_OK);
}

void
drop_kit_pos_writes(const char *name, const char *text)
{
	put_bytes("in", text_of(name), text_of(text));
	drop_kit_host.changed(drop_kit_host.changed_user);
}

void
drop_kit_put(const char *dir, const char *name, const char *text)
{
	put_bytes(dir, text_of(name), text_of(text));
}

const struct drop_kit_file *
drop_kit_find(const char *dir, const char *name)
{
	return find_file(dir, text_of(name));
}

bool
drop_kit_in_folder(const char *dir, const char *name)
{
	return find_file(dir, text_of(name)) != NULL;
}

const struct drop_kit_event *
drop_kit_last(enum drop_kit_event_kind kind)
{
	static const struct drop_kit_event none;

	for (unsigned i = drop_kit_host.events_count; i > 0; i--)
		if (drop_kit_host.events[i - 1].kind == kind)
			return &drop_kit_host.events[i - 1];
	return &none;
}

unsigned
drop_kit_count(enum drop_kit_event_kind kind)
{
	unsigned n = 0;

	for (unsigned i = 0; i < drop_kit_host.events_count; i++)
		n += drop_kit_host.events[i].kind == kind;
	return n;
}

struct laned_request
drop_kit_request(uint32_t type, uint64_t req, const char *key)
{
	struct laned_request q = { .size = sizeof(q),
				   .type = type,
				   .req = req,
				   .ticket = text_of("17"),
				   .rev = 3,
				   .amount = 1149,
				   .currency = text_of("EUR"),
				   .token = text_of("tok"),
				   .timeout_ms = 60000 };

	ck_assert_int_eq(hex_decode(q.key.b, sizeof(q.key.b), str_of(key)), 0);
	return q;
}

void
drop_kit_submit_ok(uint32_t type, uint64_t req, const char *key)
{
	struct laned_request q = drop_kit_request(type, req, key);

	ck_assert_int_eq(drop_kit_table->submit(drop_kit_drop, &q), LANED_OK);
	drop_kit_fire(0);
}
