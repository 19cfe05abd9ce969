/** @file The list of jobs, the newest first, from which some can be chosen to compare. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../api/client.ts";
import { linkTo } from "../shell/useRoute.ts";
import { Problem } from "../ui/Problem.tsx";
import { MAX_COMPARED } from "./ComparePage.tsx";
import { clipped, shownTime } from "./format.ts";
import { shownDuration } from "../ui/shownDuration.ts";
import { shareDone } from "./jobHistory.ts";
import { jobPath, trialsQuery } from "./jobQueries.ts";
import { JobLink, JobState, Progress } from "./JobState.tsx";
import { isOver, type Job, type JobEvent, type Listed, type Trial } from "./jobTypes.ts";

const PAGE = 20;
/** Of an error: the job's own page has all of it. */
const MAX_CHARACTERS = 140;

export function JobList() {
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const { data, dataUpdatedAt, error, isPending, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery({
    queryKey: ["jobs"],
    queryFn: ({ pageParam: after }) =>
      call<Listed<Job>>(`/v1/fine_tuning/jobs?limit=${PAGE}${after === "" ? "" : `&after=${after}`}`),
    initialPageParam: "",
    getNextPageParam: (last) => (last.has_more ? last.data.at(-1)?.id : undefined),
    refetchInterval: ({ state }) =>
      state.data?.pages.some((page) => page.data.some((job) => !isOver(job))) ? 2000 : 15_000,
  });
  const jobs = data?.pages.flatMap((page) => page.data) ?? [];
  const choose = (id: string, isChosen: boolean) =>
    setChosen((before) => (isChosen ? [...before, id] : before.filter((each) => each !== id)));
  return (
    <>
      <div className="row heading">
        <h1>Jobs</h1>
        <a className="button" href={linkTo(["jobs", "new"])}>
          New job
        </a>
      </div>
      {error !== null && <Problem error={error} />}
      {isPending && <p className="muted">Asking the server for its jobs…</p>}
      {data !== undefined && jobs.length === 0 && (
        <div className="card">
          <p>
            No job has run here yet. <a href={linkTo(["jobs", "new"])}>Start one</a> from a file of examples: a CSV with
            a text and a label in each row is enough.
          </p>
        </div>
      )}
      {jobs.length > 0 && (
        <>
          <CompareLine chosen={chosen} />
          <div className="card">
            <table className="stacked jobs-list">
              <thead>
                <tr>
                  <th scope="col">Compare</th>
                  <th scope="col">Job</th>
                  <th scope="col">State</th>
                  <th scope="col">Task</th>
                  <th scope="col">Model</th>
                  <th scope="col">Progress</th>
                  <th scope="col">Begun</th>
                </tr>
              </thead>
              <tbody>
                {jobs.map((job) => (
                  <JobRow
                    key={job.id}
                    job={job}
                    asOf={dataUpdatedAt / 1000}
                    isChosen={chosen.includes(job.id)}
                    isFull={chosen.length >= MAX_COMPARED}
                    onChoose={choose}
                  />
                ))}
              </tbody>
            </table>
          </div>
          {hasNextPage && (
            <button className="quiet" type="button" disabled={isFetchingNextPage} onClick={() => void fetchNextPage()}>
              {isFetchingNextPage ? "Asking for more…" : "Show older jobs"}
            </button>
          )}
        </>
      )}
    </>
  );
}

function CompareLine({ chosen }: { readonly chosen: readonly string[] }) {
  if (chosen.length < 2)
    return <p className="muted">Choose two to {MAX_COMPARED} jobs to see their curves in one figure.</p>;
  return (
    <p>
      <a className="button quiet" href={linkTo(["jobs", "compare"], { ids: chosen.join(",") })}>
        Compare {chosen.length} jobs
      </a>
    </p>
  );
}

type JobRowProps = {
  readonly job: Job;
  /** When the server said so, in Unix seconds. */
  readonly asOf: number;
  readonly isChosen: boolean;
  readonly isFull: boolean;
  readonly onChoose: (id: string, isChosen: boolean) => void;
};

function JobRow({ job, asOf, isChosen, isFull, onChoose }: JobRowProps) {
  const { search, task } = job.method.supervised;
  return (
    <tr>
      <td data-label="Compare">
        <input
          type="checkbox"
          aria-label={`compare ${job.id}`}
          checked={isChosen}
          disabled={isFull && !isChosen}
          onChange={(event) => onChoose(job.id, event.target.checked)}
        />
      </td>
      <th scope="row" data-label="Job">
        <JobLink job={job} />
        {search !== undefined && <span className="tag">search</span>}
      </th>
      <td data-label="State">
        <JobState status={job.status} />
      </td>
      <td data-label="Task">{task ?? <span className="muted">guessed when it starts</span>}</td>
      <td className="model" data-label="Model">
        {job.model}
        {job.fine_tuned_model !== null && <div className="muted">{`→ ${job.fine_tuned_model}`}</div>}
      </td>
      <td data-label="Progress">
        <RowProgress job={job} asOf={asOf} />
      </td>
      <td data-label="Begun">{job.started_at === null ? "not yet" : shownTime(job.started_at)}</td>
    </tr>
  );
}

function RowProgress({ job, asOf }: Pick<JobRowProps, "job" | "asOf">) {
  const isSearch = job.method.supervised.search !== undefined;
  const isGoingOn = job.status === "running" || job.status === "paused";
  const { data: share } = useQuery({
    queryKey: ["jobShare", job.id],
    queryFn: async () => shareDone((await call<Listed<JobEvent>>(`${jobPath(job.id)}/events?limit=20`)).data),
    enabled: isGoingOn && !isSearch,
    refetchInterval: job.status === "running" ? 2000 : false,
  });
  const { data: trials } = useQuery({ ...trialsQuery(job), enabled: isGoingOn && isSearch });
  if (job.status === "queued") return <span className="muted">waits for its turn</span>;
  if (job.error !== null) return <span className="is-bad">{clipped(job.error.message, MAX_CHARACTERS)}</span>;
  if (job.started_at !== null && job.finished_at !== null)
    return <>{`took ${shownDuration(job.finished_at - job.started_at)}`}</>;
  const left = job.estimated_finish === null ? "" : `about ${shownDuration(job.estimated_finish - asOf)} left`;
  return (
    <>
      {share != null && <Progress step={share.step} total={share.total} label={`progress of ${job.id}`} />}
      {trials !== undefined && (
        <div>
          {numOver(trials)} of {trials.length} trials are over
        </div>
      )}
      <span className="muted">{share == null && !isSearch && isGoingOn ? "before its first step" : left}</span>
    </>
  );
}

const numOver = (trials: readonly Trial[]) =>
  trials.filter(({ status }) => status === "finished" || status === "stopped" || status === "failed").length;
