/** @file What `/v1/models` says of each model (docs/COMPATIBILITY.md, "What a model can be asked"). */

export type Abilities = {
  /** What it was trained for besides vectors. */
  readonly task: string | null;
  readonly routes: readonly string[];
  readonly labels: readonly string[];
  readonly problem_type: string | null;
  readonly mask_token: string | null;
  readonly prompts: Readonly<Record<string, string>>;
  readonly default_prompt_name: string | null;
  readonly dimensions: number;
  /** In tokens, special ones included. */
  readonly max_input_length: number;
};

type UsableEntry = { readonly id: string; readonly stagecoach: Abilities };

export type ModelEntry = UsableEntry | { readonly id: string; readonly stagecoach: { readonly problem: string } };

/** A model that can be asked. */
export type UsableModel = { readonly id: string; readonly abilities: Abilities };

/** What every tab is given. */
export type TabProps = { readonly model: UsableModel };

export function isUsable(entry: ModelEntry): entry is UsableEntry {
  return "routes" in entry.stagecoach;
}
