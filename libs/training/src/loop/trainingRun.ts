/** @file The state of a run over the pipelines that it uses one after another. */
import type { Evaluation } from "../metrics/tasks/accumulator.ts";
import { clippingScale } from "../optimizers/clipping.ts";
import type { StepGradients, TrainingPipeline } from "../pipeline/trainingPipeline.ts";
import type { StepBatch } from "../data/batchedDataSet.ts";
import { countWarmupSteps, learningRateAt, type LearningRateSchedule } from "../schedules/learningRate.ts";
import type { LoggedStep } from "./checkpointStore.ts";
import { judge } from "./earlyStopping.ts";
import { evaluate, metricOf, type EvaluationSet } from "./evaluate.ts";
import { epochsDone, nextPosition, stepOfShare, type RunPlan } from "./runPlan.ts";
import { TrainingError } from "./trainingError.ts";
import {
  stopKindOf,
  type StepReport,
  type StopKind,
  type TrainingEvent,
  type TrainingSummary,
} from "./trainingEvents.ts";
import type { TrainingOptions } from "./trainingOptions.ts";
import { initialState, type TrainingState } from "./trainingState.ts";

/** Between two reports of an evaluation that goes on. */
const PROGRESS_MS = 500;

export class TrainingRun {
  readonly #options: TrainingOptions;
  readonly #plan: RunPlan;
  readonly #schedule: LearningRateSchedule;
  readonly #startedAt: number;
  #state: TrainingState = initialState;
  /** Step of the newest checkpoint. */
  #savedStep = -1;
  #isStarted = false;
  #hasLostStage = false;
  #replayedSteps = 0;
  #stepsHere = 0;

  constructor(options: TrainingOptions, plan: RunPlan) {
    const { warmup, ...schedule } = options.learningRate;
    this.#options = options;
    this.#plan = plan;
    const { totalSteps } = plan;
    this.#schedule = { ...schedule, totalSteps, warmupSteps: countWarmupSteps(warmup, totalSteps) };
    this.#startedAt = options.now();
  }

  /** The next pipeline is there because this one was lost. */
  noteLoss(): void {
    this.#hasLostStage = true;
  }

  /** From the last checkpoint to the end, on a pipeline that has just been opened. */
  async train(pipeline: TrainingPipeline): Promise<TrainingSummary> {
    if (!this.#isStarted) {
      const { numStages } = pipeline;
      await this.#tell({ type: "started", ...this.#plan, numStages, numExamples: this.#options.data.size });
    }
    this.#isStarted = true;
    await this.#restore(pipeline);
    let stop = this.#stopKind();
    while (!this.#state.isFinished && stop === null) {
      await this.#step(pipeline);
      stop = this.#stopKind();
      await this.#afterStep(pipeline, stop);
    }
    const { isFinished } = this.#state;
    if (isFinished) await this.#test(pipeline);
    return this.#finish(isFinished ? null : stop);
  }

  #stopKind(): StopKind | null {
    const { signal, until } = this.#options;
    const isThere = until !== undefined && this.#state.step >= stepOfShare(until, this.#plan.totalSteps);
    return stopKindOf(signal) ?? (isThere ? "pause" : null);
  }

  async #restore(pipeline: TrainingPipeline): Promise<void> {
    const { checkpoints, log } = this.#options;
    const checkpoint = await checkpoints.latest();
    if (checkpoint === null) {
      this.#state = initialState;
      await this.#save(pipeline);
      return;
    }
    this.#state = checkpoint.state;
    this.#savedStep = checkpoint.state.step;
    if (checkpoint.state.isFinished) return;
    await pipeline.restore(checkpoint.folder, checkpoint.files);
    const { step } = checkpoint.state;
    const reason = this.#hasLostStage ? "stage_lost" : "restart";
    await this.#tell({ type: "resumed", step, reason, stepsToReplay: Math.max(0, log.lastStep - step) });
  }

  async #step(pipeline: TrainingPipeline): Promise<void> {
    const { data, maxGradientNorm, log, now } = this.#options;
    const startedAt = now();
    const { epoch, batch: index } = this.#state;
    const step = this.#state.step + 1;
    const batch = data.batch(epoch, index);
    const gradients = await pipeline.accumulate({ step, microBatches: batch.microBatches });
    this.#expectFinite(step, gradients);
    const { loss, gradientNorm } = gradients;
    const learningRate = learningRateAt(this.#schedule, step - 1);
    const isReplayed = step <= log.lastStep;
    if (isReplayed) expectSame(log.find(step), { step, loss, gradientNorm, learningRate });
    else await log.appendStep({ step, loss, gradientNorm, learningRate });
    await pipeline.apply({ step, learningRate, gradientScale: clippingScale(gradientNorm, maxGradientNorm) });
    this.#state = {
      ...this.#state,
      ...nextPosition(data, { epoch, batch: index }),
      step,
      trainedTokens: this.#state.trainedTokens + batch.numTokens,
      trainedExamples: this.#state.trainedExamples + batch.examples.length,
      isFinished: step >= this.#plan.totalSteps,
    };
    this.#stepsHere++;
    if (isReplayed) this.#replayedSteps++;
    const facts = { learningRate, isReplayed, seconds: (now() - startedAt) / 1000 };
    await this.#tell({ type: "step", ...this.#report(batch, gradients, facts) });
  }

  #report(
    batch: StepBatch,
    { loss, parts, gradientNorm, stages }: StepGradients,
    facts: Pick<StepReport, "learningRate" | "isReplayed" | "seconds">,
  ): StepReport {
    const { step, trainedTokens, trainedExamples } = this.#state;
    const { totalSteps } = this.#plan;
    const rate = (count: number) => (facts.seconds > 0 ? count / facts.seconds : 0);
    return {
      ...facts,
      step,
      totalSteps,
      epoch: epochsDone(this.#options.data, this.#state),
      loss,
      parts,
      gradientNorm,
      trainedTokens,
      trainedExamples,
      tokensPerSecond: rate(batch.numTokens),
      examplesPerSecond: rate(batch.examples.length),
      paddingShare: 1 - batch.numTokens / batch.numPaddedTokens,
      stages,
      secondsLeft: (this.#seconds() / this.#stepsHere) * (totalSteps - step),
    };
  }

  /** Evaluation and checkpoint, where they are due. */
  async #afterStep(pipeline: TrainingPipeline, stop: StopKind | null): Promise<void> {
    const { evaluation, evaluationSteps, checkpointSteps } = this.#options;
    let isBest = false;
    if (evaluation !== null && this.#isDue(evaluationSteps)) isBest = await this.#evaluate(pipeline);
    const { isFinished } = this.#state;
    const isAsked = stop === "pause" || stop === "shutdown";
    if (stop === "cancel" && !isFinished) return;
    if (isFinished || isAsked || isBest || this.#isDue(checkpointSteps)) await this.#save(pipeline);
  }

  /** Every so many steps, or at the end of an epoch; at milestones, and at the end of the run. */
  #isDue(interval: number | null): boolean {
    const { step, batch, isFinished } = this.#state;
    const isMilestone =
      this.#options.milestones?.some((share) => stepOfShare(share, this.#plan.totalSteps) === step) ?? false;
    return isFinished || isMilestone || (interval === null ? batch === 0 : step % interval === 0);
  }

  async #evaluate(pipeline: TrainingPipeline): Promise<boolean> {
    const { evaluation: set, bestMetric, earlyStopping, data, log, now } = this.#options;
    const startedAt = now();
    const evaluation = await this.#measure(pipeline, set!);
    const { name, value } = metricOf(evaluation, bestMetric);
    const { step } = this.#state;
    const { isBest, isHopeless, ...judgement } = judge({ metric: name, step, value }, this.#state, earlyStopping);
    const { metrics } = evaluation;
    await log.appendEvaluation({ step, metrics });
    this.#state = { ...this.#state, ...judgement, metrics, isFinished: this.#state.isFinished || isHopeless };
    const seconds = (now() - startedAt) / 1000;
    await this.#tell({ type: "evaluation", step, epoch: epochsDone(data, this.#state), evaluation, isBest, seconds });
    return isBest;
  }

  #measure(pipeline: TrainingPipeline, set: EvaluationSet): Promise<Evaluation> {
    const { now } = this.#options;
    let toldAt = now();
    return evaluate(pipeline, set, async (done) => {
      if (now() - toldAt < PROGRESS_MS) return;
      toldAt = now();
      await this.#tell({ type: "evaluating", step: this.#state.step, done, total: set.data.size });
    });
  }

  /** The best checkpoint on the test data. What the log has was tested before this process began, or before a stage was lost. */
  async #test(pipeline: TrainingPipeline): Promise<void> {
    const { test: set, checkpoints, log } = this.#options;
    if (set === null) return;
    if (log.test === null) {
      const { folder, files } = await checkpoints.at(this.#bestStep);
      await pipeline.restore(folder, files);
      const evaluation = await this.#measure(pipeline, set);
      const { metrics, classes = null } = evaluation;
      await this.#tell({ type: "tested", step: this.#bestStep, evaluation });
      await log.appendTest({ step: this.#bestStep, metrics, classes });
    }
    await this.#tell({ type: "test", ...log.test! });
  }

  get #bestStep(): number {
    return this.#state.best?.step ?? this.#savedStep;
  }

  async #save(pipeline: TrainingPipeline): Promise<void> {
    const { checkpoints, log, now } = this.#options;
    const startedAt = now();
    const { folder, bytes } = await checkpoints.save(this.#state, (into) => pipeline.save(into));
    const { step, best, metrics } = this.#state;
    this.#savedStep = step;
    const facts = { loss: log.find(step)?.loss ?? null, metrics, seconds: (now() - startedAt) / 1000 };
    await this.#tell({ type: "checkpoint", step, folder, bytes, ...facts });
    for (const removed of await checkpoints.prune(best?.step ?? null))
      await this.#tell({ type: "checkpointRemoved", step: removed });
  }

  async #finish(stop: StopKind | null): Promise<TrainingSummary> {
    const { step, best, trainedTokens, trainedExamples } = this.#state;
    const { totalSteps } = this.#plan;
    const ended = step >= totalSteps ? ("finished" as const) : ("stopped_early" as const);
    const summary: TrainingSummary = {
      status: stop === null ? ended : "stopped",
      stop,
      step,
      totalSteps,
      trainedTokens,
      trainedExamples,
      bestStep: this.#bestStep,
      best,
      test: stop === null ? this.#options.log.test : null,
      replayedSteps: this.#replayedSteps,
      seconds: this.#seconds(),
    };
    await this.#tell({ type: "finished", ...summary });
    return summary;
  }

  #expectFinite(step: number, { loss, gradientNorm }: StepGradients): void {
    if (Number.isFinite(loss) && Number.isFinite(gradientNorm)) return;
    const [what, value] = Number.isFinite(loss) ? ["gradient norm", gradientNorm] : ["loss", loss];
    const message = `step ${step}: expected a finite ${what}, got ${value}; the last good checkpoint is that of step ${this.#savedStep} (take a lower learning rate, a longer warm-up, or clip gradients)`;
    throw new TrainingError("training_diverged", message, { step });
  }

  #seconds(): number {
    return (this.#options.now() - this.#startedAt) / 1000;
  }

  async #tell(event: TrainingEvent): Promise<void> {
    await this.#options.onEvent?.(event);
  }
}

/** @throws TrainingError unless all numbers are the same to the last bit */
function expectSame(logged: LoggedStep | undefined, again: LoggedStep): void {
  for (const name of ["loss", "gradientNorm", "learningRate"] as const) {
    if (logged !== undefined && Object.is(logged[name], again[name])) continue;
    const message = `step ${again.step}: expected the ${name} that the log has, ${logged?.[name]}, got ${again[name]} when it was made again (data, settings, engine or machine have changed since: start a new run)`;
    throw new TrainingError("training_not_reproducible", message, { step: again.step });
  }
}
