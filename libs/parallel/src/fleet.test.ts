import { describe, expect, test } from "vitest";
import { StageFailureError, StageLostError } from "./errors.ts";
import { PROTOCOL_VERSION } from "./frame.ts";
import { closeCodes } from "./socket.ts";
import { Cluster, timing, type ClusterOptions, type SimulatedWorker } from "./testing/cluster.ts";
import { batchOf, expectedOf, give, vectorsOf, watch, type Work } from "./testing/work.ts";

/** A pipeline that is up. */
async function up(options: Partial<ClusterOptions> = {}) {
  const cluster = new Cluster({ numStages: 2, ...options });
  const workers = cluster.startAll();
  await cluster.network.settle();
  expect(cluster.states.every((state) => state === "up")).toBe(true);
  return { cluster, workers, pipeline: cluster.fleet.pipeline, replica: cluster.fleet.pipeline.replicas[0]! };
}

/** Time enough for leases to run out, engines to count as stuck, links to be missed, and pauses to pass. */
const LONG_MS = 40_000;

const expectDone = (work: Work, numStages = 2) => expect(vectorsOf(work)).toEqual(expectedOf(work, numStages));

const isLost = ({ outcome }: Work, stage: number) => {
  expect(outcome).toMatchObject({ endings: 1, error: { code: "stage_lost", stage } });
  expect(outcome.error).toBeInstanceOf(StageLostError);
};

/** "works" when all is up and what is given to it comes back; else what is the matter. */
async function trial(cluster: Cluster, numStages = 2): Promise<string> {
  if (!cluster.states.every((state) => state === "up")) return `states: ${cluster.states.join()}`;
  const work = give(cluster.fleet.pipeline, [[1, 2, 3], [9]]);
  await cluster.advance(1000);
  const [got, expected] = [vectorsOf(work), expectedOf(work, numStages)].map((each) => JSON.stringify(each));
  return got === expected ? "works" : `${got} instead of ${expected}: ${String(work.outcome.error)}`;
}

describe("a fleet", () => {
  test.each([1, 2, 3, 5])("forms a pipeline of %i stages: loading, linking, up", async (numStages) => {
    const { cluster } = await up({ numStages });
    expect(cluster.events.states.map(({ state }) => state)).toEqual(["loading", "linking", "up"]);
    expect(await trial(cluster, numStages)).toBe("works");
  });

  test("waits for the last worker, and says which stage is missing", async () => {
    const cluster = new Cluster({ numStages: 3 });
    cluster.start("a", { replica: 0, stage: 0 });
    cluster.start("c", { replica: 0, stage: 2 });
    await cluster.advance(LONG_MS);
    expect(cluster.states).toEqual(["forming"]);
    expect(cluster.fleet.pipeline.missingStage).toBe(1);
    cluster.start("b", { replica: 0, stage: 1 });
    await cluster.network.settle();
    expect(cluster.fleet.pipeline.missingStage).toBeNull();
    expect(await trial(cluster, 3)).toBe("works");
  });

  test("gives every worker its layers, whatever the order in which they join", async () => {
    const cluster = new Cluster({ numStages: 3 });
    for (const stage of [2, 0, 1]) cluster.start(`stage ${stage}`, { replica: 0, stage });
    await cluster.network.settle();
    for (const { name, host } of cluster.workers) {
      const [{ stage, layers }] = host.loads as [(typeof host.loads)[number]];
      expect([`stage ${stage}`, layers]).toEqual([name, { start: stage, end: stage + 1 }]);
    }
  });

  test("seats a worker that was not started for a place in the last one, and leaves the first to those that were", async () => {
    const cluster = new Cluster({ numStages: 3 });
    cluster.start("from elsewhere");
    await cluster.network.settle();
    for (const stage of [0, 1]) cluster.start(`stage ${stage}`, { replica: 0, stage });
    await cluster.network.settle();
    expect(cluster.states).toEqual(["up"]);
    const seats = cluster.fleet.workers().map(({ workerId, place }) => [workerId, place?.stage]);
    expect(Object.fromEntries(seats)).toEqual({ "stage 0": 0, "stage 1": 1, "from elsewhere": 2 });
  });

  test("seats workers that were not started for a place wherever one is open", async () => {
    const cluster = new Cluster({ numStages: 2, numReplicas: 2 });
    for (const name of ["a", "b", "c", "d"]) cluster.start(name);
    await cluster.network.settle();
    expect(cluster.states).toEqual(["up", "up"]);
    expect(new Set(cluster.fleet.workers().map(({ place }) => JSON.stringify(place))).size).toBe(4);
  });

  test("shows every place with its layers, who has it, and what that one has loaded", async () => {
    const { cluster } = await up({ numStages: 2, numReplicas: 2 });
    const ranges = [0, 1].map((stage) => ({ start: stage, end: stage + 1 }));
    expect(cluster.fleet.stages().map(({ replica, stage, layers }) => [replica, stage, layers])).toEqual([
      ...ranges.map((layers, stage) => [0, stage, layers]),
      ...ranges.map((layers, stage) => [1, stage, layers]),
    ]);
    for (const { worker, facts, replica, stage } of cluster.fleet.stages()) {
      expect(worker!.place).toEqual({ replica, stage });
      expect(facts).toMatchObject({ engine: "fake", parameterBytes: 100 });
    }
    cluster.workers[0]!.kill();
    await cluster.network.settle();
    const { place } = cluster.events.lost[0]!.worker;
    const open = cluster.fleet.stages().filter(({ worker }) => worker === null);
    expect(open).toMatchObject([{ ...place, facts: null }]);
  });

  test("adds up what a run costs in its stages", async () => {
    const { pipeline } = await up({ numStages: 3 });
    expect(pipeline.runCost?.fixed).toBeCloseTo(3e-3, 12);
  });
});

describe("a pipeline that is up", () => {
  test("brings each micro-batch's own result, with the time of each stage", async () => {
    const { cluster, pipeline } = await up({ numStages: 3, credits: 8 });
    const works = Array.from({ length: 8 }, (_, index) =>
      give(pipeline, [
        [index + 1, 5],
        [7 * index, 1, 1],
      ]),
    );
    await cluster.advance(1000);
    for (const work of works) expectDone(work, 3);
    const { timings } = works[0]!.outcome.value!;
    expect(timings).toMatchObject([0, 1, 2].map((stage) => ({ stage, busyMs: 5 })));
    // The clock of a memory network's machines is one: a stage begins when the one before has ended.
    expect(timings.map(({ startedAt }) => startedAt - timings[0]!.startedAt)).toEqual([0, 5, 10]);
  });

  test("brings a row per token when tokens are asked for", async () => {
    const { cluster, pipeline } = await up();
    const outcome = watch(pipeline.submit(batchOf([[4, 5], [6]]), "tokens", { attempt: 0 }));
    await cluster.advance(1000);
    expect(outcome.value?.shape).toEqual([3, 4]);
    expect([...outcome.value!.data].filter((_, index) => index % 4 === 0)).toEqual([4, 5, 6]);
  });

  test("has as many free slots as a stage has places, and gets each back", async () => {
    const { cluster, pipeline } = await up({ credits: 2 });
    expect(pipeline.freeSlots).toBe(2);
    give(pipeline, [[1]]);
    give(pipeline, [[2]]);
    expect(pipeline.freeSlots).toBe(0);
    await cluster.advance(1000);
    expect(pipeline.freeSlots).toBe(2);
  });

  test("goes on beyond the results that may be under way at once", async () => {
    const { cluster, pipeline } = await up();
    for (let id = 1; id <= 200; id++) {
      const work = give(pipeline, [[id]]);
      await cluster.advance(20);
      expectDone(work);
    }
  });

  test("rejects a micro-batch on which an engine fails, with the stage, and stays up", async () => {
    const { cluster, workers, pipeline } = await up({ credits: 2 });
    workers[1]!.host.failureOf = (ids) => (ids.includes(666) ? new Error("out of memory") : null);
    // More often than there are places: each failure must give its place back.
    for (let round = 0; round < 5; round++) {
      const [bad, good] = [give(pipeline, [[666]]), give(pipeline, [[round + 1]])];
      await cluster.advance(1000);
      expect(bad.outcome).toMatchObject({ endings: 1, error: { code: "stage_failure", stage: 1 } });
      expect(bad.outcome.error).toBeInstanceOf(StageFailureError);
      expect(String(bad.outcome.error)).toContain("out of memory");
      expectDone(good);
      expect(pipeline.replicas[0]!.numInFlight).toBe(0);
    }
    expect(cluster.events.states.map(({ state }) => state)).toEqual(["loading", "linking", "up"]);
  });

  test("sends each micro-batch to the replica with the fewest in flight", async () => {
    const { cluster, pipeline } = await up({ numReplicas: 2, credits: 2 });
    const works = [1, 2, 3, 4].map((id) => give(pipeline, [[id]]));
    expect(pipeline.replicas.map(({ numInFlight }) => numInFlight)).toEqual([2, 2]);
    await cluster.advance(1000);
    for (const work of works) expectDone(work);
    expect(new Set(works.map(({ outcome }) => outcome.value!.replica))).toEqual(new Set([0, 1]));
  });
});

describe("a stage that is killed", () => {
  test.each([0, 1, 2])(
    "(stage %i) ends what is in flight with its number, and the pipeline comes up again",
    async (stage) => {
      const { cluster, workers, replica, pipeline } = await up({ numStages: 3 });
      const works = [give(pipeline, [[1, 2]]), give(pipeline, [[3]])];
      await cluster.clock.advance(7, () => cluster.network.settle());
      const { epoch } = replica;
      workers[stage]!.kill();
      await cluster.network.settle();
      for (const work of works) isLost(work, stage);
      expect(pipeline.freeSlots).toBe(0);
      expect(pipeline.missingStage).toBe(stage);
      cluster.start("again", { replica: 0, stage });
      await cluster.advance(LONG_MS);
      expect(replica.epoch).toBeGreaterThan(epoch);
      expect(await trial(cluster, 3)).toBe("works");
      // Those that stayed did not load again what they had.
      expect(workers.filter(({ isAlive }) => isAlive).map(({ ends }) => ends.length)).toEqual([0, 0]);
    },
  );

  test("is replaced at once by a worker that stands by", async () => {
    const { cluster, workers } = await up();
    cluster.start("standby");
    await cluster.advance(500);
    workers[0]!.kill();
    await cluster.network.settle();
    expect(await trial(cluster)).toBe("works");
    expect(cluster.fleet.workers().find(({ workerId }) => workerId === "standby")?.place).toEqual({
      replica: 0,
      stage: 0,
    });
  });

  test("takes nothing with it in the other replica", async () => {
    const { cluster, workers, pipeline } = await up({ numReplicas: 2 });
    const works = [1, 2, 3, 4].map((id) => give(pipeline, [[id]]));
    workers[0]!.kill();
    await cluster.advance(1000);
    expect(works.filter(({ outcome }) => outcome.value !== undefined)).toHaveLength(2);
    expect(works.filter(({ outcome }) => outcome.error !== undefined)).toHaveLength(2);
    expect(pipeline.isUp).toBe(true);
    expect(pipeline.freeSlots).toBe(2);
  });

  const states: [string, (workers: readonly SimulatedWorker[], cluster: Cluster) => Promise<void>][] = [
    ["has joined", () => Promise.resolve()],
    [
      "loads",
      async (_, cluster) => {
        await cluster.advance(10);
        expect(cluster.states).toEqual(["loading"]);
      },
    ],
    [
      "links",
      async (_, cluster) => {
        await cluster.network.settle();
        await cluster.clock.advance(50);
        for (let count = 0; cluster.states[0] !== "linking" && count < 1000; count++) {
          await new Promise(setImmediate);
          cluster.network.deliverOne();
        }
        expect(cluster.states).toEqual(["linking"]);
      },
    ],
  ];
  test.each(states.flatMap(([name, reach]) => [0, 1, 2].map((stage) => [stage, name, reach] as const)))(
    "(stage %i) while it %s does not keep the pipeline from coming up",
    async (stage, _, reach) => {
      const cluster = new Cluster({ numStages: 3 });
      const workers = cluster.startAll();
      for (const { host } of workers) host.loadMs = 50;
      await reach(workers, cluster);
      workers[stage]!.kill();
      cluster.start("again", { replica: 0, stage });
      await cluster.advance(LONG_MS);
      expect(await trial(cluster, 3)).toBe("works");
    },
  );
});

describe("a connection for data that breaks", () => {
  // In the order in which they are made: gateway to stage 0, stage 0 to 1, stage 1 to the gateway.
  const names = ["from the gateway", "between the stages", "to the gateway"];
  const linksOf = (workers: readonly SimulatedWorker[], cluster: Cluster) => {
    const open = workers.flatMap((worker) => worker.openSockets.filter((socket) => socket !== worker.control));
    const find = (own: string, peer: string) =>
      open.find((socket) => socket.other.peer === own && socket.peer === peer) ??
      open.find((socket) => socket.peer === own && socket.other.peer === peer);
    expect(cluster.states).toEqual(["up"]);
    const links = [find("r0s0", "gateway"), find("r0s0", "r0s1"), find("r0s1", "gateway")];
    return links.map((link) => link!);
  };

  test.each(names.map((name, index) => [name, index] as const))(
    "%s ends what is in flight, and the pipeline comes up again",
    async (_, index) => {
      const { cluster, workers, pipeline } = await up();
      const work = give(pipeline, [[1, 2]]);
      await cluster.clock.advance(2, () => cluster.network.settle());
      linksOf(workers, cluster)[index]!.cut();
      await cluster.network.settle();
      expect(work.outcome).toMatchObject({ endings: 1, error: { code: "stage_lost" } });
      await cluster.advance(LONG_MS);
      expect(await trial(cluster)).toBe("works");
      expect(cluster.events.lost).toEqual([]);
    },
  );

  test.each(names.map((name, index) => [name, index] as const))(
    "%s is missed by one end only, and the pipeline comes up again",
    async (_, index) => {
      for (const isOther of [false, true]) {
        const { cluster, workers } = await up();
        const link = linksOf(workers, cluster)[index]!;
        // One end is told, the other never hears of it.
        (isOther ? link.other : link).silence();
        (isOther ? link.other : link).terminate();
        await cluster.advance(LONG_MS);
        expect(await trial(cluster)).toBe("works");
      }
    },
  );

  test.each(names.map((name, index) => [name, index] as const))(
    "%s without a word is noticed by what does not come back, and the pipeline comes up again",
    async (_, index) => {
      const { cluster, workers, pipeline } = await up();
      linksOf(workers, cluster)[index]!.silence();
      const work = give(pipeline, [[1, 2]]);
      await cluster.advance(2 * LONG_MS);
      expect(work.outcome).toMatchObject({ endings: 1, error: { code: "stage_lost" } });
      expect(await trial(cluster)).toBe("works");
    },
  );

  test("without a word while the pipeline links up does not keep it from coming up", async () => {
    const cluster = new Cluster({ numStages: 2 });
    const workers = cluster.startAll();
    for (let count = 0; count < 1000; count++) {
      await new Promise(setImmediate);
      const links = workers.flatMap((worker) => worker.sockets.filter((socket) => socket !== worker.control));
      if (cluster.states[0] === "linking" && links.length > 0) {
        links[0]!.silence();
        break;
      }
      cluster.network.deliverOne();
    }
    await cluster.network.settle();
    expect(cluster.states).toEqual(["linking"]);
    await cluster.advance(2 * LONG_MS);
    expect(await trial(cluster)).toBe("works");
  });
});

describe("a lease", () => {
  test("is lost by a worker that stands still, and its place goes to one that stands by", async () => {
    const { cluster, workers, pipeline } = await up();
    cluster.start("standby");
    await cluster.advance(100);
    const work = give(pipeline, [[1]]);
    workers[1]!.freeze();
    await cluster.advance(timing.leaseMs + 2 * timing.heartbeatMs);
    isLost(work, 1);
    expect(cluster.events.lost.map(({ worker, reason }) => [worker.workerId, reason])).toEqual([
      ["r0s1", "no heartbeat for 4 s"],
    ]);
    expect(await trial(cluster)).toBe("works");
    // When it goes on it joins again and stands by; what it says of the old epoch moves nobody.
    workers[1]!.thaw();
    await cluster.advance(LONG_MS);
    expect(cluster.fleet.workers().filter(({ place }) => place === null)).toHaveLength(1);
    expect(await trial(cluster)).toBe("works");
  });

  test("outlasts a stillness that is shorter", async () => {
    const { cluster, workers, replica } = await up();
    const { epoch } = replica;
    workers[0]!.freeze();
    await cluster.advance(timing.leaseMs - timing.heartbeatMs);
    workers[0]!.thaw();
    await cluster.advance(LONG_MS);
    expect(replica.epoch).toBe(epoch);
    expect(cluster.events.lost).toEqual([]);
    expect(await trial(cluster)).toBe("works");
  });

  test("is not lost when the whole machine sleeps", async () => {
    const { cluster, workers, replica } = await up();
    const { epoch } = replica;
    cluster.gateway.isFrozen = true;
    for (const worker of workers) worker.freeze();
    await cluster.advance(600_000);
    cluster.gateway.thaw();
    for (const worker of workers) worker.thaw();
    await cluster.advance(LONG_MS);
    expect([replica.epoch, cluster.events.lost]).toEqual([epoch, []]);
    expect(await trial(cluster)).toBe("works");
  });

  test("of the gateway is watched by its workers: they leave one that stands still, and come back", async () => {
    const { cluster, workers } = await up();
    cluster.gateway.isFrozen = true;
    for (const { control } of workers) cluster.network.frozen.add(control!.other);
    await cluster.advance(timing.leaseMs + 2 * timing.heartbeatMs);
    expect(workers.map(({ ends }) => ends.map((end) => JSON.stringify(end)).join())).toEqual(
      workers.map(() => expect.stringContaining("silent for longer than the lease")),
    );
    cluster.network.frozen.clear();
    cluster.gateway.thaw();
    await cluster.advance(LONG_MS);
    expect(await trial(cluster)).toBe("works");
  });
});

describe("a stage whose engine hangs", () => {
  test("is lost once it has been on one micro-batch for too long, and the work can be given to another", async () => {
    const { cluster, workers, pipeline } = await up();
    workers[0]!.host.isHanging = true;
    const work = give(pipeline, [[1]]);
    await cluster.advance(timing.stuckMs - 2 * timing.heartbeatMs);
    expect(work.outcome.endings).toBe(0);
    cluster.start("standby");
    await cluster.advance(4 * timing.heartbeatMs);
    isLost(work, 0);
    expect(cluster.events.lost[0]!.reason).toMatch(/on one micro-batch for 1\d s/);
    workers[0]!.kill();
    await cluster.advance(LONG_MS);
    expect(await trial(cluster)).toBe("works");
  });

  test("but one that is slow, and gets on, keeps its place however long the queue before it is", async () => {
    const { cluster, workers, pipeline, replica } = await up({ numStages: 4, credits: 2 });
    const { epoch } = replica;
    // Eight micro-batches in the pipeline, each of them a minute on its way.
    for (const { host } of workers) host.runMs = 0.8 * timing.stuckMs;
    const works = Array.from({ length: 12 }, (_, id) => [id + 1]).map((ids) => ({ ids, work: null as Work | null }));
    for (let elapsed = 0; elapsed < 60 * timing.stuckMs; elapsed += 1000) {
      const next = works.find(({ work }) => work === null);
      if (next !== undefined && pipeline.freeSlots > 0) next.work = give(pipeline, [next.ids]);
      await cluster.advance(1000);
    }
    for (const { work } of works) expectDone(work!, 4);
    expect(replica.epoch).toBe(epoch);
  });
});

describe("a stage that cannot be loaded", () => {
  test("is reported with its reason, and tried again after growing pauses", async () => {
    const cluster = new Cluster({ numStages: 2 });
    const [first] = cluster.startAll();
    first!.host.refusal = Object.assign(new Error("another model"), { code: "model_mismatch" });
    await cluster.advance(60_000);
    const { refused } = cluster.events;
    expect(refused[0]).toMatchObject({
      worker: { workerId: "r0s0" },
      code: "model_mismatch",
      message: "another model",
    });
    // Pauses of 0.25, 0.5, 1, 2, 4, 8, then 10 seconds.
    expect(refused.length).toBeGreaterThanOrEqual(9);
    expect(refused.length).toBeLessThanOrEqual(12);
    first!.host.refusal = null;
    await cluster.advance(11_000);
    expect(await trial(cluster)).toBe("works");
  });
});

describe("frames of an epoch that is over", () => {
  test("reach no caller: what a stage finishes after it was replaced is dropped", async () => {
    const { cluster, workers, pipeline } = await up();
    workers[1]!.host.runMs = 2000;
    const old = give(pipeline, [[1, 1, 1]]);
    await cluster.advance(100);
    // Stage 0 dies while stage 1 is at work; another takes its place, and new work comes while the old is still running.
    workers[0]!.kill();
    cluster.start("again", { replica: 0, stage: 0 });
    await cluster.advance(500);
    isLost(old, 0);
    expect(cluster.states).toEqual(["up"]);
    const next = give(pipeline, [[5]]);
    await cluster.advance(10_000);
    expectDone(next);
    expect(old.outcome.endings).toBe(1);
  });
});

describe("Fleet.stop()", () => {
  test("lets every worker finish and leave, and leaves nothing behind: no timer, no connection", async () => {
    const { cluster, workers, pipeline } = await up({ numStages: 3 });
    cluster.start("standby");
    await cluster.advance(5000);
    const work = give(pipeline, [[1]]);
    await cluster.advance(500);
    expectDone(work, 3);
    cluster.fleet.stop();
    await cluster.advance(LONG_MS);
    expect(workers.map(({ ends }) => ends)).toEqual(workers.map(() => [{ kind: "stopped" }]));
    expect(cluster.fleet.workers()).toEqual([]);
    expect([cluster.leakedTimers, cluster.network.numOpen]).toEqual([0, 0]);
  });

  test("forms no pipeline any more", async () => {
    const { cluster, workers, replica } = await up();
    const { epoch } = replica;
    cluster.fleet.stop();
    workers[0]!.kill();
    cluster.start("late");
    await cluster.advance(LONG_MS);
    expect(replica.epoch).toBe(epoch);
  });
});

describe("a control connection", () => {
  const hello = {
    kind: "hello",
    protocol: PROTOCOL_VERSION,
    workerId: "w",
    seat: null,
    host: "machine",
    pid: 1,
    dataUrl: "memory://w",
  };

  test.each<[string, unknown, RegExp]>([
    ["another protocol version", { ...hello, protocol: 3 }, /expected protocol version 2, got 3/],
    ["no hello first", { kind: "linked", epoch: 1 }, /expected hello first, got linked/],
    ["what is no message", { kind: "dance" }, /control: /],
  ])("is closed with 4400 and a reason on %s", async (_, message, reason) => {
    const cluster = new Cluster({ numStages: 1 });
    const [own, other] = cluster.network.pair("w", "gateway");
    cluster.fleet.acceptControl(other);
    own.send(JSON.stringify(message));
    await cluster.network.settle();
    expect(own.ending?.code).toBe(closeCodes.protocolViolation);
    expect(own.ending?.reason).toMatch(reason);
    expect(cluster.fleet.workers()).toEqual([]);
  });

  test("on which a worker breaks the protocol costs it its place, and it is told why", async () => {
    const cluster = new Cluster({ numStages: 1 });
    const [own, other] = cluster.network.pair("w", "gateway");
    cluster.fleet.acceptControl(other);
    own.send(JSON.stringify(hello));
    await cluster.network.settle();
    expect(cluster.fleet.workers()).toHaveLength(1);
    own.send(JSON.stringify(hello));
    await cluster.network.settle();
    expect(cluster.fleet.workers()).toEqual([]);
    expect(cluster.events.lost[0]!.reason).toContain("second hello");
    expect(own.ending).toMatchObject({ code: closeCodes.protocolViolation });
    expect(own.ending?.reason).toContain("second hello");
  });

  test("that closes before the hello troubles nobody", async () => {
    const cluster = new Cluster({ numStages: 1 });
    const [own, other] = cluster.network.pair("w", "gateway");
    cluster.fleet.acceptControl(other);
    own.terminate();
    await cluster.network.settle();
    expect([cluster.fleet.workers(), cluster.events.lost]).toEqual([[], []]);
  });
});

describe("the counters of workers", () => {
  test("add up to the work that was done, also when a worker joins again", async () => {
    const { cluster, workers, pipeline } = await up();
    for (let id = 1; id <= 5; id++) {
      give(pipeline, [[id]]);
      await cluster.advance(1500);
    }
    workers[1]!.control!.cut();
    await cluster.advance(LONG_MS);
    for (let id = 1; id <= 3; id++) {
      give(pipeline, [[id]]);
      await cluster.advance(1500);
    }
    expect(workers.map(({ host }) => host.runs)).toEqual([8, 8]);
    expect(cluster.events.microBatches).toEqual(
      new Map([
        ["r0s0", 8],
        ["r0s1", 8],
      ]),
    );
  });
});
