#!/bin/sh
# Optional (the core): prints the files of dev/core.txt in reading order, with their lines and running totals, and fails
# where one is missing or the total exceeds 6,000 lines.
cd "$(dirname "$0")/.." || exit 1
awk -v limit=6000 '
    /^#/ { if (headings++ > 2) print "\n" substr($0, 3); next } # the file begins with three lines of comment
    !/./ { next }
    {
        lines = 0
        while ((got = (getline line <$0)) > 0) lines++
        if (got < 0) { print "dev/core.txt names " $0 ", which is not there"; missing = 1; next }
        close($0)
        printf "%6d %6d  %s\n", lines, total += lines, $0
        files++
    }
    END {
        printf "\n%d lines in %d files\n", total, files
        if (total > limit) printf "more than %d lines: no longer the work of a weekend\n", limit
        exit missing || total > limit
    }' dev/core.txt
