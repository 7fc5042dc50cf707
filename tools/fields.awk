# Prints the field `key` of the comments near the top of each file: `/* key: word word */`, which
# may go on over several lines, becomes one word `FILE:word|word` (one line per file).
# Files without the field print `FILE:`.

function flush() {
    if (file != "") {
        sub(/\*\/.*/, "", value)
        gsub(/^[ \t*]+|[ \t*]+$/, "", value)
        gsub(/[ \t*]+/, "|", value)
        print file ":" value
    }
}
FNR == 1 {
    flush()
    file = FILENAME
    value = ""
    state = 0
}
state == 0 && FNR <= 40 && match($0, "^ *(/\\*|\\*)? *" key ":") {
    value = substr($0, RSTART + RLENGTH)
    state = index(value, "*/") ? 2 : 1
    next
}
state == 1 {
    value = value " " $0
    if (index($0, "*/")) {
        state = 2
    }
}
END { flush() }
