#include "bio/storekey.h"

#include "base/crypto.h"

#include "tempdir.h"
#include "unit.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[TEMPDIR_BYTES], credentials[TEMPDIR_BYTES];

static void
start(void)
{
	ck_assert_int_eq(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	tempdir_make(dir);
}

START_TEST(a_key_is_made_once_and_kept_private)
{
	struct secret *a = NULL, *b = NULL;
	struct stat st;

	start();
	ck_assert_int_eq(storekey_load(dir, &a), 0);
	ck_assert_uint_eq(secret_size(a), CRYPTO_KEY_BYTES);
	ck_assert_int_eq(stat(tempdir_path(dir, "gallery.key"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	ck_assert_int_eq(storekey_load(dir, &b), 0);
	ck_assert(secret_equal(a, b));
	secret_free(a);
	secret_free(b);
	tempdir_remove(dir);
}
END_TEST

START_TEST(two_lanes_have_two_keys)
{
	struct secret *a = NULL, *b = NULL;

	start();
	ck_assert_int_eq(storekey_load(dir, &a), 0);
	tempdir_remove(dir);
	tempdir_make(dir);
	ck_assert_int_eq(storekey_load(dir, &b), 0);
	ck_assert(!secret_equal(a, b));
	secret_free(a);
	secret_free(b);
	tempdir_remove(dir);
}
END_TEST

START_TEST(a_lost_key_is_never_papered_over)
{
	struct secret *s = NULL;

	start();
	tempdir_write(dir, "gallery.db", "", 0);
	ck_assert_int_eq(storekey_load(dir, &s), -ENOKEY);
	ck_assert_ptr_null(s);
	ck_assert_int_ne(access(tempdir_path(dir, "gallery.key"), F_OK), 0);
	tempdir_remove(dir);
}
END_TEST

START_TEST(a_key_others_can_read_is_refused)
{
	static const unsigned modes[] = { 0644, 0640, 0604, 0660 };
	uint8_t key[CRYPTO_KEY_BYTES] = { 1 };
	struct secret *s = NULL;

	start();
	tempdir_write(dir, "gallery.key", key, sizeof(key));
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		ck_assert_int_eq(chmod(tempdir_path(dir, "gallery.key"), modes[i]), 0);
		ck_assert_int_eq(storekey_load(dir, &s), -EPERM);
	}
	ck_assert_int_eq(chmod(tempdir_path(dir, "gallery.key"), 0600), 0);
	ck_assert_int_eq(storekey_load(dir, &s), 0);
	ck_assert_int_eq(memcmp(secret_bytes(s), key, sizeof(key)), 0);
	secret_free(s);
	tempdir_remove(dir);
}
END_TEST

START_TEST(a_key_of_another_size_is_refused)
{
	static const size_t sizes[] = { 0, 1, CRYPTO_KEY_BYTES - 1, CRYPTO_KEY_BYTES + 1,
					4096 };
	static const uint8_t bytes[4096] = { 1 };
	struct secret *s = NULL;

	start();
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		tempdir_write(dir, "gallery.key", bytes, sizes[i]);
		ck_assert_int_eq(chmod(tempdir_path(dir, "gallery.key"), 0600), 0);
		ck_assert_int_eq(storekey_load(dir, &s), -EBADMSG);
		ck_assert_ptr_null(s);
	}
	tempdir_remove(dir);
}
END_TEST

START_TEST(a_systemd_credential_goes_first)
{
	uint8_t given[CRYPTO_KEY_BYTES] = { 5 }, own[CRYPTO_KEY_BYTES] = { 6 };
	struct secret *s = NULL;

	start();
	tempdir_make(credentials);
	ck_assert_int_eq(setenv("CREDENTIALS_DIRECTORY", credentials, 1), 0);
	tempdir_write(dir, "gallery.key", own, sizeof(own));
	ck_assert_int_eq(chmod(tempdir_path(dir, "gallery.key"), 0600), 0);
	ck_assert_int_eq(storekey_load(dir, &s), 0); /* there is none yet */
	ck_assert_int_eq(memcmp(secret_bytes(s), own, sizeof(own)), 0);
	s = secret_free(s);
	tempdir_write(credentials, "gallery.key", given, sizeof(given));
	ck_assert_int_eq(storekey_load(dir, &s), 0);
	ck_assert_int_eq(memcmp(secret_bytes(s), given, sizeof(given)), 0);
	s = secret_free(s);
	tempdir_write(credentials, "gallery.key", given,
		      7); /* damaged: not passed over */
	ck_assert_int_eq(storekey_load(dir, &s), -EBADMSG);
	ck_assert_int_eq(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	tempdir_remove(credentials);
	tempdir_remove(dir);
}
END_TEST

START_TEST(a_missing_folder_is_an_error)
{
	struct secret *s = NULL;

	ck_assert_int_eq(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	ck_assert_int_eq(storekey_load("/nonexistent/laned", &s), -ENOENT);
	ck_assert_ptr_null(s);
}
END_TEST

START_TEST(a_cloned_gallery_is_not_opened)
{
	static const struct {
		const char *machine;
		int rc;
	} starts[] = { { "one\n", 0 }, { "one\n", 0 },   { "two\n", -EXDEV },
		       { "one\n", 0 }, { "", -ENODATA }, { NULL, -ENODATA } };
	struct secret *key = NULL, *other = NULL;
	struct stat st;

	start();
	ck_assert_int_eq(storekey_load(dir, &key), 0);
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		const char *path = tempdir_path(dir, "machine-id");

		(void)unlink(path);
		if (starts[i].machine != NULL)
			tempdir_write(dir, "machine-id", starts[i].machine,
				      strlen(starts[i].machine));
		ck_assert_int_eq(storekey_bind(dir, key, tempdir_path(dir, "machine-id")),
				 starts[i].rc);
	}
	ck_assert_int_eq(stat(tempdir_path(dir, "machine"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	/* Of another key the file says nothing. */
	tempdir_write(dir, "machine-id", "one\n", 4);
	ck_assert_int_eq(secret_new(CRYPTO_KEY_BYTES, &other), 0);
	ck_assert_int_eq(storekey_bind(dir, other, tempdir_path(dir, "machine-id")),
			 -EXDEV);
	tempdir_write(dir, "machine", "short", 5);
	ck_assert_int_eq(storekey_bind(dir, key, tempdir_path(dir, "machine-id")),
			 -EBADMSG);
	secret_free(other);
	secret_free(key);
	tempdir_remove(dir);
}
END_TEST

UNIT_MAIN("storekey", a_key_is_made_once_and_kept_private, two_lanes_have_two_keys,
	  a_lost_key_is_never_papered_over, a_key_others_can_read_is_refused,
	  a_key_of_another_size_is_refused, a_systemd_credential_goes_first,
	  a_missing_folder_is_an_error, a_cloned_gallery_is_not_opened)
