// Peer: transformers.js on onnxruntime-node.  usage: node transformersJs.mjs MODEL_PARENT MODEL_NAME TEXTS.json
// Then a line with a task in, one JSON line out. MODEL_PARENT/MODEL_NAME/onnx/model.onnx must exist. Batches of 32 texts: `all` in the
// order in which they are given, as the library itself does it, `sorted` by length first, which its caller would have to do.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { createRequire } from "node:module";
const [parent, name, textsFile, modules] = process.argv.slice(2);
const { env, pipeline } = await import(createRequire(`${modules}/`).resolve("@huggingface/transformers"));
env.allowRemoteModels = false;
env.localModelPath = parent;
const extract = await pipeline("feature-extraction", name, { dtype: "fp32" });
const texts = JSON.parse(readFileSync(textsFile, "utf8"));
async function encode(list, task) {
  const order = list.map((_, index) => index);
  if (task === "sorted") order.sort((a, b) => list[a].length - list[b].length);
  const vectors = [];
  for (let start = 0; start < order.length; start += 32) {
    const indices = order.slice(start, start + 32);
    const { data, dims } = await extract(
      indices.map((index) => list[index]),
      { pooling: "mean", normalize: true },
    );
    indices.forEach((index, row) => (vectors[index] = data.slice(row * dims[1], (row + 1) * dims[1])));
  }
  return vectors;
}
await encode(texts.slice(0, 64), "all");
for await (const task of createInterface({ input: process.stdin })) {
  const started = performance.now();
  const vectors = await encode(texts, task);
  console.log(JSON.stringify({ seconds: (performance.now() - started) / 1000, check: vectors[0][0] }));
}
