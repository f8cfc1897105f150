/* The endpoints last run with: what is written is read, and what is no such file is refused. */
#include "adapter/endpoints_kept.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct adapter_endpoints sample = {
	"tcp://127.0.0.1:20007?allow=10.0.0.0/8+192.168.1.4",
	"tcp://10.1.2.3:20007",
	"zvt",
};

static void
fresh_folder(char folder[64])
{
	strcpy(folder, "/tmp/laned-unit.XXXXXX"); /* fits */
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void
remove_folder(const char *folder)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, ENDPOINTS_KEPT_NAME);
	(void)unlink(path);
	ck_assert_int_eq(rmdir(folder), 0);
}

START_TEST(what_is_put_is_got)
{
	struct adapter_endpoints e = { .pos = "" };
	char folder[64];

	fresh_folder(folder);
	ck_assert_int_eq(endpoints_kept_get(folder, &e), -ENOENT);
	ck_assert_int_eq(endpoints_kept_put(folder, &sample), 0);
	ck_assert_int_eq(endpoints_kept_get(folder, &e), 0);
	ck_assert_str_eq(e.pos, sample.pos);
	ck_assert_str_eq(e.terminal, sample.terminal);
	ck_assert_str_eq(e.framing, sample.framing);
	remove_folder(folder);
}
END_TEST

START_TEST(the_same_is_not_written_again)
{
	struct adapter_endpoints other = sample;
	struct stat before, after;
	char folder[64], path[128];

	fresh_folder(folder);
	(void)snprintf(path, sizeof(path), "%s/%s", folder, ENDPOINTS_KEPT_NAME);
	ck_assert_int_eq(endpoints_kept_put(folder, &sample), 0);
	ck_assert_int_eq(stat(path, &before), 0);
	ck_assert_int_eq(endpoints_kept_put(folder, &sample), 0);
	ck_assert_int_eq(stat(path, &after), 0);
	ck_assert_uint_eq(before.st_ino, after.st_ino);
	(void)snprintf(other.framing, sizeof(other.framing), "length4");
	ck_assert_int_eq(endpoints_kept_put(folder, &other), 0);
	ck_assert_int_eq(endpoints_kept_get(folder, &other), 0);
	ck_assert_str_eq(other.framing, "length4");
	/* A right configuration without endpoints. */
	ck_assert_int_eq(endpoints_kept_drop(folder), 0);
	ck_assert_int_eq(endpoints_kept_get(folder, &other), -ENOENT);
	ck_assert_int_eq(endpoints_kept_drop(folder), 0);
	remove_folder(folder);
}
END_TEST

START_TEST(without_a_folder_nothing_is_kept)
{
	struct adapter_endpoints e;

	ck_assert_int_eq(endpoints_kept_put(NULL, &sample), -ENOENT);
	ck_assert_int_eq(endpoints_kept_drop(NULL), 0);
	ck_assert_int_eq(endpoints_kept_get(NULL, &e), -ENOENT);
	ck_assert_int_eq(endpoints_kept_put("/nonexistent", &sample), -ENOENT);
}
END_TEST

#define HEAD "laned-endpoints = 1\n"

static const char *const bad[] = {
	"",
	HEAD,
	"laned-endpoints = 2\npos = unix:/a\nterminal = unix:/b\nframing = zvt\n",
	"pos = unix:/a\nterminal = unix:/b\nframing = zvt\n",
	HEAD "pos = unix:/a\nterminal = unix:/b\n",
	HEAD "pos = unix:/a\nterminal = unix:/b\nframing = zvt",
	HEAD "pos = unix:/a\nterminal = unix:/b\nframing = other\n",
	HEAD "pos = http://a\nterminal = unix:/b\nframing = zvt\n",
	HEAD "pos = unix:/a\nterminal = \nframing = zvt\n",
	HEAD "pos = unix:/a\npos = unix:/c\nterminal = unix:/b\nframing = zvt\n",
	HEAD "pos = unix:/a\nterminal = unix:/b\nframing = zvt\nx = y\n",
	HEAD "pos=unix:/a\nterminal = unix:/b\nframing = zvt\n",
};

START_TEST(what_is_no_such_file_is_refused)
{
	struct adapter_endpoints e;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(endpoints_kept_parse(str_of(bad[i]), &e) == -EBADMSG, "%zu",
			      i);
}
END_TEST

START_TEST(each_cut_of_the_file_is_refused)
{
	static const char good[] = "laned-endpoints = 1\npos = unix:/a\n"
				   "terminal = unix:/b\nframing = zvt\n";
	struct adapter_endpoints e;

	ck_assert_int_eq(endpoints_kept_parse(str_of(good), &e), 0);
	for (size_t n = 0; n + 1 < sizeof(good); n++)
		ck_assert_int_eq(endpoints_kept_parse((struct str){ good, n }, &e),
				 -EBADMSG);
}
END_TEST

UNIT_MAIN("endpoints_kept", what_is_put_is_got, the_same_is_not_written_again,
	  without_a_folder_nothing_is_kept, what_is_no_such_file_is_refused,
	  each_cut_of_the_file_is_refused)
