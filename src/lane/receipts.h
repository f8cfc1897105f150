#ifndef LANED_LANE_RECEIPTS_H
#define LANED_LANE_RECEIPTS_H

#include "base/crypto.h"
#include "core/receipt.h"

/*
 * The keys of receipt codes. Each lane signs with a key of its own (Ed25519), made at its first
 * start: the systemd credential "receipt.key" or <state>/receipt.key, mode 0600. It never leaves the
 * lane. Codes of other lanes are believed by their public keys, one a line of the configured list;
 * earlier keys of this lane stand in <state>/receipt.former, those that are not to be believed any
 * more, here, in <state>/receipt.distrusted. Blocks on small files, which are read when they changed.
 */
struct receipts;

struct receipts_spec {
	const char *folder; /* the lane's state */
	const char *list;   /* path of the list of public keys; it may be missing */
	const char *name;   /* of this lane, for people */
	bool live;          /* the environment */
};

#define RECEIPTS_WHY_BYTES 256u
#define RECEIPTS_NAME_BYTES 65u
#define RECEIPTS_LIST_BYTES_MAX (4u << 20)

/*
 * Takes up the key, or makes it. 0; -EBADMSG it is no such key; -EXDEV it is of the other
 * environment; -EPERM others can read it; other errno. *why says what to do.
 */
int receipts_open(const struct receipts_spec *spec, struct receipts **ret_receipts,
		  char why[RECEIPTS_WHY_BYTES]);
struct receipts *receipts_close(struct receipts *r);

/*
 * Calls each for the code of every part of s (key_id and live are filled in); none looks like a
 * payment card's number. 0; what each said; errors as receipt_parts; -EIO.
 */
int receipts_write(const struct receipts *r, const struct receipt_source *s,
		   int (*each)(void *ctx, const char *code), void *ctx);

/*
 * Reads a code. 0; -EBADMSG no code, misread or forged; -ENOTSUP of another version; -ENOKEY signed by
 * a key that is not known here; -EXDEV of the other environment. *why has it in words.
 */
int receipts_read(const struct receipts *r, struct str code, struct receipt *ret_receipt,
		  char why[RECEIPTS_WHY_BYTES]);

enum receipts_origin { RECEIPTS_OWN, RECEIPTS_FORMER, RECEIPTS_LISTED };
struct receipts_key {
	enum receipts_origin origin;
	bool live;
	uint8_t id[RECEIPT_KEY_ID_BYTES];
	uint8_t public_key[CRYPTO_PUBLIC_BYTES];
	char name[RECEIPTS_NAME_BYTES];
};
/*
 * Calls each for every key that codes are believed by, this lane's first; nonzero stops. 0; what each
 * said; -EBADMSG the list has an error: *why names file and line; the keys before it were told.
 */
int receipts_keys(const struct receipts *r,
		  int (*each)(void *ctx, const struct receipts_key *k), void *ctx,
		  char why[RECEIPTS_WHY_BYTES]);

/* The key with this id is this lane's own, or was. */
bool receipts_is_own(const struct receipts *r, const uint8_t id[RECEIPT_KEY_ID_BYTES]);
/* How often a list was read since it was opened. */
uint64_t receipts_lists_read(const struct receipts *r);

/*
 * A new key for this lane, durable when it returns. The codes of the one before stay good at this
 * lane, unless it is distrusted (somebody may have it): then they are refused here, also when its
 * line stands in the list. 0; -EROFS it is a credential; errno.
 */
int receipts_rotate(struct receipts *r, bool distrust, char why[RECEIPTS_WHY_BYTES]);

/*
 * Pure: reads a list: lines of "live|test KEY [NAME]", KEY 64 hex digits; '#' begins a comment.
 * 0; what each said; -EBADMSG with the line and what is wrong with it.
 */
struct receipts_fault {
	uint32_t line;
	const char *what;
};
int receipts_list(struct str text, int (*each)(void *ctx, const struct receipts_key *k),
		  void *ctx, struct receipts_fault *ret_fault);

#endif
