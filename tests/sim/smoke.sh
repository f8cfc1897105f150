#!/bin/sh
# The simulator over 20 000 checkouts: no invariant breaks, and the same seed gives the same trace.
set -eu
sim=${LANED_BUILD:?}/lanesim
"$sim" --runs 5000 --checkouts 4 --seed 1 --json
one=$("$sim" --runs 20 --seed 7 --json | sed 's/.*"hash":"\([0-9a-f]*\)".*/\1/')
two=$("$sim" --runs 20 --seed 7 --json | sed 's/.*"hash":"\([0-9a-f]*\)".*/\1/')
[ "$one" = "$two" ] || { echo "seed 7 does not replay: $one, $two"; exit 1; }
