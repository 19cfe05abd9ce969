/** @file `--column ROLE=NAME`, as several commands have it. */
import { SettingsError } from "../config/loadSettings.ts";

/** @throws SettingsError */
export function columnsOf(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [role, ...name] = pair.split("=");
      if (name.length === 0)
        throw new SettingsError(`--column: expected ROLE=NAME, such as text=review, got "${pair}"`);
      return [role!, name.join("=")];
    }),
  );
}
