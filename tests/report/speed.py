#!/usr/bin/env python3
"""Holds `wiremark tasks` against `wiremark classify` on one capture, in runs that take turns.

    speed.py WIREMARK CAPTURE.pcap [RUNS]

By the clock, which is what somebody waits, and in user CPU time: `tasks` follows flows on one thread and names tasks on
another. Fails below half the speed by the clock. Also tells the largest memory of `tasks`.
"""

import os
import statistics
import subprocess
import sys
import time


def run(command):
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)} failed")
    return time.perf_counter() - began, usage.ru_utime, usage.ru_maxrss


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    wiremark, capture = sys.argv[1:3]
    runs = int(sys.argv[3]) if len(sys.argv) > 3 else 11
    taken = {"classify": [], "tasks": []}
    for _ in range(runs):
        for command, times in taken.items():
            times.append(run([wiremark, command, capture]))
    speed = 0
    for place, clock in enumerate(["by the clock", "in user CPU time"]):
        seconds = {command: [time[place] for time in times] for command, times in taken.items()}
        for command, of in seconds.items():
            print(f"{clock}: {command:8} least {min(of):.3f} s, median {statistics.median(of):.3f} s, {runs} runs")
        least = min(seconds["classify"]) / min(seconds["tasks"])
        pairs = statistics.median(one / other for one, other in zip(*seconds.values()))
        print(f"{clock}: tasks at {least:.2f} of classify's speed by the least times, {pairs:.2f} by the median of pairs")
        speed = max(speed, least, pairs) if place == 0 else speed
    memory = max(kilobytes for _, _, kilobytes in taken["tasks"])
    print(f"memory of tasks: {memory / 1024:.1f} MiB")
    sys.exit(0 if speed >= 0.5 else 1)


main()
