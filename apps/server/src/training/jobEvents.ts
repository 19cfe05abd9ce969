/** @file Events of a training job as the queue keeps and streams them (jobs/jobRunner.ts). */
import { DataError, type Evaluation, type LoggedTest } from "@stagecoach/training";
import { shownNumber, type EvaluationNumbers, type StepNumbers } from "../jobs/jobNumbers.ts";
import type { JobFailure, RunnerEvent, TestNumbers } from "../jobs/jobRunner.ts";
import { errorOf, isOver, shownPoint } from "../jobs/trialRanking.ts";
import { learningRateMultiplier } from "./resolveHyperparameters.ts";
import type { JobEvent } from "./runJob.ts";
import { stageSeconds, sumOfSeconds } from "./stageSeconds.ts";
import type { TrainingSettings } from "./trainingSettings.ts";

/** Steps of which numbers are kept; of longer runs every n-th. */
const MAX_KEPT_STEPS = 2000;

/**
 * What of an event is told to whom: numbers of a step are both kept and shown, a download is neither.
 * @param loggingSteps - steps from one whose numbers are kept to the next
 */
export function runnerEvents(event: JobEvent, loggingSteps?: number): RunnerEvent[] {
  switch (event.type) {
    case "prepared": {
      const { settings, newWeights } = event;
      const { task, schedule, stages } = settings;
      const message = readMessage({ ...event, task });
      const { learning_rate } = settings.hyperparameters;
      const learning_rate_multiplier = learningRateMultiplier(task, learning_rate);
      const hyperparameters = { ...settings.hyperparameters, learning_rate_multiplier };
      return [
        { type: "resolved", method: { task, schedule, stages, hyperparameters } },
        { type: "message", level: "info", message, data: { newWeights }, once: "prepared" },
      ];
    }
    case "started":
      return [
        {
          type: "message",
          level: "info",
          message: `Training ${event.totalSteps} steps over ${event.numStages} ${event.numStages === 1 ? "stage" : "stages"}`,
          once: "training",
        },
      ];
    case "resumed":
      return [
        {
          type: "message",
          level: event.reason === "stage_lost" ? "warn" : "info",
          message: `Going on from the checkpoint of step ${event.step}; ${event.stepsToReplay} steps are made again`,
          data: { step: event.step, reason: event.reason, steps_to_replay: event.stepsToReplay },
        },
      ];
    case "step":
      return stepEvents(event, loggingSteps);
    case "evaluating":
    case "tested":
      return [];
    case "evaluation": {
      const { step, evaluation } = event;
      return [{ type: "metrics", step, metrics: validNumbers(evaluation.metrics) }];
    }
    case "test":
      return [{ type: "message", level: "info", message: testMessage(event), data: testNumbers(event), once: "test" }];
    case "checkpoint": {
      const { step, folder, bytes, seconds, loss, metrics } = event;
      const numbers = {
        ...(loss === null ? {} : { train_loss: loss }),
        ...(metrics === null ? {} : validNumbers(metrics)),
        checkpoint_bytes: bytes,
        checkpoint_seconds: seconds,
      };
      return [{ type: "checkpoint", step, folder, metrics: numbers }];
    }
    case "checkpointRemoved":
      return [{ type: "checkpointRemoved", step: event.step }];
    case "warning":
      return [{ type: "message", level: "warn", message: event.message }];
    case "search": {
      const { settings, numTrials, parallel } = event;
      const { task, stages, search } = settings;
      const read = readMessage({ ...event, task });
      const message = `${read}; ${numTrials} ${numTrials === 1 ? "trial" : "trials"}, ${parallel} ${parallel === 1 ? "run" : "runs"} at a time`;
      return [
        { type: "resolved", method: { task, stages, search } },
        { type: "message", level: "info", message, once: "search" },
      ];
    }
    case "trial":
      return [{ type: "trial", trial: event.trial }, ...trialMessage(event)];
    case "searchStep": {
      const { step, done, total, secondsLeft, trainedTokens } = event;
      const { isReplayed } = step;
      const stages = stageSeconds(step);
      return [
        {
          type: "progress",
          step: done,
          totalSteps: total,
          secondsLeft,
          trainedTokens,
          metrics: {},
          stages,
          isReplayed,
        },
      ];
    }
    case "exported":
      return [{ type: "message", level: "info", message: "The model is written", once: "exported" }];
    case "download":
    case "reading":
    case "teaching":
    case "caching":
    case "finished":
      break;
  }
  return [];
}

type ReadData = Pick<Extract<JobEvent, { type: "prepared" }>, "numTrain" | "numEvaluation" | "numTest"> & {
  readonly task: string;
};

function readMessage({ numTrain, numEvaluation, numTest, task }: ReadData): string {
  const tested = numTest === 0 ? "" : `, and ${numTest} to test the model on`;
  return `Read ${numTrain} examples to train on and ${numEvaluation} to evaluate on${tested}; task ${task}`;
}

/** Of a trial that goes on no more. */
function trialMessage({ trial, isBest }: Extract<JobEvent, { type: "trial" }>): RunnerEvent[] {
  const { number, status, metric, score } = trial;
  if (!isOver(trial)) return [];
  const point = shownPoint(trial.hyperparameters);
  const result =
    status === "failed"
      ? `failed: ${errorOf(trial)}`
      : `${metric}=${shownNumber(score)}${status === "stopped" ? ", stopped: others go on" : isBest ? ", the best so far" : ""}`;
  const level = status === "failed" ? ("warn" as const) : ("info" as const);
  const data = { trial: number, status, score };
  return [
    {
      type: "message",
      level,
      message: `Trial ${number} (${point}): ${result}`,
      data,
      once: `trial ${number} ${status}`,
    },
  ];
}

/** Metrics of an evaluation, by the names that jobs have for them. */
function validNumbers(metrics: Evaluation["metrics"]): EvaluationNumbers {
  return Object.fromEntries(Object.entries(metrics).map(([name, value]) => [`valid_${name}`, value]));
}

/** Of the test, as data of events. */
export function testNumbers({ metrics }: Pick<LoggedTest, "metrics">): TestNumbers {
  return Object.fromEntries(Object.entries(metrics).map(([name, value]) => [`test_${name}`, value]));
}

function testMessage({ step, metrics }: LoggedTest): string {
  const shown = Object.entries(metrics).map(([name, value]) => `${name}=${shownNumber(value)}`);
  return `Test of the checkpoint of step ${step}: ${shown.join(", ")}`;
}

function stepEvents(event: Extract<JobEvent, { type: "step" }>, loggingSteps: number | undefined): RunnerEvent[] {
  const { step, totalSteps, secondsLeft, trainedTokens, isReplayed } = event;
  const stages = stageSeconds(event);
  const { forward, backward, waiting, other } = sumOfSeconds(stages);
  const metrics: StepNumbers = {
    train_loss: event.loss,
    learning_rate: event.learningRate,
    gradient_norm: event.gradientNorm,
    tokens_per_second: event.tokensPerSecond,
    examples_per_second: event.examplesPerSecond,
    step_seconds: event.seconds,
    forward_seconds: forward,
    backward_seconds: backward,
    waiting_seconds: waiting,
    other_seconds: other,
    bubble_ratio: waiting / Math.max(1e-9, forward + backward + waiting),
    padding_ratio: event.paddingShare,
  };
  const facts = { secondsLeft, trainedTokens, stages, isReplayed };
  const shown: RunnerEvent = { type: "progress", step, totalSteps, metrics, ...facts };
  const every = loggingSteps ?? Math.max(1, Math.ceil(totalSteps / MAX_KEPT_STEPS));
  return step % every === 0 || step === totalSteps ? [shown, { type: "metrics", step, totalSteps, metrics }] : [shown];
}

/** What a client is told of an error, and which of its fields is to blame: of two files with one name the first. */
export function failureOf(
  error: unknown,
  files: Partial<Pick<TrainingSettings, "data" | "evaluation_data">>,
): JobFailure {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && "code" in error ? String(error.code) : "internal_error";
  if (error instanceof DataError) {
    const { file } = error;
    const isValidation = file !== undefined && file === files.evaluation_data?.name && file !== files.data?.name;
    const param = isValidation ? "validation_file" : "training_file";
    return { code: `invalid_${param}`, message, param };
  }
  return { code, message, param: code === "training_option" ? "hyperparameters" : null };
}
