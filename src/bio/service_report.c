/* bio.report: what the record says, in rates and bounds and never in scores. */
#include "bio/service_judge.h"

#include "base/clock.h"
#include "bio/gallery/score.h"
#include "bio/store_record.h"

#include <math.h>

#define DAYS 30
#define DAY_MS (INT64_C(86400) * 1000)
#define PPB 1e9

static void
put_ppb(struct json_out *o, const char *name, double rate)
{
	json_int(o, name, llround(rate * PPB));
}

static void
put_rate(struct json_out *o, const char *name, uint64_t count, uint64_t of)
{
	struct record_rate r = record_rate(count, of);

	json_open_object(o, NULL);
	json_cstr(o, "name", name);
	json_int(o, "count", (int64_t)r.count);
	json_int(o, "of", (int64_t)r.of);
	put_ppb(o, "rate_ppb", r.rate);
	put_ppb(o, "low_ppb", r.low);
	put_ppb(o, "high_ppb", r.high);
	json_close(o);
}

/* Decisions of one kind that became d. */
static uint64_t
outcomes(const struct store_summary *sum, enum record_kind kind, enum decision d)
{
	uint64_t n = 0;

	for (int w = 0; w < DECIDE_WHYS; w++)
		if (decide_outcome((enum decide_why)w) == d)
			n += sum->decisions[kind][w];
	return n;
}

/* Fingers that were compared with all, or with one member's. */
static uint64_t
compared(const struct store_summary *sum, enum record_kind kind)
{
	const uint64_t *n = sum->decisions[kind];

	return n[WHY_ABOVE] + n[WHY_TWO_FINGERS] + n[WHY_MARGIN] + n[WHY_GREY] +
	       n[WHY_INCOMPLETE] + n[WHY_BELOW] + n[WHY_QUALITY];
}

/* Touches: a decide is about one that was searched for before, an expired probe about none. */
static uint64_t
touches(const struct store_summary *sum, enum decide_why only)
{
	uint64_t n = 0;

	for (int w = 0; w < DECIDE_WHYS; w++)
		if (w != WHY_EXPIRED && (only == DECIDE_WHYS || w == (int)only))
			n += sum->decisions[RECORD_IDENTIFY][w] +
			     sum->decisions[RECORD_VERIFY][w];
	return n;
}

static void
put_rates(struct json_out *o, const struct store_summary *sum)
{
	const uint64_t *identify = sum->decisions[RECORD_IDENTIFY];
	const uint64_t *verify = sum->decisions[RECORD_VERIFY];
	const uint64_t *decide = sum->decisions[RECORD_DECIDE];
	uint64_t all = touches(sum, DECIDE_WHYS);

	json_open_array(o, "rates");
	put_rate(o, "failure-to-acquire", touches(sum, WHY_NOT_ACQUIRED), all);
	put_rate(o, "retry",
		 outcomes(sum, RECORD_IDENTIFY, DECISION_RETRY) +
			 outcomes(sum, RECORD_VERIFY, DECISION_RETRY) -
			 identify[WHY_EXPIRED] - verify[WHY_EXPIRED],
		 all);
	put_rate(o, "back-off", touches(sum, WHY_BACK_OFF), all);
	put_rate(o, "locked-out", touches(sum, WHY_LOCKED_OUT), all);
	put_rate(o, "search-not-accepted",
		 compared(sum, RECORD_IDENTIFY) -
			 outcomes(sum, RECORD_IDENTIFY, DECISION_ACCEPT),
		 compared(sum, RECORD_IDENTIFY));
	put_rate(o, "search-ambiguous", identify[WHY_MARGIN] + identify[WHY_GREY],
		 compared(sum, RECORD_IDENTIFY));
	put_rate(o, "two-fingers-accepted", identify[WHY_TWO_FINGERS],
		 compared(sum, RECORD_IDENTIFY));
	put_rate(o, "claim-not-accepted",
		 compared(sum, RECORD_VERIFY) - verify[WHY_ABOVE],
		 compared(sum, RECORD_VERIFY));
	put_rate(o, "code-not-accepted", compared(sum, RECORD_DECIDE) - decide[WHY_ABOVE],
		 compared(sum, RECORD_DECIDE));
	json_close(o);
}

static void
put_decisions(struct json_out *o, const struct store_summary *sum)
{
	json_open_array(o, "decisions");
	for (int k = 0; k < RECORD_KINDS; k++)
		for (int w = 0; w < DECIDE_WHYS; w++) {
			if (sum->decisions[k][w] == 0)
				continue;
			json_open_object(o, NULL);
			json_cstr(o, "kind", record_kind_name((enum record_kind)k));
			json_cstr(o, "outcome",
				  decision_name(decide_outcome((enum decide_why)w)));
			json_cstr(o, "why", decide_why_name((enum decide_why)w));
			json_int(o, "count", (int64_t)sum->decisions[k][w]);
			json_close(o);
		}
	json_close(o);
	json_open_array(o, "quality");
	for (unsigned i = 0; i < STORE_QUALITIES; i++)
		json_int(o, NULL, (int64_t)sum->quality[i]);
	json_close(o);
}

static void
put_fpir(struct service *s, struct json_out *o)
{
	uint64_t references = gallery_stats(s->gallery).references;
	int32_t threshold = decide_threshold(&s->policy, references);
	double target = (double)s->policy.fpir_per_million / 1e6;
	double claimed = pow(10.0, -(double)threshold / 1000.0) *
			 (double)(references > 0 ? references : 1);
	struct record_fpir f = record_fpir(s->judge.counts.bins[RECORD_SEARCH], target);

	json_open_object(o, "fpir");
	put_ppb(o, "target_ppb", target);
	json_int(o, "threshold_db_100", threshold);
	json_open_object(o, "calibration");
	put_ppb(o, "bound_ppb", claimed < 1.0 ? claimed : 1.0);
	json_bool(o, "extrapolated", threshold > SCORE_OBSERVED);
	json_bool(o, "met", decide_target_met(&s->policy, references));
	json_close(o);
	json_open_object(o, "searches");
	json_int(o, "count", (int64_t)f.searches);
	json_int(o, "reached", (int64_t)f.reached);
	put_ppb(o, "bound_ppb", f.bound);
	json_bool(o, "extrapolated", f.extrapolated);
	json_bool(o, "met", f.bound <= target);
	json_bool(o, "refuted", f.refuted);
	json_close(o);
	json_close(o);
}

int
service_report(struct service *s, struct json_out *o)
{
	struct gallery_stats stats = gallery_stats(s->gallery);
	int64_t now = clock_wall_ms(), mono = clock_mono_ms();
	struct store_summary sum;
	int rc = store_summary(s->store, now - DAYS * DAY_MS, &sum);

	if (rc < 0)
		return rc;
	json_int(o, "days", DAYS);
	json_open_object(o, "gallery");
	json_int(o, "subjects", (int64_t)stats.subjects);
	json_int(o, "references", (int64_t)stats.references);
	json_int(o, "foreign", (int64_t)stats.foreign);
	json_bool(o, "searchable", s->searchable);
	json_close(o);
	put_fpir(s, o);
	json_bool(o, "pay_by_touch", service_judge_pays(s));
	json_open_object(o, "guard");
	json_bool(o, "on", s->judge.guarded);
	json_int(o, "level", guard_level(&s->judge.guard, mono));
	json_int(o, "wait_s", (guard_wait_ms(&s->judge.guard, mono) + 999) / 1000);
	json_bool(o, "code_wanted", guard_wants_code(&s->judge.guard, mono));
	json_close(o);
	json_int(o, "touches", (int64_t)touches(&sum, DECIDE_WHYS));
	put_rates(o, &sum);
	put_decisions(o, &sum);
	return 0;
}
