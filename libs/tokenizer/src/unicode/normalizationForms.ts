/**
 * @file NFC, NFD, NFKC and NFKD as Rust's tokenizers computes them (Unicode 9 tables, crate
 * unicode-normalization-alignments 0.1.12), with and without the list of changes that its alignment is made of.
 *
 * The forms come from `String.prototype.normalize`; characters that Unicode 9 does not know are kept out of it. What the
 * language does not offer (canonical combining classes) is observed: normalization reorders two marks exactly when the
 * first one's class is the higher.
 */
import { inertInUnicode9 } from "./pinnedClasses.ts";

export type NormalizationForm = "NFC" | "NFD" | "NFKC" | "NFKD";

/** New text and, for each of its code points, 0 (replaces one), 1 (added), -n (replaces one and removes the n after it). */
export type TextChanges = { readonly text: string; readonly changes: readonly number[] };

const inert = new RegExp(inertInUnicode9, "v");
const inertRuns = new RegExp(`(${inertInUnicode9}+)`, "v");
// oxlint-disable-next-line no-control-regex
const ascii = /^[\0-\x7f]*$/;

/** `text` in `form`. */
export function normalizeForm(text: string, form: NormalizationForm): string {
  if (ascii.test(text)) return text;
  if (!inert.test(text)) return text.normalize(form);
  return text
    .split(inertRuns)
    .map((part, i) => (i % 2 === 0 ? part.normalize(form) : part))
    .join("");
}

/** `text` in `form` with the changes that lead there, or `undefined` when nothing changes. */
export function changesToForm(text: string, form: NormalizationForm): TextChanges | undefined {
  if (normalizeForm(text, form) === text) return undefined;
  const decomposed = decompose(text, form === "NFKC" || form === "NFKD");
  const parts = form === "NFC" || form === "NFKC" ? compose(decomposed) : decomposed;
  return { text: parts.map((part) => part.char).join(""), changes: parts.map((part) => part.change) };
}

type Part = { readonly char: string; readonly combiningClass: number; readonly change: number };

/** Full decomposition in canonical order. The sort is stable and carries each character's change along. */
function decompose(text: string, isCompatible: boolean): Part[] {
  const output: Part[] = [];
  let runStart = 0;
  const sortRun = () => {
    if (output.length - runStart > 1) {
      const run = output.slice(runStart).toSorted((a, b) => a.combiningClass - b.combiningClass);
      for (let i = 0; i < run.length; i++) output[runStart + i] = run[i];
    }
    runStart = output.length;
  };
  for (const char of text) {
    let change = 0;
    for (const part of decompositionOf(char, isCompatible)) {
      const combiningClass = combiningClassOf(part);
      if (combiningClass === 0) sortRun();
      output.push({ char: part, combiningClass, change });
      if (combiningClass === 0) runStart = output.length;
      change = 1;
    }
  }
  sortRun();
  return output;
}

/** Canonical composition (Unicode Standard Annex 15); a composed character's change is the sum of its parts' minus one for each joined. */
function compose(parts: readonly Part[]): Part[] {
  const output: Part[] = [];
  let starterAt = -1;
  let lastClass = -1;
  for (const part of parts) {
    const starter = output[starterAt];
    const composed =
      starter !== undefined && lastClass < part.combiningClass ? compositionOf(starter.char, part.char) : undefined;
    if (composed !== undefined) {
      output[starterAt] = { char: composed, combiningClass: 0, change: starter.change + part.change - 1 };
      continue;
    }
    if (part.combiningClass === 0) {
      starterAt = output.length;
      lastClass = -1;
    } else if (starter !== undefined) {
      lastClass = part.combiningClass;
    }
    output.push(part);
  }
  return output;
}

const canonicalParts = new Map<string, readonly string[]>();
const compatibleParts = new Map<string, readonly string[]>();

function decompositionOf(char: string, isCompatible: boolean): readonly string[] {
  const cache = isCompatible ? compatibleParts : canonicalParts;
  let parts = cache.get(char);
  if (parts === undefined) {
    parts = Array.from(normalizeForm(char, isCompatible ? "NFKD" : "NFD"));
    cache.set(char, parts);
  }
  return parts;
}

/** The primary composite of two characters. Nothing below U+0300 is the second half of one. */
function compositionOf(first: string, second: string): string | undefined {
  if (second < "\u0300" || inert.test(first) || inert.test(second)) return undefined;
  const both = (first + second).normalize("NFC");
  return both.length === (both.codePointAt(0)! > 0xffff ? 2 : 1) ? both : undefined;
}

/** One mark of each canonical combining class of Unicode 9, by class. */
// prettier-ignore
const classMarks = [
  [1, "\u0334"], [7, "\u093c"], [8, "\u3099"], [9, "\u094d"], [10, "\u05b0"], [11, "\u05b1"], [12, "\u05b2"],
  [13, "\u05b3"], [14, "\u05b4"], [15, "\u05b5"], [16, "\u05b6"], [17, "\u05b7"], [18, "\u05b8"], [19, "\u05b9"],
  [20, "\u05bb"], [21, "\u05bc"], [22, "\u05bd"], [23, "\u05bf"], [24, "\u05c1"], [25, "\u05c2"], [26, "\ufb1e"],
  [27, "\u064b"], [28, "\u064c"], [29, "\u064d"], [30, "\u064e"], [31, "\u064f"], [32, "\u0650"], [33, "\u0651"],
  [34, "\u0652"], [35, "\u0670"], [36, "\u0711"], [84, "\u0c55"], [91, "\u0c56"], [103, "\u0e38"], [107, "\u0e48"],
  [118, "\u0eb8"], [122, "\u0ec8"], [129, "\u0f71"], [130, "\u0f72"], [132, "\u0f74"], [202, "\u0321"], [214, "\u1dce"],
  [216, "\u031b"], [218, "\u302a"], [220, "\u0316"], [222, "\u059a"], [224, "\u302e"], [226, "\u{1d16d}"], [228, "\u05ae"],
  [230, "\u0301"], [232, "\u0315"], [233, "\u035c"], [234, "\u035d"], [240, "\u0345"],
] as const;

const combiningClasses = new Map<string, number>();

/** Canonical combining class of a character that does not decompose; 0 for what Unicode 9 does not know. */
function combiningClassOf(char: string): number {
  if (char < "\u0300") return 0;
  let combiningClass = combiningClasses.get(char);
  if (combiningClass === undefined) {
    combiningClass = observeCombiningClass(char);
    combiningClasses.set(char, combiningClass);
  }
  return combiningClass;
}

function observeCombiningClass(char: string): number {
  if (inert.test(char)) return 0;
  const movesBefore = (mark: string) => (mark + char).normalize("NFD") !== mark + char;
  const movesAfter = (mark: string) => (char + mark).normalize("NFD") !== char + mark;
  const same = classMarks.find(([, mark]) => !movesBefore(mark) && !movesAfter(mark));
  const isStarter = !movesBefore("\u0345") && !movesAfter("\u0334");
  if (same !== undefined && !isStarter) return same[0];
  if (isStarter) return 0;
  throw new Error(`internal: no combining class for U+${char.codePointAt(0)!.toString(16)}`);
}
