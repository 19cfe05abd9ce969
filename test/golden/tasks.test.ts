/**
 * @file Every task's loss, outputs and gradients against PyTorch, whole and cut into stages, on every engine. The gradients are those
 * of a traced graph; trainingGradients.test.ts has those of the stages that train.
 *
 * Expected values: test/fixtures/tasks, written by tools/oracles/task_models.py (versions and seed in versions.json there), and,
 * where they are, the BERT folders of ../shared/golden.
 */
import { createReferenceEngine, type Engine, type HostTensor } from "@stagecoach/engine";
import { graphOf, nameOf } from "@stagecoach/graph";
import {
  checkpointNameOf,
  readDropoutRates,
  readLabels,
  taskConfigFields,
  taskParameters,
  trainingStageGraph,
  type LayerRange,
} from "@stagecoach/transformer";
import { jsonReader, openSafetensors } from "@stagecoach/transformer/node";
import { readdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fixtures, missing, shared } from "../harness/paths.ts";
import { compareDropout, compareTask, openTask, type TaskComparison } from "./compareTask.ts";
import { engines } from "./engines.ts";
import { goldenTaskBatch } from "./taskBatch.ts";
import { evenStages, runTask } from "./taskPipeline.ts";

const LOSS_TOLERANCE = 1e-6;
const OUTPUT_TOLERANCE = 2e-6;
/** Of the largest absolute gradient in the model. */
const GRADIENT_TOLERANCE = 1e-5;

const own = readdirSync(`${fixtures}tasks`, { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? [entry.name] : [],
);
const withDropout = ["bert-class-weights", "roberta-classification", "distilbert-multi-label"];
const golden = [
  "pretraining",
  "masked-lm",
  "sequence-classification",
  "multi-label",
  "regression",
  "token-classification",
  "question-answering",
  "multiple-choice",
];

describe.each(Object.keys(engines))("tasks on %s", (engineName) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await engines[engineName]!();
  });
  afterAll(() => engine.dispose());

  describe.each([1, 2])("cut into %i stages", (numStages) => {
    test.each(own)("%s: loss, outputs and every gradient are PyTorch's", async (name) => {
      expectAgreement(await compareTask(`${fixtures}tasks/${name}`, engine, { numStages }));
    });
  });

  describe.each([1, 2, 4])("cut into %i stages", (numStages) => {
    const absent = missing(`${shared}golden`);
    test.skipIf(absent).each(golden)(
      `golden/%s, another program's model, agrees (${absent ?? "present"})`,
      async (name) => {
        // transformers' loss of a span counts padding in, so the padding has to be there.
        const withPadding = name === "question-answering";
        expectAgreement(await compareTask(`${shared}golden/${name}`, engine, { numStages, withPadding }));
      },
    );
  });

  test.each(withDropout)(
    "%s: with PyTorch's masks at every site, the loss and gradient are PyTorch's",
    async (name) => {
      const folder = `${fixtures}tasks/${name}`;
      const { loss, gradient, masks } = await compareDropout(folder, engine, await ratesOf(folder));
      expect(masks).toBeGreaterThanOrEqual(6);
      expect(loss).toBeLessThan(LOSS_TOLERANCE);
      expect(gradient).toBeLessThan(GRADIENT_TOLERANCE);
    },
  );
});

test("the rates of dropout are those that transformers reads from config.json", async () => {
  expect(await ratesOf(`${fixtures}tasks/bert-class-weights`)).toEqual({
    hidden: 0.2,
    attention: 0.3,
    classifier: 0.4,
  });
  expect(await ratesOf(`${fixtures}tasks/mpnet-regression`)).toEqual({ hidden: 0.2, attention: 0.3, classifier: 0.2 });
  expect(await ratesOf(`${fixtures}tasks/distilbert-multi-label`)).toEqual({
    hidden: 0.2,
    attention: 0.3,
    classifier: 0.4,
  });
});

describe("dropout with given masks", () => {
  const folder = `${fixtures}tasks/roberta-classification`;

  test("masks of ones give the bytes of no dropout", async () => {
    expect(await lossWith(folder, () => 1)).toBe(await lossWith(folder, null));
  });

  test("a mask of 2 before the classifier's first layer counts what it reads twice", async () => {
    const masked = await lossWith(folder, (site) => (site === "dropout.classifier" ? 2 : 1));
    const weighted = await lossWith(folder, null, (name) => (name === "classifier.dense.weight" ? 2 : 1));
    expect(masked).toBe(weighted);
    expect(masked).not.toBe(await lossWith(folder, null));
  });
});

describe("what transformers saves", () => {
  test.each(own)("%s: config.json has the fields that we write", async (name) => {
    const folder = `${fixtures}tasks/${name}`;
    const config = (await jsonReader(folder)("config.json")) as Record<string, unknown>;
    const model = await modelOf(folder);
    const labels = "numLabels" in model.task ? readLabels(config) : undefined;
    const written = JSON.parse(JSON.stringify(taskConfigFields(model, labels))) as object;
    expect(config).toMatchObject(written);
    expect(Object.keys(written)).toContain("architectures");
  });

  test.each(own)("%s: the checkpoint has the names that we write, and no others", async (name) => {
    const folder = `${fixtures}tasks/${name}`;
    const model = await modelOf(folder);
    await using weights = await openSafetensors(folder);
    const written = taskParameters(model).map((each) => checkpointNameOf(model, each.name));
    expect([...new Set(written)].toSorted()).toEqual([...weights.names()].toSorted());
  });
});

function expectAgreement({ loss, outputs, gradients, unmatched }: TaskComparison): void {
  expect(unmatched).toEqual([]);
  expect(loss).toBeLessThan(LOSS_TOLERANCE);
  expect(outputs.size).toBeGreaterThanOrEqual(1);
  for (const [name, error] of outputs) expect(error, name).toBeLessThan(OUTPUT_TOLERANCE);
  expect(gradients).toBeLessThan(GRADIENT_TOLERANCE);
}

async function modelOf(folder: string) {
  await using values = await openSafetensors(`${folder}/golden.safetensors`);
  return (await openTask(folder, values)).model;
}

async function ratesOf(folder: string) {
  return readDropoutRates(await jsonReader(folder)("config.json"), await modelOf(folder));
}

/** The loss on the reference engine. @param mask - value of each site's mask @param factor - of each weight */
async function lossWith(
  folder: string,
  mask: ((site: string) => number) | null,
  factor: (weight: string) => number = () => 1,
): Promise<number> {
  await using values = await openSafetensors(`${folder}/golden.safetensors`);
  const { model, weights } = await openTask(folder, values);
  const { batch } = await goldenTaskBatch(values, model.task, false);
  const [layers] = evenStages(model.config.numLayers, 1) as [LayerRange];
  const dropout = mask === null ? null : { hidden: 0.1, attention: 0.1, classifier: 0.1 };
  const { inputs } = graphOf({ loss: trainingStageGraph(model, layers, { dropout }).outputs["loss"]! });
  const sizes: Record<string, number> = {
    B: batch.lengths.length,
    L: Math.max(...batch.lengths),
    T: batch.inputIds.length,
  };
  const masks = inputs.flatMap((node): [string, HostTensor][] => {
    const name = nameOf(node);
    if (mask === null || !name.startsWith("dropout.")) return [];
    const shape = node.shape.map((dim) => (typeof dim === "number" ? dim : sizes[dim]!));
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(mask(name));
    return [[name, { dtype: "float32", shape, data }]];
  });
  const scaled = Object.entries(weights).map(([name, tensor]): [string, HostTensor] => [
    name,
    { ...tensor, data: Float32Array.from(tensor.data, (value) => value * factor(name)) },
  ]);
  const { outputs } = await runTask({
    engine: createReferenceEngine(),
    model,
    weights: Object.fromEntries(scaled),
    batch,
    stages: [layers],
    options: { dropout },
    masks: Object.fromEntries(masks),
  });
  return outputs["loss"]!.data[0]!;
}
