#ifndef LANED_TESTS_UNIT_LANE_KIT_H
#define LANED_TESTS_UNIT_LANE_KIT_H

/* What the tests of laned's member files share. */
#include "base/json.h"
#include "lane/member_record.h"
#include "lane/members.h"

/*
 * A number of 16 digits that looks like a payment card's, made at run time: no such number stands
 * in the source.
 */
#define KIT_PAN_BYTES 17u
void kit_pan(char pan[KIT_PAN_BYTES]);

/* text with every '$' replaced by the number above; one static buffer. */
const char *kit_with_pan(const char *text);

/* Reads a member; 0 or the reader's error, with its complaint in kit_what. */
extern char kit_what[RECORD_WHAT_BYTES];
extern uint32_t kit_column; /* of the value at fault */
int kit_read(const char *json, struct member_record *ret_record);

/* Reads one that must be good. */
struct member_record kit_record(const char *json);

/* A fresh cache.db in dir. */
struct db *kit_cache(const char *dir);
struct ulid kit_ulid(unsigned n);
/* Puts a member that must be good. */
struct ulid kit_put(struct db *cache, const char *json, unsigned n);

#endif
