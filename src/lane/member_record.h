#ifndef LANED_LANE_MEMBER_RECORD_H
#define LANED_LANE_MEMBER_RECORD_H

#include "base/json.h"
#include "base/plain/ids.h"
#include "core/checkout/checkout.h"

/*
 * A member as imports, `members.add` and exports have it. Format: docs/members.md. Every text is
 * checked for length, UTF-8 and by the PAN guard (a member number has its own format).
 */
#define RECORD_CLAIMS_MAX 8u
#define RECORD_TENDERS_MAX 8u
#define RECORD_NUMBER_BYTES 33u
#define RECORD_CLAIM_BYTES 65u
#define RECORD_LABEL_BYTES 33u

struct record_claim {
	enum claim_kind kind;           /* card, phone, qr; never digits */
	char value[RECORD_CLAIM_BYTES]; /* a phone is kept as digits */
};

struct record_tender {
	char kind[RECORD_LABEL_BYTES]; /* unknown kinds are carried */
	char label[RECORD_LABEL_BYTES], brand[RECORD_LABEL_BYTES], last4[5];
	char token[LANE_TOKEN_BYTES];
	int64_t limit_minor; /* per checkout, 0 none */
	bool is_default;
};

struct member_record {
	struct ulid member; /* zero: not known yet */
	char number[RECORD_NUMBER_BYTES], account[RECORD_NUMBER_BYTES];
	char language[9], greeting[41];
	bool minor, first_purchase;
	/* The account's balance. has_points false: not told; what is known of the account stays. */
	int64_t points;
	bool has_points;
	char groups[LANE_GROUPS_MAX][33];
	uint32_t groups_count;
	char coupons[LANE_COUPONS_MAX][33];
	uint32_t coupons_count;
	struct record_claim claims[RECORD_CLAIMS_MAX];
	uint32_t claims_count;
	struct record_tender tenders[RECORD_TENDERS_MAX];
	uint32_t tenders_count;
	struct ulid subjects[LANE_SUBJECTS_MAX]; /* not imported: linked by enrolment */
	uint32_t subjects_count;
};

#define RECORD_WHAT_BYTES 192u

/*
 * Reads a member out of a JSON object. 0; -EPERM a payment card number; -EBADMSG; both with what is wrong (and what would be right) in
 * what, *ret_at (may be NULL) the value at fault. accept_subjects: also "subjects" (a lane's own
 * record from its journal).
 */
int member_record_read(const struct value *v, bool accept_subjects,
		       struct member_record *ret_record, char what[RECORD_WHAT_BYTES],
		       const struct value **ret_at);

/* Writes it as members of the open object; tokens only when with_tokens (the journal's copy). */
void member_record_write(struct json_out *o, const struct member_record *r,
			 bool with_tokens);

/* The digits of a phone number (5..15 of them, one leading '+', blanks, '-', '(' , ')' dropped). */
int member_phone_digits(struct str text, char *buf, size_t bytes);

/* Equal in all that an import brings (member id and subjects aside). */
bool member_record_same(const struct member_record *a, const struct member_record *b);

#endif
