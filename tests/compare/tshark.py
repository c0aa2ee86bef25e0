#!/usr/bin/env python3
"""Compares, capture by capture, how many frames with TCP or UDP wiremark and tshark find.

    tests/compare/tshark.py WIREMARK FILE...

WIREMARK is the command built from this tree (target/debug/wiremark will do). Prints one line for each capture where the two
differ and tests/compare/differences.csv does not say why, or says something else. Exit code 1 where there is such a line.

tshark's number is that of frames whose innermost packet is TCP or UDP: ICMP errors, which quote a header, do not count, and
pieces of a fragmented packet count, as they do in a flow's packets.
"""
import csv
import json
import pathlib
import subprocess
import sys

FIELDS = ["frame.protocols", "ip.proto", "ipv6.nxt", "ipv6.fraghdr.nxt", "ip.flags.mf", "ip.frag_offset"]
# Tunnels that stand behind a UDP header: where nothing with TCP or UDP follows them, the datagram itself is not the packet.
QUOTING = ("icmp", "icmpv6")


def tshark(path):
    command = ["tshark", "-n", "-r", path, "-o", "tcp.desegment_tcp_streams:FALSE", "-T", "fields", "-E", "separator=;"]
    for field in FIELDS:
        command += ["-e", field]
    run = subprocess.run(command, capture_output=True, text=True, errors="replace")
    count = 0
    for line in run.stdout.splitlines():
        protocols, proto, nxt, fragment_nxt, more, offset = (line.split(";") + [""] * 6)[:6]
        layers = protocols.split(":")
        quoted = min((layers.index(name) for name in QUOTING if name in layers), default=len(layers))
        layers = layers[:quoted]
        piece = ("1" in more.split(",") or any(part not in ("", "0") for part in offset.split(","))) and (
            {"6", "17"} & set(proto.split(","))
        )
        piece = piece or bool({"6", "17"} & set(fragment_nxt.split(",")))
        if "tcp" in layers or "udp" in layers or (piece and quoted == len(protocols.split(":"))):
            count += 1
    return count


def wiremark(command, path):
    run = subprocess.run(
        [command, "classify", "--format", "json", "--stats", path], capture_output=True, text=True, errors="replace"
    )
    records = [json.loads(line) for line in run.stdout.splitlines()]
    stats = [record for record in records if record["event_type"] == "stats"]
    return sum(record["packets"] for record in stats)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    command, paths = sys.argv[1], sys.argv[2:]
    with open(pathlib.Path(__file__).with_name("differences.csv"), newline="") as file:
        known = {row["capture"]: row for row in csv.DictReader(file)}
    failed, same = 0, 0
    for path in paths:
        name = pathlib.Path(path).name
        theirs, ours = tshark(path), wiremark(command, path)
        row = known.get(name)
        if ours == theirs or row and (int(row["wiremark"]), int(row["tshark"])) == (ours, theirs):
            same += 1
            continue
        failed += 1
        print(f"{name},{ours},{theirs},")
    print(f"{same} of {len(paths)} captures as expected", file=sys.stderr)
    sys.exit(1 if failed else 0)


main()
