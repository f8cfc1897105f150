#!/bin/sh
# The simulator over 20 000 checkouts, at realistic and at absurd rates: no invariant breaks, every kind
# of fault happened, and the same seeds give the same trace, also over the SQLite journal.
set -eu
sim=${LANED_BUILD:?}/lanesim
out=$(mktemp)
trap 'rm -f "$out"' EXIT
"$sim" --runs 5000 --checkouts 4 --seed 1 --json >"$out"
cat "$out"
if grep -o '"faults":{[^}]*}' "$out" | grep -o '"[a-z-]*":0[,}]'; then
	echo "these faults never happened"
	exit 1
fi
here=$(dirname "$0")
sed 's/#.*//' "$here/kept-seeds" | while read -r options; do
	[ -n "$options" ] || continue
	# The words are options.
	# shellcheck disable=SC2086
	"$sim" --runs 1 $options --json >"$out" 2>&1 || { echo "lanesim $options:"; cat "$out"; exit 1; }
done
hash_of() {
	"$sim" "$@" --json | sed 's/.*"hash":"\([0-9a-f]*\)".*/\1/'
}
for what in "--adapter bridge" "--adapter drop" "--adapter terminal" "--adapter relay" "--sqlite" "--sqlite --adapter bridge --rates absurd" \
	"--disk lying --rates absurd" "--sqlite --disk lying --rates absurd"; do
	# The words are options.
	# shellcheck disable=SC2086
	one=$(hash_of --runs 20 --seed 7 $what)
	# shellcheck disable=SC2086
	two=$(hash_of --runs 20 --seed 7 $what)
	[ "$one" = "$two" ] || { echo "seed 7 with $what does not replay: $one, $two"; exit 1; }
done
