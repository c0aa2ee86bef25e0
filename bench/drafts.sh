#!/usr/bin/env bash
# How well rows drafted from one network find WeChat's flows in another, nobody saying which flows are whose (issue 18, line 5).
#
#   bench/drafts.sh [CLIENTS [SEED...]]      20 clients; seeds 1 2 3 4 5 6 7 8 9 10, in pairs: drafted from the first, tried on the second
#
# Long links, channels of WeChat's calls and 20 other protocols, a flow of each a client; WeChat's signatures are switched off. The
# roles that find WeChat's flows are WeChat's: printed are its flows with one of these roles, those without, and others' with one.
set -euo pipefail
cd "$(dirname "$0")/.."
clients=${1:-20}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- 1 2 3 4 5 6 7 8 9 10
cargo build --release --quiet -p wiremark-tests --features tools --bin network-trace
cargo build --release --quiet -p wiremark-probe --features infer
wiremark=target/release/wiremark
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/others"
cp signatures/threema.toml "$folder/others" # any app but WeChat
while [ $# -gt 1 ]; do
  rm -rf "$folder/drafts" && mkdir "$folder/drafts"
  target/release/network-trace "$folder/seen.pcap" "$clients" "$1" >/dev/null
  target/release/network-trace "$folder/unseen.pcap" "$clients" "$2" >/dev/null
  $wiremark infer "$folder/seen.pcap" --only-signatures "$folder/others" --unclassified --draft "$folder/drafts/draft.toml" >/dev/null
  $wiremark signatures check "$folder/drafts" >/dev/null
  $wiremark classify "$folder/unseen.pcap" --only-signatures "$folder/drafts" --format csv >"$folder/flows.csv"
  awk -F, -v name="$clients clients, seeds $1 and $2" '
    NR == 1 { for (n = 1; n <= NF; n++) column[$n] = n; next }
    { role = $column["role"]; own = $column["dest_ip"] ~ /^203\.0\.113\./
      if (own && role == "") missed++; else if (own) found[role]++; else if (role != "") foreign[role]++ }
    END { for (role in found) { all += found[role]; others += foreign[role] }
      printf "%s: %d found, %d missed, %d of other protocols\n", name, all, missed, others }' "$folder/flows.csv"
  shift 2
done
