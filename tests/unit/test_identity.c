#include "lane/identity.h"

#include "tempdir.h"
#include "unit.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[TEMPDIR_BYTES], machines[TEMPDIR_BYTES];

static const char *
machine(const char *name)
{
	return tempdir_path(machines, name);
}

static void
start(void)
{
	tempdir_make(dir);
	tempdir_make(machines);
	tempdir_write(machines, "here", "0123456789abcdef0123456789abcdef\n", 33);
	tempdir_write(machines, "there", "1123456789abcdef0123456789abcdef\n", 33);
	tempdir_write(machines, "empty", "", 0);
}

static void
finish(void)
{
	tempdir_remove(dir);
	tempdir_remove(machines);
}

START_TEST(an_identity_is_made_once)
{
	struct identity a, b;
	struct stat st;

	start();
	ck_assert_int_eq(identity_load(dir, machine("here"), &a), 0);
	ck_assert(a.matches);
	ck_assert(!ulid_is_zero(a.lane));
	ck_assert_int_eq(identity_load(dir, machine("here"), &b), 0);
	ck_assert(b.matches);
	ck_assert(ulid_eq(a.lane, b.lane));
	ck_assert_int_eq(memcmp(a.machine, b.machine, sizeof(a.machine)), 0);
	ck_assert_int_eq(stat(tempdir_path(dir, "identity"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	finish();
}
END_TEST

START_TEST(a_cloned_disk_does_not_match)
{
	static const char *const others[] = { "there", "empty", "nowhere" };
	struct identity a, b;

	start();
	ck_assert_int_eq(identity_load(dir, machine("here"), &a), 0);
	for (size_t i = 0; i < 3; i++) {
		ck_assert_int_eq(identity_load(dir, machine(others[i]), &b), 0);
		ck_assert_msg(!b.matches, "%s", others[i]);
		ck_assert_str_ne(b.why, "");
		ck_assert(ulid_eq(a.lane, b.lane)); /* it says who it was */
	}
	ck_assert_int_eq(identity_load(dir, machine("here"), &b), 0);
	ck_assert(b.matches); /* and nothing was written meanwhile */
	finish();
}
END_TEST

START_TEST(two_lanes_are_two)
{
	struct identity a, b;

	start();
	ck_assert_int_eq(identity_load(dir, machine("here"), &a), 0);
	ck_assert_int_eq(unlink(tempdir_path(dir, "identity")), 0);
	ck_assert_int_eq(identity_load(dir, machine("here"), &b), 0);
	ck_assert(!ulid_eq(a.lane, b.lane));
	/* The keyed hash of one machine differs: it links no two lanes. */
	ck_assert_int_ne(memcmp(a.machine, b.machine, sizeof(a.machine)), 0);
	finish();
}
END_TEST

START_TEST(the_machine_id_is_not_in_the_file)
{
	struct identity a;

	start();
	ck_assert_int_eq(identity_load(dir, machine("here"), &a), 0);
	ck_assert(!tempdir_holds(dir, "0123456789abcdef", 16));
	finish();
}
END_TEST

START_TEST(a_damaged_identity_is_refused_and_kept)
{
	struct identity a = { .matches = false };
	size_t n = 0, cut = 0;
	uint8_t *data;

	start();
	ck_assert_int_eq(identity_load(dir, machine("here"), &a), 0);
	data = tempdir_read(dir, "identity", &n);
	for (size_t keep = 0; keep < n; keep += 11) {
		tempdir_write(dir, "identity", data, keep);
		ck_assert_int_eq(identity_load(dir, machine("here"), &a), -EBADMSG);
		free(tempdir_read(dir, "identity", &cut));
		ck_assert_uint_eq(cut, keep);
	}
	tempdir_write(dir, "identity", data, n);
	data[0] ^= 1;
	tempdir_write(dir, "identity", data, n);
	ck_assert_int_eq(identity_load(dir, machine("here"), &a), -EBADMSG);
	data = realloc(data, n + 1);
	ck_assert_ptr_nonnull(data);
	data[0] ^= 1;
	data[n] = 0;
	tempdir_write(dir, "identity", data, n + 1);
	ck_assert_int_eq(identity_load(dir, machine("here"), &a), -EBADMSG);
	free(data);
	finish();
}
END_TEST

START_TEST(nothing_is_made_where_it_cannot_be_bound)
{
	struct identity a;

	start();
	ck_assert_int_eq(identity_load(dir, machine("nowhere"), &a), -ENOENT);
	ck_assert_int_eq(identity_load(dir, machine("empty"), &a), -ENODATA);
	ck_assert_int_ne(access(tempdir_path(dir, "identity"), F_OK), 0);
	ck_assert_int_eq(identity_load("/nonexistent/laned", machine("here"), &a),
			 -ENOENT);
	finish();
}
END_TEST

UNIT_MAIN("identity", an_identity_is_made_once, a_cloned_disk_does_not_match,
	  two_lanes_are_two, the_machine_id_is_not_in_the_file,
	  a_damaged_identity_is_refused_and_kept,
	  nothing_is_made_where_it_cannot_be_bound)
