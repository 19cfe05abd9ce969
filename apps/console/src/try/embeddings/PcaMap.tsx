/** @file Texts as points on the two principal components of their vectors: near each other where they are alike, as far as a plane can show it. */
import { useMemo, useRef } from "react";
import { useWidth } from "../../ui/useWidth.ts";
import { nearestOf, type SquareMatrix } from "./cosines.ts";
import { placeLabels } from "./placeLabels.ts";
import type { Components } from "./principalComponents.ts";

export type SelectionProps = {
  readonly texts: readonly string[];
  readonly cosines: SquareMatrix;
  readonly selected: number | null;
  readonly onSelect: (index: number | null) => void;
};

type PcaMapProps = SelectionProps & { readonly components: Components };

/** Outside of the frame, for the axes' names; and inside, for points at the edge. */
const [AXIS, MARGIN] = [20, 14];
/** Of the labels' type, 12 pixels: what a character takes on average, and a line. */
const [CHARACTER_WIDTH, LINE_HEIGHT] = [7, 15];
const GAP = 7;
const NUM_NEAREST = 3;

export function PcaMap({ texts, cosines, selected, onSelect, components }: PcaMapProps) {
  const ref = useRef<HTMLDivElement>(null);
  const width = useWidth(ref) ?? 0;
  const height = Math.round(Math.max(240, Math.min(460, width * 0.75)));
  const labels = useMemo(() => texts.map((text, index) => labelOf(text, index, texts.length)), [texts]);
  const { points, boxes } = useMemo(() => {
    const placed = scaled(components.points, width - AXIS, height - AXIS);
    const sizes = labels.map((label) => [label.length * CHARACTER_WIDTH, LINE_HEIGHT] as const);
    return {
      points: placed,
      boxes: placeLabels(placed, sizes, { width: width - AXIS, height: height - AXIS, gap: GAP }),
    };
  }, [components, height, labels, width]);
  const nearest = selected === null ? [] : nearestOf(cosines, selected, NUM_NEAREST);
  const [first, second] = components.shares.map((share) => `${(share * 100).toFixed(0)} %`);
  return (
    <div className="card">
      <h2>Map</h2>
      <div ref={ref}>
        {width > 0 && (
          <svg
            className="pca"
            width={width}
            height={height}
            role="img"
            aria-label={`Map of ${texts.length} texts by two principal components, which have ${first} and ${second} of the variance. The table of neighbours tells which are near each other.`}
          >
            <text className="axis" x={AXIS + (width - AXIS) / 2} y={height - 4}>
              first component: {first} of the variance
            </text>
            <text className="axis" transform={`translate(12 ${(height - AXIS) / 2}) rotate(-90)`}>
              second: {second}
            </text>
            <g transform={`translate(${AXIS} 0)`}>
              <rect x={0.5} y={0.5} width={width - AXIS - 1} height={height - AXIS - 1} rx={4} />
              {nearest.map((index) => {
                const [[x1, y1], [x2, y2]] = [points[selected!]!, points[index]!];
                return <line key={index} x1={x1} y1={y1} x2={x2} y2={y2} />;
              })}
              {points.map(([x, y], index) => (
                <circle
                  key={index}
                  cx={x}
                  cy={y}
                  r={index === selected ? 6 : 4}
                  className={index === selected ? "is-selected" : nearest.includes(index) ? "is-near" : undefined}
                  onClick={() => onSelect(index === selected ? null : index)}
                >
                  <title>{`${index + 1} ${texts[index]}`}</title>
                </circle>
              ))}
              {boxes.map((box, index) =>
                box === null ? null : (
                  <text key={index} x={box.left} y={box.top + LINE_HEIGHT * 0.75}>
                    {labels[index]}
                  </text>
                ),
              )}
            </g>
          </svg>
        )}
      </div>
      {boxes.includes(null) && <p className="muted">Labels that have no room are left out: point at a dot.</p>}
    </div>
  );
}

/** All of them at once leave room for little text. */
function labelOf(text: string, index: number, numTexts: number): string {
  const room = numTexts > 30 ? 0 : 22;
  const short = text.length > room ? `${text.slice(0, room).trimEnd()}…` : text;
  return room === 0 ? String(index + 1) : `${index + 1} ${short}`;
}

/** Both axes by the same factor: distances are to be compared. */
function scaled(points: Components["points"], width: number, height: number): (readonly [number, number])[] {
  const extent = (axis: 0 | 1) => {
    const values = points.map((point) => point[axis]);
    return [Math.min(...values), Math.max(...values)] as const;
  };
  const [[left, right], [bottom, top]] = [extent(0), extent(1)];
  const factor = Math.min(
    (width - 2 * MARGIN) / Math.max(right - left, 1e-9),
    (height - 2 * MARGIN) / Math.max(top - bottom, 1e-9),
  );
  return points.map(([x, y]) => [
    width / 2 + (x - (left + right) / 2) * factor,
    height / 2 - (y - (bottom + top) / 2) * factor,
  ]);
}
