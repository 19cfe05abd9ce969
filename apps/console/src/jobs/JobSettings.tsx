/** @file What a job was asked for, and what the server chose. */
import { shownValue } from "./format.ts";
import type { Job } from "./jobTypes.ts";

export function JobSettings({ job }: { readonly job: Job }) {
  const { hyperparameters, task, columns, stages, schedule, search } = job.method.supervised;
  const asked = {
    model: job.model,
    task,
    "training file": job.training_file,
    "validation file": job.validation_file ?? undefined,
    columns: columns === undefined ? undefined : rolesAndColumns(columns),
    stages,
    schedule,
    seed: job.seed,
    search,
  };
  const numGiven = Object.keys(hyperparameters).length;
  return (
    <div className="card">
      <h2>Settings</h2>
      <Values values={asked} />
      <details>
        <summary>Hyper-parameters ({numGiven})</summary>
        <Values values={hyperparameters} />
      </details>
    </div>
  );
}

function Values({ values }: { readonly values: Readonly<Record<string, unknown>> }) {
  const rows = Object.entries(values).filter(([, value]) => value !== undefined);
  return (
    <table className="values">
      <tbody>
        {rows.map(([name, value]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>{shownValue(value)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const rolesAndColumns = (columns: Readonly<Record<string, string>>) =>
  Object.entries(columns)
    .map(([role, column]) => `${role}: ${column}`)
    .join(", ");
