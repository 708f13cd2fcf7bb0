#!/bin/sh
# Optional (set-up): checks for the libraries that dynamo.c needs.
#   dev/dependencies.sh [all]            prints the line that installs what is missing, and fails
#   dev/dependencies.sh install [all]    installs it with apt-get, as root or by sudo without a password
# all: also what only some tests use: MPI, clang (runs the CUDA kernels on the CPU), Python (the
# study's page), Chromium (draws the report).
install=no missing=''
[ "${1:-}" = install ] && { install=yes; shift; }
need() { # need <Debian package> <header that it brings> [another place of the header]
    for header in "$2" ${3:-}; do
        {
            printf '#include <%s>\n' stddef.h stdarg.h stdint.h setjmp.h stdio.h
            printf '#define PCRE2_CODE_UNIT_WIDTH 8\n#include <%s>\n' "$header"
        } | ${CC:-cc} -E - >/dev/null 2>&1 && return
    done
    missing="$missing $1"
}
command -v "${CC:-cc}" >/dev/null || missing="$missing gcc"
need libcjson-dev cjson/cJSON.h
need libpcre2-dev pcre2.h
need libutf8proc-dev utf8proc.h
need libgmp-dev gmp.h
need libflint-dev flint/flint.h
need libflint-arb-dev arb.h flint/arb.h
need libcmocka-dev cmocka.h
if [ "${1:-}" = all ]; then
    command -v mpicc >/dev/null && command -v mpirun >/dev/null || missing="$missing libopenmpi-dev openmpi-bin"
    command -v clang++ >/dev/null || missing="$missing clang"
    command -v python3 >/dev/null || missing="$missing python3"
    command -v chromium >/dev/null || command -v google-chrome >/dev/null || missing="$missing chromium"
fi
[ -z "$missing" ] && exit 0

if [ $install = yes ] && command -v apt-get >/dev/null; then
    sudo=''
    [ "$(id -u)" = 0 ] || sudo='sudo -n'
    if $sudo true 2>/dev/null; then
        echo "dynamo.c needs these packages, installing them:$missing"
        $sudo apt-get update -qq
        list=''
        for package in $missing; do # FLINT 3 holds Arb, and not every distribution packages Chromium
            case $package in libflint-arb-dev | chromium) apt-cache show $package >/dev/null 2>&1 || continue ;; esac
            list="$list $package"
        done
        options='-y -qq --no-install-recommends'
        $sudo env DEBIAN_FRONTEND=noninteractive apt-get install $options $list >/dev/null && exit 0
    fi
fi
echo "These packages are missing; \`make deps\` installs them where it may. On Debian or Ubuntu, type:" >&2
echo "    sudo apt-get install$missing" >&2
exit 1
