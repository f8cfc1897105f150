#ifndef LANED_LANE_MEMBERS_H
#define LANED_LANE_MEMBERS_H

#include "base/db.h"
#include "lane/member_record.h"

/*
 * Members in cache.db: looked up by id, subject and claim; written by imports, `members.add` and
 * enrolment. All functions block on disk for a moment and give db.h's errors beside their own.
 */

/* The whole record. -ENOENT. */
int members_get(struct db *cache, struct ulid member, struct member_record *ret_record);
/* By member number. -ENOENT. */
int members_get_number(struct db *cache, struct str number,
		       struct member_record *ret_record);
/* The member to whom laned-bio's subject belongs. -ENOENT. */
int members_of_subject(struct db *cache, struct ulid subject, struct ulid *ret_member);

/* A list of ids being collected: room for max, count so far. */
struct members_found {
	struct ulid *ids;
	size_t max, count;
};

/* A QR text that names a member: this, and the number. */
#define MEMBERS_QR_PREFIX "laned:"

/*
 * The members whom a claim fits: a card or member number, a whole phone number, the last 4 or more
 * digits of a phone, a QR text ("laned:NUMBER" or a claim's value). -E2BIG more than found->max
 * fit.
 */
int members_claim(struct db *cache, enum claim_kind kind, struct str value,
		  struct members_found *found);

/* Adds the subjects of a member to found, as far as there is room. */
int members_subjects(struct db *cache, struct ulid member, struct members_found *found);

enum members_change { MEMBERS_ADDED, MEMBERS_CHANGED, MEMBERS_UNCHANGED };
/*
 * Adds a member, or changes the one with the same number (or id): all in the caller's transaction.
 * r->member is filled; a new one gets fresh. Subjects that are linked stay, r's are added. 0;
 * -EEXIST another member has one of the names.
 */
int members_put(struct db *cache, struct member_record *r, struct ulid fresh,
		enum members_change *ret_change);

/* Links a subject to a member. */
int members_link(struct db *cache, struct ulid member, struct ulid subject);

/* Ascending by number, from the one after `after` ("" = the first); nonzero of each stops. */
int members_list(struct db *cache, const char *after, uint32_t limit,
		 int (*each)(void *ctx, const struct member_record *r), void *ctx);

int members_count(struct db *cache, int64_t *ret_count);

/* What the core wants of a record, but for uses and touch_paid_today_minor (the journal's). */
void members_for_core(const struct member_record *r, struct lane_member *ret_member);

#endif
