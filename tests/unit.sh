#!/bin/bash
# Runs the cmocka programs given and ends with one line `unit: N passed, N failed`.
# A program that is missing (did not compile) or dies counts as one failure.

# The sum of the numbers that a sed expression finds on stdin.
sum_of() {
    sed -n "$1" | awk '{n += $1} END {print n + 0}'
}

passed=0
failed=0
for program in "$@"; do
    name=$(basename "$program")
    if [ ! -x "$program" ]; then
        echo "$name: not built" >&2
        failed=$((failed + 1))
        continue
    fi
    output=$("$program" 2>&1)
    status=$?
    # cmocka's own sums, one pair for each group that the program runs.
    ok=$(sum_of 's/^\[  PASSED  \] \([0-9]*\) test.*/\1/p' <<<"$output")
    bad=$(sum_of 's/^ *\([0-9]*\) FAILED TEST(S)$/\1/p' <<<"$output")
    if [ "$status" -ne 0 ]; then
        printf '%s\n' "$output"
        echo "$name: FAILED (exit status $status)"
        bad=$((bad > 0 ? bad : 1))
    else
        echo "$name: $ok passed"
    fi
    passed=$((passed + ok))
    failed=$((failed + bad))
done
echo "unit: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
