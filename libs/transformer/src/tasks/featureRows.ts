/** @file Which of the encoder's rows a head reads: what is kept of a text when only the head is trained. */
import type { TaskName } from "./task.ts";

/** `first`: that of a text's first token, from which its vector is made; `all`: those of all of its tokens. */
export type FeatureRows = "first" | "all";

/** null: a text has no features that stay as they are, since its tokens are masked anew, or the task has no head to train. */
export function featureRowsOf(name: TaskName): FeatureRows | null {
  switch (name) {
    case "sequence-classification":
    case "multiple-choice":
      return "first";
    case "token-classification":
    case "question-answering":
      return "all";
    case "masked-lm":
    case "next-sentence":
    case "pretraining":
    case "sentence-embedding":
      break;
  }
  return null;
}
