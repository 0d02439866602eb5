#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that every source file opens with its licence line, and that every paper key exists: check_sources.py [root].

A paper key is [AuthorYYYY]; docs/references.bib must hold it. Keys are looked for in sources, YAML and Markdown.
"""

import re
import sys
from pathlib import Path

LICENCE = "SPDX-License-Identifier: Apache-2.0"
SOURCE_SUFFIXES = {".cc", ".h", ".py", ".sh", ".cmake", ".mjs"}
SOURCE_NAMES = {"CMakeLists.txt", "demo", "test", "run"}
TEXT_SUFFIXES = SOURCE_SUFFIXES | {".md", ".html", ".yaml"}
LEFT_OUT = {"build", ".git", "node_modules", "demo-report", ".cache"}
KEY = re.compile(r"\[([A-Z][A-Za-z]+(?:19|20)\d\d[a-z]?)\]|\b(?:citation|source|key): *([A-Z][A-Za-z]+(?:19|20)\d\d[a-z]?)\b")


def files_of(root):
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        if path.is_file() and not LEFT_OUT & set(parts[:-1]) and parts[0] != ".git" and "fixtures" not in parts:
            yield path


def check(root):
    known = set(re.findall(r"^@\w+\{([^,]+),", (root / "docs" / "references.bib").read_text(), re.MULTILINE))
    faults = []
    for path in files_of(root):
        is_source = path.suffix in SOURCE_SUFFIXES or path.name in SOURCE_NAMES
        if not is_source and path.suffix not in TEXT_SUFFIXES:
            continue
        lines = path.read_text(errors="replace").splitlines()
        where = path.relative_to(root)
        if is_source and not any(LICENCE in line for line in lines[:2]):
            faults.append(f"{where}:1: want '{LICENCE}' here")
        for number, line in enumerate(lines, 1):
            for key in ("".join(groups) for groups in KEY.findall(line)):
                if key not in known:
                    faults.append(f"{where}:{number}: docs/references.bib has no {key}")
    return faults


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve()
    faults = check(root)
    print("\n".join(faults) if faults else "every source names its licence, every paper key exists")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
