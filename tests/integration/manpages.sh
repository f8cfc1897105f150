#!/bin/bash
# What is written agrees with what is built: every command of lanectl stands in its manual page and
# in the completion, every key in laned.conf.5; the pages are proper mdoc; every option named in a
# program's help stands in its page; the template of /etc is right and says every default truly.
set -eu
man=$SRCDIR/docs/man
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
fail()
{
	echo "$*"
	exit 1
}

# The commands as lanectl itself lists them: everything that takes --help as a command.
"$LANED_BUILD/lanectl" --help | sed -n 's/^  \([a-z].\{17\}\).*/\1/p' | sed 's/ *$//' >"$dir/commands"
[ "$(wc -l <"$dir/commands")" -ge 20 ] || fail "lanectl --help lists too few commands"
while read -r command; do
	# shellcheck disable=SC2086 # a command may have two words
	"$LANED_BUILD/lanectl" $command --help >/dev/null || fail "no such command: $command"
	grep -q "^\.It Ic $command\( \|\$\)" "$man/lanectl.1" || fail "lanectl.1 lacks: $command"
done <"$dir/commands"
sed -n 's/^\.It Ic \([a-z-]*\( [a-z]*\)\?\).*/\1/p' "$man/lanectl.1" | sed 's/ *$//' |
	sort -u >"$dir/written"
sort -u "$dir/commands" | diff - "$dir/written" || fail "lanectl.1 has a command that lanectl lacks"

# shellcheck source=/dev/null
. "$SRCDIR/docs/lanectl.bash"
# complete_at WORD...: the completions of the last word.
complete_at()
{
	COMP_WORDS=(lanectl "$@")
	COMP_CWORD=$#
	COMPREPLY=()
	_lanectl
}
while read -r command; do
	set -f
	# shellcheck disable=SC2086 # a command may have two words
	set -- $command
	set +f
	complete_at "$@"
	printf '%s\n' "${COMPREPLY[@]}" | grep -qx -- "${!#}" || fail "completion lacks: $command"
done <"$dir/commands"
complete_at --json members i
[ "${COMPREPLY[*]}" = import ] || fail "completion behind an option: ${COMPREPLY[*]}"

# Options in a program's help against its page.
for page in laned.8 laned-bio.8 laned-adapter.8; do
	program=${page%.8}
	"$LANED_BUILD/$program" --help | grep -o -- '--[a-z-]*' | sort -u | while read -r option; do
		grep -q -- "Fl -${option#--}" "$man/$page" || fail "$page lacks: $option"
	done
done

# Every option that the source takes, against page and completion.
for option in $(grep -oh '"--[a-z][a-z-]*"' "$SRCDIR"/src/ctl/*.c | tr -d '"' | sort -u); do
	grep -q -- "Fl -${option#--}\( \|\$\)" "$man/lanectl.1" || fail "lanectl.1 lacks: $option"
	grep -q -- "$option\( \|)\|\"\|\$\)" "$SRCDIR/docs/lanectl.bash" ||
		fail "completion lacks: $option"
done
for part in laned:lane/main laned-bio:bio/main laned-adapter:adapter/main; do
	grep -o '{ "[a-z-]*", [a-z]*_argument' "$SRCDIR/src/${part#*:}.c" | cut -d'"' -f2 |
		while read -r option; do
			grep -q -- "Fl -$option\( \|\$\)" "$man/${part%%:*}.8" ||
				fail "${part%%:*}.8 lacks: --$option"
		done
done
"$SRCDIR/systemd/laned-bypass" --help | sed -n 's/^  \([a-z, ]*[a-z]\)  .*/\1/p' | tr -s ', ' '\n' |
	while read -r word; do
		grep -q -- "^\.\(Cm\|It Cm\) \(.*[| ]\)\?$word\( \|\$\)" "$man/laned-bypass.8" ||
			fail "laned-bypass.8 lacks: $word"
	done

"$LANED_BUILD/laned" --print-mdoc >"$dir/keys"
sed -e "/^@KEYS@\$/{r $dir/keys" -e 'd;}' "$man/laned.conf.5.in" >"$dir/laned.conf.5"
if grep -q '@KEYS@' "$dir/laned.conf.5"; then
	fail "laned.conf.5 has no keys"
fi
"$LANED_BUILD/laned" --print-template >"$dir/laned.conf"
: >"$dir/empty.conf"
"$LANED_BUILD/laned" -t --conf "$dir/laned.conf" || fail "the template is refused"

# With the sign of comment taken off every key, it is a configuration that says its defaults.
sed -e 's/^#\(\[.*\)NAME\]$/\1demo]/' -e '/^#\* =/d' -e 's/^#\([a-z_]* =\)/\1/' \
	"$dir/laned.conf" >"$dir/full.conf"
"$LANED_BUILD/laned" -t --conf "$dir/full.conf" || fail "the template's defaults are refused"
for file in full empty; do
	"$LANED_BUILD/lanectl" --conf "$dir/$file.conf" config show |
		sed -e 's/ *([^()]*)$//' | grep -v '^\[\(reader\|adapter\):' >"$dir/$file.shown"
done
diff "$dir/empty.shown" "$dir/full.shown" || fail "the template says other defaults"
for key in $(grep -o '^#[a-z_]* =' "$dir/laned.conf" | tr -d '#= '); do
	grep -q "^\.It Cm $key\$" "$dir/laned.conf.5" || fail "laned.conf.5 lacks: $key"
done

# The guides name only commands that exist.
for guide in "$SRCDIR"/docs/*.md "$SRCDIR/README.md"; do
	grep -o '^ *\(sudo \|[#$] \)\?lanectl [a-z-]\+\( [a-z-]\+\)\?' "$guide" | sed 's/.*lanectl //' |
		while read -r one two; do
			case $one in -*) continue ;; esac # an option of lanectl itself
			grep -qx -- "$one" "$dir/commands" || grep -qx -- "$one $two" "$dir/commands" ||
				fail "$guide: no such command: lanectl $one $two"
		done
done

if command -v mandoc >/dev/null; then
	for page in "$man"/*.[18] "$dir/laned.conf.5"; do
		mandoc -Tlint -W warning "$page" || fail "$page is not proper mdoc"
	done
	echo "manpages: ok"
else
	echo "manpages: ok, but for mandoc -Tlint, which is missing here"
fi
