/**
 * @file Exact match and F1 of extracted answers, as SQuAD's evaluation scripts v1.1 and v2.0. All scores are percentages.
 *
 * v1.1: each question has an answer. v2.0: a question without gold answers is answered rightly by the empty text only.
 */
import { MetricError } from "../errors.ts";
import { quotient } from "./classScores.ts";
import { answerWords, normalizeAnswer } from "./normalizeAnswer.ts";

export type AnsweredQuestion = {
  /** The predicted text; empty for "no answer". */
  readonly prediction: string;
  /** All texts that are right; none when the question has no answer. */
  readonly answers: readonly string[];
};

export type AnswerScores = { readonly exact: number; readonly f1: number };

/** `hasAnswer` and `noAnswer` are HasAns_* and NoAns_* of the script; null when there is no such question. */
export type AnswerScoresV2 = AnswerScores & {
  readonly total: number;
  readonly hasAnswer: (AnswerScores & { readonly total: number }) | null;
  readonly noAnswer: (AnswerScores & { readonly total: number }) | null;
};

/**
 * SQuAD v1.1: the best score over the gold answers, averaged over questions.
 *
 * @returns `exact` is the script's `exact_match`; null when there are no questions
 * @throws MetricError when a question has no gold answer
 */
export function squadScores(questions: readonly AnsweredQuestion[]): AnswerScores | null {
  if (questions.length === 0) return null;
  let [exact, f1] = [0, 0];
  for (const { prediction, answers } of questions) {
    if (answers.length === 0) {
      throw new MetricError("squadScores: expected an answer for each question, got none (score with squadV2Scores)");
    }
    exact += best(answers, (answer) => exactMatch(answer, prediction));
    f1 += best(answers, (answer) => wordF1(answerWords(answer), answerWords(prediction)));
  }
  return { exact: (100 * exact) / questions.length, f1: (100 * f1) / questions.length };
}

/** SQuAD v2.0. Gold answers that normalize to nothing do not count. Null when there are no questions. */
export function squadV2Scores(questions: readonly AnsweredQuestion[]): AnswerScoresV2 | null {
  if (questions.length === 0) return null;
  const scores = questions.map(scoreV2);
  const mean = (keep: (index: number) => boolean) => {
    const kept = scores.filter((_, index) => keep(index));
    const share = (name: keyof AnswerScores) => (100 * kept.reduce((sum, each) => sum + each[name], 0)) / kept.length;
    return kept.length === 0 ? null : { exact: share("exact"), f1: share("f1"), total: kept.length };
  };
  return {
    ...mean(() => true)!,
    hasAnswer: mean((index) => questions[index]!.answers.length > 0),
    noAnswer: mean((index) => questions[index]!.answers.length === 0),
  };
}

export type NullThreshold = { readonly score: number; readonly threshold: number };

/**
 * The threshold above which "no answer" should be predicted for the best score (`find_best_thresh`).
 *
 * @param questions - with the best text of each, also where "no answer" was preferred to it
 * @param noAnswerScores - one per question; larger means that the question has no answer (decodeAnswer's `nullScoreDifference`)
 * @param metric - which score is to be the best
 * @returns `score` at that threshold; null when there are no questions
 * @throws MetricError when the lengths differ
 */
export function bestNullThreshold(
  questions: readonly AnsweredQuestion[],
  noAnswerScores: ArrayLike<number>,
  metric: keyof AnswerScores,
): NullThreshold | null {
  if (questions.length !== noAnswerScores.length) {
    throw new MetricError(
      `bestNullThreshold: expected one score per question, got ${noAnswerScores.length} for ${questions.length} questions`,
    );
  }
  if (questions.length === 0) return null;
  const order = questions.map((_, index) => index).toSorted((a, b) => noAnswerScores[a]! - noAnswerScores[b]!);
  let current = questions.filter(({ answers }) => answers.length === 0).length;
  let best = { score: current, threshold: 0 };
  for (const index of order) {
    const question = questions[index]!;
    if (question.answers.length > 0) current += scoreV2(question)[metric];
    else if (question.prediction !== "") current--;
    if (current > best.score) best = { score: current, threshold: noAnswerScores[index]! };
  }
  return { ...best, score: (100 * best.score) / questions.length };
}

function scoreV2({ prediction, answers }: AnsweredQuestion): AnswerScores {
  const gold = answers.filter((answer) => normalizeAnswer(answer) !== "");
  const accepted = gold.length === 0 ? [""] : gold;
  return {
    exact: best(accepted, (answer) => exactMatch(answer, prediction)),
    f1: best(accepted, (answer) => wordF1OrEmpty(answerWords(answer), answerWords(prediction))),
  };
}

const best = (answers: readonly string[], score: (answer: string) => number): number => Math.max(...answers.map(score));

const exactMatch = (answer: string, prediction: string): number =>
  normalizeAnswer(answer) === normalizeAnswer(prediction) ? 1 : 0;

/** As wordF1, but 1 when both are empty. */
function wordF1OrEmpty(answer: readonly string[], prediction: readonly string[]): number {
  return answer.length === 0 && prediction.length === 0 ? 1 : wordF1(answer, prediction);
}

/** F1 of the two bags of words. */
function wordF1(answer: readonly string[], prediction: readonly string[]): number {
  const left = new Map<string, number>();
  for (const word of answer) left.set(word, (left.get(word) ?? 0) + 1);
  let common = 0;
  for (const word of prediction) {
    const count = left.get(word) ?? 0;
    if (count === 0) continue;
    left.set(word, count - 1);
    common++;
  }
  return quotient(2 * common, answer.length + prediction.length);
}
