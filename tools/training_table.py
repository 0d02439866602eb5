#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains by every recipe, all variants, seeds and folds, and prints the table of docs/training.md: accuracy, zeros, executed
multiplications or read weights (each the mean and its spread; of networks with number formats those of the finished file in
its integers), and time.

    tools/training_table.py [--program build/release/bin/deltahop] [--output trainings] [recipe.yaml ...] [-- options]

What stands behind -- goes to `deltahop train`, for example: -- --epochs 1 --set data.train_limit=500. A recipe whose folder in
the output holds a report already is not trained again. DELTAHOP_DATA names the folder of the data.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from statistics import mean, stdev

ROOT = Path(__file__).resolve().parents[1]


def percent(values):
    """`98.91 +- 0.05 %` of shares; no spread for a single one."""
    if not values:
        return ""
    spread = f" +- {100 * stdev(values):.2f}" if len(values) > 1 else ""
    return f"{100 * mean(values):.2f}{spread} %"


def shares(trainings, key):
    return [training[key] for training in trainings if training.get(key) is not None]


def zeros_of(training):
    """The mean over the layers that have zeros at all."""
    found = [
        value
        for key, value in training.items()
        if key.startswith("test_") and key.endswith(".zeros_fraction") and value is not None and value > 0.05
    ]
    return mean(found) if found else None


def rows_of(name, trainings):
    order = list(dict.fromkeys(training["variant"] for training in trainings))
    for variant in order:
        those = [training for training in trainings if training["variant"] == variant]
        zeros = [value for value in map(zeros_of, those) if value is not None]
        yield (
            name,
            variant,
            str(len(those)),
            percent(shares(those, "test_accuracy")),
            percent(zeros),
            percent(shares(those, "test_executed_macs_fraction") or shares(those, "test_read_weights_fraction")),
            f"{sum(training['seconds'] for training in those):.0f} s",
        )


def train(program, recipe, output, options):
    report = output / recipe.stem / "report.json"
    if not report.is_file():
        command = [program, "train", str(recipe), "--all", "--output", str(report.parent), *options]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return json.loads(report.read_text())


def trainings_of(report):
    """One training has no table of them: its row of test figures stands for it."""
    if "trainings" in report:
        return report["trainings"]
    training = {"variant": "", "seconds": sum(epoch["seconds"] for epoch in report["epochs"])}
    for row in report["exported"]:
        if row["part"] == "test":
            training.update({f"test_{key}": value for key, value in row.items() if key != "part"})
    return [training]


def main():
    arguments, options = sys.argv[1:], []
    if "--" in arguments:
        place = arguments.index("--")
        arguments, options = arguments[:place], arguments[place + 1 :]
    parser = argparse.ArgumentParser(description="Trains by every recipe and prints the table of their figures.")
    parser.add_argument("recipes", nargs="*", type=Path)
    parser.add_argument("--program", default=str(ROOT / "build/release/bin/deltahop"))
    parser.add_argument("--output", type=Path, default=Path("trainings"))
    chosen = parser.parse_args(arguments)
    recipes = chosen.recipes or sorted((ROOT / "recipes").glob("*.yaml"))
    print("| recipe | variant | trainings | accuracy | zeros in activations | executed MACs, or weights read | time |")
    print("|---|---|---|---|---|---|---|")
    try:
        for recipe in recipes:
            report = train(chosen.program, recipe, chosen.output, options)
            for row in rows_of(recipe.stem, trainings_of(report)):
                print("| " + " | ".join(row) + " |", flush=True)
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        sys.exit(f"training_table.py: {error}")


if __name__ == "__main__":
    main()
