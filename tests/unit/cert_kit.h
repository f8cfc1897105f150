#ifndef LANED_TESTS_UNIT_CERT_KIT_H
#define LANED_TESTS_UNIT_CERT_KIT_H

/*
 * Writes credentials into folder: the authorities "ca" and "otherca", and as NAME.crt and NAME.key
 *   good     terminal.example and 127.0.0.1, by ca
 *   foreign  the same, by otherca
 *   expired, early   terminal.example, not in date
 *   wild, partial    *.shop.example, term*.shop.example
 *   lane     lane-3.example
 *   revoked  terminal.example and 127.0.0.1, by ca, on its list
 * the lists of revoked ones "ca.crl", "old.crl" (of ca, out of date) and "otherca.crl",
 * and "junk", which is none.
 */
void cert_kit_make(const char *folder);

#endif
