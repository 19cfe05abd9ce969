import { describe, expect, test } from "vitest";
import type { WorkerMessage } from "./control.ts";
import type { LinkHello } from "./dataLink.ts";
import { frameBytesFor, PROTOCOL_VERSION, type Frame } from "./frame.ts";
import { outputFrame, tokenFrame } from "./microBatchFrames.ts";
import { closeCodes } from "./socket.ts";
import { tracedVector } from "./testing/fakeStageHost.ts";
import { batchOf } from "./testing/work.ts";
import { heartbeatMs, leaseMs, WorkerScene } from "./testing/workerScene.ts";

const micro = (microBatch: number, ids: readonly number[] = [microBatch], epoch = 1): Frame =>
  tokenFrame({ epoch, microBatch, attempt: 0 }, batchOf([ids]), "sentence");

const kindsOf = (messages: readonly WorkerMessage[]) => messages.map(({ kind }) => kind);

describe("a session of StageWorker", () => {
  test("begins with a hello that says who it is and which protocol it speaks", () => {
    const scene = new WorkerScene();
    scene.serve();
    expect(scene.heard()).toEqual([
      {
        kind: "hello",
        protocol: PROTOCOL_VERSION,
        workerId: "w1",
        seat: null,
        host: "machine",
        pid: 3,
        dataUrl: "memory://w1",
      },
    ]);
  });

  test("sends a heartbeat each heartbeatMs from the welcome on", async () => {
    const scene = new WorkerScene();
    await scene.join();
    scene.heard();
    for (let beat = 1; beat <= 5; beat++) {
      await scene.advance(heartbeatMs);
      scene.say({ kind: "heartbeat" });
      const [heartbeat, ...more] = scene.heard();
      expect(heartbeat).toMatchObject({ kind: "heartbeat", runningMs: 0, counters: { residentBytes: 42 } });
      expect(more).toEqual([]);
    }
  });

  test("ends when the gateway is silent for longer than the lease, and tells it so", async () => {
    const scene = new WorkerScene();
    const session = await scene.join();
    await scene.advance(leaseMs);
    expect(session.endings).toBe(0);
    await scene.advance(2 * heartbeatMs);
    expect(session.value).toEqual({ kind: "lost", reason: "the gateway was silent for longer than the lease" });
    expect(scene.control.ending?.code).toBe(closeCodes.leaseExpired);
    expect(scene.process.numTimers).toBe(0);
  });

  test("does not end while the gateway answers", async () => {
    const scene = new WorkerScene();
    const session = await scene.join();
    for (let beat = 0; beat < 20; beat++) {
      scene.say({ kind: "heartbeat" });
      await scene.advance(heartbeatMs);
    }
    expect(session.endings).toBe(0);
  });

  test("does not end for a time in which it slept itself", async () => {
    const scene = new WorkerScene();
    const session = await scene.join();
    scene.process.isFrozen = true;
    await scene.advance(600_000);
    scene.process.thaw();
    scene.say({ kind: "heartbeat" });
    await scene.advance(heartbeatMs);
    expect(session.endings).toBe(0);
  });

  test("ends when no welcome comes", async () => {
    const scene = new WorkerScene();
    const session = scene.serve();
    await scene.advance(9000);
    expect(session.endings).toBe(0);
    await scene.advance(2000);
    expect(session.value).toEqual({ kind: "lost", reason: "no welcome from the gateway within 10 s" });
    expect(scene.process.numTimers).toBe(0);
  });

  test("ends with the reason that the gateway gave when it closes", async () => {
    const scene = new WorkerScene();
    const session = await scene.join();
    scene.control.close(closeCodes.goingAway, "the gateway is starting; join again");
    await scene.network.settle();
    expect(session.value).toEqual({ kind: "lost", reason: "the gateway is starting; join again" });
  });

  test.each(["{", '{"kind":"dance"}', '{"kind":"heartbeat","surprise":1}'])("ends with 4400 on %s", async (text) => {
    const scene = new WorkerScene();
    const session = await scene.join();
    scene.control.send(text);
    await scene.network.settle();
    expect(session.value).toMatchObject({ kind: "lost", reason: expect.stringMatching(/^control: /) as string });
    expect(scene.control.ending?.code).toBe(closeCodes.protocolViolation);
  });

  test("that has ended is not to be confused with the next one: its connection may close, or speak, much later", async () => {
    const scene = new WorkerScene();
    const first = await scene.join();
    const old = scene.control;
    old.silence();
    await scene.advance(leaseMs + 2 * heartbeatMs);
    expect(first.endings).toBe(1);
    const second = await scene.join();
    // What ws does when nobody has answered its close for 30 s.
    scene.network.expireCloses();
    await scene.network.settle();
    expect(second.endings).toBe(0);
    scene.assign({ stage: 0, numStages: 1, epoch: 1 });
    await scene.network.settle();
    expect(kindsOf(scene.heard())).toContain("ready");
  });

  test("that has ended hears nothing any more that was on its way to it", async () => {
    const scene = new WorkerScene();
    await scene.join();
    // What the gateway says is held up, until the worker has given it up and joined again.
    const held = scene.control.other;
    scene.network.frozen.add(held);
    scene.assign({ stage: 0, numStages: 1, epoch: 9 });
    await scene.advance(leaseMs + 2 * heartbeatMs);
    await scene.join();
    scene.heard();
    scene.network.frozen.delete(held);
    await scene.network.settle();
    expect(kindsOf(scene.heard())).toEqual([]);
    expect(scene.host.loads).toEqual([]);
  });
});

describe("an assignment", () => {
  test("is loaded, then the worker is ready and says what a run costs", async () => {
    const scene = new WorkerScene();
    await scene.join();
    scene.heard();
    scene.host.loadMs = 200;
    scene.assign({ stage: 1, numStages: 3, epoch: 7 });
    await scene.network.settle();
    expect(scene.heard()).toEqual([]);
    await scene.advance(200);
    expect(scene.heard()).toMatchObject([
      { kind: "ready", epoch: 7, engine: "fake", parameterBytes: 100, loadSeconds: 0.2, runCost: { fixed: 1e-3 } },
    ]);
    expect(scene.host.loads[0]!.layers).toEqual({ start: 1, end: 2 });
  });

  test("that cannot be loaded is refused with code and message", async () => {
    const scene = new WorkerScene();
    await scene.join();
    scene.heard();
    scene.host.refusal = Object.assign(new Error("no such model"), { code: "model_mismatch" });
    scene.assign({ stage: 0, numStages: 1, epoch: 7 });
    await scene.network.settle();
    expect(scene.heard()).toEqual([{ kind: "refused", epoch: 7, code: "model_mismatch", message: "no such model" }]);
  });

  test("that has been replaced while it loaded is not reported as ready, nor as refused", async () => {
    const scene = new WorkerScene();
    await scene.join();
    scene.heard();
    scene.host.loadMs = 500;
    scene.assign({ stage: 0, numStages: 1, epoch: 1 });
    await scene.advance(100);
    scene.assign({ stage: 0, numStages: 1, epoch: 2 });
    await scene.advance(100);
    scene.host.refusal = new Error("no");
    scene.assign({ stage: 0, numStages: 1, epoch: 3 });
    await scene.advance(100);
    scene.host.refusal = null;
    scene.assign({ stage: 0, numStages: 1, epoch: 4 });
    await scene.advance(600);
    expect(scene.heard()).toMatchObject([{ kind: "ready", epoch: 4 }]);
  });

  test.each([
    ["is done", null],
    ["fails", new Error("no")],
  ])(
    "of a gateway that is gone tells the next one nothing when its loading %s, also where epochs are equal",
    async (_, refusal) => {
      const scene = new WorkerScene();
      await scene.join();
      scene.host.loadMs = 1000;
      scene.host.refusal = refusal;
      scene.assign({ stage: 0, numStages: 1, epoch: 1 });
      await scene.advance(100);
      scene.control.cut();
      await scene.advance(100);
      await scene.join();
      scene.heard();
      scene.host.refusal = null;
      scene.host.loadMs = 2000;
      scene.assign({ stage: 0, numStages: 1, epoch: 1 });
      await scene.advance(900); // the first is loaded, or has failed, by now
      expect(kindsOf(scene.heard())).toEqual([]);
      await scene.advance(1500);
      expect(kindsOf(scene.heard())).toContain("ready");
    },
  );

  test("outlives a model that cannot be given back", async () => {
    const scene = new WorkerScene();
    Object.assign(scene.host, { unloadModel: () => Promise.reject(new Error("it is in use")) });
    const session = await scene.join();
    scene.assign({ stage: 0, numStages: 1, epoch: 1 });
    scene.say({ kind: "unloadModel", epoch: 1, number: 3 });
    await scene.network.settle();
    expect(scene.logged).toMatchObject([
      { event: "model not unloaded", facts: { number: 3, message: "it is in use" } },
    ]);
    expect(session.endings).toBe(0);
  });

  test("of a gateway that is gone tells one nothing that has assigned nothing yet", async () => {
    const scene = new WorkerScene();
    await scene.join();
    scene.host.loadMs = 1000;
    scene.assign({ stage: 0, numStages: 1, epoch: 1 });
    await scene.advance(100);
    scene.control.cut();
    await scene.advance(100);
    await scene.join();
    scene.heard();
    await scene.advance(900);
    expect(kindsOf(scene.heard())).toEqual([]);
  });
});

describe("the links of a stage", () => {
  test("of stage 0 are both dialed, for frames as large as assigned; it is linked when both are there", async () => {
    const scene = new WorkerScene();
    await scene.join();
    scene.assign({ stage: 0, numStages: 2, epoch: 1 });
    await scene.network.settle();
    scene.heard();
    scene.say({ kind: "connect", epoch: 1, inputUrl: "memory://in", outputUrl: "memory://next" });
    await scene.network.settle();
    const { hello: first } = await scene.accept("memory://in");
    expect(first).toEqual({ replica: 0, stage: 0, epoch: 1, role: "receiver" });
    expect(scene.heard()).toEqual([]);
    const { hello: second } = await scene.accept("memory://next");
    expect(second).toEqual({ replica: 0, stage: 0, epoch: 1, role: "sender" });
    expect([scene.worker.maxFrameBytes, ...scene.allowed.values()]).toEqual([1 << 20, 1 << 20, 1 << 20]);
    await scene.network.settle();
    expect(scene.heard()).toEqual([{ kind: "linked", epoch: 1 }]);
  });

  test.each(["input first", "output first"])("of later stages: one is dialed, one accepted (%s)", async (order) => {
    const scene = new WorkerScene();
    await scene.join();
    scene.assign({ stage: 1, numStages: 2, epoch: 3 });
    await scene.network.settle();
    scene.heard();
    const steps = [
      async () => void scene.dial({ epoch: 3 }),
      async () => {
        scene.say({ kind: "connect", epoch: 3, inputUrl: null, outputUrl: "memory://out" });
        await scene.network.settle();
        await scene.accept("memory://out");
      },
    ];
    if (order === "output first") steps.reverse();
    await steps[0]!();
    await scene.network.settle();
    expect(scene.heard()).toEqual([]);
    await steps[1]!();
    await scene.network.settle();
    expect(scene.heard()).toEqual([{ kind: "linked", epoch: 3 }]);
  });

  test.each<[string, Partial<LinkHello>, RegExp]>([
    ["another epoch", { epoch: 2 }, /expected epoch 3, got 2/],
    ["another stage", { stage: 1 }, /expected stage 0 of replica 0, got stage 1/],
    ["another replica", { replica: 1 }, /of replica 0, got stage 0 of replica 1/],
    ["a receiver", { role: "receiver" }, /expected stage 0/],
  ])("are refused to %s, and it is told why", async (_, change, reason) => {
    const scene = new WorkerScene();
    await scene.join();
    scene.assign({ stage: 1, numStages: 2, epoch: 3 });
    await scene.network.settle();
    const { link, socket } = scene.dial({ epoch: 3, ...change });
    await scene.network.settle();
    expect(String(link.error)).toMatch(reason);
    expect(socket.ending?.code).toBe(closeCodes.staleEpoch);
  });

  test("are refused to anybody before there is an assignment", async () => {
    const scene = new WorkerScene();
    await scene.join();
    const { link } = scene.dial({ epoch: 1 });
    await scene.network.settle();
    expect(String(link.error)).toMatch(/expected epoch none, got 1/);
    expect(scene.worker.maxFrameBytes).toBe(frameBytesFor(0));
  });

  test("that cannot be made are reported, and the other one is given up", async () => {
    for (const missing of ["memory://in", "memory://next"]) {
      const scene = new WorkerScene();
      await scene.join();
      scene.assign({ stage: 0, numStages: 2, epoch: 1 });
      await scene.network.settle();
      scene.heard();
      scene.unreachable.add(missing);
      scene.say({ kind: "connect", epoch: 1, inputUrl: "memory://in", outputUrl: "memory://next" });
      await scene.network.settle();
      expect(scene.heard()).toEqual([
        { kind: "linkLost", epoch: 1, reason: expect.stringContaining(`${missing}: nobody is there`) as string },
      ]);
      const [other] = [...scene.dialed.keys()];
      const { link } = await scene.accept(other!);
      await scene.network.settle();
      expect(await link.closed).toBe("the pipeline is formed anew");
    }
  });

  test("on which the other end never answers are given up when the pipeline is formed anew", async () => {
    const scene = new WorkerScene();
    await scene.join();
    scene.assign({ stage: 0, numStages: 2, epoch: 1 });
    await scene.network.settle();
    scene.say({ kind: "connect", epoch: 1, inputUrl: "memory://in", outputUrl: "memory://next" });
    await scene.network.settle();
    scene.heard();
    scene.assign({ stage: 0, numStages: 2, epoch: 2 });
    await scene.network.settle();
    expect([...scene.dialed.values()].map((socket) => socket.isClosed)).toEqual([true, true]);
    expect(kindsOf(scene.heard())).toEqual(["ready"]);
  });

  test("that break are reported with their reason", async () => {
    const scene = new WorkerScene();
    await scene.join();
    const { input } = await scene.only();
    scene.heard();
    input.close("the wire was cut");
    await scene.network.settle();
    expect(scene.heard()).toEqual([{ kind: "linkLost", epoch: 1, reason: "the wire was cut" }]);
  });

  test("of an old epoch are closed when a new one begins, without being reported as lost", async () => {
    const scene = new WorkerScene();
    await scene.join();
    const { input, output } = await scene.only();
    scene.heard();
    scene.assign({ stage: 0, numStages: 1, epoch: 2 });
    await scene.network.settle();
    expect(await Promise.all([input.closed, output.closed])).toEqual([
      "the pipeline is formed anew",
      "the pipeline is formed anew",
    ]);
    expect(kindsOf(scene.heard())).toEqual(["ready"]);
  });
});

describe("the work of a stage", () => {
  test("is done one micro-batch after another, and results leave in the order in which micro-batches came", async () => {
    const scene = new WorkerScene();
    await scene.join();
    const { input, results } = await scene.only({ credits: 4 });
    for (const microBatch of [5, 3, 9, 1]) void input.send(micro(microBatch));
    await scene.advance(1000);
    expect(results.map(({ microBatch }) => microBatch)).toEqual([5, 3, 9, 1]);
    expect(results[0]).toMatchObject({
      kind: "result",
      epoch: 1,
      meta: { timings: [{ stage: 0, startedAt: expect.any(Number), busyMs: 5 }] },
    });
    expect([...results[2]!.tensors.find(({ name }) => name === "output")!.data]).toEqual(tracedVector([9], 1));
  });

  test("gives a place back once the result is with the socket, not before", async () => {
    const scene = new WorkerScene();
    await scene.join();
    const { input, output, results } = await scene.only({ credits: 2, resultCredits: 1 });
    output.onFrame((frame) => results.push(frame));
    for (const microBatch of [1, 2, 3, 4]) void input.send(micro(microBatch));
    await scene.advance(1000);
    // The second result waits for a credit; with it waits the place of its micro-batch.
    expect(results.map(({ microBatch }) => microBatch)).toEqual([1]);
    expect(scene.host.runs).toBe(3);
    output.grant(1);
    await scene.advance(1000);
    expect(results.map(({ microBatch }) => microBatch)).toEqual([1, 2]);
    expect(scene.host.runs).toBe(4);
    output.grant(2);
    await scene.advance(1000);
    expect(input.credits).toBe(2);
  });

  test("leaves no memory behind: what the engine gave is freed once it is in a frame", async () => {
    const scene = new WorkerScene();
    await scene.join();
    const { input, results } = await scene.only();
    const given: Float32Array[] = [];
    const run = scene.host.run.bind(scene.host);
    scene.host.run = async (...args) => {
      const output = await run(...args);
      given.push(output.data);
      return output;
    };
    for (const microBatch of [1, 2]) void input.send(micro(microBatch));
    await scene.advance(100);
    expect(results.map(({ tensors }) => [...tensors[1]!.data])).toEqual([1, 2].map((id) => tracedVector([id], 1)));
    expect(given.map(({ byteLength }) => byteLength)).toEqual([0, 0]);
  });

  test("in the middle of a pipeline passes masked rows on, whose frame the engine has taken", async () => {
    const scene = new WorkerScene();
    await scene.join();
    const { input, results } = await scene.middle();
    const batch = { ...batchOf([[7, 8, 9]]), maskedRows: Int32Array.of(0, 2) };
    const first = tokenFrame({ epoch: 1, microBatch: 1, attempt: 0 }, batch, "maskedScores");
    const hidden = {
      shape: [3, 4],
      data: Float32Array.from({ length: 12 }, (_, at) => at),
      startedAt: 1000,
      busyMs: 1,
    };
    void input.send(outputFrame(first, hidden, { stage: 0, isLast: false, batch }));
    await scene.advance(100);
    const tensors = results.flatMap((frame) => frame.tensors.map(({ name, data }) => [name, [...data]]));
    expect(Object.fromEntries(tensors)).toMatchObject({ lengths: [3], masked_rows: [0, 2] });
  });

  test("on which the engine fails is reported, and its place given back", async () => {
    const scene = new WorkerScene();
    await scene.join();
    const { input, results } = await scene.only({ credits: 1 });
    scene.heard();
    scene.host.failureOf = (ids) =>
      ids[0] === 2 ? Object.assign(new Error("too large"), { code: "engine_failure" }) : null;
    for (const microBatch of [1, 2, 3]) void input.send(micro(microBatch));
    await scene.advance(500);
    expect(results.map(({ microBatch }) => microBatch)).toEqual([1, 3]);
    expect(scene.heard()).toEqual([
      { kind: "microBatchFailed", epoch: 1, microBatch: 2, code: "engine_failure", message: "too large" },
    ]);
    expect(input.credits).toBe(1);
  });

  test.each<[string, (frame: Frame) => Frame]>([
    ["without lengths", (frame) => ({ ...frame, tensors: frame.tensors.slice(1) })],
    ["without ids", (frame) => ({ ...frame, tensors: frame.tensors.slice(0, 1) })],
    ["that asks for an unknown output", (frame) => ({ ...frame, meta: { ...frame.meta, output: "poem" } })],
    ["with timings that are none", (frame) => ({ ...frame, meta: { ...frame.meta, timings: [null] } })],
    ["without timings", (frame) => ({ ...frame, meta: { output: "sentence" } })],
  ])("in a frame %s is reported as failed for what it is, and its place given back", async (_, change) => {
    const scene = new WorkerScene();
    await scene.join();
    const { input } = await scene.only({ credits: 1 });
    scene.heard();
    void input.send(change(micro(1)));
    await scene.advance(500);
    expect(scene.heard()).toMatchObject([{ kind: "microBatchFailed", microBatch: 1, code: "invalid_frame" }]);
    expect(input.credits).toBe(1);
  });

  test("that waits is dropped when the epoch changes; what runs is finished and goes nowhere", async () => {
    const scene = new WorkerScene();
    await scene.join();
    const { input, results } = await scene.only({ credits: 3 });
    scene.host.runMs = 300;
    for (const microBatch of [1, 2, 3]) void input.send(micro(microBatch));
    await scene.advance(100);
    const next = await scene.only({ epoch: 2 });
    void next.input.send(micro(4, [40], 2));
    await scene.advance(900);
    expect(results).toEqual([]);
    expect(next.results.map(({ epoch, microBatch }) => [epoch, microBatch])).toEqual([[2, 4]]);
    expect(scene.host.runs).toBe(2);
  });

  test("is worked on beside as many others as the engine has lanes; time at work counts once", async () => {
    const scene = new WorkerScene();
    await scene.join();
    const { input, results } = await scene.only({ credits: 4 });
    scene.host.numPlaces = 2;
    scene.host.runMs = 300;
    for (const microBatch of [1, 2, 3]) void input.send(micro(microBatch));
    await scene.advance(299);
    expect(results).toEqual([]);
    await scene.advance(2);
    expect(results.map(({ microBatch }) => microBatch)).toEqual([1, 2]);
    await scene.advance(1000);
    expect(results.map(({ microBatch }) => microBatch)).toEqual([1, 2, 3]);
    const { counters } = scene.heard().at(-1) as Extract<WorkerMessage, { kind: "heartbeat" }>;
    expect(counters.busySeconds).toBeCloseTo(0.6, 2);
  });

  test("that takes longer than a heartbeat is counted up to each of them, and so is a wait for work that never comes", async () => {
    const scene = new WorkerScene();
    await scene.join();
    const { input } = await scene.only();
    scene.heard();
    scene.host.runMs = 1500;
    void input.send(micro(1));
    await scene.advance(5000);
    const told = scene
      .heard()
      .flatMap((message) => (message.kind === "heartbeat" ? [message.counters] : []))
      .map(({ busySeconds, waitingSeconds }) => [busySeconds, waitingSeconds]);
    const growth = told.slice(1).map((now, index) => now.map((value, at) => value - told[index]![at]!));
    // 1.5 s of work and then none, told each second.
    expect(growth.length).toBeGreaterThanOrEqual(2);
    for (const [busy, waiting] of growth) expect(busy! + waiting!).toBeCloseTo(1, 9);
    expect(growth.at(0)![0]).toBeCloseTo(0.5, 9);
    expect(growth.at(-1)![1]).toBeCloseTo(1, 9);
  });

  test("of another epoch is not done, even when it comes on a link of this one", async () => {
    const scene = new WorkerScene();
    await scene.join();
    const { input, results } = await scene.only();
    void input.send(micro(1, [1], 0));
    void input.send(micro(2));
    await scene.advance(500);
    expect(results.map(({ microBatch }) => microBatch)).toEqual([2]);
  });

  test("that fails after its gateway is gone is not reported to the next one", async () => {
    const scene = new WorkerScene();
    await scene.join();
    const { input } = await scene.only();
    scene.host.runMs = 500;
    scene.host.failureOf = (ids) => (ids[0] === 1 ? new Error("too late") : null);
    void input.send(micro(1));
    await scene.advance(100);
    scene.control.cut();
    await scene.advance(100);
    await scene.join();
    await scene.only();
    scene.heard();
    await scene.advance(500);
    expect(kindsOf(scene.heard()).filter((kind) => kind !== "heartbeat")).toEqual([]);
  });

  test("is counted: micro-batches, tokens, time at work and waiting, bytes", async () => {
    const scene = new WorkerScene();
    await scene.join();
    const { input } = await scene.only();
    await scene.advance(95);
    void input.send(micro(1, [1, 2, 3]));
    void input.send(micro(2, [4, 5]));
    await scene.advance(905);
    const heartbeat = scene.heard().at(-1);
    expect(heartbeat).toMatchObject({ kind: "heartbeat", counters: { microBatches: 2, tokens: 5, busySeconds: 0.01 } });
    const { counters } = heartbeat as Extract<WorkerMessage, { kind: "heartbeat" }>;
    expect(counters.bytesReceived).toBeGreaterThan(2 * 64);
    expect(counters.bytesSent).toBeGreaterThan(2 * 64);
  });
});

describe("StageWorker.leave()", () => {
  test("ends the session at once when there is nothing to do", async () => {
    const scene = new WorkerScene();
    const session = await scene.join();
    await scene.only();
    scene.worker.leave();
    await scene.network.settle();
    expect(session.value).toEqual({ kind: "stopped" });
    expect(scene.process.numTimers).toBe(0);
    expect(scene.network.numOpen).toBe(0);
  });

  test.each(["the gateway's stop", "a signal"])(
    "on %s finishes the micro-batch under way and sends its result",
    async (by) => {
      const scene = new WorkerScene();
      const session = await scene.join();
      const { input, results } = await scene.only({ credits: 3 });
      scene.host.runMs = 300;
      for (const microBatch of [1, 2, 3]) void input.send(micro(microBatch));
      await scene.advance(100);
      if (by === "a signal") scene.worker.leave();
      else scene.say({ kind: "stop" });
      await scene.advance(100);
      expect(session.endings).toBe(0);
      await scene.advance(1000);
      expect(session.value).toEqual({ kind: "stopped" });
      // Those that wait are given to others: a worker under load would never get to leave.
      expect(results.map(({ microBatch }) => microBatch)).toEqual([1]);
      expect(scene.host.runs).toBe(1);
    },
  );

  test("ends also under a load that never ceases", async () => {
    const scene = new WorkerScene();
    const session = await scene.join();
    const { input } = await scene.only({ credits: 2 });
    const load = (microBatch: number): void =>
      void input.send(micro(microBatch)).then(
        () => load(microBatch + 1),
        () => {},
      );
    load(1);
    await scene.advance(200);
    scene.worker.leave();
    await scene.advance(200);
    expect(session.value).toEqual({ kind: "stopped" });
  });

  test("before a session ends the next one as soon as it begins", async () => {
    const scene = new WorkerScene();
    scene.worker.leave();
    const session = scene.serve();
    await scene.network.settle();
    expect(session.value).toEqual({ kind: "stopped" });
    expect(scene.process.numTimers).toBe(0);
  });
});
