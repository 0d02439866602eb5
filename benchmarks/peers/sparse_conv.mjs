// SPDX-License-Identifier: Apache-2.0
// One shape of convolution by ONNX Runtime on the CPU, beside `sparse_conv_bench`:
//   node sparse_conv.mjs IN OUT SIZE KERNEL STRIDE GROUPS LAYERS THREADS
// Prints "ready", then answers each line read with a JSON line, the seconds a layer. Lines: float (Conv and Relu), qlinear
// (QLinearConv, u8 x s8 -> u8), integer (ConvInteger, u8 x s8 -> s32).
// A model is a chain of LAYERS such layers where each feeds the next, so that a change of memory layout at its ends counts
// little; one layer where the shape does not allow it.
import { createInterface } from "node:readline";

import * as onnx from "./onnx_bytes.mjs";

const [ins, outs, size, kernel, stride, groups, layers, threads] = process.argv.slice(2).map(Number);
if (!threads) {
  console.error("usage: node sparse_conv.mjs IN OUT SIZE KERNEL STRIDE GROUPS LAYERS THREADS");
  process.exit(2);
}
const pad = Math.floor(kernel / 2);
const outSize = Math.floor((size + 2 * pad - kernel) / stride) + 1;
const chained = ins === outs && stride === 1 ? layers : 1;
const fan = (ins / groups) * kernel * kernel;
const attributes = [onnx.integers("kernel_shape", [kernel, kernel]), onnx.integers("pads", [pad, pad, pad, pad]),
                    onnx.integers("strides", [stride, stride]), onnx.integer("group", groups)];
const codes = () => Int8Array.from({ length: outs * fan }, () => Math.round(onnx.noise() * 127));
const weightShape = [outs, ins / groups, kernel, kernel];

function floatModel() {
  const parts = [];
  for (let i = 0; i < chained; ++i) {
    const weights = Float32Array.from({ length: outs * fan }, () => onnx.noise() * Math.sqrt(6 / fan));
    parts.push(onnx.tensor(`W${i}`, weightShape, weights), onnx.tensor(`B${i}`, [outs], new Float32Array(outs)));
    parts.push(onnx.node("Conv", [`x${i}`, `W${i}`, `B${i}`], [`c${i}`], ...attributes));
    parts.push(onnx.node("Relu", [`c${i}`], [`x${i + 1}`]));
  }
  return onnx.model(...parts, onnx.input("x0", [1, ins, size, size]), onnx.output(`x${chained}`, [1, outs, outSize, outSize]));
}

function qlinearModel() {
  const parts = [onnx.tensor("one", [], new Float32Array([1])), onnx.tensor("scale", [], new Float32Array([4096])),
                 onnx.tensor("u8", [], new Uint8Array([0])), onnx.tensor("s8", [], new Int8Array([0]))];
  for (let i = 0; i < chained; ++i) {
    parts.push(onnx.tensor(`W${i}`, weightShape, codes()), onnx.tensor(`B${i}`, [outs], new Int32Array(outs)));
    parts.push(onnx.node("QLinearConv", [`x${i}`, "one", "u8", `W${i}`, "one", "s8", "scale", "u8", `B${i}`], [`x${i + 1}`],
                         ...attributes));
  }
  return onnx.model(...parts, onnx.input("x0", [1, ins, size, size], 2),
                    onnx.output(`x${chained}`, [1, outs, outSize, outSize], 2));
}

const integerModel = () =>
  onnx.model(onnx.tensor("W", weightShape, codes()), onnx.node("ConvInteger", ["x0", "W"], ["y"], ...attributes),
             onnx.input("x0", [1, ins, size, size], 2), onnx.output("y", [1, outs, outSize, outSize], 6));

const count = ins * size * size;
const floats = new onnx.ort.Tensor("float32", Float32Array.from({ length: count }, () => Math.max(onnx.noise(), 0)),
                                   [1, ins, size, size]);
const bytes = new onnx.ort.Tensor("uint8", Uint8Array.from({ length: count }, () => Math.max(onnx.noise() * 127, 0)),
                                  [1, ins, size, size]);
const models = {
  float: { session: await onnx.session(floatModel(), threads), x0: floats, layers: chained },
  qlinear: { session: await onnx.session(qlinearModel(), threads), x0: bytes, layers: chained },
  integer: { session: await onnx.session(integerModel(), threads), x0: bytes, layers: 1 },
};
for (const { session, x0 } of Object.values(models)) await session.run({ x0 });
console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  if (line === "end") break;
  const { session, x0, layers: inside } = models[line];
  console.log(JSON.stringify({ seconds: (await onnx.medianSeconds(() => session.run({ x0 }))) / inside }));
}
