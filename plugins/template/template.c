/* What the adapter is: its options, its protocol, what it can do. To adapt: all of it, by and by. */
#include "template.h"

#include <string.h>

#ifndef ADAPTER_NAME
#define ADAPTER_NAME "template"
#endif

static const struct laned_option options[] = {
	{ sizeof(struct laned_option), LANED_OPT_ADDRESS, "peer", NULL, NULL,
	  "Where the peer listens, as tcp://192.0.2.7:4711.", 1, 500 },
	{ sizeof(struct laned_option), LANED_OPT_DURATION, "answer_timeout", "10s", NULL,
	  "How long the peer may take to answer a query, a confirm or an undo.", 1000,
	  600000 },
};

static const struct laned_protocol protocol = {
	.option = "peer",
	.answer_timeout = "answer_timeout",
	.framing = laned_framing_line,
	.frame_bytes_max = LINE_BYTES_MAX,
	.calls_max = 64,
	.memory_bytes = sizeof(struct message_memory),
	.read = message_read,
	.write = message_write,
	.acknowledge = message_acknowledge,
};

static int
create(struct laned_host *h, const struct laned_host_api *api, void **ret_instance)
{
	return laned_peer_create(h, api, &protocol, ret_instance);
}

/* Level 0: lines, and whether they can be read. To adapt: messages of your protocol's own manual. */
static int
selftest(void *instance, uint32_t level, char text[LANED_NOTE_BYTES])
{
	static const struct {
		const char *line;
		int status;
	} vectors[] = {
		{ "{\"id\":1,\"do\":\"cancel\",\"ticket\":\"17\"}", LANED_OK },
		{ "{\"id\":1,\"do\":\"answer\",\"is\":\"approved\",\"amount\":781,"
		  "\"key\":\"000102030405060708090a0b0c0d0e0f\"}",
		  LANED_OK },
		{ "{\"id\":1,\"do\":\"answer\",\"is\":\"approved\"}", LANED_INVALID },
		{ "{\"id\":1,\"do\":\"dance\"}", LANED_INVALID },
		{ "{\"id\":1", LANED_INVALID },
	};
	struct laned_text note;
	char line[160];

	laned_text_init(&note, text, LANED_NOTE_BYTES);
	if (level > 0)
		return LANED_UNSUPPORTED;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct laned_said said = { .kind = LANED_SAID_NOTHING };
		size_t n = strlen(vectors[i].line);

		memcpy(line, vectors[i].line, n);
		if (message_read(laned_peer_memory(instance), line, n, &said) !=
		    vectors[i].status) {
			laned_text_add(&note, vectors[i].line);
			return LANED_INTERNAL;
		}
	}
	laned_text_add(&note, "all lines are read as they should be");
	return LANED_OK;
}

static const struct laned_adapter adapter = {
	.size = sizeof(struct laned_adapter),
	.abi_major = LANED_ABI_MAJOR,
	.abi_minor = LANED_ABI_MINOR,
	.host_minor_min = 3,
	.name = ADAPTER_NAME,
	.version = "1",
	.license = "Apache-2.0",
	.protocol = "lines of JSON, an example",
	.evidence = "simulated",
	/* Nothing that your protocol cannot do, and that the conformance kit has not seen. */
	.caps = LANED_CAP_BASKET_LIVE | LANED_CAP_TOTAL | LANED_CAP_MEMBER_OUT |
		LANED_CAP_DISCOUNT_LINES | LANED_CAP_CLAIM | LANED_CAP_TRAINING |
		LANED_CAP_PAY | LANED_CAP_PARTIAL | LANED_CAP_QUERY | LANED_CAP_CONFIRM |
		LANED_CAP_UNDO,
	.options = options,
	.options_count = sizeof(options) / sizeof(options[0]),
	.create = create,
	.start = laned_peer_start,
	.recover = laned_peer_recover,
	.link = laned_peer_link,
	.submit = laned_peer_submit,
	.health = laned_peer_health,
	.selftest = selftest,
	.stop = laned_peer_stop,
	.destroy = laned_peer_destroy,
};

const struct laned_adapter *
laned_adapter_v0(uint32_t host_minor)
{
	return host_minor >= adapter.host_minor_min ? &adapter : NULL;
}
