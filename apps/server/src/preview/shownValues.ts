/** @file Values of rows as a preview shows them: what they are, and the beginning of what is long. */

export const valueKinds = ["text", "number", "boolean", "list", "object", "empty", "mixed"] as const;
export type ValueKind = (typeof valueKinds)[number];

/** UTF-16 units of a text, and entries of a list, that are shown. */
const MAX_TEXT = 2000;
const MAX_ENTRIES = 500;

const number = /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i;

/** @param isTyped - without types, as in CSV, a column whose values all read as numbers, or as lists, has these */
export function kindOfValues(values: readonly unknown[], isTyped: boolean): ValueKind {
  const kinds = new Set(values.map((value) => kindOf(value, isTyped)).filter((kind) => kind !== "empty"));
  if (kinds.size === 0) return "empty";
  const [kind] = kinds;
  if (kinds.size === 1) return kind!;
  return isTyped ? "mixed" : "text";
}

function kindOf(value: unknown, isTyped: boolean): ValueKind {
  if (value == null) return "empty";
  if (typeof value === "number") return "number";
  if (typeof value === "boolean") return "boolean";
  if (Array.isArray(value)) return "list";
  if (typeof value !== "string") return "object";
  if (isTyped) return "text";
  const text = value.trim();
  if (text === "") return "empty";
  if (text.startsWith("[") && text.endsWith("]")) return "list";
  return number.test(text) ? "number" : "text";
}

/** Long texts and lists end with an ellipsis. */
export function shownValue(value: unknown): unknown {
  if (typeof value === "string") return value.length <= MAX_TEXT ? value : `${value.slice(0, MAX_TEXT)}…`;
  if (Array.isArray(value)) {
    const shown = value.slice(0, MAX_ENTRIES).map(shownValue);
    return value.length <= MAX_ENTRIES ? shown : [...shown, "…"];
  }
  if (typeof value !== "object" || value === null) return value;
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, shownValue(each)]));
}

const isRecord = (value: object): boolean => Object.getPrototypeOf(value) === Object.prototype;
