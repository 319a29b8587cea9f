#!/bin/sh
# Whether .venv can be used: its interpreter is there, and its programs start that one and no other checkout's. It is
# told by looking at files, in some milliseconds, since every verb of the Makefile asks. Python may be gone since (an
# upgrade, another machine's mount), and a checkout that was moved or copied has programs with the path of before.
[ -x .venv/bin/python ] && [ -r .venv/bin/lab ] || exit 1
{
    read -r line
    # Where the path is long or has blanks in it, the first line is a shell's, and the second starts the interpreter.
    [ "$line" != '#!/bin/sh' ] || read -r line
} <.venv/bin/lab
path=${line#'#!'}
path=${path#"'''exec' "}
path=${path%' "$0" "$@"'}
path=${path#\"}
path=${path%\"}
[ "${path%/*}" -ef .venv/bin ]
