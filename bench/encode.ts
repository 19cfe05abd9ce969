/**
 * @file How fast an encoder inside of a program is, beside the programs that people use today, and whether it gives the same vectors.
 *
 * `npm run bench -- encode`; needs the peers of `npm run bench:peers`, a model and texts (bench/harness/settings.ts).
 */
import { mkdtempSync, symlinkSync, mkdirSync, copyFileSync, existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { LineProcess } from "./harness/lineProcess.ts";
import { alternate } from "./harness/pairs.ts";
import { Report } from "./harness/report.ts";
import { expectThere, model, python, readTexts, transformersJs, writeTexts } from "./harness/settings.ts";
import { largestDifference } from "./harness/vectors.ts";

const THREADS = 2;
const peers = fileURLToPath(new URL("peers/", import.meta.url));
const texts = readTexts();
const textsFile = writeTexts(texts);
const scratch = mkdtempSync(join(tmpdir(), "stagecoach-bench-"));
expectThere(python, "a Python with the peers (npm run bench:peers); set BENCH_PYTHON");

const report = new Report("encode");
const pairs = Number(process.env["BENCH_PAIRS"] ?? 10);
const rate = async (process_: LineProcess, task = "all") => texts.length / (await process_.ask(task))["seconds"]!;
const show =
  (name: string) =>
  (pair: number, [a, b]: readonly [number, number]) =>
    console.error(`  ${name} ${pair + 1}: ${a.toFixed(1)} and ${b.toFixed(1)} texts/s`);

await using ours = new LineProcess(process.execPath, [
  "--conditions=@stagecoach/source",
  join(peers, "ours.ts"),
  model,
  textsFile,
  String(THREADS),
  join(scratch, "ours.bin"),
]);
await rate(ours);

{
  await using peer = new LineProcess(python, [
    join(peers, "sentence_transformers_encode.py"),
    model,
    textsFile,
    String(THREADS),
    join(scratch, "peer.bin"),
  ]);
  await rate(peer);
  report.atMost(
    `largest difference from sentence-transformers, ${texts.length} texts, unit vectors`,
    largestDifference(join(scratch, "ours.bin"), join(scratch, "peer.bin")),
    { limit: 1e-5, unit: "" },
  );
  const { ratio } = await alternate(
    () => rate(ours),
    () => rate(peer),
    { pairs, onPair: show("ours and sentence-transformers") },
  );
  report.ratio("encode of 1,000 texts / sentence-transformers", ratio, 1.5);
}
{
  const cache = join(fileURLToPath(new URL("../.cache/bench/onnx/", import.meta.url)), basename(model));
  await using peer = new LineProcess(python, [
    join(peers, "onnxruntime_encode.py"),
    model,
    textsFile,
    cache,
    String(THREADS),
  ]);
  await rate(peer);
  const { ratio } = await alternate(
    () => rate(ours),
    () => rate(peer),
    { pairs, onPair: show("ours and onnxruntime") },
  );
  report.ratio("encode of 1,000 texts / onnxruntime in Python, optimised graph, sorted batches", ratio, 1.05);
  if (existsSync(transformersJs)) await againstTransformersJs(join(cache, "raw.onnx"));
  else report.note("transformers.js", `not measured: nothing at ${transformersJs}`);
}
{
  const { ratio } = await alternate(
    () => rate(ours, "groups"),
    () => rate(ours),
    { pairs, onPair: show("groups of 32 and all") },
  );
  report.ratio("32 texts at a time as they arrive / all texts sorted", ratio, 0.8);
}
report.save("npm run bench -- encode");

async function againstTransformersJs(onnx: string): Promise<void> {
  const folder = join(scratch, "models", basename(model));
  mkdirSync(join(folder, "onnx"), { recursive: true });
  for (const file of ["config.json", "tokenizer.json", "tokenizer_config.json"])
    copyFileSync(join(model, file), join(folder, file));
  symlinkSync(onnx, join(folder, "onnx/model.onnx"));
  await using peer = new LineProcess(process.execPath, [
    join(peers, "transformersJs.mjs"),
    join(scratch, "models"),
    basename(model),
    textsFile,
    transformersJs,
  ]);
  await rate(peer);
  const { ratio } = await alternate(
    () => rate(ours),
    () => rate(peer),
    { pairs, onPair: show("ours and transformers.js") },
  );
  report.ratio("encode of 1,000 texts / transformers.js, batches of 32 as they are given", ratio, 2.8);
  const sorted = await alternate(
    () => rate(ours),
    () => rate(peer, "sorted"),
    { pairs: 3, onPair: show("ours and transformers.js, sorted by its caller") },
  );
  report.note("the same, when its caller sorts texts by length first", `${sorted.ratio.median.toFixed(3)}, 3 pairs`);
}
