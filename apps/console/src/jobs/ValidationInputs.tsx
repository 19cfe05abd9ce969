/** @file On what a new job is to be evaluated while it trains. */
import { Field } from "./Field.tsx";
import { FileChoice } from "./FileChoice.tsx";
import type { FormProblems, JobForm } from "./jobForm.ts";

type ValidationInputsProps = {
  readonly form: JobForm;
  readonly problems: FormProblems;
  readonly onChange: (change: Partial<JobForm>) => void;
};

const ways = [
  { value: "split", title: "A share of the training file, which is not trained on" },
  { value: "file", title: "A file of its own" },
  { value: "none", title: "Nothing: the last step's model is kept" },
] as const;

export function ValidationInputs({ form, problems, onChange }: ValidationInputsProps) {
  const hasFolds = form.search.isOn && form.search.folds.trim() !== "";
  return (
    <fieldset className="card">
      <legend>
        <h2>Validation</h2>
      </legend>
      {hasFolds ? (
        <p className="muted">Each trial is evaluated on the folds of its search.</p>
      ) : (
        <>
          {ways.map(({ value, title }) => (
            <label key={value} className="choice">
              <input
                type="radio"
                name="validation"
                value={value}
                checked={form.validation === value}
                onChange={() => onChange({ validation: value })}
              />
              {title}
            </label>
          ))}
          {form.validation === "split" && (
            <div className="fields">
              <Field
                name="Share"
                value={form.validationShare}
                inputMode="decimal"
                hint="at most 0.5; the same examples for the same seed"
                problem={problems["hyperparameters.validation_split"]}
                onChange={(validationShare) => onChange({ validationShare })}
              />
            </div>
          )}
          {form.validation === "file" && (
            <FileChoice
              name="Validation file"
              chosen={form.validationFile}
              problem={problems["validation_file"]}
              onChoose={(validationFile) => onChange({ validationFile })}
            />
          )}
        </>
      )}
    </fieldset>
  );
}
