/* Typing: which keys give which text, the host's keyboard on a made-up kernel, and virtual time. */
#include "unit.h"

#include "adapter/host_typing.h"
#include "adapter/typing.h"
#include "adapter/vhost.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/uinput.h>
#include <pty.h>
#include <unistd.h>

/* ---- keys ------------------------------------------------------------------------------------ */

/* What a keymap of the kernel or X makes of it: written down here a second time, by hand. */
struct pressed {
	const char *setting;
	char c;
	uint16_t code, modifier;
};

static const struct pressed keys[] = {
	{ "uinput:us", 'a', KEY_A, 0 },
	{ "uinput:us", 'Q', KEY_Q, KEY_LEFTSHIFT },
	{ "uinput:us", '1', KEY_1, 0 },
	{ "uinput:us", '!', KEY_1, KEY_LEFTSHIFT },
	{ "uinput:us", '0', KEY_0, 0 },
	{ "uinput:us", ']', KEY_RIGHTBRACE, 0 },
	{ "uinput:us", '"', KEY_APOSTROPHE, KEY_LEFTSHIFT },
	{ "uinput:us", '~', KEY_GRAVE, KEY_LEFTSHIFT },
	{ "uinput:us", '\\', KEY_BACKSLASH, 0 },
	{ "uinput:us", 'z', KEY_Z, 0 },
	{ "uinput:us", '?', KEY_SLASH, KEY_LEFTSHIFT },
	{ "uinput:us", ' ', KEY_SPACE, 0 },
	{ "uinput:us", '\r', KEY_ENTER, 0 },
	{ "uinput:us", '\n', KEY_ENTER, 0 },
	{ "uinput:us", '\t', KEY_TAB, 0 },
	{ "uinput:de", 'z', KEY_Y, 0 },
	{ "uinput:de", 'Y', KEY_Z, KEY_LEFTSHIFT },
	{ "uinput:de", '-', KEY_SLASH, 0 },
	{ "uinput:de", '/', KEY_7, KEY_LEFTSHIFT },
	{ "uinput:de", '=', KEY_0, KEY_LEFTSHIFT },
	{ "uinput:de", '@', KEY_Q, KEY_RIGHTALT },
	{ "uinput:de", '{', KEY_7, KEY_RIGHTALT },
	{ "uinput:de", '[', KEY_8, KEY_RIGHTALT },
	{ "uinput:de", '\\', KEY_MINUS, KEY_RIGHTALT },
	{ "uinput:de", '~', KEY_RIGHTBRACE, KEY_RIGHTALT },
	{ "uinput:de", '#', KEY_BACKSLASH, 0 },
	{ "uinput:de", '|', KEY_102ND, KEY_RIGHTALT },
	{ "uinput:de", ';', KEY_COMMA, KEY_LEFTSHIFT },
	{ "uinput:de", '_', KEY_SLASH, KEY_LEFTSHIFT },
	{ "uinput:fr", '1', KEY_1, KEY_LEFTSHIFT },
	{ "uinput:fr", '0', KEY_0, KEY_LEFTSHIFT },
	{ "uinput:fr", '&', KEY_1, 0 },
	{ "uinput:fr", 'a', KEY_Q, 0 },
	{ "uinput:fr", 'Q', KEY_A, KEY_LEFTSHIFT },
	{ "uinput:fr", 'm', KEY_SEMICOLON, 0 },
	{ "uinput:fr", 'W', KEY_Z, KEY_LEFTSHIFT },
	{ "uinput:fr", ',', KEY_M, 0 },
	{ "uinput:fr", '.', KEY_COMMA, KEY_LEFTSHIFT },
	{ "uinput:fr", '/', KEY_DOT, KEY_LEFTSHIFT },
	{ "uinput:fr", '!', KEY_SLASH, 0 },
	{ "uinput:fr", '@', KEY_0, KEY_RIGHTALT },
	{ "uinput:fr", ']', KEY_MINUS, KEY_RIGHTALT },
	{ "uinput:fr", '-', KEY_6, 0 },
	{ "uinput:keypad", '0', KEY_KP0, 0 },
	{ "uinput:keypad", '7', KEY_KP7, 0 },
	{ "uinput:keypad", '\n', KEY_KPENTER, 0 },
};

static void
setting_of(const char *text, struct typing_setting *ret_setting)
{
	char why[TYPING_WHY_BYTES];

	ck_assert_msg(typing_setting_parse(str_of(text), ret_setting, why) == 0, "%s: %s",
		      text, why);
}

static void
check_key(const struct pressed *p)
{
	struct typing_setting s;
	struct typing t;
	struct typing_step step;
	unsigned n = 0;

	setting_of(p->setting, &s);
	ck_assert_msg(typing_begin(&t, &s, (struct str){ &p->c, 1 }) == 0, "%s: no '%c'",
		      p->setting, p->c);
	ck_assert(typing_next(&t, &step));
	if (p->modifier != 0) {
		ck_assert_uint_eq(step.events[n].code, p->modifier);
		ck_assert_uint_eq(step.events[n++].down, 1);
	}
	ck_assert_msg(step.events[n].code == p->code && step.events[n].down == 1,
		      "%s: '%c' is key %u", p->setting, p->c, step.events[n].code);
	ck_assert_uint_eq(step.count, n + 1);
	ck_assert(typing_next(&t, &step));
	ck_assert_uint_eq(step.count, n + 1);
	for (unsigned i = 0; i < step.count; i++)
		ck_assert_uint_eq(step.events[i].down, 0);
	ck_assert(!typing_next(&t, &step));
	ck_assert_uint_eq(t.typed, 1);
}

START_TEST(each_layout_has_the_keys_that_its_keyboards_have)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		check_key(&keys[i]);
}
END_TEST

/* Counts what of printable ASCII a layout can type; no two characters are one key. */
static unsigned
typable(const char *setting)
{
	uint32_t seen[3 * 256];
	struct typing_setting s;
	struct typing t;
	struct typing_step step;
	unsigned n = 0;

	setting_of(setting, &s);
	for (int c = ' '; c <= '~'; c++) {
		char text = (char)c;
		uint32_t key;

		if (typing_begin(&t, &s, (struct str){ &text, 1 }) < 0)
			continue;
		ck_assert(typing_next(&t, &step));
		key = step.events[0].code;
		if (step.count == 2)
			key = key << 16 | step.events[1].code;
		for (unsigned i = 0; i < n; i++)
			ck_assert_msg(seen[i] != key, "%s: '%c' twice", setting, c);
		seen[n++] = key;
	}
	return n;
}

START_TEST(layouts_type_all_but_their_dead_keys)
{
	ck_assert_uint_eq(typable("uinput:us"), 95);
	ck_assert_uint_eq(typable("uinput:de"), 93); /* but ^ and ` */
	ck_assert_uint_eq(typable("uinput:fr"), 95);
	ck_assert_uint_eq(typable("uinput:keypad"), 14);
}
END_TEST

START_TEST(what_has_no_key_is_refused_before_the_first_one)
{
	static const char *const bad[] = { "1234^", "\x1b", "a\xc3\xa4", "\x7f", "" };
	struct typing_setting s;
	struct typing t;
	char text[TYPING_TEXT_MAX + 1];

	setting_of("uinput:de", &s);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_int_eq(typing_begin(&t, &s, str_of(bad[i])), -EINVAL);
	memset(text, '1', sizeof(text));
	ck_assert_int_eq(typing_begin(&t, &s, (struct str){ text, sizeof(text) }),
			 -EMSGSIZE);
	ck_assert_int_eq(typing_begin(&t, &s, (struct str){ text, sizeof(text) - 1 }), 0);
	setting_of("uinput:keypad", &s);
	ck_assert_int_eq(typing_begin(&t, &s, STR("12a")), -EINVAL);
}
END_TEST

START_TEST(settings_are_read_and_bad_ones_refused)
{
	static const char *const bad[] = { "",
					   "uinput",
					   "uinput:",
					   "uinput:dk",
					   "uinput:us?",
					   "uinput:us?pace=",
					   "uinput:us?pace=0",
					   "uinput:us?pace=1001",
					   "uinput:us?pace=5s",
					   "uinput:us?speed=5",
					   "uinput:us?pace=-5",
					   "uinput:US",
					   "tcp://1.2.3.4:5" };
	struct typing_setting s;
	char why[TYPING_WHY_BYTES];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(typing_setting_parse(str_of(bad[i]), &s, why) == -EINVAL,
			      "%s", bad[i]);
	setting_of("uinput:fr?pace=25", &s);
	ck_assert_int_eq(s.layout, TYPING_FR);
	ck_assert_uint_eq(s.pace_ms, 25);
	setting_of("uinput:keypad", &s);
	ck_assert_uint_eq(s.pace_ms, TYPING_PACE_MS);
}
END_TEST

/* ---- the host's keyboard, and this program as the kernel --------------------------------------- */

#define CALLS_MAX 400u

struct kernel {
	struct {
		unsigned long request;
		uintptr_t arg;
	} calls[CALLS_MAX];
	unsigned calls_count, opened, writes, fail_write_at;
	int refuse;           /* errno of opening /dev/uinput; 0: it opens */
	int reads, writes_to; /* a pipe: what is typed */
	int real_reads, real; /* and one that is a real keyboard */
	char name[UINPUT_MAX_NAME_SIZE];
	bool no_real;
};

static int
fake_open(void *ctx, const char *path, int flags)
{
	struct kernel *k = ctx;
	bool uinput = strcmp(path, "/dev/uinput") == 0;

	ck_assert((flags & (O_NONBLOCK | O_CLOEXEC)) == (O_NONBLOCK | O_CLOEXEC));
	if (uinput && k->refuse != 0)
		return -k->refuse;
	k->opened += uinput;
	return dup(uinput ? k->writes_to : k->real_reads);
}

static int
fake_ioctl(void *ctx, int fd, unsigned long request, uintptr_t arg)
{
	struct kernel *k = ctx;
	const struct uinput_setup *setup = (const void *)arg;
	uint8_t *bits;

	(void)fd;
	ck_assert_uint_lt(k->calls_count, CALLS_MAX);
	k->calls[k->calls_count].request = request;
	k->calls[k->calls_count++].arg = arg;
	if (request == UI_DEV_SETUP)
		memcpy(k->name, setup->name, sizeof(k->name));
	if (request == EVIOCGBIT(EV_KEY, HOST_TYPING_KEYS_BYTES)) {
		bits = (uint8_t *)arg;
		bits[KEY_1 / 8] |= 1u << KEY_1 % 8;
		bits[KEY_ENTER / 8] |= 1u << KEY_ENTER % 8;
	}
	if (request == EVIOCGNAME(HOST_TYPING_NAME_BYTES))
		memcpy((char *)arg, "Some Keyboard", 14);
	return 0;
}

static ssize_t
fake_write(void *ctx, int fd, const void *data, size_t n)
{
	struct kernel *k = ctx;

	if (++k->writes == k->fail_write_at)
		return -ENODEV;
	return write(fd, data, n);
}

static int
fake_keyboard(void *ctx, unsigned i, char *path, size_t bytes)
{
	const struct kernel *k = ctx;

	(void)snprintf(path, bytes, "/dev/input/event%u", i);
	return i == 0 && !k->no_real ? 0 : -ENOENT;
}

struct result {
	unsigned calls;
	int status;
	uint32_t typed, foreign;
};

static void
on_done(void *user, int status, uint32_t typed, uint32_t foreign)
{
	struct result *r = user;

	r->calls++;
	r->status = status;
	r->typed = typed;
	r->foreign = foreign;
}

struct bench {
	struct loop *loop;
	struct streams *streams;
	struct kernel kernel;
	struct host_typing *typing;
	struct result result;
};

static void
bench_open(struct bench *b, const char *setting)
{
	struct host_typing_ops ops = { &b->kernel, fake_open, fake_ioctl, fake_write,
				       fake_keyboard };
	int typed[2], real[2];

	ck_assert_int_eq(pipe2(typed, O_NONBLOCK | O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(real, O_NONBLOCK | O_CLOEXEC), 0);
	b->kernel.reads = typed[0];
	b->kernel.writes_to = typed[1];
	b->kernel.real_reads = real[0];
	b->kernel.real = real[1];
	ck_assert_int_eq(loop_new(&b->loop), 0);
	ck_assert_int_eq(streams_new(b->loop, NULL, &b->streams), 0);
	ck_assert_int_eq(host_typing_new(b->loop, b->streams, &ops, &b->typing), 0);
	ck_assert_int_eq(host_typing_add(b->typing, "keyboard", setting),
			 -b->kernel.refuse);
}

static void
bench_close(struct bench *b)
{
	host_typing_free(b->typing);
	streams_free(b->streams);
	loop_free(b->loop);
	(void)close(b->kernel.reads);
	(void)close(b->kernel.writes_to);
	(void)close(b->kernel.real_reads);
	(void)close(b->kernel.real);
}

static int
start(struct bench *b, const char *text)
{
	b->result = (struct result){ .calls = 0 };
	return host_typing_start(b->typing, "keyboard",
				 (struct laned_str){ text, strlen(text) }, on_done,
				 &b->result);
}

static void
wait_done(struct bench *b)
{
	while (b->result.calls == 0)
		ck_assert_int_eq(loop_once(b->loop, 10000), 0);
}

/* The text that a US keymap makes of what went into the pipe; each key goes down and up again. */
static void
typed_text(const struct kernel *k, char *text, size_t bytes)
{
	static const char plain[] =
		"\0\0331234567890-=\0\tqwertyuiop[]\n\0asdfghjkl;'`\0\\zxcvbnm,./";
	struct input_event e;
	bool shift = false, down[KEY_MAX + 1] = { false };
	size_t n = 0;

	while (read(k->reads, &e, sizeof(e)) == (ssize_t)sizeof(e)) {
		if (e.type != EV_KEY)
			continue;
		ck_assert_uint_le(e.code, KEY_MAX);
		ck_assert_msg(down[e.code] != (e.value != 0), "key %u twice", e.code);
		down[e.code] = e.value != 0;
		if (e.code == KEY_LEFTSHIFT)
			shift = e.value != 0;
		else if (e.value != 0 && e.code < sizeof(plain) && n + 1 < bytes)
			text[n++] =
				(char)(shift && plain[e.code] >= 'a' ? plain[e.code] - 32
								     : plain[e.code]);
	}
	text[n] = '\0';
	for (unsigned i = 0; i <= KEY_MAX; i++)
		ck_assert_msg(!down[i], "key %u stays down", i);
}

START_TEST(one_keyboard_is_made_with_all_its_keys_and_types)
{
	struct bench b = { .loop = NULL };
	char text[64];
	unsigned keys_set = 0;

	bench_open(&b, "uinput:us?pace=1");
	ck_assert_str_eq(b.kernel.name, "laned keyboard");
	ck_assert_uint_eq(b.kernel.calls[0].request, UI_SET_EVBIT);
	ck_assert_uint_eq(b.kernel.calls[0].arg, EV_KEY);
	for (unsigned i = 0; i < b.kernel.calls_count; i++)
		keys_set += b.kernel.calls[i].request == UI_SET_KEYBIT;
	ck_assert_uint_ge(keys_set, 60);
	ck_assert_uint_eq(b.kernel.calls[b.kernel.calls_count - 1].request,
			  UI_DEV_CREATE);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(start(&b, "C400638133393\n"), LANED_OK);
		ck_assert_uint_eq(b.result.calls, 0);
		ck_assert_int_eq(start(&b, "7"), LANED_AGAIN);
		wait_done(&b);
		ck_assert_uint_eq(b.result.calls, 1);
		ck_assert_int_eq(b.result.status, LANED_OK);
		ck_assert_uint_eq(b.result.typed, 14);
		ck_assert_uint_eq(b.result.foreign, 0);
		typed_text(&b.kernel, text, sizeof(text));
		ck_assert_str_eq(text, "C400638133393\n");
	}
	ck_assert_uint_eq(b.kernel.opened, 1);
	bench_close(&b);
}
END_TEST

START_TEST(a_real_key_ends_the_text_and_is_told_as_a_flag)
{
	struct bench b = { .loop = NULL };
	const struct input_event key = { .type = EV_KEY, .code = KEY_5, .value = 1 };
	char text[300], many[201];

	memset(many, '7', sizeof(many) - 1);
	many[sizeof(many) - 1] = '\0';
	bench_open(&b, "uinput:us?pace=1");
	/* One from before is nobody's business. */
	ck_assert_int_eq(write(b.kernel.real, &key, sizeof(key)), sizeof(key));
	ck_assert_int_eq(start(&b, "12"), LANED_OK);
	wait_done(&b);
	ck_assert_int_eq(b.result.status, LANED_OK);
	ck_assert_uint_eq(b.result.foreign, 0);
	typed_text(&b.kernel, text, sizeof(text));
	ck_assert_int_eq(start(&b, many), LANED_OK);
	while (b.kernel.writes < 10)
		ck_assert_int_eq(loop_once(b.loop, 10000), 0);
	ck_assert_int_eq(write(b.kernel.real, &key, sizeof(key)), sizeof(key));
	wait_done(&b);
	ck_assert_int_eq(b.result.status, LANED_AGAIN);
	ck_assert_uint_eq(b.result.foreign, 1);
	ck_assert_uint_lt(b.result.typed, 200);
	typed_text(&b.kernel, text, sizeof(text)); /* nothing stays down */
	ck_assert_uint_eq(strlen(text), b.result.typed);
	bench_close(&b);
}
END_TEST

START_TEST(a_cancelled_text_ends_once_and_lets_its_keys_go)
{
	struct bench b = { .loop = NULL };
	char text[64];

	bench_open(&b, "uinput:us?pace=1");
	ck_assert_int_eq(host_typing_cancel(b.typing, "keyboard"), LANED_MISSING);
	ck_assert_int_eq(start(&b, "ABCDEFGH"), LANED_OK);
	while (b.kernel.writes < 3)
		ck_assert_int_eq(loop_once(b.loop, 10000), 0);
	ck_assert_int_eq(host_typing_cancel(b.typing, "keyboard"), LANED_OK);
	ck_assert_uint_eq(b.result.calls, 0);
	wait_done(&b);
	ck_assert_int_eq(b.result.status, LANED_REFUSED);
	typed_text(&b.kernel, text, sizeof(text));
	ck_assert_uint_eq(strlen(text), b.result.typed);
	ck_assert_uint_eq(b.result.typed, 2);
	ck_assert_int_eq(start(&b, "x"), LANED_OK);
	wait_done(&b);
	ck_assert_int_eq(b.result.status, LANED_OK);
	bench_close(&b);
}
END_TEST

START_TEST(every_failing_write_is_told_with_the_count)
{
	for (unsigned at = 1; at <= 6; at++) {
		struct bench b = { .loop = NULL };

		b.kernel.fail_write_at = at;
		bench_open(&b, "uinput:us?pace=1");
		ck_assert_int_eq(start(&b, "abc"), LANED_OK);
		wait_done(&b);
		ck_assert_int_eq(b.result.status, LANED_IO);
		ck_assert_uint_eq(b.result.typed, at / 2);
		bench_close(&b);
	}
}
END_TEST

START_TEST(without_uinput_the_plug_in_is_told_so)
{
	struct bench b = { .loop = NULL };

	b.kernel.refuse = EACCES;
	bench_open(&b, "uinput:us");
	ck_assert_int_eq(start(&b, "1"), LANED_IO);
	ck_assert_int_eq(host_typing_start(b.typing, "other",
					   (struct laned_str){ "1", 1 }, on_done,
					   &b.result),
			 LANED_MISSING);
	bench_close(&b);
}
END_TEST

START_TEST(what_a_keyboard_cannot_type_is_refused)
{
	struct bench b = { .loop = NULL };
	char text[LANED_TYPE_BYTES_MAX + 2];

	b.kernel.no_real = true;
	bench_open(&b, "uinput:keypad?pace=1");
	ck_assert_int_eq(start(&b, "12a"), LANED_INVALID);
	ck_assert_int_eq(start(&b, ""), LANED_INVALID);
	memset(text, '1', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	ck_assert_int_eq(start(&b, text), LANED_TOO_LARGE);
	ck_assert_int_eq(start(&b, "12\n"), LANED_OK);
	wait_done(&b);
	ck_assert_int_eq(b.result.status, LANED_OK);
	bench_close(&b);
}
END_TEST

START_TEST(a_scanners_line_gets_the_bytes_as_they_are)
{
	static const char text[] = "\002]E04006381333931\r\n\003";
	struct bench b = { .loop = NULL };
	char path[128], setting[160], got[64];
	int master, slave;
	size_t n = 0;

	ck_assert_int_eq(openpty(&master, &slave, path, NULL, NULL), 0);
	bench_open(&b, "uinput:us");
	(void)snprintf(setting, sizeof(setting), "serial://%s?9600,8N1", path);
	ck_assert_int_eq(host_typing_add(b.typing, "scanner", setting), 0);
	b.result = (struct result){ .calls = 0 };
	ck_assert_int_eq(host_typing_start(b.typing, "scanner",
					   (struct laned_str){ text, sizeof(text) - 1 },
					   on_done, &b.result),
			 LANED_OK);
	wait_done(&b);
	ck_assert_int_eq(b.result.status, LANED_OK);
	ck_assert_uint_eq(b.result.typed, sizeof(text) - 1);
	while (n < sizeof(text) - 1) {
		ssize_t more = read(master, got + n, sizeof(got) - n);

		ck_assert_int_gt(more, 0);
		n += (size_t)more;
	}
	ck_assert_mem_eq(got, text, sizeof(text) - 1);
	bench_close(&b);
	(void)close(master);
	(void)close(slave);
}
END_TEST

/* ---- virtual time ----------------------------------------------------------------------------- */

static const struct laned_option options[] = {
	{ sizeof(options[0]), LANED_OPT_ADDRESS, "keyboard", "uinput:us?pace=10", NULL,
	  "help", 0, 0 },
	{ sizeof(options[0]), LANED_OPT_ADDRESS, "scanner", "serial:///dev/ttyS0", NULL,
	  "help", 0, 0 },
};
static const struct laned_adapter table = { .size = sizeof(table),
					    .options = options,
					    .options_count = 2 };

static int
virtual_start(struct vhost *v, const char *option, const char *text, struct result *r)
{
	*r = (struct result){ .calls = 0 };
	return vhost_api()->type_start(vhost_handle(v), option,
				       (struct laned_str){ text, strlen(text) }, on_done,
				       r);
}

static void
check_heard(struct vhost *v, const char *option, const char *text)
{
	struct str s = vhost_heard(v, option);

	ck_assert_msg(str_is(s, text), "%.*s", (int)s.n, s.p);
}

START_TEST(virtual_time_types_at_the_same_pace)
{
	struct vhost *v;
	struct result r;
	int64_t begin;

	ck_assert_int_eq(vhost_new(&table, 1, NULL, &v), 0);
	begin = vhost_now(v);
	ck_assert_int_eq(virtual_start(v, "keyboard", "29\r", &r), LANED_OK);
	ck_assert_int_eq(virtual_start(v, "keyboard", "1", &(struct result){ 0 }),
			 LANED_AGAIN);
	ck_assert_uint_eq(r.calls, 0);
	ck_assert(vhost_run(v, begin + 25, 100));
	check_heard(v, "keyboard", "2");
	ck_assert(vhost_run(v, begin + 60, 100));
	ck_assert_uint_eq(r.calls, 1);
	ck_assert_int_eq(r.status, LANED_OK);
	ck_assert_uint_eq(r.typed, 3);
	check_heard(v, "keyboard", "29\n");
	vhost_forget_heard(v, "keyboard");
	ck_assert_int_eq(virtual_start(v, "keyboard", "1234", &r), LANED_OK);
	ck_assert(vhost_run(v, vhost_now(v) + 25, 100));
	vhost_type_foreign(v);
	ck_assert(vhost_run(v, vhost_now(v) + 100, 100));
	ck_assert_int_eq(r.status, LANED_AGAIN);
	ck_assert_uint_eq(r.foreign, 1);
	check_heard(v, "keyboard", "12");
	ck_assert_uint_eq(r.typed, 2);
	vhost_free(v);
}
END_TEST

START_TEST(virtual_time_cancels_and_refuses_alike)
{
	struct vhost *v;
	struct result r;

	ck_assert_int_eq(vhost_new(&table, 1, NULL, &v), 0);
	ck_assert_int_eq(virtual_start(v, "none", "1", &r), LANED_MISSING);
	ck_assert_int_eq(virtual_start(v, "keyboard", "\x1b", &r), LANED_INVALID);
	ck_assert_int_eq(virtual_start(v, "keyboard", "4111111111111111", &r), LANED_PAN);
	ck_assert_int_eq(virtual_start(v, "keyboard", "123", &r), LANED_OK);
	ck_assert_int_eq(vhost_api()->type_cancel(vhost_handle(v), "keyboard"), LANED_OK);
	ck_assert_uint_eq(r.calls, 0);
	ck_assert(vhost_run(v, vhost_now(v) + 100, 100));
	ck_assert_uint_eq(r.calls, 1);
	ck_assert_int_eq(r.status, LANED_REFUSED);
	ck_assert_uint_eq(r.typed, 0);
	ck_assert_int_eq(vhost_api()->type_cancel(vhost_handle(v), "keyboard"),
			 LANED_MISSING);
	ck_assert_int_eq(virtual_start(v, "scanner",
				       "\002"
				       "29",
				       &r),
			 LANED_OK);
	ck_assert(vhost_run(v, vhost_now(v) + 10, 100));
	ck_assert_int_eq(r.status, LANED_OK);
	check_heard(v, "scanner",
		    "\002"
		    "29");
	vhost_free(v);
}
END_TEST

UNIT_MAIN("typing", each_layout_has_the_keys_that_its_keyboards_have,
	  layouts_type_all_but_their_dead_keys,
	  what_has_no_key_is_refused_before_the_first_one,
	  settings_are_read_and_bad_ones_refused,
	  one_keyboard_is_made_with_all_its_keys_and_types,
	  a_real_key_ends_the_text_and_is_told_as_a_flag,
	  a_cancelled_text_ends_once_and_lets_its_keys_go,
	  every_failing_write_is_told_with_the_count,
	  without_uinput_the_plug_in_is_told_so, what_a_keyboard_cannot_type_is_refused,
	  a_scanners_line_gets_the_bytes_as_they_are, virtual_time_types_at_the_same_pace,
	  virtual_time_cancels_and_refuses_alike)
