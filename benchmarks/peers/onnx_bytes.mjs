// SPDX-License-Identifier: Apache-2.0
// Small ONNX models in their own bytes (onnx.proto: TensorProto, ValueInfoProto, NodeProto, GraphProto, ModelProto, by
// their field numbers), and ONNX Runtime to run them.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const require = createRequire(join(dirname(fileURLToPath(import.meta.url)), "package.json"));
export const ort = require("onnxruntime-node");

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

const types = new Map([[Float32Array, 1], [Uint8Array, 2], [Int8Array, 3], [Int32Array, 6], [BigInt64Array, 7]]);
export const typeOf = (data) => types.get(data.constructor);

// Parts of a graph. The type of a tensor is that of its data.
export const tensor = (name, dims, data) =>
  bytes(5, ...dims.map((dim) => number(1, dim)), number(2, typeOf(data)), bytes(8, name), bytes(9, Buffer.from(data.buffer)));
const value = (field, name, dims, type) =>
  bytes(field, bytes(1, name), bytes(2, bytes(1, number(1, type), bytes(2, ...dims.map((dim) => bytes(1, number(1, dim)))))));
export const input = (name, dims, type = 1) => value(11, name, dims, type);
export const output = (name, dims, type = 1) => value(12, name, dims, type);
export const integer = (name, i) => bytes(5, bytes(1, name), number(3, i), number(20, 2));
export const integers = (name, list) => bytes(5, bytes(1, name), ...list.map((i) => number(8, i)), number(20, 7));
export const node = (op, inputs, outputs, ...attributes) =>
  bytes(1, ...inputs.map((name) => bytes(1, name)), ...outputs.map((name) => bytes(2, name)), bytes(4, op), ...attributes);
export const model = (...parts) =>
  Buffer.concat([number(1, 8), bytes(8, number(2, 14)), bytes(7, bytes(2, "benchmark"), ...parts)]);

// Seeded numbers in [-1, 1).
let seed = 1;
export const noise = () => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 31 - 1;
};

export const session = (bytes, threads) =>
  ort.InferenceSession.create(bytes, {
    executionProviders: ["cpu"], graphOptimizationLevel: "all", intraOpNumThreads: threads, interOpNumThreads: 1,
    executionMode: "sequential",
  });

// The seconds of the median of calls, repeated for 30 ms and at least once.
export async function medianSeconds(run) {
  const times = [];
  for (let total = 0; total < 0.03; total += times.at(-1)) {
    const start = process.hrtime.bigint();
    await run();
    times.push(Number(process.hrtime.bigint() - start) / 1e9);
  }
  times.sort((a, b) => a - b);
  return times[times.length >> 1];
}
