#ifndef LANED_BIO_SERIAL_READER_ZFM_H
#define LANED_BIO_SERIAL_READER_ZFM_H

#include "bio/reader.h"
#include "bio/serial/zfm.h"

/*
 * A sensor module on a serial line. open gives -EINVAL for a device that is no absolute path, a rate
 * that the modules do not have, and a dpi outside of the limits; a line that is not there, or cannot
 * be opened, is a state.
 */
extern const struct reader_driver reader_zfm;

struct reader_zfm_counters {
	struct zfm_counters module; /* of all lines since the start */
	uint64_t opens;             /* attempts to open the line */
	uint64_t wakeups;           /* calls of ours from the loop */
};
void reader_zfm_counters(const struct reader *r,
			 struct reader_zfm_counters *ret_counters);

#endif
