#ifndef LANED_BIO_SERVICE_TRANSFER_H
#define LANED_BIO_SERVICE_TRANSFER_H

/*
 * Records of other systems, in and out: the messages bio.record, bio.import and bio.export, which
 * name files of the transfer folder.
 */
#include "bio/service_private.h"

/* 0 or -ENOMEM. Without the folder nothing is imported, and all else goes on. */
int service_transfer_open(struct service *s);
/* When errands were freed. */
void service_transfer_close(struct service *s);
/* The subject is being erased: not imported any more; and nobody's record is left in the folder. */
void service_transfer_erased(struct service *s, struct ulid subject);
/* An import is under way: nobody enrols meanwhile. */
bool service_transfer_runs(const struct service *s);
void service_on_record(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
		       const struct value *params);
void service_on_import(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
		       const struct value *params);
void service_on_export(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
		       const struct value *params);

#endif
