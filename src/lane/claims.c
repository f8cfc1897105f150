/*
 * What a claim is to laned-bio in a profile that seals templates under it (eu): 32 bytes that only
 * whoever presents the claim can give. Neither the card's nor the phone's number goes there.
 */
#include "lane/lane_private.h"

#include "base/crypto.h"
#include "base/secret.h"
#include "lane/members.h"

#include <errno.h>
#include <string.h>

#define CLAIMS_MAX 4u /* that a template is sealed under */
#define TEXT_BYTES 128u

bool
claims_are_wanted(const struct lane *l)
{
	return strcmp(conf_str(l->conf, "privacy", "profile"), "eu") == 0;
}

static int
digest(const char *kind, const char *value, uint8_t ret_claim[CLAIM_BYTES])
{
	char text[TEXT_BYTES];
	int n = snprintf(text, sizeof(text), "laned claim 1\n%s\n%s", kind, value);
	int rc = n < 0 || n >= (int)sizeof(text)
			 ? -ENAMETOOLONG
			 : crypto_sha256(text, (size_t)n, ret_claim);

	secret_zero(text, sizeof(text));
	return rc;
}

static void
put_claim(struct json_out *o, const char *name, const uint8_t claim[CLAIM_BYTES])
{
	char text[2 * CLAIM_BYTES + 1];

	if (hex_encode(text, sizeof(text), claim, CLAIM_BYTES) == 0)
		json_cstr(o, name, text);
	secret_zero(text, sizeof(text));
}

int
claims_put_enrolled(struct json_out *o, const struct member_record *r)
{
	uint8_t claim[CLAIM_BYTES];
	uint32_t count = 0;
	int rc = 0;

	json_open_array(o, "claims");
	if (r->number[0] != '\0') {
		rc = digest("number", r->number, claim);
		put_claim(o, NULL, claim);
		count++;
	}
	for (uint32_t i = 0; rc == 0 && i < r->claims_count && count < CLAIMS_MAX; i++) {
		rc = digest(claim_kind_name(r->claims[i].kind), r->claims[i].value,
			    claim);
		put_claim(o, NULL, claim);
		count++;
	}
	json_close(o);
	secret_zero(claim, sizeof(claim));
	return rc < 0 ? rc : count > 0 ? 0 : -ENOKEY;
}

/* The record's own claim that was presented: only a whole one says more than a guess. */
static int
digest_presented(const struct member_record *r, enum claim_kind kind, struct str value,
		 uint8_t ret_claim[CLAIM_BYTES])
{
	char number[RECORD_NUMBER_BYTES + sizeof(MEMBERS_QR_PREFIX)];
	char digits[RECORD_CLAIM_BYTES];

	if (kind == CLAIM_DIGITS)
		return -ENOKEY;
	if (kind == CLAIM_PHONE && member_phone_digits(value, digits, sizeof(digits)) < 0)
		return -ENOKEY;
	if (kind == CLAIM_PHONE)
		value = str_of(digits);
	(void)snprintf(number, sizeof(number), "%s%s",
		       kind == CLAIM_QR ? MEMBERS_QR_PREFIX : "", r->number); /* fits */
	if (kind != CLAIM_PHONE && r->number[0] != '\0' && str_is(value, number))
		return digest("number", r->number, ret_claim);
	for (uint32_t i = 0; i < r->claims_count; i++)
		if (r->claims[i].kind == kind && str_is(value, r->claims[i].value))
			return digest(claim_kind_name(kind), r->claims[i].value,
				      ret_claim);
	return -ENOKEY;
}

void
claims_forget(struct lane *l)
{
	secret_zero(l->claim, sizeof(*l->claim));
}

void
claims_take(struct lane *l, struct ulid member, enum claim_kind kind, struct str value)
{
	struct member_record r;

	claims_forget(l);
	if (!claims_are_wanted(l) || members_get(l->cache, member, &r) < 0 ||
	    r.subjects_count == 0)
		return;
	l->claim->is_set = digest_presented(&r, kind, value, l->claim->bytes) == 0;
	l->claim->subject = r.subjects[0];
}

void
claims_put_presented(struct lane *l, struct json_out *o, struct ulid subject)
{
	if (l->claim->is_set && ulid_eq(l->claim->subject, subject))
		put_claim(o, "claim", l->claim->bytes);
}
