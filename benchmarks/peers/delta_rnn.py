#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two GRU layers with 40 inputs, batch 1, one thread: delta kernels beside dense ones and beside ONNX Runtime.

    delta_rnn.py [--runs 7] [--hidden 256,512,768,1024,2048,4096] [--sparsity 0,.5,.8,.9,.95] [--json out.json]

Both programs stay open and answer in turn, so that a slow moment of the machine falls on both; given are medians over the
runs, and for ratios the median, lowest and highest of the ratio of each run. ONNX Runtime gets 100 steps in one call, so that
its call is not counted; deltahop is run step by step, and once more over the same 100 steps as a sequence, which reads the
input weights once for 20 steps as ONNX Runtime does. `delta_rnn_bench` says what is timed.
"""

import argparse
import json
import os
import platform
import statistics
import sys
from pathlib import Path

from line_program import Program

ROOT = Path(__file__).resolve().parents[2]
INPUTS, STEPS = 40, 100


def measure(hidden, sparsities, runs, programs):
    """A list of one dictionary a run: what was asked -> answer."""
    ours = Program([programs / "delta_rnn_bench", str(hidden)])
    peer = Program(["node", Path(__file__).with_name("delta_rnn.mjs"), str(INPUTS), str(hidden), str(STEPS)])
    commands = ["stream", "dense float", "dense int8"]
    commands += [f"{kind} {sparsity}" for sparsity in sparsities for kind in ("delta float", "sequence float", "delta int8")]
    answers = []
    for run in range(runs + 1):
        answer = {"peer": {"seconds_per_step": peer.ask("run")}}
        answer.update({command: ours.ask(command) for command in commands})
        if run > 0:  # the first warms up
            answers.append(answer)
    ours.end()
    peer.end()
    return answers


def spread(values):
    return {"median": statistics.median(values), "lowest": min(values), "highest": max(values)}


def ratio(answers, slow, fast):
    return spread([answer[slow]["seconds_per_step"] / answer[fast]["seconds_per_step"] for answer in answers])


def median_seconds(answers, command):
    return statistics.median(answer[command]["seconds_per_step"] for answer in answers)


def bandwidth_share(answers, command):
    return spread([answer[command]["read_bytes_per_step"] / answer[command]["seconds_per_step"] /
                   answer["stream"]["bytes_per_second"] for answer in answers])


def summary(answers, sparsities):
    rows = []
    for sparsity in sparsities:
        delta, sequence, narrow = (f"{kind} {sparsity}" for kind in ("delta float", "sequence float", "delta int8"))
        rows.append({
            "sparsity": answers[0][narrow]["sparsity"],
            "peer_us": 1e6 * median_seconds(answers, "peer"),
            "int8_dense_us": 1e6 * median_seconds(answers, "dense int8"),
            "float_delta_us": 1e6 * median_seconds(answers, delta),
            "float_sequence_us": 1e6 * median_seconds(answers, sequence),
            "int8_delta_us": 1e6 * median_seconds(answers, narrow),
            "float_delta_to_peer": ratio(answers, "peer", delta),
            "float_sequence_to_peer": ratio(answers, "peer", sequence),
            "float_delta_to_own_dense": ratio(answers, "dense float", delta),
            "int8_delta_to_int8_dense": ratio(answers, "dense int8", narrow),
            "int8_delta_to_peer": ratio(answers, "peer", narrow),
            "float_bandwidth_share": bandwidth_share(answers, delta),
            "int8_bandwidth_share": bandwidth_share(answers, narrow),
            "int8_sum_bits": answers[0][narrow]["sum_bits"],
        })
    return rows


def cell(value, form="{:.1f}"):
    return f"{form.format(value['median'])} ({form.format(value['lowest'])}..{form.format(value['highest'])})"


def as_text(hidden, rows, stream):
    lines = [f"2L-{hidden}H: ONNX Runtime {rows[0]['peer_us']:.1f} us a step, own int8 dense {rows[0]['int8_dense_us']:.1f} us "
             f"({rows[0]['int8_sum_bits']}-bit sums); streaming read {stream / 1e9:.1f} GB/s", "",
             "| sparsity | float delta us | / peer float | as a sequence / peer float | int8 delta us | / own int8 dense "
             "| / peer float | float bytes / stream | int8 bytes / stream |", "|---|---|---|---|---|---|---|---|---|"]
    for row in rows:
        cells = [f"{row['sparsity']:.3f}", f"{row['float_delta_us']:.1f}", cell(row["float_delta_to_peer"], "{:.2f}"),
                 cell(row["float_sequence_to_peer"], "{:.2f}"), f"{row['int8_delta_us']:.1f}",
                 cell(row["int8_delta_to_int8_dense"]), cell(row["int8_delta_to_peer"]),
                 cell(row["float_bandwidth_share"], "{:.0%}"), cell(row["int8_bandwidth_share"], "{:.0%}")]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--hidden", default="256,512,768,1024,2048,4096")
    parser.add_argument("--sparsity", default="0,.5,.8,.9,.95")
    parser.add_argument("--programs", type=Path, default=ROOT / "build/release/bin")
    parser.add_argument("--json", metavar="FILE")
    arguments = parser.parse_args()
    if not (Path(__file__).parent / "node_modules/onnxruntime-node").exists():
        sys.exit("first: (cd benchmarks/peers && npm ci --ignore-scripts)")
    if not (arguments.programs / "delta_rnn_bench").exists():
        sys.exit("build first: cmake --preset release && cmake --build --preset release --target delta_rnn_bench")
    sparsities = [float(text) for text in arguments.sparsity.split(",")]
    report = {"runs": arguments.runs, "machine": platform.machine(), "cores": os.cpu_count(), "networks": {}}
    for hidden in map(int, arguments.hidden.split(",")):
        answers = measure(hidden, sparsities, arguments.runs, arguments.programs)
        rows = summary(answers, sparsities)
        stream = statistics.median(answer["stream"]["bytes_per_second"] for answer in answers)
        report["networks"][hidden] = {"streaming_read_bytes_per_second": stream, "rows": rows}
        print(as_text(hidden, rows, stream), flush=True)
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=2)


if __name__ == "__main__":
    main()
