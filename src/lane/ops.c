/* Performs what the core asks for: the transports of lane/effects. */
#include "lane/lane_private.h"

#include "base/crypto.h"
#include "base/log.h"

#include <errno.h>
#include <string.h>

static int
op_fresh(void *ctx, const struct timepoint *now, struct lane_fresh *ret_fresh)
{
	struct lane_fresh f;
	int rc = crypto_ulid(now->wall_ms, &f.checkout);

	(void)ctx;
	if (rc == 0)
		rc = crypto_key128(&f.key);
	if (rc == 0)
		*ret_fresh = f;
	return rc;
}

static int
op_bio(void *ctx, const struct lane_effect *fx)
{
	return bio_link_perform(ctx, fx);
}

static int
op_adapter(void *ctx, const struct lane_effect *fx)
{
	return adapter_link_perform(ctx, fx);
}

static void
op_journal_answer(void *ctx, const char *req, bool ok)
{
	struct lane *l = ctx;
	struct rpc_call *call = l->journal_call;

	(void)req; /* one adapter.journal is answered at a time, within its own step */
	l->journal_call = NULL;
	if (call == NULL)
		return;
	if (ok)
		rpc_reply(call, NULL);
	else
		rpc_fail(call, RPC_REFUSED, "not durable: do not send");
}

/* Several members fit: their subjects, so that a touch can be decided among them. */
static int
found_many(struct lane *l, size_t count, struct lane_event *ev)
{
	struct members_found subjects = { l->found_subjects, LANE_FOUND_MAX, 0 };
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = members_subjects(l->cache, l->found[i], &subjects);
	ev->found.subjects = l->found_subjects;
	ev->found.subjects_count = (uint32_t)subjects.count;
	return rc;
}

static int
op_resolve(void *ctx, const struct lane_effect *fx, struct lane_event *ev)
{
	struct lane *l = ctx;
	struct members_found found = { l->found, LANE_FOUND_MAX, 0 };
	int rc = members_claim(l->cache, fx->claim.kind, fx->claim.value, &found);

	claims_forget(l);
	ev->found.serial = fx->claim.serial;
	if (rc == -E2BIG) { /* too many to be of use: nobody is found */
		found.count = 0;
		rc = 0;
	}
	if (rc == 0 && found.count == 1) {
		rc = lane_find_member(l, l->found[0]);
		ev->found.member = &l->member;
		claims_take(l, l->found[0], fx->claim.kind, fx->claim.value);
	} else if (rc == 0 && found.count > 1) {
		rc = found_many(l, found.count, ev);
	}
	if (rc < 0) {
		log_warn("member cache: %s; selling without", strerror(-rc));
		return rc;
	}
	ev->found.count = (uint32_t)found.count;
	return 0;
}

static void
op_show(void *ctx, const struct lane_display *d)
{
	if (d->phase == PHASE_IDLE)
		claims_forget(ctx);
	adapter_link_receipt(ctx, d);
	control_changed(ctx); /* the watchers are told what stands now */
}

static void
op_tender_reply(void *ctx, const struct lane_effect *fx, bool ok)
{
	adapter_tender_reply(ctx, fx, ok);
}

static void
op_alarm(void *ctx, const struct lane_audit *a)
{
	char id[ULID_TEXT_BYTES];

	(void)ctx;
	ulid_text(id, a->checkout);
	log_event(LOG_ERR, a->what, id, "%s%s%s", a->what, a->text == NULL ? "" : ": ",
		  a->text == NULL ? "" : a->text);
}

static void
op_journal_error(void *ctx, int error)
{
	(void)ctx;
	log_event(LOG_ERR, "journal-failed", NULL,
		  "journal.db: %s; token payment is off, the sale goes on",
		  strerror(error < 0 ? -error : error));
}

const struct effects_ops lane_effects_ops = {
	.fresh = op_fresh,
	.bio = op_bio,
	.adapter = op_adapter,
	.journal_answer = op_journal_answer,
	.tender_reply = op_tender_reply,
	.resolve = op_resolve,
	.show = op_show,
	.alarm = op_alarm,
	.journal_error = op_journal_error,
};
