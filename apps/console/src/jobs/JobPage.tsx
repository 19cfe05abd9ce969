/** @file One job, as it happens and after its end. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";
import { linkTo } from "../shell/useRoute.ts";
import { Problem } from "../ui/Problem.tsx";
import { bestOf, metricOfJob } from "./bestStep.ts";
import { Checkpoints } from "./Checkpoints.tsx";
import { shownNumber, shownTime } from "./format.ts";
import { shownDuration } from "../ui/shownDuration.ts";
import { JobActions } from "./JobActions.tsx";
import { JobCurves } from "./JobCurves.tsx";
import type { JobHistory } from "./jobHistory.ts";
import { JobLog } from "./JobLog.tsx";
import { jobQuery } from "./jobQueries.ts";
import { JobResult } from "./JobResult.tsx";
import { JobSettings } from "./JobSettings.tsx";
import { JobState, Progress } from "./JobState.tsx";
import { isOver, type Job } from "./jobTypes.ts";
import { SearchTrials } from "./SearchTrials.tsx";
import type { Connection } from "./followJob.ts";
import { useJobHistory } from "./useJobHistory.ts";

export function JobPage({ id }: { readonly id: string }) {
  const queryClient = useQueryClient();
  const { data: job, error } = useQuery(jobQuery(id));
  const onNews = useCallback(() => void queryClient.invalidateQueries({ queryKey: ["job", id] }), [queryClient, id]);
  const { history, connection, error: streamError } = useJobHistory(id, onNews);
  if (job === undefined)
    return (
      <>
        <h1>Job</h1>
        {error === null ? <p className="muted">Asking the server for {id}…</p> : <Problem error={error} />}
        <p>
          <a href={linkTo(["jobs"])}>All jobs</a>
        </p>
      </>
    );
  const metric = metricOfJob(job, history);
  const best = metric === null ? null : bestOf(metric, history.series(metric));
  const { search } = job.method.supervised;
  return (
    <>
      <p className="muted">
        <a href={linkTo(["jobs"])}>Jobs</a> / {search === undefined ? "training" : "search"} of {job.model}
      </p>
      <div className="row heading">
        <h1 className="break">{job.id}</h1>
        <JobState status={job.status} />
        <JobActions job={job} />
      </div>
      {error !== null && <Problem error={error} />}
      {streamError !== null && <Problem error={streamError} />}
      {job.error !== null && (
        <div className="card" role="alert">
          <h2 className="is-bad">It failed</h2>
          <p className="is-bad">{job.error.message}</p>
          <p className="muted">
            {job.error.code}
            {job.error.param !== null && `, in ${job.error.param}`}.{" "}
            <a href={linkTo(["jobs", "new"], { like: job.id })}>Change it and try again</a>
          </p>
        </div>
      )}
      <Standing job={job} history={history} connection={connection} />
      {job.status === "succeeded" && <JobResult job={job} history={history} best={best} metric={metric} />}
      {search !== undefined && <SearchTrials job={job} />}
      <JobCurves job={job} history={history} metric={metric} best={best} />
      <div className="grid top-aligned">
        <Checkpoints job={job} />
        <JobSettings job={job} />
      </div>
      <JobLog messages={history.messages} />
    </>
  );
}

type StandingProps = { readonly job: Job; readonly history: JobHistory; readonly connection: Connection };

/** How far it is, how fast, and how long it takes. */
function Standing({ job, history, connection }: StandingProps) {
  const { progress, share } = history;
  const speed = progress?.metrics["tokens_per_second"] ?? history.last("tokens_per_second")?.value ?? null;
  const tokens = job.trained_tokens ?? progress?.trained_tokens ?? null;
  const left = job.status === "running" ? (progress?.seconds_left ?? null) : null;
  return (
    <div className="card">
      <h2>{standings[job.status]}</h2>
      {connection === "lost" && (
        <output className="is-warning">
          The connection to the server is lost: what you see may be old. Trying again…
        </output>
      )}
      {share !== null && !isOver(job) && (
        <Progress step={share.step} total={share.total} label="progress of this job" />
      )}
      <dl className="facts">
        {left !== null && <Fact name="time left" value={`about ${shownDuration(left)}`} />}
        {speed !== null && (
          <Fact name={isOver(job) ? "tokens / s, at last" : "tokens / s"} value={shownNumber(Math.round(speed))} />
        )}
        {tokens !== null && <Fact name="tokens trained on" value={shownNumber(tokens)} />}
        {job.started_at !== null && <Fact name="begun" value={shownTime(job.started_at)} />}
        {job.started_at !== null && job.finished_at !== null && (
          <Fact name="took" value={shownDuration(job.finished_at - job.started_at)} />
        )}
      </dl>
    </div>
  );
}

function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

const standings: Readonly<Record<Job["status"], string>> = {
  queued: "It waits in the queue for the jobs before it",
  running: "It is running",
  paused: "It is paused: resume it, and it goes on from its last checkpoint",
  succeeded: "It has finished",
  failed: "It has ended without a model",
  cancelled: "It was cancelled: there is no model of it",
};
