#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Adds up what ./test left in its results folder and prints the closing line: `123 passed, 0 failed, 0 skipped`.

Reads ctest's JUnit files (*.xml), GoogleTest's JSON files (<preset>/*.json), which count single tests, and checks.txt.
A test driver that is not GoogleTest may end its output with such a closing line; it then counts as that many tests.
With DELTAHOP_DATA set, a skipped test counts as failed: the data were there, so nothing may be left out.
"""

import json
import os
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

CLOSING = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped\s*$", re.MULTILINE)


class Totals:
    def __init__(self):
        self.passed = 0
        self.failed = []
        self.skipped = []

    def note(self, outcome, name):
        if outcome == "passed":
            self.passed += 1
        elif outcome == "failed":
            self.failed.append(name)
        else:
            self.skipped.append(name)


def add_googletest(totals, path, label):
    """Counts the tests of one GoogleTest program; returns how many of them failed."""
    failed = 0
    for suite in json.loads(path.read_text())["testsuites"]:
        for case in suite["testsuite"]:
            name = f"{label}: {suite['name']}.{case['name']}"
            if case.get("status") == "NOTRUN":
                continue
            if case.get("failures"):
                totals.note("failed", name)
                failed += 1
            elif case.get("result") == "SKIPPED":
                totals.note("skipped", name)
            else:
                totals.note("passed", name)
    return failed


def add_ctest(totals, xml_path):
    label = xml_path.stem
    for case in ElementTree.parse(xml_path).getroot().iter("testcase"):
        name = f"{label}: {case.get('name')}"
        broken = case.find("failure") is not None or case.get("status") == "fail"
        googletest = xml_path.with_suffix("") / f"{case.get('name')}.json"
        if googletest.is_file():
            failures = add_googletest(totals, googletest, label)
            if broken and failures == 0:
                totals.note("failed", f"{name} (ended badly)")
            continue
        closing = CLOSING.findall(case.findtext("system-out") or "")
        if closing:
            passed, failed, skipped = (int(number) for number in closing[-1])
            totals.passed += passed
            totals.failed += [name] * max(failed, 1 if broken else 0)
            totals.skipped += [name] * skipped
        elif case.get("status") == "notrun":
            # Told to skip by the test itself, or never started: only the first is honest.
            skip = case.find("skipped")
            told = skip is not None and (skip.get("message") or "").startswith("SKIP_")
            totals.note("skipped" if told else "failed", name)
        else:
            totals.note("failed" if broken else "passed", name)


def add_checks(totals, path):
    for line in path.read_text().splitlines():
        outcome, name = line.split(" ", 1)
        totals.note(outcome, name)


def main():
    results = Path(sys.argv[1])
    totals = Totals()
    for xml_path in sorted(results.glob("*.xml")):
        add_ctest(totals, xml_path)
    if (results / "checks.txt").is_file():
        add_checks(totals, results / "checks.txt")
    if os.environ.get("DELTAHOP_DATA"):
        totals.failed += [f"{name} (skipped, although DELTAHOP_DATA is set)" for name in totals.skipped]
        totals.skipped = []
    for name in totals.skipped:
        print(f"skipped: {name}")
    for name in totals.failed:
        print(f"FAILED:  {name}")
    print(f"{totals.passed} passed, {len(totals.failed)} failed, {len(totals.skipped)} skipped")
    return 1 if totals.failed or totals.passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
