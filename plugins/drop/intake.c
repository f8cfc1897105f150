#include "drop.h"

#include <string.h>

#define RETRY_MS 1000u
/* A file that is no whole JSON is looked at once more: not every POS renames into place. */
#define SETTLE_MS 500u
#define TYPE_BIT(type) (1u << (type))
#define ANSWERED_BY_RESULT                                                               \
	(TYPE_BIT(LANED_REQ_PAY) | TYPE_BIT(LANED_REQ_QUERY) | TYPE_BIT(LANED_REQ_REFUND))
#define ANSWERED_BY_DONE (TYPE_BIT(LANED_REQ_CONFIRM) | TYPE_BIT(LANED_REQ_UNDO))

/* What a scan begins with; more as it is needed. */
#define NODES_FIRST 512u
#define LINES_FIRST 32u
#define FILES_FIRST 16u

#define PENDING 1 /* beside enum laned_status: an ack will come */

static void scan_go(struct drop *d);

static struct laned_str
name_of(const struct drop_file *f)
{
	return (struct laned_str){ f->name, f->name_bytes };
}

static uint64_t
hash_of(struct laned_str s)
{
	uint64_t h = UINT64_C(14695981039346656037); /* FNV-1a */

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (uint8_t)s.p[i]) * UINT64_C(1099511628211);
	return h;
}

/*
 * True when this file was already no JSON, and as long, when it was looked at before. Without room
 * to remember it, there is no second look.
 */
static int
seen_bad_before(struct drop *d, const struct drop_file *f)
{
	uint64_t hash = hash_of(name_of(f)) | 1; /* 0 is a free slot */
	unsigned slot = 0;

	d->suspects_met = 1;
	while (slot < DROP_SUSPECTS_MAX && d->suspects[slot].hash != hash)
		slot++;
	if (slot < DROP_SUSPECTS_MAX && d->suspects[slot].bytes == f->bytes) {
		d->suspects[slot].hash = 0;
		return 1;
	}
	for (unsigned i = 0; slot == DROP_SUSPECTS_MAX && i < DROP_SUSPECTS_MAX; i++)
		if (d->suspects[i].hash == 0)
			slot = i;
	if (slot == DROP_SUSPECTS_MAX)
		return 1;
	d->suspects[slot].hash = hash;
	d->suspects[slot].bytes = f->bytes;
	return 0;
}

static int
is_answer(const struct drop_file *f)
{
	return f->kind == DROP_RESULT || f->kind == DROP_DONE;
}

static void
retry_now(void *user)
{
	struct drop *d = user;

	d->retry_timer = 0;
	drop_intake_start(d);
}

static void
retry_later(struct drop *d, uint32_t ms)
{
	if (d->retry_timer != 0)
		return;
	if (d->api->timer_set(d->host, ms, retry_now, d, &d->retry_timer) != LANED_OK)
		drop_log(d, LANED_LOG_ERR, "no timer; files wait for the next one",
			 laned_str_of(NULL));
}

static void
log_bad_file(struct drop *d, const struct drop_file *f, const struct drop_reader *r)
{
	char buf[400];
	struct laned_text t;

	laned_text_init(&t, buf, sizeof(buf));
	laned_text_str(&t, name_of(f));
	laned_text_add(&t, ":");
	laned_text_int(&t, r->line);
	laned_text_add(&t, ":");
	laned_text_int(&t, r->column);
	laned_text_add(&t, ": ");
	if (r->member[0] != '\0') {
		laned_text_add(&t, r->member);
		laned_text_add(&t, " ");
	}
	laned_text_add(&t, r->what);
	drop_log(d, LANED_LOG_ERR, "a file is refused and set aside",
		 (struct laned_str){ buf, t.used });
}

/* After a removal: a newer file under the same name is looked at in another scan. */
static int
removed(struct drop *d, int status)
{
	if (status == LANED_AGAIN)
		d->again = 1;
	return status == LANED_AGAIN || status == LANED_MISSING ? LANED_OK : status;
}

static int
set_aside(struct drop *d, const struct drop_file *f)
{
	int rc = d->api->dir_set_aside(d->host, DROP_IN, name_of(f), f->version);

	d->errors++;
	return removed(d, rc);
}

/* The file in hand is stored at laned, or never will be. */
static int
finish_file(struct drop *d, const struct drop_file *f, int status)
{
	int rc;

	if (status == LANED_OK || (status == LANED_REFUSED && !is_answer(f))) {
		if (status == LANED_REFUSED)
			drop_log(d, LANED_LOG_NOTICE, "laned does not want this now",
				 name_of(f));
		rc = d->api->dir_remove(d->host, DROP_IN, name_of(f), f->version);
		d->received++;
		return removed(d, rc);
	}
	if (status == LANED_AGAIN || status == LANED_GONE)
		return status;
	drop_log(d, LANED_LOG_ERR, "laned refused a file; it is set aside", name_of(f));
	return set_aside(d, f);
}

/* After the file in hand came to status: 1 when the scan goes on with the next one. */
static int
scan_next(struct drop *d, int status)
{
	int waits = status == LANED_AGAIN && is_answer(&d->scan->files[d->scan->at]);

	if (status == LANED_GONE || (status == LANED_AGAIN && !waits)) {
		drop_intake_stop(d);
		if (status == LANED_AGAIN)
			retry_later(d, RETRY_MS);
		return 0;
	}
	/*
	 * One file that the system will not let us have holds up no other; nor does an answer that
	 * laned cannot store now: the sale goes on.
	 */
	if (status != LANED_OK) {
		d->errors += waits ? 0 : 1;
		retry_later(d, RETRY_MS);
	}
	d->scan->at++;
	return 1;
}

/* ---- answers ----------------------------------------------------------------------------- */

static int
is_answered_by(const struct drop *d, const struct drop_result *m,
	       const struct drop_request *r)
{
	/* What the sale had before is no answer to an undo that it has not seen. */
	if (r->type == LANED_REQ_UNDO && r->to_send && m->outcome == LANED_OUT_CONFIRMED)
		return 0;
	return (d->answer_types & TYPE_BIT(r->type)) != 0 &&
	       laned_key_eq(&r->key, &d->answer_key);
}

static void
answer_acked(void *user, int status)
{
	struct drop *d = user;
	int rc;

	if (d->scan == NULL || d->acks_due == 0)
		return;
	if (status != LANED_OK && d->ack_status == LANED_OK)
		d->ack_status = status;
	if (--d->acks_due > 0)
		return;
	rc = finish_file(d, &d->scan->files[d->scan->at], d->ack_status);
	if (scan_next(d, rc))
		scan_go(d);
}

/* One of the requests that the file in hand answers: it ends, or waits for the next try. */
static void
request_acked(void *user, int status)
{
	struct drop_request *r = user;
	struct drop *d = r->drop;

	if (status == LANED_AGAIN || status == LANED_GONE)
		r->answered = 0;
	else
		(void)drop_request_free(r); /* NULL */
	answer_acked(d, status);
}

static int
send_answer(struct drop *d, const struct drop_result *m, struct drop_request *r)
{
	struct laned_result result = {
		.size = sizeof(result),
		.outcome = m->outcome,
		.req = r == NULL ? 0 : r->req,
		.key = m->key,
		.amount = m->amount,
		.auth = m->auth,
		.ref = m->ref,
		.flags = r == NULL ? LANED_RESULT_LATE : 0,
	};
	int rc = r == NULL ? d->api->complete(d->host, &result, answer_acked, d)
			   : d->api->complete(d->host, &result, request_acked, r);

	if (rc == LANED_OK) {
		d->acks_due++;
		if (r != NULL)
			r->answered = 1;
	}
	return rc;
}

/* An answer completes every request that waits for it; one that nobody waits for goes as late. */
static int
take_answer(struct drop *d, enum drop_kind kind, const struct drop_result *m)
{
	struct drop_request *next;
	unsigned matched = 0;
	int rc = LANED_OK;

	d->answer_types = kind == DROP_RESULT ? ANSWERED_BY_RESULT : ANSWERED_BY_DONE;
	d->answer_key = m->key;
	d->acks_due = 0;
	d->ack_status = LANED_OK;
	/* The peer still works on it: an answer to the question, not to the payment. */
	if (m->outcome == LANED_OUT_IN_PROGRESS)
		d->answer_types = TYPE_BIT(LANED_REQ_QUERY);
	for (struct drop_request *r = d->requests; r != NULL; r = next) {
		next = r->next;
		if (!is_answered_by(d, m, r) || r->answered)
			continue;
		matched++;
		rc = send_answer(d, m, r);
		if (rc == LANED_REFUSED) /* it had its completion */
			(void)drop_request_free(r);
		else if (rc != LANED_OK)
			break;
	}
	if (matched == 0 && m->outcome != LANED_OUT_IN_PROGRESS)
		rc = send_answer(d, m, NULL);
	if (d->acks_due > 0)
		return PENDING;
	return rc == LANED_REFUSED ? LANED_OK : rc;
}

/* ---- one file ---------------------------------------------------------------------------- */

static void
file_acked(void *user, int status)
{
	struct drop *d = user;

	if (d->scan == NULL)
		return;
	d->acks_due = 1;
	d->ack_status = LANED_OK;
	answer_acked(d, status);
}

static int
guard(void *ctx, struct laned_str text)
{
	struct drop *d = ctx;

	return d->api->guard(d->host, text);
}

static int
hand_over(struct drop *d, const struct drop_message *m)
{
	const struct drop_claim *c = &m->claim;
	int rc;

	if (m->kind == DROP_RESULT || m->kind == DROP_DONE)
		return take_answer(d, m->kind, &m->result);
	if (m->kind == DROP_BASKET)
		rc = d->api->pos_basket(d->host, &m->basket, file_acked, d);
	else if (m->kind == DROP_CLAIM)
		rc = d->api->pos_claim(d->host, c->ticket, c->kind, c->value, file_acked,
				       d);
	else
		rc = d->api->pos_cancel(d->host, c->ticket, file_acked, d);
	return rc == LANED_OK ? PENDING : rc;
}

/* A file that could not be read as what its name says. */
static int
take_bad_file(struct drop *d, const struct drop_file *f, const struct drop_reader *r,
	      int status)
{
	if (status == LANED_INVALID && !seen_bad_before(d, f)) {
		retry_later(d, SETTLE_MS);
		return LANED_OK; /* it stays; the scan goes on with the next */
	}
	log_bad_file(d, f, r);
	return set_aside(d, f);
}

/* Room for need elements, whose old content is not wanted any more. LANED_OK or LANED_NO_MEMORY. */
static int
make_room(struct drop *d, void **list, uint32_t *room, uint32_t need, size_t bytes_each)
{
	uint32_t more = *room > 0 ? *room : need;

	if (need <= *room)
		return LANED_OK;
	while (more < need)
		more *= 2;
	d->api->free(d->host, *list);
	*list = d->api->alloc(d->host, more * bytes_each);
	*room = *list == NULL ? 0 : more;
	return *list == NULL ? LANED_NO_MEMORY : LANED_OK;
}

/* Room for what a text of n bytes may hold. */
static int
make_room_for(struct drop *d, size_t n)
{
	struct drop_scan *s = d->scan;
	void *nodes = s->nodes, *lines = s->lines;
	int rc = make_room(d, &nodes, &s->nodes_room, drop_nodes_max(n),
			   sizeof(*s->nodes));

	s->nodes = nodes;
	if (rc == LANED_OK)
		rc = make_room(d, &lines, &s->lines_room, drop_lines_max(n),
			       sizeof(*s->lines));
	s->lines = lines;
	return rc;
}

/* Reads the content of f and hands it over. As scan_go wants it. */
static int
take_content(struct drop *d, const struct drop_file *f, char *text, size_t n)
{
	struct laned_str stem = { f->name, f->stem_bytes };
	struct drop_reader r = {
		.json = { .nodes = d->scan->nodes, .nodes_max = drop_nodes_max(n) },
		.lines = d->scan->lines,
		.lines_max = d->scan->lines_room,
		.guard = guard,
		.guard_ctx = d,
	};
	struct drop_message m;
	int rc = drop_read(&r, f->kind, stem, text, n, &m);

	if (rc != LANED_OK)
		return take_bad_file(d, f, &r, rc);
	rc = hand_over(d, &m);
	return rc == PENDING ? PENDING : finish_file(d, f, rc);
}

static int
take_file(struct drop *d, struct drop_file *f)
{
	struct drop_reader too_long = {
		.line = 1, .column = 1, .member = "", .what = "the file is too long"
	};
	struct laned_file file = { .size = sizeof(file) };
	int rc = d->api->dir_read(d->host, DROP_IN, name_of(f), &file);

	f->version = file.version;
	if (rc == LANED_MISSING)
		return LANED_OK;
	if (rc == LANED_TOO_LARGE)
		return take_bad_file(d, f, &too_long, rc);
	if (rc != LANED_OK)
		return rc;
	rc = make_room_for(d, file.bytes);
	if (rc == LANED_OK)
		rc = take_content(d, f, file.data, file.bytes);
	d->api->free(d->host, file.data);
	return rc;
}

/* ---- a scan ------------------------------------------------------------------------------ */

/* Room for more files, with those that are there. 1, or 0: the rest is for the next scan. */
static int
more_files(struct drop *d, struct drop_scan *s)
{
	struct drop_file *files;

	if (s->files_room >= DROP_FILES_MAX)
		return 0;
	files = d->api->alloc(d->host, 2 * s->files_room * sizeof(*files));
	if (files == NULL)
		return 0;
	memcpy(files, s->files, s->count * sizeof(*files));
	d->api->free(d->host, s->files);
	s->files = files;
	s->files_room *= 2;
	return 1;
}

static void
add_name(void *user, struct laned_str name, uint64_t bytes)
{
	struct drop *d = user;
	struct drop_scan *s = d->scan;
	struct laned_str stem = { NULL, 0 };
	enum drop_kind kind = drop_name_kind(name, &stem);
	struct drop_file *f;

	if (kind == DROP_OTHER || name.n > LANED_NAME_BYTES_MAX)
		return;
	if (s->count == s->files_room && !more_files(d, s)) {
		s->overflow = 1;
		return;
	}
	f = &s->files[s->count++];
	f->kind = kind;
	f->stem_bytes = (uint32_t)stem.n;
	f->name_bytes = (uint32_t)name.n;
	f->bytes = bytes;
	memcpy(f->name, name.p, name.n);
}

/*
 * Answers come first. Then ticket by ticket, a shorter number before a longer one, so that counting
 * tickets come in their order; of one ticket basket, claim, cancel.
 */
static int
comes_before(const struct drop_file *a, const struct drop_file *b)
{
	uint32_t n = a->stem_bytes < b->stem_bytes ? a->stem_bytes : b->stem_bytes;
	int by_stem;

	if (is_answer(a) != is_answer(b))
		return is_answer(a);
	if (is_answer(a) && a->kind != b->kind)
		return a->kind < b->kind;
	if (a->stem_bytes != b->stem_bytes)
		return a->stem_bytes < b->stem_bytes;
	by_stem = memcmp(a->name, b->name, n);
	return by_stem != 0 ? by_stem < 0 : a->kind < b->kind;
}

/* Sinks files[at] in the heap of count. */
static void
sink(struct drop_file *files, uint32_t at, uint32_t count)
{
	struct drop_file file = files[at];
	uint32_t child;

	while ((child = 2 * at + 1) < count) {
		if (child + 1 < count && comes_before(&files[child], &files[child + 1]))
			child++;
		if (!comes_before(&file, &files[child]))
			break;
		files[at] = files[child];
		at = child;
	}
	files[at] = file;
}

/* Heap sort: nothing from libc, no recursion, and never quadratic. */
static void
sort_files(struct drop_file *files, uint32_t count)
{
	for (uint32_t i = count / 2; i > 0; i--)
		sink(files, i - 1, count);
	for (uint32_t n = count; n > 1; n--) {
		struct drop_file last = files[n - 1];

		files[n - 1] = files[0];
		files[0] = last;
		sink(files, 0, n - 1);
	}
}

static struct drop_scan *
scan_free(struct drop *d, struct drop_scan *s)
{
	if (s == NULL)
		return NULL;
	d->api->free(d->host, s->nodes);
	d->api->free(d->host, s->lines);
	d->api->free(d->host, s->files);
	d->api->free(d->host, s);
	return NULL;
}

/* The memory of a scan is kept from one to the next. */
static struct drop_scan *
scan_new(struct drop *d)
{
	struct drop_scan *s = d->spare;

	d->spare = NULL;
	if (s != NULL) {
		s->count = s->at = 0;
		s->overflow = 0;
		return s;
	}
	s = d->api->alloc(d->host, sizeof(*s));
	if (s == NULL)
		return NULL;
	s->nodes = d->api->alloc(d->host, NODES_FIRST * sizeof(*s->nodes));
	s->lines = d->api->alloc(d->host, LINES_FIRST * sizeof(*s->lines));
	s->files = d->api->alloc(d->host, FILES_FIRST * sizeof(*s->files));
	s->nodes_room = NODES_FIRST;
	s->lines_room = LINES_FIRST;
	s->files_room = FILES_FIRST;
	if (s->nodes == NULL || s->lines == NULL || s->files == NULL)
		s = scan_free(d, s);
	return s;
}

void
drop_intake_stop(struct drop *d)
{
	if (d->scan != NULL)
		d->spare = d->scan;
	d->scan = NULL;
	d->again = 0;
	d->acks_due = 0;
}

void
drop_intake_free(struct drop *d)
{
	drop_intake_stop(d);
	d->spare = scan_free(d, d->spare);
	d->api->timer_cancel(d->host, d->retry_timer);
	d->retry_timer = 0;
}

static void
scan_end(struct drop *d)
{
	int again = d->again || d->scan->overflow;

	if (!d->suspects_met)
		memset(d->suspects, 0, sizeof(d->suspects));
	drop_intake_stop(d);
	drop_requests_due(d);
	if (again)
		retry_later(d, 0);
}

static void
scan_go(struct drop *d)
{
	int rc;

	while (d->scan->at < d->scan->count) {
		rc = take_file(d, &d->scan->files[d->scan->at]);
		if (rc == PENDING || !scan_next(d, rc))
			return;
	}
	scan_end(d);
}

void
drop_intake_start(struct drop *d)
{
	int rc;

	if (!d->up || d->stopping)
		return;
	if (d->scan != NULL) {
		d->again = 1;
		return;
	}
	d->scan = scan_new(d);
	if (d->scan == NULL) {
		retry_later(d, RETRY_MS);
		return;
	}
	d->suspects_met = 0;
	rc = d->api->dir_list(d->host, DROP_IN, add_name, d);
	d->in_broken = rc != LANED_OK;
	sort_files(d->scan->files, d->scan->count);
	scan_go(d);
}
