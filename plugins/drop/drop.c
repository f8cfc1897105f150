#include "drop.h"

#include <string.h>

#define ANSWER_MS_MIN 1000
#define ANSWER_MS_MAX 600000
#define POLL_MS_MIN 2000

static const struct laned_option options[] = {
	{ sizeof(struct laned_option), LANED_OPT_DIR, DROP_IN, NULL, NULL,
	  "The folder into which the POS writes. The adapter reads and removes.", 1,
	  4000 },
	{ sizeof(struct laned_option), LANED_OPT_DIR, DROP_OUT, NULL, NULL,
	  "The folder into which the adapter writes. The POS reads and removes.", 1,
	  4000 },
	{ sizeof(struct laned_option), LANED_OPT_DURATION, "answer_timeout", "10s", NULL,
	  "How long the POS may take for K.result.json after K.query.json, and for "
	  "K.done.json "
	  "after K.confirm.json or K.undo.json, before the answer is 'unknown'.",
	  ANSWER_MS_MIN, ANSWER_MS_MAX },
	{ sizeof(struct laned_option), LANED_OPT_DURATION, "poll", "0s", NULL,
	  "How often to look into the folder besides being told by the kernel: for "
	  "network "
	  "shares, which do not tell. 0s never, else 2s or more.",
	  0, 3600000 },
};

void
drop_log(struct drop *d, uint32_t level, const char *text, struct laned_str detail)
{
	char buf[600];
	struct laned_text t;

	laned_text_init(&t, buf, sizeof(buf));
	laned_text_add(&t, text);
	if (detail.n > 0) {
		laned_text_add(&t, ": ");
		laned_text_str(&t, detail);
	}
	d->api->log(d->host, level, (struct laned_str){ buf, t.used });
}

static int
create(struct laned_host *h, const struct laned_host_api *api, void **ret_instance)
{
	struct drop *d;
	int rc;

	if (api->size < sizeof(*api))
		return LANED_UNSUPPORTED;
	d = api->alloc(h, sizeof(*d));
	if (d == NULL)
		return LANED_NO_MEMORY;
	d->host = h;
	d->api = api;
	rc = api->option_int(h, "answer_timeout", &d->answer_ms);
	if (rc == LANED_OK)
		rc = api->option_int(h, "poll", &d->poll_ms);
	if (rc == LANED_OK && d->poll_ms != 0 && d->poll_ms < POLL_MS_MIN) {
		drop_log(d, LANED_LOG_ERR, "poll must be 0s or at least 2s",
			 laned_str_of(NULL));
		rc = LANED_INVALID;
	}
	if (rc == LANED_OK)
		*ret_instance = d;
	else
		api->free(h, d);
	return rc;
}

static void
folder_changed(void *user)
{
	drop_intake_start(user);
}

static int
start(void *instance)
{
	struct drop *d = instance;

	return d->api->dir_watch(d->host, DROP_IN, (uint32_t)d->poll_ms, folder_changed,
				 d);
}

static void
recover(void *instance, const struct laned_entry *entries, size_t count)
{
	drop_recover(instance, entries, count);
}

static void
link_changed(void *instance, int up)
{
	struct drop *d = instance;

	d->up = up;
	if (up) {
		drop_intake_start(d);
		return;
	}
	drop_intake_stop(d);
	drop_requests_drop(d);
}

static int
submit(void *instance, const struct laned_request *q)
{
	return drop_submit(instance, q);
}

static void
health(void *instance, struct laned_health *h)
{
	struct drop *d = instance;
	struct laned_text note;

	h->state = !d->up         ? LANED_HEALTH_DOWN
		   : d->in_broken ? LANED_HEALTH_DEGRADED
				  : LANED_HEALTH_UP;
	h->pending = d->requests_count;
	h->received = d->received;
	h->sent = d->sent;
	h->errors = d->errors;
	laned_text_init(&note, h->note, sizeof(h->note));
	if (d->in_broken)
		laned_text_add(&note, "the folder in cannot be read");
}

/* A vector: the content of a file, and what reading it must give. */
struct vector {
	const char *stem, *text;
	enum drop_kind kind;
	int status;
};

#define VECTOR_KEY "000102030405060708090a0b0c0d0e0f"

static const struct vector vectors[] = {
	{ .kind = DROP_RESULT,
	  .stem = VECTOR_KEY,
	  .text = "{\"v\":1,\"key\":\"" VECTOR_KEY
		  "\",\"outcome\":\"approved\",\"amount\":1149,\"auth\":\"A1\"}",
	  .status = LANED_OK },
	{ .kind = DROP_RESULT,
	  .stem = VECTOR_KEY,
	  .text = "{\"v\":1,\"key\":\"" VECTOR_KEY "\",\"outcome\":\"",
	  .status = LANED_INVALID },
	{ .kind = DROP_RESULT,
	  .stem = VECTOR_KEY,
	  .text = "{\"v\":2,\"key\":\"" VECTOR_KEY "\",\"outcome\":\"approved\"}",
	  .status = LANED_REFUSED },
	{ .kind = DROP_DONE,
	  .stem = VECTOR_KEY,
	  .text = "{\"v\":1,\"key\":\"" VECTOR_KEY "\",\"state\":\"undone\"}",
	  .status = LANED_OK },
	{ .kind = DROP_CLAIM,
	  .stem = "17",
	  .text = "{\"v\":1,\"ticket\":\"17\",\"kind\":\"phone\",\"value\":\"5550100\"}",
	  .status = LANED_OK },
	{ .kind = DROP_CANCEL,
	  .stem = "17",
	  .text = "{\"v\":1,\"ticket\":\"18\"}",
	  .status = LANED_REFUSED },
};

static int
vector_holds(const struct vector *v)
{
	struct laned_json_node nodes[16];
	struct drop_reader r = { .json = { .nodes = nodes, .nodes_max = 16 } };
	struct drop_message m;
	char text[160];
	size_t n = strlen(v->text);

	if (n > sizeof(text))
		return 0;
	memcpy(text, v->text, n);
	return drop_read(&r, v->kind, laned_str_of(v->stem), text, n, &m) == v->status;
}

static int
selftest(void *instance, uint32_t level, char text[LANED_NOTE_BYTES])
{
	struct laned_text t;
	unsigned held = 0;

	(void)instance; /* the codec has no state */
	laned_text_init(&t, text, LANED_NOTE_BYTES);
	if (level > 0) {
		laned_text_add(&t, "a folder has nobody who could echo");
		return LANED_UNSUPPORTED;
	}
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		held += (unsigned)vector_holds(&vectors[i]);
	laned_text_int(&t, held);
	laned_text_add(&t, " codec vectors hold");
	return held == sizeof(vectors) / sizeof(vectors[0]) ? LANED_OK : LANED_INTERNAL;
}

static void
stop(void *instance)
{
	struct drop *d = instance;

	/* Open payments stay in laned's journal and come back by recover. */
	d->stopping = 1;
	drop_intake_stop(d);
}

static void
destroy(void *instance)
{
	struct drop *d = instance;

	drop_intake_free(d);
	drop_requests_drop(d);
	d->api->free(d->host, d);
}

static const struct laned_adapter adapter = {
	.size = sizeof(struct laned_adapter),
	.abi_major = LANED_ABI_MAJOR,
	.abi_minor = LANED_ABI_MINOR,
	.host_minor_min = 1,
	.name = "drop",
	.version = "1",
	.license = "Apache-2.0",
	.protocol = "files in an exchange folder, drop format v1",
	.evidence = "simulated",
	.caps = LANED_CAP_BASKET_LIVE | LANED_CAP_BASKET_AT_TENDER | LANED_CAP_TOTAL |
		LANED_CAP_MEMBER_OUT | LANED_CAP_DISCOUNT_LINES | LANED_CAP_PAY |
		LANED_CAP_PARTIAL | LANED_CAP_QUERY | LANED_CAP_CONFIRM | LANED_CAP_UNDO |
		LANED_CAP_CLAIM | LANED_CAP_TRAINING | LANED_CAP_RECEIPT |
		LANED_CAP_REFUND,
	.options = options,
	.options_count = sizeof(options) / sizeof(options[0]),
	.create = create,
	.start = start,
	.recover = recover,
	.link = link_changed,
	.submit = submit,
	.health = health,
	.selftest = selftest,
	.stop = stop,
	.destroy = destroy,
};

const struct laned_adapter *
laned_adapter_v0(uint32_t host_minor)
{
	return host_minor >= adapter.host_minor_min ? &adapter : NULL;
}
