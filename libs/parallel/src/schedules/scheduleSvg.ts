/**
 * @file Timelines as a picture (SVG): a row per stage, forward and backward passes in two colours with their micro-batch's number.
 *
 * Colours are Okabe and Ito's, which people with colour-blindness tell apart too. Text and lines follow the reader's light or dark
 * scheme; the background stays transparent.
 */
import { headline, inMs } from "./scheduleAscii.ts";
import { spanOf, timelineFacts, type Interval, type Timeline } from "./timeline.ts";

export type SvgOptions = {
  /** Pixels. Default 960. */
  readonly width?: number;
};

const ROW = 28;
const BAR = 24;
const LABELS = 64;
const MARGIN = 12;
const TITLE = 26;
const AXIS = 30;
const LEGEND = 26;
/** Width of a digit in the font of the bars. */
const DIGIT = 7;

/** Where a viewer knows no colour schemes, text is of a grey that reads on white and on black. */
const style = `
  text { font: 12px system-ui, sans-serif; fill: #6e7781; }
  .title { font-weight: 600; }
  .lane { fill: #8c959f; fill-opacity: 0.16; }
  .axis { stroke: #6e7781; }
  @media (prefers-color-scheme: light) { text { fill: #1f2328; } }
  @media (prefers-color-scheme: dark) { text { fill: #e6edf3; } }
  .tick { fill: #6e7781; font-size: 11px; }
  .forward { fill: #0072b2; } .backward { fill: #e69f00; } .update { fill: #009e73; }
  .number { text-anchor: middle; font-size: 11px; } .on-forward { fill: #ffffff; } .on-backward { fill: #1f2328; }`;

/**
 * Several timelines stand one under another, on one scale, so that a measured step can be seen beside its plan.
 * @throws ScheduleError when a timeline has no length
 */
export function scheduleSvg(timelines: readonly Timeline[], { width = 960 }: SvgOptions = {}): string {
  const longest = Math.max(...timelines.map((timeline) => timelineFacts(timeline).makespanSeconds));
  const pixelsPerSecond = (width - LABELS - 2 * MARGIN) / longest;
  const parts: string[] = [];
  let top = MARGIN;
  for (const timeline of timelines) {
    parts.push(panel(timeline, { top, pixelsPerSecond, width }));
    top += TITLE + timeline.stages.length * ROW + MARGIN;
  }
  parts.push(axis(longest, { top, pixelsPerSecond }), legend(top + AXIS));
  const height = top + AXIS + LEGEND;
  const title = timelines.map(headline).join("; ");
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escape(title)}</title>`,
    `<style>${style}\n</style>`,
    ...parts,
    "</svg>\n",
  ].join("\n");
}

type Frame = { readonly top: number; readonly pixelsPerSecond: number; readonly width: number };

function panel(timeline: Timeline, { top, pixelsPerSecond, width }: Frame): string {
  const origin = spanOf(timeline.stages.flat()).startSeconds;
  const rows = timeline.stages.map((intervals, stage) => {
    const y = top + TITLE + stage * ROW;
    const label = `<text x="${MARGIN}" y="${y + 16}">stage ${stage}</text>`;
    const lane = `<rect class="lane" x="${MARGIN + LABELS}" y="${y}" width="${width - LABELS - 2 * MARGIN}" height="${BAR}"/>`;
    const bars = intervals.map((interval) => bar(interval, { y, origin, pixelsPerSecond, stage }));
    return [label, lane, ...bars].join("\n");
  });
  return [`<text class="title" x="${MARGIN}" y="${top + 14}">${escape(headline(timeline))}</text>`, ...rows].join("\n");
}

type Place = { readonly y: number; readonly origin: number; readonly pixelsPerSecond: number; readonly stage: number };

function bar(interval: Interval, { y, origin, pixelsPerSecond, stage }: Place): string {
  const { kind, microBatch, startSeconds, endSeconds } = interval;
  const x = MARGIN + LABELS + (startSeconds - origin) * pixelsPerSecond;
  const width = (endSeconds - startSeconds) * pixelsPerSecond;
  if (width === 0) return "";
  const name = microBatch === null ? kind : `${kind} ${microBatch}`;
  const tip = `stage ${stage}, ${name}: ${inMs(startSeconds - origin)} to ${inMs(endSeconds - origin)} ms`;
  // A gap of one pixel keeps neighbours apart.
  const rect = `<rect class="${kind}" x="${px(x)}" y="${y}" width="${px(Math.max(0.5, width - 1))}" height="${BAR}" rx="2"><title>${tip}</title></rect>`;
  const label = microBatch === null ? "" : String(microBatch);
  if (label === "" || width < label.length * DIGIT + 2) return rect;
  return `${rect}<text class="number on-${kind}" x="${px(x + (width - 1) / 2)}" y="${y + 16}">${label}</text>`;
}

function axis(seconds: number, { top, pixelsPerSecond }: Omit<Frame, "width">): string {
  const step = niceStep(seconds / 6);
  const ticks: string[] = [];
  for (let count = 0; count * step <= seconds * (1 + 1e-9); count++) {
    const x = px(MARGIN + LABELS + count * step * pixelsPerSecond);
    ticks.push(
      `<line class="axis" x1="${x}" x2="${x}" y1="${top}" y2="${top + 5}"/><text class="tick" text-anchor="middle" x="${x}" y="${top + 18}">${inMs(count * step)}</text>`,
    );
  }
  const end = px(MARGIN + LABELS + seconds * pixelsPerSecond);
  const line = `<line class="axis" x1="${MARGIN + LABELS}" x2="${end}" y1="${top}" y2="${top}"/>`;
  return [line, ...ticks, `<text class="tick" x="${MARGIN}" y="${top + 18}">ms</text>`].join("\n");
}

/** The least of 1, 2, 5 times a power of ten that is not below. */
function niceStep(atLeast: number): number {
  const power = 10 ** Math.floor(Math.log10(atLeast));
  return power * ([1, 2, 5].find((factor) => factor * power >= atLeast) ?? 10);
}

function legend(top: number): string {
  return (["forward", "backward", "update"] as const)
    .map((kind, index) => {
      const x = MARGIN + LABELS + index * 100;
      return `<rect class="${kind}" x="${x}" y="${top}" width="12" height="12" rx="2"/><text x="${x + 18}" y="${top + 11}">${kind}</text>`;
    })
    .join("\n");
}

function px(length: number): string {
  return String(Math.round(length * 100) / 100);
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
