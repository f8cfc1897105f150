/*
 * An adapter in C++17, for the tests only: nothing of it runs at load, and it needs nothing of the C++
 * library, so that the conformance kit takes it as any other. Its peer speaks in messages with a length of two
 * bytes before each: '+' and a key answers that it is approved (its amount is told by eight
 * digits), anything else says nothing.
 */
#include "laned/sdk.h"

#include <string.h>

namespace
{

constexpr size_t FRAME_BYTES_MAX = 1024;
constexpr size_t KEY_DIGITS = LANED_KEY_HEX_BYTES - 1;
constexpr size_t ANSWER_BYTES = 1 + KEY_DIGITS + 8;

int
read(void *, char *text, size_t n, laned_said *said)
{
	if (n == 0)
		return LANED_INVALID;
	if (text[0] != '+')
		return LANED_OK;
	if (n != ANSWER_BYTES ||
	    laned_key_parse({ text + 1, KEY_DIGITS }, &said->answer.key) != LANED_OK)
		return LANED_INVALID;
	said->kind = LANED_SAID_ANSWER;
	said->answer.size = sizeof(said->answer);
	said->answer.outcome = LANED_OUT_APPROVED;
	for (size_t i = 1 + KEY_DIGITS; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return LANED_INVALID;
		said->answer.amount = said->answer.amount * 10 + (text[i] - '0');
	}
	return LANED_OK;
}

int
write(void *, const laned_request *q, laned_writing *w)
{
	laned_text text;
	char hex[LANED_KEY_HEX_BYTES];

	if (q->type != LANED_REQ_PAY && q->type != LANED_REQ_QUERY &&
	    q->type != LANED_REQ_UNDO)
		return LANED_UNSUPPORTED;
	laned_key_hex(hex, &q->key);
	laned_text_init(&text, w->buf + 2, w->bytes - 2);
	laned_text_add(&text, q->type == LANED_REQ_PAY	   ? "p"
			      : q->type == LANED_REQ_QUERY ? "q"
							   : "u");
	laned_text_add(&text, hex);
	if (q->type == LANED_REQ_PAY)
		laned_text_int(&text, q->amount);
	w->text = { w->buf, text.used + 2 };
	return laned_length_put(reinterpret_cast<uint8_t *>(w->buf), 2, text.used);
}

constexpr laned_protocol
make_protocol()
{
	laned_protocol p = {};

	p.option = "peer";
	p.answer_timeout = "answer_timeout";
	p.framing = laned_framing_length2;
	p.frame_bytes_max = FRAME_BYTES_MAX;
	p.calls_max = 16;
	p.read = read;
	p.write = write;
	return p;
}

constexpr laned_protocol protocol = make_protocol();

constexpr laned_option options[] = {
	{ sizeof(laned_option), LANED_OPT_ADDRESS, "peer", nullptr, nullptr,
	  "Where the peer listens.", 1, 500 },
	{ sizeof(laned_option), LANED_OPT_DURATION, "answer_timeout", "10s", nullptr,
	  "How long the peer may take to answer.", 1000, 600000 },
};

int
create(laned_host *h, const laned_host_api *api, void **ret_instance)
{
	return laned_peer_create(h, api, &protocol, ret_instance);
}

int
selftest(void *instance, uint32_t level, char text[LANED_NOTE_BYTES])
{
	char answer[] = "+000102030405060708090a0b0c0d0e0f00000781";
	laned_said said = {};

	text[0] = '\0';
	if (level > 0)
		return LANED_UNSUPPORTED;
	return read(laned_peer_memory(instance), answer, strlen(answer), &said) ==
				       LANED_OK &&
			       said.answer.amount == 781
		       ? LANED_OK
		       : LANED_INTERNAL;
}

/* C++17 has no designated initializers; a constexpr function leaves nothing for load time. */
constexpr laned_adapter
make_adapter()
{
	laned_adapter a = {};

	a.size = sizeof(a);
	a.abi_major = LANED_ABI_MAJOR;
	a.abi_minor = LANED_ABI_MINOR;
	a.host_minor_min = 3;
	a.name = "plus";
	a.version = "1";
	a.license = "Apache-2.0";
	a.protocol = "a length of two bytes, for tests only";
	a.evidence = "none";
	a.caps = LANED_CAP_PAY | LANED_CAP_QUERY | LANED_CAP_UNDO;
	a.options = options;
	a.options_count = sizeof(options) / sizeof(options[0]);
	a.create = create;
	a.start = laned_peer_start;
	a.recover = laned_peer_recover;
	a.link = laned_peer_link;
	a.submit = laned_peer_submit;
	a.health = laned_peer_health;
	a.selftest = selftest;
	a.stop = laned_peer_stop;
	a.destroy = laned_peer_destroy;
	return a;
}

constexpr laned_adapter adapter = make_adapter();

} // namespace

const laned_adapter *
laned_adapter_v0(uint32_t host_minor)
{
	return host_minor >= adapter.host_minor_min ? &adapter : nullptr;
}
