#include "core/returns.h"

#include "base/plain/money.h"

#include <assert.h>
#include <errno.h>

#define UNIT_MILLI 1000

int64_t
returns_parts(int64_t qty_milli, bool weighed, bool *ret_measured)
{
	assert(qty_milli > 0);
	*ret_measured = weighed || qty_milli % UNIT_MILLI != 0;
	return *ret_measured ? qty_milli : qty_milli / UNIT_MILLI;
}

int
returns_share(int64_t net_minor, int64_t parts, int64_t k, int64_t *ret_minor)
{
	if (parts < 1 || parts > RETURNS_PARTS_MAX || k < 0 || k > parts ||
	    net_minor < 0 || net_minor > MONEY_MINOR_MAX)
		return -EINVAL;
	/* The result is at most net_minor: it cannot overflow. */
	return money_muldiv(net_minor, k, parts, ROUND_HALF_UP, ret_minor);
}

int
returns_refund(const struct returns_step *s, int64_t *ret_minor)
{
	int64_t before = 0, after = 0;
	int rc;

	if (s->take < 0 || s->take > RETURNS_PARTS_MAX)
		return -EINVAL;
	rc = returns_share(s->net_minor, s->parts, s->before, &before);
	if (rc == 0)
		rc = returns_share(s->net_minor, s->parts, s->before + s->take, &after);
	if (rc < 0)
		return rc;
	assert(after >= before); /* rounding is monotone */
	*ret_minor = after - before;
	return 0;
}
