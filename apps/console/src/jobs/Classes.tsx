/** @file How well a model knows each label. */
import { shownNumber } from "./format.ts";
import type { ClassScores } from "./jobTypes.ts";

const columns = ["precision", "recall", "f1", "support"] as const;
/** Of more labels the rest can be read from the route. */
const MAX_LABELS = 200;

export function Classes({ classes }: { readonly classes: readonly ClassScores[] }) {
  return (
    <details className="card">
      <summary>Precision and recall of each label ({classes.length})</summary>
      <table>
        <thead>
          <tr>
            <th scope="col">label</th>
            {columns.map((name) => (
              <th key={name} scope="col" className="number">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {classes.slice(0, MAX_LABELS).map((scores) => (
            <tr key={scores.label}>
              <th scope="row">{scores.label}</th>
              {columns.map((name) => (
                <td key={name} className="number">
                  {shownNumber(scores[name])}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {classes.length > MAX_LABELS && <p className="muted">The first {MAX_LABELS}.</p>}
    </details>
  );
}
