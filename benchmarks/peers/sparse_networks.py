#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whole trained networks on real pictures: dense, by their zeros, and in ONNX Runtime.

    DELTAHOP_DATA=... sparse_networks.py [--rounds 21] [--threads 1] [--only squeezenet,...] [--limit N] [--markdown out.md]
                      [--json out.json] [--model NAME=file.onnx ...]

For each network `deltahop bench` times its own ways in turn; ONNX Runtime (float32, the same file with batch normalisation
folded; and int8, the formats that `deltahop quantize` chose, by quantized_onnx.py; as many threads) is timed before and after
it, and the lower median counts. --model adds digit networks, such as those
that `deltahop train recipes/mnist_cnn.yaml` exports, on MNIST's test pictures: a network trained for zeros beside its twin.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DELTAHOP = ROOT / "build/release/bin/deltahop"
PEERS = ROOT / "benchmarks/peers"


def networks(data):
    """name: what `deltahop convert` takes, and what `deltahop bench` takes besides."""
    digits = ["--input", f"{data}/mnist/t10k-images-idx3-ubyte.gz", "--labels", f"{data}/mnist/t10k-labels-idx1-ubyte.gz"]
    return {
        "squeezenet": (["squeezenet1_0", "--weights", f"{data}/squeezenet_deep_compression/compressed_SqueezeNet.net"],
                       ["--input", f"{data}/imagenet_samples/samples.csv"]),
        "roshambo": (["roshambo", "--weights", f"{data}/roshambo_cnn"],
                     ["--input", f"{data}/roshambo_cnn/frames", "--calibrate", "300"]),
        "resnet20": (["resnet20", "--weights", f"{data}/resnet_cifar10/resnet20.safetensors"],
                     ["--input", f"{data}/cifar10/test_lossless.bin"]),
        "mnist_cntk": ([f"{data}/onnx_models/mnist_cntk_opset8.onnx"], digits + ["--preprocess", "channels=gray"]),
    }, digits


def output_of(command):
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"this command failed:\n  {' '.join(map(str, command))}\n{result.stderr}")
    return result.stdout


def peer_median_s(model, threads):
    """Seconds of one call in ONNX Runtime; None where it is not installed."""
    if not (PEERS / "node_modules/onnxruntime-node").exists():
        return None
    return json.loads(output_of(["node", PEERS / "time_onnx.mjs", model, 201, threads]).splitlines()[-1])["median_ms"] * 1e-3


def measure(name, source, inputs, arguments, folder):
    model = folder / f"{name}.onnx"
    output_of([DELTAHOP, "convert", *source[:1], model, *source[1:], "--fold"])
    formats, integers = folder / f"{name}.formats.onnx", folder / f"{name}.int8.onnx"
    limit = inputs[inputs.index("--calibrate") + 1] if "--calibrate" in inputs else 32
    output_of([DELTAHOP, "quantize", *source, *inputs, "--activation-bits", 8, "--weight-bits", 8, "--limit", limit,
               "--onnx", formats, "--write-formats", folder / f"{name}.formats", "-q"])
    output_of([sys.executable, PEERS / "quantized_onnx.py", formats, integers])
    peers = {"float32": model, "int8": integers}
    before = {kind: peer_median_s(file, arguments.threads) for kind, file in peers.items()}
    command = [DELTAHOP, "bench", *source, *inputs, "--rounds", arguments.rounds, "--threads", arguments.threads, "--json", "-q"]
    if arguments.limit:
        command += ["--limit", arguments.limit]
    report = json.loads(output_of(command))
    after = {kind: peer_median_s(file, arguments.threads) for kind, file in peers.items()}
    ways = {row["way"]: row for row in report["ways"]}
    return {"name": name, "figures": report["figures"], "ways": ways, "layers": report["layers"],
            "peer_s": {kind: None if before[kind] is None else min(before[kind], after[kind]) for kind in peers}}


def milliseconds(seconds):
    return "not run" if seconds is None else f"{1e3 * seconds:.3g} ms"


def percent(value):
    return "no labels" if value is None else f"{100 * value:.1f} %"


def markdown(results):
    lines = ["| network | zeros | ONNX Runtime float32 | and int8 | float32 dense | int8 dense | int8 by zeros | p99 | fastest of ONNX "
             "Runtime over by zeros | best dense over by zeros (lowest to highest) | products left out | zeros would allow | right: "
             "float32, int8 |",
             "|---|---|---|---|---|---|---|---|---|---|---|---|---|"]
    for result in results:
        ways, figures = result["ways"], result["figures"]
        chosen = ways["int8, by zeros"]
        floats = min((ways[key] for key in ("float32, layer by layer", "float32, dense")), key=lambda way: way["latency_median_s"])
        peers = result["peer_s"]
        fastest = "not run" if None in peers.values() else f"{min(peers.values()) / chosen['latency_median_s']:.2f}"
        executed = [way["executed_gops"] * way["latency_median_s"] for way in (chosen, ways["int8, dense"])]
        left_out = 1 - executed[0] / executed[1]
        right = [percent(way.get("accuracy_fraction")) for way in (floats, chosen)]
        lines.append(f"| {result['name']} | {percent(figures['zeros_fraction'])} | {milliseconds(peers['float32'])} | {milliseconds(peers['int8'])} "
                     f"| {milliseconds(floats['latency_median_s'])} | {milliseconds(ways['int8, dense']['latency_median_s'])} "
                     f"| {milliseconds(chosen['latency_median_s'])} | {milliseconds(chosen['latency_p99_s'])} "
                     f"| {fastest} | {chosen['best_dense_ratio']:.2f} ({chosen['best_dense_ratio_lowest']:.2f} to "
                     f"{chosen['best_dense_ratio_highest']:.2f}) | {percent(left_out)} | {figures['theory_ratio']:.2f} | {', '.join(right)} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--only", default="")
    parser.add_argument("--model", action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--json")
    parser.add_argument("--markdown")
    arguments = parser.parse_args()
    data = os.environ.get("DELTAHOP_DATA")
    if not data:
        sys.exit("set DELTAHOP_DATA to the folder of networks and pictures")
    known, digits = networks(data)
    wanted = [name for name in arguments.only.split(",") if name] or (list(known) if not arguments.model else [])
    jobs = {name: known[name] for name in wanted}
    for model in arguments.model:
        name, file = model.split("=", 1)
        jobs[name] = ([file], digits)  # in the file's own formats where it has some
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for name, (source, inputs) in jobs.items():
            results.append(measure(name, source, inputs, arguments, Path(folder)))
            print(f"{name}: done", file=sys.stderr)
    table = markdown(results)
    print(table, end="")
    if arguments.markdown:
        Path(arguments.markdown).write_text(table, encoding="utf-8")
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(results, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
