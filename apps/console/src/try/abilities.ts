/** @file Which models can be asked, and what. */
import type { Abilities, ModelEntry, UsableEntry } from "../api/useModels.ts";

/** A model that can be asked. */
export type UsableModel = { readonly id: string; readonly abilities: Abilities };

/** What every tab is given. */
export type TabProps = { readonly model: UsableModel };

export function isUsable(entry: ModelEntry): entry is UsableEntry {
  return "routes" in entry.stagecoach;
}
