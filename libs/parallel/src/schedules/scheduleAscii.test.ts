/**
 * The pictures are those of the literature, drawn by hand: Narayanan et al. 2021 (arXiv 2104.04473), figures 3 (GPipe) and 4 top
 * (1F1B), where a backward pass takes two forward ones; micro-batches count from 0 here and from 1 there. Eager 1F1B is drawn from its rule:
 * stage s does 2(p - s) - 1 forward passes before it alternates.
 */
import { describe, expect, test } from "vitest";
import { pipelineSchedule, type ScheduleName } from "./pipelineSchedule.ts";
import { scheduleAscii } from "./scheduleAscii.ts";
import { simulateSchedule } from "./simulateSchedule.ts";

function timelineOf(name: ScheduleName, numStages: number, numMicroBatches: number) {
  return simulateSchedule(pipelineSchedule(name, { numStages, numMicroBatches }), {
    forwardSeconds: Array.from({ length: numStages }, () => 0.001),
    backwardSeconds: Array.from({ length: numStages }, () => 0.002),
  }).timeline;
}

const gpipe = `\
gpipe: 33 ms, bubble 27.3 %, activations held 8 8 8 8
stage 0 |F0-F1-F2-F3-F4-F5-F6-F7-                           B0====B1====B2====B3====B4====B5====B6====B7====|
stage 1 |   F0-F1-F2-F3-F4-F5-F6-F7-                  B0====B1====B2====B3====B4====B5====B6====B7====      |
stage 2 |      F0-F1-F2-F3-F4-F5-F6-F7-         B0====B1====B2====B3====B4====B5====B6====B7====            |
stage 3 |         F0-F1-F2-F3-F4-F5-F6-F7-B0====B1====B2====B3====B4====B5====B6====B7====                  |
`;

const oneForwardOneBackward = `\
1f1b: 33 ms, bubble 27.3 %, activations held 4 3 2 1
stage 0 |F0-F1-F2-F3-                  B0====F4-B1====F5-B2====F6-B3====F7-B4====   B5====   B6====   B7====|
stage 1 |   F0-F1-F2-            B0====F3-B1====F4-B2====F5-B3====F6-B4====F7-B5====   B6====   B7====      |
stage 2 |      F0-F1-      B0====F2-B1====F3-B2====F4-B3====F5-B4====F6-B5====F7-B6====   B7====            |
stage 3 |         F0-B0====F1-B1====F2-B2====F3-B3====F4-B4====F5-B5====F6-B6====F7-B7====                  |
`;

const eager = `\
eager-1f1b: 24 ms, bubble 25.0 %, activations held 5 3 1
stage 0 |F0-F1-F2-F3-F4-      B0====F5-B1====   B2====   B3====   B4====   B5====|
stage 1 |   F0-F1-F2-   B0====F3-B1====F4-B2====F5-B3====   B4====   B5====      |
stage 2 |      F0-B0====F1-B1====F2-B2====F3-B3====F4-B4====F5-B5====            |
`;

describe("scheduleAscii()", () => {
  test("draws GPipe as figure 3 of Narayanan et al. 2021", () => {
    expect(scheduleAscii([timelineOf("gpipe", 4, 8)])).toBe(gpipe);
  });

  test("draws 1F1B as figure 4 of Narayanan et al. 2021", () => {
    expect(scheduleAscii([timelineOf("1f1b", 4, 8)])).toBe(oneForwardOneBackward);
  });

  test("draws eager 1F1B as its rule has it", () => {
    expect(scheduleAscii([timelineOf("eager-1f1b", 3, 6)])).toBe(eager);
  });

  test("draws a measured step under its plan, on the same scale", () => {
    const measured = {
      name: "measured",
      stages: [
        [
          { kind: "forward", microBatch: 0, startSeconds: 7, endSeconds: 7.001 },
          { kind: "backward", microBatch: 0, startSeconds: 7.002, endSeconds: 7.004 },
          { kind: "update", microBatch: null, startSeconds: 7.004, endSeconds: 7.006 },
        ],
      ],
      transfers: [],
    } as const;
    expect(scheduleAscii([timelineOf("1f1b", 1, 1), measured])).toBe(
      [
        "1f1b: 3 ms, bubble 0.0 %, activations held 1",
        "stage 0 |F0-B0====|",
        "",
        "measured: 6 ms, bubble 16.7 %, activations held 1",
        "stage 0 |F0-   B0====U#####|",
        "",
      ].join("\n"),
    );
  });

  test("leaves labels out where a pass is too short for them", () => {
    // 18 ms on 18 columns: a forward pass has one.
    expect(scheduleAscii([timelineOf("1f1b", 2, 5)], { columns: 18 })).toBe(
      [
        "1f1b: 18 ms, bubble 16.7 %, activations held 2 1",
        "stage 0 |--  B0-B1-B2-B3 B4|",
        "stage 1 | -B0-B1-B2-B3-B4  |",
        "",
      ].join("\n"),
    );
  });

  test("is at most 120 columns wide unless asked", () => {
    const lines = scheduleAscii([timelineOf("1f1b", 4, 64)]).split("\n");
    expect(lines[1]!.length).toBe("stage 0 ||".length + 120);
    expect(scheduleAscii([timelineOf("1f1b", 4, 64)], { columns: 300 }).split("\n")[1]!.length).toBe(310);
  });
});
