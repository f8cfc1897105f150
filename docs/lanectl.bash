# bash completion for lanectl
_lanectl()
{
	local cur prev line i groups
	cur=${COMP_WORDS[COMP_CWORD]}
	prev=${COMP_WORDS[COMP_CWORD - 1]}
	# The words of the command so far, without the options that may stand before it.
	local -a words=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--conf | --socket) ((i++)) ;;
		-*) ;;
		*) words+=("${COMP_WORDS[i]}") ;;
		esac
	done
	groups="status doctor watch readers reload other-tender remove-member training config members
		offers baskets price enrol identify present bio checkouts payments return returns receipts"
	line="${words[*]:0:2}"

	case $prev in
	--conf | --socket | --file | --rules | --basket | --against | --members | --consent-text)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--finger)
		mapfile -t COMPREPLY < <(compgen -W "1 2 3 4 5 6 7 8 9 10" -- "$cur")
		return
		;;
	--format)
		case $line in
		bio*) mapfile -t COMPREPLY < <(compgen -W "iso ansi" -- "$cur") ;;
		members*) mapfile -t COMPREPLY < <(compgen -W "jsonl csv" -- "$cur") ;;
		baskets* | *simulate) mapfile -t COMPREPLY < <(compgen -W "poslog jsonl" -- "$cur") ;;
		*) mapfile -t COMPREPLY < <(compgen -W "json jsonl csv" -- "$cur") ;;
		esac
		return
		;;
	--member)
		[ "${words[0]-}" = price ] && mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--currency | --timezone | --shift-days | --top | --nodes | --line | --limit | --after | --at | --number | \
		--account | --language | --greeting | --group | --day | --columns | --charges | --credits | \
		--tender | --workstation | \
		--card | --phone | --qr | --consent-version | --staff)
		return
		;;
	esac

	local options="--json --conf --socket --help" more='' files=''
	case $line in
	'') more="$groups" options="$options --version" ;;
	readers*) options="$options --watch" ;;
	training) more="on off" ;;
	config) more="check show" ;;
	members) more="import add show list export" ;;
	offers) more="import check list simulate" ;;
	baskets) more="convert" ;;
	'baskets convert')
		options="$options --format --currency --timezone --before-discounts --strip-zeros
			--member-numbers"
		files=1
		;;
	'offers simulate')
		options="$options --rules --against --baskets --at --shift-days --members --csv --top
			--language --skip-bad --nodes --format --currency --timezone
			--before-discounts --strip-zeros"
		files=1
		;;
	'offers list') options="$options --rules --currency --language" ;;
	checkouts) more="list show" ;;
	bio) more="report import export" ;;
	'bio import')
		options="$options --check --member --consent-text --consent-version --signed
			--language --staff --payment --finger"
		files=1
		;;
	'bio export') options="$options --member --format" files=1 ;;
	'members import' | 'offers import') options="$options --check --format" files=1 ;;
	'members add')
		options="$options --file --number --account --language --greeting --group --card
			--phone --qr"
		;;
	'members list' | 'checkouts list') options="$options --limit --after" ;;
	'offers check') options="$options --format --currency --at" files=1 ;;
	price*) options="$options --rules --basket --member --at --currency --explain --language" ;;
	'payments report') options="$options --day --from --to --csv" ;;
	'payments reconcile')
		options="$options --day --from --to --columns --minor --charges --credits --tender
			--workstation --csv"
		files=1
		;;
	'payments settle') options="$options --taken --not-taken" ;;
	payments*) more="report reconcile settle" options="$options --open --limit" ;;
	returns) more="list show" ;;
	'returns list') options="$options --limit" ;;
	receipts) more="keys rotate" ;;
	'receipts rotate') options="$options --distrust" ;;
	return*)
		options="$options --line --all --to-token --wait --dry-run --id --unknown-sale"
		;;
	enrol*)
		options="$options --member --consent-text --consent-version --signed --language
			--staff --payment --fingers"
		files=1
		;;
	present*) files=1 ;;
	esac
	case $cur in
	-*) more=$options ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$more" -- "$cur")
	if [ -n "$files" ] && [ "${cur#-}" = "$cur" ]; then
		mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$cur")
	fi
}
complete -o filenames -F _lanectl lanectl
