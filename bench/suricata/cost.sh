#!/bin/sh
# What the plugin costs Suricata: the same capture without and with it, side by side, three rounds and their median.
#
#     cargo run --release -p wiremark-bench -- write /tmp/mix.pcap --packets 1400000
#     bench/suricata/cost.sh /tmp/mix.pcap plugins/suricata/wiremark.so
#
# CONFIG is Suricata's configuration (/etc/suricata/suricata.yaml), RULES its rules (none), ROUNDS how often (3). SMALL, a smaller
# capture, tells memory of flows from memory that is taken once, if its flows are enough to fill that (30,000); and where valgrind is
# on the machine the instructions for SMALL are counted, once each.
set -eu
capture=$1
plugin=$(realpath "$2")
config=${CONFIG:-/etc/suricata/suricata.yaml}
rules=${RULES:-/dev/null}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Arguments: a word for the log, what to read, a command to run it under, more options.
suricata_on() {
    word=$1 read=$2 under=$3
    shift 3
    mkdir -p "$work/$word"
    rm -f "$work/$word"/*
    # No time-outs, and room for every flow: both runs do the same.
    $under suricata -c "$config" -S "$rules" -l "$work/$word" -r "$read" -k none --runmode single \
        --set flow.memcap=4gb --set stream.memcap=4gb --set stream.reassembly.memcap=4gb --set unix-command.enabled=no \
        --set default-rule-path=/ "$@" >"$work/$word.said" 2>&1 || {
        cat "$work/$word.said" >&2
        exit 1
    }
}

# User seconds and the most memory resident, in KB.
measure() {
    word=$1
    shift
    suricata_on "$word" "$capture" "/usr/bin/time -f %U_%M -o $work/time" "$@"
    tr '_' ' ' <"$work/time"
}

# Both, one after the other: "user KB user KB flows".
both() {
    capture=$1
    without=$(measure without) || exit 1
    with=$(measure with --set "plugins.0=$plugin") || exit 1
    echo "$without $with $(grep -c '"event_type":"flow"' "$work/with/eve.json" || true)"
}

small="0 0 0 0 0"
if [ -n "${SMALL:-}" ]; then
    small=$(both "$SMALL")
fi
large=$capture
echo "round: user seconds and resident MB without; with; ratio; bytes more a flow"
for round in $(seq "${ROUNDS:-3}"); do
    measured=$(both "$large")
    echo "$measured $small" | awk -v round="$round" '{
        printf "%d: %.2f s %.0f MB; %.2f s %.0f MB; %.3f", round, $1, $2 / 1024, $3, $4 / 1024, $3 / $1
        if ($5 > $10) printf "; %.0f of %d", ($4 - $2 - $9 + $7) * 1024 / ($5 - $10), $5 - $10
        print ""
    }' | tee -a "$work/rounds"
done
sed 's/.*MB; \([0-9.]*\).*/\1/' "$work/rounds" | sort -n | awk '{ratio[NR] = $1} END {
    printf "median: %.3f\n", (ratio[int((NR + 1) / 2)] + ratio[int(NR / 2) + 1]) / 2
}'

if [ -n "${SMALL:-}" ] && command -v valgrind >/dev/null; then
    count() {
        word=$1
        shift
        suricata_on "$word" "$SMALL" "valgrind --tool=callgrind --callgrind-out-file=$work/counted" "$@"
        sed -n 's/^summary: //p; s/^totals: //p' "$work/counted" | head -1
    }
    without=$(count without)
    with=$(count with --set "plugins.0=$plugin")
    echo "$without $with" | awk '{
        printf "instructions: %.0f M without, %.0f M with; %.3f\n", $1 / 1e6, $2 / 1e6, $2 / $1
    }'
fi
