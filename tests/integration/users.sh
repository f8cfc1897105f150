#!/bin/bash
# The lane as it is installed: each program under the user that sysusers.d makes, the adapter sharing
# its folders with the POS by a group. Who may do what at the control socket follows from groups.
# Needs root and a mount namespace of its own, in which /etc/passwd and /etc/group are ours.
set -eu
[ "$(id -u)" = 0 ] || { echo "not root: no other users to run under"; exit 77; }
for tool in unshare setpriv systemd-sysusers; do
	command -v $tool >/dev/null || { echo "$tool is missing"; exit 77; }
done
if [ "${1-}" != --inside ]; then
	unshare -m true 2>/dev/null || { echo "no mount namespaces here"; exit 77; }
	exec unshare -m "$0" --inside
fi
build=$LANED_BUILD
dir=$(mktemp -d)
pids=
cleanup()
{
	# shellcheck disable=SC2086 # a list
	[ -z "$pids" ] || kill $pids 2>/dev/null || :
	wait
	umount /etc/passwd /etc/group 2>/dev/null || :
	rm -rf "$dir"
}
trap cleanup EXIT
fail()
{
	echo "$*"
	cat "$dir"/*.log
	exit 1
}
# as USER COMMAND...: with the groups that USER has in the files.
as()
{
	local user=$1
	shift
	setpriv --reuid "$user" --regid "$(id -g "$user")" --init-groups -- "$@"
}
# soon TEXT COMMAND...: COMMAND says TEXT before 10 s are over.
soon()
{
	local text=$1 i
	shift
	for ((i = 0; i < 100; i++)); do
		"$@" 2>&1 | grep -q -- "$text" && return
		sleep 0.1
	done
	fail "not said in time by $*: $text"
}

chmod 755 "$dir"
mkdir -p "$dir/root/etc" "$dir/plugins"
systemd-sysusers --root="$dir/root" "$(realpath "$SRCDIR/systemd/laned.sysusers")" >/dev/null 2>&1
# Names of the machine stay; ids of ours are moved out of its way.
{
	grep -v '^laned' /etc/passwd
	awk -F: -v OFS=: '/^laned/ { $3 += 60000; $4 += 60000; print }' "$dir/root/etc/passwd"
	printf '%s:x:%d:%d::/:/bin/sh\n' laned-a-drop 61999 61999 lapos 62001 62001 viewer 62002 62002 \
		boss 62003 62003 guest 62004 62004
} >"$dir/passwd"
{
	grep -v '^laned' /etc/group
	awk -F: -v OFS=: '/^laned/ { $3 += 60000; print }' "$dir/root/etc/group" |
		sed 's/^\(laned-view:.*\)$/\1viewer/; s/^\(laned-admin:.*\)$/\1boss/'
	printf '%s:x:%d:\n' laned-a-drop 61999 viewer 62002 boss 62003 guest 62004
	echo 'lapos:x:62001:laned-a-drop' # SupplementaryGroups= of the drop-in
} >"$dir/group"
chmod 644 "$dir/passwd" "$dir/group"
mount --bind "$dir/passwd" /etc/passwd
mount --bind "$dir/group" /etc/group

install -d -m 0700 -o laned -g laned "$dir/state"
install -d -m 0755 -o laned -g laned "$dir/run"
install -d -m 0700 -o laned-bio -g laned-bio "$dir/bio" "$dir/present"
install -d -m 2770 -g lapos "$dir/pos" "$dir/pos/in" "$dir/pos/out"
install -m 644 "$build/plugins/drop.so" "$build/plugins/drop.options.json" "$dir/plugins"
cat >"$dir/laned.conf" <<-CONF
	[paths]
	run = $dir/run
	state = $dir/state
	bio_state = $dir/bio
	adapters = $dir/plugins
	[privacy]
	profile = us_other
	[reader:test]
	driver = file
	folder = $dir/present
	[adapter:drop]
	in = $dir/pos/in
	out = $dir/pos/out
CONF
# The programs where everybody may run them, whoever owns the build.
install -m 755 "$build/laned" "$build/laned-bio" "$build/laned-adapter" "$build/lanectl" "$dir"
export LANED_CONF=$dir/laned.conf
cd /
# start USER PROGRAM ARGUMENT...: in the background, until we end or 100 s are over.
start()
{
	local log=$dir/${2##*/}.log
	(exec setpriv --reuid "$1" --regid "$(id -g "$1")" --init-groups -- \
		timeout 100 "${@:2}" >"$log" 2>&1) &
	pids="$pids $!"
}
start laned "$dir/laned"
start laned-bio "$dir/laned-bio"
bio=$!
start laned-a-drop "$dir/laned-adapter" --name drop
ctl=$dir/lanectl
soon 'laned-bio   connected' "$ctl" status
soon 'adapter     drop (drop): connected' "$ctl" status
if "$ctl" status | grep unprotected; then
	fail "each program has its own user, and status does not know it"
fi

# Roles: the groups of the peer.
echo '{"number":"1001","claims":[{"kind":"card","value":"2400000010017"}]}' >"$dir/members.jsonl"
chmod 644 "$dir/members.jsonl"
# answers CODE USER ARGUMENT...
answers()
{
	local want=$1 got=0
	shift
	as "$1" "$ctl" "${@:2}" >"$dir/out" 2>&1 || got=$?
	[ "$got" = "$want" ] || fail "$*: exit $got instead of $want: $(cat "$dir/out")"
}
answers 77 viewer members import "$dir/members.jsonl"
answers 0 boss members import "$dir/members.jsonl"
answers 0 viewer status
answers 0 viewer readers
answers 0 viewer receipts keys
answers 77 viewer returns list
answers 77 viewer return LR100
answers 65 boss return LR100
answers 77 viewer receipts rotate
answers 0 boss receipts rotate
answers 77 viewer members show 1001
answers 0 boss members show 1001
answers 0 laned reload # as systemctl reload does
if as guest "$ctl" status >"$dir/out" 2>&1; then
	fail "somebody without any role was let in"
fi
for file in journal.db cache.db identity receipt.key; do
	if as laned-bio test -r "$dir/state/$file" || as laned-a-drop test -r "$dir/state/$file"; then
		fail "$file can be read by another program's user"
	fi
done
for file in gallery.db gallery.key; do
	if as laned test -r "$dir/bio/$file" || as laned-a-drop test -r "$dir/bio/$file"; then
		fail "$file can be read by another program's user"
	fi
done

# The POS, a user of its own, gets an offer through the shared folders.
mkfifo "$dir/commands"
(exec setpriv --reuid lapos --regid lapos --clear-groups -- timeout 60 /usr/bin/python3 \
	"$SRCDIR/tests/demo/pos.py" --dir "$dir/pos" serve <"$dir/commands" >"$dir/pos.log" 2>&1) &
pos=$!
pids="$pids $pos"
exec 9>"$dir/commands"
printf '%s\n' ticket 'scan milk' 'claim card 2400000010017' >&9
soon 'member known' "$ctl" status
printf '%s\n' total 'offer 10' cash quit >&9
wait "$pos" || fail "the POS failed"
exec 9>&-
grep -q '"member_no": "1001"' "$dir/pos.log" || fail "the POS got no offer for the member"

# Whoever has a receipt's code has the receipt: who may only look does not see it.
soon ' done ' "$ctl" checkouts list
sale=$("$ctl" checkouts list | sed -n '/ done /{s/ .*//p;q;}')
as boss "$ctl" checkouts show "$sale" | grep -q 'receipt LR1' || fail "no receipt for a sale"
if as viewer "$ctl" checkouts show "$sale" | grep 'LR1'; then
	fail "a viewer sees a receipt"
fi

# The place of laned-bio is free now, and still nobody else's.
kill "$bio"
soon 'laned-bio   NOT CONNECTED' "$ctl" status
cat >"$dir/hello.py" <<-'PYTHON'
	import socket, sys
	s = socket.socket(socket.AF_UNIX)
	s.settimeout(10)
	s.connect(sys.argv[1])
	try:
	    s.sendall(b'{"jsonrpc":"2.0","id":1,"method":"bio.hello","params":'
	              b'{"version":"0","environment":"test","state":{}}}\n')
	    answer = s.recv(4096)
	except OSError:
	    answer = b""
	sys.exit(0 if b'"result"' in answer else 1)
PYTHON
chmod 644 "$dir/hello.py"
for user in laned-a-drop viewer guest; do
	if as $user /usr/bin/python3 "$dir/hello.py" "$dir/run/bio.sock"; then
		fail "$user was taken for laned-bio"
	fi
done
as laned-bio /usr/bin/python3 "$dir/hello.py" "$dir/run/bio.sock" || fail "laned-bio's user was refused"
echo "users: ok"
