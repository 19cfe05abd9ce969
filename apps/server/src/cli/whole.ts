/** @file Whole numbers on the command line. */
import { SettingsError } from "../config/loadSettings.ts";

/** @throws SettingsError when the text is not a whole number of at least 1 */
export function whole(flag: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new SettingsError(`${flag}: expected a whole number of at least 1, got "${text}"`);
  return value;
}
