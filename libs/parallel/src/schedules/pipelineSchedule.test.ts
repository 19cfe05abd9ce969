import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ScheduleError } from "../errors.ts";
import { lintSchedule } from "./lintSchedule.ts";
import { pipelineSchedule, scheduleNames, type ScheduleName } from "./pipelineSchedule.ts";
import type { PipelineSchedule } from "./schedule.ts";

/** Written by tools/oracles/pipeline_orders.py: what PyTorch's schedules execute, by "name stages micro-batches". */
const { orders } = JSON.parse(readFileSync(new URL("../../fixtures/pipelineOrders.json", import.meta.url), "utf8")) as {
  readonly orders: Readonly<Record<string, readonly string[]>>;
};

const passesOf = ({ stages }: PipelineSchedule) =>
  stages.map((actions) =>
    actions
      .flatMap((action) => {
        if (action.kind === "forward") return [`F${action.microBatch}`];
        return action.kind === "backward" ? [`B${action.microBatch}`] : [];
      })
      .join(" "),
  );

const sizes = [1, 2, 3, 4, 5, 8].flatMap((numStages) =>
  [1, 2, 3, 4, 5, 7, 8, 16].map((numMicroBatches) => ({ numStages, numMicroBatches })),
);

describe("pipelineSchedule()", () => {
  test("gpipe and 1f1b run passes in the order of PyTorch 2.15's ScheduleGPipe and Schedule1F1B", () => {
    expect(Object.keys(orders).length).toBeGreaterThan(50);
    for (const [key, expected] of Object.entries(orders)) {
      const [name, numStages, numMicroBatches] = key.split(" ");
      const size = { numStages: Number(numStages), numMicroBatches: Number(numMicroBatches) };
      expect({ key, passes: passesOf(pipelineSchedule(name as ScheduleName, size)) }).toEqual({
        key,
        passes: expected,
      });
    }
  });

  test.each(scheduleNames)("%s is sound for every size, also with fewer micro-batches than stages", (name) => {
    for (const size of sizes) expect(() => lintSchedule(pipelineSchedule(name, size))).not.toThrow();
  });

  test("activations are m, min(m, p - s) and min(m, 2(p - s) - 1) (research: GPipe, 1F1B, eager 1F1B)", () => {
    const activations = (name: ScheduleName, numMicroBatches: number) =>
      pipelineSchedule(name, { numStages: 4, numMicroBatches }).activations;
    expect(activations("gpipe", 8)).toEqual([8, 8, 8, 8]);
    expect(activations("1f1b", 8)).toEqual([4, 3, 2, 1]);
    expect(activations("eager-1f1b", 8)).toEqual([7, 5, 3, 1]);
    expect(activations("1f1b", 3)).toEqual([3, 3, 2, 1]);
    expect(activations("eager-1f1b", 4)).toEqual([4, 4, 3, 1]);
  });

  test("transfers stand beside the pass that they belong to, and the update at the end", () => {
    const { stages } = pipelineSchedule("1f1b", { numStages: 3, numMicroBatches: 1 });
    expect(stages.map((actions) => actions.map(({ kind }) => kind))).toEqual([
      ["forward", "send-forward", "receive-backward", "backward", "update"],
      ["receive-forward", "forward", "send-forward", "receive-backward", "backward", "send-backward", "update"],
      ["receive-forward", "forward", "backward", "send-backward", "update"],
    ]);
  });

  test("one stage has no transfers and no links", () => {
    const { stages, credits } = pipelineSchedule("1f1b", { numStages: 1, numMicroBatches: 2 });
    expect(stages[0]!.map(({ kind }) => kind)).toEqual(["forward", "backward", "forward", "backward", "update"]);
    expect(credits).toEqual([]);
  });

  test("survives JSON", () => {
    const schedule = pipelineSchedule("eager-1f1b", { numStages: 3, numMicroBatches: 5 });
    expect(JSON.parse(JSON.stringify(schedule))).toEqual(schedule);
  });

  test("refuses unknown names, and numbers below 1 or not whole", () => {
    const size = { numStages: 2, numMicroBatches: 2 };
    expect(() => pipelineSchedule("2f2b" as ScheduleName, size)).toThrow(ScheduleError);
    expect(() => pipelineSchedule("2f2b" as ScheduleName, size)).toThrow(
      'pipelineSchedule: expected one of gpipe, 1f1b, eager-1f1b, got "2f2b"',
    );
    for (const count of [0, -1, 1.5, Number.NaN]) {
      expect(() => pipelineSchedule("gpipe", { ...size, numStages: count })).toThrow(
        "numStages: expected a whole number",
      );
      expect(() => pipelineSchedule("gpipe", { ...size, numMicroBatches: count })).toThrow("numMicroBatches: expected");
    }
  });
});
