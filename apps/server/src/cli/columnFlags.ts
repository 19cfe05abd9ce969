/** @file `--column ROLE=NAME` and `--data-config`, as several commands have them. */
import { roles } from "@stagecoach/training";
import { Option } from "commander";
import { SettingsError } from "../config/loadSettings.ts";
import { repeated } from "./repeated.ts";

export function columnOption(): Option {
  return new Option(
    "--column <role=name>",
    `which column is what, several times; roles: ${roles.join(", ")}`,
  ).argParser(repeated);
}

export function dataConfigOption(): Option {
  return new Option("--data-config <name>", "of a folder: which of the data sets that its card (README.md) names");
}

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
