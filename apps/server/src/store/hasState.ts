/** @file Whether there is state, told without opening it. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { StoreOptions } from "./openStore.ts";

/** In the data folder. */
export const DATABASE_FILE = "state.db";

/** Whether a gateway has kept state here before, so that jobs may be waiting. */
export function hasState({ dataDir, databaseUrl }: StoreOptions): boolean {
  return databaseUrl !== undefined || existsSync(join(dataDir, DATABASE_FILE));
}
