#ifndef LANED_BIO_GALLERY_KERNEL_SCAN_H
#define LANED_BIO_GALLERY_KERNEL_SCAN_H

#include "bio/gallery/kernel.h"

/* The members alike and support of struct kernel, by width of vector. */
void kernel_alike_plain(const struct kernel_codes *codes,
			const struct kernel_code_list *list,
			int16_t ret_best[KERNEL_CODES]);
uint32_t kernel_support_plain(const struct kernel_ballot *b, unsigned seed,
			      const int16_t turned[2], int32_t ret_agreed[KERNEL_CODES]);

#if defined(__x86_64__)
void kernel_alike_sse2(const struct kernel_codes *codes,
		       const struct kernel_code_list *list,
		       int16_t ret_best[KERNEL_CODES]);
uint32_t kernel_support_sse2(const struct kernel_ballot *b, unsigned seed,
			     const int16_t turned[2], int32_t ret_agreed[KERNEL_CODES]);
void kernel_alike_avx2(const struct kernel_codes *codes,
		       const struct kernel_code_list *list,
		       int16_t ret_best[KERNEL_CODES]);
uint32_t kernel_support_avx2(const struct kernel_ballot *b, unsigned seed,
			     const int16_t turned[2], int32_t ret_agreed[KERNEL_CODES]);
/* Needs the extension BITALG beside those of the other AVX-512 kernels. */
void kernel_alike_avx512(const struct kernel_codes *codes,
			 const struct kernel_code_list *list,
			 int16_t ret_best[KERNEL_CODES]);
uint32_t kernel_support_avx512(const struct kernel_ballot *b, unsigned seed,
			       const int16_t turned[2], int32_t ret_agreed[KERNEL_CODES]);
#endif

#endif
