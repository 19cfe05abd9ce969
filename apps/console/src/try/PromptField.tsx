/** @file Which of a model's prompts is put before each text; nothing for a model that has none. */
import type { Abilities } from "../api/useModels.ts";

type PromptFieldProps = {
  readonly abilities: Pick<Abilities, "prompts" | "default_prompt_name">;
  /** A prompt's name; "" for what the model does unasked. */
  readonly value: string;
  readonly onChange: (name: string) => void;
};

export function PromptField({
  abilities: { prompts, default_prompt_name: unasked },
  value,
  onChange,
}: PromptFieldProps) {
  const names = Object.keys(prompts);
  if (names.length === 0) return null;
  return (
    <label>
      Prompt
      <select value={value} onChange={(event) => onChange(event.target.value)}>
        <option value="">{unasked === null ? "none" : `the model's default: ${unasked}`}</option>
        {names.map((name) => (
          <option key={name} value={name}>
            {name}: “{prompts[name]}”
          </option>
        ))}
      </select>
    </label>
  );
}
