/** @file The trials of a search as they come along: kept on disk, told to whoever watches. */
import { Serial } from "@stagecoach/parallel";
import type { Trial, TrialRun } from "../jobs/searchSchema.ts";
import { ranked } from "../jobs/trialRanking.ts";
import { readTrials, writeTrials } from "./searchFolder.ts";
import { newTrial, summarized } from "./trials.ts";

/** One run of a trial, by the trial's number and the run's place in it. */
export type RunPlace = { readonly trial: number; readonly run: number };

export class TrialBook {
  readonly #folder: string;
  readonly #tell: (trial: Trial) => Promise<void>;
  readonly #writing = new Serial();
  #trials: readonly Trial[];

  private constructor(folder: string, trials: readonly Trial[], tell: (trial: Trial) => Promise<void>) {
    this.#folder = folder;
    this.#trials = trials;
    this.#tell = tell;
  }

  /**
   * With what an earlier process has left of them.
   *
   * @param points - what each trial varies @param tell - awaited after a change is on disk
   */
  static async open(
    folder: string,
    {
      points,
      numFolds,
    }: { readonly points: readonly Trial["hyperparameters"][]; readonly numFolds: number | undefined },
    tell: (trial: Trial) => Promise<void>,
  ): Promise<TrialBook> {
    const kept = await readTrials(folder);
    const trials = points.map((point, at) => kept[at] ?? newTrial(at + 1, point, numFolds));
    return new TrialBook(folder, trials, tell);
  }

  get trials(): readonly Trial[] {
    return this.#trials;
  }

  of(number: number): Trial {
    return this.#trials[number - 1]!;
  }

  runOf({ trial, run }: RunPlace): TrialRun {
    return this.of(trial).runs[run]!;
  }

  get best(): Trial | null {
    return ranked(this.#trials).at(0) ?? null;
  }

  /** Seen at once by whoever asks, and on disk with the next change. */
  note({ trial, run }: RunPlace, change: Partial<TrialRun>): void {
    const { runs, ...rest } = this.of(trial);
    this.#set({ ...rest, runs: runs.map((each, at) => (at === run ? { ...each, ...change } : each)) });
  }

  /** Resolves once it is on disk and told. */
  change(place: RunPlace, change: Partial<TrialRun>, metric: string | null = null): Promise<void> {
    this.note(place, change);
    if (metric !== null) this.#set({ ...this.of(place.trial), metric });
    return this.#keep([place.trial]);
  }

  /** These take part no more: others were better. */
  async stop(numbers: readonly number[]): Promise<void> {
    for (const number of numbers) this.#set({ ...this.of(number), status: "stopped" });
    if (numbers.length > 0) await this.#keep(numbers);
  }

  #set(trial: Trial): void {
    const changed = summarized(trial);
    this.#trials = this.#trials.map((each) => (each.number === trial.number ? changed : each));
  }

  #keep(numbers: readonly number[]): Promise<void> {
    return this.#writing.run(async () => {
      await writeTrials(this.#folder, this.#trials);
      for (const number of numbers) await this.#tell(this.of(number));
    });
  }
}
