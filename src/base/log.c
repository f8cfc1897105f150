#include "config.h"

#include "base/log.h"

#include "base/clock.h"
#include "base/log_limit.h"
#include "base/plain/pan.h"
#include "base/plain/str.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#ifdef HAVE_SYSTEMD
/* Our fields name what happened; the place in our source would only be noise. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>
#endif

#define MESSAGE_BYTES_MAX 1024u
#define ESCAPED_BYTES_MAX (4 * MESSAGE_BYTES_MAX)
#define FIELD_BYTES_MAX 64u
#define LINE_BYTES_MAX (ESCAPED_BYTES_MAX + 256u)
#define PAN_BYTES_MAX 40u /* 19 digits and the separators between them */
#define FIELDS_MAX 5
#define JOURNAL_SOCKET "/run/systemd/journal/socket"

static struct {
	const char *program;
	atomic_int level_max;
	bool to_journal;
	pthread_mutex_t lock; /* of limit and of the order of lines */
	struct log_limit limit;
	atomic_ulong warnings;
} state = { .level_max = LOG_INFO, .lock = PTHREAD_MUTEX_INITIALIZER };

/* syslog's numbers 0..7 in words; those worse than LOG_ERR are not used by us. */
static const char *const level_words[] = { "err",     "err",    "err",  "err",
					   "warning", "notice", "info", "debug" };

static const char *
program_name(void)
{
	return state.program != NULL ? state.program : program_invocation_short_name;
}

/* True when stderr is the journal's own socket, as systemd tells by device and inode. */
static bool
stderr_is_journal(void)
{
#ifdef HAVE_SYSTEMD
	const char *stream = getenv("JOURNAL_STREAM");
	char actual[64];
	struct stat st;

	if (stream == NULL || fstat(STDERR_FILENO, &st) != 0)
		return false;
	(void)snprintf(actual, sizeof(actual), "%llu:%llu", (unsigned long long)st.st_dev,
		       (unsigned long long)st.st_ino); /* fits: 2 * 20 digits */
	/* sd_journal_sendv drops messages silently when the socket is not there. */
	return strcmp(stream, actual) == 0 && access(JOURNAL_SOCKET, F_OK) == 0;
#else
	return false;
#endif
}

/* Control characters as \xNN; text that is no UTF-8 has all its high bytes escaped as well. */
static void
escape(struct strbuf *out, const char *text)
{
	bool utf8 = str_utf8_ok(str_of(text));

	for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
		/* U+0080..U+009F are controls too; in UTF-8 they begin with 0xc2. */
		bool c1 = p[0] == 0xc2 && p[1] < 0xa0;

		if (*p < 0x20 || *p == 0x7f || (*p >= 0x80 && (!utf8 || c1))) {
			strbuf_addf(out, "\\x%02x", *p);
			if (utf8 && c1)
				strbuf_addf(out, "\\x%02x", *++p);
		} else {
			strbuf_add(out, (struct str){ (const char *)p, 1 });
		}
	}
}

/*
 * The message as it may be written. A number cut off by the limit is no card number any more but
 * too much of one: the digits at the cut are masked.
 */
__attribute__((format(printf, 2, 0))) static void
format_message(char escaped[ESCAPED_BYTES_MAX], const char *fmt, va_list ap)
{
	char text[MESSAGE_BYTES_MAX];
	struct strbuf out;
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	size_t used;

	if (n < 0)
		text[0] = '\0';
	used = strlen(text);
	(void)pan_mask(text, used); /* the count is of no interest here */
	if (n >= (int)sizeof(text)) {
		for (size_t i = used - PAN_BYTES_MAX; i < used; i++)
			if (text[i] >= '0' && text[i] <= '9')
				text[i] = '*';
	}
	strbuf_init(&out, escaped, ESCAPED_BYTES_MAX);
	escape(&out, text);
	(void)pan_mask(escaped, out.used); /* escapes add digits */
}

static void
write_all(const char *p, size_t n)
{
	while (n > 0) {
		ssize_t done = write(STDERR_FILENO, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return; /* nobody listens: there is no place left to say so */
		p += done;
		n -= (size_t)done;
	}
}

static void
write_stderr(int level, const char *checkout, const char *message)
{
	char line[LINE_BYTES_MAX];
	struct strbuf b;

	strbuf_init(&b, line, sizeof(line));
	strbuf_addf(&b, "%s %s: ", level_words[level], program_name());
	strbuf_add(&b, str_of(message));
	if (checkout != NULL)
		strbuf_addf(&b, " (checkout %.*s)", (int)FIELD_BYTES_MAX, checkout);
	strbuf_add(&b, STR("\n"));
	write_all(line, b.used);
}

#ifdef HAVE_SYSTEMD
static void
add_field(struct iovec *fields, int *count, char *buf, size_t bytes, const char *name,
	  const char *value)
{
	struct strbuf b;

	strbuf_init(&b, buf, bytes);
	strbuf_add(&b, str_of(name));
	strbuf_add(&b, str_of(value));
	fields[(*count)++] = (struct iovec){ buf, b.used };
}

static bool
write_journal(int level, const char *id, const char *checkout, const char *message)
{
	char text[LINE_BYTES_MAX], buf[FIELDS_MAX - 1][FIELD_BYTES_MAX + 32];
	char priority[2] = { (char)('0' + level), '\0' };
	struct iovec fields[FIELDS_MAX];
	size_t bytes = sizeof(buf[0]);
	int n = 0;

	add_field(fields, &n, text, sizeof(text), "MESSAGE=", message);
	add_field(fields, &n, buf[0], bytes, "PRIORITY=", priority);
	add_field(fields, &n, buf[1], bytes, "SYSLOG_IDENTIFIER=", program_name());
	if (id != NULL)
		add_field(fields, &n, buf[2], bytes, "LANED_EVENT=", id);
	if (checkout != NULL)
		add_field(fields, &n, buf[3], bytes, "LANED_CHECKOUT=", checkout);
	return sd_journal_sendv(fields, n) == 0;
}
#endif

static void
write_line(int level, const char *id, const char *checkout, const char *message)
{
#ifdef HAVE_SYSTEMD
	if (state.to_journal && write_journal(level, id, checkout, message))
		return;
#else
	(void)id; /* only the journal has a field for it */
#endif
	write_stderr(level, checkout, message);
}

/* Says what the limit has swallowed since; caller holds the lock. */
static void
report_suppressed(int64_t mono_ms)
{
	char key[LOG_LIMIT_KEY_BYTES], escaped[4 * LOG_LIMIT_KEY_BYTES], text[256];
	unsigned long suppressed;
	struct strbuf b;

	while (log_limit_report(&state.limit, mono_ms, key, &suppressed)) {
		strbuf_init(&b, escaped, sizeof(escaped));
		escape(&b, key);
		strbuf_init(&b, text, sizeof(text));
		strbuf_addf(&b, "%lu more messages like \"%s\" were not written",
			    suppressed, escaped);
		write_line(LOG_NOTICE, "log-suppressed", NULL, text);
	}
}

void
log_open(const char *program, int level_max)
{
	state.program = program;
	state.to_journal = stderr_is_journal();
	log_set_level(level_max);
}

void
log_set_level(int level_max)
{
	atomic_store(&state.level_max, level_max);
}

int
log_level_parse(const char *word, int *ret_level)
{
	for (int level = LOG_ERR; level <= LOG_DEBUG; level++) {
		if (strcmp(word, level_words[level]) != 0)
			continue;
		*ret_level = level;
		return 0;
	}
	return -EINVAL;
}

void
log_event(int level, const char *id, const char *checkout, const char *fmt, ...)
{
	char message[ESCAPED_BYTES_MAX];
	int saved_errno = errno;
	int64_t now;
	va_list ap;

	level &= LOG_DEBUG; /* the lowest three bits: a priority without a facility */
	if (level > atomic_load(&state.level_max))
		return;
	va_start(ap, fmt);
	format_message(message, fmt, ap);
	va_end(ap);
	now = clock_mono_ms();
	/* These mutex calls cannot fail: a static, non-recursive lock taken once. */
	(void)pthread_mutex_lock(&state.lock);
	report_suppressed(now);
	/* Without an id the wording is the kind. */
	if (log_limit_take(&state.limit, id != NULL ? id : fmt, now)) {
		if (level <= LOG_WARNING)
			atomic_fetch_add(&state.warnings, 1);
		write_line(level, id, checkout, message);
	}
	(void)pthread_mutex_unlock(&state.lock);
	errno = saved_errno;
}

void
log_tell_repeats(bool all)
{
	/* As in log_event: the calls cannot fail. */
	(void)pthread_mutex_lock(&state.lock);
	report_suppressed(all ? INT64_MAX : clock_mono_ms());
	(void)pthread_mutex_unlock(&state.lock);
}

unsigned long
log_warnings(void)
{
	return atomic_load(&state.warnings);
}
