/**
 * @file A search as an SVG picture: the metric of each run over its steps, the trials' scores, and when which run was at work.
 */
import { axisTicks } from "./axisTicks.ts";
import { horizontalAxis, plotAxes } from "./plotAxes.ts";
import { colours, escapeXml, ink, roundPixels as round, svgOf } from "./svgParts.ts";
import { finitePoints, thinPoints } from "./thinPoints.ts";

export type DrawnTrial = {
  readonly number: number;
  /** Its hyper-parameters. */
  readonly label: string;
  readonly isBest: boolean;
  /** null where it failed. */
  readonly score: number | null;
  readonly runs: readonly DrawnRun[];
};

export type DrawnRun = {
  readonly value: number | null;
  /** In order of steps; of values that are null nothing is drawn. */
  readonly evaluations: readonly { readonly step: number; readonly value: number | null }[];
  /** Milliseconds. */
  readonly intervals: readonly { readonly start: number; readonly end: number }[];
};

export type SearchPicture = {
  readonly metric: string;
  /** The best first. */
  readonly trials: readonly DrawnTrial[];
};

const width = 960;
/** Of the panel of curves; that of the scores has the rest. */
const half = 400;
const margin = { left: 56, right: 24, top: 44, bottom: 44 } as const;
const curvesHeight = 300;
const row = 20;
/** Scores that are listed. */
const MAX_ROWS = 30;
const labels = 330;
const scoresEnd = width - half - margin.right;
const MAX_POINTS = 300;
const [best, other] = [colours[0], colours[1]];
/** Letters of a label that fit. */
const LETTERS = 46;

export function searchSvg(picture: SearchPicture): string {
  const scores = picture.trials.filter(({ score }) => score !== null).slice(0, MAX_ROWS);
  const top = Math.max(curvesHeight, margin.top + margin.bottom + scores.length * row);
  const lanes = lanesOf(picture.trials);
  const height = top + margin.top + margin.bottom + lanes.length * row;
  const title = `${picture.trials.length} ${picture.trials.length === 1 ? "trial" : "trials"}: ${picture.metric} by step, scores, and when they ran`;
  return svgOf(
    [
      `<g>${drawCurves(picture)}</g>`,
      `<g transform="translate(${half} 0)">${drawScores(scores, picture.metric)}</g>`,
      `<g transform="translate(0 ${top})">${drawTimes(lanes)}</g>`,
    ],
    { title, width, height },
  );
}

const heading = (text: string, x: number = margin.left) =>
  `<text x="${x}" y="18" font-size="14" font-weight="600">${escapeXml(text)}</text>`;

const nothing = (x: number = margin.left) => `<text x="${x}" y="${margin.top}">no values</text>`;

function drawCurves({ metric, trials }: SearchPicture): string {
  const lines = trials
    .toReversed()
    .flatMap(({ runs, isBest }) => runs.map(({ evaluations }) => ({ isBest, points: finitePoints(evaluations) })));
  const all = lines.flatMap(({ points }) => points);
  if (all.length === 0) return heading(metric) + nothing();
  const area = { left: margin.left, right: half - margin.right, top: margin.top, bottom: curvesHeight - margin.bottom };
  const { x, y, parts } = plotAxes(all, area);
  const drawn = lines.map(({ isBest, points }) => {
    const places = thinPoints(points, MAX_POINTS).map(({ step, value }) => `${round(x(step))},${round(y(value))}`);
    const stroke = isBest ? `stroke="${best}" stroke-width="2.5"` : `stroke="${other}" stroke-opacity="0.6"`;
    const dots = points.length === 1 ? dot(x(points[0]!.step), y(points[0]!.value), { isBest, size: 3 }) : "";
    return `<polyline points="${places.join(" ")}" fill="none" ${stroke} stroke-linejoin="round"/>${dots}`;
  });
  return [heading(`${metric} by step (best trial in blue)`), ...parts, ...drawn].join("");
}

function dot(x: number, y: number, { isBest, size }: { readonly isBest: boolean; readonly size: number }): string {
  return `<circle cx="${round(x)}" cy="${round(y)}" r="${size}" fill="${isBest ? best : other}"/>`;
}

/** A row for each trial: the values of its folds, and their mean. */
function drawScores(trials: readonly DrawnTrial[], metric: string): string {
  const title = heading(`score of each trial`, 0);
  if (trials.length === 0) return title + nothing(0);
  const all = trials.flatMap(({ score, runs }) => [
    score!,
    ...runs.flatMap(({ value }) => (value === null ? [] : [value])),
  ]);
  const ticks = axisTicks(all, { count: 4 });
  const bottom = margin.top + trials.length * row;
  const { scale: x, parts: axis } = horizontalAxis(ticks, { left: labels, right: scoresEnd, bottom, name: metric });
  const rows = trials.map(({ number, label, isBest, score, runs }, at) => {
    const y = margin.top + at * row + row / 2;
    const folds = runs.length === 1 ? [] : runs.flatMap(({ value }) => (value === null ? [] : [value]));
    return [
      `<line x1="${labels}" x2="${scoresEnd}" y1="${y}" y2="${y}" stroke="${ink}" stroke-opacity="0.3"/>`,
      `<text x="${labels - 8}" y="${y + 4}" text-anchor="end"${isBest ? ' font-weight="600"' : ""}>${escapeXml(shortened(`${number}  ${label}`))}</text>`,
      ...folds.map((value) => dot(x(value), y, { isBest, size: 2.5 })),
      dot(x(score!), y, { isBest, size: 5 }),
    ].join("");
  });
  return [title, ...rows, axis].join("");
}

const shortened = (text: string) => (text.length > LETTERS ? `${text.slice(0, LETTERS - 1)}…` : text);

type Bar = { readonly trial: number; readonly isBest: boolean; readonly start: number; readonly end: number };

/** Runs that overlap stand in different lanes; as few lanes as that takes. */
function lanesOf(trials: readonly DrawnTrial[]): Bar[][] {
  const bars = trials
    .flatMap(({ number, isBest, runs }) =>
      runs.flatMap(({ intervals }) => intervals.map((interval) => ({ ...interval, trial: number, isBest }))),
    )
    .toSorted((a, b) => a.start - b.start);
  const lanes: Bar[][] = [];
  for (const bar of bars) {
    const free = lanes.find((lane) => lane.at(-1)!.end <= bar.start);
    if (free === undefined) lanes.push([bar]);
    else free.push(bar);
  }
  return lanes;
}

function drawTimes(lanes: readonly (readonly Bar[])[]): string {
  const bars = lanes.flat();
  if (bars.length === 0) return heading("when they ran") + nothing();
  const begin = Math.min(...bars.map(({ start }) => start));
  const seconds = (time: number) => (time - begin) / 1000;
  const ticks = axisTicks([0, ...bars.map(({ end }) => seconds(end))], { count: 8 });
  const { scale: x, parts: axis } = horizontalAxis(ticks, {
    left: margin.left,
    right: width - margin.right,
    bottom: margin.top + lanes.length * row,
    name: "seconds since the search began",
  });
  const drawn = lanes.flatMap((lane, at) =>
    lane.map(({ trial, isBest, start, end }) => {
      const [from, to] = [x(seconds(start)), x(seconds(end))];
      const y = margin.top + at * row;
      const label = `<text x="${round((from + to) / 2)}" y="${y + 13}" text-anchor="middle">${trial}</text>`;
      const bar = `<rect x="${round(from)}" y="${y}" width="${round(Math.max(1, to - from))}" height="${row - 3}" rx="2" fill="${isBest ? best : other}" fill-opacity="0.35"/>`;
      return bar + (to - from > 8 * String(trial).length ? label : "");
    }),
  );
  return [heading("which trial ran when"), ...drawn, axis].join("");
}
