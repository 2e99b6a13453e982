#!/bin/sh
# BOINC's wrapper starts it, as  sandbox.sh ENGINE CODE: runs the deterministic runtime on the folder job. Any POSIX shell will do.
# What the engine may do is written here, where it is signed: the client gives two numbers, and the job a third one.

engine=$PWD/$1
code=$2

fail() {
    echo "pyboinc: $1" >&2
    exit 1
}

# The engine follows no link out of the folder, but it lets the job make one, which the client would follow when it sends the
# output off, and so would this script.
unlink() {
    find job -type l -exec rm -f {} +
}

# The wrapper ends this process alone, and nothing that it has started.
run() {
    "$@" &
    child=$!
    wait "$child"
}
trap 'kill "$child"; wait "$child"; unlink; exit 143' TERM

memory= period=
while IFS='<>' read -r _ name value _; do
    case $name in
    rsc_memory_bound) memory=${value%%.*} ;;
    checkpoint_period) period=${value%%.*} ;;
    esac
done < init_data.xml
case $memory in '' | *[!0-9]*) fail "init_data.xml has no limit of memory" ;; esac
unlink || fail "can't look for links in the folder job"
case $period in '' | *[!0-9]*) ;; *) echo "$period" > job/checkpoint_period ;; esac
[ -e job/checkpoint ] || : > job/checkpoint # the wrapper tells of checkpoints only from the second time of this file on

left=100 # temporary exits, BOINC's own number
while
    rm -f job/temporary_exit
    run "$engine" @OPTIONS@ -W max-memory-size="$memory" --dir job::/ "$code"
    status=$?
    unlink || fail "can't look for links in the folder job"
    [ "$status" = 0 ] && [ -f job/temporary_exit ]
do
    [ $((left -= 1)) -gt 0 ] || fail "the slave has made 100 temporary exits"
    IFS= read -r seconds < job/temporary_exit
    case $seconds in '' | *[!0-9]*) seconds=60 ;; esac
    run sleep "$seconds" # the wrapper has no word for it
done
exit "$status"
