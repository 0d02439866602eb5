// SPDX-License-Identifier: Apache-2.0
// Two GRU layers, dense float32, by ONNX Runtime on one thread of the CPU:
//   node delta_rnn.mjs INPUTS HIDDEN STEPS
// Prints "ready", then for each line read runs calls of STEPS time steps for 30 ms, at least one, and prints the seconds a
// step of the median call.
// The model has seeded weights; its reset comes after the product, as in EdgeDRNN's networks.
import { createInterface } from "node:readline";

import * as onnx from "./onnx_bytes.mjs";

const weights = (count, scale) => Float32Array.from({ length: count }, () => onnx.noise() * scale);

function model(inputs, hidden, steps) {
  const parts = [];
  for (const layer of [1, 2]) {
    const fan = layer === 1 ? inputs : hidden;
    const scale = 1 / Math.sqrt(hidden);
    parts.push(onnx.tensor(`W${layer}`, [1, 3 * hidden, fan], weights(3 * hidden * fan, scale)));
    parts.push(onnx.tensor(`R${layer}`, [1, 3 * hidden, hidden], weights(3 * hidden * hidden, scale)));
    parts.push(onnx.tensor(`B${layer}`, [1, 6 * hidden], weights(6 * hidden, scale)));
    parts.push(onnx.node("GRU", [layer === 1 ? "x" : "h1", `W${layer}`, `R${layer}`, `B${layer}`], [`y${layer}`],
                         onnx.integer("hidden_size", hidden), onnx.integer("linear_before_reset", 1)));
    if (layer === 1) parts.push(onnx.node("Squeeze", ["y1", "axis"], ["h1"]));
  }
  parts.push(onnx.tensor("axis", [1], new BigInt64Array([1n])));
  parts.push(onnx.input("x", [steps, 1, inputs]), onnx.output("y2", [steps, 1, 1, hidden]));
  return onnx.model(...parts);
}

const [inputs, hidden, steps] = process.argv.slice(2).map(Number);
if (!steps) {
  console.error("usage: node delta_rnn.mjs INPUTS HIDDEN STEPS");
  process.exit(2);
}
const session = await onnx.session(model(inputs, hidden, steps), 1);
const x = new onnx.ort.Tensor("float32", weights(steps * inputs, 1), [steps, 1, inputs]);
await session.run({ x });
console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  if (line === "end") break;
  console.log((await onnx.medianSeconds(() => session.run({ x }))) / steps);
}
