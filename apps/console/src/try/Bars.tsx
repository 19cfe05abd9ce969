/** @file Scores as bars, with their numbers. */
import type { ReactNode } from "react";

export type Bar = { readonly key: string | number; readonly label: ReactNode; readonly value: number };

type BarsProps = {
  readonly bars: readonly Bar[];
  /** Of probabilities 0 and 1. Where there are values below 0, bars begin in the middle. */
  readonly range: readonly [least: number, most: number];
};

export function Bars({ bars, range: [least, most] }: BarsProps) {
  const share = (value: number) => ((Math.min(Math.max(value, least), most) - least) / (most - least || 1)) * 100;
  return (
    <ol className="bars">
      {bars.map(({ key, label, value }) => {
        const [from, to] = [share(0), share(value)].toSorted((a, b) => a - b) as [number, number];
        return (
          <li key={key}>
            <span className="bar-label">{label}</span>
            <span className="bar-track" aria-hidden="true">
              <span style={{ left: `${from}%`, width: `${to - from}%` }} />
            </span>
            <span className="bar-number">{score(value)}</span>
          </li>
        );
      })}
    </ol>
  );
}

/** Four places, which is what float32 sums of different batches agree on. */
export function score(value: number): string {
  return value.toFixed(4);
}
