# Completion of mvx for fish. Lay this file in ~/.config/fish/completions/.
#
# A TAB starts no process: it is answered from the table at the end, and from the names of venues,
# instruments and assets in the config file. The table is made by `python -m mvx.cli.complete`.

function __mvx
    set -l verb
    set -l typed
    set -l place 1
    set -l expects ''
    set -l ended ''
    set -g __mvx_config ''
    set -g __mvx_entry ''
    __mvx_table ''
    for word in (commandline -opc)[2..]
        if test -n "$expects"
            string match -q -- '--config=*' $__mvx_entry; and set -g __mvx_config $word
            set expects ''
        else if test -z "$ended" -a "$word" = --
            set ended yes
        else if test -z "$ended"; and string match -q -- '-*' $word; and __mvx_option (string split -m 1 = -- $word)[1]
            set -a typed (string replace -r '[+=:].*' '' -- $__mvx_entry)
            if string match -q -- '*=*' $word
                string match -q -- '--config=*' $__mvx_entry; and set -g __mvx_config (string split -m 1 = -- $word)[2]
            else
                set expects (__mvx_kinds $__mvx_entry)
            end
        else if string match -q -- "$word:*" $__mvx_verbs
            set -a verb $word
            set place 1
            __mvx_table "$verb"
        else
            set place (math $place + 1)
        end
    end
    set -l word (commandline -ct)
    if test -n "$expects"
        __mvx_offer "$expects" "$word" ''
    else if test -z "$ended"; and string match -q -- '--*=*' $word; and __mvx_option (string split -m 1 = -- $word)[1]
        set -l parts (string split -m 1 = -- $word)
        __mvx_offer (__mvx_kinds $__mvx_entry) "$parts[2]" "$parts[1]="
    else if test -z "$ended"; and string match -q -- '-*' $word
        __mvx_offer_options $typed
    else
        set -g __mvx_entry ''
        test $place = 1; and string replace : \t -- $__mvx_verbs
        if test $place -le (count $__mvx_places)
            __mvx_offer (string replace -r '\+$' '' -- $__mvx_places[$place]) "$word" ''
        else if string match -q -- '*+' "$__mvx_places[-1]"
            __mvx_offer (string replace -r '\+$' '' -- $__mvx_places[-1]) "$word" ''
        end
    end
end

# An option as typed. Sets __mvx_entry to its own in the table, such as --venue+=@venues:What it does. + repeats,
# = wants a value of that kind.
function __mvx_option
    for entry in $__mvx_opts $__mvx_shared
        if contains -- $argv[1] (string split , -- (string replace -r '[+=:].*' '' -- $entry))
            set -g __mvx_entry $entry
            return 0
        end
    end
    set -g __mvx_entry ''
    return 1
end

function __mvx_kinds
    string match -q -r -- '^[^:]*=(?<kinds>[^:]*)' $argv[1]; and echo $kinds
end

# Options, without those that were typed and do not repeat.
function __mvx_offer_options
    for entry in $__mvx_opts $__mvx_shared
        set -l names (string replace -r '[+=:].*' '' -- $entry)
        if not contains -- $names $argv; or string match -q -r -- '^[^:=]*\+' $entry
            for name in (string split , -- $names)
                printf '%s\t%s\n' $name (string split -m 1 : -- $entry)[2]
            end
        end
    end
end

# The kinds of value, what was typed of it, and what stands before it in the same word.
function __mvx_offer
    set -l begins $argv[2]
    set -l before $argv[3]
    set -l taken
    if string match -q -r -- '^[^:=]*\+=' $__mvx_entry; and string match -q -- '*,*' $begins
        set taken (string split , -- $begins)[..-2]
        set before "$before"(string join , -- $taken),
        set begins (string split , -- $begins)[-1]
    end
    for kind in (string split '|' -- $argv[1])
        switch $kind
            case -
            case @files
                string replace -r '^' -- "$before" (__fish_complete_path $begins)
            case '@*'
                for name in (__mvx_names $kind)
                    contains -- $name $taken; or echo $before$name
                end
            case '*'
                contains -- $kind $taken; or echo $before$kind
        end
    end
end

# What the config file in force says of the kind; where it says nothing, what is built in.
function __mvx_names
    set -l file mvx.toml
    set -l key '(?:(?<bare>[A-Za-z0-9_-]+)|["\'](?<quoted>[A-Za-z0-9_./:-]+)["\'])'
    set -l pattern '^\s*\['(string sub -s 2 -- $argv[1])"\.$key"'[].]'
    if test $argv[1] = @assets
        set pattern '^\s*(?:base|quote)\s*=\s*["\'](?<bare>[A-Za-z0-9._-]+)["\']'
    end
    if test -n "$__mvx_config"
        set file (string replace -r '^~/' "$HOME/" -- $__mvx_config)
    else if test -n "$MVX_CONFIG"
        set file (string replace -r '^~/' "$HOME/" -- $MVX_CONFIG)
    else if not test -f $file
        set file $HOME/.config
        test -n "$XDG_CONFIG_HOME"; and set file $XDG_CONFIG_HOME
        set file $file/mvx/mvx.toml
    end
    set -l known
    if test -f "$file" -a -r "$file"
        while read -l line
            set -l bare
            set -l quoted
            if string match -q -r -- $pattern $line
                contains -- "$bare$quoted" $known; or set -a known "$bare$quoted"
            end
        end <$file
    end
    if test -z "$known"
        __mvx_table $argv[1]
        set known $__mvx_known
    end
    string join \n -- $known
end

# What follows is made by `python -m mvx.cli.complete`: begin
function __mvx_table
    set -g __mvx_verbs
    set -g __mvx_opts
    set -g __mvx_places
    set -g __mvx_known
    switch $argv[1]
        case ''
            set -g __mvx_verbs \
                'route:Buy or sell over the best venues, fees included.' \
                'positions:What is held, as an interval where it is not confirmed.' \
                'reconcile:Compare the journal with the venues\' own records and correct it.' \
                'venue-status:How every venue is: asked now, at once and not for long.' \
                'cancel:Cancel an order, the orders of a parent, or all of ours.' \
                'halt:Take no new risk, at these venues or anywhere; cancels nothing.' \
                'resume:Lift a halt of these venues, or of the whole system.' \
                'flatten:Leave a venue: cordon, cancel, close its positions, verify.' \
                'run:Lead: work what is queued, reconcile each venue, keep its health.' \
                'orders:Child orders as the journal knows them.' \
                'fills:Fills as the journal knows them.' \
                'breaks:Differences that reconciliation found; ack marks one as seen.' \
                'baseline:Show and set what of a holding is inventory and no position.' \
                'explain:What a code, a state or a break means; what became of an order.' \
                'help:Help on a verb, or on a topic: exit-codes, words, config, time...' \
                'init:Write a config where there is none and create the journal.' \
                'doctor:Look at clock, disk, files, journal and venues, and say what to mend.' \
                'config:Check and show the configuration.' \
                'journal:Inspect the journal, and back it up.' \
                'paper:Look at and disturb the simulated venues.'
            set -g __mvx_opts \
                '--version:Print the version.'
            set -g __mvx_shared \
                '--config=@files:The config file.' \
                '--journal=@files:The journal file.' \
                '--json:One JSON object on one line.' \
                '-q,--quiet:Say only what is loud.' \
                '-v,--verbose:Say also what is in force.' \
                '-h,--help:Show this.'
        case 'route'
            set -g __mvx_opts \
                '--side=buy|sell:buy where it is not given.' \
                '--sell:The same as --side sell.' \
                '--limit=-:No fill beyond this price, in its quote.' \
                '--max-slippage-bps=-:Against the consolidated mid, fees excluded.' \
                '--tif=ioc|fok|gtc:ioc where it is not given. fok is whole or nothing at each venue.' \
                '--post-only:Rest and never take; implies --tif gtc.' \
                '--venue+=@venues:Only these venues (repeat, or a,b).' \
                '--exclude+=@venues:Not these venues (repeat, or a,b).' \
                '--id=-:Never trades twice under one key.' \
                '--resume:With --id: go on with what is left of a run.' \
                '--max-rounds=-:Re-plans at most.' \
                '--deadline=-:Each child\'s deadline in seconds.' \
                '--twap=-:Spread evenly over 90s, 15m, 2h.' \
                '--queue:Leave it to mvx run, now or later.' \
                '--dry-run:The same path; sends nothing, writes nothing.' \
                '--plan=@files:Do what a saved dry run planned, or refuse.' \
                '--live:Refuse to run on paper venues.' \
                '-y,--yes:Do not ask on live venues.'
            set -g __mvx_places \
                '@instruments' \
                '-'
        case 'positions'
            set -g __mvx_opts \
                '--venue=@venues:Only this venue.' \
                '--fresh:Reconcile with the venues first.' \
                '--max-age=-:Exit 5 where an agreement is older.' \
                '--format=csv|ndjson:Its rows, for a sheet or a pipe.'
            set -g __mvx_places \
                '@instruments|@assets'
        case 'reconcile'
            set -g __mvx_opts \
                '--venue+=@venues:Only these venues (repeat, or a,b).' \
                '--watch:Again and again, one record each time.' \
                '--interval=-:Between the records of --watch.' \
                '--order=-:This order\'s venue only.' \
                '--accept=never|adopt:With --order: it never arrived, or take what its venue lists.' \
                '--report-only:Report breaks and correct nothing.'
        case 'venue-status'
            set -g __mvx_opts \
                '--watch:Again and again, one record each time.' \
                '--interval=-:Between the records of --watch.' \
                '--cached:Ask nobody: what the journal knows.' \
                '--format=csv|ndjson:Its rows, for a sheet or a pipe.'
        case 'cancel'
            set -g __mvx_opts \
                '--all:Every open order of ours.' \
                '--venue+=@venues:Only these venues (repeat, or a,b).'
            set -g __mvx_places \
                '-'
        case 'halt'
            set -g __mvx_opts \
                '--venue+=@venues:Only these venues (repeat, or a,b).' \
                '--reducing:Let pass what makes the position smaller.' \
                '--reason=-:Why: kept and shown with your name.'
        case 'resume'
            set -g __mvx_opts \
                '--venue+=@venues:Only these venues (repeat, or a,b).' \
                '--reason=-:Why: kept and shown with your name.'
        case 'flatten'
            set -g __mvx_opts \
                '--venue+=@venues:Only these venues (repeat, or a,b).' \
                '--all:Every venue.' \
                '--instrument+=@instruments:Only these (repeat, or a,b).' \
                '--to-zero:The whole holding, inventory too.' \
                '--foreign:Cancel orders that mvx did not send as well.' \
                '--dry-run:The same path; sends nothing, writes nothing.' \
                '-y,--yes:Do not ask on live venues.'
        case 'run'
        case 'orders'
            set -g __mvx_opts \
                '--since=-:A time, or 15m, 2h, 7d ago.' \
                '--venue=@venues:Only this venue.' \
                '--open:Only those that may still fill.' \
                '--limit=-:At most so many, the newest; 100.' \
                '--format=csv|ndjson:Its rows, for a sheet or a pipe.'
        case 'fills'
            set -g __mvx_opts \
                '--since=-:A time, or 15m, 2h, 7d ago.' \
                '--venue=@venues:Only this venue.' \
                '--limit=-:At most so many, the newest; 100.' \
                '--format=csv|ndjson:Its rows, for a sheet or a pipe.'
        case 'breaks'
            set -g __mvx_verbs \
                'ack:Mark a break as seen: it is not open any more.'
            set -g __mvx_opts \
                '--since=-:A time, or 15m, 2h, 7d ago.' \
                '--venue=@venues:Only this venue.' \
                '--open:Only those neither corrected nor acknowledged.' \
                '--limit=-:At most so many, the newest; 100.' \
                '--format=csv|ndjson:Its rows, for a sheet or a pipe.'
        case 'breaks ack'
            set -g __mvx_places \
                '-'
        case 'baseline'
            set -g __mvx_verbs \
                'show:Baseline, holding and position of each venue and asset.' \
                'set:Say how much of a holding is inventory: the position is the rest.'
        case 'baseline show'
            set -g __mvx_opts \
                '--venue=@venues:Only this venue.'
        case 'baseline set'
            set -g __mvx_places \
                '@venues' \
                '@assets' \
                '-'
        case 'explain'
            set -g __mvx_places \
                '0|1|2|3|4|5|6|7|8|130|143|usage|bad_number|config|refused|no_venue|journal|journal_damaged|venue_busy|lease_lost|leader_gone|answer_lost|bad_venue_data|venue|venue_rejected|venue_unreachable|held_back|deadline_passed|outcome_unknown|interrupted|defect|error|missing_fill|phantom_fill|order_state|unknown_resolved|foreign_order|foreign_fill|fill_conflict|overfill|late_fill|bust|balance|position|PENDING_NEW|NEW|PARTIALLY_FILLED|FILLED|PENDING_CANCEL|CANCELED|REJECTED|EXPIRED|LIVE|DEGRADED|DARK|RECOVERING|ACTIVE|REDUCING|HALTED|agreed|open|settling|stale|unconfirmed|unknown|planned|working|resting|filled|incomplete|uncertain|canceled|died|parent|child|intent|deadline|fill|confirmed|expected|worst_case|settled|interval|baseline|break|foreign|revoked|adjustment|lateness|leader|job'
        case 'help'
            set -g __mvx_places \
                'exit-codes|error-codes|break-kinds|states|words|environment|config|time|numbers|json|route|positions|reconcile|venue-status|cancel|halt|resume|flatten|run|orders|fills|breaks|baseline|explain|help|init|doctor|journal|paper+'
        case 'init'
            set -g __mvx_opts \
                '--paper:Write the built-in paper desk; do not ask.'
        case 'doctor'
        case 'config'
            set -g __mvx_verbs \
                'check:Report every error of the config at once.' \
                'show:Every value in force and its origin.' \
                'path:Which config and journal are in force.'
        case 'config check'
        case 'config show'
        case 'config path'
        case 'journal'
            set -g __mvx_verbs \
                'info:What the journal holds and how it is.' \
                'verify:Fold the log again and compare it with the stored state.' \
                'backup:Copy the journal while it is in use; put back, such a copy is noticed.'
        case 'journal info'
        case 'journal verify'
        case 'journal backup'
            set -g __mvx_places \
                '@files'
        case 'paper'
            set -g __mvx_verbs \
                'ledger:A paper venue\'s own truth.' \
                'fault:Make a paper venue misbehave.' \
                'heal:Take faults back.' \
                'trade:A manual trade, or with --limit an order, that mvx did not make.' \
                'cancel:Cancel any open order of the account by hand, ours or not.' \
                'transfer:Move an asset in, or out where the amount is negative.' \
                'serve:Speak Kraken\'s and Binance\'s REST dialects, for whatever takes an api_url.' \
                'reset:Forget the simulated venues\' state.'
        case 'paper ledger'
            set -g __mvx_places \
                '@venues'
        case 'paper fault'
            set -g __mvx_opts \
                '--count=-:So many times.' \
                '--for=-:So long.' \
                '--delay=-:How late.'
            set -g __mvx_places \
                '@venues' \
                'lost-request|late-request|lost-ack|late-ack|http-429|http-503-before|http-503-after|reset-after|html-200|empty-200|truncated|no-id|outage|hang|maintenance|key-revoked|late-trade|stale-order|not-found|late-fill|partial|bust|duplicate-event|drop-event|reorder-event|clock-skew|base-fee|token-fee'
        case 'paper heal'
            set -g __mvx_places \
                '@venues'
        case 'paper trade'
            set -g __mvx_opts \
                '--limit=-:Rest there instead of taking any price.'
            set -g __mvx_places \
                '@venues' \
                'buy|sell' \
                '-' \
                '-'
        case 'paper cancel'
            set -g __mvx_places \
                '@venues' \
                '-'
        case 'paper transfer'
            set -g __mvx_opts \
                '--delay=-:Listed so long after the balance moved.'
            set -g __mvx_places \
                '@venues' \
                '@assets' \
                '-'
        case 'paper serve'
            set -g __mvx_opts \
                '--host=-:Where; nothing guards it.' \
                '--port-base=-:The first venue\'s port.'
        case 'paper reset'
            set -g __mvx_opts \
                '--books=@files:Play these recorded books.'
        case '@venues'
            set -g __mvx_known \
                'kraken' \
                'coinbase' \
                'binance' \
                'okx' \
                'bybit'
        case '@instruments'
            set -g __mvx_known \
                'BTC-USD'
        case '@assets'
            set -g __mvx_known \
                'BTC' \
                'USD' \
                'USDT'
    end
end
# end of what is made

complete -c mvx -f -a '(__mvx)'
