/** @file The axes of a picture's panel: steps along the bottom, values along the left. */
import { axisTicks, type AxisTicks } from "./axisTicks.ts";
import { escapeXml, ink, roundPixels as round, scaleOf, type Scale } from "./svgParts.ts";
import type { CurvePoint } from "./thinPoints.ts";

/** Where values are drawn, in pixels of the panel. */
export type PlotArea = { readonly left: number; readonly right: number; readonly top: number; readonly bottom: number };

export type PlotAxes = {
  readonly x: Scale;
  readonly y: Scale;
  /** Their lines and labels. */
  readonly parts: readonly string[];
};

/** @param points - at least one, all finite */
export function plotAxes(points: readonly CurvePoint[], { left, right, top, bottom }: PlotArea): PlotAxes {
  const steps = axisTicks(
    points.map(({ step }) => step),
    { count: 5, isWhole: true },
  );
  const values = axisTicks(
    points.map(({ value }) => value),
    { count: 5 },
  );
  const y = scaleOf(values.ticks, [bottom, top]);
  const valueTick = (at: number, label: string) =>
    `<line x1="${left}" x2="${right}" y1="${round(at)}" y2="${round(at)}" stroke="${ink}" stroke-opacity="0.3"/>` +
    `<text x="${left - 6}" y="${round(at + 4)}" text-anchor="end">${label}</text>`;
  const x = horizontalAxis(steps, { left, right, bottom, name: "step" });
  const parts = [...values.ticks.map((value) => valueTick(y(value), values.format(value))), x.parts];
  return { x: x.scale, y, parts };
}

type HorizontalArea = Omit<PlotArea, "top"> & { readonly name: string };

/** Along the bottom, with its name below. */
export function horizontalAxis({ ticks, format }: AxisTicks, { left, right, bottom, name }: HorizontalArea) {
  const scale = scaleOf(ticks, [left, right]);
  const labels = ticks.map(
    (tick) => `<text x="${round(scale(tick))}" y="${bottom + 17}" text-anchor="middle">${format(tick)}</text>`,
  );
  const title = `<text x="${round((left + right) / 2)}" y="${bottom + 36}" text-anchor="middle">${escapeXml(name)}</text>`;
  return { scale, parts: [...labels, title].join("") };
}
