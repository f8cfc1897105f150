#ifndef LANED_BASE_PLAIN_STR_H
#define LANED_BASE_PLAIN_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Borrowed bytes with a length; not NUL-terminated. */
struct str {
	const char *p;
	size_t n;
};

#define STR(literal) ((struct str){ (literal), sizeof(literal) - 1 })

/* s as a str; NULL gives the empty one. */
struct str str_of(const char *s);
bool str_eq(struct str a, struct str b);
bool str_is(struct str a, const char *s);

/* Well-formed UTF-8 without surrogates, overlong forms or NUL. */
bool str_utf8_ok(struct str s);

/* 1..n_max decimal digits and nothing else. */
bool str_digits_ok(struct str s, size_t n_max);

/*
 * Copies s into buf[bytes] with a terminating NUL. 0; -ENOSPC when it does not fit (buf is then
 * the empty string, unless bytes is 0); -EINVAL when s holds a NUL.
 */
int str_copy(char *buf, size_t bytes, struct str s);

/* The whole of s as a decimal integer (optional '-'). 0; -EINVAL not a number; -ERANGE. */
int str_to_i64(struct str s, int64_t *ret_value);

/* 2 * n lower-case hex digits and a NUL into buf (buf_bytes >= 2 * n + 1). 0 or -ENOSPC. */
int hex_encode(char *buf, size_t buf_bytes, const void *data, size_t n);

/* Exactly 2 * n hex digits into data[n]. 0; -EINVAL. */
int hex_decode(void *data, size_t n, struct str hex);

/*
 * A bounded text builder over the caller's buffer: once something does not fit, it is marked
 * truncated and takes nothing more. Always NUL-terminated.
 */
struct strbuf {
	char *p;
	size_t bytes, used;
	bool truncated;
};

void strbuf_init(struct strbuf *b, char *buf, size_t bytes);
void strbuf_add(struct strbuf *b, struct str s);
/* In decimal. */
void strbuf_int(struct strbuf *b, int64_t value);
__attribute__((format(printf, 2, 3))) void strbuf_addf(struct strbuf *b, const char *fmt,
						       ...);

#endif
