/**
 * @file The loss of a task that compares the texts of a whole step with each other: computed from the vectors of all its
 * micro-batches, once the last of them is there.
 *
 * The gradients of the vectors begin the backward passes, so that a step has as many negatives as it has examples, into however
 * many micro-batches it is cut. That is GradCache (Gao et al. 2021, arXiv 2101.06983) without its second forward pass: a stage
 * keeps its activations from one pass to the other anyway, unless it is told to recompute them.
 *
 * Dimensions: B texts of the step, E size of their vectors.
 */
import {
  float32,
  hostParameters,
  int32,
  joinFloat32,
  runToHost,
  type Engine,
  type Executable,
  type HostTensor,
} from "@stagecoach/engine";
import { gradients, graphOf, nameOf } from "@stagecoach/graph";
import {
  BatchError,
  stepLossGraph,
  type SentenceEmbeddingTask,
  type Target,
  type TaskModel,
  type TrainingBatch,
} from "@stagecoach/transformer";
import { scaleInputs } from "./scaleInputs.ts";

/** One micro-batch of a step: the vectors of its texts, and its targets. */
type Part = { readonly embeddings: HostTensor; readonly targets: TrainingBatch["targets"] };

/** What the numbers in a target count: those of later micro-batches are moved by as many as came before. */
const counted: Readonly<Record<string, "texts" | "candidates">> = {
  anchor_rows: "texts",
  candidate_rows: "texts",
  positive_columns: "candidates",
  candidate_columns: "candidates",
};

/** Of the loss, by the vectors: what the backward graph of the last stage takes. */
const GRADIENT = "gradient.embeddings";

export class StepLoss {
  readonly #executable: Executable;
  /** Outputs: `loss` and its parts. */
  readonly #losses: readonly string[];
  readonly #targets: readonly string[];
  /** Of the loss's parts that are computed here. */
  readonly #scales: readonly string[];
  readonly #parts = new Map<number, Part>();
  #gradients: readonly HostTensor[] = [];

  private constructor(
    executable: Executable,
    names: { readonly losses: string[]; readonly targets: string[]; readonly scales: string[] },
  ) {
    this.#executable = executable;
    this.#losses = names.losses;
    this.#targets = names.targets;
    this.#scales = names.scales;
  }

  static async compile(engine: Engine, model: TaskModel, task: SentenceEmbeddingTask): Promise<StepLoss> {
    const { embeddings, outputs } = stepLossGraph(model, task);
    const [gradient] = gradients(outputs["loss"]!, [embeddings]);
    const graph = graphOf({ ...outputs, [GRADIENT]: gradient! });
    const given = graph.inputs.map(nameOf);
    return new StepLoss(await engine.compile(graph, hostParameters({})), {
      losses: Object.keys(outputs),
      targets: given.filter((name) => name !== "embeddings" && !name.startsWith("scale.")),
      scales: given.filter((name) => name.startsWith("scale.")),
    });
  }

  /**
   * Take in one micro-batch. @param scales - of the loss's parts: 1 / what each counts over the whole step
   * @returns `loss` of the step, and its parts where there are several, with the micro-batch that completes it; 0 with those before
   * @throws BatchError for targets that do not fit, EngineFailureError
   */
  async add(
    part: Part,
    place: {
      readonly microBatch: number;
      readonly numMicroBatches: number;
      readonly scales: Readonly<Record<string, number>>;
    },
  ): Promise<Readonly<Record<string, HostTensor>>> {
    this.#parts.set(place.microBatch, part);
    if (this.#parts.size < place.numMicroBatches)
      return Object.fromEntries(this.#losses.map((name) => [name, float32([0], [])]));
    const parts = Array.from({ length: place.numMicroBatches }, (_, index) => this.#parts.get(index)!);
    const scales = scaleInputs(place.scales);
    const { [GRADIENT]: gradient, ...losses } = await runToHost(this.#executable, {
      ...joined(parts, this.#targets),
      ...Object.fromEntries(this.#scales.map((name) => [name, scales[name]!])),
    });
    this.#gradients = cutAs(parts, gradient!.data as Float32Array);
    return losses;
  }

  /** Of the vectors of one micro-batch. */
  gradientOf(microBatch: number): HostTensor {
    const gradient = this.#gradients[microBatch];
    if (gradient === undefined)
      throw new Error("internal: a backward pass before all forward passes of a step that is compared as a whole");
    return gradient;
  }

  discard(): void {
    this.#parts.clear();
    this.#gradients = [];
  }

  async dispose(): Promise<void> {
    await this.#executable.dispose();
  }
}

/** All micro-batches as one. @throws BatchError */
function joined(parts: readonly Part[], names: readonly string[]): Record<string, HostTensor> {
  const numTexts = parts.map(({ embeddings }) => embeddings.shape[0]!);
  return {
    embeddings: rowsOf(parts.map(({ embeddings }) => embeddings)),
    ...Object.fromEntries(
      names.map((name) => {
        const targets = parts.map(({ targets: own }) => targetOf(own, name));
        const what = counted[name];
        if (what === undefined) return [name, rowsOf(targets)];
        const sizes =
          what === "texts" ? numTexts : parts.map((each) => targetOf(each.targets, "candidate_rows").data.length);
        return [name, moved(targets, { name, what, sizes })];
      }),
    ),
  };
}

/** @param of.sizes - how many of what is counted each micro-batch has @throws BatchError */
function moved(
  targets: readonly Target[],
  { name, what, sizes }: { readonly name: string; readonly what: string; readonly sizes: readonly number[] },
): HostTensor {
  let before = 0;
  const numbers = targets.flatMap(({ data }, index) => {
    const size = sizes[index]!;
    const wrong = data.find((number) => !(number >= 0 && number < size));
    if (wrong !== undefined)
      throw new BatchError(`target "${name}": expected numbers of ${size} ${what}, got ${wrong}`);
    const own = Array.from(data, (number) => before + number);
    before += size;
    return own;
  });
  return int32(numbers, [numbers.length]);
}

/** Float tensors one after another along their first axis. */
function rowsOf(tensors: readonly Pick<HostTensor, "shape" | "data">[]): HostTensor {
  const [, ...rest] = tensors[0]!.shape;
  const numRows = tensors.reduce((total, { shape }) => total + shape[0]!, 0);
  return float32(joinFloat32(tensors.map(({ data }) => data as Float32Array)), [numRows, ...rest]);
}

/** @throws BatchError */
function targetOf(targets: Part["targets"], name: string): Target {
  const target = targets[name];
  if (target !== undefined) return target;
  const given = Object.keys(targets).join(", ") || "none";
  throw new BatchError(`target "${name}": expected it in the batch, got ${given}`);
}

function cutAs(parts: readonly Part[], gradient: Float32Array): HostTensor[] {
  let at = 0;
  return parts.map(({ embeddings: { shape, data } }) => float32(gradient.slice(at, (at += data.length)), shape));
}
