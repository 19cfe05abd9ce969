/** @file What `stagecoach train` shows: a bar with loss and speed, a line for each evaluation, a summary with where each stage's time went. */
import type { TrainingEvent } from "@stagecoach/training";
import { stagePhases, type StageSeconds } from "../jobs/jobNumbers.ts";
import { PhaseBars } from "../progress/phaseBars.ts";
import { formatMetric, measuredLines } from "./measuredLines.ts";
import { modelLines, modelPath, testLines } from "./modelLines.ts";
import { searchSummary, trialLine } from "./searchLines.ts";
import type { JobEvent, TrainingJobResult } from "../training/runJob.ts";
import { stageSeconds, sumOfSeconds } from "../training/stageSeconds.ts";

/** Weight of the newest step in the loss and speed that are shown. */
const SMOOTHING = 0.1;
/** New weights that are named: all of a head. */
const MAX_NEW_WEIGHTS = 8;

export class TrainingDisplay {
  readonly #bars: PhaseBars;
  #loss: number | null = null;
  #speed: number | null = null;
  #startStep = 0;
  /** Of the steps that were shown. */
  #stageSeconds: readonly StageSeconds[] = [];

  constructor(output: NodeJS.WriteStream) {
    this.#bars = new PhaseBars(output);
  }

  show(event: JobEvent): void {
    switch (event.type) {
      case "download":
        return this.#bars.downloading(event);
      case "reading":
        return this.#bars.reading(event);
      case "teaching":
        return this.#bars.update("teaching", {
          label: "asking the teacher",
          done: event.done,
          total: event.total,
          unit: "texts",
        });
      case "caching":
        return this.#bars.update("caching", {
          label: "computing features",
          done: event.done,
          total: event.total,
          unit: "examples",
        });
      case "prepared":
        return this.#prepared(event);
      case "resumed":
        this.#startStep = event.step;
        if (event.reason === "restart") this.note(`going on from the checkpoint of step ${event.step}`);
        return undefined;
      case "step":
        return this.#step(event);
      case "evaluating":
        // The bar of the steps begins anew after this one.
        this.#startStep = event.step;
        return this.#bars.update("evaluate", {
          label: "evaluating",
          done: event.done,
          total: event.total,
          unit: "examples",
        });
      case "evaluation":
        return this.note(evaluationLine(event));
      case "warning":
        return this.note(`warning: ${event.message}`);
      case "search":
        return this.#searching(event);
      case "trial":
        return this.#trial(event);
      case "searchStep":
        return this.#searchStep(event);
      case "started":
      case "checkpoint":
      case "checkpointRemoved":
      case "tested":
      case "test":
      case "finished":
      case "exported":
        return undefined;
    }
  }

  /** A line of its own. */
  note(message: string): void {
    this.#bars.note(message);
  }

  finish(): void {
    this.#bars.finish();
  }

  /** @param folder - of the run, as it was given */
  summary(result: TrainingJobResult, folder: string): string {
    if (result.status === "stopped") {
      if (result.step === null) return "\n  Stopped before training began.\n\n";
      return `\n  Stopped after step ${result.step}. Go on with\n\n    stagecoach train --resume ${folder}\n\n`;
    }
    if (result.trials !== undefined) return searchSummary({ ...result, trials: result.trials }, folder);
    const { summary, metrics, classes } = result;
    const { step, totalSteps, status, bestStep, test } = summary;
    const early = status === "stopped_early" ? `, stopped early (of ${totalSteps})` : "";
    const best = summary.best === null ? "" : `, best after step ${bestStep}`;
    const { replayedSteps } = summary;
    const replayed = replayedSteps === 0 ? [] : [`  Made again after a loss: ${replayedSteps} steps`];
    return [
      "",
      `  Trained ${step} steps on ${summary.trainedTokens.toLocaleString("en-US")} tokens${early}${best}`,
      ...replayed,
      ...measuredLines(metrics, classes),
      ...testLines(test),
      "",
      ...this.#stageSeconds.map(stageLine),
      ...modelLines(modelPath(folder)),
    ].join("\n");
  }

  #prepared(event: Extract<JobEvent, { type: "prepared" }>): void {
    const { settings, numEvaluation, newWeights } = event;
    const { n_epochs: epochs, max_steps: steps, batch_size: batch, learning_rate: rate } = settings.hyperparameters;
    this.#noteData(event, numEvaluation === 0 ? "" : `, evaluated on ${numEvaluation}`);
    const stages = settings.stages === 1 ? "one stage" : `${settings.stages} stages`;
    const length = steps === undefined ? `${epochs} epochs` : `${steps} steps`;
    this.note(`${length} in batches of ${batch}, learning rate ${rate}, ${stages}`);
    if (newWeights.length > 0) this.note(`new weights: ${shortList(newWeights)}`);
  }

  #noteData({ settings, labels, numTrain, numTest }: Extract<JobEvent, { numTrain: number }>, evaluated: string): void {
    const classes = labels.length === 0 ? "" : `, ${labels.length} labels`;
    const tested = numTest === 0 ? "" : `, tested on ${numTest}`;
    this.note(`${settings.task}: ${numTrain} examples${evaluated}${tested}${classes}`);
  }

  #searching(event: Extract<JobEvent, { type: "search" }>): void {
    const { settings, numEvaluation, numTrials, parallel } = event;
    const { folds } = settings.search;
    this.#noteData(event, folds === undefined ? `, evaluated on ${numEvaluation}` : `, in ${folds} folds`);
    const runs = parallel === 1 ? "one run" : `${parallel} runs`;
    this.note(`${numTrials === 1 ? "one trial" : `${numTrials} trials`}, ${runs} at a time`);
  }

  #trial({ trial, isBest }: Extract<JobEvent, { type: "trial" }>): void {
    const line = trialLine(trial, isBest);
    if (line !== null) this.note(line);
  }

  #searchStep({ done, total, best, numOver, numTrials }: Extract<JobEvent, { type: "searchStep" }>): void {
    const leader = best === null ? "" : `, best ${best.metric} ${formatMetric(best.score)} (trial ${best.number})`;
    this.#bars.update("search", { label: `${numOver} of ${numTrials} trials${leader}`, done, total, unit: "steps" });
  }

  #step(event: Extract<TrainingEvent, { type: "step" }>): void {
    const smooth = (before: number | null, value: number) =>
      before === null ? value : before + SMOOTHING * (value - before);
    const before = this.#stageSeconds;
    this.#stageSeconds = stageSeconds(event).map((now, stage) =>
      sumOfSeconds([...before.slice(stage, stage + 1), now]),
    );
    this.#loss = smooth(this.#loss, event.loss);
    this.#speed = smooth(this.#speed, event.tokensPerSecond);
    const speed = Math.round(this.#speed).toLocaleString("en-US");
    this.#bars.update("train", {
      label: `loss ${this.#loss.toFixed(4)}, ${speed} tokens/s`,
      done: event.step,
      total: event.totalSteps,
      unit: "steps",
      doneBefore: this.#startStep,
    });
  }
}

/** A model from scratch has dozens. */
function shortList(names: readonly string[]): string {
  const more = names.length - MAX_NEW_WEIGHTS;
  return more > 0 ? `${names.slice(0, MAX_NEW_WEIGHTS).join(", ")} and ${more} more` : names.join(", ");
}

function evaluationLine({ step, epoch, evaluation, isBest }: Extract<TrainingEvent, { type: "evaluation" }>): string {
  const { primary, metrics } = evaluation;
  const shown = ["loss", primary].filter((name, at, all) => all.indexOf(name) === at);
  const values = shown.map((name) => `${name} ${formatMetric(metrics[name])}`).join(", ");
  return `step ${step}, epoch ${epoch.toFixed(2)}: ${values}${isBest ? " (best so far)" : ""}`;
}

/** Shares of all time of the stage. */
function stageLine(seconds: StageSeconds, stage: number): string {
  const total = stagePhases.reduce((sum, phase) => sum + seconds[phase], 0);
  const shares = stagePhases.map((phase) => `${phase} ${Math.round((100 * seconds[phase]) / total)} %`);
  return `  Stage ${stage}  ${shares.join(", ")}`;
}
