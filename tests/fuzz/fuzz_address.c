/* Any text as an address: what is taken is within its bounds, and its own words are taken again. */
#include "base/address.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool fact)
{
	if (!fact)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct sockaddr_storage peer = { .ss_family = AF_INET6 };
	char why[ADDRESS_WHY_BYTES];
	struct address a;

	if (address_parse((struct str){ (const char *)data, size }, &a, why) < 0) {
		must(why[0] != '\0' && strlen(why) < sizeof(why));
		return 0;
	}
	must(size <= ADDRESS_BYTES_MAX && a.nets_count <= ADDRESS_NETS_MAX);
	must(strlen(a.host) < sizeof(a.host) || a.kind > ADDRESS_TLS);
	for (uint32_t i = 0; i < a.nets_count; i++)
		must(a.nets[i].bits <= (a.nets[i].v6 ? 128 : 32));
	for (int listen = 0; listen < 2; listen++)
		must((address_check(&a, listen == 1, why) == 0) == (why[0] == '\0'));
	(void)address_allows(&a, (const struct sockaddr *)&peer); /* yes or no */
	return 0;
}
