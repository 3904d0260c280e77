#!/bin/sh
# Runs steps and sums up what they came to. Sourced by a script that has defined:
#
#   root          the folder it is run in; $root/build/logs gets what each step prints
#   script        how the script itself is called again
#   steps         prints the table: NAME SECONDS BESIDE NEEDS [WHEN]; the first that may run is the next. SECONDS is when
#                 a step is stopped. Two run at a time, but BESIDE is "wide" for one that keeps all cores busy, of
#                 which there is one at a time, "alone" for one with nothing beside it, and "-" otherwise. NEEDS is
#                 a step that must have passed, or "-"; WHEN is "named" for one that is run only when it is named
#   step_NAME     does a step, with _ for -. $state is a folder that is thrown away, $step its own name
#   prepare       whatever must be there before; without it nothing is run
#
# A step may print "count: P passed, F failed", once or more often, and "note: TEXT"; without a count it is
# one test. A step that ran no test, or failed without a failed test, counts as a failure. Of a step that failed,
# its last line "failures:" and what follows are shown, or else its last 40 lines.
#
# shellcheck disable=SC2154 # the variables named above

# row STEP COLUMN
row() {
    steps | awk -v step="$1" -v column="$2" '$1 == step { print $column }'
}

# wanted NAME [PATTERN ...]
wanted() {
    [ $# -gt 1 ] || return 0
    wanted=$1
    shift
    for part; do
        case $wanted in
        "$part" | "$part"-*) return 0 ;;
        esac
    done
    return 1
}

# Ends what runs: `timeout` hands the signal on to its step's process group.
stop() {
    trap '' INT TERM
    for each in $running; do
        kill -TERM "$(cat "$state/$each.pid")" 2>/dev/null
    done
    wait
    rm -rf "$state"
}

# start STEP: in a process group of its own, which `timeout` makes and ends.
start() {
    date +%s >"$state/$1.started"
    {
        status=0
        timeout -k 10 "$(row "$1" 2)" "$script" --step "$1" "$state" >"$logs/$1.log" 2>&1 </dev/null &
        echo $! >"$state/$1.pid"
        wait $! || status=$?
        echo $status >"$state/$1.ended.new"
        mv "$state/$1.ended.new" "$state/$1.ended"
    } &
    running="$running $1"
}

# verdict STEP PASSED FAILED SECONDS NOTE
verdict() {
    passed=$((passed + $2))
    failed=$((failed + $3))
    word=ok
    [ "$3" -eq 0 ] || word=FAIL
    printf '%-5s %-14s %5d passed %4d failed %5d s  %s\n' "$word" "$1" "$2" "$3" "$4" "$5"
    [ "$3" -eq 0 ] || : >"$state/$1.failed"
    : >"$state/$1.judged"
}

# judge STEP: it has ended.
judge() {
    status=$(cat "$state/$1.ended")
    seconds=$(($(date +%s) - $(cat "$state/$1.started")))
    note=$(sed -n 's/^note: //p' "$logs/$1.log" | tail -n 1)
    count=$(awk '/^count: [0-9]+ passed, [0-9]+ failed$/ { good += $2; bad += $4; some = 1 }
        END { if (some) print good, bad }' "$logs/$1.log")
    if [ -z "$count" ]; then
        count="1 0"
        [ "$status" -eq 0 ] || count="0 1"
    fi
    good=${count% *}
    bad=${count#* }
    case $status in
    124 | 137) note="stopped after $(row "$1" 2) s" ;;
    esac
    if [ "$bad" -eq 0 ] && [ "$status" -ne 0 ]; then
        bad=1
        note="${note:-ended with status $status}"
    elif [ $((good + bad)) -eq 0 ]; then
        bad=1
        note="no test ran"
    fi
    verdict "$1" "$good" "$bad" "$seconds" "$note"
    if [ "$bad" -gt 0 ]; then
        awk '$0 == "failures:" { from = NR } { line[NR] = $0 }
            END {
                if (!from && NR > 40) from = NR - 39
                for (i = from ? from : 1; i <= NR && i < from + 60; i++) print "      | " line[i]
            }' "$logs/$1.log"
        echo "      all of it: build/logs/$1.log"
    fi
}

# reap: judges what has ended; 1 when nothing had.
reap() {
    still=
    some=1
    for each in $running; do
        if [ -e "$state/$each.ended" ]; then
            judge "$each"
            some=0
        else
            still="$still $each"
        fi
    done
    running=$still
    return $some
}

# fits STEP: whether it may run beside what runs.
fits() {
    [ "$(echo "$running" | wc -w)" -lt 2 ] || return
    beside=$(row "$1" 3)
    for each in $running; do
        case $beside-$(row "$each" 3) in
        alone-* | *-alone | wide-wide) return 1 ;;
        esac
    done
}

# begin STEP: starts it, or says that it cannot be run; 1 when it has to wait.
begin() {
    need=$(row "$1" 4)
    if [ "$need" != - ]; then
        [ -e "$state/$need.judged" ] || return
        if [ -e "$state/$need.failed" ]; then
            verdict "$1" 0 1 0 "not run: $need failed"
            return
        fi
    fi
    fits "$1" && start "$1"
}

# run_steps [--list | NAME ...]: a NAME is a step or the first part of its name.
run_steps() {
    logs=$root/build/logs
    names=$(steps | cut -d ' ' -f 1)
    if [ "${1:-}" = --step ]; then
        step=$2
        state=$3
        "step_$(echo "$step" | tr - _)"
        exit
    fi
    if [ "${1:-}" = --list ]; then
        echo "$names"
        exit
    fi

    chosen=
    for name in $names; do
        [ $# -gt 0 ] || [ "$(row "$name" 5)" != named ] || continue
        if wanted "$name" "$@"; then
            need=$(row "$name" 4)
            case " $chosen " in
            *" $need "*) ;;
            *) [ "$need" = - ] || chosen="$chosen $need" ;;
            esac
            case " $chosen " in
            *" $name "*) ;;
            *) chosen="$chosen $name" ;;
            esac
        fi
    done
    for pattern; do
        found=
        for name in $names; do
            ! wanted "$name" "$pattern" || found=yes
        done
        [ -n "$found" ] || {
            echo "test: there is no step \"$pattern\"; --list shows them" >&2
            exit 2
        }
    done

    prepare || {
        echo "0 passed, 1 failed"
        exit 1
    }

    mkdir -p "$logs"
    state=$(mktemp -d) || exit 2
    running=
    trap 'stop; exit 130' INT
    trap 'stop; exit 143' TERM
    trap 'rm -rf "$state"' EXIT

    passed=0
    failed=0
    started=$(date +%s)
    echo "test:$chosen"
    while [ -n "$chosen$running" ]; do
        waiting=
        for next in $chosen; do
            begin "$next" || waiting="$waiting $next"
        done
        chosen=$waiting
        [ -z "$running" ] || until reap; do
            sleep 0.2
        done
    done
    echo "test: $(($(date +%s) - started)) s"
    echo "$passed passed, $failed failed"
    [ $failed -eq 0 ]
}
