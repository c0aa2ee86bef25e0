#!/usr/bin/env python3
"""Compares, capture by capture, how many frames with TCP or UDP wiremark and tshark find.

    tests/compare/tshark.py WIREMARK PATH...

WIREMARK is the command built from this tree (target/debug/wiremark will do); a PATH is a capture, or a folder of them with all
folders in it. Prints one line for each capture where the two differ and tests/compare/differences.csv does not say why, or says
something else, in that file's columns. Exit code 1 where there is such a line.

tshark's number is that of frames whose packet is TCP or UDP: ICMP errors, which quote a header, do not count, and pieces of a
fragmented packet do, as they do in a flow's packets.
"""
import csv
import json
import pathlib
import subprocess
import sys

ENDINGS = {".pcap", ".pcapng", ".cap", ".snoop", ".erf", ".gz", ".zst", ".xz", ".lz4", ".bz2"}
FIELDS = ["frame.protocols", "ip.proto", "ipv6.nxt", "ipv6.fraghdr.nxt", "ip.flags.mf", "ip.frag_offset"]
# What quotes the packet it is about.
QUOTING = ("icmp", "icmpv6")
TRANSPORTS = {"6", "17"}


def captures(path):
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file() and file.suffix in ENDINGS)
    return [path]


def has_transport(line):
    """Of the fields of one frame: whether its packet is TCP or UDP, or a piece of such a one."""
    protocols, proto, nxt, fragment_nxt, more, offset = (part.split(",") for part in (line.split(";") + [""] * 6)[:6])
    layers = protocols[0].split(":")
    quoted = min((layers.index(name) for name in QUOTING if name in layers), default=len(layers))
    if "tcp" in layers[:quoted] or "udp" in layers[:quoted]:
        return True
    is_piece = bool({"1", "True"} & set(more)) or any(part not in ("", "0") for part in offset)
    is_piece = is_piece and bool(TRANSPORTS & set(proto)) or bool(TRANSPORTS & set(fragment_nxt))
    return is_piece and quoted == len(layers)


def tshark(path):
    command = ["tshark", "-n", "-r", str(path), "-o", "tcp.desegment_tcp_streams:FALSE"]
    command += ["-T", "fields", "-E", "separator=;"]
    for field in FIELDS:
        command += ["-e", field]
    run = subprocess.run(command, capture_output=True, text=True, errors="replace")
    return sum(map(has_transport, run.stdout.splitlines()))


def wiremark(command, path):
    arguments = [command, "classify", "--format", "json", "--stats", str(path)]
    run = subprocess.run(arguments, capture_output=True, text=True, errors="replace")
    records = map(json.loads, run.stdout.splitlines())
    return sum(record["packets"] for record in records if record["event_type"] == "stats")


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    command, paths = sys.argv[1], [file for path in sys.argv[2:] for file in captures(pathlib.Path(path))]
    with open(pathlib.Path(__file__).with_name("differences.csv"), newline="") as file:
        known = {row["capture"]: row for row in csv.DictReader(file)}
    equal = listed = failed = 0
    for path in paths:
        theirs, ours = tshark(path), wiremark(command, path)
        row = known.get(path.name)
        if ours == theirs:
            equal += 1
        elif row and (int(row["wiremark"]), int(row["tshark"])) == (ours, theirs):
            listed += 1
        else:
            failed += 1
            print(f"{path.name},{ours},{theirs},", flush=True)
    print(f"{equal} of {len(paths)} captures equal, {listed} listed, {failed} neither", file=sys.stderr)
    sys.exit(1 if failed else 0)


main()
