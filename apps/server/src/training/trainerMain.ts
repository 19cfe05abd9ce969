/**
 * @file The trainer process of one job: started by a gateway, it trains, tells what happens, and ends.
 *
 * It dies with its gateway: without a channel nothing that it did could be kept.
 */
import { TrainingError } from "@stagecoach/training";
import { readRowTexts } from "@stagecoach/training/node";
import { pino } from "pino";
import type { CheckpointSize, JobEnd, RunnerEvent } from "../jobs/jobRunner.ts";
import { checkJob } from "./checkJob.ts";
import { failureOf, runnerEvents, testNumbers } from "./jobEvents.ts";
import { train as runJob } from "../search/train.ts";
import { TrainingJobError } from "./jobFolder.ts";
import { workerPipelines } from "./openTrainingPipeline.ts";
import type { TrainingJobResult } from "./runJob.ts";
import { ALIVE_MS, type FromTrainer, type ToTrainer } from "./trainerMessages.ts";

const stopping = new AbortController();
const waiting = new Map<number, () => void>();
const questions = new Map<number, (refusal: string | null) => void>();
let nextNumber = 1;

function tell(message: FromTrainer): void {
  process.send?.(message);
}

/** From now on, until the process ends. */
function sayAlive(): void {
  tell({ kind: "alive" });
  setInterval(tell, ALIVE_MS, { kind: "alive" }).unref();
}

/** Resolves when the gateway has made the event durable. */
function keep(event: RunnerEvent): Promise<void> {
  const number = nextNumber++;
  tell({ kind: "event", number, event });
  return new Promise((resolve) => waiting.set(number, resolve));
}

/** @throws TrainingError when the gateway has no room for it */
async function makeRoom(checkpoint: CheckpointSize): Promise<void> {
  const question = nextNumber++;
  tell({ kind: "room", question, checkpoint });
  const refusal = await new Promise<string | null>((resolve) => questions.set(question, resolve));
  if (refusal !== null) throw new TrainingError("checkpoint_quota", refusal);
}

const log = pino({ level: "info" }, pino.destination({ dest: 2, sync: true }));

/** Instead of training. What fails as nobody expects is in the log. */
async function answer(find: () => Promise<FromTrainer>): Promise<void> {
  try {
    tell(await find());
  } catch (error) {
    log.error({ err: error }, "no answer was found");
  }
  leave();
}

async function train({ folder, settings }: Extract<ToTrainer, { kind: "start" }>): Promise<void> {
  let trainedTokens = 0;
  try {
    const result = await runJob(settings, {
      folder,
      openPipeline: workerPipelines({
        log,
        signal: stopping.signal,
        onStep: (measured) => void keep({ type: "timeline", ...measured }),
      }),
      makeRoom,
      async onEvent(event) {
        if (event.type === "step" || event.type === "searchStep") ({ trainedTokens } = event);
        if (event.type === "started" || event.type === "search") sayAlive();
        const every = settings.hyperparameters?.logging_steps;
        for (const each of runnerEvents(event, every)) await keep(each);
      },
      signal: stopping.signal,
    });
    const end: JobEnd =
      result.status === "stopped"
        ? { status: "stopped" }
        : {
            status: "succeeded",
            modelFolder: result.modelFolder,
            task: result.settings.task,
            trainedTokens: trainedTokensOf(result) || trainedTokens,
            evaluations: result.evaluations,
            test: result.summary.test === null ? null : testNumbers(result.summary.test),
          };
    tell({ kind: "end", end });
  } catch (error) {
    if (error instanceof TrainingJobError && error.code === "training_folder_in_use")
      tell({ kind: "lost", reason: error.message });
    else {
      log.error({ err: error }, "training failed");
      tell({ kind: "end", end: { status: "failed", error: failureOf(error, settings) } });
    }
  }
  leave();
}

/** What was told is heard before. */
function leave(): void {
  process.off("disconnect", die).once("disconnect", () => process.exit(0));
  process.disconnect?.();
}

/** Of all runs of a search. */
function trainedTokensOf({ summary, trials = [] }: Extract<TrainingJobResult, { status: "succeeded" }>): number {
  const runs = trials.flatMap((trial) => trial.runs);
  const isOneOfThem = runs.length > 0 && trials.every((trial) => trial.runs.length === 1);
  return runs.reduce((sum, { trained_tokens: tokens }) => sum + tokens, isOneOfThem ? 0 : summary.trainedTokens);
}

/** Not by an exit, which can wait for ever (nodejs/node#54918), here with the job's lock in its hands. */
function die(): void {
  process.kill(process.pid, "SIGKILL");
}

process.on("disconnect", die);
for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => stopping.abort("shutdown"));
process.on("message", (message: ToTrainer) => {
  switch (message.kind) {
    case "start":
      return void train(message);
    case "check":
      return void answer(async () => ({
        kind: "checked",
        check: await checkJob(message.settings, { ...message, tell: () => {} }),
      }));
    case "texts":
      return void answer(async () => ({ kind: "found", rows: await readRowTexts(message.file, message) }));
    case "kept":
      waiting.get(message.event)?.();
      return void waiting.delete(message.event);
    case "room":
      questions.get(message.question)?.(message.refusal);
      return void questions.delete(message.question);
    case "stop":
      return stopping.abort(message.stop);
  }
});
