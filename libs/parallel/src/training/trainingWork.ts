/**
 * @file A stage at work in training: it runs the actions of a schedule as frames arrive, and does what the trainer commands.
 *
 * Lives as long as an epoch. One thing at a time: commands and actions queue up behind each other, results leave as soon as they
 * are there. Anything that fails is told to the trainer, for which it ends the run (StageFailureError): the same work would fail
 * again. Only of a stage that is lost does a trainer open another pipeline.
 */
import type { Assignment } from "../control.ts";
import type { DataLink } from "../dataLink.ts";
import { FrameError, ProtocolError } from "../errors.ts";
import { tensorNamed, type Frame, type FrameTensor } from "../frame.ts";
import { pipelineSchedule, type ScheduleName } from "../schedules/pipelineSchedule.ts";
import type { Action, ComputeKind } from "../schedules/schedule.ts";
import {
  factsOf,
  gradientFrame,
  hiddenFrame,
  indexOf,
  sharedGradientFrame,
  trainingBatchOf,
  trainingResultFrame,
  type StageTrainingBatch,
} from "./trainingFrames.ts";
import type { TrainingAnswer, TrainingCommand, TrainingInterval } from "./trainingMessages.ts";

/** The stage as its worker sees it; its engine lives in another thread. Calls do not overlap. */
export interface TrainingHost {
  /** @returns activations `[T, D]` first, and behind them what stages after this one need; on the last stage the loss and the task's outputs */
  forward(request: {
    readonly microBatch: number;
    /** Of the step. */
    readonly numMicroBatches: number;
    readonly batch: StageTrainingBatch;
    readonly scales: Readonly<Record<string, number>>;
  }): Promise<readonly FrameTensor[]>;
  /** @returns gradient of `hidden` `[T, D]` for the stage before; null on the first */
  backward(microBatch: number, gradient: Float32Array | null): Promise<FrameTensor | null>;
  evaluate(batch: StageTrainingBatch, scales: Readonly<Record<string, number>>): Promise<readonly FrameTensor[]>;
  /** Gradient of the weight that this stage shares with another; null where it shares none. */
  sharedGradient(): Promise<Omit<FrameTensor, "name"> | null>;
  /** Add the other stage's gradient of the shared weight. */
  addSharedGradient(other: Omit<FrameTensor, "name">): Promise<void>;
  squares(): Promise<Readonly<Record<string, number>>>;
  apply(update: {
    readonly step: number;
    readonly learningRate: number;
    readonly gradientScale: number;
  }): Promise<void>;
  /** Forget what a step has begun. */
  discard(): Promise<void>;
  save(folder: string, file: string): Promise<void>;
  restore(folder: string, files: readonly string[]): Promise<void>;
}

/** Links of one epoch. The gradients' run against the stream: in from the next stage, out to the one before. */
export type TrainingLinks = {
  readonly input: DataLink;
  readonly output: DataLink;
  readonly gradientInput: DataLink | null;
  readonly gradientOutput: DataLink | null;
};

export type TrainingWorkOptions = {
  readonly assignment: Assignment;
  readonly host: TrainingHost;
  readonly links: TrainingLinks;
  readonly send: (answer: TrainingAnswer) => void;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** Unix milliseconds. */
  readonly unixNow: () => number;
  readonly onBusy: (interval: TrainingInterval, tokens: number) => void;
};

export class TrainingWork {
  readonly #options: TrainingWorkOptions;
  readonly #isFirst: boolean;
  readonly #isLast: boolean;
  readonly #forwardFrames = new Mailbox();
  readonly #gradientFrames = new Mailbox();
  readonly #sharedFrames = new Mailbox();
  /** What has been asked, in order. */
  #queue: Promise<void> = Promise.resolve();
  #isOver = false;
  /** When this stage heard of the step that it has last begun. */
  #heardAt = 0;

  constructor(options: TrainingWorkOptions) {
    this.#options = options;
    const { stage, numStages } = options.assignment;
    this.#isFirst = stage === 0;
    this.#isLast = stage === numStages - 1;
    const { input, gradientInput } = options.links;
    input.onFrame((frame) => this.#receive(frame));
    gradientInput?.onFrame((frame) => this.#receiveGradient(frame));
  }

  command(command: TrainingCommand): void {
    this.#enqueue(() => this.#perform(command));
  }

  /** The epoch is over: nothing more is sent, whoever waits for a frame waits no longer. */
  end(): void {
    this.#isOver = true;
    for (const mailbox of [this.#forwardFrames, this.#gradientFrames, this.#sharedFrames]) mailbox.close();
  }

  #enqueue(work: () => Promise<void>): void {
    this.#queue = this.#queue.then(async () => {
      try {
        if (!this.#isOver) await work();
      } catch (error) {
        this.#fail(error);
      }
    });
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    const code = error instanceof Error && "code" in error ? String(error.code) : "internal";
    const message = error instanceof Error ? error.message : String(error);
    this.#answer({ kind: "trainingFailed", epoch: this.#options.assignment.epoch, code, message });
  }

  #answer(answer: TrainingAnswer): void {
    if (!this.#isOver) this.#options.send(answer);
  }

  #receive(frame: Frame): void {
    if (this.#isOver || frame.epoch !== this.#options.assignment.epoch) return;
    if (frame.kind === "shared") return this.#sharedFrames.put("forward", frame);
    try {
      const { mode, index } = factsOf(frame);
      if (mode === "evaluate") this.#enqueue(() => this.#evaluate(frame));
      else this.#forwardFrames.put(keyOf(frame.step, index), frame);
    } catch (error) {
      this.#fail(error);
    }
  }

  #receiveGradient(frame: Frame): void {
    if (this.#isOver || frame.epoch !== this.#options.assignment.epoch) return;
    if (frame.kind === "shared") return this.#sharedFrames.put("backward", frame);
    try {
      this.#gradientFrames.put(keyOf(frame.step, indexOf(frame.meta)), frame);
    } catch (error) {
      this.#fail(error);
    }
  }

  async #perform(command: TrainingCommand): Promise<void> {
    const { host, now } = this.#options;
    const { epoch } = command;
    switch (command.kind) {
      case "step":
        return this.#step(command);
      case "apply": {
        const { update, learningRate, gradientScale, step } = command;
        const startMs = now() - this.#heardAt;
        await host.apply({ step: update, learningRate, gradientScale });
        return this.#answer({ kind: "applied", epoch, step, startMs, endMs: now() - this.#heardAt });
      }
      case "save":
        await host.save(command.folder, command.file);
        return this.#answer({ kind: "saved", epoch, file: command.file });
      case "restore":
        await host.restore(command.folder, command.files);
        return this.#answer({ kind: "restored", epoch });
      default:
        throw new ProtocolError(`training: an unknown command ${JSON.stringify(command satisfies never)}`);
    }
  }

  async #step({ epoch, step, numMicroBatches, schedule, scales }: Extract<TrainingCommand, { kind: "step" }>) {
    const { host, now, unixNow, assignment } = this.#options;
    const heardAt = (this.#heardAt = now());
    const heardAtUnix = unixNow();
    const intervals: TrainingInterval[] = [];
    await host.discard();
    for (const { kind, microBatch } of ownActions(schedule, { ...assignment, numMicroBatches })) {
      const frame = await this.#awaited(kind, { step, microBatch });
      const startMs = now() - heardAt;
      const { tokens, endedAt } =
        kind === "forward"
          ? await this.#forward(frame!, { numMicroBatches, scales })
          : await this.#backward(frame, { step, microBatch });
      const interval = { kind, microBatch, startMs, endMs: endedAt - heardAt };
      intervals.push(interval);
      this.#options.onBusy(interval, tokens);
    }
    await this.#agreeOnShared(step);
    const squares = Object.entries(await host.squares()).map(([name, value]) => [name, String(value)] as const);
    const answer = { kind: "accumulated", epoch, step, squares: Object.fromEntries(squares) } as const;
    this.#answer({ ...answer, heardAt: heardAtUnix, intervals });
  }

  /** The frame that an action needs; the last stage begins its backward passes by itself. */
  async #awaited(
    kind: "forward" | "backward",
    { step, microBatch }: { readonly step: number; readonly microBatch: number },
  ): Promise<Frame | null> {
    if (kind === "forward") return this.#forwardFrames.take(keyOf(step, microBatch));
    return this.#isLast ? null : this.#gradientFrames.take(keyOf(step, microBatch));
  }

  async #forward(frame: Frame, ofStep: StepFacts): Promise<Pass> {
    const { host, links, now } = this.#options;
    const batch = trainingBatchOf(frame, this.#isFirst);
    const tokens = batch.lengths.reduce((a, b) => a + b, 0);
    const tensors = await host.forward({ microBatch: indexOf(frame.meta), batch, ...ofStep });
    const endedAt = now();
    links.input.grant(1);
    this.#sendOn(frame, { batch, tensors });
    return { tokens, endedAt };
  }

  async #evaluate(frame: Frame): Promise<void> {
    const { host, links } = this.#options;
    const batch = trainingBatchOf(frame, this.#isFirst);
    const tensors = await host.evaluate(batch, factsOf(frame).scales);
    links.input.grant(1);
    this.#sendOn(frame, { batch, tensors });
  }

  #sendOn(
    frame: Frame,
    { batch, tensors }: { readonly batch: StageTrainingBatch; readonly tensors: readonly FrameTensor[] },
  ): void {
    this.#dispatch(
      this.#options.links.output,
      this.#isLast ? trainingResultFrame(frame, tensors) : hiddenFrame(frame, batch, tensors),
    );
  }

  async #backward(
    frame: Frame | null,
    { step, microBatch }: { readonly step: number; readonly microBatch: number },
  ): Promise<Pass> {
    const { host, links, assignment, now } = this.#options;
    const gradient = frame === null ? null : (tensorNamed(frame, "hidden", "float32").data as Float32Array);
    const towards = await host.backward(microBatch, gradient);
    const endedAt = now();
    if (frame !== null) links.gradientInput!.grant(1);
    if (towards !== null && links.gradientOutput !== null) {
      const id = { epoch: assignment.epoch, step, microBatch };
      this.#dispatch(links.gradientOutput, gradientFrame(id, microBatch, { ...towards, name: "hidden" }));
    }
    return { tokens: 0, endedAt };
  }

  /** Frames leave in order as credits come; the stage goes on meanwhile. */
  #dispatch(link: DataLink, frame: Frame): void {
    link.send(frame).catch((error: unknown) => {
      // A link that went is reported by whoever watches it; only what could not be written is this stage's failure.
      if (error instanceof FrameError) this.#fail(error);
    });
  }

  /**
   * First and last stage give each other their gradient of a weight that both hold; stages between hand it on. With one stage
   * the host has both.
   */
  async #agreeOnShared(step: number): Promise<void> {
    const { host, links, assignment } = this.#options;
    const own = await host.sharedGradient();
    const id = { epoch: assignment.epoch, step, microBatch: 0 };
    if (assignment.numStages === 1 || assignment.sharesWeight !== true) return;
    if (this.#isFirst && own !== null) {
      this.#dispatch(links.output, sharedGradientFrame(id, own));
      return this.#addShared(await this.#takeShared("backward"));
    }
    if (this.#isLast && own !== null) {
      this.#dispatch(links.gradientOutput!, sharedGradientFrame(id, own));
      return this.#addShared(await this.#takeShared("forward"));
    }
    this.#dispatch(links.output, await this.#takeShared("forward"));
    this.#dispatch(links.gradientOutput!, await this.#takeShared("backward"));
  }

  async #takeShared(direction: "forward" | "backward"): Promise<Frame> {
    const frame = await this.#sharedFrames.take(direction);
    const { input, gradientInput } = this.#options.links;
    (direction === "forward" ? input : gradientInput!).grant(1);
    return frame;
  }

  async #addShared(frame: Frame): Promise<void> {
    await this.#options.host.addSharedGradient(tensorNamed(frame, "gradient", "float32"));
  }
}

/** `endedAt`: before anything of it was sent, so that nobody can have begun with it earlier. `tokens` are counted forward. */
type Pass = { readonly tokens: number; readonly endedAt: number };

type StepFacts = Pick<Extract<TrainingCommand, { kind: "step" }>, "numMicroBatches" | "scales">;

const keyOf = (step: number, index: number) => `${step}/${index}`;

type OwnActions = Pick<Assignment, "stage" | "numStages"> & { readonly numMicroBatches: number };

/** Forward and backward passes of one stage in the schedule's order; sending and receiving follow from the frames. */
function ownActions(name: ScheduleName, { stage, numStages, numMicroBatches }: OwnActions): Computation[] {
  const { stages } = pipelineSchedule(name, { numStages, numMicroBatches });
  return stages[stage]!.filter(isComputation);
}

type Computation = { readonly kind: ComputeKind; readonly microBatch: number };

function isComputation(action: Action): action is Computation {
  return action.kind === "forward" || action.kind === "backward";
}

/** Frames by key, each waited for at most once. */
class Mailbox {
  readonly #frames = new Map<string, Frame>();
  readonly #waiting = new Map<string, { resolve: (frame: Frame) => void; reject: (error: Error) => void }>();
  #isClosed = false;

  put(key: string, frame: Frame): void {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) this.#frames.set(key, frame);
    else {
      this.#waiting.delete(key);
      waiting.resolve(frame);
    }
  }

  take(key: string): Promise<Frame> {
    const frame = this.#frames.get(key);
    this.#frames.delete(key);
    if (frame !== undefined) return Promise.resolve(frame);
    if (this.#isClosed) return Promise.reject(new ProtocolError("the epoch is over"));
    return new Promise((resolve, reject) => this.#waiting.set(key, { resolve, reject }));
  }

  close(): void {
    this.#isClosed = true;
    this.#frames.clear();
    for (const { reject } of this.#waiting.values()) reject(new ProtocolError("the epoch is over"));
    this.#waiting.clear();
  }
}
