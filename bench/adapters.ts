/**
 * @file A classifier fine-tuned whole, by low-rank adapters, and by its head alone, also on cached features: accuracy, real tokens per
 * second, memory.
 *
 * `npm run bench -- adapters`; needs a model and the topics data (bench/harness/settings.ts). Each round trains all four on the same texts
 * with the same seed, in turn: batches of 16, at most 128 tokens, AdamW, two threads. Learning rates are what suits each: 5e-5 for all
 * weights, 4e-3 for adapters (rank 8, alpha 16, queries and values; the best of 1e-3, 2e-3, 4e-3 and 8e-3 by a search on 2,000 texts and
 * 500 of dev), 5e-3 for the head. The time of the last one has that in which features are computed.
 *
 * BENCH_EXAMPLES training texts (4000), BENCH_TEST_EXAMPLES to evaluate on (1000), BENCH_EPOCHS (2), BENCH_PAIRS rounds (3).
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Hyperparameters } from "../apps/server/src/jobs/hyperparameters.ts";
import { trainingSettingsSchema } from "../apps/server/src/training/trainingSettings.ts";
import { resident } from "./harness/memory.ts";
import { summarize } from "./harness/pairs.ts";
import { Report } from "./harness/report.ts";
import { dataFile, firstLines, model } from "./harness/settings.ts";
import { NEVER, timedTraining } from "./harness/timedTraining.ts";

type Trained = {
  readonly tokens: number;
  /** Of the steps, and of what computes features before them. */
  readonly seconds: number;
  /** Of the latter alone. */
  readonly featureSeconds: number;
  readonly accuracy: number;
  /** Most memory of the stage's process, in MiB, without what lies in files. */
  readonly memory: number;
};

const examples = Number(process.env["BENCH_EXAMPLES"] ?? 4000);
const testExamples = Number(process.env["BENCH_TEST_EXAMPLES"] ?? 1000);
const epochs = Number(process.env["BENCH_EPOCHS"] ?? 2);
const rounds = Number(process.env["BENCH_PAIRS"] ?? 3);
const folder = mkdtempSync(join(tmpdir(), "stagecoach-bench-"));
const [train, test] = [
  firstLines(folder, "topics.train.jsonl.gz", examples),
  firstLines(folder, "topics.test.jsonl.gz", testExamples),
];
const labels = JSON.parse(readFileSync(dataFile("topics.labels.json"), "utf8")) as string[];

const ways = {
  whole: { learning_rate: 5e-5 },
  adapters: { learning_rate: 4e-3, lora_rank: 8, lora_alpha: 16 },
  head: { learning_rate: 5e-3, freeze: ["base_model"] },
  features: { learning_rate: 5e-3, freeze: ["base_model"], cache_features: true },
} as const satisfies Record<string, Hyperparameters>;
type Way = keyof typeof ways;

const report = new Report("adapters");
const results: Record<Way, Trained[]> = { whole: [], adapters: [], head: [], features: [] };
for (let seed = 0; seed < rounds; seed++) {
  const names = Object.keys(ways) as Way[];
  for (const name of seed % 2 === 0 ? names : names.toReversed()) {
    const trained = await trainOnce(name, seed);
    results[name].push(trained);
    const { seconds, featureSeconds, accuracy, memory } = trained;
    console.error(
      `  ${seed + 1} ${name}: ${seconds.toFixed(2)} s (features ${featureSeconds.toFixed(2)} s), ${rateOf(trained).toFixed(0)} tokens/s, ${accuracy}, ${memory.toFixed(0)} MiB`,
    );
  }
}
report.note("what was trained", `${examples} texts, ${epochs} epochs; measured on ${testExamples}`);
for (const name of ["adapters", "head", "features"] as const)
  report.ratio(
    `tokens/s: ${name} / whole`,
    summarize(results[name].map((each, round) => rateOf(each) / rateOf(results.whole[round]!))),
    1,
  );
report.ratio(
  "epochs/s: head on cached features / head",
  summarize(results.features.map((each, round) => results.head[round]!.seconds / (each.seconds - each.featureSeconds))),
  1,
);
for (const [name, runs] of Object.entries(results)) {
  report.note(`${name}: accuracy`, runs.map(({ accuracy }) => accuracy.toFixed(3)).join(", "));
  report.note(`${name}: most memory of the stage, MiB`, runs.map(({ memory }) => memory.toFixed(0)).join(", "));
}
report.save(
  `BENCH_EXAMPLES=${examples} BENCH_TEST_EXAMPLES=${testExamples} BENCH_EPOCHS=${epochs} BENCH_PAIRS=${rounds} npm run bench -- adapters`,
);
rmSync(folder, { recursive: true, force: true });

async function trainOnce(name: Way, seed: number): Promise<Trained> {
  const settings = trainingSettingsSchema.parse({
    task: "sequence-classification",
    model,
    data: { path: train },
    evaluation_data: { path: test },
    head: { labels },
    replace_head: true,
    threads: 2,
    seed,
    hyperparameters: {
      n_epochs: epochs,
      batch_size: 16,
      max_length: 128,
      micro_batches: "by-length",
      eval_steps: NEVER,
      checkpoint_steps: NEVER,
      ...ways[name],
    },
  });
  let [accuracy, memory] = [Number.NaN, 0];
  let [begun, computed] = [0, 0];
  const before = resident(process.pid).anonymous;
  const timed = await timedTraining(settings, {
    onEvent(event) {
      if (event.type === "prepared") begun = performance.now();
      if (event.type === "caching") computed = performance.now();
      if (event.type === "evaluation") accuracy = event.evaluation.metrics["accuracy"] ?? Number.NaN;
      if (event.type === "step" && event.step % 10 === 0)
        memory = Math.max(memory, (resident(process.pid).anonymous - before) / 2 ** 20);
    },
  });
  const featureSeconds = Math.max(0, computed - begun) / 1000;
  return { ...timed, seconds: timed.seconds + featureSeconds, featureSeconds, accuracy, memory };
}

function rateOf({ tokens, seconds }: Trained): number {
  return tokens / seconds;
}
