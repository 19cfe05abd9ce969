/** @file A model that our trainer has made of the tiny encoder in a few steps, and what its head gives. */
import { hostParameters, runToHost, type HostTensor } from "@stagecoach/engine";
import { loadEngine } from "@stagecoach/engine/node";
import type { EncodedIds } from "@stagecoach/tokenizer";
import { loadTokenizer } from "@stagecoach/tokenizer/node";
import { openInitialParameters } from "@stagecoach/training/node";
import { readTask, taskParameters, stageGraph, trainingStageInputs, type Target } from "@stagecoach/transformer";
import { jsonReader } from "@stagecoach/transformer/node";
import { join } from "node:path";
import type { Hyperparameters } from "../../apps/server/src/jobs/hyperparameters.ts";
import { openLocalPipeline } from "./openLocalPipeline.ts";
import { runTrainingJob } from "../../apps/server/src/training/runJob.ts";
import { trainingSettingsSchema, type TrainingSettingsInput } from "../../apps/server/src/training/trainingSettings.ts";
import { tinyEncoder } from "./paths.ts";
import { toys, writeToy, writeToyPairs, type ToyName } from "./toyTasks.ts";

type TrainTinyOptions = { readonly numSteps?: number; readonly hyperparameters?: Hyperparameters };

/** @param folder - a new one @returns the model's folder */
export async function trainTinyModel(
  folder: string,
  toy: ToyName,
  { numSteps = 3, hyperparameters = {} }: TrainTinyOptions = {},
): Promise<string> {
  const data = `${folder}.jsonl`;
  writeToy(data, toy, 24);
  return train(folder, { model: tinyEncoder, task: toys[toy].task, data: { path: data }, hyperparameters }, numSteps);
}

/** A model of sentence vectors. @param folder - a new one @param base - the model to start from @returns the model's folder */
export async function trainTinySentences(folder: string, base: string, numSteps = 3): Promise<string> {
  const data = `${folder}.jsonl`;
  writeToyPairs(data, 24);
  return train(folder, { model: base, task: "sentence-embedding", data: { path: data } }, numSteps);
}

async function train(
  folder: string,
  given: Pick<TrainingSettingsInput, "model" | "task" | "data" | "hyperparameters">,
  numSteps: number,
): Promise<string> {
  const settings = trainingSettingsSchema.parse({
    ...given,
    stages: 2,
    threads: 1,
    hyperparameters: {
      max_steps: numSteps,
      batch_size: 8,
      learning_rate: 5e-3,
      warmup_steps: 0,
      ...given.hyperparameters,
    },
  });
  await runTrainingJob(settings, { folder, openPipeline: openLocalPipeline });
  return join(folder, "model");
}

type TextPair = readonly [string, string];
/** What a head reads: a text, two that belong together, or, for multiple choice, such pairs of which one is right. */
export type HeadInput = string | TextPair | readonly TextPair[];

export type HeadOutputs = {
  /** Of each sequence that the input is made of. */
  readonly ids: readonly (readonly number[])[];
  /** By their names in the graph (`logits`), flat; of all tokens where the head reads tokens. */
  readonly outputs: Readonly<Record<string, readonly number[]>>;
};

/** What the head gives for each input alone, as our loader reads the folder. */
export async function serveHead(folder: string, inputs: readonly HeadInput[]): Promise<HeadOutputs[]> {
  const task = readTask(await jsonReader(folder)("config.json"))!;
  const parameters = await openInitialParameters(folder, { task, seed: 0, replaceHead: false });
  if (parameters.missing.length > 0) throw new Error(`missing: ${parameters.missing.join(", ")}`);
  const { model } = parameters;
  const weights: Record<string, HostTensor> = {};
  for (const { name } of taskParameters(model)) weights[name] = await parameters.parameter(name);
  await parameters.close();
  const engine = await loadEngine("onnxruntime", { threads: 1 });
  const graph = stageGraph(model, { start: 0, end: model.config.numLayers }, { task: model.task });
  const executable = await engine.compile(graph, hostParameters(weights));
  const tokenizer = await loadTokenizer(folder);
  const served: HeadOutputs[] = [];
  for (const input of inputs) {
    const sequences = sequencesOf(input).map(([text, pair]) => tokenizer.encodeIds(text, { pair }));
    const outputs = await runToHost(executable, trainingStageInputs(model, graph.inputs, batchOf(sequences)));
    const ofHead = Object.entries(outputs).filter(([name]) => name.endsWith("logits"));
    served.push({
      ids: sequences.map(({ ids }) => [...ids]),
      outputs: Object.fromEntries(ofHead.map(([name, { data }]) => [name, [...data]])),
    });
  }
  await executable.dispose();
  await engine.dispose();
  return served;
}

function sequencesOf(input: HeadInput): readonly (readonly [text: string, pair?: string])[] {
  if (typeof input === "string") return [[input]];
  return isPair(input) ? [input] : input;
}

const isPair = (input: TextPair | readonly TextPair[]): input is TextPair => typeof input[0] === "string";

/** Every token is one to predict, and all sequences are choices of one question: heads take what they read. */
function batchOf(sequences: readonly EncodedIds[]) {
  const concatenated = (parts: readonly Int32Array[]) => Int32Array.from(parts.flatMap((part) => [...part]));
  const inputIds = concatenated(sequences.map(({ ids }) => ids));
  const numbers = (shape: readonly number[], count: number): Target => ({
    dtype: "int32",
    shape,
    data: Int32Array.from({ length: count }, (_, index) => index),
  });
  return {
    inputIds,
    tokenTypeIds: concatenated(sequences.map(({ typeIds }) => typeIds)),
    lengths: Int32Array.from(sequences, ({ ids }) => ids.length),
    targets: {
      masked_rows: numbers([inputIds.length], inputIds.length),
      choice_index: numbers([1, sequences.length], sequences.length),
    },
  };
}
