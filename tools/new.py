#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Starts a new layer, chip or technology from its skeleton: new.py layer|chip|technology NAME [root].

NAME is that of the file or folder: lower case, digits, underscores; of a layer the operator's name is made from it
(hard_swish: HardSwish), or given as NAME=Operator (prelu=PRelu). The files compile as they are; their tests fail until
they are filled in.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

SKELETONS = Path(__file__).resolve().parent / "skeletons"
KINDS = sorted(path.name for path in SKELETONS.iterdir())
CPP_WORDS = {"and", "auto", "bool", "case", "char", "class", "const", "default", "delete", "do", "double", "else", "enum",
             "export", "float", "for", "if", "int", "long", "namespace", "new", "not", "or", "private", "public", "return",
             "short", "signed", "static", "struct", "switch", "template", "this", "throw", "try", "union", "unsigned",
             "using", "virtual", "void", "while", "xor"}


class Fault(Exception):
    pass


def names_of(word, kind):
    name, _, camel = word.partition("=")
    if not re.fullmatch(r"[a-z0-9][a-z0-9_]*" if kind == "technology" else r"[a-z][a-z0-9_]*", name) or name in CPP_WORDS:
        raise Fault(f"'{name}' is no name for a {kind}; lower case letters, digits and underscores, beginning with a letter")
    camel = camel or "".join(part[:1].upper() + part[1:] for part in name.split("_"))
    if not re.fullmatch(r"[A-Z][A-Za-z0-9]*" if kind != "technology" else r".*", camel):
        raise Fault(f"'{camel}' is no name for a class; write for example {name}=HardSwish")
    return {"@name@": name, "@Operator@": camel, "@Chip@": camel}


def filled(text, names):
    for mark, value in names.items():
        text = text.replace(mark, value)
    return text


def create(kind, word, root):
    """Writes the files and returns their paths; nothing is written where one of them is there already."""
    if kind not in KINDS:
        raise Fault(f"'{kind}' cannot be made; known: {', '.join(KINDS)}")
    names = names_of(word, kind)
    folder = SKELETONS / kind
    files = {root / filled(str(path.relative_to(folder))[: -len(".in")], names): filled(path.read_text(), names)
             for path in sorted(folder.rglob("*.in"))}
    for path in files:
        if path.exists():
            raise Fault(f"{path.relative_to(root)} is there already; choose another name")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    sources = [path for path in files if path.suffix in {".cc", ".h"}]
    if sources and shutil.which("clang-format"):  # lines are as long as the name that was put into them
        subprocess.run(["clang-format", f"--style=file:{SKELETONS.parent.parent / '.clang-format'}", "-i", *sources], check=True)
    return list(files)


def main():
    if len(sys.argv) not in (3, 4):
        print(__doc__.strip(), file=sys.stderr)
        return 1
    root = Path(sys.argv[3] if len(sys.argv) == 4 else SKELETONS.parent.parent).resolve()
    try:
        for path in create(sys.argv[1], sys.argv[2], root):
            print(path.relative_to(root))
    except Fault as fault:
        print(f"error: {fault}", file=sys.stderr)
        return 1
    print("Next: replace every FILL IN; 'cmake --preset release' finds the files; their tests fail until then.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
