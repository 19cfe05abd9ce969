/** @file The text that is most like each text. */
import { useMemo } from "react";
import { score } from "../Bars.tsx";
import { Scroll } from "../../ui/Scroll.tsx";
import { entryOf, nearestOf } from "./cosines.ts";
import type { SelectionProps } from "./PcaMap.tsx";

export function Neighbours({ texts, cosines, selected, onSelect }: SelectionProps) {
  const nearest = useMemo(() => texts.map((_, row) => nearestOf(cosines, row, 1)[0]), [cosines, texts]);
  if (texts.length < 2) return <p className="card muted">Give two texts or more to compare them.</p>;
  return (
    <div className="card">
      <h2>Nearest neighbours</h2>
      <Scroll label="Nearest neighbour of each text">
        <table>
          <thead>
            <tr>
              <th>Text</th>
              <th>Nearest to it</th>
              <th className="number">Cosine</th>
            </tr>
          </thead>
          <tbody>
            {texts.map((text, row) => {
              const other = nearest[row]!;
              return (
                <tr key={row}>
                  <td>
                    <button
                      type="button"
                      className="row-choice"
                      aria-pressed={row === selected}
                      onClick={() => onSelect(row === selected ? null : row)}
                    >
                      {row + 1} {text}
                    </button>
                  </td>
                  <td>
                    {other + 1} {texts[other]}
                  </td>
                  <td className="number">{score(entryOf(cosines, row, other))}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </Scroll>
      <p className="muted">Choose a text to see it, and the three nearest to it, on the map.</p>
    </div>
  );
}
