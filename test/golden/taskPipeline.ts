/** @file A task model cut into stages on one engine: forward, loss, and the backward pass with the gradient of `hidden` handed back. */
import { hostParameters, runToHost, type Engine, type HostTensor } from "@stagecoach/engine";
import { backpropagate, constant, graphOf, input, nameOf, type Tensor } from "@stagecoach/graph";
import {
  trainingStageGraph,
  trainingStageInputs,
  type HiddenTrainingBatch,
  type LayerRange,
  type TaskModel,
  type TrainingBatch,
  type TrainingStageOptions,
} from "@stagecoach/transformer";

export type TaskRun = {
  readonly engine: Engine;
  readonly model: TaskModel;
  /** Values of the weights by the names of graphs. */
  readonly weights: Readonly<Record<string, HostTensor>>;
  readonly batch: TrainingBatch;
  readonly stages: readonly LayerRange[];
  readonly options: TrainingStageOptions;
  /** Dropout's masks by the names of inputs. */
  readonly masks?: Readonly<Record<string, HostTensor>>;
};

export type TaskResult = {
  readonly outputs: Readonly<Record<string, HostTensor>>;
  /** By the names of graphs; a weight that several stages have is summed over them. */
  readonly gradients: ReadonlyMap<string, Float64Array>;
};

export function evenStages(numLayers: number, numStages: number): LayerRange[] {
  const bound = (stage: number) => Math.round((stage * numLayers) / numStages);
  return Array.from({ length: numStages }, (_, stage) => ({ start: bound(stage), end: bound(stage + 1) }));
}

export async function runTask(run: TaskRun): Promise<TaskResult> {
  const { batch, stages } = run;
  const arriving: (TrainingBatch | HiddenTrainingBatch)[] = [batch];
  for (const layers of stages.slice(0, -1)) {
    const { outputs } = trainingStageGraph(run.model, layers, run.options);
    const { hidden } = await compute(run, { hidden: outputs["hidden"]! }, arriving.at(-1)!);
    arriving.push({ hidden: Float32Array.from(hidden!.data), lengths: batch.lengths, targets: batch.targets });
  }
  const gradients = new Map<string, Float64Array>();
  let lastOutputs: Record<string, HostTensor> = {};
  let fromNext: HostTensor | null = null;
  for (let stage = stages.length - 1; stage >= 0; stage--) {
    const traced = trainingStageGraph(run.model, stages[stage]!, run.options);
    const sources = traced.hidden === null ? traced.parameters : [...traced.parameters, traced.hidden];
    const { hidden } = traced.outputs;
    const towards =
      hidden === undefined
        ? { output: traced.outputs["loss"]!, gradient: constant(1) }
        : { output: hidden, gradient: input("gradient.hidden", hidden.shape, "float32") };
    const derived = backpropagate([towards], sources);
    const wanted = Object.fromEntries(
      sources.map((source, index) => [`gradient of ${nameOf(source)}`, derived[index]!]),
    );
    const graph = hidden === undefined ? { ...traced.outputs, ...wanted } : wanted;
    const result: Record<string, HostTensor> = await compute(
      run,
      graph,
      arriving[stage]!,
      fromNext === null ? {} : { "gradient.hidden": fromNext },
    );
    if (hidden === undefined) lastOutputs = result;
    for (const source of traced.parameters) addTo(gradients, nameOf(source), result[`gradient of ${nameOf(source)}`]!);
    fromNext = result["gradient of hidden"] ?? null;
  }
  return { outputs: lastOutputs, gradients };
}

async function compute(
  { engine, model, weights, batch, masks }: TaskRun,
  outputs: Readonly<Record<string, Tensor>>,
  ...[arrived, given = {}]: [TrainingBatch | HiddenTrainingBatch, Record<string, HostTensor>?]
): Promise<Record<string, HostTensor>> {
  const graph = graphOf(renamed(outputs));
  const executable = await engine.compile(graph, hostParameters(weights));
  const own: Record<string, HostTensor> = { ...trainingStageInputs(model, graph.inputs, arrived), ...given };
  for (const name of graph.inputs.map(nameOf)) {
    if (name.startsWith("scale.")) own[name] = scalar(1 / batch.counts[name.slice("scale.".length)]!);
    const mask = masks?.[name];
    if (mask !== undefined) own[name] = mask;
  }
  const results = await runToHost(executable, own);
  await executable.dispose();
  return Object.fromEntries(Object.keys(outputs).map((name) => [name, results[`output ${name}`]!]));
}

/** The output `hidden` must not have the name of the input `hidden`. */
const renamed = (outputs: Readonly<Record<string, Tensor>>) =>
  Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [`output ${name}`, tensor]));

const scalar = (value: number): HostTensor => ({ dtype: "float32", shape: [], data: Float32Array.of(value) });

function addTo(gradients: Map<string, Float64Array>, name: string, { data }: HostTensor): void {
  const total = gradients.get(name) ?? new Float64Array(data.length);
  data.forEach((value, index) => (total[index]! += value));
  gradients.set(name, total);
}
