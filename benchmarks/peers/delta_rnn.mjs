// SPDX-License-Identifier: Apache-2.0
// Two GRU layers, dense float32, by ONNX Runtime on one thread of the CPU:
//   node delta_rnn.mjs INPUTS HIDDEN STEPS
// Prints "ready", then for each line read runs calls of STEPS time steps for 30 ms, at least one, and prints the seconds a
// step of the median call.
// The model (seeded weights; reset after the product, as EdgeDRNN's networks) is written here, in ONNX's own bytes.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const require = createRequire(join(dirname(fileURLToPath(import.meta.url)), "package.json"));
const ort = require("onnxruntime-node");

const varint = (value) => {
  const bytes = [];
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return Buffer.from([...bytes, value]);
};
const number = (field, value) => Buffer.concat([varint(field * 8), varint(value)]);
const bytes = (field, ...parts) => {
  const body = Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : part)));
  return Buffer.concat([varint(field * 8 + 2), varint(body.length), body]);
};

// onnx.proto: TensorProto, ValueInfoProto, NodeProto, GraphProto, ModelProto, by their field numbers.
const tensor = (name, dims, data) =>
  bytes(5, ...dims.map((dim) => number(1, dim)), number(2, 1), bytes(8, name), bytes(9, Buffer.from(data.buffer)));
const value = (field, name, dims) =>
  bytes(field, bytes(1, name), bytes(2, bytes(1, number(1, 1), bytes(2, ...dims.map((dim) => bytes(1, number(1, dim)))))));
const integer = (name, i) => bytes(5, bytes(1, name), number(3, i), number(20, 2));
const node = (op, inputs, outputs, ...attributes) =>
  bytes(1, ...inputs.map((name) => bytes(1, name)), ...outputs.map((name) => bytes(2, name)), bytes(4, op), ...attributes);

let seed = 1;
function weights(count, scale) {
  const data = new Float32Array(count);
  for (let i = 0; i < count; ++i) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    data[i] = (seed / 2 ** 31 - 1) * scale;
  }
  return data;
}

function model(inputs, hidden, steps) {
  const parts = [];
  for (const layer of [1, 2]) {
    const fan = layer === 1 ? inputs : hidden;
    const scale = 1 / Math.sqrt(hidden);
    parts.push(tensor(`W${layer}`, [1, 3 * hidden, fan], weights(3 * hidden * fan, scale)));
    parts.push(tensor(`R${layer}`, [1, 3 * hidden, hidden], weights(3 * hidden * hidden, scale)));
    parts.push(tensor(`B${layer}`, [1, 6 * hidden], weights(6 * hidden, scale)));
    parts.push(node("GRU", [layer === 1 ? "x" : "h1", `W${layer}`, `R${layer}`, `B${layer}`], [`y${layer}`],
                    integer("hidden_size", hidden), integer("linear_before_reset", 1)));
    if (layer === 1) parts.push(node("Squeeze", ["y1", "axis"], ["h1"]));
  }
  const axis = Buffer.from(new BigInt64Array([1n]).buffer);
  parts.push(bytes(5, number(1, 1), number(2, 7), bytes(8, "axis"), bytes(9, axis)));
  parts.push(bytes(2, "two_layers"), value(11, "x", [steps, 1, inputs]), value(12, "y2", [steps, 1, 1, hidden]));
  return Buffer.concat([number(1, 8), bytes(8, number(2, 14)), bytes(7, ...parts)]);
}

const [inputs, hidden, steps] = process.argv.slice(2).map(Number);
if (!steps) {
  console.error("usage: node delta_rnn.mjs INPUTS HIDDEN STEPS");
  process.exit(2);
}
const session = await ort.InferenceSession.create(model(inputs, hidden, steps), {
  executionProviders: ["cpu"], graphOptimizationLevel: "all", intraOpNumThreads: 1, interOpNumThreads: 1,
  executionMode: "sequential",
});
const x = new ort.Tensor("float32", weights(steps * inputs, 1), [steps, 1, inputs]);
await session.run({ x });
console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  if (line === "end") break;
  const times = [];
  for (let total = 0; total < 0.03; total += times.at(-1)) {
    const start = process.hrtime.bigint();
    await session.run({ x });
    times.push(Number(process.hrtime.bigint() - start) / 1e9);
  }
  times.sort((a, b) => a - b);
  console.log(times[times.length >> 1] / steps);
}
