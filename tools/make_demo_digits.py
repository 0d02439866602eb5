#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Draws the digits of the demonstration, two of each: tools/make_demo_digits.py models/demo_digits

White strokes of a round pen on black, 28x28 pixels. As in MNIST a digit is 20 pixels high and its centre of mass lies in
the middle [LeCun1998]. Slant, width, pen and corners differ by a seeded generator.
"""

import math
import random
import struct
import sys
import zlib
from pathlib import Path

SIDE = 28


def arc(x, y, rx, ry, start, end, steps=24):
    """Points of an ellipse from one angle to another, in degrees; 0 points right, 90 down."""
    angles = [math.radians(start + (end - start) * i / steps) for i in range(steps + 1)]
    return [(x + rx * math.cos(a), y + ry * math.sin(a)) for a in angles]


# Strokes in a box of width and height 1, y downwards.
STROKES = {
    0: [arc(0.5, 0.5, 0.34, 0.5, 0, 360)],
    1: [[(0.42, 0.16), (0.56, 0.0), (0.56, 1.0)]],
    2: [arc(0.48, 0.27, 0.36, 0.27, 190, 385) + [(0.12, 0.98), (0.9, 0.98)]],
    3: [arc(0.45, 0.25, 0.34, 0.25, 200, 440) + arc(0.45, 0.74, 0.38, 0.26, 280, 515)],
    4: [[(0.28, 0.0), (0.1, 0.56), (0.86, 0.56)], [(0.72, 0.04), (0.64, 1.0)]],
    5: [[(0.85, 0.02), (0.25, 0.02), (0.2, 0.42)] + arc(0.46, 0.69, 0.38, 0.3, 230, 510)],
    6: [[(0.66, 0.0), (0.36, 0.32)] + arc(0.48, 0.71, 0.34, 0.29, 190, 550)],
    7: [[(0.1, 0.04), (0.86, 0.04), (0.42, 1.0)]],
    8: [arc(0.5, 0.24, 0.28, 0.24, 90, 450), arc(0.5, 0.74, 0.34, 0.26, -90, 270)],
    9: [arc(0.5, 0.28, 0.32, 0.28, 10, 370) + [(0.8, 0.4), (0.68, 1.0)]],
}


def distance(point, start, end):
    (px, py), (ax, ay), (bx, by) = point, start, end
    length = (bx - ax) ** 2 + (by - ay) ** 2
    along = max(0.0, min(1.0, ((px - ax) * (bx - ax) + (py - ay) * (by - ay)) / length)) if length else 0.0
    return math.hypot(px - ax - along * (bx - ax), py - ay - along * (by - ay))


def placed(digit, generator):
    """The strokes in pixels, 20 high, slanted and squeezed a little."""
    slant, width = generator.uniform(-0.05, 0.3), generator.uniform(12, 16)
    return [
        [((x - 0.5) * width - (y - 0.5) * slant * 19 + generator.gauss(0, 0.12), (y - 0.5) * 19) for x, y in stroke]
        for stroke in STROKES[digit]
    ]


def rendered(strokes, shift, pen):
    rows = []
    for y in range(SIDE):
        row = []
        for x in range(SIDE):
            point = (x - 13.5 + shift[0], y - 13.5 + shift[1])
            near = min(distance(point, a, b) for stroke in strokes for a, b in zip(stroke, stroke[1:]))
            row.append(round(255 * max(0.0, min(1.0, pen + 0.5 - near))))
        rows.append(row)
    return rows


def centre(rows):
    mass = sum(map(sum, rows))
    return (
        sum(x * value for row in rows for x, value in enumerate(row)) / mass - 13.5,
        sum(y * value for y, row in enumerate(rows) for value in row) / mass - 13.5,
    )


def drawn(digit, generator):
    strokes, pen = placed(digit, generator), generator.uniform(1.1, 1.6)
    return rendered(strokes, centre(rendered(strokes, (0, 0), pen)), pen)


def png(rows):
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    pixels = b"".join(b"\0" + bytes(row) for row in rows)
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels, 9)) + chunk(b"IEND", b"")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    generator = random.Random(1)
    lines = ["file,class_index"]
    for index in range(20):
        name = f"{index:02}.png"
        (folder / name).write_bytes(png(drawn(index % 10, generator)))
        lines.append(f"{name},{index % 10}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
