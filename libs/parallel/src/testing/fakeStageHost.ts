/**
 * @file A stage without an engine: it takes time on a fake clock and computes something from which one can see which ids
 * went through which stages, in which order.
 *
 * Hidden rows are `[id, place in its text from 1, segment, trace]`; each stage appends its number from 1 to the trace, as a
 * decimal digit. As an engine's thread does, it takes the memory of a batch's large arrays away.
 */
import type { HiddenBatch, TokenBatch } from "@stagecoach/transformer";
import type { Assignment } from "../control.ts";
import { freeMemory } from "../freeMemory.ts";
import type { StageOutputKind, TimedOutput } from "../stage.ts";
import type { StageHost } from "../stageHost.ts";
import type { ProcessClock } from "./fakeClock.ts";
import { AHEAD_MS } from "./fakeTracer.ts";

const WIDTH = 4;

/** What a text's sentence vector must be: sums over its rows, its length, and the trace `12...numStages`. */
export function tracedVector(ids: readonly number[], numStages: number): number[] {
  const trace = Number(Array.from({ length: numStages }, (_, stage) => stage + 1).join(""));
  const sum = ids.reduce((a, b) => a + b, 0);
  return [sum, ids.reduce((total, id, place) => total + id * (place + 1), 0), ids.length, trace];
}

export class FakeStageHost implements StageHost {
  numPlaces = 1;
  loadMs = 0;
  runMs = 5;
  /** Loading ends with this error. */
  refusal: Error | null = null;
  /** What a run throws, by the ids or rows that it got; null for nothing. */
  failureOf: (firstValues: readonly number[]) => Error | null = () => null;
  /** Runs that begin now never end. */
  isHanging = false;
  /** Assignments that had to be loaded. */
  readonly loads: Assignment[] = [];
  /** Micro-batches that were finished. */
  runs = 0;
  readonly #clock: ProcessClock;
  #assignment: Assignment | null = null;
  /** When each run that is under way began. */
  readonly #running: number[] = [];

  constructor(clock: ProcessClock) {
    this.#clock = clock;
  }

  get runningMs(): number {
    const [oldest] = this.#running;
    return oldest === undefined ? 0 : this.#clock.now() - oldest;
  }

  load(assignment: Assignment) {
    const { refusal } = this;
    return new Promise<Awaited<ReturnType<StageHost["load"]>>>((resolve, reject) => {
      const finish = () => {
        if (refusal !== null) return reject(refusal);
        this.loads.push(assignment);
        this.#assignment = assignment;
        const facts = { engine: "fake", parameterBytes: 100, loadSeconds: this.loadMs / 1000 };
        resolve({ facts, runCost: { fixed: 1e-3, token: 1e-5, padded: 0, attention: 0 } });
      };
      if (this.loadMs === 0) finish();
      else this.#clock.after(this.loadMs, finish);
    });
  }

  run(batch: TokenBatch | HiddenBatch, output: StageOutputKind): Promise<TimedOutput> {
    if (this.#running.length >= this.numPlaces) throw new Error(`more than ${this.numPlaces} runs at the same time`);
    const assignment = this.#assignment;
    if (assignment === null) throw new Error("a run before the stage was loaded");
    const startedAt = this.#clock.now();
    this.#running.push(startedAt);
    // Whatever happens to the message that it came in, the batch is this run's.
    const rows = "hidden" in batch ? Array.from(batch.hidden) : tokenRows(batch);
    const lengths = Array.from(batch.lengths);
    freeMemory("hidden" in batch ? batch.hidden : batch.inputIds);
    const isHanging = this.isHanging;
    return new Promise((resolve, reject) => {
      if (isHanging) return;
      this.#clock.after(this.runMs, () => {
        this.#running.splice(this.#running.indexOf(startedAt), 1);
        const failure = this.failureOf(rows.filter((_, index) => index % WIDTH === 0));
        if (failure !== null) return reject(failure);
        this.runs++;
        const times = { busyMs: this.runMs, startedAt: startedAt + AHEAD_MS };
        resolve(outputOf(traced(rows, assignment.stage), lengths, { output, ...times }));
      });
    });
  }
}

function tokenRows({ inputIds, tokenTypeIds, lengths }: TokenBatch): number[] {
  let row = 0;
  return [...lengths].flatMap((length) =>
    Array.from({ length }, (_, place) => [inputIds[row]!, place + 1, tokenTypeIds[row++]!, 0]).flat(),
  );
}

const traced = (rows: readonly number[], stage: number): number[] =>
  rows.map((value, index) => (index % WIDTH === WIDTH - 1 ? value * 10 + stage + 1 : value));

function outputOf(
  rows: readonly number[],
  lengths: readonly number[],
  { output, ...times }: { readonly output: StageOutputKind; readonly busyMs: number; readonly startedAt: number },
): TimedOutput {
  if (output !== "sentence") return { shape: [rows.length / WIDTH, WIDTH], data: Float32Array.from(rows), ...times };
  let row = 0;
  const vectors = lengths.flatMap((length) => {
    const own = rows.slice(row * WIDTH, (row += length) * WIDTH);
    const sum = (value: (at: number) => number) =>
      Array.from({ length }, (_, place) => value(place * WIDTH)).reduce((a, b) => a + b, 0);
    return [sum((at) => own[at]!), sum((at) => own[at]! * own[at + 1]!), length, own[WIDTH - 1]!];
  });
  return { shape: [lengths.length, WIDTH], data: Float32Array.from(vectors), ...times };
}
