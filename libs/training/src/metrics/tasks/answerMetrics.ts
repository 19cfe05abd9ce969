/**
 * @file Metrics of extractive question answering: answers are decoded from all windows of a question, then compared.
 *
 * Dimensions: T packed tokens, L tokens of a window.
 */
import { decodeAnswer, type DecodeAnswerOptions } from "../../answers/decodeAnswer.ts";
import { MetricError } from "../../errors.ts";
import { bestNullThreshold, squadScores, squadV2Scores, type AnsweredQuestion } from "../answerScores.ts";
import type { EvaluatedBatch, Evaluation, MetricAccumulator, Prediction } from "./accumulator.ts";
import { finiteOrNull, RunningMean } from "../runningMean.ts";
import { logSumExp, rowsOf, type Rows } from "./rows.ts";

/** The questions behind the evaluated data, whose examples are windows. */
export type AnswerData = {
  readonly questions: readonly {
    readonly context: string;
    /** Texts that are right; none when the question has no answer. */
    readonly answers: readonly string[];
  }[];
  /** By number of the example (EvaluatedBatch.examples); places of examples that are not evaluated may be empty. */
  readonly windows: readonly {
    /** Index into `questions`. */
    readonly question: number;
    /** `[L, 2]`: start and end of each token in the context, in UTF-16 units; -1 for tokens outside the context. */
    readonly offsets: ArrayLike<number>;
  }[];
  /** `allowNoAnswer` left out: whether a question has no answer. */
  readonly decoding?: DecodeAnswerOptions;
};

type WindowLogits = { readonly start: Float32Array; readonly end: Float32Array };

/**
 * exact and f1, in percent, as SQuAD v1.1 or (where questions may have no answer) v2.0: then also those of the questions with
 * and without an answer, and the best that another threshold would give. The loss is there when batches have positions.
 */
export function answerMetrics(data: AnswerData): MetricAccumulator {
  const lacksAnswers = data.questions.some(({ answers }) => answers.length === 0);
  const allowNoAnswer = data.decoding?.allowNoAnswer ?? lacksAnswers;
  const logitsByWindow = new Map<number, WindowLogits>();
  const loss = new RunningMean();
  return {
    primary: "f1",
    add({ batch, examples }, outputs) {
      const numTokens = batch.lengths.reduce((sum, length) => sum + length, 0);
      const logits = rowsOf(outputs, "logits", numTokens);
      let row = 0;
      for (const [text, length] of batch.lengths.entries()) {
        const window = examples[text]!;
        expectWindow(data, window, length);
        logitsByWindow.set(window, {
          start: Float32Array.from({ length }, (_, token) => logits.data[2 * (row + token)]!),
          end: Float32Array.from({ length }, (_, token) => logits.data[2 * (row + token) + 1]!),
        });
        addLoss(loss, positionsOf(batch, text), { logits, row, length });
        row += length;
      }
    },
    finish() {
      const { questions, predictions, bestTexts } = decodeAll(data, logitsByWindow, allowNoAnswer);
      const metrics =
        allowNoAnswer || lacksAnswers ? metricsV2(questions, predictions, bestTexts) : metricsV1(questions);
      return { loss: loss.value, primary: "f1", metrics: { loss: loss.value, ...metrics }, predictions };
    },
  };
}

/** Questions without any evaluated window are left out. */
function decodeAll(data: AnswerData, logitsByWindow: ReadonlyMap<number, WindowLogits>, allowNoAnswer: boolean) {
  const windowsByQuestion = new Map<number, number[]>();
  for (const window of [...logitsByWindow.keys()].toSorted((left, right) => left - right)) {
    const { question } = data.windows[window]!;
    windowsByQuestion.set(question, [...(windowsByQuestion.get(question) ?? []), window]);
  }
  const questions: AnsweredQuestion[] = [];
  const bestTexts: string[] = [];
  const predictions: Extract<Prediction, { kind: "answer" }>[] = [];
  for (const [question, windows] of windowsByQuestion) {
    const { context, answers } = data.questions[question]!;
    const decoded = decodeAnswer(
      windows.map((window) => {
        const { start, end } = logitsByWindow.get(window)!;
        return { startLogits: start, endLogits: end, offsets: data.windows[window]!.offsets };
      }),
      context,
      { ...data.decoding, allowNoAnswer },
    );
    const { text, nullScoreDifference } = decoded;
    questions.push({ prediction: text, answers });
    bestTexts.push(decoded.best?.text ?? "");
    predictions.push({ kind: "answer", question, target: answers, predicted: text, nullScoreDifference });
  }
  return { questions, predictions, bestTexts };
}

function metricsV1(questions: readonly AnsweredQuestion[]): Evaluation["metrics"] {
  const scores = squadScores(questions);
  return { exact: scores?.exact ?? null, f1: scores?.f1 ?? null };
}

function metricsV2(
  questions: readonly AnsweredQuestion[],
  predictions: readonly { readonly nullScoreDifference: number | null }[],
  bestTexts: readonly string[],
): Evaluation["metrics"] {
  const scores = squadV2Scores(questions);
  const best = bestNullThreshold(
    questions.map(({ answers }, index) => ({ answers, prediction: bestTexts[index]! })),
    predictions.map(({ nullScoreDifference }) => nullScoreDifference ?? Infinity),
    "f1",
  );
  return {
    exact: scores?.exact ?? null,
    f1: scores?.f1 ?? null,
    has_answer_exact: scores?.hasAnswer?.exact ?? null,
    has_answer_f1: scores?.hasAnswer?.f1 ?? null,
    no_answer_exact: scores?.noAnswer?.exact ?? null,
    no_answer_f1: scores?.noAnswer?.f1 ?? null,
    best_f1: best?.score ?? null,
    best_f1_threshold: finiteOrNull(best?.threshold ?? NaN),
  };
}

/** Mean of the cross-entropies of start and end over the tokens of the window, as BertForQuestionAnswering. */
function addLoss(
  loss: RunningMean,
  positions: { readonly start: number; readonly end: number } | null,
  window: { readonly logits: Rows; readonly row: number; readonly length: number },
): void {
  if (positions === null) return;
  const { logits, row, length } = window;
  const at = (token: number, column: number) => logits.data[2 * (row + token) + column]!;
  const start = logSumExp(length, (token) => at(token, 0)) - at(positions.start, 0);
  const end = logSumExp(length, (token) => at(token, 1)) - at(positions.end, 1);
  loss.add((start + end) / 2);
}

function positionsOf({ targets }: EvaluatedBatch["batch"], text: number): { start: number; end: number } | null {
  const [starts, ends] = [targets["start_positions"], targets["end_positions"]];
  return starts === undefined || ends === undefined ? null : { start: starts.data[text]!, end: ends.data[text]! };
}

function expectWindow(data: AnswerData, example: number, length: number): void {
  const window = data.windows[example];
  if (window === undefined || window.offsets.length !== 2 * length || data.questions[window.question] === undefined) {
    throw new MetricError(
      `metrics: expected example ${example} to be a window of ${length} tokens, got ${window === undefined ? "none" : `one of ${window.offsets.length / 2} tokens of question ${window.question}`}`,
    );
  }
}
