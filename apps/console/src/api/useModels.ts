/** @file What `/v1/models` says of each model (docs/COMPATIBILITY.md, "What a model can be asked"). */
import { useQuery } from "@tanstack/react-query";
import { call } from "./client.ts";

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

export type UsableEntry = { readonly id: string; readonly stagecoach: Abilities };

export type ModelEntry = UsableEntry | { readonly id: string; readonly stagecoach: { readonly problem: string } };

export function useModels() {
  return useQuery({
    queryKey: ["models"],
    queryFn: () => call<{ readonly data: readonly ModelEntry[] }>("/v1/models"),
    // A server that starts says so until it serves.
    refetchInterval: ({ state }) => (state.status === "error" ? 2000 : false),
  });
}
