/*
 * The reader over libusb: without a device, and with a recorded one that umockdev plays. The
 * program starts itself again under umockdev-run for that; without it or the recordings that part is
 * left out, and the program says so.
 */
#include "bio/usb/reader_usb.h"

#include "bio/usb/uru4000_image.h"

#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#define RECORDED_SEED 0x51ea2124u
#define ROUNDS_MAX 200000u

static struct {
	unsigned samples, failures, changes;
	bool captured; /* went through READER_CAPTURING to READER_READY */
	enum reader_state last;
	struct sample *sample;
} told;

static void
on_presentation(void *ctx, struct reader *r)
{
	(void)ctx;
	(void)r;
}

static bool
on_sample(void *ctx, struct reader *r, struct sample *s)
{
	(void)ctx;
	(void)r;
	told.samples++;
	sample_free(told.sample);
	told.sample = s;
	return false;
}

static void
on_failed(void *ctx, struct reader *r, const char *why)
{
	(void)ctx;
	(void)r;
	(void)why;
	told.failures++;
}

static void
on_changed(void *ctx, struct reader *r)
{
	(void)ctx;
	told.changes++;
	if (told.last == READER_CAPTURING && r->state == READER_READY)
		told.captured = true;
	told.last = r->state;
}

static const struct reader_events events = { on_presentation, on_sample,  on_failed,
					     on_presentation, on_changed, NULL };

static unsigned
open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	ck_assert_ptr_nonnull(d);
	while (readdir(d) != NULL)
		n++;
	(void)closedir(d); /* read only */
	return n;
}

/* No device has this path, so that nobody's reader is touched. */
static const struct reader_options nowhere = { .name = "front", .port = "250-7.7" };

START_TEST(without_a_device_it_is_absent_and_sleeps)
{
	struct loop *l = NULL;
	struct reader *r = NULL;

	memset(&told, 0, sizeof(told));
	ck_assert_int_eq(loop_new(&l), 0);
	ck_assert_int_eq(reader_usb_open(l, &nowhere, NULL, &events, &r), 0);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(loop_once(l, 20), 0);
	ck_assert_int_eq(r->state, READER_ABSENT);
	ck_assert_str_eq(r->why, "not-found");
	ck_assert_str_eq(r->device.model, "");
	ck_assert_int_gt(r->since_wall_ms, 0);
	ck_assert_uint_eq(told.samples + told.failures, 0);
	ck_assert_ptr_null(r->driver->close(r));
	loop_free(l);
}
END_TEST

START_TEST(opening_and_closing_leaves_no_descriptor)
{
	struct loop *l = NULL;
	unsigned before = 0;

	ck_assert_int_eq(loop_new(&l), 0);
	for (unsigned i = 0; i < 50; i++) {
		struct reader *a = NULL, *b = NULL;

		ck_assert_int_eq(reader_usb_open(l, &nowhere, NULL, &events, &a), 0);
		ck_assert_int_eq(reader_usb_open(l, &nowhere, NULL, &events, &b), 0);
		ck_assert_int_eq(loop_once(l, 0), 0);
		reader_usb.close(a);
		ck_assert_int_eq(loop_once(l, 0), 0);
		reader_usb.close(b);
		if (i == 0)
			before =
				open_descriptors(); /* libudev keeps what it has opened once */
	}
	ck_assert_uint_eq(open_descriptors(), before);
	ck_assert_ptr_null(reader_usb.close(NULL));
	loop_free(l);
}
END_TEST

START_TEST(a_resolution_that_no_sensor_has_is_refused)
{
	static const struct {
		uint32_t dpi;
		int rc;
	} t[] = { { 0, 0 },
		  { SAMPLE_DPI_MIN - 1, -EINVAL },
		  { SAMPLE_DPI_MIN, 0 },
		  { SAMPLE_DPI_MAX, 0 },
		  { SAMPLE_DPI_MAX + 1, -EINVAL } };
	struct reader_options o = nowhere;
	struct reader *r = NULL;
	struct loop *l = NULL;

	o.dpi = t[_i].dpi;
	ck_assert_int_eq(loop_new(&l), 0);
	ck_assert_int_eq(reader_usb_open(l, &o, NULL, &events, &r), t[_i].rc);
	reader_usb.close(r);
	loop_free(l);
}
END_TEST

/* ---- under umockdev ------------------------------------------------------------------------ */

static const char *const recordings[] = { "uru4000-4500", "uru4000-msv2" };
#define RECORDINGS (sizeof(recordings) / sizeof(recordings[0]))

static uint32_t
recorded_seed(void)
{
	return RECORDED_SEED;
}

static void
data_path(char *buf, size_t bytes, const char *folder, const char *file)
{
	const char *data = getenv("DATA_USB"), *src = getenv("SRCDIR");
	int n;

	if (data != NULL)
		n = snprintf(buf, bytes, "%s/%s/%s", data, folder, file);
	else
		n = snprintf(buf, bytes, "%s/../shared/data/usb/%s/%s",
			     src == NULL ? "." : src, folder, file);
	if (n < 0 || (size_t)n >= bytes)
		abort();
}

/* What is told of the recorded device, by the bus and by the reader that has it. */
static bool
described(const struct reader *r)
{
	const struct reader_device *d = &r->device;
	struct reader_device found[4];
	size_t n = reader_usb.attached(found, 4);

	printf("%zu attached: %s, %s, at %s, serial %s\n", n,
	       n == 1 ? found[0].model : "-", n == 1 ? found[0].id : "-",
	       n == 1 ? found[0].port : "-", n == 1 ? found[0].serial : "-");
	return n == 1 && memcmp(&found[0], d, sizeof(*d)) == 0 && d->model[0] != '\0' &&
	       (strcmp(d->id, "05ba:000a") == 0 || strcmp(d->id, "045e:00ca") == 0) &&
	       strncmp(d->port, "1-", 2) == 0 &&
	       (strcmp(d->id, "05ba:000a") != 0 || d->serial[0] == '{') &&
	       reader_usb.attached(found, 0) == 0;
}

static bool
counted(const struct reader *r)
{
	return r->captures == 1 && r->errors == 0 && r->resets == 0 && r->replugs == 0;
}

/* In the child: one capture through libusb, compared with the published picture. */
static int
play(const char *folder)
{
	static const struct reader_options as_it_comes = { .name = "front",
							   .invert = READER_NO,
							   .rotate = READER_NO };
	uint8_t pgm[URU4000_PIXELS_MAX + 64];
	struct loop *l = NULL;
	struct reader *r = NULL;
	char path[1024];
	size_t n, equal = 0;
	bool truthful;
	FILE *f;

	data_path(path, sizeof(path), folder, "decoded.pgm");
	f = fopen(path, "rbe");
	if (f == NULL || loop_new(&l) < 0 ||
	    reader_usb_open(l, &as_it_comes, recorded_seed, &events, &r) < 0)
		return 1;
	n = fread(pgm, 1, sizeof(pgm), f);
	(void)fclose(f); /* read only */
	for (unsigned i = 0; i < ROUNDS_MAX && !told.captured; i++)
		(void)loop_once(l, 10);
	for (size_t i = 0; told.samples == 1 && i < URU4000_PIXELS_MAX; i++)
		equal += told.sample->grey[i] == pgm[n - URU4000_PIXELS_MAX + i];
	truthful = described(r) && counted(r);
	printf("%s: %u samples, %zu of 111360 pixels equal, device %s, %llu errors\n",
	       folder, told.samples, equal, told.samples == 1 ? told.sample->device : "-",
	       (unsigned long long)r->errors);
	reader_usb.close(r);
	loop_free(l);
	told.sample = sample_free(told.sample);
	return equal == URU4000_PIXELS_MAX && truthful ? 0 : 1;
}

/* The first line of the description names the device's folder in sysfs. */
static void
sysfs_of(const char *device_file, char *buf, size_t bytes)
{
	char line[512];
	FILE *f = fopen(device_file, "re");

	buf[0] = '\0';
	if (f != NULL && fgets(line, sizeof(line), f) != NULL &&
	    strncmp(line, "P: ", 3) == 0) {
		line[strcspn(line, "\n")] = '\0';
		if (snprintf(buf, bytes, "/sys%s", line + 3) >= (int)bytes)
			abort();
	}
	if (f != NULL)
		(void)fclose(f); /* read only */
}

/* For what runs below umockdev, whose library is loaded before all others. */
static void
prepare_environment(void)
{
	const char *asan = getenv("ASAN_OPTIONS");
	char text[1024];

	/* The device node is a regular file there, which epoll does not take. */
	if (setenv("EVENT_NOEPOLL", "1", 1) != 0)
		_exit(126);
	(void)snprintf(text, sizeof(text), "%s:verify_asan_link_order=0",
		       asan == NULL ? "" : asan); /* cut: the sanitizer complains */
	if (setenv("ASAN_OPTIONS", text, 1) != 0)
		_exit(126);
}

static const char *self;

START_TEST(a_recorded_reader_gives_its_picture_through_libusb)
{
	const char *folder = recordings[_i];
	char device[1024], capture[1024], sysfs[600], port[1700];
	int status = 0;
	pid_t pid;

	data_path(device, sizeof(device), folder, "device");
	data_path(capture, sizeof(capture), folder, "capture.pcapng");
	sysfs_of(device, sysfs, sizeof(sysfs));
	ck_assert_int_lt(snprintf(port, sizeof(port), "%s=%s", sysfs, capture),
			 (int)sizeof(port));
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		prepare_environment();
		(void)execlp("umockdev-run", "umockdev-run", "-d", device, "-p", port,
			     "--", self, "--play", folder, (char *)NULL);
		_exit(127);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

static bool
can_play(void)
{
	char path[1024];

	for (size_t i = 0; i < RECORDINGS; i++) {
		data_path(path, sizeof(path), recordings[i], "device");
		if (access(path, R_OK) != 0) {
			printf("left out: no recording %s; set DATA_USB\n", path);
			return false;
		}
	}
	if (system("umockdev-run --version >/dev/null 2>&1") != 0) {
		printf("left out: the recordings, for umockdev is missing\n");
		return false;
	}
	return true;
}

int
main(int argc, char **argv)
{
	SRunner *r;
	TCase *c;
	Suite *s;
	int failed;

	if (argc == 3 && strcmp(argv[1], "--play") == 0)
		return play(argv[2]);
	self = argv[0];
	s = suite_create("usb_reader");
	c = tcase_create("usb_reader");
	tcase_set_timeout(c, 120);
	tcase_add_test(c, without_a_device_it_is_absent_and_sleeps);
	tcase_add_test(c, opening_and_closing_leaves_no_descriptor);
	tcase_add_loop_test(c, a_resolution_that_no_sensor_has_is_refused, 0, 5);
	if (can_play())
		tcase_add_loop_test(c, a_recorded_reader_gives_its_picture_through_libusb,
				    0, (int)RECORDINGS);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
