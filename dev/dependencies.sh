#!/bin/sh
# Checks that the libraries dynamo.c links are there; installs what is missing with apt-get where that is allowed
# (root, or sudo without a password), and otherwise prints the line to type and fails. usage: dev/dependencies.sh [all|look]
# (look: says by its status alone whether all is there)
missing=''
need() { # need <Debian package> <header that it brings> [another place of the header]
    for header in "$2" ${3:-}; do
        printf '#include <stddef.h>\n#include <stdarg.h>\n#include <stdint.h>\n#include <setjmp.h>\n#include <stdio.h>\n#define PCRE2_CODE_UNIT_WIDTH 8\n#include <%s>\n' "$header" |
            ${CC:-cc} -E - >/dev/null 2>&1 && return
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
if [ "${1:-}" = all ]; then # what only some tests use: MPI; clang, which runs the CUDA kernels on the CPU; a browser
    command -v mpicc >/dev/null && command -v mpirun >/dev/null || missing="$missing libopenmpi-dev openmpi-bin"
    command -v clang++ >/dev/null || missing="$missing clang"
    command -v chromium >/dev/null || missing="$missing chromium"
fi
[ -z "$missing" ] && exit 0
[ "${1:-}" = look ] && exit 1

# From FLINT 3.0 on libflint-dev holds Arb and there is no package of that name. Not every distribution packages chromium.
install='for p in'"$missing"'; do case $p in libflint-arb-dev|chromium) apt-cache show $p >/dev/null 2>&1 || continue; esac; list="$list $p"; done; DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $list'
if command -v apt-get >/dev/null; then
    echo "dynamo.c needs these libraries, installing them:$missing"
    if [ "$(id -u)" = 0 ]; then
        apt-get update -qq && sh -c "$install" >/dev/null && exit 0
    elif sudo -n true 2>/dev/null; then
        sudo apt-get update -qq && sudo sh -c "$install" >/dev/null && exit 0
    fi
fi
echo "Please install what is missing, then run make again. On Debian or Ubuntu:" >&2
echo "    sudo apt-get install$missing" >&2
exit 1
