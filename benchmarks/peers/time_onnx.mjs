// SPDX-License-Identifier: Apache-2.0
// How long one call of an ONNX model with float inputs takes in ONNX Runtime, dense float32 on one thread of the CPU, or so many:
//   node time_onnx.mjs model.onnx [calls [threads]]
// Prints one JSON line: median, lowest and highest milliseconds. Open dimensions are taken as 1; the inputs are seeded noise.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const require = createRequire(join(dirname(fileURLToPath(import.meta.url)), "package.json"));
const ort = require("onnxruntime-node");

const [model, calls, threads] = process.argv.slice(2);
if (!model) {
  console.error("usage: node time_onnx.mjs model.onnx [calls [threads]]");
  process.exit(2);
}
const session = await ort.InferenceSession.create(model, {
  executionProviders: ["cpu"], graphOptimizationLevel: "all", intraOpNumThreads: Number(threads ?? 1), interOpNumThreads: 1,
  executionMode: "sequential",
});
let seed = 1;
const noise = () => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 31 - 1;
};
const input = Object.fromEntries(session.inputMetadata.map(({ name, shape }) => {
  const sizes = shape.map((size) => (typeof size === "number" && size > 0 ? size : 1));
  const data = Float32Array.from({ length: sizes.reduce((a, b) => a * b, 1) }, noise);
  return [name, new ort.Tensor("float32", data, sizes)];
}));
for (let i = 0; i < 10; ++i) await session.run(input);
const times = [];
for (let i = 0; i < Number(calls ?? 301); ++i) {
  const start = process.hrtime.bigint();
  await session.run(input);
  times.push(Number(process.hrtime.bigint() - start) / 1e6);
}
times.sort((a, b) => a - b);
console.log(JSON.stringify({ median_ms: times[times.length >> 1], lowest_ms: times[0], highest_ms: times.at(-1) }));
