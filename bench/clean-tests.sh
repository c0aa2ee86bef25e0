#!/usr/bin/env bash
# What a clean `cargo test --workspace` costs at two commits, side by side: each in a clone of its own, on a core of its own.
#
#   bench/clean-tests.sh OLD NEW [CORE CORE]       # seconds by the clock, seconds of a core, megabytes of the target folder
#
# Captures are used where they are beside the clones' parent as they are beside the repository (../shared).
set -euo pipefail
if [ $# -lt 2 ]; then
  sed -n '2,6s/^# \?//p' "$0" >&2
  exit 2
fi
here=$(cd "$(dirname "$0")/.." && pwd)
folder=$(mktemp -d "${TMPDIR:-/tmp}/clean-tests.XXXXXX")
trap 'rm -rf "$folder"' EXIT
[ ! -e "$here/../shared" ] || ln -s "$(cd "$here/../shared" && pwd)" "$folder/shared"
both=("$1" "$2") cores=("${3:-0}" "${4:-1}")
for n in 0 1; do
  git clone -q "$here" "$folder/$n"
  git -C "$folder/$n" checkout -q "${both[$n]}"
done
one() {
  cd "$folder/$1"
  TIMEFORMAT='%R %U %S'
  { time taskset -c "${cores[$1]}" cargo test --workspace --no-fail-fast >"$folder/$1.log" 2>&1; } 2>"$folder/$1.time" ||
    echo "${both[$1]}: not all tests passed" >&2
  read -r wall user system <"$folder/$1.time"
  echo "$wall $(awk "BEGIN { print $user + $system }") $(du -sm target | cut -f1)" >"$folder/$1.cost"
}
one 0 & one 1 & wait
read -r wall0 cpu0 disk0 <"$folder/0.cost"
read -r wall1 cpu1 disk1 <"$folder/1.cost"
printf '%-12s %10s %10s %10s\n' commit seconds core-s MB "$1" "$wall0" "$cpu0" "$disk0" "$2" "$wall1" "$cpu1" "$disk1"
awk "BEGIN { printf \"%-12s %10.3f %10.3f %10.3f\n\", \"ratio\", $wall1 / $wall0, $cpu1 / $cpu0, $disk1 / $disk0 }"
