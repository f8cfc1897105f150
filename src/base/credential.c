#include "base/credential.h"

#include "base/plain/str.h"

#include <errno.h>
#include <string.h>

#define PATH_BYTES 1024u

static bool
is_name(const char *name)
{
	size_t n = strlen(name);

	return n >= 1 && n <= CREDENTIAL_NAME_BYTES_MAX && name[0] != '.' &&
	       strchr(name, '/') == NULL;
}

int
credential_read(const char *folder, const char *name, bool private_only,
		struct secret **ret_secret)
{
	char path[PATH_BYTES];
	struct strbuf b;
	int rc;

	if (!is_name(name))
		return -EINVAL;
	if (folder == NULL)
		return -ENOENT;
	strbuf_init(&b, path, sizeof(path));
	strbuf_addf(&b, "%s/%s", folder, name);
	if (b.truncated)
		return -ENAMETOOLONG;
	rc = secret_read_file(path, CREDENTIAL_BYTES_MAX, private_only, ret_secret);
	return rc == -ENODATA ? -ENOENT : rc;
}
