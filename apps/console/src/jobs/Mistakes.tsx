/** @file The examples that the model is most wrong about. */
import { useState } from "react";
import { clipped, shownNumber, shownValue } from "./format.ts";
import type { JobEvaluation, Said } from "./jobTypes.ts";

const PAGE = 10;
const MAX_CHARACTERS = 300;

export function Mistakes({ evaluation }: { readonly evaluation: JobEvaluation }) {
  const { mistakes, num_mistakes: total, split } = evaluation;
  const [numShown, setNumShown] = useState(PAGE);
  return (
    <div className="card">
      <h2>Worst mistakes</h2>
      {total > mistakes.length && (
        <p className="muted">
          The {mistakes.length} worst of {shownNumber(total)} on the {split} data.
        </p>
      )}
      {mistakes.length === 0 ? (
        <p className="muted">None on the {split} data.</p>
      ) : (
        <table className="stacked">
          <thead>
            <tr>
              <th scope="col">Text</th>
              <th scope="col">Expected</th>
              <th scope="col">Said</th>
              <th scope="col" className="number">
                How wrong
              </th>
            </tr>
          </thead>
          <tbody>
            {mistakes.slice(0, numShown).map(({ text, text_pair: other, line, expected, predicted, score }, place) => (
              // Texts may be there twice, and the list does not change its order.
              <tr key={place}>
                <td data-label="Text" className="break">
                  {text === null ? <span className="muted">its file was deleted</span> : clipped(text, MAX_CHARACTERS)}
                  {other !== null && <div className="muted">{clipped(other, MAX_CHARACTERS)}</div>}
                  {line !== null && <div className="muted note">line {shownNumber(line)}</div>}
                </td>
                <td data-label="Expected">{shownSaid(expected)}</td>
                <td data-label="Said">{shownSaid(predicted)}</td>
                <td data-label="How wrong" className="number">
                  {shownNumber(score)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {mistakes.length > numShown && (
        <button type="button" className="quiet" onClick={() => setNumShown(numShown + PAGE)}>
          Show more ({mistakes.length - numShown})
        </button>
      )}
    </div>
  );
}

function shownSaid(said: Said): string {
  if (typeof said === "number") return shownNumber(said);
  if (typeof said === "string") return said === "" ? "nothing" : said;
  return said.length === 0 ? "nothing" : said.map((each) => clipped(shownValue(each), MAX_CHARACTERS)).join(", ");
}
