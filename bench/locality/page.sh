#!/bin/sh
# The page of `wiremark locality` in headless Chromium, 1280 px wide: PAGE.png, and every request the browser made for it. Fails where one
# goes to another host. Without a page, one is made of paths made here. Needs chromium, and target/release/wiremark or WIREMARK.
#   bench/locality/page.sh FOLDER [PAGE.html]
set -e
here=$(cd "$(dirname "$0")" && pwd)
wiremark=${WIREMARK:-$here/../../target/release/wiremark}
to=$1
page=$2
mkdir -p "$to"
if [ -z "$page" ]; then
    python3 - "$to" <<'PY'
import json, random, sys
random.seed(7)
to = sys.argv[1]
codes = "BE CZ DK DE FI FR GR IE IT NO PL PT ES SE CH CN HK IL JP KR SG TH AU NZ CA US AR BR GB RU EG SA".split()
number = {code: n for n, code in enumerate(codes)}
nodes = codes[:28]
with open(to + "/nodes.csv", "w") as out:
    out.write("node,country,aliases\n")
    out.writelines(f"{code},{code},{6000 + number[code]} 20.{number[code]}.0.1\n" for code in nodes)
with open(to + "/countries.csv", "w") as out:
    out.write("network,country,reason,source\n")
    out.writelines(f"20.{number[code]}.0.0/16,{code},made up,bench\n" for code in codes)
with open(to + "/servers.csv", "w") as out:
    out.write("app,address\nthreema,20.14.9.9\nwhatsapp,20.25.9.9\nwechat,20.16.9.9\n")
europe, asia = set("BE CZ DK DE FI FR GR IE IT NO PL PT ES SE CH GB".split()), set("CN HK IL JP KR SG TH".split())
def transit(a, b):
    if a == b: return []
    if a in europe and b in europe: return random.choice([[], ["DE"], ["GB"], ["DE", "FR"]])
    if {a, b} & europe and {a, b} & asia: return random.choice([["US"], ["RU"], ["GB", "US"], ["EG"], ["HK"]])
    return random.choice([["US"], ["GB", "US"], []])
with open(to + "/paths.json", "w") as out:
    for n in range(2000):
        a = nodes[n % 28]
        target = [f"20.{number[nodes[n // 28 % 28]]}.0.1", "20.14.9.9", "20.25.9.9", "20.16.9.9"][n % 4 if n > 800 else 0]
        b = codes[int(target.split(".")[1])]
        hops, rtt = [], 0.4
        for at, code in enumerate([a, *transit(a, b), b]):
            rtt += 60 if at else 1
            last = target if code == b and at else f"20.{number[code]}.1.{at + 1}"
            hops.append({"hop": at + 1, "result": [{"from": last, "rtt": rtt, "size": 76, "ttl": 60}] * 3})
        out.write(json.dumps({"fw": 5080, "af": 4, "dst_addr": target, "dst_name": target, "msm_id": 5020, "prb_id": 6000 + number[a],
                              "proto": "ICMP", "timestamp": 1443628840 + n, "type": "traceroute", "result": hops}) + "\n")
PY
    page=$to/map.html
    "$wiremark" locality --nodes "$to/nodes.csv" --corrections "$to/countries.csv" --servers "$to/servers.csv" --paths "$to/paths.json" \
        --day 2015-09-30 --group 5-eyes,eu,arab-league,russia,china --physics --format html -o "$page" --force
fi
page=$(realpath "$page")
chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=1280,2400 --force-device-scale-factor=1 \
    --user-data-dir="$to/profile" --log-net-log="$to/net.json" --net-log-capture-mode=Everything \
    --screenshot="$to/page.png" "file://$page" > "$to/chromium.log" 2>&1
rm -rf "$to/profile"
python3 - "$to/net.json" "$page" <<'PY'
import json, sys
log = json.load(open(sys.argv[1]))
begin = log["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
urls = [event["params"]["url"] for event in log["events"] if event["type"] == begin and "url" in event.get("params", {})]
# The browser's own talk (updates, experiments) is not the page's: the page's requests have it as their initiator.
asked = [event["params"] for event in log["events"] if event["type"] == begin and "url" in event.get("params", {})]
own = [one["url"] for one in asked if one.get("initiator", "") not in ("", "not an origin") or one["url"].startswith("file:")]
text = open(sys.argv[2], encoding="utf-8").read()
print(f"{len(urls)} requests of the browser, of these the page's: {own}")
away = [url for url in own if not url.startswith(("file:", "data:"))]
import re
links = re.findall(r'(?:src|href|url)\s*[=(]\s*["\']?(?!data:|#)([^"\')\s>]+)', text)
print("addresses in the page:", links or "none")
sys.exit(1 if away or links else 0)
PY
