/*
 * What flows past us is nobody's: after a payment has gone through a splice of two streams, also with a
 * terminal that takes nothing for a while, none of its bytes is left in the process's memory, and while they
 * wait they lie where no dump looks.
 */
#include "adapter/splice.h"
#include "base/stream.h"
#include "base/secret.h"

#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define MARK_BYTES 32u
#define PAYMENT_BYTES 6000u
#define PAYMENTS 600 /* more than the socket and the stream take at once */
#define ROUNDS_MAX 20000
/* So many pieces vector registers hold, which a sanitizer, valgrind or a lazy linker saves on the stack. */
#define SPILLED_MAX 8u
#define MAPPING_BYTES_MAX (UINT64_C(1) << 28)

/* Two halves, so that the mark itself stands nowhere: byte i is the one or the other. */
static const uint8_t half[2] = { 0xd5, 0x3a };

static void
mark(uint8_t *at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		at[i] = (uint8_t)(half[i % 2] ^ (i % MARK_BYTES) * 7u);
}

static bool
is_mark(const uint8_t *at)
{
	for (size_t i = 0; i < MARK_BYTES; i++)
		if (at[i] != (uint8_t)(half[i % 2] ^ i * 7u))
			return false;
	return true;
}

/* ---- the process's memory ------------------------------------------------------- */

struct found {
	unsigned count, dumped; /* dumped: where a dump would have it */
};

/* Counts the marks in n bytes. */
static unsigned
marks_in(const uint8_t *page, size_t n)
{
	unsigned count = 0;
	size_t i = 0;

	while (i + MARK_BYTES <= n) {
		const uint8_t *p = memchr(page + i, half[0], n - i - MARK_BYTES + 1);

		if (p == NULL)
			break;
		count += is_mark(p);
		i = (size_t)(p - page) + (is_mark(p) ? MARK_BYTES : 1);
	}
	return count;
}

/* One mapping, read through /proc so that nothing of it is touched twice. */
static void
look(int mem, uint64_t from, uint64_t to, bool dumped, uint8_t *page, struct found *f)
{
	const size_t chunk = 65536;

	for (uint64_t at = from; at < to; at += chunk - MARK_BYTES) {
		size_t want = to - at < chunk ? (size_t)(to - at) : chunk;
		ssize_t n = pread(mem, page, want, (off_t)at);
		unsigned count = n <= 0 ? 0 : marks_in(page, (size_t)n);

		f->count += count;
		f->dumped += dumped ? count : 0;
		if (n <= 0)
			return;
	}
}

/* All that can be written to, but for the page that it is read into. */
static struct found
search(void)
{
	/* Shared, lest it become one mapping with a neighbour. */
	uint8_t *page = mmap(NULL, 65536, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	FILE *maps = fopen("/proc/self/smaps", "re");
	int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	unsigned long from = 0, to = 0, a, b;
	struct found f = { 0, 0 };
	char line[512], mode[8];
	bool wanted = false;

	ck_assert(page != MAP_FAILED && maps != NULL && mem >= 0);
	while (fgets(line, sizeof(line), maps) != NULL) {
		if (sscanf(line, "%lx-%lx %7s", &a, &b, mode) == 3) {
			from = a;
			to = b;
			/* A sanitizer's own tables are larger than any memory. */
			wanted = mode[1] == 'w' && (uint8_t *)from != page &&
				 to - from < MAPPING_BYTES_MAX;
		} else if (wanted && strncmp(line, "VmFlags:", 8) == 0) {
			look(mem, from, to, strstr(line, " dd") == NULL, page, &f);
		}
	}
	(void)fclose(maps); /* read only */
	(void)close(mem);   /* as above */
	ck_assert_int_eq(munmap(page, 65536), 0);
	return f;
}

/* ---- the host between POS and terminal -------------------------------------------- */

static struct loop *loop;
static struct streams *streams;
static struct stream *ends[2];
static struct splice tie;
static unsigned opened;
static size_t through; /* bytes that the terminal got */

static int
end_send(void *line, const uint8_t *data, size_t n)
{
	return stream_send(line, data, n);
}

static void
end_pause(void *line, bool pause)
{
	stream_pause(line, pause);
}

static void
end_shutdown(void *line)
{
	stream_shutdown(line);
}

static const struct splice_ops ops = { end_send, end_pause, end_shutdown };

static enum framer_side
side_of(void *ctx)
{
	return ctx == &ends[0] ? FRAMER_POS : FRAMER_TERMINAL;
}

static void
on_opened(void *ctx)
{
	(void)ctx;
	opened++;
}

static void
on_data(void *ctx, const uint8_t *data, size_t n)
{
	struct splice_rest rest;

	ck_assert_int_eq(splice_data(&tie, side_of(ctx), data, n, &rest), SPLICE_ON);
}

static void
on_drained(void *ctx)
{
	ck_assert_int_eq(splice_drained(&tie, side_of(ctx)), SPLICE_ON);
}

static void
on_closed(void *ctx, int err)
{
	(void)ctx;
	(void)err;
}

static const struct stream_events events = {
	.opened = on_opened, .data = on_data, .drained = on_drained, .closed = on_closed
};

/* The POS writes as much as its line takes now; how much in all. */
static size_t
pay(int pos, size_t done)
{
	uint8_t bytes[PAYMENT_BYTES];

	while (done < (size_t)PAYMENTS * PAYMENT_BYTES) {
		size_t at = done % PAYMENT_BYTES;
		ssize_t n;

		mark(bytes, sizeof(bytes));
		n = write(pos, bytes + at, sizeof(bytes) - at);
		secret_zero(bytes, sizeof(bytes));
		if (n < 0)
			break;
		done += (size_t)n;
	}
	return done;
}

/* The terminal takes what is there. */
static void
take(int terminal)
{
	uint8_t bytes[4096];
	ssize_t n;

	while ((n = read(terminal, bytes, sizeof(bytes))) > 0)
		through += (size_t)n;
	secret_zero(bytes, sizeof(bytes));
}

static void
connect_both(int pair[2][2])
{
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(socketpair(AF_UNIX,
					    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
					    pair[i]),
				 0);
		ck_assert_int_eq(
			stream_adopt(streams, pair[i][0], &events, &ends[i], &ends[i]),
			0);
	}
	splice_init(&tie, &ops, ends[0], ends[1], NULL);
	for (int i = 0; i < ROUNDS_MAX && opened < 2; i++)
		ck_assert_int_eq(loop_once(loop, 1000), 0);
}

/* Nobody takes anything: socket, stream and splice are full. */
static size_t
fill(int pos)
{
	size_t done = 0, before;

	do {
		before = done;
		done = pay(pos, done);
		for (int i = 0; i < 20; i++)
			ck_assert_int_eq(loop_once(loop, 0), 0);
	} while (done > before);
	ck_assert_uint_lt(done, (size_t)PAYMENTS * PAYMENT_BYTES);
	return done;
}

START_TEST(nothing_that_went_through_is_left_behind)
{
	int pair[2][2];
	size_t done;
	struct found f;

	ck_assert_uint_eq(search().count, 0);
	opened = 0;
	through = 0;
	ck_assert_int_eq(loop_new(&loop), 0);
	ck_assert_int_eq(streams_new(loop, NULL, &streams), 0);
	connect_both(pair);
	done = fill(pair[0][1]);
	f = search(); /* while they wait */
	ck_assert_uint_gt(f.count, 0);
	for (int i = 0; i < ROUNDS_MAX && through < (size_t)PAYMENTS * PAYMENT_BYTES;
	     i++) {
		take(pair[1][1]);
		done = pay(pair[0][1], done);
		ck_assert_int_eq(loop_once(loop, 0), 0);
	}
	ck_assert_uint_eq(through, (size_t)PAYMENTS * PAYMENT_BYTES);
	f = search(); /* the connections stand, and nothing is under way */
	ck_assert_msg(f.count <= SPILLED_MAX, "%u pieces of a payment are left", f.count);
	splice_end(&tie);
	for (int i = 0; i < 2; i++) {
		ends[i] = stream_free(ends[i]);
		ck_assert_int_eq(close(pair[i][1]), 0);
	}
	streams_free(streams);
	loop_free(loop);
}
END_TEST

/* The terminal goes away with everything in our hands. */
START_TEST(what_could_not_be_delivered_is_wiped_too)
{
	int pair[2][2];
	struct found f;

	opened = 0;
	ck_assert_int_eq(loop_new(&loop), 0);
	ck_assert_int_eq(streams_new(loop, NULL, &streams), 0);
	connect_both(pair);
	(void)fill(pair[0][1]); /* less than all */
	ck_assert_uint_gt(search().count, 0);
	splice_end(&tie);
	for (int i = 0; i < 2; i++) {
		ends[i] = stream_free(ends[i]);
		ck_assert_int_eq(close(pair[i][1]), 0);
	}
	streams_free(streams);
	f = search();
	ck_assert_msg(f.count <= SPILLED_MAX, "%u pieces of a payment are left", f.count);
	loop_free(loop);
}
END_TEST

/* What the splice holds, and what waits in a stream, is excluded from dumps. */
START_TEST(what_waits_lies_where_no_dump_looks)
{
	int pair[2][2];
	struct found f;

	opened = 0;
	ck_assert_int_eq(loop_new(&loop), 0);
	ck_assert_int_eq(streams_new(loop, NULL, &streams), 0);
	connect_both(pair);
	(void)fill(pair[0][1]); /* as above */
	f = search();
	ck_assert_uint_gt(f.count, 0);
	ck_assert_msg(f.dumped <= SPILLED_MAX, "%u of %u pieces would be dumped",
		      f.dumped, f.count);
	splice_end(&tie);
	for (int i = 0; i < 2; i++) {
		ends[i] = stream_free(ends[i]);
		ck_assert_int_eq(close(pair[i][1]), 0);
	}
	streams_free(streams);
	loop_free(loop);
}
END_TEST

UNIT_MAIN("wiped", nothing_that_went_through_is_left_behind,
	  what_could_not_be_delivered_is_wiped_too, what_waits_lies_where_no_dump_looks)
