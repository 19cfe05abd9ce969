/**
 * @file A search over hyper-parameters, or a cross-validation: a job whose work is the runs of its trials, several at a time. Each is a
 * training run like any other, in a folder of its own; what they read, they read once.
 *
 * A folder in which a search has begun goes on with it: runs that are over stay so, the others go on from their checkpoints.
 */
import { Serial } from "@stagecoach/parallel";
import { DataError, stepOfShare, stopKindOf, TrainingError, type StopKind } from "@stagecoach/training";
import type { TaskName } from "@stagecoach/transformer";
import { availableParallelism } from "node:os";
import { threadsEach } from "../config/threadsEach.ts";
import type { Trial } from "../jobs/searchSchema.ts";
import { errorOf, ranked, shownPoint } from "../jobs/trialRanking.ts";
import { trialTexts } from "../jobs/trialReport.ts";
import { dataFacts, pinned, type JobData } from "../training/jobData.ts";
import { lockJobFolder, readJobSettings, writeJobSettings } from "../training/jobFolder.ts";
import { dataWarnings } from "../training/prepareData.ts";
import {
  runTrainingJob,
  runTrial,
  type JobEvent,
  type TrainingJobOptions,
  type TrainingJobResult,
} from "../training/runJob.ts";
import type { TrainingSettings } from "../training/trainingSettings.ts";
import { inParallel } from "./inParallel.ts";
import { addTexts, dropCheckpoints, folderBytes, moveModel, searchPaths } from "./searchFolder.ts";
import { SearchProgress } from "./searchProgress.ts";
import { encodingOf, SharedData } from "./sharedData.ts";
import { TrialBook, type RunPlace } from "./trialBook.ts";
import { pointsOf, roundsOf, settingsOfAll, settingsOfTrial, type SearchedSettings } from "./trials.ts";

/** @throws as `runTrainingJob`; TrainingError where no trial came to anything */
export async function runSearch(given: SearchedSettings, options: TrainingJobOptions): Promise<TrainingJobResult> {
  const lock = lockJobFolder(options.folder);
  try {
    return await new SearchRun(options).run(given);
  } catch (error) {
    const kind = stopKindOf(options.signal);
    if (kind === null || error !== options.signal?.reason) throw error;
    return { status: "stopped", kind, step: null };
  } finally {
    lock.release();
  }
}

class SearchRun {
  readonly #options: TrainingJobOptions;
  /** Stops all runs: because the search was told to, or because one of them cannot be gone on with. */
  readonly #failure = new AbortController();
  readonly #signal: AbortSignal;
  readonly #warnings = new Set<string>();
  /** Features of a frozen encoder. */
  readonly #computing = new Serial();

  constructor(given: TrainingJobOptions) {
    const { makeRoom, folder } = given;
    // The checkpoints of all runs are the job's. This one is on the disk already.
    const asked: TrainingJobOptions["makeRoom"] = async ({ step }) =>
      makeRoom?.({ step, bytes: await folderBytes(searchPaths(folder).trials) });
    const options = makeRoom === undefined ? given : { ...given, makeRoom: asked };
    this.#options = options;
    const { signal } = this.#failure;
    this.#signal = options.signal === undefined ? signal : AbortSignal.any([options.signal, signal]);
  }

  async run(given: SearchedSettings): Promise<TrainingJobResult> {
    const { folder, openPipeline } = this.#options;
    const begun = (await readJobSettings(folder)) as SearchedSettings | null;
    const asked: SearchedSettings = begun === null ? given : { ...begun, stages: given.stages };
    const points = pointsOf(asked);
    const all = points.map((point) => settingsOfTrial(asked, point));
    const tell = (event: JobEvent) => void this.#tell(event);
    const shared = new SharedData(asked.seed, { folder, openPipeline, tell, signal: this.#signal });
    try {
      const first = await shared.of(all[0]!);
      const placement = placementOf(asked, first, points.length);
      const settings = { ...asked, ...placement };
      await writeJobSettings(folder, settings);
      const book = await TrialBook.open(folder, { points, numFolds: settings.search.folds }, async (trial) => {
        await this.#tell({ type: "trial", trial, isBest: book.best?.number === trial.number });
      });
      await this.#announce(settings, first, points.length);
      const progress = new SearchProgress(settings.search, book);
      const search = {
        settings,
        // Of the search itself a trial has nothing.
        trials: all.map((each) => ({ ...each, ...placement, search: undefined })),
        shared,
        book,
        progress,
      };
      await this.#runRounds(search);
      const stop = stopKindOf(this.#options.signal);
      return stop === null ? await this.#finish(search) : this.#stopped(search, stop);
    } finally {
      await shared.close();
    }
  }

  async #announce(settings: PlacedSettings, { data }: JobData, numTrials: number): Promise<void> {
    const { parallel } = settings.search;
    await this.#tell({ type: "search", settings, ...dataFacts(data), numTrials, parallel: parallel! });
    for (const message of dataWarnings(data.reports)) await this.#warn(message);
  }

  async #runRounds(search: Search): Promise<void> {
    const { settings, book } = search;
    const rounds = roundsOf(settings.search, book.trials.length);
    const milestones = rounds.length === 1 ? [] : rounds.map(({ share }) => share);
    for (const [round, { numTrials, share }] of rounds.entries()) {
      const isFirst = round === 0;
      const left = isFirst ? book.trials : ranked(book.trials).filter(({ status }) => status !== "stopped");
      const chosen = left.slice(0, numTrials);
      if (!isFirst) await this.#drop(search, left.slice(numTrials));
      const places = chosen.flatMap(({ number, runs }) => runs.map((_, run) => ({ trial: number, run })));
      await inParallel(places, settings.search.parallel!, async (place) => {
        if (!this.#signal.aborted) await this.#run(search, place, { milestones, until: share });
      });
      if (this.#signal.aborted) return;
    }
  }

  /** These take part no more. */
  async #drop({ book }: Search, trials: readonly Trial[]): Promise<void> {
    await book.stop(trials.map(({ number }) => number));
    const { run } = searchPaths(this.#options.folder);
    for (const { number } of trials) await dropCheckpoints(run(number, null));
  }

  async #run(search: Search, place: RunPlace, part: Part): Promise<void> {
    const { settings, trials, shared, book, progress } = search;
    const before = book.runOf(place);
    const { status, fold, step, total_steps: totalSteps, intervals } = before;
    const hasCome = totalSteps !== null && step >= stepOfShare(part.until, totalSteps);
    if (status === "finished" || status === "failed" || (status === "paused" && hasCome)) return;
    // Another fold of it cannot be trained.
    if (book.of(place.trial).status === "failed") return;
    const started_at = Date.now();
    const interval = () => [...intervals, { started_at, ended_at: Date.now() }];
    const given = trials[place.trial - 1]!;
    const folder = searchPaths(this.#options.folder).run(place.trial, fold);
    try {
      await book.change(place, { status: "running", intervals: [...intervals, { started_at, ended_at: null }] });
      const { summary, evaluations } = await runTrial(given, {
        ...this.#options,
        ...part,
        folder,
        shared: await shared.forRun(given, settings.search.folds, fold),
        features: this.#featuresOf(given, fold),
        signal: this.#signal,
        onEvent: async (event) => {
          await this.#hear(search, place, event);
          if (event.type === "step") await this.#tell(progress.stepped(place, event));
        },
      });
      const { best, status: ended, trainedTokens } = summary;
      const isOver = ended !== "stopped";
      const isPaused = !isOver && !this.#signal.aborted;
      await book.change(place, {
        status: isOver ? "finished" : isPaused ? "paused" : "waiting",
        intervals: interval(),
        step: summary.step,
        trained_tokens: trainedTokens,
        ...(best === null ? {} : { value: best.value, best_step: best.step }),
        metrics: evaluations.find(({ step: at }) => at === best?.step)?.metrics ?? null,
      });
      if (isOver) await this.#tidy(search, place);
    } catch (error) {
      if (this.#signal.aborted && error === this.#signal.reason)
        return book.change(place, { status: "waiting", intervals: interval() });
      if (!isOfTrial(error)) {
        this.#failure.abort("shutdown");
        throw error;
      }
      await book.change(place, { status: "failed", intervals: interval(), error: error.message });
      await dropCheckpoints(folder);
    }
    return undefined;
  }

  async #hear({ settings, book }: Search, place: RunPlace, event: JobEvent): Promise<void> {
    if (event.type === "started") book.note(place, { total_steps: event.totalSteps });
    if (event.type === "step") book.note(place, { step: event.step, trained_tokens: event.trainedTokens });
    if (event.type === "checkpoint") await book.change(place, { saved_step: event.step });
    if (event.type === "caching") await this.#tell(event);
    if (event.type === "warning") await this.#warn(event.message);
    if (event.type !== "evaluation") return;
    const { step, evaluation, isBest } = event;
    const name = settings.hyperparameters?.metric_for_best_model ?? evaluation.primary;
    const value = evaluation.metrics[name] ?? null;
    const others = book.runOf(place).evaluations.filter((each) => each.step !== step);
    const best = isBest ? { value, best_step: step, metrics: { ...evaluation.metrics } } : {};
    await book.change(place, { evaluations: [...others, { step, value }], ...best }, name);
  }

  /** Once, although all trials say it. */
  async #warn(message: string): Promise<void> {
    if (this.#warnings.has(message)) return;
    this.#warnings.add(message);
    await this.#tell({ type: "warning", message });
  }

  /** Of runs that are over, only the best one's checkpoints are wanted: its model is made of them. */
  async #tidy({ settings, book }: Search, place: RunPlace): Promise<void> {
    const { run } = searchPaths(this.#options.folder);
    const over = book.trials.filter(({ status }) => status === "finished" || status === "stopped");
    // Those that still run may fail.
    const best = settings.search.folds === undefined ? ranked(over)[0]?.number : undefined;
    for (const { number, runs } of over) {
      if (number === best) continue;
      for (const { fold } of runs) await dropCheckpoints(run(number, fold));
    }
    if (settings.search.folds !== undefined) await dropCheckpoints(run(place.trial, book.runOf(place).fold));
  }

  async #finish(search: Search): Promise<TrainingJobResult> {
    const { settings, trials, shared, book, progress } = search;
    const { folder } = this.#options;
    const { best } = book;
    if (best === null) throw nothingFound(book.trials);
    const paths = searchPaths(folder);
    const given = trials[best.number - 1]!;
    const isFolded = settings.search.folds !== undefined;
    const result = await runTrainingJob(isFolded ? settingsOfAll(given, best) : given, {
      ...this.#options,
      folder: isFolded ? paths.all : paths.run(best.number, null),
      shared: isFolded ? await shared.forAll(given) : await shared.of(given),
      features: this.#featuresOf(given, null),
      onEvent: async (event) => {
        if (event.type === "step") await this.#tell(progress.stepped(null, event));
        else if (event.type === "warning") await this.#warn(event.message);
        else if (isOfModel(event)) await this.#tell(event);
      },
    });
    if (result.status === "stopped") return this.#stopped(search, result.kind);
    await addTexts(result.modelFolder, trialTexts(settings.search, book.trials));
    const modelFolder = await moveModel(result.modelFolder, folder);
    await this.#tell({ type: "exported", folder: modelFolder });
    return { ...result, settings: { ...result.settings, search: settings.search }, modelFolder, trials: book.trials };
  }

  #featuresOf(given: TrainingSettings, fold: number | null): NonNullable<TrainingJobOptions["features"]> {
    return {
      folder: searchPaths(this.#options.folder).features(given.seed, fold, encodingOf(given)),
      inTurn: (work) => this.#computing.run(work),
    };
  }

  #stopped({ progress }: Search, kind: StopKind): TrainingJobResult {
    return { status: "stopped", kind, step: progress.done };
  }

  async #tell(event: JobEvent): Promise<void> {
    await this.#options.onEvent?.(event);
  }
}

type PlacedSettings = SearchedSettings & { readonly task: TaskName };

type Part = { readonly milestones: readonly number[]; readonly until: number };

type Search = {
  readonly settings: SearchedSettings;
  /** Settings of each. */
  readonly trials: readonly TrainingSettings[];
  readonly shared: SharedData;
  readonly book: TrialBook;
  readonly progress: SearchProgress;
};

/** What is told of the run that becomes the model. */
const isOfModel = ({ type }: JobEvent) => type === "test" || type === "evaluating" || type === "caching";

/** With what decides the bytes of each run, wherever the search goes on. */
function placementOf(settings: SearchedSettings, given: JobData, numTrials: number) {
  const { stages, search } = settings;
  const numRuns = numTrials * (search.folds ?? 1);
  const places = Math.floor(availableParallelism() / (stages * (settings.threads ?? 1)));
  const parallel = search.parallel ?? Math.max(1, Math.min(numRuns, places));
  return {
    ...pinned(settings, given),
    task: given.data.task.name,
    threads: settings.threads ?? threadsEach(stages * parallel),
    search: { ...search, parallel },
  };
}

/** Of a run: it is too large for the machine, or cannot be trained. */
const trialErrors: readonly string[] = ["training_diverged", "training_option", "training_stalled"];

/** Whether another trial may fare better. */
function isOfTrial(error: unknown): error is Error {
  return error instanceof DataError || (error instanceof TrainingError && trialErrors.includes(error.code));
}

function nothingFound(trials: readonly Trial[]): TrainingError {
  const failed = trials.filter(({ status }) => status === "failed");
  const [first] = failed;
  const reason =
    first === undefined
      ? "got no value of the metric for any of them"
      : `got ${failed.length} that failed of ${trials.length}, the first one (${shownPoint(first.hyperparameters)}) with: ${errorOf(first)}`;
  return new TrainingError("training_option", `search: expected a trial that can be trained, ${reason}`);
}
