#ifndef LANED_BASE_LOOP_PRIVATE_H
#define LANED_BASE_LOOP_PRIVATE_H

/* What the event glue shares; nobody else includes this. */
#include "base/loop.h"

struct event_base;

struct event_base *loop_event_base(struct loop *l);

#endif
