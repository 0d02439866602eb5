#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An int8 model for ONNX Runtime from a network with our number formats: the same integers, in its own terms.

    deltahop quantize net.onnx --input pictures --onnx formats.onnx
    quantized_onnx.py formats.onnx quantized.onnx

Reads the formats in the file's metadata and puts QuantizeLinear and DequantizeLinear around every value that has one, from
which ONNX Runtime makes its integer operators (QLinearConv, QLinearAdd, QGemm, ...). Activations are u8, as it likes them best
(zero point 0 where a ReLU goes before, else 128), weights s8, biases s32. Layers that only move values (Slice, Pad, Reshape)
are written on integers. Bytes of onnx.proto are read and written here, by their field numbers.
"""

import struct
import sys
from pathlib import Path

FLOAT, UINT8, INT8, INT32 = 1, 2, 3, 6
MOVERS = {"Slice", "Pad", "Flatten", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Identity"}
PASSERS = {"MaxPool", "AveragePool", "GlobalAveragePool", "Concat"} | MOVERS  # not negative of what is not negative
WEIGHTED = {"Conv", "Gemm", "MatMul"}


def varint(value):
    out = bytearray()
    value &= (1 << 64) - 1
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def fields(data):
    """(number, content) of each field: bytes where it has a length, else a number."""
    at = 0

    def read():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7

    result = []
    while at < len(data):
        key = read()
        kind = key & 7
        if kind == 0:
            result.append((key >> 3, read()))
            continue
        length = {1: 8, 5: 4}.get(kind)
        if length is None:
            length = read()
            result.append((key >> 3, bytes(data[at:at + length])))
        else:
            result.append((key >> 3, ("fixed", kind, bytes(data[at:at + length]))))
        at += length
    return result


def message(parts):
    out = bytearray()
    for number, content in parts:
        if isinstance(content, int):
            out += varint(number << 3) + varint(content)
        elif isinstance(content, tuple):
            out += varint(number << 3 | content[1]) + content[2]
        else:
            out += varint(number << 3 | 2) + varint(len(content)) + content
    return bytes(out)


def texts(parts, number):
    return [content.decode() for field, content in parts if field == number]


def tensor(name, dims, kind, raw):
    return message([(1, dim) for dim in dims] + [(2, kind), (8, name.encode()), (9, raw)])


def floats_of(parts):
    """Dimensions and values of a float TensorProto; None of another type."""
    content = {number: value for number, value in parts if number != 1}
    if content.get(2) != FLOAT:
        return None
    dims = []
    for number, value in parts:
        if number != 1:
            continue
        if isinstance(value, int):
            dims.append(value)
        else:  # packed
            dims += [dim for _, dim in fields(b"".join(b"\x08" + varint_bytes for varint_bytes in split_varints(value)))]
    raw = content.get(9)
    if raw is None:
        raw = b"".join(value[2] if isinstance(value, tuple) else value for number, value in parts if number == 4)
    return dims, struct.unpack(f"<{len(raw) // 4}f", raw)


def split_varints(data):
    begin = 0
    for at, byte in enumerate(data):
        if byte < 128:
            yield data[begin:at + 1]
            begin = at + 1


class Quantizer:
    def __init__(self, model):
        self.model = fields(model)
        self.graph = fields(next(content for number, content in self.model if number == 7))
        metadata = [fields(content) for number, content in self.model if number == 14]
        formats = next((texts(entry, 2)[0] for entry in metadata if texts(entry, 1) == ["deltahop.formats"]), None)
        if formats is None:
            sys.exit("no number formats in this file's metadata; 'deltahop quantize net.onnx --input ... --onnx file' writes them")
        self.fraction = {}
        for line in formats.splitlines():
            name, _, form = line.rpartition(" ")
            if form.startswith("Q") and "." in form and not line.startswith("arithmetic "):
                self.fraction[name] = int(form.split(".")[1])
        self.initializers = {texts(parts, 8)[0]: parts for parts in map(fields, (c for n, c in self.graph if n == 5))}
        self.nodes = [fields(content) for number, content in self.graph if number == 1]
        self.readers = {}
        for node in self.nodes:
            for name in texts(node, 1):
                self.readers.setdefault(name, []).append(texts(node, 4)[0])
        self.outputs = {texts(fields(content), 1)[0] for number, content in self.graph if number == 12}
        self.made, self.constants, self.replaced = [], {}, set()
        self.nonnegative, self.codes, self.scales = set(), {}, {}

    def constant(self, name, dims, kind, raw):
        self.constants[name] = tensor(name, dims, kind, raw)
        return name

    def scale(self, value):
        return self.constant(f"scale/{value!r}", [], FLOAT, struct.pack("<f", value))

    def add(self, operator, inputs, output):
        name = f"{operator}/{output}".encode()
        self.made.append(message([(1, i.encode()) for i in inputs] + [(2, output.encode()), (3, name), (4, operator.encode())]))

    def zero_point(self, name):
        value = 0 if name in self.nonnegative else 128
        return self.constant(f"zero/{value}", [], UINT8, bytes([value]))

    def quantize(self, source, name):
        """u8 codes of `source`, and the value `name` made from them."""
        scale = self.scale(2.0 ** -self.fraction[name])
        self.scales[name] = 2.0 ** -self.fraction[name]
        self.codes[name] = f"{name}/codes"
        self.add("QuantizeLinear", [source, scale, self.zero_point(name)], self.codes[name])
        self.add("DequantizeLinear", [self.codes[name], scale, self.zero_point(name)], name)

    def weights(self, name):
        """The scale of an s8 constant that stands for these weights under name/float."""
        dims, values = floats_of(self.initializers[name])
        largest = max(map(abs, values)) or 1.0
        fraction = 7
        while round(largest * 2.0 ** fraction) > 127:
            fraction -= 1
        while fraction < 20 and round(largest * 2.0 ** (fraction + 1)) <= 127:
            fraction += 1
        scale = 2.0 ** -fraction
        codes = bytes(round(value / scale) & 255 for value in values)
        if f"{name}/float" not in self.codes:
            self.constant(f"{name}/s8", dims, INT8, codes)
            zero = self.constant("zero/s8", [], INT8, b"\0")
            self.add("DequantizeLinear", [f"{name}/s8", self.scale(scale), zero], f"{name}/float")
            self.codes[f"{name}/float"] = name
            self.replaced.add(f"{name}/float")
        return scale

    def bias(self, name, scale):
        dims, values = floats_of(self.initializers[name])
        limit = 2 ** 31 - 1
        codes = [max(-limit, min(limit, round(value / scale))) for value in values]
        self.constant(f"{name}/s32", dims, INT32, struct.pack(f"<{len(codes)}i", *codes))
        zero = self.constant("zero/s32", [], INT32, bytes(4))
        self.add("DequantizeLinear", [f"{name}/s32", self.scale(scale), zero], f"{name}/float")
        self.replaced.add(f"{name}/float")

    def rewrite(self, node):
        inputs, outputs, operator = texts(node, 1), texts(node, 2), texts(node, 4)[0]
        output = outputs[0]
        if operator == "Relu" or operator in PASSERS and all(
                name in self.nonnegative for name in inputs[:None if operator == "Concat" else 1]):
            self.nonnegative.add(output)
        source = inputs[0] if inputs else ""
        moves = operator in MOVERS and source in self.codes and self.fraction.get(output) == self.fraction.get(source)
        if moves and (operator != "Pad" or source in self.nonnegative) and output in self.fraction:
            self.codes[output], self.scales[output] = f"{output}/codes", self.scales[source]
            self.emit(node, [self.codes[source], *inputs[1:]], self.codes[output])
            self.add("DequantizeLinear", [self.codes[output], self.scale(self.scales[output]), self.zero_point(output)], output)
            return
        if operator in WEIGHTED and source in self.scales and inputs[1] in self.initializers:
            scale = self.weights(inputs[1]) * self.scales[source]
            inputs[1] = f"{inputs[1]}/float"
            if len(inputs) > 2 and inputs[2] in self.initializers:
                self.bias(inputs[2], scale)
                inputs[2] = f"{inputs[2]}/float"
        only_relu = self.readers.get(output) == ["Relu"]
        if output in self.fraction and not only_relu and output not in self.outputs and operator != "Softmax":
            self.emit(node, inputs, f"{output}/real")
            self.quantize(f"{output}/real", output)
        else:
            self.emit(node, inputs, None)

    def emit(self, node, inputs, output):
        parts = [(1, name.encode()) for name in inputs]
        for number, content in node:
            if number == 2 and output is not None:
                parts.append((2, output.encode()))
            elif number != 1:
                parts.append((number, content))
        self.made.append(message(parts))

    def run(self):
        for number, content in self.graph:
            name = texts(fields(content), 1)[0] if number == 11 else ""
            if name in self.fraction and name not in self.initializers:
                renamed = f"{name}/given"
                self.quantize(renamed, name)
        for node in self.nodes:
            self.rewrite(node)
        graph = [(1, node) for node in self.made]
        for number, content in self.graph:
            if number == 11 and texts(fields(content), 1)[0] in self.fraction:
                content = message([(n, f"{c.decode()}/given".encode()) if n == 1 else (n, c) for n, c in fields(content)])
            replaced = number == 5 and f"{texts(fields(content), 8)[0]}/float" in self.replaced
            if number not in (1, 13) and not replaced:
                graph.append((number, content))
        graph += [(5, constant) for constant in self.constants.values()]
        return message([(n, message(graph)) if n == 7 else (n, c) for n, c in self.model if n != 14])


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    Path(sys.argv[2]).write_bytes(Quantizer(Path(sys.argv[1]).read_bytes()).run())


if __name__ == "__main__":
    main()
