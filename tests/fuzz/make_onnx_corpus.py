#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the seeds of fuzz_onnx and fuzz_layers: make_onnx_corpus.py [folder, by default corpus beside this file].

Tiny ONNX files in protobuf's wire format, field by field (the numbers are those of onnx.proto), so that old and broken
files can be written as well; for fuzz_layers, bytes from which it makes its choices. The same files come out every time.
"""

import random
import struct
import sys
from pathlib import Path

FLOAT, UINT8, INT8, INT32, INT64, BOOL, FLOAT16, DOUBLE, INT4, BFLOAT16 = 1, 2, 3, 6, 7, 9, 10, 11, 22, 16


def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value >= 0x80:
        out.append(0x80 | value & 0x7F)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field, value):
    return varint(field << 3) + varint(value)


def block(field, content):
    content = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(content)) + content


def floats(values):
    return struct.pack(f"<{len(values)}f", *values)


def longs(values):
    return struct.pack(f"<{len(values)}q", *values)


def tensor(name, kind, shape, raw=None, more=b""):
    proto = b"".join(number(1, size) for size in shape) + number(2, kind) + block(8, name)
    return proto + (block(9, raw) if raw is not None else b"") + more


def value(name, kind, shape):
    dims = b"".join(block(1, number(1, size) if isinstance(size, int) else block(2, size)) for size in shape)
    return block(1, name) + block(2, block(1, number(1, kind) + block(2, dims)))


def attribute(name, content, typed=True):
    proto = block(1, name)
    if isinstance(content, int):
        kind, proto = 2, proto + number(3, content)
    elif isinstance(content, float):
        kind, proto = 1, proto + varint(2 << 3 | 5) + struct.pack("<f", content)
    elif isinstance(content, str):
        kind, proto = 3, proto + block(4, content)
    elif isinstance(content, bytes):
        kind, proto = 4, proto + block(5, content)
    else:
        kind, proto = 7, proto + b"".join(number(8, one) for one in content)
    return block(5, proto + (number(20, kind) if typed else b""))


def node(operator, inputs, outputs, typed=True, **attributes):
    proto = b"".join(block(1, name) for name in inputs) + b"".join(block(2, name) for name in outputs)
    proto += block(3, outputs[0] + "_node") + block(4, operator)
    return proto + b"".join(attribute(name, content, typed) for name, content in attributes.items())


def model(nodes=(), initializers=(), inputs=(), outputs=(), opset=17, ir=8, more=b"", more_graph=b""):
    graph = b"".join(block(1, one) for one in nodes) + block(2, "g") + b"".join(block(5, one) for one in initializers)
    graph += b"".join(block(11, one) for one in inputs) + b"".join(block(12, one) for one in outputs) + more_graph
    line = block(8, block(1, "") + number(2, opset)) if opset else b""
    return number(1, ir) + block(7, graph) + line + more


X = value("x", FLOAT, ["n", 1, 6, 6])
Y = value("y", FLOAT, [])


def weights(name, shape):
    count = 1
    for size in shape:
        count *= size
    return tensor(name, FLOAT, shape, floats([(i % 5 - 2) / 4 for i in range(count)]))


def chain(operator, opset=17, extra=(), initializers=(), **attributes):
    """One node from x, with constants, to y."""
    return model([node(operator, ["x", *extra], ["y"], **attributes)], initializers, [X], [Y], opset)


def branch(nodes, output, initializers=()):
    """A graph attribute's content: what stands under then_branch and else_branch."""
    return b"".join(block(1, one) for one in nodes) + b"".join(block(5, one) for one in initializers) + block(12, value(output, FLOAT, []))


def choice(condition, output, then_branch, else_branch):
    graphs = (("then_branch", then_branch), ("else_branch", else_branch))
    return node("If", [condition], [output]) + b"".join(
        block(5, block(1, name) + block(6, graph) + number(20, 5)) for name, graph in graphs)


def seeds():
    yield "convolutional", model(
        [node("Conv", ["x", "w", "b"], ["c"], kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[1, 1], group=1),
         node("BatchNormalization", ["c", "b", "b", "b", "v"], ["n"], epsilon=1e-5),
         node("Relu", ["n"], ["r"]),
         node("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
         node("Flatten", ["p"], ["f"], axis=1),
         node("Gemm", ["f", "m"], ["g"], transB=1, alpha=0.5),
         node("Softmax", ["g"], ["y"], axis=-1)],
        [weights("w", [2, 1, 3, 3]), weights("b", [2]), tensor("v", FLOAT, [2], floats([1, 2])), weights("m", [3, 18])],
        [X], [Y])
    yield "branches", model(
        [node("Conv", ["x", "w"], ["a"], auto_pad="SAME_UPPER", dilations=[1, 1]), node("Sigmoid", ["x"], ["s"]),
         node("Concat", ["a", "s"], ["c"], axis=1), node("Add", ["a", "s"], ["d"]), node("Mul", ["d", "c"], ["e"]),
         node("GlobalAveragePool", ["e"], ["y"])], [weights("w", [1, 1, 3, 3])], [X], [Y])
    yield "shape_arithmetic", model(
        [node("Shape", ["x"], ["s"]), node("Gather", ["s", "zero"], ["b"], axis=0), node("Unsqueeze", ["b", "zeros"], ["u"]),
         node("Concat", ["u", "minus"], ["t"], axis=0), node("Reshape", ["x", "t"], ["y"])],
        [tensor("zero", INT64, [], longs([0])), tensor("zeros", INT64, [1], longs([0])), tensor("minus", INT64, [1], longs([-1]))],
        [X], [Y])
    yield "made_constants", model(
        [node("ConstantOfShape", ["s"], ["w"], value=tensor("", FLOAT, [1], floats([0.5]))),
         node("Conv", ["x", "w"], ["y"], kernel_shape=[3, 3])],
        [tensor("s", INT64, [4], longs([2, 1, 3, 3]))], [X], [Y], opset=9)
    yield "large_constant", model([node("ConstantOfShape", ["s"], ["w"]), node("Add", ["x", "w"], ["y"])],
                                  [tensor("s", INT64, [2], longs([1 << 20, 1 << 20]))], [X], [Y])
    yield "gibibyte_constant", model([node("ConstantOfShape", ["s"], ["w"]), node("Add", ["x", "w"], ["y"])],
                                     [tensor("s", INT64, [2], longs([1 << 14, 1 << 14]))], [X], [Y])
    yield "old_broadcast", model([node("Add", ["x", "b"], ["y"], False, broadcast=1, axis=1)], [weights("b", [1])],
                                 [X, value("b", FLOAT, [1])], [Y], opset=0, ir=1)
    yield "old_reshape", model([node("Reshape", ["x"], ["y"], False, shape=[0, -1])], (), [X], [Y], opset=1, ir=3)
    yield "quantised", model(
        [node("QuantizeLinear", ["x", "s", "z"], ["q"]), node("DequantizeLinear", ["q", "s", "z"], ["d"]),
         node("DynamicQuantizeLinear", ["d"], ["e", "f", "h"]), node("MatMulInteger", ["e", "m", "h"], ["i"]),
         node("Cast", ["i"], ["y"], to=1)],
        [tensor("s", FLOAT, [], floats([0.1])), tensor("z", UINT8, [], b"\x80"), tensor("m", INT8, [6, 2], bytes(range(12)))],
        [X], [Y])
    yield "quantised_convolution", model(
        [node("QLinearConv", ["x", "s", "z", "w", "s", "z", "s", "z"], ["y"], kernel_shape=[1, 1])],
        [tensor("s", FLOAT, [], floats([0.5])), tensor("z", UINT8, [], b"\1"), tensor("w", UINT8, [1, 1, 1, 1], b"\3")],
        [value("x", UINT8, [1, 1, 3, 3])], [Y])
    yield "pieces", model(
        [node("Split", ["x", "two"], ["a", "b"], axis=3), node("Slice", ["a", "ones", "two"], ["c"]),
         node("Pad", ["b", "pads"], ["d"], mode="reflect"), node("Transpose", ["d"], ["e"], perm=[0, 1, 3, 2]),
         node("Squeeze", ["e", "ones"], ["f"]), node("Expand", ["f", "two"], ["g"]), node("Sum", ["g", "g"], ["y"])],
        [tensor("two", INT64, [2], longs([3, 3])), tensor("ones", INT64, [2], longs([1, 1])),
         tensor("pads", INT64, [8], longs([0, 0, 1, 0, 0, 0, 1, 2]))], [X], [Y])
    yield "reductions", model(
        [node("ReduceMean", ["x"], ["a"], axes=[2, 3], keepdims=1), node("ReduceSum", ["x", "axes"], ["b"], keepdims=0),
         node("ReduceMax", ["x"], ["c"], axes=[-1]), node("ArgMax", ["x"], ["d"], axis=1), node("Sub", ["a", "c"], ["y"])],
        [tensor("axes", INT64, [1], longs([1]))], [X], [Y, value("b", FLOAT, []), value("d", INT64, [])])
    yield "normalised", model(
        [node("LayerNormalization", ["x", "g"], ["a"], axis=-1), node("LRN", ["a"], ["b"], size=3, alpha=0.1),
         node("PRelu", ["b", "g"], ["c"]), node("Clip", ["c", "lo", "hi"], ["d"]), node("Pow", ["d", "hi"], ["e"]),
         node("Dropout", ["e"], ["y", "mask"])],
        [weights("g", [6]), tensor("lo", FLOAT, [], floats([-1])), tensor("hi", FLOAT, [], floats([2]))], [X], [Y])
    yield "newest_forms", model(
        [node("ReduceMean", ["x", "axes"], ["a"]), node("Split", ["a"], ["b", "c"], axis=3, num_outputs=2),
         node("Pad", ["b", "pads", "", "axes"], ["d"], mode="wrap"), node("LayerNormalization", ["d", "w"], ["y"])],
        [tensor("axes", INT64, [1], longs([1])), tensor("pads", INT64, [2], longs([1, 1])), weights("w", [1])], [X], [Y], opset=25)
    for name, attributes in (("Elu", {"alpha": 0.5}), ("LeakyRelu", {"alpha": 0.1}), ("HardSigmoid", {"beta": 0.5}), ("HardSwish", {}),
                             ("Softmax", {"axis": 1}), ("LogSoftmax", {}), ("Tanh", {}), ("Exp", {}), ("Sqrt", {}), ("Identity", {}),
                             ("AveragePool", {"kernel_shape": [3, 3], "ceil_mode": 1, "count_include_pad": 1, "pads": [1, 1, 1, 1]}),
                             ("MaxPool", {"kernel_shape": [3, 3], "dilations": [2, 2], "storage_order": 1}),
                             ("GlobalMaxPool", {}), ("Flatten", {"axis": -2}), ("Cast", {"to": 10})):
        yield "one_" + name.lower(), chain(name, **attributes)
    yield "constants", model([node("Constant", [], ["c"], value=tensor("", INT64, [4], longs([1, 1, 1, 6]))),
                              node("Reshape", ["w", "c"], ["d"]), node("Equal", ["x", "d"], ["e"]), node("Where", ["e", "x", "d"], ["y"])],
                             [weights("w", [6])], [X], [Y])
    for kind, raw in ((FLOAT16, bytes(4)), (BFLOAT16, bytes(4)), (DOUBLE, bytes(16)), (BOOL, b"\0\7"), (INT4, b"\x21"), (INT8, b"\x80\x7f")):
        yield f"type_{kind}", model((), [tensor("y", kind, [2], raw)], (), [Y])
    yield "typed_fields", model((), [tensor("y", FLOAT, [2], None, block(4, floats([1, 2]))), tensor("i", INT32, [1], None, number(5, -3))], (), [Y])
    yield "external", model((), [tensor("y", FLOAT, [2], None, block(13, block(1, "location") + block(2, "../y.bin")) + number(14, 1))], (), [Y])
    sequence = value("x", FLOAT, ["t", 1, 2])
    for name, gates, more in (("GRU", 3, {"linear_before_reset": 1}), ("LSTM", 4, {"input_forget": 1}), ("RNN", 1, {"clip": 0.5})):
        yield name.lower(), model(
            [node(name, ["x", "w", "r", "b", "", "h"], ["y", "z"], direction="bidirectional", hidden_size=2, **more)],
            [weights("w", [2, 2 * gates, 2]), weights("r", [2, 2 * gates, 2]), weights("b", [2, 4 * gates]), weights("h", [2, 1, 2])],
            [sequence], [Y, value("z", FLOAT, [])], more=block(14, block(1, "deltahop.delta_thresholds") + block(2, "y_node theta_x=0.1")))
    yield "lengths", model(
        [node("LSTM", ["x", "w", "r", "", "n", "", "", "p"], ["y", "h", "c"], layout=1, direction="reverse")],
        [weights("w", [1, 4, 2]), weights("r", [1, 4, 1]), tensor("n", INT32, [2], struct.pack("<2i", 1, 3)), weights("p", [1, 3])],
        [value("x", FLOAT, [2, "t", 2])], [Y, value("c", FLOAT, [])])
    yield "if_shape", model(
        [node("Size", ["x"], ["n"]), node("Equal", ["n", "many"], ["e"]), node("Not", ["e"], ["c"]),
         choice("c", "y", branch([node("Add", ["x", "k"], ["a"])], "a", [weights("k", [1])]),
                branch([choice("e", "b", branch([node("Relu", ["x"], ["a"])], "a"), branch([], "x"))], "b"))],
        [tensor("many", INT64, [], longs([72]))], [X], [Y])
    yield "if_constant", model(
        [choice("c", "y", branch([node("Identity", ["x"], ["x#"])], "x#"), branch([node("Wobble", ["x"], ["z"])], "z"))],
        [tensor("c", BOOL, [1], b"\1")], [X], [Y])
    yield "if_data", model(
        [node("ReduceMax", ["x"], ["m"], keepdims=0), node("Equal", ["m", "m"], ["c"]),
         choice("c", "y", branch([], "x"), branch([], "m"))], (), [X], [Y])
    yield "control_flow", model([node("If", ["x"], ["y"]) + block(5, block(1, "then_branch") + block(6, b"") + number(20, 5))], (), [X], [Y])
    yield "function", model([node("Relu", ["x"], ["y"])], (), [X], [Y], more=block(25, block(1, "f")))
    yield "sparse", model([node("Relu", ["x"], ["y"])], (), [X], [Y], more_graph=block(15, b""))
    yield "circle", model([node("Relu", ["a"], ["b"]), node("Relu", ["b"], ["a"])], (), [X], [value("a", FLOAT, [])])
    yield "tensor", tensor("t", FLOAT, [2], floats([1, 2]))


def main():
    corpus = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "corpus"
    for name in ("fuzz_onnx", "fuzz_layers"):
        (corpus / name).mkdir(parents=True, exist_ok=True)
    for name, content in seeds():
        (corpus / "fuzz_onnx" / name).write_bytes(content)
    for seed in range(24):
        (corpus / "fuzz_layers" / f"choices_{seed:02}").write_bytes(random.Random(seed).randbytes(256))


if __name__ == "__main__":
    main()
