/** @file Encoded examples as the steps of a run and the batches of an evaluation. */
import { featureRowsOf, hiddenOf, type Task, type TrainingBatch } from "@stagecoach/transformer";
import { RandomSequence } from "../random/randomSequence.ts";
import { collate, type Masking, type PlacedExample } from "./collate.ts";
import { DataError } from "./dataError.ts";
import type { EncodedExamples } from "./encodeExamples.ts";
import { epochOrder, type Ordering } from "./epochOrder.ts";
import { countingUp, sortedByKey } from "./growingArray.ts";
import { withFeatures } from "./withFeatures.ts";
import { cutMicroBatches, paddedTokens, type MicroBatchRule } from "./microBatches.ts";

/** The examples of one step. */
export type StepBatch = {
  readonly microBatches: readonly TrainingBatch[];
  /** Numbers of the examples in the file's examples, in order of the run. */
  readonly examples: Int32Array;
  readonly numTokens: number;
  /** Places that attention computes for them, padding included. */
  readonly numPaddedTokens: number;
};

export type EvaluationBatch = {
  readonly batch: TrainingBatch;
  /** Number of each example in the file's examples; one a text, for multiple choice one a question. */
  readonly examples: Int32Array;
};

/** What the loop reads. */
export type TrainingDataSet = {
  readonly task: Task;
  /** Examples of an epoch. */
  readonly size: number;
  numBatches(epoch: number): number;
  /** A step's examples: the same for the same epoch and index, whatever was asked before. */
  batch(epoch: number, index: number): StepBatch;
  /** All examples once, in batches of similar length; the same each time, masks included. */
  evaluationBatches(): Iterable<EvaluationBatch>;
};

export type BatchedDataSetOptions = {
  readonly seed: number;
  /** Examples of a step. */
  readonly batchSize: number;
  /** Default "shuffled". */
  readonly ordering?: Ordering;
  /** Default: one micro-batch. */
  readonly microBatches?: MicroBatchRule;
  /** Default: 32. */
  readonly evaluationBatchSize?: number;
  /** Default: all examples. */
  readonly examples?: Int32Array | undefined;
  /** Masked-LM, where masks are drawn anew in each epoch. */
  readonly masking?: Masking | undefined;
  /** Default: the task of the examples; give it to add class weights, or what a teacher is for. */
  readonly task?: Task;
  /** Vectors of all texts of all examples one after another, of the size that the task's teacher has; there when a batch is made. */
  readonly teacherVectors?: (() => Float32Array) | undefined;
  /** `[C]` of an example, or `[M, C]` of its labelled tokens: logits in the order of the task's labels; there when a batch is made. */
  readonly teacherLogits?: ((example: number) => Float32Array) | undefined;
  /** `[rows, F]`: a teacher's hidden states of an example's tokens, by its number; there when a batch is made. */
  readonly teacherStates?: ((example: number) => Float32Array) | undefined;
  /** `[rows, D]`: what a frozen encoder gives of an example, by its number; batches have these instead of tokens. */
  readonly features?: ((example: number) => Float32Array) | undefined;
};

/** Stands for the epoch where evaluation draws its masks. */
const evaluationEpoch = 0xffffffff;

export class BatchedDataSet implements TrainingDataSet {
  readonly task: Task;
  readonly #examples: EncodedExamples;
  readonly #options: BatchedDataSetOptions;
  /** Numbers of its examples; absent when it has all. */
  readonly #chosen: Int32Array | undefined;
  #order: { readonly epoch: number; readonly order: Int32Array } | undefined;

  /** @throws DataError "data_too_small" when there are fewer examples than a batch has; "data_option" */
  constructor(examples: EncodedExamples, options: BatchedDataSetOptions) {
    this.task = options.task ?? examples.task;
    this.#examples = examples;
    this.#options = options;
    this.#chosen = options.examples;
    const { batchSize } = options;
    if (!Number.isInteger(batchSize) || batchSize < 1) {
      throw new DataError("data_option", `batch size: expected a whole number from 1, got ${batchSize}`);
    }
    if (batchSize > this.size) {
      const message = `expected at least as many examples as a batch has (${batchSize}), got ${this.size} (take a smaller batch)`;
      throw new DataError("data_too_small", message, { file: examples.report.file });
    }
  }

  get size(): number {
    return this.#chosen?.length ?? this.#examples.store.size;
  }

  /** The last batch of an epoch has what is left. */
  numBatches(_epoch: number): number {
    return Math.ceil(this.size / this.#options.batchSize);
  }

  batch(epoch: number, index: number): StepBatch {
    const { batchSize, microBatches: rule = { count: 1 } } = this.#options;
    const start = index * batchSize;
    const members = this.#orderOf(epoch).subarray(start, start + batchSize);
    if (index < 0 || members.length === 0) throw new RangeError(`batch ${index}: there are ${this.numBatches(epoch)}`);
    const lengths = Array.from(members, (member) => this.#lengthOf(member));
    const groups = cutMicroBatches(lengths, rule);
    const microBatches = groups.map((group) =>
      this.#collate(group.map((i) => this.#place(members[i]!, { epoch, position: start + i }))),
    );
    const numTokens = lengths.reduce((a, b) => a + b, 0);
    const attended = microBatches.map((batch) => paddedTokens(Array.from(batch.lengths)));
    return {
      microBatches,
      examples: members.map((member) => this.#indexOf(member)),
      numTokens,
      // Behind features there is no attention.
      numPaddedTokens: this.#options.features === undefined ? attended.reduce((a, b) => a + b, 0) : numTokens,
    };
  }

  *evaluationBatches(): Generator<EvaluationBatch> {
    const { evaluationBatchSize = 32 } = this.#options;
    const order = sortedByKey(countingUp(this.size), (member) => this.#lengthOf(member));
    for (let start = 0; start < order.length; start += evaluationBatchSize) {
      const group = order.subarray(start, start + evaluationBatchSize);
      const placed = Array.from(group, (member) => this.#place(member, { epoch: evaluationEpoch, position: member }));
      yield { batch: this.#collate(placed), examples: group.map((member) => this.#indexOf(member)) };
    }
  }

  #collate(placed: readonly PlacedExample[]): TrainingBatch {
    const { masking } = this.#options;
    const batch = collate(this.task, placed, { masking, vocabulary: this.#examples.maskVocabulary });
    const rows = featureRowsOf(this.task.name);
    const features = placed.flatMap((example) => example.features ?? []);
    return rows === null || features.length === 0 ? batch : withFeatures(batch, features, rows);
  }

  #place(member: number, { epoch, position }: { readonly epoch: number; readonly position: number }): PlacedExample {
    const index = this.#indexOf(member);
    const textsOfOne = textsOfExample(this.task);
    const isRun = epoch !== evaluationEpoch;
    // Numbers of texts are 31 bits on the wire; they only key dropout, so starting again after 2 billion texts does no harm.
    const textId = (((isRun ? epoch * this.size : 0) + position) * textsOfOne) % 2 ** 31;
    return {
      ...this.#examples.store.get(index),
      ...this.#taught(index),
      ...(hiddenOf(this.task) === undefined ? {} : { teacherStates: this.#options.teacherStates?.(index) }),
      features: this.#options.features?.(index),
      textId,
      random: () => RandomSequence.of(this.#options.seed, "mask", [epoch, index]),
    };
  }

  #taught(index: number): Pick<PlacedExample, "teacherVectors" | "teacherLogits"> {
    const { teacherVectors, teacherLogits } = this.#options;
    if (teacherLogits !== undefined && "numLabels" in this.task) return { teacherLogits: teacherLogits(index) };
    if (teacherVectors === undefined || this.task.name !== "sentence-embedding") return {};
    const size = this.task.numTexts * (this.task.teacher?.dimensions ?? 0);
    return { teacherVectors: teacherVectors().subarray(index * size, (index + 1) * size) };
  }

  /** Number of a member among the file's examples. */
  #indexOf(member: number): number {
    return this.#chosen?.[member] ?? member;
  }

  #lengthOf(member: number): number {
    return this.#examples.store.lengthOf(this.#indexOf(member));
  }

  #orderOf(epoch: number): Int32Array {
    if (this.#order?.epoch !== epoch) {
      const { ordering = "shuffled", seed, batchSize } = this.#options;
      const options = { ordering, seed, epoch, batchSize };
      this.#order = { epoch, order: epochOrder(this.size, (member) => this.#lengthOf(member), options) };
    }
    return this.#order.order;
  }
}

/** Texts that each example of a task has. */
export function textsOfExample(task: Task): number {
  if (task.name === "multiple-choice") return task.numChoices;
  return task.name === "sentence-embedding" ? task.numTexts : 1;
}
