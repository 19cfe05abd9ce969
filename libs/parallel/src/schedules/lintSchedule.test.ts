import { describe, expect, test } from "vitest";
import { ScheduleError } from "../errors.ts";
import { Random } from "../testing/random.ts";
import { lintSchedule } from "./lintSchedule.ts";
import { pipelineSchedule, scheduleNames } from "./pipelineSchedule.ts";
import { describeAction, type Action, type PipelineSchedule } from "./schedule.ts";

/** 1F1B of two stages; stage 0: F0 SF0 F1 SF1 RB0 B0 F2 SF2 RB1 B1 RB2 B2 U; stage 1: RF0 F0 B0 SB0 RF1 ... U. */
const sound = pipelineSchedule("1f1b", { numStages: 2, numMicroBatches: 3 });

function withStage(stage: number, change: (actions: Action[]) => unknown, schedule = sound): PipelineSchedule {
  const stages = schedule.stages.map((actions) => [...actions]);
  change(stages[stage]!);
  return { ...schedule, stages };
}

const indexOf = (actions: readonly Action[], name: string) =>
  actions.findIndex((each) => describeAction(each) === name);

/** Take an action out, and put it before another one. */
const move = (name: string, before: string) => (actions: Action[]) => {
  const [action] = actions.splice(indexOf(actions, name), 1);
  actions.splice(indexOf(actions, before), 0, action!);
};

function problem(schedule: PipelineSchedule): { stage: number | null; position: number | null; message: string } {
  try {
    lintSchedule(schedule);
  } catch (error) {
    if (!(error instanceof ScheduleError)) throw error;
    return { stage: error.stage, position: error.position, message: error.message };
  }
  return { stage: null, position: null, message: "none" };
}

describe("lintSchedule()", () => {
  test("an action that is missing is named, whichever it is", () => {
    for (const [stage, actions] of sound.stages.entries()) {
      for (const [index, action] of actions.entries()) {
        const { stage: where, message } = problem(withStage(stage, (list) => list.splice(index, 1)));
        expect({ where, message }).toEqual({ where: stage, message: expect.stringContaining(describeAction(action)) });
      }
    }
  });

  test("an action that is there twice is named with its second place", () => {
    for (const [stage, actions] of sound.stages.entries()) {
      for (const [index, action] of actions.entries()) {
        const twice = withStage(stage, (list) => list.splice(index, 0, action));
        const position = action.kind === "update" ? index : index + 1;
        expect(problem(twice)).toMatchObject({ stage, position });
      }
    }
  });

  test.each([
    [
      1,
      move("forward 1", "receive-forward 1"),
      "stage 1, action 4: expected receive-forward 1 before it, got forward 1",
    ],
    [0, move("send-forward 1", "forward 1"), "stage 0, action 2: expected forward 1 before it, got send-forward 1"],
    [
      0,
      move("backward 0", "receive-backward 0"),
      "stage 0, action 4: expected receive-backward 0 before it, got backward 0",
    ],
    [1, move("backward 1", "forward 1"), "stage 1, action 5: expected forward 1 before it, got backward 1"],
    [
      1,
      move("send-backward 2", "backward 2"),
      "stage 1, action 10: expected backward 2 before it, got send-backward 2",
    ],
  ])("stage %i: an action before what it needs is refused", (stage, change, message) => {
    expect(problem(withStage(stage, change)).message).toBe(`lintSchedule: ${message}`);
  });

  test("a backward pass before its forward pass is refused where it stands, even with its gradient there", () => {
    const early = withStage(0, (actions) => {
      move("receive-backward 0", "forward 0")(actions);
      move("backward 0", "forward 0")(actions);
    });
    expect(problem(early).message).toBe(
      "lintSchedule: stage 0, action 1: expected forward 0 before it, got backward 0",
    );
  });

  test("backward passes out of order are refused, as sums would differ", () => {
    const gpipe = pipelineSchedule("gpipe", { numStages: 1, numMicroBatches: 3 });
    expect(problem(withStage(0, move("backward 1", "backward 0"), gpipe))).toEqual({
      stage: 0,
      position: 3,
      message: "lintSchedule: stage 0, action 3: expected backward 0 (in order, for equal sums), got backward 1",
    });
  });

  test("an action of another stage, an unknown one and a micro-batch that does not exist are refused", () => {
    const add = (action: Action) => withStage(0, (actions) => actions.unshift(action));
    const kinds = "expected one of forward, backward, send-forward, receive-backward, update";
    expect(problem(add({ kind: "receive-forward", microBatch: 0 })).message).toContain(
      `${kinds}, got receive-forward 0`,
    );
    expect(problem(add({ kind: "dance", microBatch: 0 } as unknown as Action)).message).toContain(
      `${kinds}, got dance 0`,
    );
    for (const microBatch of [-1, 3, 0.5]) {
      expect(problem(add({ kind: "forward", microBatch })).message).toContain("expected micro-batches 0 to 2");
    }
  });

  test("more activations than declared are refused where the bound is passed", () => {
    expect(problem({ ...sound, activations: [1, 1] })).toEqual({
      stage: 0,
      position: 2,
      message:
        "lintSchedule: stage 0, action 2: expected a backward pass, as the stage already holds its 1 activations, got forward 1",
    });
  });

  test("frames taken in another order than sent are refused", () => {
    const gpipe = pipelineSchedule("gpipe", { numStages: 2, numMicroBatches: 2 });
    const swapped = withStage(
      0,
      (actions) => {
        move("send-forward 1", "send-forward 0")(actions);
        move("forward 1", "send-forward 1")(actions);
      },
      gpipe,
    );
    expect(problem(swapped).message).toBe(
      "lintSchedule: stage 1, action 0: expected receive-forward 1, as stage 0 sends in that order, got receive-forward 0",
    );
  });

  test("stages that wait for each other are a deadlock, and each is named", () => {
    // Stage 0 wants the gradient of micro-batch 0 before it sends the activations of micro-batch 1, which stage 1 wants first.
    const gpipe = pipelineSchedule("gpipe", { numStages: 2, numMicroBatches: 2 });
    const waiting = withStage(0, move("receive-backward 0", "send-forward 1"), gpipe);
    expect(problem(waiting)).toEqual({
      stage: 0,
      position: 3,
      message:
        "schedule: deadlock with any number of credits: stage 0 waits at action 3 (receive-backward 0) for the stage after it; stage 1 waits at action 2 (receive-forward 1) for the stage before it",
    });
  });

  test("a deadlock that only a lack of credits makes is found", () => {
    // Stage 0 takes no gradient before its last send, and stage 1 no activations before its gradient is sent.
    const [gpipe, plain] = (["gpipe", "1f1b"] as const).map((name) =>
      pipelineSchedule(name, { numStages: 2, numMicroBatches: 4 }),
    );
    const mixed = { ...gpipe!, stages: [gpipe!.stages[0]!, plain!.stages[1]!] };
    expect(problem({ ...mixed, credits: [4] }).message).toBe("none");
    expect(problem({ ...mixed, credits: [1] })).toEqual({
      stage: 0,
      position: 7,
      message:
        "schedule: deadlock with 1 credits: stage 0 waits at action 7 (send-forward 3) for a credit; stage 1 waits at action 7 (send-backward 1) for a credit",
    });
  });

  test.each(scheduleNames)("%s goes on with one credit per link, only slower", (name) => {
    for (const numStages of [2, 3, 5]) {
      const schedule = pipelineSchedule(name, { numStages, numMicroBatches: 7 });
      expect(problem({ ...schedule, credits: schedule.credits.map(() => 1) }).message).toBe("none");
    }
  });

  test.each([
    [{ numStages: 0 }, "numStages: expected a whole number of at least 1, got 0"],
    [{ numMicroBatches: 1.5 }, "numMicroBatches: expected a whole number of at least 1, got 1.5"],
    [{ stages: [] }, "stages: expected 2 entries for 2 stages, got 0"],
    [{ credits: [] }, "credits: expected 1 entries for 2 stages, got 0"],
    [{ credits: [0] }, "credits of link 0: expected a whole number of at least 1, got 0"],
    [{ activations: [1] }, "activations: expected 2 entries for 2 stages, got 1"],
    [{ activations: [1, 0] }, "activations of stage 1: expected a whole number of at least 1, got 0"],
  ])("%j is refused", (change, message) => {
    expect(problem({ ...sound, ...change }).message).toBe(`lintSchedule: ${message}`);
  });

  test("any exchange of two different actions either is refused or leaves every dependency kept (400 random ones)", () => {
    const random = new Random(7);
    let numRefused = 0;
    for (let round = 0; round < 400; round++) {
      const name = random.pick(scheduleNames);
      const size = { numStages: random.whole(1, 4), numMicroBatches: random.whole(2, 6) };
      const stage = random.whole(0, size.numStages - 1);
      const changed = withStage(
        stage,
        (actions) => {
          const [a, b] = [random.whole(0, actions.length - 1), random.whole(0, actions.length - 1)];
          [actions[a], actions[b]] = [actions[b]!, actions[a]!];
        },
        pipelineSchedule(name, size),
      );
      const isRefused = problem(changed).message !== "none";
      if (isRefused) numRefused++;
      expect(isRefused || canRun(changed)).toBe(true);
    }
    expect(numRefused).toBeGreaterThan(200);
  });
});

/** Unlimited mailboxes instead of links, one action of a random stage at a time: independent of executeSchedule. */
function canRun({ stages, numStages }: PipelineSchedule): boolean {
  const random = new Random(1);
  const done = new Set<string>();
  const cursors = stages.map(() => 0);
  const total = stages.reduce((sum, actions) => sum + actions.length, 0);
  const has = (kind: string, stage: number, microBatch: number) => done.has(`${kind} ${microBatch} @${stage}`);
  const isReady = (action: Action, stage: number): boolean => {
    switch (action.kind) {
      case "receive-forward":
        return has("send-forward", stage - 1, action.microBatch);
      case "receive-backward":
        return has("send-backward", stage + 1, action.microBatch);
      case "forward":
        return stage === 0 || has("receive-forward", stage, action.microBatch);
      case "backward":
        return (
          has("forward", stage, action.microBatch) &&
          (stage === numStages - 1 || has("receive-backward", stage, action.microBatch))
        );
      case "send-forward":
        return has("forward", stage, action.microBatch);
      case "send-backward":
        return has("backward", stage, action.microBatch);
      case "update":
        break;
    }
    return true;
  };
  for (let round = 0; round < total * numStages * 50 && done.size < total; round++) {
    const stage = random.whole(0, numStages - 1);
    const action = stages[stage]![cursors[stage]!];
    if (action === undefined || !isReady(action, stage)) continue;
    done.add(`${describeAction(action)} @${stage}`);
    cursors[stage]!++;
  }
  return done.size === total;
}
