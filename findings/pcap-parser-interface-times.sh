#!/usr/bin/env bash
# pcap-parser 0.17.0 (Rust): the times of a pcapng interface.
#
# The pcapng format says of the option if_tsresol: with its highest bit set, the other seven are a negative power of 2; and of
# if_tsoffset: eight bytes in the section's byte order. Seen here, on two interface descriptions that are valid by the format:
#
# - if_tsresol 0x8a (units of 2^-10 s): ts_resolution() is None, as for every power of 2; the bound is held against the byte with
#   its highest bit. if_tsresol 6 gives Some(1000000), as it should.
# - if_tsoffset 3600 in a big-endian section: ts_offset() is 1156862154280796160, which is 3600 with its bytes reversed; the other
#   numbers of the same block are read as big-endian.
#
# Needs cargo and a registry; works in a temporary folder. Fails when the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src"
cat >"$folder/Cargo.toml" <<'TOML'
[package]
name = "interface-times"
version = "0.0.0"
edition = "2021"

[dependencies]
pcap-parser = "=0.17.0"

[workspace]
TOML
cat >"$folder/src/main.rs" <<'RUST'
use pcap_parser::pcapng::{parse_interfacedescriptionblock_be, parse_interfacedescriptionblock_le};

/// An interface description of Ethernet with one option.
fn block(code: u16, value: &[u8], big: bool) -> Vec<u8> {
    let two = |n: u16| if big { n.to_be_bytes() } else { n.to_le_bytes() };
    let four = |n: u32| if big { n.to_be_bytes() } else { n.to_le_bytes() };
    let mut option = [&two(code)[..], &two(value.len() as u16)[..], value].concat();
    option.resize(option.len().next_multiple_of(4), 0);
    option.extend([0; 4]);
    let bytes = 20 + option.len() as u32;
    [&four(1)[..], &four(bytes), &two(1), &two(0), &four(65535), &option, &four(bytes)].concat()
}

fn main() {
    for resolution in [6u8, 0x8a] {
        let bytes = block(9, &[resolution], false);
        let (_, interface) = parse_interfacedescriptionblock_le(&bytes).unwrap();
        println!("if_tsresol {resolution:#04x}: {:?}", interface.ts_resolution());
    }
    let bytes = block(14, &3600i64.to_be_bytes(), true);
    let (_, interface) = parse_interfacedescriptionblock_be(&bytes).unwrap();
    println!("snaplen {}, if_tsoffset {}", interface.snaplen, interface.ts_offset());
}
RUST
seen=$(cd "$folder" && cargo run --quiet 2>&1)
echo "pcap-parser 0.17.0"
echo "$seen"
expected="if_tsresol 0x06: Some(1000000)
if_tsresol 0x8a: None
snaplen 65535, if_tsoffset 1156862154280796160"
[ "$seen" = "$expected" ] || { echo "not as stated above"; exit 1; }
