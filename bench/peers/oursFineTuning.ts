/**
 * @file Ours: what `stagecoach train --task sequence-classification --stages 1` does, behind the line protocol of the peers.
 *
 * usage: oursFineTuning.ts MODEL_DIR TRAIN.jsonl TEST.jsonl LABELS.json EPOCHS THREADS
 * A seed in; tokens, seconds and accuracy out. The stage is a worker process, as it is for the command. As for the peer, the
 * time is that of the steps: reading the data, compiling, checkpoints and the evaluation at the end are not in it.
 */
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { trainingSettingsSchema } from "../../apps/server/src/training/trainingSettings.ts";
import { NEVER, timedTraining } from "../harness/timedTraining.ts";

const [model, train, test, labelsFile, epochs, threads] = process.argv.slice(2);
const labels = JSON.parse(readFileSync(labelsFile!, "utf8")) as string[];
const settingsOf = (seed: number) =>
  trainingSettingsSchema.parse({
    task: "sequence-classification",
    model: model!,
    data: { path: train! },
    evaluation_data: { path: test! },
    head: { labels },
    replace_head: true,
    threads: Number(threads),
    seed,
    // What the Trainer of the peer is given; the rest are the defaults of both.
    hyperparameters: {
      n_epochs: Number(epochs),
      batch_size: 16,
      learning_rate: 5e-5,
      warmup_ratio: 0.1,
      weight_decay: 0.01,
      max_length: 128,
      // What is fastest on one stage; the default is as good on several.
      micro_batches: "by-length",
      eval_steps: NEVER,
      checkpoint_steps: NEVER,
    },
  });

async function run(seed: number): Promise<Record<string, number>> {
  let accuracy = Number.NaN;
  const timed = await timedTraining(settingsOf(seed), {
    onEvent(event) {
      if (event.type === "evaluation") accuracy = event.evaluation.metrics["accuracy"] ?? Number.NaN;
    },
  });
  return { ...timed, accuracy };
}

for await (const line of createInterface({ input: process.stdin }))
  console.log(JSON.stringify(await run(Number(line))));
