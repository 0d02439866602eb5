#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the includes of deltahop/ against ladder.txt: check_ladder.py [repository root].

Product files may include their own folder, the folders of their ladder line, the third-party libraries of that line, fmt and
the standard library. Tests, what they share and benchmarks (*_test.cc, *_testing.h, *_bench.cc) may reach further. Prints every fault with file and line.
"""

import re
import sys
from pathlib import Path

# How a header names its library; the names are those of the ladder's last column.
LIBRARY_OF_PREFIX = {
    "yaml-cpp/": "yaml-cpp",
    "hwy/": "hwy",
    "immintrin.h": "hwy",  # instructions that Highway lacks stay where Highway is
    "oneapi/dnnl/": "dnnl",
    "dnnl": "dnnl",
    "onnx/": "onnx",
    "google/": "google",
    "png.h": "png",
    "jpeglib.h": "jpeglib",
    "jerror.h": "jpeglib",
    "zlib.h": "zlib",
    "nlohmann/": "nlohmann",
    "CLI/": "CLI11",
    "sndfile": "sndfile",
    "kiss_fft": "kiss_fft",
    "kissfft/": "kiss_fft",
    "samplerate.h": "samplerate",
    "torch/": "torch",
    "hdf5": "hdf5",
}
FREE_PREFIXES = ("fmt/", "sys/")  # everywhere: text formatting, the operating system
SYSTEM_HEADERS = {"fcntl.h", "unistd.h", "termios.h", "signal.h", "dirent.h", "poll.h", "pthread.h"}
SYSTEM_HEADERS |= {"stddef.h", "stdint.h"}  # what a header for C needs
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


class Ladder:
    def __init__(self, path):
        self.uses = {}
        self.libraries = {}
        self.faults = []
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            columns = [column.split() for column in line.split("|")]
            if len(columns) != 3 or len(columns[0]) != 1:
                self.faults.append(f"{path.name}:{number}: cannot read this line; want 'folder | may use | third party'")
                continue
            folder = columns[0][0]
            for used in columns[1]:
                if used not in self.uses:
                    self.faults.append(f"{path.name}:{number}: {folder} may only use folders above it, and {used} is not")
            if folder in self.uses:
                self.faults.append(f"{path.name}:{number}: {folder} stands here twice")
            self.uses[folder] = set(columns[1])
            self.libraries[folder] = set(columns[2])


def library_of(header):
    """The library's ladder name, "" for a free header, None for one that nobody has named."""
    for prefix, library in LIBRARY_OF_PREFIX.items():
        if header.startswith(prefix):
            return library
    if header.startswith(FREE_PREFIXES) or header in SYSTEM_HEADERS:
        return ""
    return "" if re.fullmatch(r"[a-z_]+", header) else None  # the standard library's headers have no suffix


def fault_of(folder, quote, header, ladder, root):
    """What is wrong with this include in a product file of `folder`, or None."""
    if header.startswith("deltahop/"):
        included = header.split("/")[1]
        if included != folder and included not in ladder.uses[folder]:
            return f"{folder} may not include {included}: ladder.txt gives it {' '.join(sorted(ladder.uses[folder])) or 'nothing'}"
        return None if (root / header).is_file() else f"there is no {header}"
    if quote == '"' and (".." in header or "/" not in header) and library_of(header) is None:
        return f'include "{header}" by its full path, "deltahop/..."'
    library = library_of(header)
    if library is None:
        return f"<{header}> belongs to no library that tools/check_ladder.py knows"
    if library and library not in ladder.libraries[folder]:
        return f"{library} is fenced off from {folder}: ladder.txt names it elsewhere"
    return None


def check_file(path, folder, ladder, root):
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            fault = fault_of(folder, match.group(1), match.group(2), ladder, root)
            if fault:
                yield f"{path.relative_to(root)}:{number}: {fault}"


def check(root):
    ladder = Ladder(root / "ladder.txt")
    faults = list(ladder.faults)
    folders = {entry.name for entry in (root / "deltahop").iterdir() if entry.is_dir()}
    faults += [f"deltahop/{folder}: this folder is not in ladder.txt" for folder in sorted(folders - set(ladder.uses))]
    faults += [f"ladder.txt: there is no folder deltahop/{folder}" for folder in sorted(set(ladder.uses) - folders)]
    files = 0
    for folder in sorted(folders & set(ladder.uses)):
        for path in sorted((root / "deltahop" / folder).rglob("*")):
            if path.suffix in (".cc", ".h") and not path.stem.endswith(("_test", "_testing", "_bench")):
                files += 1
                faults += check_file(path, folder, ladder, root)
    return files, faults


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve()
    files, faults = check(root)
    print("\n".join(faults) if faults else f"{files} files keep to the ladder")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
