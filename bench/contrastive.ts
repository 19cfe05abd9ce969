/**
 * @file Sentence vectors trained on pairs by us and by sentence-transformers' trainer: real tokens per second, and how well an anchor's
 * text is found before and after.
 *
 * `npm run bench -- contrastive`; needs the peers of `npm run bench:peers`, a model and the pairs data (bench/harness/settings.ts). Both
 * train one epoch on the same pairs with the same settings: batches of 64 pairs whose texts are each other's negatives, AdamW, a linear
 * schedule with warm-up, two threads. Each pair of runs has the next seed, from 0. All models are measured by `stagecoach evaluate`.
 *
 * BENCH_EXAMPLES training pairs (all 19,645), BENCH_PAIRS seeds (1). About an hour a seed on two cores. Rates alone: BENCH_EXAMPLES=640
 * BENCH_PAIRS=10, about 15 minutes.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { LineProcess } from "./harness/lineProcess.ts";
import { summarize } from "./harness/pairs.ts";
import { Report } from "./harness/report.ts";
import { mrrOf } from "./harness/retrieval.ts";
import { expectThere, firstLines, model, python, readLines } from "./harness/settings.ts";

type Trained = { readonly tokens: number; readonly seconds: number; readonly mrr: number };

const [BATCH, THREADS] = ["64", "2"];
const examples = Number(process.env["BENCH_EXAMPLES"] ?? Infinity);
const pairs = Number(process.env["BENCH_PAIRS"] ?? 1);
const peers = fileURLToPath(new URL("peers/", import.meta.url));
expectThere(python, "a Python with the peers (npm run bench:peers); set BENCH_PYTHON");

const folder = mkdtempSync(join(tmpdir(), "stagecoach-bench-"));
const train = firstLines(folder, "pairs.train.jsonl.gz", examples);
const numPairs = readLines(train).length;
const args = [model, train, BATCH, THREADS];
const report = new Report(pairs < 10 ? "contrastiveQuality" : "contrastive");
await using ours = new LineProcess(process.execPath, [
  "--conditions=@stagecoach/source",
  join(peers, "oursContrastive.ts"),
  ...args,
]);
await using peer = new LineProcess(python, [join(peers, "st_trainer.py"), ...args]);
const contenders = { ours, peer };
const results: Record<keyof typeof contenders, Trained[]> = { ours: [], peer: [] };
const before = await mrrOf(model);
for (let seed = 0; seed < pairs; seed++) {
  const names = Object.keys(contenders) as (keyof typeof contenders)[];
  for (const name of seed % 2 === 0 ? names : names.toReversed()) {
    const output = join(folder, `${name}-${seed}`);
    const { tokens, seconds } = (await contenders[name].ask(JSON.stringify({ seed, output }))) as Omit<Trained, "mrr">;
    const trained = { tokens, seconds, mrr: await mrrOf(output) };
    rmSync(output, { recursive: true });
    results[name].push(trained);
    console.error(
      `  ${seed + 1} ${name}: ${seconds.toFixed(1)} s, ${rateOf(trained).toFixed(0)} tokens/s, ${trained.mrr.toFixed(4)}`,
    );
  }
}
const counts = new Set(Object.values(results).flatMap((runs) => runs.map(({ tokens }) => tokens)));
if (counts.size > 1) throw new Error(`bench: expected the same tokens for both, got ${[...counts].join(", ")}`);

report.note(
  "what was trained",
  `${numPairs} pairs, one epoch in batches of ${BATCH}, ${[...counts][0]} tokens without padding`,
);
report.ratio(
  "tokens/s / sentence-transformers' trainer",
  summarize(results.ours.map((trained, pair) => rateOf(trained) / rateOf(results.peer[pair]!))),
  1,
);
report.note("mrr_at_10 on pairs.test before", before.toFixed(4));
for (const [name, runs] of Object.entries(results)) {
  report.note(`${name}: tokens/s`, runs.map((trained) => rateOf(trained).toFixed(0)).join(", "));
  report.note(`${name}: mrr_at_10 on pairs.test after`, runs.map(({ mrr }) => mrr.toFixed(4)).join(", "));
}
report.save(`BENCH_EXAMPLES=${numPairs} BENCH_PAIRS=${pairs} npm run bench -- contrastive`);
rmSync(folder, { recursive: true, force: true });

function rateOf({ tokens, seconds }: Trained): number {
  return tokens / seconds;
}
