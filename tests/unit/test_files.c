#include "base/files.h"

#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[32];
static int folder;
static struct arena *arena;

static void
start(void)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/test_files.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(folder, 0);
	arena = arena_new(1u << 20);
}

/* The number of names in the folder. */
static unsigned
names(void)
{
	DIR *d = opendir(dir);
	unsigned n = 0;

	ck_assert_ptr_nonnull(d);
	while (readdir(d) != NULL)
		n++;
	(void)closedir(d);
	return n - 2; /* "." and ".." */
}

static void
finish(void)
{
	char command[64];

	(void)snprintf(command, sizeof(command), "rm -r %s", dir);
	ck_assert_int_eq(system(command), 0);
	(void)close(folder);
	arena_free(arena);
}

static void
check_content(const char *name, const char *want)
{
	struct str got;

	ck_assert_int_eq(files_read(folder, name, 1000, arena, &got), 0);
	ck_assert_uint_eq(got.n, strlen(want));
	ck_assert_mem_eq(got.p, want, got.n);
	ck_assert_int_eq(got.p[got.n], 0);
}

START_TEST(what_is_put_is_read_and_replaced_whole)
{
	struct stat st;

	start();
	ck_assert_int_eq(files_put(folder, "x", STR("one"), 0640), 0);
	check_content("x", "one");
	ck_assert_int_eq(fstatat(folder, "x", &st, 0), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
	ck_assert_int_eq(files_put(folder, "x", STR("second"), 0600), 0);
	check_content("x", "second");
	ck_assert_int_eq(files_put(folder, "x", STR(""), 0600), 0);
	check_content("x", "");
	ck_assert_uint_eq(names(), 1);
	finish();
}
END_TEST

START_TEST(what_a_dead_process_left_does_not_matter)
{
	start();
	ck_assert_int_eq(symlinkat("/etc/passwd", folder, ".x.tmp"), 0);
	ck_assert_int_eq(files_put(folder, "x", STR("one"), 0600), 0);
	check_content("x", "one");
	ck_assert_uint_eq(names(), 1);
	finish();
}
END_TEST

START_TEST(a_failed_put_leaves_the_old_file_and_nothing_else)
{
	struct rlimit old, tight;
	static char large[100000];

	start();
	ck_assert_int_eq(files_put(folder, "x", STR("old"), 0600), 0);
	(void)signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
	tight = old;
	tight.rlim_cur = 50000;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &tight), 0);
	ck_assert_int_eq(
		files_put(folder, "x", (struct str){ large, sizeof(large) }, 0600),
		-EFBIG);
	(void)setrlimit(RLIMIT_FSIZE, &old);
	check_content("x", "old");
	ck_assert_uint_eq(names(), 1);
	/* The rename fails: there is a folder of that name. */
	ck_assert_int_eq(mkdirat(folder, "d", 0700), 0);
	ck_assert_int_eq(files_put(folder, "d", STR("new"), 0600), -EISDIR);
	ck_assert_uint_eq(names(), 2);
	finish();
}
END_TEST

START_TEST(names_that_leave_the_folder_are_refused)
{
	static const char *const bad[] = { "", ".", "..", "a/b", "/etc/passwd", "../x" };
	char longer[NAME_MAX + 1];
	struct str got;

	start();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_int_eq(files_put(folder, bad[i], STR("x"), 0600), -EINVAL);
		ck_assert_int_eq(files_read(folder, bad[i], 10, arena, &got), -EINVAL);
		ck_assert_int_eq(files_remove(folder, bad[i]), -EINVAL);
	}
	memset(longer, 'n', NAME_MAX - 4);
	longer[NAME_MAX - 4] = '\0'; /* with '.' and ".tmp" one too many */
	ck_assert_int_eq(files_put(folder, longer, STR("x"), 0600), -ENAMETOOLONG);
	longer[NAME_MAX - 5] = '\0';
	ck_assert_int_eq(files_put(folder, longer, STR("x"), 0600), 0);
	finish();
}
END_TEST

START_TEST(only_whole_regular_files_within_the_limit_are_read)
{
	struct arena *tiny = arena_new(16);
	struct str got;

	start();
	ck_assert_int_eq(files_put(folder, "x", STR("0123456789"), 0600), 0);
	ck_assert_int_eq(files_read(folder, "x", 10, arena, &got), 0);
	ck_assert_int_eq(files_read(folder, "x", 9, arena, &got), -EFBIG);
	ck_assert_int_eq(files_read(folder, "none", 9, arena, &got), -ENOENT);
	ck_assert_int_eq(
		files_put(folder, "y", STR("0123456789012345678901234567"), 0600), 0);
	ck_assert_int_eq(files_read(folder, "y", 100, tiny, &got), -ENOMEM);
	ck_assert_int_eq(symlinkat("x", folder, "link"), 0);
	ck_assert_int_eq(files_read(folder, "link", 10, arena, &got), -EINVAL);
	ck_assert_int_eq(mkfifoat(folder, "pipe", 0600), 0);
	ck_assert_int_eq(files_read(folder, "pipe", 10, arena, &got), -EINVAL);
	ck_assert_int_eq(mkdirat(folder, "d", 0700), 0);
	ck_assert_int_eq(files_read(folder, "d", 10, arena, &got), -EINVAL);
	arena_free(tiny);
	finish();
}
END_TEST

START_TEST(files_of_the_kernel_are_read_though_they_tell_no_size)
{
	int proc = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct str got;

	start();
	ck_assert_int_ge(proc, 0);
	ck_assert_int_eq(files_read(proc, "comm", 1000, arena, &got), 0);
	ck_assert_uint_gt(got.n, 1);
	(void)close(proc);
	finish();
}
END_TEST

START_TEST(removing_is_told_when_there_is_nothing)
{
	start();
	ck_assert_int_eq(files_put(folder, "x", STR("one"), 0600), 0);
	ck_assert_int_eq(files_remove(folder, "x"), 0);
	ck_assert_int_eq(files_remove(folder, "x"), -ENOENT);
	ck_assert_uint_eq(names(), 0);
	finish();
}
END_TEST

START_TEST(two_folders_are_made_and_no_more)
{
	char path[PATH_MAX];
	struct stat st;
	mode_t old = umask(0077);

	start();
	(void)snprintf(path, sizeof(path), "%s/a/b", dir);
	ck_assert_int_eq(files_mkdir(path, 0755), 0);
	ck_assert_int_eq(files_mkdir(path, 0755), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0755);
	(void)snprintf(path, sizeof(path), "%s/c/", dir);
	ck_assert_int_eq(files_mkdir(path, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s//c//d//", dir);
	ck_assert_int_eq(files_mkdir(path, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/x/y/z", dir);
	ck_assert_int_eq(files_mkdir(path, 0700), -ENOENT);
	ck_assert_int_eq(files_put(folder, "file", STR(""), 0600), 0);
	(void)snprintf(path, sizeof(path), "%s/file", dir);
	ck_assert_int_eq(files_mkdir(path, 0700), -ENOTDIR);
	ck_assert_int_eq(files_mkdir("", 0700), -EINVAL);
	ck_assert_int_eq(files_mkdir("/", 0700), 0);
	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	ck_assert_int_eq(files_mkdir(path, 0700), -ENAMETOOLONG);
	(void)umask(old);
	finish();
}
END_TEST

UNIT_MAIN("files", what_is_put_is_read_and_replaced_whole,
	  what_a_dead_process_left_does_not_matter,
	  a_failed_put_leaves_the_old_file_and_nothing_else,
	  names_that_leave_the_folder_are_refused,
	  only_whole_regular_files_within_the_limit_are_read,
	  files_of_the_kernel_are_read_though_they_tell_no_size,
	  removing_is_told_when_there_is_nothing, two_folders_are_made_and_no_more)
