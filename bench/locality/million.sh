#!/bin/sh
# A million RIPE Atlas traceroutes through `wiremark locality`: seconds and kilobytes. Needs target/release/wiremark with the feature
# locality, or WIREMARK, and target/databases (databases.sh). Paths are made here, from node to node of 28, with addresses all over IPv4.
set -e
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 - "$work" <<'PY'
import json, random, sys
random.seed(7)
codes = "BE CZ DK DE FI FR GR IE IT NO PL PT ES SE CH CN HK IL JP KR SG TH AU NZ CA US AR BR".split()
with open(sys.argv[1] + "/nodes.csv", "w") as nodes:
    nodes.write("node,country,aliases\n")
    for n, code in enumerate(codes):
        nodes.write(f"{code},{code},{6000 + n} 20.0.{n}.1\n")
address = lambda: ".".join(str(random.randrange(1, 223)) for _ in range(4))
lines = []
for n in range(10000):
    rtt, hops = 0.4, []
    for hop in range(1, 13):
        rtt += random.random() * 30
        router = address()
        hops.append({"hop": hop, "result": [{"from": router, "rtt": round(rtt + random.random(), 3), "size": 76, "ttl": 60} for _ in range(3)]})
    a, b = n % 28, n // 28 % 28
    lines.append(json.dumps({"fw": 5080, "af": 4, "dst_addr": f"20.0.{b}.1", "dst_name": f"20.0.{b}.1", "msm_id": 5020, "prb_id": 6000 + a,
                             "proto": "ICMP", "timestamp": 1443628840 + n, "type": "traceroute", "result": hops}, separators=(",", ":")) + "\n")
with open(sys.argv[1] + "/paths.json", "w") as out:
    for _ in range(100):
        out.writelines(lines)
PY
ls -l "$work/paths.json"
taskset -c 0 /usr/bin/time -f '%e s elapsed, %U s user, %M kB' "${WIREMARK:-$root/target/release/wiremark}" locality --nodes "$work/nodes.csv" \
    --db "$root/target/databases/nested.mmdb" --paths "$work/paths.json" --physics --format json | tail -1 | cut -c1-300
