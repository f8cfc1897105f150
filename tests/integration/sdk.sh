#!/bin/sh
# What is installed for authors of adapters: the headers alone compile as C11 and C++17 with every warning,
# pkg-config finds headers and library wherever they were put, and an adapter in C++17 that is built
# by it passes the conformance kit.
set -eu
src=${SRCDIR:?}
build=${LANED_BUILD:?}
command -v pkg-config >/dev/null || { echo "pkg-config is missing"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
usr=$work/usr
mkdir -p "$usr/include" "$usr/lib/laned" "$usr/lib/pkgconfig"
cp -r "$src/include/laned" "$usr/include"
cp "$build/libsdk.a" "$usr/lib/laned"
cp "$build/laned.pc" "$usr/lib/pkgconfig"

flags='-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wundef -Werror -fsyntax-only'
compilers=0
check_header() # HEADER LANGUAGE STANDARD COMPILER
{
	command -v "$4" >/dev/null || return 0
	# shellcheck disable=SC2086 # a list
	printf '#include "%s"\n#include "%s"\n' "$1" "$1" |
		"$4" -x "$2" "-std=$3" $flags -I"$usr/include" - || {
		echo "$1 is not $3 for $4"
		exit 1
	}
	compilers=$((compilers + 1))
}
for header in laned/adapter.h laned/sdk.h; do
	for compiler in gcc clang clang-14; do
		check_header $header c c11 $compiler
		check_header $header c c17 $compiler
	done
	for compiler in g++ clang++ clang++-14; do
		check_header $header c++ c++17 $compiler
		check_header $header c++ c++20 $compiler
	done
done
[ $compilers -ge 4 ] || { echo "$compilers compilers only"; exit 1; }
echo "ok    the headers are C11 and C++17 ($compilers compilations)"

# The guide's own example.
sed -n '/^### The library$/,/^### /{/^```c$/,/^```$/{/^```/d;p}}' "$src/docs/adapters.md" >"$work/example.c"
[ "$(wc -l <"$work/example.c")" -gt 30 ] || { echo "docs/adapters.md has no example"; exit 1; }
# shellcheck disable=SC2086 # a list
cc -std=c11 $flags -Wno-unused-const-variable -I"$usr/include" "$work/example.c"
echo "ok    the guide's example compiles"

said()
{
	PKG_CONFIG_PATH=$usr/lib/pkgconfig pkg-config "--define-variable=prefix=$usr" "$@" laned
}
for variable in includedir libdir adapterdir adapter template; do
	case $(said "--variable=$variable") in
	"$usr"/*) ;;
	*)
		echo "pkg-config: $variable is $(said "--variable=$variable")"
		exit 1
		;;
	esac
done
[ "$(said --modversion)" = "$(cat "$src/.version")" ]
echo "ok    pkg-config moves with the prefix"

if grep -q __asan_ "$build/libsdk.a"; then
	echo "      (the adapter in C++: left out, the library here is one for a sanitizer)"
	exit 0
fi
command -v g++ >/dev/null || { echo "      (the adapter in C++: left out, there is no g++)"; exit 0; }
# shellcheck disable=SC2046 # lists of flags
g++ -std=c++17 -O2 -Wall -Wextra -Wpedantic -Werror -fno-exceptions -fno-rtti -fPIC -fvisibility=hidden \
	$(said --cflags) -c -o "$work/adapter.o" "$src/tests/abi/adapter.cc"
# shellcheck disable=SC2046 # as above
cc -shared -Wl,-z,defs,-z,now,--version-script="$src/plugins/adapter.map" -o "$work/plus.so" \
	"$work/adapter.o" $(said --libs)
"$build/laned-adapter" --describe "$work/plus.so" >"$work/plus.options.json"
grep -q '"answer_timeout"' "$work/plus.options.json"
"$build/laned-adapter" --conform "$work/plus.so" --set peer=tcp://127.0.0.1:4711 >"$work/report" ||
	{ cat "$work/report"; exit 1; }
grep ' 0 failed' "$work/report"
echo "ok    an adapter in C++17 passes the conformance kit"
