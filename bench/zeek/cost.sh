#!/bin/sh
# What the plugin costs Zeek: the same capture without and with it, side by side, three rounds and their median.
#
#     cargo run --release -p wiremark-bench -- write /tmp/mix.pcap --packets 1400000
#     bench/zeek/cost.sh /tmp/mix.pcap plugins/zeek/build
#
# SCRIPTS is what Zeek loads besides its defaults, ROUNDS how often (3). SMALL, a smaller capture, tells memory of connections
# from memory that is taken once, if its connections are enough to fill that (30,000); and where valgrind is on the machine the
# instructions for SMALL are counted, once each, less those for TINY, a capture of one packet.
set -eu
capture=$1
plugin=$(realpath "$2")
scripts=${SCRIPTS:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# No time-outs: both runs hold every connection to the end.
cat >"$work/measure.zeek" <<'END'
redef ignore_checksums = T;
redef tcp_inactivity_timeout = 1 day;
redef tcp_attempt_delay = 1 day;
redef tcp_close_delay = 1 day;
redef tcp_connection_linger = 1 day;
redef tcp_partial_close_delay = 1 day;
redef tcp_reset_delay = 1 day;
redef tcp_session_timer = 1 day;
redef udp_inactivity_timeout = 1 day;

# Before they all end at once, when what waits to be logged is most of the memory.
event Pcap::file_done(path: string)
	{
	print fmt("held %d", get_proc_stats()$mem / 1024);
	}
END

# Arguments: a folder for logs, what to read, a command to run it under, the plugin's folder or nothing, more options.
zeek_on() {
    word=$1 read=$(realpath "$2") under=$3 plugins=$4
    shift 4
    rm -rf "${work:?}/$word"
    mkdir -p "$work/$word"
    (cd "$work/$word" && ZEEK_PLUGIN_PATH=$plugins $under zeek -r "$read" "$work/measure.zeek" $scripts "$@" >said 2>&1) || {
        cat "$work/$word/said" >&2
        exit 1
    }
}

# User seconds, and the most memory resident while connections were held, in KB.
measure() {
    zeek_on "$1" "$2" "/usr/bin/time -f %U -o $work/time" "$3"
    echo "$(cat "$work/time") $(sed -n 's/^held //p' "$work/$1/said")"
}

# Both, one after the other: "user KB user KB connections".
both() {
    without=$(measure without "$1" '') || exit 1
    with=$(measure with "$1" "$plugin") || exit 1
    echo "$without $with $(grep -vc '^#' "$work/with/conn.log" || true)"
}

small="0 0 0 0 0"
if [ -n "${SMALL:-}" ]; then
    small=$(both "$SMALL")
fi
echo "round: user seconds and resident MB without; with; ratio; bytes more a connection"
for round in $(seq "${ROUNDS:-3}"); do
    measured=$(both "$capture")
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
        zeek_on "$1" "$2" "valgrind --tool=callgrind --callgrind-out-file=$work/counted" "$3"
        sed -n 's/^summary: //p; s/^totals: //p' "$work/counted" | head -1
    }
    tiny=${TINY:-}
    base="0 0"
    if [ -n "$tiny" ]; then
        without=$(count without "$tiny" '')
        with=$(count with "$tiny" "$plugin")
        base="$without $with"
    fi
    without=$(count without "$SMALL" '')
    with=$(count with "$SMALL" "$plugin")
    echo "$without $with $base" | awk '{
        printf "instructions above start and load: %.0f M without, %.0f M with; %.3f\n",
            ($1 - $3) / 1e6, ($2 - $4) / 1e6, ($2 - $4) / ($1 - $3)
    }'
fi
