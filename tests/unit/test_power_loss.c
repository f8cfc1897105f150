/*
 * Power loss at every write of a lane's trading: the real core, effects and SQLite journal on a disk
 * that keeps what was synced, and of the rest what it likes. Nothing promised is lost, nothing is half
 * there, nothing is charged twice. LANED_POWER_FULL=1 cuts at every call, with every kind of loss.
 */
#include "unit.h"

#include "power_lane.h"
#include "power_vfs.h"

#include <errno.h>

#define CHECKOUTS 8u
#define POINTS_MIN 400u /* at which the power must go */
#define SAMPLE 3u       /* every so many points, unless all are asked for */

/* What is cut, and how the disk comes back. */
struct trial {
	uint64_t at;
	struct power_loss loss;
	uint64_t again; /* a second cut, in the recovery; 0 none */
	bool lies, careless;
};

struct tally {
	unsigned points, lost, refused_open, broken, refused_charges;
};

static bool
is_full(void)
{
	return getenv("LANED_POWER_FULL") != NULL;
}

static char text[160];

static const char *
describe(const struct trial *t)
{
	static const char *const kept[] = { "all lost", "all kept", "some kept" };

	(void)snprintf(text, sizeof(text),
		       "cut at call %llu, again at %llu, %s, seed %llu, sectors of %u",
		       (unsigned long long)t->at, (unsigned long long)t->again,
		       kept[t->loss.kept], (unsigned long long)t->loss.seed,
		       t->loss.sector); /* fits */
	return text;
}

/* Trades until the power goes. Returns the dead disk. */
static struct power_disk *
trade(struct power_lane *l, const struct trial *t)
{
	struct power_disk *disk = power_disk_new();
	char why[256];

	power_disk_mount(disk);
	power_disk_cut(disk, t->at);
	if (t->lies)
		power_disk_lie(disk);
	if (power_lane_open(l, why) == 0 && power_lane_start(l) == 0)
		power_lane_work(l, CHECKOUTS);
	if (t->at == 0)
		return disk; /* nothing was cut: it may stay open */
	ck_assert_msg(power_disk_is_off(disk), "%s: the run is over before", describe(t));
	power_lane_die(l);
	return disk;
}

/* The journal stands as the book says, on an honest disk. */
static void
check_journal(struct power_lane *l, struct power_book *book, const struct trial *t)
{
	int64_t seq = 0;
	int found = power_book_find(book, power_lane_journal(l));

	ck_assert_msg(journal_check(power_lane_journal(l), &seq) == 0,
		      "%s: the journal's check fails at %lld", describe(t),
		      (long long)seq);
	ck_assert_msg(found >= 0 && (uint32_t)found >= power_book_promised(book),
		      "%s: %u of %u transactions promised, found %d", describe(t),
		      power_book_promised(book), power_book_begun(book), found);
	power_book_rebase(book, (uint32_t)found);
}

static void
check_right(const struct power_lane *l, const struct trial *t)
{
	ck_assert_msg(power_lane_wrong(l)[0] == '\0', "%s: %s", describe(t),
		      power_lane_wrong(l));
}

/* Power comes back, and perhaps goes again. Returns the disk, dead or alive. */
static struct power_disk *
come_back(struct power_lane *l, struct power_book *book, struct power_disk *dead,
	  const struct trial *t, uint64_t cut_at)
{
	struct power_disk *disk = power_disk_after(dead, &t->loss);
	char why[256] = "";
	int rc;

	power_disk_free(dead);
	power_disk_mount(disk);
	power_disk_cut(disk, cut_at);
	rc = power_lane_open(l, why);
	ck_assert_msg(rc == 0 || power_disk_is_off(disk),
		      "%s: the journal does not open: %s", describe(t), why);
	if (rc == 0) {
		check_journal(l, book, t);
		rc = power_lane_start(l);
		ck_assert_msg(rc == 0 || power_disk_is_off(disk),
			      "%s: not all can be read", describe(t));
		power_lane_settle(l);
	}
	if (power_disk_is_off(disk))
		power_lane_die(l);
	return disk;
}

static void
cut_once(const struct trial *t)
{
	struct power_book *book = power_book_new();
	struct power_lane *l = power_lane_new(book);
	struct power_disk *disk = come_back(l, book, trade(l, t), t, t->again);

	if (power_disk_is_off(disk))
		disk = come_back(l, book, disk, t, 0);
	power_lane_reconcile(l);
	check_right(l, t);
	power_lane_free(l);
	power_book_free(book);
	power_disk_free(disk);
}

static int
count_state(void *ctx, const struct payment *p)
{
	((unsigned *)ctx)[p->state]++;
	return 0;
}

static int
count_return(void *ctx, const struct journal_return *r)
{
	(void)r;
	++*(unsigned *)ctx;
	return 0;
}

/* The run has what it says: nothing is proven of a kind of checkout that never came. */
static void
check_kinds(struct journal *j)
{
	const struct journal_list all = { .limit = 100 };
	unsigned states[PAYMENT_STATES] = { 0 }, returns = 0;

	ck_assert_int_eq(journal_payments(j, &all, count_state, states), 0);
	ck_assert_int_eq(journal_returns(j, 100, count_return, &returns), 0);
	ck_assert_uint_eq(states[PAYMENT_CONFIRMED], 3);
	ck_assert_uint_eq(states[PAYMENT_DECLINED], 2);
	ck_assert_uint_eq(states[PAYMENT_UNDONE], 2);
	ck_assert_uint_eq(states[PAYMENT_REFUNDED], 3);
	ck_assert_uint_eq(returns, 4); /* one before anybody has paid */
}

/* How many calls a whole run makes; and without a cut all is well. */
static uint64_t
run_whole(void)
{
	const struct trial t = { .at = 0 };
	struct power_book *book = power_book_new();
	struct power_lane *l = power_lane_new(book);
	struct power_disk *disk = trade(l, &t);
	uint64_t calls = power_disk_calls(disk);

	ck_assert_int_eq(power_book_find(book, power_lane_journal(l)),
			 power_book_begun(book));
	check_journal(l, book, &t);
	check_kinds(power_lane_journal(l));
	power_lane_reconcile(l);
	check_right(l, &t);
	power_lane_free(l);
	power_book_free(book);
	power_disk_free(disk);
	return calls;
}

START_TEST(the_run_without_a_cut_is_right_and_long_enough)
{
	ck_assert_uint_ge(run_whole(), POINTS_MIN);
}
END_TEST

START_TEST(power_loss_loses_nothing_promised_and_doubles_nothing)
{
	uint64_t calls = run_whole(), by = is_full() ? 1 : SAMPLE;
	unsigned losses = 0, points = 0;

	for (uint64_t at = 1; at <= calls; at += by, points++) {
		for (unsigned kept = 0; kept < 5; kept++) {
			struct trial t = { .at = at };

			t.loss.kept = kept < 2 ? (enum power_kept)kept : POWER_SOME;
			t.loss.seed = at * 8 + kept;
			t.loss.sector = kept % 2 == 0 ? 512 : 4096;
			t.again = kept < 3 ? 0 : 1 + at * 7 % 120;
			if (!is_full() && kept != points % 5)
				continue;
			cut_once(&t);
			losses++;
		}
	}
	printf("power loss: %u points of %llu calls, %u losses\n", points,
	       (unsigned long long)calls, losses);
	ck_assert_uint_ge(points, POINTS_MIN);
}
END_TEST

/* A disk or a lane that is not careful: what was promised may be gone, but nobody pays twice. */
static void
cut_careless(const struct trial *t, struct tally *tally)
{
	struct power_book *book = power_book_new();
	struct power_lane *l = power_lane_new(book);
	struct power_disk *dead, *disk;
	char why[256] = "";
	int64_t seq;
	int found;

	power_book_careless(book, t->careless);
	power_lane_forgive(l);
	dead = trade(l, t);
	disk = power_disk_after(dead, &t->loss);
	power_disk_mount(disk);
	tally->points++;
	if (power_lane_open(l, why) < 0) {
		ck_assert_msg(why[0] != '\0', "%s: no reason is told", describe(t));
		tally->refused_open++;
	} else if (journal_check(power_lane_journal(l), &seq) < 0) {
		tally->broken++;
	} else {
		found = power_book_find(book, power_lane_journal(l));
		tally->lost += found < (int)power_book_promised(book);
		(void)power_lane_start(
			l); /* what cannot be read is told, and it goes on */
		power_lane_settle(l);
	}
	tally->refused_charges += power_lane_refused(l);
	check_right(l, t);
	power_lane_free(l);
	power_book_free(book);
	power_disk_free(dead);
	power_disk_free(disk);
}

static void
print_tally(const char *what, const struct tally *t)
{
	printf("%s: %u losses, %u without what was promised, %u not opened, %u found "
	       "broken, %u second charges refused by the processor\n",
	       what, t->points, t->lost, t->refused_open, t->broken, t->refused_charges);
}

START_TEST(a_disk_that_lies_is_seen_to_lose_and_charges_nobody_twice)
{
	uint64_t calls = run_whole(), by = is_full() ? 3 : 41;
	struct tally tally = { 0 };

	for (uint64_t at = 40; at <= calls; at += by) {
		for (int kept = POWER_ALL_LOST; kept <= POWER_SOME; kept += POWER_SOME) {
			struct trial t = { .at = at, .lies = true };

			t.loss.kept = (enum power_kept)kept;
			t.loss.seed = at;
			t.loss.sector = 4096;
			cut_careless(&t, &tally);
		}
	}
	print_tally("lying disk", &tally);
	ck_assert_uint_gt(tally.lost, 0);
}
END_TEST

START_TEST(commits_without_a_sync_are_seen_to_lose_what_was_promised)
{
	uint64_t calls = run_whole() / 2, by = is_full() ? 3 : 41;
	struct tally tally = { 0 };

	for (uint64_t at = 60; at <= calls; at += by) {
		struct trial t = { .at = at, .careless = true };

		t.loss.sector = 4096; /* all is lost */
		cut_careless(&t, &tally);
	}
	print_tally("synchronous off", &tally);
	ck_assert_uint_gt(tally.lost, 0);
}
END_TEST

UNIT_MAIN("power_loss", the_run_without_a_cut_is_right_and_long_enough,
	  power_loss_loses_nothing_promised_and_doubles_nothing,
	  a_disk_that_lies_is_seen_to_lose_and_charges_nobody_twice,
	  commits_without_a_sync_are_seen_to_lose_what_was_promised)
