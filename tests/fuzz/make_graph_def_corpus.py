#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the seeds of fuzz_graph_def: make_graph_def_corpus.py [folder, by default corpus beside this file].

Tiny frozen TensorFlow graphs in protobuf's wire format (the numbers of the fields are those of node_def.proto,
attr_value.proto and tensor.proto). The same files come out every time.
"""

import struct
import sys
from pathlib import Path

from make_onnx_corpus import block, floats, number, varint

FLOAT, INT32, STRING = 1, 3, 7


def shape(sizes):
    return b"".join(block(2, number(1, size)) for size in sizes)


def attribute(key, value):
    if isinstance(value, bool):
        content = number(5, int(value))
    elif isinstance(value, int):
        content = number(3, value)
    elif isinstance(value, float):
        content = varint(4 << 3 | 5) + struct.pack("<f", value)
    elif isinstance(value, str):
        content = block(2, value)
    elif isinstance(value, list):
        content = block(1, b"".join(number(3, entry) for entry in value))
    else:
        content = value
    return block(5, block(1, key) + block(2, content))


def node(op, name, inputs=(), **attributes):
    proto = block(1, name) + block(2, op) + b"".join(block(3, source) for source in inputs)
    return block(1, proto + b"".join(attribute(key, value) for key, value in attributes.items()))


def constant(name, kind, sizes, content):
    tensor = number(1, kind) + block(2, shape(sizes)) + content
    return node("Const", name, dtype=number(6, kind), value=block(8, tensor))


def weights(name, sizes):
    count = 1
    for size in sizes:
        count *= size
    return constant(name, FLOAT, sizes, block(4, floats([0.25 * (i % 7) - 0.75 for i in range(count)])))


def integers(name, values):
    return constant(name, INT32, [len(values)], block(4, struct.pack(f"<{len(values)}i", *values)))


def integer(name, value):
    return constant(name, INT32, [], number(7, value))


def placeholder(name, sizes):
    return node("Placeholder", name, dtype=number(6, FLOAT), shape=block(7, shape(sizes)))


def carried(name, start, following):
    return (
        node("Enter", name + "/e", [start]) + node("Merge", name + "/m", [name + "/e", name + "/n"])
        + node("Switch", name + "/s", [name + "/m", "cond"]) + node("Identity", name, [name + "/s:1"])
        + node("NextIteration", name + "/n", [following])
    )


def loop(body, states):
    """dynamic_rnn over x [3, 1, 2]; states: name, what the body makes of it."""
    return (
        placeholder("x", [3, 1, 2]) + integer("0", 0) + integer("1", 1) + integer("3", 3)
        + integers("size", [1, 2]) + constant("zero", FLOAT, [], b"")
        + node("Fill", "zeros", ["size", "zero"]) + node("Range", "order", ["0", "3", "1"])
        + node("TensorArrayV3", "ta", ["3"]) + node("TensorArrayScatterV3", "sc", ["ta", "order", "x", "ta:1"])
        + carried("t", "0", "t/a") + node("Add", "t/a", ["t", "1"]) + node("Enter", "limit", ["3"])
        + node("Less", "less", ["t/m", "limit"]) + node("LoopCond", "cond", ["less"])
        + node("Enter", "ta/e", ["ta"]) + node("Enter", "sc/e", ["sc"])
        + node("TensorArrayReadV3", "r", ["ta/e", "t", "sc/e"]) + body
        + b"".join(carried(name, "zeros", following) for name, following in states)
        + node("Exit", "exit", [states[0][0] + "/s"])
    )


def gru():
    return loop(
        weights("k", [4, 4]) + weights("b", [4]) + weights("ck", [4, 2]) + weights("cb", [2])
        + constant("one", FLOAT, [], varint(5 << 3 | 5) + struct.pack("<f", 1))
        + node("ConcatV2", "xh", ["r", "h", "1"]) + node("MatMul", "p", ["xh", "k"]) + node("BiasAdd", "s", ["p", "b"])
        + node("Sigmoid", "g", ["s"]) + node("Split", "ru", ["1", "g"], num_split=2) + node("Mul", "rh", ["ru", "h"])
        + node("ConcatV2", "xrh", ["r", "rh", "1"]) + node("MatMul", "cp", ["xrh", "ck"])
        + node("BiasAdd", "cs", ["cp", "cb"]) + node("Tanh", "c", ["cs"]) + node("Mul", "a", ["ru:1", "h"])
        + node("Sub", "d", ["one", "ru:1"]) + node("Mul", "e", ["d", "c"]) + node("Add", "new", ["a", "e"]),
        [("h", "new")],
    )


def lstm():
    return loop(
        weights("k", [4, 8]) + weights("b", [8]) + weights("w", [2])
        + constant("one", FLOAT, [], varint(5 << 3 | 5) + struct.pack("<f", 1))
        + node("ConcatV2", "xh", ["r", "h", "1"]) + node("MatMul", "p", ["xh", "k"]) + node("BiasAdd", "s", ["p", "b"])
        + node("Split", "q", ["1", "s"], num_split=4) + node("Add", "f1", ["q:2", "one"]) + node("Sigmoid", "f", ["f1"])
        + node("Mul", "pi", ["w", "c"]) + node("Add", "i1", ["q", "pi"]) + node("Sigmoid", "i", ["i1"])
        + node("Tanh", "j", ["q:1"]) + node("Mul", "fc", ["f", "c"]) + node("Mul", "ij", ["i", "j"])
        + node("Add", "cn", ["fc", "ij"]) + node("Sigmoid", "o", ["q:3"]) + node("Tanh", "tc", ["cn"])
        + node("Mul", "new", ["o", "tc"]),
        [("h", "new"), ("c", "cn")],
    )


def seeds():
    picture = placeholder("x", [1, 4, 4, 2])
    strides = {"strides": [1, 1, 1, 1], "padding": "SAME"}
    yield "dense", (
        placeholder("x", [1, 2]) + weights("w", [2, 3]) + weights("b", [3]) + node("Identity", "i", ["w"])
        + node("MatMul", "p", ["x", "i"]) + node("BiasAdd", "s", ["p", "b"]) + node("Softmax", "y", ["s"])
    )
    yield "convolution", (
        picture + weights("w", [3, 3, 2, 2]) + weights("v", [2]) + weights("d", [2, 2, 2, 1])
        + node("Conv2D", "c", ["x", "w"], **strides) + node("Add", "s", ["c", "v"])
        + node("FusedBatchNorm", "n", ["s", "v", "v", "v", "v"], is_training=False, epsilon=1.0)
        + node("Relu", "r", ["n"]) + node("DepthwiseConv2dNative", "e", ["r", "d"], **strides)
        + node("AvgPool", "a", ["e"], ksize=[1, 4, 4, 1], **strides) + integers("f", [-1, 32])
        + node("Reshape", "y", ["a", "f"])
    )
    yield "shapes", (
        placeholder("x", [-1, 2, 3]) + integer("0", 0) + integer("1", 1) + integer("3", 3) + integers("10", [1, 0])
        + node("Range", "r", ["0", "3", "1"]) + integers("from", [-1]) + integers("to", [9]) + integers("by", [1])
        + node("StridedSlice", "two", ["r", "from", "to", "by"]) + node("ConcatV2", "order", ["10", "two", "0"])
        + node("Transpose", "p", ["x", "order"]) + node("Mean", "m", ["p", "two"], keep_dims=True)
        + node("Squeeze", "y", ["m"], squeeze_dims=[2])
    )
    yield "front_end", (
        node("Placeholder", "wav", dtype=number(6, STRING))
        + node("DecodeWav", "d", ["wav"], desired_samples=320, desired_channels=1)
        + node("AudioSpectrogram", "s", ["d"], window_size=64, stride=32, magnitude_squared=True)
        + node("Mfcc", "m", ["s", "d:1"], dct_coefficient_count=4, lower_frequency_limit=20.0) + node("Relu", "y", ["m"])
    )
    yield "gru", gru()
    yield "lstm", lstm()


def main():
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "corpus") / "fuzz_graph_def"
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in seeds():
        (folder / (name + ".pb")).write_bytes(content)


main()
