/**
 * @file Bars in rows over one axis of time. One stop of the keyboard: arrow keys, Home and End go from bar to bar in the order of time,
 * and what the chosen one is stands below; so does what the mouse is on.
 */
import { useId, useRef, useState, type KeyboardEvent } from "react";
import { milliseconds } from "./figures.ts";
import { placeBars, timeTicks, type PlacedBar, type Row } from "./ganttLayout.ts";
import { useWidth } from "../ui/useWidth.ts";

const ROW_HEIGHT = 30;
const BAR_HEIGHT = 22;
const AXIS_HEIGHT = 24;
const CHARACTER_WIDTH = 7;

export type GanttProps = {
  /** What it shows, for those who do not see it. */
  readonly label: string;
  readonly rows: readonly Row[];
  /** Milliseconds, of the same zero as the bars. */
  readonly from: number;
  readonly to: number;
  /** What stands below while no bar is chosen. */
  readonly hint: string;
};

export function Gantt({ label, rows, from, to, hint }: GanttProps) {
  const id = useId();
  const frame = useRef<HTMLDivElement>(null);
  const frameWidth = useWidth(frame);
  const [chosenKey, setChosenKey] = useState<string | null>(null);
  const labelWidth = 10 + CHARACTER_WIDTH * Math.max(0, ...rows.map((row) => row.label.length));
  const width = Math.max(40, (frameWidth ?? 0) - labelWidth - 2);
  const bars = frameWidth === null ? [] : placeBars(rows, { from, to, width });
  const chosen = bars.findIndex(({ key }) => key === chosenKey);
  const height = rows.length * ROW_HEIGHT;

  const onKeyDown = (event: KeyboardEvent) => {
    const next = nextOf(event.key, chosen, bars.length);
    if (next === null) return;
    event.preventDefault();
    setChosenKey(bars[next]?.key ?? null);
  };
  return (
    <div className="gantt" ref={frame}>
      {frameWidth !== null && (
        <svg
          // oxlint-disable-next-line jsx-a11y/prefer-tag-over-role -- an SVG has no such elements
          role="listbox"
          aria-label={`${label}. Arrow keys go from bar to bar.`}
          aria-activedescendant={chosen === -1 ? undefined : `${id}-${chosen}`}
          tabIndex={0}
          width={frameWidth}
          height={height + AXIS_HEIGHT}
          onKeyDown={onKeyDown}
        >
          <g aria-hidden="true">
            {rows.map((row, index) => (
              <text key={row.label} className="gantt-label" x={0} y={index * ROW_HEIGHT + ROW_HEIGHT / 2 + 5}>
                {row.label}
              </text>
            ))}
            {timeTicks({ from, to, width }).map(({ x, ms }) => (
              <g key={ms} transform={`translate(${labelWidth + x} 0)`}>
                <line className="gantt-tick" y2={height} />
                <text
                  className="gantt-mark"
                  y={height + 17}
                  textAnchor={x > width - 30 ? "end" : x < 10 ? "start" : "middle"}
                >
                  {milliseconds(ms)}
                </text>
              </g>
            ))}
          </g>
          {bars.map((bar, index) => (
            <BarMark
              key={bar.key}
              id={`${id}-${index}`}
              bar={bar}
              x={labelWidth + bar.x}
              isChosen={index === chosen}
              onChoose={() => setChosenKey(bar.key)}
            />
          ))}
        </svg>
      )}
      <p className="gantt-detail" aria-live="polite">
        {bars[chosen]?.detail ?? hint}
      </p>
    </div>
  );
}

type BarMarkProps = {
  readonly id: string;
  readonly bar: PlacedBar;
  readonly x: number;
  readonly isChosen: boolean;
  readonly onChoose: () => void;
};

function BarMark({ id, bar, x, isChosen, onChoose }: BarMarkProps) {
  const y = bar.row * ROW_HEIGHT + (ROW_HEIGHT - BAR_HEIGHT) / 2;
  const hasRoom = bar.width > bar.text.length * CHARACTER_WIDTH + 6;
  return (
    <g
      id={id}
      // oxlint-disable-next-line jsx-a11y/prefer-tag-over-role -- as above
      role="option"
      aria-selected={isChosen}
      aria-label={bar.detail}
      className={`bar series-${bar.series}`}
      onMouseEnter={onChoose}
      onClick={onChoose}
    >
      <rect x={x} y={y} width={bar.width} height={BAR_HEIGHT} rx={Math.min(3, bar.width / 2)} />
      {hasRoom && (
        <text x={x + bar.width / 2} y={y + BAR_HEIGHT / 2 + 4} textAnchor="middle" aria-hidden="true">
          {bar.text}
        </text>
      )}
    </g>
  );
}

/** The bar that a key goes to; null for keys that go nowhere. */
function nextOf(key: string, chosen: number, count: number): number | null {
  if (count === 0) return null;
  if (key === "ArrowRight" || key === "ArrowDown") return Math.min(count - 1, chosen + 1);
  if (key === "ArrowLeft" || key === "ArrowUp") return chosen === -1 ? count - 1 : Math.max(0, chosen - 1);
  if (key === "Home") return 0;
  return key === "End" ? count - 1 : null;
}
