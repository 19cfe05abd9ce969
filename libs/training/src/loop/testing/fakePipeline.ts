/**
 * @file A pipeline of one number, for tests of the loop: the loss is its square, its gradient follows, and any call can be made to
 * fail once. Checkpoints and log are kept in memory beside it, as the disk would outlive a process.
 */
import type { TrainingDataSet } from "../../data/batchedDataSet.ts";
import type { StepGradients, TrainingPipeline } from "../../pipeline/trainingPipeline.ts";
import type {
  Checkpoint,
  CheckpointStore,
  LoggedEvaluation,
  LoggedStep,
  LoggedTest,
  SavedCheckpoint,
  StepLog,
} from "../checkpointStore.ts";
import type { TrainingState } from "../trainingState.ts";

export const phases = ["open", "accumulate", "apply", "evaluate", "save", "restore"] as const;
export type Phase = (typeof phases)[number];

/** Fails the given call (from 1) of a phase, before or after it has done its work. */
export type Fault = { readonly phase: Phase; readonly call: number; readonly isAfter?: boolean; readonly error: Error };

export const stageLost = (): Error => Object.assign(new Error("stage 1 is gone"), { code: "stage_lost" });

/** Counts calls over all pipelines of a test. */
export class Faults {
  readonly #faults: readonly Fault[];
  readonly #calls = new Map<Phase, number>();

  constructor(faults: readonly Fault[] = []) {
    this.#faults = faults;
  }

  count(phase: Phase): number {
    return this.#calls.get(phase) ?? 0;
  }

  async run<T>(phase: Phase, act: () => T): Promise<T> {
    const call = this.count(phase) + 1;
    this.#calls.set(phase, call);
    const fault = this.#faults.find((each) => each.phase === phase && each.call === call);
    if (fault !== undefined && fault.isAfter !== true) throw fault.error;
    const result = act();
    if (fault !== undefined) throw fault.error;
    return result;
  }
}

/** What survives a process. */
export class MemoryDisk implements CheckpointStore, StepLog {
  readonly weights = new Map<string, number>();
  readonly checkpoints = new Map<number, TrainingState>();
  readonly steps: LoggedStep[] = [];
  readonly evaluations: LoggedEvaluation[] = [];
  test: LoggedTest | null = null;
  readonly keep: number;

  constructor(keep = 2) {
    this.keep = keep;
  }

  get lastStep(): number {
    return this.steps.length;
  }

  find(step: number): LoggedStep | undefined {
    return this.steps[step - 1];
  }

  async appendStep(entry: LoggedStep): Promise<void> {
    this.steps.push(entry);
  }

  async appendEvaluation(entry: LoggedEvaluation): Promise<void> {
    if (!this.evaluations.some(({ step }) => step === entry.step)) this.evaluations.push(entry);
  }

  async appendTest(entry: LoggedTest): Promise<void> {
    this.test = entry;
  }

  async latest(): Promise<Checkpoint | null> {
    const step = [...this.checkpoints.keys()].toSorted((a, b) => a - b).at(-1);
    return step === undefined ? null : this.at(step);
  }

  async at(step: number): Promise<Checkpoint> {
    return { folder: `step-${step}`, files: ["weight"], state: this.checkpoints.get(step)! };
  }

  async save(state: TrainingState, write: (folder: string) => Promise<readonly string[]>): Promise<SavedCheckpoint> {
    const folder = `step-${state.step}`;
    const files = await write(folder);
    this.checkpoints.set(state.step, state);
    return { folder, files, state, bytes: 8 };
  }

  async prune(best: number | null): Promise<readonly number[]> {
    const steps = [...this.checkpoints.keys()].toSorted((a, b) => a - b);
    const removed = steps.slice(0, -this.keep).filter((step) => step !== best);
    for (const step of removed) this.checkpoints.delete(step);
    return removed;
  }
}

const INITIAL = 3;

/** Of the weight, the number in the batch, and the step. */
export type NumbersOf = (weight: number, value: number, step: number) => { loss: number; gradientNorm: number };

export const numbers: NumbersOf = (weight, value) => ({
  loss: (weight - value) ** 2,
  gradientNorm: Math.abs(2 * (weight - value)),
});

export class FakePipeline implements TrainingPipeline {
  readonly numStages = 2;
  weight = INITIAL;
  isClosed = false;
  readonly #disk: MemoryDisk;
  readonly #faults: Faults;
  readonly #numbersOf: NumbersOf;
  #gradient: number | null = null;

  constructor(disk: MemoryDisk, faults: Faults, numbersOf: NumbersOf = numbers) {
    this.#disk = disk;
    this.#faults = faults;
    this.#numbersOf = numbersOf;
  }

  accumulate({ step, microBatches }: Parameters<TrainingPipeline["accumulate"]>[0]): Promise<StepGradients> {
    return this.#faults.run("accumulate", () => {
      const value = microBatches[0]!.inputIds[0]!;
      this.#gradient = 2 * (this.weight - value);
      return { ...this.#numbersOf(this.weight, value, step), parts: {}, outputs: [], stages: [] };
    });
  }

  apply({ learningRate, gradientScale }: Parameters<TrainingPipeline["apply"]>[0]): Promise<void> {
    return this.#faults.run("apply", () => {
      this.weight -= learningRate * gradientScale * this.#gradient!;
      this.#gradient = null;
    });
  }

  /** Two classes; the logits say that of the sign of `1 - weight`. */
  evaluate(): ReturnType<TrainingPipeline["evaluate"]> {
    return this.#faults.run("evaluate", () => ({
      logits: { dtype: "float32" as const, shape: [1, 2], data: Float32Array.of(this.weight - 1, 0) },
    }));
  }

  save(folder: string): Promise<readonly string[]> {
    return this.#faults.run("save", () => {
      this.#disk.weights.set(folder, this.weight);
      return ["weight"];
    });
  }

  restore(folder: string): Promise<void> {
    return this.#faults.run("restore", () => {
      this.weight = this.#disk.weights.get(folder)!;
      this.#gradient = null;
    });
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }
}

/** Batches of one text of one token, which is the batch's number; its class is 1. */
export function fakeData(numBatches: number): TrainingDataSet {
  const batchOf = (value: number) => ({
    inputIds: Int32Array.of(value),
    tokenTypeIds: Int32Array.of(0),
    lengths: Int32Array.of(1),
    textIds: Int32Array.of(value),
    targets: { labels: { dtype: "int32" as const, shape: [1], data: Int32Array.of(1) } },
    counts: { labels: 1 },
  });
  return {
    task: { name: "sequence-classification", problemType: "single_label_classification", numLabels: 2 },
    size: numBatches,
    numBatches: () => numBatches,
    batch: (epoch, index) => ({
      microBatches: [batchOf((epoch + index) % 3)],
      examples: Int32Array.of(index),
      numTokens: 10,
      numPaddedTokens: 16,
    }),
    evaluationBatches: () => [{ batch: batchOf(0), examples: Int32Array.of(0) }],
  };
}
