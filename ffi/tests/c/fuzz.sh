#!/usr/bin/env bash
# Fuzzes the C ABI: RUNS lists of calls (fuzz.c), or those of SECONDS_EACH where it is given, by clang's libFuzzer, with the C
# and the Rust side under AddressSanitizer. Without clang: the loop of mutations that `cargo test` runs, LOOPS times.
set -euo pipefail
cd "$(dirname "$0")/../../.."
runs=${RUNS:-10000000} seconds=${SECONDS_EACH:-0}
target=$(rustc -vV | sed -n 's/^host: //p')
out=${CARGO_TARGET_DIR:-target}/c-fuzz
mkdir -p "$out/corpus" "$out/seeds"
strict=(-std=c11 -Wall -Wextra -Wpedantic -Werror -g -O1 -Iinclude)
private=(-lgcc_s -lutil -lrt -lpthread -lm -ldl)

if ! command -v clang >/dev/null || ! echo 'int LLVMFuzzerTestOneInput(const char *b, long n) { return !b && n; }' |
  clang -x c - -fsanitize=fuzzer,address -o "$out/probe" 2>/dev/null; then
  echo "skipped: clang with libFuzzer is not here; mutations only"
  cargo build --release --locked -q -p wiremark-ffi --lib
  cc "${strict[@]}" -DLOOP -fsanitize=address,undefined ffi/tests/c/fuzz.c -o "$out/loop" target/release/libwiremark.a "${private[@]}"
  exec "$out/loop" "${LOOPS:-1000000}" tests/demo.pcap
fi

export RUSTC_BOOTSTRAP=1 # sanitizer and coverage want it on a stable toolchain
coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
  -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"
RUSTFLAGS="-Zsanitizer=address $coverage -Cdebug-assertions -Coverflow-checks" \
  cargo rustc --release --locked -q -p wiremark-ffi --lib --crate-type staticlib --target "$target" --target-dir "$out"
clang "${strict[@]}" -fsanitize=fuzzer,address ffi/tests/c/fuzz.c -o "$out/fuzz" "$out/$target/release/libwiremark.a" "${private[@]}"
# Seeds: the files of the seeds for the engine's targets, with a head each that makes them one call.
[ -d "$out/engine" ] || cargo run -q -p wiremark-tests --features tools --bin hostile-seeds "$out/engine" >/dev/null
for kind in packet:0:0 tracker:0:0 signatures:8:8; do
  IFS=: read -r folder call _ <<<"$kind"
  for file in "$out/engine/$folder"/*; do
    size=$(stat -c %s "$file")
    [ "$size" -lt 65000 ] || continue
    lead=$([ "$call" = 8 ] && echo "" || echo '\x00\x01\x01')
    length=$((size + (call == 8 ? 0 : 3)))
    printf "\\x$(printf %02x "$call")\\x$(printf %02x $((length >> 8)))\\x$(printf %02x $((length & 255)))$lead" |
      cat - "$file" >"$out/seeds/$folder-$(basename "$file")"
  done
done
# Each list of calls has a tracker and contexts of its own: freed memory that waits long, or goes back to the system, costs a third of the time.
export ASAN_OPTIONS=${ASAN_OPTIONS:-quarantine_size_mb=4:allocator_release_to_os_interval_ms=-1}
exec "$out/fuzz" -runs="$runs" -max_total_time="$seconds" -entropic=0 -max_len=4096 -rss_limit_mb=4096 -timeout=10 -print_final_stats=1 \
  -artifact_prefix="$out/" "$out/corpus" "$out/seeds"
