/* The state of the lane as one JSON object: lane.status and lane.changed. */
#include "lane/lane_private.h"

#include "base/clock.h"
#include "base/log.h"
#include "config.h"

#include <pwd.h>

static void
put_faults(struct json_out *o, const struct lane_faults *f)
{
	json_open_object(o, "faults");
	json_bool(o, "bio_down", f->bio_down);
	json_bool(o, "adapter_down", f->adapter_down);
	json_bool(o, "journal_failed", f->journal_failed);
	json_bool(o, "clock_doubted", f->clock_doubted);
	json_bool(o, "environment", f->environment);
	json_bool(o, "training", f->training);
	json_close(o);
}

/* What the cashier is told beside the row: message ids, and the service code of E8. */
static void
put_cashier(struct json_out *o, const struct lane_display *d)
{
	if (d->reason != TOUCH_HINT_NONE)
		json_cstr(o, "reason", touch_hint_name(d->reason));
	if (d->row == ROW_AMBIGUOUS) {
		json_open_array(o, "ask");
		if (d->other_finger)
			json_cstr(o, NULL, "other-finger");
		json_cstr(o, NULL, "digits");
		json_close(o);
	}
	if (d->faults.bio_down)
		json_cstr(o, "service", readers_health_name(d->readers));
	json_open_array(o, "cashier");
	if (d->clean_glass)
		json_cstr(o, NULL, "clean-the-glass");
	if (d->finger_rests)
		json_cstr(o, NULL, "finger-rests");
	json_close(o);
}

void
status_checkout(struct lane *l, struct json_out *o, bool receipt)
{
	const struct lane_display *d = lane_core_display(l->core);

	json_cstr(o, "row", display_row_name(d->row));
	if (d->claim_first) {
		json_bool(o, "claim_first", true);
		json_bool(o, "sensor_on", d->sensor_on);
	}
	json_cstr(o, "phase", checkout_phase_name(d->phase));
	json_cstr(o, "member_state", member_state_name(d->member));
	json_cstr(o, "note", checkout_note_name(d->note));
	put_cashier(o, d);
	put_ulid(o, "checkout", d->checkout);
	json_cstr(o, "ticket", d->ticket);
	json_cstr(o, "currency", d->currency);
	json_int(o, "rev", d->rev);
	json_int(o, "lines", d->lines_count);
	json_int(o, "gross", d->gross_minor);
	json_int(o, "total", d->total_minor);
	json_int(o, "saving", d->saving_minor);
	json_int(o, "due", d->due_minor);
	json_cstr(o, "greeting", d->greeting);
	json_cstr(o, "language", d->language);
	json_cstr(o, "tender", d->tender_label);
	json_cstr(o, "last4", d->last4);
	json_bool(o, "can_pay", d->can_pay);
	json_bool(o, "training", d->training);
	status_price(l, o);
	if (d->phase == PHASE_DONE && receipt)
		(void)receipt_codes_put(l, o, d->checkout, NULL); /* not yet, or never */
	put_faults(o, &d->faults);
}

static void
put_bio(struct lane *l, struct json_out *o)
{
	const struct value *state = NULL;
	struct str text;

	json_open_object(o, "bio");
	json_bool(o, "connected", l->bio.peer != NULL);
	json_cstr(o, "version", l->bio.version);
	if (l->bio.has_state && json_out_text(l->bio.state, &text) == 0) {
		arena_reset(l->arena);
		if (json_parse(l->arena, text, 0, &state, NULL) == 0)
			json_value(o, "state", state);
	}
	json_close(o);
}

static void
put_adapters(struct lane *l, struct json_out *o)
{
	json_open_array(o, "adapters");
	for (size_t i = 0; i < l->adapters_count; i++) {
		const struct adapter_link *a = &l->adapters[i];

		json_open_object(o, NULL);
		json_cstr(o, "name", a->name);
		json_bool(o, "connected", a->greeted);
		json_cstr(o, "plugin", a->plugin);
		json_cstr(o, "version", a->version);
		json_bool(o, "can_pay", a->can_pay);
		json_bool(o, "payer", a == adapter_payer(l));
		json_bool(o, "terminal", a->can_terminal);
		json_int(o, "connects", (int64_t)a->connects);
		json_int(o, "submits", (int64_t)a->submits);
		json_int(o, "completions", (int64_t)a->completions);
		adapter_report_put(a, o);
		json_close(o);
	}
	json_close(o);
}

static void
put_databases(struct lane *l, struct json_out *o)
{
	struct journal_counts c;
	int64_t members = 0;

	json_open_object(o, "cache");
	if (members_count(l->cache, &members) == 0)
		json_int(o, "members", members);
	json_int(o, "offers", l->rules == NULL ? 0 : pricing_rules_count(l->rules));
	json_cstr(o, "note", l->cache_note);
	json_close(o);
	json_open_object(o, "journal");
	json_bool(o, "open", l->journal != NULL);
	json_cstr(o, "note", l->journal_note);
	if (l->journal_behind[0] != '\0')
		json_cstr(o, "behind", l->journal_behind);
	if (l->journal != NULL && journal_counts(l->journal, &c) == 0) {
		json_int(o, "checkouts", c.checkouts);
		json_int(o, "payments", c.payments);
		json_int(o, "refunds", c.refunds);
		json_int(o, "payments_open", c.payments_open);
		json_int(o, "audit", c.audit);
		json_int(o, "born", c.born);
		json_int(o, "outbox", c.outbox);
	}
	json_close(o);
}

static void
put_counters(struct lane *l, struct json_out *o)
{
	const struct effects_counts *c = effects_counts(l->effects);

	json_open_object(o, "counters");
	json_int(o, "commits", (int64_t)c->commits);
	json_int(o, "durable_commits", (int64_t)c->durable_commits);
	json_int(o, "failed_commits", (int64_t)c->failed_commits);
	json_int(o, "sends", (int64_t)c->sends);
	json_int(o, "warnings", (int64_t)log_warnings());
	json_int(o, "pans_refused", (int64_t)l->pans_refused);
	json_int(o, "tenders_passed", (int64_t)l->tenders_passed);
	json_int(o, "wakeups", (int64_t)loop_wakeups(l->loop));
	json_close(o);
}

void
status_write(struct lane *l, struct json_out *o, bool receipt)
{
	json_cstr(o, "version", LANED_VERSION);
	json_cstr(o, "lane", l->name);
	json_cstr(o, "store", l->store);
	json_cstr(o, "environment", conf_str(l->conf, "lane", "environment"));
	/* Without the users of an installation every role is just its socket. */
	json_bool(o, "protected", getpwnam("laned-bio") != NULL);
	put_ulid(o, "identity", l->identity.lane);
	json_bool(o, "identity_matches", l->identity.matches);
	json_cstr(o, "clock_note", clock_watch_text(l->clock.doubt));
	put_time(o, "started", l->started_wall_ms);
	put_time(o, "now", clock_wall_ms());
	json_open_object(o, "checkout");
	status_checkout(l, o, receipt);
	json_close(o);
	put_bio(l, o);
	put_adapters(l, o);
	put_databases(l, o);
	put_counters(l, o);
}
