#!/bin/bash
# One seed is one history: compares the trace hashes of the simulator's builds, seed by seed.
#   tests/sim_same.sh FOLDER SEEDS SEEDS_SAN     with FOLDER/sim, sim32 and simsan
# The 64-bit build runs twice, the 32-bit build once, the sanitizers' build on SEEDS_SAN.
# The simulator prints one line per seed, `seed N … hash H …`; N and H must be equal.
set -u

folder=$1
seeds=$2
seeds_san=$3
passed=0
failed=0

# lines SEEDS COMMAND…: "N H" for each seed, nothing else
lines() {
    local range=$1
    shift
    "$@" --seeds "$range" |
        sed -n 's/.*\bseed[ =:]*\([0-9]*\).*\bhash[ =:]*\([0-9a-fA-Fx]*\).*/\1 \2/p'
}

# same NAME EXPECTED GOT
same() {
    local count
    count=$(grep -c . <<< "$3")
    if [ "$2" = "$3" ] && [ "$count" -gt 0 ]; then
        echo "$1: $count equal histories"
        passed=$((passed + 1))
        return
    fi
    echo "$1: the histories differ (< first 64-bit run, > $1):"
    diff <(echo "$2") <(echo "$3") | head -n 10
    failed=$((failed + 1))
}

first=$(lines "$seeds" "$folder/sim")
same "64-bit again" "$first" "$(lines "$seeds" "$folder/sim")"
same "32-bit" "$first" "$(lines "$seeds" tools/run32 "$folder/sim32")"
same "sanitizers" "$(lines "$seeds_san" "$folder/sim")" "$(lines "$seeds_san" "$folder/simsan")"
echo "sim-same: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
