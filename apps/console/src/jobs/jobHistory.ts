/**
 * @file What a job has told so far: its numbers by step, its messages, and where it is.
 *
 * Events come once, in order; after a lost connection the server goes on behind the last one that was seen. The history is changed in
 * place: a job of 100 000 steps has as many events, and a copy for each would take the square of that.
 */
import type { JobEvent, JobProgress } from "./jobTypes.ts";

/** Values of one number by step, steps rising. */
export type Series = { readonly steps: readonly number[]; readonly values: readonly number[] };

export type ShareDone = { readonly step: number; readonly total: number };

type GrowingSeries = { readonly steps: number[]; readonly values: number[] };

export class JobHistory {
  readonly #series = new Map<string, GrowingSeries>();
  readonly #messages: JobEvent[] = [];
  /** Of the stream, while the job runs. */
  progress: JobProgress | null = null;
  #share: ShareDone | null = null;
  /** To go on from; empty before the first event. */
  lastEventId = "";

  add(event: JobEvent): void {
    this.lastEventId = event.id;
    this.#share = shareDone([event]) ?? this.#share;
    const { step } = event.data;
    if (event.type === "metrics" && typeof step === "number") this.#addNumbers(step, event.data);
    else this.#messages.push(event);
  }

  /** Names of all numbers that were told, in the order in which they came first. */
  get names(): readonly string[] {
    return [...this.#series.keys()];
  }

  get messages(): readonly JobEvent[] {
    return this.#messages;
  }

  /** Where the job is, or was when it was last told. */
  get share(): ShareDone | null {
    const { progress } = this;
    return progress === null ? this.#share : { step: progress.step, total: progress.total_steps };
  }

  /** Empty for a number that was never told. */
  series(name: string): Series {
    return this.#series.get(name) ?? { steps: [], values: [] };
  }

  /** The last value, and its step. */
  last(name: string): { readonly step: number; readonly value: number } | null {
    const { steps, values } = this.series(name);
    return steps.length === 0 ? null : { step: steps.at(-1)!, value: values.at(-1)! };
  }

  #addNumbers(step: number, data: JobEvent["data"]): void {
    for (const [name, value] of Object.entries(data)) {
      // Null where a metric is not defined.
      if (name === "step" || typeof value !== "number") continue;
      const series = this.#series.get(name) ?? { steps: [], values: [] };
      this.#series.set(name, series);
      put(series, step, value);
    }
  }
}

/** At its place: usually the end; a step that was made again after a loss replaces what it told before. */
function put({ steps, values }: GrowingSeries, step: number, value: number): void {
  let place = steps.length;
  while (place > 0 && steps[place - 1]! > step) place--;
  const isKnown = place > 0 && steps[place - 1] === step;
  if (isKnown) values[place - 1] = value;
  else {
    steps.splice(place, 0, step);
    values.splice(place, 0, value);
  }
}

/** Where a job is, by its newest events; null before its first step. Messages of steps begin as `Step 12/50: `. */
export function shareDone(newestFirst: readonly JobEvent[]): ShareDone | null {
  for (const { message } of newestFirst) {
    const [, step, total] = /^Step (\d+)\/(\d+):/.exec(message) ?? [];
    if (step !== undefined && total !== undefined) return { step: Number(step), total: Number(total) };
  }
  return null;
}
