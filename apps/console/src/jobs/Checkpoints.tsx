/** @file The checkpoints of a job that are kept; each can be asked under a name of its own. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { call } from "../api/client.ts";
import { linkTo } from "../shell/useRoute.ts";
import { Problem } from "../ui/Problem.tsx";
import { shownBytes, shownNumber } from "./format.ts";
import { jobPath } from "./jobQueries.ts";
import { isOver, type Checkpoint, type Job, type Listed } from "./jobTypes.ts";

/** A job keeps few: the best and the newest. */
const LIMIT = 100;

export function Checkpoints({ job }: { readonly job: Job }) {
  const { data, error, isPending } = useQuery({
    queryKey: ["checkpoints", job.id, job.status],
    queryFn: () => call<Listed<Checkpoint>>(`${jobPath(job.id)}/checkpoints?limit=${LIMIT}`),
    refetchInterval: isOver(job) ? false : 5000,
    placeholderData: keepPreviousData,
  });
  return (
    <div className="card">
      <h2>Checkpoints</h2>
      {error !== null && <Problem error={error} />}
      {isPending && <p className="muted">Asking…</p>}
      {data?.data.length === 0 && <p className="muted">{emptyText(job)}</p>}
      {data !== undefined && data.data.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col" className="number">
                Step
              </th>
              <th scope="col" className="number">
                Validation loss
              </th>
              <th scope="col" className="number">
                Size
              </th>
              <th scope="col">Ask it</th>
            </tr>
          </thead>
          <tbody>
            {data.data.map(({ id, step_number: step, metrics, fine_tuned_model_checkpoint: model }) => (
              <tr key={id}>
                <td className="number">{shownNumber(step)}</td>
                <td className="number">{shownNumber(metrics["valid_loss"])}</td>
                <td className="number">
                  {metrics["checkpoint_bytes"] == null ? "" : shownBytes(metrics["checkpoint_bytes"])}
                </td>
                <td>
                  <a href={linkTo(["try"], { model })} aria-label={`try the checkpoint of step ${step}`}>
                    try
                  </a>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}

function emptyText(job: Job): string {
  if (job.method.supervised.search !== undefined) return "The runs of a search have their own, which are not listed.";
  return isOver(job) ? "None is kept." : "None yet: the first is saved at an evaluation, or when you pause.";
}
