/**
 * @file A task model on an engine, held against the loss, outputs and gradients that PyTorch computed for it
 * (tools/oracles/task_models.py, golden/make_golden.py).
 */
import { hostParameters, runToHost, type Engine, type HostTensor } from "@stagecoach/engine";
import {
  checkpointNameOf,
  paddingRows,
  readTask,
  resolveTaskCheckpointNames,
  stageGraph,
  trainingStageInputs,
  type DropoutRates,
  type HiddenTrainingBatch,
  type TaskModel,
  type TrainingBatch,
  type WeightSource,
} from "@stagecoach/transformer";
import { jsonReader, openModelFolder, openSafetensors } from "@stagecoach/transformer/node";
import { largestError } from "./compareEncoder.ts";
import { goldenTaskBatch, type GoldenTaskBatch } from "./taskBatch.ts";
import { evenStages, runTask, type TaskRun } from "./taskPipeline.ts";

export type TaskComparison = {
  readonly loss: number;
  /** Largest absolute error of each output. */
  readonly outputs: ReadonlyMap<string, number>;
  /** Largest absolute error of any gradient, as a share of the largest absolute gradient of the model. */
  readonly gradients: number;
  /** Names of gradients that one side has and the other has not. */
  readonly unmatched: readonly string[];
};

export type CompareTaskOptions = {
  readonly numStages: number;
  /** PyTorch's loss has seen the padding. */
  readonly withPadding?: boolean;
};

/** @throws when the folder has no task */
export async function compareTask(
  folder: string,
  engine: Engine,
  { numStages, withPadding = false }: CompareTaskOptions,
): Promise<TaskComparison> {
  await using golden = await openSafetensors(`${folder}/golden.safetensors`);
  const { model, weights } = await openTask(folder, golden);
  const packed = await goldenTaskBatch(golden, model.task, withPadding);
  const stages = evenStages(model.config.numLayers, numStages);
  const options = { dropout: null, withPaddingRows: withPadding };
  const run = { engine, model, weights, batch: packed.batch, stages, options };
  const { outputs, gradients } = await runTask(run);
  const served = withPadding ? {} : await serve(run);
  const expected = await expectedOutputs(golden, packed, model);
  const given = { ...outputs, ...served };
  return {
    loss: Math.abs(outputs["loss"]!.data[0]! - (await golden.readFloat32("output.loss"))[0]!),
    outputs: new Map(
      [...expected].flatMap(([name, values]) => {
        const output = given[name];
        return output === undefined ? [] : [[name, largestError(output.data, values)]];
      }),
    ),
    ...(await compareGradients(golden, model, withoutPadding(gradients, model))),
  };
}

/** A training step with PyTorch's own dropout masks: errors of the loss and of the gradient of the word embeddings. */
export async function compareDropout(
  folder: string,
  engine: Engine,
  rates: DropoutRates,
): Promise<{ readonly loss: number; readonly gradient: number; readonly masks: number }> {
  await using golden = await openSafetensors(`${folder}/golden.safetensors`);
  const { model, weights } = await openTask(folder, golden);
  const packed = await goldenTaskBatch(golden, model.task, false);
  const masks: Record<string, HostTensor> = {};
  for (const name of golden.names().filter((each) => each.startsWith("dropout.mask."))) {
    const { shape } = golden.entry(name);
    const data = await golden.readFloat32(name);
    masks[name.replace("dropout.mask.", "dropout.")] = packedMask({ shape, data }, packed);
  }
  const stages = evenStages(model.config.numLayers, 2);
  const run = { engine, model, weights, batch: packed.batch, stages, options: { dropout: rates }, masks };
  const { outputs, gradients } = await runTask(run);
  const expected = await golden.readFloat32("dropout.grad");
  const largest = Math.max(...expected.map(Math.abs));
  return {
    loss: Math.abs(outputs["loss"]!.data[0]! - (await golden.readFloat32("dropout.loss"))[0]!),
    gradient: largestError(gradients.get("embeddings.word_embeddings.weight")!, expected) / largest,
    masks: Object.keys(masks).length,
  };
}

export async function openTask(
  folder: string,
  golden: WeightSource,
): Promise<{ readonly model: TaskModel; readonly weights: Readonly<Record<string, HostTensor>> }> {
  await using opened = await openModelFolder(folder);
  const task = readTask(await jsonReader(folder)("config.json"));
  if (task === null) throw new Error(`${folder}: expected a model with a task`);
  const classWeights = golden.has("class_weights")
    ? { classWeights: [...(await golden.readFloat32("class_weights"))] }
    : {};
  const model: TaskModel = { ...opened.model, task: { ...task, ...classWeights } };
  const { encoder } = opened.weights;
  const { names } = resolveTaskCheckpointNames(model, {
    names: () => encoder.names(),
    shapeOf: (name) => encoder.entry(name).shape,
  });
  const weights: Record<string, HostTensor> = {};
  for (const [name, stored] of names) {
    const { shape } = encoder.entry(stored);
    weights[name] = { dtype: "float32", shape, data: await encoder.readFloat32(stored) };
  }
  return { model, weights };
}

/** The outputs of stageGraph, cut into the same stages. */
async function serve({ engine, model, weights, batch, stages }: TaskRun): Promise<Record<string, HostTensor>> {
  let arriving: TrainingBatch | HiddenTrainingBatch = batch;
  let outputs: Record<string, HostTensor> = {};
  for (const layers of stages) {
    const graph = stageGraph(model, layers, { task: model.task });
    const executable = await engine.compile(graph, hostParameters(weights));
    outputs = await runToHost(executable, trainingStageInputs(model, graph.inputs, arriving));
    await executable.dispose();
    const hidden = outputs["last_hidden_state"];
    if (hidden !== undefined)
      arriving = { hidden: Float32Array.from(hidden.data), lengths: batch.lengths, targets: batch.targets };
  }
  return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [`served ${name}`, tensor]));
}

/** What PyTorch's outputs say about ours, by our names; `served` are those of stageGraph. */
async function expectedOutputs(
  golden: WeightSource,
  { places, batch }: GoldenTaskBatch,
  { config }: TaskModel,
): Promise<Map<string, ArrayLike<number>>> {
  const expected = new Map<string, ArrayLike<number>>();
  const both = (name: string, values: ArrayLike<number>) => expected.set(name, values).set(`served ${name}`, values);
  const read = (name: string) => golden.readFloat32(`output.${name}`);
  const maskedLm = ["prediction_logits", "logits"].find(
    (name) => golden.has(`output.${name}`) && golden.entry(`output.${name}`).shape.at(-1) === config.vocabSize,
  );
  if (golden.has("output.start_logits")) {
    const [start, end] = await Promise.all([read("start_logits"), read("end_logits")]);
    both(
      "logits",
      places.flatMap((place) => [start[place]!, end[place]!]),
    );
  } else if (golden.has("output.logits") && maskedLm === undefined) {
    const logits = await read("logits");
    const { shape } = golden.entry("output.logits");
    const C = shape.at(-1)!;
    both("logits", shape.length === 3 ? rowsOf(logits, places, C) : logits);
  }
  if (golden.has("output.seq_relationship_logits")) both("next_sentence_logits", await read("seq_relationship_logits"));
  if (maskedLm !== undefined) {
    const V = config.vocabSize;
    const rows = [...batch.targets["masked_rows"]!.data].map((row) => places[row]!);
    const logits_MV = rowsOf(await read(maskedLm), rows, V);
    const labels = batch.targets["masked_labels"]!.data;
    const each = rows.map((_, index) => logits_MV.slice(index * V, (index + 1) * V));
    expected.set("served masked_lm_logits", logits_MV);
    expected.set(
      "masked_lm_loss",
      each.map((row, index) => logSumExp(row) - row[labels[index]!]!),
    );
    expected.set(
      "masked_lm_correct",
      each.map((row, index) => Number(row[labels[index]!] === Math.max(...row))),
    );
  }
  return expected;
}

const rowsOf = (values: Float32Array, rows: readonly number[], width: number): number[] =>
  rows.flatMap((row) => [...values.subarray(row * width, (row + 1) * width)]);

const logSumExp = (row: readonly number[]): number =>
  Math.log(row.reduce((total, value) => total + Math.exp(value), 0));

/** torch.nn.Embedding takes no gradient at padding_idx. */
function withoutPadding(
  gradients: ReadonlyMap<string, Float64Array>,
  model: TaskModel,
): ReadonlyMap<string, Float64Array> {
  const D = model.config.hiddenSize;
  for (const [name, row] of Object.entries(paddingRows(model))) gradients.get(name)?.fill(0, row * D, (row + 1) * D);
  return gradients;
}

/** @param gradients - by the names of graphs; those of weights that are one in the checkpoint are added up */
export async function compareGradients(
  golden: WeightSource,
  model: TaskModel,
  gradients: ReadonlyMap<string, Float64Array>,
): Promise<Pick<TaskComparison, "gradients" | "unmatched">> {
  const actual = new Map<string, Float64Array>();
  for (const [name, gradient] of gradients) {
    const stored = checkpointNameOf(model, name);
    const sofar = actual.get(stored);
    actual.set(stored, sofar === undefined ? gradient : sofar.map((value, index) => value + gradient[index]!));
  }
  const names = golden.names().filter((name) => name.startsWith("grad."));
  let [worst, largest] = [0, 0];
  for (const name of names) {
    const expected = await golden.readFloat32(name);
    largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), largest);
    const own = actual.get(name.slice("grad.".length));
    if (own !== undefined) worst = Math.max(worst, largestError(own, expected));
  }
  const expectedNames = new Set(names.map((name) => name.slice("grad.".length)));
  const unmatched = [...expectedNames, ...actual.keys()].filter(
    (name) => !expectedNames.has(name) || !actual.has(name),
  );
  return { gradients: worst / largest, unmatched };
}

/** A mask of PyTorch's padded tensors for packed ones; attention's weights are padded on both sides. */
function packedMask(
  { shape, data }: { readonly shape: readonly number[]; readonly data: Float32Array },
  { places, size }: GoldenTaskBatch,
): HostTensor {
  const isOfTokens = shape.length === 3 && shape[0] === size.numTexts && shape[1] === size.width;
  if (!isOfTokens) return { dtype: "float32", shape, data };
  const D = shape[2]!;
  return { dtype: "float32", shape: [places.length, D], data: Float32Array.from(rowsOf(data, places, D)) };
}
