/* Streams to names: a name server of the test's own answers. */
#include "stream_kit.h"
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

static int name_fd;
static struct loop_io *name_io;
static unsigned questions;
static bool mute;

/* Answers A questions by the addresses of the name, whose case libevent throws dice for: "two" has one that refuses before a good one. */
static void
answer_cb(void *ctx, unsigned ev)
{
	uint8_t q[512], a[600];
	struct sockaddr_storage from;
	socklen_t from_bytes = sizeof(from);
	ssize_t n =
		recvfrom(name_fd, q, sizeof(q), 0, (struct sockaddr *)&from, &from_bytes);
	unsigned count = 0;
	size_t at = (size_t)n;

	(void)ctx;
	(void)ev;
	ck_assert_int_gt(n, 16);
	questions++;
	if (mute)
		return;
	memcpy(a, q, (size_t)n);
	a[2] = 0x81;
	a[3] = 0x80;
	if (q[n - 3] == 1 && (strncasecmp((char *)q + 13, "two", 3) == 0 ||
			      strncasecmp((char *)q + 13, "one", 3) == 0)) {
		for (unsigned i = (q[13] | 32) == 't' ? 2 : 1; i > 0; i--) {
			const uint8_t record[] = {
				0xc0, 12, 0, 1, 0,   1, 0, 0,
				0,    60, 0, 4, 127, 0, 0, (uint8_t)i
			};

			memcpy(a + at, record, sizeof(record));
			at += sizeof(record);
			count++;
		}
	} else if ((q[13] | 32) == 'n') {
		a[3] = 0x83; /* there is no such name */
	}
	a[7] = (uint8_t)count;
	a[9] = a[11] = 0;
	ck_assert_int_eq(sendto(name_fd, a, at, 0, (struct sockaddr *)&from, from_bytes),
			 (ssize_t)at);
}

static void
serve_names(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t bytes = sizeof(in);
	char text[64];

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	name_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(name_fd, (const struct sockaddr *)&in, sizeof(in)), 0);
	ck_assert_int_eq(getsockname(name_fd, (struct sockaddr *)&in, &bytes), 0);
	ck_assert_int_eq(loop_io_new(stream_kit.loop, name_fd, LOOP_READ, answer_cb, NULL,
				     &name_io),
			 0);
	(void)snprintf(text, sizeof(text), "127.0.0.1:%u", (unsigned)ntohs(in.sin_port));
	ck_assert_int_eq(streams_set_name_server(stream_kit.streams, text), 0);
	mute = false;
	questions = 0;
}

static void
end_names(void)
{
	name_io = loop_io_free(name_io);
	ck_assert_int_eq(close(name_fd), 0);
}

START_TEST(names_are_asked_for)
{
	static const char *const names[] = { "one.example", "two.example" };

	stream_kit_setup();
	serve_names();
	ck_assert_int_eq(stream_kit_listen("tcp://127.0.0.1:0", 8), 0);
	stream_kit_open_port(names[_i], &stream_kit.client);
	ck_assert(stream_kit_reached(&stream_kit.client.opened, 1));
	ck_assert_uint_gt(questions, 0);
	ck_assert_ptr_nonnull(strstr(stream_peer(stream_kit.client.s), "127.0.0.1:"));
	end_names();
	stream_kit_teardown();
}
END_TEST

START_TEST(a_name_that_nobody_has_is_told)
{
	stream_kit_setup();
	serve_names();
	stream_kit_open("tcp://nobody.example:1", &stream_kit.client);
	ck_assert(stream_kit_reached(&stream_kit.client.closed, 1));
	ck_assert_int_eq(stream_kit.client.err, -EHOSTUNREACH);
	ck_assert_ptr_nonnull(strstr(stream_why(stream_kit.client.s), "nobody.example"));
	end_names();
	stream_kit_teardown();
}
END_TEST

START_TEST(a_name_server_that_is_silent_is_not_waited_for)
{
	stream_kit_setup();
	serve_names();
	mute = true;
	streams_set_limits(stream_kit.streams, 50, 50);
	stream_kit_open("tcp://one.example:1", &stream_kit.client);
	ck_assert(stream_kit_reached(&stream_kit.client.closed, 1));
	ck_assert_int_eq(stream_kit.client.err, -ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(stream_why(stream_kit.client.s), "name"));
	stream_kit.client.s = stream_free(stream_kit.client.s);
	(void)loop_once(stream_kit.loop, 0); /* as below */
	end_names();
	stream_kit_teardown();
}
END_TEST

START_TEST(a_question_can_be_dropped)
{
	stream_kit_setup();
	serve_names();
	mute = true;
	stream_kit_open("tcp://one.example:1", &stream_kit.client);
	ck_assert(stream_kit_reached(&questions, 1));
	stream_kit.client.s = stream_free(stream_kit.client.s);
	(void)loop_once(stream_kit.loop, 0); /* libevent says so from its own loop */
	(void)loop_once(stream_kit.loop, 0); /* as above */
	ck_assert_uint_eq(stream_kit.client.closed + stream_kit.client.opened, 0);
	end_names();
	stream_kit_teardown();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("stream_names");
	TCase *c = tcase_create("stream_names");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(c, 30);
	tcase_add_loop_test(c, names_are_asked_for, 0, 2);
	tcase_add_test(c, a_name_that_nobody_has_is_told);
	tcase_add_test(c, a_name_server_that_is_silent_is_not_waited_for);
	tcase_add_test(c, a_question_can_be_dropped);
	suite_add_tcase(suite, c);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
