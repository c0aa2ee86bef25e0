#!/usr/bin/env python3
"""What Python costs beside the command, and nfstream beside both, in one run.

    compare.py WIREMARK ENGINE CAPTURE [ROUNDS]

WIREMARK is the command (cargo build --release -p wiremark-probe --features full), ENGINE the engine alone over the same frames in
memory (cargo build --release --example engine in python/; python/target/release/examples/engine; - does without), CAPTURE a pcap file, such as the
trace builder's (see tests/report/README.md). Medians of ROUNDS (3), seconds by the clock.
"""

import json
import statistics
import subprocess
import sys
import time

import numpy as np
import wiremark


def clock(work):
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def block(path):
    """Offsets, lengths, lengths on the wire, times (us) and link type of a little-endian pcap file, by following its records."""
    data = np.fromfile(path, dtype=np.uint8)
    raw = data.tobytes()
    assert raw[:4] == b"\xd4\xc3\xb2\xa1", "give a pcap file, little-endian, microseconds"
    offsets, at = [], 24
    while at + 16 <= len(raw):
        offsets.append(at + 16)
        at += 16 + int.from_bytes(raw[at + 8 : at + 12], "little")
    offsets = np.array(offsets, dtype=np.int64)
    word = lambda back: np.sum([data[offsets - back + n].astype(np.int64) << 8 * n for n in range(4)], axis=0)
    return data, offsets, word(8), word(4), word(16) * 1_000_000 + word(12), int.from_bytes(raw[20:24], "little")


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    command, engine, capture = sys.argv[1:4]
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 3
    import pandas  # noqa: F401  what is imported once is not measured
    import pyarrow  # noqa: F401

    def run(*words):
        return lambda: subprocess.run([command, *words, capture], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    data, offsets, lengths, wire, times, link_type = block(capture)
    classifier = wiremark.Classifier()
    works = {
        "command, summary": run("classify"),
        "command, json": run("classify", "--format", "json"),
        "command, arrow": run("classify", "--format", "arrow"),
        "command, parquet": run("classify", "--format", "parquet"),
        "flows().to_pandas()": lambda: wiremark.flows(capture, on_error="keep").to_pandas(),
        "flows().to_polars()": lambda: wiremark.flows(capture, on_error="keep").to_polars(),
        "packets().to_arrow()": lambda: wiremark.packets(capture, on_error="keep").to_arrow(),
        "batch door": lambda: wiremark.Tracker(classifier).batch(data, offsets, times, lengths=lengths, wire_lengths=wire, link_type=link_type),
    }
    try:
        from nfstream import NFStreamer

        works["nfstream, default"] = lambda: NFStreamer(source=capture).to_pandas()
    except ImportError as error:
        print(f"nfstream: not installed ({error})")
    seconds = {name: [] for name in [*works, "engine"]}
    for number in range(rounds):
        for name, work in works.items():
            if name.startswith("nfstream") and number > 0 and seconds[name][0] > 120:
                continue
            seconds[name].append(clock(work))
        if engine != "-":
            said = subprocess.run([engine, capture], check=True, capture_output=True, text=True).stdout
            seconds["engine"].append(json.loads(said)["seconds"])
    median = {name: statistics.median(found) for name, found in seconds.items() if found}
    packets = len(offsets)
    print(f"{packets} packets")
    for name, found in median.items():
        print(f"{name:22} {found:8.3f} s {found / packets * 1e9:8.0f} ns a packet")
    print(f"flows().to_pandas() / command, json   {median['flows().to_pandas()'] / median['command, json']:.2f}")
    print(f"flows().to_pandas() / command, arrow  {median['flows().to_pandas()'] / median['command, arrow']:.2f}")
    print(f"flows().to_pandas() / command, summary {median['flows().to_pandas()'] / median['command, summary']:.2f}")
    if "engine" in median:
        print(f"batch door / engine                   {median['batch door'] / median['engine']:.2f}")
    if "nfstream, default" in median:
        print(f"nfstream / flows().to_pandas()        {median['nfstream, default'] / median['flows().to_pandas()']:.1f}")


if __name__ == "__main__":
    main()
