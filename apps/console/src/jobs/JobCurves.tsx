/** @file The curves of one job: losses, a metric of the evaluations, the learning rate, the speed. */
import { useState } from "react";
import { metricTitle, sentence, shownNumber } from "./format.ts";
import type { JobHistory } from "./jobHistory.ts";
import { isOver, type Job } from "./jobTypes.ts";
import { Plot } from "./Plot.tsx";
import { Scroll } from "../ui/Scroll.tsx";

type JobCurvesProps = {
  readonly job: Job;
  readonly history: JobHistory;
  /** By which the best step is chosen; null before the first evaluation. */
  readonly metric: string | null;
  readonly best: { readonly step: number; readonly value: number } | null;
};

/** Rows of the table beside the figures. */
const MAX_ROWS = 200;

export function JobCurves({ job, history, metric, best }: JobCurvesProps) {
  const [chosen, setChosen] = useState<string | null>(null);
  const [isLogarithmic, setIsLogarithmic] = useState(false);
  const evaluated = history.names.filter((name) => name.startsWith("valid_"));
  if (history.names.length === 0)
    return isOver(job) || job.method.supervised.search !== undefined ? null : (
      <div className="card">
        <h2>Curves</h2>
        <p className="muted">They begin with the first step: the model and the data are read before it.</p>
      </div>
    );
  const shown = chosen ?? metric ?? evaluated[0] ?? null;
  const mark = best === null ? null : { step: best.step, label: "best" };
  return (
    <div className="card">
      <div className="row heading">
        <h2>Curves</h2>
        {evaluated.length > 0 && (
          <label className="inline">
            Metric
            <select value={shown ?? ""} onChange={(event) => setChosen(event.target.value)}>
              {evaluated.map((name) => (
                <option key={name} value={name}>
                  {metricTitle(name)}
                </option>
              ))}
            </select>
          </label>
        )}
        <label className="inline">
          <input type="checkbox" checked={isLogarithmic} onChange={(event) => setIsLogarithmic(event.target.checked)} />
          loss on a logarithmic scale
        </label>
      </div>
      <div className="grid plots">
        <Plot
          title="Loss by step"
          mark={mark}
          isLogarithmic={isLogarithmic}
          curves={[
            { label: "train_loss", series: history.series("train_loss"), colour: 1 },
            ...(evaluated.includes("valid_loss")
              ? [{ label: "valid_loss", series: history.series("valid_loss"), colour: 2 }]
              : []),
          ]}
        />
        {shown !== null && (
          <Plot
            title={sentence(`${metricTitle(shown)} by step`)}
            mark={mark}
            curves={[{ label: shown, series: history.series(shown), colour: 3 }]}
          />
        )}
        <Plot
          title="Learning rate by step"
          curves={[{ label: "learning_rate", series: history.series("learning_rate"), colour: 4 }]}
        />
        <Plot
          title="Tokens per second by step"
          curves={[{ label: "tokens_per_second", series: history.series("tokens_per_second"), colour: 6 }]}
        />
      </div>
      {evaluated.length === 0 && isOver(job) && (
        <p className="muted">Nothing was evaluated on the way: the job had no data to validate on.</p>
      )}
      {shown !== null && <Evaluations history={history} names={evaluated} best={best?.step ?? null} />}
    </div>
  );
}

type EvaluationsProps = {
  readonly history: JobHistory;
  readonly names: readonly string[];
  readonly best: number | null;
};

/** The numbers behind the figures. */
function Evaluations({ history, names, best }: EvaluationsProps) {
  const columns = names.map((name) => {
    const { steps, values } = history.series(name);
    return { name, values: new Map(steps.map((step, index) => [step, values[index]!])) };
  });
  const steps = [...new Set(columns.flatMap(({ values }) => [...values.keys()]))].toSorted((a, b) => b - a);
  return (
    <details>
      <summary>Evaluations as a table ({shownNumber(steps.length)})</summary>
      <Scroll label="evaluations">
        <table>
          <thead>
            <tr>
              <th scope="col" className="number">
                step
              </th>
              {columns.map(({ name }) => (
                <th key={name} scope="col" className="number">
                  {metricTitle(name.replace("valid_", ""))}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {steps.slice(0, MAX_ROWS).map((step) => (
              <tr key={step}>
                <th scope="row" className="number">
                  {step === best ? "best: " : ""}
                  {shownNumber(step)}
                </th>
                {columns.map(({ name, values }) => (
                  <td key={name} className="number">
                    {shownNumber(values.get(step))}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      {steps.length > MAX_ROWS && <p className="muted">The newest {MAX_ROWS}; the result file has all.</p>}
    </details>
  );
}
