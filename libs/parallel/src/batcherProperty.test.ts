import { describe, expect, test } from "vitest";
import { Batcher, type TokenizedText } from "./batcher.ts";
import { OverloadedError, StageFailureError, StageUnavailableError } from "./errors.ts";
import type { ServedOutput } from "./microBatchFrames.ts";
import { FakePipeline, sentenceVector, tokenVectors, type Submission } from "./testing/fakePipeline.ts";
import { turn } from "./testing/memoryNetwork.ts";
import { Random } from "./testing/random.ts";

const STEPS = 400;

/** What a text does to the stage that it meets. */
type Nature = "good" | "poison" | "killer";

type Client = {
  readonly number: number;
  readonly texts: readonly (readonly number[])[];
  readonly output: ServedOutput;
  readonly natures: ReadonlySet<Nature>;
  readonly controller: AbortController;
  /** How it ended, as often as it did. */
  readonly endings: (readonly number[][] | Error)[];
};

class Schedule {
  readonly clients: Client[] = [];
  readonly batcher: Batcher;
  readonly #random: Random;
  readonly #pipeline: FakePipeline;
  /** By first id, which no other text has. */
  readonly #natures = new Map<number, Nature>();
  readonly #losses = new Map<number, number>();
  readonly #hasFaults: boolean;

  /** @param hasFaults - many texts kill stages, and stages are lost and fail for no reason; else one text kills */
  constructor(random: Random, hasFaults: boolean) {
    this.#random = random;
    this.#hasFaults = hasFaults;
    this.#pipeline = new FakePipeline({ slots: random.whole(1, 5), numStages: random.whole(1, 3) });
    const maxBatchTokens = random.pick([16, 64, 200]);
    this.batcher = new Batcher({
      pipeline: this.#pipeline,
      maxBatchTokens,
      maxQueuedTokens: random.pick([300, 100_000]),
      now: () => 0,
    });
  }

  step(): void {
    const random = this.#random;
    if (random.chance(0.25)) this.#submit();
    if (random.chance(0.03)) random.pick(this.clients)?.controller.abort(new Error("the client has gone"));
    if (this.#hasFaults && random.chance(0.05)) this.#lose();
    if (this.#hasFaults && random.chance(0.02)) this.#pipeline.missingStage = 0;
    if (this.#pipeline.missingStage !== null && random.chance(0.3)) this.recover();
    if (random.chance(0.6) && this.#pipeline.inFlight.length > 0) this.work();
  }

  get isBusy(): boolean {
    return this.#pipeline.inFlight.length > 0;
  }

  recover(): void {
    this.#pipeline.missingStage = null;
    this.#pipeline.changed();
  }

  /** One of the micro-batches in flight meets its fate. */
  work(): void {
    const submission = this.#random.pick(this.#pipeline.inFlight);
    const natures = submission.texts.map((ids) => this.#natures.get(ids[0]!)!);
    if (natures.includes("killer")) this.#lose();
    else if (natures.includes("poison")) this.#pipeline.fail(submission, 1);
    else if (this.#hasFaults && natures.length > 1 && this.#random.chance(0.05)) this.#pipeline.fail(submission, 0);
    else this.#pipeline.complete(submission);
  }

  /** How often a request's unluckiest text was with a stage that was lost. */
  mostLosses({ texts }: Client): number {
    return Math.max(0, ...texts.map((ids) => this.#losses.get(ids[0]!) ?? 0));
  }

  get submissions(): readonly Submission[] {
    return this.#pipeline.submissions;
  }

  #lose(): void {
    for (const { texts } of this.#pipeline.inFlight) {
      for (const [first] of texts) this.#losses.set(first!, (this.#losses.get(first!) ?? 0) + 1);
    }
    this.#pipeline.lose(0);
  }

  #mayKill(): boolean {
    const hasKiller = [...this.#natures.values()].includes("killer");
    return this.#random.chance(0.005) && (this.#hasFaults || !hasKiller);
  }

  #submit(): void {
    const random = this.#random;
    const number = this.clients.length;
    const natures = new Set<Nature>();
    const texts = Array.from({ length: random.pick([0, 1, 1, 2, 5, 30]) }, (_, index) => {
      const first = number * 100 + index;
      const nature = random.chance(0.01) ? "poison" : this.#mayKill() ? "killer" : "good";
      natures.add(nature);
      this.#natures.set(first, nature);
      return [first, ...Array.from({ length: random.whole(0, random.pick([3, 30])) }, () => random.whole(1, 99))];
    });
    const controller = new AbortController();
    const client: Client = {
      number,
      texts,
      output: random.pick(["sentence", "tokens"]),
      natures,
      controller,
      endings: [],
    };
    this.clients.push(client);
    const request = {
      texts: texts.map((ids): TokenizedText => ({ ids: Int32Array.from(ids), typeIds: new Int32Array(ids.length) })),
      output: client.output,
      timeoutMs: 1e8,
      signal: controller.signal,
    };
    this.batcher.submit(request).then(
      ({ vectors }) => client.endings.push(vectors.map((vector) => [...vector])),
      (error: Error) => client.endings.push(error),
    );
  }
}

/** What is wrong with how a request ended; null when nothing is. */
function complaint(client: Client, schedule: Schedule, hasFaults: boolean): string | null {
  const [ending, ...more] = client.endings;
  if (ending === undefined || more.length > 0) return `ended ${client.endings.length} times`;
  if (!(ending instanceof Error)) {
    const expected = client.texts.map((ids) =>
      client.output === "sentence" ? sentenceVector(ids) : tokenVectors(ids),
    );
    return JSON.stringify(ending) === JSON.stringify(expected) ? null : "got the vectors of others";
  }
  if (ending.message === "the client has gone") return client.controller.signal.aborted ? null : "was aborted unasked";
  if (ending instanceof OverloadedError) return null;
  if (ending instanceof StageFailureError) return client.natures.has("poison") ? null : "failed for a text of others";
  if (ending instanceof StageUnavailableError) {
    const isDue = hasFaults ? schedule.mostLosses(client) >= 4 : client.natures.has("killer");
    return isDue ? null : "was given up for a text of others";
  }
  return `ended with ${String(ending)}`;
}

describe.each([
  ["texts on which stages fail, and one that kills them", false],
  ["many such texts, and stages that are lost for no reason", true],
])("a batcher with %s", (_, hasFaults) => {
  test(`ends every request once, with exactly its own vectors (60 schedules of ${STEPS} steps)`, async () => {
    let numRequests = 0;
    for (let seed = 1; seed <= 60; seed++) {
      const schedule = new Schedule(new Random(seed), hasFaults);
      for (let step = 0; step < STEPS; step++) {
        schedule.step();
        // Promises go on at once, or only after several things have happened.
        if (seed % 2 === 0 || step % 3 === 0) await turn();
      }
      schedule.recover();
      for (await turn(); schedule.isBusy; await turn()) schedule.work();
      await schedule.batcher.idle();
      const complaints = schedule.clients.map((client) => complaint(client, schedule, hasFaults)).filter(Boolean);
      expect({ seed, complaints }).toEqual({ seed, complaints: [] });
      expect([schedule.batcher.queuedTexts, schedule.batcher.queuedTokens]).toEqual([0, 0]);
      numRequests += schedule.clients.length;
    }
    expect(numRequests).toBeGreaterThan(4000);
  });
});
