/**
 * @file A stage on several engine threads: a micro-batch that is alone gets all of them, several get a lane each.
 *
 * - All of a stage's threads on one micro-batch give the shortest answer; one lane for each of several gives the most answers a
 *   second (numLanes.ts). Which one it is depends on what waits, never on a setting.
 * - Lanes share one program on disk (SharedProgram): every further one costs its activations only, and gives the same bytes.
 *   The folder is deleted as soon as all have mapped it; while adapters of a model are loaded it is kept, and they map it too
 *   (programFolders.ts). Where it cannot be written, there is one lane, and `facts.engine` says why.
 * - A lane that is the only one has its next micro-batch at hand when it is done with one. With several, whichever is done first
 *   takes the next.
 * - A result can overtake an earlier one.
 */
import type { EngineName } from "@stagecoach/engine/node";
import type { HiddenBatch, TokenBatch } from "@stagecoach/transformer";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BASE_MODEL } from "../microBatchFrames.ts";
import { numLanes } from "../numLanes.ts";
import type { StageOutputKind, TimedOutput } from "../stage.ts";
import { ProgramFolders } from "./programFolders.ts";
import { StageThread } from "./stageThread.ts";
import type { LoadRequest, LoadResult, StageWidth } from "./threadMessages.ts";

/** Micro-batches that a lane has been given: the one it works on, and one that it need not wait for then. */
const LANE_DEPTH = 2;

type Waiting = {
  readonly model: number;
  /** On all threads whatever waits: its program is compiled for these alone. */
  readonly isWholeOnly: boolean;
  readonly start: (lane: Lane, width: StageWidth) => Promise<void>;
};

/** `given`: micro-batches; one that all threads work on fills every lane. */
type Lane = { readonly thread: StageThread; given: number };
type Lanes = readonly [Lane, ...Lane[]];

export class StageLanes {
  readonly #lanes: Lanes;
  readonly #threadsOfLane: number;
  /** Models that every lane holds; others run on all threads, one micro-batch at a time. */
  readonly #inLanes = new Set<number>();
  /** How each model was loaded. */
  readonly #requests = new Map<number, LoadRequest>();
  readonly #programs = new ProgramFolders();
  readonly #waiting: Waiting[] = [];
  readonly #unsettled = new Set<Promise<unknown>>();
  #isDispatching = false;

  constructor({ engine, threads }: { readonly engine: EngineName; readonly threads: number }) {
    const count = numLanes(engine, threads);
    this.#threadsOfLane = Math.floor(threads / count);
    const open = (): Lane => ({ thread: new StageThread({ engine, threads }), given: 0 });
    this.#lanes = [open(), ...Array.from({ length: count - 1 }, open)];
  }

  /** Micro-batches that are worked on at a time when enough are there. */
  get numLanes(): number {
    return this.#lanes.length;
  }

  /** Micro-batches that it takes at a time when enough are there. */
  get numPlaces(): number {
    return this.#isOnly ? LANE_DEPTH : this.#lanes.length;
  }

  get #isOnly(): boolean {
    return this.#lanes.length === 1;
  }

  /** Resolves when one of the threads has ended, asked to or not, with what it ended by. */
  get ended(): Promise<Error> {
    return Promise.race(this.#lanes.map(({ thread }) => thread.ended));
  }

  /** Milliseconds for which the oldest request that a thread works on has been with it; 0 when there is none. */
  get runningMs(): number {
    return Math.max(...this.#lanes.map(({ thread }) => thread.runningMs));
  }

  /** @throws EngineThreadError with the code of what went wrong */
  async load(request: LoadRequest): Promise<LoadResult> {
    const { model = BASE_MODEL } = request;
    this.#inLanes.delete(model);
    await this.#programs.leave(model);
    this.#requests.set(model, request);
    const [{ thread }] = this.#lanes;
    if (this.#isOnly) return thread.load(request);
    try {
      return await this.#loadShared(request);
    } catch (error) {
      await this.#unloadThreads(model);
      // What is wrong with the model is thrown by this as well.
      const { facts, runCost } = await thread.load(request);
      const why = error instanceof Error ? error.message : String(error);
      return { facts: { ...facts, engine: `${facts.engine}, one lane (${why})` }, runCost };
    }
  }

  async #loadShared(request: LoadRequest): Promise<LoadResult> {
    const folder = await mkdtemp(join(tmpdir(), "stagecoach-stage-"));
    try {
      return await this.#loadFrom(folder, request);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** Write the model's program, and load it from there in all widths. */
  async #loadFrom(folder: string, request: LoadRequest): Promise<LoadResult> {
    const [{ thread }] = this.#lanes;
    const result = await thread.load({ ...request, program: { folder, isWritten: false } });
    await this.#loadLanes({ ...request, program: { folder, isWritten: true } });
    return result;
  }

  async #loadLanes(request: LoadRequest): Promise<void> {
    if (this.#isOnly) return;
    const ofLane = { ...request, width: "lane", threads: this.#threadsOfLane } as const;
    await Promise.all(this.#lanes.map((lane) => lane.thread.load(ofLane)));
    this.#inLanes.add(request.model ?? BASE_MODEL);
  }

  /**
   * Load an adapter beside its base, which is loaded and goes on meanwhile; the base's weights are there once.
   *
   * The first adapter of a base has it written as a shared program and loaded from there, which gives the same bytes.
   * @param request.model - its number @param base - the base's
   * @throws EngineThreadError with the code of what went wrong
   */
  async loadBeside(request: LoadRequest & { readonly model: number }, base = BASE_MODEL): Promise<void> {
    const { model } = request;
    await this.unload(model);
    const ofBase = this.#requests.get(base);
    if (ofBase === undefined) throw new Error(`internal: an adapter of model ${base} before that was loaded`);
    try {
      const beside = await this.#programs.join(model, base, async (folder) => {
        await this.#loadFrom(folder, { ...ofBase, isReload: true });
      });
      await this.#lanes[0].thread.load({ ...request, beside });
      await this.#loadLanes({ ...request, beside });
    } catch (error) {
      await this.unload(model);
      throw error;
    }
  }

  /** Give back what was loaded under a number. */
  async unload(model: number): Promise<void> {
    this.#requests.delete(model);
    await this.#unloadThreads(model);
    await this.#programs.leave(model);
  }

  async #unloadThreads(model: number): Promise<void> {
    this.#inLanes.delete(model);
    await Promise.all(this.#lanes.map(({ thread }) => thread.unload(model)));
  }

  /** Run one micro-batch. Its large arrays are given away. */
  run(batch: TokenBatch | HiddenBatch, output: StageOutputKind, model = BASE_MODEL): Promise<TimedOutput> {
    const { promise, resolve, reject } = Promise.withResolvers<TimedOutput>();
    const start: Waiting["start"] = ({ thread }, width) =>
      thread.run(batch, output, { model, width }).then(resolve, reject);
    this.#waiting.push({ model, isWholeOnly: output === "attention", start });
    this.#unsettled.add(promise);
    const settled = () => void this.#unsettled.delete(promise);
    promise.then(settled, settled);
    this.#dispatchSoon();
    return promise;
  }

  /** Finish what was asked, give the engines' memory back, end the threads. */
  async stop(): Promise<void> {
    await Promise.allSettled(this.#unsettled);
    try {
      await Promise.all(this.#lanes.map(({ thread }) => thread.stop()));
    } finally {
      await this.#programs.removeAll();
    }
  }

  /** Not at once: what is handed over in the same turn, or because a result has just left, counts as company. */
  #dispatchSoon(): void {
    if (this.#isDispatching) return;
    this.#isDispatching = true;
    setImmediate(() => {
      this.#isDispatching = false;
      this.#dispatch();
    });
  }

  #dispatch(): void {
    for (;;) {
      const next = this.#waiting[0];
      if (next === undefined) return;
      const canShare = this.#isOnly || (this.#inLanes.has(next.model) && !next.isWholeOnly);
      const isIdle = this.#lanes.every(({ given }) => given === 0);
      const isWhole = !this.#isOnly && isIdle && (this.#waiting.length === 1 || !canShare);
      const lane = this.#lanes.toSorted((a, b) => a.given - b.given)[0]!;
      if (!isWhole && (!canShare || lane.given === LANE_DEPTH)) return;
      this.#waiting.shift();
      if (isWhole) this.#start(next, this.#lanes, { width: "whole", places: LANE_DEPTH });
      else this.#start(next, [lane], { width: this.#isOnly ? "whole" : "lane", places: 1 });
    }
  }

  /** @param lanes - those that have so many places less until it is done; it runs on the first one's thread */
  #start(
    next: Waiting,
    lanes: Lanes,
    { width, places }: { readonly width: StageWidth; readonly places: number },
  ): void {
    for (const lane of lanes) lane.given += places;
    void next.start(lanes[0], width).then(() => {
      for (const lane of lanes) lane.given -= places;
      this.#dispatchSoon();
    });
  }
}
