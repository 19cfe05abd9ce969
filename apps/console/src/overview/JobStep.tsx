/** @file The last measured step of a training job, beside what its schedule would have made of it. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../api/client.ts";
import { linkTo } from "../shell/useRoute.ts";
import { Problem } from "../ui/Problem.tsx";
import type { Job, JobTimeline, StepTimeline } from "./answers.ts";
import { milliseconds, percent } from "./figures.ts";
import { Gantt } from "./Gantt.tsx";
import { lengthOf, stepRows } from "./stepRows.ts";
import { WideTable } from "./WideTable.tsx";

/** Asks for jobs only where there are any: to ask for them makes the server open its store. */
export function JobStep({ hasJobs }: { readonly hasJobs: boolean }) {
  const [chosen, setChosen] = useState<string | null>(null);
  const jobs = useQuery({
    queryKey: ["jobs", "latest"],
    queryFn: () => call<{ readonly data: readonly Job[] }>("/v1/fine_tuning/jobs?limit=20"),
    refetchInterval: 5000,
    enabled: hasJobs,
  });
  const found = jobs.data?.data ?? [];
  const job = found.find(({ id }) => id === chosen) ?? found.find(({ status }) => status === "running") ?? found[0];
  return (
    <section className="card" aria-labelledby="training-step">
      <div className="row heading">
        <h2 id="training-step">A training step, measured and ideal</h2>
        {job !== undefined && (
          <div className="inline">
            <label htmlFor="job">Job</label>
            <select id="job" value={job.id} onChange={(event) => setChosen(event.target.value)}>
              {found.map(({ id, status, model }) => (
                <option key={id} value={id}>
                  {id} · {status} · {model}
                </option>
              ))}
            </select>
          </div>
        )}
      </div>
      {jobs.error !== null && <Problem error={jobs.error} />}
      {hasJobs && jobs.isPending && <p className="muted">Asking for the jobs…</p>}
      {(!hasJobs || (jobs.data !== undefined && job === undefined)) && (
        <p className="muted">
          No job has been started on this server. Start one at <a href={linkTo(["jobs"])}>Jobs</a>; while it trains, its
          last step is shown here.
        </p>
      )}
      {job !== undefined && <Step job={job} />}
    </section>
  );
}

function Step({ job }: { readonly job: Job }) {
  const { data, error } = useQuery({
    queryKey: ["job timeline", job.id],
    queryFn: () => call<JobTimeline>(`/v1/fine_tuning/jobs/${encodeURIComponent(job.id)}/timeline`),
    refetchInterval: job.status === "running" ? 2000 : 10_000,
  });
  if (error !== null) return <Problem error={error} />;
  if (data === undefined) return <p className="muted">Asking for its last step…</p>;
  if (data.last_step === null)
    return <p className="muted">No step of it was measured since this server has started.</p>;
  const { measured, ideal, step, schedule, num_micro_batches: count } = data.last_step;
  const to = Math.max(lengthOf(measured), lengthOf(ideal));
  const letters = "F is a forward pass, B a backward one, U the update; the number is the micro-batch's.";
  return (
    <>
      <p>
        Step {step}, schedule {schedule}, {count} micro-batches. Of its passes the stages waited for{" "}
        <strong>{percent(measured.bubble_share)}</strong> of the time; with links that take no time, and passes that all
        take the stage's mean, it would have been <strong>{percent(ideal.bubble_share)}</strong>.
      </p>
      <StepPicture title="Measured" timeline={measured} to={to} hint={letters} />
      <StepPicture title="Ideal" timeline={ideal} to={to} hint="The same passes, had no stage waited for a link." />
      <StepTable measured={measured} ideal={ideal} />
    </>
  );
}

type StepPictureProps = {
  readonly title: string;
  readonly timeline: StepTimeline;
  readonly to: number;
  readonly hint: string;
};

function StepPicture({ title, timeline, to, hint }: StepPictureProps) {
  return (
    <>
      <h3 className="step-title">
        {title}: {milliseconds(timeline.passes_ms)}, bubble {percent(timeline.bubble_share)}
      </h3>
      <Gantt label={`${title} step by stage`} rows={stepRows(timeline)} from={0} to={to} hint={hint} />
    </>
  );
}

function StepTable({ measured, ideal }: { readonly measured: StepTimeline; readonly ideal: StepTimeline }) {
  return (
    <WideTable summary="The step as a table" label="The step">
      <thead>
        <tr>
          <th>Stage</th>
          <th>Pass</th>
          <th className="number">Measured from</th>
          <th className="number">for</th>
          <th className="number">Ideal from</th>
          <th className="number">for</th>
        </tr>
      </thead>
      <tbody>
        {measured.stages.flatMap((intervals, stage) =>
          intervals.map(({ kind, micro_batch: number, start_ms: start, end_ms: end }) => {
            const other = ideal.stages[stage]?.find((each) => each.kind === kind && each.micro_batch === number);
            return (
              <tr key={`${stage} ${kind} ${number}`}>
                <td>{stage}</td>
                <td>{number === null ? kind : `${kind} ${number}`}</td>
                <td className="number">{milliseconds(start)}</td>
                <td className="number">{milliseconds(end - start)}</td>
                <td className="number">{other === undefined ? "–" : milliseconds(other.start_ms)}</td>
                <td className="number">{other === undefined ? "–" : milliseconds(other.end_ms - other.start_ms)}</td>
              </tr>
            );
          }),
        )}
      </tbody>
    </WideTable>
  );
}
