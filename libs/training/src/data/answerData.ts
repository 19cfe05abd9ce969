/** @file What the metrics of question answering need beside the logits of `evaluationBatches`. */
import type { AnswerData } from "../metrics/tasks/answerMetrics.ts";
import type { EncodedExamples } from "./encodeExamples.ts";

/** Words of a window's target before its offsets (tasks/questionAnswering.ts). */
const offsetsAt = 3;

/**
 * @param examples - numbers of the windows that will be evaluated
 * @returns the questions that they are of, and the windows by their numbers (other places are empty)
 */
export function answerData({ store, questions }: EncodedExamples, examples: Int32Array): AnswerData {
  const indexOf = new Map<number, number>();
  const windows: AnswerData["windows"][number][] = [];
  for (const example of examples) {
    const { target } = store.get(example);
    const number = target[2]!;
    if (!indexOf.has(number)) indexOf.set(number, indexOf.size);
    windows[example] = { question: indexOf.get(number)!, offsets: target.subarray(offsetsAt) };
  }
  return { questions: Array.from(indexOf.keys(), (number) => questions.get(number)), windows };
}
