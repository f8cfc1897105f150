/*
 * Streams under random use: both ends send, pause, shut down, close and free at any moment, also in
 * their callbacks. What arrives is always the beginning of what was sent, and all of it when the sender
 * closed in order. LANED_STREAM_ROUNDS=n does more; LANED_STREAM_SEED=n begins elsewhere.
 */
#include "unit.h"

#include "base/stream.h"
#include "cert_kit.h"
#include "tempdir.h"

#include <unistd.h>

#define ROUNDS 40u
#define STEPS_MAX 150u
#define SETTLE_MAX 20000

enum fate { ALIVE, CLOSED_IN_ORDER, FREED, TOLD };

struct side {
	struct stream *s;
	struct side *other;
	enum fate fate;
	bool opened, ended, shut, half, may_free;
	int err;
	uint64_t sent, received;
	uint64_t salt;
};

static struct loop *loop;
static struct streams *streams;
static struct stream_listener *listener;
static struct side sides[2];
static uint64_t rng;
static unsigned round_now;

static uint64_t
dice(uint64_t below)
{
	rng = rng * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (rng >> 33) % below;
}

static uint8_t
byte_at(const struct side *from, uint64_t i)
{
	return (uint8_t)((i * 131 + (i >> 8) * 7 + from->salt) >> 1);
}

static void
finish(struct side *x, enum fate fate)
{
	struct stream *s = x->s;

	x->fate = fate;
	x->s = NULL;
	if (fate == CLOSED_IN_ORDER)
		stream_close(s);
	else
		stream_free(s);
}

/* In a callback anything may happen to its stream. */
static void
maybe_leave(struct side *x)
{
	if (x->may_free && x->fate == ALIVE && dice(200) == 0)
		finish(x, dice(2) == 0 ? FREED : CLOSED_IN_ORDER);
}

static void
on_opened(void *ctx)
{
	struct side *x = ctx;

	ck_assert_msg(!x->opened && x->fate == ALIVE, "round %u", round_now);
	x->opened = true;
	maybe_leave(x);
}

static void
on_data(void *ctx, const uint8_t *data, size_t n)
{
	struct side *x = ctx;
	bool right = true;

	ck_assert_msg(x->opened && !x->ended && x->fate == ALIVE, "round %u", round_now);
	for (size_t i = 0; i < n && right; i++)
		right = data[i] == byte_at(x->other, x->received + i);
	ck_assert_msg(right, "round %u: other bytes behind %llu", round_now,
		      (unsigned long long)x->received);
	x->received += n;
	ck_assert_msg(x->received <= x->other->sent, "round %u", round_now);
	maybe_leave(x);
}

static void
on_drained(void *ctx)
{
	struct side *x = ctx;

	ck_assert_msg(x->fate == ALIVE, "round %u", round_now);
	maybe_leave(x);
}

static void
on_ended(void *ctx)
{
	struct side *x = ctx;

	ck_assert_msg(!x->ended && x->fate == ALIVE, "round %u", round_now);
	x->ended = true;
	maybe_leave(x);
}

static void
on_closed(void *ctx, int err)
{
	struct side *x = ctx;

	ck_assert_msg(x->fate == ALIVE, "round %u", round_now);
	x->err = err;
	finish(x, TOLD);
}

static struct stream_events
events_of(const struct side *x)
{
	return (struct stream_events){ .opened = on_opened,
				       .data = on_data,
				       .drained = on_drained,
				       .ended = x->half ? on_ended : NULL,
				       .closed = on_closed };
}

static void
on_accepted(void *ctx, struct stream *s)
{
	struct stream_events e = events_of(&sides[1]);

	(void)ctx;
	sides[1].s = s;
	stream_set_events(s, &e, &sides[1]);
}

static void
send_some(struct side *x)
{
	static uint8_t buf[30000];
	size_t n = 1 + (size_t)dice(dice(4) == 0 ? sizeof(buf) : 300);

	for (size_t i = 0; i < n; i++)
		buf[i] = byte_at(x, x->sent + i);
	if (stream_send(x->s, buf, n) == 0)
		x->sent += n;
}

static void
act(struct side *x)
{
	uint64_t what = dice(100);

	if (x->s == NULL || !x->opened)
		return;
	if (what < 60) {
		if (!x->shut)
			send_some(x);
	} else if (what < 80) {
		stream_pause(x->s, dice(2) == 0);
	} else if (what < 82) {
		x->shut = true;
		stream_shutdown(x->s);
	} else if (what < 83) {
		finish(x, dice(3) == 0 ? FREED : CLOSED_IN_ORDER);
	}
}

/* Whoever is left reads all there is, until it is told the end or nothing more can come. */
static void
settle(void)
{
	for (int i = 0; i < SETTLE_MAX; i++) {
		bool waits = false;

		for (int k = 0; k < 2; k++) {
			struct side *x = &sides[k];

			if (x->s == NULL || !x->opened)
				continue;
			stream_pause(x->s, false);
			if (x->ended && !x->shut) {
				x->shut = true;
				stream_shutdown(x->s);
			}
			waits = waits || x->other->s == NULL || x->other->shut;
		}
		if (!waits && i > 50)
			return;
		ck_assert_int_eq(loop_once(loop, waits ? 100 : 0), 0);
	}
	ck_abort_msg("round %u: it does not settle", round_now);
}

static void
judge(const struct side *x)
{
	const struct side *sender = x->other;

	/* One that left by itself has seen what it has seen. */
	if (x->fate != TOLD || sender->fate != CLOSED_IN_ORDER)
		return;
	ck_assert_msg(x->err == 0, "round %u: %d", round_now, x->err);
	ck_assert_msg(x->received == sender->sent, "round %u: %llu of %llu", round_now,
		      (unsigned long long)x->received, (unsigned long long)sender->sent);
}

static void
one_round(const char *dir, unsigned kind)
{
	static const char *const tls = "cert=good.crt&key=good.key&clients=any";
	char listen_at[160], open_at[160], why[ADDRESS_WHY_BYTES];
	struct address a;
	struct stream_listen_options o = {
		.address = &a, .fd = -1, .peers_max = 1, .accepted = on_accepted
	};
	struct stream_events e;

	memset(sides, 0, sizeof(sides));
	for (int k = 0; k < 2; k++) {
		sides[k].other = &sides[1 - k];
		sides[k].salt = dice(1u << 20);
		sides[k].half = dice(2) == 0;
		sides[k].may_free = dice(3) == 0;
	}
	(void)snprintf(listen_at, sizeof(listen_at),
		       kind == 0   ? "tcp://127.0.0.1:0"
		       : kind == 1 ? "unix:%s"
				   : "tls://127.0.0.1:0?%s",
		       kind == 1 ? tempdir_path(dir, "sock") : tls);
	ck_assert_int_eq(address_parse(str_of(listen_at), &a, why), 0);
	ck_assert_int_eq(stream_listen(streams, &o, &listener, NULL), 0);
	(void)snprintf(open_at, sizeof(open_at),
		       kind == 2 ? "tls://127.0.0.1:%u?ca=ca" : "tcp://127.0.0.1:%u",
		       (unsigned)stream_listener_port(listener));
	ck_assert_int_eq(address_parse(str_of(kind == 1 ? listen_at : open_at), &a, why),
			 0);
	e = events_of(&sides[0]);
	ck_assert_int_eq(stream_open(streams, &a, &e, &sides[0], &sides[0].s, NULL), 0);
	for (unsigned i = 0; i < STEPS_MAX; i++) {
		act(&sides[dice(2)]);
		if (dice(3) == 0)
			ck_assert_int_eq(loop_once(loop, i < 10 ? 20 : 0), 0);
	}
	settle();
	judge(&sides[0]);
	judge(&sides[1]);
	for (int k = 0; k < 2; k++)
		stream_free(sides[k].s);
	listener = stream_listener_free(listener);
}

static unsigned
number(const char *name, unsigned otherwise)
{
	const char *text = getenv(name);
	int64_t n;

	return text != NULL && str_to_i64(str_of(text), &n) == 0 && n > 0 ? (unsigned)n
									  : otherwise;
}

START_TEST(what_arrives_is_what_was_sent)
{
	unsigned rounds = number("LANED_STREAM_ROUNDS", ROUNDS);
	unsigned seed = number("LANED_STREAM_SEED", 1);
	char dir[TEMPDIR_BYTES];

	tempdir_make(dir);
	cert_kit_make(dir);
	ck_assert_int_eq(loop_new(&loop), 0);
	ck_assert_int_eq(streams_new(loop, dir, &streams), 0);
	for (unsigned i = 0; i < rounds; i++) {
		round_now = seed + i;
		rng = round_now * UINT64_C(0x9e3779b97f4a7c15);
		one_round(dir, (unsigned)_i);
	}
	streams_free(streams);
	loop_free(loop);
	tempdir_remove(dir);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("stream_random");
	TCase *c = tcase_create("stream_random");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(c, 600);
	tcase_add_loop_test(c, what_arrives_is_what_was_sent, 0, 3);
	suite_add_tcase(suite, c);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
