// SPDX-License-Identifier: Apache-2.0
// Runs an ONNX model once by ONNX Runtime on the CPU, dense float32, as a whole process:
//   node run_onnx.mjs model.onnx input.npy [threads]
// Prints one JSON line: the shape of the first output, its largest element's index, and its sum.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const require = createRequire(join(dirname(fileURLToPath(import.meta.url)), "package.json"));
const ort = require("onnxruntime-node");

// A little-endian float32 array in C order, as deltahop writes it.
function readNpy(path) {
  const bytes = readFileSync(path);
  if (bytes.subarray(1, 6).toString("latin1") !== "NUMPY") throw new Error(`${path}: not an NPY file`);
  const headerStart = bytes[6] === 1 ? 10 : 12;
  const headerLength = bytes[6] === 1 ? bytes.readUInt16LE(8) : bytes.readUInt32LE(8);
  const header = bytes.subarray(headerStart, headerStart + headerLength).toString("latin1");
  if (!header.includes("'<f4'") || header.includes("'fortran_order': True")) throw new Error(`${path}: want float32, C order`);
  const shape = header.match(/'shape': *\(([^)]*)\)/)[1].split(",").filter((text) => text.trim()).map(Number);
  const data = new Float32Array(bytes.buffer.slice(bytes.byteOffset + headerStart + headerLength, bytes.byteOffset + bytes.length));
  return new ort.Tensor("float32", data, shape);
}

const [model, input, threads] = process.argv.slice(2);
if (!input) {
  console.error("usage: node run_onnx.mjs model.onnx input.npy [threads]");
  process.exit(2);
}
const options = { executionProviders: ["cpu"], graphOptimizationLevel: "all" };
if (threads) options.intraOpNumThreads = Number(threads);
const session = await ort.InferenceSession.create(model, options);
const outputs = await session.run({ [session.inputNames[0]]: readNpy(input) });
const first = outputs[session.outputNames[0]];
let best = 0;
let sum = 0;
first.data.forEach((value, index) => {
  sum += value;
  if (value > first.data[best]) best = index;
});
console.log(JSON.stringify({ shape: first.dims, best, sum }));
