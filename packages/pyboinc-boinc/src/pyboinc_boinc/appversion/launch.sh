#!/bin/sh
# The main program of the app version: finds Python 3.9 or later and becomes it. Any POSIX shell will do.

shipped=@SHIPPED@ # the SHA-256 of python.tar.gz, if the app version has one

# A file of the task: itself, as a copy or a symbolic link, or the line <soft_link>PATH</soft_link>.
resolve() {
    IFS= read -r line < "$1"
    file=$1
    case $line in
    '<soft_link>'*)
        line=${line#<soft_link>}
        file=${line%%</soft_link>*}
        ;;
    esac
} 2> /dev/null
resolve runtime.zip
runtime=$file
case $runtime in */*) project=${runtime%/*} ;; *) project= ;; esac

# An empty environment: the other one is the volunteer's. -I -S: so are other settings of Python.
boot='@BOOT@'
become() {
    exec env -i ${libraries:+"LD_LIBRARY_PATH=$libraries" "DYLD_LIBRARY_PATH=$libraries"} "$1" -I -S -c "$boot" "$PWD/$runtime" "$wrapped"
}
wrapped=$1
libraries=

# What the last task found is taken without a trial. Emptied until the runtime, when it runs, has written it again: so a
# Python that has been removed or spoilt fails once.
found=$project/pyboinc_python
again() {
    [ -n "$project" ] || return
    IFS= read -r python < "$found" || python= # half a line: another task has just emptied it
    : > "$found"
} 2> /dev/null

limit=
command -v timeout > /dev/null && limit='timeout 10'
system() {
    [ "$(uname)" = "$1" ]
} 2> /dev/null
is_recent() {
    [ -x "$1" ] || return
    if [ "$1" = /usr/bin/python3 ] && system Darwin; then # it may be one that offers to install Xcode
        xcode-select -p > /dev/null || return
    fi
    [ "$($limit env -i "$1" -I -S -c 'import sys; print(sys.version_info >= (3, 9))' < /dev/null)" = True ]
} 2> /dev/null

# The shipped one: unpacked beside the runtime under another name first, for other tasks may do so too.
digest() {
    { sha256sum "$1" || shasum -a 256 "$1"; } 2> /dev/null | cut -c -64
}
unpack() {
    resolve python.tar.gz
    [ "$(digest "$file")" = "$shipped" ] || return
    new=${project:-.}/pyboinc_unpack_$$
    mkdir "$new" && tar -xzf "$file" -C "$new" && mv "$new" "$home"
    rm -rf "$new" "$home/${new##*/}" # the latter if another task was faster
    find "${project:-.}" -maxdepth 1 -name 'pyboinc_unpack_*' -mmin +60 -exec rm -rf {} +
    for old in "$project"/pyboinc_cpython_*; do # remove those whose archive the client has removed
        set -- "$project"/pyboinc_python*_"$(printf %.16s "${old##*_}")"*
        [ -e "$1" ] || [ "$old" = "$home" ] || rm -rf "$old"
    done
} 2> /dev/null
if [ -n "$shipped" ]; then
    home=${project:-.}/pyboinc_cpython_$shipped
    [ -x "$home/bin/python3" ] || unpack
    if [ -x "$home/bin/python3" ]; then
        libraries=$PWD/$home/lib
        become "$PWD/$home/bin/python3"
    fi
    echo "pyboinc: the shipped Python is damaged or can't be unpacked; looking for another one" >&2
fi

python=
again
[ -f "$python" ] && [ -x "$python" ] && become "$python"

PATH=${PATH:+$PATH:}/usr/local/bin:/usr/bin:/bin:/opt/bin
system Darwin && PATH=$PATH:/opt/homebrew/bin:/opt/local/bin:/Library/Frameworks/Python.framework/Versions/Current/bin
IFS=:
for folder in $PATH; do
    unset IFS
    case $folder in /*) ;; *) continue ;; esac # never from the slot
    for python in "$folder"/python3 "$folder"/python3.[1-9][0-9] "$folder"/python3.9; do
        is_recent "$python" && become "$python"
    done
done

echo "pyboinc: this computer has no Python 3.9 or later in any of $PATH" >&2
exit 206 # BOINC's EXIT_INIT_FAILURE
