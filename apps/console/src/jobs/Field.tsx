/** @file One field of a form with its name, what it is for, and what is wrong with it. */
import { useId } from "react";

type FieldProps = {
  readonly name: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly hint?: string | undefined;
  readonly problem?: string | undefined;
  readonly placeholder?: string | undefined;
  /** With these a select, whose blank is `placeholder`. */
  readonly options?: readonly { readonly value: string; readonly title: string }[] | undefined;
  readonly inputMode?: "numeric" | "decimal" | undefined;
  /** List of suggestions. */
  readonly suggestions?: readonly string[] | undefined;
};

export function Field({
  name,
  value,
  onChange,
  hint,
  problem,
  placeholder,
  options,
  inputMode,
  suggestions,
}: FieldProps) {
  const id = useId();
  const notes = [hint === undefined ? null : `${id}-hint`, problem === undefined ? null : `${id}-problem`];
  const common = {
    id,
    value,
    "aria-invalid": problem !== undefined,
    "aria-describedby": notes.filter((note) => note !== null).join(" ") || undefined,
  };
  return (
    <div className="field">
      <label htmlFor={id}>{name}</label>
      {options === undefined ? (
        <input
          {...common}
          inputMode={inputMode}
          placeholder={placeholder}
          autoComplete="off"
          list={suggestions === undefined || suggestions.length === 0 ? undefined : `${id}-list`}
          onChange={(event) => onChange(event.target.value)}
        />
      ) : (
        <select {...common} onChange={(event) => onChange(event.target.value)}>
          {placeholder !== undefined && <option value="">{placeholder}</option>}
          {options.map((option) => (
            <option key={option.value} value={option.value}>
              {option.title}
            </option>
          ))}
        </select>
      )}
      {suggestions !== undefined && suggestions.length > 0 && (
        <datalist id={`${id}-list`}>
          {suggestions.map((each) => (
            <option key={each} value={each}>
              {each}
            </option>
          ))}
        </datalist>
      )}
      {problem !== undefined && (
        <p id={`${id}-problem`} className="is-bad note">
          {problem}
        </p>
      )}
      {hint !== undefined && (
        <p id={`${id}-hint`} className="muted note">
          {hint}
        </p>
      )}
    </div>
  );
}
