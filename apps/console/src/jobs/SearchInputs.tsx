/** @file A search of a new job: which hyper-parameters vary, over what, and how the trials are compared. */
import { Field } from "./Field.tsx";
import type { HyperparameterField } from "./hyperparameterFields.ts";
import type { FormProblems, SearchForm, VaryRow } from "./jobForm.ts";

type SearchInputsProps = {
  readonly search: SearchForm;
  readonly fields: readonly HyperparameterField[];
  readonly problems: FormProblems;
  readonly onChange: (search: SearchForm) => void;
};

const strategies = [
  { value: "grid", title: "grid: every combination" },
  { value: "random", title: "random: so many trials at random" },
  { value: "successive-halving", title: "successive halving: only the best are trained to their end" },
];
const modes = [
  { value: "values", title: "these values" },
  { value: "linear", title: "any between" },
  { value: "log", title: "any between, by decades" },
];
const firstRow: VaryRow = { name: "learning_rate", mode: "values", values: "", min: "", max: "" };

export function SearchInputs({ search, fields, problems, onChange }: SearchInputsProps) {
  const change = (given: Partial<SearchForm>) => onChange({ ...search, ...given });
  return (
    <fieldset className="card">
      <legend>
        <h2>Search</h2>
      </legend>
      <label className="choice">
        <input
          type="checkbox"
          checked={search.isOn}
          onChange={(event) =>
            change({ isOn: event.target.checked, vary: search.vary.length === 0 ? [firstRow] : search.vary })
          }
        />
        Train several times, with other settings or on other parts of the data, and keep the best model
      </label>
      {search.isOn && (
        <>
          <div className="fields">
            <Field
              name="Strategy"
              value={search.strategy}
              options={strategies}
              problem={problems["search.strategy"]}
              onChange={(strategy) => change({ strategy })}
            />
            {search.strategy !== "grid" && (
              <Field
                name="Trials"
                value={search.trials}
                placeholder="10"
                inputMode="numeric"
                problem={problems["search.trials"]}
                onChange={(trials) => change({ trials })}
              />
            )}
            {search.strategy === "successive-halving" && (
              <Field
                name="Reduction factor"
                value={search.reduction}
                placeholder="3"
                inputMode="numeric"
                hint="of so many trials one goes on, for so many times the steps"
                problem={problems["search.reduction_factor"]}
                onChange={(reduction) => change({ reduction })}
              />
            )}
            <Field
              name="Runs at a time"
              value={search.parallel}
              placeholder="as many as there are cores for"
              inputMode="numeric"
              problem={problems["search.parallel"]}
              onChange={(parallel) => change({ parallel })}
            />
            <Field
              name="Folds"
              value={search.folds}
              placeholder="none"
              inputMode="numeric"
              hint="cross-validation: each trial is trained so many times, evaluated on another part each time"
              problem={problems["search.folds"]}
              onChange={(folds) => change({ folds })}
            />
          </div>
          {search.vary.map((row, place) => (
            <VaryInputs
              // Rows have no name of their own before one is chosen.
              key={place}
              row={row}
              fields={fields}
              problem={problems[`search.space.${row.name}`]}
              onChange={(changed) => change({ vary: search.vary.with(place, changed) })}
              onRemove={() => change({ vary: search.vary.toSpliced(place, 1) })}
            />
          ))}
          {problems["search.space"] !== undefined && <p className="is-bad note">{problems["search.space"]}</p>}
          <button
            type="button"
            className="quiet"
            onClick={() => change({ vary: [...search.vary, { ...firstRow, name: "" }] })}
          >
            Vary another setting
          </button>
        </>
      )}
    </fieldset>
  );
}

type VaryInputsProps = {
  readonly row: VaryRow;
  readonly fields: readonly HyperparameterField[];
  readonly problem: string | undefined;
  readonly onChange: (row: VaryRow) => void;
  readonly onRemove: () => void;
};

function VaryInputs({ row, fields, problem, onChange, onRemove }: VaryInputsProps) {
  const kind = fields.find(({ name }) => name === row.name)?.kind;
  const separator = kind === "list" || kind === "object" ? "semicolons" : "commas";
  return (
    <div className="fields vary">
      <Field
        name="Vary"
        value={row.name}
        placeholder="choose a setting"
        options={fields.map(({ name }) => ({ value: name, title: name }))}
        problem={problem}
        onChange={(name) => onChange({ ...row, name })}
      />
      <Field
        name="Over"
        value={row.mode}
        options={modes}
        onChange={(mode) => onChange({ ...row, mode: mode as VaryRow["mode"] })}
      />
      {row.mode === "values" ? (
        <Field
          name="Values"
          value={row.values}
          hint={`separated by ${separator}, such as 1e-5, 3e-5`}
          onChange={(values) => onChange({ ...row, values })}
        />
      ) : (
        <>
          <Field name="From" value={row.min} onChange={(min) => onChange({ ...row, min })} />
          <Field name="To" value={row.max} onChange={(max) => onChange({ ...row, max })} />
        </>
      )}
      <button type="button" className="quiet" onClick={onRemove} aria-label={`do not vary ${row.name || "this"}`}>
        Remove
      </button>
    </div>
  );
}
