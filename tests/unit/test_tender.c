#include "unit.h"

#include "unit/tender_scenarios.h"
#include "unit/tender_scenarios_anew.h"
#include "unit/tender_scenarios_late.h"

#define FIRST ((int)(sizeof(scenarios) / sizeof(scenarios[0])))
#define LATE ((int)(sizeof(scenarios_late) / sizeof(scenarios_late[0])))
#define ANEW ((int)(sizeof(scenarios_anew) / sizeof(scenarios_anew[0])))

/* An approval is for the POS, and what the POS was told is what the payment came to. */
START_TEST(scenario_goes_as_written)
{
	const struct tender_scenario *t = _i < FIRST ? &scenarios[_i]
					  : _i < FIRST + LATE
						  ? &scenarios_late[_i - FIRST]
						  : &scenarios_anew[_i - FIRST - LATE];
	struct tender_stage *s = tender_stage_new();

	for (int i = 0; t->steps[i].fx != NULL; i++) {
		const struct tender_step *e = &t->steps[i];
		const struct payment *p;
		const struct lane_display *d;
		bool same;

		tender_stage_act(s, e->act, e->n);
		d = lane_core_display(tender_stage_core(s));
		p = tender_stage_payment(s);
		same = strcmp(e->fx, "*") == 0 ||
		       strcmp(e->fx, tender_stage_effects(s)) == 0;
		same = same && d->phase == e->phase &&
		       (e->state == PAYMENT_STATES || p == NULL || p->state == e->state);
		ck_assert_msg(same, "%s, step %d: %s \"%s\" %s and not %s \"%s\" %s",
			      t->name, i + 1, checkout_phase_name(d->phase),
			      tender_stage_effects(s),
			      p == NULL ? "-" : payment_state_name(p->state),
			      checkout_phase_name(e->phase), e->fx,
			      payment_state_name(e->state));
	}
	tender_stage_free(s);
}
END_TEST

static uint32_t
draw(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u; /* Numerical Recipes' generator */
	return *seed >> 8;
}

/* The acts of one run; those that begin something come more often. */
static const struct {
	enum tender_act act;
	int64_t n[4];
} acts[] = {
	{ T_ITEM, { 700, 1000, 1000, 500 } },
	{ T_TOTAL, { 1000, 1000, 1000, 800 } },
	{ T_TOTAL, { 1000, 1000, 1000, 1000 } },
	{ T_NEXT, { 1000, 500, 1000, 6000 } },
	{ T_CLOSED, { 1000, 500, 1000, 1000 } },
	{ T_MEMBER, { 1, 1, 2, 1 } },
	{ T_CLAIM, { 1, 2, 3, 1 } },
	{ T_TOUCH, { 1, 1, 1, 0 } },
	{ T_TOUCH, { 1, 1, 1, 1 } },
	{ T_FINGER, { 0, 0, 0, 0 } },
	{ T_VERIFIED, { 1, 0, 1, 1 } },
	{ T_WANT, { 1000, 1000, 400, 1200 } },
	{ T_WANT, { 1000, 600, 500, 1000 } },
	{ T_AGAIN, { 0, 0, 0, 0 } },
	{ T_NAMELESS, { 1000, 700, 300, 1000 } },
	{ T_ASK, { 0, 0, 0, 0 } },
	{ T_ASK, { 0, 0, 1, 0 } },
	{ T_ASK_ANSWER, { 0, 0, 1, 0 } },
	{ T_PAYER,
	  { OUTCOME_APPROVED, OUTCOME_DECLINED, OUTCOME_UNKNOWN,
	    1000 + OUTCOME_PARTIAL } },
	{ T_PAYER,
	  { OUTCOME_APPROVED, OUTCOME_APPROVED, OUTCOME_NOT_SENT, OUTCOME_NOT_FOUND } },
	{ T_LATE,
	  { OUTCOME_APPROVED, OUTCOME_NOT_FOUND, OUTCOME_CONFIRMED, OUTCOME_DECLINED } },
	{ T_FIRST,
	  { OUTCOME_APPROVED, OUTCOME_NOT_FOUND, OUTCOME_UNKNOWN, OUTCOME_DECLINED } },
	{ T_FIRST_POS,
	  { OUTCOME_CONFIRMED, OUTCOME_CANCELLED, OUTCOME_UNKNOWN, OUTCOME_CONFIRMED } },
	{ T_CONFIRMED, { 0, 0, 0, 0 } },
	{ T_UNDONE, { 0, 0, 0, 0 } },
	{ T_REFUSED, { LANE_OP_PAY, LANE_OP_QUERY, LANE_OP_UNDO, LANE_OP_CONFIRM } },
	{ T_POS,
	  { OUTCOME_CONFIRMED, OUTCOME_CANCELLED, OUTCOME_UNKNOWN, OUTCOME_CONFIRMED } },
	{ T_STALE,
	  { OUTCOME_CONFIRMED, OUTCOME_CANCELLED, OUTCOME_UNKNOWN, OUTCOME_DONE } },
	{ T_FIRST_STALE,
	  { OUTCOME_CONFIRMED, OUTCOME_CANCELLED, OUTCOME_UNKNOWN, OUTCOME_UNKNOWN } },
	{ T_POS_REFUSED, { 0, 0, 0, 0 } },
	{ T_ABORT, { 0, 0, 0, 0 } },
	{ T_TAKEN, { 0, 0, 0, 0 } },
	{ T_UNDO, { 0, 0, 0, 0 } },
	{ T_REPEAT, { 0, 0, 0, 0 } },
	{ T_FIRST_REPEAT, { 0, 0, 0, 0 } },
	{ T_POS_LINK, { 1, 0, 1, 1 } },
	{ T_PAYER_LINK, { 1, 0, 1, 1 } },
	{ T_BIO_LINK, { 1, 1, 0, 1 } },
	{ T_CLOCK, { 1, 1, 1, 0 } },
	{ T_REMOVE, { 0, 0, 0, 0 } },
	{ T_OTHER, { 0, 0, 0, 0 } },
	{ T_CANCEL, { 0, 1, 0, 0 } },
	{ T_PARTIALS, { 0, 0, 0, 0 } },
	{ T_TWO_PHASE, { 0, 0, 0, 0 } },
	{ T_WAIT, { 100, 5000, 30000, 130000 } },
	{ T_NIGHT, { 0, 0, 0, 0 } },
	{ T_JFAIL, { 0, 0, 0, 0 } },
	{ T_RESTART, { 0, 2, 0, 1 } },
};

/* What goes well, so far as a run gets: the rest is chance. */
static const struct {
	enum tender_act act;
	int64_t n;
} well[] = {
	{ T_ITEM, 1000 },
	{ T_MEMBER, 1 },
	{ T_TOTAL, 1000 },
	{ T_WANT, 1000 },
	{ T_TOUCH, 1 },
	{ T_ASK, 0 },
	{ T_PAYER, OUTCOME_APPROVED },
	{ T_ASK_ANSWER, 0 },
};

/* The stage looks at each payment and each answer as it goes out. */
START_TEST(no_order_of_events_charges_or_answers_what_it_must_not)
{
	const uint32_t count = sizeof(acts) / sizeof(acts[0]);
	uint32_t seed = (uint32_t)_i * 2654435761u + 1;
	unsigned charged = 0;

	for (int run = 0; run < 250; run++) {
		struct tender_stage *s = tender_stage_new();
		uint32_t far = draw(&seed) % (sizeof(well) / sizeof(well[0]) + 1);

		for (uint32_t i = 0; i < far; i++) {
			tender_stage_act(s, well[i].act, well[i].n);
			charged += strchr(tender_stage_effects(s), 'p') != NULL;
		}
		for (int i = 0; i < 60 && tender_stage_has_room(s); i++) {
			uint32_t at = draw(&seed) % count;

			/* Only a list with stores can fail. */
			if (acts[at].act == T_JFAIL &&
			    strchr(tender_stage_effects(s), 'P') == NULL)
				continue;
			tender_stage_act(s, acts[at].act, acts[at].n[draw(&seed) % 4]);
			charged += strchr(tender_stage_effects(s), 'p') != NULL;
		}
		tender_stage_free(s);
	}
	ck_assert_uint_gt(charged, 100);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tender");
	TCase *c = tcase_create("scenarios");
	SRunner *r;
	int failed;

	tcase_add_loop_test(c, scenario_goes_as_written, 0, FIRST + LATE + ANEW);
	tcase_set_timeout(c, 60);
	tcase_add_loop_test(c, no_order_of_events_charges_or_answers_what_it_must_not, 0,
			    8);
	suite_add_tcase(suite, c);
	r = srunner_create(suite);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
