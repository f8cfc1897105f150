/*
 * typist SETTING TEXT: types TEXT by laned-adapter's own code and this machine's kernel, and says STATUS
 * TYPED FOREIGN. For tests/vm, where /dev/uinput is a real one; \n in TEXT is Enter.
 */
#include "adapter/host_typing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
on_done(void *user, int status, uint32_t typed, uint32_t foreign)
{
	printf("%d %u %u\n", status, (unsigned)typed, (unsigned)foreign);
	loop_stop(user);
}

int
main(int argc, char **argv)
{
	struct host_typing *t = NULL;
	struct streams *streams = NULL;
	struct loop *l = NULL;
	char text[LANED_TYPE_BYTES_MAX];
	size_t n = 0;
	int rc;

	if (argc != 3)
		return 64;
	for (const char *c = argv[2]; *c != '\0' && n < sizeof(text); c++) {
		bool enter = c[0] == '\\' && c[1] == 'n';

		text[n++] = enter ? '\n' : *c;
		c += enter;
	}
	rc = loop_new(&l);
	if (rc == 0)
		rc = streams_new(l, NULL, &streams);
	if (rc == 0)
		rc = host_typing_new(l, streams, NULL, &t);
	if (rc == 0)
		rc = host_typing_add(t, "device", argv[1]);
	if (rc == 0)
		rc = host_typing_start(t, "device", (struct laned_str){ text, n },
				       on_done, l);
	if (rc == 0)
		rc = loop_run(l);
	else
		fprintf(stderr, "typist: %d\n", rc);
	host_typing_free(t);
	streams_free(streams);
	loop_free(l);
	return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
