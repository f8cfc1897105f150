/* The bypass: its table cell by cell, and its promises on random courses. */
#include "adapter/bypass.h"
#include "unit.h"

#define COURSES 2000
#define STEPS 60

/* What must be after an event, by state names; one row a state in the order of enum bypass_event. */
static const char *const cells[BYPASS_STATES][1 + BYPASS_EVENTS] = {
	{ "start", "plugin", "start", "start", "both", "grace", "both", "start" },
	{ "serve", "serve", "grace", "laned", "serve", "serve", "plugin", "serve" },
	{ "grace", "serve", "grace", "laned", "laned", "grace", "both", "grace" },
	{ "laned", "leaving", "laned", "laned", "laned", "laned", "both", "laned" },
	{ "plugin", "plugin", "both", "both", "plugin", "leaving", "plugin", "plugin" },
	{ "both", "plugin", "both", "both", "both", "laned", "both", "both" },
	{ "leaving", "leaving", "laned", "laned", "leaving", "leaving", "plugin",
	  "serve" },
};

START_TEST(each_event_has_its_answer_in_each_state)
{
	for (unsigned s = 0; s < BYPASS_STATES; s++) {
		ck_assert_str_eq(bypass_state_name((enum bypass_state)s), cells[s][0]);
		for (unsigned e = 0; e < BYPASS_EVENTS; e++)
			ck_assert_str_eq(
				bypass_state_name(bypass_next((enum bypass_state)s,
							      (enum bypass_event)e)),
				cells[s][1 + e]);
	}
}
END_TEST

START_TEST(a_start_without_a_plugin_relays_at_once)
{
	struct bypass b;

	bypass_init(&b, 1000);
	ck_assert_int_eq(bypass_route(&b), BYPASS_ROUTE_WAIT);
	ck_assert(bypass_event(&b, BYPASS_PLUGIN_GONE, 1000));
	ck_assert_int_eq(bypass_route(&b), BYPASS_ROUTE_TERMINAL);
	ck_assert(bypass_is_on(&b));
}
END_TEST

START_TEST(laned_may_be_away_for_300_ms_and_no_longer)
{
	struct bypass b;

	bypass_init(&b, 0);
	(void)bypass_event(&b, BYPASS_PLUGIN_READY, 0);
	(void)bypass_event(&b, BYPASS_LANED_HERE, 10);
	ck_assert_int_eq(bypass_route(&b), BYPASS_ROUTE_PLUGIN);
	(void)bypass_event(&b, BYPASS_LANED_LOST, 1000);
	ck_assert_int_eq(b.grace_until_ms, 1000 + BYPASS_GRACE_MS);
	/* Lost again meanwhile: the wait is not longer for it. */
	(void)bypass_event(&b, BYPASS_LANED_LOST, 1100);
	ck_assert(!bypass_tick(&b, 1299));
	ck_assert_int_eq(bypass_route(&b), BYPASS_ROUTE_WAIT);
	ck_assert(bypass_tick(&b, 1300));
	ck_assert_int_eq(bypass_route(&b), BYPASS_ROUTE_TERMINAL);
	ck_assert_int_eq(b.since_ms, 1300);
	ck_assert(!bypass_tick(&b, 999999));
	ck_assert_str_eq(bypass_why(&b), "laned does not answer");
}
END_TEST

START_TEST(a_silent_laned_is_not_waited_for)
{
	struct bypass b;

	bypass_init(&b, 0);
	(void)bypass_event(&b, BYPASS_PLUGIN_READY, 0);
	(void)bypass_event(&b, BYPASS_LANED_HERE, 0);
	(void)bypass_event(&b, BYPASS_LANED_SILENT, 50);
	ck_assert(bypass_is_on(&b));
}
END_TEST

START_TEST(it_is_left_only_between_transactions)
{
	struct bypass b;

	bypass_init(&b, 0);
	(void)bypass_event(&b, BYPASS_PLUGIN_GONE, 0);
	(void)bypass_relayed(&b, 1, 1);
	(void)bypass_relayed(&b, 1, 2);
	(void)bypass_event(&b, BYPASS_PLUGIN_READY, 3);
	(void)bypass_event(&b, BYPASS_LANED_HERE, 4);
	ck_assert_int_eq(b.state, BYPASS_LEAVING);
	ck_assert(bypass_is_on(&b));
	ck_assert(!bypass_relayed(&b, -1, 5));
	ck_assert(bypass_is_on(&b));
	ck_assert(bypass_relayed(&b, -1, 6));
	ck_assert_int_eq(bypass_route(&b), BYPASS_ROUTE_PLUGIN);
	ck_assert_int_eq(b.since_ms, 6);
}
END_TEST

/* What is known of the world beside the machine. */
struct world {
	bool known, plugin, laned, silent;
	int64_t lost_ms;
};

static void
tell(struct world *w, enum bypass_event e, int64_t now)
{
	switch (e) {
	case BYPASS_LANED_HERE:
		w->laned = true;
		break;
	case BYPASS_LANED_LOST:
		if (w->laned)
			w->lost_ms = now;
		w->laned = false;
		break;
	case BYPASS_LANED_SILENT:
		w->laned = false;
		w->lost_ms = -BYPASS_GRACE_MS;
		break;
	case BYPASS_PLUGIN_READY:
	case BYPASS_PLUGIN_GONE:
		if (!w->known && !w->laned) /* at a start the wait begins anew */
			w->lost_ms = now;
		w->plugin = e == BYPASS_PLUGIN_READY;
		w->known = true;
		break;
	case BYPASS_GRACE_OVER:
	case BYPASS_QUIET:
		break;
	}
}

static void
check_promises(const struct bypass *b, const struct world *w, enum bypass_route was,
	       int64_t now)
{
	enum bypass_route route = bypass_route(b);

	if (route == BYPASS_ROUTE_PLUGIN) {
		ck_assert(w->plugin && w->laned);
		ck_assert(was != BYPASS_ROUTE_TERMINAL || b->relayed == 0);
	}
	if (w->known && !w->plugin)
		ck_assert_int_eq(route, BYPASS_ROUTE_TERMINAL);
	if (w->known && !w->laned && now - w->lost_ms >= BYPASS_GRACE_MS)
		ck_assert_int_eq(route, BYPASS_ROUTE_TERMINAL);
	if (w->plugin && w->laned && b->relayed == 0)
		ck_assert_int_eq(route, BYPASS_ROUTE_PLUGIN);
	if (route == BYPASS_ROUTE_WAIT)
		ck_assert_int_le(b->grace_until_ms, now + BYPASS_GRACE_MS);
}

START_TEST(the_promises_hold_on_every_course)
{
	srand(7);
	for (int course = 0; course < COURSES; course++) {
		struct world w = { .lost_ms = 0 };
		struct bypass b;
		int64_t now = 0;

		bypass_init(&b, now);
		for (int i = 0; i < STEPS; i++) {
			enum bypass_route was = bypass_route(&b);
			int what = rand() % 8;

			now += rand() % 3 == 0 ? rand() % 400 : 0;
			(void)bypass_tick(&b, now);
			if (what < 5) {
				static const enum bypass_event events[] = {
					BYPASS_LANED_HERE, BYPASS_LANED_LOST,
					BYPASS_LANED_SILENT, BYPASS_PLUGIN_READY,
					BYPASS_PLUGIN_GONE
				};

				tell(&w, events[what], now);
				(void)bypass_event(&b, events[what], now);
			} else if (what == 5 && bypass_is_on(&b)) {
				(void)bypass_relayed(&b, 1, now);
			} else if (what == 6 && b.relayed > 0) {
				(void)bypass_relayed(&b, -1, now);
			}
			check_promises(&b, &w, was, now);
		}
	}
}
END_TEST

UNIT_MAIN("bypass", each_event_has_its_answer_in_each_state,
	  a_start_without_a_plugin_relays_at_once,
	  laned_may_be_away_for_300_ms_and_no_longer, a_silent_laned_is_not_waited_for,
	  it_is_left_only_between_transactions, the_promises_hold_on_every_course)
