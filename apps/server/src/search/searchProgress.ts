/** @file How far a search is: the steps of all of its runs, and how many there will be by what is known of them. */
import type { TrainingEvent } from "@stagecoach/training";
import type { Search } from "../jobs/searchSchema.ts";
import { isOver } from "../jobs/trialRanking.ts";
import type { SearchEvent } from "./searchEvents.ts";
import type { RunPlace, TrialBook } from "./trialBook.ts";
import { roundsOf } from "./trials.ts";

type Step = Extract<TrainingEvent, { readonly type: "step" }>;

export class SearchProgress {
  readonly #search: Search;
  readonly #book: TrialBook;
  readonly #startedAt = performance.now();
  /** Made before this process began. */
  readonly #doneBefore: number;
  /** Of the run on all of the data. */
  #last: Step | null = null;

  constructor(search: Search, book: TrialBook) {
    this.#search = search;
    this.#book = book;
    this.#doneBefore = this.done;
  }

  /** Steps of all runs. */
  get done(): number {
    return this.#runs.reduce((sum, { step }) => sum + step, this.#last?.step ?? 0);
  }

  /** @param place - null for the run on all of the data */
  stepped(place: RunPlace | null, step: Step): SearchEvent {
    if (place === null) this.#last = step;
    const [done, total] = [this.done, this.#total];
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const rate = (done - this.#doneBefore) / seconds;
    return {
      type: "searchStep",
      step,
      trial: place?.trial ?? null,
      done,
      total: Math.max(done, total),
      secondsLeft: rate > 0 ? Math.max(0, total - done) / rate : null,
      trainedTokens: this.#runs.reduce((sum, run) => sum + run.trained_tokens, this.#last?.trainedTokens ?? 0),
      best: this.#book.best,
      numOver: this.#book.trials.filter(isOver).length,
      numTrials: this.#book.trials.length,
    };
  }

  get #runs() {
    return this.#book.trials.flatMap(({ runs }) => runs);
  }

  /** Runs that have not begun are taken to be as long as the others are on average. */
  get #total(): number {
    const known = this.#runs.flatMap(({ total_steps: steps }) => (steps === null ? [] : [steps]));
    const mean = known.reduce((sum, steps) => sum + steps, 0) / Math.max(1, known.length);
    const { folds } = this.#search;
    const rounds = roundsOf(this.#search, this.#book.trials.length);
    const runs = rounds.reduce(
      (sum, { numTrials, share }, round) => sum + numTrials * (share - (rounds[round - 1]?.share ?? 0)),
      0,
    );
    const last = folds === undefined ? 0 : (this.#last?.totalSteps ?? (mean * folds) / (folds - 1));
    return Math.round(mean * runs * (folds ?? 1) + last);
  }
}
