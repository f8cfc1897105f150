#!/bin/sh
# synthfinger writes the same pictures for the same options, and refuses nonsense.
set -eu
program=$LANED_BUILD/synthfinger
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

"$program" --help | grep -q -- '--impressions'
"$program" --fingers 1 --impressions 2 --seed 4 --out "$dir/a"
"$program" --fingers 1 --impressions 2 --seed 4 --out "$dir/b"
"$program" --fingers 1 --impressions 1 --seed 5 --out "$dir/c" --width 200 --height 100
cmp "$dir/a/1_1.pgm" "$dir/b/1_1.pgm"
cmp "$dir/a/1_2.pgm" "$dir/b/1_2.pgm"
if cmp -s "$dir/a/1_1.pgm" "$dir/a/1_2.pgm"; then
	echo "two impressions are the same picture"
	exit 1
fi
[ "$(head -c 15 "$dir/a/1_1.pgm" | head -n 2 | tail -n 1)" = "328 364" ]
[ "$(wc -c <"$dir/a/1_1.pgm")" -eq $((15 + 328 * 364)) ]
[ "$(wc -c <"$dir/c/1_1.pgm")" -eq $((15 + 200 * 100)) ]

for bad in "--fingers x --out $dir/d" "--fingers" "--width 63 --out $dir/d" \
	"--height 1001 --out $dir/d" "--difficulty 101 --out $dir/d" "--nonsense 1" \
	"--out $dir/d --seed -1" "--fingers 1"; do
	# shellcheck disable=SC2086 # the words are options
	if "$program" $bad 2>"$dir/err"; then
		echo "accepted: $bad"
		exit 1
	fi
	[ -s "$dir/err" ]
done
[ ! -e "$dir/d" ]
if "$program" --fingers 1 --out "$dir/a/1_1.pgm" 2>"$dir/err"; then
	echo "wrote into a file"
	exit 1
fi
grep -q 'a directory' "$dir/err"
echo "synthfinger: ok"
