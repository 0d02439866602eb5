#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Convolutions that skip zeros beside dense ones and beside ONNX Runtime: time against the share of zeros.

    sparse_conv.py [--runs 21] [--threads 1,2] [--layers 256x28,...] [--sparsity 0,.25,...,.99] [--json out.json] [--document doc.md]

Both programs stay open and answer in turn, so that a slow moment of the machine falls on both. Given are medians over the
runs; for ratios the median of the ratio of each run and the 95 % interval of that median. The peer of integers is the fastest
of ONNX Runtime's float, QLinearConv and ConvInteger in each run, that of floats its float. Break-even is the share of zeros from which on the sparse kernel
is faster, on the line between the measured ones. `sparse_conv_bench` and sparse_conv.mjs say what is timed. --document puts
the tables between the two comments of a document that are there for them (docs/sparse_convolution.md).
"""

import argparse
import json
import math
import os
import platform
import statistics
import sys
import time
from pathlib import Path

from line_program import Program

ROOT = Path(__file__).resolve().parents[2]
# name: in channels, out channels, pixels a side, kernel, stride, groups
LAYERS = {
    "3x3, 64 ch, 56 px": (64, 64, 56, 3, 1, 1),
    "3x3, 128 ch, 28 px": (128, 128, 28, 3, 1, 1),
    "3x3, 256 ch, 28 px": (256, 256, 28, 3, 1, 1),
    "3x3, 512 ch, 14 px": (512, 512, 14, 3, 1, 1),
    "3x3 stride 2, 128 ch, 56 px": (128, 128, 56, 3, 2, 1),
    "5x5, 64 ch, 28 px": (64, 64, 28, 5, 1, 1),
    "1x1, 256 ch, 28 px": (256, 256, 28, 1, 1, 1),
    "1x1, 512 ch, 14 px": (512, 512, 14, 1, 1, 1),
}
PEERS = {"float": "float", "qlinear": "QLinearConv", "integer": "ConvInteger"}
TURNS = 4  # different layers of each shape that take turns


def measure(shape, threads, sparsities, types, runs, programs):
    """A list of one dictionary a run: what was asked -> answer."""
    arguments = [str(number) for number in (*shape, TURNS, threads)]
    ours = Program([programs / "sparse_conv_bench", *arguments], OMP_WAIT_POLICY="passive")
    peer = Program(["node", Path(__file__).with_name("sparse_conv.mjs"), *arguments], OMP_WAIT_POLICY="passive")
    commands = [f"dense {kind} 0" for kind in types]
    commands += [f"sparse {kind} {sparsity}" for sparsity in sparsities for kind in types]
    answers = []
    for run in range(runs + 1):
        answer = {name: peer.ask(name) for name in PEERS}
        time.sleep(0.01)  # its threads wait by spinning for a moment
        answer.update({command: ours.ask(command) for command in commands})
        answer["peer int8"] = {"seconds": min(answer[name]["seconds"] for name in PEERS)}
        answer["peer float"] = answer["float"]
        if run > 0:  # the first warms up
            answers.append(answer)
    ours.end()
    peer.end()
    return answers


def spread(values):
    """The median and its 95 % interval from the order of the values (binomial), whatever their distribution."""
    ordered = sorted(values)
    n, below = len(ordered), 0
    while below < n // 2 and sum(math.comb(n, i) for i in range(below + 1)) / 2**n <= 0.025:
        below += 1
    below = max(below - 1, 0)
    return {"median": statistics.median(ordered), "low": ordered[below], "high": ordered[n - 1 - below]}


def seconds(answers, command):
    return statistics.median(answer[command]["seconds"] for answer in answers)


def ratio(answers, slow, fast):
    return spread([answer[slow]["seconds"] / answer[fast]["seconds"] for answer in answers])


def break_even(sparsities, times, other):
    """The share of zeros from which on `times` are below `other`."""
    if times[-1] >= other:
        return None
    even = 0.0
    for (s0, t0), (s1, t1) in zip(zip(sparsities, times), zip(sparsities[1:], times[1:])):
        if t0 >= other > t1:
            even = s0 + (s1 - s0) * (t0 - other) / (t0 - t1)
    return even


def summary(answers, sparsities, types):
    row = {"us": {name: 1e6 * seconds(answers, name) for name in PEERS}}
    row["fastest_peer"] = min(PEERS, key=lambda name: row["us"][name])
    row["dense_macs"] = answers[0][f"dense {types[0]} 0"]["dense_macs"]
    for kind in types:
        times = [seconds(answers, f"sparse {kind} {s}") for s in sparsities]
        row[kind] = {
            "dense_us": 1e6 * seconds(answers, f"dense {kind} 0"),
            "peer_to_dense": ratio(answers, f"peer {kind}", f"dense {kind} 0"),
            "sparse_us": [1e6 * t for t in times],
            "peer_to_sparse": [ratio(answers, f"peer {kind}", f"sparse {kind} {s}") for s in sparsities],
            "executed_macs": [answers[0][f"sparse {kind} {s}"]["executed_macs"] for s in sparsities],
            "break_even_with_peer": break_even(sparsities, times, seconds(answers, f"peer {kind}")),
            "break_even_with_own_dense": break_even(sparsities, times, seconds(answers, f"dense {kind} 0")),
        }
    return row


def share(value):
    return "none" if value is None else "always" if value == 0 else f"{value:.0%}"


def cell(value):
    return f"{value['median']:.2f} ({value['low']:.2f}..{value['high']:.2f})"


def table(threads, rows, sparsities, kind):
    """Times in us, with what the fastest peer takes divided by them where it matters."""
    title = {"int8": "u8 x s8", "float": "float32"}[kind]
    head = ["layer", "ONNX Runtime float", "QLinearConv", "own dense"] + [f"{s:.0%} zeros" for s in sparsities]
    peer = {"int8": "fastest peer", "float": "ONNX Runtime float"}[kind]
    head += [f"{peer} / sparse at 80 %", f"even with {peer}", "even with own dense"]
    lines = [f"{title}, {threads} thread{'s' if threads > 1 else ''}, us a layer:", "", "| " + " | ".join(head) + " |",
             "|" + "---|" * len(head)]
    at = min(range(len(sparsities)), key=lambda i: abs(sparsities[i] - 0.8))
    for name, row in rows.items():
        mine = row[kind]
        cells = [name, f"{row['us']['float']:.0f}", f"{row['us']['qlinear']:.0f}", f"{mine['dense_us']:.0f}"]
        cells += [f"{us:.0f}" for us in mine["sparse_us"]]
        cells += [cell(mine["peer_to_sparse"][at]), share(mine["break_even_with_peer"]), share(mine["break_even_with_own_dense"])]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def conditions(report):
    """The machine and how busy it was, as a sentence."""
    model = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
                  if line.startswith("model name")), report["machine"])
    load = (report["load"][0] + report["load_after"][0]) / 2
    busy = "busy" if load > 3 else "otherwise quiet"  # two threads of ours and what starts them count, too
    return (f"{model}, {report['cores']} cores, {busy} (load {load:.1f}); ONNX Runtime {peer_version()}; "
            f"medians of {report['runs']} interleaved runs, in brackets the 95 % interval of the median.")


def peer_version():
    package = Path(__file__).parent / "node_modules/onnxruntime-node/package.json"
    return json.loads(package.read_text(encoding="utf-8"))["version"]


BEGIN, END = "<!-- tables: written by benchmarks/peers/sparse_conv.py -->", "<!-- end of tables -->"


def fill(document, text):
    old = document.read_text(encoding="utf-8")
    if BEGIN not in old or END not in old:
        sys.exit(f"{document}: wants the lines '{BEGIN}' and '{END}'")
    head, rest = old.split(BEGIN, 1)
    document.write_text(f"{head}{BEGIN}\n{text.strip()}\n{END}{rest.split(END, 1)[1]}", encoding="utf-8")


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=21)
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--layers", default="", help="only those whose name contains one of these, separated by ';'")
    parser.add_argument("--sparsity", default="0,.25,.5,.6,.7,.8,.9,.95,.99")
    parser.add_argument("--types", default="int8,float")
    parser.add_argument("--programs", type=Path, default=ROOT / "build/release/bin")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--document", type=Path, metavar="FILE")
    return parser.parse_args()


def main():
    arguments = parse()
    if not (Path(__file__).parent / "node_modules/onnxruntime-node").exists():
        sys.exit("first: (cd benchmarks/peers && npm ci --ignore-scripts)")
    if not (arguments.programs / "sparse_conv_bench").exists():
        sys.exit("build first: cmake --preset release && cmake --build --preset release --target sparse_conv_bench")
    sparsities = [float(text) for text in arguments.sparsity.split(",")]
    types = arguments.types.split(",")
    wanted = [part for part in arguments.layers.split(";") if part]
    chosen = {name: shape for name, shape in LAYERS.items() if not wanted or any(part in name for part in wanted)}
    report = {"runs": arguments.runs, "machine": platform.machine(), "cores": os.cpu_count(), "load": os.getloadavg(),
              "sparsities": sparsities, "threads": {}}
    texts = []
    for threads in map(int, arguments.threads.split(",")):
        rows = {}
        for name, shape in chosen.items():
            rows[name] = summary(measure(shape, threads, sparsities, types, arguments.runs, arguments.programs), sparsities, types)
        report["threads"][threads] = rows
        for kind in types:
            texts.append(table(threads, rows, sparsities, kind))
            print(texts[-1], flush=True)
    report["load_after"] = os.getloadavg()
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(report, indent=2), encoding="utf-8")
    if arguments.document:
        fill(arguments.document, conditions(report) + "\n\n" + "\n".join(texts))


if __name__ == "__main__":
    main()
