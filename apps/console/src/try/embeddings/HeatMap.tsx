/** @file Cosines of all pairs as colours: a table with numbers for a few texts, a picture that is read by its rows and columns for many. */
import { useState } from "react";
import { score } from "../Bars.tsx";
import { Scroll } from "../../ui/Scroll.tsx";
import { useIsDark } from "../../ui/useIsDark.ts";
import { entryOf, rangeOf, type SquareMatrix } from "./cosines.ts";
import { colourOf, css, stretched, textColourOn } from "./colourScale.ts";
import { HeatPicture } from "./HeatPicture.tsx";

type HeatMapProps = { readonly texts: readonly string[]; readonly cosines: SquareMatrix };

/** With more, numbers have no room. */
const MOST_NUMBERS = 16;

export function HeatMap({ texts, cosines }: HeatMapProps) {
  const [isStretched, setIsStretched] = useState(false);
  const range = isStretched ? rangeOf(cosines) : ([-1, 1] as const);
  const Drawing = texts.length <= MOST_NUMBERS ? HeatTable : HeatPicture;
  return (
    <div className="card">
      <h2>Cosine similarity</h2>
      <Drawing texts={texts} cosines={cosines} range={range} />
      <Legend range={range} />
      <label className="legend-option">
        <input type="checkbox" checked={isStretched} onChange={(event) => setIsStretched(event.target.checked)} />
        Spread the colours over the values that there are
      </label>
    </div>
  );
}

export type HeatDrawingProps = HeatMapProps & { readonly range: readonly [least: number, most: number] };

function HeatTable({ texts, cosines, range }: HeatDrawingProps) {
  const scheme = useIsDark() ? "dark" : "light";
  return (
    <Scroll label="Cosine similarity of all pairs">
      <table className="heat">
        <thead>
          <tr>
            <th scope="col">Text</th>
            {texts.map((text, column) => (
              <th key={column} scope="col" title={text}>
                {column + 1}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {texts.map((text, row) => (
            <tr key={row}>
              <th scope="row" title={text}>
                <span>
                  {row + 1} {text}
                </span>
              </th>
              {texts.map((other, column) => {
                const value = entryOf(cosines, row, column);
                const colour = colourOf(stretched(value, range), scheme);
                const style = { background: css(colour), color: css(textColourOn(colour)) };
                return (
                  <td key={column} style={style} title={`${text} / ${other}: ${score(value)}`}>
                    {value.toFixed(2)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function Legend({ range }: Pick<HeatDrawingProps, "range">) {
  const scheme = useIsDark() ? "dark" : "light";
  const stops = [-1, -0.5, 0, 0.5, 1].map((value) => css(colourOf(value, scheme)));
  const [least, most] = range;
  return (
    <div className="legend">
      <span>{least.toFixed(2)}</span>
      <span className="legend-colours" style={{ background: `linear-gradient(to right, ${stops.join(", ")})` }} />
      <span>{most.toFixed(2)}</span>
    </div>
  );
}
