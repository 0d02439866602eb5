#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# VGG-16 on NullHop beside ONNX Runtime's dense float inference, from the same ONNX file and one 224x224 picture:
#   benchmarks/peers/vgg16.sh [runs]
# Weights are seeded, so that no download is needed: times do not depend on what the network has learnt.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
runs="${1:-7}"
deltahop=build/release/bin/deltahop
work=build/peers
mkdir -p "$work"
[ -x "$deltahop" ] || { echo "build first: cmake --preset release && cmake --build --preset release" >&2; exit 1; }
[ -d benchmarks/peers/node_modules/onnxruntime-node ] || { echo "first: (cd benchmarks/peers && npm ci --ignore-scripts)" >&2; exit 1; }

[ -f "$work/vgg16.onnx" ] || "$deltahop" convert vgg16 "$work/vgg16.onnx"
# A smooth picture with noise, the same every time: as PNG for deltahop, prepared as NPY [1, 3, 224, 224] for the other.
python3 - "$work/picture" <<'END'
import math, random, struct, sys, zlib
random.seed(1)
side, channels, means = 224, 3, (103.939, 116.779, 123.68)  # blue, green, red
pixels = [[[min(255, max(0, int(120 + 50 * math.sin(row / 17 + channel) + 50 * math.cos(column / 23) + random.gauss(0, 20))))
            for channel in range(channels)] for column in range(side)] for row in range(side)]

def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

rows = b"".join(b"\0" + bytes(value for pixel in row for value in pixel) for row in pixels)
with open(sys.argv[1] + ".png", "wb") as file:
    file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)) +
               chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
values = [pixels[row][column][2 - channel] - means[channel]
          for channel in range(channels) for row in range(side) for column in range(side)]
header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3, 224, 224), }"
header += " " * (-(len(header) + 11) % 64) + "\n"
with open(sys.argv[1] + ".npy", "wb") as file:
    file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
    file.write(struct.pack(f"<{len(values)}f", *values))
END

benchmarks/peers/compare.py --runs "$runs" --json "$work/vgg16.json" \
  --peer "onnxruntime=node benchmarks/peers/run_onnx.mjs $work/vgg16.onnx $work/picture.npy" \
  --peer "deltahop simulate=$deltahop simulate $work/vgg16.onnx --on nullhop --input $work/picture.png --preprocess channels=bgr 'mean=[103.939, 116.779, 123.68]'" \
  --peer "deltahop, no float run=$deltahop simulate $work/vgg16.onnx --on nullhop --input $work/picture.png --preprocess channels=bgr 'mean=[103.939, 116.779, 123.68]' --no-float"
