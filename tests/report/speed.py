#!/usr/bin/env python3
"""Holds `wiremark tasks` against `wiremark classify` on one capture: user CPU time, in runs that take turns.

    speed.py WIREMARK CAPTURE.pcap [RUNS]

Fails below half the speed. Also tells the largest memory of `tasks`.
"""

import os
import statistics
import subprocess
import sys


def run(command):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)} failed")
    return usage.ru_utime, usage.ru_maxrss


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    wiremark, capture = sys.argv[1:3]
    runs = int(sys.argv[3]) if len(sys.argv) > 3 else 11
    seconds = {"classify": [], "tasks": []}
    memory = 0
    for _ in range(runs):
        for command, taken in seconds.items():
            user, kilobytes = run([wiremark, command, capture])
            taken.append(user)
            memory = max(memory, kilobytes) if command == "tasks" else memory
    for command, taken in seconds.items():
        print(f"{command:8} user CPU s: least {min(taken):.3f}, median {statistics.median(taken):.3f}, {runs} runs")
    ratios = [classify / tasks for classify, tasks in zip(*seconds.values())]
    least = min(seconds["classify"]) / min(seconds["tasks"])
    print(f"speed of tasks: {least:.2f} of classify's by the least times, {statistics.median(ratios):.2f} by the median of pairs")
    print(f"memory of tasks: {memory / 1024:.1f} MiB")
    sys.exit(0 if max(least, statistics.median(ratios)) >= 0.5 else 1)


main()
