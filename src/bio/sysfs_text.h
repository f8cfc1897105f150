#ifndef LANED_BIO_SYSFS_TEXT_H
#define LANED_BIO_SYSFS_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The text of a sysfs attribute into buf, cut where it does not fit, without the line's end. A device
 * writes its strings itself: of whatever is in them only what ASCII can print goes on, each other byte
 * is a '?', so that it may stand in JSON and on a terminal. False, and the empty string: the attribute
 * is missing or empty. bytes is not 0. Does not block: it is the kernel's memory.
 */
bool sysfs_text(const char *path, char *buf, size_t bytes);

#endif
