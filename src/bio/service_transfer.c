#include "bio/service_transfer.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "bio/exchange.h"
#include "bio/service_search.h"
#include "bio/store_subject.h"
#include "bio/transfer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SUBJECTS_EXPORT_MAX 16u
#define FORMAT_NAME_MAX 8u
/* What was exported lies so long in the folder: whoever asked takes it at once. */
#define EXPORT_KEPT_MS 60000

/* References on their way out. */
struct outgoing {
	size_t count;
	struct store_reference references[EXCHANGE_FINGERS_MAX];
	uint8_t data[EXCHANGE_FINGERS_MAX][REFERENCE_BYTES_MAX];
	uint8_t record[EXCHANGE_BYTES_MAX];
	bool too_many;
};

/* A record that is read in the background: that of a hostile one takes tenths of a second. */
struct reading {
	struct errand errand; /* first */
	struct transfer_link *link;
	struct secret *bytes;
	uint8_t finger;
	bool import; /* else it is shown only */
	struct exchange_fault fault;
	int rc;
};

/* One import at a time; in locked memory. */
struct transfer_link {
	struct errand errand; /* first: adds to the gallery */
	struct service *service;
	int dirfd;                /* -1: there is no folder */
	struct loop_timer *timer; /* what nobody fetched is removed */
	struct rpc_call *call;    /* of the import under way; NULL: none is */
	struct reading reading;
	struct ulid subject;
	struct store_consent consent;
	struct exchange x;
	struct store_reference references[EXCHANGE_FINGERS_MAX];
	size_t next; /* finger to be searched for */
	bool erased; /* the subject was, meanwhile */
	struct service_search *search;
	struct outgoing out;
};

/* ---- answers --------------------------------------------------------------------- */

static void
put_fingers(struct json_out *o, const struct exchange *x)
{
	json_open_array(o, "fingers");
	for (size_t i = 0; i < x->fingers_count; i++) {
		const struct exchange_finger *f = &x->fingers[i];

		json_open_object(o, NULL);
		json_int(o, "finger", f->position);
		json_int(o, "views", f->views);
		json_int(o, "minutiae", f->minutiae);
		json_int(o, "quality", f->quality);
		json_bool(o, "exact", f->views == 1);
		json_int(o, "extended_bytes", f->extended_bytes);
		json_close(o);
	}
	json_close(o);
}

static void
put_record(struct json_out *o, const struct exchange *x)
{
	json_cstr(o, "format", exchange_format_name(x->head.format));
	json_int(o, "width", x->head.width);
	json_int(o, "height", x->head.height);
	json_int(o, "x_px_per_cm", x->head.x_px_per_cm);
	json_int(o, "y_px_per_cm", x->head.y_px_per_cm);
	json_int(o, "views", x->views);
	put_fingers(o, x);
}

/* Answers that the record is refused: done, and the answer is no. */
static void
reply_fault(struct service *s, struct rpc_call *call, const struct exchange_fault *f)
{
	struct json_out *o = service_message(s);

	json_open_object(o, "fault");
	if (f->at_byte)
		json_int(o, "offset", (int64_t)f->offset);
	json_cstr(o, "what", f->what);
	json_close(o);
	json_close(o);
	rpc_reply(call, o);
}

/* No import is under way any more, and nothing is kept of it. The call, to be answered. */
static struct rpc_call *
end(struct transfer_link *t)
{
	struct rpc_call *call = t->call;

	t->call = NULL;
	secret_zero(&t->x, sizeof(t->x));
	return call;
}

__attribute__((format(printf, 2, 3))) static void
refuse(struct service *s, const char *fmt, ...)
{
	struct exchange_fault f = { .at_byte = false };
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(f.what, sizeof(f.what), fmt, ap); /* short */
	va_end(ap);
	reply_fault(s, end(s->transfer), &f);
}

/* ---- a record is read ------------------------------------------------------------- */

static const char *
take_error(int rc)
{
	return rc == -ENOENT    ? "no such file in the transfer folder"
	       : rc == -EINVAL  ? "a plain file named by A-Z a-z 0-9 . _ - is wanted"
	       : rc == -EFBIG   ? "longer than a record may be"
	       : rc == -ENODATA ? "the file is empty"
				: strerror(-rc);
}

static void
read_work(struct errand *e)
{
	struct reading *r = (struct reading *)(void *)e;

	r->rc = exchange_read(secret_bytes_const(r->bytes), secret_size(r->bytes),
			      r->finger, &r->link->x, &r->fault);
}

/* Begins to read the record that params name into t->x. False: the call was answered. */
static bool
read_record(struct service *s, struct rpc_call *call, const struct value *params)
{
	struct transfer_link *t = s->transfer;
	int64_t finger = 0;
	struct str file;
	int rc;

	if (value_get_str(params, "file", TRANSFER_NAME_MAX, &file) < 0 ||
	    (value_member(params, "finger") != NULL &&
	     value_get_int(params, "finger", 1, FMR_POSITION_MAX, &finger) < 0)) {
		rpc_fail(call, RPC_PARAMS, "file: a name is wanted; finger: 1..10");
		return false;
	}
	if (t->dirfd < 0 || t->call != NULL) {
		rpc_fail(call, RPC_REFUSED, "%s",
			 t->dirfd < 0 ? "the transfer folder cannot be used; see the log"
				      : "another import is under way");
		return false;
	}
	rc = transfer_take(t->dirfd, file, FMR_BYTES_MAX, &t->reading.bytes);
	if (rc < 0) {
		rpc_fail(call, RPC_REFUSED, "file: %s", take_error(rc));
		return false;
	}
	t->call = call;
	t->reading.finger = (uint8_t)finger;
	t->reading.fault.at_byte = false;
	errands_post(s->errands, &t->reading.errand);
	return true;
}

static void
show(struct service *s)
{
	struct json_out *o = service_message(s);

	put_record(o, &s->transfer->x);
	json_close(o);
	rpc_reply(end(s->transfer), o);
}

void
service_on_record(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
		  const struct value *params)
{
	struct service *s = ctx;

	(void)peer;
	if (!read_record(s, call, params))
		return;
	s->transfer->reading.import = false;
	s->transfer->subject = (struct ulid){ { 0 } };
}

/* ---- import ------------------------------------------------------------------------ */

static void
add(struct errand *e)
{
	struct transfer_link *t = (struct transfer_link *)(void *)e;

	for (size_t i = 0; i < t->x.fingers_count; i++) {
		const struct store_reference *r = &t->references[i];
		const struct gallery_name name = { t->subject, r->finger, r->key };

		/* What has no room is counted by the gallery, and found by a claim. */
		(void)gallery_add(t->service->gallery, &name, r->data, r->bytes);
	}
}

static void
added(struct errand *e)
{
	struct transfer_link *t = (struct transfer_link *)(void *)e;
	struct service *s = t->service;
	struct json_out *o = service_message(s);

	put_record(o, &t->x);
	json_int(o, "references", (int64_t)t->x.fingers_count);
	json_close(o);
	log_notice("%u references of another system imported",
		   (unsigned)t->x.fingers_count);
	rpc_reply(end(t), o);
	service_send_state(s);
	service_load_more(s);
}

/* Nobody else has these fingers: into the file, then into memory. */
static void
keep(struct service *s)
{
	struct transfer_link *t = s->transfer;
	int rc;

	for (size_t i = 0; i < t->x.fingers_count; i++)
		t->references[i] =
			(struct store_reference){ .finger = t->x.fingers[i].position,
						  .data = t->x.fingers[i].reference,
						  .bytes = t->x.fingers[i].bytes };
	rc = store_enrol(s->store, t->subject, &t->consent, t->references,
			 t->x.fingers_count);
	if (rc < 0) {
		rpc_fail(end(t), RPC_REFUSED, "import: %s",
			 rc == -ENOSPC ? "the disk is full" : strerror(-rc));
		return;
	}
	errands_post(s->errands, &t->errand);
}

/* Looks for the next finger among all, or goes on to keep them. */
static void
seek(struct service *s)
{
	struct transfer_link *t = s->transfer;
	const struct exchange_finger *f = &t->x.fingers[t->next];

	if (t->erased) {
		refuse(s, "the member was erased meanwhile");
		return;
	}
	if (t->next == t->x.fingers_count) {
		keep(s);
		return;
	}
	if (reference_unpack(f->reference, f->bytes, &t->search->probe) < 0)
		refuse(s, "finger %u: cannot be read", f->position); /* we made it */
	else
		service_search_post(t->search);
}

static void
searched(struct errand *e)
{
	struct service_search *q = (struct service_search *)(void *)e;
	struct service *s = q->service;
	struct transfer_link *t = s->transfer;

	service_search_settle(q);
	service_load_check(s);
	if (q->error == -EAGAIN) {
		seek(s); /* the gallery changed meanwhile */
		return;
	}
	if (q->error < 0)
		refuse(s, "finger %u: cannot be searched for",
		       t->x.fingers[t->next].position);
	else if (enrol_is_somebodys(&s->policy, t->subject, q->references, q->found,
				    q->count))
		refuse(s, "finger %u: somebody else has it",
		       t->x.fingers[t->next].position);
	else {
		t->next++;
		seek(s);
	}
}

/* Which of the subject's fingers have a reference of our own, as bits. */
static void
note_own(void *ctx, struct ulid subject, uint32_t finger, const uint8_t *data,
	 size_t bytes)
{
	unsigned *own = ctx;

	(void)subject;
	if (!reference_is_foreign(data, bytes))
		*own |= 1u << finger;
}

/* A reference of our own is better than one without orientations: it is not replaced. */
static bool
replaces_own(struct service *s, unsigned *ret_finger)
{
	const struct exchange *x = &s->transfer->x;
	unsigned own = 0, damaged = 0;

	if (store_references(s->store, s->transfer->subject, note_own, &own, &damaged) <
	    0)
		return false; /* nobody yet; other errors come again when it is stored */
	for (size_t i = 0; i < x->fingers_count; i++) {
		*ret_finger = x->fingers[i].position;
		if ((own >> x->fingers[i].position & 1u) != 0)
			return true;
	}
	return false;
}

static void
read_done(struct errand *e)
{
	struct reading *r = (struct reading *)(void *)e;
	struct transfer_link *t = r->link;
	struct service *s = t->service;
	unsigned finger = 0;

	r->bytes = secret_free(r->bytes);
	if (r->rc < 0)
		reply_fault(s, end(t), &r->fault);
	else if (!r->import)
		show(s);
	else if (replaces_own(s, &finger))
		refuse(s, "finger %u: enrolled here already, which is better", finger);
	else
		seek(s);
}

void
service_on_import(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
		  const struct value *params)
{
	struct service *s = ctx;
	struct transfer_link *t = s->transfer;
	struct store_consent consent;
	struct ulid subject;
	const char *wrong;

	(void)peer;
	wrong = service_get_ulid(params, "subject", &subject) < 0
			? "subject: a ulid is wanted"
			: service_get_consent(params, &consent);
	if (call == NULL || wrong != NULL) {
		rpc_fail(call, RPC_PARAMS, "%s", wrong == NULL ? "" : wrong);
		return;
	}
	if (s->enrol != NULL || service_load_runs(s)) {
		rpc_fail(call, RPC_REFUSED, "%s",
			 s->enrol != NULL ? "an enrolment is under way"
					  : "the gallery is not loaded yet");
		return;
	}
	if (s->arming.by_claim) { /* and nobody has claimed */
		rpc_fail(call, RPC_REFUSED,
			 "the profile seals templates under a claim: enrol here");
		return;
	}
	if (!read_record(s, call, params))
		return;
	t->reading.import = true;
	t->subject = subject;
	t->consent = consent;
	t->next = 0;
	t->erased = false;
}

/* ---- export ------------------------------------------------------------------------ */

static void
collect(void *ctx, struct ulid subject, uint32_t finger, const uint8_t *data,
	size_t bytes)
{
	struct outgoing *out = ctx;

	(void)subject;
	if (out->count == EXCHANGE_FINGERS_MAX || bytes > REFERENCE_BYTES_MAX) {
		out->too_many = true;
		return;
	}
	memcpy(out->data[out->count], data, bytes);
	out->references[out->count] = (struct store_reference){
		.finger = finger, .data = out->data[out->count], .bytes = bytes
	};
	out->count++;
}

static int
collect_all(struct service *s, const struct value *subjects, unsigned *ret_damaged)
{
	struct outgoing *out = &s->transfer->out;
	struct ulid subject;
	int rc = 0;

	for (const struct value *v = subjects->first; rc == 0 && v != NULL; v = v->next) {
		unsigned damaged = 0;

		if (v->kind != VALUE_STRING || ulid_parse(v->s, &subject) < 0)
			return -EINVAL;
		rc = store_references(s->store, subject, collect, out, &damaged);
		*ret_damaged += damaged;
		rc = rc == -ENOENT ? 0 : rc; /* of another lane */
	}
	return rc == 0 && out->too_many ? -ERANGE : rc;
}

static void
sweep(void *ctx)
{
	const struct transfer_link *t = ctx;

	if (t->dirfd >= 0)
		transfer_sweep(t->dirfd);
}

/* The record as a file. 0 and its name. */
static int
write_out(struct service *s, size_t bytes, char name[TRANSFER_NAME_MAX + 1])
{
	char id[ULID_TEXT_BYTES];
	struct ulid ulid;
	int rc = crypto_ulid(clock_wall_ms(), &ulid);

	if (rc < 0)
		return rc;
	ulid_text(id, ulid);
	(void)snprintf(name, TRANSFER_NAME_MAX + 1, "export-%s.fmr", id); /* fits */
	rc = loop_timer_set(s->transfer->timer, EXPORT_KEPT_MS);
	if (rc < 0)
		return rc;
	return transfer_put(s->transfer->dirfd, str_of(name), s->transfer->out.record,
			    bytes);
}

static const char *
export_error(int rc)
{
	return rc == -ENODATA   ? "no fingers are enrolled here"
	       : rc == -EBADMSG ? "the templates cannot be opened: damaged"
	       : rc == -ENOTSUP
		       ? "the templates are sealed under what the member claims: "
			 "let them claim (card, phone number or QR) as before a "
			 "payment, and export while the sensor is lit for it"
	       : rc == -EINVAL ? "subjects: 1..16 ulids are wanted"
	       : rc == -ERANGE ? "more than one record holds"
			       : strerror(-rc);
}

/* What the record holds, read from itself. */
static void
reply_export(struct service *s, struct rpc_call *call, const char *name, size_t bytes,
	     bool exact, unsigned damaged)
{
	struct transfer_link *t = s->transfer;
	struct json_out *o = service_message(s);
	struct fmr r;

	if (fmr_open(t->out.record, bytes, &r, NULL) < 0) {
		rpc_fail(call, RPC_INTERNAL, "export: the record cannot be read again");
		return; /* fmr_write and fmr_join read what they wrote */
	}
	json_cstr(o, "file", name);
	json_cstr(o, "format", exchange_format_name(r.head.format));
	json_bool(o, "exact", exact);
	json_int(o, "damaged", damaged);
	json_open_array(o, "fingers");
	for (unsigned i = 0; i < r.views; i++) {
		struct fmr_label l = fmr_label(&r, i);

		json_open_object(o, NULL);
		json_int(o, "finger", l.position);
		json_int(o, "minutiae", l.stored);
		json_int(o, "quality", l.quality);
		json_bool(o, "exact", exact);
		json_close(o);
	}
	json_close(o);
	json_close(o);
	rpc_reply(call, o);
	log_notice("the references of a member were exported");
}

void
service_on_export(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
		  const struct value *params)
{
	struct service *s = ctx;
	struct outgoing *out = &s->transfer->out;
	char name[TRANSFER_NAME_MAX + 1] = "";
	const struct value *subjects = NULL;
	struct str format = { "", 0 };
	unsigned wanted = 0, damaged = 0;
	bool exact = false;
	size_t bytes = 0;
	int rc;

	(void)peer;
	if (value_get_str(params, "format", FORMAT_NAME_MAX, &format) == 0)
		wanted = exchange_format(format);
	if (value_member(params, "format") != NULL && wanted == 0) {
		rpc_fail(call, RPC_PARAMS, "format: iso or ansi is wanted");
		return;
	}
	rc = value_get_array(params, "subjects", &subjects) < 0 || subjects->count == 0 ||
			     subjects->count > SUBJECTS_EXPORT_MAX
		     ? -EINVAL
		     : 0;
	if (rc == 0)
		rc = collect_all(s, subjects, &damaged);
	if (rc == 0)
		rc = exchange_write(out->references, out->count, wanted, out->record,
				    &bytes, &exact);
	if (rc == 0)
		rc = s->transfer->dirfd < 0 ? -ENOENT : write_out(s, bytes, name);
	if (rc == 0)
		reply_export(s, call, name, bytes, exact, damaged);
	else
		rpc_fail(call, rc == -ENODATA ? RPC_NOT_FOUND : RPC_REFUSED, "export: %s",
			 export_error(rc));
	secret_zero(out, sizeof(*out));
}

/* ---- start and end ------------------------------------------------------------------ */

void
service_transfer_erased(struct service *s, struct ulid subject)
{
	struct transfer_link *t = s->transfer;

	t->erased = t->erased || (t->call != NULL && ulid_eq(t->subject, subject));
	sweep(t);
}

bool
service_transfer_runs(const struct service *s)
{
	return s->transfer->call != NULL;
}

int
service_transfer_open(struct service *s)
{
	struct transfer_link *t = secret_region_new(sizeof(*t));
	int rc;

	if (t == NULL)
		return -ENOMEM;
	s->transfer = t;
	t->service = s;
	t->errand = (struct errand){ .work = add, .done = added, .class = ERRAND_URGENT };
	t->reading.link = t;
	t->reading.errand = (struct errand){ .work = read_work,
					     .done = read_done,
					     .class = ERRAND_URGENT };
	t->dirfd = -1;
	t->search = service_search_new(s, searched);
	if (t->search == NULL || loop_timer_new(s->loop, sweep, t, &t->timer) < 0)
		return -ENOMEM;
	rc = transfer_open(conf_str(s->conf, "paths", "bio_state"), &t->dirfd);
	if (rc < 0)
		log_warn("%s/" TRANSFER_FOLDER ": %s; nothing is imported or exported",
			 conf_str(s->conf, "paths", "bio_state"), strerror(-rc));
	return 0;
}

void
service_transfer_close(struct service *s)
{
	struct transfer_link *t = s->transfer;

	if (t == NULL)
		return;
	if (t->call != NULL)
		rpc_fail(t->call, RPC_GONE, "stopping");
	t->timer = loop_timer_free(t->timer);
	sweep(t);
	if (t->dirfd >= 0)
		(void)close(t->dirfd); /* a folder */
	t->search = service_search_free(t->search);
	t->reading.bytes = secret_free(t->reading.bytes);
	secret_region_free(t, sizeof(*t));
	s->transfer = NULL;
}
