/** @file The hyper-parameters of a new job: those that people change, and under "more" all others that the server knows. */
import { Field } from "./Field.tsx";
import type { HyperparameterField } from "./hyperparameterFields.ts";
import type { FormProblems, JobForm } from "./jobForm.ts";

const usual = ["n_epochs", "batch_size", "learning_rate", "max_length"];
/** They have places of their own in the form. */
const elsewhere = ["seed", "validation_split"];
/** What the task chooses is not known before the job begins. */
const BLANK = "chosen by the task";

type HyperparameterInputsProps = {
  readonly fields: readonly HyperparameterField[];
  readonly form: JobForm;
  readonly problems: FormProblems;
  readonly onChange: (change: Partial<JobForm>) => void;
};

export function HyperparameterInputs({ fields, form, problems, onChange }: HyperparameterInputsProps) {
  const input = (field: HyperparameterField) => (
    <HyperparameterInput
      key={field.name}
      field={field}
      value={form.hyperparameters[field.name] ?? ""}
      problem={problems[`hyperparameters.${field.name}`]}
      onChange={(value) => onChange({ hyperparameters: { ...form.hyperparameters, [field.name]: value } })}
    />
  );
  const others = fields.filter(({ name }) => !usual.includes(name) && !elsewhere.includes(name));
  const numSet = others.filter(({ name }) => (form.hyperparameters[name] ?? "") !== "").length;
  return (
    <fieldset className="card">
      <legend>
        <h2>Settings</h2>
      </legend>
      <div className="fields">
        {usual.flatMap((name) => fields.filter((field) => field.name === name)).map(input)}
        <Field
          name="seed"
          value={form.seed}
          placeholder="42"
          inputMode="numeric"
          hint="the same seed gives the same model, byte for byte"
          problem={problems["seed"]}
          onChange={(seed) => onChange({ seed })}
        />
        <Field
          name="stages"
          value={form.stages}
          placeholder="the server's"
          inputMode="numeric"
          hint="processes over which the layers are spread"
          problem={problems["stages"]}
          onChange={(stages) => onChange({ stages })}
        />
      </div>
      <details>
        <summary>More settings{numSet === 0 ? "" : ` (${numSet} set)`}</summary>
        <div className="fields">{others.map(input)}</div>
      </details>
    </fieldset>
  );
}

type HyperparameterInputProps = {
  readonly field: HyperparameterField;
  readonly value: string;
  readonly problem: string | undefined;
  readonly onChange: (value: string) => void;
};

function HyperparameterInput({ field, value, problem, onChange }: HyperparameterInputProps) {
  const { name, kind, description, words } = field;
  const hint = kind === "list" ? `${description}; separated by commas` : description;
  const choices = kind === "flag" ? ["true", "false"] : kind === "choice" ? words : undefined;
  return (
    <Field
      name={name}
      value={value}
      placeholder={BLANK}
      hint={hint === "" ? undefined : hint}
      problem={problem}
      options={choices?.map((each) => ({ value: each, title: each }))}
      suggestions={choices === undefined ? words : undefined}
      inputMode={kind === "integer" && words.length === 0 ? "numeric" : undefined}
      onChange={onChange}
    />
  );
}
