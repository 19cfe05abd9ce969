/**
 * @file A learning curve as an SVG picture: panels side by side (loss, a metric), each with lines over steps.
 *
 * The background is transparent, and every colour has a contrast of at least 3 on white and on near-black alike, so that the
 * picture can be read on light and dark pages without knowing which it is on.
 */
import { plotAxes } from "./plotAxes.ts";
import { colours, escapeXml, roundPixels as round, svgOf, type Scale } from "./svgParts.ts";
import { finitePoints, thinPoints, type CurvePoint } from "./thinPoints.ts";

export type CurveLine = {
  readonly name: string;
  /** In order of steps. Values that are null or not finite are left out. */
  readonly points: readonly { readonly step: number; readonly value: number | null | undefined }[];
};

export type CurvePanel = { readonly title: string; readonly lines: readonly CurveLine[] };

const panel = { width: 380, height: 280, left: 56, right: 24, top: 56, bottom: 44 } as const;
/** More points than this to a line cannot be told apart. */
const MAX_POINTS = 300;
/** Up to so many points are marked by dots. */
const MAX_DOTS = 30;

export function curveSvg(panels: readonly CurvePanel[]): string {
  const width = panel.width * Math.max(1, panels.length);
  const names = [...new Set(panels.flatMap(({ lines }) => lines.map(({ name }) => name)))];
  const colourOf = (name: string) => colours[names.indexOf(name) % colours.length]!;
  const drawn = panels.map(
    (each, index) => `<g transform="translate(${index * panel.width} 0)">${drawPanel(each, colourOf)}</g>`,
  );
  const title = `Learning curve: ${panels.map(({ title: each }) => each).join(", ")}`;
  return svgOf(drawn, { title, width, height: panel.height });
}

type DrawnLine = { readonly name: string; readonly colour: string; readonly points: readonly CurvePoint[] };

/** A line has one colour, whichever panel it is in. */
function drawPanel({ title, lines }: CurvePanel, colourOf: (name: string) => string): string {
  const drawn = lines.map(({ name, points }): DrawnLine => {
    return { name, colour: colourOf(name), points: thinPoints(finitePoints(points), MAX_POINTS) };
  });
  const heading = `<text x="${panel.left}" y="18" font-size="14" font-weight="600">${escapeXml(title)}</text>`;
  const all = drawn.flatMap(({ points }) => points);
  if (all.length === 0) return `${heading}<text x="${panel.left}" y="${panel.top}">no values</text>`;
  const { width, height, left, right, top, bottom } = panel;
  const { x, y, parts } = plotAxes(all, { left, right: width - right, top, bottom: height - bottom });
  return [heading, drawLegend(drawn), ...parts, ...drawn.map((line) => drawLine(line, x, y))].join("");
}

function drawLegend(lines: readonly DrawnLine[]): string {
  let at: number = panel.left;
  return lines
    .map(({ name, colour }) => {
      const entry = `<line x1="${at}" x2="${at + 16}" y1="34" y2="34" stroke="${colour}" stroke-width="2"/><text x="${at + 21}" y="38">${escapeXml(name)}</text>`;
      at += 36 + name.length * 7; // about the width of a letter at 12 px
      return entry;
    })
    .join("");
}

function drawLine({ points, colour }: DrawnLine, x: Scale, y: Scale): string {
  const places = points.map(({ step, value }) => [round(x(step)), round(y(value))] as const);
  const path = `<polyline points="${places.map((place) => place.join(",")).join(" ")}" fill="none" stroke="${colour}" stroke-width="2" stroke-linejoin="round"/>`;
  if (places.length > MAX_DOTS) return path;
  return path + places.map(([cx, cy]) => `<circle cx="${cx}" cy="${cy}" r="2.5" fill="${colour}"/>`).join("");
}
