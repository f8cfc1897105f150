#ifndef LANED_BIO_STOREKEY_H
#define LANED_BIO_STOREKEY_H

#include "base/secret.h"

/*
 * The store key that wraps the subjects' data keys: the systemd credential "gallery.key" when
 * there is one, else the file gallery.key (mode 0600) in folder. It is made only where no
 * gallery.db exists yet: a lost key is never papered over. 0 and CRYPTO_KEY_BYTES of secret;
 * -ENOKEY gallery.db is there and the key is not; -EBADMSG wrong size; -EPERM the file is
 * readable by others; other errno. Blocks on disk.
 */
int storekey_load(const char *folder, struct secret **ret_key);

/*
 * Binds the gallery of folder to this machine at its first start, by a keyed hash of the machine-id in
 * the file "machine". 0; -EXDEV the gallery is another machine's: a cloned disk, nothing of it may be
 * opened; -EBADMSG the file is damaged; other errno, also when machine_id cannot be read.
 */
int storekey_bind(const char *folder, const struct secret *key, const char *machine_id);

#endif
