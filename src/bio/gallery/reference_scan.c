/* Sketches: what the scan keeps of a reference, read from it or made of it, and put into it. */
#include "bio/gallery/reference_private.h"

#include "base/secret.h"
#include "bio/gallery/sketch.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* Memory of one making. */
struct scrap {
	struct finger_features features;
	struct scan_reference scan;
	uint8_t sketch[SKETCH_BYTES_MAX];
};

int
reference_put_sketch(uint8_t buf[REFERENCE_BYTES_MAX], size_t *bytes)
{
	uint8_t *p = buf + REFERENCE_LEAD_BYTES;
	struct scrap *s = secret_region_new(sizeof(*s));
	size_t room = REFERENCE_BYTES_MAX - *bytes, sketch;
	int rc;

	if (s == NULL)
		return -ENOMEM;
	assert((buf[1] & REFERENCE_SKETCH) == 0);
	rc = reference_unpack(buf, *bytes, &s->features);
	if (rc < 0)
		goto out;
	scan_reference_fill(&s->scan, kernel_best(), &s->features);
	sketch = sketch_pack(&s->scan, s->sketch);
	if (sketch + REFERENCE_LENGTH_BYTES <= room) {
		memmove(p + REFERENCE_LENGTH_BYTES + sketch, p,
			*bytes - REFERENCE_LEAD_BYTES);
		*p++ = (uint8_t)(sketch >> 8);
		*p++ = (uint8_t)sketch;
		memcpy(p, s->sketch, sketch);
		buf[1] |= REFERENCE_SKETCH;
		*bytes += REFERENCE_LENGTH_BYTES + sketch;
	}
out:
	secret_region_free(s, sizeof(*s));
	return rc;
}

int
reference_scan(const uint8_t *data, size_t bytes, struct finger_features *scratch,
	       struct scan_reference *ret_scan)
{
	struct reference_parts parts;
	int rc = reference_open(data, bytes, &parts);

	if (rc < 0)
		return rc;
	if (parts.sketch != NULL &&
	    sketch_read(parts.sketch, parts.sketch_bytes, ret_scan))
		return 0;
	rc = reference_unpack(data, bytes, scratch);
	if (rc < 0)
		return rc;
	scan_reference_fill(ret_scan, kernel_best(), scratch);
	/* One of this version that has none had no room. */
	return parts.version < REFERENCE_VERSION || parts.sketch != NULL;
}

size_t
reference_drop_sketch(uint8_t *data, size_t bytes)
{
	struct reference_parts parts;

	if (reference_open(data, bytes, &parts) < 0 || parts.sketch == NULL)
		return bytes;
	memmove(data + REFERENCE_LEAD_BYTES, parts.body, parts.body_bytes);
	data[1] &= (uint8_t)~REFERENCE_SKETCH;
	return REFERENCE_LEAD_BYTES + parts.body_bytes;
}

int
reference_renew(const uint8_t *data, size_t bytes, uint8_t buf[REFERENCE_BYTES_MAX],
		size_t *ret_bytes)
{
	struct finger_features *f = secret_region_new(sizeof(*f));
	struct reference_parts parts;
	size_t n = 0;
	int rc = f == NULL ? -ENOMEM : reference_unpack(data, bytes, f);

	if (rc == 0)
		rc = reference_open(data, bytes, &parts);
	if (rc == 0 && reference_is_foreign(data, bytes)) {
		n = REFERENCE_LEAD_BYTES + parts.body_bytes;
		memmove(buf + REFERENCE_LEAD_BYTES, parts.body, parts.body_bytes);
		buf[0] = REFERENCE_VERSION;
		buf[1] = REFERENCE_FOREIGN;
	} else if (rc == 0) {
		n = reference_pack(f, buf);
	}
	if (rc == 0)
		rc = reference_put_sketch(buf, &n);
	if (rc == 0)
		*ret_bytes = n;
	secret_region_free(f, sizeof(*f));
	return rc;
}
