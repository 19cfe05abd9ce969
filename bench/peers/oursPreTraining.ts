/**
 * @file Ours: masked-LM and next-sentence pre-training from scratch, in blocks of steps, behind the line protocol of the peers.
 *
 * usage: oursPreTraining.ts MODEL_DIR TRAIN DEV BATCH LEARNING_RATE THREADS
 * A folder with a config and a tokenizer, no weights: those are made first, and written to it for both.
 * `plan FOLDER STEPS`: begin a run; the batches of all its steps and those of the evaluation are written to FOLDER for the peer. `run K`: the next K steps; tokens, seconds, losses. `evaluate` (after the last step): metrics.
 */
import {
  countWarmupSteps,
  learningRateAt,
  runTraining,
  type TrainingDataSet,
  type TrainingEvent,
} from "@stagecoach/training";
import { CheckpointFolder, openInitialParameters, StepLogFile } from "@stagecoach/training/node";
import { checkpointNameOf, taskParameters, type TrainingBatch } from "@stagecoach/transformer";
import { writeSafetensors, type TensorToWrite } from "@stagecoach/transformer/node";
import { once } from "node:events";
import { createWriteStream, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pino } from "pino";
import { openWorkerPipeline } from "../../apps/server/src/training/openWorkerPipeline.ts";
import { planJob } from "../../apps/server/src/training/planJob.ts";
import { prepareData } from "../../apps/server/src/training/prepareData.ts";
import { trainingSettingsSchema } from "../../apps/server/src/training/trainingSettings.ts";
import { StepGate } from "../harness/stepGate.ts";

const [model, train, dev, batchSize, rate, threads] = process.argv.slice(2);
/** More steps than any run has: evaluation and checkpoint come at the end alone. */
const NEVER = 1_000_000_000;
const settings = {
  ...trainingSettingsSchema.parse({
    task: "pretraining",
    model: model!,
    data: { path: train! },
    evaluation_data: { path: dev! },
    columns: { paragraphs: "paragraphs" },
    hyperparameters: {
      batch_size: Number(batchSize),
      // The peer has a step's batch as one.
      micro_batches: 1,
      learning_rate: Number(rate),
      max_length: 128,
      warmup_ratio: 0.1,
    },
  }),
  threads: Number(threads),
};
await writeInitialWeights();
const folder = mkdtempSync(join(tmpdir(), "stagecoach-bench-"));
const data = await prepareData(model!, settings, { folder, onProgress: () => {} });
const plan = await planJob(model!, settings, { ...data, teaching: null });
const { hyperparameters } = plan;

type Run = { readonly gate: StepGate; readonly stop: AbortController; readonly ended: Promise<unknown> };
const current: { run: Run | null } = { run: null };

async function begin(into: string, steps: number): Promise<Record<string, number>> {
  await end();
  const { evaluation } = plan;
  if (evaluation === null) throw new Error("internal: the evaluation data are gone");
  await writeBatches(join(into, "train.jsonl"), stepsOf(plan.train, steps));
  await writeBatches(join(into, "dev.jsonl"), evaluationOf(evaluation.data));
  const gate = new StepGate();
  const stop = new AbortController();
  current.run = {
    gate,
    stop,
    ended: startRun({ into, steps, onEvent: (event) => gate.pass(event), signal: stop.signal }),
  };
  await gate.ready;
  return { examples: plan.train.size, evaluated: evaluation.data.size };
}

type Started = {
  readonly into: string;
  readonly steps: number;
  readonly onEvent: (event: TrainingEvent) => Promise<void>;
  readonly signal: AbortSignal;
};

async function startRun({ into, steps, onEvent, signal }: Started): Promise<void> {
  const { fingerprint, stageSettings, maxMicroBatchTokens, evaluation } = plan;
  const checkpoints = await CheckpointFolder.open(join(into, "checkpoints"), { fingerprint, keep: 1 });
  const log = await StepLogFile.open(join(into, "steps.jsonl"));
  await runTraining({
    openPipeline: () =>
      openWorkerPipeline({
        folder: model!,
        settings: stageSettings,
        numStages: 1,
        engine: settings.engine,
        threads: settings.threads,
        schedule: plan.schedule,
        maxMicroBatchTokens,
        log: pino({ level: "warn" }, pino.destination(2)),
      }),
    data: plan.train,
    evaluation,
    test: null,
    length: { epochs: 1, maxSteps: steps },
    learningRate: { shape: "linear", peak: hyperparameters.learning_rate, warmup: { ratio: 0.1 } },
    maxGradientNorm: hyperparameters.max_grad_norm,
    evaluationSteps: NEVER,
    checkpointSteps: NEVER,
    earlyStopping: null,
    bestMetric: null,
    checkpoints,
    log,
    onEvent,
    signal,
    now: () => performance.now(),
  });
  await log.close();
}

async function end(): Promise<void> {
  const { run } = current;
  run?.stop.abort("cancel");
  void run?.gate.open(NEVER);
  await run?.ended;
}

async function writeInitialWeights(): Promise<void> {
  const task = { name: "pretraining" } as const;
  const initial = await openInitialParameters(model!, { task, seed: settings.seed, replaceHead: false });
  const tensors = new Map<string, TensorToWrite>();
  for (const { name, shape, tiedTo } of taskParameters(initial.model)) {
    if (tiedTo !== undefined) continue;
    const values = async () => (await initial.parameter(name)).data;
    tensors.set(checkpointNameOf(initial.model, name), { dtype: "F32", shape, data: values });
  }
  await writeSafetensors(join(model!, "model.safetensors"), tensors);
  await initial.close();
}

type Line = { readonly batch: TrainingBatch; readonly learningRate: number };

function* stepsOf(set: TrainingDataSet, steps: number): Generator<Line> {
  const schedule = {
    shape: "linear" as const,
    peak: hyperparameters.learning_rate,
    totalSteps: steps,
    warmupSteps: countWarmupSteps({ ratio: 0.1 }, steps),
  };
  for (let [step, epoch, index] = [0, 0, 0]; step < steps; step++) {
    const { microBatches } = set.batch(epoch, index);
    const [batch, ...others] = microBatches;
    if (batch === undefined || others.length > 0)
      throw new Error(`internal: expected a step of one micro-batch, got ${microBatches.length}`);
    yield { batch, learningRate: learningRateAt(schedule, step) };
    if (++index === set.numBatches(epoch)) [epoch, index] = [epoch + 1, 0];
  }
}

function* evaluationOf(set: TrainingDataSet): Generator<Line> {
  for (const { batch } of set.evaluationBatches()) yield { batch, learningRate: 0 };
}

async function writeBatches(path: string, lines: Iterable<Line>): Promise<void> {
  const file = createWriteStream(path);
  for (const { batch, learningRate } of lines) {
    const { inputIds, tokenTypeIds, lengths, targets } = batch;
    const fields = { input_ids: inputIds, token_type_ids: tokenTypeIds, lengths };
    const named = Object.entries(targets).map(([name, { data: values }]) => [name, values] as const);
    const arrays = [...Object.entries(fields), ...named].map(([name, values]) => [name, Array.from(values)] as const);
    const text = JSON.stringify({ learning_rate: learningRate, ...Object.fromEntries(arrays) });
    if (!file.write(`${text}\n`)) await once(file, "drain");
  }
  file.end();
  await once(file, "finish");
}

async function answer(line: string): Promise<unknown> {
  const [command, ...args] = line.split(" ");
  if (command === "plan") return begin(args[0]!, Number(args[1]));
  const { run } = current;
  if (run === null) throw new Error(`${command}: expected a plan first`);
  if (command === "run") return run.gate.open(Number(args[0]));
  void run.gate.open(NEVER);
  await run.ended;
  return run.gate.metrics;
}

for await (const line of createInterface({ input: process.stdin })) console.log(JSON.stringify(await answer(line)));
await end();
data.close();
rmSync(folder, { recursive: true, force: true });
