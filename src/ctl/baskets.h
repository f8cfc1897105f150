#ifndef LANED_CTL_BASKETS_H
#define LANED_CTL_BASKETS_H

#include "ctl/ctl.h"
#include "ctl/poslog.h"

/*
 * Files of past baskets, read as a stream: POSLog (.xml) and JSON Lines (.jsonl), a basket a line
 * as docs/promotions.md has it. Memory does not grow with the files.
 */
#define BASKETS_LINE_BYTES_MAX (4u << 20)

struct baskets_options {
	const char *format;   /* "poslog", "jsonl"; NULL: by the ending */
	const char *timezone; /* of times without a zone; "" the system's */
	struct poslog_options poslog;
	/* Called now and then with how far it is; may be NULL. */
	void (*progress)(void *ctx, uint64_t bytes_done, uint64_t baskets);
	void *progress_ctx;
};

struct baskets_counts {
	uint64_t bytes, baskets, faults;
	uint64_t totals_told, totals_differ; /* against what the source says was paid */
	struct poslog_counts log;
};

/*
 * Reads one file ("-": standard input, with a format) to its end; counts are added to. 0; an exit
 * code, said; or what the sink answered.
 */
int baskets_read(const char *path, const struct baskets_options *o,
		 const struct past_sink *sink, struct baskets_counts *counts);

/* The same for an open stream of a format, which path names for people. */
int baskets_read_stream(FILE *f, const char *path, const char *format,
			const struct baskets_options *o, const struct past_sink *sink,
			struct baskets_counts *counts);

/* Writes a basket as one line of JSON, as the reader takes it. 0 or json_out_text's errors. */
int baskets_write(const struct past_basket *b, struct json_out *o, struct str *ret_text);

#endif
