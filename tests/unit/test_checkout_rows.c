#include "core/checkout/checkout.h"

#include "unit.h"

/* What is shown is a function of the state: rows, hints and their names. */

START_TEST(rows_are_a_function_of_state_and_faults)
{
	for (unsigned p = 0; p < PHASES; p++) {
		for (unsigned m = 0; m < MEMBER_STATES; m++) {
			for (unsigned n = 0; n < NOTES; n++) {
				struct row_state state = {
					.phase = (enum checkout_phase)p,
					.member = (enum member_state)m,
					.note = (enum checkout_note)n,
					.has_lines = true,
				};
				enum display_row r = checkout_row(&state);

				ck_assert_int_lt(r, ROWS);
				/* A doubt is never shown as a decline or "nothing charged". */
				if (p == PHASE_CHECKING)
					ck_assert_int_eq(r, ROW_CHECKING);
				if (r == ROW_APPROVED)
					ck_assert_uint_eq(p, PHASE_DONE);
				/* Where the claim comes first no idle row asks to touch. */
				state.claim_first = true;
				ck_assert_int_eq(checkout_row(&state),
						 r == ROW_IDLE ? ROW_IDLE_CLAIM : r);
			}
		}
	}
	for (unsigned r = 0; r < ROWS; r++)
		ck_assert_str_ne(display_row_name((enum display_row)r), "?");
	for (unsigned k = 0; k < LANE_EVENTS; k++)
		ck_assert_str_ne(lane_event_name((enum lane_event_kind)k), "?");
	for (unsigned k = 0; k < LANE_EFFECT_KINDS; k++)
		ck_assert_str_ne(lane_effect_name((enum lane_effect_kind)k), "?");
}
END_TEST

START_TEST(a_touch_is_wanted_where_it_would_be_looked_at)
{
	/* Of every phase and member state: a complete touch is looked up, or it is not. */
	static const char wanted[PHASES][MEMBER_STATES + 1] = {
		/* none identifying known ambiguous removed */
		[PHASE_IDLE] = "x....",     [PHASE_OPEN] = "x..xx",
		[PHASE_TOTALLED] = "x..xx", [PHASE_CONFIRMING] = "..x..",
		[PHASE_PAYING] = ".....",   [PHASE_CHECKING] = ".....",
		[PHASE_DONE] = ".....",     [PHASE_CANCELLED] = ".....",
	};

	for (unsigned p = 0; p < PHASES; p++)
		for (unsigned m = 0; m < MEMBER_STATES; m++)
			ck_assert_msg(checkout_wants_touch((enum checkout_phase)p,
							   (enum member_state)m) ==
					      (wanted[p][m] == 'x'),
				      "%s, %s",
				      checkout_phase_name((enum checkout_phase)p),
				      member_state_name((enum member_state)m));
}
END_TEST

START_TEST(scanning_is_shown_in_no_ended_or_paying_checkout)
{
	static const bool shown[PHASES] = { [PHASE_IDLE] = true,
					    [PHASE_OPEN] = true,
					    [PHASE_TOTALLED] = true,
					    [PHASE_CONFIRMING] = true };

	for (unsigned p = 0; p < PHASES; p++)
		for (unsigned m = 0; m < MEMBER_STATES; m++)
			for (unsigned n = 0; n < NOTES; n++) {
				struct row_state state = {
					.phase = (enum checkout_phase)p,
					.member = (enum member_state)m,
					.note = (enum checkout_note)n,
					.scanning = true,
					.faults = { .bio_down = true },
				};

				ck_assert((checkout_row(&state) == ROW_SCANNING) ==
					  shown[p]);
			}
}
END_TEST

START_TEST(every_hint_has_a_name_and_the_most_useful_is_told)
{
	ck_assert_str_eq(touch_hint_name(touch_hint_of(0)), "");
	ck_assert_int_eq(touch_hint_parse(STR("")), TOUCH_HINT_NONE);
	ck_assert_int_eq(touch_hint_parse(STR("no-such-hint")), TOUCH_HINT_NONE);
	for (unsigned h = 1; h < TOUCH_HINTS; h++) {
		const char *name = touch_hint_name((enum touch_hint)h);

		ck_assert_str_ne(name, "?");
		ck_assert_int_eq(touch_hint_parse(str_of(name)), h);
		ck_assert_int_eq(touch_hint_of(1u << h), h);
		ck_assert_int_eq(touch_hint_of(UINT32_MAX << h), h);
	}
	for (unsigned h = 0; h < READERS_HEALTHS; h++)
		ck_assert_str_ne(readers_health_name((enum readers_health)h), "?");
}
END_TEST

UNIT_MAIN("checkout_rows", rows_are_a_function_of_state_and_faults,
	  a_touch_is_wanted_where_it_would_be_looked_at,
	  scanning_is_shown_in_no_ended_or_paying_checkout,
	  every_hint_has_a_name_and_the_most_useful_is_told)
