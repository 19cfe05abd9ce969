import { describe, expect, test } from "vitest";
import { learningRateAt } from "../schedules/learningRate.ts";
import { runTraining } from "./runTraining.ts";
import {
  fakeData,
  FakePipeline,
  Faults,
  MemoryDisk,
  numbers,
  phases,
  stageLost,
  type Fault,
  type NumbersOf,
  type Phase,
} from "./testing/fakePipeline.ts";
import type { TrainingEvent } from "./trainingEvents.ts";
import type { TrainingOptions } from "./trainingOptions.ts";

const NUM_BATCHES = 5;

type Given = Partial<TrainingOptions> & {
  readonly disk?: MemoryDisk;
  readonly faults?: Faults;
  readonly numbersOf?: NumbersOf;
};

/** Ten steps, an evaluation after each epoch of five, a checkpoint every third step. */
async function run({ disk = new MemoryDisk(), faults = new Faults(), numbersOf, ...given }: Given = {}) {
  const data = fakeData(NUM_BATCHES);
  const events: TrainingEvent[] = [];
  const pipelines: FakePipeline[] = [];
  const finished = runTraining({
    openPipeline: (lost) =>
      faults.run("open", () => {
        void lost?.close();
        const pipeline = new FakePipeline(disk, faults, numbersOf);
        pipelines.push(pipeline);
        return pipeline;
      }),
    data,
    evaluation: { data, metrics: {} },
    test: null,
    length: { epochs: 2 },
    learningRate: { shape: "linear", peak: 0.1, warmup: { steps: 2 } },
    maxGradientNorm: 1,
    evaluationSteps: null,
    checkpointSteps: 3,
    earlyStopping: null,
    bestMetric: "loss",
    checkpoints: disk,
    log: disk,
    onEvent: (event) => void events.push(event),
    now: () => 0,
    ...given,
  });
  const result = await finished.then(
    (summary) => ({ summary, error: null }),
    (error: unknown) => ({ summary: null, error: error as Error & { readonly code: string } }),
  );
  return { ...result, disk, events, pipelines, weight: pipelines.at(-1)?.weight };
}

const stepsOf = (events: readonly TrainingEvent[]) => events.flatMap((each) => (each.type === "step" ? [each] : []));

describe("runTraining()", () => {
  test("tells how far an evaluation is, not more often than twice a second", async () => {
    const data = fakeData(NUM_BATCHES);
    const [batch] = data.evaluationBatches();
    const evaluated = { ...data, size: 8, evaluationBatches: () => Array.from({ length: 8 }, () => batch!) };
    let milliseconds = 0;
    const now = () => (milliseconds += 100);
    const { events, error } = await run({ evaluation: { data: evaluated, metrics: {} }, now, length: { epochs: 1 } });
    expect(error).toBeNull();
    // Every look at the clock takes 100 ms: one after each batch, and another one when there is something to tell.
    const told = events.filter(({ type }) => type === "evaluating");
    expect(told).toEqual([{ type: "evaluating", step: 5, done: 5, total: 8 }]);
  });

  test("stops at a milestone, evaluated and saved, and goes on from it as if it had not", async () => {
    const milestones = [0.3, 0.8, 1];
    const through = await run({ milestones });
    expect(through.disk.evaluations.map(({ step }) => step)).toEqual([3, 5, 8, 10]);
    const disk = new MemoryDisk();
    const first = await run({ disk, milestones, until: 0.3 });
    expect(first.summary).toMatchObject({ status: "stopped", stop: "pause", step: 3, best: { step: 3 } });
    expect([...disk.checkpoints.keys()]).toContain(3);
    // Asked again, there is nothing to do.
    const again = await run({ disk, milestones, until: 0.3 });
    expect([again.summary?.step, stepsOf(again.events)]).toEqual([3, []]);
    const second = await run({ disk, milestones, until: 0.8 });
    expect(stepsOf(second.events).map(({ step }) => step)).toEqual([4, 5, 6, 7, 8]);
    const last = await run({ disk, milestones, until: 1 });
    expect(last.summary?.status).toBe("finished");
    expect([last.weight, disk.steps, disk.evaluations]).toEqual([
      through.weight,
      through.disk.steps,
      through.disk.evaluations,
    ]);
  });

  test("makes each step with the learning rate of its schedule, counted from 0, and clips by the norm", async () => {
    const { disk, events, summary, weight } = await run();
    const schedule = { shape: "linear", peak: 0.1, totalSteps: 10, warmupSteps: 2 } as const;
    const expected = Array.from({ length: 10 }, (_, step) => learningRateAt(schedule, step));
    expect(disk.steps.map(({ learningRate }) => learningRate)).toEqual(expected);
    let own = 3;
    for (const [index, rate] of expected.entries()) {
      const value = (Math.floor(index / NUM_BATCHES) + (index % NUM_BATCHES)) % 3;
      const gradient = 2 * (own - value);
      expect(disk.steps[index]).toMatchObject({ loss: (own - value) ** 2, gradientNorm: Math.abs(gradient) });
      own -= rate * Math.min(1, 1 / (Math.abs(gradient) + 1e-6)) * gradient;
    }
    expect(weight).toBeCloseTo(own, 12);
    expect(stepsOf(events).at(-1)).toMatchObject({ step: 10, epoch: 2, trainedTokens: 100, paddingShare: 1 - 10 / 16 });
    expect(summary).toMatchObject({ status: "finished", step: 10, trainedTokens: 100, replayedSteps: 0 });
  });

  test("a step is in the log before the parameters change", async () => {
    const { disk } = await run({ faults: new Faults([{ phase: "apply", call: 4, error: new Error("broken") }]) });
    expect(disk.lastStep).toBe(4);
  });

  test("writes a checkpoint of step 0, at the interval, after the best evaluation and at the end; keeps the newest and the best", async () => {
    const { disk, events } = await run({ disk: new MemoryDisk(1) });
    const saved = events.flatMap((each) => (each.type === "checkpoint" ? [each.step] : []));
    expect(saved).toEqual([0, 3, 5, 6, 9, 10]);
    expect([...disk.checkpoints.keys()]).toEqual([10]);
    expect(disk.checkpoints.get(10)).toMatchObject({ step: 10, epoch: 2, batch: 0, isFinished: true });
    expect(events.at(-1)).toMatchObject({ type: "finished", bestStep: 10 });
  });

  test("tells with a checkpoint the loss of its step and the newest evaluation, in a run that goes on too", async () => {
    const expected = ({ disk, events }: Awaited<ReturnType<typeof run>>, since = 0) => {
      const metricsAt = (step: number) => disk.evaluations.findLast((each) => each.step <= step)?.metrics ?? null;
      const saved = events.flatMap((each) => (each.type === "checkpoint" ? [each] : []));
      expect(saved.map(({ step }) => step)).toEqual([0, 3, 5, 6, 9, 10].filter((step) => step >= since));
      for (const { step, loss, metrics } of saved)
        expect({ loss, metrics }).toEqual({ loss: disk.steps[step - 1]?.loss ?? null, metrics: metricsAt(step) });
    };
    expected(await run());
    const lost = new Faults([{ phase: "apply", call: 6, error: new Error("killed") }]);
    expected(await run({ disk: (await run({ faults: lost })).disk }), 6);
  });

  test("more steps than the epochs have begin further epochs", async () => {
    const { events } = await run({ length: { epochs: 1, maxSteps: 12 } });
    expect(stepsOf(events).at(-1)).toMatchObject({ step: 12, totalSteps: 12, epoch: 2.4 });
  });

  describe("stops early", () => {
    test("after so many evaluations without improvement, and the best checkpoint is kept", async () => {
      // The weight runs away from where evaluation is best, so the first evaluation is the best one.
      const { summary, disk, events } = await run({
        length: { epochs: 20 },
        evaluationSteps: 2,
        earlyStopping: { patience: 3, threshold: 0 },
        bestMetric: "accuracy",
        disk: new MemoryDisk(1),
      });
      const evaluations = events.filter(({ type }) => type === "evaluation");
      expect(summary).toMatchObject({ status: "stopped_early", step: 8, bestStep: 2, best: { metric: "accuracy" } });
      expect(evaluations.length).toBe(4);
      expect([...disk.checkpoints.keys()]).toEqual([2, 8]);
    });

    test.each([
      [
        "patience without evaluation",
        { evaluation: null, bestMetric: null, earlyStopping: { patience: 1, threshold: 0 } },
      ],
      ["a metric that the task does not have", { bestMetric: "bleu" }],
      ["a learning rate of 0", { learningRate: { shape: "constant", peak: 0, warmup: {} } }],
      ["a learning rate of 10", { learningRate: { shape: "constant", peak: 10, warmup: {} } }],
      ["a warm-up that is longer than the run", { learningRate: { shape: "linear", peak: 1, warmup: { steps: 11 } } }],
      ["no epochs", { length: { epochs: 0 } }],
    ] as const)("refuses %s", async (_, given) => {
      const { error } = await run(given);
      expect(error?.code).toBe("training_option");
      expect(error?.message).toMatch(/expected|says nothing/);
    });
  });

  test.each([
    ["loss", NaN],
    ["gradientNorm", Infinity],
  ] as const)(
    "a %s of %d stops it before the log and the parameters: the checkpoint before is good",
    async (name, value) => {
      const { error, disk, weight, pipelines } = await run({
        numbersOf: (...given) => ({ ...numbers(...given), ...(given[2] === 5 ? { [name]: value } : {}) }),
      });
      const what = { loss: "loss", gradientNorm: "gradient norm" }[name];
      expect(error).toMatchObject({ code: "training_diverged", step: 5 });
      expect(error?.message).toMatch(
        `step 5: expected a finite ${what}, got ${value}; the last good checkpoint is that of step 3`,
      );
      expect(disk.lastStep).toBe(4);
      expect([...disk.checkpoints.keys()]).toEqual([0, 3]);
      const whole = await run({
        length: { epochs: 2, maxSteps: 10 },
        faults: new Faults([{ phase: "accumulate", call: 5, error: new Error("end") }]),
      });
      expect(Object.is(weight, whole.weight)).toBe(true);
      expect(pipelines.map(({ isClosed }) => isClosed)).toEqual([true]);
    },
  );

  describe("when a stage is lost", () => {
    const calls: Readonly<Record<Phase, readonly number[]>> = {
      open: [1],
      accumulate: [1, 4, 5, 10],
      apply: [1, 3, 4, 10],
      evaluate: [1, 2],
      save: [1, 2, 3, 6],
      restore: [],
    };
    const faults = phases.flatMap((phase) =>
      calls[phase].flatMap((call) =>
        [false, true].map((isAfter) => [phase, call, isAfter ? "after" : "before"] as const),
      ),
    );

    test.each(faults)(
      "in %s, call %i, %s its work: ends with the same bytes, and replays no more than an interval",
      async (phase, call, when) => {
        const whole = await run();
        const fault: Fault = { phase, call, isAfter: when === "after", error: stageLost() };
        const { summary, disk, events, weight } = await run({ faults: new Faults([fault]) });
        expect(Object.is(weight, whole.weight)).toBe(true);
        expect(disk.steps).toEqual(whole.disk.steps);
        expect(disk.evaluations).toEqual(whole.disk.evaluations);
        expect([...disk.checkpoints]).toEqual([...whole.disk.checkpoints]);
        expect(summary!.replayedSteps).toBeLessThanOrEqual(3);
        expect(stepsOf(events).filter(({ isReplayed }) => isReplayed).length).toBe(summary!.replayedSteps);
        expect(events.some(({ type }) => type === "warning")).toBe(true);
      },
    );

    test("again while it recovers: ends with the same bytes", async () => {
      const whole = await run();
      const { weight, events } = await run({
        faults: new Faults([
          { phase: "accumulate", call: 5, error: stageLost() },
          { phase: "open", call: 2, error: stageLost() },
          { phase: "restore", call: 1, error: stageLost() },
          { phase: "accumulate", call: 6, error: stageLost() },
        ]),
      });
      expect(Object.is(weight, whole.weight)).toBe(true);
      const resumed = events.flatMap((each) => (each.type === "resumed" ? [each] : []));
      expect(resumed).toEqual([
        { type: "resumed", step: 3, reason: "stage_lost", stepsToReplay: 1 },
        { type: "resumed", step: 3, reason: "stage_lost", stepsToReplay: 1 },
      ]);
    });

    test("for ever: gives up, and says why", async () => {
      const all = Array.from({ length: 20 }, (_, at): Fault => ({
        phase: "accumulate",
        call: at + 1,
        error: stageLost(),
      }));
      const { error, events } = await run({ faults: new Faults(all) });
      expect(error).toMatchObject({ code: "training_stalled", message: expect.stringContaining("stage 1 is gone") });
      expect(events.filter(({ type }) => type === "warning").length).toBe(5);
    });

    test("and a step gives other numbers when it is made again: stops and names the step", async () => {
      let numMade = 0;
      const { error } = await run({
        faults: new Faults([{ phase: "apply", call: 5, error: stageLost() }]),
        numbersOf(...given) {
          const { loss, gradientNorm } = numbers(...given);
          return { loss: ++numMade > 5 ? loss * (1 + 2 ** -52) : loss, gradientNorm };
        },
      });
      expect(error).toMatchObject({ code: "training_not_reproducible", step: 4 });
      expect(error?.message).toMatch(/^step 4: expected the loss that the log has, [\d.]+, got [\d.]+/);
    });
  });

  describe("with test data", () => {
    const set = { data: fakeData(NUM_BATCHES), metrics: {} };
    // The weight runs away from where evaluation is best, as above.
    const early = {
      test: set,
      length: { epochs: 20 },
      evaluationSteps: 2,
      earlyStopping: { patience: 3, threshold: 0 },
      bestMetric: "accuracy",
    };

    test("the best checkpoint is tested, once, at the end", async () => {
      const { summary, disk, events, weight } = await run(early);
      expect(summary).toMatchObject({ step: 8, bestStep: 2, test: { step: 2 } });
      // Both sets are the same here.
      const [best, last] = [disk.evaluations[0]!, disk.evaluations.at(-1)!];
      expect(summary!.test!.metrics).toEqual(best.metrics);
      expect(best.metrics["loss"]).not.toBe(last.metrics["loss"]);
      expect(weight).toBe(disk.weights.get("step-2"));
      expect(events.slice(-2)).toEqual([
        { type: "test", ...summary!.test! },
        { type: "finished", ...summary },
      ]);
      expect(events.filter(({ type }) => type === "test")).toHaveLength(1);
    });

    test("nothing else of the run changes", async () => {
      const [without, tested] = [await run(), await run({ test: set })];
      expect([tested.disk.steps, tested.disk.evaluations]).toEqual([without.disk.steps, without.disk.evaluations]);
      expect([...tested.disk.checkpoints]).toEqual([...without.disk.checkpoints]);
    });

    test.each(["evaluate", "restore"] as const)(
      "a stage that is lost in %s of the test changes nothing",
      async (phase) => {
        const whole = await run({ test: set });
        const faults = new Faults([{ phase, call: phase === "evaluate" ? 3 : 1, error: stageLost() }]);
        const { summary, events } = await run({ test: set, faults });
        expect(events.some(({ type }) => type === "warning")).toBe(true);
        expect(summary).toEqual(whole.summary);
      },
    );

    test("who goes on with a finished run is told what was measured, and measures nothing", async () => {
      const first = await run({ test: set });
      const faults = new Faults();
      const { summary, events } = await run({ test: set, disk: first.disk, faults });
      expect(summary!.test).toEqual(first.summary!.test);
      expect(events.map(({ type }) => type)).toEqual(["started", "test", "finished"]);
      expect(faults.count("evaluate")).toBe(0);
    });

    test("a run that is stopped is not tested", async () => {
      const stopping = new AbortController();
      const { summary, disk } = await run({
        test: set,
        signal: stopping.signal,
        onEvent: (event) => void (event.type === "step" && event.step === 4 && stopping.abort("pause")),
      });
      expect([summary!.test, disk.test]).toEqual([null, null]);
    });
  });

  test("other errors end the run, and the pipeline is closed", async () => {
    const { error, pipelines } = await run({
      faults: new Faults([{ phase: "accumulate", call: 2, error: new Error("out of memory") }]),
    });
    expect(error?.message).toBe("out of memory");
    expect(pipelines.map(({ isClosed }) => isClosed)).toEqual([true]);
  });

  describe("told to stop", () => {
    const stopAfter = (step: number, reason: unknown) => {
      const controller = new AbortController();
      const onEvent = (event: TrainingEvent) => {
        if (event.type === "step" && event.step === step) controller.abort(reason);
      };
      return { signal: controller.signal, onEvent };
    };

    test.each(["pause", "shutdown"])(
      "%s saves a checkpoint; going on gives the bytes of a run without it",
      async (kind) => {
        const whole = await run();
        const first = await run(stopAfter(4, kind));
        expect(first.summary).toMatchObject({ status: "stopped", stop: kind, step: 4 });
        expect((await first.disk.latest())?.state.step).toBe(4);
        const second = await run({ disk: first.disk });
        expect(second.events[1]).toEqual({ type: "resumed", step: 4, reason: "restart", stepsToReplay: 0 });
        expect(second.summary).toMatchObject({ status: "finished", trainedTokens: 100, replayedSteps: 0 });
        expect(Object.is(second.weight, whole.weight)).toBe(true);
        expect(second.disk.steps).toEqual(whole.disk.steps);
      },
    );

    test("cancel saves none, and any other reason is a shutdown", async () => {
      const { summary, disk } = await run(stopAfter(4, "cancel"));
      expect(summary).toMatchObject({ status: "stopped", stop: "cancel" });
      expect((await disk.latest())?.state.step).toBe(3);
      expect((await run(stopAfter(4, undefined))).summary).toMatchObject({ stop: "shutdown" });
    });

    test("after its last step it is finished all the same", async () => {
      expect((await run(stopAfter(10, "pause"))).summary).toMatchObject({ status: "finished", stop: null });
    });
  });

  test("a killed process goes on from the last checkpoint, and makes the steps since again", async () => {
    const whole = await run();
    const killed = await run({ faults: new Faults([{ phase: "apply", call: 8, error: new Error("killed") }]) });
    const { summary, weight } = await run({ disk: killed.disk });
    expect(summary).toMatchObject({ status: "finished", replayedSteps: 2 });
    expect(Object.is(weight, whole.weight)).toBe(true);
  });

  test("a run that is finished is not made again", async () => {
    const { disk } = await run();
    const again = await run({ disk });
    expect(stepsOf(again.events)).toEqual([]);
    expect(again.summary).toMatchObject({ status: "finished", step: 10, bestStep: 10 });
  });
});
