/**
 * @file The answer that start and end logits point to, as `postprocess_qa_predictions` of transformers' utils_qa.py.
 *
 * A question with a long context is asked over several windows; its candidates come from all of them. The score of "no
 * answer" is the least over windows of the first token's start + end logit: all windows have to agree.
 *
 * Dimensions: L tokens of a window.
 */
import { MetricError } from "../errors.ts";

export type AnswerWindow = {
  /** `[L]` */
  readonly startLogits: ArrayLike<number>;
  /** `[L]` */
  readonly endLogits: ArrayLike<number>;
  /** `[L, 2]`: start and end of each token in the context, in UTF-16 units; -1 for tokens outside the context. */
  readonly offsets: ArrayLike<number>;
};

export type DecodeAnswerOptions = {
  /** Candidates kept, and starts and ends tried per window. Default 20. */
  readonly nBest?: number;
  /** In tokens. Default 30. */
  readonly maxAnswerLength?: number;
  /** Whether a question may have no answer (SQuAD v2). Default false. */
  readonly allowNoAnswer?: boolean;
  /** "No answer" is predicted when its score exceeds that of the best candidate by more than this. Default 0. */
  readonly nullThreshold?: number;
};

export type AnswerCandidate = {
  /** Empty for "no answer". */
  readonly text: string;
  /** Place in the context, in UTF-16 units; `end` is exclusive. */
  readonly start: number;
  readonly end: number;
  readonly startLogit: number;
  readonly endLogit: number;
  /** Sum of the two, rounded to float32. */
  readonly score: number;
  /** Softmax of the scores over the candidates. */
  readonly probability: number;
};

export type DecodedAnswer = {
  /** The predicted text; empty for "no answer", and "empty" (utils_qa.py's word) when nothing in the context could be one. */
  readonly text: string;
  /** The best candidate with a text, also where "no answer" was preferred to it; null when there is none. */
  readonly best: AnswerCandidate | null;
  /** Best first. "No answer" is among them when it is allowed. */
  readonly candidates: readonly AnswerCandidate[];
  /** Score of "no answer" less that of `best`; null when it is not allowed, or no candidate has a text. */
  readonly nullScoreDifference: number | null;
};

/**
 * @param windows - all windows of one question, in order
 * @param context - the text that offsets point into
 * @throws MetricError when there is no window, or a window's logits and offsets do not fit together
 */
export function decodeAnswer(
  windows: readonly AnswerWindow[],
  context: string,
  options: DecodeAnswerOptions = {},
): DecodedAnswer {
  const { nBest = 20, allowNoAnswer = false, nullThreshold = 0 } = options;
  if (windows.length === 0) throw new MetricError("decodeAnswer: expected at least one window, got none");
  windows.forEach(expectFitting);
  const nullSpan = windows.map(nullSpanOf).reduce((least, span) => (span.score < least.score ? span : least));
  const spans = windows.flatMap((window) => spansOf(window, options));
  if (allowNoAnswer) spans.push(nullSpan);
  const kept = spans.toSorted((left, right) => right.score - left.score).slice(0, nBest);
  if (allowNoAnswer && !kept.some(({ start, end }) => start === 0 && end === 0)) kept.push(nullSpan);

  const found = kept.map((span) => ({ ...span, text: context.slice(span.start, span.end) }));
  if (found.length === 0 || (found.length === 1 && found[0]!.text === "")) found.unshift(noCandidate);
  const candidates = withProbabilities(found);
  const first = candidates.find(({ text }) => text !== "");
  const best = first !== undefined && first.end > first.start ? first : null;
  if (!allowNoAnswer) return { text: candidates[0]!.text, best, candidates, nullScoreDifference: null };
  if (first === undefined) return { text: "", best, candidates, nullScoreDifference: null };
  const nullScoreDifference = add(add(nullSpan.score, -first.startLogit), -first.endLogit);
  return { text: nullScoreDifference > nullThreshold ? "" : first.text, best, candidates, nullScoreDifference };
}

type Span = Omit<AnswerCandidate, "text" | "probability">;
type TextSpan = Omit<AnswerCandidate, "probability">;

const noCandidate: TextSpan = { text: "empty", start: 0, end: 0, startLogit: 0, endLogit: 0, score: 0 };

/** Logits are float32, and so are their sums there; rounding decides between candidates that are nearly equal. */
const add = (left: number, right: number): number => Math.fround(left + right);

function nullSpanOf({ startLogits, endLogits }: AnswerWindow): Span {
  const [startLogit, endLogit] = [startLogits[0]!, endLogits[0]!];
  return { start: 0, end: 0, startLogit, endLogit, score: add(startLogit, endLogit) };
}

function spansOf(window: AnswerWindow, options: DecodeAnswerOptions): Span[] {
  const { nBest = 20, maxAnswerLength = 30 } = options;
  const { startLogits, endLogits, offsets } = window;
  const inContext = (token: number) => offsets[2 * token]! >= 0;
  const spans: Span[] = [];
  const ends = largest(endLogits, nBest);
  for (const first of largest(startLogits, nBest)) {
    for (const last of ends) {
      if (!inContext(first) || !inContext(last)) continue;
      if (last < first || last - first + 1 > maxAnswerLength) continue;
      const [startLogit, endLogit] = [startLogits[first]!, endLogits[last]!];
      const [start, end] = [offsets[2 * first]!, offsets[2 * last + 1]!];
      spans.push({ start, end, startLogit, endLogit, score: add(startLogit, endLogit) });
    }
  }
  return spans;
}

/** Places of the `count` largest values, largest first; of equal ones the last comes first. */
function largest(values: ArrayLike<number>, count: number): number[] {
  const order = Array.from({ length: values.length }, (_, index) => index);
  return order.toSorted((left, right) => values[right]! - values[left]! || right - left).slice(0, count);
}

function withProbabilities(found: readonly TextSpan[]): AnswerCandidate[] {
  const highest = Math.max(...found.map(({ score }) => score));
  const weights = found.map(({ score }) => Math.exp(score - highest));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return found.map((each, index) => ({ ...each, probability: weights[index]! / sum }));
}

function expectFitting({ startLogits, endLogits, offsets }: AnswerWindow): void {
  const L = startLogits.length;
  if (L === 0 || endLogits.length !== L || offsets.length !== 2 * L) {
    throw new MetricError(
      `decodeAnswer: expected as many start logits, end logits and pairs of offsets, got ${L}, ${endLogits.length}, ${offsets.length / 2}`,
    );
  }
}
