/** @file The compiled graphs of a training stage: forward, backward (alone and adding to a sum), norms, update, evaluation. */
import { hostParameters, type Engine, type Executable } from "@stagecoach/engine";
import {
  add,
  computeNeededRows,
  constant,
  differentiableFusions,
  fuse,
  graphOf,
  input,
  mul,
  nameOf,
  parametersAsInputs,
  recomputeRearrangements,
  splitTraining,
  sum,
  type Graph,
  type Tensor,
  type TrainingGraphs,
} from "@stagecoach/graph";
import {
  CARRIED,
  comparesWholeStep,
  featureRowsOf,
  HIDDEN_LOSS,
  paddingRows,
  trainingStageGraph,
  withoutHidden,
  type TaskModel,
  type TracedStage,
} from "@stagecoach/transformer";
import { updateGraph, type OptimizedParameter } from "../optimizers/optimizer.ts";
import { recomputeAllButHidden } from "./recomputation.ts";
import { HIDDEN_OUTPUT, type TrainingStageOptions } from "./stageOptions.ts";
import { StepLoss } from "./stepLoss.ts";

export type StageExecutables = {
  readonly graphs: TrainingGraphs;
  readonly evaluation: Graph;
  readonly parameters: readonly OptimizedParameter[];
  /** Those that are not frozen, and that the loss depends on. */
  readonly trained: readonly OptimizedParameter[];
  readonly forward: Executable;
  /** null: the first stage, with nothing that is trained. */
  readonly backward: Executable | null;
  /** The backward pass whose gradients are added to `sum.<name>`; compiled when first needed. */
  accumulate(): Promise<Executable>;
  /** null: nothing is trained here. */
  readonly squares: Executable | null;
  readonly update: Executable | null;
  readonly evaluate: Executable;
  /** null: a micro-batch has a loss of its own, or another stage has it. */
  readonly stepLoss: StepLoss | null;
  /** Of the given tensors, those that the update takes. */
  selectUpdate<T>(given: Readonly<Record<string, T>>): Record<string, T>;
  dispose(): Promise<void>;
};

type CompileOptions = Pick<
  TrainingStageOptions,
  | "engine"
  | "model"
  | "layers"
  | "optimizer"
  | "dropout"
  | "isFrozen"
  | "recompute"
  | "withPaddingRows"
  | "part"
  | "states"
>;

export async function compileStage(options: CompileOptions): Promise<StageExecutables> {
  const { engine, model, layers, dropout, isFrozen = () => false, withPaddingRows = false, part, states } = options;
  const features = part === "encoder" ? (featureRowsOf(model.task.name) ?? undefined) : undefined;
  const wanted = { withPaddingRows, features, states };
  const traced = trainingStageGraph(model, layers, { ...wanted, dropout: dropout?.rates ?? null });
  const split = trainingGraphs(traced, { engine, isFrozen, recompute: options.recompute === true, part });
  const graphs = withPaddingRows ? { ...split, backward: withoutPaddingGradient(split.backward, model) } : split;
  const gradientNames = new Set(graphs.backward.outputs.keys());
  const parameters = traced.parameters.map((node) => ({ name: nameOf(node), shape: node.shape as readonly number[] }));
  const trained = parameters.filter(({ name }) => gradientNames.has(`gradient.${name}`));
  // What is learned of hidden states is no measure of a task.
  const plain: TaskModel = { ...model, task: withoutHidden(model.task) };
  const evaluation = parametersAsInputs(stageGraph(trainingStageGraph(plain, layers, { ...wanted, dropout: null })));
  const update = trained.length === 0 ? null : updateGraph(trained, options.optimizer);
  const compile = (graph: Graph) => engine.compile(graph, hostParameters({}));
  const compiled: Executable[] = [];
  const keep = async (graph: Graph) => {
    const executable = await compile(graph);
    compiled.push(executable);
    return executable;
  };
  let accumulating: Promise<Executable> | null = null;
  const isLast = layers.end === model.config.numLayers;
  const stepLoss = isLast && comparesWholeStep(model.task) ? await StepLoss.compile(engine, model, model.task) : null;
  const updateInputs = update?.inputs.map(nameOf) ?? [];
  const evaluate = await keep(evaluation);
  return {
    graphs,
    evaluation,
    parameters,
    trained,
    // An encoder alone is only evaluated.
    forward: part === "encoder" ? evaluate : await keep(graphs.forward),
    backward: graphs.backward.outputs.size === 0 ? null : await keep(graphs.backward),
    accumulate: () => (accumulating ??= keep(accumulatingGraph(graphs.backward))),
    squares: trained.length === 0 ? null : await keep(squaresGraph(trained)),
    update: update === null ? null : await keep(update),
    evaluate,
    stepLoss,
    selectUpdate: (given) => Object.fromEntries(updateInputs.map((name) => [name, given[name]!])),
    async dispose() {
      for (const each of compiled) await each.dispose();
      await stepLoss?.dispose();
    },
  };
}

/** An output must not have the name of an input. Activations come first. */
function renamed({ hidden, ...others }: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  return hidden === undefined ? others : { [HIDDEN_OUTPUT]: hidden, ...others };
}

/** What a stage computes: of the last layer, only the rows that the head reads. */
const stageGraph = (traced: TracedStage): Graph => computeNeededRows(graphOf(renamed(traced.outputs)));

type SplitFacts = {
  readonly engine: Engine;
  readonly isFrozen: (name: string) => boolean;
  readonly recompute: boolean;
  readonly part: TrainingStageOptions["part"];
};

/** What the engine has kernels for is fused before the graph is differentiated, as far as fused operations have gradient rules. */
function trainingGraphs(traced: TracedStage, { engine, isFrozen, recompute, part }: SplitFacts): TrainingGraphs {
  const trainable = part === "encoder" ? [] : traced.parameters.filter((node) => !isFrozen(nameOf(node)));
  const sources = new Map(trainable.map((node) => [nameOf(node), node]));
  // Of a part of the model nobody is before it to learn.
  if (traced.hidden !== null && part === undefined) sources.set("hidden", traced.hidden);
  const fusions = new Set([...engine.fusedOperations].filter((name) => differentiableFusions.has(name)));
  const fused = fuse(stageGraph(traced), fusions);
  const outputs = Object.fromEntries(fused.outputs);
  return splitTraining(outputs, {
    differentiate: rootsOf(outputs),
    sources,
    recompute: recompute ? recomputeAllButHidden(fused) : recomputeRearrangements,
  });
}

/** What the backward pass begins with: a stage's loss, or what it gives to whoever computes that; and what it adds to the loss itself. */
function rootsOf(outputs: Readonly<Record<string, Tensor>>): string[] {
  const own = [HIDDEN_OUTPUT, "loss"].find((name) => name in outputs) ?? "embeddings";
  const carried = CARRIED + HIDDEN_LOSS;
  return carried in outputs ? [own, carried] : [own];
}

/** `gradient.<name>` becomes `sum.<name>` plus itself; the gradient of `hidden` belongs to one micro-batch and stays. */
function accumulatingGraph(backward: Graph): Graph {
  return graphOf(
    new Map(
      [...backward.outputs].map(([name, gradient]): [string, Tensor] => {
        if (name === "gradient.hidden") return [name, gradient];
        const sofar = input(name.replace(/^gradient\./, "sum."), gradient.shape, "float32");
        return [name, add(sofar, gradient)];
      }),
    ),
  );
}

/** PyTorch's `padding_idx`: the padding token's row of a table gets no gradient. Without padding rows nothing reads it. */
function withoutPaddingGradient(backward: Graph, model: TaskModel): Graph {
  const rows = paddingRows(model);
  return graphOf(
    new Map(
      [...backward.outputs].map(([name, gradient]): [string, Tensor] => {
        const row = rows[name.replace(/^gradient\./, "")];
        if (row === undefined) return [name, gradient];
        const numRows = gradient.shape[0] as number;
        const isToken = Float32Array.from({ length: numRows }, (_, index) => (index === row ? 0 : 1));
        return [name, mul(gradient, constant(isToken, [numRows, 1]))];
      }),
    ),
  );
}

function squaresGraph(trained: readonly OptimizedParameter[]): Graph {
  return graphOf(
    Object.fromEntries(
      trained.map(({ name, shape }) => {
        const gradient = input(`gradient.${name}`, shape, "float32");
        return [`squares.${name}`, sum(mul(gradient, gradient))];
      }),
    ),
  );
}
