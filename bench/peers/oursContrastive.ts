/**
 * @file Ours: what `stagecoach train --data pairs.jsonl --stages 1` does, behind the line protocol of the peers.
 *
 * usage: oursContrastive.ts MODEL_DIR TRAIN.jsonl BATCH THREADS
 * `{"seed", "output"}` in; tokens and seconds out, and the model in the output folder. As for the peer, the time is that of the steps.
 */
import { cpSync } from "node:fs";
import { createInterface } from "node:readline";
import { trainingSettingsSchema } from "../../apps/server/src/training/trainingSettings.ts";
import { NEVER, timedTraining } from "../harness/timedTraining.ts";

const [model, train, batch, threads] = process.argv.slice(2);
function run({ seed, output }: { readonly seed: number; readonly output: string }) {
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
  return timedTraining(settings, { onModel: (folder) => cpSync(folder, output, { recursive: true }) });
}

for await (const line of createInterface({ input: process.stdin }))
  console.log(JSON.stringify(await run(JSON.parse(line) as Parameters<typeof run>[0])));
