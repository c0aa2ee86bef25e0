#!/usr/bin/env bash
# indicatif 0.18.6 (Rust): the rate of a progress bar that is told what was done before it was made.
#
# ProgressBar::with_position() and with_elapsed() say how far the work was, and for how long it had run, when the bar was made. Seen here, on
# a bar that is told of 100,000,000 steps in 10 s and then, at once, that it stands one step further:
#
# - position and elapsed() are as told;
# - per_sec() is not about 10,000,000 but above 1,000,000,000: steps before the bar was made count as done in the moment since. A
#   template's {bytes_per_sec} and {eta} go by it.
#
# Needs cargo and a registry; works in a temporary folder. Fails when the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src"
cat >"$folder/Cargo.toml" <<'TOML'
[package]
name = "resumed-rate"
version = "0.0.0"
edition = "2021"

[dependencies]
indicatif = "=0.18.6"

[workspace]
TOML
cat >"$folder/src/main.rs" <<'RUST'
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget};

fn main() {
    let bar = ProgressBar::with_draw_target(Some(1_000_000_000), ProgressDrawTarget::hidden())
        .with_position(100_000_000)
        .with_elapsed(Duration::from_secs(10));
    bar.set_position(100_000_001);
    println!("position {}, elapsed {} s", bar.position(), bar.elapsed().as_secs());
    println!("more than 100 times the rate so far: {}", bar.per_sec() > 1e9);
}
RUST
seen=$(cd "$folder" && cargo run --quiet 2>&1)
echo "indicatif 0.18.6"
echo "$seen"
expected="position 100000001, elapsed 10 s
more than 100 times the rate so far: true"
[ "$seen" = "$expected" ] || { echo "not as stated above"; exit 1; }
