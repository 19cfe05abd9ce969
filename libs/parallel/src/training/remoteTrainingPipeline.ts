/**
 * @file A pipeline of workers as a training loop drives it: steps, evaluations, checkpoints, each a question to every stage.
 *
 * **Invariant:** a call ends exactly once: with every stage's answer, with what a stage could not do (StageFailureError), or with
 * the loss of a stage (StageLostError), which ends all calls of the epoch. What workers hold then is of no use; after a loss the
 * caller restores a checkpoint in the next epoch.
 */
import type { TrainingBatch } from "@stagecoach/transformer";
import { StageFailureError, StageLostError } from "../errors.ts";
import type { Frame, FrameTensor } from "../frame.ts";
import type { Replica, ReplicaState } from "../replica.ts";
import type { ScheduleName } from "../schedules/pipelineSchedule.ts";
import { heardLater } from "./alignStages.ts";
import { trainingFrame, type MicroBatchFacts } from "./trainingFrames.ts";
import type { TrainingAnswer, TrainingAnswerOf, TrainingCommand, TrainingInterval } from "./trainingMessages.ts";

export type TensorsByName = Readonly<Record<string, FrameTensor>>;

export type RemoteStep = {
  readonly step: number;
  readonly microBatches: readonly TrainingBatch[];
  readonly scales: Readonly<Record<string, number>>;
  readonly schedule: ScheduleName;
};

export type RemoteStepResult = {
  /** Outputs of the last stage for each micro-batch. */
  readonly outputs: readonly TensorsByName[];
  /** Sum of squares of each gradient, by parameter, over all stages. */
  readonly squares: Readonly<Record<string, number>>;
  /** What each stage did when, in milliseconds since the first of them heard of the step. */
  readonly intervals: readonly (readonly TrainingInterval[])[];
};

/** When a stage changed its parameters, in milliseconds since the first stage heard of the step. */
export type UpdateSpan = Pick<TrainingAnswerOf<"applied">, "startMs" | "endMs">;

type Question = {
  readonly kind: TrainingAnswer["kind"];
  readonly answers: Map<number, TrainingAnswer>;
  readonly resolve: (answers: TrainingAnswer[]) => void;
  readonly reject: (error: Error) => void;
};

type After = (delayMs: number, act: () => void) => void;

/** Time for every stage's worker to start and to join; one takes about a second. */
const JOIN_MS = 30_000;

export class RemoteTrainingPipeline {
  readonly #replica: Replica;
  readonly #numStages: number;
  readonly #after: After;
  /** The epoch in which `up` has found the pipeline: a loss between two calls ends the next one, although all may be back by then. */
  #epoch = 0;
  #lastLoss: StageLostError | null = null;
  #question: Question | null = null;
  /** By stage, how much later than the first it heard of the step that was made last. */
  #heardLaterMs: readonly number[] = [];
  #waiting: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];

  constructor(replica: Replica, numStages: number, after: After) {
    this.#replica = replica;
    this.#numStages = numStages;
    this.#after = after;
  }

  get numStages(): number {
    return this.#numStages;
  }

  /**
   * Resolves once every stage has its place, its layers and its links. They hold the parameters that a run begins with.
   * @throws the signal's reason; StageLostError when a stage is lost before that, or has no worker for too long
   */
  async up(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.#replica.state !== "up") await this.#comingUp(signal);
    this.#epoch = this.#replica.epoch;
  }

  #comingUp(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      signal?.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
      this.#after(JOIN_MS, () => {
        if (this.#replica.state === "forming") reject(this.#lossBecause(`no worker has joined in ${JOIN_MS / 1000} s`));
      });
    });
  }

  /** To be called when a replica changes its state. */
  stateChanged(state: ReplicaState, why: string): void {
    if (state === "up") for (const { resolve } of this.#waiting.splice(0)) resolve();
    if (state === "forming") this.giveUp((this.#lastLoss = this.#lossBecause(why)));
  }

  /** To be called when the pipeline can't come up, or has broken up. */
  giveUp(error: Error): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
    this.#fail(error);
  }

  /** To be called with what stages say. */
  receive(stage: number, answer: TrainingAnswer): void {
    if (answer.kind === "trainingFailed") {
      this.#fail(Object.assign(new StageFailureError(stage, answer.message), { cause: answer.code }));
      return;
    }
    const question = this.#question;
    if (question === null || answer.kind !== question.kind) return;
    question.answers.set(stage, answer);
    if (question.answers.size < this.#numStages) return;
    this.#question = null;
    this.#replica.answered();
    question.resolve(Array.from({ length: this.#numStages }, (_, each) => question.answers.get(each)!));
  }

  /** Forward and backward passes of a step's micro-batches. @throws StageLostError, StageFailureError */
  async step({ step, microBatches, scales, schedule }: RemoteStep): Promise<RemoteStepResult> {
    const accumulated = this.#ask("accumulated", (epoch) => ({
      kind: "step",
      epoch,
      step,
      numMicroBatches: microBatches.length,
      schedule,
      scales,
    }));
    const frames = microBatches.map((batch, index) =>
      this.#exchange(step, batch, { mode: "train", index, scales: {} }),
    );
    const [answers, ...results] = await allOrFirstError([accumulated, ...frames] as const);
    this.#heardLaterMs = heardLater(answers);
    return {
      outputs: results.map(tensorsByName),
      squares: Object.assign({}, ...answers.map(({ squares }) => numbers(squares))) as Record<string, number>,
      intervals: answers.map(({ intervals }, stage) => intervals.map((each) => this.#sinceFirst(stage, each))),
    };
  }

  /** @param update - counts the updates, from 1 @returns by stage, when it did so */
  async apply(update: {
    readonly step: number;
    readonly learningRate: number;
    readonly gradientScale: number;
  }): Promise<readonly UpdateSpan[]> {
    const { step, learningRate, gradientScale } = update;
    const answers = await this.#ask("applied", (epoch) => ({
      kind: "apply",
      epoch,
      step,
      update: step,
      learningRate,
      gradientScale,
    }));
    return answers.map((each, stage) => this.#sinceFirst(stage, each));
  }

  async evaluate(batch: TrainingBatch, scales: Readonly<Record<string, number>>): Promise<TensorsByName> {
    return tensorsByName(await this.#exchange(0, batch, { mode: "evaluate", index: 0, scales }));
  }

  /** @returns names of the files that the stages wrote, relative to the folder */
  async save(folder: string): Promise<readonly string[]> {
    const answers = await this.#ask("saved", (epoch, stage) => ({
      kind: "save",
      epoch,
      folder,
      file: `stage-${stage}.safetensors`,
    }));
    return answers.map(({ file }) => file);
  }

  async restore(folder: string, files: readonly string[]): Promise<void> {
    await this.#ask("restored", (epoch) => ({ kind: "restore", epoch, folder, files: [...files] }));
  }

  #sinceFirst<Span extends UpdateSpan>(stage: number, { startMs, endMs, ...others }: Span) {
    const later = this.#heardLaterMs[stage] ?? 0;
    return { ...others, startMs: startMs + later, endMs: endMs + later };
  }

  async #exchange(step: number, batch: TrainingBatch, facts: MicroBatchFacts): Promise<Frame> {
    this.#expectUp();
    return this.#replica.exchange((id) => trainingFrame({ ...id, step }, batch, facts));
  }

  async #ask<K extends TrainingAnswer["kind"]>(
    kind: K,
    command: (epoch: number, stage: number) => TrainingCommand,
  ): Promise<TrainingAnswerOf<K>[]> {
    if (this.#question !== null) throw new Error(`internal: ${kind} was asked for before ${this.#question.kind} came`);
    const epoch = this.#expectUp();
    return new Promise((resolve, reject) => {
      this.#question = {
        kind,
        answers: new Map(),
        resolve: (answers) => resolve(answers as TrainingAnswerOf<K>[]),
        reject,
      };
      this.#replica.ask((stage) => command(epoch, stage));
    });
  }

  /** @returns the epoch @throws StageLostError when the pipeline has broken up since `up`: its stages know nothing of the run any more */
  #expectUp(): number {
    const { state, epoch } = this.#replica;
    if (state === "up" && epoch === this.#epoch) return epoch;
    throw this.#lastLoss ?? this.#lossBecause("the pipeline is not up");
  }

  #lossBecause(why: string): StageLostError {
    const { number, missingStage } = this.#replica;
    return new StageLostError({ replica: number, stage: missingStage ?? 0 }, why);
  }

  #fail(error: Error): void {
    const question = this.#question;
    if (question === null) return;
    this.#question = null;
    this.#replica.answered();
    question.reject(error);
  }
}

/** All results; the first failure goes to the caller, and later ones of the same cause are not left unhandled. */
async function allOrFirstError<A, B>(promises: readonly [Promise<A>, ...Promise<B>[]]): Promise<[A, ...B[]]> {
  for (const each of promises) each.catch(() => {});
  return (await Promise.all(promises)) as [A, ...B[]];
}

function tensorsByName({ tensors }: Frame): TensorsByName {
  return Object.fromEntries(tensors.map((tensor) => [tensor.name, tensor]));
}

/** JSON has no NaN and no infinity: they travel as text. */
function numbers(texts: Readonly<Record<string, string>>): Record<string, number> {
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, Number(text)]));
}
