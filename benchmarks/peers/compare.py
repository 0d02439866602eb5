#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times commands as whole processes, interleaved, and compares them: wall time, CPU time, memory.

    compare.py [--runs 7] [--warm-up 1] [--json out.json] --peer 'NAME=command' --peer 'NAME=command' ...

The first peer is what the others are divided by. Every round runs each peer once, in turn, so that a slow moment of the
machine falls on all of them. Given are medians, the lowest and highest, and the ratio of each round (median, lowest, highest).
"""

import argparse
import json
import os
import platform
import shlex
import statistics
import subprocess
import sys
import time


def run_once(command):
    """Wall seconds, CPU seconds and peak MiB of one process with its children."""
    start = time.perf_counter()
    process = subprocess.Popen(shlex.split(command), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    if status != 0:
        sys.exit(f"this command failed:\n  {command}\n{errors.decode(errors='replace')}")
    return {"wall_s": wall, "cpu_s": usage.ru_utime + usage.ru_stime, "peak_MiB": usage.ru_maxrss / 1024}


def spread(values):
    return {"median": statistics.median(values), "lowest": min(values), "highest": max(values)}


def measure(peers, runs, warm_up):
    measured = {name: [] for name in peers}
    for round_number in range(warm_up + runs):
        for name, command in peers.items():
            result = run_once(command)
            if round_number >= warm_up:
                measured[name].append(result)
    base = measured[next(iter(peers))]
    report = {}
    for name, results in measured.items():
        ratios = [mine["wall_s"] / other["wall_s"] for mine, other in zip(results, base)]
        report[name] = {"command": peers[name], "ratio": spread(ratios),
                        **{key: spread([result[key] for result in results]) for key in results[0]}}
    return report


def as_text(report, runs):
    base = next(iter(report))
    lines = [f"{runs} runs each, interleaved, whole processes; {os.cpu_count()} cores, {platform.machine()}",
             f"{'':24} {'wall s':>8} {'(lowest..highest)':>20} {'CPU s':>8} {'MiB':>7}   ratio to {base}"]
    for name, row in report.items():
        wall, ratio = row["wall_s"], row["ratio"]
        span = f"({wall['lowest']:.2f}..{wall['highest']:.2f})"
        lines.append(f"{name:24} {wall['median']:8.2f} {span:>20} {row['cpu_s']['median']:8.2f} {row['peak_MiB']['highest']:7.0f}"
                     f"   {ratio['median']:.2f}x ({ratio['lowest']:.2f}..{ratio['highest']:.2f})")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", action="append", required=True, metavar="NAME=COMMAND")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--warm-up", type=int, default=1)
    parser.add_argument("--json", metavar="FILE")
    arguments = parser.parse_args()
    peers = dict(peer.split("=", 1) for peer in arguments.peer)
    report = measure(peers, arguments.runs, arguments.warm_up)
    print(as_text(report, arguments.runs))
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump({"runs": arguments.runs, "cores": os.cpu_count(), "peers": report}, file, indent=2)


if __name__ == "__main__":
    main()
