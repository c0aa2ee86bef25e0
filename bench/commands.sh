#!/bin/sh
# Commands side by side on one capture, page cache warm, three rounds: user seconds, system seconds, seconds by the clock, KB resident.
#   bench/commands.sh CAPTURE WIREMARK [OTHER_WIREMARK]
# ndpiReader and tshark are asked for a summary, and so is wiremark; with a record a flow (JSON) it has more to do than they.
# CAPTURE: `wiremark-bench write mix.pcap --packets 3000000`. ndpiReader and tshark where they are there; tshark
# takes most of a minute and 2 GB.
set -eu
capture=$1 wiremark=$2 other=${3:-}
time=$(mktemp) && trap 'rm -f "$time"' EXIT
cat "$capture" >/dev/null
told() {
    name=$1
    shift
    /usr/bin/time -f "$name	%U	%S	%e	%M" "$@" >/dev/null 2>"$time" || { tail -n 2 "$time" >&2; exit 1; }
    tail -n 1 "$time"
}
printf 'what\tuser\tsystem\tclock\tresident\n'
for round in 1 2 3; do
    [ -z "$other" ] || told "other wiremark" "$other" classify --format json "$capture"
    told "wiremark, summary, 1 thread" "$wiremark" classify --threads 1 "$capture"
    told "wiremark, summary, no engine" "$wiremark" classify --threads 1 --without payload,name,related,address "$capture"
    told "wiremark, summary, 2 threads" "$wiremark" classify --threads 2 "$capture"
    told "wiremark, json, 1 thread" "$wiremark" classify --format json --threads 1 "$capture"
    told "wiremark, json, 2 threads" "$wiremark" classify --format json --threads 2 "$capture"
    if command -v ndpiReader >/dev/null; then told "ndpiReader" ndpiReader -q -i "$capture"; fi
    if command -v tshark >/dev/null; then told "tshark" tshark -q -z conv,tcp -r "$capture"; fi
done
