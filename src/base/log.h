#ifndef LANED_BASE_LOG_H
#define LANED_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <syslog.h>

/*
 * One line a message, to the systemd journal with fields when stderr is the journal's socket, else
 * to stderr as "<priority-word> program: text". Control characters are escaped, PAN-shaped runs
 * are masked, repeats of the same message id beyond 20 a minute are counted, not written.
 * Single-threaded but for log_* macros, which may be called from worker threads too.
 */

/* program is borrowed for good; level_max: LOG_ERR..LOG_DEBUG. */
void log_open(const char *program, int level_max);
void log_set_level(int level_max);
/* "err", "warning", "notice", "info", "debug"; -EINVAL otherwise. */
int log_level_parse(const char *word, int *ret_level);

/*
 * id names the kind of event ("payment-unknown"); checkout is the checkout's id or NULL. Never
 * pass tokens, names, numbers of members, templates.
 */
__attribute__((format(printf, 4, 5))) void
log_event(int level, const char *id, const char *checkout, const char *fmt, ...);

#define log_err(...) log_event(LOG_ERR, NULL, NULL, __VA_ARGS__)
#define log_warn(...) log_event(LOG_WARNING, NULL, NULL, __VA_ARGS__)
#define log_notice(...) log_event(LOG_NOTICE, NULL, NULL, __VA_ARGS__)
#define log_info(...) log_event(LOG_INFO, NULL, NULL, __VA_ARGS__)
#define log_debug(...) log_event(LOG_DEBUG, NULL, NULL, __VA_ARGS__)

/*
 * Says how many repeats were counted and not written: those whose minute is over; all (a process that ends).
 * The next line of any kind does the first, too.
 */
void log_tell_repeats(bool all);

/* Lines written at LOG_WARNING or worse since start, for metrics. */
unsigned long log_warnings(void);

#endif
