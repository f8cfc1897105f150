#ifndef LANED_TESTS_SERIAL_MOCK_LINE_H
#define LANED_TESTS_SERIAL_MOCK_LINE_H

/*
 * The driver's port in virtual time, with the module at its other end: a test runs hours of it in no
 * time, and cuts, joins and delays the bytes as it likes.
 */
#include "bio/serial/zfm.h"
#include "serial/zfm_module.h"

#include <errno.h>

#define MOCK_CUT_MAX 4096u

struct mock_line {
	struct zfm_module module;
	struct zfm *zfm;
	int64_t now;
	bool timer_set, arriving;
	int64_t timer_at, arrives_at;
	size_t cut;           /* octets of one delivery; 0: as many as there are */
	unsigned delay_ms;    /* of every answer */
	int refuse_write;     /* errno */
	uint64_t writes_left; /* after which the line is gone */
	int refuse_rate, refuse_timer;
	unsigned writes, timeouts, inputs;
	/* What the driver told. */
	unsigned ready, touched, samples, failed, lifted, broken;
	enum zfm_end end;
	const char *why;
	struct sample *last;
	unsigned frames_wanted;
	bool stop_when_ready, stop_when_touched, stop_when_sampled, stop_when_failed,
		stop_when_lifted;
};

static inline int
mock_write(void *port, const uint8_t *bytes, size_t n)
{
	struct mock_line *m = port;

	if (n > ZFM_COMMAND_BYTES_MAX)
		abort();
	if (m->refuse_write != 0)
		return -m->refuse_write;
	if (m->writes_left == 0)
		return -ENODEV;
	m->writes_left--;
	m->writes++;
	module_input(&m->module, bytes, n);
	return 0;
}

static inline int
mock_rate(void *port, uint32_t baud)
{
	struct mock_line *m = port;

	if (m->refuse_rate != 0)
		return -m->refuse_rate;
	m->module.line_baud = baud;
	m->module.out_from = m->module.out_to = 0;
	m->arriving = false;
	return 0;
}

static inline int
mock_timer(void *port, unsigned delay_ms)
{
	struct mock_line *m = port;

	if (m->refuse_timer != 0)
		return -m->refuse_timer;
	m->timer_set = true;
	m->timer_at = m->now + delay_ms;
	return 0;
}

static inline void
mock_timer_cancel(void *port)
{
	((struct mock_line *)port)->timer_set = false;
}

static inline int64_t
mock_now(void *port)
{
	return ((struct mock_line *)port)->now;
}

static inline void
mock_ready(void *ctx)
{
	struct mock_line *m = ctx;

	m->ready++;
	if (m->stop_when_ready)
		zfm_stop(m->zfm);
}

static inline void
mock_touched(void *ctx)
{
	struct mock_line *m = ctx;

	m->touched++;
	if (m->stop_when_touched)
		zfm_stop(m->zfm);
}

static inline bool
mock_sample(void *ctx, struct sample *s)
{
	struct mock_line *m = ctx;

	m->samples++;
	sample_free(m->last);
	m->last = s;
	if (m->stop_when_sampled)
		zfm_stop(m->zfm);
	if (m->frames_wanted == 0)
		return false;
	m->frames_wanted--;
	return true;
}

static inline void
mock_failed(void *ctx, const char *why)
{
	struct mock_line *m = ctx;

	m->failed++;
	m->why = why;
	if (m->stop_when_failed)
		zfm_stop(m->zfm);
}

static inline void
mock_lifted(void *ctx)
{
	struct mock_line *m = ctx;

	m->lifted++;
	if (m->stop_when_lifted)
		zfm_stop(m->zfm);
}

static inline void
mock_broken(void *ctx, enum zfm_end end, const char *why)
{
	struct mock_line *m = ctx;

	m->broken++;
	m->end = end;
	m->why = why;
}

static inline int
mock_open(struct mock_line *m, const struct zfm_options *o)
{
	static const struct zfm_port_ops ops = { mock_write, mock_rate, mock_timer,
						 mock_timer_cancel, mock_now };
	const struct zfm_events e = { mock_ready,
				      mock_touched,
				      mock_sample,
				      mock_failed,
				      mock_lifted,
				      mock_broken,
				      m };

	m->writes_left = UINT64_MAX;
	return zfm_new(o, (struct zfm_port){ &ops, m }, &e, &m->zfm);
}

static inline void
mock_close(struct mock_line *m)
{
	m->zfm = zfm_free(m->zfm);
	m->last = sample_free(m->last);
}

/* A copy of exactly n octets, so that a sanitizer sees a read past its end. */
static inline void
mock_deliver(struct mock_line *m, const uint8_t *bytes, size_t n)
{
	uint8_t *copy = malloc(n == 0 ? 1 : n);

	if (copy == NULL)
		abort();
	memcpy(copy, bytes, n);
	m->inputs++;
	zfm_input(m->zfm, copy, n);
	free(copy);
}

static inline void
mock_arrive(struct mock_line *m)
{
	uint8_t bytes[MOCK_CUT_MAX];
	size_t n = m->cut == 0 || m->cut > sizeof(bytes) ? sizeof(bytes) : m->cut;

	n = module_output(&m->module, bytes, n);
	m->arriving = false;
	mock_deliver(m, bytes, n);
}

static inline void
mock_fire(struct mock_line *m)
{
	if (!m->timer_set)
		abort();
	m->timer_set = false;
	m->timeouts++;
	zfm_timeout(m->zfm);
}

/* The next thing that happens until then; false when that is nothing. */
static inline bool
mock_step(struct mock_line *m, int64_t until)
{
	size_t waiting = m->module.out_to - m->module.out_from;
	size_t n = m->cut == 0 || m->cut > MOCK_CUT_MAX ? MOCK_CUT_MAX : m->cut;

	if (waiting > 0 && !m->arriving) {
		n = waiting < n ? waiting : n;
		m->arriving = true;
		m->arrives_at =
			m->now + m->delay_ms + (int64_t)n * 10000 / m->module.line_baud;
	}
	if (m->arriving && m->arrives_at <= until &&
	    (!m->timer_set || m->arrives_at <= m->timer_at)) {
		m->now = m->arrives_at;
		mock_arrive(m);
	} else if (m->timer_set && m->timer_at <= until) {
		m->now = m->timer_at;
		mock_fire(m);
	} else {
		return false;
	}
	return true;
}

static inline void
mock_run(struct mock_line *m, int64_t ms)
{
	int64_t until = m->now + ms;

	while (mock_step(m, until))
		;
	m->now = until;
}

#endif
