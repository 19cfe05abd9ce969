import { describe, expect, test } from "vitest";
import { pipelineSchedule } from "./pipelineSchedule.ts";
import { scheduleSvg } from "./scheduleSvg.ts";
import { simulateSchedule } from "./simulateSchedule.ts";

const { timeline } = simulateSchedule(pipelineSchedule("1f1b", { numStages: 2, numMicroBatches: 3 }), {
  forwardSeconds: [0.001, 0.001],
  backwardSeconds: [0.002, 0.002],
  updateSeconds: [0.001, 0.001],
});

/** Bars of one kind: left edge and width. */
const barsOf = (svg: string, kind: string) =>
  [
    ...svg.matchAll(new RegExp(`<rect class="${kind}" x="([\\d.]+)" y="[\\d.]+" width="([\\d.]+)"[^>]*><title>`, "g")),
  ].map(([, x, width]) => ({ x: Number(x), width: Number(width) }));

describe("scheduleSvg()", () => {
  test("has a bar per pass, as wide as it is long", () => {
    const svg = scheduleSvg([timeline], { width: 1088 });
    // 1088 - 64 - 24 = 1000 pixels for (3 + 1) * 3 + 1 = 13 ms; bars are a pixel narrower than their time.
    const [forward, backward, update] = ["forward", "backward", "update"].map((kind) => barsOf(svg, kind));
    expect([forward!.length, backward!.length, update!.length]).toEqual([6, 6, 2]);
    expect(forward![0]).toEqual({ x: 76, width: expect.closeTo(1000 / 13 - 1, 1) });
    expect(backward![0]).toEqual({
      x: expect.closeTo(76 + (4 * 1000) / 13, 1),
      width: expect.closeTo(2000 / 13 - 1, 1),
    });
  });

  test("says in words what each bar is", () => {
    expect(scheduleSvg([timeline])).toContain("<title>stage 1, backward 0: 2 to 4 ms</title>");
  });

  test("draws several timelines on one scale", () => {
    const slow = {
      ...timeline,
      name: "measured",
      stages: timeline.stages.map((intervals) =>
        intervals.map((each) => ({
          ...each,
          startSeconds: 5 + 2 * each.startSeconds,
          endSeconds: 5 + 2 * each.endSeconds,
        })),
      ),
    };
    const bars = barsOf(scheduleSvg([timeline, slow]), "forward");
    expect(bars.length).toBe(12);
    expect(bars[6]!.width + 1).toBeCloseTo(2 * (bars[0]!.width + 1), 1);
  });

  test("is well-formed: tags close, and names cannot break out", () => {
    const svg = scheduleSvg([{ ...timeline, name: `<b a="1"> & co` }]);
    const open: string[] = [];
    const mismatches: string[] = [];
    for (const [, slash, name, rest] of svg.matchAll(/<(\/?)(\w+)([^<>]*)>/g)) {
      if (slash === "/") mismatches.push(...(open.pop() === name ? [] : [name!]));
      else if (!rest!.endsWith("/")) open.push(name!);
    }
    expect({ open, mismatches }).toEqual({ open: [], mismatches: [] });
    expect(svg).toContain('&lt;b a="1"&gt; &amp; co');
    expect(svg.replaceAll(/&(amp|lt|gt);/g, "")).not.toContain("&");
  });
});
