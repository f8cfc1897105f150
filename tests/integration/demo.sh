#!/bin/sh
# The demonstration is a test: each of its six checkouts fails loudly when it goes otherwise.
exec "$SRCDIR/tests/demo/demo"
