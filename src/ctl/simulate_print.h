#ifndef LANED_CTL_SIMULATE_PRINT_H
#define LANED_CTL_SIMULATE_PRINT_H

#include "ctl/simulate.h"

/* What a simulation found: for people, as one line of JSON, as a table. */
enum simulate_form { SIMULATE_TEXT, SIMULATE_JSON, SIMULATE_CSV };

struct simulate_print {
	enum simulate_form form;
	uint32_t top;        /* articles and categories shown */
	struct str language; /* of the rules' texts */
	uint64_t faults;     /* baskets that could not be read */
	uint64_t unknown;    /* member numbers that the file of members does not have */
	bool has_members;    /* there was one */
};

/* An exit code. */
int simulate_print(const struct simulation *s, const struct simulate_print *p);

#endif
