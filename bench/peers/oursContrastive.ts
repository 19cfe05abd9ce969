/**
 * @file Ours: what `stagecoach train --data pairs.jsonl --stages 1` does, behind the line protocol of the peers.
 *
 * usage: oursContrastive.ts MODEL_DIR TRAIN.jsonl BATCH THREADS
 * `{"seed", "output"}` in; tokens and seconds out, and the model in the output folder. As for the peer, the time is that of the steps.
 */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pino } from "pino";
import { workerPipelines } from "../../apps/server/src/training/openTrainingPipeline.ts";
import { runTrainingJob, type JobEvent } from "../../apps/server/src/training/runJob.ts";
import { trainingSettingsSchema } from "../../apps/server/src/training/trainingSettings.ts";

const [model, train, batch, threads] = process.argv.slice(2);
/** More steps than any run has: checkpoints come at the end alone. */
const NEVER = 1_000_000;

async function run({ seed, output }: { readonly seed: number; readonly output: string }) {
  const folder = mkdtempSync(join(tmpdir(), "stagecoach-bench-"));
  let [begun, ended, tokens] = [0, 0, 0];
  const note = (event: JobEvent) => {
    // The checkpoint of step 0 comes last before the first step.
    if (event.type === "checkpoint" && event.step === 0) begun = performance.now();
    if (event.type === "step") [ended, tokens] = [performance.now(), event.trainedTokens];
  };
  const settings = trainingSettingsSchema.parse({
    task: "sentence-embedding",
    model: model!,
    data: { path: train! },
    threads: Number(threads),
    seed,
    // What the trainer of the peer is given; the rest are the defaults of both.
    hyperparameters: {
      n_epochs: 1,
      batch_size: Number(batch),
      learning_rate: 2e-5,
      warmup_ratio: 0.1,
      weight_decay: 0.01,
      // What is fastest on one stage; the default is as good on several.
      micro_batches: "by-length",
      checkpoint_steps: NEVER,
    },
  });
  try {
    const openPipeline = workerPipelines({ log: pino({ level: "warn" }, pino.destination(2)) });
    await runTrainingJob(settings, { folder, openPipeline, onEvent: note });
    cpSync(join(folder, "model"), output, { recursive: true });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return { tokens, seconds: (ended - begun) / 1000 };
}

for await (const line of createInterface({ input: process.stdin }))
  console.log(JSON.stringify(await run(JSON.parse(line) as Parameters<typeof run>[0])));
