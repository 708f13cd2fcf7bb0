#!/bin/sh
# Optional (style check): reads all sources and documents and prints each breach of a rule as file:line.
#     dev/style.sh [FOLDER]        FOLDER: a project's root, by default this one
#     dev/style.sh --self-test     checks that every rule reports a breach, in a small project made for it
LC_ALL=C
export LC_ALL

# A project that breaks every rule with BY = 1, and with BY = 0 reaches every limit and breaks none.
sample() { # sample FOLDER BY
    mkdir -p "$1/dev" "$1/kernels" "$1/rl" && cd "$1" || exit 2
    lines() { awk -v n="$1" -v text="$2" 'BEGIN { while (n-- > 0) print text }'; }
    x="// Optional (x)" guard=KERNELS_LONG_H
    { echo "$x"; printf "// %0$((117 + $2))d\n" 0; } >kernels/wide.cu
    { echo "$x"; lines $((399 + $2)) //; } >kernels/long.c
    { printf "$x\n#ifndef $guard\n#define $guard\n"; lines $((116 + $2)) //; echo "#endif"; } >kernels/long.h
    { printf "$x\nint deep(int a,\n         int b) {\n"; lines $((57 + $2)) "    a = b;"; echo "}"; } >kernels/deep.c
    { printf "// the step\nvoid rl_step(void) {\n"; lines $((78 + $2)) "    ;"; echo "}"; } >rl/step.c
    printf '#!/bin/sh\n# Optional (x)\n' >dev/x.sh
    echo "rl/step.c # the step" >dev/core.txt
    printf '# One (two) `x`-3\n`rl/step.c: rl_step` [a](dev/x.sh) [b](#one-two-x-3) [c](https://x)\n' >README.md
    printf '| `rl/` | %d | 0 |\n' $((81 + 30 * $2)) >>README.md
    [ "$2" = 0 ] && return
    echo "$x" >kernels/math_utils.c
    printf "$x\n#ifndef LONG_H\n#define LONG_H\n#endif\n" >kernels/guard.h
    printf '#!/bin/sh\n# x\n# optional\n' >dev/y.sh
    printf 'rl/gone.c\n' >>dev/core.txt
    lines 6000 "" >>rl/step.c
    printf '`rl/step.c: steps`\n`rl/none.c`\n[a](dev/z.sh)\n[b](#one)\n' >>README.md
}

self_test() {
    work=$(mktemp -d) failed=0
    trap 'rm -rf "$work"' EXIT
    script=$(realpath "$0")
    (sample "$work/good" 0) && (sample "$work/bad" 1)
    report() { if [ "$1" -eq 0 ]; then echo "[       OK ] style_$2"; else echo "[  FAILED  ] style_$2"; failed=1; fi; }
    "$script" "$work/good" >"$work/log"
    report $? accepts_the_limits
    grep -v '^\[       OK' "$work/log"
    "$script" "$work/bad" >"$work/log" && report 1 status_of_a_breach
    while read -r place rule; do
        grep -q "^$place: " "$work/log" && grep -q "^\[  FAILED  \] $rule$" "$work/log"
        report $? "reports_$place"
    done <<'END'
kernels/wide.cu:2 lines_have_120_columns
kernels/long.c:401 files_have_400_lines
kernels/long.h:121 files_have_400_lines
kernels/deep.c:2 functions_have_60_lines
rl/step.c:2 functions_have_60_lines
kernels/math_utils.c:1 file_names_say_what_is_inside
kernels/guard.h:2 include_guards_are_paths
dev/y.sh:2 optional_files_say_so
dev/core.txt:2 core_is_6000_lines
dev/core.txt:1 core_is_6000_lines
README.md:3 line_counts_in_readme
README.md:4 names_in_docs_exist
README.md:5 names_in_docs_exist
README.md:6 links_in_docs_resolve
README.md:7 links_in_docs_resolve
END
    exit $failed
}
[ "${1:-}" = --self-test ] && self_test

cd "${1:-$(dirname "$0")/..}" || exit 2
find . \( -path ./build -o -path ./out -o -path ./models -o -name .git -o -name fixtures -o -name corpus \) -prune -o \
    -type f -print | grep -E '\.(c|h|cu|cuh|sh|mk|py|html|js|md)$|/Makefile$' | sort | awk '
function breach(rule, path, line, message) { print path ":" line ": " message; broken[rule] = 1 }
function load(path,    n, line) { # text[1..n]
    while ((getline line < path) > 0) text[++n] = line
    close(path)
    return n + 0
}
function has(path, word,    line, found) { # the word stands in the file; no word: the file has lines
    while ((getline line < path) > 0) if (line ~ "(^|[^A-Za-z0-9_])" word "($|[^A-Za-z0-9_])") found = 1
    close(path)
    return found
}
function slug(heading) { # as GitHub makes anchors
    heading = tolower(heading)
    gsub(/[^a-z0-9 _-]/, "", heading)
    gsub(/ /, "-", heading)
    return heading
}
function has_heading(path, anchor,    line, found) {
    while ((getline line < path) > 0) if (sub(/^#+ +/, "", line) && slug(line) == anchor) found = 1
    close(path)
    return found
}
function check_functions(path, n,    i, start, name, limit) {
    for (i = 1; i <= n; i++)
        if (text[i] ~ /^[A-Za-z_]/ && text[i] !~ /^[A-Za-z0-9_]+:/) { # not a label
            start = i
            name = text[i]
            sub(/\(.*/, "", name)
            sub(/.*[^A-Za-z0-9_]/, "", name)
        } else if (text[i] == "}" && start) {
            limit = name ~ /^(rl_step|update|reinforce)$/ ? 80 : 60
            if (i - start + 1 > limit) breach(3, path, start, name " has " i - start + 1 " lines, more than " limit)
            start = 0
        }
}
function check_guard(path, n,    i, guard) {
    guard = toupper(path)
    gsub(/[^A-Z0-9]/, "_", guard)
    for (i = 1; i < n && text[i] !~ /^#/; i++) continue
    if (text[i] == "#ifndef " guard && text[i + 1] == "#define " guard) return
    breach(5, path, i, "the include guard is not " guard)
}
function check_docs(path, n,    i, code, part, rest, target, anchor, folder) {
    folder = path
    sub(/[^\/]*$/, "", folder)
    for (i = 1; i <= n; i++) {
        for (rest = text[i]; path ~ /^README.md$|^docs\//; rest = substr(rest, RSTART + RLENGTH)) {
            if (!match(rest, /`[A-Za-z0-9_.\/-]+\.(c|h|cu|cuh|sh|py|mk)(: [A-Za-z0-9_]+)?`/)) break
            split(substr(rest, RSTART + 1, RLENGTH - 2), part, ": ")
            if ((part[1] ~ /\// || part[2] != "") && !has(part[1], part[2]))
                breach(8, path, i, part[2] == "" ? "no file " part[1] : "no " part[2] " in " part[1])
        }
        if (text[i] ~ /^ *```/) code = !code
        if (code || text[i] ~ /^    /) continue
        gsub(/`[^`]*`/, "", text[i])
        for (rest = text[i]; match(rest, /\]\([^)]+\)/); rest = substr(rest, RSTART + RLENGTH)) {
            target = anchor = substr(rest, RSTART + 2, RLENGTH - 3)
            if (target ~ /^[a-z]+:/) continue
            sub(/#.*/, "", target)
            if (!sub(/^[^#]*#/, "", anchor)) anchor = ""
            target = target == "" ? path : folder target
            if (system("test -e \"" target "\"") || (anchor != "" && !has_heading(target, anchor)))
                breach(9, path, i, "the link " target (anchor == "" ? "" : "#" anchor) " leads nowhere")
        }
    }
}
function count(path, n,    folder) { # lines by folder, for the table of the README
    folder = path
    if (!sub(/\/.*/, "/", folder) || path ~ /\.(c|h|cu|cuh|html|js)$/) lines[(path in core) "" , folder] += n
}
function check_counts(    n, i, cell, names, j, k, have, said) {
    n = load("README.md")
    for (i = 1; i <= n; i++) {
        if (text[i] !~ /^\| `[^|]*` \| [0-9,]+ \| [0-9,]+ \|/) continue
        split(text[i], cell, / *\| */)
        for (k = 1; k >= 0; k--) {
            said = cell[4 - k]
            gsub(/,/, "", said)
            have = 0
            for (j = split(cell[2], names, /[` ]+/); j > 0; j--) have += lines[k, names[j]]
            if (said > have * 1.03 + 20 || said < have * 0.97 - 20)
                breach(10, "README.md", i, "the table says " said " lines of " cell[2] ", there are " have)
        }
    }
}
BEGIN {
    split("lines_have_120_columns files_have_400_lines functions_have_60_lines file_names_say_what_is_inside " \
          "include_guards_are_paths optional_files_say_so core_is_6000_lines names_in_docs_exist " \
          "links_in_docs_resolve line_counts_in_readme", rules, " ")
    for (n = load("dev/core.txt"); i < n; ) {
        line = text[++i]
        gsub(/ *(#.*)?$/, "", line)
        if (line == "") continue
        core[line] = 1
        if (!has(line, "")) breach(7, "dev/core.txt", i, "no file " line)
        while ((getline any < line) > 0) total++
        close(line)
    }
    if (total > 6000 || !n) breach(7, "dev/core.txt", 1, "the core has " total + 0 " lines; from 1 to 6000 are right")
}
{
    path = substr($0, 3)
    n = load(path)
    count(path, n)
    tests = path ~ /^tests\//
    if (path ~ /\.md$/) { check_docs(path, n); next }
    for (i = 1; i <= n; i++) if (length(text[i]) > 120) breach(1, path, i, length(text[i]) " columns")
    if (path ~ /(utils?|common|helpers?|misc)\.[a-z]+$/) breach(4, path, 1, "the name does not say what is inside")
    if (path ~ /\.(cuh|h)$/) check_guard(path, n)
    if (tests || path ~ /Makefile$|\.html$/) next
    limit = path ~ /\.(cuh|h)$/ ? 120 : 400
    if (n > limit && path ~ /\.(c|h|cu|cuh)$/) breach(2, path, limit + 1, n " lines, more than " limit)
    if (path ~ /\.(c|cu)$/) check_functions(path, n)
    i = text[1] ~ /^#!/ ? 2 : 1
    if (path in core) next
    if (tolower(text[i]) !~ /optional/) breach(6, path, i, "not in dev/core.txt and not marked optional")
}
END {
    check_counts()
    for (i = 1; i in rules; i++) {
        print (i in broken ? "[  FAILED  ] " : "[       OK ] ") rules[i]
        status = status || (i in broken)
    }
    exit status
}'
