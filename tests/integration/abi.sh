#!/bin/sh
# The plug-in ABI is what tests/abi/laned_adapter_v0.abi says: sizes, offsets, types and names. A
# change is seen (shown on a changed copy of the header), and is accepted by `make abi`.
set -eu
src=${SRCDIR:?}
command -v abidw >/dev/null && command -v abidiff >/dev/null || {
	echo "abidw and abidiff (package abigail-tools) are missing"
	exit 77
}
[ "$(uname -m)" = x86_64 ] || { echo "the committed ABI is that of x86_64"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

build() { # HEADERS OUT.so
	"${CC:-cc}" -std=gnu11 -g -O0 -fPIC -shared "-ffile-prefix-map=$src=." -I"$1" -o "$2" \
		"$src/tests/abi/abi.c"
}

build "$src/include" "$work/now.so"
if [ "${1-}" = --write ]; then
	abidw --no-show-locs --no-comp-dir-path --no-corpus-path --out-file "$2" "$work/now.so"
	exit
fi
committed=$src/tests/abi/laned_adapter_v0.abi
if ! abidiff "$committed" "$work/now.so" >"$work/diff" 2>&1; then
	cat "$work/diff"
	echo "laned/adapter.h is not the committed ABI. Structs only grow at the end; raise"
	echo "LANED_ABI_MINOR, tell docs/adapters.md and CHANGELOG.md, and run: make abi"
	exit 1
fi

# It must be able to fail: a member in the middle, another type, one at the end.
breaks() { # NAME SED
	mkdir -p "$work/$1/laned"
	sed "$2" "$src/include/laned/adapter.h" >"$work/$1/laned/adapter.h"
	cmp -s "$src/include/laned/adapter.h" "$work/$1/laned/adapter.h" && {
		echo "$1: the header did not change"
		exit 1
	}
	build "$work/$1" "$work/$1.so"
	if abidiff "$committed" "$work/$1.so" >"$work/diff" 2>&1; then
		echo "$1: nobody noticed"
		exit 1
	fi
	echo "noticed: $1"
}
breaks member-in-the-middle 's/^\tint64_t total, saving;$/\tint64_t more, total, saving;/'
breaks other-type 's/^\tuint32_t timeout_ms;$/\tuint64_t timeout_ms;/'
breaks member-at-the-end 's/^\tstruct laned_str blob; .*$/&\n\tint64_t more;/'
breaks function-in-the-table 's/^\tvoid (\*stop)(void \*instance);$/\tvoid (*pause)(void *instance);\n&/'
echo "the ABI is the committed one"
