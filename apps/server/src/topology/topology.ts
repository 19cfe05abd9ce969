/** @file What a gateway has seen of its pipelines, kept in memory for those who watch it: who is where, what was lost, what went through. */
import type { Fleet, Place, StageView, WorkerCounters } from "@stagecoach/parallel";
import { MicroBatchRing } from "./microBatchRing.ts";
import { RecentCounters, type RecentWork } from "./recentCounters.ts";

/**
 * `up`: it can work. `waiting`: it has loaded its layers and waits for the other stages of its pipeline. `starting`: its worker is being
 * started, or loads. `lost`: its worker is gone, and no other has come yet.
 */
export const stageStates = ["up", "waiting", "starting", "lost"] as const;
export type StageState = (typeof stageStates)[number];

export type Loss = {
  /** Unix milliseconds. */
  readonly at: number;
  readonly reason: string;
};

export type SeenStage = StageView & {
  readonly state: StageState;
  /** Workers that were started in the place of one that ended unasked. */
  readonly restarts: number;
  readonly lastLoss: Loss | null;
  readonly work: RecentWork | null;
  readonly residentBytes: number | null;
};

type Book = { readonly counters: RecentCounters; restarts: number; lastLoss: Loss | null };

export class Topology {
  /** Once stages are being started. */
  fleet: Fleet | null = null;
  readonly microBatches: MicroBatchRing;
  readonly #unixNow: () => number;
  readonly #books = new Map<string, Book>();

  constructor(unixNow: () => number) {
    this.#unixNow = unixNow;
    this.microBatches = new MicroBatchRing({ unixNow });
  }

  count(place: Place, growth: WorkerCounters): void {
    this.#bookOf(place).counters.add(growth);
  }

  lost(place: Place, reason: string): void {
    const book = this.#bookOf(place);
    book.lastLoss = { at: this.#unixNow(), reason };
    book.counters.clear();
  }

  restarted(place: Place): void {
    this.#bookOf(place).restarts++;
  }

  /** Every place of every replica, as it is now. */
  stages(): SeenStage[] {
    const { fleet } = this;
    return (fleet?.stages() ?? []).map((view) => {
      const { counters, restarts, lastLoss } = this.#bookOf(view);
      const isUp = fleet?.pipeline.replicas[view.replica]?.state === "up";
      const state = stateOf(view, { isUp, wasLost: lastLoss !== null });
      return { ...view, state, restarts, lastLoss, work: counters.work(), residentBytes: counters.residentBytes };
    });
  }

  #bookOf({ replica, stage }: Place): Book {
    const key = `${replica}/${stage}`;
    const book = this.#books.get(key) ?? { counters: new RecentCounters(), restarts: 0, lastLoss: null };
    this.#books.set(key, book);
    return book;
  }
}

function stateOf(
  { worker, facts }: StageView,
  { isUp, wasLost }: { readonly isUp: boolean; readonly wasLost: boolean },
): StageState {
  if (worker === null) return wasLost ? "lost" : "starting";
  if (facts === null) return "starting";
  return isUp ? "up" : "waiting";
}
