/**
 * @file Splitting changes no byte of training: losses, gradient norms, parameters and moments of stage workers behind
 * WebSockets equal those of one stage in one process, for every number of stages and every schedule, dropout included.
 */
import {
  adamWDefaults,
  clippingScale,
  LocalPipeline,
  type StageSettings,
  type TrainingPipeline,
} from "@stagecoach/training";
import { loadTrainingStage, restoreStage, saveStage } from "@stagecoach/training/node";
import { comparesWholeStep, type LoraOptions, type Task } from "@stagecoach/transformer";
import { openSafetensors } from "@stagecoach/transformer/node";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { openWorkerPipeline } from "../../apps/server/src/training/openWorkerPipeline.ts";
import { afterAll, describe, expect, test } from "vitest";
import { tinyEncoder } from "../harness/paths.ts";
import { madeBatch } from "../harness/trainingBatches.ts";

const scratch = mkdtempSync(join(tmpdir(), "stagecoach-parity-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const tasks = {
  "sequence-classification": {
    name: "sequence-classification",
    problemType: "single_label_classification",
    numLabels: 3,
  },
  pretraining: { name: "pretraining" },
  "sentence-embedding": {
    name: "sentence-embedding",
    loss: { name: "in-batch-negatives", similarity: "cosine", scale: 20 },
    numTexts: 2,
    dimensions: [32, 8],
  },
} as const satisfies Record<string, Task>;
const lora: LoraOptions = {
  rank: 2,
  alpha: 4,
  modules: [0, 1, 2, 3].map((layer) => `encoder.layer.${layer}.attention.self.query`),
  saved: ["classifier"],
};
/** What is trained; adapters beside frozen layers by the task of their head. */
const cases = {
  "sequence-classification": "sequence-classification",
  pretraining: "pretraining",
  "sentence-embedding": "sentence-embedding",
  adapters: "sequence-classification",
} as const satisfies Record<string, keyof typeof tasks>;
type CaseName = keyof typeof cases;

const settingsOf = (name: CaseName, recompute = false): StageSettings => ({
  task: tasks[cases[name]],
  dropout: { hidden: 0.1, attention: 0.1, classifier: 0.1, lora: 0.1 },
  seed: 11,
  optimizer: adamWDefaults,
  ...(name === "adapters" ? { lora, freeze: ["^(?!classifier|.*lora_)"] } : { freeze: [] }),
  recompute,
  replaceHead: false,
});

const NUM_STEPS = 4;
const engine = "onnxruntime";
const threads = 1;

type Outcome = { readonly numbers: readonly number[]; readonly state: ReadonlyMap<string, Uint8Array> };

async function train(pipeline: TrainingPipeline, name: CaseName, numMicroBatches: number): Promise<Outcome> {
  const numbers: number[] = [];
  for (let step = 1; step <= NUM_STEPS; step++) {
    const microBatches = Array.from({ length: numMicroBatches }, (_, index) =>
      madeBatch({
        seed: step,
        vocabSize: 200,
        maxLength: 17,
        numTexts: 1 + index,
        firstText: step * 100 + index * 10,
        task: cases[name],
      }),
    );
    const { loss, gradientNorm } = await pipeline.accumulate({ step, microBatches });
    numbers.push(loss, gradientNorm);
    await pipeline.apply({ step, learningRate: 1e-3, gradientScale: clippingScale(gradientNorm, 1) });
    const { loss: evaluated, embeddings } = await pipeline.evaluate(microBatches[0]!);
    numbers.push((evaluated ?? embeddings)!.data[0]!);
  }
  return { numbers, state: await stateOf(pipeline) };
}

async function stateOf(pipeline: TrainingPipeline): Promise<ReadonlyMap<string, Uint8Array>> {
  const folder = mkdtempSync(join(scratch, "state-"));
  const state = new Map<string, Uint8Array>();
  for (const file of await pipeline.save(folder)) {
    await using source = await openSafetensors(join(folder, file));
    for (const tensor of source.names()) {
      expect(state.has(tensor), `${tensor} is saved once`).toBe(false);
      state.set(tensor, await source.readBytes(tensor));
    }
  }
  return state;
}

async function openLocal(name: CaseName, recompute = false): Promise<TrainingPipeline> {
  const layers = { start: 0, end: 4 };
  const request = { folder: tinyEncoder, layers, engine, threads, settings: settingsOf(name, recompute) } as const;
  const { stage, shared } = await loadTrainingStage(request);
  return new LocalPipeline({
    stages: [stage],
    shared,
    files: { save: saveStage, restore: restoreStage },
    now: () => 0,
  });
}

const openWorkers = (name: CaseName, numStages: number, schedule: "gpipe" | "1f1b" | "eager-1f1b") =>
  openWorkerPipeline({
    folder: tinyEncoder,
    settings: settingsOf(name),
    numStages,
    engine,
    threads,
    schedule: comparesWholeStep(tasks[cases[name]]) ? "gpipe" : schedule,
    maxMicroBatchTokens: 512,
    log: pino({ level: "silent" }),
  });

const expectEqual = (actual: Outcome, expected: Outcome) => {
  expect(actual.numbers).toEqual(expected.numbers);
  expect([...actual.state.keys()].toSorted()).toEqual([...expected.state.keys()].toSorted());
  for (const [name, bytes] of expected.state) expect(actual.state.get(name), name).toEqual(bytes);
};

/** The case whose graphs have most operations: two heads, tied weights. It is split in every way, the others in those that differ most. */
const everyOperation: CaseName = "pretraining";
const allSplits = [
  [1, "1f1b", 1],
  [2, "1f1b", 1],
  [2, "1f1b", 3],
  [2, "eager-1f1b", 5],
  [3, "1f1b", 5],
  [4, "eager-1f1b", 3],
] as const;

describe.each(Object.keys(cases) as CaseName[])("training %s", (name) => {
  const whole = new Map<number, Promise<Outcome>>();
  const wholeOf = (numMicroBatches: number): Promise<Outcome> => {
    const known =
      whole.get(numMicroBatches) ??
      openLocal(name).then(async (pipeline) => {
        const outcome = await train(pipeline, name, numMicroBatches);
        await pipeline.close();
        return outcome;
      });
    whole.set(numMicroBatches, known);
    return known;
  };

  test.each([...(name === everyOperation ? allSplits : []), [1, "1f1b", 3], [2, "gpipe", 3], [4, "1f1b", 5]] as const)(
    "%i stage workers (%s, %i micro-batches) give the bytes of one stage",
    async (numStages, schedule, m) => {
      const pipeline = await openWorkers(name, numStages, schedule);
      try {
        expectEqual(await train(pipeline, name, m), await wholeOf(m));
      } finally {
        await pipeline.close();
      }
    },
  );

  test("a run repeated gives the same bytes", async () => {
    const again = await openLocal(name);
    expectEqual(await train(again, name, 3), await wholeOf(3));
    await again.close();
  });

  test("activations that are computed again give the same numbers but for rounding: fewer outputs leave more to fuse", async () => {
    const pipeline = await openLocal(name, true);
    const { numbers } = await train(pipeline, name, 3);
    const expected = (await wholeOf(3)).numbers;
    numbers.forEach((value, at) => expect(Math.abs(value / expected[at]! - 1)).toBeLessThan(1e-4));
    await pipeline.close();
  });
});
