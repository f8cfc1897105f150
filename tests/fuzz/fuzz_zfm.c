/*
 * A whole conversation with a module that may do anything at any time, over a line in virtual time:
 * the input says what arrives, honest or not, when the time is up, when the finger moves, the line
 * goes or the service stops. Whatever happens, the driver must end quietly.
 */
#include "bio/serial/zfm.h"

#include "bio/serial/zfm_image.h"
#include "serial/mock_line.h"

#define CHUNK_BYTES 300u
/* Honest pictures are what takes the time. */
#define UPLOADS_MAX 6u
#define STEPS_MAX 4000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *p;
	size_t n;
};

static struct mock_line m;
static unsigned steps;

static void
require(bool fact)
{
	if (!fact)
		abort();
}

static unsigned
take(struct input *in)
{
	if (in->n == 0)
		return 0;
	in->n--;
	return *in->p++;
}

/* Bytes of the input as they are. */
static void
raw(struct input *in)
{
	uint8_t bytes[CHUNK_BYTES];
	size_t n = take(in);

	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)take(in);
	mock_deliver(&m, bytes, n);
}

/* A packet of the input in an honest frame, which guessing would hardly find. */
static void
framed(struct input *in)
{
	uint8_t payload[256] = { 0 };
	unsigned what = take(in);
	size_t n = take(in) + 1u;

	for (size_t i = 0; i < n && i < 4; i++)
		payload[i] = (uint8_t)take(in);
	if ((what & 0x80) != 0)
		m.module.wrong_sum = m.module.packets;
	if ((what & 0x40) != 0) {
		m.module.wrong_length = m.module.packets;
		m.module.length_lie = (int)take(in) - 128;
	}
	module_packet(&m.module, (uint8_t)(what & 0x0f), payload, n);
}

/* The module's own answer, with some of its bytes changed or left out. */
static void
mutated(struct input *in)
{
	uint8_t bytes[CHUNK_BYTES];
	size_t n = module_output(&m.module, bytes, sizeof(bytes));
	size_t at = take(in), change = take(in);

	m.arriving = false;
	if (n == 0)
		return;
	bytes[at % n] ^= (uint8_t)change;
	mock_deliver(&m, bytes, change % 2 == 0 ? n : n - at % n);
}

static void
honest(unsigned count)
{
	for (unsigned i = 0; i < count && steps < STEPS_MAX; i++) {
		if (m.module.uploads >= UPLOADS_MAX)
			m.module.image_held = m.module.finger = false;
		steps++;
		if (!mock_step(&m, INT64_MAX))
			break;
	}
}

static void
fault(unsigned argument)
{
	switch (argument & 3) {
	case 0:
		m.refuse_write = argument == 0 ? ENODEV : EAGAIN;
		break;
	case 1:
		m.refuse_rate = EINVAL;
		break;
	case 2:
		m.refuse_timer = ENOMEM;
		break;
	default:
		m.module.dead = (argument & 4) != 0;
		m.module.no_last = (argument & 8) != 0;
		break;
	}
}

static void
one_event(struct input *in)
{
	unsigned op = take(in), argument = op >> 3;

	switch (op & 7) {
	case 0:
		honest(1u << (argument & 7));
		break;
	case 1:
		m.module.finger = argument % 2 == 0;
		m.frames_wanted = argument / 2;
		break;
	case 2:
		raw(in);
		break;
	case 3:
		framed(in);
		break;
	case 4:
		if (m.timer_set)
			mock_fire(&m);
		break;
	case 5:
		mutated(in);
		break;
	case 6:
		m.now += 1 << (argument & 15); /* a process that was stopped */
		break;
	default:
		if (argument == 31)
			zfm_stop(m.zfm);
		else if (argument >= 24)
			fault(take(in));
		else
			module_power_cycle(&m.module);
		break;
	}
}

static void
check_invariants(void)
{
	require(m.broken <= 1 && m.ready <= 1);
	require(m.broken == 0 || !m.timer_set);
	require(m.lifted <= m.touched && m.touched <= m.lifted + 1);
	require(m.samples <= m.touched * ZFM_FRAMES_MAX);
	require(m.failed <= m.touched);
	if (m.last != NULL)
		require(m.last->width * m.last->height <= ZFM_IMAGE_BYTES_MAX);
}

static void
prepare(struct input *in)
{
	static const uint32_t sides[][2] = { { 192, 192 }, { 208, 288 }, { 256, 288 } };
	unsigned what = take(in);

	m.now = 0;
	memset((char *)&m + sizeof(m.module), 0, sizeof(m) - sizeof(m.module));
	module_reset(&m.module, sides[what % 3][0], sides[what % 3][1], 4);
	m.module.wants_password = (what & 0x10) != 0;
	m.module.password = (what & 0x20) != 0 ? 1 : 0;
	m.module.tells_address = (what & 0x40) != 0;
	m.cut = take(in) * 2;
	m.delay_ms = take(in) % 32 == 0 ? 1500 : 0;
	steps = 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct zfm_options o = { .address = 0xffffffffu, .label = "fuzz" };
	struct input in = { data, size };

	prepare(&in);
	o.baud = take(&in) % 4 == 0 ? 115200 : 0;
	require(mock_open(&m, &o) == 0);
	zfm_start(m.zfm);
	while (in.n > 0) {
		one_event(&in);
		check_invariants();
	}
	mock_close(&m);
	require(!m.timer_set);
	return 0;
}
