/**
 * @file A training stage without an engine: it takes time on a fake clock, and computes numbers from which one can see that every
 * micro-batch went through every stage and back, once.
 *
 * A stage adds its parameter to each hidden value, and the gradient of a parameter is the sum of what came back. So the loss, and
 * what an update makes of the parameters, depend on all of a step's frames.
 */
import type { StageTrainingBatch } from "../training/trainingFrames.ts";
import type { Assignment } from "../control.ts";
import type { FrameTensor } from "../frame.ts";
import type { StageFacts } from "../stage.ts";
import type { TrainingStageHost } from "../stageHost.ts";
import type { ProcessClock } from "./fakeClock.ts";

/** Checkpoints by folder and file: the disk that all workers share. */
export type FakeDisk = Map<string, number>;

const tensor = (name: string, data: Float32Array): FrameTensor => ({
  name,
  dtype: "float32",
  shape: [data.length],
  data,
});

export class FakeTrainingHost implements TrainingStageHost {
  runMs = 5;
  /** Called when a method's turn has come, before it does anything. */
  onCall: (method: string) => void = () => {};
  readonly #clock: ProcessClock;
  readonly #disk: FakeDisk;
  #assignment: Assignment | null = null;
  #parameter = 1;
  #gradient = 0;
  /** Values of micro-batches whose backward pass is to come. */
  readonly #kept = new Map<number, number>();
  /** One call after another, as the engine's thread has it. */
  #queue: Promise<unknown> = Promise.resolve();
  #startedAt: number | null = null;

  constructor(clock: ProcessClock, disk: FakeDisk) {
    this.#clock = clock;
    this.#disk = disk;
  }

  get runningMs(): number {
    return this.#startedAt === null ? 0 : this.#clock.now() - this.#startedAt;
  }

  loadTraining(assignment: Assignment): Promise<StageFacts> {
    return this.#inTurn("load", () => {
      this.#assignment = assignment;
      this.#parameter = 1;
      this.#forget();
      return { engine: "fake", parameterBytes: 4, loadSeconds: 0 };
    });
  }

  forward({ microBatch, batch }: { readonly microBatch: number; readonly batch: StageTrainingBatch }) {
    return this.#inTurn("forward", () => {
      const values = this.#added(batch);
      this.#kept.set(microBatch, values.length);
      return this.#outputs(values);
    });
  }

  backward(microBatch: number, gradient: Float32Array | null): Promise<FrameTensor | null> {
    return this.#inTurn("backward", () => {
      const length = this.#kept.get(microBatch);
      if (length === undefined) throw new Error(`backward of micro-batch ${microBatch} before its forward`);
      this.#kept.delete(microBatch);
      const towards = gradient ?? new Float32Array(length).fill(1);
      this.#gradient += towards.reduce((a, b) => a + b, 0);
      return this.#assignment!.stage === 0 ? null : tensor("hidden", towards.slice());
    });
  }

  evaluate(batch: StageTrainingBatch): Promise<readonly FrameTensor[]> {
    return this.#inTurn("evaluate", () => this.#outputs(this.#added(batch)));
  }

  sharedGradient(): Promise<null> {
    return Promise.resolve(null);
  }

  addSharedGradient(): Promise<void> {
    return Promise.resolve();
  }

  squares(): Promise<Readonly<Record<string, number>>> {
    return this.#inTurn("squares", () => ({ [`stage.${this.#assignment!.stage}`]: this.#gradient ** 2 }));
  }

  apply({ learningRate, gradientScale }: { readonly learningRate: number; readonly gradientScale: number }) {
    return this.#inTurn("apply", () => void (this.#parameter -= learningRate * gradientScale * this.#gradient));
  }

  discard(): Promise<void> {
    return this.#inTurn("discard", () => this.#forget());
  }

  save(folder: string, file: string): Promise<void> {
    return this.#inTurn("save", () => void this.#disk.set(`${folder}/${file}`, this.#parameter));
  }

  restore(folder: string, files: readonly string[]): Promise<void> {
    return this.#inTurn("restore", () => {
      this.#parameter = this.#disk.get(`${folder}/${files[this.#assignment!.stage]!}`)!;
    });
  }

  #forget(): void {
    this.#kept.clear();
    this.#gradient = 0;
  }

  #added(batch: StageTrainingBatch): Float32Array {
    const values = "hidden" in batch ? batch.hidden : Float32Array.from(batch.inputIds);
    return values.map((value) => value + this.#parameter);
  }

  /** Of the last stage the loss: the sum of all values. */
  #outputs(values: Float32Array): readonly FrameTensor[] {
    const { stage, numStages } = this.#assignment!;
    if (stage < numStages - 1) return [tensor("hidden", values)];
    return [tensor("loss", Float32Array.of(values.reduce((a, b) => a + b, 0)))];
  }

  #inTurn<T>(method: string, act: () => T): Promise<T> {
    const done = this.#queue.then(async () => {
      this.onCall(method);
      this.#startedAt = this.#clock.now();
      await new Promise<void>((resolve) => this.#clock.after(this.runMs, resolve));
      this.#startedAt = null;
      return act();
    });
    this.#queue = done.catch(() => {});
    return done;
  }
}
