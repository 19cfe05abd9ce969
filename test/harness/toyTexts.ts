/** @file A task that any encoder learns: which of two words a text has. Words are whole tokens of the tiny encoder's vocabulary. */
import { writeFileSync } from "node:fs";
import { seededRandom } from "./random.ts";

const words = { yes: "layers", no: "workers" } as const;
const fillers = ["stag", "cons", "of", "the", "a", "in"];

/** Two words and up to `maxMore` others that say nothing, with the given ones at random places among them. */
export function toyText(random: () => number, given: readonly string[], maxMore = 4): string {
  const below = (limit: number) => Math.floor(random() * limit);
  const text = Array.from({ length: 2 + below(maxMore + 1) }, () => fillers[below(fillers.length)]!);
  for (const word of given) text.splice(below(text.length + 1), 0, word);
  return text.join(" ");
}

/** Writes so many examples as JSONL, half of each class, texts of 3 to 12 words. */
export function writeToyTexts(path: string, numExamples: number, seed: number): void {
  const random = seededRandom(seed);
  const rows = Array.from({ length: numExamples }, (_, row) => {
    const label = row % 2 === 0 ? "yes" : "no";
    return JSON.stringify({ text: toyText(random, [words[label]], 9), label });
  });
  writeFileSync(path, `${rows.join("\n")}\n`);
}

/** Writes so many questions as JSONL: what comes after "the" in a text of a few words. */
export function writeToyQuestions(path: string, numExamples: number): void {
  const rows = Array.from({ length: numExamples }, (_, row) => {
    const answer = row % 2 === 0 ? words.yes : words.no;
    const before = `${fillers[row % 4]!} the `;
    const answers = [{ text: answer, answer_start: before.length }];
    return JSON.stringify({ question: "the of in", context: `${before}${answer} in a stag`, answers });
  });
  writeFileSync(path, `${rows.join("\n")}\n`);
}
