/* Everything of laned/adapter.h that a plug-in and its host share, for a look at its layout. */
#include "laned/adapter.h"

const struct laned_adapter *
laned_adapter_v0(uint32_t host_minor)
{
	(void)host_minor;
	return NULL;
}
