#!/bin/bash
# Interfaces (classify -i) in a network namespace of its own, two ends of one cable: frames go in at one by tcpreplay, wiremark
# captures at the other. As root; takes tcpreplay, iproute2, python3.
#   bench/live.sh WIREMARK EVERY MIX [DAY] [-- STEP...]
# EVERY: `wiremark-bench write --every every.pcap`; MIX: `wiremark-bench write mix.pcap --packets 3000000`; DAY: the trace builder's
# population of a day (tests/report/README.md). STEPs, in this order where none is named:
#   verdicts  all captures as fast as it goes: the same verdicts as from the file
#   rate      1 Gbit/s of the mix, one thread, no frame lost
#   slow      a reader that stands still: what was dropped and what was looked at add up to what was sent
#   kill      SIGKILL in the middle, 50 times: whole lines
#   reloads   1,000 reloads of signatures under load lose no frame
#   day       DAY in 20 minutes (MINUTES=...): memory is flat after the first. Time-outs go by the clock on the wall: so that the table is full
#             within that minute, as it is after half an hour of a link this busy, it has 4,096 places (MAX_FLOWS=...)
# Prints a line a step, and ends with 1 where a line does not hold.
set -uo pipefail
usage() { sed -n '2,17p' "$0" >&2; exit 2; }
[ $# -ge 3 ] || usage
wiremark=$(realpath "$1") every=$(realpath "$2") mix=$(realpath "$3") day=
shift 3
if [ $# -gt 0 ] && [ "$1" != -- ]; then day=$(realpath "$1"); shift; fi
[ "${1:-}" = -- ] && shift
steps=("$@")
[ ${#steps[@]} -gt 0 ] || steps=(verdicts rate slow kill reloads ${day:+day})

folder=$(mktemp -d) name=wmbench$$ missed=0 pid= load=
inside() { ip netns exec "$name" "$@"; }
cleanup() {
    for one in $pid $load; do kill -KILL "$one" 2>/dev/null; done
    ip netns del "$name" 2>/dev/null
    rm -rf "$folder"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
ip netns add "$name" || { echo "no network namespace: run as root" >&2; exit 2; }
ip -n "$name" link add put mtu 65000 type veth peer name get mtu 65000 || exit 2
for end in put get; do
    # No frames of the ends' own.
    inside sysctl -qw "net.ipv6.conf.$end.disable_ipv6=1"
    ip -n "$name" link set "$end" up
done

# What a step comes to: holds or MISSED, and its figures.
told() {
    local holds=$1
    shift
    if [ "$holds" = 0 ]; then echo "holds   $*"; else echo "MISSED  $*"; missed=1; fi
}
count() { inside cat "/sys/class/net/$1/statistics/$2_packets"; }
# Starts the command on the receiving end and waits until its socket is bound. Its process id: $pid.
listen() {
    rm -f "$folder/out" "$folder/said"
    ip netns exec "$name" "$wiremark" classify -i get --format json -o "$folder/out" "$@" 2>"$folder/said" &
    pid=$!
    until inside awk 'NR > 1 && $5 != "0" && $6 == 1 { found = 1 } END { exit !found }' /proc/net/packet; do
        kill -0 $pid 2>/dev/null || { cat "$folder/said" >&2; exit 1; }
        sleep 0.05
    done
    sent_before=$(count put tx)
}
# What was sent since then.
sent() { echo $(($(count put tx) - sent_before)); }
# Waits until all has come, ends the command, and tells what it and the kernel counted: frames, received, dropped, ring_full.
heard() {
    until [ "$(count put tx)" = "$(count get rx)" ]; do sleep 0.1; done
    sleep 0.5
    seconds=$(awk '{ print ($14 + $15) / 100 }' "/proc/$pid/stat")
    kill -INT $pid
    wait $pid
    pid=
    counted=$(python3 -c '
import json, sys
last = [line for line in open(sys.argv[1]) if "\"event_type\":\"interface\"" in line][-1]
print(*(json.loads(last)[name] for name in ("frames", "received", "dropped", "ring_full")))' "$folder/out")
    read -r frames received dropped full <<<"$counted"
}
replay() { inside tcpreplay -q -K -i put "$@" >"$folder/replayed" 2>&1 || { cat "$folder/replayed" >&2; exit 1; }; }

verdicts() {
    "$wiremark" classify --format json --threads 1 "$every" >"$folder/of-file" 2>/dev/null
    listen --ring 512M
    replay --topspeed "$every"
    heard
    local lost=$(($(sent) - frames)) said
    said=$(python3 - "$folder/of-file" "$folder/out" <<'PYTHON'
import collections, json, sys

# What a flow is, without its times.
FIELDS = """src_ip src_port dest_ip dest_port proto app role carrier confidence signature_id final decided_at_packet packets_toserver
packets_toclient bytes_toserver bytes_toclient vlan inner_vlan tunnel tunnel_id names""".split()
def flows(path):
    records = (json.loads(line) for line in open(path))
    return collections.Counter(str([record[name] for name in FIELDS]) for record in records if record["event_type"] == "flow")
file, live = map(flows, sys.argv[1:])
apps = sum(count for flow, count in live.items() if "'wechat'" in flow or "'whatsapp'" in flow)
print(f"{sum(file.values())} flows from the file, {sum(live.values())} from the interface ({apps} of messengers), {sum(((file - live) + (live - file)).values())} differ")
for flow in list((file - live).keys())[:3] + list((live - file).keys())[:3]:
    print(flow, file=sys.stderr)
sys.exit(file != live or apps == 0)
PYTHON
    )
    local differs=$?
    [ $differs = 0 ] && [ $lost = 0 ]
    told $? "verdicts: $(sent) frames at $(rated), $lost lost; $said"
}
# The rate tcpreplay says it had.
rated() { grep -o '[0-9.]* Mbps, [0-9.]* pps' "$folder/replayed" | head -n 1; }

rate() {
    listen
    replay --mbps="${MBPS:-1000}" "$mix"
    heard
    [ "$dropped" = 0 ] && [ "$frames" = "$(sent)" ] && [ "$(rated | cut -d. -f1)" -ge $((${MBPS:-1000} * 98 / 100)) ]
    told $? "rate: $(sent) frames at $(rated); looked at $frames, dropped $dropped, ring full $full times; $seconds CPU seconds"
}

slow() {
    listen --ring 16M
    kill -STOP $pid
    replay --mbps=500 --limit=200000 "$mix"
    kill -CONT $pid
    sleep 1
    replay --mbps=500 --limit=100000 "$mix"
    heard
    [ "$received" = "$(sent)" ] && [ $((frames + dropped)) = "$received" ] && [ "$dropped" -gt 0 ] && [ "$full" -gt 0 ]
    told $? "slow: $(sent) frames sent, $received received; looked at $frames, dropped $dropped, ring full $full times"
}

# Lines of a file that are no records.
broken() {
    python3 -c '
import json, sys
text = open(sys.argv[1]).read()
bad = 0 if text.endswith("\n") or not text else 1
for line in text.splitlines():
    try: json.loads(line)
    except ValueError: bad += 1
print(bad, text.count("\n"))' "$folder/out"
}
kill_() {
    local bad=0 lines=0 round
    for round in $(seq 50); do
        listen --events verdict
        ip netns exec "$name" tcpreplay -q -K --loop=0 -i put --mbps=200 "$every" >/dev/null 2>&1 &
        load=$!
        sleep "0.$((RANDOM % 8 + 1))"
        kill -KILL $pid
        wait $pid 2>/dev/null
        pid=
        kill -TERM $load 2>/dev/null
        wait $load 2>/dev/null
        load=
        read -r one more <<<"$(broken)"
        bad=$((bad + one)) lines=$((lines + more))
    done
    [ $bad = 0 ] && [ $lines -gt 0 ]
    told $? "kill: 50 times by SIGKILL, $lines lines written, $bad of them no record"
}

reloads() {
    local rows=$folder/rows number missing=0
    mkdir -p "$rows"
    # A row of its own, in two forms; what is loaded is read, as its time of access tells.
    row() {
        printf '[app]\nid = 9\nname = "example"\nroles = ["%s"]\n[[signature]]\nid = 901\nname = "hello"\nrole = "%s"\n' "$1" "$1"
        printf 'why = "for reloads"\nsource = "made up"\ntransport = "udp"\nprefix = "de ad be ef 00 11 22 33"\n'
        printf 'hit = ["de ad be ef 00 11 22 33"]\nmiss = ["de ad be ee 00 11 22 33"]\n'
    }
    row one >"$rows/example.toml"
    listen --signatures "$rows"
    ip netns exec "$name" tcpreplay -q -K --loop=0 --pps="${PPS:-50000}" -i put "$mix" >/dev/null 2>&1 &
    load=$!
    local began=$SECONDS
    for number in $(seq 1000); do
        if [ $((number % 2)) = 0 ]; then row one; else row two; fi >"$folder/next"
        touch -a -d @0 "$folder/next"
        mv "$folder/next" "$rows/example.toml"
        kill -HUP $pid
        local waited=0
        while [ "$(stat -c %X "$rows/example.toml")" = 0 ]; do
            sleep 0.01
            waited=$((waited + 1))
            [ $waited -lt 500 ] || { missing=$((missing + 1)); break; }
        done
    done
    local took=$((SECONDS - began))
    kill -TERM $load
    wait $load 2>/dev/null
    load=
    heard
    [ "$dropped" = 0 ] && [ "$frames" = "$(sent)" ] && [ $missing = 0 ]
    told $? "reloads: $((1000 - missing)) of 1000 in $took s, $(sent) frames sent meanwhile; looked at $frames, dropped $dropped"
}

# The population is raw IP; a cable carries Ethernet.
as_ethernet() {
    python3 - "$1" "$2" <<'PYTHON'
import struct, sys

with open(sys.argv[1], "rb") as raw, open(sys.argv[2], "wb") as to:
    header = raw.read(24)
    assert header[:4] == b"\xd4\xc3\xb2\xa1" and header[20:24] == b"\x65\0\0\0", "raw IP, pcap, little-endian"
    to.write(header[:20] + b"\1\0\0\0")
    while record := raw.read(16):
        seconds, fraction, length, wire = struct.unpack("<IIII", record)
        kind = b"\x08\0" if (frame := raw.read(length))[0] >> 4 == 4 else b"\x86\xdd"
        to.write(struct.pack("<IIII", seconds, fraction, length + 14, wire + 14) + b"\2\0\0\0\0\2\2\0\0\0\0\1" + kind + frame)
PYTHON
}

# KB resident.
resident() { awk '/^VmRSS/ { print $2 }' "/proc/$pid/status"; }
day() {
    local minutes=${MINUTES:-20} least=0 most=0 first=0
    as_ethernet "$day" "$folder/day" || exit 1
    local began=$SECONDS
    listen --max-flows "${MAX_FLOWS:-4096}"
    ip netns exec "$name" tcpreplay -q -T nano -i put --multiplier=$((24 * 60 / minutes)) "$folder/day" >"$folder/replayed" 2>&1 &
    load=$!
    while kill -0 $load 2>/dev/null; do
        sleep 5
        local now
        now=$(resident)
        echo "$((SECONDS - began)) s: $now KB" >>"${RESIDENT:-/dev/null}"
        if [ $((SECONDS - began)) -le 60 ]; then first=$now most=$now least=$now; fi
        [ "$now" -gt "$most" ] && most=$now
        [ "$now" -lt "$least" ] && least=$now
    done
    wait $load
    load=
    local took=$((SECONDS - began))
    heard
    # Flat: within a twentieth of what it was after a minute.
    [ $((most - first)) -le $((first / 20)) ] && [ "$dropped" = 0 ] && [ "$frames" = "$(sent)" ] && [ $took -gt 60 ]
    told $? "day: 24 h in $took s, $(sent) frames; looked at $frames, dropped $dropped; resident after a minute $first KB, then $least to $most KB; $seconds CPU seconds"
}

for step in "${steps[@]}"; do
    case $step in
    verdicts | rate | slow | reloads | day) $step ;;
    kill) kill_ ;;
    *) usage ;;
    esac
done
exit $missed
