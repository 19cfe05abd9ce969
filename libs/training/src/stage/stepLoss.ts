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
  runToHost,
  type Engine,
  type Executable,
  type HostTensor,
} from "@stagecoach/engine";
import { gradients, graphOf } from "@stagecoach/graph";
import {
  BatchError,
  stepLossGraph,
  type SentenceEmbeddingTask,
  type TaskModel,
  type TrainingBatch,
} from "@stagecoach/transformer";

/** One micro-batch of a step: the vectors of its texts, and its targets. */
type Part = { readonly embeddings: HostTensor; readonly targets: TrainingBatch["targets"] };

/** What the numbers in each target count: those of later micro-batches are moved by as many as came before. */
const counted = {
  anchor_rows: "texts",
  candidate_rows: "texts",
  positive_columns: "candidates",
  candidate_columns: "candidates",
} as const;

/** Of the loss, by the vectors: what the backward graph of the last stage takes. */
const GRADIENT = "gradient.embeddings";

export class StepLoss {
  readonly #executable: Executable;
  readonly #parts = new Map<number, Part>();
  #gradients: readonly HostTensor[] = [];

  private constructor(executable: Executable) {
    this.#executable = executable;
  }

  static async compile(engine: Engine, model: TaskModel, task: SentenceEmbeddingTask): Promise<StepLoss> {
    const { embeddings, loss } = stepLossGraph(model, task);
    const [gradient] = gradients(loss, [embeddings]);
    const graph = graphOf({ loss, [GRADIENT]: gradient! });
    return new StepLoss(await engine.compile(graph, hostParameters({})));
  }

  /**
   * Take in one micro-batch. @param scale - 1 / anchors of the whole step
   * @returns the loss of the step with the micro-batch that completes it, 0 with those before
   * @throws BatchError for targets that do not fit, EngineFailureError
   */
  async add(
    part: Part,
    place: { readonly microBatch: number; readonly numMicroBatches: number; readonly scale: number },
  ): Promise<HostTensor> {
    this.#parts.set(place.microBatch, part);
    if (this.#parts.size < place.numMicroBatches) return float32([0], []);
    const parts = Array.from({ length: place.numMicroBatches }, (_, index) => this.#parts.get(index)!);
    const result = await runToHost(this.#executable, { ...joined(parts), "scale.pairs": float32([place.scale], []) });
    this.#gradients = cutAs(parts, result[GRADIENT]!.data as Float32Array);
    return result["loss"]!;
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
function joined(parts: readonly Part[]): Record<string, HostTensor> {
  const before = { texts: 0, candidates: 0 };
  const targets: Record<keyof typeof counted, number[]> = {
    anchor_rows: [],
    candidate_rows: [],
    positive_columns: [],
    candidate_columns: [],
  };
  const vectors: Float32Array[] = [];
  for (const { embeddings, targets: own } of parts) {
    const sizes = { texts: embeddings.shape[0]!, candidates: targetOf(own, "candidate_rows").length };
    for (const name of Object.keys(counted) as (keyof typeof counted)[]) {
      const what = counted[name];
      for (const number of targetOf(own, name)) {
        if (!(number >= 0 && number < sizes[what]))
          throw new BatchError(`target "${name}": expected numbers of ${sizes[what]} ${what}, got ${number}`);
        targets[name].push(before[what] + number);
      }
    }
    before.texts += sizes.texts;
    before.candidates += sizes.candidates;
    vectors.push(embeddings.data as Float32Array);
  }
  const size = parts[0]!.embeddings.shape[1]!;
  return {
    embeddings: float32(concatenated(vectors), [before.texts, size]),
    ...Object.fromEntries(Object.entries(targets).map(([name, numbers]) => [name, int32(numbers, [numbers.length])])),
  };
}

/** @throws BatchError */
function targetOf(targets: Part["targets"], name: string): ArrayLike<number> & Iterable<number> {
  const target = targets[name];
  if (target !== undefined) return target.data;
  const given = Object.keys(targets).join(", ") || "none";
  throw new BatchError(`target "${name}": expected it in the batch, got ${given}`);
}

function concatenated(arrays: readonly Float32Array[]): Float32Array {
  const result = new Float32Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const each of arrays) {
    result.set(each, at);
    at += each.length;
  }
  return result;
}

function cutAs(parts: readonly Part[], gradient: Float32Array): HostTensor[] {
  let at = 0;
  return parts.map(({ embeddings: { shape, data } }) => float32(gradient.slice(at, (at += data.length)), shape));
}
