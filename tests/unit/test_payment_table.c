/*
 * The two tables of a payment, cell by cell, written down a second time: whoever changes one says so
 * twice. Columns are the states in the order of enum payment_state:
 *
 *	cr created, sn sending, ns not-sent, ca cancelled, ap approved, pa partial, de declined,
 *	un unknown, an answer-sending, cf confirmed, uq undo-queued, ud undone, uf undo-failed,
 *	rf refunded
 *
 * A cell is "next:actions", or "actions" where the state stays, or "." where nothing happens:
 * S store, A allow, X refuse, P pay, Q query, C confirm, U undo, ! alarm, R result, N note, T tell the POS.
 */
#include "core/payment/payment.h"

#include "unit.h"

/* clang-format off */
static const char *const of_payments[PAYMENT_INPUTS] = {
	[PAYMENT_IN_SENDING_WANTED] = "sn:SAR SA X X X X X X X X X X X X",
	[PAYMENT_IN_ANSWER_WANTED] = "X X X X an:SAR an:SAR X X SA SA X X X X",
	[PAYMENT_IN_APPROVED] = "ap:SCR ap:SCR uq:SU!R uq:SU!R . N uq:SU!R ap:SCR . . SN uq:SU!R SN N",
	[PAYMENT_IN_PARTIAL] = "pa:SCR pa:SCR uq:SU!R uq:SU!R N . uq:SU!R pa:SCR . . SN uq:SU!R SN N",
	[PAYMENT_IN_DECLINED] = "de:SR de:SR . . !N !N . de:SR !N !N N . N N",
	[PAYMENT_IN_CANCELLED] = "ca:SR ca:SR . . !N !N . ns:SR !N !N N . N N",
	[PAYMENT_IN_NOT_SENT] = "ns:SR ns:SR . . N N . ns:SR N N N . N N",
	[PAYMENT_IN_NOT_FOUND] = "ns:SR un:SR . . !N !N . ns:SR !N !N N . N N",
	[PAYMENT_IN_UNKNOWN] = "un:SR un:SR . . . . . . . . . . . N",
	[PAYMENT_IN_IN_PROGRESS] = ". . . . . . . . . . . . . N",
	[PAYMENT_IN_CONFIRMED] = "!N ap:SCR !N !N cf:SR cf:SR !N ap:SCR cf:SR . !N !N !N N",
	[PAYMENT_IN_CONSENT] = "P N N N N N N N N N N N N N",
	[PAYMENT_IN_TAKEN] = "!N !N N N cf:SR cf:SR N !N cf:SR . !N !N !N N",
	[PAYMENT_IN_NOT_TAKEN] = "N N . . uq:SUR uq:SUR . N uq:SUR !N . . . N",
	[PAYMENT_IN_ANSWER_UNSURE] = ". . . . . . . . . . . . . N",
	[PAYMENT_IN_ABORT] = "ca:SR . . . . . . . . . . . . N",
	[PAYMENT_IN_ASKED_ANEW] = "ca:SR . . . . . . Q . . . . . N",
	[PAYMENT_IN_REPEAT] = ". . T T an:SRT an:SRT T . T T T T T N",
	[PAYMENT_IN_POS_BACK] = ". . . . an:SRT an:SRT . . . . . . . N",
	[PAYMENT_IN_UNDONE] = "N uq:SUR . . uq:SUR uq:SUR . uq:SUR uq:SUR !N ud:SR . ud:SR N",
	[PAYMENT_IN_UNDO_NOTHING] = "N N . . !N !N . N !N !N ud:SR . N N",
	[PAYMENT_IN_UNDO_REFUSED] = "N N . . N N . N N N uf:S!R N . N",
	[PAYMENT_IN_UNDO_UNSURE] = ". . . . . . . . . . . . . N",
	[PAYMENT_IN_CONFIRM_UNSURE] = ". . . . . . . . . . . . . N",
	[PAYMENT_IN_SUBMIT_REFUSED] = "ns:SR un:SR . . . . . . . . . . . N",
	[PAYMENT_IN_QUERY_REFUSED] = ". . . . . . . . . . . . . N",
	[PAYMENT_IN_ADAPTER_GONE] = "ns:SR un:SR . . . . . . . . . . . N",
	[PAYMENT_IN_ADAPTER_BACK] = ". . . . C C . Q . . U . . N",
	[PAYMENT_IN_OTHER_TENDER] = "ca:SR uq:SUR . . . . . uq:SUR . . . . . N",
	[PAYMENT_IN_VOID] = "ca:SR uq:SUR . . uq:SUR uq:SUR . uq:SUR !N !N . . . N",
	[PAYMENT_IN_POS_UNDO] = "ca:SR uq:SUR . . uq:SUR uq:SUR . uq:SUR uq:SUR !N . . . N",
	[PAYMENT_IN_RESTARTED] = "ca:SR un:SR . . C C . Q . . U . . N",
	[PAYMENT_IN_TIME] = ". . . . . . . . . . . . . N",
	[PAYMENT_IN_WRONG_AMOUNT] = "uq:SU!R uq:SU!R uq:SU!R uq:SU!R !N !N uq:SU!R uq:SU!R !N !N SN uq:SU!R SN N",
	[PAYMENT_IN_APPROVED_AGAIN] = ". . . . . . . . . . . . . N",
	[PAYMENT_IN_TOLD] = ". . . . S! S! . . S! . . . . N",
	[PAYMENT_IN_LIMIT] = "ca:SR un:SR . . uq:SU!R uq:SU!R . uq:SUR S! . S! . . N",
	[PAYMENT_IN_DUE] = ". . . . C C . Q . . U . . N",
	[PAYMENT_IN_ANSWERED] = "an:SRT an:SRT N N N N N an:SRT N N N N N N",
	[PAYMENT_IN_APPROVED_KEPT] = "ap:SR ap:SR N N N N N ap:SR N N N N N N",
	[PAYMENT_IN_PARTIAL_KEPT] = "pa:SR pa:SR N N N N N pa:SR N N N N N N",
	[PAYMENT_IN_TAKEN_FIRST] = "!N !N N N SCR SCR N !N SCR . !N !N !N N",
	[PAYMENT_IN_ANSWER_AGAIN] = "X X A A an:SAR an:SAR A X A A X X X X",
	[PAYMENT_IN_CONFIRM_DUE] = ". . . . C C . . C . . . . N",
};
static const char *const of_refunds[PAYMENT_INPUTS] = {
	[PAYMENT_IN_SENDING_WANTED] = "sn:SAR SA X X X X X X X X X X X X",
	[PAYMENT_IN_ANSWER_WANTED] = "X X X X X X X X X X X X X X",
	[PAYMENT_IN_APPROVED] = "rf:SR rf:SR rf:S!R rf:S!R N N rf:S!R rf:SR N N N N N .",
	[PAYMENT_IN_PARTIAL] = "rf:S!R rf:S!R rf:S!R rf:S!R N N rf:S!R rf:S!R N N N N N !N",
	[PAYMENT_IN_DECLINED] = "de:SR de:SR . . N N . de:S!R N N N N N !N",
	[PAYMENT_IN_CANCELLED] = "ca:SR ca:SR . . N N . ns:S!R N N N N N !N",
	[PAYMENT_IN_NOT_SENT] = "ns:SR ns:SR . . N N . ns:S!R N N N N N N",
	[PAYMENT_IN_NOT_FOUND] = "ns:SR un:SR . . N N . ns:S!R N N N N N !N",
	[PAYMENT_IN_UNKNOWN] = "un:SR un:SR . . N N . . N N N N N .",
	[PAYMENT_IN_IN_PROGRESS] = ". . . . N N . . N N N N N .",
	[PAYMENT_IN_CONFIRMED] = "un:SR un:SR !N !N N N !N N N N N N N N",
	[PAYMENT_IN_CONSENT] = "N N N N N N N N N N N N N N",
	[PAYMENT_IN_TAKEN] = "N N N N N N N N N N N N N N",
	[PAYMENT_IN_NOT_TAKEN] = "N N N N N N N N N N N N N N",
	[PAYMENT_IN_ANSWER_UNSURE] = "N N N N N N N N N N N N N N",
	[PAYMENT_IN_ABORT] = "N N N N N N N N N N N N N N",
	[PAYMENT_IN_ASKED_ANEW] = "N N N N N N N N N N N N N N",
	[PAYMENT_IN_REPEAT] = "N N N N N N N N N N N N N N",
	[PAYMENT_IN_POS_BACK] = "N N N N N N N N N N N N N N",
	[PAYMENT_IN_UNDONE] = "un:SR un:SR N N N N N N N N N N N !N",
	[PAYMENT_IN_UNDO_NOTHING] = "N N N N N N N N N N N N N N",
	[PAYMENT_IN_UNDO_REFUSED] = "N N N N N N N N N N N N N N",
	[PAYMENT_IN_UNDO_UNSURE] = ". . . . . . . . . . . . . .",
	[PAYMENT_IN_CONFIRM_UNSURE] = ". . . . . . . . . . . . . .",
	[PAYMENT_IN_SUBMIT_REFUSED] = "ns:SR un:SR . . . . . . . . . . . .",
	[PAYMENT_IN_QUERY_REFUSED] = ". . . . . . . . . . . . . .",
	[PAYMENT_IN_ADAPTER_GONE] = ". un:SR . . . . . . . . . . . .",
	[PAYMENT_IN_ADAPTER_BACK] = "P . . . . . . Q . . . . . .",
	[PAYMENT_IN_OTHER_TENDER] = ". . . . . . . . . . . . . .",
	[PAYMENT_IN_VOID] = ". . . . . . . . . . . . . .",
	[PAYMENT_IN_POS_UNDO] = "N N N N N N N N N N N N N N",
	[PAYMENT_IN_RESTARTED] = "P un:SR . . . . . Q . . . . . .",
	[PAYMENT_IN_TIME] = ". . . . . . . . . . . . . .",
	[PAYMENT_IN_WRONG_AMOUNT] = "rf:S!R rf:S!R rf:S!R rf:S!R N N rf:S!R rf:S!R N N N N N !N",
	[PAYMENT_IN_APPROVED_AGAIN] = ". . . . . . . . . . . . . .",
	[PAYMENT_IN_TOLD] = ". . . . . . . . . . . . . .",
	[PAYMENT_IN_LIMIT] = "ca:S!R un:SR . . . . . S! . . . . . .",
	[PAYMENT_IN_DUE] = "P . . . . . . Q . . . . . .",
	[PAYMENT_IN_ANSWERED] = "N N N N N N N N N N N N N N",
	[PAYMENT_IN_APPROVED_KEPT] = "N N N N N N N N N N N N N N",
	[PAYMENT_IN_PARTIAL_KEPT] = "N N N N N N N N N N N N N N",
	[PAYMENT_IN_TAKEN_FIRST] = "N N N N N N N N N N N N N N",
	[PAYMENT_IN_ANSWER_AGAIN] = "X X X X X X X X X X X X X X",
	[PAYMENT_IN_CONFIRM_DUE] = "N N N N N N N N N N N N N N",
};
/* clang-format on */

static const char *const codes[PAYMENT_STATES] = { "cr", "sn", "ns", "ca", "ap",
						   "pa", "de", "un", "an", "cf",
						   "uq", "ud", "uf", "rf" };

static const struct {
	char letter;
	unsigned action;
} letters[] = {
	{ 'S', PAYMENT_DO_STORE },  { 'A', PAYMENT_DO_ALLOW },
	{ 'X', PAYMENT_DO_REFUSE }, { 'P', PAYMENT_DO_PAY },
	{ 'Q', PAYMENT_DO_QUERY },  { 'C', PAYMENT_DO_CONFIRM },
	{ 'U', PAYMENT_DO_UNDO },   { '!', PAYMENT_DO_ALARM },
	{ 'R', PAYMENT_DO_RESULT }, { 'N', PAYMENT_DO_NOTE },
	{ 'T', PAYMENT_DO_ANSWER },
};

static void
spell(char text[32], struct payment_cell c, unsigned s)
{
	size_t n = 0;

	if ((unsigned)c.next != s) {
		memcpy(text, codes[c.next], 2);
		text[2] = ':';
		n = 3;
	}
	for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
		if ((c.actions & letters[i].action) != 0)
			text[n++] = letters[i].letter;
	if (n == 0)
		text[n++] = '.';
	text[n] = '\0';
}

static void
must_be(enum payment_kind kind, const char *const table[PAYMENT_INPUTS])
{
	for (unsigned k = 0; k < PAYMENT_INPUTS; k++) {
		const char *at = table[k];

		ck_assert_msg(at != NULL, "%s is not in the table of this test",
			      payment_input_name((enum payment_input_kind)k));
		for (unsigned s = 0; s < PAYMENT_STATES; s++) {
			size_t n = strcspn(at, " ");
			char text[32];

			spell(text,
			      payment_table(kind, (enum payment_state)s,
					    (enum payment_input_kind)k),
			      s);
			ck_assert_msg(strlen(text) == n && memcmp(text, at, n) == 0,
				      "%s in %s: %s and not %.*s",
				      payment_input_name((enum payment_input_kind)k),
				      payment_state_name((enum payment_state)s), text,
				      (int)n, at);
			at += n + (at[n] == ' ');
		}
		ck_assert_uint_eq(*at, '\0');
	}
}

START_TEST(each_cell_of_a_payment_s_table_is_as_written)
{
	must_be(PAYMENT_PAY, of_payments);
}
END_TEST

START_TEST(each_cell_of_a_refund_s_table_is_as_written)
{
	must_be(PAYMENT_REFUND, of_refunds);
}
END_TEST

/*
 * Ways that PAYMENTS.md does not have: no event leads there. A doubt is never a decline by itself, what
 * was approved ends confirmed or undone, and what was never sent has no undo of its own.
 */
static const struct {
	enum payment_state from, to;
} forbidden[] = {
	{ PAYMENT_SENDING, PAYMENT_CREATED },
	{ PAYMENT_UNKNOWN, PAYMENT_SENDING },
	{ PAYMENT_UNKNOWN, PAYMENT_CREATED },
	{ PAYMENT_UNKNOWN, PAYMENT_CANCELLED },
	{ PAYMENT_UNKNOWN, PAYMENT_CONFIRMED },
	{ PAYMENT_APPROVED, PAYMENT_DECLINED },
	{ PAYMENT_APPROVED, PAYMENT_CANCELLED },
	{ PAYMENT_APPROVED, PAYMENT_NOT_SENT },
	{ PAYMENT_APPROVED, PAYMENT_UNKNOWN },
	{ PAYMENT_APPROVED, PAYMENT_SENDING },
	{ PAYMENT_APPROVED, PAYMENT_UNDONE },
	{ PAYMENT_PARTIAL, PAYMENT_DECLINED },
	{ PAYMENT_PARTIAL, PAYMENT_CANCELLED },
	{ PAYMENT_PARTIAL, PAYMENT_UNDONE },
	{ PAYMENT_ANSWER_SENDING, PAYMENT_UNKNOWN },
	{ PAYMENT_ANSWER_SENDING, PAYMENT_DECLINED },
	{ PAYMENT_ANSWER_SENDING, PAYMENT_UNDONE },
	{ PAYMENT_CONFIRMED, PAYMENT_UNDO_QUEUED },
	{ PAYMENT_CONFIRMED, PAYMENT_UNDONE },
	{ PAYMENT_CONFIRMED, PAYMENT_UNKNOWN },
	{ PAYMENT_UNDO_QUEUED, PAYMENT_APPROVED },
	{ PAYMENT_UNDO_QUEUED, PAYMENT_CONFIRMED },
	{ PAYMENT_UNDO_QUEUED, PAYMENT_DECLINED },
	{ PAYMENT_UNDONE, PAYMENT_APPROVED },
	{ PAYMENT_UNDONE, PAYMENT_CONFIRMED },
	{ PAYMENT_UNDO_FAILED, PAYMENT_CONFIRMED },
	{ PAYMENT_DECLINED, PAYMENT_APPROVED },
	{ PAYMENT_NOT_SENT, PAYMENT_SENDING },
	{ PAYMENT_CANCELLED, PAYMENT_SENDING },
	{ PAYMENT_DECLINED, PAYMENT_SENDING },
};

START_TEST(no_event_takes_a_way_that_the_design_forbids)
{
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
		for (unsigned k = 0; k < PAYMENT_INPUTS; k++)
			ck_assert_msg(payment_table(PAYMENT_PAY, forbidden[i].from,
						    (enum payment_input_kind)k)
						      .next != forbidden[i].to,
				      "%s -> %s by %s",
				      payment_state_name(forbidden[i].from),
				      payment_state_name(forbidden[i].to),
				      payment_input_name((enum payment_input_kind)k));
}
END_TEST

/* A charge leaves at most once: nothing but the consent of the shopper sends a payment that exists. */
START_TEST(no_event_sends_a_payment_again)
{
	for (unsigned s = 0; s < PAYMENT_STATES; s++)
		for (unsigned k = 0; k < PAYMENT_INPUTS; k++)
			if (k != PAYMENT_IN_CONSENT || s != PAYMENT_CREATED)
				ck_assert_uint_eq(
					payment_table(PAYMENT_PAY, (enum payment_state)s,
						      (enum payment_input_kind)k)
							.actions &
						PAYMENT_DO_PAY,
					0);
}
END_TEST

UNIT_MAIN("payment_table", each_cell_of_a_payment_s_table_is_as_written,
	  each_cell_of_a_refund_s_table_is_as_written,
	  no_event_takes_a_way_that_the_design_forbids, no_event_sends_a_payment_again)
