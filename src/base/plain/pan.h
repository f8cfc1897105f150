#ifndef LANED_BASE_PLAIN_PAN_H
#define LANED_BASE_PLAIN_PAN_H

#include "base/plain/str.h"

/* True when the n >= 2 digits of s pass the Luhn check (ISO/IEC 7812-1 annex B). */
bool luhn_ok(struct str digits);

/* Are these digits, nothing else, the number of a payment card? By issuer, length and Luhn. */
bool pan_is_card(struct str digits);

/*
 * The PAN guard: finds the first PAN-shaped run in s (14-19 digits, single spaces or hyphens
 * dropped, Luhn, issuer range and length of a payment card): a maximal run of digits or whole
 * groups of one, so that "... 12/28" behind a number does not hide it. True and, when
 * ret_start/ret_end are not NULL, the byte range of the run.
 */
bool pan_find(struct str s, size_t *ret_start, size_t *ret_end);

/*
 * The same for the number of an article (GTIN, PLU): up to 14 bytes it is one, and every tenth of those
 * passes the check of card numbers; a longer one is guarded as text.
 */
#define PAN_ARTICLE_BYTES_MAX 14u
bool pan_find_article(struct str s);

/*
 * The same for packed digits (BCD): card numbers from a byte's begin on, with a half byte F behind or 0
 * before an odd count of digits. A tenth of all such numbers passes Luhn, and chance has many: so
 * only those count that stand as protocols write them: with EMV's tag or ZVT's length before it, as
 * field 2 of ISO 8583, as track 2, or filled up by FF; and, unless s looks as if it were random (a
 * ciphertext, a key) or begins with a 0 that may be an amount's, with no digit on either side but a
 * count of its own. What is a text, and
 * what reads as one, is none of this: eight letters are sixteen such digits, and of ids of eight
 * letters and digits, or digits alone, one in 100 to 130 would be a card number.
 */
bool pan_find_packed(struct str s);
/* Bytes whose meaning we do not know: either of the two. */
bool pan_find_blob(struct str s);

/* Overwrites every digit of every PAN-shaped run in buf[n] by '*'. Returns how many runs. */
unsigned pan_mask(char *buf, size_t n);

#endif
