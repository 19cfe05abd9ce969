import { describe, expect, test } from "vitest";
import { JobHistory, shareDone } from "./jobHistory.ts";
import type { JobEvent } from "./jobTypes.ts";

let count = 0;
const event = (given: Partial<JobEvent>): JobEvent => ({
  id: `ftevent-${count++}`,
  created_at: 0,
  level: "info",
  message: "",
  type: "message",
  data: {},
  ...given,
});
const numbers = (step: number, values: Record<string, number | null>) =>
  event({ type: "metrics", message: `Step ${step}/9: `, data: { step, ...values } });

describe("JobHistory", () => {
  test("keeps numbers by step, each in a series of its own, and messages apart", () => {
    const history = new JobHistory();
    for (const each of [
      event({ message: "Fine-tuning job started" }),
      numbers(1, { train_loss: 3, learning_rate: 0.1 }),
      numbers(2, { train_loss: 2, learning_rate: 0.2 }),
      numbers(2, { valid_loss: 2.5, valid_f1: null }),
    ])
      history.add(each);
    expect(history.names).toEqual(["train_loss", "learning_rate", "valid_loss"]);
    expect(history.series("train_loss")).toEqual({ steps: [1, 2], values: [3, 2] });
    expect(history.series("valid_loss")).toEqual({ steps: [2], values: [2.5] });
    expect(history.messages.map(({ message }) => message)).toEqual(["Fine-tuning job started"]);
    expect(history.last("train_loss")).toEqual({ step: 2, value: 2 });
  });

  test("a step that is made again after a loss replaces what it told, and steps stay in order", () => {
    const history = new JobHistory();
    for (const [step, loss] of [
      [1, 5],
      [3, 3],
      [2, 4],
      [3, 2],
    ] as const)
      history.add(numbers(step, { train_loss: loss }));
    expect(history.series("train_loss")).toEqual({ steps: [1, 2, 3], values: [5, 4, 2] });
  });

  test("remembers the event to go on from", () => {
    const history = new JobHistory();
    expect(history.lastEventId).toBe("");
    history.add(event({ id: "ftevent-first" }));
    history.add(event({ id: "ftevent-second" }));
    expect(history.lastEventId).toBe("ftevent-second");
  });

  test("knows where a job is before its stream tells of progress, as of a paused one", () => {
    const history = new JobHistory();
    history.add(numbers(4, { train_loss: 1 }));
    expect(history.share).toEqual({ step: 4, total: 9 });
    history.progress = { step: 5, total_steps: 9, seconds_left: 1, trained_tokens: 1, metrics: {} };
    expect(history.share).toEqual({ step: 5, total: 9 });
  });

  test("takes 100 000 steps in order without moving those before", () => {
    const history = new JobHistory();
    for (let step = 1; step <= 100_000; step++) history.add(numbers(step, { train_loss: 1 / step }));
    expect(history.series("train_loss").steps).toHaveLength(100_000);
  });
});

describe("shareDone()", () => {
  test("reads the newest step that says how many there are", () => {
    const events = [event({ message: "Step 8: validation loss=1" }), numbers(8, {}), numbers(7, {})];
    expect(shareDone(events)).toEqual({ step: 8, total: 9 });
  });

  test("knows nothing before the first step", () => {
    expect(shareDone([event({ message: "Fine-tuning job started" })])).toBeNull();
  });
});
