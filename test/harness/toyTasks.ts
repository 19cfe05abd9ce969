/** @file A few examples for every kind of head that a job can train, in words that are whole tokens of the tiny encoder's vocabulary. */
import type { TaskName } from "@stagecoach/transformer";
import { writeFileSync } from "node:fs";

type Toy = {
  readonly task: TaskName;
  /** The example with this number, from 0. */
  readonly row: (number: number) => object;
};

const fillers = ["stag", "cons", "of", "the", "a", "in"] as const;
const subjects = ["layers", "workers"] as const;

const subjectOf = (number: number) => subjects[number % 2]!;
const fillerOf = (number: number) => fillers[number % fillers.length]!;
const textOf = (number: number) => `${fillerOf(number)} the ${subjectOf(number)} in ${fillerOf(5 * number + 1)}`;
const documentOf = (number: number) => ({ sentences: [0, 1, 2, 3].map((sentence) => textOf(4 * number + sentence)) });

export const toys = {
  "sequence-classification": {
    task: "sequence-classification",
    row: (number) => ({ text: textOf(number), label: number % 2 === 0 ? "yes" : "no" }),
  },
  "multi-label": {
    task: "sequence-classification",
    row: (number) => ({ text: textOf(number), labels: [subjectOf(number), ...(number % 3 === 0 ? ["third"] : [])] }),
  },
  regression: {
    task: "sequence-classification",
    row: (number) => ({ text: textOf(number), score: (number % 2) + 0.5 }),
  },
  "re-ranking": {
    task: "sequence-classification",
    row: (number) => ({
      text: subjectOf(Math.floor(number / 2)),
      text_pair: textOf(number),
      score: number % 4 === 0 || number % 4 === 3 ? 0.9 : 0.1,
    }),
  },
  "token-classification": {
    task: "token-classification",
    row: (number) => {
      const tokens = textOf(number).split(" ");
      return { tokens, tags: tokens.map((token) => (token === subjectOf(number) ? "B-CAR" : "I-ROAD")) };
    },
  },
  "question-answering": {
    task: "question-answering",
    row: (number) => {
      const before = `${fillerOf(number)} the `;
      const answers = [{ text: subjectOf(number), answer_start: before.length }];
      return { question: "the of in", context: `${before}${subjectOf(number)} in a stag`, answers };
    },
  },
  "multiple-choice": {
    task: "multiple-choice",
    row: (number) => ({ prompt: textOf(number), choices: [...subjects, "stag"], label: number % 2 }),
  },
  "masked-lm": { task: "masked-lm", row: (number) => ({ text: textOf(number) }) },
  "next-sentence": { task: "next-sentence", row: documentOf },
  pretraining: { task: "pretraining", row: documentOf },
} as const satisfies Record<string, Toy>;

export type ToyName = keyof typeof toys;
export const toyNames = Object.keys(toys) as ToyName[];

/** Writes so many examples as JSONL. */
export function writeToy(path: string, name: ToyName, numExamples: number): void {
  const rows = Array.from({ length: numExamples }, (_, number) => JSON.stringify(toys[name].row(number)));
  writeFileSync(path, `${rows.join("\n")}\n`);
}

/** Writes so many texts, each with another one about the same thing, as JSONL. */
export function writeToyPairs(path: string, numExamples: number): void {
  const rows = Array.from({ length: numExamples }, (_, number) =>
    JSON.stringify({ anchor: textOf(number), positive: `${subjectOf(number)} ${fillerOf(7 * number)}` }),
  );
  writeFileSync(path, `${rows.join("\n")}\n`);
}
