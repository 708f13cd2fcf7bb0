#!/bin/sh
# Runs each test command given and closes with one line of counts. A command that fails has its output printed whole.
passed=0 failed=0 skipped=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for program in "$@"; do
    if $program >"$log" 2>&1; then # unquoted: a command may have arguments
        passed=$((passed + $(grep -c '^\[       OK \]' "$log")))
        echo "ok      $program"
    else
        bad=$(grep '^\[  FAILED  \] [A-Za-z0-9_]*$' "$log" | sort -u | wc -l)
        [ "$bad" -gt 0 ] || bad=1
        passed=$((passed + $(grep -c '^\[       OK \]' "$log")))
        failed=$((failed + bad))
        echo "FAILED  $program"
        cat "$log"
    fi
    skips=$(grep -c -i '^skipped' "$log")
    skipped=$((skipped + skips))
    grep -i '^skipped' "$log"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
