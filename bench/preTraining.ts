/**
 * @file A small BERT pre-trained from scratch by us and by PyTorch: the same weights at the start, the same batches.
 *
 * `npm run bench -- preTraining`; needs the peers of `npm run bench:peers` and the documents data (bench/harness/settings.ts). A
 * vocabulary is trained first, by `stagecoach tokenizer train`. Then both train masked-LM and next-sentence prediction, block by
 * block in turn: 4 layers of 128, batches of 32 pairs of at most 128 tokens, AdamW, a linear schedule with warm-up, two threads, and
 * no dropout, so that both should draw one curve. Ours computes scores of masked tokens only, transformers' model of all tokens.
 *
 * BENCH_MINUTES (10) that both take together for their steps, or BENCH_STEPS; BENCH_DOCUMENTS to train on (all 19,645),
 * BENCH_DEV_DOCUMENTS to evaluate on (400), BENCH_LEARNING_RATE (0.001), BENCH_PAIRS blocks (20). Curves are written to
 * bench/results/preTraining.svg. Besides the steps, the vocabulary, the instances and the evaluation take about 4 minutes.
 */
import { curveSvg, type CurvePanel } from "@stagecoach/training";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stagecoach } from "../test/harness/startServer.ts";
import { LineProcess } from "./harness/lineProcess.ts";
import { alternate, summarize } from "./harness/pairs.ts";
import { Report } from "./harness/report.ts";
import { dataFile, expectThere, python, readLines, results } from "./harness/settings.ts";
import type { Block } from "./harness/stepGate.ts";

const [THREADS, BATCH] = ["2", "32"];
const VOCABULARY = 8000;
const CALIBRATION_STEPS = 8;
const number = (name: string, standard: number) => Number(process.env[name] ?? standard);
const minutes = number("BENCH_MINUTES", 10);
const pairs = number("BENCH_PAIRS", 20);
const learningRate = number("BENCH_LEARNING_RATE", 1e-3);
const peers = fileURLToPath(new URL("peers/", import.meta.url));
expectThere(python, "a Python with the peers (npm run bench:peers); set BENCH_PYTHON");

const folder = mkdtempSync(join(tmpdir(), "stagecoach-bench-"));
const model = join(folder, "model");
const train = documents("train", number("BENCH_DOCUMENTS", Infinity));
const dev = documents("dev", number("BENCH_DEV_DOCUMENTS", 400));
const report = new Report("preTraining");
await trainVocabulary();
await using ours = new LineProcess(process.execPath, [
  "--conditions=@stagecoach/source",
  join(peers, "oursPreTraining.ts"),
  model,
  train,
  dev,
  BATCH,
  String(learningRate),
  THREADS,
]);
await using pytorch = new LineProcess(python, [join(peers, "torch_pretraining.py"), model, THREADS]);
const curves: Record<"ours" | "PyTorch", number[]> = { ours: [], PyTorch: [] };

const steps = number("BENCH_STEPS", await countSteps());
const { examples, evaluated } = await plan("run", steps);
const blockSteps = Math.ceil(steps / pairs);
const { ratio, a, b } = await alternate(
  () => block("ours"),
  () => block("PyTorch"),
  {
    pairs: Math.ceil(steps / blockSteps),
    onPair: (pair, [own, peer]) => {
      const [loss, other] = [curves.ours.at(-1)!, curves.PyTorch.at(-1)!].map((each) => each.toFixed(4));
      console.error(`  ${pair + 1}: ${own.toFixed(0)} and ${peer.toFixed(0)} tokens/s; loss ${loss} and ${other}`);
    },
  },
);
const [own, peer] = [await ours.ask("evaluate"), await pytorch.ask("evaluate")];

report.note("what was trained", `${steps} steps of ${BATCH} pairs of segments, of ${examples} made; 4 layers of 128`);
report.ratio("tokens/s / PyTorch eager, same batches", ratio, 1.0);
report.note(
  "tokens/s, ours and PyTorch (median of blocks)",
  [a, b].map((rates) => summarize(rates).median.toFixed(0)).join(" and "),
);
report.note(
  "loss of the first step, ours and PyTorch",
  [curves.ours, curves.PyTorch].map((losses) => losses[0]!.toFixed(6)).join(" and "),
);
report.note(
  "loss of the last twentieth of the steps, ours and PyTorch",
  [curves.ours, curves.PyTorch].map((losses) => mean(losses.slice(-Math.ceil(steps / 20))).toFixed(4)).join(" and "),
);
const apart = curves.ours.map((loss, step) => Math.abs(loss - curves.PyTorch[step]!));
report.note(
  "losses apart: largest of the first 20 steps, mean of all",
  `${Math.max(...apart.slice(0, 20)).toExponential(1)}, ${mean(apart).toExponential(1)}`,
);
for (const [claim, key] of [
  ["masked accuracy", "masked_lm_accuracy"],
  ["next-sentence accuracy", "next_sentence_accuracy"],
] as const) {
  report.note(
    `${claim} on ${evaluated} pairs of dev, ours and PyTorch`,
    `${own[key]!.toFixed(4)} and ${peer[key]!.toFixed(4)}`,
  );
  report.atMost(`${claim}, apart`, Math.abs(own[key]! - peer[key]!), { limit: 0.01, unit: "of accuracy" });
}
mkdirSync(results, { recursive: true });
writeFileSync(join(results, "preTraining.svg"), curveSvg(panels()));
report.save(
  `BENCH_STEPS=${steps} BENCH_PAIRS=${pairs} BENCH_LEARNING_RATE=${learningRate} npm run bench -- preTraining`,
);
rmSync(folder, { recursive: true, force: true });

function documents(part: "train" | "dev", count: number): string {
  const path = join(folder, `documents.${part}.jsonl`);
  writeFileSync(
    path,
    `${readLines(dataFile(`documents.${part}.jsonl.gz`))
      .slice(0, count)
      .join("\n")}\n`,
  );
  return path;
}

/** The model's folder: a tokenizer and a config, no weights. */
async function trainVocabulary(): Promise<void> {
  const path = join(folder, "documents.txt");
  const rows = readLines(train).map((line) => JSON.parse(line) as { readonly paragraphs: readonly string[] });
  writeFileSync(path, `${rows.flatMap(({ paragraphs }) => paragraphs).join("\n")}\n`);
  const started = performance.now();
  const { code, stderr } = await stagecoach(
    ["tokenizer", "train", path, "--output", model, "--vocab-size", String(VOCABULARY)],
    { timeoutMs: 600_000 },
  );
  if (code !== 0) throw new Error(`bench: no vocabulary was trained:\n${stderr}`);
  const tokenizer = JSON.parse(readFileSync(join(model, "tokenizer.json"), "utf8")) as { model: { vocab: object } };
  const size = Object.keys(tokenizer.model.vocab).length;
  report.note("vocabulary", `${size} WordPieces in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  writeFileSync(join(model, "config.json"), `${JSON.stringify(configOf(size), null, 2)}\n`);
}

function configOf(vocabSize: number): object {
  return {
    architectures: ["BertForPreTraining"],
    model_type: "bert",
    vocab_size: vocabSize,
    hidden_size: 128,
    num_hidden_layers: 4,
    num_attention_heads: 2,
    intermediate_size: 512,
    hidden_act: "gelu",
    hidden_dropout_prob: 0,
    attention_probs_dropout_prob: 0,
    max_position_embeddings: 128,
    type_vocab_size: 2,
    initializer_range: 0.02,
    layer_norm_eps: 1e-12,
    pad_token_id: 0,
    tie_word_embeddings: true,
  };
}

async function plan(name: string, numSteps: number): Promise<Record<string, number>> {
  const files = join(folder, name);
  mkdirSync(files);
  const facts = await ours.ask(`plan ${files} ${numSteps}`);
  await pytorch.ask(`plan ${files}`);
  return facts;
}

/** As many as both make in the minutes, by what a few take. */
async function countSteps(): Promise<number> {
  await plan("calibration", 2 * CALIBRATION_STEPS);
  let seconds = 0;
  for (const trainer of [ours, pytorch]) {
    await trainer.ask(`run ${CALIBRATION_STEPS}`);
    seconds += (await trainer.ask(`run ${CALIBRATION_STEPS}`))["seconds"]!;
  }
  return Math.max(CALIBRATION_STEPS, Math.round((60 * minutes * CALIBRATION_STEPS) / seconds));
}

/** @returns tokens per second of the next steps */
async function block(name: keyof typeof curves): Promise<number> {
  const answer = await (name === "ours" ? ours : pytorch).ask(`run ${blockSteps}`);
  const { tokens, seconds, losses } = answer as unknown as Block;
  curves[name].push(...losses);
  return tokens / seconds;
}

/** Lines that cover each other look like one: their difference has a panel of its own. */
function panels(): CurvePanel[] {
  const lineOf = (name: string, values: readonly number[]) => ({
    name,
    points: values.map((value, step) => ({ step: step + 1, value })),
  });
  const difference = curves.ours.map((loss, step) => loss - curves.PyTorch[step]!);
  return [
    { title: "Pre-training loss", lines: Object.entries(curves).map(([name, losses]) => lineOf(name, losses)) },
    { title: "Difference of the losses", lines: [lineOf("ours - PyTorch", difference)] },
  ];
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
