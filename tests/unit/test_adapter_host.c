/* The host's services, through the table that a plug-in sees; the folders through host_dirs. */
#include "unit.h"

#include "adapter/host.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[] = "/tmp/laned-host-XXXXXX";
static char in_path[64];
static struct loop *loop;
static struct host_dirs *dirs;
static struct laned_host *host;
static const struct laned_host_api *api;
static unsigned called;

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void
setup(void)
{
	memcpy(root, "/tmp/laned-host-XXXXXX", sizeof(root));
	ck_assert_ptr_nonnull(mkdtemp(root));
	(void)snprintf(in_path, sizeof(in_path), "%s/in", root); /* fits */
	ck_assert_int_eq(mkdir(in_path, 0700), 0);
	ck_assert_int_eq(loop_new(&loop), 0);
	ck_assert_int_eq(host_dirs_new(loop, &dirs), 0);
	ck_assert_int_eq(host_dirs_add(dirs, "in", in_path), 0);
	ck_assert_int_eq(host_new(loop, NULL, &host), 0);
	api = host_api();
	called = 0;
}

static void
teardown(void)
{
	host_dirs_free(dirs);
	host_free(host);
	loop_free(loop);
	ck_assert_int_eq(nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static void
write_file(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", in_path, name); /* fits */
	f = fopen(path, "we");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

static bool
exists(const char *name)
{
	char path[256];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/%s", in_path, name); /* fits */
	return lstat(path, &st) == 0;
}

static struct str
s(const char *text)
{
	return str_of(text);
}

static uint64_t
version_of_file(const char *name)
{
	uint64_t bytes, version = 0;
	int fd;

	ck_assert_int_eq(host_dirs_open(dirs, "in", s(name), &fd, &bytes, &version),
			 LANED_OK);
	(void)close(fd);
	ck_assert_uint_ne(version, 0);
	return version;
}

static void
count_call(void *user)
{
	unsigned *n = user;

	(*n)++;
}

static void
count_name(void *user, struct laned_str name, uint64_t bytes)
{
	unsigned *n = user;

	(void)name;
	(void)bytes;
	(*n)++;
}

/* ---- folders ----------------------------------------------------------------------------- */

START_TEST(put_read_remove_round_trip)
{
	uint64_t bytes, version;
	char buf[16];
	int fd;

	setup();
	ck_assert_int_eq(host_dirs_put(dirs, "in", s("A.json"), s("hello")), LANED_OK);
	ck_assert_int_eq(host_dirs_open(dirs, "in", s("a.JSON"), &fd, &bytes, &version),
			 LANED_OK);
	ck_assert_uint_eq(bytes, 5);
	ck_assert_int_eq(read(fd, buf, sizeof(buf)), 5);
	ck_assert_int_eq(memcmp(buf, "hello", 5), 0);
	(void)close(fd);
	ck_assert_int_eq(host_dirs_remove(dirs, "in", s("a.json"), version), LANED_OK);
	ck_assert_int_eq(host_dirs_remove(dirs, "in", s("a.json"), 0), LANED_MISSING);
	ck_assert_int_eq(host_dirs_put(dirs, "nowhere", s("a"), s("")), LANED_INVALID);
	teardown();
}
END_TEST

START_TEST(exact_names_come_before_those_of_another_case)
{
	uint64_t upper, lower;

	setup();
	write_file("X.json", "upper");
	upper = version_of_file("x.JSON");
	write_file("x.json", "lower");
	lower = version_of_file("x.json");
	ck_assert_uint_ne(upper, lower);
	ck_assert_uint_eq(version_of_file("X.json"), upper);
	teardown();
}
END_TEST

static const char *const bad_names[] = {
	"", ".", "..", ".hidden", "../x", "a/b", "/etc/hostname",
};

START_TEST(names_that_leave_the_folder_are_refused)
{
	char long_name[LANED_NAME_BYTES_MAX + 2];
	uint64_t bytes, version;
	int fd;

	setup();
	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	for (size_t i = 0; i <= sizeof(bad_names) / sizeof(bad_names[0]); i++) {
		bool last = i == sizeof(bad_names) / sizeof(bad_names[0]);
		struct str name = last ? s(long_name) : s(bad_names[i]);

		ck_assert_int_eq(host_dirs_open(dirs, "in", name, &fd, &bytes, &version),
				 LANED_INVALID);
		ck_assert_int_eq(host_dirs_put(dirs, "in", name, s("x")), LANED_INVALID);
		ck_assert_int_eq(host_dirs_remove(dirs, "in", name, 0), LANED_INVALID);
		ck_assert_int_eq(host_dirs_set_aside(dirs, "in", name, 0), LANED_INVALID);
	}
	ck_assert_int_eq(host_dirs_open(dirs, "in", (struct str){ "a\0b", 3 }, &fd,
					&bytes, &version),
			 LANED_INVALID);
	teardown();
}
END_TEST

START_TEST(only_regular_files_are_listed_and_opened)
{
	char link_path[128], fifo_path[128];
	uint64_t bytes, version;
	unsigned names = 0;
	int fd;

	setup();
	(void)snprintf(link_path, sizeof(link_path), "%s/link.json", in_path);
	(void)snprintf(fifo_path, sizeof(fifo_path), "%s/fifo.json", in_path);
	ck_assert_int_eq(symlink("/etc/hostname", link_path), 0);
	ck_assert_int_eq(mkfifo(fifo_path, 0600), 0);
	write_file("real.json", "x");
	write_file(".hidden.tmp", "x");
	ck_assert_int_eq(host_dirs_list(dirs, "in", count_name, &names), LANED_OK);
	ck_assert_uint_eq(names, 1);
	ck_assert_int_eq(
		host_dirs_open(dirs, "in", s("link.json"), &fd, &bytes, &version),
		LANED_IO);
	ck_assert_int_eq(
		host_dirs_open(dirs, "in", s("fifo.json"), &fd, &bytes, &version),
		LANED_IO);
	teardown();
}
END_TEST

START_TEST(a_newer_file_is_never_removed_in_place_of_the_one_read)
{
	uint64_t version, newer;

	setup();
	write_file("t.json", "one");
	version = version_of_file("t.json");
	ck_assert_int_eq(host_dirs_put(dirs, "in", s("t.json"), s("two")), LANED_OK);
	ck_assert_int_eq(host_dirs_remove(dirs, "in", s("t.json"), version), LANED_AGAIN);
	ck_assert_int_eq(host_dirs_set_aside(dirs, "in", s("t.json"), version),
			 LANED_AGAIN);
	newer = version_of_file("t.json");
	ck_assert_uint_ne(newer, version);
	ck_assert(!exists("bad/t.json"));
	ck_assert_int_eq(host_dirs_remove(dirs, "in", s("t.json"), newer), LANED_OK);
	ck_assert(!exists("t.json"));
	teardown();
}
END_TEST

START_TEST(what_a_dead_process_had_claimed_comes_back)
{
	setup();
	write_file(".old.json.taken", "old");
	write_file(".both.json.taken", "older");
	write_file("both.json", "newer");
	ck_assert_int_eq(host_dirs_watch(dirs, "in", 0, count_call, &called), LANED_OK);
	ck_assert(exists("old.json"));
	ck_assert(!exists(".old.json.taken"));
	ck_assert(!exists(".both.json.taken"));
	version_of_file("both.json");
	teardown();
}
END_TEST

START_TEST(set_aside_masks_card_numbers_and_keeps_few)
{
	char path[128], name[32], text[128];
	unsigned names = 0;
	FILE *f;

	setup();
	write_file("pan.json", "card 4111-1111-1111-1111, amount 4111");
	ck_assert_int_eq(host_dirs_set_aside(dirs, "in", s("pan.json"), 0), LANED_OK);
	ck_assert(!exists("pan.json"));
	(void)snprintf(path, sizeof(path), "%s/bad/pan.json", in_path);
	f = fopen(path, "re");
	ck_assert_ptr_nonnull(f);
	ck_assert_ptr_nonnull(fgets(text, sizeof(text), f));
	(void)fclose(f);
	ck_assert_str_eq(text, "card ****-****-****-****, amount 4111");
	for (unsigned i = 0; i < HOST_DIRS_BAD_FILES_MAX + 20; i++) {
		(void)snprintf(name, sizeof(name), "n%u.json", i);
		write_file(name, "x");
		ck_assert_int_eq(host_dirs_set_aside(dirs, "in", s(name), 0), LANED_OK);
	}
	(void)snprintf(path, sizeof(path), "%s/bad", in_path);
	ck_assert_int_eq(host_dirs_add(dirs, "bad", path), 0);
	ck_assert_int_eq(host_dirs_list(dirs, "bad", count_name, &names), LANED_OK);
	ck_assert_uint_eq(names, HOST_DIRS_BAD_FILES_MAX);
	ck_assert_int_eq(host_dirs_set_aside(dirs, "in", s("gone.json"), 0),
			 LANED_MISSING);
	teardown();
}
END_TEST

START_TEST(a_watcher_hears_of_files_that_are_whole)
{
	setup();
	ck_assert_int_eq(host_dirs_watch(dirs, "in", 1, count_call, &called),
			 LANED_INVALID);
	ck_assert_int_eq(host_dirs_watch(dirs, "in", 0, count_call, &called), LANED_OK);
	write_file("a.json", "x");
	ck_assert_int_eq(loop_once(loop, 10000), 0);
	ck_assert_uint_ge(called, 1);
	called = 0;
	ck_assert_int_eq(host_dirs_put(dirs, "in", s("b.json"), s("x")), LANED_OK);
	while (called == 0)
		ck_assert_int_eq(loop_once(loop, 10000), 0);
	teardown();
}
END_TEST

START_TEST(a_polled_folder_is_looked_at_without_being_told)
{
	setup();
	ck_assert_int_eq(
		host_dirs_watch(dirs, "in", HOST_DIRS_POLL_MS_MIN, count_call, &called),
		LANED_OK);
	while (called < 2)
		ck_assert_int_eq(loop_once(loop, 10000), 0);
	teardown();
}
END_TEST

START_TEST(a_folder_that_is_not_there_is_an_error_and_no_missing_file)
{
	char away[80];
	unsigned names = 0;

	setup();
	(void)snprintf(away, sizeof(away), "%s.away", in_path);
	ck_assert_int_eq(rename(in_path, away), 0);
	ck_assert_int_eq(host_dirs_watch(dirs, "in", 0, count_call, &called), LANED_OK);
	ck_assert_int_eq(host_dirs_list(dirs, "in", count_name, &names), LANED_IO);
	ck_assert_int_eq(host_dirs_put(dirs, "in", s("a"), s("x")), LANED_IO);
	ck_assert_int_eq(host_dirs_remove(dirs, "in", s("a"), 0), LANED_IO);
	ck_assert_int_eq(rename(away, in_path), 0);
	ck_assert_int_eq(host_dirs_put(dirs, "in", s("a"), s("x")), LANED_OK);
	teardown();
}
END_TEST

/* ---- timers, memory, the rest -------------------------------------------------------------- */

static void
second_shot(void *user)
{
	uint64_t timer;

	count_call(user);
	ck_assert_int_eq(api->timer_set(host, 0, count_call, user, &timer), LANED_OK);
}

START_TEST(timers_fire_once_and_stale_numbers_hit_nothing)
{
	uint64_t first, second;

	setup();
	ck_assert_int_eq(api->timer_set(host, 0, second_shot, &called, &first), LANED_OK);
	while (called < 2)
		ck_assert_int_eq(loop_once(loop, 10000), 0);
	ck_assert_int_eq(api->timer_set(host, 0, count_call, &called, &second), LANED_OK);
	ck_assert_uint_ne(first, second);
	api->timer_cancel(host, first); /* went off long ago; its slot is second's */
	api->timer_cancel(host, 0);
	api->timer_cancel(host, UINT64_MAX);
	while (called < 3)
		ck_assert_int_eq(loop_once(loop, 10000), 0);
	ck_assert_int_eq(api->timer_set(host, 0, count_call, &called, &second), LANED_OK);
	api->timer_cancel(host, second);
	ck_assert_int_eq(loop_once(loop, 0), 0);
	ck_assert_uint_eq(called, 3);
	ck_assert_int_eq(api->timer_set(host, 0, NULL, NULL, &second), LANED_INVALID);
	teardown();
}
END_TEST

START_TEST(timers_have_a_limit)
{
	uint64_t timer;

	setup();
	for (unsigned i = 0; i < HOST_TIMERS_MAX; i++)
		ck_assert_int_eq(api->timer_set(host, 60000, count_call, &called, &timer),
				 LANED_OK);
	ck_assert_int_eq(api->timer_set(host, 60000, count_call, &called, &timer),
			 LANED_AGAIN);
	teardown();
}
END_TEST

START_TEST(memory_is_zeroed_counted_and_limited)
{
	uint8_t *p;

	setup();
	p = api->alloc(host, 100);
	ck_assert_ptr_nonnull(p);
	for (unsigned i = 0; i < 100; i++)
		ck_assert_uint_eq(p[i], 0);
	ck_assert_uint_eq(host_allocated(host), 100);
	ck_assert_ptr_null(api->alloc(host, HOST_ALLOC_BYTES_MAX));
	ck_assert_ptr_null(api->alloc(host, SIZE_MAX));
	api->free(host, p);
	api->free(host, NULL);
	ck_assert_uint_eq(host_allocated(host), 0);
	teardown();
}
END_TEST

START_TEST(without_laned_nothing_is_durable)
{
	struct laned_event wanted = { .size = sizeof(wanted),
				      .type = LANED_EV_TENDER_WANTED };
	struct laned_event note = { .size = sizeof(note), .type = LANED_EV_NOTE };
	struct laned_result result = { .size = sizeof(result) };
	struct laned_basket basket = { .size = sizeof(basket) };
	struct laned_str none = { NULL, 0 };
	struct laned_key key = { { 1 } };
	struct laned_entry entry;

	setup();
	ck_assert_int_eq(api->journal(host, 1, &key, LANED_J_SENDING, none),
			 LANED_NOT_DURABLE);
	ck_assert_int_eq(api->event(host, &wanted), LANED_NOT_DURABLE);
	ck_assert_int_eq(api->event(host, &note), LANED_GONE);
	ck_assert_int_eq(api->complete(host, &result, NULL, NULL), LANED_GONE);
	ck_assert_int_eq(api->pos_basket(host, &basket, NULL, NULL), LANED_GONE);
	ck_assert_int_eq(api->pos_cancel(host, none, NULL, NULL), LANED_GONE);
	ck_assert_int_eq(api->journal_find(host, none, &entry), LANED_GONE);
	teardown();
}
END_TEST

/* Else they would be missing when they are wanted: after a restart. */
START_TEST(ids_of_a_tender_that_laned_cannot_keep_are_refused)
{
	static char bytes[LANED_BLOB_BYTES_MAX + 1];
	struct laned_event ev = { .size = sizeof(ev),
				  .type = LANED_EV_TENDER_WANTED,
				  .blob = { bytes, sizeof(bytes) } };

	setup();
	memset(bytes, 'x', sizeof(bytes));
	ck_assert_int_eq(api->event(host, &ev), LANED_NOT_DURABLE);
	ev.type = LANED_EV_NOTE;
	ck_assert_int_eq(api->event(host, &ev), LANED_INVALID);
	ev.blob.n--;
	ck_assert_int_eq(api->event(host, &ev), LANED_GONE);
	teardown();
}
END_TEST

START_TEST(card_numbers_are_stopped_at_every_door)
{
	struct laned_str pan = { "note 4111 1111 1111 1111", 24 };
	struct laned_line line = { .size = sizeof(line), .text = pan };
	struct laned_basket basket = { .size = sizeof(basket),
				       .lines = &line,
				       .lines_count = 1 };
	struct laned_event note = { .size = sizeof(note),
				    .type = LANED_EV_NOTE,
				    .text = pan };

	struct laned_event ids = { .size = sizeof(ids),
				   .type = LANED_EV_TENDER_ABORT,
				   .blob = pan };

	setup();
	ck_assert_int_eq(api->guard(host, pan), LANED_PAN);
	ck_assert_int_eq(api->guard(host, (struct laned_str){ "4006381333931", 13 }),
			 LANED_OK);
	ck_assert_int_eq(api->pos_basket(host, &basket, NULL, NULL), LANED_PAN);
	ck_assert_int_eq(api->event(host, &note), LANED_PAN);
	ck_assert_int_eq(api->pos_claim(host, pan, LANED_CLAIM_CARD, pan, NULL, NULL),
			 LANED_PAN);
	ck_assert_uint_eq(host_pans_refused(host), 4);
	ck_assert_int_eq(api->event(host, &ids), LANED_PAN);
	ids.type = LANED_EV_TENDER_WANTED;
	ck_assert_int_eq(api->event(host, &ids), LANED_NOT_DURABLE);
	ck_assert_uint_eq(host_pans_refused(host), 6);
	ids.size = (uint32_t)offsetof(struct laned_event, currency);
	ids.type = LANED_EV_NOTE; /* of an older plug-in: there is no such member */
	ck_assert_int_eq(api->event(host, &ids), LANED_GONE);
	ck_assert_uint_eq(host_pans_refused(host), 6);
	teardown();
}
END_TEST

START_TEST(what_no_option_names_cannot_be_reached)
{
	const struct laned_conn_events events = { .size = sizeof(events) };
	struct laned_str text = { "x", 1 }, pan = { "4111111111111111", 16 };
	uint64_t id = 0;
	uint8_t buf[4];
	size_t n = sizeof(buf);

	setup();
	ck_assert_uint_eq(api->size, sizeof(*api));
	ck_assert_int_lt(api->conn_open(host, "a", &events, NULL, &id), LANED_OK);
	ck_assert_int_lt(api->conn_listen(host, "a", &events, NULL, &id), LANED_OK);
	ck_assert_int_lt(api->conn_send(host, 1, buf, 1), LANED_OK);
	ck_assert_int_lt(api->conn_modem(host, 1, 0, 0), LANED_OK);
	ck_assert_int_lt(api->splice(host, 1, 2, buf, 0), LANED_OK);
	ck_assert_int_eq(api->type_start(host, "a", text, NULL, NULL), LANED_MISSING);
	ck_assert_int_eq(api->type_start(host, "a", pan, NULL, NULL), LANED_PAN);
	ck_assert_int_eq(api->type_cancel(host, "a"), LANED_MISSING);
	ck_assert_int_lt(api->secret(host, "a", buf, &n), LANED_OK);
	api->conn_close(host, 1);
	ck_assert_int_eq(api->option_int(host, "none", NULL), LANED_MISSING);
	teardown();
}
END_TEST

/* Counted, and without laned in the way of the count. */
START_TEST(a_flood_of_log_lines_is_cut_off)
{
	const struct laned_str line = { "flood", 5 };

	setup();
	for (unsigned i = 0; i < 5000; i++)
		api->log(host, LANED_LOG_DEBUG, line);
	ck_assert_uint_ge(host_refused(host), 4000);
	teardown();
}
END_TEST

START_TEST(time_and_randomness_come_from_the_host)
{
	uint8_t a[16] = { 0 }, b[16] = { 0 };
	int64_t before;

	setup();
	before = api->mono_ms(host);
	ck_assert_int_ge(api->mono_ms(host), before);
	ck_assert_int_gt(api->wall_ms(host), INT64_C(1600000000000));
	ck_assert_int_eq(api->random(host, a, sizeof(a)), LANED_OK);
	ck_assert_int_eq(api->random(host, b, sizeof(b)), LANED_OK);
	ck_assert_int_ne(memcmp(a, b, sizeof(a)), 0);
	ck_assert_int_eq(api->random(host, a, 1u << 20), LANED_TOO_LARGE);
	teardown();
}
END_TEST

UNIT_MAIN("adapter_host", put_read_remove_round_trip,
	  exact_names_come_before_those_of_another_case,
	  names_that_leave_the_folder_are_refused,
	  only_regular_files_are_listed_and_opened,
	  a_newer_file_is_never_removed_in_place_of_the_one_read,
	  what_a_dead_process_had_claimed_comes_back,
	  set_aside_masks_card_numbers_and_keeps_few,
	  a_watcher_hears_of_files_that_are_whole,
	  a_polled_folder_is_looked_at_without_being_told,
	  a_folder_that_is_not_there_is_an_error_and_no_missing_file,
	  timers_fire_once_and_stale_numbers_hit_nothing, timers_have_a_limit,
	  memory_is_zeroed_counted_and_limited, without_laned_nothing_is_durable,
	  ids_of_a_tender_that_laned_cannot_keep_are_refused,
	  card_numbers_are_stopped_at_every_door, what_no_option_names_cannot_be_reached,
	  a_flood_of_log_lines_is_cut_off, time_and_randomness_come_from_the_host)
