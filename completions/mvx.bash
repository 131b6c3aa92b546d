# Completion of mvx for bash. Source this file, or lay it where bash-completion looks:
# ~/.local/share/bash-completion/completions/mvx
#
# A TAB starts no process: it is answered from the table at the end, and from the names of venues,
# instruments and assets in the config file. The table is made by `python -m mvx.cli.complete`.

_mvx() {
    local IFS=$' \t\n' verbs opts places shared known verb='' typed=' ' config='' entry='' expects='' ended=''
    local place=0 word i
    COMPREPLY=()
    _mvx_table ''
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $word == '=' ]]; then
            continue
        elif [[ -n $expects ]]; then
            [[ $entry == --config=* ]] && config=$word
            expects=''
        elif [[ -z $ended && $word == -- ]]; then
            ended=yes
        elif [[ -z $ended && $word == -* ]] && _mvx_option "${word%%=*}"; then
            typed+="${entry%%[+=]*} "
            [[ $entry == *=* && $word != *=* ]] && expects=${entry#*=}
            [[ $entry == --config=* && $word == *=* ]] && config=${word#*=}
        elif [[ " $verbs " == *" $word "* ]]; then
            verb+=${verb:+ }$word
            place=0
            _mvx_table "$verb"
        else
            place=$((place + 1))
        fi
    done
    word=${COMP_WORDS[COMP_CWORD]}
    [[ $word == '=' ]] && word=''
    if [[ -n $expects ]]; then
        _mvx_offer "$expects" "$word"
    elif [[ -z $ended && $word == --*=* ]] && _mvx_option "${word%%=*}" && [[ $entry == *=* ]]; then
        # The whole word is replaced where = breaks no words in this shell.
        _mvx_offer "${entry#*=}" "${word#*=}" "${word%%=*}="
    elif [[ -z $ended && $word == -* ]]; then
        _mvx_offer_options "$word"
    else
        entry=''
        _mvx_offer_words "$word"
    fi
}

# $1: an option as typed. Sets `entry` to its own in the table, such as --venue+=@venues: + repeats, = wants a
# value of that kind.
_mvx_option() {
    for entry in $opts $shared; do
        [[ ",${entry%%[+=]*}," == *",$1,"* ]] && return 0
    done
    entry=''
    return 1
}

# Options that begin with $1, without those that were typed and do not repeat.
_mvx_offer_options() {
    local name names
    for entry in $opts $shared; do
        names=${entry%%[+=]*}
        [[ $typed == *" $names "* && $entry != *+* ]] && continue
        for name in ${names//,/ }; do
            [[ $name == "$1" || $name == --* && $name == "$1"* ]] && COMPREPLY+=("$name")
        done
    done
}

# Verbs, and what stands in this place; options where nothing can.
_mvx_offer_words() {
    local name all=($places)
    for name in $verbs; do
        [[ $place == 0 && $name == "$1"* ]] && COMPREPLY+=("$name")
    done
    if ((place < ${#all[@]})); then
        _mvx_offer "${all[place]%+}" "$1"
    elif [[ $places == *+ ]]; then
        _mvx_offer "${all[${#all[@]} - 1]%+}" "$1"
    elif [[ -z $verbs$1$ended ]]; then
        _mvx_offer_options ''
    fi
}

# $1: the kinds of value, $2: what was typed of it, $3: what stands before it in the same word
_mvx_offer() {
    local kind name names=() begins=$2 before=${3-}
    if [[ $entry == *+=* && $begins == *,* ]]; then
        before+=${begins%,*},
        begins=${begins##*,}
    fi
    local IFS='|'
    for kind in $1; do
        case $kind in
            -) ;;
            @files) _mvx_offer_files "$begins" "$before" ;;
            @*) _mvx_names "$kind" ;;
            *) names+=("$kind") ;;
        esac
    done
    for name in "${names[@]}"; do
        [[ $name == "$begins"* && ",${before##*=}" != *",$name,"* ]] && COMPREPLY+=("$before$name")
    done
}

_mvx_offer_files() {
    local file begins=$1 home=''
    [[ $begins == '~/'* ]] && home=$HOME/ begins=$HOME/${begins:2}
    compopt -o filenames 2>/dev/null
    for file in "$begins"*; do
        [[ -e $file ]] && COMPREPLY+=("$2${home:+\~/}${file#"$home"}")
    done
}

# Adds to `names` what the config file in force says of $1; where it says nothing, what is built in.
_mvx_names() {
    local file=${config:-${MVX_CONFIG:-mvx.toml}} line name said='' quote="[\"']"
    local key="([A-Za-z0-9_-]+|$quote([A-Za-z0-9_./:-]+)$quote)"
    local pattern="^[[:space:]]*\\[${1#@}\\.${key}[].]"
    [[ $1 == @assets ]] && pattern="^[[:space:]]*(base|quote)[[:space:]]*=[[:space:]]*$quote([A-Za-z0-9._-]+)$quote"
    [[ $file == '~/'* ]] && file=$HOME/${file:2}
    [[ -f $file || -n $config${MVX_CONFIG-} ]] || file=${XDG_CONFIG_HOME:-$HOME/.config}/mvx/mvx.toml
    if [[ -f $file && -r $file ]]; then
        while IFS= read -r line || [[ -n $line ]]; do
            [[ $line =~ $pattern ]] || continue
            name=${BASH_REMATCH[2]:-${BASH_REMATCH[1]}}
            [[ "|$said|" == *"|$name|"* ]] || said+=${said:+|}$name
        done <"$file"
    fi
    _mvx_table "$1"
    for name in ${said:-${known// /|}}; do
        names+=("$name")
    done
}

# What follows is made by `python -m mvx.cli.complete`: begin
_mvx_table() {
    verbs='' opts='' places='' known=''
    case $1 in
        '')
            verbs='route positions reconcile venue-status cancel halt resume flatten run orders fills breaks baseline explain help init doctor config journal paper'
            opts='--version'
            shared='--config=@files --journal=@files --json -q,--quiet -v,--verbose -h,--help'
            ;;
        'route')
            opts='--side=buy|sell --sell --limit=- --max-slippage-bps=- --tif=ioc|fok|gtc --post-only --venue+=@venues --exclude+=@venues --id=- --resume --max-rounds=- --deadline=- --twap=- --queue --dry-run --plan=@files --live -y,--yes'
            places='@instruments -'
            ;;
        'positions')
            opts='--venue=@venues --fresh --max-age=- --format=csv|ndjson'
            places='@instruments|@assets'
            ;;
        'reconcile')
            opts='--venue+=@venues --watch --interval=- --order=- --accept=never|adopt --report-only'
            ;;
        'venue-status')
            opts='--watch --interval=- --cached --format=csv|ndjson'
            ;;
        'cancel')
            opts='--all --venue+=@venues'
            places='-'
            ;;
        'halt')
            opts='--venue+=@venues --reducing --reason=-'
            ;;
        'resume')
            opts='--venue+=@venues --reason=-'
            ;;
        'flatten')
            opts='--venue+=@venues --all --instrument+=@instruments --to-zero --foreign --dry-run -y,--yes'
            ;;
        'run')
            ;;
        'orders')
            opts='--since=- --venue=@venues --open --limit=- --format=csv|ndjson'
            ;;
        'fills')
            opts='--since=- --venue=@venues --limit=- --format=csv|ndjson'
            ;;
        'breaks')
            verbs='ack'
            opts='--since=- --venue=@venues --open --limit=- --format=csv|ndjson'
            ;;
        'breaks ack')
            places='-'
            ;;
        'baseline')
            verbs='show set'
            ;;
        'baseline show')
            opts='--venue=@venues'
            ;;
        'baseline set')
            places='@venues @assets -'
            ;;
        'explain')
            places='0|1|2|3|4|5|6|7|8|130|143|usage|bad_number|config|refused|no_venue|journal|journal_damaged|venue_busy|lease_lost|leader_gone|answer_lost|bad_venue_data|venue|venue_rejected|venue_unreachable|held_back|deadline_passed|outcome_unknown|interrupted|defect|error|missing_fill|phantom_fill|order_state|unknown_resolved|foreign_order|foreign_fill|fill_conflict|overfill|late_fill|bust|balance|position|PENDING_NEW|NEW|PARTIALLY_FILLED|FILLED|PENDING_CANCEL|CANCELED|REJECTED|EXPIRED|LIVE|DEGRADED|DARK|RECOVERING|ACTIVE|REDUCING|HALTED|agreed|open|settling|stale|unconfirmed|unknown|planned|working|resting|filled|incomplete|uncertain|canceled|died|parent|child|intent|deadline|fill|confirmed|expected|worst_case|settled|interval|baseline|break|foreign|revoked|adjustment|lateness|leader|job'
            ;;
        'help')
            places='exit-codes|error-codes|break-kinds|states|words|environment|config|time|numbers|json|route|positions|reconcile|venue-status|cancel|halt|resume|flatten|run|orders|fills|breaks|baseline|explain|help|init|doctor|journal|paper+'
            ;;
        'init')
            opts='--paper'
            ;;
        'doctor')
            ;;
        'config')
            verbs='check show path'
            ;;
        'config check')
            ;;
        'config show')
            ;;
        'config path')
            ;;
        'journal')
            verbs='info verify backup'
            ;;
        'journal info')
            ;;
        'journal verify')
            ;;
        'journal backup')
            places='@files'
            ;;
        'paper')
            verbs='ledger fault heal trade cancel transfer serve reset'
            ;;
        'paper ledger')
            places='@venues'
            ;;
        'paper fault')
            opts='--count=- --for=- --delay=-'
            places='@venues lost-request|late-request|lost-ack|late-ack|http-429|http-503-before|http-503-after|reset-after|html-200|empty-200|truncated|no-id|outage|hang|maintenance|key-revoked|late-trade|stale-order|not-found|late-fill|partial|bust|duplicate-event|drop-event|reorder-event|clock-skew|base-fee|token-fee'
            ;;
        'paper heal')
            places='@venues'
            ;;
        'paper trade')
            opts='--limit=-'
            places='@venues buy|sell - -'
            ;;
        'paper cancel')
            places='@venues -'
            ;;
        'paper transfer')
            opts='--delay=-'
            places='@venues @assets -'
            ;;
        'paper serve')
            opts='--host=- --port-base=-'
            ;;
        'paper reset')
            opts='--books=@files'
            ;;
        '@venues')
            known='kraken coinbase binance okx bybit'
            ;;
        '@instruments')
            known='BTC-USD'
            ;;
        '@assets')
            known='BTC USD USDT'
            ;;
    esac
}
# end of what is made

complete -F _mvx mvx
