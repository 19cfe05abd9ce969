/**
 * @file A program that writes a text file of so many megabytes, makes a data set of it, reads batches from it, and prints how
 * much memory it took at most. Arguments: a folder, megabytes.
 */
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { BatchedDataSet } from "../../../data/batchedDataSet.ts";
import { tinyTokenizer } from "../../../data/testing/tinyTokenizer.ts";
import { loadDataSets } from "../loadDataSets.ts";

const [folder = ".", megabytes = "100"] = process.argv.slice(2);
const path = join(folder, "large.txt");
const words = Array.from({ length: 50 }, (_, i) => `w${i}`);
/** 4,000 lines of 25 words. */
const block = Array.from({ length: 4000 }, (_, line) =>
  Array.from({ length: 25 }, (__, i) => words[(line * 7 + i * 3) % 50]).join(" "),
).join("\n");
const file = openSync(path, "w");
for (let written = 0; written < Number(megabytes) * 1e6; written += block.length + 1) writeSync(file, `${block}\n`);
closeSync(file);

const sets = await loadDataSets({
  train: { path },
  task: "masked-lm",
  tokenizer: tinyTokenizer(words),
  folder,
  maxMemoryBytes: 2 ** 24,
});
const { encoded } = sets.train;
const data = new BatchedDataSet(encoded, { seed: 1, batchSize: 32, ordering: "by-length" });
for (let i = 0; i < 200; i++) data.batch(0, i);
const { numTokens, numRows } = encoded.report;
const peakMegabytes = process.resourceUsage().maxRSS / 1000;
process.stdout.write(JSON.stringify({ numTokens, numRows, peakMegabytes }));
sets.close();
rmSync(path);
