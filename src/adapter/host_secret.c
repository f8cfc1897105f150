#include "adapter/host_secret.h"

#include "base/credential.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int
host_secret_read(const char *adapter, const char *option, const char *credential,
		 uint8_t *buf, size_t *n)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	struct secret *s = NULL;
	size_t room = *n;
	int rc = credential_read(folder, credential, true, &s);

	if (rc == -ENOENT) {
		log_err("%s: option %s: credential %s is missing: LoadCredential=%s:FILE "
			"belongs into a drop-in of its unit",
			adapter, option, credential, credential);
		return LANED_MISSING;
	}
	if (rc < 0) {
		log_err("%s: option %s: credential %s: %s", adapter, option, credential,
			rc == -EPERM ? "others may read it" : strerror(-rc));
		return rc == -EINVAL ? LANED_INVALID : LANED_IO;
	}
	*n = secret_size(s);
	rc = *n > room ? LANED_TOO_LARGE : LANED_OK;
	if (rc == LANED_OK && *n > 0)
		memcpy(buf, secret_bytes(s), *n);
	secret_free(s);
	return rc;
}
