#ifndef LANED_CTL_POSLOG_PRIVATE_H
#define LANED_CTL_POSLOG_PRIVATE_H

#include "ctl/poslog.h"
#include "ctl/slip.h"

/* What the reader of the XML (poslog.c) and of its elements (poslog_elements.c) share. */
struct poslog;
struct child;

enum element {
	EL_OTHER, /* and all below it */
	EL_DOCUMENT,
	EL_POSLOG,
	EL_TRANSACTION,
	EL_RETAIL,
	EL_LINE,
	EL_SALE,
	EL_POS_IDENTITY,
	EL_SALE_TAX,
	EL_TAX,
	EL_REWARD,
	EL_MEMBERSHIP,
	EL_TENDER,
	EL_VALUE /* a text that is wanted; what is below it is passed over */
};

#define POSLOG_TENDERS_MAX 16u

/* What one transaction told so far. Texts lie in the arena. */
struct sale {
	struct str store, lane, number, day, begin, end, receipt_time, member;
	char currency[4];
	uint8_t digits; /* minor digits of the currency */
	bool has_currency, retail, passed_over;
	bool has_total;
	int64_t total_minor;
	struct slip slip;
	/* Of the line item being read. */
	struct slip_line line;
	struct str item_id, pos_item_id;
	bool line_void, has_quantity;
	int64_t tax_amount_minor;
	int64_t line_tax_minor, line_taxes_minor; /* told at a line; of all lines */
	int64_t tax_percent_bp;
	uint32_t tax_number;
	int64_t reward_minor;
	struct str reward_ref;
	bool reward_counts, reward_money;
	int64_t actual_minor;
	bool has_actual;
	struct past_tender tender; /* the one being read */
	bool tender_back;
	struct past_tender tenders[POSLOG_TENDERS_MAX];
	uint32_t tenders_count;
};

struct poslog {
	struct XML_ParserStruct *xml; /* expat's */
	struct poslog_options options;
	struct past_sink sink;
	struct poslog_counts counts;
	struct arena *arena; /* of one transaction */
	struct slip_line *lines;
	struct slip_discount *discounts;
	struct sale sale;
	enum element stack[POSLOG_DEPTH_MAX + 1];
	unsigned depth,
		other_depth;       /* other_depth: levels below the last known element */
	const struct child *value; /* the value being read */
	char text[POSLOG_TEXT_MAX];
	size_t text_bytes;
	bool wanted_total, seen_root;
	struct past_fault fault; /* of the transaction */
	bool faulty;
	int rc; /* what ended the reading */
	struct past_fault end_fault;
	uint64_t fed;
};

/* A child that an element may have, and where its text goes. */
struct child {
	enum element parent;
	const char *name;
	enum element element;
	void (*take)(struct poslog *p, const struct child *c, struct str text);
	size_t offset; /* into struct sale */
};

/* ---- poslog.c ---- */
/* The first thing wrong in a transaction leaves it out. */
void poslog_wrong(struct poslog *p, const char *what, struct str text);
/* Ends the reading with rc. */
void poslog_stop(struct poslog *p, int rc, const char *what);
/* A name without its prefix. */
const char *poslog_local_name(const char *name);

/* ---- poslog_elements.c ---- */
/* What an element may have; NULL: something to pass over. */
const struct child *poslog_child(enum element parent, const char *name);
void poslog_begin(struct poslog *p, const struct child *c, const char *const *attributes);
/* name: without its prefix. */
void poslog_end(struct poslog *p, enum element e, const char *name);

#endif
