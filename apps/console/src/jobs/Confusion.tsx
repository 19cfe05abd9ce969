/** @file What a classifier takes for what: a table of counts, darker where there are more, or of many labels the pairs that it confuses most. */
import { confusedPairs } from "./confusedPairs.ts";
import { shownNumber } from "./format.ts";
import { Scroll } from "../ui/Scroll.tsx";

type ConfusionProps = {
  readonly labels: readonly string[];
  /** Rows are what was expected, columns what the model said. */
  readonly counts: readonly (readonly number[])[];
  readonly split: string;
};

/** With more the table is wider than anybody reads. */
const MAX_LABELS = 24;
const MAX_PAIRS = 30;

export function Confusion({ labels, counts, split }: ConfusionProps) {
  const pairs = confusedPairs(labels, counts);
  const numRight = counts.reduce((sum, row, label) => sum + row[label]!, 0);
  const total = counts.flat().reduce((sum, count) => sum + count, 0);
  return (
    <div className="card">
      <h2>Confusion matrix</h2>
      <p className="muted">
        {shownNumber(numRight)} of {shownNumber(total)} examples of the {split} data have the label that was expected.
      </p>
      {labels.length <= MAX_LABELS ? (
        <Matrix labels={labels} counts={counts} />
      ) : (
        <Pairs pairs={pairs.slice(0, MAX_PAIRS)} numPairs={pairs.length} />
      )}
    </div>
  );
}

function Matrix({ labels, counts }: Pick<ConfusionProps, "labels" | "counts">) {
  return (
    <Scroll label="confusion matrix">
      <table className="confusion">
        <caption>Rows: the label expected. Columns: what the model said.</caption>
        <thead>
          <tr>
            <th scope="col" className="muted">
              expected
            </th>
            {labels.map((label) => (
              <th key={label} scope="col">
                {label}
              </th>
            ))}
            <th scope="col" className="muted">
              all
            </th>
          </tr>
        </thead>
        <tbody>
          {counts.map((row, expected) => {
            const all = row.reduce((sum, count) => sum + count, 0);
            return (
              <tr key={labels[expected]}>
                <th scope="row">{labels[expected]}</th>
                {row.map((count, predicted) => (
                  <td
                    key={labels[predicted]}
                    className={`number ${expected === predicted ? "is-right" : "is-wrong"}`}
                    style={{ "--share": all === 0 ? 0 : count / all } as React.CSSProperties}
                  >
                    {shownNumber(count)}
                  </td>
                ))}
                <td className="number muted">{shownNumber(all)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Scroll>
  );
}

type PairsProps = { readonly pairs: ReturnType<typeof confusedPairs>; readonly numPairs: number };

function Pairs({ pairs, numPairs }: PairsProps) {
  if (numPairs === 0) return <p>It confuses no two labels.</p>;
  return (
    <table>
      <caption>
        {numPairs > pairs.length
          ? `The ${pairs.length} of ${numPairs} pairs that it confuses most`
          : "What it confuses"}
      </caption>
      <thead>
        <tr>
          <th scope="col">Expected</th>
          <th scope="col">Said</th>
          <th scope="col" className="number">
            Times
          </th>
        </tr>
      </thead>
      <tbody>
        {pairs.map(({ expected, predicted, count }) => (
          <tr key={`${expected} ${predicted}`}>
            <td>{expected}</td>
            <td>{predicted}</td>
            <td className="number">{shownNumber(count)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
