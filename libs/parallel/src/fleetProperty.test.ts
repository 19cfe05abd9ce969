import { describe, expect, test } from "vitest";
import { Batcher, type BatchResponse } from "./batcher.ts";
import { StageFailureError, StageLostError } from "./errors.ts";
import { Cluster, shuffle, type SimulatedWorker } from "./testing/cluster.ts";
import { tracedVector } from "./testing/fakeStageHost.ts";
import { Random } from "./testing/random.ts";
import { expectedOf, give, vectorsOf, watch, type Outcome, type Work } from "./testing/work.ts";

const STEPS = 250;
/** Time enough for leases, stuck engines, silent links and the longest pauses. */
const HEALING_MS = 200_000;

type Request = { readonly texts: readonly (readonly number[])[]; readonly outcome: Outcome<BatchResponse> };

/** A cluster to which everything happens that can happen to machines and networks. */
class Chaos {
  readonly cluster: Cluster;
  readonly works: Work[] = [];
  readonly requests: Request[] = [];
  readonly numStages: number;
  readonly faults = new Map<string, number>();
  readonly #random: Random;
  readonly #batcher: Batcher;
  #nextId = 1;
  #nextWorker = 0;

  constructor(random: Random) {
    this.#random = random;
    this.numStages = random.whole(1, 4);
    const numReplicas = random.whole(1, 2);
    this.cluster = new Cluster({ numStages: this.numStages, numReplicas, credits: random.whole(1, 3), random });
    this.#batcher = new Batcher({
      pipeline: this.cluster.fleet.pipeline,
      maxBatchTokens: 40,
      maxQueuedTokens: 1e6,
      now: this.cluster.clock.now,
    });
    this.#startMissing();
  }

  async step(): Promise<void> {
    const random = this.#random;
    if (random.chance(0.35)) this.#give();
    if (random.chance(0.12)) this.#breakSomething();
    if (random.chance(0.1)) this.#startMissing();
    if (random.chance(0.2)) this.#thawSomebody();
    if (random.chance(0.05)) this.cluster.network.expireCloses();
    await shuffle(this.cluster, random.whole(0, 30));
    const passMs = random.pick([0, 0, 1, 5, 100, 1500]);
    if (passMs > 0) await this.cluster.clock.advance(passMs, () => shuffle(this.cluster, random.whole(0, 40)));
  }

  /** Everything is as it should be from now on; whoever is broken is replaced. */
  async heal(): Promise<void> {
    for (const worker of this.#living) {
      if (worker.host.isHanging) worker.kill();
      if (worker.isFrozen) worker.thaw();
      worker.host.refusal = null;
      worker.host.failureOf = () => null;
    }
    this.cluster.network.expireCloses();
    await this.cluster.advance(HEALING_MS);
    // Those that were asked to leave have left by now.
    this.#startMissing();
    await this.cluster.advance(HEALING_MS);
  }

  async stop(): Promise<void> {
    this.cluster.fleet.stop();
    await this.cluster.advance(HEALING_MS);
  }

  get #living(): SimulatedWorker[] {
    return this.cluster.workers.filter(({ isAlive }) => isAlive);
  }

  #fault(name: string): void {
    this.faults.set(name, (this.faults.get(name) ?? 0) + 1);
  }

  #give(): void {
    const random = this.#random;
    const { pipeline } = this.cluster.fleet;
    const texts = Array.from({ length: random.whole(1, 4) }, () =>
      Array.from({ length: random.whole(1, 5) }, () => this.#nextId++ % 1000),
    );
    if (random.chance(0.5) && pipeline.freeSlots > 0) this.works.push(give(pipeline, texts));
    else if (this.requests.length < 60) {
      const tokenized = texts.map((ids) => ({ ids: Int32Array.from(ids), typeIds: new Int32Array(ids.length) }));
      const submitted = this.#batcher.submit({ texts: tokenized, output: "sentence", timeoutMs: 1e8 });
      this.requests.push({ texts, outcome: watch(submitted) });
    }
  }

  #breakSomething(): void {
    const random = this.#random;
    const living = this.#living;
    if (living.length === 0) return;
    const worker = random.pick(living);
    const sockets = worker.openSockets;
    const socket = sockets.length > 0 ? random.pick(sockets) : null;
    const faults: Record<string, () => void> = {
      kill: () => worker.kill(),
      freeze: () => worker.freeze(),
      cut: () => socket?.cut(),
      terminate: () => socket?.other.terminate(),
      silence: () => socket?.silence(),
      hang: () => (worker.host.isHanging = true),
      refuse: () => (worker.host.refusal = new Error("no such model")),
      accept: () => (worker.host.refusal = null),
      fail: () => (worker.host.failureOf = () => (random.chance(0.3) ? new Error("the engine said no") : null)),
      slow: () => (worker.host.runMs = random.pick([1, 50, 4000])),
      leave: () => worker.worker.leave(),
    };
    const name = random.pick(Object.keys(faults));
    faults[name]!();
    this.#fault(name);
  }

  #thawSomebody(): void {
    const frozen = this.#living.filter(({ isFrozen }) => isFrozen);
    if (frozen.length > 0) this.#random.pick(frozen).thaw();
  }

  /** As many workers as there are places: some started for a place, some for any. */
  #startMissing(): void {
    const { replicas, numStages } = this.cluster.fleet.pipeline;
    for (let missing = replicas.length * numStages - this.#living.length; missing > 0; missing--) {
      const seat = { replica: this.#random.whole(0, replicas.length - 1), stage: this.#random.whole(0, numStages - 1) };
      const worker = this.cluster.start(`w${this.#nextWorker++}`, this.#random.chance(0.5) ? seat : null);
      worker.host.loadMs = this.#random.pick([0, 0, 20, 3000]);
      worker.host.numPlaces = this.#random.whole(1, 3);
    }
  }
}

/** What is wrong with how a micro-batch ended. */
function workComplaint(work: Work, { numStages, cluster }: Chaos): string | null {
  const { endings, error, value } = work.outcome;
  if (endings !== 1) return `ended ${endings} times`;
  if (value !== undefined) {
    const [got, expected] = [vectorsOf(work), expectedOf(work, numStages)].map((each) => JSON.stringify(each));
    return got === expected ? null : `${got} instead of ${expected}`;
  }
  if (error instanceof StageFailureError) return null;
  const isPlace =
    error instanceof StageLostError &&
    error.stage < numStages &&
    error.replica < cluster.fleet.pipeline.replicas.length;
  return isPlace ? null : String(error);
}

/** What is wrong with how a request ended. */
function requestComplaint({ texts, outcome }: Request, { numStages }: Chaos): string | null {
  const { endings, error, value } = outcome;
  if (endings !== 1) return `ended ${endings} times`;
  if (value === undefined) {
    // Four losses of one text, or an engine that failed on it, end a request.
    const { code } = error as { code?: string };
    return code === "stage_unavailable" || code === "stage_failure" ? null : String(error);
  }
  const got = JSON.stringify(value.vectors.map((vector) => [...vector]));
  const expected = JSON.stringify(texts.map((ids) => tracedVector(ids, numStages)));
  return got === expected ? null : `${got} instead of ${expected}`;
}

describe("a fleet whose workers and connections fail in every way", () => {
  test(`comes up again, ends all work once and leaves nothing behind (60 schedules of ${STEPS} steps)`, async () => {
    const totals = { works: 0, done: 0, requests: 0, answered: 0, faults: new Map<string, number>() };
    for (let seed = 1; seed <= 60; seed++) {
      const chaos = new Chaos(new Random(seed));
      for (let step = 0; step < STEPS; step++) await chaos.step();
      await chaos.heal();
      const { cluster, works, requests } = chaos;
      expect({ seed, states: cluster.states }).toEqual({ seed, states: cluster.states.map(() => "up") });

      // A link that has gone silent while nothing was sent is noticed by the first work that does not come back.
      const { replicas } = cluster.fleet.pipeline;
      works.push(...replicas.map((replica) => give(replica, [[7]])));
      await cluster.advance(HEALING_MS);
      const last = replicas.map((replica) => give(replica, [[1, 2], [3]]));
      await cluster.advance(30_000);
      expect({ seed, last: last.map(vectorsOf) }).toEqual({
        seed,
        last: last.map((work) => expectedOf(work, chaos.numStages)),
      });
      const complaints = [
        ...works.map((work) => workComplaint(work, chaos)),
        ...requests.map((request) => requestComplaint(request, chaos)),
      ].filter((each) => each !== null);
      expect({ seed, complaints }).toEqual({ seed, complaints: [] });

      await chaos.stop();
      expect({ seed, timers: cluster.leakedTimers, workers: cluster.fleet.workers() }).toEqual({
        seed,
        timers: 0,
        workers: [],
      });
      totals.works += works.length;
      totals.done += works.filter(({ outcome }) => outcome.value !== undefined).length;
      totals.requests += requests.length;
      totals.answered += requests.filter(({ outcome }) => outcome.value !== undefined).length;
      for (const [name, count] of chaos.faults) totals.faults.set(name, (totals.faults.get(name) ?? 0) + count);
    }
    // The schedules were neither idle nor hopeless.
    expect(totals.done).toBeGreaterThan(250);
    expect(totals.works - totals.done).toBeGreaterThan(50);
    expect(totals.answered / totals.requests).toBeGreaterThan(0.5);
    expect([...totals.faults.values()].every((count) => count > 50)).toBe(true);
  });
});
