#!/bin/sh
# Optional (tests): runs each command given, JOBS at a time (default 2), and prints one line of counts at the end. If a
# command fails, all of its output is printed. OpenMP's threads sleep while they wait: the tests' loops are tiny, and
# spinning takes most of the time otherwise, above all where two programs share the cores.
export OMP_WAIT_POLICY=passive
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
count=0
for program in "$@"; do
    count=$((count + 1))
    echo "$program" >"$logs/$count.command"
done
cat >"$logs/run" <<'END'
program=$(cat "$1.command")
if $program >"$1.log" 2>&1; then # unquoted: a command may have arguments
    echo "ok      $program"
else
    bad=$(grep '^\[  FAILED  \] [A-Za-z0-9_]*$' "$1.log" | sort -u | wc -l)
    [ "$bad" -gt 0 ] || bad=1
    echo "$bad" >"$1.failed"
    echo "FAILED  $program"
    cat "$1.log"
fi
grep -i '^skipped' "$1.log"
exit 0
END
seq "$count" | xargs -P "${JOBS:-2}" -I{} sh "$logs/run" "$logs/{}"
passed=$(cat "$logs"/*.log | grep -c '^\[       OK \]')
skipped=$(cat "$logs"/*.log | grep -c -i '^skipped')
failed=$(cat "$logs"/*.failed 2>/dev/null | awk '{ n += $1 } END { print n + 0 }')
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
