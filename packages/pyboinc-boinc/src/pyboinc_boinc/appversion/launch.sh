#!/bin/sh
# The main program of the app version: finds Python 3.9 or later and becomes it. Any POSIX shell will do.

PATH=${PATH:+$PATH:}/usr/local/bin:/usr/bin:/bin:/opt/bin

# The runtime: a copy in the slot, or a line <soft_link>PATH</soft_link>.
runtime=runtime.zip
IFS= read -r line < "$runtime"
case $line in
'<soft_link>'*)
    line=${line#<soft_link>}
    runtime=${line%%</soft_link>*}
    ;;
esac

limit=
command -v timeout > /dev/null && limit='timeout 10'

# An empty environment, now and for the slave: the other one is the volunteer's. -I -S: so are other Python settings.
is_recent() {
    [ -x "$1" ] && [ "$($limit env -i "$1" -I -S -c 'import sys; print(sys.version_info >= (3, 9))' < /dev/null)" = True ]
} 2> /dev/null

start='import sys; sys.path.insert(0, sys.argv.pop(1)); from pyboinc_boinc.slave.app_client import main; main()'

IFS=:
for folder in $PATH; do
    unset IFS
    case $folder in /*) ;; *) continue ;; esac # never from the slot
    for python in "$folder"/python3 "$folder"/python3.[1-9][0-9] "$folder"/python3.9; do
        if is_recent "$python"; then
            exec env -i "$python" -I -S -c "$start" "$PWD/$runtime" "$@"
        fi
    done
done

echo "pyboinc: this computer has no Python 3.9 or later in any of $PATH" >&2
exit 206 # BOINC's EXIT_INIT_FAILURE
