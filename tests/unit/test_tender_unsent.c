/*
 * After a restart the host of the POS's adapter, which has lived on, tells that an answer was never allowed to
 * leave: it is as one of this life.
 */
#include "unit.h"

#include "unit/tender_stage.h"

struct step {
	enum tender_act act;
	int64_t n;
	const char *fx;
	enum payment_state state;
};

/* Charged, and laned dies before its answer is out. */
static const struct step begun[] = {
	{ T_ITEM, 1000, "", PAYMENT_STATES },
	{ T_MEMBER, 1, "", PAYMENT_STATES },
	{ T_TOTAL, 1000, "", PAYMENT_STATES },
	{ T_WANT, 1000, "PY", PAYMENT_CREATED },
	{ T_TOUCH, 1, "p", PAYMENT_CREATED },
	{ T_ASK, 0, "PJ", PAYMENT_SENDING },
	{ T_PAYER, OUTCOME_APPROVED, "PA", PAYMENT_ANSWER_SENDING },
	{ T_RESTART, 0, "", PAYMENT_ANSWER_SENDING },
};

/* What follows; the host tells what it knows at `unsent` of them. */
static const struct {
	const char *name;
	unsigned unsent;
	struct step steps[8];
} cases[] = {
	{ "a POS that still waits has it",
	  0,
	  {
		  { T_POS_LINK, 1, "A", PAYMENT_ANSWER_SENDING },
		  { T_ASK_ANSWER, 0, "J", PAYMENT_ANSWER_SENDING },
		  { T_POS, OUTCOME_CONFIRMED, "P", PAYMENT_CONFIRMED },
	  } },
	{ "one that has gone has it undone",
	  0,
	  {
		  { T_PAYER_LINK, 1, "", PAYMENT_ANSWER_SENDING },
		  { T_POS_LINK, 1, "A", PAYMENT_ANSWER_SENDING },
		  { T_POS, OUTCOME_CANCELLED, "Pu", PAYMENT_UNDO_QUEUED },
	  } },
	{ "nobody says anything: its limit undoes it, and it is no alarm that lasts",
	  0,
	  {
		  { T_PAYER_LINK, 1, "", PAYMENT_ANSWER_SENDING },
		  { T_POS_LINK, 1, "A", PAYMENT_ANSWER_SENDING },
		  { T_WAIT, 120000, "PuXu", PAYMENT_UNDO_QUEUED },
	  } },
	{ "the alarm was raised before the host came back",
	  2,
	  {
		  { T_PAYER_LINK, 1, "", PAYMENT_ANSWER_SENDING },
		  { T_WAIT, 130000, "P!", PAYMENT_ANSWER_SENDING },
		  { T_POS_LINK, 1, "A", PAYMENT_ANSWER_SENDING },
		  { T_WAIT, 10, "PuX", PAYMENT_UNDO_QUEUED },
	  } },
	{ "the POS took another tender meanwhile",
	  2,
	  {
		  { T_PAYER_LINK, 1, "", PAYMENT_ANSWER_SENDING },
		  { T_CLOSED, 1000, "", PAYMENT_ANSWER_SENDING },
		  { T_POS_LINK, 1, "A", PAYMENT_ANSWER_SENDING },
		  { T_POS, OUTCOME_CANCELLED, "Pu", PAYMENT_UNDO_QUEUED },
	  } },
	{ "an answer that may leave now is one that may be out",
	  0,
	  {
		  { T_PAYER_LINK, 1, "", PAYMENT_ANSWER_SENDING },
		  { T_POS_LINK, 1, "A", PAYMENT_ANSWER_SENDING },
		  { T_ASK_ANSWER, 0, "J", PAYMENT_ANSWER_SENDING },
		  { T_POS, OUTCOME_UNKNOWN, "", PAYMENT_ANSWER_SENDING },
		  { T_WAIT, 130000, "P!", PAYMENT_ANSWER_SENDING },
	  } },
};

static void
act(struct tender_stage *s, const char *name, unsigned i, const struct step *e)
{
	const struct payment *p;

	tender_stage_act(s, e->act, e->n);
	p = tender_stage_payment(s);
	ck_assert_msg(strcmp(tender_stage_effects(s), e->fx) == 0, "%s, %u: \"%s\"", name,
		      i, tender_stage_effects(s));
	ck_assert_msg(e->state == PAYMENT_STATES || (p != NULL && p->state == e->state),
		      "%s, %u: %s", name, i,
		      p == NULL ? "-" : payment_state_name(p->state));
}

static struct tender_stage *
restarted(const char *name)
{
	struct tender_stage *s = tender_stage_new();

	for (unsigned i = 0; i < sizeof(begun) / sizeof(begun[0]); i++)
		act(s, name, i, &begun[i]);
	return s;
}

static void
play(const char *name, unsigned unsent, const struct step *steps)
{
	struct tender_stage *s = restarted(name);

	for (unsigned i = 0; steps[i].fx != NULL; i++) {
		if (i == unsent)
			lane_core_answer_unsent(tender_stage_core(s),
						tender_stage_payment(s)->key);
		act(s, name, i, &steps[i]);
	}
	tender_stage_free(s);
}

START_TEST(an_answer_that_was_never_let_go_is_as_one_of_this_life)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		play(cases[i].name, cases[i].unsent, cases[i].steps);
}
END_TEST

START_TEST(without_that_word_it_rests_with_an_alarm)
{
	static const struct step steps[] = {
		{ T_PAYER_LINK, 1, "", PAYMENT_ANSWER_SENDING },
		{ T_POS_LINK, 1, "", PAYMENT_ANSWER_SENDING },
		{ T_POS, OUTCOME_UNKNOWN, "", PAYMENT_ANSWER_SENDING },
		{ T_WAIT, 130000, "P!", PAYMENT_ANSWER_SENDING },
	};
	struct tender_stage *s = restarted("without");
	struct key128 other = tender_stage_payment(s)->key;

	other.b[0] ^= 1;
	lane_core_answer_unsent(tender_stage_core(s), other); /* of nothing here */
	for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		act(s, "without", i, &steps[i]);
	tender_stage_free(s);
}
END_TEST

START_TEST(of_any_other_payment_it_changes_nothing)
{
	for (unsigned state = 0; state < PAYMENT_STATES; state++) {
		struct payment p = { .state = (enum payment_state)state,
				     .told = true,
				     .alarmed = true };
		struct payment was = p;

		payment_answer_unsent(&p); /* no POS asked for it */
		ck_assert_mem_eq(&p, &was, sizeof(p));
		memcpy(p.pos_adapter, "pos", 4);
		p.taken = state == PAYMENT_ANSWER_SENDING;
		was = p;
		payment_answer_unsent(&p);
		ck_assert_mem_eq(&p, &was, sizeof(p));
	}
}
END_TEST

UNIT_MAIN("tender_unsent", an_answer_that_was_never_let_go_is_as_one_of_this_life,
	  without_that_word_it_rests_with_an_alarm,
	  of_any_other_payment_it_changes_nothing)
