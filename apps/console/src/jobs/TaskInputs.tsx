/** @file The task of a new job, and which column of its file has which role. */
import { Field } from "./Field.tsx";
import type { FormProblems, JobForm } from "./jobForm.ts";
import type { FilePreview } from "./jobTypes.ts";
import { roleTitles, rolesOf, taskChoices } from "./taskChoices.ts";

type TaskInputsProps = {
  readonly form: JobForm;
  readonly preview: FilePreview | undefined;
  readonly problems: FormProblems;
  readonly onChange: (change: Partial<JobForm>) => void;
};

export function TaskInputs({ form, preview, problems, onChange }: TaskInputsProps) {
  const guessed = preview?.guess.columns ?? {};
  const roles = rolesOf(form.task, form.task === (preview?.guess.task ?? "") ? guessed : {});
  const columns = preview?.columns.map(({ name }) => ({ value: name, title: name })) ?? [];
  return (
    <fieldset className="card">
      <legend>
        <h2>Task</h2>
      </legend>
      {preview !== undefined && <Guess guess={preview.guess} />}
      <Field
        name="What the model is to learn"
        value={form.task}
        placeholder="the server guesses it from the columns"
        options={Object.entries(taskChoices).map(([value, { title }]) => ({
          value,
          title: `${title}: ${value}${preview?.guess.tasks.includes(value) === true ? " (fits the columns)" : ""}`,
        }))}
        problem={problems["task"]}
        onChange={(task) => onChange({ task, columns: task === preview?.guess.task ? guessed : {} })}
      />
      {preview !== undefined && roles.length > 0 && (
        <div className="fields">
          {roles.map((role) => (
            <Field
              key={role}
              name={`${roleTitles[role] ?? role} (${role})`}
              value={form.columns[role] ?? ""}
              placeholder="found by its name"
              options={columns}
              problem={problems[`columns.${role}`]}
              onChange={(column) => onChange({ columns: { ...form.columns, [role]: column } })}
            />
          ))}
        </div>
      )}
      {problems["columns"] !== undefined && <p className="is-bad note">{problems["columns"]}</p>}
      {preview === undefined && <p className="muted">Choose a file first: its columns are offered here then.</p>}
    </fieldset>
  );
}

function Guess({ guess: { task, reason } }: Pick<FilePreview, "guess">) {
  if (task !== null) return <p className="muted">{reason}</p>;
  return (
    <>
      <p className="is-warning">
        The names of the columns do not tell the task: choose it, and say which column has which role.
      </p>
      <details>
        <summary>Which names would</summary>
        <p className="muted">{reason}</p>
      </details>
    </>
  );
}
