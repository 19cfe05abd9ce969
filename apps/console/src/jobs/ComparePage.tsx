/** @file Several jobs side by side: their curves in one figure, their settings and their last numbers in tables. */
import { useQueries, useQuery, useQueryClient, type Query } from "@tanstack/react-query";
import { useState } from "react";
import { linkTo } from "../shell/useRoute.ts";
import { Problem } from "../ui/Problem.tsx";
import { bestOf, metricOfJob } from "./bestStep.ts";
import { comparedSettings, comparedValues, type ComparedRow } from "./comparison.ts";
import { metricTitle, sentence, shownNumber } from "./format.ts";
import { JobHistory } from "./jobHistory.ts";
import { historyKey, jobQuery, readHistory, trialsQuery, type ReadHistory } from "./jobQueries.ts";
import { JobLink, JobState } from "./JobState.tsx";
import type { Job, Trial } from "./jobTypes.ts";
import { colourOf, Plot, type Curve } from "./Plot.tsx";
import { Scroll } from "../ui/Scroll.tsx";

/** As many as there are colours that can be told apart. */
export const MAX_COMPARED = 6;
const READ_MS = 4000;

const nothingTold = new JobHistory();

export function ComparePage({ ids }: { readonly ids: readonly string[] }) {
  const client = useQueryClient();
  const shown = ids.slice(0, MAX_COMPARED);
  const jobs = useQueries({ queries: shown.map(jobQuery) });
  const told = useQueries({
    queries: jobs.map(({ data }, place) => ({
      queryKey: historyKey(shown[place]!),
      queryFn: () => readHistory(data!, client),
      enabled: data !== undefined,
      refetchInterval: ({ state }: Query<ReadHistory>) => (state.data?.isWhole === true ? false : READ_MS),
    })),
  });
  const compared = jobs.flatMap(({ data: job }, place) =>
    job === undefined ? [] : [{ job, history: told[place]?.data?.history ?? nothingTold }],
  );
  const errors = [...jobs, ...told].flatMap(({ error }) => (error === null ? [] : [error]));
  return (
    <>
      <p className="muted">
        <a href={linkTo(["jobs"])}>Jobs</a> / compare
      </p>
      <h1>Compare jobs</h1>
      {errors.map((error) => (
        <Problem key={String(error)} error={error} />
      ))}
      {ids.length > MAX_COMPARED && (
        <p className="is-warning">
          These are the first {MAX_COMPARED} of {ids.length}: more curves cannot be told apart.
        </p>
      )}
      {ids.length < 2 && (
        <p>
          Choose two jobs or more in <a href={linkTo(["jobs"])}>the list</a>.
        </p>
      )}
      {compared.length < shown.length && errors.length === 0 && <p className="muted">Asking for the jobs…</p>}
      {compared.length > 0 && <Comparison all={compared} />}
    </>
  );
}

type Compared = { readonly job: Job; readonly history: JobHistory };

function Comparison({ all }: { readonly all: readonly Compared[] }) {
  const jobs = all.map(({ job }) => job);
  const names = [...new Set(all.flatMap(({ history }) => history.names))];
  const [asked, setAsked] = useState("train_loss");
  const chosen = names.includes(asked) ? asked : (names[0] ?? asked);
  const curves = all.map(({ job, history }, place): Curve => ({
    label: shortName(job),
    series: history.series(chosen),
    colour: colourOf(place),
  }));
  return (
    <>
      <div className="card">
        <h2>Curves</h2>
        {names.length === 0 ? (
          <p className="muted">
            None of these jobs has told numbers of steps: searches have those of their trials, below.
          </p>
        ) : (
          <>
            <label className="inline">
              Number
              <select value={chosen} onChange={(event) => setAsked(event.target.value)}>
                {names.map((name) => (
                  <option key={name} value={name}>
                    {metricTitle(name)}
                  </option>
                ))}
              </select>
            </label>
            <Plot title={sentence(`${metricTitle(chosen)} by step`)} curves={curves} />
          </>
        )}
      </div>
      {jobs
        .filter((job) => job.method.supervised.search !== undefined)
        .map((job) => (
          <TrialCurves key={job.id} job={job} />
        ))}
      <ComparedTable title="Results" jobs={jobs} rows={results(all)} />
      <ComparedTable title="Settings" jobs={jobs} rows={comparedSettings(jobs)} />
    </>
  );
}

/** The metric of a search's trials, of the best few. */
function TrialCurves({ job }: { readonly job: Job }) {
  const { data, error } = useQuery(trialsQuery(job));
  if (error !== null) return <Problem error={error} />;
  const evaluated = (data ?? []).filter(({ runs }) => (runs[0]?.evaluations.length ?? 0) > 0);
  const [first] = evaluated;
  return (
    <div className="card">
      <h2>Trials of {shortName(job)}</h2>
      {first === undefined ? (
        <p className="muted">None has been evaluated yet.</p>
      ) : (
        <>
          <Plot
            title={sentence(`${metricTitle(first.metric ?? "score")} by step`)}
            curves={evaluated.slice(0, MAX_COMPARED).map(trialCurve)}
          />
          {evaluated.length > MAX_COMPARED && (
            <p className="muted">
              The first {MAX_COMPARED} of {evaluated.length}; <JobLink job={job} /> has a picture of all.
            </p>
          )}
        </>
      )}
    </div>
  );
}

function trialCurve({ number, runs }: Trial, place: number): Curve {
  const known = runs[0]!.evaluations.flatMap(({ step, value }) => (value === null ? [] : [{ step, value }]));
  return {
    label: `trial ${number}`,
    series: { steps: known.map(({ step }) => step), values: known.map(({ value }) => value) },
    colour: colourOf(place),
  };
}

function results(all: readonly Compared[]): ComparedRow[] {
  const values = all.map(({ job, history }): Record<string, string> => {
    const metric = metricOfJob(job, history);
    const best = metric === null ? null : bestOf(metric, history.series(metric));
    const last = history.names.filter((name) => name.startsWith("valid_") || name === "train_loss");
    return {
      "best step": best === null ? "" : shownNumber(best.step),
      ...Object.fromEntries(
        last.map((name) => {
          const { steps, values: told } = history.series(name);
          const index = best === null || name === "train_loss" ? -1 : steps.indexOf(best.step);
          return [metricTitle(name), shownNumber(told.at(index))];
        }),
      ),
    };
  });
  return comparedValues([...new Set(values.flatMap((each) => Object.keys(each)))], values);
}

type ComparedTableProps = {
  readonly title: string;
  readonly jobs: readonly Job[];
  readonly rows: readonly ComparedRow[];
};

function ComparedTable({ title, jobs, rows }: ComparedTableProps) {
  return (
    <div className="card">
      <h2>{title}</h2>
      <Scroll label={title}>
        <table>
          <thead>
            <tr>
              <th scope="col">{title === "Settings" ? "Setting" : "Number"}</th>
              {jobs.map((job) => (
                <th key={job.id} scope="col">
                  <JobLink job={job} />
                  <div>
                    <JobState status={job.status} />
                  </div>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map(({ name, values, isDifferent }) => (
              <tr key={name} className={isDifferent ? "is-different" : ""}>
                <th scope="row">
                  {name}
                  {isDifferent && <span className="tag">differs</span>}
                </th>
                {values.map((value, place) => (
                  <td key={jobs[place]!.id} className="break">
                    {value}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </div>
  );
}

/** Ids differ in their first characters after `ftjob-`. */
const shortName = ({ id }: Job) => id.slice(0, 12);
