/** @file Small pieces that several of these pages show: a state, a progress bar, a link to a job. */
import { linkTo } from "../shell/useRoute.ts";
import { shownNumber } from "./format.ts";
import type { Job, Trial } from "./jobTypes.ts";

const signs: Readonly<Record<Job["status"] | Trial["status"], string>> = {
  queued: "…",
  waiting: "…",
  running: "▶",
  paused: "‖",
  succeeded: "✓",
  finished: "✓",
  failed: "✗",
  cancelled: "∅",
  stopped: "∅",
};

export function JobState({ status }: { readonly status: Job["status"] | Trial["status"] }) {
  return (
    <span className={`state state-${status}`}>
      <span aria-hidden="true">{signs[status]} </span>
      {status}
    </span>
  );
}

export function Progress({
  step,
  total,
  label,
}: {
  readonly step: number;
  readonly total: number;
  readonly label: string;
}) {
  const share = total === 0 ? 0 : Math.min(1, step / total);
  return (
    <div className="progress">
      <progress value={share} max={1} aria-label={label} />
      <span className="figures">
        {shownNumber(step)} / {shownNumber(total)} steps ({Math.floor(share * 100)} %)
      </span>
    </div>
  );
}

/** The model's own name where there is one, and the id. */
export function JobLink({ job }: { readonly job: Pick<Job, "id"> }) {
  return <a href={linkTo(["jobs", job.id])}>{job.id}</a>;
}
