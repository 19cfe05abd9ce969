/** @file The progress bar in a terminal and elsewhere, on a clock that the test turns. */
import { describe, expect, test } from "vitest";
import { ProgressBar } from "./progressBar.ts";

function barOn(output: { readonly isTTY?: boolean; readonly columns?: number }) {
  const written: string[] = [];
  const clock = { ms: 5000 };
  const bar = new ProgressBar({ ...output, write: (text) => written.push(text) }, () => clock.ms);
  const update = (done: number, atMs: number, extra: object = {}) => {
    clock.ms = 5000 + atMs;
    bar.update({ label: "model.safetensors", done, total: 90e6, ...extra });
  };
  return { bar, update, written };
}

/** Back to the start of the line, and nothing left of what stood there. */
const REDRAW = "\r\u001b[K";

describe("ProgressBar in a terminal", () => {
  const terminal = { isTTY: true, columns: 200 };

  test("draws over its own line: share, amount, speed, time left, label", () => {
    const { update, written } = barOn(terminal);
    update(0, 0);
    update(45e6, 1000);
    update(90e6, 2000);
    expect(written).toEqual([
      `${REDRAW}[----------------------------]   0%  0 B of 90.0 MB  model.safetensors`,
      `${REDRAW}[##############--------------]  50%  45.0 MB of 90.0 MB, 45.0 MB/s, 1 s left  model.safetensors`,
      `${REDRAW}[############################] 100%  90.0 MB of 90.0 MB, 45.0 MB/s  model.safetensors`,
    ]);
  });

  test("is drawn ten times a second at most, and at the end in any case", () => {
    const { update, written } = barOn(terminal);
    for (let ms = 0; ms < 1000; ms++) update(ms, ms);
    expect(written.length).toBe(10);
    update(90e6, 1000.5);
    expect(written.length).toBe(11);
    expect(written.at(-1)).toContain("100%");
  });

  test("is cut to the terminal's width, so that no line is left behind", () => {
    const { update, written } = barOn({ isTTY: true, columns: 40 });
    update(45e6, 0);
    expect(written[0]!.length).toBe(REDRAW.length + 39);
  });

  test("finish() goes to the next line, once, and only where a bar was drawn", () => {
    const { bar, update, written } = barOn(terminal);
    bar.finish();
    expect(written).toEqual([]);
    update(45e6, 0);
    bar.finish();
    bar.finish();
    expect(written.slice(1)).toEqual(["\n"]);
  });

  test("what was done before it began says nothing about the speed", () => {
    const { update, written } = barOn(terminal);
    update(80e6, 0, { doneBefore: 80e6 });
    update(81e6, 1000, { doneBefore: 80e6 });
    expect(written[1]).toContain("81.0 MB of 90.0 MB, 1.0 MB/s, 9 s left");
  });

  test("counts in other units; slow work has a digit more", () => {
    const { update, written } = barOn(terminal);
    update(0, 0, { unit: "steps", total: 1000 });
    update(5, 2000, { unit: "steps", total: 1000 });
    expect(written[1]).toContain("5 steps of 1000 steps, 2.5 steps/s, 7 min left");
  });
});

describe("ProgressBar elsewhere", () => {
  test("writes a line for every tenth, without control characters", () => {
    const { bar, update, written } = barOn({});
    for (let percent = 0; percent <= 100; percent++) update(percent * 0.9e6, percent);
    bar.finish();
    expect(written.length).toBe(11);
    for (const line of written) expect(line).toMatch(/^\[[#-]{28}\] [ \d]{3}%  [\w ,./]+ model\.safetensors\n$/);
  });

  test("work that is nothing is done", () => {
    const { update, written } = barOn({});
    update(0, 0, { total: 0 });
    expect(written).toEqual(["[############################] 100%  0 B of 0 B  model.safetensors\n"]);
  });
});
