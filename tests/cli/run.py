#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs commands and compares what they print: run.py PROGRAM_FOLDER FILE...   (format: tests/cli/README.md)

A FILE is a *.test file, or a Markdown document whose ```console blocks are run the same way.
"""

import concurrent.futures
import dataclasses
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DIRECTIVE = re.compile(r"^\[(exit|timeout) (\d+)\]$|^\[needs ((?:data|training)(?: and training)?)\]$")
MARKDOWN_NEEDS = re.compile(r"^<!-- needs ((?:data|training)(?: and training)?) -->$")


@dataclasses.dataclass
class Case:
    line: int
    command: str
    stdout: list = dataclasses.field(default_factory=list)
    stderr: list = dataclasses.field(default_factory=list)
    exit_code: int = 0
    timeout: int = 600
    needs: frozenset = frozenset()


class BadTest(Exception):
    pass


def parse_lines(lines, needs=frozenset()):
    """Cases from (number, text) pairs in the format of a *.test file."""
    cases = []
    for number, line in lines:
        directive = DIRECTIVE.match(line)
        if line.startswith("$ "):
            cases.append(Case(number, line[2:], needs=needs))
        elif line.startswith("> ") and cases and not cases[-1].stdout and not cases[-1].stderr:
            cases[-1].command += "\n" + line[2:]
        elif directive and directive.group(3):
            needs |= frozenset(directive.group(3).split(" and "))
        elif directive and cases:
            setattr(cases[-1], {"exit": "exit_code", "timeout": "timeout"}[directive.group(1)], int(directive.group(2)))
        elif line.startswith("#"):
            continue
        elif line.startswith("! ") and cases:
            cases[-1].stderr.append(line[2:])
        elif cases:
            cases[-1].stdout.append(line[1:] if line.startswith("\\") else line)
        elif line.strip():
            raise BadTest(f"line {number}: output before the first command")
    for case in cases:
        while case.stdout and not case.stdout[-1].strip():
            case.stdout.pop()
    return cases


def parse_test(text):
    return parse_lines(enumerate(text.splitlines(), 1))


def parse_markdown(text):
    """The ```console blocks; output that a block leaves out may be anything."""
    cases, block, inside, needs, previous = [], [], False, frozenset(), ""
    for number, line in enumerate(text.splitlines(), 1):
        if not inside and line.strip() == "```console":
            wanted = MARKDOWN_NEEDS.match(previous)
            inside, block, needs = True, [], frozenset(wanted.group(1).split(" and ") if wanted else ())
        elif inside and line.strip() == "```":
            inside = False
            found = parse_lines(block, needs)
            for case in found:
                case.stdout = case.stdout or ["..."]
                case.stderr = ["..."]
            cases += found
        elif inside:
            block.append((number, line))
        elif line.strip():
            previous = line.strip()
    return cases


def line_matches(wanted, line):
    if wanted.startswith("~ "):
        return re.fullmatch(wanted[2:], line) is not None
    return wanted.rstrip() == line.rstrip()


def matches(wanted, lines):
    """True where `lines` are as wanted; a line `...` stands for any number of lines."""
    reachable = {0}  # how many of the lines the wanted ones so far may have used up
    for pattern in wanted:
        if pattern.strip() == "...":
            reachable = set(range(min(reachable), len(lines) + 1)) if reachable else set()
        else:
            reachable = {at + 1 for at in reachable if at < len(lines) and line_matches(pattern, lines[at])}
    return len(lines) in reachable


def run_case(case, folder, environment):
    """What is wrong, or None."""
    try:
        done = subprocess.run(["bash", "-c", case.command], cwd=folder, env=environment, text=True, errors="replace",
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=case.timeout, check=False)
    except subprocess.TimeoutExpired:
        return f"did not end within {case.timeout} s"
    faults = []
    if done.returncode != case.exit_code:
        faults.append(f"exit code {done.returncode}, wanted {case.exit_code}")
    for name, wanted, text in (("stdout", case.stdout, done.stdout), ("stderr", case.stderr, done.stderr)):
        lines = text.splitlines()
        while lines and not lines[-1].strip():
            lines.pop()
        if not matches(wanted, lines):
            faults.append(f"{name} is not as wanted; it is:\n" + "\n".join("    " + line for line in lines) + "\n  wanted:\n" +
                          "\n".join("    " + line for line in wanted))
    if faults and done.stderr and not any(fault.startswith("stderr") for fault in faults):
        faults.append("stderr:\n" + "\n".join("    " + line for line in done.stderr.splitlines()[-20:]))
    return "\n  ".join(faults) or None


def run_file(path, programs):
    """(passed, faults, skipped, left out) of one file. Its commands share one fresh folder that shows the repository's own."""
    text = path.read_text()
    cases = parse_markdown(text) if path.suffix == ".md" else parse_test(text)
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "NO_COLOR": "1", "COLUMNS": "120", "LC_ALL": "C.UTF-8",
                   "DELTAHOP_SOURCE": str(ROOT)}
    passed, skipped, left_out, faults = 0, 0, 0, []
    with tempfile.TemporaryDirectory() as folder:
        for shown in ("models", "examples", "docs", "deltahop", "benchmarks", "recipes"):
            if (ROOT / shown).exists():
                (Path(folder) / shown).symlink_to(ROOT / shown)
        for case in cases:
            if "training" in case.needs and not (programs / "deltahop-train").exists():
                left_out += 1  # this build has no training: nothing was skipped
                continue
            if "data" in case.needs and not os.environ.get("DELTAHOP_DATA"):
                skipped += 1
                continue
            fault = run_case(case, folder, environment)
            if fault:
                faults.append(f"{path}:{case.line}: $ {case.command}\n  {fault}")
            else:
                passed += 1
    return passed, faults, skipped, left_out


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    programs = Path(sys.argv[1]).resolve()
    files = [Path(name) for name in sys.argv[2:]]
    passed, failed, skipped, absent = 0, 0, 0, 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        for good, faults, not_run, left_out in pool.map(lambda path: run_file(path, programs), files):
            passed, failed, skipped, absent = passed + good, failed + len(faults), skipped + not_run, absent + left_out
            for fault in faults:
                print(fault, flush=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed + skipped + absent else 0


if __name__ == "__main__":
    sys.exit(main())
