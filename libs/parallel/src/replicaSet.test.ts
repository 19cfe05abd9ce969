/** @file Several replicas, and several models on them. */
import { describe, expect, test } from "vitest";
import { Batcher } from "./batcher.ts";
import type { Replica } from "./replica.ts";
import { ReplicaSet } from "./replicaSet.ts";

/** A replica that takes micro-batches and never answers; `sent` are the models that they were for. */
function replicaOf(facts: { readonly missingStage: number | null }) {
  const sent: number[] = [];
  const replica = {
    ...facts,
    sent,
    freeSlots: 0,
    runCost: undefined,
    get numInFlight() {
      return sent.length;
    },
    submitTo(model: number) {
      sent.push(model);
      replica.freeSlots--;
      return new Promise(() => {});
    },
  };
  return replica;
}

function setOf(replicas: readonly ReturnType<typeof replicaOf>[]): ReplicaSet {
  return new ReplicaSet(replicas as unknown as Replica[], { numStages: 3, numLanes: 1 });
}

describe("ReplicaSet", () => {
  test("lets the models on it take turns, whoever came first", () => {
    const replica = replicaOf({ missingStage: null });
    const set = setOf([replica]);
    const text = { ids: new Int32Array(10), typeIds: new Int32Array(10) };
    const leaving = new AbortController();
    for (const pipeline of [set, set.portOf(1), set.portOf(2)]) {
      const batcher = new Batcher({ pipeline, maxBatchTokens: 10, maxQueuedTokens: 1000, now: () => 0 });
      const request = {
        texts: Array.from({ length: 9 }, () => text),
        output: "sentence",
        timeoutMs: 1e6,
        signal: leaving.signal,
      } as const;
      batcher.submit(request).catch(() => {});
    }
    for (const freeSlots of [2, 4]) {
      replica.freeSlots = freeSlots;
      set.changed();
    }
    expect(replica.sent).toEqual([0, 1, 2, 0, 1, 2]);
    leaving.abort();
  });

  test("knows a stage that one replica waits for, although another works", () => {
    const set = setOf([replicaOf({ missingStage: null }), replicaOf({ missingStage: 2 })]);
    expect(set.missingStageOfAny).toBe(2);
    expect(setOf([replicaOf({ missingStage: null })]).missingStageOfAny).toBe(null);
  });
});
