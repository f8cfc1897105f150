#ifndef LANED_TESTS_SERIAL_ZFM_KIT_H
#define LANED_TESTS_SERIAL_ZFM_KIT_H

/* What the tests of the ZFM driver share: one module on a mock line, laid on and lifted. */
#include "serial/mock_line.h"

#include <check.h>

#define MINUTE 60000

static struct mock_line m;

static const struct zfm_options defaults = { .address = 0xffffffffu, .label = "test" };

/* A small module, before it is spoken to. */
static inline void
prepare(void)
{
	memset(&m, 0, sizeof(m));
	module_init(&m.module, 192, 192, 4);
	m.cut = 64;
}

static inline void
attach_with(const struct zfm_options *o)
{
	ck_assert_int_eq(mock_open(&m, o), 0);
	zfm_start(m.zfm);
}

static inline void
attach(void)
{
	prepare();
	attach_with(&defaults);
	mock_run(&m, 1000);
	ck_assert_uint_eq(m.ready, 1);
}

static inline void
detach(void)
{
	mock_close(&m);
	ck_assert(!m.timer_set);
}

/* A finger for as long as a picture takes at the usual rate, and then none. */
static inline void
present(void)
{
	m.module.finger = true;
	mock_run(&m, 30000);
	m.module.finger = false;
	mock_run(&m, 3000);
}

static inline void
check_picture(const struct sample *s, bool invert, bool rotate)
{
	size_t n = (size_t)m.module.width * m.module.height, wrong = 0;

	ck_assert_ptr_nonnull(s);
	ck_assert_uint_eq(s->width, m.module.width);
	ck_assert_uint_eq(s->height, m.module.height);
	for (size_t i = 0; i < n; i++) {
		uint8_t v = module_expected(&m.module, rotate ? n - 1 - i : i);

		wrong += s->grey[i] != (invert ? 255 - v : v);
	}
	ck_assert_uint_eq(wrong, 0);
}

static inline struct zfm_counters
counted(void)
{
	struct zfm_counters c;

	zfm_counters(m.zfm, &c);
	return c;
}

#endif
