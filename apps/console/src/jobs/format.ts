/** @file Numbers, times and names as these pages show them. */

/** Four digits that count: `0.01238`, `98.53`, `3e-5`. */
export function shownNumber(value: number | null | undefined): string {
  if (value == null || Number.isNaN(value)) return "none";
  if (Number.isInteger(value)) return value.toLocaleString("en");
  const rounded = Number(value.toPrecision(4));
  return Math.abs(rounded) < 1e-3 ? rounded.toExponential().replace("e+", "e") : String(rounded);
}

export function shownBytes(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const value = bytes / 1000 ** power;
  return `${power === 0 ? value : Number(value.toPrecision(3))} ${units[power]}`;
}

/** @param unixSeconds - shown in the browser's time zone */
export function shownTime(unixSeconds: number): string {
  return new Date(unixSeconds * 1000).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" });
}

/** `valid_f1_macro` -> `validation f1 macro` */
export function metricTitle(name: string): string {
  return name
    .replace(/^train_/, "training ")
    .replace(/^valid_/, "validation ")
    .replaceAll("_", " ");
}

/** With a capital letter in front. */
export function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

/** A setting: text as it is, everything else as JSON. */
export function shownValue(value: unknown): string {
  if (value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** At most so many characters. */
export function clipped(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
