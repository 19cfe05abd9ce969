/**
 * @file One head as a heat map: a row for each token that looks, a column for each that is seen. The number of a cell is told under the
 * pointer, and to the keyboard: arrow keys go from cell to cell.
 */
import { useCallback, useEffect, useMemo, useRef, useState, type KeyboardEvent, type PointerEvent } from "react";
import type { AttentionToken } from "./attentionAnswer.ts";
import { heatImage } from "./heatImage.ts";
import type { Spans } from "./pairFilter.ts";
import { useCanvas, type Drawing } from "./useCanvas.ts";
import { useIsDark } from "../ui/useIsDark.ts";
import { labelOf, weightText } from "./weights.ts";

type HeatMapProps = {
  readonly name: string;
  readonly tokens: readonly AttentionToken[];
  readonly spans: Spans;
  /** `[L, L]` */
  readonly values: Float32Array;
};

/** Within the spans, from 0. */
type Cell = { readonly row: number; readonly column: number };

/** Room for the names of tokens, before rows and above columns; longer ones are narrowed. */
const marginFor = (names: readonly string[]) => 14 + Math.min(80, 8 * Math.max(...names.map((each) => each.length)));

/** From this size on, cells have a gap between them. */
const LARGE_CELL = 12;

/** Pixels of a cell: the more tokens, the fewer. */
function cellSize(numTokens: number): number {
  return [24, 48, 128, 256].map((most, index) => (numTokens <= most ? [26, 18, 12, 9][index]! : 0)).find(Boolean) ?? 6;
}

export function HeatMap({ name, tokens, spans, values }: HeatMapProps) {
  const [hovered, setHovered] = useState<Cell | null>(null);
  const [focused, setFocused] = useState<Cell | null>(null);
  const [kept, setKept] = useState<Cell>({ row: 0, column: 0 });
  const cell = hovered ?? focused;
  const marker = useRef<HTMLSpanElement>(null);
  const isDark = useIsDark();
  const numRows = spans.looking.end - spans.looking.start;
  const numColumns = spans.seen.end - spans.seen.start;
  const size = cellSize(Math.max(numRows, numColumns));
  const length = tokens.length;
  const names = useMemo(() => tokens.map(labelOf), [tokens]);
  const margin = marginFor(names);
  const at = ({ row, column }: Cell) => (spans.looking.start + row) * length + spans.seen.start + column;

  const draw = useCallback(
    ({ context }: Drawing) => {
      const { color } = getComputedStyle(context.canvas);
      const image = heatImage(values, { spans, length, most: 1, isDark });
      context.imageSmoothingEnabled = false;
      context.drawImage(image, margin, margin, numColumns * size, numRows * size);
      if (size >= LARGE_CELL) {
        for (let row = 1; row < numRows; row++)
          context.clearRect(margin, margin + row * size - 1, numColumns * size, 1);
        for (let column = 1; column < numColumns; column++)
          context.clearRect(margin + column * size - 1, margin, 1, numRows * size);
      }
      context.fillStyle = color;
      context.font = `${Math.min(13, Math.max(9, size - 3))}px system-ui, sans-serif`;
      context.textBaseline = "middle";
      // Where rows are thinner than letters, not every one has its name.
      const step = Math.ceil(9 / size);
      for (let row = 0; row < numRows; row += step) {
        context.textAlign = "right";
        const label = names[spans.looking.start + row]!;
        context.fillText(label, margin - 6, margin + (row + 0.5) * size, margin - 8);
      }
      for (let column = 0; column < numColumns; column += step) {
        context.save();
        context.translate(margin + (column + 0.5) * size, margin - 6);
        context.rotate(-Math.PI / 2);
        context.textAlign = "left";
        context.fillText(names[spans.seen.start + column]!, 0, 0, margin - 8);
        context.restore();
      }
    },
    [names, margin, spans, values, isDark, numRows, numColumns, size, length],
  );
  const canvas = useCanvas(draw);

  useEffect(() => {
    if (focused !== null) marker.current?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [focused]);

  const clamped = (row: number, column: number): Cell => ({
    row: Math.min(numRows - 1, Math.max(0, row)),
    column: Math.min(numColumns - 1, Math.max(0, column)),
  });
  const focus = (next: Cell) => {
    setHovered(null);
    setFocused(next);
    setKept(next);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const { row, column } = focused ?? kept;
    const next = {
      ArrowUp: [row - 1, column],
      ArrowDown: [row + 1, column],
      ArrowLeft: [row, column - 1],
      ArrowRight: [row, column + 1],
      Home: [row, 0],
      End: [row, numColumns - 1],
    }[event.key] as [number, number] | undefined;
    if (next === undefined) return;
    event.preventDefault();
    focus(clamped(...next));
  };
  const onPointerMove = ({ clientX, clientY }: PointerEvent) => {
    const { left, top } = canvas.current!.getBoundingClientRect();
    const [row, column] = [clientY, clientX].map((value, axis) =>
      Math.floor((value - [top, left][axis]! - margin) / size),
    );
    const isInside = row! >= 0 && row! < numRows && column! >= 0 && column! < numColumns;
    setHovered(isInside ? { row: row!, column: column! } : null);
  };
  const [width, height] = [margin + numColumns * size, margin + numRows * size];
  return (
    <>
      <p className="heat-map-number" id="heat-map-number" aria-live="polite">
        {cell === null ? (
          <span className="muted">Point at a cell, or press Tab and the arrow keys, to read its number.</span>
        ) : (
          <>
            <strong>{names[spans.looking.start + cell.row]}</strong> →{" "}
            <strong>{names[spans.seen.start + cell.column]}</strong>: {weightText(values[at(cell)]!)}
          </>
        )}
      </p>
      <div className="heat-map-frame">
        <button
          type="button"
          className="heat-map"
          aria-label={`Heat map of ${name}: ${numRows} tokens that look, ${numColumns} that are seen. Arrow keys go from cell to cell.`}
          aria-describedby="heat-map-number"
          onFocus={() => setFocused(clamped(kept.row, kept.column))}
          onBlur={() => setFocused(null)}
          onKeyDown={onKeyDown}
          onPointerMove={onPointerMove}
          onPointerLeave={() => setHovered(null)}
        >
          <canvas ref={canvas} style={{ width, height }} />
          {cell !== null && (
            <span
              ref={marker}
              className="heat-map-cell"
              style={{ left: margin + cell.column * size, top: margin + cell.row * size, width: size, height: size }}
            />
          )}
        </button>
      </div>
      <p className="attention-hint muted">
        Rows look at columns. Strength of colour: the square root of the probability.
      </p>
    </>
  );
}
