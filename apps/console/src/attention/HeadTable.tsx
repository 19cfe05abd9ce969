/** @file One head in words: what each token looks at most. For whoever cannot see the pictures, and for copying numbers. */
import type { AttentionToken } from "./attentionAnswer.ts";
import { placesOf, type Spans } from "./pairFilter.ts";
import { labelOf, mostSeen, weightText } from "./weights.ts";

type HeadTableProps = {
  readonly name: string;
  readonly tokens: readonly AttentionToken[];
  readonly spans: Spans;
  /** `[L, L]` */
  readonly values: Float32Array;
};

const COUNT = 5;

export function HeadTable({ name, tokens, spans, values }: HeadTableProps) {
  const { looking, seen } = spans;
  const count = Math.min(COUNT, seen.end - seen.start);
  return (
    <table className="head-table">
      <caption>What each token looks at most in {name}</caption>
      <thead>
        <tr>
          <th scope="col">token</th>
          {placesOf({ start: 1, end: count + 1 }).map((rank) => (
            <th key={rank} scope="col">
              {rank === 1 ? "most" : `${rank}.`}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {placesOf(looking).map((place) => (
          <tr key={place}>
            <th scope="row">{labelOf(tokens[place]!)}</th>
            {mostSeen(values, { place, length: tokens.length, seen, count }).map((each) => (
              <td key={each.place}>
                {labelOf(tokens[each.place]!)} <span className="muted">{weightText(each.weight)}</span>
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
