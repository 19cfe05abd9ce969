/**
 * @file A classifier fine-tuned by us and by the Hugging Face Trainer: real tokens per second, and how good it becomes.
 *
 * `npm run bench -- fineTuning`; needs the peers of `npm run bench:peers`, a model and the topics data (bench/harness/settings.ts).
 * Both train the same texts with the same settings: batches of 16, at most 128 tokens, AdamW, a linear schedule with warm-up, two
 * threads. Each pair trains with the next seed, from 0. The Trainer runs twice: with its own order of batches, and with texts of
 * similar length put together (`group`). Ours packs its batches, so that it needs no such order: it always has the shuffled one.
 *
 * BENCH_EXAMPLES training texts (4000), BENCH_TEST_EXAMPLES to evaluate on (1000), BENCH_EPOCHS (2), BENCH_PAIRS seeds (3).
 * About 20 minutes a pair on two cores, for the accuracy. Rates alone: BENCH_EXAMPLES=400 BENCH_EPOCHS=1 BENCH_PAIRS=10, 12 minutes.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { LineProcess } from "./harness/lineProcess.ts";
import { summarize } from "./harness/pairs.ts";
import { Report } from "./harness/report.ts";
import { dataFile, expectThere, firstLines, model, python } from "./harness/settings.ts";

type Trained = { readonly tokens: number; readonly seconds: number; readonly accuracy: number };

const THREADS = "2";
const examples = Number(process.env["BENCH_EXAMPLES"] ?? 4000);
const testExamples = Number(process.env["BENCH_TEST_EXAMPLES"] ?? 1000);
const epochs = process.env["BENCH_EPOCHS"] ?? "2";
const pairs = Number(process.env["BENCH_PAIRS"] ?? 3);
const peers = fileURLToPath(new URL("peers/", import.meta.url));
expectThere(python, "a Python with the peers (npm run bench:peers); set BENCH_PYTHON");

const folder = mkdtempSync(join(tmpdir(), "stagecoach-bench-"));
const args = [
  model,
  firstLines(folder, "topics.train.jsonl.gz", examples),
  firstLines(folder, "topics.test.jsonl.gz", testExamples),
  dataFile("topics.labels.json"),
  epochs,
  THREADS,
];
/** Three seeds say how good it becomes, and too little of how fast: the two results stand beside each other. */
const report = new Report(pairs < 10 ? "fineTuningAccuracy" : "fineTuning");
await using ours = new LineProcess(process.execPath, [
  "--conditions=@stagecoach/source",
  join(peers, "oursFineTuning.ts"),
  ...args,
]);
await using trainer = new LineProcess(python, [join(peers, "hf_trainer.py"), ...args]);
await using grouping = new LineProcess(python, [join(peers, "hf_trainer.py"), ...args, "group"]);
const contenders = { ours, trainer, grouping };
const results: Record<keyof typeof contenders, Trained[]> = { ours: [], trainer: [], grouping: [] };

for (let seed = 0; seed < pairs; seed++) {
  const names = Object.keys(contenders) as (keyof typeof contenders)[];
  for (const name of seed % 2 === 0 ? names : names.toReversed()) {
    const trained = (await contenders[name].ask(String(seed))) as Trained;
    results[name].push(trained);
    const { seconds, accuracy } = trained;
    console.error(
      `  ${seed + 1} ${name}: ${seconds.toFixed(1)} s, ${rateOf(trained).toFixed(0)} tokens/s, ${accuracy}`,
    );
  }
}
const counts = new Set(Object.values(results).flatMap((runs) => runs.map(({ tokens }) => tokens)));
if (counts.size > 1) throw new Error(`bench: expected the same tokens for all, got ${[...counts].join(", ")}`);

report.note("what was trained", `${examples} texts, ${epochs} epochs, ${[...counts][0]} tokens without padding`);
report.note(
  "order of batches",
  "ours shuffled and packed; the Trainer's shuffled; the Trainer's with `group` by length",
);
report.ratio("tokens/s / Trainer", ratioTo("trainer"), 1.8);
report.ratio("tokens/s / Trainer with `group`", ratioTo("grouping"), 1.0);
for (const [name, runs] of Object.entries(results)) report.note(`${name}: tokens/s`, list(runs.map(rateOf), 0));
for (const [name, runs] of Object.entries(results)) {
  const { mean, standardError } = accuracyOf(runs);
  const spread = Number.isFinite(standardError) ? `, standard error ${standardError.toFixed(4)}` : "";
  const each = list(
    runs.map(({ accuracy }) => accuracy),
    3,
  );
  report.note(`${name}: accuracy on ${testExamples} test texts`, `mean ${mean.toFixed(4)}${spread} (${each})`);
}
expectSameAccuracy("trainer");
expectSameAccuracy("grouping");
report.save(
  `BENCH_EXAMPLES=${examples} BENCH_TEST_EXAMPLES=${testExamples} BENCH_EPOCHS=${epochs} BENCH_PAIRS=${pairs} npm run bench -- fineTuning`,
);
rmSync(folder, { recursive: true, force: true });

function rateOf({ tokens, seconds }: Trained): number {
  return tokens / seconds;
}

function ratioTo(peer: "trainer" | "grouping") {
  return summarize(results.ours.map((trained, pair) => rateOf(trained) / rateOf(results[peer][pair]!)));
}

/** Of the mean over seeds; not a number for one seed. */
function accuracyOf(runs: readonly Trained[]): { readonly mean: number; readonly standardError: number } {
  const mean = runs.reduce((sum, { accuracy }) => sum + accuracy, 0) / runs.length;
  const variance = runs.reduce((sum, { accuracy }) => sum + (accuracy - mean) ** 2, 0) / (runs.length - 1);
  return { mean, standardError: Math.sqrt(variance / runs.length) };
}

/** Means over seeds differ by at most two standard errors of their difference, or by 0.01. */
function expectSameAccuracy(peer: "trainer" | "grouping"): void {
  const [own, other] = [accuracyOf(results.ours), accuracyOf(results[peer])];
  const twice = 2 * Math.hypot(own.standardError, other.standardError);
  const limit = Number(Math.max(0.01, Number.isFinite(twice) ? twice : 0).toFixed(4));
  const shown = Number.isFinite(twice) ? `, two standard errors ${twice.toFixed(4)}` : "";
  const difference = own.mean - other.mean;
  report.note(`accuracy, ours - ${peer}`, `${difference.toFixed(4)}${shown}`);
  report.atMost(`accuracy, ours and ${peer}, apart`, Math.abs(difference), { limit, unit: "of accuracy" });
}

function list(values: readonly number[], digits: number): string {
  return values.map((value) => value.toFixed(digits)).join(", ");
}
