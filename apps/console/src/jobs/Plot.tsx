/** @file A figure of curves by step: uPlot's canvas, with a legend in words and a line that tells the values under the pointer. */
import { useEffect, useMemo, useRef, useState } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useIsDark } from "../ui/useIsDark.ts";
import { metricTitle, shownNumber } from "./format.ts";
import type { Series } from "./jobHistory.ts";
import { alignSeries, thinSeries } from "./thinSeries.ts";

export type Curve = {
  readonly label: string;
  readonly series: Series;
  /** Number of a series colour, from 1. */
  readonly colour: number;
};

type PlotProps = {
  readonly title: string;
  readonly curves: readonly Curve[];
  /** A step to mark. */
  readonly mark?: { readonly step: number; readonly label: string } | null;
  readonly isLogarithmic?: boolean;
};

const HEIGHT = 240;
/** uPlot declares the number 3 as an enum that only the compiler knows. */
const logarithmic = { distr: 3 } as object as uPlot.Scale;
/** More than a figure has pixels. */
const MAX_POINTS = 2000;
/** Fewer points than this are drawn as dots too. */
const FEW_POINTS = 40;
const NUM_COLOURS = 6;

export const colourOf = (place: number): number => (place % NUM_COLOURS) + 1;

export function Plot({ title, curves, mark = null, isLogarithmic = false }: PlotProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const shown = useRef<{ data: uPlot.AlignedData; mark: PlotProps["mark"] }>({ data: [[]], mark });
  const [at, setAt] = useState<number | null>(null);
  const isDark = useIsDark();
  // The pointer draws this component again and again, with the same curves.
  const data = useMemo(() => alignSeries(curves.map(({ series }) => thinSeries(series, MAX_POINTS))), [curves]);
  /** The figure is built anew for other curves, and only given numbers for more of the same. */
  const shape = JSON.stringify([isLogarithmic, isDark, curves.map(({ label, colour }) => [label, colour])]);
  // Before the figure is built, which begins with these.
  useEffect(() => {
    shown.current = { data, mark };
    plot.current?.setData(data);
  }, [data, mark]);
  useEffect(() => {
    const element = place.current!;
    const [isLog, , lines] = JSON.parse(shape) as [boolean, boolean, [string, number][]];
    const muted = themeColour(element, "--muted");
    const line = themeColour(element, "--line");
    const axis = { stroke: muted, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
    const own = new uPlot(
      {
        width: element.clientWidth,
        height: HEIGHT,
        legend: { show: false },
        cursor: { drag: { x: true, y: false }, points: { size: 8 } },
        scales: { x: { time: false, range: padded }, y: isLog ? logarithmic : {} },
        axes: [
          { ...axis, values: (_, steps) => steps.map((step) => (Number.isInteger(step) ? shownNumber(step) : "")) },
          {
            ...axis,
            size: 64,
            values: (_, values) => values.map((value) => (value === null ? "" : shownNumber(value))),
          },
        ],
        series: [
          {},
          ...lines.map(([label, colour]) => ({
            label,
            stroke: themeColour(element, `--series-${colour}`),
            width: 2,
            spanGaps: true,
            points: { show: (self: uPlot, index: number) => isSparse(self.data[index]!), size: 6 },
          })),
        ],
        hooks: {
          draw: [(self) => drawMark(self, shown.current.mark, muted)],
          setCursor: [(self) => setAt(self.cursor.idx ?? null)],
        },
      },
      shown.current.data,
      element,
    );
    plot.current = own;
    const observer = new ResizeObserver(() => own.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      own.destroy();
      plot.current = null;
    };
  }, [shape]);
  const summary = curves.map(({ label, series }) => `${metricTitle(label)} ${summaryOf(series)}`).join("; ");
  const marking = mark === null ? "" : `; ${mark.label}: step ${mark.step}`;
  return (
    <figure className="plot" aria-label={`${title}: ${summary}${marking}`}>
      <figcaption>{title}</figcaption>
      <div ref={place} className="plot-canvas" />
      <Legend curves={curves} data={data} mark={mark} at={at} />
    </figure>
  );
}

type LegendProps = Required<Pick<PlotProps, "curves" | "mark">> & {
  readonly data: ReturnType<typeof alignSeries>;
  /** Place in the data under the pointer. */
  readonly at: number | null;
};

function Legend({ curves, data: [steps, ...values], mark, at }: LegendProps) {
  return (
    <ul className="plot-legend">
      {curves.map(({ label, series, colour }, index) => (
        <li key={label}>
          <svg width="22" height="8" aria-hidden="true">
            <line x1="0" y1="4" x2="22" y2="4" strokeWidth="3" style={{ stroke: `var(--series-${colour})` }} />
          </svg>
          {metricTitle(label)}:{" "}
          <span className="figures">{shownNumber(at === null ? series.values.at(-1) : values[index]![at])}</span>
        </li>
      ))}
      {mark != null && <li className="muted">{`┆ ${mark.label}: step ${shownNumber(mark.step)}`}</li>}
      <li className="muted">{at === null ? "latest values" : `step ${shownNumber(steps[at])}`}</li>
    </ul>
  );
}

/** A single step has a width too. */
function padded(_: uPlot, least: number, greatest: number): [number, number] {
  return least === greatest ? [least - 1, greatest + 1] : [least, greatest];
}

function isSparse(values: ArrayLike<number | null | undefined>): boolean {
  let count = 0;
  for (let index = 0; index < values.length && count <= FEW_POINTS; index++) if (values[index] != null) count++;
  return count <= FEW_POINTS;
}

function drawMark(self: uPlot, mark: PlotProps["mark"], stroke: string): void {
  if (mark == null) return;
  const { ctx, bbox } = self;
  const x = Math.round(self.valToPos(mark.step, "x", true));
  if (x < bbox.left || x > bbox.left + bbox.width) return;
  ctx.save();
  ctx.strokeStyle = stroke;
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.restore();
}

function summaryOf({ steps, values }: Series): string {
  if (steps.length === 0) return "no values yet";
  return `from ${shownNumber(values[0])} at step ${steps[0]} to ${shownNumber(values.at(-1))} at step ${steps.at(-1)}`;
}

/** A colour of the theme as a canvas takes it. */
function themeColour(element: HTMLElement, name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
