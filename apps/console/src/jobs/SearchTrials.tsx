/** @file The trials of a search: a table, the best first, and the server's picture of them. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Problem } from "../ui/Problem.tsx";
import { isGreaterBetter } from "./bestStep.ts";
import { metricTitle, shownNumber, shownValue } from "./format.ts";
import { trialsQuery, useTrialsPicture } from "./jobQueries.ts";
import { JobState } from "./JobState.tsx";
import { isOver, type Job, type Trial } from "./jobTypes.ts";

const PAGE = 20;

export function SearchTrials({ job }: { readonly job: Job }) {
  const { data, error } = useQuery(trialsQuery(job));
  const [numShown, setNumShown] = useState(PAGE);
  const picture = useTrialsPicture(job, (data?.length ?? 0) > 0);
  const trials = inOrder(data ?? []);
  const metric = trials.find((trial) => trial.metric !== null)?.metric ?? null;
  const names = Object.keys(trials[0]?.hyperparameters ?? {});
  const hasFolds = trials.some(({ runs }) => runs.length > 1);
  return (
    <div className="card">
      <h2>Trials</h2>
      {error !== null && <Problem error={error} />}
      {data?.length === 0 && error === null && (
        <p className="muted">{isOver(job) ? "None was made." : "They begin when the data are read."}</p>
      )}
      {trials.length > 0 && (
        <table className="stacked">
          <thead>
            <tr>
              <th scope="col" className="number">
                Trial
              </th>
              {names.map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
              <th scope="col" className="number">
                {metric === null ? "score" : metricTitle(metric)}
              </th>
              {hasFolds && (
                <th scope="col" className="number">
                  deviation
                </th>
              )}
              <th scope="col" className="number">
                Steps
              </th>
              <th scope="col">State</th>
            </tr>
          </thead>
          <tbody>
            {trials.slice(0, numShown).map((trial, rank) => (
              <tr key={trial.number}>
                <th scope="row" className="number" data-label="Trial">
                  {trial.number}
                  {rank === 0 && trial.score !== null && <span className="tag">best</span>}
                </th>
                {names.map((name) => (
                  <td key={name} data-label={name}>
                    {shownValue(trial.hyperparameters[name])}
                  </td>
                ))}
                <td className="number" data-label="Score">
                  {shownNumber(trial.score)}
                </td>
                {hasFolds && (
                  <td className="number" data-label="Deviation">
                    {shownNumber(trial.deviation)}
                  </td>
                )}
                <td className="number" data-label="Steps">
                  {shownNumber(trial.runs.reduce((sum, { step }) => sum + step, 0))}
                </td>
                <td data-label="State">
                  <JobState status={trial.status} />
                  <div className="is-bad">{trial.runs.find((run) => run.error !== null)?.error}</div>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {trials.length > numShown && (
        <button type="button" className="quiet" onClick={() => setNumShown(numShown + PAGE)}>
          Show more ({trials.length - numShown})
        </button>
      )}
      {picture.error !== null && <Problem error={picture.error} />}
      {picture.data !== undefined && (
        <img
          className="trials-picture"
          src={picture.data}
          alt="The trials' metric by step, their scores, and which ran when; the table above has the numbers."
        />
      )}
    </div>
  );
}

/** The best first, those without a score last. */
function inOrder(trials: readonly Trial[]): Trial[] {
  const worth = ({ score, metric, status }: Trial) => {
    if (score === null || metric === null || status === "failed") return -Infinity;
    return isGreaterBetter(metric) ? score : -score;
  };
  return trials.toSorted((a, b) => worth(b) - worth(a) || a.number - b.number);
}
